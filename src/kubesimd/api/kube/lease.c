/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: those that clients write, and in kube-node-lease each node's heartbeat, made when it is asked for, never stored. */
#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/time-util.h"
#include "core/control/state.h"
#include "core/model/object-util.h"
#include "kubesimd/api/kube/columns.h"
#include "kubesimd/api/kube/events.h"

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

static int make_lease(Cluster *c, const NodeState *ns, Object **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);
        const Object *node = ns->entry.object;
        usec_t renewed = ns->last_beat_realtime;
        char key[300];
        int r;

        (void) snprintf(key, sizeof(key), KUBE_LEASE_NAMESPACE "/%s", node->name);
        strbuf_puts(&b, "{\"metadata\":{},\"spec\":{\"holderIdentity\":");
        json_put_string(&b, node->name);
        strbuf_printf(&b, ",\"leaseDurationSeconds\":%llu,\"renewTime\":", (unsigned long long) (c->config.node_timeout_usec / USEC_PER_SEC));
        json_put_time(&b, renewed % USEC_PER_SEC == 0 ? renewed + 1 : renewed); /* metav1.MicroTime: never without decimals */
        strbuf_puts(&b, "}}");
        r = kube_make_object(KIND_LEASE, key, &b, ret);
        if (r < 0)
                return r;
        (*ret)->uid = node->uid;
        (*ret)->created = node->created;
        (*ret)->revision = node->revision;
        return 0;
}

static void each(Cluster *c, void (*visit)(const Object *o, void *userdata), void *userdata) {
        StoreEntry *e = NULL;
        size_t hint = 0;

        while ((e = store_next(cluster_store(c), KIND_NODE, e ? e->object->id : 0, &hint))) {
                _cleanup_(object_unrefp) Object *o = NULL;

                if (make_lease(c, node_state(e), &o) >= 0)
                        visit(o, userdata);
        }
}

const KubeResource kube_leases = {
        .group = "coordination.k8s.io", .version = "v1", .plural = "leases", .singular = "lease", .kind = "Lease",
        .schema = "coordination.v1.Lease", .store_kind = KIND_LEASE, .namespaced = true, .no_generation = true, .each = each,
        .columns = lease_columns, .put_document_cells = lease_cells,
};
