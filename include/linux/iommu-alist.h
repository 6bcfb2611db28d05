/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Per-domain list of the IOMMUs and devices that may cache its translations.
 *
 * IOMMU drivers add to the list at attach and remove from it at detach, under
 * its lock. Their invalidations walk it under RCU.
 */
#ifndef __LINUX_IOMMU_ALIST_H
#define __LINUX_IOMMU_ALIST_H

#include <linux/compiler.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/rbtree_types.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct device;
struct iommu_device;

/**
 * DOC: overview
 *
 * When a mapping of an IOMMU domain changes, the old translation has to be
 * invalidated wherever it may be cached: in the IOTLB of each IOMMU that the
 * domain is attached through, and in the address translation cache (ATC, also
 * called device TLB) of each device with ATS enabled. An attachment list
 * records these for one domain. The driver embeds a &struct iommu_attach_list
 * in its domain, and a &struct iommu_attach_elm in a structure of its own that
 * holds what the driver needs to compose invalidation commands. There is one
 * element for each combination of domain, device and PASID.
 *
 * Two properties of an element determine how a flush treats it. The first is
 * the pair of *IOMMU* and *IOTLB tag*. The tag is a number that the list does
 * not interpret. It identifies what an IOTLB invalidation of the IOMMU selects:
 * a domain id, a domain id with a PASID, an ASID or a VMID.
 * Elements with the same IOMMU and the same tag form a group, and one IOTLB
 * invalidation serves the whole group. The second property is whether the
 * device *has an ATC*. Each ATC has to be invalidated separately.
 *
 * The cost of a flush is therefore the number of groups plus the number of
 * elements with an ATC. A flush does not visit the other members of a group::
 *
 *	list --> group (IOMMU A, tag 5)  --> group (IOMMU A, tag 6) --> ...
 *	           |                           |
 *	         leader                      leader
 *	           |                           |
 *	         members with an ATC         members with an ATC
 *	           |
 *	         other members (not visited by a flush)
 *
 * A device that issues requests with several requester ids (aliases, or the
 * stream ids of an SMMU) still has one element per domain and PASID. The driver
 * keeps the ids in an array in its structure and sends one ATC invalidation for
 * each of them.
 *
 * Identity and blocking domains do not need a list, because they have no page
 * table that could change.
 */

/**
 * DOC: locking and ordering
 *
 * Writers hold &iommu_attach_list.lock. A flush never takes it. A driver that
 * takes the lock in interrupt context, or inside a lock that is taken in
 * interrupt context, has to disable interrupts wherever it takes the lock.
 * Elements are initialised before the lock is taken, because
 * iommu_attach_elm_init() may sleep.
 *
 * Readers are in an RCU read-side critical section, or hold the lock. Under RCU
 * a walk may visit an element that has just been removed. A flush then
 * invalidates more than necessary, which is harmless. Code that modifies
 * hardware tables, in contrast, has to walk under the lock, so that it visits
 * only elements that are still on the list.
 *
 * A flush must not miss an element whose device already translates through the
 * domain. Two full barriers ensure this, one on the attach side and one on the
 * flush side::
 *
 *	attach                         flush                    device
 *	------                         -----                    ------
 *	iommu_attach_list_add()        change the page table    read its entry
 *	  smp_mb()                     iommu_attach_list_       read the page
 *	make the device's entry          flush_begin()          table
 *	  present                        smp_mb()
 *	                               walk the list
 *
 * If the walk does not find the new element, the element was published after
 * the walk began. The device's entry was made present even later, so a device
 * that reads the present entry also reads the changed page table. The present
 * bit must not be written before iommu_attach_list_add() has returned. If the
 * IOMMU does not snoop CPU caches, writing the bit earlier and delaying the
 * write-back of its cache line is not sufficient, because the cache line may be
 * evicted at any time.
 *
 * **Flushing several IOMMUs.** A flush should queue its commands to every IOMMU
 * first and wait for completion afterwards, so that its duration is that of the
 * slowest IOMMU rather than the sum over all of them. The walk that queues and
 * the walk that waits may find different IOMMUs. An IOMMU that is no longer on
 * the list needs no wait, because detach has invalidated everything before the
 * removal. An IOMMU that was added between the walks needs no invalidation,
 * because its devices read the changed page table.
 *
 * **ATCs.** A device that is attached while a flush is in progress reads the
 * changed page table, but may still be served from an IOTLB entry of its group
 * that the flush has not invalidated yet, and keep the result in its ATC. A
 * flush therefore has to look for such ATCs after its IOTLB invalidations have
 * completed. There are two ways to do that.
 *
 * A driver that waits between IOTLB and ATC invalidations calls
 * iommu_attach_list_iotlb_done() after the wait, and only then walks the ATCs.
 * A driver that queues both together calls iommu_attach_list_atc_added() after
 * the wait. If an element with an ATC has been added since the flush began, the
 * driver invalidates the range in all ATCs again::
 *
 *	attach                         flush                    device
 *	------                         -----                    ------
 *	iommu_attach_list_add()        ...                      read its entry
 *	  smp_mb()                     wait for the IOTLB       read the IOTLB
 *	make the device's entry        iommu_attach_list_
 *	  present                        iotlb_done() or
 *	                                 atc_added()
 *	                                 smp_mb()
 *
 * One repetition is sufficient. An element that the later walk does not find
 * was published after the IOTLB invalidation had completed, and its device
 * finds the old translation neither in memory nor in the IOTLB.
 *
 * **Detach.** The order is reversed: make the entry non-present, invalidate
 * everything that may have been cached through it, and remove the element last.
 * If no other element uses the domain id in the tag, the id can then be reused
 * (see &enum iommu_attach_left).
 *
 * **Replacing an element** requires the new element to be added before the old
 * one is removed. If the device's entry is changed to refer to another domain
 * or tag without becoming non-present, everything cached through its old
 * contents is invalidated before the removal, as for a detach. If the entry is
 * not changed, because only the ATC is new, both elements are in the same
 * group. A concurrent walk may pass the position of the new element before it
 * is added and reach that of the old one after it is removed. It still visits
 * the group, but may miss the ATC, so the driver invalidates the ATC completely
 * after adding the element. Flushes in progress detect the new element as
 * described above.
 *
 * **Lifetime.** A flush may use an element, and send ATC invalidations for it,
 * until a grace period after its removal has passed. The driver therefore calls
 * iommu_attach_list_quiesce() before ATS is disabled and before an IOMMU is
 * freed. Before a device is reset, the IOMMU core calls it if
 * &iommu_ops.rcu_flush is set.
 */

/**
 * DOC: example
 *
 * A driver for an IOMMU whose IOTLB is tagged with a 16-bit domain id::
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
 *		int ret;
 *
 *		if (!att)
 *			return -ENOMEM;
 *		att->domid = fdom->domid;
 *		att->rid = fdev->rid;
 *		iommu_attach_elm_init(&att->elm, &fdev->foo->iommu, fdev->dev,
 *				      IOMMU_NO_PASID, fdev->ats_enabled);
 *
 *		spin_lock(&fdom->attachments.lock);
 *		ret = iommu_attach_list_add(&fdom->attachments, &att->elm,
 *					    att->domid);
 *		spin_unlock(&fdom->attachments.lock);
 *		if (ret)
 *			return ret;
 *
 *		foo_set_entry_present(fdev, fdom);
 *		fdev->attachment = att;
 *		return 0;
 *	}
 *
 *	void foo_detach(struct foo_domain *fdom, struct foo_dev *fdev)
 *	{
 *		struct foo_attachment *att = fdev->attachment;
 *		int left;
 *
 *		foo_clear_entry_and_flush(fdev);
 *
 *		spin_lock(&fdom->attachments.lock);
 *		left = iommu_attach_list_remove(&fdom->attachments, &att->elm);
 *		spin_unlock(&fdom->attachments.lock);
 *		if (left >= 0)
 *			call_rcu(&att->elm.rcu, foo_attachment_free);
 *	}
 *
 *	void foo_flush(struct foo_domain *fdom, u64 iova, size_t size)
 *	{
 *		struct iommu_attach_list *list = &fdom->attachments;
 *		struct iommu_attach_elm *first, *elm;
 *
 *		iommu_attach_list_flush_begin(list);
 *		iommu_attach_list_for_each_iommu(first, list) {
 *			iommu_attach_for_each_tag(elm, first, list)
 *				foo_queue_iotlb(to_foo(elm), iova, size);
 *			foo_ring_doorbell(first->iommu);
 *		}
 *		iommu_attach_list_for_each_iommu(first, list)
 *			foo_wait(first->iommu);
 *
 *		iommu_attach_list_iotlb_done(list);
 *		iommu_attach_list_for_each_iommu(first, list) {
 *			iommu_attach_for_each_atc(elm, first, list)
 *				foo_queue_atc(to_foo(elm), iova, size);
 *			foo_ring_doorbell(first->iommu);
 *		}
 *		iommu_attach_list_for_each_iommu(first, list)
 *			foo_wait(first->iommu);
 *		iommu_attach_list_flush_end(list);
 *	}
 *
 * foo_wait() returns when all commands that were queued before the call have
 * completed. If iommu_attach_list_add() fails, foo_attach() does not free the
 * attachment, because the element is, or was, on a list.
 */

/**
 * struct iommu_attach_list - attachments of one domain
 * @lock: Serialises writers. Nests inside the locks that the driver holds at
 *	attach and detach. The driver decides whether it is taken with
 *	interrupts disabled.
 * @elms: Private. All elements, ordered by IOMMU and tag. Within a group the
 *	leader comes first, then the elements with an ATC, then the others.
 * @tags: Private. The leaders, in the same order.
 * @groups: Private. The leaders, searchable by IOMMU and tag. Accessed under
 *	@lock only.
 * @devices: Private. All elements, searchable by device and PASID. Accessed
 *	under @lock only.
 * @nr_atcs: Private. Number of elements with an ATC.
 * @atcs_added: Private. Number of elements with an ATC that have ever been
 *	added; wraps around.
 */
struct iommu_attach_list {
	spinlock_t lock; /* serialises writers */
	unsigned int nr_atcs;
	unsigned int atcs_added;
	struct list_head elms;
	struct list_head tags;
	struct rb_root groups;
	struct rb_root devices;
};

/**
 * struct iommu_attach_elm - one attachment, embedded in a driver's structure
 * @iommu: IOMMU that translates for the device.
 * @iotlb_tag: Identifies what an IOTLB invalidation of @iommu selects. Not
 *	interpreted by the list.
 * @dev: The device. It may be released before the element is freed, so it must
 *	not be dereferenced without &iommu_attach_list.lock.
 * @pasid: PASID of the attachment, %IOMMU_NO_PASID for requests without one.
 * @has_atc: True if ATS is enabled on the device.
 * @rcu: Used by the driver to free the embedding structure with call_rcu(),
 *	after iommu_attach_list_remove().
 * @node: Private. Link in &iommu_attach_list.elms.
 * @tag_node: Private. Link of a leader in &iommu_attach_list.tags.
 * @group_node: Private. Link of a leader in &iommu_attach_list.groups.
 * @device_node: Private. Link in &iommu_attach_list.devices.
 * @list: Private. List that the element is on.
 * @tag_users: Private. For the leader of a group, the number of its elements;
 *	0 for other elements.
 *
 * @iommu, @iotlb_tag, @dev, @pasid and @has_atc do not change while the element
 * is on a list. To change one of them, add another element and remove this one.
 */
struct iommu_attach_elm {
	struct iommu_device *iommu;
	u64 iotlb_tag;
	struct list_head node;
	struct list_head tag_node;
	unsigned int tag_users;
	bool has_atc;
	ioasid_t pasid;
	struct device *dev;
	struct iommu_attach_list *list;
	struct rb_node group_node;
	struct rb_node device_node;
	struct rcu_head rcu;
};

/**
 * enum iommu_attach_left - what remains on a list after a removal
 * @IOMMU_ATTACH_LEFT_NONE: No element with the same IOMMU.
 * @IOMMU_ATTACH_LEFT_IOMMU: Elements with the same IOMMU, none of them with the
 *	same tag.
 * @IOMMU_ATTACH_LEFT_TAG: Elements with the same IOMMU and tag.
 */
enum iommu_attach_left {
	IOMMU_ATTACH_LEFT_NONE,
	IOMMU_ATTACH_LEFT_IOMMU,
	IOMMU_ATTACH_LEFT_TAG,
};

void __iommu_attach_list_init(struct iommu_attach_list *list);
void iommu_attach_elm_init(struct iommu_attach_elm *elm,
			   struct iommu_device *iommu, struct device *dev,
			   ioasid_t pasid, bool has_atc);
int __must_check iommu_attach_list_add(struct iommu_attach_list *list,
				       struct iommu_attach_elm *elm,
				       u64 iotlb_tag);
int iommu_attach_list_remove(struct iommu_attach_list *list,
			     struct iommu_attach_elm *elm);
struct iommu_attach_elm *
iommu_attach_list_find(struct iommu_attach_list *list, struct device *dev,
		       ioasid_t pasid);
struct iommu_attach_elm *
iommu_attach_list_find_iommu(struct iommu_attach_list *list,
			     struct iommu_device *iommu);
void iommu_attach_list_quiesce(void);

/**
 * var iommu_attach_atcs_exist - whether elements with an ATC may exist
 *
 * Set before the first element with an ATC is added to any list, and never
 * cleared. By the time that element is added, all flushes that have read the
 * variable as false have ended. For use by the functions below only.
 */
extern bool iommu_attach_atcs_exist;

/**
 * iommu_attach_list_init() - initialise an empty list
 * @list: List of a new domain.
 *
 * No cleanup is needed when the domain is freed, but the list should be empty
 * by then, see iommu_attach_list_empty().
 *
 * This is a macro so that the lock gets a separate lockdep class in each
 * caller.
 *
 * Context: Any.
 */
#define iommu_attach_list_init(list)					\
do {									\
	struct iommu_attach_list *__list = (list);			\
									\
	__iommu_attach_list_init(__list);				\
	spin_lock_init(&__list->lock);					\
} while (0)

/**
 * iommu_attach_list_empty() - test whether a domain has no attachments
 * @list: List of the domain.
 *
 * Context: Any. The result is stable only under &iommu_attach_list.lock.
 * Return: True if @list has no elements.
 */
static inline bool iommu_attach_list_empty(const struct iommu_attach_list *list)
{
	return list_empty(&list->elms);
}

/**
 * iommu_attach_elm_tag_users() - number of attachments that one IOTLB
 *	invalidation serves
 * @elm: Element visited by iommu_attach_for_each_tag().
 *
 * Context: RCU read-side critical section, or &iommu_attach_list.lock held.
 * Return: Number of elements with the IOMMU and tag of @elm. Without the lock,
 * the number may be out of date and is suitable for statistics only.
 */
static inline unsigned int
iommu_attach_elm_tag_users(const struct iommu_attach_elm *elm)
{
	return READ_ONCE(elm->tag_users);
}

/**
 * iommu_attach_list_flush_begin() - begin an invalidation
 * @list: List of the domain whose page table has changed.
 *
 * Enters an RCU read-side critical section, and orders the change of the page
 * table before the walks that follow.
 *
 * Context: Any except NMI. Acquires the RCU read lock.
 * Return: Value to pass to iommu_attach_list_atc_added().
 */
static inline unsigned int
iommu_attach_list_flush_begin(struct iommu_attach_list *list)
	__acquires(RCU)
{
	rcu_read_lock();
	/*
	 * Pairs with the barrier in iommu_attach_list_add(): either the walk
	 * finds the new element, or the device reads the changed page table
	 * after its entry has been made present.
	 */
	smp_mb();
	/*
	 * Pairs with the release in iommu_attach_list_add(): the walk finds
	 * every element that this count includes.
	 */
	return smp_load_acquire(&list->atcs_added);
}

/**
 * iommu_attach_list_iotlb_done() - order completed IOTLB invalidations before
 *	the walk over ATCs
 * @list: List passed to iommu_attach_list_flush_begin().
 *
 * For drivers that wait for their IOTLB invalidations before they queue those
 * of the ATCs. Called once, after the wait for the last IOMMU.
 *
 * Context: Between iommu_attach_list_flush_begin() and
 * iommu_attach_list_flush_end().
 */
static inline void iommu_attach_list_iotlb_done(struct iommu_attach_list *list)
{
	/* No barrier is needed until the first ATC in the system is added. */
	if (!READ_ONCE(iommu_attach_atcs_exist))
		return;
	/*
	 * Pairs with the barrier in iommu_attach_list_add(): either the walk
	 * finds the new element, or the IOTLB invalidation has completed before
	 * the device's entry is made present.
	 */
	smp_mb();
}

/**
 * iommu_attach_list_atc_added() - test whether a flush may have missed an ATC
 * @list: List passed to iommu_attach_list_flush_begin().
 * @begin: Value returned by iommu_attach_list_flush_begin().
 *
 * For drivers that queue IOTLB and ATC invalidations together. Called once,
 * after the wait for the last IOMMU.
 *
 * Context: Between iommu_attach_list_flush_begin() and
 * iommu_attach_list_flush_end().
 * Return: True if an element with an ATC has been added since @begin was taken.
 * The caller then invalidates the range in all ATCs of @list again.
 */
static inline bool iommu_attach_list_atc_added(struct iommu_attach_list *list,
					       unsigned int begin)
{
	iommu_attach_list_iotlb_done(list);
	/*
	 * Pairs with the release in iommu_attach_list_add(): the repeated walk
	 * finds every element that this count includes.
	 */
	return smp_load_acquire(&list->atcs_added) != begin;
}

/**
 * iommu_attach_list_flush_end() - end an invalidation
 * @list: List passed to iommu_attach_list_flush_begin().
 *
 * Elements found by the walks must not be used afterwards.
 *
 * Context: Releases the RCU read lock.
 */
static inline void iommu_attach_list_flush_end(struct iommu_attach_list *list)
	__releases(RCU)
{
	rcu_read_unlock();
}

/*
 * State of a walk, kept by the loops below. @first is the element that a walk
 * over one IOMMU starts from, NULL for a walk over the list. @elm is the
 * element visited last or, for iommu_attach_list_for_each_locked(), the one to
 * visit next. @leader is the leader of the group of @elm, for a walk over ATCs.
 */
struct iommu_attach_walk {
	struct iommu_attach_list *list;
	struct iommu_attach_elm *first;
	struct iommu_attach_elm *elm;
	struct iommu_attach_elm *leader;
};

/*
 * Steps of the loops below. They are inline to save function calls in the flush
 * of a domain with one device, which takes only a few steps. Each returns the
 * next element, or NULL at the end. iommu_attach_next(),
 * iommu_attach_next_leader() and iommu_attach_walk_next_leader() return the
 * first element if NULL is passed.
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

/*
 * Return the next element with an ATC in the group of @elm, or NULL. Such
 * elements directly follow the leader, so the first element without an ATC ends
 * the walk.
 */
static inline struct iommu_attach_elm *
iommu_attach_next_atc(struct iommu_attach_list *list,
		      struct iommu_attach_elm *elm)
{
	struct iommu_attach_elm *next = iommu_attach_next(list, elm);

	return next && next->has_atc && next->iotlb_tag == elm->iotlb_tag &&
	       next->iommu == elm->iommu ? next : NULL;
}

/* Return the next leader with the IOMMU of @walk->first, or NULL. */
static inline struct iommu_attach_elm *
iommu_attach_walk_next_leader(struct iommu_attach_walk *walk,
			      struct iommu_attach_elm *leader)
{
	struct iommu_attach_elm *next;

	if (!leader)
		return walk->first;
	next = iommu_attach_next_leader(walk->list, leader);
	return next && next->iommu == walk->first->iommu ? next : NULL;
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

/* Advance before the visit, because the loop body may remove the element. */
static inline struct iommu_attach_elm *
iommu_attach_walk_next_locked(struct iommu_attach_walk *walk)
{
	struct iommu_attach_elm *elm = walk->elm;

	lockdep_assert_held(&walk->list->lock);
	if (elm)
		walk->elm = iommu_attach_next(walk->list, elm);
	return elm;
}

static inline struct iommu_attach_elm *
iommu_attach_walk_next_iommu(struct iommu_attach_walk *walk)
{
	struct iommu_attach_elm *prev = walk->elm;

	do {
		walk->elm = iommu_attach_next_leader(walk->list, walk->elm);
	} while (prev && walk->elm && walk->elm->iommu == prev->iommu);
	return walk->elm;
}

static inline struct iommu_attach_elm *
iommu_attach_walk_next_tag(struct iommu_attach_walk *walk)
{
	walk->elm = iommu_attach_walk_next_leader(walk, walk->elm);
	return walk->elm;
}

/*
 * If &iommu_attach_list.nr_atcs is 0, the walk ends at once. An ATC that is
 * being added and not counted yet is detected after the IOTLB invalidations
 * have completed.
 */
static inline struct iommu_attach_elm *
iommu_attach_walk_next_atc(struct iommu_attach_walk *walk)
{
	struct iommu_attach_elm *elm = NULL;

	if (walk->elm)
		elm = iommu_attach_next_atc(walk->list, walk->elm);
	else if (!READ_ONCE(walk->list->nr_atcs))
		return NULL;
	while (!elm) {
		walk->leader = iommu_attach_walk_next_leader(walk, walk->leader);
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
 * iommu_attach_list_for_each_locked() - visit every attachment under the lock
 * @elm: Loop cursor, &struct iommu_attach_elm pointer. The loop body may remove
 *	this element from the list, but no other.
 * @list: The list.
 *
 * Visits each attachment once. For code that modifies the tables that the
 * hardware reads.
 *
 * Context: The caller holds &iommu_attach_list.lock, and does not drop it in
 * the loop.
 */
#define iommu_attach_list_for_each_locked(elm, list)			\
	for (struct iommu_attach_walk __walk = iommu_attach_walk_locked(list); \
	     (elm = iommu_attach_walk_next_locked(&__walk));)

/**
 * iommu_attach_list_for_each_iommu() - visit one attachment of each IOMMU
 * @elm: Loop cursor, &struct iommu_attach_elm pointer.
 * @list: The list.
 *
 * iommu_attach_for_each_tag() and iommu_attach_for_each_atc() start from the
 * element visited. Visits every IOMMU at most once, and exactly once if it is
 * on the list from the beginning to the end of the walk.
 *
 * Context: RCU read-side critical section, or &iommu_attach_list.lock held.
 */
#define iommu_attach_list_for_each_iommu(elm, list)			\
	for (struct iommu_attach_walk __walk = { (list) };		\
	     (elm = iommu_attach_walk_next_iommu(&__walk));)

/**
 * iommu_attach_for_each_tag() - visit one attachment of each group of an IOMMU
 * @elm: Loop cursor, &struct iommu_attach_elm pointer.
 * @first: Element visited by iommu_attach_list_for_each_iommu().
 * @list: The list.
 *
 * Visits a group exactly once if it exists from the visit of @first to the end
 * of the walk, even if its members change.
 *
 * Context: RCU read-side critical section, or &iommu_attach_list.lock held.
 */
#define iommu_attach_for_each_tag(elm, first, list)			\
	for (struct iommu_attach_walk __walk = { (list), (first) };	\
	     (elm = iommu_attach_walk_next_tag(&__walk));)

/**
 * iommu_attach_for_each_atc() - visit each attachment of an IOMMU that has an
 *	ATC
 * @elm: Loop cursor, &struct iommu_attach_elm pointer.
 * @first: Element visited by iommu_attach_list_for_each_iommu().
 * @list: The list.
 *
 * Visits each of them at most once, and exactly once if it was added before the
 * flush began and is on the list until the walk ends.
 *
 * Context: RCU read-side critical section, or &iommu_attach_list.lock held.
 */
#define iommu_attach_for_each_atc(elm, first, list)			\
	for (struct iommu_attach_walk __walk = { (list), (first) };	\
	     (elm = iommu_attach_walk_next_atc(&__walk));)

#endif /* __LINUX_IOMMU_ALIST_H */
