// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the IOMMU attachment list with concurrent walks and writers.
 */

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/sched/task.h>

#include "alist_fixture.h"

/* A flush that is in progress when iommu_attach_list_quiesce() is called */
struct long_flush {
	struct iommu_attach_list *list;
	struct completion begun;
	bool quiescing;
	bool ended;
};

static int long_flush_thread(void *data)
{
	struct long_flush *flush = data;
	unsigned long end = jiffies + HZ;

	iommu_attach_list_flush_begin(flush->list);
	complete(&flush->begun);
	/* Bounded: without preemption, this thread may occupy the only CPU. */
	while (!READ_ONCE(flush->quiescing) && time_before(jiffies, end))
		cpu_relax();
	mdelay(100);
	WRITE_ONCE(flush->ended, true);
	iommu_attach_list_flush_end(flush->list);
	return 0;
}

/* iommu_attach_list_quiesce() waits for a flush in progress. */
static void alist_quiesce(struct kunit *test)
{
	struct long_flush flush = { .list = test->priv };
	struct task_struct *task;

	init_completion(&flush.begun);
	task = kthread_create(long_flush_thread, &flush, "alist-flush");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&flush.begun);
	WRITE_ONCE(flush.quiescing, true);
	iommu_attach_list_quiesce();
	KUNIT_EXPECT_TRUE(test, READ_ONCE(flush.ended));
	kthread_stop(task);
	put_task_struct(task);
}

#define STRESS_TAGS	3
#define NR_GROUPS	(NR_IOMMUS * STRESS_TAGS)
#define STRESS_MS	2000

struct stress_att;

/**
 * struct stress - state of the stress test
 * @test: The test.
 * @list: List that the threads change and walk.
 * @tasks: The threads.
 * @nr_tasks: Number of @tasks.
 * @anchors: Element with an ATC in each group that is replaced but never
 *	absent, so that no flush may miss it.
 * @added: Number of elements added.
 * @freed: Number of elements freed.
 * @walks: Number of flushes.
 * @used_freed: Number of freed elements visited.
 * @misuse: Number of failed additions and removals.
 * @disorder: Number of elements visited out of order.
 * @iommu_twice: Number of IOMMUs visited twice in one flush.
 * @missed_tag: Number of flushes that missed a group.
 * @missed_atc: Number of flushes that missed an anchor.
 */
struct stress {
	struct kunit *test;
	struct iommu_attach_list *list;
	struct task_struct *tasks[8];
	int nr_tasks;
	struct stress_att *anchors[NR_GROUPS];
	atomic_t added;
	atomic_t freed;
	atomic_t walks;
	/* Errors by kind */
	atomic_t used_freed;
	atomic_t misuse;
	atomic_t disorder;
	atomic_t iommu_twice;
	atomic_t missed_tag;
	atomic_t missed_atc;
};

struct stress_att {
	struct test_att att;
	struct stress *stress;
};

static void stress_free_rcu(struct rcu_head *rcu)
{
	struct stress_att *s = container_of(rcu, struct stress_att,
					    att.elm.rcu);

	WRITE_ONCE(s->att.magic, MAGIC_FREED);
	atomic_inc(&s->stress->freed);
	kfree(s);
}

static struct stress_att *stress_att_new(struct stress *stress, int id,
					 int iommu, u64 tag, bool atc)
{
	struct stress_att *s = kzalloc_obj(*s);

	if (!s)
		return NULL;
	s->stress = stress;
	s->att.magic = MAGIC_LIVE;
	s->att.id = id;
	iommu_attach_elm_init(&s->att.elm, &iommus[iommu], &devices[id & 1],
			      id < 0 ? IOMMU_NO_PASID : id, atc);
	scoped_guard(spinlock, &stress->list->lock)
		if (iommu_attach_list_add(stress->list, &s->att.elm, tag))
			atomic_inc(&stress->misuse);
	atomic_inc(&stress->added);
	return s;
}

static void stress_att_del(struct stress *stress, struct stress_att *s)
{
	scoped_guard(spinlock, &stress->list->lock)
		if (iommu_attach_list_remove(stress->list, &s->att.elm) < 0)
			atomic_inc(&stress->misuse);
	call_rcu(&s->att.elm.rcu, stress_free_rcu);
}

/* Add elements to all groups and remove them, in random order. */
static int stress_writer(void *data)
{
	struct stress_att *own[24] = {};
	struct stress *stress = data;
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, (unsigned long)current);
	while (!kthread_should_stop()) {
		i = prandom_u32_state(&rnd) % ARRAY_SIZE(own);
		if (own[i]) {
			stress_att_del(stress, own[i]);
			own[i] = NULL;
		} else {
			own[i] = stress_att_new(stress, -1, i % NR_IOMMUS,
						i % STRESS_TAGS, i % 2);
		}
		cond_resched();
	}
	for (i = 0; i < ARRAY_SIZE(own); i++)
		if (own[i])
			stress_att_del(stress, own[i]);
	return 0;
}

static void stress_visit(struct stress *stress, struct iommu_attach_elm *elm,
			 const struct iommu_attach_elm *prev)
{
	if (READ_ONCE(to_att(elm)->magic) != MAGIC_LIVE)
		atomic_inc(&stress->used_freed);
	if (prev && ((uintptr_t)elm->iommu < (uintptr_t)prev->iommu ||
		     (elm->iommu == prev->iommu &&
		      elm->iotlb_tag < prev->iotlb_tag)))
		atomic_inc(&stress->disorder);
}

/* Flush, and set a bit in @tags per group and in @atcs per anchor visited. */
static void stress_flush(struct stress *stress, u32 *tags, u32 *atcs)
{
	struct iommu_attach_elm *first, *elm, *prev, *prev_first = NULL;

	iommu_attach_list_flush_begin(stress->list);
	iommu_attach_list_for_each_iommu(first, stress->list) {
		int i = first->iommu - iommus;

		if (prev_first && prev_first->iommu == first->iommu)
			atomic_inc(&stress->iommu_twice);
		prev_first = first;

		prev = NULL;
		iommu_attach_for_each_tag(elm, first, stress->list) {
			stress_visit(stress, elm, prev);
			prev = elm;
			*tags |= BIT(i * STRESS_TAGS + elm->iotlb_tag);
		}
		iommu_attach_for_each_atc(elm, first, stress->list) {
			stress_visit(stress, elm, NULL);
			if (to_att(elm)->id >= 0)
				*atcs |= BIT(to_att(elm)->id);
		}
	}
	iommu_attach_list_flush_end(stress->list);
}

static int stress_reader(void *data)
{
	const u32 all = GENMASK(NR_GROUPS - 1, 0);
	struct stress *stress = data;
	u32 tags, atcs;

	while (!kthread_should_stop()) {
		tags = 0;
		atcs = 0;
		stress_flush(stress, &tags, &atcs);
		if (tags != all)
			atomic_inc(&stress->missed_tag);
		if (atcs != all)
			atomic_inc(&stress->missed_atc);
		atomic_inc(&stress->walks);
		cond_resched();
	}
	return 0;
}

static void stress_start(struct stress *stress, int (*fn)(void *data), int nr)
{
	struct task_struct *task;

	while (nr--) {
		task = kthread_run(fn, stress, "alist-stress");
		KUNIT_ASSERT_NOT_ERR_OR_NULL(stress->test, task);
		stress->tasks[stress->nr_tasks++] = task;
	}
}

/*
 * Keep one element with an ATC, the anchor, in each group at every moment, and
 * replace it continually, so that it is the leader at times. A walk that has
 * already passed the position of the new anchor must still find the old one, so
 * the old one is removed after a grace period.
 */
static int stress_anchor(void *data)
{
	struct stress_att *new, **old;
	struct stress *stress = data;
	int id = 0;

	while (!kthread_should_stop()) {
		id = (id + 1) % NR_GROUPS;
		old = &stress->anchors[id];
		new = stress_att_new(stress, id, id / STRESS_TAGS,
				     id % STRESS_TAGS, true);
		if (!new)
			continue;
		synchronize_rcu_expedited();
		stress_att_del(stress, *old);
		*old = new;
		cond_resched();
	}
	return 0;
}

/* No flush misses an anchor, its group or its IOMMU, or visits freed memory. */
static void alist_stress(struct kunit *test)
{
	struct stress *stress;
	int i;

	stress = kunit_kzalloc(test, sizeof(*stress), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, stress);
	stress->test = test;
	stress->list = test->priv;
	for (i = 0; i < NR_GROUPS; i++) {
		stress->anchors[i] = stress_att_new(stress, i, i / STRESS_TAGS,
						    i % STRESS_TAGS, true);
		KUNIT_ASSERT_NOT_NULL(test, stress->anchors[i]);
	}

	stress_start(stress, stress_anchor, 1);
	stress_start(stress, stress_writer, 1);
	stress_start(stress, stress_reader, 2);
	msleep(STRESS_MS);
	while (stress->nr_tasks)
		kthread_stop(stress->tasks[--stress->nr_tasks]);
	for (i = 0; i < NR_GROUPS; i++)
		stress_att_del(stress, stress->anchors[i]);
	rcu_barrier();

	kunit_info(test, "%d added, %d freed, %d walks",
		   atomic_read(&stress->added), atomic_read(&stress->freed),
		   atomic_read(&stress->walks));
	KUNIT_EXPECT_GT(test, atomic_read(&stress->added), 100);
	KUNIT_EXPECT_GT(test, atomic_read(&stress->walks), 100);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->freed),
			atomic_read(&stress->added));
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->used_freed), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->misuse), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->disorder), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->iommu_twice), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->missed_tag), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->missed_atc), 0);
}

struct single_atc {
	struct iommu_attach_list *list;
	struct test_att *att;
	/* Odd while the element is certain to be on the list */
	unsigned int state;
	unsigned int flushes;
	unsigned int missed;
	/* Number of walks that missed an element added meanwhile */
	unsigned int late;
};

static int single_atc_flush(void *data)
{
	struct single_atc *single = data;
	unsigned int state, begin;
	struct visits v;

	while (!kthread_should_stop()) {
		v.nr = 0;
		/* Pairs with the release after the element has been added. */
		state = smp_load_acquire(&single->state);
		begin = iommu_attach_list_flush_begin(single->list);
		visit_atcs(&v, single->list);
		if (!v.nr && iommu_attach_list_atc_added(single->list, begin))
			visit_atcs(&v, single->list);
		iommu_attach_list_flush_end(single->list);
		/* If the state is unchanged, the walk preceded the removal. */
		smp_mb();
		if (state & 1 && READ_ONCE(single->state) == state) {
			single->flushes++;
			single->missed += !v.nr;
		}
		cond_resched();
	}
	return 0;
}

/* A flush finds the only ATC of a list, which is often removed and replaced. */
static void alist_single_atc(struct kunit *test)
{
	struct single_atc single = { .list = test->priv };
	unsigned long end = jiffies + HZ;
	struct task_struct *task;

	att_add(test, single.list, 1, 0, 5, false);
	task = kthread_run(single_atc_flush, &single, "alist-single");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	while (time_before(jiffies, end)) {
		single.att = att_add(test, single.list, 0, 0, 5, true);
		/* Pairs with the acquire in single_atc_flush(). */
		smp_store_release(&single.state, single.state + 1);
		usleep_range(50, 100);
		WRITE_ONCE(single.state, single.state + 1);
		/* Pairs with the barrier after the walk. */
		smp_mb();
		att_remove(single.list, single.att);
		cond_resched();
	}
	kthread_stop(task);
	kunit_info(test, "%u added, %u flushes", single.state / 2,
		   single.flushes);
	KUNIT_EXPECT_GT(test, single.flushes, 100);
	KUNIT_EXPECT_EQ(test, single.missed, 0);
}

/* Maximum number of rounds: limits the elements waiting for a grace period */
#define SECOND_LOOK_ROUNDS	20000

static int second_look_flush(void *data)
{
	struct single_atc *single = data;
	unsigned int state, begin;
	struct visits v;

	while (!kthread_should_stop()) {
		v.nr = 0;
		begin = iommu_attach_list_flush_begin(single->list);
		visit_atcs(&v, single->list);
		/* Pairs with the release after the element has been added. */
		state = smp_load_acquire(&single->state);
		if (state & 1 && !v.nr) {
			single->late++;
			single->missed +=
				!iommu_attach_list_atc_added(single->list,
							     begin);
		}
		iommu_attach_list_flush_end(single->list);
		single->flushes++;
		cond_resched();
	}
	return 0;
}

/*
 * The writer makes &single_atc.state odd after it has added an ATC. A flush
 * whose walk misses the ATC, but which reads an odd state afterwards, detects
 * the addition by iommu_attach_list_atc_added().
 */
static void alist_second_look(struct kunit *test)
{
	struct single_atc single = { .list = test->priv };
	unsigned long end = jiffies + HZ;
	struct task_struct *task;

	att_add(test, single.list, 1, 0, 5, false);
	task = kthread_run(second_look_flush, &single, "alist-second");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	/* The ATC joins the group, or is alone in another one. */
	while (time_before(jiffies, end) &&
	       single.state < 2 * SECOND_LOOK_ROUNDS) {
		single.att = att_add(test, single.list, 0, 0,
				     5 + single.state / 2 % 2, true);
		/* Pairs with the acquire after the walk. */
		smp_store_release(&single.state, single.state + 1);
		udelay(2);
		WRITE_ONCE(single.state, single.state + 1);
		att_remove(single.list, single.att);
		cond_resched();
	}
	kthread_stop(task);
	kunit_info(test, "%u added, %u flushes, ATC missed by %u walks",
		   single.state / 2, single.flushes, single.late);
	KUNIT_EXPECT_GT(test, single.flushes, 100);
	KUNIT_EXPECT_EQ(test, single.missed, 0);
}

static struct kunit_case alist_race_cases[] = {
	KUNIT_CASE(alist_quiesce),
	KUNIT_CASE_SLOW(alist_single_atc),
	KUNIT_CASE_SLOW(alist_second_look),
	KUNIT_CASE_SLOW(alist_stress),
	{}
};

static struct kunit_suite alist_race_suite = {
	.name = "iommu_alist_race",
	.init = alist_test_init,
	.exit = alist_test_exit,
	.test_cases = alist_race_cases,
};

kunit_test_suites(&alist_race_suite);

MODULE_DESCRIPTION("KUnit tests of concurrent walks of the IOMMU attachment list");
MODULE_LICENSE("GPL");
