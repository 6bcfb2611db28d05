# SPDX-License-Identifier: GPL-2.0
# A target runs the script of the same name in dev/ (see dev/README.md).

# The scripts run the kernel's make, which must not inherit these variables.
unexport MAKEFLAGS MFLAGS MAKELEVEL
unexport VARIANT CONFIG LIMIT MINUTES FILTER ARGS

.DEFAULT_GOAL := help
.PHONY: help setup demo test kunit boot check bench cost each mutants stress
.PHONY: fresh selftests flush-cost litmus print-tree refresh series clean

# Options of the scripts: VARIANT=, CONFIG=, LIMIT=, and ARGS= for all others
options = $(if $(VARIANT),--variant '$(VARIANT)') $(if $(CONFIG),--config '$(CONFIG)') \
	  $(if $(LIMIT),--limit '$(LIMIT)') $(ARGS)

help:		## this list
	@sed -n 's/^\([a-z-]*\):.*##/\1:	/p' Makefile | expand -t 16

setup:		## install the tools (Debian 12 or 13, as root or with sudo)
	@dev/build/setup

demo: setup	## base and series side by side in QEMU, as a table
	@dev/measure/demo $(options)

test: setup	## all checks; ends with "N passed, N failed"
	@dev/test/test $(options)

kunit: setup	## part of test: the KUnit suites, or those that match FILTER=
	@dev/test/kunit $(options) $(if $(FILTER),'$(FILTER)')

boot: setup	## part of test: boots that count invalidation descriptors
	@dev/test/boot $(options)

check: setup	## part of test: checkpatch, sparse, W=1, kernel-doc and the scripts
	@dev/check/check $(options)

bench: setup	## the speed of flushes on base and series, with plots
	@dev/measure/bench $(options)

cost: setup	## time and memory of an attach on base and series
	@dev/measure/cost $(options)

flush-cost: setup ## cost of flushing CPU caches in iommufd
	@dev/measure/flush-cost $(options)

each: setup	## build, boot and test the series after each patch
	@dev/test/each $(options)

mutants: setup	## break the series on purpose; the tests must fail
	@dev/test/mutants $(options)

stress: setup	## concurrent map, attach and DMA, MINUTES=10 for each debug kernel
	@dev/test/stress $(options) $(if $(MINUTES),--minutes '$(MINUTES)')

selftests: setup	## the kernel's tests of iommufd, on base and series
	@dev/test/selftests $(options)

litmus: setup	## check the ordering with herd7, if it is installed
	@dev/check/litmus $(options)

print-tree: setup	## assemble build/linux, a git checkout, and print its path
	@dev/tree/print-tree $(options)

refresh: setup	## fold edits in build/linux back into patches/ and the new files
	@dev/tree/refresh $(options)

series: setup	## write the mails to post to build/series
	@dev/tree/series $(options)

fresh:		## demo, or TARGET=, on a bare Debian: SUITE=bookworm|trixie [QEMU=]
	@dev/test/fresh $(options) $(if $(QEMU),--qemu-from '$(QEMU)') '$(SUITE)' $(TARGET)

clean:		## remove build/, unless it has edits
	@dev/tree/clean
