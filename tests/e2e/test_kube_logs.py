# SPDX-License-Identifier: Apache-2.0
"""kubectl logs: what it may ask for, on the simulated log."""
import os
import re
import subprocess
import threading
import time

import pytest

from conftest import UnixConnection, eventually
from test_kube import KUBECTLS

FIRST = "[kubesim] a simulated container writes no log; this is the life of its pod"


def pod(name, *containers, init=(), **annotations):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "annotations": {f"kubesim.io/{k}": v for k, v in annotations.items()}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": c, "image": "x"} for c in containers or ["c"]],
                     "initContainers": [{"name": c, "image": "x"} for c in init]}}


@pytest.fixture
def daemon(kubesimd):
    kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "n1"}, 201)
    kubesimd.post("/api/v1/namespaces/default/pods", pod("web"), 201)
    eventually(lambda: kubesimd.get("/api/v1/namespaces/default/pods/web")["status"]["phase"] == "Running")
    return kubesimd


def log(daemon, query="", name="web"):
    return daemon.ask("GET", f"/api/v1/namespaces/default/pods/{name}/log?{query}")


def test_parts_of_a_log(daemon):
    whole = log(daemon).text
    lines = whole.splitlines()
    assert lines[0] == FIRST and len(lines) >= 3 and "Pod web" in lines[1]
    assert log(daemon, "container=c").text == whole
    for n in (0, 1, 2, len(lines), 100):
        assert log(daemon, f"tailLines={n}").text.splitlines() == lines[len(lines) - min(n, len(lines)):]
    assert log(daemon, "limitBytes=10").text == whole[:10]
    assert log(daemon, f"limitBytes={len(FIRST) + 5}").text == whole[:len(FIRST) + 5]
    assert log(daemon, "limitBytes=1000000").text == whole
    assert log(daemon, "tailLines=1&limitBytes=4").text == lines[-1][:4]
    stamped = log(daemon, "timestamps=true").text.splitlines()
    assert [line.split(" ", 1)[1] for line in stamped] == lines
    times = [line.split(" ", 1)[0] for line in stamped]
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$", t) for t in times) and times == sorted(times)
    assert log(daemon, f"sinceTime={times[-1]}").text.splitlines()[-1] == lines[-1]
    assert FIRST not in log(daemon, f"sinceTime={times[-1]}").text
    assert log(daemon, "sinceTime=2100-01-01T00:00:00Z").text == ""
    assert log(daemon, "sinceSeconds=3600").text == whole
    time.sleep(2.1)
    assert log(daemon, "sinceSeconds=1").text == ""


def test_refusals(daemon):
    daemon.post("/api/v1/namespaces/default/pods", pod("two", "a", "b", init=["i"]), 201)
    for name, query, status, message in (
            ("web", "container=x", 400, "container x is not valid for pod web"),
            ("two", "", 400, "a container name must be specified for pod two, choose one of: [a b] or one of the init containers: [i]"),
            ("web", "previous=true", 400, 'previous terminated container "c" in pod "web" not found'),
            ("web", "tailLines=x", 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
            ("web", "tailLines=-1", 422, 'PodLogOptions "web" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0'),
            ("web", "limitBytes=0", 422, 'PodLogOptions "web" is invalid: limitBytes: Invalid value: 0: must be greater than 0'),
            ("web", "sinceSeconds=0", 422, 'PodLogOptions "web" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0'),
            ("web", "sinceSeconds=5&sinceTime=2024-01-01T00:00:00Z", 422,
             'PodLogOptions "web" is invalid: sinceSeconds: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified'),
            ("none", "", 404, 'pods "none" not found')):
        reply = log(daemon, query, name)
        assert (reply.status, reply.json["message"]) == (status, message)
    assert log(daemon, "sinceTime=yesterday").status == 400
    for container in ("a", "b", "i"):
        assert log(daemon, f"container={container}", "two").status == 200


def test_previous(daemon):
    daemon.post("/pods/web/restart")
    eventually(lambda: "runs on" in log(daemon).text and daemon.get("/api/v1/namespaces/default/pods/web")["status"]["phase"] == "Running")
    previous, present = log(daemon, "previous=true").text, log(daemon).text
    assert "restarted" in previous.splitlines()[-1] and "restarted" not in present
    assert previous.splitlines()[0] == present.splitlines()[0] == FIRST
    assert log(daemon, "previous=1&tailLines=1").text == previous.splitlines()[-1] + "\n"


class Follower:
    def __init__(self, daemon, query, name="web"):
        self.text, self.ended = "", False
        self.connection = UnixConnection(daemon.socket, 30)
        self.connection.request("GET", f"/api/v1/namespaces/default/pods/{name}/log?follow=true&{query}")
        self.response = self.connection.getresponse()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for line in self.response:
            self.text += line.decode()
        self.ended = True


def test_follow(daemon):
    """It goes on while the pod lives and ends with it, however it ends."""
    daemon.post("/api/v1/namespaces/default/pods", pod("short", duration="1s"), 201)
    whole, short = Follower(daemon, ""), Follower(daemon, "tailLines=1", "short")
    nothing, bytes_ = Follower(daemon, "tailLines=0&timestamps=1"), Follower(daemon, "limitBytes=20")
    eventually(lambda: bytes_.ended and bytes_.text == FIRST[:20])
    eventually(lambda: FIRST in whole.text and "runs on" in whole.text)
    eventually(lambda: short.ended, 10)
    assert short.text.splitlines()[-1] == log(daemon, "tailLines=1", "short").text.strip() and FIRST not in short.text
    assert Follower(daemon, "", "short").thread.join(5) is None and log(daemon, "follow=true", "short").text == log(daemon, "", "short").text
    time.sleep(0.2)
    assert not whole.ended and nothing.text == ""
    assert daemon.ask("DELETE", "/api/v1/namespaces/default/pods/web?gracePeriodSeconds=0").status == 200
    eventually(lambda: whole.ended and nothing.ended)
    assert "removed" in whole.text.splitlines()[-1] and "removed" in nothing.text
    left = Follower(daemon, "", "none")
    assert left.response.status == 404


@pytest.mark.parametrize("kubectl", KUBECTLS, ids=os.path.basename)
def test_kubectl_logs(daemon, kubectl, tmp_path):
    def run(*args):
        done = subprocess.run([kubectl, f"--server={daemon.url}", f"--cache-dir={tmp_path}/cache", "logs", *args], capture_output=True, text=True, timeout=60,
                              env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": "/dev/null"})
        return done.stdout + done.stderr

    whole = log(daemon).text
    assert run("web") == whole and run("web", "-c", "c") == whole and run("web", "--tail=1") == whole.splitlines()[-1] + "\n"
    assert run("web", "--since=1h", "--limit-bytes=7") == whole[:7]
    assert run("web", "-p") == 'Error from server (BadRequest): previous terminated container "c" in pod "web" not found\n'
    assert "container x is not valid for pod web" in run("web", "-c", "x")
    daemon.post("/api/v1/namespaces/default/pods", pod("short", duration="1s"), 201)
    assert run("short", "-f").splitlines()[0] == FIRST
