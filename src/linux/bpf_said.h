#ifndef LINUX_BPF_SAID_H
#define LINUX_BPF_SAID_H

#include <stdarg.h>
#include <stddef.h>

/* Why programs could not be loaded, from all that libbpf and the kernel's
 * verifier say about it: what libbpf complained of first or, better, the line
 * that the verifier ended with. */
struct bpf_said {
	char text[240]; /* "": nothing was said */
	char
	    refused[64]; /* the program that the verifier went through; or "" */
};

/* One message, as libbpf hands it to a libbpf_print_fn_t. */
void bpf_said_hear(struct bpf_said *said, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#endif
