#!/bin/sh
# Golden tests: what $REROUTED prints for the inputs beside this script.
#   conf/*.conf     --print-config, then once more with its own output
#   rules/*.rules   --check of that file: faults and exit status
#   decide/*.in     each line --explain'ed against decide/*.rules, in one go
# and docs.sh, for README.md and the manuals.
# With --update the .ok files are written instead.
set -u

here=$(cd "$(dirname "$0")" && pwd)
update=${1:-}
: "${REROUTED:=$here/../../rerouted}"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/empty"
count=0
bad=0

# compare NAME OK: $tmp/out against the golden file
compare() {
	count=$((count + 1))
	if [ "$update" = --update ]; then
		cp "$tmp/out" "$2"
	elif ! diff -u "$2" "$tmp/out"; then
		echo "golden: $1 differs" >&2
		bad=$((bad + 1))
	fi
}

# The inputs are called by their names alone: messages hold no path.
cd "$here/conf" || exit 1
for f in *.conf; do
	{
		"$REROUTED" --config "$f" --print-config 2>&1
		echo "exit $?"
	} >"$tmp/out"
	compare "conf/$f" "${f%.conf}.ok"
	grep -q '^exit 0$' "$tmp/out" || continue
	sed '$d' "$tmp/out" >"$tmp/again.conf"
	"$REROUTED" --config "$tmp/again.conf" --print-config >"$tmp/again" 2>&1
	if ! diff -u "$tmp/again.conf" "$tmp/again"; then
		echo "golden: conf/$f does not read back" >&2
		bad=$((bad + 1))
	fi
done

cd "$here/rules" || exit 1
for f in *.rules; do
	rm -rf "$tmp/rules.d"
	mkdir "$tmp/rules.d"
	cp "$f" "$tmp/rules.d/"
	{
		"$REROUTED" --config /dev/null --rules "$tmp/rules.d" --check 2>&1
		echo "exit $?"
	} | sed "s|$tmp/||g" >"$tmp/out"
	compare "rules/$f" "${f%.rules}.ok"
done

cd "$here/decide" || exit 1
for f in *.in; do
	rm -rf "$tmp/rules.d"
	mkdir "$tmp/rules.d"
	cp "${f%.in}.rules" "$tmp/rules.d/"
	{
		"$REROUTED" --config /dev/null --rules "$tmp/rules.d" \
		    --explain - 2>&1 <"$f"
		echo "exit $?"
	} | sed "s|$tmp/||g" >"$tmp/out"
	compare "decide/$f" "${f%.in}.ok"
done

# examples of the documents are held to what the program does
[ "$update" = --update ] || "$here/docs.sh" || bad=$((bad + 1))

echo "golden: $count compared, $bad bad"
[ "$bad" -eq 0 ]
