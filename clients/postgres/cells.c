#include "clients/postgres/cells.h"

char *postgres_value_text(const struct rift_values *values, struct rift_value value)
{
    json_t *json = rift_value_to_json(values, value);
    char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    json_decref(json);
    return text;
}

struct rift_value postgres_cell_value(struct rift_values *values, const PGresult *result, int row,
                                      int column)
{
    struct rift_value value = RIFT_VALUE_NIL;
    if (row >= PQntuples(result) || PQgetisnull(result, row, column))
        return value;
    json_t *json = json_loads(PQgetvalue(result, row, column), JSON_DECODE_ANY, NULL);
    if (json)
        rift_value_from_json(values, json, &value, NULL);
    json_decref(json);
    return value;
}
