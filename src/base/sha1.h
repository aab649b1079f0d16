/* sha1.h - SHA-1 (FIPS 180-4), by which scripts are named. Pure, any thread. */
#ifndef BASE_SHA1_H
#define BASE_SHA1_H

#include "base/slice.h"

#define SHA1_HEX_CHARS 40

/* As lower-case hexadecimal digits, with a NUL behind them. */
void sha1_hex(slice bytes, char out[SHA1_HEX_CHARS + 1]);

#endif
