// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quarantine of devices that do not answer device-TLB invalidations.
 *
 * Unmapped pages must not be freed while a device can reach them through its
 * device TLB, so an unmap would have to wait indefinitely for a device that is
 * present but does not answer. Instead, the device is put into quarantine: its
 * context entry is made non-present, and everything that the IOMMU has cached
 * for it is invalidated. From then on, the IOMMU rejects its untranslated
 * requests, its translation requests and its translated requests. The contents
 * of its device TLB no longer matter, and invalidations for it are dropped.
 *
 * The quarantine ends when the device answers an invalidation, or when a reset
 * has emptied its device TLB. To detect this, the driver probes the device: it
 * sends an invalidation whenever a domain is attached to the device, which
 * includes the end of a reset. A delayed work does the same periodically,
 * because the driver is not notified when a device is powered up, or reset
 * along with its bus.
 *
 * The invalidation queue code (dmar.c) counts time-outs and quarantines
 * devices, in any context in which a flush may run. The attach functions and
 * the work end a quarantine. The state is protected by a raw spinlock,
 * &intel_iommu.device_rbtree_lock.
 */

#define pr_fmt(fmt)	"DMAR: " fmt

#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/workqueue.h>

#include "iommu.h"
#include "pasid.h"
#include "trace.h"

/*
 * A device is quarantined after dmar_timeout_limit consecutive time-outs, or
 * when these add up to dmar_timeout_limit_ns. The latter is necessary because
 * PCIe allows a device more than a minute to answer, and an IOMMU may wait that
 * long, while the CPU that has submitted the invalidation has interrupts
 * disabled. Tests change both. A dmar_timeout_limit of %UINT_MAX disables the
 * quarantine.
 */
unsigned int dmar_timeout_limit = DMAR_TIMEOUT_LIMIT;
u64 dmar_timeout_limit_ns = DMAR_TIMEOUT_LIMIT_NS;

/*
 * Delay in ms before the first probe of a device in quarantine. It doubles with
 * each further probe, up to an hour, because probing a device that still does
 * not answer delays the invalidations for others. Tests change it.
 */
unsigned int dmar_quarantine_delay = DMAR_QUARANTINE_DELAY;
#define QUARANTINE_MAX_DELAY	(60U * 60 * MSEC_PER_SEC)

/* Attempts per probe, as a time-out of another device aborts an attempt */
#define QUARANTINE_PROBE_ATTEMPTS	8

/**
 * dmar_count_timeout() - count a device-TLB invalidation that has timed out
 * @iommu: The IOMMU.
 * @rid: Requester id of the device. Nothing is counted if no device with ATS
 *	has this id.
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
 * dmar_clear_timeouts() - clear the time-outs of a device
 * @iommu: The IOMMU.
 * @rid: Requester id of the device.
 *
 * Called when the device has answered, or has been found absent or asleep. In
 * quarantine, nothing is cleared: the probes need the count.
 *
 * Context: Any but NMI. Takes &intel_iommu.device_rbtree_lock.
 */
void dmar_clear_timeouts(struct intel_iommu *iommu, u16 rid)
{
	struct device_domain_info *info;

	guard(raw_spinlock_irqsave)(&iommu->device_rbtree_lock);
	info = device_rbtree_lookup(iommu, rid);
	if (info && info->quarantine == QUARANTINE_NONE)
		quarantine_clear_timeouts(info);
}

/**
 * dmar_is_quarantined() - test whether a device is in quarantine
 * @iommu: The IOMMU.
 * @rid: Requester id of the device.
 *
 * Context: Any but NMI. Takes &intel_iommu.device_rbtree_lock.
 * Return: true if the device is in quarantine or is being put into it; false
 * otherwise, and if no device with ATS has this id.
 */
bool dmar_is_quarantined(struct intel_iommu *iommu, u16 rid)
{
	struct device_domain_info *info;

	guard(raw_spinlock_irqsave)(&iommu->device_rbtree_lock);
	info = device_rbtree_lookup(iommu, rid);
	return info && info->quarantine != QUARANTINE_NONE;
}

static struct context_entry *quarantine_context(struct intel_iommu *iommu,
						u16 rid)
{
	return iommu_context_addr(iommu, PCI_BUS_NUM(rid), rid & 0xff, false);
}

/* Return the domain id for the message and the trace event, or 0. */
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
	       info->timeout_ns >= dmar_timeout_limit_ns;
}

/*
 * Make the entry non-present, and disable fault reporting for it, because the
 * device may keep sending requests that fault.
 */
static void quarantine_clear_present(struct intel_iommu *iommu,
				     struct context_entry *context)
{
	context_clear_present(context);
	context_set_fault_disable(context);
	__iommu_flush_cache(iommu, context, sizeof(*context));
}

/*
 * If the device has reached the limit of time-outs, make its context entry
 * non-present. Returns the resulting state, and the domain id in @did.
 */
static enum dmar_quarantine quarantine_block(struct intel_iommu *iommu, u16 rid,
					     ioasid_t pasid, u16 *did)
{
	struct device_domain_info *info;
	struct context_entry *context;

	guard(raw_spinlock_irqsave)(&iommu->device_rbtree_lock);
	info = device_rbtree_lookup(iommu, rid);
	if (!info)
		return QUARANTINE_NONE;
	context = quarantine_context(iommu, rid);
	*did = quarantine_did(info, context, pasid);
	if (info->quarantine != QUARANTINE_NONE || !quarantine_is_due(info))
		return info->quarantine;

	info->quarantine = QUARANTINE_STARTING;
	if (context && context_present(context))
		quarantine_clear_present(iommu, context);
	return QUARANTINE_STARTING;
}

/*
 * Complete the quarantine, and schedule the first probe. Returns false if
 * another submitter has completed it, or the device has been released.
 */
static bool quarantine_complete(struct intel_iommu *iommu, u16 rid)
{
	struct device_domain_info *info;

	guard(raw_spinlock_irqsave)(&iommu->device_rbtree_lock);
	info = device_rbtree_lookup(iommu, rid);
	if (!info || info->quarantine != QUARANTINE_STARTING)
		return false;
	info->quarantine = QUARANTINE_ACTIVE;
	info->quarantine_delay = dmar_quarantine_delay;
	/* The work may still be pending from an earlier quarantine. */
	mod_delayed_work(system_percpu_wq, &info->quarantine_work,
			 msecs_to_jiffies(info->quarantine_delay));
	return true;
}

/*
 * Invalidate the context entry and everything that depends on it, in the order
 * given in section 6.5.3.3 of the VT-d specification, and drain the requests
 * that the IOMMU has already accepted. The invalidations are global, because
 * the domains and PASIDs that the device has used are not known here.
 */
static void quarantine_flush(struct intel_iommu *iommu)
{
	qi_flush_context(iommu, 0, 0, 0, DMA_CCMD_GLOBAL_INVL);
	if (sm_supported(iommu))
		qi_flush_pasid_cache(iommu, 0, QI_PC_GLOBAL, 0);
	qi_flush_iotlb(iommu, 0, 0, 0, DMA_TLB_GLOBAL_FLUSH);
}

/**
 * dmar_quarantine() - quarantine a device that has reached the time-out limit
 * @iommu: The IOMMU.
 * @rid: Requester id of the device.
 * @pasid: PASID of the invalidation that it has not answered, for the message.
 *
 * If another submitter is already quarantining the device, the invalidations of
 * that submitter are repeated here. This function cannot wait for them, because
 * it may run in an interrupt handler on the CPU of that submitter.
 *
 * Context: Any but NMI. Waits for the hardware.
 */
void dmar_quarantine(struct intel_iommu *iommu, u16 rid, ioasid_t pasid)
{
	u16 did = 0;

	if (quarantine_block(iommu, rid, pasid, &did) != QUARANTINE_STARTING)
		return;
	quarantine_flush(iommu);
	if (!quarantine_complete(iommu, rid))
		return;
	trace_device_quarantine(iommu, rid, did, pasid, true);
	pr_err("%s: %04x:%02x:%02x.%d does not respond to device-TLB invalidations (domain id %u, PASID %u); device quarantined and its DMA blocked\n",
	       iommu->name, iommu->segment, PCI_BUS_NUM(rid), PCI_SLOT(rid),
	       PCI_FUNC(rid), did, pasid);
}

static unsigned int quarantine_get_timeouts(struct device_domain_info *info)
{
	guard(raw_spinlock_irqsave)(&info->iommu->device_rbtree_lock);
	return info->timeouts;
}

/*
 * Send an invalidation to the device. Returns true if the device has answered
 * it. A time-out of another device also aborts the invalidation. In this case,
 * try again if the hardware reports which device has timed out.
 */
static bool quarantine_probe(struct device_domain_info *info)
{
	u16 rid = PCI_DEVID(info->bus, info->devfn);
	unsigned int i, count = quarantine_get_timeouts(info);
	struct qi_desc desc = {};

	qi_desc_dev_iotlb(rid, info->pfsid, info->ats_qdep, 0,
			  MAX_AGAW_PFN_WIDTH, &desc);
	for (i = 0; i < QUARANTINE_PROBE_ATTEMPTS; i++) {
		if (!qi_submit_probe(info->iommu, &desc))
			return true;
		if (!READ_ONCE(info->iommu->qi->reports_sid) ||
		    quarantine_get_timeouts(info) != count)
			return false;
	}
	return false;
}

static bool quarantine_device_in_d0(struct pci_dev *pdev)
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
 * Empty the device TLB, and test whether the device answers. Returns true if
 * the quarantine can end. Disabling and re-enabling ATS empties the device TLB
 * for all PASIDs, including those that have been detached meanwhile. If ATS is
 * disabled, because the device has been detached in legacy mode or has been
 * reset, the device TLB is already empty, and the device cannot be probed.
 */
static bool quarantine_check_device(struct device_domain_info *info)
{
	struct pci_dev *pdev = to_pci_dev(info->dev);
	u16 ctrl;

	if (!quarantine_device_in_d0(pdev))
		return false;
	pci_read_config_word(pdev, pdev->ats_cap + PCI_ATS_CTRL, &ctrl);
	if (!info->ats_enabled || !(ctrl & PCI_ATS_CTRL_ENABLE))
		return true;
	pci_disable_ats(pdev);
	/* Not expected to fail: ATS was enabled with this page size before. */
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
 * End the quarantine. If the context entry is non-present because of it, make
 * the entry present. Such an entry is recognised by its disabled fault
 * reporting. In legacy mode there is none if no domain is attached, or while
 * the entry is being cleared.
 */
static void quarantine_unblock(struct device_domain_info *info)
{
	u16 rid = PCI_DEVID(info->bus, info->devfn);
	struct intel_iommu *iommu = info->iommu;
	struct context_entry *context;

	guard(spinlock)(&iommu->lock);
	guard(raw_spinlock_irqsave)(&iommu->device_rbtree_lock);
	info->quarantine = QUARANTINE_NONE;
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
	return info->quarantine == QUARANTINE_ACTIVE;
}

/**
 * dmar_try_end_quarantine() - end the quarantine of a device if it answers
 * @dev: The device, for example one to which a domain is about to be attached.
 *
 * A device that does not answer times out once more and remains in quarantine.
 * An attach then succeeds, but the device cannot access memory.
 *
 * No invalidation is lost: an unmap whose device-TLB invalidation was dropped
 * had already invalidated the IOTLB. The device TLB has been emptied since
 * then, and is not filled again before the entry is present.
 *
 * Context: May sleep. The caller holds &device_domain_info.attach_lock. Takes
 * &intel_iommu.lock, and &intel_iommu.device_rbtree_lock within it.
 */
void dmar_try_end_quarantine(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	u16 rid = PCI_DEVID(info->bus, info->devfn);
	struct intel_iommu *iommu = info->iommu;

	lockdep_assert_held(&info->attach_lock);
	if (!quarantine_is_active(info) || !quarantine_check_device(info))
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

/* Periodically probe a device that is still in quarantine. */
static void quarantine_work(struct work_struct *work)
{
	struct device_domain_info *info =
		container_of(work, typeof(*info), quarantine_work.work);

	guard(mutex)(&info->attach_lock);
	dmar_try_end_quarantine(info->dev);

	guard(raw_spinlock_irqsave)(&info->iommu->device_rbtree_lock);
	if (info->quarantine != QUARANTINE_ACTIVE || RB_EMPTY_NODE(&info->node))
		return;
	info->quarantine_delay = min(2 * info->quarantine_delay,
				     QUARANTINE_MAX_DELAY);
	schedule_delayed_work(&info->quarantine_work,
			      msecs_to_jiffies(info->quarantine_delay));
}

/**
 * dmar_quarantine_init() - initialise the quarantine work of a device
 * @info: The device.
 *
 * Context: Any.
 */
void dmar_quarantine_init(struct device_domain_info *info)
{
	INIT_DELAYED_WORK(&info->quarantine_work, quarantine_work);
}

/**
 * dmar_quarantine_exit() - stop the quarantine work of a device
 * @info: The device, already removed from the tree of requester ids.
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
	if (!info || info->quarantine == QUARANTINE_NONE)
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
	if (!info || info->quarantine == QUARANTINE_NONE)
		context_set_present(new);
	else
		context_set_fault_disable(new);
	WRITE_ONCE(context->hi, new->hi);
	WRITE_ONCE(context->lo, new->lo);
}
