/* rift convert: a history in another format, from a run, or from another tool's file. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"
#include "control/cli/commands.h"
#include "history/export/export.h"
#include "history/reader.h"

struct conversion {
    const char *input, *output;
    const char *format; /* to write */
    struct rift_read_options reading;
};

static int refuse(const char *text)
{
    fprintf(stderr, "rift convert: %s; rift convert --help shows how\n", text);
    return RIFT_EXIT_USAGE;
}

/* The format of the output: as asked, or as its name ends, or EDN for the terminal. */
static const char *output_format(const struct conversion *conversion)
{
    const char *names[8];
    size_t count = 0;
    for (const struct rift_export_format *f = rift_export_formats; f->name; f++) {
        names[count++] = f->name;
        if (conversion->format ? strcmp(conversion->format, f->name) == 0
                               : rift_text_ends_with(conversion->output, f->suffix))
            return f->name;
    }
    if (!conversion->format && strcmp(conversion->output, "-") == 0)
        return "edn";
    const char *nearest =
        conversion->format ? rift_text_nearest(conversion->format, names, count) : NULL;
    if (nearest)
        fprintf(stderr, "rift convert: there is no format '%s', did you mean '%s'?\n",
                conversion->format, nearest);
    else
        fprintf(stderr, "rift convert: which format? --format edn, jsonl or rift\n");
    return NULL;
}

static int write_history(const struct rift_history *history, const struct conversion *conversion,
                         const char *format, struct rift_error *err)
{
    if (strcmp(conversion->output, "-") == 0)
        return rift_history_export_fd(history, format, STDOUT_FILENO, err);
    return rift_history_export(history, format, conversion->output, err);
}

static int convert(const struct conversion *conversion)
{
    struct rift_error err = {0};
    const char *format = output_format(conversion);
    if (!format)
        return RIFT_EXIT_USAGE;
    struct rift_history *history = rift_history_read(conversion->input, &conversion->reading, &err);
    int failed = history ? write_history(history, conversion, format, &err) : -1;
    if (failed)
        fprintf(stderr, "rift convert: %s\n", err.text);
    if (!failed && history->is_truncated) {
        CLEANUP(rift_text_finish) struct rift_text reach = {0};
        rift_history_append_reach(history, &reach);
        fprintf(stderr, "rift convert: %s was cut off, as by a kill; %s\n", conversion->input,
                reach.data);
    }
    if (!failed && strcmp(format, "rift") != 0 && rift_history_lacks_times(history))
        fprintf(stderr,
                "rift convert: %s does not say in which order its sessions ran; the lines of the "
                "output do, so judge them with other tools at levels without real time only\n",
                conversion->input);
    rift_history_destroy(history);
    if (!failed)
        return 0;
    return err.code == RIFT_ERR_INVALID || err.code == RIFT_ERR_MISSING ||
                   err.code == RIFT_ERR_CONFLICT
               ? RIFT_EXIT_USAGE
               : RIFT_EXIT_HARNESS;
}

static int run_convert(int argc, char **argv)
{
    enum { FORMAT = 1, FROM, KEYED };
    static const struct option known[] = {
        {"format", required_argument, NULL, FORMAT},
        {"from", required_argument, NULL, FROM},
        {"keyed", no_argument, NULL, KEYED},
        {NULL, 0, NULL, 0},
    };
    struct conversion conversion = {.output = "-"};
    opterr = 0;
    for (int choice; (choice = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (choice == FORMAT)
            conversion.format = optarg;
        else if (choice == FROM)
            conversion.reading.format = optarg;
        else if (choice == KEYED)
            conversion.reading.is_keyed = true;
        else
            return refuse("an option that there is not, or without its value");
    }
    if (argc - optind < 1 || argc - optind > 2)
        return refuse("one input and at most one output");
    conversion.input = argv[optind];
    if (argc - optind == 2)
        conversion.output = argv[optind + 1];
    return convert(&conversion);
}

const struct rift_command rift_command_convert = {
    .name = "convert",
    .summary = "write a history in another format: EDN, JSON lines, our own",
    .help =
        "usage: rift convert RUN|FILE [OUT|-] [--format edn|jsonl|rift] [--from FORMAT] [--keyed]\n"
        "\n"
        "Reads a run directory, or a history in any format that Rift knows, and writes it for\n"
        "other tools. Without OUT, or with -, it goes to the standard output. OUT must not exist\n"
        "yet.\n"
        "\n"
        "  --format F   edn (Jepsen's history.edn), jsonl or rift; default: as OUT is named\n"
        "  --from F     the format of the input, where its content does not tell\n"
        "  --keyed      values of the input are [key value], as Jepsen's independent tuples\n"
        "\n"
        "examples: rift convert runs/latest history.edn\n"
        "          rift convert etcd_001.log --format jsonl | head\n",
    .run = run_convert,
};
