/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

/* Far more than there is to say: a message that waits already is not kept twice in a row. */
#define PENDING_MAX (4 * KIB)

void notifier_init(Notifier *n, sd_event *event) {
        *n = (Notifier) { .event = sd_event_ref(event), .fd = -EBADF, .pending = STRBUF_INIT(PENDING_MAX), .off = isempty(getenv("NOTIFY_SOCKET")) };
}

/* A path, or "@" and a name in the abstract namespace; anything else is for virtual machines. */
static int open_socket(void) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        const char *path = getenv("NOTIFY_SOCKET");
        _cleanup_close_ int fd = -EBADF;
        size_t size;

        if (isempty(path) || !strchr("/@", *path) || strlen(path) >= sizeof(sa.sun_path))
                return -EPROTONOSUPPORT;
        size = strlen(path);
        memcpy(sa.sun_path, path, size);
        if (*path == '@')
                sa.sun_path[0] = '\0';
        fd = RET_ERRNO(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (fd < 0)
                return fd;
        if (connect(fd, (struct sockaddr*) &sa, (socklen_t) (offsetof(struct sockaddr_un, sun_path) + size + (*path == '/'))) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static void close_socket(Notifier *n) {
        n->source = sd_event_source_disable_unref(n->source);
        n->fd = safe_close(n->fd);
}

/* 0, -EAGAIN: there is no room, or why it cannot be told at all. */
static int send_now(Notifier *n, const char *message) {
        int r;

        if (n->fd < 0) {
                r = open_socket();
                if (r < 0)
                        return r;
                n->fd = r;
        }
        if (send(n->fd, message, strlen(message), MSG_NOSIGNAL) >= 0)
                return 0;
        r = errno == ENOBUFS ? -EAGAIN : -errno;
        if (r != -EAGAIN)
                close_socket(n); /* whoever listened is gone, and somebody else may be there next time */
        return r;
}

/* Sends what has waited, as far as there is room. */
static int send_pending(Notifier *n) {
        size_t sent = 0;
        int r = 0;

        while (sent < n->pending.size && r != -EAGAIN) {
                r = send_now(n, n->pending.data + sent);
                if (r != -EAGAIN)
                        sent += strlen(n->pending.data + sent) + 1;
        }
        if (sent > 0)
                memmove(n->pending.data, n->pending.data + sent, n->pending.size - sent);
        n->pending.size -= sent;
        return n->pending.size > 0 ? -EAGAIN : 0;
}

static int on_room(sd_event_source *source _unused_, int fd _unused_, uint32_t revents _unused_, void *userdata) {
        Notifier *n = userdata;

        if (send_pending(n) == 0)
                n->source = sd_event_source_disable_unref(n->source);
        return 0;
}

static int wait_for_room(Notifier *n) {
        int r;

        if (n->source || n->fd < 0)
                return 0;
        r = sd_event_add_io(n->event, &n->source, n->fd, EPOLLOUT, on_room, n);
        if (r >= 0)
                (void) sd_event_source_set_description(n->source, "notify");
        return r;
}

/* To be sent later; what was to be sent last anyway, once. */
static int keep(Notifier *n, const char *message) {
        size_t size = strlen(message) + 1;
        int r;

        if (n->pending.size < size || memcmp(n->pending.data + n->pending.size - size, message, size) != 0)
                strbuf_append(&n->pending, message, size);
        r = strbuf_error(&n->pending);
        n->pending.error = 0; /* what is there stays good */
        return r < 0 ? r : wait_for_room(n);
}

void notifier_tell(Notifier *n, const char *message) {
        int r;

        if (n->off)
                return;
        r = send_pending(n);
        if (r == 0)
                r = send_now(n, message);
        if (r == -EAGAIN)
                r = keep(n, message);
        if (r < 0)
                log_warning_errno(r, "Cannot tell the service manager \"%s\", ignoring: %m", message);
}

bool notifier_try(Notifier *n, const char *message) {
        return n->off || (send_pending(n) == 0 && send_now(n, message) != -EAGAIN);
}

void notifier_tell_reloading(Notifier *n) {
        char message[64];

        (void) snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long) now_monotonic());
        notifier_tell(n, message);
}

void notifier_done(Notifier *n) {
        if (!n->event)
                return;
        (void) send_pending(n);
        close_socket(n);
        strbuf_done(&n->pending);
        n->event = sd_event_unref(n->event);
}
