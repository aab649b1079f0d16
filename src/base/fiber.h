/* fiber.h - a second stack in the same thread: work on it may stop in the
 * middle, wherever it is, and go on later.
 *
 * There is no parallelism: who starts or resumes a fiber goes on when it has
 * yielded or its work has ended. One fiber can do one work after the other.
 *
 * Memory   the stack is reserved address space with a page below it that traps;
 *          what of it was touched stays resident until fiber_trim.
 * Threads  the one that made it. */
#ifndef BASE_FIBER_H
#define BASE_FIBER_H

#include <stdbool.h>
#include <stddef.h>

struct fiber;

struct fiber *fiber_new(size_t stack_bytes);
/* NULL is fine. A work that has yielded is dropped where it stands: what its
 * frames own is its owner's concern. REQUIRES: not called on the fiber. */
void fiber_free(struct fiber *fiber);

/* Runs work(arg) on the fiber's stack. True: it has ended. False: it has
 * yielded. REQUIRES: no work is under way. */
bool fiber_start(struct fiber *fiber, void (*work)(void *arg), void *arg);
/* Goes on behind the yield; answers likewise. */
bool fiber_resume(struct fiber *fiber);
/* On the fiber: back to who started or resumed it. */
void fiber_yield(struct fiber *fiber);
/* Is the caller on the fiber? */
bool fiber_is_inside(const struct fiber *fiber);

/* Gives back what of the stack is resident. REQUIRES: no work is under way. */
void fiber_trim(struct fiber *fiber);

#endif
