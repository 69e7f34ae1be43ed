#!/bin/sh
# Usage: client-package.sh deb|rpm|tar
#
# Packages of the client, imageio-client and imageio-ovirt-img, into dist, of what `make client` made. RID: linux-x64 (default) or linux-arm64; for
# tar also win-x64 and osx-arm64.
set -eu
cd -- "$(dirname -- "$0")/.."
kind=$1
rid=${RID:-linux-x64}
version=$(build/version.sh)
SOURCE_DATE_EPOCH=$(build/version.sh --date)
export SOURCE_DATE_EPOCH
umask 022
[ -d "out/client/$rid" ] || build/publish-client.sh "$rid"

work=$PWD/out/client-package
root=$work/root
rm -rf "$work"
mkdir -p "$work" dist

case $kind in
    tar)
        cp -R "out/client/$rid" "$work/imageio-client-$version"
        cp LICENSE "$work/imageio-client-$version/"
        tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
            -czf "dist/imageio-client-$version-$rid.tar.gz" "imageio-client-$version"
        ;;
    deb)
        build/install-tools.sh dpkg-deb
        case $rid in linux-x64) architecture=amd64 ;; linux-arm64) architecture=arm64 ;; esac
        make --no-print-directory install-client DESTDIR="$root" CLIENT_RID="$rid" >/dev/null
        rm -f "$root/usr/share/doc/imageio-client/LICENSE"
        mv "$root/usr/share/doc/imageio-client/CHANGELOG.md" "$work/changelog"
        mkdir -p "$work/other/usr/bin" "$work/other/usr/share/man/man1" "$work/other/usr/share/doc/imageio-ovirt-img"
        mv "$root/usr/bin/ovirt-img" "$work/other/usr/bin/"
        mv "$root/usr/share/man/man1/ovirt-img.1.gz" "$work/other/usr/share/man/man1/"
        for package in imageio-client imageio-ovirt-img; do
            [ $package = imageio-client ] || { root=$work/other && architecture=all; }
            gzip -9nc "$work/changelog" >"$root/usr/share/doc/$package/changelog.gz"
            cp packaging/deb/copyright "$root/usr/share/doc/$package/copyright"
            mkdir "$root/DEBIAN"
            size=$(du -sk "$root/usr" | cut -f 1)
            sed "s/@VERSION@/$version/; s/@ARCHITECTURE@/$architecture/; s/@SIZE@/$size/" packaging/deb/$package.control \
                >"$root/DEBIAN/control"
            dpkg-deb --root-owner-group -b "$root" "dist/${package}_${version}_$architecture.deb" >/dev/null
        done
        ;;
    rpm)
        build/install-tools.sh rpmbuild
        case $rid in linux-x64) architecture=x86_64 ;; linux-arm64) architecture=aarch64 ;; esac
        make --no-print-directory install-client DESTDIR="$root" CLIENT_RID="$rid" >/dev/null
        sed "s/@VERSION@/$version/" packaging/rpm/imageio-client.spec.in >"$work/imageio-client.spec"
        rpmbuild -bb --quiet --target "$architecture" --define "_topdir $work/rpm" --define "tree $root" \
            "$work/imageio-client.spec"
        mv "$work"/rpm/RPMS/*/*.rpm dist/
        ;;
    *) echo "client-package.sh: deb, rpm or tar, not $kind" >&2; exit 2 ;;
esac
ls dist/imageio-client* dist/imageio-ovirt-img* 2>/dev/null || :
