# SPDX-License-Identifier: Apache-2.0
"""Memory, start and lists."""
import concurrent.futures
import statistics
import subprocess
import time

from lib import results
from lib.load import load, longest_wait_while, register
from lib.server import Server

# What kube-apiserver 1.20.2 with etcd 3.4.23 did on such a machine, two cores shared with the load.
PEER_PODS, PEER_LIST_MS, PEER_RSS_MB = 737, 379, 1700
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
WORST_FIT = ("Cluster.SchedulerAlgorithm=worst-fit",)


def memory_and_start():
    with Server() as server:
        results.row("served after exec, empty", f"{server.served_after * 1000:.1f} ms", "20 ms", server.served_after <= 0.02)
        results.row("memory, idle", f"{server.memory():.1f} MB", "8 MB", server.memory() <= 8)
        before, begun = server.metrics(), time.monotonic()
        register(server.unix, 10000)
        rate = 10000 / (time.monotonic() - begun)
        batches, waited = (server.metrics()[name] - before[name] for name in ("kubesim_storage_batches_total", "kubesim_storage_commit_seconds_sum"))
        results.row("nodes registered, durable, 64 connections, each of which waits for the disk",
                    f"{rate:,.0f}/s; the disk wrote {batches:,.0f} batches in {waited * 1000:.0f} ms of the {10000 / rate * 1000:.0f} ms", "50,000/s", rate >= 50000)
        load(server.unix, "pod", connections=64, count=100000)
        time.sleep(1)
        results.row("memory, 10,000 nodes and 100,000 pods", f"{server.memory():.0f} MB", "100 MB", server.memory() <= 100)
        server.kill()
        server.start()
        results.row("served again with that state, after kill -9", f"{server.served_after * 1000:.0f} ms", "500 ms", server.served_after <= 0.5)


def kube():
    with Server() as server:
        register(server.unix, 1000)
        _, took = server.get("/api/v1/nodes?limit=1")
        results.row("first GET /api/v1/nodes after the start", f"{(server.served_after + took) * 1000:.1f} ms", "50 ms", server.served_after + took <= 0.05)
        before = server.memory()
        result = load(server.tcp, "kube-pod", connections=64, count=10000)
        results.latency("pod by the Kubernetes API, 64 connections", result)
        results.row("pods by the Kubernetes API, 2 KB each, durable, 64 connections", f"{result['rate']:,.0f}/s, {result['rate'] / PEER_PODS:.0f} times the peer's",
                    f"10 times kube-apiserver's {PEER_PODS}/s", result["rate"] >= 10 * PEER_PODS)
        time.sleep(1)
        results.row("memory, 1,000 nodes and 10,000 such pods", f"{server.memory():.0f} MB", f"20 MB (kube-apiserver and etcd: {PEER_RSS_MB:,} MB)", server.memory() <= 20)
        results.row("memory for each such pod", f"{(server.memory() - before) * 1024 / 10000:.1f} KB")
        for what, accept, goal in (("JSON", "application/json", 1000), ("a Table", TABLE, None)):
            runs = [server.get("/api/v1/pods", accept) for _ in range(7)]
            size, took = runs[0][0], statistics.median(t for _, t in runs)
            rate = size / took / 1e6
            results.row(f"list of 10,000 pods as {what}, {size / 1e6:.0f} MB", f"{took * 1000:.0f} ms, {rate:.0f} MB/s",
                        f"half of kube-apiserver's {PEER_LIST_MS} ms" + (f", {goal:,} MB/s" if goal else ""), took * 1000 <= PEER_LIST_MS / 2 and rate >= (goal or 0))


def longest_turn(before, after):
    """In ms: that below which all turns of the loop were between two looks at the metrics."""
    name = 'kubesim_loop_turn_seconds_bucket{le="%s"}'
    bounds = sorted((k.split('"')[1] for k in after if k.startswith(name.split('"')[0])), key=lambda le: float(le.replace("+Inf", "inf")))
    turns = [after[name % le] - before[name % le] for le in bounds]
    return next(float(le.replace("+Inf", "inf")) for le, n in zip(bounds, turns) if n == turns[-1]) * 1000


def curl(*arguments):
    """Has read a list: how much, and in how many seconds."""
    out = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{size_download} %{time_total}", *arguments], check=True, capture_output=True, text=True).stdout
    return tuple(float(word) for word in out.split())


def read_pages(server, path, limit):
    """Page after page, as kubectl does."""
    size, token, begun = 0, b"", time.monotonic()
    while token is not None:
        request = f"GET {path}?limit={limit}".encode() + token + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        n, text = server.ask(request, keep=1 << 26)
        _, found, rest = text.partition(b'"continue":"')
        size, token = size + n, b"&continue=" + rest[:rest.index(b'"')] if found else None
    return size, time.monotonic() - begun


def list_while_others_ask(server, what, read, *arguments):
    """Reads a list in a thread. What another client waits meanwhile, and the longest turn of the loop."""
    before = server.metrics()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        reader = pool.submit(read, *arguments)
        wait = longest_wait_while(server.unix, lambda: not reader.done())
        size, took = reader.result()
    results.row(f"list of 1,000,000 pods {what}, {size / 1e6:,.0f} MB", f"{took:.1f} s, {size / took / 1e6:.0f} MB/s; another client waits {wait:.1f} ms at most",
                "a wait of 20 ms", wait <= 20)
    return longest_turn(before, server.metrics())


def million():
    """A million pods of one template by the Kubernetes API, on 100,000 nodes."""
    with Server(settings=WORST_FIT) as server:
        register(server.unix, 100000)
        time.sleep(1)
        before, begun, first = server.memory(), time.monotonic(), 0
        for n in (10000, 100000, 1000000):
            load(server.unix, "kube-pod", connections=64, first=first, count=n - first)
            first = n
            time.sleep(2)
            results.point("memory", "100,000 nodes, pods of one template", x=n, y=server.memory())
        results.row("1,000,000 pods of one template created, placed and durable by the Kubernetes API", f"{time.monotonic() - begun - 6:.0f} s")
        each = (server.memory() - before) * 1048576 / 1000000
        results.row("memory for each of them, 2 KB as text", f"{each:.0f} bytes", "600 bytes", each <= 600)
        results.row("memory, 100,000 nodes and those pods", f"{server.memory():.0f} MB", "1,000 MB", server.memory() <= 1000)
        server.kill()
        server.start()
        results.row("served again with that state, after kill -9", f"{server.served_after:.1f} s", "10 s", server.served_after <= 10)
        unix = ("--unix-socket", server.path)
        turn = max(list_while_others_ask(server, *how) for how in (
            ("as JSON", curl, *unix, "http://x/api/v1/pods"),
            ("by the native API", curl, *unix, "http://x/pods"),
            ("as a Table", curl, *unix, "-H", "Accept: " + TABLE, "http://x/api/v1/pods"),
            ("in pages of 500", read_pages, server, "/api/v1/pods", 500)))
        results.row("the longest turn of the loop during them", f"less than {turn:.1f} ms", "20 ms", turn <= 20)
        results.row("memory after that", f"{server.memory():.0f} MB", "1,000 MB", server.memory() <= 1000)
