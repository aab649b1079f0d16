/* rdb_dump.c - the footer. */
#include "codec/rdb_dump.h"

#include "codec/crc64.h"
#include "codec/rdb.h"

#define VERSION_BYTES 2

void rdb_write_footer(struct rdb_writer *writer)
{
    uint8_t version[VERSION_BYTES], crc[8];
    rdb_put(version, RDB_VERSION_WRITTEN, VERSION_BYTES);
    rdb_write_bytes(writer, slice_make(version, sizeof(version)));
    rdb_writer_flush(writer);
    rdb_put(crc, writer->crc, sizeof(crc));
    rdb_write_bytes(writer, slice_make(crc, sizeof(crc)));
    rdb_writer_flush(writer);
}

err_t rdb_check_footer(slice dump, slice *body)
{
    if (dump.len < RDB_FOOTER_BYTES)
        return ERR_INVALID;
    size_t      len = dump.len - RDB_FOOTER_BYTES;
    const char *footer = dump.data + len;
    uint64_t    crc = crc64_extend(0, slice_make(dump.data,
                                                 len + VERSION_BYTES));
    if (rdb_get16(footer) > RDB_VERSION_READ ||
        rdb_get64(footer + VERSION_BYTES) != crc)
        return ERR_INVALID;
    *body = slice_make(dump.data, len);
    return ERR_OK;
}
