/* Moves the wall clock of one process by as many seconds as the file in WALL_SECONDS says, while it
 * runs; every other clock is the kernel's. For LD_PRELOAD; built by walls.rs. It is no part of the
 * program. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *now)
{
    long failed = syscall(SYS_clock_gettime, id, now);
    const char *path = getenv("WALL_SECONDS");
    char text[32] = {0};
    int file;

    if (failed || id != CLOCK_REALTIME || !path)
        return (int)failed;
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (read(file, text, sizeof text - 1) > 0)
            now->tv_sec += atoll(text);
        close(file);
    }
    return 0;
}
