// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of shared virtual addressing (SVA) on mock IOMMUs.
 *
 * Devices are bound to an address space and use its page table as first stage.
 * The tests unmap memory of the address space, or make the address space exit,
 * and check what the devices reach and which invalidations the driver requests.
 */

#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/sched/mm.h>

#include "fixture.h"

static bool sva_reaches(struct iommu_sva *sva, struct device *dev,
			void __user *addr, phys_addr_t want)
{
	phys_addr_t pa;

	return !mock_dma(dev, iommu_sva_get_pasid(sva), (u64)(uintptr_t)addr,
			  true, &pa) && pa == want;
}

/*
 * Two devices of one IOMMU are bound to the same address space. An unmap
 * requests one IOTLB invalidation, and one device-TLB invalidation for each
 * device.
 */
static void sva_unmap(struct kunit *test)
{
	struct device *dev[2] = { mock_dev(MOCK_FS, 1),
				  mock_dev(MOCK_FS, 2) };
	void __user *addr = ut_new_user_page(test);
	phys_addr_t pa = ut_user_pa(test, addr);
	struct iommu_sva *sva[2];
	unsigned int i, waits;

	for (i = 0; i < 2; i++) {
		sva[i] = iommu_sva_bind_device(dev[i], current->mm);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sva[i]);
		KUNIT_EXPECT_TRUE(test, sva_reaches(sva[i], dev[i], addr, pa));
	}

	mock_reset();
	KUNIT_EXPECT_EQ(test, vm_munmap((unsigned long)addr, PAGE_SIZE), 0);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_FALSE(test, sva_reaches(sva[i], dev[i], addr, pa));
	waits = ut_count(test, MOCK_FS, MOCK_INV_WAIT);
	/*
	 * munmap() frees page tables, too, and may flush several times. Each
	 * flush has the same number of invalidations.
	 */
	KUNIT_EXPECT_GT(test, waits, 0);
	KUNIT_EXPECT_EQ(test, ut_count(test, MOCK_FS, MOCK_INV_PIOTLB), waits);
	KUNIT_EXPECT_EQ(test, ut_count(test, MOCK_FS, MOCK_INV_DEVTLB_PASID),
			2 * waits);

	addr = ut_new_user_page(test);
	pa = ut_user_pa(test, addr);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_TRUE(test, sva_reaches(sva[i], dev[i], addr, pa));
	iommu_sva_unbind_device(sva[0]);
	KUNIT_EXPECT_FALSE(test, sva_reaches(sva[1], dev[0], addr, pa));
	KUNIT_EXPECT_TRUE(test, sva_reaches(sva[1], dev[1], addr, pa));
	iommu_sva_unbind_device(sva[1]);
}

/**
 * struct sva_process - address space of one page, and a device bound to it
 * @mm: The address space.
 * @addr: User address of the page.
 * @pa: Physical address of the page.
 * @dev: The device.
 * @sva: Its binding.
 */
struct sva_process {
	struct mm_struct *mm;
	void __user *addr;
	phys_addr_t pa;
	struct device *dev;
	struct iommu_sva *sva;
};

static void sva_new_process(struct kunit *test, struct sva_process *p)
{
	int ret;

	p->mm = ut_new_mm();
	KUNIT_ASSERT_NOT_NULL(test, p->mm);
	kthread_use_mm(p->mm);
	ret = ut_mmap_page(&p->addr, &p->pa);
	kthread_unuse_mm(p->mm);
	KUNIT_ASSERT_EQ(test, ret, 0);

	p->dev = mock_dev(MOCK_FS, 1);
	p->sva = iommu_sva_bind_device(p->dev, p->mm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p->sva);
	KUNIT_EXPECT_TRUE(test, sva_reaches(p->sva, p->dev, p->addr, p->pa));
}

/* Expect that DMA is refused, and reported as a fault only if @reported. */
static void sva_check_refused(struct kunit *test, const struct sva_process *p,
			      ioasid_t pasid, bool reported)
{
	const struct mock_cache *cache = &mock_iommu(MOCK_FS)->cache;
	unsigned int before = cache->refused;
	phys_addr_t pa;

	KUNIT_EXPECT_EQ(test, mock_dma(p->dev, pasid,
				       (u64)(uintptr_t)p->addr, true, &pa),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, cache->refused, before + reported);
}

/*
 * When an address space exits, DMA of its devices is refused. Fault reporting
 * is off until the device driver unbinds the device, because the device may
 * continue its DMA until then.
 */
static void sva_exit(struct kunit *test)
{
	struct sva_process p = {};
	ioasid_t pasid;

	sva_new_process(test, &p);
	pasid = iommu_sva_get_pasid(p.sva);
	mmput(p.mm);
	sva_check_refused(test, &p, pasid, false);
	iommu_sva_unbind_device(p.sva);
	sva_check_refused(test, &p, pasid, true);
}

/*
 * When an address space exits, DMA of every device that is bound to it is
 * refused, behind the same IOMMU and behind another one.
 */
static void sva_exit_with_several_devices(struct kunit *test)
{
	struct device *dev[] = {
		mock_dev(MOCK_FS, 1), mock_dev(MOCK_FS, 2),
		mock_dev(MOCK_FS_CM, 1),
	};
	struct iommu_sva *sva[ARRAY_SIZE(dev)];
	struct sva_process p = {};
	ioasid_t pasid;
	phys_addr_t pa;
	unsigned int i;

	sva_new_process(test, &p);
	pasid = iommu_sva_get_pasid(p.sva);
	sva[0] = p.sva;
	for (i = 1; i < ARRAY_SIZE(dev); i++) {
		sva[i] = iommu_sva_bind_device(dev[i], p.mm);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sva[i]);
		KUNIT_EXPECT_TRUE(test,
				  sva_reaches(sva[i], dev[i], p.addr, p.pa));
	}
	mmput(p.mm);
	for (i = 0; i < ARRAY_SIZE(dev); i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    mock_dma(dev[i], pasid,
					     (u64)(uintptr_t)p.addr, true, &pa),
				    -EFAULT, "device %u", i);
	for (i = 0; i < ARRAY_SIZE(dev); i++)
		iommu_sva_unbind_device(sva[i]);
}

/* If an address space exits during a reset, the reset must not reattach it. */
static void sva_exit_during_reset(struct kunit *test)
{
	struct sva_process p = {};
	struct pci_dev *pdev;
	ioasid_t pasid;

	sva_new_process(test, &p);
	pdev = to_pci_dev(p.dev);
	pasid = iommu_sva_get_pasid(p.sva);
	KUNIT_ASSERT_EQ(test, pci_dev_reset_iommu_prepare(pdev), 0);
	mmput(p.mm);
	pci_dev_reset_iommu_done(pdev);
	sva_check_refused(test, &p, pasid, false);
	iommu_sva_unbind_device(p.sva);
	sva_check_refused(test, &p, pasid, true);
}

static void sva_exit_work(void *mm)
{
	mmput(mm);
}

/* An address space exits while its device is being unbound. */
static void sva_exit_during_unbind(struct kunit *test)
{
	struct mock_iommu *iommu = mock_iommu(MOCK_FS);
	struct sva_process p = {};
	unsigned int hits = 0;
	struct ut_thread thread;
	ioasid_t pasid;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		sva_new_process(test, &p);
		pasid = iommu_sva_get_pasid(p.sva);
		mock_set_errors(iommu, (struct mock_errors) {
			.latency = LATENCY,
		});
		ut_start(test, &thread, sva_exit_work, p.mm);
		hits += ut_wait_for_work(&thread, iommu);
		iommu_sva_unbind_device(p.sva);
		sva_check_refused(test, &p, pasid, true);
		ut_join(&thread);
		sva_check_refused(test, &p, pasid, true);
		mock_set_errors(iommu, (struct mock_errors) {});
	}
	KUNIT_EXPECT_GT(test, hits, 0);
}

static struct kunit_case sva_cases[] = {
	KUNIT_CASE(sva_unmap),
	KUNIT_CASE(sva_exit),
	KUNIT_CASE(sva_exit_with_several_devices),
	KUNIT_CASE(sva_exit_during_unbind),
	KUNIT_CASE(sva_exit_during_reset),
	{}
};

static struct kunit_suite sva_suite = {
	.name = "intel_iommu_sva",
	.suite_init = ut_suite_init,
	.init = ut_init,
	.test_cases = sva_cases,
};

kunit_test_suites(&sva_suite);

MODULE_DESCRIPTION("KUnit tests of SVA on mock Intel IOMMUs");
MODULE_LICENSE("GPL");
