# What stands where on a host. Included by the Makefile. Packages are made of this, too: whatever installs, installs the same.

# The published programs and what belongs to them; publish.sh makes these with a runtime of their own.
NOTICES = out/notices

INSTALL = install -m 644
LIBDIR = $(DESTDIR)$(PREFIX)/lib
SHAREDIR = $(DESTDIR)$(PREFIX)/share
DAEMONCONF = $(DESTDIR)$(SYSCONFDIR)/ovirt-imageio
PROXYCONF = $(DESTDIR)$(SYSCONFDIR)/ovirt-imageio-proxy
DOCDIR = $(SHAREDIR)/doc/imageio

.PHONY: install notices

install: ## copy what `make build` made to DESTDIR; without one, also make the users
	@test -d $(LIB) || { echo "Run 'make build' first." >&2; exit 1; }
	umask 022 && mkdir -p $(DESTDIR)$(PREFIX)/bin $(LIBDIR)/systemd/system $(LIBDIR)/sysusers.d $(LIBDIR)/tmpfiles.d \
		$(LIBDIR)/firewalld/services $(LIBDIR)/ovirt-imageio/conf.d $(LIBDIR)/ovirt-imageio/backends \
		$(DAEMONCONF)/conf.d $(PROXYCONF) $(SHAREDIR)/man/man5 $(SHAREDIR)/man/man8 \
		$(DOCDIR)/backends $(DOCDIR)/balancers $(DOCDIR)/kubernetes
	rm -rf $(LIBDIR)/imageio
	cp -R $(LIB) $(LIBDIR)/imageio
	test ! -d $(LIB).backends || cp -R $(LIB).backends/. $(LIBDIR)/ovirt-imageio/backends/
	@# With a runtime of its own a program needs nobody who looks for one.
	start=packaging/launcher; [ ! -e $(LIB)/libhostfxr.so ] || start=packaging/starter; \
	for program in $(PROGRAMS); do \
		sed "s/@PROGRAM@/$$program/" $$start >$(DESTDIR)$(PREFIX)/bin/$$program && \
			chmod 755 $(DESTDIR)$(PREFIX)/bin/$$program || exit 1; done
	ln -sf ovirt-imageio $(DESTDIR)$(PREFIX)/bin/ovirt-imageio-daemon
	$(INSTALL) packaging/systemd/*.service $(LIBDIR)/systemd/system/
	$(INSTALL) packaging/sysusers.d/*.conf $(LIBDIR)/sysusers.d/
	$(INSTALL) packaging/tmpfiles.d/*.conf $(LIBDIR)/tmpfiles.d/
	$(INSTALL) packaging/firewalld/*.xml $(LIBDIR)/firewalld/services/
	$(INSTALL) packaging/README $(DAEMONCONF)/
	@# An administrator's file stays as it is.
	test -e $(PROXYCONF)/ovirt-imageio-proxy.conf || $(INSTALL) packaging/ovirt-imageio-proxy.conf $(PROXYCONF)/
	@# -n: no time in it, the same bytes each time.
	for page in packaging/man/*.[58]; do \
		gzip -9nc $$page >$(SHAREDIR)/man/man$${page##*.}/$${page##*/}.gz || exit 1; done
	chmod 644 $(SHAREDIR)/man/man[58]/ovirt-imageio*.gz
	$(INSTALL) LICENSE CHANGELOG.md docs/*.md $(DOCDIR)/
	$(INSTALL) docs/backends/*.md $(DOCDIR)/backends/
	$(INSTALL) packaging/balancers/* $(DOCDIR)/balancers/
	$(INSTALL) packaging/kubernetes/* $(DOCDIR)/kubernetes/
	test ! -d $(NOTICES) || $(INSTALL) $(NOTICES)/sbom.cdx.json $(NOTICES)/THIRD-PARTY-NOTICES.txt $(DOCDIR)/
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" -eq 0 ]; then packaging/accounts.sh; fi

notices: ## list of packages and their licences into out/notices
	dotnet run build/tools/Sbom.cs -- $(NOTICES) $$(build/version.sh) $(LIB)
