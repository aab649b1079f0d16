/* handlers.h - every command's handler, by the file that holds it, and what a
 * few commands need beyond a column of the table. Only the table and those
 * files include this. */
#ifndef CMD_HANDLERS_H
#define CMD_HANDLERS_H

#include "cmd/command.h"

/* cmd_string.c: reading and setting whole values */
command_handler cmd_set, cmd_get, cmd_getdel, cmd_getex, cmd_getset, cmd_setex,
    cmd_psetex, cmd_setnx, cmd_mget, cmd_mset, cmd_msetnx;
enum db_need need_set(const struct call *call, size_t key_index);

/* cmd_string_edit.c: changing a value in part */
command_handler cmd_append, cmd_strlen, cmd_getrange, cmd_setrange, cmd_incr,
    cmd_decr, cmd_incrby, cmd_decrby, cmd_incrbyfloat;
size_t grow_append(struct call *call);
size_t grow_setrange(struct call *call);
size_t string_reply_bytes(struct call *call);
size_t set_reply_bytes(struct call *call);
size_t getrange_bytes(struct call *call);
size_t lcs_bytes(struct call *call);

/* cmd_key.c */
command_handler cmd_del, cmd_unlink, cmd_exists, cmd_type, cmd_touch,
    cmd_rename, cmd_renamenx, cmd_flushdb, cmd_flushall, cmd_dbsize,
    cmd_swapdb;
/* As TYPE says it. */
const char *key_type_name(enum obj_type type);
enum db_need need_rename(const struct call *call, size_t key_index);
size_t grow_rename(struct call *call);

/* cmd_copy.c */
command_handler cmd_copy, cmd_move;
enum db_need need_copy(const struct call *call, size_t key_index);
size_t more_copy(const struct call *call, struct db_want *out);
size_t more_move(const struct call *call, struct db_want *out);
size_t grow_copy(struct call *call);

/* cmd_dump.c */
command_handler cmd_dump;
size_t dump_bytes(struct call *call);

/* cmd_restore.c */
command_handler cmd_restore;
enum db_need need_restore(const struct call *call, size_t key_index);
size_t grow_restore(struct call *call);

/* cmd_lcs.c */
command_handler cmd_lcs;

/* cmd_sort.c */
command_handler cmd_sort;
enum db_verdict sort_prepare(struct call *call);
enum db_need need_sort(const struct call *call, size_t key_index);
size_t sort_reply_bytes(struct call *call);

/* cmd_object.c */
command_handler cmd_object_encoding, cmd_object_freq, cmd_object_idletime,
    cmd_object_refcount, cmd_object_help;
enum db_need need_object(const struct call *call, size_t key_index);
/* What Redis would call the form in which it keeps that value. */
const char *object_encoding(const struct entry *entry);
int64_t     object_refcount(const struct entry *entry);

/* cmd_memory.c */
command_handler cmd_memory_usage, cmd_memory_stats, cmd_memory_doctor,
    cmd_memory_malloc_stats, cmd_memory_purge, cmd_memory_help;

/* cmd_expire.c */
command_handler cmd_expire, cmd_pexpire, cmd_expireat, cmd_pexpireat, cmd_ttl,
    cmd_pttl, cmd_expiretime, cmd_pexpiretime, cmd_persist;

/* cmd_conn.c */
command_handler cmd_ping, cmd_echo, cmd_select, cmd_quit, cmd_hello, cmd_auth,
    cmd_reset;

/* "ERR DB index is out of range", or that it is no number, unless arg is a
 * database's. */
bool call_database(struct call *call, slice arg, unsigned *out);

/* cmd_acl.c */
command_handler cmd_acl_cat, cmd_acl_dryrun, cmd_acl_genpass, cmd_acl_getuser,
    cmd_acl_list, cmd_acl_users, cmd_acl_whoami, cmd_acl_help;

/* cmd_replica.c */
command_handler cmd_role, cmd_replicaof, cmd_failover, cmd_wait, cmd_waitaof;

/* cmd_lolwut.c */
command_handler cmd_lolwut;

/* cmd_client.c */
command_handler cmd_client_id, cmd_client_getname, cmd_client_setname,
    cmd_client_setinfo, cmd_client_list, cmd_client_info, cmd_client_kill,
    cmd_client_help;
/* Answers "<what> cannot contain spaces, ..." unless it is a text that a
 * session may have. */
bool call_text_ok(struct call *call, slice what, slice text);

/* cmd_client_mode.c */
command_handler cmd_client_pause, cmd_client_unpause, cmd_client_reply,
    cmd_client_no_evict, cmd_client_no_touch, cmd_client_unblock;

/* cmd_tracking.c */
command_handler cmd_client_tracking, cmd_client_caching, cmd_client_getredir,
    cmd_client_trackinginfo;

/* cmd_multi.c */
command_handler cmd_multi, cmd_exec, cmd_discard, cmd_watch, cmd_unwatch;
enum db_verdict exec_prepare(struct call *call);
void exec_failed(struct call *call, err_t err);
size_t exec_reply_bytes(struct call *call);

/* cmd_pubsub.c */
command_handler cmd_subscribe, cmd_psubscribe, cmd_ssubscribe, cmd_unsubscribe,
    cmd_punsubscribe, cmd_sunsubscribe, cmd_publish, cmd_spublish,
    cmd_pubsub_channels, cmd_pubsub_numsub, cmd_pubsub_numpat,
    cmd_pubsub_shardchannels, cmd_pubsub_shardnumsub, cmd_pubsub_help;
size_t subscribe_bytes(struct call *call);

/* cmd_server.c */
command_handler cmd_time, cmd_save, cmd_bgsave, cmd_bgrewriteaof, cmd_lastsave,
    cmd_shutdown;

/* cmd_debug.c */
command_handler cmd_debug_accepted, cmd_debug_check, cmd_debug_error,
    cmd_debug_help, cmd_debug_log, cmd_debug_object, cmd_debug_protocol,
    cmd_debug_reload, cmd_debug_set_active_expire, cmd_debug_sleep,
    cmd_debug_store, cmd_debug_warm_save;

/* cmd_slowlog.c */
command_handler cmd_slowlog_get, cmd_slowlog_len, cmd_slowlog_reset,
    cmd_slowlog_help;

/* cmd_latency.c */
command_handler cmd_latency_latest, cmd_latency_history, cmd_latency_reset,
    cmd_latency_graph, cmd_latency_doctor, cmd_latency_histogram,
    cmd_latency_help;

/* monitor.c */
command_handler cmd_monitor;

/* cmd_script.c */
command_handler cmd_eval, cmd_evalsha, cmd_eval_ro, cmd_evalsha_ro,
    cmd_script_load, cmd_script_exists, cmd_script_flush, cmd_script_kill,
    cmd_script_debug, cmd_script_help;
enum db_verdict eval_prepare(struct call *call);
size_t eval_reply_bytes(struct call *call);

/* cmd_info.c */
command_handler cmd_info;

/* cmd_config.c */
command_handler cmd_config_get, cmd_config_set, cmd_config_resetstat,
    cmd_config_help;

/* cmd_config_rewrite.c */
command_handler cmd_config_rewrite;

/* cmd_list.c: the ends of lists */
command_handler cmd_lpush, cmd_rpush, cmd_lpushx, cmd_rpushx, cmd_lpop, cmd_rpop,
    cmd_llen, cmd_lrange;
size_t lpop_bytes(struct call *call);
size_t rpop_bytes(struct call *call);
size_t lrange_bytes(struct call *call);

/* cmd_list_edit.c: what stands inside of lists */
command_handler cmd_lindex, cmd_lset, cmd_linsert, cmd_lrem, cmd_ltrim, cmd_lpos;
size_t lindex_bytes(struct call *call);
size_t lpos_bytes(struct call *call);

/* cmd_block.c */
command_handler cmd_blpop, cmd_brpop, cmd_blmove, cmd_brpoplpush, cmd_blmpop,
    cmd_bzpopmin, cmd_bzpopmax, cmd_bzmpop;
size_t blpop_bytes(struct call *call);
size_t blmpop_bytes(struct call *call);
size_t bzmpop_bytes(struct call *call); /* cmd_zset_pop.c */

/* cmd_list_move.c */
command_handler cmd_lmove, cmd_rpoplpush, cmd_lmpop;
size_t lmove_bytes(struct call *call);
size_t rpoplpush_bytes(struct call *call);
size_t lmpop_bytes(struct call *call);

/* cmd_set.c */
command_handler cmd_sadd, cmd_scard, cmd_sismember, cmd_smembers,
    cmd_smismember, cmd_smove, cmd_srem;
size_t grow_smove(struct call *call);

/* cmd_set_random.c */
command_handler cmd_spop, cmd_srandmember;
size_t reply_of_random(struct call *call);

/* cmd_set_algebra.c; the columns that go with them are in algebra.h */
command_handler cmd_sdiff, cmd_sdiffstore, cmd_sinter, cmd_sintercard,
    cmd_sinterstore, cmd_sunion, cmd_sunionstore;

/* cmd_zset_algebra.c */
command_handler cmd_zdiff, cmd_zdiffstore, cmd_zinter, cmd_zintercard,
    cmd_zinterstore, cmd_zunion, cmd_zunionstore;

/* cmd_zset.c */
command_handler cmd_zadd, cmd_zcard, cmd_zincrby, cmd_zmscore, cmd_zrem,
    cmd_zscore;

/* cmd_zset_range.c */
command_handler cmd_zrange, cmd_zrangestore, cmd_zrevrange, cmd_zrangebyscore,
    cmd_zrevrangebyscore, cmd_zrangebylex, cmd_zrevrangebylex, cmd_zcount,
    cmd_zlexcount, cmd_zremrangebyrank, cmd_zremrangebyscore,
    cmd_zremrangebylex, cmd_zrank, cmd_zrevrank;
size_t zrange_bytes(struct call *call);
enum db_need need_zrangestore(const struct call *call, size_t key_index);
size_t grow_zrangestore(struct call *call);

/* cmd_zset_pop.c */
command_handler cmd_zpopmin, cmd_zpopmax, cmd_zmpop;
size_t zpop_bytes(struct call *call);
size_t zmpop_bytes(struct call *call);

/* cmd_zset_random.c */
command_handler cmd_zrandmember;
size_t zrandmember_bytes(struct call *call);
/* cmd_hash.c */
command_handler cmd_hset, cmd_hmset, cmd_hsetnx, cmd_hincrby, cmd_hincrbyfloat,
    cmd_hdel;

/* cmd_hash_read.c */
command_handler cmd_hget, cmd_hmget, cmd_hlen, cmd_hstrlen, cmd_hexists,
    cmd_hkeys, cmd_hvals, cmd_hgetall, cmd_hrandfield;
size_t hash_fields_bytes(struct call *call);
size_t hrandfield_bytes(struct call *call);

/* cmd_scan.c */
command_handler cmd_scan, cmd_keys, cmd_randomkey;

/* elements_scan.c */
command_handler cmd_hscan, cmd_sscan, cmd_zscan;
size_t elements_scan_bytes(struct call *call);

/* wants.c: bytes of all the collections that the call's keys hold, about what
 * all of their elements take in a reply. */
size_t collection_bytes(struct call *call);

/* cmd_command.c */
command_handler cmd_command, cmd_command_count, cmd_command_list,
    cmd_command_info, cmd_command_help;

/* cmd_command_keys.c */
command_handler cmd_command_getkeys, cmd_command_getkeysandflags;

/* cmd_command_docs.c */
command_handler cmd_command_docs;

/* cmd_cache.c */
command_handler cmd_cache_state, cmd_cache_evict, cmd_cache_flush,
    cmd_cache_stats, cmd_cache_warm, cmd_cache_help;

#endif
