/* What a failed test has to say, whole and at once: cmocka cuts a message after 1024 bytes, and of
 * a program's output the reason stands at the end. */
#ifndef TESTS_LIB_WHOLE_OUTPUT_H
#define TESTS_LIB_WHOLE_OUTPUT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

__attribute__((format(printf, 1, 2))) static inline void test_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* In the place of cmocka's, and used as that is. */
#undef fail_msg
#define fail_msg(...) (test_say(__VA_ARGS__), fail())

/* A program's exit code, or what it said. */
#define assert_exit_code(code, wanted, output)                                                     \
    test_exit_code(code, wanted, output, __FILE__, __LINE__)
static inline void test_exit_code(int code, int wanted, const char *output, const char *file,
                                  int line)
{
    if (code == wanted)
        return;
    test_say("exit code %d, not %d; it said:\n%s", code, wanted, output);
    _fail(file, line);
}

/* That its output has the words. */
#define assert_says(output, words) test_says(output, words, __FILE__, __LINE__)
static inline void test_says(const char *output, const char *words, const char *file, int line)
{
    if (strstr(output, words))
        return;
    test_say("it does not say '%s' but:\n%s", words, output);
    _fail(file, line);
}

#endif
