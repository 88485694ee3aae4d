/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isa.h - which instructions this backend may use: those of the processor, or fewer when the
 * environment says so. FIT_ISA is read once per process and binds everything: own loops and oneDNN.
 */
#ifndef CPU_ISA_H
#define CPU_ISA_H

#include <stdbool.h>
#include <stddef.h>

/* Each has what those before it have. */
enum cpu_isa {
    CPU_ISA_BASE,        /* what the compiler takes for granted: SSE2 on x86-64 */
    CPU_ISA_AVX2,        /* x86-64-v3, with FMA */
    CPU_ISA_AVX512,      /* x86-64-v4 */
    CPU_ISA_AVX512_BF16, /* and its products of bf16 */
    CPU_N_ISAS
};

/* "base", "avx2", "avx512", "avx512_bf16": the values of FIT_ISA. */
const char *cpu_isa_name(enum cpu_isa isa);

/* The level in use. */
enum cpu_isa cpu_isa(void);

/* Whether FIT_ISA is unset or one of the names; else one sentence in `message`. */
bool cpu_isa_check(char *message, size_t message_bytes);

#endif
