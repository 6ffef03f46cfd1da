/* SPDX-License-Identifier: Apache-2.0 */
/* Roles, leases and events (kubernetes, pkg/apis/rbac/validation, pkg/apis/coordination/validation, pkg/apis/core/validation/events.go). */
#include <string.h>

#include "basic/string-util.h"
#include "kubesimd/api/kube/check/checks.h"

#define GROUP "rbac.authorization.k8s.io"
#define EVENT_TEXT_MAX 128
#define NOTE_MAX 1024

/* --- Roles --- */

static const Check rule_checks[] = {
        { .path = "verbs", CHECK_REQUIRED, "verbs must contain at least one value" },
        { .path = "apiGroups", CHECK_REQUIRED, "resource rules must supply at least one api group", .when = "!nonResourceURLs" },
        { .path = "resources", CHECK_REQUIRED, "resource rules must supply at least one resource", .when = "!nonResourceURLs" },
        { .path = "nonResourceURLs", CHECK_INVALID, "rules cannot apply to both regular resources and non-resource URLs", .when = "apiGroups" },
        { .path = "nonResourceURLs", CHECK_INVALID, "rules cannot apply to both regular resources and non-resource URLs", .when = "!apiGroups resources" },
        {},
};

const Check role_checks[] = {
        { .path = "rules[].nonResourceURLs", CHECK_INVALID, "namespaced rules cannot apply to non-resource URLs" },
        { .path = "rules[]", .inner = rule_checks },
        {},
};

const Check cluster_role_checks[] = {
        { .path = "rules[]", .inner = rule_checks },
        {},
};

static const Check subject_checks[] = {
        { .path = "name", CHECK_REQUIRED },
        { .path = "kind", CHECK_GIVEN_ONE_OF, "ServiceAccount User Group" },
        { .path = "name", CHECK_TEXT, .wrong = wrong_subdomain, .when = "kind=ServiceAccount" },
        { .path = "apiGroup", CHECK_ONE_OF, "", .when = "kind=ServiceAccount" },
        { .path = "apiGroup", CHECK_GIVEN_ONE_OF, GROUP, .when = "kind=User|Group" },
        {},
};

const Check role_binding_checks[] = {
        { .path = "roleRef.apiGroup", CHECK_GIVEN_ONE_OF, GROUP },
        { .path = "roleRef.kind", CHECK_GIVEN_ONE_OF, "Role ClusterRole" },
        { .path = "roleRef.name", CHECK_REQUIRED },
        { .path = "roleRef.name", CHECK_TEXT, .wrong = wrong_segment },
        { .path = "subjects[]", .inner = subject_checks },
        { .path = "roleRef", CHECK_IMMUTABLE, "cannot change roleRef" },
        {},
};

const Check cluster_role_binding_checks[] = {
        { .path = "roleRef.apiGroup", CHECK_GIVEN_ONE_OF, GROUP },
        { .path = "roleRef.kind", CHECK_GIVEN_ONE_OF, "ClusterRole" },
        { .path = "roleRef.name", CHECK_REQUIRED },
        { .path = "roleRef.name", CHECK_TEXT, .wrong = wrong_segment },
        { .path = "subjects[]", .inner = subject_checks },
        { .path = "subjects[].namespace", CHECK_REQUIRED, .when = "kind=ServiceAccount" },
        { .path = "roleRef", CHECK_IMMUTABLE, "cannot change roleRef" },
        {},
};

/* --- Leases --- */

const Check lease_checks[] = {
        { .path = "spec.leaseDurationSeconds", CHECK_AT_LEAST, .limit = 1 },
        { .path = "spec.leaseTransitions", CHECK_AT_LEAST },
        { .path = "spec.strategy", CHECK_ONE_OF, "OldestEmulationVersion" },
        { .path = "spec.preferredHolder", CHECK_FORBIDDEN, "may only be specified if `strategy` is defined", .when = "!strategy" },
        {},
};

/* --- Events --- */

static const char *wrong_event_text(const char *s) {
        return strlen(s) > EVENT_TEXT_MAX ? "can have at most 128 characters" : NULL;
}

static const char *wrong_note(const char *s) {
        return strlen(s) > NOTE_MAX ? "can have at most 1024 characters" : NULL;
}

static const char *wrong_event_type(const char *s) {
        return is_one_of(s, "Normal Warning") ? NULL : "has invalid value";
}

/* Events without an eventTime are of old, and may be anything. */
const Check event_checks[] = {
        { .path = "reportingComponent", CHECK_REQUIRED, .when = "eventTime" },
        { .path = "reportingComponent", CHECK_TEXT, .wrong = wrong_qualified, .when = "eventTime" },
        { .path = "reportingInstance", CHECK_REQUIRED, .when = "eventTime" },
        { .path = "reportingInstance", CHECK_TEXT, .wrong = wrong_event_text, .when = "eventTime" },
        { .path = "action", CHECK_REQUIRED, .when = "eventTime" },
        { .path = "action", CHECK_TEXT, .wrong = wrong_event_text, .when = "eventTime" },
        { .path = "reason", CHECK_REQUIRED, .when = "eventTime" },
        { .path = "reason", CHECK_TEXT, .wrong = wrong_event_text, .when = "eventTime" },
        { .path = "message", CHECK_TEXT, .wrong = wrong_note, .when = "eventTime" },
        {},
};

const Check new_event_checks[] = {
        { .path = "eventTime", CHECK_REQUIRED },
        { .path = "type", CHECK_REQUIRED },
        { .path = "type", CHECK_TEXT, .wrong = wrong_event_type },
        { .path = "deprecatedFirstTimestamp", CHECK_INVALID, "needs to be unset" },
        { .path = "deprecatedLastTimestamp", CHECK_INVALID, "needs to be unset" },
        { .path = "deprecatedCount", CHECK_INVALID, "needs to be unset" },
        { .path = "reportingController", CHECK_REQUIRED },
        { .path = "reportingController", CHECK_TEXT, .wrong = wrong_qualified },
        { .path = "reportingInstance", CHECK_REQUIRED },
        { .path = "reportingInstance", CHECK_TEXT, .wrong = wrong_event_text },
        { .path = "action", CHECK_REQUIRED },
        { .path = "action", CHECK_TEXT, .wrong = wrong_event_text },
        { .path = "reason", CHECK_REQUIRED },
        { .path = "reason", CHECK_TEXT, .wrong = wrong_event_text },
        { .path = "note", CHECK_TEXT, .wrong = wrong_note },
        { .path = "series.count", CHECK_AT_LEAST, "should be at least 2", 2 },
        {},
};
