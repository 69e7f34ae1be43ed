#!/bin/sh
# Usage: mocks.sh DIRECTORY RPM...
#
# Repositories in DIRECTORY for tests with dnf: "ours" with the given rpms; "ovirt" with packages that have the names,
# dependencies, files and scriptlets' effects of those that an oVirt host and an Engine machine have; "newer" with a later
# version of the reference; "older" with version 0.0 of ours, whose unit had another name. What nobody provides in there, like
# the C library, a package called "base" does.
set -eu
top=$1
shift
rm -rf "$top"
mkdir -p "$top/ours" "$top/ovirt" "$top/newer" "$top/older" "$top/build"

# Usage: build REPOSITORY <SPEC
build() {
    cat >"$top/build/spec"
    rpmbuild -bb --quiet --nodeps --define "_topdir $top/build" --define "dist %{nil}" --define "_build_id_links none" \
        "$top/build/spec" >"$top/build/log" 2>&1 || { cat "$top/build/log" >&2; exit 1; }
    find "$top/build/RPMS" -name '*.rpm' -exec mv {} "$top/$1/" \;
}

# Usage: head NAME VERSION RELEASE: the beginning of a spec file
head() {
    printf 'Name: %s\nVersion: %s\nRelease: %s\nSummary: mock\nLicense: none\nBuildArch: noarch\n' "$1" "$2" "$3"
}

# Usage: empty REPOSITORY NAME VERSION RELEASE [LINE...]: a package without files
empty() {
    repository=$1
    {
        head "$2" "$3" "$4"
        shift 4
        printf '%s\n' "$@" '%description' 'mock' '%files'
    } | build "$repository"
}

# What rpm says that our packages need of the system.
cp "$@" "$top/ours/"
{
    head base 1 1
    rpm -qp --nosignature --requires "$top"/ours/*.rpm | sort -u | grep -v -e '^rpmlib(' -e '^imageio' -e '^ovirt-imageio' |
        sed 's/^/Provides: /; s/ *[<>]= */ = /'
    printf '%s\n' 'Provides: /bin/sh' 'Provides: shadow-utils' 'Provides: systemd' '%description' 'mock' '%files'
} | build ovirt

# Usage: reference REPOSITORY VERSION: ovirt-imageio, from its spec file
reference() {
    {
        head ovirt-imageio "$2" 1
        cat <<'END'
%description
mock
%package common
Summary: mock
%description common
mock
%package client
Summary: mock
Requires: %{name}-common = %{version}-%{release}
%description client
mock
%package daemon
Summary: mock
Requires: %{name}-common = %{version}-%{release}
Requires(pre): shadow-utils
%description daemon
mock
%install
cd %{buildroot}
mkdir -p usr/bin usr/lib/systemd/system usr/lib/python3/ovirt_imageio etc/ovirt-imageio/conf.d usr/lib/ovirt-imageio/conf.d var/log/ovirt-imageio
touch usr/lib/python3/ovirt_imageio/__init__.py var/log/ovirt-imageio/daemon.log
for command in ovirt-imageio ovirt-imageioctl ovirt-img; do
    printf '#!/bin/sh\n# the reference\nexec sleep infinity\n' >usr/bin/$command
    chmod 755 usr/bin/$command
done
cat >usr/lib/systemd/system/ovirt-imageio.service <<'UNIT'
[Unit]
Description=the reference
[Service]
ExecStart=/usr/bin/ovirt-imageio
Restart=always
[Install]
WantedBy=multi-user.target
UNIT
%files common
/usr/lib/python3/ovirt_imageio
%files client
/usr/bin/ovirt-img
%files daemon
/usr/bin/ovirt-imageio
/usr/bin/ovirt-imageioctl
/usr/lib/systemd/system/ovirt-imageio.service
%dir /etc/ovirt-imageio
%dir /etc/ovirt-imageio/conf.d
%dir /usr/lib/ovirt-imageio
%dir /usr/lib/ovirt-imageio/conf.d
%dir %attr(755, ovirtimg, ovirtimg) /var/log/ovirt-imageio
%ghost %attr(644, ovirtimg, ovirtimg) /var/log/ovirt-imageio/daemon.log
%pre daemon
getent group ovirtimg >/dev/null || groupadd -r ovirtimg
getent passwd ovirtimg >/dev/null || useradd -r -g ovirtimg -d / -s /sbin/nologin ovirtimg
exit 0
# systemd_post, systemd_preun, systemd_postun_with_restart.
%post daemon
if [ $1 -eq 1 ] && command -v systemctl >/dev/null; then systemctl --no-reload preset ovirt-imageio.service || :; fi
%preun daemon
if [ $1 -eq 0 ] && command -v systemctl >/dev/null; then
    if [ -d /run/systemd/system ]; then systemctl --no-reload disable --now ovirt-imageio.service || :
    else systemctl --no-reload disable ovirt-imageio.service || :; fi
fi
%postun daemon
if [ $1 -ge 1 ] && [ -d /run/systemd/system ]; then systemctl try-restart ovirt-imageio.service || :; fi
%posttrans daemon
# The name that it had once.
if [ -d /run/systemd/system ] && systemctl is-active --quiet ovirt-imageio-daemon; then systemctl stop ovirt-imageio-daemon; fi
exit 0
END
    } | build "$1"
}

reference ovirt 2.5.3
reference newer 2.5.4

# Owns the XML that hosts need, and engine-setup's.
{
    head firewalld 2.3 1
    cat <<'END'
%description
mock
%install
mkdir -p %{buildroot}/usr/lib/firewalld/services
touch %{buildroot}/usr/lib/firewalld/services/ovirt-imageio.xml
%files
/usr/lib/firewalld/services/ovirt-imageio.xml
END
} | build ovirt

# Usage: vdsm VERSION REQUIREMENT...
vdsm() {
    {
        head vdsm "$1" 1
        shift
        printf 'Requires: %s\n' firewalld shadow-utils "$@"
        cat <<'END'
%description
mock
%install
mkdir -p %{buildroot}/etc/ovirt-imageio/conf.d
cat >%{buildroot}/etc/ovirt-imageio/conf.d/60-vdsm.conf <<'CONF'
# Configuration overrides for vdsm.
#
# WARNING: This file owned by vdsm. Do not modify this file.

[tls]
enable = true
key_file = /etc/pki/vdsm/keys/vdsmkey.pem
cert_file = /etc/pki/vdsm/certs/vdsmcert.pem
ca_file = /etc/pki/vdsm/certs/cacert.pem

[remote]
port = 54322

[local]
enable = true

[control]
transport = unix
CONF
%files
%config /etc/ovirt-imageio/conf.d/60-vdsm.conf
%pre
getent group kvm >/dev/null || groupadd -r kvm
getent group qemu >/dev/null || groupadd -r qemu
getent passwd vdsm >/dev/null || useradd -r -g kvm -d /var/lib/vdsm -s /sbin/nologin vdsm
getent group ovirtimg >/dev/null || groupadd -r ovirtimg
getent passwd ovirtimg >/dev/null || useradd -r -g ovirtimg -d / -s /sbin/nologin ovirtimg
usermod -a -G qemu,ovirtimg vdsm
usermod -a -G kvm,qemu ovirtimg
END
    } | build ovirt
}

# What the versions in scope require.
vdsm 4.40.17 'ovirt-imageio-common >= 2.0.6' 'ovirt-imageio-daemon >= 2.0.6'
vdsm 4.40.25 'ovirt-imageio-common >= 2.0.10-1' 'ovirt-imageio-daemon >= 2.0.10-1'
vdsm 4.50.5 'ovirt-imageio-common >= 2.2.0-1' 'ovirt-imageio-daemon >= 2.2.0-1'
empty ovirt ovirt-host-dependencies 4.5 1 'Requires: ovirt-imageio-client'
empty ovirt ovirt-ansible-collection 3.2 1 'Requires: ovirt-imageio-client'
empty ovirt ovirt-engine 4.4.0 1 'Requires: ovirt-imageio-daemon >= 2.0.5'
empty ovirt ovirt-engine 4.4.0.1 1 'Requires: ovirt-imageio-daemon >= 2.0.6'
empty ovirt ovirt-engine 4.5.7 1 'Requires: ovirt-imageio-daemon >= 2.0.10-1' 'Requires: ovirt-ansible-collection'
empty ovirt ovirt-engine-setup-plugin-imageio 4.5.7 1 'Requires: ovirt-imageio-daemon >= 2.0.10-1'
empty ovirt ovirt-imageio-proxy 1.5.3 1

# Version 0.0 of ours, as far as an update has to do with it.
{
    head imageio-daemon 0.0 1
    cat <<'END'
%description
mock
%install
cd %{buildroot}
mkdir -p usr/lib/systemd/system usr/bin etc/ovirt-imageio/conf.d
printf '#!/bin/sh\nexec sleep infinity\n' >usr/bin/ovirt-imageio-daemon
chmod 755 usr/bin/ovirt-imageio-daemon
touch etc/ovirt-imageio/conf.d/50-imageio.conf
printf '[Service]\nExecStart=/usr/bin/ovirt-imageio-daemon\n[Install]\nWantedBy=multi-user.target\n' >usr/lib/systemd/system/ovirt-imageio-daemon.service
%files
/usr/bin/ovirt-imageio-daemon
/usr/lib/systemd/system/ovirt-imageio-daemon.service
%dir /etc/ovirt-imageio
%dir /etc/ovirt-imageio/conf.d
%config(noreplace) /etc/ovirt-imageio/conf.d/50-imageio.conf
%preun
if [ $1 -eq 0 ] && [ -d /run/systemd/system ]; then systemctl --no-reload disable --now ovirt-imageio-daemon.service || :; fi
%posttrans
if [ -d /run/systemd/system ]; then systemctl daemon-reload || :; systemctl try-restart ovirt-imageio-daemon.service || :; fi
END
} | build older

rm -rf "$top/build"
for repository in ours ovirt newer older; do
    createrepo_c --quiet "$top/$repository"
done
