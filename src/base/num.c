/* num.c - numbers as Redis reads and writes them.
 *
 * Integers are done by hand: every INCR, EXPIRE and protocol length passes
 * here, and strtoll would accept too much (spaces, '+', leading zeros) and ask
 * the locale. Floating point is left to the C library, whose conversions are
 * exact; this needs LC_NUMERIC to be "C", which it is as long as nobody calls
 * setlocale.
 *
 * long double is x86's 80 bits. On a machine where it is wider or narrower
 * INCRBYFLOAT gives other last digits, as it does in Redis. */
#include "base/num.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

/* ---- integers ------------------------------------------------------------ */

#define UINT64_DIGITS 20

/* Digits without sign: the grammar that both signed and unsigned share. */
static bool parse_digits(const char *p, size_t len, uint64_t *out)
{
    if (len == 0 || len > UINT64_DIGITS)
        return false;
    if (p[0] == '0' && len > 1)
        return false;

    /* Only the 20th digit can overflow. */
    size_t   safe = len < UINT64_DIGITS ? len : UINT64_DIGITS - 1;
    uint64_t value = 0;
    for (size_t i = 0; i < safe; i++) {
        unsigned digit = (unsigned)(unsigned char)p[i] - '0';
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    if (len == UINT64_DIGITS) {
        unsigned digit = (unsigned)(unsigned char)p[safe] - '0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool num_parse_uint64(slice text, uint64_t *out)
{
    return parse_digits(text.data, text.len, out);
}

bool num_parse_int64(slice text, int64_t *out)
{
    uint64_t magnitude;
    bool     negative = text.len > 0 && text.data[0] == '-';

    if (negative)
        text = slice_make(text.data + 1, text.len - 1);
    if (!parse_digits(text.data, text.len, &magnitude))
        return false;
    if (!negative) {
        if (magnitude > INT64_MAX)
            return false;
        *out = (int64_t)magnitude;
        return true;
    }
    /* "-0" is not how zero is written. */
    if (magnitude == 0 || magnitude > (uint64_t)INT64_MAX + 1)
        return false;
    *out = -(int64_t)(magnitude - 1) - 1;
    return true;
}

/* Two digits a division: the division is what takes the time. */
/* clang-format off */
static const char digit_pairs[] =
    "00010203040506070809" "10111213141516171819" "20212223242526272829"
    "30313233343536373839" "40414243444546474849" "50515253545556575859"
    "60616263646566676869" "70717273747576777879" "80818283848586878889"
    "90919293949596979899";
/* clang-format on */

size_t num_format_int64(int64_t value, char out[NUM_INT64_CHARS])
{
    char     text[NUM_INT64_CHARS];
    size_t   at = sizeof(text);
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    while (left >= 10) {
        at -= 2;
        memcpy(text + at, digit_pairs + 2 * (left % 100), 2);
        left /= 100;
    }
    /* Now left is a last single digit, or 0 after an even count of digits
     * (also when the value is 0, which must be written all the same). */
    if (left > 0 || at == sizeof(text))
        text[--at] = (char)('0' + left);
    if (value < 0)
        text[--at] = '-';

    size_t len = sizeof(text) - at;
    memcpy(out, text + at, len);
    return len;
}

/* ---- floating point ------------------------------------------------------ */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool num_parse_long_double(slice text, long double *out)
{
    char  copy[NUM_LONG_DOUBLE_CHARS];
    char *end;

    if (text.len == 0 || text.len >= sizeof(copy) || is_space(text.data[0]))
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';

    errno = 0;
    long double value = strtold(copy, &end);
    /* A NUL byte in the text ends strtold early and is caught here too. */
    if ((size_t)(end - copy) != text.len || isnan(value))
        return false;
    /* "inf" is a number, 1e5000 is not; 1e-5000 isn't either, but a result
     * that only lost precision is. */
    if (errno == ERANGE && (isinf(value) || value == 0))
        return false;
    *out = value;
    return true;
}

/* Up to so many digits make a whole number that a double holds exactly, as it
 * does the powers of ten below; then a division rounds just once. */
#define EXACT_DIGITS 15

static const double exact_powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,
                                       1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13,
                                       1e14, 1e15, 1e16, 1e17, 1e18, 1e19 };

/* The plain decimals that nearly all scores are, "-12.5". False: it may be a
 * number all the same. */
static bool parse_plain_double(slice text, double *out)
{
    bool     is_negative = text.len > 0 && text.data[0] == '-';
    size_t   begin = is_negative, point = text.len;
    uint64_t value = 0;
    if (text.len - begin == 0 || text.len - begin > EXACT_DIGITS)
        return false;
    for (size_t i = begin; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit <= 9)
            value = value * 10 + digit;
        else if (text.data[i] == '.' && point == text.len)
            point = i;
        else
            return false;
    }
    if (point < text.len && text.len - begin == 1)
        return false; /* "." */
    size_t fraction = point < text.len ? text.len - point - 1 : 0;
    *out = (double)value / exact_powers[fraction];
    *out = is_negative ? -*out : *out;
    return true;
}

/* strtod needs a NUL at the end. Returns where it stopped. */
static size_t call_strtod(slice text, double *out)
{
    char  few[128];
    char *copy = text.len < sizeof(few) ? few : mem_alloc(text.len + 1);
    char *end;
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    errno = 0;
    *out = strtod(copy, &end);
    size_t len = (size_t)(end - copy);
    if (copy != few) {
        int saved = errno;
        mem_free(copy);
        errno = saved;
    }
    return len;
}

bool num_parse_double(slice text, double *out)
{
    if (parse_plain_double(text, out))
        return true;
    if (text.len == 0 || is_space(text.data[0]))
        return false;
    if (call_strtod(text, out) != text.len || isnan(*out))
        return false;
    return errno != ERANGE || (!isinf(*out) && *out != 0);
}

/* Up to a NUL, as who takes it for a C string. False: that is no number; errno
 * is strtod's. */
static bool parse_c_double(slice text, double *out)
{
    const char *nul = text.len > 0 ? memchr(text.data, 0, text.len) : NULL;
    if (nul != NULL)
        text.len = (size_t)(nul - text.data);
    return call_strtod(text, out) == text.len && !isnan(*out);
}

bool num_parse_double_loose(slice text, double *out)
{
    return parse_plain_double(text, out) || parse_c_double(text, out);
}

bool num_parse_double_weight(slice text, double *out)
{
    return parse_plain_double(text, out) ||
           (parse_c_double(text, out) && errno != ERANGE);
}

/* Copies a word, or returns 0 if it doesn't fit. */
static size_t put_word(const char *word, char *out, size_t out_size)
{
    size_t len = strlen(word);
    if (len > out_size)
        return 0;
    memcpy(out, word, len);
    return len;
}

size_t num_format_long_double(long double value, char *out, size_t out_size)
{
    char text[NUM_LONG_DOUBLE_CHARS];

    if (isnan(value))
        return put_word("nan", out, out_size);
    if (isinf(value))
        return put_word(value > 0 ? "inf" : "-inf", out, out_size);

    /* At most 4933 digits before the dot. */
    int printed = snprintf(text, sizeof(text), "%.17Lf", value);
    ASSERT(printed > 18 && (size_t)printed < sizeof(text));
    size_t len = (size_t)printed;
    while (text[len - 1] == '0')
        len--;
    if (text[len - 1] == '.')
        len--;
    text[len] = '\0';
    return put_word(strcmp(text, "-0") == 0 ? "0" : text, out, out_size);
}

/* A finite double above zero as digits x 10^exponent, without trailing zeros
 * in digits. */
struct decimal {
    char digits[32];
    int  digit_count;
    int  exponent;
};

/* So many tell any double from all others. */
#define DOUBLE_DIGITS 17

/* Prints with `count` digits and takes the text apart; true if it reads back
 * as the same value. */
static bool decimal_try(struct decimal *decimal, double value, int count)
{
    char text[40];

    (void)snprintf(text, sizeof(text), "%.*e", count - 1, value);
    const char *mark = strchr(text, 'e');
    ASSERT(mark != NULL);

    decimal->digit_count = 0;
    for (const char *p = text; p < mark; p++) {
        if (*p != '.')
            decimal->digits[decimal->digit_count++] = *p;
    }
    decimal->exponent = (int)strtol(mark + 1, NULL, 10) - (count - 1);
    while (decimal->digit_count > 1 &&
           decimal->digits[decimal->digit_count - 1] == '0') {
        decimal->digit_count--;
        decimal->exponent++;
    }
    return count == DOUBLE_DIGITS || strtod(text, NULL) == value;
}

/* A value of at most EXACT_DIGITS digits, as most are that people give: these
 * make a whole number and a power of ten that are both exact, so that one
 * division tells whether they are the right ones. Not for very small or large
 * values, and false if there are more digits. */
#define FEW_DIGITS_MIN 1e-4
#define FEW_DIGITS_MAX 1e15

static bool is_easy(double value)
{
    return value >= FEW_DIGITS_MIN && value < FEW_DIGITS_MAX;
}

static bool decimal_of_few_digits(struct decimal *decimal, double value)
{
    int point = 0, zeros = (value < 0.1) + (value < 0.01) + (value < 0.001);
    while (value >= exact_powers[point])
        point++;
    int     scale = EXACT_DIGITS - point + zeros; /* digits behind the dot */
    int64_t digits = (int64_t)(value * exact_powers[scale] + 0.5);
    if ((double)digits / exact_powers[scale] != value)
        return false;
    for (; digits % 10 == 0; digits /= 10)
        scale--;
    decimal->digit_count = (int)num_format_int64(digits, decimal->digits);
    decimal->exponent = -scale;
    return true;
}

/* The fewest digits that read back. Every decimal of 15 digits survives the
 * way through a normal double, so for those a shorter answer shows up as zeros
 * at the end of 15 digits; subnormals have fewer digits and are tried one by
 * one. (One power of two in 45 gets 17 digits where a 16-digit number that is
 * not the nearest would do. The value is the same, so that is left alone.) */
static void decimal_shortest(struct decimal *decimal, double value)
{
    int count = isnormal(value) ? EXACT_DIGITS : 1;

    if (is_easy(value)) {
        if (decimal_of_few_digits(decimal, value))
            return;
        count++;
    }
    while (!decimal_try(decimal, value, count))
        count++;
}

static size_t put_zeros(char *out, int count)
{
    memset(out, '0', (size_t)count);
    return (size_t)count;
}

/* Layout as Redis 7.2 has it: up to 7 zeros are added on the right and up to 6
 * between dot and digits, what needs more gets an exponent without padding. */
static size_t decimal_write(const struct decimal *decimal, char *out)
{
    int    count = decimal->digit_count;
    int    point = count + decimal->exponent; /* digits before the dot */
    int    leading = point - 1;               /* the exponent, if written */
    size_t len = 0;
    bool   integral = decimal->exponent >= 0;

    if (integral && leading < count + 7) {
        memcpy(out, decimal->digits, (size_t)count);
        return (size_t)count + put_zeros(out + count, decimal->exponent);
    }
    if (!integral && (decimal->exponent > -7 || abs(leading) < 4)) {
        int before = point > 0 ? point : 0;
        memcpy(out, decimal->digits, (size_t)before);
        len = before ? (size_t)before : put_zeros(out, 1);
        out[len++] = '.';
        len += put_zeros(out + len, before - point);
        memcpy(out + len, decimal->digits + before, (size_t)(count - before));
        return len + (size_t)(count - before);
    }
    out[len++] = decimal->digits[0];
    if (count > 1) {
        out[len++] = '.';
        memcpy(out + len, decimal->digits + 1, (size_t)count - 1);
        len += (size_t)count - 1;
    }
    out[len++] = 'e';
    out[len++] = leading < 0 ? '-' : '+';
    return len + num_format_int64(abs(leading), out + len);
}

/* Doubles up to here that are whole fit an int64_t and print as one, with all
 * their digits. */
#define INTEGRAL_MAX 0x1p62

size_t num_format_double(double value, char *out, size_t out_size)
{
    struct decimal decimal = { .digit_count = 0 };
    size_t         len = 0;

    ASSERT(out_size >= NUM_DOUBLE_CHARS);
    if (isnan(value))
        return put_word("nan", out, out_size);
    if (isinf(value))
        return put_word(value > 0 ? "inf" : "-inf", out, out_size);
    if (value == 0)
        return put_word(signbit(value) ? "-0" : "0", out, out_size);
    if (fabs(value) <= INTEGRAL_MAX && value == (double)(int64_t)value)
        return num_format_int64((int64_t)value, out);

    if (value < 0)
        out[len++] = '-';
    decimal_shortest(&decimal, fabs(value));
    return len + decimal_write(&decimal, out + len);
}

/* ---- numbers with units -------------------------------------------------- */

struct unit {
    const char *name;
    uint64_t    factor;
};

static const struct unit byte_units[] = {
    { "", 1 },
    { "b", 1 },
    { "k", 1000 },
    { "kb", 1024 },
    { "m", 1000 * 1000 },
    { "mb", 1024 * 1024 },
    { "g", 1000 * 1000 * 1000 },
    { "gb", 1024 * 1024 * 1024 },
    { NULL, 0 },
};

static const struct unit duration_units[] = {
    { "", 1 },
    { "ms", 1 },
    { "s", 1000 },
    { "m", 60 * 1000 },
    { "h", 60 * 60 * 1000 },
    { NULL, 0 },
};

/* Unlike num_parse_uint64 it takes leading zeros: people write these. */
static bool parse_with_unit(slice text, const struct unit *units, uint64_t *out)
{
    uint64_t value = 0;
    size_t   at = 0;

    while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9') {
        unsigned digit = (unsigned)(text.data[at++] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (at == 0)
        return false;

    slice name = slice_make(text.data + at, text.len - at);
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (!slice_equal_nocase(name, unit->name))
            continue;
        if (value > UINT64_MAX / unit->factor)
            return false;
        *out = value * unit->factor;
        return true;
    }
    return false;
}

bool num_parse_bytes(slice text, uint64_t *out_bytes)
{
    return parse_with_unit(text, byte_units, out_bytes);
}

bool num_parse_duration_ms(slice text, uint64_t *out_ms)
{
    return parse_with_unit(text, duration_units, out_ms);
}

/* ---- varints ------------------------------------------------------------- */

size_t num_put_varint(uint8_t *out, uint64_t value)
{
    size_t len = 0;

    while (value >= 0x80) {
        out[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[len++] = (uint8_t)value;
    return len;
}

/* One number has one encoding: a record that is read and written again must
 * give the same bytes. So zeros at the top are refused, as is a 65th bit. */
size_t num_get_varint(slice in, uint64_t *out)
{
    size_t   max = in.len < NUM_VARINT_MAX ? in.len : NUM_VARINT_MAX;
    uint64_t value = 0;

    for (size_t i = 0; i < max; i++) {
        uint8_t byte = (uint8_t)in.data[i];
        if (i == NUM_VARINT_MAX - 1 && byte > 1)
            return 0;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte >= 0x80)
            continue;
        if (byte == 0 && i > 0)
            return 0;
        *out = value;
        return i + 1;
    }
    return 0;
}
