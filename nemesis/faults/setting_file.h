/* A small file that the kernel makes up, as those of a cgroup are. */
#ifndef NEMESIS_FAULTS_SETTING_FILE_H
#define NEMESIS_FAULTS_SETTING_FILE_H

#include <stdbool.h>

#include "common/error.h"

enum { RIFT_SETTING_TEXT_SIZE = 256 };

/* Reads a small file, without the final line break; false where it is not there. */
bool rift_setting_read(const char *folder, const char *file, char text[RIFT_SETTING_TEXT_SIZE]);
/* A file that is gone went with its cgroup: success. */
int rift_setting_write_path(const char *path, const char *value, struct rift_error *err);
int rift_setting_write(const char *folder, const char *file, const char *value,
                       struct rift_error *err);
/* The number behind a word in a file of lines "word number" (cpu.stat); 0 where it is not there. */
long long rift_setting_count(const char *folder, const char *file, const char *word);

#endif
