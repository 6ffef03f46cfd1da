# SPDX-License-Identifier: Apache-2.0
"""Paths, statuses, reasons, details and words that clients of Kubernetes know, where they are easily otherwise."""
import json

import pytest

from conftest import UnixConnection

PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
POD = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}


def refusal(daemon, status, method, path, body=None, headers=None):
    reply = daemon.ask(method, path, body, headers)
    assert reply.status == status, reply.text
    assert reply.json["kind"] == "Status" and reply.json["code"] == status
    return reply.json


def test_a_slash_at_the_end(kubesimd):
    for path in ("/version", "/api", "/apis", "/api/v1", "/apis/apps", "/apis/apps/v1", "/api/v1/pods", "/openapi/v3", "/nodes"):
        with_slash, without = kubesimd.ask("GET", path + "/"), kubesimd.ask("GET", path)
        assert (with_slash.status, with_slash.text) == (200, without.text)
    assert kubesimd.ask("GET", "/apis//").status == 404


def test_health(kubesimd):
    for endpoint, checks in (("livez", 4), ("readyz", 6), ("healthz", 6)):
        assert kubesimd.ask("GET", f"/{endpoint}").text == "ok"
        lines = kubesimd.ask("GET", f"/{endpoint}?verbose").text.splitlines()
        assert lines[0] == "[+]ping ok" and lines[-1] == f"{endpoint} check passed" and len(lines) == checks + 1
        for line in lines[:-1]:
            assert kubesimd.ask("GET", f"/{endpoint}/{line[3:-3]}").text == "ok"
        assert "[+]ping excluded: ok" in kubesimd.ask("GET", f"/{endpoint}?verbose&exclude=ping").text
        assert kubesimd.ask("GET", f"/{endpoint}/nosuch").status == 404
        head = kubesimd.ask("HEAD", f"/{endpoint}")
        assert (head.status, head.headers["Content-Length"], head.text) == (200, "2", "")
    assert kubesimd.ask("GET", "/livez/storage").status == 404  # of readyz


def test_paths(kubesimd):
    paths = kubesimd.get("/")["paths"]
    assert {"/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/apis/policy/v1beta1", "/healthz", "/version"} <= set(paths)
    assert len(paths) == len(set(paths))
    for path in paths:
        assert kubesimd.ask("GET", path).status == 200, path
    for path in ("/api/v2/pods", "/api/v1/a/b/c/d/e", "/apis/a/b/c/d/e/f/g/h"):
        assert refusal(kubesimd, 404, "GET", path)["message"] == "the server could not find the requested resource"
    for path in ("/api", "/apis", "/openapi/v2"):
        assert refusal(kubesimd, 405, "POST", path, {})["message"] == "the server does not allow this method on the requested resource"


def test_not_acceptable(kubesimd):
    kubesimd.post(MAPS, {"metadata": {"name": "a"}}, 201)
    for accept in ("text/html", "application/vnd.kubernetes.protobuf", "application/cbor, image/png", "application/jsonlines", "application/yamlet",
                   "application/json;as=Foo;v=v1;g=meta.k8s.io", "application/json;as=Table;v=v2;g=meta.k8s.io", "application/json; as=Table; v=v1; g=x",
                   "application/json;as=Table"):
        body = refusal(kubesimd, 406, "GET", MAPS + "/a", headers={"Accept": accept})
        assert (body["message"], body["reason"]) == ("406: Not Acceptable", "NotAcceptable")
    for accept in ("*/*", "application/*", "application/json", "application/vnd.kubernetes.protobuf,application/json", "text/html, */*;q=0.1",
                   "application/json;as=Foo;v=v1;g=meta.k8s.io,application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"):
        reply = kubesimd.ask("GET", MAPS + "/a", headers={"Accept": accept})
        assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    for accept in ("application/yaml", "text/html,application/yaml;q=0.9,*/*;q=0.1"):
        reply = kubesimd.ask("GET", MAPS + "/a", headers={"Accept": accept})
        assert (reply.status, reply.headers["Content-Type"]) == (200, "application/yaml")


@pytest.mark.parametrize("method,path,body,kind,field,reason,detail", [
    ("POST", PODS + "?dryRun=No", POD, "CreateOptions", "dryRun", "FieldValueNotSupported", 'Unsupported value: "No": supported values: "All"'),
    ("PUT", PODS + "/web?dryRun=No", POD, "UpdateOptions", "dryRun", "FieldValueNotSupported", 'Unsupported value: "No": supported values: "All"'),
    ("POST", PODS + "?fieldValidation=No", POD, "CreateOptions", "fieldValidation", "FieldValueNotSupported",
     'Unsupported value: "No": supported values: "Ignore", "Strict", "Warn"'),
    ("POST", PODS + "?fieldManager=" + "x" * 129, POD, "CreateOptions", "fieldManager", "FieldValueTooLong", "Too long: may not be more than 128 bytes"),
    ("DELETE", PODS + "/web", {"propagationPolicy": "No"}, "DeleteOptions", "propagationPolicy", "FieldValueNotSupported",
     'Unsupported value: "No": supported values: "Foreground", "Background", "Orphan", "nil"'),
    ("DELETE", PODS + "/web", {"gracePeriodSeconds": -5}, "DeleteOptions", "gracePeriodSeconds", "FieldValueInvalid",
     "Invalid value: -5: must be greater than or equal to 0"),
    ("DELETE", PODS + "/web", {"dryRun": ["No"]}, "DeleteOptions", "dryRun", "FieldValueNotSupported", 'Unsupported value: "No": supported values: "All"'),
    ("DELETE", PODS + "/web", {"propagationPolicy": "Orphan", "orphanDependents": True}, "DeleteOptions", "propagationPolicy", "FieldValueInvalid",
     'Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set'),
    ("GET", PODS + "?sendInitialEvents=true", None, "ListOptions", "sendInitialEvents", "FieldValueForbidden",
     "Forbidden: sendInitialEvents is forbidden for list"),
    ("GET", PODS + "?resourceVersionMatch=Exact", None, "ListOptions", "resourceVersionMatch", "FieldValueForbidden",
     "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"),
    ("GET", PODS + "?resourceVersionMatch=Exact&resourceVersion=0", None, "ListOptions", "resourceVersionMatch", "FieldValueForbidden",
     'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
    ("GET", PODS + "?resourceVersionMatch=No&resourceVersion=1", None, "ListOptions", "resourceVersionMatch", "FieldValueNotSupported",
     'Unsupported value: "No": supported values: "Exact", "NotOlderThan"'),
    ("PATCH", PODS + "/web", {}, "PatchOptions", "fieldManager", "FieldValueRequired", "Required value: is required for apply patch"),
    ("PATCH", PODS + "/web?force=1", {}, "PatchOptions", "force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch"),
])
def test_wrong_options(kubesimd, method, path, body, kind, field, reason, detail):
    kubesimd.post(PODS, POD, 201)
    patch = {"Content-Type": "application/merge-patch+json" if "force" in path else "application/apply-patch+yaml"} if method == "PATCH" else None
    status = refusal(kubesimd, 422, method, path, body, patch)
    assert status["message"] == f'{kind}.meta.k8s.io "" is invalid: {field}: {detail}' and status["reason"] == "Invalid"
    assert status["details"] == {"group": "meta.k8s.io", "kind": kind, "causes": [{"reason": reason, "message": detail, "field": field}]}


def test_what_is_written_has_a_name(kubesimd):
    """A PUT without one would put what it says in the place of whatever is there."""
    kubesimd.post(MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}}, 201)
    for body in ({"metadata": {}}, {}, {"metadata": {"name": ""}, "data": {}}):
        message = refusal(kubesimd, 400, "PUT", MAPS + "/a", body)["message"]
        assert message == "the name of the object (a based on URL) was undeterminable: name must be provided"
    assert kubesimd.get(MAPS + "/a")["data"] == {"k": "v"}


def test_what_goes_is_held_by_nothing_new(kubesimd):
    kubesimd.post(MAPS, {"metadata": {"name": "a", "finalizers": ["x.io/a", "x.io/b"]}}, 201)
    kubesimd.ask("DELETE", MAPS + "/a")
    patch = {"Content-Type": "application/merge-patch+json"}
    status = refusal(kubesimd, 422, "PATCH", MAPS + "/a", {"metadata": {"finalizers": ["x.io/a", "x.io/c"]}}, patch)
    assert status["message"] == ('ConfigMap "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, '
                                 'found new finalizers []string{"x.io/c"}')
    assert kubesimd.get(MAPS + "/a")["metadata"]["finalizers"] == ["x.io/a", "x.io/b"]
    assert kubesimd.ask("PATCH", MAPS + "/a", {"metadata": {"finalizers": ["x.io/b"]}}, patch).status == 200
    assert kubesimd.ask("PATCH", MAPS + "/a", {"metadata": {"finalizers": None}}, patch).status == 200
    assert kubesimd.ask("GET", MAPS + "/a").status == 404


def test_patches_have_an_end(kubesimd):
    kubesimd.post(MAPS, {"metadata": {"name": "a"}}, 201)
    patch = {"Content-Type": "application/json-patch+json"}
    operation = {"op": "add", "path": "/data", "value": {}}
    message = refusal(kubesimd, 413, "PATCH", MAPS + "/a", [operation] * 10001, patch)["message"]
    assert message == "The allowed maximum operations in a JSON patch is 10000, got 10001"
    assert kubesimd.ask("PATCH", MAPS + "/a", [operation] * 10000, patch).status == 200


@pytest.mark.parametrize("data,at", [
    ("a", 0), ("ab", 0), ("abc", 0), ("abcd*", 4), ("abcdefg", 4), ("ab=", 3), ("ab=c", 2), ("a===", 1), ("abcd=", 4), ("abc=d", 4), ("ab==x", 4), ("====", 0),
    ("", None), ("abcd", None), ("abc=", None), ("ab==", None), ("ab\ncd\r\n", None),
])
def test_bytes_are_base64(kubesimd, data, at):
    """The offset is that of encoding/base64 of Go, which kube-apiserver gives back."""
    secret = {"metadata": {"name": "s"}, "data": {"k": data}}
    if at is None:
        kubesimd.post("/api/v1/namespaces/default/secrets", secret, 201)
        return
    message = refusal(kubesimd, 400, "POST", "/api/v1/namespaces/default/secrets", secret)["message"]
    assert message == f'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte {at}'


def test_times_are_times(kubesimd):
    lease = {"metadata": {"name": "l"}, "spec": {"renewTime": "yesterday"}}
    message = refusal(kubesimd, 400, "POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases", lease)["message"]
    assert message.startswith('Lease in version "v1" cannot be handled as a Lease: parsing time "yesterday" as "2006-01-02T15:04:05Z07:00"')


def test_numbers_have_a_width(kubesimd):
    """As the types in Go have: 32 bits, or 64."""
    deployment = {"metadata": {"name": "d"}, "spec": {"replicas": 3000000000, "selector": {"matchLabels": {"a": "b"}},
                                                      "template": {"metadata": {"labels": {"a": "b"}}, "spec": POD["spec"]}}}
    message = refusal(kubesimd, 400, "POST", "/apis/apps/v1/namespaces/default/deployments", deployment)["message"]
    assert message.endswith("json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32")
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 4294967298, "selector": {}}}
    assert "minAvailable of type" in refusal(kubesimd, 400, "POST", "/apis/policy/v1/namespaces/default/poddisruptionbudgets", budget)["message"]
    pod = {"metadata": {"name": "p"}, "spec": {**POD["spec"], "terminationGracePeriodSeconds": 10 ** 19}}
    assert refusal(kubesimd, 400, "POST", PODS, pod)["message"].endswith("of type int64")
    pod["spec"]["tolerations"] = [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 3000000000}]
    del pod["spec"]["terminationGracePeriodSeconds"]
    assert kubesimd.post(PODS, pod, 201)["spec"]["tolerations"][0]["tolerationSeconds"] == 3000000000


@pytest.mark.parametrize("field,before,wrong,right,words", [
    ("nodeName", None, "elsewhere", None, "pod updates may not change fields other than"),
    ("terminationGracePeriodSeconds", 30, 77, None, "pod updates may not change fields other than"),
    ("activeDeadlineSeconds", 100, 200, 50, "spec.activeDeadlineSeconds: Invalid value: 200: must be less than or equal to previous value"),
    ("activeDeadlineSeconds", 100, None, 100, "must not update from a positive integer to nil value"),
])
def test_what_of_a_pod_does_not_change(kubesimd, field, before, wrong, right, words):
    patch = {"Content-Type": "application/merge-patch+json"}
    kubesimd.post(PODS, {**POD, "spec": {**POD["spec"], field: before}} if before else POD, 201)
    assert words in refusal(kubesimd, 422, "PATCH", PODS + "/web", {"spec": {field: wrong}}, patch)["message"]
    assert kubesimd.get(PODS + "/web")["spec"].get(field) == before
    if right:
        assert kubesimd.ask("PATCH", PODS + "/web", {"spec": {field: right}}, patch).status == 200


def test_tolerations_may_last_another_time(kubesimd):
    pod = kubesimd.post(PODS, POD, 201)
    for toleration in pod["spec"]["tolerations"]:
        toleration["tolerationSeconds"] = 7
    assert [t["tolerationSeconds"] for t in kubesimd.ask("PUT", PODS + "/web", pod).json["spec"]["tolerations"]] == [7, 7]
    pod = kubesimd.get(PODS + "/web")
    del pod["spec"]["tolerations"][0]
    assert refusal(kubesimd, 422, "PUT", PODS + "/web", pod)["details"]["causes"][0]["field"] == "spec.tolerations"


def test_evictions_name_their_pod(kubesimd):
    kubesimd.post(PODS, POD, 201)
    uid = kubesimd.get(PODS + "/web")["metadata"]["uid"]
    for body, status in (({"metadata": {"name": "other"}}, 400), ({"metadata": {"name": "web"}, "deleteOptions": {"preconditions": {"uid": "x"}}}, 409)):
        refusal(kubesimd, status, "POST", PODS + "/web/eviction", {"apiVersion": "policy/v1", "kind": "Eviction", **body})
    assert kubesimd.ask("GET", PODS + "/web").status == 200
    kubesimd.post(PODS + "/web/eviction", {"metadata": {"name": "web"}, "deleteOptions": {"preconditions": {"uid": uid}}}, 201)


def test_swagger(kubesimd):
    """OpenAPI 2.0 as JSON: each reference leads to a definition, each definition of a kind says so."""
    for accept in (None, "application/json", "*/*"):
        reply = kubesimd.ask("GET", "/openapi/v2", headers={"Accept": accept} if accept else None)
        assert reply.headers["Content-Type"] == "application/json"
    document = reply.json
    assert document["swagger"] == "2.0" and "/api/v1/namespaces/{namespace}/pods/{name}" in document["paths"]
    definitions = document["definitions"]
    assert {"group": "apps", "version": "v1", "kind": "Deployment"} in definitions["io.k8s.api.apps.v1.Deployment"]["x-kubernetes-group-version-kind"]
    text = json.dumps(document)
    references = {r.split('"')[0] for r in text.split('"$ref": "#/definitions/')[1:]}
    assert len(references) > 200 and references <= set(definitions) and "#/components/" not in text and '"oneOf": [{"type"' not in text
    assert definitions["io.k8s.api.core.v1.Toleration"]["properties"]["tolerationSeconds"]["format"] == "int64"


def test_delete_takes_options_alone(kubesimd):
    kubesimd.post(PODS, POD, 201)
    assert "DeleteOptions" in refusal(kubesimd, 400, "DELETE", PODS + "/web", {"kind": "Pod", "apiVersion": "v1"})["message"]
    assert kubesimd.ask("GET", PODS + "/web").status == 200


def test_wrong_queries(kubesimd):
    kubesimd.post(PODS, POD, 201)
    kubesimd.post(MAPS, {"metadata": {"name": "a"}}, 201)
    for query, message in (("limit=x", 'strconv.ParseInt: parsing "x": invalid syntax'), ("watch=1&timeoutSeconds=x", 'strconv.ParseInt: parsing "x": invalid syntax'),
                           ("continue=1.a&resourceVersion=1", "specifying resource version is not allowed when using continue"),
                           ("fieldSelector=a", "invalid selector: 'a'; can't understand 'a'"),
                           ("labelSelector=a%20b", "unable to parse requirement: found 'b', expected: '=', '!=', '==', 'in', notin'")):
        assert refusal(kubesimd, 400, "GET", f"{PODS}?{query}")["message"] == message
    assert refusal(kubesimd, 400, "DELETE", PODS + "/web?gracePeriodSeconds=x")["message"] == 'strconv.ParseInt: parsing "x": invalid syntax'
    assert len(kubesimd.get(PODS + "?limit=-1")["items"]) == 1
    newest = int(kubesimd.get(PODS)["metadata"]["resourceVersion"])
    for query in ("", "&watch=1"):
        body = refusal(kubesimd, 504, "GET", f"{PODS}?resourceVersion=99999999{query}")
        assert body["message"].startswith("Timeout: Too large resource version: 99999999, current: ") and int(body["message"].split()[-1]) >= newest
        assert body["reason"] == "Timeout" and body["details"] == {
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1}


def test_details_have_the_group(kubesimd):
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    assert refusal(kubesimd, 404, "GET", deployments + "/x")["details"] == {"name": "x", "group": "apps", "kind": "deployments"}
    assert refusal(kubesimd, 404, "GET", PODS + "/x")["details"] == {"name": "x", "kind": "pods"}
    body = refusal(kubesimd, 404, "POST", "/apis/apps/v1/namespaces/none/deployments", {"metadata": {"name": "x"}, "spec": {
        "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": POD["spec"]}}})
    assert body["details"] == {"name": "none", "kind": "namespaces"}


def test_bodies(kubesimd):
    assert refusal(kubesimd, 400, "POST", PODS, "{")["message"].startswith(
        "the object provided is unrecognized (must be of type Pod): couldn't get version/kind; json parse error: ")
    # many warnings are no reason to fail
    spec = {**POD["spec"], **{f"field{i}": 1 for i in range(300)}}
    reply = kubesimd.ask("POST", PODS, {"metadata": {"name": "a"}, "spec": spec})
    assert reply.status == 201 and 10 < len(reply.headers.get_all("Warning")) < 40
    assert reply.headers.get_all("Warning")[0] == '299 - "unknown field \\"spec.field0\\""'
    reply = kubesimd.ask("POST", PODS, {"metadata": {"name": "b"}, "spec": {**POD["spec"], "x" * 8000: 1}})
    assert reply.status == 201
    # who has not said who they are
    connection = UnixConnection(kubesimd.socket)
    connection.putrequest("POST", MAPS)
    text = b'{"metadata":{"name":"cm"},"data":{"a":"b"}}'
    connection.putheader("Content-Length", str(len(text)))
    connection.endheaders(text)
    assert json.loads(connection.getresponse().read())["metadata"]["managedFields"][0]["manager"] == "unknown"


def test_cells_of_events(kubesimd):
    events = "/api/v1/namespaces/default/events"
    make = lambda name, **more: kubesimd.post(events, {"metadata": {"name": name}, "involvedObject": {"kind": "Pod", "name": "web"}, "reason": "R",
                                                       "message": "m", "type": "Normal", **more}, 201)
    make("a", source={"component": "kubelet", "host": "n1"}, count=3)
    make("b", reportingComponent="x.io/c", reportingInstance="c-1", series={"count": 4, "lastObservedTime": "2024-01-01T00:00:00.000001Z"})
    make("c", source={"component": "only"})
    table = kubesimd.ask("GET", events, headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}).json
    columns = [c["name"] for c in table["columnDefinitions"]]
    rows = {row["cells"][columns.index("Name")]: row["cells"] for row in table["rows"]}
    assert [(rows[n][columns.index("Source")], rows[n][columns.index("Count")]) for n in "abc"] == [("kubelet, n1", "3"), ("x.io/c, c-1", "5"), ("only", "1")]


def with_container(**more):
    return {"metadata": {"name": "web"}, "spec": {"volumes": [{"name": "v", "emptyDir": {}}], "containers": [{"name": "c", "image": "x", **more}]}}


@pytest.mark.parametrize("body,message", [
    (with_container(volumeMounts=[{"name": "w", "mountPath": "/w"}]), 'spec.containers[0].volumeMounts[0].name: Not found: "w"'),
    (with_container(volumeMounts=[{"name": "v"}]), "spec.containers[0].volumeMounts[0].mountPath: Required value"),
    (with_container(volumeMounts=[{"name": "v", "mountPath": "/v"}] * 2),
     'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/v": must be unique'),
    (with_container(env=[{"value": "1"}]), "spec.containers[0].env[0].name: Required value"),
    (with_container(env=[{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
     'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'),
])
def test_wrong_containers(kubesimd, body, message):
    """env (name, value, valueFrom), volumeMounts (name, mountPath)"""
    assert refusal(kubesimd, 422, "POST", PODS, body)["message"] == f'Pod "web" is invalid: {message}'


EXEC = {"exec": {"command": ["true"]}}
INIT = {"name": "i", "image": "x"}
IDS = "must be between 0 and 2147483647, inclusive"
# What is changed of the container or of the spec, the field and the message; kubernetes, pkg/apis/core/validation/validation.go
WRONG_PROCESSES = [
    ({"livenessProbe": {}}, None, "livenessProbe: Required value: must specify a handler type"),
    ({"readinessProbe": {**EXEC, "httpGet": {"port": 80}}}, None, "readinessProbe.httpGet: Forbidden: may not specify more than 1 handler type"),
    ({"startupProbe": {"exec": {}}}, None, "startupProbe.exec.command: Required value"),
    ({"livenessProbe": {"httpGet": {"port": 0}}}, None, "livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive"),
    ({"livenessProbe": {"tcpSocket": {"port": "a--b"}}}, None, 'livenessProbe.tcpSocket.port: Invalid value: "a--b": must not contain consecutive hyphens'),
    ({"livenessProbe": {"grpc": {"port": 65536}}}, None, "livenessProbe.grpc.port: Invalid value: 65536: must be between 1 and 65535, inclusive"),
    ({"livenessProbe": {"httpGet": {"port": 80, "scheme": "FTP"}}}, None,
     'livenessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"'),
    ({"livenessProbe": {"httpGet": {"port": 80, "httpHeaders": [{"name": "a b", "value": ""}]}}}, None,
     'livenessProbe.httpGet.httpHeaders: Invalid value: "a b": a valid HTTP header must consist of alphanumeric characters or \'-\' (e.g. '
     "'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"),
    *[({"readinessProbe": {**EXEC, number: -1}}, None, f"readinessProbe.{number}: Invalid value: -1: must be greater than or equal to 0")
      for number in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")],
    ({"livenessProbe": {**EXEC, "successThreshold": 2}}, None, "livenessProbe.successThreshold: Invalid value: 2: must be 1"),
    ({"startupProbe": {**EXEC, "successThreshold": 2}}, None, "startupProbe.successThreshold: Invalid value: 2: must be 1"),
    ({"livenessProbe": {**EXEC, "terminationGracePeriodSeconds": 0}}, None,
     "livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0"),
    ({"readinessProbe": {**EXEC, "terminationGracePeriodSeconds": 1}}, None,
     "readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for readinessProbes"),
    ({"lifecycle": {"postStart": {}}}, None, "lifecycle.postStart: Required value: must specify a handler type"),
    ({"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}}, None,
     "lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)"),
    ({"restartPolicy": "Always"}, None, "restartPolicy: Forbidden: may not be set for non-init containers"),
    ({"terminationMessagePolicy": "Log"}, None,
     'terminationMessagePolicy: Unsupported value: "Log": supported values: "File", "FallbackToLogsOnError"'),
    ({"securityContext": {"runAsUser": -1}}, None, f"securityContext.runAsUser: Invalid value: -1: {IDS}"),
    ({"securityContext": {"runAsGroup": 2147483648}}, None, f"securityContext.runAsGroup: Invalid value: 2147483648: {IDS}"),
    ({"securityContext": {"allowPrivilegeEscalation": False, "privileged": True}}, None,
     'securityContext: Invalid value: {"allowPrivilegeEscalation":false,"privileged":true}: '
     "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"),
    ({"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"add": ["CAP_SYS_ADMIN"]}}}, None,
     'securityContext: Invalid value: {"allowPrivilegeEscalation":false,"capabilities":{"add":["CAP_SYS_ADMIN"]}}: '
     "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"),
    ({"resources": {"requests": {"a.b/c": "1"}}}, None, "resources.limits: Required value: Limit must be set for non overcommitable resources"),
    ({"resources": {"requests": {"a.b/c": "1"}, "limits": {"a.b/c": "2"}}}, None,
     'resources.requests: Invalid value: "1": must be equal to a.b/c limit of 2'),
    ({"resources": {"limits": {"hugepages-2Mi": "4Mi"}}}, None, "resources: Forbidden: HugePages require cpu or memory"),
    ({"ports": [{"name": "a", "containerPort": 1}, {"name": "a", "containerPort": 2}]}, None, 'ports[1].name: Duplicate value: "a"'),
    ({"ports": [{"name": "a" * 16, "containerPort": 1}]}, None, f'ports[0].name: Invalid value: "{"a" * 16}": must be no more than 15 bytes'),
    ({"ports": [{"name": "80", "containerPort": 1}]}, None, 'ports[0].name: Invalid value: "80": must contain at least one letter (a-z)'),
    ({"env": [{"name": "A=B"}]}, None, 'env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII '
     "characters other than '='"),
    ({"ports": [{"containerPort": 80, "hostPort": 81}]}, {"hostNetwork": True},
     "ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true"),
    (None, {"initContainers": [{**INIT, "livenessProbe": EXEC}]},
     "initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always"),
    (None, {"initContainers": [{**INIT, "restartPolicy": "Never"}]}, 'initContainers[0].restartPolicy: Unsupported value: "Never": supported values: "Always"'),
    (None, {"initContainers": [{**INIT, "name": "c"}]}, 'initContainers[0].name: Duplicate value: "c"'),
    (None, {"ephemeralContainers": [INIT]}, "ephemeralContainers: Forbidden: cannot be set on create"),
    (None, {"activeDeadlineSeconds": 0}, "activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"),
    *[(None, {"securityContext": {number: -1}}, f"securityContext.{number}: Invalid value: -1: {IDS}") for number in ("fsGroup", "runAsUser", "runAsGroup")],
    (None, {"securityContext": {"supplementalGroups": [1, -1]}}, f"securityContext.supplementalGroups[1]: Invalid value: -1: {IDS}"),
    (None, {"securityContext": {"fsGroupChangePolicy": "Never"}},
     'securityContext.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", "OnRootMismatch"'),
]


def test_wrong_processes(kubesimd):
    for container, spec, message in WRONG_PROCESSES:
        body = with_container(**(container or {}))
        body["spec"] |= spec or {}
        field = "spec." + ("containers[0]." if container else "")
        assert refusal(kubesimd, 422, "POST", PODS, body)["message"] == f'Pod "web" is invalid: {field}{message}'
    causes = refusal(kubesimd, 422, "POST", PODS, with_container(resources={"limits": {"cpu": "1", "hugepages-2Mi": "3Mi"}}))["details"]["causes"]
    assert [(c["field"], c["message"]) for c in causes] == [
        (f"spec.containers[0].resources.{amounts}[hugepages-2Mi]", 'Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi')
        for amounts in ("limits", "requests")]
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {**POD["spec"], "ephemeralContainers": [INIT]}}
    body = {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}
    assert refusal(kubesimd, 422, "POST", "/apis/apps/v1/namespaces/default/replicasets", body)["message"] == (
        'ReplicaSet.apps "web" is invalid: spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template')


def test_processes_as_kubernetes_takes_them(kubesimd):
    """What is right, or only said twice where Kubernetes does not mind; and what it fills in."""
    watched = {"livenessProbe": {"httpGet": {"port": "web"}, "terminationGracePeriodSeconds": 5}, "readinessProbe": {**EXEC, "successThreshold": 3},
               "lifecycle": {"preStop": {"httpGet": {"port": 80}}, "postStart": {"sleep": {"seconds": 0}}}}
    body = with_container(**watched, ports=[{"name": "web", "containerPort": 80}, {"containerPort": 81}, {"containerPort": 82}],
                          env=[{"name": "A.b-c"}, {"name": "A.b-c"}], securityContext={"runAsUser": 0, "allowPrivilegeEscalation": False},
                          resources={"limits": {"cpu": "1", "hugepages-2Mi": "4Mi", "a.b/c": "1"}, "requests": {"a.b/c": "1000m"}})
    body["spec"] |= {"activeDeadlineSeconds": 1, "initContainers": [{**INIT, "restartPolicy": "Always", **watched}], "hostNetwork": True}
    spec = kubesimd.post(PODS, body, 201)["spec"]
    for container in (spec["containers"][0], spec["initContainers"][0]):
        assert container["livenessProbe"]["httpGet"] == container["lifecycle"]["preStop"]["httpGet"] | {"port": "web"} == {
            "port": "web", "path": "/", "scheme": "HTTP"}


def test_a_rollout_has_to_be_able_to_go_on(kubesimd):
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    body = {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template,
                                                  "strategy": {"rollingUpdate": {"maxSurge": "0%", "maxUnavailable": 0}}}}
    assert refusal(kubesimd, 422, "POST", "/apis/apps/v1/namespaces/default/deployments", body)["message"] == (
        'Deployment.apps "web" is invalid: spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0')


def test_keys_of_configuration(kubesimd):
    """data and binaryData, which are immutable when they say so"""
    secrets = "/api/v1/namespaces/default/secrets"
    for path, kind in ((MAPS, "ConfigMap"), (secrets, "Secret")):
        keys = {".dockerconfigjson": "e30=", "_a-b.C": "", "x" * 253: ""}
        kubesimd.post(path, {"metadata": {"name": "a"}, "data": keys, "immutable": True}, 201)
        for key, why in (("a b", "a valid config key must consist of"), (".", "must not be '.'"), ("..a", "must not start with '..'"),
                         ("x" * 254, "must be no more than 253 bytes")):
            message = refusal(kubesimd, 422, "POST", path, {"metadata": {"name": "b"}, "data": {key: ""}})["message"]
            assert message.startswith(f'{kind} "b" is invalid: data[{key}]: Invalid value: "{key}": {why}')
        message = refusal(kubesimd, 422, "PUT", path + "/a", {"metadata": {"name": "a"}, "data": {"a": ""}, "immutable": True})["message"]
        assert message == f'{kind} "a" is invalid: data: Forbidden: field is immutable when `immutable` is set'
    body = {"metadata": {"name": "b"}, "data": {"a": ""}, "binaryData": {"a": "", "a b": ""}}
    assert [c["field"] for c in refusal(kubesimd, 422, "POST", MAPS, body)["details"]["causes"]] == ["binaryData[a]", "binaryData[a b]"]
    assert refusal(kubesimd, 422, "POST", secrets, {"metadata": {"name": "t"}, "type": "kubernetes.io/tls", "data": {"tls.crt": ""}})["message"] == (
        'Secret "t" is invalid: data[tls.key]: Required value')


def test_a_pod_says_once_where_it_is(kubesimd):
    kubesimd.post("/api/v1/nodes", {"metadata": {"name": "n1"}}, 201)
    kubesimd.post(PODS, {"metadata": {"name": "web"}, "spec": {**POD["spec"], "nodeName": "n1"}}, 201)
    for path in (PODS + "/web", PODS):
        text = kubesimd.ask("GET", path).text
        assert text.count('"nodeName"') == 1 and '"nodeName":"n1"' in text
    dry = kubesimd.post(PODS + "?dryRun=All", {"metadata": {"name": "dry"}, "spec": {**POD["spec"], "nodeName": "n1"}}, 201)
    assert dry["spec"]["nodeName"] == "n1"


def test_a_capacity_that_is_advertised_is_allocatable(kubesimd):
    """kubernetes documentation, "Advertise Extended Resources for a Node": what the kubelet does there."""
    kubesimd.post("/api/v1/nodes", {"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "4", "memory": "10Gi"}}}, 201)
    for number in ("4", "6"):
        body = [{"op": "add", "path": "/status/capacity/example.com~1dongle", "value": number}]
        reply = kubesimd.ask("PATCH", "/api/v1/nodes/n1/status", body, {"Content-Type": "application/json-patch+json"})
        assert reply.status == 200, reply.text
        status = kubesimd.get("/api/v1/nodes/n1")["status"]
        assert status["allocatable"] == status["capacity"] and status["allocatable"]["example.com/dongle"] == number
        assert status["allocatable"]["memory"] == "10Gi"
    body = {"status": {"allocatable": {"example.com/dongle": "5"}}}
    assert kubesimd.ask("PATCH", "/api/v1/nodes/n1/status", body, {"Content-Type": "application/merge-patch+json"}).status == 200
    status = kubesimd.get("/api/v1/nodes/n1")["status"]
    assert (status["capacity"]["example.com/dongle"], status["allocatable"]["example.com/dongle"]) == ("6", "5")


def test_who_scales_manages_the_replicas(kubesimd):
    """kubernetes documentation, "Server-Side Apply", transferring ownership: the scale subresource is told apart."""
    path = "/apis/apps/v1/namespaces/default/deployments"
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}}
    apply = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}
    kubesimd.ask("PATCH", path + "/d?fieldManager=m1", apply, {"Content-Type": "application/apply-patch+yaml"})
    reply = kubesimd.ask("PATCH", path + "/d/scale?fieldManager=kubectl", {"spec": {"replicas": 3}}, {"Content-Type": "application/merge-patch+json"})
    assert reply.status == 200, reply.text
    owners = {(e["manager"], e["operation"], e.get("subresource")) for e in kubesimd.get(path + "/d")["metadata"]["managedFields"]
              if "f:replicas" in e["fieldsV1"].get("f:spec", {})}
    assert owners == {("kubectl", "Update", "scale")}
    reply = kubesimd.ask("PATCH", path + "/d?fieldManager=m1", apply, {"Content-Type": "application/apply-patch+yaml"})
    assert reply.status == 409 and [c["message"] for c in reply.json["details"]["causes"]] == ['conflict with "kubectl" with subresource "scale" using apps/v1']
