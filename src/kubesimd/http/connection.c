/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "basic/alloc-util.h"
#include "kubesimd/http/internal.h"

#define UIDS_MAX 256

/* How many connections one user has on the Unix sockets. */
struct UidCount {
        uid_t uid;
        unsigned n;
};

/* The counter of that user; NULL when there are too many users at once, who are then not counted. */
static struct UidCount *find_uid_count(HttpServer *s, uid_t uid) {
        struct UidCount *unused = NULL;

        if (!s->uid_counts)
                s->uid_counts = new0(struct UidCount, UIDS_MAX);
        if (!s->uid_counts)
                return NULL;
        for (size_t i = 0; i < UIDS_MAX; i++) {
                struct UidCount *c = &s->uid_counts[i];

                if (c->n > 0 && c->uid == uid)
                        return c;
                if (c->n == 0 && !unused)
                        unused = c;
        }
        if (unused)
                unused->uid = uid;
        return unused;
}

static void learn_unix_peer(Connection *c) {
        HttpServer *s = c->daemon->server;
        struct ucred cred;
        socklen_t size = sizeof(cred);

        if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
                return;
        c->pid = cred.pid;
        c->uid = cred.uid;
        c->gid = cred.gid;
        (void) snprintf(c->peer_name, sizeof(c->peer_name), "uid %u", (unsigned) cred.uid);
        c->uid_count = find_uid_count(s, cred.uid);
        if (!c->uid_count)
                return;
        c->uid_count->n++;
        c->over_limit |= s->config.connections_per_uid_max > 0 && c->uid_count->n > s->config.connections_per_uid_max;
}

static void learn_tcp_peer(Connection *c) {
        struct sockaddr_storage sa;
        socklen_t size = sizeof(sa);
        const void *address;

        if (getpeername(c->fd, (struct sockaddr*) &sa, &size) < 0)
                return;
        if (sa.ss_family == AF_INET)
                address = &((struct sockaddr_in*) &sa)->sin_addr;
        else if (sa.ss_family == AF_INET6)
                address = &((struct sockaddr_in6*) &sa)->sin6_addr;
        else
                return;
        if (!inet_ntop(sa.ss_family, address, c->peer_name, sizeof(c->peer_name)))
                c->peer_name[0] = '\0';
}

void connection_set_fresh(Connection *c, bool fresh) {
        if (c->fresh == fresh)
                return;
        c->fresh = fresh;
        c->daemon->server->n_fresh += fresh ? 1 : -1;
}

static Connection *connection_new(Daemon *d, int fd) {
        HttpServer *s = d->server;
        Connection *c;

        c = new0(Connection, 1);
        if (!c)
                return NULL;
        *c = (Connection) { .daemon = d, .fd = fd, .pid = -1, .uid = (uid_t) -1, .gid = (gid_t) -1, .peer_name = "unknown" };
        s->n_connections++;
        connection_set_fresh(c, true);
        c->over_limit = s->n_connections > s->config.connections_max;
        if (d->listener.local)
                learn_unix_peer(c);
        else
                learn_tcp_peer(c);
        return c;
}

void connection_notify(void *cls, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code) {
        Daemon *d = cls;
        Connection *c = *socket_context;

        if (code == MHD_CONNECTION_NOTIFY_STARTED) {
                const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

                *socket_context = connection_new(d, info ? info->connect_fd : -1);
                return;
        }
        if (!c)
                return;
        if (c->uid_count)
                c->uid_count->n--;
        d->server->n_connections--;
        connection_set_fresh(c, false);
        free(c);
}
