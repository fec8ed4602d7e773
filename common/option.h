/* How a plug-in describes an option: the plan checks values against it, the docs print it. */
#ifndef COMMON_OPTION_H
#define COMMON_OPTION_H

enum rift_option_kind {
    RIFT_OPTION_INTEGER,
    RIFT_OPTION_REAL,
    RIFT_OPTION_BOOL,
    RIFT_OPTION_TEXT,
    RIFT_OPTION_FILE,   /* a path; from the configuration's folder where it is relative */
    RIFT_OPTION_CHOICE, /* one word of choices */
    RIFT_OPTION_LIST,   /* a list of texts, or one text; each of choices, where given */
    RIFT_OPTION_RANGE,  /* a number, or [low, high] drawn from by the seed; whole without a unit */
    RIFT_OPTION_ANY,    /* a structure that its owner reads itself */
};

struct rift_option {
    const char *name; /* with its unit last where it has one: "for_s" */
    enum rift_option_kind kind;
    const char *unit;           /* "ms", "ops/s", "%", or "" */
    const char *fallback;       /* the default as it would stand in the YAML; NULL: required */
    double minimum, maximum;    /* for numbers; both 0: unbounded */
    const char *const *choices; /* NULL-terminated, or NULL */
    const char *summary;
};

#endif
