/* SPDX-License-Identifier: Apache-2.0 */
/* proxy: serves the daemon's Unix socket on a loopback port, for programs that cannot speak over Unix sockets (kubectl).
 * Whoever reaches the port acts with the caller's rights; kubesimd refuses what browsers send (Host, Origin). */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "kubesimctl/ctl.h"

#define PORT_DEFAULT 8001 /* as kubectl proxy */
#define CHUNK (64 * KIB)

static int listen_on_port(uint64_t *port) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t) *port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(sa);
        int fd, one = 1;

        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(fd, (struct sockaddr*) &sa, sizeof(sa)) < 0 || listen(fd, SOMAXCONN) < 0 || getsockname(fd, (struct sockaddr*) &sa, &size) < 0) {
                int r = -errno;

                safe_close(fd);
                return r;
        }
        *port = ntohs(sa.sin_port);
        return fd;
}

static int dial(const char *path) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd;

        if (strlen(path) >= sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        memcpy(sa.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr*) &sa, sizeof(sa)) < 0) {
                int r = -errno;

                safe_close(fd);
                return r;
        }
        return fd;
}

/* Passes on what there is to read. 1, 0 at the end of that direction, negative when the connection is dead. */
static int pass(int from, int to) {
        static char buf[CHUNK];
        ssize_t n = recv(from, buf, sizeof(buf), 0);

        if (n <= 0)
                return n == 0 ? 0 : -errno;
        for (ssize_t sent = 0, m; sent < n; sent += m) {
                m = send(to, buf + sent, (size_t) (n - sent), MSG_NOSIGNAL);
                if (m < 0)
                        return -errno;
        }
        return 1;
}

/* Until both sides have said all, or one is gone. */
static void relay(int a, int b) {
        struct pollfd fds[2] = { { .fd = a, .events = POLLIN }, { .fd = b, .events = POLLIN } };
        unsigned open = 2;

        while (open > 0) {
                if (poll(fds, 2, -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return;
                }
                for (int i = 0; i < 2; i++) {
                        int r = fds[i].fd >= 0 && fds[i].revents ? pass(fds[i].fd, i == 0 ? b : a) : 1;

                        if (r < 0)
                                return;
                        if (r == 0) {
                                (void) shutdown(i == 0 ? b : a, SHUT_WR);
                                fds[i].fd = -1;
                                open--;
                        }
                }
        }
}

/* A process for each connection: nothing to share, nothing to leak. */
static void serve(int client, const char *path) {
        pid_t pid = fork();
        int server;

        if (pid != 0)
                return; /* the parent; without a process the client is turned away */
        (void) signal(SIGCHLD, SIG_DFL);
        server = dial(path);
        if (server < 0)
                fprintf(stderr, "Failed to connect to %s: %s\n", path, strerror(-server));
        else
                relay(client, server);
        _exit(server < 0);
}

int cmd_proxy(Ctl *ctl, int argc, char *argv[]) {
        uint64_t port = PORT_DEFAULT;
        _cleanup_close_ int fd = -EBADF;

        if (ctl->server)
                return ctl_error(CTL_USAGE, "--server= is an address already: proxy is for the Unix socket");
        if (argc > 1 && parse_u64_range(argv[1], 0, 65535, &port) < 0)
                return ctl_error(CTL_USAGE, "\"%s\" is not a port: it must be a number from 1 to 65535, or 0 for any that is free", argv[1]);
        fd = listen_on_port(&port);
        if (fd < 0)
                return ctl_error(CTL_FAILED, "Failed to listen on 127.0.0.1:%llu: %s\nAnother port? kubesimctl proxy PORT", (unsigned long long) port,
                                 strerror(-fd));
        (void) signal(SIGCHLD, SIG_IGN); /* reaped by the kernel */
        if (!ctl->quiet)
                printf("Serving %s on http://127.0.0.1:%llu, for example: kubectl -s http://127.0.0.1:%llu get nodes\n", ctl->socket,
                       (unsigned long long) port, (unsigned long long) port);
        (void) fflush(stdout);
        for (;;) {
                _cleanup_close_ int client = RET_ERRNO(accept4(fd, NULL, NULL, SOCK_CLOEXEC));

                if (client >= 0)
                        serve(client, ctl->socket);
                else if (client != -EINTR && client != -ECONNABORTED)
                        return ctl_error(CTL_FAILED, "Failed to accept a connection: %s", strerror(-client));
        }
}
