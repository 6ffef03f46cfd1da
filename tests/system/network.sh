# SPDX-License-Identifier: Apache-2.0
say "a node's cable"

check "the agent has an interface and an address of its own" in_container sh -c 'kubesimctl show-node node1 | grep -qE "Address: 10\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\."'
check "unplug-node" ctl unplug-node node1
check "node1 is unhealthy at once" eventually 2 node_is node1 Unhealthy
check "for its network" in_container sh -c 'kubesimctl show-node node1 | grep -q NetworkUnavailable'
check "plug-node" ctl plug-node node1
check "node1 is healthy again at once" eventually 2 node_is node1 Healthy
check "the agent has told its journal" in_container sh -c 'journalctl KUBESIM_NODE=node1 -u kubesim-agent@node1 | grep -q "its cable is unplugged"'
