/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Requests by route and code with latency, and Prometheus' text format (version 0.0.4) for everything. */

#include "basic/strbuf.h"

typedef struct Metrics Metrics;

/* n_routes: rows of the table of routes; what matches none is counted apart. */
int metrics_new(size_t n_routes, Metrics **ret);
Metrics *metrics_free(Metrics *m);
DEFINE_CLEANUP(Metrics*, metrics_free)
/* A request is over. route: index in the table, n_routes when none matched. */
void metrics_count_request(Metrics *m, size_t route, unsigned status, usec_t took);

/* "# HELP" and "# TYPE" of a metric. */
void metrics_put_head(StrBuf *b, const char *name, const char *type, const char *help);
/* One sample; labels is "" or `a="b",c="d"`. */
void metrics_put(StrBuf *b, const char *name, const char *labels, double value);
/* A histogram whose i-th bucket counts what is less than first * 2^i seconds, the last one the rest. */
void metrics_put_histogram(StrBuf *b, const char *name, const char *labels, const uint64_t *buckets, size_t n_buckets, double first,
                           double sum);
/* The counters of requests; route_name gives "GET /nodes/{id}" for an index into buf. */
void metrics_put_requests(const Metrics *m, StrBuf *b, const char *(*route_name)(size_t route, char *buf, size_t size));
