/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/metrics/metrics.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/time-util.h"

#define CODES_MAX 16
#define BUCKETS 16
#define FIRST_BUCKET_USEC 100

typedef struct RouteCounters {
        struct {
                unsigned status;
                uint64_t n;
        } codes[CODES_MAX]; /* unused ones have status 0 */
        uint64_t buckets[BUCKETS];
        usec_t sum;
} RouteCounters;

struct Metrics {
        size_t n_routes;
        RouteCounters routes[]; /* n_routes + 1 */
};

int metrics_new(size_t n_routes, Metrics **ret) {
        Metrics *m;

        m = calloc(1, sizeof(Metrics) + (n_routes + 1) * sizeof(RouteCounters));
        if (!m)
                return -ENOMEM;
        m->n_routes = n_routes;
        *ret = m;
        return 0;
}

Metrics *metrics_free(Metrics *m) {
        return mfree(m);
}

void metrics_count_request(Metrics *m, size_t route, unsigned status, usec_t took) {
        RouteCounters *c = &m->routes[MIN(route, m->n_routes)];
        unsigned i = 0;

        for (size_t k = 0; k < CODES_MAX; k++) {
                if (c->codes[k].status != status && c->codes[k].status != 0)
                        continue;
                c->codes[k].status = status;
                c->codes[k].n++;
                break;
        }
        while (i < BUCKETS - 1 && took >= ((usec_t) FIRST_BUCKET_USEC << i))
                i++;
        c->buckets[i]++;
        c->sum += took;
}

void metrics_put_head(StrBuf *b, const char *name, const char *type, const char *help) {
        strbuf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_put(StrBuf *b, const char *name, const char *labels, double value) {
        strbuf_printf(b, "%s%s%s%s %.15g\n", name, *labels ? "{" : "", labels, *labels ? "}" : "", value);
}

void metrics_put_histogram(StrBuf *b, const char *name, const char *labels, const uint64_t *buckets, size_t n_buckets, double first,
                           double sum) {
        const char *comma = *labels ? "," : "", *open = *labels ? "{" : "", *close = *labels ? "}" : "";
        uint64_t n = 0;

        for (size_t i = 0; i < n_buckets; i++) {
                n += buckets[i];
                if (i < n_buckets - 1)
                        strbuf_printf(b, "%s_bucket{%s%sle=\"%g\"} %llu\n", name, labels, comma, first * (double) (1U << i),
                                      (unsigned long long) n);
                else
                        strbuf_printf(b, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma, (unsigned long long) n);
        }
        strbuf_printf(b, "%s_sum%s%s%s %.15g\n%s_count%s%s%s %llu\n", name, open, labels, close, sum, name, open, labels, close,
                      (unsigned long long) n);
}

void metrics_put_requests(const Metrics *m, StrBuf *b, const char *(*route_name)(size_t route, char *buf, size_t size)) {
        char name[128], labels[256];

        metrics_put_head(b, "kubesim_http_requests_total", "counter", "Requests by route and status code.");
        for (size_t i = 0; i <= m->n_routes; i++)
                for (size_t k = 0; k < CODES_MAX && m->routes[i].codes[k].status > 0; k++) {
                        (void) snprintf(labels, sizeof(labels), "route=\"%s\",code=\"%u\"", route_name(i, name, sizeof(name)),
                                        m->routes[i].codes[k].status);
                        metrics_put(b, "kubesim_http_requests_total", labels, (double) m->routes[i].codes[k].n);
                }
        metrics_put_head(b, "kubesim_http_request_duration_seconds", "histogram", "Time from a request's headers to the end of its answer.");
        for (size_t i = 0; i <= m->n_routes; i++) {
                if (m->routes[i].codes[0].status == 0)
                        continue;
                (void) snprintf(labels, sizeof(labels), "route=\"%s\"", route_name(i, name, sizeof(name)));
                metrics_put_histogram(b, "kubesim_http_request_duration_seconds", labels, m->routes[i].buckets, BUCKETS,
                                      (double) FIRST_BUCKET_USEC / USEC_PER_SEC, (double) m->routes[i].sum / USEC_PER_SEC);
        }
}
