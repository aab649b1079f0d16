/* fuzz_rdb.c - RESTORE's payloads: see tests/codec/rdb_try.h. Inputs are dumps
 * without their footer, so that the checksum stops nothing. A short run without
 * libFuzzer is tests/codec/test_rdb_fuzz.c. */
#include <stdint.h>

#include "codec/rdb_encode.h"
#include "codec/rdb_try.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    (void)rdb_try(slice_make(data, len));
    return 0;
}

/* A new input now and then is one that a Redis would have written. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t len, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t most,
                               unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t most,
                               unsigned seed)
{
    struct buf sample;
    buf_init(&sample, SIZE_MAX);
    if (seed % 64 == 0 && enc_sample(seed / 64 % 32, &sample) &&
        sample.len <= most) {
        memcpy(data, sample.data, sample.len);
        len = sample.len;
    }
    buf_deinit(&sample);
    return LLVMFuzzerMutate(data, len, most);
}
