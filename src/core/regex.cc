#include "src/core/regex.h"

#include <cerrno>
#include <new>
#include <re2/re2.h>

/* Of one expression, and of what it remembers of matches. */
#define MEMORY_MAX ((int64_t)64 << 10)

static RE2::Options
options()
{
	RE2::Options ret;

	/* bytes, not characters: names are ASCII, and what is not is no UTF-8
	 */
	ret.set_encoding(RE2::Options::EncodingLatin1);
	ret.set_case_sensitive(false);
	ret.set_dot_nl(true);
	ret.set_never_capture(true);
	ret.set_log_errors(false);
	ret.set_max_mem(MEMORY_MAX);
	return ret;
}

struct regex {
	RE2 re2;

	regex(const char *text, size_t len)
	    : re2(re2::StringPiece(text, len), options())
	{
	}
};

/* C has no exceptions: none may leave this file. */
int
regex_new(struct regex **ret, const char *text, size_t len)
{
	try {
		struct regex *made = new regex(text, len);
		RE2::ErrorCode code = made->re2.error_code();

		if (code == RE2::NoError) {
			*ret = made;
			return 0;
		}
		delete made;
		return code == RE2::ErrorPatternTooLarge ||
			       code == RE2::ErrorRepeatSize
			   ? -E2BIG
			   : -EINVAL;
	} catch (const std::exception &) {
		return -ENOMEM;
	}
}

void
regex_free(struct regex *regex)
{
	delete regex;
}

size_t
regex_cost(const struct regex *regex)
{
	return (size_t)regex->re2.ProgramSize();
}

bool
regex_match(const struct regex *regex, const char *s, size_t len)
{
	try {
		return regex->re2.Match(re2::StringPiece(s, len), 0, len,
		    RE2::UNANCHORED, nullptr, 0);
	} catch (const std::exception &) {
		return false;
	}
}
