/* How it works: each clock function of the vDSO gets a jump to a stub, which lies in the unused end
 * of the vDSO's last page, mapped executable in every process. Writing through /proc/PID/mem makes
 * the pages the process' own. The bytes to put back are those of our own vDSO: the kernel maps the
 * same image into every 64-bit process. */
#include "nemesis/faults/clock/vdso.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/clock/threads.h"
#include "nemesis/faults/clock/visit.h"

enum { JUMP_SIZE = 5, SETTLE_DEADLINE_MS = 2000 };

static const char *const function_names[] = {
    [VDSO_CLOCK_GETTIME] = "__vdso_clock_gettime",
    [VDSO_GETTIMEOFDAY] = "__vdso_gettimeofday",
    [VDSO_TIME] = "__vdso_time",
};

/* Our own vDSO: the same in every 64-bit process of this boot. */
struct image {
    const unsigned char *bytes;
    size_t mapped; /* whole pages */
    size_t stub;   /* where the stub goes */
    size_t stub_size;
    size_t functions[VDSO_FUNCTION_COUNT];
};

/* The end of what the image's headers speak of. What follows it on the last page is nobody's:
 * zeros, or, in User-mode Linux, whatever lay behind the image when it was copied. */
static size_t image_end(const unsigned char *bytes)
{
    const Elf64_Ehdr *header = (const void *)bytes;
    const Elf64_Phdr *programs = (const void *)(bytes + header->e_phoff);
    size_t end = header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
    for (int i = 0; i < header->e_phnum; i++) {
        size_t last = programs[i].p_offset + programs[i].p_filesz;
        end = last > end ? last : end;
    }
    return end;
}

static const Elf64_Phdr *find_program(const unsigned char *bytes, Elf64_Word type)
{
    const Elf64_Ehdr *header = (const void *)bytes;
    const Elf64_Phdr *programs = (const void *)(bytes + header->e_phoff);
    for (int i = 0; i < header->e_phnum; i++)
        if (programs[i].p_type == type)
            return &programs[i];
    return NULL;
}

/* User-mode Linux's vDSO says that it is loaded at another address than 0. */
static bool find_functions(struct image *image)
{
    const unsigned char *bytes = image->bytes;
    const Elf64_Phdr *load = find_program(bytes, PT_LOAD),
                     *dynamic = find_program(bytes, PT_DYNAMIC);
    const Elf64_Sym *symbols = NULL;
    const char *names = NULL;
    const uint32_t *hash = NULL;
    if (!load || !dynamic)
        return false;
    for (const Elf64_Dyn *entry = (const void *)(bytes + dynamic->p_offset);
         entry->d_tag != DT_NULL; entry++) {
        const void *at = bytes + (entry->d_un.d_ptr - load->p_vaddr);
        if (entry->d_tag == DT_SYMTAB)
            symbols = at;
        else if (entry->d_tag == DT_STRTAB)
            names = at;
        else if (entry->d_tag == DT_HASH)
            hash = at;
    }
    if (!symbols || !names || !hash)
        return false;
    size_t found = 0;
    for (uint32_t i = 0; i < hash[1]; i++) /* nchain is the number of symbols */
        for (size_t f = 0; f < VDSO_FUNCTION_COUNT; f++)
            if (strcmp(names + symbols[i].st_name, function_names[f]) == 0) {
                image->functions[f] = symbols[i].st_value - load->p_vaddr;
                found++;
            }
    return found == VDSO_FUNCTION_COUNT;
}

enum mapping { MAPPING_FOUND, MAPPING_OTHER, NO_MEMORY };

/* The mapping of [vdso] in a process; MAPPING_OTHER where it has none, NO_MEMORY where it is gone
 * or about to be. */
static enum mapping find_mapping(pid_t pid, uint64_t *begin, uint64_t *end)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    enum mapping mapping = NO_MEMORY;
    while (maps && mapping != MAPPING_FOUND && fgets(line, sizeof line, maps))
        mapping = strstr(line, "[vdso]") && sscanf(line, "%lx-%lx", begin, end) == 2
                      ? MAPPING_FOUND
                      : MAPPING_OTHER;
    if (maps)
        fclose(maps);
    return mapping;
}

static int image_load(struct image *image, struct rift_error *err)
{
    uint64_t begin = 0, end = 0;
    *image = (struct image){0};
    if (!vdso_stub_code(&image->stub_size) || find_mapping(getpid(), &begin, &end) != MAPPING_FOUND)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "the clock of a process can be bent on x86-64 with a vDSO only");
    image->bytes = (const void *)begin;
    image->mapped = (size_t)(end - begin);
    if (image->mapped > VDSO_IMAGE_MAX || memcmp(image->bytes, ELFMAG, SELFMAG) != 0 ||
        !find_functions(image))
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "this kernel's vDSO has another shape");
    image->stub = (image_end(image->bytes) + 15) / 16 * 16;
    if (image->stub + image->stub_size > image->mapped)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "this kernel's vDSO has %zu unused bytes, %zu are needed",
                         image->mapped - image->stub, image->stub_size);
    return 0;
}

struct victim {
    int memory; /* /proc/PID/mem */
    uint64_t base;
};

static void victim_close(struct victim *victim)
{
    rift_close_fd(&victim->memory);
}

static int victim_open(pid_t pid, const struct image *image, struct victim *victim,
                       struct rift_error *err)
{
    char path[64];
    uint64_t end = 0;
    unsigned char magic[EI_CLASS + 1];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    victim->memory = open(path, O_RDWR | O_CLOEXEC);
    if (victim->memory < 0 && errno != ENOENT && errno != ESRCH)
        return rift_fail_errno(err, RIFT_ERR_DENIED, "open %s", path);
    enum mapping mapping = victim->memory < 0 ? NO_MEMORY : find_mapping(pid, &victim->base, &end);
    if (mapping == NO_MEMORY)
        return rift_fail(err, RIFT_ERR_MISSING, "process %d is gone", (int)pid);
    if (mapping == MAPPING_OTHER || end - victim->base != image->mapped ||
        pread(victim->memory, magic, sizeof magic, (off_t)victim->base) != sizeof magic ||
        magic[EI_CLASS] != ELFCLASS64)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "process %d has no 64-bit vDSO like this program's", (int)pid);
    return 0;
}

static int victim_write(const struct victim *victim, size_t at, const void *bytes, size_t size,
                        struct rift_error *err)
{
    ssize_t n = pwrite(victim->memory, bytes, size, (off_t)(victim->base + at));
    if (n == (ssize_t)size)
        return 0;
    /* The memory that was opened goes with the process, or with its program (execve). */
    return n >= 0 ? rift_fail(err, RIFT_ERR_MISSING, "the process is gone")
                  : rift_fail_errno(err, RIFT_ERR_IO, "write to the vDSO of a process");
}

static bool victim_is_bent(const struct victim *victim, const struct image *image)
{
    uint64_t magic = 0;
    return pread(victim->memory, &magic, sizeof magic, (off_t)(victim->base + image->stub)) ==
               sizeof magic &&
           magic == VDSO_BEND_MAGIC;
}

enum region { IN_FUNCTIONS, IN_STUB };

/* A thread that stands within these bytes must not find them changed. To stand at the first byte
 * of a function is fine. */
static bool is_within(uint64_t instruction, enum region region, const struct victim *victim,
                      const struct image *image)
{
    uint64_t at = instruction - victim->base;
    if (region == IN_STUB)
        return at >= image->stub && at < image->mapped;
    for (size_t f = 0; f < VDSO_FUNCTION_COUNT; f++)
        if (at > image->functions[f] && at < image->functions[f] + JUMP_SIZE)
            return true;
    return false;
}

static bool any_within(const struct threads *threads, enum region region,
                       const struct victim *victim, const struct image *image)
{
    for (size_t i = 0; i < threads->count; i++)
        if (is_within(threads_instruction(threads, i), region, victim, image))
            return true;
    return false;
}

/* Stops every thread of pid outside of the region. threads_release lets them go on. */
static int stop_outside(pid_t pid, enum region region, const struct victim *victim,
                        const struct image *image, struct threads *threads, struct rift_error *err)
{
    int64_t deadline = rift_clock_now() + SETTLE_DEADLINE_MS * RIFT_MS;
    while (rift_clock_now() < deadline) {
        if (threads_stop(pid, threads, err) < 0)
            return -1;
        if (!any_within(threads, region, victim, image))
            return 0;
        threads_release(threads);
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS / 10);
    }
    return rift_fail(err, RIFT_ERR_TIMEOUT, "process %d never left its vDSO", (int)pid);
}

/* "jmp rel32" from a function to its replacement. */
static void make_jump(const struct image *image, enum vdso_function function,
                      unsigned char jump[JUMP_SIZE])
{
    int32_t distance = (int32_t)(image->stub + vdso_stub_entry(function)) -
                       (int32_t)(image->functions[function] + JUMP_SIZE);
    jump[0] = 0xe9;
    memcpy(jump + 1, &distance, sizeof distance);
}

static int install(const struct victim *victim, const struct image *image,
                   const struct vdso_bend *bend, struct rift_error *err)
{
    size_t size = 0;
    unsigned char stub[VDSO_IMAGE_MAX], jump[JUMP_SIZE];
    const void *code = vdso_stub_code(&size);
    memcpy(stub, code, size);
    memcpy(stub, bend, sizeof *bend);
    if (victim_write(victim, image->stub, stub, size, err) < 0)
        return -1;
    for (enum vdso_function f = 0; f < VDSO_FUNCTION_COUNT; f++) {
        make_jump(image, f, jump);
        if (victim_write(victim, image->functions[f], jump, sizeof jump, err) < 0)
            return -1;
    }
    return 0;
}

/* One word at a time: the process may be reading them. With expiry at 0 the stub shows the real
 * time, so no mixture of old and new values is ever seen. */
static int change(const struct victim *victim, const struct image *image,
                  const struct vdso_bend *bend, struct rift_error *err)
{
    const int64_t never = 0;
    const size_t expiry = offsetof(struct vdso_bend, expiry_ns);
    struct vdso_bend now;
    if (pread(victim->memory, &now, sizeof now, (off_t)(victim->base + image->stub)) ==
            sizeof now &&
        memcmp(&now, bend, expiry) == 0)
        return victim_write(victim, image->stub + expiry, &bend->expiry_ns, sizeof never, err);
    if (victim_write(victim, image->stub + expiry, &never, sizeof never, err) < 0)
        return -1;
    for (size_t at = offsetof(struct vdso_bend, offset_ns); at <= expiry; at += sizeof never)
        if (victim_write(victim, image->stub + at, (const char *)bend + at, sizeof never, err) < 0)
            return -1;
    return 0;
}

int vdso_can_bend(struct rift_error *err)
{
    struct image image;
    return image_load(&image, err);
}

/* What a visit to a process is about. */
struct visit {
    pid_t pid;
    struct vdso_bend bend;
    struct vdso_sight sight;
};

static int visit_bend(void *context, struct rift_error *err)
{
    const struct visit *visit = context;
    struct image image;
    CLEANUP(victim_close) struct victim victim = {.memory = -1};
    CLEANUP(threads_release) struct threads threads = {0};
    if (image_load(&image, err) < 0 || victim_open(visit->pid, &image, &victim, err) < 0 ||
        stop_outside(visit->pid, IN_FUNCTIONS, &victim, &image, &threads, err) < 0)
        return -1;
    return install(&victim, &image, &visit->bend, err);
}

int vdso_bend(pid_t pid, const struct vdso_bend *bend, struct rift_error *err)
{
    struct image image;
    CLEANUP(victim_close) struct victim victim = {.memory = -1};
    if (image_load(&image, err) < 0 || victim_open(pid, &image, &victim, err) < 0)
        return -1;
    if (victim_is_bent(&victim, &image))
        return change(&victim, &image, bend, err);
    struct visit visit = {.pid = pid, .bend = *bend};
    return rift_visit(visit_bend, &visit, sizeof visit, err);
}

static int restore(const struct victim *victim, const struct image *image, enum region region,
                   struct rift_error *err)
{
    if (region == IN_STUB)
        return victim_write(victim, image->stub, image->bytes + image->stub, image->stub_size, err);
    for (size_t f = 0; f < VDSO_FUNCTION_COUNT; f++)
        if (victim_write(victim, image->functions[f], image->bytes + image->functions[f], JUMP_SIZE,
                         err) < 0)
            return -1;
    return 0;
}

/* First the functions, so that nobody enters the stub any more; then, once all have left it, the
 * stub. */
static int visit_straighten(void *context, struct rift_error *err)
{
    static const enum region order[] = {IN_FUNCTIONS, IN_STUB};
    const struct visit *visit = context;
    struct image image;
    CLEANUP(victim_close) struct victim victim = {.memory = -1};
    if (image_load(&image, err) < 0 || victim_open(visit->pid, &image, &victim, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        CLEANUP(threads_release) struct threads threads = {0};
        if (stop_outside(visit->pid, order[i], &victim, &image, &threads, err) < 0 ||
            restore(&victim, &image, order[i], err) < 0)
            return -1;
    }
    return 0;
}

int vdso_straighten(pid_t pid, struct rift_error *err)
{
    struct image image;
    CLEANUP(victim_close) struct victim victim = {.memory = -1};
    struct rift_error reason = {0};
    struct visit visit = {.pid = pid};
    if (image_load(&image, NULL) < 0 || victim_open(pid, &image, &victim, &reason) < 0)
        return reason.code == RIFT_ERR_DENIED ? rift_fail(err, reason.code, "%s", reason.text) : 0;
    if (!victim_is_bent(&victim, &image) ||
        rift_visit(visit_straighten, &visit, sizeof visit, &reason) == 0 ||
        reason.code == RIFT_ERR_MISSING)
        return 0;
    return rift_fail(err, reason.code, "%s", reason.text);
}

bool vdso_is_bent(pid_t pid)
{
    struct image image;
    CLEANUP(victim_close) struct victim victim = {.memory = -1};
    return image_load(&image, NULL) == 0 && victim_open(pid, &image, &victim, NULL) == 0 &&
           victim_is_bent(&victim, &image);
}

static int visit_ask(void *context, struct rift_error *err)
{
    struct visit *visit = context;
    struct image image;
    CLEANUP(victim_close) struct victim victim = {.memory = -1};
    CLEANUP(threads_release) struct threads threads = {0};
    struct timespec answer = {0};
    struct threads_moment moment;
    if (image_load(&image, err) < 0 || victim_open(visit->pid, &image, &victim, err) < 0 ||
        threads_stop(visit->pid, &threads, err) < 0)
        return -1;
    uint64_t function = victim.base + image.functions[VDSO_CLOCK_GETTIME];
    if (threads_call(&threads, function, CLOCK_REALTIME, &answer, sizeof answer, &moment, err) < 0)
        return rift_wrap(err, "ask process %d for its time", (int)visit->pid);
    visit->sight =
        (struct vdso_sight){.before_ns = moment.before_ns,
                            .seen_ns = (int64_t)answer.tv_sec * RIFT_SECOND + answer.tv_nsec,
                            .after_ns = moment.after_ns};
    return 0;
}

int vdso_ask(pid_t pid, struct vdso_sight *sight, struct rift_error *err)
{
    struct visit visit = {.pid = pid};
    if (rift_visit(visit_ask, &visit, sizeof visit, err) < 0)
        return -1;
    *sight = visit.sight;
    return 0;
}
