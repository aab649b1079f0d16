/* hash.h - the keyed hash of user keys, the cluster slot, record checksums.
 *
 * Pure functions, any thread. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/slice.h"

struct hash_key {
    uint64_t k0;
    uint64_t k1;
};

/* SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * 2012, with c=1 d=3): whoever does not know the key cannot make collisions. */
uint64_t hash_siphash13(struct hash_key key, slice bytes);

#define SLOT_COUNT 16384

/* Slot of a key as the Redis Cluster specification has it: CRC16 (XMODEM) of
 * the part between the first '{' and the next '}' if that is not empty, else
 * of the whole key, modulo 16384. */
uint16_t hash_slot(slice key);

/* Low 32 bits of XXH3-64 over a then b: the checksum of every record. */
uint32_t hash_checksum(slice a, slice b);

#endif
