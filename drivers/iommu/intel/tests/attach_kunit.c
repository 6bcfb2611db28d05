// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of attach.c on mock IOMMUs: domain ids, replacement and removal
 * of attachments, and attaches that fail.
 */

#include <linux/container_of.h>
#include <linux/idr.h>

#include "driver.h"

/* More domain ids than the tests allocate */
#define ATTACH_MAX_IDS	256

/* Domain ids */

static bool attach_uses_id(enum mock_iommu_id id, u16 did)
{
	return ida_exists(&drv_iommu(id)->domain_ida, did);
}

static unsigned int attach_count_ids(enum mock_iommu_id id)
{
	unsigned int did, n = 0;

	for (did = 0; did < ATTACH_MAX_IDS; did++)
		n += attach_uses_id(id, did);
	return n;
}

/*
 * The first attachment of a domain on an IOMMU allocates a domain id. Further
 * attachments of the domain on the same IOMMU share the id, and removing the
 * last of them frees it.
 */
static void domain_ids(struct kunit *test)
{
	struct device *a = mock_dev(MOCK_FS, 0), *b = mock_dev(MOCK_FS, 1);
	struct device *c = mock_dev(MOCK_FS2, 0);
	struct iommu_domain *domain = ut_new_domain(test, a, SECOND_STAGE);
	struct iommu_domain *other = ut_new_domain(test, a, SECOND_STAGE);
	const unsigned int far_ids = attach_count_ids(MOCK_FS2);
	u16 did, other_did;

	did = drv_attach(test, domain, a, IOMMU_NO_PASID);
	KUNIT_EXPECT_TRUE(test, attach_uses_id(MOCK_FS, did));
	KUNIT_EXPECT_EQ(test, drv_attach(test, domain, b, 3), did);
	other_did = drv_attach(test, other, b, 4);
	KUNIT_EXPECT_NE(test, other_did, did);
	KUNIT_EXPECT_EQ(test, attach_count_ids(MOCK_FS2), far_ids);
	drv_attach(test, domain, c, 3);
	KUNIT_EXPECT_EQ(test, attach_count_ids(MOCK_FS2), far_ids + 1);

	/* Another attachment still uses the id. */
	drv_detach(test, a, IOMMU_NO_PASID);
	KUNIT_EXPECT_TRUE(test, attach_uses_id(MOCK_FS, did));
	KUNIT_EXPECT_EQ(test, drv_attach(test, domain, a, IOMMU_NO_PASID), did);
	drv_detach(test, b, 3);
	KUNIT_EXPECT_TRUE(test, attach_uses_id(MOCK_FS, did));
	/* An attachment on another IOMMU does not keep the id allocated. */
	drv_detach(test, a, IOMMU_NO_PASID);
	KUNIT_EXPECT_FALSE(test, attach_uses_id(MOCK_FS, did));
	KUNIT_EXPECT_EQ(test, attach_count_ids(MOCK_FS2), far_ids + 1);
	drv_detach(test, c, 3);
	KUNIT_EXPECT_EQ(test, attach_count_ids(MOCK_FS2), far_ids);
}

/*
 * The list of a nest parent also holds the attachments of its nested domains,
 * with their domain ids. Attachments of the parent itself use another id.
 */
static void domain_ids_nested(struct kunit *test)
{
	struct device *a = mock_dev(MOCK_FS, 1), *b = mock_dev(MOCK_FS, 0);
	struct ut_guest guest = {};
	u16 did;

	ut_new_guest(test, a, &guest);
	did = drv_attach(test, guest.domain, a, 3);
	KUNIT_EXPECT_EQ(test, drv_did(guest.parent, a, 3), did);
	KUNIT_EXPECT_NE(test, drv_attach(test, guest.parent, b, 3), did);
	drv_detach(test, b, 3);
	KUNIT_EXPECT_TRUE(test, attach_uses_id(MOCK_FS, did));
	drv_detach(test, a, 3);
	KUNIT_EXPECT_FALSE(test, attach_uses_id(MOCK_FS, did));
}

/*
 * If no domain id is free, an attach fails and leaves no attachment behind. A
 * domain that already has an id on the IOMMU can be attached to more devices.
 */
static void domain_ids_used_up(struct kunit *test)
{
	struct device *a = mock_dev(MOCK_SS, 0), *b = mock_dev(MOCK_SS, 1);
	struct iommu_domain *domain = ut_new_domain(test, a, 0);
	struct iommu_domain *other = ut_new_domain(test, a, 0);
	struct intel_iommu *iommu = drv_iommu(MOCK_SS);
	const unsigned long limit = iommu->max_domain_id;
	u16 did = drv_attach(test, domain, a, 3);
	int ret, refused;

	/* The lowest free id is allocated, so all ids below @did are in use. */
	iommu->max_domain_id = did + 1;
	refused = ut_attach(other, b, 3);
	ret = ut_attach(domain, b, 4);
	iommu->max_domain_id = limit;

	KUNIT_EXPECT_EQ(test, refused, -ENOSPC);
	if (!refused)
		ut_detach(other, b, 3);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(drv_attachments(other)));
	KUNIT_EXPECT_FALSE(test, drv_has_attachment(b, 3));
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, drv_did(domain, b, 4), did);
	ut_detach(domain, b, 4);
}

/* Refused and failing attaches */

static void attach_expect_refused(struct kunit *test,
				  struct iommu_domain *domain,
				  struct device *dev)
{
	const unsigned int ids = attach_count_ids(MOCK_FS_OLD);
	struct dmar_attachment *att;

	att = drv_add(domain, dev, 3);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(att), -EINVAL);
	if (!IS_ERR(att))
		drv_remove(att);
	KUNIT_EXPECT_EQ(test, ut_attach(domain, dev, 3), -EINVAL);
	KUNIT_EXPECT_FALSE(test, drv_has_attachment(dev, 3));
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(drv_attachments(domain)));
	KUNIT_EXPECT_EQ(test, attach_count_ids(MOCK_FS_OLD), ids);
}

/*
 * A domain that enforces cache coherency, or that is nested on one that does,
 * cannot be attached through an IOMMU without snoop control.
 */
static void coherency_enforced(struct kunit *test)
{
	struct device *unable = mock_dev(MOCK_FS_OLD, 0);
	struct device *able = mock_dev(MOCK_FS, 0);
	struct iommu_domain *parent;
	struct ut_guest guest = {};

	ut_new_guest(test, unable, &guest);
	parent = guest.parent;
	KUNIT_ASSERT_TRUE(test, parent->ops->enforce_cache_coherency(parent));

	attach_expect_refused(test, parent, unable);
	attach_expect_refused(test, guest.domain, unable);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(drv_attachments(parent)));
	drv_attach(test, parent, able, IOMMU_NO_PASID);
	drv_attach(test, guest.domain, able, 3);
}

/**
 * struct attach_failing - failing attach while another device stays attached
 * @f: The attach that fails.
 * @nested: Domain that is nested on @parent.
 * @parent: Nest parent.
 * @did: Domain id of the attachment of the other device.
 */
struct attach_failing {
	struct ut_failing f;
	struct iommu_domain *nested;
	struct iommu_domain *parent;
	u16 did;
};

/* After a failed attach, flushes include only the other device. */
static void attach_check_failed(struct kunit *test, struct ut_failing *f,
				bool attached)
{
	const struct attach_failing *a = container_of(f, typeof(*a), f);

	KUNIT_EXPECT_EQ(test, drv_has_attachment(f->dev, f->pasid), attached);
	if (attached)
		return;
	drv_flush(a->nested, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, PIOTLB(a->did, 0, 0x1000, 0), WAIT);
	drv_flush(a->parent, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB(a->did, 0x1000, 0), WAIT);
}

/* If an allocation fails, neither the domain nor the nest parent changes. */
static void allocation_failure(struct kunit *test)
{
	struct device *keep = mock_dev(MOCK_FS, 0), *dev = mock_dev(MOCK_FS, 1);
	struct ut_guest guest = {};
	struct attach_failing a = {
		.f = {
			.dev = dev,
			.pasid = 3,
			.check = attach_check_failed,
		},
	};

	ut_new_guest(test, dev, &guest);
	a.parent = guest.parent;
	a.nested = guest.domain;
	a.f.domain = guest.domain;
	a.did = drv_attach(test, guest.domain, keep, IOMMU_NO_PASID);
	ut_fail_each(test, &a.f);
}

static int attach_try_enable_ats(struct ut_failing *f)
{
	return drv_enable_ats(f->dev);
}

/* Replace the attachments by ones without a device TLB. */
static void attach_undo_enable_ats(struct ut_failing *f)
{
	drv_set_ats(f->dev, false);
	drv_enable_ats(f->dev);
	drv_set_ats(f->dev, true);
}

static void attach_check_ats(struct kunit *test, struct ut_failing *f,
			     bool enabled)
{
	const u16 did = drv_did(f->domain, f->dev, f->pasid);
	const u16 sid = mock_sid(1);

	drv_flush(f->domain, 0x1000, 0x1fff, 0);
	if (enabled)
		DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB(did, 0x1000, 0),
			       DEVTLB_PASID(sid, f->pasid, 0x1000, 0), WAIT);
	else
		DRV_EXPECT_LOG(test, MOCK_FS, 1, IOTLB(did, 0x1000, 0), WAIT);
}

/*
 * If an allocation fails while ATS is being enabled after the attach, no
 * attachment records a device TLB.
 */
static void allocation_failure_late_ats(struct kunit *test)
{
	struct ut_failing f = {
		.dev = mock_dev(MOCK_FS, 1),
		.pasid = 3,
		.attempt = attach_try_enable_ats,
		.undo = attach_undo_enable_ats,
		.check = attach_check_ats,
	};

	f.domain = ut_new_domain(test, f.dev, SECOND_STAGE);
	drv_set_ats(f.dev, false);
	drv_attach(test, f.domain, f.dev, f.pasid);
	drv_set_ats(f.dev, true);
	ut_fail_each(test, &f);
	/* Record the device TLB again, also for the default domain. */
	KUNIT_EXPECT_EQ(test, drv_enable_ats(f.dev), 0);
}

/* Replacement and removal */

/*
 * During a replacement, flushes of both domains include the device. The old
 * attachment is removed once the new one has been installed.
 */
static void replace_flushes_both_domains(struct kunit *test)
{
	struct device *dev = mock_dev(MOCK_SS, 1);
	struct iommu_domain *old = ut_new_domain(test, dev, 0);
	struct iommu_domain *new = ut_new_domain(test, dev, 0);
	struct dmar_attachment *att;
	const u16 sid = mock_sid(1);
	u16 did, new_did;

	did = drv_attach(test, old, dev, 3);
	att = drv_add(new, dev, 3);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, att);
	KUNIT_EXPECT_NE(test, att->did, did);
	drv_flush(old, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_SS, 1, IOTLB(did, 0x1000, 0),
		       DEVTLB_PASID(sid, 3, 0x1000, 0), WAIT);
	drv_flush(new, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_SS, 1, IOTLB(att->did, 0x1000, 0),
		       DEVTLB_PASID(sid, 3, 0x1000, 0), WAIT);

	/* Abandon the replacement: the old attachment is unchanged. */
	drv_remove(att);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(drv_attachments(new)));
	KUNIT_EXPECT_TRUE(test, drv_has_attachment(dev, 3));
	drv_flush(old, 0x1000, 0x1fff, 0);
	DRV_EXPECT_LOG(test, MOCK_SS, 1, IOTLB(did, 0x1000, 0),
		       DEVTLB_PASID(sid, 3, 0x1000, 0), WAIT);

	/* Carry out the replacement. */
	new_did = drv_replace(test, new, dev, 3);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(drv_attachments(old)));
	KUNIT_EXPECT_FALSE(test, attach_uses_id(MOCK_SS, did));
	KUNIT_EXPECT_TRUE(test, attach_uses_id(MOCK_SS, new_did));
	drv_detach(test, dev, 3);
	KUNIT_EXPECT_TRUE(test, iommu_attach_list_empty(drv_attachments(new)));
	KUNIT_EXPECT_FALSE(test, attach_uses_id(MOCK_SS, new_did));
	KUNIT_EXPECT_FALSE(test, drv_has_attachment(dev, 3));
}

/*
 * A detach removes the attachment that the attach added, even if ATS has been
 * disabled since. It removes nothing if no domain is attached.
 */
static void detach_what_was_attached(struct kunit *test)
{
	struct device *a = mock_dev(MOCK_SS, 1), *b = mock_dev(MOCK_SS, 2);
	struct iommu_domain *domain = ut_new_domain(test, a, 0);
	u16 did = drv_attach(test, domain, a, 5);
	int i;

	drv_attach(test, domain, b, 5);
	/* Disable ATS between attach and detach. */
	drv_set_ats(a, false);
	drv_detach(test, a, 5);
	drv_set_ats(a, true);
	for (i = 0; i < 2; i++) {
		drv_flush(domain, 0x1000, 0x1fff, 0);
		DRV_EXPECT_LOG(test, MOCK_SS, 1, IOTLB(did, 0x1000, 0),
			       DEVTLB_PASID(mock_sid(2), 5, 0x1000, 0), WAIT);
		drv_install(a, 5, NULL);
	}
}

static struct kunit_case attach_cases[] = {
	KUNIT_CASE(domain_ids),
	KUNIT_CASE(domain_ids_nested),
	KUNIT_CASE(domain_ids_used_up),
	KUNIT_CASE(coherency_enforced),
	KUNIT_CASE(allocation_failure),
	KUNIT_CASE(allocation_failure_late_ats),
	KUNIT_CASE(replace_flushes_both_domains),
	KUNIT_CASE(detach_what_was_attached),
	{}
};

static struct kunit_suite attach_suite = {
	.name = "intel_iommu_attach",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = attach_cases,
};

kunit_test_suites(&attach_suite);

MODULE_DESCRIPTION("KUnit tests of attachments of VT-d domains");
MODULE_LICENSE("GPL");
