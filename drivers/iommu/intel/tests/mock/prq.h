/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page requests of mock devices.
 *
 * A page request takes the path that the specification describes: it leaves the
 * device as a posted message, the IOMMU writes it to the page request queue,
 * and an interrupt notifies software. Tests can hold the request in the device
 * and delay the interrupt. The completion of a device-TLB invalidation pushes a
 * held request out of the device; the request enters the queue only when a
 * later wait descriptor with the page-request drain flag is executed.
 *
 * Page group responses are recorded in the log of the IOMMU.
 */
#ifndef _INTEL_IOMMU_MOCK_PRQ_H
#define _INTEL_IOMMU_MOCK_PRQ_H

#include <linux/iommu.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct mock_cache;

#define MOCK_MAX_REQUESTS	8

/**
 * struct mock_request - page request
 * @sid: Requester id of the device.
 * @pasid: PASID, %IOMMU_NO_PASID for a request without one.
 * @addr: Address of the page.
 * @index: Page request group index.
 * @last: Last request of its group.
 * @pushed: A device-TLB invalidation has pushed the held request out of the
 *	device.
 */
struct mock_request {
	u16 sid;
	ioasid_t pasid;
	u64 addr;
	u16 index;
	bool last;
	bool pushed;
};

/**
 * struct mock_prq - page request queue of a mock IOMMU
 * @regs: Registers of the IOMMU.
 * @cache: Translation caches of the IOMMU, which count violations.
 * @lock: Lock of the IOMMU. Protects all members below.
 * @status: Bits of the page request status register that software has not
 *	cleared.
 * @event: An interrupt is pending.
 * @latency: Time in ns between a page request and the interrupt.
 * @due: Time in ns before which the interrupt is not sent.
 * @hold: Devices hold their page requests until these are drained.
 * @held: Held page requests, oldest first.
 * @nr_held: Number of requests in @held.
 */
struct mock_prq {
	void __iomem *regs;
	struct mock_cache *cache;
	raw_spinlock_t *lock; /* see above */
	u32 status;
	bool event;
	u64 latency;
	u64 due;
	bool hold;
	struct mock_request held[MOCK_MAX_REQUESTS];
	unsigned int nr_held;
};

/* For tests */
void mock_hold_requests(struct mock_prq *prq, bool hold);
void mock_delay_event(struct mock_prq *prq, u64 latency);
bool mock_prq_is_idle(struct mock_prq *prq);

/* For the layers above */
void mock_prq_init(struct mock_prq *prq, void __iomem *regs,
		   struct mock_cache *cache, raw_spinlock_t *lock);

/* For the layers above, which hold the lock */
void mock_prq_add(struct mock_prq *prq, const struct mock_request *req);
void mock_prq_push(struct mock_prq *prq, u16 sid);
void mock_prq_drain(struct mock_prq *prq);
void mock_prq_poll(struct mock_prq *prq);
void mock_prq_reset(struct mock_prq *prq);

#endif /* _INTEL_IOMMU_MOCK_PRQ_H */
