/* Waits until the system serves clients on every node. A port that answers is not enough: only an
 * operation that was carried out shows that the nodes have found each other. */
#include "control/run/healthy.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"

#define HEALTHY_PAUSE_NS (100 * RIFT_MS)

struct patient {
    const struct rift_client *client;
    struct rift_client_config config;
    const char *f; /* NULL: opening is enough */
    int64_t op_timeout_ms, deadline_ns;
    const atomic_bool *is_stopped;
    bool is_healthy;
    enum rift_error_code hopeless; /* of a session that cannot be opened, however long we wait */
    char last[RIFT_ERROR_TEXT_SIZE];
    pthread_t thread;
    bool has_thread;
};

static const char *healthy_operation(const struct rift_client *client)
{
    static const char *const wanted[] = {"write", "read"};
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; client->operations && client->operations[j]; j++) {
            if (strcmp(client->operations[j], wanted[i]) == 0)
                return wanted[i];
        }
    }
    return NULL;
}

static bool healthy_invoke(struct patient *patient, void *session)
{
    struct rift_values *values = rift_values_create();
    struct rift_request request = {
        .f = patient->f,
        .key = rift_value_integer(values, RIFT_PROBE_KEY),
        .values = values,
        .deadline_ns = rift_clock_now() + patient->op_timeout_ms * RIFT_MS,
    };
    if (strcmp(patient->f, "write") == 0)
        request.argument = rift_value_integer(values, 0);
    struct rift_answer answer = {.type = RIFT_OP_INFO};
    patient->client->invoke(session, &request, &answer);
    snprintf(patient->last, sizeof patient->last, "%s", answer.error);
    rift_values_destroy(values);
    return answer.type == RIFT_OP_OK;
}

/* A file of the client's that is absent, or that others may read: no node has a part in it. */
static bool is_hopeless(enum rift_error_code code)
{
    return code == RIFT_ERR_MISSING || code == RIFT_ERR_DENIED || code == RIFT_ERR_INVALID;
}

static void *healthy_ask(void *context)
{
    struct patient *patient = context;
    while (!patient->is_healthy && !atomic_load(patient->is_stopped) &&
           rift_clock_now() < patient->deadline_ns) {
        void *session = NULL;
        struct rift_error err = {0};
        int64_t began_ns = rift_clock_now();
        patient->config.open_deadline_ns = patient->deadline_ns;
        if (patient->client->open(&patient->config, &session, &err) == 0) {
            patient->is_healthy = !patient->f || healthy_invoke(patient, session);
            patient->client->close(session);
        } else {
            /* That there was no time left for an answer hides why nobody was served before. */
            patient->hopeless = is_hopeless(err.code) ? err.code : RIFT_ERR_NONE;
            if (!patient->last[0] || patient->hopeless ||
                patient->deadline_ns - began_ns > RIFT_SECOND)
                snprintf(patient->last, sizeof patient->last, "%s", err.text);
        }
        if (patient->hopeless)
            break;
        if (!patient->is_healthy)
            rift_clock_sleep_until(rift_clock_now() + HEALTHY_PAUSE_NS);
    }
    return NULL;
}

int healthy_wait(const struct rift_client *client, const struct rift_client_config *configs,
                 size_t node_count, int64_t op_timeout_ms, int64_t deadline_ms,
                 const atomic_bool *is_stopped, struct rift_error *err)
{
    struct patient *patients = rift_calloc(node_count, sizeof *patients);
    for (size_t i = 0; i < node_count; i++) {
        patients[i] = (struct patient){
            .client = client,
            .config = configs[i],
            .f = healthy_operation(client),
            .op_timeout_ms = op_timeout_ms,
            .deadline_ns = rift_clock_now() + deadline_ms * RIFT_MS,
            .is_stopped = is_stopped,
        };
        patients[i].has_thread =
            pthread_create(&patients[i].thread, NULL, healthy_ask, &patients[i]) == 0;
        if (!patients[i].has_thread)
            healthy_ask(&patients[i]);
    }
    int result = 0;
    for (size_t i = 0; i < node_count; i++) {
        if (patients[i].has_thread)
            pthread_join(patients[i].thread, NULL);
        if (patients[i].hopeless && result == 0)
            result = rift_fail(err, patients[i].hopeless, "client to %s: %s", configs[i].node,
                               patients[i].last);
        else if (!patients[i].is_healthy && result == 0)
            result = rift_fail(err, RIFT_ERR_TIMEOUT, "%s serves no client after %lld s: %s",
                               configs[i].node, (long long)(deadline_ms / 1000), patients[i].last);
    }
    free(patients);
    return result;
}
