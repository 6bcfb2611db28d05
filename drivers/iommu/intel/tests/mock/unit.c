// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers and invalidation queue of the mock IOMMUs, and the timer that
 * emulates them. prq.c has the page request queue.
 *
 * The registers are plain memory, so nothing signals a write: the timer polls.
 * The timer fires in hard interrupt context on an isolated CPU: the driver
 * waits for completions with interrupts off, so a timer on the waiting CPU
 * could not fire.
 *
 * The mock hardware has to distinguish values that software has written to the
 * fault status and tail registers from values that it has stored there itself.
 * The latter have a reserved bit set, FSTS_MARK or IQT_MARK.
 */

#define pr_fmt(fmt)	"mock IOMMU: " fmt

#include <linux/acpi.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/sched/isolation.h>
#include <linux/smp.h>
#include <asm/x86_init.h>
#include <trace/events/printk.h>

#include "memory.h"
#include "unit.h"

#define REG_VER		0x00
#define REG_CAP		0x08
#define REG_ECAP	0x10
#define REG_GCMD	0x18
#define REG_GSTS	0x1c
#define REG_RTADDR	0x20
#define REG_CCMD	0x28
#define REG_FSTS	0x34
#define REG_IQH		0x80
#define REG_IQT		0x88
/* Reserved bit: set until software writes the register. */
#define IQT_MARK	BIT(31)
#define REG_IQA		0x90
#define REG_IQER	0xb0
/* IOTLB registers, at the offset in the extended capability register */
#define REG_IVA		0x500
#define REG_IOTLB	0x508

/* Commands that GSTS reflects while they are set, and one-shot commands */
#define GCMD_LASTING	(BIT(31) | BIT(28) | BIT(26) | BIT(25) | BIT(23))
#define GCMD_TE		BIT(31)
#define GCMD_SRTP	BIT(30)
#define GCMD_SFL	BIT(29)
#define GCMD_WBF	BIT(27)
#define GCMD_QIE	BIT(26)
#define GCMD_SIRTP	BIT(24)
#define GCMD_ONCE	(GCMD_SRTP | GCMD_SFL | GCMD_WBF | GCMD_SIRTP)

#define FSTS_IQE	BIT(4)
#define FSTS_ICE	BIT(5)
#define FSTS_ITE	BIT(6)
/* Reserved bit: set in values that the hardware has stored. */
#define FSTS_MARK	BIT(31)

/*
 * Real hardware clears an error before software reads the register again. The
 * mock clears it later, usually at the next timer tick, so software may handle
 * the same error twice and write the register after the error has been cleared.
 * The delay until execution resumes covers such late writes.
 */
#define UNIT_SETTLE	(20 * NSEC_PER_MSEC)
/* Time within which software has to handle an error */
#define UNIT_ERROR_DEADLINE	(400 * NSEC_PER_MSEC)
/* Number of time-outs that counts as endless retries: no test causes as many */
#define UNIT_MAX_TIMEOUTS	200
#define UNIT_PERIOD	us_to_ktime(20)

/* Second-stage tables of 3 and 4 levels, 64K domains, 48 bits, superpages */
#define CAP	(6ULL | 6ULL << 8 | 47ULL << 16 | 0x20ULL << 24 | 3ULL << 34)
#define CAP_PSI	(MOCK_CAP_PSI | 18ULL << MOCK_CAP_MAMV_SHIFT)
/* 1 GiB first-stage pages */
#define CAP_FS1GP	BIT_ULL(56)
#define CAP_FS	(CAP_FS1GP | CAP_PSI)
/* Snoop control */
#define ECAP_SC	BIT_ULL(7)
/* Pass-through, snoop control, IOTLB registers at 0x500 */
#define ECAP_OLD	(BIT_ULL(6) | ECAP_SC | 0x50ULL << 8)
#define ECAP_QI		BIT_ULL(1)
/* Coherent context and PASID tables; in legacy mode, also page tables */
#define ECAP_C	BIT_ULL(0)
#define ECAP	(ECAP_OLD | ECAP_C | ECAP_QI)
#define ECAP_DT	MOCK_ECAP_DT
/* Scalable mode, second stage with dirty bits, PASIDs of 20 bits */
#define ECAP_SM	(MOCK_ECAP_SMTS | BIT_ULL(45) | BIT_ULL(46) | BIT_ULL(40) | \
		 19ULL << 35)
/* Coherent page walks in scalable mode */
#define ECAP_SMPWC	BIT_ULL(48)
/* First stage, nested */
#define ECAP_FS	(BIT_ULL(47) | BIT_ULL(26) | ECAP_SMPWC)
/* Page requests, and draining them */
#define ECAP_PRI	(MOCK_ECAP_PRS | BIT_ULL(42))

static struct mock_iommu unit_iommus[MOCK_IOMMUS] = {
	[MOCK_LEGACY] = {
		.name = "legacy",
		.cache.cap = CAP | CAP_PSI,
		.ecap = ECAP | ECAP_DT,
	},
	[MOCK_LEGACY_CM] = {
		.name = "legacy-cm",
		.cache.cap = CAP | CAP_PSI | MOCK_CAP_CM,
		.ecap = ECAP,
	},
	[MOCK_LEGACY_OLD] = {
		.name = "legacy-old",
		.cache.cap = CAP | MOCK_CAP_RWBF,
		.ecap = ECAP_OLD | ECAP_QI | ECAP_DT,
	},
	[MOCK_REGISTERS] = {
		.name = "registers",
		.cache.cap = CAP | CAP_PSI,
		.ecap = ECAP & ~ECAP_QI,
	},
	[MOCK_SS] = {
		.name = "second-stage",
		.cache.cap = CAP | CAP_PSI,
		.ecap = ECAP | ECAP_DT | ECAP_SM | ECAP_SMPWC,
	},
	[MOCK_SS_CM] = {
		.name = "second-stage-cm",
		.cache.cap = CAP | CAP_PSI | MOCK_CAP_CM,
		.ecap = (ECAP & ~ECAP_C) | ECAP_SM,
	},
	[MOCK_FS] = {
		.name = "first-stage",
		.cache.cap = CAP | CAP_FS,
		.ecap = ECAP | ECAP_DT | ECAP_SM | ECAP_FS,
	},
	[MOCK_FS2] = {
		.name = "first-stage-2",
		.cache.cap = CAP | CAP_FS,
		.ecap = ECAP | ECAP_DT | ECAP_SM | ECAP_FS | ECAP_PRI,
	},
	[MOCK_FS_CM] = {
		.name = "first-stage-cm",
		.cache.cap = CAP | CAP_FS | MOCK_CAP_CM,
		.ecap = ECAP | ECAP_DT | ECAP_SM | ECAP_FS,
	},
	[MOCK_FS_NS] = {
		.name = "first-stage-ns",
		.cache.cap = CAP | CAP_FS,
		.ecap = (ECAP | ECAP_DT | ECAP_SM | ECAP_FS) &
			~(ECAP_C | ECAP_SMPWC),
	},
	[MOCK_FS_OLD] = {
		.name = "first-stage-old",
		.cache.cap = CAP | CAP_FS1GP | MOCK_CAP_RWBF,
		.ecap = (ECAP | ECAP_SM | ECAP_FS) & ~ECAP_SC,
	},
	[MOCK_KDUMP] = {
		.name = "kdump",
		.cache.cap = CAP | CAP_PSI,
		.ecap = ECAP | ECAP_DT,
	},
	[MOCK_KDUMP_SM] = {
		.name = "kdump-scalable",
		.cache.cap = CAP | CAP_PSI,
		.ecap = ECAP | ECAP_DT | ECAP_SM | ECAP_SMPWC,
	},
};

static struct hrtimer unit_timer;
static int unit_cpu = -1;

static void unit_log(struct mock_iommu *iommu, const struct mock_inv *inv)
{
	if (iommu->nr_log < MOCK_MAX_LOG)
		iommu->log[iommu->nr_log] = *inv;
	iommu->nr_log++;
}

static void unit_invalidate(struct mock_iommu *iommu,
			    const struct mock_inv *inv)
{
	unit_log(iommu, inv);
	mock_invalidate(&iommu->cache, inv);
}

/* Global commands */

static void unit_enable_queue(struct mock_iommu *iommu, bool enable)
{
	u64 iqa = readq(iommu->regs + REG_IQA);

	if (!enable) {
		iommu->queue = NULL;
		return;
	}
	if (iommu->queue)
		return;
	iommu->queue = phys_to_virt(iqa & GENMASK_ULL(51, 12));
	iommu->wide = iqa & BIT_ULL(11);
	iommu->head = 0;
	iommu->tail = 0;
	iommu->arrivals.count = 0;
	iommu->arrivals.limit = 0;
	writel(0, iommu->regs + REG_IQH);
}

/**
 * mock_do_commands() - execute global commands
 * @iommu: The mock IOMMU.
 *
 * The driver polls the status bit of a one-shot command, which may have the
 * expected value before the timer has read the command. This function therefore
 * has to be called before any other function that depends on the state of the
 * IOMMU.
 *
 * Context: &mock_iommu.lock held.
 */
void mock_do_commands(struct mock_iommu *iommu)
{
	u32 *command = (__force u32 *)iommu->regs + REG_GCMD / sizeof(u32);
	u32 gcmd = readl(iommu->regs + REG_GCMD);
	u32 gsts = readl(iommu->regs + REG_GSTS);
	u32 now = (gsts & GCMD_ONCE) | (gcmd & GCMD_LASTING);

	/* Retry at the next tick if software has just written the register. */
	if (cmpxchg(command, gcmd, gcmd & ~GCMD_ONCE) != gcmd)
		return;
	if (gcmd & GCMD_SRTP) {
		iommu->cache.root = readq(iommu->regs + REG_RTADDR);
		now |= GCMD_SRTP;
	}
	if (gcmd & GCMD_SIRTP)
		now |= GCMD_SIRTP;
	/* Several flushes between two ticks are executed as one. */
	if (gcmd & GCMD_WBF)
		unit_invalidate(iommu, &(struct mock_inv) {
			.type = MOCK_INV_WRITE_BUFFER,
		});
	if ((gcmd ^ gsts) & GCMD_QIE)
		unit_enable_queue(iommu, gcmd & GCMD_QIE);
	if (now != gsts)
		writel(now, iommu->regs + REG_GSTS);
}

/*
 * Register-based invalidation: software sets UNIT_REGISTER_GO, hardware clears
 * it and reports the granularity that it has used.
 */

#define UNIT_REGISTER_GO	BIT_ULL(63)

static void unit_do_context_register(struct mock_iommu *iommu, u64 ccmd)
{
	struct mock_inv inv = {
		.type = MOCK_INV_CONTEXT,
		.granularity = (ccmd >> 61) & 3,
		.fm = (ccmd >> 32) & 3,
		.sid = (ccmd >> 16) & 0xffff,
		.did = ccmd & 0xffff,
	};

	unit_invalidate(iommu, &inv);
	ccmd &= ~(UNIT_REGISTER_GO | GENMASK_ULL(60, 59));
	writeq(ccmd | (u64)inv.granularity << 59, iommu->regs + REG_CCMD);
}

/* A request that is not permitted is not executed and reports granularity 0. */
static void unit_do_iotlb_register(struct mock_iommu *iommu, u64 iotlb)
{
	u64 iva = readq(iommu->regs + REG_IVA);
	struct mock_inv inv = {
		.type = MOCK_INV_IOTLB,
		.granularity = (iotlb >> 60) & 3,
		.did = (iotlb >> 32) & 0xffff,
		.order = MOCK_ALL_PAGES,
	};
	unsigned int done = inv.granularity;

	if (inv.granularity == MOCK_PAGES) {
		inv.order = iva & 0x3f;
		inv.ih = iva & BIT_ULL(6);
		inv.addr = iva & GENMASK_ULL(63, 12);
		if (inv.order < MOCK_ALL_PAGES)
			inv.addr &= GENMASK_ULL(63, 12 + inv.order);
	}
	if (inv.granularity && mock_inv_permitted(&iommu->cache, &inv))
		unit_invalidate(iommu, &inv);
	else
		done = 0;
	iotlb &= ~(UNIT_REGISTER_GO | GENMASK_ULL(58, 57));
	writeq(iotlb | (u64)done << 57, iommu->regs + REG_IOTLB);
}

/* Account for new requests and set the time of their execution. */
static void unit_doorbell(struct mock_iommu *iommu)
{
	struct mock_arrivals *arrivals = &iommu->arrivals;
	u64 due = ktime_get_ns() + iommu->errors.latency;
	unsigned int last;

	iommu->doorbells++;
	if (iommu->hold)
		iommu->hold--;
	if (!iommu->errors.overlap) {
		iommu->due = max(iommu->due, due);
		return;
	}
	last = (arrivals->first + arrivals->count++) % MOCK_QUEUE_LENGTH;
	arrivals->tail[last] = iommu->tail;
	arrivals->due[last] = due;
}

/* Return the slot at which the execution of requests stops for now. */
static u32 unit_limit(struct mock_iommu *iommu)
{
	struct mock_arrivals *arrivals = &iommu->arrivals;

	if (!iommu->errors.overlap) {
		arrivals->count = 0;
		arrivals->limit = iommu->tail;
	}
	while (arrivals->count &&
	       ktime_get_ns() >= arrivals->due[arrivals->first]) {
		arrivals->limit = arrivals->tail[arrivals->first];
		arrivals->first = (arrivals->first + 1) % MOCK_QUEUE_LENGTH;
		arrivals->count--;
	}
	return arrivals->limit;
}

static bool unit_is_due(const struct mock_iommu *iommu)
{
	return !iommu->hold && ktime_get_ns() >= iommu->due;
}

static void unit_do_registers(struct mock_iommu *iommu)
{
	u64 ccmd = readq(iommu->regs + REG_CCMD);
	u64 iotlb = readq(iommu->regs + REG_IOTLB);
	bool go = (ccmd | iotlb) & UNIT_REGISTER_GO;

	if (go && !iommu->busy)
		unit_doorbell(iommu);
	iommu->busy = go;
	if (!go || !unit_is_due(iommu))
		return;
	if (ccmd & UNIT_REGISTER_GO)
		unit_do_context_register(iommu, ccmd);
	if (iotlb & UNIT_REGISTER_GO)
		unit_do_iotlb_register(iommu, iotlb);
	iommu->busy = false;
}

/* Invalidation queue */

static unsigned int unit_queue_shift(const struct mock_iommu *iommu)
{
	return iommu->wide ? 5 : 4;
}

static void unit_write_head(struct mock_iommu *iommu)
{
	writel(iommu->head << unit_queue_shift(iommu), iommu->regs + REG_IQH);
}

static void unit_raise(struct mock_iommu *iommu, u32 error, u64 record)
{
	iommu->raised_at = ktime_get_ns();
	iommu->messages = 0;
	iommu->raised |= error;
	writeq(record, iommu->regs + REG_IQER);
	unit_write_head(iommu);
	writel(iommu->raised | FSTS_MARK, iommu->regs + REG_FSTS);
}

static void unit_raise_queue_error(struct mock_iommu *iommu)
{
	u32 *iqt = (u32 __force *)(iommu->regs + REG_IQT);
	u32 tail = readl(iommu->regs + REG_IQT);

	/*
	 * If software has just written the tail, the mark is not set and the
	 * queue resumes.
	 */
	if (iommu->errors.iqe_needs_tail)
		cmpxchg(iqt, tail, tail | IQT_MARK);
	unit_raise(iommu, FSTS_IQE, 1);
}

/* Clear the errors that software has written to the fault status register. */
static void unit_clear_errors(struct mock_iommu *iommu)
{
	u32 fsts = readl(iommu->regs + REG_FSTS);

	if (!fsts || fsts & FSTS_MARK)
		return;
	if (iommu->raised & fsts & FSTS_ITE)
		iommu->aborted = false;
	iommu->raised &= ~fsts;
	/* Also called by unit_log_fn(), perhaps while timekeeping is updated */
	iommu->due = ktime_get_mono_fast_ns() + iommu->errors.latency +
		     UNIT_SETTLE;
	writel(iommu->raised ? iommu->raised | FSTS_MARK : 0,
	       iommu->regs + REG_FSTS);
}

static void unit_fetch(const struct mock_iommu *iommu, u64 *qw)
{
	const u64 *desc = iommu->queue + iommu->head * (iommu->wide ? 4 : 2);

	qw[0] = desc[0];
	qw[1] = desc[1];
	qw[2] = iommu->wide ? desc[2] : 0;
	qw[3] = iommu->wide ? desc[3] : 0;
}

static bool unit_is_iotlb(const struct mock_inv *inv)
{
	return inv->type == MOCK_INV_IOTLB || inv->type == MOCK_INV_PIOTLB;
}

static bool unit_is_devtlb(const struct mock_inv *inv)
{
	return inv->type == MOCK_INV_DEVTLB ||
	       inv->type == MOCK_INV_DEVTLB_PASID;
}

/*
 * Test whether the address mask of a request is above CAP.MAMV. If it is,
 * record a violation even if the driver recovers: it must not provoke the queue
 * error in the first place.
 */
static bool unit_mask_too_large(struct mock_iommu *iommu,
				const struct mock_inv *inv)
{
	if (inv->type != MOCK_INV_PIOTLB || inv->granularity != MOCK_PAGES ||
	    inv->order <= mock_mamv(&iommu->cache))
		return false;
	mock_violation(&iommu->cache, "address mask above MAMV", inv->order);
	return true;
}

/* Test whether a valid request raises a queue error that a test injects. */
static bool unit_rejects(struct mock_iommu *iommu, const struct mock_inv *inv)
{
	bool pages = (unit_is_iotlb(inv) && inv->granularity == MOCK_PAGES) ||
		     (unit_is_devtlb(inv) && inv->order < MOCK_ALL_PAGES);

	switch (iommu->errors.reject) {
	case MOCK_REJECT_NONE:
		return iommu->errors.limit_mask &&
		       unit_mask_too_large(iommu, inv);
	case MOCK_REJECT_PAGES:
		return pages;
	case MOCK_REJECT_SELECTIVE:
		return pages || (unit_is_iotlb(inv) &&
				 !(inv->type == MOCK_INV_IOTLB &&
				   inv->granularity == MOCK_GLOBAL));
	default:
		return inv->type != MOCK_INV_WAIT &&
		       inv->type != MOCK_INV_PAGE_RESPONSE;
	}
}

/* Decode a descriptor; false if it raises a queue error. */
static bool unit_decode(struct mock_iommu *iommu, const u64 *qw,
			struct mock_inv *inv)
{
	if (mock_decode(qw, inv)) {
		mock_violation(&iommu->cache, "invalid descriptor", qw[0]);
		return false;
	}
	return !unit_rejects(iommu, inv);
}

/*
 * Recover from an error that software does not handle. Real hardware would stop
 * permanently, and the test would never end. An injected error does not recur;
 * an invalid descriptor is skipped.
 */
static void unit_recover(struct mock_iommu *iommu)
{
	struct mock_inv inv;
	u64 qw[4];

	mock_violation(&iommu->cache, "error not cleared by software",
		       readl(iommu->regs + REG_FSTS));
	unit_fetch(iommu, qw);
	if (iommu->raised & FSTS_IQE && !unit_decode(iommu, qw, &inv))
		iommu->head = (iommu->head + 1) % MOCK_QUEUE_LENGTH;
	iommu->raised = 0;
	iommu->aborted = false;
	writel(0, iommu->regs + REG_FSTS);
	writel(iommu->tail << unit_queue_shift(iommu), iommu->regs + REG_IQT);
}

/* Hidden from KCSAN for the reason given at cache_read_phys() */
static __no_kcsan void unit_write_status(u64 pa, u32 status)
{
	/* Pairs with the driver's polling of the status. */
	smp_store_release((u32 *)phys_to_virt(pa), status);
}

static bool unit_is_silent(const struct mock_errors *errors, u16 sid)
{
	return errors->ite_all ||
	       (sid && (sid == errors->ite || sid == errors->ite2));
}

/* Count a descriptor, and test whether an injected error is due at it. */
static bool unit_counts_down(unsigned int *n)
{
	return *n && !--*n;
}

static void unit_note_pause(struct mock_iommu *iommu)
{
	if (iommu->timeouts)
		iommu->pause = min(iommu->pause,
				   ktime_get_ns() - iommu->raised_at);
}

static void unit_raise_timeout(struct mock_iommu *iommu)
{
	struct mock_errors *errors = &iommu->errors;

	unit_raise(iommu, FSTS_ITE,
		   errors->ite_no_sid ? 0 : (u64)iommu->silent << 32);
	/* Software that retries without limit must not hang the test. */
	if (++iommu->timeouts >= UNIT_MAX_TIMEOUTS) {
		mock_violation(&iommu->cache,
			       "unlimited retries after a time-out",
			       iommu->silent);
		errors->ite = 0;
		errors->ite2 = 0;
		errors->ite_all = false;
	}
}

/*
 * Discard a wait descriptor that follows a time-out. Returns false if the error
 * is raised here, which stops the queue.
 */
static bool unit_do_timeout(struct mock_iommu *iommu)
{
	const struct mock_errors *errors = &iommu->errors;

	unit_note_pause(iommu);
	if ((errors->ite_run_on || errors->ite_at_other) &&
	    iommu->head != iommu->tail)
		return true;
	unit_raise_timeout(iommu);
	return false;
}

/*
 * Abort a device-TLB invalidation, because the device does not respond or an
 * earlier invalidation has timed out. Returns false if this raises the error.
 */
static bool unit_abort_devtlb(struct mock_iommu *iommu,
			      const struct mock_inv *inv)
{
	unit_log(iommu, inv);
	if (!iommu->aborted)
		iommu->silent = inv->sid;
	iommu->aborted = true;
	if (!iommu->errors.ite_at_other || inv->sid == iommu->silent)
		return true;
	unit_raise_timeout(iommu);
	return false;
}

/* Execute one descriptor. Returns false if the queue stops at it. */
static bool unit_do_descriptor(struct mock_iommu *iommu)
{
	struct mock_errors *errors = &iommu->errors;
	struct mock_inv inv;
	u64 qw[4];

	unit_fetch(iommu, qw);
	if (unit_counts_down(&errors->ice)) {
		unit_raise(iommu, FSTS_ICE, 0);
		return false;
	}
	if (unit_counts_down(&errors->iqe)) {
		if (errors->iqe_repeat) {
			errors->iqe_repeat--;
			errors->iqe = 1;
		}
		unit_raise_queue_error(iommu);
		return false;
	}
	if (!unit_decode(iommu, qw, &inv)) {
		unit_raise_queue_error(iommu);
		return false;
	}

	iommu->head = (iommu->head + 1) % MOCK_QUEUE_LENGTH;
	/* A time-out aborts the device-TLB invalidations that follow, too. */
	if (unit_is_devtlb(&inv) &&
	    (iommu->aborted || unit_is_silent(errors, inv.sid)))
		return unit_abort_devtlb(iommu, &inv);
	unit_invalidate(iommu, &inv);
	if (unit_is_devtlb(&inv))
		mock_prq_push(&iommu->prq, inv.sid);
	if (inv.type != MOCK_INV_WAIT)
		return true;
	if (iommu->aborted)
		return unit_do_timeout(iommu);
	if (qw[0] & BIT(7))
		mock_prq_drain(&iommu->prq);
	if (qw[0] & BIT(5)) {
		unit_write_head(iommu);
		unit_write_status(qw[1], qw[0] >> 32);
	}
	return true;
}

static void unit_do_queue(struct mock_iommu *iommu)
{
	u32 iqt = readl(iommu->regs + REG_IQT);
	u32 tail = (iqt & ~IQT_MARK) >> unit_queue_shift(iommu);
	u32 limit;

	if (tail != iommu->tail) {
		iommu->tail = tail;
		unit_doorbell(iommu);
	}
	if (iommu->raised || iqt & IQT_MARK) {
		if (ktime_get_ns() - iommu->raised_at > UNIT_ERROR_DEADLINE)
			unit_recover(iommu);
		return;
	}
	if (!unit_is_due(iommu))
		return;
	limit = unit_limit(iommu);
	while (iommu->head != limit && unit_do_descriptor(iommu))
		;
	unit_write_head(iommu);
}

static void unit_poll(struct mock_iommu *iommu)
{
	raw_spin_lock(&iommu->lock);
	mock_do_commands(iommu);
	unit_clear_errors(iommu);
	if (iommu->queue)
		unit_do_queue(iommu);
	else
		unit_do_registers(iommu);
	if (iommu->ecap & MOCK_ECAP_PRS)
		mock_prq_poll(&iommu->prq);
	raw_spin_unlock(&iommu->lock);
}

static enum hrtimer_restart unit_timer_fn(struct hrtimer *timer)
{
	int i;

	for (i = 0; i < MOCK_IOMMUS; i++)
		unit_poll(&unit_iommus[i]);
	hrtimer_forward_now(timer, UNIT_PERIOD);
	return HRTIMER_RESTART;
}

/* Number of messages in the log before an error is cleared early */
#define UNIT_MAX_MESSAGES	16

/*
 * Called for each message. After several, clear the errors that the driver has
 * handled, rather than leaving that to the timer: on a busy host, the next tick
 * may come so late that the driver logs the same error thousands of times, more
 * than the console can print.
 */
static void unit_log_fn(void *unused, const char *text, size_t len)
{
	struct mock_iommu *iommu;

	for (iommu = unit_iommus; iommu < unit_iommus + MOCK_IOMMUS; iommu++) {
		/* The holder of the lock may be the one that logs. */
		if (!raw_spin_trylock(&iommu->lock))
			continue;
		/* The driver may also write after the error was cleared. */
		if (++iommu->messages > UNIT_MAX_MESSAGES)
			unit_clear_errors(iommu);
		raw_spin_unlock(&iommu->lock);
	}
}

static void unit_timer_start(void *unused)
{
	hrtimer_start(&unit_timer, UNIT_PERIOD, HRTIMER_MODE_REL_PINNED_HARD);
}

/* Interface for tests */

/**
 * mock_present() - whether the mock IOMMUs are in operation
 *
 * Context: Any.
 * Return: False if the DMAR table does not describe the mock IOMMUs, or no CPU
 * is isolated.
 */
bool mock_present(void)
{
	return unit_cpu >= 0;
}

/**
 * mock_iommu() - get a mock IOMMU
 * @id: Id of the mock IOMMU, below %MOCK_IOMMUS.
 *
 * Context: Any.
 * Return: The mock IOMMU.
 */
struct mock_iommu *mock_iommu(enum mock_iommu_id id)
{
	return &unit_iommus[id];
}

/**
 * mock_reset() - clear the logs, counters and injected errors of all mock
 * IOMMUs
 *
 * The contents of the caches are kept. Pending global commands are executed
 * first.
 *
 * Context: Any but NMI. No submission is in flight.
 */
void mock_reset(void)
{
	unsigned long flags;
	int i;

	for (i = 0; i < MOCK_IOMMUS; i++) {
		struct mock_iommu *iommu = &unit_iommus[i];

		raw_spin_lock_irqsave(&iommu->lock, flags);
		mock_do_commands(iommu);
		iommu->hold = 0;
		iommu->errors = (struct mock_errors) {};
		mock_prq_reset(&iommu->prq);
		iommu->timeouts = 0;
		iommu->cache.refused = 0;
		iommu->doorbells = 0;
		iommu->cache.violations.count = 0;
		iommu->nr_log = 0;
		iommu->pause = U64_MAX;
		raw_spin_unlock_irqrestore(&iommu->lock, flags);
	}
}

/**
 * mock_set_errors() - inject errors
 * @iommu: The mock IOMMU.
 * @errors: Errors from now on, which replace those injected before.
 *
 * Context: Any but NMI.
 */
void mock_set_errors(struct mock_iommu *iommu, struct mock_errors errors)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&iommu->lock, flags);
	iommu->errors = errors;
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
}

/**
 * mock_hold() - delay the execution of queued requests
 * @iommu: The mock IOMMU.
 * @doorbells: Number of doorbells to wait for; 0 to resume at once, even if
 *	&mock_errors.latency has not elapsed.
 *
 * Without a queue, the function has no effect: software holds a lock while it
 * waits for a register-based invalidation, so there is no second doorbell.
 *
 * Context: Any but NMI.
 */
void mock_hold(struct mock_iommu *iommu, unsigned int doorbells)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&iommu->lock, flags);
	if (iommu->queue) {
		iommu->hold = doorbells;
		iommu->due = ktime_get_ns();
	}
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
}

/**
 * mock_set_latency() - change the latency, and keep the other injected errors
 * @iommu: The mock IOMMU.
 * @latency: New value of &mock_errors.latency.
 *
 * Context: Any but NMI.
 */
void mock_set_latency(struct mock_iommu *iommu, u64 latency)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&iommu->lock, flags);
	iommu->errors.latency = latency;
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
}

/**
 * mock_set_mute() - let a device answer device-TLB invalidations, or not
 * @iommu: The mock IOMMU of the device.
 * @sid: Requester id of a device that does not answer; 0 for none.
 *
 * Overwrites &mock_errors.ite, and restarts &mock_iommu.timeouts, whose limit
 * applies to a single silent device.
 *
 * Context: Any but NMI.
 */
void mock_set_mute(struct mock_iommu *iommu, u16 sid)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&iommu->lock, flags);
	iommu->errors.ite = sid;
	iommu->timeouts = 0;
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
}

/**
 * mock_delay() - set when the pending requests are executed
 * @iommu: The mock IOMMU.
 * @latency: Time from now in ns, whatever &mock_errors.latency was when the
 *	requests were submitted.
 *
 * Context: Any but NMI.
 */
void mock_delay(struct mock_iommu *iommu, u64 latency)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&iommu->lock, flags);
	iommu->due = ktime_get_ns() + latency;
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
}

static bool unit_has_work(const struct mock_iommu *iommu)
{
	return iommu->busy || iommu->head != iommu->tail;
}

/**
 * mock_has_work() - whether requests are pending
 * @iommu: The mock IOMMU.
 *
 * Context: Any but NMI.
 * Return: Whether the timer has read requests that it has not executed yet.
 */
bool mock_has_work(struct mock_iommu *iommu)
{
	unsigned long flags;
	bool work;

	raw_spin_lock_irqsave(&iommu->lock, flags);
	work = unit_has_work(iommu);
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
	return work;
}

/**
 * mock_has_new_work() - whether requests are pending that were not reported yet
 * @iommu: The mock IOMMU.
 * @seen: State of the caller: number of executed requests when this function
 *	last returned true; initialised to ~0 by the caller.
 *
 * Callers use this to act once per wait of the driver: a request that is still
 * pending after the caller has acted is not reported again.
 *
 * Context: Any but NMI.
 * Return: Whether requests are pending, and others were executed since @seen.
 */
bool mock_has_new_work(struct mock_iommu *iommu, unsigned int *seen)
{
	unsigned long flags;
	bool work;

	raw_spin_lock_irqsave(&iommu->lock, flags);
	work = unit_has_work(iommu) && iommu->nr_log != *seen;
	if (work)
		*seen = iommu->nr_log;
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
	return work;
}

/**
 * mock_enable_translation() - enable translation without the driver
 * @iommu: The mock IOMMU.
 * @root: Root table address with its mode bits.
 *
 * Context: Any but NMI. The driver has not initialised the IOMMU yet.
 */
void mock_enable_translation(struct mock_iommu *iommu, u64 root)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&iommu->lock, flags);
	iommu->cache.root = root;
	writeq(root, iommu->regs + REG_RTADDR);
	writel(GCMD_TE, iommu->regs + REG_GCMD);
	writel(GCMD_TE | GCMD_SRTP, iommu->regs + REG_GSTS);
	raw_spin_unlock_irqrestore(&iommu->lock, flags);
}

/* Initialisation */

static int __init unit_init_one(struct mock_iommu *iommu,
				const struct acpi_dmar_hardware_unit *drhd)
{
	raw_spin_lock_init(&iommu->lock);
	iommu->phys = drhd->address;
	iommu->segment = drhd->segment;
	iommu->regs = ioremap(iommu->phys, SZ_4K);
	if (!iommu->regs)
		return -ENOMEM;
	iommu->cache.no_snoop = !(iommu->ecap & ECAP_C);
	iommu->cache.no_snoop_walk = !(iommu->ecap &
		(iommu->ecap & MOCK_ECAP_SMTS ? ECAP_SMPWC : ECAP_C));
	mock_prq_init(&iommu->prq, iommu->regs, &iommu->cache, &iommu->lock);
	writel(0x60, iommu->regs + REG_VER);
	writeq(iommu->cache.cap, iommu->regs + REG_CAP);
	writeq(iommu->ecap, iommu->regs + REG_ECAP);
	return 0;
}

static int __init unit_init_all(const struct acpi_table_header *table)
{
	const void *end = (void *)table + table->length;
	const struct acpi_dmar_header *entry;
	int n = 0, ret;

	for (entry = (void *)table + sizeof(struct acpi_table_dmar);
	     (void *)entry < end && entry->length && n < MOCK_IOMMUS;
	     entry = (void *)entry + entry->length) {
		if (entry->type != ACPI_DMAR_TYPE_HARDWARE_UNIT)
			continue;
		ret = unit_init_one(&unit_iommus[n++], (void *)entry);
		if (ret)
			return ret;
	}
	return n == MOCK_IOMMUS ? 0 : -ENODEV;
}

/*
 * Replacement for the driver's shutdown function, which would wait for the
 * IOMMUs after the CPU that emulates them has stopped.
 */
static void unit_no_shutdown(void)
{
}

/* The driver initialises IOMMUs later, at rootfs_initcall. */
static int __init unit_init(void)
{
	struct acpi_table_header *table;
	int cpu, ret;

	if (ACPI_FAILURE(acpi_get_table(ACPI_SIG_DMAR, 0, &table)))
		return 0;
	for_each_online_cpu(cpu)
		if (!housekeeping_cpu(cpu, HK_TYPE_DOMAIN))
			break;
	if (cpu >= nr_cpu_ids) {
		pr_info("no CPU is isolated\n");
		goto out;
	}
	/*
	 * Only a table with this OEM id has registers in plain memory. Those of
	 * real IOMMUs must not be touched.
	 */
	if (memcmp(table->oem_id, "KUNIT ", ACPI_OEM_ID_SIZE)) {
		pr_info("the DMAR table describes no mock IOMMUs\n");
		goto out;
	}
	/* Before the driver can find any IOMMU, as it cannot do without */
	ret = mock_memory_init();
	if (ret) {
		pr_info("cache-line flushes cannot be followed (%d)\n", ret);
		goto out;
	}
	ret = unit_init_all(table);
	if (ret) {
		pr_info("the DMAR table describes other IOMMUs (%d)\n", ret);
		goto out;
	}
	unit_cpu = cpu;
	x86_platform.iommu_shutdown = unit_no_shutdown;
	hrtimer_setup(&unit_timer, unit_timer_fn, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	smp_call_function_single(cpu, unit_timer_start, NULL, 1);
	if (register_trace_console(unit_log_fn, NULL))
		pr_info("errors are cleared by the timer only\n");
out:
	acpi_put_table(table);
	return 0;
}
arch_initcall(unit_init);
