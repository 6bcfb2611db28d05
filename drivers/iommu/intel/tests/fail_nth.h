/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocation failures for KUnit tests: make the nth allocation of the current
 * task fail, whether of a slab object or of pages. All functions and variables
 * are static; include this header in a single file, such as a fixture.
 *
 * The failure is injected by kprobes on should_failslab() and
 * should_fail_alloc_page(). /proc/self/fail-nth does the same for user space,
 * but kernel threads, which run KUnit tests, have no such file.
 */
#ifndef _INTEL_IOMMU_TESTS_FAIL_NTH_H
#define _INTEL_IOMMU_TESTS_FAIL_NTH_H

#include <kunit/test.h>
#include <linux/error-injection.h>
#include <linux/gfp.h>
#include <linux/kprobes.h>
#include <linux/preempt.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/slab.h>

#if IS_ENABLED(CONFIG_FAILSLAB) && IS_ENABLED(CONFIG_FAIL_PAGE_ALLOC) && \
	IS_ENABLED(CONFIG_FUNCTION_ERROR_INJECTION)

static struct task_struct *fail_nth_task;
static int fail_nth_left;
/* The test that has registered the probes below, NULL if none has */
static struct kunit *fail_nth_test;

static int fail_nth_alloc(struct pt_regs *regs, gfp_t gfp, unsigned long result)
{
	/*
	 * in_interrupt() cannot be used here, as the breakpoint itself counts
	 * as an interrupt. Allocations with __GFP_NOWARN do not fail: their
	 * callers have a fallback, and include debugging tools such as KASAN.
	 */
	if (current != fail_nth_task || in_serving_softirq() ||
	    gfp & (__GFP_NOFAIL | __GFP_NOWARN))
		return 0;
	if (!fail_nth_left || --fail_nth_left)
		return 0;
	regs_set_return_value(regs, result);
	override_function_with_return(regs);
	return 1;
}

static int fail_nth_slab(struct kprobe *p, struct pt_regs *regs)
{
	gfp_t gfp = (__force gfp_t)regs_get_kernel_argument(regs, 1);

	return fail_nth_alloc(regs, gfp, -ENOMEM);
}

static int fail_nth_page(struct kprobe *p, struct pt_regs *regs)
{
	gfp_t gfp = (__force gfp_t)regs_get_kernel_argument(regs, 0);

	return fail_nth_alloc(regs, gfp, true);
}

/*
 * An empty post handler keeps the kprobes from being optimised into jumps. An
 * optimised kprobe could not override the return value.
 */
static void fail_nth_post(struct kprobe *p, struct pt_regs *regs,
			  unsigned long flags)
{
}

static struct kprobe fail_nth_probes[2];

static void fail_nth_exit(void *probe)
{
	fail_nth_task = NULL;
	fail_nth_test = NULL;
	unregister_kprobe(probe);
}

static void fail_nth_hook(struct kunit *test, struct kprobe *probe,
			  const char *symbol, kprobe_pre_handler_t handler)
{
	*probe = (struct kprobe) {
		.symbol_name = symbol,
		.pre_handler = handler,
		.post_handler = fail_nth_post,
	};
	KUNIT_ASSERT_EQ(test, register_kprobe(probe), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fail_nth_exit,
							probe), 0);
}

/* Make the @nth allocation of this task from now on fail, counted from 1. */
static void fail_nth(int nth)
{
	fail_nth_left = nth;
	fail_nth_task = current;
}

/* Stop injecting. Returns whether an allocation has failed. */
static bool fail_nth_end(void)
{
	fail_nth_task = NULL;
	return !fail_nth_left;
}

/*
 * Test whether the probes make an allocation fail. Retry, as an emulated CPU
 * may run stale code after a breakpoint is set.
 */
static bool fail_nth_works(void)
{
	int tries;
	void *p;

	for (tries = 0; tries < 100; tries++) {
		fail_nth(1);
		p = kmalloc(1, GFP_KERNEL);
		fail_nth_end();
		kfree(p);
		if (!p)
			return true;
		cond_resched();
	}
	return false;
}

/*
 * Enable fail_nth() until the end of the test. May be called more than once per
 * test. Skips the test if the kernel lacks the configuration options.
 */
static void fail_nth_init(struct kunit *test)
{
	if (fail_nth_test == test)
		return;
	fail_nth_hook(test, &fail_nth_probes[0], "should_failslab",
		      fail_nth_slab);
	fail_nth_hook(test, &fail_nth_probes[1], "should_fail_alloc_page",
		      fail_nth_page);
	KUNIT_ASSERT_TRUE(test, fail_nth_works());
	fail_nth_test = test;
}

#else

static void fail_nth_init(struct kunit *test)
{
	kunit_skip(test, "needs FAILSLAB, FAIL_PAGE_ALLOC and FUNCTION_ERROR_INJECTION");
}

static void fail_nth(int nth)
{
}

static bool fail_nth_end(void)
{
	return false;
}

#endif

#endif /* _INTEL_IOMMU_TESTS_FAIL_NTH_H */
