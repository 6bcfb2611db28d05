# SPDX-License-Identifier: GPL-2.0
"""QEMU configuration for kunit.py in which the kernel does not shut down after the
suites, but runs the initramfs of dev/test/kunit, which looks for memory leaks.

It is the configuration x86_64_vtd of the kernel tree, in which kunit.py runs, with
one more kernel parameter.
"""

from dataclasses import replace

BASE = 'tools/testing/kunit/qemu_configs/x86_64_vtd.py'

with open(BASE, encoding='utf-8') as file:
	exec(compile(file.read(), BASE, 'exec'))  # defines QEMU_ARCH
QEMU_ARCH = replace(QEMU_ARCH, kernel_command_line=(
	QEMU_ARCH.kernel_command_line + ' kunit_shutdown=none'))
