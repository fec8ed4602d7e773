/* rift list: what this build has, and what each thing takes. All of it is printed from the tables
 * that configurations are checked against. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/models/model.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/wire/recipe.h"
#include "control/cli/catalogue.h"
#include "control/cli/commands.h"
#include "control/cli/fault_pages.h"
#include "control/cli/keys.h"
#include "history/reader.h"
#include "nemesis/grudge.h"
#include "plan/file.h"
#include "plan/options.h"
#include "plan/recipe_options.h"
#include "plan/tables.h"
#include "plan/tree.h"

enum { ROWS_MAX = 256, NAME_WIDTH = 18 };

/* One thing that can be listed. */
struct row {
    const char *name, *summary;
    const char *more; /* further lines for its own page, or NULL */
    const struct rift_option *options;
    const char *const *operations;
    const struct rift_checker_choice *checkers;
};

struct rows {
    struct row items[ROWS_MAX];
    size_t count;
    struct rift_arena arena; /* of recipes */
    struct rift_recipe *recipes[ROWS_MAX];
    size_t recipe_count;
};

static void add_row(struct rows *rows, struct row row)
{
    for (size_t i = 0; i < rows->count; i++)
        if (strcmp(rows->items[i].name, row.name) == 0)
            return;
    if (rows->count < ROWS_MAX)
        rows->items[rows->count++] = row;
}

static void add_entries(struct rows *rows, const struct rift_catalogue_entry *entry)
{
    for (; entry->name; entry++)
        add_row(rows, (struct row){.name = entry->name,
                                   .summary = entry->summary,
                                   .options = entry->options,
                                   .operations = entry->operations,
                                   .checkers = entry->checkers});
}

static void list_faults(struct rows *rows, const struct rift_catalogue *catalogue)
{
    for (size_t i = 0; catalogue->faults[i]; i++)
        add_row(rows, (struct row){.name = catalogue->faults[i]->name,
                                   .summary = catalogue->faults[i]->summary,
                                   .more = catalogue->faults[i]->effect,
                                   .options = catalogue->faults[i]->options});
}

static void list_workloads(struct rows *rows, const struct rift_catalogue *catalogue)
{
    add_entries(rows, catalogue->workloads);
}

static void list_checkers(struct rows *rows, const struct rift_catalogue *catalogue)
{
    add_entries(rows, catalogue->checkers);
}

static void list_models(struct rows *rows, const struct rift_catalogue *catalogue)
{
    (void)catalogue;
    for (size_t i = 0; rift_models[i]; i++)
        add_row(rows, (struct row){.name = rift_models[i]->name,
                                   .summary = rift_models[i]->summary,
                                   .more = rift_models[i]->operations});
}

static void list_clients(struct rows *rows, const struct rift_catalogue *catalogue)
{
    add_entries(rows, catalogue->clients);
}

static void list_partitions(struct rows *rows, const struct rift_catalogue *catalogue)
{
    (void)catalogue;
    for (size_t i = 0; rift_grudge_words[i]; i++)
        add_row(rows,
                (struct row){.name = rift_grudge_words[i], .summary = rift_grudge_summaries[i]});
}

static void list_targets(struct rows *rows, const struct rift_catalogue *catalogue)
{
    (void)catalogue;
    for (size_t i = 0; rift_target_words[i]; i++)
        add_row(rows,
                (struct row){.name = rift_target_words[i], .summary = rift_target_summaries[i]});
}

/* What a recipe says of itself; what is wrong with it, where it cannot be read. */
static struct row recipe_row(struct rows *rows, const char *path, struct rift_error *err)
{
    struct row row = {.summary = "", .more = path};
    CLEANUP(rift_free) char *text = NULL;
    size_t length = 0;
    if (rift_plan_file_read(path, &text, &length, err) != 0)
        return row;
    const struct rift_tree *tree = rift_tree_parse(&rows->arena, path, text, length, err);
    if (!tree)
        return row;
    json_t *json = rift_tree_to_json(tree);
    struct rift_recipe *recipe = rift_recipe_from_json(json, &rows->arena, err);
    json_decref(json);
    if (!recipe)
        return row;
    row.summary = recipe->summary;
    row.options = rift_recipe_option_table(recipe, &rows->arena);
    rows->recipes[rows->recipe_count++] = recipe;
    return row;
}

static void list_folder(struct rows *rows, const char *folder)
{
    struct dirent **files = NULL;
    int count = scandir(folder, &files, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        const char *file = files[i]->d_name;
        if (rift_text_ends_with(file, ".yaml") && rows->recipe_count < ROWS_MAX) {
            struct rift_error err = {.code = RIFT_ERR_NONE};
            const char *path = rift_arena_printf(&rows->arena, "%s/%s", folder, file);
            struct row row = recipe_row(rows, path, &err);
            char *name = rift_arena_strdup(&rows->arena, file);
            name[strlen(name) - strlen(".yaml")] = '\0';
            row.name = name;
            if (err.code)
                row.summary = rift_arena_strdup(&rows->arena, err.text);
            add_row(rows, row);
        }
        free(files[i]);
    }
    free(files);
}

static void list_systems(struct rows *rows, const struct rift_catalogue *catalogue)
{
    for (size_t i = 0; catalogue->system_folders[i]; i++)
        list_folder(rows, catalogue->system_folders[i]);
}

static void list_formats(struct rows *rows, const struct rift_catalogue *catalogue)
{
    (void)catalogue;
    for (const struct rift_format *format = rift_history_formats(); format->name; format++)
        add_row(rows, (struct row){.name = format->name, .summary = format->summary});
}

static const struct {
    const char *name;
    void (*list)(struct rows *rows, const struct rift_catalogue *catalogue);
} subjects[] = {
    {"faults", list_faults},       {"partitions", list_partitions}, {"targets", list_targets},
    {"workloads", list_workloads}, {"checkers", list_checkers},     {"models", list_models},
    {"clients", list_clients},     {"systems", list_systems},       {"formats", list_formats},
};

enum { SUBJECT_COUNT = sizeof subjects / sizeof subjects[0] };

static void print_options(const struct rift_option *options)
{
    for (; options && options->name; options++) {
        struct rift_text value = {0};
        rift_option_print_value(options, &value);
        printf("  %-*s %s\n  %-*s %s, %s%s\n", NAME_WIDTH, options->name, options->summary,
               NAME_WIDTH, "", value.data, options->fallback ? "default " : "required",
               !options->fallback     ? ""
               : options->fallback[0] ? options->fallback
                                      : "none");
        rift_text_finish(&value);
    }
}

static void print_row(const struct row *row)
{
    printf("%s: %s\n", row->name, row->summary);
    if (row->more)
        printf("\n%s\n", row->more);
    if (row->options && row->options->name) {
        printf("\noptions:\n");
        print_options(row->options);
    }
    if (row->operations) {
        printf("\noperations:");
        for (size_t i = 0; row->operations[i]; i++)
            printf(" %s", row->operations[i]);
        printf("\n");
    }
    for (size_t i = 0; row->checkers && row->checkers[i].name; i++)
        printf("%schecker %s %s\n", i ? "" : "\n", row->checkers[i].name,
               row->checkers[i].options ? row->checkers[i].options : "");
}

static int refuse(const char *among, const char *word, const char *const *known, size_t count)
{
    const char *nearest = rift_text_nearest(word, known, count);
    fprintf(stderr, "rift list: there is no '%s' among the %s%s%s%s; there is:", word, among,
            nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'" : "");
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%s %s", i ? "," : "", known[i]);
    fputc('\n', stderr);
    return RIFT_EXIT_USAGE;
}

static int print_rows(const struct rows *rows, const char *subject, const char *name)
{
    const char *names[ROWS_MAX];
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        names[i] = row->name;
        if (!name)
            printf("%-*s %s\n", NAME_WIDTH, row->name, row->summary);
        else if (strcmp(row->name, name) == 0) {
            print_row(row);
            return 0;
        }
    }
    return name ? refuse(subject, name, names, rows->count) : 0;
}

/* Parts of pages of docs, whole. */
static const struct {
    const char *name;
    void (*print)(struct rift_text *text);
} pages[] = {{"keys", rift_keys_print}, {"fault-pages", rift_fault_pages_print}};

enum { PAGE_COUNT = sizeof pages / sizeof pages[0] };

static int print_page(size_t page)
{
    struct rift_text text = {0};
    pages[page].print(&text);
    fputs(text.data, stdout);
    rift_text_finish(&text);
    return 0;
}

static int run_list(int argc, char **argv)
{
    const char *known[SUBJECT_COUNT + PAGE_COUNT];
    for (size_t i = 0; i < PAGE_COUNT; i++)
        known[SUBJECT_COUNT + i] = pages[i].name;
    for (size_t i = 0; i < SUBJECT_COUNT; i++)
        known[i] = subjects[i].name;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "rift list: say what: faults, partitions, targets, workloads, checkers, "
                        "models, clients, systems, formats, keys or fault-pages\n");
        return RIFT_EXIT_USAGE;
    }
    for (size_t i = 0; i < PAGE_COUNT; i++)
        if (strcmp(argv[1], pages[i].name) == 0)
            return print_page(i);
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        if (strcmp(argv[1], subjects[i].name) != 0)
            continue;
        struct rows *rows = rift_calloc(1, sizeof *rows);
        subjects[i].list(rows, rift_catalogue_of_build());
        int result = print_rows(rows, argv[1], argc > 2 ? argv[2] : NULL);
        while (rows->recipe_count > 0)
            rift_recipe_finish(rows->recipes[--rows->recipe_count]);
        rift_arena_finish(&rows->arena);
        free(rows);
        return result;
    }
    return refuse("lists", argv[1], known, SUBJECT_COUNT + PAGE_COUNT);
}

const struct rift_command rift_command_list = {
    .name = "list",
    .summary =
        "faults, partitions, targets, workloads, checkers, models, clients, systems, formats, keys",
    .help =
        "usage: rift list WHAT [NAME]\n"
        "\n"
        "WHAT is faults, partitions, targets, workloads, checkers, models, clients, systems or\n"
        "formats (of histories that can be read). With a NAME: what that one does, and its options "
        "with\n"
        "units, bounds and defaults.\n"
        "rift list keys: every key of a configuration, as docs/configuration.md has them.\n"
        "rift list fault-pages: every fault, as docs/faults.md has them.\n"
        "\n"
        "example:\n"
        "  rift list workloads\n"
        "  rift list faults kill\n",
    .run = run_list,
};
