/* log-patterns: lines in the nodes' logs that no healthy system writes: a panic, a failed
 * assertion, corruption, no memory left. A log is read line by line, in pieces of bounded length,
 * so any file will do. The patterns are POSIX extended regular expressions, without regard to case.
 */
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/elements.h"
#include "checkers/registry.h"
#include "common/clock.h"
#include "common/memory.h"

enum { LINES_TOLD = 16, TEXT_TOLD = 400, PIECE_BYTES = 1 << 16, PATTERNS_MAX = 64 };

/* Words, so that names of settings do not match: etcd lists "initial-corrupt-check" when it starts.
 */
static const struct {
    const char *name, *regex;
} defaults[] = {
    {"panic", "\\<panic(:|\\(|\\]| at | in |\"| - )|\\<kernel panic\\>|\\<PANIC\\>:|panicked at"},
    {"assertion", "assert(ion)? .*fail|\\<failed ?assert(ion)?|assertionerror"},
    {"corrupt", "\\<corrupt(ed|ion)\\>|\\<is corrupt\\>|checksum (mismatch|failed|failure)"},
    {"out of memory", "\\<out of memory\\>|cannot allocate memory|\\<std::bad_alloc\\>|"
                      "outofmemoryerror|\\<oom-kill"},
    {"crash", "segmentation fault|\\<SIG(SEGV|ABRT|BUS|ILL)\\>|"
              "terminated by signal (4|6|7|11)\\>|stack smashing|double free"},
};
enum { DEFAULT_COUNT = sizeof defaults / sizeof *defaults };

struct pattern {
    const char *name;
    regex_t compiled;
    size_t count;
};

struct patterns {
    struct pattern items[PATTERNS_MAX];
    size_t count;
    regex_t ignored; /* lines that match it are passed over */
    bool has_ignored;
};

static int compile(regex_t *compiled, const char *regex, struct rift_error *err)
{
    char why[128];
    int code = regcomp(compiled, regex, REG_EXTENDED | REG_ICASE | REG_NOSUB);
    if (code == 0)
        return 0;
    regerror(code, compiled, why, sizeof why);
    return rift_fail(err, RIFT_ERR_INVALID, "the pattern '%s': %s", regex, why);
}

static int add(struct patterns *patterns, const char *name, const char *regex,
               struct rift_error *err)
{
    if (patterns->count == PATTERNS_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "more than %d patterns", PATTERNS_MAX);
    struct pattern *pattern = &patterns->items[patterns->count];
    *pattern = (struct pattern){.name = name};
    if (compile(&pattern->compiled, regex, err) < 0)
        return -1;
    patterns->count++;
    return 0;
}

static void finish(struct patterns *patterns)
{
    for (size_t i = 0; i < patterns->count; i++)
        regfree(&patterns->items[i].compiled);
    if (patterns->has_ignored)
        regfree(&patterns->ignored);
}

static int add_given(struct patterns *patterns, const json_t *given, struct rift_error *err)
{
    size_t i;
    json_t *item;
    if (json_is_string(given))
        return add(patterns, json_string_value(given), json_string_value(given), err);
    json_array_foreach(given, i, item)
    {
        if (add(patterns, json_string_value(item), json_string_value(item), err) < 0)
            return -1;
    }
    return 0;
}

static int init(struct patterns *patterns, const json_t *options, struct rift_error *err)
{
    *patterns = (struct patterns){0};
    if (json_is_true(json_object_get(options, "defaults")))
        for (size_t i = 0; i < DEFAULT_COUNT; i++)
            if (add(patterns, defaults[i].name, defaults[i].regex, err) < 0)
                return -1;
    if (add_given(patterns, json_object_get(options, "patterns"), err) < 0)
        return -1;
    const char *ignored = json_string_value(json_object_get(options, "ignore"));
    if (!ignored || ignored[0] == '\0')
        return 0;
    patterns->has_ignored = compile(&patterns->ignored, ignored, err) == 0;
    return patterns->has_ignored ? 0 : -1;
}

/* Characters between the ends, which may hold any bytes. */
static bool matches(const regex_t *regex, const char *text, size_t length)
{
    regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)length};
    return regexec(regex, text, 1, &range, REG_STARTEND) == 0;
}

/* What of it can stand in a report: no bytes that are no text. */
static char *printable(const char *text, size_t length)
{
    size_t count = length < TEXT_TOLD ? length : TEXT_TOLD;
    char *copy = rift_malloc(count + 1);
    for (size_t i = 0; i < count; i++)
        copy[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '.';
    copy[count] = '\0';
    return copy;
}

static void judge_piece(struct patterns *patterns, const struct rift_log_file *log, size_t line,
                        const char *text, size_t length, struct rift_verdict *verdict)
{
    for (size_t i = 0; i < patterns->count; i++) {
        struct pattern *pattern = &patterns->items[i];
        if (!matches(&pattern->compiled, text, length) ||
            (patterns->has_ignored && matches(&patterns->ignored, text, length)))
            continue;
        if (pattern->count++ < LINES_TOLD) {
            CLEANUP(rift_free) char *shown = printable(text, length);
            CLEANUP(rift_free) char *name = rift_printf("log: %s", pattern->name);
            json_t *anomaly = rift_verdict_convict(verdict, name, "%s:%zu on %s: %s", log->name,
                                                   line, log->node, shown);
            json_object_set_new(anomaly, "node", json_string(log->node));
            json_object_set_new(anomaly, "file", json_string(log->name));
            json_object_set_new(anomaly, "line", json_integer((json_int_t)line));
        }
        return; /* one line is one finding */
    }
}

/* False where the file cannot be read to its end. */
static bool judge_log(struct patterns *patterns, const struct rift_log_file *log,
                      int64_t deadline_ns, size_t *lines, struct rift_verdict *verdict)
{
    FILE *file = fopen(log->path, "re");
    if (!file) {
        rift_verdict_doubt(verdict, "%s cannot be read: %s", log->name, strerror(errno));
        return false;
    }
    CLEANUP(rift_free) char *piece = rift_malloc(PIECE_BYTES);
    size_t line = 1, length = 0;
    bool is_late = false;
    for (int c; !is_late && (c = getc_unlocked(file)) != EOF;) {
        if (c != '\n')
            piece[length++] = (char)c;
        if (c != '\n' && length < PIECE_BYTES)
            continue;
        judge_piece(patterns, log, line, piece, length, verdict);
        length = 0;
        line += c == '\n';
        is_late = line % 1024 == 0 && rift_clock_now() > deadline_ns;
    }
    judge_piece(patterns, log, line, piece, length, verdict);
    bool is_broken = ferror(file) != 0;
    fclose(file);
    *lines += line - (length == 0);
    if (is_late)
        rift_verdict_doubt(verdict, "time ran out at %s:%zu", log->name, line);
    if (is_broken)
        rift_verdict_doubt(verdict, "%s cannot be read to its end", log->name);
    return !is_late && !is_broken;
}

static int check_log_patterns(const struct rift_check *check, struct rift_verdict *verdict,
                              struct rift_error *err)
{
    struct patterns patterns;
    int result = init(&patterns, check->options, err);
    int64_t deadline_ns =
        check->budget.time_ms > 0 ? rift_clock_now() + check->budget.time_ms * RIFT_MS : INT64_MAX;
    size_t lines = 0, whole = 0;
    for (size_t i = 0; i < check->log_count && result == 0; i++)
        whole += judge_log(&patterns, &check->logs[i], deadline_ns, &lines, verdict);
    if (result == 0 && check->log_count == 0)
        rift_verdict_doubt(verdict, "there are no logs: a recipe names those of its processes, and "
                                    "a history alone has none");
    element_stat_add(verdict, "files", whole);
    element_stat_add(verdict, "lines", lines);
    for (size_t i = 0; i < patterns.count; i++)
        if (patterns.items[i].count > 0)
            element_stat_add(verdict, patterns.items[i].name, patterns.items[i].count);
    finish(&patterns);
    return result;
}

static const struct rift_option options[] = {
    {.name = "patterns",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[]",
     .summary = "further ones, POSIX extended regular expressions without regard to case"},
    {.name = "defaults",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "true",
     .summary = "panic, assertion, corrupt, out of memory, crash"},
    {.name = "ignore",
     .kind = RIFT_OPTION_TEXT,
     .unit = "",
     .fallback = "",
     .summary = "lines that match this expression are passed over"},
    {.name = NULL},
};

const struct rift_checker rift_checker_log_patterns = {
    .name = "log-patterns",
    .summary = "no node's log tells of a panic, a failed assertion, corruption, no memory left",
    .options = options,
    .check = check_log_patterns,
};
