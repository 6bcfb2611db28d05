// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of invalidation errors on mock IOMMUs.
 *
 * The mock IOMMU reports queue errors, time-outs and completion errors. The
 * driver must recover. Every flush must be complete when it returns, including
 * flushes of other CPUs whose requests were in the queue when the error
 * occurred.
 */

#include <linux/pci.h>
#include <linux/sizes.h>

#include "fixture.h"

/* Number of PASIDs, and hence of IOTLB descriptors in one submission */
#define ERRORS_BATCH	16

static unsigned int errors_count_reaching(struct device *dev, phys_addr_t pa)
{
	unsigned int pasid, n = 0;

	for (pasid = 0; pasid < ERRORS_BATCH; pasid++)
		n += ut_reaches(dev, pasid, pa);
	return n;
}

static const struct errors_queue_case {
	const char *name;
	bool iqe_needs_tail;
} errors_queue_cases[] = {
	{ "resumes by itself" },
	{ "resumes at tail write", true },
};

KUNIT_ARRAY_PARAM_DESC(error, errors_queue_cases, name);

/*
 * Test whether to stop early: a driver that does not recover logs every retry,
 * and would overflow the kernel log in further rounds.
 */
static bool errors_has_failed(struct kunit *test,
			      const struct mock_iommu *iommu)
{
	return iommu->cache.violations.count ||
	       READ_ONCE(test->status) == KUNIT_FAILURE;
}

/* A queue error at any descriptor of a submission loses no invalidation. */
static void queue_error_within_batch(struct kunit *test)
{
	const struct errors_queue_case *c = test->param_value;
	struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	struct device *dev = mock_dev(MOCK_FS, 0);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);
	unsigned int pasid, n;

	for (pasid = 0; pasid < ERRORS_BATCH; pasid++)
		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, pasid), 0);
	/* The last descriptor of the submission is the wait. */
	for (n = ERRORS_BATCH + 1; n && !errors_has_failed(test, iommu); n--) {
		ut_map(test, domain, pa);
		KUNIT_EXPECT_EQ(test, errors_count_reaching(dev, pa),
				ERRORS_BATCH);
		mock_set_errors(iommu, (struct mock_errors) {
			.iqe = n,
			.iqe_needs_tail = c->iqe_needs_tail,
		});
		ut_unmap(test, domain);
		KUNIT_EXPECT_EQ(test, iommu->errors.iqe, 0);
		KUNIT_EXPECT_EQ_MSG(test, errors_count_reaching(dev, pa), 0,
				    "error at %u", n);

		ut_map(test, domain, pa);
		ut_unmap(test, domain);
		KUNIT_EXPECT_EQ(test, errors_count_reaching(dev, pa), 0);
	}
	for (pasid = 0; pasid < ERRORS_BATCH; pasid++)
		ut_detach(domain, dev, pasid);
}

/* Map a page that the device then caches, and unmap it with errors injected. */
static void errors_unmap(struct kunit *test, struct iommu_domain *domain,
			 struct device *dev, ioasid_t pasid, phys_addr_t pa,
			 struct mock_iommu *iommu, struct mock_errors errors)
{
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, pasid, pa));
	mock_set_errors(iommu, errors);
	ut_unmap(test, domain);
}

/*
 * A queue error that recurs at the same descriptor is handled again, and no
 * invalidation is lost.
 */
static void queue_error_again(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);
	unsigned int n;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	/* At the IOTLB, device-TLB and wait descriptor */
	for (n = 1; n <= 3 && !errors_has_failed(test, iommu); n++) {
		errors_unmap(test, domain, dev, IOMMU_NO_PASID, pa, iommu,
			     (struct mock_errors) {
				     .iqe = n,
				     .iqe_repeat = 1,
			     });
		KUNIT_EXPECT_EQ(test, iommu->errors.iqe, 0);
		KUNIT_EXPECT_FALSE_MSG(test, ut_reaches(dev, IOMMU_NO_PASID,
							pa), "error at %u", n);
	}
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

static bool errors_has_queue(const struct ut_topology *t)
{
	return t->iommu != MOCK_REGISTERS;
}

static const void *queue_gen_params(struct kunit *test, const void *prev,
				    char *desc)
{
	return ut_filter_topologies(test, prev, desc, errors_has_queue);
}

/* A rejected invalidation is replaced by a wider one. */
static void rejected_invalidation(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct mock_iommu *iommu = mock_iommu(t->iommu);
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	phys_addr_t pa = ut_new_page(test);
	enum mock_reject reject;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	for (reject = MOCK_REJECT_PAGES; reject < MOCK_REJECT_ALL; reject++) {
		if (errors_has_failed(test, iommu))
			break;
		errors_unmap(test, domain, dev, t->pasid, pa, iommu,
			     (struct mock_errors) { .reject = reject });
		mock_set_errors(iommu, (struct mock_errors) {});
		KUNIT_EXPECT_FALSE_MSG(test, ut_reaches(dev, t->pasid, pa),
				       "level %u", reject);
	}
	ut_detach(domain, dev, t->pasid);
}

/*
 * A flush returns even if all invalidations are rejected, and later flushes are
 * effective. The driver replaces the rejected IOTLB and device-TLB descriptors
 * by waits, which the IOMMU executes in addition to the wait of the flush.
 */
static void every_invalidation_rejected(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	struct device *dev = mock_dev(MOCK_FS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, PASID), 0);
	mock_reset();
	errors_unmap(test, domain, dev, PASID, pa, iommu,
		     (struct mock_errors) { .reject = MOCK_REJECT_ALL });
	mock_set_errors(iommu, (struct mock_errors) {});
	KUNIT_EXPECT_EQ(test, ut_count(test, MOCK_FS, MOCK_INV_WAIT), 3);
	/* Flush again: nothing has been invalidated so far. */
	ut_map(test, domain, pa);
	ut_unmap(test, domain);
	KUNIT_EXPECT_EQ(test, iommu->cache.violations.count, 0);
	ut_check_attached(test, domain, dev, PASID);
	ut_detach(domain, dev, PASID);
}

/* Descriptors of two CPUs: an IOTLB, a device-TLB and a wait descriptor each */
#define ERRORS_DESCS	6

/* A queue error discards no descriptors that another CPU has submitted. */
static void queue_error_with_two_submitters(struct kunit *test)
{
	const struct errors_queue_case *c = test->param_value;
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev[2] = { mock_dev(MOCK_SS, 1),
				  mock_dev(MOCK_SS, 2) };
	struct iommu_domain *domain[2];
	phys_addr_t pa = ut_new_page(test);
	struct ut_thread thread;
	unsigned int i, n;

	for (i = 0; i < 2; i++) {
		domain[i] = ut_new_domain(test, dev[i], 0);
		KUNIT_ASSERT_EQ(test, ut_attach(domain[i], dev[i],
						IOMMU_NO_PASID), 0);
	}
	/* Either CPU may be the first to notice the error, so repeat. */
	for (n = 0; n < 3 * ERRORS_DESCS; n++) {
		if (errors_has_failed(test, iommu))
			break;
		for (i = 0; i < 2; i++) {
			ut_map(test, domain[i], pa);
			KUNIT_EXPECT_TRUE(test, ut_reaches(dev[i],
							   IOMMU_NO_PASID, pa));
		}
		mock_set_errors(iommu, (struct mock_errors) {
			.latency = LATENCY,
			.iqe = n % ERRORS_DESCS + 1,
			.iqe_needs_tail = c->iqe_needs_tail,
		});
		/* Start execution when both CPUs have submitted. */
		mock_hold(iommu, 2);
		ut_start(test, &thread, ut_unmap_work, domain[1]);
		KUNIT_EXPECT_TRUE(test, ut_wait_for_work(&thread, iommu));
		KUNIT_EXPECT_EQ(test, iommu_unmap(domain[0], IOVA, PAGE_SIZE),
				PAGE_SIZE);
		KUNIT_EXPECT_FALSE_MSG(test, ut_reaches(dev[0], IOMMU_NO_PASID,
							pa), "round %u", n);
		ut_join(&thread);
		KUNIT_EXPECT_FALSE_MSG(test, ut_reaches(dev[1], IOMMU_NO_PASID,
							pa), "round %u", n);
		KUNIT_EXPECT_EQ(test, iommu->errors.iqe, 0);
		mock_set_errors(iommu, (struct mock_errors) {});
	}
	for (i = 0; i < 2; i++)
		ut_detach(domain[i], dev[i], IOMMU_NO_PASID);
}

static const struct errors_removed_case {
	const char *name;
	bool ite_no_sid;
	bool ite_run_on;
} errors_removed_cases[] = {
	{ "waits discarded one by one" },
	{ "all waits discarded", false, true },
	{ "no requester id reported", true, false },
	{ "all waits discarded, no requester id reported", true, true },
};

KUNIT_ARRAY_PARAM_DESC(removed, errors_removed_cases, name);

/*
 * A time-out of a removed device must not cut short the flush of another domain
 * whose requests were queued at the same time.
 */
static void removed_device(struct kunit *test)
{
	const struct errors_removed_case *c = test->param_value;
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dead = mock_dev(MOCK_SS, 1);
	struct device *dev = mock_dev(MOCK_SS, 2);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	struct iommu_domain *other = ut_new_domain(test, dead, 0);
	phys_addr_t pa = ut_new_page(test);
	struct ut_thread thread;
	int i, stale = 0;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(other, dead, IOMMU_NO_PASID), 0);
	/* Either CPU may be the first to notice the error, so repeat. */
	for (i = 0; i < ROUNDS / 2 && !stale; i++) {
		ut_map(test, domain, pa);
		ut_map(test, other, pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
		mock_set_removed(dead, true);
		mock_set_errors(iommu, (struct mock_errors) {
			.latency = LATENCY,
			.ite = pci_dev_id(to_pci_dev(dead)),
			.ite_no_sid = c->ite_no_sid,
			.ite_run_on = c->ite_run_on,
		});
		mock_hold(iommu, 2);
		ut_start(test, &thread, ut_unmap_work, other);
		KUNIT_EXPECT_TRUE(test, ut_wait_for_work(&thread, iommu));
		ut_unmap(test, domain);
		stale += ut_reaches(dev, IOMMU_NO_PASID, pa);
		ut_join(&thread);
		mock_set_errors(iommu, (struct mock_errors) {});
		mock_set_removed(dead, false);
		/* Flush again to remove entries left by this round. */
		ut_map(test, domain, pa);
		ut_unmap(test, domain);
		/* Let the device respond, or the next round has no time-out. */
		ut_map(test, other, pa);
		ut_unmap(test, other);
	}
	KUNIT_EXPECT_EQ(test, stale, 0);
	KUNIT_EXPECT_GE(test, iommu->timeouts, i);
	ut_detach(other, dead, IOMMU_NO_PASID);
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

static const struct errors_mask_case {
	const char *name;
	enum mock_iommu_id iommu;
	unsigned int dev;
	ioasid_t pasid;
} errors_mask_cases[] = {
	{ "RID", MOCK_FS, 0, IOMMU_NO_PASID },
	{ "PASID, ATS", MOCK_FS, 1, PASID },
	{ "caching mode", MOCK_FS_CM, 0, IOMMU_NO_PASID },
};

KUNIT_ARRAY_PARAM_DESC(mask, errors_mask_cases, name);

/*
 * First-stage invalidations respect CAP.MAMV, although the specification
 * permits any address mask there: some implementations, QEMU among them, reject
 * larger ones.
 */
static void first_stage_mask_within_mamv(struct kunit *test)
{
	const struct errors_mask_case *c = test->param_value;
	static const struct {
		u64 iova;
		size_t size;
	} ranges[] = {
		/*
		 * Ranges that cross a 2 MiB boundary, 2 GiB and 3 GiB, and the
		 * largest block that CAP.MAMV allows, 1 GiB
		 */
		{ IOVA + SZ_2M - PAGE_SIZE, 2 * PAGE_SIZE },
		{ IOVA + SZ_1G - PAGE_SIZE, 2 * PAGE_SIZE },
		{ IOVA + SZ_2G - PAGE_SIZE, 2 * PAGE_SIZE },
		{ IOVA, SZ_1G },
	};
	struct device *dev = mock_dev(c->iommu, c->dev);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	/* This memory need not exist: mock DMA does not access it. */
	const phys_addr_t pa = 4UL * SZ_1G;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, c->pasid), 0);
	mock_set_errors(mock_iommu(c->iommu), (struct mock_errors) {
		.limit_mask = true,
	});
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		const u64 first = ranges[i].iova;
		const size_t size = ranges[i].size;
		const size_t last = size - PAGE_SIZE;

		KUNIT_ASSERT_EQ(test, iommu_map(domain, first, pa, size, PROT,
						GFP_KERNEL), 0);
		KUNIT_EXPECT_TRUE(test,
				  ut_reaches_at(dev, c->pasid, first, pa));
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
	mock_set_errors(mock_iommu(c->iommu), (struct mock_errors) {});
	ut_detach(domain, dev, c->pasid);
}

/* Invalidations on behalf of a guest respect CAP.MAMV, too. */
static void nested_mask_within_mamv(struct kunit *test)
{
	const u64 npages = 2ULL << mock_mamv(&mock_iommu(MOCK_FS)->cache);
	struct device *dev = mock_dev(MOCK_FS, 1);
	struct ut_guest guest = {};

	ut_new_guest(test, dev, &guest);
	KUNIT_ASSERT_EQ(test, ut_attach(guest.domain, dev, IOMMU_NO_PASID), 0);
	mock_set_errors(mock_iommu(MOCK_FS), (struct mock_errors) {
		.limit_mask = true,
	});
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID,
					   guest.pa[GUEST_DATA]));
	ut_guest_set(&guest, GUEST_LEVEL1, 0);
	ut_guest_invalidate(test, &guest, 0, npages);
	ut_check_detached(test, dev, IOMMU_NO_PASID);
	mock_set_errors(mock_iommu(MOCK_FS), (struct mock_errors) {});
	ut_detach(guest.domain, dev, IOMMU_NO_PASID);
}

/* An invalidation completion error loses no invalidation. */
static void unexpected_completion_error(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);
	unsigned int n;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	/* At the IOTLB, device-TLB and wait descriptor */
	for (n = 1; n <= 3; n++) {
		errors_unmap(test, domain, dev, IOMMU_NO_PASID, pa, iommu,
			     (struct mock_errors) { .ice = n });
		KUNIT_EXPECT_EQ(test, iommu->errors.ice, 0);
		ut_check_detached(test, dev, IOMMU_NO_PASID);
	}
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

/* A flush waits for all IOMMUs of a domain, however slow one of them is. */
static void slow_iommu(struct kunit *test)
{
	struct device *fast = mock_dev(MOCK_FS, 1);
	struct device *slow = mock_dev(MOCK_FS2, 1);
	struct iommu_domain *domain = ut_new_domain(test, fast, 0);
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, fast, IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, slow, IOMMU_NO_PASID), 0);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(fast, IOMMU_NO_PASID, pa));
	KUNIT_EXPECT_TRUE(test, ut_reaches(slow, IOMMU_NO_PASID, pa));
	mock_set_errors(mock_iommu(MOCK_FS2), (struct mock_errors) {
		.latency = 100 * NSEC_PER_MSEC,
	});
	ut_unmap(test, domain);
	ut_check_detached(test, fast, IOMMU_NO_PASID);
	ut_check_detached(test, slow, IOMMU_NO_PASID);
	mock_set_errors(mock_iommu(MOCK_FS2), (struct mock_errors) {});
	ut_detach(domain, slow, IOMMU_NO_PASID);
	ut_detach(domain, fast, IOMMU_NO_PASID);
}

static struct kunit_case errors_cases[] = {
	KUNIT_CASE(unexpected_completion_error),
	KUNIT_CASE(slow_iommu),
	KUNIT_CASE(nested_mask_within_mamv),
	KUNIT_CASE_PARAM(first_stage_mask_within_mamv, mask_gen_params),
	KUNIT_CASE_PARAM(removed_device, removed_gen_params),
	KUNIT_CASE_PARAM(queue_error_within_batch, error_gen_params),
	KUNIT_CASE_PARAM(rejected_invalidation, queue_gen_params),
	KUNIT_CASE(every_invalidation_rejected),
	KUNIT_CASE(queue_error_again),
	KUNIT_CASE_PARAM(queue_error_with_two_submitters, error_gen_params),
	{}
};

static struct kunit_suite errors_suite = {
	.name = "intel_iommu_errors",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = errors_cases,
};

kunit_test_suites(&errors_suite);

MODULE_DESCRIPTION("KUnit tests of invalidation errors on mock Intel IOMMUs");
MODULE_LICENSE("GPL");
