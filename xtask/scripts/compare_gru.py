#!/usr/bin/env python3
"""Compares the training speed of Ressenti and of PyTorch in Python on the same rows.

A one-layer bidirectional GRU (width 100, 128 units), batches of 64 rows of similar length with at most 256 tokens, a
learned embedding, AdamW, and gradient clipping. PyTorch runs twice: padded, and with packed sequences. For a model that
is already trained:

    python3 xtask/scripts/compare_gru.py --artifacts artifacts --device cuda

    pip install torch==2.11.0 numpy pyarrow
    cargo build --workspace
    python3 xtask/scripts/compare_gru.py --source aclImdb_v1.tar.gz --binaries target/debug

Prints a JSON object with reviews per second of each and the ratios.
"""

import argparse
import itertools
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
POOL = 40  # batches whose rows are sorted by length together, as in crates/classifier/src/batch.rs


class BidirectionalGru(torch.nn.Module):
    def __init__(self, model, packed):
        super().__init__()
        sizes, hidden = model["sizes"], model["architecture"]["hidden"]
        self.embedding = torch.nn.Embedding(sizes["vocabulary_size"], sizes["width"], padding_idx=0)
        self.gru = torch.nn.GRU(sizes["width"], hidden, bidirectional=True, batch_first=True)
        self.output = torch.nn.Linear(2 * hidden, sizes["classes"])
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


def train_in_python(rows, labels, model, packed, device, seconds):
    torch.manual_seed(1)
    size = model["architecture"]["training"]["batch_size"]
    network = BidirectionalGru(model, packed).to(device)
    adam = torch.optim.AdamW(network.parameters(), lr=1e-3)
    epochs = (batches_of(rows, size, seed) for seed in itertools.count(1))
    reviews, tokens, started = 0, 0, None
    for number, batch in enumerate(itertools.chain.from_iterable(epochs)):
        if number % 10 == 3:  # after the warm-up; a GPU is synchronized only every ten batches
            if device == "cuda":
                torch.cuda.synchronize()
            now = time.perf_counter()
            started = started or now
            if now - started > seconds:
                break
        lengths = torch.tensor([len(rows[row]) for row in batch])
        ids = torch.zeros(len(batch), int(lengths.max()), dtype=torch.long)
        for column, row in enumerate(batch):
            ids[column, : len(rows[row])] = torch.from_numpy(rows[row])
        targets = torch.from_numpy(labels[batch].astype(numpy.int64)).to(device)
        loss = torch.nn.functional.cross_entropy(network(ids.to(device), lengths), targets)
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        adam.step()
        if started is not None:
            reviews += len(batch)
            tokens += int(lengths.sum())
    passed = now - started
    return {"reviews_per_second": reviews / passed, "tokens_per_second": tokens / passed}


def ressenti(binaries, arguments):
    subprocess.run([binaries / "ressenti", *arguments], check=True, cwd=ROOT)


def train_in_ressenti(arguments):
    """Runs the pipeline of one model and returns its artifacts folder."""
    common = ["--pipeline", PIPELINE, "--source", arguments.source.resolve()]
    common += ["--set", f"run.device={arguments.device}", "--set", f"run.threads={arguments.threads}"]
    for stage in ["ingest", "clean", "tokenize", "embed"]:
        ressenti(arguments.binaries, ["run", *common, "--only", stage])
    ressenti(arguments.binaries, ["run", *common, "--only", "train", "--force"])
    return ROOT / "artifacts" / "speed"


def speed_of(record):
    """The speed in the last epoch of a `metrics.jsonl`."""
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    epoch = [line for line in lines if line["event"] == "epoch"][-1]
    steps = [line for line in lines if line["event"] == "step" and line["epoch"] == epoch["epoch"]]
    rate = sum(line["tokens_per_second"] for line in steps) / len(steps)
    return {"reviews_per_second": epoch["reviews_per_second"], "tokens_per_second": rate}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--source", type=pathlib.Path, help="the aclImdb archive or folder; trains the model first")
    where.add_argument("--artifacts", type=pathlib.Path, help="an artifacts folder with a trained model")
    parser.add_argument("--binaries", default=ROOT / "target/debug", type=pathlib.Path)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--seconds", default=60.0, type=float, help="duration of each training in PyTorch")
    parser.add_argument("--threads", default=os.cpu_count(), type=int)
    arguments = parser.parse_args()
    arguments.binaries = arguments.binaries.resolve()
    torch.set_num_threads(arguments.threads)

    artifacts = arguments.artifacts or train_in_ressenti(arguments)
    ours = speed_of(artifacts / "train/gru/metrics.jsonl")
    model = json.loads((artifacts / "train/gru/model.json").read_text())
    rows, labels = read_rows(artifacts / "tokenize/words")
    python = lambda packed: train_in_python(rows, labels, model, packed, arguments.device, arguments.seconds)
    padded, packed = python(False), python(True)
    result = {
        "rows": len(rows),
        "device": arguments.device,
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
