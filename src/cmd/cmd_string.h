/* cmd_string.h - what the files of the string, key and expiry commands share.
 * Nobody else includes it. */
#ifndef CMD_CMD_STRING_H
#define CMD_CMD_STRING_H

#include "base/blob.h"
#include "cmd/command.h"

/* Answers the value of an entry, or so many bytes of it: a large one is sent
 * from where it lies. */
void string_reply(struct call *call, const struct entry *entry);
void string_reply_part(struct call *call, const struct entry *entry,
                       size_t offset, size_t len);

/* Gives the key that value. REQUIRES: value does not lie in an entry of
 * another key. */
void string_put(struct call *call, const struct db_key *key, slice value,
                int64_t deadline_ms, const char *event);

/* A time to live or a point in time that a client gave, as a deadline. False
 * with the error answered if it is no number, or out of range, which for these
 * commands includes zero and below. */
enum expire_unit { EXPIRE_SECONDS, EXPIRE_MS };
bool expire_parse(struct call *call, slice arg, enum expire_unit unit,
                  bool is_relative, int64_t *deadline_ms);
/* "ERR invalid expire time in 'set' command". */
void expire_error(struct call *call);

/* Gives a key that exists another deadline (0: none), whether or not its value
 * is in memory. */
void expire_set(struct call *call, const struct db_key *key,
                const struct entry *entry, int64_t deadline_ms,
                const char *event);

#endif
