/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an instruction leaves to run in the background: copies to shared memory (cp.async) and
 * Hopper's products (wgmma). All of it happens as late as it may, when its thread waits for it, so
 * that results taken too early and operands changed too early are wrong here as they would be
 * there.
 */
#include "async.h"

#include <deque>
#include <vector>

#include "cuda_runtime.h"
#include "fibers.h"
#include "fk_dtype.h"

struct copy {
    void *shared;
    const void *global;
    bool there;
};

struct product {
    float *d;
    int columns;
    const uint32_t *a;
    uint64_t matrices;
    bool turned, add;
};

/* Work in groups, the oldest first; the last one is still open. */
template <typename T> struct background {
    std::deque<std::vector<T>> groups{{}};

    void add(const T &work)
    {
        groups.back().push_back(work);
    }
    void commit()
    {
        groups.emplace_back();
    }
    template <typename F> void wait(size_t left, F run)
    {
        while (groups.size() - 1 > left) {
            for (const T &work : groups.front())
                run(work);
            groups.pop_front();
        }
    }
    bool is_idle() const
    {
        return groups.size() == 1 && groups.back().empty();
    }
};

struct thread_work {
    background<copy> copies;
    background<product> products;
    bool fenced = false;
};

static std::vector<thread_work> threads;
static size_t shared_bytes;
static long products_until_wrong;

void async_configure(const char *wrong_after)
{
    products_until_wrong = wrong_after ? strtol(wrong_after, NULL, 10) : -1;
}

void async_begin(unsigned n_threads, size_t bytes)
{
    threads.assign(n_threads, thread_work());
    shared_bytes = bytes;
}

void async_end_thread()
{
    if (!threads[fiber_current()].products.is_idle())
        cuda_shim_fail("a thread ends while products are under way");
}

/* ---- copies ------------------------------------------------------------------------------- */

void cuda_shim_copy16(void *shared, const void *global, bool there)
{
    threads[fiber_current()].copies.add({shared, global, there});
}

void cuda_shim_copies_commit()
{
    threads[fiber_current()].copies.commit();
}

void cuda_shim_copies_wait(int left)
{
    threads[fiber_current()].copies.wait((size_t)left, [](const copy &c) {
        if (c.there)
            memcpy(c.shared, c.global, 16);
        else
            memset(c.shared, 0, 16);
    });
}

/* ---- products ----------------------------------------------------------------------------- */

uint32_t cuda_shim_shared_address(const void *p)
{
    return (uint32_t)(static_cast<const unsigned char *>(p) -
                      static_cast<const unsigned char *>(cuda_shim_shared()));
}

/* B(k, n) by the descriptor's fields, as the PTX ISA lays out what is not swizzled: matrices of
 * eight rows of 16 bytes; the leading offset leads along k, the stride offset along n. */
static float b_at(uint64_t matrices, bool turned, int k, int n)
{
    size_t at = (matrices & 0x3fff) << 4;
    at += (size_t)(k / 8) * ((matrices >> 16 & 0x3fff) << 4);
    at += (size_t)(n / 8) * ((matrices >> 32 & 0x3fff) << 4);
    at += turned ? k % 8 * 16 + n % 8 * 2 : n % 8 * 16 + k % 8 * 2;
    if (at + 2 > shared_bytes)
        cuda_shim_fail("a product reads beyond shared memory");
    uint16_t bits;
    memcpy(&bits, static_cast<const unsigned char *>(cuda_shim_shared()) + at, sizeof bits);
    return fk_bf16_to_f32(bits);
}

/* The warp's 16 rows of A: lane 4 (row % 8) + k % 8 / 2 has them, as mma.cuh says. */
static float a_at(const unsigned char *all, int row, int k)
{
    uint32_t pair;
    int lane = row % 8 * 4 + k % 8 / 2, which = row / 8 + 2 * (k / 8);
    memcpy(&pair, all + lane * CUDA_SHIM_SLOT + 4 * which, sizeof pair);
    return fk_bf16_to_f32((uint16_t)(k % 2 ? pair >> 16 : pair));
}

static void multiply(const product &p)
{
    struct {
        uint32_t a[4];
        uint64_t matrices;
    } mine = {{p.a[0], p.a[1], p.a[2], p.a[3]}, p.matrices}, first;
    const unsigned char *all = cuda_shim_exchange(&mine, sizeof mine);
    memcpy(&first, all, sizeof first);
    if (first.matrices != p.matrices || p.matrices >> 46)
        cuda_shim_fail("a product's matrices differ in the warp, or are swizzled");
    int g = (int)cuda_shim_lane() / 4, t = (int)cuda_shim_lane() % 4;
    for (int i = 0; i < 4 * p.columns; i++) {
        int row = g + i % 4 / 2 * 8, column = 8 * (i / 4) + 2 * t + i % 2;
        float sum = 0;
        for (int k = 0; k < 16; k++)
            sum += a_at(all, row, k) * b_at(p.matrices, p.turned, k, column);
        p.d[i] = p.add ? p.d[i] + sum : sum;
    }
    if (products_until_wrong >= 0 && products_until_wrong-- == 0) {
        products_until_wrong = 0;
        p.d[0] += 1;
    }
}

void cuda_shim_wgmma_fence()
{
    threads[fiber_current()].fenced = true;
}

void cuda_shim_wgmma(float *d, int columns, const uint32_t (&a)[4], uint64_t matrices, bool turned,
                     bool add)
{
    thread_work &mine = threads[fiber_current()];
    if (!mine.fenced)
        cuda_shim_fail("a product without a fence after the last wait");
    mine.products.add({d, columns, a, matrices, turned, add});
}

void cuda_shim_wgmma_commit()
{
    threads[fiber_current()].products.commit();
}

void cuda_shim_wgmma_wait(int left)
{
    thread_work &mine = threads[fiber_current()];
    mine.fenced = false;
    mine.products.wait((size_t)left, multiply);
}
