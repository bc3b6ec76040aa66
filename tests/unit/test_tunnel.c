#include "tests/unit/unit.h"

#include <string.h>

#include "port17/health.h"
#include "port17/tunnel_set.h"
#include "src/base/inodes.h"
#include "src/core/conf.h"

static mono_t
at(uint64_t s)
{
	return (mono_t){ s * MONO_S };
}

static void
end(struct health *health, enum outcome outcome, uint64_t s)
{
	bool trial = health_begin(health, at(s));

	health_end(health, trial, outcome, at(s));
}

static void
faults_of_the_tunnel_alone_count(void **state)
{
	struct health health = { .down = false };

	(void)state;
	for (int i = 0; i < 10; i++)
		end(&health, OUTCOME_REFUSED, 1);
	assert_int_equal(health_state(&health, at(1)), HEALTH_UP);
	end(&health, OUTCOME_TUNNEL_DOWN, 1);
	end(&health, OUTCOME_CONNECTED, 1);
	end(&health, OUTCOME_TUNNEL_DOWN, 1);
	assert_int_equal(health_state(&health, at(1)), HEALTH_UP);
	end(&health, OUTCOME_AUTH, 1);
	assert_int_equal(health_state(&health, at(1)), HEALTH_DOWN);
	/* no news while it rests */
	end(&health, OUTCOME_TUNNEL_DOWN, 2);
	assert_int_equal(health_state(&health, at(6)), HEALTH_TRIAL);
}

static void
it_comes_back_after_some_good_ones(void **state)
{
	struct health health = { .down = false };

	(void)state;
	end(&health, OUTCOME_TUNNEL_DOWN, 1);
	end(&health, OUTCOME_TUNNEL_DOWN, 1);
	end(&health, OUTCOME_CONNECTED, 7);
	assert_int_equal(health_state(&health, at(7)), HEALTH_TRIAL);
	end(&health, OUTCOME_TUNNEL_DOWN, 8); /* and twice as long */
	assert_int_equal(health_state(&health, at(17)), HEALTH_DOWN);
	assert_int_equal(health_state(&health, at(18)), HEALTH_TRIAL);
	for (int i = 0; i < HEALTH_TRIALS; i++)
		end(&health, i == 1 ? OUTCOME_REFUSED : OUTCOME_CONNECTED, 20);
	assert_int_equal(health_state(&health, at(20)), HEALTH_UP);
}

static void
pick_is_in_order_but_for_what_is_down(void **state)
{
	struct health up = { .down = false }, also = up;
	struct health down = { .down = true, .until = at(50) };
	struct health trial = { .down = true, .until = at(5) };
	struct health busy = { .down = true, .until = at(5), .trials = 1 };
	const struct health *list[] = { &down, &busy, &trial, &up, &also };

	(void)state;
	assert_int_equal(health_pick(list, 5, 0, at(10)), 2);
	assert_int_equal(health_pick(list, 5, 1 << 2, at(10)), 3);
	assert_int_equal(health_pick(list, 5, 1 << 2 | 1 << 3, at(10)), 4);
	/* all are down: each is asked all the same, once */
	assert_int_equal(health_pick(list, 2, 0, at(10)), 0);
	assert_int_equal(health_pick(list, 2, 1, at(10)), 1);
	assert_int_equal(health_pick(list, 2, 3, at(10)), 2);
}

static void
templates(void **state)
{
	static const struct tunnel_identity id = {
		.exe = "/usr/bin/curl", .user = "www-data", .unit = "a.service"
	};
	char buf[TUNNEL_WORD_SIZE], other[TUNNEL_WORD_SIZE], long_exe[400];
	struct tunnel_identity a = id, b = id;

	(void)state;
	assert_string_equal(tunnel_expand("%user:%exe-%unit%%%x%", &id, buf),
	    "www-data:/usr/bin/curl-a.service%%x%");
	assert_string_equal(tunnel_expand("", &id, buf), "");
	/* another file has that path here */
	a.exe_dev = 0x1c;
	a.exe_ino = 42;
	assert_string_equal(tunnel_expand("%exe:%user", &a, buf),
	    "/usr/bin/curl (elsewhere 1c/42):www-data");
	a.exe_ino = 0;
	memset(long_exe, 'x', sizeof(long_exe));
	long_exe[sizeof(long_exe) - 1] = '\0';
	a.exe = long_exe;
	b.exe = long_exe + 1;
	assert_int_equal(strlen(tunnel_expand("%exe", &a, buf)), 255);
	assert_int_equal(strlen(tunnel_expand("%exe", &b, other)), 255);
	assert_string_not_equal(buf, other);
}

static void
users_of_http_have_no_colon(void **state)
{
	static const struct tunnel_identity id = {
		.exe = "/opt/a:b 5%", .user = "ann", .unit = "a@b:c.service"
	};
	struct tunnel tunnel = { .kind = TUNNEL_HTTP, .user = "%exe-%unit-%%" };
	char buf[TUNNEL_WORD_SIZE];

	(void)state;
	assert_string_equal(tunnel_user(&tunnel, &id, buf),
	    "/opt/a%3Ab 5%25-a@b%3Ac.service-%");
	tunnel.kind = TUNNEL_HTTPS;
	assert_string_equal(tunnel_user(&tunnel, &id, buf),
	    "/opt/a%3Ab 5%25-a@b%3Ac.service-%");
	tunnel.kind = TUNNEL_SOCKS5;
	assert_string_equal(
	    tunnel_user(&tunnel, &id, buf), "/opt/a:b 5%-a@b:c.service-%");
}

static void
settings_become_tunnels(void **state)
{
	static const char text[] =
	    "[tunnel \"tor\"]\n"
	    "upstream = socks5://me%40home:s%3Acret@127.0.0.1:9050\n"
	    "udp = reject\ndns = fake\n[tunnel \"corp\"]\n"
	    "upstream = https://proxy.example:8443#other.example\n"
	    "user = %user\nhonest-connect = no\n"
	    "pin = sha256//AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI=\n"
	    "[tunnel \"vpn\"]\nupstream = direct\ndevice = wg0\nfwmark = 7\n"
	    "netns = side\n"
	    "[tunnel \"local\"]\nupstream = proxy2+unix:/run/x.sock\n"
	    "[tunnel \"named\"]\nupstream = proxy2://localhost:99\n"
	    "[tunnel \"away\"]\nupstream = proxy2://192.0.2.1:99\n"
	    "[tunnel \"any\"]\nfailover = tor, vpn, reject\n";
	struct faults *faults = faults_new();
	const struct tunnel *t, *members[TUNNEL_MEMBERS_MAX];
	struct conf *conf = conf_new();
	struct tunnel_set *set;

	(void)state;
	assert_int_equal(
	    conf_parse(conf, "x", text, strlen(text), faults, NULL), 0);
	set = tunnel_set_new(conf);
	assert_int_equal(set->n, 7);
	t = tunnel_set_find(set, "tor");
	assert_int_equal(t->kind, TUNNEL_SOCKS5);
	assert_string_equal(t->user, "me@home");
	assert_string_equal(t->password, "s:cret");
	assert_int_equal(t->port, 9050);
	assert_true(t->honest);
	assert_false(tunnel_carries_udp(t));
	assert_int_equal(t->dns, TUNNEL_DNS_FAKE);
	t = tunnel_set_find(set, "corp");
	assert_int_equal(t->kind, TUNNEL_HTTPS);
	assert_string_equal(t->host, "proxy.example");
	assert_string_equal(t->tls_name, "other.example");
	assert_string_equal(t->user, "%user");
	assert_true(t->has_pin && t->pin[0] == 1 && t->pin[31] == 2);
	assert_false(t->honest);
	t = tunnel_set_find(set, "vpn");
	assert_int_equal(t->kind, TUNNEL_DIRECT);
	assert_string_equal(t->device, "wg0");
	assert_int_equal(t->fwmark, 7);
	assert_string_equal(t->netns, "/run/netns/side");
	assert_true(tunnel_carries_udp(t));
	t = tunnel_set_find(set, "local");
	assert_string_equal(t->path, "/run/x.sock");
	assert_false(t->honest);
	assert_true(t->tell_process);
	assert_true(tunnel_set_find(set, "named")->tell_process);
	assert_false(tunnel_set_find(set, "away")->tell_process);
	t = tunnel_set_find(set, "any");
	assert_int_equal(tunnel_set_members(set, t, members), 2);
	assert_string_equal(members[1]->name, "vpn");
	assert_true(t->ends_reject);
	assert_null(tunnel_set_find(set, "none"));
	tunnel_set_unref(set);
	conf_unref(conf);
	faults_free(faults);
}

static struct tunnel_set *
set_of(const char *text)
{
	struct faults *faults = faults_new();
	struct conf *conf = conf_new();
	struct tunnel_set *set;

	assert_int_equal(
	    conf_parse(conf, "x", text, strlen(text), faults, NULL), 0);
	set = tunnel_set_new(conf);
	conf_unref(conf);
	faults_free(faults);
	return set;
}

/* What goes by `via` ("" where it is not known yet) of the tunnel t. */
static bool
stays(const char *from, const char *to, const char *via, bool udp)
{
	struct tunnel_set *old = set_of(from), *set = set_of(to);
	struct tunnel_use use = { .set = old,
		.tunnel = tunnel_set_find(old, "t"),
		.via = tunnel_set_find(old, via),
		.udp = udp };
	bool ret = tunnel_set_keeps(set, &use);

	tunnel_set_unref(old);
	tunnel_set_unref(set);
	return ret;
}

#define T "[tunnel \"t\"]\n"
#define AB                                                                     \
	"[tunnel \"a\"]\nupstream = direct\n"                                  \
	"[tunnel \"b\"]\nupstream = direct\ndevice = wg0\n" T

static void
flows_stay_with_what_leads_alike(void **state)
{
	static const char proxy[] = T "upstream = socks5://a:b@10.0.0.1\n";
	static const struct {
		const char *from, *to, *via;
		bool tcp, udp;
	} cases[] = {
		{ proxy, proxy, "t", true, true },
		{ proxy, proxy, "", true, true },
		{ proxy,
		    T "upstream = socks5://10.0.0.1\nuser = c\ndns = fake\n"
		      "honest-connect = no\n",
		    "t", true, true },
		{ proxy, T "upstream = socks5://10.0.0.1\nudp = drop\n", "t",
		    true, false },
		{ proxy, T "upstream = socks5://10.0.0.2\n", "t", false,
		    false },
		{ proxy, T "upstream = socks5://10.0.0.1:99\n", "t", false,
		    false },
		{ proxy, T "upstream = http://10.0.0.1:1080\n", "", false,
		    false },
		{ proxy, T "upstream = direct\n", "t", false, false },
		{ proxy, AB "failover = a, b\n", "t", false, false },
		{ proxy, "[tunnel \"u\"]\nupstream = direct\n", "t", false,
		    false },
		{ T "upstream = https://p.example\n",
		    T "upstream = https://p.example#q.example\n", "t", false,
		    false },
		{ T "upstream = direct\n",
		    T "upstream = direct\nsource = 10.0.0.1\n", "t", false,
		    false },
		{ T "upstream = direct\n",
		    T "upstream = direct\nnetns = side\n", "t", false, false },
		{ AB "failover = a, b\n", AB "failover = b, a\n", "", true,
		    true },
		{ AB "failover = a, b\n", AB "failover = b, reject\n", "b",
		    true, true },
		{ AB "failover = a, b\n", AB "failover = b, reject\n", "a",
		    false, false },
		{ AB "failover = a, b\n", AB "failover = b, reject\n", "",
		    false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool tcp =
		    stays(cases[i].from, cases[i].to, cases[i].via, false);
		bool udp =
		    stays(cases[i].from, cases[i].to, cases[i].via, true);

		if (tcp != cases[i].tcp || udp != cases[i].udp)
			fail_msg("%s and %s by \"%s\"", cases[i].from,
			    cases[i].to, cases[i].via);
	}
}

static void
own_sockets(void **state)
{
	struct inodes *own = inodes_new();

	(void)state;
	for (uint64_t i = 1; i < 1000; i++)
		assert_int_equal(inodes_add(own, i), 0);
	assert_int_equal(inodes_add(own, 5), 0);
	inodes_remove(own, 5);
	inodes_remove(own, 5);
	assert_false(inodes_has(own, 5));
	assert_true(inodes_has(own, 6));
	assert_false(inodes_has(own, 1000));
	/* many come and go, and the others stay */
	for (uint64_t i = 1000; i < 40000; i++) {
		assert_int_equal(inodes_add(own, i * 7), 0);
		if (i >= 1100)
			inodes_remove(own, (i - 100) * 7);
	}
	for (uint64_t i = 39900; i < 40000; i++)
		assert_true(inodes_has(own, i * 7));
	for (uint64_t i = 1000; i < 39900; i++)
		assert_false(inodes_has(own, i * 7));
	assert_true(inodes_has(own, 6));
	assert_false(inodes_has(own, 0));
	inodes_free(own);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_of_the_tunnel_alone_count),
		cmocka_unit_test(it_comes_back_after_some_good_ones),
		cmocka_unit_test(pick_is_in_order_but_for_what_is_down),
		cmocka_unit_test(templates),
		cmocka_unit_test(users_of_http_have_no_colon),
		cmocka_unit_test(settings_become_tunnels),
		cmocka_unit_test(flows_stay_with_what_leads_alike),
		cmocka_unit_test(own_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
