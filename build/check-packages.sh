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
. build/packages/guest.sh

# Also after an interrupt: what checks started, mounted and attached, and have not undone.
clean_up() {
    trap - EXIT
    for pid in $pids; do
        kill -TERM "$pid" 2>/dev/null && wait "$pid"
    done
    detach_loops
    sed -n "s:^[^ ]* \($work/[^ ]*\) .*:\1:p" /proc/mounts | tac | while read -r mounted; do umount --lazy "$mounted"; done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Usage: check NAME COMMAND [ARGUMENT...]: a test, well when the command is
check() {
    name=$1
    shift
    began=$(date +%s)
    if "$@" >"$results/output" 2>&1; then
        passed=$((passed + 1))
        echo "passed: $name, $(($(date +%s) - began)) s"
    else
        failed=$((failed + 1))
        echo "FAILED: $name, $(($(date +%s) - began)) s"
        head -n 40 "$results/output" | sed 's/^/    /'
    fi
}

# Usage: skip NAME REASON
skip() {
    skipped=$((skipped + 1))
    echo "skipped: $1 - $2"
}

# The packages that `make rpm` and `make deb` make, without their prefix: each has a list in packaging/contents. A backend with a
# package of its own, as backend-rbd, is one more name here, one more list, one %package of the spec file, and one "take" of
# deb.sh. Debian's name for devel is dev.
# shellcheck disable=SC2034
packages="runtime daemon proxy devel backend-rbd"

# Usage: check_with TOOL NAME COMMAND...: a test that needs a tool
check_with() {
    if command -v "$1" >/dev/null; then
        shift
        check "$@"
    else
        skip "$2" "there is no $1"
    fi
}

# Usage: eventually COMMAND...: within 20 s
eventually() {
    tries=200
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.1
    done
}

build/install-tools.sh curl openssl rpm2cpio rpmbuild cpio dpkg-deb rpmlint lintian mmdebstrap systemd-analyze strace man cmp ||
    echo "Going on without."
build/install-tools.sh createrepo_c systemd-nspawn nsenter || echo "Going on without."
[ "$(id -u)" -eq 0 ] || { echo "check-packages.sh: owners and a chroot need root" >&2; exit 1; }

# Two lanes run side by side: what the packages hold and whether their programs run, and what dnf and systemd do with them.
# IMAGEIO_PACKAGE_CHECKS=swap,systemd: these parts alone, in one lane. A part that a later one uses must be named, too.
parts=$(echo "${IMAGEIO_PACKAGE_CHECKS:-source programs tarball units removal rpm deb}" | tr , ' ')
other_parts="client swap systemd"
[ -z "${IMAGEIO_PACKAGE_CHECKS:-}" ] || other_parts=

# Usage: run_parts PART...: and writes what they came to into $results/counts
run_parts() {
    for part in "$@"; do
        printf '\n== %s\n' "$part"
        # shellcheck source=/dev/null
        . "build/packages/$part.sh"
    done
    echo $passed $failed $skipped >"$results/counts"
}

lane=
if [ -n "$other_parts" ]; then
    (
        results=$results/hosts
        work=$work/hosts
        mkdir -p "$results" "$work"
        trap clean_up EXIT
        trap 'exit 143' TERM
        ! command -v mmdebstrap >/dev/null || begin_guest_root
        # shellcheck disable=SC2086
        run_parts $other_parts
    ) >"$results/hosts.log" 2>&1 &
    lane=$!
    pids=$lane
fi
# shellcheck disable=SC2086
run_parts $parts
if [ -n "$lane" ]; then
    # A lane that broke off without its figures is a failure.
    wait $lane
    pids=
    cat "$results/hosts.log"
    [ -e "$results/hosts/counts" ] || echo 0 1 0 >"$results/hosts/counts"
fi

cat "$results"/counts "$results"/*/counts 2>/dev/null |
    awk '{ passed += $1; failed += $2; skipped += $3 }
        END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit failed > 0 }' >"$results/text"
status=$?
cat "$results/text"
tail -n 1 "$results/text" >"$results/summary"
exit $status
