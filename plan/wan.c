/* Half a round trip is the way of a packet from one region to another. A frozen plan has the links
 * themselves and needs the file no more. */
#include "plan/wan.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "plan/file.h"

enum { REGIONS_MAX = 64, MATRICES_MAX = 64, LINK_OPTIONS_MAX = 64 };

struct matrix {
    const char *path;
    const struct rift_tree *tree;
    size_t count;
    const char *regions[REGIONS_MAX + 1];
    double trip_ms[REGIONS_MAX][REGIONS_MAX], loss_percent[REGIONS_MAX][REGIONS_MAX];
};

static const char ending[] = ".yaml";

/* Adds the names of the matrices in the folder. */
static void list_matrices(struct rift_plan_reader *reader, const char *folder,
                          const char *names[MATRICES_MAX], size_t *count)
{
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && *count < MATRICES_MAX && (entry = readdir(entries));) {
        if (!rift_text_ends_with(entry->d_name, ending))
            continue;
        const char *name = rift_arena_printf(
            reader->arena, "%.*s", (int)(strlen(entry->d_name) - strlen(ending)), entry->d_name);
        size_t i = 0;
        while (i < *count && strcmp(names[i], name) != 0) /* which another folder has as well */
            i++;
        names[i] = name;
        *count += i == *count;
    }
    if (entries)
        closedir(entries);
}

/* A name stands for a file beside the folders of recipes. NULL after a problem. */
static const char *find_matrix(struct rift_plan_reader *reader, const char *name,
                               const struct rift_tree *place)
{
    if (strchr(name, '/') || rift_text_ends_with(name, ending))
        return rift_plan_path(reader, name);
    const char *names[MATRICES_MAX] = {NULL};
    size_t count = 0;
    const char *const *folder = reader->catalogue->system_folders;
    for (; folder && *folder; folder++) {
        const char *beside = rift_arena_printf(reader->arena, "%s/../wan", *folder);
        const char *path = rift_arena_printf(reader->arena, "%s/%s%s", beside, name, ending);
        if (access(path, F_OK) == 0)
            return path;
        list_matrices(reader, beside, names, &count);
    }
    rift_problem_unknown(&reader->problems, place, "matrix", name, names, count);
    return NULL;
}

static bool read_number(const struct rift_tree *node, double maximum, double *number)
{
    json_t *value = node && node->kind == RIFT_TREE_SCALAR
                        ? rift_scalar_to_json(node->text, node->is_plain)
                        : NULL;
    *number = json_number_value(value);
    bool is_fine = json_is_number(value) && *number >= 0 && *number <= maximum;
    json_decref(value);
    return is_fine;
}

static bool read_rows(struct rift_plan_reader *reader, const struct matrix *matrix,
                      const struct rift_tree *rows, double maximum,
                      double numbers[REGIONS_MAX][REGIONS_MAX])
{
    const struct rift_tree *wrong = rows ? rows : matrix->tree;
    if (!rows || rows->kind != RIFT_TREE_LIST || rows->count != matrix->count)
        goto refuse;
    for (size_t i = 0; i < rows->count; i++) {
        wrong = rows->items[i];
        if (wrong->kind != RIFT_TREE_LIST || wrong->count != matrix->count)
            goto refuse;
        for (size_t j = 0; j < matrix->count; j++) {
            wrong = rows->items[i]->items[j];
            if (!read_number(wrong, maximum, &numbers[i][j]))
                goto refuse;
            wrong = rows->items[i];
        }
    }
    return true;
refuse:
    rift_problem_add(&reader->problems, wrong,
                     "a matrix must have %zu rows of %zu numbers from 0 to %g, one for each region",
                     matrix->count, matrix->count, maximum);
    return false;
}

static bool read_regions(struct rift_plan_reader *reader, struct matrix *matrix)
{
    const struct rift_tree *list = rift_tree_get(matrix->tree, "regions");
    bool is_list =
        list && list->kind == RIFT_TREE_LIST && list->count > 0 && list->count <= REGIONS_MAX;
    for (size_t i = 0; is_list && i < list->count; i++) {
        is_list = list->items[i]->kind == RIFT_TREE_SCALAR;
        if (is_list)
            matrix->regions[matrix->count++] = list->items[i]->text;
    }
    if (!is_list)
        rift_problem_add(&reader->problems, list ? list : matrix->tree,
                         "regions must be a list of 1 to %d names", REGIONS_MAX);
    return is_list;
}

static bool read_matrix_file(struct rift_plan_reader *reader, struct matrix *matrix)
{
    struct rift_error err;
    char *text;
    size_t length;
    if (rift_plan_file_read(matrix->path, &text, &length, &err) != 0) {
        rift_problem_add(&reader->problems, NULL, "%s", err.text);
        return false;
    }
    matrix->tree = rift_tree_parse(reader->arena, matrix->path, text, length, &err);
    free(text);
    if (!matrix->tree) {
        rift_problem_add(&reader->problems, NULL, "%s", err.text);
        return false;
    }
    if (!read_regions(reader, matrix) ||
        !read_rows(reader, matrix, rift_tree_get(matrix->tree, "round_trip_ms"), 1e6,
                   matrix->trip_ms))
        return false;
    const struct rift_tree *loss = rift_tree_get(matrix->tree, "loss_percent");
    double same = 0;
    if (loss && !read_number(loss, 100, &same))
        return read_rows(reader, matrix, loss, 100, matrix->loss_percent);
    for (size_t i = 0; i < matrix->count; i++)
        for (size_t j = 0; j < matrix->count; j++)
            matrix->loss_percent[i][j] = same;
    return true;
}

static bool find_region(struct rift_plan_reader *reader, const struct matrix *matrix,
                        const json_t *value, const struct rift_tree *place, size_t *region)
{
    CLEANUP(rift_free) char *dumped = json_dumps(value, JSON_ENCODE_ANY);
    const char *word = json_is_string(value) ? json_string_value(value) : dumped;
    for (*region = 0; word && *region < matrix->count; ++*region)
        if (strcmp(matrix->regions[*region], word) == 0)
            return true;
    rift_problem_unknown(&reader->problems, place, "region", word ? word : "", matrix->regions,
                         matrix->count);
    return false;
}

/* By name, or in turn: of the given list, or of all. */
static bool place_nodes(struct rift_plan_reader *reader, const struct matrix *matrix,
                        const json_t *given, const struct rift_tree *place, size_t *region_of)
{
    const struct rift_plan *plan = reader->plan;
    if (given && !json_is_object(given) && json_array_size(given) == 0) {
        rift_problem_add(&reader->problems, place,
                         "'regions' must be a list of regions, or a region for each node");
        return false;
    }
    for (size_t i = 0; i < plan->host_count; i++) {
        const json_t *word = json_is_object(given)
                                 ? json_object_get(given, plan->host_names[i])
                                 : json_array_get(given, i % (json_array_size(given) + !given));
        region_of[i] = i % matrix->count;
        if (json_is_object(given) && !word) {
            rift_problem_add(&reader->problems, place, "'regions' has none for the node '%s'",
                             plan->host_names[i]);
            return false;
        }
        if (given && !find_region(reader, matrix, word, place, &region_of[i]))
            return false;
    }
    return true;
}

static json_t *link_figures(const struct matrix *matrix, const json_t *options, size_t from,
                            size_t to)
{
    double scale = json_number_value(json_object_get(options, "scale_percent")) / 100;
    double jitter = json_number_value(json_object_get(options, "jitter_percent")) / 100;
    double delay_ms = round(matrix->trip_ms[from][to] / 2 * scale * 1000) / 1000;
    return json_pack("{s:f, s:f, s:f}", "delay_ms", delay_ms, "jitter_ms",
                     floor(delay_ms * jitter * 1000) / 1000, "loss_percent",
                     matrix->loss_percent[from][to]);
}

/* One link's options are numbers and words of the fault link, within their bounds. */
static bool check_link(struct rift_plan_reader *reader, const json_t *link,
                       const struct rift_tree *place)
{
    const char *name, *names[LINK_OPTIONS_MAX];
    const json_t *value;
    json_object_foreach((json_t *)link, name, value)
    {
        const struct rift_option *option = rift_fault_find("link")->options;
        size_t count = 0;
        for (; option->name && strcmp(option->name, name) != 0; option++)
            names[count++] = option->name;
        double number = json_number_value(value);
        if (!option->name) {
            rift_problem_unknown(&reader->problems, place, "option of link", name, names, count);
            return false;
        }
        if (option->maximum > option->minimum &&
            (!json_is_number(value) || number < option->minimum || number > option->maximum)) {
            rift_problem_add(&reader->problems, place,
                             "'%s' in 'links' must be a number from %g to %g", name,
                             option->minimum, option->maximum);
            return false;
        }
    }
    return true;
}

static bool is_host(struct rift_plan_reader *reader, const char *name,
                    const struct rift_tree *place)
{
    const struct rift_plan *plan = reader->plan;
    for (size_t i = 0; i < plan->host_count; i++)
        if (strcmp(plan->host_names[i], name) == 0)
            return true;
    rift_problem_unknown(&reader->problems, place, "node", name,
                         (const char *const *)plan->host_names, plan->host_count);
    return false;
}

/* What a person, or a frozen plan, says of each link. */
static void check_links(struct rift_plan_reader *reader, const json_t *links,
                        const struct rift_tree *place)
{
    const char *from, *to;
    const json_t *row, *link;
    if (!json_is_object(links))
        rift_problem_add(&reader->problems, place,
                         "'links' must be options for each link: {n1: {n2: {delay_ms: 40}}}");
    json_object_foreach((json_t *)links, from, row)
    {
        if (!is_host(reader, from, place))
            return;
        if (!json_is_object(row)) {
            rift_problem_add(&reader->problems, place,
                             "'links' of '%s' must be options for each link: {n2: {delay_ms: 40}}",
                             from);
            return;
        }
        json_object_foreach((json_t *)row, to, link) if (!is_host(reader, to, place) ||
                                                         !check_link(reader, link, place)) return;
    }
}

void rift_plan_read_wan(struct rift_plan_reader *reader, json_t *options,
                        const struct rift_tree *place)
{
    const char *name = json_string_value(json_object_get(options, "matrix"));
    const json_t *links_given = json_object_get(options, "links");
    if (links_given)
        check_links(reader, links_given, place);
    if (links_given || !name)
        return;
    CLEANUP(rift_free) struct matrix *matrix = rift_calloc(1, sizeof *matrix);
    matrix->path = find_matrix(reader, name, place);
    if (!matrix->path)
        return;
    const char *config = reader->problems.path;
    reader->problems.path = matrix->path;
    bool is_read = read_matrix_file(reader, matrix);
    reader->problems.path = config;
    const struct rift_plan *plan = reader->plan;
    size_t region_of[RIFT_NODES_MAX];
    if (!is_read ||
        !place_nodes(reader, matrix, json_object_get(options, "regions"), place, region_of))
        return;
    json_t *links = json_object();
    for (size_t from = 0; from < plan->host_count; from++) {
        json_t *row = json_object();
        for (size_t to = 0; to < plan->host_count; to++)
            if (to != from)
                json_object_set_new(row, plan->host_names[to],
                                    link_figures(matrix, options, region_of[from], region_of[to]));
        json_object_set_new(links, plan->host_names[from], row);
    }
    json_object_set_new(options, "links", links);
}
