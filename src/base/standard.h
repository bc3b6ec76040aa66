#ifndef BASE_STANDARD_H
#define BASE_STANDARD_H

#include <stdbool.h>

/* The standard descriptors of a daemon that lets go of who started it. */

/* Where one of the three is closed, what is opened next would be in its place:
 * lines for the log would be written to it, and detaching would close it. All
 * three are there after this. */
void standard_open(void);

/* Standard error is the journal itself (sd_journal_stream, systemd.exec(5)),
 * and not what somebody below the service has sent it to. */
bool standard_is_journal(void);

/* In the process that goes on without its caller: nothing is read or printed
 * any more, and standard error is for what is said of the start. */
void standard_detach(void);

/* In each process that goes on after that: whoever started it may look at a
 * terminal or wait for the end of a pipe. The log goes to syslog, or on into
 * the file that standard error is. Nothing where it was not detached. */
void standard_leave(void);

#endif
