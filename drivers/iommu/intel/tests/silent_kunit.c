// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of devices that do not answer device-TLB invalidations, on mock
 * IOMMUs.
 *
 * A device that does not answer is called silent. It has been removed, it is
 * asleep, or it is mute: it does not answer although it is present and awake. A
 * removed device, or one that is reset when it wakes up, must cost only one
 * time-out, however many unmaps of its domain follow. A mute device must not
 * hold up other devices. The tests disable the quarantine of mute devices, so
 * the driver retries without limit; quarantine_kunit.c tests the quarantine. In
 * no case may a device reach a page after an unmap of that page has returned.
 */

#include <linux/pci.h>

#include "../iommu.h"
#include "fixture.h"

#define SILENT_UNMAPS		8
/* Latency of the mock IOMMU in ns, which sets the duration of a time-out */
#define SILENT_LATENCY		(60 * NSEC_PER_MSEC)

/*
 * A removed device costs one time-out. After it has come back, it receives
 * invalidations again without being attached again.
 */
static void removed_device_costs_one_timeout(struct kunit *test)
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
	mock_set_removed(dev, true);
	ut_unmap_often(test, domain, pa, SILENT_UNMAPS);
	ut_check_attached(test, other, sibling, IOMMU_NO_PASID);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 1);

	mock_set_removed(dev, false);
	ut_unmap(test, domain);
	ut_check_attached(test, domain, dev, t->pasid);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 1);
	/* Once it answers, its invalidations need no separate submission. */
	ut_map(test, domain, pa);
	mock_reset();
	ut_unmap(test, domain);
	KUNIT_EXPECT_EQ(test, ut_count(test, t->iommu, MOCK_INV_WAIT), 1);
	ut_detach(other, sibling, IOMMU_NO_PASID);
	ut_detach(domain, dev, t->pasid);
}

/*
 * A removed device costs one time-out even if the hardware does not report its
 * requester id. Another device of the domain still receives invalidations.
 */
static void removed_device_not_reported(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct device *sibling = mock_dev(MOCK_SS, 2);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, sibling, IOMMU_NO_PASID), 0);
	ut_map(test, domain, pa);
	mock_set_removed(dev, true);
	mock_set_errors(iommu, (struct mock_errors) {
		.latency = NSEC_PER_MSEC,
		.ite = ut_sid(dev),
		.ite_no_sid = true,
	});
	ut_unmap_often(test, domain, pa, SILENT_UNMAPS);
	ut_unmap(test, domain);
	ut_check_attached(test, domain, sibling, IOMMU_NO_PASID);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 1);
	mock_set_removed(dev, false);
	mock_set_errors(iommu, (struct mock_errors) {});
	ut_check_attached(test, domain, dev, IOMMU_NO_PASID);
	ut_detach(domain, sibling, IOMMU_NO_PASID);
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

/*
 * A removed device comes back while the IOTLB is being invalidated. It may fill
 * its device TLB from the IOTLB, so the invalidation of its device TLB must not
 * be dropped.
 */
static void removed_device_back_during_flush(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);
	struct ut_thread thread;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	ut_map(test, domain, pa);
	mock_set_removed(dev, true);
	ut_unmap(test, domain);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 1);
	/* Fill the IOTLB. The device comes back with an empty device TLB. */
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));

	mock_hold(iommu, 2);
	ut_start(test, &thread, ut_unmap_work, domain);
	KUNIT_EXPECT_TRUE(test, ut_wait_for_work(&thread, iommu));
	mock_set_removed(dev, false);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
	mock_hold(iommu, 0);
	ut_join(&thread);
	ut_check_detached(test, dev, IOMMU_NO_PASID);
	ut_check_attached(test, domain, dev, IOMMU_NO_PASID);
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

/*
 * While a device is mute, the rest of the submission is repeated at most once,
 * or twice if the driver handles the first time-out twice (see mock/unit.c). The
 * unmap returns, and has taken effect, when the device answers.
 */
static void mute_device_is_submitted_alone(struct kunit *test)
{
	const struct ut_topology *t = test->param_value;
	struct mock_iommu *iommu = mock_iommu(t->iommu);
	struct device *dev = ut_dev(t), *sibling = ut_sibling(t);
	struct iommu_domain *domain = ut_new_domain(test, dev, t->flags);
	phys_addr_t pa = ut_new_page(test);
	struct ut_thread thread;
	bool waited, reached, done;
	unsigned int n;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, t->pasid), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, sibling, t->pasid), 0);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, t->pasid, pa));
	KUNIT_EXPECT_TRUE(test, ut_reaches(sibling, t->pasid, pa));
	mock_reset();
	mock_set_errors(iommu, (struct mock_errors) {
		.latency = NSEC_PER_MSEC,
		.ite = ut_sid(dev),
	});
	ut_start(test, &thread, ut_unmap_work, domain);
	waited = ut_wait_for_timeouts(&thread, iommu, 5);
	reached = ut_reaches(sibling, t->pasid, pa);
	done = READ_ONCE(thread.done);
	/*
	 * Check nothing before this: failure messages would be delayed while
	 * the driver logs its retries.
	 */
	mock_set_errors(iommu, (struct mock_errors) {});
	ut_join(&thread);
	KUNIT_EXPECT_TRUE(test, waited);
	KUNIT_EXPECT_FALSE(test, reached);
	KUNIT_EXPECT_FALSE(test, done);
	KUNIT_EXPECT_FALSE(test, ut_reaches(dev, t->pasid, pa));
	n = ut_count(test, t->iommu, MOCK_INV_IOTLB) +
	    ut_count(test, t->iommu, MOCK_INV_PIOTLB);
	KUNIT_EXPECT_GE(test, n, 1);
	KUNIT_EXPECT_LE(test, n, 3);
	ut_check_attached(test, domain, dev, t->pasid);
	ut_detach(domain, sibling, t->pasid);
	ut_detach(domain, dev, t->pasid);
}

/*
 * Unmap while @dev is asleep. Returns true if the unmap ends by itself.
 * Otherwise wakes the device up, so that the unmap ends, and returns false.
 */
static bool silent_unmap_asleep(struct kunit *test, struct iommu_domain *domain,
				struct device *dev, struct mock_iommu *iommu)
{
	struct ut_thread thread;
	bool stuck;

	ut_start(test, &thread, ut_unmap_work, domain);
	stuck = ut_wait_for_timeouts(&thread, iommu, 3);
	if (stuck)
		mock_wake(dev);
	ut_join(&thread);
	return !stuck;
}

/*
 * A device that sleeps, and is reset when it wakes up, costs one time-out. It
 * receives invalidations again when it is awake.
 */
static void sleeping_device_costs_one_timeout(struct kunit *test)
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
	mock_sleep(dev, false);
	KUNIT_EXPECT_TRUE(test, silent_unmap_asleep(test, domain, dev, iommu));
	ut_map(test, domain, pa);
	ut_unmap_often(test, domain, pa, SILENT_UNMAPS);
	ut_check_attached(test, other, sibling, IOMMU_NO_PASID);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 1);
	ut_unmap(test, domain);

	mock_wake(dev);
	ut_check_attached(test, domain, dev, t->pasid);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 1);
	ut_detach(other, sibling, IOMMU_NO_PASID);
	ut_detach(domain, dev, t->pasid);
}

/*
 * A device wakes up while the IOTLB is being invalidated. It may fill its
 * device TLB from the IOTLB, so the invalidation of its device TLB must not be
 * dropped.
 */
static void sleeping_device_wakes_during_flush(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct device *bystander = mock_dev(MOCK_SS, 0);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);
	struct ut_thread thread;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(domain, bystander, IOMMU_NO_PASID), 0);
	ut_map(test, domain, pa);
	mock_sleep(dev, false);
	KUNIT_EXPECT_TRUE(test, silent_unmap_asleep(test, domain, dev, iommu));
	ut_map(test, domain, pa);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 1);
	/* Fill the IOTLB. */
	KUNIT_EXPECT_TRUE(test, ut_reaches(bystander, IOMMU_NO_PASID, pa));

	mock_hold(iommu, 2);
	ut_start(test, &thread, ut_unmap_work, domain);
	KUNIT_EXPECT_TRUE(test, ut_wait_for_work(&thread, iommu));
	mock_wake(dev);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
	mock_hold(iommu, 0);
	ut_join(&thread);
	ut_check_detached(test, dev, IOMMU_NO_PASID);
	ut_check_attached(test, domain, dev, IOMMU_NO_PASID);
	ut_detach(domain, bystander, IOMMU_NO_PASID);
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

/*
 * A sleeping device that keeps its state may use its device TLB as soon as it
 * is awake. The unmap must not end before the device has answered.
 */
static void sleeping_device_keeps_state(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);
	struct ut_thread thread;
	bool waited, done;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	ut_map(test, domain, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
	mock_sleep(dev, true);
	ut_start(test, &thread, ut_unmap_work, domain);
	waited = ut_wait_for_timeouts(&thread, iommu, 3);
	done = READ_ONCE(thread.done);
	/*
	 * Check nothing before this: failure messages would be delayed while
	 * the driver logs its retries.
	 */
	mock_wake(dev);
	ut_join(&thread);
	KUNIT_EXPECT_TRUE(test, waited);
	KUNIT_EXPECT_FALSE(test, done);
	ut_check_detached(test, dev, IOMMU_NO_PASID);
	ut_check_attached(test, domain, dev, IOMMU_NO_PASID);
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

/* An unmap that waits for a mute device ends when the device is removed. */
static void mute_device_is_removed(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	phys_addr_t pa = ut_new_page(test);
	struct ut_thread thread;
	unsigned int n;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	ut_map(test, domain, pa);
	mock_set_errors(iommu, (struct mock_errors) {
		.latency = NSEC_PER_MSEC,
		.ite = ut_sid(dev),
	});
	ut_start(test, &thread, ut_unmap_work, domain);
	KUNIT_EXPECT_TRUE(test, ut_wait_for_timeouts(&thread, iommu, 3));
	mock_set_removed(dev, true);
	ut_join(&thread);
	n = iommu->timeouts;
	ut_map(test, domain, pa);
	ut_unmap_often(test, domain, pa, SILENT_UNMAPS);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, n);
	mock_set_removed(dev, false);
	ut_unmap(test, domain);
	ut_check_attached(test, domain, dev, IOMMU_NO_PASID);
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

/*
 * Map and unmap a page of @domain repeatedly. Expect that each unmap takes
 * effect, and that another device causes time-outs meanwhile.
 */
static void silent_unmap_beside(struct kunit *test, struct iommu_domain *domain,
				struct device *dev, struct mock_iommu *iommu)
{
	unsigned int i, timeouts = READ_ONCE(iommu->timeouts);
	phys_addr_t pa = ut_new_page(test);

	for (i = 0; i < SILENT_UNMAPS; i++) {
		ut_map(test, domain, pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
		ut_unmap(test, domain);
		KUNIT_EXPECT_FALSE(test, ut_reaches(dev, IOMMU_NO_PASID, pa));
	}
	KUNIT_EXPECT_GT(test, READ_ONCE(iommu->timeouts), timeouts);
}

static const struct silent_mute_case {
	const char *name;
	unsigned int devices;
} silent_mute_cases[] = {
	{ "one device", 1 },
	{ "two devices", 2 },
};

KUNIT_ARRAY_PARAM_DESC(mute, silent_mute_cases, name);

/*
 * Between retries for mute devices, the driver pauses, so that others can use
 * the queue. The pause lasts as long as the aborted submission, which has
 * waited for at least the latency of the mock IOMMU, and the next retry waits
 * for the latency again. Hence twice the latency passes from an error to the
 * next time-out. Without the pause, it would be the latency plus the 20 ms in
 * which the mock IOMMU settles after an error, below the limit checked here.
 */
static void mute_devices_beside_others(struct kunit *test)
{
	const struct silent_mute_case *c = test->param_value;
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev[2] = { mock_dev(MOCK_SS, 1), mock_dev(MOCK_SS, 2) };
	struct device *bystander = mock_dev(MOCK_SS, 0);
	struct iommu_domain *other = ut_new_domain(test, bystander, 0);
	phys_addr_t pa = ut_new_page(test);
	struct iommu_domain *domain[2];
	struct ut_thread thread[2];
	unsigned int i;
	u64 pause;

	KUNIT_ASSERT_EQ(test, ut_attach(other, bystander, IOMMU_NO_PASID), 0);
	for (i = 0; i < c->devices; i++) {
		domain[i] = ut_new_domain(test, dev[i], 0);
		KUNIT_ASSERT_EQ(test, ut_attach(domain[i], dev[i],
						IOMMU_NO_PASID), 0);
		ut_map(test, domain[i], pa);
		KUNIT_EXPECT_TRUE(test, ut_reaches(dev[i], IOMMU_NO_PASID, pa));
	}
	mock_set_errors(iommu, (struct mock_errors) {
		.latency = SILENT_LATENCY,
		.ite = ut_sid(dev[0]),
		.ite2 = c->devices > 1 ? ut_sid(dev[1]) : 0,
	});
	for (i = 0; i < c->devices; i++)
		ut_start(test, &thread[i], ut_unmap_work, domain[i]);
	KUNIT_EXPECT_TRUE(test, ut_wait_for_timeouts(&thread[0], iommu,
						     2 * c->devices));
	/* In the first call, the driver marks all mute devices as silent. */
	silent_unmap_beside(test, other, bystander, iommu);
	WRITE_ONCE(iommu->pause, U64_MAX);
	silent_unmap_beside(test, other, bystander, iommu);
	pause = READ_ONCE(iommu->pause);
	mock_set_errors(iommu, (struct mock_errors) {});
	KUNIT_EXPECT_GE(test, pause, 5 * SILENT_LATENCY / 3);
	KUNIT_EXPECT_NE(test, pause, U64_MAX);
	for (i = 0; i < c->devices; i++) {
		ut_join(&thread[i]);
		KUNIT_EXPECT_FALSE(test, ut_reaches(dev[i], IOMMU_NO_PASID,
						    pa));
		ut_check_attached(test, domain[i], dev[i], IOMMU_NO_PASID);
		ut_detach(domain[i], dev[i], IOMMU_NO_PASID);
	}
	ut_detach(other, bystander, IOMMU_NO_PASID);
}

/*
 * Let the driver retry until the device answers. A driver without quarantine
 * does so anyway.
 */
static int silent_init(struct kunit *test)
{
#ifdef DMAR_TIMEOUT_LIMIT
	dmar_timeout_limit = UINT_MAX;
#endif
	return ut_init(test);
}

static void silent_exit(struct kunit *test)
{
#ifdef DMAR_TIMEOUT_LIMIT
	dmar_timeout_limit = DMAR_TIMEOUT_LIMIT;
#endif
}

static struct kunit_case silent_cases[] = {
	KUNIT_CASE_PARAM(removed_device_costs_one_timeout, ut_ats_gen_params),
	KUNIT_CASE(removed_device_not_reported),
	KUNIT_CASE(removed_device_back_during_flush),
	KUNIT_CASE_PARAM(mute_device_is_submitted_alone, ut_ats_gen_params),
	KUNIT_CASE_PARAM(sleeping_device_costs_one_timeout, ut_ats_gen_params),
	KUNIT_CASE(sleeping_device_wakes_during_flush),
	KUNIT_CASE(sleeping_device_keeps_state),
	KUNIT_CASE(mute_device_is_removed),
	KUNIT_CASE_PARAM(mute_devices_beside_others, mute_gen_params),
	{}
};

static struct kunit_suite silent_suite = {
	.name = "intel_iommu_silent",
	.suite_init = ut_suite_init,
	.init = silent_init,
	.exit = silent_exit,
	.test_cases = silent_cases,
};

kunit_test_suites(&silent_suite);

MODULE_DESCRIPTION("KUnit tests of silent devices on mock Intel IOMMUs");
MODULE_LICENSE("GPL");
