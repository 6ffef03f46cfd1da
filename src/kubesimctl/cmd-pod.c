/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "kubesimctl/action.h"
#include "kubesimctl/output.h"
#include "kubesimctl/wait.h"

#define BATCH 500 /* as many as the server takes at a time */

int cmd_list_pods(Ctl *ctl, int argc _unused_, char *argv[] _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(1024 * MIB);
        _cleanup_(table_freep) Table *t = NULL;
        _cleanup_answer_ Answer a = ANSWER_INIT;
        int r;

        r = ctl_call(ctl, "GET", "/pods", NULL, &a, "list the pods");
        if (r != 0)
                return r;
        if (ctl->json != JSON_OFF)
                return output_json(ctl, a.body);
        if (table_of_pods(a.body, now_realtime(), &t) < 0)
                return ctl_error(CTL_FAILED, "Out of memory");
        table_print(t, ctl->legend, 0, &b);
        if (table_rows(t) == 0 && ctl->legend)
                strbuf_puts(&b, "\nNo pods yet. Create one: kubesimctl create-pod --cpu=1 web\n");
        output_long(ctl, &b);
        return CTL_OK;
}

static void show_pod(json_object *p) {
        const char *status = member_string(p, "Status"), *reason = member_string(p, "Reason"), *node = member_string(p, "NodeID");
        char ago[64];

        printf("%s%s%s\n", colour(COLOUR_BOLD), member_string(p, "ID"), colour_off());
        printf("    Status: %s%s%s%s%s\n", colour(colour_of_status(status)), status, colour_off(), isempty(reason) ? "" : ", ", reason);
        printf("      Node: %s\n", isempty(node) ? "-" : node);
        printf("       CPU: %.10g\n", member_number(p, "CPURequired"));
        printf("  Restarts: %llu\n", (unsigned long long) member_u64(p, "Restarts"));
        printf("   Created: %s\n", format_ago(ago, sizeof(ago), member_string(p, "CreatedAt"), now_realtime()));
}

int cmd_show_pod(Ctl *ctl, int argc, char *argv[]) {
        for (int i = 1; i < argc; i++) {
                _cleanup_answer_ Answer a = ANSWER_INIT;
                _cleanup_free_ char *id = NULL;
                char path[512];
                int r;

                r = ctl_resolve(ctl, "pods", argv[i], &id);
                if (r != 0)
                        return r;
                (void) snprintf(path, sizeof(path), "/pods/%s", id);
                r = ctl_call(ctl, "GET", path, NULL, &a, "show pod \"%s\"", id);
                if (r != 0)
                        return r;
                if (ctl->json != JSON_OFF)
                        (void) output_json(ctl, a.body);
                else
                        show_pod(a.body);
        }
        return CTL_OK;
}

static void put_request(StrBuf *b, int64_t cpu, usec_t duration) {
        strbuf_puts(b, "{\"cpuRequired\":");
        json_put_milli(b, cpu);
        if (duration != USEC_INFINITY) {
                strbuf_puts(b, ",\"duration\":");
                json_put_seconds(b, duration - duration % USEC_PER_MSEC);
        }
}

/* Tells of one that has been created, and waits for it when that is asked for. */
static int tell_of(const Ctl *ctl, json_object *pod) {
        const char *id = member_string(pod, "podId"), *node = member_string(pod, "nodeId");

        if (ctl->json != JSON_OFF)
                (void) output_json(ctl, pod);
        else if (!ctl->quiet && isempty(node) && !isempty(member_string(pod, "message")))
                printf("%s\n", member_string(pod, "message"));
        else if (!ctl->quiet && isempty(node))
                printf("Pod %s waits for a node\n", id);
        else if (!ctl->quiet)
                printf("%s on %s\n", id, node);
        return ctl->wait ? ctl_wait(ctl, &(WaitFor) { "pods", id, "Status", "Running" }) : CTL_OK;
}

static int create_one(const Ctl *ctl, int64_t cpu, usec_t duration, const char *name) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);
        _cleanup_answer_ Answer a = ANSWER_INIT;
        int r;

        put_request(&b, cpu, duration);
        strbuf_puts(&b, ",\"podId\":");
        json_put_string(&b, name);
        strbuf_putc(&b, '}');
        r = ctl_call(ctl, "POST", "/pods", strbuf_str(&b), &a, "create pod \"%s\"", name);
        return r != 0 ? r : tell_of(ctl, a.body);
}

static int create_batch(const Ctl *ctl, int64_t cpu, usec_t duration, uint64_t count, json_object *all) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);
        _cleanup_answer_ Answer a = ANSWER_INIT;
        json_object *pods;
        int r;

        put_request(&b, cpu, duration);
        strbuf_printf(&b, ",\"count\":%llu}", (unsigned long long) count);
        r = ctl_call(ctl, "POST", "/pods/batch", strbuf_str(&b), &a, "create %llu pods", (unsigned long long) count);
        if (r != 0 || !json_object_object_get_ex(a.body, "pods", &pods))
                return r;
        for (size_t i = 0; i < json_object_array_length(pods); i++)
                json_object_array_add(all, json_object_get(json_object_array_get_idx(pods, i)));
        return CTL_OK;
}

/* All are created before the first is waited for. */
static int create_unnamed(const Ctl *ctl, int64_t cpu, usec_t duration) {
        json_object *all = json_object_new_array();
        int r = CTL_OK, worst;

        for (uint64_t i = 0; i < ctl->count && r == CTL_OK; i += BATCH) {
                output_progress(ctl, "Creating pods", i, ctl->count, BATCH);
                r = create_batch(ctl, cpu, duration, MIN(ctl->count - i, (uint64_t) BATCH), all);
        }
        if (r == CTL_OK)
                output_progress(ctl, "Creating pods", ctl->count, ctl->count, BATCH);
        worst = r;
        for (size_t i = 0; i < json_object_array_length(all) && r != CTL_TIMED_OUT && r != CTL_NO_CONNECTION; i++) {
                r = tell_of(ctl, json_object_array_get_idx(all, i));
                worst = worst ?: r;
        }
        json_object_put(all);
        return worst;
}

int cmd_create_pod(Ctl *ctl, int argc, char *argv[]) {
        usec_t duration = USEC_INFINITY;
        int64_t cpu;
        int r = CTL_OK;

        if (!ctl->cpu)
                return ctl_error(CTL_USAGE, "How much CPU does the pod need? kubesimctl create-pod --cpu=1 [NAME]...");
        if (parse_milli(ctl->cpu, &cpu) < 0 || cpu <= 0)
                return ctl_error(CTL_USAGE, "--cpu=%s: it must be a number of cores such as 4 or 0.5", ctl->cpu);
        if (ctl->duration && (parse_usec(ctl->duration, &duration) < 0 || duration < USEC_PER_MSEC))
                return ctl_error(CTL_USAGE, "--duration=%s: it must be a time span such as 90s or 5min", ctl->duration);
        if (argc > 1 && ctl->count_given)
                return ctl_error(CTL_USAGE, "Give either names or --count=");
        if (argc == 1)
                return create_unnamed(ctl, cpu, duration);
        for (int i = 1; i < argc && r == CTL_OK; i++)
                r = create_one(ctl, cpu, duration, argv[i]);
        return r;
}

int cmd_remove_pod(Ctl *ctl, int argc, char *argv[]) {
        return act_on_each(ctl, argc, argv, &(Action) { "pods", "pod", "DELETE", "", "remove", "Status", NULL });
}

int cmd_restart_pod(Ctl *ctl, int argc, char *argv[]) {
        return act_on_each(ctl, argc, argv, &(Action) { "pods", "pod", "POST", "/restart", "restart", "Status", "Running" });
}
