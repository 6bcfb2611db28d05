/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers for the KUnit tests of the IOMMU attachment list: attachments with
 * dummy IOMMUs and devices, and a record of the elements that a walk visits.
 */
#ifndef _IOMMU_TESTS_ALIST_FIXTURE_H
#define _IOMMU_TESTS_ALIST_FIXTURE_H

#include <kunit/test.h>
#include <linux/iommu.h>
#include <linux/iommu-alist.h>
#include <linux/slab.h>

#define NR_IOMMUS	4
/* Values of &test_att.magic, which reveal an element that has been freed */
#define MAGIC_LIVE	0xa11ce11ea11ce11eULL
#define MAGIC_FREED	0xdeadc0dedeadc0deULL

/* Dummies: the list uses only their addresses. */
static struct iommu_device iommus[NR_IOMMUS];
static struct device devices[2];

/* The element is not the first member, so that its offset is tested. */
struct test_att {
	u64 magic;
	int id;
	u64 tag;
	struct iommu_attach_elm elm;
};

static inline struct test_att *to_att(struct iommu_attach_elm *elm)
{
	return container_of(elm, struct test_att, elm);
}

static inline struct test_att *att_new(struct kunit *test, int id, int iommu,
				       u64 tag, bool atc)
{
	struct test_att *att = kzalloc_obj(*att);

	KUNIT_ASSERT_NOT_NULL(test, att);
	att->magic = MAGIC_LIVE;
	att->id = id;
	att->tag = tag;
	iommu_attach_elm_init(&att->elm, &iommus[iommu], &devices[0],
			      IOMMU_NO_PASID, atc);
	return att;
}

static inline int att_link(struct iommu_attach_list *list, struct test_att *att)
{
	guard(spinlock)(&list->lock);
	return iommu_attach_list_add(list, &att->elm, att->tag);
}

static inline struct test_att *att_add(struct kunit *test,
				       struct iommu_attach_list *list, int id,
				       int iommu, u64 tag, bool atc)
{
	struct test_att *att = att_new(test, id, iommu, tag, atc);

	KUNIT_ASSERT_EQ(test, att_link(list, att), 0);
	return att;
}

static inline void att_free_rcu(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct test_att, elm.rcu));
}

/*
 * Remove an attachment; if it was on the list, free it after a grace period.
 * Returns the value of iommu_attach_list_remove().
 */
static inline int att_remove_locked(struct iommu_attach_list *list,
				    struct test_att *att)
{
	int left = iommu_attach_list_remove(list, &att->elm);

	if (left >= 0)
		call_rcu(&att->elm.rcu, att_free_rcu);
	return left;
}

static inline int att_remove(struct iommu_attach_list *list,
			     struct test_att *att)
{
	guard(spinlock)(&list->lock);
	return att_remove_locked(list, att);
}

static inline void att_remove_all(struct iommu_attach_list *list)
{
	struct iommu_attach_elm *elm;

	guard(spinlock)(&list->lock);
	iommu_attach_list_for_each_locked(elm, list)
		att_remove_locked(list, to_att(elm));
}

/* Number and ids of the elements that a walk has visited, in order */
struct visits {
	int nr;
	int ids[32];
};

static inline void visit(struct visits *v, struct iommu_attach_elm *elm)
{
	if (v->nr < ARRAY_SIZE(v->ids))
		v->ids[v->nr] = to_att(elm)->id;
	v->nr++;
}

/* Visit all ATCs, IOMMU by IOMMU. The caller holds the RCU read lock. */
static inline void visit_atcs(struct visits *v, struct iommu_attach_list *list)
{
	struct iommu_attach_elm *first, *elm;

	iommu_attach_list_for_each_iommu(first, list)
		iommu_attach_for_each_atc(elm, first, list)
			visit(v, elm);
}

/* Callbacks for each suite. &kunit.priv points to a list, initially empty. */
static inline int alist_test_init(struct kunit *test)
{
	struct iommu_attach_list *list;

	list = kunit_kzalloc(test, sizeof(*list), GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	iommu_attach_list_init(list);
	test->priv = list;
	return 0;
}

static inline void alist_test_exit(struct kunit *test)
{
	struct iommu_attach_list *list = test->priv;

	if (!list)
		return;
	att_remove_all(list);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(list));
	KUNIT_EXPECT_TRUE(test, list_empty(&list->tags));
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&list->groups));
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&list->devices));
	KUNIT_EXPECT_EQ(test, list->nr_atcs, 0);
	/* Wait for pending frees: KASAN reports an element freed twice. */
	rcu_barrier();
}

#endif /* _IOMMU_TESTS_ALIST_FIXTURE_H */
