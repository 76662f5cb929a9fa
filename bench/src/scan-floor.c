/*
 * The bare reading that a scan rests on, with nothing made of it: for each process stat and readlink of exe, the text
 * of maps, and for each mapped file that may be executed stat and readlink of its map_files entry. What a scan costs
 * above this is what it pays for its answers.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char text[4 << 20];
static char target[4096];

/* Whether there is such a link that we may read. */
static int look(int process, const char *name)
{
	struct stat stat;

	if (fstatat(process, name, &stat, 0) != 0)
		return 0;
	return readlinkat(process, name, target, sizeof target) > 0;
}

static size_t read_maps(int process)
{
	size_t length = 0;
	ssize_t count;
	int maps = openat(process, "maps", O_RDONLY | O_CLOEXEC);

	if (maps < 0)
		return 0;
	while ((count = read(maps, text + length, sizeof text - 1 - length)) > 0)
		length += count;
	close(maps);
	text[length] = 0;
	return length;
}

static long look_at_mappings(int process)
{
	long seen = 0;

	if (read_maps(process) == 0)
		return 0;
	for (char *line = text; *line; line = strchrnul(line, '\n') + 1) {
		unsigned long start, end, inode;
		char modes[5], name[64];

		if (sscanf(line, "%lx-%lx %4s %*x %*x:%*x %lu", &start, &end, modes, &inode) != 4)
			continue;
		if (inode == 0 || modes[2] != 'x')
			continue;
		snprintf(name, sizeof name, "map_files/%lx-%lx", start, end);
		seen += look(process, name);
	}
	return seen;
}

int main(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	long processes = 0, files = 0;

	if (!proc) {
		perror("/proc");
		return 1;
	}
	while ((entry = readdir(proc))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		int process = openat(dirfd(proc), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue;
		processes++;
		if (look(process, "exe"))
			files += 1 + look_at_mappings(process);
		close(process);
	}
	closedir(proc);
	printf("%ld processes, %ld files\n", processes, files);
	return 0;
}
