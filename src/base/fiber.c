/* fiber.c - fibers by ucontext.
 *
 * The fiber's context is made once and never ends: its outermost function
 * waits for the next work when one has ended. So a switch is one swapcontext,
 * about 0.2 us with the system call for the signal mask.
 *
 * The sanitizers must be told of each switch, or they take the other stack for
 * an overflow of this one. */
#include "base/fiber.h"

#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define FIBER_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN
#endif
#endif

#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

struct fiber {
    ucontext_t inner, outer;
    char      *stack;  /* the mapping; its first page traps */
    size_t     bytes;
    size_t     page_bytes;
    void     (*work)(void *arg);
    void      *arg;
    bool       under_way; /* begun, and not ended */
    bool       inside;    /* the thread is on this stack now */
    /* for the sanitizers */
    void       *outer_fake;
    void       *inner_fake;
    const void *outer_bottom;
    size_t      outer_bytes;
    void       *outer_thread, *inner_thread;
};

/* --- switching ----------------------------------------------------------- */

static void before_switch_in(struct fiber *fiber)
{
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(&fiber->outer_fake, fiber->stack,
                                   fiber->bytes);
#endif
#ifdef FIBER_TSAN
    fiber->outer_thread = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(fiber->inner_thread, 0);
#endif
    fiber->inside = true;
}

static void after_switch_in(struct fiber *fiber)
{
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(fiber->inner_fake, &fiber->outer_bottom,
                                    &fiber->outer_bytes);
#endif
    (void)fiber;
}

static void before_switch_out(struct fiber *fiber)
{
    fiber->inside = false;
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(&fiber->inner_fake, fiber->outer_bottom,
                                   fiber->outer_bytes);
#endif
#ifdef FIBER_TSAN
    /* A signal that arrived here is kept for this fiber, until it calls
     * something that the sanitizer intercepts; a script may never do so. */
    (void)usleep(0);
    __tsan_switch_to_fiber(fiber->outer_thread, 0);
#endif
}

static void after_switch_out(struct fiber *fiber)
{
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(fiber->outer_fake, NULL, NULL);
#endif
    (void)fiber;
}

static void switch_in(struct fiber *fiber)
{
    before_switch_in(fiber);
    int rc = swapcontext(&fiber->outer, &fiber->inner);
    ASSERT(rc == 0);
    after_switch_out(fiber);
}

static void switch_out(struct fiber *fiber)
{
    before_switch_out(fiber);
    int rc = swapcontext(&fiber->inner, &fiber->outer);
    ASSERT(rc == 0);
    after_switch_in(fiber);
}

/* makecontext passes ints only: a pointer comes in two halves. */
static void outermost(unsigned high, unsigned low)
{
    struct fiber *fiber =
        (struct fiber *)(((uintptr_t)high << 16 << 16) | (uintptr_t)low);
    after_switch_in(fiber);
    for (;;) {
        fiber->work(fiber->arg);
        fiber->under_way = false;
        switch_out(fiber);
    }
}

/* --- life ---------------------------------------------------------------- */

struct fiber *fiber_new(size_t stack_bytes)
{
    struct fiber *fiber = mem_calloc(1, sizeof(*fiber));
    uintptr_t     self = (uintptr_t)fiber;
    fiber->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    fiber->bytes = stack_bytes;
    fiber->stack = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT(fiber->stack != MAP_FAILED);
    int rc = mprotect(fiber->stack, fiber->page_bytes, PROT_NONE);
    ASSERT(rc == 0);
    rc = getcontext(&fiber->inner);
    ASSERT(rc == 0);
    fiber->inner.uc_stack.ss_sp = fiber->stack;
    fiber->inner.uc_stack.ss_size = fiber->bytes;
    fiber->inner.uc_link = NULL;
#ifdef FIBER_TSAN
    fiber->inner_thread = __tsan_create_fiber(0);
#endif
    makecontext(&fiber->inner, (void (*)(void))outermost, 2,
                (unsigned)(self >> 16 >> 16), (unsigned)self);
    return fiber;
}

void fiber_free(struct fiber *fiber)
{
    if (fiber == NULL)
        return;
    ASSERT(!fiber->inside);
#ifdef FIBER_TSAN
    __tsan_destroy_fiber(fiber->inner_thread);
#endif
    int rc = munmap(fiber->stack, fiber->bytes);
    ASSERT(rc == 0);
    mem_free(fiber);
}

bool fiber_start(struct fiber *fiber, void (*work)(void *arg), void *arg)
{
    ASSERT(!fiber->under_way);
    fiber->work = work;
    fiber->arg = arg;
    fiber->under_way = true;
    return fiber_resume(fiber);
}

bool fiber_resume(struct fiber *fiber)
{
    ASSERT(fiber->under_way);
    ASSERT(!fiber->inside);
    switch_in(fiber);
    return !fiber->under_way;
}

void fiber_yield(struct fiber *fiber)
{
    ASSERT(fiber->inside);
    switch_out(fiber);
}

bool fiber_is_inside(const struct fiber *fiber)
{
    return fiber->inside;
}

/* The outermost frames stay: the highest pages. */
void fiber_trim(struct fiber *fiber)
{
    size_t kept = 4 * fiber->page_bytes;
    ASSERT(!fiber->under_way);
    int rc = madvise(fiber->stack + fiber->page_bytes,
                     fiber->bytes - fiber->page_bytes - kept, MADV_DONTNEED);
    ASSERT(rc == 0);
}
