# SPDX-License-Identifier: Apache-2.0
say "an agent in a network of its own, by TCP, with a token"

in_container sh -c '
    ip netns add far && ip link add near0 type veth peer name eth7 netns far &&
    ip addr add 198.51.100.1/24 dev near0 && ip link set near0 up &&
    ip -n far addr add 198.51.100.2/24 dev eth7 && ip -n far link set eth7 up && ip -n far link set lo up'
in_container sh -c '
    mkdir -p /etc/credstore /etc/systemd/system/kubesimd-http.socket.d
    kubesimctl token --role=node:far --quiet >/etc/credstore/kubesim.tokens
    kubesimctl token --role=viewer --quiet >/root/viewer
    cat /root/viewer >>/etc/credstore/kubesim.tokens
    cut -d " " -f 1 /etc/credstore/kubesim.tokens | head -n 1 >/root/token
    chmod 600 /etc/credstore/kubesim.tokens
    printf "[Access]\nAllowHost=198.51.100.1\n" >/etc/kubesim/kubesimd.conf.d/70-remote.conf
    printf "[Socket]\nListenStream=\nListenStream=198.51.100.1:8080\nIPAddressAllow=198.51.100.0/24\nFreeBind=yes\n" >/etc/systemd/system/kubesimd-http.socket.d/remote.conf
    systemctl daemon-reload
    systemctl stop kubesimd.socket kubesimd-http.socket kubesimd-https.socket kubesimd.service # an agent would start it in between
    systemctl start kubesimd.socket kubesimd-http.socket kubesimd-https.socket; systemctl start kubesimd.service'
check "without a token TCP clients are refused" in_container sh -c '[ "$(curl -s -o /dev/null -w "%{http_code}" http://198.51.100.1:8080/nodes)" = 401 ]'
check "the viewer's token may read" in_container sh -c 'kubesimctl --server=http://198.51.100.1:8080 --token-file=/root/viewer list-nodes | grep -q node1'
check "and not write" in_container sh -c 'kubesimctl --server=http://198.51.100.1:8080 --token-file=/root/viewer add-node x; [ $? = 6 ]'
in_container sh -c 'systemd-run --quiet --unit=far-agent --property=NetworkNamespacePath=/run/netns/far --setenv=NODE_ID=far --setenv=API_SERVER=http://198.51.100.1:8080 --setenv=NODE_NETWORK=host --setenv=INTERFACE=eth7 --setenv=TOKEN_FILE=/root/token kubesim-agent'
check "the far node is healthy" eventually 5 node_is far Healthy
check "with its address" in_container sh -c 'kubesimctl show-node far | grep -q "Address: 198.51.100.2"'
check "its token is for no other node" in_container sh -c '[ "$(curl -s -o /dev/null -w "%{http_code}" -H "Authorization: Bearer $(cat /root/token)" -H "Content-Type: application/json" -d "{\"nodeID\":\"other\",\"status\":\"Healthy\"}" http://198.51.100.1:8080/heartbeat)" = 403 ]'
in_container ip link set near0 down
check "it is unhealthy when the cable is cut" eventually 15 node_is far Unhealthy
in_container ip link set near0 up
check "and comes back" eventually 40 node_is far Healthy
in_container systemctl stop far-agent
