#ifndef POLICY_EV_H
#define POLICY_EV_H

#include <stdbool.h>

#include "src/policy_job.h"

struct event_base;
struct list_table;

/* The settings and rules in force and all that changes them: files, rules from
 * the command line, a set that is tried. One change after the other; what may
 * block is done off the loop, then the judge gets the new policy and live flows
 * are judged again. A change with faults changes nothing. */
struct policy_ev;

/* All borrowed. */
struct policy_opts {
	struct event_base *base;
	struct judge *judge;
	struct diag *diag;
	struct stats *stats;
	const struct conf *conf;	/* to begin with */
	const struct list_table *lists; /* the same; NULL for none yet */
	const char *config;		/* its file; NULL for the default one */
	const char *rules; /* the folder; NULL for the default one */
	const char *state; /* the folder of rules from the command line */
	/* see struct review_opts */
	void (*judged)(void *arg, const struct flow *flow, mono_t now);
	/* the judge has other rules from here on */
	void (*ruled)(void *arg);
	/* these settings have been read and are in force now, with the lists
	 * that were loaded for them; take a reference to keep them, and the
	 * job's results where they are wanted */
	void (*settings)(
	    void *arg, const struct conf *conf, struct list_job *loaded);
	bool (*waits)(void *arg, const struct flow_key *key);
	void (*moved)(void *arg, const struct flow_key *key);
	/* no change is under way, or waits; error: 0, or -errno where there was
	 * no thread or memory for the lists of before, which is tried again */
	void (*idle)(void *arg, int error);
	void *arg;
};

/* Loads the rules, prints their faults to stderr, and gives the judge its
 * first policy. 0, -EINVAL (faults) or -errno. */
int policy_ev_new(struct policy_ev **ret, const struct policy_opts *opts);
void policy_ev_free(struct policy_ev *pe); /* not while busy; accepts NULL */

/* Queues a change; change->done() gets it back, also where it failed. */
void policy_ev_submit(struct policy_ev *pe, struct change *change_take);

/* The same for a reload that nobody waits for: one in the queue is enough. */
void policy_ev_reload(struct policy_ev *pe);

/* Other lists: takes a reference; the rules in force ask these from when they
 * are compiled, and then flows are judged anew. */
void policy_ev_lists(struct policy_ev *pe, const struct list_table *lists);

/* Once the chains are in: connections that a daemon before this one decided
 * are judged anew. */
void policy_ev_review(struct policy_ev *pe);

/* The settings in force; borrowed. */
const struct conf *policy_ev_conf(const struct policy_ev *pe);

bool policy_ev_is_busy(const struct policy_ev *pe); /* accepts NULL */

/* Users, groups and paths are being looked at: it may be freed meanwhile, at
 * the end of the process. */
bool policy_ev_asks(const struct policy_ev *pe); /* accepts NULL */

/* Why the last reload failed; "" when it did not. */
const char *policy_ev_error(const struct policy_ev *pe);

/* Why the rules from the command line are not in the file that they outlive a
 * restart by; 0: they are. */
int policy_ev_save_error(const struct policy_ev *pe);

/* What the rules in force are made of; borrowed until they change. */
struct policy_texts;
const struct policy_texts *policy_ev_texts(const struct policy_ev *pe);

#endif
