/*
 * Makes each fdatasync of a process longer by BENCH_FSYNC_LAG microseconds, as
 * on a disk that is further away. To be loaded by LD_PRELOAD.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

int fdatasync(int fd)
{
	static int (*next)(int);
	static long lag = -1;

	if (lag < 0) {
		const char *text = getenv("BENCH_FSYNC_LAG");
		next = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
		lag = text ? atol(text) : 0;
	}
	int result = next(fd);
	int error = errno;
	struct timespec left = {lag / 1000000, lag % 1000000 * 1000};
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
	errno = error;
	return result;
}
