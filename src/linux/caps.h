#ifndef LINUX_CAPS_H
#define LINUX_CAPS_H

#include <stdbool.h>
#include <sys/types.h>

/* What the daemon is when it works: a user of its own with the five
 * capabilities of design.md section 10, and no way back. */

struct caps_user {
	uid_t uid;
	gid_t gid;
};

/* By NSS: may block. 0, -ENOENT or -errno. */
int caps_user_find(const char *name, struct caps_user *ret);

/* Gives a folder and what is in it to the user, where it is root's;
 * makes it, with this mode, where it is not there (mode 0: doesn't). 0 or
 * -errno. */
int caps_give_folder(
    const char *path, mode_t mode, const struct caps_user *user);

/* The same for a folder in one that is the user's already, where it is there:
 * a link in its place is not followed. 0 or -errno. */
int caps_give_below(
    const char *path, const char *name, const struct caps_user *user);

/* Whether the user will be able to remove what is in the folder. */
bool caps_may_write(const char *path, const struct caps_user *user);

/* In a process that has one thread only, since capabilities are a thread's:
 * keeps the five, as far as they are there, and becomes the user (NULL: stays
 * who it is; so does who is not root). What is run from here on gains nothing.
 * 0 or -errno. */
int caps_drop(const struct caps_user *user);

/* Which of the five are not there: "CAP_SYS_PTRACE CAP_..."; "" for none. */
#define CAPS_TEXT_SIZE 128
void caps_lacking(char buf[CAPS_TEXT_SIZE]);

/* The same for a child that does nothing but enter network namespaces: it keeps
 * what that takes, and stays who it is. */
int caps_drop_to_netns(void);

/* As who is gone: capabilities none, the user stays. For a child that needs
 * no more than what its user owns. */
int caps_drop_all(void);

/* What this thread runs gets CAP_NET_ADMIN and CAP_NET_RAW, which a user other
 * than root does not pass on by itself; ends that. 0 or -errno. */
int caps_lend(void);
void caps_take_back(void);

#endif
