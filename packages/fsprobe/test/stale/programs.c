/*
 * Programs of the tests, by the name that they are started by. Each answers a line of its input once it is ready, and
 * ends when its input does.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#define CODE (PROT_READ | PROT_EXEC)

static void *answer(void *nothing)
{
	char c;
	while (read(0, &c, 1) == 1)
		if (write(1, &c, 1) != 1)
			break;
	_exit(0);
}

static void check(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

/* Its first thread ends, another runs on. */
static void leaderless(void)
{
	pthread_t thread;
	check(pthread_create(&thread, NULL, answer, NULL) == 0, "pthread_create");
	pthread_exit(NULL);
}

/* Maps as code what run-times and the kernel map that is no file of a disk. */
static void just_in_time(void)
{
	int memory = memfd_create("jit", MFD_CLOEXEC);
	check(memory >= 0 && ftruncate(memory, 4096) == 0, "memfd_create");
	check(mmap(NULL, 4096, CODE, MAP_SHARED, memory, 0) != MAP_FAILED, "mmap of memfd");
	check(mmap(NULL, 4096, CODE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED, "mmap of /dev/zero");
	int shared = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);
	check(shared >= 0, "shmget");
	check(shmat(shared, NULL, SHM_EXEC) != (void *)-1, "shmat");
	shmctl(shared, IPC_RMID, NULL);
	char name[] = "/tmp/ffiXXXXXX";
	int closure = mkstemp(name);
	check(closure >= 0 && ftruncate(closure, 4096) == 0, "mkstemp");
	check(mmap(NULL, 4096, CODE, MAP_PRIVATE, closure, 0) != MAP_FAILED, "mmap of a closure");
	unlink(name);
}

/* Maps as code so many files that are removed at once. */
static void hoard(int wanted)
{
	for (int i = 0; i < wanted; i++) {
		char name[] = "hoard-XXXXXX";
		int file = mkstemp(name);
		check(file >= 0 && ftruncate(file, 4096) == 0, "mkstemp");
		check(mmap(NULL, 4096, CODE, MAP_PRIVATE, file, 0) != MAP_FAILED, "mmap");
		close(file);
		unlink(name);
	}
}

/* Executes another of ten files that are all this program, again and again. */
static void restless(char *self, int first)
{
	char c, *digit = self + strlen(self) - 1;
	if (first)
		check(read(0, &c, 1) == 1 && write(1, &c, 1) == 1, "answer");
	usleep(200);
	*digit = *digit == '9' ? '0' : *digit + 1;
	execl(self, self, "restless", "on", NULL);
	check(0, "execl");
}

int main(int count, char **arguments)
{
	const char *name = count > 1 ? arguments[1] : "";
	if (!strcmp(name, "leaderless"))
		leaderless();
	if (!strcmp(name, "just-in-time"))
		just_in_time();
	if (!strcmp(name, "hoard"))
		hoard(atoi(arguments[2]));
	if (!strcmp(name, "restless"))
		restless(arguments[0], count == 2);
	answer(NULL);
}
