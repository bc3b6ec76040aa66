#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERROR,   /* a user must act */
	LOG_LEVEL_WARNING, /* degraded, works on */
	LOG_LEVEL_INFO,	   /* lifecycle */
	LOG_LEVEL_DEBUG,
};

enum log_format {
	LOG_FORMAT_TEXT, /* area: message key=value */
	LOG_FORMAT_JSON, /* one object a line */
};

/* How a line leaves: the sink gets it whole, without a final newline. The
 * default sink writes to stderr, where there is room: who reads it may stand
 * still, and what is lost is told of later. The level and the sink, and how
 * much that was, are the only mutable globals of the project. */
typedef void log_sink_fn(enum log_level level, const char *line, size_t len);

void log_set_level(enum log_level level);
void log_set_format(enum log_format format);
void log_set_sink(log_sink_fn *sink);
/* stderr is the journal's, which takes the level from "<N>" before the line. */
void log_to_journal(void);
/* name: borrowed for ever. */
void log_to_syslog(const char *name);
/* stderr is somebody's who is not kept waiting for its end: another sink is set
 * when all that he is told has been said. Nothing where another one is. */
void log_for_now(void);
bool log_is_for_now(void);
bool log_enabled(enum log_level level);

/* "error", "warning", "info" or "debug"; 0 or -EINVAL. */
int log_level_parse(enum log_level *ret, const char *s);
int log_format_parse(enum log_format *ret, const char *s);

/* One event, one line: log_info("chains", "tables changed family=ip4").
 * Bytes that are not printable ASCII come out as \xNN, so that a foreign
 * string can't forge a line. */
void log_write(enum log_level level, const char *area, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* At most one line a second of one kind; how many were left out is
 * said with the next one. */
struct log_limit {
	uint64_t last_s;
	uint64_t skipped;
};
bool log_limit_pass(struct log_limit *limit, uint64_t *ret_skipped);

#define log_error(area, ...) log_write(LOG_LEVEL_ERROR, area, __VA_ARGS__)
#define log_warning(area, ...) log_write(LOG_LEVEL_WARNING, area, __VA_ARGS__)
#define log_info(area, ...) log_write(LOG_LEVEL_INFO, area, __VA_ARGS__)
#define log_debug(area, ...)                                                   \
	do {                                                                   \
		if (log_enabled(LOG_LEVEL_DEBUG))                              \
			log_write(LOG_LEVEL_DEBUG, area, __VA_ARGS__);         \
	} while (0)

/* For what a packet or a client can make happen many times. */
#define log_limited(level, area, fmt, ...)                                     \
	do {                                                                   \
		static struct log_limit limit_;                                \
		log_limited_by(&limit_, level, area, fmt, ##__VA_ARGS__);      \
	} while (0)

/* The same where one call site tells of several kinds, which are not to hide
 * each other. */
#define log_limited_by(limit, level, area, fmt, ...)                           \
	do {                                                                   \
		uint64_t skipped_;                                             \
		if (log_limit_pass(limit, &skipped_)) {                        \
			if (skipped_ > 0)                                      \
				log_write(level, area, fmt " skipped=%llu",    \
				    ##__VA_ARGS__,                             \
				    (unsigned long long)skipped_);             \
			else                                                   \
				log_write(level, area, fmt, ##__VA_ARGS__);    \
		}                                                              \
	} while (0)

/* A copy of a foreign string that is safe in a line: quoted when it is empty
 * or holds a blank, a quote or an equals sign; unprintable bytes escaped; cut
 * at the buffer's end. Returns buf. */
const char *log_quote(const char *s, char *buf, size_t size);

#endif
