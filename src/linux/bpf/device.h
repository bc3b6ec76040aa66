#ifndef LINUX_BPF_DEVICE_H
#define LINUX_BPF_DEVICE_H

#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "src/linux/bpf/kernel.h"

/* The device of a file as stat(2) has it: some file systems have another one
 * for each of their parts, each with the same numbers for its files. For
 * attr.bpf.c alone. */

#define MAGIC_BTRFS 0x9123683e
#define MAGIC_OVERLAY 0x794c7630

/* The stack of all that call each other has 512 bytes, and who sends has used
 * most of them: one word of it is enough here. */
#define READ(at)                                                               \
	({                                                                     \
		typeof(*(at)) _word = 0;                                       \
		bpf_core_read(&_word, sizeof(_word), at);                      \
		_word;                                                         \
	})

/* Of the subvolume (btrfs_getattr() in the kernel). */
static __always_inline __u32
subvolume_device(struct inode *inode)
{
	struct btrfs_inode *of = NULL;
	struct btrfs_root *root = NULL;

	if (!bpf_core_field_exists(of->root) ||
	    !bpf_core_field_exists(root->anon_dev))
		return 0;
	of = (void *)inode -
	     bpf_core_field_offset(struct btrfs_inode, vfs_inode);
	root = READ(&of->root);
	return READ(&root->anon_dev);
}

static __always_inline unsigned long
number_of(struct dentry *dentry)
{
	struct inode *inode = READ(&dentry->d_inode);

	return READ(&inode->i_ino);
}

/* Of the layer (ovl_getattr() in the kernel), where they are on more than one
 * file system and share no numbers. What was copied up keeps the number that
 * it had; where it has another one (a hard link) it is not told. */
static __always_inline __u32
layer_device(struct inode *inode, struct ovl_fs *fs)
{
	struct ovl_layer *lowest = NULL;
	struct ovl_entry *entry = NULL;
	struct ovl_inode *of = NULL;
	struct ovl_sb *part = NULL;
	struct dentry *was;

	if (!bpf_core_field_exists(of->oe) ||
	    !bpf_core_field_exists(of->__upperdentry) ||
	    !bpf_core_field_exists(entry->__lowerstack) ||
	    !bpf_core_field_exists(lowest->fs) ||
	    !bpf_core_field_exists(part->pseudo_dev) ||
	    !bpf_core_field_exists(fs->xino_mode) || READ(&fs->xino_mode) >= 0)
		return 0;
	of = (void *)inode - bpf_core_field_offset(struct ovl_inode, vfs_inode);
	entry = READ(&of->oe);
	if (READ(&entry->__numlower) == 0) {
		part = READ(&fs->fs); /* the upper one's */
		return READ(&part->pseudo_dev);
	}
	if (READ(&of->__upperdentry) != NULL) {
		was = READ(&entry->__lowerstack[0].dentry);
		if (number_of(was) != READ(&inode->i_ino))
			return 0;
	}
	lowest = READ(&entry->__lowerstack[0].layer);
	part = READ(&lowest->fs);
	return READ(&part->pseudo_dev);
}

/* 0: as the file system. A number and not an inode, and not inlined, so that
 * the verifier goes through it once. */
__noinline __u32
part_device(__u64 number)
{
	struct inode *inode = (struct inode *)number;
	struct super_block *sb = READ(&inode->i_sb);

	switch (READ(&sb->s_magic)) {
	case MAGIC_BTRFS:
		return subvolume_device(inode);
	case MAGIC_OVERLAY:
		return layer_device(inode, READ(&sb->s_fs_info));
	default:
		return 0;
	}
}

static __always_inline __u32
device_of(struct inode *inode)
{
	__u32 dev = BPF_CORE_READ(inode, i_sb, s_dev), part;

	/* of a disk: none of those */
	if (dev >> 20 != 0)
		return dev;
	part = part_device((unsigned long)inode);
	return part != 0 ? part : dev;
}

#endif
