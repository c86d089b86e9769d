#!/usr/bin/env python3
"""Training speed of Ressenti and of PyTorch in Python, on the same rows, in one run.

A one-layer bidirectional GRU, 100 to 128, batches of 64, at most 256 tokens, batches of rows of
about the same length, the embedding learned, Adam, the gradient clipped, on the processor. PyTorch
runs twice: padded, and with packed sequences.

    pip install torch==2.11.0 numpy pyarrow
    cargo build --workspace
    python3 xtask/scripts/compare_gru.py --source aclImdb_v1.tar.gz --binaries target/debug

Prints one JSON object: reviews per second of each, and the ratios.
"""

import argparse
import json
import os
import pathlib
import subprocess
import time

import numpy
import pyarrow
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
PIPELINE = ROOT / "pipelines" / "speed.toml"
POOL = 40  # batches sorted by length together, as in crates/classifier/src/batch.rs


class BidirectionalGru(torch.nn.Module):
    def __init__(self, vocabulary, packed):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, 100, padding_idx=0)
        self.gru = torch.nn.GRU(100, 128, bidirectional=True, batch_first=True)
        self.output = torch.nn.Linear(256, 2)
        self.dropout = torch.nn.Dropout(0.5)
        self.packed = packed

    def forward(self, ids, lengths):
        vectors = self.embedding(ids)
        if self.packed:
            packed = torch.nn.utils.rnn.pack_padded_sequence(
                vectors, lengths, batch_first=True, enforce_sorted=False
            )
            states, _ = torch.nn.utils.rnn.pad_packed_sequence(
                self.gru(packed)[0], batch_first=True, padding_value=float("-inf")
            )
        else:
            states, _ = self.gru(vectors)
        return self.output(self.dropout(states.amax(1)))


def read_rows(folder):
    with pyarrow.memory_map(str(folder / "train.arrow")) as source:
        table = pyarrow.ipc.open_file(source).read_all()
    rows = [numpy.array(ids, dtype=numpy.int64) for ids in table["ids"].to_pylist()]
    return rows, table["label"].to_numpy()


def batches_of(rows, size, seed):
    random = numpy.random.default_rng(seed)
    order = random.permutation(len(rows))
    batches = []
    for start in range(0, len(order), POOL * size):
        pool = sorted(order[start : start + POOL * size], key=lambda row: len(rows[row]))
        batches += [pool[at : at + size] for at in range(0, len(pool), size)]
    random.shuffle(batches)
    return batches


def train_in_python(rows, labels, packed, seconds):
    torch.manual_seed(1)
    model = BidirectionalGru(20000, packed)
    adam = torch.optim.AdamW(model.parameters(), lr=1e-3)
    reviews, tokens, started = 0, 0, None
    for number, batch in enumerate(batches_of(rows, 64, seed=1)):
        if number == 3:  # after the warm-up
            started = time.perf_counter()
        lengths = torch.tensor([len(rows[row]) for row in batch])
        ids = torch.zeros(len(batch), int(lengths.max()), dtype=torch.long)
        for column, row in enumerate(batch):
            ids[column, : len(rows[row])] = torch.from_numpy(rows[row])
        loss = torch.nn.functional.cross_entropy(
            model(ids, lengths), torch.from_numpy(labels[batch].astype(numpy.int64))
        )
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        if started is not None:
            reviews += len(batch)
            tokens += int(lengths.sum())
            if time.perf_counter() - started > seconds:
                break
    passed = time.perf_counter() - started
    return {"reviews_per_second": reviews / passed, "tokens_per_second": tokens / passed}


def ressenti(binaries, arguments):
    subprocess.run([binaries / "ressenti", *arguments], check=True, cwd=ROOT)


def train_in_ressenti(arguments, common):
    command = ["run", *common, "--only", "train", "--force"]
    ressenti(arguments.binaries, command)
    lines = (ROOT / "artifacts/speed/train/gru/metrics.jsonl").read_text().splitlines()
    epoch = next(line for line in map(json.loads, lines) if line["event"] == "epoch")
    steps = [line for line in map(json.loads, lines) if line["event"] == "step"]
    rate = sum(line["tokens_per_second"] for line in steps) / len(steps)
    return {"reviews_per_second": epoch["reviews_per_second"], "tokens_per_second": rate}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True, type=pathlib.Path, help="the aclImdb archive or folder")
    parser.add_argument("--binaries", default=ROOT / "target/debug", type=pathlib.Path)
    parser.add_argument("--seconds", default=60.0, type=float, help="how long PyTorch trains each way")
    parser.add_argument("--threads", default=os.cpu_count(), type=int)
    arguments = parser.parse_args()
    arguments.binaries = arguments.binaries.resolve()
    torch.set_num_threads(arguments.threads)

    common = ["--pipeline", PIPELINE, "--source", arguments.source.resolve()]
    common += ["--set", "run.device=cpu", "--set", f"run.threads={arguments.threads}"]
    for stage in ["ingest", "clean", "tokenize", "embed"]:
        ressenti(arguments.binaries, ["run", *common, "--only", stage])
    ours = train_in_ressenti(arguments, common)
    rows, labels = read_rows(ROOT / "artifacts/speed/tokenize/words")
    padded = train_in_python(rows, labels, packed=False, seconds=arguments.seconds)
    packed = train_in_python(rows, labels, packed=True, seconds=arguments.seconds)
    result = {
        "rows": len(rows),
        "threads": arguments.threads,
        "torch": torch.__version__,
        "ressenti": ours,
        "pytorch_padded": padded,
        "pytorch_packed": packed,
        "ratio_to_padded": ours["tokens_per_second"] / padded["tokens_per_second"],
        "ratio_to_packed": ours["tokens_per_second"] / packed["tokens_per_second"],
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
