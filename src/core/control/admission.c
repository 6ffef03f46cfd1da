/* SPDX-License-Identifier: Apache-2.0 */
/* Sources: Kubernetes documentation, "Admission Controllers" (DefaultTolerationSeconds, Priority, ServiceAccount) and "Pod Priority and
 * Preemption"; the defaults that the API reference names for fields of pods, but not of templates. */
#include "core/control/admission.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"

#define PREEMPT "PreemptLowerPriority"
#define TOLERATION_SECONDS 300

Json *pod_of_template(JsonArena *a, const Json *template) {
        static const char *const members[] = { "labels", "annotations", "finalizers" };
        Json *pod = json_new(a, JSON_OBJECT), *metadata = json_ensure(a, pod, "metadata", JSON_OBJECT);

        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                if (json_at(template, "metadata", members[i], NULL))
                        json_set(a, metadata, members[i], json_copy(a, json_at(template, "metadata", members[i], NULL)));
        json_set(a, pod, "spec", json_copy(a, json_get(template, "spec")));
        return pod;
}

/* What is limited and not asked for is asked for as much as it is limited to. */
static void complete_requests(JsonArena *a, Json *container) {
        const Json *limits = json_at(container, "resources", "limits", NULL);
        Json *requests;

        if (!limits)
                return;
        requests = json_ensure(a, json_get(container, "resources"), "requests", JSON_OBJECT);
        JSON_FOREACH(limit, limits)
                if (!json_get(requests, limit->key))
                        json_set(a, requests, limit->key, json_copy(a, limit));
}

static void complete_spec(JsonArena *a, Json *spec) {
        static const char *const lists[] = { "containers", "initContainers" };

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                JSON_FOREACH(container, json_get(spec, lists[i]))
                        complete_requests(a, container);
        if (!json_get(spec, "enableServiceLinks"))
                json_set_bool(a, spec, "enableServiceLinks", true);
        if (isempty(json_string(json_get(spec, "serviceAccountName"))))
                json_set_string(a, spec, "serviceAccountName", "default");
        json_set_string(a, spec, "serviceAccount", json_string(json_get(spec, "serviceAccountName"))); /* of old, it had that name */
}

/* A node's failure is forgiven for five minutes (DefaultTolerationSeconds). */
static void add_toleration(JsonArena *a, Json *spec, const char *key) {
        Json *all = json_ensure(a, spec, "tolerations", JSON_ARRAY), *toleration;

        JSON_FOREACH(t, all) {
                const char *theirs = json_string(json_get(t, "key")), *effect = json_string(json_get(t, "effect"));

                if ((isempty(theirs) || streq(theirs, key)) && (isempty(effect) || streq(effect, "NoExecute")))
                        return;
        }
        toleration = json_new(a, JSON_OBJECT);
        json_set_string(a, toleration, "key", key);
        json_set_string(a, toleration, "operator", "Exists");
        json_set_string(a, toleration, "effect", "NoExecute");
        json_set_i64(a, toleration, "tolerationSeconds", TOLERATION_SECONDS);
        json_append(all, toleration);
}

/* --- Selectors --- */

/* Adds the pod's own value of each of those labels that it has. */
static void add_own_labels(JsonArena *a, Json *selector, const Json *keys, const char *operator, const Json *labels) {
        JSON_FOREACH(key, keys) {
                const char *value = json_string(json_get(labels, strempty(json_string(key))));
                Json *expression;

                if (!value)
                        continue;
                expression = json_new(a, JSON_OBJECT);
                json_set_string(a, expression, "key", json_string(key));
                json_set_string(a, expression, "operator", operator);
                json_append(json_ensure(a, expression, "values", JSON_ARRAY), json_new_string(a, value));
                json_append(json_ensure(a, selector, "matchExpressions", JSON_ARRAY), expression);
        }
}

/* Of a term or a constraint. Without a selector it selects nothing, and nothing is put into it. */
static void complete_selector(JsonArena *a, Json *of, const Json *labels) {
        Json *selector = json_get(of, "labelSelector");

        if (!json_is(selector, JSON_OBJECT))
                return;
        add_own_labels(a, selector, json_get(of, "matchLabelKeys"), "In", labels);
        add_own_labels(a, selector, json_get(of, "mismatchLabelKeys"), "NotIn", labels);
}

/* matchLabelKeys and mismatchLabelKeys: kube-apiserver puts what they mean into the selectors of the pod (since 1.29 those of affinity, since
 * 1.34 those of spread), so that they mean the labels that it was created with. */
static void complete_selectors(JsonArena *a, Json *document) {
        static const char *const affinities[] = { "podAffinity", "podAntiAffinity" };
        const Json *labels = json_at(document, "metadata", "labels", NULL), *spec = json_get(document, "spec");

        JSON_FOREACH(constraint, json_get(spec, "topologySpreadConstraints"))
                complete_selector(a, constraint, labels);
        for (size_t i = 0; i < ELEMENTSOF(affinities); i++) {
                const Json *affinity = json_at(spec, "affinity", affinities[i], NULL);

                JSON_FOREACH(term, json_get(affinity, "requiredDuringSchedulingIgnoredDuringExecution"))
                        complete_selector(a, term, labels);
                JSON_FOREACH(weighted, json_get(affinity, "preferredDuringSchedulingIgnoredDuringExecution"))
                        complete_selector(a, json_get(weighted, "podAffinityTerm"), labels);
        }
}

/* --- Priority --- */

static Json *read_priority_class(JsonArena *a, const StoreEntry *e) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        Json *root = NULL;
        char *text;

        doc_put(e->object->doc, &b);
        text = strbuf_error(&b) < 0 ? NULL : json_arena_copy(a, b.data, b.size);
        if (text)
                (void) json_tree_parse(a, text, b.size, &root, NULL);
        return root;
}

/* kube-apiserver's words; the name of a pod that has none yet is what it will begin with. */
_printf_(3, 4) static int forbid(const Json *document, Error *reterr, const char *format, ...) {
        const char *name = json_string(json_at(document, "metadata", "name", NULL));
        char why[512];
        va_list ap;

        if (isempty(name))
                name = json_string(json_at(document, "metadata", "generateName", NULL));
        va_start(ap, format);
        (void) vsnprintf(why, sizeof(why), format, ap);
        va_end(ap);
        return error_set_field(reterr, -EACCES, "pods", name, "pods \"%s\" is forbidden: %s", name ?: "Unknown!", why);
}

static int set_priority(JsonArena *a, Json *document, int64_t priority, const char *policy, Error *reterr) {
        Json *spec = json_get(document, "spec"), *given = json_get(spec, "priority");
        const char *said = json_string(json_get(spec, "preemptionPolicy"));

        if (given && json_i64(given, INT64_MAX) != priority)
                return forbid(document, reterr, "the integer value of priority (%s) must not be provided in pod spec; priority admission controller "
                              "computed %lld from the given PriorityClass name", strempty(given->text), (long long) priority);
        if (!isempty(said) && !streq(said, policy))
                return forbid(document, reterr, "the string value of PreemptionPolicy (%s) must not be provided in pod spec; priority admission "
                              "controller computed %s from the given PriorityClass name", said, policy);
        json_set_i64(a, spec, "priority", priority);
        json_set_string(a, spec, "preemptionPolicy", policy);
        return 0;
}

static int complete_priority(Cluster *c, JsonArena *a, Json *document, Error *reterr) {
        Json *spec = json_get(document, "spec"), *class;
        const char *name = json_string(json_get(spec, "priorityClassName"));
        const StoreEntry *e = isempty(name) ? c->default_priority : store_find(c->store, KIND_PRIORITY_CLASS, name);

        if (!e && !isempty(name))
                return forbid(document, reterr, "no PriorityClass with name %s was found", name);
        if (!e)
                return set_priority(a, document, 0, PREEMPT, reterr);
        class = read_priority_class(a, e);
        if (!class)
                return error_set(reterr, -ENOMEM, "out of memory");
        json_set_string(a, spec, "priorityClassName", e->object->name);
        return set_priority(a, document, json_i64(json_get(class, "value"), 0), json_string(json_get(class, "preemptionPolicy")) ?: PREEMPT, reterr);
}

/* --- Its account --- */

/* In a namespace that is not there, or ends, it is refused for that. */
static int check_account(Cluster *c, const char *namespace, const Json *document, Error *reterr) {
        const char *name = json_string(json_at(document, "spec", "serviceAccountName", NULL));
        const StoreEntry *e = store_find(c->store, KIND_NAMESPACE, namespace);
        _cleanup_free_ char *key = NULL;

        if (!e || e->object->doc->deleted > 0)
                return 0;
        key = object_key(namespace, name);
        if (!key)
                return error_set(reterr, -ENOMEM, "out of memory");
        if (store_find(c->store, KIND_SERVICE_ACCOUNT, key))
                return 0;
        return forbid(document, reterr, "error looking up service account %s/%s: serviceaccount \"%s\" not found", namespace, name, name);
}

int pod_admit(Cluster *c, const char *namespace, JsonArena *a, Json *document, Error *reterr) {
        Json *spec = json_get(document, "spec");
        int r;

        if (json_arena_error(a) < 0)
                return error_set(reterr, json_arena_error(a), "out of memory");
        if (!json_is(spec, JSON_OBJECT))
                return 0; /* it will be refused for that */
        complete_spec(a, spec);
        complete_selectors(a, document);
        if (json_arena_error(a) < 0)
                return error_set(reterr, json_arena_error(a), "out of memory");
        r = check_account(c, namespace, document, reterr);
        if (r >= 0)
                r = complete_priority(c, a, document, reterr);
        if (r < 0)
                return r;
        add_toleration(a, spec, "node.kubernetes.io/not-ready");
        add_toleration(a, spec, "node.kubernetes.io/unreachable");
        return json_arena_error(a) < 0 ? error_set(reterr, json_arena_error(a), "out of memory") : 0;
}

/* --- The class of those that name none --- */

/* Documents are compact, and a quote within a text is escaped: only a member of it looks so. */
static bool is_default(const Object *o) {
        return o && o->doc && strstr(o->doc->rest, "\"globalDefault\":true");
}

int priority_class_admit(Cluster *c, Json *document, Error *reterr) {
        const char *name = strempty(json_string(json_at(document, "metadata", "name", NULL))), *present;

        if (!json_is_true(json_get(document, "globalDefault")) || !c->default_priority)
                return 0;
        present = c->default_priority->object->name;
        if (streq(present, name))
                return 0;
        return error_set_field(reterr, -EACCES, "priorityclasses", name, "priorityclasses.scheduling.k8s.io \"%s\" is forbidden: PriorityClass %s is "
                               "already marked as default. Only one default can exist", name, present);
}

void priority_class_follow(Cluster *c, StoreEntry *e, const Object *old, const Object *new) {
        if (is_default(new))
                c->default_priority = e;
        else if (is_default(old) && c->default_priority == e)
                c->default_priority = NULL;
}
