/* doc.h - what clients are told about commands, beyond the columns of the
 * command table: full names, ACL categories, tips, key specifications.
 *
 * Most categories follow from a command's flags, and where its keys stand from
 * its key positions; what follows from neither is in doc.c's one table, by
 * name. A command that isn't in it has nothing to add.
 *
 * Pure, any thread. */
#ifndef CMD_DOC_H
#define CMD_DOC_H

#include "cmd/command.h"

/* In the order in which COMMAND INFO names them. */
enum command_category {
    CATEGORY_KEYSPACE    = 1 << 0,
    CATEGORY_READ        = 1 << 1,
    CATEGORY_WRITE       = 1 << 2,
    CATEGORY_SET         = 1 << 3,
    CATEGORY_SORTEDSET   = 1 << 4,
    CATEGORY_LIST        = 1 << 5,
    CATEGORY_HASH        = 1 << 6,
    CATEGORY_STRING      = 1 << 7,
    CATEGORY_BITMAP      = 1 << 8,
    CATEGORY_HYPERLOGLOG = 1 << 9,
    CATEGORY_GEO         = 1 << 10,
    CATEGORY_STREAM      = 1 << 11,
    CATEGORY_PUBSUB      = 1 << 12,
    CATEGORY_ADMIN       = 1 << 13,
    CATEGORY_FAST        = 1 << 14,
    CATEGORY_SLOW        = 1 << 15,
    CATEGORY_BLOCKING    = 1 << 16,
    CATEGORY_DANGEROUS   = 1 << 17,
    CATEGORY_CONNECTION  = 1 << 18,
    CATEGORY_TRANSACTION = 1 << 19,
    CATEGORY_SCRIPTING   = 1 << 20,
};

enum command_tip {
    TIP_NONDETERMINISTIC_OUTPUT       = 1 << 0,
    TIP_NONDETERMINISTIC_OUTPUT_ORDER = 1 << 1,
    TIP_ASK_ALL_NODES     = 1 << 2, /* request_policy */
    TIP_ASK_ALL_SHARDS    = 1 << 3,
    TIP_ASK_MULTI_SHARD   = 1 << 4,
    TIP_ASK_SPECIAL       = 1 << 5,
    TIP_REPLY_ALL_SUCCEEDED = 1 << 6, /* response_policy */
    TIP_REPLY_AGG_MIN     = 1 << 7,
    TIP_REPLY_AGG_SUM     = 1 << 8,
    TIP_REPLY_SPECIAL     = 1 << 9,
    TIP_REPLY_AGG_AND     = 1 << 10,
    TIP_REPLY_ONE_SUCCEEDED = 1 << 11,
    /* the first two, told after the others */
    TIP_NONDETERMINISTIC_LAST = 1 << 12,
    TIP_NONDETERMINISTIC_ORDER_LAST = 1 << 13,
};

/* What a command does with a key: first the kind of access to it, then what it
 * does with the data. */
enum key_use {
    KEY_RO     = 1 << 0,
    KEY_RW     = 1 << 1,
    KEY_OW     = 1 << 2, /* overwrites */
    KEY_RM     = 1 << 3, /* deletes */
    KEY_ACCESS = 1 << 4,
    KEY_UPDATE = 1 << 5,
    KEY_INSERT = 1 << 6,
    KEY_DELETE = 1 << 7,
    KEY_VARIABLE = 1 << 8, /* depends on the other arguments */
    KEY_IS_NONE  = 1 << 9, /* a shard channel, where a key might be */
    KEY_IS_SOMEWHERE = 1 << 10, /* where, no specification can tell */
};

#define DOC_KEY_SPECS 3

struct key_doc {
    uint32_t    uses;  /* 0: no such spec */
    const char *notes; /* or NULL */
};

/* One spec stands for all of a command's keys; with two, the first stands for
 * the first key and the other for what follows; the third of three (SORT) is for
 * what follows too, and the second for keys that no argument names. */
struct command_doc {
    const char    *name; /* full */
    uint32_t       categories;
    uint32_t       tips;
    struct key_doc keys[DOC_KEY_SPECS];
};

/* Never NULL. */
const struct command_doc *doc_find(const char *full_name);

/* "get", "client|id". */
#define COMMAND_NAME_MAX 64
struct command_name {
    char text[COMMAND_NAME_MAX];
};
struct command_name command_full_name(const struct command *command);

/* Redis has no subcommands where some of ours are (DEBUG): these are not
 * shown. */
bool doc_shows(const struct command *container, const struct command *sub);

/* All of them, those that follow from the flags included. */
uint32_t command_categories(const struct command *command,
                            const struct command_doc *doc);
/* 0 if there is none of that name; in any case. */
uint32_t category_of_name(slice name);

/* Names of the bits, in order: NULL when there are no more. */
const char *flag_name(unsigned bit); /* "" for one that isn't shown */
const char *category_name(unsigned bit);
const char *tip_name(unsigned bit);
const char *key_use_name(unsigned bit);

#endif
