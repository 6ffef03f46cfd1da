# SPDX-License-Identifier: Apache-2.0
"""A genuine kube-scheduler at the Kubernetes door of kubesimd: what it needs to start, to place pods and to send others away."""
import pytest
from kube_scheduler import CORE, NAME, PODS, condition, outcome, start
from conftest import eventually


@pytest.fixture
def both(tmp_path):
    daemon, scheduler = start(str(tmp_path))
    yield daemon, scheduler
    scheduler.stop()
    daemon.check_clean(daemon.stop())


def add_nodes(daemon, n, cpu=4):
    for i in range(n):
        daemon.post(CORE + "/nodes", {"metadata": {"name": f"n{i}"}, "status": {"capacity": {"cpu": str(cpu), "memory": "8Gi", "pods": "110"}}}, 201)


def add_pod(daemon, name, cpu="1", scheduler=NAME, **spec):
    container = {"name": "c", "image": "x", "resources": {"requests": {"cpu": cpu}}}
    return daemon.post(PODS, {"metadata": {"name": name}, "spec": {"schedulerName": scheduler, "containers": [container], **spec}}, 201)


def events_of(daemon, name):
    return [(e["reason"], e.get("reportingController"), e.get("note")) for e in daemon.get("/apis/events.k8s.io/v1/namespaces/default/events")["items"]
            if e["regarding"]["name"] == name]


def test_it_leads(both):
    daemon, _ = both
    lease = daemon.get("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler")
    eventually(lambda: daemon.get("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler")["spec"]["renewTime"] != lease["spec"]["renewTime"], 10)
    eventually(lambda: [e for e in daemon.get("/apis/events.k8s.io/v1/events")["items"] if e["reason"] == "LeaderElection"])


def test_pods_run(both):
    daemon, _ = both
    add_nodes(daemon, 3)
    for i in range(9):
        add_pod(daemon, f"p{i}")
    pods = eventually(lambda: [p for p in [daemon.get(PODS)["items"]] if all(x["status"]["phase"] == "Running" for x in p)], 10)[0]
    assert {p["spec"]["nodeName"] for p in pods} == {"n0", "n1", "n2"}
    assert all(condition(p)["status"] == "True" for p in pods)
    node = pods[0]["spec"]["nodeName"]
    said = eventually(lambda: [e for e in events_of(daemon, "p0") if e[0] == "Scheduled"])
    assert said == [("Scheduled", NAME, f"Successfully assigned default/p0 to {node}")]  # by the one that did it, once
    assert not [e for e in events_of(daemon, "p0") if e[0] == "FailedScheduling"]
    assert [e["reason"] for e in daemon.get("/events?pod=p0")["events"]] == ["PodCreated", "PodBound", "PodRunning"]


def test_ours_places_the_others(both):
    daemon, _ = both
    add_nodes(daemon, 1)
    add_pod(daemon, "ours", scheduler="kubesim/kube")
    assert daemon.get(PODS + "/ours")["spec"]["nodeName"] == "n0"
    assert [e[1] for e in events_of(daemon, "ours") if e[0] == "Scheduled"] == ["default-scheduler"]
    add_pod(daemon, "theirs")
    assert outcome(daemon, PODS + "/theirs") == ("n0", None)


def test_a_pod_that_fits_nowhere(both):
    daemon, _ = both
    add_nodes(daemon, 2)
    made = add_pod(daemon, "big", cpu="10")
    assert condition(made) is None  # nobody has looked at it
    assert outcome(daemon, PODS + "/big") == (None, "0/2 nodes are available: 2 Insufficient cpu.")
    assert condition(daemon.get(PODS + "/big"))["reason"] == "Unschedulable"
    said = eventually(lambda: [e for e in events_of(daemon, "big") if e[0] == "FailedScheduling"])
    assert said == [("FailedScheduling", NAME, "0/2 nodes are available: 2 Insufficient cpu.")]
    daemon.post(CORE + "/nodes", {"metadata": {"name": "wide"}, "status": {"capacity": {"cpu": "16", "memory": "8Gi", "pods": "110"}}}, 201)
    pod = eventually(lambda: [p for p in [daemon.get(PODS + "/big")] if p["status"]["phase"] == "Running"], 10)[0]
    assert pod["spec"]["nodeName"] == "wide" and condition(pod)["status"] == "True"
    assert len([c for c in pod["status"]["conditions"] if c["type"] == "PodScheduled"]) == 1


def test_what_it_says_is_kept(both):
    daemon, scheduler = both
    add_nodes(daemon, 1)
    add_pod(daemon, "big", cpu="10")
    before = outcome(daemon, PODS + "/big")
    scheduler.stop()
    daemon.restart()
    assert outcome(daemon, PODS + "/big") == before


def test_preemption(both):
    daemon, _ = both
    add_nodes(daemon, 1)
    daemon.post("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "high"}, "value": 1000}, 201)
    add_pod(daemon, "low", cpu="3", terminationGracePeriodSeconds=0)
    assert outcome(daemon, PODS + "/low") == ("n0", None)
    eventually(lambda: daemon.get(PODS + "/low")["status"]["phase"] == "Running")
    seen = []
    add_pod(daemon, "high", cpu="3", priorityClassName="high")

    def is_placed():
        pod = daemon.get(PODS + "/high")
        seen.append(pod["status"].get("nominatedNodeName"))
        return pod["spec"].get("nodeName") == "n0"

    eventually(is_placed, 15)
    assert "n0" in seen
    assert daemon.ask("GET", PODS + "/low").status == 404
    assert [e for e in events_of(daemon, "low") if e[0] == "Preempted" and e[1] == NAME]


def test_a_room_that_it_keeps(both):
    """A victim that takes its time: the nomination stays, and ours gives the room to nobody of a lower priority."""
    daemon, _ = both
    add_nodes(daemon, 1)
    daemon.post("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "high"}, "value": 1000}, 201)
    add_pod(daemon, "low", cpu="3", terminationGracePeriodSeconds=0)
    outcome(daemon, PODS + "/low")
    daemon.ask("PATCH", PODS + "/low", {"metadata": {"finalizers": ["example.com/wait"]}}, headers={"Content-Type": "application/merge-patch+json"})
    add_pod(daemon, "high", cpu="3", priorityClassName="high")
    eventually(lambda: daemon.get(PODS + "/high")["status"].get("nominatedNodeName") == "n0", 10)
    eventually(lambda: daemon.get(PODS + "/low")["metadata"].get("deletionTimestamp"))
    daemon.ask("PATCH", PODS + "/low", {"metadata": {"finalizers": None}}, headers={"Content-Type": "application/merge-patch+json"})
    eventually(lambda: daemon.get(PODS + "/high")["spec"].get("nodeName") == "n0", 15)


def test_two_of_them(both, tmp_path):
    """The second waits for the lease, and takes over when the first has gone."""
    from kube_scheduler import KubeScheduler
    daemon, first = both
    add_nodes(daemon, 1)
    leader = first.leads()
    port = int([a for a in daemon.process.args if "https:" in a][0].rsplit(":", 1)[1])
    second = KubeScheduler(daemon, port)
    try:
        assert first.leads() == leader
        first.process.kill()
        first.process.wait(20)
        add_pod(daemon, "p")
        assert outcome(daemon, PODS + "/p", 40) == ("n0", None)
        assert second.leads() != leader
    finally:
        second.stop()


def test_it_has_the_default_name(tmp_path):
    """A Deployment as people write them, controlled by kubesimd and placed by kube-scheduler."""
    daemon, scheduler = start(str(tmp_path), "Cluster.SchedulerName=kubesim", profiles="profiles:\n- {schedulerName: default-scheduler}\n")
    try:
        add_nodes(daemon, 3)
        template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "x", "resources": {"requests": {"cpu": "1"}}}]}}
        daemon.post("/apis/apps/v1/namespaces/default/deployments", {"metadata": {"name": "web"}, "spec": {
            "replicas": 6, "selector": {"matchLabels": {"app": "web"}}, "template": template}}, 201)
        eventually(lambda: daemon.get("/apis/apps/v1/namespaces/default/deployments/web")["status"].get("availableReplicas") == 6, 15)
        on = [p["spec"]["nodeName"] for p in daemon.get(PODS)["items"]]
        assert sorted(on) == ["n0", "n0", "n1", "n1", "n2", "n2"]
        said = [e for e in daemon.get("/apis/events.k8s.io/v1/namespaces/default/events")["items"] if e["reason"] == "Scheduled"]
        assert len(said) == 6
    finally:
        scheduler.stop()
        daemon.check_clean(daemon.stop())
