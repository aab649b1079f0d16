/* sha1.c - SHA-1 by nettle, as hexadecimal digits. */
#include "base/sha1.h"

#include <nettle/sha1.h>

void sha1_hex(slice bytes, char out[SHA1_HEX_CHARS + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t           digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx   context;
    sha1_init(&context);
    sha1_update(&context, bytes.len, (const uint8_t *)bytes.data);
    sha1_digest(&context, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[SHA1_HEX_CHARS] = '\0';
}
