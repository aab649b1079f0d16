/* test_mem.c - abort rather than fail, what it costs, the books. */
#include "base/mem.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#ifdef USE_JEMALLOC
#include <jemalloc/jemalloc.h>
#else
#include <malloc.h>
#endif

#include "death.h"
#include "unit.h"

#ifndef SANITIZED /* the Makefile defines it */
#define SANITIZED 0
#endif

#define MB ((size_t)1024 * 1024)

/* A sanitizer's own allocator stops the process at a size that no system has;
 * here we want to see what mem.c does with NULL. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* ---- allocation ---------------------------------------------------------- */

static void allocations_hold_their_bytes(void **state)
{
    (void)state;
    char *bytes = mem_alloc(100);
    memset(bytes, 7, 100);
    bytes = mem_realloc(bytes, 100000);
    for (int i = 0; i < 100; i++)
        assert_int_equal(bytes[i], 7);
    memset(bytes, 8, 100000);
    mem_free(bytes);

    char *zeros = mem_calloc(50, 3);
    for (int i = 0; i < 150; i++)
        assert_int_equal(zeros[i], 0);
    mem_free(zeros);
}

static void nothing_is_not_null(void **state)
{
    (void)state;
    void *a = mem_alloc(0);
    void *b = mem_calloc(0, 8);
    void *c = mem_calloc(8, 0);
    void *d = mem_realloc(NULL, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_non_null(d);
    a = mem_realloc(a, 0);
    assert_non_null(a);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(d);
    mem_free(NULL);
}

static void alloc_too_much(void *size)
{
    mem_free(mem_alloc(*(const volatile size_t *)size));
}

static void calloc_too_much(void *size)
{
    mem_free(mem_calloc(*(const volatile size_t *)size, 4));
}

static void realloc_too_much(void *size)
{
    mem_free(mem_realloc(mem_alloc(1), *(const volatile size_t *)size));
}

static void no_memory_aborts(void **state)
{
    static void (*const bodies[])(void *) = {
        alloc_too_much,
        calloc_too_much, /* the product would overflow to 0 */
        realloc_too_much,
    };
    char text[8192];

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        size_t size = (size_t)1 << 62;
        assert_true(death_by_abort(bodies[i], &size, text, sizeof(text)));
        assert_non_null(strstr(text, "the system has no memory for"));
    }
}

/* ---- cost ---------------------------------------------------------------- */

static size_t given_bytes(void *pointer)
{
#ifdef USE_JEMALLOC
    return sallocx(pointer, 0);
#else
    return malloc_usable_size(pointer);
#endif
}

static void good_size_is_what_the_allocator_gives(void **state)
{
    size_t last = 0;

    (void)state;
    for (size_t size = 0; size <= 64 * 1024; size += size < 2048 ? 1 : 509) {
        void  *pointer = mem_alloc(size);
        size_t good = mem_good_size(size);
        assert_true(good >= size);
        assert_true(good >= last);
        assert_true(good <= size + size / 4 + 32);
        assert_true(given_bytes(pointer) <= good);
#ifdef USE_JEMALLOC
        assert_int_equal(given_bytes(pointer), good);
#endif
        mem_free(pointer);
        last = good;
    }
}

/* ---- resident ------------------------------------------------------------ */

static void rss_follows_what_is_touched(void **state)
{
    size_t before = mem_rss_anon_bytes();

    (void)state;
    assert_true(before > 0);
    char *pages = mmap(NULL, 32 * MB, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(pages, MAP_FAILED);
    assert_true(mem_rss_anon_bytes() < before + 4 * MB);
    memset(pages, 1, 32 * MB);
    size_t during = mem_rss_anon_bytes();
    assert_true(during > before + 30 * MB);
    if (!SANITIZED) /* they keep notes about each touched byte */
        assert_true(during < before + 36 * MB);
    assert_int_equal(munmap(pages, 32 * MB), 0);
    assert_true(mem_rss_anon_bytes() < during - 28 * MB);
}

/* What the store maps from its files is the kernel's to drop. */
static void rss_leaves_out_what_is_not_anonymous(void **state)
{
    int fd = memfd_create("test_mem", MFD_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)(16 * MB)), 0);
    char *pages =
        mmap(NULL, 16 * MB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(pages, MAP_FAILED);
    size_t before = mem_rss_anon_bytes();
    for (size_t at = 0; at < 16 * MB; at += 4096)
        *(volatile char *)(pages + at) = 1;
    if (!SANITIZED)
        assert_true(mem_rss_anon_bytes() < before + 4 * MB);
    assert_int_equal(munmap(pages, 16 * MB), 0);
    (void)close(fd);
}

#define BLOCKS 4096

/* Blocks that are freed stay with the allocator (not all of them need to);
 * after a purge they are back with the system. Sanitizers keep freed blocks in
 * quarantine, so there we see only that the call is harmless. */
static void purge_gives_memory_back(void **state)
{
    void **blocks = mem_calloc(BLOCKS, sizeof(*blocks));
    size_t before = mem_rss_anon_bytes();

    (void)state;
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = mem_alloc(8000);
        memset(blocks[i], 1, 8000);
    }
    assert_true(mem_rss_anon_bytes() > before + 28 * MB);
    void *last = mem_alloc(8000); /* keeps the end of the heap in use */
    for (int i = 0; i < BLOCKS; i++)
        mem_free(blocks[i]);
    mem_purge();
    if (!SANITIZED)
        assert_true(mem_rss_anon_bytes() < before + 4 * MB);
    mem_free(last);
    mem_free(blocks);
}

/* ---- accounts ------------------------------------------------------------ */

static void assert_sum(const struct mem *mem)
{
    size_t sum = 0;
    for (int i = 0; i < MEM_ACCOUNT_COUNT; i++)
        sum += mem->used_bytes[i];
    assert_int_equal(mem->total_bytes, sum);
}

static void the_total_is_the_sum(void **state)
{
    struct mem mem = { 0 };

    (void)state;
    mem_charge(&mem, MEM_ENTRIES, 100);
    mem_charge(&mem, MEM_VALUES, 30);
    mem_charge(&mem, MEM_ENTRIES, 0);
    assert_int_equal(mem.total_bytes, 130);
    assert_sum(&mem);
    mem_release(&mem, MEM_ENTRIES, 40);
    assert_int_equal(mem.used_bytes[MEM_ENTRIES], 60);
    assert_sum(&mem);
    mem_set(&mem, MEM_OVERHEAD, 1000);
    mem_set(&mem, MEM_OVERHEAD, 10);
    assert_int_equal(mem.used_bytes[MEM_OVERHEAD], 10);
    assert_int_equal(mem.total_bytes, 100);
    assert_sum(&mem);
    mem_release(&mem, MEM_ENTRIES, 60);
    mem_release(&mem, MEM_VALUES, 30);
    mem_set(&mem, MEM_OVERHEAD, 0);
    assert_int_equal(mem.total_bytes, 0);
}

static void every_account_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < MEM_ACCOUNT_COUNT; i++) {
        assert_non_null(mem_account_name((enum mem_account)i));
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(mem_account_name((enum mem_account)i),
                                    mem_account_name((enum mem_account)j));
        }
    }
    assert_string_equal(mem_account_name(MEM_CLIENTS), "clients");
}

static void release_of_more_than_charged(void *arg)
{
    mem_release(arg, MEM_JOBS, 11);
}

static void charge_past_the_end(void *arg)
{
    mem_charge(arg, MEM_JOBS, SIZE_MAX - 5);
}

static void charge_to_nobody(void *arg)
{
    mem_charge(arg, MEM_ACCOUNT_COUNT, 1);
}

static void books_that_do_not_add_up_are_asserted(void **state)
{
    struct mem mem = { 0 };
    char       text[4096];

    (void)state;
    mem_charge(&mem, MEM_JOBS, 10);
    mem_charge(&mem, MEM_OTHER, 100);
    assert_true(
        death_by_abort(release_of_more_than_charged, &mem, text, sizeof(text)));
    assert_true(death_by_abort(charge_past_the_end, &mem, text, sizeof(text)));
    assert_true(death_by_abort(charge_to_nobody, &mem, text, sizeof(text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_hold_their_bytes),
        cmocka_unit_test(nothing_is_not_null),
        cmocka_unit_test(no_memory_aborts),
        cmocka_unit_test(good_size_is_what_the_allocator_gives),
        cmocka_unit_test(rss_follows_what_is_touched),
        cmocka_unit_test(rss_leaves_out_what_is_not_anonymous),
        cmocka_unit_test(purge_gives_memory_back),
        cmocka_unit_test(the_total_is_the_sum),
        cmocka_unit_test(every_account_has_a_name_of_its_own),
        cmocka_unit_test(books_that_do_not_add_up_are_asserted),
    };
    return cmocka_run_group_tests_name("base/mem", tests, NULL, NULL);
}
