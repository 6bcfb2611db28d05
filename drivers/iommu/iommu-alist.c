// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attachments of an IOMMU domain, see include/linux/iommu-alist.h.
 *
 * What makes the lockless walks right is how the two lists are edited:
 *
 * - A group is represented among the leaders at every moment: a new leader
 *   takes the old one's place by a single store. A walk that stands on the old
 *   one finds the other members from there.
 * - An element is linked into each of the lists at most once in its life. What
 *   a walk stands on may be unlinked, never moved, so the walk always goes on
 *   to elements that were behind it.
 */

#include <linux/bug.h>
#include <linux/export.h>
#include <linux/iommu-alist.h>
#include <linux/poison.h>
#include <linux/rculist.h>
#include <linux/slab.h>

/* &iommu_attach_elm.list of an element that has been removed. */
#define ALIST_REMOVED ((struct iommu_attach_list *)LIST_POISON1)

static int alist_cmp(const struct iommu_attach_elm *a,
		     const struct iommu_attach_elm *b)
{
	if (a->unit != b->unit)
		return (uintptr_t)a->unit < (uintptr_t)b->unit ? -1 : 1;
	if (a->tag != b->tag)
		return a->tag < b->tag ? -1 : 1;
	return 0;
}

static void alist_set_users(struct iommu_attach_elm *leader, unsigned int users)
{
	/* For iommu_attach_elm_tag_users(), which does not take the lock. */
	WRITE_ONCE(leader->tag_users, users);
}

/* The leader of the first group that is not before @elm, or NULL. */
static struct iommu_attach_elm *alist_find_group(struct iommu_attach_list *list,
						 struct iommu_attach_elm *elm)
{
	struct iommu_attach_elm *leader;

	list_for_each_entry(leader, &list->tags, tag_node)
		if (alist_cmp(leader, elm) >= 0)
			return leader;
	return NULL;
}

/* Link @elm as a group of its own in front of the group led by @next. */
static void alist_add_group(struct iommu_attach_list *list,
			    struct iommu_attach_elm *elm,
			    struct iommu_attach_elm *next)
{
	alist_set_users(elm, 1);
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

	/* Behind all members with an ATC: at the end of the group. */
	if (list_is_last(&leader->tag_node, &list->tags)) {
		list_add_tail_rcu(&elm->node, &list->elms);
		return;
	}
	next = list_next_entry(leader, tag_node);
	list_add_tail_rcu(&elm->node, &next->node);
}

/* Let the group of @leader go on without it, if there are other members. */
static void alist_del_leader(struct iommu_attach_elm *leader)
{
	struct iommu_attach_elm *heir;

	if (leader->tag_users == 1) {
		list_del_rcu(&leader->tag_node);
		return;
	}

	/*
	 * The first that follows, so that those with an ATC stay together
	 * behind the leader.
	 */
	heir = list_next_entry(leader, node);
	alist_set_users(heir, leader->tag_users - 1);
	list_replace_rcu(&leader->tag_node, &heir->tag_node);
}

/* Count one member less for the group of @elm, which does not lead it. */
static void alist_del_member(struct iommu_attach_list *list,
			     struct iommu_attach_elm *elm)
{
	struct iommu_attach_elm *leader = alist_find_group(list, elm);

	alist_set_users(leader, leader->tag_users - 1);
}

/**
 * iommu_attach_list_init() - make an empty list
 * @list: The list of a new domain.
 *
 * There is nothing to undo when the domain is freed, but the list should be
 * empty then, see iommu_attach_list_empty().
 */
void iommu_attach_list_init(struct iommu_attach_list *list)
{
	spin_lock_init(&list->lock);
	INIT_LIST_HEAD(&list->elms);
	INIT_LIST_HEAD(&list->tags);
	list->atcs_added = 0;
}
EXPORT_SYMBOL_GPL(iommu_attach_list_init);

/**
 * iommu_attach_elm_init() - describe an attachment
 * @elm: Embedded in an element that the driver has allocated.
 * @unit: The IOMMU instance that translates for the device.
 * @tag: What an IOTLB invalidation of @unit has to name to reach the
 *	translations that are cached for the device.
 * @has_atc: ATS is enabled on the device, its ATC has to be invalidated too.
 *
 * An element that was on a list must not be initialised again before a grace
 * period has passed since its removal.
 */
void iommu_attach_elm_init(struct iommu_attach_elm *elm,
			   struct iommu_device *unit, u64 tag, bool has_atc)
{
	*elm = (struct iommu_attach_elm) {
		.unit = unit,
		.tag = tag,
		.has_atc = has_atc,
	};
}
EXPORT_SYMBOL_GPL(iommu_attach_elm_init);

/**
 * iommu_attach_list_add() - publish an attachment
 * @list: The list of the domain.
 * @elm: What iommu_attach_elm_init() has described.
 *
 * Every flush that begins afterwards finds @elm. One that has begun before may
 * not; if @elm has an ATC it gets to know in the end. The caller makes the
 * device's entry present only after this returns.
 *
 * The number of steps grows with the number of groups, not of attachments.
 *
 * Context: The caller holds &iommu_attach_list.lock.
 */
void iommu_attach_list_add(struct iommu_attach_list *list,
			   struct iommu_attach_elm *elm)
{
	struct iommu_attach_elm *group;

	lockdep_assert_held(&list->lock);

	if (WARN_ON(elm->list))
		return;
	elm->list = list;

	group = alist_find_group(list, elm);
	if (group && !alist_cmp(group, elm))
		alist_add_member(list, elm, group);
	else
		alist_add_group(list, elm, group);

	if (elm->has_atc) {
		/*
		 * Pairs with the acquire in iommu_attach_list_flush_begin():
		 * what is counted there is linked.
		 */
		smp_store_release(&list->atcs_added, list->atcs_added + 1);
	}

	/*
	 * Pairs with the barriers in iommu_attach_list_flush_begin() and
	 * iommu_attach_list_atc_added(): the element is visible, and counted,
	 * before the entry, which the caller makes present, lets the device
	 * read the page table or what an IOTLB has of it.
	 */
	smp_mb();
}
EXPORT_SYMBOL_GPL(iommu_attach_list_add);

/**
 * iommu_attach_list_del() - take an attachment off its list
 * @list: The list that it is on.
 * @elm: The attachment.
 *
 * A flush may go on to use @elm until a grace period has passed; the caller
 * frees it no earlier. iommu_attach_list_remove() does both.
 *
 * Cannot fail, does not allocate. The device's entry is non-present and flushed
 * from all caches before this is called.
 *
 * Context: The caller holds &iommu_attach_list.lock.
 * Return: True; false, after a warning, if @elm is not on @list.
 */
bool iommu_attach_list_del(struct iommu_attach_list *list,
			   struct iommu_attach_elm *elm)
{
	lockdep_assert_held(&list->lock);

	if (WARN_ON(elm->list != list))
		return false;
	elm->list = ALIST_REMOVED;

	if (elm->tag_users)
		alist_del_leader(elm);
	else
		alist_del_member(list, elm);
	list_del_rcu(&elm->node);
	return true;
}
EXPORT_SYMBOL_GPL(iommu_attach_list_del);

static void alist_free_rcu(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct iommu_attach_elm, rcu)->container);
}

/**
 * iommu_attach_list_remove() - take an attachment off its list and free it
 * @list: The list that it is on.
 * @elm: The attachment.
 * @container: The driver's element that @elm is embedded in, at any offset;
 *	something that kfree() frees.
 *
 * As iommu_attach_list_del(), then frees @container after a grace period. One
 * that is not on @list is left alone.
 *
 * Context: The caller holds &iommu_attach_list.lock.
 */
void iommu_attach_list_remove(struct iommu_attach_list *list,
			      struct iommu_attach_elm *elm, void *container)
{
	if (!iommu_attach_list_del(list, elm))
		return;
	elm->container = container;
	call_rcu(&elm->rcu, alist_free_rcu);
}
EXPORT_SYMBOL_GPL(iommu_attach_list_remove);
