/* cmd_lolwut.c - LOLWUT: a disk seen from above, its tracks written at random,
 * and the head that looks for one of them. Another one each time. */
#include <math.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/rand.h"
#include "cmd/handlers.h"

#define WIDTH   48 /* characters are twice as high as wide */
#define HEIGHT  24
#define TRACKS  10
#define SECTORS 32
#define ART_MAX ((size_t)8 * 1024)

struct disk {
    char     tracks[TRACKS][SECTORS];
    unsigned head; /* the track that it stands over */
};

static void disk_write(struct disk *disk, struct rand *rand)
{
    static const char shades[] = "  ..::ox#@";
    for (int track = 0; track < TRACKS; track++) {
        char last = ' ';
        for (int sector = 0; sector < SECTORS; sector++) {
            /* Mostly in runs, like files. */
            if (rand_below(rand, 3) == 0)
                last = shades[rand_below(rand, sizeof(shades) - 1)];
            disk->tracks[track][sector] = last;
        }
    }
    disk->head = (unsigned)rand_below(rand, TRACKS);
}

/* The disk at a place, the middle being 0, 0 and the edge at 1. */
static char disk_at(const struct disk *disk, double x, double y)
{
    const double pi = 3.14159265358979323846;
    double       radius = sqrt(x * x + y * y);
    double       track_of_head = (disk->head + 0.5) / TRACKS * 0.75 + 0.25;
    if (fabs(y) < 0.045 && x > track_of_head)
        return x < track_of_head + 0.06 ? '<' : '=';
    if (radius > 1)
        return ' ';
    if (radius < 0.25)
        return radius < 0.08 ? '+' : ' ';
    double turn = atan2(y, x) / (2 * pi) + 0.5;
    int    sector = (int)(turn * SECTORS) % SECTORS;
    int    track = (int)((radius - 0.25) / 0.75 * TRACKS);
    return disk->tracks[track < TRACKS ? track : TRACKS - 1][sector];
}

static void draw(struct buf *art, const struct disk *disk)
{
    for (int row = 0; row < HEIGHT; row++) {
        char line[WIDTH + 1];
        for (int column = 0; column < WIDTH; column++)
            line[column] = disk_at(disk, (column + 0.5) / WIDTH * 2.2 - 1.04,
                                   (row + 0.5) / HEIGHT * 2.08 - 1.04);
        line[WIDTH] = '\n';
        err_t err = buf_append(art, line, sizeof(line));
        ASSERT(err == ERR_OK);
    }
}

/* Of Redis's versions of it there are none here; VERSION is checked only. */
enum call_result cmd_lolwut(struct call *call)
{
    struct rand rand;
    struct disk disk;
    struct buf  art;
    int64_t     version;
    uint64_t    seed;
    if (call->argc >= 3 && call_arg_is(call, 1, "version") &&
        !call_int(call, call->argv[2], &version))
        return CALL_DONE;
    rand_system(&seed, sizeof(seed));
    rand_init(&rand, seed);
    disk_write(&disk, &rand);
    buf_init(&art, ART_MAX);
    draw(&art, &disk);
    err_t err = buf_printf(&art,
                           "\nSeeking track %u. diskstore ver. %s, "
                           "Redis ver. %s\n",
                           disk.head, DISKSTORE_VERSION, REDIS_VERSION);
    ASSERT(err == ERR_OK);
    reply_verbatim(call->reply, buf_slice(&art), "txt");
    buf_deinit(&art);
    return CALL_DONE;
}
