# SPDX-License-Identifier: Apache-2.0
"""kubesimctl's options: each command has its own, says which, and refuses others; the manual page and the completion know them all."""
import json
import os
import re
import subprocess

import pytest
from conftest import BUILD

SOURCE = os.path.join(os.path.dirname(__file__), "../..")
CTL = os.path.join(BUILD, "kubesimctl")


def ctl(*args):
    return subprocess.run([CTL, *args], capture_output=True, text=True, timeout=10, env={"NO_COLOR": "1"})


def options(text):
    return set(re.findall(r"^  [ -][ a-z] --([a-z-]+)", text, re.M))


def verbs():
    return re.findall(r"^  ([a-z][a-z-]+) ", ctl("--help").stdout, re.M)


def test_every_command_helps():
    own = {verb: options(ctl(verb, "--help").stdout) for verb in verbs()}
    assert len(own) > 25
    assert own["create-pod"] == {"cpu", "duration", "count", "wait"} and own["status"] == set()
    for verb in own:
        text = ctl("-h", verb).stdout
        assert text.startswith(f"kubesimctl {verb} [OPTIONS...]") and "\nExample:\n  $ kubesimctl " in text
        # what the example says, the command takes
        example = text.split("$ kubesimctl ")[1].splitlines()[0]
        assert verb in example.split() and set(re.findall(r"--([a-z-]+)", example)) <= own[verb] | {"json", "algorithms"}
    manual = open(os.path.join(SOURCE, "docs/man/kubesimctl.1")).read()
    for name in set.union(*own.values()) | options(ctl("--help").stdout) - {"help", "version"}:
        assert f"Fl -{name}" in manual or f", -{name}" in manual, name


@pytest.mark.parametrize("args, text", [
    (["list-pods", "--cpu=2"], "list-pods has no option --cpu. See: kubesimctl list-pods --help"),
    (["create-pod", "--memory=2Gi", "web"], "create-pod has no option --memory. See: kubesimctl create-pod --help"),
    (["--cpu=2"], "--cpu is an option of commands, such as add-node"),
    (["creat-pod", "--cpu=2"], 'There is no command "creat-pod". Did you mean "create-pod"?'),
    (["--socket", "/x", "zzz"], 'There is no command "zzz". See: kubesimctl --help'),
    (["create-pod", "--cpu"], "--cpu needs a value: --cpu=CORES"),
    (["create-pod", "--quiet=3"], "--quiet takes no value"),
    (["--bogus", "status"], "There is no option --bogus. See: kubesimctl status --help"),
    (["--bogus"], "There is no option --bogus. See: kubesimctl --help"),
    (["events", "-qz"], "There is no option -z. See: kubesimctl events --help"),
    (["status", "-f", "x"], "status has no option -f"),
    (["capacity", "-f"], "-f needs a value"),
    (["create-pod", "--count=0", "--cpu=1"], "--count=0: it must be a number from 1 to 1000000"),
    (["create-pod", "--count=2", "--cpu=1", "web"], "Give either names or --count="),
    (["create-pod"], "How much CPU does the pod need?"),
    (["status", "x"], "Usage: kubesimctl status [OPTIONS...]"),
    (["show-pod"], "Usage: kubesimctl show-pod [OPTIONS...] POD..."),
    (["--json=xml", "status"], "--json=xml: it must be short, pretty or off"),
])
def test_wrong_usage_is_told(args, text):
    run = ctl(*args)
    assert run.returncode == 2 and text in run.stderr and run.stdout == ""


def test_completion(kubesimd, tmp_path):
    """What bash would offer, by the function that it would call."""
    kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "alpha"}, 201)
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "web"}, 201)
    script = f"""
        source {SOURCE}/src/kubesimctl/completion.bash; compopt() {{ :; }}
        COMP_WORDS=(kubesimctl "$@"); COMP_CWORD=$#; _kubesimctl; printf '%s\\n' "${{COMPREPLY[@]}}" """

    def offered(*words):
        run = subprocess.run(["bash", "-c", script, "-", *words], capture_output=True, text=True, timeout=20,
                             env={"PATH": BUILD + ":" + os.environ["PATH"], "HOME": str(tmp_path)})
        return run.stdout.split()

    socket_option = f"--socket={kubesimd.socket}"
    assert offered("") == verbs()
    assert offered("list-") == ["list-nodes", "list-faults", "list-pods"]
    assert offered(socket_option, "show-node", "") == ["alpha"]
    assert offered(socket_option, "remove-pod", "w") == ["web"]
    assert offered(socket_option, "scheduler", "b") == ["best-fit", "balanced"]
    assert offered("fail-node", "--kind=h") == ["hang"]
    assert offered("--no") == ["--no-legend", "--no-pager"]
    assert {"--cpu=", "--wait", "--socket="} <= set(offered("create-pod", "--")) and "--svg=" not in offered("create-pod", "--")


def test_many_pods_at_once(kubesimd):
    kubesimd.ctl("add-node", "--prefix=big-", "--count=11", "--cpu=1000")
    run = kubesimd.ctl("create-pod", "--cpu=0.5", "--count=1200", "--wait")
    assert run.returncode == 0 and len(re.findall(r"^[0-9a-f-]{36} on big-[0-9]+$", run.stdout, re.M)) == 1200
    made = [json.loads(line) for line in kubesimd.ctl("--json=short", "create-pod", "--cpu=945", "--count=12").stdout.splitlines()]
    assert [pod["nodeId"] for pod in made] == ["big-10"] + 11 * [""]
    assert "waits for a node" in kubesimd.ctl("create-pod", "--cpu=999", "--count=1").stdout
    assert "MaxNodeCPU=" in kubesimd.ctl("create-pod", "--cpu=10001", "--count=2").stderr
    assert len(kubesimd.get("/pods")) == 1213


@pytest.mark.parametrize("body, field", [({"cpuRequired": 1, "count": 0}, "count"), ({"cpuRequired": 1, "count": 501}, "count"), ({"cpuRequired": 1}, "count"),
                                         ({"cpuRequired": 0, "count": 3}, "cpuRequired"), ({"count": 3}, "cpuRequired"), ({"cpuRequired": 1, "count": 3, "podId": "x"}, "podId"),
                                         ({"cpuRequired": 1, "count": 3, "duration": 0}, "duration")])
def test_a_wrong_batch_makes_no_pod(kubesimd, body, field):
    reply = kubesimd.ask("POST", "/pods/batch", body)
    assert reply.status in (400, 422) and reply.json["field"] == field
    assert kubesimd.get("/pods") == {}
