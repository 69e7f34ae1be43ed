# shellcheck shell=sh disable=SC2154
# Sourced by check-packages.sh: the compiled tarballs.

# Usage: install_tarball RID: into $work/RID, which is empty
install_tarball() {
    mkdir -p "$work/$1.tarball" && tar -C "$work/$1.tarball" -xzf "dist/imageio-$version-$1.tar.gz" &&
        DESTDIR="$work/$1" "$work/$1.tarball/imageio-$version-$1/install.sh"
}

# Usage: tarball_contents RID
tarball_contents() {
    find "$work/$1" -mindepth 1 -printf '%M %u:%g /%P\n' | build/packages/contents.sh tar runtime daemon proxy backend-rbd tarball
}

# Usage: tarball_has_notices RID
tarball_has_notices() {
    (cd "$work/$1.tarball/imageio-$version-$1" && [ -s LICENSE ] && [ -s THIRD-PARTY-NOTICES.txt ] && [ -s README.md ] &&
        grep -F '"CycloneDX"' sbom.cdx.json && grep -F "Microsoft.NETCore.App.Runtime.$1" sbom.cdx.json)
}

# Usage: machine_is RID NUMBER: all native files are for that machine (e_machine of elf(5))
machine_is() {
    find "$work/$1/usr/lib/imageio" -type f ! -name '*.dll' ! -name '*.json' | while read -r file; do
        [ "$(od -A n -j 18 -N 2 -t u2 "$file" | tr -d ' ')" = "$2" ] || { echo "$file is for another machine"; exit 1; }
    done
}

# Usage: no_path_of_the_builder DIRECTORY
no_path_of_the_builder() {
    ! grep -rlF -e "$PWD/" -e "$HOME/.nuget" "$1"
}

administrators_changes_stay() {
    conf=$work/linux-x64/etc/ovirt-imageio-proxy/ovirt-imageio-proxy.conf
    echo '# mine' >>"$conf" && DESTDIR="$work/linux-x64" "$work/linux-x64.tarball/imageio-$version-linux-x64/install.sh" &&
        grep -F '# mine' "$conf" && ! grep -F '# mine' "$conf.new"
}

for rid in linux-x64 linux-arm64; do
    check "The tarball for $rid installs into an empty root" install_tarball $rid
    check "The tarball for $rid has every path, mode and owner of the list and no other" tarball_contents $rid
    check "The tarball for $rid brings its licences and the list of packages" tarball_has_notices $rid
    check "The tarball for $rid names no path of the machine that made it" no_path_of_the_builder "$work/$rid"
    check "Programs for $rid refer to nothing that was left out" \
        dotnet run build/tools/CheckReferences.cs -- "$work/$rid/usr/lib/imageio"
done
check "The tarball for linux-x64 is for x86-64" machine_is linux-x64 62
check "The tarball for linux-arm64 is for arm64" machine_is linux-arm64 183
check_programs "the tarball" "$work/linux-x64"
check "Installing again keeps what an administrator changed" administrators_changes_stay
