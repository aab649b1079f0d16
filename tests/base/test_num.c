/* test_num.c - edges by name, the rest at random against the C library, and
 * floating point against what redis-server answered. */
#include "base/num.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "death.h"
#include "incrbyfloat_pairs.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- integers ------------------------------------------------------------ */

static void integers_that_are_none(void **state)
{
    /* clang-format off */
    static const slice bad[] = {
        { "", 0 },      { "-", 1 },      { "-0", 2 },   { "+1", 2 },
        { " 1", 2 },    { "1 ", 2 },     { "01", 2 },   { "00", 2 },
        { "-01", 3 },   { "--1", 3 },    { "1a", 2 },   { "a", 1 },
        { "1.0", 3 },   { "1e3", 3 },    { "0x1", 3 },  { "1\0", 2 },
        { "\0", 1 },    { "1-", 2 },     { "/", 1 },    { ":", 1 },
        { "\xb1", 1 },  { "1234567890123456789:", 20 },
        { "18446744073709551616", 20 },  { "18446744073709551620", 20 },
        { "99999999999999999999", 20 },  { "100000000000000000000", 21 },
        { "000000000000000000001", 21 }, { "27670116110564327424", 20 },
    };
    /* clang-format on */
    int64_t  i = 77;
    uint64_t u = 77;

    (void)state;
    for (size_t n = 0; n < COUNT(bad); n++) {
        assert_false(num_parse_int64(bad[n], &i));
        assert_false(num_parse_uint64(bad[n], &u));
    }
    assert_false(num_parse_int64(slice_make(NULL, 0), &i));
    /* What fits one of them only. */
    assert_false(num_parse_int64(SLICE_LITERAL("9223372036854775808"), &i));
    assert_false(num_parse_int64(SLICE_LITERAL("-9223372036854775809"), &i));
    assert_false(num_parse_int64(SLICE_LITERAL("-18446744073709551615"), &i));
    assert_false(num_parse_int64(SLICE_LITERAL("18446744073709551615"), &i));
    assert_false(num_parse_uint64(SLICE_LITERAL("-1"), &u));
    assert_int_equal(i, 77);
    assert_int_equal(u, 77);
}

static void assert_integer(int64_t value)
{
    char    expected[32];
    char    text[NUM_INT64_CHARS];
    int64_t parsed;

    int expected_len = snprintf(expected, sizeof(expected), "%" PRId64, value);
    size_t len = num_format_int64(value, text);
    assert_int_equal(len, expected_len);
    assert_memory_equal(text, expected, len);
    assert_true(num_parse_int64(slice_make(text, len), &parsed));
    assert_true(parsed == value);
}

static void integers_there_and_back(void **state)
{
    struct rand rand;
    int64_t     power = 1;

    (void)state;
    for (int64_t i = -1100; i <= 1100; i++)
        assert_integer(i);
    for (int i = 0; i < 18; i++) {
        power *= 10;
        for (int64_t near = -1; near <= 1; near++) {
            assert_integer(power + near);
            assert_integer(-power + near);
        }
    }
    assert_integer(INT64_MAX);
    assert_integer(INT64_MAX - 1);
    assert_integer(INT64_MIN);
    assert_integer(INT64_MIN + 1);
    rand_init(&rand, 1);
    for (int i = 0; i < 20000; i++)
        assert_integer((int64_t)(rand_next(&rand) >> rand_below(&rand, 64)));
}

static void unsigned_up_to_the_end(void **state)
{
    struct rand rand;
    char        text[32];
    uint64_t    parsed;

    (void)state;
    rand_init(&rand, 2);
    for (int i = 0; i < 20000; i++) {
        uint64_t value = i < 100 ? UINT64_MAX - (uint64_t)i
                                 : rand_next(&rand) >> rand_below(&rand, 64);
        (void)snprintf(text, sizeof(text), "%" PRIu64, value);
        assert_true(num_parse_uint64(slice_from_string(text), &parsed));
        assert_true(parsed == value);
    }
    assert_true(num_parse_uint64(SLICE_LITERAL("0"), &parsed));
    assert_int_equal(parsed, 0);
}

/* Every near miss of the 20 digits that must overflow. */
static void the_last_digit_overflows(void **state)
{
    char     text[32];
    uint64_t parsed;

    (void)state;
    for (unsigned last = 0; last <= 9; last++) {
        (void)snprintf(text, sizeof(text), "1844674407370955161%u", last);
        assert_int_equal(num_parse_uint64(slice_from_string(text), &parsed),
                         last <= 5);
    }
}

/* ---- floating point ------------------------------------------------------ */

struct pair {
    slice       value;
    slice       increment;
    const char *reply;
};

#define PAIR(value, increment, reply)                                          \
    { { value, sizeof(value) - 1 },                                            \
      { increment, sizeof(increment) - 1 },                                    \
      reply },
static const struct pair pairs[] = { INCRBYFLOAT_PAIRS(PAIR) };
#undef PAIR

/* INCRBYFLOAT as its handler will do it. */
static const char *increment(const struct pair *pair, char *out, size_t size)
{
    long double value;
    long double by;

    if (!num_parse_long_double(pair->value, &value) ||
        !num_parse_long_double(pair->increment, &by))
        return "invalid";
    value += by;
    if (isnan(value) || isinf(value))
        return "infinite";
    size_t len = num_format_long_double(value, out, size - 1);
    assert_true(len > 0);
    out[len] = '\0';
    return out;
}

static void incrbyfloat_is_that_of_redis(void **state)
{
    char out[NUM_LONG_DOUBLE_CHARS];

    (void)state;
    assert_true(COUNT(pairs) > 400);
    for (size_t i = 0; i < COUNT(pairs); i++) {
        const char *answer = increment(&pairs[i], out, sizeof(out));
        if (strcmp(answer, pairs[i].reply) != 0) {
            fail_msg("row %zu, %s + %s: %s, but Redis says %s", i,
                     pairs[i].value.data, pairs[i].increment.data, answer,
                     pairs[i].reply);
        }
    }
}

static void long_doubles_of_great_length(void **state)
{
    char        text[NUM_LONG_DOUBLE_CHARS];
    long double value;

    (void)state;
    memset(text, '0', sizeof(text));
    text[NUM_LONG_DOUBLE_CHARS - 2] = '1';
    assert_true(num_parse_long_double(
        slice_make(text, NUM_LONG_DOUBLE_CHARS - 1), &value));
    assert_true(value == 1);
    assert_false(
        num_parse_long_double(slice_make(text, NUM_LONG_DOUBLE_CHARS), &value));

    /* LDBL_MAX has 4933 digits, in Redis too. */
    assert_int_equal(num_format_long_double(LDBL_MAX, text, sizeof(text)),
                     4933);
    assert_memory_equal(text, "118973149535723", 15);
    assert_int_equal(num_format_long_double(-LDBL_MAX, text, sizeof(text)),
                     4934);
    assert_int_equal(num_format_long_double(LDBL_MAX, text, 4933), 4933);
    assert_int_equal(num_format_long_double(LDBL_MAX, text, 4932), 0);
}

static void long_doubles_that_are_no_numbers(void **state)
{
    char        text[8];
    long double value;

    (void)state;
    assert_true(num_parse_long_double(SLICE_LITERAL("-inf"), &value));
    assert_true(isinf(value) && value < 0);
    assert_int_equal(num_format_long_double(value, text, 4), 4);
    assert_memory_equal(text, "-inf", 4);
    assert_int_equal(num_format_long_double(value, text, 3), 0);
    assert_int_equal(num_format_long_double(-value, text, 8), 3);
    assert_memory_equal(text, "inf", 3);
    assert_int_equal(num_format_long_double((long double)NAN, text, 8), 3);
    assert_memory_equal(text, "nan", 3);
    assert_int_equal(num_format_long_double(-0.0L, text, 8), 1);
    assert_memory_equal(text, "0", 1);
    assert_int_equal(num_format_long_double(0.5L, text, 2), 0);
    assert_int_equal(num_format_long_double(0.5L, text, 3), 3);
}

/* ---- doubles ------------------------------------------------------------- */

struct parse_case {
    const char *text;
    bool        strict, loose;
    double      value; /* if either */
};

static const struct parse_case parse_cases[] = {
    { "0", true, true, 0 },
    { "17", true, true, 17 },
    { "-2.50", true, true, -2.5 },
    { "1.", true, true, 1 },
    { ".5", true, true, 0.5 },
    { "-.5", true, true, -0.5 },
    { "+3", true, true, 3 },
    { "007", true, true, 7 },
    { "1e3", true, true, 1000 },
    { "0x1p3", true, true, 8 },
    { "123456789012345", true, true, 123456789012345 },
    { "1234567890123456", true, true, 1234567890123456 },
    { "0.1234567890123456789", true, true, 0.1234567890123456789 },
    { "inf", true, true, (double)INFINITY },
    { "-Infinity", true, true, -(double)INFINITY },
    { "4.9e-324", true, true, 4.9e-324 },
    { "1e400", false, true, (double)INFINITY },
    { "-1e400", false, true, -(double)INFINITY },
    { "1e-400", false, true, 0 },
    { "", false, true, 0 },
    { " 1", false, true, 1 },
    { "\t\n1", false, true, 1 },
    { "1 ", false, false, 0 },
    { ".", false, false, 0 },
    { "-", false, false, 0 },
    { "-.", false, false, 0 },
    { "1.2.3", false, false, 0 },
    { "--1", false, false, 0 },
    { "nan", false, false, 0 },
    { "-nan", false, false, 0 },
    { "1e", false, false, 0 },
    { "0x", false, false, 0 },
    { "1_0", false, false, 0 },
    { "x", false, false, 0 },
};

static void texts_of_doubles(void **state)
{
    double value;
    (void)state;
    for (size_t i = 0; i < COUNT(parse_cases); i++) {
        const struct parse_case *one = &parse_cases[i];
        slice                    text = slice_from_string(one->text);
        assert_int_equal(num_parse_double(text, &value), one->strict);
        assert_true(!one->strict || value == one->value);
        assert_int_equal(num_parse_double_loose(text, &value), one->loose);
        assert_true(!one->loose || value == one->value);
    }
    /* As a weight: loosely, but for what is out of range. */
    for (size_t i = 0; i < COUNT(parse_cases); i++) {
        const struct parse_case *one = &parse_cases[i];
        bool is_far = strchr(one->text, 'e') != NULL && one->loose &&
                      (!one->strict || one->value == 4.9e-324);
        assert_int_equal(num_parse_double_weight(slice_from_string(one->text),
                                                 &value),
                         one->loose && !is_far);
    }
    assert_true(num_parse_double_weight(slice_make("2\0x", 3), &value));
    assert_true(value == 2);
    /* A NUL ends what is read loosely, and nothing else. */
    assert_false(num_parse_double(slice_make("1\0x", 3), &value));
    assert_true(num_parse_double_loose(slice_make("2\0x", 3), &value));
    assert_true(value == 2);
    assert_true(num_parse_double_loose(slice_make("\0", 1), &value));
    assert_true(value == 0);
    assert_true(num_parse_double(SLICE_LITERAL("-0"), &value));
    assert_true(value == 0 && signbit(value));
    assert_true(num_parse_double(SLICE_LITERAL("-0.00"), &value));
    assert_true(value == 0 && signbit(value));
}

/* What is done by hand is what strtod does; and what is long, too. */
static void any_text_is_read_as_strtod_does(void **state)
{
    struct rand rand;
    char        text[6100];
    double      value;
    (void)state;
    rand_init(&rand, 8);
    for (int i = 0; i < 100000; i++) {
        int    digits = (int)rand_below(&rand, 17);
        size_t len = (size_t)snprintf(
            text, sizeof(text), "%.*f", digits,
            (rand_unit(&rand) - 0.5) * pow(10, (double)rand_below(&rand, 12)));
        assert_true(num_parse_double(slice_make(text, len), &value));
        assert_true(value == strtod(text, NULL));
    }
    memset(text, '0', sizeof(text));
    text[1] = '.';
    text[6000] = '7';
    assert_false(num_parse_double(slice_make(text, 6001), &value));
    assert_true(num_parse_double_loose(slice_make(text, 6001), &value));
    assert_true(value == 0);
    text[0] = '9';
    assert_true(num_parse_double(slice_make(text, 6001), &value));
    assert_true(value == 9);
}

struct double_case {
    double      value;
    const char *text;
};

/* Layout: see num.c. */
static const struct double_case double_cases[] = {
    { 0.0, "0" },
    { -0.0, "-0" },
    { 1.0, "1" },
    { -17.0, "-17" },
    { 0.1, "0.1" },
    { 0.30000000000000004, "0.30000000000000004" },
    { -1.5, "-1.5" },
    { 3.14, "3.14" },
    { 123456.789, "123456.789" },
    { 0.001, "0.001" },
    { 1e-6, "0.000001" },
    { 0.000123, "0.000123" },
    { 1e-7, "1e-7" },
    { 1.5e-6, "1.5e-6" },
    { -1.5e-7, "-1.5e-7" },
    { 1.2345678901234567e-3, "0.0012345678901234567" },
    { 1.2345678901234567e-4, "1.2345678901234567e-4" },
    { 1e15, "1000000000000000" },
    { 9007199254740993.0, "9007199254740992" },
    { 4611686018427387904.0, "4611686018427387904" },
    { 9223372036854775808.0, "9223372036854776000" },
    { 1.2345678901234567e23, "123456789012345670000000" },
    { 1.2345678901234568e24, "1.2345678901234568e+24" },
    { 1e19, "1e+19" },
    { 1e25, "1e+25" },
    { 1.5e300, "1.5e+300" },
    { DBL_MAX, "1.7976931348623157e+308" },
    { -DBL_MAX, "-1.7976931348623157e+308" },
    { 5e-324, "5e-324" },
    { DBL_MIN, "2.2250738585072014e-308" },
    { (double)INFINITY, "inf" },
    { -(double)INFINITY, "-inf" },
    { (double)NAN, "nan" },
};

static void doubles_are_short(void **state)
{
    char out[NUM_DOUBLE_CHARS + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(double_cases); i++) {
        size_t len =
            num_format_double(double_cases[i].value, out, NUM_DOUBLE_CHARS);
        out[len] = '\0';
        assert_string_equal(out, double_cases[i].text);
    }
}

/* Around a power of ten, where the number of digits changes. */
static double near_power(struct rand *rand)
{
    double value = pow(10, (double)rand_below(rand, 24) - 6);
    for (uint64_t steps = rand_below(rand, 4); steps > 0; steps--)
        value = nextafter(value, rand_below(rand, 2) == 0 ? 0 : INFINITY);
    return value;
}

static double random_double(struct rand *rand)
{
    double   value;
    uint64_t bits = rand_next(rand);

    switch (rand_below(rand, 6)) {
    case 0:
        return ((double)rand_below(rand, 2000000) - 1000000) / 1000;
    case 1: /* up to 15 digits */
        return (double)(bits >> (14 + rand_below(rand, 50))) /
               pow(10, (double)rand_below(rand, 20));
    case 2:
        return near_power(rand);
    case 3:
        return rand_unit(rand) * pow(10, (double)rand_below(rand, 18) - 3);
    default:
        break;
    }
    memcpy(&value, &bits, sizeof(value));
    return isfinite(value) ? value : 0.25;
}

static void doubles_read_back_and_fit(void **state)
{
    struct rand rand;
    char        out[NUM_DOUBLE_CHARS + 1];
    char        shorter[64];

    (void)state;
    rand_init(&rand, 6);
    for (int i = 0; i < 100000; i++) {
        double value = random_double(&rand);
        size_t len = num_format_double(value, out, NUM_DOUBLE_CHARS);
        assert_in_range(len, 1, 26);
        out[len] = '\0';
        assert_true(strtod(out, NULL) == value);

        /* One digit less would not have done. (Integers show all.) */
        size_t digits = 0;
        size_t zeros = 0;
        for (size_t n = 0; n < len && out[n] != 'e'; n++) {
            if (out[n] < '0' || out[n] > '9' || (out[n] == '0' && !digits))
                continue;
            digits++;
            zeros = out[n] == '0' ? zeros + 1 : 0;
        }
        digits -= zeros;
        if (digits > 1 && fabs(value) > DBL_MIN && value != rint(value)) {
            (void)snprintf(shorter, sizeof(shorter), "%.*e", (int)digits - 2,
                           value);
            assert_true(strtod(shorter, NULL) != value);
        }
    }
}

static void format_without_room(void *out)
{
    (void)num_format_double(1.0, out, NUM_DOUBLE_CHARS - 1);
}

static void doubles_need_their_room(void **state)
{
    char out[NUM_DOUBLE_CHARS];
    char text[2048];

    (void)state;
    assert_true(death_by_abort(format_without_room, out, text, sizeof(text)));
}

/* ---- units --------------------------------------------------------------- */

struct unit_case {
    const char *text;
    uint64_t    value;
};

#define K 1024
#define M ((uint64_t)1024 * 1024)
#define G ((uint64_t)1024 * 1024 * 1024)

/* clang-format off */
static const struct unit_case byte_cases[] = {
    { "0", 0 },          { "100", 100 },      { "007", 7 },
    { "5b", 5 },         { "5B", 5 },         { "1k", 1000 },
    { "1kb", K },        { "2m", 2000000 },   { "64mb", 64 * M },
    { "64MB", 64 * M },  { "64mB", 64 * M },  { "1g", 1000000000 },
    { "3gb", 3 * G },    { "17179869183gb", 17179869183 * G },
    { "18446744073709551615", UINT64_MAX },
};

static const struct unit_case duration_cases[] = {
    { "0", 0 },        { "500", 500 },     { "500ms", 500 },
    { "2s", 2000 },    { "2S", 2000 },     { "3m", 180000 },
    { "1h", 3600000 }, { "010ms", 10 },    { "1MS", 1 },
    { "18446744073709551615ms", UINT64_MAX },
};

static const slice bad_bytes[] = {
    { "", 0 },      { "mb", 2 },     { "-1", 2 },     { "+1", 2 },
    { "1 mb", 4 },  { " 1", 2 },     { "1tb", 3 },    { "1mbx", 4 },
    { "1.5mb", 5 }, { "1mb ", 4 },   { "1m\0", 3 },   { "1bb", 3 },
    { "18446744073709551616", 20 },  { "17179869184gb", 13 },
    { "99999999999999999999999", 23 },
};

static const slice bad_durations[] = {
    { "", 0 },      { "s", 1 },      { "-1s", 3 },    { "1 s", 3 },
    { "1d", 2 },    { "1sec", 4 },   { "0.5s", 4 },   { "1ms ", 4 },
    { "18446744073709551615s", 21 }, { "18446744073709551616ms", 22 },
};
/* clang-format on */

static void units_are_those_of_redis_conf(void **state)
{
    uint64_t value;

    (void)state;
    for (size_t i = 0; i < COUNT(byte_cases); i++) {
        slice text = slice_from_string(byte_cases[i].text);
        assert_true(num_parse_bytes(text, &value));
        assert_true(value == byte_cases[i].value);
    }
    value = 77;
    for (size_t i = 0; i < COUNT(bad_bytes); i++)
        assert_false(num_parse_bytes(bad_bytes[i], &value));
    assert_int_equal(value, 77);
}

static void durations_have_units_too(void **state)
{
    uint64_t value;

    (void)state;
    for (size_t i = 0; i < COUNT(duration_cases); i++) {
        slice text = slice_from_string(duration_cases[i].text);
        assert_true(num_parse_duration_ms(text, &value));
        assert_true(value == duration_cases[i].value);
    }
    value = 77;
    for (size_t i = 0; i < COUNT(bad_durations); i++)
        assert_false(num_parse_duration_ms(bad_durations[i], &value));
    assert_int_equal(value, 77);
}

/* ---- bytes on disk ------------------------------------------------------- */

static void assert_varint(uint64_t value, size_t len)
{
    uint8_t  out[NUM_VARINT_MAX + 1];
    uint64_t read = ~value;

    memset(out, 0xee, sizeof(out));
    assert_int_equal(num_put_varint(out, value), len);
    assert_int_equal(out[len], 0xee);
    assert_int_equal(num_get_varint(slice_make(out, sizeof(out)), &read), len);
    assert_true(read == value);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(num_get_varint(slice_make(out, cut), &read), 0);
}

static void varints_there_and_back(void **state)
{
    (void)state;
    assert_varint(0, 1);
    for (unsigned bits = 1; bits <= 64; bits++) {
        uint64_t most = UINT64_MAX >> (64 - bits);
        assert_varint(most, (bits + 6) / 7);
        assert_varint(most / 2 + 1, (bits + 6) / 7);
    }
    assert_varint(300, 2);
}

static void varints_have_one_encoding(void **state)
{
    static const slice bad[] = {
        { "", 0 },
        { "\x80", 1 },
        { "\x80\x00", 2 }, /* 0 in two bytes */
        { "\xff\x00", 2 }, /* 127 in two bytes */
        { "\xff\xff\x80\x00", 4 },
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10 }, /* 65 bits */
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00", 10 },
        { "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x81\x01", 11 },
        { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11 },
    };
    uint64_t value = 77;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(num_get_varint(bad[i], &value), 0);
    assert_int_equal(num_get_varint(slice_make(NULL, 0), &value), 0);
    assert_int_equal(value, 77);
    assert_int_equal(num_get_varint(SLICE_LITERAL("\xac\x02zzz"), &value), 2);
    assert_int_equal(value, 300);
}

static void big_endian_orders_like_numbers(void **state)
{
    struct rand rand;
    uint8_t     a[8];
    uint8_t     b[8];

    (void)state;
    num_put_be64(a, 0x0102030405060708);
    assert_memory_equal(a, "\1\2\3\4\5\6\7\10", 8);
    assert_true(num_get_be64(a) == 0x0102030405060708);
    num_put_be32(a, 0xf1020304);
    assert_memory_equal(a, "\xf1\2\3\4", 4);
    assert_int_equal(num_get_be32(a), 0xf1020304);
    rand_init(&rand, 10);
    for (int i = 0; i < 1000; i++) {
        uint64_t x = rand_next(&rand) >> rand_below(&rand, 64);
        uint64_t y = rand_next(&rand) >> rand_below(&rand, 64);
        num_put_be64(a, x);
        num_put_be64(b, y);
        assert_true(num_get_be64(a) == x);
        assert_int_equal(memcmp(a, b, 8) < 0, x < y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_that_are_none),
        cmocka_unit_test(integers_there_and_back),
        cmocka_unit_test(unsigned_up_to_the_end),
        cmocka_unit_test(the_last_digit_overflows),
        cmocka_unit_test(incrbyfloat_is_that_of_redis),
        cmocka_unit_test(long_doubles_of_great_length),
        cmocka_unit_test(long_doubles_that_are_no_numbers),
        cmocka_unit_test(texts_of_doubles),
        cmocka_unit_test(any_text_is_read_as_strtod_does),
        cmocka_unit_test(doubles_are_short),
        cmocka_unit_test(doubles_read_back_and_fit),
        cmocka_unit_test(doubles_need_their_room),
        cmocka_unit_test(units_are_those_of_redis_conf),
        cmocka_unit_test(durations_have_units_too),
        cmocka_unit_test(varints_there_and_back),
        cmocka_unit_test(varints_have_one_encoding),
        cmocka_unit_test(big_endian_orders_like_numbers),
    };
    return cmocka_run_group_tests_name("base/num", tests, NULL, NULL);
}
