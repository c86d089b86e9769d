#!/usr/bin/env bash
# What can only be checked on a GPU, in one call: the programs that were linked against the
# processor's half of libtorch use CUDA here; they learn what they learn on the processor; how fast;
# and a killed run goes on. Made by `gpu_pack.sh` beforehand; needs Python with PyTorch 2.11, whose
# libtorch is used.
#
#     xtask/scripts/gpu_check.sh gpu-check "$OUT"
#     xtask/scripts/gpu_check.sh gpu-check "$OUT" cpu     the script itself, without a GPU
#
# Ends with 0 and `GPU CHECK PASSED`, or says what did not hold.
set -uo pipefail
pack=$(cd "${1:?usage: gpu_check.sh PACK_FOLDER LOG_FOLDER}" && pwd)
out=${2:?usage: gpu_check.sh PACK_FOLDER LOG_FOLDER}
device=${3:-cuda}
scripts=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
LD_LIBRARY_PATH=$(python3 -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))')${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH PATH="$pack/bin:$PATH"
failures=()
fail() { failures+=("$1"); echo "FAILED: $1"; }

{ nvidia-smi; python3 -c 'import torch; print("PyTorch", torch.__version__, "CUDA", torch.version.cuda)'; ldd "$pack/bin/ressenti-train" | grep -i torch; } > "$out/machine.txt" 2>&1
cat "$out/machine.txt"

run() { # run FOLDER DEVICE [ARGUMENTS]
    local folder=$1 on=$2; shift 2
    ressenti run --pipeline "$folder/pipeline.toml" --set run.device="$on" --progress none "$@"
}
# The second one is the reference, also where both are the processor.
copies=("$device" cpu-reference)
for copy in "${copies[@]}"; do
    on=${copy%-reference}
    cp -r "$pack" "$work/$copy" && ( time run "$work/$copy" "$on" ) > "$out/run-$copy.txt" 2>&1 \
        || fail "the pipeline on $on, see run-$copy.txt"
    tail -n 4 "$out/run-$copy.txt"
done

# A network learns the same on both: accuracies within what 2,020 test rows leave open.
python3 - "$work/$device" "$work/cpu-reference" <<'PYTHON' | tee "$out/accuracy.txt" || fail "accuracies differ"
import json, pathlib, sys
one, two = [json.loads((pathlib.Path(folder) / "artifacts/report/reviews/metrics.json").read_text()) for folder in sys.argv[1:]]
worst = 0.0
for name, figures in one["models"].items():
    a, b = figures["accuracy"]["value"], two["models"][name]["accuracy"]["value"]
    speeds = []
    for folder in sys.argv[1:]:
        lines = (pathlib.Path(folder) / f"artifacts/train/{name}/metrics.jsonl").read_text().splitlines()
        epochs = [line for line in map(json.loads, lines) if line["event"] == "epoch"]
        speeds.append(epochs[-1]["reviews_per_second"])
    print(f"{name:8} accuracy {100 * a:.2f} and {100 * b:.2f} %, {speeds[0]:,.0f} and {speeds[1]:,.0f} reviews/s")
    worst = max(worst, abs(a - b))
sys.exit(worst > 0.025)
PYTHON

# Of the same model, the same probabilities on both devices, whoever trained it.
cp "$work/$device/artifacts/evaluate/gru/metrics.json" "$out/metrics-$device.json"
run "$work/$device" cpu --from evaluate --variant gru --force > "$out/evaluate-cpu.txt" 2>&1 || fail "evaluation on the processor of a model of $device"
python3 - "$out/metrics-$device.json" "$work/$device/artifacts/evaluate/gru/metrics.json" <<'PYTHON' || fail "one model, two devices, two results"
import json, sys
one, two = [json.load(open(path))["models"]["gru"]["log_loss"]["value"] for path in sys.argv[1:]]
print(f"log loss of one model on both devices: {one:.6f} and {two:.6f}")
sys.exit(abs(one - two) > 1e-4)
PYTHON

# The same seed on the same device: how equal are two runs?
run "$work/$device" "$device" --only train --variant gru --force > "$out/again.txt" 2>&1 || fail "training again"
echo "trained twice on $device: $(tail -n 3 "$out/again.txt" | head -n 1)"

# How fast, beside PyTorch in Python on the same rows and device.
python3 "$scripts/compare_gru.py" --artifacts "$work/$device/artifacts" --device "$device" --seconds 20 \
    > "$out/speed.json" || fail "the comparison with PyTorch"
cat "$out/speed.json"

# A killed stage costs that stage and nothing else.
# Not by `run`: in the background that would be a shell between the two.
ressenti run --pipeline "$work/$device/pipeline.toml" --set run.device="$device" --progress none \
    --only train --variant lstm --force > "$out/kill.txt" 2>&1 &
runner=$!
stage=
for _ in $(seq 200); do stage=$(pgrep -P "$runner" -x ressenti-train) && break; sleep 0.05; done
sleep 2
if [[ -n $stage ]] && kill -KILL "$stage"; then
    wait "$runner" && fail "a run whose training was killed ended well"
    run "$work/$device" "$device" > "$out/resumed.txt" 2>&1 || fail "the run after a kill"
    grep -c '^done' "$out/resumed.txt" | sed 's/^/steps done after the kill: /'
    tail -n 2 "$out/resumed.txt"
else
    wait "$runner"
    fail "there was no training to kill"
fi

if ((${#failures[@]})); then printf 'GPU CHECK FAILED: %s\n' "${failures[@]}"; exit 1; fi
echo "GPU CHECK PASSED on $device"
