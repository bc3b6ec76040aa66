#ifndef CORE_GLOB_H
#define CORE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* Patterns: `*` any bytes but '/', `**` any bytes, `?` one character (UTF-8)
 * but '/', `\` takes the next byte as it is. All else stands for itself. */

/* 0, or -EINVAL with the offset of a final lone `\` in *ret_at. */
int glob_check(const char *pattern, size_t *ret_at);

/* What one match may cost is bounded by these: a pattern of 1024 bytes takes
 * some ms for a command line of 4096 at the very worst. A pattern without
 * wildcards is compared, and may be as long as it likes. */
#define GLOB_MAX 1024
#define GLOB_WILDCARDS_MAX 64

/* 0, or -E2BIG where it has more of either. The pattern was checked. */
int glob_check_size(const char *pattern);

/* True if the whole of s[0..len) matches. Never exponential: at worst the
 * product of the lengths, times the longest part of s between two '/'. The
 * pattern was checked. */
bool glob_match(const char *pattern, const char *s, size_t len);

/* True if it has no wildcard: it matches one string, which is written to
 * literal (as large as the pattern) without the escapes. */
bool glob_literal(const char *pattern, char *literal);

/* Bytes that every match begins (ends) with, written to buf[0..size) without
 * the escapes and without NUL; returns how many there are. */
size_t glob_prefix(const char *pattern, char *buf, size_t size);
size_t glob_suffix(const char *pattern, char *buf, size_t size);

/* Bytes of the pattern before the last '/' that no wildcard stands before: the
 * folder that every match lies in; 0 for none. */
size_t glob_dir(const char *pattern);

#endif
