/* mem.h - allocation that never returns NULL, and the accounts that every
 * lasting byte is charged to.
 *
 * Allocation aborts when the system has no memory: the limit that we keep is
 * ours (cache-max-memory), and it is kept by not asking. Sizes that a client
 * sends are checked before they come here.
 *
 * Threads  mem_alloc and friends: any. Accounts: loop thread only; what an
 *          I/O thread allocates has been charged by the loop before. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

void *mem_alloc(size_t size);
void *mem_calloc(size_t count, size_t size);
void *mem_realloc(void *pointer, size_t size);
void  mem_free(void *pointer); /* NULL is fine */

/* What a request of size bytes costs, the allocator's rounding included: for
 * charging. Only the size asked for may be used. */
size_t mem_good_size(size_t size);

/* Gives freed pages back to the system now. */
void mem_purge(void);

/* What the allocator says of itself; all 0 if it doesn't. */
struct mem_allocator {
    size_t allocated_bytes; /* handed out */
    size_t active_bytes;    /* in pages of which some is handed out */
    size_t resident_bytes;  /* all pages that it keeps */
};
void mem_allocator_read(struct mem_allocator *out);
/* The same for people, in pieces of text; false if there is nothing. */
bool mem_allocator_report(void (*write)(void *arg, const char *text),
                          void *arg);

/* Anonymous resident bytes of this process, from the kernel; 0 on failure.
 * Costs about 20 us: for the cron, not for a command. */
size_t mem_rss_anon_bytes(void);

enum mem_account {
    MEM_ENTRIES, /* segments with keys and small values, the hash table */
    MEM_VALUES,  /* values too large for a segment */
    MEM_CLIENTS, /* connections, input and pending replies */
    MEM_JOBS,    /* jobs and loads in flight */
    MEM_DIRTY,   /* bookkeeping of dirty, pinned and waiting entries */
    MEM_CUT,     /* the captured epoch, as the store will multiply it */
    MEM_STORE,   /* write buffers, block cache, table metadata: a reservation */
    MEM_OTHER,   /* tables, logs, options */
    MEM_OVERHEAD, /* measured: resident minus accounted, set by the cron */
    MEM_ACCOUNT_COUNT
};

struct mem {
    size_t used_bytes[MEM_ACCOUNT_COUNT];
    size_t total_bytes; /* the sum of the above, kept by charge and release */
};

const char *mem_account_name(enum mem_account account);
void        mem_charge(struct mem *mem, enum mem_account account, size_t bytes);
/* Asserts that the account holds that much. */
void mem_release(struct mem *mem, enum mem_account account, size_t bytes);
/* Sets an account to a measured value. */
void mem_set(struct mem *mem, enum mem_account account, size_t bytes);

#endif
