/*
 * What the bare system calls say of a source and a target directory:
 *
 *   oracle SOURCE TARGET
 *
 * prints one JSON object, {"rename": "no EXDEV", "link": "yes", ...}: `yes`; `no` with the errno of the call that
 * was refused; `no other` where it returned and did something else; `not-measured` where nothing could be asked.
 * Where nothing can be made in SOURCE, its file `seed` takes the place of a new one.
 *
 * Everything is made in the two directories themselves under names that start with `oracle-`, and removed again; the
 * directories get their times back. Errors that are no answer end it with status 2.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define YES 0
#define OTHER (-1)
#define NOT_MEASURED (-2)

static int source, target;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* The verdict for a call that returns -1 when it is refused. */
#define TRY(call) do { if ((call) == -1) return errno; } while (0)

/* A new file with some content, open for reading and writing; -1 with errno. */
static int new_file(int dir, const char *name)
{
	char block[4096];
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL, 0700);

	if (fd == -1)
		return -1;
	memset(block, 'o', sizeof block);
	if (write(fd, block, sizeof block) != sizeof block)
		die(name);
	return fd;
}

static int touch(int dir, const char *name)
{
	int fd = new_file(dir, name);

	return fd == -1 ? -1 : close(fd);
}

static int create(void)
{
	TRY(mkdirat(target, "oracle-made", 0700));
	return YES;
}

/* What there is to rename or link where nothing can be made: that it stays where it is is sure. */
static const char *made_or_seed(int made, const char *name)
{
	return made == -1 && errno == EROFS ? "seed" : name;
}

static int rename_file(void)
{
	TRY(renameat(source, made_or_seed(touch(source, "oracle-r"), "oracle-r"), target, "oracle-renamed"));
	return YES;
}

static int rename_directory(void)
{
	const char *from = made_or_seed(mkdirat(source, "oracle-d", 0755), "oracle-d");

	if (strcmp(from, "seed") != 0)
		TRY(mkdirat(source, "oracle-d/below", 0755));
	TRY(renameat(source, from, target, "oracle-directory"));
	return YES;
}

static int link_across(void)
{
	TRY(linkat(source, made_or_seed(touch(source, "oracle-l"), "oracle-l"), target, "oracle-linked", 0));
	return YES;
}

static int readable(const char *name)
{
	int fd = new_file(source, name);

	return fd == -1 ? openat(source, "seed", O_RDONLY) : fd;
}

static int clone_across(void)
{
	int from, to;

	TRY(from = readable("oracle-c"));
	TRY(to = new_file(target, "oracle-cloned"));
	TRY(ioctl(to, FICLONE, from));
	return YES;
}

static int copy_across(void)
{
	int from, to;
	loff_t in = 0, out = 0;

	TRY(from = readable("oracle-p"));
	TRY(to = new_file(target, "oracle-copied"));
	TRY(copy_file_range(from, &in, to, &out, 100, 0));
	return YES;
}

/* What /proc calls a held file of TARGET, once one of `from` was renamed onto it. */
static int shown_after(int from, const char *held, const char *brought)
{
	char magic[64], before[8192] = "", after[8192] = "", expected[8192 + 16];
	int fd = new_file(target, held);

	if (fd == -1 || touch(from, brought) == -1)
		return NOT_MEASURED;
	snprintf(magic, sizeof magic, "/proc/self/fd/%d", fd);
	if (readlink(magic, before, sizeof before - 1) == -1)
		return NOT_MEASURED;
	if (renameat(from, brought, target, held) == -1)
		return NOT_MEASURED;
	if (readlink(magic, after, sizeof after - 1) == -1)
		return NOT_MEASURED;
	snprintf(expected, sizeof expected, "%s (deleted)", before);
	return strcmp(after, expected) == 0 || strcmp(after, before) == 0 ? YES : OTHER;
}

static int clean_rename(void)
{
	return shown_after(source, "oracle-held-under-a-name-that-no-dentry-has-room-for-1", "oracle-s");
}

static int clean_staged(void)
{
	return shown_after(target, "oracle-held-under-a-name-that-no-dentry-has-room-for-2", "oracle-t");
}

static int no_replace(void)
{
	TRY(touch(target, "oracle-n1"));
	TRY(renameat2(target, "oracle-n1", target, "oracle-n2", RENAME_NOREPLACE));
	TRY(touch(target, "oracle-n1"));
	/* It must refuse as well, not only rename. */
	if (renameat2(target, "oracle-n1", target, "oracle-n2", RENAME_NOREPLACE) == 0)
		return OTHER;
	return errno == EEXIST ? YES : errno;
}

static int exchange(void)
{
	struct stat a, b, now;

	TRY(touch(target, "oracle-x1"));
	TRY(touch(target, "oracle-x2"));
	TRY(fstatat(target, "oracle-x1", &a, 0));
	TRY(fstatat(target, "oracle-x2", &b, 0));
	TRY(renameat2(target, "oracle-x1", target, "oracle-x2", RENAME_EXCHANGE));
	TRY(fstatat(target, "oracle-x1", &now, 0));
	return now.st_ino == b.st_ino && a.st_ino != b.st_ino ? YES : OTHER;
}

static int hard_link(void)
{
	struct stat found;

	TRY(touch(target, "oracle-h1"));
	TRY(linkat(target, "oracle-h1", target, "oracle-h2", 0));
	TRY(fstatat(target, "oracle-h1", &found, 0));
	return found.st_nlink == 2 ? YES : OTHER;
}

static int owner_kept(void)
{
	struct stat found;

	TRY(touch(target, "oracle-o"));
	TRY(fchownat(target, "oracle-o", 1234, 4321, AT_SYMLINK_NOFOLLOW));
	TRY(fstatat(target, "oracle-o", &found, 0));
	return found.st_uid == 1234 && found.st_gid == 4321 ? YES : OTHER;
}

static int mode_kept(void)
{
	struct stat found;

	TRY(touch(target, "oracle-m"));
	TRY(fchmodat(target, "oracle-m", 06751, 0));
	TRY(fstatat(target, "oracle-m", &found, 0));
	return (found.st_mode & 07777) == 06751 ? YES : OTHER;
}

static int time_kept(const char *name, long nsec)
{
	struct timespec times[2] = { { 1234567891, nsec }, { 1234567891, nsec } };
	struct stat found;

	TRY(touch(target, name));
	TRY(utimensat(target, name, times, 0));
	TRY(fstatat(target, name, &found, 0));
	return found.st_mtim.tv_sec == 1234567891 && found.st_mtim.tv_nsec == nsec ? YES : OTHER;
}

static int nanoseconds_kept(void) { return time_kept("oracle-ns", 987654321); }
static int seconds_kept(void) { return time_kept("oracle-sec", 0); }

static int xattr_kept(const char *key, const void *value, size_t size)
{
	char name[64], found[256];
	int fd;

	snprintf(name, sizeof name, "oracle-%s", key);
	TRY(fd = new_file(target, name));
	TRY(fsetxattr(fd, key, value, size, XATTR_CREATE));
	TRY(fgetxattr(fd, key, found, sizeof found));
	return memcmp(found, value, size) == 0 ? YES : OTHER;
}

static int user_xattr(void) { return xattr_kept("user.oracle", "u", 1); }
static int trusted_xattr(void) { return xattr_kept("trusted.oracle", "t", 1); }

/* cap_net_raw+p, as `setcap` stores it (linux/capability.h: vfs_cap_data, revision 2, little endian). */
static int capability(void)
{
	static const unsigned char raw[20] = { 0, 0, 0, 2, 0, 0x20 };

	return xattr_kept("security.capability", raw, sizeof raw);
}

/* u::rwx,u:99:r--,g::r-x,m::r-x,o::--- (linux/posix_acl_xattr.h). */
static int acl(void)
{
	static const unsigned char list[] = {
		2, 0, 0, 0,
		0x01, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,
		0x02, 0, 4, 0, 99, 0, 0, 0,
		0x04, 0, 5, 0, 0xff, 0xff, 0xff, 0xff,
		0x10, 0, 5, 0, 0xff, 0xff, 0xff, 0xff,
		0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
	};

	return xattr_kept("system.posix_acl_access", list, sizeof list);
}

static int holes(void)
{
	struct stat found;
	int fd = openat(target, "oracle-hole", O_RDWR | O_CREAT | O_EXCL, 0600);

	TRY(fd);
	TRY(pwrite(fd, "x", 1, 4 << 20));
	TRY(fstat(fd, &found));
	return found.st_blocks * 512LL < 4 << 20 ? YES : OTHER;
}

static int symbolic_link(void)
{
	char found[64] = "";

	TRY(symlinkat("to/oracle", target, "oracle-sym"));
	TRY(readlinkat(target, "oracle-sym", found, sizeof found - 1));
	return strcmp(found, "to/oracle") == 0 ? YES : OTHER;
}

static int node(const char *name, mode_t type, dev_t number)
{
	struct stat found;

	TRY(mknodat(target, name, type | 0600, number));
	TRY(fstatat(target, name, &found, AT_SYMLINK_NOFOLLOW));
	return (found.st_mode & S_IFMT) == type && found.st_rdev == number ? YES : OTHER;
}

static int fifo(void) { return node("oracle-fifo", S_IFIFO, 0); }
static int device(void) { return node("oracle-null", S_IFCHR, makedev(1, 3)); }

static int listed(const char *name)
{
	DIR *dir = fdopendir(openat(target, ".", O_RDONLY | O_DIRECTORY));
	struct dirent *entry;
	int found = 0;

	if (dir == NULL)
		die("fdopendir");
	while ((entry = readdir(dir)) != NULL)
		found |= strcmp(entry->d_name, name) == 0;
	closedir(dir);
	return found;
}

static int any_name(void)
{
	static const char name[] = "oracle-\n\033[7m\"*:<>?\\|\xfe (deleted). ";

	TRY(touch(target, name));
	return listed(name) ? YES : OTHER;
}

static int case_sensitive(void)
{
	TRY(touch(target, "oracle-CASE"));
	if (touch(target, "oracle-case") == 0)
		return YES;
	return errno == EEXIST ? OTHER : errno;
}

static int longest_name(void)
{
	char name[4096] = "oracle-";
	struct statvfs limits;

	TRY(fstatvfs(target, &limits));
	memset(name + strlen(name), 'L', limits.f_namemax - strlen(name));
	TRY(touch(target, name));
	return YES;
}

static int unnamed_file(void)
{
	char magic[64];
	int fd = openat(target, ".", O_TMPFILE | O_RDWR, 0600);

	TRY(fd);
	snprintf(magic, sizeof magic, "/proc/self/fd/%d", fd);
	TRY(linkat(AT_FDCWD, magic, target, "oracle-tmpfile", AT_SYMLINK_FOLLOW));
	return YES;
}

static int exec_script(void)
{
	static const char script[] = "#!/bin/sh\nexit 0\n";
	int fd = openat(target, "oracle-script", O_WRONLY | O_CREAT | O_EXCL, 0700), status;
	pid_t child;

	TRY(fd);
	if (write(fd, script, sizeof script - 1) == -1 || close(fd) == -1)
		die("oracle-script");
	child = fork();
	if (child == -1)
		die("fork");
	if (child == 0) {
		if (fchdir(target) == -1)
			_exit(255);
		execl("./oracle-script", "oracle-script", NULL);
		_exit(errno);
	}
	if (waitpid(child, &status, 0) == -1)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : NOT_MEASURED;
}

static const struct {
	const char *name;
	int (*ask)(void);
} questions[] = {
	{ "create", create },
	{ "rename", rename_file },
	{ "renameDirectory", rename_directory },
	{ "link", link_across },
	{ "reflink", clone_across },
	{ "copyRange", copy_across },
	{ "cleanRename", clean_rename },
	{ "cleanStaged", clean_staged },
	{ "noReplace", no_replace },
	{ "exchange", exchange },
	{ "hardLink", hard_link },
	{ "owner", owner_kept },
	{ "mode", mode_kept },
	{ "nanoseconds", nanoseconds_kept },
	{ "seconds", seconds_kept },
	{ "userXattr", user_xattr },
	{ "trustedXattr", trusted_xattr },
	{ "capability", capability },
	{ "acl", acl },
	{ "holes", holes },
	{ "symlink", symbolic_link },
	{ "fifo", fifo },
	{ "device", device },
	{ "anyName", any_name },
	{ "caseSensitive", case_sensitive },
	{ "longestName", longest_name },
	{ "unnamedFile", unnamed_file },
	{ "exec", exec_script },
};

#define COUNT (sizeof questions / sizeof *questions)

/* Removes one entry that was made here; whether there was one. */
static int clean_one(int at)
{
	DIR *dir = fdopendir(openat(at, ".", O_RDONLY | O_DIRECTORY));
	struct dirent *entry;
	char name[300] = "", below[310];

	if (dir == NULL)
		die("fdopendir");
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, "oracle-", 7) == 0)
			strcpy(name, entry->d_name);
	closedir(dir);
	if (*name == '\0')
		return 0;
	snprintf(below, sizeof below, "%s/below", name);
	unlinkat(at, below, AT_REMOVEDIR);
	if (unlinkat(at, name, 0) == -1 && unlinkat(at, name, AT_REMOVEDIR) == -1)
		die(name);
	return 1;
}

static void restore(int dir, const struct stat *before)
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, before->st_mtim };

	if (futimens(dir, times) == -1 && errno != EROFS)
		die("futimens");
}

int main(int argc, char **argv)
{
	struct stat source_before, target_before;
	size_t i;

	if (argc != 3)
		return 2;
	umask(0);
	source = open(argv[1], O_RDONLY | O_DIRECTORY);
	target = open(argv[2], O_RDONLY | O_DIRECTORY);
	if (source == -1 || target == -1)
		die("open");
	if (fstat(source, &source_before) == -1 || fstat(target, &target_before) == -1)
		die("fstat");
	printf("{");
	for (i = 0; i < COUNT; i++) {
		int verdict = questions[i].ask();

		printf("%s\n  \"%s\": ", i == 0 ? "" : ",", questions[i].name);
		if (verdict == YES)
			printf("\"yes\"");
		else if (verdict == OTHER)
			printf("\"no other\"");
		else if (verdict == NOT_MEASURED)
			printf("\"not-measured\"");
		else
			printf("\"no %s\"", strerrorname_np(verdict));
		fflush(stdout);
	}
	printf("\n}\n");
	while (clean_one(source) || clean_one(target));
	restore(source, &source_before);
	restore(target, &target_before);
	return 0;
}
