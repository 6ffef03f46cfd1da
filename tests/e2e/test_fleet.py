# SPDX-License-Identifier: Apache-2.0
"""Fleets: many agent-backed nodes in one process."""
import signal
import subprocess
import threading
import time

import pytest

from conftest import BUILD, Process, eventually
from test_api import problem


@pytest.fixture
def fleet(tmp_path):
    fleets, over = [], threading.Event()

    def listen():
        """The notification socket holds ten messages; who writes more waits for a reader, as systemd is one."""
        while not over.wait(0.02):
            for f in fleets:
                f.received("")

    def run(kubesimd, prefix, count, *args, **kw):
        path = tmp_path / f"{prefix}conf"
        path.write_text(f"# nodes\nKUBESIM_FLEET={prefix}:{count}\n")
        server = f"unix:{kubesimd.socket}" if not isinstance(kubesimd, str) else kubesimd
        fleets.append(Process(str(tmp_path), "fleet-" + prefix, ["kubesim-agent", f"--server={server}", f"--fleet-file={path}", *args], **kw))
        fleets[-1].path = path
        return fleets[-1]

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    yield run
    for f in fleets:
        if f.process.returncode is None:
            f.check_clean(f.stop())
    over.set()
    thread.join()


def health(kubesimd, prefix):
    count = {}
    for n in kubesimd.get("/nodes").values():
        if n["ID"].startswith(prefix):
            count[n["HealthStatus"]] = count.get(n["HealthStatus"], 0) + 1
    return count


def test_two_hundred_nodes(start, fleet):
    kubesimd = start("Access.Anonymous=admin", "Cluster.RemoveAfterSec=1h")
    f = fleet(kubesimd, "web-", 200, "--cpu=2")
    eventually(lambda: f.received("READY=1"), 10)
    assert health(kubesimd, "web-") == {"Healthy": 200}
    eventually(lambda: f.received("STATUS=200 nodes, 200 beating"))
    node = kubesimd.get("/nodes/web-199")
    assert node["CPUCores"] == 2 and node["Kind"] == "agent"
    time.sleep(1.5)  # twice the timeout
    assert health(kubesimd, "web-") == {"Healthy": 200}
    assert not [e for e in kubesimd.get("/events")["events"] if e["reason"] == "NodeUnhealthy"]
    f.stop(signal.SIGKILL)
    eventually(lambda: health(kubesimd, "web-") == {"Unhealthy": 200})
    f = fleet(kubesimd, "web-", 200, "--cpu=2")
    eventually(lambda: health(kubesimd, "web-") == {"Healthy": 200}, 10)
    f.check_clean(f.stop())
    assert health(kubesimd, "web-") == {"Stopped": 200}


def test_pods_run_at_once(start, fleet):
    kubesimd = start("Access.Anonymous=admin", "Cluster.HeartbeatIntervalSec=5s", "Cluster.NodeTimeoutSec=15s")
    f = fleet(kubesimd, "f-", 30)
    eventually(lambda: f.received("READY=1"), 10)
    time.sleep(0.3)  # the stream of calls is open
    begun = time.monotonic()
    for i in range(20):
        kubesimd.post("/pods", {"cpuRequired": 1, "podId": f"p{i}"}, 201)
    eventually(lambda: all(p["Status"] == "Running" for p in kubesimd.get("/pods").values()), 3)
    kubesimd.post("/pods/p0/restart")
    eventually(lambda: kubesimd.get("/pods/p0")["Restarts"] == 1 and kubesimd.get("/pods/p0")["Status"] == "Running", 3)
    for i in range(20):
        kubesimd.ask("DELETE", f"/pods/p{i}")
    eventually(lambda: not kubesimd.get("/pods"), 3)
    assert time.monotonic() - begun < 4  # less than the interval, in which each beats once


def test_server_restarted(start, fleet):
    kubesimd = start("Access.Anonymous=admin")
    f = fleet(kubesimd, "f-", 50)
    eventually(lambda: f.received("READY=1"), 10)
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "p"}, 201)
    eventually(lambda: kubesimd.get("/pods/p")["Status"] == "Running")
    kubesimd.restart(signal.SIGKILL)
    eventually(lambda: not f.received("not connected") or f.received("STATUS=50 nodes, 50 beating"))
    time.sleep(1)
    assert health(kubesimd, "f-") == {"Healthy": 50}
    assert kubesimd.get("/pods/p")["Status"] == "Running" and kubesimd.get("/pods/p")["Restarts"] == 0


def test_server_away_at_the_start(start, fleet, tmp_path):
    f = fleet(f"unix:{tmp_path}/kubesimd.sock", "f-", 20)
    eventually(lambda: f.received("READY=1"), 10)
    assert f.received("not connected to")
    kubesimd = start("Access.Anonymous=admin")
    eventually(lambda: health(kubesimd, "f-") == {"Healthy": 20}, 10)


def test_reload(start, fleet):
    kubesimd = start("Access.Anonymous=admin", "Cluster.RemoveAfterSec=1h")
    f = fleet(kubesimd, "f-", 10)
    eventually(lambda: f.received("READY=1"), 10)
    for count, expected in ((25, {"Healthy": 25}), (5, {"Healthy": 5, "Stopped": 20}), (25, {"Healthy": 25})):
        f.path.write_text(f"KUBESIM_FLEET=f-:{count}\n")
        f.process.send_signal(signal.SIGHUP)
        eventually(lambda: health(kubesimd, "f-") == expected)
    for wrong, message in (("f-:0", "COUNT a number from 1 to 50000"), ("g-:5", "changes with a restart only")):
        f.path.write_text(f"KUBESIM_FLEET={wrong}\n")
        f.process.send_signal(signal.SIGHUP)
        eventually(lambda: message in f.log)
    time.sleep(0.5)
    assert health(kubesimd, "f-") == {"Healthy": 25}


def test_stopped_and_removed_by_an_operator(start, fleet):
    kubesimd = start("Access.Anonymous=admin", "Cluster.RemoveAfterSec=1h")
    f = fleet(kubesimd, "f-", 10)
    eventually(lambda: f.received("READY=1"), 10)
    time.sleep(0.2)
    kubesimd.post("/nodes/f-3/stop")
    eventually(lambda: kubesimd.get("/nodes/f-3")["HealthStatus"] == "Stopped")
    assert kubesimd.ask("DELETE", "/nodes/f-4").status == 200
    time.sleep(0.8)
    assert health(kubesimd, "f-") == {"Healthy": 8, "Stopped": 1}
    assert "is being started" in kubesimd.post("/nodes/f-3/restart")["message"]
    eventually(lambda: kubesimd.get("/nodes/f-3")["HealthStatus"] == "Healthy")
    eventually(lambda: f.received("STATUS=10 nodes, 9 beating, 1 stopped"))


def test_refused(start, fleet):
    kubesimd = start("Access.Anonymous=admin")
    for i in range(3):
        kubesimd.post("/nodes", {"cpuCores": 1, "nodeId": f"f-{i}"}, 201)
    f = fleet(kubesimd, "f-", 10)
    eventually(lambda: f.received("READY=1"), 10)
    eventually(lambda: f.received("STATUS=10 nodes, 7 beating, 3 refused"))
    assert f.log.count("refused the heartbeat") == 1


def test_token(start, fleet, tmp_path):
    (tmp_path / "tokens").write_text("a" * 20 + " node:f-*\n" + "b" * 20 + " node:f-1\n")
    (tmp_path / "good").write_text("a" * 20)
    (tmp_path / "bad").write_text("b" * 20)
    kubesimd = start(tokens=tmp_path / "tokens")
    f = fleet(kubesimd.url, "f-", 10, f"--token-file={tmp_path}/good")
    eventually(lambda: health(kubesimd, "f-") == {"Healthy": 10}, 10)
    time.sleep(0.2)
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "p"}, 201)
    eventually(lambda: kubesimd.get("/pods/p")["Status"] == "Running")
    auth = lambda c: {"Authorization": "Bearer " + c * 20}
    problem(kubesimd.ask("GET", "/heartbeat?prefix=g-", headers=auth("a"), tcp=True), 403, "prefix")
    problem(kubesimd.ask("GET", "/heartbeat?prefix=f-", headers=auth("b"), tcp=True), 403, "prefix")
    problem(kubesimd.ask("GET", "/heartbeat"), 400, "prefix")
    f = fleet(kubesimd.url, "g-", 2, f"--token-file={tmp_path}/bad")
    eventually(lambda: f.received("2 refused"), 10)


@pytest.mark.parametrize("args,message", [
    (["--fleet=f-:0"], "COUNT a number from 1 to 50000"), (["--fleet=F-:5"], "is no name for a node"), (["--fleet=5"], "PREFIX:COUNT"),
    (["--fleet=f:5", "--connections=0"], "from 1 to 256"), (["--fleet-file=/nonexistent"], "write KUBESIM_FLEET=PREFIX:COUNT into /nonexistent")])
def test_wrong_settings(args, message):
    r = subprocess.run([f"{BUILD}/kubesim-agent", *args], capture_output=True, text=True)
    assert r.returncode == 78 and message in r.stderr
