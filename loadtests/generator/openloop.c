/* An open-loop load generator for HTTP/1.1 that says whether it held its rate.
 *
 *     openloop HOST PORT REQUESTS RATE SECONDS CONNECTIONS poisson|fixed [WINDOW]
 *     openloop --self-check
 *
 * Each request has a time at which it is due, decided before anything is sent and whatever the server does. Its
 * latency counts from that time, so a server that stalls for a second is charged for every request that
 * should have been sent in that second: nothing is left out ("coordinated omission"). One request at a time
 * is under way on a connection; what is due while all are busy waits in line, and that wait counts.
 *
 * It prints one line of JSON: the intended and the achieved rate, latency from the due time ("latency"),
 * latency from the moment of sending ("naive", what a closed loop would have shown), and how late the
 * generator itself was ("lag": from the moment when it could have sent until it sent). "held" is false when
 * it achieved less than 99 % of what it intended, or was itself late by more than a millisecond in one
 * of a hundred requests; such a run is void.
 *
 * With WINDOW (seconds) it also prints a line on its standard error after each so many seconds: the latencies of
 * what was answered in them. SIGTERM ends it early, with its report.
 *
 * With --self-check it starts a server that stalls on purpose and shows that the stall is seen.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "histogram.h"
#include "prepared.h"

#define ANSWER_MAX 65536
#define GRACE_NS 2000000000u /* how long answers are awaited after the last due time */
#define HELD_SHARE 0.99
#define LAG_MAX_MS 1.0

struct connection {
    int fd;
    uint64_t due, sent, free_since;
    bool busy;
    size_t have;
    char answer[ANSWER_MAX];
};

struct plan {
    struct sockaddr_in server;
    struct prepared requests;
    double rate;
    uint64_t duration_ns;
    unsigned connections;
    bool poisson;
    uint64_t window_ns; /* 0: no windows */
};

struct outcome {
    struct histogram latency, naive, lag, window;
    uint64_t intended, answered, refused, broken;
    double seconds;
};

static volatile sig_atomic_t told_to_stop;

static void stop(int signal_number)
{
    (void)signal_number;
    told_to_stop = 1;
}

static uint64_t random_state = 88172645463325252u;

static double uniform(void) /* xorshift64*: in (0, 1] */
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (double)(((random_state * 2685821657736338717u) >> 11) + 1) / 9007199254740992.0;
}

static void open_connection(struct connection *c, const struct plan *plan, int poller, uint32_t index)
{
    int yes = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&plan->server, sizeof plan->server) < 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event) < 0)
        die("epoll_ctl");
    c->busy = false;
    c->have = 0;
    c->free_since = now_ns();
}

/* Status of the answer when all of it is here, 0 when not yet, -1 when it is none that we understand. */
static int complete_status(const struct connection *c)
{
    const char *end = memmem(c->answer, c->have, "\r\n\r\n", 4);
    if (!end)
        return c->have == ANSWER_MAX ? -1 : 0;
    size_t head = (size_t)(end - c->answer) + 4, body = 0;
    bool counted = false;
    for (const char *line = c->answer; line < end; line = (const char *)memchr(line, '\n', head) + 1) {
        if (strncasecmp(line, "content-length:", 15) == 0) {
            body = strtoul(line + 15, NULL, 10);
            counted = true;
        }
    }
    if (!counted || strncmp(c->answer, "HTTP/1.1 ", 9) != 0)
        return -1;
    return c->have >= head + body ? atoi(c->answer + 9) : 0;
}

static void send_request(struct connection *c, const struct request *r, uint64_t due, struct outcome *out)
{
    uint64_t now = now_ns();
    uint64_t possible = due > c->free_since ? due : c->free_since;
    c->due = due;
    c->sent = now;
    c->busy = true;
    c->have = 0;
    count_one(&out->lag, now > possible ? now - possible : 0);
    if (send(c->fd, r->bytes, r->length, MSG_NOSIGNAL) != (ssize_t)r->length)
        out->broken++; /* its answer will not come: the run cannot have held */
}

/* Read what is there; true when the connection is free again. */
static bool take_answer(struct connection *c, struct outcome *out)
{
    ssize_t got = recv(c->fd, c->answer + c->have, ANSWER_MAX - c->have, 0);
    if (got < 0 && errno == EAGAIN)
        return false;
    int status = -1;
    if (got > 0) {
        c->have += (size_t)got;
        status = complete_status(c);
    }
    if (status == 0)
        return false;
    uint64_t now = now_ns();
    if (status < 0) {
        out->broken++;
        close(c->fd); /* and stays away: the others must carry the rate */
        c->fd = -1;
        return false;
    }
    count_one(&out->latency, now - c->due);
    count_one(&out->window, now - c->due);
    count_one(&out->naive, now - c->sent);
    out->answered++;
    out->refused += status != 200;
    c->busy = false;
    c->free_since = now;
    return true;
}

static void wait_for(int poller, struct epoll_event *events, int count, uint64_t until, int *ready)
{
    uint64_t now = now_ns(), left = until > now ? until - now : 0;
    struct timespec timeout = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
    *ready = epoll_pwait2(poller, events, count, &timeout, NULL);
    if (*ready < 0 && errno != EINTR)
        die("epoll_pwait2");
}

/* Print what was answered in a window that is over, and begin the next. */
static void close_window(struct outcome *out, uint64_t second_ns)
{
    fprintf(stderr, "{\"at_s\": %.3f, \"answered\": %llu, \"p50\": %.4f, \"p99\": %.4f, \"max\": %.4f}\n",
            (double)second_ns / 1e9, (unsigned long long)out->window.total,
            percentile_ms(&out->window, 0.5), percentile_ms(&out->window, 0.99),
            (double)out->window.max / 1e6);
    memset(&out->window, 0, sizeof out->window);
}

static void run(struct plan *plan, struct outcome *out)
{
    unsigned n = plan->connections, idle = 0, first = 0; /* the free ones take turns */
    struct connection *all = calloc(n, sizeof *all);
    struct connection **free_ones = calloc(n, sizeof *free_ones);
    struct epoll_event *events = calloc(n, sizeof *events);
    int poller = epoll_create1(EPOLL_CLOEXEC);
    if (!all || !free_ones || !events || poller < 0)
        die("start");
    for (unsigned i = 0; i < n; i++) {
        open_connection(&all[i], plan, poller, i);
        free_ones[idle++] = &all[i];
    }
    double gap = 1e9 / plan->rate;
    uint64_t start = now_ns() + 10000000u, end = start + plan->duration_ns, last = start;
    uint64_t window_end = plan->window_ns ? start + plan->window_ns : UINT64_MAX;
    double next = (double)start;
    size_t turn = 0;
    while (true) {
        uint64_t now = now_ns();
        for (; now >= window_end; window_end += plan->window_ns)
            close_window(out, window_end - start);
        if (told_to_stop && now < end) {
            end = now;
            plan->duration_ns = end > start ? end - start : 1;
        }
        while (idle && (uint64_t)next <= now && (uint64_t)next < end) {
            send_request(free_ones[first], &plan->requests.all[turn++ % plan->requests.count],
                         (uint64_t)next, out);
            first = (first + 1) % n;
            idle--;
            out->intended++;
            next += plan->poisson ? -log(uniform()) * gap : gap;
            now = now_ns();
        }
        bool all_sent = (uint64_t)next >= end;
        if ((all_sent && out->answered + out->broken >= out->intended) || now > end + GRACE_NS)
            break;
        int ready = 0;
        wait_for(poller, events, (int)n, idle && !all_sent ? (uint64_t)next : now + 100000000u, &ready);
        for (int i = 0; i < ready; i++) {
            struct connection *c = &all[events[i].data.u32];
            if (c->fd >= 0 && take_answer(c, out)) {
                free_ones[(first + idle++) % n] = c;
                last = c->free_since;
            }
        }
    }
    while ((uint64_t)next < end) { /* what was due and never sent was intended as well */
        out->intended++;
        next += plan->poisson ? -log(uniform()) * gap : gap;
    }
    /* All answered on time: as long as it was meant to take. Otherwise until the last answer. */
    out->seconds = (double)((last > end ? last : end) - start) / 1e9;
    for (unsigned i = 0; i < n; i++)
        if (all[i].fd >= 0)
            close(all[i].fd);
    close(poller);
    free(events);
    free(free_ones);
    free(all);
}

static void print_percentiles(const char *name, const struct histogram *h)
{
    printf("\"%s_ms\": {\"p50\": %.4f, \"p99\": %.4f, \"p99.9\": %.4f, \"max\": %.4f}, ", name,
           percentile_ms(h, 0.5), percentile_ms(h, 0.99), percentile_ms(h, 0.999),
           (double)h->max / 1e6);
}

static void report(const struct plan *plan, const struct outcome *out)
{
    double intended = (double)out->intended / ((double)plan->duration_ns / 1e9);
    double achieved = (double)out->answered / out->seconds;
    bool held = achieved >= HELD_SHARE * intended && percentile_ms(&out->lag, 0.99) <= LAG_MAX_MS &&
                out->broken == 0;
    printf("{\"asked\": %.1f, \"intended\": %.1f, \"achieved\": %.1f, \"answered\": %llu, "
           "\"not_200\": %llu, \"broken\": %llu, ",
           plan->rate, intended, achieved, (unsigned long long)out->answered,
           (unsigned long long)out->refused, (unsigned long long)out->broken);
    print_percentiles("latency", &out->latency);
    print_percentiles("naive", &out->naive);
    print_percentiles("lag", &out->lag);
    printf("\"held\": %s}\n", held ? "true" : "false");
}

/* ------------------------------------------------------------------------------------ the self-check */

#define STALL_AFTER_NS 1000000000u
#define STALL_US 200000

/* Answer at once, but for one stall of 200 ms after a second. */
static void stalling_server(int listening)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK";
    struct pollfd polled[65] = {{listening, POLLIN, 0}};
    nfds_t count = 1;
    char request[4096];
    uint64_t stall_at = 0;
    bool stalled = false;
    while (poll(polled, count, -1) >= 0) {
        if (stall_at && !stalled && now_ns() > stall_at) {
            stalled = true;
            usleep(STALL_US);
        }
        for (nfds_t i = 1; i < count; i++) {
            if (!polled[i].revents)
                continue;
            if (!stall_at)
                stall_at = now_ns() + STALL_AFTER_NS;
            if (recv(polled[i].fd, request, sizeof request, 0) <= 0)
                polled[i].fd = -1;
            else if (send(polled[i].fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0)
                polled[i].fd = -1;
        }
        if (polled[0].revents && count < 65) {
            int yes = 1, fd = accept(listening, NULL, NULL);
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            polled[count++] = (struct pollfd){fd, POLLIN, 0};
        }
    }
}

static int self_check(void)
{
    static struct request one = {"GET / HTTP/1.1\r\nhost: here\r\n\r\n", 30};
    static struct outcome out;
    struct plan plan = {.requests = {&one, 1}, .rate = 2000, .duration_ns = 3000000000u, .connections = 8};
    socklen_t size = sizeof plan.server;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    plan.server.sin_family = AF_INET;
    plan.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listening, (struct sockaddr *)&plan.server, size) < 0 || listen(listening, 64) < 0 ||
        getsockname(listening, (struct sockaddr *)&plan.server, &size) < 0)
        die("listen");
    pid_t server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        stalling_server(listening);
        _exit(1);
    }
    run(&plan, &out);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    report(&plan, &out);
    /* 200 of 3000 ms: one request in fifteen was due in the stall, eight of six thousand were sent in it. */
    bool seen = percentile_ms(&out.latency, 0.99) > 100 && percentile_ms(&out.naive, 0.99) < 50;
    fprintf(stderr, "self-check: %s\n", seen ? "the stall is seen" : "the stall is NOT seen");
    return seen ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct outcome out;
    signal(SIGTERM, stop);
    prctl(PR_SET_TIMERSLACK, 1000); /* wake up within a microsecond of the due time, not within fifty */
    if (argc == 2 && strcmp(argv[1], "--self-check") == 0)
        return self_check();
    if (argc != 8 && argc != 9) {
        fprintf(stderr, "usage: openloop HOST PORT REQUESTS RATE SECONDS CONNECTIONS poisson|fixed [WINDOW]\n");
        return 2;
    }
    struct plan plan = {.requests = read_prepared(argv[3]), .rate = atof(argv[4])};
    plan.duration_ns = (uint64_t)(atof(argv[5]) * 1e9);
    plan.connections = (unsigned)atoi(argv[6]);
    plan.poisson = strcmp(argv[7], "poisson") == 0;
    plan.window_ns = argc == 9 ? (uint64_t)(atof(argv[8]) * 1e9) : 0;
    plan.server.sin_family = AF_INET;
    plan.server.sin_port = htons((uint16_t)atoi(argv[2]));
    if (inet_pton(AF_INET, argv[1], &plan.server.sin_addr) != 1 || plan.rate <= 0 || !plan.connections) {
        fprintf(stderr, "openloop: a bad host, rate or number of connections\n");
        return 2;
    }
    run(&plan, &out);
    report(&plan, &out);
    return 0;
}
