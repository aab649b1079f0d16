/* test_glob.c - the corner cases by name, random patterns against a matcher
 * that tries everything, and a pattern that would take such a one years. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/glob.h"

struct glob_case {
    const char *pattern;
    const char *text;
    bool        match;
    bool        match_nocase;
};

static const struct glob_case cases[] = {
    /* pattern      text      match  nocase */
    { "",           "",        true,  true },
    { "",           "a",       false, false },
    { "a",          "",        false, false },
    { "*",          "",        false, false },
    { "**",         "",        false, false },
    { "*",          "abc",     true,  true },
    { "abc",        "abc",     true,  true },
    { "abc",        "abcd",    false, false },
    { "abcd",       "abc",     false, false },
    { "ABC",        "abc",     false, true },
    { "a*c",        "aXbYc",   true,  true },
    { "a*C",        "abcbc",   false, true },
    { "a*c",        "ab",      false, false },
    { "a**c",       "ac",      true,  true },
    { "a*",         "a",       true,  true },
    { "*a",         "ba",      true,  true },
    { "*ab*ab",     "abab",    true,  true },
    { "*ab*ab",     "aab",     false, false },
    { "?",          "",        false, false },
    { "a?c",        "abc",     true,  true },
    { "a?c",        "ac",      false, false },
    { "h[ae]llo",   "hallo",   true,  true },
    { "h[ae]llo",   "hillo",   false, false },
    { "h[^e]llo",   "hallo",   true,  true },
    { "h[^e]llo",   "hello",   false, false },
    { "h[a-c]llo",  "hbllo",   true,  true },
    { "h[c-a]llo",  "hbllo",   true,  true },
    { "h[a-c]llo",  "hdllo",   false, false },
    { "h[A-C]llo",  "hbllo",   false, true },
    { "[]",         "a",       false, false },
    { "[^]",        "a",       true,  true },
    { "[abc",       "b",       true,  true },
    { "[abc",       "d",       false, false },
    { "[^abc",      "d",       true,  true },
    { "[",          "a",       false, false },
    { "[^",         "a",       true,  true },
    { "[\\]]",      "]",       true,  true },
    { "[\\]]x",     "]x",      true,  true },
    { "[a\\-z]",    "-",       true,  true },
    { "[a\\-z]",    "m",       false, false },
    { "[a-]",       "^",       true,  true }, /* ']' to 'a', no end */
    { "[a-]",       "b",       false, false },
    { "[a-]x",      "x",       true,  true },
    { "\\*",        "*",       true,  true },
    { "\\*",        "a",       false, false },
    { "a\\?c",      "a?c",     true,  true },
    { "a\\?c",      "abc",     false, false },
    { "\\",         "\\",      true,  true },
    { "a\\",        "a\\",     true,  true },
    { "\\a",        "a",       true,  true },
    { "*[0-9]",     "key12",   true,  true },
    { "*[0-9]",     "key1x",   false, false },
    { "a*[^b]",     "ab",      false, false },
    { "a*[^b]",     "abc",     true,  true },
};

static void test_corner_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct glob_case *c = &cases[i];
        slice pattern = slice_from_string(c->pattern);
        slice text = slice_from_string(c->text);
        if (glob_match(pattern, text, false) != c->match ||
            glob_match(pattern, text, true) != c->match_nocase)
            fail_msg("pattern \"%s\", text \"%s\"", c->pattern, c->text);
    }
}

static void test_any_byte(void **state)
{
    slice text = SLICE_LITERAL("a\0\xff*");
    (void)state;
    assert_true(glob_match(SLICE_LITERAL("a\0\xff\\*"), text, false));
    assert_true(glob_match(SLICE_LITERAL("a?[\xf0-\xff]*"), text, true));
    assert_false(glob_match(SLICE_LITERAL("a\0\xfe\\*"), text, false));
    assert_false(glob_match(SLICE_LITERAL("a"), text, false));
}

/* The definition, without any thought of time: '*', '?' and bytes. */
static bool match_slowly(slice pattern, slice text)
{
    if (pattern.len == 0)
        return text.len == 0;
    slice rest = { pattern.data + 1, pattern.len - 1 };
    if (pattern.data[0] == '*') {
        for (size_t skip = 0; skip <= text.len; skip++)
            if (match_slowly(rest, (slice){ text.data + skip,
                                            text.len - skip }))
                return true;
        return false;
    }
    if (text.len == 0 ||
        (pattern.data[0] != '?' && pattern.data[0] != text.data[0]))
        return false;
    return match_slowly(rest, (slice){ text.data + 1, text.len - 1 });
}

static void fill(char *out, size_t len, const char *alphabet, unsigned *seed)
{
    for (size_t i = 0; i < len; i++) {
        *seed = *seed * 1103515245u + 12345u;
        out[i] = alphabet[(*seed >> 16) % strlen(alphabet)];
    }
    out[len] = 0;
}

static void test_against_definition(void **state)
{
    unsigned seed = 2026;
    size_t   matches = 0;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        char pattern[8] = "", text[10] = "";
        seed = seed * 1103515245u + 12345u;
        fill(pattern, (seed >> 16) % 8, "ab?**", &seed);
        seed = seed * 1103515245u + 12345u;
        fill(text, (seed >> 16) % 10, "ab", &seed);
        slice p = slice_from_string(pattern), t = slice_from_string(text);
        bool  expected = t.len > 0 ? match_slowly(p, t) : p.len == 0;
        matches += expected;
        if (glob_match(p, t, false) != expected)
            fail_msg("pattern \"%s\", text \"%s\"", pattern, text);
    }
    /* Both answers were asked for often. */
    assert_in_range(matches, 10000, 90000);
}

static void test_costly_pattern_is_bounded(void **state)
{
    static char pattern[2 * 5000 + 1], text[20000];
    struct timespec before, after;
    (void)state;

    for (size_t i = 0; i < 5000; i++) {
        pattern[2 * i] = 'a';
        pattern[2 * i + 1] = '*';
    }
    pattern[2 * 5000] = 'b';
    memset(text, 'a', sizeof(text));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    assert_false(glob_match((slice){ pattern, sizeof(pattern) },
                            (slice){ text, sizeof(text) }, true));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    assert_true(after.tv_sec - before.tv_sec < 20);
}

static void test_has_wildcard(void **state)
{
    (void)state;
    assert_false(glob_has_wildcard(SLICE_LITERAL("maxclients")));
    assert_false(glob_has_wildcard(SLICE_EMPTY));
    assert_true(glob_has_wildcard(SLICE_LITERAL("max*")));
    assert_true(glob_has_wildcard(SLICE_LITERAL("max?")));
    assert_true(glob_has_wildcard(SLICE_LITERAL("[m]ax")));
    assert_true(glob_has_wildcard(SLICE_LITERAL("m\\ax")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corner_cases),
        cmocka_unit_test(test_any_byte),
        cmocka_unit_test(test_against_definition),
        cmocka_unit_test(test_costly_pattern_is_bounded),
        cmocka_unit_test(test_has_wildcard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
