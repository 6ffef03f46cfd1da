/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/controllers/workload.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/control/admission.h"
#include "core/control/owners.h"
#include "core/control/selectors.h"
#include "core/control/turn.h"
#include "core/model/object-util.h"

/* Pods that are ready for some time only: so few are counted in each look; more, not again before so long for each of them. */
#define COUNT_ALWAYS 1000
#define PAUSE_OF_ONE 1 /* us */

static void count_ready(PodCounts *n, const Pod *p, usec_t now, usec_t min_ready) {
        usec_t at = usec_add(pod_ready_since(p), min_ready);

        n->ready++;
        if (at <= now)
                n->available++;
        else
                n->next = MIN(n->next, at);
}

/* Goes through them all; not more often than lets it take a tenth of the time. */
static void count_available(ObjectState *s, usec_t now, usec_t min_ready) {
        PodTally *t = &timed_state(s)->pods;
        PodCounts n = { .next = USEC_INFINITY };
        ObjectState *d;

        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner) {
                const Pod *p = (const Pod*) d->entry.object;

                if (p->object.kind == KIND_POD && pod_is_active(p) && pod_is_ready(p))
                        count_ready(&n, p, now, min_ready);
        }
        t->available = (uint32_t) n.available;
        t->next = n.next;
        t->min_ready = min_ready;
        t->counted_at = now;
}

PodCounts count_pods(const Cluster *c, ObjectState *s, usec_t min_ready) {
        const PodTally *t = &timed_state(s)->pods;
        PodCounts n = { .all = t->all, .ready = t->ready, .available = t->ready, .ending = t->ending, .next = USEC_INFINITY };
        usec_t now = cluster_now_realtime(c), again = t->ready <= COUNT_ALWAYS ? 0 : usec_add(t->counted_at, t->ready * PAUSE_OF_ONE);

        if (min_ready == 0 || t->ready == 0)
                return n;
        if (now >= again || now < t->counted_at || min_ready != t->min_ready) {
                count_available(s, now, min_ready);
                n.next = t->next;
        } else if (t->available < t->ready)
                n.next = again;
        n.available = t->available;
        return n;
}

/* What the names of its pods begin with. */
static void put_base(const char *prefix, char base[254]) {
        (void) snprintf(base, 254, "%.240s-", prefix);
}

static int create_pod(Cluster *c, JsonArena *a, StoreEntry *owner, Json *pod, const char *base, const char *component, const char *node, Error *reterr) {
        char name[260];
        int r;

        object_generate_name(c, base, name);
        r = object_create_pod(c, a, owner, name, node, pod, reterr);
        if (r >= 0)
                record_event(c, owner, "Normal", "SuccessfulCreate", component, "Created pod: %s", name);
        return r;
}

Json *make_pod_from(JsonArena *a, const Json *template, const char *prefix) {
        Json *pod = pod_of_template(a, template);
        char base[254];

        put_base(prefix, base);
        json_set_string(a, json_get(pod, "metadata"), "generateName", base);
        return pod;
}

int create_pod_from(Cluster *c, StoreEntry *owner, const Json *template, const char *prefix, const char *component, Error *reterr) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
        Json *pod = make_pod_from(&a, template, prefix);
        char namespace[NAMESPACE_SIZE];
        int r;

        r = pod_admit(c, object_copy_namespace(owner->object, namespace), &a, pod, reterr);
        if (r < 0)
                return r;
        return create_pod(c, &a, owner, pod, json_string(json_at(pod, "metadata", "generateName", NULL)), component, NULL, reterr);
}

int create_pod_on(Cluster *c, StoreEntry *owner, const Json *pod, const char *node, const char *component, Error *reterr) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
        char base[254];

        put_base(object_name(owner->object), base);
        return create_pod(c, &a, owner, json_copy(&a, pod), base, component, node, reterr);
}

int release_pods(Cluster *c, ObjectState *s, const Json *selector, int (*keep)(Cluster *c, ObjectState *s, PodState *pod)) {
        TimedState *ts = timed_state(s);
        int r;

        for (size_t n = 0; ts->unchecked; n++) {
                ObjectState *d = container_of(ts->unchecked, ObjectState, in_owner);
                ListLink *next = d->in_owner.next == &s->dependents ? NULL : d->in_owner.next;

                if (n >= look_max(c)) {
                        object_mark(c, s);
                        return 1;
                }
                if (d->entry.object->kind != KIND_POD)
                        r = 0;
                else if (!label_selector_matches(selector, d->entry.object->doc))
                        r = set_controller(c, &d->entry, s->entry.object, false);
                else
                        r = keep ? keep(c, s, (PodState*) d) : 0;
                if (r < 0)
                        return r;
                if (ts->unchecked == &d->in_owner) /* else it has been unlinked */
                        ts->unchecked = next;
        }
        return 0;
}

int64_t share_of(const Json *v, int64_t n, bool up, int64_t otherwise) {
        const char *s = json_string(v);
        uint64_t percent;
        size_t len;
        char digits[16];

        if (!s)
                return json_i64(v, otherwise);
        len = strlen(s);
        if (len < 2 || len > sizeof(digits) || s[len - 1] != '%')
                return otherwise;
        memcpy(digits, s, len - 1);
        digits[len - 1] = '\0';
        if (parse_u64_range(digits, 0, 100000, &percent) < 0)
                return otherwise;
        return (n * (int64_t) percent + (up ? 99 : 0)) / 100;
}

void hash_template(const Json *template, int64_t collisions, char buf[TEMPLATE_HASH_MAX]) {
        static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * MIB);
        uint32_t h = 2166136261u;
        char digits[11];

        json_put(&b, template);
        if (collisions > 0)
                strbuf_put_i64(&b, collisions);
        for (const char *p = strbuf_str(&b); *p; p++)
                h = (h ^ (unsigned char) *p) * 16777619u;
        (void) snprintf(digits, sizeof(digits), "%010u", h);
        for (unsigned i = 0; i < 10; i++)
                buf[i] = letters[(unsigned char) digits[i] % (sizeof(letters) - 1)];
        buf[10] = '\0';
}

int set_controller(Cluster *c, StoreEntry *entry, const Object *owner, bool add) {
        _cleanup_edit_ Edit e = {};
        char uid[UUID_STRING_MAX];
        Json *metadata, *refs, *ref;
        int r;

        r = edit_begin(&e, c, entry);
        if (r < 0)
                return r;
        (void) uuid_to_string(owner->uid, uid);
        metadata = json_ensure(&e.arena, e.root, "metadata", JSON_OBJECT);
        refs = json_ensure(&e.arena, metadata, "ownerReferences", JSON_ARRAY);
        if (add) {
                ref = json_new(&e.arena, JSON_OBJECT);
                json_set_string(&e.arena, ref, "apiVersion", kind_api_version(owner->kind));
                json_set_string(&e.arena, ref, "kind", kind_to_string(owner->kind));
                json_set_string(&e.arena, ref, "name", object_name(owner));
                json_set_string(&e.arena, ref, "uid", uid);
                json_set_bool(&e.arena, ref, "controller", true);
                json_set_bool(&e.arena, ref, "blockOwnerDeletion", true);
                json_append(refs, ref);
        } else
                JSON_FOREACH(old, refs)
                        if (streq_ptr(json_string(json_get(old, "uid")), uid))
                                json_detach(old);
        if (refs && refs->size == 0)
                json_remove(metadata, "ownerReferences");
        return edit_commit(&e);
}

void status_set_count(Edit *e, Json *status, const char *key, int64_t value) {
        if (value == 0)
                json_remove(status, key);
        else
                json_set_i64(&e->arena, status, key, value);
}

usec_t spec_seconds(const Json *spec, const char *key) {
        int64_t v = json_i64(json_get(spec, key), -1);

        return v < 0 || v >= INT32_MAX ? USEC_INFINITY : (usec_t) v * USEC_PER_SEC;
}

usec_t status_time(const Json *object, const char *key) {
        const char *s = json_string(json_get(object, key));
        usec_t t = 0;

        return s && parse_rfc3339(s, &t) >= 0 ? t : 0;
}

Json *status_find_condition(const Json *status, const char *type) {
        JSON_FOREACH(condition, json_get(status, "conditions"))
                if (streq_ptr(json_string(json_get(condition, "type")), type))
                        return condition;
        return NULL;
}

bool status_has_condition(const Json *status, const char *type) {
        return streq_ptr(json_string(json_get(status_find_condition(status, type), "status")), "True");
}

void status_remove_condition(Json *status, const char *type) {
        json_detach(status_find_condition(status, type));
        if (json_get(status, "conditions") && json_get(status, "conditions")->size == 0)
                json_remove(status, "conditions");
}

void status_set_condition(Edit *e, Json *status, const char *type, const char *value, const char *reason, const char *message) {
        Json *condition = status_find_condition(status, type), *conditions;
        usec_t now = cluster_now_realtime(e->cluster);
        JsonArena *a = &e->arena;
        bool moved;

        if (!condition) {
                conditions = json_ensure(a, status, "conditions", JSON_ARRAY);
                condition = json_new(a, JSON_OBJECT);
                json_append(conditions, condition);
        } else if (streq_ptr(json_string(json_get(condition, "status")), value) && streq_ptr(json_string(json_get(condition, "reason")), reason) &&
                   streq_ptr(json_string(json_get(condition, "message")), message))
                return;
        moved = !streq_ptr(json_string(json_get(condition, "status")), value);
        json_set_string(a, condition, "type", type);
        json_set_string(a, condition, "status", value);
        if (e->entry->object->kind == KIND_JOB)
                json_set(a, condition, "lastProbeTime", json_new_time(a, now));
        if (moved)
                json_set(a, condition, "lastTransitionTime", json_new_time(a, now));
        json_set_string(a, condition, "reason", reason);
        json_set_string(a, condition, "message", message);
}
