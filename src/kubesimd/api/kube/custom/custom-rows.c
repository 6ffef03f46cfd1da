/* SPDX-License-Identifier: Apache-2.0 */
/* Making rows of the document of a CustomResourceDefinition. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/model/doc.h"
#include "kubesimd/api/kube/custom/crd.h"
#include "kubesimd/api/kube/custom/custom.h"

#define TEXT_MAX (6 * MIB)

struct CustomRows {
        unsigned n_ref;
        const Definition *definition; /* reference */
        JsonArena arena;
        char *text;     /* what the tree points into */
        void **owned;   /* given out by custom_rows_alloc() */
        size_t n_owned, owned_allocated;
        KubeResource *rows;
        CustomVersion *versions; /* of each row */
        size_t n_rows;
};

CustomRows *custom_rows_ref(CustomRows *r) {
        r->n_ref++;
        return r;
}

CustomRows *custom_rows_unref(CustomRows *r) {
        if (!r || --r->n_ref > 0)
                return NULL;
        for (size_t i = 0; r->versions && i < r->n_rows; i++)
                for (size_t k = 0; r->versions[i].columns && r->rows[i].columns[k + 1].name; k++)
                        jsonpath_free(r->versions[i].columns[k]);
        for (size_t i = 0; i < r->n_owned; i++)
                free(r->owned[i]);
        free(r->owned);
        json_arena_done(&r->arena);
        free(r->text);
        object_unref((Object*) r->definition);
        return mfree(r);
}

size_t custom_rows_count(const CustomRows *r) {
        return r ? r->n_rows : 0;
}

const KubeResource *custom_rows_get(const CustomRows *r, size_t i) {
        return &r->rows[i];
}

const Definition *custom_rows_definition(const CustomRows *r) {
        return r->definition;
}

void *custom_rows_alloc(CustomRows *r, size_t size) {
        void *p;

        if (!GREEDY_REALLOC(r->owned, r->owned_allocated, r->n_owned + 1))
                return NULL;
        p = calloc(1, size);
        if (p)
                r->owned[r->n_owned++] = p;
        return p;
}

static const char *text(const Json *v, const char *key) {
        const char *s = json_string(json_get(v, key));

        return isempty(s) ? NULL : s;
}

/* ["a","b"] as "a,b"; *ret is NULL for none. */
static int join(CustomRows *r, const Json *list, const char **ret) {
        size_t size = 0;
        char *s, *w;

        *ret = NULL;
        JSON_FOREACH(v, list)
                size += strlen(strempty(json_string(v))) + 1;
        if (size == 0)
                return 0;
        *ret = s = w = custom_rows_alloc(r, size);
        if (!s)
                return -ENOMEM;
        JSON_FOREACH(v, list) {
                const char *word = strempty(json_string(v));

                if (w > s)
                        *w++ = ',';
                memcpy(w, word, strlen(word));
                w += strlen(word);
        }
        return 0;
}

/* Those of the definition, or how old it is when there are none. */
static int make_columns(CustomRows *r, const Json *version, KubeResource *row, CustomVersion *v) {
        const Json *given = json_get(version, "additionalPrinterColumns");
        size_t n = given && given->size > 0 ? given->size : 1, i = 0;
        KubeColumn *columns = custom_rows_alloc(r, (n + 2) * sizeof(KubeColumn));
        JsonPath **paths = custom_rows_alloc(r, n * sizeof(JsonPath*));

        if (!columns || !paths)
                return -ENOMEM;
        columns[0] = (KubeColumn) { .name = "Name", .type = "string", .is_name = true };
        row->columns = columns;
        v->columns = paths;
        if (!given || given->size == 0) {
                columns[1] = (KubeColumn) { .name = "Age", .type = "date" };
                return jsonpath_new(".metadata.creationTimestamp", &paths[0], NULL);
        }
        JSON_FOREACH(c, given) {
                int e = jsonpath_new(strempty(text(c, "jsonPath")), &paths[i], NULL);

                if (e == -ENOMEM) /* a path that is none finds nothing */
                        return e;
                columns[++i] = (KubeColumn) { .name = strempty(text(c, "name")), .type = strempty(text(c, "type")), .format = text(c, "format"),
                                              .description = text(c, "description"), .priority = json_i64(json_get(c, "priority"), 0) };
        }
        return 0;
}

/* ".spec.color" is named "spec.color" by selectors. */
static int make_fields(CustomRows *r, const Json *version, KubeResource *row) {
        const Json *given = json_get(version, "selectableFields");
        KubeField *fields;
        size_t i = 0;

        if (!given || given->size == 0)
                return 0;
        row->fields = fields = custom_rows_alloc(r, (given->size + 1) * sizeof(KubeField));
        if (!fields)
                return -ENOMEM;
        JSON_FOREACH(f, given) {
                const char *path = text(f, "jsonPath");

                if (path && *path == '.')
                        fields[i++].path = path + 1;
        }
        return 0;
}

static int make_deprecation(CustomRows *r, const Json *version, const KubeResource *row, CustomVersion *v) {
        char api_version[KUBE_API_VERSION_MAX], *s;
        size_t size;

        if (!json_is_true(json_get(version, "deprecated")))
                return 0;
        v->deprecation = text(version, "deprecationWarning");
        if (v->deprecation)
                return 0;
        (void) kube_api_version(row, api_version);
        size = strlen(api_version) + strlen(row->kind) + sizeof("  is deprecated");
        s = custom_rows_alloc(r, size);
        if (!s)
                return -ENOMEM;
        (void) snprintf(s, size, "%s %s is deprecated", api_version, row->kind);
        v->deprecation = s;
        return 0;
}

static void make_subresources(const Json *version, KubeResource *row, CustomVersion *v) {
        const Json *subresources = json_get(version, "subresources"), *scale = json_get(subresources, "scale");

        if (scale) {
                v->spec_replicas = text(scale, "specReplicasPath");
                v->status_replicas = text(scale, "statusReplicasPath");
                v->label_selector = text(scale, "labelSelectorPath");
        }
        row->subresources = json_get(subresources, "status") ? scale ? "scale,status" : "status" : scale ? "scale" : NULL;
}

static int make_row(CustomRows *r, const Json *names, const Json *version, KubeResource *row, CustomVersion *v) {
        static const Json anything = { .type = JSON_OBJECT };
        const Definition *d = r->definition;
        int e;

        v->rows = r;
        v->schema = json_at(version, "schema", "openAPIV3Schema", NULL) ?: &anything;
        *row = (KubeResource) {
                .group = d->info->group, .version = strempty(text(version, "name")), .plural = d->info->accepted.plural,
                .singular = d->info->accepted.singular, .kind = d->info->accepted.kind, .list_kind = d->info->accepted.list_kind,
                .store_kind = d->slot, .namespaced = kind_is_namespaced(d->slot), .custom = v,
                .complete = custom_complete, .validate = custom_validate,
        };
        make_subresources(version, row, v);
        e = join(r, json_get(names, "shortNames"), &row->short_names);
        if (e >= 0)
                e = join(r, json_get(names, "categories"), &row->category);
        if (e >= 0)
                e = make_columns(r, version, row, v);
        if (e >= 0)
                e = make_fields(r, version, row);
        if (e >= 0)
                e = make_deprecation(r, version, row, v);
        if (e < 0)
                return e;
        v->message = custom_make_message(r, row->kind, v->schema);
        return v->message ? 0 : -ENOMEM;
}

static int parse(CustomRows *r, Json **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(TEXT_MAX);
        size_t size;

        doc_put(r->definition->object.doc, &b);
        r->text = strbuf_steal(&b, &size);
        return r->text ? json_tree_parse(&r->arena, r->text, size, ret, NULL) : -ENOMEM;
}

int custom_rows_new(const Definition *d, CustomRows **ret) {
        _cleanup_(custom_rows_unrefp) CustomRows *r = new0(CustomRows, 1);
        const Json *names, *versions;
        Json *root;
        int e;

        if (!r)
                return -ENOMEM;
        r->n_ref = 1;
        r->arena = JSON_ARENA_INIT(64 * MIB);
        r->definition = (const Definition*) object_ref((Object*) &d->object);
        e = parse(r, &root);
        if (e < 0)
                return e;
        names = json_at(root, "status", "acceptedNames", NULL);
        versions = json_at(root, "spec", "versions", NULL);
        r->rows = custom_rows_alloc(r, MAX(d->info->n_versions, (size_t) 1) * sizeof(KubeResource));
        r->versions = custom_rows_alloc(r, MAX(d->info->n_versions, (size_t) 1) * sizeof(CustomVersion));
        if (!r->rows || !r->versions)
                return -ENOMEM;
        JSON_FOREACH(version, versions) {
                if (!json_is_true(json_get(version, "served")))
                        continue;
                assert(r->n_rows < d->info->n_versions); /* which were counted from the same document */
                r->n_rows++;
                e = make_row(r, names, version, &r->rows[r->n_rows - 1], &r->versions[r->n_rows - 1]);
                if (e < 0)
                        return e;
        }
        *ret = TAKE_PTR(r);
        return 0;
}
