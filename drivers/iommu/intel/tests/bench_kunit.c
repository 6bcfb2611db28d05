// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests that measure flushes on mock IOMMUs: their latency over several
 * IOMMUs and with several CPUs, the time for which they disable interrupts, how
 * much they invalidate, and how their cost grows with the attachments of a
 * domain. The results are printed for comparison between kernels; no limits are
 * checked.
 *
 * Times are those of the kernel's clock. On a virtual machine whose clock counts
 * instructions, they do not depend on the speed of the host.
 *
 * The parameter bench_kunit.attachments=N sets the largest number of attachments
 * of one domain.
 */

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/isolation.h>
#include <linux/sizes.h>
#include <linux/sort.h>

#include "fixture.h"

static unsigned int attachments = 8;
module_param(attachments, uint, 0444);
MODULE_PARM_DESC(attachments, "Largest number of attachments of one domain");

/* Number of measurements, of which the median or the smallest is printed */
#define BENCH_ROUNDS	21

static int bench_compare(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static u64 bench_flush_ns(struct iommu_domain *domain)
{
	u64 ns = -ktime_get_ns();

	iommu_flush_iotlb_all(domain);
	return ns + ktime_get_ns();
}

/*
 * Times of %BENCH_ROUNDS flushes in ns, in ascending order. They begin at
 * different times within the period of the mock IOMMUs' timer, which is 20 us.
 */
static void bench_flush(struct iommu_domain *domain, u64 *ns)
{
	int i;

	for (i = 0; i < BENCH_ROUNDS; i++) {
		udelay(i);
		ns[i] = bench_flush_ns(domain);
	}
	sort(ns, BENCH_ROUNDS, sizeof(*ns), bench_compare, NULL);
}

static void bench_set_latency(enum mock_iommu_id id, u64 latency)
{
	mock_set_errors(mock_iommu(id), (struct mock_errors) {
		.latency = latency,
		.overlap = true,
	});
}

/* Several IOMMUs */

/* IOMMUs that a single second-stage domain can be attached through */
static const enum mock_iommu_id bench_iommus[] = {
	MOCK_LEGACY_CM, MOCK_LEGACY, MOCK_SS, MOCK_FS, MOCK_FS2, MOCK_FS_CM,
};

/* One domain on 1, 2, ... IOMMUs, each of which takes 500 us */
static void several_iommus(struct kunit *test)
{
	const u64 latency = 500 * NSEC_PER_USEC;
	struct iommu_domain *domain;
	u64 ns[BENCH_ROUNDS];
	int i, n;

	domain = ut_new_domain(test, mock_dev(bench_iommus[0], 0), 0);
	mock_reset();
	for (n = 0; n < ARRAY_SIZE(bench_iommus); n++) {
		struct device *dev = mock_dev(bench_iommus[n], 0);

		KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
		for (i = 0; i <= n; i++)
			bench_set_latency(bench_iommus[i], latency);
		bench_flush(domain, ns);
		kunit_info(test, "bench: flush, IOMMUs=%d: %llu ns\n", n + 1,
			   ns[BENCH_ROUNDS / 2]);
		mock_reset();
	}
	while (n--)
		ut_detach(domain, mock_dev(bench_iommus[n], 0), IOMMU_NO_PASID);
}

/* Several CPUs */

#define BENCH_MAX_CPUS		8
#define BENCH_FLUSHES		20

/**
 * struct bench_thread - thread that flushes a domain
 * @thread: The thread.
 * @domain: The domain.
 * @cpu: CPU that it runs on.
 * @go: Completed when all threads begin.
 * @end: Time in ns at which it has ended.
 */
struct bench_thread {
	struct ut_thread thread;
	struct iommu_domain *domain;
	int cpu;
	struct completion *go;
	u64 end;
};

static void bench_flush_work(void *data)
{
	struct bench_thread *t = data;
	int i;

	set_cpus_allowed_ptr(current, cpumask_of(t->cpu));
	wait_for_completion(t->go);
	for (i = 0; i < BENCH_FLUSHES; i++)
		iommu_flush_iotlb_all(t->domain);
	t->end = ktime_get_ns();
}

/*
 * Let a thread on each of @nr CPUs flush its domain, and return the time in ns
 * until all of them have ended.
 */
static u64 bench_threads(struct kunit *test, struct bench_thread *threads,
			 unsigned int nr)
{
	DECLARE_COMPLETION_ONSTACK(go);
	unsigned int i = 0;
	u64 begin, end = 0;
	int cpu;

	for_each_cpu_and(cpu, cpu_online_mask,
			 housekeeping_cpumask(HK_TYPE_DOMAIN)) {
		if (i == nr)
			break;
		threads[i].go = &go;
		threads[i].cpu = cpu;
		ut_start(test, &threads[i].thread, bench_flush_work,
			 &threads[i]);
		i++;
	}
	KUNIT_ASSERT_EQ(test, i, nr);
	begin = ktime_get_ns();
	complete_all(&go);
	for (i = 0; i < nr; i++) {
		/* A thread that is stopped before it runs never runs. */
		while (!READ_ONCE(threads[i].thread.done))
			cond_resched();
		ut_join(&threads[i].thread);
		end = max(end, threads[i].end);
	}
	return end - begin;
}

/* The smallest of several times, because a thread may be scheduled late. */
static u64 bench_best(struct kunit *test, struct bench_thread *threads,
		      unsigned int nr)
{
	u64 best = U64_MAX;
	int i;

	for (i = 0; i < 5; i++)
		best = min(best, bench_threads(test, threads, nr));
	return best;
}

static const unsigned int bench_latencies[] = { 50, 500 };

static void bench_latency_desc(const unsigned int *us, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u us", *us);
}

KUNIT_ARRAY_PARAM(bench_latency, bench_latencies, bench_latency_desc);

/* Threads that flush the same domain, or one domain each, on the same IOMMU */
static void several_cpus(struct kunit *test)
{
	const unsigned int us = *(const unsigned int *)test->param_value;
	struct bench_thread threads[BENCH_MAX_CPUS];
	unsigned int cpus = 0, nr, i, own;
	struct iommu_domain *domains[BENCH_MAX_CPUS];
	int cpu;

	for_each_cpu_and(cpu, cpu_online_mask,
			 housekeeping_cpumask(HK_TYPE_DOMAIN))
		cpus++;
	cpus = min(cpus, BENCH_MAX_CPUS);
	for (i = 0; i < cpus; i++) {
		domains[i] = ut_new_domain(test, mock_dev(MOCK_SS, 0), 0);
		KUNIT_ASSERT_EQ(test, ut_attach(domains[i], mock_dev(MOCK_SS, 0),
						i + 1), 0);
	}
	mock_reset();
	bench_set_latency(MOCK_SS, us * NSEC_PER_USEC);
	for (own = 0; own <= 1; own++)
		for (nr = 1; nr <= cpus; nr *= 2) {
			for (i = 0; i < nr; i++)
				threads[i].domain = domains[own ? i : 0];
			kunit_info(test, "bench: %s, %u us, CPUs=%u: %llu ns\n",
				   own ? "one domain each" : "same domain", us,
				   nr, bench_best(test, threads, nr) /
				       (nr * BENCH_FLUSHES));
		}
	mock_reset();
	for (i = 0; i < cpus; i++)
		ut_detach(domains[i], mock_dev(MOCK_SS, 0), i + 1);
}

/* Interrupts */

/**
 * struct bench_interrupts - timer that measures how late its interrupts are
 * @timer: The timer, pinned to the CPU of the test.
 * @longest: Longest delay in ns.
 */
struct bench_interrupts {
	struct hrtimer timer;
	u64 longest;
};

#define BENCH_PERIOD	(10 * NSEC_PER_USEC)

static enum hrtimer_restart bench_interrupt(struct hrtimer *timer)
{
	struct bench_interrupts *b = container_of(timer, struct bench_interrupts,
						  timer);
	u64 late = ktime_to_ns(ktime_sub(ktime_get(),
					 hrtimer_get_expires(timer)));

	b->longest = max(b->longest, late);
	hrtimer_forward_now(timer, ns_to_ktime(BENCH_PERIOD));
	return HRTIMER_RESTART;
}

/*
 * Longest delay in ns of the timer during a flush, an estimate of the time for
 * which the flush disables interrupts
 */
static u64 bench_irqs_off(struct iommu_domain *domain)
{
	struct bench_interrupts b = {};

	hrtimer_setup_on_stack(&b.timer, bench_interrupt, CLOCK_MONOTONIC,
			       HRTIMER_MODE_REL_PINNED_HARD);
	migrate_disable();
	hrtimer_start(&b.timer, ns_to_ktime(BENCH_PERIOD),
		      HRTIMER_MODE_REL_PINNED_HARD);
	iommu_flush_iotlb_all(domain);
	migrate_enable();
	hrtimer_cancel(&b.timer);
	destroy_hrtimer_on_stack(&b.timer);
	return b.longest;
}

/* Numbers of PASIDs, each of which needs an invalidation of its own */
static const unsigned int bench_pasids[] = { 1, 64, 200 };

static void interrupts_off(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_FS, 0);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(bench_pasids); i++) {
		while (n < bench_pasids[i]) {
			n++;
			KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, n), 0);
		}
		mock_reset();
		bench_set_latency(MOCK_FS, NSEC_PER_MSEC);
		kunit_info(test, "bench: interrupts off, 1 ms, descriptors=%u: %llu ns\n",
			   n, bench_irqs_off(domain));
		mock_reset();
		iommu_flush_iotlb_all(domain);
		kunit_info(test, "bench: submissions, descriptors=%u: %u submissions\n",
			   n, mock_iommu(MOCK_FS)->doorbells);
	}
	while (n)
		ut_detach(domain, dev, n--);
}

/* Attachments */

/* Cost of a flush and of an attachment against the number of attachments */
static void many_attachments(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_SS, 0);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	u64 ns[BENCH_ROUNDS], attach[BENCH_ROUNDS];
	unsigned int i, target, n = 0;

	for (target = 1; target <= attachments; target *= 8) {
		while (n < target) {
			n++;
			KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, n), 0);
		}
		bench_flush(domain, ns);
		for (i = 0; i < BENCH_ROUNDS; i++) {
			attach[i] = -ktime_get_ns();
			KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, n + 1), 0);
			attach[i] += ktime_get_ns();
			ut_detach(domain, dev, n + 1);
		}
		sort(attach, BENCH_ROUNDS, sizeof(*attach), bench_compare, NULL);
		kunit_info(test, "bench: flush, attachments=%u: %llu ns\n", n,
			   ns[0]);
		kunit_info(test, "bench: attach, attachments=%u: %llu ns\n", n,
			   attach[0]);
	}
	while (n)
		ut_detach(domain, dev, n--);
}

/* Ranges */

static const struct {
	u64 start;
	u64 size;
} bench_ranges[] = {
	{ SZ_4K, SZ_4K },
	{ SZ_8K, SZ_8K },
	{ SZ_64K, SZ_64K },
	{ SZ_2M, SZ_2M },
	{ SZ_1G, SZ_1G },
	{ SZ_4K, SZ_8K },
	{ SZ_4K, 3 * SZ_4K },
	{ SZ_64K, 13 * SZ_4K },
	{ SZ_2M - SZ_4K, SZ_8K },
	{ SZ_2M - SZ_4K, SZ_4M },
	{ SZ_1G - SZ_4K, SZ_8K },
	{ SZ_1G + SZ_4K, SZ_1G },
	{ SZ_1G - SZ_2M, SZ_4M },
	{ (512ULL << 30) - SZ_4K, SZ_8K },
	{ (256ULL << 30) - SZ_4K, 3 * SZ_4K },
	{ SZ_1G, 3 * SZ_2M },
};

/* Bytes that the invalidations of one type cover; a whole domain has 2^48 */
static u64 bench_bytes(const struct mock_iommu *iommu, bool devtlb)
{
	const struct mock_inv *inv;
	u64 bytes = 0;
	unsigned int i;

	for (i = 0; i < iommu->nr_log; i++) {
		inv = &iommu->log[i];
		if (inv->type != (devtlb ? MOCK_INV_DEVTLB : MOCK_INV_IOTLB))
			continue;
		if (inv->order >= 36 || (!devtlb && inv->granularity != MOCK_PAGES))
			bytes += 1ULL << 48;
		else
			bytes += (u64)SZ_4K << inv->order;
	}
	return bytes;
}

/* Bytes invalidated in the IOTLB and in a device TLB, against bytes unmapped */
static void ranges(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_SS);
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, dev, 0);
	struct iommu_iotlb_gather gather;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, ut_attach(domain, dev, IOMMU_NO_PASID), 0);
	for (i = 0; i < ARRAY_SIZE(bench_ranges); i++) {
		mock_reset();
		iommu_iotlb_gather_init(&gather);
		iommu_iotlb_gather_add_range(&gather, bench_ranges[i].start,
					     bench_ranges[i].size);
		iommu_iotlb_sync(domain, &gather);
		kunit_info(test, "bench: range, %llx-%llx: %llu asked, %llu IOTLB, %llu device TLB\n",
			   bench_ranges[i].start,
			   bench_ranges[i].start + bench_ranges[i].size - 1,
			   bench_ranges[i].size, bench_bytes(iommu, false),
			   bench_bytes(iommu, true));
	}
	ut_detach(domain, dev, IOMMU_NO_PASID);
}

static struct kunit_case bench_cases[] = {
	KUNIT_CASE(several_iommus),
	KUNIT_CASE_PARAM(several_cpus, bench_latency_gen_params),
	KUNIT_CASE(interrupts_off),
	KUNIT_CASE_SLOW(many_attachments),
	KUNIT_CASE(ranges),
	{}
};

static struct kunit_suite bench_suite = {
	.name = "intel_iommu_bench",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = bench_cases,
};

kunit_test_suites(&bench_suite);

MODULE_DESCRIPTION("KUnit tests of the speed of flushes on mock Intel IOMMUs");
MODULE_LICENSE("GPL");
