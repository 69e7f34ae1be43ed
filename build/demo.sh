#!/bin/sh
# Uploads a real disk image to a daemon and downloads it again, over HTTPS, over the Unix socket, and through a proxy with
# signed tickets, also into and from a qcow2 volume, and compares every byte. The exit status tells whether all was well.
#
# DEMO_FILES: directory whose files go into the image; default: the .NET frameworks, which every machine here has.
# TMPDIR: needs 4 GiB of room; default /var/tmp, which is a disk also where /tmp is memory.
set -eu
cd -- "$(dirname -- "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"
. build/setup.sh
build/install-tools.sh curl openssl mke2fs e2fsck cmp qemu-img qemu-nbd

MIB=1048576
size=$((1024 * MIB))
files=${DEMO_FILES:-$(dirname -- "$(readlink -f -- "$(command -v dotnet)")")/shared}
[ -d "$files" ] || files=out/lib
work=$(mktemp -d "${TMPDIR:-/var/tmp}/imageio-demo.XXXXXX")
pid=
proxy_pid=
nbd_pid=

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

stop_nbd() {
    [ -n "$nbd_pid" ] || return 0
    stopped=$nbd_pid
    nbd_pid=
    kill -TERM "$stopped" 2>/dev/null || true
    wait "$stopped"
}

stop_proxy() {
    [ -n "$proxy_pid" ] || return 0
    stopped=$proxy_pid
    proxy_pid=
    kill -TERM "$stopped" 2>/dev/null || true
    wait "$stopped"
}

clean_up() {
    status=$?
    trap - EXIT
    stop_proxy || true
    stop_daemon || true
    stop_nbd || true
    for log in daemon proxy; do
        if [ "$status" -ne 0 ] && [ -s "$work/$log.log" ]; then
            echo "The $log's log:" >&2
            tail -n 20 "$work/$log.log" >&2
        fi
    done
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

# Usage: listening NAME PID
# Where it listens, as its log says when it is ready; 10 s are plenty on a slow machine.
listening() {
    tries=200
    until grep -s -o 'https://127.0.0.1:[0-9]*' "$work/$1.log"; do
        kill -0 "$2" 2>/dev/null || fail "the $1 did not start: $(cat "$work/stderr")"
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "the $1 does not listen after 10 s"
        sleep 0.05
    done
}

# Usage: sign_ticket ID
# As a manager does it, who alone has the key.
sign_ticket() {
    echo "$1" | out/bin/ovirt-imageio-proxy sign-ticket --key-file "$work/engine-key.pem" --cert-file "$work/engine.pem" \
        --imaged-uri "$url" --valid-for 600
}

# Usage: install_ticket ID OPS IMAGE [URL]
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
out/bin/ovirt-imageio --conf-dir "$work" 2>"$work/stderr" &
pid=$!
url=$(listening daemon "$pid")
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

# Usage: client LABEL ARGUMENT...
client() {
    label=$1
    shift
    out/bin/imageio "$@" --cafile "$work/ca.pem" >"$work/client" 2>&1 || fail "imageio $1: $(cat "$work/client")"
    say "$label" "imageio $1, $(sed -n 's/.*\] \(.*\) | .* completed *$/\1/p' "$work/client")"
}

# As a cloud's image comes: packed qcow2, and no qemu is needed on either way.
client client download "$url/images/$download" "$work/disk.qcow2" --format qcow2 --compress zlib
say "" "as a packed qcow2 file of $(du -m "$work/disk.qcow2" | cut -f 1) MiB"
truncate -s 0 "$work/copy.raw"
truncate -s $size "$work/copy.raw"
client client upload "$work/disk.qcow2" "$url/images/$upload" --verify
say "" "from that file, and both ends have the same checksum"
client client download "$url/images/$download" "$work/client.raw" --verify
cmp "$work/disk.raw" "$work/client.raw" || fail "the image downloaded by imageio differs"
say "" "raw again, every byte is the same"
rm -f "$work/client.raw" "$work/disk.qcow2"

# As a manager does it for a qcow2 volume: qemu-nbd serves the bytes that its guest sees.
qemu-img create -q -f qcow2 "$work/volume.qcow2" $size
qemu-nbd --persistent --shared=8 --socket="$work/nbd.sock" --format=qcow2 --discard=unmap --detect-zeroes=unmap \
    "$work/volume.qcow2" 2>"$work/nbd.log" &
nbd_pid=$!
tries=200
until [ -S "$work/nbd.sock" ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "qemu-nbd did not start: $(cat "$work/nbd.log")"
    sleep 0.05
done
volume=$(new_id)
install_ticket "$volume" '"read", "write"' "$work/disk.raw" "nbd:unix:$work/nbd.sock"

transfer upload 200 --cacert "$work/ca.pem" --upload-file "$work/disk.raw" --output /dev/null "$url/images/$volume"
say "" "over HTTPS into a qcow2 volume"

transfer download 200 --cacert "$work/ca.pem" --output "$work/guest.raw" "$url/images/$volume"
cmp "$work/disk.raw" "$work/guest.raw" || fail "the guest's disk downloaded from the qcow2 volume differs"
say "" "as the guest sees the volume, every byte is the same"

curl --silent --show-error --fail --unix-socket "$work/control.sock" -X DELETE "http://localhost/tickets/$volume" ||
    fail "the ticket of the qcow2 volume could not be removed"
stop_nbd || fail "qemu-nbd ended with status $?"
content=$(new_id)
install_ticket "$content" '"read"' "$work/volume.qcow2"
curl --silent --show-error --fail --cacert "$work/ca.pem" --output "$work/content.qcow2" "$url/images/$content" ||
    fail "the qcow2 volume itself could not be downloaded"
qemu-img compare -q -f raw -F qcow2 "$work/disk.raw" "$work/content.qcow2" || fail "the qcow2 volume differs from the image"
say qcow2 "the volume's file of $(($(stat -c %s "$work/content.qcow2") / MIB)) MiB, downloaded as it is: qemu-img finds no difference"
rm -f "$work/guest.raw" "$work/content.qcow2" "$work/volume.qcow2"

write_proxy_configuration "$work"
out/bin/ovirt-imageio-proxy --config "$work/proxy.conf" 2>"$work/stderr" &
proxy_pid=$!
proxy=$(listening proxy "$proxy_pid")
say proxy "process $proxy_pid, $proxy"
# So that what comes down now came up by the proxy.
rm -f "$work/unix.raw"
truncate -s 0 "$work/copy.raw"
truncate -s $size "$work/copy.raw"
# One ticket is installed, as managers from 4.2.1 on do, the other is brought along.
sign_ticket "$upload" | curl --silent --show-error --fail --cacert "$work/ca.pem" --upload-file - "$proxy/tickets/" ||
    fail "the signed ticket was refused"
printf 'Authorization: %s\n' "$(sign_ticket "$download")" >"$work/header"

transfer upload 200 --cacert "$work/ca.pem" --upload-file "$work/disk.raw" --output /dev/null "$proxy/images/$upload"
say "" "through the proxy, with an installed signed ticket"

transfer download 200 --cacert "$work/ca.pem" --header @"$work/header" --output "$work/proxied.raw" "$proxy/images/$download"
cmp "$work/disk.raw" "$work/proxied.raw" || fail "the image downloaded through the proxy differs"
say "" "through the proxy, with a signed ticket along, every byte is the same"

e2fsck -fn "$work/https.raw" >"$work/e2fsck" 2>&1 || fail "e2fsck found errors: $(cat "$work/e2fsck")"
say e2fsck "the downloaded file system is clean"

say memory "the daemon's peak was $(awk '/^VmHWM/ { printf "%d", $2 / 1024 }' "/proc/$pid/status") MiB"
say "" "the proxy's was $(awk '/^VmHWM/ { printf "%d", $2 / 1024 }' "/proc/$proxy_pid/status") MiB"
stop_proxy || fail "the proxy ended with status $?"
stop_daemon || fail "the daemon ended with status $?"
say stopped "proxy and daemon ended with status 0"

printf '\nDemo passed.\n'
