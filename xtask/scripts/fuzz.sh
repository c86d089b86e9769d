#!/usr/bin/env bash
# Fuzzes every reader of bytes from outside, target after target, and keeps a small corpus.
#
#     xtask/scripts/fuzz.sh 300 [TARGET ...]       seconds for each target
#
# Coverage without a nightly compiler: the passes that cargo-fuzz asks for are in every rustc. No
# sanitizer: there is next to no unsafe code here; panics, overflows, hangs and memory are what is
# looked for. A finding ends the script and lies in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/../../fuzz"
seconds=${1:?usage: fuzz.sh SECONDS [TARGET ...]}
shift
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || targets=(rows archive artifacts files)
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$PWD/target}
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
cargo build --release --target "$(rustc -vV | sed -n 's/^host: //p')" --bins
programs=$CARGO_TARGET_DIR/$(rustc -vV | sed -n 's/^host: //p')/release
for target in "${targets[@]}"; do
    work=$(mktemp -d)
    mkdir -p "corpus/$target" "artifacts/$target"
    echo "== $target, $seconds s"
    "$programs/$target" "$work" "corpus/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -max_len=4096 -print_final_stats=1 -verbosity=0 -artifact_prefix="artifacts/$target/"
    # Only what adds coverage, the smallest first.
    minimal=$(mktemp -d)
    "$programs/$target" -merge=1 -verbosity=0 "$minimal" "corpus/$target" "$work"
    rm -rf "corpus/$target" && mkdir -p "corpus/$target"
    # `sort` and `awk` read to the end, so that no pipe breaks under `pipefail`.
    find "$minimal" -type f -size -2k -printf '%s %p\n' | sort -n | awk 'NR <= 60 { print $2 }' |
        xargs -r -I{} cp {} "corpus/$target/"
    rm -rf "$work" "$minimal"
done
du -sh corpus
