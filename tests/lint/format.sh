#!/bin/bash
# The style is that of clang-format 14. A later one agrees with it on these
# sources, but for a `for` that is broken behind its first `;`: the older one has
# what follows there one column further in.
#
#	format.sh [--fix] FILE...   from the top of the sources
set -e
fix=
[ "$1" != --fix ] || { fix=yes; shift; }
formatter=$(command -v clang-format-14 || command -v clang-format-19) || {
	echo "format: there is neither clang-format-14 nor clang-format-19" >&2
	exit 1
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp --parents .clang-format "$@" "$tmp"
cd "$tmp"
"$formatter" -i "$@"
awk '
    FNR == 1 { close(to); to = FILENAME ".formatted"; last = "" }
    { inside = last ~ /; *\\?$/ || inside && last !~ /[{)]$/ }
    inside && /^\t+    [^ \t]/ {
	sub(/    /, "     ")
	sub(/ \\$/, "\\")
    }
    { inside = inside && /^\t+     [^ \t]/; print >to; last = $0 }' "$@"
cd "$OLDPWD"
bad=0
for file; do
	cmp -s "$file" "$tmp/$file.formatted" && continue
	if [ -n "$fix" ]; then
		cat "$tmp/$file.formatted" >"$file"
	else
		diff -u "$file" --label "$file, formatted" \
		    "$tmp/$file.formatted" || bad=1
	fi
done
exit $bad
