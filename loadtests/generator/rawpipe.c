/* How many look-ups a second the cache server itself answers: the loop of `redis-benchmark -P`, which cannot
 * be given a list of keys, over commands from a file.
 *
 *     rawpipe SOCKET COMMANDS SECONDS PIPELINE CONNECTIONS
 *
 * Each connection sends PIPELINE commands in one write, awaits all their replies, and sends the next. Prints
 * one line of JSON: look-ups a second, and the share that found something.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "prepared.h"

#define ROOM (1 << 18)

struct connection {
    int fd;
    unsigned awaited;
    size_t have;
    char replies[ROOM];
};

struct totals {
    uint64_t answered, found;
};

static void send_next(struct connection *c, const struct prepared *commands, size_t *turn, unsigned pipeline)
{
    static char joined[ROOM];
    size_t size = 0;
    for (unsigned i = 0; i < pipeline; i++) {
        const struct request *r = &commands->all[(*turn)++ % commands->count];
        if (size + r->length > sizeof joined) {
            fprintf(stderr, "rawpipe: the commands of one pipeline are too long\n");
            exit(1);
        }
        memcpy(joined + size, r->bytes, r->length);
        size += r->length;
    }
    for (size_t sent = 0; sent < size;) {
        ssize_t done = send(c->fd, joined + sent, size - sent, MSG_NOSIGNAL);
        if (done < 0)
            die("send");
        sent += (size_t)done;
    }
    c->awaited = pipeline;
    c->have = 0;
}

/* Count the bulk replies that are whole: `$1\r\n2\r\n`, or `$-1\r\n` for nothing. Anything else ends the run. */
static void take_replies(struct connection *c, struct totals *totals)
{
    ssize_t got = recv(c->fd, c->replies + c->have, sizeof c->replies - c->have, 0);
    if (got <= 0)
        die("recv");
    c->have += (size_t)got;
    const char *at = c->replies, *end = c->replies + c->have;
    while (c->awaited && end - at >= 5) {
        if (*at != '$') {
            fprintf(stderr, "rawpipe: the server said %.*s\n", (int)(end - at > 60 ? 60 : end - at), at);
            exit(1);
        }
        const char *line = memchr(at, '\n', (size_t)(end - at));
        if (!line)
            break;
        long length = strtol(at + 1, NULL, 10);
        const char *next = line + 1 + (length < 0 ? 0 : length + 2);
        if (next > end)
            break;
        totals->found += length >= 0;
        totals->answered++;
        c->awaited--;
        at = next;
    }
    memmove(c->replies, at, (size_t)(end - at));
    c->have = (size_t)(end - at);
}

static void connect_to(struct connection *c, const char *path, int poller, uint32_t index)
{
    struct sockaddr_un server = {.sun_family = AF_UNIX};
    strncpy(server.sun_path, path, sizeof server.sun_path - 1);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0)
        die(path);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event) < 0)
        die("epoll_ctl");
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: rawpipe SOCKET COMMANDS SECONDS PIPELINE CONNECTIONS\n");
        return 2;
    }
    struct prepared commands = read_prepared(argv[2]);
    uint64_t duration = (uint64_t)(atof(argv[3]) * 1e9);
    unsigned pipeline = (unsigned)atoi(argv[4]), n = (unsigned)atoi(argv[5]);
    struct connection *all = calloc(n, sizeof *all);
    struct epoll_event events[64];
    struct totals totals = {0, 0};
    size_t turn = 0;
    int poller = epoll_create1(EPOLL_CLOEXEC);
    if (!all || !n || !pipeline || poller < 0)
        die("start");
    for (unsigned i = 0; i < n; i++)
        connect_to(&all[i], argv[1], poller, i);
    uint64_t start = now_ns(), end = start + duration, now = start;
    for (unsigned i = 0; i < n; i++)
        send_next(&all[i], &commands, &turn, pipeline);
    while (now < end) {
        int ready = epoll_wait(poller, events, 64, 1000);
        if (ready < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < ready; i++) {
            struct connection *c = &all[events[i].data.u32];
            take_replies(c, &totals);
            if (!c->awaited)
                send_next(c, &commands, &turn, pipeline);
        }
        now = now_ns();
    }
    printf("{\"per_second\": %.1f, \"answered\": %llu, \"found\": %.4f}\n",
           (double)totals.answered / ((double)(now - start) / 1e9), (unsigned long long)totals.answered,
           totals.answered ? (double)totals.found / (double)totals.answered : 0.0);
    return 0;
}
