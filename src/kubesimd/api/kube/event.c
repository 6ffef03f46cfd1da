/* SPDX-License-Identifier: Apache-2.0 */
/* Events of the cluster's own log as core/v1 Events. */
#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/control/state.h"
#include "kubesimd/api/kube/resource.h"

/* An event for as long as it is being shown. */
typedef struct EventObject {
        Object object;
        const Event *event;
        const char *kind, *about; /* of what it tells */
        char uid[UUID_STRING_MAX]; /* of that; "" when it is gone, or is another of the name */
        char message[1024];
        char name[320];
} EventObject;

static void fill(Cluster *c, const Event *e, EventObject *o) {
        _cleanup_strbuf_ StrBuf message = STRBUF_INIT(sizeof(o->message));
        bool of_pod = e->pod != NULL;
        StoreEntry *entry;

        *o = (EventObject) { .event = e, .kind = of_pod ? "Pod" : "Node", .about = (of_pod ? e->pod : e->node) ?: "cluster" };
        entry = store_find(cluster_store(c), of_pod ? KIND_POD : KIND_NODE, o->about);
        if (entry && entry->object->created <= e->realtime)
                (void) uuid_to_string(entry->object->uid, o->uid);
        event_message(e, &message);
        (void) snprintf(o->message, sizeof(o->message), "%s", strbuf_str(&message));
        (void) snprintf(o->name, sizeof(o->name), "%s.%llx", o->about, (unsigned long long) e->number);
        o->object = (Object) { .name = o->name, .revision = e->revision, .created = e->realtime };
        memcpy(o->object.uid.bytes + 8, &e->number, sizeof(e->number)); /* as unique as its number */
}

static void each(Cluster *c, void (*visit)(const Object *o, void *userdata), void *userdata) {
        const Event *e;
        EventObject o;

        for (uint64_t after = 0; (e = event_log_next(cluster_events(c), after)); after = e->number) {
                fill(c, e, &o);
                visit(&o.object, userdata);
        }
}

static const EventObject *event_object(const Object *o) {
        return container_of(o, EventObject, object);
}

static const char *type_of(const Object *o) {
        return event_reason_is_warning(event_object(o)->event->reason) ? "Warning" : "Normal";
}

static const char *reason_of(const Object *o) {
        return event_reason_to_string(event_object(o)->event->reason);
}

static const char *about_kind(const Object *o) {
        return event_object(o)->kind;
}

static const char *about_name(const Object *o) {
        return event_object(o)->about;
}

static const char *about_namespace(const Object *o) {
        return event_object(o)->event->pod ? KUBE_NAMESPACE : "";
}

static const char *about_uid(const Object *o) {
        return event_object(o)->uid;
}

static const char *name_of(const Object *o) {
        return o->name;
}

static const char *namespace_of(const Object *o _unused_) {
        return KUBE_NAMESPACE;
}

static const char *source_of(const Object *o _unused_) {
        return "kubesimd";
}

static const KubeField fields[] = {
        { "involvedObject.kind", about_kind }, { "involvedObject.name", about_name }, { "involvedObject.namespace", about_namespace },
        { "involvedObject.uid", about_uid },   { "metadata.name", name_of },          { "metadata.namespace", namespace_of },
        { "reason", reason_of },               { "source", source_of },               { "type", type_of },
        {},
};

static const char *label(const Object *o _unused_, const char *key _unused_) {
        return NULL;
}

static void put_metadata(Cluster *c _unused_, const Object *o, uint64_t revision, StrBuf *b) {
        kube_put_metadata_head(o, revision, b);
        strbuf_puts(b, ",\"namespace\":\"" KUBE_NAMESPACE "\"}");
}

static void put_field(const char *key, const char *value, StrBuf *b) {
        strbuf_printf(b, ",\"%s\":", key);
        json_put_string(b, value);
}

static void put_rest(Cluster *c _unused_, const Object *o, StrBuf *b) {
        strbuf_puts(b, ",\"involvedObject\":{\"apiVersion\":\"v1\"");
        put_field("kind", about_kind(o), b);
        put_field("name", about_name(o), b);
        put_field("namespace", about_namespace(o), b);
        put_field("uid", about_uid(o), b);
        strbuf_putc(b, '}');
        put_field("reason", reason_of(o), b);
        put_field("message", event_object(o)->message, b);
        put_field("type", type_of(o), b);
        strbuf_puts(b, ",\"source\":{\"component\":\"kubesimd\"},\"reportingComponent\":\"kubesimd\",\"count\":1,\"firstTimestamp\":");
        kube_put_time(b, o->created);
        strbuf_puts(b, ",\"lastTimestamp\":");
        kube_put_time(b, o->created);
}

static void put_cells(Cluster *c _unused_, const Object *o, usec_t now, StrBuf *b) {
        kube_put_age(b, o->created, now);
        strbuf_printf(b, ",\"%s\",\"%s\",", type_of(o), reason_of(o));
        strbuf_printf(b, "\"%s/%s\",\"\",\"kubesimd\",", event_object(o)->event->pod ? "pod" : "node", about_name(o));
        json_put_string(b, event_object(o)->message);
        strbuf_putc(b, ',');
        kube_put_age(b, o->created, now);
        strbuf_puts(b, ",\"1\",");
        json_put_string(b, o->name);
}

static const KubeColumn columns[] = {
        { .name = "Last Seen" },               { .name = "Type" },
        { .name = "Reason" },                  { .name = "Object" },
        { .name = "Subobject", .wide = true }, { .name = "Source", .wide = true },
        { .name = "Message" },                 { .name = "First Seen", .wide = true },
        { .name = "Count", .wide = true },     { .name = "Name", .is_name = true, .wide = true },
        {},
};

const KubeResource kube_events = {
        .group = "", .api_version = "v1",
        .plural = "events", .singular = "event", .short_name = "ev", .kind = "Event", .list_kind = "EventList",
        .namespace = KUBE_NAMESPACE, .each = each, .columns = columns,
        .put_metadata = put_metadata, .put_rest = put_rest, .put_cells = put_cells, .label = label, .fields = fields,
};
