/* SPDX-License-Identifier: Apache-2.0 */
/* Weights that stay as they are, copied into the order in which products read fastest. The copy is
 * made by the first product, so that opening a model takes no time, and one matrix at a time may
 * give its own memory back. */
#include "matmul.h"
#include "slabs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { N_BUCKETS = 256 };

struct cpu_weights {
    pthread_mutex_t lock; /* models come and go on other threads than the queue's */
    struct slabs copies;
    struct cpu_kept *bucket[N_BUCKETS];
};

static struct cpu_kept **bucket_of(struct cpu_weights *weights, const void *w)
{
    return &weights->bucket[((uintptr_t)w >> 6) % N_BUCKETS];
}

static struct cpu_weights *weights_of(struct fk_device *device)
{
    return ((struct cpu_state *)device->state)->weights;
}

/* Under the lock. */
static void kept_free(struct cpu_weights *weights, struct cpu_kept *kept)
{
    if (kept)
        slabs_give(&weights->copies, kept->copy);
    free(kept);
}

/* Sets kept->copy where there is memory for it and use. Under the lock. */
static void make_copy(struct fk_device *device, struct cpu_kept *kept)
{
    const struct cpu_products *products = cpu_products(device);
    struct slabs *copies = &weights_of(device)->copies;
    size_t bytes = products->copy_bytes(kept);
    kept->copy = bytes ? slabs_take(copies, bytes) : NULL;
    if (kept->copy && !products->copy(kept, kept->copy)) {
        slabs_give(copies, kept->copy);
        kept->copy = NULL;
    }
    kept->tried = true;
}

static void forget(struct fk_device *device, const void *w)
{
    struct cpu_weights *weights = weights_of(device);
    pthread_mutex_lock(&weights->lock);
    struct cpu_kept **at = bucket_of(weights, w);
    while (*at && (*at)->w != w)
        at = &(*at)->next;
    struct cpu_kept *gone = *at;
    if (gone)
        *at = gone->next;
    kept_free(weights, gone);
    pthread_mutex_unlock(&weights->lock);
}

static bool keep(struct fk_device *device, struct fk_ptr w, int N, int K,
                 void (*copied)(void *user, const void *w, size_t bytes), void *user)
{
    struct cpu_weights *weights = weights_of(device);
    if (w.type == FK_BF16 && !device->caps.native_bf16)
        return false; /* products widen these, copy after copy */
    forget(device, w.p);
    struct cpu_kept *kept = calloc(1, sizeof *kept);
    if (!kept)
        return false;
    *kept = (struct cpu_kept){
        .w = w.p, .type = w.type, .N = N, .K = K, .copied = copied, .user = user};
    pthread_mutex_lock(&weights->lock);
    struct cpu_kept **at = bucket_of(weights, w.p);
    kept->next = *at;
    *at = kept;
    pthread_mutex_unlock(&weights->lock);
    return true;
}

const struct cpu_kept *cpu_kept(struct fk_device *device, struct fk_ptr w, int N, int K)
{
    struct cpu_weights *weights = weights_of(device);
    bool made = false;
    if (!weights)
        return NULL;
    pthread_mutex_lock(&weights->lock);
    struct cpu_kept *kept = *bucket_of(weights, w.p);
    while (kept && (kept->w != w.p || kept->type != w.type || kept->N != N || kept->K != K))
        kept = kept->next;
    if (kept && !kept->tried) {
        make_copy(device, kept);
        made = kept->copy;
    }
    pthread_mutex_unlock(&weights->lock);
    if (made && kept->copied)
        kept->copied(kept->user, w.p, (size_t)N * (size_t)K * fk_dtype_size(w.type));
    return kept && kept->copy ? kept : NULL;
}

bool cpu_weights_install(struct fk_device *device)
{
    struct cpu_weights *weights = calloc(1, sizeof *weights);
    if (!weights)
        return false;
    pthread_mutex_init(&weights->lock, NULL);
    ((struct cpu_state *)device->state)->weights = weights;
    device->weights_keep = keep;
    device->weights_forget = forget;
    return true;
}

void cpu_weights_finish(struct fk_device *device)
{
    struct cpu_weights *weights = weights_of(device);
    for (int i = 0; weights && i < N_BUCKETS; i++)
        for (struct cpu_kept *next, *kept = weights->bucket[i]; kept; kept = next) {
            next = kept->next;
            kept_free(weights, kept);
        }
    if (weights)
        pthread_mutex_destroy(&weights->lock);
    free(weights);
}
