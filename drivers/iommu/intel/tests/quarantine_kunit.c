// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the quarantine of devices that do not answer device-TLB
 * invalidations, on mock IOMMUs.
 *
 * A device is mute if it is present and does not answer. After several
 * time-outs, the unmap that waits for it must end, the DMA of the device must
 * fail, and the device must not cost more time-outs. The driver probes it on
 * attach and periodically, and lets it access memory again if it answers.
 *
 * The suite also compiles for a driver without quarantine. There, the functions
 * that configure the quarantine have no effect, and the cases fail.
 */

#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>

#include "../iommu.h"
#include "fixture.h"

#define QUARANTINE_UNMAPS	8
/* Latency of the mock IOMMU in ns, which sets the duration of a time-out */
#define QUARANTINE_LATENCY	(60 * NSEC_PER_MSEC)
/* Time in ms that is longer than any test */
#define QUARANTINE_LONG_DELAY	(60 * 60 * MSEC_PER_SEC)

/* Set the number of time-outs after which a device is quarantined. */
static void quarantine_set_limit(unsigned int limit)
{
#ifdef DMAR_TIMEOUT_LIMIT
	dmar_timeout_limit = limit;
#endif
}

/* Set the total duration in ns of time-outs that also leads to quarantine. */
static void quarantine_set_limit_ns(u64 limit)
{
#ifdef DMAR_TIMEOUT_LIMIT_NS
	dmar_timeout_limit_ns = limit;
#endif
}

/* Set the time in ms from the start of a quarantine to the first probe. */
static void quarantine_set_delay(unsigned int delay)
{
#ifdef DMAR_QUARANTINE_DELAY
	dmar_quarantine_delay = delay;
#endif
}

/* Time-outs after which a mute device must be in quarantine */
#define QUARANTINE_TIMEOUTS	3

/**
 * struct quarantine_mute - a device that does not answer, and one that does
 * @iommu: Their IOMMU.
 * @dev: The mute device.
 * @pasid: PASID of the attachments of both devices.
 * @domain: Domain of both devices.
 * @pa: Page that @domain maps at %IOVA when @dev becomes mute.
 * @next: Page that @domain maps at %IOVA from then on.
 * @sibling: The other device.
 */
struct quarantine_mute {
	struct mock_iommu *iommu;
	struct device *dev;
	ioasid_t pasid;
	struct iommu_domain *domain;
	phys_addr_t pa, next;
	struct device *sibling;
};

static struct quarantine_mute quarantine_new_mute(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct quarantine_mute m = {
		.iommu = mock_iommu(t->iommu),
		.dev = ut_dev(t),
		.pasid = t->pasid,
		.pa = ut_new_page(test),
		.next = ut_new_page(test),
		.sibling = ut_sibling(t),
	};

	m.domain = ut_new_domain(test, m.dev, t->flags);
	KUNIT_ASSERT_EQ(test, ut_attach(m.domain, m.dev, m.pasid), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(m.domain, m.sibling, m.pasid), 0);
	ut_map(test, m.domain, m.pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(m.dev, m.pasid, m.pa));
	KUNIT_EXPECT_TRUE(test, ut_reaches(m.sibling, m.pasid, m.pa));
	mock_reset();
	return m;
}

static void quarantine_set_mute(struct quarantine_mute *m, bool mute)
{
	/* The latency limits what a driver that retries without end logs. */
	mock_set_errors(m->iommu, (struct mock_errors) {
		.latency = mute ? NSEC_PER_MSEC : 0,
		.ite = mute ? ut_sid(m->dev) : 0,
	});
}

/*
 * Expect @n time-outs of @devices devices. The driver may count one of each
 * device twice, because the mock IOMMU clears an error only when it reads the
 * register the next time, and quarantine the device one time-out early.
 */
static void quarantine_expect_timeouts(struct kunit *test,
				       const struct mock_iommu *iommu,
				       unsigned int n, unsigned int devices)
{
	KUNIT_EXPECT_LE(test, iommu->timeouts, n);
	KUNIT_EXPECT_GE(test, iommu->timeouts, n - devices);
}

/*
 * Run @work, an unmap that a mute device may hold up. Returns true if the unmap
 * ends within a few time-outs. Otherwise lets the device answer, so that the
 * unmap ends, and returns false.
 */
static bool quarantine_work_ends(struct kunit *test, struct quarantine_mute *m,
				 void (*work)(void *data))
{
	struct ut_thread thread;
	bool stuck;

	ut_start(test, &thread, work, m->domain);
	stuck = ut_wait_for_timeouts(&thread, m->iommu,
				     2 * QUARANTINE_TIMEOUTS);
	if (stuck)
		quarantine_set_mute(m, false);
	ut_join(&thread);
	return !stuck;
}

/*
 * Make the device mute, and unmap the page, which puts the device into
 * quarantine. Then map another page.
 */
static void quarantine_begin(struct kunit *test, struct quarantine_mute *m)
{
	quarantine_set_mute(m, true);
	KUNIT_EXPECT_TRUE(test, quarantine_work_ends(test, m, ut_unmap_work));
	quarantine_expect_timeouts(test, m->iommu, QUARANTINE_TIMEOUTS, 1);
	KUNIT_EXPECT_FALSE(test, ut_reaches(m->dev, m->pasid, m->pa));
	KUNIT_EXPECT_FALSE(test, ut_reaches(m->sibling, m->pasid, m->pa));
	ut_map(test, m->domain, m->next);
}

static void quarantine_end_test(struct kunit *test, struct quarantine_mute *m)
{
	ut_check_attached(test, m->domain, m->dev, m->pasid);
	ut_detach(m->domain, m->sibling, m->pasid);
	ut_detach(m->domain, m->dev, m->pasid);
}

/*
 * A mute device is quarantined: the unmap ends, the device reaches nothing, and
 * it costs no more time-outs. Others are not affected.
 */
static void mute_device_is_quarantined(struct kunit *test)
{
	struct quarantine_mute m = quarantine_new_mute(test);

	quarantine_begin(test, &m);
	KUNIT_EXPECT_FALSE(test, ut_reaches(m.dev, m.pasid, m.next));
	KUNIT_EXPECT_TRUE(test, ut_reaches(m.sibling, m.pasid, m.next));
	ut_unmap(test, m.domain);
	KUNIT_EXPECT_FALSE(test, ut_reaches(m.sibling, m.pasid, m.next));
	ut_map(test, m.domain, m.next);
	ut_unmap_often(test, m.domain, m.next, QUARANTINE_UNMAPS);
	quarantine_expect_timeouts(test, m.iommu, QUARANTINE_TIMEOUTS, 1);

	quarantine_set_mute(&m, false);
	KUNIT_EXPECT_FALSE(test, ut_reaches(m.dev, m.pasid, m.next));
	ut_unmap(test, m.domain);
	ut_detach(m.domain, m.dev, m.pasid);
	KUNIT_ASSERT_EQ(test, ut_attach(m.domain, m.dev, m.pasid), 0);
	quarantine_end_test(test, &m);
}

/*
 * When a device that answers again is attached, it uses the current mappings of
 * its domain, and no translations that its device TLB held before.
 */
static void attach_ends_quarantine(struct kunit *test)
{
	struct quarantine_mute m = quarantine_new_mute(test);
	struct iommu_domain *other = ut_new_domain(test, m.dev, 0);
	struct iommu_attach_handle handles[2];

	quarantine_begin(test, &m);
	quarantine_set_mute(&m, false);
	KUNIT_ASSERT_EQ(test, ut_replace(other, m.dev, m.pasid, &handles[0]),
			0);
	ut_check_detached(test, m.dev, m.pasid);
	KUNIT_ASSERT_EQ(test, ut_replace(m.domain, m.dev, m.pasid,
					 &handles[1]), 0);
	KUNIT_EXPECT_FALSE(test, ut_reaches(m.dev, m.pasid, m.pa));
	KUNIT_EXPECT_TRUE(test, ut_reaches(m.dev, m.pasid, m.next));
	quarantine_expect_timeouts(test, m.iommu, QUARANTINE_TIMEOUTS, 1);
	ut_unmap(test, m.domain);
	ut_check_attached(test, m.domain, m.dev, m.pasid);
	ut_detach(m.domain, m.sibling, m.pasid);
	ut_detach_handle(m.domain, m.dev, m.pasid);
}

/*
 * A device that is still mute when it is attached stays in quarantine, at the
 * cost of one time-out. In contrast to a detach, a replace leaves ATS enabled.
 */
static void attach_keeps_quarantine(struct kunit *test)
{
	struct quarantine_mute m = quarantine_new_mute(test);
	struct iommu_domain *other = ut_new_domain(test, m.dev, 0);
	struct iommu_attach_handle handles[2];

	quarantine_begin(test, &m);
	KUNIT_ASSERT_EQ(test, ut_replace(other, m.dev, m.pasid, &handles[0]),
			0);
	quarantine_expect_timeouts(test, m.iommu, QUARANTINE_TIMEOUTS + 1, 1);
	ut_map(test, other, m.pa);
	ut_check_detached(test, m.dev, m.pasid);
	ut_unmap(test, other);
	quarantine_expect_timeouts(test, m.iommu, QUARANTINE_TIMEOUTS + 1, 1);

	quarantine_set_mute(&m, false);
	KUNIT_ASSERT_EQ(test, ut_replace(m.domain, m.dev, m.pasid,
					 &handles[1]), 0);
	ut_unmap(test, m.domain);
	ut_check_attached(test, m.domain, m.dev, m.pasid);
	ut_detach(m.domain, m.sibling, m.pasid);
	ut_detach_handle(m.domain, m.dev, m.pasid);
}

/*
 * A reset ends the quarantine. It disables ATS, which the PCI core enables
 * again only after pci_dev_reset_iommu_done().
 */
static void reset_ends_quarantine(struct kunit *test)
{
	struct quarantine_mute m = quarantine_new_mute(test);
	struct pci_dev *pdev = to_pci_dev(m.dev);
	int pos = pdev->ats_cap + PCI_ATS_CTRL;
	u16 ctrl, after;

	quarantine_begin(test, &m);
	KUNIT_ASSERT_EQ(test, pci_dev_reset_iommu_prepare(pdev), 0);
	pci_read_config_word(pdev, pos, &ctrl);
	pci_write_config_word(pdev, pos, 0);
	quarantine_set_mute(&m, false);
	pci_dev_reset_iommu_done(pdev);
	pci_read_config_word(pdev, pos, &after);
	/* In legacy mode, the driver disables ATS at detach. */
	KUNIT_EXPECT_EQ(test, after, ctrl & PCI_ATS_CTRL_ENABLE ? 0 :
				     PCI_ATS_CTRL_ENABLE);
	pci_write_config_word(pdev, pos, ctrl | PCI_ATS_CTRL_ENABLE);
	KUNIT_EXPECT_FALSE(test, ut_reaches(m.dev, m.pasid, m.pa));
	KUNIT_EXPECT_TRUE(test, ut_reaches(m.dev, m.pasid, m.next));
	ut_unmap(test, m.domain);
	quarantine_expect_timeouts(test, m.iommu, QUARANTINE_TIMEOUTS, 1);
	quarantine_end_test(test, &m);
}

/* An answer clears the count of time-outs. */
static void answer_clears_timeouts(struct kunit *test)
{
	struct quarantine_mute m = quarantine_new_mute(test);
	struct ut_thread thread;
	int i;

	for (i = 0; i < 3; i++) {
		/*
		 * The latency leaves time to clear the error after one
		 * time-out.
		 */
		mock_set_errors(m.iommu, (struct mock_errors) {
			.latency = 5 * QUARANTINE_LATENCY,
			.ite = ut_sid(m.dev),
		});
		ut_start(test, &thread, ut_unmap_work, m.domain);
		KUNIT_EXPECT_TRUE(test, ut_wait_for_timeouts(&thread, m.iommu,
							     1));
		quarantine_set_mute(&m, false);
		ut_join(&thread);
		ut_map(test, m.domain, m.pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(m.dev, m.pasid, m.pa));
	}
	KUNIT_EXPECT_GE(test, m.iommu->timeouts, QUARANTINE_TIMEOUTS);
	ut_unmap(test, m.domain);
	quarantine_end_test(test, &m);
}

/*
 * Long time-outs lead to quarantine before the limit on their number is
 * reached. Here, two of them suffice, or one that a busy host prolongs.
 */
static void long_timeouts_quarantine(struct kunit *test)
{
	struct quarantine_mute m = quarantine_new_mute(test);

	quarantine_set_limit(UINT_MAX - 1);
	quarantine_set_limit_ns(QUARANTINE_LATENCY * 3 / 2);
	mock_set_errors(m.iommu, (struct mock_errors) {
		.latency = QUARANTINE_LATENCY,
		.ite = ut_sid(m.dev),
	});
	KUNIT_EXPECT_TRUE(test, quarantine_work_ends(test, &m,
						     ut_unmap_work));
	KUNIT_EXPECT_GE(test, m.iommu->timeouts, 1);
	KUNIT_EXPECT_LE(test, m.iommu->timeouts, 2);
	KUNIT_EXPECT_FALSE(test, ut_reaches(m.dev, m.pasid, m.pa));
	quarantine_set_mute(&m, false);
	ut_detach(m.domain, m.dev, m.pasid);
	KUNIT_ASSERT_EQ(test, ut_attach(m.domain, m.dev, m.pasid), 0);
	quarantine_end_test(test, &m);
}

/*
 * A device in quarantine is probed periodically, and can access memory again
 * once it answers.
 */
static void probe_ends_quarantine(struct kunit *test)
{
	struct quarantine_mute m = quarantine_new_mute(test);
	u64 limit;

	quarantine_set_delay(10);
	quarantine_begin(test, &m);
	KUNIT_EXPECT_FALSE(test, ut_reaches(m.dev, m.pasid, m.next));
	quarantine_set_mute(&m, false);
	limit = ktime_get_ns() + 20 * (u64)NSEC_PER_SEC;
	while (!ut_reaches(m.dev, m.pasid, m.next) && ktime_get_ns() < limit)
		msleep(20);
	KUNIT_EXPECT_TRUE(test, ut_reaches(m.dev, m.pasid, m.next));
	KUNIT_EXPECT_FALSE(test, ut_reaches(m.dev, m.pasid, m.pa));
	ut_unmap(test, m.domain);
	quarantine_end_test(test, &m);
}

/*
 * A device that answers again is attached while an invalidation for a mute one
 * is queued. The time-out of the latter also aborts the probe of the former.
 */
static void attach_beside_mute_device(struct kunit *test)
{
	struct quarantine_mute m = quarantine_new_mute(test);
	struct iommu_domain *other = ut_new_domain(test, m.sibling, 0);
	struct iommu_domain *next = ut_new_domain(test, m.dev, 0);
	struct iommu_attach_handle handle;
	phys_addr_t pa = ut_new_page(test);
	struct ut_thread thread;

	quarantine_begin(test, &m);
	ut_unmap(test, m.domain);
	ut_detach(m.domain, m.sibling, m.pasid);
	KUNIT_ASSERT_EQ(test, ut_attach(other, m.sibling, IOMMU_NO_PASID), 0);
	ut_map(test, other, pa);
	mock_set_errors(m.iommu, (struct mock_errors) {
		.ite2 = ut_sid(m.sibling),
		.ite_run_on = true,
	});
	/* Both invalidations are executed when the second one is queued. */
	mock_hold(m.iommu, 2);
	ut_start(test, &thread, ut_unmap_work, other);
	KUNIT_EXPECT_TRUE(test, ut_wait_for_work(&thread, m.iommu));
	KUNIT_ASSERT_EQ(test, ut_replace(next, m.dev, m.pasid, &handle), 0);
	mock_hold(m.iommu, 0);
	ut_join(&thread);
	mock_set_errors(m.iommu, (struct mock_errors) {});
	ut_check_attached(test, next, m.dev, m.pasid);
	ut_detach(other, m.sibling, IOMMU_NO_PASID);
	ut_detach_handle(next, m.dev, m.pasid);
}

/* A sleeping device that keeps its state is quarantined like a mute one. */
static void sleeping_device_is_quarantined(struct kunit *test)
{
	struct quarantine_mute m = quarantine_new_mute(test);

	mock_sleep(m.dev, true);
	KUNIT_EXPECT_TRUE(test, quarantine_work_ends(test, &m, ut_unmap_work));
	mock_wake(m.dev);
	KUNIT_EXPECT_FALSE(test, ut_reaches(m.dev, m.pasid, m.pa));
	ut_detach(m.domain, m.dev, m.pasid);
	KUNIT_ASSERT_EQ(test, ut_attach(m.domain, m.dev, m.pasid), 0);
	quarantine_end_test(test, &m);
}

/*
 * A removed device is not quarantined, even if a single time-out suffices: it
 * has been reset when it comes back.
 */
static void removed_device_is_not_quarantined(struct kunit *test)
{
	struct quarantine_mute m = quarantine_new_mute(test);

	quarantine_set_limit(1);
	mock_set_removed(m.dev, true);
	ut_unmap(test, m.domain);
	KUNIT_EXPECT_EQ(test, m.iommu->timeouts, 1);
	mock_set_removed(m.dev, false);
	ut_map(test, m.domain, m.next);
	KUNIT_EXPECT_TRUE(test, ut_reaches(m.dev, m.pasid, m.next));
	ut_unmap(test, m.domain);
	quarantine_end_test(test, &m);
}

/*
 * When a quarantine ends, the device TLB is empty for all PASIDs, including
 * those that were detached during the quarantine.
 */
static void detached_pasid_is_invalidated(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct quarantine_mute m = {
		.iommu = mock_iommu(MOCK_SS),
		.dev = dev,
		.pasid = IOMMU_NO_PASID,
		.domain = ut_new_domain(test, dev, 0),
	};
	struct iommu_domain *first = ut_new_domain(test, dev, 0);
	struct iommu_domain *second = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test), next = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(m.domain, dev, m.pasid), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(first, dev, PASID), 0);
	ut_map(test, m.domain, pa);
	ut_map(test, first, pa);
	ut_map(test, second, next);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, m.pasid, pa));
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, PASID, pa));
	quarantine_set_mute(&m, true);
	KUNIT_EXPECT_TRUE(test, quarantine_work_ends(test, &m, ut_unmap_work));
	ut_detach(first, dev, PASID);

	quarantine_set_mute(&m, false);
	KUNIT_ASSERT_EQ(test, ut_attach(second, dev, PASID), 0);
	KUNIT_EXPECT_FALSE(test, ut_reaches(dev, PASID, pa));
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, PASID, next));
	ut_detach(second, dev, PASID);
	ut_check_attached(test, m.domain, dev, m.pasid);
	ut_detach(m.domain, dev, m.pasid);
}

/* Only the mute device is quarantined, even if its id is not reported. */
static void mute_device_not_reported(struct kunit *test)
{
	struct quarantine_mute m = quarantine_new_mute(test);

	mock_set_errors(m.iommu, (struct mock_errors) {
		.latency = NSEC_PER_MSEC,
		.ite = ut_sid(m.dev),
		.ite_no_sid = true,
	});
	KUNIT_EXPECT_TRUE(test, quarantine_work_ends(test, &m, ut_unmap_work));
	KUNIT_EXPECT_FALSE(test, ut_reaches(m.dev, m.pasid, m.pa));
	ut_map(test, m.domain, m.next);
	KUNIT_EXPECT_FALSE(test, ut_reaches(m.dev, m.pasid, m.next));
	KUNIT_EXPECT_TRUE(test, ut_reaches(m.sibling, m.pasid, m.next));
	ut_unmap(test, m.domain);
	KUNIT_EXPECT_FALSE(test, ut_reaches(m.sibling, m.pasid, m.next));
	quarantine_set_mute(&m, false);
	ut_detach(m.domain, m.dev, m.pasid);
	KUNIT_ASSERT_EQ(test, ut_attach(m.domain, m.dev, m.pasid), 0);
	quarantine_end_test(test, &m);
}

/*
 * Two mute devices are both quarantined. Unmaps for another device cost no
 * time-outs afterwards.
 */
static void mute_devices_are_quarantined(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev[2] = { mock_dev(MOCK_SS, 1), mock_dev(MOCK_SS, 2) };
	struct device *bystander = mock_dev(MOCK_SS, 0);
	struct iommu_domain *other = ut_new_domain(test, bystander, 0);
	phys_addr_t pa = ut_new_page(test);
	struct iommu_domain *domain[2];
	struct ut_thread thread[2];
	bool stuck;
	int i;

	KUNIT_ASSERT_EQ(test, ut_attach(other, bystander, IOMMU_NO_PASID), 0);
	for (i = 0; i < 2; i++) {
		domain[i] = ut_new_domain(test, dev[i], 0);
		KUNIT_ASSERT_EQ(test, ut_attach(domain[i], dev[i],
						IOMMU_NO_PASID), 0);
		ut_map(test, domain[i], pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev[i], IOMMU_NO_PASID, pa));
	}
	mock_set_errors(iommu, (struct mock_errors) {
		.latency = NSEC_PER_MSEC,
		.ite = ut_sid(dev[0]),
		.ite2 = ut_sid(dev[1]),
	});
	for (i = 0; i < 2; i++)
		ut_start(test, &thread[i], ut_unmap_work, domain[i]);
	stuck = false;
	for (i = 0; i < 2; i++)
		stuck |= ut_wait_for_timeouts(&thread[i], iommu,
					      8 * QUARANTINE_TIMEOUTS);
	if (stuck)
		mock_set_errors(iommu, (struct mock_errors) {});
	for (i = 0; i < 2; i++)
		ut_join(&thread[i]);
	KUNIT_EXPECT_FALSE(test, stuck);
	quarantine_expect_timeouts(test, iommu, 2 * QUARANTINE_TIMEOUTS, 2);
	for (i = 0; i < QUARANTINE_UNMAPS; i++)
		ut_check_attached(test, other, bystander, IOMMU_NO_PASID);
	quarantine_expect_timeouts(test, iommu, 2 * QUARANTINE_TIMEOUTS, 2);
	mock_set_errors(iommu, (struct mock_errors) {});
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_FALSE(test, ut_reaches(dev[i], IOMMU_NO_PASID,
						    pa));
		ut_detach(domain[i], dev[i], IOMMU_NO_PASID);
		KUNIT_ASSERT_EQ(test, ut_attach(domain[i], dev[i],
						IOMMU_NO_PASID), 0);
		ut_check_attached(test, domain[i], dev[i], IOMMU_NO_PASID);
		ut_detach(domain[i], dev[i], IOMMU_NO_PASID);
	}
	ut_detach(other, bystander, IOMMU_NO_PASID);
}

/*
 * Two unmaps wait for the same mute device. Once one of them has quarantined
 * it, the other one causes no further time-outs.
 */
static void mute_device_and_two_unmaps(struct kunit *test)
{
	const ioasid_t pasid[2] = { IOMMU_NO_PASID, PASID };
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	phys_addr_t pa = ut_new_page(test);
	struct iommu_domain *domain[2];
	struct ut_thread thread[2];
	bool stuck = false;
	int i;

	for (i = 0; i < 2; i++) {
		domain[i] = ut_new_domain(test, dev, 0);
		KUNIT_ASSERT_EQ(test, ut_attach(domain[i], dev, pasid[i]), 0);
		ut_map(test, domain[i], pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, pasid[i], pa));
	}
	mock_set_errors(iommu, (struct mock_errors) {
		.latency = QUARANTINE_LATENCY,
		.ite = ut_sid(dev),
	});
	for (i = 0; i < 2; i++)
		ut_start(test, &thread[i], ut_unmap_work, domain[i]);
	for (i = 0; i < 2; i++)
		stuck |= ut_wait_for_timeouts(&thread[i], iommu,
					      4 * QUARANTINE_TIMEOUTS);
	mock_set_errors(iommu, (struct mock_errors) {});
	for (i = 0; i < 2; i++)
		ut_join(&thread[i]);
	KUNIT_EXPECT_FALSE(test, stuck);
	quarantine_expect_timeouts(test, iommu, QUARANTINE_TIMEOUTS, 1);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_FALSE(test, ut_reaches(dev, pasid[i], pa));
		ut_detach(domain[i], dev, pasid[i]);
	}
	KUNIT_ASSERT_EQ(test, ut_attach(domain[0], dev, IOMMU_NO_PASID), 0);
	ut_check_attached(test, domain[0], dev, IOMMU_NO_PASID);
	ut_detach(domain[0], dev, IOMMU_NO_PASID);
}

/**
 * struct quarantine_irq_sync - IOTLB synchronisation in hard interrupt context
 * @work: Runs the synchronisation.
 * @domain: Domain that pages were unmapped from.
 * @gather: The range that has been unmapped.
 */
struct quarantine_irq_sync {
	struct irq_work work;
	struct iommu_domain *domain;
	struct iommu_iotlb_gather gather;
};

static void quarantine_sync_in_irq(struct irq_work *work)
{
	struct quarantine_irq_sync *s = container_of(work, typeof(*s), work);

	iommu_iotlb_sync(s->domain, &s->gather);
}

static void quarantine_unmap_in_irq_work(void *data)
{
	struct quarantine_irq_sync s = {
		.work = IRQ_WORK_INIT_HARD(quarantine_sync_in_irq),
		.domain = data,
	};

	iommu_iotlb_gather_init(&s.gather);
	iommu_unmap_fast(s.domain, IOVA, PAGE_SIZE, &s.gather);
	irq_work_queue(&s.work);
	irq_work_sync(&s.work);
}

/* A flush in a hard interrupt handler quarantines a device as well. */
static void quarantine_in_hardirq(struct kunit *test)
{
	struct quarantine_mute m = quarantine_new_mute(test);

	quarantine_set_mute(&m, true);
	KUNIT_EXPECT_TRUE(test,
			  quarantine_work_ends(test, &m,
					       quarantine_unmap_in_irq_work));
	quarantine_expect_timeouts(test, m.iommu, QUARANTINE_TIMEOUTS, 1);
	KUNIT_EXPECT_FALSE(test, ut_reaches(m.dev, m.pasid, m.pa));
	quarantine_set_mute(&m, false);
	ut_detach(m.domain, m.dev, m.pasid);
	KUNIT_ASSERT_EQ(test, ut_attach(m.domain, m.dev, m.pasid), 0);
	quarantine_end_test(test, &m);
}

static bool quarantine_in_few(const struct ut_topology *t)
{
	return (t->iommu == MOCK_LEGACY || t->iommu == MOCK_FS) && t->dev == 1 &&
	       ut_has_pasid(t) == (t->iommu == MOCK_FS) && !t->flags;
}

/* Two topologies, for cases that do not depend on the topology */
static const void *quarantine_few_gen_params(struct kunit *test,
					     const void *prev, char *desc)
{
	return ut_filter_topologies(test, prev, desc, quarantine_in_few);
}

static int quarantine_init(struct kunit *test)
{
	quarantine_set_delay(QUARANTINE_LONG_DELAY);
	/* Time-outs may take long on a busy host. Most cases count them. */
	quarantine_set_limit_ns(U64_MAX);
	return ut_init(test);
}

static void quarantine_exit(struct kunit *test)
{
#ifdef DMAR_QUARANTINE_DELAY
	quarantine_set_limit(DMAR_TIMEOUT_LIMIT);
	quarantine_set_limit_ns(DMAR_TIMEOUT_LIMIT_NS);
	quarantine_set_delay(DMAR_QUARANTINE_DELAY);
#endif
}

static struct kunit_case quarantine_cases[] = {
	KUNIT_CASE_PARAM(mute_device_is_quarantined, ut_ats_gen_params),
	KUNIT_CASE_PARAM(attach_ends_quarantine, ut_ats_gen_params),
	KUNIT_CASE_PARAM(attach_keeps_quarantine, ut_ats_gen_params),
	KUNIT_CASE_PARAM(reset_ends_quarantine, ut_ats_gen_params),
	KUNIT_CASE_PARAM(answer_clears_timeouts,
			 quarantine_few_gen_params),
	KUNIT_CASE_PARAM(long_timeouts_quarantine,
			 quarantine_few_gen_params),
	KUNIT_CASE_PARAM(probe_ends_quarantine,
			 quarantine_few_gen_params),
	KUNIT_CASE_PARAM(attach_beside_mute_device,
			 quarantine_few_gen_params),
	KUNIT_CASE_PARAM(sleeping_device_is_quarantined,
			 quarantine_few_gen_params),
	KUNIT_CASE_PARAM(removed_device_is_not_quarantined,
			 quarantine_few_gen_params),
	KUNIT_CASE_PARAM(mute_device_not_reported,
			 quarantine_few_gen_params),
	KUNIT_CASE(detached_pasid_is_invalidated),
	KUNIT_CASE(mute_devices_are_quarantined),
	KUNIT_CASE(mute_device_and_two_unmaps),
	KUNIT_CASE_PARAM(quarantine_in_hardirq,
			 quarantine_few_gen_params),
	{}
};

static struct kunit_suite quarantine_suite = {
	.name = "intel_iommu_quarantine",
	.suite_init = ut_suite_init,
	.init = quarantine_init,
	.exit = quarantine_exit,
	.test_cases = quarantine_cases,
};

kunit_test_suites(&quarantine_suite);

MODULE_DESCRIPTION("KUnit tests of the quarantine of devices on mock Intel IOMMUs");
MODULE_LICENSE("GPL");
