/* SPDX-License-Identifier: Apache-2.0 */
/* watch: on a terminal a table that is drawn anew, into a pipe a line for each thing that happens. Both begin again by
 * themselves when the server does. */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "basic/string-util.h"
#include "kubesimctl/output.h"

#define REDRAW_USEC (500 * USEC_PER_MSEC)
#define RECENT_EVENTS 8

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig _unused_) {
        interrupted = 1;
}

static void pause_for(usec_t span) {
        struct timespec ts = { (time_t) (span / USEC_PER_SEC), (long) (span % USEC_PER_SEC * 1000) };

        (void) nanosleep(&ts, NULL);
}

/* Prints the first `room` lines of the table and says how many are left out. */
static unsigned put_table(Table *t, unsigned room, StrBuf *b) {
        _cleanup_strbuf_ StrBuf all = STRBUF_INIT(1024 * MIB);
        unsigned lines = 0;

        table_print(t, true, terminal_columns(), &all);
        for (const char *p = strbuf_str(&all), *end; *p; p = end) {
                end = strchr(p, '\n') + 1;
                if (++lines > room) {
                        strbuf_printf(b, "%s... and %zu more%s\033[K\n", colour(COLOUR_DIM), table_rows(t) + 2 - lines, colour_off());
                        return lines;
                }
                strbuf_append(b, p, (size_t) (end - p) - 1);
                strbuf_puts(b, "\033[K\n");
        }
        return lines;
}

static void put_events(json_object *body, StrBuf *b) {
        json_object *list;
        size_t n;

        if (!json_object_object_get_ex(body, "events", &list))
                return;
        n = json_object_array_length(list);
        for (size_t i = n > RECENT_EVENTS ? n - RECENT_EVENTS : 0; i < n; i++) {
                json_object *e = json_object_array_get_idx(list, i);
                bool warning = streq(member_string(e, "type"), "Warning");

                strbuf_printf(b, "%.8s  %s%s%s\033[K\n", member_string(e, "time") + 11, colour(warning ? COLOUR_WARN : COLOUR_DIM),
                              member_string(e, "message"), colour_off());
        }
}

/* One picture of the cluster; false while the server does not answer. */
static bool draw(const Ctl *ctl, StrBuf *b) {
        _cleanup_answer_ Answer nodes = ANSWER_INIT, pods = ANSWER_INIT, events = ANSWER_INIT;
        _cleanup_(table_freep) Table *node_table = NULL, *pod_table = NULL;
        unsigned room = MAX(terminal_lines(), 16U) - RECENT_EVENTS - 5;

        if (ctl_request(ctl, "GET", "/nodes", NULL, &nodes) != 0 || ctl_request(ctl, "GET", "/pods", NULL, &pods) != 0 ||
            ctl_request(ctl, "GET", "/events", NULL, &events) != 0)
                return false;
        if (nodes.status != 200 || pods.status != 200 || events.status != 200)
                return false;
        if (table_of_nodes(nodes.body, now_realtime(), &node_table) < 0 || table_of_pods(pods.body, now_realtime(), &pod_table) < 0)
                return false;
        (void) put_table(node_table, room / 2, b);
        strbuf_puts(b, "\033[K\n");
        (void) put_table(pod_table, room / 2, b);
        strbuf_puts(b, "\033[K\n");
        put_events(events.body, b);
        return true;
}

static int watch_terminal(const Ctl *ctl) {
        struct sigaction sa = { .sa_handler = on_interrupt };

        (void) sigaction(SIGINT, &sa, NULL);
        (void) sigaction(SIGTERM, &sa, NULL);
        (void) fputs("\033[?1049h\033[?25l", stdout); /* another screen, no cursor */
        while (!interrupted) {
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * MIB);

                strbuf_puts(&b, "\033[H");
                if (!draw(ctl, &b))
                        strbuf_puts(&b, "kubesimd does not answer, trying again...\033[K\n");
                strbuf_puts(&b, "\033[J");
                (void) fputs(strbuf_str(&b), stdout);
                (void) fflush(stdout);
                pause_for(REDRAW_USEC);
        }
        (void) fputs("\033[?25h\033[?1049l", stdout);
        return CTL_OK;
}

typedef struct Follower {
        const Ctl *ctl;
        uint64_t revision; /* of the last event that was printed */
} Follower;

static int on_event(char *text, void *userdata) {
        json_object *e = json_tokener_parse(text);
        Follower *f = userdata;

        if (!e)
                return 0;
        f->revision = MAX(f->revision, member_u64(e, "revision"));
        if (f->ctl->json != JSON_OFF)
                (void) output_json(f->ctl, e);
        else
                printf("%s %s %s %s %s\n", member_string(e, "time"), member_string(e, "reason"),
                       isempty(member_string(e, "node")) ? "-" : member_string(e, "node"),
                       isempty(member_string(e, "pod")) ? "-" : member_string(e, "pod"), member_string(e, "message"));
        json_object_put(e);
        return fflush(stdout) == 0 ? 0 : -EPIPE;
}

static int watch_pipe(const Ctl *ctl) {
        Follower f = { .ctl = ctl };
        bool begun = false;

        for (;;) {
                char path[128];
                unsigned status;
                int r;

                (void) snprintf(path, sizeof(path), "/events?watch=1&since=%llu", (unsigned long long) f.revision);
                r = ctl_stream(ctl, path, on_event, &f, &status);
                if (ferror(stdout))
                        return CTL_OK;
                if (!begun && (r != 0 || status != 200))
                        return ctl_error(r ?: CTL_FAILED, "Failed to watch: kubesimd %s\nTry: systemctl start kubesimd.socket",
                                         r != 0 ? "does not answer" : "refused");
                begun = true;
                pause_for(REDRAW_USEC);
        }
}

int cmd_watch(Ctl *ctl, int argc _unused_, char *argv[] _unused_) {
        return isatty(STDOUT_FILENO) && ctl->json == JSON_OFF ? watch_terminal(ctl) : watch_pipe(ctl);
}
