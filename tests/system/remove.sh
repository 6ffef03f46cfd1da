# SPDX-License-Identifier: Apache-2.0
say "remove and purge"

check "apt removes" in_container apt-get remove -y kubesim
check "nothing of it runs" in_container sh -c '! pgrep -x kubesimd && ! pgrep -x kubesim-agent'
check "the sockets are gone" in_container sh -c '[ ! -e /run/kubesim/kubesimd.sock ]'
check "configuration and state stay" in_container sh -c '[ -e /etc/kubesim/kubesimd.conf ] && [ -e /var/lib/kubesim/kubesimd.db ]'
in_container rm -rf /etc/kubesim/kubesimd.conf.d
check "apt purges" in_container apt-get purge -y kubesim
check "state and configuration are gone" in_container sh -c '[ ! -e /var/lib/kubesim ] && [ ! -e /etc/kubesim/kubesimd.conf ]'
check "no unit is left" in_container sh -c '! systemctl list-unit-files | grep -q kubesim'
