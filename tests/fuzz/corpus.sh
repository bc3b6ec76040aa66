#!/bin/sh
# Every fuzz target over its corpus.
: "${srcdir:=.}" "${BUILDDIR:=.}"
for target in $FUZZ_TARGETS; do
	"$BUILDDIR/$target" "$srcdir/tests/fuzz/corpus/${target#fuzz_}" || exit 1
done
