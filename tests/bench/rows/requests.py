# SPDX-License-Identifier: Apache-2.0
"""Heartbeats and pods, one request each."""
import statistics

from lib import results
from lib.load import append_rate, load, register
from lib.server import Server, empty_server

BEST_FIT = ("Cluster.SchedulerAlgorithm=best-fit",)


def heartbeats():
    for kind in ("tcp", "unix"):
        ours, limits = [], []
        for _ in range(results.ROUNDS):
            with empty_server() as limit:
                limits.append(load(getattr(limit, kind), "heartbeat", connections=64, seconds=2, nodes=10000)["rate"])
            with Server() as server:
                register(server.unix, 10000)
                ours.append(load(getattr(server, kind), "heartbeat", connections=64, seconds=2, nodes=10000)["rate"])
        results.ratio(f"heartbeats, 64 connections, 10,000 nodes, {kind}", ours, limits, 0.65, "the empty handler")


def pods():
    ours, limits, nulls, many, cpu = [], [], [], [], []
    for _ in range(results.ROUNDS):
        with empty_server() as limit:
            limits.append(load(limit.tcp, "heartbeat", connections=64, seconds=2)["rate"])
        for nodes, memory, out in ((1000, False, ours), (1000, True, nulls), (100000, False, many)):
            with Server(memory=memory, settings=BEST_FIT) as server:
                register(server.unix, nodes)
                before = server.cpu()
                result = load(server.tcp, "pod", connections=64, seconds=2)
                out.append(result["rate"])
                if out is ours:
                    cpu.append((server.cpu() - before) / result["requests"] * 1e6)
    results.latency("pod, 64 connections", result)
    results.ratio("pods created, placed and durable, 64 connections, 1,000 nodes", ours, limits, 0.3, "the empty handler")
    results.ratio("the same against our null storage", ours, nulls, 0.6, "null storage")
    results.ratio("the same on 100,000 nodes", many, ours, 0.9, "1,000 nodes")
    results.row("CPU of the daemon for such a pod", f"{statistics.median(cpu):.0f} us", "25 us", statistics.median(cpu) <= 25)


def one_connection():
    ours, limits, p50 = [], [], []
    for _ in range(results.ROUNDS):
        with Server(settings=BEST_FIT) as server:
            limits.append(append_rate(server.dir + "/append"))
            register(server.unix, 1000)
            result = load(server.tcp, "pod", connections=1, seconds=2)
            ours.append(result["rate"])
            p50.append(result["p50_us"])
    results.latency("pod, one connection", result)
    results.ratio("pods, one connection", ours, limits, 0.6, "single 4 KiB appends with fdatasync")
    slower = [a * b / 1e6 for a, b in zip(p50, limits)]
    results.row("latency of such a pod, median", f"{statistics.median(p50):.0f} us, {statistics.median(slower):.1f} appends")
