# SPDX-License-Identifier: Apache-2.0
"""Watches."""
import statistics
import time

from lib import results
from lib.load import append_latency, finish, load, register, start, watch, watch_limit
from lib.server import Server

MANY = ("Limits.MaxConnections=2000", "Limits.MaxWatchers=2000")
EVENT = 2000  # bytes, about, of a ConfigMap with 1,700 bytes of data as an event


def fan_out():
    rates, limits = [], []
    for _ in range(results.ROUNDS):
        limits.append(watch_limit(watchers=100, seconds=2, size=EVENT)["rate"])
        with Server() as server:
            result = watch(server.unix, watchers=100, seconds=4, connections=32)
            assert result["missed"] == 0
            rates.append(result["rate"])
    rate = statistics.median(rates)
    results.row("events of 2 KB to 100 watchers, one for each write, writers as fast as they are answered",
                f"{rate:,.0f}/s, {rate / statistics.median(limits):.2f} of what a process does that only sends", "120,000/s", rate >= 120000)


def watch_latency():
    with Server() as server:
        p50, p99 = append_latency(server.dir + "/append", 50, 10)
        one = watch(server.unix, watchers=1, seconds=5, connections=4, rate=50)
        result = watch(server.unix, watchers=100, seconds=10, connections=4, rate=50)
        assert result["missed"] == 0
        results.latency("100 watchers, 50 writes a second", result)
        results.row("from a write to its event, 100 watchers, 50 writes a second; a write is told of once the disk has it",
                    f"{results.spread(result)}; with one watcher p50 {one['p50_us'] / 1000:.2f} ms; a 4 KiB append with fdatasync, 50 a second, alone: "
                    f"p50 {p50:.2f} ms, p99 {p99:.2f} ms", "p50 0.6 ms, p99 2 ms", result["p50_us"] <= 600 and result["p99_us"] <= 2000)
    with Server(memory=True) as server:
        result = watch(server.unix, watchers=100, seconds=5, connections=4, rate=50)
        results.row("the same without a disk (null storage)", results.spread(result))


def watch_under_load():
    with Server(settings=MANY) as server:
        server.add_virtual_nodes(5000)
        register(server.unix, 1)
        before = server.memory()
        watchers = start("watch", address=server.unix, watchers=1000, seconds=8, connections=4, rate=10, size=100)
        time.sleep(1.5)
        each = (server.memory() - before) * 1024 / 1000
        pods = load(server.unix, "kube-pod", connections=64, seconds=6)
        result = finish(watchers)
        assert result["missed"] == 0
        results.latency("1,000 watchers while pods are created", result)
        results.row(f"from a write to its event, 1,000 watchers, 10 writes a second, while {pods['rate']:,.0f} pods a second are created by the Kubernetes API",
                    results.spread(result), "p99 50 ms", result["p99_us"] <= 50000)
        results.row("memory for each watcher", f"{each:.1f} KB")
