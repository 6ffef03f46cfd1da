/* SPDX-License-Identifier: Apache-2.0 */
/* What clients of the Kubernetes API send: a document, the four kinds of patches, protobuf, quantities, selectors. The first byte says
 * what the rest is taken for. */
#include <string.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "core/control/selectors.h"
#include "core/model/doc.h"
#include "core/model/pod.h"
#include "core/model/quantity.h"
#include "kubesimd/api/kube/body/protobuf.h"
#include "kubesimd/api/kube/overlay.h"
#include "kubesimd/api/kube/patch/fieldset.h"
#include "kubesimd/api/kube/patch/patch.h"

#define POD "{\"metadata\":{\"name\":\"p\",\"labels\":{\"a\":\"1\"},\"finalizers\":[\"x/y\"]},\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"i\",\"ports\":" \
        "[{\"containerPort\":80}]},{\"name\":\"b\"}],\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]},\"status\":{\"conditions\":[{\"type\":\"Ready\"}]}}"

static void ignore(const char *path, void *userdata) {
        (void) path;
        (void) userdata;
}

static Json *parse(JsonArena *a, const void *data, size_t size) {
        char *copy = json_arena_copy(a, data, size);
        Json *v = NULL;

        return copy && json_tree_parse(a, copy, size, &v, NULL) >= 0 ? v : NULL;
}

/* What was understood as an object can be taken apart, put together, and read again as the same. */
static void try_object(JsonArena *a, const Json *object) {
        _cleanup_(doc_unrefp) Doc *d = NULL, *again = NULL;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        _cleanup_(pod_unrefp) Pod *p = NULL;
        static PodClassPool classes;
        Json *checked = json_copy(a, object), *v;

        if (schema_check(a, schema_find("core.v1.Pod"), checked, ignore, NULL, NULL) < 0 || json_arena_error(a) < 0 || doc_new(checked, &d) < 0)
                return;
        doc_put(d, &b);
        v = parse(a, b.data, b.size);
        assert(v || json_arena_error(a) < 0);
        if (v && doc_new(v, &again) >= 0)
                assert(strcmp(d->metadata, again->metadata) == 0 && strcmp(d->spec, again->spec) == 0 && strcmp(d->status, again->status) == 0);
        if (!classes.last_id)
                pod_class_pool_init(&classes, (const uint64_t[]) { 1, 2 });
        if (pod_new("p", &p) >= 0)
                (void) pod_read_document(p, &classes, checked, NULL);
        (void) label_selector_matches(json_get(checked, "spec"), d);
}

static void try_apply(JsonArena *a, Json *target, const Json *applied) {
        const SchemaMessage *pod = schema_find("core.v1.Pod");
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);
        Json *set = fieldset_of(a, pod, applied), *changed = fieldset_changed(a, pod, applied, target);

        (void) fieldset_find_duplicate(a, pod, applied, &b);
        fieldset_merge(a, pod, target, applied);
        fieldset_add(a, changed, set);
        fieldset_each(set, ignore, NULL);
        fieldset_remove(a, pod, target, set);
        fieldset_subtract(changed, set);
        assert(json_arena_error(a) < 0 || fieldset_is_empty(fieldset_common(a, changed, set)));
}

/* Clients may write sets themselves: metadata.managedFields. */
static void try_set(JsonArena *a, Json *target, const Json *set) {
        const SchemaMessage *pod = schema_find("core.v1.Pod");
        Json *own = fieldset_of(a, pod, target), *rest = json_copy(a, own);

        fieldset_each(set, ignore, NULL);
        fieldset_subtract(rest, set);
        assert(json_arena_error(a) < 0 || fieldset_is_empty(fieldset_common(a, rest, set)));
        fieldset_add(a, rest, set);
        fieldset_remove(a, pod, target, set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(8 * MIB);
        Json *target = parse(&a, POD, strlen(POD)), *patch, *result = NULL;
        int64_t v;

        if (size == 0)
                return 0;
        if (data[0] % 8 == 0) {
                (void) protobuf_read(&a, (const char*) data + 1, size - 1, &result, NULL);
                if (result)
                        try_object(&a, result);
                return 0;
        }
        if (data[0] % 8 == 1) {
                char *text = json_arena_copy(&a, (const char*) data + 1, size - 1);

                (void) quantity_parse_milli(text, &v);
                return 0;
        }
        patch = parse(&a, data + 1, size - 1);
        if (!patch || !target)
                return 0;
        switch (data[0] % 8) {
        case 2:
                try_object(&a, patch);
                break;
        case 3:
                try_object(&a, patch_merge(&a, target, patch));
                break;
        case 4:
                if (patch_json(&a, target, patch, &result, NULL) >= 0)
                        try_object(&a, result);
                break;
        case 5:
                if (patch_strategic(&a, schema_find("core.v1.Pod"), target, patch, &result, NULL) >= 0)
                        try_object(&a, result);
                break;
        case 6:
                if (fieldset_is_valid(patch))
                        try_set(&a, target, patch);
                else if (patch->type == JSON_OBJECT)
                        try_apply(&a, target, patch);
                break;
        default:
                if (patch->type != JSON_OBJECT)
                        break;
                overlay_subtract(target, patch);
                overlay_put(&a, target, patch);
        }
        return 0;
}
