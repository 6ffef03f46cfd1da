# SPDX-License-Identifier: Apache-2.0
"""Random small worlds: each pod is put to ours as a question and then given to a genuine kube-scheduler, which places it. Compared are which
nodes fit, what each plugin gives each of them, the words when none fits, and whether it takes one of those that ours holds for the best.

KUBESIM_WORLDS says how many (20), KUBESIM_SEED where they begin (1). What is known to have changed since 1.20 is worked out here in its old
form: PodTopologySpread cut its sums, and now rounds them; InterPodAffinity counted 0 among the least and the most;
NodeResourcesBalancedAllocation weighed the difference of CPU and memory twice as much."""
import math
import os
import random
import time

from kube_scheduler import CORE, NAME, PODS, UNBALANCED, outcome, start
from test_kube_scheduler_cases import SEEN, older
from test_scheduling_cases import PATCH
from conftest import eventually

WORLDS, SEED = int(os.environ.get("KUBESIM_WORLDS", 20)), int(os.environ.get("KUBESIM_SEED", 1))
PODS_IN_EACH = 30
ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
NAMES = {"NodeResourcesFit": "NodeResourcesLeastAllocated"}  # what ours calls by today's name
IMAGES = [("app:1", 800), ("app:2", 150)]  # of one size everywhere: kube-scheduler goes by the one that it hears of first
DEFAULTS = [(HOST, 3), (ZONE, 5)]


# --- Worlds ---

def some_node(rng, name):
    labels = {ZONE: rng.choice("abc"), HOST: name, "rank": str(rng.randrange(4))}
    if rng.random() < 0.6:
        labels["disk"] = rng.choice(["ssd", "hdd"])
    taints = [{"key": k, "value": "v", "effect": e} for k, e, p in (("k", "NoSchedule", 0.15), ("l", "PreferNoSchedule", 0.2)) if rng.random() < p]
    amounts = {"cpu": str(rng.randint(1, 6)), "memory": f"{rng.randint(2, 12)}Gi", "pods": str(rng.randint(4, 15)), "example.com/gpu": str(rng.randrange(3))}
    images = [{"names": [i], "sizeBytes": size * 2**20} for i, size in IMAGES if rng.random() < 0.3]
    return {"metadata": {"name": name, "labels": labels}, "spec": {"taints": taints, "unschedulable": rng.random() < 0.05},
            "status": {"capacity": amounts, "allocatable": amounts, "images": images}}


def some_selector(rng):
    kind = rng.random()
    if kind < 0.6:
        return {"matchLabels": {"app": rng.choice("abc")}}
    if kind < 0.9:
        return {"matchExpressions": [{"key": "app", "operator": rng.choice(["In", "NotIn"]), "values": rng.sample("abc", 2)}]}
    return {"matchExpressions": [{"key": "tier", "operator": rng.choice(["Exists", "DoesNotExist"])}]}


def some_node_term(rng):
    pick = rng.randrange(4)
    if pick == 0:
        return {"matchExpressions": [{"key": "rank", "operator": rng.choice(["Gt", "Lt"]), "values": ["1"]}]}
    if pick == 1:
        return {"matchExpressions": [{"key": "disk", "operator": rng.choice(["Exists", "DoesNotExist"])}]}
    return {"matchExpressions": [{"key": rng.choice(["disk", ZONE]), "operator": rng.choice(["In", "NotIn"]), "values": [rng.choice(["ssd", "a", "b"])]}]}


def some_term(rng):
    return {"topologyKey": rng.choice([ZONE, HOST]), "labelSelector": some_selector(rng)}


def some_affinity(rng):
    """Pods that are spread are to be counted here, too: those have a nodeSelector at most."""
    out = {}
    if rng.random() < 0.3:
        out["nodeAffinity"] = {}
        if rng.random() < 0.5:
            out["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": [some_node_term(rng) for _ in range(rng.randint(1, 2))]}
        out["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] = [{"weight": rng.randint(1, 100), "preference": some_node_term(rng)}
                                                                                for _ in range(rng.randint(1, 2))]
    for kind, p in (("podAffinity", 0.25), ("podAntiAffinity", 0.25)):
        if rng.random() < p:
            required = [some_term(rng)] if rng.random() < 0.5 else []
            out[kind] = {"requiredDuringSchedulingIgnoredDuringExecution": required, "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": rng.randint(1, 100), "podAffinityTerm": some_term(rng)} for _ in range(rng.randint(0 if required else 1, 2))]}
    return out


def some_pod(rng, name):
    requests = {"cpu": f"{rng.randint(1, 12)}00m", "memory": f"{rng.randint(1, 24) * 64}Mi"}
    if rng.random() < 0.1:
        requests["example.com/gpu"] = "1"
    container = {"name": "c", "image": rng.choice(["app:1", "app:2", "other"]), "resources": {"requests": requests, "limits": {
        k: v for k, v in requests.items() if "/" in k}}}
    if rng.random() < 0.1:
        container["ports"] = [{"containerPort": 80, "hostPort": 8080}]
    spec = {"schedulerName": rng.choice([NAME, UNBALANCED]), "containers": [container]}
    if rng.random() < 0.15:
        spec["nodeSelector"] = {"disk": "ssd"}
    if rng.random() < 0.2:
        spec["tolerations"] = [{"key": rng.choice("kl"), "operator": "Exists"}]
    labels = {"app": rng.choice("abc"), **({"tier": "front"} if rng.random() < 0.4 else {})}
    if rng.random() < 0.35:
        keys = rng.sample([ZONE, HOST], rng.randint(1, 2))
        spec["topologySpreadConstraints"] = [{"topologyKey": k, "maxSkew": rng.randint(1, 3), "labelSelector": some_selector(rng),
                                              "whenUnsatisfiable": rng.choice(["DoNotSchedule", "ScheduleAnyway"])} for k in keys]
        if any(c["whenUnsatisfiable"] == "DoNotSchedule" for c in spec["topologySpreadConstraints"]):
            spec.pop("nodeSelector", None)  # 1.20 counted pods on nodes that it excludes
    elif labels["app"] != "a":  # those of a have a Service
        spec["affinity"] = some_affinity(rng)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


# --- What 1.20 makes of soft spreading ---

def selects(selector, labels):
    for k, v in selector.get("matchLabels", {}).items():
        if labels.get(k) != v:
            return False
    for e in selector.get("matchExpressions", []):
        has, value = e["key"] in labels, labels.get(e["key"])
        if not {"In": has and value in e.get("values", []), "NotIn": not has or value not in e.get("values", []), "Exists": has,
                "DoesNotExist": not has}[e["operator"]]:
            return False
    return True


def soft_constraints(pod):
    own = pod["spec"].get("topologySpreadConstraints")
    if own:
        return [(c["topologyKey"], c["maxSkew"], c["labelSelector"]) for c in own if c["whenUnsatisfiable"] == "ScheduleAnyway"]
    return [(k, skew, {"matchLabels": {"app": "a"}}) for k, skew in DEFAULTS] if pod["metadata"]["labels"]["app"] == "a" else []


def spread_sums(world, pod, fit):
    """{node: sum} over the nodes that fit, neither cut nor rounded."""
    sums = dict.fromkeys(fit, 0.0)
    wanted = pod["spec"].get("nodeSelector", {})
    counted = [n for n, labels in world["nodes"].items() if all(labels.get(k) == v for k, v in wanted.items())]
    for key, skew, selector in soft_constraints(pod):
        weight = math.log(len({world["nodes"][n][key] for n in fit}) + 2)
        for node in fit:
            value = world["nodes"][node][key]
            count = sum(world["nodes"][on][key] == value and on in counted and selects(selector, labels) for on, labels in world["pods"])
            sums[node] += count * weight + (skew - 1)
    return sums


def spread_points(raw):
    most, least = max(raw.values()), min(raw.values())
    return {n: 2 * (100 if most == 0 else 100 * (most + least - v) // most) for n, v in raw.items()}


def rounded(x):
    return math.floor(x + 0.5)


# --- The comparison ---

class Tally:
    def __init__(self):
        self.pods = self.placed = self.refused = self.scored = self.nodes = 0
        self.choices = self.judged = self.spread = 0
        self.wrong = []

    def note(self, pod, what, *more):
        self.wrong.append((pod["metadata"]["name"], what, *more))


def plugin_of(groups, name, key="weighted"):
    return {g["nodes"][0]: next(s[key] for s in g["scores"] if s["plugin"] == name) for g in groups}


def old_preference(raw):
    least, most = min(0, *raw.values()), max(0, *raw.values())
    return {n: 2 * int(100 * ((v - least) / (most - least))) if most > least else 0 for n, v in raw.items()}


def compare_scores(tally, world, pod, groups, theirs):
    fit = [g["nodes"][0] for g in groups]
    for name in ("NodeResourcesFit", "ImageLocality", "NodeAffinity", "TaintToleration"):
        if plugin_of(groups, name) != theirs[NAMES.get(name, name)]:
            tally.note(pod, name, plugin_of(groups, name), theirs[NAMES.get(name, name)])
    if old_preference(plugin_of(groups, "InterPodAffinity", "raw")) != theirs["InterPodAffinity"]:
        tally.note(pod, "InterPodAffinity", plugin_of(groups, "InterPodAffinity", "raw"), theirs["InterPodAffinity"])
    if soft_constraints(pod):
        tally.spread += 1
        sums = spread_sums(world, pod, fit)
        if spread_points({n: int(v) for n, v in sums.items()}) != theirs["PodTopologySpread"]:
            tally.note(pod, "PodTopologySpread as it was", sums, theirs["PodTopologySpread"])
        if spread_points({n: rounded(v) for n, v in sums.items()}) != plugin_of(groups, "PodTopologySpread"):
            tally.note(pod, "PodTopologySpread", sums, plugin_of(groups, "PodTopologySpread"))
    elif len(set(theirs["PodTopologySpread"].values())) != 1 or len(set(plugin_of(groups, "PodTopologySpread").values())) != 1:
        tally.note(pod, "PodTopologySpread", plugin_of(groups, "PodTopologySpread"), theirs["PodTopologySpread"])
    balanced = theirs.get("NodeResourcesBalancedAllocation", {})
    for n, score in plugin_of(groups, "NodeResourcesBalancedAllocation").items():
        if balanced.get(n, 0) > 0 and not (99 + balanced[n]) // 2 <= score <= (101 + balanced[n]) // 2:
            tally.note(pod, "NodeResourcesBalancedAllocation", n, score, balanced[n])


def compare_choice(tally, pod, groups, theirs, on):
    """Without the score that has changed, and with the same formulas in the others, the best are the same."""
    if pod["spec"]["schedulerName"] != UNBALANCED or soft_constraints(pod):
        return
    if old_preference(plugin_of(groups, "InterPodAffinity", "raw")) != plugin_of(groups, "InterPodAffinity"):
        return
    totals = {g["nodes"][0]: sum(s["weighted"] for s in g["scores"] if s["plugin"] != "NodeResourcesBalancedAllocation") for g in groups}
    tally.judged += 1
    if totals[on] == max(totals.values()):
        tally.choices += 1
    else:
        tally.note(pod, "choice", on, totals)


def compare_pod(daemon, scheduler, tally, world, pod):
    name = pod["metadata"]["name"]
    question = {**pod, "spec": {**pod["spec"], "schedulerName": "kubesim/kube"}}
    ours = daemon.post("/explain?algorithm=kube&each=1&limit=1000", question)
    groups = [g for g in ours["groups"] if g["fits"]]
    fit = {g["nodes"][0] for g in groups}
    scheduler.forget_log()
    daemon.post(PODS, pod, 201)
    on, message = outcome(daemon, f"{PODS}/{name}")
    tally.pods += 1
    if not on:
        daemon.ask("DELETE", f"{PODS}/{name}?gracePeriodSeconds=0")
        tally.refused += 1
        if fit or older(ours["message"]) != message:
            tally.note(pod, "refused", sorted(fit), ours["message"], message)
        return
    tally.placed += 1
    compare_placed(scheduler, tally, world, pod, groups, on)
    world["pods"].append((on, pod["metadata"]["labels"]))


def compare_placed(scheduler, tally, world, pod, groups, on):
    name, fit = pod["metadata"]["name"], {g["nodes"][0] for g in groups}
    theirs = scheduler.scores("default", name)
    if len(fit) > 1 and theirs:
        if fit != set(theirs["TaintToleration"]):
            tally.note(pod, "fit", sorted(fit), sorted(theirs["TaintToleration"]))
            return
        tally.scored += 1
        tally.nodes += len(fit)
        compare_scores(tally, world, pod, groups, theirs)
        compare_choice(tally, pod, groups, theirs, on)
    elif fit != {on} or theirs:
        tally.note(pod, "fit", sorted(fit), on)


def run_world(daemon, scheduler, tally, seed):
    rng = random.Random(seed)
    world = {"nodes": {}, "pods": []}
    for i in range(rng.randint(3, 12)):
        node = some_node(rng, f"n{i}")
        world["nodes"][f"n{i}"] = node["metadata"]["labels"]
        daemon.post(CORE + "/nodes", node, 201)
    for name in world["nodes"]:  # 1.20 counts who has an image only when it hears of a node
        assert daemon.ask("PATCH", f"{CORE}/nodes/{name}", {"metadata": {"annotations": {"seen": "1"}}}, headers=PATCH).status == 200
    time.sleep(2 * SEEN)
    for i in range(PODS_IN_EACH):
        compare_pod(daemon, scheduler, tally, world, some_pod(rng, f"p{seed}-{i}"))
    daemon.ask("DELETE", PODS + "?gracePeriodSeconds=0", {"kind": "DeleteOptions", "gracePeriodSeconds": 0})
    for n in world["nodes"]:
        daemon.ask("DELETE", CORE + "/nodes/" + n)
    eventually(lambda: not daemon.get(CORE + "/nodes")["items"] and not daemon.get(PODS)["items"])
    time.sleep(2 * SEEN)


def test_random_worlds(tmp_path):
    daemon, scheduler = start(str(tmp_path), verbosity=10)
    tally = Tally()
    try:
        daemon.post(CORE + "/namespaces/default/services", {"metadata": {"name": "a"}, "spec": {"selector": {"app": "a"}, "ports": [{"port": 80}]}}, 201)
        for seed in range(SEED, SEED + WORLDS):
            daemon.messages.clear()
            run_world(daemon, scheduler, tally, seed)
    finally:
        scheduler.stop()
        daemon.check_clean(daemon.stop())
    said = (f"{WORLDS} worlds, {tally.pods} pods: {tally.placed} placed, {tally.refused} refused with the same words; {tally.nodes} scores of each plugin "
            f"compared for {tally.scored} pods, {tally.spread} of them softly spread; {tally.choices} of {tally.judged} choices among our best")
    print(said)
    with open(os.path.join(os.environ.get("KUBESIM_BUILD", "build"), "peers/random.txt"), "w") as f:
        f.write(said + "\n" + "".join(f"{w}\n" for w in tally.wrong))
    assert not tally.wrong, (len(tally.wrong), tally.wrong[:5])
    assert tally.judged > WORLDS and tally.refused > WORLDS and tally.spread > WORLDS
