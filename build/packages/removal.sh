# shellcheck shell=sh disable=SC2154
# Sourced by check-packages.sh: the compiled tarball goes, after all checks that use what it installed.

tarball_removes_itself() {
    DESTDIR="$work/linux-x64" "$work/linux-x64.tarball/imageio-$version-linux-x64/install.sh" --remove
    rest=$(cd "$work/linux-x64" && find usr ! -type d) && [ -z "$rest" ]
}

check "install.sh --remove leaves no file" tarball_removes_itself
