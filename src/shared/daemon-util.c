/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/daemon-util.h"

#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/fd-util.h"
#include "basic/string-util.h"

#define BACKLOG 4096

int passed_sockets_get(PassedSockets *ret) {
        PassedSockets p = {};
        int n;

        n = sd_listen_fds_with_names(true, &p.names);
        if (n <= 0) {
                *ret = (PassedSockets) {};
                return n;
        }
        p.sockets = new0(PassedSocket, (size_t) n);
        if (!p.sockets) {
                passed_sockets_done(&p);
                return -ENOMEM;
        }
        for (int i = 0; i < n; i++)
                if (sd_is_socket(SD_LISTEN_FDS_START + i, AF_UNSPEC, SOCK_STREAM, 1) > 0)
                        p.sockets[p.n_sockets++] = (PassedSocket) { SD_LISTEN_FDS_START + i, p.names[i] };
        *ret = p;
        return 0;
}

void passed_sockets_done(PassedSockets *p) {
        for (char **s = p->names; s && *s; s++)
                free(*s);
        free(p->names);
        free(p->sockets);
        *p = (PassedSockets) {};
}

static int listen_unix(const char *path, int *ret_fd, Error *reterr) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (strlen(path) >= sizeof(sa.sun_path))
                return error_set(reterr, -EINVAL, "%s: a socket's path has at most %zu bytes", path, sizeof(sa.sun_path) - 1);
        memcpy(sa.sun_path, path, strlen(path) + 1);
        fd = RET_ERRNO(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (fd < 0)
                return error_set(reterr, fd, "cannot make a socket: %s", strerror(-fd));
        if (lstat(path, &st) >= 0 && S_ISSOCK(st.st_mode)) {
                if (connect(fd, (struct sockaddr*) &sa, sizeof(sa)) >= 0)
                        return error_set(reterr, -EADDRINUSE, "somebody listens on %s already", path);
                (void) unlink(path);
        }
        if (bind(fd, (struct sockaddr*) &sa, sizeof(sa)) < 0 || listen(fd, BACKLOG) < 0)
                return error_set(reterr, -errno, "cannot listen on %s: %s", path, strerror(errno));
        (void) chmod(path, 0660);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int listen_tcp(const char *host, const char *port, const char *address, int *ret_fd, Error *reterr) {
        struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *ai;
        _cleanup_close_ int fd = -EBADF;
        int r, one = 1;

        r = getaddrinfo(host, port, &hints, &ai);
        if (r != 0)
                return error_set(reterr, -EINVAL, "%s: %s", address, gai_strerror(r));
        fd = RET_ERRNO(socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        r = fd;
        if (r >= 0) {
                (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
                r = RET_ERRNO(bind(fd, ai->ai_addr, ai->ai_addrlen));
        }
        if (r >= 0)
                r = RET_ERRNO(listen(fd, BACKLOG));
        freeaddrinfo(ai);
        if (r < 0)
                return error_set(reterr, r, "cannot listen on %s: %s", address, strerror(-r));
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int listen_on(const char *address, int *ret_fd, bool *ret_local, Error *reterr) {
        const char *path = startswith(address, "unix:") ?: address[0] == '/' ? address : NULL;
        _cleanup_free_ char *copy = NULL;
        char *colon, *host;

        if (path) {
                *ret_local = true;
                return listen_unix(path, ret_fd, reterr);
        }
        copy = strdup(address);
        if (!copy)
                return error_set(reterr, -ENOMEM, "out of memory");
        colon = strrchr(copy, ':');
        if (!colon || colon == copy)
                return error_set(reterr, -EINVAL, "\"%s\" must be unix:/PATH, HOST:PORT or [ADDRESS]:PORT", address);
        *colon = '\0';
        host = copy;
        if (host[0] == '[' && endswith(host, "]")) {
                host[strlen(host) - 1] = '\0';
                host++;
        }
        *ret_local = false;
        return listen_tcp(host, colon + 1, address, ret_fd, reterr);
}

int credential_path(const char *name, char **ret) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        char *path;

        if (isempty(directory))
                return 0;
        if (asprintf(&path, "%s/%s", directory, name) < 0)
                return -ENOMEM;
        if (access(path, R_OK) < 0) {
                free(path);
                return 0;
        }
        *ret = path;
        return 1;
}

usec_t watchdog_interval(void) {
        uint64_t usec = 0;

        return sd_watchdog_enabled(false, &usec) > 0 ? usec / 2 : 0;
}

int event_loop_new(sd_event_signal_handler_t on_stop, sd_event_signal_handler_t on_reload, void *userdata, sd_event **ret) {
        const struct {
                int signal;
                sd_event_signal_handler_t handler;
        } signals[] = { { SIGTERM, on_stop }, { SIGINT, on_stop }, { SIGHUP, on_reload } };
        sd_event *event;
        sigset_t set;
        int r;

        (void) sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaddset(&set, signals[i].signal);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
        r = sd_event_new(&event);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(signals) && r >= 0; i++)
                r = sd_event_add_signal(event, NULL, signals[i].signal, signals[i].handler, userdata);
        if (r < 0) {
                sd_event_unref(event);
                return r;
        }
        *ret = event;
        return 0;
}
