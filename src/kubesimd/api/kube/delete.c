/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/json-reader.h"
#include "basic/string-util.h"
#include "core/control/pods.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/view.h"

/* What of DeleteOptions is heeded here. */
typedef struct DeleteOptions {
        JsonStrings dry_run;
        const char *uid;
} DeleteOptions;

static const JsonField precondition_fields[] = {
        { .name = "uid", .type = JSON_FIELD_STRING, .offset = offsetof(DeleteOptions, uid) },
};

static const JsonField option_fields[] = {
        { .name = "dryRun", .type = JSON_FIELD_STRINGS, .offset = offsetof(DeleteOptions, dry_run), .items_max = 4 },
        { .name = "preconditions", .type = JSON_FIELD_OBJECT, .nested = precondition_fields, .n_nested = ELEMENTSOF(precondition_fields) },
};

static int check_dry_run(HttpRequest *req, const DeleteOptions *options, Error *reterr) {
        const char *given = http_request_query(req, "dryRun");

        if (!given && options->dry_run.n_items > 0)
                given = options->dry_run.items[0];
        if (isempty(given))
                return 0;
        if (!streq(given, "All"))
                return error_set(reterr, -EDOM, "DeleteOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"%s\": supported values: \"All\"", given);
        return 1;
}

static int check_uid(const Object *o, const char *uid, Error *reterr) {
        char ours[UUID_STRING_MAX];

        if (!uid || streq(uuid_to_string(o->uid, ours), uid))
                return 0;
        return error_set_field(reterr, -ESTALE, kube_pods.plural, o->name,
                               "Operation cannot be fulfilled on Pod \"%s\": the UID in the precondition (%s) does not match the UID in record (%s). "
                               "The object might have been deleted and then recreated", o->name, uid, ours);
}

static int delete_pod(HttpRequest *req, ApiContext *api, const char *name, const DeleteOptions *options, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        _cleanup_(object_unrefp) Object *o = NULL;
        View view = { .cluster = api->cluster, .resource = &kube_pods };
        StoreEntry *e;
        int r;

        e = store_find(cluster_store(api->cluster), KIND_POD, name);
        if (!e)
                return error_set_field(reterr, -ENOENT, kube_pods.plural, name, "pods \"%s\" not found", name);
        o = object_ref(e->object);
        r = check_uid(o, options->uid, reterr);
        if (r >= 0)
                r = check_dry_run(req, options, reterr);
        if (r == 0)
                r = cluster_remove_pod(api->cluster, api_now(), name, reterr);
        if (r < 0)
                return r;
        /* The pod as it was, or on its way out: a delete of pods answers with the object. */
        e = store_find(cluster_store(api->cluster), KIND_POD, name);
        view_put_one(&view, e ? e->object : o, store_revision(cluster_store(api->cluster)), &b);
        strbuf_putc(&b, '\n');
        return http_reply(req, 200, KUBE_JSON, &b, api_mark(api));
}

int handle_kube_delete_in(HttpRequest *req, void *userdata, Error *reterr) {
        const char *namespace = http_request_param(req, 0), *plural = http_request_param(req, 1), *name = http_request_param(req, 2);
        const KubeResource *resource = kube_resource_find("", "v1", plural);
        DeleteOptions options = {};
        size_t size;
        char *text;
        int r = 0;

        if (!resource || !resource->namespace)
                return error_set(reterr, -ENOENT, "the server could not find the requested resource");
        if (!resource->deletable)
                return error_set(reterr, -EOPNOTSUPP, "the server does not allow this method on the requested resource");
        if (!streq(namespace, resource->namespace))
                return error_set_field(reterr, -ENOENT, plural, name, "%s \"%s\" not found", plural, name);
        text = http_request_body(req, &size);
        if (size > 0)
                r = json_parse_object(text, size, option_fields, ELEMENTSOF(option_fields), false, &options, reterr);
        if (r >= 0)
                r = delete_pod(req, userdata, name, &options, reterr);
        free(options.dry_run.items);
        return r;
}
