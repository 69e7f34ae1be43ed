# shellcheck shell=sh disable=SC2154
# Sourced by check-packages.sh: small Debian systems in which packages are installed by dnf, with and without a running
# systemd. Each is a layer on one root, so that each test starts with the same.

guest_root=$work/guest
guest_tools=systemd,systemd-sysv,dbus,libssl3,libstdc++6,passwd,curl,dnf,rpm,procps,iproute2,qemu-utils
guest=
leader=
# Loop devices on files of the guest, which keep its file system busy until they are detached.
loops=

bootstrapping=

# Usage: begin_guest_root: makes the Debian system, in the background
begin_guest_root() {
    mmdebstrap --quiet --variant=minbase --include=$guest_tools "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$guest_root" \
        >"$results/mmdebstrap.log" 2>&1 &
    bootstrapping=$!
}

# Usage: make_guest_root: with dnf, the repositories of mocks.sh, and what EL presets: nothing is enabled
make_guest_root() {
    [ -n "$bootstrapping" ] || begin_guest_root
    { wait "$bootstrapping" || { cat "$results/mmdebstrap.log"; false; }; } &&
        # shellcheck disable=SC2046
        build/packages/mocks.sh "$guest_root/repositories" \
            $(for package in $packages client ovirt-img; do find dist -name "imageio-$package-$version-*.rpm"; done) || return 1
    mkdir -p "$guest_root/etc/systemd/system-preset" "$guest_root/etc/yum.repos.d" "$guest_root/etc/dnf/vars"
    echo 'disable *' >"$guest_root/etc/systemd/system-preset/99-default-disable.preset"
    echo 9 >"$guest_root/etc/dnf/vars/releasever"
    for repository in ovirt ours newer older; do
        case $repository in newer | older) enabled=0 ;; *) enabled=1 ;; esac
        printf '[%s]\nname=%s\nbaseurl=file:///repositories/%s\nenabled=%s\ngpgcheck=0\n' $repository $repository $repository $enabled
    done >"$guest_root/etc/yum.repos.d/test.repo"
    # Once here, and not in each layer.
    chroot "$guest_root" dnf --quiet --enablerepo='*' makecache
}

# Usage: layer NAME: a system of its own in $guest, not running
layer() {
    guest=$work/guests/$1
    mkdir -p "$guest" "$work/layers/$1/upper" "$work/layers/$1/work" &&
        mount -t overlay overlay -o "lowerdir=$guest_root,upperdir=$work/layers/$1/upper,workdir=$work/layers/$1/work" "$guest" &&
        mount -t proc proc "$guest/proc"
}

# Usage: boot [OPTION...]: starts systemd in $guest, without a network
boot() {
    umount "$guest/proc"
    rm -rf "$guest/run/systemd"
    systemd-nspawn --quiet --boot --directory="$guest" --keep-unit --register=no --private-network --console=pipe "$@" \
        </dev/null >"$work/boot.log" 2>&1 &
    nspawn=$!
    pids="$pids $nspawn"
    tries=600
    until leader=$(pgrep -P $nspawn) && case $(in_guest systemctl is-system-running 2>/dev/null) in running | degraded) ;; *) false ;; esac; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] && kill -0 $nspawn 2>/dev/null || { cat "$work/boot.log"; return 1; }
        sleep 0.1
    done
}

# Usage: in_guest COMMAND...: in the running system, or in the layer when none runs
in_guest() {
    if [ -n "$leader" ]; then
        nsenter --target "$leader" --mount --uts --ipc --net --pid --root --wd=/ \
            env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/ "$@"
    else
        chroot "$guest" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/ "$@"
    fi
}

# Usage: dnf_in ARGUMENT...
dnf_in() {
    in_guest dnf --assumeyes --quiet "$@"
}

detach_loops() {
    for loop_device in $loops; do
        losetup --detach "$loop_device"
    done
    loops=
}

# Usage: power_off: stops the guest, if it runs, and takes the layer away
power_off() {
    if [ -n "$leader" ]; then
        kill -TERM $nspawn
        wait $nspawn
        pids=$(echo " $pids " | sed "s/ $nspawn / /")
        leader=
    fi
    detach_loops
    [ -z "$guest" ] || ! mountpoint -q "$guest/proc" || umount "$guest/proc"
    [ -z "$guest" ] || ! mountpoint -q "$guest" || umount "$guest"
    guest=
}
