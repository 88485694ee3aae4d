/* SPDX-License-Identifier: Apache-2.0 */
#include "isa.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[CPU_N_ISAS] = {"base", "avx2", "avx512", "avx512_bf16"};

const char *cpu_isa_name(enum cpu_isa isa)
{
    return names[isa];
}

static enum cpu_isa of_processor(void)
{
#if defined(CPU_VARIANTS_X86)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("bmi2"))
        return CPU_ISA_BASE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return CPU_ISA_AVX2;
    return __builtin_cpu_supports("avx512bf16") ? CPU_ISA_AVX512_BF16 : CPU_ISA_AVX512;
#else
    return CPU_ISA_BASE;
#endif
}

/* CPU_N_ISAS when the environment names none that exists, or none at all. */
static enum cpu_isa of_environment(void)
{
    const char *wanted = getenv("FIT_ISA");
    int i = 0;
    while (i < CPU_N_ISAS && (!wanted || strcmp(wanted, names[i]) != 0))
        i++;
    return (enum cpu_isa)i;
}

static enum cpu_isa chosen;

static void choose(void)
{
    enum cpu_isa most = of_processor(), wanted = of_environment();
    chosen = wanted < most ? wanted : most;
}

enum cpu_isa cpu_isa(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
    return chosen;
}

bool cpu_isa_check(char *message, size_t message_bytes)
{
    const char *wanted = getenv("FIT_ISA");
    if (!wanted || of_environment() < CPU_N_ISAS)
        return true;
    snprintf(message, message_bytes,
             "FIT_ISA is \"%.40s\"; expected base, avx2, avx512 or avx512_bf16", wanted);
    return false;
}
