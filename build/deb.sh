#!/bin/sh
# Debian packages from the compiled tarball, into dist.
#
# RID: linux-x64 (default) or linux-arm64.
set -eu
cd -- "$(dirname -- "$0")/.."
build/install-tools.sh dpkg-deb
rid=${RID:-linux-x64}
version=$(build/version.sh)
SOURCE_DATE_EPOCH=$(build/version.sh --date)
export SOURCE_DATE_EPOCH
umask 022

case $rid in
    linux-x64) architecture=amd64 ;;
    linux-arm64) architecture=arm64 ;;
    *) echo "deb.sh: no Debian architecture is known for $rid" >&2; exit 1 ;;
esac
tarball=dist/imageio-$version-$rid.tar.gz
[ -e "$tarball" ] || { build/publish.sh "$rid" && build/dist.sh "$rid"; }
[ -e "out/packages/ImageIO.Core.$version.nupkg" ] || make --no-print-directory pack

work=out/deb
rm -rf $work
mkdir -p $work
tar -C $work -xzf "$tarball"
root=$work/imageio-$version-$rid/root

# Usage: take PACKAGE PATH...: what the package has of the installed files; patterns are the shell's
take() {
    package=$1
    shift
    for path in "$@"; do
        mkdir -p "$work/$package/$(dirname "$path")"
        mv "$root"/$path "$work/$package/$(dirname "$path")/"
    done
}

take imageio-backend-rbd usr/lib/ovirt-imageio/backends/rbd
take imageio-daemon usr/bin/ovirt-imageio usr/bin/ovirt-imageio-daemon usr/bin/ovirt-imageioctl \
    usr/lib/imageio/ovirt-imageio usr/lib/imageio/ovirt-imageio.* 'usr/lib/imageio/ovirt-imageioctl*' \
    'usr/lib/imageio/ImageIO.Backends.*' usr/lib/imageio/ImageIO.Control.dll usr/lib/systemd/system/ovirt-imageio.service \
    usr/lib/ovirt-imageio etc/ovirt-imageio usr/share/man/man8/ovirt-imageio.8.gz usr/share/man/man8/ovirt-imageioctl.8.gz \
    usr/share/man/man5/ovirt-imageio.conf.5.gz
take imageio-proxy usr/bin/ovirt-imageio-proxy 'usr/lib/imageio/ovirt-imageio-proxy*' \
    usr/lib/systemd/system/ovirt-imageio-proxy.service usr/lib/sysusers.d/ovirt-imageio-proxy.conf \
    usr/lib/tmpfiles.d/ovirt-imageio-proxy.conf usr/lib/firewalld/services/ovirt-imageio-proxy.xml \
    etc/ovirt-imageio-proxy usr/share/man/man8/ovirt-imageio-proxy.8.gz usr/share/man/man5/ovirt-imageio-proxy.conf.5.gz
take imageio-runtime usr/lib/imageio
docs=usr/share/doc/imageio
mkdir -p $work/imageio-daemon/usr/share/doc/imageio-daemon $work/imageio-proxy/usr/share/doc/imageio-proxy \
    $work/imageio-dev/usr/share/doc/imageio-dev $work/imageio-backend-rbd/usr/share/doc/imageio-backend-rbd
cp "$root"/$docs/backends/writing-a-backend.md $work/imageio-dev/usr/share/doc/imageio-dev/
cp "$root"/$docs/backends/rbd.md $work/imageio-backend-rbd/usr/share/doc/imageio-backend-rbd/
for page in proxy.md pki.md deployment.md balancers kubernetes; do
    mv "$root/$docs/$page" $work/imageio-proxy/usr/share/doc/imageio-proxy/
done
find "$root/$docs" -mindepth 1 -maxdepth 1 ! -name LICENSE ! -name CHANGELOG.md ! -name THIRD-PARTY-NOTICES.txt ! -name sbom.cdx.json \
    -exec mv {} $work/imageio-daemon/usr/share/doc/imageio-daemon/ \;
# Its name in Debian for what rpm calls devel.
mkdir -p $work/imageio-dev/usr/share/imageio-dev/packages
install -m 644 out/packages/*."$version".nupkg $work/imageio-dev/usr/share/imageio-dev/packages/

if rest=$(find "$root" ! -type d ! -path '*/share/doc/*') && [ -n "$rest" ]; then
    echo "deb.sh: no package takes $rest" >&2
    exit 1
fi

rm -f dist/imageio-*_"$version"_*.deb
mkdir -p dist
for package in imageio-runtime imageio-daemon imageio-proxy imageio-dev imageio-backend-rbd; do
    directory=$work/$package
    doc=$directory/usr/share/doc/$package
    mkdir -p "$doc" "$directory/DEBIAN"
    # Not LICENSE itself: Debian has that text once, where the copyright file says.
    cp "$root/usr/share/doc/imageio/sbom.cdx.json" "$root/usr/share/doc/imageio/THIRD-PARTY-NOTICES.txt" "$doc/"
    gzip -9nc CHANGELOG.md >"$doc/CHANGELOG.md.gz"
    cp packaging/deb/copyright "$doc/copyright"
    printf 'imageio (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.gz.\n\n -- ImageIO contributors <imageio@example.org>  %s\n' \
        "$version" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.gz"
    sed -e "s/@VERSION@/$version/g; s/@ARCHITECTURE@/$architecture/g" \
        -e "s/@SIZE@/$(du -sk --apparent-size "$directory" | cut -f 1)/" "packaging/deb/$package.control" >"$directory/DEBIAN/control"
    for script in preinst postinst prerm postrm; do
        [ -e "packaging/deb/$package.$script" ] || continue
        install -m 755 "packaging/deb/$package.$script" "$directory/DEBIAN/$script"
    done
    if [ -e "packaging/deb/$package.lintian-overrides" ]; then
        mkdir -p "$directory/usr/share/lintian/overrides"
        install -m 644 "packaging/deb/$package.lintian-overrides" "$directory/usr/share/lintian/overrides/$package"
    fi
    # Upgrades ask before they replace what an administrator changed.
    (cd "$directory" && find etc -type f ! -name README 2>/dev/null | sed 's:^:/:' >DEBIAN/conffiles)
    [ -s "$directory/DEBIAN/conffiles" ] || rm "$directory/DEBIAN/conffiles"
    (cd "$directory" && find etc usr -type f 2>/dev/null | LC_ALL=C sort | xargs md5sum >DEBIAN/md5sums)
    find "$directory" -exec touch --no-dereference -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --build "$directory" dist >/dev/null
done
rm -rf $work
ls -l dist/*_"$version"_*.deb | awk '{ print $9 ": " $5 " bytes" }'
