# SPDX-License-Identifier: Apache-2.0
"""docs/KUBERNETES.md: its table of kinds is what is served, no more and no less."""
import os
import re

DOC = os.path.join(os.path.dirname(__file__), "../../docs/KUBERNETES.md")


def test_the_table_of_kinds(kubesimd):
    groups = ["v1"] + [v["groupVersion"] for g in kubesimd.get("/apis")["groups"] for v in g["versions"]]
    served = {}
    for group in groups:
        resources = kubesimd.get(("/api/" if group == "v1" else "/apis/") + group)["resources"]
        for r in resources:
            if "/" not in r["name"]:
                subs = sorted(s["name"].split("/")[1] for s in resources if s["name"].startswith(r["name"] + "/"))
                served[group, r["name"]] = ("yes" if r["namespaced"] else "no", subs)
    shown = {(group, name): (ns, sorted(s for s in subs.split(", ") if s))
             for group, name, ns, subs in re.findall(r"^\| (\S+) \| (\S+) \| (yes|no) \| ([^|]*?) ?\| ", open(DOC).read(), re.M)}
    assert shown == served
