#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stddef.h>
#include <stdint.h>

/* Strict: the whole of s[0..len) must be the number, no sign, no blanks.
 * All return 0, -EINVAL (not a number) or -ERANGE (past max). */
int num_parse(uint64_t *ret, const char *s, size_t len, uint64_t max);

/* A size in bytes: digits and then nothing, K, M or G (1024-based). */
int num_parse_size(uint64_t *ret, const char *s, size_t len, uint64_t max);

/* A duration in milliseconds: digits and ms, s, m, h or d; a bare 0 too. */
int num_parse_duration(
    uint64_t *ret_ms, const char *s, size_t len, uint64_t max_ms);

/* The shortest form that parses back to the same value. */
#define NUM_STRLEN 24
const char *num_format_size(uint64_t bytes, char buf[NUM_STRLEN]);
const char *num_format_duration(uint64_t ms, char buf[NUM_STRLEN]);

#endif
