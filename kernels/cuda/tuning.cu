/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured of products, and its bytes: a line that names what they hold for, then
 * entries. */
#include "tuning.h"

#include <map>
#include <mutex>
#include <new>
#include <stdio.h>
#include <string.h>

#include "gemm.h"

enum { MOST_ENTRIES = 8192, NAME_BYTES = 192 };

struct entry {
    tuning_product product;
    struct tuning_choice choice;
};

struct cuda_tuning {
    std::mutex lock;
    std::map<tuning_product, struct tuning_choice> choices;
    char name[NAME_BYTES]; /* card, driver and library: filled with zeros */
    bool news;             /* since the bytes were last given or taken */
};

static struct cuda_tuning *tuning_of(struct fk_device *device)
{
    return static_cast<struct cuda_state *>(device->state)->tuning;
}

static size_t save(struct fk_device *device, void *to, size_t room)
{
    struct cuda_tuning *t = tuning_of(device);
    std::lock_guard<std::mutex> hold(t->lock);
    size_t bytes = NAME_BYTES + t->choices.size() * sizeof(struct entry);
    if (!t->news)
        return 0;
    if (room < bytes)
        return bytes;
    unsigned char *at = static_cast<unsigned char *>(to);
    memcpy(at, t->name, NAME_BYTES);
    at += NAME_BYTES;
    for (const auto &known : t->choices) {
        struct entry e = {known.first, known.second};
        memcpy(at, &e, sizeof e);
        at += sizeof e;
    }
    t->news = false;
    return bytes;
}

static bool is_sensible(const struct entry &e)
{
    const tuning_product &p = e.product;
    return p[0] > 0 && p[1] > 0 && p[2] > 0 && p[3] >= 0 && p[3] < TUNING_KINDS &&
           e.choice.place < TUNING_PROPOSALS;
}

static void load(struct fk_device *device, const void *from, size_t bytes)
{
    struct cuda_tuning *t = tuning_of(device);
    const unsigned char *at = static_cast<const unsigned char *>(from);
    std::lock_guard<std::mutex> hold(t->lock);
    if (bytes < NAME_BYTES || memcmp(at, t->name, NAME_BYTES))
        return;
    for (size_t i = NAME_BYTES; i + sizeof(struct entry) <= bytes; i += sizeof(struct entry)) {
        struct entry e;
        memcpy(&e, at + i, sizeof e);
        if (is_sensible(e) && t->choices.size() < MOST_ENTRIES)
            t->choices.emplace(e.product, e.choice); /* what was measured here stays */
    }
}

bool cuda_tuning_install(struct cuda_state *state)
{
    struct cuda_tuning *t = new (std::nothrow) cuda_tuning();
    int driver = 0;
    if (!t)
        return false;
    cudaDriverGetVersion(&driver);
    snprintf(t->name, sizeof t->name, "limn products 1: %s, driver %d, library %zu\n",
             state->device.model, driver, cuda_gemm_version());
    state->tuning = t;
    state->device.tuning_save = save;
    state->device.tuning_load = load;
    return true;
}

void cuda_tuning_finish(struct cuda_state *state)
{
    delete state->tuning;
}

bool cuda_tuning_find(const struct cuda_state *state, const tuning_product &product,
                      struct tuning_choice *choice)
{
    std::lock_guard<std::mutex> hold(state->tuning->lock);
    auto known = state->tuning->choices.find(product);
    if (known == state->tuning->choices.end())
        return false;
    *choice = known->second;
    return true;
}

void cuda_tuning_learn(struct cuda_state *state, const tuning_product &product,
                       const struct tuning_choice &choice)
{
    struct cuda_tuning *t = state->tuning;
    std::lock_guard<std::mutex> hold(t->lock);
    auto known = t->choices.find(product);
    if (known != t->choices.end())
        known->second = choice;
    else if (t->choices.size() < MOST_ENTRIES)
        t->choices.emplace(product, choice);
    else
        return;
    t->news = true;
}
