// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of devices whose device TLB does not respond, on mock IOMMUs.
 *
 * Such a device must cost a bounded number of time-outs, must not reach pages
 * that have been unmapped, and must not disturb other devices. When it responds
 * again, an attach brings it back, without any translation from before.
 */

#include <linux/irq_work.h>
#include <linux/pci.h>

#include "fixture.h"

/* The maximum of time-outs until a device is blocked */
#define QUARANTINE_TIMEOUTS	3
/* Number of unmaps while the device does not respond */
#define QUARANTINE_UNMAPS	16

static bool quarantine_has_ats(const struct ut_topology *t)
{
	return t->dev == 1;
}

static const void *ats_gen_params(struct kunit *test, const void *prev,
				  char *desc)
{
	return ut_filter_topologies(test, prev, desc, quarantine_has_ats);
}

/* Let a device respond to no device-TLB invalidation. */
static void quarantine_mute(struct device *dev, struct mock_iommu *iommu)
{
	mock_check_translated(iommu);
	mock_set_errors(iommu, (struct mock_errors) {
		.ite = pci_dev_id(to_pci_dev(dev)),
	});
}

static void quarantine_unmute(struct mock_iommu *iommu)
{
	mock_set_errors(iommu, (struct mock_errors) {});
}

/* Unmap often, and expect that the device never reaches an unmapped page. */
static void quarantine_unmap_often(struct kunit *test,
				   struct iommu_domain *domain,
				   struct device *dev, ioasid_t pasid,
				   phys_addr_t pa)
{
	int i;

	for (i = 0; i < QUARANTINE_UNMAPS; i++) {
		ut_unmap(test, domain);
		KUNIT_EXPECT_FALSE_MSG(test, ut_reaches(dev, pasid, pa),
				       "unmap %d", i);
		ut_map(test, domain, pa);
	}
}

/*
 * Expect that a device is back after another attach of its domain, which maps
 * the page @stale, and that it does not use its old translation.
 */
static void quarantine_check_back(struct kunit *test,
				  struct iommu_domain *domain,
				  struct device *dev, ioasid_t pasid,
				  phys_addr_t stale)
{
	phys_addr_t pa = ut_new_page(test);

	ut_detach(domain, dev, pasid);
	ut_unmap(test, domain);
	ut_map(test, domain, pa);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, pasid), 0);
	KUNIT_EXPECT_FALSE(test, ut_reaches(dev, pasid, stale));
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, pasid, pa));
	ut_unmap(test, domain);
	ut_check_attached(test, domain, dev, pasid);
}

/*
 * A device that is present and does not respond is blocked after a few time-outs
 * and stays so until it responds and is attached again.
 */
static void mute_device(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct mock_iommu *iommu = mock_iommu(t->iommu);
	struct device *dev = ut_dev(t), *sibling = ut_sibling(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	struct iommu_domain *other = ut_new_domain(test, sibling, 0);
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(other, sibling, IOMMU_NO_PASID), 0);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, pa));

	quarantine_mute(dev, iommu);
	quarantine_unmap_often(test, domain, dev, t->pasid, pa);
	KUNIT_EXPECT_LE(test, iommu->timeouts, QUARANTINE_TIMEOUTS);
	ut_check_attached(test, other, sibling, IOMMU_NO_PASID);
	KUNIT_EXPECT_LE(test, iommu->timeouts, QUARANTINE_TIMEOUTS);

	quarantine_unmute(iommu);
	KUNIT_EXPECT_FALSE(test, ut_reaches(dev, t->pasid, pa));
	quarantine_check_back(test, domain, dev, t->pasid, pa);
	ut_detach(other, sibling, IOMMU_NO_PASID);
	ut_detach(domain, dev, t->pasid);
}

/* A device that is not present costs one time-out. */
static void gone_device(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct mock_iommu *iommu = mock_iommu(t->iommu);
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	ut_map(test, domain, pa);
	mock_check_translated(iommu);
	mock_set_removed(dev, true);
	quarantine_unmap_often(test, domain, dev, t->pasid, pa);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 1);
	/* An attach does not fail, and sends no invalidation to the device. */
	ut_detach(domain, dev, t->pasid);
	KUNIT_EXPECT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 1);
	KUNIT_EXPECT_FALSE(test, ut_reaches(dev, t->pasid, pa));
	mock_set_removed(dev, false);
	quarantine_check_back(test, domain, dev, t->pasid, pa);
	ut_detach(domain, dev, t->pasid);
}

/* Attaching a device that does not respond yet succeeds, and it stays blocked. */
static void attach_of_mute_device(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct mock_iommu *iommu = mock_iommu(t->iommu);
	struct device *dev = ut_dev(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	phys_addr_t pa = ut_new_page(test);
	int i;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, pa));
	quarantine_mute(dev, iommu);
	for (i = 0; i < 3; i++) {
		quarantine_unmap_often(test, domain, dev, t->pasid, pa);
		ut_detach(domain, dev, t->pasid);
		KUNIT_EXPECT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	}
	/* Detach attaches the default domain. Each attach asks the device. */
	KUNIT_EXPECT_LE(test, iommu->timeouts, 7 * QUARANTINE_TIMEOUTS);
	quarantine_unmute(iommu);
	quarantine_check_back(test, domain, dev, t->pasid, pa);
	ut_detach(domain, dev, t->pasid);
}

/* A reset brings a device back. */
static void reset_of_mute_device(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, PASID), 0);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, PASID, pa));
	quarantine_mute(dev, iommu);
	quarantine_unmap_often(test, domain, dev, PASID, pa);
	ut_unmap(test, domain);

	KUNIT_ASSERT_EQ(test, pci_dev_reset_iommu_prepare(to_pci_dev(dev)), 0);
	quarantine_unmute(iommu);
	pci_dev_reset_iommu_done(to_pci_dev(dev));
	KUNIT_EXPECT_FALSE(test, ut_reaches(dev, PASID, pa));
	ut_check_attached(test, domain, dev, IOMMU_NO_PASID);
	ut_check_attached(test, domain, dev, PASID);
	ut_detach(domain, dev, PASID);
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

/*
 * If the hardware does not report which device has timed out, the other device
 * of the domain is not blocked.
 */
static void unknown_mute_device(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct device *sibling = mock_dev(MOCK_SS, 2);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, sibling, IOMMU_NO_PASID), 0);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
	mock_check_translated(iommu);
	mock_set_errors(iommu, (struct mock_errors) {
		.ite = pci_dev_id(to_pci_dev(dev)),
		.ite_no_sid = true,
	});
	quarantine_unmap_often(test, domain, dev, IOMMU_NO_PASID, pa);
	/* The first one did not count: it was for both devices. */
	KUNIT_EXPECT_LE(test, iommu->timeouts, QUARANTINE_TIMEOUTS + 1);
	ut_unmap(test, domain);
	ut_check_attached(test, domain, sibling, IOMMU_NO_PASID);
	quarantine_unmute(iommu);
	ut_detach(domain, sibling, IOMMU_NO_PASID);
	ut_map(test, domain, pa);
	quarantine_check_back(test, domain, dev, IOMMU_NO_PASID, pa);
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

/* A device with occasional time-outs is not blocked. */
static void slow_device(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);
	int i;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	for (i = 0; i < 3; i++) {
		ut_map(test, domain, pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
		mock_set_errors(iommu, (struct mock_errors) {
			.ite = pci_dev_id(to_pci_dev(dev)),
			.ite_times = QUARANTINE_TIMEOUTS - 1,
		});
		ut_unmap(test, domain);
		KUNIT_EXPECT_FALSE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
	}
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 3 * (QUARANTINE_TIMEOUTS - 1));
	ut_check_attached(test, domain, dev, IOMMU_NO_PASID);
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

#define QUARANTINE_PASIDS	4

/*
 * An attach by one PASID brings back the others as well. Of those that had pages
 * unmapped meanwhile, the device TLB is invalidated first.
 */
static void lost_invalidations(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	struct device *dev = mock_dev(MOCK_FS, 1);
	struct iommu_domain *domain[QUARANTINE_PASIDS];
	phys_addr_t pa = ut_new_page(test);
	unsigned int i;

	for (i = 0; i < QUARANTINE_PASIDS; i++) {
		domain[i] = ut_new_domain(test, dev, 0);
		KUNIT_ASSERT_EQ(test, ut_attach(domain[i], dev, i + 1), 0);
		ut_map(test, domain[i], pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, i + 1, pa));
	}
	quarantine_mute(dev, iommu);
	/* The last two are unmapped when the device is blocked already. */
	for (i = 1; i < QUARANTINE_PASIDS; i++)
		ut_unmap(test, domain[i]);
	quarantine_unmute(iommu);

	KUNIT_ASSERT_EQ(test, ut_attach(domain[0], dev, PASID + 10), 0);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, PASID + 10, pa));
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, 1, pa));
	for (i = 1; i < QUARANTINE_PASIDS; i++)
		KUNIT_EXPECT_FALSE_MSG(test, ut_reaches(dev, i + 1, pa),
				       "PASID %u", i + 1);
	ut_detach(domain[0], dev, PASID + 10);
	for (i = 0; i < QUARANTINE_PASIDS; i++)
		ut_detach(domain[i], dev, i + 1);
}

/**
 * struct quarantine_irq - IOTLB synchronisation in hard interrupt context
 * @work: Runs it.
 * @domain: Domain that a page was unmapped from.
 * @gather: The unmapped range.
 */
struct quarantine_irq {
	struct irq_work work;
	struct iommu_domain *domain;
	struct iommu_iotlb_gather gather;
};

static void quarantine_sync(struct irq_work *work)
{
	struct quarantine_irq *q = container_of(work, typeof(*q), work);

	iommu_iotlb_sync(q->domain, &q->gather);
}

/* A device can be blocked in hard interrupt context. */
static void mute_device_in_hardirq(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct mock_iommu *iommu = mock_iommu(t->iommu);
	struct device *dev = ut_dev(t);
	struct quarantine_irq q = {
		.work = IRQ_WORK_INIT_HARD(quarantine_sync),
		.domain = ut_new_domain(test, dev, t->flags),
	};
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(q.domain, dev, t->pasid), 0);
	ut_map(test, q.domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, pa));
	quarantine_mute(dev, iommu);
	iommu_iotlb_gather_init(&q.gather);
	KUNIT_EXPECT_EQ(test, iommu_unmap_fast(q.domain, IOVA, PAGE_SIZE,
					       &q.gather), PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, irq_work_queue(&q.work));
	irq_work_sync(&q.work);
	KUNIT_EXPECT_FALSE(test, ut_reaches(dev, t->pasid, pa));
	KUNIT_EXPECT_LE(test, iommu->timeouts, QUARANTINE_TIMEOUTS);
	quarantine_unmute(iommu);
	ut_map(test, q.domain, pa);
	quarantine_check_back(test, q.domain, dev, t->pasid, pa);
	ut_detach(q.domain, dev, t->pasid);
}

/*
 * While one CPU puts the device into quarantine, an unmap on another does not
 * return before the hardware blocks the device.
 */
static void two_submitters_to_mute_device(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	const unsigned long other = IOVA + SZ_2M;
	phys_addr_t pa = ut_new_page(test);
	struct ut_thread thread;
	int i, j;

	for (i = 0; i < ROUNDS / 2; i++) {
		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID),
				0);
		ut_map(test, domain, pa);
		for (j = 0; j < 4; j++) {
			KUNIT_ASSERT_EQ(test,
					iommu_map(domain, other + j * PAGE_SIZE,
						  pa, PAGE_SIZE, PROT,
						  GFP_KERNEL), 0);
			ut_reaches_at(dev, IOMMU_NO_PASID,
				      other + j * PAGE_SIZE, pa);
		}
		quarantine_mute(dev, iommu);
		iommu->errors.latency = LATENCY;
		ut_start(test, &thread, ut_unmap_work, domain);
		for (j = 0; j < 4; j++) {
			iommu_unmap(domain, other + j * PAGE_SIZE, PAGE_SIZE);
			KUNIT_EXPECT_FALSE(test,
					   ut_reaches_at(dev, IOMMU_NO_PASID,
							 other + j * PAGE_SIZE,
							 pa));
		}
		ut_join(&thread);
		KUNIT_EXPECT_FALSE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
		quarantine_unmute(iommu);
		ut_detach(domain, dev, IOMMU_NO_PASID);
	}
}

static struct kunit_case quarantine_cases[] = {
	KUNIT_CASE_PARAM(mute_device, ats_gen_params),
	KUNIT_CASE_PARAM(gone_device, ats_gen_params),
	KUNIT_CASE_PARAM(attach_of_mute_device, ats_gen_params),
	KUNIT_CASE(reset_of_mute_device),
	KUNIT_CASE(unknown_mute_device),
	KUNIT_CASE(slow_device),
	KUNIT_CASE(lost_invalidations),
	KUNIT_CASE_PARAM(mute_device_in_hardirq, ats_gen_params),
	KUNIT_CASE(two_submitters_to_mute_device),
	{}
};

static struct kunit_suite quarantine_suite = {
	.name = "intel_iommu_quarantine",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = quarantine_cases,
};

kunit_test_suites(&quarantine_suite);

MODULE_DESCRIPTION("KUnit tests of unresponsive devices on mock Intel IOMMUs");
MODULE_LICENSE("GPL");
