#!/bin/sh
# Usage: fuzz.sh [SECONDS [TARGET...]]
#
# Searches for inputs that our parsers of strangers' bytes take the wrong way: afl-fuzz with the programs instrumented by
# SharpFuzz, SECONDS in all (default 600), shared by the targets, by default all. What it finds is in out/fuzz/findings; put it, made small,
# into ImageIO.Fuzz/Corpus, where tests go through it ever after. The exit status is 0 when nothing was found.
#
# To see what an input does: out/fuzz/bin/ImageIO.Fuzz TARGET < INPUT
set -eu
cd -- "$(dirname -- "$0")/.."
build/install-tools.sh afl-fuzz

seconds=${1:-600}
[ $# -eq 0 ] || shift
bin=out/fuzz/bin
findings=out/fuzz/findings
rm -rf out/fuzz
dotnet publish ImageIO.Fuzz -c Release -o $bin --nologo -v quiet
dotnet tool restore >/dev/null
for assembly in ImageIO.Backends.Nbd ImageIO.Core ImageIO.Formats ImageIO.Http ImageIO.Transport ovirt-imageio-proxy; do
    dotnet tool run sharpfuzz -- $bin/$assembly.dll
done

# afl-fuzz looks for its instrumentation in the runtime's own executable, and for the processor's and the kernel's settings
# that only matter to programs that crash by signal.
export AFL_SKIP_BIN_CHECK=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_NO_AFFINITY=1
targets=${*:-$(dotnet $bin/ImageIO.Fuzz.dll)}
each=$((seconds / $(echo "$targets" | wc -w)))
found=0
printf '%-12s %12s %10s %8s %6s\n' target executions "inputs" crashes hangs
for target in $targets; do
    mkdir -p $findings
    # An input that takes 10 s is a hang also on a busy machine. The exit status says nothing: statistics do.
    nice -n 19 afl-fuzz -V "$each" -i "ImageIO.Fuzz/Corpus/$target" -o "$findings/$target" -t 10000 -m none -- \
        dotnet $bin/ImageIO.Fuzz.dll "$target" >"$findings/$target.log" 2>&1 || true
    stats=$findings/$target/default/fuzzer_stats
    [ -s "$stats" ] || { tail -n 20 "$findings/$target.log" >&2; echo "$target: afl-fuzz did not run" >&2; exit 1; }
    value() { sed -n "s/^$1 *: *//p" "$stats"; }
    printf '%-12s %12s %10s %8s %6s\n' \
        "$target" "$(value execs_done)" "$(value corpus_count)" "$(value saved_crashes)" "$(value saved_hangs)"
    found=$((found + $(value saved_crashes) + $(value saved_hangs)))
done
[ $found -eq 0 ] || { echo "$found inputs were taken the wrong way, see $findings" >&2; exit 1; }
