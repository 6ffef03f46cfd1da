# SPDX-License-Identifier: Apache-2.0
"""Sessions with kubectl, as one would type them: tests/e2e/kubectl/*.txt, each with the kubectl of the PATH, the newest at hand and one of
those between, another one for each session; with KUBESIM_KUBECTLS=all with every one, with few rounds with one alone.

    $ ARGUMENTS              runs kubectl; what follows is expected, up to the next command
    $? ARGUMENTS             the same, tried again until it is as expected
    $! ARGUMENTS             is expected to fail
    [>=1.27] $ ARGUMENTS     only with such a kubectl
    > FILE                   the following lines that begin with "|" are written into FILE
White space counts as one blank; "*" stands for anything in a line; a line "..." for any number of lines."""
import fnmatch
import glob
import os
import re
import shlex
import subprocess
import time

import pytest

from test_kube import KUBECTLS

HERE = os.path.dirname(__file__)
SCENARIOS = sorted(glob.glob(os.path.join(HERE, "kubectl", "*.txt")))


def kubectls_for(i):
    between = KUBECTLS[1:-1]
    if int(os.environ.get("KUBESIM_ROUNDS", "6")) < 6:
        return [KUBECTLS[i % len(KUBECTLS)]]
    if not between or os.environ.get("KUBESIM_KUBECTLS") == "all":
        return KUBECTLS
    return [KUBECTLS[0], between[i % len(between)], KUBECTLS[-1]]


SESSIONS = [(path, kubectl) for i, path in enumerate(SCENARIOS) for kubectl in kubectls_for(i)]


def version_of(kubectl):
    text = subprocess.run([kubectl, "version", "--client", "-o", "json"], capture_output=True, text=True).stdout
    return tuple(int(n) for n in re.search(r'"gitVersion": "v(\d+)\.(\d+)', text).groups())


class Step:
    def __init__(self, line, number):
        self.condition, self.how, self.args = re.match(r"(?:\[>=([\d.]+)\] )?\$([?!]?) (.*)", line).groups()
        self.number, self.expected = number, []

    def applies(self, version):
        return not self.condition or version >= tuple(int(n) for n in self.condition.split("."))


def parse(path):
    """Steps, and files to be written between them."""
    items, item = [], None
    for number, line in enumerate(open(path), 1):
        line = line.rstrip("\n")
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith("> "):
            item = (line[2:], [])
            items.append(item)
        elif line.startswith("|"):
            item[1].append(line[2:])
        elif re.match(r"(\[>=[\d.]+\] )?\$[?!]? ", line):
            item = Step(line, number)
            items.append(item)
        else:
            item.expected.append(line)
    return items


def squeeze(text):
    return " ".join(text.split())


def matches(expected, lines):
    """Every expected line in order; between them nothing but where "..." stands."""
    if not expected:
        return not lines
    if expected[0].strip() == "...":
        return any(matches(expected[1:], lines[i:]) for i in range(len(lines) + 1))
    if not lines:
        return False
    pattern = squeeze(expected[0]).replace("[", "[[]")
    return fnmatch.fnmatchcase(squeeze(lines[0]), pattern) and matches(expected[1:], lines[1:])


@pytest.mark.parametrize("path, kubectl", SESSIONS, ids=os.path.basename)
def test_session(path, kubectl, kubesimd, tmp_path):
    version = version_of(kubectl)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": "/dev/null", "EDITOR": "true"}

    def run(step):
        kubesimd.received("")  # a daemon whose sd_notify messages nobody reads waits for somebody, which a long session would run into
        done = subprocess.run([kubectl, f"--server={kubesimd.url}", f"--cache-dir={tmp_path}/cache", *shlex.split(step.args)], cwd=tmp_path, env=env,
                              capture_output=True, text=True, timeout=90)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        return (done.returncode != 0) == (step.how == "!") and (not step.expected or matches(step.expected, lines)), done

    for item in parse(path):
        if isinstance(item, tuple):
            (tmp_path / item[0]).write_text("\n".join(item[1]) + "\n")
            continue
        if not item.applies(version):
            continue
        end = time.monotonic() + (20 if item.how == "?" else 0)
        while True:
            right, done = run(item)
            if right or time.monotonic() >= end:
                break
            time.sleep(0.1)
        assert right, f"{os.path.basename(path)}:{item.number}: kubectl {item.args}\n--- expected\n" + "\n".join(item.expected) + \
            f"\n--- exit {done.returncode}\n{done.stdout}{done.stderr}"
