/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesim-agent/fleet.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/fd-util.h"
#include "basic/json-writer.h"
#include "basic/log.h"
#include "basic/memory-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "kubesim-agent/fleet-calls.h"
#include "kubesim-agent/fleet-schedule.h"
#include "kubesim-agent/node-facts.h"
#include "kubesim-agent/protocol.h"
#include "shared/daemon-util.h"
#include "shared/http-client.h"
#include "shared/message-ids.h"
#include "shared/notify.h"

#define BODY_MAX (8 * MIB)
#define TOKEN_MAX (4 * KIB)
#define NAME_SIZE 254
#define LINES_MIN 16U
#define LINES_MAX 64U
#define NODES_PER_LINE 625U /* the answer to a new node waits for the disk: the more wait for it together, the better */
#define STATUS_USEC USEC_PER_SEC          /* the status line changes this often at most */
#define COMPLAINT_USEC (60 * USEC_PER_SEC) /* and refusals are told of this often */
#define LEAVE_USEC (20 * USEC_PER_SEC)    /* for all goodbyes; TimeoutStopSec= of the unit is longer */

/* One kept connection; a beat at a time. */
typedef struct Line {
        Fleet *fleet;
        HttpClient *client;
        FleetNode *node; /* whose beat is under way; NULL: free */
} Line;

struct Fleet {
        AgentConfig *config;
        sd_event *event;
        Notifier notifier;
        sd_event_source *timer, *watchdog, *leave_timer;
        usec_t watchdog_usec;
        FleetSchedule schedule;
        Line *lines;
        unsigned n_lines;
        FleetCalls *calls;
        char machine[FACTS_MACHINE_MAX];
        usec_t started; /* realtime */
        StrBuf body;
        bool ready, connection_told, connected, leaving;
        usec_t status_at, complaint_at;
        char status[256];
};

/* --- Telling how things are --- */

static void update_status(Fleet *f, bool now) {
        const uint32_t *by = f->schedule.by_state;
        char status[sizeof(f->status)];
        int n;

        if (!now && now_monotonic() < f->status_at)
                return;
        f->status_at = usec_add(now_monotonic(), STATUS_USEC);
        if (f->leaving)
                n = snprintf(status, sizeof(status), "STATUS=Saying goodbye, %u nodes left", f->schedule.n_goodbyes);
        else if (f->connection_told && !f->connected)
                n = snprintf(status, sizeof(status), "STATUS=%u nodes, not connected to %s, trying again", f->schedule.n_wanted, f->config->server);
        else {
                n = snprintf(status, sizeof(status), "STATUS=%u nodes, %u beating", f->schedule.n_wanted, by[FLEET_BEATING]);
                if (by[FLEET_REFUSED] > 0)
                        n += snprintf(status + n, sizeof(status) - (size_t) n, ", %u refused", by[FLEET_REFUSED]);
                if (by[FLEET_STOPPED] + by[FLEET_GONE] > 0)
                        n += snprintf(status + n, sizeof(status) - (size_t) n, ", %u stopped", by[FLEET_STOPPED] + by[FLEET_GONE]);
        }
        if (n < 0 || streq(status, f->status))
                return;
        if (notifier_try(&f->notifier, status))
                memcpy(f->status, status, sizeof(status));
}

/* Ready once each node has been answered, or once it is known that the server is away: who starts a fleet before the server need not
 * wait for it. */
static void become_ready(Fleet *f) {
        if (f->ready || f->leaving)
                return;
        f->ready = true;
        memory_release_startup();
        notifier_tell(&f->notifier, "READY=1");
        update_status(f, true);
}

static void note_connection(Fleet *f, bool connected, const char *why) {
        const LogField fields[] = { { "KUBESIM_FLEET", f->config->fleet }, {} };

        if (f->connected == connected && f->connection_told)
                return; /* once per change, not per try */
        f->connected = connected;
        f->connection_told = true;
        if (connected)
                log_struct(LOG_NOTICE, MESSAGE_ID_FLEET_CONNECTED, fields, "Fleet %s (%u nodes) is connected to %s", f->config->fleet,
                           f->schedule.n_wanted, f->config->server);
        else
                log_struct(LOG_WARNING, MESSAGE_ID_FLEET_DISCONNECTED, fields, "Fleet %s (%u nodes) cannot reach %s, trying again until it can: %s",
                           f->config->fleet, f->schedule.n_wanted, f->config->server, why);
        update_status(f, true);
}

/* --- Beats --- */

static void put_name(const Fleet *f, const FleetNode *n, char *buf) {
        (void) snprintf(buf, NAME_SIZE, "%s%u", f->config->fleet, n->number);
}

static void write_beat(Fleet *f, const FleetNode *n) {
        char name[NAME_SIZE], instance[FACTS_INSTANCE_MAX];
        StrBuf *b = &f->body;

        put_name(f, n, name);
        facts_instance(f->machine, name, f->started, instance);
        strbuf_clear(b);
        beat_begin(b, name, n->parting ? BEAT_STOPPED : BEAT_HEALTHY);
        strbuf_puts(b, ",\"pods\":[");
        strbuf_puts(b, strempty(n->pods));
        strbuf_putc(b, ']');
        if (f->config->cpu > 0) {
                strbuf_puts(b, ",\"cpuCores\":");
                json_put_milli(b, f->config->cpu);
        }
        beat_end(b, instance, n->sequence, n->revision);
}

static bool leave_if_done(Fleet *f) {
        if (f->leaving && f->schedule.n_nodes == 0)
                (void) sd_event_exit(f->event, 0);
        return f->leaving && f->schedule.n_nodes == 0;
}

/* Gives each free line a node whose time has come. */
static void pump(Fleet *f) {
        usec_t now = now_monotonic(), at;
        unsigned busy = 0;

        for (unsigned i = 0; i < f->n_lines; i++) {
                Line *line = &f->lines[i];
                int r;

                if (!line->node && (line->node = fleet_next(&f->schedule, now))) {
                        write_beat(f, line->node);
                        r = strbuf_error(&f->body);
                        if (r >= 0)
                                r = http_client_post(line->client, "/heartbeat", strbuf_str(&f->body), f->body.size, 0, BEAT_TIMEOUT_USEC);
                        if (r < 0) {
                                (void) log_error_errno(r, "Failed to send a heartbeat, trying again: %m");
                                fleet_failed(&f->schedule, TAKE_PTR(line->node), now);
                        }
                }
                busy += line->node != NULL;
        }
        at = busy < f->n_lines ? fleet_deadline(&f->schedule) : USEC_INFINITY; /* a line that is done pumps again */
        if (at != USEC_INFINITY)
                (void) sd_event_source_set_time(f->timer, at);
        (void) sd_event_source_set_enabled(f->timer, at != USEC_INFINITY ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        pump(userdata);
        return 0;
}

/* The node runs exactly these from now on: 1 when that is a change. */
static int take_pods(FleetNode *n, const JsonStrings *pods) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(BODY_MAX);
        char *items;

        for (size_t i = 0; i < pods->n_items; i++) {
                if (i > 0)
                        strbuf_putc(&b, ',');
                json_put_string(&b, pods->items[i]);
        }
        if (streq(strempty(n->pods), strbuf_str(&b)))
                return 0;
        items = b.size > 0 ? strndup(b.data, b.size) : NULL; /* of just that size, as there are many */
        if (strbuf_error(&b) < 0 || (b.size > 0 && !items))
                return -ENOMEM;
        free(n->pods);
        n->pods = items;
        return 1;
}

static void take_answer(Fleet *f, FleetNode *n, const HttpResult *result) {
        _cleanup_error_ Error error = ERROR_NULL;
        usec_t now = now_monotonic();
        BeatAnswer answer;
        int changed;

        if (beat_answer_read(result->body, result->body_size, &answer, &error) < 0) {
                note_connection(f, false, error_message(&error));
                fleet_failed(&f->schedule, n, now);
        } else {
                note_connection(f, true, NULL);
                changed = take_pods(n, &answer.pods);
                if (changed >= 0)
                        n->revision = (uint64_t) answer.revision;
                if (answer.stop)
                        fleet_stopped(&f->schedule, n, now, answer.revision > 0);
                else
                        fleet_answered(&f->schedule, n, now, answer.interval, changed != 0);
        }
        beat_answer_done(&answer);
}

static void take_refusal(Fleet *f, FleetNode *n, const HttpResult *result) {
        const char *advice = beat_refusal_advice(result->status);
        usec_t now = now_monotonic();
        char name[NAME_SIZE];

        put_name(f, n, name);
        if (now >= f->complaint_at) {
                f->complaint_at = usec_add(now, COMPLAINT_USEC);
                log_error("The server refused the heartbeat of node %s%s with status %u: %s: %.*s", name, f->schedule.by_state[FLEET_REFUSED] > 0 ? " and of others" : "",
                          result->status, advice ?: "trying again", (int) MIN(result->body_size, (size_t) 500), strempty(result->body));
        }
        fleet_refused(&f->schedule, n, now);
}

static void on_beat_done(const HttpResult *result, void *userdata) {
        Line *line = userdata;
        Fleet *f = line->fleet;
        FleetNode *n = TAKE_PTR(line->node);

        if (result->error < 0) {
                fleet_failed(&f->schedule, n, now_monotonic());
                if (f->leaving) { /* nobody is there to say goodbye to */
                        (void) sd_event_exit(f->event, 0);
                        return;
                }
                note_connection(f, false, result->detail);
                become_ready(f);
        } else if (result->status == 200)
                take_answer(f, n, result);
        else if (result->status >= 500) /* it is on its way out, or cannot do it now */
                fleet_failed(&f->schedule, n, now_monotonic());
        else
                take_refusal(f, n, result);
        if (leave_if_done(f))
                return;
        if (fleet_is_through(&f->schedule))
                become_ready(f);
        update_status(f, false);
        pump(f);
}

/* --- Calls --- */

static void on_call(uint32_t number, void *userdata) {
        Fleet *f = userdata;

        fleet_call(&f->schedule, number, now_monotonic());
}

/* The stream of calls has said something: it may be that it has just begun. */
static void on_calls(bool begun, void *userdata) {
        Fleet *f = userdata;

        if (begun)
                fleet_call_stopped(&f->schedule, now_monotonic());
        /* Not from here, which is inside of libcurl. */
        (void) sd_event_source_set_time(f->timer, now_monotonic());
        (void) sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
}

/* --- Signals, watchdog, setting up --- */

static int load_token(Fleet *f) {
        _cleanup_free_ char *text = NULL;
        int r;

        if (!f->config->token_file)
                return 0;
        r = read_file(f->config->token_file, TOKEN_MAX, &text, NULL);
        if (r < 0)
                return log_error_errno(r, "Failed to read the token in %s: %m", f->config->token_file);
        (void) strstrip(text);
        for (unsigned i = 0; i < f->n_lines && r >= 0; i++)
                r = http_client_set_token(f->lines[i].client, text);
        if (r >= 0)
                r = fleet_calls_set_token(f->calls, text);
        explicit_bzero(text, strlen(text));
        return r;
}

/* The time for goodbyes is over; whoever has not said it is missed by the server in due time. */
static int on_leave_timeout(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        Fleet *f = userdata;

        log_warning("%u nodes have not said goodbye in time", f->schedule.n_goodbyes);
        return sd_event_exit(f->event, 0);
}

static int on_stop(sd_event_source *source _unused_, const struct signalfd_siginfo *si, void *userdata) {
        Fleet *f = userdata;

        if (f->leaving)
                return 0;
        log_info("Leaving: %s", strsignal((int) si->ssi_signo));
        notifier_tell(&f->notifier, "STOPPING=1");
        f->leaving = true;
        fleet_calls_stop(f->calls);
        fleet_leave(&f->schedule, now_monotonic());
        update_status(f, true);
        if (leave_if_done(f))
                return 0;
        if (fleet_is_away(&f->schedule))
                return sd_event_exit(f->event, 0);
        pump(f);
        return sd_event_add_time_relative(f->event, &f->leave_timer, CLOCK_MONOTONIC, LEAVE_USEC, 0, on_leave_timeout, f);
}

static int reload(Fleet *f, Error *reterr) {
        _cleanup_(agent_config_done) AgentConfig fresh = {};
        int r;

        if (f->config->fleet_file) {
                r = agent_config_from_environment(&fresh, reterr);
                if (r >= 0)
                        r = agent_config_load_file(&fresh, f->config->fleet_file, reterr);
                if (r < 0)
                        return r;
                if (!fresh.fleet || !streq(fresh.fleet, f->config->fleet))
                        return error_set(reterr, -EINVAL, "the prefix of a fleet changes with a restart only, it is \"%s\"", f->config->fleet);
                r = fleet_resize(&f->schedule, now_monotonic(), fresh.fleet_size);
                if (r < 0)
                        return error_set(reterr, r, "out of memory");
                f->config->fleet_size = fresh.fleet_size;
        }
        r = load_token(f);
        return r < 0 ? error_set(reterr, r, "the token could not be read") : 0;
}

static int on_sighup(sd_event_source *source _unused_, const struct signalfd_siginfo *si _unused_, void *userdata) {
        _cleanup_error_ Error error = ERROR_NULL;
        Fleet *f = userdata;

        if (f->leaving)
                return 0;
        notifier_tell_reloading(&f->notifier);
        if (reload(f, &error) < 0)
                log_error("The configuration is as it was: %s", error_message(&error));
        else
                log_info("The configuration was read again: %u nodes; all but their number and the token changes with a restart only",
                         f->config->fleet_size);
        f->status[0] = '\0';
        notifier_tell(&f->notifier, "READY=1");
        update_status(f, true);
        pump(f);
        return 0;
}

static int on_watchdog(sd_event_source *source, uint64_t usec, void *userdata) {
        usec_t now = now_monotonic();
        bool stuck = false;
        Fleet *f = userdata;

        /* A beat that is neither answered nor given up long after its time: libcurl's timer is dead, so are we. */
        for (unsigned i = 0; i < f->n_lines; i++)
                stuck |= f->lines[i].node && now > usec_add(f->lines[i].node->last_sent, 2 * BEAT_TIMEOUT_USEC);
        if (stuck)
                log_error("A heartbeat has been under way for too long, the watchdog is not fed");
        else
                notifier_tell(&f->notifier, "WATCHDOG=1");
        (void) sd_event_source_set_time(source, usec + f->watchdog_usec);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int setup_event(Fleet *f) {
        int r;

        r = event_loop_new(on_stop, on_sighup, f, &f->event);
        notifier_init(&f->notifier, f->event);
        if (r >= 0)
                r = sd_event_add_time(f->event, &f->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, f);
        f->watchdog_usec = watchdog_interval();
        if (r >= 0 && f->watchdog_usec > 0)
                r = sd_event_add_time(f->event, &f->watchdog, CLOCK_MONOTONIC, now_monotonic(), f->watchdog_usec / 4, on_watchdog, f);
        return r < 0 ? log_error_errno(r, "Failed to set the event loop up: %m") : 0;
}

static int setup_lines(Fleet *f) {
        unsigned wanted = MAX(f->config->fleet_size / NODES_PER_LINE, LINES_MIN), n = f->config->connections ?: MIN(wanted, LINES_MAX);
        int r;

        f->lines = new0(Line, n);
        if (!f->lines)
                return log_oom();
        for (; f->n_lines < n; f->n_lines++) {
                f->lines[f->n_lines].fleet = f;
                r = http_client_new(f->event, f->config->server, on_beat_done, &f->lines[f->n_lines], &f->lines[f->n_lines].client);
                if (r < 0)
                        return log_error_errno(r, "Failed to set an HTTP client up: %m");
        }
        r = fleet_calls_new(f->event, f->config->server, f->config->fleet, on_call, on_calls, f, &f->calls);
        return r < 0 ? log_error_errno(r, "Failed to set the stream of calls up: %m") : 0;
}

int fleet_new(AgentConfig *config, Fleet **ret) {
        _cleanup_(fleet_freep) Fleet *f = NULL;
        uint64_t seed = 0;
        int r;

        f = new0(Fleet, 1);
        if (!f)
                return log_oom();
        f->config = config;
        f->started = now_realtime();
        f->body = STRBUF_INIT(BODY_MAX);
        facts_machine(f->machine);
        (void) !getrandom(&seed, sizeof(seed), 0);
        fleet_init(&f->schedule, seed);
        r = setup_event(f);
        if (r >= 0)
                r = setup_lines(f);
        if (r >= 0)
                r = load_token(f);
        if (r < 0)
                return r;
        if (fleet_resize(&f->schedule, now_monotonic(), config->fleet_size) < 0)
                return log_oom();
        *ret = TAKE_PTR(f);
        return 0;
}

Fleet *fleet_free(Fleet *f) {
        if (!f)
                return NULL;
        fleet_calls_free(f->calls);
        for (unsigned i = 0; i < f->n_lines; i++)
                http_client_free(f->lines[i].client);
        free(f->lines);
        fleet_done(&f->schedule);
        strbuf_done(&f->body);
        sd_event_source_disable_unref(f->timer);
        sd_event_source_disable_unref(f->watchdog);
        sd_event_source_disable_unref(f->leave_timer);
        notifier_done(&f->notifier);
        sd_event_unref(f->event);
        return mfree(f);
}

int fleet_run(Fleet *f) {
        int r;

        update_status(f, true);
        fleet_calls_start(f->calls);
        pump(f);
        r = sd_event_loop(f->event);
        return r < 0 ? log_error_errno(r, "The event loop failed: %m") : r;
}
