/* The ledger: one file for each fault that is on, written and synced before the fault is injected,
 * gone once it is healed. Whoever comes next (guardian, later agent, a person) heals from it. */
#ifndef NEMESIS_FAULTS_LEDGER_H
#define NEMESIS_FAULTS_LEDGER_H

#include <jansson.h>

#include "common/error.h"
#include "nemesis/faults/driver.h"

/* folder is made where it is not there. Where this fails an entry of that id may be there or not.
 */
int rift_ledger_write(const char *folder, const struct rift_injection *injection,
                      struct rift_error *err);
int rift_ledger_remove(const char *folder, const char *id, struct rift_error *err);

typedef void rift_ledger_visitor(const char *id, const char *fault, const json_t *undo,
                                 void *context);
/* Calls visit for each entry; files that cannot be read are left out. */
void rift_ledger_visit(const char *folder, rift_ledger_visitor *visit, void *context);
/* Calls visit for each of these. */
void rift_ledger_visit_unreadable(const char *folder,
                                  void (*visit)(const char *path, void *context), void *context);

/* Heals every entry and removes it. healed (may be NULL) is an array that gets their ids. An entry
 * that cannot be healed, or read, stays; the first such error is returned after all others were
 * tried. What a fault of an earlier boot did went with that boot, unless its driver says that it
 * outlives one: such an entry is only removed. */
int rift_ledger_heal_all(const char *folder, json_t *healed, struct rift_error *err);
/* The same for those entries alone whose ids are in the array. */
int rift_ledger_heal(const char *folder, const json_t *ids, json_t *healed, struct rift_error *err);

/* An id that can be a file name and part of a filter's name. */
bool rift_fault_id_is_valid(const char *id);

#endif
