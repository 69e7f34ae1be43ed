#!/bin/sh
# Usage: publish.sh linux-x64|linux-arm64
#
# All programs with the one runtime that they share, for hosts without .NET, into out/publish/RID; beside it, in
# out/publish/RID.notices, the list of what is in there and its licences, and in out/publish/RID.backends the plugins that have
# packages of their own.
set -eu
cd -- "$(dirname -- "$0")/.."
rid=$1
out=out/publish/$rid
version=$(build/version.sh)
SOURCE_DATE_EPOCH=$(build/version.sh --date)
export SOURCE_DATE_EPOCH

rm -rf "$out" "$out.notices" "$out.backends"
for project in ImageIO.Web ImageIO.Proxy ImageIO.Ctl; do
    # PathMap: no file tells where it was built. The sources' style is make check's affair, and half of the compiler's time.
    dotnet publish $project -c Release -r "$rid" --self-contained -o "$out" --nologo -v quiet \
        -p:DebugType=none -p:RunAnalyzers=false -p:ContinuousIntegrationBuild=true "-p:PathMap=$PWD/=/_/"
done
# The same code for every machine.
dotnet publish ImageIO.Backends.Rbd -c Release -o "$out.backends/rbd" --nologo -v quiet \
    -p:DebugType=none -p:RunAnalyzers=false -p:ContinuousIntegrationBuild=true "-p:PathMap=$PWD/=/_/"
# For the development server only.
rm -f "$out"/*.staticwebassets.endpoints.json
# Packages' files come with any modes.
find "$out" "$out.backends" -type f -exec chmod 644 {} +
chmod 755 "$out"/ovirt-imageio "$out"/ovirt-imageioctl "$out"/ovirt-imageio-proxy "$out"/createdump

dotnet run build/tools/Sbom.cs -- "$out.notices" "$version" "$out"
