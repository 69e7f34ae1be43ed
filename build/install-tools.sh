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
        cmp) echo diffutils ;;
        afl-fuzz) if command -v apt-get >/dev/null; then echo afl++; else echo american-fuzzy-lop; fi ;;
        curl | openssl | nginx | haproxy | chromium) echo "$1" ;;
        *) echo "install-tools.sh: no package is known for $1" >&2; return 1 ;;
    esac
}

missing() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null || package_of "$tool"
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
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
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
