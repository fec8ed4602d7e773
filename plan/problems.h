/* The mistakes of a configuration, gathered so that one run names them all. */
#ifndef PLAN_PROBLEMS_H
#define PLAN_PROBLEMS_H

#include <stddef.h>

#include "common/error.h"
#include "common/text.h"
#include "plan/tree.h"

struct rift_problems {
    const char *path;
    struct rift_text lines;
    size_t count;
};

/* One line "path:line:column: text"; node NULL: without a place. */
void rift_problem_add(struct rift_problems *problems, const struct rift_tree *node,
                      const char *format, ...) __attribute__((format(printf, 3, 4)));
/* "unknown fault 'kil', did you mean 'kill'?", or the whole list where nothing is near. */
void rift_problem_unknown(struct rift_problems *problems, const struct rift_tree *node,
                          const char *what, const char *word, const char *const *known,
                          size_t known_count);
/* 0 without problems; else -1 with as many lines as the error's text holds. */
int rift_problems_fail(const struct rift_problems *problems, struct rift_error *err);
void rift_problems_finish(struct rift_problems *problems);

#endif
