#!/usr/bin/env bash
# Packs what `gpu_check.sh` needs on a machine with a GPU and nothing of ours: stripped programs, the
# default pipeline's data and its artifacts up to the embeddings. About 45 MB, into `gpu-check/`.
#
#     cargo build --workspace && xtask/scripts/gpu_pack.sh target/debug
set -euo pipefail
binaries=$(cd "${1:?usage: gpu_pack.sh FOLDER_WITH_BINARIES}" && pwd)
cd "$(dirname "$0")/../.."
rm -rf gpu-check && mkdir -p gpu-check/bin gpu-check/data
cp data/movie_review_sentences.tsv gpu-check/data/
# All of the encoder is left out: its weights alone would fill what can be carried. See gpu_encoder.sh.
python3 - <<'PYTHON' > gpu-check/pipeline.toml
import re
text = open("pipeline.toml").read()
tables = re.split(r"(?m)^(?=\[|# ---)", text)
print("".join(table for table in tables if "minilm" not in table and "[model.transfer" not in table and "[model.probe" not in table))
PYTHON
names() { sed -n "s/^\[$1\.\([^].]*\)\].*/\1/p" gpu-check/pipeline.toml; }
only() { "$binaries/ressenti" run --pipeline gpu-check/pipeline.toml --only "$@"; }
only ingest
only clean
for name in $(names tokenizer); do only tokenize --variant "$name"; done
for name in $(names embedding); do only embed --variant "$name"; done
for program in ressenti ressenti-train ressenti-evaluate ressenti-report; do
    strip -o "gpu-check/bin/$program" "$binaries/$program"
done
# The one with faults on purpose, for gpu_faults.sh.
cargo build --package ressenti-train --features faults --bin ressenti-train-faults
strip -o gpu-check/bin/ressenti-train-faults "$binaries/ressenti-train-faults"
du -sh gpu-check
