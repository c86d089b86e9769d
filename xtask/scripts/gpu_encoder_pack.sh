#!/usr/bin/env bash
# Packs what `gpu_encoder.sh` needs to tune an encoder on IMDB on a machine with a GPU and nothing of
# ours: stripped programs, the encoder in f16, the reviews as tokens. In parts of 56 MiB, because no
# more can be carried at once, into `gpu-encoder/`.
#
#     cargo build --workspace
#     xtask/scripts/gpu_encoder_pack.sh target/debug aclImdb_v1.tar.gz data/encoders/all-minilm-l6-v2
#
# Needs Python with numpy and safetensors. LENGTH is the most tokens of a review, 512 unless set.
set -euo pipefail
usage="usage: gpu_encoder_pack.sh FOLDER_WITH_BINARIES SOURCE ENCODER"
binaries=$(cd "${1:?$usage}" && pwd)
source=$(realpath "${2:?$usage}")
encoder=$(realpath "${3:?$usage}")
cd "$(dirname "$0")/../.."
pack=$(mktemp -d)
trap 'rm -rf "$pack"' EXIT
mkdir -p "$pack/bin" "$pack/encoder"
python3 - "$encoder" "$pack/encoder" <<'PYTHON'
import numpy, pathlib, shutil, sys
import safetensors.numpy
source, target = map(pathlib.Path, sys.argv[1:])
weights = safetensors.numpy.load_file(source / "model.safetensors")
half = {name: t.astype(numpy.float16) if t.dtype == numpy.float32 else t for name, t in weights.items()}
safetensors.numpy.save_file(half, target / "model.safetensors", {"format": "pt"})
for name in ["config.json", "tokenizer.json"]:
    shutil.copy(source / name, target)
PYTHON
cat > "$pack/pipeline.toml" <<TOML
[pipeline]
name = "IMDB on a GPU"
seed = 20140601
artifacts = "artifacts"
[ingest]
source = "reviews"
[clean]
[tokenizer.own]
kind = "pretrained"
source = "encoder/tokenizer.json"
max_length = ${LENGTH:-512}
truncation = "head_tail"
[embedding.encoder]
kind = "encoder"
tokenizer = "own"
source = "encoder"
[model.tuned]
kind = "transformer"
embedding = "encoder"
[model.tuned.training]
epochs = 3
batch_size = 32
learning_rate = 5e-5
warm_up = 0.1
precision = "auto"
[evaluation]
TOML
cp -rL "$source" "$pack/reviews"
for stage in ingest clean tokenize embed; do
    "$binaries/ressenti" run --pipeline "$pack/pipeline.toml" --only "$stage"
done
# Training and evaluation read tokens and encoder alone. Of what came before they ask who it is: the
# source's digest and the manifests.
find "$pack"/artifacts/store/{ingest,clean} -type f ! -name manifest.json -delete
rm -rf "$pack/artifacts/work"
for program in ressenti-train ressenti-evaluate; do strip -o "$pack/bin/$program" "$binaries/$program"; done
rm -rf gpu-encoder && mkdir gpu-encoder
tar -C "$pack" -czf - . | split -b 56M -d - gpu-encoder/part-
ls -l gpu-encoder
