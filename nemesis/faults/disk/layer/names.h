/* The names that were made, removed and moved since they were last made durable, in order: a
 * journal, of which the end can be undone. What was removed lies in the attic until then, a folder
 * that the layer hides. */
#ifndef NEMESIS_FAULTS_DISK_LAYER_NAMES_H
#define NEMESIS_FAULTS_DISK_LAYER_NAMES_H

#include "nemesis/faults/disk/layer/node.h"

#define LAYER_ATTIC ".rift-attic"

struct layer_name;

struct layer_names {
    struct layer_nodes *nodes;
    int attic_fd;
    unsigned attic_next;
    struct layer_name *first, *last;
    size_t count;
    int64_t attic_bytes; /* that nothing but the attic keeps */
};

/* Empties the attic below root_fd, and opens it. 0, or -1 with errno. */
int layer_names_init(struct layer_names *names, struct layer_nodes *nodes, int root_fd);
/* Makes all durable and removes the attic. */
void layer_names_finish(struct layer_names *names, int root_fd);

/* Is it a file of Rift's: a filler, a probe, a canary? Such names are not in the journal. */
bool layer_name_is_ours(const char *name);
/* A name was made in the folder. */
void layer_names_made(struct layer_names *names, struct layer_node *folder, const char *name);
/* As unlink(2) or rmdir(2), and rename(2): 0, or -1 with errno. */
int layer_names_remove(struct layer_names *names, struct layer_node *folder, const char *name,
                       bool is_folder);
int layer_names_move(struct layer_names *names, struct layer_node *from, const char *from_name,
                     struct layer_node *to, const char *to_name, unsigned flags);

/* All of them are durable. True where that gave space back. */
bool layer_names_make_room(struct layer_names *names);
/* All of them are durable. */
void layer_names_commit(struct layer_names *names);
/* Those of the folder are, and all that came before the last of them. */
void layer_names_commit_folder(struct layer_names *names, const struct layer_node *folder);
/* Undoes, the last one first, each for whose names selects() is true; the rest is durable. Returns
 * how many were undone. */
size_t layer_names_lose(struct layer_names *names,
                        bool (*selects)(const struct layer_node *folder, const char *name,
                                        void *context),
                        void *context);

#endif
