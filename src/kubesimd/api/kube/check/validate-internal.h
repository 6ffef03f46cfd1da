/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* For the files that check what clients write: paths of fields, labels, and the words of Kubernetes that they share. */

#include "kubesimd/api/kube/check/label-syntax.h"
#include "kubesimd/api/kube/write.h"

#define FIELD_MAX 512
#define VALUE_TEXT \
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric " \
        "character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
#define KEY_TEXT \
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or " \
        "'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define LABEL_TEXT \
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character " \
        "(e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN_TEXT \
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric " \
        "character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define SERVICE_TEXT \
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric " \
        "character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"

/* Writes what is said of a field; buf holds FIELD_MAX bytes, what does not fit is cut off. */
#define put_text(buf, ...) ((void) buf_printf(buf, FIELD_MAX, __VA_ARGS__))
/* The same with its path, which is only written when somebody will be told of it: no check may depend on it. */
#define put_path(w, buf, ...) ((w)->no_paths ? (void) (*(buf) = '\0') : put_text(buf, __VA_ARGS__))
bool is_dns_label(const char *s);
void validate_label(KubeWrite *w, const char *field, const char *name);
/* A DNS name, as most objects have. */
void validate_subdomain(KubeWrite *w, const char *field, const char *name);
void validate_labels(KubeWrite *w, const char *field, const Json *labels);
/* A value, when there is one, must be one of the words with blanks between. */
void validate_enum(KubeWrite *w, const char *field, const char *value, const char *words);
/* The same, and nothing is none of them, too. */
void validate_one_of(KubeWrite *w, const char *field, const char *value, const char *words);
/* Is it one of the words with blanks between? */
bool is_one_of(const char *s, const char *words);
/* Amounts of resources by their names. */
void validate_quantities(KubeWrite *w, const char *field, const Json *quantities);
/* The same, and a pod may ask for them. */
void validate_requests(KubeWrite *w, const char *field, const Json *quantities);
/* Containers of a pod's spec and what they mount; field: "spec", "spec.template.spec". */
void validate_containers(KubeWrite *w, const char *field, const Json *spec);
/* Of a container: its probes, lifecycle and securityContext, and restartPolicy, which says whether it may have them; grace: that of its pod. */
void validate_process(KubeWrite *w, const char *field, const Json *container, bool init, int64_t grace);
/* What a container mounts and which devices it has, of the volumes of its pod. */
void validate_mounts(KubeWrite *w, const char *field, const Json *container, const Json *volumes);
/* What may be different of the spec of a pod; old: all of it as it was. */
void validate_pod_update(KubeWrite *w, const Json *spec, const Json *old);
/* The same of its ephemeral containers; before: the spec as it was. */
void validate_ephemeral_update(KubeWrite *w, const Json *spec, const Json *before);
/* A name that a port of a container may have (RFC 6335). */
void validate_port_name(KubeWrite *w, const char *field, const char *name);
/* A number, or a percentage; NULL is fine. */
void validate_int_or_percent(KubeWrite *w, const char *field, const Json *v);
/* A LabelSelector. */
void validate_expressions(KubeWrite *w, const char *field, const Json *selector);

/* Everything of a pod's spec that tells where it may go; field: "spec", "spec.template.spec". */
void validate_scheduling(KubeWrite *w, const char *field, const Json *spec);
void validate_tolerations(KubeWrite *w, const char *field, const Json *tolerations);
