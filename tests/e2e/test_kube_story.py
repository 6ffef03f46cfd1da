# SPDX-License-Identifier: Apache-2.0
"""What kubectl describe says of nodes that fail, come back, are cordoned, drained and stopped, and of the pods that wait meanwhile, in the words of a
real cluster: pkg/controller/nodelifecycle, pkg/controller/tainteviction, pkg/kubelet, and kube-scheduler's plugins."""
import os
import re
import subprocess

import pytest

from conftest import eventually
from test_kube import KUBECTLS

PODS = "/api/v1/namespaces/default/pods"
SETTINGS = ["Access.Anonymous=admin", "Cluster.NodeTimeoutSec=1s", "Cluster.HeartbeatIntervalSec=200ms", "Cluster.RemoveAfterSec=1h"]


class Story:
    def __init__(self, daemon, tmp_path):
        self.daemon, self.tmp = daemon, tmp_path
        for name in ("n1", "n2"):
            daemon.post("/nodes", {"cpuCores": 2, "nodeId": name}, 201)

    def kubectl(self, *args, code=0):
        done = subprocess.run([KUBECTLS[-1], f"--server={self.daemon.url}", f"--cache-dir={self.tmp}/cache", *args], capture_output=True, text=True,
                              timeout=60, env={"PATH": os.environ["PATH"], "HOME": str(self.tmp), "KUBECONFIG": "/dev/null"})
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def told(self, kind, name):
        """Type, reason, who, and the words of each event that kubectl describe shows."""
        text = self.kubectl("describe", kind, name).split("Events:")[1]
        lines = [re.split(r"\s{2,}", line.strip()) for line in text.strip().split("\n")[2:]]
        return [(line[0], line[1], line[3], line[4]) for line in lines]

    def add(self, name, cpu="1", **spec):
        self.daemon.post(PODS, {"metadata": {"name": name, "labels": {"app": name}}, "spec": {
            "containers": [{"name": "c", "image": "x", "resources": {"requests": {"cpu": cpu}}}], **spec}}, 201)

    def runs(self, name):
        eventually(lambda: self.daemon.get(f"{PODS}/{name}")["status"]["phase"] == "Running")

    def why(self, name):
        """The last word of the scheduler, without what it says of preemption."""
        return [e for e in self.told("pod", name) if e[1] == "FailedScheduling" and e[2] == "default-scheduler"][-1][3].split(" preemption: ")[0]

    def lose(self, node):
        assert self.daemon.ctl("fail-node", node, "--kind=hang").returncode == 0
        eventually(lambda: self.daemon.get(f"/api/v1/nodes/{node}")["status"]["conditions"][-1]["status"] == "Unknown")

    def recover(self, node):
        assert self.daemon.ctl("recover-node", node).returncode == 0
        eventually(lambda: self.daemon.get(f"/api/v1/nodes/{node}")["status"]["conditions"][-1]["status"] == "True")


@pytest.fixture(params=["kubesim", "kubernetes"])
def story(request, start, tmp_path):
    return Story(start(*SETTINGS, f"Cluster.NodeLossPolicy={request.param}"), tmp_path)


def test_a_node_fails_and_comes_back(story):
    story.lose("n1")
    story.add("big", cpu="3")
    assert story.why("big") == "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }."
    story.add("bold", cpu="3", tolerations=[{"operator": "Exists"}])  # which a real scheduler would let wait there
    assert story.why("bold") == "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were not ready."
    story.recover("n1")
    assert story.told("node", "n1") == [("Normal", "RegisteredNode", "node-controller", "Node n1 event: Registered Node n1 in Controller"),
                                        ("Normal", "NodeNotReady", "node-controller", "Node n1 status is now: NodeNotReady"),
                                        ("Normal", "NodeReady", "kubelet", "Node n1 status is now: NodeReady")]


def test_nodes_are_cordoned_drained_and_stopped(story):
    story.add("a")
    story.runs("a")
    story.kubectl("create", "poddisruptionbudget", "a", "--selector=app=a", "--min-available=1")
    story.kubectl("cordon", "n1", "n2")
    story.add("later")
    assert story.why("later") == "0/2 nodes are available: 2 node(s) were unschedulable."
    node = story.daemon.get(f"{PODS}/a")["spec"]["nodeName"]
    said = story.kubectl("drain", node, "--force", "--timeout=1s", code=1)
    assert "Cannot evict pod as it would violate the pod's disruption budget." in said
    story.kubectl("delete", "poddisruptionbudget", "a")
    assert "pod/a evicted" in story.kubectl("drain", node, "--force", "--timeout=20s")
    story.kubectl("uncordon", node)
    eventually(lambda: "nodeName" in story.daemon.get(f"{PODS}/later")["spec"])
    assert story.told("node", node)[1:] == [("Normal", "NodeNotSchedulable", "kubelet", f"Node {node} status is now: NodeNotSchedulable"),
                                            ("Normal", "NodeSchedulable", "kubelet", f"Node {node} status is now: NodeSchedulable")]
    other = "n2" if node == "n1" else "n1"
    assert story.daemon.ctl("stop-node", other).returncode == 0  # it is shown as if it were cordoned, and tainted: the cordon is looked at first
    for name, tolerations in (("shy", []), ("bold", [{"operator": "Exists"}])):
        story.add(name, cpu="3", tolerations=tolerations)
        assert story.why(name) == "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable."
    assert story.told("node", other)[-1] == ("Normal", "NodeNotReady", "node-controller", f"Node {other} status is now: NodeNotReady")
    story.kubectl("delete", "node", other)
    gone = story.daemon.get("/api/v1/namespaces/default/events?fieldSelector=reason%3DRemovingNode")["items"]
    assert [(e["type"], e["message"]) for e in gone] == [("Normal", f"Node {other} event: Removing Node {other} from Controller")]


def test_a_taint_of_a_clients_is_told_of_before_that_the_node_is_lost(story):
    """In the order in which the node shows its taints."""
    story.kubectl("taint", "node", "n1", "k=v:NoExecute")
    story.lose("n1")
    assert [t["key"] for t in story.daemon.get("/api/v1/nodes/n1")["spec"]["taints"]][0] == "k"
    story.add("big", cpu="3")
    assert story.why("big") == "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {k: v}."


def test_a_pod_that_no_other_node_takes(start, tmp_path):
    """Why it had to go is not for the scheduler to say."""
    story = Story(start(*SETTINGS), tmp_path)
    for name in ("a", "b"):
        story.add(name, cpu="2")
        story.runs(name)
    name = next(p["metadata"]["name"] for p in story.daemon.get(PODS)["items"] if p["spec"]["nodeName"] == "n1")
    story.lose("n1")
    told = eventually(lambda: [e for e in story.told("pod", name) if e[0] == "Warning"])
    assert told[0] == ("Warning", "PodDisplaced", "kubesimd", f"Pod {name} waits for another node: its node was lost")
    assert story.why(name) == "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }."
