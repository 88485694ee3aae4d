/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention by Hopper's products is believed only where it gives what attention by mma gives: both
 * run once, when the device is opened, on a small pack of images of awkward lengths.
 * FIT_CUDA_ATTENTION=mma does without it.
 */
#include "launch.cuh"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADS = 2, IMAGES = 4, TOKENS = 1 + 63 + 64 + 130, LONGEST = 130, WIDEST = 96 };
static const int32_t offsets[IMAGES + 1] = {0, 1, 64, 128, TOKENS};

/* Both round the same weights to bf16, but sum in orders of their own: a weight next to a step of
 * 2^-9 may fall on either side. */
#define APART (1.0 / 256)

struct trial {
    struct fk_queue queue;
    struct cuda_state *state;
    uint16_t *qkv;            /* device, as all below: [TOKENS][3][HEADS][D] */
    float *out[2], *lse[2];   /* by mma and by wgmma: [TOKENS][HEADS][D], [TOKENS][HEADS] */
    int32_t *offset;
    void *memory;
    float values[2 * TOKENS * HEADS * (WIDEST + 1)]; /* host: out and lse of the one, of the other */
};

static bool trial_open(struct trial *t)
{
    const size_t numbers = (size_t)TOKENS * HEADS;
    const size_t qkv = 3 * numbers * WIDEST * sizeof(uint16_t), out = numbers * WIDEST * sizeof(float),
                 lse = numbers * sizeof(float);
    if (cudaStreamCreateWithFlags(&t->queue.stream, cudaStreamNonBlocking) != cudaSuccess ||
        cudaMalloc(&t->memory, qkv + 2 * (out + lse) + sizeof offsets) != cudaSuccess)
        return false;
    unsigned char *at = static_cast<unsigned char *>(t->memory);
    t->qkv = reinterpret_cast<uint16_t *>(at);
    at += qkv;
    for (int i = 0; i < 2; i++, at += out + lse) {
        t->out[i] = reinterpret_cast<float *>(at);
        t->lse[i] = reinterpret_cast<float *>(at + out);
    }
    t->offset = reinterpret_cast<int32_t *>(at);
    return cudaMemcpyAsync(t->offset, offsets, sizeof offsets, cudaMemcpyHostToDevice,
                           t->queue.stream) == cudaSuccess;
}

static void trial_close(struct trial *t)
{
    if (t->queue.stream)
        cudaStreamDestroy(t->queue.stream);
    cudaFree(t->memory);
    free(t);
}

/* Numbers of unit size from a generator of Lehmer's, in bf16. */
static bool fill(struct trial *t, int D)
{
    uint16_t *host = reinterpret_cast<uint16_t *>(t->values);
    size_t n = (size_t)3 * TOKENS * HEADS * D;
    static_assert(3 * WIDEST * sizeof(uint16_t) <= 2 * (WIDEST + 1) * sizeof(float), "room");
    uint64_t random = 48271;
    for (size_t i = 0; i < n; i++) {
        random = random * 48271 % 2147483647;
        host[i] = fk_f32_to_bf16(3.46f * ((float)random / 2147483647 - 0.5f));
    }
    return cudaMemcpyAsync(t->qkv, host, n * sizeof *host, cudaMemcpyHostToDevice,
                           t->queue.stream) == cudaSuccess &&
           cudaStreamSynchronize(t->queue.stream) == cudaSuccess;
}

static bool fetch(struct trial *t, int way, int D)
{
    size_t rows = (size_t)TOKENS * HEADS, n = rows * D;
    float *host = t->values + way * rows * (D + 1);
    cudaStream_t stream = t->queue.stream;
    return cudaMemcpyAsync(host, t->out[way], n * sizeof *host, cudaMemcpyDeviceToHost, stream) ==
               cudaSuccess &&
           cudaMemcpyAsync(host + n, t->lse[way], rows * sizeof *host, cudaMemcpyDeviceToHost,
                           stream) == cudaSuccess &&
           cudaStreamSynchronize(stream) == cudaSuccess;
}

/* The largest distance between the two ways for heads of that width, infinite where one is no
 * number; negative when they failed. */
static double distance(struct trial *t, int D)
{
    const struct fk_pack pack = {IMAGES, TOKENS, LONGEST, t->offset};
    if (!fill(t, D))
        return -1;
    for (int way = 0; way < 2; way++) {
        t->state->wgmma = way;
        if (!t->state->ops.attention(&t->queue, fk_f32(t->out[way]), t->lse[way],
                                     fk_bf16(t->qkv), &pack, HEADS, D, 1 / sqrtf((float)D)) ||
            !fetch(t, way, D))
            return -1;
    }
    size_t n = (size_t)TOKENS * HEADS * (D + 1);
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double apart = fabs((double)t->values[i] - t->values[n + i]);
        if (!isfinite(apart))
            return INFINITY;
        most = fmax(most, apart);
    }
    return most;
}

static bool agrees(struct trial *t, char *message, size_t message_bytes)
{
    static const int widths[] = {64, 72, 96};
    for (int i = 0; i < 3; i++) {
        double apart = distance(t, widths[i]);
        if (apart < 0)
            snprintf(message, message_bytes, "attention by wgmma could not be tried: %.180s",
                     t->queue.error[0] ? t->queue.error : "the GPU does not answer");
        else if (apart > APART)
            snprintf(message, message_bytes,
                     "attention by wgmma is %.2g from that by mma, which is used instead", apart);
        if (apart < 0 || apart > APART)
            return false;
    }
    return true;
}

void cuda_attention_try(struct cuda_state *state, char *message, size_t message_bytes)
{
    const char *way = getenv("FIT_CUDA_ATTENTION");
    if (!cuda_attention_has_wgmma(state) || (way && !strcmp(way, "mma")))
        return;
    struct trial *t = static_cast<struct trial *>(calloc(1, sizeof *t));
    if (!t || (t->state = t->queue.state = state, !trial_open(t))) {
        snprintf(message, message_bytes, "attention by wgmma could not be tried: no memory");
        cudaGetLastError(); /* an allocation that fails leaves the device whole */
    } else {
        state->wgmma = agrees(t, message, message_bytes);
    }
    if (t)
        trial_close(t);
}
