/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/resources.h"

#include "basic/error.h"
#include "basic/string-util.h"
#include "core/model/quantity.h"

static const char *const plain[] = { "cpu", "memory", "ephemeral-storage", "pods" };

bool resource_is_extended(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(plain); i++)
                if (streq(plain[i], name))
                        return false;
        return true;
}

int resource_parse(const char *name, const char *field, const char *text, int64_t *ret, Error *reterr) {
        int r = streq(name, "cpu") ? quantity_parse_milli(text, ret) : quantity_parse_value(text, ret);

        if (r >= 0 && *ret >= 0)
                return 0;
        if (r == -ERANGE)
                return error_set_field(reterr, -EDOM, field, text, "\"%s\" is more %s than can be counted", text, name);
        return error_set_field(reterr, -EDOM, field, text, "\"%s\" is not an amount of %s", text, name);
}

/* What one container asks for: requests, else limits. */
static int container_amount(const Json *container, const char *name, int64_t missing, int64_t *ret, Error *reterr) {
        const Json *resources = json_get(container, "resources");
        const char *text = json_string(json_at(resources, "requests", name, NULL)) ?: json_string(json_at(resources, "limits", name, NULL));

        *ret = missing;
        return text ? resource_parse(name, "spec.containers.resources.requests", text, ret, reterr) : 0;
}

static int too_much(const char *name, Error *reterr) {
        return error_set_field(reterr, -EDOM, "spec.containers.resources.requests", NULL, "the pod asks for more %s than can be counted", name);
}

static int greatest_init(const Json *spec, const char *name, int64_t missing, int64_t *ret_greatest, int64_t *ret_beside, Error *reterr) {
        int64_t beside = 0, greatest = 0, amount;
        int r;

        JSON_FOREACH(container, json_get(spec, "initContainers")) {
                r = container_amount(container, name, missing, &amount, reterr);
                if (r < 0)
                        return r;
                if (__builtin_add_overflow(beside, amount, &amount))
                        return too_much(name, reterr);
                if (streq_ptr(json_string(json_get(container, "restartPolicy")), "Always"))
                        beside = amount;
                greatest = MAX(greatest, amount);
        }
        *ret_greatest = greatest;
        *ret_beside = beside;
        return 0;
}

/* Does a container say anything of it? */
static bool is_said(const Json *spec, const char *name) {
        JSON_FOREACH(container, json_get(spec, "containers")) {
                const Json *resources = json_get(container, "resources");

                if (json_at(resources, "requests", name, NULL) || json_at(resources, "limits", name, NULL))
                        return true;
        }
        return false;
}

/* What the pod as a whole asks for stands for what its containers do; its limit where neither says. Kubernetes documentation, "Assign Pod-level
 * CPU and memory resources". */
static int replace_by_whole(const Json *spec, const char *name, int64_t *sum, Error *reterr) {
        const Json *resources = json_get(spec, "resources");
        const char *text = json_string(json_at(resources, "requests", name, NULL));

        if (!text && !is_said(spec, name))
                text = json_string(json_at(resources, "limits", name, NULL));
        return text ? resource_parse(name, "spec.resources.requests", text, sum, reterr) : 0;
}

int resource_sum_containers(const Json *spec, const char *name, int64_t missing, int64_t *ret, Error *reterr) {
        int64_t sum = 0, beside = 0, greatest = 0, amount;
        int r;

        JSON_FOREACH(container, json_get(spec, "containers")) {
                r = container_amount(container, name, missing, &amount, reterr);
                if (r < 0)
                        return r;
                if (__builtin_add_overflow(sum, amount, &sum))
                        return too_much(name, reterr);
        }
        r = greatest_init(spec, name, missing, &greatest, &beside, reterr);
        if (r < 0)
                return r;
        if (__builtin_add_overflow(sum, beside, &sum))
                return too_much(name, reterr);
        sum = MAX(sum, greatest);
        if (streq(name, "cpu") || streq(name, "memory"))
                r = replace_by_whole(spec, name, &sum, reterr);
        if (r < 0)
                return r;
        *ret = sum;
        return 0;
}

int resource_sum(const Json *spec, const char *name, int64_t missing, int64_t *ret, Error *reterr) {
        const char *overhead = json_string(json_at(spec, "overhead", name, NULL));
        int64_t sum, amount;
        int r;

        r = resource_sum_containers(spec, name, missing, &sum, reterr);
        if (r < 0)
                return r;
        if (overhead) {
                r = resource_parse(name, "spec.overhead", overhead, &amount, reterr);
                if (r < 0)
                        return r;
                if (__builtin_add_overflow(sum, amount, &sum))
                        return too_much(name, reterr);
        }
        *ret = sum;
        return 0;
}

int resources_sum(const Json *spec, Resources *ret, Error *reterr) {
        int r;

        r = resource_sum(spec, "cpu", 0, &ret->cpu, reterr);
        if (r >= 0)
                r = resource_sum(spec, "memory", 0, &ret->memory, reterr);
        if (r >= 0)
                r = resource_sum(spec, "ephemeral-storage", 0, &ret->ephemeral, reterr);
        return r;
}

/* Does a container before this one, in the order of the walk, name it, too? */
static bool was_named(const Json *spec, const Json *until, const char *name) {
        static const char *const lists[] = { "containers", "initContainers" };

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                JSON_FOREACH(container, json_get(spec, lists[i])) {
                        if (container == until)
                                return false;
                        if (json_at(container, "resources", "requests", name, NULL))
                                return true;
                }
        return false;
}

int resources_each_extended(const Json *spec, int (*visit)(const char *name, void *userdata), void *userdata) {
        static const char *const lists[] = { "containers", "initContainers" };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                JSON_FOREACH(container, json_get(spec, lists[i]))
                        JSON_FOREACH(request, json_at(container, "resources", "requests", NULL)) {
                                if (!resource_is_extended(request->key) || was_named(spec, container, request->key))
                                        continue;
                                r = visit(request->key, userdata);
                                if (r < 0)
                                        return r;
                        }
        return 0;
}
