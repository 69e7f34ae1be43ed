#!/bin/sh
# Usage: typescript.sh
#
# Fetches the TypeScript compiler into out/tools, if it is not there: it checks the types of the page's scripts. Nothing that
# is built or installed needs it.
set -eu
cd -- "$(dirname -- "$0")/.."
version=5.9.3

package=out/tools/node_modules/typescript/package.json
if grep -qs "\"version\": \"$version\"" $package; then
    exit 0
fi

if ! command -v npm >/dev/null; then
    echo "npm is missing: install it, to check the types of the page's scripts." >&2
    exit 1
fi

mkdir -p out/tools
npm install --prefix out/tools --no-save --no-audit --no-fund --ignore-scripts --loglevel=error "typescript@$version"
