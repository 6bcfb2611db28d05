/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_X86_NOSNOOP_H
#define _ASM_X86_NOSNOOP_H

/* 32-bit kernels may run on processors without CLFLUSH. */
#ifdef CONFIG_X86_64
#define ARCH_CAN_FLUSH_NOSNOOP 1

void arch_flush_nosnoop(unsigned long pfn, unsigned long npfns);
#else
#include <asm-generic/nosnoop.h>
#endif

#endif
