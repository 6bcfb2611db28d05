# SPDX-License-Identifier: GPL-2.0
"""Counts, verdicts and tables of the harness.

trace      descriptors that QEMU's trace shows for each measurement
least      the least that the specification allows
compare    base, series and least side by side
boots      cases and tables of the counted boots
log        errors in a kernel's log
kunit      results of the KUnit suites
selftests  results of the selftests of iommufd
measure    ratios of base and series

The scripts run it as "python3 -m report COMMAND"; see __main__.py.
"""
