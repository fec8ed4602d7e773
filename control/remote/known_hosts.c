#include "control/remote/known_hosts.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"

static const char blanks[] = " \t";

/* The next field, ended in place; NULL: there is none. */
static char *take_field(char **rest)
{
    char *field = *rest + strspn(*rest, blanks);
    size_t length = strcspn(field, blanks);
    if (length == 0)
        return NULL;
    *rest = field + length + (field[length] != 0);
    field[length] = 0;
    return field;
}

/* As ssh does: one that begins with ! and fits rules the host out. In a pattern brackets, as in
 * "[host]:2222", are no class of characters. */
static bool patterns_fit(const char *patterns, const char *name)
{
    CLEANUP(rift_free) char *list = rift_strdup(patterns);
    bool fits = false;
    char *rest = list;
    for (char *pattern; (pattern = strsep(&rest, ","));) {
        CLEANUP(rift_text_finish) struct rift_text quoted = {0};
        bool is_not = pattern[0] == '!';
        for (const char *c = pattern + is_not; *c; c++)
            rift_text_printf(&quoted, "%s%c", *c == '[' || *c == '\\' ? "\\" : "", *c);
        if (!quoted.data || fnmatch(quoted.data, name, FNM_CASEFOLD) != 0)
            continue;
        if (is_not)
            return false;
        fits = true;
    }
    return fits;
}

static void read_marked(char *rest, const char *mark, const char *name, const char *key,
                        struct known_hosts_marks *marks)
{
    const char *patterns = take_field(&rest), *kind = take_field(&rest);
    const char *encoded = take_field(&rest);
    if (!patterns || !kind || !encoded)
        return;
    if (strcmp(mark, "@revoked") == 0 && strcmp(encoded, key) == 0)
        marks->is_revoked = true;
    if (strcmp(mark, "@cert-authority") == 0 && patterns_fit(patterns, name))
        marks->has_authority = true;
}

static void read_line(const char *line, const char *name, const char *key,
                      LIBSSH2_KNOWNHOSTS *hosts, struct known_hosts_marks *marks)
{
    CLEANUP(rift_free) char *copy = rift_strdup(line);
    char *rest = copy;
    const char *first = take_field(&rest);
    if (!first || first[0] == '#')
        return;
    if (first[0] == '@') {
        read_marked(rest, first, name, key, marks);
        return;
    }
    bool is_pattern = first[0] != '|' && strpbrk(first, "*?!");
    if (is_pattern && !patterns_fit(first, name))
        return;
    CLEANUP(rift_free)
    char *plain = is_pattern ? rift_printf("%s %s", name, rest) : rift_strdup(line);
    libssh2_knownhost_readline(hosts, plain, strlen(plain), LIBSSH2_KNOWNHOST_FILE_OPENSSH);
}

bool known_hosts_read(const char *path, const char *name, const char *key,
                      LIBSSH2_KNOWNHOSTS *hosts, struct known_hosts_marks *marks)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    if (!file)
        return errno == ENOENT || errno == ENOTDIR;
    while ((length = getline(&line, &size, file)) >= 0) {
        while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
            line[--length] = 0;
        read_line(line, name, key, hosts, marks);
    }
    bool is_read = !ferror(file);
    free(line);
    fclose(file);
    return is_read;
}
