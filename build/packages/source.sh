# shellcheck shell=sh disable=SC2154
# Sourced by check-packages.sh: the tarball of the sources.

source_tarball=dist/imageio-$version.tar.gz

same_bytes_twice() {
    cp "$source_tarball" "$work/first.tar.gz" && build/dist.sh source && cmp "$work/first.tar.gz" "$source_tarball"
}

# What git tracks and what dist.sh adds; nothing else.
all_tracked_files() {
    { git ls-files; printf '%s\n' imageio.spec sbom.cdx.json THIRD-PARTY-NOTICES.txt; } | LC_ALL=C sort >"$work/expected"
    tar -tzf "$source_tarball" | sed -n "s:^imageio-$version/\(.*[^/]\)$:\1:p" | LC_ALL=C sort >"$work/actual"
    diff "$work/expected" "$work/actual"
}

one_owner_and_modes() {
    tar -tvzf "$source_tarball" --numeric-owner | awk '$1 !~ /^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x)$/ || $2 != "0/0" { print; bad = 1 } END { exit bad }'
}

check "The tarball of the sources has the same bytes when made again" same_bytes_twice
check "The tarball of the sources has every tracked file, a spec file and a list of packages" all_tracked_files
check "The tarball of the sources has root's files with plain modes" one_owner_and_modes
