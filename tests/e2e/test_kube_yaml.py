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


def test_curl(kubesimd, tmp_path):
    (tmp_path / "web.yaml").write_text(DEPLOYMENT)
    done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", kubesimd.socket, "-H", "Content-Type: application/yaml",
                           "--data-binary", f"@{tmp_path}/web.yaml", "http://x/apis/apps/v1/namespaces/default/deployments"], capture_output=True, text=True)
    assert done.stdout == "201", done.stderr
