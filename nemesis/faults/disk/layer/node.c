#include "nemesis/faults/disk/layer/node.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/memory.h"

static struct layer_node **node_bucket(struct layer_nodes *nodes, const struct stat *found)
{
    return &nodes->buckets[((uint64_t)found->st_ino * 31 + found->st_dev) % LAYER_BUCKETS];
}

struct layer_node *layer_node_find(struct layer_nodes *nodes, const struct stat *found)
{
    struct layer_node *node = *node_bucket(nodes, found);
    while (node && (node->device != found->st_dev || node->number != found->st_ino))
        node = node->next;
    return node;
}

struct layer_node *layer_node_of(struct layer_nodes *nodes, int fd, const struct stat *found)
{
    struct layer_node *node = layer_node_find(nodes, found);
    if (node) {
        close(fd);
        return node;
    }
    struct layer_node **bucket = node_bucket(nodes, found);
    node = rift_calloc(1, sizeof *node);
    node->device = found->st_dev;
    node->number = found->st_ino;
    node->fd = fd;
    node->next = *bucket;
    *bucket = node;
    return node;
}

void layer_node_release(struct layer_nodes *nodes, struct layer_node *node)
{
    if (node->lookups > 0 || node->pins > 0 || node->shadow.is_dirty)
        return;
    const struct stat where = {.st_dev = node->device, .st_ino = node->number};
    struct layer_node **link = node_bucket(nodes, &where);
    while (*link && *link != node)
        link = &(*link)->next;
    if (*link)
        *link = node->next;
    close(node->fd);
    free(node);
}

void layer_nodes_visit(struct layer_nodes *nodes,
                       void (*visit)(struct layer_node *node, void *context), void *context)
{
    struct layer_node *next;
    for (size_t i = 0; i < LAYER_BUCKETS; i++)
        for (struct layer_node *node = nodes->buckets[i]; node; node = next) {
            next = node->next; /* visit may free it */
            visit(node, context);
        }
}

void layer_node_proc_path(const struct layer_node *node, char path[LAYER_PROC_PATH_SIZE])
{
    snprintf(path, LAYER_PROC_PATH_SIZE, "/proc/self/fd/%d", node->fd);
}

int layer_node_open(const struct layer_node *node, int flags)
{
    char path[LAYER_PROC_PATH_SIZE];
    layer_node_proc_path(node, path);
    return open(path, flags | O_CLOEXEC);
}
