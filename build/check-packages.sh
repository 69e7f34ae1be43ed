#!/bin/sh
# Looks at what `make dist rpm deb` put into dist: every path, mode and owner, what linters say, and whether the installed
# programs run without the SDK. Each check is one test; the last line is "N passed, N failed, N skipped", and
# out/package-checks/summary holds it. Exit status 1 when one failed. As root; what needs more than is there is skipped.
set -u
cd -- "$(dirname -- "$0")/.." || exit 1
PATH="$PATH:/usr/sbin:/sbin"
. build/setup.sh

results=$PWD/out/package-checks
# The checks of the parts use it.
# shellcheck disable=SC2034
version=$(build/version.sh)
rm -rf "$results"
mkdir -p "$results"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/imageio-packages.XXXXXX") || exit 1
passed=0
failed=0
skipped=0
pids=

clean_up() {
    trap - EXIT
    # Started by a check that failed before it stopped them.
    for pid in $pids; do
        kill -TERM "$pid" 2>/dev/null && wait "$pid"
    done
    ! mountpoint -q "$work/chroot/proc" || umount "$work/chroot/proc"
    # A guest that is still up when a check was interrupted.
    sed -n "s:^[^ ]* \($work/guests/[^ ]*\) .*:\1:p" /proc/mounts | tac | while read -r mounted; do umount --lazy "$mounted"; done
    for device in ${loops:-}; do losetup --detach "$device" 2>/dev/null; done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Usage: check NAME COMMAND [ARGUMENT...]: a test, well when the command is
check() {
    name=$1
    shift
    if "$@" >"$results/output" 2>&1; then
        passed=$((passed + 1))
        echo "passed: $name"
    else
        failed=$((failed + 1))
        echo "FAILED: $name"
        head -n 40 "$results/output" | sed 's/^/    /'
    fi
}

# Usage: skip NAME REASON
skip() {
    skipped=$((skipped + 1))
    echo "skipped: $1 - $2"
}

# Usage: check_with TOOL NAME COMMAND...: a test that needs a tool
check_with() {
    if command -v "$1" >/dev/null; then
        shift
        check "$@"
    else
        skip "$2" "there is no $1"
    fi
}

build/install-tools.sh curl openssl rpm2cpio rpmbuild cpio dpkg-deb rpmlint lintian mmdebstrap systemd-analyze strace man cmp ||
    echo "Going on without."
build/install-tools.sh createrepo_c systemd-nspawn nsenter || echo "Going on without."
[ "$(id -u)" -eq 0 ] || { echo "check-packages.sh: owners and a chroot need root" >&2; exit 1; }

. build/packages/guest.sh
# IMAGEIO_PACKAGE_CHECKS=swap,systemd: these parts alone. What a later part uses of an earlier one must be there then.
parts=$(echo "${IMAGEIO_PACKAGE_CHECKS:-source programs tarball units removal rpm deb client swap systemd}" | tr , ' ')
for part in $parts; do
    printf '\n== %s\n' "$part"
    # shellcheck source=/dev/null
    . "build/packages/$part.sh"
done

printf '\n%d passed, %d failed, %d skipped\n' $passed $failed $skipped | tee "$results/text"
tail -n 1 "$results/text" >"$results/summary"
[ $failed -eq 0 ]
