/* The memo of the general search: which configurations (sequences of words) were met before. */
#ifndef CHECKERS_LINEARIZABILITY_MEMO_H
#define CHECKERS_LINEARIZABILITY_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rift_memo;

/* Past memory_bytes nothing more is remembered: the search repeats work and stays exact. */
struct rift_memo *rift_memo_create(uint64_t memory_bytes);
void rift_memo_destroy(struct rift_memo *memo);
/* True where the configuration is new (or cannot be remembered). The whole key is compared: a hash
 * alone could prune a way that was never taken. */
bool rift_memo_add(struct rift_memo *memo, uint64_t hash, const uint32_t *words, uint32_t count);
bool rift_memo_is_full(const struct rift_memo *memo);

#endif
