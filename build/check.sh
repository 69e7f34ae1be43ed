#!/bin/sh
# Usage: check.sh [--fast]
#
# Set-up, build with warnings as errors, code style, all tests (--fast: without the slow ones). Lists what was skipped
# and why. The last line is "N passed, N failed, N skipped"; out/test-results/summary holds it too. The exit status is 0
# when all of it was well and at least one test ran.
set -eu
cd -- "$(dirname -- "$0")/.."

filter=
[ "${1:-}" != --fast ] || filter='Speed!=Slow'
solution=ImageIO.slnx
configuration=Release
results=out/test-results
format_log=out/format.log
rm -rf $results

# What tests use. Where it cannot be installed, the tests that need it skip and say so. In three parts, because one package
# that a distribution does not have keeps all of its part away.
build/install-tools.sh cmp curl openssl mke2fs e2fsck losetup mount mkfs.xfs mkfs.btrfs sfdisk || echo "Going on without."
build/install-tools.sh nginx haproxy python3-cryptography python3-yaml || echo "Going on without."
build/install-tools.sh chromium || echo "Going on without."

step() {
    printf '\n== %s\n' "$1"
}

step "restore"
dotnet restore $solution --nologo -v quiet

# Beside the build and the tests, which leave a core idle most of the time. It reads the sources alone, and what it
# says is shown below.
mkdir -p out
status=0
nice dotnet format $solution --verify-no-changes --no-restore >$format_log 2>&1 &
format=$!
trap 'kill $format 2>/dev/null || :' EXIT

step "build"
dotnet build $solution -c $configuration --no-restore --nologo -v quiet

# The format is checked to its end all the same: one run tells everything that is wrong.
step "tests"
dotnet test $solution -c $configuration --no-build --nologo -v quiet ${filter:+--filter "$filter"} \
    --logger trx --results-directory $results || status=1

step "format"
wait $format || status=1
cat $format_log

step "result"
# Every result is an element of its own line; the reason of a skipped one is its message.
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
        if (outcome == "NotExecuted" && /\/>/) print "skipped: " plain(name)
    }
    outcome == "NotExecuted" && /<Message>/ {
        sub(/.*<Message>/, ""); sub(/<\/Message>.*/, "")
        print "skipped: " plain(name) " - " plain($0)
    }
    /<\/UnitTestResult>/ { outcome = "" }
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
