/* SPDX-License-Identifier: Apache-2.0 */
/* What of a pod may change once it is there, in the words of Kubernetes (kubernetes, pkg/apis/core/validation: ValidatePodUpdate,
 * ValidatePodEphemeralContainersUpdate). */
#include "basic/string-util.h"
#include "kubesimd/api/kube/check/validate-internal.h"
#include "kubesimd/api/kube/kinds/rules.h"

#define REQUIRED "requiredDuringSchedulingIgnoredDuringExecution"

/* What of a pod may change: images, the deadline, more tolerations, fewer gates. */
static void forget_mutable(Json *spec) {
        static const char *const lists[] = { "containers", "initContainers" };
        static const char *const fields[] = { "activeDeadlineSeconds", "tolerations", "schedulingGates" };

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                JSON_FOREACH(container, json_get(spec, lists[i]))
                        json_remove(container, "image");
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                json_remove(spec, fields[i]);
}

static void validate_deadline_update(KubeWrite *w, const Json *deadline, const Json *before) {
        if (before && !deadline)
                cause_invalid(w, "spec.activeDeadlineSeconds", deadline, "must not update from a positive integer to nil value");
        else if (before && json_i64(deadline, 0) > json_i64(before, 0))
                cause_invalid(w, "spec.activeDeadlineSeconds", deadline, "must be less than or equal to previous value");
}

/* Further ones may be added, and how long one holds may change. */
static bool keeps_tolerations(JsonArena *a, const Json *list, const Json *before) {
        JSON_FOREACH(old, before) {
                bool found = false;

                JSON_FOREACH(v, list) {
                        Json *clone = json_copy(a, v), *same = json_copy(a, old);

                        json_remove(clone, "tolerationSeconds");
                        json_remove(same, "tolerationSeconds");
                        found |= json_equal(clone, same);
                }
                if (!found)
                        return false;
        }
        return true;
}

static const Json *find_named(const Json *list, const char *name) {
        JSON_FOREACH(v, list)
                if (streq_ptr(json_string(json_get(v, "name")), name))
                        return v;
        return NULL;
}

static void validate_gates_update(KubeWrite *w, const Json *gates, const Json *before) {
        char path[FIELD_MAX], words[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(gate, gates) {
                const char *name = strempty(json_string(json_get(gate, "name")));

                put_path(w, path, "spec.schedulingGates[%u].name", i++);
                put_text(words, "only deletion is allowed, but found new scheduling gate '%s'", name);
                if (!find_named(before, name))
                        cause_forbidden(w, path, words);
        }
}

/* Has it more or fewer of them? Then that is all there is to say. */
static bool has_other_containers(KubeWrite *w, const Json *spec, const Json *before) {
        static const char *const lists[] = { "containers", "initContainers" };
        char path[FIELD_MAX];

        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                const Json *now = json_get(spec, lists[i]), *then = json_get(before, lists[i]);

                put_path(w, path, "spec.%s", lists[i]);
                if ((now ? now->size : 0) == (then ? then->size : 0))
                        continue;
                cause_forbidden(w, path, "pod updates may not add or remove containers");
                return true;
        }
        return false;
}

/* Do the lists begin alike? */
static bool begins_with(const Json *list, const Json *before) {
        const Json *v = json_item(list, 0);

        JSON_FOREACH(old, before) {
                if (!json_equal(v, old))
                        return false;
                v = v->next;
        }
        return true;
}

/* What a gated pod asks of nodes may be said more narrowly: each term may be added to, if there is something in it. */
static void validate_narrowed_terms(KubeWrite *w, const char *field, const Json *affinity, const Json *before) {
        const Json *terms = json_at(affinity, REQUIRED, "nodeSelectorTerms", NULL), *old = json_at(before, REQUIRED, "nodeSelectorTerms", NULL);
        const Json *term = json_item(terms, 0);
        char path[FIELD_MAX];
        unsigned i = 0;

        put_path(w, path, "%s." REQUIRED ".nodeSelectorTerms", field);
        if (!old || old->size == 0)
                return;
        if (!terms || terms->size != old->size) {
                cause_invalid(w, path, terms, "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
                return;
        }
        JSON_FOREACH(was, old) {
                bool empty = !json_item(json_get(was, "matchExpressions"), 0) && !json_item(json_get(was, "matchFields"), 0);

                put_path(w, path, "%s." REQUIRED ".nodeSelectorTerms[%u]", field, i++);
                if ((empty && !json_equal(term, was)) || !begins_with(json_get(term, "matchExpressions"), json_get(was, "matchExpressions")) ||
                    !begins_with(json_get(term, "matchFields"), json_get(was, "matchFields")))
                        cause_invalid(w, path, term, "only additions are allowed (no mutations or deletions)");
                term = term->next;
        }
}

/* Kubernetes documentation, "Pod Scheduling Readiness", mutable scheduling directives. Takes them out of both. */
static void validate_narrowed(KubeWrite *w, Json *spec, Json *before) {
        Json *affinity = json_get(spec, "affinity"), *old = json_get(before, "affinity");

        JSON_FOREACH(label, json_get(before, "nodeSelector"))
                if (!json_equal(json_get(json_get(spec, "nodeSelector"), label->key), label)) {
                        cause_invalid(w, "spec.nodeSelector", json_get(spec, "nodeSelector"),
                                      "only additions to spec.nodeSelector are allowed (no mutations or deletions)");
                        break;
                }
        validate_narrowed_terms(w, "spec.affinity.nodeAffinity", json_get(affinity, "nodeAffinity"), json_get(old, "nodeAffinity"));
        json_remove(spec, "nodeSelector");
        json_remove(before, "nodeSelector");
        json_remove(affinity, "nodeAffinity");
        json_remove(old, "nodeAffinity");
        if (affinity && affinity->size == 0)
                json_detach(affinity);
        if (old && old->size == 0)
                json_detach(old);
}

void validate_pod_update(KubeWrite *w, const Json *spec, const Json *old) {
        Json *completed = json_copy(&w->arena, old), *before, *x, *y;

        /* One that is older than a default gets it by its first update. */
        complete_pod(w, completed, old);
        before = json_get(completed, "spec");
        if (has_other_containers(w, spec, before))
                return;
        x = json_copy(&w->arena, spec);
        y = json_copy(&w->arena, before);
        validate_deadline_update(w, json_get(spec, "activeDeadlineSeconds"), json_get(before, "activeDeadlineSeconds"));
        if (!keeps_tolerations(&w->arena, json_get(spec, "tolerations"), json_get(before, "tolerations")))
                cause_forbidden(w, "spec.tolerations", "existing toleration can not be modified except its tolerationSeconds");
        validate_gates_update(w, json_get(spec, "schedulingGates"), json_get(before, "schedulingGates"));
        if (json_item(json_get(before, "schedulingGates"), 0))
                validate_narrowed(w, x, y);
        forget_mutable(x);
        forget_mutable(y);
        if (json_i64(json_get(y, "terminationGracePeriodSeconds"), 0) < 0 && json_i64(json_get(x, "terminationGracePeriodSeconds"), 0) == 1) {
                json_remove(x, "terminationGracePeriodSeconds");
                json_remove(y, "terminationGracePeriodSeconds");
        }
        if (!json_equal(x, y))
                cause_forbidden(w, "spec", "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
                                "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
                                "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
}

/* Further ones may be added to a pod, and none be taken away or changed. */
void validate_ephemeral_update(KubeWrite *w, const Json *spec, const Json *before) {
        char words[FIELD_MAX];

        JSON_FOREACH(old, json_get(before, "ephemeralContainers")) {
                const char *name = strempty(json_string(json_get(old, "name")));
                const Json *now = find_named(json_get(spec, "ephemeralContainers"), name);

                put_text(words, "existing ephemeral containers \"%s\" may not be %s\n", name, now ? "changed" : "removed");
                if (!now || !json_equal(now, old))
                        cause_forbidden(w, "spec.ephemeralContainers", words);
        }
}
