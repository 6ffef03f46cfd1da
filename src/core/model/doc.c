/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/doc.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/model/doc-pool.h"

#define DOC_MAX (4 * MIB)

static bool is_one_of(const char *key, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (streq(key, names[i]))
                        return true;
        return false;
}

/* Appends the members that are not among the names, and ends with NUL. */
static void put_others(StrBuf *b, const Json *object, const char *const *names, size_t n) {
        bool first = true;

        JSON_FOREACH(v, object) {
                if (v->type == JSON_NULL || is_one_of(v->key, names, n))
                        continue;
                if (!first)
                        strbuf_putc(b, ',');
                first = false;
                json_put_member(b, v);
        }
        strbuf_putc(b, '\0');
}

static void put_string(StrBuf *b, const char *s) {
        strbuf_append(b, strempty(s), strlen(strempty(s)) + 1);
}

/* NULL in place of a value of another type. */
static const Json *typed(const Json *v, JsonType type) {
        return json_is(v, type) ? v : NULL;
}

static size_t count(const Json *v, JsonType type) {
        return json_is(v, type) ? v->size : 0;
}

static void put_map(StrBuf *b, const Json *map) {
        JSON_FOREACH(v, map) {
                put_string(b, v->key);
                put_string(b, json_string(v));
        }
}

static void put_containers(StrBuf *b, const Json *containers) {
        JSON_FOREACH(v, containers) {
                put_string(b, json_string(json_get(v, "name")));
                put_string(b, json_string(json_get(v, "image")));
        }
}

static void put_owners(StrBuf *b, const Json *owners) {
        JSON_FOREACH(v, owners) {
                put_string(b, json_string(json_get(v, "apiVersion")));
                put_string(b, json_string(json_get(v, "kind")));
                put_string(b, json_string(json_get(v, "name")));
                put_string(b, json_string(json_get(v, "uid")));
        }
}

/* The string at *p, which then is at the one after it. */
static const char *take(const char **p) {
        const char *s = *p;

        *p += strlen(s) + 1;
        return s;
}

static void take_map(const char **p, DocLabel *map, size_t n) {
        for (size_t i = 0; i < n; i++) {
                map[i].key = take(p);
                map[i].value = take(p);
        }
}

static bool is_sidecar(const Json *container) {
        return streq_ptr(json_string(json_get(container, "restartPolicy")), "Always");
}

static uint32_t count_sidecars(const Json *init) {
        uint32_t n = 0;

        JSON_FOREACH(v, init)
                n += is_sidecar(v);
        return n;
}

static void take_containers(const char **p, const Json *containers, DocContainer *c) {
        JSON_FOREACH(v, containers) {
                c->name = take(p);
                c->image = take(p);
                c->sidecar = is_sidecar(v);
                c++;
        }
}

static void take_owners(const char **p, const Json *owners, DocOwner *o) {
        JSON_FOREACH(v, owners) {
                o->api_version = take(p);
                o->kind = take(p);
                o->name = take(p);
                o->uid = take(p);
                o->controller = json_is_true(json_get(v, "controller"));
                o++;
        }
}

static void fill(Doc *d, const Json *object, const char *text) {
        const Json *metadata = json_get(object, "metadata");
        const char *deleted = json_string(json_get(metadata, "deletionTimestamp"));

        d->n_ref = 1;
        d->has_spec = json_is(json_get(object, "spec"), JSON_OBJECT);
        d->has_status = json_is(json_get(object, "status"), JSON_OBJECT);
        d->generation = json_i64(json_get(metadata, "generation"), 0);
        d->grace_seconds = json_i64(json_get(metadata, "deletionGracePeriodSeconds"), 0);
        if (deleted)
                (void) parse_rfc3339(deleted, &d->deleted);
        d->metadata = take(&text);
        d->spec = take(&text);
        d->status = take(&text);
        d->rest = take(&text);
        take_map(&text, d->labels, d->n_labels);
        take_map(&text, d->annotations, d->n_annotations);
        take_containers(&text, typed(json_at(object, "spec", "containers", NULL), JSON_ARRAY), d->containers);
        take_containers(&text, typed(json_at(object, "spec", "initContainers", NULL), JSON_ARRAY), d->init_containers);
        take_owners(&text, json_get(metadata, "ownerReferences"), d->owners);
        for (size_t i = 0; i < d->n_finalizers; i++)
                d->finalizers[i] = take(&text);
}

/* The members that Object has, and those that are told apart. */
static const char *const identity[] = { "name", "namespace", "uid", "resourceVersion", "creationTimestamp", "selfLink" };
static const char *const parts[] = { "apiVersion", "kind", "metadata", "spec", "status" };

int doc_new(const Json *object, Doc **ret) {
        const Json *metadata = typed(json_get(object, "metadata"), JSON_OBJECT), *spec = json_get(object, "spec"), *status = json_get(object, "status");
        const Json *labels = typed(json_get(metadata, "labels"), JSON_OBJECT), *annotations = typed(json_get(metadata, "annotations"), JSON_OBJECT);
        const Json *owners = typed(json_get(metadata, "ownerReferences"), JSON_ARRAY), *finalizers = typed(json_get(metadata, "finalizers"), JSON_ARRAY);
        const Json *containers = typed(json_get(spec, "containers"), JSON_ARRAY), *init = typed(json_get(spec, "initContainers"), JSON_ARRAY);
        Doc head = { .n_labels = (uint32_t) count(labels, JSON_OBJECT), .n_annotations = (uint32_t) count(annotations, JSON_OBJECT),
                     .n_containers = (uint32_t) count(containers, JSON_ARRAY), .n_init_containers = (uint32_t) count(init, JSON_ARRAY), .n_sidecars = count_sidecars(init),
                     .n_owners = (uint32_t) count(owners, JSON_ARRAY), .n_finalizers = (uint32_t) count(finalizers, JSON_ARRAY) };
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(DOC_MAX);
        size_t n_pairs, n_containers;
        char *text;
        Doc *d;

        put_others(&b, metadata, identity, ELEMENTSOF(identity));
        put_others(&b, json_is(spec, JSON_OBJECT) ? spec : NULL, NULL, 0);
        put_others(&b, json_is(status, JSON_OBJECT) ? status : NULL, NULL, 0);
        put_others(&b, object, parts, ELEMENTSOF(parts));
        put_map(&b, labels);
        put_map(&b, annotations);
        put_containers(&b, containers);
        put_containers(&b, init);
        put_owners(&b, owners);
        JSON_FOREACH(v, finalizers)
                put_string(&b, json_string(v));
        if (strbuf_error(&b) < 0)
                return strbuf_error(&b);

        n_pairs = (size_t) head.n_labels + head.n_annotations;
        n_containers = (size_t) head.n_containers + head.n_init_containers;
        d = malloc(sizeof(Doc) + n_pairs * sizeof(DocLabel) + n_containers * sizeof(DocContainer) + head.n_owners * sizeof(DocOwner) +
                   head.n_finalizers * sizeof(char*) + b.size);
        if (!d)
                return -ENOMEM;
        *d = head;
        d->labels = (DocLabel*) (d + 1);
        d->annotations = d->labels + d->n_labels;
        d->containers = (DocContainer*) (d->annotations + d->n_annotations);
        d->init_containers = d->containers + d->n_containers;
        d->owners = (DocOwner*) (d->init_containers + d->n_init_containers);
        d->finalizers = (const char**) (d->owners + d->n_owners);
        text = (char*) (d->finalizers + d->n_finalizers);
        memcpy(text, b.data, b.size);
        fill(d, object, text);
        *ret = d;
        return 0;
}

Doc *doc_ref(Doc *d) {
        assert(d->n_ref > 0);
        d->n_ref++;
        return d;
}

Doc *doc_unref(Doc *d) {
        if (!d)
                return NULL;
        assert(d->n_ref > 0);
        if (--d->n_ref > 0)
                return NULL;
        if (d->pool)
                doc_pool_forget(d->pool, d);
        free(d);
        return NULL;
}

size_t doc_text_size(const Doc *d) {
        return (size_t) (d->rest - d->metadata) + strlen(d->rest) + 1;
}

bool doc_equal(const Doc *a, const Doc *b) {
        size_t size = doc_text_size(a);

        return size == doc_text_size(b) && memcmp(a->metadata, b->metadata, size) == 0 && a->has_spec == b->has_spec && a->has_status == b->has_status;
}

static const char *find(const DocLabel *map, size_t n, const char *key) {
        for (size_t i = 0; i < n; i++)
                if (streq(map[i].key, key))
                        return map[i].value;
        return NULL;
}

const char *doc_label(const Doc *d, const char *key) {
        return d ? find(d->labels, d->n_labels, key) : NULL;
}

const char *doc_annotation(const Doc *d, const char *key) {
        return d ? find(d->annotations, d->n_annotations, key) : NULL;
}

const DocOwner *doc_controller(const Doc *d) {
        for (size_t i = 0; d && i < d->n_owners; i++)
                if (d->owners[i].controller)
                        return &d->owners[i];
        return NULL;
}

bool doc_has_finalizer(const Doc *d, const char *name) {
        for (size_t i = 0; d && i < d->n_finalizers; i++)
                if (streq(d->finalizers[i], name))
                        return true;
        return false;
}

void doc_put_rest(const Doc *d, StrBuf *b) {
        if (d->has_spec) {
                strbuf_puts(b, ",\"spec\":{");
                strbuf_puts(b, d->spec);
                strbuf_putc(b, '}');
        }
        if (d->has_status) {
                strbuf_puts(b, ",\"status\":{");
                strbuf_puts(b, d->status);
                strbuf_putc(b, '}');
        }
        if (*d->rest) {
                strbuf_putc(b, ',');
                strbuf_puts(b, d->rest);
        }
}

void doc_put(const Doc *d, StrBuf *b) {
        strbuf_puts(b, "{\"metadata\":{");
        strbuf_puts(b, d->metadata);
        strbuf_putc(b, '}');
        doc_put_rest(d, b);
        strbuf_putc(b, '}');
}
