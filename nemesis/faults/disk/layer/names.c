/* The journal is bounded, in records and in what the attic keeps of a disk: past the bound its
 * oldest record is durable, as in a file system that commits its journal from time to time. So it
 * is, all of it, where somebody needs the space. */
#include "nemesis/faults/disk/layer/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"

enum { NAMES_MAX = 4096, ATTIC_NAME_SIZE = 16, ATTIC_BYTES_MAX = 64 << 20, BLOCK_BYTES = 512 };

enum name_change { NAME_MADE, NAME_REMOVED, NAME_MOVED, NAME_SWAPPED };

struct layer_name {
    struct layer_name *next, *previous;
    enum name_change change;
    struct layer_node *from, *to; /* to: of a move or swap */
    char *from_name, *to_name;
    unsigned attic;           /* what the removal or move took away; 0: nothing */
    struct layer_node *taken; /* its node, where anybody knows it */
    int64_t bytes;            /* that come free when it goes */
};

static void attic_name(unsigned number, char name[ATTIC_NAME_SIZE])
{
    snprintf(name, ATTIC_NAME_SIZE, "%u", number);
}

static bool entry_is_folder(int folder_fd, const char *name)
{
    struct stat found;
    return fstatat(folder_fd, name, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(found.st_mode);
}

static void entry_remove(int folder_fd, const char *name)
{
    unlinkat(folder_fd, name, entry_is_folder(folder_fd, name) ? AT_REMOVEDIR : 0);
}

static void attic_empty(int attic_fd)
{
    DIR *stream = fdopendir(openat(attic_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const struct dirent *entry;
    while (stream && (entry = readdir(stream)))
        if (entry->d_name[0] != '.')
            entry_remove(attic_fd, entry->d_name); /* a folder there is empty */
    if (stream)
        closedir(stream);
}

int layer_names_init(struct layer_names *names, struct layer_nodes *nodes, int root_fd)
{
    *names = (struct layer_names){.nodes = nodes, .attic_next = 1};
    if (mkdirat(root_fd, LAYER_ATTIC, 0700) && errno != EEXIST)
        return -1;
    names->attic_fd = openat(root_fd, LAYER_ATTIC, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (names->attic_fd < 0)
        return -1;
    attic_empty(names->attic_fd);
    return 0;
}

void layer_names_finish(struct layer_names *names, int root_fd)
{
    layer_names_commit(names);
    close(names->attic_fd);
    unlinkat(root_fd, LAYER_ATTIC, AT_REMOVEDIR);
}

static void name_forget(struct layer_names *names, struct layer_name *name)
{
    names->attic_bytes -= name->bytes;
    *(name->previous ? &name->previous->next : &names->first) = name->next;
    *(name->next ? &name->next->previous : &names->last) = name->previous;
    names->count--;
    struct layer_node *held[] = {name->from, name->to, name->taken};
    for (size_t i = 0; i < sizeof held / sizeof *held; i++)
        if (held[i]) {
            held[i]->pins--;
            layer_node_release(names->nodes, held[i]);
        }
    free(name->from_name);
    free(name->to_name);
    free(name);
}

/* What it took away is gone for good. */
static void name_commit(struct layer_names *names, struct layer_name *name)
{
    char attic[ATTIC_NAME_SIZE];
    attic_name(name->attic, attic);
    if (name->attic)
        entry_remove(names->attic_fd, attic);
    if (name->taken) {
        name->taken->attic_links--;
        layer_shadow_settle(&name->taken->shadow); /* of no use where it was the last name */
    }
    name_forget(names, name);
}

static struct layer_node *hold(struct layer_node *node)
{
    if (node)
        node->pins++;
    return node;
}

static struct layer_name *name_add(struct layer_names *names, enum name_change change,
                                   struct layer_node *from, const char *from_name,
                                   struct layer_node *to, const char *to_name)
{
    while (names->count >= NAMES_MAX)
        name_commit(names, names->first);
    struct layer_name *name = rift_calloc(1, sizeof *name);
    *name = (struct layer_name){.previous = names->last,
                                .change = change,
                                .from = hold(from),
                                .to = hold(to),
                                .from_name = rift_strdup(from_name),
                                .to_name = to_name ? rift_strdup(to_name) : NULL};
    *(names->last ? &names->last->next : &names->first) = name;
    names->last = name;
    names->count++;
    return name;
}

bool layer_name_is_ours(const char *name)
{
    return rift_text_starts_with(name, ".rift-");
}

void layer_names_made(struct layer_names *names, struct layer_node *folder, const char *name)
{
    if (!layer_name_is_ours(name))
        name_add(names, NAME_MADE, folder, name, NULL, NULL);
}

static bool folder_is_empty(int folder_fd, const char *name)
{
    DIR *stream = fdopendir(openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const struct dirent *entry;
    bool is_empty = stream != NULL;
    while (is_empty && (entry = readdir(stream)))
        is_empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (stream)
        closedir(stream);
    return is_empty;
}

/* A file gets a second name in the attic, a folder, which must be empty, moves there. */
static int attic_take(struct layer_names *names, int folder_fd, const char *entry, bool is_folder,
                      unsigned *number)
{
    char attic[ATTIC_NAME_SIZE];
    *number = names->attic_next++;
    attic_name(*number, attic);
    if (!is_folder)
        return linkat(folder_fd, entry, names->attic_fd, attic, 0);
    if (!folder_is_empty(folder_fd, entry)) {
        errno = ENOTEMPTY;
        return -1;
    }
    return renameat(folder_fd, entry, names->attic_fd, attic);
}

static unsigned attic_links(const struct layer_node *node)
{
    return node ? node->attic_links : 0;
}

static void name_take(struct layer_names *names, struct layer_name *name, unsigned attic,
                      const struct stat *found)
{
    name->attic = attic;
    name->taken = hold(layer_node_find(names->nodes, found));
    if (!S_ISDIR(found->st_mode) && found->st_nlink == 1 + attic_links(name->taken))
        name->bytes = (int64_t)found->st_blocks * BLOCK_BYTES;
    if (name->taken)
        name->taken->attic_links++;
    names->attic_bytes += name->bytes;
    while (names->attic_bytes > ATTIC_BYTES_MAX)
        name_commit(names, names->first);
}

/* No loss brings it back: its space is free as soon as nobody has it open. */
static int remove_ours(struct layer_names *names, int folder_fd, const char *entry, bool is_folder)
{
    struct stat found;
    bool is_there = fstatat(folder_fd, entry, &found, AT_SYMLINK_NOFOLLOW) == 0;
    if (unlinkat(folder_fd, entry, is_folder ? AT_REMOVEDIR : 0))
        return -1;
    struct layer_node *node = is_there ? layer_node_find(names->nodes, &found) : NULL;
    if (node) {
        layer_shadow_settle(&node->shadow);
        layer_node_release(names->nodes, node);
    }
    return 0;
}

int layer_names_remove(struct layer_names *names, struct layer_node *folder, const char *entry,
                       bool is_folder)
{
    struct stat found;
    unsigned attic;
    if (layer_name_is_ours(entry))
        return remove_ours(names, folder->fd, entry, is_folder);
    if (fstatat(folder->fd, entry, &found, AT_SYMLINK_NOFOLLOW) ||
        attic_take(names, folder->fd, entry, is_folder, &attic) ||
        (!is_folder && unlinkat(folder->fd, entry, 0)))
        return -1;
    name_take(names, name_add(names, NAME_REMOVED, folder, entry, NULL, NULL), attic, &found);
    return 0;
}

int layer_names_move(struct layer_names *names, struct layer_node *from, const char *from_name,
                     struct layer_node *to, const char *to_name, unsigned flags)
{
    struct stat found;
    unsigned attic = 0;
    bool is_swap = flags == RENAME_EXCHANGE;
    bool is_taken = flags == 0 && fstatat(to->fd, to_name, &found, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_taken && attic_take(names, to->fd, to_name, S_ISDIR(found.st_mode), &attic))
        return -1;
    if (renameat2(from->fd, from_name, to->fd, to_name, flags)) {
        int number = errno;
        char name[ATTIC_NAME_SIZE];
        attic_name(attic, name);
        if (is_taken && S_ISDIR(found.st_mode))
            renameat(names->attic_fd, name, to->fd, to_name);
        else if (is_taken)
            unlinkat(names->attic_fd, name, 0);
        errno = number;
        return -1;
    }
    struct layer_name *name =
        name_add(names, is_swap ? NAME_SWAPPED : NAME_MOVED, from, from_name, to, to_name);
    if (is_taken)
        name_take(names, name, attic, &found);
    return 0;
}

bool layer_names_make_room(struct layer_names *names)
{
    bool gives_space = names->attic_bytes > 0;
    if (gives_space)
        layer_names_commit(names);
    return gives_space;
}

void layer_names_commit(struct layer_names *names)
{
    while (names->first)
        name_commit(names, names->first);
}

void layer_names_commit_folder(struct layer_names *names, const struct layer_node *folder)
{
    const struct layer_name *last = names->last;
    while (last && last->from != folder && last->to != folder)
        last = last->previous;
    while (last && names->first != last)
        name_commit(names, names->first);
    if (last)
        name_commit(names, names->first);
}

static int name_undo(struct layer_names *names, struct layer_name *name)
{
    char attic[ATTIC_NAME_SIZE];
    attic_name(name->attic, attic);
    switch (name->change) {
    case NAME_MADE:
        return unlinkat(name->from->fd, name->from_name,
                        entry_is_folder(name->from->fd, name->from_name) ? AT_REMOVEDIR : 0);
    case NAME_REMOVED:
        return renameat2(names->attic_fd, attic, name->from->fd, name->from_name, RENAME_NOREPLACE);
    case NAME_SWAPPED:
        return renameat2(name->from->fd, name->from_name, name->to->fd, name->to_name,
                         RENAME_EXCHANGE);
    case NAME_MOVED:
        break;
    }
    if (renameat2(name->to->fd, name->to_name, name->from->fd, name->from_name, RENAME_NOREPLACE))
        return -1;
    return name->attic
               ? renameat2(names->attic_fd, attic, name->to->fd, name->to_name, RENAME_NOREPLACE)
               : 0;
}

size_t layer_names_lose(struct layer_names *names,
                        bool (*selects)(const struct layer_node *folder, const char *name,
                                        void *context),
                        void *context)
{
    size_t undone = 0;
    while (names->last) {
        struct layer_name *name = names->last;
        bool is_lost = selects(name->from, name->from_name, context) &&
                       (!name->to || selects(name->to, name->to_name, context)) &&
                       name_undo(names, name) == 0;
        if (!is_lost) {
            name_commit(names, name);
            continue;
        }
        if (name->taken)
            name->taken->attic_links--;
        name_forget(names, name);
        undone++;
    }
    return undone;
}
