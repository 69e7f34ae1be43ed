#!/bin/sh
# Usage: check-openssl11.sh [ARGUMENT of dotnet test]...
#
# Runs the tests of TLS again with OpenSSL 1.1.1, which hosts of the EL8 family have: that of Debian 11, as it is in its
# package. The tests must be built. Exit status 77: the package cannot be had.
set -eu
cd -- "$(dirname -- "$0")/.."

# Two files of the package, as others beside them are of an older system than this one.
libraries=$PWD/out/openssl-1.1
if ! [ -d "$libraries" ]; then
    build/install-tools.sh mmdebstrap || exit 77
    mkdir -p out
    work=$(mktemp -d out/openssl-1.1.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    mmdebstrap --quiet --variant=extract --include=libssl1.1 bullseye "$work/root" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        exit 77
    }
    mkdir "$work/lib"
    find "$work/root" \( -name libssl.so.1.1 -o -name libcrypto.so.1.1 \) -exec cp {} "$work/lib" \;
    mv "$work/lib" "$libraries"
fi

IMAGEIO_TEST_OPENSSL=1.1 DOTNET_OPENSSL_VERSION_OVERRIDE=1.1 LD_LIBRARY_PATH=$libraries \
    dotnet test ImageIO.Tests/bin/Release/net10.0/ImageIO.Tests.dll --nologo --filter "Tls=EachOpenSsl&Speed!=Slow" "$@"
