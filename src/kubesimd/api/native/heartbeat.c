/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/heartbeat.h"

#include "basic/alloc-util.h"
#include "basic/json-reader.h"
#include "basic/json-writer.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "kubesimd/api/native/beats.h"
#include "kubesimd/api/native/calls.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/render.h"
#include "kubesimd/auth/access.h"

#define WAIT_MAX_SEC 60
#define PODS_LISTED_MAX 20000
/* Answers that are due within that part of their wait go out together: each time libmicrohttpd goes through all that are held. */
#define COALESCE_PART 20

typedef struct BeatBody {
        Heartbeat beat;
        JsonStrings pods, addresses;
        int64_t revision; /* echo of the last answer's; -1 = not said */
} BeatBody;

static const JsonField beat_fields[] = {
        { .name = "nodeID", .type = JSON_FIELD_STRING, .offset = offsetof(BeatBody, beat.node), .mandatory = true },
        { .name = "status", .type = JSON_FIELD_STRING, .offset = offsetof(BeatBody, beat.status), .mandatory = true },
        { .name = "pods", .type = JSON_FIELD_STRINGS, .offset = offsetof(BeatBody, pods), .items_max = PODS_LISTED_MAX },
        { .name = "cpuCores", .type = JSON_FIELD_MILLI, .offset = offsetof(BeatBody, beat.cpu) },
        { .name = "addresses", .type = JSON_FIELD_STRINGS, .offset = offsetof(BeatBody, addresses), .items_max = 256 },
        { .name = "instance", .type = JSON_FIELD_STRING, .offset = offsetof(BeatBody, beat.instance) },
        { .name = "sequence", .type = JSON_FIELD_I64, .offset = offsetof(BeatBody, beat.sequence) },
        { .name = "revision", .type = JSON_FIELD_I64, .offset = offsetof(BeatBody, revision) },
        { .name = "version", .type = JSON_FIELD_STRING, .offset = offsetof(BeatBody, beat.version) },
};

/* A beat that waits. There is one at most for a node: a newer one has the older answered. */
typedef struct HeldBeat {
        Beats *beats;
        HttpRequest *req;
        PrioqItem due;
        char *node; /* owned */
} HeldBeat;

struct Beats {
        ApiContext *api;
        HashTable by_node; /* node name -> HeldBeat, owned */
        Prioq due;
        Calls calls; /* of those who beat for many nodes */
};

static const char *held_key(const void *value) {
        return ((const HeldBeat*) value)->node;
}

int beats_new(ApiContext *api, const uint64_t secret[2], Beats **ret) {
        Beats *b;

        b = new0(Beats, 1);
        if (!b)
                return -ENOMEM;
        b->api = api;
        hashtable_init(&b->by_node, held_key, secret);
        calls_init(&b->calls);
        *ret = b;
        return 0;
}

Beats *beats_free(Beats *b) {
        if (!b)
                return NULL;
        assert(b->by_node.n_used == 0);
        assert(list_is_empty(&b->calls.all));
        hashtable_done(&b->by_node);
        prioq_done(&b->due);
        return mfree(b);
}

unsigned beats_count(const Beats *b) {
        return (unsigned) b->by_node.n_used;
}

usec_t beats_deadline(const Beats *b) {
        PrioqItem *item = prioq_peek(&b->due);

        return MIN(item ? item->when : USEC_INFINITY, b->calls.sign_due);
}

static void put_wanted_pods(const NodeState *ns, StrBuf *b) {
        bool first = true;
        PodState *ps;

        LIST_FOREACH(ps, &ns->pods, PodState, in_node) {
                if (!pod_is_wanted(pod_of(ps)))
                        continue;
                if (!first)
                        strbuf_putc(b, ',');
                first = false;
                json_put_string(b, pod_of(ps)->object.name);
        }
}

static int reply_beat(ApiContext *api, HttpRequest *req, const HeartbeatAnswer *answer) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(8 * MIB);
        NodeState *ns = answer->node;

        strbuf_puts(&b, "{\"pods\":[");
        if (ns && !answer->stop) {
                put_wanted_pods(ns, &b);
                ns->told_revision = ns->pods_revision;
        }
        strbuf_puts(&b, "],\"revision\":");
        strbuf_put_u64(&b, ns ? ns->pods_revision : 0);
        strbuf_puts(&b, ",\"interval\":");
        json_put_seconds(&b, cluster_heartbeat_interval(api->cluster));
        strbuf_puts(&b, answer->stop ? ",\"stop\":true}\n" : "}\n");
        return http_reply(req, 200, NATIVE_JSON, &b, answer->revision);
}

/* Takes it off the lists; the request is the caller's to answer. */
static HttpRequest *release(HeldBeat *h) {
        HttpRequest *req = TAKE_PTR(h->req);

        if (hashtable_get(&h->beats->by_node, h->node) == h)
                (void) hashtable_remove(&h->beats->by_node, h->node);
        prioq_remove(&h->beats->due, &h->due);
        return req;
}

static void answer_held(HeldBeat *h) {
        ApiContext *api = h->beats->api;
        NodeState *ns = find_node(api->cluster, h->node);
        HeartbeatAnswer answer = { .node = ns, .stop = !ns, .revision = api_mark(api) };
        HttpRequest *req = release(h);

        if (ns) {
                answer.stop = node_of(ns)->stop_requested;
                answer.revision = MAX(ns->pods_revision, node_of(ns)->object.revision);
        }
        if (reply_beat(api, req, &answer) < 0)
                http_request_drop(req); /* out of memory: it would be held for ever */
}

/* The request is over, answered or not. */
static void held_gone(HttpRequest *req _unused_, void *userdata) {
        HeldBeat *h = userdata;

        if (h->req)
                (void) release(h);
        free(h->node);
        free(h);
}

void beats_answer_node(Beats *b, const char *node) {
        HeldBeat *h = hashtable_get(&b->by_node, node);

        if (h)
                answer_held(h);
}

void beats_answer_woken(Beats *b) {
        NodeState *ns;

        while ((ns = cluster_next_woken(b->api->cluster))) {
                beats_answer_node(b, node_of(ns)->object.name);
                calls_tell(&b->calls, node_of(ns)->object.name);
        }
}

void beats_answer_due(Beats *b, usec_t now) {
        PrioqItem *item;

        while ((item = prioq_peek(&b->due)) && item->when <= now)
                answer_held(container_of(item, HeldBeat, due));
        calls_sign(&b->calls, now);
}

bool beats_reach(const Beats *b, const char *node) {
        return calls_reach(&b->calls, node);
}

/* Seconds of "Prefer: wait=N", 0 when there is none (RFC 7240, section 4.3). */
static usec_t wanted_wait(HttpRequest *req) {
        const char *s = http_request_header(req, "Prefer"), *p;
        uint64_t seconds = 0;
        char digits[8] = "";

        p = s ? strcasestr(s, "wait=") : NULL;
        if (!p)
                return 0;
        p += strlen("wait=");
        memcpy(digits, p, MIN(strspn(p, "0123456789"), sizeof(digits) - 1));
        if (parse_u64(digits, &seconds) < 0)
                return 0;
        return MIN(seconds, (uint64_t) WAIT_MAX_SEC) * USEC_PER_SEC;
}

static int hold_beat(ApiContext *api, HttpRequest *req, const char *node, usec_t wait) {
        Beats *b = api->beats;
        usec_t due = usec_add(api_now(), wait), together = wait / COALESCE_PART;
        HeldBeat *h;
        int r;

        beats_answer_node(b, node);
        h = new0(HeldBeat, 1);
        if (!h)
                return -ENOMEM;
        *h = (HeldBeat) { .beats = b, .req = req, .due.index = PRIOQ_NONE, .node = strdup(node) };
        r = h->node ? hashtable_put(&b->by_node, h) : -ENOMEM;
        if (r >= 0) {
                r = prioq_set(&b->due, &h->due, due - due % together);
                if (r < 0)
                        (void) hashtable_remove(&b->by_node, h->node);
        }
        if (r < 0) {
                free(h->node);
                free(h);
                return r;
        }
        http_request_hold(req, held_gone, h);
        return 0;
}

static int check_identity(HttpRequest *req, const char *node, Error *reterr) {
        if (access_may_beat(http_request_identity(req), node))
                return 0;
        return error_set_field(reterr, -EACCES, "nodeID", node, "this token may not beat for node \"%s\"", node);
}

static int take_beat(HttpRequest *req, ApiContext *api, BeatBody *body, Error *reterr) {
        HeartbeatAnswer answer;
        bool changed;
        usec_t wait;
        int r;

        body->beat.pods = body->pods.items;
        body->beat.n_pods = body->pods.n_items;
        body->beat.addresses = body->addresses.items;
        body->beat.n_addresses = body->addresses.n_items;
        r = check_identity(req, body->beat.node, reterr);
        if (r < 0)
                return r;
        r = cluster_heartbeat(api->cluster, api_now(), &body->beat, &answer, reterr);
        if (r < 0)
                return r;

        wait = wanted_wait(req);
        if (wait > 0 && answer.node && !answer.stop && !streq(body->beat.status, BEAT_STATUS_STOPPED)) {
                changed = answer.node->pods_revision !=
                        (body->revision >= 0 ? (uint64_t) body->revision : answer.node->told_revision);
                if (!changed && hold_beat(api, req, body->beat.node, wait) >= 0)
                        return 0;
        }
        return reply_beat(api, req, &answer);
}

int handle_heartbeat(HttpRequest *req, void *userdata, Error *reterr) {
        BeatBody body = { .revision = -1 };
        size_t size;
        char *text;
        int r;

        text = http_request_body(req, &size);
        r = json_parse_object(text, size, beat_fields, ELEMENTSOF(beat_fields), false, &body, reterr);
        if (r >= 0)
                r = take_beat(req, userdata, &body, reterr);
        free(body.pods.items);
        free(body.addresses.items);
        return r;
}

int handle_heartbeat_calls(HttpRequest *req, void *userdata, Error *reterr) {
        const char *prefix = http_request_query(req, "prefix");
        ApiContext *api = userdata;

        if (isempty(prefix))
                return error_set_field(reterr, -EINVAL, "prefix", NULL, "prefix= must be what the names of the nodes begin with");
        if (!access_may_beat_for_all(http_request_identity(req), prefix))
                return error_set_field(reterr, -EACCES, "prefix", prefix, "this token may not beat for all nodes \"%s...\"", prefix);
        return calls_reply(&api->beats->calls, req, prefix, reterr);
}
