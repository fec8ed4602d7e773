/* The files of the page, held in the program; the build hands in the folder. */
#include "report/assets.h"

#include "common/embed.h"

RIFT_EMBED(report_page_css, REPORT_FOLDER "/page/page.css");
RIFT_EMBED(report_page_js, REPORT_FOLDER "/page/page.js");
RIFT_EMBED(report_lanes_js, REPORT_FOLDER "/page/lanes.js");
RIFT_EMBED(report_cycle_js, REPORT_FOLDER "/page/cycle.js");
RIFT_EMBED(report_plots_js, REPORT_FOLDER "/page/plots.js");
RIFT_EMBED(report_uplot_css, REPORT_FOLDER "/vendor/uplot/uPlot.min.css");
RIFT_EMBED(report_uplot_js, REPORT_FOLDER "/vendor/uplot/uPlot.iife.min.js");

struct report_asset report_asset(enum report_asset_name name)
{
    static const struct {
        const char *begin, *end;
    } assets[] = {
        [REPORT_PAGE_CSS] = {report_page_css_begin, report_page_css_end},
        [REPORT_PAGE_JS] = {report_page_js_begin, report_page_js_end},
        [REPORT_LANES_JS] = {report_lanes_js_begin, report_lanes_js_end},
        [REPORT_CYCLE_JS] = {report_cycle_js_begin, report_cycle_js_end},
        [REPORT_PLOTS_JS] = {report_plots_js_begin, report_plots_js_end},
        [REPORT_UPLOT_CSS] = {report_uplot_css_begin, report_uplot_css_end},
        [REPORT_UPLOT_JS] = {report_uplot_js_begin, report_uplot_js_end},
    };
    return (struct report_asset){assets[name].begin,
                                 (size_t)(assets[name].end - assets[name].begin)};
}
