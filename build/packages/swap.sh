# shellcheck shell=sh disable=SC2154
# Sourced by check-packages.sh: dnf exchanges the reference's daemon for ours and back, on a host and on an Engine machine.

host_packages="vdsm ovirt-host-dependencies"
engine_packages="ovirt-engine ovirt-engine-setup-plugin-imageio ovirt-ansible-collection"

# Usage: installed PACKAGE...: all of them are
is_installed() {
    in_guest rpm -q "$@"
}

# Usage: from_reference NAME PACKAGE...: a layer with these packages and the reference
from_reference() {
    layer "$1" || return 1
    shift
    dnf_in install "$@" ovirt-imageio-daemon && is_installed "$@" ovirt-imageio-daemon || return 1
    [ -e "$guest/etc/ovirt-imageio/conf.d/60-vdsm.conf" ] || cp build/packages/50-engine.conf "$guest/etc/ovirt-imageio/conf.d/"
}

install_alone_is_refused() {
    ! dnf_in install imageio-daemon >"$work/refused" 2>&1 && grep -i conflict "$work/refused" && is_installed ovirt-imageio-daemon
}

upgrade_leaves_the_reference() {
    dnf_in upgrade && is_installed ovirt-imageio-daemon-2.5.3 && ! is_installed imageio-daemon
}

# Usage: swap_to_ours PACKAGE...: everything else stays
swap_to_ours() {
    echo old >"$guest/var/log/ovirt-imageio/daemon.log.1"
    in_guest sh -c 'sha256sum /etc/ovirt-imageio/conf.d/*' >"$work/conf.d"
    dnf_in swap ovirt-imageio-daemon imageio-daemon &&
        is_installed imageio-daemon imageio-runtime ovirt-imageio-common-2.5.3 "$@" && ! is_installed ovirt-imageio-daemon &&
        [ "$(cat "$guest/var/log/ovirt-imageio/daemon.log.1")" = old ] &&
        in_guest sh -c 'sha256sum /etc/ovirt-imageio/conf.d/*' | diff "$work/conf.d" - &&
        [ "$(in_guest rpm -qf --qf '%{NAME}' /usr/bin/ovirt-imageio)" = imageio-daemon ]
}

ours_are_as_packaged() {
    # --nomtime: a layer's copy of a directory has another time.
    in_guest rpm -V --nodeps --nomtime imageio-daemon imageio-runtime &&
        [ "$(in_guest stat -c '%a %U:%G' /var/log/ovirt-imageio)" = "755 ovirtimg:ovirtimg" ] &&
        [ "$(in_guest rpm -q --qf '[%{FILENAMES}\n]' imageio-daemon | grep -c -e firewalld -e '\.conf$' -e tmpfiles)" -eq 0 ]
}

upgrade_leaves_ours() {
    dnf_in --enablerepo=newer upgrade && is_installed imageio-daemon ovirt-imageio-common-2.5.4 && ! is_installed ovirt-imageio-daemon
}

# Usage: swap_back PACKAGE...
swap_back() {
    dnf_in swap imageio-daemon ovirt-imageio-daemon && is_installed ovirt-imageio-daemon "$@" && ! is_installed imageio-daemon &&
        in_guest rpm -V --nodeps --nomtime ovirt-imageio-daemon &&
        in_guest sh -c 'sha256sum /etc/ovirt-imageio/conf.d/*' | diff "$work/conf.d" - &&
        [ "$(cat "$guest/var/log/ovirt-imageio/daemon.log.1")" = old ]
}

# Usage: resolves PACKAGE...: with ours in the place of the reference's daemon
resolves() {
    for package in "$@"; do
        layer resolves && dnf_in install imageio-daemon "$package" && is_installed imageio-daemon &&
            ! is_installed ovirt-imageio-daemon || { power_off; return 1; }
        power_off
        rm -rf "$work/layers/resolves"
    done
}

account_is_left_as_it_is() {
    layer account && in_guest sh -c 'groupadd -g 4321 ovirtimg && useradd -u 4321 -g ovirtimg -d /elsewhere -s /bin/sh ovirtimg' &&
        dnf_in install imageio-daemon && [ "$(in_guest getent passwd ovirtimg)" = "ovirtimg:x:4321:4321::/elsewhere:/bin/sh" ] &&
        dnf_in remove imageio-daemon && in_guest getent passwd ovirtimg
}

account_is_made() {
    layer made && dnf_in install imageio-daemon && in_guest getent passwd ovirtimg | grep ':/sbin/nologin$' &&
        in_guest getent group ovirtimg
}

preset_decides_at_the_first_installation() {
    layer preset && echo 'enable ovirt-imageio.service' >"$guest/etc/systemd/system-preset/10-test.preset" &&
        dnf_in install imageio-daemon && [ "$(in_guest systemctl is-enabled ovirt-imageio.service)" = enabled ] &&
        dnf_in remove imageio-daemon && [ ! -e "$guest/etc/systemd/system/multi-user.target.wants/ovirt-imageio.service" ]
}

no_configuration_is_said_at_the_start() {
    in_guest ovirt-imageio >"$work/said" 2>&1
    [ $? -eq 1 ] && grep -F /etc/ovirt-imageio/README "$work/said" && grep -F key_file "$work/said" && grep -F cert_file "$work/said"
}

update_from_0_0() {
    layer older && dnf_in --enablerepo=older install imageio-daemon-0.0 && in_guest systemctl enable ovirt-imageio-daemon.service &&
        echo '# mine' >>"$guest/etc/ovirt-imageio/conf.d/50-imageio.conf" && dnf_in upgrade imageio-daemon &&
        is_installed "imageio-daemon-$version" && [ "$(in_guest systemctl is-enabled ovirt-imageio.service)" = enabled ] &&
        [ ! -e "$guest/etc/systemd/system/multi-user.target.wants/ovirt-imageio-daemon.service" ] &&
        grep -r '# mine' "$guest/etc/ovirt-imageio/conf.d"
}

proxies_exclude_each_other() {
    layer proxies && dnf_in install ovirt-imageio-proxy && ! dnf_in install imageio-proxy && dnf_in swap ovirt-imageio-proxy imageio-proxy &&
        is_installed imageio-proxy && ! is_installed ovirt-imageio-proxy
}

firewalld_comes_later() {
    layer firewalld && dnf_in install imageio-daemon && dnf_in install firewalld && is_installed imageio-daemon firewalld
}

client_beside_the_references() {
    layer client && dnf_in install ovirt-host-dependencies imageio-client &&
        is_installed imageio-client ovirt-imageio-client && ! dnf_in install imageio-ovirt-img
}

other_name_without_ovirt() {
    layer ovirt-img && dnf_in install imageio-ovirt-img && is_installed imageio-client imageio-ovirt-img &&
        ! dnf_in install ovirt-imageio-client
}

# make install runs the same accounts.sh.
tarball_makes_accounts() {
    layer tarball && mkdir "$guest/tarball" && tar -C "$guest/tarball" --strip-components=1 -xzf "dist/imageio-$version-linux-x64.tar.gz" &&
        in_guest /tarball/install.sh && in_guest getent passwd ovirtimg imageio-proxy &&
        [ "$(in_guest stat -c '%a %U:%G' /var/log/ovirt-imageio /var/log/ovirt-imageio-proxy | tr '\n' ' ')" = \
            "755 ovirtimg:ovirtimg 750 imageio-proxy:imageio-proxy " ]
}

# Usage: check_swap WHAT PACKAGE...
check_swap() {
    where=$1
    shift
    check "A mock $where with the reference installs" from_reference "$where" "$@"
    check "$where: dnf install of ours alone is refused" install_alone_is_refused
    check "$where: dnf upgrade with ours in a repository leaves the reference" upgrade_leaves_the_reference
    check "$where: dnf swap to ours resolves, and all else stays as it is" swap_to_ours "$@"
    check "$where: Installed files are those of the package" ours_are_as_packaged
    check "$where: dnf swap back resolves, and all else stays as it is" swap_back "$@"
    check "$where: dnf swap to ours works again" swap_to_ours "$@"
    check "$where: dnf upgrade to a newer reference leaves ours" upgrade_leaves_ours
    power_off
}

if ! command -v createrepo_c >/dev/null || ! command -v mmdebstrap >/dev/null || ! command -v rpmbuild >/dev/null; then
    skip "dnf swaps the reference for ours" "there is no createrepo_c, mmdebstrap or rpmbuild"
elif ! make_guest_root >"$results/guest.log" 2>&1; then
    tail -n 20 "$results/guest.log"
    skip "dnf swaps the reference for ours" "no guest could be made"
else
    have_guest=yes
    # One word a package.
    # shellcheck disable=SC2086
    check_swap host $host_packages
    # shellcheck disable=SC2086
    check_swap Engine $engine_packages
    check "Ours stands in for the daemon that each vdsm and Engine in scope requires" \
        resolves vdsm-4.40.17 vdsm-4.40.25 vdsm-4.50.5 ovirt-engine-4.4.0 ovirt-engine-4.4.0.1 ovirt-engine-4.5.7
    check "An account ovirtimg that is there stays as it is, and stays after removal" account_is_left_as_it_is
    power_off
    check "An account ovirtimg is made where there is none" account_is_made
    check "Without a configuration a start names the README and the lines that it needs" no_configuration_is_said_at_the_start
    power_off
    check "The system's preset decides at the first installation, and removal disables" preset_decides_at_the_first_installation
    power_off
    check "An update from version 0.0 goes on under the new name" update_from_0_0
    power_off
    check "The proxies' packages exclude each other" proxies_exclude_each_other
    power_off
    check "The client installs beside the reference's, and its other name does not" client_beside_the_references
    power_off
    check "The client's other name installs where there is no oVirt" other_name_without_ovirt
    power_off
    check "install.sh of the tarball makes the accounts and the directories for logs" tarball_makes_accounts
    power_off
    check "firewalld, which has the daemon's service, installs beside ours" firewalld_comes_later
    power_off
fi
