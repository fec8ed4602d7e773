/* Trouble of the harness: a code for the program and one sentence for the person. */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

enum rift_error_code {
    RIFT_ERR_NONE = 0,
    RIFT_ERR_INVALID,     /* bad input: configuration, file, wire, arguments */
    RIFT_ERR_IO,          /* a file, socket or device failed */
    RIFT_ERR_UNREACHABLE, /* a host or service does not answer */
    RIFT_ERR_DENIED,      /* permission, key or host key refused */
    RIFT_ERR_TIMEOUT,     /* a deadline passed */
    RIFT_ERR_UNSUPPORTED, /* this machine, kernel or build cannot do it */
    RIFT_ERR_CONFLICT,    /* someone else holds or changed it */
    RIFT_ERR_LIMIT,       /* a bound on size, memory or count was reached */
    RIFT_ERR_MISSING,     /* something named does not exist */
    RIFT_ERR_CANCELLED,   /* the user asked to stop */
};

enum { RIFT_ERROR_TEXT_SIZE = 1024 };

struct rift_error {
    enum rift_error_code code;
    char text[RIFT_ERROR_TEXT_SIZE];
};

/* Writes the error and returns -1. err may be NULL. The text has no final full stop. */
int rift_fail(struct rift_error *err, enum rift_error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As rift_fail with ": " and strerror(errno) behind it; errno is read first. */
int rift_fail_errno(struct rift_error *err, enum rift_error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts context in front of an error that a lower layer wrote, keeps its code, returns -1. */
int rift_wrap(struct rift_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
