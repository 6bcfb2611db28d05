/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fixture of the KUnit suites that test single parts of the driver on mock
 * IOMMUs: its attachments (attach.c), and the invalidations that its flushes
 * send (cache.c). In contrast to fixture.h, which it extends, it depends on
 * internals of the driver.
 */
#ifndef _INTEL_IOMMU_TESTS_DRIVER_H
#define _INTEL_IOMMU_TESTS_DRIVER_H

#include "../attach.h"
#include "../cache.h"
#include "../iommu.h"
#include "fixture.h"

/* Flags for a second-stage domain on IOMMUs that support both stages */
#define SECOND_STAGE	IOMMU_HWPT_ALLOC_DIRTY_TRACKING

static inline struct device_domain_info *drv_info(struct device *dev)
{
	return dev_iommu_priv_get(dev);
}

static inline struct intel_iommu *drv_iommu(enum mock_iommu_id id)
{
	return drv_info(mock_dev(id, 0))->iommu;
}

static inline struct iommu_attach_list *
drv_attachments(struct iommu_domain *domain)
{
	return &to_dmar_domain(domain)->attachments;
}

/*
 * Attach a domain, and replace the domain of a PASID. Return the domain id on
 * the IOMMU of the device; a failure aborts the test. Domains are detached at
 * the end of the test, in reverse order, or by drv_detach().
 */
u16 drv_attach(struct kunit *test, struct iommu_domain *domain,
	       struct device *dev, ioasid_t pasid);
u16 drv_replace(struct kunit *test, struct iommu_domain *domain,
		struct device *dev, ioasid_t pasid);
void drv_detach(struct kunit *test, struct device *dev, ioasid_t pasid);

/* Domain id of an attachment, 0 if the domain is not attached */
u16 drv_did(struct iommu_domain *domain, struct device *dev, ioasid_t pasid);
/* Whether the device holds or has reserved an attachment for the PASID */
bool drv_has_attachment(struct device *dev, ioasid_t pasid);

/*
 * Add an attachment to the list of a domain, or remove it, without changing the
 * context or PASID entry, as an attach does before it changes the entry.
 * drv_add() returns an error pointer on failure.
 */
struct dmar_attachment *drv_add(struct iommu_domain *domain, struct device *dev,
				ioasid_t pasid);
void drv_remove(struct dmar_attachment *att);
/* Make @att, or none, the current attachment of the device and PASID. */
void drv_install(struct device *dev, ioasid_t pasid,
		 struct dmar_attachment *att);

/*
 * Set the driver's record of whether ATS is enabled. ATS of the device itself
 * stays enabled, so that it accepts device-TLB invalidations in either case.
 */
void drv_set_ats(struct device *dev, bool enabled);
/* Call dmar_attachment_record_devtlb() with the lock that it requires. */
int drv_enable_ats(struct device *dev);

/*
 * Call mock_reset(), which clears the logs and the injected errors, and flush:
 * the bytes from @start to @last, or everything.
 */
void drv_flush(struct iommu_domain *domain, unsigned long start,
	       unsigned long last, int ih);
void drv_flush_np(struct iommu_domain *domain, unsigned long start,
		  unsigned long last);
void drv_flush_all(struct iommu_domain *domain);

/*
 * Expect that an IOMMU has executed exactly the @nr invalidations in @want, in
 * this order, since the log was cleared, and that they were submitted by
 * @doorbells tail updates or register-based requests.
 */
void drv_expect_log(struct kunit *test, enum mock_iommu_id id,
		    unsigned int doorbells, const struct mock_inv *want,
		    unsigned int nr);

#define DRV_EXPECT_LOG(test, id, doorbells, ...)			\
do {									\
	const struct mock_inv __want[] = { __VA_ARGS__ };		\
									\
	drv_expect_log(test, id, doorbells, __want, ARRAY_SIZE(__want));\
} while (0)

static inline void drv_expect_nothing(struct kunit *test, enum mock_iommu_id id)
{
	drv_expect_log(test, id, 0, NULL, 0);
}

/* Whether the log holds @want; granularity and hint are not compared. */
bool drv_log_has(enum mock_iommu_id id, const struct mock_inv *want);

/*
 * Invalidations in decoded form. The suffix _LEAF stands for an invalidation
 * hint, _ALL for all pages of the domain id or PASID.
 */
#define WAIT			{ .type = MOCK_INV_WAIT }
#define WRITE_BUFFER		{ .type = MOCK_INV_WRITE_BUFFER }
#define IOTLB(d, a, o)							\
	{ .type = MOCK_INV_IOTLB, .granularity = MOCK_PAGES, .did = d,	\
	  .addr = a, .order = o }
#define IOTLB_LEAF(d, a, o)						\
	{ .type = MOCK_INV_IOTLB, .granularity = MOCK_PAGES, .did = d,	\
	  .addr = a, .order = o, .ih = true }
#define IOTLB_ALL(d)							\
	{ .type = MOCK_INV_IOTLB, .granularity = MOCK_DOMAIN, .did = d,	\
	  .order = MOCK_ALL_PAGES }
#define PIOTLB(d, p, a, o)						\
	{ .type = MOCK_INV_PIOTLB, .granularity = MOCK_PAGES, .did = d,	\
	  .pasid = p, .addr = a, .order = o }
#define PIOTLB_LEAF(d, p, a, o)						\
	{ .type = MOCK_INV_PIOTLB, .granularity = MOCK_PAGES, .did = d,	\
	  .pasid = p, .addr = a, .order = o, .ih = true }
#define PIOTLB_ALL(d, p)						\
	{ .type = MOCK_INV_PIOTLB, .granularity = MOCK_DOMAIN, .did = d,\
	  .pasid = p, .order = MOCK_ALL_PAGES }
#define DEVTLB(s, a, o)							\
	{ .type = MOCK_INV_DEVTLB, .sid = s, .addr = a, .order = o }
#define DEVTLB_ALL(s)		DEVTLB(s, 0, MOCK_ALL_PAGES)
#define DEVTLB_PASID(s, p, a, o)					\
	{ .type = MOCK_INV_DEVTLB_PASID, .sid = s, .pasid = p,		\
	  .addr = a, .order = o }
#define DEVTLB_PASID_ALL(s, p)	DEVTLB_PASID(s, p, 0, MOCK_ALL_PAGES)

#endif /* _INTEL_IOMMU_TESTS_DRIVER_H */
