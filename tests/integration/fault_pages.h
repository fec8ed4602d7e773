/* The first part of docs/faults.md: what each fault's descriptor says of it. */
#ifndef TESTS_INTEGRATION_FAULT_PAGES_H
#define TESTS_INTEGRATION_FAULT_PAGES_H

#include <stdio.h>

void fault_pages_print(FILE *file);
/* Of the table below it; the date stands between the two. */
extern const char fault_table_heading_before[], fault_table_heading_after[];

#endif
