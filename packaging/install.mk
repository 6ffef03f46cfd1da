# SPDX-License-Identifier: Apache-2.0
# make install DESTDIR= PREFIX=, and make deb.

PREFIX ?= /usr
SYSCONFDIR ?= /etc
SYSTEMD_UNIT_DIR ?= $(or $(shell $(PKG_CONFIG) --variable=systemdsystemunitdir systemd 2>/dev/null),/lib/systemd/system)
INSTALL := install

install: all
	$(INSTALL) -D -m 755 -t $(DESTDIR)$(PREFIX)/sbin $(O)/kubesimd $(O)/kubesim-agent
	$(INSTALL) -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(O)/kubesimctl
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(SYSTEMD_UNIT_DIR) $(sort $(wildcard systemd/*.service systemd/*.socket systemd/*.target))
	$(INSTALL) -D -m 644 systemd/kubesim.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/kubesim.conf
	$(INSTALL) -D -m 644 systemd/kubesim.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/kubesim.conf
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/catalog systemd/kubesim.catalog
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(SYSCONFDIR)/kubesim etc/kubesimd.conf etc/agent.conf
	$(INSTALL) -d $(DESTDIR)$(SYSCONFDIR)/kubesim/kubesimd.conf.d $(DESTDIR)$(SYSCONFDIR)/kubesim/agent.d $(DESTDIR)$(SYSCONFDIR)/kubesim/fleet.d
	$(INSTALL) -D -m 644 src/kubesimctl/completion.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/kubesimctl
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/kubesim/examples $(sort $(wildcard packaging/examples/*))
	for page in $(sort $(wildcard docs/man/*.[1-8])); do \
		$(INSTALL) -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page || exit 1; \
	done

# Built from a copy, so that nothing but the package is left here.
deb:
	rm -rf $(O)/deb
	mkdir -p $(O)/deb/kubesim-$(VERSION)
	tar -c --exclude=./.git --exclude='./build*' --exclude='./kubesim_*' --exclude=__pycache__ . | tar -x -C $(O)/deb/kubesim-$(VERSION)
	cd $(O)/deb/kubesim-$(VERSION) && env -u MAKEFLAGS -u MAKEOVERRIDES -u MAKELEVEL -u O dpkg-buildpackage -b -us -uc $(DEB_FLAGS)
	cp $(O)/deb/kubesim_*.deb .

.PHONY: install deb
