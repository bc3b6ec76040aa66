#ifndef DNS_QLOG_H
#define DNS_QLOG_H

#include <stddef.h>

#include "dns/record.h"

/* The last queries, a ring; each keeps its process and its policy. */
struct qlog;

/* max may be 0: nothing is kept. NULL when there is no memory. */
struct qlog *qlog_new(size_t max);
void qlog_free(struct qlog *log); /* accepts NULL */

/* Keeps a copy; the oldest one makes room. */
void qlog_add(struct qlog *log, const struct record *record);

/* They are numbered: those from qlog_begin() to before qlog_end() are there. */
uint64_t qlog_begin(const struct qlog *log);
uint64_t qlog_end(const struct qlog *log);

/* NULL if it is not there any more. Borrowed until the next qlog_add(). */
const struct record *qlog_get(const struct qlog *log, uint64_t number);

#endif
