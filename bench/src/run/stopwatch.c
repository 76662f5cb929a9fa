/*
 * stopwatch RESULT COMMAND...    runs the command, writes its wall time (ns) and peak memory (KiB) to the file RESULT
 *
 * A process of its own, and a small one: after exec Linux still counts the peak of the process that forked, so a child
 * of Node would seem to need what Node needs.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	struct timespec before, after;
	struct rusage usage;
	int status;
	if (count < 3)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &before);
	pid_t child = fork();
	if (child == 0) {
		execvp(arguments[2], arguments + 2);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) < 0)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &after);
	FILE *result = fopen(arguments[1], "w");
	if (!result)
		return 1;
	fprintf(result, "%lld %ld\n", (after.tv_sec - before.tv_sec) * 1000000000LL + (after.tv_nsec - before.tv_nsec),
		usage.ru_maxrss);
	fclose(result);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
