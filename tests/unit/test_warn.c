#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/policy_warn.h"
#include "src/core/rules.h"
#include "tests/fake/world.h"
#include "tests/unit/random.h"

/* A rule set with what is warned of. */
struct checked {
	struct rules *rules;
	const struct policy *policy;
	struct faults *warnings;
};

static struct checked
check(const char *text)
{
	struct checked c = { rules_new(), NULL, faults_new() };
	struct faults *faults = faults_new();

	if (rules_parse(c.rules, "t", text, strlen(text), faults) != 0 ||
	    policy_compile(&c.policy, c.rules, &fake_world, faults) != 0) {
		faults_print(faults, stderr);
		fail_msg("not compiled");
	}
	faults_free(faults);
	policy_warn(c.policy, c.rules, &fake_world, c.warnings);
	return c;
}

static void
checked_done(struct checked *c)
{
	policy_unref(c->policy);
	rules_free(c->rules);
	faults_free(c->warnings);
}

static const struct {
	const char *name, *rules, *what; /* NULL: nothing */
} warned_rows[] = {
	{ "a name where a path is meant", "block exe *curl", "**/NAME" },
	{ "a star for the folder", "block exe */curl", "is nothing: **/NAME" },
	{ "stars for it", "block exe **/curl", NULL },
	{ "a program of a desktop", "block unit app-flatpak-x.Y-*.scope",
	    "'**/' in front" },
	{ "… behind its user's manager", "block unit **/app-flatpak-*.scope",
	    NULL },
	{ "addresses that stand for names, for other hosts",
	    "reroute via veil domain x.example",
	    "'accept out from' those hosts, before" },
	{ "… of all names", "reroute via veil not to lan",
	    "'accept out from' those hosts, before" },
	{ "… which are told the true ones",
	    "accept out from 192.0.2.3-192.0.2.9\n"
	    "reroute via veil domain x.example",
	    NULL },
	{ "… for programs of this one", "reroute via veil user alice", NULL },
	{ "… in a rule that is for some", "reroute via veil from 192.0.2.1",
	    NULL },
	{ "a set of shells", "block exe /usr/bin/[cw]*", "no wildcards" },
	{ "words of shells", "block cmd **{curl,wget}**", "no wildcards" },
	{ "a star in a command line", "block cmd *--secret**", "** is any" },
	{ "at its end", "block cmd \"**/script -*\"", "** is any" },
	{ "as an argument", "block cmd \"/bin/a * -x\"", "** is any" },
	{ "within a path", "block cmd \"/opt/*/run **\"", NULL },
	{ "a star itself", "block cmd **\\*", NULL },
	{ "brackets that are meant", "block exe /usr/bin/\\[cw]*", NULL },
	{ "a group that users are in besides", "block group users",
	    "all of its members is 'user alice, bob'" },
	{ "one that is somebody's own", "block group wheel", NULL },
	{ "a script", "block exe /opt/x.sh", ": script PATH" },
	{ "a script that starts it", "block parent /opt/x.sh",
	    "what it starts has its unit, or its user" },
	{ "a folder behind a pattern", "block exe /opt/*/", "ends with a /" },
	{ "all below it", "block exe /opt/*/**", NULL },
	{ "a program that is called so", "block exe **/[", NULL },
	{ "a name anywhere", "block exe **/curl", NULL },
	{ "a port that a caller has", "accept in from lan port 22",
	    "that of this host" },
	{ "beside the one that it calls",
	    "accept in proto udp from lan port 67 to port 68", NULL },
	{ "those that are drawn", "accept in from lan port 1024-65535", NULL },
	{ "a port that nobody may have", "block in from any port 19", NULL },
	{ "a port of this host, outbound", "accept out from any port 22",
	    NULL },
	{ "a network that this host is in", "accept out from 192.0.2.0/24",
	    "192.0.2.1 is this host's own" },
	{ "without it", "accept out from 192.0.2.2-192.0.2.9", NULL },
	{ "one of its addresses", "accept out from 192.0.2.1", NULL },
	{ "a network, of what comes in", "accept in from 192.0.2.0/24", NULL },
	{ "to the resolver",
	    "accept to loopback\n"
	    "block domain x.example",
	    "t:2 decides about addresses in answers alone" },
	{ "by its port",
	    "accept proto udp to any port 53\n"
	    "block list ads",
	    "t:2 decides about none" },
	{ "behind it", "block domain x.example\naccept to loopback", NULL },
	{ "of another program",
	    "accept user bob to 127.0.0.1\n"
	    "block user alice domain x.example",
	    NULL },
	{ "to a server elsewhere",
	    "accept to 192.0.2.1\n"
	    "block domain x.example",
	    NULL },
	{ "names of a program, and nothing else of it",
	    "accept exe /a domain x.example\nblock exe /a",
	    "t:1 spares can't be asked for" },
	{ "… to the host itself",
	    "accept exe /a, /b list bad\ndrop out exe /a to loopback",
	    "t:1 spares can't be asked for" },
	{ "… through a tunnel",
	    "reroute via tor exe /a domain x.example\nblock exe /a proto udp",
	    "t:1 spares can't be asked for" },
	{ "all but names of it", "block exe /a not domain x.example",
	    "t:1 spares can't be asked for" },
	{ "names, and nothing else of a program",
	    "accept domain x.example\nblock exe /a",
	    "one before it accepts to loopback port 53" },
	{ "names of a program, and nothing else at all",
	    "accept exe /a domain x.example\nblock out",
	    "'default out block' does not" },
	{ "… where the default denies",
	    "accept exe /a domain x.example\ndefault out block", NULL },
	{ "names of a proxy", "reroute via ssh exe /a", "\"ssh\"] its proxy" },
	{ "… which is no matter for addresses", "reroute via ssh to 10.0.0.0/8",
	    NULL },
	{ "… and is said once",
	    "reroute via ssh exe /a\nreroute via ssh exe /b", "\"ssh\"" },
	{ "… behind one for addresses",
	    "reroute via ssh to 10.0.0.0/8\nreroute via ssh domain b.example",
	    "\"ssh\"" },
	{ "a rule for all, and a default", "accept out\ndefault out block",
	    "default never decides: t:1 matches all" },
	{ "… that stands before it", "default out block\naccept to any",
	    "default never decides: t:2 matches all" },
	{ "… behind others", "block user bob\naccept\ndefault in drop",
	    "default never decides: t:2 matches all" },
	{ "… of one direction", "accept in\ndefault out block", NULL },
	{ "… but some", "accept out not to lan\ndefault out block", NULL },
	{ "… which does the same", "block\ndefault out block", NULL },
	{ "… of both directions",
	    "accept in\naccept out\ndefault unknown block",
	    "default never decides: t:2 matches all" },
	{ "… and one of them", "accept out\ndefault kernel block", NULL },
	{ "… with the way to the resolver",
	    "accept exe /a domain x.example\n"
	    "accept exe /a to loopback port 53\nblock exe /a",
	    NULL },
	{ "… with another's way",
	    "accept exe /a domain x.example\n"
	    "accept exe /b to loopback port 53\nblock exe /a",
	    "t:1 spares can't be asked for" },
	{ "… with all other ports",
	    "accept exe /a domain x.example\n"
	    "accept exe /a to loopback port 1-52, 54-65535\nblock exe /a",
	    "t:1 spares can't be asked for" },
	{ "… and what is denied is elsewhere",
	    "accept exe /a domain x.example\nblock exe /a to lan", NULL },
	{ "… where the server that it asks is",
	    "accept exe /a domain x.example\nblock exe /a to internet, lan",
	    "t:1 spares can't be asked for: this rule denies the way to "
	    "198.51.100.53, too" },
	{ "… for the addresses of which it asks",
	    "accept exe /a to any port 443\nblock exe /a to internet",
	    "the names of what t:1 spares can't be asked for: this rule "
	    "denies the way to 198.51.100.53" },
	{ "… with the way there",
	    "accept exe /a domain x.example\n"
	    "accept exe /a to 198.51.100.53 port 53\n"
	    "block exe /a to internet",
	    NULL },
	{ "… but for another's names",
	    "accept exe /b domain x.example\nblock exe /a to internet", NULL },
	{ "… but by TCP",
	    "accept exe /a domain x.example\nblock exe /a proto tcp to "
	    "internet",
	    NULL },
	{ "… or another protocol",
	    "accept exe /a domain x.example\nblock exe /a proto tcp", NULL },
	{ "… or another program",
	    "accept exe /a domain x.example\nblock exe /b", NULL },
	{ "… or comes in", "accept exe /a domain x.example\nblock in exe /a",
	    NULL },
	{ "networks of a program, and nothing else of it",
	    "accept exe /a to lan\nblock exe /a",
	    "the names of what t:1 spares can't be asked for" },
	{ "… which all may reach", "accept to lan\nblock exe /a", NULL },
	{ "… by their port", "accept exe /a to any port 443\nblock exe /a",
	    "the names of what t:1 spares can't be asked for" },
	{ "… with a resolver there",
	    "accept exe /a to lan port 53, 443\nblock exe /a", NULL },
	{ "… with the way to ours",
	    "accept exe /a to lan\naccept exe /a to loopback\nblock exe /a",
	    NULL },
	{ "single addresses, and nothing else of it",
	    "accept exe /a to 10.0.0.5 port 5432\nblock exe /a", NULL },
	{ "nothing of a program", "block exe /a", NULL },
	{ "nothing of this host for it", "block exe /a to loopback",
	    "no name can be asked for" },
	{ "… but for the LAN", "block exe /a not to lan",
	    "no name can be asked for" },
	{ "… but for an address", "block exe /a not to 10.0.0.5", NULL },
	{ "… but for the resolver",
	    "accept to loopback port 53\nblock exe /a to loopback", NULL },
	{ "… of one port", "block exe /a to loopback port 53", NULL },
	{ "nothing of a program, and then names",
	    "block exe /a\naccept exe /a, /b domain x.example", NULL },
	{ "names that are denied before the rest",
	    "block exe /a domain x.example\nblock exe /a", NULL },
	{ "the same twice", "accept exe /a\nblock exe /a", "t:1" },
	{ "a list with it", "accept exe /b, /a\nblock exe /a", "t:1" },
	{ "a glob with it", "accept exe /a/**\nblock exe /a/b", "t:1" },
	{ "a glob within a folder", "accept exe /a/**\nblock exe /a/b/*c?",
	    "t:1" },
	{ "all", "accept cmd **\nblock cmd **x**", "t:1" },
	{ "a glob of another folder", "accept exe /a/**\nblock exe /*/b",
	    NULL },
	{ "a glob that is no folder", "accept exe /a/**/c\nblock exe /a/b/*c",
	    NULL },
	{ "a star that is meant", "accept exe /a\\**\nblock exe /ab/*", NULL },
	{ "more conditions", "drop\nblock user bob", "t:1" },
	{ "fewer conditions", "drop user bob\nblock", NULL },
	{ "one direction", "drop in\nblock in user bob", "t:1" },
	{ "the other direction", "drop in\nblock user bob", NULL },
	{ "a prefix", "drop to 10.0.0.0/8\nblock to 10.1.0.0/16 port 5",
	    "t:1" },
	{ "a wider prefix", "drop to 10.1.0.0/16\nblock to 10.0.0.0/8", NULL },
	{ "ports", "drop to port 1-9\nblock to port 3, 5-9", "t:1" },
	{ "a port more", "drop to port 1-9\nblock to port 3, 10", NULL },
	{ "no ports", "drop to port 1-9\nblock to 10.0.0.1", NULL },
	{ "not", "drop not user bob\nblock not user bob, alice", "t:1" },
	{ "not less", "drop not user bob, alice\nblock not user bob", NULL },
	{ "all but another one", "drop not user bob\nblock user alice", "t:1" },
	{ "all but the same", "drop not user bob\nblock user alice, bob",
	    NULL },
	{ "all processes but another kind",
	    "drop not process kernel\nblock process unknown", "t:1" },
	{ "another name is no other address",
	    "drop in not domain a.example\nblock in domain b.example", NULL },
	{ "another unit may be above it",
	    "drop not unit a.service\nblock unit b.service", NULL },
	{ "queries do not come in", "drop out\nblock qtype AAAA", "t:1" },
	{ "any", "drop to any\nblock to 10.0.0.1", "t:1" },
	{ "any, before what names no address", "accept to any\nblock list ads",
	    "never match: t:1" },
	{ "any, and queries with it", "block to any\naccept user bob",
	    "never match: t:1" },
	{ "any from any", "drop from any to any user bob\nblock user bob",
	    "never match: t:1" },
	{ "any port is not each protocol", "drop to any port 7\nblock user bob",
	    NULL },
	{ "a scope", "drop to lan\nblock to lan user bob", "t:1" },
	{ "a group within", "drop to lan\nblock to loopback", NULL },
	{ "a prefix of a scope", "drop to lan\nblock to 10.1.0.0/16", "t:1" },
	{ "all of a scope, and ranges",
	    "drop to lan\n"
	    "block to 192.168.0.0/16, fc00::/7, 172.16.0.1-172.31.0.1",
	    "t:1" },
	{ "an address of a scope", "drop to loopback\nblock to ::1, 127.0.0.53",
	    "t:1" },
	{ "a prefix that is wider than its scope",
	    "drop to lan\nblock to 172.0.0.0/11", NULL },
	{ "a range over two parts of a scope",
	    "drop to lan\nblock to 10.0.0.1-192.168.0.1", NULL },
	{ "the other family", "drop to lan\nblock to 10.0.0.1, 2001:db8::1",
	    NULL },
	{ "groups", "drop to multicast\nblock to 239.0.0.0/8, ff02::/16",
	    "t:1" },
	{ "a network of the internet",
	    "drop to internet\nblock to 203.0.113.0/24, 2001:db8::/32", "t:1" },
	{ "a range of the internet with a LAN in it",
	    "drop to internet\nblock to 172.0.0.0/8", NULL },
	{ "a range that ends beyond the internet",
	    "drop to internet\nblock to 203.0.0.0-224.0.0.1", NULL },
	{ "a range that begins before the internet",
	    "drop to internet\nblock to 0.0.0.0/7", NULL },
	{ "process",
	    "drop process kernel, unknown\n"
	    "block process kernel",
	    "t:1" },
	{ "two families", "drop from 10.0.0.1 to fd00::1", "IPv4" },
	{ "not any", "block not to any", "no address that is not any" },
	{ "not any, nor another one", "block not from lan, any to ::1",
	    "no address that is not any" },
	{ "not any with ports", "block not to any port 7", NULL },
	{ "any, and not another one", "block to any not from lan", NULL },
	{ "a scope has both", "drop from lan to fd00::1", NULL },
	{ "a name", "drop domain a.example\nblock domain a.example", "t:1" },
	{ "a name below",
	    "drop domain .b.example\n"
	    "block domain a.b.example, *.c.b.example",
	    "t:1" },
	{ "the name itself is not below it",
	    "drop domain *.b.example\nblock domain b.example", NULL },
	{ "all below is more than one",
	    "drop domain a.b.example\nblock domain *.b.example", NULL },
	{ "a list", "drop list ads, bad\nblock list bad", "t:1" },
	{ "types", "drop qtype A, AAAA\nblock qtype AAAA", "t:1" },
	{ "its queries come to the next",
	    "block to port 80\naccept to port 80 user bob",
	    "no connection can match this rule, only a query: t:1" },
	{ "no queries come in", "block in to port 80\naccept in to port 80",
	    "never match: t:1" },
	{ "two halves",
	    "drop to 10.0.0.0/9\ndrop to 10.128.0.0/9\n"
	    "block to 10.0.0.0/8",
	    "never match: t:1 and t:2 match" },
	{ "two halves of what is let through",
	    "block to 10.0.0.0/9\nblock to 10.128.0.0/9\n"
	    "accept to 10.0.0.0/8",
	    "only a query: t:1 and t:2 match" },
	{ "two halves and a hole",
	    "drop to 10.0.0.0/9\ndrop to 10.128.0.1-10.255.255.255\n"
	    "block to 10.0.0.0/8",
	    NULL },
	{ "all there is",
	    "drop to 0.0.0.0-127.255.255.255\ndrop to 128.0.0.0/1\n"
	    "drop to ::/1\ndrop to 8000::/1\nblock to any",
	    "t:1, t:2 and 2 more match" },
	{ "all but the last",
	    "drop to 0.0.0.0/0\ndrop to ::-ffff::\nblock to any", NULL },
	{ "a scope is a part",
	    "drop to lan\ndrop to 8.0.0.0/8\n"
	    "block to 10.0.0.0/8, 8.8.8.8",
	    "t:1 and t:2" },
	{ "ports in parts",
	    "drop to port 1-100\ndrop to port 90-199\ndrop to port 201-300\n"
	    "drop to port 200\nblock to port 1-300",
	    "t:1, t:2 and 2 more match" },
	{ "ports but one",
	    "drop to port 1-100\ndrop to port 102-300\nblock to port 1-300",
	    NULL },
	{ "in parts of two kinds",
	    "drop to 10.0.0.0/9 port 1-9\ndrop to 10.128.0.0/9 port 10-19\n"
	    "block to 10.0.0.0/8 port 1-19",
	    NULL },
	{ "both directions", "drop in\ndrop out\nblock user bob",
	    "t:1 and t:2" },
	{ "each user",
	    "drop user bob\ndrop user alice exe /a, /b\n"
	    "block user alice, bob exe /b",
	    "t:1 and t:2" },
	{ "each protocol",
	    "drop proto tcp\ndrop proto udp\nblock proto tcp, udp",
	    "t:1 and t:2" },
	{ "all that has ports is more than TCP and UDP",
	    "drop proto tcp\ndrop proto udp\nblock to port 80", NULL },
	{ "by those with more conditions",
	    "drop user bob exe /a\ndrop user alice\nblock user alice, bob",
	    NULL },
	{ "without the others",
	    "drop not user bob\ndrop user bob\nblock user alice, bob",
	    "t:1 and t:2" },
	{ "a query's protocol", "block qtype A proto udp",
	    "never match: a query" },
	{ "a query's port", "accept qtype A to port 80",
	    "says nothing of a query" },
	{ "an answer's address", "block qtype A to 10.0.0.0/8", NULL },
	{ "no such file", "drop exe /usr/bin/missing",
	    "no file '/usr/bin/missing'" },
	{ "a parent too", "drop parent /missing", "no file" },
	{ "a folder", "drop exe /usr/bin/", "'/usr/bin/' is a folder" },
	{ "a script as executable", "drop exe /x/backup.sh",
	    "'/x/backup.sh' is a script" },
	{ "a script as script", "drop script /x/backup.sh", NULL },
	{ "a text as executable", "drop parent /x/read.txt", "can be run" },
	{ "a text as script", "drop script /x/read.txt", NULL },
	{ "ICMP over IPv6", "drop proto icmp to fd00::1", "icmp6 is meant" },
	{ "ICMPv6 over IPv4", "drop proto icmp6 from 10.0.0.1",
	    "icmp is meant" },
	{ "ICMP and TCP", "drop proto icmp, tcp to fd00::1", NULL },
	{ "either ICMP", "drop proto icmp, icmp6 to fd00::1", NULL },
	{ "a way for some addresses before a tunnel's names",
	    "reroute via vpn to 10.0.0.0/8\nreroute via tor domain *.onion",
	    "outside the tunnel: t:1 lets each query" },
	{ "what stays out of somebody's tunnel before a tunnel's names",
	    "reroute via vpn user bob not to lan\n"
	    "reroute via tor domain *.onion",
	    NULL },
	{ "what is let through before a tunnel's names",
	    "accept to lan user bob\nreroute via tor domain *.onion",
	    "outside the tunnel: t:1" },
	{ "ports of a tunnel that asks here",
	    "reroute via vpn to port 80\nreroute via tor domain *.onion",
	    "outside the tunnel: t:1" },
	{ "ports of one that asks there, too",
	    "reroute via tor to port 80\nreroute via tor domain *.onion",
	    NULL },
	{ "behind a tunnel's names",
	    "reroute via tor domain *.onion\naccept to lan", NULL },
	{ "names that are asked for here anyway",
	    "accept to lan\nreroute via vpn domain x.example", NULL },
	{ "all of somebody's before a tunnel's names",
	    "accept user bob\nreroute via tor domain *.onion", NULL },
	{ "maybe another's before a tunnel's names",
	    "accept user bob to lan\nreroute via tor user alice domain *.onion",
	    NULL },
	{ "a way for some addresses before a tunnel for somebody",
	    "accept user bob to lan, loopback\nreroute via tor user bob",
	    "outside this tunnel: t:1 lets each query" },
	{ "… for all", "accept to loopback\nreroute via tor to internet",
	    "outside this tunnel: t:1" },
	{ "… for some of them",
	    "accept to any port 22\nreroute via tor user bob exe /bin/x",
	    "outside this tunnel: t:1" },
	{ "… by a protocol", "accept proto icmp\nreroute via tor not to lan",
	    "outside this tunnel: t:1" },
	{ "… and a tunnel's names",
	    "accept proto icmp\nreroute via tor domain *.onion",
	    "outside the tunnel: t:1" },
	{ "a way that is no part of a tunnel",
	    "reroute via tor user bob not to lan, loopback", NULL },
	{ "… of a program that goes out itself",
	    "accept user bob to any port 123\nreroute via tor", NULL },
	{ "… of another one",
	    "accept user bob to lan\nreroute via tor user alice", NULL },
	{ "… before a tunnel whose names are asked for here",
	    "accept user bob to lan\nreroute via vpn user bob", NULL },
	{ "… before a tunnel for some addresses",
	    "accept to loopback\nreroute via tor to 10.0.0.0/8", NULL },
	{ "what carries a tunnel that takes all", "reroute via vpn not to lan",
	    "carry the VPN go into 'vpn'" },
	{ "… of one that takes the internet",
	    "accept to lan\naccept proto icmp\naccept qtype A\n"
	    "reroute via vpn proto udp to internet",
	    "carry the VPN go into 'vpn'" },
	{ "… of one that takes all but some names",
	    "reroute via vpn not domain x.example",
	    "carry the VPN go into 'vpn'" },
	{ "a carrier that is let out",
	    "accept process kernel\nreroute via vpn not to lan", NULL },
	{ "… by its program",
	    "accept exe /usr/bin/wireguard-go\nreroute via vpn to internet",
	    NULL },
	{ "… by where it goes",
	    "accept to 192.0.2.1 port 51820\nreroute via vpn", NULL },
	{ "… by what is excepted", "reroute via vpn not to lan, 192.0.2.1",
	    NULL },
	{ "… behind", "reroute via vpn not to lan\naccept process kernel",
	    "carry the VPN go into 'vpn'" },
	{ "… all that is unknown",
	    "accept process unknown\nreroute via vpn to internet",
	    "carry the VPN go into 'vpn'" },
	{ "a carrier that is denied before",
	    "block out proto udp\nreroute via vpn not to lan", NULL },
	{ "… that goes into the tunnel by two rules",
	    "reroute via vpn to internet\nreroute via vpn not to lan",
	    "carry the VPN go into 'vpn'" },
	{ "a tunnel for a program", "reroute via vpn user bob not to lan",
	    NULL },
	{ "… for some names", "reroute via vpn domain x.example", NULL },
	{ "… for TCP", "reroute via vpn proto tcp", NULL },
	{ "… that nothing of this host carries", "reroute via tor not to lan",
	    NULL },
	{ "servers elsewhere behind denied names",
	    "block list ads\naccept out proto udp to any port 53",
	    "t:1 decides about none of them" },
	{ "… one of them",
	    "block out user bob domain x.example\n"
	    "accept to 192.168.1.1 port 53",
	    "t:1 decides about none of them" },
	{ "… behind a tunnel's names",
	    "reroute via tor domain *.onion\naccept to lan port 1-1023",
	    "t:1 decides about none of them" },
	{ "… for a program",
	    "block list ads\naccept exe /usr/bin/dig to any port 53", NULL },
	{ "the server here behind denied names",
	    "block list ads\naccept to 127.0.0.1 port 53", NULL },
	{ "servers elsewhere where no name is denied",
	    "block to 192.0.2.1\naccept to any port 53", NULL },
	{ "nobody of that name", "block user eve", "no user 'eve': this" },
	{ "one of two is there", "accept group wheel, weel",
	    "no group 'weel': this" },
	{ "a sign of others", "block user !bob", "'not' before the match" },
	{ "all but nobody", "block not user eve", "no user 'eve'" },
	{ "all but whom nobody knows", "accept not user eve",
	    "this rule accepts nobody" },
	{ "a number", "block user 4711", NULL },
	{ "a unit's name as systemd prints it",
	    "block unit open\\x2dvpn.service", "has \\x, which is x" },
	{ "… in quotes", "block unit \"open\\\\x2dvpn.service\"",
	    "has \\x, which is x" },
	{ "… as a pattern has it", "block unit open\\\\x2dvpn.service", NULL },
	{ "a path of groups", "block unit system.slice/ssh.service",
	    "never match: it is compared" },
	{ "… from the root on", "block unit /system.slice/ssh.service",
	    "never match: it is compared" },
	{ "a kind of unit, misspelt", "block unit ssh.servcie",
	    "ends nearly as units of systemd do" },
	{ "a unit that no program is in", "block unit backup.timer",
	    "what it starts is in a .service" },
	{ "a group of another's", "block unit lxc.payload.web", NULL },
	{ "a kind that is a pattern", "block unit backup.t*", NULL },
	{ "what is below a service", "block unit user@1.service/app.slice",
	    NULL },
	{ "AH in IPv6", "block proto 51 to fd00::/8", "51 never matches" },
	{ "AH beside another", "block proto tcp, 51 to fd00::/8",
	    "51 never matches" },
	{ "AH in both", "block proto 50, 51", "51 matches IPv4 alone" },
	{ "AH in IPv4", "block proto 51 to 10.0.0.0/8", NULL },
	{ "all but AH", "block not proto 51", NULL },
	{ "ESP", "block proto 50", NULL },
	{ "a pattern may match later", "drop exe /missing/*", NULL },
};

static void
warnings_are_about_what_can_not_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS(warned_rows); i++) {
		struct checked c = check(warned_rows[i].rules);
		const struct fault *w = faults_get(c.warnings, 0);

		row_true(warned_rows[i].name,
		    (w != NULL) == (warned_rows[i].what != NULL));
		if (w != NULL)
			row_true(warned_rows[i].name,
			    strstr(w->what, warned_rows[i].what) != NULL &&
				strncmp(w->what, "warning: ", 9) == 0);
		row_true(warned_rows[i].name, faults_count(c.warnings) <= 1);
		checked_done(&c);
	}
}

/* What is said never to match never does. */
static void
there_is_no_false_alarm(void **state)
{
	unsigned int seed = 11;
	size_t alarms = 0;

	(void)state;
	for (size_t round = 0; round < 400; round++) {
		char *text = random_rules(&seed, 1 + round % 60);
		struct checked c = check(text);
		bool never[64] = { false }, families[64] = { false };
		bool flows[64] = { false };
		const struct fault *w;

		for (size_t i = 0; (w = faults_get(c.warnings, i)) != NULL; i++)
			if (strstr(w->what, "no connection") != NULL) {
				flows[w->line] = true;
			} else if (strstr(w->what, "never") != NULL) {
				never[w->line] = true;
				families[w->line] |=
				    strstr(w->what, "IPv4") != NULL;
				alarms++;
			}
		for (size_t i = 0; i < 200; i++) {
			struct process *p;
			struct subject s = random_subject(&seed, &p);
			uint32_t n = policy_decide(c.policy, &s).rule;

			/* of a query the addresses are not known yet */
			if (s.query && n > 0 &&
			    families[policy_rule_get(c.policy, n)->line])
				n = 0;
			if (n > 0 &&
			    (never[policy_rule_get(c.policy, n)->line] ||
				(!s.query &&
				    flows[policy_rule_get(c.policy, n)->line])))
				fail_msg("rule %u of:\n%s", n, text);
			process_unref(p);
		}
		checked_done(&c);
		free(text);
	}
	assert_true(alarms > 100);
}

/* The same of rules that divide one another in all ways. */
/* Rules of which all differ in the same ways. */
static void
some_rules(char *text, size_t n, unsigned int *seed)
{
	static const char *const words[][6] = {
		{ "", "in", "out" },
		{ "", "user alice", "user bob", "user alice, bob",
		    "not user bob" },
		{ "", "proto tcp", "proto udp", "proto tcp, udp",
		    "not proto 47" },
		{ "", "to 10.0.0.0/9", "to 10.128.0.0-10.255.255.255",
		    "to 10.0.0.0/8", "to 10.64.0.0-10.200.0.0", "to lan" },
		{ "", "from port 1-9", "from port 5-19", "from port 10-19",
		    "from port 1-19", "from 10.1.2.3 port 5" },
	};
	unsigned int kinds = (unsigned int)rand_r(seed) % 32;

	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		strcat(text, "drop");
		for (size_t k = 0; k < N_ROWS(words); k++) {
			size_t at = (size_t)rand_r(seed) % 6;

			if ((kinds & 1u << k) == 0 || words[k][at] == NULL)
				continue;
			strcat(text, " ");
			strcat(text, words[k][at]);
		}
		strcat(text, "\n");
	}
}

/* Which of them decides about some connection. */
static uint32_t
one_decides(const struct policy *policy, unsigned int *seed)
{
	static const uint8_t places[] = { 0, 1, 63, 64, 127, 128, 200, 201,
		255 };
	static const uint16_t ports[] = { 1, 4, 5, 9, 10, 19, 20 };
	static const uint8_t protos[] = { 6, 17, 47 };
	struct process *p = process_new(PROCESS_PROGRAM);
	struct subject s = { .process = p,
		.in = rand_r(seed) % 2 != 0,
		.proto = protos[rand_r(seed) % 3],
		.src = { ADDR_IP4, { 10, 1, 2, 3 } },
		.dst = { ADDR_IP4, { 10 } } };
	uint32_t n;

	s.has_ports = s.proto != 47;
	s.sport = ports[(size_t)rand_r(seed) % N_ROWS(ports)];
	s.dst.bytes[1] = places[(size_t)rand_r(seed) % N_ROWS(places)];
	p->uid = 1000 + (uint32_t)rand_r(seed) % 3;
	n = policy_decide(policy, &s).rule;
	process_unref(p);
	return n;
}

static void
what_is_divided_is_certain(void **state)
{
	unsigned int seed = 7;
	size_t alarms = 0;

	(void)state;
	for (size_t round = 0; round < 1500; round++) {
		bool never[16] = { false };
		const struct fault *w;
		struct checked c;
		char text[4096];

		some_rules(text, 3 + round % 9, &seed);
		c = check(text);
		for (size_t i = 0; (w = faults_get(c.warnings, i)) != NULL;
		     i++) {
			never[w->line] = true;
			alarms += strstr(w->what, " and t:") != NULL ||
				  strstr(w->what, ", t:") != NULL;
		}
		for (size_t i = 0; i < 300; i++) {
			uint32_t n = one_decides(c.policy, &seed);

			if (n > 0 && never[n])
				fail_msg("rule %u of:\n%s", n, text);
		}
		checked_done(&c);
	}
	assert_true(alarms > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(warnings_are_about_what_can_not_match),
		cmocka_unit_test(there_is_no_false_alarm),
		cmocka_unit_test(what_is_divided_is_certain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
