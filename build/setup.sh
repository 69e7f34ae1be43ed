# shellcheck shell=sh
# Sourced by demo.sh and run.sh: what a daemon needs that has a directory of its own.

# Usage: write_configuration DIRECTORY PORT HANDLER
# The directory holds the PKI, conf.d and both sockets.
write_configuration() {
    mkdir -p "$1/conf.d"
    cat >"$1/conf.d/50-$(basename "$0" .sh).conf" <<END
[daemon]
# It runs as whoever started it: the demo's user may own nothing else on this machine.
drop_privileges = false

[tls]
key_file = $1/key.pem
cert_file = $1/cert.pem
ca_file = $1/ca.pem

[remote]
host = 127.0.0.1
port = $2

[local]
socket = $1/local.sock

[control]
socket = $1/control.sock

[logger_root]
handlers = $3

[handler_logfile]
args = ("$1/daemon.log",)
END
}

# Usage: write_proxy_configuration DIRECTORY
# The directory holds the PKI, and gets proxy.conf.
write_proxy_configuration() {
    cat >"$1/proxy.conf" <<END
[proxy]
host = 127.0.0.1
port = 0
ssl_key_file = $1/key.pem
ssl_cert_file = $1/cert.pem
engine_cert_file = $1/engine.pem
engine_ca_cert_file = $1/ca.pem
monitor_address = $1/monitor.sock
log_file = $1/proxy.log
END
}

# Usage: ticket_json ID OPS IMAGE [URL]
# OPS is the inside of a JSON list. With URL, the image is reached there, and the file IMAGE only tells its size. The ticket
# lives for an hour from its last use.
ticket_json() {
    printf '{"uuid": "%s", "size": %s, "url": "%s", "ops": [%s], "timeout": 3600, "sparse": true}\n' \
        "$1" "$(stat -c %s -- "$3")" "${4:-file://$3}" "$2"
}

new_id() {
    cat /proc/sys/kernel/random/uuid
}
