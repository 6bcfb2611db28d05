// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that do not respond to device-TLB invalidations.
 *
 * A page that has been unmapped may be freed only when no device can access it
 * any more. A device that does not respond to an invalidation of its device TLB
 * may still hold the translation, so the flush cannot simply be ended; and each
 * further invalidation would wait for a time-out of the hardware, with
 * interrupts disabled, and delay all users of the IOMMU.
 *
 * After a few time-outs in a row the device is put into quarantine: its context
 * entries are made non-present, and the caches of the IOMMU are invalidated.
 * From then on the hardware blocks all requests of the device. This includes
 * translated requests, for which it looks the context entry up as well. So what
 * the device TLB holds has no effect, and its invalidations are dropped. With a
 * device that is not present, for example after a surprise removal, one time-out
 * is enough.
 *
 * The next attach of a domain, for example after a reset, ends the quarantine if
 * the device responds to an invalidation of all that its device TLB may hold.
 * Otherwise the domain is attached, but the context entries stay non-present.
 */

#define pr_fmt(fmt)	"DMAR: " fmt

#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/pci.h>

#include "iommu.h"
#include "pasid.h"
#include "quarantine.h"

/*
 * Time-outs in a row after which a device is put into quarantine. More than one,
 * as a device may be slow once, for example while it is reset.
 */
#define DEVTLB_MAX_TIMEOUTS	3

/* Attempts to get a response from a device, if others' time-outs intervene */
#define DEVTLB_ATTEMPTS		3

/**
 * devtlb_init() - initialise the state of a device
 * @info: The device, which is not yet in the tree of its IOMMU.
 */
void devtlb_init(struct device_domain_info *info)
{
	info->devtlb = (struct devtlb_health) {
		.first = U32_MAX,
	};
}

static bool devtlb_is_suspect(const struct device_domain_info *info)
{
	return info->devtlb.timeouts || info->devtlb.state != DEVTLB_RESPONDS;
}

/* Set the state, and count the devices that a submission has to look for. */
static void devtlb_set(struct device_domain_info *info, enum devtlb_state state,
		       unsigned int timeouts)
{
	struct intel_iommu *iommu = info->iommu;
	int before = devtlb_is_suspect(info);

	info->devtlb.state = state;
	info->devtlb.timeouts = timeouts;
	WRITE_ONCE(iommu->devtlb_suspects, iommu->devtlb_suspects +
		   devtlb_is_suspect(info) - before);
}

/**
 * devtlb_release() - end all accounting for a device
 * @info: The device, which is being removed from the tree of its IOMMU.
 *
 * Context: The caller holds &intel_iommu.device_rbtree_lock.
 */
void devtlb_release(struct device_domain_info *info)
{
	devtlb_set(info, DEVTLB_RESPONDS, 0);
}

static bool devtlb_is_present(const struct device_domain_info *info)
{
	return dev_is_pci(info->dev) &&
	       pci_device_is_present(to_pci_dev(info->dev));
}

/**
 * devtlb_desc_sid() - get the device that a descriptor is for
 * @desc: The descriptor.
 *
 * Return: The requester id, -1 if it is no device-TLB invalidation.
 */
int devtlb_desc_sid(const struct qi_desc *desc)
{
	switch (desc->qw0 & GENMASK_ULL(3, 0)) {
	case QI_DIOTLB_TYPE:
		return FIELD_GET(GENMASK_ULL(47, 32), desc->qw0);
	case QI_DEIOTLB_TYPE:
		return FIELD_GET(GENMASK_ULL(31, 16), desc->qw0);
	default:
		return -1;
	}
}

/**
 * devtlb_desc_pasid() - get the PASID of a device-TLB invalidation
 * @desc: The descriptor.
 *
 * Return: The PASID, %IOMMU_NO_PASID if it has none.
 */
u32 devtlb_desc_pasid(const struct qi_desc *desc)
{
	if ((desc->qw0 & GENMASK_ULL(3, 0)) != QI_DEIOTLB_TYPE)
		return IOMMU_NO_PASID;
	return FIELD_GET(GENMASK_ULL(51, 32), desc->qw0);
}

/* Context entries */

typedef void devtlb_context_fn(struct device_domain_info *info,
			       struct context_entry *context);

struct devtlb_contexts {
	struct device_domain_info *info;
	devtlb_context_fn *fn;
};

/*
 * In scalable mode an alias may be another device's, which has a PASID table of
 * its own. In legacy mode the devices that share an alias also share the domain.
 */
static bool devtlb_owns_context(const struct device_domain_info *info,
				const struct context_entry *context)
{
	return !sm_supported(info->iommu) ||
	       (context->lo & VTD_PAGE_MASK) ==
	       virt_to_phys(info->pasid_table->table);
}

static int devtlb_for_context(struct pci_dev *pdev, u16 alias, void *data)
{
	struct devtlb_contexts *c = data;
	struct context_entry *context;

	context = iommu_context_addr(c->info->iommu, PCI_BUS_NUM(alias),
				     alias & 0xff, 0);
	if (context && devtlb_owns_context(c->info, context))
		c->fn(c->info, context);
	return 0;
}

static void devtlb_for_each_context(struct device_domain_info *info,
				    devtlb_context_fn *fn)
{
	struct devtlb_contexts c = { info, fn };

	pci_for_each_dma_alias(to_pci_dev(info->dev), devtlb_for_context, &c);
}

/*
 * A flush may have interrupted a holder of &intel_iommu.lock on this CPU, so
 * that lock cannot be taken here. Code that writes an entry under that lock
 * sets the present bit with devtlb_set_context_present() only. While the entry
 * is present, such code only clears the bit, which may race with the atomic
 * operation.
 */
static void devtlb_block_context(struct device_domain_info *info,
				 struct context_entry *context)
{
	clear_bit(0, (unsigned long *)&context->lo);
	__iommu_flush_cache(info->iommu, context, sizeof(*context));
}

static void devtlb_admit_context(struct device_domain_info *info,
				 struct context_entry *context)
{
	/* An entry that was torn down meanwhile stays as it is. */
	if (!context->lo)
		return;
	context_set_present(context);
	__iommu_flush_cache(info->iommu, context, sizeof(*context));
}

/**
 * devtlb_set_context_present() - make a context entry of a device present
 * @info: The device.
 * @context: The entry, complete but for the present bit.
 *
 * The entry stays non-present if the device is being put into quarantine.
 *
 * Context: Any except NMI. The caller holds &intel_iommu.lock.
 */
void devtlb_set_context_present(struct device_domain_info *info,
				struct context_entry *context)
{
	struct intel_iommu *iommu = info->iommu;
	unsigned long flags;

	raw_spin_lock_irqsave(&iommu->device_rbtree_lock, flags);
	if (info->devtlb.state == DEVTLB_RESPONDS)
		context_set_present(context);
	raw_spin_unlock_irqrestore(&iommu->device_rbtree_lock, flags);
}

/* Time-outs */

/* Find the domain id that requests of the device are translated with. */
static u16 devtlb_did(const struct device_domain_info *info, u32 pasid)
{
	struct intel_iommu *iommu = info->iommu;
	struct context_entry *context;
	struct pasid_entry *pte;

	if (sm_supported(iommu)) {
		pte = intel_pasid_find_entry(info->dev, pasid);
		return pte ? pasid_get_domain_id(pte) : 0;
	}
	context = iommu_context_addr(iommu, info->bus, info->devfn, 0);
	return context ? context_domain_id(context) : 0;
}

/*
 * Global granularity does not require the domain ids. The IOTLB invalidation
 * also drains the requests that were admitted before. Other devices that time
 * out during this are not put into quarantine from here, to avoid nesting.
 */
static void devtlb_invalidate_iommu(struct intel_iommu *iommu)
{
	struct qi_desc desc[3] = {};
	unsigned int n = 0;
	int ret;

	desc[n++].qw0 = QI_CC_GRAN(DMA_CCMD_GLOBAL_INVL) | QI_CC_TYPE;
	if (sm_supported(iommu))
		desc[n++].qw0 = QI_PC_GRAN(QI_PC_GLOBAL) | QI_PC_TYPE;
	qi_desc_iotlb(iommu, 0, 0, 0, DMA_TLB_GLOBAL_FLUSH, &desc[n++]);
	do {
		ret = qi_submit_sync(iommu, desc, n, QI_OPT_ONCE);
	} while (ret == -ETIMEDOUT);
}

/*
 * End the transition to quarantine. Until then, the invalidations of other CPUs
 * are not dropped but time out: the pages that they are for must not be freed
 * before the hardware blocks the device.
 */
static void devtlb_blocked(struct intel_iommu *iommu, u16 sid)
{
	struct device_domain_info *info;
	unsigned long flags;

	raw_spin_lock_irqsave(&iommu->device_rbtree_lock, flags);
	info = device_rbtree_lookup(iommu, sid);
	if (info && info->devtlb.state == DEVTLB_BLOCKING)
		devtlb_set(info, DEVTLB_BLOCKED, info->devtlb.timeouts);
	raw_spin_unlock_irqrestore(&iommu->device_rbtree_lock, flags);
}

/* Account for a time-out. Returns whether to put the device into quarantine. */
static bool devtlb_account(struct device_domain_info *info, bool may_block)
{
	unsigned int timeouts = info->devtlb.timeouts + 1;

	if (info->devtlb.state != DEVTLB_RESPONDS)
		return false;
	if (!may_block ||
	    (timeouts < DEVTLB_MAX_TIMEOUTS && devtlb_is_present(info))) {
		devtlb_set(info, DEVTLB_RESPONDS, timeouts);
		return false;
	}
	devtlb_set(info, DEVTLB_BLOCKING, timeouts);
	devtlb_for_each_context(info, devtlb_block_context);
	return true;
}

/**
 * devtlb_timed_out() - account for a device-TLB invalidation that timed out
 * @iommu: The IOMMU.
 * @sid: Requester id of the device.
 * @pasid: PASID of the invalidation, %IOMMU_NO_PASID if unknown or none.
 * @may_block: Put the device into quarantine if there were too many time-outs in
 *	a row. Otherwise the next time-out does.
 *
 * Context: Any except NMI. Submits invalidations, so the lock of the queue is
 * not held.
 * Return: False if no such device is known.
 */
bool devtlb_timed_out(struct intel_iommu *iommu, u16 sid, u32 pasid,
		      bool may_block)
{
	struct device_domain_info *info;
	unsigned long flags, irqs;
	bool block = false;
	char name[24];
	u16 did = 0;

	/* Others time out until this is over, so nothing may delay it. */
	local_irq_save(irqs);
	raw_spin_lock_irqsave(&iommu->device_rbtree_lock, flags);
	info = device_rbtree_lookup(iommu, sid);
	if (info) {
		strscpy(name, dev_name(info->dev));
		did = devtlb_did(info, pasid);
		block = devtlb_account(info, may_block);
	}
	raw_spin_unlock_irqrestore(&iommu->device_rbtree_lock, flags);
	if (block) {
		devtlb_invalidate_iommu(iommu);
		devtlb_blocked(iommu, sid);
	}
	local_irq_restore(irqs);

	if (block)
		pr_err("%s: %s does not respond to device-TLB invalidations, its requests are blocked (domain id %u, PASID %u)\n",
		       iommu->name, name, did, pasid);
	return info != NULL;
}

/**
 * devtlb_responded() - end a row of time-outs
 * @iommu: The IOMMU.
 * @desc: Descriptors that the hardware has executed.
 * @count: Number of descriptors.
 *
 * Context: Any except NMI.
 */
void devtlb_responded(struct intel_iommu *iommu, const struct qi_desc *desc,
		      unsigned int count)
{
	struct device_domain_info *info;
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&iommu->device_rbtree_lock, flags);
	for (i = 0; i < count; i++) {
		int sid = devtlb_desc_sid(&desc[i]);

		info = sid < 0 ? NULL : device_rbtree_lookup(iommu, sid);
		if (info && info->devtlb.state == DEVTLB_RESPONDS)
			devtlb_set(info, DEVTLB_RESPONDS, 0);
	}
	raw_spin_unlock_irqrestore(&iommu->device_rbtree_lock, flags);
}

/* Dropping */

static void devtlb_note_lost(struct device_domain_info *info,
			     const struct qi_desc *desc)
{
	struct devtlb_health *health = &info->devtlb;
	u32 pasid = devtlb_desc_pasid(desc);

	if (pasid == IOMMU_NO_PASID) {
		health->lost = true;
	} else {
		health->first = min(health->first, pasid);
		health->last = max(health->last, pasid);
	}
}

static bool devtlb_drops(struct intel_iommu *iommu, const struct qi_desc *desc,
			 bool unknown)
{
	int sid = devtlb_desc_sid(desc);
	struct device_domain_info *info;

	if (sid < 0)
		return false;
	info = device_rbtree_lookup(iommu, sid);
	if (!info)
		return unknown;
	if (info->devtlb.state != DEVTLB_BLOCKED)
		return false;
	devtlb_note_lost(info, desc);
	return true;
}

/**
 * devtlb_drop() - drop device-TLB invalidations that need not be submitted
 * @iommu: The IOMMU.
 * @desc: The descriptors. Those that are left are moved together.
 * @count: Number of descriptors.
 * @unknown: Drop those for devices that are not known, too: devices that have
 *	been released.
 *
 * Context: Any except NMI.
 * Return: The number of descriptors that are left.
 */
unsigned int devtlb_drop(struct intel_iommu *iommu, struct qi_desc *desc,
			 unsigned int count, bool unknown)
{
	unsigned int i, left = 0;
	unsigned long flags;

	raw_spin_lock_irqsave(&iommu->device_rbtree_lock, flags);
	for (i = 0; i < count; i++)
		if (!devtlb_drops(iommu, &desc[i], unknown))
			desc[left++] = desc[i];
	raw_spin_unlock_irqrestore(&iommu->device_rbtree_lock, flags);
	return left;
}

/* Revival */

static int devtlb_submit(struct intel_iommu *iommu, struct qi_desc *desc)
{
	int i, ret;

	for (i = 0; i < DEVTLB_ATTEMPTS; i++) {
		ret = qi_submit_sync(iommu, desc, 1, QI_OPT_ONCE);
		if (ret != -ETIMEDOUT)
			break;
	}
	return ret;
}

/* Invalidate what the device TLB may hold in spite of a lost invalidation. */
static int devtlb_invalidate_lost(struct device_domain_info *info,
				  const struct devtlb_health *lost)
{
	u16 sid = PCI_DEVID(info->bus, info->devfn);
	struct qi_desc desc = {};
	u64 pasid;
	int ret;

	/* Even if nothing was lost: the device has to respond. */
	qi_desc_dev_iotlb(sid, info->pfsid, info->ats_qdep, 0,
			  MAX_AGAW_PFN_WIDTH, &desc);
	ret = devtlb_submit(info->iommu, &desc);
	for (pasid = lost->first; !ret && pasid <= lost->last; pasid++) {
		qi_desc_dev_iotlb_pasid(sid, info->pfsid, pasid, info->ats_qdep,
					0, MAX_AGAW_PFN_WIDTH, &desc);
		ret = devtlb_submit(info->iommu, &desc);
	}
	return ret;
}

/*
 * Get the state of a device, after any transition. Another CPU does that with
 * interrupts disabled, so it takes no longer than a few invalidations.
 */
static struct devtlb_health devtlb_get(struct device_domain_info *info)
{
	struct intel_iommu *iommu = info->iommu;
	struct devtlb_health health;
	unsigned long flags;

	for (;;) {
		raw_spin_lock_irqsave(&iommu->device_rbtree_lock, flags);
		health = info->devtlb;
		raw_spin_unlock_irqrestore(&iommu->device_rbtree_lock, flags);
		if (health.state != DEVTLB_BLOCKING)
			return health;
		usleep_range(10, 100);
	}
}

/*
 * Admit the device again, unless further PASIDs have been lost meanwhile. The
 * device has cached nothing since it was put into quarantine, so another loss of
 * the same PASIDs is harmless.
 */
static bool devtlb_admit(struct device_domain_info *info,
			 const struct devtlb_health *lost)
{
	struct intel_iommu *iommu = info->iommu;
	unsigned long flags;
	bool admit;

	raw_spin_lock_irqsave(&iommu->device_rbtree_lock, flags);
	admit = info->devtlb.first == lost->first &&
		info->devtlb.last == lost->last;
	if (admit) {
		devtlb_set(info, DEVTLB_RESPONDS, 0);
		devtlb_init(info);
		devtlb_for_each_context(info, devtlb_admit_context);
	}
	raw_spin_unlock_irqrestore(&iommu->device_rbtree_lock, flags);
	return admit;
}

/**
 * devtlb_revive() - end the quarantine of a device if it responds
 * @dev: Device that a domain is about to be attached to.
 *
 * Context: May sleep. The caller holds &device_domain_info.attach_lock.
 */
void devtlb_revive(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct intel_iommu *iommu = info->iommu;
	struct devtlb_health health;

	if (!READ_ONCE(iommu->devtlb_suspects))
		return;
	do {
		health = devtlb_get(info);
		if (health.state == DEVTLB_RESPONDS)
			return;
		if (!devtlb_is_present(info))
			return;
		/*
		 * With ATS disabled the device cannot respond. Nor does its
		 * device TLB matter: it is empty when ATS is enabled.
		 */
		if (info->ats_enabled && devtlb_invalidate_lost(info, &health))
			return;
	} while (!devtlb_admit(info, &health));

	/* In caching mode, entries that are not present may be cached. */
	if (cap_caching_mode(iommu->cap))
		devtlb_invalidate_iommu(iommu);
	pci_info(to_pci_dev(dev), "responds to device-TLB invalidations again\n");
}
