/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/json-writer.h"
#include "core/model/reason.h"
#include "kubesimd/api/faults.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/node-batch.h"

#define SMALL (16 * KIB)
/* A beat lists up to every pod of a node, by names of up to 253 letters. */
#define BEAT (256 * KIB)
#define MANIFEST (3 * MIB)

const HttpRoute native_routes[] = {
        { HTTP_POST, "/heartbeat", HTTP_ACCESS_NODE, BEAT, true, handle_heartbeat },
        { HTTP_GET, "/heartbeat", HTTP_ACCESS_NODE, 0, false, handle_heartbeat_calls },
        { HTTP_GET, "/pods", HTTP_ACCESS_READ, 0, false, handle_pods_list },
        { HTTP_POST, "/pods", HTTP_ACCESS_WRITE, SMALL, true, handle_pod_create },
        { HTTP_POST, "/pods/batch", HTTP_ACCESS_WRITE, SMALL, true, handle_pods_batch },
        { HTTP_GET, "/pods/{id}", HTTP_ACCESS_READ, 0, false, handle_pod_get },
        { HTTP_DELETE, "/pods/{id}", HTTP_ACCESS_WRITE, 0, false, handle_pod_remove },
        { HTTP_POST, "/pods/{id}/restart", HTTP_ACCESS_WRITE, 0, false, handle_pod_restart },
        { HTTP_GET, "/nodes", HTTP_ACCESS_READ, 0, false, handle_nodes_list },
        { HTTP_POST, "/nodes", HTTP_ACCESS_WRITE, SMALL, true, handle_node_add },
        { HTTP_POST, "/nodes/batch", HTTP_ACCESS_WRITE, 256 * KIB, true, handle_nodes_batch },
        { HTTP_POST, "/nodes/remove", HTTP_ACCESS_WRITE, SMALL * 4, true, handle_nodes_remove },
        { HTTP_GET, "/nodes/{id}", HTTP_ACCESS_READ, 0, false, handle_node_get },
        { HTTP_DELETE, "/nodes/{id}", HTTP_ACCESS_WRITE, 0, false, handle_node_remove },
        { HTTP_POST, "/nodes/{id}/stop", HTTP_ACCESS_WRITE, 0, false, handle_node_stop },
        { HTTP_POST, "/nodes/{id}/restart", HTTP_ACCESS_WRITE, 0, false, handle_node_restart },
        { HTTP_GET, "/faults", HTTP_ACCESS_READ, 0, false, handle_faults_list },
        { HTTP_POST, "/faults", HTTP_ACCESS_WRITE, 256 * KIB, true, handle_fault_inject },
        { HTTP_POST, "/faults/recover", HTTP_ACCESS_WRITE, 256 * KIB, true, handle_faults_recover },
        { HTTP_DELETE, "/faults/{id}", HTTP_ACCESS_WRITE, 0, false, handle_fault_end },
        { HTTP_GET, "/scheduler", HTTP_ACCESS_READ, 0, false, handle_scheduler_get },
        { HTTP_POST, "/scheduler", HTTP_ACCESS_WRITE, SMALL, true, handle_scheduler_set },
        { HTTP_GET, "/pods/{id}/explain", HTTP_ACCESS_READ, 0, false, handle_explain_pod },
        { HTTP_POST, "/explain", HTTP_ACCESS_READ, MANIFEST, false, handle_explain },
        { HTTP_POST, "/capacity", HTTP_ACCESS_READ, MANIFEST, false, handle_capacity },
        { HTTP_POST, "/compare", HTTP_ACCESS_READ, MANIFEST, false, handle_compare },
        { HTTP_GET, "/events", HTTP_ACCESS_READ, 0, false, handle_events },
        { HTTP_GET, "/kubeconfig", HTTP_ACCESS_WRITE, 0, false, handle_kubeconfig },
        { HTTP_GET, "/health", HTTP_ACCESS_PUBLIC, 0, false, handle_health },
        { HTTP_GET, "/healthz", HTTP_ACCESS_PUBLIC, 0, false, handle_healthz },
        { HTTP_GET, "/healthz/{check}", HTTP_ACCESS_PUBLIC, 0, false, handle_ready_check },
        { HTTP_GET, "/livez", HTTP_ACCESS_PUBLIC, 0, false, handle_livez },
        { HTTP_GET, "/livez/{check}", HTTP_ACCESS_PUBLIC, 0, false, handle_live_check },
        { HTTP_GET, "/readyz", HTTP_ACCESS_PUBLIC, 0, false, handle_readyz },
        { HTTP_GET, "/readyz/{check}", HTTP_ACCESS_PUBLIC, 0, false, handle_ready_check },
        { HTTP_GET, "/version", HTTP_ACCESS_PUBLIC, 0, false, handle_version },
        { HTTP_GET, "/metrics", HTTP_ACCESS_READ, 0, false, handle_metrics },
};
const size_t native_n_routes = ELEMENTSOF(native_routes);

void native_problem(HttpRequest *req _unused_, unsigned status, const Error *error, StrBuf *body, const char **ret_type,
                    void *userdata _unused_) {
        const Reason *reason = reason_from_code(error->code);

        *ret_type = "application/problem+json";
        strbuf_puts(body, "{\"type\":\"about:blank\",\"title\":");
        json_put_string(body, reason->title);
        strbuf_printf(body, ",\"status\":%u,\"reason\":", status);
        json_put_string(body, reason->token);
        strbuf_puts(body, ",\"detail\":");
        json_put_string(body, error_message(error));
        if (error->field) {
                strbuf_puts(body, ",\"field\":");
                json_put_string(body, error->field);
        }
        if (error->value) {
                strbuf_puts(body, ",\"value\":");
                json_put_string(body, error->value);
        }
        strbuf_puts(body, "}\n");
}
