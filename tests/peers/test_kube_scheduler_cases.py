# SPDX-License-Identifier: Apache-2.0
"""The cases of e2e/cases/scheduling through a genuine kube-scheduler instead of ours. Where 1.20 and the documentation of today differ,
differences.yaml says how and why; a difference that is not there, or one there that is none, fails."""
import collections
import os
import re
import time

import pytest
import yaml
from kube_scheduler import CORE, NAME, outcome, start
import test_scheduling_cases as ours
from conftest import eventually

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "differences.yaml")) as f:
    WORDS, DIFFERENCES = yaml.safe_load_all(f)
SEEN = 0.06  # seconds until it has heard of a change by its watches


def is_for_it(case):
    """Not those of algorithms that are kubesim's own (first-fit is that of cases which ask who fits, not who is best), and of its gangs; nor those in
    which others come first, at a time of their own."""
    return case.get("algorithm", "kube") in ("kube", "first-fit") and "kubesim.io/pod-group" not in str(case) and "before" not in case and \
        not (case.get("goes") and case.get("algorithm") == "first-fit" and len(case["nodes"]) > 1)


CASES = [p for p in ours.ALL if is_for_it(p.values[0])]


def test_there_are_many():
    assert len(CASES) >= 300
    assert {d["case"] for d in DIFFERENCES} <= {p.id for p in CASES}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    daemon, scheduler = start(str(tmp_path_factory.mktemp("cases")), verbosity=10)
    for value in (-10, 0, 10, 50, 100, 1000):
        for never in (False, True):
            name = f"p{value}".replace("-", "minus") + ("never" if never else "")
            daemon.post(ours.PRIORITIES, {"metadata": {"name": name}, "value": value, **({"preemptionPolicy": "Never"} if never else {})}, 201)
    for name, labels in (("team", {"env": "prod"}), ("other", {})):
        daemon.post(CORE + "/namespaces", {"metadata": {"name": name, "labels": labels}}, 201)
    daemon.scheduler = scheduler
    yield daemon
    scheduler.stop()
    daemon.check_clean(daemon.stop())


@pytest.fixture
def cluster(both):
    yield both
    for namespace in ("default", "team", "other"):
        for path in (f"{CORE}/namespaces/{namespace}/pods", f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"):
            if both.get(path)["items"]:
                both.ask("DELETE", path + "?gracePeriodSeconds=0", {"kind": "DeleteOptions", "gracePeriodSeconds": 0})
    for n in both.get(CORE + "/nodes")["items"]:
        both.ask("DELETE", CORE + "/nodes/" + n["metadata"]["name"])
    eventually(lambda: not both.get(CORE + "/nodes")["items"] and not both.get(CORE + "/pods")["items"])


def create_pod(cluster, name, short):
    short = dict(short or {})
    if short.get("schedulerName", "default-scheduler") == "default-scheduler":
        short["schedulerName"] = NAME
    time.sleep(SEEN)
    return ours.create_pod(cluster, name, short)


def what_happens(cluster, path, case):
    if (case["pod"] or {}).get("schedulingGates") or (case["pod"] or {}).get("schedulerName", "default-scheduler") != "default-scheduler":
        time.sleep(0.3)  # nobody is to say anything
        return ours.placed_on(cluster, path), None
    return outcome(cluster, path)


def run_set(cluster, case):
    """All nodes that it comes to, each cordoned then."""
    found = []
    for i in range(len(case["nodes"]) + 1):
        path = create_pod(cluster, f"p{i}", case["pod"])
        on, _ = what_happens(cluster, path, case)
        cluster.ask("DELETE", path + "?gracePeriodSeconds=0")
        if not on:
            return {"fits": [n for n in case["nodes"] if n in found]}
        found.append(on)
        assert cluster.ask("PATCH", f"{CORE}/nodes/{on}", {"spec": {"unschedulable": True}}, headers=ours.PATCH).status == 200
    return {"fits": found}


def of_equals(cluster, case, on):
    """It throws dice between the best: the node that ours takes is right if it is one of them by its scores."""
    totals = cluster.scheduler.totals(case["pod"].get("namespace", "default"), "p")
    return case["goes"] if totals and totals.get(case["goes"]) == max(totals.values()) else on


def run_one(cluster, case, paths):
    cluster.scheduler.forget_log()
    path = create_pod(cluster, "p", case["pod"])
    on, message = what_happens(cluster, path, case)
    out = {}
    if "victims" in case:
        time.sleep(0.2 if case["victims"] else 0)
        out["victims"] = sorted(n for n, p in paths.items() if cluster.ask("GET", p).status == 404 or cluster.get(p)["metadata"].get("deletionTimestamp"))
        if case["victims"]:
            until = time.monotonic() + 4
            while not on and time.monotonic() < until:
                time.sleep(0.05)
                on = ours.placed_on(cluster, path)
    if "goes" in case:
        out["goes"] = of_equals(cluster, case, on)
    if "refused" in case:
        out["refused"] = message
    return out


def older(message):
    """The message in the words of 1.20, which said nothing of preemption."""
    for word, before in WORDS.items():
        message = re.sub(word, before, message)
    head, _, reasons = message.rstrip(".").partition(": ")
    counts = collections.Counter()
    for reason in re.split(r", (?=[0-9])", reasons) if reasons else []:
        n, text = reason.split(" ", 1)
        counts[text] += int(n)
    return f"{head}: {', '.join(sorted(f'{n} {text}' for text, n in counts.items()))}." if counts else message


def wanted(case):
    out = {k: case[k] for k in ("fits", "goes", "victims", "refused") if k in case}
    if "victims" in out:
        out["victims"] = sorted(out["victims"])
    if "refused" in out:
        out["refused"] = older(out["refused"])
    if "fits" in out:
        out = {"fits": [n for n in case["nodes"] if n in case["fits"]]}
    return out


def prepare(cluster, case):
    """What is there before is placed by ours, where the case does not say where."""
    case = dict(case, algorithm="first-fit" if case.get("algorithm") == "first-fit" else "kube")
    return ours.prepare(cluster, case)


@pytest.mark.parametrize("case", CASES)
def test_case(cluster, case, request):
    name = request.node.callspec.id
    difference = next((d for d in DIFFERENCES if d["case"] == name), None)
    paths = prepare(cluster, case)
    seen = run_set(cluster, case) if "fits" in case else run_one(cluster, case, paths)
    expected = wanted(case)
    if difference:
        assert seen != expected, "no difference any more"
        expected = dict(expected, **difference["there"])
    assert seen == expected, difference
