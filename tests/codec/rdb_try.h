/* rdb_try.h - what a fuzzer does with bytes that may be a dump without its
 * footer: they are measured and read; what comes out as right must be a value
 * of ours in every respect, cost no more than was measured, and be the same
 * after it was written and read again.
 *
 * Aborts (ASSERT) if any of that is wrong. */
#ifndef TESTS_CODEC_RDB_TRY_H
#define TESTS_CODEC_RDB_TRY_H

#include "base/err.h"
#include "base/slice.h"

/* The error, or ERR_OK for a value. */
err_t rdb_try(slice dump);

#endif
