# The client by itself, for machines without a daemon. Included by the Makefile.

CLIENT_RID = linux-x64
CLIENT = out/client/$(CLIENT_RID)

.PHONY: client install-client client-deb client-rpm client-tar pack-client

client: ## the client without need of .NET into out/client; CLIENT_RID=win-x64, osx-arm64, linux-arm64: for others
	build/publish-client.sh $(CLIENT_RID)

install-client: ## copy what `make client` made to DESTDIR: imageio and its other name ovirt-img
	@test -d $(CLIENT) || { echo "Run 'make client' first." >&2; exit 1; }
	umask 022 && mkdir -p $(DESTDIR)$(PREFIX)/bin $(LIBDIR)/imageio-client $(SHAREDIR)/man/man1 \
		$(SHAREDIR)/bash-completion/completions $(SHAREDIR)/zsh/site-functions $(SHAREDIR)/doc/imageio-client
	cp -R $(CLIENT)/. $(LIBDIR)/imageio-client/
	ln -sf ../lib/imageio-client/imageio $(DESTDIR)$(PREFIX)/bin/imageio
	ln -sf ../lib/imageio-client/imageio $(DESTDIR)$(PREFIX)/bin/ovirt-img
	gzip -9nc packaging/man/imageio.1 >$(SHAREDIR)/man/man1/imageio.1.gz
	ln -sf imageio.1.gz $(SHAREDIR)/man/man1/ovirt-img.1.gz
	$(INSTALL) packaging/completion/imageio.bash $(SHAREDIR)/bash-completion/completions/imageio
	$(INSTALL) packaging/completion/_imageio $(SHAREDIR)/zsh/site-functions/_imageio
	$(INSTALL) LICENSE CHANGELOG.md $(SHAREDIR)/doc/imageio-client/

client-deb: ## the client as a package into dist; client-rpm, client-tar
client-deb client-rpm client-tar:
	@RID=$(CLIENT_RID) build/client-package.sh $(@:client-%=%)

pack-client: ## NuGet packages of the client library and what it is made of into out/packages
	for project in Core Backends.Posix Backends.File Backends.Block Backends.Nbd Formats Client; do \
		dotnet pack ImageIO.$$project -c $(CONFIGURATION) -o $(PACKAGES) --nologo -v quiet || exit 1; done
