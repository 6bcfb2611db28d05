// SPDX-License-Identifier: GPL-2.0
/*
 * Measure the time to flush memory from the CPU caches with CLFLUSHOPT, the
 * instruction that the kernel uses, and compare it with the time to fill the
 * memory. dev/measure/flush-cost runs this program on the host.
 *
 * Prints "flush: MS ms per GiB, RATIO of the time to fill it", from the medians
 * of several measurements.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <cpuid.h>
#include <immintrin.h>

#define TIMES	11
#define LENGTH	(512UL << 20)
#define LINE	64

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int earlier(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int has_clflushopt(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_CLFLUSHOPT;
}

static double median(double *times)
{
	qsort(times, TIMES, sizeof(*times), earlier);
	return times[TIMES / 2];
}

int main(void)
{
	double clearing[TIMES], flushing[TIMES], start;
	size_t at;
	char *memory;
	int i;

	if (!has_clflushopt()) {
		fprintf(stderr, "this processor has no CLFLUSHOPT\n");
		return 1;
	}
	memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	for (i = 0; i < TIMES; i++) {
		start = now();
		memset(memory, i, LENGTH);
		clearing[i] = now() - start;
		start = now();
		for (at = 0; at < LENGTH; at += LINE)
			_mm_clflushopt(memory + at);
		_mm_mfence();
		flushing[i] = now() - start;
	}
	printf("flush: %.0f ms per GiB, %.2f of the time to fill it\n",
	       median(flushing) * 1e3 * (1UL << 30) / LENGTH,
	       median(flushing) / median(clearing));
	return 0;
}
