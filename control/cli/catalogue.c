/* Registries as data. Recipes are looked for below the working folder, beside the program as it
 * stands in a build, and where it would be installed. */
#include "control/cli/catalogue.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkers/checker.h"
#include "clients/client.h"
#include "common/memory.h"
#include "workloads/workload.h"

enum { FOLDERS_MAX = 4 };

static const struct rift_catalogue_entry *list_workloads(void)
{
    size_t count = 0;
    while (rift_workloads[count])
        count++;
    struct rift_catalogue_entry *entries = rift_calloc(count + 1, sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        const struct rift_workload *workload = rift_workloads[i];
        entries[i] =
            (struct rift_catalogue_entry){.name = workload->name,
                                          .summary = workload->summary,
                                          .options = workload->options,
                                          .operations = workload->operations,
                                          .optional_operations = workload->optional_operations,
                                          .client_options = workload->client_options,
                                          .client_settings = workload->client_settings,
                                          .checkers = workload->checkers};
    }
    return entries;
}

static const struct rift_catalogue_entry *list_checkers(void)
{
    size_t count = 0;
    while (rift_checkers[count])
        count++;
    struct rift_catalogue_entry *entries = rift_calloc(count + 1, sizeof *entries);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct rift_catalogue_entry){.name = rift_checkers[i]->name,
                                                   .summary = rift_checkers[i]->summary,
                                                   .options = rift_checkers[i]->options};
    return entries;
}

static const struct rift_catalogue_entry *list_clients(void)
{
    size_t count = 0;
    while (rift_clients[count])
        count++;
    struct rift_catalogue_entry *entries = rift_calloc(count + 1, sizeof *entries);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct rift_catalogue_entry){.name = rift_clients[i]->name,
                                                   .summary = rift_clients[i]->summary,
                                                   .options = rift_clients[i]->options,
                                                   .operations = rift_clients[i]->operations};
    return entries;
}

static const char *const *list_folders(void)
{
    static const char *folders[FOLDERS_MAX];
    static char beside[PATH_MAX + sizeof "/../configs/systems"];
    size_t count = 0;
    folders[count++] = "configs/systems";
    ssize_t length = readlink("/proc/self/exe", beside, PATH_MAX - 1);
    beside[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(beside, '/');
    if (slash) {
        memcpy(slash, "/../configs/systems", sizeof "/../configs/systems");
        folders[count++] = beside;
    }
    folders[count++] = "/usr/local/share/rift/systems";
    return folders;
}

const struct rift_catalogue *rift_catalogue_of_build(void)
{
    static struct rift_catalogue catalogue;
    if (!catalogue.faults)
        catalogue = (struct rift_catalogue){.faults = rift_faults,
                                            .workloads = list_workloads(),
                                            .checkers = list_checkers(),
                                            .clients = list_clients(),
                                            .system_folders = list_folders()};
    return &catalogue;
}
