/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "kubesimd/api/routes.h"
#include "kubesimd/manager-internal.h"

static const char *route_name(size_t i, char *buf, size_t size) {
        static const char *const methods[_HTTP_METHOD_MAX] = { "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" };

        const HttpRoute *routes;
        size_t n;

        routes = api_routes(&n);
        if (i >= n)
                return "none";
        (void) snprintf(buf, size, "%s %s", methods[routes[i].method], routes[i].pattern);
        return buf;
}

void manager_count_request(HttpRequest *req _unused_, const HttpRoute *route, unsigned status, usec_t took, void *userdata) {
        ApiContext *api = userdata;
        const HttpRoute *routes;
        size_t n;

        routes = api_routes(&n);
        metrics_count_request(api->metrics, route ? (size_t) (route - routes) : n, status, took);
}

static void put_one(StrBuf *b, const char *name, const char *type, const char *help, double value) {
        metrics_put_head(b, name, type, help);
        metrics_put(b, name, "", value);
}

static void put_by_name(StrBuf *b, const char *name, const char *help, const char *label, const char *(*to_string)(int), const uint32_t *values,
                        int n) {
        char labels[64];

        metrics_put_head(b, name, "gauge", help);
        for (int i = 0; i < n; i++) {
                (void) snprintf(labels, sizeof(labels), "%s=\"%s\"", label, to_string(i));
                metrics_put(b, name, labels, values[i]);
        }
}

static const char *health_name(int i) {
        return node_health_to_string((NodeHealth) i);
}

static const char *status_name(int i) {
        return pod_status_to_string((PodStatus) i);
}

static void put_cluster(Manager *m, StrBuf *b) {
        ClusterStats s;

        cluster_stats(m->api.cluster, &s);
        put_by_name(b, "kubesim_nodes", "Nodes by health.", "health", health_name, s.nodes_by_health, _NODE_HEALTH_MAX);
        put_by_name(b, "kubesim_pods", "Pods by status.", "status", status_name, s.pods_by_status, _POD_STATUS_MAX);
        put_one(b, "kubesim_heartbeats_total", "counter", "Heartbeats taken.", (double) s.n_heartbeats);
        metrics_put_head(b, "kubesim_scheduling_attempts_total", "counter", "Attempts to place a pod, by result.");
        metrics_put(b, "kubesim_scheduling_attempts_total", "result=\"scheduled\"", (double) s.n_placed);
        metrics_put(b, "kubesim_scheduling_attempts_total", "result=\"unschedulable\"", (double) s.n_unplaced);
        put_one(b, "kubesim_pending_pods", "gauge", "Pods that wait for a node.", s.n_pending);
        metrics_put_head(b, "kubesim_scheduling_wait_seconds", "histogram", "Time from creation, or loss of a node, to placement.");
        metrics_put_histogram(b, "kubesim_scheduling_wait_seconds", "", s.wait_histogram, ELEMENTSOF(s.wait_histogram), 0.001,
                              (double) s.wait_usec / USEC_PER_SEC);
        put_one(b, "kubesim_revision", "gauge", "The newest revision.", (double) store_revision(cluster_store(m->api.cluster)));
        put_one(b, "kubesim_durable_revision", "gauge", "The newest revision on disk.",
                (double) store_durable(cluster_store(m->api.cluster)));
}

static void put_storage(Manager *m, StrBuf *b) {
        StorageStats s;

        storage_writer_stats(m->writer, &s);
        put_one(b, "kubesim_storage_batches_total", "counter", "Batches written.", (double) s.n_batches);
        put_one(b, "kubesim_storage_changes_total", "counter", "Changes written.", (double) s.n_changes);
        put_one(b, "kubesim_storage_failures_total", "counter", "Batches that failed.", (double) s.n_failures);
        put_one(b, "kubesim_storage_failed", "gauge", "1 while the disk takes nothing.", m->storage_error != NULL);
        metrics_put_head(b, "kubesim_storage_commit_seconds", "histogram", "Time of a batch, its fsync included.");
        metrics_put_histogram(b, "kubesim_storage_commit_seconds", "", s.histogram, ELEMENTSOF(s.histogram), 50e-6,
                              (double) s.commit_usec / USEC_PER_SEC);
}

static double resident_bytes(void) {
        _cleanup_free_ char *text = NULL;
        unsigned long long total, resident = 0;

        if (read_file("/proc/self/statm", 4096, &text, NULL) >= 0 && sscanf(text, "%llu %llu", &total, &resident) != 2)
                resident = 0;
        return (double) resident * (double) sysconf(_SC_PAGESIZE);
}

static void put_loop(Manager *m, StrBuf *b) {
        metrics_put_head(b, "kubesim_loop_turn_seconds", "histogram", "Time of a turn of the event loop, in which all others wait.");
        metrics_put_histogram(b, "kubesim_loop_turn_seconds", "", m->turns, ELEMENTSOF(m->turns), TURN_FIRST_USEC / USEC_PER_SEC, (double) m->turns_usec / USEC_PER_SEC);
        put_one(b, "kubesim_loop_turn_max_seconds", "gauge", "The longest turn since the start.", (double) m->turn_max_usec / USEC_PER_SEC);
}

void manager_write_metrics(ApiContext *api, StrBuf *b) {
        Manager *m = api->manager;

        put_cluster(m, b);
        put_storage(m, b);
        put_loop(m, b);
        metrics_put_requests(api->metrics, b, route_name);
        put_one(b, "kubesim_http_connections", "gauge", "Open connections.", http_server_connections(api->http));
        put_one(b, "kubesim_watchers", "gauge", "Watches being served.", streams_count(api->streams));
        put_one(b, "kubesim_held_heartbeats", "gauge", "Heartbeats whose answer is held.", beats_count(api->beats));
        put_one(b, "kubesim_access_denied_total", "counter", "Requests refused for who asked.", (double) m->access.n_denied);
        put_one(b, "process_resident_memory_bytes", "gauge", "Memory in use.", resident_bytes());
        put_one(b, "process_start_time_seconds", "gauge", "When the process started, since the epoch.", (double) m->started / USEC_PER_SEC);
}
