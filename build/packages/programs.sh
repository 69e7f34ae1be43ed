# shellcheck shell=sh disable=SC2154,SC2034,SC2015
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
    pids=$(echo " $pids " | sed "s/ $1 / /")
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
engine_cert_file = $seen/engine.pem
engine_ca_cert_file = $seen/ca.pem
verify_certificate = false
monitor_address =
END
    # Signs tickets; the authority that would vouch for it is thrown away by now.
    openssl req -x509 -newkey rsa:2048 -nodes -days 7 -subj /CN=engine -keyout "$run/engine.key" -out "$run/engine.pem" 2>/dev/null
    dd if=/dev/urandom of="$run/data" bs=1M count=8 2>/dev/null
    truncate -s 8M "$run/image"
}

# Usage: start ROOT PROGRAM ARGUMENT...: leaves its id in $pid, its log in $log and its address in $url
start() {
    log=$run/$2.log
    (installed "$@") 2>"$log" &
    pid=$!
    pids="$pids $pid"
    url=$(wait_for_url "$log" $pid)
}

# Usage: install_daemon_ticket ID
install_daemon_ticket() {
    ticket_json "$1" '"read", "write"' "$run/image" | sed "s:$run:$seen:" |
        curl --fail --silent --show-error --unix-socket "$run/control.sock" --upload-file - "http://localhost/tickets/$1"
}

# Usage: up_and_down URL: an image through that URL; what comes back, and what is on the disk, is what was sent
up_and_down() {
    curl --fail --silent --show-error --cacert "$run/ca.pem" --upload-file "$run/data" "$1" &&
        cmp "$run/data" "$run/image" &&
        curl --fail --silent --show-error --cacert "$run/ca.pem" --output "$run/copy" "$1" &&
        cmp "$run/data" "$run/copy"
}

# Usage: daemon_moves_an_image ROOT
daemon_moves_an_image() {
    prepare "$1" || return 1
    id=$(new_id)
    start "$1" ovirt-imageio --conf-dir "$seen" || return 1
    install_daemon_ticket "$id" && up_and_down "$url/images/$id" && has_its_own_runtime $pid && stop $pid ||
        { cat "$log"; return 1; }
}

# Usage: proxy_moves_an_image ROOT: through both programs, by a ticket that the proxy's own command signs
proxy_moves_an_image() {
    prepare "$1" || return 1
    id=$(new_id)
    start "$1" ovirt-imageio --conf-dir "$seen" || return 1
    daemon=$pid
    signed=$(printf '%s' "$id" | (confine='' && installed "$1" ovirt-imageio-proxy sign-ticket --imaged-uri "$url" \
        --key-file "$seen/engine.key" --cert-file "$seen/engine.pem")) && install_daemon_ticket "$id" || return 1
    start "$1" ovirt-imageio-proxy --config "$seen/proxy.conf" || return 1
    printf '%s' "$signed" |
        curl --fail --silent --show-error --cacert "$run/ca.pem" --upload-file - "$url/tickets/" &&
        up_and_down "$url/images/$id" && has_its_own_runtime $pid && stop $pid && stop "$daemon" ||
        { cat "$log" "$run/ovirt-imageio.log"; return 1; }
}

# Usage: check_programs WHERE ROOT
check_programs() {
    check "The daemon from $1 uploads and downloads an image over HTTPS" daemon_moves_an_image "$2"
    check "The proxy from $1 leads an upload and a download over HTTPS to the daemon" proxy_moves_an_image "$2"
}
