/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The routes of all front doors in one table, and the form in which each reports errors. */

#include "kubesimd/api/context.h"

/* Every route there is, in an order that does not change while the process lives. */
const HttpRoute *api_routes(size_t *ret_n);
/* Is that the name of a kind that a front door has itself? For ClusterConfig.is_reserved. */
bool api_is_reserved(const char *group, const char *name);
/* What the front doors keep in the context. */
void api_context_done(ApiContext *api);
/* The body of an error reply, as the front door of that path writes it; an http_problem_t. */
void api_problem(HttpRequest *req, unsigned status, const Error *error, StrBuf *body, const char **ret_type, void *userdata);
