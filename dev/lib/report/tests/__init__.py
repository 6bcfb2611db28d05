# SPDX-License-Identifier: GPL-2.0
"""Unit tests of the package, on made-up and recorded input."""
