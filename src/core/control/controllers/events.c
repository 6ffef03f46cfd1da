/* SPDX-License-Identifier: Apache-2.0 */
/* What controllers tell of their objects. Of very much that is alike not everything is told, as Kubernetes' own controllers have it
 * (k8s.io/client-go, tools/record/events_cache.go): from the tenth message of one reason on there is one event for all that follow, and who has
 * told of an object often may do so only now and then. So a ReplicaSet of a million pods has some twenty events, not a million. */
#include <stdarg.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/workload.h"

#define MESSAGE_MAX 1024
#define ALIKE_MAX 10                      /* messages of a reason until they are taken together ... */
#define ALIKE_SPAN (10 * USEC_PER_MINUTE) /* ... and until the last of them is forgotten */
#define BURST 25                          /* times that an object is told of at once; then once in ... */
#define ONE_MORE (5 * USEC_PER_MINUTE)
#define COMBINED "(combined from similar events): "

static Json *new_event(Cluster *c, JsonArena *a, const Object *about, const char *type, const char *reason, const char *component,
                       const char *message) {
        Json *root = json_new(a, JSON_OBJECT), *of = json_new(a, JSON_OBJECT);
        usec_t now = cluster_now_realtime(c);
        char uid[UUID_STRING_MAX], namespace[NAMESPACE_SIZE];

        json_ensure(a, root, "metadata", JSON_OBJECT);
        json_set_string(a, of, "kind", kind_to_string(about->kind));
        json_set_string(a, of, "namespace", object_copy_namespace(about, namespace));
        json_set_string(a, of, "name", object_name(about));
        json_set_string(a, of, "uid", uuid_to_string(about->uid, uid));
        json_set_string(a, of, "apiVersion", kind_api_version(about->kind));
        json_set(a, root, "involvedObject", of);
        json_set_string(a, root, "reason", reason);
        json_set_string(a, root, "message", message);
        json_set_string(a, json_ensure(a, root, "source", JSON_OBJECT), "component", component);
        json_set(a, root, "firstTimestamp", json_new_time(a, now));
        json_set(a, root, "lastTimestamp", json_new_time(a, now));
        json_set_i64(a, root, "count", 1);
        json_set_string(a, root, "type", type);
        json_set(a, root, "eventTime", json_new(a, JSON_NULL));
        json_set_string(a, root, "reportingComponent", component);
        json_set_string(a, root, "reportingInstance", "");
        return root;
}

static int count_event(Cluster *c, StoreEntry *entry, const char *message) {
        _cleanup_edit_ Edit e = {};
        int r;

        r = edit_begin(&e, c, entry);
        if (r < 0)
                return r;
        json_set_i64(&e.arena, e.root, "count", json_i64(json_get(e.root, "count"), 1) + 1);
        json_set_string(&e.arena, e.root, "message", message);
        json_set(&e.arena, e.root, "lastTimestamp", json_new_time(&e.arena, cluster_now_realtime(c)));
        return edit_commit(&e);
}

/* May it be told of once more? */
static bool may_tell(TellState *t, usec_t now) {
        usec_t span = now > t->since ? now - t->since : 0;
        uint64_t n = span / ONE_MORE;

        if (t->n_told == 0 || n >= t->n_told) {
                t->n_told = 0;
                t->since = now;
        } else {
                t->n_told -= (uint8_t) n;
                t->since += n * ONE_MORE;
        }
        if (t->n_told >= BURST)
                return false;
        t->n_told++;
        return true;
}

/* What is known of the messages of that reason; of very many reasons the one that was told of longest ago is forgotten. */
static TellReason *find_reason(TellState *t, uint32_t reason, usec_t now) {
        TellReason *found = &t->reasons[0];

        for (size_t i = 0; i < ELEMENTSOF(t->reasons); i++) {
                if (t->reasons[i].reason == reason) {
                        found = &t->reasons[i];
                        break;
                }
                if (t->reasons[i].last < found->last)
                        found = &t->reasons[i];
        }
        if (found->reason != reason || now < found->last || now - found->last > ALIKE_SPAN)
                *found = (TellReason) { .reason = reason };
        found->last = now;
        return found;
}

/* The name tells the same event again: a digest of what it says, of this object. */
static void put_event_key(const Cluster *c, const Object *of, const char *message, const char *reason, char key[512]) {
        uint64_t digest = siphash13(message, strlen(message), c->secret) ^ siphash13(reason, strlen(reason), c->secret) ^
                          siphash13(&of->uid, sizeof(of->uid), c->secret);

        (void) snprintf(key, 512, "%.400s.%016llx", of->name, (unsigned long long) digest);
}

void record_event(Cluster *c, StoreEntry *about, const char *type, const char *reason, const char *component, const char *format, ...) {
        TellState *t = &timed_state(object_state(about))->told;
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_(object_unrefp) Object *o = NULL;
        char text[sizeof(COMBINED) + MESSAGE_MAX] = COMBINED, *message = text + strlen(COMBINED), key[512];
        const Object *of = about->object;
        TellReason *alike;
        StoreEntry *e;
        Json *root;
        va_list ap;

        if (!may_tell(t, cluster_now_realtime(c)))
                return;
        va_start(ap, format);
        (void) vsnprintf(message, MESSAGE_MAX, format, ap);
        va_end(ap);
        put_event_key(c, of, message, reason, key);
        e = store_find(c->store, KIND_EVENT, key);
        alike = find_reason(t, (uint32_t) siphash13(reason, strlen(reason), c->secret), cluster_now_realtime(c));
        if (!e && ++alike->n >= ALIKE_MAX) {
                alike->n = ALIKE_MAX;
                message = text;
                put_event_key(c, of, COMBINED, reason, key);
                e = store_find(c->store, KIND_EVENT, key);
        }
        if (e) {
                (void) count_event(c, e, message);
                return;
        }
        root = new_event(c, &a, of, type, reason, component, message);
        if (json_arena_error(&a) == 0)
                (void) cluster_create_object(c, c->now, KIND_EVENT, key, root, false, &o, NULL);
}
