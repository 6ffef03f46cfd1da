/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/faults.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/json-reader.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/control/faults.h"
#include "kubesimd/api/kube/selector.h"
#include "kubesimd/api/kube/types/resource.h"

#define FAULT_JSON "application/json"
#define SPAN_MAX (366 * 24 * USEC_PER_HOUR)
#define NAMES_MAX 10000
#define AGENT_ADVICE "it is an agent's, which fails with its service: systemctl stop, freeze or kill -s KILL kubesim-agent@%s (or its fleet)"

typedef struct FaultBody {
        const char *kind, *selector;
        JsonStrings nodes;
        bool all;
        int64_t count, seed;
        usec_t span, delay, period;
} FaultBody;

#define CHOICE \
        { .name = "nodes", .type = JSON_FIELD_STRINGS, .offset = offsetof(FaultBody, nodes), .items_max = NAMES_MAX }, \
        { .name = "selector", .type = JSON_FIELD_STRING, .offset = offsetof(FaultBody, selector) }, \
        { .name = "all", .type = JSON_FIELD_BOOL, .offset = offsetof(FaultBody, all) }

static const JsonField inject_fields[] = {
        { .name = "kind", .type = JSON_FIELD_STRING, .offset = offsetof(FaultBody, kind), .mandatory = true },
        CHOICE,
        { .name = "count", .type = JSON_FIELD_I64, .offset = offsetof(FaultBody, count) },
        { .name = "seed", .type = JSON_FIELD_I64, .offset = offsetof(FaultBody, seed) },
        { .name = "for", .type = JSON_FIELD_USEC, .offset = offsetof(FaultBody, span) },
        { .name = "delay", .type = JSON_FIELD_USEC, .offset = offsetof(FaultBody, delay) },
        { .name = "period", .type = JSON_FIELD_USEC, .offset = offsetof(FaultBody, period) },
};
static const JsonField recover_fields[] = { CHOICE };

/* --- Which nodes --- */

typedef struct Choice {
        Selector *selector;  /* owned, NULL: by name, or all */
        char *const *names;  /* sorted, borrowed */
        size_t n_names;
} Choice;

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const*) a, *(char *const*) b);
}

static bool is_chosen(const Object *node, void *userdata) {
        const Choice *c = userdata;

        if (c->n_names > 0 && !bsearch(&node->name, c->names, c->n_names, sizeof(char*), compare_names))
                return false;
        return selector_matches(c->selector, node);
}

/* Names must be of nodes that are there, and virtual: whoever names one wants that one. */
static int check_names(Cluster *c, const FaultBody *b, Error *reterr) {
        for (size_t i = 0; i < b->nodes.n_items; i++) {
                const char *name = b->nodes.items[i];
                NodeState *ns = find_node(c, name);

                if (!ns)
                        return error_set_field(reterr, -ENOENT, "nodes", name, "there is no node \"%s\"", name);
                if (node_of(ns)->backing != NODE_VIRTUAL)
                        return error_set_field(reterr, -ESTALE, "nodes", name, "node \"%s\" cannot be given a fault here: " AGENT_ADVICE, name, name);
        }
        return 0;
}

static int choose(Cluster *c, FaultBody *b, Choice *ret, Error *reterr) {
        int r;

        if (b->nodes.n_items == 0 && isempty(b->selector) && !b->all)
                return error_set_field(reterr, -EINVAL, "nodes", NULL, "say which nodes: \"nodes\":[...], \"selector\":\"key=value\" or \"all\":true");
        r = check_names(c, b, reterr);
        if (r < 0)
                return r;
        if (b->nodes.n_items > 0)
                qsort(b->nodes.items, b->nodes.n_items, sizeof(char*), compare_names);
        *ret = (Choice) { .names = b->nodes.items, .n_names = b->nodes.n_items };
        r = selector_parse(&kube_nodes, b->selector, NULL, &ret->selector, reterr);
        return r < 0 ? error_prefix(reterr, "selector"), r : 0;
}

/* --- Handlers --- */

static int check_body(const FaultBody *b, FaultKind *ret_kind, Error *reterr) {
        const struct {
                const char *name;
                usec_t value;
        } spans[] = { { "for", b->span }, { "delay", b->delay }, { "period", b->period } };
        FaultKind kind = fault_kind_from_string(b->kind);

        if ((int) kind < 0)
                return error_set_field(reterr, -EINVAL, "kind", b->kind, "\"kind\" must be hang, stop, slow or flap");
        if (b->count < 0 || b->count > UINT32_MAX)
                return error_set_field(reterr, -EINVAL, "count", NULL, "\"count\" must be a number of nodes");
        for (size_t i = 0; i < ELEMENTSOF(spans); i++)
                if (spans[i].value > SPAN_MAX)
                        return error_set_field(reterr, -EINVAL, spans[i].name, NULL, "\"%s\" must be at most a year", spans[i].name);
        if (b->delay > 0 && kind != FAULT_SLOW)
                return error_set_field(reterr, -EINVAL, "delay", NULL, "\"delay\" is of the kind slow only");
        if (b->period > 0 && kind != FAULT_FLAP)
                return error_set_field(reterr, -EINVAL, "period", NULL, "\"period\" is of the kind flap only");
        if (b->period > 0 && b->period < 10 * USEC_PER_MSEC)
                return error_set_field(reterr, -EINVAL, "period", NULL, "\"period\" must be at least 0.01 seconds");
        *ret_kind = kind;
        return 0;
}

/* An order that is being carried out: whichever nodes it is for are found some at a time. */
typedef struct FaultOrder {
        ListLink link;   /* in ApiContext.fault_orders; those that could not be answered at once */
        ApiContext *api;
        HttpRequest *req;
        FaultBody body;  /* its names are owned, all else is the request's */
        FaultSpec spec;  /* of an injection */
        Choice choice;
        FaultChoice chosen;
} FaultOrder;

static FaultOrder *order_free(FaultOrder *o) {
        if (!o)
                return NULL;
        list_remove(&o->link);
        fault_choice_done(&o->chosen);
        selector_free(o->choice.selector);
        free(o->body.nodes.items);
        return mfree(o);
}
DEFINE_CLEANUP(FaultOrder*, order_free)

static void order_gone(HttpRequest *req _unused_, void *userdata) {
        order_free(userdata);
}

static int inject(FaultOrder *o, StrBuf *answer, Error *reterr) {
        FaultResult result;
        int r;

        r = cluster_inject_fault(o->api->cluster, api_now(), &o->spec, &o->chosen, &result, reterr);
        if (r < 0)
                return r;
        strbuf_printf(answer, "{\"message\":\"Fault %s injected into %u nodes\",\"fault\":\"%s\",\"nodes\":%u,\"agents\":%u,\"faulty\":%u}\n", result.name,
                      result.n_nodes, result.name, result.n_nodes, o->chosen.n_agents, o->chosen.n_faulty);
        return 201;
}

static int recover(FaultOrder *o, StrBuf *answer, Error *reterr) {
        int r;

        r = cluster_recover_nodes(o->api->cluster, api_now(), &o->chosen, reterr);
        if (r < 0)
                return r;
        strbuf_printf(answer, "{\"message\":\"%u nodes recovered\",\"nodes\":%u}\n", o->chosen.n_nodes, o->chosen.n_nodes);
        return 200;
}

/* 1 while there is more to do in further turns, 0 when it is answered. */
static int go_on(FaultOrder *o, Error *reterr) {
        _cleanup_strbuf_ StrBuf answer = STRBUF_INIT(4 * KIB);
        int r;

        r = fault_choose(o->api->cluster, &o->chosen);
        if (r != 0)
                return r;
        r = o->chosen.faulty ? recover(o, &answer, reterr) : inject(o, &answer, reterr);
        if (r == -EAGAIN)
                return 1;
        return r < 0 ? r : http_reply(o->req, (unsigned) r, FAULT_JSON, &answer, api_mark(o->api));
}

bool faults_wait(const ApiContext *api) {
        return !list_is_empty(&api->fault_orders);
}

/* The first of them: one that begins while another one chooses would make that one begin anew. */
void faults_go_on(ApiContext *api) {
        _cleanup_error_ Error error = ERROR_NULL;
        FaultOrder *o;
        int r;

        if (!faults_wait(api))
                return;
        o = container_of(list_first(&api->fault_orders), FaultOrder, link);
        r = go_on(o, &error);
        if (r > 0)
                return;
        list_remove(&o->link);
        if (r < 0 && http_reply_error(o->req, r, &error) < 0)
                http_request_drop(o->req); /* out of memory: it would be held for ever */
}

/* What takes no longer than a turn is answered at once. */
static int carry_out(FaultOrder *o, Error *reterr) {
        ApiContext *api = o->api;
        int r = 1;

        if (!faults_wait(api))
                r = go_on(o, reterr);
        if (r <= 0) {
                order_free(o);
                return r;
        }
        if (!api->fault_orders.next)
                list_init(&api->fault_orders);
        list_append(&api->fault_orders, &o->link);
        http_request_hold(o->req, order_gone, o);
        return 0;
}

static int new_order(HttpRequest *req, ApiContext *api, const JsonField *fields, size_t n_fields, FaultOrder **ret, Error *reterr) {
        _cleanup_(order_freep) FaultOrder *o = new0(FaultOrder, 1);
        size_t size;
        char *text;
        int r;

        if (!o)
                return -ENOMEM;
        o->api = api;
        o->req = req;
        o->chosen = (FaultChoice) { .wants = is_chosen, .userdata = &o->choice };
        text = http_request_body(req, &size);
        r = json_parse_object(text, size, fields, n_fields, true, &o->body, reterr);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

int handle_fault_inject(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_(order_freep) FaultOrder *o = NULL;
        FaultKind kind = FAULT_HANG;
        const FaultBody *b;
        int r;

        r = new_order(req, userdata, inject_fields, ELEMENTSOF(inject_fields), &o, reterr);
        if (r < 0)
                return r;
        b = &o->body;
        r = check_body(b, &kind, reterr);
        if (r >= 0)
                r = choose(o->api->cluster, &o->body, &o->choice, reterr);
        if (r >= 0)
                r = cluster_check_fault(o->api->cluster, reterr);
        if (r < 0)
                return r;
        o->spec = (FaultSpec) {
                .kind = kind, .span = b->span > 0 ? b->span : USEC_INFINITY, .delay = b->delay, .period = b->period, .selector = b->selector,
                .count = (uint32_t) b->count, .seed = (uint64_t) b->seed,
        };
        return carry_out(TAKE_PTR(o), reterr);
}

int handle_faults_recover(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_(order_freep) FaultOrder *o = NULL;
        int r;

        r = new_order(req, userdata, recover_fields, ELEMENTSOF(recover_fields), &o, reterr);
        if (r >= 0)
                r = choose(o->api->cluster, &o->body, &o->choice, reterr);
        if (r < 0)
                return r;
        o->chosen.faulty = true;
        return carry_out(TAKE_PTR(o), reterr);
}

int handle_fault_end(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_strbuf_ StrBuf answer = STRBUF_INIT(4 * KIB);
        const char *id = http_request_param(req, 0);
        ApiContext *api = userdata;
        int r;

        r = cluster_end_fault(api->cluster, api_now(), id, reterr);
        if (r < 0)
                return r;
        strbuf_puts(&answer, "{\"message\":\"The fault is over\",\"fault\":");
        json_put_string(&answer, id);
        strbuf_puts(&answer, "}\n");
        return http_reply(req, 200, FAULT_JSON, &answer, api_mark(api));
}

static void put_fault(const FaultState *fs, StrBuf *b) {
        const Fault *f = FAULT(fs->entry.object);

        strbuf_puts(b, "{\"fault\":");
        json_put_string(b, f->object.name);
        strbuf_printf(b, ",\"kind\":\"%s\",\"nodes\":%u,\"since\":", fault_kind_to_string(f->kind), fs->n_nodes);
        json_put_time(b, f->object.created);
        if (f->until != USEC_INFINITY) {
                strbuf_puts(b, ",\"until\":");
                json_put_time(b, f->until);
        }
        if (f->delay > 0) {
                strbuf_puts(b, ",\"delay\":");
                json_put_seconds(b, f->delay);
        }
        if (f->period > 0) {
                strbuf_puts(b, ",\"period\":");
                json_put_seconds(b, f->period);
        }
        if (f->selector) {
                strbuf_puts(b, ",\"selector\":");
                json_put_string(b, f->selector);
        }
        strbuf_putc(b, '}');
}

int handle_faults_list(HttpRequest *req, void *userdata, Error *reterr _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * MIB);
        ApiContext *api = userdata;
        bool first = true;
        size_t hint = 0;

        strbuf_puts(&b, "{\"faults\":[");
        for (StoreEntry *e = NULL; (e = store_next(cluster_store(api->cluster), KIND_FAULT, e ? e->object->id : 0, &hint)); first = false) {
                if (!first)
                        strbuf_putc(&b, ',');
                put_fault((const FaultState*) e, &b);
        }
        strbuf_puts(&b, "]}\n");
        return http_reply(req, 200, FAULT_JSON, &b, api_mark(api));
}
