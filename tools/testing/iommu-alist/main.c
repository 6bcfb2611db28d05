// SPDX-License-Identifier: GPL-2.0-only
/*
 * Check the attachment list of IOMMU domains against every interleaving of a
 * flush with a writer, on lists of all shapes. Prints a line of TAP for each
 * kind of check.
 */

#include <signal.h>
#include <unistd.h>

#include "checks.h"
#include "world.h"

/* Number of elements of the largest list; the model has many more states. */
#define MAX_WALKED	5
#define MAX_MODELLED	4

struct checks checks;
static void (*check)(unsigned int nr_stores);

void check_failed(const char *why)
{
	if (checks.error)
		return;
	world_print();
	checks.error = why;
}

static void check_operation(unsigned int nr_stores)
{
	if (checks.error)
		return;
	checks.operations++;
	check(nr_stores);
}

/* A broken list may lead a walk anywhere. */
static void crashed(int signal)
{
	if (!checks.error)
		world_print();
	printf("Bail out! signal %d\n", signal);
	fflush(stdout);
	_exit(1);
}

int main(void)
{
	static const struct {
		const char *name;
		enum world_op op;
		unsigned int max;
		void (*check)(unsigned int nr_stores);
	} kinds[] = {
		{ "walks during an addition", WORLD_ADD, MAX_WALKED,
		  check_walks },
		{ "walks during a removal", WORLD_REMOVE, MAX_WALKED,
		  check_walks },
		{ "walks during a replacement", WORLD_REPLACE, MAX_WALKED,
		  check_walks },
		{ "unmap during an attach", WORLD_ADD, MAX_MODELLED,
		  check_model },
		{ "unmap during a detach", WORLD_REMOVE, MAX_MODELLED,
		  check_model },
	};
	const unsigned int nr = sizeof(kinds) / sizeof(*kinds);
	unsigned int i, failed = 0;

	signal(SIGSEGV, crashed);
	signal(SIGABRT, crashed);
	printf("TAP version 13\n1..%u\n", nr);
	for (i = 0; i < nr; i++) {
		checks = (struct checks) {};
		check = kinds[i].check;
		world_for_each(kinds[i].op, kinds[i].max, check_operation);
		if (checks.error)
			printf("# %s\nnot ok %u %s\n", checks.error, i + 1,
			       kinds[i].name);
		else
			printf("ok %u %s # %lu operations, %lu steps\n", i + 1,
			       kinds[i].name, checks.operations, checks.steps);
		fflush(stdout);
		failed += !!checks.error;
	}
	return failed != 0;
}
