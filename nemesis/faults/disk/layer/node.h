/* The files that the kernel knows of in a layer, by what lies below: device and inode number. */
#ifndef NEMESIS_FAULTS_DISK_LAYER_NODE_H
#define NEMESIS_FAULTS_DISK_LAYER_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "nemesis/faults/disk/layer/shadow.h"

struct layer_node {
    struct layer_node *next; /* of its bucket */
    dev_t device;
    ino_t number;
    int fd;               /* O_PATH: names the file whatever becomes of its names */
    uint64_t lookups;     /* that the kernel holds */
    unsigned pins;        /* that we hold: records of names, requests that wait */
    unsigned attic_links; /* names that it has in the attic only */
    bool is_ours;         /* a file of Rift's, which is no part of the system's disk */
    struct layer_shadow shadow;
};

enum { LAYER_BUCKETS = 4096 };

struct layer_nodes {
    struct layer_node *buckets[LAYER_BUCKETS];
};

/* The node of fd (O_PATH), which becomes the node's or is closed. */
struct layer_node *layer_node_of(struct layer_nodes *nodes, int fd, const struct stat *found);
/* NULL where nobody has asked for it. */
struct layer_node *layer_node_find(struct layer_nodes *nodes, const struct stat *found);
/* Frees it where neither the kernel nor we hold it, and nothing unsynced of it could be lost. */
void layer_node_release(struct layer_nodes *nodes, struct layer_node *node);
void layer_nodes_visit(struct layer_nodes *nodes,
                       void (*visit)(struct layer_node *node, void *context), void *context);
/* Opens it anew; as open(2). */
int layer_node_open(const struct layer_node *node, int flags);

enum { LAYER_PROC_PATH_SIZE = 40 };
/* A path that leads to it, also for calls that take no descriptor. */
void layer_node_proc_path(const struct layer_node *node, char path[LAYER_PROC_PATH_SIZE]);

#endif
