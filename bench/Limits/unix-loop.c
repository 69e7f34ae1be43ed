/*
 * The least that a server can do between a Unix socket and a file: one thread, one connection at a time, read(2) and
 * pwrite(2), or pread(2) and write(2), in one aligned buffer. It answers curl, so that the client is the same one as the
 * daemon's; it checks nothing. What the daemon takes more than this is its own.
 *
 * Usage: unix-loop SOCKET FILE BUFFER_BYTES
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char *buffer;
static size_t size;

static void send_all(int socket, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(socket, bytes, length, MSG_NOSIGNAL);
        if (sent < 0)
            return;
        bytes += sent;
        length -= (size_t)sent;
    }
}

/* The value of a header's number; -1 if the header is not there. */
static long long number_of(const char *head, const char *name)
{
    const char *found = strcasestr(head, name);
    return found ? atoll(found + strlen(name)) : -1;
}

static void upload(int socket, int file, const char *early, size_t early_length, long long length)
{
    off_t offset = 0;
    size_t filled = early_length;
    memcpy(buffer, early, early_length);
    while (length > 0) {
        size_t want = length < (long long)size ? (size_t)length : size;
        while (filled < want) {
            ssize_t got = recv(socket, buffer + filled, want - filled, 0);
            if (got <= 0)
                return;
            filled += (size_t)got;
        }
        if (pwrite(file, buffer, want, offset) != (ssize_t)want)
            err(1, "pwrite");
        offset += (off_t)want;
        length -= (long long)want;
        filled = 0;
    }
    send_all(socket, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 38);
}

static void download(int socket, int file)
{
    char head[128];
    off_t end = lseek(file, 0, SEEK_END);
    int length = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\ncontent-length: %lld\r\n\r\n", (long long)end);
    send_all(socket, head, (size_t)length);
    for (off_t offset = 0; offset < end; offset += (off_t)size) {
        ssize_t got = pread(file, buffer, size, offset);
        if (got <= 0)
            err(1, "pread");
        send_all(socket, buffer, (size_t)got);
    }
}

static void serve(int socket, int file)
{
    char head[65536 + 1];
    size_t filled = 0;
    char *body = NULL;
    while (!body) {
        ssize_t got = recv(socket, head + filled, sizeof head - 1 - filled, 0);
        if (got <= 0)
            return;
        filled += (size_t)got;
        head[filled] = 0;
        body = strstr(head, "\r\n\r\n");
    }
    *body = 0;
    body += 4;
    if (strncmp(head, "PUT ", 4) != 0) {
        download(socket, file);
        return;
    }
    if (strcasestr(head, "expect: 100-continue"))
        send_all(socket, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    upload(socket, file, body, filled - (size_t)(body - head), number_of(head, "content-length:"));
}

int main(int count, char **arguments)
{
    if (count != 4)
        errx(2, "usage: unix-loop SOCKET FILE BUFFER_BYTES");
    size = (size_t)atoll(arguments[3]);
    if (size < 65536 + 1 || posix_memalign((void **)&buffer, 4096, size) != 0)
        errx(2, "a buffer of more than 64 KiB is needed");
    int file = open(arguments[2], O_RDWR | O_DIRECT | O_CLOEXEC);
    if (file < 0)
        err(1, "%s", arguments[2]);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strncpy(address.sun_path, arguments[1], sizeof address.sun_path - 1);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 8) < 0)
        err(1, "%s", arguments[1]);
    for (;;) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0)
            err(1, "accept");
        serve(connection, file);
        close(connection);
    }
}
