/* One value in a file of the kernel's, of the system's cgroup as a rule, changed for a while. */
#ifndef NEMESIS_FAULTS_SETTING_H
#define NEMESIS_FAULTS_SETTING_H

#include "nemesis/faults/driver.h"
#include "nemesis/faults/setting_file.h"

/* As rift_setting_read, but in a form that can be written back: v1 of memory says "no limit" as a
 * number near the greatest, and takes only -1 for it everywhere. */
bool rift_setting_now(const char *folder, const char *file, char text[RIFT_SETTING_TEXT_SIZE]);
/* Saves in undo how folder/file is now, or how it was before another fault in the ledger changed
 * it, and in which groups its controller is to be switched on for that (hand_down.h). */
int rift_setting_plan(struct rift_injection *injection, const char *ledger, const char *folder,
                      const char *file, struct rift_error *err);
/* Switches it on; so does inject, but the value may hang on another file of that controller. */
void rift_setting_hand_down(const struct rift_injection *injection);
/* For a limit that is about to be written; plan has been called. Fails where the one from before,
 * its owner's, is as tight already: value would loosen it, or change nothing. */
int rift_setting_check_tighter(const struct rift_injection *injection, const char *value,
                               struct rift_error *err);
/* Of two limits as the kernel writes them ("max", "-1", "20000 100000", "33"): does b allow as much
 * as a, or more? */
bool rift_setting_is_as_wide(const char *a, const char *b);
/* Starts the keeper (injection->live), which also writes the value anew where others take it back,
 * then writes it; sets applied_ns. */
int rift_setting_inject(struct rift_injection *injection, const char *value,
                        struct rift_error *err);
/* The same where the kernel may take seconds to write it: the keeper does, and is waited for only a
 * moment. applied_ns is 0 where the value is not in force by then: rift_setting_look tells. */
int rift_setting_inject_apart(struct rift_injection *injection, const char *value,
                              struct rift_error *err);
/* Since when the value has been in force, by what the file shows; 0: not yet. Fails where the
 * keeper could not write it, the first time or again. */
int rift_setting_look(const struct rift_injection *injection, int64_t *since_ns,
                      struct rift_error *err);
/* Before the heal: writes the value where the file holds what this fault wrote, not its owner's. */
int rift_setting_put_back(const struct rift_injection *injection, const char *value,
                          struct rift_error *err);
/* Parts of a driver. The saved value comes back with the last fault that changed
 * it; a value that no fault wrote is its owner's, and stays. */
int rift_setting_renew(struct rift_injection *injection, struct rift_error *err);
int rift_setting_heal(const char *id, const json_t *undo, const char *ledger,
                      struct rift_error *err);
void rift_setting_forget(struct rift_injection *injection);
/* For probes: may folder/file be written? Writes back what is there. */
bool rift_setting_try(const char *folder, const char *file, struct rift_fault_ability *ability);
/* The same for a file of the system's cgroup, which may not be there yet, and how a fault ends that
 * a keeper lifts. */
void rift_setting_probe(const struct rift_cgroup *system, const char *folder, const char *file,
                        struct rift_fault_ability *ability);

/* The folder of the system's cgroup in v2; NULL where v2 cannot govern it by that controller. */
const char *rift_setting_v2_folder(const struct rift_cgroup *cgroup, const char *controller);

#endif
