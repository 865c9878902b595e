/* A witness between a program and its disk, for the proofs of power cuts and of disks that fail.
 *
 * Loaded with LD_PRELOAD, it writes down in one file, in the order of their effects, every change that
 * the program asks for below DESKBELL_DISK_ROOT, every flush, and everything that it says on its standard
 * output: what was said can then be held against what a disk had been told to keep by then. With
 * DESKBELL_DISK_FAIL=<error>:<first>[:<count>] it lets these changes fail instead (eio, enospc), or
 * carries out half of a write (short).
 *
 * A record: length, kind, process, two numbers, two byte strings with their lengths. Everything is little
 * endian; tests/src/prove/power/witness.rs reads it.
 *
 * SIGUSR1 ends the program as SIGKILL does, and between two records: an effect that the world outside can
 * see is written down before the program dies of what the world does about it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { DESCRIPTORS = 65536, PATH = 4096, FAIL_NOT = 0, FAIL_SHORT = -1 };

static char root[PATH];
static int log_file = -1;
static unsigned char known[DESCRIPTORS];
static int fail_with = FAIL_NOT;
static long fail_first, fail_count, changes;
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static void put(char kind, int64_t a, int64_t b, const void *x, size_t x_len, const void *y, size_t y_len) {
    unsigned char head[33];
    uint32_t length = (uint32_t)(sizeof head - 4 + x_len + y_len), pid = (uint32_t)getpid();
    uint32_t xl = (uint32_t)x_len, yl = (uint32_t)y_len;
    memcpy(head, &length, 4);
    head[4] = (unsigned char)kind;
    memcpy(head + 5, &pid, 4);
    memcpy(head + 9, &a, 8);
    memcpy(head + 17, &b, 8);
    memcpy(head + 25, &xl, 4);
    memcpy(head + 29, &yl, 4);
    struct iovec parts[3] = {{head, sizeof head}, {(void *)x, x_len}, {(void *)y, y_len}};
    ssize_t whole = (ssize_t)(sizeof head + x_len + y_len);
    /* A witness that loses a word is worse than none. */
    if (syscall(SYS_writev, log_file, parts, 3) != whole) abort();
}

static sem_t death;

/* All that a handler may do: which thread has it cannot be chosen, for some were there before this library. */
static void called(int signal) {
    (void)signal;
    sem_post(&death);
}

static void *die_between_records(void *nothing) {
    while (sem_wait(&death) != 0);
    pthread_mutex_lock(&one_at_a_time);
    syscall(SYS_kill, getpid(), SIGKILL);
    /* The lock is never given back: nothing is changed any more that is not written down. */
    for (;;) pause();
    return nothing;
}

static void wait_for_death(void) {
    pthread_t waiting;
    struct sigaction action = {.sa_handler = called, .sa_flags = SA_RESTART};
    if (sem_init(&death, 0, 0) != 0 || pthread_create(&waiting, NULL, die_between_records, NULL) != 0) abort();
    if (sigaction(SIGUSR1, &action, NULL) != 0) abort();
}

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("DESKBELL_DISK_ROOT"), *file = getenv("DESKBELL_DISK_LOG");
    const char *fail = getenv("DESKBELL_DISK_FAIL");
    if (!folder || !file || strlen(folder) >= sizeof root) return;
    /* The one that starts the program does not matter, and what the program starts neither. */
    if (!strcmp(program_invocation_short_name, "setpriv")) return;
    unsetenv("LD_PRELOAD");
    strcpy(root, folder);
    int opened = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (opened < 0) abort();
    log_file = (int)syscall(SYS_fcntl, opened, F_DUPFD_CLOEXEC, 1000);
    syscall(SYS_close, opened);
    if (log_file < 0) abort();
    if (fail) {
        char kind[16] = "";
        fail_count = 1;
        if (sscanf(fail, "%15[a-z]:%ld:%ld", kind, &fail_first, &fail_count) < 2) abort();
        fail_with = !strcmp(kind, "eio") ? EIO : !strcmp(kind, "enospc") ? ENOSPC : FAIL_SHORT;
    }
    put('X', 0, 0, "", 0, "", 0);
    wait_for_death();
}

#define LOCK pthread_mutex_lock(&one_at_a_time)
#define UNLOCK pthread_mutex_unlock(&one_at_a_time)

static int below(const char *path) {
    size_t length = strlen(root);
    return log_file >= 0 && !strncmp(path, root, length) && (path[length] == '/' || path[length] == 0);
}

static int is_known(int fd) { return log_file >= 0 && fd >= 0 && fd < DESCRIPTORS && known[fd]; }

/* The whole path, or none where it is not below the root. */
static const char *whole(int folder, const char *path, char *space) {
    if (log_file < 0 || !path) return NULL;
    if (path[0] == '/') return below(path) ? path : NULL;
    char link[64];
    snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, space, PATH - 1);
    if (length < 0) return NULL;
    snprintf(space + length, (size_t)(PATH - length), "/%s", path);
    return below(space) ? space : NULL;
}

/* Whether this change is one that shall fail. The lock is held. */
static int fails(void) {
    if (fail_with == FAIL_NOT) return 0;
    changes++;
    if (changes < fail_first || changes >= fail_first + fail_count) return 0;
    put('E', changes, fail_with, "", 0, "", 0);
    if (fail_with > 0) errno = fail_with;
    return fail_with;
}

static int do_open(int folder, const char *path, int flags, mode_t mode) {
    char space[PATH];
    const char *name = whole(folder, path, space);
    if (!name) {
        int fd = (int)syscall(SYS_openat, folder, path, flags, mode);
        if (fd >= 0 && fd < DESCRIPTORS) known[fd] = 0;
        return fd;
    }
    LOCK;
    struct stat before;
    int existed = stat(name, &before) == 0;
    int changing = ((flags & O_CREAT) && !existed) || (flags & O_TRUNC);
    int fd = changing && fails() > 0 ? -1 : (int)syscall(SYS_openat, folder, path, flags, mode);
    int error = errno;
    if (fd >= 0 && fd < DESCRIPTORS) {
        known[fd] = 1;
        put('O', fd, (existed ? 0 : 1) | (flags & O_TRUNC ? 2 : 0), name, strlen(name), "", 0);
    }
    UNLOCK;
    errno = error;
    return fd;
}

static mode_t mode_of(int flags, va_list rest) {
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

#define OPEN(name)                                         \
    int name(const char *path, int flags, ...) {           \
        va_list rest;                                      \
        va_start(rest, flags);                             \
        mode_t mode = mode_of(flags, rest);                \
        va_end(rest);                                      \
        return do_open(AT_FDCWD, path, flags, mode);       \
    }
#define OPENAT(name)                                       \
    int name(int folder, const char *path, int flags, ...) { \
        va_list rest;                                      \
        va_start(rest, flags);                             \
        mode_t mode = mode_of(flags, rest);                \
        va_end(rest);                                      \
        return do_open(folder, path, flags, mode);         \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
int creat(const char *path, mode_t mode) { return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) {
    if (!is_known(fd)) return (int)syscall(SYS_close, fd);
    LOCK;
    known[fd] = 0;
    put('C', fd, 0, "", 0, "", 0);
    int done = (int)syscall(SYS_close, fd), error = errno;
    UNLOCK;
    errno = error;
    return done;
}

static int64_t end_or_place(int fd) {
    struct stat now;
    int flags = (int)syscall(SYS_fcntl, fd, F_GETFL);
    if (flags & O_APPEND) return fstat(fd, &now) == 0 ? now.st_size : 0;
    return syscall(SYS_lseek, fd, 0, SEEK_CUR);
}

/* At `place`, or where the descriptor stands. */
static ssize_t do_write(int fd, const void *bytes, size_t count, int64_t place) {
    LOCK;
    int fault = fails();
    ssize_t done = -1;
    int error = errno;
    if (fault <= 0) {
        if (fault == FAIL_SHORT && count > 1) count /= 2;
        int64_t at = place >= 0 ? place : end_or_place(fd);
        done = place >= 0 ? syscall(SYS_pwrite64, fd, bytes, count, place) : syscall(SYS_write, fd, bytes, count);
        error = errno;
        if (done > 0) put('W', fd, at, bytes, (size_t)done, "", 0);
    }
    UNLOCK;
    errno = error;
    return done;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (is_known(fd)) return do_write(fd, bytes, count, -1);
    if (fd != STDOUT_FILENO || log_file < 0) return syscall(SYS_write, fd, bytes, count);
    LOCK;
    ssize_t done = syscall(SYS_write, fd, bytes, count);
    int error = errno;
    if (done > 0) put('S', 0, 0, bytes, (size_t)done, "", 0);
    UNLOCK;
    errno = error;
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t place) {
    return is_known(fd) ? do_write(fd, bytes, count, place) : syscall(SYS_pwrite64, fd, bytes, count, place);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t place) { return pwrite(fd, bytes, count, place); }

/* One part alone: the caller goes on with the rest, as after any short write. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!is_known(fd) && (fd != STDOUT_FILENO || log_file < 0)) return syscall(SYS_writev, fd, parts, count);
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len > 0) return write(fd, parts[i].iov_base, parts[i].iov_len);
    return 0;
}

static int do_truncate(int fd, int64_t size) {
    LOCK;
    int done = fails() > 0 ? -1 : (int)syscall(SYS_ftruncate, fd, size);
    int error = errno;
    if (done == 0) put('T', fd, size, "", 0, "", 0);
    UNLOCK;
    errno = error;
    return done;
}
int ftruncate(int fd, off_t size) {
    return is_known(fd) ? do_truncate(fd, size) : (int)syscall(SYS_ftruncate, fd, size);
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

static int flush(int fd, long call) {
    if (!is_known(fd)) return (int)syscall(call, fd);
    LOCK;
    int done = fails() > 0 ? -1 : (int)syscall(call, fd);
    int error = errno;
    if (done == 0) put('F', fd, 0, "", 0, "", 0);
    UNLOCK;
    errno = error;
    return done;
}
int fsync(int fd) { return flush(fd, SYS_fsync); }
int fdatasync(int fd) { return flush(fd, SYS_fdatasync); }

/* A change of names: the kind, the call's result, and the one or two names. */
#define NAMES(kind, call, a, b)                                        \
    do {                                                               \
        LOCK;                                                          \
        int done = fails() > 0 ? -1 : (int)(call), error = errno;      \
        if (done == 0) put(kind, 0, 0, a, strlen(a), b, strlen(b));    \
        UNLOCK;                                                        \
        errno = error;                                                 \
        return done;                                                   \
    } while (0)

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    char x[PATH], y[PATH];
    const char *a = whole(from_folder, from, x), *b = whole(to_folder, to, y);
    if (!a || !b) return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    NAMES('R', syscall(SYS_renameat2, from_folder, from, to_folder, to, flags), a, b);
}
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return renameat2(from_folder, from, to_folder, to, 0);
}
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    char x[PATH], y[PATH];
    const char *a = whole(from_folder, from, x), *b = whole(to_folder, to, y);
    if (!a || !b) return (int)syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
    NAMES('L', syscall(SYS_linkat, from_folder, from, to_folder, to, flags), a, b);
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int folder, const char *path, int flags) {
    char x[PATH];
    const char *a = whole(folder, path, x);
    if (!a) return (int)syscall(SYS_unlinkat, folder, path, flags);
    NAMES('U', syscall(SYS_unlinkat, folder, path, flags), a, "");
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int folder, const char *path, mode_t mode) {
    char x[PATH];
    const char *a = whole(folder, path, x);
    if (!a) return (int)syscall(SYS_mkdirat, folder, path, mode);
    NAMES('K', syscall(SYS_mkdirat, folder, path, mode), a, "");
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* What would copy past us is not there; the caller then reads and writes. */
ssize_t copy_file_range(int from, off64_t *a, int to, off64_t *b, size_t count, unsigned flags) {
    if (!is_known(to)) return syscall(SYS_copy_file_range, from, a, to, b, count, flags);
    errno = ENOSYS;
    return -1;
}
ssize_t sendfile64(int to, int from, off64_t *place, size_t count) {
    if (!is_known(to)) return syscall(SYS_sendfile, to, from, place, count);
    errno = ENOSYS;
    return -1;
}
ssize_t sendfile(int to, int from, off_t *place, size_t count) { return sendfile64(to, from, place, count); }
int fallocate64(int fd, int mode, off64_t from, off64_t count) {
    if (!is_known(fd)) return (int)syscall(SYS_fallocate, fd, mode, from, count);
    errno = EOPNOTSUPP;
    return -1;
}
int fallocate(int fd, int mode, off_t from, off_t count) { return fallocate64(fd, mode, from, count); }

/* A descriptor may be had twice. */
static int doubled(int old, int fd) {
    if (fd >= 0 && fd < DESCRIPTORS && fd != old) {
        known[fd] = (unsigned char)is_known(old);
        if (known[fd]) put('P', old, fd, "", 0, "", 0);
    }
    return fd;
}
int dup(int old) {
    LOCK;
    int fd = doubled(old, (int)syscall(SYS_dup, old)), error = errno;
    UNLOCK;
    errno = error;
    return fd;
}
int dup3(int old, int wanted, int flags) {
    LOCK;
    int fd = doubled(old, (int)syscall(SYS_dup3, old, wanted, flags)), error = errno;
    UNLOCK;
    errno = error;
    return fd;
}
int dup2(int old, int wanted) { return old == wanted ? old : dup3(old, wanted, 0); }

static int do_fcntl(int fd, int command, void *value) {
    if (command != F_DUPFD && command != F_DUPFD_CLOEXEC) return (int)syscall(SYS_fcntl, fd, command, value);
    LOCK;
    int copy = doubled(fd, (int)syscall(SYS_fcntl, fd, command, value)), error = errno;
    UNLOCK;
    errno = error;
    return copy;
}
#define FCNTL(name)                            \
    int name(int fd, int command, ...) {       \
        va_list rest;                          \
        va_start(rest, command);               \
        void *value = va_arg(rest, void *);    \
        va_end(rest);                          \
        return do_fcntl(fd, command, value);   \
    }
FCNTL(fcntl)
FCNTL(fcntl64)
