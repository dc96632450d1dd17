/* A disk that fails when told: preloaded before libc, steered through a small mapped file.
 *
 * COMITY_DISK names that file. Whoever maps it too (failing_disk.py) says which calls fail, on paths
 * under which folder, with which error, after how many that succeed, and how many of them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WRITE = 1, FLUSH = 2, META = 4, OPEN = 8, FOLDER = 16, LINK = 32, GROW = 64 };

struct control {
    uint32_t kinds;   /* which calls fail; 0: none */
    int32_t error;    /* errno; 0: half of what was to be written is, without an error */
    uint32_t pass;    /* so many of them succeed first */
    uint32_t count;   /* then so many fail; 0: all, until told otherwise */
    uint32_t hits;    /* so many have failed */
    uint32_t done;    /* so many of those are done all the same before they fail */
    uint32_t hang;    /* whether a call that fails returns only once nothing fails any more */
    char folder[1024];
};

static struct control *control;

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("COMITY_DISK");
    int fd = file ? (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR) : -1;
    if (fd < 0) return;
    void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) control = at;
    close(fd);
}

#define REAL(name) ({ static __typeof__(&name) real; \
    real ? real : (real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)); })

static int wanted(uint32_t kind) {
    return control && (__atomic_load_n(&control->kinds, __ATOMIC_SEQ_CST) & kind);
}

/* 0: the call succeeds; otherwise, which of those that fail it is. */
static uint32_t fails(uint32_t kind, const char *path) {
    size_t length = strlen(control->folder);
    if (!wanted(kind) || strncmp(path, control->folder, length) != 0) return 0;
    for (;;) {
        uint32_t pass = __atomic_load_n(&control->pass, __ATOMIC_SEQ_CST);
        if (!pass) break;
        if (__atomic_compare_exchange_n(&control->pass, &pass, pass - 1, 0, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return 0;
    }
    uint32_t hit = __atomic_add_fetch(&control->hits, 1, __ATOMIC_SEQ_CST);
    if (control->count && hit > control->count) {
        __atomic_sub_fetch(&control->hits, 1, __ATOMIC_SEQ_CST);
        return 0;
    }
    while (control->hang && wanted(~0u)) usleep(1000);
    return hit;
}

static uint32_t fd_fails(uint32_t kind, int fd) {
    char name[64], path[1024];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(kind, path);
}

/* LMDB writes a meta page, one of the first two, with less than a page. */
static uint32_t kind_of(size_t bytes, off_t offset) {
    return offset >= 0 && offset < 8192 && bytes < 1024 ? META : WRITE;
}

#define FAIL(call) do { \
    if (hit <= control->done) (void)!(call); \
    errno = control->error; \
    return -1; } while (0)

#define WRITER(name, kind, half, real, parameters) \
    ssize_t name parameters { \
        uint32_t hit = wanted(WRITE | META) ? fd_fails(kind, fd) : 0; \
        if (hit && !control->error) return half; \
        if (hit) FAIL(real); \
        return real; \
    }

WRITER(write, WRITE, REAL(write)(fd, data, bytes / 2), REAL(write)(fd, data, bytes),
       (int fd, const void *data, size_t bytes))
WRITER(pwrite, kind_of(bytes, offset), REAL(pwrite)(fd, data, bytes / 2, offset),
       REAL(pwrite)(fd, data, bytes, offset), (int fd, const void *data, size_t bytes, off_t offset))
WRITER(pwrite64, kind_of(bytes, offset), REAL(pwrite64)(fd, data, bytes / 2, offset),
       REAL(pwrite64)(fd, data, bytes, offset),
       (int fd, const void *data, size_t bytes, off64_t offset))
WRITER(writev, WRITE, REAL(writev)(fd, parts, count / 2), REAL(writev)(fd, parts, count),
       (int fd, const struct iovec *parts, int count))
WRITER(pwritev, WRITE, REAL(pwritev)(fd, parts, count / 2, offset),
       REAL(pwritev)(fd, parts, count, offset),
       (int fd, const struct iovec *parts, int count, off_t offset))
WRITER(pwritev64, WRITE, REAL(pwritev64)(fd, parts, count / 2, offset),
       REAL(pwritev64)(fd, parts, count, offset),
       (int fd, const struct iovec *parts, int count, off64_t offset))

#define CALL(name, kind, check, real, parameters) \
    int name parameters { \
        uint32_t hit = wanted(kind) ? check : 0; \
        if (hit) FAIL(real); \
        return real; \
    }

CALL(fsync, FLUSH, fd_fails(FLUSH, fd), REAL(fsync)(fd), (int fd))
CALL(fdatasync, FLUSH, fd_fails(FLUSH, fd), REAL(fdatasync)(fd), (int fd))
CALL(ftruncate, GROW, fd_fails(GROW, fd), REAL(ftruncate)(fd, size), (int fd, off_t size))
CALL(ftruncate64, GROW, fd_fails(GROW, fd), REAL(ftruncate64)(fd, size), (int fd, off64_t size))
/* The same for a name in an open folder. */
static uint32_t at_fails(uint32_t kind, int folder, const char *name) {
    char link[64], path[2048];
    if (folder == AT_FDCWD || *name == '/') return fails(kind, name);
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, path, 1024);
    if (length < 0) return 0;
    snprintf(path + length, sizeof path - length, "/%s", name);
    return fails(kind, path);
}

CALL(mkdirat, FOLDER, at_fails(FOLDER, folder, path), REAL(mkdirat)(folder, path, mode),
     (int folder, const char *path, mode_t mode))
CALL(renameat, LINK, at_fails(LINK, there, new), REAL(renameat)(here, old, there, new),
     (int here, const char *old, int there, const char *new))
CALL(symlinkat, LINK, at_fails(LINK, folder, new), REAL(symlinkat)(old, folder, new),
     (const char *old, int folder, const char *new))
CALL(mkdir, FOLDER, fails(FOLDER, path), REAL(mkdir)(path, mode), (const char *path, mode_t mode))
CALL(rename, LINK, fails(LINK, new), REAL(rename)(old, new), (const char *old, const char *new))
CALL(symlink, LINK, fails(LINK, new), REAL(symlink)(old, new), (const char *old, const char *new))
CALL(unlink, LINK, fails(LINK, path), REAL(unlink)(path), (const char *path))

int posix_fallocate(int fd, off_t offset, off_t bytes) {
    if (wanted(GROW) && fd_fails(GROW, fd)) return control->error;
    return REAL(posix_fallocate)(fd, offset, bytes);
}

int posix_fallocate64(int fd, off64_t offset, off64_t bytes) {
    if (wanted(GROW) && fd_fails(GROW, fd)) return control->error;
    return REAL(posix_fallocate64)(fd, offset, bytes);
}

#define OPENER(name) \
    int name(const char *path, int flags, ...) { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = va_arg(rest, mode_t); \
        va_end(rest); \
        if (wanted(OPEN) && fails(OPEN, path)) { errno = control->error; return -1; } \
        return REAL(name)(path, flags, mode); \
    }

OPENER(open)
OPENER(open64)

#define AT_OPENER(name) \
    int name(int folder, const char *path, int flags, ...) { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = va_arg(rest, mode_t); \
        va_end(rest); \
        if (wanted(OPEN) && at_fails(OPEN, folder, path)) { errno = control->error; return -1; } \
        return REAL(name)(folder, path, flags, mode); \
    }

AT_OPENER(openat)
AT_OPENER(openat64)
