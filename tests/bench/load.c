/* SPDX-License-Identifier: Apache-2.0 */
/* A load of HTTP requests: one thread on epoll, keep-alive connections, each sends its next request when it has the
 * answer to the last (a closed loop). Prints one line of JSON.
 *
 *     load --address=unix:/PATH|HOST:PORT --kind=heartbeat|pod|register|empty --connections=64 --seconds=3 --nodes=10000
 *     load ... --count=N instead of --seconds: that many requests
 *     load ... --kind=heartbeat --wait=5: as agents do, a connection is a node and asks for its answer to be held
 *     load ... --connections=1 --every=2: a request each 2 ms, to see how long others make it wait
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "tests/bench/client.h"

#define ANSWER_MAX 65536

typedef struct Connection {
        int fd;
        uint64_t number;
        char out[4096], in[ANSWER_MAX];
        size_t out_size, out_sent, in_size;
        usec_t sent_at;
} Connection;

static const char *arg_address, *arg_kind = "empty", *arg_scheduler = "default-scheduler";
static uint64_t arg_connections = 64, arg_seconds = 3, arg_nodes = 1000, arg_count, arg_first, arg_wait, arg_every;
static uint64_t n_sent, n_done, n_failed;
static usec_t begun;

/* A pod of a Deployment as people write them: 2 KB. */
static int write_kube_pod(char *body, size_t room, uint64_t n) {
        int size = snprintf(body, room, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"pod-%08llu\",\"labels\":{\"app\":\"web\",\"tier\":\"front\"},"
                            "\"annotations\":{\"note\":\"", (unsigned long long) n);

        memset(body + size, 'x', 700);
        size += 700;
        return size + snprintf(body + size, room - (size_t) size, "\"}},\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"registry.example/team/web:1.2.3\","
                               "\"command\":[\"/bin/web\",\"--listen=:8080\",\"--log=info\"],\"ports\":[{\"containerPort\":8080}],\"env\":[{\"name\":\"COLOR\",\"value\":\"blue\"},"
                               "{\"name\":\"REGION\",\"value\":\"north\"},{\"name\":\"POD\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.name\"}}}],\"resources\":"
                               "{\"requests\":{\"cpu\":\"1m\",\"memory\":\"64Mi\"},\"limits\":{\"memory\":\"128Mi\"}},\"livenessProbe\":{\"httpGet\":{\"path\":\"/healthz\","
                               "\"port\":8080},\"initialDelaySeconds\":3},\"readinessProbe\":{\"httpGet\":{\"path\":\"/readyz\",\"port\":8080}},\"volumeMounts\":[{\"name\":\"data\","
                               "\"mountPath\":\"/data\"},{\"name\":\"conf\",\"mountPath\":\"/etc/web\"}]}],\"volumes\":[{\"name\":\"data\",\"emptyDir\":{}},{\"name\":\"conf\","
                               "\"configMap\":{\"name\":\"web\"}}],\"nodeSelector\":{\"kubernetes.io/os\":\"linux\"},\"tolerations\":[{\"key\":\"dedicated\",\"operator\":\"Equal\","
                               "\"value\":\"web\",\"effect\":\"NoSchedule\"}],\"schedulerName\":\"%s\"}}", arg_scheduler);
}

static void write_request(Connection *c) {
        uint64_t n = arg_first + (arg_wait > 0 ? c->number : n_sent);
        char body[3072], prefer[32] = "";
        int size;

        if (streq(arg_kind, "kube-pod"))
                size = write_kube_pod(body, sizeof(body), n);
        else if (streq(arg_kind, "pod"))
                size = snprintf(body, sizeof(body), "{\"cpuRequired\":0.001}");
        else /* a heartbeat; so is a registration */
                size = snprintf(body, sizeof(body), "{\"nodeID\":\"node-%06llu\",\"status\":\"Healthy\",\"pods\":[],\"cpuCores\":100}",
                                (unsigned long long) (n % arg_nodes));
        n_sent++;
        if (arg_wait > 0)
                (void) snprintf(prefer, sizeof(prefer), "Prefer: wait=%u\r\n", (unsigned) arg_wait);
        c->out_size = (size_t) snprintf(c->out, sizeof(c->out),
                                        "POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Type: application/json\r\n"
                                        "Content-Length: %d\r\n\r\n%s",
                                        streq(arg_kind, "kube-pod") ? "/api/v1/namespaces/default/pods" : streq(arg_kind, "pod") ? "/pods" : "/heartbeat", prefer, size, body);
        c->out_sent = c->in_size = 0;
        c->sent_at = now_monotonic();
}

static bool is_over(void) {
        return arg_count > 0 ? n_sent >= arg_count : now_monotonic() - begun >= arg_seconds * USEC_PER_SEC;
}

/* The size of the whole answer once its headers are there, 0 before. */
static size_t answer_size(const Connection *c) {
        const char *end = memmem(c->in, c->in_size, "\r\n\r\n", 4), *length;

        if (!end)
                return 0;
        length = strcasestr(c->in, "content-length:");
        return (size_t) (end - c->in) + 4 + (length ? strtoul(length + 15, NULL, 10) : 0);
}

static int flush_out(Connection *c) {
        return MIN(send_rest(c->fd, c->out, c->out_size, &c->out_sent), 0);
}

/* 1 when the connection has nothing more to do. */
static int on_answer(Connection *c) {
        latency_add(now_monotonic() - c->sent_at);
        n_done++;
        if (strncmp(c->in + 9, "20", 2) != 0)
                n_failed++;
        if (is_over())
                return 1;
        if (arg_every > 0)
                (void) usleep((useconds_t) (arg_every * USEC_PER_MSEC));
        write_request(c);
        return flush_out(c);
}

static int on_readable(Connection *c) {
        for (;;) {
                ssize_t n = RET_ERRNO(recv(c->fd, c->in + c->in_size, sizeof(c->in) - 1 - c->in_size, 0));
                size_t whole;
                int r;

                if (n == -EAGAIN)
                        return 0;
                if (n <= 0)
                        return n == 0 ? -ECONNRESET : (int) n;
                c->in_size += (size_t) n;
                c->in[c->in_size] = '\0';
                whole = answer_size(c);
                if (whole == 0 || c->in_size < whole)
                        continue;
                r = on_answer(c);
                if (r != 0)
                        return r;
        }
}

static int run(Connection *all) {
        struct epoll_event events[256];
        uint64_t open = arg_connections;
        int ep = epoll_create1(0);

        for (uint64_t i = 0; i < arg_connections; i++) {
                all[i].fd = dial(arg_address);
                if (all[i].fd < 0)
                        return all[i].fd;
                (void) epoll_ctl(ep, EPOLL_CTL_ADD, all[i].fd, &(struct epoll_event) { .events = EPOLLIN, .data.ptr = &all[i] });
        }
        begun = now_monotonic();
        for (uint64_t i = 0; i < arg_connections; i++) {
                all[i].number = i;
                write_request(&all[i]);
                (void) flush_out(&all[i]);
                if (arg_wait > 0 && i % 20 == 19) /* spread over the period, as agents with their jitter are */
                        (void) usleep((useconds_t) (20 * arg_wait * USEC_PER_SEC / arg_connections));
        }
        while (open > 0) {
                int n = epoll_wait(ep, events, ELEMENTSOF(events), 10000);

                if (n <= 0)
                        return -ETIMEDOUT;
                for (int i = 0; i < n; i++) {
                        Connection *c = events[i].data.ptr;
                        int r = on_readable(c);

                        if (r < 0)
                                return r;
                        if (r > 0) {
                                (void) epoll_ctl(ep, EPOLL_CTL_DEL, c->fd, NULL);
                                open--;
                        }
                }
        }
        return 0;
}

int main(int argc, char *argv[]) {
        static const struct option options[] = {
                { "address", required_argument, NULL, 'a' }, { "kind", required_argument, NULL, 'k' },
                { "connections", required_argument, NULL, 'c' }, { "seconds", required_argument, NULL, 's' },
                { "nodes", required_argument, NULL, 'n' }, { "count", required_argument, NULL, 'N' },
                { "first", required_argument, NULL, 'f' }, { "wait", required_argument, NULL, 'w' },
                { "every", required_argument, NULL, 'e' }, { "scheduler", required_argument, NULL, 'S' }, {},
        };
        Connection *all;
        double took;
        int c, r = 0;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (c) {
                case 'a':
                        arg_address = optarg;
                        break;
                case 'k':
                        arg_kind = optarg;
                        break;
                case 'S':
                        arg_scheduler = optarg;
                        break;
                case '?':
                        return 2;
                default:
                        r = parse_u64(optarg, c == 'c' ? &arg_connections : c == 's' ? &arg_seconds : c == 'n' ? &arg_nodes :
                                              c == 'N' ? &arg_count : c == 'w' ? &arg_wait : c == 'e' ? &arg_every : &arg_first);
                        if (r < 0)
                                return 2;
                }
        all = new0(Connection, arg_connections);
        if (!arg_address || !all)
                return 2;
        r = run(all);
        if (r < 0) {
                fprintf(stderr, "load: %s\n", strerror(-r));
                return 1;
        }
        took = (double) (now_monotonic() - begun) / USEC_PER_SEC;
        printf("{\"requests\":%llu,\"failed\":%llu,\"seconds\":%.3f,\"rate\":%.0f,", (unsigned long long) n_done, (unsigned long long) n_failed, took,
               (double) n_done / took);
        latency_print();
        printf("}\n");
        return 0;
}
