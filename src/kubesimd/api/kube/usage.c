/* SPDX-License-Identifier: Apache-2.0 */
/* What "kubectl top" shows: metrics.k8s.io. Nothing is measured, so a pod uses what its annotations say
 * ("kubesim.io/cpu-usage", "kubesim.io/memory-usage"), else what it asks for, and a node what its pods use. */
#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/time-util.h"
#include "core/control/state.h"
#include "core/model/quantity.h"
#include "kubesimd/api/kube/events.h"

#define CPU_ANNOTATION "kubesim.io/cpu-usage"
#define MEMORY_ANNOTATION "kubesim.io/memory-usage"
#define MEMORY_DEFAULT (INT64_C(16) * 1024 * 1024)
#define WINDOW "15s"

static int64_t annotated(const Object *o, const char *key, int64_t unit, int64_t otherwise) {
        const char *s = doc_annotation(o->doc, key);
        int64_t v;

        return s && quantity_parse_milli(s, &v) >= 0 && v >= 0 ? v / unit : otherwise;
}

static int64_t cpu_of(const Pod *p) {
        return p->status == POD_RUNNING ? annotated(&p->object, CPU_ANNOTATION, 1, p->cpu) : 0;
}

static int64_t memory_of(const Pod *p) {
        return p->status == POD_RUNNING ? annotated(&p->object, MEMORY_ANNOTATION, 1000, MEMORY_DEFAULT) : 0;
}

static void put_usage(StrBuf *b, int64_t cpu, int64_t memory) {
        strbuf_printf(b, "\"usage\":{\"cpu\":\"%lldm\",\"memory\":\"%lldKi\"}", (long long) cpu, (long long) (memory / 1024));
}

static void put_window(Cluster *c, StrBuf *b) {
        strbuf_puts(b, "\"timestamp\":");
        kube_put_time(b, cluster_now_realtime(c));
        strbuf_puts(b, ",\"window\":\"" WINDOW "\"");
}

static void visit_made(Cluster *c, Kind kind, const Object *of, StrBuf *b, void (*visit)(const Object *o, void *userdata), void *userdata) {
        _cleanup_(object_unrefp) Object *o = NULL;

        if (kube_make_object(kind, of->name, b, &o) < 0)
                return;
        o->created = cluster_now_realtime(c);
        visit(o, userdata);
}

static void each_node(Cluster *c, void (*visit)(const Object *o, void *userdata), void *userdata) {
        StoreEntry *e = NULL;
        size_t hint = 0;

        while ((e = store_next(cluster_store(c), KIND_NODE, e ? e->object->id : 0, &hint))) {
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);
                int64_t cpu = 0, memory = 0;
                PodState *ps;

                if (node_of(node_state(e))->health != NODE_HEALTHY)
                        continue;
                LIST_FOREACH(ps, &node_state(e)->pods, PodState, in_node) {
                        cpu += cpu_of(pod_of(ps));
                        memory += memory_of(pod_of(ps));
                }
                strbuf_puts(&b, "{\"metadata\":{},");
                put_window(c, &b);
                strbuf_putc(&b, ',');
                put_usage(&b, cpu, memory);
                strbuf_putc(&b, '}');
                visit_made(c, KIND_NAMESPACE, e->object, &b, visit, userdata); /* of a kind that is in no namespace */
        }
}

/* What the pod uses is shared out among its containers. */
static void each_pod(Cluster *c, void (*visit)(const Object *o, void *userdata), void *userdata) {
        StoreEntry *e = NULL;
        size_t hint = 0;

        while ((e = store_next(cluster_store(c), KIND_POD, e ? e->object->id : 0, &hint))) {
                static const DocLabel native = { .key = "main" };
                const Pod *p = (const Pod*) e->object;
                const DocLabel *containers = p->object.doc ? p->object.doc->containers : &native;
                size_t n = p->object.doc ? p->object.doc->n_containers : 1;
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);

                if (p->status != POD_RUNNING || n == 0)
                        continue;
                strbuf_puts(&b, "{\"metadata\":{},");
                put_window(c, &b);
                strbuf_puts(&b, ",\"containers\":[");
                for (size_t i = 0; i < n; i++) {
                        strbuf_puts(&b, i > 0 ? ",{\"name\":" : "{\"name\":");
                        json_put_string(&b, containers[i].key);
                        strbuf_putc(&b, ',');
                        put_usage(&b, cpu_of(p) / (int64_t) n, memory_of(p) / (int64_t) n);
                        strbuf_putc(&b, '}');
                }
                strbuf_puts(&b, "]}");
                visit_made(c, KIND_EVENT, e->object, &b, visit, userdata); /* of a kind that is in namespaces */
        }
}

const KubeResource kube_node_metrics = {
        .group = "metrics.k8s.io", .version = "v1beta1", .plural = "nodes", .singular = "", .kind = "NodeMetrics", .schema = "metrics.v1beta1.NodeMetrics",
        .store_kind = KIND_NAMESPACE, .read_only = true, .only_made = true, .each = each_node,
};

const KubeResource kube_pod_metrics = {
        .group = "metrics.k8s.io", .version = "v1beta1", .plural = "pods", .singular = "", .kind = "PodMetrics", .schema = "metrics.v1beta1.PodMetrics",
        .store_kind = KIND_EVENT, .namespaced = true, .read_only = true, .only_made = true, .each = each_pod,
};
