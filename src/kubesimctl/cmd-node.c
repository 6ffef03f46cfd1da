/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "kubesimctl/action.h"
#include "kubesimctl/node-batch.h"
#include "kubesimctl/output.h"
#include "kubesimctl/wait.h"

int cmd_list_nodes(Ctl *ctl, int argc _unused_, char *argv[] _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(1024 * MIB);
        _cleanup_(table_freep) Table *t = NULL;
        _cleanup_answer_ Answer a = ANSWER_INIT;
        int r;

        r = ctl_call(ctl, "GET", "/nodes", NULL, &a, "list the nodes");
        if (r != 0)
                return r;
        if (ctl->json != JSON_OFF)
                return output_json(ctl, a.body);
        if (table_of_nodes(a.body, now_realtime(), &t) < 0)
                return ctl_error(CTL_FAILED, "Out of memory");
        table_print(t, ctl->legend, 0, &b);
        if (table_rows(t) == 0 && ctl->legend)
                strbuf_puts(&b, "\nNo nodes yet. Start one: systemctl start kubesim-agent@node1, or kubesimctl add-node --cpu=4 node1\n");
        output_long(ctl, &b);
        return CTL_OK;
}

static void put_map(const char *title, json_object *map) {
        if (!map || json_object_object_length(map) == 0)
                return;
        printf("%11s:", title);
        json_object_object_foreach(map, key, value)
                printf(" %s=%s", key, json_object_get_string(value));
        printf("\n");
}

static json_object *member(json_object *o, const char *key) {
        json_object *v = NULL;

        return o && json_object_object_get_ex(o, key, &v) ? v : NULL;
}

/* What Kubernetes says of it. */
static void show_document(json_object *node) {
        json_object *taints = member(member(node, "spec"), "taints");

        put_map("Capacity", member(member(node, "status"), "capacity"));
        put_map("Allocatable", member(member(node, "status"), "allocatable"));
        put_map("Labels", member(member(node, "metadata"), "labels"));
        for (size_t i = 0; taints && i < json_object_array_length(taints); i++) {
                json_object *t = json_object_array_get_idx(taints, i);
                const char *value = member_string(t, "value");

                printf("      Taint: %s%s%s:%s\n", member_string(t, "key"), isempty(value) ? "" : "=", value, member_string(t, "effect"));
        }
}

static void show_node(json_object *n, json_object *document) {
        const char *status = member_string(n, "HealthStatus"), *reason = member_string(n, "Reason");
        json_object *list;
        char ago[64];

        printf("%s%s%s (%s)\n", colour(COLOUR_BOLD), member_string(n, "ID"), colour_off(), member_string(n, "Kind"));
        printf("     Status: %s%s%s%s%s\n", colour(colour_of_status(status)), status, colour_off(), isempty(reason) ? "" : ", ", reason);
        printf("        CPU: %.10g, %.10g free\n", member_number(n, "CPUCores"), member_number(n, "AvailableCPU"));
        show_document(document);
        printf("  Heartbeat: %s, %llu in all\n", format_ago(ago, sizeof(ago), member_string(n, "LastHeartbeat"), now_realtime()),
               (unsigned long long) member_u64(n, "HeartbeatCount"));
        if (json_object_object_get_ex(n, "Addresses", &list))
                for (size_t i = 0; i < json_object_array_length(list); i++)
                        printf("    Address: %s\n", json_object_get_string(json_object_array_get_idx(list, i)));
        if (json_object_object_get_ex(n, "Pods", &list))
                for (size_t i = 0; i < json_object_array_length(list); i++)
                        printf("        Pod: %s\n", json_object_get_string(json_object_array_get_idx(list, i)));
        printf("    Created: %s\n", format_ago(ago, sizeof(ago), member_string(n, "CreatedAt"), now_realtime()));
}

int cmd_show_node(Ctl *ctl, int argc, char *argv[]) {
        for (int i = 1; i < argc; i++) {
                _cleanup_answer_ Answer a = ANSWER_INIT, document = ANSWER_INIT;
                _cleanup_free_ char *id = NULL;
                char path[512];
                int r;

                r = ctl_resolve(ctl, "nodes", argv[i], &id);
                if (r != 0)
                        return r;
                (void) snprintf(path, sizeof(path), "/nodes/%s", id);
                r = ctl_call(ctl, "GET", path, NULL, &a, "show node \"%s\"", id);
                if (r != 0)
                        return r;
                if (ctl->json != JSON_OFF) {
                        (void) output_json(ctl, a.body);
                        continue;
                }
                (void) snprintf(path, sizeof(path), "/api/v1/nodes/%s", id);
                r = ctl_call(ctl, "GET", path, NULL, &document, "show node \"%s\"", id);
                if (r != 0)
                        return r;
                show_node(a.body, document.body);
        }
        return CTL_OK;
}

static int add_one(const Ctl *ctl, int64_t cpu, const char *name) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);
        _cleanup_answer_ Answer a = ANSWER_INIT;
        int r;

        if (ctl->memory || ctl->labels || ctl->taints)
                return add_described(ctl, cpu, name);
        strbuf_puts(&b, "{\"cpuCores\":");
        json_put_milli(&b, cpu);
        if (name) {
                strbuf_puts(&b, ",\"nodeId\":");
                json_put_string(&b, name);
        }
        strbuf_putc(&b, '}');
        r = ctl_call(ctl, "POST", "/nodes", strbuf_str(&b), &a, "add node \"%s\"", name ?: "");
        if (r != 0)
                return r;
        if (ctl->json != JSON_OFF)
                return output_json(ctl, a.body);
        if (!ctl->quiet)
                printf("%s\n", member_string(a.body, "nodeId"));
        return CTL_OK;
}

int cmd_add_node(Ctl *ctl, int argc, char *argv[]) {
        int64_t cpu = 4000;
        int r = CTL_OK;

        if (ctl->cpu && (parse_milli(ctl->cpu, &cpu) < 0 || cpu <= 0))
                return ctl_error(CTL_USAGE, "--cpu=%s: it must be a number of cores such as 4 or 0.5", ctl->cpu);
        if (ctl->follow && argc == 2 && !ctl->file) { /* -f has no value of its own, as it is --follow elsewhere */
                ctl->file = argv[1];
                argc = 1;
        }
        if (ctl->prefix || ctl->file)
                return add_many(ctl, argc);
        if (argc == 1)
                for (uint64_t i = 0; i < ctl->count && r == CTL_OK; i++)
                        r = add_one(ctl, cpu, NULL);
        for (int i = 1; i < argc && r == CTL_OK; i++)
                r = add_one(ctl, cpu, argv[i]);
        return r;
}

int cmd_remove_node(Ctl *ctl, int argc, char *argv[]) {
        if (argc == 1)
                return remove_many(ctl);
        return act_on_each(ctl, argc, argv, &(Action) { "nodes", "node", "DELETE", "", "remove", "HealthStatus", NULL });
}

int cmd_stop_node(Ctl *ctl, int argc, char *argv[]) {
        return act_on_each(ctl, argc, argv, &(Action) { "nodes", "node", "POST", "/stop", "stop", "HealthStatus", "Stopped" });
}

int cmd_restart_node(Ctl *ctl, int argc, char *argv[]) {
        return act_on_each(ctl, argc, argv, &(Action) { "nodes", "node", "POST", "/restart", "restart", "HealthStatus", "Healthy" });
}

static int plug(const Ctl *ctl, int argc, char *argv[], bool plugged) {
        for (int i = 1; i < argc; i++) {
                _cleanup_answer_ Answer a = ANSWER_INIT;
                int r;

                r = ctl_request_agent(ctl, argv[i], "POST", plugged ? "/plug" : "/unplug", &a);
                if (r != 0)
                        return r;
                if (a.status != 200)
                        return ctl_error(CTL_FAILED, "Failed to %s node \"%s\": %s", plugged ? "plug in" : "unplug", argv[i],
                                         strstrip((char*) strbuf_str(&a.text)));
                if (!ctl->quiet)
                        printf("Node %s is %s\n", argv[i], plugged ? "plugged in" : "unplugged");
        }
        return CTL_OK;
}

int cmd_unplug_node(Ctl *ctl, int argc, char *argv[]) {
        return plug(ctl, argc, argv, false);
}

int cmd_plug_node(Ctl *ctl, int argc, char *argv[]) {
        return plug(ctl, argc, argv, true);
}
