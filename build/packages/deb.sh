# shellcheck shell=sh disable=SC2154,SC2016
# Sourced by check-packages.sh: the Debian packages, in a root of their own and in a fresh Debian.

chroot=$work/chroot
debs=$(for package in $packages; do ls "$PWD/dist/imageio-$(echo "$package" | sed 's/^devel$/dev/')_${version}"_*.deb; done)

# Usage: deb_contents PACKAGE LIST
deb_contents() {
    dpkg-deb -c dist/"$1"_"$version"_*.deb | awk '{ sub("/", ":", $2); sub("^[.]", "", $6); if ($6 != "/") sub("/$", "", $6); print $1, $2, $6 }' |
        build/packages/contents.sh deb "$2"
}

debs_stand_in_for_the_references() {
    [ "$(dpkg-deb -f "dist/imageio-daemon_${version}_amd64.deb" Provides)" = "ovirt-imageio-daemon (= 2.5.3-1)" ] || return 1
    for package in daemon proxy; do
        for relation in Conflicts Replaces; do
            [ "$(dpkg-deb -f "dist/imageio-${package}_${version}_amd64.deb" $relation)" = ovirt-imageio-$package ] || return 1
        done
    done
}

unpack_debs() {
    for package in $(echo "$packages" | sed 's/ *devel//'); do
        dpkg-deb -x dist/imageio-"${package}_${version}"_*.deb "$work/deb" || return 1
    done
}

lintian_finds_no_error() {
    # shellcheck disable=SC2086
    lintian --fail-on error $debs
}

fresh_debian() {
    # The mirror is that of this machine.
    mmdebstrap --quiet --variant=minbase --include=libssl3,libstdc++6,passwd "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$chroot"
}

# Usage: in_chroot COMMAND...
in_chroot() {
    chroot "$chroot" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}

# What is there, but for what dpkg and ldconfig write about themselves, the copies that useradd keeps of what it changes, and
# temporary files: a daemon that dropped its rights cannot remove the diagnostic sockets that .NET opened as root.
snapshot() {
    (cd "$chroot" && find . -xdev ! -path './proc/*' ! -path './var/tmp/*' ! -path './var/lib/dpkg/*' ! -path './var/log/dpkg.log' \
        ! -path './var/log/alternatives.log' ! -path './packages*' ! -path './etc/*-' ! -path './tmp/*' ! -path './var/cache/ldconfig/*' \
        -printf '%M %u:%g %P\n' | LC_ALL=C sort)
    (cd "$chroot" && LC_ALL=C sort etc/passwd etc/group etc/shadow etc/gshadow)
}

install_debs() {
    mkdir -p "$chroot/packages"
    # shellcheck disable=SC2086
    cp $debs "$chroot/packages/" && in_chroot sh -c 'dpkg --install /packages/*.deb'
}

accounts_and_logs() {
    [ "$(in_chroot stat -c '%A %U:%G' /var/log/ovirt-imageio /var/log/ovirt-imageio-proxy | tr '\n' ' ')" = \
        "drwxr-xr-x ovirtimg:ovirtimg drwxr-x--- imageio-proxy:imageio-proxy " ]
}

upgrade_keeps_configuration() {
    conf=$chroot/etc/ovirt-imageio-proxy/ovirt-imageio-proxy.conf
    echo '# mine' >>"$conf" && install_debs && grep -F '# mine' "$conf"
}

# As root, with privileges dropped: what happens without systemd.
daemon_drops_privileges() {
    prepare "$chroot" || return 1
    sed -i '/^drop_privileges/d' "$run"/conf.d/* && chmod 755 "$run" && chmod 600 "$run/key.pem" || return 1
    start "$chroot" ovirt-imageio --conf-dir "$seen" || return 1
    user=$(in_chroot id -u ovirtimg)
    grep -P "^Uid:\t$user\t$user\t$user\t$user" "/proc/$pid/status" && stop $pid || { cat "$log"; return 1; }
}

# librbd is not there, which the daemon says while it serves all else.
daemon_finds_the_backend() {
    prepare "$chroot" && start "$chroot" ovirt-imageio --conf-dir "$seen" || return 1
    # The daemon serves before it lists its backends.
    eventually grep 'Backend rbd .* is unavailable: .* install librados2' "$log" && stop $pid || { cat "$log"; return 1; }
}

purge_leaves_nothing() {
    # The file that the documentation tells an administrator to write.
    printf '[tls]\n' >"$chroot/etc/ovirt-imageio/conf.d/99-local.conf"
    in_chroot dpkg --purge imageio-backend-rbd imageio-daemon imageio-proxy imageio-dev imageio-runtime || return 1
    rm -rf "$chroot/packages"
    # It stays, as with the reference's package: images on shared storage are its.
    in_chroot getent passwd ovirtimg && in_chroot userdel ovirtimg || return 1
    snapshot >"$work/after"
    diff "$work/before" "$work/after"
}

# It has the service ovirt-imageio, which ours must not bring as well.
firewalld_installs_after_ours() {
    install_debs && in_chroot apt-get install --yes --quiet --no-install-recommends firewalld &&
        in_chroot dpkg -S /usr/lib/firewalld/services/ovirt-imageio.xml | grep '^firewalld:' &&
        [ "$(in_chroot dpkg-query --show --showformat '${db:Status-Status} ' imageio-daemon imageio-proxy firewalld)" = \
            "installed installed installed " ]
}

for package in $packages; do
    name=imageio-$(echo "$package" | sed 's/^devel$/dev/')
    check "$name.deb has every path, mode and owner of the list and no other" deb_contents "$name" "$package"
done
check "The Debian packages stand in for the reference's and exclude them" debs_stand_in_for_the_references
check "The Debian packages unpack into an empty root" unpack_debs
check "The Debian packages name no path of the machine that made them" no_path_of_the_builder "$work/deb"
check_programs "the Debian packages" "$work/deb"
check_with lintian "lintian finds no error" lintian_finds_no_error

if ! command -v mmdebstrap >/dev/null; then
    skip "The Debian packages install, upgrade and purge in a fresh Debian" "there is no mmdebstrap"
elif ! fresh_debian >"$results/mmdebstrap.log" 2>&1; then
    tail -n 20 "$results/mmdebstrap.log"
    skip "The Debian packages install, upgrade and purge in a fresh Debian" "mmdebstrap made none"
else
    mount -t proc proc "$chroot/proc" || echo "There is no /proc in it."
    snapshot >"$work/before"
    check "The Debian packages install in a fresh Debian" install_debs
    check "They make the accounts and their directories" accounts_and_logs
    check_programs "a fresh Debian" "$chroot"
    check "The daemon drops root's privileges in a fresh Debian" daemon_drops_privileges
    check "The daemon finds the backend that has a package of its own" daemon_finds_the_backend
    check "They upgrade over themselves and keep changed configuration files" upgrade_keeps_configuration
    rm -rf "$chroot/var/tmp/run"
    check "They purge and leave nothing behind" purge_leaves_nothing
    if in_chroot apt-get update --quiet >"$results/apt.log" 2>&1; then
        check "Debian's own firewalld installs after ours" firewalld_installs_after_ours
    else
        skip "Debian's own firewalld installs after ours" "there is no Debian mirror"
    fi
fi
