# SPDX-License-Identifier: Apache-2.0
"""The Kubernetes API by its Python client (Debian's python3-kubernetes)."""
import threading
import time

import pytest
from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock

from conftest import eventually

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


@pytest.fixture
def api(kubesimd):
    settings = client.Configuration(host=kubesimd.url)
    client.Configuration.set_default(settings)
    kubesimd.post("/nodes", {"cpuCores": 8, "nodeId": "n1"}, 201)
    return client.ApiClient(settings)


@pytest.fixture
def core(api):
    return client.CoreV1Api(api)


def test_objects(core, api):
    core.create_namespaced_pod("default", POD)
    pod = eventually(lambda: [p for p in core.list_namespaced_pod("default", label_selector="app=x").items if p.status.phase == "Running"])[0]
    assert pod.spec.node_name == "n1" and pod.status.container_statuses[0].ready and pod.metadata.uid
    with pytest.raises(ApiException) as e:
        core.create_namespaced_pod("default", POD)
    assert e.value.status == 409
    core.delete_namespaced_pod("p", "default", grace_period_seconds=0)
    with pytest.raises(ApiException) as e:
        core.read_namespaced_pod("p", "default")
    assert e.value.status == 404


def test_watch_and_resume(core):
    seen, stream = [], watch.Watch()
    version = core.list_namespaced_config_map("default").metadata.resource_version

    def follow():
        for event in stream.stream(core.list_namespaced_config_map, "default", resource_version=version, timeout_seconds=20):
            seen.append((event["type"], event["object"].metadata.name))
            if event["object"].metadata.name == "end":
                return

    reader = threading.Thread(target=follow)
    reader.start()
    for n in ("a", "b", "c"):
        core.create_namespaced_config_map("default", {"metadata": {"name": n}})
    core.patch_namespaced_config_map("b", "default", {"data": {"x": "1"}})
    core.delete_namespaced_config_map("a", "default")
    core.create_namespaced_config_map("default", {"metadata": {"name": "end"}})
    reader.join(20)
    assert seen == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c"), ("MODIFIED", "b"), ("DELETED", "a"), ("ADDED", "end")]
    again = [(e["type"], e["object"].metadata.name)
             for e in watch.Watch().stream(core.list_namespaced_config_map, "default", resource_version=version, timeout_seconds=1)]
    assert again == seen  # from the same revision the same


@pytest.mark.parametrize("kind, body, expected", [
    ("application/json-patch+json", [{"op": "replace", "path": "/data/a", "value": "9"}], {"a": "9", "b": "2"}),
    ("application/merge-patch+json", {"data": {"b": None}}, {"a": "1"}),
    ("application/strategic-merge-patch+json", {"data": {"c": "3"}}, {"a": "1", "b": "2", "c": "3"}),
])
def test_patches(core, api, kind, body, expected):
    core.create_namespaced_config_map("default", {"metadata": {"name": "m"}, "data": {"a": "1", "b": "2"}})
    api.call_api("/api/v1/namespaces/default/configmaps/m", "PATCH", body=body, header_params={"Content-Type": kind}, response_type="object",
                 _preload_content=False)
    assert core.read_namespaced_config_map("m", "default").data == expected


def test_the_dynamic_client(api):
    maps = dynamic.DynamicClient(api).resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1", "y": "2"}}
    maps.create(body=body, namespace="default")
    assert maps.get(name="a", namespace="default").data.x == "1"
    assert [m.metadata.name for m in maps.get(namespace="default").items] == ["a"]


def test_scale(core, api):
    apps = client.AppsV1Api(api)
    apps.create_namespaced_deployment("default", {"metadata": {"name": "d"}, "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": {
        "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
    eventually(lambda: apps.read_namespaced_deployment_status("d", "default").status.ready_replicas == 1)
    scale = apps.read_namespaced_deployment_scale("d", "default")
    scale.spec.replicas = 4
    apps.replace_namespaced_deployment_scale("d", "default", scale)
    eventually(lambda: apps.read_namespaced_deployment_status("d", "default").status.ready_replicas == 4)
    assert len(core.list_namespaced_pod("default", label_selector="a=b").items) == 4


def test_pages(core):
    for i in range(7):
        core.create_namespaced_secret("default", {"metadata": {"name": f"s{i}"}})
    page = core.list_namespaced_secret("default", limit=3)
    names = [s.metadata.name for s in page.items]
    while page.metadata._continue:
        page = core.list_namespaced_secret("default", limit=3, _continue=page.metadata._continue)
        names += [s.metadata.name for s in page.items]
    assert names == [f"s{i}" for i in range(7)]


def test_leader_election(core, api):
    """Two candidates, one lock, one leader; when it ends the other takes over."""
    leading, stop = [], threading.Event()

    def candidate(name):
        def lead():
            leading.append(name)
            if len(leading) == 1:
                time.sleep(0.5)
                raise SystemExit  # the first one dies

        lock = ConfigMapLock("lock", "default", name)
        try:
            leaderelection.LeaderElection(electionconfig.Config(lock, lease_duration=4, renew_deadline=3, retry_period=1, onstarted_leading=lead,
                                                                onstopped_leading=lambda: None)).run()
        except SystemExit:
            pass

    threads = [threading.Thread(target=candidate, args=(n,), daemon=True) for n in ("one", "two")]
    for t in threads:
        t.start()
    eventually(lambda: len(leading) >= 1, 20)
    record = core.read_namespaced_config_map("lock", "default").metadata.annotations["control-plane.alpha.kubernetes.io/leader"]
    assert leading[0] in record


def test_leases(api):
    leases = client.CoordinationV1Api(api)
    leases.create_namespaced_lease("kube-system", {"metadata": {"name": "l"}, "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15}})
    mine, theirs = leases.read_namespaced_lease("l", "kube-system"), leases.read_namespaced_lease("l", "kube-system")
    mine.spec.holder_identity = "b"
    leases.replace_namespaced_lease("l", "kube-system", mine)
    theirs.spec.holder_identity = "c"
    with pytest.raises(ApiException) as e:
        leases.replace_namespaced_lease("l", "kube-system", theirs)
    assert e.value.status == 409
