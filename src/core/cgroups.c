#include "src/core/cgroups.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/list.h"
#include "src/base/map.h"
#include "src/core/procline.h"
#include "src/core/upward.h"

struct cgroup {
	struct map_node node;
	struct list lru;
	uint64_t id;
	struct cgroup_name name;
};

struct cgroups {
	struct map map;
	struct list lru; /* the youngest first */
	size_t max;
};

struct cgroups *
cgroups_new(size_t max)
{
	struct cgroups *cgroups = calloc(1, sizeof(*cgroups));

	if (cgroups == NULL)
		return NULL;
	cgroups->max = max > 0 ? max : 1;
	list_init(&cgroups->lru);
	if (map_init(&cgroups->map) < 0) {
		free(cgroups);
		return NULL;
	}
	return cgroups;
}

static void
cgroup_free(struct cgroup *group)
{
	free(group->name.path);
	free(group->name.unit);
	free(group);
}

static void
forget_oldest(struct cgroups *cgroups)
{
	struct cgroup *group =
	    container_of(cgroups->lru.prev, struct cgroup, lru);

	list_remove(&group->lru);
	map_remove(&cgroups->map, &group->node);
	cgroup_free(group);
}

void
cgroups_free(struct cgroups *cgroups)
{
	if (cgroups == NULL)
		return;
	while (!list_empty(&cgroups->lru))
		forget_oldest(cgroups);
	map_done(&cgroups->map);
	free(cgroups);
}

static struct cgroup *
find(struct cgroups *cgroups, uint64_t id)
{
	uint64_t hash = map_hash(&cgroups->map, &id, sizeof(id));
	struct map_node *node = map_first(&cgroups->map, hash);

	for (; node != NULL; node = map_next(node, hash)) {
		struct cgroup *group = container_of(node, struct cgroup, node);

		if (group->id != id)
			continue;
		list_remove(&group->lru);
		list_prepend(&cgroups->lru, &group->lru);
		return group;
	}
	return NULL;
}

/* NULL when there is no memory. */
static struct cgroup *
cgroup_new(uint64_t id, const char *names, size_t len)
{
	struct cgroup *group = calloc(1, sizeof(*group));
	struct procline_str path, unit;

	if (group == NULL)
		return NULL;
	group->id = id;
	group->name.path = calloc(1, len + 1);
	if (group->name.path != NULL) {
		path = (struct procline_str){ group->name.path,
			upward_path(group->name.path, names, len) };
		unit = procline_unit(path);
		group->name.unit = strndup(unit.p, unit.len);
	}
	if (group->name.unit == NULL) {
		cgroup_free(group);
		return NULL;
	}
	return group;
}

void
cgroups_put(struct cgroups *cgroups, uint64_t id, const char *names, size_t len)
{
	struct cgroup *group;

	if (find(cgroups, id) != NULL)
		return; /* told once more: it has no other name */
	group = cgroup_new(id, names, len);
	if (group == NULL)
		return;
	if (cgroups->map.count >= cgroups->max)
		forget_oldest(cgroups);
	map_put(&cgroups->map, &group->node,
	    map_hash(&cgroups->map, &id, sizeof(id)));
	list_init(&group->lru);
	list_prepend(&cgroups->lru, &group->lru);
}

const struct cgroup_name *
cgroups_find(struct cgroups *cgroups, uint64_t id)
{
	struct cgroup *group = find(cgroups, id);

	return group != NULL ? &group->name : NULL;
}
