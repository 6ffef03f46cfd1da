/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Objects and the OpenAPI schemas of their CustomResourceDefinitions. A schema is used as the tree that it was written as: it is structural,
 * which crd-schema.c has checked. Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions". */

#include "basic/json-tree.h"

#define CRD_SCHEMA_NODES_MAX 20000 /* schemas in a schema; how deep they nest is bounded by JSON_DEPTH_MAX */
#define CRD_ERRORS_MAX 200         /* that are told of one object */

/* What is wrong, as StatusCauses: [{"reason":...,"field":...,"message":...}]. */
void crd_error(JsonArena *a, Json *errors, const char *reason, const char *field, const char *message);

/* --- Values (crd-prune.c, crd-value.c) --- */
/* Takes out what the schema does not know; each is told to `unknown` by its path. root: kind, apiVersion and metadata stay. -EINVAL for
 * lists with keys that are too long to be looked through. */
int crd_prune(const Json *schema, Json *object, bool root, void (*unknown)(const char *path, void *userdata), void *userdata, Error *reterr);
/* Fills in defaults, and takes out null where it may not stand. */
void crd_default(JsonArena *a, const Json *schema, Json *object);
/* Appends what is wrong with the value at that path ("": the object itself) to errors. What is as it was in `old` (may be NULL) is not
 * complained of again. Messages: kube-openapi, pkg/validation. */
void crd_validate(JsonArena *a, const Json *schema, const Json *value, const Json *old, const char *path, Json *errors);
/* Is it text of that format? Formats that are not known say yes to everything. */
bool crd_format_matches(const char *format, const char *s);

/* --- Schemas (crd-schema.c) --- */
/* Appends why the schema at that path is not structural, or uses what a CustomResourceDefinition may not. It has been checked against the table
 * of types; what that does not see is done here, and what is unknown there taken out. */
void crd_check_schema(JsonArena *a, Json *schema, const char *path, Json *errors);
static inline bool crd_preserves(const Json *schema) {
        return json_is_true(json_get(schema, "x-kubernetes-preserve-unknown-fields"));
}
/* The schema of a member, or NULL when only what may stand there is known to be anything, or nothing. */
const Json *crd_member(const Json *schema, const char *key);
