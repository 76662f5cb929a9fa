/*
 * The fewest system calls that put an image on a root: no plan, no journal, no undo, no sync, no xattrs, no holes.
 * What a merge costs above this is what it pays for its promises.
 *
 *   floor [options] IMAGE ROOT
 *     --rename      one renameat an entry; this is the default
 *     --graft       with --rename: one renameat for a whole directory that the root has not
 *     --copy        new file under a temporary name, owner, mode, times, then renameat; the image stays
 *     --clone       the same, the content by FICLONE
 *     --look        nothing is changed
 *     --md5         of each regular file of the image; with --copy of the bytes as they are copied
 *     --threads N   a directory is the unit of work
 *
 * Every entry is looked at once on either side (fstatat); only on one side where the other cannot have it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/fs.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define OPEN_FILE (O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
#define THREADS_MAX 64

enum { RENAME, COPY, CLONE, LOOK };

static int how = RENAME, grafting;
static const EVP_MD *md5;

/* A directory on both sides. `root` is -1 where only the image's side is looked at. */
struct job {
	struct job *next;
	int image, root;
	int is_new;		/* made by us: gets the image's attributes when it is full */
	struct stat stat;
};

static struct job *jobs;
static int working;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

struct worker {
	EVP_MD_CTX *digest;
	char temporary[32];
	char buffer[256 * 1024];
};

static void check(long status, const char *call, const char *name)
{
	if (status >= 0)
		return;
	fprintf(stderr, "floor: %s `%s`: %s\n", call, name, strerror(errno));
	exit(1);
}

static void push(struct job job)
{
	struct job *copy = malloc(sizeof job);
	check(copy ? 0 : -1, "malloc", "job");
	*copy = job;
	pthread_mutex_lock(&lock);
	copy->next = jobs;
	jobs = copy;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

/* NULL when nothing is left and nobody can bring more. */
static struct job *take(void)
{
	pthread_mutex_lock(&lock);
	while (!jobs && working)
		pthread_cond_wait(&changed, &lock);
	struct job *job = jobs;
	if (job) {
		jobs = job->next;
		working++;
	}
	pthread_mutex_unlock(&lock);
	return job;
}

static void finished(void)
{
	pthread_mutex_lock(&lock);
	if (--working == 0 && !jobs)
		pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Reads `size` bytes through the buffer: digests them, and writes them where `out` is not -1. */
static void pass(struct worker *worker, int in, int out, off_t size, const char *name)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	if (md5)
		EVP_DigestInit_ex(worker->digest, md5, NULL);
	while (size > 0) {
		ssize_t count = read(in, worker->buffer, sizeof worker->buffer);
		check(count, "read", name);
		if (count == 0)
			break;
		if (md5)
			EVP_DigestUpdate(worker->digest, worker->buffer, count);
		/* A short write of a regular file is a full disk: an error here. */
		if (out >= 0)
			check(write(out, worker->buffer, count) == count ? 0 : -1, "write", name);
		size -= count;
	}
	if (md5)
		EVP_DigestFinal_ex(worker->digest, sum, NULL);
}

static void digest(struct worker *worker, int image, const char *name, off_t size)
{
	int in = openat(image, name, OPEN_FILE);
	check(in, "open", name);
	pass(worker, in, -1, size, name);
	close(in);
}

static void copy_content(struct worker *worker, int in, int out, off_t size, const char *name)
{
	/* Between some file systems the kernel copies only through a pipe: asked once, not for each file. */
	static volatile int refused;

	if (md5) {
		pass(worker, in, out, size, name);
		return;
	}
	while (size > 0) {
		/* Another thread may be told meanwhile. */
		int by_pipe = refused;
		ssize_t count = by_pipe ? sendfile(out, in, NULL, size) : copy_file_range(in, NULL, out, NULL, size, 0);
		if (count < 0 && !by_pipe && (errno == EXDEV || errno == EOPNOTSUPP || errno == EINVAL)) {
			refused = 1;
			continue;
		}
		check(count, "copy", name);
		if (count == 0)
			break;
		size -= count;
	}
}

static void copy_file(struct worker *worker, const struct job *dir, const char *name, const struct stat *stat)
{
	struct timespec times[2] = { stat->st_atim, stat->st_mtim };
	int in = openat(dir->image, name, OPEN_FILE);
	check(in, "open", name);
	int out = openat(dir->root, worker->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	check(out, "create", name);
	if (how == CLONE) {
		if (md5)
			pass(worker, in, -1, stat->st_size, name);
		check(ioctl(out, FICLONE, in), "clone", name);
	} else {
		copy_content(worker, in, out, stat->st_size, name);
	}
	check(fchown(out, stat->st_uid, stat->st_gid), "fchown", name);
	check(fchmod(out, stat->st_mode & 07777), "fchmod", name);
	check(futimens(out, times), "futimens", name);
	close(out);
	close(in);
}

static void copy_other(struct worker *worker, const struct job *dir, const char *name, const struct stat *stat)
{
	struct timespec times[2] = { stat->st_atim, stat->st_mtim };
	const char *temporary = worker->temporary;
	if (S_ISLNK(stat->st_mode)) {
		char target[4096];
		ssize_t length = readlinkat(dir->image, name, target, sizeof target - 1);
		check(length, "readlink", name);
		target[length] = 0;
		check(symlinkat(target, dir->root, temporary), "symlink", name);
	} else {
		check(mknodat(dir->root, temporary, stat->st_mode, stat->st_rdev), "mknod", name);
	}
	check(fchownat(dir->root, temporary, stat->st_uid, stat->st_gid, AT_SYMLINK_NOFOLLOW), "fchownat", name);
	check(utimensat(dir->root, temporary, times, AT_SYMLINK_NOFOLLOW), "utimensat", name);
}

static void merge_directory(const struct job *dir, const char *name, const struct stat *stat, int exists)
{
	struct job below = { .stat = *stat, .root = -1 };
	below.image = openat(dir->image, name, OPEN_DIRECTORY);
	check(below.image, "open", name);
	if (dir->root >= 0 && how == RENAME && grafting && !exists) {
		check(renameat(dir->image, name, dir->root, name), "rename", name);
	} else if (dir->root >= 0 && (how != LOOK || exists)) {
		below.is_new = !exists;
		if (!exists)
			check(mkdirat(dir->root, name, 0700), "mkdir", name);
		below.root = openat(dir->root, name, OPEN_DIRECTORY);
		check(below.root, "open", name);
	}
	push(below);
}

static void merge_entry(struct worker *worker, const struct job *dir, const char *name)
{
	struct stat stat, old;
	check(fstatat(dir->image, name, &stat, AT_SYMLINK_NOFOLLOW), "stat", name);
	int exists = dir->root >= 0 && !dir->is_new && fstatat(dir->root, name, &old, AT_SYMLINK_NOFOLLOW) == 0;
	if (S_ISDIR(stat.st_mode)) {
		merge_directory(dir, name, &stat, exists);
		return;
	}
	int only_look = dir->root < 0 || how == LOOK;
	if (md5 && S_ISREG(stat.st_mode) && (only_look || how == RENAME))
		digest(worker, dir->image, name, stat.st_size);
	if (only_look)
		return;
	if (how == RENAME) {
		check(renameat(dir->image, name, dir->root, name), "rename", name);
		return;
	}
	(S_ISREG(stat.st_mode) ? copy_file : copy_other)(worker, dir, name, &stat);
	check(renameat(dir->root, worker->temporary, dir->root, name), "rename", name);
}

static void merge(struct worker *worker, struct job *dir)
{
	DIR *entries = fdopendir(dir->image);
	struct dirent *entry;
	check(entries ? 0 : -1, "fdopendir", ".");
	while ((entry = readdir(entries)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			merge_entry(worker, dir, entry->d_name);
	if (dir->is_new) {
		struct timespec times[2] = { dir->stat.st_atim, dir->stat.st_mtim };
		check(fchown(dir->root, dir->stat.st_uid, dir->stat.st_gid), "fchown", ".");
		check(fchmod(dir->root, dir->stat.st_mode & 07777), "fchmod", ".");
		check(futimens(dir->root, times), "futimens", ".");
	}
	closedir(entries);
	if (dir->root >= 0)
		close(dir->root);
}

static void *work(void *number)
{
	struct worker *worker = malloc(sizeof *worker);
	struct job *job;
	check(worker ? 0 : -1, "malloc", "worker");
	worker->digest = EVP_MD_CTX_new();
	snprintf(worker->temporary, sizeof worker->temporary, ".floor-%ld", (long)number);
	while ((job = take())) {
		merge(worker, job);
		finished();
		free(job);
	}
	return NULL;
}

static int open_top(const char *path)
{
	int top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(top, "open", path);
	return top;
}

int main(int count, char **arguments)
{
	static const struct option options[] = {
		{ "rename", no_argument, &how, RENAME }, { "copy", no_argument, &how, COPY },
		{ "clone", no_argument, &how, CLONE },	 { "look", no_argument, &how, LOOK },
		{ "graft", no_argument, &grafting, 1 },	 { "md5", no_argument, NULL, 'm' },
		{ "threads", required_argument, NULL, 't' }, { 0 },
	};
	pthread_t threads[THREADS_MAX];
	long wanted = 1;
	int option;

	while ((option = getopt_long(count, arguments, "", options, NULL)) != -1) {
		if (option == '?')
			return 2;
		if (option == 'm')
			md5 = EVP_md5();
		if (option == 't')
			wanted = atol(optarg);
	}
	if (count - optind != 2 || wanted < 1 || wanted > THREADS_MAX) {
		fprintf(stderr, "usage: floor [options] IMAGE ROOT\n");
		return 2;
	}
	/* Directories are open from when they are found until they are done. */
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	umask(0);
	push((struct job){ .image = open_top(arguments[optind]), .root = open_top(arguments[optind + 1]) });
	for (long i = 1; i < wanted; i++)
		check(-pthread_create(&threads[i], NULL, work, (void *)i), "create", "thread");
	work(NULL);
	for (long i = 1; i < wanted; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
