#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

/* Exit statuses of design.md section 9. */
enum status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NO_DAEMON = 3,
};

/* A connection to the daemon. */
struct client;

/* Connects, or says on stderr why not. STATUS_DONE, STATUS_NO_DAEMON or
 * STATUS_FAILED (no permission). */
enum status client_open(struct client **ret, const char *path);
void client_close(struct client *client); /* accepts NULL */

/* Sends a call; args (taken) may be NULL. */
enum status client_send(
    struct client *client, const char *call, json_t *args_take);

/* Waits for the next answer. On STATUS_DONE *ret is its result, a new
 * reference; an error of the daemon is printed. */
enum status client_receive(struct client *client, json_t **ret);

/* The same of a result that is an array, and the last that is asked for: row by
 * row, each of them borrowed, once all of it has come, so that the daemon waits
 * for nobody; as text, of which JSON takes ten times as much. Ends with what
 * row() says, unless that is STATUS_DONE. */
typedef enum status client_row_fn(void *arg, const json_t *row);
enum status client_receive_rows(
    struct client *client, client_row_fn *row, void *arg);

/* From now on client_receive() gives up when *stop becomes true, which a signal
 * does: *ret is NULL then. */
void client_until(struct client *client, const volatile sig_atomic_t *stop);

/* From now on client_receive() gives up when nobody reads any more what is
 * written to out, a pipe or a terminal: *ret is NULL then. */
void client_for(struct client *client, FILE *out);

/* From now on client_receive() gives up after a minute without an answer. */
void client_limit(struct client *client);

/* Sends and receives. */
enum status client_call(
    struct client *client, const char *call, json_t *args_take, json_t **ret);

/* Sends a call, and waits for the first word of the answer. */
enum status client_ask(
    struct client *client, const char *call, json_t *args_take);

#endif
