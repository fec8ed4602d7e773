/* Most grudges are components: sets of nodes that hear each other and nobody else. The shapes are
 * those of the field (jepsen's nemesis namespace); the code is our own. */
#include "nemesis/grudge.h"

#include <string.h>

const char *const rift_grudge_words[] = {
    "halves",           "isolate-one", "minority", "minority-third",
    "majorities-ring",  "bridge",      "one-way",  "isolate-primary",
    "primary-minority", "isolate-all", NULL,
};

const char *const rift_grudge_summaries[] = {
    "two random halves; the smaller has n / 2 nodes",
    "one random node alone",
    "the largest minority against the rest",
    "(n - 1) / 3 nodes, at least one, against the rest",
    "every node sees a majority, no two see the same one",
    "two halves, and one node that sees both",
    "a random minority is deaf, or is heard by nobody else",
    "every node that says it leads, alone; one at random where none does",
    "a node that leads, with a minority, against the rest",
    "nobody sees anybody",
};

/* A grudge in the making: the nodes in random order. */
struct sketch {
    const struct rift_cluster *cluster;
    struct rift_rng *rng;
    uint16_t order[RIFT_NODES_MAX];
    size_t n;
};

bool rift_grudge_is_dropped(const struct rift_grudge *grudge, size_t source, size_t destination)
{
    return rift_node_set_has(&grudge->drops[destination], source);
}

size_t rift_grudge_cut_count(const struct rift_grudge *grudge)
{
    size_t count = 0;
    for (size_t i = 0; i < grudge->node_count; i++)
        count += rift_node_set_count(&grudge->drops[i]);
    return count;
}

void rift_grudge_from_components(struct rift_grudge *grudge, size_t node_count,
                                 const struct rift_node_set *components, size_t component_count)
{
    memset(grudge, 0, sizeof *grudge);
    grudge->node_count = node_count;
    for (size_t to = 0; to < node_count; to++) {
        struct rift_node_set heard = {0};
        rift_node_set_add(&heard, to);
        for (size_t c = 0; c < component_count; c++)
            for (size_t i = 0; rift_node_set_has(&components[c], to) && i < node_count; i++)
                if (rift_node_set_has(&components[c], i))
                    rift_node_set_add(&heard, i);
        for (size_t from = 0; from < node_count; from++)
            if (!rift_node_set_has(&heard, from))
                rift_node_set_add(&grudge->drops[to], from);
    }
}

/* The nodes at [first, end) of the random order. */
static struct rift_node_set sketch_slice(const struct sketch *sketch, size_t first, size_t end)
{
    struct rift_node_set set = {0};
    for (size_t i = first; i < end; i++)
        rift_node_set_add(&set, sketch->order[i]);
    return set;
}

/* The first size nodes of the random order against the rest. */
static void split_at(const struct sketch *sketch, size_t size, struct rift_grudge *grudge)
{
    struct rift_node_set sides[2] = {sketch_slice(sketch, 0, size),
                                     sketch_slice(sketch, size, sketch->n)};
    rift_grudge_from_components(grudge, sketch->n, sides, 2);
}

/* Nodes in a circle, each hears r neighbours on either side, the least r that gives a majority. The
 * links work both ways, as one-way links carry no TCP. Of three nodes the circle would be complete,
 * so it is cut open: a-b-c. */
static void majorities_ring(const struct sketch *sketch, struct rift_grudge *grudge)
{
    size_t n = sketch->n;
    size_t radius = (n / 2 + 1) / 2;
    struct rift_node_set pairs[RIFT_NODES_MAX];
    if (n == 3) {
        pairs[0] = sketch_slice(sketch, 0, 2);
        pairs[1] = sketch_slice(sketch, 1, 3);
        rift_grudge_from_components(grudge, n, pairs, 2);
        return;
    }
    memset(grudge, 0, sizeof *grudge);
    grudge->node_count = n;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            size_t ahead = (j + n - i) % n;
            size_t distance = ahead < n - ahead ? ahead : n - ahead;
            if (distance > radius)
                rift_node_set_add(&grudge->drops[sketch->order[i]], sketch->order[j]);
        }
    }
}

static void bridge(const struct sketch *sketch, struct rift_grudge *grudge)
{
    size_t half = (sketch->n - 1) / 2;
    struct rift_node_set sides[2] = {sketch_slice(sketch, 0, half + 1),
                                     sketch_slice(sketch, half, sketch->n)};
    rift_grudge_from_components(grudge, sketch->n, sides, 2);
}

static void one_way(const struct sketch *sketch, struct rift_grudge *grudge)
{
    bool is_deaf = rift_rng_below(sketch->rng, 2) == 0;
    size_t size = sketch->n > 2 ? (sketch->n - 1) / 2 : 1;
    struct rift_grudge both;
    split_at(sketch, size, &both);
    struct rift_node_set few = sketch_slice(sketch, 0, size);
    *grudge = both;
    for (size_t i = 0; i < sketch->n; i++)
        if (rift_node_set_has(&few, i) != is_deaf)
            grudge->drops[i] = (struct rift_node_set){0};
}

/* The primaries in front of the random order; where none is known the order stays as it is and its
 * first node stands in. Returns how many there are. */
static size_t primaries_first(struct sketch *sketch, bool *is_guess)
{
    size_t count = 0;
    for (size_t i = 0; i < sketch->n; i++) {
        uint16_t node = sketch->order[i];
        if (!rift_node_set_has(&sketch->cluster->primaries, node))
            continue;
        sketch->order[i] = sketch->order[count];
        sketch->order[count++] = node;
    }
    *is_guess = count == 0;
    return count ? count : 1;
}

static void isolate_first(const struct sketch *sketch, size_t count, struct rift_grudge *grudge)
{
    struct rift_node_set rest = sketch_slice(sketch, count, sketch->n);
    rift_grudge_from_components(grudge, sketch->n, &rest, 1);
}

static int need_nodes(size_t needed, enum rift_grudge_kind kind, size_t n, struct rift_error *err)
{
    if (n >= needed && n <= RIFT_NODES_MAX)
        return 0;
    return rift_fail(err, RIFT_ERR_INVALID, "partition '%s' needs %zu to %d nodes, there are %zu",
                     rift_grudge_words[kind], needed, RIFT_NODES_MAX, n);
}

int rift_grudge_resolve(enum rift_grudge_kind kind, const struct rift_cluster *cluster,
                        struct rift_rng *rng, struct rift_grudge *grudge, bool *is_guess,
                        struct rift_error *err)
{
    struct sketch sketch = {.cluster = cluster, .rng = rng, .n = cluster->node_count};
    bool needs_three = kind == RIFT_GRUDGE_MAJORITIES_RING || kind == RIFT_GRUDGE_BRIDGE;
    size_t n = sketch.n;
    if (need_nodes(needs_three ? 3 : 2, kind, n, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        sketch.order[i] = (uint16_t)i;
    rift_rng_shuffle(rng, sketch.order, n, sizeof sketch.order[0]);
    *is_guess = false;
    size_t minority = n > 2 ? (n - 1) / 2 : 1;
    size_t third = n > 3 ? (n - 1) / 3 : 1;
    switch (kind) {
    case RIFT_GRUDGE_HALVES:
        split_at(&sketch, n / 2, grudge);
        break;
    case RIFT_GRUDGE_ISOLATE_ONE:
        split_at(&sketch, 1, grudge);
        break;
    case RIFT_GRUDGE_MINORITY:
        split_at(&sketch, minority, grudge);
        break;
    case RIFT_GRUDGE_MINORITY_THIRD:
        split_at(&sketch, third, grudge);
        break;
    case RIFT_GRUDGE_MAJORITIES_RING:
        majorities_ring(&sketch, grudge);
        break;
    case RIFT_GRUDGE_BRIDGE:
        bridge(&sketch, grudge);
        break;
    case RIFT_GRUDGE_ONE_WAY:
        one_way(&sketch, grudge);
        break;
    case RIFT_GRUDGE_ISOLATE_PRIMARY:
        isolate_first(&sketch, primaries_first(&sketch, is_guess), grudge);
        break;
    case RIFT_GRUDGE_PRIMARY_MINORITY:
        primaries_first(&sketch, is_guess);
        split_at(&sketch, minority, grudge);
        break;
    case RIFT_GRUDGE_ISOLATE_ALL:
        isolate_first(&sketch, n, grudge);
        break;
    case RIFT_GRUDGE_EXPLICIT:
        return rift_fail(err, RIFT_ERR_INVALID, "an explicit grudge needs no resolving");
    }
    return 0;
}

json_t *rift_grudge_to_json(const struct rift_grudge *grudge, const char *const *names)
{
    json_t *json = json_object();
    for (size_t to = 0; to < grudge->node_count; to++) {
        if (rift_node_set_count(&grudge->drops[to]) == 0)
            continue;
        json_t *sources = json_array();
        for (size_t from = 0; from < grudge->node_count; from++)
            if (rift_grudge_is_dropped(grudge, from, to))
                json_array_append_new(sources, json_string(names[from]));
        json_object_set_new(json, names[to], sources);
    }
    return json;
}

static int find_node(const char *name, const char *const *names, size_t node_count, size_t *node,
                     struct rift_error *err)
{
    for (*node = 0; name && *node < node_count; (*node)++)
        if (strcmp(names[*node], name) == 0)
            return 0;
    const char *nearest = name ? rift_text_nearest(name, names, node_count) : NULL;
    return rift_fail(err, RIFT_ERR_INVALID, "there is no node '%s'%s%s%s", name ? name : "?",
                     nearest ? ", did you mean '" : "", nearest ? nearest : "",
                     nearest ? "'?" : "");
}

int rift_grudge_from_json(struct rift_grudge *grudge, const json_t *json, const char *const *names,
                          size_t node_count, struct rift_error *err)
{
    memset(grudge, 0, sizeof *grudge);
    grudge->node_count = node_count;
    if (!json_is_object(json))
        return rift_fail(err, RIFT_ERR_INVALID,
                         "a grudge maps a node to the list of nodes whose packets it drops");
    const char *name;
    const json_t *sources;
    json_object_foreach((json_t *)json, name, sources)
    {
        size_t to, i;
        if (find_node(name, names, node_count, &to, err) != 0)
            return -1;
        if (!json_is_array(sources))
            return rift_fail(err, RIFT_ERR_INVALID, "what node '%s' drops is not a list of nodes",
                             name);
        const json_t *source;
        json_array_foreach(sources, i, source)
        {
            size_t from;
            if (find_node(json_string_value(source), names, node_count, &from, err) != 0)
                return -1;
            if (from == to)
                return rift_fail(err, RIFT_ERR_INVALID, "node '%s' cannot be cut from itself",
                                 name);
            rift_node_set_add(&grudge->drops[to], from);
        }
    }
    return 0;
}
