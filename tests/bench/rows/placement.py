# SPDX-License-Identifier: Apache-2.0
"""Choices of nodes in the core."""
import json
import subprocess

from lib import results, server

SIZES = (100, 1000, 5000, 100000)


def placement():
    rates = []
    for n in SIZES:
        out = subprocess.run([f"{server.BUILD}/bench/placement", str(n)], check=True, capture_output=True, text=True).stdout
        for line in out.splitlines():
            rates.append(json.loads(line))
    rows = {}
    for r in rates:
        rows.setdefault((r["algorithm"], r["pods"]), {})[r["nodes"]] = r
        results.point("placements", r["algorithm"], pods=r["pods"], x=r["nodes"], y=r["rate"], scan=r["scan"])
    for (algorithm, pods), by_size in rows.items():
        small, middle, large = (by_size[n] for n in SIZES[1:])
        value = (f"{small['rate']:,.0f}/s on 1,000 nodes; {middle['rate'] / middle['scan']:,.1f} times the scan on 5,000, "
                 f"{large['rate'] / large['scan']:,.0f} times on 100,000; {small['rate'] / large['rate']:.1f} times slower there than on 1,000")
        if pods == "cpu alone":
            results.row(f"placements, {algorithm}, {pods}", value, "2,000,000/s on 1,000 nodes, at most 3 times slower on 100,000",
                        small["rate"] >= 2e6 and small["rate"] <= 3 * large["rate"])
        else:
            results.row(f"placements, {algorithm}, {pods}", value, "10 times the scan on 5,000 nodes, 100 times on 100,000",
                        middle["rate"] >= 10 * middle["scan"] and large["rate"] >= 100 * large["scan"])
    best = rows["best-fit", "cpu alone"][100000]["rate"]
    results.row("best-fit, cpu alone, 100,000 nodes", f"{best:,.0f}/s", "5,000,000/s", best >= 5e6)
