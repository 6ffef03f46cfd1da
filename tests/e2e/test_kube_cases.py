# SPDX-License-Identifier: Apache-2.0
"""Tables of cases (tests/e2e/cases/), each under the page of Kubernetes' documentation that says so."""
import json
import os
import re
import time
import urllib.parse

import pytest
import yaml

from conftest import eventually

HERE = os.path.join(os.path.dirname(__file__), "cases")
APPLY, MERGE, STRATEGIC = ({"Content-Type": f"application/{t}"} for t in ("apply-patch+yaml", "merge-patch+json", "strategic-merge-patch+json"))


def read(name, least):
    """The lines that are cases: (number, line). Every case must stand under a page."""
    cases, page = [], None
    for number, line in enumerate(open(os.path.join(HERE, name)), 1):
        page = re.fullmatch(r"# (https://kubernetes\.io/docs/\S+)\n", line)[1] if line.startswith("# https:") else page
        if line.strip() and not line.startswith("#"):
            assert page, f"{name}:{number} has no page"
            cases.append((number, line.rstrip("\n")))
    assert len(cases) >= least
    return cases


def check_all(name, least, run):
    """Runs every case; all that fail are told."""
    wrong = []
    for number, line in read(name, least):
        try:
            run(line)
        except AssertionError as e:
            wrong.append(f"{name}:{number}: {line}\n    {str(e).splitlines()[0]}")
    assert not wrong, "\n".join(["not as the documentation says:", *wrong])


# --- quantities ---

def test_quantities(kubesimd):
    def stored(text):
        quota = {"metadata": {"name": "q"}, "spec": {"hard": {"requests.memory": text}}}
        return kubesimd.ask("POST", "/api/v1/namespaces/default/resourcequotas?dryRun=All", quota)

    def asked(resources):
        pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x", "resources": resources}]}}
        return kubesimd.ask("POST", "/api/v1/namespaces/default/pods?dryRun=All", pod)

    def run(line):
        if line.endswith(" !"):
            reply = asked({"requests": {"memory": line[:-2].strip('"')}})
            assert reply.status in (400, 422), f"taken as {reply.text}"
        elif " = " in line:
            given, canonical = line.split(" = ")
            reply = stored(given)
            assert reply.status == 201 and reply.json["spec"]["hard"]["requests.memory"] == canonical, reply.text
        else:
            request, compared, limit = line.split()
            reply = asked({"requests": {"memory": request}, "limits": {"memory": limit}})
            assert reply.status == {"<=": 201, ">": 422}[compared], reply.text

    check_all("quantities.txt", 80, run)
    assert stored("abc").status == 400
    for number, text in ((1.5, "1500m"), (2, "2"), (1e3, "1k")):  # JSON's numbers are quantities, too
        assert stored(number).json["spec"]["hard"]["requests.memory"] == text


# --- selectors ---

LABELS = {"a": {"environment": "production", "tier": "frontend"}, "b": {"environment": "qa", "tier": "backend", "partition": ""},
          "c": {"environment": "production", "tier": "backend"}, "d": {}, "e": {"x-y_z.1": "A", "example.com/role": "main"}}


def test_selectors(kubesimd):
    kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "n1"}, 201)
    for name, labels in LABELS.items():
        kubesimd.post("/apis/apps/v1/namespaces/default/controllerrevisions", {"metadata": {"name": name, "labels": labels}, "data": {}, "revision": 1}, 201)
    for name, more in (("p1", {}), ("p2", {"restartPolicy": "Never"}), ("p3", {"schedulerName": "other"})):
        kubesimd.post("/api/v1/namespaces/default/pods", {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "x"}], **more}}, 201)
    eventually(lambda: kubesimd.get("/pods/p2")["Status"] == "Running" and kubesimd.get("/pods/p1")["Status"] == "Running")
    paths = {"l": "/apis/apps/v1/namespaces/default/controllerrevisions?labelSelector=", "f": "/api/v1/namespaces/default/pods?fieldSelector="}

    def run(line):
        selector, _, names = line[1:].partition("->")
        refused = selector.endswith(" !") and "->" not in line
        selector = (selector[:-2] if refused else selector).strip()
        reply = kubesimd.ask("GET", paths[line[0]] + urllib.parse.quote(selector))
        if refused:
            assert reply.status == 400, f"taken: {[o['metadata']['name'] for o in reply.json['items']]}"
        else:
            assert reply.status == 200 and [o["metadata"]["name"] for o in reply.json["items"]] == names.split(), reply.text[:300]

    check_all("selectors.txt", 80, run)


# --- patches ---

CORE, APPS = "/api/v1/namespaces/default/", "/apis/apps/v1/namespaces/default/"
TEMPLATE = {"metadata": {"labels": {"x": "y"}}, "spec": {"containers": [{"name": "base", "image": "x"}]}}
DEPLOYMENT = {"spec": {"replicas": 0, "selector": {"matchLabels": {"x": "y"}}, "template": TEMPLATE}}
# The path, the type, what an object needs to be one, and where in it the case is.
PLACES = {
    "map": (CORE + "configmaps", "v1", "ConfigMap", {}, ("data",)),
    "meta": (CORE + "configmaps", "v1", "ConfigMap", {}, ("metadata",)),
    "pod": (APPS + "deployments", "apps/v1", "Deployment", DEPLOYMENT, ("spec", "template", "spec")),
    "deploy": (APPS + "deployments", "apps/v1", "Deployment", DEPLOYMENT, ("spec",)),
    "svc": (CORE + "services", "v1", "Service", {}, ("spec",)),
    "sa": (CORE + "serviceaccounts", "v1", "ServiceAccount", {}, ()),
    "node": ("/api/v1/nodes", "v1", "Node", {}, ("status",)),
}


def overlaid(base, more):
    if not isinstance(base, dict) or not isinstance(more, dict):
        return more
    return {k: overlaid(base[k], more[k]) if k in base and k in more else more.get(k, base.get(k)) for k in {**base, **more}}


def placed(place, value):
    for step in reversed(place):
        value = {step: value}
    return value


def check_found(want, found, where=""):
    """Members that are not named do not matter, None stands for none; lists are whole."""
    if isinstance(want, dict):
        assert isinstance(found, dict) or all(v is None for v in want.values()), f"{where} is {found!r}"
        for k, v in want.items():
            if v is None:
                assert not found or k not in found, f"{where}.{k} is {found[k]!r}"
            else:
                assert found and k in found, f"{where}.{k} is not there: {found!r}"
                check_found(v, found[k], f"{where}.{k}")
    elif isinstance(want, list):
        assert isinstance(found, list) and len(found) == len(want), f"{where} is {found!r}"
        for i, v in enumerate(want):
            check_found(v, found[i], f"{where}[{i}]")
    else:
        assert found == want, f"{where} is {found!r}"


class Patched:
    """An object of its own for a case."""

    made = 0

    def __init__(self, daemon, where):
        Patched.made += 1
        self.daemon, self.name = daemon, f"o{Patched.made}"
        self.path, self.version, self.kind, self.base, self.place = PLACES[where]

    def object(self, value, base):
        return overlaid(overlaid(base, placed(self.place, value)), {"apiVersion": self.version, "kind": self.kind, "metadata": {"name": self.name}})

    def create(self, value):
        self.daemon.post(self.path, self.object(value, self.base), 201)

    def patch(self, body, headers, query=""):
        sub = "/status" if self.kind == "Node" else ""
        return self.daemon.ask("PATCH", f"{self.path}/{self.name}{sub}{query}", body, headers=headers)

    def check(self, want):
        found = self.daemon.get(f"{self.path}/{self.name}")
        for step in self.place:
            found = found.get(step)
        if self.kind == "Node":  # its own conditions stand beside
            found = {"conditions": [c for c in found["conditions"] if len(c["type"]) == 1]}
        check_found(want, found)


def test_strategic_merge(kubesimd):
    def run(line):
        where, have, patch, want = (part.strip() for part in line.split(" | "))
        o = Patched(kubesimd, where)
        o.create(yaml.safe_load(have))
        before = kubesimd.get(f"{o.path}/{o.name}")
        reply = o.patch(placed(o.place, yaml.safe_load(patch)), STRATEGIC)
        if want == "!":
            assert 400 <= reply.status < 500, f"taken as {reply.text}"
            assert kubesimd.get(f"{o.path}/{o.name}") == before
        else:
            assert reply.status == 200, reply.text
            o.check(yaml.safe_load(want))
            assert "$" not in json.dumps(reply.json)

    check_all("strategic-merge.txt", 40, run)


def owned(o, place):
    """manager -> the paths below the place that it owns; "m+" by updates."""
    def paths(fields, prefix):
        for k, v in fields.items():
            if k == ".":
                yield prefix
                continue
            name = k[2:]
            if k[:2] == "k:":
                name = "[" + ",".join(f"{a}={b}" for a, b in json.loads(name).items()) + "]"
            elif k[:2] == "v:":
                name = f"[={json.loads(name)}]"
            path = f"{prefix}.{name}" if prefix else name
            yield from paths(v, path) if v else [path]

    found, prefix = {}, ".".join(place)
    for entry in o["metadata"].get("managedFields", []):
        mine = sorted(p[len(prefix):].lstrip(".") for p in paths(entry["fieldsV1"], "") if p.startswith(prefix + ".") or not prefix)
        found[entry["manager"] + ("+" if entry["operation"] == "Update" else "")] = [p for p in mine if p]
    return found


def test_apply(kubesimd):
    def run(line):
        where, steps, want, owners = (part.strip() for part in line.split(" | "))
        o = Patched(kubesimd, where)
        if where == "pod":
            o.create({})
        for step in steps.split(" ; "):
            code, manager, how, body = re.fullmatch(r"(\d+ )?(\w+)([!+]?) (.*)", step.strip()).groups()
            body = yaml.safe_load(body)
            query = f"?fieldManager={manager}" + ("&force=true" if how == "!" else "")
            if how == "+" and kubesimd.ask("GET", f"{o.path}/{o.name}").status == 404:
                reply = kubesimd.ask("POST", o.path + query, o.object(body, o.base))
            elif how == "+":
                reply = o.patch(placed(o.place, body), MERGE, query)
            else:
                whole = overlaid({"apiVersion": o.version, "kind": o.kind, "metadata": {"name": o.name}}, placed(o.place, body))
                reply = o.patch(whole, APPLY, query)
            expected = {int(code)} if code else {200, 201} if want != "!" else set(range(200, 500))
            assert reply.status in expected, f"{step}: {reply.status} {reply.text}"
            if reply.status == 409:
                assert reply.json["reason"] == "Conflict" and {c["reason"] for c in reply.json["details"]["causes"]} == {"FieldManagerConflict"}
        if want == "!":
            assert reply.status >= 400, f"taken as {reply.text}"
            return
        o.check(yaml.safe_load(want))
        found = owned(kubesimd.get(f"{o.path}/{o.name}"), o.place)
        for manager, paths in yaml.safe_load(owners).items():
            assert found.get(manager, []) == paths, f"{manager} owns {found.get(manager)}"

    check_all("apply.txt", 40, run)


# --- resourceVersion ---

STATUSES = ("400", "410", "422", "504")
MAPS = "/api/v1/namespaces/default/configmaps"


def test_resource_versions(start):
    daemon = start("Access.Anonymous=admin", "Limits.WatchLogEntries=100")
    old = daemon.get(MAPS)["metadata"]["resourceVersion"]
    for i in range(120):
        daemon.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": f"s{i}"}}, 201)
    daemon.post(MAPS, {"metadata": {"name": "d"}}, 201)
    daemon.post(MAPS, {"metadata": {"name": "c"}, "data": {"at": "1"}}, 201)
    revisions = {"old": old, "0": "0", "x": "x", "1": daemon.get(MAPS)["metadata"]["resourceVersion"]}
    for at in ("2", "3"):
        changed = daemon.ask("PATCH", f"{MAPS}/c", {"data": {"at": at}}, headers=MERGE)
        revisions[at] = changed.json["metadata"]["resourceVersion"]
    revisions["far"] = str(int(revisions["3"]) + 1000)
    token = daemon.get(f"{MAPS}?limit=1")["metadata"]["continue"]

    def url(path, **query):
        given = {k: v for k, v in query.items() if v and v != "-"}
        return f"{path}?{urllib.parse.urlencode(given)}"

    def check(reply, what, at):
        if what in ("newest", "any"):
            assert at == "3"
        elif what.startswith("at-least-"):
            assert at >= what[-1]
        else:
            assert at == what

    def listed(version, match, limit, more, what):
        reply = daemon.ask("GET", url(MAPS, resourceVersion=revisions.get(version), resourceVersionMatch=match, limit=limit,
                                      **{"continue": token if more == "yes" else ""}))
        if what in STATUSES or reply.status != 200:
            assert str(reply.status) == what, reply.text
        elif what == "page":
            assert [o["metadata"]["name"] for o in reply.json["items"]] == ["d"]
        else:
            check(reply, what, reply.json["items"][0]["data"]["at"])
            if what in "123":
                assert reply.json["metadata"]["resourceVersion"] == revisions[what]
            assert len(reply.json["items"]) == (2 if limit == "-" else 1)

    def got(version, what):
        reply = daemon.ask("GET", url(f"{MAPS}/c", resourceVersion=revisions.get(version)))
        if what in STATUSES or reply.status != 200:
            assert str(reply.status) == what, reply.text
        else:
            check(reply, what, reply.json["data"]["at"])

    def watched(version, match, initial, what):
        path = url(MAPS, watch="1", resourceVersion=revisions.get(version), resourceVersionMatch=match, allowWatchBookmarks="1",
                   sendInitialEvents="true" if initial == "yes" else "", timeoutSeconds="1")
        if what in STATUSES:
            reply = daemon.ask("GET", path)
            code = reply.status if reply.status != 200 else reply.json["object"].get("code") if reply.text.count("\n") == 1 else 200
            assert str(code) == what, reply.text
            return
        events, wanted = [], {"state": ["c", "d"], "changes": ["2", "3"][int(version) - 1:] if version in "123" else []}[what]
        begun = time.monotonic()
        for event in daemon.stream(path):
            if event["type"] != "BOOKMARK":
                events.append(event["object"])
            if len(events) == len(wanted) and wanted:
                break
        assert time.monotonic() - begun < 4, "it did not end in time"
        seen = sorted(o["metadata"]["name"] for o in events) if what == "state" else [o["data"]["at"] for o in events]
        assert seen == wanted, seen

    def run(line):
        words = line.replace("->", "").split()
        {"list": listed, "get": got, "watch": watched}[words[0]](*words[1:])

    check_all("resource-versions.txt", 50, run)
