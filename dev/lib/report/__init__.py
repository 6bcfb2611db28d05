# SPDX-License-Identifier: GPL-2.0
"""Counts, cases and tables of the harness.

trace      numbers of descriptors in QEMU's trace, for each measurement
least      the smallest numbers that the VT-d specification allows ("the least")
compare    base, series and least side by side
boots      cases and tables of the counted boots
log        errors in a kernel's log
kunit      results of the KUnit suites
selftests  results of the selftests of iommufd
measure    ratios of base and series

The scripts run it as "python3 -m report COMMAND"; see __main__.py.
"""
