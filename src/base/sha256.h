/* sha256.h - SHA-256 (FIPS 180-4), as which Redis shows passwords. Pure, any
 * thread. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include "base/slice.h"

#define SHA256_HEX_CHARS 64

/* As lower-case hexadecimal digits, with a NUL behind them. */
void sha256_hex(slice bytes, char out[SHA256_HEX_CHARS + 1]);

#endif
