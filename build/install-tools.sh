#!/bin/sh
# Usage: install-tools.sh TOOL...
#
# Sees to it that the tools are there: as root it installs what is missing with apt or dnf and says so, otherwise it
# names it. Exit status 1 when a tool is still missing.
set -eu
PATH="$PATH:/usr/sbin:/sbin"

# The one list of what each tool comes from; Debian and Fedora give these packages the same names.
package_of() {
    case $1 in
        mke2fs | e2fsck) echo e2fsprogs ;;
        losetup | mount | fallocate) echo util-linux ;;
        mkfs.xfs) echo xfsprogs ;;
        mkfs.btrfs) echo btrfs-progs ;;
        # A package of its own in Debian, a part of util-linux in Fedora.
        sfdisk) if command -v apt-get >/dev/null; then echo fdisk; else echo util-linux; fi ;;
        rpmbuild | rpm2cpio) if command -v apt-get >/dev/null; then echo rpm; else echo rpm-build; fi ;;
        dpkg-deb) echo dpkg ;;
        man) echo man-db ;;
        systemd-analyze) echo systemd ;;
        systemd-nspawn) echo systemd-container ;;
        nsenter) echo util-linux ;;
        createrepo_c) if command -v apt-get >/dev/null; then echo createrepo-c; else echo createrepo_c; fi ;;
        cpio | lintian | mmdebstrap | rpmlint | strace) echo "$1" ;;
        qemu-img | qemu-nbd | qemu-io) if command -v apt-get >/dev/null; then echo qemu-utils; else echo qemu-img; fi ;;
        qemu-storage-daemon) if command -v apt-get >/dev/null; then echo qemu-system-common; else echo qemu-common; fi ;;
        # qemu's client of HTTPS, a module beside qemu-img.
        qemu-curl) if command -v apt-get >/dev/null; then echo qemu-block-extra; else echo qemu-block-curl; fi ;;
        nbdkit) if command -v apt-get >/dev/null; then echo nbdkit; else echo nbdkit nbdkit-curl-plugin; fi ;;
        ceph-mon | ceph-mgr | ceph-osd) echo "$1" ;;
        ceph | rbd) echo ceph-common ;;
        aria2c) echo aria2 ;;
        prlimit) echo util-linux ;;
        nbdcopy) if command -v apt-get >/dev/null; then echo libnbd-bin; else echo libnbd; fi ;;
        cmp) echo diffutils ;;
        cc) if command -v apt-get >/dev/null; then echo gcc libc6-dev; else echo gcc glibc-devel; fi ;;
        afl-fuzz) if command -v apt-get >/dev/null; then echo afl++; else echo american-fuzzy-lop; fi ;;
        python3-yaml) if command -v apt-get >/dev/null; then echo python3-yaml; else echo python3-pyyaml; fi ;;
        curl | openssl | nginx | haproxy | chromium | socat | wget | python3-cryptography) echo "$1" ;;
        *) echo "install-tools.sh: no package is known for $1" >&2; return 1 ;;
    esac
}

# python3-NAME is a module of the system's Python, everything else a program.
present() {
    case $1 in
        qemu-curl) [ -n "$(find /usr/lib /usr/lib64 -name block-curl.so 2>/dev/null | head -n 1)" ] ;;
        python3-*) /usr/bin/python3 -c "import ${1#python3-}" 2>/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

missing() {
    for tool in "$@"; do
        present "$tool" || package_of "$tool"
    done | sort -u
}

if ! command -v dotnet >/dev/null; then
    echo "The .NET 10 SDK is missing: install it, https://dotnet.microsoft.com/download/dotnet/10.0" >&2
    exit 1
fi

packages=$(missing "$@" | tr '\n' ' ')
[ -n "$packages" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "Missing packages: ${packages}- install them, or run this as root." >&2
    exit 1
fi

echo "Installing missing packages: $packages"
# One word a package.
# shellcheck disable=SC2086
if command -v apt-get >/dev/null; then
    apt-get update -qq
    # RUNLEVEL=1: servers among them are for tests, which start their own; none is to listen on this host (invoke-rc.d(8)).
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
elif command -v dnf >/dev/null; then
    dnf install -y -q $packages
else
    echo "There is neither apt-get nor dnf here; install them by hand." >&2
fi

packages=$(missing "$@" | tr '\n' ' ')
if [ -n "$packages" ]; then
    echo "Still missing: $packages" >&2
    exit 1
fi
