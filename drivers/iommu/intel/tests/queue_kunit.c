// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the invalidation queue on mock IOMMUs: return values of
 * qi_submit_sync(), order of the submitted descriptors, and replacement of
 * descriptors that the hardware rejects.
 */

#include <linux/pci.h>

#include "driver.h"

/* Domain id that is not allocated */
#define QUEUE_DID	200
/* Number of entries of the queue */
#define QUEUE_LENGTH	256

#define QUEUE_GLOBAL							\
	{ .type = MOCK_INV_IOTLB, .granularity = MOCK_GLOBAL,		\
	  .order = MOCK_ALL_PAGES }

static void queue_fill_pages(struct intel_iommu *iommu, struct qi_desc *desc)
{
	qi_desc_iotlb(iommu, QUEUE_DID, 0x8000, 3, DMA_TLB_PSI_FLUSH, desc);
}

static void queue_fill_domain(struct intel_iommu *iommu, struct qi_desc *desc)
{
	qi_desc_iotlb(iommu, QUEUE_DID, 0, 0, DMA_TLB_DSI_FLUSH, desc);
}

static void queue_fill_global(struct intel_iommu *iommu, struct qi_desc *desc)
{
	qi_desc_iotlb(iommu, 0, 0, 0, DMA_TLB_GLOBAL_FLUSH, desc);
}

static void queue_fill_pasid_pages(struct intel_iommu *iommu,
				   struct qi_desc *desc)
{
	qi_desc_piotlb(QUEUE_DID, 0x12345, 0x8000, 3, true, desc);
}

static void queue_fill_pasid(struct intel_iommu *iommu, struct qi_desc *desc)
{
	qi_desc_piotlb_all(QUEUE_DID, 0x12345, desc);
}

static void queue_fill_devtlb(struct intel_iommu *iommu, struct qi_desc *desc)
{
	qi_desc_dev_iotlb(mock_sid(1), mock_sid(1), 32, 0x8000, 3, desc);
}

static void queue_fill_devtlb_pasid(struct intel_iommu *iommu,
				    struct qi_desc *desc)
{
	qi_desc_dev_iotlb_pasid(mock_sid(1), mock_sid(1), 0x12345, 32, 0x8000,
				3, desc);
}

static void queue_fill_context(struct intel_iommu *iommu, struct qi_desc *desc)
{
	desc->qw0 = QI_CC_SID(mock_sid(1)) | QI_CC_DID(QUEUE_DID) |
		    QI_CC_GRAN(DMA_CCMD_DEVICE_INVL) | QI_CC_TYPE;
}

static void queue_fill_pasid_cache(struct intel_iommu *iommu,
				   struct qi_desc *desc)
{
	desc->qw0 = QI_PC_PASID(5) | QI_PC_DID(QUEUE_DID) |
		    QI_PC_GRAN(QI_PC_PASID_SEL) | QI_PC_TYPE;
}

static void queue_fill_interrupt(struct intel_iommu *iommu,
				 struct qi_desc *desc)
{
	desc->qw0 = QI_IEC_IIDEX(5) | QI_IEC_SELECTIVE | QI_IEC_TYPE;
}

static int queue_submit(void (*fill)(struct intel_iommu *iommu,
				     struct qi_desc *desc))
{
	struct intel_iommu *iommu = drv_iommu(MOCK_FS);
	struct qi_desc desc = {};

	fill(iommu, &desc);
	return qi_submit_sync(iommu, &desc, 1, 0);
}

/* Without an error, the result is 0, even for an empty submission. */
static void submission_returns_zero(struct kunit *test)
{
	struct qi_desc desc = {};

	mock_reset();
	KUNIT_EXPECT_EQ(test, queue_submit(queue_fill_domain), 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB_ALL(QUEUE_DID), WAIT);

	mock_reset();
	KUNIT_EXPECT_EQ(test, qi_submit_sync(drv_iommu(MOCK_FS), &desc, 0, 0),
			0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, WAIT);
}

/* Rejected descriptors */

/**
 * struct queue_widened - rejected descriptor and the one that replaces it
 * @name: Name in messages.
 * @fill: Composes the descriptor.
 * @want: The invalidation that is executed instead.
 */
struct queue_widened {
	const char *name;
	void (*fill)(struct intel_iommu *iommu, struct qi_desc *desc);
	struct mock_inv want;
};

static const struct queue_widened queue_widened[] = {
	{ "pages", queue_fill_pages, IOTLB_ALL(QUEUE_DID) },
	{ "domain", queue_fill_domain, QUEUE_GLOBAL },
	{ "pages of a PASID", queue_fill_pasid_pages,
	  PIOTLB_ALL(QUEUE_DID, 0x12345) },
	{ "PASID", queue_fill_pasid, QUEUE_GLOBAL },
	{ "context", queue_fill_context,
	  { .type = MOCK_INV_CONTEXT, .granularity = MOCK_GLOBAL } },
	{ "PASID cache", queue_fill_pasid_cache,
	  { .type = MOCK_INV_PASID_CACHE, .granularity = MOCK_PC_GLOBAL } },
	{ "interrupt entry", queue_fill_interrupt,
	  { .type = MOCK_INV_IEC, .granularity = 0 } },
};

KUNIT_ARRAY_PARAM_DESC(widened, queue_widened, name);

/*
 * A rejected descriptor is replaced by one of the next wider granularity, with
 * those of its ids that apply there.
 */
static void rejected_once(struct kunit *test)
{
	const struct queue_widened *w = test->param_value;
	struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	struct mock_inv got;

	mock_reset();
	mock_set_errors(iommu, (struct mock_errors) { .iqe = 1 });
	KUNIT_EXPECT_EQ(test, queue_submit(w->fill), 0);
	KUNIT_ASSERT_EQ(test, iommu->nr_log, 2);
	got = iommu->log[0];
	KUNIT_EXPECT_EQ(test, got.type, w->want.type);
	KUNIT_EXPECT_EQ(test, got.granularity, w->want.granularity);
	KUNIT_EXPECT_EQ(test, got.did, w->want.did);
	KUNIT_EXPECT_EQ(test, got.sid, w->want.sid);
	KUNIT_EXPECT_EQ(test, got.pasid, w->want.pasid);
	KUNIT_EXPECT_EQ(test, got.addr, w->want.addr);
	KUNIT_EXPECT_EQ(test, got.order, w->want.order);
	KUNIT_EXPECT_FALSE(test, got.ih);
	KUNIT_EXPECT_EQ(test, iommu->log[1].type, MOCK_INV_WAIT);
}

/* A rejected device-TLB invalidation is replaced by one of all addresses. */
static void rejected_device_tlb(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_FS);

	mock_reset();
	mock_set_errors(iommu, (struct mock_errors) { .iqe = 1 });
	KUNIT_EXPECT_EQ(test, queue_submit(queue_fill_devtlb), 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, DEVTLB_ALL(mock_sid(1)), WAIT);
	mock_reset();
	mock_set_errors(iommu, (struct mock_errors) { .iqe = 1 });
	KUNIT_EXPECT_EQ(test, queue_submit(queue_fill_devtlb_pasid), 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1,
		       DEVTLB_PASID_ALL(mock_sid(1), 0x12345), WAIT);
}

/**
 * struct queue_rejected - repeated queue errors at one descriptor
 * @name: Name in messages.
 * @fill: Composes the descriptor.
 * @errors: Number of errors.
 * @ret: Result of the submission.
 */
struct queue_rejected {
	const char *name;
	void (*fill)(struct intel_iommu *iommu, struct qi_desc *desc);
	unsigned int errors;
	int ret;
};

static const struct queue_rejected queue_rejected[] = {
	{ "global, once", queue_fill_global, 1, 0 },
	{ "global, twice", queue_fill_global, 2, -EINVAL },
	{ "domain, twice", queue_fill_domain, 2, 0 },
	{ "domain, 3 times", queue_fill_domain, 3, -EINVAL },
	{ "pages, 3 times", queue_fill_pages, 3, 0 },
	{ "pages, 4 times", queue_fill_pages, 4, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(rejected, queue_rejected, name);

/*
 * A descriptor that cannot be widened further is retried once. The result is 0
 * if the retry succeeds, and -EINVAL otherwise. Either way, the next submission
 * is not affected.
 */
static void rejected_often(struct kunit *test)
{
	const struct queue_rejected *r = test->param_value;

	mock_reset();
	mock_set_errors(mock_iommu(MOCK_FS), (struct mock_errors) {
		.iqe = 1,
		.iqe_repeat = r->errors - 1,
	});
	KUNIT_EXPECT_EQ(test, queue_submit(r->fill), r->ret);
	if (r->ret)
		DRV_EXPECT_LOG(test, MOCK_FS, 1, WAIT, WAIT);
	else
		DRV_EXPECT_LOG(test, MOCK_FS, 1, QUEUE_GLOBAL, WAIT);
	KUNIT_EXPECT_EQ(test, mock_iommu(MOCK_FS)->errors.iqe, 0);

	mock_reset();
	KUNIT_EXPECT_EQ(test, queue_submit(queue_fill_domain), 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB_ALL(QUEUE_DID), WAIT);
}

/* Time-outs */

/* A submission by another thread */
struct queue_thread {
	struct ut_thread thread;
	struct qi_desc *desc;
	unsigned int count;
	int ret;
};

static void queue_submit_work(void *data)
{
	struct queue_thread *t = data;

	t->ret = qi_submit_sync(drv_iommu(MOCK_FS), t->desc, t->count, 0);
}

static void queue_fill_device(struct qi_desc *desc, unsigned int i)
{
	*desc = (struct qi_desc) {};
	qi_desc_dev_iotlb(mock_sid(i), mock_sid(i), 32, 0x1000, 0, desc);
}

static int queue_submit_device(unsigned int i)
{
	struct qi_desc desc;

	queue_fill_device(&desc, i);
	return qi_submit_sync(drv_iommu(MOCK_FS), &desc, 1, 0);
}

/* Test whether the mock IOMMU still reports an error, even a handled one. */
static bool queue_reports_error(struct mock_iommu *iommu)
{
	guard(raw_spinlock_irqsave)(&iommu->lock);
	return iommu->raised;
}

/*
 * After one time-out, invalidations for a removed device are dropped, and the
 * result is -ETIMEDOUT. The other descriptors of the submission are executed.
 * Once the device is back, the result is 0.
 */
static void timeout_of_removed_device(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	struct device *dev = mock_dev(MOCK_FS, 1);
	struct qi_desc desc[2] = {};

	mock_reset();
	mock_set_removed(dev, true);
	KUNIT_EXPECT_EQ(test, queue_submit_device(1), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 1);
	/* While the error is reported, the driver would handle it again. */
	while (queue_reports_error(iommu))
		cond_resched();

	scoped_guard(raw_spinlock_irqsave, &iommu->lock)
		iommu->nr_log = 0;
	queue_fill_device(&desc[0], 1);
	queue_fill_device(&desc[1], 2);
	KUNIT_EXPECT_EQ(test, qi_submit_sync(drv_iommu(MOCK_FS), desc, 2, 0),
			-ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 1);
	KUNIT_EXPECT_EQ(test, iommu->nr_log, 2);
	KUNIT_EXPECT_EQ(test, iommu->log[0].sid, mock_sid(2));

	mock_set_removed(dev, false);
	KUNIT_EXPECT_EQ(test, queue_submit_device(1), 0);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 1);
}

/* If a device answers after some time-outs, the result is 0. */
static void timeout_and_answer(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	struct qi_desc desc;
	struct queue_thread t = { .desc = &desc, .count = 1, .ret = 1 };

	mock_reset();
	queue_fill_device(&desc, 1);
	mock_set_errors(iommu, (struct mock_errors) { .ite = mock_sid(1) });
	ut_start(test, &t.thread, queue_submit_work, &t);
	while (READ_ONCE(iommu->timeouts) < 2 && !READ_ONCE(t.thread.done))
		cond_resched();
	KUNIT_EXPECT_FALSE(test, READ_ONCE(t.thread.done));
	mock_set_errors(iommu, (struct mock_errors) {});
	ut_join(&t.thread);
	KUNIT_EXPECT_GE(test, iommu->timeouts, 2);
	KUNIT_EXPECT_EQ(test, t.ret, 0);
}

/**
 * struct queue_aborted - submission aborted by the time-out of another device
 * @name: Name in messages.
 * @ite_run_on: Value of &mock_errors.ite_run_on, which aborts the wait of the
 *	submission.
 * @ite_at_other: Value of &mock_errors.ite_at_other, which aborts only the
 *	device-TLB invalidation of the submission.
 */
struct queue_aborted {
	const char *name;
	bool ite_run_on;
	bool ite_at_other;
};

static const struct queue_aborted queue_aborted[] = {
	{ "with its wait", true, false },
	{ "without its wait", false, true },
};

KUNIT_ARRAY_PARAM_DESC(aborted, queue_aborted, name);

/*
 * If the time-out of another device aborts a submission of one descriptor, the
 * submission is repeated and its result is 0.
 */
static void timeout_of_another_device(struct kunit *test)
{
	const struct queue_aborted *a = test->param_value;
	struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	struct device *dead = mock_dev(MOCK_FS, 1);
	struct qi_desc desc;
	struct queue_thread t = { .desc = &desc, .count = 1, .ret = 1 };
	unsigned int i, n = 0;
	int ret;

	mock_reset();
	queue_fill_device(&desc, 1);
	mock_set_removed(dead, true);
	mock_set_errors(iommu, (struct mock_errors) {
		.ite = mock_sid(1),
		.ite_run_on = a->ite_run_on,
		.ite_at_other = a->ite_at_other,
	});
	mock_hold(iommu, 2);
	ut_start(test, &t.thread, queue_submit_work, &t);
	ut_wait_for_work(&t.thread, iommu);
	ret = queue_submit_device(2);
	ut_join(&t.thread);
	mock_set_errors(iommu, (struct mock_errors) {});
	mock_set_removed(dead, false);

	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, t.ret, -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, iommu->timeouts, 1);
	/* Once aborted, once executed */
	for (i = 0; i < iommu->nr_log; i++)
		n += iommu->log[i].sid == mock_sid(2);
	KUNIT_EXPECT_EQ(test, n, 2);
	KUNIT_EXPECT_EQ(test, queue_submit_device(1), 0);
}

/* Order */

static void queue_mark_silent(unsigned int i, bool silent)
{
	assign_bit(mock_sid(i), drv_iommu(MOCK_FS)->qi->silent, silent);
}

static bool queue_is_silent(unsigned int i)
{
	return test_bit(mock_sid(i), drv_iommu(MOCK_FS)->qi->silent);
}

/*
 * Invalidations for silent devices are submitted after the others, in a
 * separate submission for each device. The order is otherwise unchanged. A
 * device that answers is no longer silent.
 */
static void silent_devices_last(struct kunit *test)
{
	struct qi_desc desc[6] = {};
	struct intel_iommu *iommu = drv_iommu(MOCK_FS);

	queue_fill_device(&desc[0], 1);
	qi_desc_iotlb(iommu, QUEUE_DID, 0, 0, DMA_TLB_DSI_FLUSH, &desc[1]);
	qi_desc_dev_iotlb_pasid(mock_sid(1), mock_sid(1), 3, 32, 0x1000, 0,
				&desc[2]);
	queue_fill_device(&desc[3], 2);
	qi_desc_iotlb(iommu, QUEUE_DID + 1, 0, 0, DMA_TLB_DSI_FLUSH, &desc[4]);
	qi_desc_dev_iotlb_pasid(mock_sid(2), mock_sid(2), 3, 32, 0x1000, 0,
				&desc[5]);

	mock_reset();
	queue_mark_silent(1, true);
	KUNIT_EXPECT_EQ(test, qi_submit_sync(iommu, desc, 6, 0), 0);
	KUNIT_EXPECT_FALSE(test, queue_is_silent(1));
	DRV_EXPECT_LOG(test, MOCK_FS, 2, IOTLB_ALL(QUEUE_DID),
		       DEVTLB(mock_sid(2), 0x1000, 0), IOTLB_ALL(QUEUE_DID + 1),
		       DEVTLB_PASID(mock_sid(2), 3, 0x1000, 0), WAIT,
		       DEVTLB(mock_sid(1), 0x1000, 0),
		       DEVTLB_PASID(mock_sid(1), 3, 0x1000, 0), WAIT);

	/* The first call has reordered the array: device 2 now comes first. */
	mock_reset();
	queue_mark_silent(1, true);
	queue_mark_silent(2, true);
	KUNIT_EXPECT_EQ(test, qi_submit_sync(iommu, desc, 6, 0), 0);
	KUNIT_EXPECT_FALSE(test, queue_is_silent(1));
	KUNIT_EXPECT_FALSE(test, queue_is_silent(2));
	DRV_EXPECT_LOG(test, MOCK_FS, 3, IOTLB_ALL(QUEUE_DID),
		       IOTLB_ALL(QUEUE_DID + 1), WAIT,
		       DEVTLB(mock_sid(2), 0x1000, 0),
		       DEVTLB_PASID(mock_sid(2), 3, 0x1000, 0), WAIT,
		       DEVTLB(mock_sid(1), 0x1000, 0),
		       DEVTLB_PASID(mock_sid(1), 3, 0x1000, 0), WAIT);
}

/*
 * Submissions of several sizes are executed completely and once, wherever they
 * wrap around at the end of the queue.
 */
static void wrap_around(struct kunit *test)
{
	struct intel_iommu *iommu = drv_iommu(MOCK_FS);
	struct mock_iommu *mock = mock_iommu(MOCK_FS);
	unsigned int count, i, wrong = 0;
	struct qi_desc desc[8];

	for (count = 1; count <= ARRAY_SIZE(desc); count++) {
		unsigned int used = 0;

		while (used < QUEUE_LENGTH) {
			for (i = 0; i < count; i++)
				qi_desc_iotlb(iommu, QUEUE_DID + i, 0, 0,
					      DMA_TLB_DSI_FLUSH, &desc[i]);
			mock_reset();
			wrong += qi_submit_sync(iommu, desc, count, 0) != 0;
			wrong += mock->nr_log != count + 1;
			for (i = 0; i < count; i++)
				wrong += mock->log[i].did != QUEUE_DID + i;
			used += count + 1;
		}
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/*
 * Two submissions together would fill the queue, and hardware cannot
 * distinguish a full queue from an empty one. The second submission waits for
 * the first.
 */
static void queue_never_full(struct kunit *test)
{
	const unsigned int count = 200, rest = QUEUE_LENGTH - count - 2;
	struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	struct queue_thread t = { .count = count, .ret = 1 };
	struct qi_desc *desc;
	unsigned int i;

	desc = kunit_kcalloc(test, count + rest, sizeof(*desc), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, desc);
	for (i = 0; i < count + rest; i++)
		qi_desc_iotlb(drv_iommu(MOCK_FS), QUEUE_DID, 0, 0,
			      DMA_TLB_DSI_FLUSH, &desc[i]);
	t.desc = desc + rest;

	mock_reset();
	mock_set_errors(iommu, (struct mock_errors) {
		.latency = 100 * NSEC_PER_MSEC,
	});
	ut_start(test, &t.thread, queue_submit_work, &t);
	ut_wait_for_work(&t.thread, iommu);
	KUNIT_EXPECT_EQ(test, qi_submit_sync(drv_iommu(MOCK_FS), desc, rest, 0),
			0);
	ut_join(&t.thread);
	KUNIT_EXPECT_EQ(test, t.ret, 0);
	KUNIT_EXPECT_EQ(test, iommu->doorbells, 2);
	KUNIT_EXPECT_EQ(test, iommu->nr_log, count + rest + 2);
	mock_set_errors(iommu, (struct mock_errors) {});
}

/* Page requests */

static int queue_iopf_handler(struct iopf_group *group)
{
	return -EOPNOTSUPP;
}

static const struct queue_drain {
	const char *name;
	ioasid_t pasid;
} queue_drains[] = {
	{ "RID", IOMMU_NO_PASID },
	{ "PASID", PASID },
};

KUNIT_ARRAY_PARAM_DESC(drain, queue_drains, name);

/*
 * The drain of page requests at a detach consists of an IOTLB and a device-TLB
 * invalidation between two waits. The former has the domain id and PASID of the
 * removed attachment, the latter the requester id of the device and the PASID.
 */
static void page_request_drain(struct kunit *test)
{
	const ioasid_t pasid =
		((const struct queue_drain *)test->param_value)->pasid;
	const struct mock_iommu *iommu = mock_iommu(MOCK_FS2);
	struct device *dev = mock_dev(MOCK_FS2, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	unsigned int i, drains = 0;
	u16 did;

	/* Another domain takes a lower id, so that a mix-up is detected. */
	drv_attach(test, ut_new_domain(test, dev, 0), dev, 3);
	domain->iopf_handler = queue_iopf_handler;
	did = drv_attach(test, domain, dev, pasid);
	mock_reset();
	drv_detach(test, dev, pasid);

	KUNIT_ASSERT_LE(test, iommu->nr_log, MOCK_MAX_LOG);
	for (i = 1; i + 2 < iommu->nr_log; i++) {
		const struct mock_inv *iotlb = &iommu->log[i];
		const struct mock_inv *devtlb = &iommu->log[i + 1];

		if (devtlb->type != MOCK_INV_DEVTLB &&
		    devtlb->type != MOCK_INV_DEVTLB_PASID)
			continue;
		if (iotlb->type == MOCK_INV_WAIT)
			continue;
		drains++;
		KUNIT_EXPECT_EQ(test, iommu->log[i - 1].type, MOCK_INV_WAIT);
		KUNIT_EXPECT_EQ(test, iommu->log[i + 2].type, MOCK_INV_WAIT);
		KUNIT_EXPECT_EQ(test, iotlb->did, did);
		KUNIT_EXPECT_EQ(test, iotlb->granularity, MOCK_DOMAIN);
		KUNIT_EXPECT_EQ(test, iotlb->order, MOCK_ALL_PAGES);
		KUNIT_EXPECT_EQ(test, devtlb->sid, mock_sid(1));
		KUNIT_EXPECT_EQ(test, devtlb->order, MOCK_ALL_PAGES);
		KUNIT_EXPECT_EQ(test, devtlb->pasid, pasid);
		if (pasid == IOMMU_NO_PASID) {
			KUNIT_EXPECT_EQ(test, iotlb->type, MOCK_INV_IOTLB);
			KUNIT_EXPECT_EQ(test, devtlb->type, MOCK_INV_DEVTLB);
		} else {
			KUNIT_EXPECT_EQ(test, iotlb->type, MOCK_INV_PIOTLB);
			KUNIT_EXPECT_EQ(test, iotlb->pasid, pasid);
			KUNIT_EXPECT_EQ(test, devtlb->type,
					MOCK_INV_DEVTLB_PASID);
		}
	}
	KUNIT_EXPECT_EQ(test, drains, 1);
}

static struct kunit_case queue_cases[] = {
	KUNIT_CASE(submission_returns_zero),
	KUNIT_CASE_PARAM(rejected_once, widened_gen_params),
	KUNIT_CASE(rejected_device_tlb),
	KUNIT_CASE_PARAM(rejected_often, rejected_gen_params),
	KUNIT_CASE(timeout_of_removed_device),
	KUNIT_CASE(timeout_and_answer),
	KUNIT_CASE_PARAM(timeout_of_another_device, aborted_gen_params),
	KUNIT_CASE(silent_devices_last),
	KUNIT_CASE(wrap_around),
	KUNIT_CASE(queue_never_full),
	KUNIT_CASE_PARAM(page_request_drain, drain_gen_params),
	{}
};

static struct kunit_suite queue_suite = {
	.name = "intel_iommu_queue",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = queue_cases,
};

kunit_test_suites(&queue_suite);

MODULE_DESCRIPTION("KUnit tests of the VT-d invalidation queue");
MODULE_LICENSE("GPL");
