/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The Kubernetes front door: all kinds as kubectl wants to see them. Formats: the Kubernetes API conventions and reference,
 * version 1.32. */

#include "kubesimd/api/context.h"
#include "kubesimd/api/kube/path.h"

extern const HttpRoute kube_routes[];
extern const size_t kube_n_routes;

#define KUBE_JSON "application/json"
#define KUBE_YAML "application/yaml"

/* The first form that the client names in its Accept of those that there are: KUBE_JSON or KUBE_YAML; NULL: it has no use for either.
 * Quality values and parameters are not looked at. */
const char *kube_find_form(HttpRequest *req);
bool kube_wants_yaml(HttpRequest *req);
/* Makes YAML of the JSON in b when that is what the client wants. Returns the Content-Type. */
const char *kube_put_form(HttpRequest *req, StrBuf *b);
/* http_reply() with the JSON in b, in the form that the client wants. */
int kube_reply(HttpRequest *req, unsigned status, StrBuf *b, uint64_t mark);

/* Writes the Status object of an error reply. An error's field and value, when set by this door, are the plural of a kind
 * and the name of the object at fault. */
void kube_problem(HttpRequest *req, unsigned status, const Error *error, StrBuf *body, const char **ret_type, void *userdata);

/* Discovery, by route. */
int handle_kube_paths(HttpRequest *req, void *userdata, Error *reterr);         /* / */
int handle_kube_versions(HttpRequest *req, void *userdata, Error *reterr);      /* /api */
int handle_kube_groups(HttpRequest *req, void *userdata, Error *reterr);        /* /apis */
int handle_kube_group(HttpRequest *req, void *userdata, Error *reterr);         /* /apis/GROUP */
int handle_kube_resources(HttpRequest *req, void *userdata, Error *reterr);     /* /api/v1 */
int handle_kube_group_resources(HttpRequest *req, void *userdata, Error *reterr); /* /apis/GROUP/VERSION */
/* OpenAPI */
int handle_openapi_v2(HttpRequest *req, void *userdata, Error *reterr);
int handle_openapi_v3(HttpRequest *req, void *userdata, Error *reterr);         /* the index */
int handle_openapi_v3_document(HttpRequest *req, void *userdata, Error *reterr);
/* Whatever a path below names: objects, collections, subresources. */
int handle_kube_object(HttpRequest *req, void *userdata, Error *reterr);
/* Reviews: what may I do, who am I. */
int handle_kube_review(HttpRequest *req, void *userdata, Error *reterr);
/* A Binding that names its pod itself; pods/binding is the same. */
int handle_kube_bindings(HttpRequest *req, void *userdata, Error *reterr);

/* --- Verbs --- */
int kube_list(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr); /* and watch */
int kube_get(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr);
int kube_create(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr);
int kube_update(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr);
int kube_patch(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr);
int kube_delete(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr);
int kube_delete_collection(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr);
/* --- Subresources --- */
int kube_get_scale(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr);
int kube_write_scale(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr); /* PUT and PATCH */
int kube_bind(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr);
int kube_evict(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr);
int kube_log(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr);
int kube_token(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr);
int kube_finalize(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr);
