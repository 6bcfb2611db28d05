// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the attachment list: what each walk visits, what survives
 * removal in the middle of a walk, and that nothing is missed or used after it
 * has been freed when writers and walkers run at the same time.
 */

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/iommu-alist.h>
#include <linux/kmsg_dump.h>
#include <linux/kthread.h>
#include <linux/poison.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#define NR_UNITS	4
#define MAGIC_LIVE	0xa11ce11ea11ce11eULL
#define MAGIC_FREED	0xdeadc0dedeadc0deULL

/* Compared by address only. */
static struct iommu_device units[NR_UNITS];

/* The element does not come first: nothing may depend on its offset. */
struct test_att {
	u64 magic;
	int id;
	struct iommu_attach_elm elm;
};

static struct test_att *to_att(struct iommu_attach_elm *elm)
{
	return container_of(elm, struct test_att, elm);
}

static struct test_att *att_new(struct kunit *test, int id, int unit, u64 tag,
				bool atc)
{
	struct test_att *att = kzalloc_obj(*att);

	KUNIT_ASSERT_NOT_NULL(test, att);
	att->magic = MAGIC_LIVE;
	att->id = id;
	iommu_attach_elm_init(&att->elm, &units[unit], tag, atc);
	return att;
}

static void att_link(struct iommu_attach_list *list, struct test_att *att)
{
	guard(spinlock)(&list->lock);
	iommu_attach_list_add(list, &att->elm);
}

static struct test_att *att_add(struct kunit *test,
				struct iommu_attach_list *list, int id,
				int unit, u64 tag, bool atc)
{
	struct test_att *att = att_new(test, id, unit, tag, atc);

	att_link(list, att);
	return att;
}

static bool att_del(struct iommu_attach_list *list, struct test_att *att)
{
	guard(spinlock)(&list->lock);
	return iommu_attach_list_del(list, &att->elm);
}

static void att_remove(struct iommu_attach_list *list, struct test_att *att)
{
	guard(spinlock)(&list->lock);
	iommu_attach_list_remove(list, &att->elm, att);
}

static void list_drain(struct iommu_attach_list *list)
{
	struct iommu_attach_elm *elm;

	guard(spinlock)(&list->lock);
	iommu_attach_list_for_each_locked(elm, list)
		iommu_attach_list_remove(list, elm, to_att(elm));
}

/* What a walk has visited, in order. */
struct visits {
	int nr;
	int ids[32];
};

static void visit(struct visits *v, struct iommu_attach_elm *elm)
{
	if (v->nr < ARRAY_SIZE(v->ids))
		v->ids[v->nr] = to_att(elm)->id;
	v->nr++;
}

static void expect_visits(struct kunit *test, const struct visits *v,
			  const int *want, int nr)
{
	KUNIT_ASSERT_EQ(test, v->nr, nr);
	KUNIT_EXPECT_MEMEQ(test, v->ids, want, nr * sizeof(*want));
}

#define EXPECT_VISITS(test, v, ...)					\
do {									\
	const int __want[] = { __VA_ARGS__ };				\
									\
	expect_visits(test, v, __want, ARRAY_SIZE(__want));		\
} while (0)

static int alist_test_init(struct kunit *test)
{
	struct iommu_attach_list *list;

	list = kunit_kzalloc(test, sizeof(*list), GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	iommu_attach_list_init(list);
	test->priv = list;
	return 0;
}

static void alist_test_exit(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;

	if (!list)
		return;
	list_drain(list);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(list));
	KUNIT_EXPECT_TRUE(test, list_empty(&list->tags));
	/* Frees what was removed: too early or twice shows under KASAN. */
	rcu_barrier();
	kvfree_rcu_barrier();
}

/* An empty list has nothing to visit in any way. */
static void alist_empty(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *elm;
	struct visits v = {};

	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(list));
	iommu_attach_list_flush_begin(list);
	iommu_attach_list_for_each(elm, list)
		visit(&v, elm);
	iommu_attach_list_for_each_tag(elm, list)
		visit(&v, elm);
	iommu_attach_list_for_each_unit(elm, list)
		visit(&v, elm);
	iommu_attach_list_for_each_atc(elm, list)
		visit(&v, elm);
	iommu_attach_list_flush_end(list);
	scoped_guard(spinlock, &list->lock)
		iommu_attach_list_for_each_locked(elm, list)
			visit(&v, elm);
	KUNIT_EXPECT_EQ(test, v.nr, 0);

	att_add(test, list, 1, 0, 1, false);
	KUNIT_EXPECT_FALSE(test, iommu_attach_list_empty(list));
}

/* Whatever the order of adding: by unit, then by all 64 bits of the tag. */
static void alist_order(struct kunit *test)
{
	static const struct {
		int unit;
		u64 tag;
	} sorted[] = {
		{ 0, 0 }, { 0, 7 }, { 0, 1ULL << 32 }, { 0, U64_MAX },
		{ 1, 3 }, { 1, 1ULL << 63 }, { 2, 0 }, { 3, 0xffffffff },
	};
	/* Any multiplier coprime to the count gives another permutation. */
	static const int strides[] = { 1, 3, 5, 7 };
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *elm;
	int i, s;

	for (s = 0; s < ARRAY_SIZE(strides); s++) {
		struct visits v = {};

		for (i = 0; i < ARRAY_SIZE(sorted); i++) {
			int k = (i * strides[s] + s) % ARRAY_SIZE(sorted);

			att_add(test, list, k, sorted[k].unit, sorted[k].tag,
				false);
		}
		rcu_read_lock();
		iommu_attach_list_for_each(elm, list)
			visit(&v, elm);
		rcu_read_unlock();
		EXPECT_VISITS(test, &v, 0, 1, 2, 3, 4, 5, 6, 7);
		list_drain(list);
	}
}

/* Equal unit and tag: one visit, and the number of those it stands for. */
static void alist_sharing(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *elm;
	struct test_att *att[9];
	int i;

	for (i = 0; i < 9; i++)
		att[i] = att_add(test, list, i, 0, 5, i % 3 == 2);
	/* Neighbours that differ in one of the two do not count. */
	att_add(test, list, 10, 0, 6, false);
	att_add(test, list, 11, 1, 5, false);

	for (i = 0; i < 9; i++) {
		struct visits v = {};

		rcu_read_lock();
		iommu_attach_list_for_each_tag(elm, list) {
			visit(&v, elm);
			KUNIT_EXPECT_EQ(test, iommu_attach_elm_tag_users(elm),
					elm->tag == 5 && elm->unit == &units[0] ?
					9 - i : 1);
		}
		rcu_read_unlock();
		KUNIT_EXPECT_EQ(test, v.nr, 3);
		/* From both ends: a leader now, a member then. */
		att_remove(list, att[i % 2 ? 8 - i / 2 : i / 2]);
	}
}

static const int unit_counts[] = { 1, 2, NR_UNITS };

static void unit_count_desc(const int *nr, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%d unit(s)", *nr);
}

KUNIT_ARRAY_PARAM(unit_count, unit_counts, unit_count_desc);

/* Units and tags are visited once each, members by no flush at all. */
static void alist_groups(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	const int nr_units = *(const int *)test->param_value;
	struct iommu_attach_elm *elm, *unit;
	int u, t, d, units_seen = 0;

	for (d = 0; d < 16; d++)
		for (u = 0; u < nr_units; u++)
			for (t = 0; t < 3; t++)
				att_add(test, list, 0, u, t, false);

	iommu_attach_list_flush_begin(list);
	iommu_attach_list_for_each_unit(unit, list) {
		int tags_seen = 0;

		KUNIT_EXPECT_PTR_EQ(test, unit->unit, &units[units_seen]);
		iommu_attach_unit_for_each_tag(elm, unit, list) {
			KUNIT_EXPECT_PTR_EQ(test, elm->unit, unit->unit);
			KUNIT_EXPECT_EQ(test, elm->tag, tags_seen);
			KUNIT_EXPECT_EQ(test, iommu_attach_elm_tag_users(elm),
					16);
			tags_seen++;
		}
		KUNIT_EXPECT_EQ(test, tags_seen, 3);
		units_seen++;
	}
	iommu_attach_list_flush_end(list);
	KUNIT_EXPECT_EQ(test, units_seen, nr_units);
}

/* Every ATC once, wherever in its group it was added, and nothing else. */
static void alist_atc(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *elm;
	struct visits v = {};
	u32 seen = 0;

	att_add(test, list, 20, 0, 1, false);	/* led by one without */
	att_add(test, list, 0, 0, 1, true);
	att_add(test, list, 21, 0, 1, false);
	att_add(test, list, 1, 0, 1, true);
	att_add(test, list, 2, 0, 2, true);	/* led by one with */
	att_add(test, list, 22, 0, 2, false);
	att_add(test, list, 3, 0, 2, true);
	att_add(test, list, 23, 0, 3, false);	/* none */
	att_add(test, list, 24, 0, 3, false);
	att_add(test, list, 4, 0, 4, true);	/* alone */
	att_add(test, list, 25, 1, 1, false);	/* a unit without */
	att_add(test, list, 5, 2, 1, true);

	iommu_attach_list_flush_begin(list);
	iommu_attach_list_for_each_atc(elm, list) {
		visit(&v, elm);
		KUNIT_EXPECT_TRUE(test, elm->has_atc);
		seen |= BIT(to_att(elm)->id);
	}
	iommu_attach_list_flush_end(list);
	KUNIT_EXPECT_EQ(test, v.nr, 6);
	KUNIT_EXPECT_EQ(test, seen, GENMASK(5, 0));
}

/* A flush gets to know of ATCs that were added since it began, and only these. */
static void alist_atc_added(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct test_att *early = att_add(test, list, 0, 0, 1, true);
	struct test_att *plain = att_new(test, 1, 0, 1, false);
	struct test_att *late = att_new(test, 2, 1, 1, true);
	unsigned int begin;

	begin = iommu_attach_list_flush_begin(list);
	KUNIT_EXPECT_FALSE(test, iommu_attach_list_atc_added(list, begin));
	iommu_attach_list_flush_end(list);

	begin = iommu_attach_list_flush_begin(list);
	att_link(list, plain);
	att_remove(list, early);
	KUNIT_EXPECT_FALSE(test, iommu_attach_list_atc_added(list, begin));
	att_link(list, late);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_atc_added(list, begin));
	iommu_attach_list_flush_end(list);

	begin = iommu_attach_list_flush_begin(list);
	KUNIT_EXPECT_FALSE(test, iommu_attach_list_atc_added(list, begin));
	iommu_attach_list_flush_end(list);
}

/*
 * The cost of a flush does not grow with duplicates: the link that leads on
 * from the first of a thousand is made to fault, and no walk notices.
 */
static void alist_jumps_duplicates(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *elm, *unit, *dup = NULL;
	struct list_head *next;
	struct visits v = {};
	int i;

	for (i = 0; i < 1000; i++)
		att_add(test, list, 7, 0, 5, false);
	att_add(test, list, 1, 0, 5, true);
	att_add(test, list, 2, 0, 6, true);
	att_add(test, list, 3, 1, 0, false);

	/* The leader, the one with an ATC, then the first to be jumped. */
	i = 0;
	rcu_read_lock();
	iommu_attach_list_for_each(elm, list) {
		dup = elm;
		if (i++ == 2)
			break;
	}
	rcu_read_unlock();
	KUNIT_ASSERT_EQ(test, to_att(dup)->id, 7);
	next = dup->node.next;
	WRITE_ONCE(dup->node.next, LIST_POISON1);

	iommu_attach_list_flush_begin(list);
	iommu_attach_list_for_each_unit(unit, list) {
		iommu_attach_unit_for_each_tag(elm, unit, list)
			visit(&v, elm);
		iommu_attach_unit_for_each_atc(elm, unit, list)
			visit(&v, elm);
	}
	iommu_attach_list_flush_end(list);

	WRITE_ONCE(dup->node.next, next);
	EXPECT_VISITS(test, &v, 7, 2, 1, 2, 3);
}

/* A walk that stands on an element goes on from it when it is removed. */
static void alist_remove_current(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *elm;
	struct visits v = {};
	int i;

	for (i = 0; i < 12; i++)
		att_add(test, list, i / 3, i / 6, i / 3, i % 3 == 1);

	rcu_read_lock();
	iommu_attach_list_for_each(elm, list) {
		visit(&v, elm);
		att_remove(list, to_att(elm));
	}
	rcu_read_unlock();
	EXPECT_VISITS(test, &v, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3);
}

/* The group lives on under another leader, and was visited already. */
static void alist_remove_leader(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *elm;
	struct test_att *leader;
	struct visits v = {};

	leader = att_add(test, list, 1, 0, 1, false);
	att_add(test, list, 2, 0, 1, false);
	att_add(test, list, 3, 0, 2, false);

	rcu_read_lock();
	iommu_attach_list_for_each_tag(elm, list) {
		visit(&v, elm);
		if (elm == &leader->elm)
			att_remove(list, leader);
	}
	rcu_read_unlock();
	EXPECT_VISITS(test, &v, 1, 3);

	v.nr = 0;
	rcu_read_lock();
	iommu_attach_list_for_each_tag(elm, list)
		visit(&v, elm);
	rcu_read_unlock();
	EXPECT_VISITS(test, &v, 2, 3);
}

/*
 * Those with an ATC are found from the new leader and, when the walk stands on
 * the old one, from that; nothing without comes in between.
 */
static void alist_remove_leader_atc(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *unit, *elm;
	struct test_att *leader, *heir;
	struct visits v = {};

	leader = att_add(test, list, 0, 0, 1, false);
	att_add(test, list, 1, 0, 1, true);
	heir = att_add(test, list, 2, 0, 1, true);
	att_add(test, list, 3, 0, 1, false);
	att_add(test, list, 4, 0, 1, false);

	iommu_attach_list_flush_begin(list);
	iommu_attach_list_for_each_unit(unit, list) {
		KUNIT_EXPECT_PTR_EQ(test, unit, &leader->elm);
		att_remove(list, leader);
		iommu_attach_unit_for_each_atc(elm, unit, list)
			visit(&v, elm);
	}
	iommu_attach_list_flush_end(list);
	EXPECT_VISITS(test, &v, 2, 1);

	v.nr = 0;
	iommu_attach_list_flush_begin(list);
	iommu_attach_list_for_each_atc(elm, list)
		visit(&v, elm);
	iommu_attach_list_flush_end(list);
	EXPECT_VISITS(test, &v, 2, 1);

	/* Again, with one that has an ATC itself, in the middle of the walk. */
	v.nr = 0;
	iommu_attach_list_flush_begin(list);
	iommu_attach_list_for_each_atc(elm, list) {
		visit(&v, elm);
		if (elm == &heir->elm)
			att_remove(list, heir);
	}
	iommu_attach_list_flush_end(list);
	EXPECT_VISITS(test, &v, 2, 1);
}

/* All that lies ahead of a walk may go, and come, while it stands still. */
static void alist_remove_ahead(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct test_att *att[6], *late;
	struct iommu_attach_elm *elm;
	struct visits v = {};
	int i;

	for (i = 0; i < 6; i++)
		att[i] = att_add(test, list, i, 0, i, false);
	late = att_new(test, 10, 0, 3, false);

	rcu_read_lock();
	iommu_attach_list_for_each_tag(elm, list) {
		visit(&v, elm);
		if (to_att(elm)->id != 1)
			continue;
		/* The one it stands on, its successors, but for the last. */
		for (i = 1; i < 5; i++)
			att_remove(list, att[i]);
		att_link(list, late);
	}
	rcu_read_unlock();
	/* It left before 10 came: that is allowed to be missed. 5 is not. */
	KUNIT_ASSERT_LE(test, v.nr, 7);
	KUNIT_EXPECT_EQ(test, v.ids[0], 0);
	KUNIT_EXPECT_EQ(test, v.ids[1], 1);
	KUNIT_EXPECT_EQ(test, v.ids[v.nr - 1], 5);
}

/* A writer's walk visits exactly what is on the list, and may empty it. */
static void alist_locked_walk(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *elm;
	struct test_att *gone;
	struct visits v = {};

	att_add(test, list, 1, 0, 1, false);
	gone = att_add(test, list, 2, 0, 1, false);
	att_add(test, list, 3, 1, 1, true);

	rcu_read_lock();
	att_remove(list, gone);
	scoped_guard(spinlock, &list->lock) {
		iommu_attach_list_for_each_locked(elm, list) {
			visit(&v, elm);
			iommu_attach_list_remove(list, elm, to_att(elm));
		}
	}
	rcu_read_unlock();
	EXPECT_VISITS(test, &v, 1, 3);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(list));
}

/* An element may be added only once, and removed only from where it is. */
static void alist_misuse(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_list other;
	struct iommu_attach_elm *elm;
	struct test_att *att, *never;
	struct visits v = {};

	iommu_attach_list_init(&other);
	att_add(test, list, 1, 0, 1, false);
	att = att_add(test, list, 2, 0, 1, false);
	never = att_new(test, 3, 0, 1, false);

	kunit_warning_suppress(test) {
		att_link(list, att);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_FALSE(test, att_del(&other, att));
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_FALSE(test, att_del(list, never));
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_TRUE(test, att_del(list, att));
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_FALSE(test, att_del(list, att));
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	/* Nor may it come back before it was initialised again. */
	kunit_warning_suppress(test) {
		att_link(list, att);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}

	rcu_read_lock();
	iommu_attach_list_for_each(elm, list)
		visit(&v, elm);
	rcu_read_unlock();
	EXPECT_VISITS(test, &v, 1);
	kfree(never);
	kfree_rcu(att, elm.rcu);
}

/* Writers without the lock are told so. */
static void alist_unlocked_writer(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct test_att *att;

	if (!IS_ENABLED(CONFIG_PROVE_LOCKING))
		kunit_skip(test, "needs CONFIG_PROVE_LOCKING");

	att = att_new(test, 1, 0, 1, false);
	kunit_warning_suppress(test) {
		iommu_attach_list_add(list, &att->elm);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	/* A reader is not a writer. */
	kunit_warning_suppress(test) {
		rcu_read_lock();
		iommu_attach_walk_locked(list);
		rcu_read_unlock();
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	kunit_warning_suppress(test) {
		iommu_attach_list_remove(list, &att->elm, att);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
}

static bool log_contains(const char *text)
{
	struct kmsg_dump_iter iter;
	static char line[256];
	size_t len;

	kmsg_dump_rewind(&iter);
	while (kmsg_dump_get_line(&iter, false, line, sizeof(line) - 1, &len)) {
		line[len] = '\0';
		if (strstr(line, text))
			return true;
	}
	return false;
}

/*
 * Readers outside of a read-side critical section are told so. In one, be it
 * the lock's, they are not: no other test may have left the message behind.
 */
static void alist_unprotected_reader(struct kunit *test)
{
	static const char message[] = "attachment list walked without protection";
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *elm;
	struct visits v = {};
	static bool reported;

	if (!IS_ENABLED(CONFIG_PROVE_RCU))
		kunit_skip(test, "needs CONFIG_PROVE_RCU");

	att_add(test, list, 1, 0, 1, false);
	/* lockdep reports each place once. */
	if (!reported) {
		scoped_guard(spinlock, &list->lock)
			iommu_attach_list_for_each(elm, list)
				visit(&v, elm);
		rcu_read_lock();
		iommu_attach_list_for_each(elm, list)
			visit(&v, elm);
		rcu_read_unlock();
		KUNIT_EXPECT_FALSE(test, log_contains(message));
		kunit_info(test, "expect splat: suspicious RCU usage");
		iommu_attach_list_for_each(elm, list)
			visit(&v, elm);
		reported = true;
	}
	KUNIT_EXPECT_TRUE(test, log_contains(message));
}

/* Concurrency */

#define STRESS_TAGS	3
#define NR_GROUPS	(NR_UNITS * STRESS_TAGS)
#define STRESS_MS	2000

struct stress_att;

struct stress {
	struct kunit *test;
	struct iommu_attach_list *list;
	struct task_struct *tasks[8];
	int nr_tasks;
	struct stress_att *anchors[NR_GROUPS];
	atomic_t added;
	atomic_t freed;
	atomic_t walks;
	/* What went wrong, by kind. */
	atomic_t used_freed;
	atomic_t disorder;
	atomic_t unit_twice;
	atomic_t missed_tag;
	atomic_t missed_atc;
};

struct stress_att {
	struct test_att att;
	struct stress *stress;
};

static void stress_free_rcu(struct rcu_head *rcu)
{
	struct stress_att *s = container_of(rcu, struct stress_att,
					    att.elm.rcu);

	WRITE_ONCE(s->att.magic, MAGIC_FREED);
	atomic_inc(&s->stress->freed);
	kfree(s);
}

static struct stress_att *stress_att_new(struct stress *stress, int id,
					 int unit, u64 tag, bool atc)
{
	struct stress_att *s = kzalloc_obj(*s);

	if (!s)
		return NULL;
	s->stress = stress;
	s->att.magic = MAGIC_LIVE;
	s->att.id = id;
	iommu_attach_elm_init(&s->att.elm, &units[unit], tag, atc);
	scoped_guard(spinlock, &stress->list->lock)
		iommu_attach_list_add(stress->list, &s->att.elm);
	atomic_inc(&stress->added);
	return s;
}

static void stress_att_del(struct stress *stress, struct stress_att *s)
{
	scoped_guard(spinlock, &stress->list->lock)
		iommu_attach_list_del(stress->list, &s->att.elm);
	call_rcu(&s->att.elm.rcu, stress_free_rcu);
}

/* Keeps adding elements to all groups, and removing them in another order. */
static int stress_writer(void *data)
{
	struct stress_att *own[24] = {};
	struct stress *stress = data;
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, (unsigned long)current);
	while (!kthread_should_stop()) {
		i = prandom_u32_state(&rnd) % ARRAY_SIZE(own);
		if (own[i]) {
			stress_att_del(stress, own[i]);
			own[i] = NULL;
		} else {
			own[i] = stress_att_new(stress, -1, i % NR_UNITS,
						i % STRESS_TAGS, i % 2);
		}
		cond_resched();
	}
	for (i = 0; i < ARRAY_SIZE(own); i++)
		if (own[i])
			stress_att_del(stress, own[i]);
	return 0;
}

static void stress_visit(struct stress *stress, struct iommu_attach_elm *elm,
			 const struct iommu_attach_elm *prev)
{
	if (READ_ONCE(to_att(elm)->magic) != MAGIC_LIVE)
		atomic_inc(&stress->used_freed);
	if (prev && ((uintptr_t)elm->unit < (uintptr_t)prev->unit ||
		     (elm->unit == prev->unit && elm->tag < prev->tag)))
		atomic_inc(&stress->disorder);
}

/* One flush: which groups and which anchors it has visited. */
static void stress_flush(struct stress *stress, u32 *tags, u32 *atcs)
{
	struct iommu_attach_elm *unit, *elm, *prev, *prev_unit = NULL;

	iommu_attach_list_flush_begin(stress->list);
	iommu_attach_list_for_each_unit(unit, stress->list) {
		int u = unit->unit - units;

		if (prev_unit && prev_unit->unit == unit->unit)
			atomic_inc(&stress->unit_twice);
		prev_unit = unit;

		prev = NULL;
		iommu_attach_unit_for_each_tag(elm, unit, stress->list) {
			stress_visit(stress, elm, prev);
			prev = elm;
			*tags |= BIT(u * STRESS_TAGS + elm->tag);
		}
		iommu_attach_unit_for_each_atc(elm, unit, stress->list) {
			stress_visit(stress, elm, NULL);
			if (to_att(elm)->id >= 0)
				*atcs |= BIT(to_att(elm)->id);
		}
	}
	iommu_attach_list_flush_end(stress->list);
}

static int stress_reader(void *data)
{
	const u32 all = GENMASK(NR_GROUPS - 1, 0);
	struct stress *stress = data;
	u32 tags, atcs;

	while (!kthread_should_stop()) {
		tags = 0;
		atcs = 0;
		stress_flush(stress, &tags, &atcs);
		if (tags != all)
			atomic_inc(&stress->missed_tag);
		if (atcs != all)
			atomic_inc(&stress->missed_atc);
		atomic_inc(&stress->walks);
		cond_resched();
	}
	return 0;
}

static void stress_start(struct stress *stress, int (*fn)(void *data), int nr)
{
	struct task_struct *task;

	while (nr--) {
		task = kthread_run(fn, stress, "alist-stress");
		KUNIT_ASSERT_NOT_ERR_OR_NULL(stress->test, task);
		stress->tasks[stress->nr_tasks++] = task;
	}
}

/*
 * One attachment of each group, with an ATC, is there at every moment: it is
 * replaced all the time, so that it is led and leads in turn. A walk that has
 * passed the new one has to find the old one, hence the grace period.
 */
static int stress_anchor(void *data)
{
	struct stress_att *new, **old;
	struct stress *stress = data;
	int id = 0;

	while (!kthread_should_stop()) {
		id = (id + 1) % NR_GROUPS;
		old = &stress->anchors[id];
		new = stress_att_new(stress, id, id / STRESS_TAGS,
				     id % STRESS_TAGS, true);
		if (!new)
			continue;
		synchronize_rcu_expedited();
		stress_att_del(stress, *old);
		*old = new;
		cond_resched();
	}
	return 0;
}

/* No flush may miss an anchor, its group or its unit, or see what is freed. */
static void alist_stress(struct kunit *test)
{
	struct stress *stress;
	int i;

	stress = kunit_kzalloc(test, sizeof(*stress), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, stress);
	stress->test = test;
	stress->list = test->priv;
	for (i = 0; i < NR_GROUPS; i++) {
		stress->anchors[i] = stress_att_new(stress, i, i / STRESS_TAGS,
						    i % STRESS_TAGS, true);
		KUNIT_ASSERT_NOT_NULL(test, stress->anchors[i]);
	}

	stress_start(stress, stress_anchor, 1);
	stress_start(stress, stress_writer, 1);
	stress_start(stress, stress_reader, 2);
	msleep(STRESS_MS);
	while (stress->nr_tasks)
		kthread_stop(stress->tasks[--stress->nr_tasks]);
	for (i = 0; i < NR_GROUPS; i++)
		stress_att_del(stress, stress->anchors[i]);
	rcu_barrier();

	kunit_info(test, "%d added, %d freed, %d walks",
		   atomic_read(&stress->added), atomic_read(&stress->freed),
		   atomic_read(&stress->walks));
	KUNIT_EXPECT_GT(test, atomic_read(&stress->added), 100);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->walks), 100);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->freed),
			atomic_read(&stress->added));
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->used_freed), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->disorder), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->unit_twice), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->missed_tag), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->missed_atc), 0);
}

static struct kunit_case alist_test_cases[] = {
	KUNIT_CASE(alist_empty),
	KUNIT_CASE(alist_order),
	KUNIT_CASE(alist_sharing),
	KUNIT_CASE_PARAM(alist_groups, unit_count_gen_params),
	KUNIT_CASE(alist_atc),
	KUNIT_CASE(alist_atc_added),
	KUNIT_CASE(alist_jumps_duplicates),
	KUNIT_CASE(alist_remove_current),
	KUNIT_CASE(alist_remove_leader),
	KUNIT_CASE(alist_remove_leader_atc),
	KUNIT_CASE(alist_remove_ahead),
	KUNIT_CASE(alist_locked_walk),
	KUNIT_CASE(alist_misuse),
	KUNIT_CASE(alist_unlocked_writer),
	KUNIT_CASE(alist_unprotected_reader),
	KUNIT_CASE_SLOW(alist_stress),
	{}
};

static struct kunit_suite alist_test_suite = {
	.name = "iommu_alist",
	.init = alist_test_init,
	.exit = alist_test_exit,
	.test_cases = alist_test_cases,
};

kunit_test_suites(&alist_test_suite);

MODULE_DESCRIPTION("KUnit tests of the IOMMU attachment list");
MODULE_LICENSE("GPL");
