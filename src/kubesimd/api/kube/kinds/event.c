/* SPDX-License-Identifier: Apache-2.0 */
/* Events: those of the cluster's own log, made when they are asked for, and those that clients write. Both groups that serve
 * them show the same objects, under other names for the same fields (events.k8s.io/v1 reference). */
#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/control/state.h"
#include "kubesimd/api/kube/check/checks.h"
#include "kubesimd/api/kube/kinds/events.h"
#include "kubesimd/api/kube/write.h"

#define COMPONENT "kubesimd"
#define SCHEDULER "default-scheduler"

/* What an event of our log is in Kubernetes' words: pkg/controller/nodelifecycle, tainteviction and util/node, pkg/kubelet (events, node
 * status). "%n": of its node; "%p": of its pod, with the namespace; "%c": of a container, each of which has its own. NULL: as the log says
 * it. */
typedef struct Shown {
        const char *reason, *component;
        const char *message;
        bool each_container;
        bool hidden; /* Kubernetes says nothing of it: the object shows it */
} Shown;

#define CONTROLLER "node-controller"
#define TAINT_MANAGER "taint-eviction-controller"

static const Shown shown[_EVENT_REASON_MAX] = {
        [EVENT_NODE_REGISTERED] = { .reason = "RegisteredNode", .component = CONTROLLER, .message = "Node %n event: Registered Node %n in Controller" },
        [EVENT_NODE_REMOVED] = { .reason = "RemovingNode", .component = CONTROLLER, .message = "Node %n event: Removing Node %n from Controller" },
        [EVENT_NODE_HEALTHY] = { .reason = "NodeReady", .component = "kubelet", .message = "Node %n status is now: NodeReady" },
        [EVENT_NODE_UNHEALTHY] = { .reason = "NodeNotReady", .component = CONTROLLER, .message = "Node %n status is now: NodeNotReady" },
        [EVENT_NODE_STOPPED] = { .reason = "NodeNotReady", .component = CONTROLLER, .message = "Node %n status is now: NodeNotReady" },
        [EVENT_NODE_CORDONED] = { .reason = "NodeNotSchedulable", .component = "kubelet", .message = "Node %n status is now: NodeNotSchedulable" },
        [EVENT_NODE_UNCORDONED] = { .reason = "NodeSchedulable", .component = "kubelet", .message = "Node %n status is now: NodeSchedulable" },
        [EVENT_POD_PLACED] = { .reason = "Scheduled", .component = SCHEDULER, .message = "Successfully assigned %p to %n" },
        [EVENT_POD_PENDING] = { .reason = "FailedScheduling", .component = SCHEDULER },
        [EVENT_POD_PREEMPTED] = { .reason = "Preempted", .component = SCHEDULER },
        [EVENT_POD_RUNNING] = { .reason = "Started", .component = "kubelet", .message = "Started container %c", .each_container = true },
        [EVENT_POD_BACKOFF] = { .reason = "BackOff", .component = "kubelet" },
        [EVENT_POD_TERMINATING] = { .reason = "Killing", .component = "kubelet", .message = "Stopping container %c", .each_container = true },
        [EVENT_POD_SUCCEEDED] = { .hidden = true },
        [EVENT_POD_REMOVED] = { .hidden = true },
        [EVENT_POD_LOST] = { .reason = "NodeNotReady", .component = CONTROLLER, .message = "Node is not ready" },
        [EVENT_POD_EVICTED] = { .reason = "TaintManagerEviction", .component = TAINT_MANAGER, .message = "Marking for deletion Pod %p" },
        [EVENT_POD_SPARED] = { .reason = "TaintManagerEviction", .component = TAINT_MANAGER, .message = "Cancelling deletion of Pod %p" },
};

unsigned kube_event_parts(const Event *e) {
        unsigned n = 1;

        if (shown[e->reason].hidden || (shown[e->reason].each_container && !e->containers))
                return 0;
        for (const char *s = shown[e->reason].each_container ? e->containers : ""; *s; s++)
                n += *s == ',';
        return n;
}

static void put_container(const Event *e, unsigned part, StrBuf *b) {
        const char *name = e->containers;

        while (part-- > 0)
                name = strchr(name, ',') + 1;
        strbuf_printf(b, "%.*s", (int) strcspn(name, ","), name);
}

static void put_shown(const Event *e, unsigned part, const char *format, StrBuf *b) {
        for (; *format; format++)
                if (*format != '%')
                        strbuf_putc(b, *format);
                else if (*++format == 'n')
                        strbuf_puts(b, strempty(e->node));
                else if (*format == 'c')
                        put_container(e, part, b);
                else
                        strbuf_printf(b, "%s%s", strchr(e->pod, '/') ? "" : NAMESPACE_DEFAULT "/", e->pod);
}

static void put_message(const Event *e, unsigned part, StrBuf *b) {
        if (shown[e->reason].message)
                put_shown(e, part, shown[e->reason].message, b);
        else if (shown[e->reason].reason && e->detail)
                strbuf_puts(b, e->detail);
        else
                event_message(e, b);
}

/* Kubernetes warns of pods, but of nothing that becomes of a node. */
static bool is_warning(const Event *e) {
        return event_reason_is_warning(e->reason) && (e->pod || !shown[e->reason].reason);
}

static void put_member(StrBuf *b, const char *key, const char *value) {
        strbuf_printf(b, ",\"%s\":", key);
        json_put_string(b, value);
}

/* The object that the event is about. */
static void put_involved(Cluster *c, const Event *e, unsigned part, StrBuf *b) {
        const char *about = (e->pod ?: e->node) ?: "cluster", *slash = strchr(about, '/');
        StoreEntry *entry = store_find(cluster_store(c), e->pod ? KIND_POD : KIND_NODE, about);
        char uid[UUID_STRING_MAX];

        strbuf_printf(b, ",\"involvedObject\":{\"kind\":\"%s\"", e->pod ? "Pod" : "Node");
        if (e->pod)
                strbuf_printf(b, ",\"namespace\":\"%.*s\"", slash ? (int) (slash - about) : (int) strlen(NAMESPACE_DEFAULT), slash ? about : NAMESPACE_DEFAULT);
        put_member(b, "name", slash ? slash + 1 : about);
        if (entry && entry->object->created <= e->realtime)
                put_member(b, "uid", uuid_to_string(entry->object->uid, uid));
        strbuf_puts(b, ",\"apiVersion\":\"v1\"");
        if (shown[e->reason].each_container) {
                strbuf_puts(b, ",\"fieldPath\":\"spec.containers{");
                put_container(e, part, b);
                strbuf_puts(b, "}\"");
        }
        strbuf_putc(b, '}');
}

static void put_event(Cluster *c, const Event *e, unsigned part, StrBuf *b) {
        _cleanup_strbuf_ StrBuf message = STRBUF_INIT(4 * KIB);
        const Shown *s = &shown[e->reason];
        const char *component = s->component ?: COMPONENT;

        put_message(e, part, &message);
        strbuf_puts(b, "{\"metadata\":{}");
        put_involved(c, e, part, b);
        put_member(b, "reason", s->reason ?: event_reason_to_string(e->reason));
        put_member(b, "message", strbuf_str(&message));
        put_member(b, "type", is_warning(e) ? "Warning" : "Normal");
        strbuf_printf(b, ",\"source\":{\"component\":\"%s\"},\"reportingComponent\":\"%s\",\"reportingInstance\":\"\",\"count\":1,\"firstTimestamp\":",
                      component, component);
        kube_put_time(b, e->realtime);
        strbuf_puts(b, ",\"lastTimestamp\":");
        kube_put_time(b, e->realtime);
        strbuf_puts(b, ",\"eventTime\":null}");
}

#define EVENT_KEY_MAX 512

static void event_key(const Event *e, unsigned part, char buf[EVENT_KEY_MAX]) {
        int n = snprintf(buf, EVENT_KEY_MAX, "%.400s.%llx", (e->pod ?: e->node) ?: "cluster", (unsigned long long) e->number);

        if (part > 0)
                (void) snprintf(buf + n, (size_t) (EVENT_KEY_MAX - n), ".%x", part);
}

/* As unique as its number and part. */
int kube_make_event(Cluster *c, const Event *e, unsigned part, Object **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16 * KIB);
        char name[EVENT_KEY_MAX];
        Object *o;
        int r;

        event_key(e, part, name);
        put_event(c, e, part, &b);
        r = kube_make_object(KIND_EVENT, name, &b, &o);
        if (r < 0)
                return r;
        memcpy(o->uid.bytes, &part, sizeof(part));
        memcpy(o->uid.bytes + 8, &e->number, sizeof(e->number));
        o->created = e->realtime;
        o->revision = e->revision;
        *ret = o;
        return 0;
}

static int make(Cluster *c, const void *of, unsigned part, Object **ret) {
        return kube_make_event(c, of, part, ret);
}

static int each_made(Cluster *c, uint64_t revision, kube_visit_t visit, void *userdata) {
        const Event *e;
        int r = 0;

        for (uint64_t after = 0; r == 0 && (e = event_log_next(cluster_events(c), after)) && e->revision <= revision; after = e->number)
                for (unsigned part = 0; r == 0 && part < kube_event_parts(e); part++) {
                        char key[EVENT_KEY_MAX];

                        event_key(e, part, key);
                        r = visit(key, e, part, userdata);
                }
        return r;
}

static const KubeField fields[] = {
        { .path = "involvedObject.kind" },      { .path = "involvedObject.namespace" },       { .path = "involvedObject.name" },
        { .path = "involvedObject.uid" },       { .path = "involvedObject.apiVersion" },      { .path = "involvedObject.resourceVersion" },
        { .path = "involvedObject.fieldPath" }, { .path = "reason" },                         { .path = "reportingComponent" },
        { .path = "type" },                     { .path = "source" },                         {},
};
static const KubeField new_fields[] = {
        { .path = "reason" }, { .path = "type" }, { .path = "reportingController" }, { .path = "regarding.kind" }, { .path = "regarding.name" }, {},
};

static usec_t time_at(const Json *root, const char *key) {
        const char *s = json_string(json_get(root, key));
        usec_t t = 0;

        if (s)
                (void) parse_rfc3339(s, &t);
        return t;
}

/* "component, host" */
static void put_source(const Json *root, StrBuf *b) {
        const char *component = json_string(json_at(root, "source", "component", NULL)), *host = json_string(json_at(root, "source", "host", NULL));

        if (isempty(component)) {
                component = json_string(json_get(root, "reportingComponent"));
                host = json_string(json_get(root, "reportingInstance"));
        }
        strbuf_printf(b, "%s%s%s", strempty(component), isempty(host) ? "" : ", ", strempty(host));
}

static void put_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        const Json *of = json_get(root, "involvedObject");
        usec_t first = time_at(root, "firstTimestamp") ?: time_at(root, "eventTime") ?: o->created;
        usec_t last = time_at(json_get(root, "series"), "lastObservedTime") ?: time_at(root, "lastTimestamp") ?: first;
        const char *kind = strempty(json_string(json_get(of, "kind")));
        const Json *series = json_get(root, "series");
        _cleanup_strbuf_ StrBuf about = STRBUF_INIT(KIB), source = STRBUF_INIT(KIB);

        for (; *kind; kind++)
                strbuf_putc(&about, *kind >= 'A' && *kind <= 'Z' ? (char) (*kind - 'A' + 'a') : *kind);
        strbuf_printf(&about, "/%s", strempty(json_string(json_get(of, "name"))));
        kube_put_age(b, last, now);
        strbuf_putc(b, ',');
        json_put_string(b, strempty(json_string(json_get(root, "type"))));
        strbuf_putc(b, ',');
        json_put_string(b, strempty(json_string(json_get(root, "reason"))));
        strbuf_putc(b, ',');
        json_put_string(b, strbuf_str(&about));
        strbuf_putc(b, ',');
        json_put_string(b, strempty(json_string(json_get(of, "fieldPath"))));
        strbuf_putc(b, ',');
        put_source(root, &source);
        json_put_string(b, strbuf_str(&source));
        strbuf_putc(b, ',');
        json_put_string(b, strempty(json_string(json_get(root, "message"))));
        strbuf_putc(b, ',');
        kube_put_age(b, first, now);
        strbuf_printf(b, ",\"%lld\",", (long long) (series ? json_i64(json_get(series, "count"), 0) + 1 : MAX(json_i64(json_get(root, "count"), 1), 1)));
        json_put_string(b, object_name(o));
}

static const KubeColumn columns[] = {
        { .name = "Last Seen", .type = "string" },               { .name = "Type", .type = "string" },
        { .name = "Reason", .type = "string" },                  { .name = "Object", .type = "string" },
        { .name = "Subobject", .type = "string", .wide = true }, { .name = "Source", .type = "string", .wide = true },
        { .name = "Message", .type = "string" },                 { .name = "First Seen", .type = "string", .wide = true },
        { .name = "Count", .type = "string", .wide = true },     { .name = "Name", .type = "string", .is_name = true, .wide = true },
        {},
};

/* Those of what is in no namespace are in "default"; newer ones may be in kube-system as well. */
static void validate_event(KubeWrite *w, const Json *object, const Json *old _unused_) {
        const char *of = strempty(json_string(json_at(object, "involvedObject", "namespace", NULL)));
        bool any = isempty(of) && (streq(w->path->namespace, "default") || (json_get(object, "eventTime") && streq(w->path->namespace, "kube-system")));

        if (!any && !streq(of, w->path->namespace))
                cause_invalid_text(w, "involvedObject.namespace", of, "does not match event.namespace");
}

const KubeResource kube_events = {
        .group = "", .version = "v1", .plural = "events", .singular = "event", .short_names = "ev", .kind = "Event", .schema = "core.v1.Event",
        .store_kind = KIND_EVENT, .namespaced = true, .no_generation = true, .each_made = each_made, .make = make, .made_watch = true,
        .columns = columns, .put_document_cells = put_cells, .fields = fields, .checks = event_checks, .validate = validate_event,
};

/* --- events.k8s.io --- */

/* The same member under both names. */
static const char *const renamed[][2] = {
        { "involvedObject", "regarding" },  { "message", "note" },
        { "reportingComponent", "reportingController" }, { "source", "deprecatedSource" },
        { "firstTimestamp", "deprecatedFirstTimestamp" }, { "lastTimestamp", "deprecatedLastTimestamp" },
        { "count", "deprecatedCount" },
};

static void rename_members(Json *object, bool to_new) {
        JSON_FOREACH(v, object)
                for (size_t i = 0; i < ELEMENTSOF(renamed); i++)
                        if (streq(v->key, renamed[i][!to_new])) {
                                v->key = renamed[i][to_new];
                                break;
                        }
}

/* Of those that are there already anything goes: they may be of old. */
static void validate_new_event(KubeWrite *w, const Json *object, const Json *old) {
        if (!old)
                validate_checks(w, new_event_checks, object, NULL);
}

static void put_new_rest(Cluster *c _unused_, const Object *o, StrBuf *b) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(MIB);
        Json *root;

        doc_put(o->doc, &text);
        if (strbuf_error(&text) < 0 || json_tree_parse(&a, text.data, text.size, &root, NULL) < 0)
                return;
        json_remove(root, "metadata");
        rename_members(root, true);
        strbuf_puts(b, root->size > 0 ? "," : "");
        json_put_members(b, root);
}

static void strip_new(Cluster *c _unused_, JsonArena *a _unused_, Json *object, const Object *o _unused_) {
        rename_members(object, false);
}

const KubeResource kube_new_events = {
        .group = "events.k8s.io", .version = "v1", .plural = "events", .singular = "event", .short_names = "ev", .kind = "Event",
        .schema = "events.v1.Event", .store_kind = KIND_EVENT, .namespaced = true, .no_generation = true, .each_made = each_made, .make = make, .made_watch = true,
        .columns = columns, .put_rest = put_new_rest, .put_document_cells = put_cells, .fields = new_fields, .strip = strip_new,
        .validate = validate_new_event,
};
