/* sim_scan.h - SCAN, KEYS and RANDOMKEY of the simulation. A scan takes many
 * steps, in which others change keys; what can be said of it then:
 *
 *   A key that has one and the same value at both ends was there all the time,
 *   unless keys were moved about: it is found exactly once.
 *   No key is found twice, and none that has passed its deadline.
 *   If nobody has run a command meanwhile, what is found is what is there. */
#ifndef TESTS_SIM_SIM_SCAN_H
#define TESTS_SIM_SIM_SCAN_H

#include "sim_world.h"

static bool sim_is_alive(const struct sim *sim, struct model_value value)
{
    return value.value != 0 &&
           (value.deadline_ms == 0 || value.deadline_ms > sim->now_ms);
}

static void scan_issue(struct client *client)
{
    struct sim *sim = client->sim;
    for (unsigned key = 0; key < KEYS; key++) {
        struct model_value value = sim->model.keys[client->space][key];
        client->was[key] = sim_is_alive(sim, value) ? value.value : 0;
        client->seen[key] = 0;
    }
    client->cursor = 0;
    client->ran_then = sim->ran;
    client->moved_then = sim->moved;
}

static unsigned sim_key_of(slice text)
{
    const char *digits = memchr(text.data, '{', text.len) != NULL
                             ? text.data + strlen("{tag}")
                             : text.data + strlen("key:");
    int64_t key;
    assert_true(num_parse_int64(
        slice_make(digits, (size_t)(text.data + text.len - digits)), &key));
    assert_in_range(key, 0, KEYS - 1);
    return (unsigned)key;
}

static void scan_check(struct client *client)
{
    struct sim *sim = client->sim;
    bool        is_quiet = sim->ran == client->ran_then;
    for (unsigned key = 0; key < KEYS; key++) {
        struct model_value value = sim->model.keys[client->space][key];
        bool is_alive = sim_is_alive(sim, value);
        bool stayed = is_alive && value.value == client->was[key] &&
                      sim->moved == client->moved_then;
        assert_in_range(client->seen[key], 0, 1);
        if (stayed || (is_quiet && is_alive))
            assert_int_equal(client->seen[key], 1);
        else if (is_quiet && value.value == 0 && client->was[key] == 0)
            assert_int_equal(client->seen[key], 0);
    }
}

static enum db_verdict try_scan(struct client *client)
{
    struct sim            *sim = client->sim;
    struct db_scan_request request = {
        .space = db_space(sim->db, client->space),
        .pattern = SLICE_LITERAL("*"),
        .type = DB_ANY_TYPE,
        .whole = client->kind == OP_KEYS,
        .most_bytes = SIZE_MAX,
    };
    bool now = client->len % 8 == 0;
    do {
        slice key;
        request.cursor = client->cursor;
        request.count = 1 + client->len % 64;
        enum db_verdict verdict =
            db_scan(sim->db, &client->wait, &request, now);
        if (verdict != DB_READY)
            return verdict;
        while (db_scan_next(sim->db, &client->wait, &key))
            client->seen[sim_key_of(key)]++;
        client->cursor = db_scan_cursor(&client->wait);
        db_release(sim->db, &client->wait);
    } while (client->cursor != 0);
    scan_check(client);
    return DB_READY;
}

static enum db_verdict try_random(struct client *client)
{
    struct sim     *sim = client->sim;
    slice           key;
    bool            had_any = false, has_any = false;
    enum db_verdict verdict =
        db_random_key(sim->db, &client->wait, db_space(sim->db, client->space),
                      &sim->rand, client->len % 8 == 0, &key);
    if (verdict != DB_READY)
        return verdict;
    for (unsigned i = 0; i < KEYS; i++) {
        struct model_value value = sim->model.keys[client->space][i];
        had_any |= client->was[i] != 0;
        has_any |= sim_is_alive(sim, value) && value.value == client->was[i];
    }
    bool is_still = sim->moved == client->moved_then;
    if (has_any && is_still)
        assert_non_null(key.data);
    if (key.data != NULL && sim->ran == client->ran_then) {
        assert_true(had_any);
        assert_true(client->was[sim_key_of(key)] != 0);
    }
    return DB_READY;
}

#endif
