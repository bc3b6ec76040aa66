#include "port17/target.h"

#include <stdio.h>
#include <string.h>

/* What a proxy may read as an end, a port or a line of its own. */
static bool
is_plain(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s >= 127 || strchr("\\:/@[]\"", *s) != NULL)
			return false;
	return true;
}

bool
target_host(const struct target *target, char buf[TARGET_HOST_SIZE])
{
	char text[NAME_TEXT_SIZE];

	if (target->name.len > 1) {
		(void)name_format(&target->name, text); /* into text */
		if (is_plain(text)) {
			memcpy(buf, text, strlen(text) + 1);
			return true;
		}
	}
	if (target->addr.family == ADDR_NONE || target->by_name)
		buf[0] = '\0';
	else
		(void)addr_format(&target->addr, buf); /* into buf */
	return false;
}

bool
target_is_mute(const struct target *target)
{
	char host[TARGET_HOST_SIZE];

	return (target->by_name || target->addr.family == ADDR_NONE) &&
	       !target_host(target, host);
}

const char *
target_format(const struct target *target, char buf[TARGET_STRLEN])
{
	char host[TARGET_HOST_SIZE];
	bool brackets =
	    !target_host(target, host) && target->addr.family == ADDR_IP6;

	(void)snprintf(buf, TARGET_STRLEN, brackets ? "[%s]:%u" : "%s:%u", host,
	    target->port); /* it fits */
	return buf;
}
