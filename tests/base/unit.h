/* unit.h - cmocka with the headers that it expects before it. */
#ifndef TESTS_BASE_UNIT_H
#define TESTS_BASE_UNIT_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
