/* SPDX-License-Identifier: Apache-2.0 */
/* A node's lease is its heartbeat as Kubernetes would show it: made when it is asked for, never stored. */
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/control/state.h"
#include "kubesimd/api/kube/resource.h"

/* A lease for as long as it is being shown: the node's own name, age and uid. */
typedef struct LeaseObject {
        Object object;
        usec_t renewed; /* realtime */
} LeaseObject;

static void each(Cluster *c, void (*visit)(const Object *o, void *userdata), void *userdata) {
        StoreEntry *e = NULL;
        size_t hint = 0;

        while ((e = store_next(cluster_store(c), KIND_NODE, e ? e->object->id : 0, &hint))) {
                const LeaseObject lease = {
                        .object = { .name = e->object->name, .created = e->object->created, .uid = e->object->uid, .revision = e->object->revision },
                        .renewed = node_state(e)->last_beat_realtime,
                };

                visit(&lease.object, userdata);
        }
}

static const char *label(const Object *o _unused_, const char *key _unused_) {
        return NULL;
}

static const char *name_of(const Object *o) {
        return o->name;
}

static const char *namespace_of(const Object *o _unused_) {
        return KUBE_LEASE_NAMESPACE;
}

static const KubeField fields[] = { { "metadata.name", name_of }, { "metadata.namespace", namespace_of }, {} };

static void put_metadata(Cluster *c _unused_, const Object *o, uint64_t revision, StrBuf *b) {
        kube_put_metadata_head(o, revision, b);
        strbuf_puts(b, ",\"namespace\":\"" KUBE_LEASE_NAMESPACE "\"}");
}

static void put_rest(Cluster *c, const Object *o, StrBuf *b) {
        usec_t renewed = container_of(o, LeaseObject, object)->renewed;

        strbuf_puts(b, ",\"spec\":{\"holderIdentity\":");
        json_put_string(b, o->name);
        strbuf_printf(b, ",\"leaseDurationSeconds\":%llu,\"renewTime\":", (unsigned long long) (c->config.node_timeout_usec / USEC_PER_SEC));
        json_put_time(b, renewed % USEC_PER_SEC == 0 ? renewed + 1 : renewed); /* metav1.MicroTime: never without decimals */
        strbuf_putc(b, '}');
}

static void put_cells(Cluster *c _unused_, const Object *o, usec_t now, StrBuf *b) {
        json_put_string(b, o->name);
        strbuf_putc(b, ',');
        json_put_string(b, o->name);
        strbuf_putc(b, ',');
        kube_put_age(b, o->created, now);
}

static const KubeColumn columns[] = { { .name = "Name", .is_name = true }, { .name = "Holder" }, { .name = "Age" }, {} };

const KubeResource kube_leases = {
        .group = "coordination.k8s.io", .api_version = "coordination.k8s.io/v1",
        .plural = "leases", .singular = "lease", .kind = "Lease", .list_kind = "LeaseList",
        .namespace = KUBE_LEASE_NAMESPACE, .each = each, .columns = columns,
        .put_metadata = put_metadata, .put_rest = put_rest, .put_cells = put_cells, .label = label, .fields = fields,
};
