/* The options of rift check, and numbers with units. */
#ifndef CONTROL_CLI_CHECK_OPTIONS_H
#define CONTROL_CLI_CHECK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checkers/checker.h"
#include "common/error.h"

enum { CHECK_SET_MAX = 16 };

struct check_options {
    const char *model, *model_file, *checker, *format, *initial, *html,
        *level;                     /* NULL: not given */
    const char *set[CHECK_SET_MAX]; /* NAME=VALUE, options of the checker */
    size_t set_count;
    bool is_keyed, is_json, wants_order;
    struct rift_budget budget; /* 0: not given */
    char **files;
    size_t file_count;
};

/* -1 and an error that names the argument. files point into argv. */
int check_options_read(int argc, char **argv, struct check_options *options,
                       struct rift_error *err);

#endif
