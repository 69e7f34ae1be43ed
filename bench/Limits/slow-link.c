/*
 * A link of a given rate and delay between two TUN devices, for kernels without netem: what arrives on one leaves on the
 * other, later. Packets wait in a queue as long as the link is busy, and are dropped where it is full, as in a switch.
 * TCP's large segments pass whole (virtio headers), so one core carries more than a gigabit a second.
 *
 * Usage: slow-link DEVICE_A DEVICE_B BITS_PER_SECOND DELAY_MS
 * Writes a line when both devices are there. The delay is of one way.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define LARGEST 66000u           /* a segment of 64 KiB and its headers */
#define SLOTS 4096u              /* packets on their way, of one direction */
#define QUEUE_BYTES (1u << 20)   /* what waits for the link, beside what is on it */

struct packet {
    uint64_t due;   /* when it leaves, in ns */
    uint64_t sent;  /* when the link has taken it */
    size_t length;
    unsigned char *bytes;
};

struct direction {
    int from, to;
    unsigned head, tail;
    uint64_t free_at;
    struct packet packets[SLOTS];
};

static uint64_t rate, delay;

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int open_device(const char *name)
{
    struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
    int file = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (file < 0 || ioctl(file, TUNSETIFF, &request) < 0)
        err(1, "%s", name);
    if (ioctl(file, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) < 0)
        err(1, "%s: offload", name);
    return file;
}

static void receive(struct direction *way)
{
    while (way->head - way->tail < SLOTS) {
        struct packet *packet = &way->packets[way->head % SLOTS];
        if (!packet->bytes && !(packet->bytes = malloc(LARGEST)))
            err(1, "memory");
        ssize_t got = read(way->from, packet->bytes, LARGEST);
        if (got <= 0)
            return;
        uint64_t time = now();
        uint64_t start = way->free_at > time ? way->free_at : time;
        packet->length = (size_t)got;
        if ((start - time) * (rate / 8) / 1000000000u > QUEUE_BYTES)
            continue; /* full: dropped */
        packet->sent = start + (uint64_t)got * 8u * 1000000000u / rate;
        packet->due = packet->sent + delay;
        way->free_at = packet->sent;
        way->head++;
    }
}

/* Returns when the next packet is due. */
static uint64_t send_due(struct direction *way)
{
    while (way->tail != way->head) {
        struct packet *packet = &way->packets[way->tail % SLOTS];
        if (packet->due > now())
            return packet->due;
        if (write(way->to, packet->bytes, packet->length) < 0 && errno == EAGAIN)
            return now() + 100000;
        way->tail++;
    }
    return UINT64_MAX;
}

int main(int count, char **arguments)
{
    static struct direction there, back;
    if (count != 5)
        errx(2, "usage: slow-link DEVICE_A DEVICE_B BITS_PER_SECOND DELAY_MS");
    rate = strtoull(arguments[3], NULL, 10);
    delay = strtoull(arguments[4], NULL, 10) * 1000000u;
    there.from = back.to = open_device(arguments[1]);
    there.to = back.from = open_device(arguments[2]);
    puts("ready");
    fflush(stdout);
    struct pollfd files[] = { { .fd = there.from, .events = POLLIN }, { .fd = back.from, .events = POLLIN } };
    for (;;) {
        uint64_t a = send_due(&there), b = send_due(&back), due = a < b ? a : b, time = now();
        uint64_t wait = due <= time ? 0 : due - time;
        struct timespec timeout = { .tv_sec = (time_t)(wait / 1000000000u), .tv_nsec = (long)(wait % 1000000000u) };
        if (ppoll(files, 2, due == UINT64_MAX ? NULL : &timeout, NULL) > 0) {
            receive(&there);
            receive(&back);
        }
    }
}
