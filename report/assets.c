/* Each file becomes bytes of this object through the assembler's .incbin; the build hands in the
 * folder and lists the files as dependencies. */
#include "report/assets.h"

#define EMBED(symbol, path)                                                                        \
    __asm__(".section .rodata\n"                                                                   \
            ".global " #symbol "_begin\n" #symbol "_begin:\n"                                      \
            ".incbin \"" REPORT_FOLDER "/" path "\"\n"                                             \
            ".global " #symbol "_end\n" #symbol "_end:\n"                                          \
            ".byte 0\n.previous\n");                                                               \
    extern const char symbol##_begin[], symbol##_end[]

EMBED(report_page_css, "page/page.css");
EMBED(report_page_js, "page/page.js");
EMBED(report_lanes_js, "page/lanes.js");
EMBED(report_plots_js, "page/plots.js");
EMBED(report_uplot_css, "vendor/uplot/uPlot.min.css");
EMBED(report_uplot_js, "vendor/uplot/uPlot.iife.min.js");

struct report_asset report_asset(enum report_asset_name name)
{
    static const struct {
        const char *begin, *end;
    } assets[] = {
        [REPORT_PAGE_CSS] = {report_page_css_begin, report_page_css_end},
        [REPORT_PAGE_JS] = {report_page_js_begin, report_page_js_end},
        [REPORT_LANES_JS] = {report_lanes_js_begin, report_lanes_js_end},
        [REPORT_PLOTS_JS] = {report_plots_js_begin, report_plots_js_end},
        [REPORT_UPLOT_CSS] = {report_uplot_css_begin, report_uplot_css_end},
        [REPORT_UPLOT_JS] = {report_uplot_js_begin, report_uplot_js_end},
    };
    return (struct report_asset){assets[name].begin,
                                 (size_t)(assets[name].end - assets[name].begin)};
}
