/* fault.h - a store that wraps another and misbehaves on demand, for tests.
 *
 * It forces what a real disk does rarely: delays, errors, a full disk, a crash
 * at the nth write, an order of events. `diskstore server --debug-store yes`
 * puts it around LevelDB and lets DEBUG STORE steer it; unit tests and the
 * simulation use it in-process.
 *
 * One operation is one record of a get, one batch written, one seek or next of
 * an iterator. Each goes through, in this order: counted as begun, delay,
 * gate, failure or crash, the inner store, counted as done. store_sync is no
 * operation; it fails while all writes fail (count -1).
 *
 * As with a real store, after a failed write all writes fail until
 * store_reopen, and after a failed reopen reads fail too.
 *
 * Threads  every function may be called from any thread, also while another
 *          thread waits inside the store at a gate. */
#ifndef STORE_FAULT_H
#define STORE_FAULT_H

#include "store/store.h"

enum fault_op { FAULT_GET, FAULT_WRITE, FAULT_ITER, FAULT_OP_COUNT };

/* Takes inner: closing the fault store closes it. */
struct store *store_open_fault(struct store *inner /* take */);

/* Each get (each record) or write (each batch) sleeps this long first. */
void fault_set_delay(struct store *store, enum fault_op op, unsigned delay_ms);

/* The next `count` operations of this kind fail with err, after letting
 * `skip` pass. For a write, `applied` says whether the inner store gets the
 * batch all the same (an error means unknown). count -1: until set to 0. */
void fault_fail(struct store *store, enum fault_op op, unsigned skip, int count,
                err_t err, bool applied);

/* A gate: while closed, operations of this kind wait before they reach the
 * inner store. step lets exactly n of the waiting or coming ones through a
 * closed gate. */
void fault_gate_close(struct store *store, enum fault_op op);
void fault_gate_open(struct store *store, enum fault_op op);
void fault_gate_step(struct store *store, enum fault_op op, unsigned n);
/* How many wait at the gate now. */
unsigned fault_gate_waiting(struct store *store, enum fault_op op);

/* The process calls _exit(137) at the nth write from now: before it reaches
 * the inner store, or right after. */
void fault_crash_at_write(struct store *store, unsigned nth, bool after);

/* All reopens fail while set. */
void fault_fail_reopen(struct store *store, bool fail);

/* Operations begun and done since opening. */
struct fault_counts {
    uint64_t begun[FAULT_OP_COUNT];
    uint64_t done[FAULT_OP_COUNT];
    uint64_t reopens;
};
void fault_counts(struct store *store, struct fault_counts *out);

/* Opens all gates and forgets all orders. */
void fault_reset(struct store *store);

/* One order as text, for DEBUG STORE: words like
 *   delay get 500 | fail write 3 io | fail write 1 nospace applied |
 *   fail get 2 corrupt | fail write -1 io skip 10 | fail write 0 |
 *   gate get close | gate get open | gate get step 1 |
 *   crash write 5 before | reopen fail | reopen ok | reset
 * Returns ERR_INVALID with the reason when it can't be understood. */
err_t fault_command(struct store *store, const slice *words, size_t count,
                    struct err_text *why);
/* "get_begun:1\r\nget_done:...\r\nget_waiting:...", into text, NUL ended. */
void fault_describe(struct store *store, char *text, size_t size);

#endif
