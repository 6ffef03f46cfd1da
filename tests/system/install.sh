# SPDX-License-Identifier: Apache-2.0
say "apt install"

check "apt installs the package with its dependencies" in_container sh -c 'apt-get install -y /root/kubesim.deb'
check "kubesimd's socket listens" unit_is kubesimd.socket active
check "kubesimd's HTTP socket listens" unit_is kubesimd-http.socket active
check "kubesimd itself does not run yet" unit_is kubesimd.service inactive
check "the local socket is for the group kubesim" in_container sh -c '[ "$(stat -c "%a %G" /run/kubesim/kubesimd.sock)" = "660 kubesim" ]'
check "the configuration files are conffiles" in_container sh -c "dpkg-query -W -f='\${Conffiles}' kubesim | grep -q /etc/kubesim/kubesimd.conf"
check "kubesimd's HTTPS socket listens" unit_is kubesimd-https.socket active
check "units have no mistakes" in_container systemd-analyze verify --man=no --recursive-errors=one kubesimd.service kubesimd.socket kubesimd-http.socket kubesimd-https.socket kubesim-agent@node1.service kubesim-agent-fleet@sim.service kubesim-agents.target
check "kubesimd.service is exposed at most 0.5" in_container systemd-analyze security --offline=yes --threshold=5 /lib/systemd/system/kubesimd.service
check "kubesim-agent@.service is exposed at most 0.8" in_container systemd-analyze security --offline=yes --threshold=8 /lib/systemd/system/kubesim-agent@.service
