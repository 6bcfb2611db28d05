// SPDX-License-Identifier: GPL-2.0
/*
 * Measure the time to map and to unmap 64 MiB in a mock domain of iommufd.
 * dev/guest/map-cost runs this program in the guest.
 *
 *	map-cost MOCK-DEVICE-FLAGS
 *
 * The flags are those of IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS, in decimal. Prints
 * "cost: map NS unmap NS", the medians of several measurements in nanoseconds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "iommufd_test.h"

#define TIMES	11
#define LENGTH	(64UL << 20)

static void must(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static int earlier(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static uint64_t median(uint64_t *times)
{
	qsort(times, TIMES, sizeof(*times), earlier);
	return times[TIMES / 2];
}

int main(int argc, char **argv)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iommu_test_cmd dev = {
		.size = sizeof(dev),
		.op = IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS,
	};
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.iova = MOCK_APERTURE_START,
		.length = LENGTH,
	};
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.iova = MOCK_APERTURE_START,
	};
	uint64_t mapping[TIMES], unmapping[TIMES], start;
	void *memory;
	int fd, i;

	memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	must(memory != MAP_FAILED, "mmap");
	fd = open("/dev/iommu", O_RDWR);
	must(fd >= 0, "/dev/iommu");
	must(!ioctl(fd, IOMMU_IOAS_ALLOC, &ioas), "IOMMU_IOAS_ALLOC");
	dev.id = ioas.out_ioas_id;
	dev.mock_domain_flags.dev_flags = argc > 1 ? atoi(argv[1]) : 0;
	must(!ioctl(fd, IOMMU_TEST_CMD, &dev), "a mock device");
	map.ioas_id = ioas.out_ioas_id;
	map.user_va = (uintptr_t)memory;
	unmap.ioas_id = ioas.out_ioas_id;

	for (i = 0; i < TIMES; i++) {
		start = now();
		must(!ioctl(fd, IOMMU_IOAS_MAP, &map), "IOMMU_IOAS_MAP");
		mapping[i] = now() - start;
		unmap.length = LENGTH;
		start = now();
		must(!ioctl(fd, IOMMU_IOAS_UNMAP, &unmap), "IOMMU_IOAS_UNMAP");
		unmapping[i] = now() - start;
	}
	printf("cost: map %llu unmap %llu\n",
	       (unsigned long long)median(mapping),
	       (unsigned long long)median(unmapping));
	return 0;
}
