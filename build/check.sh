#!/bin/sh
# Usage: check.sh [--fast]
#
# Set-up, build with warnings as errors, code style, all tests (--fast: without the slow ones). Lists what was skipped
# and why. The last line is "N passed, N failed, N skipped"; out/test-results/summary holds it too. The exit status is 0
# when all of it was well and at least one test ran.
set -eu
cd -- "$(dirname -- "$0")/.."

filter='Cluster!=Ceph'
[ "${1:-}" != --fast ] || filter="$filter&Speed!=Slow"
solution=ImageIO.slnx
configuration=Release
results=out/test-results
format_log=out/format.log
compiler=imageio-check-$$
rm -rf $results

# Nothing here runs for long enough to win back what a program spends on observing itself (a third of the build's time).
export DOTNET_TieredPGO=0

# What tests use. Where it cannot be installed, the tests that need it skip and say so. In three parts, because one package
# that a distribution does not have keeps all of its part away.
build/install-tools.sh cmp curl openssl mke2fs e2fsck losetup mount mkfs.xfs mkfs.btrfs sfdisk || echo "Going on without."
build/install-tools.sh nginx haproxy python3-cryptography python3-yaml || echo "Going on without."
build/install-tools.sh qemu-img qemu-nbd qemu-io nbdkit nbdcopy || echo "Going on without."
build/install-tools.sh aria2c cc prlimit qemu-curl socat wget || echo "Going on without."
build/install-tools.sh qemu-storage-daemon || echo "Going on without."
build/install-tools.sh chromium || echo "Going on without."
build/typescript.sh || echo "Going on without."

step() {
    printf '\n== %s\n' "$1"
}

step "restore"
dotnet restore $solution --nologo -v quiet

# One compiler for all projects, so that the analyzers are loaded and made machine code once and not eleven times. It is
# this run's alone, whatever the environment says of servers, and does not outlive it.
stop_compiler() {
    version=$(dotnet --version)
    sdk=$(dotnet --list-sdks | sed -n "s/^$version \[\(.*\)\]$/\1/p")
    dotnet exec "$sdk/$version/Roslyn/bincore/VBCSCompiler.dll" -shutdown -pipename:$compiler >/dev/null 2>&1 || :
}

# What the build does not prove: white space and line ends. All style and analysis it does prove, with the same settings,
# and StyleTests the order of usings, so nothing is gone through a second time; a whole "dotnet format" takes as long as the
# build. Beside the build, which leaves a core idle at times. It reads the sources alone, and what it says is shown below.
mkdir -p out
status=0
nice dotnet format whitespace --folder . --verify-no-changes >$format_log 2>&1 &
format=$!
trap 'kill $format 2>/dev/null || :; stop_compiler' EXIT

step "build"
dotnet build $solution -c $configuration --no-restore --nologo -v quiet \
    -p:UseSharedCompilation=true -p:SharedCompilationId=$compiler
stop_compiler

# The format is checked to its end all the same: one run tells everything that is wrong. One collection of tests more than
# there are cores, because many tests wait for a process, a timer or a disk.
step "tests"
dotnet test ImageIO.Tests/bin/$configuration/net10.0/ImageIO.Tests.dll --nologo ${filter:+--filter "$filter"} \
    --logger trx --results-directory $results -- xUnit.MaxParallelThreads=$(($(nproc) + 1)) || status=1

# By themselves: a cluster of its own keeps both cores busy, and librbd is in the tests' process.
if [ "${1:-}" != --fast ]; then
    step "tests on a Ceph cluster"
    build/install-tools.sh ceph rbd ceph-mon ceph-mgr ceph-osd || echo "Going on without."
    dotnet test ImageIO.Tests/bin/$configuration/net10.0/ImageIO.Tests.dll --nologo --filter Cluster=Ceph \
        --logger trx --results-directory $results || status=1
fi

# Hosts of the EL8 family have 1.1.1.
step "TLS with OpenSSL 1.1.1"
build/check-openssl11.sh --logger trx --results-directory $results || {
    if [ $? -eq 77 ]; then echo "Going on without."; else status=1; fi
}

step "format"
wait $format || status=1
cat $format_log

step "result"
# Every result is an element of its own line; the reason of a skipped or failed one is its message.
cat $results/*.trx 2>/dev/null | tr -d '\r' | awk '
    function attribute(name,    rest) {
        rest = $0
        if (!sub(".* " name "=\"", "", rest)) return ""
        sub("\".*", "", rest)
        return rest
    }
    function plain(text) {
        gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text); gsub(/&#xA;/, " ", text)
        gsub(/&amp;/, "\\&", text)
        return text
    }
    /<UnitTestResult / {
        name = attribute("testName"); outcome = attribute("outcome"); counted[outcome]++
        said = outcome == "NotExecuted" ? "skipped" : outcome == "Passed" ? "" : "failed"
        if (said && /\/>/) print said ": " plain(name)
    }
    said && /<Message>/ {
        sub(/.*<Message>/, ""); sub(/<\/Message>.*/, "")
        print said ": " plain(name) " - " plain($0)
        said = ""
    }
    /<\/UnitTestResult>/ { said = "" }
    END {
        passed = counted["Passed"]; skipped = counted["NotExecuted"]
        for (outcome in counted) failed += counted[outcome]
        printf "%d passed, %d failed, %d skipped\n", passed, failed - passed - skipped, skipped
    }' >$results.txt
mkdir -p $results
mv $results.txt $results/summary
case $(tail -n 1 $results/summary) in
    "0 passed, 0 failed, "*)
        echo "No test ran."
        status=1
        ;;
    *" 0 failed, "*) [ $status -eq 0 ] || echo "FAILED: see the steps above." ;;
    *) status=1 ;;
esac
cat $results/summary
exit $status
