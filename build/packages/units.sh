# shellcheck shell=sh disable=SC2154
# Sourced by check-packages.sh: units and man pages, as they are in the sources.

# Usage: exposure UNIT MOST: systemd's own figure, from 0 (locked in) to 10
exposure() {
    systemd-analyze security --offline=true --no-pager --threshold="$2" "packaging/systemd/$1.service"
}

# Usage: man_page FILE: groff complains about nothing
man_page() {
    text=$(LC_ALL=C.UTF-8 MANROFFOPT=-ww man --warnings -E UTF-8 -l "$1" 2>&1 >/dev/null) && [ -z "$text" ] || { echo "$text"; return 1; }
}

# The threshold is in tenths. The daemon needs block devices, and owners of images as they are.
check_with systemd-analyze "systemd rates the proxy's exposure at 1.5 or better" exposure ovirt-imageio-proxy 15
check_with systemd-analyze "systemd rates the daemon's exposure at 2.0 or better" exposure ovirt-imageio-daemon 20
for page in packaging/man/*; do
    check_with man "The page ${page##*/} is well formed" man_page "$page"
done
