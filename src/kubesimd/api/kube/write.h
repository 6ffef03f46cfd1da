/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A change that a client asks for, from its body to the answer: read, checked against the type, completed, validated, done. */

#include "core/control/objects.h"
#include "kubesimd/api/kube/path.h"

typedef enum FieldValidation {
        FIELDS_WARN,
        FIELDS_STRICT,
        FIELDS_IGNORE,
} FieldValidation;

struct KubeWrite {
        HttpRequest *req;
        ApiContext *api;
        const KubePath *path;
        const KubeResource *resource;
        JsonArena arena;
        bool dry_run;
        FieldValidation validation;
        char manager[129];   /* fieldManager */
        Json *managed;       /* managedFields as an apply has them; NULL: the write is tracked */
        Json *causes;        /* what is wrong, as StatusCauses */
        bool no_paths;       /* it is only asked whether anything is wrong: causes may be without their fields */
        StrBuf strict;       /* unknown and duplicate fields: 'unknown field "spec.foo", ...' */
        const char *object_name; /* for messages */
};

/* Reads dryRun, fieldValidation and fieldManager. -EDOM with Kubernetes' words. write_done() in any case. */
int write_begin(KubeWrite *w, HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr);
void write_done(KubeWrite *w);
#define _cleanup_write_ _cleanup_(write_done)

/* The body as a tree: JSON, YAML or Kubernetes protobuf by its Content-Type. *ret is NULL for an empty one. */
int write_read_body(KubeWrite *w, Json **ret, Error *reterr);
/* The object as its clients see it, as a tree. */
int write_read_object(KubeWrite *w, const Object *o, Json **ret, Error *reterr);
/* Checks a body against the type that its fields are of, and tells of what is unknown as fieldValidation asks for. */
int write_check_fields(KubeWrite *w, Json *object, Error *reterr);
/* Has the object be `wanted` (its metadata.resourceVersion counts as precondition when it has one) and answers with it. */
int write_update(KubeWrite *w, StoreEntry *e, Json *wanted, const Json *present, Error *reterr);
int write_create(KubeWrite *w, Json *object, Error *reterr);
/* Fills in and checks an object as its creation would, and nothing else. -EDOM with all that is wrong, and others as write_create(). */
int write_check_create(KubeWrite *w, Json *object, Error *reterr);
/* What a DELETE or an eviction asks for beside that; body: DeleteOptions, may be NULL. */
int kube_read_delete_options(KubeWrite *w, const Json *body, DeleteOptions *ret, Error *reterr);
/* -ESTALE when it is another object, or another version of it, than the preconditions in that body say. */
int kube_check_preconditions(const KubeResource *r, const Object *o, const Json *body, Error *reterr);
/* Answers with an object. */
int write_reply(KubeWrite *w, unsigned status, const Object *o);

/* --- What is wrong with it: k8s.io/apimachinery/pkg/util/validation/field --- */
void cause_required(KubeWrite *w, const char *field, const char *detail);
void cause_invalid(KubeWrite *w, const char *field, const Json *value, const char *detail);
void cause_invalid_text(KubeWrite *w, const char *field, const char *value, const char *detail);
void cause_not_supported(KubeWrite *w, const char *field, const char *value, const char *supported);
void cause_not_supported_value(KubeWrite *w, const char *field, const Json *value, const char *supported);
void cause_forbidden(KubeWrite *w, const char *field, const char *detail);
void cause_duplicate(KubeWrite *w, const char *field, const char *value);
void cause_duplicate_value(KubeWrite *w, const char *field, const Json *value);
void cause_too_many(KubeWrite *w, const char *field, size_t n, size_t max);
void cause_too_long(KubeWrite *w, const char *field, size_t max);
void cause_not_found(KubeWrite *w, const char *field, const char *value);
/* Were there any? Then answers 422 with all of them: 1. */
int write_reply_causes(KubeWrite *w);
/* The same as an error: -EDOM with all of them, and the first as its field. */
int write_causes_error(KubeWrite *w, Error *reterr);
