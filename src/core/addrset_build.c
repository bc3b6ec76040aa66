#include "src/core/addrset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/grow.h"

/* Addresses of both families as numbers: IPv4 in the lower half. */
typedef unsigned __int128 number_t;

struct addrset_item {
	number_t lo, hi;
	uint32_t what;
	uint32_t order;
	uint8_t rank;
	uint8_t family;
};

#define ITEMS_MAX ((size_t)1 << 26)

void
addrset_build_done(struct addrset_build *build)
{
	free(build->items);
	free(build->v4);
	free(build->v6);
	memset(build, 0, sizeof(*build));
}

static number_t
number(const struct addr *a)
{
	number_t n = 0;

	for (size_t i = 0; i < addr_len(a); i++)
		n = n << 8 | a->bytes[i];
	return n;
}

int
addrset_build_add(struct addrset_build *build, const struct addr_range *range,
    enum addrset_rank rank, uint32_t what)
{
	struct addr_range plain = addr_range_unmap(range);
	int r = 0;

	if (build->n == ITEMS_MAX)
		return -E2BIG;
	if (build->n == build->room)
		r = grow(
		    &build->items, &build->room, sizeof(struct addrset_item));
	if (r < 0)
		return r;
	build->items[build->n] = (struct addrset_item){
		.lo = number(&plain.lo),
		.hi = number(&plain.hi),
		.what = what,
		.order = (uint32_t)build->n,
		.rank = (uint8_t)rank,
		.family = plain.lo.family,
	};
	build->n++;
	return 0;
}

static int
start_cmp(const void *a, const void *b)
{
	const struct addrset_item *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* True if a wins over b. */
static bool
beats(const struct addrset_item *a, const struct addrset_item *b)
{
	if (a->rank != b->rank)
		return a->rank > b->rank;
	if (a->rank == ADDRSET_CODED && a->hi - a->lo != b->hi - b->lo)
		return a->hi - a->lo < b->hi - b->lo;
	return a->order < b->order;
}

/* Ranges that have begun, the one that wins on top. Those that have ended are
 * taken off when they come up. */
struct heap {
	const struct addrset_item **v;
	size_t n;
};

static void
heap_put(struct heap *heap, const struct addrset_item *item)
{
	size_t i = heap->n++;

	for (; i > 0 && beats(item, heap->v[(i - 1) / 2]); i = (i - 1) / 2)
		heap->v[i] = heap->v[(i - 1) / 2];
	heap->v[i] = item;
}

static void
heap_pop(struct heap *heap)
{
	const struct addrset_item *last = heap->v[--heap->n];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < heap->n) {
		if (child + 1 < heap->n &&
		    beats(heap->v[child + 1], heap->v[child]))
			child++;
		if (!beats(heap->v[child], last))
			break;
		heap->v[i] = heap->v[child];
		i = child;
	}
	heap->v[i] = last;
}

static int
put4(struct addrset_build *build, number_t lo, number_t hi, uint32_t what)
{
	struct addrset4 *last =
	    build->n4 > 0 ? &build->v4[build->n4 - 1] : NULL;
	int r = 0;

	if (last != NULL && last->what == what &&
	    (number_t)last->hi + 1 == lo) {
		last->hi = (uint32_t)hi;
		return 0;
	}
	if (build->n4 == build->room4)
		r = grow(&build->v4, &build->room4, sizeof(struct addrset4));
	if (r == 0)
		build->v4[build->n4++] =
		    (struct addrset4){ (uint32_t)lo, (uint32_t)hi, what };
	return r;
}

static int
put6(struct addrset_build *build, number_t lo, number_t hi, uint32_t what)
{
	struct addrset6 *last =
	    build->n6 > 0 ? &build->v6[build->n6 - 1] : NULL;
	uint64_t hi_upper = (uint64_t)(hi >> 64), hi_lower = (uint64_t)hi;
	int r = 0;

	if (last != NULL && last->what == what && lo != 0 &&
	    last->hi[0] == (uint64_t)((lo - 1) >> 64) &&
	    last->hi[1] == (uint64_t)(lo - 1)) {
		last->hi[0] = hi_upper;
		last->hi[1] = hi_lower;
		return 0;
	}
	if (build->n6 == build->room6)
		r = grow(&build->v6, &build->room6, sizeof(struct addrset6));
	if (r == 0)
		build->v6[build->n6++] = (struct addrset6){
			.lo = { (uint64_t)(lo >> 64), (uint64_t)lo },
			.hi = { hi_upper, hi_lower },
			.what = what,
		};
	return r;
}

static int
put(struct addrset_build *build, const struct addrset_item *item, number_t lo,
    number_t hi)
{
	/* an exception leaves a hole */
	if (item->rank == ADDRSET_ALLOW || item->rank == ADDRSET_ALLOW_FIRST ||
	    (item->what & HOSTSET_CODE) == HOSTSET_PASSTHRU)
		return 0;
	return item->family == ADDR_IP4 ? put4(build, lo, hi, item->what)
					: put6(build, lo, hi, item->what);
}

/* From one place where something begins or ends to the next, the one that
 * wins. The items are of one family, by their start. */
static int
sweep(struct addrset_build *build, const struct addrset_item *items, size_t n,
    struct heap *heap)
{
	number_t at = 0, end;
	size_t i = 0;
	int r = 0;

	while (r == 0 && (i < n || heap->n > 0)) {
		if (heap->n == 0)
			at = items[i].lo;
		while (i < n && items[i].lo <= at)
			heap_put(heap, &items[i++]);
		end = heap->v[0]->hi;
		if (end < at) {
			heap_pop(heap);
			continue;
		}
		if (i < n && items[i].lo <= end)
			end = items[i].lo - 1;
		r = put(build, heap->v[0], at, end);
		if (end == heap->v[0]->hi)
			heap_pop(heap);
		if (end == ~(number_t)0)
			break;
		at = end + 1;
	}
	heap->n = 0;
	return r;
}

int
addrset_build_finish(struct addrset_build *build)
{
	struct heap heap = { calloc(build->n + 1, sizeof(heap.v[0])), 0 };
	size_t n4 = 0;
	int r;

	if (heap.v == NULL)
		return -ENOMEM;
	if (build->n > 0)
		qsort(
		    build->items, build->n, sizeof(build->items[0]), start_cmp);
	while (n4 < build->n && build->items[n4].family == ADDR_IP4)
		n4++;
	r = sweep(build, build->items, n4, &heap);
	if (r == 0 && build->n > n4)
		r = sweep(build, build->items + n4, build->n - n4, &heap);
	free(heap.v);
	free(build->items);
	build->items = NULL;
	return r;
}
