/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"

static uint64_t latency[LATENCIES + 1], n_latencies;
static usec_t latency_max;

int dial(const char *address) {
        const char *path = startswith(address, "unix:");
        struct sockaddr_in in = { .sin_family = AF_INET };
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        int fd, one = 1;

        if (path) {
                (void) snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
                fd = socket(AF_UNIX, SOCK_STREAM, 0);
                if (connect(fd, (struct sockaddr*) &un, sizeof(un)) < 0)
                        return -errno;
        } else {
                uint64_t port;
                char host[64];

                (void) snprintf(host, sizeof(host), "%.*s", (int) strcspn(address, ":"), address);
                if (!strchr(address, ':') || parse_u64(strchr(address, ':') + 1, &port) < 0 || inet_pton(AF_INET, host, &in.sin_addr) != 1)
                        return -EINVAL;
                in.sin_port = htons((uint16_t) port);
                fd = socket(AF_INET, SOCK_STREAM, 0);
                if (connect(fd, (struct sockaddr*) &in, sizeof(in)) < 0)
                        return -errno;
                (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        }
        (void) fcntl(fd, F_SETFL, O_NONBLOCK);
        return fd;
}

int send_rest(int fd, const char *data, size_t size, size_t *sent) {
        while (*sent < size) {
                ssize_t n = RET_ERRNO(send(fd, data + *sent, size - *sent, MSG_NOSIGNAL));

                if (n < 0)
                        return n == -EAGAIN ? 0 : (int) n;
                *sent += (size_t) n;
        }
        return 1;
}

void latency_add(usec_t took) {
        latency[MIN(took, (usec_t) LATENCIES)]++;
        latency_max = MAX(latency_max, took);
        n_latencies++;
}

static usec_t percentile(double p) {
        uint64_t n = 0;

        for (usec_t i = 0; i <= LATENCIES; i++) {
                n += latency[i];
                if ((double) n >= p * (double) n_latencies)
                        return i;
        }
        return LATENCIES;
}

void latency_print(void) {
        printf("\"p50_us\":%llu,\"p99_us\":%llu,\"max_us\":%llu", (unsigned long long) percentile(0.5), (unsigned long long) percentile(0.99),
               (unsigned long long) latency_max);
}
