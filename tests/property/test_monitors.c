/* Each monitor against a brute force: every small history over an alphabet, and random ones.
 * A monitor that is silent, or that sees only valid histories, agrees with everything: the tests
 * ask how often it answered, too. With an argument only what fits: test_monitors "stack*". */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "checkers/monitors/registry.h"
#include "tests/property/monitor_oracle.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ALPHABET(name)                                                                             \
    static const struct oracle_alphabet name##_alphabet = {                                        \
        name##_completed, COUNT(name##_completed), name##_crashed, COUNT(name##_crashed)}

static const struct rift_call register_completed[] = {
    {RIFT_CALL_WRITE, 1, 0}, {RIFT_CALL_WRITE, 2, 0}, {RIFT_CALL_READ, 0, 0},
    {RIFT_CALL_READ, 1, 0},  {RIFT_CALL_READ, 2, 0},  {RIFT_CALL_CAS, 0, 1},
    {RIFT_CALL_CAS, 1, 2},   {RIFT_CALL_CAS, 2, 1},
};
static const struct rift_call register_crashed[] = {
    {RIFT_CALL_WRITE, 1, 0},
    {RIFT_CALL_WRITE, 2, 0},
    {RIFT_CALL_CAS, 1, 2},
    {RIFT_CALL_CAS, 2, 1},
};
ALPHABET(register);

static const struct rift_call set_completed[] = {
    {RIFT_CALL_ADD_NEW, 1, 0}, {RIFT_CALL_REMOVE_FOUND, 1, 0}, {RIFT_CALL_CONTAINS, 1, 0},
    {RIFT_CALL_LACKS, 1, 0},   {RIFT_CALL_ADD, 1, 0},          {RIFT_CALL_REMOVE, 1, 0},
};
static const struct rift_call set_crashed[] = {
    {RIFT_CALL_ADD, 1, 0},
    {RIFT_CALL_REMOVE, 1, 0},
};
ALPHABET(set);

static const struct rift_call mutex_completed[] = {
    {RIFT_CALL_ACQUIRE, 1, 0},
    {RIFT_CALL_RELEASE, 1, 0},
    {RIFT_CALL_REFUSED, 1, 0},
};
static const struct rift_call mutex_crashed[] = {
    {RIFT_CALL_ACQUIRE, 1, 0},
    {RIFT_CALL_RELEASE, 1, 0},
};
ALPHABET(mutex);

static const struct rift_call reentrant_completed[] = {
    {RIFT_CALL_ACQUIRE, 1, 0},
    {RIFT_CALL_RELEASE, 1, 0},
    {RIFT_CALL_ACQUIRE, 2, 0},
    {RIFT_CALL_RELEASE, 2, 0},
};
#define reentrant_crashed mutex_crashed
ALPHABET(reentrant);

static const struct rift_call fenced_completed[] = {
    {RIFT_CALL_ACQUIRE, 1, 0},
    {RIFT_CALL_ACQUIRE, 1, ORACLE_ZERO + 1},
    {RIFT_CALL_ACQUIRE, 2, ORACLE_ZERO + 2},
    {RIFT_CALL_RELEASE, 1, 0},
    {RIFT_CALL_RELEASE, 2, 0},
};
#define fenced_crashed mutex_crashed
ALPHABET(fenced);

static const struct rift_call counter_completed[] = {
    {RIFT_CALL_INCREMENT, ORACLE_ZERO + 1, 0}, {RIFT_CALL_READ, ORACLE_ZERO - 1, 0},
    {RIFT_CALL_READ, ORACLE_ZERO, 0},          {RIFT_CALL_READ, ORACLE_ZERO + 1, 0},
    {RIFT_CALL_READ, ORACLE_ZERO + 2, 0},
};
static const struct rift_call counter_crashed[] = {
    {RIFT_CALL_INCREMENT, ORACLE_ZERO + 1, 0},
};
ALPHABET(counter);

static const struct rift_call fetch_add_completed[] = {
    {RIFT_CALL_FETCH_ADD, ORACLE_ZERO + 1, ORACLE_ZERO},
    {RIFT_CALL_FETCH_ADD, ORACLE_ZERO + 1, ORACLE_ZERO + 1},
    {RIFT_CALL_ADD_FETCH, ORACLE_ZERO + 1, ORACLE_ZERO},
    {RIFT_CALL_ADD_FETCH, ORACLE_ZERO + 1, ORACLE_ZERO + 2},
    {RIFT_CALL_READ, ORACLE_ZERO, 0},
    {RIFT_CALL_READ, ORACLE_ZERO + 1, 0},
};
#define fetch_add_crashed counter_crashed
ALPHABET(fetch_add);

/* Two values in a container, without what it answers when they are put in. */
static const struct rift_call container_completed[] = {
    {RIFT_CALL_INSERT, 1, 0},     {RIFT_CALL_INSERT, 2, 0}, {RIFT_CALL_TAKE, 1, 0},
    {RIFT_CALL_TAKE, 2, 0},       {RIFT_CALL_PEEK, 1, 0},   {RIFT_CALL_PEEK, 2, 0},
    {RIFT_CALL_TAKE_EMPTY, 0, 0},
};
static const struct rift_call container_crashed[] = {
    {RIFT_CALL_INSERT, 1, 0},
    {RIFT_CALL_INSERT, 2, 0},
    {RIFT_CALL_TAKE_UNKNOWN, 0, 0},
};
ALPHABET(container);

struct subject {
    const char *name;
    const struct rift_monitor *monitor;
    enum oracle_object object;
    const struct oracle_alphabet *alphabet;
    unsigned small_ops;        /* of the small histories, at most; one more with RIFT_LONG=1 */
    size_t small_valid_min;    /* so many of the small ones are valid, or they test nothing */
    size_t random_count;       /* a million with RIFT_LONG=1 */
    size_t unexplained_one_in; /* silent though no value repeats: one in so many valid ones may be
                                  so; 0: none */
};

static const struct subject subjects[] = {
    {"register", &rift_monitor_register_unique, ORACLE_REGISTER, &register_alphabet, 3, 500, 60000,
     0},
    {"set", &rift_monitor_set, ORACLE_SET, &set_alphabet, 3, 500, 60000, 0},
    {"mutex", &rift_monitor_mutex, ORACLE_MUTEX, &mutex_alphabet, 4, 500, 40000, 0},
    {"reentrant-lock", &rift_monitor_owned_lock, ORACLE_REENTRANT_LOCK, &reentrant_alphabet, 4, 200,
     40000, 0},
    {"fenced-lock", &rift_monitor_owned_lock, ORACLE_FENCED_LOCK, &fenced_alphabet, 4, 200, 40000,
     0},
    {"counter", &rift_monitor_counter, ORACLE_COUNTER, &counter_alphabet, 3, 500, 60000, 0},
    {"fetch-add", &rift_monitor_fetch_add, ORACLE_FETCH_ADD, &fetch_add_alphabet, 3, 500, 60000, 0},
    {"queue", &rift_monitor_queue, ORACLE_QUEUE, &container_alphabet, 3, 500, 60000, 100000},
    {"priority-queue", &rift_monitor_priority_queue, ORACLE_PRIORITY_QUEUE, &container_alphabet, 3,
     500, 60000, 100000},
    {"unordered-queue", &rift_monitor_unordered_queue, ORACLE_UNORDERED_QUEUE, &container_alphabet,
     3, 500, 60000, 0},
    {"stack", &rift_monitor_stack, ORACLE_STACK, &container_alphabet, 3, 500, 60000, 1000},
};

static void every_small_history_agrees(void **state)
{
    const struct subject *subject = *state;
    struct oracle_tally tally =
        oracle_check_all(subject->monitor, subject->object, subject->alphabet, subject->small_ops);
    assert_true(tally.valid > subject->small_valid_min && tally.invalid > 1000);
}

static void random_histories_agree(void **state)
{
    const struct subject *subject = *state;
    struct oracle_tally tally =
        oracle_check_random(subject->monitor, subject->object, subject->random_count);
    size_t unexplained_max =
        subject->unexplained_one_in ? tally.valid / subject->unexplained_one_in : 0;
    assert_true(tally.silent < (tally.valid + tally.invalid) / 5);
    assert_true(tally.invalid > tally.valid / 20);
    assert_true(tally.unexplained <= unexplained_max);
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[2 * COUNT(subjects)];
    char names[2 * COUNT(subjects)][64];
    for (size_t i = 0; i < COUNT(tests); i++) {
        bool is_random = i % 2;
        snprintf(names[i], sizeof *names, "%s, %s", subjects[i / 2].name,
                 is_random ? "random" : "every small one");
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = is_random ? random_histories_agree
                                                              : every_small_history_agrees,
                                       .initial_state = (void *)&subjects[i / 2]};
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return _cmocka_run_group_tests("monitors", tests, COUNT(tests), NULL, NULL);
}
