# Tarballs and packages for hosts. Included by the Makefile.

VERSION = $(shell build/version.sh)
# What packages are made for here; tarballs are made for both.
RID = linux-x64

.PHONY: dist rpm deb vendor publish check-packages

publish: ## programs with a runtime of their own into out/publish, for RID (linux-x64, linux-arm64)
	@build/publish.sh $(RID)

dist: ## tarballs into dist: the sources, and compiled for linux-x64 and linux-arm64
	@build/dist.sh source
	@for rid in linux-x64 linux-arm64; do build/publish.sh $$rid && build/dist.sh $$rid || exit 1; done

rpm: ## source and binary rpms into dist, from the source tarball alone; PUBLISHED=yes: with what dist compiled
	@build/rpm.sh

deb: ## Debian packages into dist, from the compiled tarball
	@build/deb.sh

vendor: ## all packages that a build needs into out/vendor, for builds without a network
	NUGET_PACKAGES=$(CURDIR)/out/vendor $(MAKE) --no-print-directory publish pack

check-packages: ## look at, install and run what dist, rpm and deb made
	@build/check-packages.sh
