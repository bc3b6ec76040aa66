#ifndef LINUX_BPF_KERNEL_H
#define LINUX_BPF_KERNEL_H

#include <linux/types.h>

/* The structures of the kernel with the few fields that attr.bpf.c reads. Where
 * they lie is found in the kernel's own BTF at load time. */

#pragma clang attribute push(                                                  \
    __attribute__((preserve_access_index)), apply_to = record)

struct super_block {
	unsigned int s_dev;
	unsigned long s_magic;
	struct ovl_fs *s_fs_info; /* of an overlay */
};
struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
};
struct btrfs_root {
	unsigned int anon_dev;
};
struct btrfs_inode {
	struct btrfs_root *root;
	struct inode vfs_inode;
};
struct ovl_sb {
	unsigned int pseudo_dev;
};
struct ovl_layer {
	struct ovl_sb *fs;
};
struct ovl_path {
	struct ovl_layer *layer;
	struct dentry *dentry;
};
struct ovl_entry {
	unsigned int __numlower;
	struct ovl_path __lowerstack[1]; /* so many */
};
struct ovl_fs {
	struct ovl_sb *fs;
	int xino_mode;
};
struct ovl_inode {
	struct inode vfs_inode;
	struct dentry *__upperdentry;
	struct ovl_entry *oe;
};
struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};
struct qstr {
	const unsigned char *name;
};
struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};
struct vfsmount {
	struct dentry *mnt_root;
};
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct file {
	struct inode *f_inode;
	struct path f_path;
};
struct mm_struct {
	struct file *exe_file;
	unsigned long arg_start, arg_end;
};
typedef struct {
	unsigned int val;
} kuid_t;
typedef struct {
	unsigned int val;
} kgid_t;
struct cred {
	kuid_t euid;
	kgid_t egid;
};
struct kernfs_node {
	struct kernfs_node *__parent;
	const char *name;
	__u64 id;
};
struct kernfs_node___old { /* before Linux 6.15 */
	struct kernfs_node *parent;
};
struct list_head {
	struct list_head *next, *prev;
};
struct cgroup_root {
	char name[64];
};
struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};
struct cgrp_cset_link {
	struct cgroup *cgrp;
	struct list_head cgrp_link;
};
struct css_set {
	struct cgroup *dfl_cgrp;
	struct list_head cgrp_links;
};
struct ns_common {
	unsigned int inum;
};
struct mnt_namespace {
	struct ns_common ns;
};
struct nsproxy {
	struct mnt_namespace *mnt_ns;
};
struct upid {
	int nr;
};
struct pid {
	unsigned int level;
	struct upid numbers[1];
};
struct signal_struct {
	struct {
		int counter;
	} live;
};
struct task_struct {
	unsigned int flags;
	int pid, tgid;
	__u64 start_boottime, self_exec_id;
	struct task_struct *group_leader, *real_parent;
	struct pid *thread_pid;
	struct signal_struct *signal;
	struct mm_struct *mm;
	const struct cred *cred;
	struct css_set *cgroups;
	struct nsproxy *nsproxy;
	char comm[16];
};
struct socket {
	struct file *file;
	struct sock *sk;
};
struct net {
	struct ns_common ns;
};
typedef struct {
	struct net *net;
} possible_net_t;
typedef struct {
	int owned;
} socket_lock_t;
struct sock_common {
	unsigned short skc_family;
	volatile unsigned char skc_state;
	int skc_bound_dev_if;
	__u16 skc_num;
	possible_net_t skc_net;
	struct {
		long long counter;
	} skc_cookie;
};
struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	__u16 sk_type, sk_protocol;
	struct socket *sk_socket;
};
struct tcp_sock {
	__u8 is_mptcp : 1;
};
struct nf_conntrack_tuple {
	char bytes[40]; /* addresses, ports, protocol: only compared */
};
struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
};
struct nf_conn {
	struct nf_conntrack_tuple_hash tuplehash[2];
	unsigned long status;
	__u32 mark;
};
struct net_device {
	unsigned int flags;
};
struct dst_entry {
	struct net_device *dev;
};
struct sk_buff {
	struct sock *sk;
	unsigned int len, data_len;
	__u32 mark;
	unsigned long _nfct, _skb_refdst;
	__u16 network_header;
	unsigned char *head;
};
struct nf_hook_state {
	__u8 hook, pf;
	struct sock *sk;
};
struct bpf_nf_ctx {
	const struct nf_hook_state *state;
	struct sk_buff *skb;
};
struct linux_binprm {
	int argc;
};
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

#pragma clang attribute pop

#endif
