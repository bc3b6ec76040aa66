#include "src/base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "src/base/log_json.h"

/* Longer lines are cut: a command line of 128 KiB must not fill a journal. */
#define LINE_MAX_LEN 2048

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

/* syslog(3)'s, whose names are ours, too. */
static const int priorities[] = {
	[LOG_LEVEL_ERROR] = 3,
	[LOG_LEVEL_WARNING] = 4,
	[LOG_LEVEL_INFO] = 6,
	[LOG_LEVEL_DEBUG] = 7,
};

static void sink_stderr(enum log_level level, const char *line, size_t len);

static enum log_level max_level = LOG_LEVEL_INFO;
static enum log_format line_format = LOG_FORMAT_TEXT;
static log_sink_fn *line_sink = sink_stderr;

/* Lines that were for stderr while it had no room; by any thread. */
static uint64_t lost;

/* Whether a line of ours fits: who reads a pipe, or stops his terminal, must
 * not hold what is judged meanwhile. A pipe is writable while it has room for
 * 4096 bytes (PIPE_BUF), a terminal while it is not stopped. */
static bool
has_room(void)
{
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&fd, 1, 0) != 0; /* an error is the writer's to see */
}

/* A log that can't be written has nobody left to be told. */
static void
put_line(const char *before, const char *line, size_t len)
{
	if (has_room())
		(void)!fprintf(stderr, "%s%.*s\n", before, (int)len, line);
	else
		(void)__atomic_add_fetch(&lost, 1, __ATOMIC_RELAXED);
}

/* With the next line that fits. */
static void
tell_lost(void)
{
	uint64_t n;

	if (__atomic_load_n(&lost, __ATOMIC_RELAXED) == 0 || !has_room())
		return;
	n = __atomic_exchange_n(&lost, 0, __ATOMIC_RELAXED);
	if (n > 0)
		log_warning("log",
		    "nobody has read it, and lines are lost: %llu",
		    (unsigned long long)n);
}

static void
sink_stderr(enum log_level level, const char *line, size_t len)
{
	(void)level;
	put_line("", line, len);
}

static void
sink_journal(enum log_level level, const char *line, size_t len)
{
	char before[8];

	(void)snprintf(before, sizeof(before), "<%d>", priorities[level]);
	put_line(before, line, len);
}

static void
sink_syslog(enum log_level level, const char *line, size_t len)
{
	syslog(priorities[level], "%.*s", (int)len, line);
}

/* Until its reader is let go. */
static void
sink_for_now(enum log_level level, const char *line, size_t len)
{
	sink_stderr(level, line, len);
}

void
log_for_now(void)
{
	if (line_sink == sink_stderr)
		line_sink = sink_for_now;
}

bool
log_is_for_now(void)
{
	return line_sink == sink_for_now;
}

void
log_to_journal(void)
{
	line_sink = sink_journal;
}

void
log_to_syslog(const char *name)
{
	/* at once: where it is can't be reached from a sandbox */
	openlog(name, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	line_sink = sink_syslog;
}

void
log_set_level(enum log_level level)
{
	max_level = level;
}

void
log_set_format(enum log_format format)
{
	line_format = format;
}

void
log_set_sink(log_sink_fn *sink)
{
	line_sink = sink != NULL ? sink : sink_stderr;
}

bool
log_enabled(enum log_level level)
{
	return level <= max_level;
}

int
log_level_parse(enum log_level *ret, const char *s)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]);
	     i++)
		if (strcmp(s, level_names[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	return -EINVAL;
}

int
log_format_parse(enum log_format *ret, const char *s)
{
	if (strcmp(s, "text") == 0)
		*ret = LOG_FORMAT_TEXT;
	else if (strcmp(s, "json") == 0)
		*ret = LOG_FORMAT_JSON;
	else
		return -EINVAL;
	return 0;
}

/* Appends s with unprintable bytes escaped; what does not fit is left out. */
static size_t
put_escaped(char *buf, size_t at, size_t size, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		bool plain = c >= 0x20 && c < 0x7f;
		char out[8];
		int n = snprintf(out, sizeof(out), plain ? "%c" : "\\x%02x", c);

		if (at + (size_t)n >= size)
			break;
		memcpy(buf + at, out, (size_t)n);
		at += (size_t)n;
	}
	return at;
}

/* What does not fit is left out whole. */
static size_t
put_text(char *buf, size_t at, size_t size, const char *s)
{
	size_t n = strlen(s);

	if (at + n >= size)
		return at;
	memcpy(buf + at, s, n);
	return at + n;
}

void
log_write(enum log_level level, const char *area, const char *fmt, ...)
{
	char message[LINE_MAX_LEN], line[2 * LINE_MAX_LEN + 512];
	int saved = errno;
	va_list ap;
	size_t n = 0;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap); /* may be cut */
	va_end(ap);
	if (line_format == LOG_FORMAT_JSON) {
		n = log_json(
		    line, sizeof(line), level_names[level], area, message);
	} else {
		n = put_text(line, n, sizeof(line), level_names[level]);
		n = put_text(line, n, sizeof(line), " ");
		n = put_text(line, n, sizeof(line), area);
		n = put_text(line, n, sizeof(line), ": ");
		n = put_escaped(line, n, sizeof(line), message);
	}
	line[n] = '\0';
	tell_lost();
	line_sink(level, line, n);
	errno = saved;
}

bool
log_limit_pass(struct log_limit *limit, uint64_t *ret_skipped)
{
	struct timespec ts;
	uint64_t now_s;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now_s = (uint64_t)ts.tv_sec + 1; /* 0 is "never" */
	if (limit->last_s == now_s) {
		limit->skipped++;
		return false;
	}
	*ret_skipped = limit->skipped;
	limit->last_s = now_s;
	limit->skipped = 0;
	return true;
}

const char *
log_quote(const char *s, char *buf, size_t size)
{
	bool quote = *s == '\0' || strpbrk(s, " \"=\\") != NULL;
	size_t at = 0;

	if (size < 4) {
		buf[0] = '\0';
		return buf;
	}
	if (quote)
		buf[at++] = '"';
	for (; *s != '\0' && at + 6 < size; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			buf[at++] = '\\';
			buf[at++] = (char)c;
		} else if (c >= 0x20 && c < 0x7f) {
			buf[at++] = (char)c;
		} else {
			at +=
			    (size_t)snprintf(buf + at, size - at, "\\x%02x", c);
		}
	}
	if (quote)
		buf[at++] = '"';
	buf[at] = '\0';
	return buf;
}
