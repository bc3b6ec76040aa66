#ifndef QUERY_LOG_H
#define QUERY_LOG_H

#include "dns/record.h"

/* One line for a query, at level debug. */
void query_log(const struct record *record);

#endif
