# shellcheck shell=sh disable=SC2154,SC2034
# Sourced by check-packages.sh: runs installed programs from a root directory of their own and sends an image through them.

# Words before the command that runs a program; empty but in the checks of units.
confine=

# Usage: installed ROOT PROGRAM [ARGUMENT...]: with an empty environment, so that it finds no SDK. Does not return.
installed() {
    root=$1
    program=$2
    shift 2
    if [ -x "$root/bin/sh" ]; then
        exec chroot "$root" /usr/bin/env -i "/usr/bin/$program" "$@"
    fi
    # shellcheck disable=SC2086
    exec $confine env -i "$root/usr/bin/$program" "$@"
}

# Usage: wait_for_url LOG PID: prints where the program listens. 30 s are plenty on a slow machine.
wait_for_url() {
    tries=600
    until grep -s -o 'https://[^ ,]*:[0-9]*' "$1" | sed 's/\[::\]\|0\.0\.0\.0/127.0.0.1/' | head -n 1 | grep .; do
        kill -0 "$2" 2>/dev/null || { cat "$1" >&2; return 1; }
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "it does not listen" >&2; return 1; }
        sleep 0.05
    done
}

# Usage: stop PID: ends with its status
stop() {
    kill -TERM "$1" && wait "$1"
}

# Usage: has_its_own_runtime PID: what it loaded comes from the installation, not from an SDK elsewhere
has_its_own_runtime() {
    grep -q '/usr/lib/imageio/libcoreclr\.so$' "/proc/$1/maps" && ! grep '/dotnet/' "/proc/$1/maps"
}

# Usage: prepare ROOT: certificate, configurations of both programs and an image in ROOT/var/tmp/run.
# The paths in there are those that the program sees.
prepare() {
    if [ -x "$1/bin/sh" ]; then seen=/var/tmp/run; else seen=$1/var/tmp/run; fi
    run=$1/var/tmp/run
    rm -rf "$run"
    mkdir -p "$run"
    build/make-pki.sh "$run"
    write_configuration "$run" 0 stderr
    sed -i "s:$run:$seen:g" "$run"/conf.d/*
    cat >"$run/proxy.conf" <<END
[proxy]
port = 0
host = 127.0.0.1
ssl_key_file = $seen/key.pem
ssl_cert_file = $seen/cert.pem
engine_cert_file = $seen/cert.pem
engine_ca_cert_file = $seen/ca.pem
signed_proxy_ticket = false
END
    dd if=/dev/urandom of="$run/data" bs=1M count=8 2>/dev/null
    truncate -s 8M "$run/image"
}

# Usage: daemon_moves_an_image ROOT
daemon_moves_an_image() {
    prepare "$1" || return 1
    id=$(new_id)
    (installed "$1" ovirt-imageio-daemon --conf-dir "$seen") 2>"$run/log" &
    pid=$!
    pids="$pids $pid"
    url=$(wait_for_url "$run/log" $pid) || return 1
    ticket_json "$id" '"read", "write"' "$run/image" | sed "s:$run:$seen:" |
        curl --fail --silent --show-error --unix-socket "$run/control.sock" --upload-file - "http://localhost/tickets/$id" &&
        curl --fail --silent --show-error --cacert "$run/ca.pem" --upload-file "$run/data" "$url/images/$id" &&
        cmp "$run/data" "$run/image" &&
        curl --fail --silent --show-error --cacert "$run/ca.pem" --output "$run/copy" "$url/images/$id" &&
        cmp "$run/data" "$run/copy" &&
        has_its_own_runtime $pid &&
        stop $pid || { cat "$run/log"; return 1; }
}

# Usage: proxy_answers ROOT
proxy_answers() {
    prepare "$1" || return 1
    (installed "$1" ovirt-imageio-proxy --config "$seen/proxy.conf") 2>"$run/log" &
    pid=$!
    pids="$pids $pid"
    url=$(wait_for_url "$run/log" $pid) || return 1
    curl --fail --silent --show-error --cacert "$run/ca.pem" "$url/info/" | grep -F "\"$version\"" &&
        has_its_own_runtime $pid &&
        stop $pid || { cat "$run/log"; return 1; }
}

# Usage: check_programs WHERE ROOT
check_programs() {
    check "The daemon from $1 uploads and downloads an image over HTTPS" daemon_moves_an_image "$2"
    check "The proxy from $1 answers over HTTPS" proxy_answers "$2"
}
