/* SPDX-License-Identifier: Apache-2.0 */
#include "fibers.h"

#include <memory>
#include <stdint.h>
#include <stdlib.h>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

/* ---- changing stacks ------------------------------------------------------------------------ */

enum { STACK_BYTES = 128 * 1024 };

#if defined(__x86_64__)

/* Leaves the caller's registers on its stack, whose pointer goes to *from, and takes up those that
 * lie on the stack `to`. (swapcontext would ask the system for the signal mask each time: twenty
 * times slower, and kernels change stacks millions of times.) */
extern "C" void fiber_switch(void **from, void *to);
__asm__(".text\n"
        ".globl fiber_switch\n"
        ".hidden fiber_switch\n"
        ".type fiber_switch, @function\n"
        "fiber_switch:\n"
        "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n"
        "    pushq %r13\n    pushq %r14\n    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n    popq %r14\n    popq %r13\n"
        "    popq %r12\n    popq %rbx\n    popq %rbp\n"
        "    ret\n"
        ".size fiber_switch, . - fiber_switch\n");

struct context {
    void *stack;
};

static void context_make(context *c, unsigned char *stack, void (*entry)())
{
    /* six registers, the address to return to, and one as if `entry` had been called */
    void **top = reinterpret_cast<void **>(
        (reinterpret_cast<uintptr_t>(stack) + STACK_BYTES) & ~(uintptr_t)15);
    top[-1] = nullptr;
    top[-2] = reinterpret_cast<void *>(entry);
    for (int i = 3; i <= 8; i++)
        top[-i] = nullptr;
    c->stack = top - 8;
}

static void context_switch(context *from, context *to)
{
    fiber_switch(&from->stack, to->stack);
}

#else

#include <ucontext.h>

struct context {
    ucontext_t all;
};

static void context_make(context *c, unsigned char *stack, void (*entry)())
{
    getcontext(&c->all);
    c->all.uc_stack.ss_sp = stack;
    c->all.uc_stack.ss_size = STACK_BYTES;
    c->all.uc_link = nullptr;
    makecontext(&c->all, entry, 0);
}

static void context_switch(context *from, context *to)
{
    swapcontext(&from->all, &to->all);
}

#endif

/* ---- fibers
 * ----------------------------------------------------------------------------------- */

struct fiber {
    struct context context;
    std::unique_ptr<unsigned char[]> stack;
    const unsigned *counter; /* that it waits for; NULL: nothing */
    unsigned value;
    bool done;
    void *fake; /* the sanitizer's */
};

static std::vector<fiber> fibers;
static struct context home;
static void *home_fake;
static const void *home_stack;
static size_t home_bytes;
static unsigned current;
static const std::function<void(unsigned)> *running;

/* The sanitizer is told of each change of stacks. */
static void leaving(void **fake, const void *stack, size_t bytes)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(fake, stack, bytes);
#else
    (void)fake, (void)stack, (void)bytes;
#endif
}

static void arrived(void *fake, const void **from, size_t *bytes)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake, from, bytes);
#else
    (void)fake, (void)from, (void)bytes;
#endif
}

/* Frames that never returned, those of the fiber that had the stack before, are still guarded. */
static void unguard(unsigned char *stack)
{
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(stack, STACK_BYTES);
#else
    (void)stack;
#endif
}

static void to_home(bool for_ever)
{
    fiber &f = fibers[current];
    leaving(for_ever ? nullptr : &f.fake, home_stack, home_bytes);
    context_switch(&f.context, &home);
    arrived(f.fake, &home_stack, &home_bytes);
}

static void begin()
{
    arrived(nullptr, &home_stack, &home_bytes);
    (*running)(current);
    fibers[current].done = true;
    to_home(true);
}

static void resume(unsigned i)
{
    current = i;
    leaving(&home_fake, fibers[i].stack.get(), STACK_BYTES);
    context_switch(&home, &fibers[i].context);
    arrived(home_fake, nullptr, nullptr);
}

static void prepare(unsigned n)
{
    while (fibers.size() < n) {
        fibers.emplace_back();
        fibers.back().stack.reset(new unsigned char[STACK_BYTES]);
    }
    for (unsigned i = 0; i < n; i++) {
        fiber &f = fibers[i];
        f.done = false;
        f.counter = nullptr;
        f.fake = nullptr;
        unguard(f.stack.get());
        context_make(&f.context, f.stack.get(), begin);
    }
}

void fibers_run(unsigned n, bool backwards, const std::function<void(unsigned)> &body,
                const std::function<void()> &before_resume, void (*stuck)())
{
    unsigned left = n;
    prepare(n);
    running = &body;
    while (left) {
        bool moved = false;
        for (unsigned k = 0; k < n; k++) {
            unsigned i = backwards ? n - 1 - k : k;
            fiber &f = fibers[i];
            if (f.done || (f.counter && *f.counter < f.value))
                continue;
            f.counter = nullptr;
            current = i;
            before_resume();
            resume(i);
            moved = true;
            left -= f.done;
        }
        if (!moved)
            stuck();
    }
}

void fiber_wait(const unsigned *counter, unsigned value)
{
    fibers[current].counter = counter;
    fibers[current].value = value;
    to_home(false);
}

unsigned fiber_current()
{
    return current;
}
