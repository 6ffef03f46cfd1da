/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/nodes.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "basic/fd-util.h"
#include "basic/json-reader.h"
#include "basic/log.h"
#include "kubesimd/api/native/beats.h"
#include "kubesimd/api/native/list.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/render.h"

#define REMOVE_MAX 100 /* in one request, as the pods of each move */

static void strings_done(JsonStrings *s) {
        free(s->items);
}

typedef struct NodeBody {
        const char *name;
        int64_t cpu;
} NodeBody;

static const JsonField node_fields[] = {
        { .name = "cpuCores", .type = JSON_FIELD_MILLI, .offset = offsetof(NodeBody, cpu), .mandatory = true },
        { .name = "nodeId", .type = JSON_FIELD_STRING, .offset = offsetof(NodeBody, name) },
};

int handle_nodes_list(HttpRequest *req, void *userdata, Error *reterr) {
        return reply_list(req, userdata, KIND_NODE, reterr);
}

int handle_node_get(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        const char *id = http_request_param(req, 0);
        ApiContext *api = userdata;
        StoreEntry *e;

        e = store_find(cluster_store(api->cluster), KIND_NODE, id);
        if (!e)
                return error_set_field(reterr, -ENOENT, "nodeId", id, "there is no node \"%s\"", id);
        render_node(api->cluster, e->object, &b);
        strbuf_putc(&b, '\n');
        return http_reply(req, 200, NATIVE_JSON, &b, api_mark(api));
}

int handle_node_add(HttpRequest *req, void *userdata, Error *reterr) {
        ApiContext *api = userdata;
        NodeBody body = {};
        NodeState *ns;
        size_t size;
        char *text;
        int r;

        text = http_request_body(req, &size);
        r = json_parse_object(text, size, node_fields, ELEMENTSOF(node_fields), true, &body, reterr);
        if (r < 0)
                return r;
        r = cluster_add_node(api->cluster, api_now(), body.name, body.cpu, &ns, reterr);
        if (r < 0)
                return r;
        return reply_message(req, api, 201, "nodeId", node_of(ns)->object.name, NULL, "Node %s added with %g CPU cores",
                             node_of(ns)->object.name, (double) body.cpu / 1000);
}

int handle_node_stop(HttpRequest *req, void *userdata, Error *reterr) {
        const char *id = http_request_param(req, 0);
        ApiContext *api = userdata;
        int r;

        r = cluster_stop_node(api->cluster, api_now(), id, reterr);
        if (r < 0)
                return r;
        return reply_message(req, api, 200, "nodeId", id, NULL, "Node %s is being stopped", id);
}

/* Knocks at the agent's socket, so that systemd starts the agent that serves it. The knock is all: connecting does
 * not wait for the agent, and nothing is sent. */
static int start_agent(const ApiContext *api, const char *node) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;
        int n;

        n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s.sock", api->agents_dir, node);
        if (n < 0 || (size_t) n >= sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        fd = RET_ERRNO(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (fd < 0)
                return fd;
        return RET_ERRNO(connect(fd, (const struct sockaddr*) &sa, sizeof(sa)));
}

int handle_node_restart(HttpRequest *req, void *userdata, Error *reterr) {
        const char *id = http_request_param(req, 0);
        ApiContext *api = userdata;
        int r;

        r = cluster_restart_node(api->cluster, api_now(), id, reterr);
        if (r < 0)
                return r;
        if (r == 0)
                return reply_message(req, api, 200, "nodeId", id, NULL, "Node %s runs", id);
        if (beats_reach(api->beats, id)) /* its fleet hears of it by itself */
                return reply_message(req, api, 200, "nodeId", id, NULL, "Node %s is being started", id);

        r = start_agent(api, id);
        if (r < 0) {
                log_debug_errno(r, "Failed to connect to the agent of node %s, ignoring: %m", id);
                return reply_message(req, api, 200, "nodeId", id, NULL,
                                     "Node %s may start again; its agent could not be started from here (%s/%s.sock: %s), "
                                     "start kubesim-agent@%s on its machine", id, api->agents_dir, id, strerror(-r), id);
        }
        return reply_message(req, api, 200, "nodeId", id, NULL, "Node %s is being started", id);
}

int handle_node_remove(HttpRequest *req, void *userdata, Error *reterr) {
        const char *id = http_request_param(req, 0);
        ApiContext *api = userdata;
        int r;

        r = cluster_remove_node(api->cluster, api_now(), id, reterr);
        if (r < 0)
                return r;
        return reply_message(req, api, 200, "nodeId", id, NULL, "Node %s removed", id);
}

int handle_nodes_remove(HttpRequest *req, void *userdata, Error *reterr) {
        static const JsonField fields[] = {
                { .name = "nodes", .type = JSON_FIELD_STRINGS, .items_max = REMOVE_MAX, .mandatory = true },
        };
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);
        _cleanup_(strings_done) JsonStrings names = {};
        ApiContext *api = userdata;
        size_t size, n = 0;
        char *text;
        int r;

        text = http_request_body(req, &size);
        r = json_parse_object(text, size, fields, ELEMENTSOF(fields), true, &names, reterr);
        for (size_t i = 0; i < names.n_items && r >= 0; i++) {
                _cleanup_error_ Error error = ERROR_NULL;

                r = cluster_remove_node(api->cluster, api_now(), names.items[i], &error);
                n += r >= 0;
                if (r == -ENOENT) /* it is gone already */
                        r = 0;
                if (r < 0)
                        error_set(reterr, r, "node \"%s\": %s; %zu nodes were removed before it", names.items[i], error_message(&error), n);
        }
        if (r < 0)
                return r;
        strbuf_printf(&b, "{\"message\":\"%zu nodes removed\",\"removed\":%zu,\"missing\":%zu}\n", n, n, names.n_items - n);
        return http_reply(req, 200, NATIVE_JSON, &b, api_mark(api));
}
