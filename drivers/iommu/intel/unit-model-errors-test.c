// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of hardware that reports errors: nobody hangs, and nobody's
 * invalidation is lost for it.
 */

#include <linux/pci.h>
#include <linux/sizes.h>

#include "unit-model-kunit.h"

/* As many PASIDs, hence descriptors of one submission */
#define BATCH	16

static unsigned int count_reaching(struct device *dev, phys_addr_t pa)
{
	unsigned int pasid, n = 0;

	for (pasid = 0; pasid < BATCH; pasid++)
		n += ut_reaches(dev, pasid, pa);
	return n;
}

static const struct error_case {
	const char *name;
	bool deaf;
} error_cases[] = {
	{ "goes on by itself" },
	{ "goes on when told", true },
};

KUNIT_ARRAY_PARAM_DESC(error, error_cases, name);

/*
 * A driver that does not see to an error says so without end, until the log has
 * no room for anything else.
 */
static bool has_failed(struct kunit *test, const struct model_unit *unit)
{
	return unit->complaints || READ_ONCE(test->status) == KUNIT_FAILURE;
}

/*
 * B7: an error at any descriptor of a submission is seen to, and nothing is
 * lost by it.
 */
static void error_within_batch(struct kunit *test)
{
	const struct error_case *c = test->param_value;
	struct model_unit *unit = model_unit(MODEL_FS);
	struct device *dev = model_dev(MODEL_FS, 0);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);
	unsigned int pasid, n;

	for (pasid = 0; pasid < BATCH; pasid++)
		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, pasid), 0);
	/* Behind the batch is the descriptor that waits. */
	for (n = BATCH + 1; n && !has_failed(test, unit); n--) {
		ut_map(test, domain, pa);
		KUNIT_EXPECT_EQ(test, count_reaching(dev, pa), BATCH);
		model_set_faults(unit, (struct model_faults) {
			.iqe = n,
			.deaf = c->deaf,
		});
		ut_unmap(test, domain);
		KUNIT_EXPECT_EQ(test, unit->faults.iqe, 0);
		KUNIT_EXPECT_EQ_MSG(test, count_reaching(dev, pa), 0,
				    "error at %u", n);

		ut_map(test, domain, pa);
		ut_unmap(test, domain);
		KUNIT_EXPECT_EQ(test, count_reaching(dev, pa), 0);
	}
	for (pasid = 0; pasid < BATCH; pasid++)
		ut_detach(domain, dev, pasid);
}

/* An IOTLB, a device TLB, a wait; and the same for another CPU */
#define BOTH	6

/* B7: nor is what another CPU has submitted meanwhile. */
static void error_beside_another(struct kunit *test)
{
	const struct error_case *c = test->param_value;
	struct model_unit *unit = model_unit(MODEL_SS);
	struct device *dev[2] = { model_dev(MODEL_SS, 1),
				  model_dev(MODEL_SS, 2) };
	struct iommu_domain *domain[2];
	phys_addr_t pa = ut_new_page(test);
	struct ut_thread thread;
	unsigned int i, n;

	for (i = 0; i < 2; i++) {
		domain[i] = ut_new_domain(test, dev[i], 0);
		KUNIT_ASSERT_EQ(test, ut_attach(domain[i], dev[i],
						IOMMU_NO_PASID), 0);
	}
	/* Who sees the error first is a matter of chance. */
	for (n = 0; n < 3 * BOTH && !has_failed(test, unit); n++) {
		for (i = 0; i < 2; i++) {
			ut_map(test, domain[i], pa);
			KUNIT_EXPECT_TRUE(test, ut_reaches(dev[i],
							   IOMMU_NO_PASID, pa));
		}
		model_set_faults(unit, (struct model_faults) {
			.latency = LATENCY,
			.iqe = n % BOTH + 1,
			.deaf = c->deaf,
		});
		/* Nothing is executed before both are there. */
		model_hold(unit, 2);
		ut_start(test, &thread, ut_unmap_work, domain[1]);
		KUNIT_EXPECT_TRUE(test, ut_wait_until_stuck(&thread, unit));
		KUNIT_EXPECT_EQ(test, iommu_unmap(domain[0], IOVA, PAGE_SIZE),
				PAGE_SIZE);
		KUNIT_EXPECT_FALSE_MSG(test, ut_reaches(dev[0], IOMMU_NO_PASID,
							pa), "round %u", n);
		ut_join(&thread);
		KUNIT_EXPECT_FALSE_MSG(test, ut_reaches(dev[1], IOMMU_NO_PASID,
							pa), "round %u", n);
		KUNIT_EXPECT_EQ(test, unit->faults.iqe, 0);
		model_set_faults(unit, (struct model_faults) {});
	}
	for (i = 0; i < 2; i++)
		ut_detach(domain[i], dev[i], IOMMU_NO_PASID);
}

static const struct removed_case {
	const char *name;
	bool nameless;
	bool eager;
} removed_cases[] = {
	{ "waits are dropped one by one" },
	{ "all waits are dropped", false, true },
	{ "without its name", true, false },
	{ "all waits are dropped, without its name", true, true },
};

KUNIT_ARRAY_PARAM_DESC(removed, removed_cases, name);

/* B6: somebody else's device that does not answer is none of our business. */
static void removed_device(struct kunit *test)
{
	const struct removed_case *c = test->param_value;
	struct model_unit *unit = model_unit(MODEL_SS);
	struct device *dead = model_dev(MODEL_SS, 1);
	struct device *dev = model_dev(MODEL_SS, 2);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	struct iommu_domain *other = ut_new_domain(test, dead, 0);
	phys_addr_t pa = ut_new_page(test);
	struct ut_thread thread;
	int i, stale = 0;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(other, dead, IOMMU_NO_PASID), 0);
	/* Who sees the error first is a matter of chance. */
	for (i = 0; i < ROUNDS / 2 && !stale; i++) {
		ut_map(test, domain, pa);
		ut_map(test, other, pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
		model_set_gone(dead, true);
		model_set_faults(unit, (struct model_faults) {
			.latency = LATENCY,
			.ite = pci_dev_id(to_pci_dev(dead)),
			.nameless = c->nameless,
			.eager = c->eager,
		});
		model_hold(unit, 2);
		ut_start(test, &thread, ut_unmap_work, other);
		KUNIT_EXPECT_TRUE(test, ut_wait_until_stuck(&thread, unit));
		ut_unmap(test, domain);
		stale += ut_reaches(dev, IOMMU_NO_PASID, pa);
		ut_join(&thread);
		model_set_faults(unit, (struct model_faults) {});
		model_set_gone(dead, false);
		/* For the next round, whatever became of this one. */
		ut_map(test, domain, pa);
		ut_unmap(test, domain);
	}
	KUNIT_EXPECT_EQ(test, stale, 0);
	KUNIT_EXPECT_GE(test, unit->timeouts, i);
	ut_detach(other, dead, IOMMU_NO_PASID);
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

static const struct mask_case {
	const char *name;
	enum model_unit_id unit;
	unsigned int dev;
	ioasid_t pasid;
} mask_cases[] = {
	{ "RID", MODEL_FS, 0, IOMMU_NO_PASID },
	{ "PASID, ATS", MODEL_FS, 1, PASID },
	{ "caching mode", MODEL_FS_CM, 0, IOMMU_NO_PASID },
};

KUNIT_ARRAY_PARAM_DESC(mask, mask_cases, name);

/* No descriptor exceeds the address mask that the unit reports. */
static void first_stage_mask_within_mamv(struct kunit *test)
{
	const struct mask_case *c = test->param_value;
	static const struct {
		u64 iova;
		size_t size;
	} ranges[] = {
		/* Across 2 MiB, 2 GiB and 3 GiB; MAMV allows blocks of 1 GiB. */
		{ IOVA + SZ_2M - PAGE_SIZE, 2 * PAGE_SIZE },
		{ IOVA + SZ_1G - PAGE_SIZE, 2 * PAGE_SIZE },
		{ IOVA + SZ_2G - PAGE_SIZE, 2 * PAGE_SIZE },
		{ IOVA, SZ_1G },
	};
	struct device *dev = model_dev(c->unit, c->dev);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	/* Not memory: nothing accesses it. */
	const phys_addr_t pa = 4UL * SZ_1G;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, c->pasid), 0);
	model_set_faults(model_unit(c->unit), (struct model_faults) {
		.narrow = true,
	});
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		const u64 first = ranges[i].iova;
		const size_t size = ranges[i].size;
		const size_t last = size - PAGE_SIZE;

		KUNIT_ASSERT_EQ(test, iommu_map(domain, first, pa, size, PROT,
						GFP_KERNEL), 0);
		KUNIT_EXPECT_TRUE(test, ut_reaches_at(dev, c->pasid, first, pa));
		KUNIT_EXPECT_TRUE(test, ut_reaches_at(dev, c->pasid,
						      first + last, pa + last));
		KUNIT_ASSERT_EQ(test, iommu_unmap(domain, first, size), size);
		KUNIT_EXPECT_FALSE_MSG(test,
				       ut_reaches_at(dev, c->pasid, first, pa),
				       "first page of range %u", i);
		KUNIT_EXPECT_FALSE_MSG(test,
				       ut_reaches_at(dev, c->pasid,
						     first + last, pa + last),
				       "last page of range %u", i);
	}
	model_set_faults(model_unit(c->unit), (struct model_faults) {});
	ut_detach(domain, dev, c->pasid);
}

/* Nor does one that a guest's invalidation of many pages is turned into. */
static void nested_mask_within_mamv(struct kunit *test)
{
	const u64 npages = 2ULL << model_mamv(model_unit(MODEL_FS));
	struct device *dev = model_dev(MODEL_FS, 1);
	struct ut_guest guest = {};

	ut_new_guest(test, dev, &guest);
	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev, IOMMU_NO_PASID), 0);
	model_set_faults(model_unit(MODEL_FS), (struct model_faults) {
		.narrow = true,
	});
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID,
					   guest.pa[GUEST_DATA]));
	ut_guest_set(&guest, GUEST_LEVEL1, 0);
	ut_guest_invalidate(test, &guest, 0, npages);
	ut_check_detached(test, dev, IOMMU_NO_PASID);
	model_set_faults(model_unit(MODEL_FS), (struct model_faults) {});
	ut_detach(guest.domain, dev, IOMMU_NO_PASID);
}

/* An answer that nobody has asked for is nothing but a message. */
static void unexpected_completion(struct kunit *test)
{
	struct model_unit *unit = model_unit(MODEL_SS);
	struct device *dev = model_dev(MODEL_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);
	unsigned int n;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	/* An IOTLB, a device TLB, a wait. */
	for (n = 1; n <= 3; n++) {
		ut_map(test, domain, pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
		model_set_faults(unit, (struct model_faults) { .ice = n });
		ut_unmap(test, domain);
		KUNIT_EXPECT_EQ(test, unit->faults.ice, 0);
		ut_check_detached(test, dev, IOMMU_NO_PASID);
	}
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

/* A unit that takes its time is waited for. */
static void slow_unit(struct kunit *test)
{
	struct device *fast = model_dev(MODEL_FS, 1);
	struct device *slow = model_dev(MODEL_FS2, 1);
	struct iommu_domain *domain = ut_new_domain(test, fast, 0);
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, fast, IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, slow, IOMMU_NO_PASID), 0);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(fast, IOMMU_NO_PASID, pa));
	KUNIT_EXPECT_TRUE(test, ut_reaches(slow, IOMMU_NO_PASID, pa));
	model_set_faults(model_unit(MODEL_FS2), (struct model_faults) {
		.latency = 100 * NSEC_PER_MSEC,
	});
	ut_unmap(test, domain);
	ut_check_detached(test, fast, IOMMU_NO_PASID);
	ut_check_detached(test, slow, IOMMU_NO_PASID);
	model_set_faults(model_unit(MODEL_FS2), (struct model_faults) {});
	ut_detach(domain, slow, IOMMU_NO_PASID);
	ut_detach(domain, fast, IOMMU_NO_PASID);
}

static struct kunit_case errors_cases[] = {
	KUNIT_CASE(unexpected_completion),
	KUNIT_CASE(slow_unit),
	KUNIT_CASE(nested_mask_within_mamv),
	KUNIT_CASE_PARAM(first_stage_mask_within_mamv, mask_gen_params),
	KUNIT_CASE_PARAM(removed_device, removed_gen_params),
	KUNIT_CASE_PARAM(error_within_batch, error_gen_params),
	KUNIT_CASE_PARAM(error_beside_another, error_gen_params),
	{}
};

static struct kunit_suite errors_suite = {
	.name = "intel_iommu_unit_errors",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = errors_cases,
};

kunit_test_suites(&errors_suite);

MODULE_DESCRIPTION("KUnit tests of errors of Intel IOMMU units made of memory");
MODULE_LICENSE("GPL");
