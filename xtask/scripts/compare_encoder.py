#!/usr/bin/env python3
"""Compares the speed of computing encoder features in Ressenti and in `transformers` on the same rows.

Both compute the mean of the last layer over all tokens of reviews truncated to 128 and 256 tokens, in f32 and bf16, on
the CPU. `transformers` gets rows sorted by length and the fastest of several batch sizes. Both use `sdpa` attention.

    pip install torch==2.11.0 transformers numpy pyarrow
    cargo build --workspace
    python3 xtask/scripts/compare_encoder.py --source aclImdb_v1.tar.gz --encoder data/encoders/all-minilm-l6-v2

Prints a JSON object with reviews per second of each, the ratios, and the smallest cosine similarity of the features.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time

import numpy
import pyarrow
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2]
PIPELINE = """
[pipeline]
name = "encoding speed"
[run]
device = "cpu"
threads = {threads}
[ingest]
source = "{source}"
[clean]
split = {{ test = 0.05, validation = 0.05 }}
[tokenizer.pieces]
kind = "pretrained"
source = "{encoder}/tokenizer.json"
max_length = {length}
[embedding.encoder]
kind = "encoder"
tokenizer = "pieces"
source = "{encoder}"
[embedding.features]
kind = "features"
encoder = "encoder"
features = {{ precision = "{precision}" }}
"""


def ressenti(arguments, folder, length, precision):
    """Runs the pipeline up to the features; returns the artifacts of features and tokens."""
    file = folder / "pipeline.toml"
    names = {"threads": arguments.threads, "source": arguments.source, "encoder": arguments.encoder}
    file.write_text(PIPELINE.format(length=length, precision=precision, **names))
    run = [arguments.binaries / "ressenti", "run", "--pipeline", file, "--progress", "none"]
    for stage in ["ingest", "clean", "tokenize"]:
        subprocess.run([*run, "--only", stage], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*run, "--only", "embed", "--variant", "encoder"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*run, "--only", "embed", "--variant", "features", "--force"], check=True, stdout=subprocess.DEVNULL)
    return folder / "artifacts/embed/features", folder / "artifacts/tokenize/pieces"


def features_of(artifact, split):
    rows, files = [], sorted(artifact.glob(f"{split}-*.arrow"))
    for file in files:
        table = pyarrow.ipc.open_file(file).read_all()
        column = table.column("features").combine_chunks()
        rows.append(column.flatten().to_numpy().reshape(len(table), -1))
    return numpy.concatenate(rows)


def tokens_of(artifact, split):
    table = pyarrow.ipc.open_file(artifact / f"{split}.arrow").read_all()
    return [numpy.asarray(row) for row in table.column(3).to_pylist()]


def encode(model, rows, batch_size, seconds=None):
    """Features of all rows and reviews per second. With `seconds` only a sample of batches is encoded."""
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    found = numpy.zeros((len(rows), model.config.hidden_size), numpy.float32)
    with torch.inference_mode():
        if seconds is not None:
            # Every k-th batch, so that the sample has the same lengths as all rows.
            step = max(1, len(batches) // 24)
            batches = batches[step // 2 :: step]
        started = time.perf_counter()
        for batch in batches:
            longest = max(len(rows[row]) for row in batch)
            ids = torch.zeros(len(batch), longest, dtype=torch.long)
            mask = torch.zeros(len(batch), longest, dtype=torch.long)
            for index, row in enumerate(batch):
                ids[index, : len(rows[row])] = torch.from_numpy(rows[row].astype(numpy.int64))
                mask[index, : len(rows[row])] = 1
            states = model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
            weights = mask.unsqueeze(2).float()
            found[batch] = ((states * weights).sum(1) / weights.sum(1)).numpy()
        passed = time.perf_counter() - started
    return found, sum(map(len, batches)) / passed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True, type=pathlib.Path, help="reviews: the aclImdb archive, or a CSV")
    parser.add_argument("--encoder", required=True, type=pathlib.Path, help="the folder of the encoder")
    parser.add_argument("--binaries", default=ROOT / "target/debug", type=pathlib.Path)
    parser.add_argument("--threads", default=os.cpu_count(), type=int)
    parser.add_argument("--lengths", default=[128, 256], type=int, nargs="+")
    parser.add_argument("--split", default="train", help="split whose rows `transformers` encodes")
    arguments = parser.parse_args()
    for name in ["source", "encoder", "binaries"]:
        setattr(arguments, name, getattr(arguments, name).resolve())
    torch.set_num_threads(arguments.threads)
    result = {"threads": arguments.threads, "torch": torch.__version__, "transformers": transformers.__version__}
    with tempfile.TemporaryDirectory() as name:
        for length in arguments.lengths:
            for precision, kind in [("f32", torch.float32), ("bf16", torch.bfloat16)]:
                artifact, tokens = ressenti(arguments, pathlib.Path(name), length, precision)
                summary = json.loads((artifact / "manifest.json").read_text())["run"]["summary"]
                ours = float(summary.split(", ")[-1].split(" ")[0].replace(",", ""))
                model = transformers.AutoModel.from_pretrained(
                    arguments.encoder, dtype=kind, attn_implementation="sdpa"
                ).eval()
                rows = tokens_of(tokens, arguments.split)
                encode(model, rows[:32], 16)  # warm
                speeds = {size: encode(model, rows, size, seconds=20)[1] for size in [8, 16, 32, 64]}
                best = max(speeds, key=speeds.get)
                expected, theirs = encode(model, rows, best)
                found = features_of(artifact, arguments.split)
                cosines = (found * expected).sum(1) / numpy.linalg.norm(found, axis=1) / numpy.linalg.norm(expected, axis=1)
                result[f"{length} tokens, {precision}"] = {
                    "rows": len(rows),
                    "ressenti reviews/s": ours,
                    "transformers reviews/s": round(theirs, 1),
                    "transformers batch": best,
                    "ratio": round(ours / theirs, 3),
                    "least cosine": float(cosines.min()),
                }
                print(json.dumps(result, indent=2), flush=True)


main()
