#!/bin/sh
# Usage: version.sh [--date]
#
# The version, from the one place that holds it; with --date the time of the sources in seconds since 1970: what
# SOURCE_DATE_EPOCH says, else the last commit's, else (in an unpacked tarball, where all files bear it) that file's.
set -eu
cd -- "$(dirname -- "$0")/.."
source=Directory.Build.props
if [ "${1:-}" = --date ]; then
    if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
        echo "$SOURCE_DATE_EPOCH"
    elif [ -e .git ]; then
        git log -1 --format=%ct
    else
        stat -c %Y $source
    fi
else
    sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' $source
fi
