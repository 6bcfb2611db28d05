// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of flushes that have submissions in flight on several IOMMUs, and
 * of several submissions in flight on one IOMMU: time-outs, queue errors and
 * full queues must not lose any of them.
 */

#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/processor.h>

#include "driver.h"
#include "../perf.h"

/* IOMMUs that a single second-stage domain can be attached through */
static const enum mock_iommu_id inflight_iommus[] = {
	MOCK_LEGACY_CM, MOCK_LEGACY, MOCK_SS, MOCK_FS, MOCK_FS2, MOCK_FS_CM,
};

#define INFLIGHT_IOMMUS	ARRAY_SIZE(inflight_iommus)

/* Device with ATS, if the IOMMU supports it */
static struct device *inflight_dev(unsigned int i)
{
	return mock_dev(inflight_iommus[i], 1);
}

static struct mock_iommu *inflight_iommu(unsigned int i)
{
	return mock_iommu(inflight_iommus[i]);
}

/* A domain that maps a page, attached through the first @nr IOMMUs */
static struct iommu_domain *inflight_domain(struct kunit *test, unsigned int nr,
					    phys_addr_t pa)
{
	struct iommu_domain *domain;
	unsigned int i;

	domain = ut_new_domain(test, inflight_dev(0), 0);
	for (i = 0; i < nr; i++)
		drv_attach(test, domain, inflight_dev(i), IOMMU_NO_PASID);
	ut_map(test, domain, pa);
	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_TRUE(test, ut_reaches(inflight_dev(i),
						   IOMMU_NO_PASID, pa));
	mock_reset();
	return domain;
}

static void inflight_check_unmapped(struct kunit *test, unsigned int nr,
				    phys_addr_t pa)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_FALSE(test, ut_reaches(inflight_dev(i),
						    IOMMU_NO_PASID, pa));
}

/*
 * Poll @condition for up to 20 seconds, as a busy host may be slow. This does not
 * sleep, because the flush that it waits for may disable interrupts on the CPU
 * whose timer would end the sleep.
 */
#define inflight_wait_until(condition)					\
({									\
	u64 __end = ktime_get_ns() + 20 * NSEC_PER_SEC;			\
	bool __is;							\
									\
	for (;;) {							\
		__is = (condition);					\
		if (__is || ktime_get_ns() >= __end)			\
			break;						\
		cond_resched();						\
	}								\
	__is;								\
})

#define INFLIGHT_EXPECT(test, condition)				\
	KUNIT_EXPECT_TRUE(test, inflight_wait_until(condition))

static unsigned int inflight_nr_waiting(unsigned int nr)
{
	unsigned int i, waiting = 0;

	for (i = 0; i < nr; i++)
		waiting += mock_has_work(inflight_iommu(i));
	return waiting;
}

/* Around the number of submissions that are kept on the stack */
static const unsigned int inflight_numbers[] = { 2, 3, 4, INFLIGHT_IOMMUS };

static void inflight_number_desc(const unsigned int *nr, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u IOMMUs", *nr);
}

KUNIT_ARRAY_PARAM(inflight_number, inflight_numbers, inflight_number_desc);

/*
 * No IOMMU executes anything before all of them have received their
 * invalidations. They complete in the reverse order.
 */
static void all_iommus_at_once(struct kunit *test)
{
	const unsigned int nr = *(const unsigned int *)test->param_value;
	phys_addr_t pa = ut_new_page(test);
	struct iommu_domain *domain = inflight_domain(test, nr, pa);
	struct ut_thread thread;
	unsigned int i;

	for (i = 0; i < nr; i++)
		mock_hold(inflight_iommu(i), UINT_MAX);
	ut_start(test, &thread, ut_unmap_work, domain);
	INFLIGHT_EXPECT(test, inflight_nr_waiting(nr) == nr);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(thread.done));
	for (i = nr; i--;) {
		mock_hold(inflight_iommu(i), 0);
		INFLIGHT_EXPECT(test, !mock_has_work(inflight_iommu(i)));
		/* The flush must not end before the last one. */
		if (i)
			KUNIT_EXPECT_FALSE(test, READ_ONCE(thread.done));
	}
	INFLIGHT_EXPECT(test, READ_ONCE(thread.done));
	ut_join(&thread);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, inflight_iommu(i)->doorbells, 1);
	inflight_check_unmapped(test, nr, pa);
}

/* Two flushes of one domain are in flight on the same IOMMU. */
static void two_flushes_at_once(struct kunit *test)
{
	struct mock_iommu *iommu = inflight_iommu(0);
	phys_addr_t pa = ut_new_page(test);
	struct iommu_domain *domain = inflight_domain(test, 1, pa);
	struct ut_thread thread;

	mock_hold(iommu, 2);
	ut_start(test, &thread, ut_unmap_work, domain);
	KUNIT_EXPECT_TRUE(test, ut_wait_for_work(&thread, iommu));
	iommu_flush_iotlb_all(domain);
	ut_join(&thread);
	KUNIT_EXPECT_EQ(test, iommu->doorbells, 2);
	inflight_check_unmapped(test, 1, pa);
}

/* Indices of IOMMUs with ATS */
static const unsigned int inflight_mute[] = { 1, 2, 3, 4, 5 };

static void inflight_mute_desc(const unsigned int *i, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "IOMMU %u", *i);
}

KUNIT_ARRAY_PARAM(inflight_mute, inflight_mute, inflight_mute_desc);

/*
 * A device behind one of the IOMMUs does not answer at first, and its submission
 * is aborted. Its device TLB is invalidated when it answers.
 */
static void timeout_on_one_iommu(struct kunit *test)
{
	const unsigned int mute = *(const unsigned int *)test->param_value;
	struct mock_iommu *iommu = inflight_iommu(mute);
	phys_addr_t pa = ut_new_page(test);
	struct iommu_domain *domain;
	struct ut_thread thread;

	domain = inflight_domain(test, INFLIGHT_IOMMUS, pa);
	mock_set_mute(iommu, ut_sid(inflight_dev(mute)));
	ut_start(test, &thread, ut_unmap_work, domain);
	KUNIT_EXPECT_TRUE(test, ut_wait_for_timeouts(&thread, iommu, 1));
	mock_set_mute(iommu, 0);
	INFLIGHT_EXPECT(test, READ_ONCE(thread.done));
	ut_join(&thread);
	inflight_check_unmapped(test, INFLIGHT_IOMMUS, pa);
}

/* A queue error on any of the IOMMUs is handled. */
static void queue_error_on_one_iommu(struct kunit *test)
{
	phys_addr_t pa = ut_new_page(test);
	struct iommu_domain *domain;
	struct ut_thread thread;
	unsigned int i;

	domain = inflight_domain(test, INFLIGHT_IOMMUS, pa);
	for (i = 0; i < INFLIGHT_IOMMUS; i++) {
		if (i)
			ut_map(test, domain, pa);
		mock_reset();
		mock_set_errors(inflight_iommu(i), (struct mock_errors) {
			.iqe = 1,
		});
		ut_start(test, &thread, ut_unmap_work, domain);
		INFLIGHT_EXPECT(test, READ_ONCE(thread.done));
		ut_join(&thread);
		/* The error has been raised. */
		KUNIT_EXPECT_EQ(test, inflight_iommu(i)->errors.iqe, 0);
		inflight_check_unmapped(test, INFLIGHT_IOMMUS, pa);
	}
}

/* Enough flushes to fill a queue in which an earlier slot stays occupied */
#define INFLIGHT_OTHERS	(QI_LENGTH / 2)

static void inflight_flush_work(void *domain)
{
	unsigned int i;

	for (i = 0; i < INFLIGHT_OTHERS; i++)
		iommu_flush_iotlb_all(domain);
}

/*
 * One IOMMU of a flush does not complete its invalidations. The flush frees the
 * slots of the other one at once, so that flushes of another domain can go on
 * there.
 */
static void slow_iommu_does_not_block_others(struct kunit *test)
{
	const unsigned int nr = 2;
	phys_addr_t pa = ut_new_page(test);
	struct iommu_domain *domain = inflight_domain(test, nr, pa);
	struct iommu_domain *others[2];
	struct ut_thread thread, other;
	unsigned int slow;

	for (slow = 0; slow < nr; slow++)
		others[slow] = ut_new_domain(test, inflight_dev(0), 0);
	for (slow = 0; slow < nr; slow++) {
		struct device *dev = mock_dev(inflight_iommus[!slow], 2);

		drv_attach(test, others[slow], dev, IOMMU_NO_PASID);
		if (slow)
			ut_map(test, domain, pa);
		mock_reset();
		mock_hold(inflight_iommu(slow), UINT_MAX);
		ut_start(test, &thread, ut_unmap_work, domain);
		KUNIT_EXPECT_TRUE(test, ut_wait_for_work(&thread,
							 inflight_iommu(slow)));
		ut_start(test, &other, inflight_flush_work, others[slow]);
		INFLIGHT_EXPECT(test, READ_ONCE(other.done));
		KUNIT_EXPECT_FALSE(test, READ_ONCE(thread.done));
		mock_hold(inflight_iommu(slow), 0);
		INFLIGHT_EXPECT(test, READ_ONCE(thread.done) &&
				READ_ONCE(other.done));
		ut_join(&thread);
		ut_join(&other);
	}
	inflight_check_unmapped(test, nr, pa);
}

/*
 * A removed device would need more invalidations than fit into one submission.
 * After the first time-out, none of the rest are submitted.
 */
static void removed_device_times_out_once(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	struct device *dev = mock_dev(MOCK_FS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, SECOND_STAGE);
	ioasid_t pasid;

	for (pasid = 1; pasid <= 200; pasid++)
		drv_attach(test, domain, dev, pasid);
	mock_reset();
	mock_set_removed(dev, true);
	mock_set_errors(iommu, (struct mock_errors) { .ite = ut_sid(dev) });
	iommu_flush_iotlb_all(domain);
	mock_set_errors(iommu, (struct mock_errors) {});
	mock_set_removed(dev, false);
	/* The mock may report an error that has just been cleared once more. */
	KUNIT_EXPECT_GE(test, iommu->timeouts, 1);
	KUNIT_EXPECT_LE(test, iommu->timeouts, 2);
}

/* Full queues */

/**
 * struct inflight_filler - thread that fills the queue of an IOMMU
 * @thread: The thread.
 * @iommu: The IOMMU.
 * @desc: As many descriptors as the queue holds beside a wait descriptor.
 * @ret: Return value of qi_submit_sync().
 */
struct inflight_filler {
	struct ut_thread thread;
	struct intel_iommu *iommu;
	struct qi_desc *desc;
	int ret;
};

#define INFLIGHT_FULL	(QI_LENGTH - 2)

static void inflight_fill_work(void *data)
{
	struct inflight_filler *f = data;

	f->ret = qi_submit_sync(f->iommu, f->desc, INFLIGHT_FULL, 0);
}

static unsigned int inflight_used_slots(struct intel_iommu *iommu)
{
	unsigned int i, used = 0;

	for (i = 0; i < QI_LENGTH; i++)
		used += READ_ONCE(iommu->qi->desc_status[i]) != QI_FREE;
	return used;
}

/* Fill the queue of an IOMMU that has been put on hold. */
static void inflight_fill(struct kunit *test, struct inflight_filler *f,
			  struct intel_iommu *iommu)
{
	unsigned int i;

	f->iommu = iommu;
	f->ret = 1;
	f->desc = kunit_kcalloc(test, INFLIGHT_FULL, sizeof(*f->desc),
				GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->desc);
	for (i = 0; i < INFLIGHT_FULL; i++)
		qi_desc_iotlb(iommu, iommu->max_domain_id - 1, 0, 0,
			      DMA_TLB_DSI_FLUSH, &f->desc[i]);
	ut_start(test, &f->thread, inflight_fill_work, f);
	INFLIGHT_EXPECT(test, inflight_used_slots(iommu) == INFLIGHT_FULL + 1);
}

/*
 * The queue of one IOMMU is full. The flush does not keep slots of the other
 * IOMMU while it waits for free ones: other submitters may be waiting for those
 * slots.
 */
static void no_slots_kept_while_waiting(struct kunit *test)
{
	struct intel_iommu *iommu[2];
	phys_addr_t pa = ut_new_page(test);
	struct iommu_domain *domain = inflight_domain(test, 2, pa);
	struct inflight_filler filler;
	struct ut_thread thread;
	unsigned int full;

	iommu[0] = drv_iommu(inflight_iommus[0]);
	iommu[1] = drv_iommu(inflight_iommus[1]);
	/* A flush visits the IOMMUs in the order of their addresses. */
	full = iommu[1] > iommu[0];
	mock_hold(inflight_iommu(full), UINT_MAX);
	inflight_fill(test, &filler, iommu[full]);
	ut_start(test, &thread, ut_unmap_work, domain);

	INFLIGHT_EXPECT(test, READ_ONCE(inflight_iommu(!full)->nr_log) >= 2);
	INFLIGHT_EXPECT(test, !inflight_used_slots(iommu[!full]));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(thread.done));

	mock_hold(inflight_iommu(full), 0);
	INFLIGHT_EXPECT(test, READ_ONCE(thread.done));
	ut_join(&thread);
	ut_join(&filler.thread);
	KUNIT_EXPECT_EQ(test, filler.ret, 0);
	inflight_check_unmapped(test, 2, pa);
}

/* qi_submit() does not wait for free slots, and takes none if it fails. */
static void submit_to_full_queue(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu(MOCK_FS);
	struct intel_iommu *iommu = drv_iommu(MOCK_FS);
	struct inflight_filler filler;
	struct qi_submission sub;
	struct qi_desc desc = {};
	int ret, polled = 0;
	unsigned long flags;

	qi_desc_iotlb(iommu, iommu->max_domain_id - 1, 0, 0, DMA_TLB_DSI_FLUSH,
		      &desc);
	mock_reset();
	mock_hold(mock, UINT_MAX);
	inflight_fill(test, &filler, iommu);
	local_irq_save(flags);
	ret = qi_submit(iommu, &desc, 1, &sub);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, ret, -EBUSY);
	KUNIT_EXPECT_EQ(test, inflight_used_slots(iommu), INFLIGHT_FULL + 1);
	mock_hold(mock, 0);
	INFLIGHT_EXPECT(test, READ_ONCE(filler.thread.done));
	ut_join(&filler.thread);

	local_irq_save(flags);
	ret = qi_submit(iommu, &desc, 1, &sub);
	if (!ret)
		while ((polled = qi_poll(&sub)) == -EINPROGRESS)
			cpu_relax();
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, polled, 0);
	KUNIT_EXPECT_EQ(test, inflight_used_slots(iommu), 0);
	KUNIT_EXPECT_EQ(test, mock->nr_log, INFLIGHT_FULL + 1 + 2);
	KUNIT_EXPECT_EQ(test, mock->doorbells, 2);
}

static int inflight_submit_all(struct intel_iommu *iommu, struct qi_desc *descs,
			       struct qi_submission *subs, unsigned int nr)
{
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = qi_submit(iommu, &descs[i], 1, &subs[i]);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * The time-out of one submission aborts another one that is in flight on the
 * same IOMMU. qi_poll() reports that for both, and frees the slots. From then on,
 * qi_submit() refuses invalidations for the device.
 */
static void abort_of_another_submission(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_FS, 1);
	struct intel_iommu *iommu = drv_iommu(MOCK_FS);
	struct mock_iommu *mock = mock_iommu(MOCK_FS);
	int ret, again = 0, polled[2] = {};
	struct qi_desc descs[2] = {};
	struct qi_submission subs[2];
	unsigned long flags;
	unsigned int i;

	qi_desc_dev_iotlb(ut_sid(dev), 0, 0, 0, 0, &descs[0]);
	qi_desc_iotlb(iommu, iommu->max_domain_id - 1, 0, 0, DMA_TLB_DSI_FLUSH,
		      &descs[1]);
	mock_reset();
	mock_set_errors(mock, (struct mock_errors) {
		.ite = ut_sid(dev),
		.ite_run_on = true,
	});
	local_irq_save(flags);
	mock_hold(mock, UINT_MAX);
	ret = inflight_submit_all(iommu, descs, subs, ARRAY_SIZE(subs));
	mock_hold(mock, 0);
	if (!ret) {
		for (i = 0; i < ARRAY_SIZE(subs); i++)
			while ((polled[i] = qi_poll(&subs[i])) == -EINPROGRESS)
				cpu_relax();
		again = qi_submit(iommu, &descs[0], 1, &subs[0]);
	}
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, polled[0], -EAGAIN);
	KUNIT_EXPECT_EQ(test, polled[1], -EAGAIN);
	KUNIT_EXPECT_EQ(test, again, -EBUSY);
	KUNIT_EXPECT_EQ(test, inflight_used_slots(iommu), 0);

	mock_set_errors(mock, (struct mock_errors) {});
	KUNIT_EXPECT_EQ(test, qi_submit_sync(iommu, &descs[0], 1, 0), 0);
}

/*
 * Wait for a queue error, with interrupts disabled. Returns the fault status, or 0
 * after a second.
 */
static u32 inflight_await_error(struct intel_iommu *iommu)
{
	u64 end = ktime_get_ns() + NSEC_PER_SEC;
	u32 status;

	do {
		status = readl(iommu->reg + DMAR_FSTS_REG);
		if (status & DMA_FSTS_IQE)
			return status;
		cpu_relax();
	} while (ktime_get_ns() < end);
	return 0;
}

/* Wait for a submission, unless its result is known already. */
static void inflight_poll(struct qi_submission *sub, int *result)
{
	while (*result == -EINPROGRESS) {
		*result = qi_poll(sub);
		cpu_relax();
	}
}

/* Indices of submissions */
static const unsigned int inflight_rejected[] = { 0, 1 };

static void inflight_rejected_desc(const unsigned int *i, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "submission %u", *i);
}

KUNIT_ARRAY_PARAM(inflight_rejected, inflight_rejected, inflight_rejected_desc);

/*
 * The IOMMU rejects the invalidation of one of two submissions three times. Only
 * this submission fails, and the other one is executed. Polling the other one
 * does not write the fault status: an error of the first submission is still
 * reported after many polls of the second.
 */
static void queue_error_of_one_submission(struct kunit *test)
{
	const unsigned int rejected = *(const unsigned int *)test->param_value;
	struct intel_iommu *iommu = drv_iommu(MOCK_FS);
	struct mock_iommu *mock = mock_iommu(MOCK_FS);
	const u16 did = iommu->max_domain_id - 1;
	int ret, polled[2] = { -EINPROGRESS, -EINPROGRESS };
	const unsigned int other = !rejected;
	struct qi_desc descs[2] = {};
	struct qi_submission subs[2];
	unsigned long flags;
	u32 status = 0, after = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(descs); i++)
		qi_desc_iotlb(iommu, did, 0, 0, DMA_TLB_DSI_FLUSH, &descs[i]);
	mock_reset();
	/* Each submission has two descriptors, the second one being the wait. */
	mock_set_errors(mock, (struct mock_errors) {
		.iqe = 1 + 2 * rejected,
		.iqe_repeat = 2,
	});
	local_irq_save(flags);
	mock_hold(mock, UINT_MAX);
	ret = inflight_submit_all(iommu, descs, subs, ARRAY_SIZE(subs));
	mock_hold(mock, 0);
	if (!ret) {
		status = inflight_await_error(iommu);
		/* Often enough for several checks for errors */
		for (i = 0; i < 1000 && polled[other] == -EINPROGRESS; i++)
			polled[other] = qi_poll(&subs[other]);
		after = readl(iommu->reg + DMAR_FSTS_REG);
		inflight_poll(&subs[rejected], &polled[rejected]);
		inflight_poll(&subs[other], &polled[other]);
	}
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_NE(test, status, 0);
	KUNIT_EXPECT_EQ(test, after, status);
	KUNIT_EXPECT_EQ(test, polled[rejected], -EINVAL);
	KUNIT_EXPECT_EQ(test, polled[other], 0);
	KUNIT_EXPECT_EQ(test, inflight_used_slots(iommu), 0);
	KUNIT_ASSERT_EQ(test, mock->nr_log, 4);
	/* A wait descriptor replaces the one that is rejected. */
	KUNIT_EXPECT_EQ(test, mock->log[2 * rejected].type, MOCK_INV_WAIT);
	KUNIT_EXPECT_EQ(test, mock->log[2 * other].type, MOCK_INV_IOTLB);
	KUNIT_EXPECT_EQ(test, mock->log[2 * other].did, did);
}

/* Latency statistics */

#ifdef CONFIG_DMAR_PERF
static u64 inflight_samples(enum mock_iommu_id id, enum latency_type type)
{
	struct latency_statistic *statistic = drv_iommu(id)->perf_statistic;

	return statistic[type].samples;
}

static int inflight_measure(enum mock_iommu_id id)
{
	return dmar_latency_enable(drv_iommu(id), DMAR_LATENCY_INV_IOTLB);
}

/* Each flush counts once for each of its IOMMUs. */
static void latency_counted_per_iommu(struct kunit *test)
{
	struct iommu_domain *domain;
	unsigned int i;

	domain = inflight_domain(test, 2, ut_new_page(test));
	for (i = 0; i < 2; i++)
		KUNIT_ASSERT_EQ(test, inflight_measure(inflight_iommus[i]), 0);
	iommu_flush_iotlb_all(domain);
	/* A rejected descriptor that is replaced does not change the kind. */
	mock_set_errors(inflight_iommu(0), (struct mock_errors) {
		.reject = MOCK_REJECT_ALL,
	});
	iommu_flush_iotlb_all(domain);
	mock_set_errors(inflight_iommu(0), (struct mock_errors) {});
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, inflight_samples(inflight_iommus[i],
						       DMAR_LATENCY_INV_IOTLB),
				2);
		dmar_latency_disable(drv_iommu(inflight_iommus[i]),
				     DMAR_LATENCY_INV_IOTLB);
	}
}
#else
static void latency_counted_per_iommu(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_DMAR_PERF");
}
#endif

static struct kunit_case inflight_cases[] = {
	KUNIT_CASE_PARAM(all_iommus_at_once, inflight_number_gen_params),
	KUNIT_CASE(two_flushes_at_once),
	KUNIT_CASE_PARAM(timeout_on_one_iommu, inflight_mute_gen_params),
	KUNIT_CASE(queue_error_on_one_iommu),
	KUNIT_CASE(slow_iommu_does_not_block_others),
	KUNIT_CASE(removed_device_times_out_once),
	KUNIT_CASE(no_slots_kept_while_waiting),
	KUNIT_CASE(submit_to_full_queue),
	KUNIT_CASE(abort_of_another_submission),
	KUNIT_CASE_PARAM(queue_error_of_one_submission,
			 inflight_rejected_gen_params),
	KUNIT_CASE(latency_counted_per_iommu),
	{}
};

static struct kunit_suite inflight_suite = {
	.name = "intel_iommu_inflight",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = inflight_cases,
};

kunit_test_suites(&inflight_suite);

MODULE_DESCRIPTION("KUnit tests of concurrent submissions to mock Intel IOMMUs");
MODULE_LICENSE("GPL");
