/* file-damage: files in the system's data folders are cut short, or get a bit or a piece of their
 * own wrong. Which: those that the pattern selects, and of them some, by the fault's id. It is the
 * data that are damaged, so nothing is healed. A path is followed within the folder only, and never
 * through a link. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/rng.h"
#include "common/text.h"
#include "nemesis/faults/disk/glob.h"
#include "nemesis/faults/drivers.h"

enum { FILES_MAX = 20000, CHUNK_MAX = 65536, PATH_SIZE = 4096, LISTED_MAX = 20 };

enum damage { DAMAGE_TRUNCATE, DAMAGE_BITFLIP, DAMAGE_COPY, DAMAGES };
static const char *const damage_words[DAMAGES] = {"truncate", "bitflip", "copy"};

struct candidate {
    const char *folder;
    char *path; /* within the folder */
};

/* nftw(3) takes no context. */
static struct {
    const char *folder, *files;
    struct candidate *list;
    size_t count;
} search;

static int search_visit(const char *path, const struct stat *found, int kind, struct FTW *where)
{
    (void)where;
    size_t root = strlen(search.folder);
    if (kind != FTW_F || !S_ISREG(found->st_mode) || found->st_size == 0 ||
        strlen(path) <= root + 1 || search.count >= FILES_MAX)
        return 0;
    const char *inside = path + root + 1;
    if (rift_text_starts_with(inside, ".rift-") || !rift_glob_matches(search.files, inside))
        return 0;
    search.list[search.count++] =
        (struct candidate){.folder = search.folder, .path = rift_strdup(inside)};
    return 0;
}

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    int rc = strcmp(x->folder, y->folder);
    return rc ? rc : strcmp(x->path, y->path);
}

static void search_run(const struct rift_target *target, const json_t *options)
{
    const char *files = json_string_value(json_object_get(options, "files"));
    search.files = files ? files : "*";
    search.list = rift_calloc(FILES_MAX, sizeof *search.list);
    search.count = 0;
    for (const char *const *folder = target->data_folders; *folder; folder++) {
        search.folder = *folder;
        nftw(*folder, search_visit, 32, FTW_PHYS);
    }
    qsort(search.list, search.count, sizeof *search.list, compare_candidates);
}

static void search_end(void)
{
    for (size_t i = 0; i < search.count; i++)
        free(search.list[i].path);
    free(search.list);
    search.list = NULL;
}

static int open_beneath(const struct candidate *file, int flags)
{
    CLEANUP(rift_close_fd) int folder = open(file->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const struct open_how how = {.flags = (unsigned)flags | (unsigned)O_CLOEXEC,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    return (int)syscall(SYS_openat2, folder, file->path, &how, sizeof how);
}

static int damage_kind(const json_t *options, enum damage *kind, struct rift_error *err)
{
    const json_t *given = json_object_get(options, "how");
    const char *word = given ? json_string_value(given) : damage_words[DAMAGE_BITFLIP];
    for (int i = 0; word && i < DAMAGES; i++)
        if (strcmp(word, damage_words[i]) == 0) {
            *kind = (enum damage)i;
            return 0;
        }
    return rift_fail(err, RIFT_ERR_INVALID, "file-damage: there is no '%s'",
                     word ? word : "(not a text)");
}

static int64_t option_bytes(const json_t *options)
{
    const json_t *value = json_object_get(options, "bytes");
    double bytes = json_is_number(value) ? json_number_value(value) : 512;
    return bytes < 1 ? 1 : bytes > CHUNK_MAX ? CHUNK_MAX : (int64_t)bytes;
}

/* Where a file is damaged, and what stood there before. */
struct wound {
    off_t size; /* of the whole file */
    off_t offset;
    int64_t length;
    uint64_t digest;
};

/* FNV-1a of what a reader finds at the wound. */
static uint64_t wound_digest(int fd, const struct wound *wound)
{
    static unsigned char bytes[CHUNK_MAX];
    uint64_t sum = UINT64_C(14695981039346656037);
    ssize_t n = pread(fd, bytes, (size_t)wound->length, wound->offset);
    for (ssize_t i = 0; i < n; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(1099511628211);
    return sum;
}

static int cut_short(int fd, int64_t bytes, struct wound *wound)
{
    wound->length = bytes < wound->size ? bytes : wound->size;
    wound->offset = wound->size - wound->length;
    wound->digest = wound_digest(fd, wound);
    return ftruncate(fd, wound->offset);
}

static int flip_bit(int fd, struct wound *wound, struct rift_rng *rng)
{
    unsigned char byte;
    wound->offset = (off_t)rift_rng_below(rng, (uint64_t)wound->size);
    wound->length = 1;
    wound->digest = wound_digest(fd, wound);
    if (pread(fd, &byte, 1, wound->offset) != 1)
        return -1;
    byte ^= (unsigned char)(1 << rift_rng_below(rng, 8));
    return pwrite(fd, &byte, 1, wound->offset) == 1 ? 0 : -1;
}

/* Copies a piece over another one; pieces are smaller where the file has no room for two. */
static int copy_chunk(int fd, int64_t bytes, struct wound *wound, struct rift_rng *rng)
{
    static char chunk[CHUNK_MAX];
    wound->length = bytes * 2 <= wound->size ? bytes : wound->size / 2;
    if (wound->length == 0)
        return 0;
    uint64_t pieces = (uint64_t)(wound->size / wound->length), from = rift_rng_below(rng, pieces);
    uint64_t to = (from + 1 + rift_rng_below(rng, pieces - 1)) % pieces;
    wound->offset = (off_t)to * wound->length;
    wound->digest = wound_digest(fd, wound);
    ssize_t n = pread(fd, chunk, (size_t)wound->length, (off_t)from * wound->length);
    return n < 0 || pwrite(fd, chunk, (size_t)n, wound->offset) != n ? -1 : 0;
}

static int damage_file(const struct candidate *file, enum damage kind, int64_t bytes,
                       struct rift_rng *rng, struct wound *wound, struct rift_error *err)
{
    struct stat found = {0};
    CLEANUP(rift_close_fd) int fd = open_beneath(file, O_RDWR);
    int rc = fd < 0 ? -1 : fstat(fd, &found);
    *wound = (struct wound){.size = found.st_size};
    if (rc == 0 && found.st_size == 0)
        return 0; /* the system has emptied it meanwhile */
    if (rc == 0 && kind == DAMAGE_TRUNCATE)
        rc = cut_short(fd, bytes, wound);
    else if (rc == 0 && kind == DAMAGE_BITFLIP)
        rc = flip_bit(fd, wound, rng);
    else if (rc == 0)
        rc = copy_chunk(fd, bytes, wound, rng);
    return rc || fsync(fd)
               ? rift_fail_errno(err, RIFT_ERR_IO, "damage '%s/%s'", file->folder, file->path)
               : 0;
}

static int damage_plan(struct rift_injection *injection, const struct rift_target *target,
                       const char *ledger, struct rift_error *err)
{
    (void)ledger;
    (void)target;
    enum damage kind;
    return damage_kind(injection->options, &kind, err);
}

static int damage_inject(struct rift_injection *injection, const struct rift_target *target,
                         struct rift_error *err)
{
    enum damage kind;
    struct rift_rng rng;
    json_t *hit = json_array();
    const json_t *given = json_object_get(injection->options, "count");
    size_t count = json_is_number(given) ? (size_t)json_number_value(given) : 1;
    json_object_set_new(injection->undo, "files", hit);
    if (damage_kind(injection->options, &kind, err))
        return -1;
    rift_rng_init(&rng, injection->seed);
    search_run(target, injection->options);
    if (search.count == 0) {
        rift_fail(err, RIFT_ERR_MISSING,
                  "file-damage: no file with content in the data folders is '%s'", search.files);
        search_end();
        return -1;
    }
    rift_rng_shuffle(&rng, search.list, search.count, sizeof *search.list);
    injection->applied_ns = rift_clock_now();
    int rc = 0;
    for (size_t i = 0; i < search.count && i < count && rc == 0; i++) {
        const struct candidate *file = &search.list[i];
        struct wound wound;
        rc = damage_file(file, kind, option_bytes(injection->options), &rng, &wound, err);
        if (rc == 0 && i < LISTED_MAX)
            json_array_append_new(
                hit, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "folder", file->folder, "file",
                               file->path, "size", (json_int_t)wound.size, "offset",
                               (json_int_t)wound.offset, "length", (json_int_t)wound.length,
                               "digest", (json_int_t)wound.digest));
    }
    search_end();
    return rc;
}

static int damage_heal(const char *id, const json_t *undo, const char *ledger,
                       struct rift_error *err)
{
    (void)id;
    (void)undo;
    (void)ledger;
    (void)err;
    return 0;
}

static bool is_wounded(const json_t *item)
{
    const struct candidate file = {
        .folder = json_string_value(json_object_get(item, "folder")),
        .path = (char *)(uintptr_t)json_string_value(json_object_get(item, "file"))};
    const struct wound wound = {.offset = json_integer_value(json_object_get(item, "offset")),
                                .length = json_integer_value(json_object_get(item, "length"))};
    json_int_t before = json_integer_value(json_object_get(item, "digest"));
    CLEANUP(rift_close_fd) int fd = open_beneath(&file, O_RDONLY);
    return fd >= 0 && wound.length > 0 && (json_int_t)wound_digest(fd, &wound) != before;
}

static int damage_observe(const struct rift_injection *injection, const struct rift_target *target,
                          bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)target;
    (void)err;
    const json_t *hit = json_object_get(injection->undo, "files");
    size_t i, changed = 0;
    json_t *item;
    json_array_foreach(hit, i, item)
    {
        changed += is_wounded(item);
    }
    char how[96];
    snprintf(how, sizeof how, "%zu of %zu files are not what they were, when read back", changed,
             json_array_size(hit));
    json_object_set_new(details, "how", json_string(how));
    json_object_set(details, "files", (json_t *)hit);
    *is_observed = changed > 0;
    return 0;
}

static int damage_probe(const struct rift_target *target, const json_t *options,
                        struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)target;
    enum damage kind;
    if (damage_kind(options, &kind, err))
        return -1;
    ability->can = true;
    ability->backend = "writes to files in the data folders, by openat2 beneath them";
    ability->end = "it is over at once, and what is damaged stays so";
    return 0;
}

const struct rift_fault_driver rift_file_damage_driver = {
    .name = "file-damage",
    .inject_takes_time = true,
    .probe = damage_probe,
    .plan = damage_plan,
    .inject = damage_inject,
    .heal = damage_heal,
    .observe = damage_observe,
};
