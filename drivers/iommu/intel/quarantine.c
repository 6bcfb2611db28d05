// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quarantine of devices that do not answer device-TLB invalidations.
 *
 * The pages of an unmap must not be freed while a device can reach them through
 * its device TLB. A device that is present and does not answer would therefore
 * keep the unmap waiting without end. Instead, the IOMMU stops serving it: its
 * context entry is made non-present, and everything that the IOMMU has cached for
 * it is invalidated. From then on, the IOMMU refuses its untranslated requests,
 * its translation requests and its translated requests, so that it does not
 * matter what its device TLB holds, and invalidations for it are dropped.
 *
 * The quarantine ends when the device answers an invalidation, or has lost its
 * device TLB in a reset. The driver probes the device when a domain is attached
 * to it, which includes the end of a reset, and from time to time, because it is
 * not told when a device is powered up, or reset along with its bus.
 *
 * The queue (dmar.c) counts time-outs and quarantines devices, in any context in
 * which a flush may run; attach functions end a quarantine. The state is
 * protected by a raw spinlock, &intel_iommu.device_rbtree_lock.
 */

#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/workqueue.h>

#include "iommu.h"
#include "pasid.h"
#include "trace.h"

/*
 * A device is quarantined after this number of consecutive time-outs, or when
 * its time-outs have taken this time in ns. PCIe allows a device more than a
 * minute to answer, and an IOMMU may wait that long, while the CPU that has
 * submitted the invalidation has interrupts disabled. Tests change the number;
 * %UINT_MAX disables the quarantine.
 */
unsigned int dmar_timeout_limit = DMAR_TIMEOUT_LIMIT;
#define QUARANTINE_TIME_NS		(5 * NSEC_PER_SEC)

/*
 * Time in ms until a device in quarantine is probed for the first time. Each
 * further time takes twice as long, up to an hour, because probing a device that
 * still does not answer delays the invalidations of others. Tests change it.
 */
unsigned int dmar_quarantine_delay = DMAR_QUARANTINE_DELAY;
#define QUARANTINE_MAX_DELAY	(60U * 60 * MSEC_PER_SEC)

/* Attempts to probe a device while others time out */
#define QUARANTINE_ATTEMPTS	8

/**
 * dmar_count_timeout() - account for an invalidation that a device has not
 * answered
 * @iommu: The IOMMU.
 * @rid: Requester id of the device. Ignored unless the device supports ATS.
 * @ns: Time for which the IOMMU has waited, in ns.
 *
 * Context: Any but NMI. Takes &intel_iommu.device_rbtree_lock.
 */
void dmar_count_timeout(struct intel_iommu *iommu, u16 rid, u64 ns)
{
	struct device_domain_info *info;

	guard(raw_spinlock_irqsave)(&iommu->device_rbtree_lock);
	info = device_rbtree_lookup(iommu, rid);
	if (info) {
		info->timeouts++;
		info->timeout_ns += ns;
	}
}

static void quarantine_clear_timeouts(struct device_domain_info *info)
{
	info->timeouts = 0;
	info->timeout_ns = 0;
}

/**
 * dmar_clear_timeouts() - forget the time-outs of a device that has answered
 * @iommu: The IOMMU.
 * @rid: Requester id of the device.
 *
 * Context: Any but NMI. Takes &intel_iommu.device_rbtree_lock.
 */
void dmar_clear_timeouts(struct intel_iommu *iommu, u16 rid)
{
	struct device_domain_info *info;

	guard(raw_spinlock_irqsave)(&iommu->device_rbtree_lock);
	info = device_rbtree_lookup(iommu, rid);
	if (info)
		quarantine_clear_timeouts(info);
}

/**
 * dmar_serves_device() - whether the IOMMU serves a device
 * @iommu: The IOMMU.
 * @rid: Requester id of the device.
 *
 * Context: Any but NMI. Takes &intel_iommu.device_rbtree_lock.
 * Return: false if the device is in quarantine or about to be; true for all
 * others, and if no device with ATS has this id.
 */
bool dmar_serves_device(struct intel_iommu *iommu, u16 rid)
{
	struct device_domain_info *info;

	guard(raw_spinlock_irqsave)(&iommu->device_rbtree_lock);
	info = device_rbtree_lookup(iommu, rid);
	return !info || info->quarantine == DMAR_SERVED;
}

static struct context_entry *quarantine_context(struct intel_iommu *iommu,
						u16 rid)
{
	return iommu_context_addr(iommu, PCI_BUS_NUM(rid), rid & 0xff, false);
}

static u16 quarantine_did(struct device_domain_info *info,
			  struct context_entry *context, ioasid_t pasid)
{
	struct pasid_entry *entry;

	if (!sm_supported(info->iommu))
		return context ? context_domain_id(context) : 0;
	entry = intel_pasid_get_entry(info->dev, pasid);
	return entry ? pasid_get_domain_id(entry) : 0;
}

static bool quarantine_is_due(const struct device_domain_info *info)
{
	if (dmar_timeout_limit == UINT_MAX)
		return false;
	return info->timeouts >= dmar_timeout_limit ||
	       info->timeout_ns >= QUARANTINE_TIME_NS;
}

/*
 * Make the entry non-present. Faults are not reported from now on, because the
 * device could cause them without end.
 */
static void quarantine_clear_present(struct intel_iommu *iommu,
				     struct context_entry *context)
{
	context_clear_present(context);
	context_set_fault_disable(context);
	__iommu_flush_cache(iommu, context, sizeof(*context));
}

/*
 * Stop serving the device if it has reached the limit of time-outs. Returns the
 * state of its quarantine from now on.
 */
static enum dmar_quarantine quarantine_block(struct intel_iommu *iommu, u16 rid,
					     ioasid_t pasid, u16 *did)
{
	struct device_domain_info *info;
	struct context_entry *context;

	guard(raw_spinlock_irqsave)(&iommu->device_rbtree_lock);
	info = device_rbtree_lookup(iommu, rid);
	if (!info)
		return DMAR_SERVED;
	context = quarantine_context(iommu, rid);
	*did = quarantine_did(info, context, pasid);
	if (info->quarantine != DMAR_SERVED || !quarantine_is_due(info))
		return info->quarantine;

	info->quarantine = DMAR_BLOCKED;
	if (context && context_present(context))
		quarantine_clear_present(iommu, context);
	return DMAR_BLOCKED;
}

/*
 * Complete the quarantine, and schedule the first probe. Returns false if another
 * submitter has completed it, or the device has been released.
 */
static bool quarantine_complete(struct intel_iommu *iommu, u16 rid)
{
	struct device_domain_info *info;

	guard(raw_spinlock_irqsave)(&iommu->device_rbtree_lock);
	info = device_rbtree_lookup(iommu, rid);
	if (!info || info->quarantine != DMAR_BLOCKED)
		return false;
	info->quarantine = DMAR_QUARANTINED;
	info->quarantine_delay = dmar_quarantine_delay;
	/* The work may be pending since an earlier quarantine. */
	mod_delayed_work(system_percpu_wq, &info->quarantine_work,
			 msecs_to_jiffies(info->quarantine_delay));
	return true;
}

/*
 * Invalidate the context entry and everything that depends on it, in the order
 * that section 6.5.3.3 of the VT-d specification gives, and wait for requests
 * that the IOMMU has accepted before. The invalidations are global, because the
 * domains and PASIDs that the device has used are not known here.
 */
static void quarantine_flush(struct intel_iommu *iommu)
{
	qi_flush_context(iommu, 0, 0, 0, DMA_CCMD_GLOBAL_INVL);
	if (sm_supported(iommu))
		qi_flush_pasid_cache(iommu, 0, QI_PC_GLOBAL, 0);
	qi_flush_iotlb(iommu, 0, 0, 0, DMA_TLB_GLOBAL_FLUSH);
}

/**
 * dmar_quarantine() - quarantine a device if it has reached the limit of time-outs
 * @iommu: The IOMMU.
 * @rid: Requester id of the device.
 * @pasid: PASID of the invalidation that it has not answered, for the message.
 *
 * If another submitter is about to do so, this does not wait for it, because it
 * may run in an interrupt of that submitter, but repeats its invalidations.
 *
 * Context: Any but NMI. Waits for the hardware.
 */
void dmar_quarantine(struct intel_iommu *iommu, u16 rid, ioasid_t pasid)
{
	u16 did = 0;

	if (quarantine_block(iommu, rid, pasid, &did) != DMAR_BLOCKED)
		return;
	quarantine_flush(iommu);
	if (!quarantine_complete(iommu, rid))
		return;
	trace_device_quarantine(iommu, rid, did, pasid, true);
	pr_err("%s: %04x:%02x:%02x.%d does not answer device-TLB invalidations (domain id %u, PASID %u): quarantined, its requests are refused\n",
	       iommu->name, iommu->segment, PCI_BUS_NUM(rid), PCI_SLOT(rid),
	       PCI_FUNC(rid), did, pasid);
}

static unsigned int quarantine_count(struct device_domain_info *info)
{
	guard(raw_spinlock_irqsave)(&info->iommu->device_rbtree_lock);
	return info->timeouts;
}

/*
 * Send one invalidation to the device. A time-out of another device aborts it,
 * too. If the hardware reports that it was another one, try again.
 */
static bool quarantine_probe(struct device_domain_info *info)
{
	u16 rid = PCI_DEVID(info->bus, info->devfn);
	unsigned int i, count = quarantine_count(info);
	struct qi_desc desc = {};

	qi_desc_dev_iotlb(rid, info->pfsid, info->ats_qdep, 0,
			  MAX_AGAW_PFN_WIDTH, &desc);
	for (i = 0; i < QUARANTINE_ATTEMPTS; i++) {
		if (!qi_submit_probe(info->iommu, &desc))
			return true;
		if (!READ_ONCE(info->iommu->qi->names_devices) ||
		    quarantine_count(info) != count)
			return false;
	}
	return false;
}

static bool quarantine_is_awake(struct pci_dev *pdev)
{
	u16 pmcsr;

	if (!pci_device_is_present(pdev))
		return false;
	if (!pdev->pm_cap)
		return true;
	pci_read_config_word(pdev, pdev->pm_cap + PCI_PM_CTRL, &pmcsr);
	return (pmcsr & PCI_PM_CTRL_STATE_MASK) == (__force u16)PCI_D0;
}

/*
 * Empty the device TLB, and find out whether the device answers. Enabling ATS
 * anew empties the device TLB for all PASIDs, those too that have been detached
 * meanwhile. If ATS is off, because the device has been detached in legacy mode
 * or has been reset, the device TLB is empty already, and cannot be probed.
 */
static bool quarantine_may_end(struct device_domain_info *info)
{
	struct pci_dev *pdev = to_pci_dev(info->dev);
	u16 ctrl;

	if (!quarantine_is_awake(pdev))
		return false;
	pci_read_config_word(pdev, pdev->ats_cap + PCI_ATS_CTRL, &ctrl);
	if (!info->ats_enabled || !(ctrl & PCI_ATS_CTRL_ENABLE))
		return true;
	pci_disable_ats(pdev);
	/* It has been enabled with the same page size before. */
	if (WARN_ON(pci_enable_ats(pdev, VTD_PAGE_SHIFT)))
		info->ats_enabled = 0;
	if (!info->ats_enabled)
		return false;
	return quarantine_probe(info);
}

static bool context_fault_disabled(const struct context_entry *context)
{
	return context->lo & BIT_ULL(1);
}

/*
 * Serve the device again. In legacy mode, it has a context entry only while a
 * domain is attached. Only an entry that was withheld, whose faults are disabled,
 * becomes present, and not one that is being cleared.
 */
static void quarantine_unblock(struct device_domain_info *info)
{
	u16 rid = PCI_DEVID(info->bus, info->devfn);
	struct intel_iommu *iommu = info->iommu;
	struct context_entry *context;

	guard(spinlock)(&iommu->lock);
	guard(raw_spinlock_irqsave)(&iommu->device_rbtree_lock);
	info->quarantine = DMAR_SERVED;
	quarantine_clear_timeouts(info);
	context = quarantine_context(iommu, rid);
	if (context && context_fault_disabled(context)) {
		context_set_fault_enable(context);
		context_set_present(context);
		__iommu_flush_cache(iommu, context, sizeof(*context));
	}
}

static bool quarantine_is_active(struct device_domain_info *info)
{
	guard(raw_spinlock_irqsave)(&info->iommu->device_rbtree_lock);
	return info->quarantine == DMAR_QUARANTINED;
}

/**
 * dmar_end_quarantine() - end the quarantine of a device if it answers
 * @dev: The device, for example one to which a domain is about to be attached.
 *
 * A device that does not answer remains in quarantine, at the cost of one
 * time-out. An attach then succeeds, but the device reaches nothing.
 *
 * No flush is lost: an unmap whose invalidation was dropped had invalidated the
 * IOTLB before, and the device TLB has been emptied since and is filled only
 * after the entry is present again.
 *
 * Context: May sleep. The caller holds &device_domain_info.attach_lock. Takes
 * &intel_iommu.lock, and &intel_iommu.device_rbtree_lock within it.
 */
void dmar_end_quarantine(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	u16 rid = PCI_DEVID(info->bus, info->devfn);
	struct intel_iommu *iommu = info->iommu;

	lockdep_assert_held(&info->attach_lock);
	if (!quarantine_is_active(info) || !quarantine_may_end(info))
		return;
	quarantine_unblock(info);
	if (cap_caching_mode(iommu->cap)) {
		qi_flush_context(iommu, 0, rid, DMA_CCMD_MASK_NOBIT,
				 DMA_CCMD_DEVICE_INVL);
		qi_flush_iotlb(iommu, 0, 0, 0, DMA_TLB_DSI_FLUSH);
	} else {
		iommu_flush_write_buffer(iommu);
	}
	trace_device_quarantine(iommu, rid, 0, IOMMU_NO_PASID, false);
	dev_info(dev, "IOMMU quarantine ended\n");
}

/* Probe a device that is still in quarantine from time to time. */
static void quarantine_work(struct work_struct *work)
{
	struct device_domain_info *info =
		container_of(work, typeof(*info), quarantine_work.work);

	guard(mutex)(&info->attach_lock);
	dmar_end_quarantine(info->dev);

	guard(raw_spinlock_irqsave)(&info->iommu->device_rbtree_lock);
	if (info->quarantine != DMAR_QUARANTINED || RB_EMPTY_NODE(&info->node))
		return;
	info->quarantine_delay = min(2 * info->quarantine_delay,
				     QUARANTINE_MAX_DELAY);
	schedule_delayed_work(&info->quarantine_work,
			      msecs_to_jiffies(info->quarantine_delay));
}

/**
 * dmar_quarantine_init() - initialise the work of a device that is being probed
 * @info: The device.
 *
 * Context: Any.
 */
void dmar_quarantine_init(struct device_domain_info *info)
{
	INIT_DELAYED_WORK(&info->quarantine_work, quarantine_work);
}

/**
 * dmar_quarantine_exit() - stop probing a device that is being released
 * @info: The device. It is not in the tree of requester ids any more.
 *
 * Context: May sleep. The caller must not hold &device_domain_info.attach_lock,
 * which the work takes.
 */
void dmar_quarantine_exit(struct device_domain_info *info)
{
	cancel_delayed_work_sync(&info->quarantine_work);
}

/**
 * context_make_present() - make a context entry present
 * @iommu: The IOMMU.
 * @context: The entry, complete but for its present bit.
 * @rid: Requester id that the entry is for.
 *
 * The entry of a device in quarantine remains non-present.
 *
 * Context: Any but NMI. The caller holds &intel_iommu.lock. Takes
 * &intel_iommu.device_rbtree_lock.
 */
void context_make_present(struct intel_iommu *iommu,
			  struct context_entry *context, u16 rid)
{
	struct device_domain_info *info;

	guard(raw_spinlock_irqsave)(&iommu->device_rbtree_lock);
	info = device_rbtree_lookup(iommu, rid);
	if (!info || info->quarantine == DMAR_SERVED)
		context_set_present(context);
	else
		context_set_fault_disable(context);
}

/**
 * context_replace() - replace a context entry that may be present
 * @iommu: The IOMMU.
 * @context: The entry. Hardware reads either the old or the new one if they
 *	differ in one quadword only.
 * @new: The new contents, complete but for the present bit, which is set here.
 * @rid: Requester id that the entry is for.
 *
 * The entry of a device in quarantine stays non-present. The caller flushes the
 * CPU cache.
 *
 * Context: As context_make_present().
 */
void context_replace(struct intel_iommu *iommu, struct context_entry *context,
		     struct context_entry *new, u16 rid)
{
	struct device_domain_info *info;

	guard(raw_spinlock_irqsave)(&iommu->device_rbtree_lock);
	info = device_rbtree_lookup(iommu, rid);
	if (!info || info->quarantine == DMAR_SERVED)
		context_set_present(new);
	else
		context_set_fault_disable(new);
	WRITE_ONCE(context->hi, new->hi);
	WRITE_ONCE(context->lo, new->lo);
}
