/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/manifest.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/string-util.h"
#include "core/control/admission.h"
#include "core/control/objects.h"
#include "kubesimd/api/kube/body/yaml.h"
#include "kubesimd/api/kube/write.h"

#define ARENA_MAX (64 * MIB)
#define NAME_DEFAULT "pod"

/* Which kinds make pods, and how many. */
static const struct {
        Kind kind;
        const char *group, *plural; /* of its row; version v1 */
        const char *owner;    /* who controls the pods */
        const char *replicas; /* in the spec */
} makers[] = {
        { KIND_POD, "", "pods", NULL, NULL },
        { KIND_DEPLOYMENT, "apps", "deployments", "ReplicaSet", "replicas" },
        { KIND_REPLICA_SET, "apps", "replicasets", "ReplicaSet", "replicas" },
        { KIND_REPLICATION_CONTROLLER, "", "replicationcontrollers", "ReplicationController", "replicas" },
        { KIND_STATEFUL_SET, "apps", "statefulsets", "StatefulSet", "replicas" },
        { KIND_JOB, "batch", "jobs", "Job", "parallelism" },
};

typedef struct ManifestReader {
        HttpRequest *req;
        ApiContext *api;
        PodClassPool *pool;
        Manifest *manifest;
        JsonArena arena;
        bool one_pod;
        uint64_t n_pods;
} ManifestReader;

static int out_of_memory(Error *reterr) {
        return error_set(reterr, -ENOMEM, "out of memory");
}

/* --- The body --- */

static int read_documents(ManifestReader *r, Json **ret, Error *reterr) {
        size_t size;
        char *text = http_request_body(r->req, &size), *copy;
        Json *v;
        int k;

        if (size == 0)
                return error_set(reterr, -EINVAL, "the body is empty: it must be a manifest, JSON or YAML");
        if (!strchr("{[", text[strspn(text, " \t\r\n")]))
                return yaml_parse_all(&r->arena, text, size, ret, reterr);
        copy = json_arena_copy(&r->arena, text, size);
        if (!copy)
                return out_of_memory(reterr);
        k = json_tree_parse(&r->arena, copy, size, &v, NULL);
        if (k == -EBADMSG)
                return yaml_parse_all(&r->arena, text, size, ret, reterr);
        if (k < 0)
                return error_set(reterr, k, "the manifest has too many values");
        *ret = json_new(&r->arena, JSON_ARRAY);
        json_append(*ret, v);
        return *ret ? 0 : out_of_memory(reterr);
}

/* --- One document --- */

int manifest_add(Manifest *m, WhatIfItem *item) {
        if (!item->name || !GREEDY_REALLOC(m->items, m->allocated, m->n_items + 1)) {
                what_if_item_done(item);
                return -ENOMEM;
        }
        m->items[m->n_items++] = *item;
        *item = (WhatIfItem) {};
        return 0;
}

static int add_item(ManifestReader *r, const char *kind, const char *namespace, const char *name, const Json *pod, uint64_t count, Error *reterr) {
        Manifest *m = r->manifest;
        WhatIfItem item = { .count = count };
        int k;

        if (m->n_items == MANIFEST_ITEMS_MAX)
                return error_set(reterr, -E2BIG, "there are more than %d objects", MANIFEST_ITEMS_MAX);
        if (count > MANIFEST_PODS_MAX - r->n_pods)
                return error_set(reterr, -E2BIG, "there are more than %d pods", MANIFEST_PODS_MAX);
        k = pod_class_of(r->pool, namespace, pod, &item.class, reterr);
        if (k < 0)
                return error_set(reterr, k, "out of memory");
        if (asprintf(&item.name, "%s %s/%s", kind, namespace, name) < 0)
                item.name = NULL;
        if (manifest_add(m, &item) < 0)
                return out_of_memory(reterr);
        r->n_pods += count;
        return 0;
}

/* The pod that a controller makes of the template. Those of a Deployment are of a version of their own, which matchLabelKeys ask for. */
static int make_pod(KubeWrite *w, const Json *template, size_t maker, Json **ret, Error *reterr) {
        Json *pod = pod_of_template(&w->arena, template), *ref = json_new(&w->arena, JSON_OBJECT), *metadata = json_get(pod, "metadata");

        json_set_string(&w->arena, metadata, "generateName", w->object_name);
        json_set_string(&w->arena, ref, "kind", makers[maker].owner);
        json_set_string(&w->arena, ref, "name", w->object_name);
        json_set_bool(&w->arena, ref, "controller", true);
        json_append(json_ensure(&w->arena, metadata, "ownerReferences", JSON_ARRAY), ref);
        if (makers[maker].kind == KIND_DEPLOYMENT)
                json_set_string(&w->arena, json_ensure(&w->arena, metadata, "labels", JSON_OBJECT), "pod-template-hash", "what-if");
        *ret = pod;
        return pod_admit(w->api->cluster, w->path->namespace, &w->arena, pod, reterr);
}

/* Pods that a Job has at a time. */
static int64_t count_of(const Json *spec, size_t maker) {
        int64_t n = json_i64(json_get(spec, makers[maker].replicas), 1);

        return makers[maker].kind == KIND_JOB ? MIN(n, json_i64(json_get(spec, "completions"), INT64_MAX)) : n;
}

static int take_count(Json *object, uint64_t *ret, Error *reterr) {
        int64_t n = json_i64(json_get(object, "count"), 0);

        *ret = 1;
        if (!json_get(object, "count"))
                return 0;
        if (n < 1 || n > MANIFEST_PODS_MAX)
                return error_set_field(reterr, -EDOM, "count", NULL, "count: it must be a whole number from 1 to %d", MANIFEST_PODS_MAX);
        *ret = (uint64_t) n;
        json_remove(object, "count");
        return 0;
}

static int take_object(ManifestReader *r, KubeWrite *w, Json *object, size_t maker, Error *reterr) {
        const char *namespace = w->path->namespace;
        Json *pod = object, *spec;
        uint64_t count;
        int k;

        k = take_count(object, &count, reterr);
        if (k >= 0)
                k = write_check_fields(w, object, reterr);
        if (k >= 0)
                k = write_check_create(w, object, reterr);
        if (k < 0)
                return k;
        spec = json_get(object, "spec");
        if (json_get(spec, "nodeName"))
                return error_set_field(reterr, -EDOM, "spec.nodeName", json_string(json_get(spec, "nodeName")),
                                       "spec.nodeName: the scheduler is not asked about pods that name their node");
        if (makers[maker].owner) {
                int64_t n = count_of(spec, maker);

                k = make_pod(w, json_get(spec, "template"), maker, &pod, reterr);
                if (k < 0)
                        return k;
                count = n > MANIFEST_PODS_MAX ? UINT64_MAX : count * (uint64_t) MAX(n, INT64_C(0));
        }
        if (json_arena_error(&w->arena) < 0 || json_arena_error(&r->arena) < 0)
                return out_of_memory(reterr);
        return add_item(r, w->resource->kind, namespace, w->object_name, pod, count, reterr);
}

/* A pod that is not created needs no name, and none is made up from the cluster's generator. */
static void ensure_name(JsonArena *a, Json *object) {
        Json *metadata = json_ensure(a, object, "metadata", JSON_OBJECT);

        json_remove(metadata, "generateName");
        if (isempty(json_string(json_get(metadata, "name"))))
                json_set_string(a, metadata, "name", NAME_DEFAULT);
}

static int check_namespace(ApiContext *api, const char *namespace, Error *reterr) {
        if (store_find(cluster_store(api->cluster), KIND_NAMESPACE, namespace))
                return 0;
        return error_set_field(reterr, -ENOENT, "metadata.namespace", namespace, "namespaces \"%s\" not found", namespace);
}

static int find_maker(const Json *object, bool one_pod, size_t *ret, Error *reterr) {
        const char *version = json_string(json_get(object, "apiVersion")) ?: "v1", *name = json_string(json_get(object, "kind")) ?: "Pod";
        Kind kind = kind_find(version, name);

        for (*ret = 0; *ret < (one_pod ? 1 : ELEMENTSOF(makers)); (*ret)++)
                if (makers[*ret].kind == kind)
                        return 0;
        for (size_t i = 0; !json_get(object, "apiVersion") && !one_pod && i < ELEMENTSOF(makers); i++)
                if (streq(kind_to_string(makers[i].kind), name))
                        return error_set_field(reterr, -EDOM, "apiVersion", NULL, "\"apiVersion\" is missing: a %s is of %s", name,
                                               kind_api_version(makers[i].kind));
        return error_set_field(reterr, -EDOM, "kind", name, "%s \"%s\": %s", version, name, one_pod ? "it must be a Pod" :
                               "it must be a Pod, Deployment, ReplicaSet, ReplicationController, StatefulSet or Job");
}

static int read_object(ManifestReader *r, Json *object, Error *reterr) {
        _cleanup_write_ KubeWrite w = {};
        KubePath path = {};
        size_t maker;
        int k;

        if (!json_is(object, JSON_OBJECT))
                return error_set(reterr, -EINVAL, "it must be an object with apiVersion, kind, metadata and spec");
        k = find_maker(object, r->one_pod, &maker, reterr);
        if (k < 0)
                return k;
        ensure_name(&r->arena, object);
        path.resource = kube_resource_find(makers[maker].group, "v1", makers[maker].plural);
        path.namespace = json_string(json_at(object, "metadata", "namespace", NULL)) ?: NAMESPACE_DEFAULT;
        k = check_namespace(r->api, path.namespace, reterr);
        if (k >= 0)
                k = write_begin(&w, r->req, r->api, &path, reterr);
        if (k < 0)
                return k;
        if (!http_request_query(r->req, "fieldValidation"))
                w.validation = FIELDS_STRICT; /* as kubectl wants it */
        return take_object(r, &w, object, maker, reterr);
}

/* --- All of them --- */

static int read_any(ManifestReader *r, Json *v, unsigned depth, size_t *number, Error *reterr) {
        const char *kind = json_string(json_get(v, "kind"));
        bool is_list = json_is(v, JSON_ARRAY) || (kind && streq(kind, "List"));
        int k = 0;

        if (json_is(v, JSON_NULL))
                return 0; /* nothing between two separators */
        if (!is_list) {
                (*number)++;
                k = read_object(r, v, reterr);
                if (k < 0 && !r->one_pod)
                        (void) error_prefix(reterr, "object %zu", *number);
                return k;
        }
        if (depth > 1)
                return error_set(reterr, -EINVAL, "lists may not be in lists");
        JSON_FOREACH(item, json_is(v, JSON_ARRAY) ? v : json_get(v, "items")) {
                if (k >= 0)
                        k = read_any(r, item, depth + 1, number, reterr);
        }
        return k;
}

static int read_manifest(ManifestReader *r, Error *reterr) {
        size_t number = 0;
        Json *documents;
        int k;

        k = read_documents(r, &documents, reterr);
        if (k >= 0)
                k = read_any(r, documents, 0, &number, reterr);
        if (k >= 0 && number == 0)
                return error_set(reterr, -EINVAL, "there is no object in the manifest");
        if (k >= 0 && r->one_pod && number > 1)
                return error_set(reterr, -EINVAL, "there is more than one object: it must be one Pod");
        return k;
}

/* As the scheduler takes them: by priority, else in their order. */
static void sort(Manifest *m) {
        for (size_t i = 1; i < m->n_items; i++)
                for (size_t k = i; k > 0 && m->items[k].class->priority > m->items[k - 1].class->priority; k--) {
                        WhatIfItem other = m->items[k];

                        m->items[k] = m->items[k - 1];
                        m->items[k - 1] = other;
                }
}

static int read_with(ManifestReader *r, Error *reterr) {
        int k;

        *r->manifest = (Manifest) {};
        r->arena = JSON_ARENA_INIT(ARENA_MAX);
        k = read_manifest(r, reterr);
        json_arena_done(&r->arena);
        sort(r->manifest);
        return k;
}

int manifest_read(HttpRequest *req, ApiContext *api, PodClassPool *pool, Manifest *ret, Error *reterr) {
        return read_with(&(ManifestReader) { .req = req, .api = api, .pool = pool, .manifest = ret }, reterr);
}

int manifest_read_pod(HttpRequest *req, ApiContext *api, PodClassPool *pool, Manifest *ret, Error *reterr) {
        return read_with(&(ManifestReader) { .req = req, .api = api, .pool = pool, .manifest = ret, .one_pod = true }, reterr);
}

void manifest_done(Manifest *m) {
        for (size_t i = 0; i < m->n_items; i++)
                what_if_item_done(&m->items[i]);
        free(m->items);
        *m = (Manifest) {};
}
