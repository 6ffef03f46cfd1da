/* SPDX-License-Identifier: Apache-2.0 */
/* CustomResourceDefinitions themselves: what is filled in, what is refused. Rules and words: apiextensions-apiserver,
 * pkg/apis/apiextensions/validation and pkg/registry/customresourcedefinition. */
#include <stdarg.h>
#include <stdio.h>

#include "basic/error.h"
#include "basic/string-util.h"
#include "core/model/definition.h"
#include "core/model/doc.h"
#include "kubesimd/api/kube/custom/crd.h"
#include "kubesimd/api/kube/kinds/rules.h"
#include "kubesimd/api/kube/types/jsonpath.h"

#define FIELD_MAX 320
#define LABEL_TEXT \
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric " \
        "character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN_TEXT \
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric " \
        "character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"

static const char *put_path(char *buf, const char *format, ...) _printf_(2, 3);
static const char *put_path(char *buf, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(buf, FIELD_MAX, format, ap);
        va_end(ap);
        return buf;
}

static const char *text(const Json *object, const char *key) {
        return strempty(json_string(json_get(object, key)));
}

/* --- Filling in --- */

static void complete_names(KubeWrite *w, Json *names) {
        const char *kind = text(names, "kind");
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(KIB);

        if (isempty(kind) || !names)
                return;
        if (isempty(text(names, "singular"))) {
                for (const char *c = kind; *c; c++)
                        strbuf_putc(&b, *c >= 'A' && *c <= 'Z' ? (char) (*c + 32) : *c);
                json_set_string(&w->arena, names, "singular", strbuf_str(&b));
        }
        if (isempty(text(names, "listKind"))) {
                strbuf_clear(&b);
                strbuf_printf(&b, "%sList", kind);
                json_set_string(&w->arena, names, "listKind", strbuf_str(&b));
        }
}

/* Objects may be stored in the storage version from now on. */
static void note_stored_version(KubeWrite *w, Json *object) {
        Json *stored;

        JSON_FOREACH(v, json_at(object, "spec", "versions", NULL)) {
                bool known = false;

                if (!json_is_true(json_get(v, "storage")))
                        continue;
                stored = json_ensure(&w->arena, json_ensure(&w->arena, object, "status", JSON_OBJECT), "storedVersions", JSON_ARRAY);
                JSON_FOREACH(s, stored)
                        known |= streq_ptr(json_string(s), text(v, "name"));
                if (!known)
                        json_append(stored, json_new_string(&w->arena, text(v, "name")));
        }
}

static void complete_definition(KubeWrite *w, Json *object, const Json *old) {
        Json *spec = json_ensure(&w->arena, object, "spec", JSON_OBJECT), *status, *names;

        complete_names(w, json_get(spec, "names"));
        if (isempty(text(json_get(spec, "conversion"), "strategy")))
                json_set_string(&w->arena, json_ensure(&w->arena, spec, "conversion", JSON_OBJECT), "strategy", "None");
        if (!old) {
                status = json_ensure(&w->arena, object, "status", JSON_OBJECT);
                json_ensure(&w->arena, status, "conditions", JSON_ARRAY);
                names = json_ensure(&w->arena, status, "acceptedNames", JSON_OBJECT);
                json_set_string(&w->arena, names, "plural", "");
                json_set_string(&w->arena, names, "kind", "");
        }
        if (!streq_ptr(w->path->subresource, "status"))
                note_stored_version(w, object);
        else if (json_at(old, "status", "acceptedNames", NULL)) /* which names are accepted is not for clients to say */
                json_set(&w->arena, json_ensure(&w->arena, object, "status", JSON_OBJECT), "acceptedNames",
                         json_copy(&w->arena, json_at(old, "status", "acceptedNames", NULL)));
}

/* --- Names --- */

static bool is_label(const char *s) {
        size_t n = strlen(s);

        if (n == 0 || n > 63 || *s < 'a' || *s > 'z' || s[n - 1] == '-')
                return false;
        for (; *s; s++)
                if ((*s < 'a' || *s > 'z') && (*s < '0' || *s > '9') && *s != '-')
                        return false;
        return true;
}

static void check_label(KubeWrite *w, const char *field, const char *s) {
        if (isempty(s))
                cause_required(w, field, "");
        else if (!is_label(s))
                cause_invalid_text(w, field, s, LABEL_TEXT);
}

/* Kinds may have upper-case letters. */
static void check_kind(KubeWrite *w, const char *field, const char *s) {
        char lower[256];
        size_t i;

        if (isempty(s)) {
                cause_required(w, field, "");
                return;
        }
        for (i = 0; s[i] && i < sizeof(lower) - 1; i++)
                lower[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char) (s[i] + 32) : s[i];
        lower[i] = '\0';
        if (!is_label(lower))
                cause_invalid_text(w, field, s, "may have mixed case, but should otherwise match: " LABEL_TEXT);
}

static void check_labels(KubeWrite *w, const char *field, const Json *list) {
        char path[FIELD_MAX];
        size_t i = 0;

        JSON_FOREACH(v, list)
                check_label(w, put_path(path, "%s[%zu]", field, i++), strempty(json_string(v)));
}

static void check_names(KubeWrite *w, const Json *spec) {
        const Json *names = json_get(spec, "names");

        check_label(w, "spec.names.plural", text(names, "plural"));
        if (!isempty(text(names, "singular")))
                check_label(w, "spec.names.singular", text(names, "singular"));
        check_kind(w, "spec.names.kind", text(names, "kind"));
        if (!isempty(text(names, "listKind")))
                check_kind(w, "spec.names.listKind", text(names, "listKind"));
        if (!isempty(text(names, "kind")) && streq(text(names, "kind"), text(names, "listKind")))
                cause_invalid(w, "spec.names.listKind", json_get(names, "listKind"), "kind and listKind may not be the same");
        check_labels(w, "spec.names.shortNames", json_get(names, "shortNames"));
        check_labels(w, "spec.names.categories", json_get(names, "categories"));
}

static void check_group(KubeWrite *w, const Json *object) {
        const char *group = text(json_get(object, "spec"), "group"), *approved;

        if (isempty(group))
                cause_required(w, "spec.group", "");
        else if (name_validate(group, "", NULL) < 0)
                cause_invalid_text(w, "spec.group", group, SUBDOMAIN_TEXT);
        else if (!strchr(group, '.'))
                cause_invalid_text(w, "spec.group", group, "should be a domain with at least one dot");
        approved = text(json_at(object, "metadata", "annotations", NULL), "api-approved.kubernetes.io");
        if ((streq(group, "k8s.io") || streq(group, "kubernetes.io") || endswith(group, ".k8s.io") || endswith(group, ".kubernetes.io")) && isempty(approved))
                cause_required(w, "metadata.annotations[api-approved.kubernetes.io]", "protected groups must have approval annotation "
                               "\"api-approved.kubernetes.io\", see https://github.com/kubernetes/enhancements/pull/1111");
}

/* --- Versions --- */

/* A path of members with dots between, below one of those that are allowed. */
static void check_path(KubeWrite *w, const char *field, const Json *scale, const char *key, const char *const *below, const char *why) {
        const char *path = text(scale, key);
        char name[FIELD_MAX];
        bool fits = false;

        (void) put_path(name, "%s.%s", field, key);
        for (size_t i = 0; below[i]; i++)
                fits |= startswith(path, below[i]) && path[strlen(below[i])] != '\0';
        if (*path != '.')
                cause_invalid_text(w, name, path, "must be a simple json path starting with .");
        else if (strchr(path, '['))
                cause_invalid_text(w, name, path, "must be a simple json path");
        else if (!fits || strstr(path, "..") || endswith(path, "."))
                cause_invalid_text(w, name, path, why);
}

static void check_scale(KubeWrite *w, const char *field, const Json *scale) {
        static const char *const spec[] = { ".spec.", NULL }, *const status[] = { ".status.", NULL }, *const either[] = { ".spec.", ".status.", NULL };
        char name[FIELD_MAX];

        if (!scale)
                return;
        if (isempty(text(scale, "specReplicasPath")))
                cause_required(w, put_path(name, "%s.specReplicasPath", field), "");
        else
                check_path(w, field, scale, "specReplicasPath", spec, "should be a json path under .spec");
        if (isempty(text(scale, "statusReplicasPath")))
                cause_required(w, put_path(name, "%s.statusReplicasPath", field), "");
        else
                check_path(w, field, scale, "statusReplicasPath", status, "should be a json path under .status");
        if (!isempty(text(scale, "labelSelectorPath")))
                check_path(w, field, scale, "labelSelectorPath", either, "should be a json path under either .spec or .status");
}

static void check_jsonpath(KubeWrite *w, const char *field, const char *path) {
        _cleanup_(jsonpath_freep) JsonPath *p = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        char why[600];

        if (isempty(path)) {
                cause_required(w, field, "");
                return;
        }
        if (jsonpath_new(path, &p, &error) >= 0)
                return;
        (void) snprintf(why, sizeof(why), "is an invalid path: %s", error_message(&error));
        cause_invalid_text(w, field, path, why);
}

static void check_columns(KubeWrite *w, const char *field, const Json *columns) {
        static const char *const types[] = { "boolean", "date", "integer", "number", "string" };
        static const char *const formats[] = { "byte", "date", "date-time", "double", "float", "int32", "int64", "password" };
        char name[FIELD_MAX];
        size_t i = 0;

        JSON_FOREACH(c, columns) {
                const char *type = text(c, "type"), *format = text(c, "format");
                bool known = false, fits = isempty(format);

                for (size_t k = 0; k < ELEMENTSOF(types); k++)
                        known |= streq(types[k], type);
                for (size_t k = 0; k < ELEMENTSOF(formats); k++)
                        fits |= streq(formats[k], format);
                if (isempty(text(c, "name")))
                        cause_required(w, put_path(name, "%s[%zu].name", field, i), "");
                if (isempty(type))
                        cause_required(w, put_path(name, "%s[%zu].type", field, i), "must be one of boolean,date,integer,number,string");
                else if (!known)
                        cause_invalid_text(w, put_path(name, "%s[%zu].type", field, i), type, "must be one of boolean,date,integer,number,string");
                if (!fits)
                        cause_invalid_text(w, put_path(name, "%s[%zu].format", field, i), format,
                                           "must be one of byte,date,date-time,double,float,int32,int64,password");
                check_jsonpath(w, put_path(name, "%s[%zu].jsonPath", field, i++), text(c, "jsonPath"));
        }
}

/* ".spec.color" of a schema that says that it is a scalar. */
static bool is_selectable(const Json *schema, const char *path) {
        const char *type;
        char key[128];

        while (schema && *path == '.') {
                size_t n = strcspn(path + 1, ".");

                if (n == 0 || n >= sizeof(key))
                        return false;
                memcpy(key, path + 1, n);
                key[n] = '\0';
                schema = json_get(json_get(schema, "properties"), key);
                path += n + 1;
        }
        type = text(schema, "type");
        return *path == '\0' && (streq(type, "string") || streq(type, "boolean") || streq(type, "integer"));
}

static void check_fields(KubeWrite *w, const char *field, const Json *fields, const Json *schema) {
        char name[FIELD_MAX];
        size_t i = 0;

        if (fields && fields->size > 8)
                cause_invalid_text(w, field, "", "Too many: may have at most 8 items");
        JSON_FOREACH(f, fields) {
                const char *path = text(f, "jsonPath");

                (void) put_path(name, "%s[%zu].jsonPath", field, i++);
                if (isempty(path))
                        cause_required(w, name, "");
                else if (startswith(path, ".metadata"))
                        cause_invalid_text(w, name, path, "must not point to fields in metadata");
                else if (!is_selectable(schema, path))
                        cause_invalid_text(w, name, path, "must point to a field of type string, boolean or integer. Enum string fields and strings with "
                                           "formats are allowed.");
        }
}

static void check_schema(KubeWrite *w, const char *field, const Json *version) {
        Json *schema = json_at(version, "schema", "openAPIV3Schema", NULL);
        char name[FIELD_MAX];

        (void) put_path(name, "%s.schema.openAPIV3Schema", field);
        if (!schema) {
                cause_required(w, name, "schemas are required");
                return;
        }
        if (!w->causes)
                w->causes = json_new(&w->arena, JSON_ARRAY);
        crd_check_schema(&w->arena, schema, name, w->causes);
}

static void check_version(KubeWrite *w, const Json *v, size_t i) {
        char field[64], name[FIELD_MAX];

        (void) snprintf(field, sizeof(field), "spec.versions[%zu]", i);
        if (!is_label(text(v, "name")))
                cause_invalid_text(w, put_path(name, "%s.name", field), text(v, "name"), LABEL_TEXT);
        check_schema(w, field, v);
        check_scale(w, put_path(name, "%s.subresources.scale", field), json_at(v, "subresources", "scale", NULL));
        check_columns(w, put_path(name, "%s.additionalPrinterColumns", field), json_get(v, "additionalPrinterColumns"));
        check_fields(w, put_path(name, "%s.selectableFields", field), json_get(v, "selectableFields"), json_at(v, "schema", "openAPIV3Schema", NULL));
        if (!isempty(text(v, "deprecationWarning")) && !json_is_true(json_get(v, "deprecated")))
                cause_invalid(w, put_path(name, "%s.deprecationWarning", field), json_get(v, "deprecationWarning"), "can only be set for deprecated versions");
        for (const char *c = text(v, "deprecationWarning"); *c; c++)
                if ((unsigned char) *c < ' ' || *c == 0x7f) {
                        cause_invalid(w, put_path(name, "%s.deprecationWarning", field), json_get(v, "deprecationWarning"), "must only contain printable "
                                      "characters");
                        break;
                }
        if (strlen(text(v, "deprecationWarning")) > 256)
                cause_invalid(w, put_path(name, "%s.deprecationWarning", field), json_get(v, "deprecationWarning"), "must be <= 256 characters long");
}

static bool has_version(const Json *versions, const char *name, const Json *but) {
        JSON_FOREACH(v, versions)
                if (v != but && streq(text(v, "name"), name))
                        return true;
        return false;
}

static void check_versions(KubeWrite *w, const Json *spec) {
        const Json *versions = json_get(spec, "versions");
        size_t i = 0, storage = 0, served = 0;
        bool unique = true;

        if (versions && versions->size > 50) {
                cause_forbidden(w, "spec.versions", "there may be 50 versions");
                return;
        }
        JSON_FOREACH(v, versions) {
                storage += json_is_true(json_get(v, "storage"));
                served += json_is_true(json_get(v, "served"));
                unique &= !has_version(versions, text(v, "name"), v);
                check_version(w, v, i++);
        }
        if (!unique)
                cause_invalid_text(w, "spec.versions", "", "must contain unique version names");
        if (storage != 1)
                cause_invalid_text(w, "spec.versions", "", "must have exactly one version marked as storage version");
        if (served == 0)
                cause_invalid_text(w, "spec.versions", "", "must have at least one version that is served");
}

/* --- The whole --- */

static void check_conversion(KubeWrite *w, const Json *spec) {
        const char *strategy = text(json_get(spec, "conversion"), "strategy");

        if (streq(strategy, "Webhook"))
                cause_invalid_text(w, "spec.conversion.strategy", strategy, "this server calls no webhooks; versions that are the same but for their name "
                                   "need no conversion: use None");
        else if (!streq(strategy, "None"))
                cause_not_supported(w, "spec.conversion.strategy", strategy, "\"None\"");
}

static void check_immutable(KubeWrite *w, const char *field, const Json *now, const Json *before) {
        if (!json_equal(now, before))
                cause_invalid(w, field, now, "field is immutable");
}

static bool is_established(const Json *object) {
        JSON_FOREACH(c, json_at(object, "status", "conditions", NULL))
                if (streq(text(c, "type"), "Established"))
                        return streq(text(c, "status"), "True");
        return false;
}

static void check_update(KubeWrite *w, const Json *spec, const Json *old) {
        const Json *before = json_get(old, "spec");

        check_immutable(w, "spec.group", json_get(spec, "group"), json_get(before, "group"));
        check_immutable(w, "spec.names.plural", json_at(spec, "names", "plural", NULL), json_at(before, "names", "plural", NULL));
        if (!is_established(old))
                return;
        check_immutable(w, "spec.scope", json_get(spec, "scope"), json_get(before, "scope"));
        check_immutable(w, "spec.names.kind", json_at(spec, "names", "kind", NULL), json_at(before, "names", "kind", NULL));
}

static void check_stored_versions(KubeWrite *w, const Json *object) {
        const Json *versions = json_at(object, "spec", "versions", NULL);
        char name[FIELD_MAX];
        size_t i = 0;

        JSON_FOREACH(s, json_at(object, "status", "storedVersions", NULL)) {
                if (!has_version(versions, strempty(json_string(s)), NULL))
                        cause_invalid(w, put_path(name, "status.storedVersions[%zu]", i), s, "missing from spec.versions; storedVersions must be versions "
                                      "of the spec");
                i++;
        }
}

static void validate_definition(KubeWrite *w, const Json *object, const Json *old) {
        const Json *spec = json_get(object, "spec");
        const char *plural = text(json_get(spec, "names"), "plural"), *group = text(spec, "group"), *scope = text(spec, "scope");
        char name[600];

        (void) snprintf(name, sizeof(name), "%s.%s", plural, group);
        if (!streq(name, w->object_name))
                cause_invalid_text(w, "metadata.name", w->object_name, "must be spec.names.plural+\".\"+spec.group");
        check_group(w, object);
        if (isempty(scope))
                cause_required(w, "spec.scope", "");
        else if (!streq(scope, "Cluster") && !streq(scope, "Namespaced"))
                cause_not_supported(w, "spec.scope", scope, "\"Cluster\", \"Namespaced\"");
        check_names(w, spec);
        if (json_is_true(json_get(spec, "preserveUnknownFields")))
                cause_invalid(w, "spec.preserveUnknownFields", json_get(spec, "preserveUnknownFields"), "cannot set to true, set "
                              "x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead");
        check_versions(w, spec);
        check_conversion(w, spec);
        check_stored_versions(w, object);
        if (old)
                check_update(w, spec, old);
}

const KubeResource kube_definitions = {
        .group = "apiextensions.k8s.io", .version = "v1", .plural = "customresourcedefinitions", .singular = "customresourcedefinition",
        .short_names = "crd,crds", .kind = "CustomResourceDefinition", .category = "api-extensions", .subresources = "status",
        .schema = "apiextensions.v1.CustomResourceDefinition", .store_kind = KIND_CUSTOM_RESOURCE_DEFINITION, .namespaced = false,
        .complete = complete_definition, .validate = validate_definition,
};
