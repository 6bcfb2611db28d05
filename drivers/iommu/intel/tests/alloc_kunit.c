// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of memory allocation on mock IOMMUs.
 *
 * The tests make each allocation of an attach fail in turn: the attach must
 * fail without any effect on the device or on other devices. An attach must not
 * allocate atomically, and a flush must not allocate at all.
 */

#include <linux/mm.h>
#include <linux/tracepoint.h>
#include <trace/events/kmem.h>

#include "../../iommu-priv.h"
#include "fixture.h"

/* Paging domains */

static void alloc_check_sibling(struct kunit *test, struct ut_failing *f,
				bool attached)
{
	ut_check_attached(test, f->domain, f->sibling, f->pasid);
}

/* A failed attach does not affect another device that uses the domain. */
static void failed_attach_spares_others(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct ut_failing f = {
		.dev = ut_dev(t),
		.pasid = t->pasid,
		.sibling = ut_sibling(t),
		.check = alloc_check_sibling,
	};

	f.domain = ut_new_domain(test, f.sibling, t->flags);
	KUNIT_ASSERT_EQ(test, ut_attach(f.domain, f.sibling, t->pasid), 0);
	ut_fail_each(test, &f);
	ut_detach(f.domain, f.sibling, t->pasid);
}

static void alloc_check_device(struct kunit *test, struct ut_failing *f,
			       bool attached)
{
	if (attached) {
		ut_check_attached(test, f->domain, f->dev, f->pasid);
		return;
	}
	ut_check_attached(test, f->before, f->dev, IOMMU_NO_PASID);
	if (f->old)
		ut_check_attached(test, f->old, f->dev, f->pasid);
	else if (f->pasid != IOMMU_NO_PASID)
		ut_check_detached(test, f->dev, f->pasid);
}

/* If an attach fails, the device keeps its previous domain. */
static void failed_attach_changes_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct ut_failing f = {
		.dev = ut_dev(t),
		.pasid = t->pasid,
		.check = alloc_check_device,
	};

	f.before = iommu_get_domain_for_dev(f.dev);
	f.domain = ut_new_domain(test, f.dev, t->flags);
	ut_fail_each(test, &f);
}

/* If a replacement fails, the PASID keeps the old domain. */
static void failed_replace_changes_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct ut_failing f = {
		.dev = ut_dev(t),
		.pasid = PASID,
		.check = alloc_check_device,
	};

	f.before = iommu_get_domain_for_dev(f.dev);
	f.domain = ut_new_domain(test, f.dev, t->flags);
	f.old = ut_new_domain(test, f.dev, t->flags);
	KUNIT_ASSERT_EQ(test, ut_attach(f.old, f.dev, PASID), 0);
	ut_fail_each(test, &f);
	ut_detach(f.old, f.dev, PASID);
}

/* Nested domains */

static void alloc_check_guest(struct kunit *test, struct ut_failing *f,
			      bool attached)
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

/*
 * A failed attach of a nested domain affects neither the device nor another one
 * that uses the domain.
 */
static void failed_nested_attach_changes_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct ut_guest guest = {};
	struct ut_failing f = {
		.dev = ut_dev(t),
		.pasid = t->pasid,
		.check = alloc_check_guest,
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

/* The PASID uses the new domain after a success, and the old one otherwise. */
static void alloc_check_exchanged(struct kunit *test, struct ut_failing *f,
				  bool attached)
{
	struct iommu_domain *domain = attached ? f->domain : f->old;

	if (domain == f->guest->domain)
		ut_check_guest(test, f->guest, f->dev, f->pasid);
	else
		ut_check_attached(test, domain, f->dev, f->pasid);
	ut_check_attached(test, f->before, f->dev, IOMMU_NO_PASID);
}

static void alloc_fail_exchange(struct kunit *test, struct ut_guest *guest,
				struct iommu_domain *old,
				struct iommu_domain *domain)
{
	const struct ut_topology *t = test->param_value;
	struct ut_failing f = {
		.dev = ut_dev(t),
		.pasid = PASID,
		.old = old,
		.domain = domain,
		.guest = guest,
		.check = alloc_check_exchanged,
	};

	f.before = iommu_get_domain_for_dev(f.dev);
	KUNIT_ASSERT_EQ(test, ut_attach(old, f.dev, PASID), 0);
	ut_fail_each(test, &f);
	ut_detach(old, f.dev, PASID);
}

static const struct ut_topology alloc_pasid_topologies[] = {
	{ "no ATS", MOCK_FS, 0, PASID },
	{ "ATS", MOCK_FS, 1, PASID },
	{ "ATS, caching mode", MOCK_FS_CM, 1, PASID },
};

KUNIT_ARRAY_PARAM_DESC(alloc_pasid, alloc_pasid_topologies, name);

/* Replacements between nested and paging domains, in both directions. */
static void failed_nested_replace_changes_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_domain *domain = ut_new_domain(test, ut_dev(t), 0);
	struct ut_guest guest = {};

	ut_new_guest(test, ut_dev(t), &guest);
	alloc_fail_exchange(test, &guest, domain, guest.domain);
	alloc_fail_exchange(test, &guest, guest.domain, domain);
	alloc_fail_exchange(test, &guest, guest.parent, guest.domain);
}

/* Domains for PASIDs whose PASID table has not been allocated yet */
static const struct alloc_fresh_case {
	const char *name;
	enum mock_iommu_id iommu;
	unsigned int type;
} alloc_fresh_cases[] = {
	{ "second stage", MOCK_SS, IOMMU_DOMAIN_UNMANAGED },
	{ "first stage", MOCK_FS, IOMMU_DOMAIN_UNMANAGED },
	{ "nested", MOCK_FS, IOMMU_DOMAIN_NESTED },
	{ "identity", MOCK_FS, IOMMU_DOMAIN_IDENTITY },
};

KUNIT_ARRAY_PARAM_DESC(fresh, alloc_fresh_cases, name);

/* First PASID of a PASID table of 64 entries that only the case @c uses */
#define ALLOC_FRESH_PASID(c)	(1024 + 64 * ((c) - alloc_fresh_cases))

/* @guest is filled in if the domain is nested. */
static struct iommu_domain *alloc_fresh_domain(struct kunit *test,
					       const struct alloc_fresh_case *c,
					       struct device *dev,
					       struct ut_guest *guest)
{
	switch (c->type) {
	case IOMMU_DOMAIN_NESTED:
		ut_new_guest(test, dev, guest);
		return guest->domain;
	case IOMMU_DOMAIN_IDENTITY:
		return dev_iommu_ops(dev)->identity_domain;
	default:
		return ut_new_domain(test, dev, 0);
	}
}

static void alloc_check_fresh(struct kunit *test, struct ut_failing *f,
			      bool attached)
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

/* An attach also fails cleanly if it cannot allocate the PASID table. */
static void failed_pasid_table_changes_nothing(struct kunit *test)
{
	const struct alloc_fresh_case *c = test->param_value;
	struct ut_guest guest = {};
	struct ut_failing f = {
		.dev = mock_dev(c->iommu, 1),
		.pasid = ALLOC_FRESH_PASID(c),
		.check = alloc_check_fresh,
	};

	f.before = ut_new_domain(test, f.dev, 0);
	KUNIT_ASSERT_EQ(test, ut_attach(f.before, f.dev, IOMMU_NO_PASID), 0);
	f.domain = alloc_fresh_domain(test, c, f.dev, &guest);
	if (c->type == IOMMU_DOMAIN_NESTED)
		f.guest = &guest;
	ut_fail_each(test, &f);
	ut_detach(f.before, f.dev, IOMMU_NO_PASID);
}

/**
 * struct alloc_bind - failing bind of a device to the address space of the test
 * @f: The failing operation.
 * @sva: Binding of the device.
 * @addr: User address of a page.
 * @pa: Physical address of the page.
 * @other: Binding of another device, NULL if there is none.
 */
struct alloc_bind {
	struct ut_failing f;
	struct iommu_sva *sva;
	u64 addr;
	phys_addr_t pa;
	struct iommu_sva *other;
};

static int alloc_do_bind(struct ut_failing *f)
{
	struct alloc_bind *b = container_of(f, struct alloc_bind, f);

	b->sva = iommu_sva_bind_device(f->dev, current->mm);
	return PTR_ERR_OR_ZERO(b->sva);
}

static void alloc_undo_bind(struct ut_failing *f)
{
	iommu_sva_unbind_device(container_of(f, struct alloc_bind, f)->sva);
}

static bool alloc_bind_reaches(const struct alloc_bind *b, struct device *dev)
{
	ioasid_t pasid = mm_get_enqcmd_pasid(current->mm);

	return pasid != IOMMU_PASID_INVALID &&
	       ut_reaches_at(dev, pasid, b->addr, b->pa);
}

static void alloc_check_bind(struct kunit *test, struct ut_failing *f,
			     bool bound)
{
	struct alloc_bind *b = container_of(f, struct alloc_bind, f);

	ut_check_attached(test, f->before, f->dev, IOMMU_NO_PASID);
	KUNIT_EXPECT_EQ(test, alloc_bind_reaches(b, f->dev), bound);
	KUNIT_EXPECT_EQ(test, alloc_bind_reaches(b, f->sibling), !!b->other);
}

static const struct alloc_bind_case {
	const char *name;
	enum mock_iommu_id iommu;
} alloc_bind_cases[] = {
	{ "both stages", MOCK_FS },
	{ "caching mode", MOCK_FS_CM },
};

KUNIT_ARRAY_PARAM_DESC(bind, alloc_bind_cases, name);

/* A failed bind changes nothing, whether or not another device is bound. */
static void failed_bind_changes_nothing(struct kunit *test)
{
	const struct alloc_bind_case *c = test->param_value;
	struct alloc_bind b = {
		.f = {
			.dev = mock_dev(c->iommu, 1),
			.sibling = mock_dev(c->iommu, 2),
			.attempt = alloc_do_bind,
			.undo = alloc_undo_bind,
			.check = alloc_check_bind,
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

/* Counted allocations */

/**
 * struct alloc_count - counter of the allocations of a task
 * @task: Task whose allocations are counted; NULL to count none.
 * @count: Number of allocations.
 * @atomic: Number of allocations that cannot sleep. Those with __GFP_NOWARN are
 *	not included: they have a fallback, and debugging tools use them.
 */
struct alloc_count {
	struct task_struct *task;
	unsigned int count;
	unsigned int atomic;
};

static void alloc_count_one(struct alloc_count *a, gfp_t gfp)
{
	if (current != a->task || !in_task())
		return;
	a->count++;
	if (!(gfp & (__GFP_DIRECT_RECLAIM | __GFP_NOWARN)))
		a->atomic++;
}

static void alloc_count_kmalloc(void *data, unsigned long call_site,
				const void *ptr, size_t bytes_req,
				size_t bytes_alloc, gfp_t gfp_flags, int node)
{
	alloc_count_one(data, gfp_flags);
}

static void alloc_count_cache(void *data, unsigned long call_site,
			      const void *ptr, struct kmem_cache *cache,
				  gfp_t gfp_flags, int node)
{
	alloc_count_one(data, gfp_flags);
}

static void alloc_count_page(void *data, struct page *page, unsigned int order,
			     gfp_t gfp_flags, int migratetype)
{
	alloc_count_one(data, gfp_flags);
}

static void alloc_stop_kmalloc(void *data)
{
	unregister_trace_kmalloc(alloc_count_kmalloc, data);
	tracepoint_synchronize_unregister();
}

static void alloc_stop_cache(void *data)
{
	unregister_trace_kmem_cache_alloc(alloc_count_cache, data);
	tracepoint_synchronize_unregister();
}

static void alloc_stop_pages(void *data)
{
	unregister_trace_mm_page_alloc(alloc_count_page, data);
	tracepoint_synchronize_unregister();
}

/*
 * Count the allocations of the current task. @a->task is set last, because
 * registering the probes allocates memory as well. The probes are unregistered
 * at the end of the test.
 */
static void alloc_count_all(struct kunit *test, struct alloc_count *a)
{
	KUNIT_ASSERT_EQ(test, register_trace_kmalloc(alloc_count_kmalloc, a),
			0);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, alloc_stop_kmalloc, a),
			0);
	KUNIT_ASSERT_EQ(test,
			register_trace_kmem_cache_alloc(alloc_count_cache,
							a), 0);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, alloc_stop_cache,
						  a), 0);
	KUNIT_ASSERT_EQ(test, register_trace_mm_page_alloc(alloc_count_page, a),
			0);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, alloc_stop_pages, a),
			0);
	a->task = current;
}

/* Enough domain ids to make the IDA allocate: it stores the first 63 inline */
#define ALLOC_DOMAINS		80
/* First PASID of a PASID table that no other test case uses */
#define ALLOC_MANY_PASID(c, i)	\
	(8192 + 64 * (ALLOC_DOMAINS * ((c) - alloc_fresh_cases) + (i)))

/*
 * Attach runs in process context, so its allocations may sleep. An atomic
 * allocation can fail although memory could be reclaimed.
 */
static void attach_allocations_may_sleep(struct kunit *test)
{
	const struct alloc_fresh_case *c = test->param_value;
	struct device *dev = mock_dev(c->iommu, 1);
	struct iommu_domain *domain = NULL;
	struct iommu_domain **domains;
	struct ut_guest guest = {};
	struct alloc_count *a;
	unsigned int i;

	a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, a);
	domains = kunit_kcalloc(test, ALLOC_DOMAINS, sizeof(*domains),
				GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, domains);
	for (i = 0; i < ALLOC_DOMAINS; i++) {
		if (!domain || c->type == IOMMU_DOMAIN_UNMANAGED)
			domain = alloc_fresh_domain(test, c, dev, &guest);
		domains[i] = domain;
	}

	alloc_count_all(test, a);
	for (i = 0; i < ALLOC_DOMAINS; i++)
		KUNIT_EXPECT_EQ(test, ut_attach(domains[i], dev,
						ALLOC_MANY_PASID(c, i)), 0);
	a->task = NULL;
	KUNIT_EXPECT_GE(test, a->count, ALLOC_DOMAINS);
	KUNIT_EXPECT_EQ(test, a->atomic, 0);
	for (i = 0; i < ALLOC_DOMAINS; i++)
		ut_detach(domains[i], dev, ALLOC_MANY_PASID(c, i));
}

static const struct ut_topology alloc_flush_topologies[] = {
	{ "legacy, ATS", MOCK_LEGACY, 1, IOMMU_NO_PASID },
	{ "legacy, caching mode", MOCK_LEGACY_CM, 0, IOMMU_NO_PASID },
	{ "legacy, no page selection", MOCK_LEGACY_OLD, 0, IOMMU_NO_PASID },
	{ "legacy, no queue", MOCK_REGISTERS, 0, IOMMU_NO_PASID },
	{ "second stage, PASID, ATS", MOCK_SS, 1, PASID },
	{ "second stage, caching mode", MOCK_SS_CM, 0, IOMMU_NO_PASID },
	{ "first stage, PASID, ATS", MOCK_FS, 1, PASID },
	{ "first stage, caching mode", MOCK_FS_CM, 0, IOMMU_NO_PASID },
};

KUNIT_ARRAY_PARAM_DESC(flushed, alloc_flush_topologies, name);

/*
 * Once the page tables are allocated, neither map nor unmap allocates memory: a
 * flush must work in any context and must not fail.
 */
static void flush_allocates_nothing(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	phys_addr_t pa = ut_new_page(test);
	struct alloc_count *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	ut_map(test, domain, pa);
	ut_unmap(test, domain);

	alloc_count_all(test, a);
	for (i = 0; i < 3; i++) {
		ut_map(test, domain, pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, pa));
		ut_unmap(test, domain);
	}
	KUNIT_EXPECT_EQ(test, a->count, 0);
	/* Check that the counter works. */
	kfree(kmalloc(1, GFP_KERNEL));
	KUNIT_EXPECT_GT(test, a->count, 0);
	ut_detach(domain, dev, t->pasid);
}

static struct kunit_case alloc_cases[] = {
	KUNIT_CASE_PARAM(failed_attach_spares_others, ut_topology_gen_params),
	KUNIT_CASE_PARAM(failed_attach_changes_nothing, ut_topology_gen_params),
	KUNIT_CASE_PARAM(failed_replace_changes_nothing, ut_pasid_gen_params),
	KUNIT_CASE_PARAM(failed_nested_attach_changes_nothing,
			 ut_nested_gen_params),
	KUNIT_CASE_PARAM(failed_nested_replace_changes_nothing,
			 alloc_pasid_gen_params),
	KUNIT_CASE_PARAM(failed_pasid_table_changes_nothing, fresh_gen_params),
	KUNIT_CASE_PARAM(failed_bind_changes_nothing, bind_gen_params),
	KUNIT_CASE_PARAM(attach_allocations_may_sleep, fresh_gen_params),
	KUNIT_CASE_PARAM(flush_allocates_nothing, flushed_gen_params),
	{}
};

static struct kunit_suite alloc_suite = {
	.name = "intel_iommu_alloc",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = alloc_cases,
};

kunit_test_suites(&alloc_suite);

MODULE_DESCRIPTION("KUnit tests of allocations on mock Intel IOMMUs");
MODULE_LICENSE("GPL");
