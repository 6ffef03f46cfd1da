/* SPDX-License-Identifier: Apache-2.0 */
/* What "kubectl top" shows: metrics.k8s.io. Nothing is measured, so a pod uses what its annotations say
 * ("kubesim.io/cpu-usage", "kubesim.io/memory-usage"), else what it asks for, and a node what its pods use. */
#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/time-util.h"
#include "core/control/state.h"
#include "core/model/quantity.h"
#include "kubesimd/api/kube/kinds/events.h"

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

static int make_object(Cluster *c, Kind kind, const Object *of, StrBuf *b, Object **ret) {
        int r = kube_make_object(kind, of->name, b, ret);

        if (r >= 0)
                (*ret)->created = cluster_now_realtime(c);
        return r;
}

static int make_node(Cluster *c, const void *of, unsigned part _unused_, Object **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);
        const NodeState *ns = of;
        int64_t cpu = 0, memory = 0;
        PodState *ps;

        LIST_FOREACH(ps, &ns->pods, PodState, in_node) {
                cpu += cpu_of(pod_of(ps));
                memory += memory_of(pod_of(ps));
        }
        strbuf_puts(&b, "{\"metadata\":{},");
        put_window(c, &b);
        strbuf_putc(&b, ',');
        put_usage(&b, cpu, memory);
        strbuf_putc(&b, '}');
        return make_object(c, KIND_NAMESPACE, ns->entry.object, &b, ret); /* of a kind that is in no namespace */
}

static int each_node(Cluster *c, uint64_t revision _unused_, kube_visit_t visit, void *userdata) {
        int r = 0;

        for (StoreEntry *e = store_find_from(cluster_store(c), KIND_NODE, NULL); e && r == 0; e = store_following(e))
                if (node_of(node_state(e))->health == NODE_HEALTHY)
                        r = visit(e->object->name, node_state(e), 0, userdata);
        return r;
}

static size_t containers_of(const Pod *p, const DocContainer **ret) {
        static const DocContainer native = { .name = POD_CONTAINER_NATIVE };

        *ret = p->object.doc ? p->object.doc->containers : &native;
        return p->object.doc ? p->object.doc->n_containers : 1;
}

/* What the pod uses is shared out among its containers. */
static int make_pod(Cluster *c, const void *of, unsigned part _unused_, Object **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);
        const DocContainer *containers;
        const Pod *p = of;
        size_t n = containers_of(p, &containers);

        strbuf_puts(&b, "{\"metadata\":{},");
        put_window(c, &b);
        strbuf_puts(&b, ",\"containers\":[");
        for (size_t i = 0; i < n; i++) {
                strbuf_puts(&b, i > 0 ? ",{\"name\":" : "{\"name\":");
                json_put_string(&b, containers[i].name);
                strbuf_putc(&b, ',');
                put_usage(&b, cpu_of(p) / (int64_t) n, memory_of(p) / (int64_t) n);
                strbuf_putc(&b, '}');
        }
        strbuf_puts(&b, "]}");
        return make_object(c, KIND_EVENT, &p->object, &b, ret); /* of a kind that is in namespaces */
}

static int each_pod(Cluster *c, uint64_t revision _unused_, kube_visit_t visit, void *userdata) {
        const DocContainer *containers;
        int r = 0;

        for (StoreEntry *e = store_find_from(cluster_store(c), KIND_POD, NULL); e && r == 0; e = store_following(e)) {
                const Pod *p = (const Pod*) e->object;

                if (p->status == POD_RUNNING && containers_of(p, &containers) > 0)
                        r = visit(e->object->name, p, 0, userdata);
        }
        return r;
}

const KubeResource kube_node_metrics = {
        .group = "metrics.k8s.io", .version = "v1beta1", .plural = "nodes", .singular = "", .kind = "NodeMetrics", .schema = "metrics.v1beta1.NodeMetrics",
        .store_kind = KIND_NAMESPACE, .read_only = true, .only_made = true, .each_made = each_node, .make = make_node,
};

const KubeResource kube_pod_metrics = {
        .group = "metrics.k8s.io", .version = "v1beta1", .plural = "pods", .singular = "", .kind = "PodMetrics", .schema = "metrics.v1beta1.PodMetrics",
        .store_kind = KIND_EVENT, .namespaced = true, .read_only = true, .only_made = true, .each_made = each_pod, .make = make_pod,
};
