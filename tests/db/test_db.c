/* test_db.c - random commands, then every record of the store is read: what is
 * there must agree with a plain model and with itself.
 *
 *     DB_SEED=7 build/tests/db/test_db
 *
 * tests/sim/test_sim.c looks at the db through its commands; this one looks at
 * the bytes that it leaves behind. */
#include "db/db_test.h"

#define KEYS 150

struct value {
    bool     exists;
    uint64_t seed;
    size_t   len;
    int64_t  deadline_ms;
};

struct run {
    struct fix   fix;
    struct rand  rand;
    struct value values[KEYS];
    uint64_t     next_seed;
};

static uint64_t below(struct run *run, uint64_t bound)
{
    return rand_below(&run->rand, bound);
}

static char *name(char out[32], unsigned key)
{
    snprintf(out, 32, key % 4 == 0 ? "{tag}%u" : "key:%u", key);
    return out;
}

static void drop_expired(struct run *run)
{
    for (unsigned i = 0; i < KEYS; i++)
        if (run->values[i].deadline_ms != 0 &&
            run->values[i].deadline_ms <= run->fix.now_ms)
            run->values[i] = (struct value){ .exists = false };
}

static int64_t random_deadline(struct run *run)
{
    return below(run, 3) == 0 ? run->fix.now_ms + 1 + (int64_t)below(run, 4000)
                              : 0;
}

static void do_set(struct run *run, unsigned key)
{
    char          text[32];
    struct value *value = &run->values[key];
    *value = (struct value){ .exists = true, .seed = ++run->next_seed };
    value->len = below(run, 12) == 0 ? below(run, 200000) : below(run, 300);
    value->deadline_ms = random_deadline(run);
    fix_set_large(&run->fix, name(text, key), value->seed, value->len,
                  value->deadline_ms);
}

static void do_one(struct run *run)
{
    unsigned      key = (unsigned)below(run, KEYS);
    struct value *value = &run->values[key];
    struct fix   *fix = &run->fix;
    char          text[32];
    name(text, key);
    switch (below(run, 12)) {
    case 0:
    case 1:
        assert_int_equal(fix_del(fix, text), value->exists);
        *value = (struct value){ .exists = false };
        break;
    case 2:
    case 3: {
        int64_t deadline = random_deadline(run);
        fix_expire(fix, text, deadline);
        if (value->exists)
            value->deadline_ms = deadline;
        break;
    }
    case 4:
        (void)fix_evict(fix, text);
        break;
    case 5:
        if (value->exists)
            assert_true(fix_is_large(fix, text, value->seed, value->len));
        else
            assert_true(fix_is_text(fix, text, NULL));
        break;
    default:
        do_set(run, key);
    }
}

/* What else happens between commands. */
static void disturb(struct run *run)
{
    struct fix *fix = &run->fix;
    if (below(run, 8) == 0)
        db_flush_soon(fix->db);
    if (below(run, 4) == 0)
        fix_turn(fix);
    if (below(run, 4) == 0)
        held_io_run_any(fix->io);
    if (below(run, 4) == 0)
        held_io_deliver(fix->io);
    if (below(run, 10) == 0)
        db_cron(fix->db, fix->now_ms);
    if (below(run, 150) == 0)
        fault_fail(fix->store, FAULT_WRITE, (unsigned)below(run, 4), 1, ERR_IO,
                   below(run, 2) == 0);
    if (below(run, 400) == 0) {
        db_flush_space(fix->db, db_space(fix->db, 0));
        memset(run->values, 0, sizeof(run->values));
    }
    if (below(run, 5) == 0) {
        fix->now_ms += (int64_t)below(run, 60);
        db_set_now(fix->db, fix->now_ms);
        drop_expired(run);
    }
}

static uint64_t stored_len(const struct key_record *record)
{
    struct object_root root;
    if (record->object_id == 0)
        return record->value.len;
    assert_int_equal(object_root_decode(record->value, &root), ERR_OK);
    return root.len;
}

static void check_record(struct run *run, unsigned key)
{
    struct fix       *fix = &run->fix;
    struct value     *value = &run->values[key];
    struct key_record record;
    struct store_get  get;
    struct buf        record_key;
    char              text[32];
    struct db_key     at = fix_key(fix, name(text, key));
    buf_init(&record_key, SIZE_MAX);
    record_key_key(&record_key, at.space->id, at.hash, at.key);
    err_t err = store_get_one(fix->memory, buf_slice(&record_key), &get);
    assert_int_equal(err, value->exists ? ERR_OK : ERR_NOT_FOUND);
    if (value->exists) {
        err = record_key_decode(buf_slice(&record_key),
                                slice_make(get.value, get.value_len), &record);
        assert_int_equal(err, ERR_OK);
        assert_int_equal(record.deadline_ms, value->deadline_ms);
        assert_int_equal(stored_len(&record), value->len);
        store_value_free(get.value);
    }
    buf_deinit(&record_key);
}

/* All on disk, garbage gone: the store is the model. */
static void check_store(struct run *run)
{
    struct fix *fix = &run->fix;
    fault_reset(fix->store);
    for (int i = 0; fix_stats(fix).failing; i++) {
        assert_in_range(i, 0, 100);
        fix->now_ms += 1000;
        db_cron(fix->db, fix->now_ms);
        fix_settle(fix);
    }
    drop_expired(run);
    fix_expire_all(fix); /* what nobody has asked for goes too */
    fix_collect_garbage(fix);
    db_check(fix->db);

    size_t  exist = 0, deadlines = 0, paged = 0, pages = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        struct value *value = &run->values[i];
        char          text[32];
        bool          is_paged =
            value->exists &&
            !cache_is_inline(strlen(name(text, i)), value->len);
        check_record(run, i);
        exist += value->exists;
        deadlines += value->deadline_ms != 0;
        paged += is_paged;
        pages += is_paged ? fix_nodes(value->len) : 0;
    }
    struct records found = inspect_clean(fix);
    assert_int_equal(found.keys[0], exist);
    assert_int_equal(found.expiries, deadlines);
    assert_int_equal(found.paged, paged);
    assert_int_equal(found.pages, pages);
}

static void run_seed(uint64_t seed)
{
    struct run *run = calloc(1, sizeof(*run));
    assert_non_null(run);
    rand_init(&run->rand, seed);
    bool tight = below(run, 2) == 0;
    fix_init(&run->fix, (tight ? 3 : 16) * MB,
             (size_t)(48 + below(run, 300)) * 1024);
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 250; i++) {
            do_one(run);
            disturb(run);
        }
        check_store(run);
        if (round % 4 == 3) {
            fix_close(&run->fix);
            fix_open(&run->fix);
        }
    }
    fix_deinit(&run->fix);
    free(run);
}

static void the_store_agrees_with_the_model_and_itself(void **state)
{
    const char *text = getenv("DB_SEED");
    uint64_t    first = text != NULL ? strtoull(text, NULL, 10) : 1;
    uint64_t    count = text != NULL ? 1 : 10;

    (void)state;
    for (uint64_t seed = first; seed < first + count; seed++) {
        print_message("DB_SEED=%llu\n", (unsigned long long)seed);
        run_seed(seed);
    }
}

static void ids_are_never_used_again(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    uint64_t version = 0, object = 0;
    uint32_t space = 0;
    for (int i = 0; i < 5; i++) {
        assert_true(fix.db->version >= version);
        assert_true(fix.db->object_id > object);
        assert_true(fix.db->space_id > space || i == 0);
        db_flush_space(fix.db, db_space(fix.db, 0));
        fix_set_large(&fix, "large", 1, 100000, 0);
        fix_flush(&fix);
        version = fix.db->version;
        object = fix.db->object_id - 1;
        space = fix.db->space_id - 1;
        fix_close(&fix);
        fix_open(&fix);
    }
    fix_deinit(&fix);
}

static void keys_of_one_database_are_unknown_to_another(void **state)
{
    struct fix        fix;
    struct cmd        cmd;
    struct entry_spec spec = { .presence = ENTRY_PRESENT,
                               .value = SLICE_LITERAL("1") };

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    struct db_key other = fix_key_in(&fix, 1, "k");
    db_put(fix.db, &other, &spec, "set");
    assert_int_equal(fix_need(&fix, &cmd, "k", DB_NEED_VALUE), DB_READY);
    db_release(fix.db, &cmd.wait);
    assert_true(fix_is_text(&fix, "k", NULL));
    fix_flush(&fix);
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.keys[0], 0);
    assert_int_equal(found.keys[1], 1);
    fix_deinit(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_agrees_with_the_model_and_itself),
        cmocka_unit_test(ids_are_never_used_again),
        cmocka_unit_test(keys_of_one_database_are_unknown_to_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
