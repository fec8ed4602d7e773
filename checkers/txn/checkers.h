/* The checkers of transactions, for the registry. */
#ifndef CHECKERS_TXN_CHECKERS_H
#define CHECKERS_TXN_CHECKERS_H

#include "checkers/checker.h"

extern const struct rift_checker txn_list_append;

#endif
