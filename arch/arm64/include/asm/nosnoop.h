/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_ARM64_NOSNOOP_H
#define _ASM_ARM64_NOSNOOP_H

#define ARCH_CAN_FLUSH_NOSNOOP 1

void arch_flush_nosnoop(unsigned long pfn, unsigned long npfns);

#endif
