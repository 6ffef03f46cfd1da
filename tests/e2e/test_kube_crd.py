# SPDX-License-Identifier: Apache-2.0
"""CustomResourceDefinitions: their life, versions, names, ends, restarts, and objects by the Python client."""
import json
import signal
import threading

import pytest
from kubernetes import client
from kubernetes.client.rest import ApiException

from conftest import eventually

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SCHEMA = {"type": "object", "properties": {"spec": {"type": "object", "properties": {
    "size": {"type": "integer", "default": 1}, "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}}},
    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}


def version(name, storage=False, served=True, **more):
    return {"name": name, "served": served, "storage": storage, "schema": {"openAPIV3Schema": SCHEMA}, **more}


def definition(plural, kind, scope="Namespaced", versions=None, group="example.com", **names):
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": scope, "names": {"plural": plural, "kind": kind, **names},
                     "versions": versions or [version("v1", True)]}}


def conditions(daemon, name):
    return {c["type"]: (c["status"], c["reason"]) for c in daemon.get(f"{CRDS}/{name}")["status"].get("conditions", [])}


def established(daemon, name):
    return eventually(lambda: conditions(daemon, name).get("Established", ("",))[0] == "True")


def define(daemon, *args, **more):
    d = definition(*args, **more)
    daemon.post(CRDS, d, 201)
    established(daemon, d["metadata"]["name"])


def things(ns="default", v="v1"):
    return f"/apis/example.com/{v}/namespaces/{ns}/things"


def thing(name, **more):
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": name, **more.pop("metadata", {})}, **more}


def test_it_is_established(kubesimd):
    made = kubesimd.post(CRDS, definition("things", "Thing", shortNames=["tg"]), 201)
    assert made["status"] == {"conditions": [], "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": ["v1"]}
    assert made["spec"]["names"] == {"plural": "things", "kind": "Thing", "shortNames": ["tg"], "singular": "thing", "listKind": "ThingList"}
    established(kubesimd, "things.example.com")
    status = kubesimd.get(f"{CRDS}/things.example.com")["status"]
    assert status["acceptedNames"] == made["spec"]["names"]
    assert conditions(kubesimd, "things.example.com") == {"NamesAccepted": ("True", "NoConflicts"), "Established": ("True", "InitialNamesAccepted")}
    assert kubesimd.get(things())["kind"] == "ThingList"
    # discovery in both forms, OpenAPI in both
    (found,) = kubesimd.get("/apis/example.com/v1")["resources"]
    assert (found["name"], found["kind"], found["shortNames"], found["namespaced"]) == ("things", "Thing", ["tg"], True)
    groups = kubesimd.get("/apis", headers={"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"})["items"]
    assert [g for g in groups if g["metadata"].get("name") == "example.com"][0]["versions"][0]["resources"][0]["singularResource"] == "thing"
    url = kubesimd.get("/openapi/v3")["paths"]["apis/example.com/v1"]["serverRelativeURL"]
    document = kubesimd.get(url)
    schema = document["components"]["schemas"]["com.example.v1.Thing"]
    assert schema["x-kubernetes-group-version-kind"] == [{"group": "example.com", "version": "v1", "kind": "Thing"}]
    assert schema["properties"]["spec"] == SCHEMA["properties"]["spec"]
    assert "application/strategic-merge-patch+json" not in json.dumps(document["paths"])


def test_objects_are_kept_over_a_crash(kubesimd):
    define(kubesimd, "things", "Thing")
    define(kubesimd, "wholes", "Whole", scope="Cluster")
    for i in range(5):
        kubesimd.post(things(), thing(f"t{i}", spec={"size": i}), 201)
    kubesimd.post("/apis/example.com/v1/wholes", {"metadata": {"name": "w"}}, 201)
    before = kubesimd.get(things())
    kubesimd.restart(signal.SIGKILL)
    after = kubesimd.get(things())
    assert after["items"] == before["items"] and len(after["items"]) == 5
    assert kubesimd.get("/apis/example.com/v1/wholes/w")["kind"] == "Whole"
    assert kubesimd.ask("POST", things(), thing("t0")).status == 409
    # another definition gets another slot
    define(kubesimd, "others", "Other")
    assert kubesimd.get("/apis/example.com/v1/namespaces/default/others")["items"] == []
    assert len(kubesimd.get(things())["items"]) == 5


def test_a_watch_goes_on_after_a_crash(kubesimd):
    define(kubesimd, "things", "Thing")
    kubesimd.post(things(), thing("a"), 201)
    at = kubesimd.get(things())["metadata"]["resourceVersion"]
    kubesimd.restart(signal.SIGKILL)
    seen = []

    def follow():
        for event in kubesimd.stream(f"{things()}?watch=1&resourceVersion={at}"):
            seen.append((event["type"], event["object"]["metadata"]["name"], event["object"]["kind"]))
            if len(seen) == 3:
                return

    reader = threading.Thread(target=follow)
    reader.start()
    kubesimd.post(things(), thing("b"), 201)
    kubesimd.ask("PATCH", f"{things()}/b", {"spec": {"size": 4}}, {"Content-Type": "application/merge-patch+json"})
    kubesimd.ask("DELETE", f"{things()}/a")
    reader.join(10)
    assert seen == [("ADDED", "b", "Thing"), ("MODIFIED", "b", "Thing"), ("DELETED", "a", "Thing")]


def test_its_end_takes_the_objects_and_the_watches(kubesimd):
    define(kubesimd, "things", "Thing")
    kubesimd.post(things(), thing("held", metadata={"finalizers": ["example.com/hold"]}), 201)
    kubesimd.post(things(), thing("free"), 201)
    seen = []

    def follow():
        for event in kubesimd.stream(f"{things()}?watch=1"):
            seen.append((event["type"], event["object"]["metadata"]["name"]))

    reader = threading.Thread(target=follow)
    reader.start()
    eventually(lambda: len(seen) == 2)
    answer = kubesimd.ask("DELETE", f"{CRDS}/things.example.com").json
    assert answer["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"] and answer["metadata"]["deletionTimestamp"]
    eventually(lambda: conditions(kubesimd, "things.example.com").get("Terminating") == ("True", "InstanceDeletionInProgress"))
    eventually(lambda: [o["metadata"]["name"] for o in kubesimd.get(things())["items"]] == ["held"])
    refused = kubesimd.ask("POST", things(), thing("late"))
    assert refused.status == 405 and "create not allowed while custom resource definition is terminating" in refused.json["message"]
    # nobody frees it by taking the finalizer of the definition away
    patch = {"Content-Type": "application/merge-patch+json"}
    kubesimd.ask("PATCH", f"{CRDS}/things.example.com", {"metadata": {"finalizers": None}}, patch)
    assert kubesimd.get(f"{CRDS}/things.example.com")
    kubesimd.ask("PATCH", f"{things()}/held", {"metadata": {"finalizers": None}}, patch)
    eventually(lambda: kubesimd.ask("GET", f"{CRDS}/things.example.com").status == 404)
    reader.join(10)
    assert not reader.is_alive() and seen[-1] == ("DELETED", "held")
    assert kubesimd.ask("GET", things()).status == 404
    assert "example.com" not in [g["name"] for g in kubesimd.get("/apis")["groups"]]
    # the same name again has nothing of the one before, and no list of then
    define(kubesimd, "things", "Thing")
    assert kubesimd.get(things())["items"] == []
    assert kubesimd.ask("GET", f"{things()}?resourceVersion=3&resourceVersionMatch=Exact").status == 410


def test_versions(kubesimd):
    versions = [version("v1beta1", True, deprecated=True), version("v1", subresources={"status": {}}), version("v2alpha1", served=False), version("v10")]
    define(kubesimd, "things", "Thing", versions=versions)
    group = kubesimd.get("/apis/example.com")
    assert [v["version"] for v in group["versions"]] == ["v10", "v1", "v1beta1"] and group["preferredVersion"]["version"] == "v10"
    made = kubesimd.ask("POST", things(v="v1beta1"), {"metadata": {"name": "a"}, "spec": {"size": 2}, "status": {"x": 1}})
    assert made.status == 201 and made.headers["Warning"] == '299 - "example.com/v1beta1 Thing is deprecated"'
    for v in ("v1", "v1beta1", "v10"):
        seen = kubesimd.get(f"{things(v=v)}/a")
        assert (seen["apiVersion"], seen["spec"], seen["status"]) == (f"example.com/{v}", {"size": 2}, {"x": 1})
    assert kubesimd.ask("GET", f"{things(v='v2alpha1')}/a").status == 404
    # the status is a subresource of v1 only
    put = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a", "labels": {"l": "x"}}, "spec": {"size": 3}, "status": {"x": 2}}
    assert kubesimd.ask("PUT", f"{things()}/a/status", put).json["spec"] == {"size": 2}
    now = kubesimd.get(f"{things()}/a")
    assert now["status"] == {"x": 2} and now["metadata"]["generation"] == 1 and "labels" not in now["metadata"]
    assert kubesimd.ask("PUT", f"{things(v='v10')}/a/status", put).status == 404
    kubesimd.ask("PATCH", f"{things(v='v10')}/a", {"status": {"x": 5}}, {"Content-Type": "application/merge-patch+json"})
    assert kubesimd.get(f"{things()}/a")["metadata"]["generation"] == 2
    # a version that objects may be stored in stays; another storage version joins it
    d = kubesimd.get(f"{CRDS}/things.example.com")
    d["spec"]["versions"][0]["storage"], d["spec"]["versions"][1]["storage"] = False, True
    assert kubesimd.ask("PUT", f"{CRDS}/things.example.com", d).json["status"]["storedVersions"] == ["v1beta1", "v1"]
    d = kubesimd.get(f"{CRDS}/things.example.com")
    del d["spec"]["versions"][0]
    refused = kubesimd.ask("PUT", f"{CRDS}/things.example.com", d)
    assert refused.status == 422 and "status.storedVersions[0]" in refused.json["message"]


def test_a_changed_schema_counts_at_once(kubesimd):
    define(kubesimd, "things", "Thing")
    kubesimd.post(things(), thing("a", spec={"size": 50}), 201)
    d = kubesimd.get(f"{CRDS}/things.example.com")
    d["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["size"]["maximum"] = 9
    assert kubesimd.ask("PUT", f"{CRDS}/things.example.com", d).json["metadata"]["generation"] == 2
    assert kubesimd.ask("POST", things(), thing("b", spec={"size": 50})).status == 422
    patch = {"Content-Type": "application/merge-patch+json"}
    assert kubesimd.ask("PATCH", f"{things()}/a", {"metadata": {"labels": {"x": "y"}}}, patch).status == 200  # what it was is not complained of
    assert kubesimd.ask("PATCH", f"{things()}/a", {"spec": {"size": 60}}, patch).status == 422
    d = kubesimd.get(f"{CRDS}/things.example.com")
    d["spec"]["scope"] = "Cluster"
    refused = kubesimd.ask("PUT", f"{CRDS}/things.example.com", d)
    assert refused.status == 422 and 'spec.scope: Invalid value: "Cluster": field is immutable' in refused.json["message"]


def test_names_are_taken_once(kubesimd):
    define(kubesimd, "things", "Thing", shortNames=["tg"])
    kubesimd.post(CRDS, definition("others", "Other", shortNames=["tg"]), 201)
    kubesimd.post(CRDS, definition("more", "Thing"), 201)
    eventually(lambda: conditions(kubesimd, "more.example.com"))
    assert conditions(kubesimd, "others.example.com") == {"NamesAccepted": ("False", "ShortNamesConflict"), "Established": ("False", "NotAccepted")}
    assert conditions(kubesimd, "more.example.com")["NamesAccepted"] == ("False", "ListKindConflict")
    assert kubesimd.ask("GET", "/apis/example.com/v1/namespaces/default/others").status == 404
    # another group has its own
    define(kubesimd, "things", "Thing", group="example.org", shortNames=["tg"])
    # ours are taken
    kubesimd.post(CRDS, {**definition("deployments", "Deployer", group="apps"), "metadata": {"name": "deployments.apps"}}, 422)  # no domain
    reserved = definition("ingresses", "Entry", group="networking.k8s.io")
    reserved["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, a test"}
    kubesimd.post(CRDS, reserved, 201)
    eventually(lambda: conditions(kubesimd, "ingresses.networking.k8s.io").get("NamesAccepted") == ("False", "PluralConflict"))
    # whoever waits gets the name when it is free
    kubesimd.ask("DELETE", f"{CRDS}/things.example.com")
    established(kubesimd, "others.example.com")
    established(kubesimd, "more.example.com")


def test_owners(kubesimd):
    define(kubesimd, "things", "Thing")
    owner = kubesimd.post(things(), thing("owner"), 201)["metadata"]
    ref = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "owner", "uid": owner["uid"]}
    kubesimd.post("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "c", "ownerReferences": [ref]}}, 201)
    kubesimd.post(things(), thing("child", metadata={"ownerReferences": [ref]}), 201)
    kubesimd.restart(signal.SIGKILL)
    assert len(kubesimd.get(things())["items"]) == 2
    kubesimd.ask("DELETE", f"{things()}/owner?propagationPolicy=Foreground")
    eventually(lambda: kubesimd.get(things())["items"] == [])
    eventually(lambda: kubesimd.ask("GET", "/api/v1/namespaces/default/configmaps/c").status == 404)
    # an owner of a kind that nobody knows is believed, until somebody does
    kubesimd.post("/api/v1/namespaces/default/configmaps",
                  {"metadata": {"name": "d", "ownerReferences": [{**ref, "kind": "Other"}]}}, 201)
    kubesimd.post(things(), thing("x"), 201)
    assert kubesimd.ask("GET", "/api/v1/namespaces/default/configmaps/d").status == 200
    define(kubesimd, "others", "Other")
    eventually(lambda: kubesimd.ask("GET", "/api/v1/namespaces/default/configmaps/d").status == 404)


def test_a_namespace_is_emptied(kubesimd):
    define(kubesimd, "things", "Thing")
    assert kubesimd.ask("POST", things("team"), thing("a")).status == 404
    kubesimd.post("/api/v1/namespaces", {"metadata": {"name": "team"}}, 201)
    kubesimd.post(things("team"), thing("a"), 201)
    kubesimd.post(things(), thing("a"), 201)
    assert [o["metadata"]["namespace"] for o in kubesimd.get("/apis/example.com/v1/things")["items"]] == ["default", "team"]
    kubesimd.ask("DELETE", "/api/v1/namespaces/team")
    eventually(lambda: kubesimd.ask("GET", "/api/v1/namespaces/team").status == 404)
    assert [o["metadata"]["namespace"] for o in kubesimd.get("/apis/example.com/v1/things")["items"]] == ["default"]


def test_limits(kubesimd):
    for i in range(64):
        kubesimd.post(CRDS, definition(f"things{i}", f"Thing{i}", scope="Cluster"), 201)
    refused = kubesimd.ask("POST", CRDS, definition("more", "More", scope="Cluster"))
    assert refused.status == 429 and "64 CustomResourceDefinitions of scope Cluster" in refused.json["message"]
    define(kubesimd, "more", "More")
    assert len(kubesimd.get("/apis/example.com/v1")["resources"]) == 65
    kubesimd.ask("DELETE", f"{CRDS}/things3.example.com")
    eventually(lambda: kubesimd.ask("POST", CRDS, definition("last", "Last", scope="Cluster")).status == 201)
    established(kubesimd, "last.example.com")
    conversion = definition("webs", "Web")
    conversion["spec"]["conversion"] = {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"]}}
    refused = kubesimd.ask("POST", CRDS, conversion)
    assert refused.status == 422 and "this server calls no webhooks" in refused.json["message"]


def test_pages_and_selectors(kubesimd):
    define(kubesimd, "things", "Thing", versions=[version("v1", True, selectableFields=[{"jsonPath": ".spec.size"}])])
    for i in range(7):
        kubesimd.post(things(), thing(f"t{i}", metadata={"labels": {"odd": str(i % 2)}}, spec={"size": i % 3}), 201)
    page = kubesimd.get(f"{things()}?limit=4")
    rest = kubesimd.get(f"{things()}?limit=4&continue={page['metadata']['continue']}")
    assert [o["metadata"]["name"] for o in page["items"] + rest["items"]] == [f"t{i}" for i in range(7)]
    assert {(o["apiVersion"], o["kind"]) for o in page["items"]} == {("example.com/v1", "Thing")}
    assert [o["metadata"]["name"] for o in kubesimd.get(f"{things()}?fieldSelector=spec.size=1&labelSelector=odd=0")["items"]] == ["t4"]
    table = kubesimd.get(things(), headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Age"] and table["rows"][0]["cells"][0] == "t0"
    assert kubesimd.ask("DELETE", f"{things()}?labelSelector=odd=1").status == 200
    assert [o["metadata"]["name"] for o in kubesimd.get(things())["items"]] == ["t0", "t2", "t4", "t6"]


def test_python_client(kubesimd):
    define(kubesimd, "things", "Thing", versions=[version("v1", True, subresources={
        "status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}})])
    api = client.CustomObjectsApi(client.ApiClient(client.Configuration(host=kubesimd.url)))
    where = ("example.com", "v1", "default", "things")
    made = api.create_namespaced_custom_object(*where, thing("a", spec={"size": 2, "tags": ["x", "y"]}))
    assert made["metadata"]["generation"] == 1 and made["spec"]["size"] == 2
    made["spec"]["tags"] = ["x"]
    assert api.replace_namespaced_custom_object(*where, "a", made)["metadata"]["generation"] == 2
    with pytest.raises(ApiException) as e:
        api.replace_namespaced_custom_object(*where, "a", made)
    assert e.value.status == 409
    with pytest.raises(ApiException) as e:
        api.patch_namespaced_custom_object(*where, "a", {"spec": {"tags": ["x", "x"]}})
    assert e.value.status == 422 and json.loads(e.value.body)["details"]["causes"][0]["field"] == "spec.tags[1]"
    assert api.patch_namespaced_custom_object_status(*where, "a", {"status": {"size": 1}})["status"] == {"size": 1}
    scale = api.get_namespaced_custom_object_scale(*where, "a")
    assert (scale["spec"], scale["status"]) == ({"replicas": 2}, {"replicas": 1, "selector": ""})
    api.patch_namespaced_custom_object_scale(*where, "a", {"spec": {"replicas": 5}})
    assert api.get_namespaced_custom_object(*where, "a")["spec"]["size"] == 5
    assert [o["metadata"]["name"] for o in api.list_cluster_custom_object("example.com", "v1", "things")["items"]] == ["a"]
    api.delete_namespaced_custom_object(*where, "a")
    assert api.list_namespaced_custom_object(*where)["items"] == []
