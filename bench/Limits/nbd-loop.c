/*
 * The least that a server can do between an NBD server and a client: one thread, four requests of 1 MiB in flight,
 * recv(2) from one Unix socket and send(2) to another. It answers curl, so that the client is the same one as the
 * daemon's; it checks nothing. What the daemon takes more than this is its own.
 *
 * Usage: nbd-loop SOCKET NBD_SOCKET
 */
#define _GNU_SOURCE
#include <endian.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PIECE = 1 << 20, DEPTH = 4, READ = 0, WRITE = 1, FLUSH = 3 };

struct __attribute__((packed)) request {
    uint32_t magic;
    uint16_t flags, type;
    uint64_t cookie, offset;
    uint32_t length;
};

static char *buffer;

static void send_all(int socket, const void *bytes, size_t length, int flags)
{
    for (const char *next = bytes; length > 0;) {
        ssize_t sent = send(socket, next, length, MSG_NOSIGNAL | flags);
        if (sent < 0)
            err(1, "send");
        next += sent;
        length -= (size_t)sent;
    }
}

static void receive(int socket, void *bytes, size_t length)
{
    if (recv(socket, bytes, length, MSG_WAITALL) != (ssize_t)length)
        err(1, "recv");
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int result = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(result, (struct sockaddr *)&address, sizeof address) < 0)
        err(1, "%s", path);
    return result;
}

/* NBD_OPT_GO of the export without a name, simple replies. Returns its size. */
static uint64_t negotiate(int server)
{
    struct __attribute__((packed)) { uint64_t magic, option; uint16_t flags; } greeting;
    receive(server, &greeting, sizeof greeting);
    uint32_t flags = htobe32(3);
    send_all(server, &flags, sizeof flags, 0);
    struct __attribute__((packed)) { uint64_t magic; uint32_t option, length, name; uint16_t count; } go = {
        htobe64(0x49484156454f5054), htobe32(7), htobe32(6), 0, 0 };
    send_all(server, &go, sizeof go, 0);
    uint64_t size = 0;
    for (;;) {
        struct __attribute__((packed)) { uint64_t magic; uint32_t option, type, length; } reply;
        char data[4096];
        receive(server, &reply, sizeof reply);
        if (be32toh(reply.length) > sizeof data || be32toh(reply.type) >> 31)
            errx(1, "the server refuses");
        if (reply.length)
            receive(server, data, be32toh(reply.length));
        if (be32toh(reply.type) == 1)
            return size;
        if (data[0] == 0 && data[1] == 0)
            memcpy(&size, data + 2, sizeof size), size = be64toh(size);
    }
}

static void ask(int server, uint16_t type, uint64_t cookie, uint64_t offset, uint32_t length)
{
    struct request request = {
        htobe32(0x25609513), 0, htobe16(type), cookie, htobe64(offset), htobe32(length) };
    send_all(server, &request, sizeof request, type == WRITE ? MSG_MORE : 0);
}

static void await_reply(int server)
{
    struct __attribute__((packed)) { uint32_t magic, error; uint64_t cookie; } reply;
    receive(server, &reply, sizeof reply);
    if (reply.error)
        errx(1, "the server failed");
}

static void download(int client, int server, uint64_t size)
{
    char head[128];
    int length = snprintf(
        head, sizeof head, "HTTP/1.1 200 OK\r\ncontent-length: %llu\r\n\r\n", (unsigned long long)size);
    send_all(client, head, (size_t)length, 0);
    uint64_t asked = 0;
    for (uint64_t done = 0; done < size; done += PIECE) {
        for (; asked < size && asked < done + DEPTH * PIECE; asked += PIECE)
            ask(server, READ, asked, asked, PIECE);
        await_reply(server); /* qemu-nbd answers them in order when the file is in memory */
        receive(server, buffer, PIECE);
        send_all(client, buffer, PIECE, 0);
    }
}

static void upload(int client, int server, uint64_t size, const char *early, size_t early_length)
{
    unsigned waiting = 0;
    for (uint64_t done = 0; done < size; done += PIECE) {
        memcpy(buffer, early, early_length);
        receive(client, buffer + early_length, PIECE - early_length);
        early_length = 0;
        ask(server, WRITE, done, done, PIECE);
        send_all(server, buffer, PIECE, 0);
        if (++waiting == DEPTH) {
            await_reply(server);
            waiting--;
        }
    }
    for (; waiting > 0; waiting--)
        await_reply(server);
    ask(server, FLUSH, size, 0, 0);
    await_reply(server);
    send_all(client, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 38, 0);
}

static void serve(int client, int server, uint64_t size)
{
    static char head[65536 + 1];
    size_t filled = 0;
    char *body = NULL;
    while (!body) {
        ssize_t got = recv(client, head + filled, sizeof head - 1 - filled, 0);
        if (got <= 0)
            return;
        filled += (size_t)got;
        head[filled] = 0;
        body = strstr(head, "\r\n\r\n");
    }
    *body = 0;
    body += 4;
    if (strncmp(head, "PUT ", 4) != 0) {
        download(client, server, size);
        return;
    }
    if (strcasestr(head, "expect: 100-continue"))
        send_all(client, "HTTP/1.1 100 Continue\r\n\r\n", 25, 0);
    upload(client, server, size, body, filled - (size_t)(body - head));
}

int main(int count, char **arguments)
{
    if (count != 3)
        errx(2, "usage: nbd-loop SOCKET NBD_SOCKET");
    if (posix_memalign((void **)&buffer, 4096, PIECE) != 0)
        errx(1, "no memory");
    int server = connect_to(arguments[2]);
    uint64_t size = negotiate(server);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strncpy(address.sun_path, arguments[1], sizeof address.sun_path - 1);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 8) < 0)
        err(1, "%s", arguments[1]);
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0)
            err(1, "accept");
        serve(client, server, size);
        close(client);
    }
}
