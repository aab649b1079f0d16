/* table.c - the command table: one line for each command.
 *
 * Flags and key positions are those that Redis 7.2's COMMAND INFO shows; the
 * column `need` is ours. */
#include "cmd/algebra.h"
#include "cmd/handlers.h"
#include "cmd/sort_plan.h"

#define W  CMD_WRITE
#define R  CMD_READONLY
#define M  CMD_DENYOOM
#define F  CMD_FAST
#define A  CMD_ADMIN
#define S  CMD_NOSCRIPT
#define L  CMD_LOADING
#define T  CMD_STALE
#define LT (CMD_LOADING | CMD_STALE)
#define NA CMD_NO_AUTH
#define AB CMD_ALLOW_BUSY
#define NM CMD_NO_MULTI
#define NL CMD_NO_ASYNC_LOADING
#define PR CMD_PROTECTED
#define OU CMD_OURS
#define MR CMD_MAY_REPLICATE
#define SM CMD_STEERS_MULTI
#define CK CMD_COUNTS_KEYS
#define SL CMD_SKIP_SLOWLOG
#define PS CMD_PUBSUB
#define SO CMD_OF_SUBSCRIBERS
#define CO CMD_COLLECTION
#define BL CMD_BLOCKING
#define MK CMD_MOVABLEKEYS
#define EV (CMD_NOSCRIPT | CMD_STALE | CMD_SKIP_MONITOR | \
            CMD_NO_MANDATORY_KEYS | CMD_MOVABLEKEYS | CMD_RUNS_SCRIPT)

#define NONE   DB_NEED_NONE
#define HEADER DB_NEED_HEADER
#define VALUE  DB_NEED_VALUE

#define NO_KEYS   { 0, 0, 0, 0 }
#define KEY       { 1, 1, 1, 0 }
#define ALL_KEYS  { 1, -1, 1, 0 }
#define PAIRS     { 1, -1, 2, 0 }
#define TWO_KEYS  { 1, 2, 1, 0 }
#define FROM_TWO  { 2, -1, 1, 0 }
#define SECOND    { 2, 2, 1, 0 }
#define BUT_LAST  { 1, -2, 1, 0 }
#define NUMKEYS   { 0, 0, 0, 1 }
#define KEY_NUMKEYS { 1, 1, 1, 2 }
#define SECOND_NUMKEYS { 0, 0, 0, 2 }

/* clang-format off */
static const struct command client_table[] = {
    { .name = "caching", .arity = 3, .flags = S|LT, .handler = cmd_client_caching },
    { .name = "getname", .arity = 2, .flags = S|LT, .handler = cmd_client_getname },
    { .name = "getredir", .arity = 2, .flags = S|LT, .handler = cmd_client_getredir },
    { .name = "help",    .arity = 2, .flags = LT,   .handler = cmd_client_help },
    { .name = "id",      .arity = 2, .flags = S|LT, .handler = cmd_client_id },
    { .name = "info",    .arity = 2, .flags = S|LT, .handler = cmd_client_info },
    { .name = "kill",    .arity = -3, .flags = A|S|LT, .handler = cmd_client_kill },
    { .name = "list",    .arity = -2, .flags = A|S|LT, .handler = cmd_client_list },
    { .name = "no-evict", .arity = 3, .flags = A|S|LT, .handler = cmd_client_no_evict },
    { .name = "no-touch", .arity = 3, .flags = S|LT, .handler = cmd_client_no_touch },
    { .name = "pause",   .arity = -3, .flags = A|S|LT, .handler = cmd_client_pause },
    { .name = "reply",   .arity = 3, .flags = S|LT, .handler = cmd_client_reply },
    { .name = "setinfo", .arity = 4, .flags = S|LT, .handler = cmd_client_setinfo },
    { .name = "setname", .arity = 3, .flags = S|LT, .handler = cmd_client_setname },
    { .name = "tracking", .arity = -3, .flags = S|LT, .handler = cmd_client_tracking },
    { .name = "trackinginfo", .arity = 2, .flags = S|LT, .handler = cmd_client_trackinginfo },
    { .name = "unblock", .arity = -3, .flags = A|S|LT, .handler = cmd_client_unblock },
    { .name = "unpause", .arity = 2, .flags = A|S|LT, .handler = cmd_client_unpause },
    { .name = NULL }
};

static const struct command command_sub_table[] = {
    { .name = "count",   .arity = 2,  .flags = LT, .handler = cmd_command_count },
    { .name = "docs",    .arity = -2, .flags = LT, .handler = cmd_command_docs },
    { .name = "getkeys", .arity = -3, .flags = LT, .handler = cmd_command_getkeys },
    { .name = "getkeysandflags", .arity = -3, .flags = LT, .handler = cmd_command_getkeysandflags },
    { .name = "help",    .arity = 2,  .flags = LT, .handler = cmd_command_help },
    { .name = "info",    .arity = -2, .flags = LT, .handler = cmd_command_info },
    { .name = "list",    .arity = -2, .flags = LT, .handler = cmd_command_list },
    { .name = NULL }
};

static const struct command config_table[] = {
    { .name = "get",       .arity = -3, .flags = A|S|LT, .handler = cmd_config_get },
    { .name = "help",      .arity = 2,  .flags = LT,     .handler = cmd_config_help },
    { .name = "resetstat", .arity = 2,  .flags = A|S|LT, .handler = cmd_config_resetstat },
    { .name = "rewrite",   .arity = 2,  .flags = A|S|LT, .handler = cmd_config_rewrite },
    { .name = "set",       .arity = -4, .flags = A|S|LT, .handler = cmd_config_set },
    { .name = NULL }
};

static const struct command cache_table[] = {
    { .name = "evict", .arity = -3, .flags = A|S|OU, .keys = FROM_TWO, .need = NONE, .handler = cmd_cache_evict },
    { .name = "flush", .arity = 2,  .flags = A|S|OU|NM, .handler = cmd_cache_flush },
    { .name = "help",  .arity = 2,  .flags = LT|OU,  .handler = cmd_cache_help },
    { .name = "state", .arity = -3, .flags = R|OU|NM,   .keys = FROM_TWO, .need = NONE, .handler = cmd_cache_state },
    { .name = "stats", .arity = 2,  .flags = LT|OU,  .handler = cmd_cache_stats },
    { .name = "warm",  .arity = -3, .flags = A|S|OU, .keys = FROM_TWO, .need = NONE, .handler = cmd_cache_warm },
    { .name = NULL }
};

static const struct command debug_table[] = {
    { .name = "change-repl-id", .arity = 2, .flags = A|S|LT|PR|OU, .handler = cmd_debug_accepted },
    { .name = "check", .arity = 2, .flags = A|S|LT|PR|OU, .handler = cmd_debug_check },
    { .name = "dict-resizing", .arity = 3, .flags = A|S|LT|PR|OU, .handler = cmd_debug_accepted },
    { .name = "error", .arity = 3, .flags = A|S|LT|PR|OU, .handler = cmd_debug_error },
    { .name = "help", .arity = 2, .flags = A|S|LT|PR|OU, .handler = cmd_debug_help },
    { .name = "loadaof", .arity = 2, .flags = A|S|LT|PR|OU|NM, .handler = cmd_debug_reload },
    { .name = "log", .arity = 3, .flags = A|S|LT|PR|OU, .handler = cmd_debug_log },
    { .name = "object", .arity = 3, .flags = A|S|LT|PR|OU, .keys = SECOND, .need = HEADER, .handler = cmd_debug_object },
    { .name = "protocol", .arity = 3, .flags = A|S|LT|PR|OU, .handler = cmd_debug_protocol },
    { .name = "reload", .arity = -2, .flags = A|S|LT|PR|OU|NM, .handler = cmd_debug_reload },
    { .name = "set-active-expire", .arity = 3, .flags = A|S|LT|PR|OU, .handler = cmd_debug_set_active_expire },
    { .name = "sleep", .arity = 3, .flags = A|S|LT|PR|OU, .handler = cmd_debug_sleep },
    { .name = "store", .arity = -2, .flags = A|S|LT|PR|OU, .handler = cmd_debug_store },
    { .name = "warm-save", .arity = 2, .flags = A|S|LT|PR|OU, .handler = cmd_debug_warm_save },
    { .name = NULL }
};

static const struct command acl_table[] = {
    { .name = "cat",     .arity = -2, .flags = S|LT,   .handler = cmd_acl_cat },
    { .name = "dryrun",  .arity = -4, .flags = A|S|LT, .handler = cmd_acl_dryrun },
    { .name = "genpass", .arity = -2, .flags = S|LT,   .handler = cmd_acl_genpass },
    { .name = "getuser", .arity = 3,  .flags = A|S|LT, .handler = cmd_acl_getuser },
    { .name = "help",    .arity = 2,  .flags = LT,     .handler = cmd_acl_help },
    { .name = "list",    .arity = 2,  .flags = A|S|LT, .handler = cmd_acl_list },
    { .name = "users",   .arity = 2,  .flags = A|S|LT, .handler = cmd_acl_users },
    { .name = "whoami",  .arity = 2,  .flags = S|LT,   .handler = cmd_acl_whoami },
    { .name = NULL }
};

static const struct command memory_table[] = {
    { .name = "doctor",       .arity = 2,  .handler = cmd_memory_doctor },
    { .name = "help",         .arity = 2,  .flags = LT, .handler = cmd_memory_help },
    { .name = "malloc-stats", .arity = 2,  .handler = cmd_memory_malloc_stats },
    { .name = "purge",        .arity = 2,  .handler = cmd_memory_purge },
    { .name = "stats",        .arity = 2,  .handler = cmd_memory_stats },
    { .name = "usage",        .arity = -3, .flags = R, .keys = SECOND, .need = HEADER, .handler = cmd_memory_usage },
    { .name = NULL }
};

static const struct command object_table[] = {
    { .name = "encoding", .arity = 3, .flags = R,  .keys = SECOND, .need = HEADER, .need_of = need_object, .handler = cmd_object_encoding },
    { .name = "freq",     .arity = 3, .flags = R,  .keys = SECOND, .need = HEADER, .handler = cmd_object_freq },
    { .name = "help",     .arity = 2, .flags = LT, .handler = cmd_object_help },
    { .name = "idletime", .arity = 3, .flags = R,  .keys = SECOND, .need = HEADER, .handler = cmd_object_idletime },
    { .name = "refcount", .arity = 3, .flags = R,  .keys = SECOND, .need = HEADER, .need_of = need_object, .handler = cmd_object_refcount },
    { .name = NULL }
};

static const struct command pubsub_table[] = {
    { .name = "channels", .arity = -2, .flags = PS|LT, .handler = cmd_pubsub_channels },
    { .name = "help",     .arity = 2,  .flags = LT,    .handler = cmd_pubsub_help },
    { .name = "numpat",   .arity = 2,  .flags = PS|LT, .handler = cmd_pubsub_numpat },
    { .name = "numsub",   .arity = -2, .flags = PS|LT, .handler = cmd_pubsub_numsub },
    { .name = "shardchannels", .arity = -2, .flags = PS|LT, .handler = cmd_pubsub_shardchannels },
    { .name = "shardnumsub",   .arity = -2, .flags = PS|LT, .handler = cmd_pubsub_shardnumsub },
    { .name = NULL }
};

static const struct command latency_table[] = {
    { .name = "doctor",    .arity = 2,  .flags = A|S|LT, .handler = cmd_latency_doctor },
    { .name = "graph",     .arity = 3,  .flags = A|S|LT, .handler = cmd_latency_graph },
    { .name = "help",      .arity = 2,  .flags = LT,     .handler = cmd_latency_help },
    { .name = "histogram", .arity = -2, .flags = A|S|LT, .handler = cmd_latency_histogram },
    { .name = "history",   .arity = 3,  .flags = A|S|LT, .handler = cmd_latency_history },
    { .name = "latest",    .arity = 2,  .flags = A|S|LT, .handler = cmd_latency_latest },
    { .name = "reset",     .arity = -2, .flags = A|S|LT, .handler = cmd_latency_reset },
    { .name = NULL }
};

static const struct command script_table[] = {
    { .name = "debug",  .arity = 3,  .flags = S,    .handler = cmd_script_debug },
    { .name = "exists", .arity = -3, .flags = S,    .handler = cmd_script_exists },
    { .name = "flush",  .arity = -2, .flags = S,    .handler = cmd_script_flush },
    { .name = "help",   .arity = 2,  .flags = LT,   .handler = cmd_script_help },
    { .name = "kill",   .arity = 2,  .flags = S|AB, .handler = cmd_script_kill },
    { .name = "load",   .arity = 3,  .flags = S|T,  .handler = cmd_script_load },
    { .name = NULL }
};

static const struct command slowlog_table[] = {
    { .name = "get",   .arity = -2, .flags = A|LT, .handler = cmd_slowlog_get },
    { .name = "help",  .arity = 2,  .flags = LT,   .handler = cmd_slowlog_help },
    { .name = "len",   .arity = 2,  .flags = A|LT, .handler = cmd_slowlog_len },
    { .name = "reset", .arity = 2,  .flags = A|LT, .handler = cmd_slowlog_reset },
    { .name = NULL }
};

const struct command command_table[] = {
    /* connection */
    { .name = "auth",   .arity = -2, .flags = S|LT|F|NA|AB, .handler = cmd_auth },
    { .name = "client", .arity = -2, .subcommands = client_table },
    { .name = "echo",   .arity = 2,  .flags = LT|F, .handler = cmd_echo },
    { .name = "hello",  .arity = -1, .flags = S|LT|F|NA|AB, .handler = cmd_hello },
    { .name = "ping",   .arity = -1, .flags = F|SO, .handler = cmd_ping },
    { .name = "quit",   .arity = -1, .flags = S|LT|F|NA|AB|SM|SO, .handler = cmd_quit },
    { .name = "reset",  .arity = 1,  .flags = S|LT|F|NA|AB|SM|SO, .handler = cmd_reset },
    { .name = "select", .arity = 2,  .flags = LT|F, .handler = cmd_select },

    /* transactions */
    { .name = "discard", .arity = 1,  .flags = S|LT|F|AB|SM, .handler = cmd_discard },
    { .name = "exec",    .arity = 1,  .flags = S|LT|SL|SM,   .handler = cmd_exec, .prepare = exec_prepare, .failed = exec_failed, .reply_of = exec_reply_bytes },
    { .name = "multi",   .arity = 1,  .flags = S|LT|F|AB|SM, .handler = cmd_multi },
    { .name = "unwatch", .arity = 1,  .flags = S|LT|F|AB,    .handler = cmd_unwatch },
    { .name = "watch",   .arity = -2, .flags = S|LT|F|AB|SM, .keys = ALL_KEYS, .need = HEADER, .handler = cmd_watch },

    /* messages */
    { .name = "psubscribe",   .arity = -2, .flags = PS|S|LT|SO, .handler = cmd_psubscribe, .reply_of = subscribe_bytes },
    { .name = "publish",      .arity = 3,  .flags = PS|LT|F|MR,    .handler = cmd_publish },
    { .name = "pubsub",       .arity = -2, .subcommands = pubsub_table },
    { .name = "punsubscribe", .arity = -1, .flags = PS|S|LT|SO, .handler = cmd_punsubscribe, .reply_of = subscribe_bytes },
    { .name = "spublish",     .arity = 3,  .flags = PS|LT|F|MR,    .keys = KEY, .need = NONE, .handler = cmd_spublish },
    { .name = "ssubscribe",   .arity = -2, .flags = PS|S|LT|SO, .keys = ALL_KEYS, .need = NONE, .handler = cmd_ssubscribe, .reply_of = subscribe_bytes },
    { .name = "subscribe",    .arity = -2, .flags = PS|S|LT|SO, .handler = cmd_subscribe, .reply_of = subscribe_bytes },
    { .name = "sunsubscribe", .arity = -1, .flags = PS|S|LT|SO, .keys = ALL_KEYS, .need = NONE, .handler = cmd_sunsubscribe, .reply_of = subscribe_bytes },
    { .name = "unsubscribe",  .arity = -1, .flags = PS|S|LT|SO, .handler = cmd_unsubscribe, .reply_of = subscribe_bytes },

    /* scripts */
    { .name = "eval",       .arity = -3, .flags = EV|MR, .keys = SECOND_NUMKEYS, .need = VALUE, .handler = cmd_eval, .prepare = eval_prepare, .reply_of = eval_reply_bytes },
    { .name = "evalsha",    .arity = -3, .flags = EV|MR, .keys = SECOND_NUMKEYS, .need = VALUE, .handler = cmd_evalsha, .prepare = eval_prepare, .reply_of = eval_reply_bytes },
    { .name = "evalsha_ro", .arity = -3, .flags = EV|R,  .keys = SECOND_NUMKEYS, .need = VALUE, .handler = cmd_evalsha_ro, .prepare = eval_prepare, .reply_of = eval_reply_bytes },
    { .name = "eval_ro",    .arity = -3, .flags = EV|R,  .keys = SECOND_NUMKEYS, .need = VALUE, .handler = cmd_eval_ro, .prepare = eval_prepare, .reply_of = eval_reply_bytes },
    { .name = "script",     .arity = -2, .subcommands = script_table },

    /* strings */
    { .name = "append",      .arity = 3,  .flags = W|M|F, .keys = KEY, .need = VALUE, .handler = cmd_append, .grow_of = grow_append },
    { .name = "decr",        .arity = 2,  .flags = W|M|F, .keys = KEY, .need = VALUE, .handler = cmd_decr },
    { .name = "decrby",      .arity = 3,  .flags = W|M|F, .keys = KEY, .need = VALUE, .handler = cmd_decrby },
    { .name = "get",         .arity = 2,  .flags = R|F,   .keys = KEY, .need = VALUE, .handler = cmd_get },
    { .name = "getdel",      .arity = 2,  .flags = W|F,   .keys = KEY, .need = VALUE, .handler = cmd_getdel, .reply_of = string_reply_bytes },
    { .name = "getex",       .arity = -2, .flags = W|F,   .keys = KEY, .need = VALUE, .handler = cmd_getex, .reply_of = string_reply_bytes },
    { .name = "getrange",    .arity = 4,  .flags = R,     .keys = KEY, .need = VALUE, .handler = cmd_getrange, .reply_of = getrange_bytes },
    { .name = "getset",      .arity = 3,  .flags = W|M|F, .keys = KEY, .need = VALUE, .handler = cmd_getset, .reply_of = string_reply_bytes },
    { .name = "incr",        .arity = 2,  .flags = W|M|F, .keys = KEY, .need = VALUE, .handler = cmd_incr },
    { .name = "incrby",      .arity = 3,  .flags = W|M|F, .keys = KEY, .need = VALUE, .handler = cmd_incrby },
    { .name = "incrbyfloat", .arity = 3,  .flags = W|M|F, .keys = KEY, .need = VALUE, .handler = cmd_incrbyfloat },
    { .name = "lcs",         .arity = -3, .flags = R,     .keys = TWO_KEYS, .need = VALUE, .handler = cmd_lcs, .reply_of = lcs_bytes },
    { .name = "mget",        .arity = -2, .flags = R|F,   .keys = ALL_KEYS, .need = VALUE, .handler = cmd_mget },
    { .name = "mset",        .arity = -3, .flags = W|M,   .keys = PAIRS, .need = NONE, .handler = cmd_mset },
    { .name = "msetnx",      .arity = -3, .flags = W|M,   .keys = PAIRS, .need = HEADER, .handler = cmd_msetnx },
    { .name = "psetex",      .arity = 4,  .flags = W|M,   .keys = KEY, .need = NONE, .handler = cmd_psetex },
    { .name = "set",         .arity = -3, .flags = W|M,   .keys = KEY, .need = NONE, .handler = cmd_set, .need_of = need_set, .reply_of = set_reply_bytes },
    { .name = "setex",       .arity = 4,  .flags = W|M,   .keys = KEY, .need = NONE, .handler = cmd_setex },
    { .name = "setnx",       .arity = 3,  .flags = W|M|F, .keys = KEY, .need = HEADER, .handler = cmd_setnx },
    { .name = "setrange",    .arity = 4,  .flags = W|M,   .keys = KEY, .need = VALUE, .handler = cmd_setrange, .grow_of = grow_setrange },
    { .name = "strlen",      .arity = 2,  .flags = R|F,   .keys = KEY, .need = HEADER, .handler = cmd_strlen },
    { .name = "substr",      .arity = 4,  .flags = R,     .keys = KEY, .need = VALUE, .handler = cmd_getrange, .reply_of = getrange_bytes },

    /* waiting for lists and sorted sets */
    { .name = "blmove",     .arity = 6,  .flags = W|M|S|BL|CO, .keys = TWO_KEYS, .need = VALUE, .handler = cmd_blmove, .grow_of = lmove_bytes, .reply_of = lmove_bytes },
    { .name = "blmpop",     .arity = -5, .flags = W|BL|MK,  .keys = SECOND_NUMKEYS, .need = VALUE, .handler = cmd_blmpop, .reply_of = blmpop_bytes },
    { .name = "blpop",      .arity = -3, .flags = W|S|BL,   .keys = BUT_LAST, .need = VALUE, .handler = cmd_blpop, .reply_of = blpop_bytes },
    { .name = "brpop",      .arity = -3, .flags = W|S|BL,   .keys = BUT_LAST, .need = VALUE, .handler = cmd_brpop, .reply_of = blpop_bytes },
    { .name = "brpoplpush", .arity = 4,  .flags = W|M|S|BL|CO, .keys = TWO_KEYS, .need = VALUE, .handler = cmd_brpoplpush, .grow_of = rpoplpush_bytes, .reply_of = rpoplpush_bytes },
    { .name = "bzmpop",     .arity = -5, .flags = W|BL|MK,  .keys = SECOND_NUMKEYS, .need = VALUE, .handler = cmd_bzmpop, .reply_of = bzmpop_bytes },
    { .name = "bzpopmax",   .arity = -3, .flags = W|F|S|BL, .keys = BUT_LAST, .need = VALUE, .handler = cmd_bzpopmax },
    { .name = "bzpopmin",   .arity = -3, .flags = W|F|S|BL, .keys = BUT_LAST, .need = VALUE, .handler = cmd_bzpopmin },

    /* lists */
    { .name = "lindex",    .arity = 3,  .flags = R,   .keys = KEY, .need = VALUE, .handler = cmd_lindex, .reply_of = lindex_bytes },
    { .name = "linsert",   .arity = 5,  .flags = W|M|CO, .keys = KEY, .need = VALUE, .handler = cmd_linsert },
    { .name = "llen",      .arity = 2,  .flags = R|F, .keys = KEY, .need = HEADER, .handler = cmd_llen },
    { .name = "lmove",     .arity = 5,  .flags = W|M|CO, .keys = TWO_KEYS, .need = VALUE, .handler = cmd_lmove, .grow_of = lmove_bytes, .reply_of = lmove_bytes },
    { .name = "lmpop",     .arity = -4, .flags = W|MK, .keys = NUMKEYS, .need = VALUE, .handler = cmd_lmpop, .reply_of = lmpop_bytes },
    { .name = "lpop",      .arity = -2, .flags = W|F, .keys = KEY, .need = VALUE, .handler = cmd_lpop, .reply_of = lpop_bytes },
    { .name = "lpos",      .arity = -3, .flags = R,   .keys = KEY, .need = VALUE, .handler = cmd_lpos, .reply_of = lpos_bytes },
    { .name = "lpush",     .arity = -3, .flags = W|M|F|CO, .keys = KEY, .need = VALUE, .handler = cmd_lpush },
    { .name = "lpushx",    .arity = -3, .flags = W|M|F|CO, .keys = KEY, .need = VALUE, .handler = cmd_lpushx },
    { .name = "lrange",    .arity = 4,  .flags = R,   .keys = KEY, .need = VALUE, .handler = cmd_lrange, .reply_of = lrange_bytes },
    { .name = "lrem",      .arity = 4,  .flags = W,   .keys = KEY, .need = VALUE, .handler = cmd_lrem },
    { .name = "lset",      .arity = 4,  .flags = W|M|CO, .keys = KEY, .need = VALUE, .handler = cmd_lset },
    { .name = "ltrim",     .arity = 4,  .flags = W,   .keys = KEY, .need = VALUE, .handler = cmd_ltrim },
    { .name = "rpop",      .arity = -2, .flags = W|F, .keys = KEY, .need = VALUE, .handler = cmd_rpop, .reply_of = rpop_bytes },
    { .name = "rpoplpush", .arity = 3,  .flags = W|M|CO, .keys = TWO_KEYS, .need = VALUE, .handler = cmd_rpoplpush, .grow_of = rpoplpush_bytes, .reply_of = rpoplpush_bytes },
    { .name = "rpush",     .arity = -3, .flags = W|M|F|CO, .keys = KEY, .need = VALUE, .handler = cmd_rpush },
    { .name = "rpushx",    .arity = -3, .flags = W|M|F|CO, .keys = KEY, .need = VALUE, .handler = cmd_rpushx },

    /* sets */
    { .name = "sadd",      .arity = -3, .flags = W|M|F|CO, .keys = KEY, .need = VALUE, .handler = cmd_sadd },
    { .name = "scard",     .arity = 2,  .flags = R|F, .keys = KEY, .need = HEADER, .handler = cmd_scard },
    { .name = "sdiff",     .arity = -2, .flags = R,   .keys = ALL_KEYS, .need = VALUE, .handler = cmd_sdiff, .reply_of = reply_of_sdiff },
    { .name = "sdiffstore", .arity = -3, .flags = W|M, .keys = ALL_KEYS, .need = VALUE, .handler = cmd_sdiffstore, .need_of = need_store, .grow_of = grow_diff },
    { .name = "sinter",    .arity = -2, .flags = R,   .keys = ALL_KEYS, .need = VALUE, .handler = cmd_sinter, .reply_of = reply_of_sinter },
    { .name = "sintercard", .arity = -3, .flags = R|MK, .keys = NUMKEYS, .need = VALUE, .handler = cmd_sintercard, .reply_of = reply_of_number },
    { .name = "sinterstore", .arity = -3, .flags = W|M, .keys = ALL_KEYS, .need = VALUE, .handler = cmd_sinterstore, .need_of = need_store, .grow_of = grow_inter },
    { .name = "sismember", .arity = 3,  .flags = R|F, .keys = KEY, .need = VALUE, .handler = cmd_sismember },
    { .name = "smembers",  .arity = 2,  .flags = R,   .keys = KEY, .need = VALUE, .handler = cmd_smembers, .reply_of = collection_bytes },
    { .name = "smismember", .arity = -3, .flags = R|F, .keys = KEY, .need = VALUE, .handler = cmd_smismember, .reply_of = reply_of_number },
    { .name = "smove",     .arity = 4,  .flags = W|F|CO, .keys = TWO_KEYS, .need = VALUE, .handler = cmd_smove, .grow_of = grow_smove },
    { .name = "spop",      .arity = -2, .flags = W|F, .keys = KEY, .need = VALUE, .handler = cmd_spop, .reply_of = reply_of_random },
    { .name = "srandmember", .arity = -2, .flags = R, .keys = KEY, .need = VALUE, .handler = cmd_srandmember, .reply_of = reply_of_random },
    { .name = "srem",      .arity = -3, .flags = W|F, .keys = KEY, .need = VALUE, .handler = cmd_srem },
    { .name = "sunion",    .arity = -2, .flags = R,   .keys = ALL_KEYS, .need = VALUE, .handler = cmd_sunion, .reply_of = reply_of_union },
    { .name = "sunionstore", .arity = -3, .flags = W|M, .keys = ALL_KEYS, .need = VALUE, .handler = cmd_sunionstore, .need_of = need_store, .grow_of = grow_union },

    /* what sorted sets, and sets, have in common or not */
    { .name = "zdiff",       .arity = -3, .flags = R|MK,   .keys = NUMKEYS, .need = VALUE, .handler = cmd_zdiff, .reply_of = reply_of_diff },
    { .name = "zdiffstore",  .arity = -4, .flags = W|M|MK, .keys = KEY_NUMKEYS, .need = VALUE, .handler = cmd_zdiffstore, .need_of = need_store, .grow_of = grow_diff },
    { .name = "zinter",      .arity = -3, .flags = R|MK,   .keys = NUMKEYS, .need = VALUE, .handler = cmd_zinter, .reply_of = reply_of_inter },
    { .name = "zintercard",  .arity = -3, .flags = R|MK,   .keys = NUMKEYS, .need = VALUE, .handler = cmd_zintercard, .reply_of = reply_of_number },
    { .name = "zinterstore", .arity = -4, .flags = W|M|MK, .keys = KEY_NUMKEYS, .need = VALUE, .handler = cmd_zinterstore, .need_of = need_store, .grow_of = grow_inter },
    { .name = "zunion",      .arity = -3, .flags = R|MK,   .keys = NUMKEYS, .need = VALUE, .handler = cmd_zunion, .reply_of = reply_of_union },
    { .name = "zunionstore", .arity = -4, .flags = W|M|MK, .keys = KEY_NUMKEYS, .need = VALUE, .handler = cmd_zunionstore, .need_of = need_store, .grow_of = grow_union },

    /* sorted sets */
    { .name = "zadd",      .arity = -4, .flags = W|M|F|CO, .keys = KEY, .need = VALUE, .handler = cmd_zadd },
    { .name = "zcard",     .arity = 2,  .flags = R|F, .keys = KEY, .need = HEADER, .handler = cmd_zcard },
    { .name = "zcount",    .arity = 4,  .flags = R|F, .keys = KEY, .need = VALUE, .handler = cmd_zcount },
    { .name = "zincrby",   .arity = 4,  .flags = W|M|F|CO, .keys = KEY, .need = VALUE, .handler = cmd_zincrby },
    { .name = "zlexcount", .arity = 4,  .flags = R|F, .keys = KEY, .need = VALUE, .handler = cmd_zlexcount },
    { .name = "zmpop",     .arity = -4, .flags = W|MK, .keys = NUMKEYS, .need = VALUE, .handler = cmd_zmpop, .reply_of = zmpop_bytes },
    { .name = "zmscore",   .arity = -3, .flags = R|F, .keys = KEY, .need = VALUE, .handler = cmd_zmscore },
    { .name = "zpopmax",   .arity = -2, .flags = W|F, .keys = KEY, .need = VALUE, .handler = cmd_zpopmax, .reply_of = zpop_bytes },
    { .name = "zpopmin",   .arity = -2, .flags = W|F, .keys = KEY, .need = VALUE, .handler = cmd_zpopmin, .reply_of = zpop_bytes },
    { .name = "zrandmember", .arity = -2, .flags = R, .keys = KEY, .need = VALUE, .handler = cmd_zrandmember, .reply_of = zrandmember_bytes },
    { .name = "zrange",    .arity = -4, .flags = R,   .keys = KEY, .need = VALUE, .handler = cmd_zrange, .reply_of = zrange_bytes },
    { .name = "zrangebylex", .arity = -4, .flags = R, .keys = KEY, .need = VALUE, .handler = cmd_zrangebylex, .reply_of = zrange_bytes },
    { .name = "zrangebyscore", .arity = -4, .flags = R, .keys = KEY, .need = VALUE, .handler = cmd_zrangebyscore, .reply_of = zrange_bytes },
    { .name = "zrangestore", .arity = -5, .flags = W|M, .keys = TWO_KEYS, .need = VALUE, .handler = cmd_zrangestore, .need_of = need_zrangestore, .grow_of = grow_zrangestore },
    { .name = "zrank",     .arity = -3, .flags = R|F, .keys = KEY, .need = VALUE, .handler = cmd_zrank },
    { .name = "zrem",      .arity = -3, .flags = W|F, .keys = KEY, .need = VALUE, .handler = cmd_zrem },
    { .name = "zremrangebylex", .arity = 4, .flags = W, .keys = KEY, .need = VALUE, .handler = cmd_zremrangebylex },
    { .name = "zremrangebyrank", .arity = 4, .flags = W, .keys = KEY, .need = VALUE, .handler = cmd_zremrangebyrank },
    { .name = "zremrangebyscore", .arity = 4, .flags = W, .keys = KEY, .need = VALUE, .handler = cmd_zremrangebyscore },
    { .name = "zrevrange", .arity = -4, .flags = R,   .keys = KEY, .need = VALUE, .handler = cmd_zrevrange, .reply_of = zrange_bytes },
    { .name = "zrevrangebylex", .arity = -4, .flags = R, .keys = KEY, .need = VALUE, .handler = cmd_zrevrangebylex, .reply_of = zrange_bytes },
    { .name = "zrevrangebyscore", .arity = -4, .flags = R, .keys = KEY, .need = VALUE, .handler = cmd_zrevrangebyscore, .reply_of = zrange_bytes },
    { .name = "zrevrank",  .arity = -3, .flags = R|F, .keys = KEY, .need = VALUE, .handler = cmd_zrevrank },
    { .name = "zscore",    .arity = 3,  .flags = R|F, .keys = KEY, .need = VALUE, .handler = cmd_zscore },
    { .name = "sscan",     .arity = -3, .flags = R,   .keys = KEY, .need = VALUE, .handler = cmd_sscan, .reply_of = elements_scan_bytes },

    /* hashes */
    { .name = "hdel",         .arity = -3, .flags = W|F,      .keys = KEY, .need = VALUE, .handler = cmd_hdel },
    { .name = "hexists",      .arity = 3,  .flags = R|F,      .keys = KEY, .need = VALUE, .handler = cmd_hexists },
    { .name = "hget",         .arity = 3,  .flags = R|F,      .keys = KEY, .need = VALUE, .handler = cmd_hget, .reply_of = hash_fields_bytes },
    { .name = "hgetall",      .arity = 2,  .flags = R,        .keys = KEY, .need = VALUE, .handler = cmd_hgetall, .reply_of = collection_bytes },
    { .name = "hincrby",      .arity = 4,  .flags = W|M|F|CO, .keys = KEY, .need = VALUE, .handler = cmd_hincrby },
    { .name = "hincrbyfloat", .arity = 4,  .flags = W|M|F|CO, .keys = KEY, .need = VALUE, .handler = cmd_hincrbyfloat },
    { .name = "hkeys",        .arity = 2,  .flags = R,        .keys = KEY, .need = VALUE, .handler = cmd_hkeys, .reply_of = collection_bytes },
    { .name = "hlen",         .arity = 2,  .flags = R|F,      .keys = KEY, .need = HEADER, .handler = cmd_hlen },
    { .name = "hmget",        .arity = -3, .flags = R|F,      .keys = KEY, .need = VALUE, .handler = cmd_hmget, .reply_of = hash_fields_bytes },
    { .name = "hmset",        .arity = -4, .flags = W|M|F|CO, .keys = KEY, .need = VALUE, .handler = cmd_hmset },
    { .name = "hrandfield",   .arity = -2, .flags = R,        .keys = KEY, .need = VALUE, .handler = cmd_hrandfield, .reply_of = hrandfield_bytes },
    { .name = "hscan",        .arity = -3, .flags = R,        .keys = KEY, .need = VALUE, .handler = cmd_hscan, .reply_of = elements_scan_bytes },
    { .name = "hset",         .arity = -4, .flags = W|M|F|CO, .keys = KEY, .need = VALUE, .handler = cmd_hset },
    { .name = "hsetnx",       .arity = 4,  .flags = W|M|F|CO, .keys = KEY, .need = VALUE, .handler = cmd_hsetnx },
    { .name = "hstrlen",      .arity = 3,  .flags = R|F,      .keys = KEY, .need = VALUE, .handler = cmd_hstrlen },
    { .name = "hvals",        .arity = 2,  .flags = R,        .keys = KEY, .need = VALUE, .handler = cmd_hvals, .reply_of = collection_bytes },

    /* sorted sets */
    { .name = "zscan",     .arity = -3, .flags = R,   .keys = KEY, .need = VALUE, .handler = cmd_zscan, .reply_of = elements_scan_bytes },

    /* keys */
    { .name = "copy",        .arity = -3, .flags = W|M, .keys = TWO_KEYS, .need = VALUE, .handler = cmd_copy, .need_of = need_copy, .more_wants = more_copy, .grow_of = grow_copy },
    { .name = "dbsize",      .arity = 1,  .flags = R|F|CK, .handler = cmd_dbsize },
    { .name = "del",         .arity = -2, .flags = W,   .keys = ALL_KEYS, .need = HEADER, .handler = cmd_del },
    { .name = "dump",        .arity = 2,  .flags = R,   .keys = KEY, .need = VALUE, .handler = cmd_dump, .reply_of = dump_bytes },
    { .name = "exists",      .arity = -2, .flags = R|F, .keys = ALL_KEYS, .need = HEADER, .handler = cmd_exists },
    { .name = "expire",      .arity = -3, .flags = W|F, .keys = KEY, .need = HEADER, .handler = cmd_expire },
    { .name = "expireat",    .arity = -3, .flags = W|F, .keys = KEY, .need = HEADER, .handler = cmd_expireat },
    { .name = "expiretime",  .arity = 2,  .flags = R|F, .keys = KEY, .need = HEADER, .handler = cmd_expiretime },
    { .name = "flushall",    .arity = -1, .flags = W,   .handler = cmd_flushall },
    { .name = "flushdb",     .arity = -1, .flags = W,   .handler = cmd_flushdb },
    { .name = "keys",        .arity = 2,  .flags = R|CMD_TOUCHES_ARBITRARY_KEYS, .handler = cmd_keys },
    { .name = "move",        .arity = 3,  .flags = W|F, .keys = KEY, .need = HEADER, .handler = cmd_move, .more_wants = more_move, .grow_of = grow_rename },
    { .name = "object",      .arity = -2, .subcommands = object_table },
    { .name = "persist",     .arity = 2,  .flags = W|F, .keys = KEY, .need = HEADER, .handler = cmd_persist },
    { .name = "pexpire",     .arity = -3, .flags = W|F, .keys = KEY, .need = HEADER, .handler = cmd_pexpire },
    { .name = "pexpireat",   .arity = -3, .flags = W|F, .keys = KEY, .need = HEADER, .handler = cmd_pexpireat },
    { .name = "pexpiretime", .arity = 2,  .flags = R|F, .keys = KEY, .need = HEADER, .handler = cmd_pexpiretime },
    { .name = "pttl",        .arity = 2,  .flags = R|F, .keys = KEY, .need = HEADER, .handler = cmd_pttl },
    { .name = "randomkey",   .arity = 1,  .flags = R|CMD_TOUCHES_ARBITRARY_KEYS, .handler = cmd_randomkey },
    { .name = "rename",      .arity = 3,  .flags = W,   .keys = TWO_KEYS, .need = HEADER, .handler = cmd_rename, .need_of = need_rename, .grow_of = grow_rename },
    { .name = "renamenx",    .arity = 3,  .flags = W|F, .keys = TWO_KEYS, .need = HEADER, .handler = cmd_renamenx, .need_of = need_rename, .grow_of = grow_rename },
    { .name = "restore",     .arity = -4, .flags = W|M, .keys = KEY, .need = HEADER, .handler = cmd_restore, .need_of = need_restore, .grow_of = grow_restore },
    { .name = "scan",        .arity = -2, .flags = R|CMD_TOUCHES_ARBITRARY_KEYS, .handler = cmd_scan },
    { .name = "sort",        .arity = -2, .flags = W|M|MK, .keys = KEY, .need = VALUE, .handler = cmd_sort, .need_of = need_sort, .prepare = sort_prepare, .reply_of = sort_reply_bytes, .option_key = sort_store_position },
    { .name = "sort_ro",     .arity = -2, .flags = R|MK,   .keys = KEY, .need = VALUE, .handler = cmd_sort, .prepare = sort_prepare, .reply_of = sort_reply_bytes },
    { .name = "touch",       .arity = -2, .flags = R|F, .keys = ALL_KEYS, .need = HEADER, .handler = cmd_touch },
    { .name = "ttl",         .arity = 2,  .flags = R|F, .keys = KEY, .need = HEADER, .handler = cmd_ttl },
    { .name = "type",        .arity = 2,  .flags = R|F, .keys = KEY, .need = HEADER, .handler = cmd_type },
    { .name = "unlink",      .arity = -2, .flags = W|F, .keys = ALL_KEYS, .need = HEADER, .handler = cmd_unlink },
    { .name = "wait",        .arity = 3,  .flags = CMD_BLOCKING, .handler = cmd_wait },
    { .name = "waitaof",     .arity = 4,  .flags = CMD_BLOCKING, .handler = cmd_waitaof },

    /* server */
    { .name = "acl",      .arity = -2, .subcommands = acl_table },
    { .name = "bgrewriteaof", .arity = 1, .flags = A|S|NL, .handler = cmd_bgrewriteaof },
    { .name = "bgsave",   .arity = -1, .flags = A|S|NL,  .handler = cmd_bgsave },
    { .name = "cache",    .arity = -2, .flags = OU, .subcommands = cache_table },
    { .name = "command",  .arity = -1, .flags = LT, .handler = cmd_command, .subcommands = command_sub_table },
    { .name = "config",   .arity = -2, .subcommands = config_table },
    { .name = "debug",    .arity = -2, .flags = A|S|LT|PR, .subcommands = debug_table },
    { .name = "failover", .arity = -1, .flags = A|S|T, .handler = cmd_failover },
    { .name = "info",     .arity = -1, .flags = LT, .handler = cmd_info },
    { .name = "latency",  .arity = -2, .subcommands = latency_table },
    { .name = "lastsave", .arity = 1,  .flags = LT|F, .handler = cmd_lastsave },
    { .name = "lolwut",   .arity = -1, .flags = R|F,  .handler = cmd_lolwut },
    { .name = "memory",   .arity = -2, .subcommands = memory_table },
    { .name = "monitor",  .arity = 1, .flags = A|S|LT, .handler = cmd_monitor },
    { .name = "replicaof", .arity = 3, .flags = A|S|T|NL, .handler = cmd_replicaof },
    { .name = "role",     .arity = 1,  .flags = S|LT|F, .handler = cmd_role },
    { .name = "save",     .arity = 1,  .flags = A|S|NL|NM, .handler = cmd_save },
    { .name = "shutdown", .arity = -1, .flags = A|S|LT|NM|AB, .handler = cmd_shutdown },
    { .name = "slaveof",  .arity = 3,  .flags = A|S|T|NL, .handler = cmd_replicaof },
    { .name = "slowlog",  .arity = -2, .subcommands = slowlog_table },
    { .name = "swapdb",   .arity = 3,  .flags = W|F, .handler = cmd_swapdb },
    { .name = "time",     .arity = 1,  .flags = LT|F, .handler = cmd_time },
    { .name = NULL }
};
/* clang-format on */
