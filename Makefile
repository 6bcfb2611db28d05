# SPDX-License-Identifier: GPL-2.0
# A thin front: what a target does is in the script dev/ has for it.

# The scripts start a kernel's make, which must not inherit this one's flags.
unexport MAKEFLAGS MFLAGS MAKELEVEL

.DEFAULT_GOAL := help
.PHONY: help setup demo test kunit boot check bench cost each mutants stress
.PHONY: fresh selftests flush-cost litmus print-tree refresh series clean

help:		## this list
	@sed -n 's/^\([a-z-]*\):.*##/\1:	/p' Makefile | expand -t 16

setup:		## install the tools (Debian 12 or 13, as root or with sudo)
	@dev/setup

demo: setup	## base and series side by side in QEMU, as a table
	@dev/demo

test: setup	## all checks; closes with "N passed, N failed"
	@dev/test

kunit: setup	## of these, the KUnit suites
	@dev/test kunit

boot: setup	## of these, the boots that count invalidation descriptors
	@dev/test boot

check: setup	## of these, checkpatch, sparse, W=1 and kernel-doc
	@dev/test check

bench: setup	## time map and unmap on base and series
	@dev/bench

cost: setup	## what attaching costs on base and series, in time and memory
	@dev/attach-cost

flush-cost: setup ## what flushing CPU caches costs iommufd
	@dev/flush-cost

each: setup	## build, boot and test each patch by itself
	@dev/each

mutants: setup	## break the series in many ways: do the suites notice?
	@dev/mutate

MINUTES ?= 10
stress: setup	## everybody at once on the debug kernels, MINUTES=10 each
	@dev/soak $(MINUTES)

selftests: setup	## the kernel's own tests of iommufd, on base and series
	@dev/selftests

litmus: setup	## check the ordering with herd7, if it is there
	@dev/litmus

print-tree: setup	## assemble build/linux, a git checkout, and print its path
	@dev/tree

refresh: setup	## fold edits in build/linux back into patches/ and the new files
	@dev/refresh

series: setup	## write the mails to post to build/series
	@dev/series

TARGET ?= demo
fresh:		## demo, or TARGET=, on a bare Debian: SUITE=bookworm|trixie [QEMU=]
	@dev/fresh "$(SUITE)" "$(TARGET)"

clean:		## remove build/, unless it holds edits
	@dev/tree unedited
	rm -rf build
