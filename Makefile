# One obvious way for each thing; `make help` lists them. What takes more than a line is a script in build/.

CONFIGURATION = Release
PREFIX = /usr
SYSCONFDIR = /etc
DESTDIR =

LIB = out/lib/imageio
BIN = out/bin
PROGRAMS = ovirt-imageio ovirt-imageioctl ovirt-imageio-proxy

.PHONY: help build demo run check check-fast bench ceph browser page page-pictures churn endure fuzz format clean
.DEFAULT_GOAL = help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; do \
		printf '%-18s %s\n' "$$target" "$$text"; done

build: ## programs into out/bin, runnable from anywhere
	dotnet publish ImageIO.Web -c $(CONFIGURATION) -o $(LIB) --nologo -v quiet
	dotnet publish ImageIO.Proxy -c $(CONFIGURATION) -o $(LIB) --nologo -v quiet
	dotnet publish ImageIO.Ctl -c $(CONFIGURATION) -o $(LIB) --nologo -v quiet
	dotnet publish ImageIO.Cli -c $(CONFIGURATION) -o $(LIB)-client --nologo -v quiet
	dotnet publish ImageIO.Backends.Rbd -c $(CONFIGURATION) -o $(LIB).backends/rbd --nologo -v quiet
	@# Package files come with the modes of the user's package cache: let every user run what is here.
	@chmod -R u=rwX,go=rX $(LIB) $(LIB)-client $(LIB).backends
	@mkdir -p $(BIN)
	@for program in $(PROGRAMS); do \
		sed "s/@PROGRAM@/$$program/" packaging/launcher >$(BIN)/$$program && chmod 755 $(BIN)/$$program || exit 1; done
	@sed 's/@PROGRAM@/imageio/; s|lib/imageio/|lib/imageio-client/|' packaging/launcher >$(BIN)/imageio && chmod 755 $(BIN)/imageio

demo: build ## upload and download a real disk image, directly and through a proxy, compare every byte
	@build/demo.sh

run: build ## a daemon in the foreground with a ticket, the link of its page, and curl commands to try
	@build/run.sh

check: ## set-up, build, format and all tests
	@build/check.sh

check-fast: ## the same without the slow tests
	@build/check.sh --fast

bench: build ## measure beside nginx and others, see docs/performance.md; BENCH=quick: in 90 s; REFERENCE=PROGRAM: a peer
	dotnet build bench -c $(CONFIGURATION) --nologo -v quiet
	@# Servers get the first core, the clients, which this program starts, the second.
	taskset -c 1 bench/bin/$(CONFIGURATION)/net10.0/imageio-bench $(BENCH)

ceph: ## the Ceph backend's tests, on a cluster of one node that they start; as root
	dotnet build ImageIO.Tests -c $(CONFIGURATION) --nologo -v quiet
	build/install-tools.sh ceph rbd ceph-mon ceph-mgr ceph-osd
	dotnet test ImageIO.Tests -c $(CONFIGURATION) --no-build --nologo --filter Cluster=Ceph

browser: ## what the manager's web page does, in Chromium, with an image of 300 MiB
	dotnet build ImageIO.Tests -c $(CONFIGURATION) --nologo -v quiet
	build/install-tools.sh chromium
	IMAGEIO_BROWSER_PIECE_MIB=100 dotnet test ImageIO.Tests -c $(CONFIGURATION) --no-build --nologo --filter BrowserTests

page: ## the page's tests in their long form: 4 GiB sparse, 100 rounds of cuts, reloads and pauses, 1 GiB beside curl
	dotnet build ImageIO.Tests -c $(CONFIGURATION) --nologo -v quiet
	build/install-tools.sh chromium qemu-img
	IMAGEIO_PAGE_SIZE_MIB=4096 IMAGEIO_PAGE_DATA_MIB=300 IMAGEIO_PAGE_ROUNDS=100 IMAGEIO_PAGE_SPEED_MIB=1024 \
		dotnet test ImageIO.Tests -c $(CONFIGURATION) --no-build --nologo --filter FullyQualifiedName~ImageIO.Tests.Page \
		--logger 'console;verbosity=detailed'

page-pictures: ## docs/images, the pictures of the page
	dotnet build ImageIO.Tests -c $(CONFIGURATION) --nologo -v quiet
	IMAGEIO_PAGE_SHOTS=docs/images dotnet test ImageIO.Tests -c $(CONFIGURATION) --no-build --nologo --filter PageTourTests

fuzz: ## search for inputs that our parsers take the wrong way; SECONDS=600, TARGETS=tls-records: some alone
	@build/fuzz.sh $(or $(SECONDS),600) $(TARGETS)

churn: ## drop 10,000 TLS connections at random moments and count what they leave
	dotnet build ImageIO.Tests -c $(CONFIGURATION) --nologo -v quiet
	IMAGEIO_TLS_CONNECTIONS=10000 dotnet test ImageIO.Tests -c $(CONFIGURATION) --no-build --nologo --filter TlsChurnTests \
		--logger 'console;verbosity=detailed'

endure: ## kill processes, cut the power and fail system calls during transfers, for HOURS=1; see docs/endurance.md
	dotnet build ImageIO.Tests -c $(CONFIGURATION) --nologo -v quiet
	build/install-tools.sh cc curl qemu-img qemu-nbd qemu-io
	IMAGEIO_ENDURE_SECONDS=$$(echo "$(or $(HOURS),1)" | awk '{ printf "%d", $$1 * 3600 }') \
		dotnet test ImageIO.Tests -c $(CONFIGURATION) --no-build --nologo --filter FullyQualifiedName~ImageIO.Tests.Endurance \
		--logger 'console;verbosity=detailed'

format: ## put the code into the agreed form
	dotnet format ImageIO.slnx

clean: ## remove everything that was built
	rm -rf out dist artifacts bench/bin bench/obj ImageIO.*/bin ImageIO.*/obj

include build/pack.mk build/install.mk build/package.mk build/client.mk
