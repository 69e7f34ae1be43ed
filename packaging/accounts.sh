#!/bin/sh
# Usage: accounts.sh
#
# Makes the users of daemon and proxy where they are missing, and their directories for logs. An account that is there stays
# as it is: on a host vdsm's package has put ovirtimg into groups.
set -eu

# Usage: add NAME TEXT
add() {
    getent group "$1" >/dev/null || groupadd --system "$1"
    getent passwd "$1" >/dev/null ||
        useradd --system --gid "$1" --no-create-home --home-dir / --shell /usr/sbin/nologin --comment "$2" "$1"
}

add ovirtimg "ImageIO daemon"
add imageio-proxy "ImageIO proxy"
install -d -m 755 -o ovirtimg -g ovirtimg /var/log/ovirt-imageio
install -d -m 750 -o imageio-proxy -g imageio-proxy /var/log/ovirt-imageio-proxy
