# SPDX-License-Identifier: Apache-2.0
"""Bodies in YAML at the Kubernetes door, as people send them with curl."""
import subprocess

import pytest

CM = "/api/v1/namespaces/default/configmaps"
YAML_TYPES = ["application/yaml", "application/x-yaml", "text/yaml", "application/yaml; charset=utf-8"]
DEPLOYMENT = """\
# two of them
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: &labels {app: web}
spec:
  replicas: 0x2
  selector:
    matchLabels: *labels
  template:
    metadata:
      labels:
        <<: *labels
        "tier": "1"
    spec:
      containers:
      - name: c
        image: nginx
        command: ["sh", "-c"]
        args:
        - |
          echo yes
          exec sleep 1
        env:
        - {name: A, value: "no"}
"""


def send(kubesimd, method, path, body, kind="application/yaml", status=None, headers=None):
    reply = kubesimd.ask(method, path, body.encode() if isinstance(body, str) else body, {"Content-Type": kind, **(headers or {})})
    assert reply.status == (status or reply.status), reply.text
    return reply


@pytest.mark.parametrize("kind", YAML_TYPES)
def test_create_and_replace(kubesimd, kind):
    made = send(kubesimd, "POST", CM, "metadata:\n  name: a\ndata:\n  on: 'true'\n  1: \"x\"\n  text: |-\n    two\n    lines\n", kind, 201)
    assert made.headers["Content-Type"] == "application/json"
    assert made.json["data"] == {"true": "true", "1": "x", "text": "two\nlines"}
    assert send(kubesimd, "PUT", CM + "/a", "{metadata: {name: a}, data: {k: v}}", kind, 200).json["data"] == {"k": "v"}
    assert send(kubesimd, "PUT", CM + "/a", '{"metadata": {"name": "a"}, "data": {"json": "too"}}', kind, 200).json["data"] == {"json": "too"}
    assert send(kubesimd, "DELETE", CM + "/a", "propagationPolicy: Background\npreconditions: {uid: no-such}\n", kind, 409).json["reason"] == "Conflict"
    assert send(kubesimd, "DELETE", CM + "/a", "propagationPolicy: Background\n", kind, 200)


def test_deployment_with_anchors(kubesimd):
    spec = send(kubesimd, "POST", "/apis/apps/v1/namespaces/default/deployments", DEPLOYMENT, status=201).json["spec"]
    assert spec["replicas"] == 2 and spec["selector"] == {"matchLabels": {"app": "web"}}
    assert spec["template"]["metadata"]["labels"] == {"app": "web", "tier": "1"}
    container = spec["template"]["spec"]["containers"][0]
    assert container["args"] == ["echo yes\nexec sleep 1\n"] and container["env"] == [{"name": "A", "value": "no"}]
    scale = send(kubesimd, "PUT", "/apis/apps/v1/namespaces/default/deployments/web/scale", "metadata: {name: web}\nspec: {replicas: 3}\n", status=200)
    assert scale.json["spec"]["replicas"] == 3


def test_apply(kubesimd):
    path, kind = CM + "/b?fieldManager=one", "application/apply-patch+yaml"
    body = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\ndata:\n  k: v\n  l: w\n"
    assert send(kubesimd, "PATCH", path, body, kind, 201).json["data"] == {"k": "v", "l": "w"}
    assert send(kubesimd, "PATCH", path, body.replace("  l: w\n", ""), kind, 200).json["data"] == {"k": "v"}
    assert send(kubesimd, "PATCH", path, ' {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"},"data":{"k":"v"}}', kind, 200).json["data"] == {"k": "v"}
    assert send(kubesimd, "PATCH", path, "{apiVersion: v1, kind: ConfigMap, data: {k: w}}", kind, 200).json["data"] == {"k": "w"}
    assert "conflict with \"one\"" in send(kubesimd, "PATCH", path.replace("one", "two"), body, kind, 409).json["message"]
    wrong = send(kubesimd, "PATCH", path, "apiVersion: v1\nkind: [\n", kind, 400).json
    assert wrong["message"].startswith("error decoding YAML: error converting YAML to JSON: yaml: line ") and wrong["reason"] == "BadRequest"
    assert send(kubesimd, "PATCH", path, '{"apiVersion": "v1", "kind"', kind, 400).json["message"].startswith("error decoding YAML: ")
    assert "the body is not an object" in send(kubesimd, "PATCH", path, "just text", kind, 400).json["message"]
    twice = send(kubesimd, "PATCH", path, body + "data: {}\n", kind, 400).json["message"]
    assert 'duplicate field "data"' in twice
    assert send(kubesimd, "PATCH", CM + "/b", body, "application/yaml", 415).json["message"] == "415: Unsupported Media Type"


def test_errors_name_the_line(kubesimd):
    message = lambda body, status=400: send(kubesimd, "POST", CM, body, status=status).json["message"]
    prefix = "the object provided is unrecognized (must be of type ConfigMap): error decoding YAML: yaml: line "
    assert message("metadata:\n  name: a\n data: {}\n").startswith(prefix + "3: ")
    assert message("metadata:\n  name: a\n---\nmetadata:\n  name: b\n") == prefix + "3: there is more than one document"
    assert message("metadata: {name: a}\ndata: {x: .inf}\n").startswith(prefix + "2: .inf")
    assert message("- a\n").startswith("the object provided is unrecognized (must be of type ConfigMap)")
    assert message("# nothing\n").startswith("the object provided is unrecognized (must be of type ConfigMap)")
    assert "data.k" in message("metadata: {name: a}\ndata: {k: 12}\n")  # a number is not a string
    assert message("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                   "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n").endswith("document contains excessive aliasing")
    assert "more than 10000 members" in message("".join(f"k{i}: v\n" for i in range(10001)), 413)
    unknown = send(kubesimd, "POST", CM, "metadata: {name: a}\n", "application/toml", 415).json["message"]
    assert "application/yaml" in unknown
    assert kubesimd.get(CM)["items"] == []


def test_unknown_and_duplicate_fields(kubesimd):
    body = "metadata: {name: %s}\ndata: {k: a, k: b}\nnosuch: 1\n"
    strict = send(kubesimd, "POST", CM + "?fieldValidation=Strict", body % "a", status=400).json["message"]
    assert 'strict decoding error: duplicate field "data.k", unknown field "nosuch"' in strict
    warned = send(kubesimd, "POST", CM, body % "b", status=201)
    assert warned.headers.get_all("Warning") == ['299 - "duplicate field \\"data.k\\""', '299 - "unknown field \\"nosuch\\""']
    assert warned.json["data"] == {"k": "b"}
    assert send(kubesimd, "POST", CM + "?fieldValidation=Ignore", body % "c", status=201).headers.get_all("Warning") is None


def ask_yaml(kubesimd, path, method="GET", body=None, accept="application/yaml"):
    reply = kubesimd.ask(method, path, body, {"Accept": accept, "Content-Type": "application/yaml"})
    assert reply.headers["Content-Type"] == "application/yaml"
    return reply


def test_answers(kubesimd):
    made = ask_yaml(kubesimd, "/apis/apps/v1/namespaces/default/deployments", "POST", DEPLOYMENT)
    assert made.status == 201 and made.text.startswith("kind: Deployment\napiVersion: apps/v1\nmetadata:\n  name: web\n")
    assert '        tier: "1"\n' in made.text and "        - |\n          echo yes\n          exec sleep 1\n" in made.text
    kubesimd.post(CM, {"metadata": {"name": "a"}, "data": {"text": "a\n  b\n", "m": "1", "e": "é"}}, 201)
    before = kubesimd.get(CM + "/a")
    text = ask_yaml(kubesimd, CM + "/a", accept="application/yaml, application/json").text
    assert '\ndata:\n  text: |\n    a\n      b\n  m: "1"\n  e: "é"\n' in text
    assert send(kubesimd, "PUT", CM + "/a", text, status=200).json == before  # nothing has changed on the way
    missing = ask_yaml(kubesimd, CM + "/nosuch")
    assert missing.status == 404 and 'message: "configmaps \\"nosuch\\" not found"\nreason: NotFound\n' in missing.text
    for accept in ("application/json", "*/*", "application/json, application/yaml", ""):
        assert kubesimd.ask("GET", CM, headers={"Accept": accept}).headers["Content-Type"] == "application/json"


def test_lists(kubesimd):
    empty = ask_yaml(kubesimd, CM).text
    assert empty.startswith("kind: ConfigMapList\napiVersion: v1\nmetadata:\n  resourceVersion: ") and empty.endswith("\nitems: []\n")
    for i in range(501):  # more than one reply holds
        kubesimd.post(CM, {"metadata": {"name": f"c{i:03}"}, "data": {"k": str(i)}}, 201)
    for path, names in ((CM + "?limit=20", range(20)), (CM, range(501)), (CM + "?fieldSelector=metadata.name%3Dc007", [7])):
        text = ask_yaml(kubesimd, path).text
        head, *items = text.split("\n- metadata:\n")
        assert head.endswith("\nitems:") and [i.split("\n", 1)[0] for i in items] == [f"    name: c{n:03}" for n in names]
        assert items[-1].endswith(f'\n  data:\n    k: "{names[-1]}"\n') and ("\n  continue: " in head) == ("limit" in path)
    table = ask_yaml(kubesimd, CM + "?limit=1", accept="application/yaml;as=Table;v=v1;g=meta.k8s.io").text
    assert table.startswith("kind: Table\n") and "\nrows:\n- cells:\n  - c000\n  - " in table
    assert ask_yaml(kubesimd, "/api/v1/events").text.startswith("kind: EventList\n")
    assert ask_yaml(kubesimd, CM + "?fieldSelector=metadata.name%3Dc001", "DELETE").text.startswith("kind: ConfigMapList\n")


def test_curl(kubesimd, tmp_path):
    (tmp_path / "web.yaml").write_text(DEPLOYMENT)
    done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", kubesimd.socket, "-H", "Content-Type: application/yaml",
                           "--data-binary", f"@{tmp_path}/web.yaml", "http://x/apis/apps/v1/namespaces/default/deployments"], capture_output=True, text=True)
    assert done.stdout == "201", done.stderr
