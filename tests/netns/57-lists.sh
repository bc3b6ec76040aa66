#!/bin/bash
# Lists: names and addresses of files, blocked in queries and connections; files
# that change, that can't be read and that hold nonsense; the compiled form in
# the state folder, whole and damaged.
#
#     c 10.9.0.1, rerouted        s 10.9.0.2 10.9.0.3 10.9.0.4 fd09::2, port 7001
#       127.0.0.1:53                dnsmasq on 10.9.0.53
. "$(dirname "$0")/lib.sh"
need_root
need dig dnsmasq python3
net_up
probe=$BUILDDIR/probe
for a in 10.9.0.3 10.9.0.4 10.9.0.53; do
	ins ip address add $a/24 dev s0
done
background ins "$probe" serve 7001 10.9.0.2 10.9.0.3 10.9.0.4 fd09::2 \
	>"$tmp/serve"
background ins dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
	--user=root --pid-file= --bind-interfaces --listen-address=10.9.0.53 \
	--address=/example/203.0.113.2 --address=/three.example/203.0.113.3 \
	--cname=alias.elsewhere,ads.example --log-queries 2>"$tmp/dnsmasq.log"
wait_for has_text ready "$tmp/serve"
bound ins udp 53 10.9.0.53

l=$tmp/l
mkdir -p "$l/more"
cat >"$l/ads.txt" <<'LIST'
! Title: ads
||ads.example^
@@||ok.ads.example^
||only.example^$third-party
||bad name^
||led.example^$dnsrewrite=led.else.example
||astray.example^$dnsrewrite=below.two.below.example
||circle.example^$dnsrewrite=astray.example
||safe.example^$dnsrewrite=led.safe.example
||wild*.example^
@@||wild-ok*.example^
/^ads?[0-9]+\./
||back.example^
||sub.back.example^
||sub.back.example^$badfilter
LIST
echo "0.0.0.0 hosts.example" >"$l/more/a.hosts"
printf "10.9.0.3 # an address\n203.0.113.3/32\n::ffff:10.9.0.9\n" \
	>"$l/more/b.hosts"
printf 'two.example\n*.below.example\n' >"$l/two.txt"
printf 'server=/masq.example/#\naddress=/ads.masq.example/\n' >"$l/masq.conf"
printf '%s\n' address=/deep.example/ address=/x.y.deep.example/ \
	'server=/y.deep.example/#' >>"$l/masq.conf"
settings "[resolver]" "upstream = 10.9.0.53" \
	"[list \"masq\"]" "source = $l/masq.conf" \
	"[list \"ads\"]" "source = $l/ads.txt, $l/none/*.hosts, $l/more/*.hosts" \
	"[list \"two\"]" "source = $l/two.txt" "format = domains"
rules "block out list ads" "block out list two" "block out list masq" \
	"default in accept"

listed() { # NAME EXPRESSION: python, of the list as `l`
	ctl --json lists >"$tmp/lists" &&
		holds "$tmp/lists" "[($2) for l in every if l['name'] == '$1'][0]"
}
answer_is() { # ADDRESS NAME
	local got
	got=$(inc dig +time=15 +tries=1 +short @127.0.0.1 "$2" A | tail -n 1)
	echo "$got"
	[ "$got" = "$1" ]
}
blocked() { answer_is 0.0.0.0 "$1"; }
open() { answer_is 203.0.113.2 "$1"; }
follows() { # NAME: to what is open
	inc dig +time=15 +tries=1 +short @127.0.0.1 "$1" A | tee "$tmp/dig"
	grep -q '^led\.' "$tmp/dig" && grep -qx 203.0.113.2 "$tmp/dig"
}
said() { grep -q "$@" "$tmp/daemon.log"; }

check "the daemon starts" daemon_start
check "both are loaded" listed two 'l["state"] == "loaded" and l["names"] == 2'
check "several files are one list" listed ads 'l["names"] == 9 and
    l["addresses"] == 3 and len(l["files"]) == 3 and l["error"] is None'
check "patterns are counted by themselves" listed ads 'l["patterns"] == 3'
check "what could not be used is counted and named" listed ads '
    l["faults"] == 2 and l["modifiers"] == {"third-party": 1} and
    [x["line"] for x in l["first"]] == [4, 5] and
    all(x["file"].endswith("/ads.txt") for x in l["first"])'
explained() { # LINE WORD...: the daemon and --explain say so
	local want=$1
	shift
	ctl explain "$@" >"$tmp/explained"
	inc "$REROUTED" --config "$conf" --rules "$tmp/rules" --explain \
		"$(printf '%s' "$*" | sed 's/--query/query/; s/--\([a-z]*\) /\1=/g')" \
		>"$tmp/asked" 2>&1
	cat "$tmp/explained" "$tmp/asked"
	grep -qxF "$want" "$tmp/explained" && grep -qxF "$want" "$tmp/asked"
}
check "explained: list" explained "list: ads" --query --domain x.ads.example
check "explained: file, line and text" explained \
	"entry: $l/ads.txt:2: ||ads.example^" --query --domain x.ads.example
check "explained: a pattern" explained \
	"entry: $l/ads.txt:10: ||wild*.example^" --query --domain x.wild7.example
check "explained: a regular expression" explained \
	"entry: $l/ads.txt:12: /^ads?[0-9]+\\./" --query --domain ads12.a.example
check "explained: not what is taken back" explained \
	"entry: $l/ads.txt:13: ||back.example^" --query --domain sub.back.example
check "explained: the more specific one" explained \
	"entry: $l/masq.conf:2: address=/ads.masq.example/" \
	--query --domain x.ads.masq.example
check "explained: … of three" explained \
	"entry: $l/masq.conf:4: address=/x.y.deep.example/" \
	--query --domain x.y.deep.example
check "explained: an address" explained \
	"entry: $l/more/b.hosts:1: 10.9.0.3 # an address" --to 10.9.0.3
check "explained: … that is mapped" explained \
	"entry: $l/more/b.hosts:3: ::ffff:10.9.0.9" --to 10.9.0.9
check "explained: what was passed" explained \
	"passed: rule 1 does not decide" --domain two.example
resolved() { # LINE WORD...
	ctl resolve "${@:2}" | tee "$tmp/resolved"
	grep -qxF "$1" "$tmp/resolved"
}
check "resolve says what blocks: the rule" resolved \
	"rule: $tmp/rules/10.rules:1" x.ads.example
check "… the list" grep -qx "list: ads" "$tmp/resolved"
check "… and its line" grep -qxF "entry: $l/ads.txt:2: ||ads.example^" \
	"$tmp/resolved"
check "… in JSON too" sh -c "'$REROUTECTL' --control '$tmp/control' --json \
    resolve x.ads.example | grep -q '\"verdict\":\"block\",\"rule\":\"[^\"]*\
:1\".*\"list\":\"ads\".*\"list_line\":2'"
check "… by an address of the answer" resolved \
	"entry: $l/more/b.hosts:2: 203.0.113.3/32" three.example
check "… which one" grep -qx "address: 203.0.113.3" "$tmp/resolved"
check "… by what an alias leads to" resolved \
	"entry: $l/ads.txt:2: ||ads.example^" alias.elsewhere
check "… that is it" grep -qx "alias: ads.example" "$tmp/resolved"
check "… by what a list leads to" resolved \
	"entry: $l/two.txt:2: *.below.example" astray.example
check_not "… and says of what it refuses that it does" \
	ctl resolve x.ads.example AXFR
check "a name and those below it" blocked ads.example
check "and those below it" blocked x.y.ads.example
check "but for an exception" open ok.ads.example
check "a pattern" blocked x.wild7.example
check "but for an exception that is one" open wild-ok7.example
check "a regular expression" blocked ad1.x.example
check "and what it is not about" open x.ad1.x.example
check "of hosts, the name alone" blocked hosts.example
check "and none below" open x.hosts.example
check "a second list" blocked two.example
check "lines of dnsmasq" blocked ads.masq.example
check "but for an exception above" open x.masq.example
check "a name that leads to another one" follows led.example
check "but not to one that is blocked" blocked astray.example
check_not "of which nobody is asked" grep -q ' below.two.below' "$tmp/dnsmasq.log"
check "nor on to what that leads to" blocked circle.example
check "all below a name but where they lead" follows www.safe.example
check "which is as it is" open led.safe.example
check "names below one" blocked x.below.example
check "and not itself" open below.example
check "a rule that can't apply blocks nothing" open only.example
check "a name behind an alias" blocked alias.elsewhere
check "… which queries have" sh -c "'$REROUTECTL' --control '$tmp/control' \
    queries --domain alias.elsewhere | grep ' alias.elsewhere .*: ads.example *\$'"
check "an answer with a listed address" answer_is 0.0.0.0 three.example
check "… which queries have" sh -c "'$REROUTECTL' --control '$tmp/control' \
    queries --domain three.example | grep ' three.example .*: 203.0.113.3 *\$'"
check "a connection to it" felt EHOSTUNREACH inc "$probe" tcp 10.9.0.3 7001
check "others pass" felt ok inc "$probe" tcp 10.9.0.2 7001
check "hits are counted" listed ads 'l["hits"] >= 4'
check "as a table" ctl lists
check "with the faults" sh -c "'$REROUTECTL' --control '$tmp/control' lists |
    grep -q 'ads.txt:5: .*bad name'"

# --- bytes that are not for terminals --------------------------------------------
printf '||a.esc.example^\n||b.esc.example^$\033]52;c;bm8=\a\n' \
	>"$l/more/d.hosts"
printf '0.0.0.0 esc.example # \033[2J\n' >"$l/more/e.hosts"
check "a list with orders to a terminal" ctl lists reload
ctl lists >"$tmp/out"
check "gives none where its faults are shown" \
	grep -q ': \\x1b]52;c;bm8.*: ||b\.esc' "$tmp/out"
check "nor where a line is explained" explained \
	"entry: $l/more/e.hosts:1: 0.0.0.0 esc.example # \\x1b[2J" \
	--query --domain esc.example
rm "$l/more/d.hosts" "$l/more/e.hosts"
check "they are gone" ctl lists reload

# --- files that change ----------------------------------------------------------
check "not blocked yet" open new.example
echo "||new.example^" >>"$l/ads.txt"
check "a file that grows is read again" wait_for blocked new.example
echo "moved.example" >"$l/.new"
mv "$l/.new" "$l/two.txt"
check "one that is replaced, too" wait_for blocked moved.example
check "what it had is gone" open two.example
echo "late.example" >"$l/more/c.hosts"
check "one that * finds later" wait_for blocked late.example
hits=$(ctl --json lists | python3 -c '
import json, sys
print([x["hits"] for x in map(json.loads, sys.stdin) if x["name"] == "ads"][0])')
check "hits go on" listed ads "l['hits'] >= $hits > 4"
mkdir "$l/none"
echo "folder.example" >"$l/none/a.hosts"
check "and in a folder that was not there" wait_for blocked folder.example
rm -r "$l/none"
rm "$l/more/c.hosts"
check "reload: one that is gone" sh -c "'$REROUTECTL' --control '$tmp/control' \
    lists reload"
check "blocks no more, at once" open late.example

# --- links in place of others ----------------------------------------------------
far=$tmp/far
mkdir -p "$far/v1" "$far/v2" "$far/v3" "$far/v4"
for v in 1 2 3 4; do
	echo "v$v.example" >"$far/v$v/two"
done
ln -s v1 "$far/.now"
cp "$l/two.txt" "$tmp/two.kept"
ln -sfn "$far/.now/two" "$l/two.txt"
check "a link in place of a file" wait_for blocked v1.example
ln -sfn v2 "$far/.now"
check "another folder by a link above it" wait_for blocked v2.example
rm "$far/.now"
ln -s v3 "$far/.now"
check "one that was taken away first" wait_for blocked v3.example
mkdir "$tmp/nearer"
cp -R "$far/v4" "$tmp/nearer/v3"
mv "$far" "$tmp/farther"
ln -s v3 "$tmp/nearer/.now"
mv "$tmp/nearer" "$far"
check "another folder above all of it" wait_for blocked v4.example
check_not "what it had is gone" blocked v3.example
rm "$far/v3/two"
check "what a link leads to is gone" wait_for listed two \
    'l["state"] == "stale" and "No such file" in l["error"]'
check "the list stays" blocked v4.example
echo v5.example >"$far/v3/two"
check "it is back, where the link leads" wait_for blocked v5.example
mkdir "$tmp/linked"
echo "0.0.0.0 linked.example" >"$tmp/linked/d"
ln -s "$tmp/linked/d" "$l/more/d.hosts"
check "a link that * finds" wait_for blocked linked.example
rm "$tmp/linked/d"
check "leads nowhere: as one that is gone" wait_for open linked.example
echo "0.0.0.0 back.linked.example" >"$tmp/linked/d"
check "and somewhere again" wait_for blocked back.linked.example
rm "$l/more/d.hosts"
keeps_its_time() { # the same size, and the time of before
	python3 -c '
import os, sys
st = os.stat(sys.argv[1])
with open(sys.argv[1], "r+") as f:
    f.write("w5")
os.utime(sys.argv[1], ns=(st.st_atime_ns, st.st_mtime_ns))' "$far/v3/two"
}
check "as many bytes, and the time set back" keeps_its_time
check "are seen" wait_for blocked w5.example
rm "$l/two.txt"
cp "$tmp/two.kept" "$l/two.txt"
check "a file again" wait_for blocked moved.example

# --- a connection that is open ---------------------------------------------------
echo "10.9.0.2" >"$l/more/d.hosts"
check "a new address" ctl lists reload
check "is blocked at once" felt EHOSTUNREACH inc "$probe" tcp 10.9.0.2 7001
rm "$l/more/d.hosts"
check "and no more" ctl lists reload
check "is open at once" felt ok inc "$probe" tcp 10.9.0.2 7001

# --- files of others, and secret ones ---------------------------------------------
echo "a secret line" >"$tmp/secret"
echo "ok.secret.example" >>"$tmp/secret"
chmod 600 "$tmp/secret"
ln -s "$tmp/secret" "$l/more/z.hosts"
check "a link of root's" ctl lists reload
check "nothing of a file that not everybody may read is shown" listed ads '
    l["faults"] == 3 and not any("a secret" in x["text"] for x in l["first"])'
rm "$l/more/z.hosts"
check "it is gone" ctl lists reload
echo "other.secret.example" >>"$tmp/secret"
ln -s "$tmp/secret" "$l/more/y.hosts"
chown -h nobody "$l/more/y.hosts"
check_not "a link of another user to a file of root's is refused" \
    ctl lists reload
chown nobody "$tmp/secret"
check "to one of that user's own it is not" ctl lists reload
rm "$l/more/y.hosts"
check "it is gone, too" ctl lists reload

# --- files that can't be used ----------------------------------------------------
mv "$l/two.txt" "$l/two.kept"
check_not "reload says what is missing" ctl lists reload
check "the old one stays" blocked moved.example
check "and is said to be stale" listed two 'l["state"] == "stale" and
    "two.txt" in l["error"]'
mkdir "$l/two.txt"
check_not "a folder is no list" ctl lists reload
check "the old one stays" blocked moved.example
rmdir "$l/two.txt"
printf '<!DOCTYPE html>\n<p>404 not found</p>\n' >"$l/two.txt"
check_not "nor is a page that says so" ctl lists reload
check "the first line that can't be used is told" listed two \
    '"two.txt: no line of it can be used (line 1: " in l["error"]'
check "the old one stays" blocked moved.example
emptied() { # CONTENT: in place of the list
	printf "$1" >"$l/two.txt"
	! ctl lists reload && blocked moved.example &&
		listed two 'l["state"] == "stale" and l["names"] == 1 and
		"two.txt: there is no entry" in l["error"]'
}
check "nor is an empty file one, as a download that failed leaves it" emptied ""
check "nor are comments" emptied '# a list\n\n! of ours\n'
check "nor is the word of a server that gives none" emptied 'Forbidden\n'
check "that is logged" said "list=two stays as it was: .*there is no entry"
cp "$l/more/b.hosts" "$tmp/b.hosts"
: >"$l/more/b.hosts"
check_not "one file of several" ctl lists reload
check "empties no more" listed ads 'l["state"] == "stale" and
    l["addresses"] == 3 and "b.hosts: there is no entry" in l["error"]'
cp "$tmp/b.hosts" "$l/more/b.hosts"
ctl lists reload >/dev/null 2>&1
check "the other one is loaded" listed ads 'l["state"] == "loaded"'
head -c 300000 /dev/urandom >"$l/two.txt"
ctl lists reload >/dev/null 2>&1
check "whatever the bytes are" blocked ads.example
mv "$l/two.kept" "$l/two.txt"
check "mended" ctl lists reload
check "it is loaded" listed two 'l["state"] == "loaded" and l["error"] is None'

: >"$l/never.txt"
cp "$conf" "$tmp/conf.kept"
printf '[list "never"]\nsource = %s\n' "$l/never.txt" >>"$conf"
check "a list that never had entries" ctl reload
printf '[list "gone"]\nsource = %s\n' "$l/gone.txt" >>"$conf"
rules "block out list ads" "block out list two" "block out list gone" \
	"default in accept"
check "reload says which list of the rules is empty" sh -c "'$REROUTECTL' \
    --control '$tmp/control' reload |
    grep -q '^BROKEN: a list of the rules is empty: gone: .*gone.txt: No such'"
rules "block out list ads" "block out list two" "default in accept"
check "may be empty" listed never 'l["state"] == "loaded" and l["names"] == 0'
cp "$tmp/conf.kept" "$conf"

# --- zones that include others -----------------------------------------------------
mkdir "$l/z"
printf '$TTL 60\n@ SOA a. b. 1 2 3 4 5\nz1.example CNAME .\n$INCLUDE z/in\n' \
	>"$l/all.rpz"
printf 'z2.example CNAME *.\nnonsense here\n' >"$l/z/in"
printf '[list "zone"]\nsource = %s\n' "$l/all.rpz" >>"$conf"
rules "block out list ads" "block out list two" "block out list zone" \
	"default in accept"
silent() { # NAME: no address, and no error
	inc dig +time=15 +tries=1 @127.0.0.1 "$1" A >"$tmp/dig"
	grep -q "status: NOERROR.*" "$tmp/dig" && grep -q "ANSWER: 0" "$tmp/dig"
}
check "a zone that includes another one" ctl reload
check "is whole with it" silent z2.example
check "whose faults have its name" listed zone 'l["names"] == 2 and
    l["first"][0]["file"].endswith("/l/z/in") and l["first"][0]["line"] == 2'
check "explained: the included file" explained \
	"entry: $l/z/in:1: z2.example CNAME *." --query --domain z2.example
printf 'z3.example CNAME *.\n' >"$l/z/in"
check "it is watched" wait_for silent z3.example
check "what it had is gone" open z2.example
rm "$l/z/in"
check_not "while it is gone" ctl lists reload
check "the list is as it was" silent z3.example
check "and says why" listed zone '"all.rpz: $INCLUDE z/in: No such" in l["error"]'
printf 'z4.example CNAME *.\n' >"$l/z/in"
check "until it is back" wait_for silent z4.example
put_back() { # KEPT FILE: never seen half written
	cp "$1" "$l/.new"
	mv "$l/.new" "$2"
}
cp "$l/all.rpz" "$l/all.kept"
# what was included counts towards its size, and is not behind it
printf 'z9.example CNAME *.' >>"$l/all.rpz"
check "a last line that does not end" wait_for silent z9.example
check "is explained" explained "entry: $l/all.rpz:5: z9.example CNAME *." \
	--query --domain z9.example
put_back "$l/all.kept" "$l/all.rpz"
cp "$l/z/in" "$l/in.kept"
partial() { # WHY [LINE...]: with these, the zone is not whole and not taken
	local why=$1 r=0
	shift
	printf '%s\n' "z5.example CNAME *." "$@" >>"$l/all.rpz"
	! ctl lists reload && open z5.example && silent z4.example &&
		listed zone "'$why' in l['error']" || r=1
	put_back "$l/all.kept" "$l/all.rpz"
	return $r
}
printf '$INCLUDE z/\033[2J\n' >>"$l/all.rpz"
says() { # TEXT: why a list can't be loaded
	ctl lists reload 2>&1 >"$tmp/out" | tee "$tmp/err"
	grep -qF "$1" "$tmp/err"
}
check "no such file, and no order to a terminal in its name" \
	says '$INCLUDE z/\x1b[2J: No such'
put_back "$l/all.kept" "$l/all.rpz"
rm "$l/all.rpz"
mkfifo "$l/all.rpz"
check "what is no file" says "all.rpz: is no regular file"
put_back "$l/all.kept" "$l/all.rpz"
check "one that includes itself" partial "a file that includes itself" \
	'$INCLUDE z/../all.rpz'
echo '$INCLUDE ../z/../z/in' >>"$l/z/in"
check "an included one that does" partial "z/in:2: \$INCLUDE: a file that incl"
put_back "$l/in.kept" "$l/z/in"
check "no name of a file" partial "all.rpz:6: \$INCLUDE: not the name of a f" \
	'$INCLUDE'
check "an origin that is none" partial "INCLUDE: not a name" \
	'$INCLUDE z/in a..b'
for i in 0 1 2 3 4 5 6 7; do
	echo "\$INCLUDE d$((i + 1))" >"$l/z/d$i"
done
echo "z6.example CNAME *." >"$l/z/d8"
check "too many within each other" partial \
	"z/d7:1: \$INCLUDE: too many files" '$INCLUDE z/d0'
truncate -s 1G "$l/z/large"
check "one that is too large with the rest" partial "larger than 1 GiB with it" \
	'$INCLUDE z/large'
rm "$l/z/large"
mkdir "$l/far" "$l/farther"
echo '$INCLUDE far/in' >>"$l/all.rpz"
# stopped, or its look at the zone is still to come
check "what was read and not used is freed" daemon_stop
check "a start before a file is there" daemon_start
check "has the list as it was, without it" silent z4.example
echo "z7.example CNAME *." >"$l/farther/in"
ln -s ../farther/in "$tmp/in.link"
mv "$tmp/in.link" "$l/far/in"
check "is taken when it does" wait_for silent z7.example
echo "z8.example CNAME *." >"$l/farther/in"
check "and watched behind a link" wait_for silent z8.example
put_back "$l/all.kept" "$l/all.rpz"
check "a whole one again" ctl lists reload
chown nobody "$l/all.rpz"
touch "$l/all.rpz"
check_not "a zone of another user does not include root's files" \
	ctl lists reload
chown nobody "$l/z/in"
check "but its owner's" ctl lists reload
daemon_stop
printf 'z5.example CNAME *.\n' >"$l/z/in"
check "a start after an included file has changed" daemon_start
check "reads it" silent z5.example
cp "$tmp/conf.kept" "$conf"

# --- lists that are new in a reload ----------------------------------------------
seq -f 'n%.0f.big.example' 300000 >"$l/big.txt"
echo last.example >>"$l/big.txt"
settings "[resolver]" "upstream = 10.9.0.53" \
	"[list \"zero\"]" "source = $l/zero.txt" \
	"[list \"big\"]" "source = $l/big.txt" "format = domains" \
	"[list \"ads\"]" "source = $l/ads.txt, $l/more/*.hosts" \
	"[list \"two\"]" "source = $l/two.txt" "format = domains"
echo none.example >"$l/zero.txt"
rules "block out list big" "block out list ads" "block out list two" \
	"default in accept"
check "last.example is no name of any list" open last.example
new_lists() { ctl reload && blocked last.example; }
check "new lists are in force when the reload says so" new_lists
check "the hit is theirs" listed big 'l["hits"] == 1'
check "and that of an old one is its own" blocked moved.example
check "whose place is another one now" listed two 'l["hits"] >= 1'
check "not one of those" listed zero 'l["hits"] == 0'
check "big has no more of them" listed big 'l["hits"] == 1'

# --- the compiled form -----------------------------------------------------------
restart() {
	daemon_stop && daemon_start
}
check "a restart" restart
check "takes what was compiled" said "loaded list=ads.* from=state"
check "blocks as before" blocked ads.example
check "patterns, too" blocked wild8.example
check "of either kind" blocked ads2.x.example
check "by address, too" felt EHOSTUNREACH inc "$probe" tcp 10.9.0.3 7001
truncate -s 0 "$tmp"/state/lists/*
check "compiled files that are cut short under the daemon" blocked last.example
check "take nothing from it" felt EHOSTUNREACH inc "$probe" tcp 10.9.0.3 7001
daemon_stop
echo "||down.example^" >>"$l/ads.txt"
check "a file that changed meanwhile" daemon_start
check "is read" said "loaded list=ads.* from=files"
check "before anything passes" blocked down.example
daemon_stop
mv "$l/two.txt" "$l/two.kept"
check "a start without the file" daemon_start
check "has the list as it was" blocked moved.example
check "and says so" said "list=two stays as it was"
daemon_stop
: >"$l/two.txt"
check "a start with the file emptied" daemon_start
check "has the list as it was, too" blocked moved.example
check "and says that, too" said "list=two stays as it was: .*no entry"
mv "$l/two.kept" "$l/two.txt"
check "until it is back" wait_for listed two 'l["state"] == "loaded"'
damage() { # HOW: of the compiled form of ads
	daemon_stop
	"$@" "$tmp/state/lists/ads"
	daemon_start && said "loaded list=ads.* from=files" &&
		blocked ads.example
}
flip() {
	python3 -c '
import sys
b = bytearray(open(sys.argv[1], "rb").read())
b[len(b) // 2] ^= 1
open(sys.argv[1], "wb").write(b)' "$1"
}
check "a flipped bit" damage flip
check "is said" said "list=ads: the compiled form is damaged"
check "a truncated one" damage truncate -s 100
check "an empty one" damage truncate -s 0
check "a foreign one" damage cp /bin/true
check "none" damage rm

# --- settings that change ----------------------------------------------------------
sed -i '/two/,$d' "$conf"
rules "block out list ads" "default in accept"
daemon_reload
check "a list that is taken out" wait_for open moved.example
printf '[list "two"]\nsource = %s\n' "$l/two.txt" >>"$conf"
rules "block out list ads, two" "default in accept"
daemon_reload
check "and one that comes" wait_for blocked moved.example

# --- files in more folders than a user may have inotifies ---------------------------
mkdir "$l/many"
mkdir -p "$l/apart/"{1..140}
for i in {1..140}; do
	echo "n$i.many.example" >"$l/apart/$i/x$i"
done
ln -s "$l/apart/"*/x* "$l/many"
cp "$conf" "$tmp/conf.kept"
printf '[list "many"]\nsource = %s\n' "$l/many/x*" >>"$conf"
rules "block out list ads, two, many" "default in accept"
check "140 folders" ctl reload
check "are read" blocked n99.many.example
echo "more.many.example" >>"$l/apart/100/x100"
check "and watched" wait_for blocked more.many.example
check "but not all that others may make" \
	said "list=many has files in more folders than are watched"
few() { # inotifies
	local n
	n=$(find "/proc/$daemon/fd" -lname '*inotify*' | wc -l)
	echo "$n"
	[ "$n" -gt 0 ] && [ "$n" -le 6 ]
}
check "by one inotify" wait_for few
check "a start with them" restart
check "has few, too" few
check "and watches" blocked more.many.example
echo "last.many.example" >>"$l/apart/1/x1"
check "again" wait_for blocked last.many.example
rm -r "$l/many" "$l/apart"
cp "$tmp/conf.kept" "$conf"
rules "block out list ads, two" "default in accept"
check "without them" ctl reload

# --- folders that are gone, or closed ------------------------------------------------
mv "$l" "$tmp/away"
check_not "reload: the folder of a list is gone" ctl lists reload
check "the old one stays" blocked ads.example
check "and is said to be stale" listed two 'l["state"] == "stale" and
    "two.txt: No such" in l["error"]'
mv "$tmp/away" "$l"
check "it is back" wait_for listed two 'l["state"] == "loaded"'
chmod 000 "$l" "$l/ads.txt"
echo "||closed.example^" >>"$l/ads.txt"
check "one that nobody may enter is read and watched" wait_for blocked closed.example
chmod 755 "$l"
chmod 644 "$l/ads.txt"

# --- a state folder that is full, or read-only -----------------------------------------
daemon_stop
rm -r "$tmp/state"
mkdir "$tmp/state"
mount -t tmpfs -o size=256k none "$tmp/state" # in our mount namespace
chown 4711:4711 "$tmp/state"
head -c 1M /dev/zero >"$tmp/state/full" 2>/dev/null
check "a start with a full state folder" daemon_start
check "says so" said "compiled form can't be kept, .*: No space left on device"
check "blocks all the same" blocked ads.example
kept() { [ -n "$(ls "$tmp/state/lists")" ]; }
check_not "nothing is left half written" kept
ctl block domain q.example >"$tmp/out" 2>"$tmp/err"
check "a rule of the command line: it can't be saved" told "could not be saved"
check "and holds" blocked q.example
echo "||full.example^" >>"$l/ads.txt"
check "a list that changes" wait_for blocked full.example
rm "$tmp/state/full"
echo "||room.example^" >>"$l/ads.txt"
check "is kept once there is room" wait_for kept
check "and taken" wait_for blocked room.example
threads=$(as_daemon prlimit --pid "$daemon" --nproc --noheadings -o HARD)
as_daemon prlimit --pid "$daemon" --nproc=1:
echo "||thread.example^" >>"$l/ads.txt"
check "no thread to read one: that fails" try 1 ctl lists reload
check "with the reason" told "Resource temporarily unavailable"
check "which is in the log" log_has "not loaded again, it is tried again"
as_daemon prlimit --pid "$daemon" --nproc="$threads":
check "and taken when there is one" wait_for blocked thread.example
rules "block out list ads" "block out domain later.example" "default in accept"
as_daemon prlimit --pid "$daemon" --nproc=1:
check "no thread to read rules in" daemon_reload
check "the reason is told" log_has "stay in force faults=0: Resource"
check "who asks for it hears so, too" try 1 ctl reload
as_daemon prlimit --pid "$daemon" --nproc="$threads":
echo "||meanwhile.example^" >>"$l/ads.txt"
check "lists that are in force are not late with them" ctl lists reload
check "they are in force when there is one" wait_for blocked later.example
exec 5>>"$l/ads.txt" # who opens it later waits
if slow_file "$l/ads.txt" 5>&-; then
	echo "||compile.example^" >&5
	exec 5>&-
	check "a list is read" wait_for has_text opened "$tmp/slow.out"
	background "$REROUTECTL" --control "$tmp/control" lists reload \
		2>"$tmp/reload"
	asks=$pid
	as_daemon prlimit --pid "$daemon" --nproc=1:
	stop "$slow"
	check "no thread to take it into the rules: that fails" try 1 wait "$asks"
	check "with the reason" has_text "temporarily unavailable" "$tmp/reload"
	as_daemon prlimit --pid "$daemon" --nproc="$threads":
	check "and taken, too, when there is one" wait_for blocked compile.example
fi
check_judged
daemon_stop
check "nothing that was begun is there" sh -c "! ls $tmp/state/lists | grep new"
mount -o remount,ro "$tmp/state"
echo "||read-only.example^" >>"$l/ads.txt"
check "a start with one that is read-only" daemon_start
check "says so, too" said "compiled form can't be kept, .*: Read-only file"
check "and reads the files" blocked read-only.example
check "the daemon ends" daemon_stop
umount "$tmp/state"
finish
