/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mock IOMMUs: registers, invalidation queue and timing.
 *
 * A DMAR table made for the tests places the registers of the mock IOMMUs in
 * reserved memory; tools/testing/kunit/qemu_configs/x86_64_vtd.py passes it to
 * QEMU. The driver detects, maps and initialises the mock IOMMUs like any
 * others. A timer on an isolated CPU emulates the hardware.
 *
 * Tests use this header to select an IOMMU, to inject errors, to delay the
 * execution of invalidations and to inspect the invalidations that the driver
 * requested.
 */
#ifndef _INTEL_IOMMU_MOCK_UNIT_H
#define _INTEL_IOMMU_MOCK_UNIT_H

#include <linux/bits.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "cache.h"
#include "desc.h"
#include "prq.h"

/* Bits of the extended capability register that other layers need */
#define MOCK_ECAP_DT		BIT_ULL(2)	/* device TLBs */
#define MOCK_ECAP_PRS		BIT_ULL(29)
#define MOCK_ECAP_SMTS		BIT_ULL(43)

/**
 * enum mock_iommu_id - the mock IOMMUs and their capabilities
 * @MOCK_LEGACY: Legacy mode, ATS.
 * @MOCK_LEGACY_CM: Legacy mode, caching mode.
 * @MOCK_LEGACY_OLD: Legacy mode, ATS; without page-selective invalidation and
 *	coherent page walks, but with a write buffer that needs flushing.
 * @MOCK_REGISTERS: Legacy mode; no queue, register-based invalidation.
 * @MOCK_SS: Scalable mode, second stage only, ATS, PASID.
 * @MOCK_SS_CM: Scalable mode, second stage only, PASID, caching mode; does not
 *	snoop when it reads tables.
 * @MOCK_FS: Scalable mode, both stages, nesting, ATS, PASID.
 * @MOCK_FS2: Like %MOCK_FS, and page requests.
 * @MOCK_FS_CM: Both stages, nesting, ATS, PASID, caching mode.
 * @MOCK_FS_NS: Both stages, nesting, ATS, PASID; does not snoop when it reads
 *	tables.
 * @MOCK_FS_OLD: Both stages, nesting, PASID; without ATS, page-selective
 *	invalidation and snoop control, but with a write buffer that needs
 *	flushing.
 * @MOCK_KDUMP: Legacy mode; translation is enabled before the driver starts,
 *	as after a crash, see kdump.h.
 * @MOCK_KDUMP_SM: Likewise in scalable mode, second stage only.
 * @MOCK_IOMMUS: Number of mock IOMMUs.
 *
 * The order is that of the units in the DMAR table.
 */
enum mock_iommu_id {
	MOCK_LEGACY,
	MOCK_LEGACY_CM,
	MOCK_LEGACY_OLD,
	MOCK_REGISTERS,
	MOCK_SS,
	MOCK_SS_CM,
	MOCK_FS,
	MOCK_FS2,
	MOCK_FS_CM,
	MOCK_FS_NS,
	MOCK_FS_OLD,
	MOCK_KDUMP,
	MOCK_KDUMP_SM,
	MOCK_IOMMUS,
};

#define MOCK_MAX_LOG		1024
/* Number of slots of an invalidation queue */
#define MOCK_QUEUE_LENGTH	256

/**
 * enum mock_reject - invalidations that raise a queue error
 * @MOCK_REJECT_NONE: Invalid ones only; see also &mock_errors.limit_mask.
 * @MOCK_REJECT_PAGES: Page-selective IOTLB invalidations, and device-TLB
 *	invalidations of less than the whole address space.
 * @MOCK_REJECT_SELECTIVE: Also all IOTLB invalidations that are not global.
 * @MOCK_REJECT_ALL: All invalidations; only waits and page group responses are
 *	executed.
 */
enum mock_reject {
	MOCK_REJECT_NONE,
	MOCK_REJECT_PAGES,
	MOCK_REJECT_SELECTIVE,
	MOCK_REJECT_ALL,
};

/**
 * struct mock_errors - errors that a mock IOMMU reports
 * @latency: Time in ns between a doorbell and the execution of the requests.
 * @overlap: @latency applies to each submission separately, so that many can be
 *	in progress. Otherwise, a doorbell also delays what is pending already. Set
 *	while nothing is pending; mock_hold() and mock_delay() do not end the
 *	latency then.
 * @iqe: Number of descriptors until one raises an invalidation queue error: 1
 *	for the next one, 0 for none.
 * @iqe_repeat: Number of further queue errors at the same descriptor.
 * @ice: Like @iqe, for an invalidation completion error.
 * @ite: Requester id of a device whose device TLB does not respond, so that
 *	its invalidations end with an invalidation time-out error; 0 for none.
 * @ite2: Another such device.
 * @ite_all: All devices are such devices.
 * @ite_no_sid: The time-out error does not report the requester id.
 * @ite_run_on: Report a time-out only after all queued descriptors have been
 *	processed; waits among them are discarded. Otherwise, it is reported at
 *	the first wait, where execution stops.
 * @ite_at_other: Report a time-out only at the next device-TLB invalidation of
 *	another device, which is aborted as well; waits before it are discarded.
 *	If there is none, like @ite_run_on.
 * @iqe_needs_tail: After a queue error has been cleared, execution resumes only
 *	when the tail register has been written.
 * @limit_mask: A PASID-based IOTLB invalidation with an address mask above
 *	CAP.MAMV raises a queue error, as in QEMU from 10.0.13 on. The
 *	specification permits any mask there.
 * @reject: Other invalidations that raise a queue error.
 */
struct mock_errors {
	u64 latency;
	bool overlap;
	unsigned int iqe;
	unsigned int iqe_repeat;
	unsigned int ice;
	u16 ite;
	u16 ite2;
	bool ite_all;
	bool ite_no_sid;
	bool ite_run_on;
	bool ite_at_other;
	bool iqe_needs_tail;
	bool limit_mask;
	enum mock_reject reject;
};

/**
 * struct mock_arrivals - submissions in progress if &mock_errors.overlap is set
 * @first: Index of the oldest one in the arrays.
 * @count: Number of submissions.
 * @limit: Slot after the last one whose latency has elapsed.
 * @tail: Slot after each submission.
 * @due: Time in ns at which each submission is executed.
 */
struct mock_arrivals {
	unsigned int first;
	unsigned int count;
	u32 limit;
	u32 tail[MOCK_QUEUE_LENGTH];
	u64 due[MOCK_QUEUE_LENGTH];
};

/**
 * struct mock_iommu - a mock IOMMU
 * @name: Name in messages.
 * @ecap: Extended capability register.
 * @phys: Physical address of the registers.
 * @segment: PCI segment of its devices.
 * @regs: The registers.
 * @lock: Protects all members below. The timer and DMA take it with interrupts
 *	off. While no submission is in flight, tests may read the counters and
 *	the log without it.
 * @cache: Translation, caches and capability register.
 * @queue: Invalidation queue, NULL while it is disabled.
 * @wide: Descriptors have 256 bits instead of 128.
 * @messages: Number of messages that the kernel has logged since an error was
 *	raised, apart from those while the lock was held.
 * @head: Index of the next descriptor to execute.
 * @tail: Index from the tail register, as last read.
 * @raised: Error bits of the fault status register that software has not
 *	cleared yet. No descriptor is executed while it is not 0.
 * @raised_at: Time in ns at which @raised was set last.
 * @aborted: A device TLB has timed out. Wait descriptors are discarded until
 *	software clears the error.
 * @silent: Requester id of the first device that timed out; valid while
 *	@aborted is set.
 * @busy: A register-based invalidation is in progress.
 * @hold: Number of doorbells to wait for before requests are executed.
 * @due: Time in ns before which no request is executed.
 * @arrivals: Submissions in progress, each with its own latency.
 * @doorbells: Number of tail updates and register-based requests since
 *	mock_reset().
 * @errors: Injected errors.
 * @prq: Page request queue.
 * @timeouts: Number of time-out errors raised since mock_reset().
 * @log: Requests since mock_reset(), in order of execution.
 * @nr_log: Number of requests, which may exceed %MOCK_MAX_LOG.
 * @pause: Shortest time in ns from an error to the next time-out since
 *	mock_reset(); %U64_MAX if there was none.
 */
struct mock_iommu {
	const char *name;
	u64 ecap;
	phys_addr_t phys;
	u16 segment;
	void __iomem *regs;

	raw_spinlock_t lock; /* see above */
	struct mock_cache cache;
	u64 *queue;
	bool wide;
	unsigned int messages;
	u32 head;
	u32 tail;
	u32 raised;
	u64 raised_at;
	bool aborted;
	u16 silent;
	bool busy;
	unsigned int hold;
	u64 due;
	struct mock_arrivals arrivals;
	unsigned int doorbells;
	struct mock_errors errors;
	struct mock_prq prq;
	unsigned int timeouts;
	struct mock_inv log[MOCK_MAX_LOG];
	unsigned int nr_log;
	u64 pause;
};

bool mock_present(void);
struct mock_iommu *mock_iommu(enum mock_iommu_id id);
void mock_reset(void);

void mock_set_errors(struct mock_iommu *iommu, struct mock_errors errors);
void mock_hold(struct mock_iommu *iommu, unsigned int doorbells);
void mock_set_latency(struct mock_iommu *iommu, u64 latency);
void mock_set_mute(struct mock_iommu *iommu, u16 sid);
void mock_delay(struct mock_iommu *iommu, u64 latency);
bool mock_has_work(struct mock_iommu *iommu);
bool mock_has_new_work(struct mock_iommu *iommu, unsigned int *seen);

/* For the layers above */
void mock_do_commands(struct mock_iommu *iommu);
void mock_enable_translation(struct mock_iommu *iommu, u64 root);

#endif /* _INTEL_IOMMU_MOCK_UNIT_H */
