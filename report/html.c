/* report.html: one file that needs nothing else. The page's scripts draw what the data say. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"
#include "report/assets.h"
#include "report/report.h"
#include "report/run_data.h"

static void append_asset(struct rift_text *page, enum report_asset_name name)
{
    struct report_asset asset = report_asset(name);
    rift_text_append_bytes(page, asset.data, asset.size);
}

/* Inside a script element "</" would end it, whatever stands around: JSON allows "<\/". */
static void append_json(struct rift_text *page, const char *json)
{
    for (const char *c = json; *c; c++) {
        if (c[0] == '<' && (c[1] == '/' || c[1] == '!'))
            rift_text_append(page, "\\u003c");
        else
            rift_text_append_bytes(page, c, 1);
    }
}

static void build_page(struct rift_text *page, const char *json)
{
    rift_text_append(page, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                           "<meta name=\"viewport\" content=\"width=device-width\">\n"
                           "<title>Rift report</title>\n<style>\n");
    append_asset(page, REPORT_UPLOT_CSS);
    append_asset(page, REPORT_PAGE_CSS);
    rift_text_append(page, "</style></head><body><main id=\"page\"></main>\n<script>\n");
    append_asset(page, REPORT_UPLOT_JS);
    rift_text_append(page, "</script>\n<script>\nconst DATA = ");
    append_json(page, json);
    rift_text_append(page, ";\n");
    append_asset(page, REPORT_LANES_JS);
    append_asset(page, REPORT_CYCLE_JS);
    append_asset(page, REPORT_PLOTS_JS);
    append_asset(page, REPORT_PAGE_JS);
    rift_text_append(page, "</script></body></html>\n");
}

static int write_whole(const char *path, const struct rift_text *page, struct rift_error *err)
{
    CLEANUP(rift_free) char *partial = rift_printf("%s.partial", path);
    FILE *file = fopen(partial, "we");
    if (!file)
        return rift_fail_errno(err, RIFT_ERR_IO, "create '%s'", partial);
    size_t written = fwrite(page->data, 1, page->length, file);
    if (fclose(file) != 0 || written != page->length) {
        rift_fail_errno(err, RIFT_ERR_IO, "write '%s'", partial);
        unlink(partial);
        return -1;
    }
    if (rename(partial, path) != 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "rename '%s' to '%s'", partial, path);
    return 0;
}

/* Takes data over. */
static int write_page(json_t *data, const char *path, struct rift_error *err)
{
    CLEANUP(rift_free) char *json = json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(12));
    json_decref(data);
    struct rift_text page = {0};
    build_page(&page, json);
    int result = write_whole(path, &page, err);
    rift_text_finish(&page);
    return result;
}

int rift_report_write_html(const char *run_directory, struct rift_error *err)
{
    json_t *data = report_run_data(run_directory, err);
    if (!data)
        return rift_wrap(err, "report of '%s'", run_directory);
    CLEANUP(rift_free) char *path = rift_printf("%s/report.html", run_directory);
    return write_page(data, path, err);
}

int rift_report_write_history_html(const struct rift_history *history, const json_t *verdict,
                                   const char *path, struct rift_error *err)
{
    return write_page(report_history_data(history, verdict), path, err);
}
