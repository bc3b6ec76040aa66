#!/bin/bash
# What reroutectl shows: processes, filters, completion in a real shell, near
# misses, tables on terminals.
#
#     c 10.9.0.1, daemon, clients  ---- veth ----  s 10.9.0.2, servers
# Tries reroutectl itself.
. "$(dirname "$0")/lib.sh"
ctl_leaks=1
need_root
need python3 setpriv bash
net_up
mkdir "$tmp/bin"
for name in probe other; do cp "$BUILDDIR/probe" "$tmp/bin/$name"; done
probe=$tmp/bin/probe
other=$tmp/bin/other
rules "block out to port 7002 label \"not there\"" "drop out to port 7003" \
    "default out accept" "default in accept"
background ins "$BUILDDIR/probe" serve 7001,7002 10.9.0.2 fd09::2 >"$tmp/serve"
wait_for has_text ready "$tmp/serve"
echo ads.example >"$tmp/list.txt"
settings "[resolver]" "upstream = 10.9.0.2" '[list "ads"]' \
    "source = $tmp/list.txt" '[list "more"]' "source = $tmp/list.txt" \
    '[tunnel "tor"]' "upstream = socks5://127.0.0.1:9050"
check "the daemon starts" daemon_start

json() { # json EXPRESSION: of the list `every` of objects in $tmp/out
	holds "$tmp/out" "$1"
}

for port in 7001 7002; do
	inc "$probe" tcp 10.9.0.2 $port >"$tmp/probe.out"
	inc setpriv --reuid 65534 --clear-groups "$other" udp 10.9.0.2 $port \
	    >"$tmp/probe.out"
done
inc "$probe" udp 10.9.0.2 7003 50 >"$tmp/probe.out"

# -- processes --
check "processes" try 0 ctl processes
check "processes has columns" grep -qE \
    '^PROGRAM +USER +UNIT +FLOWS +ACCEPT +BLOCK +DROP +REROUTE +IN +OUT +LAST' \
    "$tmp/out"
check "processes --json" try 0 ctl --json processes
check "processes: who sent what" json '
	{(x["process"]["exe"].split("/")[-1], x["verdicts"]["accept"],
	x["verdicts"]["block"], x["verdicts"]["drop"], x["flows"])
	for x in every if x["process"]["pid"] and "bin/" in x["process"]["exe"]
	and x["process"]["user"] in ("root", "nobody")} >=
	{("probe", 1, 0, 0, 1), ("probe", 0, 1, 0, 1), ("probe", 0, 0, 1, 1),
	("other", 1, 0, 0, 1), ("other", 0, 1, 0, 1)}'
check "processes: the keys" json 'all(set(x) == {"process", "flows", "verdicts",
	"bytes_in", "bytes_out", "first", "last"} and
	x["first"] <= x["last"] for x in every)'

# -- filters --
only() { # only COMMAND EXPRESSION-of-x N FILTER...: N rows and all are such
	local command=$1 such=$2 n=$3
	shift 3
	try 0 ctl --json "$command" "$@" &&
	    json "len(every) == $n and all($such for x in every)"
}
check "flows --exe" only flows 'x["process"]["exe"].endswith("/other")' 2 --exe other
check "flows --exe=" only flows 'x["process"]["exe"].endswith("/other")' 2 --exe=other
check "flows --exe with a path" only flows \
    'x["process"]["exe"].endswith("/probe")' 3 --exe "$tmp/bin/pro*"
ln -s "$tmp/bin/other" "$tmp/bin/linked"
check "flows --exe of a link" only flows 'x["process"]["exe"].endswith("/other")' \
    2 --exe "$tmp/bin/linked"
check "what that is" told "$tmp/bin/linked is $tmp/bin/other here"
check "flows --exe of no path" try 0 ctl flows --exe "*/other"
check "what it may have been" told "'**/other' is it in any folder"
check "flows --exe of that" only flows \
    'x["process"]["exe"].endswith("/other")' 2 --exe "**/other"
check "flows --exe of nothing" try 2 ctl flows --exe ""
check_not "is no folder of the PATH" told " is /"
ln -s "$tmp/bin" "$tmp/folder"
check "flows --exe of a link to a folder" try 0 ctl flows --exe "$tmp/folder"
check_not "which is no program" told " is /"
check "flows --exe of a link on the PATH" env PATH="$tmp/bin:$PATH" bash -c "
	'$REROUTECTL' --control '$tmp/control' flows --exe linked | grep -c /other |
	    grep -qx 2"
mkdir "$tmp/starts"
printf '#!/bin/sh\n' >"$tmp/starts/run.sh"
chmod +x "$tmp/starts/run.sh"
ln -s run.sh "$tmp/starts/other"
check "of one to a script that starts it" env PATH="$tmp/starts:$PATH" bash -c "
	'$REROUTECTL' --control '$tmp/control' flows --exe other | grep -c /other |
	    grep -qx 2"
check "flows --user" only flows 'x["process"]["user"] == "nobody"' 2 --user nobody
check "flows --user by number" only flows 'x["process"]["uid"] == 65534' 2 --user 65534
check "flows --verdict" only flows 'x["verdict"] == "block"' 2 --verdict block
check "flows --verdict of several" only flows \
    'x["verdict"] in ("block", "drop")' 3 --verdict block,drop
check "flows: two filters" only flows \
    'x["verdict"] == "block" and x["process"]["user"] == "nobody"' 1 \
    --verdict block --user nobody
check "flows --since" only flows True 5 --since 1h
check "… which is longer than anything is known" told "nothing is known from before"
check "… by the clock" only flows True 5 --since "$(date -d '-10 minutes' +%H:%M)"
check "… which was yesterday" only flows True 5 --since "$(date -d '+10 minutes' +%T)"
check "flows --since nothing" only flows True 0 --since 0
check_not "… and that is known" told "nothing is known"
check "flows --port" only flows 'x["dport"] == 7001' 2 --port 7001
check "flows --port of several" only flows 'x["dport"] > 7001' 3 --port 7002-7003
check "flows --address" only flows 'x["dst"] == "10.9.0.2"' 5 --address 10.9.0.2
check "flows --address of none" only flows True 0 --address 10.9.0.3-10.9.0.9
check "flows --address that is none" try 2 ctl flows --address lan
check "what was expected" has_text 'address: expected an address, a prefix' \
    "$tmp/err"
check "queries have no port" try 2 ctl queries --port 53
check "flows --unit of none" only flows True 0 --unit nosuch.service
check "flows --domain of none" only flows True 0 --domain example.com
check "connections takes filters" only connections True 2 --exe other
check "processes --verdict" only processes 'x["verdicts"]["drop"] > 0' 1 \
    --verdict drop
check "processes --user" only processes 'x["process"]["user"] == "nobody"' 2 \
    --user nobody
# of rules: what they decided
are() { # are EXPRESSION-of-x WANTED COMMAND FILTER...: the rows, whichever order
	local of=$1 wanted=$2
	shift 2
	try 0 ctl --json "$@" && json "sorted($of for x in every) == $wanted"
}
check "rules --verdict" are 'x["line"]' "[1]" rules --verdict block
check "rules --verdict of defaults, too" are 'x["default"]' \
    '["in", "out"]' rules --verdict accept
check "rules --exe" are 'x["text"]' '["block out to port 7002 label \"not there\"",
	"default out accept"]' rules --exe other
check "rules --user and --verdict" are 'x["line"]' "[1]" \
    rules --user nobody --verdict block,drop
rules "drop out to 192.0.2.99" "block out to port 7002 label \"not there\"" \
    "drop out to port 7003" "default out accept" "default in accept"
check "another rule in front" daemon_reload
check "… the same one is found" are 'x["text"]' \
    '["block out to port 7002 label \"not there\""]' rules --exe other --verdict block
check "… and where no flow was judged again, none" are 'x["line"]' "[]" \
    rules --exe nothing
rules "block out to port 7002 label \"not there\"" "drop out to port 7003" \
    "default out accept" "default in accept"
check "without it" daemon_reload
check "rules --since" are 'x["line"]' "[1, 2]" rules --since 1h --verdict block,drop
check "rules --since nothing" are 'x["line"]' "[]" rules --since 0
check "rules --domain of none" are 'x["line"]' "[]" rules --domain example.com
check "rules with filters, for people" try 0 ctl rules --exe other
check_not "… have no other" has_text 7003 "$tmp/out"
check "--for is of no rules that are shown" try 2 ctl rules --for 5m
check "filters are of no rules that are tried" try 2 ctl rules try x --exe other
check "what is no filter" try 2 ctl lists --exe other reload
background "$REROUTECTL" --control "$tmp/control" --json watch --exe other \
    --verdict block >"$tmp/watch"
watch=$pid
for port in 7001 7002; do inc "$probe" tcp 10.9.0.2 $port >"$tmp/probe.out"; done
seen() { inc "$other" tcp 10.9.0.2 7002 >"$tmp/probe.out"; [ -s "$tmp/watch" ]; }
check "watch with filters" wait_for seen
stop $watch
cp "$tmp/watch" "$tmp/out"
check "watch with filters: nothing else" json 'every and
	all(x["process"]["exe"].endswith("/other") and x["verdict"] == "block"
	for x in every)'
check "watch ends with who reads it, not with the next event" timeout 10 sh -c \
    "'$REROUTECTL' --control '$tmp/control' watch --exe none | :"

# -- near misses --
misses() { # misses SAID WORD...
	local said=$1
	shift
	check "near miss: $*" try 2 ctl "$@"
	check "near miss: $* is told" told "did you mean '$said'"
}
misses processes proceses
misses connections conections
misses completion compleition
misses --verdict flows --verdct block
misses --since processes --sinse 1h
misses --backlog watch --backlgo 5
misses --json flows --jsno
misses --control --contol /tmp/x status
misses verify firewall verfy
misses delete rules delte 5
misses revert rules undo
misses --address flows --dst 192.0.2.1
try 2 ctl restart >"$tmp/out"
check "a word of services" told "'systemctl restart rerouted'"
try 2 ctl processes --address 192.0.2.1 >"$tmp/out"
check "what is for flows" told "it is for 'flows'"
misses --verdict queries --blocked
misses --exe flows --pid 1
misses rules default out block
try 2 ctl resolve https://www.example.com/x >"$tmp/out"
check "no URL is asked for" told "is more than a name"
try 2 ctl queries tiktok >"$tmp/out"
check "of queries a word is a name's" told "'--domain tiktok'"
try 2 ctl flows --address x.example >"$tmp/out"
check "a name is no address" told "a name is for --domain"
misses flush cache clear
misses reload lists update
misses queries query
misses --for accept to any --fro 5m
misses --for rules --fro 5m
misses --proto explain --prot udp
misses tunnels tunnel
misses bash completion bsah
for words in "flows --verdict allow" "flows --since yesterday" "flows --exe" \
    "flows --since" "flows --domain http://x.example" \
    "processes --domain a..b" "watch --backlog many" "processes all" completion \
    "completion bash now" "flows --json=yes" \
    "rules --for 5m try x"; do
	check "wrong usage: exit 2 for '$words'" try 2 ctl $words
	check "wrong usage: told for '$words'" grep -q . "$tmp/err"
done
for command in $(ctl --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
	check "$command --help" try 0 ctl "$command" --help
	check "$command --help has an example" \
	    grep -q '^Example: reroutectl' "$tmp/out"
	check "$command is in the manual" sh -c "gzip -dcf \
	    $top/conf/reroutectl.1 | grep -qE '^\.(It )?(Cm|Nm).* ?$command\\b'"
done

# -- completion, by a bash that really completes --
ctl completion bash >"$tmp/completion"
completes() { # completes "LINE" WANTED...: all of them are offered
	local line=$1 word
	shift
	bash --norc -c '. "$1"
		COMP_LINE=$2
		read -ra COMP_WORDS <<<"$2"
		[ "${2% }" = "$2" ] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_reroutectl
		printf "%s\n" "${COMPREPLY[@]}"' bash "$tmp/completion" "$line" \
	    2>/dev/null >"$tmp/offered"
	cat "$tmp/offered"
	for word; do
		grep -qxF -- "$word" "$tmp/offered" || return 1
	done
}
check "bash completes a command" completes "reroutectl pro" processes
check "bash completes commands" completes "reroutectl " status flows connections \
    processes watch explain rules accept reload firewall --json
check "bash completes what help is about" completes "reroutectl help pro" processes
check "bash completes behind --control" completes "reroutectl --control /x fl" flows
check "bash completes an option" completes "reroutectl flows --ver" --verdict
check "bash completes a value" completes "reroutectl flows --verdict " accept \
    block drop reroute
check "bash completes of an alias" completes "reroutectl connections --si" --since
check "bash completes a word" completes "reroutectl firewall ve" verify
check "bash completes a path" completes "reroutectl explain --exe $tmp/bin/pr" \
    "$tmp/bin/probe"
check_not "bash offers nothing else" sh -c \
    "[ \"\$(wc -l <$tmp/offered)\" != 1 ]"
# rules, from the tables that they are read by
check "bash completes the words of a rule" completes "reroutectl block out " \
    proto from to qtype exe script cmd comm user group unit parent process \
    domain list not once in out via label --for
check "bash completes of a word" completes "reroutectl block out dom" domain
check "bash completes a protocol" completes "reroutectl drop in proto " tcp udp \
    icmp icmp6 udplite sctp
check_not "… and no word of a rule there" grep -qx domain "$tmp/offered"
check "bash completes a scope" completes "reroutectl accept in from la" lan
check "bash goes on in a list" completes "reroutectl accept in from lan, " \
    loopback internet
check "bash completes port behind an address" completes \
    "reroutectl accept in from lan " port to not
check "bash completes a type" completes "reroutectl block qtype A" A AAAA ANY
check "bash completes what process is" completes \
    "reroutectl block not process " unknown kernel self
check "bash completes an executable" completes \
    "reroutectl block exe $tmp/bin/pr" "$tmp/bin/probe"
check "bash completes a user" completes "reroutectl block user nob" nobody
check "bash completes how long" completes "reroutectl block out --fo" --for
check "bash asks for the lists" completes \
    "$REROUTECTL --control $tmp/control block list " ads more
check "bash asks for the tunnels" completes \
    "$REROUTECTL --control $tmp/control reroute via t" tor
# what follows a word of a command
check "a rule of the command line" ctl block out to 192.0.2.9
touch "$tmp/bin/my rules"
check "bash asks for the tunnels to test" completes \
    "$REROUTECTL --control $tmp/control tunnels test " tor
check_not "… and has no word again" grep -qx test "$tmp/offered"
check "bash asks for the rules to delete" completes \
    "$REROUTECTL --control $tmp/control rules delete " 1
check_not "… and has no word again" grep -qx keep "$tmp/offered"
check "bash completes a file of rules" completes \
    "reroutectl rules try $tmp/bin/my" "$tmp/bin/my rules"
check "bash completes an option behind one" completes \
    "reroutectl rules try x --f" --for
check "bash knows when all is said" completes "reroutectl lists reload " --json
check_not "… indeed" grep -qx reload "$tmp/offered"
check "bash offers nothing for a name" completes "reroutectl block domain "
check_not "… indeed" grep -q . "$tmp/offered"
for sh in zsh fish; do
	command -v $sh >/dev/null || continue
	ctl completion $sh >"$tmp/completion.$sh"
	check "$sh reads its completion" $sh -n "$tmp/completion.$sh"
done
if command -v fish >/dev/null; then
	check "fish completes" sh -c "fish --no-config -c 'source $tmp/completion.fish
	    complete -C \"reroutectl flows --verdict \"' | grep -q '^block'"
	check "fish completes a command" sh -c "fish --no-config -c '
	    source $tmp/completion.fish
	    complete -C \"reroutectl proc\"' | grep -q '^processes'"
	offers() { # LINE WORD...
		local line=$1 word
		shift
		PATH=${REROUTECTL%/*}:$PATH fish --no-config -c '
			source $argv[1]
			complete -C $argv[2]' "$tmp/completion.fish" "$line" |
			cut -f 1 >"$tmp/offered"
		cat "$tmp/offered"
		for word; do
			grep -qxF -- "$word" "$tmp/offered" || return 1
		done
	}
	check "fish completes the words of a rule" offers "reroutectl block out " \
	    proto domain list not once via label
	check "fish completes a protocol" offers "reroutectl drop in proto " tcp udp
	check_not "… and no word of a rule there" grep -qx domain "$tmp/offered"
	check "fish goes on in a list" offers "reroutectl accept from lan, " loopback
	check "fish completes port" offers "reroutectl accept from lan " port to
	check "fish asks for the tunnels to test" offers \
	    "reroutectl --control $tmp/control tunnels test " tor
	check_not "… and has no word again" grep -qx test "$tmp/offered"
	check "fish asks for the rules to delete" offers \
	    "reroutectl --control $tmp/control rules delete " 1
	check "fish asks for the lists" offers \
	    "reroutectl --control $tmp/control block list " ads more
	check "fish completes a file of rules" offers \
	    "reroutectl rules try $tmp/bin/pr" "$tmp/bin/probe"
	offers "reroutectl lists reload " >/dev/null
	check_not "fish knows when all is said" grep -qx reload "$tmp/offered"
	check "fish completes an executable" offers \
	    "reroutectl block exe $tmp/bin/pr" "$tmp/bin/probe"
	check "… the value of an option, too" offers \
	    "reroutectl explain --exe $tmp/bin/pr" "$tmp/bin/probe"
	check "fish completes a command behind --control" offers \
	    "reroutectl --control /x fl" flows
	offers "reroutectl --control /x flows " >/dev/null
	check_not "… and none behind that" grep -qx flows "$tmp/offered"
fi
if command -v zsh >/dev/null; then
	cat >"$tmp/offers.zsh" <<'ZSH'
# offers.zsh COMPLETION WORD...: what the function adds behind the words
_arguments() { state=; line=(''); }
compadd() { print -l -- ${(P)2} >&3; }
source $1 3>/dev/null
shift
words=("$@")
CURRENT=$#words
_reroutectl_rule 3>&1
ZSH
	zsh_offers() { # "WORD..." WANTED...: empty words are those of the line
		local line=$1 word
		shift
		read -ra line <<<"$line"
		zsh -f "$tmp/offers.zsh" "$tmp/completion.zsh" "${line[@]}" "" \
		    >"$tmp/offered" 2>&1
		cat "$tmp/offered"
		for word; do
			grep -qxF -- "$word" "$tmp/offered" || return 1
		done
	}
	check "zsh completes the words of a rule" zsh_offers "block out" proto \
	    domain list not once via label
	check "zsh completes a protocol" zsh_offers "drop in proto" tcp udp sctp
	check_not "… and no word of a rule there" grep -qx domain "$tmp/offered"
	check "zsh goes on in a list" zsh_offers "accept from lan," loopback
	check "zsh completes port" zsh_offers "accept from lan" port to
	zsh_behind() { # "WORD..." WANTED...: behind the words, by a daemon's names
		local line=$1 word
		shift
		read -ra line <<<"$line"
		PATH=${REROUTECTL%/*}:$PATH zsh -f -c '
			_arguments() { state= line=("") }
			compadd() { print -l -- ${(P)2} >&3 }
			_files() { print files >&3 }
			source $1 3>/dev/null
			control=$2
			shift 2
			words=("$@")
			CURRENT=$#words
			_reroutectl_behind 3>&1' zsh "$tmp/completion.zsh" \
		    "$tmp/control" "${line[@]}" "" >"$tmp/offered" 2>&1
		cat "$tmp/offered"
		for word; do
			grep -qxF -- "$word" "$tmp/offered" || return 1
		done
	}
	check "zsh asks for the tunnels to test" zsh_behind "tunnels test" tor
	check "zsh asks for the rules to delete" zsh_behind "rules delete" 1
	check "zsh completes a file of rules" zsh_behind "rules try" files
	zsh_behind "lists reload" >/dev/null
	check_not "zsh knows when all is said" grep -q . "$tmp/offered"
fi

ctl rules delete 1 >"$tmp/out"

# -- terminals --
cat >"$tmp/terminal.py" <<'PY'
"""terminal.py COLUMNS COMMAND...: what the command prints on a terminal.
terminal.py fits COLUMNS,... WORD,... COMMAND...: with each of the words behind it,
on each number of columns: "WORD COLUMNS", and which line is too long or that it
fails, if so."""
import fcntl, os, pty, re, struct, sys, termios, unicodedata
def on_terminal(columns, command):
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execvp(command[0], command)
    out = b""
    while True:
        try:
            got = os.read(fd, 65536)
        except OSError:
            break
        if not got:
            break
        out += got
    os.close(fd)
    return (out.replace(b"\r\n", b"\n"),
            os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
def too_long(columns, out):
    for line in out.decode().split("\n"):
        line = re.sub("\033\\[[0-9;]*m", "", line)
        n = sum(2 if unicodedata.east_asian_width(c) in "WF" else
                0 if unicodedata.combining(c) else 1 for c in line)
        if n > columns:
            return f" {n}: {line}"
    return ""
if sys.argv[1] == "fits":
    for columns in map(int, sys.argv[2].split(",")):
        for word in sys.argv[3].split(","):
            out, status = on_terminal(columns, sys.argv[4:] + word.split())
            print(f"{word} {columns}" + (" fails" if status else too_long(columns, out)))
    sys.exit(0)
out, status = on_terminal(int(sys.argv[1]), sys.argv[2:])
sys.stdout.buffer.write(out)
sys.exit(status)
PY
on_terminal() { # on_terminal COLUMNS WORD...
	local columns=$1
	shift
	TERM=${terminal-xterm} python3 "$tmp/terminal.py" "$columns" "$REROUTECTL" \
	    --control "$tmp/control" "$@" >"$tmp/out"
}
wide=$(printf '%s' "$tmp/bin/日本語プログラム")
cp "$BUILDDIR/probe" "$wide"
inc "$wide" tcp 10.9.0.2 7002 >"$tmp/probe.out"
fit() { # COLUMNS,... WORD,...: no line takes more columns
	TERM=xterm python3 "$tmp/terminal.py" fits "$1" "$2" "$REROUTECTL" \
	    --control "$tmp/control" >"$tmp/fit"
}
fits() { # "WORD COLUMNS"
	grep "^$1" "$tmp/fit"
	grep -qx "$1" "$tmp/fit"
}
commands=flows,processes,rules,tunnels,queries
fit 20,40,60,80,132 $commands
for columns in 20 40 60 80 132; do
	for command in ${commands//,/ }; do
		check "$command on $columns columns: fits" \
		    fits "$command $columns"
	done
done
on_terminal 40 processes
check "processes on 40 columns: programs can be told apart" \
    grep -qE '/other\[[0-9]+\]' "$tmp/out"
whole_rules() { # is all of each rule there, on however many lines?
	ctl --json rules >"$tmp/rules.json" && on_terminal "$1" rules &&
		python3 -c '
import json, sys
out = " ".join(open(sys.argv[1], encoding="utf-8").read().split())
for rule in map(json.loads, open(sys.argv[2])):
    if " ".join(rule["text"].split()) not in out:
        sys.exit("cut: " + rule["text"])' "$tmp/out" "$tmp/rules.json"
}
ctl block out user nobody to 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 \
    port 6000-6999 label "a long one" >"$tmp/out"
check "no rule is cut on 80 columns" whole_rules 80
check "nor on 60" whole_rules 60
fit 80,60 rules
check "… fits" fits "rules 80"
check "… and there" fits "rules 60"
ctl rules delete 2 >"$tmp/out"
on_terminal 80 flows
check "a terminal gets colour for what was blocked" grep -q "$(printf '\033')\[31m" "$tmp/out"
on_terminal 100 flows --exe "*プログラム"
check "the end of a long name stays" grep -qE '…[^ ]*ラム\[[0-9]+\]' "$tmp/out"
NO_COLOR=1 on_terminal 80 flows
check_not "never with NO_COLOR" grep -q "$(printf '\033')" "$tmp/out"
for dumb in dumb ""; do
	terminal=$dumb on_terminal 80 flows
	check_not "nor on a terminal that has none" \
	    grep -q "$(printf '\033')" "$tmp/out"
done
check "nor into a file" sh -c "! $REROUTECTL --control $tmp/control flows |
    grep -q \"\$(printf '\\033')\""
# -- what is broken is red --
red() { on_terminal 80 status; cat "$tmp/out"
	grep -q "$(printf '\033')\[31mBROKEN: ${1:-}" "$tmp/out"; }
check_not "status: nothing is broken" red
check "… --json" sh -c "$REROUTECTL --control $tmp/control --json status |
    grep -q '\"problems\":\[\]'"
rules "blokc out"
daemon_reload
check "status in red: a reload that failed" red "the last reload failed"
check "… --json" sh -c "$REROUTECTL --control $tmp/control --json status |
    grep -q '\"problems\":\[\"the last reload failed'"
NO_COLOR=1 on_terminal 80 status
check_not "… not with NO_COLOR" grep -q "$(printf '\033')" "$tmp/out"
rules "default out accept" "default in accept"
daemon_reload
check_not "mended: not red" red
says() { # TEXT: a problem, as a row and in JSON
	red "$1" && ctl --json status >"$tmp/out" &&
		python3 -c 'import json, sys
p = json.load(open(sys.argv[1]))["problems"]
print(p)
sys.exit(not any(x.startswith(sys.argv[2]) for x in p))' "$tmp/out" "$1"
}
says_not() { ! says "$1"; }
mkdir "$tmp/l"
echo one.example >"$tmp/l/ads.txt"
echo two.example >"$tmp/l/other.txt"
echo '/^(.+\.)?three\.example$/' >"$tmp/l/odd.txt"
settings "[resolver]" "upstream = tls://10.9.0.2" "tls-ca = $tmp/none.pem" \
	"[list \"ads\"]" "source = $tmp/l/ads.txt" \
	"[list \"none\"]" "source = $tmp/l/none.txt" \
	"[list \"other\"]" "source = $tmp/l/other.txt" \
	"[list \"odd\"]" "source = $tmp/l/odd.txt"
rules "block out list ads, none, odd" "default out accept" "default in accept"
check "lists and a resolver" daemon_reload
check "a list of the rules that is not there" \
	wait_for says "a list of the rules is empty: none: $tmp/l/none.txt: No such file"
check "one of patterns alone is not" says_not "a list of the rules is empty: odd"
check "tls-ca that is not there" wait_for says \
	"no upstream over TLS can be asked: tls-ca: $tmp/none.pem: "
: >"$tmp/l/ads.txt"
: >"$tmp/l/other.txt"
ctl lists reload >/dev/null 2>&1
check "one that was emptied" says \
	"a list of the rules stays as it was: ads: $tmp/l/ads.txt: there is no entry"
check "one that no rule names is no problem" says_not \
	"a list of the rules stays as it was: other"
check "until somebody was asked, none is down" says_not "no upstream answers"
inc dig +time=15 +tries=1 @127.0.0.1 a.example >/dev/null
check "all upstreams down" wait_for says "no upstream answers"
settings "[resolver]" "upstream = 10.9.0.2" \
	"[list \"ads\"]" "source = $tmp/l/ads.txt"
rules "block out list ads" "default out accept" "default in accept"
echo three.example >"$tmp/l/ads.txt"
daemon_reload
check "mended: nothing of lists" wait_for says_not "a list of the rules"
check "… nor of tls-ca" says_not "no upstream over TLS"
echo "10.9.0.2 show.example" >"$tmp/hosts"
settings "[resolver]" "upstream = 10.9.0.2" "hosts = $tmp/hosts"
rules "default out accept" "default in accept"
daemon_reload
inc dig +short @127.0.0.1 show.example >/dev/null
inc "$probe" tcp 10.9.0.2 7001 >"$tmp/probe.out"
check "processes --domain: who spoke to it" only processes \
	'x["process"]["exe"].endswith("/probe")' 1 --domain .show.example
check "… and to no other" only processes True 0 --domain other.example

# -- lists and tunnels by what they decided, or carried --
settings "[resolver]" "upstream = 10.9.0.2" '[list "ads"]' \
    "source = $tmp/list.txt" '[list "more"]' "source = $tmp/list.txt" \
    '[tunnel "tor"]' "upstream = socks5://127.0.0.1:9050" \
    '[tunnel "idle"]' "upstream = socks5://127.0.0.1:9051"
rules "block out list ads" "block out list more" \
    "reroute out proto tcp to 10.9.0.2 port 7001 via tor" "default out accept"
daemon_reload
denied() { ctl --json resolve ads.example | grep -q '"list": *"ads"'; }
check "a list decides" wait_for denied
inc "$probe" tcp 10.9.0.2 7001 >"$tmp/probe.out"
check "lists --domain" are 'x["name"]' '["ads"]' lists --domain ads.example
check "lists --verdict" are 'x["name"]' '["ads"]' lists --verdict block
check "lists --verdict of none" are 'x["name"]' '[]' lists --verdict drop
check "tunnels --exe" are 'x["name"]' '["tor"]' tunnels --exe probe --since 1m
check "tunnels --exe of none" are 'x["name"]' '[]' tunnels --exe dig
check "flows have the list" only flows 'x["list"] is None' 1 --port 7001 --since 1m \
    --verdict reroute
check_judged
daemon_stop
check "the daemon ends well" test $? = 0
finish
