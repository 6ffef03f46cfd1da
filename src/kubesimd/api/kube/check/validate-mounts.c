/* SPDX-License-Identifier: Apache-2.0 */
/* What Kubernetes refuses of what a container has of the volumes of its pod, in its words (kubernetes, pkg/apis/core/validation:
 * ValidateVolumeMounts, ValidateVolumeDevices). */
#include "basic/string-util.h"
#include "kubesimd/api/kube/check/checks.h"

static const Json *find(const Json *list, const char *key, const char *text) {
        JSON_FOREACH(v, list)
                if (streq_ptr(json_string(json_get(v, key)), text))
                        return v;
        return NULL;
}

/* Is it of an item before that one? */
static bool is_repeated(const Json *item, const char *key) {
        for (const Json *p = item->prev; p; p = p->prev)
                if (streq_ptr(json_string(json_get(p, key)), json_string(json_get(item, key))))
                        return true;
        return false;
}

/* Kubernetes does not say of which mount. */
static const Check mount_checks[] = {
        { .path = "subPath", CHECK_TEXT, .wrong = wrong_descending },
        { .path = "subPathExpr", CHECK_TEXT, .wrong = wrong_descending },
        { .path = "mountPropagation", CHECK_ONE_OF, "Bidirectional HostToContainer None" },
        { .path = "recursiveReadOnly", CHECK_ONE_OF, "Disabled Enabled IfPossible" },
        {},
};

static void validate_mount(KubeWrite *w, const char *field, const Json *mount, const Json *container) {
        bool privileged = json_is_true(json_at(container, "securityContext", "privileged", NULL));
        const char *propagation = json_string(json_get(mount, "mountPropagation"));
        char path[FIELD_MAX];

        validate_part(w, mount_checks, field, mount);
        put_path(w, path, "%s.mountPropagation", field);
        if (streq_ptr(propagation, "Bidirectional") && !privileged)
                cause_forbidden(w, path, "Bidirectional mount propagation is available only to privileged containers");
        put_path(w, path, "%s.recursiveReadOnly", field);
        if (!is_one_of(json_string(json_get(mount, "recursiveReadOnly")), "Enabled IfPossible"))
                return;
        if (!json_is_true(json_get(mount, "readOnly")))
                cause_forbidden(w, path, "may only be specified when readOnly is true");
        if (propagation && !streq(propagation, "None"))
                cause_forbidden(w, path, "may only be specified when mountPropagation is None or not specified");
}

/* Of the files of an image there are no parts. */
static void validate_parts(KubeWrite *w, const char *field, const Json *mount, const Json *volume) {
        static const char *const members[] = { "subPath", "subPathExpr" };
        char path[FIELD_MAX];

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                put_path(w, path, "%s.%s", field, members[i]);
                if (json_get(volume, "image") && !isempty(json_string(json_get(mount, members[i]))))
                        cause_invalid(w, path, json_get(mount, members[i]), "not allowed in image volume sources");
        }
        if (!isempty(json_string(json_get(mount, "subPath"))) && !isempty(json_string(json_get(mount, "subPathExpr"))))
                cause_invalid(w, path, json_get(mount, "subPathExpr"), "subPathExpr and subPath are mutually exclusive");
}

/* Volumes of a StatefulSet may be of its claims, which kube-apiserver leaves unchecked, too. */
static bool is_known(KubeWrite *w, const Json *volumes, const char *name) {
        return w->resource->store_kind == KIND_STATEFUL_SET || find(volumes, "name", name);
}

static void validate_mount_names(KubeWrite *w, const char *field, const Json *mount, const Json *devices, const Json *volumes) {
        const char *name = json_string(json_get(mount, "name")), *at = json_string(json_get(mount, "mountPath"));
        char path[FIELD_MAX];

        put_path(w, path, "%s.name", field);
        if (isempty(name))
                cause_required(w, path, "");
        if (!is_known(w, volumes, strempty(name)))
                cause_not_found(w, path, name);
        if (name && find(devices, "name", name))
                cause_invalid_text(w, path, name, "must not already exist in volumeDevices");
        put_path(w, path, "%s.mountPath", field);
        if (isempty(at))
                cause_required(w, path, "");
        else if (is_repeated(mount, "mountPath"))
                cause_invalid_text(w, path, at, "must be unique");
        if (at && find(devices, "devicePath", at))
                cause_invalid_text(w, path, at, "must not already exist as a path in volumeDevices");
        validate_parts(w, field, mount, name ? find(volumes, "name", name) : NULL);
}

static void validate_device(KubeWrite *w, const char *field, const Json *device, const Json *mounts, const Json *volumes) {
        const char *name = json_string(json_get(device, "name")), *at = json_string(json_get(device, "devicePath"));
        const Json *volume = name ? find(volumes, "name", name) : NULL;
        char path[FIELD_MAX];

        put_path(w, path, "%s.name", field);
        if (isempty(name))
                cause_required(w, path, "");
        else if (is_repeated(device, "name"))
                cause_invalid_text(w, path, name, "must be unique");
        if (volume && !json_get(volume, "persistentVolumeClaim") && !json_get(volume, "ephemeral"))
                cause_invalid_text(w, path, name, "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode");
        if (!is_known(w, volumes, strempty(name)))
                cause_not_found(w, path, name);
        if (name && find(mounts, "name", name))
                cause_invalid_text(w, path, name, "must not already exist in volumeMounts");
        put_path(w, path, "%s.devicePath", field);
        if (isempty(at))
                cause_required(w, path, "");
        else if (is_repeated(device, "devicePath"))
                cause_invalid_text(w, path, at, "must be unique");
        if (at && wrong_backsteps(at))
                cause_invalid_text(w, path, at, "can not contain backsteps ('..')");
        if (at && find(mounts, "mountPath", at))
                cause_invalid_text(w, path, at, "must not already exist as a path in volumeMounts");
}

void validate_mounts(KubeWrite *w, const char *field, const Json *container, const Json *volumes) {
        const Json *mounts = json_get(container, "volumeMounts"), *devices = json_get(container, "volumeDevices");
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(mount, mounts) {
                put_path(w, path, "%s.volumeMounts[%u]", field, i++);
                validate_mount_names(w, path, mount, devices, volumes);
                put_path(w, path, "%s.volumeMounts", field);
                validate_mount(w, path, mount, container);
        }
        i = 0;
        JSON_FOREACH(device, devices) {
                put_path(w, path, "%s.volumeDevices[%u]", field, i++);
                validate_device(w, path, device, mounts, volumes);
        }
}
