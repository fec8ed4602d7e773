/* A grudge as a person reads it. */
#ifndef CONTROL_RUN_GRUDGE_TEXT_H
#define CONTROL_RUN_GRUDGE_TEXT_H

#include "common/text.h"
#include "nemesis/grudge.h"

/* Appends "n1 n2 | n3 n4 n5" where the grudge is groups that do not hear each other, else who is
 * hit for whom, in words as "deaf to": "n1 deaf to n2 n3; n2 deaf to n1". */
void grudge_print(const struct rift_grudge *grudge, const char *const *names, const char *words,
                  struct rift_text *text);

#endif
