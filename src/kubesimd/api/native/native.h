/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The native front door: the routes of the Kube-Sim API and what the daemon says of itself. */

#include "kubesimd/api/context.h"

extern const HttpRoute native_routes[];
extern const size_t native_n_routes;

/* Writes the RFC 9457 document of an error reply. */
void native_problem(HttpRequest *req, unsigned status, const Error *error, StrBuf *body, const char **ret_type,
                    void *userdata);

/* Handlers, by route; see docs/API.md. */
int handle_nodes_list(HttpRequest *req, void *userdata, Error *reterr);
int handle_node_get(HttpRequest *req, void *userdata, Error *reterr);
int handle_node_add(HttpRequest *req, void *userdata, Error *reterr);
int handle_node_stop(HttpRequest *req, void *userdata, Error *reterr);
int handle_node_restart(HttpRequest *req, void *userdata, Error *reterr);
int handle_node_remove(HttpRequest *req, void *userdata, Error *reterr);
int handle_nodes_remove(HttpRequest *req, void *userdata, Error *reterr);
int handle_pods_list(HttpRequest *req, void *userdata, Error *reterr);
int handle_pod_get(HttpRequest *req, void *userdata, Error *reterr);
int handle_pod_create(HttpRequest *req, void *userdata, Error *reterr);
int handle_pods_batch(HttpRequest *req, void *userdata, Error *reterr);
int handle_pod_restart(HttpRequest *req, void *userdata, Error *reterr);
int handle_pod_remove(HttpRequest *req, void *userdata, Error *reterr);
int handle_heartbeat(HttpRequest *req, void *userdata, Error *reterr);
int handle_heartbeat_calls(HttpRequest *req, void *userdata, Error *reterr);
int handle_scheduler_get(HttpRequest *req, void *userdata, Error *reterr);
int handle_scheduler_set(HttpRequest *req, void *userdata, Error *reterr);
int handle_explain_pod(HttpRequest *req, void *userdata, Error *reterr);
int handle_explain(HttpRequest *req, void *userdata, Error *reterr);
int handle_capacity(HttpRequest *req, void *userdata, Error *reterr);
int handle_compare(HttpRequest *req, void *userdata, Error *reterr);
int handle_kubeconfig(HttpRequest *req, void *userdata, Error *reterr);
int handle_events(HttpRequest *req, void *userdata, Error *reterr);
int handle_health(HttpRequest *req, void *userdata, Error *reterr);
int handle_livez(HttpRequest *req, void *userdata, Error *reterr);
int handle_readyz(HttpRequest *req, void *userdata, Error *reterr);
int handle_healthz(HttpRequest *req, void *userdata, Error *reterr);
int handle_live_check(HttpRequest *req, void *userdata, Error *reterr);  /* one of them by its name */
int handle_ready_check(HttpRequest *req, void *userdata, Error *reterr);
int handle_version(HttpRequest *req, void *userdata, Error *reterr);
int handle_metrics(HttpRequest *req, void *userdata, Error *reterr);

/* --- Shared by the handlers --- */
/* Answers {"message": ..., "KEY": "id"[, "nodeId": node]} once everything known now is durable. */
int reply_message(HttpRequest *req, ApiContext *api, unsigned status, const char *key, const char *id, const char *node,
                  const char *format, ...) _printf_(7, 8);
/* The query parameter as a number; 0 when absent, 1 when given; -EINVAL naming it. */
int query_u64(HttpRequest *req, const char *name, uint64_t min, uint64_t max, uint64_t *ret, Error *reterr);
/* Is ?watch=1 (or true, or bare) given? */
bool query_watch(HttpRequest *req);
