/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host memory as a device. Its queue runs every operation at once, so "queued" means "done".
 *
 * Loops and oneDNN share OpenMP's threads. These spin for a while after each loop; a program that
 * has other work for the processor (a window) sets GOMP_SPINCOUNT before it starts, since OpenMP
 * reads it when the library is loaded.
 */
#include "cpu.h"
#include "isa.h"
#include "matmul.h"
#include "processors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 64
#define NO_MEMORY "no memory for the processor's device"

static size_t rounded(size_t bytes)
{
    size_t up = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return up ? up : ALIGNMENT;
}

void *cpu_scratch(struct fk_queue *q, int slot, size_t bytes)
{
    if (q->scratch_bytes[slot] < bytes || !q->scratch[slot]) {
        free(q->scratch[slot]);
        q->scratch[slot] = aligned_alloc(ALIGNMENT, rounded(bytes));
        q->scratch_bytes[slot] = q->scratch[slot] ? bytes : 0;
        if (!q->scratch[slot])
            cpu_fail(q, "no memory for %zu bytes of scratch", bytes);
    }
    return q->scratch[slot];
}

const float *cpu_floats(struct fk_queue *q, int slot, struct fk_ptr x, size_t n)
{
    if (x.type == FK_F32)
        return x.p;
    const uint16_t *from = x.p;
    float *to = cpu_scratch(q, slot, n * sizeof *to);
    if (!to)
        return NULL;
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t i = 0; i < n; i++)
        to[i] = fk_bf16_to_f32(from[i]);
    return to;
}

const float *cpu_floats_rounded(struct fk_queue *q, int slot, struct fk_ptr x, size_t n)
{
    if (x.type == FK_BF16)
        return cpu_floats(q, slot, x, n);
    const float *from = x.p;
    float *to = cpu_scratch(q, slot, n * sizeof *to);
    if (!to)
        return NULL;
#pragma omp parallel for num_threads(cpu_threads(q, n))
    for (size_t i = 0; i < n; i++)
        to[i] = fk_bf16_to_f32(fk_f32_to_bf16(from[i]));
    return to;
}

bool cpu_fail(struct fk_queue *q, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(q->error, sizeof q->error, format, arguments);
    va_end(arguments);
    return false;
}

static void *alloc(struct fk_device *device, size_t bytes)
{
    (void)device;
    return bytes > SIZE_MAX - ALIGNMENT ? NULL : aligned_alloc(ALIGNMENT, rounded(bytes));
}

static void release(struct fk_device *device, void *p)
{
    (void)device;
    free(p);
}

/* The number before "kB" in the line of /proc/meminfo that begins with `key`. */
static size_t meminfo_bytes(const char *text, const char *key)
{
    const char *line = strstr(text, key);
    return line ? (size_t)strtoull(line + strlen(key), NULL, 10) * 1024 : 0;
}

static bool memory(struct fk_device *device, size_t *free_bytes, size_t *total_bytes)
{
    (void)device;
    char text[4096];
    FILE *file = fopen("/proc/meminfo", "r");
    if (!file)
        return false;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    *free_bytes = meminfo_bytes(text, "MemAvailable:");
    *total_bytes = meminfo_bytes(text, "MemTotal:");
    return *free_bytes && *total_bytes;
}

static struct fk_queue *queue_new(struct fk_device *device)
{
    struct fk_queue *q = calloc(1, sizeof *q);
    if (q)
        q->device = device;
    return q;
}

static void queue_free(struct fk_queue *q)
{
    if (!q)
        return;
    cpu_onednn_finish(q);
    for (int slot = 0; slot < CPU_SCRATCH_SLOTS; slot++)
        free(q->scratch[slot]);
    free(q);
}

static bool queue_sync(struct fk_queue *q)
{
    (void)q;
    return true;
}

static const char *queue_error(struct fk_queue *q)
{
    return q->error;
}

static bool upload(struct fk_queue *q, void *device_memory, const void *host, size_t bytes)
{
    (void)q;
    memcpy(device_memory, host, bytes);
    return true;
}

static bool download(struct fk_queue *q, void *host, const void *device_memory, size_t bytes)
{
    (void)q;
    memcpy(host, device_memory, bytes);
    return true;
}

static bool zero(struct fk_queue *q, void *device_memory, size_t bytes)
{
    (void)q;
    memset(device_memory, 0, bytes);
    return true;
}

static void close_device(struct fk_device *device)
{
    cpu_weights_finish(device);
    free(device->state);
}

static void read_processor_name(char *out, size_t bytes)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(out, bytes, "processor");
    while (file && fgets(line, sizeof line, file)) {
        const char *name = strncmp(line, "model name", 10) ? NULL : strstr(line, ": ");
        if (!name)
            continue;
        snprintf(out, bytes, "%.*s", (int)strcspn(name + 2, "\n"), name + 2);
        break;
    }
    if (file)
        fclose(file);
}

static void install_reference(struct fk_ops *ops)
{
    cpu_linear_install(ops);
    cpu_attention_install(ops);
    cpu_conv_install(ops);
    cpu_norm_install(ops);
    cpu_group_norm_install(ops);
    cpu_activation_install(ops);
    cpu_embed_install(ops);
    cpu_elementwise_install(ops);
    cpu_image_install(ops);
    cpu_random_install(ops);
    cpu_optim_install(ops);
}

static void install_fast(struct fk_ops *ops, const struct fk_caps *caps)
{
    cpu_fast_attention_install(ops, caps);
    cpu_fast_conv_install(ops, caps);
#if defined(CPU_VARIANTS_X86)
    if (cpu_isa() >= CPU_ISA_AVX2) {
        cpu_fast_linear_install_v3(ops, caps);
        cpu_fast_rows_install_v3(ops, caps);
        cpu_fast_group_norm_install_v3(ops, caps);
        return;
    }
#endif
    cpu_fast_linear_install_base(ops, caps);
    cpu_fast_rows_install_base(ops, caps);
    cpu_fast_group_norm_install_base(ops, caps);
}

static const struct cpu_products *own_products(void)
{
#if defined(CPU_VARIANTS_X86)
    if (cpu_isa() >= CPU_ISA_AVX2)
        return &cpu_products_v3;
#endif
    return &cpu_products_base;
}

const struct cpu_products *cpu_products(const struct fk_device *device)
{
    return ((const struct cpu_state *)device->state)->products;
}

/* All that the processor can do, beyond the reference. */
static bool make_fast(struct cpu_state *state, char *message, size_t message_bytes)
{
    struct fk_caps *caps = &state->device.caps;
    if (!cpu_isa_check(message, message_bytes))
        return false;
    const struct cpu_products *onednn = cpu_onednn_begin(&caps->native_bf16);
    snprintf(caps->isa, sizeof caps->isa, "%s%s", cpu_isa_name(cpu_isa()),
             onednn ? "" : ", without oneDNN");
    if (!onednn)
        snprintf(message, message_bytes,
                 "built without oneDNN: everything works, slower than it could");
    state->products = onednn && cpu_isa() >= CPU_ISA_AVX512 ? onednn : own_products();
#if defined(CPU_VARIANTS_X86)
    if (cpu_isa() >= CPU_ISA_AVX512_BF16) {
        state->products = cpu_products_bf16(state->products);
        caps->native_bf16 = true;
    }
#endif
    install_fast(&state->ops, caps);
    if (cpu_weights_install(&state->device))
        return true;
    snprintf(message, message_bytes, NO_MEMORY);
    return false;
}

struct fk_device *cpu_device_open(bool plain, int n_threads, char *message, size_t message_bytes)
{
    struct cpu_state *state = calloc(1, sizeof *state);
    if (!state) {
        snprintf(message, message_bytes, NO_MEMORY);
        return NULL;
    }
    struct fk_device *device = &state->device;
    *device = (struct fk_device){
        .abi = FK_ABI,
        .name = plain ? "reference" : "cpu",
        .ops = &state->ops,
        .state = state,
        .caps = {.host_memory = true,
                 .n_threads = n_threads > 0 ? n_threads : cpu_processors(),
                 .isa = "C"},
        .close = close_device,
        .alloc = alloc,
        .free = release,
        .memory = memory,
        .queue_new = queue_new,
        .queue_free = queue_free,
        .queue_sync = queue_sync,
        .queue_error = queue_error,
        .upload = upload,
        .download = download,
        .copy = upload,
        .zero = zero,
    };
    read_processor_name(device->model, sizeof device->model);
    install_reference(&state->ops);
    if (plain || make_fast(state, message, message_bytes))
        return device;
    close_device(device);
    return NULL;
}
