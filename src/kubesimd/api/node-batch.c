/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/node-batch.h"

#include <stdio.h>

#include "basic/json-reader.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/control/heartbeat.h"
#include "core/control/nodes.h"
#include "kubesimd/api/kube/kinds/rules.h"
#include "kubesimd/api/kube/types/resource.h"
#include "kubesimd/api/kube/write.h"

#define HOSTNAME_LABEL "kubernetes.io/hostname"
#define NAME_SIZE 260

typedef struct BatchBody {
        const char *prefix;
        int64_t count, first, cpu;
        JsonRaw node;
} BatchBody;

static const JsonField fields[] = {
        { .name = "prefix", .type = JSON_FIELD_STRING, .offset = offsetof(BatchBody, prefix), .mandatory = true },
        { .name = "count", .type = JSON_FIELD_I64, .offset = offsetof(BatchBody, count), .mandatory = true },
        { .name = "first", .type = JSON_FIELD_I64, .offset = offsetof(BatchBody, first) },
        { .name = "cpuCores", .type = JSON_FIELD_MILLI, .offset = offsetof(BatchBody, cpu) },
        { .name = "node", .type = JSON_FIELD_RAW, .offset = offsetof(BatchBody, node) },
};

static int check_range(const BatchBody *b, Error *reterr) {
        char name[NAME_SIZE];

        if (b->count < 1 || b->count > NODE_BATCH_MAX)
                return error_set_field(reterr, -EINVAL, "count", NULL, "\"count\" must be a number from 1 to %d; ask again for more", NODE_BATCH_MAX);
        if (b->first < 0 || b->first > NODE_NUMBER_MAX)
                return error_set_field(reterr, -EINVAL, "first", NULL, "\"first\" must be a number from 0 to %d", NODE_NUMBER_MAX);
        if (*b->prefix == '\0' || strlen(b->prefix) > 240)
                return error_set_field(reterr, -EINVAL, "prefix", b->prefix, "\"prefix\" must have 1 to 240 letters");
        (void) snprintf(name, sizeof(name), "%s%lld", b->prefix, (long long) (b->first + b->count - 1));
        return name_validate(name, "prefix", reterr);
}

/* The first thing that is wrong with the template, in the words of the Kubernetes door. */
static int check_causes(const KubeWrite *w, Error *reterr) {
        const Json *cause = json_item(w->causes, 0);

        if (!cause)
                return 0;
        return error_set_field(reterr, -EDOM, json_string(json_get(cause, "field")), NULL, "node.%s: %s", strempty(json_string(json_get(cause, "field"))),
                               strempty(json_string(json_get(cause, "message"))));
}

/* Completes and checks the template as the Kubernetes door does with a Node; what is of one node only is left out. */
static int prepare(KubeWrite *w, Json *node, Error *reterr) {
        static const char *const own[] = { "uid", "resourceVersion", "creationTimestamp", "generateName", "managedFields", "ownerReferences", "finalizers" };
        Json *metadata, *labels;

        metadata = json_ensure(&w->arena, node, "metadata", JSON_OBJECT);
        labels = json_ensure(&w->arena, metadata, "labels", JSON_OBJECT);
        for (size_t i = 0; i < ELEMENTSOF(own); i++)
                json_remove(metadata, own[i]);
        json_set_string(&w->arena, metadata, "name", w->object_name);
        json_remove(labels, HOSTNAME_LABEL); /* each shows its own */
        if (!json_get(labels, "kubesim.io/backing"))
                json_set_string(&w->arena, labels, "kubesim.io/backing", "virtual");
        w->resource->complete(w, node, NULL);
        json_remove(labels, HOSTNAME_LABEL);
        if (json_get(json_get(node, "spec"), "podCIDR"))
                return error_set_field(reterr, -EDOM, "node.spec.podCIDR", NULL, "node.spec.podCIDR: a template cannot have one, each node gets its own");
        validate_metadata(w, node, NULL);
        w->resource->validate(w, node, NULL);
        w->resource->strip(w->api->cluster, &w->arena, node, NULL);
        json_remove(metadata, "name");
        return json_arena_error(&w->arena) < 0 ? error_set(reterr, json_arena_error(&w->arena), "out of memory") : check_causes(w, reterr);
}

/* The node after which all are made; one document for all of them. */
static int make_model(KubeWrite *w, const BatchBody *b, Node **ret, Error *reterr) {
        _cleanup_(node_unrefp) Node *n = NULL;
        Json *node;
        int r;

        r = node_new(b->prefix, &n);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        n->cpu = b->cpu > 0 ? b->cpu : NODE_CPU_DEFAULT;
        if (!b->node.text) {
                *ret = TAKE_PTR(n);
                return 0;
        }
        r = json_tree_parse(&w->arena, b->node.text, b->node.size, &node, reterr);
        if (r >= 0)
                r = write_check_fields(w, node, reterr);
        if (r >= 0)
                r = prepare(w, node, reterr);
        if (r >= 0)
                r = node_read_document(n, node, reterr);
        if (r < 0)
                return r;
        if (b->cpu > 0)
                n->cpu = b->cpu;
        r = doc_new(node, &n->object.doc);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        *ret = TAKE_PTR(n);
        return 0;
}

static int add_nodes(HttpRequest *req, ApiContext *api, const BatchBody *b, Error *reterr) {
        const KubePath path = { .resource = &kube_nodes };
        _cleanup_strbuf_ StrBuf answer = STRBUF_INIT(4 * KIB);
        _cleanup_(node_unrefp) Node *model = NULL;
        _cleanup_write_ KubeWrite w = {};
        char name[NAME_SIZE];
        NodeBatch batch;
        int r;

        r = check_range(b, reterr);
        if (r < 0)
                return r;
        r = write_begin(&w, req, api, &path, reterr);
        if (r < 0)
                return r;
        (void) snprintf(name, sizeof(name), "%s%lld", b->prefix, (long long) b->first);
        w.object_name = name;
        w.validation = FIELDS_STRICT; /* a template with a typing error is a hundred thousand wrong nodes */
        r = make_model(&w, b, &model, reterr);
        if (r < 0)
                return r;
        batch = (NodeBatch) { .prefix = b->prefix, .first = (uint32_t) b->first, .count = (uint32_t) b->count, .model = model };
        r = cluster_add_nodes(api->cluster, api_now(), &batch, reterr);
        if (r < 0)
                return r;
        strbuf_printf(&answer, "{\"message\":\"%u nodes added, %u existed already\",\"added\":%u,\"existed\":%u,\"next\":%lld}\n", batch.n_added, batch.n_existed,
                      batch.n_added, batch.n_existed, (long long) (b->first + b->count));
        return http_reply(req, batch.n_added > 0 ? 201 : 200, "application/json", &answer, api_mark(api));
}

int handle_nodes_batch(HttpRequest *req, void *userdata, Error *reterr) {
        BatchBody body = {};
        size_t size;
        char *text;
        int r;

        text = http_request_body(req, &size);
        r = json_parse_object(text, size, fields, ELEMENTSOF(fields), true, &body, reterr);
        return r < 0 ? r : add_nodes(req, userdata, &body, reterr);
}
