/* Hosts without SSH. Answers come at once on the caller's thread; a silent host lets its callers
 * wait for their deadline, on a thread of its own. */
#include "tests/lib/fake_nodes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "control/remote/node.h"

struct fake_world fake_world;

struct rift_node {
    unsigned number;
    char name[16], address[16];
};

struct silence {
    unsigned node;
    bool is_inject;
    int64_t until_ns;
    rift_node_done *done;
    void *context;
};

int64_t fake_clock_offset(unsigned node)
{
    return (int64_t)(node + 1) * 1000 * RIFT_SECOND;
}

struct rift_node *rift_node_start(const struct rift_node_settings *settings)
{
    struct rift_node *node = rift_calloc(1, sizeof *node);
    snprintf(node->name, sizeof node->name, "%s", settings->name);
    snprintf(node->address, sizeof node->address, "%s", settings->address);
    node->number = (unsigned)(node->name[1] - '1');
    return node;
}

int rift_node_wait(struct rift_node *node, struct rift_error *err)
{
    (void)node;
    (void)err;
    return 0;
}

void rift_node_close(struct rift_node *node)
{
    free(node);
}

json_t *rift_node_hello(struct rift_node *node)
{
    return json_pack("{s:i}", "probe_port", 9000 + (int)node->number);
}

bool rift_node_is_connected(struct rift_node *node)
{
    return !fake_world.is_silent[node->number];
}

int64_t rift_node_clock_offset(struct rift_node *node, int64_t *error_ns)
{
    if (error_ns)
        *error_ns =
            fake_world.clock_error_ns ? (int64_t)fake_world.clock_error_ns : FAKE_CLOCK_ERROR_NS;
    return fake_clock_offset(node->number);
}

struct rift_wall_sample rift_node_wall_clock(struct rift_node *node)
{
    return (struct rift_wall_sample){rift_clock_now(), fake_clock_offset(node->number), 1};
}

static json_t *fake_now(const struct rift_node *node)
{
    return json_integer(rift_clock_now() + fake_clock_offset(node->number));
}

int fake_drops(void)
{
    int count = 0;
    for (size_t d = 0; d < FAKE_NODES_MAX; d++)
        for (size_t s = 0; s < FAKE_NODES_MAX; s++)
            count += fake_world.drops[d][s];
    return count;
}

static json_t *fake_inject(struct rift_node *node, const json_t *args)
{
    int64_t start_ns = json_integer_value(json_object_get(args, "start_ns"));
    bool is_cut = strcmp(json_string_value(json_object_get(args, "fault")), "partition") == 0;
    fake_world.agreed_ns[node->number] = start_ns - fake_clock_offset(node->number);
    fake_world.seed[node->number] = json_integer_value(json_object_get(args, "seed"));
    fake_world.injects++;
    if (!is_cut)
        fake_world.is_paused[node->number] = true;
    size_t i = 0;
    const json_t *peer = NULL;
    json_array_foreach(json_object_get(args, "peers"), i, peer)
    {
        const char *name = json_string_value(json_object_get(peer, "name"));
        if (fake_world.cuts_nothing || !is_cut || fake_world.is_never_cut[name[1] - '1'])
            continue;
        bool is_ours = !fake_world.is_silent_by_itself && !fake_world.has_other_cuts;
        atomic_bool *drops = &fake_world.drops[node->number][name[1] - '1'];
        fake_world.catches[node->number][name[1] - '1'] = is_ours && !*drops;
        *drops = true;
    }
    int drops = fake_drops();
    fake_world.most_drops = drops > fake_world.most_drops ? drops : (int)fake_world.most_drops;
    int64_t takes_ns = fake_world.takes_ns[node->number];
    int64_t ready_ns = rift_clock_now() + fake_clock_offset(node->number) + takes_ns;
    if (takes_ns == 0 && ready_ns > start_ns)
        ready_ns = start_ns;
    fake_world.late_ns[node->number] = ready_ns > start_ns ? ready_ns - start_ns : 0;
    return json_pack("{s:I, s:I, s:I, s:{}}", "planned_ns", (json_int_t)start_ns, "ready_ns",
                     (json_int_t)ready_ns, "applied_ns",
                     (json_int_t)(ready_ns > start_ns ? ready_ns : start_ns), "details");
}

static json_t *fake_heal(struct rift_node *node)
{
    for (size_t i = 0; i < FAKE_NODES_MAX && !fake_world.stays_cut; i++) {
        fake_world.drops[node->number][i] = false;
        fake_world.catches[node->number][i] = false;
    }
    fake_world.is_paused[node->number] = false;
    fake_world.waiting_at_heal[node->number] = (int)fake_world.waiting;
    fake_world.healed_ns[node->number] = rift_clock_now();
    fake_world.heals++;
    return json_pack("{s:o, s:s}", "applied_ns", fake_now(node), "was",
                     fake_world.has_ended[node->number] ? "absent" : "on");
}

static json_t *fake_observe(const struct rift_node *node)
{
    json_t *peers = json_array();
    for (unsigned s = 0; s < FAKE_NODES_MAX; s++) {
        char name[8];
        snprintf(name, sizeof name, "n%u", s + 1);
        json_array_append_new(peers, json_pack("{s:s, s:i}", "name", name, "hit",
                                               fake_world.catches[node->number][s] ? 5 : 0));
    }
    bool is_spared = fake_world.is_spared[node->number];
    fake_world.looks++;
    bool is_seen = !is_spared && !fake_world.is_blind[node->number] &&
                   fake_world.is_paused[node->number] && fake_world.blind_looks-- <= 0;
    return json_pack("{s:b, s:s, s:{s:o, s:i, s:b}}", "observed", is_seen, "how",
                     "as it stands in memory", "details", "peers", peers, "others",
                     fake_world.has_other_cuts ? 1 : 0, "may_be_chance", (int)is_spared);
}

static json_t *fake_probe_received(const struct rift_node *node)
{
    json_t *from = json_array();
    bool is_begun =
        rift_clock_now() >= fake_world.agreed_ns[node->number] + fake_world.clock_error_ns;
    for (unsigned s = 0; s < FAKE_NODES_MAX; s++) {
        char address[16];
        snprintf(address, sizeof address, "10.0.0.%u", s + 1);
        if (!is_begun || !fake_world.drops[node->number][s])
            json_array_append_new(from, json_pack("{s:s, s:i}", "address", address, "received", 5));
    }
    return json_pack("{s:o}", "from", from);
}

static json_t *fake_answer(struct rift_node *node, const char *verb, const json_t *args)
{
    if (strcmp(verb, "inject") == 0)
        return fake_world.refuses[node->number] ? NULL : fake_inject(node, args);
    if (strcmp(verb, "change") == 0)
        return fake_world.refuses_change[node->number] ? NULL : json_object();
    if (strcmp(verb, "heal") == 0 || strcmp(verb, "heal_all") == 0)
        return fake_world.refuses_heal[node->number] ? NULL : fake_heal(node);
    if (strcmp(verb, "observe") == 0)
        return fake_observe(node);
    if (strcmp(verb, "probe_received") == 0)
        return fake_probe_received(node);
    if (strcmp(verb, "system.role") == 0) {
        fake_world.role_questions++;
        return json_pack("{s:b}", "leader", fake_world.leader == (int)node->number);
    }
    return json_object();
}

static void *fake_keep_silent(void *context)
{
    struct silence *silence = context;
    while (fake_world.is_silent[silence->node] && rift_clock_now() < silence->until_ns)
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    fake_world.waiting--;
    if (silence->is_inject)
        fake_world.given_up_ns = rift_clock_now();
    struct rift_error error = {0};
    rift_fail(&error, RIFT_ERR_TIMEOUT, "a host is silent");
    silence->done(silence->context, NULL, &error);
    free(silence);
    return NULL;
}

int rift_node_send(struct rift_node *node, const char *verb, const json_t *args,
                   int64_t deadline_ms, rift_node_done *done, void *context, struct rift_error *err)
{
    if (fake_world.is_silent[node->number]) {
        struct silence *silence = rift_malloc(sizeof *silence);
        *silence = (struct silence){node->number, strcmp(verb, "inject") == 0,
                                    rift_clock_now() + deadline_ms * RIFT_MS, done, context};
        fake_world.waiting++;
        pthread_t thread;
        pthread_create(&thread, NULL, fake_keep_silent, silence);
        pthread_detach(thread);
        return 0;
    }
    json_t *reply = fake_answer(node, verb, args);
    if (strcmp(verb, "inject") == 0)
        fake_world.spare_ns[node->number] =
            rift_clock_now() + deadline_ms * RIFT_MS - fake_world.agreed_ns[node->number];
    if (!reply)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "this host refuses");
    done(context, reply, NULL);
    json_decref(reply);
    return 0;
}

int rift_node_upload(struct rift_node *node, const char *local_path, const char *remote_path,
                     int mode, int64_t deadline_ms, char *sha256, struct rift_error *err)
{
    (void)node;
    (void)local_path;
    (void)remote_path;
    (void)mode;
    (void)deadline_ms;
    (void)sha256;
    return rift_fail(err, RIFT_ERR_UNSUPPORTED, "a host in memory has no files");
}

int rift_node_download(struct rift_node *node, const char *remote_path, const char *local_path,
                       int64_t deadline_ms, struct rift_error *err)
{
    return rift_node_upload(node, remote_path, local_path, 0, deadline_ms, NULL, err);
}
