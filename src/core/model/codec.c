/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/codec.h"

#include <stdio.h>

#include "basic/error.h"
#include "basic/json-reader.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/model/definition.h"
#include "core/model/doc.h"
#include "core/model/fault.h"
#include "core/model/node.h"
#include "core/model/object-util.h"
#include "core/model/pod.h"
#include "core/model/policy.h"
#include "core/model/tombstone.h"

static void put_string(StrBuf *b, bool *first, const char *key, const char *value) {
        if (!value)
                return;
        strbuf_printf(b, "%s\"%s\":", *first ? "" : ",", key);
        json_put_string(b, value);
        *first = false;
}

static void put_key(StrBuf *b, bool *first, const char *key) {
        strbuf_puts(b, *first ? "\"" : ",\"");
        strbuf_puts(b, key);
        strbuf_puts(b, "\":");
        *first = false;
}

static void put_time(StrBuf *b, bool *first, const char *key, usec_t realtime) {
        if (realtime == 0)
                return;
        put_key(b, first, key);
        json_put_time(b, realtime);
}

static void encode_node(const Object *o, StrBuf *b) {
        const Node *n = (const Node*) o;
        bool first = true;

        strbuf_puts(b, ",\"spec\":{");
        put_string(b, &first, "backing", node_backing_to_string(n->backing));
        put_key(b, &first, "cpu");
        json_put_milli(b, n->cpu);
        if (n->stop_requested)
                strbuf_puts(b, ",\"stopRequested\":true");
        if (n->unschedulable)
                strbuf_puts(b, ",\"unschedulable\":true");
        if (n->tainted)
                strbuf_puts(b, ",\"tainted\":true");
        strbuf_puts(b, "},\"status\":{");
        first = true;
        put_string(b, &first, "health", node_health_to_string(n->health));
        put_key(b, &first, "healthSince");
        json_put_time(b, n->health_since);
        put_string(b, &first, "reason", n->reason);
        put_string(b, &first, "instance", n->instance);
        put_string(b, &first, "agentVersion", n->version);
        if (n->n_addresses > 0) {
                strbuf_puts(b, ",\"addresses\":[");
                for (size_t i = 0; i < n->n_addresses; i++) {
                        if (i > 0)
                                strbuf_putc(b, ',');
                        json_put_string(b, n->addresses[i]);
                }
                strbuf_putc(b, ']');
        }
        strbuf_putc(b, '}');
}

static void put_number(StrBuf *b, bool *first, const char *key, uint64_t v) {
        put_key(b, first, key);
        strbuf_put_u64(b, v);
}

static void encode_pod_spec(const Pod *p, StrBuf *b) {
        bool first = true;

        put_key(b, &first, "cpu");
        json_put_milli(b, p->cpu);
        put_string(b, &first, "nodeName", p->node);
        if (p->duration != USEC_INFINITY) {
                put_key(b, &first, "duration");
                json_put_seconds(b, p->duration);
        }
        if (p->toleration != POD_TOLERATION_DEFAULT) {
                put_key(b, &first, "toleration");
                if (p->toleration == USEC_INFINITY)
                        strbuf_puts(b, "-1");
                else
                        strbuf_put_u64(b, p->toleration / USEC_PER_SEC);
        }
        if (p->exit_code != 0)
                put_number(b, &first, "exitCode", p->exit_code);
        if (p->restart != POD_RESTART_NEVER)
                put_string(b, &first, "restartPolicy", pod_restart_to_string((PodRestart) p->restart));
        if (p->deadline_seconds > 0)
                put_number(b, &first, "activeDeadline", p->deadline_seconds);
        if (p->held)
                strbuf_puts(b, ",\"held\":true");
        if (p->qos != POD_BURSTABLE)
                put_string(b, &first, "qosClass", pod_qos_to_string(p->qos));
}

static void encode_pod_status(const Pod *p, StrBuf *b) {
        bool first = true;

        put_string(b, &first, "phase", pod_status_to_string(p->status));
        put_string(b, &first, "reason", p->reason);
        put_string(b, &first, "nominatedNodeName", p->nominated);
        if (p->restarts > 0)
                put_number(b, &first, "restarts", p->restarts);
        if (p->crashes > 0)
                put_number(b, &first, "crashes", p->crashes);
        if (p->ip != 0) {
                char ip[ADDRESS_STRING_MAX];

                put_string(b, &first, "podIP", address_to_string(p->ip, ip));
        }
        put_time(b, &first, "startTime", p->started);
        put_time(b, &first, "endTime", p->ended);
        put_time(b, &first, "deletionTime", p->deleted);
        put_time(b, &first, "lostTime", p->lost_changed);
        if (p->lost)
                strbuf_puts(b, ",\"lost\":true");
        if (p->disruption != POD_DISRUPTION_NONE)
                put_string(b, &first, "disruption", pod_disruption_to_string(p->disruption));
        if (p->grace_seconds != POD_GRACE_DEFAULT)
                put_number(b, &first, "gracePeriod", p->grace_seconds);
}

static void encode_pod(const Object *o, StrBuf *b) {
        strbuf_puts(b, ",\"spec\":{");
        encode_pod_spec((const Pod*) o, b);
        strbuf_puts(b, "},\"status\":{");
        encode_pod_status((const Pod*) o, b);
        strbuf_putc(b, '}');
}

static void encode_policy(const Object *o, StrBuf *b) {
        bool first = true;

        strbuf_puts(b, ",\"spec\":{");
        put_string(b, &first, "algorithm", ((const Policy*) o)->algorithm);
        strbuf_putc(b, '}');
}

static void encode_tombstone(const Object *o, StrBuf *b) {
        bool first = true;

        strbuf_puts(b, ",\"spec\":{");
        put_string(b, &first, "instance", ((const Tombstone*) o)->instance);
        strbuf_putc(b, '}');
}

/* The names that it has are read from its document again. */
static void encode_definition(const Object *o, StrBuf *b) {
        Kind slot = ((const Definition*) o)->slot;

        strbuf_printf(b, ",\"spec\":{\"slot\":%d}", kind_is_custom(slot) ? (int) slot : -1);
}

static void encode_fault(const Object *o, StrBuf *b) {
        const Fault *f = (const Fault*) o;
        bool first = true;

        strbuf_puts(b, ",\"spec\":{");
        put_string(b, &first, "faultKind", fault_kind_to_string(f->kind));
        put_time(b, &first, "until", f->until == USEC_INFINITY ? 0 : f->until);
        if (f->delay > 0) {
                put_key(b, &first, "delay");
                json_put_seconds(b, f->delay);
        }
        if (f->period > 0) {
                put_key(b, &first, "period");
                json_put_seconds(b, f->period);
        }
        put_string(b, &first, "selector", f->selector);
        strbuf_puts(b, ",\"nodes\":\"");
        fault_put_ranges(f, b);
        strbuf_puts(b, "\"}");
}

/* Every field that any kind has, as text read it; make_*() picks its own. */
typedef struct Document {
        const char *api_version, *kind, *name, *uid;
        usec_t created;
        const char *backing, *node, *algorithm, *instance, *fault_kind, *selector, *nodes;
        int64_t cpu;
        usec_t duration;
        bool stop_requested, unschedulable, tainted, held, lost;
        const char *health, *phase, *reason, *version, *ip, *qos, *nominated, *disruption, *restart;
        usec_t health_since, started, ended, deleted, lost_changed, until, delay, period;
        int64_t restarts, exit_code, grace, toleration, slot, crashes, deadline;
        JsonStrings addresses;
        JsonRaw doc;
} Document;

#define FIELD(n, t, m, must) { .name = (n), .type = JSON_FIELD_##t, .offset = offsetof(Document, m), .mandatory = (must) }
#define NESTED(n, table) { .name = (n), .type = JSON_FIELD_OBJECT, .nested = (table), .n_nested = ELEMENTSOF(table), .mandatory = true }

static const JsonField metadata_fields[] = {
        FIELD("name", STRING, name, true), FIELD("uid", STRING, uid, true), FIELD("creationTimestamp", TIME, created, true),
};
static const JsonField node_spec[] = {
        FIELD("backing", STRING, backing, true), FIELD("cpu", MILLI, cpu, true), FIELD("stopRequested", BOOL, stop_requested, false),
        FIELD("unschedulable", BOOL, unschedulable, false), FIELD("tainted", BOOL, tainted, false),
};
static const JsonField node_status[] = {
        FIELD("health", STRING, health, true),       FIELD("healthSince", TIME, health_since, true),
        FIELD("reason", STRING, reason, false),      FIELD("instance", STRING, instance, false),
        FIELD("agentVersion", STRING, version, false), FIELD("addresses", STRINGS, addresses, false),
};
static const JsonField pod_spec[] = {
        FIELD("cpu", MILLI, cpu, true), FIELD("nodeName", STRING, node, false), FIELD("duration", USEC, duration, false),
        FIELD("exitCode", I64, exit_code, false), FIELD("toleration", I64, toleration, false), FIELD("held", BOOL, held, false), FIELD("qosClass", STRING, qos, false),
        FIELD("restartPolicy", STRING, restart, false), FIELD("activeDeadline", I64, deadline, false),
};
static const JsonField pod_status[] = {
        FIELD("phase", STRING, phase, true), FIELD("reason", STRING, reason, false),
        FIELD("nominatedNodeName", STRING, nominated, false), FIELD("restarts", I64, restarts, false), FIELD("startTime", TIME, started, false),
        FIELD("podIP", STRING, ip, false),
        FIELD("endTime", TIME, ended, false), FIELD("deletionTime", TIME, deleted, false),
        FIELD("gracePeriod", I64, grace, false), FIELD("disruption", STRING, disruption, false), FIELD("crashes", I64, crashes, false),
        FIELD("lost", BOOL, lost, false), FIELD("lostTime", TIME, lost_changed, false),
};
static const JsonField policy_spec[] = { FIELD("algorithm", STRING, algorithm, true) };
static const JsonField tombstone_spec[] = { FIELD("instance", STRING, instance, false) };
static const JsonField definition_spec[] = { FIELD("slot", I64, slot, true) };

static const JsonField fault_spec[] = {
        FIELD("faultKind", STRING, fault_kind, true), FIELD("until", TIME, until, false), FIELD("delay", USEC, delay, false),
        FIELD("period", USEC, period, false), FIELD("selector", STRING, selector, false), FIELD("nodes", STRING, nodes, true),
};

#define TOP FIELD("apiVersion", STRING, api_version, true), FIELD("kind", STRING, kind, true), NESTED("metadata", metadata_fields), FIELD("document", RAW, doc, false)
static const JsonField node_fields[] = { TOP, NESTED("spec", node_spec), NESTED("status", node_status) };
static const JsonField pod_fields[] = { TOP, NESTED("spec", pod_spec), NESTED("status", pod_status) };
static const JsonField policy_fields[] = { TOP, NESTED("spec", policy_spec) };
static const JsonField tombstone_fields[] = { TOP, NESTED("spec", tombstone_spec) };
static const JsonField definition_fields[] = { TOP, NESTED("spec", definition_spec) };
static const JsonField fault_fields[] = { TOP, NESTED("spec", fault_spec) };
static const JsonField document_fields[] = { TOP };

static int invalid(const char *field, const char *value, Error *reterr) {
        return error_set_field(reterr, -EINVAL, field, value, "\"%s\" has the unknown or impossible value \"%s\"", field, strempty(value));
}

static int make_node(const Document *d, Object **ret, Error *reterr) {
        _cleanup_(node_unrefp) Node *n = NULL;
        int r;

        r = node_new(d->name, &n);
        if (r < 0)
                return r;
        n->backing = node_backing_from_string(d->backing);
        n->health = node_health_from_string(d->health);
        if ((int) n->backing < 0)
                return invalid("backing", d->backing, reterr);
        if ((int) n->health < 0)
                return invalid("health", d->health, reterr);
        if (d->cpu <= 0)
                return invalid("cpu", NULL, reterr);
        if (d->addresses.n_items > NODE_ADDRESSES_MAX)
                return invalid("addresses", NULL, reterr);
        n->cpu = d->cpu;
        n->stop_requested = d->stop_requested;
        n->unschedulable = d->unschedulable;
        n->tainted = d->tainted;
        n->health_since = d->health_since;
        r = node_set_reason(n, d->reason);
        if (r >= 0)
                r = node_set_instance(n, d->instance);
        if (r >= 0)
                r = node_set_version(n, d->version);
        if (r >= 0)
                r = node_set_addresses(n, d->addresses.items, d->addresses.n_items);
        if (r < 0)
                return r;
        *ret = &TAKE_PTR(n)->object;
        return 0;
}

static int make_pod(const Document *d, Object **ret, Error *reterr) {
        _cleanup_(pod_unrefp) Pod *p = NULL;
        int r;

        r = pod_new(d->name, &p);
        if (r < 0)
                return r;
        p->status = pod_status_from_string(d->phase);
        if ((int) p->status < 0)
                return invalid("phase", d->phase, reterr);
        if (d->cpu < 0)
                return invalid("cpu", NULL, reterr);
        if (d->exit_code < 0 || d->exit_code > 255)
                return invalid("exitCode", NULL, reterr);
        if (d->grace < 0 || d->grace > UINT32_MAX)
                return invalid("gracePeriod", NULL, reterr);
        p->grace_seconds = (uint32_t) d->grace;
        p->toleration = d->toleration < 0 ? USEC_INFINITY : (usec_t) d->toleration * USEC_PER_SEC;
        if (d->restarts < 0 || d->restarts > UINT32_MAX)
                return invalid("restarts", NULL, reterr);
        p->cpu = d->cpu;
        p->duration = d->duration;
        if (d->qos && (int) pod_qos_from_string(d->qos) < 0)
                return invalid("qosClass", d->qos, reterr);
        if (d->disruption && (int) pod_disruption_from_string(d->disruption) < 0)
                return invalid("disruption", d->disruption, reterr);
        if (d->ip && address_from_string(d->ip, &p->ip) < 0)
                return invalid("podIP", d->ip, reterr);
        if (d->restart && (int) pod_restart_from_string(d->restart) < 0)
                return invalid("restartPolicy", d->restart, reterr);
        if (d->deadline < 0 || d->deadline > UINT32_MAX)
                return invalid("activeDeadline", NULL, reterr);
        if (d->crashes < 0 || d->crashes > POD_CRASHES_MAX)
                return invalid("crashes", NULL, reterr);
        p->qos = d->qos ? pod_qos_from_string(d->qos) : POD_BURSTABLE;
        p->disruption = d->disruption ? pod_disruption_from_string(d->disruption) : POD_DISRUPTION_NONE;
        p->restart = (uint8_t) (d->restart ? pod_restart_from_string(d->restart) : POD_RESTART_NEVER) & 3;
        p->deadline_seconds = (uint32_t) d->deadline;
        p->crashes = (uint8_t) d->crashes & POD_CRASHES_MAX;
        p->started = d->started;
        p->ended = d->ended;
        p->deleted = d->deleted;
        p->lost = d->lost;
        p->lost_changed = d->lost_changed;
        p->exit_code = (uint8_t) d->exit_code;
        p->held = d->held;
        p->restarts = (uint32_t) d->restarts;
        r = pod_set_node(p, d->node);
        if (r >= 0)
                r = pod_set_reason(p, d->reason);
        if (r >= 0)
                r = pod_set_nominated(p, d->nominated);
        if (r < 0)
                return r;
        *ret = &TAKE_PTR(p)->object;
        return 0;
}

static int make_policy(const Document *d, Object **ret, Error *reterr _unused_) {
        return policy_new(d->name, d->algorithm, (Policy**) ret);
}

static int make_tombstone(const Document *d, Object **ret, Error *reterr _unused_) {
        return tombstone_new(d->name, d->instance, (Tombstone**) ret);
}

static int make_definition(const Document *d, Object **ret, Error *reterr) {
        char number[24];

        if (d->slot != -1 && (d->slot < KIND_CUSTOM_NAMESPACED || d->slot >= _KIND_MAX)) {
                (void) snprintf(number, sizeof(number), "%lld", (long long) d->slot);
                return invalid("slot", number, reterr);
        }
        return definition_new(d->name, d->slot < 0 ? _KIND_INVALID : (Kind) d->slot, (Definition**) ret);
}

static int read_definition(Object *o, const Json *document) {
        return definition_read_document((Definition*) o, document);
}

static int make_fault(const Document *d, Object **ret, Error *reterr) {
        FaultKind kind = fault_kind_from_string(d->fault_kind);
        _cleanup_(fault_unrefp) Fault *f = NULL;
        int r;

        if ((int) kind < 0)
                return invalid("faultKind", d->fault_kind, reterr);
        if (kind == FAULT_FLAP && d->period == 0)
                return invalid("period", NULL, reterr);
        r = fault_new(d->name, kind, &f);
        if (r < 0)
                return r;
        f->until = d->until > 0 ? d->until : USEC_INFINITY;
        f->delay = d->delay;
        f->period = d->period;
        r = fault_set_selector(f, d->selector);
        if (r >= 0)
                r = fault_read_ranges(f, d->nodes);
        if (r < 0)
                return r == -EINVAL ? invalid("nodes", d->nodes, reterr) : r;
        *ret = &TAKE_PTR(f)->object;
        return 0;
}

typedef struct Codec {
        void (*encode)(const Object *o, StrBuf *b); /* NULL: there is nothing but the document */
        const JsonField *fields;
        size_t n_fields;
        int (*make)(const Document *d, Object **ret, Error *reterr); /* NULL: an object like any */
        int (*read)(Object *o, const Json *document); /* what is not encoded because the document says it; may be NULL */
} Codec;

static const Codec codecs[] = {
        [KIND_NODE] = { encode_node, node_fields, ELEMENTSOF(node_fields), make_node, NULL },
        [KIND_POD] = { encode_pod, pod_fields, ELEMENTSOF(pod_fields), make_pod, NULL },
        [KIND_POLICY] = { encode_policy, policy_fields, ELEMENTSOF(policy_fields), make_policy, NULL },
        [KIND_TOMBSTONE] = { encode_tombstone, tombstone_fields, ELEMENTSOF(tombstone_fields), make_tombstone, NULL },
        [KIND_CUSTOM_RESOURCE_DEFINITION] = { encode_definition, definition_fields, ELEMENTSOF(definition_fields), make_definition, read_definition },
        [KIND_FAULT] = { encode_fault, fault_fields, ELEMENTSOF(fault_fields), make_fault, NULL },
};
static const Codec document_codec = { .fields = document_fields, .n_fields = ELEMENTSOF(document_fields) };

static const Codec *codec_of(Kind kind) {
        return kind_is_document(kind) ? &document_codec : &codecs[kind];
}

static void encode(const Object *o, const Doc *doc, StrBuf *b) {
        char uid[UUID_STRING_MAX];

        strbuf_puts(b, "{\"apiVersion\":\"");
        strbuf_puts(b, kind_api_version(o->kind));
        strbuf_puts(b, "\",\"kind\":\"");
        strbuf_puts(b, kind_to_string(o->kind));
        strbuf_puts(b, "\",\"metadata\":{\"name\":");
        json_put_string(b, o->name);
        strbuf_puts(b, ",\"uid\":\"");
        strbuf_puts(b, uuid_to_string(o->uid, uid));
        strbuf_puts(b, "\",\"creationTimestamp\":");
        json_put_time(b, o->created);
        strbuf_putc(b, '}');
        if (codec_of(o->kind)->encode)
                codec_of(o->kind)->encode(o, b);
        if (doc) {
                strbuf_puts(b, ",\"document\":");
                doc_put(doc, b);
        }
        strbuf_putc(b, '}');
}

void object_encode(const Object *o, StrBuf *b) {
        encode(o, o->doc, b);
}

void object_encode_row(const Object *o, StrBuf *b) {
        encode(o, o->doc && o->doc->number > 0 ? NULL : o->doc, b);
}

int doc_decode(char *text, size_t size, Doc **ret, Error *reterr) {
        _cleanup_json_arena_ JsonArena arena = JSON_ARENA_INIT(64 * MIB);
        Json *root;
        int r;

        r = json_tree_parse(&arena, text, size, &root, reterr);
        if (r < 0)
                return r;
        r = doc_new(root, ret);
        return r < 0 ? error_set(reterr, r, "out of memory") : 0;
}

/* Kinds that are shared (see document_share()) have no view that is read of the document here. */
static int make_doc(const JsonRaw *raw, const Codec *codec, Object *o, Error *reterr) {
        _cleanup_json_arena_ JsonArena arena = JSON_ARENA_INIT(64 * MIB);
        Json *root;
        int r;

        if (!raw->text)
                return codec->read ? error_set(reterr, -EBADMSG, "the document is missing") : 0;
        r = json_tree_parse(&arena, raw->text, raw->size, &root, reterr);
        if (r < 0)
                return r;
        r = doc_new(root, &o->doc);
        if (r >= 0 && codec->read)
                r = codec->read(o, root);
        return r < 0 ? error_set(reterr, r, "out of memory") : 0;
}

static int check_identity(Kind kind, const Document *d, Uuid *ret_uid, Error *reterr) {
        int r;

        if (!streq(d->api_version, kind_api_version(kind)))
                return invalid("apiVersion", d->api_version, reterr);
        if (!streq(d->kind, kind_to_string(kind)))
                return invalid("kind", d->kind, reterr);
        r = kind_is_document(kind) ? 0 : kind_is_namespaced(kind) ? key_validate(d->name, "name", reterr) : name_validate(d->name, "name", reterr);
        if (r < 0)
                return r;
        return uuid_from_string(d->uid, ret_uid) < 0 ? invalid("uid", d->uid, reterr) : 0;
}

static int make_object(Kind kind, const Document *d, Object **ret, Error *reterr) {
        _cleanup_(object_unrefp) Object *o = NULL;
        const Codec *codec = codec_of(kind);
        Uuid uid;
        int r;

        r = check_identity(kind, d, &uid, reterr);
        if (r < 0)
                return r;
        r = codec->make ? codec->make(d, &o, reterr) : object_new(kind, sizeof(Object), d->name, &o);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        o->uid = uid;
        o->created = d->created;
        r = make_doc(&d->doc, codec, o, reterr);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

int object_decode(Kind kind, char *text, size_t size, Object **ret, Error *reterr) {
        Document d = { .duration = USEC_INFINITY, .grace = POD_GRACE_DEFAULT, .toleration = POD_TOLERATION_DEFAULT / USEC_PER_SEC };
        const Codec *codec;
        int r;

        assert(kind >= 0 && kind < _KIND_MAX);

        codec = codec_of(kind);
        r = json_parse_object(text, size, codec->fields, codec->n_fields, true, &d, reterr);
        if (r >= 0)
                r = make_object(kind, &d, ret, reterr);
        free(d.addresses.items);
        return r;
}
