#include "src/linux/bpf_said.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A log of the verifier's that is longer than this is not looked at. */
#define MESSAGE_MAX ((size_t)32 << 20)

#define LOG_BEGIN "-- BEGIN PROG LOAD LOG --\n"
#define LOG_END "-- END PROG LOAD LOG --"

/* What the verifier counted stands behind what it has to say. */
static bool
is_count(const char *line, size_t len)
{
	static const char *const counts[] = { "processed ",
		"verification time ", "stack depth " };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (len >= strlen(counts[i]) &&
		    strncmp(line, counts[i], strlen(counts[i])) == 0)
			return true;
	return len == 0;
}

static void
take(char *ret, size_t size, const char *text, size_t len)
{
	(void)snprintf(ret, size, "%.*s", (int)(len < size ? len : size - 1),
	    text); /* cut where it is too long */
}

/* True where the message is the verifier's log. */
static bool
hear_verifier(struct bpf_said *said, const char *message)
{
	const char *log = strstr(message, LOG_BEGIN);
	const char *end = log != NULL ? strstr(log, LOG_END) : NULL;
	const char *name = strchr(message, '\'');

	if (end == NULL)
		return false;
	log += strlen(LOG_BEGIN);
	while (end > log) {
		const char *line = end - 1; /* its newline */

		while (line > log && line[-1] != '\n')
			line--;
		if (!is_count(line, (size_t)(end - 1 - line))) {
			take(said->text, sizeof(said->text), line,
			    (size_t)(end - 1 - line));
			break;
		}
		end = line;
	}
	if (name != NULL && name < log)
		take(said->refused, sizeof(said->refused), name + 1,
		    strcspn(name + 1, "'"));
	return true;
}

void
bpf_said_hear(struct bpf_said *said, const char *format, va_list args)
{
	char *message;
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (said->refused[0] != '\0' || len <= 0 || (size_t)len > MESSAGE_MAX)
		return;
	message = malloc((size_t)len + 1);
	if (message == NULL)
		return; /* it is only told */
	(void)vsnprintf(message, (size_t)len + 1, format, args);
	if (!hear_verifier(said, message) && said->text[0] == '\0')
		take(said->text, sizeof(said->text), message,
		    strcspn(message, "\n"));
	free(message);
}
