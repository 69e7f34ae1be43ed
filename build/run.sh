#!/bin/sh
# Leaves a daemon in the foreground with a ticket for an empty 1 GiB image, everything in out/run, until Ctrl-C.
#
# PORT: where it listens; default 54322.
set -eu
# Relative paths from here on: a Unix socket's path has room for 107 bytes only (unix(7)).
cd -- "$(dirname -- "$0")/.."
. build/setup.sh
build/install-tools.sh curl openssl

port=${PORT:-54322}
run=out/run
if [ -e $run ]; then
    echo "$run is there: another 'make run' uses it. If not, remove it." >&2
    exit 1
fi

mkdir -p $run
pid=
clean_up() {
    status=$?
    trap - EXIT
    if [ -n "$pid" ]; then
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" || true
    fi
    rm -rf $run
    exit "$status"
}
trap clean_up EXIT
trap 'exit 0' INT TERM

build/make-pki.sh $run
write_configuration $run "$port" stderr
truncate -s 1G $run/disk.raw
id=$(new_id)
ticket_json "$id" '"read", "write"' "$PWD/$run/disk.raw" >$run/ticket.json
chmod 600 $run/ticket.json

out/bin/ovirt-imageio --conf-dir $run --ticket $run/ticket.json &
pid=$!

cat <<END

A daemon with a ticket for $run/disk.raw (1 GiB, empty). In a browser, which will warn of the new certificate:

  https://localhost:$port/#$id

or in another terminal in this directory:

  curl --cacert $run/ca.pem --upload-file README.md https://localhost:$port/images/$id
  curl --cacert $run/ca.pem --range 0-99 https://localhost:$port/images/$id
  curl --unix-socket $run/control.sock http://localhost/tickets/$id

Ctrl-C stops it and removes $run.

END
wait "$pid"
