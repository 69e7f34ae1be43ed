# shellcheck shell=sh disable=SC2154
# Sourced by check-packages.sh: the client's packages, which are made here, by a compiler of this machine's platform.

# Usage: files_of PACKAGE: paths of the rpm and of the Debian package, without directories and documentation
files_of() {
    for list in "$(rpm -qp --nosignature --queryformat '[%{FILEMODES:perms} %{FILENAMES}\n]' dist/"$1"-"$version"-*.rpm)" \
        "$(dpkg-deb -c dist/"$1"_"$version"_*.deb | awk '{ sub("^[.]", "", $6); print $1, $6 }')"; do
        echo "$list" | awk '$1 !~ /^d/ && $2 !~ "/share/" { print $2 }' | sort
    done
}

client_packages_are_made() {
    rm -f dist/imageio-client[-_]* dist/imageio-ovirt-img* && make --no-print-directory client client-rpm client-deb
}

client_brings_imageio_alone() {
    [ "$(files_of imageio-client | grep '/bin/')" = "/usr/bin/imageio
/usr/bin/imageio" ]
}

other_name_is_a_package_of_its_own() {
    [ "$(files_of imageio-ovirt-img)" = "/usr/bin/ovirt-img
/usr/bin/ovirt-img" ] && rpm -qp --nosignature --conflicts dist/imageio-ovirt-img-"$version"-*.rpm | grep '^ovirt-imageio-client$' &&
        [ -z "$(rpm -qp --nosignature --conflicts dist/imageio-client-"$version"-*.rpm)" ] &&
        dpkg-deb -f dist/imageio-ovirt-img_"$version"_all.deb Conflicts | grep '^ovirt-imageio-client$'
}

both_names_run() {
    mkdir -p "$work/client" && for package in imageio-client imageio-ovirt-img; do
        dpkg-deb -x dist/${package}_"$version"_*.deb "$work/client" || return 1
    done
    "$work/client/usr/bin/imageio" --version | grep -F "$version" && "$work/client/usr/bin/ovirt-img" --help | grep download-disk
}

check "The client's packages are made" client_packages_are_made
check "imageio-client brings the command imageio and no other" client_brings_imageio_alone
check "imageio-ovirt-img brings ovirt-img, and conflicts with the reference's client" other_name_is_a_package_of_its_own
check "The client runs by both names" both_names_run
