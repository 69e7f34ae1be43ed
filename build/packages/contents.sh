#!/bin/sh
# Usage: contents.sh rpm|deb|tar LIST... <ACTUAL
#
# Compares lines "MODE OWNER:GROUP PATH" with lists of packaging/contents and names every difference. Directories of the
# system, which every package shares, need not be in a list.
set -eu
cd -- "$(dirname -- "$0")/../../packaging/contents"
kind=$1
shift
awk -v kind="$kind" '
    function shared(path) {
        return path ~ /^\/(etc|usr|var)?$/ || path ~ /^\/var\/log$/ ||
            path ~ /^\/usr\/(bin|lib|share|share\/doc|share\/man|share\/man\/man[58])$/ ||
            path ~ /^\/usr\/lib\/(systemd|systemd\/system|sysusers\.d|tmpfiles\.d|firewalld|firewalld\/services)$/
    }
    FILENAME != "-" {
        if ($0 ~ /^#/ || $1 !~ kind) next
        pattern = $4
        gsub(/[.]/, "[.]", pattern)
        gsub(/[*]/, "[^/]*", pattern)
        patterns[++count] = "^" $2 " " $3 " " pattern "$"
        names[count] = $0
        next
    }
    {
        if (shared($3)) {
            if ($1 " " $2 != "drwxr-xr-x root:root") { print "a directory of the system has another mode: " $0; bad = 1 }
            next
        }
        found = 0
        for (i = 1; i <= count; i++) if ($0 ~ patterns[i]) { found = 1; used[i] = 1 }
        if (!found) { print "not in the list: " $0; bad = 1 }
    }
    END {
        for (i = 1; i <= count; i++) if (!(i in used)) { print "missing: " names[i]; bad = 1 }
        exit bad
    }' "$@" -
