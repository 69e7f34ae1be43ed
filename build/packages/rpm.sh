# shellcheck shell=sh disable=SC2154
# Sourced by check-packages.sh: the rpms.

# Usage: rpm_file PACKAGE
rpm_file() {
    find dist -name "$1-$version-*.rpm" ! -name "*.src.rpm"
}

# Usage: rpm_contents PACKAGE LIST
rpm_contents() {
    rpm -qp --nosignature --queryformat '[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]' "$(rpm_file "$1")" |
        build/packages/contents.sh rpm "$2"
}

unpack_rpms() {
    mkdir -p "$work/rpm"
    for package in $packages; do
        rpm2cpio "$(rpm_file imageio-$package)" >"$work/archive" && (cd "$work/rpm" && cpio --quiet -idm <"$work/archive") || return 1
    done
}

configuration_is_kept() {
    [ "$(rpm -qp --nosignature --queryformat '[%{FILEFLAGS:fflags} %{FILENAMES}\n]' "$(rpm_file imageio-proxy)" |
        grep -c '^cn /etc/.*\.conf$')" -eq 1 ]
}

# Exits with a status above 0 for errors alone.
# shellcheck disable=SC2046
rpmlint_finds_no_error() {
    rpmlint --config packaging/rpm/rpmlint.toml $(for package in $packages; do rpm_file "imageio-$package"; done)
}

for package in $packages; do
    check "imageio-$package.rpm has every path, mode and owner of the list and no other" rpm_contents imageio-$package $package
done
check "The rpms unpack into an empty root" unpack_rpms
check "The rpms keep changed configuration files" configuration_is_kept
check "The rpms name no path of the machine that made them" no_path_of_the_builder "$work/rpm"
check_programs "the rpms" "$work/rpm"
check_with rpmlint "rpmlint finds no error" rpmlint_finds_no_error
