/*
 * The fewest system calls that put an image on a root: no plan, no journal, no undo, no sync, no xattrs, one thread.
 * What a merge costs above this is what it pays for its promises.
 *
 *   floor rename IMAGE ROOT    one renameat a directory that the root has not, else one for each file
 *   floor copy IMAGE ROOT      new file under a temporary name, owner, mode, times, then renameat
 *
 * Each entry is looked at once on either side (fstatat), below a directory that was moved whole on one side.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY ".floor-new"
#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int copying;

static void check(long status, const char *call, const char *name)
{
	if (status >= 0)
		return;
	fprintf(stderr, "floor: %s `%s`: %s\n", call, name, strerror(errno));
	exit(1);
}

/* Between some file systems the kernel copies only through a buffer: asked once, not for each file. */
static void copy_content(int in, int out, off_t size, const char *name)
{
	static char buffer[256 * 1024];
	static int refused;

	while (size > 0 && !refused) {
		ssize_t count = copy_file_range(in, NULL, out, NULL, size, 0);
		if (count < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)) {
			refused = 1;
			break;
		}
		check(count, "copy_file_range", name);
		if (count == 0)
			return;
		size -= count;
	}
	while (size > 0) {
		ssize_t count = read(in, buffer, size < (off_t)sizeof buffer ? (size_t)size : sizeof buffer);
		check(count, "read", name);
		if (count == 0)
			return;
		/* A short write of a regular file is a full disk: an error here. */
		check(write(out, buffer, count) == count ? 0 : -1, "write", name);
		size -= count;
	}
}

static void copy_file(int image, int root, const char *name, const struct stat *stat)
{
	struct timespec times[2] = { stat->st_atim, stat->st_mtim };
	int in = openat(image, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	check(in, "open", name);
	int out = openat(root, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	check(out, "create", name);
	copy_content(in, out, stat->st_size, name);
	check(fchown(out, stat->st_uid, stat->st_gid), "fchown", name);
	check(fchmod(out, stat->st_mode & 07777), "fchmod", name);
	check(futimens(out, times), "futimens", name);
	close(out);
	close(in);
}

static void copy_other(int image, int root, const char *name, const struct stat *stat)
{
	struct timespec times[2] = { stat->st_atim, stat->st_mtim };
	if (S_ISLNK(stat->st_mode)) {
		char target[4096];
		ssize_t length = readlinkat(image, name, target, sizeof target - 1);
		check(length, "readlink", name);
		target[length] = 0;
		check(symlinkat(target, root, TEMPORARY), "symlink", name);
	} else {
		check(mknodat(root, TEMPORARY, stat->st_mode, stat->st_rdev), "mknod", name);
	}
	check(fchownat(root, TEMPORARY, stat->st_uid, stat->st_gid, AT_SYMLINK_NOFOLLOW), "fchownat", name);
	check(utimensat(root, TEMPORARY, times, AT_SYMLINK_NOFOLLOW), "utimensat", name);
}

static void look(int image)
{
	/* What was moved whole is still looked at: a merge must know what it brought. */
	DIR *entries = fdopendir(image);
	struct dirent *entry;
	check(entries ? 0 : -1, "fdopendir", ".");
	while ((entry = readdir(entries))) {
		struct stat stat;
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		check(fstatat(image, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW), "stat", entry->d_name);
		if (S_ISDIR(stat.st_mode)) {
			int below = openat(image, entry->d_name, OPEN_DIRECTORY);
			check(below, "open", entry->d_name);
			look(below);
		}
	}
	closedir(entries);
}

static void merge(int image, int root);

static void merge_directory(int image, int root, const char *name, const struct stat *stat, int exists)
{
	int from = openat(image, name, OPEN_DIRECTORY);
	check(from, "open", name);
	if (!exists && !copying) {
		check(renameat(image, name, root, name), "rename", name);
		look(from);
		return;
	}
	if (!exists)
		check(mkdirat(root, name, 0700), "mkdir", name);
	int to = openat(root, name, OPEN_DIRECTORY);
	check(to, "open", name);
	merge(from, to);
	if (!exists) {
		struct timespec times[2] = { stat->st_atim, stat->st_mtim };
		check(fchown(to, stat->st_uid, stat->st_gid), "fchown", name);
		check(fchmod(to, stat->st_mode & 07777), "fchmod", name);
		check(futimens(to, times), "futimens", name);
	}
	close(to);
}

/* Takes `image` over and closes it. */
static void merge(int image, int root)
{
	DIR *entries = fdopendir(image);
	struct dirent *entry;
	check(entries ? 0 : -1, "fdopendir", ".");
	while ((entry = readdir(entries))) {
		const char *name = entry->d_name;
		struct stat stat, old;
		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		check(fstatat(image, name, &stat, AT_SYMLINK_NOFOLLOW), "stat", name);
		int exists = fstatat(root, name, &old, AT_SYMLINK_NOFOLLOW) == 0;
		if (S_ISDIR(stat.st_mode)) {
			merge_directory(image, root, name, &stat, exists);
		} else if (!copying) {
			check(renameat(image, name, root, name), "rename", name);
		} else {
			(S_ISREG(stat.st_mode) ? copy_file : copy_other)(image, root, name, &stat);
			check(renameat(root, TEMPORARY, root, name), "rename", name);
		}
	}
	closedir(entries);
}

int main(int count, char **arguments)
{
	if (count != 4 || (strcmp(arguments[1], "rename") && strcmp(arguments[1], "copy"))) {
		fprintf(stderr, "usage: floor rename|copy IMAGE ROOT\n");
		return 2;
	}
	copying = !strcmp(arguments[1], "copy");
	umask(0);
	int image = open(arguments[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(image, "open", arguments[2]);
	int root = open(arguments[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(root, "open", arguments[3]);
	merge(image, root);
	return 0;
}
