// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writer side of the IOMMU attachment lists, see include/linux/iommu-alist.h.
 *
 * Two properties of the linked lists keep the lockless walks correct:
 *
 * - A group has a leader on the list of leaders at every moment: a new leader
 *   replaces the old one with a single store. A walk that has reached the old
 *   leader finds the other members from there.
 * - An element is linked into each list at most once in its lifetime. An
 *   element that a walk has reached may be unlinked but never moved, so the
 *   walk continues with the elements that followed it.
 *
 * The trees are accessed by writers only and need no such precautions.
 */

#include <linux/bug.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/iommu-alist.h>
#include <linux/mutex.h>
#include <linux/poison.h>
#include <linux/rbtree.h>
#include <linux/rculist.h>

/* Value of &iommu_attach_elm.list after the element has been removed */
#define ALIST_REMOVED ((struct iommu_attach_list *)LIST_POISON1)

bool iommu_attach_atcs_exist __read_mostly;
EXPORT_SYMBOL_GPL(iommu_attach_atcs_exist);

/* Serialises alist_set_atcs_exist() */
static DEFINE_MUTEX(alist_atcs_lock);
/* All flushes that have read iommu_attach_atcs_exist as false have ended. */
static bool alist_atcs_settled;

static int alist_cmp_ptr(const void *a, const void *b)
{
	return a == b ? 0 : (uintptr_t)a < (uintptr_t)b ? -1 : 1;
}

static int alist_cmp_group(const struct iommu_device *iommu, u64 iotlb_tag,
			   const struct iommu_attach_elm *elm)
{
	if (iommu != elm->iommu)
		return alist_cmp_ptr(iommu, elm->iommu);
	if (iotlb_tag != elm->iotlb_tag)
		return iotlb_tag < elm->iotlb_tag ? -1 : 1;
	return 0;
}

static int alist_cmp_device(const struct device *dev, ioasid_t pasid,
			    const struct iommu_attach_elm *elm)
{
	if (dev != elm->dev)
		return alist_cmp_ptr(dev, elm->dev);
	if (pasid != elm->pasid)
		return pasid < elm->pasid ? -1 : 1;
	return 0;
}

static struct iommu_attach_elm *alist_group_entry(struct rb_node *node)
{
	return rb_entry(node, struct iommu_attach_elm, group_node);
}

static struct iommu_attach_elm *alist_device_entry(struct rb_node *node)
{
	return rb_entry(node, struct iommu_attach_elm, device_node);
}

static bool alist_group_less(struct rb_node *node, const struct rb_node *other)
{
	const struct iommu_attach_elm *elm = alist_group_entry(node);

	return alist_cmp_group(elm->iommu, elm->iotlb_tag,
			       rb_entry(other, struct iommu_attach_elm,
					group_node)) < 0;
}

static bool alist_device_less(struct rb_node *node, const struct rb_node *other)
{
	const struct iommu_attach_elm *elm = alist_device_entry(node);

	return alist_cmp_device(elm->dev, elm->pasid,
				rb_entry(other, struct iommu_attach_elm,
					 device_node)) < 0;
}

static void alist_set_users(struct iommu_attach_elm *leader, unsigned int users)
{
	/* Read without the lock by iommu_attach_elm_tag_users() */
	WRITE_ONCE(leader->tag_users, users);
}

/*
 * Return the leader of the group with @iommu and @iotlb_tag or, if there is no
 * such group, of the next one in the order of the list. NULL if there is none.
 */
static struct iommu_attach_elm *
alist_lower_bound(struct iommu_attach_list *list, struct iommu_device *iommu,
		  u64 iotlb_tag)
{
	struct iommu_attach_elm *leader, *found = NULL;
	struct rb_node *node = list->groups.rb_node;

	while (node) {
		leader = alist_group_entry(node);
		if (alist_cmp_group(iommu, iotlb_tag, leader) > 0) {
			node = node->rb_right;
		} else {
			found = leader;
			node = node->rb_left;
		}
	}
	return found;
}

/*
 * Link @elm as a group of its own, before the group led by @next or, if @next
 * is NULL, at the end.
 */
static void alist_add_group(struct iommu_attach_list *list,
			    struct iommu_attach_elm *elm,
			    struct iommu_attach_elm *next)
{
	alist_set_users(elm, 1);
	rb_add(&elm->group_node, &list->groups, alist_group_less);
	list_add_tail_rcu(&elm->node, next ? &next->node : &list->elms);
	list_add_tail_rcu(&elm->tag_node, next ? &next->tag_node : &list->tags);
}

/* Link @elm into the group led by @leader. */
static void alist_add_member(struct iommu_attach_list *list,
			     struct iommu_attach_elm *elm,
			     struct iommu_attach_elm *leader)
{
	struct iommu_attach_elm *next;

	alist_set_users(leader, leader->tag_users + 1);
	if (elm->has_atc) {
		list_add_rcu(&elm->node, &leader->node);
		return;
	}

	/* Elements without an ATC go to the end of the group. */
	if (list_is_last(&leader->tag_node, &list->tags)) {
		list_add_tail_rcu(&elm->node, &list->elms);
		return;
	}
	next = list_next_entry(leader, tag_node);
	list_add_tail_rcu(&elm->node, &next->node);
}

/* Make the next member the leader; if there is none, remove the group. */
static void alist_del_leader(struct iommu_attach_list *list,
			     struct iommu_attach_elm *leader)
{
	struct iommu_attach_elm *next;

	if (leader->tag_users == 1) {
		rb_erase(&leader->group_node, &list->groups);
		list_del_rcu(&leader->tag_node);
		return;
	}

	/* Take the next element, so that those with an ATC still come first. */
	next = list_next_entry(leader, node);
	alist_set_users(next, leader->tag_users - 1);
	rb_replace_node(&leader->group_node, &next->group_node, &list->groups);
	list_replace_rcu(&leader->tag_node, &next->tag_node);
}

/* Remove @elm, which is not the leader, from the count of its group. */
static void alist_del_member(struct iommu_attach_list *list,
			     struct iommu_attach_elm *elm)
{
	struct iommu_attach_elm *leader;

	leader = alist_lower_bound(list, elm->iommu, elm->iotlb_tag);
	alist_set_users(leader, leader->tag_users - 1);
}

static enum iommu_attach_left alist_left(struct iommu_attach_list *list,
					 const struct iommu_attach_elm *elm)
{
	struct iommu_attach_elm *leader;

	leader = alist_lower_bound(list, elm->iommu, elm->iotlb_tag);
	if (leader && !alist_cmp_group(elm->iommu, elm->iotlb_tag, leader))
		return IOMMU_ATTACH_LEFT_TAG;
	return iommu_attach_list_find_iommu(list, elm->iommu) ?
	       IOMMU_ATTACH_LEFT_IOMMU : IOMMU_ATTACH_LEFT_NONE;
}

/*
 * Count an ATC after its element has been linked, so that a flush that reads
 * the count also finds the element.
 */
static void alist_count_atc(struct iommu_attach_list *list)
{
	WRITE_ONCE(list->nr_atcs, list->nr_atcs + 1);
	/*
	 * Pairs with the acquires in iommu_attach_list_flush_begin() and
	 * iommu_attach_list_atc_added().
	 */
	smp_store_release(&list->atcs_added, list->atcs_added + 1);
}

/*
 * Flushes skip a barrier until an element with an ATC is first initialised.
 * Wait for the flushes that may have skipped it. This happens only once.
 */
static void alist_set_atcs_exist(void)
{
	/* Pairs with the release below: the grace period has passed. */
	if (smp_load_acquire(&alist_atcs_settled))
		return;
	guard(mutex)(&alist_atcs_lock);
	if (alist_atcs_settled)
		return;
	WRITE_ONCE(iommu_attach_atcs_exist, true);
	synchronize_rcu();
	/* Pairs with the acquire above. */
	smp_store_release(&alist_atcs_settled, true);
}

/**
 * __iommu_attach_list_init() - initialise a list except for its lock
 * @list: The list.
 *
 * Called by iommu_attach_list_init() only, which initialises the lock.
 *
 * Context: Any.
 */
void __iommu_attach_list_init(struct iommu_attach_list *list)
{
	*list = (struct iommu_attach_list) {
		.groups = RB_ROOT,
		.devices = RB_ROOT,
	};
	INIT_LIST_HEAD(&list->elms);
	INIT_LIST_HEAD(&list->tags);
}
EXPORT_SYMBOL_GPL(__iommu_attach_list_init);

/**
 * iommu_attach_elm_init() - initialise an attachment
 * @elm: Element, embedded in a structure that the driver has allocated.
 * @iommu: IOMMU that translates for @dev.
 * @dev: The device.
 * @pasid: PASID of the attachment, %IOMMU_NO_PASID for requests without one.
 * @has_atc: True if ATS is enabled on @dev, so that its ATC has to be
 *	invalidated too.
 *
 * An element that was on a list must not be initialised again until a grace
 * period has passed since its removal.
 *
 * Context: May sleep if @has_atc is true: the first such call in the system
 * waits for an RCU grace period.
 */
void iommu_attach_elm_init(struct iommu_attach_elm *elm,
			   struct iommu_device *iommu, struct device *dev,
			   ioasid_t pasid, bool has_atc)
{
	if (has_atc)
		alist_set_atcs_exist();
	*elm = (struct iommu_attach_elm) {
		.iommu = iommu,
		.dev = dev,
		.pasid = pasid,
		.has_atc = has_atc,
	};
}
EXPORT_SYMBOL_GPL(iommu_attach_elm_init);

/**
 * iommu_attach_list_add() - publish an attachment
 * @list: List of the domain.
 * @elm: Element initialised by iommu_attach_elm_init().
 * @iotlb_tag: Tag of the translations that the IOMMU caches for the attachment,
 *	which identifies what an IOTLB invalidation selects.
 *
 * Every flush that begins after this has returned 0 finds @elm. A flush in
 * progress may miss it. If @elm has an ATC, such a flush detects the addition
 * through iommu_attach_list_atc_added(), or finds @elm after
 * iommu_attach_list_iotlb_done(). The caller makes the device's entry present
 * after this has returned 0.
 *
 * To replace an attachment of the same device and PASID, the new element is
 * added while the old one is still on its list.
 *
 * The number of steps is logarithmic in the number of attachments.
 *
 * Context: The caller holds &iommu_attach_list.lock.
 * Return: 0 on success. -EBUSY, after a warning, if @elm is or was on a list,
 * which is a bug in the driver. In this case the driver must neither attach the
 * device nor free @elm.
 */
int iommu_attach_list_add(struct iommu_attach_list *list,
			  struct iommu_attach_elm *elm, u64 iotlb_tag)
{
	struct iommu_attach_elm *group;

	lockdep_assert_held(&list->lock);

	if (WARN_ON(elm->list))
		return -EBUSY;
	elm->list = list;
	elm->iotlb_tag = iotlb_tag;

	rb_add(&elm->device_node, &list->devices, alist_device_less);
	group = alist_lower_bound(list, elm->iommu, iotlb_tag);
	if (group && !alist_cmp_group(elm->iommu, iotlb_tag, group))
		alist_add_member(list, elm, group);
	else
		alist_add_group(list, elm, group);
	if (elm->has_atc)
		alist_count_atc(list);

	/*
	 * Pairs with the barriers in iommu_attach_list_flush_begin() and
	 * iommu_attach_list_iotlb_done(): the element is visible, and counted,
	 * before the entry that the caller makes present lets the device read
	 * the page table or the IOTLB.
	 */
	smp_mb();
	return 0;
}
EXPORT_SYMBOL_GPL(iommu_attach_list_add);

/**
 * iommu_attach_list_remove() - remove an attachment
 * @list: List that @elm is on.
 * @elm: The element.
 *
 * Called when the device's entry no longer refers to the domain and tag of
 * @elm, and everything that may have been cached through it has been
 * invalidated. If the entry is not changed, called after another element of the
 * same group has been added to replace @elm.
 *
 * A flush may use @elm until a grace period has passed. The caller frees the
 * structure that embeds @elm with call_rcu() on &iommu_attach_elm.rcu.
 * call_rcu() is preferred to kfree_rcu(), which may try to allocate memory.
 *
 * No memory is allocated.
 *
 * Context: The caller holds &iommu_attach_list.lock.
 * Return: A value of &enum iommu_attach_left, from which the caller determines
 * whether an id in the tag can be reused. -EINVAL, after a warning, if @elm is
 * not on @list. In this case @elm must not be freed.
 */
int iommu_attach_list_remove(struct iommu_attach_list *list,
			     struct iommu_attach_elm *elm)
{
	lockdep_assert_held(&list->lock);

	if (WARN_ON(elm->list != list))
		return -EINVAL;
	elm->list = ALIST_REMOVED;

	rb_erase(&elm->device_node, &list->devices);
	if (elm->tag_users)
		alist_del_leader(list, elm);
	else
		alist_del_member(list, elm);
	list_del_rcu(&elm->node);
	if (elm->has_atc)
		WRITE_ONCE(list->nr_atcs, list->nr_atcs - 1);
	return alist_left(list, elm);
}
EXPORT_SYMBOL_GPL(iommu_attach_list_remove);

/**
 * iommu_attach_list_find() - find the attachment of a device and PASID
 * @list: The list.
 * @dev: The device. Not dereferenced.
 * @pasid: The PASID, %IOMMU_NO_PASID for requests without one.
 *
 * Context: The caller holds &iommu_attach_list.lock.
 * Return: The element, the one added last if there are several; NULL if there
 * is none.
 */
struct iommu_attach_elm *
iommu_attach_list_find(struct iommu_attach_list *list, struct device *dev,
		       ioasid_t pasid)
{
	struct iommu_attach_elm *elm, *found = NULL;
	struct rb_node *node = list->devices.rb_node;
	int cmp;

	lockdep_assert_held(&list->lock);

	while (node) {
		elm = alist_device_entry(node);
		cmp = alist_cmp_device(dev, pasid, elm);
		if (!cmp)
			found = elm;
		/* rb_add() inserts equal elements to the right. */
		node = cmp < 0 ? node->rb_left : node->rb_right;
	}
	return found;
}
EXPORT_SYMBOL_GPL(iommu_attach_list_find);

/**
 * iommu_attach_list_find_iommu() - find the first attachment on an IOMMU
 * @list: The list.
 * @iommu: The IOMMU.
 *
 * Context: The caller holds &iommu_attach_list.lock.
 * Return: An element with @iommu and the lowest tag on that IOMMU; NULL if
 * there is none.
 */
struct iommu_attach_elm *
iommu_attach_list_find_iommu(struct iommu_attach_list *list,
			     struct iommu_device *iommu)
{
	struct iommu_attach_elm *leader;

	lockdep_assert_held(&list->lock);

	leader = alist_lower_bound(list, iommu, 0);
	return leader && leader->iommu == iommu ? leader : NULL;
}
EXPORT_SYMBOL_GPL(iommu_attach_list_find_iommu);

/**
 * iommu_attach_list_quiesce() - wait for the flushes in progress
 *
 * When this returns, no flush uses an element that was removed from any list
 * before the call. Called before ATS is disabled and before an IOMMU is freed,
 * see the paragraph on lifetime in Documentation/driver-api/iommu-alist.rst.
 *
 * This waits for the flushes of all domains in the system, including those that
 * are waiting for a device that does not respond.
 *
 * Context: May sleep. Waits for an RCU grace period.
 */
void iommu_attach_list_quiesce(void)
{
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(iommu_attach_list_quiesce);
