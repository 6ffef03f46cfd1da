# SPDX-License-Identifier: Apache-2.0
"""Nodes that only beat: agents, fleets, virtual ones."""
import statistics
import subprocess
import time

from lib import results, server as servers
from lib.load import finish, load, start
from lib.server import Server, cpu_of, memory_of

FIVE_SECONDS = ("Cluster.HeartbeatIntervalSec=5s", "Cluster.NodeTimeoutSec=15s")
HEALTHY, BEATS = 'kubesim_nodes{health="Healthy"}', "kubesim_heartbeats_total"


def connected_agents():
    with Server(settings=("Limits.MaxConnections=20000",)) as server:
        agents = start("load", address=server.unix, kind="heartbeat", wait=5, connections=10000, nodes=10000, seconds=20)
        time.sleep(8)
        before = server.cpu()
        time.sleep(10)
        share = (server.cpu() - before) / 10 * 100
        result = finish(agents)
        results.row(f"10,000 connected agents ({result['rate']:,.0f} heartbeats/s)", f"{share:.1f} % of a core, {server.memory():.0f} MB",
                    "5 % of a core", share <= 5)


def agents():
    with Server(settings=("Cluster.HeartbeatIntervalSec=5s",)) as server:
        started = [subprocess.Popen([f"{servers.BUILD}/kubesim-agent", f"--node=agent{i}", f"--server={server.unix}", "--network=none"],
                                    stderr=subprocess.DEVNULL) for i in range(100)]
        time.sleep(8)
        before = server.wakeups()
        time.sleep(10)
        per_second = (server.wakeups() - before) / 10
        results.row("wake-ups of the daemon with 100 agents", f"{per_second:.1f}/s", "20/s, their heartbeats", per_second <= 20)
        rss, own = (statistics.median(memory_of(p.pid, which) for p in started) for which in ("VmRSS", "RssAnon"))
        results.row("memory of an agent", f"{rss:.1f} MB ({own:.1f} MB of it its own)", "4 MB", rss <= 4)
        for p in started:
            p.kill()
            p.wait()


def beats_for(server, seconds, *pids):
    """Heartbeats a second, and the share of a core in percent that the server and each process takes meanwhile."""
    before, beats, begun = [server.cpu(), *map(cpu_of, pids)], server.metrics()[BEATS], time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - begun
    after = [server.cpu(), *map(cpu_of, pids)]
    return ((server.metrics()[BEATS] - beats) / took, *((b - a) / took * 100 for a, b in zip(before, after)))


def fleet(size=20000):
    with Server(settings=FIVE_SECONDS) as server:
        process = subprocess.Popen([f"{servers.BUILD}/kubesim-agent", f"--fleet=fleet-:{size}", f"--server={server.unix}"], stderr=subprocess.DEVNULL)
        server.wait_for(lambda m: m[HEALTHY] == size, 120, every=0.1)
        time.sleep(10)
        rate, share, its = beats_for(server, 20, process.pid)
        lost, missed = size - server.metrics()[HEALTHY], max(1 - rate * 5 / size, 0)
        results.row(f"a fleet of {size:,} nodes ({rate:,.0f} heartbeats/s): the daemon, the fleet's process",
                    f"{share:.1f} % and {its:.1f} % of a core, {missed * 100:.1f} % of the heartbeats missed, {lost:.0f} nodes lost",
                    "10 % of a core for the daemon, no heartbeat missed (1 %: their jitter)", share <= 10 and lost == 0 and missed <= 0.01)
        own = memory_of(process.pid, "RssAnon") * 1048576 / size
        results.row("memory of the fleet's process for each node", f"{own:.0f} bytes", "2,048 bytes", own <= 2048)
        process.kill()
        process.wait()


def virtual_nodes(size=100000):
    with Server(settings=FIVE_SECONDS) as server:
        empty, begun = server.memory(), time.monotonic()
        server.add_virtual_nodes(size)
        took = time.monotonic() - begun
        results.row(f"{size:,} virtual nodes added, durable", f"{took:.1f} s", "5 s", took <= 5)
        time.sleep(10)
        rate, share = beats_for(server, 20)
        lost = size - server.metrics()[HEALTHY]
        results.row(f"{size:,} virtual nodes ({rate:,.0f} heartbeats/s)", f"{share:.1f} % of a core, {server.memory():.0f} MB, {lost:.0f} nodes lost",
                    "25 % of a core, none lost", share <= 25 and lost == 0)
        results.row("memory for each virtual node", f"{(server.memory() - empty) * 1048576 / size:.0f} bytes")
        result = load(server.unix, "heartbeat", connections=1, nodes=1, every=2, seconds=5)
        results.latency(f"heartbeat beside {size:,} virtual nodes", result)
        results.row("a request beside them", results.spread(result), "p99 2 ms", result["p99_us"] <= 2000)
        begun = time.monotonic()
        server.post("/faults", {"kind": "stop", "selector": "zone=a", "count": size // 10, "seed": 1, "for": 5})
        results.row("a fault injected into a tenth of them, by lot", f"{(time.monotonic() - begun) * 1000:.0f} ms")
