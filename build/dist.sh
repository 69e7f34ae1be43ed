#!/bin/sh
# Usage: dist.sh source|linux-x64|linux-arm64
#
# source: dist/imageio-VERSION.tar.gz from what git tracks, as it lies in the working tree, with the spec file, the list of
# packages and their licences. Otherwise dist/imageio-VERSION-RID.tar.gz from what publish.sh made. The same input gives
# the same bytes: order, times, owners and modes are fixed.
set -eu
cd -- "$(dirname -- "$0")/.."
what=$1
version=$(build/version.sh)
SOURCE_DATE_EPOCH=$(build/version.sh --date)
export SOURCE_DATE_EPOCH
umask 022

# Usage: pack DIRECTORY: out/dist/DIRECTORY becomes dist/DIRECTORY.tar.gz
pack() {
    mkdir -p dist
    tar -C out/dist --format=ustar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
        --mode=u=rwX,go=rX -cf - "$1" | gzip -9n >"dist/$1.tar.gz.new"
    mv "dist/$1.tar.gz.new" "dist/$1.tar.gz"
    printf 'dist/%s.tar.gz: %s bytes\n' "$1" "$(stat -c %s "dist/$1.tar.gz")"
}

if [ "$what" = source ]; then
    name=imageio-$version
    stage=out/dist/$name
    rm -rf "$stage"
    mkdir -p "$stage"
    git ls-files -z | tar --null --files-from=- -cf - | tar -C "$stage" -xf -
    # rpmbuild -ta takes the version from the spec file, and cannot ask anybody for it.
    sed "s/@VERSION@/$version/g" packaging/rpm/imageio.spec.in >"$stage/imageio.spec"
    [ -d "${NUGET_PACKAGES:-$HOME/.nuget/packages}/scrutor" ] || dotnet restore ImageIO.slnx -v quiet --nologo
    dotnet run build/tools/Sbom.cs -- "$stage" "$version"
else
    name=imageio-$version-$what
    stage=out/dist/$name
    rm -rf "$stage"
    mkdir -p "$stage"
    make -s install DESTDIR="$PWD/$stage/root" LIB="out/publish/$what" NOTICES="out/publish/$what.notices"
    cp LICENSE "out/publish/$what.notices/sbom.cdx.json" "out/publish/$what.notices/THIRD-PARTY-NOTICES.txt" "$stage"
    cp docs/installation.md "$stage/README.md"
    cp packaging/install.sh packaging/accounts.sh "$stage"
    chmod 755 "$stage/install.sh" "$stage/accounts.sh"
fi
pack "$name"
