/*
 * Lets one system call of a process fail, come short or hang. LD_PRELOAD it; IMAGEIO_FAULTS names the file that holds
 * the plan (struct plan), which tests change while the process runs. Calls on files count only below the directory
 * IMAGEIO_FAULTS_DIRECTORY; calls on sockets count all.
 *
 * .NET looks up the functions of the C library with dlsym in the library's own handle, which LD_PRELOAD does not
 * change. So dlsym is replaced, too.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct plan {
    _Atomic int is_armed;
    int nth;               /* counted from 1 */
    int error;             /* errno; 0: it does its work */
    int shorten;           /* 1: half of the bytes only */
    _Atomic int hangs;     /* as long as it is 1 */
    _Atomic int count;     /* calls so far */
    _Atomic int struck;    /* calls that the plan changed */
    char call[36];
};

static struct plan *plan;
static char directory[PATH_MAX];
static size_t directory_length;

static void *real(const char *name)
{
    typedef void *(*look_up)(void *, const char *);
    static const char *const versions[] = { "GLIBC_2.34", "GLIBC_2.17", "GLIBC_2.2.5" };
    static look_up found;
    for (size_t i = 0; !found && i < sizeof versions / sizeof *versions; i++)
        found = (look_up)dlvsym(RTLD_NEXT, "dlsym", versions[i]);
    return found(RTLD_NEXT, name);
}

__attribute__((constructor)) static void start(void)
{
    const char *file = getenv("IMAGEIO_FAULTS");
    const char *below = getenv("IMAGEIO_FAULTS_DIRECTORY");
    if (!file || !below)
        return;
    directory_length = strlen(below);
    memcpy(directory, below, directory_length + 1);
    int (*open_file)(const char *, int, ...) = (int (*)(const char *, int, ...))real("open");
    int descriptor = open_file(file, O_RDWR | O_CLOEXEC);
    void *mapped = descriptor < 0
        ? MAP_FAILED
        : mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED) {
        perror(file);
        _exit(99);
    }
    plan = mapped;
}

static int is_below(const char *path)
{
    return strncmp(path, directory, directory_length) == 0 && path[directory_length] == '/';
}

static int is_meant(const char *call)
{
    return plan && atomic_load(&plan->is_armed) && strcmp(plan->call, call) == 0;
}

/* Whether the plan changes this call. */
static int strikes(void)
{
    if (atomic_fetch_add(&plan->count, 1) + 1 != plan->nth)
        return 0;
    atomic_fetch_add(&plan->struck, 1);
    while (atomic_load(&plan->hangs))
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    return 1;
}

static int strikes_file(const char *call, int file)
{
    if (!is_meant(call))
        return 0;
    char name[64], path[PATH_MAX];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = readlink(name, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    return is_below(path) && strikes();
}

static int fails(void)
{
    if (plan->error)
        errno = plan->error;
    return plan->error != 0;
}

static size_t shortened(size_t length)
{
    /* Direct I/O needs whole sectors. */
    return plan->shorten ? (length / 2 + 4095) / 4096 * 4096 : length;
}

#define REAL(type, name) \
    static type (*next)(); \
    if (!next) \
        next = (type (*)())real(name)

/* Of functions with a fixed list of arguments whose first one is a file. */
#define WRAP(type, name, parameters, arguments) \
    static type wrapped_##name parameters \
    { \
        REAL(type, #name); \
        return strikes_file(#name, file) && fails() ? (type)-1 : next arguments; \
    }

WRAP(int, fsync, (int file), (file))
WRAP(int, fallocate, (int file, int mode, off_t offset, off_t length), (file, mode, offset, length))
WRAP(off_t, lseek, (int file, off_t offset, int whence), (file, offset, whence))
WRAP(int, ftruncate, (int file, off_t length), (file, length))
WRAP(int, sync_file_range, (int file, off_t offset, off_t length, unsigned flags), (file, offset, length, flags))
WRAP(int, ioctl, (int file, unsigned long request, void *argument), (file, request, argument))

static ssize_t wrapped_pread(int file, void *bytes, size_t length, off_t offset)
{
    REAL(ssize_t, "pread");
    int strikes = strikes_file("pread", file);
    return strikes && fails() ? -1 : next(file, bytes, strikes ? shortened(length) : length, offset);
}

static ssize_t wrapped_pwrite(int file, const void *bytes, size_t length, off_t offset)
{
    REAL(ssize_t, "pwrite");
    int strikes = strikes_file("pwrite", file);
    return strikes && fails() ? -1 : next(file, bytes, strikes ? shortened(length) : length, offset);
}

/* close(2) closes the file whatever it returns. */
static int wrapped_close(int file)
{
    REAL(int, "close");
    int strikes = strikes_file("close", file);
    int result = next(file);
    return strikes && fails() ? -1 : result;
}

static int wrapped_statx(int at, const char *path, int flags, unsigned mask, void *status)
{
    REAL(int, "statx");
    int strikes_now = is_meant("statx") && is_below(path) ? strikes() : *path == 0 && strikes_file("statx", at);
    return strikes_now && fails() ? -1 : next(at, path, flags, mask, status);
}

static int wrapped_open(const char *path, int flags, ...)
{
    REAL(int, "open");
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return is_meant("open") && is_below(path) && strikes() && fails() ? -1 : next(path, flags, mode);
}

static ssize_t wrapped_recv(int socket, void *bytes, size_t length, int flags)
{
    REAL(ssize_t, "recv");
    int strikes_now = is_meant("recv") && strikes();
    return strikes_now && fails() ? -1 : next(socket, bytes, strikes_now && plan->shorten ? 1 : length, flags);
}

static ssize_t wrapped_send(int socket, const void *bytes, size_t length, int flags)
{
    REAL(ssize_t, "send");
    int strikes_now = is_meant("send") && strikes();
    return strikes_now && fails() ? -1 : next(socket, bytes, strikes_now && plan->shorten ? 1 : length, flags);
}

static int wrapped_epoll_ctl(int epoll, int operation, int file, void *event)
{
    REAL(int, "epoll_ctl");
    return is_meant("epoll_ctl") && strikes() && fails() ? -1 : next(epoll, operation, file, event);
}

static int wrapped_accept4(int listener, struct sockaddr *address, socklen_t *length, int flags)
{
    REAL(int, "accept4");
    return is_meant("accept4") && strikes() && fails() ? -1 : next(listener, address, length, flags);
}

static const struct {
    const char *name;
    void *function;
} wrapped[] = {
    { "fsync", wrapped_fsync },
    { "fallocate", wrapped_fallocate },
    { "lseek", wrapped_lseek },
    { "ftruncate", wrapped_ftruncate },
    { "sync_file_range", wrapped_sync_file_range },
    { "ioctl", wrapped_ioctl },
    { "pread", wrapped_pread },
    { "pwrite", wrapped_pwrite },
    { "close", wrapped_close },
    { "statx", wrapped_statx },
    { "recv", wrapped_recv },
    { "send", wrapped_send },
    { "epoll_ctl", wrapped_epoll_ctl },
};

void *dlsym(void *handle, const char *name)
{
    typedef void *(*look_up)(void *, const char *);
    static look_up next;
    if (!next)
        next = (look_up)real("dlsym");
    for (size_t i = 0; i < sizeof wrapped / sizeof *wrapped; i++)
        if (strcmp(name, wrapped[i].name) == 0)
            return wrapped[i].function;
    return next(handle, name);
}

/* Called by native libraries, which are linked with the C library. */
int open(const char *path, int flags, ...) __attribute__((alias("wrapped_open")));
int open64(const char *path, int flags, ...) __attribute__((alias("wrapped_open")));
/* open without a mode, as _FORTIFY_SOURCE compiles it. */
int __open_2(const char *path, int flags) { return wrapped_open(path, flags); }
int __open64_2(const char *path, int flags) { return wrapped_open(path, flags); }
int accept4(int listener, struct sockaddr *address, socklen_t *length, int flags)
    __attribute__((alias("wrapped_accept4")));
