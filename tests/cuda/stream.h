/* SPDX-License-Identifier: Apache-2.0 */
/* stream.h - the stand-in's device as its files share it: when work is done, and whether it lives. */
#ifndef FK_TEST_STREAM_H
#define FK_TEST_STREAM_H

#include <functional>
#include <mutex>

#include "cuda_runtime.h"

extern cudaError_t lost; /* what every call answers once the device is lost */
extern std::recursive_mutex one_at_a_time; /* over all that the device does */

/* While one of these lives, device memory may be touched. */
struct device_works {
    std::lock_guard<std::recursive_mutex> hold;
    device_works();
    ~device_works();
};

/* Recorded, done, or kept for later, as the stream is. */
void stream_submit(cudaStream_t stream, std::function<void()> work);

/* Does what all streams keep, as some of the runtime's calls wait for. */
void streams_finish();

#endif
