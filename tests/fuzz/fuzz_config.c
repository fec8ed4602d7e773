/* Any bytes as a configuration: a plan or one error that names the file, never a crash; and a plan
 * that was accepted is accepted again from its frozen form, and schedules. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/catalogue.h"
#include "plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rift_catalogue *catalogue = rift_catalogue_of_build();
    struct rift_error err = {0};
    struct rift_plan *plan =
        rift_plan_parse("f.yaml", (const char *)data, size, catalogue, 0, &err);
    if (!plan) {
        assert(err.code != RIFT_ERR_NONE && strlen(err.text) > 0);
        return 0;
    }
    struct rift_text text = {0};
    rift_plan_print(plan, &text);
    struct rift_plan *again = rift_plan_parse("f.yaml", text.data, text.length, catalogue, 0, &err);
    assert(again && json_equal((json_t *)plan->json, (json_t *)again->json));
    struct rift_schedule *schedule = rift_plan_schedule(plan, &err);
    assert(schedule || err.code == RIFT_ERR_LIMIT);
    struct rift_text meeting = {0};
    rift_plan_check_windows(plan, "f.yaml", NULL);
    if (schedule && rift_plan_find_clash(plan, schedule, "f.yaml", &meeting))
        assert(strncmp(meeting.data, "f.yaml:", 7) == 0);
    rift_text_finish(&meeting);
    rift_schedule_destroy(schedule);
    rift_plan_destroy(again);
    rift_plan_destroy(plan);
    rift_text_finish(&text);
    return 0;
}
