/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the suites on units made of memory have in common: domains, devices that
 * use them, guests, somebody who interferes, and what every test is held to.
 *
 * Domains are driven through the core's interfaces, devices by the DMA that
 * they do. Nothing of the driver is named here, so the suites judge any version
 * of it.
 */
#ifndef _INTEL_IOMMU_UNIT_MODEL_KUNIT_H
#define _INTEL_IOMMU_UNIT_MODEL_KUNIT_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/iommu.h>
#include <linux/mm_types.h>

#include "unit-model.h"

#define IOVA		0x40000000UL
#define PROT		(IOMMU_READ | IOMMU_WRITE)
#define PASID		5
#define LATENCY		(2 * NSEC_PER_MSEC)
/* How often to try what depends on a busy host. */
#define ROUNDS		20

/**
 * struct ut_topology - how a device uses a domain
 * @name: For messages.
 * @unit: The unit.
 * @dev: Which of its devices: the first has no ATS, the others have.
 * @pasid: Its PASID, or %IOMMU_NO_PASID.
 * @flags: Of the domain's allocation.
 */
struct ut_topology {
	const char *name;
	enum model_unit_id unit;
	unsigned int dev;
	ioasid_t pasid;
	u32 flags;
};

static inline struct device *ut_dev(const struct ut_topology *t)
{
	return model_dev(t->unit, t->dev);
}

/* Another device behind the same unit */
static inline struct device *ut_sibling(const struct ut_topology *t)
{
	return model_dev(t->unit, 2);
}

/* Gone at the end of the test, as all that is new here */
struct iommu_domain *ut_new_domain(struct kunit *test, struct device *dev,
				   u32 flags);
/* Before that, of those that are new here: nothing is attached to it. */
void ut_free_domain(struct kunit *test, struct iommu_domain *domain);
phys_addr_t ut_new_page(struct kunit *test);
void __user *ut_new_user_page(struct kunit *test);
/* Of this task's memory */
phys_addr_t ut_user_pa(struct kunit *test, void __user *addr);

/* An empty address space that the caller has to mmput(); NULL without memory */
struct mm_struct *ut_new_mm(void);
/* A page in the address space that this task uses; fails with an error code */
int ut_mmap_page(void __user **addr, phys_addr_t *pa);

int ut_attach(struct iommu_domain *domain, struct device *dev, ioasid_t pasid);
void ut_detach(struct iommu_domain *domain, struct device *dev,
	       ioasid_t pasid);
int ut_replace(struct iommu_domain *domain, struct device *dev, ioasid_t pasid,
	       struct iommu_attach_handle *handle);
/* What has been attached with a handle, as ut_replace() does */
void ut_detach_handle(struct iommu_domain *domain, struct device *dev,
		      ioasid_t pasid);

/* One page at %IOVA */
void ut_map(struct kunit *test, struct iommu_domain *domain, phys_addr_t pa);
void ut_unmap(struct kunit *test, struct iommu_domain *domain);
bool ut_reaches_at(struct device *dev, ioasid_t pasid, u64 addr,
		   phys_addr_t want);
bool ut_reaches(struct device *dev, ioasid_t pasid, phys_addr_t want);
void ut_check_attached(struct kunit *test, struct iommu_domain *domain,
		       struct device *dev, ioasid_t pasid);
void ut_check_detached(struct kunit *test, struct device *dev, ioasid_t pasid);

/* How often a unit was asked for something since model_reset() */
unsigned int ut_count(struct kunit *test, enum model_unit_id id,
		      enum model_inv_type type);

/**
 * struct ut_thread - something that goes on beside the test
 * @work: What.
 * @data: Its argument.
 * @task: Who does it.
 * @done: It is over.
 */
struct ut_thread {
	void (*work)(void *data);
	void *data;
	struct task_struct *task;
	bool done;
};

void ut_start(struct kunit *test, struct ut_thread *t,
	      void (*work)(void *data), void *data);
/* Until it waits for the unit; false if it has done so already, or never did. */
bool ut_wait_until_stuck(struct ut_thread *t, struct model_unit *unit);
void ut_join(struct ut_thread *t);
/* What ut_unmap() does, for ut_start() */
void ut_unmap_work(void *domain);

enum ut_guest_page {
	GUEST_LEVEL4,
	GUEST_LEVEL3,
	GUEST_LEVEL2,
	GUEST_LEVEL1,
	GUEST_DATA,
	GUEST_PAGES,
};

#define GPA(page)	(0xc0000000UL + (page) * PAGE_SIZE)

/**
 * struct ut_guest - a guest with one page of data and the tables that lead to it
 * @parent: Guest-physical to host-physical.
 * @domain: The guest's tables on top of that.
 * @user: Memory to pass the driver something in, as user space does.
 * @pa: Where the guest's pages are.
 */
struct ut_guest {
	struct iommu_domain *parent;
	struct iommu_domain *domain;
	void __user *user;
	phys_addr_t pa[GUEST_PAGES];
};

/* The topologies of devices that guests use */
const void *ut_nested_gen_params(struct kunit *test, const void *prev,
				 char *desc);
void ut_new_guest(struct kunit *test, struct device *dev,
		  struct ut_guest *guest);
struct iommu_domain *ut_new_nested(struct kunit *test, struct device *dev,
				   struct ut_guest *guest,
				   unsigned int addr_width);
void ut_guest_map(struct kunit *test, struct ut_guest *guest,
		  enum ut_guest_page page, phys_addr_t pa);
void ut_guest_unmap(struct kunit *test, struct ut_guest *guest,
		    enum ut_guest_page page);
void ut_guest_set(struct ut_guest *guest, enum ut_guest_page table, u64 gpa);
/* Of a thread that uses the test's address space; fails with an error code */
int ut_guest_ask(struct ut_guest *guest, u64 addr, u64 npages);
void ut_guest_invalidate(struct kunit *test, struct ut_guest *guest, u64 addr,
			 u64 npages);
void ut_check_guest(struct kunit *test, struct ut_guest *guest,
		    struct device *dev, ioasid_t pasid);

/**
 * struct ut_intruder - does something in the midst of an attach or a detach
 * @act: What it does, at each opportunity.
 * @at: Which opportunity it takes, 0 for each.
 * @domain: The domain.
 * @dev: A device that is about to use it, or to stop doing so.
 * @pasid: Its PASID.
 * @pa: The page, mapped at %IOVA.
 * @task: In whose context, for one that takes its opportunities when memory is
 *	allocated.
 * @unit: The unit of the device, for one that takes them on another CPU when
 *	the unit is waited for.
 * @beside: Without letting the unit wait until it has done so.
 * @ready: That other CPU has taken up its watch.
 * @busy: At it.
 * @chances: Number of opportunities.
 * @reached: How often the device got to the page before.
 * @stale: How often it did so although it must not any more.
 */
struct ut_intruder {
	void (*act)(struct ut_intruder *in);
	unsigned int at;
	struct iommu_domain *domain;
	struct device *dev;
	ioasid_t pasid;
	phys_addr_t pa;
	struct task_struct *task;
	struct model_unit *unit;
	bool beside;
	struct completion ready;
	bool busy;
	unsigned int chances;
	unsigned int reached;
	unsigned int stale;
};

/* Acts whenever this task allocates memory, until stopped. */
void ut_intrude_allocations(struct kunit *test, struct ut_intruder *in);
void ut_stop_allocations(struct ut_intruder *in);
/* Acts whenever somebody waits for the unit, until stopped. */
void ut_intrude_waits(struct kunit *test, struct ut_intruder *in);
void ut_stop_waits(struct ut_intruder *in);

/**
 * struct ut_failing - an attach of which each allocation fails in turn
 * @domain: What is attached.
 * @dev: The device.
 * @pasid: Its PASID.
 * @old: What it replaces; NULL for an attach by RID, which always replaces, or
 *	for a PASID that is not attached.
 * @handle: For replacing.
 * @attempt: How, if not so; returns an error code.
 * @undo: And back.
 * @check: Called after each attempt, with whether it has succeeded.
 * @before: What @dev uses by RID before, for @check.
 * @sibling: Another device behind the same unit, for @check.
 * @guest: Where @domain or @old belongs to, for @check.
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

void ut_fail_each(struct kunit *test, struct ut_failing *f);

/* For each struct kunit_suite */
int ut_suite_init(struct kunit_suite *suite);
int ut_init(struct kunit *test);

#endif /* _INTEL_IOMMU_UNIT_MODEL_KUNIT_H */
