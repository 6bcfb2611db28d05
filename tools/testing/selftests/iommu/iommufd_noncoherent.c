// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of CPU cache flushes for non-coherent domains
 *
 * iommufd flushes pages from the CPU caches before a non-coherent domain maps
 * them, and before such pages are unpinned. A domain is non-coherent if it does
 * not enforce coherency for a device that can bypass the caches. These tests
 * check how many pages each operation flushes. The mock driver counts flushes,
 * and violations such as a page that is mapped without a flush, in
 * drivers/iommu/iommufd/selftest_flush.c. After each test, teardown_iommufd()
 * checks that there were no violations.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define __EXPORTED_HEADERS__
#include <linux/vfio.h>

#include "iommufd_utils.h"

#define NPAGES		16
#define TABLES		2
#define SLOTS		6
#define IOVA		MOCK_APERTURE_START
#define COHERENT	MOCK_FLAGS_DEVICE_ENFORCE_CC
#define NONCOHERENT	0
#define SNOOPS		MOCK_FLAGS_DEVICE_SNOOPS
#define SHARED		MOCK_FLAGS_DEVICE_SHARED_GROUP
#define PASID		MOCK_FLAGS_DEVICE_PASID

static __attribute__((constructor)) void setup_buffer(void)
{
	PAGE_SIZE = sysconf(_SC_PAGE_SIZE);
	BUFFER_SIZE = TABLES * SLOTS * NPAGES * PAGE_SIZE;
	buffer = mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mfd_buffer = memfd_mmap(BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				&mfd);
}

FIXTURE(noncoherent)
{
	int fd;
	__u32 ioas_id;
	__u64 flushed;
	size_t length;
};

FIXTURE_SETUP(noncoherent)
{
	self->fd = open("/dev/iommu", O_RDWR);
	ASSERT_NE(-1, self->fd);
	test_ioctl_ioas_alloc(&self->ioas_id);
	if (_test_cmd_flush_counts(self->fd, &self->flushed, NULL, false))
		SKIP(return, "this architecture does not flush CPU caches");
	self->length = NPAGES * PAGE_SIZE;
}

FIXTURE_TEARDOWN(noncoherent)
{
	teardown_iommufd(self->fd, _metadata);
}

/* Expect that @npages pages have been flushed since the last check. */
#define expect_flushed(npages)                                                \
	({                                                                    \
		__u64 before = self->flushed;                                 \
									      \
		ASSERT_EQ(0, _test_cmd_flush_counts(self->fd, &self->flushed, \
						    NULL, false));            \
		EXPECT_EQ(npages, self->flushed - before);                    \
	})

static int copy_range(int fd, __u32 dst, __u32 src, __u64 dst_iova,
		      __u64 src_iova, size_t length)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.dst_ioas_id = dst,
		.src_ioas_id = src,
		.dst_iova = dst_iova,
		.src_iova = src_iova,
		.length = length,
	};

	return ioctl(fd, IOMMU_IOAS_COPY, &cmd);
}

static int access_write(int fd, __u32 access_id, __u64 iova, size_t length,
			__u32 flags)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_ACCESS_RW,
		.id = access_id,
		.access_rw = { .iova = iova,
			       .length = length,
			       .uptr = (uintptr_t)mfd_buffer,
			       .flags = flags | MOCK_ACCESS_RW_WRITE },
	};

	return ioctl(fd, _IOMMU_TEST_CMD(IOMMU_TEST_OP_ACCESS_RW), &cmd);
}

static int access_pin(int fd, __u32 access_id, __u64 iova, size_t length,
		      __u32 *item_id)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_ACCESS_PAGES,
		.id = access_id,
		.access_pages = { .iova = iova,
				  .length = length,
				  .flags = MOCK_FLAGS_ACCESS_WRITE },
	};
	int rc;

	rc = ioctl(fd, _IOMMU_TEST_CMD(IOMMU_TEST_OP_ACCESS_PAGES), &cmd);
	*item_id = cmd.access_pages.out_access_pages_id;
	return rc;
}

/* Map with a domain attached, and attach a domain with the mapping present. */
TEST_F(noncoherent, map_and_unmap)
{
	__u32 stdev_id;

	test_cmd_mock_domain_flags(self->ioas_id, NONCOHERENT, &stdev_id, NULL,
				   NULL);
	expect_flushed(0);
	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA);
	expect_flushed(NPAGES);
	test_ioctl_ioas_unmap(IOVA, self->length);
	expect_flushed(NPAGES);
	test_ioctl_ioas_map_fixed_file(mfd, 0, self->length, IOVA);
	expect_flushed(NPAGES);
	test_ioctl_destroy(stdev_id);
	expect_flushed(NPAGES);

	test_cmd_mock_domain_flags(self->ioas_id, NONCOHERENT, &stdev_id, NULL,
				   NULL);
	expect_flushed(NPAGES);
	test_ioctl_ioas_unmap(IOVA, self->length);
	expect_flushed(NPAGES);
}

FIXTURE(coherent)
{
	int fd;
	__u32 ioas_id;
	__u64 flushed;
	size_t length;
};

FIXTURE_VARIANT(coherent)
{
	__u32 flags;
};

FIXTURE_VARIANT_ADD(coherent, enforced)
{
	.flags = COHERENT,
};

/* Coherency is not enforced, but the device never bypasses the caches. */
FIXTURE_VARIANT_ADD(coherent, snooping_device)
{
	.flags = SNOOPS,
};

FIXTURE_SETUP(coherent)
{
	self->fd = open("/dev/iommu", O_RDWR);
	ASSERT_NE(-1, self->fd);
	test_ioctl_ioas_alloc(&self->ioas_id);
	if (_test_cmd_flush_counts(self->fd, &self->flushed, NULL, false))
		SKIP(return, "this architecture does not flush CPU caches");
	self->length = NPAGES * PAGE_SIZE;
}

FIXTURE_TEARDOWN(coherent)
{
	teardown_iommufd(self->fd, _metadata);
}

/* No operation on a coherent domain flushes. */
TEST_F(coherent, not_flushed)
{
	__u32 access_id, item_id, stdev_id;

	test_cmd_create_access(self->ioas_id, &access_id,
			       MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES);
	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA);
	test_cmd_mock_domain_flags(self->ioas_id, variant->flags, &stdev_id,
				   NULL, NULL);
	ASSERT_EQ(0, access_write(self->fd, access_id, IOVA, self->length, 0));
	ASSERT_EQ(0, access_pin(self->fd, access_id, IOVA, self->length,
				&item_id));
	test_cmd_destroy_access_pages(access_id, item_id);
	test_ioctl_ioas_unmap(IOVA, self->length);
	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA);
	test_ioctl_destroy(stdev_id);
	test_cmd_destroy_access(access_id);
	expect_flushed(0);
}

/* Pages that a removed non-coherent domain has mapped are flushed at unpin. */
TEST_F(noncoherent, coherent_domain_in_same_ioas)
{
	__u32 coherent_id, stdev_id;

	test_cmd_mock_domain_flags(self->ioas_id, COHERENT, &coherent_id, NULL,
				   NULL);
	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA);
	expect_flushed(0);
	test_cmd_mock_domain_flags(self->ioas_id, NONCOHERENT, &stdev_id, NULL,
				   NULL);
	expect_flushed(NPAGES);
	test_ioctl_destroy(stdev_id);
	expect_flushed(0);
	test_ioctl_ioas_unmap(IOVA, self->length);
	expect_flushed(NPAGES);

	/* The IOAS no longer has a non-coherent domain. */
	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA);
	test_ioctl_ioas_unmap(IOVA, self->length);
	expect_flushed(0);
	test_ioctl_destroy(coherent_id);
}

/* A domain that could not be added to the IOAS does not cause flushes. */
TEST_F(noncoherent, failed_attach_not_flushed)
{
	__u32 stdev_id;

	test_ioctl_ioas_map_fixed(buffer, self->length, 0);
	test_err_mock_domain_flags(EADDRINUSE, self->ioas_id, NONCOHERENT,
				   &stdev_id, NULL);
	test_ioctl_ioas_unmap(0, self->length);
	expect_flushed(0);

	test_cmd_mock_domain_flags(self->ioas_id, COHERENT, &stdev_id, NULL,
				   NULL);
	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA);
	test_ioctl_ioas_unmap(IOVA, self->length);
	expect_flushed(0);
}

/* Replacing the domain of a device adds and removes non-coherent domains. */
TEST_F(noncoherent, replace_domain)
{
	__u32 coherent_id, idev_id, hwpt_id, stdev_id;

	test_cmd_mock_domain_flags(self->ioas_id, COHERENT, &coherent_id, NULL,
				   NULL);
	test_cmd_mock_domain_flags(self->ioas_id, NONCOHERENT, &stdev_id, NULL,
				   &idev_id);
	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA);
	expect_flushed(NPAGES);
	/* Another non-coherent domain has flushed the pages. */
	test_cmd_hwpt_alloc(idev_id, self->ioas_id, 0, &hwpt_id);
	expect_flushed(0);
	test_cmd_mock_domain_replace(stdev_id, hwpt_id);
	test_cmd_check_flushed(hwpt_id, IOVA, self->length);
	expect_flushed(0);
	test_ioctl_ioas_unmap(IOVA, self->length);
	expect_flushed(NPAGES);
	test_ioctl_destroy(stdev_id);
	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA);
	expect_flushed(NPAGES);
	test_ioctl_destroy(hwpt_id);
	test_ioctl_ioas_unmap(IOVA, self->length);
	expect_flushed(NPAGES);
	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA);
	expect_flushed(0);
}

/* An area is flushed even after another area of the same pages was flushed. */
TEST_F(noncoherent, areas_of_same_pages)
{
	__u32 other_id, stdev_id;

	test_ioctl_ioas_alloc(&other_id);
	test_cmd_mock_domain_flags(other_id, NONCOHERENT, &stdev_id, NULL,
				   NULL);
	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA);
	ASSERT_EQ(0, copy_range(self->fd, other_id, self->ioas_id, IOVA,
				IOVA + self->length / 2, self->length / 2));
	expect_flushed(NPAGES / 2);
	test_cmd_mock_domain_flags(self->ioas_id, NONCOHERENT, &stdev_id, NULL,
				   NULL);
	expect_flushed(NPAGES);
	/* Half of the pages remain mapped in the other IOAS. */
	test_ioctl_ioas_unmap(IOVA, self->length);
	expect_flushed(NPAGES / 2);
	test_ioctl_ioas_unmap_id(other_id, IOVA, self->length / 2);
	expect_flushed(NPAGES / 2);
}

/* VFIO can unmap part of a mapping; the remaining parts are flushed later. */
TEST_F(noncoherent, vfio_partial_unmap)
{
	struct iommu_vfio_ioas set_ioas = {
		.size = sizeof(set_ioas),
		.op = IOMMU_VFIO_IOAS_SET,
		.ioas_id = self->ioas_id,
	};
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = IOVA + self->length / 4,
		.size = self->length / 2,
	};
	__u32 stdev_id;

	test_cmd_mock_domain_flags(self->ioas_id, NONCOHERENT, &stdev_id, NULL,
				   NULL);
	ASSERT_EQ(0, ioctl(self->fd, IOMMU_VFIO_IOAS, &set_ioas));
	ASSERT_EQ(0, ioctl(self->fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA);
	expect_flushed(NPAGES);
	ASSERT_EQ(0, ioctl(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	expect_flushed(NPAGES / 2);

	/* Map the remaining parts into another domain. */
	test_ioctl_destroy(stdev_id);
	expect_flushed(NPAGES / 2);
	test_cmd_mock_domain_flags(self->ioas_id, NONCOHERENT, &stdev_id, NULL,
				   NULL);
	expect_flushed(NPAGES / 2);
	test_ioctl_ioas_unmap(IOVA, self->length / 4);
	expect_flushed(NPAGES / 4);
	unmap.iova = IOVA + 3 * self->length / 4;
	unmap.size = self->length / 4;
	ASSERT_EQ(0, ioctl(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	expect_flushed(NPAGES / 4);
}

/* A domain is attached by a process other than the owner of the memory. */
TEST_F(noncoherent, memory_of_another_process)
{
	__u32 stdev_id;
	pid_t child;
	int status;

	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA);
	child = fork();
	ASSERT_NE(-1, child);
	if (!child)
		_exit(_test_cmd_mock_domain_flags(self->fd, self->ioas_id,
						  NONCOHERENT, &stdev_id, NULL,
						  NULL) != 0);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status);
	expect_flushed(NPAGES);
	test_ioctl_ioas_unmap(IOVA, self->length);
	expect_flushed(NPAGES);
}

/*
 * Unpinning through another mapping of the same memory, which no non-coherent
 * domain has mapped, does not flush. The pages are flushed when the mapping of
 * the non-coherent domain is removed.
 */
TEST_F(noncoherent, unpin_of_other_mapping)
{
	__u32 access_id, hwpt_id, idev_id, item_id, other_id, stdev_id;

	test_ioctl_ioas_alloc(&other_id);
	test_cmd_create_access(other_id, &access_id,
			       MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES);
	test_cmd_mock_domain_flags(self->ioas_id, NONCOHERENT, &stdev_id, NULL,
				   &idev_id);
	test_cmd_hwpt_alloc(idev_id, self->ioas_id, 0, &hwpt_id);
	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA);
	expect_flushed(NPAGES);
	test_ioctl_destroy(hwpt_id);
	expect_flushed(0);

	test_ioctl_ioas_map_fixed_id(other_id, buffer, self->length, IOVA);
	ASSERT_EQ(0, access_pin(self->fd, access_id, IOVA, self->length,
				&item_id));
	test_cmd_destroy_access_pages(access_id, item_id);
	expect_flushed(0);
	test_ioctl_ioas_unmap(IOVA, self->length);
	expect_flushed(NPAGES);
	test_cmd_destroy_access(access_id);
}

/* MMIO is not flushed. */
TEST_F(noncoherent, dmabuf_not_flushed)
{
	__u32 stdev_id;
	int dmabuf_fd;

	test_cmd_get_dmabuf(self->length, &dmabuf_fd);
	test_cmd_mock_domain_flags(self->ioas_id, NONCOHERENT, &stdev_id, NULL,
				   NULL);
	test_ioctl_ioas_map_fixed_file(dmabuf_fd, 0, self->length, IOVA);
	test_ioctl_ioas_unmap(IOVA, self->length);
	expect_flushed(0);
	close(dmabuf_fd);
}

/*
 * A domain becomes non-coherent when it gets a device that can bypass the CPU
 * caches. The snooping device has mapped pages, some of which an access has
 * written since.
 */
FIXTURE(noncoherent_late)
{
	int fd;
	__u32 ioas_id;
	__u32 access_id;
	__u32 stdev_id;
	__u32 idev_id;
	__u32 hwpt_id;
	__u64 flushed;
	size_t length;
};

FIXTURE_SETUP(noncoherent_late)
{
	self->fd = open("/dev/iommu", O_RDWR);
	ASSERT_NE(-1, self->fd);
	self->length = NPAGES * PAGE_SIZE;
	test_ioctl_ioas_alloc(&self->ioas_id);
	if (_test_cmd_flush_counts(self->fd, &self->flushed, NULL, false))
		SKIP(return, "this architecture does not flush CPU caches");
	test_cmd_create_access(self->ioas_id, &self->access_id, 0);
	test_cmd_mock_domain_flags(self->ioas_id, SNOOPS | SHARED | PASID,
				   &self->stdev_id, &self->hwpt_id,
				   &self->idev_id);
	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA);
	ASSERT_EQ(0, access_write(self->fd, self->access_id, IOVA, self->length,
				  0));
	expect_flushed(0);
}

/* The domain stays non-coherent. */
FIXTURE_TEARDOWN(noncoherent_late)
{
	test_ioctl_ioas_map_fixed(buffer, self->length, IOVA + self->length);
	expect_flushed(NPAGES);
	test_ioctl_ioas_unmap(IOVA, 2 * self->length);
	expect_flushed(2 * NPAGES);
	test_cmd_destroy_access(self->access_id);
	teardown_iommufd(self->fd, _metadata);
}

/* The device attaches to the IOAS, and so to the same automatic domain. */
TEST_F(noncoherent_late, attach)
{
	__u32 hwpt_id, stdev_id;

	test_cmd_mock_domain_flags(self->ioas_id, NONCOHERENT, &stdev_id,
				   &hwpt_id, NULL);
	ASSERT_EQ(self->hwpt_id, hwpt_id);
	expect_flushed(NPAGES);
	test_cmd_check_flushed(hwpt_id, IOVA, self->length);

	/* The pages are not flushed for each device. */
	test_ioctl_destroy(stdev_id);
	test_cmd_mock_domain_flags(self->ioas_id, NONCOHERENT, &stdev_id,
				   &hwpt_id, NULL);
	ASSERT_EQ(self->hwpt_id, hwpt_id);
	expect_flushed(0);
	test_ioctl_destroy(stdev_id);
}

/* The device has used another domain before. */
TEST_F(noncoherent_late, replace)
{
	__u32 other_id, stdev_id;

	test_ioctl_ioas_alloc(&other_id);
	test_cmd_mock_domain_flags(other_id, NONCOHERENT, &stdev_id, NULL, NULL);
	expect_flushed(0);
	test_cmd_mock_domain_replace(stdev_id, self->ioas_id);
	expect_flushed(NPAGES);
	test_cmd_check_flushed(self->hwpt_id, IOVA, self->length);
	test_ioctl_destroy(stdev_id);
}

/* The device can use the domain of its group once it is bound. */
TEST_F(noncoherent_late, bind_to_group)
{
	__u32 stdev_id;

	test_cmd_mock_domain_flags(self->ioas_id, NONCOHERENT | SHARED,
				   &stdev_id, NULL, NULL);
	expect_flushed(NPAGES);
	test_cmd_check_flushed(self->hwpt_id, IOVA, self->length);
	test_ioctl_destroy(stdev_id);
}

/* A PASID of the device is attached, not the device itself. */
TEST_F(noncoherent_late, attach_pasid)
{
	__u32 hwpt_id, idev_id, other_id, own_id, stdev_id;

	test_cmd_hwpt_alloc(self->idev_id, self->ioas_id, IOMMU_HWPT_ALLOC_PASID,
			    &hwpt_id);
	test_ioctl_ioas_alloc(&other_id);
	test_cmd_mock_domain_flags(other_id, NONCOHERENT | PASID, &stdev_id,
				   NULL, &idev_id);
	/* An automatic domain does not allow PASIDs beside it. */
	test_cmd_hwpt_alloc(idev_id, other_id, IOMMU_HWPT_ALLOC_PASID, &own_id);
	test_cmd_mock_domain_replace(stdev_id, own_id);
	expect_flushed(0);
	ASSERT_EQ(0, _test_cmd_pasid_attach(self->fd, stdev_id, 1, hwpt_id));
	expect_flushed(NPAGES);
	test_cmd_check_flushed(hwpt_id, IOVA, self->length);
	ASSERT_EQ(0, _test_cmd_pasid_detach(self->fd, stdev_id, 1));
	test_ioctl_destroy(stdev_id);
	test_ioctl_destroy(own_id);
}

/* The device reaches the pages through a nested domain. */
TEST_F(noncoherent_late, attach_nested)
{
	struct iommu_hwpt_selftest data = { .iotlb = IOMMU_TEST_IOTLB_DEFAULT };
	__u32 nested_id, other_id, parent_id, stdev_id;

	test_cmd_hwpt_alloc(self->idev_id, self->ioas_id,
			    IOMMU_HWPT_ALLOC_NEST_PARENT, &parent_id);
	test_cmd_hwpt_alloc_nested(self->idev_id, parent_id, 0, &nested_id,
				   IOMMU_HWPT_DATA_SELFTEST, &data,
				   sizeof(data));
	test_ioctl_ioas_alloc(&other_id);
	test_cmd_mock_domain_flags(other_id, NONCOHERENT, &stdev_id, NULL, NULL);
	expect_flushed(0);
	test_cmd_mock_domain_replace(stdev_id, nested_id);
	expect_flushed(NPAGES);
	test_cmd_check_flushed(parent_id, IOVA, self->length);
	test_cmd_mock_domain_replace(stdev_id, other_id);
	test_ioctl_destroy(nested_id);
	test_ioctl_destroy(stdev_id);
}

FIXTURE(noncoherent_write)
{
	int fd;
	__u32 ioas_id;
	__u32 access_id;
	__u32 stdev_id;
	__u32 hwpt_id;
	__u64 flushed;
	size_t length;
};

FIXTURE_VARIANT(noncoherent_write)
{
	unsigned int npages;
};

/* Writing to a single page has a code path of its own. */
FIXTURE_VARIANT_ADD(noncoherent_write, page)
{
	.npages = 1,
};

FIXTURE_VARIANT_ADD(noncoherent_write, pages)
{
	.npages = NPAGES,
};

FIXTURE_SETUP(noncoherent_write)
{
	self->fd = open("/dev/iommu", O_RDWR);
	ASSERT_NE(-1, self->fd);
	self->length = variant->npages * PAGE_SIZE;
	test_ioctl_ioas_alloc(&self->ioas_id);
	test_cmd_create_access(self->ioas_id, &self->access_id,
			       MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES);
	test_ioctl_ioas_map_fixed(buffer, NPAGES * PAGE_SIZE, IOVA);
	test_cmd_mock_domain_flags(self->ioas_id, NONCOHERENT, &self->stdev_id,
				   &self->hwpt_id, NULL);
	if (_test_cmd_flush_counts(self->fd, &self->flushed, NULL, false))
		SKIP(return, "this architecture does not flush CPU caches");
}

FIXTURE_TEARDOWN(noncoherent_write)
{
	test_cmd_destroy_access(self->access_id);
	teardown_iommufd(self->fd, _metadata);
}

/* iommufd_access_rw() flushes the pages that it has written. */
TEST_F(noncoherent_write, rw)
{
	ASSERT_EQ(0, access_write(self->fd, self->access_id, IOVA, self->length,
				  0));
	test_cmd_check_flushed(self->hwpt_id, IOVA, NPAGES * PAGE_SIZE);
	expect_flushed(variant->npages);
	ASSERT_EQ(0, access_write(self->fd, self->access_id, IOVA, self->length,
				  MOCK_ACCESS_RW_SLOW_PATH));
	test_cmd_check_flushed(self->hwpt_id, IOVA, NPAGES * PAGE_SIZE);
	expect_flushed(variant->npages);
	ASSERT_EQ(0, access_write(self->fd, self->access_id,
				  IOVA + self->length - 1, 1, 0));
	test_cmd_check_flushed(self->hwpt_id, IOVA, NPAGES * PAGE_SIZE);
	expect_flushed(1);
}

/* A write through an IOAS without a domain is flushed as well. */
TEST_F(noncoherent_write, rw_through_copy)
{
	__u32 access_id, other_id;

	test_ioctl_ioas_alloc(&other_id);
	ASSERT_EQ(0, copy_range(self->fd, other_id, self->ioas_id, IOVA, IOVA,
				NPAGES * PAGE_SIZE));
	test_cmd_create_access(other_id, &access_id, 0);
	ASSERT_EQ(0, access_write(self->fd, access_id, IOVA, self->length, 0));
	test_cmd_check_flushed(self->hwpt_id, IOVA, NPAGES * PAGE_SIZE);
	expect_flushed(variant->npages);
	test_cmd_destroy_access(access_id);
}

/* Pinned pages are flushed when the access unpins them. */
TEST_F(noncoherent_write, pinned)
{
	__u32 item_id;

	ASSERT_EQ(0, access_pin(self->fd, self->access_id, IOVA, self->length,
				&item_id));
	expect_flushed(0);
	test_cmd_destroy_access_pages(self->access_id, item_id);
	test_cmd_check_flushed(self->hwpt_id, IOVA, NPAGES * PAGE_SIZE);
	expect_flushed(variant->npages);
}

/* Each access may have written, so each unpin flushes. */
TEST_F(noncoherent_write, pinned_twice)
{
	__u32 item_id[2];

	ASSERT_EQ(0, access_pin(self->fd, self->access_id, IOVA, self->length,
				&item_id[0]));
	ASSERT_EQ(0, access_pin(self->fd, self->access_id, IOVA, self->length,
				&item_id[1]));
	test_cmd_destroy_access_pages(self->access_id, item_id[0]);
	test_cmd_check_flushed(self->hwpt_id, IOVA, NPAGES * PAGE_SIZE);
	expect_flushed(variant->npages);
	test_cmd_destroy_access_pages(self->access_id, item_id[1]);
	test_cmd_check_flushed(self->hwpt_id, IOVA, NPAGES * PAGE_SIZE);
	expect_flushed(variant->npages);
}

/* An access keeps pages pinned after the domain has been removed. */
TEST_F(noncoherent_write, pinned_after_detach)
{
	__u32 item_id;

	ASSERT_EQ(0, access_pin(self->fd, self->access_id, IOVA, self->length,
				&item_id));
	test_ioctl_destroy(self->stdev_id);
	expect_flushed(NPAGES - variant->npages);
	test_cmd_destroy_access_pages(self->access_id, item_id);
	expect_flushed(variant->npages);
}

/* An access has pinned pages before the domain is attached. */
TEST_F(noncoherent_write, pinned_before_attach)
{
	__u32 item_id;

	test_ioctl_destroy(self->stdev_id);
	expect_flushed(NPAGES);
	ASSERT_EQ(0, access_pin(self->fd, self->access_id, IOVA, self->length,
				&item_id));
	test_cmd_mock_domain_flags(self->ioas_id, NONCOHERENT, &self->stdev_id,
				   &self->hwpt_id, NULL);
	expect_flushed(NPAGES);
	test_cmd_destroy_access_pages(self->access_id, item_id);
	test_cmd_check_flushed(self->hwpt_id, IOVA, NPAGES * PAGE_SIZE);
	expect_flushed(variant->npages);
}

#define STEPS	400

/*
 * State of an IOAS in the random test: slots for mappings, one device of each
 * kind, and a manually allocated domain that the non-coherent device can be
 * moved to. memory[slot] is the part of the buffer that the slot maps, counted
 * from 1, or 0 if it maps none. Two slots map the same part only if one is a
 * copy of the other: the mock driver cannot count the pins of a page exactly.
 */
struct table {
	__u32 ioas_id;
	__u32 access_id;
	unsigned int memory[SLOTS];
	bool pinned[SLOTS];
	__u32 item_id[SLOTS];
	__u32 coherent_id;
	__u32 stdev_id;
	__u32 idev_id;
	__u32 hwpt_id;
	__u32 manual_id;
	bool moved;
};

static __u64 slot_iova(unsigned int slot)
{
	return IOVA + slot * NPAGES * PAGE_SIZE;
}

static void check_table(struct __test_metadata *_metadata, int fd,
			struct table *t)
{
	size_t length = slot_iova(SLOTS) - IOVA;

	if (t->stdev_id) {
		ASSERT_EQ(0, _test_cmd_check_flushed(fd, t->hwpt_id, IOVA,
						     length));
	}
	if (t->manual_id) {
		ASSERT_EQ(0, _test_cmd_check_flushed(fd, t->manual_id, IOVA,
						     length));
	}
}

static unsigned int free_memory(struct table *tables)
{
	bool used[TABLES * SLOTS + 1] = {};
	unsigned int i;

	for (i = 0; i < TABLES * SLOTS; i++)
		used[tables[i / SLOTS].memory[i % SLOTS]] = true;
	for (i = 1; used[i]; i++)
		;
	return i;
}

static void toggle_mapping(struct __test_metadata *_metadata, int fd,
			   struct table *tables, unsigned int nth,
			   unsigned int slot)
{
	const __u32 flags = IOMMU_IOAS_MAP_FIXED_IOVA |
			    IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE;
	struct table *t = &tables[nth], *other = &tables[!nth];
	unsigned int from = rand() % SLOTS, memory = free_memory(tables);
	size_t length = NPAGES * PAGE_SIZE, offset = (memory - 1) * length;
	__u64 iova = slot_iova(slot);

	if (t->memory[slot]) {
		/* The unmap callback of the access unpins its pages. */
		ASSERT_EQ(0, _test_ioctl_ioas_unmap(fd, t->ioas_id, iova,
						    length, NULL));
		t->pinned[slot] = false;
		memory = 0;
	} else if (other->memory[from] && rand() % 2) {
		memory = other->memory[from];
		ASSERT_EQ(0, copy_range(fd, t->ioas_id, other->ioas_id, iova,
					slot_iova(from), length));
	} else if (rand() % 2) {
		ASSERT_EQ(0, _test_ioctl_ioas_map_file(fd, t->ioas_id, mfd,
						       offset, length, &iova,
						       flags));
	} else {
		ASSERT_EQ(0, _test_ioctl_ioas_map(fd, t->ioas_id,
						  buffer + offset, length,
						  &iova, flags));
	}
	t->memory[slot] = memory;
}

static void toggle_coherent(struct __test_metadata *_metadata, int fd,
			    struct table *t)
{
	if (t->coherent_id) {
		ASSERT_EQ(0, _test_ioctl_destroy(fd, t->coherent_id));
		t->coherent_id = 0;
	} else {
		ASSERT_EQ(0, _test_cmd_mock_domain_flags(fd, t->ioas_id,
							 COHERENT,
							 &t->coherent_id, NULL,
							 NULL));
	}
}

static void toggle_noncoherent(struct __test_metadata *_metadata, int fd,
			       struct table *t)
{
	if (t->stdev_id) {
		ASSERT_EQ(0, _test_ioctl_destroy(fd, t->stdev_id));
		t->stdev_id = 0;
		t->moved = false;
	} else {
		ASSERT_EQ(0, _test_cmd_mock_domain_flags(fd, t->ioas_id,
							 NONCOHERENT,
							 &t->stdev_id,
							 &t->hwpt_id,
							 &t->idev_id));
	}
}

static void toggle_manual(struct __test_metadata *_metadata, int fd,
			  struct table *t)
{
	if (t->manual_id && !t->moved) {
		ASSERT_EQ(0, _test_ioctl_destroy(fd, t->manual_id));
		t->manual_id = 0;
	} else if (!t->manual_id && t->stdev_id) {
		ASSERT_EQ(0, _test_cmd_hwpt_alloc(fd, t->idev_id, t->ioas_id, 0,
						  0, &t->manual_id,
						  IOMMU_HWPT_DATA_NONE, NULL,
						  0));
	}
}

static void toggle_moved(struct __test_metadata *_metadata, int fd,
			 struct table *t)
{
	__u32 pt_id = t->moved ? t->ioas_id : t->manual_id;

	if (!t->stdev_id || !t->manual_id)
		return;
	ASSERT_EQ(0, _test_cmd_mock_domain_replace(fd, t->stdev_id, pt_id,
						   &t->hwpt_id));
	t->moved = !t->moved;
}

static void toggle_pin(struct __test_metadata *_metadata, int fd,
		       struct table *t, unsigned int slot)
{
	__u64 iova = slot_iova(slot) + PAGE_SIZE;
	size_t length = (1 + rand() % 8) * PAGE_SIZE;
	int rc;

	if (t->pinned[slot])
		rc = _test_cmd_destroy_access_pages(fd, t->access_id,
						    t->item_id[slot]);
	else
		rc = access_pin(fd, t->access_id, iova, length,
				&t->item_id[slot]);
	ASSERT_EQ(0, rc);
	t->pinned[slot] = !t->pinned[slot];
}

static void write_slot(struct __test_metadata *_metadata, int fd,
		       struct table *t, unsigned int slot)
{
	size_t length = 1 + rand() % ((NPAGES - 1) * PAGE_SIZE);
	__u64 iova = slot_iova(slot) + rand() % PAGE_SIZE;
	__u32 flags = rand() % 2 ? MOCK_ACCESS_RW_SLOW_PATH : 0;

	ASSERT_EQ(0, access_write(fd, t->access_id, iova, length, flags));
}

/*
 * Random operations on two IOASes, with a check of all mapped pages after each.
 * NONCOHERENT_SEED in the environment repeats a sequence.
 */
TEST_F_TIMEOUT(noncoherent, random_operations, 300)
{
	const char *env = getenv("NONCOHERENT_SEED");
	unsigned int seed = env ? atoi(env) : time(NULL);
	struct table tables[TABLES] = {};
	unsigned int step, nth, slot;
	struct table *t;

	TH_LOG("NONCOHERENT_SEED=%u repeats this sequence", seed);
	srand(seed);
	for (t = tables; t < tables + TABLES; t++) {
		test_ioctl_ioas_alloc(&t->ioas_id);
		test_cmd_create_access(t->ioas_id, &t->access_id,
				       MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES);
	}
	for (step = 0; step < STEPS; step++) {
		nth = rand() % TABLES;
		slot = rand() % SLOTS;
		t = &tables[nth];
		switch (rand() % 10) {
		case 0:
			toggle_coherent(_metadata, self->fd, t);
			break;
		case 1:
			toggle_noncoherent(_metadata, self->fd, t);
			break;
		case 2:
			toggle_manual(_metadata, self->fd, t);
			break;
		case 3:
			toggle_moved(_metadata, self->fd, t);
			break;
		case 4:
		case 5:
			if (t->memory[slot])
				toggle_pin(_metadata, self->fd, t, slot);
			break;
		case 6:
		case 7:
			if (t->memory[slot])
				write_slot(_metadata, self->fd, t, slot);
			break;
		default:
			toggle_mapping(_metadata, self->fd, tables, nth, slot);
		}
		for (t = tables; t < tables + TABLES; t++)
			check_table(_metadata, self->fd, t);
	}
	for (t = tables; t < tables + TABLES; t++)
		test_cmd_destroy_access(t->access_id);
}

TEST_HARNESS_MAIN
