/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the front doors may reach of the daemon. */

#include "basic/error.h"
#include "basic/list.h"
#include "core/cluster.h"
#include "kubesimd/http/server.h"

/* The version of Kubernetes whose API this is: /version, and before the versions of nodes. */
#define KUBERNETES_MINOR "32"
#define KUBERNETES_VERSION "v1." KUBERNETES_MINOR ".0+kubesim."

typedef struct ApiContext ApiContext;
typedef struct Beats Beats;
typedef struct Metrics Metrics;
typedef struct Streams Streams;

typedef struct HealthCheck {
        const char *name;
        bool ready_only; /* asked by /readyz, not by /livez */
        /* 0 when all is well, else a negative errno with what is wrong. */
        int (*check)(ApiContext *api, Error *reterr);
} HealthCheck;

struct ApiContext {
        Cluster *cluster;
        HttpServer *http;
        Beats *beats;     /* heartbeats that are being held */
        Streams *streams; /* watches */
        Metrics *metrics;
        const struct Certificates *certificates; /* of the HTTPS socket; NULL: there is none */
        struct Access *access; /* who may do what */
        const char *agents_dir; /* where the agents' sockets are; borrowed */
        const HealthCheck *checks;
        size_t n_checks;
        void (*write_metrics)(ApiContext *api, StrBuf *b); /* what only the daemon knows */
        struct CustomKinds *custom; /* rows of CustomResourceDefinitions, of the Kubernetes door */
        unsigned n_questions; /* that are being worked out: native/question.h */
        usec_t questions_rest_until; /* monotonic */
        ListLink fault_orders; /* that are being carried out: faults.h */
        void *manager; /* of the checks and of write_metrics; nothing else looks at it */
};

/* Time for the operations of this request. */
usec_t api_now(void);
/* The revision that an answer about everything known now may not run ahead of. */
static inline uint64_t api_mark(ApiContext *api) {
        return store_revision(cluster_store(api->cluster));
}
