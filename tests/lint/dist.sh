#!/bin/sh
# Every header is named beside its sources, so that `make dist` carries it.
: "${srcdir:=.}"
cd "$srcdir" || exit 1
bad=0
for header in $(find src dns port17 -name '*.h'); do
	folder=${header%%/*}
	grep -qE "%D%/${header#*/}( |\$)" "$folder/local.mk" && continue
	echo "dist: $header is not in $folder/local.mk" >&2
	bad=1
done
exit $bad
