#!/usr/bin/env bash
# Fuzzes every reader of bytes from outside, target after target, and keeps a small corpus.
#
#     xtask/scripts/fuzz.sh 180 [TARGET ...]       seconds for each target
#
# Begins with `fuzz/seeds` (whole files, by fuzz_seeds.py) and `fuzz/corpus` (what earlier runs found
# to reach more). Coverage without a nightly compiler: the passes that cargo-fuzz asks for are in every
# rustc. No sanitizer: panics, overflows, hangs and memory are what is looked for. Findings lie in
# `fuzz/artifacts`; the other targets go on, and the script fails at its end. Then, for one input:
#
#     fuzz/target/HOST/release/TARGET fuzz/artifacts/TARGET/crash-...
set -euo pipefail
cd "$(dirname "$0")/../../fuzz"
seconds=${1:?usage: fuzz.sh SECONDS [TARGET ...]}
shift
targets=("$@")
((${#targets[@]})) || mapfile -t targets < <(find fuzz_targets -name '*.rs' -printf '%f\n' | sed 's/\.rs$//' | sort)
# Bytes of corpus kept for each target.
budget=32768
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$PWD/target}
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
host=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --target "$host" --bins
# Copies, so that a build meanwhile changes nothing about this run.
programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT
rows=() failed=()
for target in "${targets[@]}"; do
    cp "$CARGO_TARGET_DIR/$host/release/$target" "$programs/"
    work=$(mktemp -d) log=$(mktemp)
    mkdir -p "corpus/$target" "artifacts/$target"
    echo "== $target, $seconds s"
    "$programs/$target" "$work" "corpus/$target" "seeds/$target" -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -max_len=32768 -print_final_stats=1 -artifact_prefix="artifacts/$target/" > "$log" 2>&1 \
        || { failed+=("$target"); tail -n 40 "$log"; }
    statistic() { sed -n "s/^stat::$1: *//p" "$log"; }
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    inputs=$(statistic number_of_executed_units)
    rows+=("| $target | $seconds | ${inputs:-?} | ${edges:-?} | $(statistic peak_rss_mb) MiB |")
    # Of all inputs the fewest that together reach what all reach, the smallest first up to the budget.
    minimal=$(mktemp -d)
    "$programs/$target" -set_cover_merge=1 -timeout=10 -rss_limit_mb=2048 "$minimal" "seeds/$target" "corpus/$target" "$work" \
        > "$log" 2>&1 || tail -n 20 "$log"
    rm -rf "corpus/$target" && mkdir -p "corpus/$target"
    # Seeds stand in their own folder; `sort` and `awk` read to the end, so that no pipe breaks.
    find "$minimal" -type f -printf '%s %p\n' | sort -n | while read -r size path; do
        cmp_seed=$(find "seeds/$target" -type f -size "${size}c" -exec cmp -s {} "$path" \; -print -quit)
        [[ -n $cmp_seed ]] || echo "$size $path"
    done | awk -v budget="$budget" '{ all += $1 } all <= budget { print $2 }' | xargs -r -I{} cp {} "corpus/$target/"
    rm -rf "$work" "$minimal" "$log"
done
printf '| target | seconds | inputs | edges reached | peak memory |\n| --- | --- | --- | --- | --- |\n'
printf '%s\n' "${rows[@]}"
du -sb --apparent-size corpus seeds
((${#failed[@]} == 0)) || { echo "FINDINGS in ${failed[*]}: see fuzz/artifacts" >&2; exit 1; }
