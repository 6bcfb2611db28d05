/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fixture of the KUnit suites that run on mock IOMMUs: domains, attachments,
 * guests, checks of what devices reach, and operations that are injected into
 * the middle of an attach or detach. The prefix ut_ stands for unit test.
 *
 * The suites use the interfaces of the IOMMU core and check the DMA of devices.
 * They do not depend on internals of the driver and therefore apply to any
 * version of it.
 */
#ifndef _INTEL_IOMMU_TESTS_FIXTURE_H
#define _INTEL_IOMMU_TESTS_FIXTURE_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/iommu.h>
#include <linux/mm_types.h>
#include <linux/pci.h>

#include "mock/pci.h"

/* DMA address at which most tests map one page */
#define IOVA		0x40000000UL
#define PROT		(IOMMU_READ | IOMMU_WRITE)
#define PASID		5
/* Latency in ns that is long enough for another CPU to act meanwhile */
#define LATENCY		(2 * NSEC_PER_MSEC)
/* Maximum number of attempts to hit a race window; a busy host may miss some */
#define ROUNDS		20

/**
 * struct ut_topology - how a device uses a domain; parameter of many tests
 * @name: Name in messages.
 * @iommu: The mock IOMMU.
 * @dev: Index of the device, as for mock_dev().
 * @pasid: Its PASID, or %IOMMU_NO_PASID.
 * @flags: Flags for the allocation of the domain.
 */
struct ut_topology {
	const char *name;
	enum mock_iommu_id iommu;
	unsigned int dev;
	ioasid_t pasid;
	u32 flags;
};

static inline struct device *ut_dev(const struct ut_topology *t)
{
	return mock_dev(t->iommu, t->dev);
}

/* Requester id of a PCI device */
static inline u16 ut_sid(struct device *dev)
{
	return pci_dev_id(to_pci_dev(dev));
}

/*
 * Plug in the extra endpoints of an IOMMU until the end of the test. A failure
 * aborts the test.
 */
void ut_plug_extras(struct kunit *test, enum mock_iommu_id id);

/* Another device of the same IOMMU, with ATS if the IOMMU supports it */
static inline struct device *ut_sibling(const struct ut_topology *t)
{
	return mock_dev(t->iommu, 2);
}

static inline bool ut_has_pasid(const struct ut_topology *t)
{
	return t->pasid != IOMMU_NO_PASID;
}

static inline bool ut_has_caching_mode(const struct ut_topology *t)
{
	return mock_iommu(t->iommu)->cache.cap & MOCK_CAP_CM;
}

/*
 * Parameter generators for KUNIT_CASE_PARAM(): all topologies, those with a
 * PASID, those with ATS, and those that support nesting. A suite builds its own
 * generators with ut_filter_topologies(), which selects the topologies for
 * which @wanted returns true.
 */
const void *ut_topology_gen_params(struct kunit *test, const void *prev,
				   char *desc);
const void *ut_pasid_gen_params(struct kunit *test, const void *prev,
				char *desc);
const void *ut_ats_gen_params(struct kunit *test, const void *prev, char *desc);
const void *ut_nested_gen_params(struct kunit *test, const void *prev,
				 char *desc);
const void *ut_filter_topologies(struct kunit *test, const void *prev,
				 char *desc,
				 bool (*wanted)(const struct ut_topology *t));

/*
 * Allocation. A failure aborts the test. Domains and pages are freed at the end
 * of the test, in reverse order; ut_free_domain() frees a detached domain
 * earlier.
 */
struct iommu_domain *ut_new_domain(struct kunit *test, struct device *dev,
				   u32 flags);
void ut_free_domain(struct kunit *test, struct iommu_domain *domain);
phys_addr_t ut_new_page(struct kunit *test);
/* A page of user memory in the address space of the test */
void __user *ut_new_user_page(struct kunit *test);
phys_addr_t ut_user_pa(struct kunit *test, void __user *addr);
/* An empty address space, released by mmput(); NULL on failure */
struct mm_struct *ut_new_mm(void);
/* Map a page of memory in current->mm; returns an error code */
int ut_mmap_page(void __user **addr, phys_addr_t *pa);

/*
 * Attach by PASID, or by RID for %IOMMU_NO_PASID. ut_detach_handle() undoes
 * ut_replace().
 */
int ut_attach(struct iommu_domain *domain, struct device *dev, ioasid_t pasid);
void ut_detach(struct iommu_domain *domain, struct device *dev,
	       ioasid_t pasid);
int ut_replace(struct iommu_domain *domain, struct device *dev, ioasid_t pasid,
	       struct iommu_attach_handle *handle);
void ut_detach_handle(struct iommu_domain *domain, struct device *dev,
		      ioasid_t pasid);

/* Map and unmap one page at %IOVA. */
void ut_map(struct kunit *test, struct iommu_domain *domain, phys_addr_t pa);
void ut_unmap(struct kunit *test, struct iommu_domain *domain);
/* Test whether a write of the device to @addr, or to %IOVA, reaches @want. */
bool ut_reaches_at(struct device *dev, ioasid_t pasid, u64 addr,
		   phys_addr_t want);
bool ut_reaches(struct device *dev, ioasid_t pasid, phys_addr_t want);
/* Expect that maps and unmaps of @domain take effect for an attached device. */
void ut_check_attached(struct kunit *test, struct iommu_domain *domain,
		       struct device *dev, ioasid_t pasid);
/* Expect that the device reaches nothing at %IOVA. */
void ut_check_detached(struct kunit *test, struct device *dev, ioasid_t pasid);
/* Unmap the page and map @pa again, @n times. */
void ut_unmap_often(struct kunit *test, struct iommu_domain *domain,
		    phys_addr_t pa, unsigned int n);

/*
 * Number of invalidations of a type that an IOMMU executed since mock_reset()
 */
unsigned int ut_count(struct kunit *test, enum mock_iommu_id id,
		      enum mock_inv_type type);

/**
 * struct ut_thread - function that runs concurrently with the test
 * @work: The function.
 * @data: Its argument.
 * @task: Thread that runs it.
 * @done: Set when @work has returned.
 */
struct ut_thread {
	void (*work)(void *data);
	void *data;
	struct task_struct *task;
	bool done;
};

void ut_start(struct kunit *test, struct ut_thread *t,
	      void (*work)(void *data), void *data);
/*
 * Wait until the thread waits for a request that @iommu has not executed yet.
 * Returns false if the thread ends first.
 */
bool ut_wait_for_work(struct ut_thread *t, struct mock_iommu *iommu);
/* Wait for @n more time-outs. Returns false if the thread ends first. */
bool ut_wait_for_timeouts(struct ut_thread *t, const struct mock_iommu *iommu,
			  unsigned int n);
void ut_join(struct ut_thread *t);
/* ut_unmap() as a thread function */
void ut_unmap_work(void *domain);

/**
 * struct ut_reader - RCU read-side critical section of another thread
 * @thread: The thread. &ut_thread.done is set when the section has ended.
 * @begun: Completed when the critical section has begun.
 * @over: Set to end the section, which otherwise ends after 5 seconds.
 */
struct ut_reader {
	struct ut_thread thread;
	struct completion begun;
	bool over;
};

/*
 * ut_start_reader() returns when the critical section has begun,
 * ut_stop_reader() when it has ended.
 */
void ut_start_reader(struct kunit *test, struct ut_reader *r);
void ut_stop_reader(struct ut_reader *r);

/*
 * Count the calls of iommu_flush_write_buffer() until the end of the test.
 * Returns the counter. The log of a mock IOMMU cannot replace it, because the
 * mock may execute several commands as one.
 */
const unsigned int *ut_count_write_buffer_flushes(struct kunit *test);

/* The pages of a guest: one page table of each level, and one page of data */
enum ut_guest_page {
	GUEST_LEVEL4,
	GUEST_LEVEL3,
	GUEST_LEVEL2,
	GUEST_LEVEL1,
	GUEST_DATA,
	GUEST_PAGES,
};

/* Guest physical address of one of these pages */
#define GPA(page)	(0xc0000000UL + (page) * PAGE_SIZE)

/**
 * struct ut_guest - guest memory with a page table that maps %GUEST_DATA at
 * %IOVA
 * @parent: Nest parent: translates guest physical addresses.
 * @domain: Nested domain that uses the guest's page table.
 * @user: User memory for the arguments of requests to the driver.
 * @pa: Host physical addresses of the guest's pages.
 */
struct ut_guest {
	struct iommu_domain *parent;
	struct iommu_domain *domain;
	void __user *user;
	phys_addr_t pa[GUEST_PAGES];
};

void ut_new_guest(struct kunit *test, struct device *dev,
		  struct ut_guest *guest);
/* Another nested domain of a guest; @addr_width is 48 or 57 */
struct iommu_domain *ut_new_nested(struct kunit *test, struct device *dev,
				   struct ut_guest *guest,
				   unsigned int addr_width);
/* Map and unmap a page of the guest in the nest parent. */
void ut_guest_map(struct kunit *test, struct ut_guest *guest,
		  enum ut_guest_page page, phys_addr_t pa);
void ut_guest_unmap(struct kunit *test, struct ut_guest *guest,
		    enum ut_guest_page page);
/*
 * Write the entry for an address, or for %IOVA, in one of the guest's page
 * tables; 0 clears it.
 */
void ut_guest_set_at(struct ut_guest *guest, enum ut_guest_page table, u64 addr,
		     u64 gpa);
void ut_guest_set(struct ut_guest *guest, enum ut_guest_page table, u64 gpa);
/*
 * Invalidate as the guest does, through the nested domain. The first function
 * returns an error code and may be called in any thread that uses the address
 * space of the test; the second one aborts the test on failure.
 */
int ut_guest_try_invalidate(struct ut_guest *guest, u64 addr, u64 npages);
void ut_guest_invalidate(struct kunit *test, struct ut_guest *guest, u64 addr,
			 u64 npages);
/* Expect that an attached device follows changes of the nest parent. */
void ut_check_guest(struct kunit *test, struct ut_guest *guest,
		    struct device *dev, ioasid_t pasid);

/**
 * struct ut_injection - operation injected into an attach, detach or replace
 * @act: The operation, called at each injection point that @at selects.
 * @at: Number of the injection point, counted from 1; 0 for all of them.
 * @domain: Domain that @act changes.
 * @dev: Device that is attached or detached meanwhile.
 * @pasid: PASID of the attachment.
 * @pa: Page that @domain maps at %IOVA.
 * @task: Task whose allocations are injection points, or thread that waits for
 *	the injection points of @iommu.
 * @iommu: IOMMU whose pending invalidations are injection points.
 * @no_hold: Let the pending invalidation complete while @act runs. Otherwise it
 *	is held until @act has submitted one of its own or has returned.
 * @ready: Completed when @task waits for injection points.
 * @busy: @act is running; its own allocations are not injection points.
 * @points: Number of injection points so far.
 * @reached: Number of calls of @act that found the page reachable.
 * @stale: Number of failures of @act: the device still reached a page after
 *	its unmap, or an operation failed.
 */
struct ut_injection {
	void (*act)(struct ut_injection *in);
	unsigned int at;
	struct iommu_domain *domain;
	struct device *dev;
	ioasid_t pasid;
	phys_addr_t pa;
	struct task_struct *task;
	struct mock_iommu *iommu;
	bool no_hold;
	struct completion ready;
	bool busy;
	unsigned int points;
	unsigned int reached;
	unsigned int stale;
};

/*
 * Inject at each kmalloc() of the current task, from
 * ut_inject_at_allocations() to ut_stop_injecting_at_allocations(). The
 * operation runs within the allocation and must not sleep.
 */
void ut_inject_at_allocations(struct kunit *test, struct ut_injection *in);
void ut_stop_injecting_at_allocations(struct ut_injection *in);
/*
 * Inject whenever the IOMMU has a pending invalidation, from
 * ut_inject_at_waits() to ut_stop_injecting_at_waits(). The operation runs on
 * another CPU.
 */
void ut_inject_at_waits(struct kunit *test, struct ut_injection *in);
void ut_stop_injecting_at_waits(struct ut_injection *in);

/**
 * struct ut_failing - operation to repeat with failing allocations
 * @domain: Domain that is attached.
 * @dev: Device.
 * @pasid: PASID of the attachment, or %IOMMU_NO_PASID.
 * @old: Domain that @domain replaces; NULL to attach @domain where none is
 *	attached.
 * @handle: Attach handles for the replacement.
 * @attempt: Operation to try instead of the attach; returns an error code.
 * @undo: Undoes a successful @attempt.
 * @check: Called after each attempt, with whether it has succeeded, to check
 *	that a failed one has changed nothing.
 * @before: Domain that @dev uses by RID beforehand, for @check.
 * @sibling: Another device of the same IOMMU, for @check.
 * @guest: Guest of @domain or @old, for @check.
 */
struct ut_failing {
	struct iommu_domain *domain;
	struct device *dev;
	ioasid_t pasid;
	struct iommu_domain *old;
	struct iommu_attach_handle handle[2];
	int (*attempt)(struct ut_failing *f);
	void (*undo)(struct ut_failing *f);
	void (*check)(struct kunit *test, struct ut_failing *f, bool attached);
	struct iommu_domain *before;
	struct device *sibling;
	struct ut_guest *guest;
};

/*
 * Repeat the operation with its first allocation failing, then its second, and
 * so on, until it completes before the failing allocation is reached.
 */
void ut_fail_each(struct kunit *test, struct ut_failing *f);

/*
 * Callbacks for each struct kunit_suite. ut_init() skips the test if there are
 * no mock IOMMUs. Otherwise, the test fails at its end if the driver has
 * violated the specification.
 */
int ut_suite_init(struct kunit_suite *suite);
int ut_init(struct kunit *test);

#endif /* _INTEL_IOMMU_TESTS_FIXTURE_H */
