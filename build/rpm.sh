#!/bin/sh
# Source and binary rpms from the source tarball alone, into dist.
#
# PUBLISHED=yes: take the programs from out/publish, where `make dist` has just compiled the same sources.
# NUGET_PACKAGES: a directory with all packages that the build needs (make vendor), for a build without a network.
set -eu
cd -- "$(dirname -- "$0")/.."
build/install-tools.sh rpmbuild
version=$(build/version.sh)
tarball=dist/imageio-$version.tar.gz
[ -e "$tarball" ] || build/dist.sh source

top=$PWD/out/rpm
rm -rf "$top"
# Where rpm is a guest, as on Debian, its database does not know the SDK that is there.
options=
rpm -q rpm >/dev/null 2>&1 || options=--nodeps
if [ "${PUBLISHED:-}" = yes ]; then
    [ -d out/publish/linux-x64 ] || build/publish.sh linux-x64
    [ -e "out/packages/ImageIO.Core.$version.nupkg" ] || make --no-print-directory pack
    published=$PWD/out
fi
rpmbuild -ta $options --quiet --define "_topdir $top" --define "dist %{nil}" \
    ${published:+--define "published $published"} ${NUGET_PACKAGES:+--define "nuget_packages $NUGET_PACKAGES"} "$tarball" >"$PWD/out/rpm.log" 2>&1 || {
    tail -n 40 "$PWD/out/rpm.log" >&2
    exit 1
}
rm -f dist/imageio*-"$version"-*.rpm
mkdir -p dist
mv "$top"/SRPMS/*.rpm "$top"/RPMS/*/*.rpm dist/
rm -rf "$top"
ls -l dist/*.rpm | awk '{ print $9 ": " $5 " bytes" }'
