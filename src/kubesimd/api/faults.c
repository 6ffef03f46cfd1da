/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/faults.h"

#include <stdio.h>

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

static int inject(HttpRequest *req, ApiContext *api, FaultBody *b, Error *reterr) {
        _cleanup_strbuf_ StrBuf answer = STRBUF_INIT(4 * KIB);
        Choice choice = {};
        FaultResult result;
        FaultKind kind = FAULT_HANG;
        FaultSpec spec;
        int r;

        r = check_body(b, &kind, reterr);
        if (r < 0)
                return r;
        r = choose(api->cluster, b, &choice, reterr);
        if (r >= 0) {
                spec = (FaultSpec) {
                        .kind = kind, .span = b->span > 0 ? b->span : USEC_INFINITY, .delay = b->delay, .period = b->period, .selector = b->selector,
                        .wants = is_chosen, .userdata = &choice, .count = (uint32_t) b->count, .seed = (uint64_t) b->seed,
                };
                r = cluster_inject_fault(api->cluster, api_now(), &spec, &result, reterr);
        }
        selector_free(choice.selector);
        if (r < 0)
                return r;
        strbuf_printf(&answer, "{\"message\":\"Fault %s injected into %u nodes\",\"fault\":\"%s\",\"nodes\":%u,\"agents\":%u,\"faulty\":%u}\n", result.name,
                      result.n_nodes, result.name, result.n_nodes, result.n_agents, result.n_faulty);
        return http_reply(req, 201, FAULT_JSON, &answer, api_mark(api));
}

static int recover(HttpRequest *req, ApiContext *api, FaultBody *b, Error *reterr) {
        _cleanup_strbuf_ StrBuf answer = STRBUF_INIT(4 * KIB);
        Choice choice = {};
        uint32_t n;
        int r;

        r = choose(api->cluster, b, &choice, reterr);
        if (r >= 0)
                r = cluster_recover_nodes(api->cluster, api_now(), is_chosen, &choice, &n, reterr);
        selector_free(choice.selector);
        if (r < 0)
                return r;
        strbuf_printf(&answer, "{\"message\":\"%u nodes recovered\",\"nodes\":%u}\n", n, n);
        return http_reply(req, 200, FAULT_JSON, &answer, api_mark(api));
}

static int with_body(HttpRequest *req, ApiContext *api, const JsonField *fields, size_t n_fields,
                     int (*act)(HttpRequest *req, ApiContext *api, FaultBody *b, Error *reterr), Error *reterr) {
        FaultBody body = {};
        size_t size;
        char *text;
        int r;

        text = http_request_body(req, &size);
        r = json_parse_object(text, size, fields, n_fields, true, &body, reterr);
        if (r >= 0)
                r = act(req, api, &body, reterr);
        free(body.nodes.items);
        return r;
}

int handle_fault_inject(HttpRequest *req, void *userdata, Error *reterr) {
        return with_body(req, userdata, inject_fields, ELEMENTSOF(inject_fields), inject, reterr);
}

int handle_faults_recover(HttpRequest *req, void *userdata, Error *reterr) {
        return with_body(req, userdata, recover_fields, ELEMENTSOF(recover_fields), recover, reterr);
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

static void put_fault(Cluster *c, const Fault *f, StrBuf *b) {
        strbuf_puts(b, "{\"fault\":");
        json_put_string(b, f->object.name);
        strbuf_printf(b, ",\"kind\":\"%s\",\"nodes\":%u,\"since\":", fault_kind_to_string(f->kind), fault_count_nodes(c, f));
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
                put_fault(api->cluster, FAULT(e->object), &b);
        }
        strbuf_puts(&b, "]}\n");
        return http_reply(req, 200, FAULT_JSON, &b, api_mark(api));
}
