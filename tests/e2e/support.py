# SPDX-License-Identifier: Apache-2.0
"""What kubesimd says that it does with each kind and field: the descriptions that it serves as OpenAPI, beside support.tsv, which they
are made from. Run as a program, it writes the generated parts of docs/KUBERNETES.md (make docs)."""
import collections
import os
import re
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
TABLE = os.path.join(ROOT, "src/kubesimd/api/kube/types/support.tsv")
SCHEMA = os.path.join(ROOT, "src/kubesimd/api/kube/types/schema.tsv")
DOC = os.path.join(ROOT, "docs/KUBERNETES.md")
MARKS = ("alive", "made", "checked", "kept", "dropped", "refused")
METADATA = "meta.v1.ObjectMeta"

Row = collections.namedtuple("Row", "message field mark test words")
Kind = collections.namedtuple("Kind", "group_version plural kind namespaced subresources verbs message")


def table():
    return [Row(*line.rstrip("\n").split("\t")) for line in open(TABLE) if not line.startswith("#")]


def schema():
    """Of each message its fields: {message: {name: type}}, with those of messages that belong to it."""
    rows = [line.rstrip("\n").split("\t") for line in open(SCHEMA) if not line.startswith("#")]
    messages = collections.defaultdict(dict)
    for message, _, name, kind, flags, *_ in rows:
        messages[message][name] = (kind, "I" in flags)

    def flat(message):
        fields = {}
        for name, (kind, inlined) in messages[message].items():
            fields.update(flat(kind[2:]) if inlined else {name: kind})
        return fields

    return {message: flat(message) for message in messages}


class Support:
    """What a running kubesimd serves."""

    def __init__(self, daemon):
        self.schemas, self.kinds = {}, []
        self.rows = {(r.message, r.field): r for r in table()}
        types = {}
        for entry in daemon.get("/openapi/v3")["paths"].values():
            for name, s in daemon.get(entry["serverRelativeURL"])["components"]["schemas"].items():
                message = re.sub(r"^io\.k8s\.(api|apimachinery\.pkg\.apis)\.", "", name)
                self.schemas[message] = s
                for k in s.get("x-kubernetes-group-version-kind", []):
                    types[(k["group"] + "/" + k["version"]).strip("/"), k["kind"]] = message
        groups = ["v1"] + [v["groupVersion"] for g in daemon.get("/apis")["groups"] for v in g["versions"]]
        for group in groups:
            resources = daemon.get(("/api/" if group == "v1" else "/apis/") + group)["resources"]
            for r in resources:
                if "/" not in r["name"]:
                    subs = sorted(s["name"].split("/")[1] for s in resources if s["name"].startswith(r["name"] + "/"))
                    self.kinds.append(Kind(group, r["name"], r["kind"], r["namespaced"], tuple(subs), tuple(r["verbs"]), types[group, r["kind"]]))

    def row(self, message, field):
        return self.rows.get((message, field)) or self.rows.get((message, "*")) or self.rows.get(("*", field)) or Row(message, field, "kept", "-", "")

    def fields(self, message):
        """(name, schema, mark, message of what is in it or None), as OpenAPI has them."""
        for name, s in self.schemas[message].get("properties", {}).items():
            if "x-kubesim" in s:
                yield name, s, s["x-kubesim"], message_of(s)

    def refused(self, message):
        return [r for r in self.rows.values() if r.message == message and r.field.startswith("/")]

    def paths(self, message, prefix="", seen=None):
        """(path, row) of what is not simply kept, as it stands in the document: a type is looked into once, and only if something
        is done with it; what pods are made from is a section of its own."""
        seen = {METADATA} if seen is None else seen
        for name, s, mark, inner in self.fields(message):
            row, path = self.row(message, name), prefix + name
            if row.message == "*" or (message, name) not in self.rows and (message, "*") not in self.rows:
                continue
            looked_into = mark in ("alive", "made") or mark == "checked" and not row.words
            deeper = looked_into and inner and inner not in seen and (inner, "*") not in self.rows and not (prefix and inner == "core.v1.PodSpec")
            inside = []
            if deeper:
                seen.add(inner)
                inside = list(self.paths(inner, path + ("[]." if s.get("type") == "array" else "."), seen))
            if row.words or not inside:
                yield path, row
            yield from inside


def is_alternative(s, name=""):
    """Is it a Quantity or an IntOrString, or that one of them?"""
    ref = s.get("allOf", [{}])[0].get("$ref", "")
    return ref.endswith(name) and ref.rsplit(".")[-1] in ("Quantity", "IntOrString")


def message_of(s):
    s = s.get("items") or s.get("additionalProperties") or s
    ref = s.get("allOf", [{}])[0].get("$ref")
    if is_alternative(s):
        return None
    return re.sub(r".*/io\.k8s\.(api|apimachinery\.pkg\.apis)\.", "", ref) if ref else None


def line(*cells):
    return "| " + " | ".join(cells) + " |"


def table_of_kinds(support):
    yield line("group/version", "kind", "in namespaces", "subresources", "what it does here")
    yield "|---|---|---|---|---|"
    for k in support.kinds:
        row = support.row(k.message, ".")
        words = row.words if row.mark == "made" else row.mark + (": " + row.words if row.words else "")
        yield line(k.group_version, k.plural, "yes" if k.namespaced else "no", ", ".join(k.subresources), words)


def tables_of_fields(support):
    done = set()
    for name, message in [("metadata", METADATA)] + [(k.kind, k.message) for k in support.kinds]:
        rows = list(support.paths(message))
        if message in done or not rows or (message, "*") in support.rows:
            continue
        done.add(message)
        yield from ("", f"### {name}", "", line("field", "", "what it does here"), "|---|---|---|")
        for path, row in rows:
            if row.words:
                yield line(f"`{path}`", row.mark, row.words)
        for mark in MARKS:
            paths = [f"`{path}`" for path, row in rows if row.mark == mark and not row.words]
            if paths:
                yield line(", ".join(paths), mark, "")


def not_served():
    return [r for r in table() if "/" in r.message or r.message == "v1"]


def table_of_refusals(support):
    refused = collections.defaultdict(list)
    for k in support.kinds:
        for row in support.refused(k.message):
            refused[row.words].append(k.plural + row.field)
    for words, names in sorted(refused.items(), reverse=True):
        yield f"- {', '.join(names)}: {words or 'not served'}"
    yield "- kinds that are not served: " + ", ".join(f"{r.field}.{r.message}" for r in not_served())


PARTS = {"kinds": table_of_kinds, "fields": tables_of_fields, "refused": table_of_refusals}


def written(support, text):
    """The document with its generated parts as they should be."""
    for name, part in PARTS.items():
        begin, end = f"<!-- {name}: written by make docs -->\n", f"<!-- end of {name} -->\n"
        assert text.count(begin) == 1 and text.count(end) == 1, name
        before, rest = text.split(begin)
        body = re.sub(r" +$", "", "\n".join(part(support)).strip("\n"), flags=re.M)
        text = before + begin + "\n" + body + "\n\n" + end + rest.split(end)[1]
    return text


def main():
    from conftest import Daemon

    with tempfile.TemporaryDirectory() as tmp:
        daemon = Daemon(tmp, "Access.Anonymous=admin")
        try:
            text = written(Support(daemon), open(DOC).read())
        finally:
            daemon.stop()
    open(DOC, "w").write(text)


if __name__ == "__main__":
    sys.exit(main())
