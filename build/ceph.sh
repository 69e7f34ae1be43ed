#!/bin/bash
# A Ceph cluster on the loopback address, for tests and measurements. It lives as long as this script.
usage() {
    cat <<'END'
Usage: build/ceph.sh DIR [osds=1] [store=memstore] [gib=4]

Makes a cluster in DIR: a monitor, a manager, one to three OSDs of that many GiB, and the pool "rbd". Prints the path of
its ceph.conf, and then obeys its standard input, line by line. Each line is answered with "done", or with "failed" and
the reason:

    pause DAEMON, resume DAEMON    SIGSTOP and SIGCONT to mon.a, mgr.x, osd.0, osd.1 or osd.2
    kill DAEMON, start DAEMON      SIGKILL, and start again; an OSD needs store=bluestore, which is a sparse file

At the end of the input the daemons are killed and DIR is removed. By hand: Ctrl-D.

DIR/keyring has the keys of client.admin, of client.imageio with the profile rbd, and of client.reader with
rbd-read-only. Needs root and the packages ceph-mon, ceph-mgr, ceph-osd and ceph-common.
END
}

set -euo pipefail

give_up() {
    echo "ceph.sh: $*" >&2
    exit 1
}

# The processes of the daemons, children of this one.
declare -A process

# Usage: run DAEMON: the kernel kills it, too, when this script dies.
run() {
    setpriv --pdeathsig KILL "ceph-${1%.*}" -d -i "${1#*.}" -c "$conf" --run-dir "$dir" --admin-socket "$dir/$1.asok" \
        >>"$dir/$1.log" 2>&1 </dev/null &
    process[$1]=$!
}

clean_up() {
    trap - EXIT
    [[ -n $ready ]] || tail -n 20 "$dir/start.log" >&2
    exec 2>/dev/null # where the shell would tell of each process that was killed
    [[ ${#process[@]} -eq 0 ]] || kill -KILL "${process[@]}" || :
    wait
    rm -rf -- "$dir"
}

configuration() {
    cat <<END
[global]
fsid = $fsid
mon_host = v2:$address:3300
mon_initial_members = a
public_addr = $address
cluster_addr = $address
ms_bind_ipv6 = false
keyring = $dir/keyring
mon_data = $dir/mon.a
mgr_data = $dir/mgr.x
osd_data = $dir/osd.\$id
crash_dir = $dir
mon_cluster_log_to_file = false

# One host holds all copies of an object. Pools work on with the last copy.
osd_crush_chooseleaf_type = 0
osd_pool_default_size = $((osds < 3 ? 1 : 2))
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
mon_allow_pool_delete = true
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off

# What tests wait for takes a second instead of five or ten: changed maps, full pools.
paxos_propose_interval = 0.1
mon_tick_interval = 1
mon_mgr_digest_period = 1
mgr_tick_period = 1
mgr_stats_period = 1
osd_mon_report_interval = 1
osd_heartbeat_interval = 1

# Only a disk that is quite full stops the monitor.
mon_data_avail_crit = 1

# None of the manager's modules is needed; their start takes seconds.
mgr_initial_modules =
mgr_disabled_modules = $(find /usr/share/ceph/mgr -mindepth 1 -maxdepth 1 -printf '%f ' 2>/dev/null)

osd_objectstore = $store
memstore_device_bytes = $((gib << 30))
bluestore_block_size = $((gib << 30))
bluestore_cache_autotune = false
bluestore_cache_size = $((128 << 20))
osd_op_num_shards = 2
osd_op_num_threads_per_shard = 2
END
    if ((osds == 1)); then
        # A placement group serves requests while it has a lease. One that was late with renewing it, on a busy machine
        # or after a pause, goes on when another copy answers: in a pool of single copies its requests would hang.
        echo "osd_pool_default_read_lease_ratio = 10000"
    else
        # How soon another OSD takes over from one that does not answer: when its lease of three times this is over, too.
        printf '%s\n' "osd_heartbeat_grace = 4" "osd_pool_default_read_lease_ratio = 3" "mon_osd_min_down_reporters = 1"
    fi
}

keys() {
    local id
    key() { # NAME CAPABILITIES...
        ceph-authtool "$dir/keyring" --gen-key --name "$@"
    }
    ceph-authtool --create-keyring "$dir/keyring"
    key mon. --cap mon 'allow *'
    key mgr.x --cap mon 'allow profile mgr' --cap osd 'allow *'
    for ((id = 0; id < osds; id++)); do
        key osd.$id --cap mon 'allow profile osd' --cap mgr 'allow profile osd' --cap osd 'allow *'
    done
    key client.admin --cap mon 'allow *' --cap mgr 'allow *' --cap osd 'allow *'
    key client.imageio --cap mon 'profile rbd' --cap osd 'profile rbd'
    key client.reader --cap mon 'profile rbd' --cap osd 'profile rbd-read-only'
}

bring_up() {
    local fsid id uuid making=() address
    fsid=$(</proc/sys/kernel/random/uuid)
    # No other cluster of this host has this address, so ports need not be looked for.
    address=127.$((RANDOM % 200 + 50)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
    mkdir "$dir/mon.a" "$dir/mgr.x"
    configuration >"$conf"
    keys
    # The monitor is born with all keys.
    monmaptool --create --fsid "$fsid" --addv a "[v2:$address:3300]" "$dir/monmap"
    ceph-mon -i a -c "$conf" --mkfs --monmap "$dir/monmap" --keyring "$dir/keyring"
    run mon.a
    run mgr.x
    for ((id = 0; id < osds; id++)); do
        uuid=$(</proc/sys/kernel/random/uuid)
        mkdir "$dir/osd.$id"
        ceph-osd -i $id -c "$conf" --mkfs --osd-uuid "$uuid" &
        making+=($!)
        echo "osd new $uuid $id" >>"$dir/commands"
    done
    echo "osd pool create rbd 8" >>"$dir/commands"
    # All of them in one run: starting Python takes longer than they do.
    timeout 60 ceph -c "$conf" <"$dir/commands"
    wait "${making[@]}"
    for ((id = 0; id < osds; id++)); do run osd.$id; done
    # Writes, so it waits for the OSD.
    timeout 60 rbd -c "$conf" pool init rbd
    ((osds == 1)) || until [[ $(timeout 60 ceph -c "$conf" pg stat) == *" 8 active+clean;"* ]]; do sleep 0.1; done
}

# Usage: stopped PID: all its threads stand still, which takes a while after the signal where the processors are busy.
stopped() {
    [[ -z $(grep -hs '^State:' "/proc/$1"/task/*/status | grep -v 'T (stopped)') ]]
}

obey() { # COMMAND DAEMON
    local pid=${process[${2:-none}]:-}
    [[ -n $pid ]] || { echo "failed: there is no daemon '${2:-}'"; return; }
    case $1 in
        pause) kill -STOP "$pid" && until stopped "$pid"; do sleep 0.01; done ;;
        resume) kill -CONT "$pid" ;;
        kill) kill -KILL "$pid" && wait "$pid" || : ;;
        start) run "$2" ;;
        *) false ;;
    esac 2>>"$dir/commands.log" && echo "done" || echo "failed: $* (see $dir)"
}

[[ $# -ge 1 && $1 != -* ]] || { usage >&2; exit 2; }
dir=$(realpath -ms -- "$1")
conf=$dir/ceph.conf
osds=1 store=memstore gib=4 ready=
for option in "${@:2}"; do
    case $option in
        osds=[123] | store=memstore | store=bluestore | gib=[1-9]*) declare "${option%%=*}=${option#*=}" ;;
        *) usage >&2; exit 2 ;;
    esac
done
[[ $EUID -eq 0 ]] || give_up "must be root"
[[ $dir != *[[:space:]]* ]] || give_up "$dir: Ceph wants a name without blanks"
mkdir -- "$dir" || give_up "$dir must be a new directory"
trap clean_up EXIT
trap 'exit 143' TERM INT HUP
{ bring_up; } >"$dir/start.log" 2>&1 </dev/null
ready=yes
echo "$conf"
while read -r -a words; do
    [[ ${#words[@]} -eq 0 ]] || obey "${words[@]}"
done
