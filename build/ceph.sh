#!/bin/bash
# A small Ceph cluster for tests and measurements: a monitor, a manager, OSDs and the pool "rbd", on the loopback address.
usage() {
    cat <<'END'
build/ceph.sh start DIR [osds=1] [store=memstore] [gib=4]   start one in DIR; prints the path of its ceph.conf
build/ceph.sh stop DIR                                      kill it and remove DIR
build/ceph.sh osd DIR ID pause|resume|kill|start            SIGSTOP, SIGCONT, SIGKILL, and start again (bluestore)
build/ceph.sh mon DIR pause|resume

store=bluestore keeps its data in a sparse file and survives a kill; a memstore does not. cephx is on: the administrator's key
is in DIR/ceph.client.admin.keyring, that of client.imageio, with the rbd profile, in DIR/ceph.client.imageio.keyring. Needs
root and the packages ceph-mon, ceph-mgr, ceph-osd and ceph-common.
END
}

set -euo pipefail
fail() { echo "ceph.sh: $*" >&2; exit 1; }

# The process of a daemon. Ids are given again, so its command line must name our directory.
process() {
    local pid
    pid=$(cat "$D/$1.pid" 2>/dev/null) && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF " $D/ceph.conf" && echo "$pid"
}

send() { # SIGNAL DAEMON
    local pid
    pid=$(process "$2") || fail "$2 does not run in $D"
    kill "-$1" "$pid"
}

ended() { # PID: its threads hold files and ports until the last one has ended; a zombie may stay for init
    [[ ! -e /proc/$1/task/$1 ]] || { grep -q '^State:.Z' "/proc/$1/status" && [[ $(ls "/proc/$1/task" | wc -l) -le 1 ]]; } 2>/dev/null
}

stop() {
    [[ -e $D/.imageio-ceph ]] || { [[ ! -e $D ]] && return || fail "$D was not made by this script"; }
    local file pid pids=() end=$((SECONDS + 20))
    for file in "$D"/*.pid; do
        pid=$(process "$(basename "$file" .pid)") && pids+=("$pid") && kill -KILL "$pid"
    done || true
    for pid in "${pids[@]}"; do
        until ended "$pid"; do
            ((SECONDS < end)) || fail "process $pid of $D does not end"
            sleep 0.02
        done
    done
    rm -rf -- "$D"
}

write_conf() { # PORT
    local daemon
    cat <<END
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_host = v2:127.0.0.1:$1
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
keyring = $D/ceph.\$name.keyring
ms_bind_ipv6 = false
crash_dir = $D
osd_pool_default_size = $((OSDS < 3 ? 1 : 2))
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_allow_pool_delete = true
END
    for daemon in mon mgr osd; do
        printf '\n[%s]\nrun_dir = %s\nlog_file = %s/$name.log\nadmin_socket = %s/$name.asok\npid_file = %s/$name.pid\n' \
            "$daemon" "$D" "$D" "$D" "$D"
        case $daemon in
            # Seconds instead of minutes, for what tests wait for: full pools, dead OSDs.
            mon) cat <<END ;;
mon_initial_members = a
mon_data = $D/mon
mon_cluster_log_file = $D/cluster.log
mon_tick_interval = 1
mon_mgr_digest_period = 1
paxos_propose_interval = 0.1
mon_osd_min_down_reporters = 1
mon_osd_down_out_interval = 86400
mon_data_avail_crit = 1
auth_allow_insecure_global_id_reclaim = false
END
            mgr) cat <<END ;;
mgr_data = $D/mgr
mgr_stats_period = 1
mgr_tick_period = 1
mgr_initial_modules =
mgr_disabled_modules = $(find /usr/share/ceph/mgr -mindepth 1 -maxdepth 1 -printf '%f ' 2>/dev/null | sed -E 's/\b(rbd_support|status|iostat) //g')
END
            osd) cat <<END ;;
osd_data = $D/osd\$id
osd_objectstore = $STORE
osd_crush_initial_weight = 1
osd_beacon_report_interval = 2
osd_heartbeat_interval = 1
osd_heartbeat_grace = 4
osd_mon_report_interval = 1
osd_max_markdown_count = 1000000
osd_fast_shutdown = true
osd_op_num_shards = 2
osd_op_num_threads_per_shard = 2
memstore_device_bytes = $((GIB << 30))
bluestore_block_size = $((GIB << 30))
bluestore_block_db_create = false
bluestore_block_wal_create = false
bluestore_cache_autotune = false
bluestore_cache_size = 134217728
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
END
        esac
    done
}

# The monitor is born with everybody's keys: no commands for them later.
write_keys() {
    local all=$D/keys id
    key() { # ENTITY CAPS...
        ceph-authtool -C "$D/ceph.$1.keyring" -g -n "$@" >/dev/null
        cat "$D/ceph.$1.keyring" >>"$all"
        chmod 600 "$D/ceph.$1.keyring"
    }
    key mon. --cap mon 'allow *'
    key client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
    key mgr.x --cap mon 'allow profile mgr' --cap osd 'allow *'
    key client.imageio --cap mon 'profile rbd' --cap osd 'profile rbd'
    key client.reader --cap mon 'profile rbd' --cap osd 'profile rbd-read-only'
    for ((id = 0; id < OSDS; id++)); do
        key osd.$id --cap mon 'allow profile osd' --cap mgr 'allow profile osd' --cap osd 'allow *'
    done
    chmod 600 "$all"
}

start_osd() { ceph-osd -i "$1" -c "$D/ceph.conf"; }

bring_up() {
    local id uuid conf=$D/ceph.conf port
    while port=$((20000 + RANDOM % 12000)); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break; done
    mkdir "$D/mon" "$D/mgr"
    for ((id = 0; id < OSDS; id++)); do mkdir "$D/osd$id"; done
    write_conf "$port" >"$conf"
    write_keys
    monmaptool --create --addv a "[v2:127.0.0.1:$port]" --fsid "$(sed -n 's/^fsid = //p' "$conf")" "$D/monmap"
    ceph-mon --mkfs -i a --monmap "$D/monmap" --keyring "$D/keys" -c "$conf"
    ceph-mon -i a -c "$conf"
    ceph-mgr -i x -c "$conf"
    # One client for several commands: its start alone takes half a second.
    for ((id = 0; id < OSDS; id++)); do
        uuid=$(cat /proc/sys/kernel/random/uuid)
        ceph-osd -i $id --mkfs --osd-uuid "$uuid" -c "$conf" &
        echo "osd new $uuid $id"
    done >"$D/commands"
    timeout 60 ceph -c "$conf" <"$D/commands"
    wait
    for ((id = 0; id < OSDS; id++)); do start_osd $id; done
    timeout 60 ceph -c "$conf" osd pool create rbd 8 8
    timeout 60 rbd -c "$conf" pool init rbd # waits for its placement group
}

start() {
    [[ ! -e $D || -z $(ls -A "$D") ]] || fail "$D is not empty"
    mkdir -p "$D"
    chmod 755 "$D"
    : >"$D/.imageio-ceph"
    # A job of its own: a condition would switch off "set -e" in it.
    bring_up >"$D/start.log" 2>&1 </dev/null &
    wait $! || { tail -n 20 "$D/start.log" >&2; stop; fail "the cluster did not start"; }
    echo "$D/ceph.conf"
}

[[ $# -ge 2 ]] || { usage >&2; exit 2; }
[[ $EUID -eq 0 ]] || fail "must be root"
D=$(realpath -ms -- "$2")
[[ $D == /*/* && $D != *[[:space:]]* ]] || fail "$D: a directory below another one, without blanks in its name"
case $1 in
    start)
        OSDS=1 STORE=memstore GIB=4
        for option in "${@:3}"; do
            case $option in
                osds=[1-3] | store=memstore | store=bluestore | gib=[1-9]*) declare "${option%%=*}=${option#*=}" ;;
                *) usage >&2; exit 2 ;;
            esac
        done
        OSDS=${osds:-$OSDS} STORE=${store:-$STORE} GIB=${gib:-$GIB}
        start
        ;;
    stop) stop ;;
    osd | mon)
        daemon=$([[ $1 == osd ]] && echo "osd.$3" || echo mon.a)
        case ${*: -1} in
            pause) send STOP "$daemon" ;;
            resume) send CONT "$daemon" ;;
            kill) send KILL "$daemon" ;;
            start) start_osd "$3" >>"$D/start.log" 2>&1 ;;
            *) usage >&2; exit 2 ;;
        esac
        ;;
    *) usage >&2; exit 2 ;;
esac
