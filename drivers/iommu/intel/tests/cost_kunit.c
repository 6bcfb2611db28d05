// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests that measure attach, detach and reset on mock IOMMUs: the time
 * that they take, and the memory that an attach allocates; and the time of an
 * unmap while the IOMMU waits for devices of another domain. The results are
 * printed for comparison between kernels; no limits are checked.
 *
 * The parameter cost_kunit.rounds=N sets the number of measurements of attach
 * and detach, of which the median is printed.
 */

#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <trace/events/kmem.h>

#include "fixture.h"

/* Attach and detach pairs averaged in a measurement; one alone is too short */
#define COST_BATCH	16

static unsigned int rounds = 5;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "Number of measurements of attach and detach");

/* Number of PCI functions that are detached or reset one after the other */
#define COST_FUNCTIONS	64

static const struct cost_topology {
	struct ut_topology t;
	bool nested;
} cost_topologies[] = {
	{ { "RID", MOCK_SS, 0, IOMMU_NO_PASID } },
	{ { "RID, ATS", MOCK_SS, 1, IOMMU_NO_PASID } },
	{ { "PASID", MOCK_SS, 0, PASID } },
	{ { "PASID, ATS", MOCK_SS, 1, PASID } },
	{ { "nested", MOCK_FS, 0, IOMMU_NO_PASID }, true },
	{ { "nested, PASID, ATS", MOCK_FS, 1, PASID }, true },
};

static void cost_desc(const struct cost_topology *t, char *desc)
{
	strscpy(desc, t->t.name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(cost, cost_topologies, cost_desc);

/**
 * struct cost_memory - slab memory that a task has allocated and not freed
 * @task: The task.
 * @bytes: Size in bytes, as rounded up by the allocator.
 */
struct cost_memory {
	struct task_struct *task;
	long bytes;
};

static void cost_count_kmalloc(void *data, unsigned long call_site,
			       const void *ptr, size_t bytes_req,
			       size_t bytes_alloc, gfp_t gfp_flags, int node)
{
	struct cost_memory *count = data;

	if (current == count->task && in_task())
		count->bytes += bytes_alloc;
}

static void cost_count_cache_alloc(void *data, unsigned long call_site,
				   const void *ptr, struct kmem_cache *cache,
			      gfp_t gfp_flags, int node)
{
	struct cost_memory *count = data;

	if (current == count->task && in_task())
		count->bytes += kmem_cache_size(cache);
}

static void cost_count_kfree(void *data, unsigned long call_site,
			     const void *ptr)
{
	struct cost_memory *count = data;

	if (current == count->task && in_task() && !ZERO_OR_NULL_PTR(ptr))
		count->bytes -= ksize(ptr);
}

static void cost_count_cache_free(void *data, unsigned long call_site,
				  const void *ptr,
				  const struct kmem_cache *cache)
{
	struct cost_memory *count = data;

	if (current == count->task && in_task())
		count->bytes -= kmem_cache_size((struct kmem_cache *)cache);
}

/*
 * Number of bytes that an attach allocates from slab caches. PASID and context
 * tables do not count: a previous attach has allocated them.
 */
static long cost_attach_bytes(struct kunit *test, struct iommu_domain *domain,
			      struct device *dev, ioasid_t pasid)
{
	struct cost_memory count = { .task = current };
	int ret;

	KUNIT_ASSERT_EQ(test,
			register_trace_kmalloc(cost_count_kmalloc, &count), 0);
	KUNIT_EXPECT_EQ(test,
			register_trace_kmem_cache_alloc(cost_count_cache_alloc,
							&count),
			0);
	KUNIT_EXPECT_EQ(test, register_trace_kfree(cost_count_kfree, &count),
			0);
	KUNIT_EXPECT_EQ(test,
			register_trace_kmem_cache_free(cost_count_cache_free,
						       &count),
			0);
	count.bytes = 0;
	ret = ut_attach(domain, dev, pasid);
	count.task = NULL;
	unregister_trace_kmem_cache_free(cost_count_cache_free, &count);
	unregister_trace_kfree(cost_count_kfree, &count);
	unregister_trace_kmem_cache_alloc(cost_count_cache_alloc, &count);
	unregister_trace_kmalloc(cost_count_kmalloc, &count);
	tracepoint_synchronize_unregister();
	KUNIT_ASSERT_EQ(test, ret, 0);
	ut_detach(domain, dev, pasid);
	return count.bytes;
}

static int cost_compare(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/*
 * Delay for a random time of up to five periods of the mock IOMMUs' timer, so
 * that the measurement does not depend on the phase of the timer.
 */
static void cost_random_delay(void)
{
	ndelay(get_random_u32_below(100 * NSEC_PER_USEC));
}

static void attach_cost(struct kunit *test)
{
	const struct cost_topology *c = test->param_value;
	struct device *dev = ut_dev(&c->t);
	struct iommu_domain *domain;
	struct ut_guest guest = {};
	unsigned int i, j;
	long bytes;
	u64 *ns;

	ns = kunit_kcalloc(test, max(rounds, 1), sizeof(*ns), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ns);
	if (c->nested) {
		ut_new_guest(test, dev, &guest);
		domain = guest.domain;
	} else {
		domain = ut_new_domain(test, dev, c->t.flags);
	}

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, c->t.pasid), 0);
	ut_detach(domain, dev, c->t.pasid);
	for (i = 0; i < max(rounds, 1); i++) {
		for (j = 0; j < COST_BATCH; j++) {
			cost_random_delay();
			ns[i] -= ktime_get_ns();
			KUNIT_ASSERT_EQ(test, ut_attach(domain, dev,
							c->t.pasid), 0);
			ns[i] += ktime_get_ns();
			cost_random_delay();
			ns[i] -= ktime_get_ns();
			ut_detach(domain, dev, c->t.pasid);
			ns[i] += ktime_get_ns();
		}
		ns[i] /= COST_BATCH;
	}
	sort(ns, i, sizeof(*ns), cost_compare, NULL);

	bytes = cost_attach_bytes(test, domain, dev, c->t.pasid);
	KUNIT_EXPECT_GT(test, bytes, 0);
	kunit_info(test, "cost of %s: %llu ns, %ld bytes\n", c->t.name,
		   ns[i / 2], bytes);
}

static const struct cost_functions {
	struct ut_topology t;
	bool reset;
} cost_functions[] = {
	{ { "64 detaches, legacy, ATS", MOCK_LEGACY, 1, IOMMU_NO_PASID } },
	{ { "64 detaches, scalable, ATS", MOCK_SS, 1, IOMMU_NO_PASID } },
	{ { "64 resets, legacy, ATS", MOCK_LEGACY, 1, IOMMU_NO_PASID }, true },
	{ { "64 resets, scalable, ATS", MOCK_SS, 1, IOMMU_NO_PASID }, true },
};

static void cost_functions_desc(const struct cost_functions *c, char *desc)
{
	strscpy(desc, c->t.name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(cost_functions, cost_functions, cost_functions_desc);

/* Time in ns of a detach, or of a reset including the attach at its end */
static u64 cost_one_function(struct kunit *test, struct iommu_domain *domain,
			     const struct cost_functions *c)
{
	struct device *dev = ut_dev(&c->t);
	struct pci_dev *pdev = to_pci_dev(dev);
	u64 ns;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, c->t.pasid), 0);
	ns = -ktime_get_ns();
	if (c->reset) {
		KUNIT_ASSERT_EQ(test, pci_dev_reset_iommu_prepare(pdev), 0);
		pci_dev_reset_iommu_done(pdev);
		ns += ktime_get_ns();
	}
	ut_detach(domain, dev, c->t.pasid);
	if (!c->reset)
		ns += ktime_get_ns();
	return ns;
}

/*
 * Print the total time for all functions, which the core resets or detaches one
 * after the other. The mock IOMMU has fewer functions, so the same one is used
 * repeatedly.
 */
static void functions_cost(struct kunit *test)
{
	const struct cost_functions *c = test->param_value;
	struct iommu_domain *domain = ut_new_domain(test, ut_dev(&c->t),
						    c->t.flags);
	u64 ns = 0;
	int i;

	for (i = 0; i < COST_FUNCTIONS; i++)
		ns += cost_one_function(test, domain, c);
	KUNIT_EXPECT_GT(test, ns, 0);
	kunit_info(test, "cost of %s: %llu ns\n", c->t.name, ns);
}

/* Number of unmaps of the other domain; the longest is printed */
#define COST_UNMAPS	10
/*
 * Time in ns from a doorbell until the mock IOMMU executes the request. Each
 * time-out stops the IOMMU for another 20 ms.
 */
#define COST_LATENCY	NSEC_PER_MSEC

/**
 * struct cost_unresponsive - devices that do not answer
 * @name: Name of the measurement.
 * @nr: Number of these devices; 0 to measure without any.
 */
struct cost_unresponsive {
	const char *name;
	unsigned int nr;
};

static const struct cost_unresponsive cost_unresponsives[] = {
	{ "unmap beside 0 unresponsive", 0 },
	{ "unmap beside 1 unresponsive", 1 },
	{ "unmap beside 8 unresponsive", 2 + MOCK_EXTRAS },
};

static void cost_unresponsive_desc(const struct cost_unresponsive *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(cost_unresponsive, cost_unresponsives, cost_unresponsive_desc);

/* The @nth device with ATS */
static struct device *cost_ats_dev(unsigned int nth)
{
	return mock_dev(MOCK_SS, nth < 2 ? 1 + nth : MOCK_EXTRA + nth - 2);
}

static u64 cost_longest_unmap(struct kunit *test, struct iommu_domain *domain,
			      phys_addr_t pa)
{
	u64 ns, longest = 0;
	int i;

	for (i = 0; i < COST_UNMAPS; i++) {
		ut_map(test, domain, pa);
		ns = -ktime_get_ns();
		ut_unmap(test, domain);
		longest = max(longest, ns + ktime_get_ns());
	}
	return longest;
}

/*
 * Print the longest unmap of a domain whose device has no device TLB, measured
 * while a domain of unresponsive devices is unmapped.
 */
static void unresponsive_cost(struct kunit *test)
{
	const struct cost_unresponsive *c = test->param_value;
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 0);
	struct iommu_domain *domain, *other;
	phys_addr_t pa = ut_new_page(test);
	struct ut_thread thread;
	unsigned int i;
	u64 ns = 0;

	ut_plug_extras(test, MOCK_SS);
	domain = ut_new_domain(test, cost_ats_dev(0), 0);
	other = ut_new_domain(test, dev, 0);
	for (i = 0; i < c->nr; i++)
		KUNIT_ASSERT_EQ(test, ut_attach(domain, cost_ats_dev(i),
						IOMMU_NO_PASID), 0);
	KUNIT_ASSERT_EQ(test, ut_attach(other, dev, IOMMU_NO_PASID), 0);
	ut_map(test, domain, pa);
	mock_reset();

	mock_set_errors(iommu, (struct mock_errors) {
		.latency = COST_LATENCY,
		.ite_all = true,
	});
	ut_start(test, &thread, ut_unmap_work, domain);
	/* Without such devices, the unmaps do not overlap. */
	if (!c->nr || ut_wait_for_work(&thread, iommu))
		ns = cost_longest_unmap(test, other, pa);
	mock_set_errors(iommu, (struct mock_errors) {});
	ut_join(&thread);
	KUNIT_EXPECT_GT(test, ns, 0);
	kunit_info(test, "cost of %s: %llu ns\n", c->name, ns);
	kunit_info(test, "%u time-outs\n", iommu->timeouts);

	ut_detach(other, dev, IOMMU_NO_PASID);
	for (i = 0; i < c->nr; i++)
		ut_detach(domain, cost_ats_dev(i), IOMMU_NO_PASID);
}

static struct kunit_case cost_cases[] = {
	KUNIT_CASE_PARAM(attach_cost, cost_gen_params),
	KUNIT_CASE_PARAM(functions_cost, cost_functions_gen_params),
	KUNIT_CASE_PARAM(unresponsive_cost, cost_unresponsive_gen_params),
	{}
};

static struct kunit_suite cost_suite = {
	.name = "intel_iommu_cost",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = cost_cases,
};

kunit_test_suites(&cost_suite);

MODULE_DESCRIPTION("KUnit tests of the cost of attach and reset on mock Intel IOMMUs");
MODULE_LICENSE("GPL");
