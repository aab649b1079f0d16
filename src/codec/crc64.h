/* crc64.h - the checksum at the end of Redis's dumps: CRC-64 with the
 * polynomial of D. T. Jones (0xad93d23594c935a9, reflected), beginning with 0.
 *
 * Threads  pure, any thread. */
#ifndef CODEC_CRC64_H
#define CODEC_CRC64_H

#include <stdint.h>

#include "base/slice.h"

/* crc is that of the bytes before, 0 at first. */
uint64_t crc64_extend(uint64_t crc, slice bytes);

#endif
