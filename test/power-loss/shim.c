/*
 * Remembers, for one process and one directory, what a loss of power would leave of the files in it: loaded in front of the C
 * library (LD_PRELOAD), it sees every flush and writes down what that flush made durable. The disk itself is never asked to
 * flush: what counts is the written record.
 *
 *   LOSS_LIVE     the directory that is watched; everything below it counts
 *   LOSS_RECORD   where the record is kept, on the same file system:
 *                   data-INODE   content of a file as of its last flush
 *                   names-INODE  entries of a directory as of its last flush, one `INODE TYPE NAME` a line
 *                   kept-INODE   a removed file, so that its number is given to no other
 *   LOSS_CONTROL  optional; while these files exist in it:
 *                   full         writes that would make a file grow, and new files, fail with ENOSPC; no block is free
 *                   sync-fails   every flush fails with EIO and makes nothing durable
 *   LOSS_SKIP     optional; flushes of files whose names end so are passed over, as a program would that forgot them
 *   LOSS_PAUSE    optional; the process stops (SIGSTOP) just before each flush, new name, rename and removal
 *
 * A file's content is taken before the flush, so that nothing counts that was written while it went on.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t recording = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))next(#name))
static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

static int below(const char *path) {
  const char *live = getenv("LOSS_LIVE");
  size_t length = live ? strlen(live) : 0;
  return length > 0 && strncmp(path, live, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* The absolute path of an open file that is watched; 0: it is not. */
static int watched(int fd, char path[PATH_MAX]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return below(path);
}

/* The absolute path of a name as a call was given it; 0: it is not watched. */
static int named(int dirfd, const char *name, char path[PATH_MAX]) {
  if (name == NULL) return 0;
  char base[PATH_MAX];
  if (name[0] == '/') {
    snprintf(path, PATH_MAX, "%s", name);
  } else {
    if (dirfd == AT_FDCWD ? getcwd(base, sizeof base) == NULL : !watched(dirfd, base)) return 0;
    if (snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX) return 0;
  }
  return below(path);
}

/* A moment at which a loss of power leaves something else than just before. */
static void happens(void) {
  if (getenv("LOSS_PAUSE") != NULL) kill(getpid(), SIGSTOP);
}

static int controlled(const char *name) {
  const char *control = getenv("LOSS_CONTROL");
  char path[PATH_MAX];
  if (control == NULL) return 0;
  snprintf(path, sizeof path, "%s/%s", control, name);
  return access(path, F_OK) == 0;
}

static int ends_with(const char *path, const char *suffix) {
  size_t length = strlen(path), wanted = strlen(suffix);
  return wanted > 0 && length >= wanted && strcmp(path + length - wanted, suffix) == 0;
}

/* Under `recording`. */
static void publish(FILE *from, const char *temporary, const char *kind, unsigned long inode) {
  char place[PATH_MAX];
  snprintf(place, sizeof place, "%s/%s-%lu", getenv("LOSS_RECORD"), kind, inode);
  if (fclose(from) != 0 || REAL(rename)(temporary, place) != 0) abort();
}

static FILE *begin(char temporary[PATH_MAX]) {
  snprintf(temporary, PATH_MAX, "%s/begun-%d", getenv("LOSS_RECORD"), getpid());
  FILE *file = fopen(temporary, "w");
  if (file == NULL) abort();
  return file;
}

static void record_file(int fd, const struct stat *found) {
  static char block[1 << 16];
  char temporary[PATH_MAX], link[64];
  /* A descriptor of its own would drop the locks of the process when it is closed: only for those that cannot be read. */
  int reader = fd, own = 0;
  if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    reader = open(link, O_RDONLY | O_CLOEXEC);
    own = 1;
  }
  pthread_mutex_lock(&recording);
  FILE *to = begin(temporary);
  off_t offset = 0;
  ssize_t length;
  while ((length = pread(reader, block, sizeof block, offset)) > 0) {
    fwrite(block, 1, (size_t)length, to);
    offset += length;
  }
  publish(to, temporary, "data", found->st_ino);
  pthread_mutex_unlock(&recording);
  if (own) close(reader);
}

static void record_directory(const char *path, const struct stat *found) {
  char temporary[PATH_MAX];
  DIR *directory = opendir(path);
  if (directory == NULL) return;
  pthread_mutex_lock(&recording);
  FILE *to = begin(temporary);
  struct dirent *entry;
  while ((entry = readdir(directory)) != NULL) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    fprintf(to, "%lu %c %s\n", (unsigned long)entry->d_ino, entry->d_type == DT_DIR ? 'd' : 'f', entry->d_name);
  }
  publish(to, temporary, "names", found->st_ino);
  pthread_mutex_unlock(&recording);
  closedir(directory);
}

static int flush(int fd, int (*really)(int)) {
  char path[PATH_MAX];
  struct stat found;
  if (!watched(fd, path) || fstat(fd, &found) != 0) return really(fd);
  happens();
  if (controlled("sync-fails")) {
    errno = EIO;
    return -1;
  }
  const char *skip = getenv("LOSS_SKIP");
  if (skip != NULL && ends_with(path, skip)) return 0;
  if (S_ISREG(found.st_mode)) record_file(fd, &found);
  else if (S_ISDIR(found.st_mode)) record_directory(path, &found);
  return 0;
}

int fsync(int fd) { return flush(fd, REAL(fsync)); }
int fdatasync(int fd) { return flush(fd, REAL(fdatasync)); }

/* ------------------------------------------------------------------ names */

/* A file that loses its last name here may keep it on the disk: its number must not be given to another. */
static void keep(const char *path) {
  struct stat found;
  char place[PATH_MAX];
  if (lstat(path, &found) != 0 || !S_ISREG(found.st_mode) || found.st_nlink != 1) return;
  snprintf(place, sizeof place, "%s/kept-%lu", getenv("LOSS_RECORD"), (unsigned long)found.st_ino);
  if (link(path, place) != 0 && errno != EEXIST) abort();
}

static void removing(int dirfd, const char *name) {
  char path[PATH_MAX];
  int before = errno;
  if (named(dirfd, name, path)) {
    happens();
    keep(path);
  }
  errno = before;
}

int unlink(const char *name) {
  removing(AT_FDCWD, name);
  return REAL(unlink)(name);
}
int unlinkat(int dirfd, const char *name, int flags) {
  if ((flags & AT_REMOVEDIR) == 0) removing(dirfd, name);
  return REAL(unlinkat)(dirfd, name, flags);
}
int remove(const char *name) {
  removing(AT_FDCWD, name);
  return REAL(remove)(name);
}

static void renaming(int dirfd, const char *to) {
  char path[PATH_MAX];
  int before = errno;
  if (named(dirfd, to, path)) {
    happens();
    keep(path);
  }
  errno = before;
}

int rename(const char *from, const char *to) {
  renaming(AT_FDCWD, to);
  return REAL(rename)(from, to);
}
int renameat(int fromfd, const char *from, int tofd, const char *to) {
  renaming(tofd, to);
  return REAL(renameat)(fromfd, from, tofd, to);
}
int renameat2(int fromfd, const char *from, int tofd, const char *to, unsigned flags) {
  renaming(tofd, to);
  return REAL(renameat2)(fromfd, from, tofd, to, flags);
}

/* Answers whether the open may go on. */
static int opening(int dirfd, const char *name, int flags) {
  char path[PATH_MAX];
  if ((flags & O_CREAT) == 0 || !named(dirfd, name, path) || access(path, F_OK) == 0) return 1;
  happens();
  if (!controlled("full")) return 1;
  errno = ENOSPC;
  return 0;
}

#define MODE_OF(flags)                              \
  mode_t mode = 0;                                  \
  if ((flags) & (O_CREAT | __O_TMPFILE)) {          \
    va_list rest;                                   \
    va_start(rest, flags);                          \
    mode = va_arg(rest, mode_t);                    \
    va_end(rest);                                   \
  }

int open(const char *name, int flags, ...) {
  MODE_OF(flags)
  return opening(AT_FDCWD, name, flags) ? REAL(open)(name, flags, mode) : -1;
}
int open64(const char *name, int flags, ...) {
  MODE_OF(flags)
  return opening(AT_FDCWD, name, flags) ? REAL(open64)(name, flags, mode) : -1;
}
int openat(int dirfd, const char *name, int flags, ...) {
  MODE_OF(flags)
  return opening(dirfd, name, flags) ? REAL(openat)(dirfd, name, flags, mode) : -1;
}

/* ------------------------------------------------------------------ room */

/* Whether `count` more bytes at the offset (-1: where the file stands) find room; sets errno where they do not. */
static int finds_room(int fd, off_t offset, size_t count) {
  char path[PATH_MAX];
  struct stat found;
  if (getenv("LOSS_CONTROL") == NULL || fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) return 1;
  if (!watched(fd, path) || !controlled("full")) return 1;
  if (offset < 0) offset = (fcntl(fd, F_GETFL) & O_APPEND) ? found.st_size : lseek(fd, 0, SEEK_CUR);
  if (offset + (off_t)count <= found.st_size) return 1;
  errno = ENOSPC;
  return 0;
}

static size_t total(const struct iovec *parts, int count) {
  size_t bytes = 0;
  for (int index = 0; index < count; index++) bytes += parts[index].iov_len;
  return bytes;
}

ssize_t write(int fd, const void *bytes, size_t count) {
  return finds_room(fd, -1, count) ? REAL(write)(fd, bytes, count) : -1;
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  return finds_room(fd, offset, count) ? REAL(pwrite)(fd, bytes, count, offset) : -1;
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  return finds_room(fd, offset, count) ? REAL(pwrite64)(fd, bytes, count, offset) : -1;
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  return finds_room(fd, -1, total(parts, count)) ? REAL(writev)(fd, parts, count) : -1;
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  return finds_room(fd, offset, total(parts, count)) ? REAL(pwritev)(fd, parts, count, offset) : -1;
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  return finds_room(fd, offset, total(parts, count)) ? REAL(pwritev64)(fd, parts, count, offset) : -1;
}
int ftruncate(int fd, off_t length) {
  return finds_room(fd, 0, (size_t)length) ? REAL(ftruncate)(fd, length) : -1;
}
int ftruncate64(int fd, off64_t length) {
  return finds_room(fd, 0, (size_t)length) ? REAL(ftruncate64)(fd, length) : -1;
}

int statfs(const char *path, struct statfs *found) {
  int result = REAL(statfs)(path, found);
  char absolute[PATH_MAX];
  if (result == 0 && named(AT_FDCWD, path, absolute) && controlled("full")) found->f_bavail = 0;
  return result;
}
int statfs64(const char *path, struct statfs64 *found) {
  int result = REAL(statfs64)(path, found);
  char absolute[PATH_MAX];
  if (result == 0 && named(AT_FDCWD, path, absolute) && controlled("full")) found->f_bavail = 0;
  return result;
}
