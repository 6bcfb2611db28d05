/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may be caching the translations of an IOMMU domain.
 *
 * One list per domain, written at attach and detach, read without a lock by
 * every invalidation.
 */
#ifndef __LINUX_IOMMU_ALIST_H
#define __LINUX_IOMMU_ALIST_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct iommu_device;

/**
 * DOC: overview
 *
 * When a mapping of an IOMMU domain changes, every cache that may hold the
 * old translation has to be told: the IOTLB of each IOMMU unit that the domain
 * is attached through, and the address translation cache (ATC, the device TLB)
 * of each device that has ATS enabled. An attachment list records exactly that
 * for one domain. The driver embeds a &struct iommu_attach_list in its domain
 * and a &struct iommu_attach_elm in an element of its own, which holds whatever
 * the driver needs to compose its invalidation commands. There is one element
 * for each (domain, device, PASID).
 *
 * Two properties of an element matter to the list. Its *unit* is the IOMMU
 * instance that translates for the device. Its *tag* is a number, opaque to the
 * list, that says what the hardware of that unit distinguishes when it
 * invalidates its IOTLB: a domain id, a domain id and a PASID, an ASID or a
 * VMID. All elements with equal unit and tag form one group, which one IOTLB
 * invalidation serves however many devices share it. An element *has an ATC* if
 * its device caches translations of its own, which have to be invalidated one
 * by one.
 *
 * A flush therefore costs as many steps as there are groups plus elements that
 * have an ATC; it does not look at the other members of a group::
 *
 *	list --> group (unit A, tag 5)   --> group (unit A, tag 6) --> ...
 *	           |                           |
 *	         leader                      leader
 *	           |                           |
 *	         members with an ATC         members with an ATC
 *	           |
 *	         other members (never visited by a flush)
 */

/**
 * DOC: locking and ordering
 *
 * Writers hold &iommu_attach_list.lock, a plain spinlock that is never taken
 * by a flush. Readers hold rcu_read_lock(), or the lock.
 *
 * Under RCU an element may be visited although it has been removed already.
 * That is harmless for an invalidation, which then merely drops more than it
 * had to. Everything else, above all whatever edits a table that the hardware
 * reads, must walk under the lock, where each visited element is a live one.
 *
 * What no flush may do is miss an element that a device already translates
 * through. Three parties are involved, and a full barrier in each of the two
 * that run on a CPU::
 *
 *	attach                         flush                    device
 *	------                         -----                    ------
 *	iommu_attach_list_add()        change the page table    read the entry
 *	  smp_mb()                     iommu_attach_list_       read the page
 *	make the device's entry          flush_begin()          table
 *	  present                        smp_mb()
 *	                               walk the list
 *
 * If the walk does not find the new element, then the element was published
 * after the walk had begun, the entry was made present later still, and the
 * device that finds the entry present also finds the changed page table. The
 * entry must not become visible to the hardware before the element does, not
 * even as a dirty cache line: write the present bit after
 * iommu_attach_list_add() has returned.
 *
 * That holds for what the device reads from memory. A device that shares the
 * tag of others may also get a translation from their IOTLB entries, which a
 * walk that did not find it is still about to invalidate; and what the device
 * keeps in its ATC is not invalidated by that. So a flush looks again when its
 * IOTLB invalidations have completed, with
 * iommu_attach_list_atc_added(), and if an element with an ATC has been added
 * since it began, invalidates the range in all ATCs of the list once more::
 *
 *	attach                         flush                    device
 *	------                         -----                    ------
 *	iommu_attach_list_add()        ...                      read the entry
 *	  smp_mb()                     wait for the IOTLB       get a translation
 *	make the device's entry        iommu_attach_list_       from the IOTLB
 *	  present                        atc_added()
 *	                                 smp_mb()
 *
 * There is no need to look a third time: if the second walk does not find an
 * element either, that was published later still, and its device finds no old
 * translation any more, neither in memory nor in the IOTLB.
 *
 * At detach the order is reversed: make the entry non-present, invalidate all
 * that the hardware may have cached through it, only then remove the element
 * and give an id in its tag back.
 *
 * A new element for a device whose entry stays present all along needs more: a
 * walk that has passed the place of the new element may find the old one gone.
 * The group that both are in is visited all the same. Anything else is missed
 * by flushes that are over. If the ATC is new, drop all of it once after the new
 * element has been added: flushes that are under way look again.
 *
 * An element is freed after a grace period. Until then a flush that has found
 * it before may still send invalidations on its behalf, so a driver has to wait
 * with synchronize_rcu() where these would reach something that is gone: after
 * the removal and before ATS is disabled on the device, before the device is
 * reset, before the unit is freed.
 */

/**
 * DOC: example
 *
 * A unit that tags its IOTLB with a 16 bit domain id::
 *
 *	struct foo_attachment {
 *		struct iommu_attach_elm elm;
 *		u16 domid;
 *		u16 rid;
 *	};
 *
 *	int foo_attach(struct foo_domain *fdom, struct foo_dev *fdev)
 *	{
 *		struct foo_attachment *att = kzalloc_obj(*att);
 *
 *		if (!att)
 *			return -ENOMEM;
 *		att->domid = fdom->domid;
 *		att->rid = fdev->rid;
 *		iommu_attach_elm_init(&att->elm, &fdev->unit->iommu, att->domid,
 *				      fdev->ats_enabled);
 *
 *		spin_lock(&fdom->attachments.lock);
 *		iommu_attach_list_add(&fdom->attachments, &att->elm);
 *		spin_unlock(&fdom->attachments.lock);
 *
 *		foo_set_entry_present(fdev, fdom);
 *		fdev->attachment = att;
 *		return 0;
 *	}
 *
 *	void foo_detach(struct foo_domain *fdom, struct foo_dev *fdev)
 *	{
 *		foo_clear_entry_and_flush(fdev);
 *
 *		spin_lock(&fdom->attachments.lock);
 *		iommu_attach_list_remove(&fdom->attachments,
 *					 &fdev->attachment->elm,
 *					 fdev->attachment);
 *		spin_unlock(&fdom->attachments.lock);
 *	}
 *
 *	void foo_flush(struct foo_domain *fdom, u64 iova, size_t size)
 *	{
 *		struct iommu_attach_list *list = &fdom->attachments;
 *		struct iommu_attach_elm *unit, *elm;
 *		unsigned int begin;
 *
 *		begin = iommu_attach_list_flush_begin(list);
 *		iommu_attach_list_for_each_unit(unit, list) {
 *			iommu_attach_unit_for_each_tag(elm, unit, list)
 *				foo_queue_iotlb(to_foo(elm), iova, size);
 *			iommu_attach_unit_for_each_atc(elm, unit, list)
 *				foo_queue_atc(to_foo(elm), iova, size);
 *			foo_sync(unit->unit);
 *		}
 *		if (iommu_attach_list_atc_added(list, begin)) {
 *			iommu_attach_list_for_each_unit(unit, list) {
 *				iommu_attach_unit_for_each_atc(elm, unit, list)
 *					foo_queue_atc(to_foo(elm), iova, size);
 *				foo_sync(unit->unit);
 *			}
 *		}
 *		iommu_attach_list_flush_end(list);
 *	}
 */

/**
 * struct iommu_attach_list - the attachments of one domain
 * @lock: Serialises writers. Nests inside whatever the driver holds at attach
 *	and detach; not taken in interrupt context.
 * @elms: Private. All elements, ordered by unit and tag; within a group the
 *	leader first, then the elements with an ATC, then the others.
 * @tags: Private. The leader of each group, in the same order.
 * @atcs_added: Private. How many elements with an ATC have ever been added.
 */
struct iommu_attach_list {
	spinlock_t lock; /* serialises writers */
	struct list_head elms;
	struct list_head tags;
	unsigned int atcs_added;
};

/**
 * struct iommu_attach_elm - one attachment, embedded in the driver's element
 * @unit: The IOMMU instance that translates for the device.
 * @tag: What an IOTLB invalidation of @unit names. Opaque to the list.
 * @has_atc: The device caches translations of the domain itself.
 * @rcu: For freeing the driver's element after a grace period. The driver may
 *	use it after iommu_attach_list_del().
 * @container: Private. The driver's element, when it is about to be freed.
 * @node: Private. Link in &iommu_attach_list.elms.
 * @tag_node: Private. Link in &iommu_attach_list.tags, for the leader of a
 *	group only.
 * @tag_users: Private. Members of the group, for its leader; 0 otherwise.
 * @list: Private. The list that the element is on.
 *
 * @unit, @tag and @has_atc do not change while the element is on a list. To
 * change one of them, add another element and remove this one.
 */
struct iommu_attach_elm {
	struct iommu_device *unit;
	u64 tag;
	struct rcu_head rcu;

	void *container;
	struct list_head node;
	struct list_head tag_node;
	struct iommu_attach_list *list;
	unsigned int tag_users;
	bool has_atc;
};

void iommu_attach_list_init(struct iommu_attach_list *list);
void iommu_attach_elm_init(struct iommu_attach_elm *elm,
			   struct iommu_device *unit, u64 tag, bool has_atc);
void iommu_attach_list_add(struct iommu_attach_list *list,
			   struct iommu_attach_elm *elm);
bool iommu_attach_list_del(struct iommu_attach_list *list,
			   struct iommu_attach_elm *elm);
void iommu_attach_list_remove(struct iommu_attach_list *list,
			      struct iommu_attach_elm *elm, void *container);

/**
 * iommu_attach_list_empty() - is a domain attached to nothing?
 * @list: The list of the domain.
 *
 * Context: Any. Without &iommu_attach_list.lock the answer may be outdated.
 * Return: True if there is no element on @list.
 */
static inline bool iommu_attach_list_empty(const struct iommu_attach_list *list)
{
	return list_empty(&list->elms);
}

/**
 * iommu_attach_elm_tag_users() - how many attachments does an IOTLB
 *	invalidation serve?
 * @elm: An element that a loop over tags or units visits.
 *
 * Context: RCU read-side critical section, or &iommu_attach_list.lock held.
 * Return: The number of elements with the unit and tag of @elm. Exact under the
 * lock; a snapshot, good for statistics only, without it.
 */
static inline unsigned int
iommu_attach_elm_tag_users(const struct iommu_attach_elm *elm)
{
	return READ_ONCE(elm->tag_users);
}

/**
 * iommu_attach_list_flush_begin() - start an invalidation
 * @list: The list of the domain whose page table has changed.
 *
 * Enters an RCU read-side critical section, ordered after the change of the
 * page table. See the section on ordering above.
 *
 * Context: Any but NMI.
 * Return: For iommu_attach_list_atc_added(), which is to be called when the
 * IOTLBs have been invalidated.
 */
static inline unsigned int
iommu_attach_list_flush_begin(struct iommu_attach_list *list)
	__acquires(RCU)
{
	rcu_read_lock();
	/*
	 * Pairs with the barrier in iommu_attach_list_add(): either the walk
	 * finds the new element, or the device, once its entry is present,
	 * finds the page table as it has been changed.
	 */
	smp_mb();
	/*
	 * Pairs with the release in iommu_attach_list_add(): the walk finds
	 * what is counted here.
	 */
	return smp_load_acquire(&list->atcs_added);
}

/**
 * iommu_attach_list_atc_added() - may an ATC have been missed?
 * @list: What was given to iommu_attach_list_flush_begin().
 * @begin: What that has returned.
 *
 * To be called when the IOTLB invalidations have completed on all units. An ATC
 * that was added before may have got a translation from an IOTLB in time. See
 * the section on ordering above. Once is enough.
 *
 * Context: As iommu_attach_list_flush_begin(), and not after
 * iommu_attach_list_flush_end().
 * Return: Whether the range has to be invalidated in all ATCs of @list again.
 */
static inline bool iommu_attach_list_atc_added(struct iommu_attach_list *list,
					       unsigned int begin)
{
	/*
	 * Pairs with the barrier in iommu_attach_list_add(): either the new
	 * element is counted, or the device, once its entry is present, finds
	 * the IOTLB as it has been invalidated.
	 */
	smp_mb();
	return READ_ONCE(list->atcs_added) != begin;
}

/**
 * iommu_attach_list_flush_end() - end an invalidation
 * @list: What was given to iommu_attach_list_flush_begin().
 *
 * Elements that were found since must not be used any more.
 */
static inline void iommu_attach_list_flush_end(struct iommu_attach_list *list)
	__releases(RCU)
{
	rcu_read_unlock();
}

/**
 * struct iommu_attach_walk - where a walk stands
 * @list: The list.
 * @first: Where the walk began, for a walk through one unit; otherwise NULL.
 * @elm: What was visited last, NULL to begin; for a writer's walk, what is to
 *	be visited next.
 * @leader: The leader of the group that @elm is in, for a walk over ATCs.
 *
 * Kept by the loops below.
 */
struct iommu_attach_walk {
	struct iommu_attach_list *list;
	struct iommu_attach_elm *first;
	struct iommu_attach_elm *elm;
	struct iommu_attach_elm *leader;
};

/**
 * iommu_attach_walk_list() - a walk through the whole list
 * @list: The list.
 *
 * Return: A walk that has visited nothing yet.
 */
static inline struct iommu_attach_walk
iommu_attach_walk_list(struct iommu_attach_list *list)
{
	return (struct iommu_attach_walk) { .list = list };
}

/**
 * iommu_attach_walk_unit() - a walk through the attachments of a unit
 * @list: The list.
 * @first: What iommu_attach_list_for_each_unit() has visited.
 *
 * Return: A walk that has visited nothing yet.
 */
static inline struct iommu_attach_walk
iommu_attach_walk_unit(struct iommu_attach_list *list,
		       struct iommu_attach_elm *first)
{
	return (struct iommu_attach_walk) { .list = list, .first = first };
}

/*
 * The steps of the loops below. From NULL to the first, from the last to NULL.
 * Inline, as a flush of a domain with one device takes a handful of them.
 */

static inline void iommu_attach_assert_readable(struct iommu_attach_list *list)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_any_held() &&
			 !lockdep_is_held(&list->lock),
			 "attachment list walked without protection");
}

static inline struct iommu_attach_elm *
iommu_attach_next(struct iommu_attach_list *list, struct iommu_attach_elm *elm)
{
	iommu_attach_assert_readable(list);
	return list_next_or_null_rcu(&list->elms, elm ? &elm->node : &list->elms,
				     struct iommu_attach_elm, node);
}

static inline struct iommu_attach_elm *
iommu_attach_next_leader(struct iommu_attach_list *list,
			 struct iommu_attach_elm *leader)
{
	iommu_attach_assert_readable(list);
	return list_next_or_null_rcu(&list->tags,
				     leader ? &leader->tag_node : &list->tags,
				     struct iommu_attach_elm, tag_node);
}

/* The next with an ATC in the group of @elm: they precede those without. */
static inline struct iommu_attach_elm *
iommu_attach_next_atc(struct iommu_attach_list *list,
		      struct iommu_attach_elm *elm)
{
	struct iommu_attach_elm *next = iommu_attach_next(list, elm);

	return next && next->has_atc && next->tag == elm->tag &&
	       next->unit == elm->unit ? next : NULL;
}

/* What @walk is to visit after @leader. In one unit, it ends with the unit. */
static inline struct iommu_attach_elm *
iommu_attach_walk_leader(struct iommu_attach_walk *walk,
			 struct iommu_attach_elm *leader)
{
	struct iommu_attach_elm *next;

	if (!walk->first)
		return iommu_attach_next_leader(walk->list, leader);
	if (!leader)
		return walk->first;
	next = iommu_attach_next_leader(walk->list, leader);
	return next && next->unit == walk->first->unit ? next : NULL;
}

static inline struct iommu_attach_elm *
iommu_attach_walk_next(struct iommu_attach_walk *walk)
{
	walk->elm = iommu_attach_next(walk->list, walk->elm);
	return walk->elm;
}

static inline struct iommu_attach_walk
iommu_attach_walk_locked(struct iommu_attach_list *list)
{
	lockdep_assert_held(&list->lock);
	return (struct iommu_attach_walk) {
		.list = list,
		.elm = iommu_attach_next(list, NULL),
	};
}

static inline struct iommu_attach_elm *
iommu_attach_walk_next_locked(struct iommu_attach_walk *walk)
{
	struct iommu_attach_elm *elm = walk->elm;

	lockdep_assert_held(&walk->list->lock);

	/* Step on first: the caller may remove what it visits. */
	if (elm)
		walk->elm = iommu_attach_next(walk->list, elm);
	return elm;
}

static inline struct iommu_attach_elm *
iommu_attach_walk_next_tag(struct iommu_attach_walk *walk)
{
	walk->elm = iommu_attach_walk_leader(walk, walk->elm);
	return walk->elm;
}

static inline struct iommu_attach_elm *
iommu_attach_walk_next_unit(struct iommu_attach_walk *walk)
{
	struct iommu_attach_elm *prev = walk->elm;

	do {
		walk->elm = iommu_attach_walk_leader(walk, walk->elm);
	} while (prev && walk->elm && walk->elm->unit == prev->unit);
	return walk->elm;
}

static inline struct iommu_attach_elm *
iommu_attach_walk_next_atc(struct iommu_attach_walk *walk)
{
	struct iommu_attach_elm *elm = NULL;

	if (walk->elm)
		elm = iommu_attach_next_atc(walk->list, walk->elm);
	while (!elm) {
		walk->leader = iommu_attach_walk_leader(walk, walk->leader);
		if (!walk->leader)
			break;
		elm = walk->leader->has_atc ?
		      walk->leader :
		      iommu_attach_next_atc(walk->list, walk->leader);
	}
	walk->elm = elm;
	return elm;
}

/**
 * iommu_attach_list_for_each() - visit every attachment
 * @elm: Loop cursor, &struct iommu_attach_elm pointer.
 * @list: The list.
 *
 * For what has to look at each (device, PASID). Its cost is the number of
 * attachments: not for invalidations.
 *
 * Context: RCU read-side critical section, or &iommu_attach_list.lock held.
 */
#define iommu_attach_list_for_each(elm, list)				\
	for (struct iommu_attach_walk __walk = iommu_attach_walk_list(list); \
	     (elm = iommu_attach_walk_next(&__walk));)

/**
 * iommu_attach_list_for_each_locked() - visit every attachment, as a writer
 * @elm: Loop cursor, &struct iommu_attach_elm pointer. May be removed within
 *	the loop.
 * @list: The list.
 *
 * Visits live elements only, each once. For what edits the tables that the
 * hardware reads.
 *
 * Context: The caller holds &iommu_attach_list.lock.
 */
#define iommu_attach_list_for_each_locked(elm, list)			\
	for (struct iommu_attach_walk __walk = iommu_attach_walk_locked(list); \
	     (elm = iommu_attach_walk_next_locked(&__walk));)

/**
 * iommu_attach_list_for_each_tag() - visit one attachment of each group
 * @elm: Loop cursor, &struct iommu_attach_elm pointer.
 * @list: The list.
 *
 * A group is all that have the same unit and tag. In the order of units, so
 * that commands for one unit can be collected.
 *
 * A group that is there from the beginning to the end of the walk is visited
 * exactly once, whatever members of it come and go.
 *
 * Context: RCU read-side critical section, or &iommu_attach_list.lock held.
 */
#define iommu_attach_list_for_each_tag(elm, list)			\
	for (struct iommu_attach_walk __walk = iommu_attach_walk_list(list); \
	     (elm = iommu_attach_walk_next_tag(&__walk));)

/**
 * iommu_attach_list_for_each_unit() - visit one attachment of each unit
 * @elm: Loop cursor, &struct iommu_attach_elm pointer.
 * @list: The list.
 *
 * The element visited is where loops over the groups and the ATCs of the unit
 * start from. Every unit is visited at most once; one that is there from the
 * beginning to the end of the walk, exactly once.
 *
 * Context: RCU read-side critical section, or &iommu_attach_list.lock held.
 */
#define iommu_attach_list_for_each_unit(elm, list)			\
	for (struct iommu_attach_walk __walk = iommu_attach_walk_list(list); \
	     (elm = iommu_attach_walk_next_unit(&__walk));)

/**
 * iommu_attach_list_for_each_atc() - visit each attachment that has an ATC
 * @elm: Loop cursor, &struct iommu_attach_elm pointer.
 * @list: The list.
 *
 * Jumps over the attachments without an ATC, but for the leader of each group.
 *
 * Context: RCU read-side critical section, or &iommu_attach_list.lock held.
 */
#define iommu_attach_list_for_each_atc(elm, list)			\
	for (struct iommu_attach_walk __walk = iommu_attach_walk_list(list); \
	     (elm = iommu_attach_walk_next_atc(&__walk));)

/**
 * iommu_attach_unit_for_each_tag() - visit one attachment of each group of a
 *	unit
 * @elm: Loop cursor, &struct iommu_attach_elm pointer.
 * @first: What iommu_attach_list_for_each_unit() has visited.
 * @list: The list.
 *
 * As iommu_attach_list_for_each_tag().
 */
#define iommu_attach_unit_for_each_tag(elm, first, list)		\
	for (struct iommu_attach_walk __walk =				\
		iommu_attach_walk_unit(list, first);			\
	     (elm = iommu_attach_walk_next_tag(&__walk));)

/**
 * iommu_attach_unit_for_each_atc() - visit each attachment of a unit that has
 *	an ATC
 * @elm: Loop cursor, &struct iommu_attach_elm pointer.
 * @first: What iommu_attach_list_for_each_unit() has visited.
 * @list: The list.
 *
 * As iommu_attach_list_for_each_atc().
 */
#define iommu_attach_unit_for_each_atc(elm, first, list)		\
	for (struct iommu_attach_walk __walk =				\
		iommu_attach_walk_unit(list, first);			\
	     (elm = iommu_attach_walk_next_atc(&__walk));)

#endif /* __LINUX_IOMMU_ALIST_H */
