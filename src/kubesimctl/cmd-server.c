/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "kubesimctl/output.h"

int cmd_scheduler(Ctl *ctl, int argc, char *argv[]) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);
        _cleanup_answer_ Answer a = ANSWER_INIT;
        json_object *list, *sentences = NULL;
        int r;

        if (argc > 1) {
                strbuf_puts(&b, "{\"algorithm\":");
                json_put_string(&b, argv[1]);
                strbuf_putc(&b, '}');
                r = ctl_call(ctl, "POST", "/scheduler", strbuf_str(&b), &a, "change the scheduler");
        } else
                r = ctl_call(ctl, "GET", "/scheduler", NULL, &a, "ask for the scheduler");
        if (r != 0)
                return r;
        if (ctl->json != JSON_OFF)
                return output_json(ctl, a.body);
        if (argc > 1) {
                if (!ctl->quiet)
                        printf("%s\n", member_string(a.body, "message"));
                return CTL_OK;
        }
        (void) json_object_object_get_ex(a.body, "descriptions", &sentences);
        if (json_object_object_get_ex(a.body, "algorithms", &list))
                for (size_t i = 0; i < json_object_array_length(list); i++) {
                        const char *name = json_object_get_string(json_object_array_get_idx(list, i));
                        bool chosen = streq(name, member_string(a.body, "algorithm"));

                        printf("%s %s%-30s%s  %s\n", chosen ? "*" : " ", colour(chosen ? COLOUR_GOOD : COLOUR_NONE), name, chosen ? colour_off() : "",
                               member_string(sentences, name));
                }
        return CTL_OK;
}

/* The value of a metric without labels or with these, in Prometheus' text. */
static double metric(const char *text, const char *name) {
        size_t n = strlen(name);

        for (const char *p = text; p; p = strchr(p, '\n')) {
                p += *p == '\n';
                if (strncmp(p, name, n) == 0 && p[n] == ' ')
                        return strtod(p + n, NULL);
        }
        return 0;
}

/* How many are in each of the states, the first and those that any is in, in their colours. */
static void show_counts(const char *metrics, const char *label, const char *const states[], size_t n_states) {
        char name[128];

        for (size_t i = 0; i < n_states; i++) {
                double n;

                (void) snprintf(name, sizeof(name), "%s=\"%s\"}", label, states[i]);
                n = metric(metrics, name);
                if (i == 0 || n > 0)
                        printf("%s %s%.0f %s%s", i > 0 ? "," : "", n > 0 ? colour(colour_of_status(states[i])) : "", n, states[i], n > 0 ? colour_off() : "");
        }
}

static void show_status(const char *metrics, json_object *scheduler, json_object *version, bool ready, const char *checks) {
        static const char *const health[] = { "Healthy", "Unhealthy", "Stopped", "Starting" };
        static const char *const phases[] = { "Running", "Pending", "Rescheduling", "Restarting", "CrashLoopBackOff", "Terminating", "Succeeded", "Failed" };
        char span[64];

        printf("%s%s%s kubesimd %s, up %s\n", colour(ready ? COLOUR_GOOD : COLOUR_BAD), ready ? "●" : "×", colour_off(),
               member_string(version, "version"),
               format_timespan(span, sizeof(span),
                               now_realtime() - MIN(now_realtime(), (usec_t) (metric(metrics, "process_start_time_seconds") * USEC_PER_SEC))));
        printf("      Nodes:");
        show_counts(metrics, "kubesim_nodes{health", health, ELEMENTSOF(health));
        printf("\n       Pods:");
        show_counts(metrics, "kubesim_pods{status", phases, ELEMENTSOF(phases));
        printf("\n  Scheduler: %s\n", member_string(scheduler, "algorithm"));
        printf("   Revision: %.0f, %.0f on disk\n", metric(metrics, "kubesim_revision"), metric(metrics, "kubesim_durable_revision"));
        printf(" Heartbeats: %.0f\n", metric(metrics, "kubesim_heartbeats_total"));
        printf("     Memory: %.1f MiB\n", metric(metrics, "process_resident_memory_bytes") / 1048576);
        if (!ready)
                printf("\n%s", checks);
}

int cmd_status(Ctl *ctl, int argc _unused_, char *argv[] _unused_) {
        _cleanup_answer_ Answer ready = ANSWER_INIT, metrics = ANSWER_INIT, scheduler = ANSWER_INIT, version = ANSWER_INIT;
        int r;

        r = ctl_request(ctl, "GET", "/readyz?verbose", NULL, &ready);
        if (r == 0)
                r = ctl_call(ctl, "GET", "/metrics", NULL, &metrics, "ask for the metrics");
        if (r == 0)
                r = ctl_call(ctl, "GET", "/scheduler", NULL, &scheduler, "ask for the scheduler");
        if (r == 0)
                r = ctl_call(ctl, "GET", "/version", NULL, &version, "ask for the version");
        if (r != 0)
                return r;
        if (ctl->json != JSON_OFF) {
                json_object_object_add(scheduler.body, "version", json_object_new_string(member_string(version.body, "version")));
                json_object_object_add(scheduler.body, "ready", json_object_new_boolean(ready.status == 200));
                json_object_object_add(scheduler.body, "revision", json_object_new_uint64((uint64_t) metric(strbuf_str(&metrics.text), "kubesim_revision")));
                return output_json(ctl, scheduler.body);
        }
        show_status(strbuf_str(&metrics.text), scheduler.body, version.body, ready.status == 200, strbuf_str(&ready.text));
        return CTL_OK;
}

int cmd_health(Ctl *ctl, int argc _unused_, char *argv[] _unused_) {
        _cleanup_answer_ Answer a = ANSWER_INIT;
        char *text, *line;
        int r;

        r = ctl_request(ctl, "GET", "/readyz?verbose", NULL, &a);
        if (r != 0)
                return r;
        if (ctl->json != JSON_OFF) {
                json_object *o = json_object_new_object();

                json_object_object_add(o, "ready", json_object_new_boolean(a.status == 200));
                json_object_object_add(o, "checks", json_object_new_string(strbuf_str(&a.text)));
                (void) output_json(ctl, o);
                json_object_put(o);
                return a.status == 200 ? CTL_OK : CTL_FAILED;
        }
        text = (char*) strbuf_str(&a.text);
        while ((line = strsep(&text, "\n"))) {
                bool good = startswith(line, "[+]"), bad = startswith(line, "[-]");

                if (good || bad)
                        printf("%s%s%s %s\n", colour(good ? COLOUR_GOOD : COLOUR_BAD), good ? "ok  " : "FAIL", colour_off(), line + 3);
        }
        return a.status == 200 ? CTL_OK : CTL_FAILED;
}

int cmd_version(Ctl *ctl, int argc _unused_, char *argv[] _unused_) {
        if (ctl->json == JSON_OFF)
                printf("kubesimctl " KUBESIM_VERSION "\n");
        else if (ctl->quiet)
                printf("{\"kubesimctl\":\"" KUBESIM_VERSION "\"}\n");
        if (!ctl->quiet) {
                _cleanup_answer_ Answer a = ANSWER_INIT;
                int r = ctl_call(ctl, "GET", "/version", NULL, &a, "ask for the server's version");

                if (r != 0)
                        return r;
                if (ctl->json != JSON_OFF)
                        printf("{\"kubesimctl\":\"" KUBESIM_VERSION "\",\"kubesimd\":\"%s\"}\n", member_string(a.body, "version"));
                else
                        printf("kubesimd   %s\n", member_string(a.body, "version"));
        }
        return CTL_OK;
}

int cmd_token(Ctl *ctl, int argc _unused_, char *argv[] _unused_) {
        _cleanup_strbuf_ StrBuf quoted = STRBUF_INIT(256 * KIB);
        unsigned char secret[32];
        const char *role = ctl->role ?: "admin";

        if (!streq(role, "admin") && !streq(role, "viewer") && !startswith(role, "node:"))
                return ctl_error(CTL_USAGE, "--role=%s: it must be admin, viewer, node:NAME or node:PREFIX*", role);
        if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
                return ctl_error(CTL_FAILED, "Failed to get random numbers: %s", strerror(errno));
        printf("%s", ctl->json != JSON_OFF ? "{\"token\":\"" : "");
        for (size_t i = 0; i < sizeof(secret); i++)
                printf("%02x", secret[i]);
        if (ctl->json != JSON_OFF) {
                json_put_string(&quoted, role);
                printf("\",\"role\":%s}\n", strbuf_str(&quoted));
        } else
                printf(" %s\n", role);
        if (!ctl->quiet)
                (void) fprintf(stderr, "Add this line to /etc/credstore/kubesim.tokens (mode 0600), then: systemctl restart kubesimd\n"
                                       "Its first word is what clients show: kubesimctl --server=URL --token-file=FILE\n");
        return CTL_OK;
}
