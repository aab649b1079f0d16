/* logcheck.c - decides whether LevelDB's logs hold a cut.
 *
 * All logs that will be replayed are read in order, oldest first, as one stream
 * of records. Up to the first thing that is wrong, everything must fit: whole
 * fragments with right checksums, FIRST and LAST in pairs, and each record's
 * sequence number following on the one before. (A LevelDB record is a write
 * batch: 8 bytes sequence number, 4 bytes count of operations, the
 * operations. One process writes them without gaps; a gap between two logs
 * means that the older one lost its end, with no bad byte to show for it.)
 *
 * From there on only one question is left: does any whole, valid record follow?
 *   no   torn: the stream is cut at the start of the record that is bad;
 *   yes  a hole: refused.
 * MIDDLE and LAST fragments without their FIRST don't count: they belong to the
 * torn record itself, whose pages reach the disk in any order. To find what
 * follows even when a length is bad, the rest of a damaged block is tried byte
 * by byte. So that bytes of a torn value which look like a log, or stale blocks
 * that the file system let shine through, don't count as records, a record
 * found behind the damage must also have a sequence number that may follow.
 *
 * Not done here: judging a record's operations. Its checksum was right, so that
 * is what LevelDB wrote. */
#include "store/logcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "store/logfile.h"
#include "store/logread.h"
#include "store/manifest.h"

#define BATCH_HEAD_BYTES 12
/* More operations than the logs of one run ever hold. */
#define SEQUENCE_WINDOW  (1ull << 31)

struct check {
    const uint64_t *logs; /* borrowed; ascending */
    size_t          log_count;
    size_t          log; /* index of the one being read */

    bool     sequence_known;
    uint64_t next_sequence;
    uint64_t record_count;

    bool     in_record; /* FIRST seen, LAST not yet */
    uint64_t record_offset;
    char     head[BATCH_HEAD_BYTES]; /* the record's first bytes */
    size_t   head_len;

    bool        damaged;
    size_t      damaged_log; /* index */
    uint64_t    damaged_offset;
    const char *reason;
    bool        hole; /* a valid record follows the damage */
    size_t      hole_log;
    uint64_t    hole_offset;
};

/* Something is wrong at offset. Only the first time matters; later it means
 * that a record begun behind the damage doesn't count. */
static void check_damage(struct check *check, uint64_t offset,
                         const char *reason)
{
    if (!check->damaged) {
        check->damaged = true;
        check->damaged_log = check->log;
        check->damaged_offset =
            check->in_record ? check->record_offset : offset;
        check->reason = reason;
    }
    check->in_record = false;
}

static void check_hole(struct check *check)
{
    check->hole = true;
    check->hole_log = check->log;
    check->hole_offset = check->record_offset;
}

/* A record has come to its end. */
static void check_record(struct check *check)
{
    uint64_t sequence = log_get_le(check->head, 8);
    uint64_t count = log_get_le(check->head + 8, 4);

    check->in_record = false;
    if (check->head_len < BATCH_HEAD_BYTES) {
        check_damage(check, check->record_offset, "record too short");
    } else if (check->damaged) {
        if (!check->sequence_known ||
            sequence - check->next_sequence < SEQUENCE_WINDOW)
            check_hole(check);
    } else if (check->sequence_known && sequence != check->next_sequence) {
        check_damage(check, check->record_offset, "records missing before it");
        check_hole(check);
    } else {
        check->sequence_known = true;
        check->next_sequence = sequence + count;
        check->record_count++;
    }
}

static void check_fragment(struct check              *check,
                           const struct log_fragment *fragment)
{
    bool starts = fragment->type == LOG_FRAGMENT_FULL ||
                  fragment->type == LOG_FRAGMENT_FIRST;
    bool ends = fragment->type == LOG_FRAGMENT_FULL ||
                fragment->type == LOG_FRAGMENT_LAST;

    if (starts) {
        if (check->in_record)
            check_damage(check, check->record_offset, "record without end");
        check->in_record = true;
        check->record_offset = fragment->offset;
        check->head_len = 0;
    } else if (!check->in_record) {
        check_damage(check, fragment->offset, "record without start");
        return;
    }
    size_t room = BATCH_HEAD_BYTES - check->head_len;
    size_t take = fragment->payload.len < room ? fragment->payload.len : room;
    memcpy(check->head + check->head_len, fragment->payload.data, take);
    check->head_len += take;
    if (ends)
        check_record(check);
}

static void check_block(struct check *check, const struct logread *reader)
{
    struct log_fragment fragment;
    size_t              at = 0;

    while (!check->hole && at < reader->block_len && !logread_in_trailer(at)) {
        const char *wrong = logread_fragment(reader, at, &fragment);
        if (wrong) {
            check_damage(check, reader->block_start + at, wrong);
            at++;
        } else {
            check_fragment(check, &fragment);
            at += LOG_HEADER_BYTES + fragment.payload.len;
        }
    }
}

static err_t check_log(struct check *check, int data_fd, struct err_text *why)
{
    struct logread *reader;
    char            name[LOGFILE_NAME_CHARS];

    logfile_name(check->logs[check->log], name);
    err_t err = logread_open(data_fd, name, &reader, why);
    if (err)
        return err == ERR_NOT_FOUND ? ERR_IO : err;
    for (uint64_t start = 0; start < reader->file_bytes && !check->hole;
         start += LOG_BLOCK_BYTES) {
        err = logread_block(reader, start, why);
        if (err)
            break;
        check_block(check, reader);
    }
    if (!err && check->in_record)
        check_damage(check, check->record_offset, "record without end");
    logread_close(reader);
    return err;
}

/* The way out costs data, so we leave it to a human: all later writes go. */
static err_t check_refuse(const struct check *check, struct err_text *why)
{
    unsigned long long number = check->logs[check->damaged_log];
    unsigned long long offset = check->damaged_offset;
    unsigned long long later = check->logs[check->hole_log];

    return err_set(why, ERR_CORRUPT,
                   "data/%06llu.log: %s at byte %llu, valid data follows in "
                   "%06llu.log at %llu: restore a backup, or on a copy give up "
                   "all later writes: cut it there (truncate -s %llu) and "
                   "remove newer *.log",
                   number, check->reason, offset, later,
                   (unsigned long long)check->hole_offset, offset);
}

/* Cuts one log to new_bytes; *dropped grows by what is lost. */
static err_t log_truncate(int data_fd, uint64_t number, uint64_t new_bytes,
                          uint64_t *dropped, struct err_text *why)
{
    char name[LOGFILE_NAME_CHARS];

    logfile_name(number, name);
    int   fd = openat(data_fd, name, O_WRONLY | O_CLOEXEC);
    off_t old_bytes = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    err_t err = ERR_OK;
    if (old_bytes < 0 ||
        ((uint64_t)old_bytes > new_bytes &&
         (ftruncate(fd, (off_t)new_bytes) != 0 || fsync(fd) != 0)))
        err = err_set(why, ERR_IO, "cannot cut the torn end off data/%s: %s",
                      name, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (!err && (uint64_t)old_bytes > new_bytes)
        *dropped += (uint64_t)old_bytes - new_bytes;
    return err;
}

/* Newest first, so that being stopped half-way leaves no hole behind us. */
static err_t check_cut(const struct check *check, int data_fd,
                       struct logcheck_result *result, struct err_text *why)
{
    for (size_t i = check->log_count; i-- > check->damaged_log;) {
        uint64_t keep = i == check->damaged_log ? check->damaged_offset : 0;
        err_t    err = log_truncate(data_fd, check->logs[i], keep,
                                    &result->dropped_bytes, why);
        if (err)
            return err;
    }
    result->cut_log = check->logs[check->damaged_log];
    result->cut_offset = check->damaged_offset;
    snprintf(result->reason, sizeof(result->reason), "%s", check->reason);
    return ERR_OK;
}

static err_t check_logs(struct check *check, int data_fd,
                        struct logcheck_result *result, struct err_text *why)
{
    for (check->log = 0; check->log < check->log_count; check->log++) {
        err_t err = check_log(check, data_fd, why);
        if (err)
            return err;
        if (check->hole)
            return check_refuse(check, why);
    }
    result->record_count = check->record_count;
    result->log_count = check->log_count;
    return check->damaged ? check_cut(check, data_fd, result, why) : ERR_OK;
}

err_t logcheck_run(int data_fd, struct logcheck_result *result,
                   struct err_text *why)
{
    struct logfile_list list;
    uint64_t            first_log;

    *result = (struct logcheck_result){ 0 };
    err_t err = manifest_first_log(data_fd, &first_log, why);
    if (err)
        return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
    err = logfile_list(data_fd, first_log, &list, why);
    if (err)
        return err;
    struct check check = { .logs = list.numbers, .log_count = list.count };
    err = check_logs(&check, data_fd, result, why);
    logfile_list_deinit(&list);
    return err;
}
