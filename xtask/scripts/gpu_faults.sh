#!/usr/bin/env bash
# Real faults of a GPU, in one call: memory that is full, a device-side assertion, a kill, and what
# becomes of the training. Needs what `gpu_pack.sh` makes, and Python with PyTorch 2.11.
#
#     xtask/scripts/gpu_faults.sh gpu-check "$OUT"
#     xtask/scripts/gpu_faults.sh gpu-check "$OUT" cpu     what of it needs no GPU
#
# Ends with 0 and `GPU FAULTS PASSED`, or says what did not hold.
set -uo pipefail
pack=$(cd "${1:?usage: gpu_faults.sh PACK_FOLDER LOG_FOLDER}" && pwd)
out=$(mkdir -p "${2:?usage: gpu_faults.sh PACK_FOLDER LOG_FOLDER}" && cd "$2" && pwd)
device=${3:-cuda}
work=$(mktemp -d)
holder=
trap '[[ -n $holder ]] && kill "$holder" 2> /dev/null; rm -rf "$work"' EXIT
LD_LIBRARY_PATH=$(python3 -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))')${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
failures=()
fail() { failures+=("$1"); echo "FAILED: $1"; }

# A copy of the pack whose training program has faults on purpose.
copy() { # copy NAME
    cp -r "$pack" "$work/$1"
    mv "$work/$1/bin/ressenti-train-faults" "$work/$1/bin/ressenti-train"
    mkdir "$work/$1/faults"
}
train() { # train NAME PLAN [ARGUMENTS]
    local folder="$work/$1" plan=$2; shift 2
    RESSENTI_FAULTS=$plan RESSENTI_FAULTS_DONE="$folder/faults" "$folder/bin/ressenti" run \
        --pipeline "$folder/pipeline.toml" --set "run.device=$device" --set run.checkpoint.steps=50 --set run.deterministic=true \
        --only train --variant lstm --progress plain "$@"
}
expect() { grep -q "$2" "$out/$1.txt" || fail "$1: no \`$2\` in $1.txt"; }
weights() { sha256sum < "$work/$1/artifacts/train/lstm/model.safetensors"; }

copy plain
train plain "" > "$out/plain.txt" 2>&1 || fail "the training that nothing disturbs"

# A real assertion of the device leaves it in a state that only a new process can leave.
# A processor says of the same index that it is out of range, and goes on.
if [[ $device == cuda ]]; then
    copy assert
    train assert "assert@120" > "$out/assert.txt" 2>&1 || fail "the training with an assertion"
    expect assert "device-side assert"
    expect assert "starting it again"
    expect assert "goes on after step"
fi

copy kill
train kill "kill@200" > "$out/kill.txt" 2>&1 && fail "a killed training ended well"
train kill "" > "$out/resumed.txt" 2>&1 || fail "the training after a kill"
expect resumed "goes on after step"
echo "plain   $(weights plain)"
echo "resumed $(weights kill)"
[[ $(weights plain) == "$(weights kill)" ]] || fail "with run.deterministic the resumed training has other weights"

# Somebody else has nearly all of the memory.
if [[ $device == cuda ]]; then
    python3 - <<'PYTHON' > "$work/held" &
import time, torch
free, total = torch.cuda.mem_get_info()
held = torch.empty(free - (1500 << 20), dtype=torch.uint8, device="cuda")
print(f"{held.numel() >> 20} of {total >> 20} MiB are held", flush=True)
time.sleep(300)
PYTHON
    holder=$!
    until [[ -s $work/held ]]; do sleep 0.2; done
    cat "$work/held"
    copy memory
    train memory "" --set training.batch_size=4096 --set model.lstm.hidden=512 > "$out/memory.txt" 2>&1 \
        || fail "the training with little memory"
    expect memory "memory is full: batches are read in"
    kill "$holder"; holder=
fi

tail -n 3 "$out"/*.txt
if ((${#failures[@]})); then printf 'GPU FAULTS FAILED: %s\n' "${failures[@]}"; exit 1; fi
echo "GPU FAULTS PASSED on $device"
