# SPDX-License-Identifier: Apache-2.0
"""The daemon as a service: access, durability, configuration, start and stop, agents and kubesimctl."""
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import BUILD, Daemon, UnixConnection, eventually
from test_api import problem

TOKENS = {"admin": "a" * 32, "viewer": "b" * 32, "node:n1": "c" * 32}


@pytest.fixture
def guarded(start, tmp_path):
    path = tmp_path / "tokens"
    path.write_text("# tokens\n" + "".join(f"{t} {role}\n" for role, t in TOKENS.items()))
    return start(tokens=path)


def bearer(role):
    return {"Authorization": "Bearer " + TOKENS[role]}


@pytest.mark.parametrize("role,method,path,body,status", [
    ("admin", "GET", "/nodes", None, 200), ("admin", "POST", "/nodes", {"cpuCores": 1}, 201),
    ("viewer", "GET", "/nodes", None, 200), ("viewer", "POST", "/nodes", {"cpuCores": 1}, 403),
    ("viewer", "POST", "/heartbeat", {"nodeID": "n1", "status": "Healthy"}, 403),
    ("node:n1", "POST", "/heartbeat", {"nodeID": "n1", "status": "Healthy"}, 200),
    ("node:n1", "POST", "/heartbeat", {"nodeID": "n2", "status": "Healthy"}, 403),
    ("node:n1", "GET", "/nodes", None, 403)])
def test_roles(guarded, role, method, path, body, status):
    assert guarded.ask(method, path, body, bearer(role), tcp=True).status == status


def test_without_a_token(guarded):
    reply = guarded.ask("GET", "/nodes", tcp=True)
    problem(reply, 401)
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    problem(guarded.ask("GET", "/nodes", headers={"Authorization": "Bearer wrong"}, tcp=True), 401)
    assert guarded.ask("GET", "/health", tcp=True).text == "OK"
    assert guarded.ask("GET", "/nodes").status == 200


def test_anonymous_viewer(start):
    kubesimd = start("Access.Anonymous=viewer")
    assert kubesimd.ask("GET", "/nodes", tcp=True).status == 200
    assert kubesimd.ask("POST", "/nodes", {"cpuCores": 1}, tcp=True).status == 403


def test_host_and_origin(start):
    kubesimd = start("Access.Anonymous=admin", "Access.AllowOrigin=https://good.example", "Access.AllowHost=sim.example")
    for host, status in (("evil.example", 421), ("localhost", 200), ("127.0.0.1:80", 200), ("[::1]:8080", 200), ("sim.example", 200),
                         ("127.0.0.1.evil.example", 421)):
        assert kubesimd.ask("GET", "/nodes", headers={"Host": host}, tcp=True).status == status, host
    for host, status in (("x", 200), ("localhost", 200), ("127.0.0.1", 200), ("sim.example", 200), ("evil.example", 421), ("x:80", 421)):
        assert kubesimd.ask("GET", "/nodes", headers={"Host": host}).status == status, host  # through a proxy
    assert kubesimd.ask("GET", "/nodes", headers={"Origin": "https://evil.example"}, tcp=True).status == 403
    reply = kubesimd.ask("GET", "/nodes", headers={"Origin": "https://good.example"}, tcp=True)
    assert reply.status == 200 and reply.headers["Access-Control-Allow-Origin"] == "https://good.example"
    preflight = {"Origin": "https://good.example", "Access-Control-Request-Method": "POST"}
    reply = kubesimd.ask("OPTIONS", "/pods", headers=preflight, tcp=True)
    assert reply.status == 204 and "POST" in reply.headers["Access-Control-Allow-Methods"]
    assert kubesimd.ask("OPTIONS", "/pods", headers={**preflight, "Origin": "https://evil.example"}, tcp=True).status == 403


def test_everything_is_there_after_a_restart(start):
    kubesimd = start("Access.Anonymous=admin")
    kubesimd.beat("n1", instance="k/1", addresses=["10.0.0.1"], version="7", cpuCores=2.5)
    kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "v1"}, 201)
    for i in range(5):
        kubesimd.post("/pods", {"cpuRequired": 1, "podId": f"p{i}", "duration": 3600}, 201)
    kubesimd.post("/scheduler", {"algorithm": "worst-fit"})
    time.sleep(0.2)
    before = kubesimd.get("/pods"), kubesimd.get("/nodes")
    kubesimd.check_clean(kubesimd.stop())
    kubesimd = start()
    pods, nodes = kubesimd.get("/pods"), kubesimd.get("/nodes")
    assert pods == before[0]
    assert kubesimd.get("/scheduler")["algorithm"] == "worst-fit"
    for name in nodes:
        for field in ("CPUCores", "AvailableCPU", "HealthStatus", "Revision", "CreatedAt"):
            assert nodes[name][field] == before[1][name][field]


def test_kill_loses_nothing_acknowledged(start):
    acknowledged = []
    for round in range(3):
        kubesimd = start()
        stop = threading.Event()

        def create(k):
            connection = UnixConnection(kubesimd.socket)
            i = 0
            try:
                while not stop.is_set():
                    name = f"p{round}-{k}-{i}"
                    connection.request("POST", "/pods", json.dumps({"cpuRequired": 1, "podId": name}), {"Content-Type": "application/json"})
                    if connection.getresponse().read() and True:
                        acknowledged.append(name)
                    i += 1
            except (OSError, http_error):
                pass

        from http.client import HTTPException as http_error
        threads = [threading.Thread(target=create, args=(k,)) for k in range(8)]
        for t in threads:
            t.start()
        time.sleep(0.4)
        kubesimd.process.send_signal(signal.SIGKILL)
        kubesimd.process.wait()
        stop.set()
        for t in threads:
            t.join()
    kubesimd = start()
    there = kubesimd.get("/pods")
    assert len(acknowledged) > 100
    assert [p for p in acknowledged if p not in there] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_disk(start, tmp_path):
    state = tmp_path / "small"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", state], check=True)
    try:
        kubesimd = start(state=state)
        kubesimd.beat("n1")
        connection, i = UnixConnection(kubesimd.socket), 0
        while True:
            connection.request("POST", "/pods", json.dumps({"cpuRequired": 1, "podId": f"p{i}"}), {"Content-Type": "application/json"})
            reply = connection.getresponse()
            reply.read()
            if reply.status != 201:
                break
            i += 1
        assert reply.status == 507
        assert len(kubesimd.get("/pods")) == i
        problem(kubesimd.ask("POST", "/pods", {"cpuRequired": 1}), 507)
        assert "[-]storage failed" in kubesimd.ask("GET", "/readyz").text
        assert kubesimd.ask("GET", "/livez").status == 200
        kubesimd.beat("n1")
        eventually(lambda: kubesimd.received("STATUS=Read-only"))
        subprocess.run(["mount", "-o", "remount,size=64m", state], check=True)
        eventually(lambda: kubesimd.ask("POST", "/pods", {"cpuRequired": 1, "podId": "after"}).status == 201, 15)
        assert kubesimd.ask("GET", "/readyz").status == 200
        kubesimd.check_clean(kubesimd.stop())
        kubesimd = start(state=state)
        assert len(kubesimd.get("/pods")) == i + 1
        kubesimd.check_clean(kubesimd.stop())
    finally:
        subprocess.run(["umount", "-l", state])


def run_daemon(*args):
    return subprocess.run([os.path.join(BUILD, "kubesimd"), *args], capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize("content,message", [
    (b"this is no database, and long enough to be looked at" * 4, "left untouched"), (b"short", "left untouched")])
def test_a_damaged_state_is_refused_and_left(tmp_path, content, message):
    (tmp_path / "kubesimd.db").write_bytes(content)
    run = run_daemon(f"--listen={tmp_path}/s", f"--state={tmp_path}", f"--config={os.devnull}")
    assert run.returncode == 1 and message in run.stderr
    assert (tmp_path / "kubesimd.db").read_bytes() == content


def test_a_newer_state_is_refused(start, tmp_path):
    kubesimd = start()
    kubesimd.beat("n1")
    kubesimd.check_clean(kubesimd.stop())
    path = tmp_path / "kubesimd.db"
    data = bytearray(path.read_bytes())
    data[60:64] = (99).to_bytes(4, "big")
    path.write_bytes(data)
    run = run_daemon(f"--listen={tmp_path}/s", f"--state={tmp_path}", f"--config={os.devnull}")
    assert run.returncode == 1 and "newer" in run.stderr
    assert path.read_bytes() == data


def test_a_second_daemon_on_the_same_state_is_refused(start, tmp_path):
    kubesimd = start()
    run = run_daemon(f"--listen={tmp_path}/other", f"--state={tmp_path}", f"--config={os.devnull}")
    assert run.returncode == 1 and f"in use by process {kubesimd.process.pid}" in run.stderr


def test_configuration_errors(tmp_path):
    conf = tmp_path / "conf"
    for text, message in (("[Cluster]\nNodeTimeoutSec=soon\n", f"{conf}:2: NodeTimeoutSec=soon: it must be a time span"),
                          ("[Limits]\nMaxPods=0\n", "at least 1"), ("NodeTimeoutSec=1s\n", "before the first [Section]"),
                          ("[Cluster]\nSchedulerAlgorithm=magic\n", "first-fit"), ("[Cluster]\nHeartbeatIntervalSec=20s\n", "less than NodeTimeoutSec")):
        conf.write_text(text)
        run = run_daemon(f"--config={conf}", "--check-config")
        assert run.returncode == 78 and message in run.stderr, run.stderr
    conf.write_text("[Cluster]\nColour=red\n")
    run = run_daemon(f"--config={conf}", "--check-config")
    assert run.returncode == 0 and f'{conf}:2: unknown key "Colour" in section [Cluster], ignoring' in run.stderr
    conf.write_text("[Access]\nAllowOrigin=a b\nAllowOrigin=\nAllowOrigin=c \\\n  d\n")
    assert "AllowOrigin=c d\n" in run_daemon(f"--config={conf}", "--dump-config").stdout


def test_reload(start, tmp_path):
    kubesimd = start(fast=False)
    (tmp_path / "conf").write_text("[Cluster]\nHeartbeatIntervalSec=2s\n[Access]\nAnonymous=viewer\n")
    kubesimd.process.send_signal(signal.SIGHUP)
    eventually(lambda: kubesimd.received("RELOADING=1") and kubesimd.beat("n1")["interval"] == 2)
    assert kubesimd.ask("GET", "/nodes", tcp=True).status == 200
    (tmp_path / "conf").write_text("[Cluster]\nHeartbeatIntervalSec=never\n")
    kubesimd.process.send_signal(signal.SIGHUP)
    eventually(lambda: "The configuration is as it was" in kubesimd.log)
    assert kubesimd.beat("n1")["interval"] == 2


def test_notify(start):
    kubesimd = start(env={"WATCHDOG_USEC": "400000"})
    kubesimd.beat("n1")
    eventually(lambda: kubesimd.received("STATUS=1 node (1 healthy), 0 pods running"))
    eventually(lambda: len(kubesimd.received("WATCHDOG=1")) >= 3)
    kubesimd.check_clean(kubesimd.stop())
    assert kubesimd.received("STOPPING=1")


def start_on(listening, state):
    """A daemon that is handed the listening socket, as systemd does it."""
    command = f'exec 3<&{listening.fileno()}; LISTEN_PID=$$ exec "$0" "$@"'
    return subprocess.Popen(["bash", "-c", command, f"{BUILD}/kubesimd", f"--state={state}", "--config=/dev/null"],
                            env={**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "local"}, pass_fds=[listening.fileno()],
                            stderr=open(f"{state}/log", "a"))


def test_nobody_is_turned_away_while_it_is_replaced(tmp_path):
    path, over, failures, answers = str(tmp_path / "s"), threading.Event(), [], []
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(4096)

    def ask_all_the_while():
        while not over.is_set():
            connection = UnixConnection(path, timeout=30)
            try:
                connection.request("GET", "/health")
                answers.append(connection.getresponse().status)
            except OSError as e:
                failures.append(e)
            connection.close()

    threads = [threading.Thread(target=ask_all_the_while, daemon=True) for _ in range(8)]
    process = start_on(listening, tmp_path)
    for t in threads:
        t.start()
    for _ in range(6):
        n = len(answers)
        eventually(lambda: len(answers) > n + 50, 20)
        process.terminate()
        assert process.wait(20) == 0, open(tmp_path / "log").read()
        process = start_on(listening, tmp_path)
    over.set()
    for t in threads:
        t.join(30)
    process.terminate()
    assert process.wait(20) == 0
    assert not failures and set(answers) == {200}


def test_a_stop_ends_watches_and_held_beats(start):
    kubesimd = start()
    revision = kubesimd.beat("n1")["revision"]
    ended = []
    stream = kubesimd.stream("/pods?watch=1")
    next(stream)
    threads = [threading.Thread(target=lambda: ended.append(list(stream))),
               threading.Thread(target=lambda: ended.append(kubesimd.ask(
                   "POST", "/heartbeat", {"nodeID": "n1", "status": "Healthy", "revision": revision}, {"Prefer": "wait=30"}).status))]
    for t in threads:
        t.start()
    time.sleep(0.3)
    kubesimd.check_clean(kubesimd.stop())
    for t in threads:
        t.join(5)
    assert len(ended) == 2 and 503 in ended


def test_agent(kubesimd, agent):
    a = agent("n1", "unix:" + kubesimd.socket, "--cpu=3")
    eventually(lambda: a.received("READY=1") and kubesimd.get("/nodes").get("n1"))
    assert kubesimd.get("/nodes/n1")["CPUCores"] == 3
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "web"}, 201)
    eventually(lambda: kubesimd.get("/pods/web")["Status"] == "Running")
    kubesimd.ask("DELETE", "/pods/web")
    eventually(lambda: kubesimd.ask("GET", "/pods/web").status == 404)
    kubesimd.post("/nodes/n1/stop")
    assert a.process.wait(10) == 0
    eventually(lambda: kubesimd.get("/nodes/n1")["HealthStatus"] == "Stopped")


def test_agent_by_tcp_survives_the_server(start, agent):
    kubesimd = start("Access.Anonymous=admin", fast=True)
    a = agent("n1", kubesimd.url)
    eventually(lambda: kubesimd.get("/nodes").get("n1"))
    kubesimd.process.send_signal(signal.SIGSTOP)
    time.sleep(1.5)
    kubesimd.process.send_signal(signal.SIGCONT)
    eventually(lambda: kubesimd.get("/nodes")["n1"]["HealthStatus"] == "Healthy", 10)
    assert a.process.poll() is None


def test_agent_waits_for_its_server(agent, tmp_path):
    a = agent("n1", f"unix:{tmp_path}/nobody.sock")
    eventually(lambda: a.received("READY=1"))
    time.sleep(1)
    assert a.log.count("cannot reach") == 1


@pytest.mark.parametrize("args,message", [
    (["--node=Bad Name", "--server=unix:/x"], "NODE_ID"), (["--node=a", "--server=ftp://x"], "API_SERVER"),
    (["--node=a", "--cpu=many"], "CPU_CORES"), (["--node=a", "--network=host"], "INTERFACE"), ([], "NODE_ID")])
def test_agent_configuration_errors(args, message):
    run = subprocess.run([os.path.join(BUILD, "kubesim-agent"), *args], capture_output=True, text=True, timeout=10)
    assert run.returncode == 78 and message in run.stderr


def test_ctl(kubesimd):
    assert kubesimd.ctl("add-node", "--cpu=4", "v1", "v2").stdout == "v1\nv2\n"
    assert kubesimd.ctl("create-pod", "--cpu=1", "--wait", "web").returncode == 0
    lines = kubesimd.ctl("list-nodes").stdout.splitlines()
    assert lines[0].split() == ["NODE", "STATUS", "CPU", "FREE", "PODS", "LAST", "HEARTBEAT", "COUNT"]
    assert lines[1].split()[:5] == ["v1", "Healthy", "4", "3", "1"]
    assert kubesimd.ctl("list-pods", "--no-legend").stdout.split()[:4] == ["web", "Running", "1", "v1"]
    assert json.loads(kubesimd.ctl("--json=short", "list-pods").stdout)["web"]["NodeID"] == "v1"
    assert "Status: Running" in kubesimd.ctl("show-pod", "we").stdout
    assert kubesimd.ctl("scheduler", "best-fit").returncode == 0
    assert "* best-fit" in kubesimd.ctl("scheduler").stdout
    assert kubesimd.ctl("stop-node", "--wait", "v1").returncode == 0
    assert kubesimd.ctl("remove-pod", "--wait=10s", "web").returncode == 0
    assert "PodMoved" in kubesimd.ctl("events").stdout
    assert "1 Healthy" in kubesimd.ctl("status").stdout
    assert kubesimd.ctl("health").returncode == 0
    for verb in ("list-nodes", "list-pods", "status", "events"):
        assert "\033" not in kubesimd.ctl(verb).stdout


def test_ctl_errors(kubesimd, tmp_path):
    kubesimd.ctl("add-node", "v1", "v2")
    for args, code, message in ((["show-node", "none"], 3, "no node"), (["show-node", "v"], 2, "several"),
                                (["add-node", "v1"], 4, "exists already"), (["create-pod", "x"], 2, "--cpu"),
                                (["lst-nodes"], 2, "list-nodes"), (["remove-pod"], 2, "Usage"),
                                (["--socket=/nowhere", "list-nodes"], 5, "systemctl start kubesimd.socket"),
                                (["create-pod", "--cpu=9", "--wait=1s", "x"], 7, "gave up")):
        run = kubesimd.ctl(*args)
        assert run.returncode == code and message in run.stderr, (args, run)


def test_ctl_watch_goes_on_after_a_restart(start):
    kubesimd = start()
    ctl = subprocess.Popen([os.path.join(BUILD, "kubesimctl"), f"--socket={kubesimd.socket}", "watch"], stdout=subprocess.PIPE, text=True)
    kubesimd.beat("n1")
    assert "NodeRegistered n1" in ctl.stdout.readline()
    kubesimd.check_clean(kubesimd.stop())
    kubesimd = start()
    kubesimd.beat("n2")
    assert "NodeRegistered n2" in ctl.stdout.readline()
    ctl.kill()
    ctl.wait()


class Unheard(Daemon):
    """Nobody reads what it tells systemd until somebody hears; the socket's queue has been full since before its start."""

    def listen(self):
        self.heard = threading.Event()
        self.heard.wait()
        super().listen()

    def received(self, text):
        if self.heard.is_set():
            return super().received(text)
        try:
            return self.ask("GET", "/readyz", timeout=1).status == 200
        except OSError:
            return False


def fill(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(path)
        s.setblocking(False)
        while True:
            try:
                s.send(b"X=1")
            except BlockingIOError:
                return


def test_a_service_manager_that_does_not_listen_stops_nothing(tmp_path):
    """The daemon serves, and once somebody listens again hears all that matters, in order, and how things are now."""
    daemon = Unheard(str(tmp_path), env={"WATCHDOG_USEC": "100000"})
    try:
        fill(os.path.join(daemon.tmp, "kubesimd.notify"))
        for i in range(4):
            daemon.post("/nodes", {"cpuCores": 1, "nodeId": f"n{i}"}, 201, timeout=2)
            time.sleep(.6)
        daemon.process.send_signal(signal.SIGHUP)
        time.sleep(.5)
        assert daemon.ask("GET", "/readyz", timeout=2).status == 200
        daemon.heard.set()
        eventually(lambda: daemon.received("STATUS=4 nodes"))
        eventually(lambda: len(daemon.received("READY=1")) == 2 and daemon.received("RELOADING=1"))
        n = len(daemon.received("WATCHDOG=1"))
        assert 1 <= n < 30, daemon.messages
        eventually(lambda: len(daemon.received("WATCHDOG=1")) > n + 2)
        first, second = (i for i, m in enumerate(daemon.messages) if m == "READY=1")
        assert first < daemon.messages.index("RELOADING=1") < second
    finally:
        daemon.heard.set()
        status = daemon.stop()
    daemon.check_clean(status)
