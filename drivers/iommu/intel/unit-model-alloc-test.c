// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of memory, on units made of memory: an attach that lacks it
 * changes nothing, whatever is attached in whatever way, and an invalidation
 * needs none.
 */

#include <linux/mm.h>
#include <linux/tracepoint.h>
#include <trace/events/kmem.h>

#include "../iommu-priv.h"
#include "unit-model-kunit.h"

static void check_guest(struct kunit *test, struct ut_failing *f, bool attached)
{
	if (attached) {
		ut_check_guest(test, f->guest, f->dev, f->pasid);
	} else {
		ut_check_attached(test, f->before, f->dev, IOMMU_NO_PASID);
		if (f->pasid != IOMMU_NO_PASID)
			ut_check_detached(test, f->dev, f->pasid);
	}
	ut_check_guest(test, f->guest, f->sibling, f->pasid);
}

/* B3 and B9: neither the device suffers from it nor another. */
static void failed_nested_attach_changes_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct ut_guest guest = {};
	struct ut_failing f = {
		.dev = ut_dev(t),
		.pasid = t->pasid,
		.check = check_guest,
		.sibling = ut_sibling(t),
		.guest = &guest,
	};

	f.before = iommu_get_domain_for_dev(f.dev);
	ut_new_guest(test, f.dev, &guest);
	f.domain = guest.domain;
	KUNIT_ASSERT_EQ(test, ut_attach(f.domain, f.sibling, f.pasid), 0);
	ut_fail_each(test, &f);
	ut_detach(f.domain, f.sibling, f.pasid);
}

/* What a PASID has, if the guest is not the only one that may have it. */
static void check_exchanged(struct kunit *test, struct ut_failing *f,
			    bool attached)
{
	struct iommu_domain *domain = attached ? f->domain : f->old;

	if (domain == f->guest->domain)
		ut_check_guest(test, f->guest, f->dev, f->pasid);
	else
		ut_check_attached(test, domain, f->dev, f->pasid);
	ut_check_attached(test, f->before, f->dev, IOMMU_NO_PASID);
}

static void fail_exchange(struct kunit *test, struct ut_guest *guest,
			  struct iommu_domain *old, struct iommu_domain *domain)
{
	const struct ut_topology *t = test->param_value;
	struct ut_failing f = {
		.dev = ut_dev(t),
		.pasid = PASID,
		.old = old,
		.domain = domain,
		.guest = guest,
		.check = check_exchanged,
	};

	f.before = iommu_get_domain_for_dev(f.dev);
	KUNIT_ASSERT_EQ(test, ut_attach(old, f.dev, PASID), 0);
	ut_fail_each(test, &f);
	ut_detach(old, f.dev, PASID);
}

static const struct ut_topology pasid_topologies[] = {
	{ "no ATS", MODEL_FS, 0, PASID },
	{ "ATS", MODEL_FS, 1, PASID },
	{ "ATS, caching mode", MODEL_FS_CM, 1, PASID },
};

KUNIT_ARRAY_PARAM_DESC(pasid, pasid_topologies, name);

/* A PASID gets a guest's domain for one of its own, or the other way round. */
static void failed_nested_replace_changes_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_domain *domain = ut_new_domain(test, ut_dev(t), 0);
	struct ut_guest guest = {};

	ut_new_guest(test, ut_dev(t), &guest);
	fail_exchange(test, &guest, domain, guest.domain);
	fail_exchange(test, &guest, guest.domain, domain);
	fail_exchange(test, &guest, guest.parent, guest.domain);
}

/* What a PASID gets, none of whose neighbours has ever had anything */
static const struct fresh_case {
	const char *name;
	enum model_unit_id unit;
	unsigned int type;
} fresh_cases[] = {
	{ "second stage", MODEL_SS, IOMMU_DOMAIN_UNMANAGED },
	{ "first stage", MODEL_FS, IOMMU_DOMAIN_UNMANAGED },
	{ "nested", MODEL_FS, IOMMU_DOMAIN_NESTED },
	{ "identity", MODEL_FS, IOMMU_DOMAIN_IDENTITY },
};

KUNIT_ARRAY_PARAM_DESC(fresh, fresh_cases, name);

/* Of 64, which share a table, the first */
#define FRESH_PASID(c)	(1024 + 64 * ((c) - fresh_cases))

static void check_fresh(struct kunit *test, struct ut_failing *f, bool attached)
{
	if (!attached)
		ut_check_detached(test, f->dev, f->pasid);
	else if (f->guest)
		ut_check_guest(test, f->guest, f->dev, f->pasid);
	else if (f->domain->type == IOMMU_DOMAIN_IDENTITY)
		KUNIT_EXPECT_TRUE(test, ut_reaches(f->dev, f->pasid, IOVA));
	else
		ut_check_attached(test, f->domain, f->dev, f->pasid);
	ut_check_attached(test, f->before, f->dev, IOMMU_NO_PASID);
}

/* The table of the PASID is among what there may be no memory for. */
static void failed_table_changes_nothing(struct kunit *test)
{
	const struct fresh_case *c = test->param_value;
	struct ut_guest guest = {};
	struct ut_failing f = {
		.dev = model_dev(c->unit, 1),
		.pasid = FRESH_PASID(c),
		.check = check_fresh,
	};

	f.before = ut_new_domain(test, f.dev, 0);
	KUNIT_ASSERT_EQ(test, ut_attach(f.before, f.dev, IOMMU_NO_PASID), 0);
	switch (c->type) {
	case IOMMU_DOMAIN_NESTED:
		ut_new_guest(test, f.dev, &guest);
		f.guest = &guest;
		f.domain = guest.domain;
		break;
	case IOMMU_DOMAIN_IDENTITY:
		f.domain = dev_iommu_ops(f.dev)->identity_domain;
		break;
	default:
		f.domain = ut_new_domain(test, f.dev, 0);
		break;
	}
	ut_fail_each(test, &f);
	ut_detach(f.before, f.dev, IOMMU_NO_PASID);
}

/**
 * struct failing_bind - of a device to the memory of this task
 * @f: How it fails.
 * @sva: How it is bound.
 * @addr: A page of the memory.
 * @pa: Where that is.
 * @other: How another device is bound, NULL if none is.
 */
struct failing_bind {
	struct ut_failing f;
	struct iommu_sva *sva;
	u64 addr;
	phys_addr_t pa;
	struct iommu_sva *other;
};

static int bind(struct ut_failing *f)
{
	struct failing_bind *b = container_of(f, struct failing_bind, f);

	b->sva = iommu_sva_bind_device(f->dev, current->mm);
	return PTR_ERR_OR_ZERO(b->sva);
}

static void unbind(struct ut_failing *f)
{
	iommu_sva_unbind_device(container_of(f, struct failing_bind, f)->sva);
}

static bool reaches_memory(const struct failing_bind *b, struct device *dev)
{
	ioasid_t pasid = mm_get_enqcmd_pasid(current->mm);

	return pasid != IOMMU_PASID_INVALID &&
	       ut_reaches_at(dev, pasid, b->addr, b->pa);
}

static void check_bind(struct kunit *test, struct ut_failing *f, bool bound)
{
	struct failing_bind *b = container_of(f, struct failing_bind, f);

	ut_check_attached(test, f->before, f->dev, IOMMU_NO_PASID);
	KUNIT_EXPECT_EQ(test, reaches_memory(b, f->dev), bound);
	KUNIT_EXPECT_EQ(test, reaches_memory(b, f->sibling), !!b->other);
}

static const struct bind_case {
	const char *name;
	enum model_unit_id unit;
} bind_cases[] = {
	{ "both stages", MODEL_FS },
	{ "caching mode", MODEL_FS_CM },
};

KUNIT_ARRAY_PARAM_DESC(bind, bind_cases, name);

/* For the first device of an address space, and for one that follows */
static void failed_bind_changes_nothing(struct kunit *test)
{
	const struct bind_case *c = test->param_value;
	struct failing_bind b = {
		.f = {
			.dev = model_dev(c->unit, 1),
			.sibling = model_dev(c->unit, 2),
			.attempt = bind,
			.undo = unbind,
			.check = check_bind,
		},
	};
	void __user *addr = ut_new_user_page(test);

	b.addr = (u64)(uintptr_t)addr;
	b.pa = ut_user_pa(test, addr);
	b.f.before = iommu_get_domain_for_dev(b.f.dev);
	ut_fail_each(test, &b.f);

	b.other = iommu_sva_bind_device(b.f.sibling, current->mm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b.other);
	ut_fail_each(test, &b.f);
	iommu_sva_unbind_device(b.other);
}

/* Invalidation */

/**
 * struct allocations - those of a task
 * @task: The task.
 * @count: How many there were.
 */
struct allocations {
	struct task_struct *task;
	unsigned int count;
};

static void note_allocation(struct allocations *a)
{
	if (current == a->task && in_task())
		a->count++;
}

static void note_kmalloc(void *data, unsigned long call_site, const void *ptr,
			 size_t bytes_req, size_t bytes_alloc, gfp_t gfp_flags,
			 int node)
{
	note_allocation(data);
}

static void note_kmem_cache_alloc(void *data, unsigned long call_site,
				  const void *ptr, struct kmem_cache *cache,
				  gfp_t gfp_flags, int node)
{
	note_allocation(data);
}

static void note_page(void *data, struct page *page, unsigned int order,
		      gfp_t gfp_flags, int migratetype)
{
	note_allocation(data);
}

static void forget_kmalloc(void *data)
{
	unregister_trace_kmalloc(note_kmalloc, data);
	tracepoint_synchronize_unregister();
}

static void forget_kmem_cache_alloc(void *data)
{
	unregister_trace_kmem_cache_alloc(note_kmem_cache_alloc, data);
	tracepoint_synchronize_unregister();
}

static void forget_pages(void *data)
{
	unregister_trace_mm_page_alloc(note_page, data);
	tracepoint_synchronize_unregister();
}

/* From here to the end of the test; what the probes need does not count. */
static void note_allocations(struct kunit *test, struct allocations *a)
{
	KUNIT_ASSERT_EQ(test, register_trace_kmalloc(note_kmalloc, a), 0);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, forget_kmalloc, a), 0);
	KUNIT_ASSERT_EQ(test,
			register_trace_kmem_cache_alloc(note_kmem_cache_alloc,
							a), 0);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, forget_kmem_cache_alloc,
						  a), 0);
	KUNIT_ASSERT_EQ(test, register_trace_mm_page_alloc(note_page, a), 0);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, forget_pages, a), 0);
	a->task = current;
}

static const struct ut_topology flushed_topologies[] = {
	{ "legacy, ATS", MODEL_LEGACY, 1, IOMMU_NO_PASID },
	{ "legacy, caching mode", MODEL_LEGACY_CM, 0, IOMMU_NO_PASID },
	{ "legacy, no page selection", MODEL_LEGACY_OLD, 0, IOMMU_NO_PASID },
	{ "legacy, no queue", MODEL_REGISTERS, 0, IOMMU_NO_PASID },
	{ "second stage, PASID, ATS", MODEL_SS, 1, PASID },
	{ "second stage, caching mode", MODEL_SS_CM, 0, IOMMU_NO_PASID },
	{ "first stage, PASID, ATS", MODEL_FS, 1, PASID },
	{ "first stage, caching mode", MODEL_FS_CM, 0, IOMMU_NO_PASID },
};

KUNIT_ARRAY_PARAM_DESC(flushed, flushed_topologies, name);

/* R1: with all tables there, neither a map nor an unmap allocates anything. */
static void flush_allocates_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	phys_addr_t pa = ut_new_page(test);
	struct allocations *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	ut_map(test, domain, pa);
	ut_unmap(test, domain);

	note_allocations(test, a);
	for (i = 0; i < 3; i++) {
		ut_map(test, domain, pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, pa));
		ut_unmap(test, domain);
	}
	KUNIT_EXPECT_EQ(test, a->count, 0);
	/* Or it has not looked. */
	kfree(kmalloc(1, GFP_KERNEL));
	KUNIT_EXPECT_GT(test, a->count, 0);
	ut_detach(domain, dev, t->pasid);
}

static struct kunit_case alloc_cases[] = {
	KUNIT_CASE_PARAM(failed_nested_attach_changes_nothing,
			 ut_nested_gen_params),
	KUNIT_CASE_PARAM(failed_nested_replace_changes_nothing, pasid_gen_params),
	KUNIT_CASE_PARAM(failed_table_changes_nothing, fresh_gen_params),
	KUNIT_CASE_PARAM(failed_bind_changes_nothing, bind_gen_params),
	KUNIT_CASE_PARAM(flush_allocates_nothing, flushed_gen_params),
	{}
};

static struct kunit_suite alloc_suite = {
	.name = "intel_iommu_unit_alloc",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = alloc_cases,
};

kunit_test_suites(&alloc_suite);

MODULE_DESCRIPTION("KUnit tests of memory on Intel IOMMU units made of memory");
MODULE_LICENSE("GPL");
