/* test_sha1.c - the examples of FIPS 180-4, and every length of some blocks
 * against another implementation. */
#include "base/sha1.h"

#include "unit.h"

static void check(slice bytes, const char *expected)
{
    char hex[SHA1_HEX_CHARS + 1];
    sha1_hex(bytes, hex);
    assert_string_equal(hex, expected);
}

static void test_published(void **state)
{
    (void)state;
    check(SLICE_EMPTY, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    check(SLICE_LITERAL("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    check(SLICE_LITERAL(
              "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
          "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

/* The digest of the digests of 0 to 299 bytes is what another implementation
 * (OpenSSL's) says. */
static void test_every_length(void **state)
{
    char   bytes[300], hexes[300 * SHA1_HEX_CHARS + 1];
    size_t len = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        sha1_hex(slice_make(bytes, i), hexes + len);
        len += SHA1_HEX_CHARS;
        bytes[i] = (char)(i % 251);
    }
    check(slice_make(hexes, len), "46c89e635bba17f5f37f7bff43f94d52ea5e1be0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
