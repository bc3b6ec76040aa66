#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Intrusive doubly linked ring. A head is a node that belongs to no object. */
struct list {
	struct list *next;
	struct list *prev;
};

/* 14 takes that for a cast of -offsetof, later ones don't: */
/* clang-format off */
#define container_of(ptr, type, member)                                        \
	((type *)((char *)(ptr) - offsetof(type, member)))
/* clang-format on */

static inline void
list_init(struct list *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool
list_empty(const struct list *head)
{
	return head->next == head;
}

/* Puts node last. */
static inline void
list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Puts node first. */
static inline void
list_prepend(struct list *head, struct list *node)
{
	list_append(head->next, node);
}

/* Takes node out; it may be taken out again without harm. */
static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* All nodes of one list, in order, behind those of the other. */
static inline void
list_move(struct list *to, struct list *from)
{
	while (!list_empty(from)) {
		struct list *node = from->next;

		list_remove(node);
		list_append(to, node);
	}
}

#define list_for_each(node, head)                                              \
	for ((node) = (head)->next; (node) != (head); (node) = (node)->next)

/* The body may remove the node it was given (and no other). */
#define list_for_each_safe(node, tmp, head)                                    \
	for ((node) = (head)->next, (tmp) = (node)->next; (node) != (head);    \
	     (node) = (tmp), (tmp) = (node)->next)

#endif
