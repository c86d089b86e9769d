#!/usr/bin/env bash
# Fuzzes every reader of external files, one target after the other, and keeps a small corpus.
#
#     xtask/scripts/fuzz.sh 180 [TARGET ...]       seconds for each target
#
# Starts from `fuzz/seeds` (valid files written by fuzz_seeds.py) and `fuzz/corpus` (inputs of earlier runs that reach
# more code). Needs no nightly compiler: every rustc has the coverage passes that cargo-fuzz uses. Without sanitizers it
# finds panics, overflows, hangs and excessive memory. Findings are written to `fuzz/artifacts`; the other targets
# continue, and the script fails at the end. To repeat one input:
#
#     fuzz/target/HOST/release/TARGET fuzz/artifacts/TARGET/crash-...
set -euo pipefail
cd "$(dirname "$0")/../../fuzz"
seconds=${1:?usage: fuzz.sh SECONDS [TARGET ...]}
shift
targets=("$@")
((${#targets[@]})) || mapfile -t targets < <(find fuzz_targets -name '*.rs' -printf '%f\n' | sed 's/\.rs$//' | sort)
# Size of the corpus of each target in bytes.
budget=32768
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$PWD/target}
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
host=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --target "$host" --bins
# Copies, so that another build does not change the programs during this run.
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
    # Keep the smallest set of inputs that reaches the same code, smallest inputs first, up to the budget.
    minimal=$(mktemp -d)
    "$programs/$target" -set_cover_merge=1 -timeout=10 -rss_limit_mb=2048 "$minimal" "seeds/$target" "corpus/$target" "$work" \
        > "$log" 2>&1 || tail -n 20 "$log"
    rm -rf "corpus/$target" && mkdir -p "corpus/$target"
    # Seeds are in a separate folder. `sort` and `awk` read all input, so no pipe breaks.
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
