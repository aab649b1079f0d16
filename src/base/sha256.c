/* sha256.c - SHA-256 by nettle, as hexadecimal digits. */
#include "base/sha256.h"

#include <nettle/sha2.h>

void sha256_hex(slice bytes, char out[SHA256_HEX_CHARS + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t           digest[SHA256_DIGEST_SIZE];
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, bytes.len, (const uint8_t *)bytes.data);
    sha256_digest(&context, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[SHA256_HEX_CHARS] = '\0';
}
