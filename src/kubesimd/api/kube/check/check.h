/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What Kubernetes refuses, as data: of each kind a list of checks, most of which are of a few sorts. What does not fit has a function.
 * Sources: kubernetes v1.34, pkg/apis/.../validation, for the rules and the words. */

#include "kubesimd/api/kube/check/validate-internal.h"

typedef enum CheckSort {
        CHECK_INSIDE,         /* what is there is looked into by `inner`, or by `run` (also when it is not there) */
        CHECK_REQUIRED,       /* not left out, not empty; words: what is said of it, or NULL */
        CHECK_ONE_OF,         /* unless left out or empty, one of the words */
        CHECK_GIVEN_ONE_OF,   /* one of the words in any case */
        CHECK_AT_LEAST,       /* unless left out, a number of at least `limit`; words: what is said otherwise, NULL for the usual */
        CHECK_GIVEN_AT_LEAST, /* the same, and left out is 0 */
        CHECK_AT_MOST,
        CHECK_TEXT,           /* unless left out or empty, `wrong` has nothing to say of it */
        CHECK_GIVEN_TEXT,     /* nor of it when it is left out: it is "" then */
        CHECK_INVALID,        /* must not be there; words: why */
        CHECK_FORBIDDEN,
        CHECK_IMMUTABLE,      /* does not change; words: NULL for the usual */
        CHECK_FIXED,          /* the same; a change is forbidden, in those words */
        CHECK_UNIQUE,         /* no earlier item of the list has the same */
        CHECK_FEW,            /* a list of at most `limit` */
        CHECK_SELECTOR,       /* a LabelSelector */
        CHECK_PERCENT,        /* a number that is not negative, or a percentage; not more than `limit` %, if there is a limit */
} CheckSort;

typedef struct Check Check;
struct Check {
        const char *path;  /* "spec.rules[].host"; [] each item of a list, {} each member of a map. What is on the way need not be there */
        CheckSort sort;
        const char *words;
        int64_t limit;
        const char *(*wrong)(const char *s); /* NULL: nothing is */
        const char *when;  /* of what is beside it; "a" is there, "!a" is not, "a=X|Y", "a!=X"; several with blanks between. NULL: always */
        const Check *inner; /* ends with a NULL path */
        void (*run)(KubeWrite *w, const char *field, const Json *value, const Json *old);
};

/* Notes each check that the object fails as a cause of the refusal (cause_*()). old: what an update would replace, NULL at creation. checks ends
 * with a NULL path. */
void validate_checks(KubeWrite *w, const Check *checks, const Json *object, const Json *old);
/* The same of a part of an object that is being created; field: where it stands. */
void validate_part(KubeWrite *w, const Check *checks, const char *field, const Json *part);

/* --- What is wrong with a text, in the words of Kubernetes; NULL: nothing --- */
const char *wrong_label(const char *s);
const char *wrong_service(const char *s); /* a label that begins with a letter */
const char *wrong_subdomain(const char *s);
const char *wrong_domain(const char *s); /* a subdomain of two labels at least */
const char *wrong_wildcard(const char *s); /* a subdomain, or one with "*." before it */
const char *wrong_host(const char *s); /* the same, and no address */
const char *wrong_qualified(const char *s);
const char *wrong_segment(const char *s); /* of a path */
const char *wrong_domain_path(const char *s);
const char *wrong_absolute(const char *s);
const char *wrong_backsteps(const char *s);  /* a path that leads up again */
const char *wrong_descending(const char *s); /* a path that does not lead below where it begins */
const char *wrong_local_path(const char *s); /* the same, and what begins with two dots is not for clients */
const char *wrong_key(const char *s);        /* of a ConfigMap or Secret */
const char *wrong_variable(const char *s);   /* of an environment */
const char *wrong_search(const char *s);     /* a domain that names are looked for in */
const char *wrong_address(const char *s);
const char *wrong_network(const char *s);
