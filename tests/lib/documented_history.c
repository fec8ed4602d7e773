#include "tests/lib/documented_history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"

static const char OPENING[] = "```history ";

static void fail_at(const char *path, size_t line, const char *what)
{
    fprintf(stderr, "%s:%zu: %s\n", path, line, what);
    abort();
}

struct documented_history *documented_histories_read(const char *path, size_t *count)
{
    struct documented_history *histories = NULL;
    CLEANUP(rift_free) char *heading = rift_strdup("");
    CLEANUP(rift_free) char *line = NULL;
    struct rift_text notation = {0};
    size_t size = 0, number = 0;
    bool is_inside = false;
    FILE *file = fopen(path, "r");
    if (!file)
        fail_at(path, 0, "cannot be opened");
    *count = 0;
    while (getline(&line, &size, file) >= 0) {
        number++;
        line[strcspn(line, "\n")] = '\0';
        struct documented_history *last = *count ? &histories[*count - 1] : NULL;
        if (rift_text_starts_with(line, "## ")) {
            free(heading);
            heading = rift_strdup(line + 3);
        } else if (rift_text_starts_with(line, OPENING)) {
            if (last && !last->rules_out)
                fail_at(path, number, "the block before has no line 'Rules out:'");
            histories = rift_reallocarray(histories, *count + 1, sizeof *histories);
            const char *name = line + strlen(OPENING), *space = strchr(name, ' ');
            histories[(*count)++] = (struct documented_history){
                .heading = rift_strdup(heading),
                .checker = rift_strndup(name, space ? (size_t)(space - name) : strlen(name)),
                .options = rift_strdup(space ? space + 1 : "")};
            is_inside = true;
        } else if (is_inside && strcmp(line, "```") == 0) {
            last->notation = rift_text_take(&notation);
            is_inside = false;
        } else if (is_inside) {
            rift_text_printf(&notation, "%s\n", line);
        } else if (last && rift_text_starts_with(line, "Finds: ")) {
            last->finds = rift_strdup(line + strlen("Finds: "));
        } else if (last && rift_text_starts_with(line, "Rules out: ")) {
            last->rules_out = rift_strdup(line + strlen("Rules out: "));
        }
    }
    fclose(file);
    rift_text_finish(&notation);
    return histories;
}

void documented_histories_free(struct documented_history *histories, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(histories[i].heading);
        free(histories[i].checker);
        free(histories[i].options);
        free(histories[i].notation);
        free(histories[i].finds);
        free(histories[i].rules_out);
    }
    free(histories);
}
