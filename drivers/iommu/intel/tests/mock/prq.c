// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page request queue of the mock IOMMUs. prq.h describes the path of a page
 * request.
 *
 * Software clears bits of the status register by writing ones (RW1C). A
 * reserved bit, PRS_MARK, distinguishes values that the mock hardware has
 * stored from values that software has written, as in unit.c.
 */

#include <linux/bits.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/smp.h>
#include <asm/apic.h>

#include "cache.h"
#include "prq.h"

#define REG_PQH		0xc0
#define REG_PQT		0xc8
#define REG_PQA		0xd0
#define REG_PRS		0xdc
#define REG_PECTL	0xe0
#define REG_PEDATA	0xe4
#define REG_PEADDR	0xe8
#define REG_PEUADDR	0xec

/* Pending page request */
#define PRS_PPR		BIT(0)
/* Reserved bit: set in values that the hardware has stored. */
#define PRS_MARK	BIT(31)
/* Interrupt mask */
#define PECTL_IM	BIT(31)

#define PRQ_ENTRY	32

static u64 prq_mask(const struct mock_prq *prq)
{
	u64 size = 4096ULL << (readq(prq->regs + REG_PQA) & 7);

	return (size - 1) & ~(PRQ_ENTRY - 1ULL);
}

/*
 * Apply the last write of software to the status register, if there was one,
 * and set the bits @set. Software may write the register at the same time.
 */
static void prq_update_status(struct mock_prq *prq, u32 set)
{
	u32 *reg = (u32 __force *)(prq->regs + REG_PRS);
	u32 old, new, status;

	do {
		old = readl(prq->regs + REG_PRS);
		status = prq->status;
		if (!(old & PRS_MARK))
			status &= ~old;
		status |= set;
		new = status ? status | PRS_MARK : 0;
	} while (old != new && cmpxchg(reg, old, new) != old);
	prq->status = status;
}

/* Hidden from KCSAN for the reason given at cache_read_phys() */
static __no_kcsan void prq_write_entry(u64 pa, const struct mock_request *req)
{
	bool has_pasid = req->pasid != IOMMU_NO_PASID;
	u64 *qw = phys_to_virt(pa);

	qw[0] = 1 | (u64)has_pasid << 8 | (u64)req->sid << 16 |
		(u64)req->pasid << 32;
	/* Request permission to read and to write. */
	qw[1] = 3 | (u64)req->last << 2 | (u64)req->index << 3 |
		(req->addr & GENMASK_ULL(63, 12));
	qw[2] = 0;
	qw[3] = 0;
}

static void prq_insert(struct mock_prq *prq, const struct mock_request *req)
{
	u64 pqa = readq(prq->regs + REG_PQA) & GENMASK_ULL(51, 12);
	u64 head = readq(prq->regs + REG_PQH);
	u64 tail = readq(prq->regs + REG_PQT);
	u64 next = (tail + PRQ_ENTRY) & prq_mask(prq);

	if (!pqa || next == head) {
		mock_violation(prq->cache, "page request queue overflow", tail);
		return;
	}
	prq_write_entry(pqa + tail, req);
	/* x86 does not reorder stores: the entry is visible before the tail. */
	writeq(next, prq->regs + REG_PQT);

	/* Send no further interrupt until software clears the status bit. */
	prq_update_status(prq, 0);
	if (prq->status & PRS_PPR)
		return;
	prq_update_status(prq, PRS_PPR);
	prq->event = true;
	prq->due = ktime_get_ns() + prq->latency;
}

/* Send the interrupt to the CPU and vector in the event registers. */
static void prq_send_event(struct mock_prq *prq)
{
	u32 lo = readl(prq->regs + REG_PEADDR);
	u32 hi = readl(prq->regs + REG_PEUADDR);
	u32 dest = (hi & GENMASK(31, 8)) | ((lo >> 12) & 0xff);
	u32 data = readl(prq->regs + REG_PEDATA);
	int cpu;

	for_each_online_cpu(cpu) {
		if (cpu_physical_id(cpu) != dest)
			continue;
		__apic_send_IPI(cpu, data & 0xff);
		return;
	}
	mock_violation(prq->cache, "page request interrupt without target",
		       dest);
}

/**
 * mock_prq_init() - prepare the page request queue of a mock IOMMU
 * @prq: The page request queue.
 * @regs: Registers of the IOMMU.
 * @cache: Its translation caches, which count violations.
 * @lock: Its lock.
 *
 * Context: Any. The IOMMU is not in operation yet.
 */
void mock_prq_init(struct mock_prq *prq, void __iomem *regs,
		   struct mock_cache *cache, raw_spinlock_t *lock)
{
	prq->regs = regs;
	prq->cache = cache;
	prq->lock = lock;
}

/**
 * mock_prq_poll() - handle status register writes and send a due interrupt
 * @prq: The page request queue.
 *
 * Context: Timer of the mock hardware, &mock_prq.lock held.
 */
void mock_prq_poll(struct mock_prq *prq)
{
	prq_update_status(prq, 0);
	if (!prq->event || ktime_get_ns() < prq->due ||
	    readl(prq->regs + REG_PECTL) & PECTL_IM)
		return;
	prq->event = false;
	prq_send_event(prq);
}

/**
 * mock_prq_add() - put a page request into the queue, or hold it in the device
 * @prq: Page request queue of the IOMMU of the device.
 * @req: The page request.
 *
 * Context: &mock_prq.lock held.
 */
void mock_prq_add(struct mock_prq *prq, const struct mock_request *req)
{
	if (!prq->hold) {
		prq_insert(prq, req);
		return;
	}
	if (prq->nr_held == MOCK_MAX_REQUESTS) {
		mock_violation(prq->cache, "too many held page requests",
			       prq->nr_held);
		return;
	}
	prq->held[prq->nr_held++] = *req;
}

/**
 * mock_prq_push() - push held page requests out of a device
 * @prq: The page request queue.
 * @sid: Requester id of the device.
 *
 * Called when the device completes a device-TLB invalidation. The completion
 * cannot overtake page requests that the device has sent before. They enter the
 * queue in mock_prq_drain().
 *
 * Context: &mock_prq.lock held.
 */
void mock_prq_push(struct mock_prq *prq, u16 sid)
{
	unsigned int i;

	for (i = 0; i < prq->nr_held; i++)
		if (prq->held[i].sid == sid)
			prq->held[i].pushed = true;
}

static void prq_release(struct mock_prq *prq, bool all)
{
	unsigned int i, kept = 0;

	for (i = 0; i < prq->nr_held; i++)
		if (all || prq->held[i].pushed)
			prq_insert(prq, &prq->held[i]);
		else
			prq->held[kept++] = prq->held[i];
	prq->nr_held = kept;
}

/**
 * mock_prq_drain() - execute the page-request drain flag of a wait descriptor
 * @prq: The page request queue.
 *
 * The page requests that mock_prq_push() has marked enter the queue.
 *
 * Context: &mock_prq.lock held.
 */
void mock_prq_drain(struct mock_prq *prq)
{
	prq_release(prq, false);
}

/**
 * mock_prq_reset() - discard held page requests and end all delays
 * @prq: The page request queue.
 *
 * Context: &mock_prq.lock held.
 */
void mock_prq_reset(struct mock_prq *prq)
{
	prq->hold = false;
	prq->nr_held = 0;
	prq->latency = 0;
	prq->due = 0;
}

/**
 * mock_hold_requests() - start or stop holding page requests in the devices
 * @prq: Page request queue of the IOMMU of the devices.
 * @hold: True to hold page requests from now on, false to put those that are
 *	held into the queue and to hold no more.
 *
 * Context: Any but NMI.
 */
void mock_hold_requests(struct mock_prq *prq, bool hold)
{
	unsigned long flags;

	raw_spin_lock_irqsave(prq->lock, flags);
	prq->hold = hold;
	if (!hold)
		prq_release(prq, true);
	raw_spin_unlock_irqrestore(prq->lock, flags);
}

/**
 * mock_delay_event() - delay page request interrupts
 * @prq: The page request queue.
 * @latency: Time in ns between a page request and the interrupt.
 *
 * Context: Any but NMI.
 */
void mock_delay_event(struct mock_prq *prq, u64 latency)
{
	unsigned long flags;

	raw_spin_lock_irqsave(prq->lock, flags);
	prq->latency = latency;
	raw_spin_unlock_irqrestore(prq->lock, flags);
}

/**
 * mock_prq_is_idle() - whether software has processed all page requests
 * @prq: The page request queue.
 *
 * Context: Any but NMI.
 * Return: True if no page request is held or in the queue, and no interrupt is
 * pending.
 */
bool mock_prq_is_idle(struct mock_prq *prq)
{
	unsigned long flags;
	bool idle;

	raw_spin_lock_irqsave(prq->lock, flags);
	idle = !prq->event && !prq->nr_held &&
	       readq(prq->regs + REG_PQH) == readq(prq->regs + REG_PQT);
	raw_spin_unlock_irqrestore(prq->lock, flags);
	return idle;
}
