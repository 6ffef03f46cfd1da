/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What every verb of kubesimctl uses: the options, requests to the daemon, errors with the next step. */

#include <json-c/json.h>

#include "basic/error.h"
#include "basic/strbuf.h"
#include "basic/time-util.h"

typedef enum ExitCode {
        CTL_OK = 0,
        CTL_FAILED = 1,
        CTL_USAGE = 2,
        CTL_NOT_FOUND = 3,
        CTL_CONFLICT = 4,
        CTL_NO_CONNECTION = 5,
        CTL_NO_PERMISSION = 6,
        CTL_TIMED_OUT = 7,
} ExitCode;

typedef enum JsonMode {
        JSON_OFF,
        JSON_SHORT,
        JSON_PRETTY,
} JsonMode;

typedef struct Ctl {
        const char *socket, *server, *token_file, *agents_dir;
        JsonMode json;
        bool legend, pager, quiet;
        bool help, version; /* only that is asked for */
        bool wait;
        usec_t wait_usec; /* how long at most */
        const char *node, *pod, *role, *algorithm; /* options of single verbs */
        const char *cpu, *duration;
        const char *limit, *svg;
        bool what_if, all_nodes;
        bool patient;     /* the answer may take minutes */
        uint64_t count;
        bool count_given;
        const char *prefix, *first, *memory, *labels, *taints, *file; /* of nodes */
        const char *selector, *kind, *span, *delay, *period, *seed;   /* of faults */
        bool all;
        bool follow;
} Ctl;

/* An answer of the daemon. */
typedef struct Answer {
        unsigned status;
        json_object *body;   /* owned; NULL when it is not JSON */
        StrBuf text;         /* the body as it came */
        uint64_t revision;   /* X-Revision, 0 when there is none */
} Answer;

void answer_done(Answer *a);
#define _cleanup_answer_ _cleanup_(answer_done)
#define ANSWER_INIT ((Answer) { .text = STRBUF_INIT(1024 * MIB) })

/* Asks the daemon; body may be NULL. 0 when there is an answer, whatever its status; else an exit code, after the
 * reason and the next step were printed. */
int ctl_request(const Ctl *ctl, const char *method, const char *path, const char *body, Answer *ret);
/* The same to the socket of an agent. */
int ctl_request_agent(const Ctl *ctl, const char *node, const char *method, const char *path, Answer *ret);
/* ctl_request() that takes every status but 2xx for a failure and prints it: "Failed to WHAT: ...". */
int ctl_call(const Ctl *ctl, const char *method, const char *path, const char *body, Answer *ret, const char *what, ...) _printf_(6, 7);
/* GET of a stream: `line` is called with each line (NUL-terminated, without the newline); a negative return ends it.
 * 0 when the stream ended, an exit code when it could not begin; *ret_status is the HTTP status (0: no answer). */
int ctl_stream(const Ctl *ctl, const char *path, int (*line)(char *text, void *userdata), void *userdata, unsigned *ret_status);

/* Prints to stderr, in red on a terminal. Returns `code`. */
int ctl_error(int code, const char *format, ...) _printf_(2, 3);
/* Prints the problem of an answer after "Failed to WHAT". Returns the exit code of its status. */
int ctl_problem(const Answer *a, const char *what);

/* "nodes" or "pods": the one ID that the given one is, or is a prefix of. 0 and *ret (owned), or an exit code. */
int ctl_resolve(const Ctl *ctl, const char *kind, const char *id, char **ret);

/* Members of a JSON object; "" and 0 when they are absent. Borrowed. */
const char *member_string(json_object *o, const char *key);
double member_number(json_object *o, const char *key);
uint64_t member_u64(json_object *o, const char *key);
size_t member_count(json_object *o, const char *key); /* of an array */

/* Verbs: argv[0] is the verb. Return an exit code. */
int cmd_list_nodes(Ctl *ctl, int argc, char *argv[]);
int cmd_show_node(Ctl *ctl, int argc, char *argv[]);
int cmd_add_node(Ctl *ctl, int argc, char *argv[]);
int cmd_remove_node(Ctl *ctl, int argc, char *argv[]);
int cmd_stop_node(Ctl *ctl, int argc, char *argv[]);
int cmd_restart_node(Ctl *ctl, int argc, char *argv[]);
int cmd_fail_node(Ctl *ctl, int argc, char *argv[]);
int cmd_recover_node(Ctl *ctl, int argc, char *argv[]);
int cmd_list_faults(Ctl *ctl, int argc, char *argv[]);
int cmd_unplug_node(Ctl *ctl, int argc, char *argv[]);
int cmd_plug_node(Ctl *ctl, int argc, char *argv[]);
int cmd_list_pods(Ctl *ctl, int argc, char *argv[]);
int cmd_show_pod(Ctl *ctl, int argc, char *argv[]);
int cmd_create_pod(Ctl *ctl, int argc, char *argv[]);
int cmd_remove_pod(Ctl *ctl, int argc, char *argv[]);
int cmd_restart_pod(Ctl *ctl, int argc, char *argv[]);
int cmd_scheduler(Ctl *ctl, int argc, char *argv[]);
int cmd_explain(Ctl *ctl, int argc, char *argv[]);
int cmd_capacity(Ctl *ctl, int argc, char *argv[]);
int cmd_compare(Ctl *ctl, int argc, char *argv[]);
int cmd_status(Ctl *ctl, int argc, char *argv[]);
int cmd_health(Ctl *ctl, int argc, char *argv[]);
int cmd_events(Ctl *ctl, int argc, char *argv[]);
int cmd_watch(Ctl *ctl, int argc, char *argv[]);
int cmd_token(Ctl *ctl, int argc, char *argv[]);
int cmd_kubeconfig(Ctl *ctl, int argc, char *argv[]);
int cmd_proxy(Ctl *ctl, int argc, char *argv[]);
int cmd_version(Ctl *ctl, int argc, char *argv[]);
