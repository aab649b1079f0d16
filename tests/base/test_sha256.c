/* test_sha256.c - the examples of FIPS 180-4, and every length of some blocks
 * against another implementation. */
#include "base/sha256.h"

#include "unit.h"

static void check(slice bytes, const char *expected)
{
    char hex[SHA256_HEX_CHARS + 1];
    sha256_hex(bytes, hex);
    assert_string_equal(hex, expected);
}

static void test_published(void **state)
{
    (void)state;
    check(SLICE_EMPTY, "e3b0c44298fc1c149afbf4c8996fb924"
                       "27ae41e4649b934ca495991b7852b855");
    check(SLICE_LITERAL("abc"), "ba7816bf8f01cfea414140de5dae2223"
                                "b00361a396177a9cb410ff61f20015ad");
    check(SLICE_LITERAL(
              "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* The digest of the digests of 0 to 299 bytes is what another implementation
 * (OpenSSL's) says. */
static void test_every_length(void **state)
{
    char   bytes[300], hexes[300 * SHA256_HEX_CHARS + 1];
    size_t len = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        sha256_hex(slice_make(bytes, i), hexes + len);
        len += SHA256_HEX_CHARS;
        bytes[i] = (char)(i % 251);
    }
    check(slice_make(hexes, len), "36003b4decc573736378067bfe6b1152"
                                  "5dae0f246679f49dc3152bd6dcb6e925");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
