/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replacements for the kernel definitions that drivers/iommu/iommu-alist.c and
 * the list primitives use.
 *
 * For each kernel header that these include, except for those taken from the
 * kernel tree, the Makefile generates a header that includes this file.
 *
 * READ_ONCE() and WRITE_ONCE() call step_load() and step_store(), so that a
 * test can make stores of the writer visible before each load of a reader.
 * There is a single thread: barriers are not modelled, and locks are always
 * free.
 */
#ifndef IOMMU_ALIST_SHIM_H
#define IOMMU_ALIST_SHIM_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "step.h"

/* rculist.h is empty without it. */
#define __KERNEL__

typedef uint64_t u64;
typedef uint32_t u32;
typedef unsigned int ioasid_t;

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

struct rcu_head {
	void *next;
	void (*func)(struct rcu_head *head);
};

typedef struct {
	int unused;
} spinlock_t;

struct mutex {
	int unused;
};

struct iommu_device {
	int unused;
};

struct device {
	int unused;
};

#define READ_ONCE(x)							\
({									\
	step_load();							\
	*(volatile typeof(x) *)&(x);					\
})

#define WRITE_ONCE(x, value)						\
do {									\
	*(volatile typeof(x) *)&(x) = (value);				\
	step_store(&(x), sizeof(x));					\
} while (0)

#define smp_load_acquire(p)		READ_ONCE(*(p))
#define smp_store_release(p, value)	WRITE_ONCE(*(p), value)
#define smp_mb()			do { } while (0)

#define rcu_assign_pointer(p, value)	WRITE_ONCE(p, value)
#define rcu_dereference_raw(p)		READ_ONCE(p)
#define rcu_read_lock()			do { } while (0)
#define rcu_read_unlock()		do { } while (0)
#define synchronize_rcu()		do { } while (0)
#define RCU_LOCKDEP_WARN(cond, text)	do { } while (0)
#define lockdep_assert_held(lock)	((void)(lock))
#define spin_lock_init(lock)		((void)(lock))
#define DEFINE_MUTEX(name)		struct mutex name
#define guard(kind)			(void)
#define WARN_ON(cond)			({ bool __cond = (cond); assert(!__cond); __cond; })
#define ASSERT_EXCLUSIVE_ACCESS(var)	do { } while (0)
#define EXPORT_SYMBOL(name)
#define EXPORT_SYMBOL_GPL(name)

#define container_of(ptr, type, member)	\
	((type *)((char *)(ptr) - offsetof(type, member)))
#define BIT(n)				(1U << (n))
#define likely(x)			(x)
#define unlikely(x)			(x)
#define __rcu
#define __must_check
#define __read_mostly
#define __context_unsafe(text)
#define __acquires(x)
#define __releases(x)
#define LIST_POISON1			((void *)0x100)
#define LIST_POISON2			((void *)0x122)

#endif /* IOMMU_ALIST_SHIM_H */
