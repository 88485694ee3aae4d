/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "fk_dtype.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD_BYTES = 64, GUARD_VALUE = 0xa5, N_THREADS = 2, N_DIRECTIONS = 4 };

/* Memory of the device (between guards) or, with device == NULL, of the host. */
struct check_block {
    struct check_block *next;
    unsigned char *memory;
    size_t bytes; /* without the guards */
    bool on_device;
};

static struct check_block *block_new(struct check *c, size_t bytes, bool on_device)
{
    struct check_block *block = calloc(1, sizeof *block);
    assert_non_null(block);
    block->memory = on_device ? c->device->alloc(c->device, bytes + 2 * GUARD_BYTES)
                              : calloc(1, bytes ? bytes : 1);
    assert_non_null(block->memory);
    block->bytes = bytes;
    block->on_device = on_device;
    block->next = c->blocks;
    c->blocks = block;
    return block;
}

static void guards_verify(struct check *c, const struct check_block *block)
{
    unsigned char guard[2 * GUARD_BYTES];
    assert_true(c->device->download(c->q, guard, block->memory, GUARD_BYTES));
    assert_true(c->device->download(c->q, guard + GUARD_BYTES,
                                    block->memory + GUARD_BYTES + block->bytes, GUARD_BYTES));
    assert_true(c->device->queue_sync(c->q));
    for (int i = 0; i < 2 * GUARD_BYTES; i++)
        if (guard[i] != GUARD_VALUE)
            fail_msg("%s: byte %d %s a block of %zu bytes was overwritten", c->backend,
                     i < GUARD_BYTES ? GUARD_BYTES - i : i - GUARD_BYTES,
                     i < GUARD_BYTES ? "before" : "after", block->bytes);
}

struct check *check_open(const char *backend, int n_threads)
{
    char message[256] = "";
    struct fk_open_params params = {.backend = backend, .n_threads = n_threads};
    struct fk_device *device = fk_device_open(&params, message, sizeof message);
    if (!device) {
        const char *wanted = getenv("FIT_TEST_BACKEND");
        if (strcmp(backend, "cuda") != 0 || (wanted && !strcmp(wanted, "cuda")))
            fail_msg("%s: %s", backend, message);
        if (wanted) {
            fprintf(stderr, "skipped: %s\n", message);
            exit(77);
        }
        return NULL;
    }
    struct check *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->backend = backend;
    c->device = device;
    c->ops = device->ops;
    c->q = device->queue_new(device);
    assert_non_null(c->q);
    return c;
}

void check_close(struct check **c)
{
    struct check_block *block = (*c)->blocks;
    while (block) {
        struct check_block *next = block->next;
        if (block->on_device) {
            guards_verify(*c, block);
            (*c)->device->free((*c)->device, block->memory);
        } else {
            free(block->memory);
        }
        free(block);
        block = next;
    }
    (*c)->device->queue_free((*c)->q);
    fk_device_close(&(*c)->device);
    free(*c);
    *c = NULL;
}

void check_each_device(void (*body)(struct check *c))
{
    const char *const backends[] = {"reference", "cpu", "cuda"}, *wanted = getenv("FIT_TEST_BACKEND");
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        if (wanted && strcmp(backends[i], "cuda") != 0)
            continue;
        struct check *c = check_open(backends[i], N_THREADS);
        if (!c)
            continue;
        body(c);
        check_close(&c);
    }
}

void check_each_thread_count(void *(*body)(struct check *c, size_t *bytes))
{
    const char *const backends[] = {"reference", "cpu"};
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        struct check *one = check_open(backends[i], 1);
        size_t bytes = 0;
        const void *want = body(one, &bytes);
        for (int n = 2; n <= 3; n++) {
            struct check *many = check_open(backends[i], n);
            size_t many_bytes = 0;
            const void *got = body(many, &many_bytes);
            assert_true(bytes > 0);
            assert_int_equal(many_bytes, bytes);
            if (memcmp(got, want, bytes) != 0)
                fail_msg("%s: results differ between 1 and %d threads", backends[i], n);
            check_close(&many);
        }
        check_close(&one);
    }
}

double check_uniform(uint32_t stream, size_t i)
{
    uint64_t h = ((uint64_t)stream << 40) + i + 0x9e3779b97f4a7c15u; /* splitmix64 */
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    h ^= h >> 31;
    return (double)(h >> 11) * 0x1p-52 - 1.0;
}

void *check_bytes(struct check *c, const void *host, size_t bytes)
{
    struct check_block *block = block_new(c, bytes, true);
    unsigned char *image = malloc(bytes + 2 * GUARD_BYTES);
    assert_non_null(image);
    memset(image, GUARD_VALUE, bytes + 2 * GUARD_BYTES);
    if (host)
        memcpy(image + GUARD_BYTES, host, bytes);
    else
        memset(image + GUARD_BYTES, 0xff, bytes);
    assert_true(c->device->upload(c->q, block->memory, image, bytes + 2 * GUARD_BYTES));
    assert_true(c->device->queue_sync(c->q));
    free(image);
    return block->memory + GUARD_BYTES;
}

struct fk_ptr check_given(struct check *c, enum fk_dtype type, const double *values, size_t n)
{
    unsigned char *host = malloc(n * 4 + 1);
    assert_non_null(host);
    for (size_t i = 0; i < n; i++) {
        float f = (float)values[i];
        uint16_t h = fk_f32_to_bf16(f);
        if (type == FK_F32)
            memcpy(host + 4 * i, &f, 4);
        else
            memcpy(host + 2 * i, &h, 2);
    }
    void *p = check_bytes(c, host, n * fk_dtype_size(type));
    free(host);
    return (struct fk_ptr){p, type};
}

struct fk_ptr check_input(struct check *c, enum fk_dtype type, size_t n, uint32_t stream)
{
    double *values = check_room(c, n);
    for (size_t i = 0; i < n; i++)
        values[i] = sqrt(3.0) * check_uniform(stream, i); /* variance of a uniform is 1/3 */
    return check_given(c, type, values, n);
}

struct fk_ptr check_zeros(struct check *c, enum fk_dtype type, size_t n)
{
    return check_given(c, type, check_room(c, n), n);
}

struct fk_ptr check_output(struct check *c, enum fk_dtype type, size_t n)
{
    return (struct fk_ptr){check_bytes(c, NULL, n * fk_dtype_size(type)), type};
}

struct fk_ptr check_copy(struct check *c, struct fk_ptr x, size_t n)
{
    size_t bytes = n * fk_dtype_size(x.type);
    return (struct fk_ptr){check_bytes(c, check_download(c, x.p, bytes), bytes), x.type};
}

struct fk_pack check_pack(struct check *c, const int *lengths, int n_images)
{
    struct fk_pack pack = {.n_images = n_images};
    int32_t *offset = calloc((size_t)n_images + 1, sizeof *offset);
    assert_non_null(offset);
    for (int b = 0; b < n_images; b++) {
        offset[b + 1] = offset[b] + lengths[b];
        if (lengths[b] > pack.longest)
            pack.longest = lengths[b];
    }
    pack.n_tokens = offset[n_images];
    pack.offset = check_bytes(c, offset, ((size_t)n_images + 1) * sizeof *offset);
    free(offset);
    return pack;
}

void check_run_at(struct check *c, bool ok, const char *call, const char *file, int line)
{
    if (!ok || !c->device->queue_sync(c->q))
        fail_msg("%s:%d: %s: %s: %s", file, line, c->backend, call, c->device->queue_error(c->q));
}

static const struct check_block *block_of(const struct check *c, const void *device_memory)
{
    for (const struct check_block *b = c->blocks; b; b = b->next)
        if (b->on_device && (const unsigned char *)device_memory >= b->memory &&
            (const unsigned char *)device_memory < b->memory + b->bytes + 2 * GUARD_BYTES)
            return b;
    return NULL;
}

void *check_download(struct check *c, const void *device_memory, size_t bytes)
{
    const struct check_block *from = block_of(c, device_memory);
    if (from)
        guards_verify(c, from);
    struct check_block *to = block_new(c, bytes, false);
    assert_true(c->device->download(c->q, to->memory, device_memory, bytes));
    assert_true(c->device->queue_sync(c->q));
    return to->memory;
}

double *check_room(struct check *c, size_t n)
{
    return (double *)(void *)block_new(c, n * sizeof(double), false)->memory;
}

double *check_values(struct check *c, struct fk_ptr x, size_t n)
{
    const void *host = check_download(c, x.p, n * fk_dtype_size(x.type));
    const float *f = host;
    const uint16_t *h = host;
    double *values = check_room(c, n);
    for (size_t i = 0; i < n; i++)
        values[i] = x.type == FK_F32 ? f[i] : fk_bf16_to_f32(h[i]);
    return values;
}

void check_near(struct check *c, const char *what, struct fk_ptr got, const double *want, size_t n,
                double tolerance)
{
    const double *values = check_values(c, got, n);
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += want[i] * want[i];
    double rms = n ? sqrt(squares / (double)n) : 0;
    double allowed = tolerance * (rms > 1 ? rms : 1);
    for (size_t i = 0; i < n; i++)
        if (!(fabs(values[i] - want[i]) <= allowed))
            fail_msg("%s: %s[%zu] is %.9g, expected %.9g within %.3g", c->backend, what, i,
                     values[i], want[i], allowed);
}

void check_same(struct check *c, const char *what, struct fk_ptr got, struct fk_ptr want, size_t n)
{
    size_t size = fk_dtype_size(got.type);
    assert_int_equal(got.type, want.type);
    const unsigned char *a = check_download(c, got.p, n * size);
    const unsigned char *b = check_download(c, want.p, n * size);
    for (size_t i = 0; i < n; i++)
        if (memcmp(a + i * size, b + i * size, size) != 0)
            fail_msg("%s: %s[%zu] differs in its bits", c->backend, what, i);
}

double check_tolerance(enum fk_dtype a, enum fk_dtype b)
{
    return a == FK_F32 && b == FK_F32 ? FK_TOLERANCE_F32 : FK_TOLERANCE_BF16;
}

double check_project(struct check *c, struct fk_ptr y, size_t n, uint32_t stream)
{
    const double *values = check_values(c, y, n);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += check_uniform(stream, i) * values[i];
    return sum;
}

struct fk_ptr check_project_gradient(struct check *c, enum fk_dtype type, size_t n,
                                     uint32_t stream)
{
    double *weights = check_room(c, n);
    for (size_t i = 0; i < n; i++)
        weights[i] = check_uniform(stream, i);
    return check_given(c, type, weights, n);
}

static void write_f32(struct check *c, struct fk_ptr to, const double *values, size_t n)
{
    float *host = check_download(c, to.p, n * sizeof *host);
    for (size_t i = 0; i < n; i++)
        host[i] = (float)values[i];
    assert_true(c->device->upload(c->q, to.p, host, n * sizeof *host));
    assert_true(c->device->queue_sync(c->q));
}

void check_gradient(struct check *c, const char *what, struct fk_ptr gradient, struct fk_ptr input,
                    size_t n, check_loss loss, void *data, double step, double tolerance)
{
    assert_int_equal(input.type, FK_F32);
    const double *x = check_values(c, input, n), *g = check_values(c, gradient, n);
    double *moved = check_room(c, n), norm = 0;
    for (size_t i = 0; i < n; i++)
        norm += g[i] * g[i];
    norm = sqrt(norm);
    assert_true(norm > 0); /* a gradient that vanishes would agree with anything */
    for (uint32_t direction = 0; direction < N_DIRECTIONS; direction++) {
        double slope = 0, side[2];
        for (int s = 0; s < 2; s++) {
            for (size_t i = 0; i < n; i++)
                moved[i] = x[i] + (s ? -step : step) * sqrt(3.0) *
                                      check_uniform(0x7000u + direction, i);
            write_f32(c, input, moved, n);
            side[s] = loss(c, data);
        }
        for (size_t i = 0; i < n; i++)
            slope += g[i] * sqrt(3.0) * check_uniform(0x7000u + direction, i);
        double difference = (side[0] - side[1]) / (2 * step);
        if (!(fabs(difference - slope) <= tolerance * norm))
            fail_msg("%s: gradient of %s along direction %u is %.9g, differences give %.9g "
                     "(allowed %.3g)",
                     c->backend, what, direction, slope, difference, tolerance * norm);
    }
    write_f32(c, input, x, n);
}
