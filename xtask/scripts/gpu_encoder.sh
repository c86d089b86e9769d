#!/usr/bin/env bash
# Tunes an encoder on IMDB on a GPU and says accuracy, time, speed beside `transformers`, and memory.
# `gpu_encoder_pack.sh` makes the parts; each is carried in a call of its own, which moves it to where
# ignored files stay between calls:
#
#     mkdir -p target/parts && mv gpu-encoder/part-* target/parts/
#
# and then, in one call, with Python that has PyTorch 2.11, pyarrow and, for the comparison, transformers:
#
#     xtask/scripts/gpu_encoder.sh target/parts "$OUT"
#     xtask/scripts/gpu_encoder.sh target/parts "$OUT" cpu     the script itself, without a GPU
set -euo pipefail
parts=$(cd "${1:?usage: gpu_encoder.sh FOLDER_WITH_PARTS LOG_FOLDER}" && pwd)
out=$(mkdir -p "${2:?usage: gpu_encoder.sh FOLDER_WITH_PARTS LOG_FOLDER}" && cd "$2" && pwd)
device=${3:-cuda}
scripts=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat "$parts"/part-* | tar -C "$work" -xzf -
cd "$work"
LD_LIBRARY_PATH=$(python3 -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))')${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
common=(--pipeline pipeline.toml --variant tuned --set "run.device=$device" --progress plain)
{ time bin/ressenti-train "${common[@]}"; } 2>&1 | tee "$out/train.txt"
{ time bin/ressenti-evaluate "${common[@]}"; } 2>&1 | tee "$out/evaluate.txt"
cp artifacts/train/tuned/metrics.jsonl artifacts/train/tuned/manifest.json "$out/"
cp artifacts/evaluate/tuned/metrics.json "$out/"
# The same rows, batch size and format in Python, for a minute.
python3 "$scripts/compare_tuning.py" --artifacts artifacts --encoder encoder --device "$device" \
    --seconds "${SECONDS_IN_PYTHON:-60}" | tee "$out/speed.json"
