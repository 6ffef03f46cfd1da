/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/manager.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "basic/alloc-util.h"
#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/memory-util.h"
#include "basic/string-util.h"
#include "core/model/address.h"
#include "core/model/reason.h"
#include "kubesimd/api/faults.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/routes.h"
#include "kubesimd/manager-internal.h"
#include "shared/message-ids.h"

#define FLUSH_USEC (10 * USEC_PER_SEC)
#define IDLE_TIMEOUT_USEC (120 * USEC_PER_SEC)
#define LOADING_TIMEOUT_USEC (60 * USEC_PER_SEC)
#define TARGET_MAX (4 * KIB)
#define SUBMIT_AGAIN_USEC (100 * USEC_PER_MSEC)

static Manager *manager_of(void *userdata) {
        return ((ApiContext*) userdata)->manager;
}

/* --- The end of each turn of the loop: what the turn has changed goes on its way. --- */

/* Without memory, or with a disk that is far behind, the changes stay where they are, and nobody is told of them yet. */
static void submit_changes(Manager *m) {
        Store *store = cluster_store(m->api.cluster);
        const StoreChange *changes;
        size_t n;
        int r = 0;

        while (r >= 0 && (n = store_take_changes(store, &changes)) > 0) {
                r = storage_writer_submit(m->writer, changes, n, store_last_id(store));
                if (r < 0)
                        store_give_back_changes(store, n);
                for (size_t i = 0; r >= 0 && i < n; i++)
                        if (changes[i].type == CHANGE_DELETED && changes[i].object->kind == KIND_NODE)
                                beats_answer_node(m->api.beats, changes[i].object->name);
                manager_update_status(m);
        }
        if (r < 0 && !m->disk_is_behind)
                (void) log_error_errno(r, "Failed to queue changes for the disk, trying again: %m");
        m->disk_is_behind = r < 0;
}

static void arm_timer(Manager *m, usec_t now) {
        usec_t at = MIN(cluster_deadline(m->api.cluster), beats_deadline(m->api.beats));

        at = faults_wait(&m->api) ? 0 : MIN(at, streams_deadline(m->api.streams));
        if (store_has_untaken_changes(cluster_store(m->api.cluster)))
                at = MIN(at, now + SUBMIT_AGAIN_USEC);
        if (at >= m->timer_at)
                return; /* it rings before, and looks again then */
        m->timer_at = at;
        (void) sd_event_source_set_time(m->timer, at);
        (void) sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
}

static void end_turn(Manager *m) {
        usec_t now = now_monotonic();
        int r;

        cluster_set_clock(m->api.cluster, (int64_t) now_realtime() - (int64_t) now);
        /* While the timer is about to ring, who waits already is looked at first. */
        if (cluster_deadline(m->api.cluster) <= now && m->timer_at > now) {
                r = cluster_step(m->api.cluster, now);
                if (r < 0)
                        (void) log_error_errno(r, "Failed to do what is due, trying again: %m");
        }
        faults_go_on(&m->api);
        beats_answer_woken(m->api.beats);
        beats_answer_due(m->api.beats, now);
        streams_wake_due(m->api.streams, now);
        submit_changes(m);
        arm_timer(m, now);
}

static int on_post(sd_event_source *source _unused_, void *userdata) {
        end_turn(userdata);
        return 0;
}

static int on_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        ((Manager*) userdata)->timer_at = USEC_INFINITY;
        return 0; /* the end of the turn does what is due */
}

/* --- What the storage thread tells --- */

static void on_durable(uint64_t revision, void *userdata) {
        Manager *m = userdata;

        store_set_durable(cluster_store(m->api.cluster), revision);
        http_server_release(m->api.http, revision);
        streams_wake(m->api.streams);
        manager_log_events(m);
}

static void on_failed(uint64_t durable, const Error *error, void *userdata) {
        _cleanup_free_ char *message = NULL;
        Manager *m = userdata;

        log_struct(LOG_ERR, MESSAGE_ID_STORAGE_FAILED, NULL, "The state cannot be written, serving read-only until it can: %s",
                   error_message(error));
        cluster_freeze(m->api.cluster);
        if (cluster_undo(m->api.cluster, now_monotonic()) < 0) {
                log_error("Out of memory while taking back what was not written, starting again from disk");
                (void) sd_event_exit(m->event, 1);
                return;
        }
        free(m->storage_error);
        m->storage_error = strdup(error_message(error)) ?: strdup("unknown");
        if (asprintf(&message, "the state cannot be written to disk, nothing was changed: %s", error_message(error)) < 0)
                message = NULL;
        http_server_fail_held(m->api.http, durable, -ENOSPC, message ?: "the state cannot be written to disk");
        manager_update_status(m);
}

static void on_recovered(void *userdata) {
        Manager *m = userdata;

        log_struct(LOG_NOTICE, MESSAGE_ID_STORAGE_RECOVERED, NULL, "The state can be written again");
        storage_writer_resume(m->writer);
        cluster_thaw(m->api.cluster, now_monotonic());
        m->storage_error = mfree(m->storage_error);
        manager_update_status(m);
}

/* --- Configuration --- */

static void on_config_warning(const char *file, unsigned line, const char *message, void *userdata _unused_) {
        log_warning("%s:%u: %s, ignoring", file, line, message);
}

static int load_tokens(Manager *m, Tokens **ret, Error *reterr) {
        _cleanup_free_ char *path = NULL;

        *ret = NULL;
        if (m->options->tokens)
                return tokens_load(m->options->tokens, ret, reterr);
        if (credential_path("kubesim.tokens", &path) <= 0)
                return 0;
        return tokens_load(path, ret, reterr);
}

static ClusterConfig cluster_config(const Manager *m) {
        ClusterConfig c = config_cluster(&m->config);

        c.is_reserved = api_is_reserved;
        return c;
}

static void apply_config(Manager *m) {
        ClusterConfig cluster = cluster_config(m);

        m->access.anonymous = m->config.anonymous;
        m->access.allow_origin = m->config.allow_origin;
        m->access.allow_host = m->config.allow_host;
        m->access.requests_per_second = (unsigned) m->config.requests_per_second_max;
        if (!getenv("SYSTEMD_LOG_LEVEL"))
                log_set_max_level(m->config.log_level);
        if (m->api.cluster)
                cluster_configure(m->api.cluster, &cluster);
        if (m->api.streams)
                streams_set_max(m->api.streams, (unsigned) m->config.watchers_max);
        if (m->api.http)
                http_server_set_limits(m->api.http, (unsigned) m->config.connections_max, (unsigned) m->config.connections_per_user_max,
                                       m->config.request_bytes_max);
}

static int reload(Manager *m, Error *reterr) {
        Config fresh;
        Tokens *tokens;
        int r;

        r = config_load("", m->options->main_file, m->options->overrides, on_config_warning, &fresh, reterr);
        if (r < 0)
                return r;
        r = load_tokens(m, &tokens, reterr);
        if (r < 0) {
                config_done(&fresh);
                return r;
        }
        config_done(&m->config);
        m->config = fresh;
        tokens_free(m->access.tokens);
        m->access.tokens = tokens;
        apply_config(m);
        return 0;
}

static int on_sighup(sd_event_source *source _unused_, const struct signalfd_siginfo *si _unused_, void *userdata) {
        _cleanup_error_ Error error = ERROR_NULL;
        Manager *m = userdata;

        notifier_tell_reloading(&m->notifier);
        if (reload(m, &error) < 0)
                log_error("The configuration is as it was: %s", error_message(&error));
        else
                log_struct(LOG_NOTICE, MESSAGE_ID_CONFIG_RELOADED, NULL,
                           "The configuration was loaded again; listening addresses, the place of the state and a higher MaxConnections= "
                           "change with a restart only");
        m->status[0] = '\0';
        notifier_tell(&m->notifier, "READY=1");
        manager_update_status(m);
        return 0;
}

static int on_stop(sd_event_source *source _unused_, const struct signalfd_siginfo *si, void *userdata) {
        Manager *m = userdata;

        if (m->stopping)
                return 0;
        m->stopping = true;
        log_info("Stopping at %s", strsignal((int) si->ssi_signo));
        notifier_tell(&m->notifier, "STOPPING=1\nSTATUS=Stopping: writing the last batch...");
        http_server_drain(m->api.http);
        submit_changes(m);
        if (storage_writer_flush(m->writer, FLUSH_USEC) < 0)
                log_warning("The last changes could not be written; none of them was acknowledged");
        return sd_event_exit(m->event, 0);
}

/* --- Setting up --- */

/* Certificates are made when a socket that needs them is there. */
static int setup_tls(Manager *m) {
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_free_ char *directory = NULL;
        const char *state = streq(m->options->state, ":memory:") ? "/tmp" : m->options->state;

        if (m->certificates)
                return 0;
        if (asprintf(&directory, "%s/tls", state) < 0)
                return log_oom();
        if (certificates_load(getenv("CREDENTIALS_DIRECTORY"), directory, m->config.allow_host, &m->certificates, &error) < 0) {
                log_error("No TLS: %s", error_message(&error));
                return error.code;
        }
        m->tls = (HttpTls) { .certificate = certificates_server(m->certificates), .key = certificates_server_key(m->certificates),
                             .authority = certificates_authority(m->certificates) };
        m->api.certificates = m->certificates;
        return 0;
}

static int add_listener(Manager *m, int fd, const char *name, bool local) {
        bool tls = streq(name, "https");
        int r;

        if (m->n_listeners >= LISTENERS_MAX)
                return log_error_errno(-E2BIG, "More than %d sockets to listen on", LISTENERS_MAX);
        r = tls ? setup_tls(m) : 0;
        if (r < 0)
                return r;
        m->listeners[m->n_listeners++] = (HttpListener) { .fd = fd, .name = name, .local = local, .tls = tls ? &m->tls : NULL };
        return 0;
}

static int take_sockets(Manager *m) {
        int r;

        r = passed_sockets_get(&m->passed);
        if (r < 0)
                return log_error_errno(r, "Failed to take the sockets that systemd passed: %m");
        for (size_t i = 0; i < m->passed.n_sockets; i++) {
                const PassedSocket *p = &m->passed.sockets[i];

                r = add_listener(m, p->fd, p->name, sd_is_socket(p->fd, AF_UNIX, SOCK_STREAM, 1) > 0);
                if (r < 0)
                        return r;
        }
        for (char *const *address = m->options->listen; address && *address; address++) {
                _cleanup_error_ Error error = ERROR_NULL;
                const char *plain = startswith(*address, "https:");
                bool local;
                int fd;

                r = listen_on(plain ?: *address, &fd, &local, &error);
                if (r < 0) {
                        log_error("%s", error_message(&error));
                        return r;
                }
                m->own_fds[m->n_own] = fd;
                m->own_paths[m->n_own++] = local ? strdup(startswith(*address, "unix:") ?: *address) : NULL;
                r = add_listener(m, fd, local ? "local" : plain ? "https" : "http", local);
                if (r < 0)
                        return r;
        }
        if (m->n_listeners == 0)
                return log_error_errno(-EDESTADDRREQ, "Nothing to listen on: start kubesimd.socket, or give --listen=ADDRESS");
        return 0;
}

/* The Service `kubernetes` leads to the https socket, or to where one would be: an address of IPv4, as those of all Services are. */
static void tell_api_address(Manager *m) {
        uint32_t ip = LOOPBACK_ADDRESS;
        uint16_t port = API_PORT_DEFAULT;

        for (size_t i = 0; i < m->n_listeners; i++) {
                struct sockaddr_in a = {};
                socklen_t size = sizeof(a);

                if (!m->listeners[i].tls || getsockname(m->listeners[i].fd, (struct sockaddr*) &a, &size) < 0 || a.sin_family != AF_INET)
                        continue;
                port = ntohs(a.sin_port);
                ip = a.sin_addr.s_addr == INADDR_ANY ? LOOPBACK_ADDRESS : ntohl(a.sin_addr.s_addr);
                break;
        }
        cluster_set_api_address(m->api.cluster, ip, port);
}

typedef struct Loading {
        Cluster *cluster;
        Notifier *notifier;
        size_t n_objects;
        usec_t told; /* when the service manager was told how far it is */
} Loading;

/* A start with a great state goes on for as long as it gets on: the service manager is told, and waits. */
static void tell_progress(Loading *l) {
        usec_t now = now_monotonic();
        char message[128];

        if (now < l->told + USEC_PER_SEC)
                return;
        l->told = now;
        (void) snprintf(message, sizeof(message), "STATUS=Loading the state: %zu objects so far...\nEXTEND_TIMEOUT_USEC=%llu", l->n_objects,
                        (unsigned long long) LOADING_TIMEOUT_USEC);
        (void) notifier_try(l->notifier, message);
}

static int load_object(Object *o, void *userdata) {
        Loading *l = userdata;

        if (++l->n_objects % 4096 == 0)
                tell_progress(l);
        return cluster_load(l->cluster, o);
}

static int open_state(Manager *m) {
        const StorageBackend *backend = streq(m->options->state, ":memory:") ? &storage_null : &storage_sqlite;
        StorageWriterCallbacks callbacks = { on_durable, on_failed, on_recovered, m };
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_free_ char *path = NULL;
        Loading loading = { .cluster = m->api.cluster, .notifier = &m->notifier };
        uint64_t revision, last_id;
        void *state;
        int r;

        if (asprintf(&path, "%s/kubesimd.db", m->options->state) < 0)
                return log_oom();
        tell_progress(&loading);
        r = backend->open(path, &state, &error);
        if (r >= 0) {
                r = backend->load(state, cluster_documents(m->api.cluster), load_object, &loading, &revision, &last_id, &error);
                if (r < 0)
                        backend->close(state);
        }
        if (r < 0) {
                log_error("Failed to open the state: %s", error_message(&error));
                return r;
        }
        r = cluster_loaded(m->api.cluster, now_monotonic(), revision, last_id);
        if (r >= 0)
                r = storage_writer_new(m->event, backend, state, revision, &callbacks, &m->writer);
        else
                backend->close(state);
        return r < 0 ? log_error_errno(r, "Failed to take the state up: %m") : 0;
}

static int setup_cluster(Manager *m) {
        ClusterConfig config = cluster_config(m);
        usec_t now = now_monotonic();
        uint64_t seed;
        int r;

        if (getrandom(m->secret, sizeof(m->secret), 0) < 0 || getrandom(&seed, sizeof(seed), 0) < 0)
                return log_error_errno(-errno, "Failed to get random numbers: %m");
        r = cluster_new(&config, seed, m->secret, &m->api.cluster);
        if (r < 0)
                return log_oom();
        cluster_set_clock(m->api.cluster, (int64_t) now_realtime() - (int64_t) now);
        return open_state(m);
}

static int on_authorize(HttpRequest *req, HttpAccess access, void *userdata, void **ret_identity, Error *reterr) {
        return access_authorize(&manager_of(userdata)->access, req, access, ret_identity, reterr);
}

static int setup_http(Manager *m) {
        size_t n_routes;
        HttpServerConfig config = {
                .routes = api_routes(&n_routes),
                .n_routes = n_routes,
                .connections_max = (unsigned) m->config.connections_max,
                .connections_per_uid_max = (unsigned) m->config.connections_per_user_max,
                .body_max = m->config.request_bytes_max,
                .target_max = TARGET_MAX,
                .idle_timeout_usec = IDLE_TIMEOUT_USEC,
                .authorize = on_authorize,
                .forget = identity_release,
                .problem = api_problem,
                .status = reason_http_status,
                .done = manager_count_request,
                .userdata = &m->api,
        };
        int r;

        r = take_sockets(m);
        if (r < 0)
                return r;
        tell_api_address(m);
        r = http_server_new(m->event, &config, m->listeners, m->n_listeners, &m->api.http);
        if (r < 0)
                return log_error_errno(r, "Failed to start the HTTP server: %m");
        http_server_release(m->api.http, store_durable(cluster_store(m->api.cluster)));
        return 0;
}

static int setup_api(Manager *m) {
        _cleanup_error_ Error error = ERROR_NULL;
        size_t n_routes;
        int r;

        m->api.manager = m;
        m->api.checks = manager_checks;
        m->api.n_checks = manager_n_checks;
        m->api.write_metrics = manager_write_metrics;
        m->api.agents_dir = m->options->agents_dir;
        m->api.access = &m->access;
        r = load_tokens(m, &m->access.tokens, &error);
        if (r >= 0)
                r = manager_setup_accounts(m, &error);
        if (r < 0) {
                log_error("%s", error_message(&error));
                return r;
        }
        (void) api_routes(&n_routes);
        r = rate_limit_new(m->secret, &m->access.rate_limit);
        if (r >= 0)
                r = metrics_new(n_routes, &m->api.metrics);
        if (r >= 0)
                r = streams_new(&m->api, (unsigned) m->config.watchers_max, &m->api.streams);
        if (r >= 0)
                r = beats_new(&m->api, m->secret, &m->api.beats);
        return r < 0 ? log_oom() : 0;
}

static int setup_event(Manager *m) {
        int r;

        r = event_loop_new(on_stop, on_sighup, m, &m->event);
        notifier_init(&m->notifier, m->event);
        if (r >= 0)
                r = sd_event_add_time(m->event, &m->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_timer, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_post(m->event, NULL, on_post, m);
        return r < 0 ? log_error_errno(r, "Failed to set the event loop up: %m") : 0;
}

int manager_new(const ManagerOptions *options, Config *config, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = NULL;
        int r;

        m = new0(Manager, 1);
        if (!m)
                return log_oom();
        m->options = options;
        m->config = *config;
        *config = (Config) {};
        m->timer_at = USEC_INFINITY;
        m->started = now_realtime();
        apply_config(m);

        r = setup_event(m);
        if (r < 0)
                return r;
        r = setup_cluster(m);
        if (r < 0)
                return r;
        r = setup_api(m);
        if (r < 0)
                return r;
        r = setup_http(m);
        if (r < 0)
                return r;
        r = manager_setup_status(m);
        if (r >= 0)
                r = manager_setup_watchdog(m);
        if (r < 0)
                return log_error_errno(r, "Failed to set timers up: %m");
        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        http_server_free(m->api.http);
        beats_free(m->api.beats);
        streams_free(m->api.streams);
        api_context_done(&m->api);
        metrics_free(m->api.metrics);
        storage_writer_free(m->writer);
        cluster_free(m->api.cluster);
        access_done(&m->access);
        certificates_free(m->certificates);
        config_done(&m->config);
        passed_sockets_done(&m->passed);
        for (size_t i = 0; i < m->n_own; i++) {
                safe_close(m->own_fds[i]);
                if (m->own_paths[i])
                        (void) unlink(m->own_paths[i]);
                free(m->own_paths[i]);
        }
        sd_event_source_disable_unref(m->timer);
        sd_event_source_disable_unref(m->status_timer);
        sd_event_source_disable_unref(m->watchdog);
        notifier_done(&m->notifier);
        sd_event_unref(m->event);
        free(m->storage_error);
        return mfree(m);
}

static void count_turn(Manager *m, usec_t took) {
        unsigned i = 0;

        while (i < ELEMENTSOF(m->turns) - 1 && (double) took >= TURN_FIRST_USEC * (double) (UINT64_C(1) << i))
                i++;
        m->turns[i]++;
        m->turns_usec += took;
        m->turn_max_usec = MAX(m->turn_max_usec, took);
}

/* sd_event_loop(), with an eye on how long each callback keeps the others waiting. */
static int run_loop(Manager *m) {
        int r = 0;

        while (r >= 0 && sd_event_get_state(m->event) != SD_EVENT_FINISHED) {
                usec_t begun;

                r = sd_event_prepare(m->event);
                if (r == 0)
                        r = sd_event_wait(m->event, UINT64_MAX);
                if (r <= 0)
                        continue;
                begun = now_monotonic();
                r = sd_event_dispatch(m->event);
                count_turn(m, now_monotonic() - begun);
        }
        if (r < 0)
                return r;
        (void) sd_event_get_exit_code(m->event, &r);
        return r;
}

int manager_run(Manager *m) {
        int r;

        end_turn(m);
        notifier_tell(&m->notifier, "READY=1");
        log_info("Serving on %zu sockets, %zu nodes and %zu pods at revision %llu", m->n_listeners,
                 store_count(cluster_store(m->api.cluster), KIND_NODE), store_count(cluster_store(m->api.cluster), KIND_POD),
                 (unsigned long long) store_revision(cluster_store(m->api.cluster)));
        memory_release_startup(); /* a service that idles on a laptop keeps what it uses, not what loading took */
        r = run_loop(m);
        return r < 0 ? log_error_errno(r, "The event loop failed: %m") : r;
}
