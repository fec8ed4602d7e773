/* fts(3) tells what is there, openat2(2) opens it: beneath the folder and through no link, whoever
 * owns it. */
#include "nemesis/faults/disk/tree_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"
#include "nemesis/faults/disk/glob.h"

enum { PATH_SIZE = 4096, BLOCK = 1 << 16 };

/* Something within a folder, as fts found it. */
struct entry {
    const char *path; /* from the folder on */
    const struct stat *found;
    bool is_folder;
};

/* 0, or -1 with err, which ends the walk. */
typedef int entry_visit(void *context, const struct entry *entry, struct rift_error *err);

static bool is_nobodys(const FTSENT *node)
{
    return node->fts_level > 0 && (rift_text_starts_with(node->fts_name, ".rift-") ||
                                   strcmp(node->fts_name, "lost+found") == 0);
}

static int visit_node(const FTSENT *node, size_t root, const char *files, entry_visit *visit,
                      void *context, struct rift_error *err)
{
    bool is_folder = node->fts_info == FTS_DP;
    bool is_file =
        node->fts_info == FTS_F || node->fts_info == FTS_SL || node->fts_info == FTS_SLNONE;
    if (node->fts_level == 0 || (!is_folder && !is_file))
        return 0;
    const struct entry entry = {
        .path = node->fts_path + root + 1, .found = node->fts_statp, .is_folder = is_folder};
    /* Folders are part of the whole only. */
    bool is_chosen = is_folder ? strcmp(files, "*") == 0 : rift_glob_matches(files, entry.path);
    return is_chosen ? visit(context, &entry, err) : 0;
}

/* Files before the folders that they are in. Only regular files, links and folders. What goes
 * meanwhile is passed over. */
static int walk(const char *folder, const char *files, entry_visit *visit, void *context,
                struct rift_error *err)
{
    char root[PATH_SIZE];
    snprintf(root, sizeof root, "%s", folder);
    char *const roots[] = {root, NULL};
    FTS *stream = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    FTSENT *node;
    int rc = stream ? 0 : rift_fail_errno(err, RIFT_ERR_IO, "read '%s'", folder);
    while (rc == 0 && (node = fts_read(stream))) {
        if (is_nobodys(node))
            fts_set(stream, node, FTS_SKIP);
        else if ((node->fts_info == FTS_DNR || node->fts_info == FTS_ERR) &&
                 node->fts_errno != ENOENT)
            rc = rift_fail(err, RIFT_ERR_IO, "read '%s': %s", node->fts_path,
                           strerror(node->fts_errno));
        else
            rc = visit_node(node, strlen(root), files, visit, context, err);
    }
    if (stream)
        fts_close(stream);
    return rc;
}

static int open_folder(const char *folder, struct rift_error *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        rift_fail_errno(err, RIFT_ERR_IO, "open '%s'", folder);
    return fd;
}

static int open_beneath(int folder, const char *path, int flags)
{
    const struct open_how how = {.flags = (unsigned)flags | (unsigned)O_CLOEXEC,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    return (int)syscall(SYS_openat2, folder, *path ? path : ".", &how, sizeof how);
}

/* The folder that path is in, and its last part. */
static int open_parent(int folder, const char *path, const char **name)
{
    char above[PATH_SIZE];
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    snprintf(above, sizeof above, "%.*s", slash ? (int)(slash - path) : 0, path);
    return open_beneath(folder, above, O_RDONLY | O_DIRECTORY);
}

static int take_after(int fd, const struct stat *found)
{
    const struct timespec times[2] = {found->st_atim, found->st_mtim};
    return fchown(fd, found->st_uid, found->st_gid) || fchmod(fd, found->st_mode & 07777) ||
                   futimens(fd, times)
               ? -1
               : 0;
}

/* The folders of path, as far as they are not there, as they are in another folder. */
static int make_folders(int from, int to, const char *path)
{
    char part[PATH_SIZE];
    for (const char *slash = strchr(path, '/');; slash = strchr(slash + 1, '/')) {
        const char *name;
        struct stat found;
        snprintf(part, sizeof part, "%.*s", slash ? (int)(slash - path) : (int)strlen(path), path);
        CLEANUP(rift_close_fd) int parent = open_parent(to, part, &name);
        CLEANUP(rift_close_fd) int like = open_beneath(from, part, O_RDONLY | O_DIRECTORY);
        if (parent < 0 || like < 0 || fstat(like, &found))
            return -1;
        if (mkdirat(parent, name, 0700) == 0) {
            CLEANUP(rift_close_fd) int made = open_beneath(to, part, O_RDONLY | O_DIRECTORY);
            if (made < 0 || take_after(made, &found))
                return -1;
        } else if (errno != EEXIST) {
            return -1;
        }
        if (!slash)
            return 0;
    }
}

static int copy_bytes(int in, int out)
{
    static char block[BLOCK];
    ssize_t n;
    while ((n = read(in, block, sizeof block)) > 0)
        for (ssize_t done = 0, m; done < n; done += m)
            if ((m = write(out, block + done, (size_t)(n - done))) < 0)
                return -1;
    return n < 0 ? -1 : 0;
}

/* Only what is not a hole. */
static int copy_content(int in, int out, off_t size)
{
    off_t at = 0;
    while (at < size) {
        off_t begin = lseek(in, at, SEEK_DATA);
        if (begin < 0)
            return errno == ENXIO ? ftruncate(out, size)
                                  : (lseek(in, at, SEEK_SET) < 0 || copy_bytes(in, out));
        off_t end = lseek(in, begin, SEEK_HOLE);
        if (end < 0 || lseek(in, begin, SEEK_SET) < 0 || lseek(out, begin, SEEK_SET) < 0)
            return -1;
        for (off_t left = end - begin; left > 0;) {
            static char block[BLOCK];
            ssize_t n = read(in, block, (size_t)(left < BLOCK ? left : BLOCK));
            if (n <= 0 || write(out, block, (size_t)n) != n)
                return -1;
            left -= n;
        }
        at = end;
    }
    return ftruncate(out, size);
}

static int copy_link(int from, const char *path, int parent, const char *name,
                     const struct stat *found)
{
    char target[PATH_SIZE];
    const char *source;
    CLEANUP(rift_close_fd) int source_parent = open_parent(from, path, &source);
    ssize_t n = source_parent < 0 ? -1 : readlinkat(source_parent, source, target, PATH_SIZE - 1);
    if (n < 0)
        return -1;
    target[n] = 0;
    return symlinkat(target, parent, name) ||
                   fchownat(parent, name, found->st_uid, found->st_gid, AT_SYMLINK_NOFOLLOW)
               ? -1
               : 0;
}

/* In place of what is there. */
static int copy_one(int from, int to, const struct entry *entry)
{
    const char *name, *slash = strrchr(entry->path, '/');
    char above[PATH_SIZE];
    snprintf(above, sizeof above, "%.*s", slash ? (int)(slash - entry->path) : 0, entry->path);
    if (slash && make_folders(from, to, above))
        return -1;
    CLEANUP(rift_close_fd) int parent = open_parent(to, entry->path, &name);
    if (parent < 0 || (unlinkat(parent, name, 0) && errno != ENOENT))
        return -1;
    if (S_ISLNK(entry->found->st_mode))
        return copy_link(from, entry->path, parent, name, entry->found);
    CLEANUP(rift_close_fd) int in = open_beneath(from, entry->path, O_RDONLY);
    CLEANUP(rift_close_fd)
    int out = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return in < 0 || out < 0 || copy_content(in, out, entry->found->st_size) ||
                   take_after(out, entry->found)
               ? -1
               : 0;
}

/* --- to the copy */

struct copying {
    int from, to;
    const char *folder;
    struct rift_tree_size size;
};

static int copy_visit(void *context, const struct entry *entry, struct rift_error *err)
{
    struct copying *copying = context;
    int rc = entry->is_folder ? make_folders(copying->from, copying->to, entry->path)
                              : copy_one(copying->from, copying->to, entry);
    if (rc)
        return rift_fail_errno(err, RIFT_ERR_IO, "copy '%s/%s'", copying->folder, entry->path);
    copying->size.files += !entry->is_folder;
    copying->size.bytes += entry->is_folder ? 0 : entry->found->st_size;
    return 0;
}

static int measure_visit(void *context, const struct entry *entry, struct rift_error *err)
{
    (void)err;
    struct rift_tree_size *size = context;
    size->files += !entry->is_folder;
    size->bytes += entry->is_folder ? 0 : entry->found->st_size;
    return 0;
}

int rift_tree_measure(const char *folder, const char *files, struct rift_tree_size *size,
                      struct rift_error *err)
{
    *size = (struct rift_tree_size){0};
    return walk(folder, files, measure_visit, size, err);
}

int rift_tree_copy(const char *folder, const char *files, const char *copy,
                   struct rift_tree_size *size, struct rift_error *err)
{
    if (mkdir(copy, 0700))
        return rift_fail_errno(err, RIFT_ERR_IO, "make '%s'", copy);
    CLEANUP(rift_close_fd) int from = open_folder(folder, err);
    CLEANUP(rift_close_fd) int to = open_folder(copy, err);
    struct copying copying = {.from = from, .to = to, .folder = folder};
    if (from < 0 || to < 0 || walk(folder, files, copy_visit, &copying, err))
        return -1;
    *size = copying.size;
    return syncfs(to) ? rift_fail_errno(err, RIFT_ERR_IO, "sync '%s'", copy) : 0;
}

/* --- compared with it */

static bool have_equal_content(int a, int b)
{
    static char blocks[2][BLOCK];
    for (;;) {
        ssize_t n = read(a, blocks[0], BLOCK), done = 0;
        while (done < n) {
            ssize_t m = read(b, blocks[1] + done, (size_t)(n - done));
            if (m <= 0)
                return false;
            done += m;
        }
        if (n < 0 || (n == 0 && read(b, blocks[1], 1) != 0))
            return false;
        if (n == 0)
            return true;
        if (memcmp(blocks[0], blocks[1], (size_t)n) != 0)
            return false;
    }
}

/* Is what entry names the same file in another folder, by its content or by its time? *is_there: at
 * least something is. */
static bool is_same(int from, int other, const struct entry *entry, bool by_time, bool *is_there)
{
    const char *name;
    struct stat found;
    CLEANUP(rift_close_fd) int parent = open_parent(other, entry->path, &name);
    *is_there = parent >= 0 && fstatat(parent, name, &found, AT_SYMLINK_NOFOLLOW) == 0;
    if (!*is_there || (found.st_mode & S_IFMT) != (entry->found->st_mode & S_IFMT) ||
        found.st_size != entry->found->st_size || found.st_mode != entry->found->st_mode ||
        found.st_uid != entry->found->st_uid || found.st_gid != entry->found->st_gid)
        return false;
    if (S_ISLNK(found.st_mode)) {
        char targets[2][PATH_SIZE];
        CLEANUP(rift_close_fd) int own = open_parent(from, entry->path, &name);
        ssize_t n = own < 0 ? -1 : readlinkat(own, name, targets[0], PATH_SIZE);
        return n >= 0 && readlinkat(parent, name, targets[1], PATH_SIZE) == n &&
               memcmp(targets[0], targets[1], (size_t)n) == 0;
    }
    if (by_time)
        return found.st_mtim.tv_sec == entry->found->st_mtim.tv_sec &&
               found.st_mtim.tv_nsec == entry->found->st_mtim.tv_nsec;
    CLEANUP(rift_close_fd) int a = open_beneath(from, entry->path, O_RDONLY);
    CLEANUP(rift_close_fd) int b = open_beneath(other, entry->path, O_RDONLY);
    return a >= 0 && b >= 0 && have_equal_content(a, b);
}

struct comparison {
    int folder, copy;
    bool by_time;
    struct rift_tree_changes changes;
};

static int count_folders_entry(void *context, const struct entry *entry, struct rift_error *err)
{
    (void)err;
    struct comparison *all = context;
    bool is_there = false;
    if (entry->is_folder)
        return 0;
    if (is_same(all->folder, all->copy, entry, all->by_time, &is_there))
        all->changes.same++;
    else if (is_there)
        all->changes.changed++;
    else
        all->changes.made++;
    return 0;
}

static int count_copys_entry(void *context, const struct entry *entry, struct rift_error *err)
{
    (void)err;
    struct comparison *all = context;
    const char *name;
    struct stat found;
    CLEANUP(rift_close_fd) int parent = open_parent(all->folder, entry->path, &name);
    if (!entry->is_folder &&
        (parent < 0 || fstatat(parent, name, &found, AT_SYMLINK_NOFOLLOW) != 0))
        all->changes.lost++;
    return 0;
}

int rift_tree_compare(const char *folder, const char *files, const char *copy, bool by_time,
                      struct rift_tree_changes *changes, struct rift_error *err)
{
    CLEANUP(rift_close_fd) int own = open_folder(folder, err);
    CLEANUP(rift_close_fd) int other = open_folder(copy, err);
    struct comparison all = {.folder = own, .copy = other, .by_time = by_time};
    if (own < 0 || other < 0 || walk(folder, files, count_folders_entry, &all, err) ||
        walk(copy, files, count_copys_entry, &all, err))
        return -1;
    *changes = all.changes;
    return 0;
}

/* --- and back */

static int remove_new_visit(void *context, const struct entry *entry, struct rift_error *err)
{
    struct comparison *all = context;
    const char *name;
    struct stat found;
    CLEANUP(rift_close_fd) int kept = open_parent(all->copy, entry->path, &name);
    if (kept >= 0 && fstatat(kept, name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(found.st_mode) == entry->is_folder)
        return 0;
    CLEANUP(rift_close_fd) int parent = open_parent(all->folder, entry->path, &name);
    /* A folder may hold what is none of ours, a socket. */
    if (parent < 0 || (unlinkat(parent, name, entry->is_folder ? AT_REMOVEDIR : 0) &&
                       errno != ENOENT && errno != ENOTEMPTY))
        return rift_fail_errno(err, RIFT_ERR_IO, "remove '%s'", entry->path);
    return 0;
}

static int put_back_visit(void *context, const struct entry *entry, struct rift_error *err)
{
    struct comparison *all = context;
    bool is_there;
    int rc = 0;
    if (entry->is_folder)
        rc = make_folders(all->copy, all->folder, entry->path);
    else if (!is_same(all->copy, all->folder, entry, false, &is_there))
        rc = copy_one(all->copy, all->folder, entry);
    return rc ? rift_fail_errno(err, RIFT_ERR_IO, "put '%s' back", entry->path) : 0;
}

int rift_tree_restore(const char *folder, const char *files, const char *copy,
                      struct rift_error *err)
{
    CLEANUP(rift_close_fd) int own = open_folder(folder, err);
    CLEANUP(rift_close_fd) int other = open_folder(copy, err);
    struct comparison all = {.folder = own, .copy = other};
    if (own < 0 || other < 0 || walk(folder, files, remove_new_visit, &all, err) ||
        walk(copy, files, put_back_visit, &all, err))
        return -1;
    return syncfs(own) ? rift_fail_errno(err, RIFT_ERR_IO, "sync '%s'", folder) : 0;
}

int rift_tree_remove(const char *copy, struct rift_error *err)
{
    char root[PATH_SIZE];
    snprintf(root, sizeof root, "%s", copy);
    char *const roots[] = {root, NULL};
    FTS *stream = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    FTSENT *node;
    int rc = 0;
    while (stream && (node = fts_read(stream))) {
        if (node->fts_info != FTS_D && remove(node->fts_accpath) && errno != ENOENT)
            rc = rift_fail_errno(err, RIFT_ERR_IO, "remove '%s'", node->fts_path);
    }
    if (stream)
        fts_close(stream);
    return rc;
}
