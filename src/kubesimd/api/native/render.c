/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/native/render.h"

#include "basic/json-writer.h"
#include "core/control/state.h"

static void put_string_field(StrBuf *b, const char *key, const char *value) {
        if (!value)
                return;
        strbuf_printf(b, ",\"%s\":", key);
        json_put_string(b, value);
}

static void put_pods(const NodeState *ns, StrBuf *b) {
        bool first = true;
        PodState *ps;

        strbuf_putc(b, '[');
        if (ns)
                LIST_FOREACH(ps, &ns->pods, PodState, in_node) {
                        if (!first)
                                strbuf_putc(b, ',');
                        first = false;
                        json_put_string(b, pod_of(ps)->object.name);
                }
        strbuf_putc(b, ']');
}

static void put_addresses(const Node *n, StrBuf *b) {
        if (n->n_addresses == 0)
                return;
        strbuf_puts(b, ",\"Addresses\":[");
        for (size_t i = 0; i < n->n_addresses; i++) {
                if (i > 0)
                        strbuf_putc(b, ',');
                json_put_string(b, n->addresses[i]);
        }
        strbuf_putc(b, ']');
}

void render_node(Cluster *c, const Object *o, StrBuf *b) {
        const NodeState *ns = find_node(c, o->name); /* NULL: the node is gone, this tells of its end */
        const Node *n = (const Node*) o;

        strbuf_puts(b, "{\"ID\":");
        json_put_string(b, o->name);
        put_string_field(b, "Name", o->name);
        put_string_field(b, "Kind", node_backing_to_string(n->backing));
        strbuf_puts(b, ",\"CPUCores\":");
        json_put_milli(b, n->cpu);
        strbuf_puts(b, ",\"AvailableCPU\":");
        json_put_milli(b, ns ? ns->sched.allocatable.cpu - ns->sched.used.cpu : n->cpu);
        strbuf_puts(b, ",\"Pods\":");
        put_pods(ns, b);
        put_string_field(b, "HealthStatus", node_health_to_string(n->health));
        strbuf_puts(b, ",\"LastHeartbeat\":");
        json_put_time(b, ns ? ns->last_beat_realtime : n->health_since);
        strbuf_puts(b, ",\"HeartbeatCount\":");
        strbuf_put_u64(b, ns ? ns->n_beats : 0);
        strbuf_puts(b, ",\"CreatedAt\":");
        json_put_time(b, o->created);
        put_addresses(n, b);
        put_string_field(b, "Reason", n->reason);
        put_string_field(b, "Version", n->version);
        strbuf_puts(b, ",\"Revision\":");
        strbuf_put_u64(b, o->revision);
        strbuf_putc(b, '}');
}

void render_pod(const Object *o, StrBuf *b) {
        const Pod *p = (const Pod*) o;

        strbuf_puts(b, "{\"ID\":");
        json_put_string(b, o->name);
        put_string_field(b, "Name", o->name);
        strbuf_puts(b, ",\"CPURequired\":");
        json_put_milli(b, p->cpu);
        put_string_field(b, "NodeID", p->node ?: "");
        put_string_field(b, "Status", pod_status_to_string(p->status));
        strbuf_puts(b, ",\"CreatedAt\":");
        json_put_time(b, o->created);
        put_string_field(b, "Reason", p->reason);
        if (p->duration != USEC_INFINITY) {
                strbuf_puts(b, ",\"Duration\":");
                json_put_seconds(b, p->duration);
        }
        strbuf_puts(b, ",\"Restarts\":");
        strbuf_put_u64(b, p->restarts);
        strbuf_puts(b, ",\"Revision\":");
        strbuf_put_u64(b, o->revision);
        strbuf_putc(b, '}');
}

void render_object(Cluster *c, const Object *o, StrBuf *b) {
        if (o->kind == KIND_NODE)
                render_node(c, o, b);
        else
                render_pod(o, b);
}

void render_event(const Event *e, StrBuf *b) {
        _cleanup_strbuf_ StrBuf message = STRBUF_INIT(4096);

        strbuf_puts(b, "{\"revision\":");
        strbuf_put_u64(b, e->revision);
        strbuf_puts(b, ",\"time\":");
        json_put_time(b, e->realtime);
        put_string_field(b, "type", event_reason_is_warning(e->reason) ? "Warning" : "Normal");
        put_string_field(b, "reason", event_reason_to_string(e->reason));
        put_string_field(b, "node", e->node);
        put_string_field(b, "pod", e->pod);
        event_message(e, &message);
        put_string_field(b, "message", strbuf_str(&message));
        strbuf_putc(b, '}');
}

void render_watch_line(Cluster *c, const char *type, uint64_t revision, const Object *o, StrBuf *b) {
        strbuf_puts(b, "{\"type\":\"");
        strbuf_puts(b, type);
        strbuf_puts(b, "\",\"revision\":");
        strbuf_put_u64(b, revision);
        if (o) {
                strbuf_puts(b, ",\"object\":");
                render_object(c, o, b);
        }
        strbuf_puts(b, "}\n");
}
