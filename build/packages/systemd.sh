# shellcheck shell=sh disable=SC2154,SC2015,SC2016
# Sourced by check-packages.sh, behind swap.sh: the packages in systems whose systemd runs.

unit=ovirt-imageio.service
proxy_unit=ovirt-imageio-proxy.service

# Usage: state: "enabled active", "disabled inactive", ...
state() {
    printf '%s %s\n' "$(in_guest systemctl is-enabled $unit)" "$(in_guest systemctl is-active $unit)"
}

# Usage: certificates: the PKI of a host, with the key as Engine enrols it
certificates() {
    mkdir -p "$work/pki" "$guest/etc/pki/vdsm/keys" "$guest/etc/pki/vdsm/certs" && build/make-pki.sh "$work/pki" || return 1
    cp "$work/pki/key.pem" "$guest/etc/pki/vdsm/keys/vdsmkey.pem.new" && cp "$work/pki/cert.pem" "$guest/etc/pki/vdsm/certs/vdsmcert.pem.new" &&
        cp "$work/pki/ca.pem" "$guest/etc/pki/vdsm/certs/cacert.pem" && chmod 644 "$guest"/etc/pki/vdsm/certs/* &&
        in_guest chown vdsm:kvm /etc/pki/vdsm/keys/vdsmkey.pem.new && in_guest chmod "${1:-440}" /etc/pki/vdsm/keys/vdsmkey.pem.new &&
        in_guest mv /etc/pki/vdsm/certs/vdsmcert.pem.new /etc/pki/vdsm/certs/vdsmcert.pem &&
        in_guest mv /etc/pki/vdsm/keys/vdsmkey.pem.new /etc/pki/vdsm/keys/vdsmkey.pem
}

host_boots() {
    layer systemd && boot && dnf_in install vdsm ovirt-host-dependencies ovirt-imageio-daemon && certificates &&
        [ "$(state)" = "disabled inactive" ]
}

# Usage: state_survives ENABLED RUNNING: enable or disable, start or stop
state_survives() {
    forget_starts
    in_guest systemctl "$1" $unit && in_guest systemctl "$2" $unit && before=$(state) &&
        dnf_in swap ovirt-imageio-daemon imageio-daemon && after=$(state) && echo "$before, then $after" && [ "$before" = "$after" ] &&
        in_guest systemctl cat $unit | grep '^# Installed by imageio-daemon' || return 1
    if [ "$2" = start ]; then
        in_guest cat /proc/"$(main_pid)"/comm | grep ovirt-imageio || return 1
    fi
    dnf_in swap imageio-daemon ovirt-imageio-daemon && state && ! in_guest systemctl cat $unit | grep 'imageio-daemon' || return 1
    # It runs when ours did; its own preset has disabled it, which docs/migration.md says.
    [ "$(in_guest systemctl is-active $unit)" = "${before#* }" ] && in_guest systemctl is-failed --quiet $unit && return 1
    [ ! -e "$guest/run/imageio-swap" ]
}

main_pid() {
    in_guest systemctl show --property MainPID --value $unit
}

# The same, but not 0, which kill would take for all of this script's processes.
running_pid() {
    pid=$(main_pid) && [ "$pid" != 0 ] && echo "$pid"
}

# systemd allows five starts in ten seconds, which the checks of a fast machine exceed.
forget_starts() {
    in_guest systemctl reset-failed $unit
}

ours_runs() {
    forget_starts
    dnf_in swap ovirt-imageio-daemon imageio-daemon && in_guest systemctl start $unit && [ "$(in_guest systemctl is-active $unit)" = active ]
}

# Ready when start returns: no waiting here. The names of the certificate's are loopback's.
answers() {
    in_guest curl --fail --silent --show-error --cacert /etc/pki/vdsm/certs/cacert.pem https://localhost:54322/info/
}

# service_facts of Ansible reads these two; Engine's role restarts what is enabled or running.
facts_are_the_units_own() {
    in_guest systemctl list-unit-files --no-legend $unit | grep -E '^ovirt-imageio\.service +disabled' &&
        [ "$(in_guest systemctl show --property Names --value $unit)" = $unit ]
}

runs_as_its_user_with_its_groups() {
    status=/proc/$(main_pid)/status
    uid=$(in_guest id -u ovirtimg)
    in_guest cat "$status" | grep -E '^(Uid|Groups|Cap)' &&
        in_guest cat "$status" | grep -P "^Uid:\t$uid\t$uid\t$uid\t$uid" &&
        in_guest cat "$status" | grep -P '^CapEff:\t0+$' && in_guest cat "$status" | grep -P '^CapPrm:\t0+$' || return 1
    for group in ovirtimg kvm qemu; do
        in_guest cat "$status" | sed -n 's/^Groups:/ /p' | tr -s '\t' ' ' | grep " $(in_guest getent group $group | cut -d : -f 3) " || return 1
    done
}

files_have_their_owners() {
    [ "$(in_guest stat -c '%a %U:%G' /run/ovirt-imageio)" = "750 ovirtimg:ovirtimg" ] &&
        [ "$(in_guest stat -c '%a %U:%G' /run/ovirt-imageio/sock)" = "660 ovirtimg:ovirtimg" ] &&
        [ "$(in_guest stat -c '%a %U:%G' /var/log/ovirt-imageio/daemon.log)" = "644 ovirtimg:ovirtimg" ] &&
        [ -z "$(in_guest find /tmp -name 'dotnet-*' -o -name 'clr-*')" ]
}

# Usage: ticket ID URL SIZE: puts one, as vdsm does
ticket() {
    in_guest runuser -u vdsm -- curl --fail --silent --show-error --unix-socket /run/ovirt-imageio/sock --request PUT \
        --data "{\"uuid\": \"$1\", \"size\": $3, \"url\": \"$2\", \"ops\": [\"read\", \"write\"], \"timeout\": 300, \"sparse\": true}" \
        "http://localhost/tickets/$1"
}

others_cannot_put_tickets() {
    ! in_guest runuser -u nobody -- curl --silent --unix-socket /run/ovirt-imageio/sock http://localhost/tickets
}

# Usage: moves_bytes URL: 4 MiB up and down through an image there, through the port
moves_bytes() {
    id=$(new_id)
    in_guest sh -c '[ -e /data4 ] || dd if=/dev/urandom of=/data4 bs=1M count=4 2>/dev/null' &&
        ticket "$id" "$1" 4194304 &&
        in_guest curl --fail --silent --show-error --cacert /etc/pki/vdsm/certs/cacert.pem --upload-file /data4 "https://localhost:54322/images/$id" &&
        in_guest curl --fail --silent --show-error --cacert /etc/pki/vdsm/certs/cacert.pem --output /copy4 "https://localhost:54322/images/$id" &&
        in_guest cmp /data4 /copy4 &&
        in_guest runuser -u vdsm -- curl --fail --silent --unix-socket /run/ovirt-imageio/sock --request DELETE "http://localhost/tickets/$id" ||
        { in_guest tail -n 5 /var/log/ovirt-imageio/daemon.log; return 1; }
}

# Usage: image PATH: one of 4 MiB, vdsm's, which others may not open
image() {
    in_guest sh -c "mkdir -p '${1%/*}' && truncate -s 4M '$1' && chown vdsm:kvm '$1' && chmod 660 '$1'"
}

# Usage: loop FILE: a loop device in the guest, which is not given any by itself; its path there in $device
loop() {
    truncate -s 64M "$guest$1" && host_device=$(losetup --find --show "$guest$1") || return 1
    loops="$loops $host_device"
    device=/dev/guest-${host_device##*/}
    in_guest mknod "$device" b "0x$(stat -c %t "$host_device")" "0x$(stat -c %T "$host_device")"
}

mounted_after_the_start() {
    where="/rhev/data-center/mnt/nfs.example.com:_export"
    loop /nfs && in_guest mkfs.ext4 -q "$device" && in_guest mkdir -p "$where" && in_guest mount -t ext4 "$device" "$where" &&
        image "$where/sd/images/img/vol" && moves_bytes "file://$where/sd/images/img/vol"
}

# Usage: local_domain DIRECTORY: a local storage domain anywhere, which Vdsm links to
local_domain() {
    link=/rhev/data-center/mnt/$(echo "$1" | tr / _)
    in_guest mkdir -p "$1" /rhev/data-center/mnt && in_guest ln -s "$1" "$link" && image "$1/sd/images/img/vol" &&
        moves_bytes "file://$link/sd/images/img/vol"
}

block_domain() {
    where=/rhev/data-center/mnt/blockSD/sd/images
    loop /lun && in_guest sh -c "mkdir -p $where /run/vdsm/storage/sd/img /dev/sd && ln -s /run/vdsm/storage/sd/img $where/img &&
        ln -s /dev/sd/vol /run/vdsm/storage/sd/img/vol && ln -s $device /dev/sd/vol && chown vdsm:qemu $device && chmod 660 $device" &&
        moves_bytes "file://$where/img/vol"
}

nbd_server() {
    image /var/tmp/nbd.raw && in_guest sh -c 'mkdir -p /run/vdsm/nbd && chown vdsm:kvm /run/vdsm/nbd' || return 1
    in_guest runuser -u vdsm -- qemu-nbd --fork --format raw --cache none --persistent --socket /run/vdsm/nbd/transfer.sock /var/tmp/nbd.raw &&
        in_guest chmod 660 /run/vdsm/nbd/transfer.sock && moves_bytes nbd:unix:/run/vdsm/nbd/transfer.sock
}

# Usage: starts_with_key OWNER MODE
starts_with_key() {
    in_guest chown "$1" /etc/pki/vdsm/keys/vdsmkey.pem && in_guest chmod "$2" /etc/pki/vdsm/keys/vdsmkey.pem &&
        forget_starts && in_guest systemctl restart $unit && answers
}

metric() {
    in_guest curl --silent --unix-socket /run/ovirt-imageio/sock http://localhost/metrics | sed -n "s/^$1\({[^}]*}\)\{0,1\} \([^ ]*\).*/\2/p" | head -n 1
}

# A slow download runs all the while, and ends whole.
renewed_certificate_is_served_while_transfers_go_on() {
    image /var/tmp/load.raw && id=$(new_id) && ticket "$id" file:///var/tmp/load.raw 4194304 && pid_before=$(main_pid) || return 1
    in_guest curl --fail --silent --limit-rate 500k --cacert /etc/pki/vdsm/certs/cacert.pem --output /load.copy \
        "https://localhost:54322/images/$id" &
    load=$!
    before=$(in_guest sha256sum /etc/pki/vdsm/certs/vdsmcert.pem)
    old_serial=$(fingerprint) && certificates && [ "$before" != "$(in_guest sha256sum /etc/pki/vdsm/certs/vdsmcert.pem)" ] &&
        eventually served_is_not "$old_serial" && [ "$(main_pid)" = "$pid_before" ] && wait $load &&
        in_guest cmp /var/tmp/load.raw /load.copy
}

# From the outside, because the guest has no openssl.
fingerprint() {
    nsenter --target "$leader" --net openssl s_client -connect localhost:54322 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint
}

served_is_not() {
    now=$(fingerprint) && [ -n "$now" ] && [ "$now" != "$1" ]
}

unreadable_key_keeps_the_old_pair() {
    old=$(fingerprint) && certificates 600 && in_guest chown root:root /etc/pki/vdsm/keys/vdsmkey.pem && answers_insecurely &&
        eventually is_failing 1 && [ "$(fingerprint)" = "$old" ] && answers_insecurely &&
        [ "$(in_guest grep -c 'WARNING.*systemctl restart ovirt-imageio' /var/log/ovirt-imageio/daemon.log)" -eq 1 ] &&
        forget_starts && in_guest systemctl restart $unit && served_is_not "$old" && is_failing 0
}

answers_insecurely() {
    in_guest curl --fail --silent --insecure https://localhost:54322/info/
}

is_failing() {
    [ "$(metric imageio_tls_reload_failing)" = "$1" ]
}

reload_of_a_bad_file_fails() {
    printf '[daemon]\nmax_connections = many\n' >"$guest/etc/ovirt-imageio/conf.d/99-bad.conf"
    ! in_guest systemctl reload $unit && [ "$(in_guest systemctl is-active $unit)" = active ] && answers_insecurely &&
        rm "$guest/etc/ovirt-imageio/conf.d/99-bad.conf" && in_guest systemctl reload $unit &&
        eventually in_guest grep -q 'SIGHUP: log level' /var/log/ovirt-imageio/daemon.log
}

start_that_failed_breaks_nothing() {
    forget_starts
    in_guest systemctl stop $unit && in_guest mv /etc/pki/vdsm/certs/vdsmcert.pem /etc/pki/vdsm/certs/away || return 1
    in_guest rm -f /var/log/ovirt-imageio/daemon.log
    in_guest ovirt-imageio && return 1
    in_guest systemctl start $unit && return 1
    [ -z "$(in_guest find /var/log/ovirt-imageio /run/ovirt-imageio -user root 2>/dev/null)" ] || return 1
    in_guest mv /etc/pki/vdsm/certs/away /etc/pki/vdsm/certs/vdsmcert.pem && in_guest systemctl stop $unit
    forget_starts
    in_guest systemctl start $unit && answers_insecurely
}

comes_back_after_a_kill() {
    forget_starts && before=$(running_pid) && in_guest kill -KILL "$before" && eventually is_another "$before" &&
        eventually answers_insecurely && again=$(running_pid) && in_guest kill -TERM "$again" && eventually answers_insecurely
}

is_another() {
    now=$(main_pid) && [ "$now" != 0 ] && [ "$now" != "$1" ]
}

# Host deployment stops both and starts vdsmd; nobody enables ours.
vdsmd_starts_it() {
    printf '[Unit]\nWants=%s\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' $unit \
        >"$guest/etc/systemd/system/vdsmd.service"
    in_guest systemctl daemon-reload && forget_starts && in_guest systemctl stop $unit vdsmd.service &&
        [ "$(in_guest systemctl is-active $unit)" = inactive ] && in_guest systemctl start vdsmd.service && eventually answers_insecurely
}

ctl_works() {
    printf '{"uuid": "by-hand", "size": 1, "url": "file:///data4", "ops": ["read"], "timeout": 60}' >"$guest/ticket.json"
    in_guest runuser -u vdsm -- ovirt-imageioctl add-ticket /ticket.json && in_guest ovirt-imageioctl show-ticket by-hand | grep by-hand &&
        in_guest ovirt-imageioctl del-ticket by-hand && ! in_guest ovirt-imageioctl show-ticket by-hand
}

engine_boots() {
    layer engine && boot && dnf_in install ovirt-engine ovirt-engine-setup-plugin-imageio ovirt-imageio-daemon || return 1
    mkdir -p "$work/pki" "$guest/etc/pki/ovirt-engine/keys" "$guest/etc/pki/ovirt-engine/certs" && build/make-pki.sh "$work/pki" &&
        install -m 600 "$work/pki/key.pem" "$guest/etc/pki/ovirt-engine/keys/apache.key.nopass" &&
        install -m 644 "$work/pki/cert.pem" "$guest/etc/pki/ovirt-engine/certs/apache.cer" &&
        install -m 644 "$work/pki/ca.pem" "$guest/etc/pki/ovirt-engine/apache-ca.pem" &&
        install -m 644 "$work/pki/ca.pem" "$guest/etc/pki/ovirt-engine/ca.pem" &&
        install -m 644 build/packages/50-engine.conf "$guest/etc/ovirt-imageio/conf.d/" &&
        dnf_in swap ovirt-imageio-daemon imageio-daemon
}

# What engine-setup does at its end, and what Engine then asks; no Host header, and HTTP/1.0 is not meant.
engine_setup_and_engine_find_it() {
    in_guest ovirt-imageio --show-config | grep -A 3 '"remote"' | grep '"port": 54323' &&
        in_guest systemctl stop $unit && in_guest systemctl start $unit && in_guest systemctl enable $unit &&
        in_guest curl --fail --silent --show-error --cacert /etc/pki/ovirt-engine/ca.pem https://localhost:54323/info/ &&
        in_guest curl --fail --silent --show-error --header Host: --request PUT \
            --data '{"uuid": "engine", "size": 1, "url": "file:///x", "ops": ["read"], "timeout": 60}' http://localhost:54324/tickets/engine &&
        in_guest curl --fail --silent --show-error --header Host: --request PATCH --data '{"timeout": 120}' http://localhost:54324/tickets/engine &&
        in_guest curl --fail --silent --show-error --header Host: --request DELETE http://localhost:54324/tickets/engine
}

page_moves_pieces() {
    in_guest curl --fail --silent --show-error --cacert /etc/pki/ovirt-engine/ca.pem --request OPTIONS --include \
        --header 'Origin: https://engine.example.com' --header 'Access-Control-Request-Method: PUT' \
        https://localhost:54323/images/x | grep -i '^access-control-allow-origin'
}

# Beside the daemon, whose port on an Engine machine is the proxy's default.
proxy_reloads() {
    dnf_in install imageio-proxy || return 1
    conf=$guest/etc/ovirt-imageio-proxy/ovirt-imageio-proxy.conf
    # The signer of tickets has an RSA key, and no authority here.
    openssl req -x509 -newkey rsa:2048 -nodes -days 7 -subj /CN=engine -keyout "$work/engine.key" \
        -out "$guest/etc/pki/ovirt-engine/certs/engine.cer" 2>/dev/null || return 1
    install -m 644 "$work/pki/cert.pem" "$guest/etc/pki/ovirt-engine/certs/image-proxy.cer"
    install -m 640 "$work/pki/key.pem" "$guest/etc/pki/ovirt-engine/keys/image-proxy.key.nopass"
    in_guest chgrp imageio-proxy /etc/pki/ovirt-engine/keys/image-proxy.key.nopass
    printf '[proxy]\nport = 54326\nverify_certificate = false\n' >"$conf"
    in_guest systemctl start $proxy_unit || { in_guest journalctl --no-pager -n 20 -u $proxy_unit; return 1; }
    in_guest systemctl reload $proxy_unit || return 1
    printf '[proxy]\nport = many\n' >"$conf"
    in_guest systemctl reload $proxy_unit && return 1
    [ "$(in_guest systemctl is-active $proxy_unit)" = active ] && in_guest curl --fail --silent --insecure https://localhost:54326/info/
}

# The unit of version 0.0 runs under its old name.
update_goes_on_running() {
    layer update && boot && dnf_in --enablerepo=older install imageio-daemon-0.0 &&
        in_guest systemctl enable --now ovirt-imageio-daemon.service && mkdir -p "$work/pki" "$guest/etc/pki/imageio" &&
        build/make-pki.sh "$work/pki" && cp "$work"/pki/*.pem "$guest/etc/pki/imageio/" || return 1
    printf '[tls]\nkey_file = /etc/pki/imageio/key.pem\ncert_file = /etc/pki/imageio/cert.pem\n' >"$guest/etc/ovirt-imageio/conf.d/99-local.conf"
    dnf_in upgrade imageio-daemon && [ "$(state)" = "enabled active" ] &&
        [ "$(in_guest systemctl is-active ovirt-imageio-daemon.service)" = inactive ] && answers_insecurely
}

removal_stops_it() {
    [ "$(in_guest systemctl is-active $unit)" = active ] && dnf_in remove imageio-daemon && ! in_guest pgrep -x ovirt-imageio &&
        ! in_guest systemctl cat $unit && [ ! -e "$guest/etc/systemd/system/multi-user.target.wants/$unit" ]
}

if [ "${have_guest:-}" != yes ] || ! command -v systemd-nspawn >/dev/null; then
    skip "The packages with a running systemd" "there is no guest or no systemd-nspawn"
else
    check "A mock host boots, with the reference installed and disabled" host_boots
    for enabled in enable disable; do
        for running in start stop; do
            check "A swap and the way back keep the state: $enabled, $running" state_survives $enabled $running
        done
    done
    check "After a swap the daemon starts with Vdsm's configuration" ours_runs
    check "It is ready when systemctl start returns" answers
    check "It is a unit of its own name for Ansible's service_facts" facts_are_the_units_own
    check "It runs as ovirtimg, with the groups kvm and qemu and without a capability" runs_as_its_user_with_its_groups
    check "Run directory, socket and log are ovirtimg's, with the reference's modes, and /tmp is clean" files_have_their_owners
    check "Users outside of the group cannot put tickets" others_cannot_put_tickets
    check "A storage domain that is mounted after the start is served" mounted_after_the_start
    for directory in /data/images /home/images /var/images; do
        check "A local storage domain in $directory is served" local_domain $directory
    done
    check "A block storage domain, by Vdsm's three links, is served" block_domain
    check "An image that qemu-nbd exports for Vdsm is served" nbd_server
    check "ovirt-imageioctl finds the control service" ctl_works
    check "It starts with a key that is vdsm:kvm 0440" starts_with_key vdsm:kvm 440
    check "It starts with a key that is vdsm:kvm 0600" starts_with_key vdsm:kvm 600
    check "It starts with a key that is root's 0600" starts_with_key root:root 600
    forget_starts
    in_guest systemctl restart $unit
    check "A renewed certificate is served while transfers go on" renewed_certificate_is_served_while_transfers_go_on
    check "A renewed key that is root's alone leaves the old pair, with a warning and a metric, until a restart" unreadable_key_keeps_the_old_pair
    check "A reload of a bad file fails and changes nothing" reload_of_a_bad_file_fails
    check "A start as root that failed does not break the service" start_that_failed_breaks_nothing
    check "vdsmd, which wants it, starts it" vdsmd_starts_it
    check "It comes back after a kill, and after an unexpected stop" comes_back_after_a_kill
    in_guest umount /rhev/data-center/mnt/nfs.example.com:_export
    power_off
    check "A mock Engine machine boots and swaps" engine_boots
    check "engine-setup's and Engine's requests are answered" engine_setup_and_engine_find_it
    check "A browser's preflight is answered" page_moves_pieces
    check "The proxy runs under systemd, reloads, and refuses to reload a bad file" proxy_reloads
    power_off
    check "An update of a running version 0.0 goes on running" update_goes_on_running
    check "Removal stops and disables it" removal_stops_it
    power_off
fi
