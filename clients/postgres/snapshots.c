/* Wall clocks would not do: a commit gets its time before others can see it. */
#include "clients/postgres/snapshots.h"

#include <stdlib.h>
#include <string.h>

/* Adds a key to the extra keys of the answer. */
static void add_extra(struct postgres_transaction *transaction, const char *name,
                      struct rift_value value)
{
    struct rift_values *values = transaction->request->values;
    struct rift_value old = transaction->answer->extra, items[4];
    size_t count = 0;
    for (; count < rift_value_count(values, old) && count < 2; count++)
        items[count] = rift_value_item(values, old, count);
    items[count++] = rift_value_keyword(values, name, strlen(name));
    items[count++] = value;
    transaction->answer->extra = rift_value_box(values, RIFT_MAP, items, count);
}

int postgres_record_snapshot(struct postgres_transaction *transaction)
{
    const PGresult *result = NULL;
    if (postgres_run(transaction, "SELECT pg_current_snapshot()", 0, NULL, &result) != 0)
        return -1;
    const char *text = PQgetvalue(result, 0, 0);
    add_extra(transaction, "snapshot",
              rift_value_text(transaction->request->values, text, strlen(text)));
    return 0;
}

int postgres_record_xid(struct postgres_transaction *transaction)
{
    const PGresult *result = NULL;
    if (postgres_run(transaction, "SELECT pg_current_xact_id_if_assigned()", 0, NULL, &result) != 0)
        return -1;
    if (!PQgetisnull(result, 0, 0))
        add_extra(transaction, "xid",
                  rift_value_integer(transaction->request->values,
                                     strtoll(PQgetvalue(result, 0, 0), NULL, 10)));
    return 0;
}
