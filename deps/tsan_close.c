/* tsan_close.c - our closing of files seen by ThreadSanitizer; linked into
 * SANITIZE=thread builds only.
 *
 * The sanitizer watches file descriptors as if they were memory. libuv closes
 * its sockets by a bare system call, which it does not see; when an I/O thread
 * later gets the same number from openat (not seen either) and closes it, that
 * looks like a race with the loop's last read of the socket. So our own calls
 * of close are not recorded; everything else about descriptors is. */
#include <dirent.h>

void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    int rc = __real_close(fd);
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    return rc;
}

int __real_closedir(DIR *dir);
int __wrap_closedir(DIR *dir);
int __wrap_closedir(DIR *dir)
{
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    int rc = __real_closedir(dir);
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    return rc;
}

/* LevelDB closes directories and reads tables too, by numbers that sockets had
 * before; a library's calls are not wrapped. What it reads into is its own. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:closedir\nrace:pread\n";
}
