// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attachments of VT-d domains.
 *
 * An attachment holds everything that is needed to invalidate what the hardware
 * caches for one device and PASID. Attach adds it to the list of the domain
 * before the hardware can use the domain for them. Detach removes it after the
 * hardware has stopped using the domain. The flushes in cache.c walk the list.
 */

#include <linux/idr.h>
#include <linux/iommu.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "attach.h"
#include "iommu.h"
#include "trace.h"

/*
 * Set in the tags of %DMAR_ATTACH_NEST_PARENT attachments, so that they follow
 * the attachments of devices that use the nest parent directly.
 */
#define ATTACHMENT_TAG_NEST_PARENT	BIT_ULL(63)

/*
 * The tag identifies what an IOTLB invalidation selects (VT-d specification,
 * section 6.5.2). On one IOMMU, a nest parent and its nested domains have
 * different domain ids, so their tags differ, too.
 */
static u64 attachment_tag(enum dmar_attach_kind kind, u16 did, ioasid_t pasid)
{
	switch (kind) {
	case DMAR_ATTACH_FIRST_STAGE:
		return (u64)pasid << 16 | did;
	case DMAR_ATTACH_NEST_PARENT:
		return ATTACHMENT_TAG_NEST_PARENT | did;
	default:
		return did;
	}
}

static enum dmar_attach_kind attachment_kind(struct dmar_domain *domain)
{
	if (intel_domain_is_ss_paging(domain))
		return DMAR_ATTACH_SECOND_STAGE;
	return DMAR_ATTACH_FIRST_STAGE;
}

static struct dmar_attachment *attachment_alloc(struct dmar_domain *domain,
						struct device *dev,
						ioasid_t pasid)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dmar_attachment *att;

	att = kzalloc_obj(*att);
	if (!att)
		return NULL;

	iommu_attach_elm_init(&att->elm, &info->iommu->iommu, dev, pasid,
			      info->ats_enabled);
	att->domain = domain;
	att->kind = attachment_kind(domain);
	att->segment = info->segment;
	att->sid = PCI_DEVID(info->bus, info->devfn);
	att->pfsid = info->pfsid;
	att->ats_qdep = info->ats_qdep;
	att->dtlb_extra_inval = info->dtlb_extra_inval;
	return att;
}

/* If @domain is nested, also allocate the attachment to the nest parent. */
static struct dmar_attachment *
attachment_alloc_with_parent(struct dmar_domain *domain, struct device *dev,
			     ioasid_t pasid)
{
	struct dmar_attachment *att;

	att = attachment_alloc(domain, dev, pasid);
	if (!att || domain->domain.type != IOMMU_DOMAIN_NESTED)
		return att;

	att->parent = attachment_alloc(domain->s2_domain, dev, pasid);
	if (!att->parent) {
		kfree(att);
		return NULL;
	}
	att->parent->kind = DMAR_ATTACH_NEST_PARENT;
	return att;
}

static int attachment_link(struct dmar_attachment *att, u16 did)
{
	struct iommu_attach_list *list = &att->domain->attachments;
	int ret;

	att->did = did;
	ret = iommu_attach_list_add(list, &att->elm,
				    attachment_tag(att->kind, did,
						   att->elm.pasid));
	if (!ret)
		trace_cache_tag_assign(att);
	return ret;
}

static void attachment_free_rcu(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct dmar_attachment, elm.rcu));
}

/* Returns enum iommu_attach_left, or an error if @att was not on the list. */
static int attachment_unlink(struct dmar_attachment *att)
{
	int left;

	trace_cache_tag_unassign(att);
	left = iommu_attach_list_remove(&att->domain->attachments, &att->elm);
	if (left >= 0)
		call_rcu(&att->elm.rcu, attachment_free_rcu);
	return left;
}

/* Find the domain id that the attachments of @domain use on @iommu, or 0. */
static u16 attachment_find_did(struct dmar_domain *domain,
			       struct intel_iommu *iommu)
{
	struct iommu_attach_elm *elm;
	struct dmar_attachment *att;

	/*
	 * The attachments of nested domains come last on the list: if the first
	 * one found belongs to a nested domain, all of them do.
	 */
	elm = iommu_attach_list_find_iommu(&domain->attachments, &iommu->iommu);
	if (!elm)
		return 0;
	att = to_dmar_attachment(elm);
	return att->kind == DMAR_ATTACH_NEST_PARENT ? 0 : att->did;
}

/* Test whether @iommu can enforce cache coherency, if @domain requires it. */
static bool attachment_coherency_supported(const struct dmar_domain *domain,
					   const struct intel_iommu *iommu)
{
	lockdep_assert_held(&domain->attachments.lock);
	return !domain->force_snooping || ecap_sc_support(iommu->ecap);
}

/*
 * Link @att with the domain id that its domain has on the IOMMU, or with @spare
 * if the domain has none. Returns -EAGAIN if it has none and @spare is 0, and
 * -EINVAL if the domain cannot be attached through the IOMMU.
 */
static int attachment_try_link(struct dmar_attachment *att,
			       struct intel_iommu *iommu, u16 spare)
{
	struct dmar_domain *domain = att->domain;
	u16 did;

	guard(spinlock)(&domain->attachments.lock);
	if (!attachment_coherency_supported(domain, iommu))
		return -EINVAL;
	did = domain->did ?: attachment_find_did(domain, iommu) ?: spare;
	return did ? attachment_link(att, did) : -EAGAIN;
}

/*
 * The first attachment of a domain on an IOMMU allocates a domain id, which may
 * sleep. If a concurrent attach of the domain has allocated and linked an id in
 * the meantime, that id is used and the new one is freed.
 */
static int attachment_link_own(struct dmar_attachment *att,
			       struct intel_iommu *iommu)
{
	int did, ret;

	ret = attachment_try_link(att, iommu, 0);
	if (ret != -EAGAIN)
		return ret;

	did = ida_alloc_range(&iommu->domain_ida, IDA_START_DID,
			      iommu->max_domain_id - 1, GFP_KERNEL);
	if (did < 0) {
		/* A concurrent attach may have linked an id meanwhile. */
		ret = attachment_try_link(att, iommu, 0);
		if (ret != -EAGAIN)
			return ret;
		dev_err_ratelimited(att->elm.dev,
				    "%s: Failed to allocate a domain id: %d\n",
				    iommu->name, did);
		return did;
	}
	ret = attachment_try_link(att, iommu, did);
	if (ret || att->did != did)
		ida_free(&iommu->domain_ida, did);
	return ret;
}

static int attachment_link_parent(struct dmar_attachment *att,
				  struct intel_iommu *iommu)
{
	struct dmar_domain *parent = att->parent->domain;

	guard(spinlock)(&parent->attachments.lock);
	if (!attachment_coherency_supported(parent, iommu))
		return -EINVAL;
	return attachment_link(att->parent, att->did);
}

/*
 * Unlink @att and free its domain id if no other attachment uses it. With a
 * first stage, attachments with different tags use the same id.
 */
static void attachment_unlink_own(struct dmar_attachment *att,
				  struct intel_iommu *iommu)
{
	struct dmar_domain *domain = att->domain;
	enum dmar_attach_kind kind = att->kind;
	u16 did = att->did;
	bool last;
	int left;

	guard(spinlock)(&domain->attachments.lock);
	left = attachment_unlink(att);
	if (kind == DMAR_ATTACH_FIRST_STAGE)
		last = left == IOMMU_ATTACH_LEFT_NONE;
	else
		last = left == IOMMU_ATTACH_LEFT_NONE ||
		       left == IOMMU_ATTACH_LEFT_IOMMU;
	if (last && !domain->did)
		ida_free(&iommu->domain_ida, did);
}

static void attachment_unlink_parent(struct dmar_attachment *att)
{
	guard(spinlock)(&att->domain->attachments.lock);
	attachment_unlink(att);
}

/**
 * dmar_attachment_add() - record an attachment before the hardware can use it
 * @domain: The domain.
 * @dev: The device. Its device TLB is included if ATS is enabled.
 * @pasid: The PASID, %IOMMU_NO_PASID for requests without one.
 *
 * On success, a full memory barrier has been issued, and every flush of @domain
 * that begins afterwards includes @dev. If @domain is nested, the same applies
 * to flushes of its parent. The caller then makes the context or PASID entry
 * present, with &dmar_attachment.did as the domain id.
 *
 * @dev may have another attachment for @pasid, which dmar_attachment_install()
 * replaces.
 *
 * Context: May sleep. The caller holds &device_domain_info.attach_lock.
 * Return: The attachment, to be passed to dmar_attachment_install() or, if the
 * attach fails later, to dmar_attachment_remove(). Otherwise an error pointer:
 * -ENOMEM; -ENOSPC if the IOMMU has no domain id left; -EINVAL if @domain
 * enforces cache coherency and the IOMMU does not support that.
 */
struct dmar_attachment *dmar_attachment_add(struct dmar_domain *domain,
					    struct device *dev, ioasid_t pasid)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dmar_attachment *att, *parent;
	int ret;

	lockdep_assert_held(&info->attach_lock);
	att = attachment_alloc_with_parent(domain, dev, pasid);
	if (!att)
		return ERR_PTR(-ENOMEM);
	parent = att->parent;

	ret = xa_reserve(&info->attachments, pasid, GFP_KERNEL);
	if (ret)
		goto err_free;
	ret = attachment_link_own(att, info->iommu);
	if (ret)
		goto err_release;
	if (!parent)
		return att;
	ret = attachment_link_parent(att, info->iommu);
	if (!ret)
		return att;

	/* This frees @att after a grace period, as a flush may be using it. */
	attachment_unlink_own(att, info->iommu);
	att = NULL;
err_release:
	xa_release(&info->attachments, pasid);
err_free:
	/* -EBUSY is a bug: @att or @parent is on a list, so free neither. */
	if (ret != -EBUSY) {
		kfree(parent);
		kfree(att);
	}
	return ERR_PTR(ret);
}

/**
 * dmar_attachment_remove() - remove and free an attachment
 * @att: Attachment returned by dmar_attachment_add() that is not installed.
 *
 * Called when the context or PASID entry no longer refers to the domain and all
 * caches have been invalidated. Frees the domain id if no other attachment uses
 * it.
 *
 * Flushes in progress may send device-TLB invalidations for @att until a grace
 * period has passed.
 *
 * Context: May sleep (debugfs). Does not allocate and cannot fail. The caller
 * holds &device_domain_info.attach_lock.
 */
void dmar_attachment_remove(struct dmar_attachment *att)
{
	struct device_domain_info *info = dev_iommu_priv_get(att->elm.dev);
	ioasid_t pasid = att->elm.pasid;

	lockdep_assert_held(&info->attach_lock);
	intel_iommu_debugfs_remove_dev_pasid(att);
	if (att->parent)
		attachment_unlink_parent(att->parent);
	attachment_unlink_own(att, info->iommu);
	xa_release(&info->attachments, pasid);
}

/**
 * dmar_attachment_install() - set the current attachment of a device and PASID
 * @dev: The device.
 * @pasid: The PASID, %IOMMU_NO_PASID for requests without one.
 * @att: Attachment from dmar_attachment_add() for @dev and @pasid, or NULL for
 *	the identity and the blocking domain, which have no attachments.
 *
 * The attachment that was installed before is removed; the requirements of
 * dmar_attachment_remove() apply.
 *
 * Context: As dmar_attachment_remove().
 */
void dmar_attachment_install(struct device *dev, ioasid_t pasid,
			     struct dmar_attachment *att)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dmar_attachment *old;

	lockdep_assert_held(&info->attach_lock);
	/* Does not allocate: dmar_attachment_add() has reserved the entry. */
	old = xa_store(&info->attachments, pasid, att, GFP_KERNEL);
	if (WARN_ON(xa_is_err(old)))
		return;
	if (old)
		dmar_attachment_remove(old);
}

/*
 * Invalidate translations cached before the device TLB was recorded. In legacy
 * mode there are none, as the context entry is not present yet.
 */
static void attachment_flush_devtlb(struct device_domain_info *info,
				    ioasid_t pasid)
{
	u16 sid = PCI_DEVID(info->bus, info->devfn);
	struct qi_desc descs[2] = {};

	if (!sm_supported(info->iommu) || !(info->iommu->gcmd & DMA_GCMD_TE))
		return;
	if (pasid == IOMMU_NO_PASID)
		qi_desc_dev_iotlb(sid, info->pfsid, info->ats_qdep, 0,
				  MAX_AGAW_PFN_WIDTH, &descs[0]);
	else
		qi_desc_dev_iotlb_pasid(sid, info->pfsid, pasid, info->ats_qdep,
					0, MAX_AGAW_PFN_WIDTH, &descs[0]);
	descs[1] = descs[0];
	qi_submit_sync(info->iommu, descs, info->dtlb_extra_inval ? 2 : 1, 0);
}

/**
 * dmar_attachment_record_devtlb() - record the device TLB after enabling ATS
 * @dev: The device. ATS has just been enabled.
 *
 * Attachments that were added while ATS was disabled do not include the device
 * TLB, because an invalidation of it would have timed out. Each of them is
 * replaced by one that includes it. In scalable mode, the device TLB is then
 * invalidated completely. Flushes in progress detect the new attachments.
 *
 * Context: May sleep. The caller holds &device_domain_info.attach_lock.
 * Return: 0 on success or if no domain is attached. On -ENOMEM the attachments
 * are unchanged, and the caller disables ATS.
 */
int dmar_attachment_record_devtlb(struct device *dev)
{
	struct device_domain_info *info = dev_iommu_priv_get(dev);
	struct dmar_attachment *att, *old;
	unsigned long pasid;
	struct xarray added;
	int ret = 0;

	lockdep_assert_held(&info->attach_lock);
	xa_init(&added);
	xa_for_each(&info->attachments, pasid, old) {
		att = dmar_attachment_add(old->domain, dev, pasid);
		ret = PTR_ERR_OR_ZERO(att);
		if (ret)
			break;
		ret = xa_err(xa_store(&added, pasid, att, GFP_KERNEL));
		if (ret) {
			dmar_attachment_remove(att);
			break;
		}
	}
	xa_for_each(&added, pasid, att) {
		if (ret) {
			dmar_attachment_remove(att);
			continue;
		}
		dmar_attachment_install(dev, pasid, att);
		attachment_flush_devtlb(info, pasid);
	}
	xa_destroy(&added);
	return ret;
}
