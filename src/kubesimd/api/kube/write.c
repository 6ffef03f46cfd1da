/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/write.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/check/check.h"
#include "kubesimd/api/kube/custom/custom.h"
#include "kubesimd/api/kube/kinds/rules.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/patch/managed-fields.h"
#include "kubesimd/api/kube/status.h"
#include "kubesimd/api/kube/view.h"

#define OBJECT_MAX (16 * MIB)
#define ARENA_MAX (64 * MIB)
#define WARNINGS_MAX (3 * KIB) /* the headers of an answer have to fit in the memory of its connection */

/* --- Options --- */

/* What the options of a request are called. */
static const char *options_of(HttpRequest *req) {
        switch (http_request_method(req)) {
        case HTTP_PUT:
                return "UpdateOptions";
        case HTTP_PATCH:
                return "PatchOptions";
        case HTTP_DELETE:
                return "DeleteOptions";
        default:
                return "CreateOptions";
        }
}

static int read_validation(KubeWrite *w) {
        static const char *const names[] = { [FIELDS_WARN] = "Warn", [FIELDS_STRICT] = "Strict", [FIELDS_IGNORE] = "Ignore" };
        const char *given = http_request_query(w->req, "fieldValidation");

        if (isempty(given))
                return 0;
        for (FieldValidation v = 0; v < ELEMENTSOF(names); v++)
                if (streq(names[v], given)) {
                        w->validation = v;
                        return 0;
                }
        return kube_refuse_option(w->req, options_of(w->req), "fieldValidation", "FieldValueNotSupported",
                                  "Unsupported value: \"%s\": supported values: \"Ignore\", \"Strict\", \"Warn\"", given);
}

/* fieldManager=, else the program's name in User-Agent. */
static int read_manager(KubeWrite *w) {
        const char *given = http_request_query(w->req, "fieldManager"), *agent = http_request_header(w->req, "User-Agent");

        if (isempty(agent) || *agent == '/')
                agent = "unknown";
        if (given && strlen(given) >= sizeof(w->manager))
                return kube_refuse_option(w->req, options_of(w->req), "fieldManager", "FieldValueTooLong", "Too long: may not be more than 128 bytes");
        if (isempty(given))
                (void) snprintf(w->manager, sizeof(w->manager), "%.*s", (int) MIN(strcspn(agent, "/"), sizeof(w->manager) - 1), agent);
        else
                (void) snprintf(w->manager, sizeof(w->manager), "%s", given);
        return 0;
}

int write_begin(KubeWrite *w, HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr _unused_) {
        const char *dry;
        int r;

        *w = (KubeWrite) {
                .req = req, .api = api, .path = path, .resource = path->resource, .arena = JSON_ARENA_INIT(ARENA_MAX), .strict = STRBUF_INIT(64 * KIB),
                .object_name = strempty(path->name),
        };
        dry = http_request_query(req, "dryRun");
        if (!isempty(dry) && !streq(dry, "All"))
                return kube_refuse_option(req, options_of(req), "dryRun", "FieldValueNotSupported", "Unsupported value: \"%s\": supported values: \"All\"", dry);
        w->dry_run = !isempty(dry);
        r = read_validation(w);
        return r < 0 ? r : read_manager(w);
}

void write_done(KubeWrite *w) {
        json_arena_done(&w->arena);
        strbuf_done(&w->strict);
}

/* --- Objects as trees --- */

int write_read_object(KubeWrite *w, const Object *o, Json **ret, Error *reterr) {
        View view = { .cluster = w->api->cluster, .resource = w->resource };
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(OBJECT_MAX);
        char *copy;

        view_put_one(&view, o, o->revision, &b);
        copy = strbuf_error(&b) < 0 ? NULL : json_arena_copy(&w->arena, b.data, b.size);
        if (!copy)
                return error_set(reterr, -ENOMEM, "out of memory");
        return json_tree_parse(&w->arena, copy, b.size, ret, reterr);
}

static void note_unknown(const char *path, void *userdata) {
        KubeWrite *w = userdata;

        strbuf_printf(&w->strict, "%sunknown field \"%s\"", w->strict.size > 0 ? ", " : "", path);
}

/* One for each field. */
static int add_warnings(KubeWrite *w) {
        const char *p = strbuf_str(&w->strict);
        size_t total = 0;
        int r = 0;

        while (*p && r >= 0 && total < WARNINGS_MAX) {
                const char *end = strstr(p, "\", ");
                size_t n = end ? (size_t) (end - p) + 1 : strlen(p);

                total += n;
                if (total < WARNINGS_MAX)
                        r = kube_add_warning(w->req, p, n);
                if (r == -ENOBUFS)
                        return 0; /* they are for people, who have seen enough */
                p += end ? n + 2 : n;
        }
        return r;
}

int write_check_fields(KubeWrite *w, Json *object, Error *reterr) {
        const char *kind = w->resource->kind, *version = w->resource->version;
        const SchemaMessage *schema = kube_schema(w->resource);
        _cleanup_error_ Error error = ERROR_NULL;
        int r;

        if (!schema || json_arena_error(&w->arena) < 0) /* nothing goes by unchecked */
                return error_set(reterr, -ENOMEM, "out of memory");
        if (!json_is(object, JSON_OBJECT))
                return error_set(reterr, -EINVAL, "the object provided is unrecognized (must be of type %s): couldn't get version/kind; json parse error: "
                                 "json: cannot unmarshal a value that is not an object", kind);
        if (w->resource->custom)
                r = custom_check_fields(w, object, note_unknown, &error);
        else
                r = schema_check(&w->arena, schema, object, note_unknown, w, &error);
        if (r < 0)
                return error_set(reterr, r, "%s in version \"%s\" cannot be handled as a %s: %s", kind, version, kind, error_message(&error));
        if (w->strict.size == 0 || w->validation == FIELDS_IGNORE)
                return 0;
        if (w->validation == FIELDS_STRICT)
                return error_set(reterr, -EINVAL, "%s in version \"%s\" cannot be handled as a %s: strict decoding error: %s", kind, version, kind,
                                 strbuf_str(&w->strict));
        r = add_warnings(w);
        return r < 0 ? error_set(reterr, r, "out of memory") : 0;
}

int write_reply(KubeWrite *w, unsigned status, const Object *o) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(OBJECT_MAX);
        View view = { .cluster = w->api->cluster, .resource = w->resource };

        view_put_one(&view, o, o->revision, &b);
        strbuf_putc(&b, '\n');
        return kube_reply(w->req, status, &b, api_mark(w->api));
}

/* --- What both have in common --- */

/* Does the body say that it is something else than the path says? */
static int check_type(KubeWrite *w, const Json *object, Error *reterr) {
        const char *version = json_string(json_get(object, "apiVersion")), *kind = json_string(json_get(object, "kind"));
        char expected[KUBE_API_VERSION_MAX];

        (void) kube_api_version(w->resource, expected);
        if (!isempty(kind) && !streq(kind, w->resource->kind))
                return error_set(reterr, -EINVAL, "%s in version \"%s\" cannot be handled as a %s: converting (%s) to (%s): unknown conversion", kind,
                                 w->resource->version, w->resource->kind, kind, w->resource->kind);
        if (!isempty(version) && !streq(version, expected))
                return error_set(reterr, -EINVAL, "the API version in the data (%s) does not match the expected API version (%s)", version, expected);
        return 0;
}

static int check_namespace(KubeWrite *w, Json *metadata, Error *reterr) {
        const char *namespace = json_string(json_get(metadata, "namespace"));

        if (!isempty(namespace) && (!w->path->namespace || !streq(namespace, w->path->namespace)))
                return error_set(reterr, -EINVAL, "the namespace of the provided object does not match the namespace sent on the request");
        return 0;
}

/* What only the server says. */
static const char *const server_fields[] = {
        "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink",
};

/* Answers what the core refused. */
static int reply_refusal(KubeWrite *w, int r, Error *error, Error *reterr) {
        char qualified[KUBE_API_VERSION_MAX];
        Json *causes, *cause;

        (void) kube_qualified(w->resource, qualified);
        if (r == -EDOM && error->field) {
                cause_invalid_text(w, error->field, error->value, error_message(error));
                return write_reply_causes(w);
        }
        if (r == -EEXIST)
                return error_set_field(reterr, r, w->resource->plural, w->object_name, "%s \"%s\" already exists", qualified, w->object_name);
        if (r == -EACCES && streq_ptr(error->field, "metadata.namespace")) {
                causes = json_new(&w->arena, JSON_ARRAY);
                cause = json_new(&w->arena, JSON_OBJECT);
                json_set_string(&w->arena, cause, "reason", "NamespaceTerminating");
                json_set_string(&w->arena, cause, "message", error_message(error));
                json_set_string(&w->arena, cause, "field", error->field);
                json_append(causes, cause);
                (void) error_prefix(error, "%s \"%s\" is forbidden", qualified, w->object_name);
                return kube_reply_status(w->req, &(KubeStatus) { .code = 403, .message = error_message(error), .name = w->object_name,
                                                                 .kind = w->resource->plural, .causes = causes });
        }
        error_set(reterr, r, "%s", error_message(error));
        if (reterr) {
                reterr->field = TAKE_PTR(error->field);
                reterr->value = TAKE_PTR(error->value);
        }
        return r;
}

static void check_all(KubeWrite *w, const Json *object, const Json *old) {
        validate_metadata(w, object, old);
        if (w->resource->checks)
                validate_checks(w, w->resource->checks, object, old);
        if (w->resource->validate)
                w->resource->validate(w, object, old);
}

/* Most objects are right, and to write the path of each field that is looked at would take longer than to look at it: first it is only
 * asked whether anything is wrong. */
static void check(KubeWrite *w, const Json *object, const Json *old) {
        w->no_paths = true;
        check_all(w, object, old);
        w->no_paths = false;
        if (!w->causes || w->causes->size == 0)
                return;
        w->causes = NULL;
        check_all(w, object, old);
}

static int fill_in_and_check(KubeWrite *w, Json *object, const Json *old, Error *reterr) {
        int r;

        if (w->resource->complete)
                w->resource->complete(w, object, old);
        r = w->resource->admit ? w->resource->admit(w, object, old, reterr) : 0;
        if (r < 0 || w->causes)
                return r; /* what could not be allotted comes alone */
        check(w, object, old);
        if (json_arena_error(&w->arena) < 0)
                return error_set(reterr, json_arena_error(&w->arena), "out of memory");
        return 0;
}

/* Fills in, checks; 1 when that has been answered. */
static int complete(KubeWrite *w, Json *object, const Json *old, Error *reterr) {
        int r;

        r = fill_in_and_check(w, object, old, reterr);
        return r < 0 ? r : write_reply_causes(w);
}

/* --- Create --- */

/* metadata.name, or one made of generateName. */
static int find_name(KubeWrite *w, Json *metadata, Error *reterr) {
        const char *name = json_string(json_get(metadata, "name")), *prefix = json_string(json_get(metadata, "generateName"));
        char made[260];

        if (isempty(name) && !isempty(prefix)) {
                object_generate_name(w->api->cluster, prefix, made);
                json_set_string(&w->arena, metadata, "name", made);
                name = json_string(json_get(metadata, "name"));
        }
        if (w->path->name && !isempty(name) && !streq(name, w->path->name))
                return error_set(reterr, -EINVAL, "the name of the object (%s) does not match the name on the URL (%s)", name, w->path->name);
        if (isempty(name) && w->path->name) {
                json_set_string(&w->arena, metadata, "name", w->path->name);
                name = w->path->name;
        }
        w->object_name = strempty(name);
        return 0;
}

static int prepare_create(KubeWrite *w, Json *object, Error *reterr) {
        Json *metadata = json_ensure(&w->arena, object, "metadata", JSON_OBJECT);
        const char *revision = json_string(json_get(metadata, "resourceVersion"));
        int r;

        r = check_type(w, object, reterr);
        if (r >= 0)
                r = check_namespace(w, metadata, reterr);
        if (r >= 0)
                r = find_name(w, metadata, reterr);
        if (r < 0)
                return r;
        if (!isempty(revision) && !streq(revision, "0"))
                return error_set(reterr, -EINVAL, "resourceVersion should not be set on objects to be created");
        for (size_t i = 0; i < ELEMENTSOF(server_fields); i++)
                json_remove(metadata, server_fields[i]);
        json_remove(metadata, "resourceVersion");
        if (kube_resource_has(w->resource, "status") && w->resource->store_kind != KIND_NODE)
                json_remove(object, "status");
        if (!w->resource->no_generation)
                json_set_i64(&w->arena, metadata, "generation", 1);
        return 0;
}

int write_check_create(KubeWrite *w, Json *object, Error *reterr) {
        int r;

        r = prepare_create(w, object, reterr);
        if (r >= 0)
                r = fill_in_and_check(w, object, NULL, reterr);
        return r < 0 ? r : write_causes_error(w, reterr);
}

int write_create(KubeWrite *w, Json *object, Error *reterr) {
        _cleanup_(object_unrefp) Object *o = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_free_ char *key = NULL;
        int r;

        r = prepare_create(w, object, reterr);
        if (r >= 0)
                r = complete(w, object, NULL, reterr);
        if (r != 0)
                return r < 0 ? r : 0;
        managed_fields_update(w, object, NULL);
        key = object_key(w->path->namespace, w->object_name);
        if (!key || json_arena_error(&w->arena) < 0)
                return error_set(reterr, -ENOMEM, "out of memory");
        if (w->resource->strip)
                w->resource->strip(w->api->cluster, &w->arena, object, NULL);
        r = cluster_create_object(w->api->cluster, api_now(), w->resource->store_kind, key, object, w->dry_run, &o, &error);
        if (r < 0)
                return reply_refusal(w, r, &error, reterr);
        return write_reply(w, 201, o);
}

/* --- Update --- */

static int check_preconditions(KubeWrite *w, const Object *o, Json *metadata, Error *reterr) {
        const char *revision = json_string(json_get(metadata, "resourceVersion")), *uid = json_string(json_get(metadata, "uid"));
        char qualified[KUBE_API_VERSION_MAX], ours[UUID_STRING_MAX], number[24];

        (void) kube_qualified(w->resource, qualified);
        (void) snprintf(number, sizeof(number), "%llu", (unsigned long long) o->revision);
        if (!isempty(uid) && !streq(uid, uuid_to_string(o->uid, ours)))
                return error_set_field(reterr, -ESTALE, w->resource->plural, w->object_name,
                                       "Operation cannot be fulfilled on %s \"%s\": Precondition failed: UID in precondition: %s, UID in object meta: %s",
                                       qualified, w->object_name, uid, ours);
        if (!isempty(revision) && !streq(revision, "0") && !streq(revision, number))
                return error_set_field(reterr, -ESTALE, w->resource->plural, w->object_name,
                                       "Operation cannot be fulfilled on %s \"%s\": the object has been modified; please apply your changes to the latest "
                                       "version and try again", qualified, w->object_name);
        return 0;
}

static void take_over(KubeWrite *w, Json *to, const Json *from, const char *key) {
        json_remove(to, key);
        if (json_get(from, key))
                json_set(&w->arena, to, key, json_copy(&w->arena, json_get(from, key)));
}

/* Of the metadata, /status of custom objects changes who manages what, and nothing else. */
static void keep_metadata(KubeWrite *w, Json *wanted, const Json *present) {
        Json *managed = json_detach(json_at(wanted, "metadata", "managedFields", NULL));

        take_over(w, wanted, present, "metadata");
        json_remove(json_get(wanted, "metadata"), "managedFields");
        if (managed)
                json_set(&w->arena, json_get(wanted, "metadata"), "managedFields", managed);
}

/* /ephemeralcontainers changes those alone, whatever else it says. */
static void keep_but_ephemeral_containers(KubeWrite *w, Json *wanted, const Json *present) {
        Json *containers = json_detach(json_at(wanted, "spec", "ephemeralContainers", NULL));

        take_over(w, wanted, present, "metadata");
        take_over(w, wanted, present, "spec");
        json_remove(json_get(wanted, "spec"), "ephemeralContainers");
        if (containers)
                json_set(&w->arena, json_get(wanted, "spec"), "ephemeralContainers", containers);
}

/* /status changes the status alone, everything else all but the status. */
static void keep_other_half(KubeWrite *w, Json *wanted, const Json *present) {
        bool status = streq_ptr(w->path->subresource, "status");

        if (streq_ptr(w->path->subresource, "ephemeralcontainers"))
                keep_but_ephemeral_containers(w, wanted, present);
        if (!kube_resource_has(w->resource, "status"))
                return;
        if (!status) {
                take_over(w, wanted, present, "status");
                return;
        }
        if (w->resource->custom)
                keep_metadata(w, wanted, present);
        JSON_FOREACH(v, present)
                if (!streq(v->key, "status") && !streq(v->key, "metadata"))
                        take_over(w, wanted, present, v->key);
        JSON_FOREACH(v, wanted)
                if (!streq(v->key, "status") && !json_get(present, v->key))
                        json_detach(v);
}

static int prepare_update(KubeWrite *w, const Object *o, Json *wanted, const Json *present, Error *reterr) {
        Json *metadata = json_ensure(&w->arena, wanted, "metadata", JSON_OBJECT);
        const Json *before = json_get(present, "metadata");
        int r;

        r = check_type(w, wanted, reterr);
        if (r >= 0)
                r = check_namespace(w, metadata, reterr);
        if (r >= 0)
                r = find_name(w, metadata, reterr);
        if (r >= 0)
                r = check_preconditions(w, o, metadata, reterr);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(server_fields); i++)
                take_over(w, metadata, before, server_fields[i]);
        take_over(w, metadata, before, "generateName");
        keep_other_half(w, wanted, present);
        return 0;
}

int write_update(KubeWrite *w, StoreEntry *e, Json *wanted, const Json *present, Error *reterr) {
        const uint64_t revision = e->object->revision; /* the entry may be gone after the update */
        _cleanup_(object_unrefp) Object *o = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        int r;

        r = prepare_update(w, e->object, wanted, present, reterr);
        if (r >= 0)
                r = complete(w, wanted, present, reterr);
        if (r != 0)
                return r < 0 ? r : 0;
        if (w->resource->custom)
                custom_count_generation(w, wanted, present);
        managed_fields_update(w, wanted, present);
        if (json_arena_error(&w->arena) < 0)
                return error_set(reterr, json_arena_error(&w->arena), "out of memory");
        if (w->resource->strip)
                w->resource->strip(w->api->cluster, &w->arena, wanted, e->object);
        r = cluster_update_object(w->api->cluster, api_now(), e, wanted, w->dry_run, &o, &error);
        if (r < 0)
                return reply_refusal(w, r, &error, reterr);
        if (o->revision == 0)
                o->revision = revision; /* a dry run's, or one that was the object's end: nobody else has it */
        return write_reply(w, 200, o);
}
