/*
 * small-files TOP NUMBER TEXT    makes TOP with NUMBER files of a few bytes, 1,000 in each directory
 *
 * In C because a million of them take Node half a minute.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IN_DIRECTORY 1000

static void check(long status, const char *call)
{
	if (status >= 0)
		return;
	perror(call);
	exit(1);
}

int main(int count, char **arguments)
{
	char name[64], text[256];
	int directory = -1;
	if (count != 4)
		return 2;
	check(mkdir(arguments[1], 0755), "mkdir");
	check(chdir(arguments[1]), "chdir");
	for (long i = 0; i < atol(arguments[2]); i++) {
		if (i % IN_DIRECTORY == 0) {
			if (directory >= 0)
				close(directory);
			snprintf(name, sizeof name, "directory-%05ld", i / IN_DIRECTORY);
			check(mkdir(name, 0755), "mkdir");
			check(directory = open(name, O_RDONLY | O_DIRECTORY), "open");
		}
		snprintf(name, sizeof name, "file-%07ld", i);
		int file = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
		check(file, "create");
		int length = snprintf(text, sizeof text, "%s %ld\n", arguments[3], i);
		check(write(file, text, length), "write");
		close(file);
	}
	return 0;
}
