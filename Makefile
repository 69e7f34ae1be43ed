# One obvious way for each thing; `make help` lists them. What takes more than a line is a script in build/.

CONFIGURATION = Release
PREFIX = /usr
SYSCONFDIR = /etc
DESTDIR =

LIB = out/lib
BIN = out/bin
PROGRAMS = daemon proxy

INSTALL = install
UNITDIR = $(DESTDIR)$(PREFIX)/lib/systemd/system
CONFDIR = $(DESTDIR)$(SYSCONFDIR)/ovirt-imageio/conf.d

.PHONY: help build demo run check check-fast browser fuzz format install clean
.DEFAULT_GOAL = help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; do \
		printf '%-18s %s\n' "$$target" "$$text"; done

build: ## programs into out/bin, runnable from anywhere
	dotnet publish ImageIO.Web -c $(CONFIGURATION) -o $(LIB)/imageio-daemon --nologo -v quiet
	dotnet publish ImageIO.Proxy -c $(CONFIGURATION) -o $(LIB)/imageio-proxy --nologo -v quiet
	@# Package files come with the modes of the user's package cache: let every user run what is here.
	@chmod -R u=rwX,go=rX $(LIB)
	@mkdir -p $(BIN)
	@for program in $(PROGRAMS); do $(INSTALL) -m 755 packaging/launcher $(BIN)/ovirt-imageio-$$program || exit 1; done

demo: build ## upload and download a real disk image, directly and through a proxy, compare every byte
	@build/demo.sh

run: build ## a daemon in the foreground with a ticket, and a curl command to try
	@build/run.sh

check: ## set-up, build, format and all tests
	@build/check.sh

check-fast: ## the same without the slow tests
	@build/check.sh --fast

browser: ## what the manager's web page does, in Chromium, with an image of 300 MiB
	dotnet build ImageIO.Tests -c $(CONFIGURATION) --nologo -v quiet
	build/install-tools.sh chromium
	IMAGEIO_BROWSER_PIECE_MIB=100 dotnet test ImageIO.Tests -c $(CONFIGURATION) --no-build --nologo --filter BrowserTests

fuzz: ## search for inputs that our parsers take the wrong way; SECONDS=600
	@build/fuzz.sh $(SECONDS)

format: ## put the code into the agreed form
	dotnet format ImageIO.slnx

install: ## copy what `make build` made to DESTDIR
	@test -d $(LIB) || { echo "Run 'make build' first." >&2; exit 1; }
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(UNITDIR) $(CONFDIR) \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	for program in $(PROGRAMS); do \
		rm -rf $(DESTDIR)$(PREFIX)/lib/imageio-$$program && \
		cp -R $(LIB)/imageio-$$program $(DESTDIR)$(PREFIX)/lib/ && \
		$(INSTALL) -m 755 $(BIN)/ovirt-imageio-$$program $(DESTDIR)$(PREFIX)/bin/ || exit 1; done
	$(INSTALL) -m 644 packaging/systemd/ovirt-imageio-daemon.service $(UNITDIR)/
	$(INSTALL) -m 644 packaging/sysusers.d/ovirt-imageio.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/
	$(INSTALL) -m 644 packaging/tmpfiles.d/ovirt-imageio.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/
	@# An administrator's file stays as it is.
	test -e $(CONFDIR)/50-imageio.conf || $(INSTALL) -m 644 packaging/conf.d/50-imageio.conf $(CONFDIR)/

clean: ## remove everything that was built
	rm -rf out dist artifacts ImageIO.*/bin ImageIO.*/obj

include build/pack.mk
