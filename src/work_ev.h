#ifndef WORK_EV_H
#define WORK_EV_H

struct event_base;

/* Runs what may block (iptables' lock, files, NSS) in a thread of its own, so
 * that the loop goes on giving verdicts. run() touches only what arg points
 * to; done() is called on the loop afterwards, once. 0 or -errno. */
typedef void work_fn(void *arg);
int work_start(struct event_base *base, work_fn *run, work_fn *done, void *arg);

/* Closes what the kernel takes its time for: 5 to 18 ms for an inotify that has
 * watched anything. Nobody waits for it; here where no thread is to be had. */
void work_close(int fd);

#endif
