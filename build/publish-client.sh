#!/bin/sh
# Usage: publish-client.sh RID [native|trimmed]
#
# The client, imageio, for machines without .NET into out/client/RID. native: one program of machine code, which starts
# in a few milliseconds; only for the platform that this runs on, because it takes that platform's linker. trimmed: one file
# with the runtime that it needs, for linux-x64, linux-arm64, win-x64 and osx-arm64. Default: native on linux-x64 and
# linux-arm64 where they are this machine's, else trimmed.
set -eu
cd -- "$(dirname -- "$0")/.."
rid=$1
case $(uname -s)-$(uname -m) in
    Linux-x86_64) own=linux-x64 ;;
    Linux-aarch64) own=linux-arm64 ;;
    *) own= ;;
esac
linker=$(command -v clang || command -v gcc || :)
kind=${2:-$([ "$rid" = "$own" ] && [ -n "$linker" ] && echo native || echo trimmed)}
out=out/client/$rid

rm -rf "$out"
# PathMap: no file tells where it was built.
dotnet publish ImageIO.Cli -c Release -r "$rid" -o "$out" --nologo -v quiet "-p:PublishClient=$kind" \
    -p:DebugType=none -p:RunAnalyzers=false -p:ContinuousIntegrationBuild=true "-p:PathMap=$PWD/=/_/"
rm -f "$out"/*.dbg "$out"/*.xml
# Package files come with any modes.
find "$out" -type f -exec chmod 644 {} +
chmod 755 "$out"/imageio*
ls -l "$out"
