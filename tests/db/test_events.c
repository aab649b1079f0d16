/* test_events.c - what the write hook tells: each change once, and of a key
 * whose time has come that it expired, exactly once, whoever notices it first:
 * a reader, a writer, the sweep, the load, or the cut. */
#include "db/db_test.h"

#define KEY      "the key"
#define TEXT_MAX 512

/* "set expired new:set": new: the key was known not to exist before. */
struct heard {
    char   text[TEXT_MAX];
    size_t len;
};

static bool always(const void *arg)
{
    (void)arg;
    return true;
}

static void on_change(void *arg, const struct db_change *change)
{
    struct heard *heard = arg;
    bool          is_key = change->kind == DB_KEY_CHANGED ||
                  change->kind == DB_KEY_EVENT;
    if (!is_key || !slice_equal(change->key, SLICE_LITERAL(KEY)))
        return;
    heard->len += (size_t)snprintf(
        heard->text + heard->len, sizeof(heard->text) - heard->len, "%s%s%s",
        heard->len > 0 ? " " : "", change->created ? "new:" : "",
        change->event);
    assert_in_range(heard->len, 0, sizeof(heard->text) - 1);
}

static void begin(struct fix *fix, struct heard *heard)
{
    fix_init(fix, 8 * MB, MB);
    fix_set_text(fix, "other", "1"); /* from now on nobody knows without a
                                        look what is on disk */
    fix_flush(fix);
    *heard = (struct heard){ .len = 0 };
    fix->db->opt.on_change = on_change;
    fix->db->opt.is_heard = always;
    fix->db->opt.change_arg = heard;
}

static void end(struct fix *fix)
{
    fix->db->opt.on_change = NULL;
    fix_deinit(fix);
}

static void set_for_a_second(struct fix *fix)
{
    fix_set(fix, KEY, SLICE_LITERAL("1"), fix->now_ms + 1000);
}

static void pass_time(struct fix *fix)
{
    fix->now_ms += 2000;
    db_set_now(fix->db, fix->now_ms);
}

static void to_disk(struct fix *fix)
{
    fix_flush(fix);
    assert_true(fix_evict(fix, KEY));
}

#define HEARD(heard, expected) assert_string_equal((heard).text, expected)

static void a_write_knows_what_it_creates(void **state)
{
    struct fix   fix;
    struct heard heard;
    struct cmd   cmd;

    (void)state;
    begin(&fix, &heard);
    fix_set_text(&fix, KEY, "1"); /* blind */
    HEARD(heard, "set");
    fix_set_text(&fix, KEY, "2");
    HEARD(heard, "set set");
    fix_del(&fix, KEY);
    fix_set_text(&fix, KEY, "3");
    HEARD(heard, "set set del new:set");
    fix_del(&fix, KEY);
    fix_flush(&fix);
    fix_evict(&fix, KEY);
    heard = (struct heard){ .len = 0 };
    assert_int_equal(fix_need(&fix, &cmd, KEY, DB_NEED_HEADER), DB_READY);
    fix_set_text(&fix, KEY, "4"); /* on disk there is none: that is known */
    db_release(fix.db, &cmd.wait);
    HEARD(heard, "new:set");
    end(&fix);
}

static void a_reader_finds_it_expired(void **state)
{
    struct fix   fix;
    struct heard heard;

    (void)state;
    begin(&fix, &heard);
    set_for_a_second(&fix);
    pass_time(&fix);
    assert_true(fix_is(&fix, KEY, NULL));
    assert_true(fix_is(&fix, KEY, NULL));
    fix_flush(&fix);
    HEARD(heard, "set expired");
    assert_int_equal(fix_stats(&fix).expired, 1);
    end(&fix);
}

static void a_writer_finds_it_expired(void **state)
{
    struct fix   fix;
    struct heard heard;

    (void)state;
    begin(&fix, &heard);
    set_for_a_second(&fix);
    pass_time(&fix);
    fix_set_text(&fix, KEY, "2");
    fix_flush(&fix);
    HEARD(heard, "set expired new:set");
    assert_int_equal(fix_stats(&fix).expired, 1);
    assert_int_equal(fix_count(&fix), 2);
    end(&fix);
}

static void a_load_finds_it_expired(void **state)
{
    struct fix   fix;
    struct heard heard;

    (void)state;
    begin(&fix, &heard);
    set_for_a_second(&fix);
    to_disk(&fix);
    pass_time(&fix);
    assert_true(fix_is(&fix, KEY, NULL));
    HEARD(heard, "set expired");
    fix_flush(&fix);
    assert_int_equal(fix_stats(&fix).expired, 1);
    assert_int_equal(fix_count(&fix), 1);
    end(&fix);
}

static void the_cut_finds_it_expired(void **state)
{
    struct fix   fix;
    struct heard heard;

    (void)state;
    begin(&fix, &heard);
    set_for_a_second(&fix);
    pass_time(&fix);
    fix_flush(&fix); /* no turn before it: nothing has swept */
    HEARD(heard, "set expired");
    assert_true(fix_is(&fix, KEY, NULL));
    HEARD(heard, "set expired");
    assert_int_equal(fix_stats(&fix).expired, 1);
    assert_int_equal(fix_count(&fix), 1);
    assert_int_equal(inspect_clean(&fix).expiries, 0);
    end(&fix);
}

/* Leaves the key in the epoch that was closed, not captured yet. */
static void close_epoch(struct fix *fix)
{
    char name[32];
    for (int i = 0; i < 3 * CAPTURE_SLICE; i++) {
        snprintf(name, sizeof(name), "before %d", i);
        fix_set_text(fix, name, "1");
    }
    set_for_a_second(fix);
    db_flush_soon(fix->db);
    fix_turn(fix);
    struct db_key at = fix_key(fix, KEY);
    struct entry *entry = cache_find(&fix->db->cache, at.space->id, at.key,
                                     at.hash);
    assert_true(cut_is_closing(fix->db, cache_busy(&fix->db->cache, entry)));
}

static void who_is_before_the_cut_finds_it_expired(void **state)
{
    for (int writes = 0; writes <= 1; writes++) {
        struct fix   fix;
        struct heard heard;

        (void)state;
        begin(&fix, &heard);
        close_epoch(&fix);
        pass_time(&fix);
        struct db_key at = fix_key(&fix, KEY);
        if (writes)
            fix_set_text(&fix, KEY, "2");
        else
            assert_null(db_look(fix.db, &at, true));
        HEARD(heard, writes ? "set expired new:set" : "set expired");
        db_check(fix.db);
        fix_flush(&fix);
        HEARD(heard, writes ? "set expired new:set" : "set expired");
        assert_int_equal(fix_stats(&fix).expired, 1);
        assert_int_equal(fix_count(&fix), 3 * CAPTURE_SLICE + 1 + writes);
        inspect_clean(&fix);
        assert_true(fix_is_text(&fix, KEY, writes ? "2" : NULL));
        end(&fix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_knows_what_it_creates),
        cmocka_unit_test(a_reader_finds_it_expired),
        cmocka_unit_test(a_writer_finds_it_expired),
        cmocka_unit_test(a_load_finds_it_expired),
        cmocka_unit_test(the_cut_finds_it_expired),
        cmocka_unit_test(who_is_before_the_cut_finds_it_expired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
