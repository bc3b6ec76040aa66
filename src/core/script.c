#include "src/core/script.h"

#include <stdio.h>
#include <string.h>

/* Letters of options, which may stand together behind one '-'. */
struct interpreter {
	const char *name;     /* what the file's name begins with */
	const char *inlines;  /* code, a module or standard input follows */
	const char *values;   /* a value follows, in the next argument too */
	const char *attached; /* the rest of the argument is a value */
	/* digits may follow, and more letters; behind ':' or '=' a value */
	const char *numbers;
	/* a value follows in the next argument, a blank before and behind each;
	 * NULL: none */
	const char *words;
};

#define OF_A_SHELL "cs", "oO", "", "", " --rcfile --init-file --emulate "

static const struct interpreter interpreters[] = {
	{ "sh", OF_A_SHELL },
	{ "bash", OF_A_SHELL },
	{ "dash", OF_A_SHELL },
	{ "ash", OF_A_SHELL },
	{ "zsh", OF_A_SHELL },
	{ "ksh", OF_A_SHELL },
	{ "mksh", OF_A_SHELL },
	{ "python", "cm", "WX", "", "", " --check-hash-based-pycs " },
	{ "pypy", "cm", "WX", "", "", " --check-hash-based-pycs " },
	{ "perl", "eE", "I", "MmiFxCDV", "l0d", NULL },
	{ "ruby", "e", "rIC", "xFE", "WKT",
	    " --encoding --external-encoding --internal-encoding " },
	{ "node", "ep", "rC", "", "",
	    " --require --import --loader --experimental-loader --conditions "
	    "--env-file --title --input-type " },
	{ "php", "rBRE", "dczSt", "", "",
	    " --define --php-ini --zend-extension " },
	{ "lua", "e", "l", "", "", NULL },
	{ "tclsh", "", "", "", "", NULL },
	{ "wish", "", "", "", "", NULL },
};

/* "python3.11" is "python" and a version; "shotwell" is no "sh". */
static bool
is_named(const char *base, const char *name)
{
	while (*name != '\0')
		if (*base++ != *name++)
			return false;
	return base[strspn(base, "0123456789.-")] == '\0';
}

static const struct interpreter *
interpreter_of(const char *exe)
{
	const char *slash = strrchr(exe, '/');
	const char *base = slash != NULL ? slash + 1 : exe;

	for (size_t i = 0; i < sizeof(interpreters) / sizeof(interpreters[0]);
	     i++)
		if (is_named(base, interpreters[i].name))
			return &interpreters[i];
	return NULL;
}

/* The next argument; false at the end. One that is cut is none. */
static bool
next_arg(const char *cmdline, size_t len, size_t *at, const char **ret,
    size_t *ret_len)
{
	const char *end;

	if (*at >= len)
		return false;
	end = memchr(cmdline + *at, '\0', len - *at);
	if (end == NULL)
		return false;
	*ret = cmdline + *at;
	*ret_len = (size_t)(end - *ret);
	*at += *ret_len + 1;
	return true;
}

enum option {
	OPTION_FLAG,
	OPTION_VALUE, /* the next argument is its value */
	OPTION_CODE,  /* there is no script */
};

/* Those that are followed by code, or have it behind a '='. */
static bool
is_code(const char *arg)
{
	static const char *const words[] = { "--eval", "--print", "--run",
		"--process-begin", "--process-code", "--process-end" };
	size_t len = strcspn(arg, "=");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == len && memcmp(words[i], arg, len) == 0)
			return true;
	return false;
}

/* Options that are words. */
static enum option
read_word(const struct interpreter *in, const char *arg)
{
	size_t len = strlen(arg);
	const char *at = in->words;

	if (is_code(arg))
		return OPTION_CODE;
	if (strchr(arg, ' ') != NULL)
		return OPTION_FLAG; /* no option is so */
	while (at != NULL && (at = strstr(at, arg)) != NULL) {
		if (at[-1] == ' ' && at[len] == ' ')
			return OPTION_VALUE;
		at += len;
	}
	return OPTION_FLAG;
}

static enum option
read_option(const struct interpreter *in, const char *arg)
{
	if (arg[1] == '-')
		return read_word(in, arg);
	for (const char *s = arg + 1; *s != '\0'; s++) {
		if (strchr(in->inlines, *s) != NULL)
			return OPTION_CODE;
		if (strchr(in->attached, *s) != NULL)
			return OPTION_FLAG;
		if (strchr(in->values, *s) != NULL)
			return s[1] == '\0' ? OPTION_VALUE : OPTION_FLAG;
		if (strchr(in->numbers, *s) == NULL)
			continue;
		s += strspn(s + 1, "0123456789");
		if (s[1] == ':' || s[1] == '=')
			return OPTION_FLAG;
	}
	return OPTION_FLAG;
}

bool
script_find(const char *exe, const char *cmdline, size_t len, const char **ret,
    size_t *ret_len)
{
	const struct interpreter *in = interpreter_of(exe);
	const char *arg;
	size_t at = 0, n;
	bool options = true;

	/* the first argument is the program's own name */
	if (in == NULL || !next_arg(cmdline, len, &at, &arg, &n))
		return false;
	while (next_arg(cmdline, len, &at, &arg, &n)) {
		if (!options || (arg[0] != '-' && arg[0] != '+')) {
			*ret = arg;
			*ret_len = n;
			return n > 0;
		}
		if (strcmp(arg, "-") == 0)
			return false;
		if (strcmp(arg, "--") == 0) {
			options = false;
			continue;
		}
		switch (read_option(in, arg)) {
		case OPTION_FLAG:
			break;
		case OPTION_VALUE:
			(void)next_arg(cmdline, len, &at, &arg, &n);
			break;
		case OPTION_CODE:
			return false;
		}
	}
	return false;
}

/* One part behind what buf holds; "..": takes the last one out. */
static bool
add_part(char *buf, size_t size, const char *part, size_t len)
{
	size_t used = strlen(buf);
	char *slash;

	if (len == 0 || (len == 1 && part[0] == '.'))
		return true;
	if (len == 2 && memcmp(part, "..", 2) == 0) {
		slash = strrchr(buf, '/');
		if (slash != NULL)
			*slash = '\0';
		return true;
	}
	if (used + len + 2 > size)
		return false;
	(void)snprintf(
	    buf + used, size - used, "/%.*s", (int)len, part); /* it fits */
	return true;
}

static bool
add_parts(char *buf, size_t size, const char *path, size_t len)
{
	for (size_t at = 0; at < len;) {
		const char *slash = memchr(path + at, '/', len - at);
		size_t n =
		    slash != NULL ? (size_t)(slash - path) - at : len - at;

		if (!add_part(buf, size, path + at, n))
			return false;
		at += n + 1;
	}
	return true;
}

bool
script_path(
    const char *cwd, const char *arg, size_t len, char *buf, size_t size)
{
	bool absolute = len > 0 && arg[0] == '/';

	if (size == 0 || (!absolute && cwd[0] != '/'))
		return false;
	buf[0] = '\0';
	if (!absolute && !add_parts(buf, size, cwd, strlen(cwd)))
		return false;
	return add_parts(buf, size, arg, len) && buf[0] != '\0';
}
