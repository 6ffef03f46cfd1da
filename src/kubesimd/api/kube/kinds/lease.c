/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: those that clients write, and in kube-node-lease each node's heartbeat, made when it is asked for, never stored. */
#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/time-util.h"
#include "core/control/state.h"
#include "core/model/object-util.h"
#include "kubesimd/api/kube/check/checks.h"
#include "kubesimd/api/kube/kinds/events.h"
#include "kubesimd/api/kube/types/columns.h"

int kube_make_object(Kind kind, const char *key, StrBuf *document, Object **ret) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        _cleanup_(object_unrefp) Object *o = NULL;
        Json *root;
        int r;

        if (strbuf_error(document) < 0)
                return strbuf_error(document);
        r = json_tree_parse(&a, document->data, document->size, &root, NULL);
        if (r >= 0)
                r = object_new(kind, sizeof(Object), key, &o);
        if (r >= 0)
                r = doc_new(root, &o->doc);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

/* Of a node that is gone it tells the end. */
static usec_t renewed(Cluster *c, const Object *node) {
        const NodeState *ns = find_node(c, node->name);

        return ns ? ns->last_beat_realtime : cluster_now_realtime(c);
}

static void lease_key(const Object *node, char buf[300]) {
        (void) snprintf(buf, 300, KUBE_LEASE_NAMESPACE "/%s", node->name);
}

static int make(Cluster *c, const void *of, unsigned part _unused_, Object **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);
        const Object *node = of;
        usec_t at = renewed(c, node);
        char key[300], uid[UUID_STRING_MAX];
        int r;

        lease_key(node, key);
        if (store_find(cluster_store(c), KIND_LEASE, key))
                return -EEXIST;
        strbuf_puts(&b, "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"name\":");
        json_put_string(&b, node->name);
        strbuf_printf(&b, ",\"uid\":\"%s\"}]},\"spec\":{\"holderIdentity\":", uuid_to_string(node->uid, uid));
        json_put_string(&b, node->name);
        strbuf_printf(&b, ",\"leaseDurationSeconds\":%llu,\"renewTime\":",
                      (unsigned long long) MAX(c->config.node_timeout_usec / USEC_PER_SEC, (usec_t) 1));
        json_put_time(&b, at % USEC_PER_SEC == 0 ? at + 1 : at); /* metav1.MicroTime: never without decimals */
        strbuf_puts(&b, "}}");
        r = kube_make_object(KIND_LEASE, key, &b, ret);
        if (r < 0)
                return r;
        (*ret)->uid = node->uid;
        (*ret)->created = node->created;
        (*ret)->revision = node->revision;
        return 0;
}

static int each_made(Cluster *c, uint64_t revision _unused_, kube_visit_t visit, void *userdata) {
        int r = 0;

        for (StoreEntry *e = store_find_from(cluster_store(c), KIND_NODE, NULL); e && r == 0; e = store_following(e)) {
                char key[300];

                lease_key(e->object, key);
                r = visit(key, e->object, 0, userdata);
        }
        return r;
}

const KubeResource kube_leases = {
        .group = "coordination.k8s.io", .version = "v1", .plural = "leases", .singular = "lease", .kind = "Lease",
        .schema = "coordination.v1.Lease", .store_kind = KIND_LEASE, .namespaced = true, .no_generation = true, .each_made = each_made,
        .make = make, .renewed = renewed,
        .columns = lease_columns, .put_document_cells = lease_cells, .checks = lease_checks,
};
