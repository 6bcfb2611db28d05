// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fixture of the KUnit suites that run on mock IOMMUs. fixture.h describes the
 * functions.
 */

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/rcupdate.h>
#include <linux/sched/isolation.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <trace/events/kmem.h>
#include <uapi/linux/iommufd.h>

#include "../../iommu-priv.h"
#include "fail_nth.h"
#include "fixture.h"
#include "mock/kdump.h"

/* More allocations than any attach makes */
#define MAX_ALLOCATIONS	100
/* Maximum time in ms to wait for the change to the TSC; it takes about 1000 */
#define FIXTURE_CLOCKSOURCE_MS	20000

/* Topologies */

static const struct ut_topology fixture_topologies[] = {
	{ "legacy", MOCK_LEGACY, 0, IOMMU_NO_PASID },
	{ "legacy, ATS", MOCK_LEGACY, 1, IOMMU_NO_PASID },
	{ "legacy, caching mode", MOCK_LEGACY_CM, 0, IOMMU_NO_PASID },
	{ "legacy, no page selection", MOCK_LEGACY_OLD, 0, IOMMU_NO_PASID },
	{ "legacy, no page selection, ATS", MOCK_LEGACY_OLD, 1,
	  IOMMU_NO_PASID },
	{ "legacy, no queue", MOCK_REGISTERS, 0, IOMMU_NO_PASID },
	{ "second stage", MOCK_SS, 0, IOMMU_NO_PASID },
	{ "second stage, ATS", MOCK_SS, 1, IOMMU_NO_PASID },
	{ "second stage, PASID", MOCK_SS, 0, PASID },
	{ "second stage, PASID, ATS", MOCK_SS, 1, PASID },
	{ "second stage, caching mode", MOCK_SS_CM, 0, IOMMU_NO_PASID },
	{ "second stage, PASID, caching mode", MOCK_SS_CM, 0, PASID },
	{ "first stage", MOCK_FS, 0, IOMMU_NO_PASID },
	{ "first stage, ATS", MOCK_FS, 1, IOMMU_NO_PASID },
	{ "first stage, PASID", MOCK_FS, 0, PASID },
	{ "first stage, PASID, ATS", MOCK_FS, 1, PASID },
	{ "first stage, caching mode", MOCK_FS_CM, 0, IOMMU_NO_PASID },
	{ "first stage, PASID, ATS, caching mode", MOCK_FS_CM, 1, PASID },
	{ "first stage, no snooping, ATS", MOCK_FS_NS, 1, IOMMU_NO_PASID },
	{ "first stage, no snooping, PASID", MOCK_FS_NS, 0, PASID },
	{ "legacy, behind a bridge", MOCK_LEGACY, MOCK_BRIDGED,
	  IOMMU_NO_PASID },
	{ "legacy, caching mode, behind a bridge", MOCK_LEGACY_CM,
	  MOCK_BRIDGED, IOMMU_NO_PASID },
	{ "second stage, behind a bridge", MOCK_SS, MOCK_BRIDGED,
	  IOMMU_NO_PASID },
	{ "first stage, behind a bridge", MOCK_FS, MOCK_BRIDGED,
	  IOMMU_NO_PASID },
	{ "second stage, IOMMU has both", MOCK_FS, 0, IOMMU_NO_PASID,
	  IOMMU_HWPT_ALLOC_DIRTY_TRACKING },
	{ "second stage, IOMMU has both, PASID, ATS", MOCK_FS, 1, PASID,
	  IOMMU_HWPT_ALLOC_DIRTY_TRACKING },
};

KUNIT_ARRAY_PARAM_DESC(fixture, fixture_topologies, name);

/* KUNIT_ARRAY_PARAM_DESC() defines static generators; wrap them for export. */
const void *ut_topology_gen_params(struct kunit *test, const void *prev,
				   char *desc)
{
	return fixture_gen_params(test, prev, desc);
}

const void *ut_filter_topologies(struct kunit *test, const void *prev,
				 char *desc,
				 bool (*wanted)(const struct ut_topology *t))
{
	do {
		prev = ut_topology_gen_params(test, prev, desc);
	} while (prev && !wanted(prev));
	return prev;
}

const void *ut_pasid_gen_params(struct kunit *test, const void *prev,
				char *desc)
{
	return ut_filter_topologies(test, prev, desc, ut_has_pasid);
}

static bool fixture_has_ats(const struct ut_topology *t)
{
	return t->dev == 1;
}

const void *ut_ats_gen_params(struct kunit *test, const void *prev, char *desc)
{
	return ut_filter_topologies(test, prev, desc, fixture_has_ats);
}

static const struct ut_topology fixture_nested_topologies[] = {
	{ "RID", MOCK_FS, 0, IOMMU_NO_PASID },
	{ "RID, ATS", MOCK_FS, 1, IOMMU_NO_PASID },
	{ "PASID", MOCK_FS, 0, PASID },
	{ "PASID, ATS", MOCK_FS, 1, PASID },
	{ "RID, caching mode", MOCK_FS_CM, 0, IOMMU_NO_PASID },
	{ "PASID, ATS, caching mode", MOCK_FS_CM, 1, PASID },
};

KUNIT_ARRAY_PARAM_DESC(fixture_nested, fixture_nested_topologies, name);

const void *ut_nested_gen_params(struct kunit *test, const void *prev,
				 char *desc)
{
	return fixture_nested_gen_params(test, prev, desc);
}

/* Devices */

static void fixture_unplug_extras(void *id)
{
	unsigned int i;

	for (i = MOCK_EXTRA; i < MOCK_SLOTS; i++)
		mock_unplug((unsigned long)id, i);
}

void ut_plug_extras(struct kunit *test, enum mock_iommu_id id)
{
	unsigned int i;

	KUNIT_ASSERT_EQ(test, kunit_add_action(test, fixture_unplug_extras,
					       (void *)(unsigned long)id), 0);
	for (i = MOCK_EXTRA; i < MOCK_SLOTS; i++)
		KUNIT_ASSERT_EQ(test, mock_plug(id, i), 0);
}

/* Domains, attachments and mappings */

KUNIT_DEFINE_ACTION_WRAPPER(fixture_free_domain, iommu_domain_free,
			    struct iommu_domain *);

struct iommu_domain *ut_new_domain(struct kunit *test, struct device *dev,
				   u32 flags)
{
	struct iommu_domain *domain;

	domain = iommu_paging_domain_alloc_flags(dev, flags);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, domain);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, fixture_free_domain,
						  domain), 0);
	return domain;
}

void ut_free_domain(struct kunit *test, struct iommu_domain *domain)
{
	kunit_release_action(test, fixture_free_domain, domain);
}

static void fixture_free_page(void *page)
{
	__free_page(page);
}

phys_addr_t ut_new_page(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fixture_free_page,
							page), 0);
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

static int fixture_run_thread(void *data)
{
	struct ut_thread *t = data;

	t->work(t->data);
	/* Pairs with the acquire in ut_wait_for_work(). */
	smp_store_release(&t->done, true);
	return 0;
}

void ut_start(struct kunit *test, struct ut_thread *t,
	      void (*work)(void *data), void *data)
{
	*t = (struct ut_thread) { .work = work, .data = data };
	t->task = kthread_create(fixture_run_thread, t, "kunit");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->task);
	get_task_struct(t->task);
	wake_up_process(t->task);
}

bool ut_wait_for_work(struct ut_thread *t, struct mock_iommu *iommu)
{
	while (!mock_has_work(iommu)) {
		/* Pairs with the release in fixture_run_thread(). */
		if (smp_load_acquire(&t->done))
			return false;
		cond_resched();
	}
	return true;
}

bool ut_wait_for_timeouts(struct ut_thread *t, const struct mock_iommu *iommu,
			  unsigned int n)
{
	n += READ_ONCE(iommu->timeouts);
	while (READ_ONCE(iommu->timeouts) < n) {
		/* Pairs with the release in fixture_run_thread(). */
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

void ut_unmap_often(struct kunit *test, struct iommu_domain *domain,
		    phys_addr_t pa, unsigned int n)
{
	while (n--) {
		ut_unmap(test, domain);
		ut_map(test, domain, pa);
	}
}

void ut_unmap_work(void *domain)
{
	iommu_unmap(domain, IOVA, PAGE_SIZE);
}

static void fixture_read_lock_work(void *data)
{
	unsigned long end = jiffies + 5 * HZ;
	struct ut_reader *r = data;

	rcu_read_lock();
	complete(&r->begun);
	while (!READ_ONCE(r->over) && time_before(jiffies, end))
		cpu_relax();
	rcu_read_unlock();
}

void ut_start_reader(struct kunit *test, struct ut_reader *r)
{
	init_completion(&r->begun);
	r->over = false;
	ut_start(test, &r->thread, fixture_read_lock_work, r);
	wait_for_completion(&r->begun);
}

void ut_stop_reader(struct ut_reader *r)
{
	WRITE_ONCE(r->over, true);
	ut_join(&r->thread);
}

static unsigned int fixture_write_buffer_flushes;

static int fixture_count_write_buffer_flush(struct kprobe *p,
					    struct pt_regs *regs)
{
	fixture_write_buffer_flushes++;
	return 0;
}

KUNIT_DEFINE_ACTION_WRAPPER(fixture_remove_kprobe, unregister_kprobe,
			    struct kprobe *);

const unsigned int *ut_count_write_buffer_flushes(struct kunit *test)
{
	static struct kprobe probe;

	probe = (struct kprobe) {
		.symbol_name = "iommu_flush_write_buffer",
		.pre_handler = fixture_count_write_buffer_flush,
	};
	fixture_write_buffer_flushes = 0;
	KUNIT_ASSERT_EQ(test, register_kprobe(&probe), 0);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, fixture_remove_kprobe,
						  &probe), 0);
	return &fixture_write_buffer_flushes;
}

bool ut_reaches_at(struct device *dev, ioasid_t pasid, u64 addr,
		   phys_addr_t want)
{
	phys_addr_t pa;

	return !mock_dma(dev, pasid, addr, true, &pa) && pa == want;
}

bool ut_reaches(struct device *dev, ioasid_t pasid, phys_addr_t want)
{
	return ut_reaches_at(dev, pasid, IOVA, want);
}

/* %IOVA must not be mapped before the call, and is not mapped after it. */
void ut_check_attached(struct kunit *test, struct iommu_domain *domain,
		       struct device *dev, ioasid_t pasid)
{
	phys_addr_t first = ut_new_page(test), second = ut_new_page(test), pa;

	KUNIT_EXPECT_EQ(test, mock_dma(dev, pasid, IOVA, true, &pa), -EFAULT);
	ut_map(test, domain, first);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, pasid, first));
	ut_unmap(test, domain);
	KUNIT_EXPECT_EQ(test, mock_dma(dev, pasid, IOVA, true, &pa), -EFAULT);
	ut_map(test, domain, second);
	KUNIT_EXPECT_TRUE(test, ut_reaches(dev, pasid, second));
	ut_unmap(test, domain);
	KUNIT_EXPECT_EQ(test, mock_dma(dev, pasid, IOVA, true, &pa), -EFAULT);
}

void ut_check_detached(struct kunit *test, struct device *dev, ioasid_t pasid)
{
	phys_addr_t pa;
	int write;

	/* Read first: a write may bypass a read-only entry in the IOTLB. */
	for (write = 0; write < 2; write++)
		KUNIT_EXPECT_EQ(test, mock_dma(dev, pasid, IOVA, write, &pa),
				-EFAULT);
}

unsigned int ut_count(struct kunit *test, enum mock_iommu_id id,
		      enum mock_inv_type type)
{
	const struct mock_iommu *iommu = mock_iommu(id);
	unsigned int i, n = 0;

	KUNIT_ASSERT_LE_MSG(test, iommu->nr_log, MOCK_MAX_LOG,
			    "log of %s is too small", iommu->name);
	for (i = 0; i < iommu->nr_log; i++)
		n += iommu->log[i].type == type;
	return n;
}

/* Guests */

/* First-stage page-table entry: present, writable, user */
#define GUEST_RIGHTS	7UL

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

void ut_guest_set_at(struct ut_guest *guest, enum ut_guest_page table, u64 addr,
		     u64 gpa)
{
	unsigned int shift = 12 + 9 * (GUEST_LEVEL1 - table);
	u64 *entries = phys_to_virt(guest->pa[table]);

	WRITE_ONCE(entries[(addr >> shift) & 0x1ff],
		   gpa ? gpa | GUEST_RIGHTS : 0);
}

void ut_guest_set(struct ut_guest *guest, enum ut_guest_page table, u64 gpa)
{
	ut_guest_set_at(guest, table, IOVA, gpa);
}

int ut_guest_try_invalidate(struct ut_guest *guest, u64 addr, u64 npages)
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
	KUNIT_ASSERT_EQ(test, ut_guest_try_invalidate(guest, addr, npages), 0);
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
			kunit_add_action_or_reset(test, fixture_free_domain,
						  domain), 0);
	return domain;
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

/* Unmap the page of data in the nest parent, and map it again. */
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

/* Injected operations */

static void fixture_inject(struct ut_injection *in)
{
	in->points++;
	if (!in->at || in->at == in->points)
		in->act(in);
}

static void fixture_kmalloc_probe(void *data, unsigned long call_site,
				  const void *ptr, size_t bytes_req,
				  size_t bytes_alloc, gfp_t gfp_flags, int node)
{
	struct ut_injection *in = data;

	if (current != in->task || in->busy || !in_task() || irqs_disabled())
		return;
	in->busy = true;
	fixture_inject(in);
	in->busy = false;
}

void ut_inject_at_allocations(struct kunit *test, struct ut_injection *in)
{
	in->task = current;
	KUNIT_ASSERT_EQ(test, register_trace_kmalloc(fixture_kmalloc_probe, in),
			0);
}

void ut_stop_injecting_at_allocations(struct ut_injection *in)
{
	unregister_trace_kmalloc(fixture_kmalloc_probe, in);
	tracepoint_synchronize_unregister();
}

/*
 * Latency in ns of the IOMMU until the injector notices a request: long enough
 * even if the host rarely schedules the injector's CPU. The injector cuts it
 * short when it notices the request.
 */
#define INJECTION_NOTICE	(2 * NSEC_PER_SEC)
/* Time in ns for which a request that is not held then remains pending */
#define INJECTION_LATENCY	(50 * NSEC_PER_MSEC)

static void fixture_set_latency(struct mock_iommu *iommu, u64 latency)
{
	mock_set_errors(iommu, (struct mock_errors) { .latency = latency });
}

static int fixture_injector(void *data)
{
	struct ut_injection *in = data;
	unsigned int seen = ~0;

	complete(&in->ready);
	while (!kthread_should_stop()) {
		/*
		 * Hold the pending requests until the injected operation has
		 * submitted one, too, or has returned without submitting any.
		 */
		if (mock_has_new_work(in->iommu, &seen)) {
			fixture_set_latency(in->iommu, 0);
			mock_delay(in->iommu, INJECTION_LATENCY);
			if (!in->no_hold)
				mock_hold(in->iommu, 1);
			fixture_inject(in);
			fixture_set_latency(in->iommu, INJECTION_NOTICE);
			if (!in->no_hold)
				mock_hold(in->iommu, 0);
		}
		cond_resched();
	}
	return 0;
}

void ut_inject_at_waits(struct kunit *test, struct ut_injection *in)
{
	const struct cpumask *cpus = housekeeping_cpumask(HK_TYPE_DOMAIN);

	init_completion(&in->ready);
	in->task = kthread_create(fixture_injector, in, "injector");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, in->task);
	/*
	 * The test waits for the IOMMU with interrupts off, so the injector
	 * must run on another CPU.
	 */
	migrate_disable();
	kthread_bind(in->task, cpumask_any_but(cpus, smp_processor_id()));
	wake_up_process(in->task);
	wait_for_completion(&in->ready);
	fixture_set_latency(in->iommu, INJECTION_NOTICE);
}

void ut_stop_injecting_at_waits(struct ut_injection *in)
{
	kthread_stop(in->task);
	fixture_set_latency(in->iommu, 0);
	mock_delay(in->iommu, 0);
	migrate_enable();
}

/* Failing allocations */

static int fixture_attempt(struct ut_failing *f)
{
	if (f->attempt)
		return f->attempt(f);
	if (f->old)
		return ut_replace(f->domain, f->dev, f->pasid, &f->handle[0]);
	return ut_attach(f->domain, f->dev, f->pasid);
}

static void fixture_undo(struct kunit *test, struct ut_failing *f)
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
		ret = fixture_attempt(f);
		failed = fail_nth_end();
		/* Some allocations have a fallback, so the attempt succeeds. */
		if (!ret) {
			f->check(test, f, true);
			fixture_undo(test, f);
			continue;
		}
		/* -ENODEV: the driver failed to allocate a PASID table. */
		KUNIT_EXPECT_TRUE_MSG(test, ret == -ENOMEM || ret == -ENODEV,
				      "%d", ret);
		failures++;
		f->check(test, f, false);
	}
	KUNIT_EXPECT_GT(test, failures, 0);
	KUNIT_EXPECT_FALSE(test, failed);
}

/* Suites */

/*
 * Wait until the clocksource has changed from the early TSC to the TSC. The
 * change stops all CPUs. Some tests wait for a mock IOMMU with interrupts
 * disabled until a thread on another CPU acts; both would wait forever.
 */
static void fixture_await_clocksource(void)
{
	struct system_time_snapshot snapshot;
	unsigned int i;

	for (i = 0; i < FIXTURE_CLOCKSOURCE_MS; i += 20) {
		ktime_get_snapshot_id(CLOCK_MONOTONIC, &snapshot);
		if (snapshot.cs_id != CSID_X86_TSC_EARLY)
			return;
		msleep(20);
	}
}

int ut_suite_init(struct kunit_suite *suite)
{
	static bool made;
	int i, ret;

	if (!mock_present() || made)
		return 0;
	made = true;
	fixture_await_clocksource();
	mock_kdump_early_dma();
	for (i = 0; i < MOCK_IOMMUS; i++) {
		ret = mock_pci_create(mock_iommu(i));
		if (ret)
			return ret;
	}
	return 0;
}

/* Expect that the driver has not violated the specification during the test. */
static void fixture_check_violations(void *data)
{
	const struct mock_violations *violations;
	struct kunit *test = data;
	int i;

	for (i = 0; i < MOCK_IOMMUS; i++) {
		violations = &mock_iommu(i)->cache.violations;
		KUNIT_EXPECT_EQ_MSG(test, violations->count, 0,
				    "%s: %s (%llx)", mock_iommu(i)->name,
				    violations->first, violations->value);
	}
}

int ut_init(struct kunit *test)
{
	if (!mock_present())
		kunit_skip(test, "needs a DMAR table with mock IOMMUs, and an isolated CPU");
	mock_reset();
	/* Added first, the check runs after all other actions of the test. */
	return kunit_add_action(test, fixture_check_violations, test);
}
