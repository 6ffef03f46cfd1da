# SPDX-License-Identifier: Apache-2.0
say "the opening scene, with the intervals as shipped"

# one after the other: of two that start together either may register first, and of nodes that are alike a pod takes the one that was first
check "an agent starts" in_container systemctl start kubesim-agent@node1
check "and another" in_container systemctl start kubesim-agent@node2
check "node1 is listed as healthy" eventually 2 node_is node1 Healthy
check "node2 is listed as healthy" eventually 2 node_is node2 Healthy
check "a pod of 2 CPUs can be created" ctl create-pod --cpu=2 web
check "it runs on node1 within a second" eventually 1 pod_is web Running node1
check "systemctl status tells the numbers" eventually 2 in_container sh -c 'systemctl show -P StatusText kubesimd | grep -q "2 nodes (2 healthy), 1 pod running"'
killed=$SECONDS
check "node1's agent is killed" in_container systemctl kill -s STOP kubesim-agent@node1
check "node1 is unhealthy after NodeTimeoutSec" eventually 20 node_is node1 Unhealthy
check "and not much before" [ $((SECONDS - killed)) -ge 9 ]
check "web moved to node2 and runs there" eventually 3 pod_is web Running node2
check "node1 is removed after RemoveAfterSec" eventually 35 no_node node1
check "the hung agent, awake again, registers anew" in_container systemctl kill -s CONT kubesim-agent@node1
check "node1 is back" eventually 10 node_is node1 Healthy
check "the loss is in the journal, with its fields" in_container sh -c 'journalctl -u kubesimd -o verbose KUBESIM_NODE=node1 | grep -q "KUBESIM_REASON=NodeUnhealthy"'
check "the move is in the journal, with its fields" in_container sh -c 'journalctl -u kubesimd -o verbose KUBESIM_POD=web | grep -q "KUBESIM_REASON=PodMoved"'
check "each entry has its revision" in_container sh -c 'journalctl -u kubesimd -o verbose KUBESIM_POD=web | grep -qE "KUBESIM_REVISION=[0-9]+"'
check "journalctl -x explains" in_container sh -c 'journalctl -x -u kubesimd KUBESIM_NODE=node1 | grep -q "Subject: Node node1 is unhealthy"'
check "watch streams lines into a pipe" in_container sh -c 'timeout 2 kubesimctl watch | grep -q "PodMoved node2 web"'
check "a kubeconfig can be made" in_container sh -c 'kubesimctl kubeconfig >/root/kubeconfig && grep -q client-certificate-data /root/kubeconfig'
check "the HTTPS socket shows a certificate of our authority" in_container bash -c 'curl -sS --cacert <(sed -n "s/.*certificate-authority-data: //p" /root/kubeconfig | base64 -d) -o /dev/null -w "%{http_code}" https://127.0.0.1:6443/livez | grep -q 200'
