/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Rows of the table of kinds that are made of CustomResourceDefinitions: one for each version that is served. They are made when they are
 * first asked for, and again when the definition has changed; who keeps a row for longer than a request keeps a reference. */

#include "core/model/definition.h"
#include "kubesimd/api/context.h"
#include "kubesimd/api/kube/types/jsonpath.h"
#include "kubesimd/api/kube/types/resource.h"
#include "kubesimd/api/kube/write.h"

typedef struct CustomRows CustomRows;

/* What a version of a definition says beside its row. All of it lives as long as the rows. */
struct CustomVersion {
        CustomRows *rows;
        const Json *schema;        /* openAPIV3Schema; never NULL */
        const SchemaMessage *message; /* of apply */
        const char *spec_replicas, *status_replicas, *label_selector; /* simple paths of scale; each may be NULL */
        JsonPath **columns;        /* of the row's columns after the first, which is the name */
        const char *deprecation;   /* what is told of a version that is going out of use; NULL: it is not */
};

/* --- The whole table --- */
typedef struct KubeTable {
        const KubeResource **rows; /* our own first; those of definitions by group, the preferred version first */
        size_t n, allocated;
        uint64_t revision;         /* of the state that it is of */
} KubeTable;

/* Borrowed until the next call. -ENOMEM. */
int kube_table(ApiContext *api, const KubeTable **ret, Error *reterr);
/* *ret is NULL when there is no such resource. -ENOMEM. */
int kube_table_find(ApiContext *api, const char *group, const char *version, const char *plural, const KubeResource **ret, Error *reterr);
void custom_kinds_free(struct CustomKinds *k); /* of the ApiContext; NULL is fine */

/* Keeps a row, whosever it is; gives it back. */
const KubeResource *kube_resource_ref(const KubeResource *r);
const KubeResource *kube_resource_unref(const KubeResource *r); /* NULL is fine, and what it returns */
/* Is the row's kind still served by the definition that it is of? Always, of our own. */
bool custom_is_served(Cluster *c, const KubeResource *r);

/* --- Making rows (custom-rows.c) --- */
/* Rows of a definition, with one reference. */
int custom_rows_new(const Definition *d, CustomRows **ret);
CustomRows *custom_rows_ref(CustomRows *r);
CustomRows *custom_rows_unref(CustomRows *r);
DEFINE_CLEANUP(CustomRows*, custom_rows_unref)
size_t custom_rows_count(const CustomRows *r);
const KubeResource *custom_rows_get(const CustomRows *r, size_t i);
/* The version of the definition that they are of. */
const Definition *custom_rows_definition(const CustomRows *r);
/* Zeroed memory that goes with the rows; NULL when there is none. */
void *custom_rows_alloc(CustomRows *r, size_t size);

/* --- What apply needs to know of a schema (custom-message.c) --- */
/* The type of such objects, or NULL when memory runs out. */
const SchemaMessage *custom_make_message(CustomRows *r, const char *kind, const Json *schema);
static inline const SchemaMessage *custom_message(const CustomVersion *v) {
        return v->message;
}

/* --- What the pipeline of a write asks (custom-write.c) --- */
/* As write_check_fields(): prunes. */
int custom_check_fields(KubeWrite *w, Json *object, void (*unknown)(const char *path, void *userdata), Error *reterr);
void custom_complete(KubeWrite *w, Json *object, const Json *old);
void custom_validate(KubeWrite *w, const Json *object, const Json *old);
/* Everything but the metadata (and the status, when that is a subresource) counts. */
void custom_count_generation(KubeWrite *w, Json *object, const Json *old);
/* Appends the cells of a row; root: the whole object. */
void custom_put_cells(const KubeResource *r, const Object *o, const Json *root, usec_t now, StrBuf *b);
