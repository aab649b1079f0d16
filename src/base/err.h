/* err.h - the one error type of the house.
 *
 * ERR_OK is 0, so `if (err)` reads as "if it failed". An err_t is never
 * ignored. These are the world's mistakes (client, disk, memory limit); our
 * own are asserted (base/assert.h). */
#ifndef BASE_ERR_H
#define BASE_ERR_H

typedef enum err {
    ERR_OK = 0,
    ERR_AGAIN,     /* not now: something must be loaded or made room for */
    ERR_NOT_FOUND, /* the store holds no such record */
    ERR_IO,        /* the disk or file system failed */
    ERR_NO_SPACE,  /* the disk is full */
    ERR_CORRUPT,   /* bytes on disk are not what was written */
    ERR_FORMAT,    /* a format or version that we do not know */
    ERR_FOREIGN,   /* a directory that is not ours */
    ERR_BUSY,      /* locked by another process */
    ERR_OOM,       /* does not fit in cache-max-memory */
    ERR_LIMIT,     /* above a configured or protocol limit */
    ERR_INVALID,   /* malformed input */
    ERR_CLOSED,    /* the other side is gone, or we are shutting down */
    ERR_COUNT
} err_t;

/* A short lower-case word for logs ("io error"); never NULL. */
const char *err_name(err_t err);

/* A message that explains an err_t to an operator. Empty when none was set. */
struct err_text {
    char text[256];
};

/* Formats into text (truncating) and returns err, so that a failing function
 * can end in `return err_set(why, ERR_IO, "open %s: %s", ...)`. why may be
 * NULL. */
err_t err_set(struct err_text *why, err_t err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
