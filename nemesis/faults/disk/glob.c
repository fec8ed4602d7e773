#include "nemesis/faults/disk/glob.h"

#include <fnmatch.h>
#include <ftw.h>
#include <string.h>

#include "common/text.h"

bool rift_glob_matches(const char *pattern, const char *path)
{
    const char *slash = strrchr(path, '/');
    return fnmatch(pattern, path, 0) == 0 ||
           (!strchr(pattern, '/') && slash && fnmatch(pattern, slash + 1, 0) == 0);
}

/* nftw(3) takes no context. */
static struct {
    size_t root_length;
    const char *pattern;
} search;

static int search_visit(const char *path, const struct stat *found, int kind, struct FTW *where)
{
    (void)found;
    if (kind == FTW_D || where->level == 0 || rift_text_starts_with(path + where->base, ".rift-"))
        return 0;
    return rift_glob_matches(search.pattern, path + search.root_length + 1);
}

bool rift_glob_finds(const char *folder, const char *pattern)
{
    search.root_length = strlen(folder);
    search.pattern = pattern;
    return nftw(folder, search_visit, 32, FTW_PHYS) == 1;
}
