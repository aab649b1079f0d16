/* elements_scan.h - HSCAN, SSCAN, ZSCAN: the elements of a collection, a few
 * at a time.
 *
 * Promise   an element that is there from the first call of a scan to the last
 *           is answered: once if nothing happens meanwhile but eviction and
 *           loading, at least once whatever happens.
 * State     none: a cursor is a number that says all.
 * Time      O(COUNT), whatever MATCH leaves of it. A collection of one page is
 *           answered as a whole.
 * Threads   loop thread. */
#ifndef CMD_ELEMENTS_SCAN_H
#define CMD_ELEMENTS_SCAN_H

#include "cmd/command.h"

/* A cursor is this many bits of the hash at most, so that clients may keep it
 * in a double (JavaScript) or in a signed number. */
#define SCAN_CURSOR_BITS 53

struct scan_request {
    uint64_t cursor;
    uint64_t count;   /* elements to look at, about; not 0 */
    slice    pattern; /* "*": all; borrowed */
};

/* As Redis reads a cursor: strtoul without a blank before it. */
bool scan_parse_cursor(slice text, uint64_t *cursor);
/* MATCH and COUNT; pattern and count are set. And TYPE, unless type is NULL; it
 * is set if it is there. NULL, or the error to answer. */
const char *scan_parse_options(const slice *argv, size_t argc,
                               struct scan_request *request, slice *type);

/* The whole answer: a cursor, and what was found. REQUIRES: coll is
 * not empty. */
void scan_reply(struct reply *reply, const struct coll *coll,
                const struct scan_request *request);
/* About how many bytes that would be. */
size_t scan_bytes(const struct coll *coll, const struct scan_request *request);

#endif
