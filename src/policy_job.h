#ifndef POLICY_JOB_H
#define POLICY_JOB_H

#include "src/base/list.h"
#include "src/core/accounts.h"
#include "src/core/runtime.h"
#include "src/core/text.h"
#include "src/list_job.h"
#include "src/load.h"
#include "src/review_ev.h"

struct hits;
struct policy_texts;

enum change_kind {
	CHANGE_RELOAD, /* settings and rules are read again */
	CHANGE_ADD,    /* a rule from the command line: text, for_ms */
	CHANGE_DELETE, /* one of those: id */
	CHANGE_EXPIRE, /* those that have ended */
	CHANGE_TRY,    /* text in place of the files, for for_ms */
	CHANGE_KEEP,   /* what is tried stays */
	CHANGE_BACK,   /* what was tried goes */
	CHANGE_LISTS,  /* other lists */
	CHANGE_WORLD,  /* users that were waited for, links that lead
			* elsewhere */
	CHANGE_READ,   /* those from the command line that could not be read */
	CHANGE_SAVE,   /* what could not be saved */
};

/* Something that is to happen to the rules, and what came of it. */
struct change {
	struct list node;
	enum change_kind kind;
	char *text;	 /* owned */
	char *name;	 /* of the text's file; owned */
	uint64_t for_ms; /* 0: for good */
	unsigned int id; /* also set by CHANGE_ADD */
	/* called once, on the loop, with the change to free; NULL for none */
	void (*done)(void *arg, struct change *change_take);
	void *arg;

	/* what came of it: 0, -EINVAL (see faults), -EBUSY (a set of rules is
	 * being tried), -ENOENT (no such rule, nothing is tried), -E2BIG or
	 * -errno. The rules in force have changed only where it is 0. */
	int result;
	struct faults *faults;	     /* owned */
	struct faults *warnings;     /* where rules come anew; owned */
	size_t n_rules;		     /* in force now */
	struct review_result review; /* of the flows */
	uint64_t end_ms;	     /* of what was added or is tried */
	int save_error; /* of the state file: it won't survive a restart */
};

/* NULL when there is no memory. */
struct change *change_new(enum change_kind kind);
void change_free(struct change *change); /* accepts NULL */

/* Whether it is to be tried again, as a bit for each kind: there was no thread,
 * descriptor or memory for it, and nobody waits who would do that. Who asks in
 * vain for what is late already leaves it so. False where it is no news. */
bool change_note_late(const struct change *change, unsigned int *late);

/* What came of it, for the log. */
void change_log(const struct change *change);
/* What went wrong, in a line; "" where nothing did. */
void change_error(const struct change *change, char *buf, size_t size);

/* Users and groups that rules name and that are not there, for the log. */
void policy_log_missing(const struct policy *policy);
/* Why their numbers could not be saved. */
void policy_log_unsaved(int error);
/* Of such a one what it is, and what that means: "user 'eve', which is not
 * there: nobody is it". */
#define MISSING_SIZE (WORD_QUOTE_SIZE + 96)
void policy_missing_text(
    const struct policy_account *account, char buf[MISSING_SIZE]);

/* Rules from the command line that are held since they have a fault, and those
 * that are as they were given again; `before` is what was in force. */
void policy_log_held(const struct policy *policy, const struct runtime *before);

/* The part of a change that may block: reading, compiling, saving. All but the
 * last group is set before; what the last group holds is the caller's. */
struct policy_job {
	const char *config, *dir; /* to be read; see read */
	bool read;
	bool alone;    /* what is in force is saved, and nothing else */
	bool may_miss; /* dir: there are no rules of it in force */
	const struct conf *conf; /* in force: to go by, where !read */
	const char
	    *state; /* where runtime is saved; NULL: it has not changed */
	/* the same file, where not all of it has been read: what can be read
	 * now is put among runtime, or behind it; NULL: nothing is missing */
	const char *saved;
	bool behind;
	bool or_nothing;		/* fails where it can't be read */
	const struct sources *sources;	/* to be compiled, where !read */
	struct runtime runtime;		/* what is to be in front of them */
	const struct list_table *lists; /* a reference; NULL for none */
	const char *folder;		/* of compiled lists, where read */
	const struct policy *before;	/* in force */
	bool settled;			/* see struct policy_world */
	bool forget; /* who is named no more, and where paths led */
	const char *accounts_path; /* where users and groups are saved */
	const struct accounts *remembered; /* what is there */
	unsigned int given; /* the rule of runtime that is new; 0 for none */
	struct faults *faults, *warnings; /* the latter may be NULL */

	struct sources fresh;	       /* what was read */
	char *loose;		       /* see struct policy_texts */
	const struct conf *fresh_conf; /* a reference; NULL for none */
	/* lists of the fresh settings: a new one blocks from the first packet
	 * on; table NULL: none were loaded */
	struct list_job loaded;
	const struct policy *policy;
	struct hits *hits;
	int result, save_error;
	int unread;	   /* of `saved`: see struct policy_texts */
	bool accounts_new; /* accounts has what is in their file now */
	struct accounts accounts;
	int accounts_error; /* they could not be saved */
};

/* To be called in a thread. */
void policy_job_run(struct policy_job *job);

/* Lets go of what it holds: zero again. */
void policy_job_done(struct policy_job *job);

/* Whether it tried to save the rules from the command line. */
bool policy_job_saves(const struct policy_job *job);

struct policy_places {
	const char *config;   /* the settings */
	const char *dir;      /* of the rules */
	const char *state;    /* the file of those from the command line */
	const char *accounts; /* and of the users and groups of all */
};

/* The first policy of the daemon: files of the folder, behind what was added
 * from the command line before it was started again and has not ended. Faults
 * are printed to stderr; rules from the command line that have one are held. 0
 * with a reference, -EINVAL or -errno. ret_texts is zeroed before. */
int policy_job_first(const struct policy **ret, const struct conf *conf,
    const struct list_table *lists, const struct policy_places *places,
    struct policy_texts *ret_texts);

#endif
