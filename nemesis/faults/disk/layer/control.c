#include "nemesis/faults/disk/layer/control.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/memory.h"
#include "nemesis/faults/disk/glob.h"
#include "nemesis/faults/disk/layer/layer.h"
#include "nemesis/faults/disk/shut_down.h"

/* --- losing */

struct losing {
    struct layer_fs *fs;
    const char *files;
    double keep;
    uint64_t seed;
    json_int_t file_count, sectors;
};

/* The nodes come in no order that another run would have again: each file draws for itself. */
static void lose_node(struct layer_node *node, void *context)
{
    struct losing *losing = context;
    struct rift_rng rng;
    char path[LAYER_PATH_SIZE];
    if (!node->shadow.is_dirty)
        return;
    layer_fs_path(losing->fs, node, NULL, path);
    rift_rng_init_named(&rng, losing->seed, path);
    bool is_hit = strcmp(path, RIFT_LAYER_CANARY) == 0 || rift_glob_matches(losing->files, path);
    CLEANUP(rift_close_fd)
    int fd = is_hit ? layer_node_open(node, O_RDWR) : -1;
    int64_t sectors = fd >= 0 ? layer_shadow_lose(&node->shadow, fd, losing->keep, &rng) : 0;
    layer_shadow_settle(&node->shadow);
    losing->file_count += sectors > 0;
    losing->sectors += sectors > 0 ? sectors : 0;
    layer_node_release(&losing->fs->nodes, node);
}

static bool lose_selects(const struct layer_node *folder, const char *name, void *context)
{
    const struct losing *losing = context;
    char path[LAYER_PATH_SIZE];
    layer_fs_path(losing->fs, folder, name, path);
    return rift_glob_matches(losing->files, path);
}

static json_t *do_lose(struct layer_fs *fs, const json_t *request)
{
    const char *files = json_string_value(json_object_get(request, "files"));
    struct losing losing = {.fs = fs,
                            .files = files ? files : "*",
                            .keep = json_number_value(json_object_get(request, "keep")),
                            .seed = (uint64_t)json_integer_value(json_object_get(request, "seed"))};
    layer_nodes_visit(&fs->nodes, lose_node, &losing);
    size_t names = layer_names_lose(&fs->names, lose_selects, &losing);
    return json_pack("{s:I, s:I, s:I}", "files", losing.file_count, "sectors", losing.sectors,
                     "names", (json_int_t)names);
}

static void settle_node(struct layer_node *node, void *context)
{
    struct layer_fs *fs = context;
    layer_shadow_settle(&node->shadow);
    layer_node_release(&fs->nodes, node);
}

/* --- answers */

static json_t *answer_error(const struct rift_error *err)
{
    return json_pack("{s:s}", "error", err->text);
}

static json_t *do_power(struct layer_fs *fs)
{
    struct rift_error err = {0};
    CLEANUP(rift_close_fd) int fd = layer_node_open(&fs->root, O_RDONLY | O_DIRECTORY);
    return rift_shut_down(fd, &err) ? answer_error(&err) : json_object();
}

static json_t *do_rule(struct layer_fs *fs, const char *verb, const json_t *request)
{
    const char *id = json_string_value(json_object_get(request, "id"));
    int64_t until_ns = json_integer_value(json_object_get(request, "until_ns"));
    struct rift_error err = {0};
    if (!id)
        rift_fail(&err, RIFT_ERR_INVALID, "'id' is missing");
    else if (strcmp(verb, "set") == 0)
        layer_rules_set(&fs->rules, id, json_object_get(request, "rule"), until_ns, &err);
    else if (strcmp(verb, "hits") == 0)
        return json_pack("{s:I}", "hits", (json_int_t)layer_rules_hits(&fs->rules, id));
    else if (strcmp(verb, "renew") == 0 && !layer_rules_renew(&fs->rules, id, until_ns))
        rift_fail(&err, RIFT_ERR_MISSING, "the layer has no rule '%s'", id);
    else if (strcmp(verb, "end") == 0) {
        layer_rules_end(&fs->rules, id);
        layer_fs_run_due(fs, true);
    }
    return err.code ? answer_error(&err) : json_object();
}

static json_t *answer(struct layer_fs *fs, const json_t *request)
{
    const char *verb = json_string_value(json_object_get(request, "do"));
    if (!verb)
        return json_pack("{s:s}", "error", "'do' is missing");
    if (strcmp(verb, "lose") == 0)
        return do_lose(fs, request);
    if (strcmp(verb, "power") == 0)
        return do_power(fs);
    if (strcmp(verb, "sync") == 0) {
        layer_nodes_visit(&fs->nodes, settle_node, fs);
        layer_names_commit(&fs->names);
        return json_object();
    }
    return do_rule(fs, verb, request);
}

static void send_reply(int fd, const json_t *reply)
{
    char text[LAYER_MESSAGE_MAX];
    size_t length = json_dumpb(reply, text, sizeof text, JSON_COMPACT);
    if (length <= sizeof text)
        send(fd, text, length, MSG_NOSIGNAL);
}

static void drop_cache(struct layer_node *node, void *context)
{
    const struct layer_fs *fs = context;
    fuse_lowlevel_notify_inval_inode(fs->session, (fuse_ino_t)(uintptr_t)node, 0, 0);
}

/* The kernel's cache of the files is emptied, so that what is read from now on is asked of us. The
 * kernel waits for pages that it is reading, from us: so a process apart tells it, and replies. */
static void reply_when_dropped(struct layer_fs *fs, int fd, const json_t *reply)
{
    pid_t pid = fork();
    if (pid > 0)
        return;
    if (pid == 0)
        layer_nodes_visit(&fs->nodes, drop_cache, fs);
    send_reply(fd, reply);
    if (pid == 0)
        _exit(0);
}

void layer_control_serve(struct layer_fs *fs, int listener)
{
    char text[LAYER_MESSAGE_MAX];
    const struct timeval patience = {.tv_sec = 1};
    CLEANUP(rift_close_fd) int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssize_t n = fd >= 0 ? recv(fd, text, sizeof text, 0) : 0;
    json_t *request = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
    json_t *reply = request ? answer(fs, request) : json_pack("{s:s}", "error", "no JSON");
    const char *verb = json_string_value(json_object_get(request, "do"));
    if (verb && (strcmp(verb, "set") == 0 || strcmp(verb, "lose") == 0))
        reply_when_dropped(fs, fd, reply);
    else
        send_reply(fd, reply);
    json_decref(reply);
    json_decref(request);
}
