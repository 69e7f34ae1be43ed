#!/bin/sh
# Usage: install.sh [--remove]
#
# Installs ImageIO from this unpacked tarball, or removes it. As root; the paths are those of the packages, and installing
# again is how to upgrade. Configuration files that an administrator changed stay as they are, and the new one is put beside
# as FILE.new; --remove leaves /etc/ovirt-imageio, /etc/ovirt-imageio-proxy, the logs and the users.
#
# DESTDIR: install below this directory instead of /, without users and without touching services.
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
DESTDIR=${DESTDIR:-}
units="ovirt-imageio.service ovirt-imageio-proxy.service"

die() {
    echo "install.sh: $1" >&2
    exit 1
}

systemd_runs() {
    [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]
}

# The installed files are those of root/, file by file: nothing else is touched.
remove() {
    if systemd_runs; then
        # shellcheck disable=SC2086
        systemctl disable --now $units 2>/dev/null || true
    fi
    (cd "$here/root" && find usr ! -type d) | while read -r path; do
        rm -f "$DESTDIR/$path"
    done
    # What a newer or older version had in there goes, too; plugins elsewhere stay.
    rm -rf "$DESTDIR/usr/lib/imageio" "$DESTDIR/usr/share/doc/imageio" "$DESTDIR/etc/ovirt-imageio/README"
    (cd "$DESTDIR/usr/lib" && rmdir ovirt-imageio/conf.d ovirt-imageio/backends/rbd ovirt-imageio/backends ovirt-imageio 2>/dev/null) || true
    ! systemd_runs || systemctl daemon-reload
    echo "Removed. /etc/ovirt-imageio*, /var/log/ovirt-imageio* and the users ovirtimg and imageio-proxy are left."
}

[ -d "$here/root" ] || die "there is no directory root beside this script"
[ -n "$DESTDIR" ] || [ "$(id -u)" -eq 0 ] || die "run it as root, or set DESTDIR"
case ${1:-} in
    "") ;;
    --remove) remove; exit ;;
    *) die "usage: install.sh [--remove]" ;;
esac

umask 022
# Programs that run have these files open, and go on with what they have; unlinked, not overwritten.
rm -rf "$DESTDIR/usr/lib/imageio"
(cd "$here/root" && find . -type d) | while read -r directory; do
    [ -d "$DESTDIR/$directory" ] || mkdir -p "$DESTDIR/$directory"
done
(cd "$here/root" && find usr ! -type d) | while read -r path; do
    rm -f "$DESTDIR/$path"
    cp -P --preserve=mode,timestamps "$here/root/$path" "$DESTDIR/$path"
done
cp --preserve=mode "$here/root/etc/ovirt-imageio/README" "$DESTDIR/etc/ovirt-imageio/README"
(cd "$here/root" && find etc -type f ! -name README) | while read -r path; do
    if [ ! -e "$DESTDIR/$path" ]; then
        cp --preserve=mode "$here/root/$path" "$DESTDIR/$path"
    elif ! cmp -s "$here/root/$path" "$DESTDIR/$path"; then
        cp --preserve=mode "$here/root/$path" "$DESTDIR/$path.new"
        echo "Kept /$path; what this version brings is in /$path.new"
    fi
done

[ -n "$DESTDIR" ] || "$here/accounts.sh"
if systemd_runs; then
    systemctl daemon-reload
    # An upgrade restarts what runs, and starts nothing else.
    # shellcheck disable=SC2086
    systemctl try-restart $units
fi
echo "Installed. Set key_file and cert_file in /etc/ovirt-imageio/conf.d/99-local.conf, then: systemctl enable --now ovirt-imageio"
