#!/bin/sh
# Uploads a real disk image to a daemon and downloads it again, over HTTPS and over the Unix socket, and compares every
# byte. The exit status tells whether all was well.
#
# DEMO_FILES: directory whose files go into the image; default: the .NET frameworks, which every machine here has.
# TMPDIR: needs 3 GiB of room; default /var/tmp, which is a disk also where /tmp is memory.
set -eu
cd -- "$(dirname -- "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"
. build/setup.sh
build/install-tools.sh curl openssl mke2fs e2fsck cmp

MIB=1048576
size=$((1024 * MIB))
files=${DEMO_FILES:-$(dirname -- "$(readlink -f -- "$(command -v dotnet)")")/shared}
[ -d "$files" ] || files=out/lib
work=$(mktemp -d "${TMPDIR:-/var/tmp}/imageio-demo.XXXXXX")
pid=

say() {
    printf '  %-10s %s\n' "$1" "$2"
}

fail() {
    printf '\nDemo FAILED: %s\n' "$1" >&2
    exit 1
}

stop_daemon() {
    [ -n "$pid" ] || return 0
    stopped=$pid
    pid=
    kill -TERM "$stopped" 2>/dev/null || true
    wait "$stopped"
}

clean_up() {
    status=$?
    trap - EXIT
    stop_daemon || true
    if [ "$status" -ne 0 ] && [ -s "$work/daemon.log" ]; then
        echo "The daemon's log:" >&2
        tail -n 20 "$work/daemon.log" >&2
    fi
    rm -rf "$work"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Usage: transfer LABEL EXPECTED_STATUS CURL_ARGUMENT...
transfer() {
    label=$1
    expected=$2
    shift 2
    result=$(curl --silent --show-error --write-out '%{http_code} %{time_total}' "$@") || fail "$label: curl ended with $?"
    seconds=${result#* }
    [ "${result% *}" = "$expected" ] || fail "$label: the answer was ${result% *}, expected $expected"
    say "$label" "$(LC_ALL=C awk -v mib=$((size / MIB)) -v seconds="$seconds" \
        'BEGIN { printf "%d MiB in %.2f s, %.0f MiB/s", mib, seconds, mib / seconds }')"
}

# Usage: install_ticket ID OPS IMAGE
install_ticket() {
    status=$(ticket_json "$@" | curl --silent --show-error --output "$work/answer" --write-out '%{http_code}' \
        --unix-socket "$work/control.sock" --upload-file - "http://localhost/tickets/$1")
    [ "$status" = 200 ] || fail "installing a ticket was answered with $status: $(cat "$work/answer")"
}

printf '\nImageIO demo\n\n'

truncate -s $size "$work/disk.raw"
mke2fs -q -F -t ext4 -L imageio-demo -d "$files" "$work/disk.raw"
say image "$((size / MIB)) MiB, ext4 with $(find "$files" -type f | wc -l) real files, $(du -m "$work/disk.raw" | cut -f 1) MiB of data"

build/make-pki.sh "$work"
write_configuration "$work" 0 logfile
truncate -s $size "$work/copy.raw"
out/bin/ovirt-imageio-daemon --conf-dir "$work" 2>"$work/stderr" &
pid=$!
# Ready when its log says where it listens; 10 s are plenty on a slow machine.
tries=200
until url=$(grep -s -o 'https://127.0.0.1:[0-9]*' "$work/daemon.log"); do
    kill -0 "$pid" 2>/dev/null || fail "the daemon did not start: $(cat "$work/stderr")"
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "the daemon does not listen after 10 s"
    sleep 0.05
done
version=$(curl --silent --show-error --cacert "$work/ca.pem" "$url/info/" | sed 's/.*"version": *"\([^"]*\)".*/\1/')
say daemon "version $version, process $pid, $url"

upload=$(new_id)
download=$(new_id)
install_ticket "$upload" '"write"' "$work/copy.raw"
install_ticket "$download" '"read"' "$work/copy.raw"
say tickets "one to write, one to read, installed over the control socket"

transfer upload 200 --cacert "$work/ca.pem" --upload-file "$work/disk.raw" --output /dev/null "$url/images/$upload"
say "" "over HTTPS, flushed to the disk"

transfer download 200 --cacert "$work/ca.pem" --output "$work/https.raw" "$url/images/$download"
cmp "$work/disk.raw" "$work/https.raw" || fail "the image downloaded over HTTPS differs"
say "" "over HTTPS, every byte is the same"

transfer download 200 --unix-socket "$work/local.sock" --output "$work/unix.raw" "http://localhost/images/$download"
cmp "$work/disk.raw" "$work/unix.raw" || fail "the image downloaded over the Unix socket differs"
say "" "over the Unix socket, every byte is the same"

e2fsck -fn "$work/https.raw" >"$work/e2fsck" 2>&1 || fail "e2fsck found errors: $(cat "$work/e2fsck")"
say e2fsck "the downloaded file system is clean"

say memory "the daemon's peak was $(awk '/^VmHWM/ { printf "%d", $2 / 1024 }' "/proc/$pid/status") MiB"
stop_daemon || fail "the daemon ended with status $?"
say stopped "the daemon ended with status 0"

printf '\nDemo passed.\n'
