/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesim-agent/agent.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/fd-util.h"
#include "basic/json-writer.h"
#include "basic/log.h"
#include "basic/memory-util.h"
#include "basic/string-util.h"
#include "kubesim-agent/heartbeat.h"
#include "kubesim-agent/netlink.h"
#include "kubesim-agent/node-facts.h"
#include "kubesim-agent/pod-sim.h"
#include "kubesim-agent/protocol.h"
#include "kubesim-agent/status-api.h"
#include "shared/daemon-util.h"
#include "shared/http-client.h"
#include "shared/message-ids.h"
#include "shared/notify.h"

#define STATUS_NETWORK "NetworkUnavailable"
#define BODY_MAX (8 * MIB)
#define TOKEN_MAX (4 * KIB)
#define GOODBYE_USEC (2 * USEC_PER_SEC)

struct Agent {
        const AgentConfig *config;
        sd_event *event;
        Notifier notifier;
        sd_event_source *timer, *watchdog;
        usec_t watchdog_usec;
        HttpClient *client;
        Heart heart;
        PodSim pods;
        Network *network;
        NetworkState link;
        StatusApi *status_api;
        PassedSockets passed;
        int own_socket;
        char instance[FACTS_INSTANCE_MAX];
        int64_t cpu;
        uint64_t sequence, revision, n_beats, n_failures;
        usec_t last_answer; /* monotonic; 0 = none yet */
        bool ready, connected, connection_told, refused, leaving;
        bool may_be_held; /* the beat under way asks the server to hold its answer */
        char status[256];
};

static bool network_is_up(const Agent *a) {
        return !a->network || a->link.up;
}

/* --- Telling how things are --- */

static void update_status(Agent *a) {
        char status[sizeof(a->status)];

        if (a->leaving)
                (void) snprintf(status, sizeof(status), "STATUS=Saying goodbye...");
        else if (!a->connected)
                (void) snprintf(status, sizeof(status), "STATUS=Not connected to %s, trying again", a->config->server);
        else
                (void) snprintf(status, sizeof(status), "STATUS=%s, %zu pod%s, %llu heartbeats sent", network_is_up(a) ? "Connected" : "Unplugged",
                                a->pods.n_pods, a->pods.n_pods == 1 ? "" : "s", (unsigned long long) a->n_beats);
        if (streq(status, a->status))
                return;
        if (notifier_try(&a->notifier, status))
                memcpy(a->status, status, sizeof(status));
}

static void become_ready(Agent *a) {
        if (a->ready)
                return;
        a->ready = true;
        memory_release_startup(); /* the first beat has been sent and answered: libcurl's forty libraries have had their turn */
        notifier_tell(&a->notifier, "READY=1");
}

static void log_connection(Agent *a, bool connected, const char *why) {
        const LogField fields[] = { { "KUBESIM_NODE", a->config->node }, {} };

        if (a->connected == connected && a->connection_told)
                return; /* once per change, not per try */
        a->connected = connected;
        a->connection_told = true;
        if (connected)
                log_struct(LOG_NOTICE, MESSAGE_ID_AGENT_CONNECTED, fields, "Node %s is connected to %s", a->config->node, a->config->server);
        else
                log_struct(LOG_WARNING, MESSAGE_ID_AGENT_DISCONNECTED, fields, "Node %s cannot reach %s, trying again until it can: %s",
                           a->config->node, a->config->server, why);
}

/* --- Beats --- */

static void arm(Agent *a) {
        usec_t at = heart_deadline(&a->heart);

        if (at == USEC_INFINITY) {
                (void) sd_event_source_set_enabled(a->timer, SD_EVENT_OFF);
                return;
        }
        (void) sd_event_source_set_time(a->timer, at);
        (void) sd_event_source_set_enabled(a->timer, SD_EVENT_ONESHOT);
}

static void put_strings(StrBuf *b, const char *key, size_t n, const char *(*get)(const Agent *a, size_t i), const Agent *a) {
        strbuf_printf(b, ",\"%s\":[", key);
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        strbuf_putc(b, ',');
                json_put_string(b, get(a, i));
        }
        strbuf_putc(b, ']');
}

static const char *get_pod(const Agent *a, size_t i) {
        return a->pods.pods[i];
}

static const char *get_address(const Agent *a, size_t i) {
        return a->link.addresses[i];
}

static void write_beat(Agent *a, StrBuf *b) {
        const char *status = a->leaving ? BEAT_STOPPED : network_is_up(a) ? BEAT_HEALTHY : STATUS_NETWORK;

        beat_begin(b, a->config->node, status);
        put_strings(b, "pods", a->pods.n_pods, get_pod, a);
        strbuf_puts(b, ",\"cpuCores\":");
        json_put_milli(b, a->cpu);
        if (a->network)
                put_strings(b, "addresses", a->link.n_addresses, get_address, a);
        beat_end(b, a->instance, ++a->sequence, a->revision);
}

static void send_beat(Agent *a) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(BODY_MAX);
        unsigned wait = a->leaving || !a->connected ? 0 : heart_wait(&a->heart); /* the first answer comes at once */
        usec_t timeout = a->leaving ? GOODBYE_USEC : BEAT_TIMEOUT_USEC + wait * USEC_PER_SEC;
        int r;

        write_beat(a, &b);
        r = strbuf_error(&b);
        if (r >= 0)
                r = http_client_post(a->client, "/heartbeat", strbuf_str(&b), b.size, wait, timeout);
        heart_sent(&a->heart, now_monotonic());
        a->may_be_held = wait > 0;
        if (r < 0) {
                (void) log_error_errno(r, "Failed to send a heartbeat, trying again: %m");
                heart_failed(&a->heart, now_monotonic(), 0);
        }
        arm(a);
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        Agent *a = userdata;

        if (heart_deadline(&a->heart) <= now_monotonic())
                send_beat(a);
        else
                arm(a);
        return 0;
}

/* Something that the server should know at once. */
static void news(Agent *a) {
        if (heart_changed(&a->heart, now_monotonic())) {
                http_client_cancel(a->client);
                heart_answered(&a->heart, now_monotonic(), 0, true);
        }
        arm(a);
}

static void leave(Agent *a, const char *why) {
        if (a->leaving)
                return;
        log_info("Leaving: %s", why);
        notifier_tell(&a->notifier, "STOPPING=1");
        a->leaving = true;
        update_status(a);
        http_client_cancel(a->client);
        a->heart.in_flight = false;
        send_beat(a);
}

static void take_answer(Agent *a, const HttpResult *result) {
        _cleanup_error_ Error error = ERROR_NULL;
        BeatAnswer answer;
        int changed;

        if (beat_answer_read(result->body, result->body_size, &answer, &error) < 0) {
                log_connection(a, false, error_message(&error));
                heart_failed(&a->heart, now_monotonic(), 0);
                beat_answer_done(&answer);
                return;
        }
        a->n_beats++;
        a->last_answer = now_monotonic();
        a->refused = false;
        log_connection(a, true, NULL);
        changed = pod_sim_apply(&a->pods, answer.pods.items, answer.pods.n_items);
        beat_answer_done(&answer);
        if (changed >= 0)
                a->revision = (uint64_t) answer.revision;
        /* An answer that could not be held is followed at once by a beat whose answer can: news comes by that. */
        heart_answered(&a->heart, now_monotonic(), answer.interval, changed != 0 || (!a->may_be_held && heart_wait(&a->heart) > 0));
        if (answer.stop)
                leave(a, "the server asked for it");
}

/* The server has answered, but with an error. */
static void take_refusal(Agent *a, const HttpResult *result) {
        const char *advice = beat_refusal_advice(result->status);

        a->n_failures++;
        if (!a->refused)
                log_error("The server refused the heartbeat with status %u: %s: %.*s", result->status, advice ?: "trying again",
                          (int) MIN(result->body_size, (size_t) 500), strempty(result->body));
        a->refused = true;
        a->connected = false;
        heart_failed(&a->heart, now_monotonic(), advice ? BEAT_REFUSED_USEC : 0);
}

static void on_beat_done(const HttpResult *result, void *userdata) {
        Agent *a = userdata;

        if (a->leaving) {
                (void) sd_event_exit(a->event, 0);
                return;
        }
        if (result->error < 0) {
                a->n_failures++;
                log_connection(a, false, result->detail);
                heart_failed(&a->heart, now_monotonic(), 0);
        } else if (result->status == 200)
                take_answer(a, result);
        else
                take_refusal(a, result);
        become_ready(a);
        update_status(a);
        if (!a->leaving)
                arm(a);
}

/* --- The network --- */

static void look_at_network(Agent *a) {
        const LogField fields[] = { { "KUBESIM_NODE", a->config->node }, {} };
        NetworkState state;

        if (network_state(a->network, &state) < 0)
                return;
        if (state.up == a->link.up && state.n_addresses == a->link.n_addresses &&
            memcmp(state.addresses, a->link.addresses, sizeof(state.addresses)) == 0)
                return;
        if (state.up != a->link.up && a->ready)
                log_struct(state.up ? LOG_NOTICE : LOG_WARNING, state.up ? MESSAGE_ID_AGENT_LINK_UP : MESSAGE_ID_AGENT_LINK_DOWN, fields,
                           "Node %s: %s", a->config->node, state.up ? "its network is back" : state.problem);
        a->link = state;
        news(a);
        update_status(a);
}

static void on_network_change(void *userdata) {
        look_at_network(userdata);
}

static int setup_network(Agent *a) {
        const char *interface = a->config->network == NETWORK_HOST ? a->config->interface : NETWORK_INTERFACE;
        _cleanup_error_ Error error = ERROR_NULL;
        int r;

        if (a->config->network == NETWORK_NONE)
                return 0;
        if (a->config->network == NETWORK_PRIVATE && network_lay_cable(a->config->node, &error) < 0) {
                log_info("The node has no network of its own: %s", error_message(&error));
                return 0;
        }
        r = network_new(a->event, interface, on_network_change, a, &a->network);
        if (r < 0)
                return log_error_errno(r, "Failed to watch %s: %m", interface);
        return network_state(a->network, &a->link);
}

/* --- The status API --- */

static unsigned answer_healthz(StrBuf *b, void *userdata) {
        const Agent *a = userdata;
        bool well = a->connected && network_is_up(a);

        strbuf_puts(b, well ? "ok\n" : !a->connected ? "not connected to the server\n" : a->link.problem);
        return well ? 200 : 503;
}

static unsigned answer_pods(StrBuf *b, void *userdata) {
        const Agent *a = userdata;

        strbuf_puts(b, "{\"nodeId\":");
        json_put_string(b, a->config->node);
        put_strings(b, "pods", a->pods.n_pods, get_pod, a);
        strbuf_puts(b, "}\n");
        return 200;
}

static unsigned answer_metrics(StrBuf *b, void *userdata) {
        const Agent *a = userdata;
        const struct {
                const char *name, *type, *help;
                uint64_t value;
        } all[] = {
                { "kubesim_agent_heartbeats_total", "counter", "Heartbeats answered.", a->n_beats },
                { "kubesim_agent_heartbeat_failures_total", "counter", "Heartbeats not answered, or refused.", a->n_failures },
                { "kubesim_agent_pods", "gauge", "Pods that run here.", a->pods.n_pods },
                { "kubesim_agent_pods_started_total", "counter", "Pods started.", a->pods.n_started },
                { "kubesim_agent_pods_stopped_total", "counter", "Pods stopped.", a->pods.n_stopped },
                { "kubesim_agent_connected", "gauge", "1 while the server answers.", a->connected },
                { "kubesim_agent_network_up", "gauge", "1 while the node's network works.", network_is_up(a) },
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                strbuf_printf(b, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", all[i].name, all[i].help, all[i].name, all[i].type, all[i].name,
                              (unsigned long long) all[i].value);
        return 200;
}

static unsigned plug(StrBuf *b, const Agent *a, bool plugged) {
        _cleanup_error_ Error error = ERROR_NULL;

        if (!a->network || a->config->network != NETWORK_PRIVATE)
                strbuf_puts(b, "this node has no cable of its own (NODE_NETWORK=private)\n");
        else if (network_plug(plugged, &error) < 0)
                strbuf_printf(b, "%s\n", error_message(&error));
        else {
                strbuf_puts(b, plugged ? "plugged\n" : "unplugged\n");
                return 200;
        }
        return 409;
}

static unsigned answer_unplug(StrBuf *b, void *userdata) {
        return plug(b, userdata, false);
}

static unsigned answer_plug(StrBuf *b, void *userdata) {
        return plug(b, userdata, true);
}

static const StatusRoute routes[] = {
        { "GET", "/healthz", "text/plain; charset=utf-8", answer_healthz },
        { "GET", "/pods", "application/json", answer_pods },
        { "GET", "/metrics", "text/plain; version=0.0.4; charset=utf-8", answer_metrics },
        { "POST", "/unplug", "text/plain; charset=utf-8", answer_unplug },
        { "POST", "/plug", "text/plain; charset=utf-8", answer_plug },
        {},
};

static int setup_status_api(Agent *a) {
        _cleanup_error_ Error error = ERROR_NULL;
        int fd = -EBADF, r;
        bool local;

        r = passed_sockets_get(&a->passed);
        if (r < 0)
                return log_error_errno(r, "Failed to take the socket that systemd passed: %m");
        if (a->passed.n_sockets > 0)
                fd = a->passed.sockets[0].fd;
        else if (a->config->status_socket) {
                if (listen_on(a->config->status_socket, &a->own_socket, &local, &error) < 0)
                        return log_error_errno(error.code, "%s", error_message(&error));
                fd = a->own_socket;
        }
        if (fd < 0)
                return 0;
        r = status_api_new(a->event, fd, routes, a, &a->status_api);
        return r < 0 ? log_error_errno(r, "Failed to serve the status API: %m") : 0;
}

/* --- Signals, watchdog, setting up --- */

static int load_token(Agent *a) {
        _cleanup_free_ char *text = NULL;
        int r;

        if (!a->config->token_file)
                return 0;
        r = read_file(a->config->token_file, TOKEN_MAX, &text, NULL);
        if (r < 0)
                return log_error_errno(r, "Failed to read the token in %s: %m", a->config->token_file);
        r = http_client_set_token(a->client, strstrip(text));
        explicit_bzero(text, strlen(text));
        return r;
}

static int on_stop(sd_event_source *source _unused_, const struct signalfd_siginfo *si, void *userdata) {
        leave(userdata, strsignal((int) si->ssi_signo));
        return 0;
}

static int on_sighup(sd_event_source *source _unused_, const struct signalfd_siginfo *si _unused_, void *userdata) {
        Agent *a = userdata;

        notifier_tell_reloading(&a->notifier);
        if (load_token(a) >= 0)
                log_info("The token was read again");
        notifier_tell(&a->notifier, "READY=1");
        return 0;
}

static int on_watchdog(sd_event_source *source, uint64_t usec, void *userdata) {
        Agent *a = userdata;

        /* A beat that is neither answered nor given up long after its time: libcurl's timer is dead, so are we. */
        if (a->heart.in_flight && now_monotonic() > usec_add(a->heart.last_sent, 2 * BEAT_TIMEOUT_USEC + 2 * a->heart.interval))
                log_error("A heartbeat has been under way for too long, the watchdog is not fed");
        else
                notifier_tell(&a->notifier, "WATCHDOG=1");
        (void) sd_event_source_set_time(source, usec + a->watchdog_usec);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int setup_event(Agent *a) {
        int r;

        r = event_loop_new(on_stop, on_sighup, a, &a->event);
        notifier_init(&a->notifier, a->event);
        if (r >= 0)
                r = sd_event_add_time(a->event, &a->timer, CLOCK_MONOTONIC, 0, 10 * USEC_PER_MSEC, on_timer, a);
        a->watchdog_usec = watchdog_interval();
        if (r >= 0 && a->watchdog_usec > 0)
                r = sd_event_add_time(a->event, &a->watchdog, CLOCK_MONOTONIC, now_monotonic(), a->watchdog_usec / 4, on_watchdog, a);
        return r < 0 ? log_error_errno(r, "Failed to set the event loop up: %m") : 0;
}

int agent_new(const AgentConfig *config, Agent **ret) {
        _cleanup_(agent_freep) Agent *a = NULL;
        char machine[FACTS_MACHINE_MAX];
        uint64_t seed = 0;
        int r;

        a = new0(Agent, 1);
        if (!a)
                return log_oom();
        a->config = config;
        a->own_socket = -EBADF;
        a->cpu = config->cpu > 0 ? config->cpu : facts_cpu();
        (void) !getrandom(&seed, sizeof(seed), 0);
        heart_init(&a->heart, seed, now_monotonic());
        facts_machine(machine);
        facts_instance(machine, config->node, now_realtime(), a->instance);
        r = setup_event(a);
        if (r < 0)
                return r;
        r = setup_network(a);
        if (r < 0)
                return r;
        r = http_client_new(a->event, config->server, on_beat_done, a, &a->client);
        if (r < 0)
                return log_error_errno(r, "Failed to set the HTTP client up: %m");
        r = load_token(a);
        if (r < 0)
                return r;
        r = setup_status_api(a);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

Agent *agent_free(Agent *a) {
        if (!a)
                return NULL;
        status_api_free(a->status_api);
        http_client_free(a->client);
        network_free(a->network);
        pod_sim_done(&a->pods);
        passed_sockets_done(&a->passed);
        if (a->own_socket >= 0) {
                safe_close(a->own_socket);
                (void) unlink(startswith(a->config->status_socket, "unix:") ?: a->config->status_socket);
        }
        sd_event_source_disable_unref(a->timer);
        sd_event_source_disable_unref(a->watchdog);
        notifier_done(&a->notifier);
        sd_event_unref(a->event);
        return mfree(a);
}

int agent_run(Agent *a) {
        int r;

        update_status(a);
        arm(a);
        r = sd_event_loop(a->event);
        return r < 0 ? log_error_errno(r, "The event loop failed: %m") : r;
}
