/* The files of the page (style, scripts, the plot library), held in the program. */
#ifndef REPORT_ASSETS_H
#define REPORT_ASSETS_H

#include <stddef.h>

struct report_asset {
    const char *data;
    size_t size;
};

enum report_asset_name {
    REPORT_PAGE_CSS,
    REPORT_PAGE_JS,
    REPORT_LANES_JS,
    REPORT_CYCLE_JS,
    REPORT_PLOTS_JS,
    REPORT_UPLOT_CSS,
    REPORT_UPLOT_JS,
};

struct report_asset report_asset(enum report_asset_name name);

#endif
