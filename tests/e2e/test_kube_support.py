# SPDX-License-Identifier: Apache-2.0
"""What support.tsv says of each kind and field, held against what the program does. A kind, a field that the core reads, or a check that
has no line in it fails here."""
import copy
import glob
import os
import re

import pytest

from conftest import eventually
from support import DOC, MARKS, METADATA, ROOT, Support, is_alternative, not_served, schema, table, written

SELECTOR = {"matchLabels": {"app": "x"}}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": {
    "containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 80, "hostIP": "10.9.9.9"}], "resources": {"requests": {"cpu": "1m"}}}],
    "initContainers": [{"name": "i", "image": "x"}], "volumes": [{"name": "v"}], "dnsPolicy": "Default", "nodeSelector": {"a": "b"},
    "tolerations": [{"key": "k", "operator": "Exists"}], "schedulingGates": [{"name": "g"}]}}
JOB = {"template": {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}}

# The least that Kubernetes takes of each kind that needs more than a name, and something of every list whose items have fields that are kept.
LEAST = {
    "core.v1.Pod": {"spec": TEMPLATE["spec"]},
    "core.v1.Node": {"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}, "status": {"capacity": {"cpu": "4"}}},
    "core.v1.Secret": {"data": {"a": "YWJj"}, "type": "Opaque"},
    "core.v1.Service": {"spec": {"ports": [{"port": 80}], "selector": {"app": "x"}}},
    "core.v1.PersistentVolume": {"spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"}}},
    "core.v1.PersistentVolumeClaim": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
    "core.v1.ReplicationController": {"spec": {"selector": {"app": "x"}, "template": TEMPLATE}},
    "core.v1.Event": {"eventTime": "2026-01-01T00:00:00.000000Z", "reportingComponent": "x.io/y", "reportingInstance": "y", "action": "Act", "reason": "Reason",
                      "involvedObject": {"namespace": "kept"}},
    "core.v1.LimitRange": {"spec": {"limits": [{"type": "Container"}]}},
    "core.v1.ResourceQuota": {"spec": {"hard": {"pods": "1"}}},
    "coordination.v1.Lease": {"spec": {"leaseDurationSeconds": 1}},
    "networking.v1.NetworkPolicy": {"spec": {"podSelector": {}}},
    "rbac.v1.Role": {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]},
    "rbac.v1.ClusterRole": {"rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]},
    "storage.v1.CSINode": {"spec": {"drivers": [{"name": "x.io", "nodeID": "n"}]}},
    "apps.v1.ControllerRevision": {"data": {}, "revision": 1},
    "autoscaling.v1.HorizontalPodAutoscaler": {"spec": {"maxReplicas": 1, "scaleTargetRef": {"kind": "Deployment", "name": "d"}}},
    "autoscaling.v2.HorizontalPodAutoscaler": {"spec": {"maxReplicas": 1, "scaleTargetRef": {"kind": "Deployment", "name": "d"}}},
    "events.v1.Event": {"eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal", "reportingController": "x.io/y", "reportingInstance": "y",
                        "action": "Act", "reason": "Reason", "regarding": {"namespace": "kept"}},
    "networking.v1.Ingress": {"spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}},
    "networking.v1.IngressClass": {"spec": {"controller": "x.io/y"}},
    "rbac.v1.RoleBinding": {"roleRef": {"kind": "Role", "name": "r"}},
    "rbac.v1.ClusterRoleBinding": {"roleRef": {"kind": "ClusterRole", "name": "r"}},
    "storage.v1.StorageClass": {"provisioner": "x.io/y"},
    "core.v1.Endpoints": {"subsets": [{"addresses": [{"ip": "10.9.9.9"}]}]},
    "apps.v1.DaemonSet": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "apps.v1.Deployment": {"spec": {"selector": SELECTOR, "template": TEMPLATE, "strategy": {"rollingUpdate": {}}}},
    "apps.v1.ReplicaSet": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "apps.v1.StatefulSet": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "batch.v1.CronJob": {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": JOB}}},
    "batch.v1.Job": {"spec": JOB},
    "discovery.v1.EndpointSlice": {"addressType": "IPv4", "endpoints": [{"addresses": ["10.9.9.9"]}], "ports": [{"port": 80}]},
    "policy.v1.PodDisruptionBudget": {"spec": {"selector": {"matchLabels": {"app": "none"}}, "maxUnavailable": 1}},
    "scheduling.v1.PriorityClass": {"value": 1},
}

# What Kubernetes 1.32 has below objects of the kinds that are served.
SUBRESOURCES = {
    "namespaces": "finalize status", "nodes": "proxy status", "persistentvolumeclaims": "status", "persistentvolumes": "status",
    "pods": "attach binding ephemeralcontainers eviction exec log portforward proxy resize status", "replicationcontrollers": "scale status",
    "resourcequotas": "status", "serviceaccounts": "token", "services": "proxy status", "daemonsets": "status", "deployments": "scale status",
    "replicasets": "scale status", "statefulsets": "scale status", "horizontalpodautoscalers": "status", "cronjobs": "status", "jobs": "status",
    "ingresses": "status", "customresourcedefinitions": "status", "poddisruptionbudgets": "status",
}


# --- The table itself ---

def sources(pattern):
    return [(path, open(path).read()) for path in sorted(glob.glob(os.path.join(ROOT, pattern), recursive=True))]


TESTS = sources("tests/e2e/*.py") + sources("tests/unit/**/*.c")


def text_of_test(name):
    """The text of the tests of that name, with the constants that they use."""
    if name.endswith(".txt"):
        return "".join(text for _, text in sources("tests/e2e/kubectl/" + name) + sources("tests/e2e/cases/" + name))
    found = ""
    for path, text in TESTS:
        pattern = r"^def %s\(.*?(?=^\S|\Z)" if path.endswith(".py") else r"^static void %s\(.*?^}$"
        for body in re.findall(pattern % re.escape(name), text, re.M | re.S):
            constants = re.findall(r"^([A-Z_]+) = (.*?)(?=^\S|\Z)", text, re.M | re.S)
            found += body + "".join(value for constant, value in constants if re.search(rf"\b{constant}\b", body))
    return found


def test_lines_are_of_something():
    types, seen = schema(), set()
    for row in table():
        assert (row.message, row.field) not in seen, f"{row} is there twice"
        seen.add((row.message, row.field))
        assert row.mark in MARKS, row
        assert not row.words.endswith("."), row
        if row in not_served():
            continue
        assert row.message == "*" or row.message in types, row
        assert row.field in (".", "*") or row.field.startswith("/") or row.message == "*" or row.field in types[row.message], row


def is_shown_by_what_is_in_it(row):
    """A kind is tested by its fields, a member that is a message by what is in it."""
    inside = schema()[row.message]
    inner = [inside[row.field]] if row.field in inside else list(inside.values()) if row.field == "." else []
    messages = {re.sub(r"^(\[\]|\{\})?m:", "", kind) for kind in inner} | ({row.message} if row.field == "." else set())
    return any(r.message in messages and r.field != "." and r.mark == "alive" for r in table())


def test_what_is_alive_has_a_test_that_names_it():
    for row in table():
        if row.test == "-":
            assert row.mark != "alive" or row.message == "*" or is_shown_by_what_is_in_it(row), f"no test shows {row.message} {row.field}"
            continue
        text = text_of_test(row.test).replace("-", "").lower()
        assert text, f"there is no test {row.test} ({row.message} {row.field})"
        assert row.field in (".", "*") or row.field.lower() in text, f"{row.test} does not name {row.field} of {row.message}"


# What the core writes into events, conditions and references, whose types stand in no line; a namespace and a plural.
WRITTEN = set("""claimName persistentVolumeClaim subdomain hostNetwork enableServiceLinks serviceAccount serviceAccountName involvedObject reason source component count firstTimestamp lastTimestamp eventTime reportingComponent reportingInstance
lastUpdateTime lastTransitionTime lastProbeTime pods onPodConditions managedBy ip serving env fieldPath fieldRef hostname valueFrom action containerName onExitCodes rules blockOwnerDeletion default namespaces ephemeralContainers""".split())


def test_what_the_program_reads_by_name_is_marked():
    """The core and the checks find fields by their names: each name of a field has to be that of one that is more than kept."""
    types = schema()
    marked = {r.field for r in table() if r.mark != "kept"} | {f for r in table() if r.field == "*" for f in types[r.message]}
    fields = {name for fields in types.values() for name in fields}
    own_formats = ("codec.c", "heartbeat.c", "pod-class-read.c", "what-if.c", "fault.c")
    for path, text in sources("src/core/control/*.c") + sources("src/core/model/*.c") + [
            s for name in ("validate", "service") for s in sources(f"src/kubesimd/api/kube/{name}.c")]:
        names = set(re.findall(r'"([A-Za-z]+)"', text)) & fields - marked - WRITTEN
        assert not names or os.path.basename(path) in own_formats, f"{path} names {names}, which support.tsv says are only kept"


def test_the_document(kubesimd):
    text = open(DOC).read()
    assert written(Support(kubesimd), text) == text, "docs/KUBERNETES.md is not what kubesimd says: run make docs"


def test_every_kind_has_a_line(kubesimd):
    support = Support(kubesimd)
    rows = {(r.message, r.field): r for r in table()}
    for kind in support.kinds:
        assert (kind.message, ".") in rows, f"{kind.group_version} {kind.plural} has no line in support.tsv"
        served = set(kind.subresources) | {r.field[1:] for r in support.refused(kind.message)}
        assert served == set(SUBRESOURCES.get(kind.plural, "").split()) or "metrics" in kind.group_version, kind
        verbs = {"get", "list", "watch", "create", "update", "patch", "delete"} | ({"deletecollection"} if kind.plural != "namespaces" else set())
        fewer = {"get", "list"} if "metrics" in kind.group_version else {"create"} if kind.plural.endswith("reviews") or kind.kind == "Binding" else None
        assert set(kind.verbs) == (fewer or verbs), kind
        description = support.schemas[kind.message]["description"]
        assert rows[kind.message, "."].words in description, kind


# --- Objects that have everything ---

def sample(support, s, seen=(), wrong=False):
    """A value of that type with everything in it; wrong: one that means nothing."""
    if is_alternative(s, "IntOrString"):
        return -1 if wrong else 3
    if is_alternative(s, "Quantity"):
        return "2"  # they are checked, whatever they are for
    if "allOf" in s:
        message = re.sub(r".*/io\.k8s\.(api|apimachinery\.pkg\.apis)\.", "", s["allOf"][0]["$ref"])
        if message in seen:
            return {}
        return {name: sample(support, f, seen + (message,), wrong) for name, f in support.schemas[message]["properties"].items() if "x-kubesim" in f}
    if s.get("type") == "array":
        return [sample(support, s["items"], seen, wrong)]
    if "additionalProperties" in s:
        return {"!" if wrong else "key": sample(support, s["additionalProperties"], seen, wrong)}
    by_format = {"byte": "YWJj", "date-time": "2030-01-02T03:04:05Z"}
    if wrong and s["type"] in ("integer", "number", "string") and s.get("format") not in by_format:  # which is checked when it is read
        return "!" if s["type"] == "string" else -1
    return {"boolean": True, "integer": 3, "number": 1.5, "object": {"any": 1}}.get(s["type"], by_format.get(s.get("format"), "text"))


def fill(support, message, value, prefix="", wrong=False):
    """Adds to the value everything that is kept and not there yet; looks into what is there. Gives how much it has added."""
    n = 0
    for name, s, mark, inner in list(support.fields(message)):
        if inner == METADATA or (prefix == "" and name == "status"):
            continue
        if name in value:
            inside = value[name] if isinstance(value[name], list) else [value[name]]
            deeper = inner and s.get("additionalProperties") is None
            n += sum(fill(support, inner, v, prefix + name + ".", wrong) for v in inside if deeper and isinstance(v, dict))
        elif mark == "kept":
            value[name] = sample(support, s, (message,), wrong)
            n += 1
    return n


def contains(value, part, path=""):
    """The paths where the part is not in the value as it is."""
    if isinstance(part, dict) and isinstance(value, dict):
        return [p for k, v in part.items() for p in contains(value.get(k), v, f"{path}.{k}")]
    if isinstance(part, list) and isinstance(value, list) and len(part) <= len(value):  # tolerations are added to
        return [p for i, v in enumerate(part) for p in contains(value[i], v, f"{path}[{i}]")]
    return [] if value == part else [f"{path}: {value!r} instead of {part!r}"]


def collection(kind, namespace="kept"):
    base = "/api/v1" if kind.group_version == "v1" else "/apis/" + kind.group_version
    return base + (f"/namespaces/{namespace}/" if kind.namespaced else "/") + kind.plural


def least(kind, name):
    return {"metadata": {"name": name}, **copy.deepcopy(LEAST.get(kind.message, {}))}


def of_status(support, kind):
    """The message of its status, or None."""
    return next((inner for name, _, _, inner in support.fields(kind.message) if name == "status" and "status" in kind.subresources), None)


def create(kubesimd, kind, body):
    reply = kubesimd.ask("POST", collection(kind), body)
    assert reply.status == 201, (kind, reply.text)
    return reply.json


@pytest.fixture
def support(kubesimd):
    kubesimd.post("/api/v1/namespaces", {"metadata": {"name": "kept"}}, 201)
    return Support(kubesimd)


def writable(support):
    """The kinds whose objects are stored; but the fields of a definition are all of a grammar of its own, which test_kube_crd.py tests."""
    return [k for k in support.kinds if {"create", "get"} <= set(k.verbs) and k.kind != "CustomResourceDefinition"]


def test_what_is_kept_is_kept(kubesimd, support):
    """Every field that is kept, of every kind at once: taken, given back as it was, and there after a restart."""
    written_objects, n = {}, 0
    for i, kind in enumerate(writable(support)):
        body = least(kind, f"all-{i}")
        n += fill(support, kind.message, body)
        status = of_status(support, kind)
        if kind.plural == "nodes":
            n += fill(support, status, body["status"], "status.")
        create(kubesimd, kind, body)
        path = f"{collection(kind)}/all-{i}"
        if status and kind.plural != "nodes":
            # What a controller makes of it may come between.
            part = {}
            n += fill(support, status, part, "status.")
            reply = kubesimd.ask("PATCH", path + "/status", {"status": part}, headers={"Content-Type": "application/merge-patch+json"})
            assert reply.status == 200, (kind, reply.text)
            body["status"] = part
        written_objects[path] = body
    assert n > 250, n
    for restarted in (False, True):
        for path, body in written_objects.items():
            missing = contains(kubesimd.get(path), body)
            assert not missing, (path, restarted, missing[:5])
        if not restarted:
            kubesimd.restart()


def test_what_is_kept_is_not_checked(kubesimd, support):
    """Else it would be marked as checked."""
    for kind in writable(support):
        body = least(kind, "wrong")
        fill(support, kind.message, body, "", True)
        reply = kubesimd.ask("POST", collection(kind) + "?dryRun=All", body)
        assert reply.status == 201, (kind, reply.text)


def wrong_values(s, inner):
    """Values of its type that no field of it could mean; None: it is left out."""
    if "additionalProperties" in s:
        return [{"!": "!"}]
    if s.get("type") == "array":
        return [[{}] if inner else ["!"]]
    if inner:
        return [None, {}]
    return {"integer": [-1]}.get(s.get("type"), ["!", None])


def checked_paths(support, message, value, prefix=()):
    for name, s, mark, inner in support.fields(message):
        if inner == METADATA or mark == "kept" or name == "status":
            continue
        if mark == "checked" and support.row(message, name).test == "-":
            yield prefix + (name,), wrong_values(s, inner)
        here = value.get(name)
        if inner and isinstance(here, dict):
            yield from checked_paths(support, inner, here, prefix + (name,))
        elif inner and isinstance(here, list) and here:
            yield from checked_paths(support, inner, here[0], prefix + (name, 0))


def test_what_is_checked_is_checked(kubesimd, support):
    n = 0
    for kind in writable(support):
        for path, values in checked_paths(support, kind.message, least(kind, "wrong")):
            statuses = []
            for value in values:
                body = least(kind, "wrong")
                at = body
                for step in path[:-1]:
                    at = at[step]
                at.pop(path[-1], None)
                if value is not None:
                    at[path[-1]] = value
                statuses.append(kubesimd.ask("POST", collection(kind) + "?dryRun=All", body).status)
            assert 422 in statuses, f"{kind.plural} {path}: {values} are taken ({statuses})"
            n += 1
    assert n > 30, n


def test_what_is_refused_is_refused(kubesimd, support):
    n = 0
    for kind in writable(support):
        refused = support.refused(kind.message)
        if not refused:
            continue
        create(kubesimd, kind, least(kind, "refusing"))
        for row in refused:
            for method in ("GET", "PUT", "POST", "PATCH"):
                reply = kubesimd.ask(method, f"{collection(kind)}/refusing{row.field}", {} if method != "GET" else None)
                assert reply.status in (404, 405), (method, row, reply.text)
            n += 1
    assert n >= 1
    for row in not_served():
        base = "/api/v1/" if row.message == "v1" else f"/apis/{row.message}/"
        assert kubesimd.ask("GET", base + row.field).status == 404, row
        assert kubesimd.ask("POST", base + row.field, {}).status == 404, row
        assert not [k for k in support.kinds if (k.group_version, k.plural) == (row.message, row.field)], row


# --- What is made ---

ONCE = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}
WORLD = [
    ("/api/v1/nodes", {"metadata": {"name": "n"}, "status": {"capacity": {"cpu": "4"}}}),
    ("/apis/apps/v1/namespaces/kept/deployments", {"metadata": {"name": "d"}, "spec": {
        "replicas": 2, "selector": SELECTOR, "template": {"metadata": TEMPLATE["metadata"], "spec": {
            "containers": [{"name": "c", "image": "x"}], "initContainers": [{"name": "i", "image": "x"}]}}}}),
    ("/apis/apps/v1/namespaces/kept/deployments", {"metadata": {"name": "big"}, "spec": {
        "selector": {"matchLabels": {"app": "big"}}, "template": {"metadata": {"labels": {"app": "big"}}, "spec": {
            "containers": [{"name": "c", "image": "x", "resources": {"requests": {"cpu": "100"}}}]}}}}),
    ("/apis/apps/v1/namespaces/kept/daemonsets", {"metadata": {"name": "each"}, "spec": {
        "selector": {"matchLabels": {"app": "each"}}, "template": {"metadata": {"labels": {"app": "each"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}}}),
    ("/apis/apps/v1/namespaces/kept/daemonsets", {"metadata": {"name": "large"}, "spec": {
        "selector": {"matchLabels": {"app": "large"}}, "template": {"metadata": {"labels": {"app": "large"}}, "spec": {
            "containers": [{"name": "c", "image": "x", "resources": {"requests": {"cpu": "100"}}}]}}}}),
    ("/apis/apps/v1/namespaces/kept/statefulsets", {"metadata": {"name": "numbered"}, "spec": {
        "serviceName": "n", "selector": {"matchLabels": {"app": "n"}}, "template": {"metadata": {"labels": {"app": "n"}}, "spec": {
            "containers": [{"name": "c", "image": "x"}]}}}}),
    ("/api/v1/namespaces/kept/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "selector": {"app": "x"}}}),
    ("/apis/policy/v1/namespaces/kept/poddisruptionbudgets", {"metadata": {"name": "b"}, "spec": {"selector": SELECTOR, "minAvailable": 1}}),
    ("/apis/batch/v1/namespaces/kept/jobs", {"metadata": {"name": "good"}, "spec": {"template": {
        "metadata": {"annotations": {"kubesim.io/duration": "300ms"}}, "spec": ONCE}}}),
    ("/apis/batch/v1/namespaces/kept/jobs", {"metadata": {"name": "long"}, "spec": {"template": {
        "metadata": {"annotations": {"kubesim.io/duration": "1h"}}, "spec": ONCE}}}),
    ("/apis/batch/v1/namespaces/kept/jobs", {"metadata": {"name": "bad"}, "spec": {"backoffLimit": 0, "template": {
        "metadata": {"annotations": {"kubesim.io/duration": "300ms", "kubesim.io/exit-code": "1"}},
        "spec": ONCE}}}),
]


# Those of events are what clients write, or what the cluster writes into its own.
ALIVE = {r.message for r in table() if r.field == "." and r.mark in ("alive", "made")} - {"core.v1.Event", "events.v1.Event"}


def made_paths(support, message, seen=(METADATA,)):
    for name, s, mark, inner in support.fields(message):
        row = support.row(message, name)
        if mark == "made" and row.test == "-":
            yield (name,)
        if mark in ("made", "alive") and inner and inner not in seen:
            yield from ((name,) + rest for rest in made_paths(support, inner, seen + (inner,)))


def holds(value, path):
    if isinstance(value, list):
        return any(holds(v, path) for v in value)
    if not path:
        return value is not None
    return isinstance(value, dict) and holds(value.get(path[0]), path[1:])


def test_what_is_made_is_there(kubesimd, support):
    """In a cluster where something of each happens, some object of the kind has each field that kubesim is said to make."""
    for path, body in WORLD:
        kubesimd.post(path, body, 201)
    # metadata is that of any kind. Of what is not stored, as reviews, tests tell.
    listed = [kind for kind in support.kinds if "list" in kind.verbs]
    made = {(kind, path) for kind in support.kinds if kind.message in ALIVE for path in made_paths(support, kind.message)}
    assert not [(kind, path) for kind, path in made if kind not in listed]
    made |= {(None, ("metadata",) + path) for path in made_paths(support, METADATA, ())}
    assert len(made) > 60, len(made)

    def seen():
        for kind in listed:
            items = kubesimd.get(collection(kind))["items"]
            made.difference_update({(k, p) for k, p in made if k in (kind, None) and holds(items, p)})
        return not made

    try:
        eventually(seen, 15)
    except AssertionError:
        raise AssertionError(f"never seen: {sorted((k.kind if k else '', '.'.join(p)) for k, p in made)}") from None
