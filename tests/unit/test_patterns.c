#include "tests/unit/listread.h"

#include <errno.h>

#include "src/core/glob.h"
#include "src/core/patterns.h"
#include "src/core/regex.h"

/* Wildcards within names, and regular expressions: as rules of AdBlock's, and
 * how they are found. */

static void
wildcards_are_read(void **state)
{
	static const struct row rows[] = {
		{ "||ads*.a.test^",
		    { "ads.a.test", "ads7.a.test", "x.ads7.a.test",
			"ads.b.a.test" },
		    { "a.test", "bads7.a.test", "ads7.a.test.x", "ads.xa.test",
			"x.a.test" },
		    0 },
		{ "||*-ads.a.test^", { "x-ads.a.test", "y.x-ads.a.test" },
		    { "ads.a.test", "x-ads.b.test", "a.test" }, 0 },
		{ "|ad.*.test^", { "ad.a.test", "ad.a.b.test" },
		    { "x.ad.a.test", "ad.test", "ad.a.test.x" }, 0 },
		{ "||*.ads.*.test^", { "x.ads.y.test" },
		    { "ads.y.test", "x.ads.test" }, 0 },
		{ "||ad*^\n@@||ad*.a.test^\n@@|adx.*^$important\n",
		    { "ads", "x.ads", "ads.b.test" },
		    { "ads.a.test", "adx.b.test", "bad" }, 0 },
		/* what has no end goes on, what has no start is anywhere */
		{ "||ads.\n||b*.c", { "ads.x", "y.ads.x", "bx.c", "b.cd.test" },
		    { "ads", "xads.y", "ab.c" }, 0 },
		{ "*x-track.*.test^\n.ad-server.\n",
		    { "y.x-track.z.test", "ax-track.b.test", "y.ad-server.x",
			"ad-server.x" },
		    { "x-track.test", "x.ad-server", "bad-server.x" }, 0 },
		{ "|ads.\n|pix.^\n", { "ads.x", "ads.y.x" },
		    { "ads", "y.ads.x", "pix", "pix.x" }, 1 },
		{ "||ads.^\n||a^*.test^\n||a?*.test^\n||\xc3\xa4*.test^\n",
		    { NULL }, { "ads", "a.test", "ab.test" }, 4 },
		{ "||a.test^*\n", { "a.test", "x.a.test" }, { "ba.test" }, 0 },
		/* modifiers */
		{ "||ad*.test^$important\n@@||ad*.test^\n@@||adx.test^",
		    { "ads.test", "adx.test" }, { NULL }, 0 },
		{ "||ad*.test^$denyallow=ok.test|ads.no.test",
		    { "ads.test", "ad.no.test" },
		    { "ads.ok.test", "x.ads.no.test" }, 0 },
		{ "||ad*.test^\n||ad*.test^$badfilter\n||b*.test^\n",
		    { "bx.test" }, { "ads.test" }, 0 },
		{ "||ad*.test^$badfilter\n||b*.test^$dnstype=AAAA|A\n",
		    { "bx.test" }, { "ads.test" }, 0 },
		{ "||ad*.test^$client=10.0.0.1\n||b*.test^$dnstype=AAAA\n",
		    { NULL }, { "ads.test", "bx.test" }, 1 },
		{ "||AD*.Test^", { "ads.test" }, { NULL }, 0 },
	};

	(void)state;
	check_rows(CONF_FORMAT_ADBLOCK, rows, N_ROWS(rows));
}

static void
regular_expressions_are_read(void **state)
{
	static const struct row rows[] = {
		{ "/^ads?[0-9]+\\./", { "ad1.test", "ads22.x" },
		    { "ads.test", "x.ad1.test", "ad1" }, 0 },
		{ "/^ads?[0-9]+\\.(a|b)\\.test$/\n@@/^ad7\\./",
		    { "ad1.a.test", "ads7.b.test" },
		    { "ad7.a.test", "ad1.c.test", "ad1.a.test.x" }, 0 },
		{ "/banner/$important\n@@||banner.test^", { "x.banner.test" },
		    { "ban.test" }, 0 },
		{ "/AD[S]\\.Test/ # as they say\n", { "myads.test" },
		    { "ad.test" }, 0 },
		{ "/^x[0-9]{2,3}\\.test$/$denyallow=x22.test",
		    { "x33.test", "x333.test" },
		    { "x22.test", "x3.test", "x3333.test" }, 0 },
		{ "/^y/$dnstype=AAAA\n/^z/$badfilter\n/^z/\n", { NULL },
		    { "y.test", "z.test" }, 0 },
		{ "/(?!ads)x/\n/(a)\\1/\n/[/\n/ads\\/\n/ads/x\n/ads b/\n//\n"
		  "/(((((x{100}){100}){100})))/\n/x/$client=10.0.0.0/8\n",
		    { NULL }, { "x.test", "aa", "ads.test" }, 9 },
		/* what is refused does not hide in a class */
		{ "||.ads*.test^\n||a..b*^\n/x*/\n", { NULL },
		    { "ads1.test", "a.test" }, 3 },
		{ "/(^)^?ads/\n/\\<ads\\>/\n/x((||||||){999}){9}/\n/b$$?/\n",
		    { NULL }, { "xads.test", "ads.test", "xyz" }, 4 },
		{ "/[[:a]?xy(?=.*(?=.*z))[:]?]?/\n/[\\Q]ads[\\E]/\n"
		  "/[\\c]](?=x)]/\n/[a[b](?=x)]/\n/[[:^digit:]-]7/\n",
		    { "x-7.test" }, { "xyz", "ads.test", "77.test" }, 4 },
		/* a range may begin with it: ] ^ _ ` a */
		{ "/x[]-a]y/\n/q[^]-a]r/\n/u[]-]v/\n/[]-[]/\n",
		    { "x_y", "xay", "q-r", "qbr", "u-v" },
		    { "x-y", "xby", "q_r", "qar", "u_v" }, 1 },
	};

	(void)state;
	check_rows(CONF_FORMAT_ADBLOCK, rows, N_ROWS(rows));
	/* lists of nothing else are not told to be AdBlock's */
	check_rows(CONF_FORMAT_AUTO, rows, 2);
}

/* As Pi-hole has them. */
static void
bare_regular_expressions_are_read(void **state)
{
	static const struct row rows[] = {
		{ "# ads\n(\\.|^)ads\\.test$\n^pix[0-9]+[_.-] # "
		  "pixels\na.test\n",
		    { "ads.test", "x.ads.test", "pix1.x", "a.test" },
		    { "bads.test", "ads.test.x", "pix.x", "x.a.test" }, 0 },
		{ "^\n()\n.*track.*\n.*[0-9]x$\n",
		    { "atrack.test", "a1x", "b.a1x" }, { "a.test" }, 2 },
		/* text is none */
		{ "(c)\n(AdBlock)\n(2024)\n(c)2024-2026\n(v1.2)\n"
		  "(a.test)\nb.test\n",
		    { "b.test" },
		    { "c", "c.test", "adblock.test", "2024.test", "v1.2",
			"a.test" },
		    6 },
		{ "(^|\\.)a\\.test$\n(ads|pix)\\.b\\.test\n([xy]z).c\n"
		  "(.+[_.-])?adse?rv\n(d){2}e\n",
		    { "a.test", "x.a.test", "pix.b.test", "yz.c", "adsrv.test",
			"dde.test" },
		    { "b.test", "za.test", "de.test" }, 0 },
		{ "^a\\.test$;querytype=A\n^(b\n[c]\n^d e$\n0.0.0.0 ^f\n",
		    { NULL }, { "a.test", "b", "c", "d" }, 5 },
	};

	(void)state;
	check_rows(CONF_FORMAT_AUTO, rows, N_ROWS(rows));
}

/* What Pi-hole's expressions have beside, and how it is said here. */
static void
what_is_left_of_bare_ones_is_named(void **state)
{
	static const char *const rows[][2] = {
		{ "\\bads\\b", "\\b" },
		{ "^a\\.test$;querytype=A", "$dnstype=" },
		{ "^a\\.test$;reply=1.2.3.4", "$dnsrewrite=" },
		{ "^a\\.test$;invert", "a modifier" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct read r = { 0 };

		read_text(&r, CONF_FORMAT_AUTO, rows[i][0]);
		assert_int_equal(r.faults, 1);
		assert_int_equal(r.entries, 0);
		assert_non_null(strstr(r.what, rows[i][1]));
		list_index_unref(r.list);
	}
}

static void
wildcards_stand_in_lists_of_names(void **state)
{
	static const struct row domains[] = {
		{ "ads*.a.test\n*.b.test\n*.x-*.c.test\n.p*.d.test\n",
		    { "ads1.a.test", "x.b.test", "y.x-1.c.test", "p1.d.test",
			"x.p1.d.test" },
		    { "z.ads1.a.test", "b.test", "x-1.c.test", "xp1.d.test" },
		    0 },
		{ "*ads.e.test\nf*.test.\ng*\n*\n**\n.*\n",
		    { "ads.e.test", "xads.e.test", "y.xads.e.test", "f1.test",
			"g", "gx.test" },
		    { "ads.f.test", "f1.test.x", "hg.test" }, 3 },
	};
	static const struct row wildcard[] = {
		{ "ads*.a.test\n", { "ads1.a.test", "z.ads1.a.test" },
		    { "xads1.a.test" }, 0 },
	};

	(void)state;
	check_rows(CONF_FORMAT_DOMAINS, domains, N_ROWS(domains));
	check_rows(CONF_FORMAT_AUTO, domains, N_ROWS(domains));
	check_rows(CONF_FORMAT_WILDCARD, wildcard, N_ROWS(wildcard));
}

static void
patterns_say_what_to_answer(void **state)
{
	static const struct {
		const char *name;
		enum list_action action;
		uint8_t last;
	} rows[] = {
		{ "ads1.test", LIST_LOCAL, 1 },
		{ "x.ads1.test", LIST_LOCAL, 1 },
		/* a name is more than a pattern */
		{ "ads2.test", LIST_LOCAL, 2 },
		{ "pix7.test", LIST_NXDOMAIN, 0 },
		{ "x.pix7.test", LIST_NONE, 0 },
		{ "ads3.test", LIST_NONE, 0 },
		{ "ads4.test", LIST_NODATA, 0 },
	};
	struct read r = { 0 };

	(void)state;
	read_text(&r, CONF_FORMAT_ADBLOCK,
	    "||ads*.test^$dnsrewrite=192.0.2.1\n"
	    "||ads2.test^$dnsrewrite=192.0.2.2\n@@||ads3.test^\n"
	    "||ads4.test^$dnsrewrite=NOERROR\n"
	    "/^pix[0-9]\\.test$/$dnsrewrite=NXDOMAIN\n");
	assert_int_equal(r.faults, 0);
	assert_int_equal(list_n_patterns(r.list), 2);
	assert_int_equal(list_n_names(r.list), 3);
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct name name = name_of(rows[i].name);
		struct list_answer answer;
		struct list_rr rr = { 0 };

		list_answer(&answer, r.list, &name, QTYPE_A);
		row_true(rows[i].name, answer.action == rows[i].action);
		if (answer.action == LIST_LOCAL)
			row_true(rows[i].name, list_answer_next(&answer, &rr) &&
						   rr.len == 4 &&
						   rr.rdata[3] == rows[i].last);
	}
	list_index_unref(r.list);
}

/* Sources of one list overlap. */
static void
what_is_said_again_takes_no_room(void **state)
{
	static const char line[] = "/^same[0-9]+\\./\n||same*.test^\n";
	const size_t times = PATTERNS_MAX + 1;
	char *text = malloc(times * sizeof(line) + 64);
	struct read r = { 0 };
	size_t len = 0;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < times; i++, len += sizeof(line) - 1)
		memcpy(text + len, line, sizeof(line));
	strcpy(text + len, "/^other[0-9]\\./\n");
	read_text(&r, CONF_FORMAT_ADBLOCK, text);
	free(text);
	assert_int_equal(r.faults, 0);
	assert_int_equal(list_n_patterns(r.list), 3);
	assert_true(has(&r, "other1.test"));
	list_index_unref(r.list);
}

/* A list has as many as it has room for, and says which ones it has not. */
static void
what_is_too_much_is_named(void **state)
{
	struct read r = { 0 };
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	for (size_t i = 0; i < PATTERNS_REGEX_MAX + 5; i++)
		(void)fprintf(f, "/^a%zu\\./\n", i);
	(void)fprintf(f, "||b*.test^\n");
	assert_int_equal(fclose(f), 0);
	read_bytes(&r, CONF_FORMAT_ADBLOCK, text, len);
	free(text);
	assert_in_range(list_n_patterns(r.list), 300, PATTERNS_REGEX_MAX + 1);
	assert_int_equal(
	    r.faults + list_n_patterns(r.list), PATTERNS_REGEX_MAX + 6);
	assert_int_equal(r.line, PATTERNS_REGEX_MAX + 5);
	assert_string_equal(r.what, "a pattern more than a list can have");
	assert_true(has(&r, "a0.test"));
	assert_true(has(&r, "bx.test"));
	list_index_unref(r.list);
}

/* What each of them has is what all of them together find. */
#define N_PATTERNS 300
#define N_ASKED 2000

static const char letters[] = "adsx1-";

static size_t
random_text(char *buf, unsigned int *seed, const char *more)
{
	size_t len = 1 + (size_t)rand_r(seed) % 8, n = strlen(more);

	for (size_t i = 0; i < len; i++) {
		size_t at = (size_t)rand_r(seed) % (6 + n);

		buf[i] = at < 6 ? letters[at] : more[at - 6];
	}
	return len;
}

struct found {
	bool v[N_PATTERNS];
};

static void
note_found(void *arg, uint32_t entry, size_t len)
{
	struct found *found = arg;

	(void)len;
	found->v[entry] = true;
}

static void
random_pattern(
    struct pattern *ret, char buf[PATTERN_SIZE], unsigned int *seed, size_t i)
{
	static const char *const whole[] = { "^ads?[.]x", "(a|d)s+\\.", "a{2}s",
		"(^)?ads", "x(ads)?-1$", "[^a]ds", "ad|sx", "(?i)ad\\.s",
		"a\\d\\.", "ad$$", "^^ad", "s$x?", "(^|-)ad",
		"^(.+[-_.])?ad[sx]?[0-9]*[-_.]", "[]x]a", "sx*d1", "x(a[)]s)?1",
		"ad{1,2}s", "[[:alpha:]]1", "(?:ad)+x1" };
	char text[16];
	size_t len;

	if (i < N_ROWS(whole)) {
		assert_null(
		    pattern_regex(ret, buf, whole[i], strlen(whole[i])));
		return;
	}
	for (;;) {
		len = random_text(text, seed, i % 2 ? "..**" : ".^$+?");
		if ((i % 2 ? pattern_glob(ret, buf, text, len,
				 (enum pattern_start)((size_t)rand_r(seed) % 3),
				 (size_t)rand_r(seed) % 2)
			   : pattern_regex(ret, buf, text, len)) == NULL)
			return;
	}
}

/* As pattern_has(), but for the making of each expression, and by the matcher
 * of rules. */
static bool
has_by_itself(const struct pattern *pattern, const struct regex *regex,
    const struct name *name)
{
	struct pattern_text text;

	pattern_text(&text, name);
	if (pattern->kind == PATTERN_GLOB)
		return glob_match(pattern->text, text.s, text.len);
	return regex_match(regex, text.s + 1, text.len - 2);
}

static void
each_is_found_by_what_its_matches_have(void **state)
{
	static char texts[N_PATTERNS][PATTERN_SIZE];
	static struct pattern patterns[N_PATTERNS];
	struct patterns_entry entries[N_PATTERNS];
	struct patterns_image image = { entries, N_PATTERNS, texts[0],
		sizeof(texts), N_PATTERNS };
	struct regex *regexes[N_PATTERNS] = { NULL };
	struct patterns *set;
	unsigned int seed = 42;
	size_t n_found = 0;

	(void)state;
	for (size_t i = 0; i < N_PATTERNS; i++) {
		random_pattern(&patterns[i], texts[i], &seed, i);
		entries[i] = (struct patterns_entry){ (uint32_t)i,
			(uint32_t)(i * PATTERN_SIZE), patterns[i].len,
			(uint16_t)patterns[i].kind };
		if (patterns[i].kind == PATTERN_REGEX)
			assert_int_equal(regex_new(&regexes[i], texts[i]), 0);
	}
	assert_int_equal(patterns_new(&set, &image), 0);
	for (size_t n = 0; n < N_ASKED; n++) {
		struct found found = { { false } };
		char text[64] = "";
		size_t len = 0;
		struct name name;

		for (size_t i = 0; i <= n % 3; i++) {
			len += random_text(text + len, &seed, "");
			text[len++] = '.';
		}
		assert_int_equal(name_parse(&name, text, len), 0);
		patterns_find(set, &name, note_found, &found);
		for (size_t i = 0; i < N_PATTERNS; i++) {
			if (found.v[i] !=
			    has_by_itself(&patterns[i], regexes[i], &name))
				fail_msg("%s: %s: %s", text, texts[i],
				    found.v[i] ? "found" : "not found");
			n_found += found.v[i];
		}
	}
	assert_true(n_found > N_ASKED);
	for (size_t i = 0; i < N_PATTERNS; i++)
		regex_free(regexes[i]);
	patterns_free(set);
}

static void
bytes_of_labels_are_no_dots_or_ends(void **state)
{
	struct read r = { 0 };
	struct name name;

	(void)state;
	read_text(&r, CONF_FORMAT_ADBLOCK, "||a*.b^\n/^c\\.d$/\n/^e$/\n");
	assert_int_equal(r.faults, 0);
	assert_true(has(&r, "ax.b"));
	assert_int_equal(
	    name_from_wire(&name, (const uint8_t *)"\4ax.b", 6), 0);
	assert_false(list_has_name(r.list, &name, QTYPE_A));
	assert_int_equal(
	    name_from_wire(&name, (const uint8_t *)"\2ax\2b\1", 7), 0);
	assert_false(list_has_name(r.list, &name, QTYPE_A));
	assert_int_equal(name_from_wire(&name, (const uint8_t *)"\3c.d", 5), 0);
	assert_false(list_has_name(r.list, &name, QTYPE_A));
	assert_int_equal(name_from_wire(&name, (const uint8_t *)"\2e\1", 4), 0);
	assert_false(list_has_name(r.list, &name, QTYPE_A));
	name = name_of(".");
	assert_false(list_has_name(r.list, &name, QTYPE_A));
	list_index_unref(r.list);
}

/* What a damaged file may say of them. */
static void
unsound_ones_are_refused(void **state)
{
	static const struct patterns_entry good = { 0, 0, 3, PATTERN_GLOB };
	static const struct {
		const char *what, *text;
		struct patterns_entry entry;
	} rows[] = {
		{ "entry", ".a*", { 9, 0, 3, PATTERN_GLOB } },
		{ "offset", ".a*", { 0, 9, 3, PATTERN_GLOB } },
		{ "length", ".a*", { 0, 0, 4, PATTERN_GLOB } },
		{ "short", ".a*", { 0, 0, 2, PATTERN_GLOB } },
		{ "cut", ".a*", { 0, 0, UINT16_MAX, PATTERN_GLOB } },
		{ "NUL", ".\0*", { 0, 0, 3, PATTERN_GLOB } },
		{ "kind", ".a*", { 0, 0, 3, PATTERN_N_KINDS } },
		{ "escape", ".a\\", { 0, 0, 3, PATTERN_GLOB } },
		{ "regex", ".a(", { 0, 0, 3, PATTERN_REGEX } },
	};
	struct patterns *set = NULL;

	(void)state;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct patterns_entry entries[2] = { good, rows[i].entry };
		struct patterns_image image = { entries, 2, rows[i].text, 4,
			9 };

		row_true(rows[i].what, patterns_new(&set, &image) == -EBADMSG);
		assert_null(set);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wildcards_are_read),
		cmocka_unit_test(regular_expressions_are_read),
		cmocka_unit_test(bare_regular_expressions_are_read),
		cmocka_unit_test(what_is_left_of_bare_ones_is_named),
		cmocka_unit_test(wildcards_stand_in_lists_of_names),
		cmocka_unit_test(patterns_say_what_to_answer),
		cmocka_unit_test(what_is_said_again_takes_no_room),
		cmocka_unit_test(what_is_too_much_is_named),
		cmocka_unit_test(each_is_found_by_what_its_matches_have),
		cmocka_unit_test(bytes_of_labels_are_no_dots_or_ends),
		cmocka_unit_test(unsound_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
