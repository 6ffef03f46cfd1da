# SPDX-License-Identifier: Apache-2.0
"""What was measured, by part: rows of the table, and points of the plots. Kept as JSON, so that parts can be measured again one by one."""
import datetime
import json
import os
import platform
import statistics
import sys
import time

ROUNDS = 3
_all = {"parts": {}}
_part = None


def path(build):
    return os.path.join(build, "bench/results.json")


def read(build):
    try:
        with open(path(build)) as f:
            return json.load(f)
    except FileNotFoundError:
        return {"parts": {}}


def forget(build):
    if os.path.exists(path(build)):
        os.unlink(path(build))


def begin(build, name, topic):
    """`topic`: the sentence that the table is under."""
    global _all, _part
    _all = read(build)
    _part = _all["parts"][name] = {"topic": topic, "rows": [], "points": {}, "begun": time.time()}
    print(f"-- {name}", file=sys.stderr, flush=True)


def end(build):
    _part["seconds"] = round(time.time() - _part.pop("begun"), 1)
    _all["machine"] = {"cores": os.cpu_count(), "architecture": platform.machine(), "linux": platform.release().split("-")[0],
                       "date": str(datetime.date.today()), "rounds": ROUNDS}
    with open(path(build) + ".new", "w") as f:
        json.dump(_all, f, indent=1)
    os.rename(path(build) + ".new", path(build))


def row(name, value, goal="-", met=None):
    """`met`: None where there is no goal."""
    _part["rows"].append({"name": name, "value": value, "goal": goal, "met": met})
    print(f"{'    ' if met is None else '  ok' if met else 'MISS'}  {name}: {value}   (goal: {goal})", file=sys.stderr, flush=True)


def ratio(name, ours, limits, goal, what):
    """Rates of ours beside those of a limit, measured in turn."""
    ratios = [a / b for a, b in zip(ours, limits)]
    value = f"{statistics.median(ratios):.2f} ({statistics.median(ours):,.0f}/s against {statistics.median(limits):,.0f}/s, {min(ratios):.2f}-{max(ratios):.2f})"
    row(name, value, f"{goal} of {what}", statistics.median(ratios) >= goal)


def point(plot, series, **values):
    _part["points"].setdefault(plot, []).append({"series": series, **values})


def latency(name, result):
    """A line of the plot of latencies, of what a load says."""
    point("latency", name, **{k: result[k + "_us"] for k in ("p50", "p99", "max")})


def spread(result):
    """What a load says of its latency, in words."""
    return ", ".join(f"{k} {result[k + '_us'] / 1000:.2f} ms" for k in ("p50", "p99", "max"))


def points(results, plot):
    return [p for part in results["parts"].values() for p in part["points"].get(plot, [])]
