/* SPDX-License-Identifier: Apache-2.0 */
/* The namespaces that there are: one for pods, one for the leases of nodes. */
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "kubesimd/api/kube/resource.h"

static void each(Cluster *c _unused_, void (*visit)(const Object *o, void *userdata), void *userdata) {
        static Object all[] = {
                { .name = KUBE_NAMESPACE, .revision = 1, .uid = { { [6] = 0x40, [8] = 0x80, [15] = 1 } } },
                { .name = KUBE_LEASE_NAMESPACE, .revision = 1, .uid = { { [6] = 0x40, [8] = 0x80, [15] = 2 } } },
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                if (all[i].created == 0)
                        all[i].created = now_realtime(); /* nobody has made it: it is as old as this process */
                visit(&all[i], userdata);
        }
}

static const char *label(const Object *o, const char *key) {
        return streq(key, "kubernetes.io/metadata.name") ? o->name : NULL;
}

static const char *name_of(const Object *o) {
        return o->name;
}

static const char *phase_of(const Object *o _unused_) {
        return "Active";
}

static const KubeField fields[] = { { "metadata.name", name_of }, { "status.phase", phase_of }, {} };

static void put_metadata(Cluster *c _unused_, const Object *o, uint64_t revision, StrBuf *b) {
        kube_put_metadata_head(o, revision, b);
        strbuf_puts(b, ",\"labels\":{\"kubernetes.io/metadata.name\":");
        json_put_string(b, o->name);
        strbuf_puts(b, "}}");
}

static void put_rest(Cluster *c _unused_, const Object *o _unused_, StrBuf *b) {
        strbuf_puts(b, ",\"spec\":{\"finalizers\":[\"kubernetes\"]},\"status\":{\"phase\":\"Active\"}");
}

static void put_cells(Cluster *c _unused_, const Object *o, usec_t now, StrBuf *b) {
        json_put_string(b, o->name);
        strbuf_puts(b, ",\"Active\",");
        kube_put_age(b, o->created, now);
}

static const KubeColumn columns[] = { { .name = "Name", .is_name = true }, { .name = "Status" }, { .name = "Age" }, {} };

const KubeResource kube_namespaces = {
        .group = "", .api_version = "v1",
        .plural = "namespaces", .singular = "namespace", .short_name = "ns", .kind = "Namespace", .list_kind = "NamespaceList",
        .each = each, .columns = columns,
        .put_metadata = put_metadata, .put_rest = put_rest, .put_cells = put_cells, .label = label, .fields = fields,
};
