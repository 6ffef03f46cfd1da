/* SPDX-License-Identifier: Apache-2.0 */
/* Watchers and what they wait for: so many watches of ConfigMaps, and writers that create some. Each ConfigMap says by its name when it was
 * sent, so that whoever sees it knows how late it is. One thread on epoll; prints one line of JSON.
 *
 *     watch --address=unix:/PATH|HOST:PORT --watchers=100 --seconds=5 --connections=16 --size=1700
 *     watch ... --rate=50: so many a second, instead of the next when the last is answered
 *     watch --limit --watchers=100 --size=2000: how fast a process can write that to so many sockets that does nothing else
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "tests/bench/client.h"

#define PATH "/api/v1/namespaces/default/configmaps"
#define LINE_MAX_KEPT 512 /* of an event: its name is there */
#define SIZE_MAX_SENT 65536
#define GRACE (10 * USEC_PER_SEC) /* for events that are on their way when the writers stop */

/* Where a reader is in a chunked answer. */
typedef enum Where { IN_HEADERS, IN_SIZE, IN_DATA, AFTER_DATA } Where;

typedef struct Peer {
        bool writes;
        int fd;
        /* of watchers */
        Where where;
        unsigned newlines;  /* of the empty line that ends the headers */
        size_t left;        /* of the chunk */
        char line[LINE_MAX_KEPT + 1];
        size_t line_size;
        /* of writers */
        bool busy;
        size_t out_size, out_sent;
        char *out;
} Peer;

static const char *arg_address;
static uint64_t arg_watchers = 100, arg_seconds = 5, arg_connections = 16, arg_size = 1700, arg_rate;
static bool arg_limit;
static uint64_t n_written, n_answered, n_failed, n_events;
static usec_t begun, last_event;
static char buffer[256 * 1024];

/* --- Watchers --- */

static void on_line(Peer *p) {
        const char *name;
        uint64_t sent;
        char digits[21];

        p->line[MIN(p->line_size, (size_t) LINE_MAX_KEPT)] = '\0';
        name = strstr(p->line, "\"name\":\"w-");
        p->line_size = 0;
        if (!name)
                return;
        (void) snprintf(digits, sizeof(digits), "%.*s", (int) strspn(name + 10, "0123456789"), name + 10);
        if (parse_u64(digits, &sent) < 0 || sent < begun)
                return;
        last_event = now_monotonic();
        latency_add(last_event - sent);
        n_events++;
}

static void take_data(Peer *p, const char *data, size_t n) {
        while (n > 0) {
                const char *end = memchr(data, '\n', n);
                size_t part = end ? (size_t) (end - data) : n;
                size_t kept = p->line_size < LINE_MAX_KEPT ? MIN(part, LINE_MAX_KEPT - p->line_size) : 0;

                memcpy(p->line + p->line_size, data, kept);
                p->line_size += kept;
                if (!end)
                        return;
                on_line(p);
                data += part + 1;
                n -= part + 1;
        }
}

/* One letter that is no data. */
static int take_letter(Peer *p, char c) {
        switch (p->where) {
        case IN_HEADERS:
                p->newlines = c == '\n' ? p->newlines + 1 : c == '\r' ? p->newlines : 0;
                if (p->newlines == 2)
                        p->where = IN_SIZE;
                return 0;
        case IN_SIZE:
                if (c == '\n') {
                        p->where = IN_DATA;
                        return p->left == 0 ? -ECONNRESET : 0; /* the watch has ended */
                }
                if (c != '\r')
                        p->left = p->left * 16 + (size_t) (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
                return 0;
        default:
                if (c == '\n')
                        p->where = IN_SIZE;
                return 0;
        }
}

static int take(Peer *p, const char *data, size_t n) {
        int r = 0;

        for (size_t i = 0; i < n && r >= 0;) {
                size_t part;

                if (p->where != IN_DATA) {
                        r = take_letter(p, data[i++]);
                        continue;
                }
                part = MIN(p->left, n - i);
                take_data(p, data + i, part);
                i += part;
                p->left -= part;
                if (p->left == 0)
                        p->where = AFTER_DATA;
        }
        return r;
}

static int watch(Peer *p) {
        static const char request[] = "GET " PATH "?watch=1&resourceVersion=0 HTTP/1.1\r\nHost: localhost\r\n\r\n";
        size_t sent = 0;

        p->fd = dial(arg_address);
        return p->fd < 0 ? p->fd : send_rest(p->fd, request, strlen(request), &sent);
}

/* --- Writers --- */

static int send_next(Peer *p) {
        char body[SIZE_MAX_SENT + 256];
        int n;

        n = snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"w-%llu-%llu\"},\"data\":{\"a\":\"%0*d\"}}", (unsigned long long) now_monotonic(),
                     (unsigned long long) n_written, (int) arg_size, 0);
        p->out_size = (size_t) snprintf(p->out, SIZE_MAX_SENT + 1024, "POST " PATH " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                        "Content-Length: %d\r\n\r\n%s", n, body);
        p->out_sent = 0;
        p->busy = true;
        n_written++;
        return send_rest(p->fd, p->out, p->out_size, &p->out_sent);
}

/* When the n-th is due, of those that are written at a rate. */
static usec_t due(void) {
        return begun + n_written * USEC_PER_SEC / arg_rate;
}

static int write_what_is_due(Peer *writers) {
        usec_t now = now_monotonic();
        int r = 0;

        for (uint64_t i = 0; i < arg_connections && r >= 0; i++)
                if (!writers[i].busy && now < begun + arg_seconds * USEC_PER_SEC && (arg_rate == 0 || now >= due()))
                        r = send_next(&writers[i]);
        return r;
}

/* The answer repeats the body, so its end is that of the JSON text. */
static int on_answer(Peer *p, const char *data, size_t n) {
        if (p->line_size == 0) {
                n_failed += n < 12 || strncmp(data + 9, "20", 2) != 0;
                p->line_size = 1;
        }
        if (data[n - 1] != '\n' && data[n - 1] != '}')
                return 0;
        p->busy = false;
        p->line_size = 0;
        n_answered++;
        return 0;
}

/* --- All of them --- */

static int on_readable(Peer *p) {
        ssize_t n = RET_ERRNO(recv(p->fd, buffer, sizeof(buffer), 0));

        if (n == -EAGAIN)
                return 0;
        if (n <= 0)
                return n == 0 ? -ECONNRESET : (int) n;
        return p->writes ? on_answer(p, buffer, (size_t) n) : take(p, buffer, (size_t) n);
}

static int wait_for_some(int ep, int timeout_ms) {
        struct epoll_event events[256];
        int n = epoll_wait(ep, events, ELEMENTSOF(events), timeout_ms), r = 0;

        for (int i = 0; i < n && r >= 0; i++)
                r = on_readable(events[i].data.ptr);
        return r < 0 ? r : n;
}

static int open_all(int ep, Peer *all) {
        for (uint64_t i = 0; i < arg_watchers + arg_connections; i++) {
                Peer *p = &all[i];
                int r;

                p->writes = i >= arg_watchers;
                if (p->writes) {
                        p->out = malloc(SIZE_MAX_SENT + 1024);
                        p->fd = dial(arg_address);
                }
                r = p->writes ? p->fd : watch(p);
                if (r < 0 || (p->writes && !p->out))
                        return r < 0 ? r : -ENOMEM;
                (void) epoll_ctl(ep, EPOLL_CTL_ADD, p->fd, &(struct epoll_event) { .events = EPOLLIN, .data.ptr = p });
        }
        begun = now_monotonic() + USEC_PER_SEC; /* what is there already is taken meanwhile */
        while (now_monotonic() < begun) {
                int r = wait_for_some(ep, 10);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int run(Peer *all) {
        int ep = epoll_create1(0), r;
        usec_t end;

        r = open_all(ep, all);
        end = begun + arg_seconds * USEC_PER_SEC;
        while (r >= 0 && (now_monotonic() < end || n_answered < n_written || n_events < n_written * arg_watchers)) {
                if (now_monotonic() > end + GRACE)
                        break;
                r = write_what_is_due(all + arg_watchers);
                if (r >= 0)
                        r = wait_for_some(ep, arg_rate > 0 ? 1 : 100);
        }
        return r;
}

static void print(double seconds) {
        printf("{\"writes\":%llu,\"failed\":%llu,\"events\":%llu,\"missed\":%lld,\"seconds\":%.3f,\"rate\":%.0f,", (unsigned long long) n_written,
               (unsigned long long) n_failed, (unsigned long long) n_events, (long long) (n_written * arg_watchers - n_events), seconds,
               (double) n_events / seconds);
        latency_print();
        printf("}\n");
}

/* --- The limit --- */

static void write_for_ever(const int *fds) {
        memset(buffer, 'x', sizeof(buffer));
        for (;;)
                for (uint64_t i = 0; i < arg_watchers; i++)
                        if (send(fds[i], buffer, arg_size, MSG_NOSIGNAL) < 0)
                                _exit(0);
}

static int run_limit(void) {
        _cleanup_free_ int *fds = new0(int, arg_watchers);
        int ep = epoll_create1(0), pair[2];
        uint64_t bytes = 0;
        pid_t child;

        if (!fds)
                return -ENOMEM;
        for (uint64_t i = 0; i < arg_watchers; i++) {
                if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
                        return -errno;
                fds[i] = pair[1];
                (void) epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], &(struct epoll_event) { .events = EPOLLIN, .data.fd = pair[0] });
        }
        child = fork();
        if (child == 0)
                write_for_ever(fds);
        begun = now_monotonic();
        while (child > 0 && now_monotonic() < begun + arg_seconds * USEC_PER_SEC) {
                struct epoll_event events[256];
                int n = epoll_wait(ep, events, ELEMENTSOF(events), 100);

                for (int i = 0; i < n; i++)
                        bytes += (uint64_t) MAX(recv(events[i].data.fd, buffer, sizeof(buffer), MSG_DONTWAIT), (ssize_t) 0);
        }
        if (child > 0) {
                (void) kill(child, SIGKILL);
                (void) waitpid(child, NULL, 0);
        }
        n_events = bytes / arg_size;
        return child < 0 ? -errno : 0;
}

int main(int argc, char *argv[]) {
        static const struct option options[] = {
                { "address", required_argument, NULL, 'a' }, { "watchers", required_argument, NULL, 'w' },
                { "connections", required_argument, NULL, 'c' }, { "seconds", required_argument, NULL, 's' },
                { "size", required_argument, NULL, 'S' }, { "rate", required_argument, NULL, 'r' },
                { "limit", no_argument, NULL, 'l' }, {},
        };
        Peer *all;
        int c, r = 0;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (c == 'a')
                        arg_address = optarg;
                else if (c == 'l')
                        arg_limit = true;
                else
                        r = c == '?' ? -EINVAL : parse_u64(optarg, c == 'w' ? &arg_watchers : c == 'c' ? &arg_connections :
                                                                   c == 's' ? &arg_seconds : c == 'S' ? &arg_size : &arg_rate);
                if (r < 0)
                        return 2;
        }
        all = new0(Peer, arg_watchers + arg_connections);
        if ((!arg_address && !arg_limit) || !all || arg_size > SIZE_MAX_SENT)
                return 2;
        r = arg_limit ? run_limit() : run(all);
        if (r < 0) {
                fprintf(stderr, "watch: %s\n", strerror(-r));
                return 1;
        }
        if (arg_limit)
                n_written = n_events / arg_watchers;
        print(arg_limit ? (double) arg_seconds : (double) (MAX(last_event, begun + 1) - begun) / USEC_PER_SEC);
        return 0;
}
