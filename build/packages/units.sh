# shellcheck shell=sh disable=SC2154
# Sourced by check-packages.sh: units and man pages, as they are in the sources.

# Usage: exposure UNIT MOST: systemd's own figure, from 0 (locked in) to 10
exposure() {
    systemd-analyze security --offline=true --no-pager --threshold="$2" "packaging/systemd/$1.service"
}

# What hosts rely on and what hardens is there; what would hide images, devices, mounts or keys is not.
daemon_unit_has_its_lines() {
    file=packaging/systemd/ovirt-imageio.service
    for line in Type=notify NotifyAccess=main WatchdogSec=60 KillMode=mixed Restart=always TimeoutStopSec=30 \
        RuntimeDirectory=ovirt-imageio RuntimeDirectoryMode=0750 UMask=0022 LimitNOFILE=65536 NoNewPrivileges=yes \
        "CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE CAP_NET_BIND_SERVICE" \
        ProtectSystem=full ProtectControlGroups=yes ProtectKernelModules=yes ProtectKernelTunables=yes ProtectKernelLogs=yes \
        ProtectClock=yes ProtectHostname=yes LockPersonality=yes RestrictRealtime=yes RestrictNamespaces=yes \
        RestrictSUIDSGID=yes SystemCallFilter=@system-service "SystemCallFilter=~@privileged @resources" \
        "SystemCallFilter=@setuid @chown sched_setaffinity mbind"; do
        grep -qxF "$line" $file || { echo "missing: $line"; return 1; }
    done
    forbidden='User|LogsDirectory|ReadWritePaths|ProtectHome|PrivateTmp|PrivateDevices|DevicePolicy|DeviceAllow|PrivateUsers'
    ! grep -E "^($forbidden|Condition[A-Za-z]*|MemoryMax|LoadCredential|SupplementaryGroups|Alias)=|^ProtectSystem=strict" $file
}

# Usage: man_page FILE: groff complains about nothing
man_page() {
    text=$(LC_ALL=C.UTF-8 MANROFFOPT=-ww man --warnings -E UTF-8 -l "$1" 2>&1 >/dev/null) && [ -z "$text" ] || { echo "$text"; return 1; }
}

# Usage: members SET: the system calls of one of systemd's sets, like @system-service
members() {
    systemd-analyze syscall-filter "$1" | sed '1d; s/^ *//; /^#/d; /^$/d' | while read -r member; do
        case $member in
            @*) members "$member" ;;
            *) echo "$member" ;;
        esac
    done
}

# Usage: allowed UNIT: the system calls that its lines SystemCallFilter= leave, in their order
allowed() {
    : >"$work/allowed"
    sed -n 's/^SystemCallFilter=//p' "packaging/systemd/$1.service" >"$work/filters"
    while read -r filter; do
        for item in ${filter#"~"}; do
            case $item in
                @*) members "$item" ;;
                *) echo "$item" ;;
            esac
        done | sort -u >"$work/items"
        case $filter in
            "~"*) comm -23 "$work/allowed" "$work/items" >"$work/left" ;;
            *) sort -u "$work/allowed" "$work/items" >"$work/left" ;;
        esac
        mv "$work/left" "$work/allowed"
    done <"$work/filters"
    # Names that this machine's kernel does not have are unknown to strace.
    sed 's/^/?/' "$work/allowed" | paste -s -d ,
}

# Usage: within_its_filter UNIT COMMAND...: while every other system call fails as it does below systemd
within_its_filter() {
    confine="strace -D -f -qq --seccomp-bpf -o /dev/null -e inject=!$(allowed "$1"):error=EPERM"
    shift
    "$@"
    status=$?
    confine=
    return $status
}

check "The daemon's unit has the lines that hosts rely on, and none that hides images" daemon_unit_has_its_lines
# The threshold is in tenths. The daemon starts as root, and finds images anywhere.
check_with systemd-analyze "systemd rates the proxy's exposure at 1.5 or better" exposure ovirt-imageio-proxy 15
check_with systemd-analyze "systemd rates the daemon's exposure at 3.2 or better" exposure ovirt-imageio 32
check_with strace "The daemon works with the system calls that its unit allows" \
    within_its_filter ovirt-imageio daemon_moves_an_image "$work/linux-x64"
check_with strace "The proxy works with the system calls that its unit allows" \
    within_its_filter ovirt-imageio-proxy proxy_moves_an_image "$work/linux-x64"
for page in packaging/man/*; do
    check_with man "The page ${page##*/} is well formed" man_page "$page"
done
