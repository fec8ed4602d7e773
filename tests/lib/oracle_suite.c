#include "tests/lib/oracle_suite.h"
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "tests/lib/judging.h"

struct tally {
    uint64_t by_validity[3];
    uint64_t by_name[ORACLE_NAMES_MAX];
    uint64_t left_open;
};

static enum rift_validity validity_of(const struct oracle_answer *answer)
{
    for (int i = 0; i < ORACLE_NAMES_MAX; i++)
        if (answer->has[i])
            return RIFT_INVALID;
    return answer->is_open ? RIFT_UNKNOWN : RIFT_VALID;
}

static void compare(const struct oracle_subject *subject, const struct plain_history *history,
                    const char *half, uint64_t round, struct tally *tally)
{
    struct oracle_answer answer = {0};
    subject->judge(history, &answer);
    struct rift_verdict verdict = plain_judge(history, subject->checker, subject->options);
    enum rift_validity expected = validity_of(&answer);
    bool is_left_open =
        answer.may_be_unknown && expected == RIFT_INVALID && verdict.validity == RIFT_UNKNOWN;
    if (is_left_open)
        memset(answer.has, 0, sizeof answer.has);
    bool is_same = verdict.validity == expected || is_left_open;
    tally->left_open += is_left_open;
    for (int i = 0; i < ORACLE_NAMES_MAX && subject->names[i]; i++)
        is_same &= verdict_names(&verdict, subject->names[i]) == answer.has[i];
    if (!is_same) {
        plain_print(history);
        for (int i = 0; i < ORACLE_NAMES_MAX && subject->names[i]; i++)
            print_error("%s: by definition %s, told %s\n", subject->names[i],
                        answer.has[i] ? "yes" : "no",
                        verdict_names(&verdict, subject->names[i]) ? "yes" : "no");
        fail_msg("%s, %s round %llu: %s (%s), by definition %s", subject->checker, half,
                 (unsigned long long)round, rift_validity_name(verdict.validity),
                 verdict.reason ? verdict.reason : "", rift_validity_name(expected));
    }
    tally->by_validity[expected]++;
    for (int i = 0; i < ORACLE_NAMES_MAX; i++)
        tally->by_name[i] += answer.has[i];
    rift_verdict_finish(&verdict);
}

void oracle_compare(const struct oracle_subject *subject, uint64_t random_rounds)
{
    struct tally tally = {{0}, {0}, 0};
    struct choices choices;
    uint64_t small = 0;
    choices_all(&choices);
    do {
        struct plain_history history = {0};
        subject->generate(&choices, true, &history);
        compare(subject, &history, "exhaustive", small++, &tally);
    } while (choices_next(&choices));
    for (uint64_t seed = 0; seed < oracle_rounds(random_rounds); seed++) {
        struct plain_history history = {0};
        choices_random(&choices, seed);
        subject->generate(&choices, false, &history);
        compare(subject, &history, "random", seed, &tally);
    }
    print_message("%s: %llu small histories, all of them: with the random ones %llu valid, %llu "
                  "unknown, %llu invalid (of which %llu are left open)\n",
                  subject->checker, (unsigned long long)small,
                  (unsigned long long)tally.by_validity[RIFT_VALID],
                  (unsigned long long)tally.by_validity[RIFT_UNKNOWN],
                  (unsigned long long)tally.by_validity[RIFT_INVALID],
                  (unsigned long long)tally.left_open);
    assert_true(tally.by_validity[RIFT_VALID] > 0);
    for (int i = 0; i < ORACLE_NAMES_MAX && subject->names[i]; i++)
        if (subject->names[i][0] != '\0' && tally.by_name[i] == 0)
            fail_msg("%s: no history had '%s'", subject->checker, subject->names[i]);
}
