// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of races between unmap and attach, detach or replace, on mock
 * IOMMUs.
 *
 * An unmap has to invalidate the translations of every device that may cache
 * them, including one that is just being attached or detached. The tests inject
 * an unmap at each point where an attach or detach may sleep or waits for the
 * IOMMU, and check that the device does not reach the unmapped page any more.
 */

#include "../../iommu-priv.h"
#include "fixture.h"

/* Unmap the page if the device reaches it already, check, and map it again. */
static void race_unmap_and_map(struct ut_injection *in)
{
	if (!ut_reaches(in->dev, in->pasid, in->pa))
		return;
	in->reached++;
	iommu_unmap(in->domain, IOVA, PAGE_SIZE);
	if (ut_reaches(in->dev, in->pasid, in->pa))
		in->stale++;
	if (iommu_map(in->domain, IOVA, in->pa, PAGE_SIZE, PROT, GFP_ATOMIC))
		in->pa = 0;
}

static struct ut_injection race_new_injection(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct ut_injection in = {
		.act = race_unmap_and_map,
		.dev = ut_dev(t),
		.pasid = t->pasid,
		.pa = ut_new_page(test),
		.iommu = mock_iommu(t->iommu),
	};

	in.domain = ut_new_domain(test, in.dev, t->flags);
	ut_map(test, in.domain, in.pa);
	return in;
}

/*
 * Number of injected unmaps that found the page reachable, after which a test
 * stops repeating the operation. An operation may wait several times, and on a
 * busy host a single attempt may miss the wait that matters.
 */
#define RACE_ENOUGH	3

static void race_check_injection(struct kunit *test, struct ut_injection *in)
{
	KUNIT_EXPECT_GT(test, in->points, 0);
	KUNIT_EXPECT_NE(test, in->pa, 0);
	KUNIT_EXPECT_EQ_MSG(test, in->stale, 0,
			    "page reached after injected unmap (%u unmaps)",
			    in->reached);
}

/*
 * The attach of a device behind a bridge has no race window: the bridge, whose
 * requester id the device uses, is attached first.
 */
static bool race_has_own_sid(const struct ut_topology *t)
{
	return t->dev != MOCK_BRIDGED;
}

static const void *race_own_sid_gen_params(struct kunit *test,
					   const void *prev, char *desc)
{
	return ut_filter_topologies(test, prev, desc, race_has_own_sid);
}

static bool race_has_own_sid_and_cm(const struct ut_topology *t)
{
	return race_has_own_sid(t) && ut_has_caching_mode(t);
}

static const void *race_caching_gen_params(struct kunit *test,
					   const void *prev, char *desc)
{
	return ut_filter_topologies(test, prev, desc, race_has_own_sid_and_cm);
}

/* An allocation of attach may sleep, so an unmap can run meanwhile. */
static void unmap_during_attach_alloc(struct kunit *test)
{
	struct ut_injection in = race_new_injection(test);
	int ret;

	ut_inject_at_allocations(test, &in);
	ret = ut_attach(in.domain, in.dev, in.pasid);
	ut_stop_injecting_at_allocations(&in);
	KUNIT_ASSERT_EQ(test, ret, 0);

	race_check_injection(test, &in);
	ut_detach(in.domain, in.dev, in.pasid);
}

static bool race_enables_ats(const struct ut_topology *t)
{
	return t->iommu < MOCK_SS && t->dev == 1;
}

static const void *race_enables_ats_gen_params(struct kunit *test,
					       const void *prev, char *desc)
{
	return ut_filter_topologies(test, prev, desc, race_enables_ats);
}

/*
 * In legacy mode, an attach enables ATS if the device was in the identity
 * domain, and may allocate memory to record the device TLB.
 */
static void unmap_while_enabling_ats(struct kunit *test)
{
	struct ut_injection in = race_new_injection(test);
	struct iommu_domain *identity = dev_iommu_ops(in.dev)->identity_domain;
	struct iommu_attach_handle handles[2];
	int ret;

	KUNIT_ASSERT_EQ(test, ut_replace(identity, in.dev, in.pasid,
					 &handles[0]), 0);
	ut_inject_at_allocations(test, &in);
	ret = ut_replace(in.domain, in.dev, in.pasid, &handles[1]);
	ut_stop_injecting_at_allocations(&in);
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_EXPECT_TRUE(test, ut_reaches(in.dev, in.pasid, in.pa));

	race_check_injection(test, &in);
	ut_detach_handle(in.domain, in.dev, in.pasid);
}

/* In caching mode, attach invalidates not-present entries, and waits. */
static void unmap_during_attach(struct kunit *test)
{
	struct ut_injection in = race_new_injection(test);
	int i, ret;

	for (i = 0; i < ROUNDS && in.reached < RACE_ENOUGH; i++) {
		ut_inject_at_waits(test, &in);
		ret = ut_attach(in.domain, in.dev, in.pasid);
		ut_stop_injecting_at_waits(&in);
		KUNIT_ASSERT_EQ(test, ret, 0);
		ut_detach(in.domain, in.dev, in.pasid);
	}
	KUNIT_EXPECT_GT(test, in.reached, 0);
	race_check_injection(test, &in);
}

/* Detach invalidates the entry and the translations, and waits for both. */
static void unmap_during_detach(struct kunit *test)
{
	struct ut_injection in = race_new_injection(test);
	int i;

	for (i = 0; i < ROUNDS && in.reached < RACE_ENOUGH; i++) {
		KUNIT_ASSERT_EQ(test, ut_attach(in.domain, in.dev, in.pasid),
				0);
		KUNIT_EXPECT_TRUE(test, ut_reaches(in.dev, in.pasid, in.pa));

		ut_inject_at_waits(test, &in);
		ut_detach(in.domain, in.dev, in.pasid);
		ut_stop_injecting_at_waits(&in);
		ut_check_detached(test, in.dev, in.pasid);
	}
	KUNIT_EXPECT_GT(test, in.reached, 0);
	race_check_injection(test, &in);
}

/**
 * struct race_replacement - replacement of a domain by another one
 * @in: Injection; &ut_injection.domain is the domain that is replaced.
 * @next: The new domain.
 * @next_pa: Page that @next maps at %IOVA.
 */
struct race_replacement {
	struct ut_injection in;
	struct iommu_domain *next;
	phys_addr_t next_pa;
};

/* Unmap from both domains, as the device may use either. */
static void race_unmap_either(struct ut_injection *in)
{
	struct race_replacement *r = container_of(in, typeof(*r), in);

	race_unmap_and_map(in);
	swap(in->domain, r->next);
	swap(in->pa, r->next_pa);
	race_unmap_and_map(in);
	swap(in->domain, r->next);
	swap(in->pa, r->next_pa);
}

/*
 * While a replace is in progress, the device may use either domain, so unmaps
 * of both have to invalidate its translations.
 */
static void unmap_during_replace(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct iommu_attach_handle handle = {};
	struct race_replacement r = { .in = race_new_injection(test) };
	struct ut_injection *in = &r.in;
	int i, ret;

	in->act = race_unmap_either;
	r.next = ut_new_domain(test, in->dev, t->flags);
	r.next_pa = ut_new_page(test);
	ut_map(test, r.next, r.next_pa);
	for (i = 0; i < ROUNDS && in->reached < RACE_ENOUGH; i++) {
		KUNIT_ASSERT_EQ(test, ut_attach(in->domain, in->dev, in->pasid),
				0);
		KUNIT_EXPECT_TRUE(test, ut_reaches(in->dev, in->pasid, in->pa));

		ut_inject_at_waits(test, in);
		ret = ut_replace(r.next, in->dev, in->pasid, &handle);
		ut_stop_injecting_at_waits(in);
		KUNIT_ASSERT_EQ(test, ret, 0);
		KUNIT_EXPECT_TRUE(test,
				  ut_reaches(in->dev, in->pasid, r.next_pa));
		ut_detach_handle(r.next, in->dev, in->pasid);
		ut_check_detached(test, in->dev, in->pasid);
	}
	KUNIT_EXPECT_GT(test, in->reached, 0);
	KUNIT_EXPECT_NE(test, r.next_pa, 0);
	race_check_injection(test, in);
}

static bool race_is_late_atc(const struct ut_topology *t)
{
	return ut_has_pasid(t) && t->dev && !ut_has_caching_mode(t);
}

static const void *race_late_atc_gen_params(struct kunit *test,
					    const void *prev, char *desc)
{
	return ut_filter_topologies(test, prev, desc, race_is_late_atc);
}

/*
 * A device with a device TLB is attached while an unmap waits for its
 * invalidation. Until the IOMMU has executed the invalidation, the IOTLB holds
 * the translation of the unmapped page, which another device has used, and the
 * new device can copy it into its device TLB. The unmap must detect the attach
 * and invalidate the new device TLB, too.
 */
static void attach_during_unmap(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct device *dev = ut_dev(t), *other = ut_sibling(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	struct mock_iommu *iommu = mock_iommu(t->iommu);
	phys_addr_t pa = ut_new_page(test);
	struct ut_thread thread;
	unsigned int hits = 0;
	int i, ret;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, other, t->pasid), 0);
	for (i = 0; i < ROUNDS && hits < 3; i++) {
		ut_map(test, domain, pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(other, t->pasid, pa));
		mock_set_errors(iommu, (struct mock_errors) {
			.latency = 10 * LATENCY,
		});
		ut_start(test, &thread, ut_unmap_work, domain);
		ut_wait_for_work(&thread, iommu);
		ret = ut_attach(domain, dev, t->pasid);
		/* The driver may also make the attach wait for the unmap. */
		hits += ut_reaches(dev, t->pasid, pa) ||
			   READ_ONCE(thread.done);
		ut_join(&thread);
		mock_set_errors(iommu, (struct mock_errors) {});
		KUNIT_ASSERT_EQ(test, ret, 0);
		ut_check_detached(test, dev, t->pasid);
		ut_detach(domain, dev, t->pasid);
	}
	KUNIT_EXPECT_GT(test, hits, 0);
	ut_detach(domain, other, t->pasid);
}

static struct kunit_case race_cases[] = {
	KUNIT_CASE_PARAM(unmap_during_attach_alloc, race_own_sid_gen_params),
	KUNIT_CASE_PARAM(unmap_while_enabling_ats,
			 race_enables_ats_gen_params),
	KUNIT_CASE_PARAM(unmap_during_attach, race_caching_gen_params),
	KUNIT_CASE_PARAM(unmap_during_detach, ut_topology_gen_params),
	KUNIT_CASE_PARAM(unmap_during_replace, ut_topology_gen_params),
	KUNIT_CASE_PARAM(attach_during_unmap, race_late_atc_gen_params),
	{}
};

static struct kunit_suite race_suite = {
	.name = "intel_iommu_race",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = race_cases,
};

kunit_test_suites(&race_suite);

MODULE_DESCRIPTION("KUnit tests of unmap races on mock Intel IOMMUs");
MODULE_LICENSE("GPL");
