/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The Kubernetes front door: nodes and pods as kubectl wants to see them. Formats: the Kubernetes API conventions and
 * reference, version 1.32. */

#include "kubesimd/api/context.h"

extern const HttpRoute kube_routes[];
extern const size_t kube_n_routes;

#define KUBE_JSON "application/json"

/* Writes the Status object of an error reply. An error's field and value, when set by this door, are the plural of a kind
 * and the name of the object at fault. */
void kube_problem(HttpRequest *req, unsigned status, const Error *error, StrBuf *body, const char **ret_type, void *userdata);

/* Handlers, by route. */
int handle_kube_versions(HttpRequest *req, void *userdata, Error *reterr);      /* /api */
int handle_kube_groups(HttpRequest *req, void *userdata, Error *reterr);        /* /apis */
int handle_kube_group(HttpRequest *req, void *userdata, Error *reterr);         /* /apis/GROUP */
int handle_kube_resources(HttpRequest *req, void *userdata, Error *reterr);     /* /api/v1 */
int handle_kube_group_resources(HttpRequest *req, void *userdata, Error *reterr); /* /apis/GROUP/VERSION */
/* Below /api/v1 or /apis/GROUP/VERSION: */
int handle_kube_list(HttpRequest *req, void *userdata, Error *reterr);          /* PLURAL */
int handle_kube_get(HttpRequest *req, void *userdata, Error *reterr);           /* PLURAL/NAME */
int handle_kube_list_in(HttpRequest *req, void *userdata, Error *reterr);       /* namespaces/NS/PLURAL */
int handle_kube_get_in(HttpRequest *req, void *userdata, Error *reterr);        /* namespaces/NS/PLURAL/NAME */
int handle_kube_delete_in(HttpRequest *req, void *userdata, Error *reterr);
