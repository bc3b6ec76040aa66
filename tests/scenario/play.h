#ifndef TESTS_SCENARIO_PLAY_H
#define TESTS_SCENARIO_PLAY_H

#include <stdio.h>

/* Plays a script of the resolver: no clock, no sockets. 0, or 1 after it has
 * said on stderr which line went otherwise.
 *
 *   upstream ADDR...            [resolver] upstream; policy parallel: parallel
 *   forward ZONE ADDR...
 *   rules LINE                  one more rule
 *   hosts ADDR NAME...          one more line of the hosts file
 *   allow-private NAME, block-answer WORD, stale S, min-ttl S, max-ttl S,
 *   cache-size BYTES
 *   query TYPE NAME [do cd ad nord tcp noedns size=N by=EXE]
 *   refuse-send ADDR            sending there fails from now on (ECONNREFUSED)
 *   sent ADDR [tcp] [noedns]    the next question went there; nothing: none
 *   reply ADDR RCODE [tc ad bare lower request twice] [ede=N]   answers the
 *       oldest question there (ADDR/tcp, ADDR/noedns: of that kind; ADDR/new:
 *       nothing has come for it); what is no answer leaves it there, but over
 *       TCP
 *       an|au|ad RECORD         records of it, in the lines below
 *   fail ADDR                   the shell gives the oldest one back
 *   barred ADDR                 likewise: this host lets it not out
 *   over                        likewise all those that nobody waits for
 *   time N                      ms that pass
 *   answer RCODE [tc ad aa] [ede=N] [from=WORD]   the client has got this
 *       an|au RECORD            with these records of its own, in order
 *   silent                      it got nothing, and will get nothing
 *   waiting                     it has nothing yet
 *   flush [NAME]
 *   new-rules LINE              this one in place of all, from now on
 *   new-settings                the same ones, and what is under way given back
 */
int play(const char *path);

#endif
