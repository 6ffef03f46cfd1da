/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/node-class.h"

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/string-util.h"

#define TEXT_MAX (4 * MIB)

static int read_taints(NodeClass *c, const Json *taints) {
        int r;

        r = json_list_allocate(taints, sizeof(Taint), &c->taints);
        if (r < 0)
                return r;
        JSON_FOREACH(v, taints) {
                TaintEffect effect = taint_effect_from_string(json_string(json_get(v, "effect")));

                if ((int) effect >= 0)
                        c->taints[c->n_taints++] = (Taint) { .key = strempty(json_string(json_get(v, "key"))),
                                                             .value = strempty(json_string(json_get(v, "value"))), .effect = effect };
        }
        return 0;
}

static int read_images(NodeClass *c, const Json *images) {
        size_t n = 0;

        JSON_FOREACH(v, images)
                n += json_get(v, "names") ? json_get(v, "names")->size : 0;
        if (n == 0)
                return 0;
        c->images = new0(NodeImage, n);
        if (!c->images)
                return -ENOMEM;
        JSON_FOREACH(v, images)
                JSON_FOREACH(name, json_get(v, "names"))
                        c->images[c->n_images++] = (NodeImage) { .name = strempty(json_string(name)), .size = json_i64(json_get(v, "sizeBytes"), 0) };
        return 0;
}

static int64_t amount(const Json *of, const char *name) {
        const char *text = json_string(json_get(of, name));
        int64_t v;

        return text && resource_parse(name, name, text, &v, NULL) >= 0 ? v : -1;
}

/* Allocatable, else capacity, of everything that is not CPU: that is the node's own. */
static int read_resources(NodeClass *c, const Json *status) {
        const Json *capacity = json_get(status, "capacity"), *allocatable = json_get(status, "allocatable"), *of = allocatable ?: capacity;
        int r;

        c->memory = amount(of, "memory");
        c->ephemeral = amount(of, "ephemeral-storage");
        c->pods = amount(of, "pods");
        c->cpu = amount(allocatable, "cpu");
        r = json_list_allocate(of, sizeof(ExtendedResource), &c->extended);
        if (r < 0)
                return r;
        JSON_FOREACH(v, of)
                if (resource_is_extended(v->key) && amount(of, v->key) >= 0)
                        c->extended[c->n_extended++] = (ExtendedResource) { .name = v->key, .amount = amount(of, v->key) };
        return 0;
}

static int read_document(NodeClass *c) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(TEXT_MAX);
        size_t size;
        Json *root;
        int r;

        doc_put(c->doc, &b);
        r = strbuf_error(&b);
        if (r < 0)
                return r;
        c->text = strbuf_steal(&b, &size);
        if (!c->text)
                return -ENOMEM;
        r = json_tree_parse(&c->arena, c->text, size, &root, NULL);
        if (r >= 0)
                r = read_taints(c, json_at(root, "spec", "taints", NULL));
        if (r >= 0)
                r = read_images(c, json_at(root, "status", "images", NULL));
        return r < 0 ? r : read_resources(c, json_get(root, "status"));
}

int node_class_new(Doc *doc, NodeClass **ret) {
        _cleanup_(node_class_unrefp) NodeClass *c = NULL;
        int r;

        c = new0(NodeClass, 1);
        if (!c)
                return -ENOMEM;
        c->n_ref = 1;
        c->arena = JSON_ARENA_INIT(4 * TEXT_MAX);
        c->memory = c->ephemeral = c->pods = c->cpu = -1;
        if (doc) {
                c->doc = doc_ref(doc);
                r = read_document(c);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(c);
        return 0;
}

NodeClass *node_class_ref(NodeClass *c) {
        assert(c->n_ref > 0);
        c->n_ref++;
        return c;
}

NodeClass *node_class_unref(NodeClass *c) {
        if (!c)
                return NULL;
        assert(c->n_ref > 0);
        if (--c->n_ref > 0)
                return NULL;
        doc_unref(c->doc);
        json_arena_done(&c->arena);
        free(c->text);
        free(c->taints);
        free(c->images);
        free(c->extended);
        free(c);
        return NULL;
}

int node_class_check(const Json *document, Error *reterr) {
        static const char *const parts[] = { "capacity", "allocatable" };
        int64_t v;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                JSON_FOREACH(a, json_at(document, "status", parts[i], NULL)) {
                        r = resource_parse(a->key, i == 0 ? "status.capacity" : "status.allocatable", strempty(json_string(a)), &v, reterr);
                        if (r < 0)
                                return r;
                }
        return 0;
}

const char *node_label(const Node *n, const char *key) {
        const char *value = doc_label(n->object.doc, key);

        if (value)
                return value;
        if (streq(key, "kubernetes.io/hostname"))
                return n->object.name;
        if (streq(key, "kubernetes.io/os"))
                return NODE_OS;
        if (streq(key, "kubernetes.io/arch"))
                return NODE_ARCH;
        return streq(key, "kubesim.io/backing") ? node_backing_to_string(n->backing) : NULL;
}

const char *node_label_of(const void *node, const char *key, bool of_name) {
        return of_name ? ((const Node*) node)->object.name : node_label(node, key);
}
