// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the suites on units made of memory have in common. Whatever is new here
 * lasts until the end of the test.
 */

#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/isolation.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <trace/events/kmem.h>
#include <uapi/linux/iommufd.h>

#include "../iommu-priv.h"
#include "fail-nth.h"
#include "unit-model-kunit.h"

#define MAX_ALLOCATIONS	100

KUNIT_DEFINE_ACTION_WRAPPER(free_domain, iommu_domain_free,
			    struct iommu_domain *);

struct iommu_domain *ut_new_domain(struct kunit *test, struct device *dev,
				   u32 flags)
{
	struct iommu_domain *domain;

	domain = iommu_paging_domain_alloc_flags(dev, flags);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, free_domain, domain), 0);
	return domain;
}

void ut_free_domain(struct kunit *test, struct iommu_domain *domain)
{
	kunit_release_action(test, free_domain, domain);
}

static void free_one_page(void *page)
{
	__free_page(page);
}

phys_addr_t ut_new_page(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, free_one_page, page), 0);
	return page_to_phys(page);
}

int ut_attach(struct iommu_domain *domain, struct device *dev, ioasid_t pasid)
{
	if (pasid == IOMMU_NO_PASID)
		return iommu_attach_group(domain, dev->iommu_group);
	return iommu_attach_device_pasid(domain, dev, pasid, NULL);
}

void ut_detach(struct iommu_domain *domain, struct device *dev,
	       ioasid_t pasid)
{
	if (pasid == IOMMU_NO_PASID)
		iommu_detach_group(domain, dev->iommu_group);
	else
		iommu_detach_device_pasid(domain, dev, pasid);
}

int ut_replace(struct iommu_domain *domain, struct device *dev, ioasid_t pasid,
	       struct iommu_attach_handle *handle)
{
	if (pasid == IOMMU_NO_PASID)
		return iommu_replace_group_handle(dev->iommu_group, domain,
						  handle);
	return iommu_replace_device_pasid(domain, dev, pasid, handle);
}

void ut_detach_handle(struct iommu_domain *domain, struct device *dev,
		      ioasid_t pasid)
{
	if (pasid == IOMMU_NO_PASID)
		iommu_detach_group_handle(domain, dev->iommu_group);
	else
		ut_detach(domain, dev, pasid);
}

void ut_map(struct kunit *test, struct iommu_domain *domain, phys_addr_t pa)
{
	KUNIT_ASSERT_EQ(test, iommu_map(domain, IOVA, pa, PAGE_SIZE, PROT,
					GFP_KERNEL), 0);
}

void ut_unmap(struct kunit *test, struct iommu_domain *domain)
{
	KUNIT_ASSERT_EQ(test, iommu_unmap(domain, IOVA, PAGE_SIZE), PAGE_SIZE);
}

static int run_thread(void *data)
{
	struct ut_thread *t = data;

	t->work(t->data);
	/* Pairs with the acquire in ut_wait_until_stuck(). */
	smp_store_release(&t->done, true);
	return 0;
}

void ut_start(struct kunit *test, struct ut_thread *t,
	      void (*work)(void *data), void *data)
{
	*t = (struct ut_thread) { .work = work, .data = data };
	t->task = kthread_create(run_thread, t, "kunit");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->task);
	get_task_struct(t->task);
	wake_up_process(t->task);
}

bool ut_wait_until_stuck(struct ut_thread *t, struct model_unit *unit)
{
	while (!model_stuck(unit)) {
		/* Pairs with the release in run_thread(). */
		if (smp_load_acquire(&t->done))
			return false;
		cond_resched();
	}
	return true;
}

void ut_join(struct ut_thread *t)
{
	kthread_stop_put(t->task);
}

void ut_unmap_work(void *domain)
{
	iommu_unmap(domain, IOVA, PAGE_SIZE);
}

bool ut_reaches_at(struct device *dev, ioasid_t pasid, u64 addr,
		   phys_addr_t want)
{
	phys_addr_t pa;

	return !model_dma(dev, pasid, addr, true, &pa) && pa == want;
}

bool ut_reaches(struct device *dev, ioasid_t pasid, phys_addr_t want)
{
	return ut_reaches_at(dev, pasid, IOVA, want);
}

/* All that an attached device has to see, from an empty page table to one. */
void ut_check_attached(struct kunit *test, struct iommu_domain *domain,
		       struct device *dev, ioasid_t pasid)
{
	phys_addr_t first = ut_new_page(test), second = ut_new_page(test), pa;

	KUNIT_EXPECT_EQ(test, model_dma(dev, pasid, IOVA, true, &pa), -EFAULT);
	ut_map(test, domain, first);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, pasid, first));
	ut_unmap(test, domain);
	KUNIT_EXPECT_EQ(test, model_dma(dev, pasid, IOVA, true, &pa), -EFAULT);
	ut_map(test, domain, second);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, pasid, second));
	ut_unmap(test, domain);
	KUNIT_EXPECT_EQ(test, model_dma(dev, pasid, IOVA, true, &pa), -EFAULT);
}

void ut_check_detached(struct kunit *test, struct device *dev, ioasid_t pasid)
{
	phys_addr_t pa;
	int write;

	/* First to read: a write may look up anew what a read has left. */
	for (write = 0; write < 2; write++)
		KUNIT_EXPECT_EQ(test, model_dma(dev, pasid, IOVA, write, &pa),
				-EFAULT);
}

unsigned int ut_count(struct kunit *test, enum model_unit_id id,
		      enum model_inv_type type)
{
	const struct model_unit *unit = model_unit(id);
	unsigned int i, n = 0;

	KUNIT_ASSERT_LE_MSG(test, unit->nr_log, MODEL_MAX_LOG,
			    "too much for the log of %s", unit->name);
	for (i = 0; i < unit->nr_log; i++)
		n += unit->log[i].type == type;
	return n;
}

/* Guests */

#define GUEST_RIGHTS	7UL	/* present, write, user */

void ut_guest_map(struct kunit *test, struct ut_guest *guest,
		  enum ut_guest_page page, phys_addr_t pa)
{
	guest->pa[page] = pa;
	KUNIT_ASSERT_EQ(test, iommu_map(guest->parent, GPA(page), pa, PAGE_SIZE,
					PROT, GFP_KERNEL), 0);
}

void ut_guest_unmap(struct kunit *test, struct ut_guest *guest,
		    enum ut_guest_page page)
{
	KUNIT_ASSERT_EQ(test, iommu_unmap(guest->parent, GPA(page), PAGE_SIZE),
			PAGE_SIZE);
}

/* The entry for %IOVA in one of the guest's tables; 0 for none. */
void ut_guest_set(struct ut_guest *guest, enum ut_guest_page table, u64 gpa)
{
	unsigned int shift = 12 + 9 * (GUEST_LEVEL1 - table);
	u64 *entries = phys_to_virt(guest->pa[table]);

	WRITE_ONCE(entries[(IOVA >> shift) & 0x1ff],
		   gpa ? gpa | GUEST_RIGHTS : 0);
}

int ut_guest_ask(struct ut_guest *guest, u64 addr, u64 npages)
{
	struct iommu_hwpt_vtd_s1_invalidate inv = {
		.addr = addr,
		.npages = npages,
	};
	struct iommu_user_data_array array = {
		.type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.uptr = guest->user,
		.entry_len = sizeof(inv),
		.entry_num = 1,
	};
	int ret;

	if (copy_to_user(guest->user, &inv, sizeof(inv)))
		return -EFAULT;
	ret = guest->domain->ops->cache_invalidate_user(guest->domain, &array);
	if (ret)
		return ret;
	return array.entry_num == 1 ? 0 : -EIO;
}

void ut_guest_invalidate(struct kunit *test, struct ut_guest *guest, u64 addr,
			 u64 npages)
{
	KUNIT_ASSERT_EQ(test, ut_guest_ask(guest, addr, npages), 0);
}

phys_addr_t ut_user_pa(struct kunit *test, void __user *addr)
{
	struct page *page;
	phys_addr_t pa;

	KUNIT_ASSERT_EQ(test,
			get_user_pages_fast((unsigned long)addr, 1, FOLL_WRITE,
					    &page), 1);
	pa = page_to_phys(page);
	put_page(page);
	return pa;
}

struct mm_struct *ut_new_mm(void)
{
	struct mm_struct *mm = mm_alloc();

	if (!mm)
		return NULL;
	mm->task_size = TASK_SIZE;
	arch_pick_mmap_layout(mm, &current->signal->rlim[RLIMIT_STACK]);
	return mm;
}

int ut_mmap_page(void __user **addr, phys_addr_t *pa)
{
	unsigned long start;
	struct page *page;

	start = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_ANONYMOUS | MAP_PRIVATE, 0);
	if (IS_ERR_VALUE(start))
		return -ENOMEM;
	*addr = (void __user *)start;
	if (get_user_pages_fast(start, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	*pa = page_to_phys(page);
	put_page(page);
	return 0;
}

void __user *ut_new_user_page(struct kunit *test)
{
	unsigned long addr;

	addr = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_LT(test, addr, (unsigned long)TASK_SIZE);
	return (void __user *)addr;
}

struct iommu_domain *ut_new_nested(struct kunit *test, struct device *dev,
				   struct ut_guest *guest,
				   unsigned int addr_width)
{
	const struct iommu_hwpt_vtd_s1 s1 = {
		.pgtbl_addr = GPA(GUEST_LEVEL4),
		.addr_width = addr_width,
	};
	const struct iommu_user_data data = {
		.type = IOMMU_HWPT_DATA_VTD_S1,
		.uptr = guest->user,
		.len = sizeof(s1),
	};
	const struct iommu_ops *ops = dev_iommu_ops(dev);
	struct iommu_domain *domain;

	KUNIT_ASSERT_EQ(test, copy_to_user(guest->user, &s1, sizeof(s1)), 0);
	domain = ops->domain_alloc_nested(dev, guest->parent, 0, &data);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	domain->owner = ops;
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, free_domain, domain), 0);
	return domain;
}

static const struct ut_topology nested_topologies[] = {
	{ "RID", MODEL_FS, 0, IOMMU_NO_PASID },
	{ "RID, ATS", MODEL_FS, 1, IOMMU_NO_PASID },
	{ "PASID", MODEL_FS, 0, PASID },
	{ "PASID, ATS", MODEL_FS, 1, PASID },
	{ "RID, caching mode", MODEL_FS_CM, 0, IOMMU_NO_PASID },
	{ "PASID, ATS, caching mode", MODEL_FS_CM, 1, PASID },
};

/* KUNIT_ARRAY_PARAM_DESC(), for more than one file */
const void *ut_nested_gen_params(struct kunit *test, const void *prev,
				 char *desc)
{
	const struct ut_topology *next = prev;

	next = next ? next + 1 : nested_topologies;
	if (next == nested_topologies + ARRAY_SIZE(nested_topologies))
		return NULL;
	strscpy(desc, next->name, KUNIT_PARAM_DESC_SIZE);
	return next;
}

void ut_new_guest(struct kunit *test, struct device *dev,
		  struct ut_guest *guest)
{
	enum ut_guest_page page;

	guest->user = ut_new_user_page(test);
	guest->parent = ut_new_domain(test, dev,
				      IOMMU_HWPT_ALLOC_NEST_PARENT |
				      IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	for (page = 0; page < GUEST_PAGES; page++) {
		ut_guest_map(test, guest, page, ut_new_page(test));
		memset(phys_to_virt(guest->pa[page]), 0, PAGE_SIZE);
	}
	for (page = 0; page < GUEST_DATA; page++)
		ut_guest_set(guest, page, GPA(page + 1));
	guest->domain = ut_new_nested(test, dev, guest, 48);
}

/* The page of data, taken away by the host and given back. */
void ut_check_guest(struct kunit *test, struct ut_guest *guest,
		    struct device *dev, ioasid_t pasid)
{
	const phys_addr_t pa = guest->pa[GUEST_DATA];

	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, pasid, pa));
	ut_guest_unmap(test, guest, GUEST_DATA);
	ut_check_detached(test, dev, pasid);
	ut_guest_map(test, guest, GUEST_DATA, pa);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, pasid, pa));
}

/* Interference */

static void intrude(struct ut_intruder *in)
{
	in->chances++;
	if (!in->at || in->at == in->chances)
		in->act(in);
}

static void intrude_kmalloc(void *data, unsigned long call_site,
			    const void *ptr, size_t bytes_req,
			    size_t bytes_alloc, gfp_t gfp_flags, int node)
{
	struct ut_intruder *in = data;

	if (current != in->task || in->busy || !in_task() || irqs_disabled())
		return;
	in->busy = true;
	intrude(in);
	in->busy = false;
}

void ut_intrude_allocations(struct kunit *test, struct ut_intruder *in)
{
	in->task = current;
	KUNIT_ASSERT_EQ(test, register_trace_kmalloc(intrude_kmalloc, in), 0);
}

void ut_stop_allocations(struct ut_intruder *in)
{
	unregister_trace_kmalloc(intrude_kmalloc, in);
	tracepoint_synchronize_unregister();
}

/* Time for the intruder to notice, on a busy host as well */
#define INTRUDER_LATENCY	(50 * NSEC_PER_MSEC)

static void set_latency(struct model_unit *unit, u64 latency)
{
	model_set_faults(unit, (struct model_faults) { .latency = latency });
}

static int intrude_wait(void *data)
{
	struct ut_intruder *in = data;
	unsigned int seen = ~0;

	complete(&in->ready);
	while (!kthread_should_stop()) {
		/*
		 * The unit goes on when the unmap has asked it for something,
		 * or when it turns out not to have.
		 */
		if (model_stuck_anew(in->unit, &seen)) {
			set_latency(in->unit, 0);
			if (!in->beside)
				model_hold(in->unit, 1);
			intrude(in);
			set_latency(in->unit, INTRUDER_LATENCY);
			if (!in->beside)
				model_hold(in->unit, 0);
		}
		cond_resched();
	}
	return 0;
}

void ut_intrude_waits(struct kunit *test, struct ut_intruder *in)
{
	const struct cpumask *cpus = housekeeping_cpumask(HK_TYPE_DOMAIN);

	init_completion(&in->ready);
	in->task = kthread_create(intrude_wait, in, "intruder");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, in->task);
	/* Who waits for a unit has interrupts off: it takes a CPU to itself. */
	migrate_disable();
	kthread_bind(in->task, cpumask_any_but(cpus, smp_processor_id()));
	wake_up_process(in->task);
	wait_for_completion(&in->ready);
	set_latency(in->unit, INTRUDER_LATENCY);
}

void ut_stop_waits(struct ut_intruder *in)
{
	kthread_stop(in->task);
	set_latency(in->unit, 0);
	migrate_enable();
}

/* Allocations that fail */

static int attempt(struct ut_failing *f)
{
	if (f->attempt)
		return f->attempt(f);
	if (f->old)
		return ut_replace(f->domain, f->dev, f->pasid, &f->handle[0]);
	return ut_attach(f->domain, f->dev, f->pasid);
}

static void undo(struct kunit *test, struct ut_failing *f)
{
	if (f->undo)
		f->undo(f);
	else if (f->old)
		KUNIT_EXPECT_EQ(test, ut_replace(f->old, f->dev, f->pasid,
						 &f->handle[1]), 0);
	else
		ut_detach(f->domain, f->dev, f->pasid);
}

void ut_fail_each(struct kunit *test, struct ut_failing *f)
{
	int n, ret, failures = 0;
	bool failed = true;

	fail_nth_init(test);
	for (n = 1; failed && n < MAX_ALLOCATIONS; n++) {
		fail_nth(n);
		ret = attempt(f);
		failed = fail_nth_end();
		/* Some allocations are tried again. */
		if (!ret) {
			f->check(test, f, true);
			undo(test, f);
			continue;
		}
		/* A PASID table that lacks memory is no device, to the driver. */
		KUNIT_EXPECT_TRUE_MSG(test, ret == -ENOMEM || ret == -ENODEV,
				      "%d", ret);
		failures++;
		f->check(test, f, false);
	}
	KUNIT_EXPECT_GT(test, failures, 0);
	KUNIT_EXPECT_FALSE(test, failed);
}

/* The suites */

/* The devices of a kernel that has crashed go on until somebody sees to them. */
static void use_what_is_left(void)
{
	struct model_unit *unit;
	unsigned int i, j;

	for (i = 0; i < MODEL_UNITS; i++) {
		unit = model_unit(i);
		if (!unit->left_on)
			continue;
		unit->left_reached = true;
		for (j = 0; j <= MODEL_BRIDGED; j++)
			unit->left_reached &= model_kdump_reaches(unit, j);
	}
}

int ut_suite_init(struct kunit_suite *suite)
{
	static bool made;
	int i, ret;

	if (!model_present() || made)
		return 0;
	made = true;
	use_what_is_left();
	for (i = 0; i < MODEL_UNITS; i++) {
		ret = model_pci_create(model_unit(i));
		if (ret)
			return ret;
	}
	return 0;
}

/* Whatever else a test is about, software must not ask for nonsense. */
static void check_complaints(void *data)
{
	struct kunit *test = data;
	struct model_unit *unit;
	int i;

	for (i = 0; i < MODEL_UNITS; i++) {
		unit = model_unit(i);
		KUNIT_EXPECT_EQ_MSG(test, unit->complaints, 0, "%s: %s (%llx)",
				    unit->name, unit->complaint,
				    unit->complaint_value);
	}
}

int ut_init(struct kunit *test)
{
	if (!model_present())
		kunit_skip(test, "needs a DMAR table that names memory and an isolated CPU");
	model_reset();
	/* The first to be added, so after all else has been undone. */
	return kunit_add_action(test, check_complaints, test);
}
