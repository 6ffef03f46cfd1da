/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The part of JSONPath that printer columns use (Kubernetes documentation, "JSONPath Support"): .member, ['member'], [1], [-1], [*], .*,
 * and [?(@.path == "value")] with == != < <= > >= or nothing (is it there?). A backslash takes a letter of a member for itself. */

#include "basic/json-tree.h"

typedef struct JsonPath JsonPath;

/* -EINVAL with what is wrong with it, -ENOMEM. */
int jsonpath_new(const char *s, JsonPath **ret, Error *reterr);
JsonPath *jsonpath_free(JsonPath *p); /* NULL is fine */
DEFINE_CLEANUP(JsonPath*, jsonpath_free)
/* The first value that it finds, or NULL. Borrowed from root. */
const Json *jsonpath_find(const JsonPath *p, const Json *root);

/* For simple paths (".spec.replicas"), as those of subresources are: only members with dots between. */
Json *jsonpath_get_simple(Json *root, const char *path);
/* Puts v there, with the objects that it takes; false when something on the way is no object. */
bool jsonpath_set_simple(JsonArena *a, Json *root, const char *path, Json *v);
