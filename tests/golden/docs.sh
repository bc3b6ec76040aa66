#!/bin/sh
# What README.md, the manuals and --help show as an example is taken at its
# word: rules and settings pass --check, questions to --explain are answered as
# it is printed there, and words of reroutectl are understood (there is no
# daemon: exit status 3).
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
: "${REROUTED:=${BUILDDIR:-$top}/rerouted}"
: "${REROUTECTL:=${BUILDDIR:-$top}/reroutectl}"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
bad=0
rules=0
commands=0

# Into N/rules, N/settings and N/commands for the Nth example of a file: in
# markdown what is indented by four, and what stands between backticks and
# begins with a word of ours; in a manual .Bd -literal and .Dl.
cat >split.awk <<'END'
function open_block() {
	n++
	system("mkdir -p " dir "/" n)
	section = 0
}
function take(line) {
	sub(/^[ \t]+/, "", line)
	if (line ~ /^([$#] )?(rerouted|reroutectl) /) {
		sub(/^[$#] /, "", line)
		print line >(dir "/" n "/commands")
		section = 0
	} else if (line ~ /^(accept|block|drop|reroute|default|define) /) {
		print line >(dir "/" n "/rules")
		section = 0
	} else if (line ~ /^\[[a-z]+( "[^"]*")?\]$/ || section) {
		section = line != ""
		print line >(dir "/" n "/settings")
	} else if (line ~ /^[a-z]+: /) {
		print line >(dir "/" n "/answer")
	}
}
FILENAME ~ /\.md$/ {
	if (/^    /) {
		if (!inside)
			open_block()
		inside = 1
		take($0)
		next
	}
	if ($0 == "") {
		section = 0
		next
	}
	inside = 0
	if (/^```/)
		next
	text = text " " $0
	while (match(text, /`[^`]*`/)) {
		word = substr(text, RSTART + 1, RLENGTH - 2)
		text = substr(text, RSTART + RLENGTH)
		if (word ~ /^(rerouted|reroutectl|accept|block|drop|reroute|default) ./) {
			open_block()
			take(word)
		}
	}
	next
}
/^\.Ed/ { inside = 0 }
/^\.Dl (rerouted|reroutectl|[$#] )/ {
	open_block()
	sub(/^\.Dl /, "")
	take(plain($0))
}
inside { take(plain($0)) }
/^\.Bd -literal/ {
	inside = 1
	open_block()
}
function plain(line) {
	gsub(/\\&/, "", line)
	gsub(/\\-/, "-", line)
	gsub(/\\e/, "\\", line)
	gsub(/\\\(dq/, "\"", line)
	return line
}
END

fault() {
	echo "docs: $*" >&2
	bad=$((bad + 1))
}

# asked FILE COMMAND: what can be known with no daemon
asked() {
	commands=$((commands + 1))
	words=$(printf '%s\n' "$2" | sed 's/ | .*//; s/ >.*//; s/  *# .*//
	    s|/tmp/|./|')
	words=${words#* }
	case $2 in
	reroutectl*)
		eval "\"\$REROUTECTL\" --control '$tmp/none' $words" >out 2>&1 </dev/null
		r=$?
		case $r:$words in
		3:* | 0:*--help* | 0:completion*) ;;
		*) fault "$1: exit status $r of: $2" && cat out >&2 ;;
		esac
		;;
	*--check* | *--explain*)
		eval "\"\$REROUTED\" --config all.conf --rules '$tmp/asked' \
		    </dev/null $words" >out 2>err ||
			{ fault "$1: $2" && cat err >&2; }
		;;
	esac
}

# answered FILE EXAMPLE: is what --explain prints what is printed there?
answered() {
	sed "s|$tmp/asked/|/etc/rerouted/rules.d/|" out | diff -u "$2/answer" - ||
		fault "$1: --explain answers otherwise"
}

# files and programs of another host
missing='warning: there is no file\|^\[list "[a-z]*"\]: warning: '

# checked FILE EXAMPLE: rules that are good, and that no warning is about
checked() {
	rules=$((rules + $(wc -l <"$2/rules")))
	rm -rf asked
	mkdir asked
	cp "$2/rules" asked/10-web.rules
	"$REROUTED" --config all.conf --rules "$tmp/asked" --check >out 2>&1 &&
		! grep 'warning: ' out | grep -qv "$missing" ||
		{ fault "$1: rules" && cat out >&2; }
}

mkdir asked rules.d all.conf.d
echo "block out to any port 25" >new.rules
cp new.rules FILE
echo "to=192.0.2.7 port=25" >questions
for doc in README.md conf/rerouted.8 conf/reroutectl.1 conf/rerouted.conf.5 \
    conf/rerouted.rules.5; do
	mkdir -p "$doc"
	awk -v dir="$doc" -f split.awk "$top/$doc" || exit 1
	# a file each: what one file has twice is warned of
	for settings in "$doc"/*/settings; do
		[ ! -e "$settings" ] ||
			cp "$settings" "all.conf.d/$(echo "$settings" | tr / .).conf"
	done
done
chmod 600 all.conf.d/* # some have passwords
: >all.conf
# users of programs that are not installed here
for user in $(sed -n 's/.*\<user[ =]\([a-z][a-z0-9-]*\).*/\1/p' \
    README.md/*/* conf/*/*/*); do
	getent passwd "$user" >/dev/null ||
		sed -i "s/\(\<user[ =]\)$user\>/\165533/" README.md/*/* conf/*/*/*
done
"$REROUTED" --config all.conf --rules asked --check >out 2>&1 ||
	{ fault "settings" && cat out >&2; }
# the rules beside are of hosts that are asked by no others
sed -i '/^allow = /d; /^listen = /d' all.conf.d/*
for doc in README.md conf/*; do
	for example in $(ls "$doc" | sort -n); do
		example=$doc/$example
		[ ! -e "$example/rules" ] || checked "$doc" "$example"
		[ ! -e "$example/commands" ] || while IFS= read -r line; do
			asked "$doc" "$line"
		done <"$example/commands"
		[ ! -e "$example/answer" ] || answered "$doc" "$example"
	done
done

# each counter is explained, in the words of the source
for counters in src/core/stats.h dns/resolve.h; do
	tr -d '\n\t\\' <"$top/$counters" | grep -o ' *X([a-z0-9_]*, *"[^"]*")' |
		sed 's/.*X(\([^,]*\), *"\(.*\)")/.It Cm \1|\2/'
done >counters
paste -d '|' - /dev/null <"$top/conf/reroutectl.1" | tr -d '\n' >manual
while IFS= read -r line; do
	grep -qF "$line|" manual || fault "reroutectl.1: no counter: $line"
done <counters
[ "$(wc -l <counters)" -ge 80 ] || fault "counters are not found"

# text that is there, printed: to search for leaks takes twice as long
help_of() {
	ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 "$@" --help
}
{
	help_of "$REROUTED"
	for word in $(help_of "$REROUTECTL" |
		sed -n 's/^  \([a-z][a-z]*\).*/\1/p'); do
		help_of "$REROUTECTL" "$word"
	done
} | sed -n 's/^Example: //p' >examples
while IFS= read -r line; do
	asked --help "$line"
done <examples

echo "docs: $rules rules, $(cat all.conf.d/* | grep -c '^\[') sections," \
    "$commands commands, $bad bad"
[ $bad -eq 0 ] && [ $rules -ge 25 ] && [ $commands -ge 40 ]
