// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the IOMMU attachment list: walks, lookups, removal during a
 * walk, and detection of misuse.
 */

#include <linux/kmsg_dump.h>
#include <linux/poison.h>

#include "alist_fixture.h"

static struct test_att *att_add_device(struct kunit *test,
				       struct iommu_attach_list *list, int id,
				       struct device *dev, ioasid_t pasid)
{
	struct test_att *att = att_new(test, id, 0, 1, false);

	att->elm.dev = dev;
	att->elm.pasid = pasid;
	KUNIT_ASSERT_EQ(test, att_link(list, att), 0);
	return att;
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

/*
 * Visit all groups, IOMMU by IOMMU. The caller holds the RCU read lock or the
 * lock of the list.
 */
static void visit_tags(struct visits *v, struct iommu_attach_list *list)
{
	struct iommu_attach_elm *first, *elm;

	iommu_attach_list_for_each_iommu(first, list)
		iommu_attach_for_each_tag(elm, first, list)
			visit(v, elm);
}

static void visit_all(struct visits *v, struct iommu_attach_list *list)
{
	struct iommu_attach_elm *elm;

	guard(spinlock)(&list->lock);
	iommu_attach_list_for_each_locked(elm, list)
		visit(v, elm);
}

/* No walk visits anything on an empty list. */
static void alist_empty(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct visits v = {};

	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(list));
	iommu_attach_list_flush_begin(list);
	visit_tags(&v, list);
	visit_atcs(&v, list);
	iommu_attach_list_flush_end(list);
	visit_all(&v, list);
	KUNIT_EXPECT_EQ(test, v.nr, 0);

	att_add(test, list, 1, 0, 1, false);
	KUNIT_EXPECT_FALSE(test, iommu_attach_list_empty(list));
}

/* Elements are sorted by IOMMU, then by all 64 bits of the tag. */
static void alist_order(struct kunit *test)
{
	static const struct {
		int iommu;
		u64 tag;
	} sorted[] = {
		{ 0, 0 }, { 0, 7 }, { 0, 1ULL << 32 }, { 0, U64_MAX },
		{ 1, 3 }, { 1, 1ULL << 63 }, { 2, 0 }, { 3, 0xffffffff },
	};
	/* Strides coprime to the number of elements give permutations. */
	static const int strides[] = { 1, 3, 5, 7 };
	struct iommu_attach_list *list = test->priv;
	int i, s;

	for (s = 0; s < ARRAY_SIZE(strides); s++) {
		struct visits v = {};

		for (i = 0; i < ARRAY_SIZE(sorted); i++) {
			int k = (i * strides[s] + s) % ARRAY_SIZE(sorted);

			att_add(test, list, k, sorted[k].iommu, sorted[k].tag,
				false);
		}
		visit_all(&v, list);
		EXPECT_VISITS(test, &v, 0, 1, 2, 3, 4, 5, 6, 7);
		v.nr = 0;
		iommu_attach_list_flush_begin(list);
		visit_tags(&v, list);
		iommu_attach_list_flush_end(list);
		EXPECT_VISITS(test, &v, 0, 1, 2, 3, 4, 5, 6, 7);
		att_remove_all(list);
	}
}

/* A group is visited once, and its leader holds the number of its members. */
static void alist_sharing(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *first, *elm;
	struct test_att *att[9];
	int i;

	for (i = 0; i < 9; i++)
		att[i] = att_add(test, list, i, 0, 5, i % 3 == 2);
	/* Neighbours that differ in IOMMU or tag */
	att_add(test, list, 10, 0, 6, false);
	att_add(test, list, 11, 1, 5, false);

	for (i = 0; i < 9; i++) {
		int nr = 0;

		rcu_read_lock();
		iommu_attach_list_for_each_iommu(first, list) {
			iommu_attach_for_each_tag(elm, first, list) {
				bool shared = elm->iotlb_tag == 5 &&
					      elm->iommu == &iommus[0];

				KUNIT_EXPECT_EQ(test,
						iommu_attach_elm_tag_users(elm),
						shared ? 9 - i : 1);
				nr++;
			}
		}
		rcu_read_unlock();
		KUNIT_EXPECT_EQ(test, nr, 3);
		/* Remove from both ends: leaders and other members in turn. */
		att_remove(list, att[i % 2 ? 8 - i / 2 : i / 2]);
	}
}

/* A removal returns whether elements with the same IOMMU or tag are left. */
static void alist_left(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct test_att *a, *b, *c, *d, *e;

	a = att_add(test, list, 0, 1, 5, false);
	b = att_add(test, list, 1, 1, 5, true);
	c = att_add(test, list, 2, 1, 6, false);
	/* The same tags on other IOMMUs do not count. */
	d = att_add(test, list, 3, 0, 5, false);
	e = att_add(test, list, 4, 2, 6, false);

	KUNIT_EXPECT_EQ(test, att_remove(list, a), IOMMU_ATTACH_LEFT_TAG);
	KUNIT_EXPECT_EQ(test, att_remove(list, b), IOMMU_ATTACH_LEFT_IOMMU);
	KUNIT_EXPECT_EQ(test, att_remove(list, c), IOMMU_ATTACH_LEFT_NONE);
	KUNIT_EXPECT_EQ(test, att_remove(list, e), IOMMU_ATTACH_LEFT_NONE);
	KUNIT_EXPECT_EQ(test, att_remove(list, d), IOMMU_ATTACH_LEFT_NONE);
}

static int find_id(struct iommu_attach_list *list, struct device *dev,
		   ioasid_t pasid)
{
	struct iommu_attach_elm *elm;

	guard(spinlock)(&list->lock);
	elm = iommu_attach_list_find(list, dev, pasid);
	return elm ? to_att(elm)->id : -1;
}

/* A lookup by device and PASID finds the newest of several elements. */
static void alist_find(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct test_att *newest, *older;

	KUNIT_EXPECT_EQ(test, find_id(list, &devices[0], 1), -1);
	att_add_device(test, list, 0, &devices[0], 1);
	older = att_add_device(test, list, 1, &devices[0], 2);
	att_add_device(test, list, 2, &devices[1], 1);
	KUNIT_EXPECT_EQ(test, find_id(list, &devices[0], 1), 0);
	KUNIT_EXPECT_EQ(test, find_id(list, &devices[0], 2), 1);
	KUNIT_EXPECT_EQ(test, find_id(list, &devices[1], 1), 2);
	KUNIT_EXPECT_EQ(test, find_id(list, &devices[1], 2), -1);
	KUNIT_EXPECT_EQ(test, find_id(list, &devices[0], 0), -1);

	newest = att_add_device(test, list, 3, &devices[0], 2);
	KUNIT_EXPECT_EQ(test, find_id(list, &devices[0], 2), 3);
	att_remove(list, newest);
	KUNIT_EXPECT_EQ(test, find_id(list, &devices[0], 2), 1);
	newest = att_add_device(test, list, 4, &devices[0], 2);
	att_remove(list, older);
	KUNIT_EXPECT_EQ(test, find_id(list, &devices[0], 2), 4);
}

/* Each of many elements is found, in whatever order they were added. */
static void alist_find_many(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	const int nr = 257;
	int i, k;

	for (i = 0; i < nr; i++) {
		k = i * 100 % nr;
		att_add_device(test, list, k, &devices[k % 2], k / 2);
	}
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, find_id(list, &devices[i % 2], i / 2), i);
	KUNIT_EXPECT_EQ(test, find_id(list, &devices[1], nr), -1);
}

static int find_iommu_id(struct iommu_attach_list *list, int iommu)
{
	struct iommu_attach_elm *elm;

	guard(spinlock)(&list->lock);
	elm = iommu_attach_list_find_iommu(list, &iommus[iommu]);
	return elm ? to_att(elm)->id : -1;
}

/* A lookup by IOMMU finds the element with the lowest tag. */
static void alist_find_iommu(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct test_att *lowest;

	KUNIT_EXPECT_EQ(test, find_iommu_id(list, 1), -1);
	att_add(test, list, 0, 1, U64_MAX, false);
	lowest = att_add(test, list, 1, 1, 7, true);
	att_add(test, list, 2, 3, 0, false);
	KUNIT_EXPECT_EQ(test, find_iommu_id(list, 0), -1);
	KUNIT_EXPECT_EQ(test, find_iommu_id(list, 1), 1);
	KUNIT_EXPECT_EQ(test, find_iommu_id(list, 2), -1);
	KUNIT_EXPECT_EQ(test, find_iommu_id(list, 3), 2);
	att_remove(list, lowest);
	KUNIT_EXPECT_EQ(test, find_iommu_id(list, 1), 0);
}

static const int iommu_counts[] = { 1, 2, NR_IOMMUS };

static void iommu_count_desc(const int *nr, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%d IOMMU(s)", *nr);
}

KUNIT_ARRAY_PARAM(iommu_count, iommu_counts, iommu_count_desc);

/* Every IOMMU and every group is visited once. */
static void alist_groups(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	const int nr_iommus = *(const int *)test->param_value;
	struct iommu_attach_elm *elm, *first;
	int i, t, d, iommus_seen = 0;

	for (d = 0; d < 16; d++)
		for (i = 0; i < nr_iommus; i++)
			for (t = 0; t < 3; t++)
				att_add(test, list, 0, i, t, false);

	iommu_attach_list_flush_begin(list);
	iommu_attach_list_for_each_iommu(first, list) {
		int tags_seen = 0;

		KUNIT_EXPECT_PTR_EQ(test, first->iommu, &iommus[iommus_seen]);
		iommu_attach_for_each_tag(elm, first, list) {
			KUNIT_EXPECT_PTR_EQ(test, elm->iommu, first->iommu);
			KUNIT_EXPECT_EQ(test, elm->iotlb_tag, tags_seen);
			KUNIT_EXPECT_EQ(test, iommu_attach_elm_tag_users(elm),
					16);
			tags_seen++;
		}
		KUNIT_EXPECT_EQ(test, tags_seen, 3);
		iommus_seen++;
	}
	iommu_attach_list_flush_end(list);
	KUNIT_EXPECT_EQ(test, iommus_seen, nr_iommus);
}

/* Every element with an ATC is visited once, and no other element. */
static void alist_atc(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *first, *elm;
	struct visits v = {};
	u32 seen = 0;

	att_add(test, list, 20, 0, 1, false);	/* leader without an ATC */
	att_add(test, list, 0, 0, 1, true);
	att_add(test, list, 21, 0, 1, false);
	att_add(test, list, 1, 0, 1, true);
	att_add(test, list, 2, 0, 2, true);	/* leader with an ATC */
	att_add(test, list, 22, 0, 2, false);
	att_add(test, list, 3, 0, 2, true);
	att_add(test, list, 23, 0, 3, false);	/* group without ATCs */
	att_add(test, list, 24, 0, 3, false);
	att_add(test, list, 4, 0, 4, true);	/* group of one */
	att_add(test, list, 25, 1, 1, false);	/* IOMMU without ATCs */
	att_add(test, list, 5, 2, 1, true);
	att_add(test, list, 6, 3, 1, true);	/* same tag, next IOMMU */
	att_add(test, list, 7, 3, 2, true);	/* next group */

	iommu_attach_list_flush_begin(list);
	iommu_attach_list_for_each_iommu(first, list) {
		iommu_attach_for_each_atc(elm, first, list) {
			visit(&v, elm);
			KUNIT_EXPECT_TRUE(test, elm->has_atc);
			seen |= BIT(to_att(elm)->id);
		}
	}
	iommu_attach_list_flush_end(list);
	KUNIT_EXPECT_EQ(test, v.nr, 8);
	KUNIT_EXPECT_EQ(test, seen, GENMASK(7, 0));
}

/* A flush detects ATCs that were added since it began, and only these. */
static void alist_atc_added(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct test_att *early = att_add(test, list, 0, 0, 1, true);
	struct test_att *plain = att_new(test, 1, 0, 1, false);
	struct test_att *late = att_new(test, 2, 1, 1, true);
	struct visits v = {};
	unsigned int begin;

	begin = iommu_attach_list_flush_begin(list);
	KUNIT_EXPECT_FALSE(test, iommu_attach_list_atc_added(list, begin));
	iommu_attach_list_flush_end(list);

	begin = iommu_attach_list_flush_begin(list);
	att_link(list, plain);
	att_remove(list, early);
	KUNIT_EXPECT_FALSE(test, iommu_attach_list_atc_added(list, begin));
	visit_atcs(&v, list);
	KUNIT_EXPECT_EQ(test, v.nr, 0);
	att_link(list, late);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_atc_added(list, begin));
	/* A driver that waits for the IOTLB first finds the ATC by a walk. */
	iommu_attach_list_iotlb_done(list);
	visit_atcs(&v, list);
	EXPECT_VISITS(test, &v, 2);
	iommu_attach_list_flush_end(list);

	begin = iommu_attach_list_flush_begin(list);
	KUNIT_EXPECT_FALSE(test, iommu_attach_list_atc_added(list, begin));
	iommu_attach_list_flush_end(list);
}

/*
 * A flush detects an ATC that joins an existing group, whether the list had an
 * ATC before or not, and finds it by another walk.
 */
static void alist_atc_added_to_group(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct test_att *second, *third;
	struct visits v = {};
	unsigned int begin;

	att_add(test, list, 1, 0, 1, false);
	second = att_new(test, 2, 0, 1, true);
	third = att_new(test, 3, 0, 1, true);

	begin = iommu_attach_list_flush_begin(list);
	visit_atcs(&v, list);
	KUNIT_EXPECT_EQ(test, v.nr, 0);
	att_link(list, second);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_atc_added(list, begin));
	visit_atcs(&v, list);
	iommu_attach_list_flush_end(list);
	EXPECT_VISITS(test, &v, 2);

	v.nr = 0;
	begin = iommu_attach_list_flush_begin(list);
	visit_atcs(&v, list);
	att_link(list, third);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_atc_added(list, begin));
	visit_atcs(&v, list);
	iommu_attach_list_flush_end(list);
	KUNIT_ASSERT_EQ(test, v.nr, 3);
	KUNIT_EXPECT_EQ(test, v.ids[0], 2);
	KUNIT_EXPECT_EQ(test, v.ids[1] + v.ids[2], 5);
}

/* A flush detects an added ATC even if the counter of added ATCs wraps. */
static void alist_atc_added_wraps(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct test_att *att = att_new(test, 1, 0, 1, true);
	unsigned int begin;

	list->atcs_added = UINT_MAX;
	begin = iommu_attach_list_flush_begin(list);
	KUNIT_EXPECT_FALSE(test, iommu_attach_list_atc_added(list, begin));
	att_link(list, att);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_atc_added(list, begin));
	iommu_attach_list_flush_end(list);
}

/*
 * The removal of an ATC during a flush does not hide the ATC that replaces it
 * from the flush.
 */
static void alist_atc_replaced(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct test_att *old = att_add(test, list, 1, 0, 1, true);
	struct test_att *new = att_new(test, 2, 0, 2, true);
	struct visits v = {};
	unsigned int begin;

	begin = iommu_attach_list_flush_begin(list);
	att_link(list, new);
	att_remove(list, old);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_atc_added(list, begin));
	visit_atcs(&v, list);
	iommu_attach_list_flush_end(list);
	EXPECT_VISITS(test, &v, 2);
}

/* Initialising an element with an ATC enables the barrier that ATCs need. */
static void alist_atcs_exist(struct kunit *test)
{
	struct test_att *att = att_new(test, 1, 0, 1, true);

	KUNIT_EXPECT_TRUE(test, iommu_attach_atcs_exist);
	kfree(att);
}

/*
 * Members may be removed from a group in any order. The group keeps its place
 * among the groups and its other ATCs, and its number of members is correct.
 */
static void alist_group_shrinks(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *first, *elm;
	struct test_att *att[6];
	unsigned int out, in, i;

	/* Remove each pair of members, first number @out and then @in. */
	for (out = 0; out < 6; out++) {
		for (in = 0; in < 6; in++) {
			int atcs = 0, tags = 0, users = 0;

			if (in == out)
				continue;
			att_add(test, list, 10, 0, 4, false);
			for (i = 0; i < 6; i++)
				att[i] = att_add(test, list, i, 0, 5, i % 2);
			att_add(test, list, 11, 0, 6, true);
			KUNIT_EXPECT_EQ(test, att_remove(list, att[out]),
					IOMMU_ATTACH_LEFT_TAG);
			KUNIT_EXPECT_EQ(test, att_remove(list, att[in]),
					IOMMU_ATTACH_LEFT_TAG);

			iommu_attach_list_flush_begin(list);
			iommu_attach_list_for_each_iommu(first, list) {
				iommu_attach_for_each_tag(elm, first, list) {
					KUNIT_EXPECT_EQ(test, elm->iotlb_tag,
							4 + tags);
					if (tags++ == 1)
						users = iommu_attach_elm_tag_users(elm);
				}
				iommu_attach_for_each_atc(elm, first, list)
					atcs++;
			}
			iommu_attach_list_flush_end(list);
			KUNIT_EXPECT_EQ(test, tags, 3);
			KUNIT_EXPECT_EQ(test, users, 4);
			KUNIT_EXPECT_EQ(test, atcs, 4 - out % 2 - in % 2);
			att_remove_all(list);
		}
	}
}

/* Poison the forward link of @elm and return its previous value. */
static struct list_head *poison_next(struct iommu_attach_elm *elm)
{
	struct list_head *next = elm->node.next;

	WRITE_ONCE(elm->node.next, LIST_POISON1);
	return next;
}

/*
 * Of each group, a flush visits only the leader and the members with an ATC.
 * The forward link of the first member after these is poisoned, so a walk that
 * follows it faults.
 */
static void alist_skips_members(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *elm, *first, *member = NULL;
	struct list_head *next;
	struct visits v = {};
	int i;

	for (i = 0; i < 1000; i++)
		att_add(test, list, 7, 0, 5, false);
	att_add(test, list, 1, 0, 5, true);
	att_add(test, list, 2, 0, 6, true);
	att_add(test, list, 3, 1, 0, false);

	/* The leader, the element with an ATC, then the first other member */
	i = 0;
	scoped_guard(spinlock, &list->lock) {
		iommu_attach_list_for_each_locked(elm, list)
			if (i++ == 2)
				member = elm;
	}
	KUNIT_ASSERT_EQ(test, to_att(member)->id, 7);
	next = poison_next(member);

	iommu_attach_list_flush_begin(list);
	iommu_attach_list_for_each_iommu(first, list) {
		iommu_attach_for_each_tag(elm, first, list)
			visit(&v, elm);
		iommu_attach_for_each_atc(elm, first, list)
			visit(&v, elm);
	}
	iommu_attach_list_flush_end(list);

	WRITE_ONCE(member->node.next, next);
	EXPECT_VISITS(test, &v, 7, 2, 1, 2, 3);
}

/* Without ATCs on the list, a walk over ATCs visits no members at all. */
static void alist_skips_without_atcs(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct test_att *leader, *atc;
	struct list_head *next;
	struct visits v = {};

	leader = att_add(test, list, 1, 0, 5, false);
	att_add(test, list, 2, 0, 5, false);
	atc = att_add(test, list, 3, 0, 5, true);
	KUNIT_EXPECT_EQ(test, att_remove(list, atc), IOMMU_ATTACH_LEFT_TAG);
	next = poison_next(&leader->elm);

	iommu_attach_list_flush_begin(list);
	visit_atcs(&v, list);
	iommu_attach_list_flush_end(list);

	WRITE_ONCE(leader->elm.node.next, next);
	KUNIT_EXPECT_EQ(test, v.nr, 0);
	att_add(test, list, 4, 0, 5, true);
	iommu_attach_list_flush_begin(list);
	visit_atcs(&v, list);
	iommu_attach_list_flush_end(list);
	EXPECT_VISITS(test, &v, 4);
}

/* A walk continues from an element that is removed during the visit. */
static void alist_remove_current(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *first, *elm;
	struct visits v = {};
	int i;

	for (i = 0; i < 8; i++)
		att_add(test, list, i, i / 4, i % 4, i % 4 == 1);

	rcu_read_lock();
	iommu_attach_list_for_each_iommu(first, list) {
		iommu_attach_for_each_tag(elm, first, list) {
			visit(&v, elm);
			att_remove(list, to_att(elm));
		}
	}
	rcu_read_unlock();
	EXPECT_VISITS(test, &v, 0, 1, 2, 3, 4, 5, 6, 7);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(list));
}

/* A group is not visited again when its leader is removed during the visit. */
static void alist_remove_leader(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *first, *elm;
	struct test_att *leader;
	struct visits v = {};

	leader = att_add(test, list, 1, 0, 1, false);
	att_add(test, list, 2, 0, 1, false);
	att_add(test, list, 3, 0, 2, false);

	rcu_read_lock();
	iommu_attach_list_for_each_iommu(first, list) {
		iommu_attach_for_each_tag(elm, first, list) {
			visit(&v, elm);
			if (elm == &leader->elm)
				att_remove(list, leader);
		}
	}
	rcu_read_unlock();
	EXPECT_VISITS(test, &v, 1, 3);

	v.nr = 0;
	rcu_read_lock();
	visit_tags(&v, list);
	rcu_read_unlock();
	EXPECT_VISITS(test, &v, 2, 3);
}

/*
 * After the leader of a group has been removed, a walk that has already reached
 * it still finds the ATCs, and a new walk finds them from the new leader.
 */
static void alist_remove_leader_atc(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *first, *elm;
	struct test_att *leader, *next_leader;
	struct visits v = {};

	leader = att_add(test, list, 0, 0, 1, false);
	att_add(test, list, 1, 0, 1, true);
	next_leader = att_add(test, list, 2, 0, 1, true);
	att_add(test, list, 3, 0, 1, false);
	att_add(test, list, 4, 0, 1, false);

	iommu_attach_list_flush_begin(list);
	iommu_attach_list_for_each_iommu(first, list) {
		KUNIT_EXPECT_PTR_EQ(test, first, &leader->elm);
		att_remove(list, leader);
		iommu_attach_for_each_atc(elm, first, list)
			visit(&v, elm);
	}
	iommu_attach_list_flush_end(list);
	EXPECT_VISITS(test, &v, 2, 1);

	v.nr = 0;
	iommu_attach_list_flush_begin(list);
	visit_atcs(&v, list);
	iommu_attach_list_flush_end(list);
	EXPECT_VISITS(test, &v, 2, 1);

	/* The same for a leader with an ATC, during its visit */
	v.nr = 0;
	iommu_attach_list_flush_begin(list);
	iommu_attach_list_for_each_iommu(first, list) {
		iommu_attach_for_each_atc(elm, first, list) {
			visit(&v, elm);
			if (elm == &next_leader->elm)
				att_remove(list, next_leader);
		}
	}
	iommu_attach_list_flush_end(list);
	EXPECT_VISITS(test, &v, 2, 1);
}

/* Elements ahead of a walk may be removed and added. */
static void alist_remove_ahead(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_elm *first, *elm;
	struct test_att *att[6], *late;
	struct visits v = {};
	int i;

	for (i = 0; i < 6; i++)
		att[i] = att_add(test, list, i, 0, i, false);
	late = att_new(test, 10, 0, 3, false);

	rcu_read_lock();
	iommu_attach_list_for_each_iommu(first, list) {
		iommu_attach_for_each_tag(elm, first, list) {
			visit(&v, elm);
			if (to_att(elm)->id != 1)
				continue;
			/* The current element and all ahead but the last */
			for (i = 1; i < 5; i++)
				att_remove(list, att[i]);
			KUNIT_EXPECT_EQ(test, att_link(list, late), 0);
		}
	}
	rcu_read_unlock();
	/* The walk may miss 10, which was added late, but not 5. */
	KUNIT_ASSERT_LE(test, v.nr, 7);
	KUNIT_EXPECT_EQ(test, v.ids[0], 0);
	KUNIT_EXPECT_EQ(test, v.ids[1], 1);
	KUNIT_EXPECT_EQ(test, v.ids[v.nr - 1], 5);
}

/* A walk under the lock visits no removed element, and may empty the list. */
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
			att_remove_locked(list, to_att(elm));
		}
	}
	rcu_read_unlock();
	EXPECT_VISITS(test, &v, 1, 3);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(list));
}

/* The lock may be taken with interrupts disabled. */
static void alist_irqs_disabled(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct test_att *att = att_new(test, 1, 0, 1, true);
	unsigned long flags;
	int left;

	spin_lock_irqsave(&list->lock, flags);
	KUNIT_EXPECT_EQ(test, iommu_attach_list_add(list, &att->elm, att->tag),
			0);
	KUNIT_EXPECT_PTR_EQ(test, iommu_attach_list_find(list, att->elm.dev,
							 att->elm.pasid),
			    &att->elm);
	left = att_remove_locked(list, att);
	KUNIT_EXPECT_TRUE(test, irqs_disabled());
	spin_unlock_irqrestore(&list->lock, flags);
	KUNIT_EXPECT_EQ(test, left, IOMMU_ATTACH_LEFT_NONE);
}

/* Adding an element twice or removing it from another list fails and warns. */
static void alist_misuse(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct iommu_attach_list other;
	struct test_att *att, *never;
	struct visits v = {};

	iommu_attach_list_init(&other);
	att_add(test, list, 1, 0, 1, false);
	att = att_add(test, list, 2, 0, 1, false);
	never = att_new(test, 3, 0, 1, false);

	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, att_link(list, att), -EBUSY);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, att_link(&other, att), -EBUSY);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, att_remove(&other, att), -EINVAL);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, att_remove(list, never), -EINVAL);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	scoped_guard(spinlock, &list->lock)
		KUNIT_EXPECT_EQ(test,
				iommu_attach_list_remove(list, &att->elm),
				IOMMU_ATTACH_LEFT_TAG);
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, att_remove(list, att), -EINVAL);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, att_link(list, att), -EBUSY);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	call_rcu(&att->elm.rcu, att_free_rcu);

	visit_all(&v, list);
	EXPECT_VISITS(test, &v, 1);
	kfree(never);
}

/* lockdep reports writers that do not hold the lock. */
static void alist_unlocked_writer(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;
	struct test_att *att;

	if (!IS_ENABLED(CONFIG_PROVE_LOCKING))
		kunit_skip(test, "needs CONFIG_PROVE_LOCKING");

	att = att_new(test, 1, 0, 1, false);
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, iommu_attach_list_add(list, &att->elm, 1),
				0);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	/* An RCU read-side critical section is not enough. */
	kunit_warning_suppress(test) {
		rcu_read_lock();
		iommu_attach_walk_locked(list);
		rcu_read_unlock();
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	kunit_warning_suppress(test) {
		iommu_attach_list_find(list, &devices[0], 0);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	att_remove(list, att);
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
 * lockdep reports readers that hold neither the RCU read lock nor the lock of
 * the list. No other test leaves the same message in the log.
 */
static void alist_unprotected_reader(struct kunit *test)
{
	static const char message[] = "attachment list walked without protection";
	struct iommu_attach_list *list = test->priv;
	struct visits v = {};
	static bool reported;

	if (!IS_ENABLED(CONFIG_PROVE_RCU))
		kunit_skip(test, "needs CONFIG_PROVE_RCU");

	att_add(test, list, 1, 0, 1, false);
	/* RCU_LOCKDEP_WARN() reports each place only once. */
	if (!reported) {
		scoped_guard(spinlock, &list->lock)
			visit_tags(&v, list);
		rcu_read_lock();
		visit_tags(&v, list);
		rcu_read_unlock();
		KUNIT_EXPECT_FALSE(test, log_contains(message));
		kunit_info(test, "expect splat: suspicious RCU usage");
		visit_tags(&v, list);
		reported = true;
	}
	KUNIT_EXPECT_TRUE(test, log_contains(message));
}

static struct kunit_case alist_test_cases[] = {
	KUNIT_CASE(alist_empty),
	KUNIT_CASE(alist_order),
	KUNIT_CASE(alist_sharing),
	KUNIT_CASE(alist_left),
	KUNIT_CASE(alist_find),
	KUNIT_CASE(alist_find_many),
	KUNIT_CASE(alist_find_iommu),
	KUNIT_CASE_PARAM(alist_groups, iommu_count_gen_params),
	KUNIT_CASE(alist_atc),
	KUNIT_CASE(alist_atc_added),
	KUNIT_CASE(alist_atc_added_to_group),
	KUNIT_CASE(alist_atc_added_wraps),
	KUNIT_CASE(alist_atc_replaced),
	KUNIT_CASE(alist_atcs_exist),
	KUNIT_CASE(alist_group_shrinks),
	KUNIT_CASE(alist_skips_members),
	KUNIT_CASE(alist_skips_without_atcs),
	KUNIT_CASE(alist_remove_current),
	KUNIT_CASE(alist_remove_leader),
	KUNIT_CASE(alist_remove_leader_atc),
	KUNIT_CASE(alist_remove_ahead),
	KUNIT_CASE(alist_locked_walk),
	KUNIT_CASE(alist_irqs_disabled),
	KUNIT_CASE(alist_misuse),
	KUNIT_CASE(alist_unlocked_writer),
	KUNIT_CASE(alist_unprotected_reader),
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
