/* assert.h - our own invariants, checked in production too.
 *
 * ASSERT states what must be true if our code is right. It is never used for
 * what a client, a disk or a peer may do. One condition each, so that the
 * message tells which one broke. */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#define ASSERT(condition)                                                      \
    ((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))

#define UNREACHABLE() assert_failed("unreachable", __FILE__, __LINE__)

/* Prints the condition and a backtrace to stderr, then aborts. */
_Noreturn void assert_failed(const char *condition, const char *file, int line);

#endif
