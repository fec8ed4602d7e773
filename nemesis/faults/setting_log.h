/* What faults have written to one file of the kernel's, and what its owner had there: beside the
 * ledger, for whoever heals, also after the agent that injected. A value that is not in it is the
 * owner's. One log for each file, as faults on the same file write over each other. It is not
 * synced: what it tells of does not outlive the boot either. */
#ifndef NEMESIS_FAULTS_SETTING_LOG_H
#define NEMESIS_FAULTS_SETTING_LOG_H

#include <jansson.h>

#include "common/error.h"
#include "nemesis/faults/setting_file.h"

struct rift_setting_log {
    bool is_there;                       /* else nothing was written, or it is undone */
    bool is_unread;                      /* nobody knows what was */
    json_t *written;                     /* texts */
    char before[RIFT_SETTING_TEXT_SIZE]; /* the owner's, the last one that was met; "" with none */
};

/* undo names the log of the file of that path from now on. */
void rift_setting_log_plan(json_t *undo, const char *ledger, const char *path);
/* The two are added; call it before the value is written. An undo that names no log has none. */
int rift_setting_log_add(const json_t *undo, const char *before, const char *value,
                         struct rift_error *err);
void rift_setting_log_read(const json_t *undo, struct rift_setting_log *log);
void rift_setting_log_finish(struct rift_setting_log *log);
int rift_setting_log_remove(const json_t *undo, struct rift_error *err);

#endif
