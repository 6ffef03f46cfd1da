/* SPDX-License-Identifier: Apache-2.0 */
/* What volumes may be of: those of pods and those that are objects themselves (kubernetes, pkg/apis/core/validation: validateVolumeSource,
 * ValidatePersistentVolumeSpec). */
#include <ctype.h>
#include <stdio.h>

#include "basic/string-util.h"
#include "core/model/quantity.h"
#include "kubesimd/api/kube/check/checks.h"

#define MODE_TEXT "must be a number between 0 and 0777 (octal), both inclusive"
#define PARTITION_TEXT "must be between 1 and 255, inclusive"
#define LUN_TEXT "must be between 0 and 255, inclusive"
#define BYTE_RANGE(member, words) \
        { .path = member, CHECK_AT_LEAST, words, .limit = 0 }, { .path = member, CHECK_AT_MOST, words, .limit = 255 }
#define MODE(member) \
        { .path = member, CHECK_AT_LEAST, MODE_TEXT, .limit = 0 }, { .path = member, CHECK_AT_MOST, MODE_TEXT, .limit = 0777 }

static const char *wrong_driver(const char *s) {
        char lower[64];
        size_t i;

        for (i = 0; s[i] && i < sizeof(lower) - 1; i++)
                lower[i] = (char) tolower((unsigned char) s[i]);
        lower[i] = '\0';
        return s[i] ? "must be no more than 63 bytes" : wrong_subdomain(lower);
}

/* --- Directories and disks --- */

/* Left out it is "", which is one of them. */
static void check_host_type(KubeWrite *w, const char *field, const Json *type, const Json *old _unused_) {
        if (!isempty(json_string(type)) &&
            !is_one_of(json_string(type), "BlockDevice CharDevice Directory DirectoryOrCreate File FileOrCreate Socket"))
                cause_not_supported(w, field, json_string(type), "\"\", \"BlockDevice\", \"CharDevice\", \"Directory\", \"DirectoryOrCreate\", \"File\", "
                                    "\"FileOrCreate\", \"Socket\"");
}

static const Check host_checks[] = {
        { .path = "path", CHECK_REQUIRED },
        { .path = "path", CHECK_TEXT, .wrong = wrong_backsteps },
        { .path = "type", .run = check_host_type },
        {},
};

static const Check local_checks[] = {
        { .path = "path", CHECK_REQUIRED },
        { .path = "path", CHECK_TEXT, .wrong = wrong_backsteps },
        {},
};

static void check_size_limit(KubeWrite *w, const char *field, const Json *quantity, const Json *old _unused_) {
        int64_t milli;

        if (quantity && quantity_parse_milli(strempty(json_string(quantity)), &milli) >= 0 && milli < 0)
                cause_forbidden(w, field, "SizeLimit field must be a valid resource quantity");
}

static const Check empty_checks[] = {
        { .path = "sizeLimit", .run = check_size_limit },
        {},
};

static const Check nfs_checks[] = {
        { .path = "server", CHECK_REQUIRED },
        { .path = "path", CHECK_REQUIRED },
        { .path = "path", CHECK_GIVEN_TEXT, .wrong = wrong_absolute },
        {},
};

static const Check git_checks[] = {
        { .path = "repository", CHECK_REQUIRED },
        { .path = "directory", CHECK_TEXT, .wrong = wrong_descending },
        {},
};

static const Check gce_checks[] = { { .path = "pdName", CHECK_REQUIRED }, BYTE_RANGE("partition", PARTITION_TEXT), {} };
static const Check aws_checks[] = { { .path = "volumeID", CHECK_REQUIRED }, BYTE_RANGE("partition", PARTITION_TEXT), {} };
static const Check glusterfs_checks[] = { { .path = "endpoints", CHECK_REQUIRED }, { .path = "path", CHECK_REQUIRED }, {} };
static const Check rbd_checks[] = { { .path = "monitors", CHECK_REQUIRED }, { .path = "image", CHECK_REQUIRED }, {} };
static const Check ceph_checks[] = { { .path = "monitors", CHECK_REQUIRED }, {} };
static const Check cinder_checks[] = { { .path = "volumeID", CHECK_REQUIRED }, {} };
static const Check flex_checks[] = { { .path = "driver", CHECK_REQUIRED }, {} };
static const Check azure_file_checks[] = { { .path = "secretName", CHECK_REQUIRED }, { .path = "shareName", CHECK_REQUIRED }, {} };
static const Check vsphere_checks[] = { { .path = "volumePath", CHECK_REQUIRED }, {} };
static const Check photon_checks[] = { { .path = "pdID", CHECK_REQUIRED }, {} };
static const Check portworx_checks[] = { { .path = "volumeID", CHECK_REQUIRED }, {} };
static const Check scale_io_checks[] = {
        { .path = "gateway", CHECK_REQUIRED }, { .path = "system", CHECK_REQUIRED }, { .path = "volumeName", CHECK_REQUIRED }, {},
};
static const Check storage_os_checks[] = {
        { .path = "volumeName", CHECK_REQUIRED },
        { .path = "volumeName", CHECK_TEXT, .wrong = wrong_label },
        { .path = "volumeNamespace", CHECK_TEXT, .wrong = wrong_label },
        {},
};

static const Check azure_disk_checks[] = {
        { .path = "diskName", CHECK_REQUIRED },
        { .path = "diskURI", CHECK_REQUIRED },
        { .path = "cachingMode", CHECK_ONE_OF, "None ReadOnly ReadWrite" },
        { .path = "kind", CHECK_ONE_OF, "Dedicated Managed Shared" },
        {},
};

static const Check quobyte_checks[] = {
        { .path = "registry", CHECK_REQUIRED, "must be a host:port pair or multiple pairs separated by commas" },
        { .path = "volume", CHECK_REQUIRED },
        {},
};

static const char *wrong_iqn(const char *s) {
        return startswith(s, "iqn") || startswith(s, "eui") || startswith(s, "naa") ? NULL : "must be valid format starting with iqn, eui, or naa";
}

static const Check iscsi_checks[] = {
        { .path = "targetPortal", CHECK_REQUIRED },
        { .path = "iqn", CHECK_REQUIRED },
        { .path = "iqn", CHECK_TEXT, .wrong = wrong_iqn },
        BYTE_RANGE("lun", LUN_TEXT),
        {},
};

static const Check fc_checks[] = {
        { .path = "targetWWNs", CHECK_REQUIRED, "must specify either targetWWNs or wwids, but not both", .when = "!wwids" },
        { .path = "targetWWNs", CHECK_INVALID, "targetWWNs and wwids can not be specified simultaneously", .when = "wwids" },
        { .path = "lun", CHECK_REQUIRED, "lun is required if targetWWNs is specified", .when = "targetWWNs" },
        BYTE_RANGE("lun", LUN_TEXT),
        {},
};

static void check_flocker(KubeWrite *w, const char *field, const Json *flocker) {
        const char *name = json_string(json_get(flocker, "datasetName")), *uuid = json_string(json_get(flocker, "datasetUUID"));
        char path[FIELD_MAX];

        if (isempty(name) && isempty(uuid))
                cause_required(w, field, "one of datasetName and datasetUUID is required");
        if (!isempty(name) && !isempty(uuid))
                cause_invalid_text(w, field, "resource", "datasetName and datasetUUID can not be specified simultaneously");
        put_path(w, path, "%s.datasetName", field);
        if (strchr(strempty(name), '/'))
                cause_invalid_text(w, path, name, "must not contain '/'");
}

static const Check driver_checks[] = {
        { .path = "driver", CHECK_REQUIRED },
        { .path = "driver", CHECK_GIVEN_TEXT, .wrong = wrong_driver },
        {},
};

/* --- What is of other objects --- */

static const Check item_checks[] = {
        { .path = "key", CHECK_REQUIRED },
        { .path = "path", CHECK_REQUIRED },
        { .path = "path", CHECK_TEXT, .wrong = wrong_local_path },
        MODE("mode"),
        {},
};

static const Check secret_checks[] = {
        { .path = "secretName", CHECK_REQUIRED }, MODE("defaultMode"), { .path = "items[]", .inner = item_checks }, {},
};

static const Check config_map_checks[] = {
        { .path = "name", CHECK_REQUIRED }, MODE("defaultMode"), { .path = "items[]", .inner = item_checks }, {},
};

static const Check claim_checks[] = { { .path = "claimName", CHECK_REQUIRED }, {} };

static const Check ephemeral_checks[] = {
        { .path = "volumeClaimTemplate", CHECK_REQUIRED },
        { .path = "volumeClaimTemplate", .inner = volume_claim_checks },
        {},
};

static const Check file_checks[] = {
        { .path = "path", CHECK_REQUIRED },
        { .path = "path", CHECK_TEXT, .wrong = wrong_local_path },
        { .path = "fieldRef", .run = check_field_of_volume },
        { .path = "resourceFieldRef", .run = check_resource_of_volume, .when = "!fieldRef" },
        MODE("mode"),
        {},
};

/* Kubernetes does not say of which file. */
static void check_files(KubeWrite *w, const char *field, const Json *files) {
        JSON_FOREACH(file, files) {
                bool of_field = json_get(file, "fieldRef"), of_resource = json_get(file, "resourceFieldRef");

                validate_part(w, file_checks, field, file);
                if (of_field && of_resource)
                        cause_invalid_text(w, field, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
                else if (!of_field && !of_resource)
                        cause_required(w, field, "one of fieldRef and resourceFieldRef is required");
        }
}

static const Check downward_checks[] = { MODE("defaultMode"), {} };

static void check_downward(KubeWrite *w, const char *field, const Json *source) {
        check_files(w, field, json_get(source, "items"));
}

static const Check projected_object_checks[] = {
        { .path = "name", CHECK_REQUIRED }, { .path = "items[]", .inner = item_checks }, {},
};

static const Check token_checks[] = {
        { .path = "expirationSeconds", CHECK_AT_LEAST, "may not specify a duration less than 10 minutes", .limit = 600 },
        { .path = "expirationSeconds", CHECK_AT_MOST, "may not specify a duration larger than 2^32 seconds", .limit = 1LL << 32 },
        {},
};

static const Check token_path_checks[] = {
        { .path = "path", CHECK_REQUIRED },
        { .path = "path", CHECK_TEXT, .wrong = wrong_local_path },
        {},
};

static const Check trust_checks[] = {
        { .path = "signerName", CHECK_INVALID, "only one of name and signerName may be used", .when = "name" },
        { .path = "labelSelector", CHECK_INVALID, "labelSelector must be unset if name is specified", .when = "name" },
        { .path = "path", CHECK_REQUIRED },
        { .path = "path", CHECK_TEXT, .wrong = wrong_local_path },
        {},
};

static const Check projected_source_checks[] = {
        { .path = "secret", .inner = projected_object_checks },
        { .path = "configMap", .inner = projected_object_checks },
        { .path = "serviceAccountToken", .inner = token_checks },
        { .path = "clusterTrustBundle", .inner = trust_checks },
        {},
};

static const Check projected_checks[] = { MODE("defaultMode"), { .path = "sources[]", .inner = projected_source_checks }, {} };

/* Where it is in the volume has to be another place than that of all before it. */
static bool is_taken_path(const Json *sources, const Json *item) {
        static const char *const with_items[] = { "secret", "configMap", "downwardAPI" };
        const char *path = strempty(json_string(json_get(item, "path")));

        JSON_FOREACH(source, sources)
                for (size_t i = 0; i < ELEMENTSOF(with_items); i++)
                        JSON_FOREACH(other, json_at(source, with_items[i], "items", NULL)) {
                                if (other == item)
                                        return false;
                                if (*path && streq_ptr(json_string(json_get(other, "path")), path))
                                        return true;
                        }
        return false;
}

static void check_projected_paths(KubeWrite *w, const char *field, const Json *sources, const Json *source) {
        static const char *const with_items[] = { "secret", "configMap", "downwardAPI" };

        for (size_t i = 0; i < ELEMENTSOF(with_items); i++) {
                const Json *of = json_get(source, with_items[i]), *name = json_get(of, "name");

                JSON_FOREACH(item, json_get(of, "items"))
                        if (is_taken_path(sources, item))
                                cause_invalid(w, field, name ?: json_get(item, "path"), "conflicting duplicate paths");
        }
}

static void check_projected(KubeWrite *w, const char *field, const Json *projected) {
        const Json *sources = json_get(projected, "sources");
        char path[FIELD_MAX];
        unsigned i = 0;

        JSON_FOREACH(source, sources) {
                put_path(w, path, "%s.sources[%u].downwardAPI", field, i);
                check_files(w, path, json_at(source, "downwardAPI", "items", NULL));
                if (json_get(source, "serviceAccountToken"))
                        validate_part(w, token_path_checks, field, json_get(source, "serviceAccountToken"));
                check_projected_paths(w, field, sources, source);
                put_path(w, path, "%s.sources[%u]", field, i++);
                if (source->size > 1)
                        cause_forbidden(w, path, "may not specify more than 1 volume type per source");
        }
}

static void check_image(KubeWrite *w, const char *field, const Json *image) {
        char path[FIELD_MAX];

        put_path(w, path, "%s.reference", field);
        if (w->resource->store_kind == KIND_POD && isempty(json_string(json_get(image, "reference"))))
                cause_required(w, path, "");
}

static const Check image_checks[] = { { .path = "pullPolicy", CHECK_ONE_OF, "Always IfNotPresent Never" }, {} };

/* --- One of them --- */

typedef struct VolumeSource {
        const char *name;
        const Check *checks; /* of what is in it */
        void (*run)(KubeWrite *w, const char *field, const Json *source); /* may be NULL */
        const char *again, *inside; /* what it is called when there is another one, and where something in it is wrong; NULL: its name */
} VolumeSource;

/* In the order in which Kubernetes looks: it has the first that is there, and others are too many. */
static const VolumeSource pod_sources[] = {
        { .name = "emptyDir", .checks = empty_checks },
        { .name = "hostPath", .checks = host_checks },
        { .name = "gitRepo", .checks = git_checks },
        { .name = "gcePersistentDisk", .checks = gce_checks, .inside = "persistentDisk" },
        { .name = "awsElasticBlockStore", .checks = aws_checks },
        { .name = "secret", .checks = secret_checks },
        { .name = "nfs", .checks = nfs_checks },
        { .name = "iscsi", .checks = iscsi_checks },
        { .name = "glusterfs", .checks = glusterfs_checks },
        { .name = "flocker", .run = check_flocker },
        { .name = "persistentVolumeClaim", .checks = claim_checks },
        { .name = "rbd", .checks = rbd_checks },
        { .name = "cinder", .checks = cinder_checks },
        { .name = "cephfs", .checks = ceph_checks, .again = "cephFS" },
        { .name = "quobyte", .checks = quobyte_checks },
        { .name = "downwardAPI", .checks = downward_checks, .run = check_downward, .again = "downwarAPI" },
        { .name = "fc", .checks = fc_checks },
        { .name = "flexVolume", .checks = flex_checks },
        { .name = "configMap", .checks = config_map_checks },
        { .name = "azureFile", .checks = azure_file_checks },
        { .name = "vsphereVolume", .checks = vsphere_checks },
        { .name = "photonPersistentDisk", .checks = photon_checks },
        { .name = "portworxVolume", .checks = portworx_checks },
        { .name = "azureDisk", .checks = azure_disk_checks },
        { .name = "storageos", .checks = storage_os_checks },
        { .name = "projected", .checks = projected_checks, .run = check_projected },
        { .name = "scaleIO", .checks = scale_io_checks },
        { .name = "csi", .checks = driver_checks },
        { .name = "ephemeral", .checks = ephemeral_checks },
        { .name = "image", .checks = image_checks, .run = check_image },
};

static const Check csi_volume_checks[] = {
        { .path = "driver", CHECK_REQUIRED },
        { .path = "driver", CHECK_GIVEN_TEXT, .wrong = wrong_driver },
        { .path = "volumeHandle", CHECK_REQUIRED },
        {},
};

static const VolumeSource persistent_sources[] = {
        { .name = "hostPath", .checks = host_checks },
        { .name = "gcePersistentDisk", .checks = gce_checks, .inside = "persistentDisk" },
        { .name = "awsElasticBlockStore", .checks = aws_checks },
        { .name = "glusterfs", .checks = glusterfs_checks },
        { .name = "flocker", .run = check_flocker },
        { .name = "nfs", .checks = nfs_checks },
        { .name = "rbd", .checks = rbd_checks },
        { .name = "quobyte", .checks = quobyte_checks },
        { .name = "cephfs", .checks = ceph_checks, .again = "cephFS" },
        { .name = "iscsi", .checks = iscsi_checks },
        { .name = "cinder", .checks = cinder_checks },
        { .name = "fc", .checks = fc_checks },
        { .name = "flexVolume", .checks = flex_checks },
        { .name = "azureFile", .checks = azure_file_checks },
        { .name = "vsphereVolume", .checks = vsphere_checks },
        { .name = "photonPersistentDisk", .checks = photon_checks },
        { .name = "portworxVolume", .checks = portworx_checks },
        { .name = "azureDisk", .checks = azure_disk_checks },
        { .name = "scaleIO", .checks = scale_io_checks },
        { .name = "local", .checks = local_checks },
        { .name = "storageos", .checks = storage_os_checks },
        { .name = "csi", .checks = csi_volume_checks },
};

static void check_source(KubeWrite *w, const char *field, const VolumeSource *sources, size_t n, const Json *of) {
        char path[FIELD_MAX];
        unsigned seen = 0;

        for (size_t i = 0; i < n; i++) {
                const VolumeSource *s = &sources[i];
                const Json *source = json_get(of, s->name);

                if (!source)
                        continue;
                put_path(w, path, "%s.%s", field, seen > 0 ? s->again ?: s->name : s->inside ?: s->name);
                if (seen++ > 0) {
                        cause_forbidden(w, path, "may not specify more than 1 volume type");
                        continue;
                }
                if (s->checks)
                        validate_part(w, s->checks, path, source);
                if (s->run)
                        s->run(w, path, source);
        }
        if (seen == 0)
                cause_required(w, field, "must specify a volume type");
}

void check_volume(KubeWrite *w, const char *field, const Json *volume, const Json *old _unused_) {
        check_source(w, field, pod_sources, ELEMENTSOF(pod_sources), volume);
}

void check_persistent_volume(KubeWrite *w, const char *field, const Json *spec, const Json *old) {
        char path[FIELD_MAX];
        bool changed = false;

        check_source(w, field, persistent_sources, ELEMENTSOF(persistent_sources), spec);
        for (size_t i = 0; old && i < ELEMENTSOF(persistent_sources); i++)
                changed |= !json_equal(json_get(spec, persistent_sources[i].name), json_get(old, persistent_sources[i].name));
        if (changed)
                cause_forbidden(w, "spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation");
        put_path(w, path, "%s.nodeAffinity", field);
        if (json_get(spec, "local") && !json_get(spec, "nodeAffinity"))
                cause_required(w, path, "Local volume requires node affinity");
}
