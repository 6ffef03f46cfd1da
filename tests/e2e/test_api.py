# SPDX-License-Identifier: Apache-2.0
"""The native API, route by route, against a real daemon."""
import http.client
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

from conftest import UnixConnection, eventually


def problem(reply, status, field=None):
    assert reply.status == status, reply.text
    assert reply.headers["Content-Type"] == "application/problem+json"
    body = reply.json
    assert body["status"] == status and body["detail"] and body["title"] and body["reason"]
    if field:
        assert body["field"] == field
    return body["detail"]


def test_a_virtual_node_runs_pods(kubesimd):
    assert kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "v1"}, 201)["nodeId"] == "v1"
    reply = kubesimd.post("/pods", {"cpuRequired": 2, "podId": "web"}, 201)
    assert (reply["podId"], reply["nodeId"]) == ("web", "v1")
    eventually(lambda: kubesimd.get("/pods/web")["Status"] == "Running")
    node = kubesimd.get("/nodes")["v1"]
    assert (node["CPUCores"], node["AvailableCPU"], node["Pods"], node["HealthStatus"]) == (4, 2, ["web"], "Healthy")


def test_fields_are_those_of_the_go_program(kubesimd):
    kubesimd.beat("node-0001")
    pod = kubesimd.post("/pods", {"cpuRequired": 1}, 201)["podId"]
    node = kubesimd.get("/nodes")["node-0001"]
    for field, kind in {"ID": str, "CPUCores": int, "AvailableCPU": int, "Pods": list, "HealthStatus": str,
                        "LastHeartbeat": str, "HeartbeatCount": int}.items():
        assert isinstance(node[field], kind), field
    listed = kubesimd.get("/pods")[pod]
    for field, kind in {"ID": str, "CPURequired": int, "NodeID": str, "Status": str, "CreatedAt": str}.items():
        assert isinstance(listed[field], kind), field
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", pod)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", node["LastHeartbeat"])


def test_the_go_program_s_agent(kubesimd):
    """It sends nodeID, status and pods only, and takes over what the answer lists."""
    pods = []
    kubesimd.post("/heartbeat", {"nodeID": "11111111-aaaa", "status": "Healthy", "pods": pods})
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "a"}, 201)
    pods = kubesimd.post("/heartbeat", {"nodeID": "11111111-aaaa", "status": "Healthy", "pods": pods})["pods"]
    assert pods == ["a"]
    kubesimd.post("/heartbeat", {"nodeID": "11111111-aaaa", "status": "Healthy", "pods": pods})
    assert kubesimd.get("/pods/a")["Status"] == "Running"


def test_life_of_a_pod_on_an_agent(kubesimd):
    kubesimd.beat("n1", cpuCores=2)
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "a"}, 201)
    assert kubesimd.get("/pods/a")["Status"] == "Pending"
    assert kubesimd.beat("n1")["pods"] == ["a"]
    kubesimd.beat("n1", ["a"])
    assert kubesimd.get("/pods/a")["Status"] == "Running"
    kubesimd.post("/pods/a/restart")
    assert kubesimd.get("/pods/a")["Status"] == "Restarting"
    assert kubesimd.beat("n1", ["a"])["pods"] == []
    assert kubesimd.beat("n1", [])["pods"] == ["a"]
    kubesimd.beat("n1", ["a"])
    assert (kubesimd.get("/pods/a")["Status"], kubesimd.get("/pods/a")["Restarts"]) == ("Running", 1)
    kubesimd.ask("DELETE", "/pods/a")
    assert kubesimd.get("/pods/a")["Status"] == "Terminating"
    assert kubesimd.beat("n1", ["a"])["pods"] == []
    kubesimd.beat("n1", [])
    problem(kubesimd.ask("GET", "/pods/a"), 404, "podId")


def test_a_pod_ends_after_its_duration(kubesimd):
    kubesimd.post("/nodes", {"cpuCores": 1}, 201)
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "job", "duration": 0.3}, 201)
    eventually(lambda: kubesimd.get("/pods/job")["Status"] == "Running")
    eventually(lambda: kubesimd.get("/pods/job")["Status"] == "Succeeded")
    assert list(kubesimd.get("/nodes").values())[0]["AvailableCPU"] == 1


def test_a_pod_waits_for_room(kubesimd):
    reply = kubesimd.post("/pods", {"cpuRequired": 3, "podId": "big"}, 201)
    assert reply["nodeId"] == "" and "no healthy node" in reply["message"]
    kubesimd.post("/nodes", {"cpuCores": 2, "nodeId": "small"}, 201)
    assert kubesimd.get("/pods/big")["Status"] == "Pending"
    kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "large"}, 201)
    eventually(lambda: kubesimd.get("/pods/big")["NodeID"] == "large")


def test_a_silent_node_fails_and_is_removed(kubesimd):
    kubesimd.beat("n1")
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "a"}, 201)
    kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "v1"}, 201)
    eventually(lambda: kubesimd.get("/nodes")["n1"]["HealthStatus"] == "Unhealthy")
    assert kubesimd.get("/pods/a")["NodeID"] == "v1"
    eventually(lambda: "n1" not in kubesimd.get("/nodes"))
    reasons = [e["reason"] for e in kubesimd.get("/events")["events"]]
    assert [r for r in reasons if r in ("NodeUnhealthy", "PodMoved", "NodeRemoved")] == ["NodeUnhealthy", "PodMoved", "NodeRemoved"]
    assert kubesimd.beat("n1", ["a"])["pods"] == []


def test_a_node_that_reports_trouble_fails_at_once(kubesimd):
    kubesimd.beat("n1")
    kubesimd.beat("n1", status="DiskPressure")
    node = kubesimd.get("/nodes/n1")
    assert (node["HealthStatus"], node["Reason"]) == ("Unhealthy", "DiskPressure")
    kubesimd.beat("n1")
    assert kubesimd.get("/nodes/n1")["HealthStatus"] == "Healthy"


def test_instances(kubesimd):
    kubesimd.beat("n1", instance="here/5")
    kubesimd.beat("n1", instance="here/6")
    beat = {"nodeID": "n1", "status": "Healthy", "pods": []}
    problem(kubesimd.ask("POST", "/heartbeat", {**beat, "instance": "here/5"}), 409, "instance")
    problem(kubesimd.ask("POST", "/heartbeat", {**beat, "instance": "there/9"}), 409, "instance")
    problem(kubesimd.ask("POST", "/heartbeat", {**beat, "instance": "nonsense"}), 400, "instance")


def test_stop_and_restart(kubesimd):
    kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "v1"}, 201)
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "a"}, 201)
    kubesimd.post("/nodes/v1/stop")
    assert kubesimd.get("/nodes/v1")["HealthStatus"] == "Stopped"
    assert kubesimd.get("/pods/a")["Status"] == "Rescheduling"
    kubesimd.post("/nodes/v1/restart")
    eventually(lambda: kubesimd.get("/pods/a")["Status"] == "Running")
    kubesimd.beat("n1", instance="k/1")
    kubesimd.post("/nodes/n1/stop")
    assert kubesimd.beat("n1", instance="k/1")["stop"] is True
    kubesimd.beat("n1", status="Stopped", instance="k/1")
    assert kubesimd.get("/nodes/n1")["HealthStatus"] == "Stopped"


def test_a_removed_agent_does_not_register_again(kubesimd):
    kubesimd.beat("n1", instance="k/1")
    assert kubesimd.ask("DELETE", "/nodes/n1").status == 200
    assert kubesimd.beat("n1", instance="k/1")["stop"] is True
    assert kubesimd.get("/nodes") == {}
    kubesimd.beat("n1", instance="k/2")
    assert "n1" in kubesimd.get("/nodes")


def test_long_poll(start):
    kubesimd = start("Cluster.NodeTimeoutSec=10s")
    revision = kubesimd.beat("n1")["revision"]
    wait = {"Prefer": "wait=5"}
    begun = time.monotonic()
    threading.Timer(0.3, lambda: kubesimd.post("/pods", {"cpuRequired": 1, "podId": "a"}, 201)).start()
    reply = kubesimd.beat("n1", headers=wait, revision=revision)
    assert reply["pods"] == ["a"] and 0.2 < time.monotonic() - begun < 0.6
    begun = time.monotonic()
    kubesimd.beat("n1", ["a"], headers={"Prefer": "wait=1"}, revision=reply["revision"])
    assert 0.8 < time.monotonic() - begun < 1.5


@pytest.mark.parametrize("algorithm,expected", [
    ("first-fit", ["a", "a", "b"]), ("best-fit", ["b", "b", "a"]), ("worst-fit", ["c", "c", "a"]),
    ("round-robin", ["a", "b", "c"])])
def test_algorithms(kubesimd, algorithm, expected):
    for name, cpu in (("a", 3), ("b", 2), ("c", 4)):
        kubesimd.post("/nodes", {"cpuCores": cpu, "nodeId": name}, 201)
    kubesimd.post("/scheduler", {"algorithm": algorithm})
    assert kubesimd.get("/scheduler")["algorithm"] == algorithm
    sizes = [1, 1, 2] if algorithm != "first-fit" else [2, 1, 1]
    got = [kubesimd.post("/pods", {"cpuRequired": s}, 201)["nodeId"] for s in sizes]
    assert got == expected if algorithm != "worst-fit" else got[0] == "c"


def test_unknown_algorithm_names_the_list(kubesimd):
    detail = problem(kubesimd.ask("POST", "/scheduler", {"algorithm": "magic"}), 400, "algorithm")
    assert "first-fit, best-fit, worst-fit, round-robin" in detail


@pytest.mark.parametrize("method,path,body,status,field", [
    ("POST", "/pods", {"cpuRequired": 0}, 400, "cpuRequired"),
    ("POST", "/pods", {"cpuRequired": -1}, 400, "cpuRequired"),
    ("POST", "/pods", {"cpuRequired": "1"}, 400, "cpuRequired"),
    ("POST", "/pods", {}, 400, "cpuRequired"),
    ("POST", "/pods", {"cpuRequired": 1, "podId": "Not A Name"}, 400, "podId"),
    ("POST", "/pods", {"cpuRequired": 1, "duration": 0}, 400, "duration"),
    ("POST", "/pods", {"cpuRequired": 1, "colour": "red"}, 400, "colour"),
    ("POST", "/pods", {"cpuRequired": 100000}, 422, "cpuRequired"),
    ("POST", "/pods", "{", 400, None), ("POST", "/pods", "[]", 400, None), ("POST", "/pods", "\xff", 400, None),
    ("POST", "/nodes", {"cpuCores": 0}, 400, "cpuCores"), ("POST", "/nodes", {"cpuCores": 1e9}, 400, "cpuCores"),
    ("POST", "/heartbeat", {"status": "Healthy"}, 400, "nodeID"),
    ("POST", "/heartbeat", {"nodeID": "n", "status": ""}, 400, "status"),
    ("GET", "/nodes/none", None, 404, "nodeId"), ("DELETE", "/pods/none", None, 404, "podId"),
    ("GET", "/nowhere", None, 404, None), ("GET", "/pods?limit=0", None, 400, "limit"),
    ("GET", "/pods?watch=1&since=99999", None, 400, "since"), ("POST", "/pods/none/restart", None, 404, "podId")])
def test_errors_name_what_is_wrong(kubesimd, method, path, body, status, field):
    if isinstance(body, str):
        body = body.encode("latin-1")
    problem(kubesimd.ask(method, path, body), status, field)
    assert kubesimd.get("/pods") == {} and kubesimd.get("/nodes") == {}


def test_conflicts(kubesimd):
    kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "v1"}, 201)
    problem(kubesimd.ask("POST", "/nodes", {"cpuCores": 4, "nodeId": "v1"}), 409, "nodeId")
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "a"}, 201)
    problem(kubesimd.ask("POST", "/pods", {"cpuRequired": 1, "podId": "a"}), 409, "podId")
    problem(kubesimd.ask("POST", "/heartbeat", {"nodeID": "v1", "status": "Healthy"}), 409, "nodeID")


def test_http_at_the_edge(kubesimd):
    reply = kubesimd.ask("PUT", "/pods")
    problem(reply, 405)
    assert reply.headers["Allow"] == "GET, HEAD, POST"
    problem(kubesimd.ask("POST", "/pods", "x", {"Content-Type": "text/plain"}), 415)
    problem(kubesimd.ask("POST", "/pods", b"x" * 100000), 413)
    connection = UnixConnection(kubesimd.socket)
    connection.putrequest("POST", "/pods")
    connection.putheader("Content-Length", str(1 << 40))
    connection.endheaders()
    assert connection.getresponse().status == 413
    problem(kubesimd.ask("GET", "/" + "x" * 5000), 414)
    connection = UnixConnection(kubesimd.socket)
    connection.putrequest("POST", "/pods")
    connection.endheaders()
    assert connection.getresponse().status == 411
    assert kubesimd.ask("HEAD", "/pods").status == 200
    s = socket.socket(socket.AF_UNIX)
    s.connect(kubesimd.socket)
    s.sendall(b"\x00\xff garbage\r\n\r\n" * 100)
    s.close()
    assert kubesimd.ask("GET", "/health").text == "OK"


def test_keep_alive_and_chunked(kubesimd):
    connection = UnixConnection(kubesimd.socket)
    for i in range(50):
        connection.request("POST", "/pods", iter([b'{"cpuRe', b'quired":1}']), {"Content-Type": "application/json"},
                           encode_chunked=True)
        reply = connection.getresponse()
        assert reply.status == 201
        reply.read()
    assert len(kubesimd.get("/pods")) == 50


def test_pages(kubesimd):
    for i in range(25):
        kubesimd.post("/pods", {"cpuRequired": 1, "podId": f"p{i:02}"}, 201)
    seen, token = [], ""
    while True:
        reply = kubesimd.ask("GET", f"/pods?limit=10{token}")
        seen += list(reply.json)
        assert int(reply.headers["X-Revision"]) == int(kubesimd.ask("GET", "/pods").headers["X-Revision"])
        if "X-Continue" not in reply.headers:
            break
        token = "&continue=" + reply.headers["X-Continue"]
    assert seen == [f"p{i:02}" for i in range(25)]
    assert list(kubesimd.get("/pods?prefix=p1")) == [f"p1{i}" for i in range(10)]


def test_a_long_list_is_streamed_whole(kubesimd):
    connection = UnixConnection(kubesimd.socket)
    for i in range(1200):
        connection.request("POST", "/pods", json.dumps({"cpuRequired": 1, "podId": f"p{i}"}), {"Content-Type": "application/json"})
        connection.getresponse().read()
    assert len(kubesimd.get("/pods")) == 1200


def test_watch_from_the_beginning_and_from_a_revision(kubesimd):
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "a"}, 201)
    stream = kubesimd.stream("/pods?watch=1")
    assert next(stream)["type"] == "ADDED"
    bookmark = next(stream)
    assert bookmark["type"] == "BOOKMARK"
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "b"}, 201)
    kubesimd.ask("DELETE", "/pods/a")
    got = [next(stream), next(stream)]
    assert [(e["type"], e["object"]["ID"]) for e in got] == [("ADDED", "b"), ("DELETED", "a")]
    resumed = kubesimd.stream(f"/pods?watch=1&since={bookmark['revision']}")
    assert [next(resumed), next(resumed)] == got


def test_a_watch_too_old_is_gone(start):
    kubesimd = start("Limits.WatchLogEntries=5")
    for i in range(20):
        kubesimd.post("/pods", {"cpuRequired": 1}, 201)
    newest = int(kubesimd.ask("GET", "/pods").headers["X-Revision"])
    problem(kubesimd.ask("GET", "/pods?watch=1&since=3"), 410, "since")
    assert next(kubesimd.stream(f"/pods?watch=1&since={newest - 2}"))["revision"] == newest - 1


def test_replaying_a_watch_gives_the_list(kubesimd):
    kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "v1"}, 201)
    stream = kubesimd.stream("/pods?watch=1&since=0")
    for i in range(30):
        kubesimd.post("/pods", {"cpuRequired": 1, "podId": f"p{i}"}, 201)
        if i % 3 == 0:
            kubesimd.ask("DELETE", f"/pods/p{i}")
    end = eventually(lambda: kubesimd.ask("GET", "/pods").headers["X-Revision"])
    time.sleep(0.5)
    listed = kubesimd.ask("GET", "/pods")
    state, last = {}, 0
    for event in stream:
        assert event["revision"] > last
        last = event["revision"]
        if event["type"] == "DELETED":
            del state[event["object"]["ID"]]
        else:
            state[event["object"]["ID"]] = event["object"]["Status"]
        if state == {k: v["Status"] for k, v in listed.json.items()} and len(state) == 20:
            break


def test_events_watch(kubesimd):
    stream = kubesimd.stream("/events?watch=1&node=n1")
    kubesimd.beat("n2")
    kubesimd.beat("n1")
    event = next(stream)
    assert (event["reason"], event["node"], event["type"]) == ("NodeRegistered", "n1", "Normal")


def test_health_version_metrics(kubesimd):
    for path in ("/healthz", "/livez", "/readyz"):
        assert kubesimd.ask("GET", path).text == "ok"
        assert "[+]storage-thread ok" in kubesimd.ask("GET", path + "?verbose").text
    assert kubesimd.get("/version")["version"]
    kubesimd.beat("n1")
    text = kubesimd.ask("GET", "/metrics").text
    for line in ('kubesim_nodes{health="Healthy"} 1', "kubesim_heartbeats_total 1",
                 'kubesim_http_requests_total{route="POST /heartbeat",code="200"} 1'):
        assert line in text.splitlines(), text
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) .+|[a-z_]+(\{[a-zA-Z_]+="[^"]*"(,[a-zA-Z_]+="[^"]*")*\})? [0-9.e+-]+', line), line


def test_limits(start):
    kubesimd = start("Limits.MaxNodes=1", "Limits.MaxPods=2", "Limits.PodsPerNode=1", "Limits.MaxWatchers=1")
    kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "v1"}, 201)
    reply = kubesimd.ask("POST", "/nodes", {"cpuCores": 4})
    assert "MaxNodes=" in problem(reply, 429) and reply.headers["Retry-After"]
    assert "MaxNodes=" in problem(kubesimd.ask("POST", "/heartbeat", {"nodeID": "n1", "status": "Healthy"}), 429)
    assert kubesimd.post("/pods", {"cpuRequired": 1}, 201)["nodeId"] == "v1"
    assert kubesimd.post("/pods", {"cpuRequired": 1}, 201)["nodeId"] == ""
    assert "MaxPods=" in problem(kubesimd.ask("POST", "/pods", {"cpuRequired": 1}), 429)
    stream = kubesimd.stream("/pods?watch=1")
    next(stream)
    assert "MaxWatchers=" in problem(kubesimd.ask("GET", "/pods?watch=1"), 429)


def test_request_rate(start):
    kubesimd = start("Limits.MaxRequestsPerSecond=5")
    codes = [kubesimd.ask("GET", "/nodes").status for _ in range(20)]
    assert codes.count(200) >= 5 and 429 in codes


def test_connections(start):
    kubesimd = start("Limits.MaxConnections=4")
    held = [UnixConnection(kubesimd.socket) for _ in range(4)]
    for c in held:
        c.request("GET", "/health")
        assert c.getresponse().read() == b"OK"
    assert "MaxConnections=" in problem(kubesimd.ask("GET", "/nodes"), 429)
    floods = [UnixConnection(kubesimd.socket) for _ in range(200)]  # beyond what is even told why
    for c in floods:
        c.connect()
    held[0].request("GET", "/health")
    assert held[0].getresponse().status == 200  # those who were there are served
    for c in held + floods:
        c.close()
    eventually(lambda: kubesimd.ask("GET", "/nodes").status == 200)


def test_connections_per_user(start):
    kubesimd = start("Limits.MaxConnectionsPerUser=3")
    held = [UnixConnection(kubesimd.socket) for _ in range(3)]
    for c in held:
        c.request("GET", "/health")
        c.getresponse().read()
    assert "MaxConnectionsPerUser=" in problem(kubesimd.ask("GET", "/nodes"), 429)
    for c in held:
        c.close()
    eventually(lambda: kubesimd.ask("GET", "/nodes").status == 200)
