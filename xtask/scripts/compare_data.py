#!/usr/bin/env python3
"""Compares the time from the aclImdb archive to token ids: Ressenti, pandas with regular expressions, and polars with
the tokenizers library, one after the other.

    pip install pandas polars tokenizers pyarrow
    cargo build --workspace
    python3 xtask/scripts/compare_data.py --source aclImdb_v1.tar.gz --binaries target/debug

All of them read the archive, strip HTML, unescape, normalise white space, remove exact duplicates, count the words of
the training split, keep the 25,000 most frequent ones, and encode all 100,000 reviews with at most 400 ids. Only
Ressenti also handles Unicode normalisation, mojibake, near-duplicates, leaks between splits, data checks and digests.
Prints a table with seconds and peak memory.
"""

import argparse
import collections
import html
import json
import multiprocessing
import pathlib
import re
import resource
import subprocess
import tarfile
import tempfile
import time

TAG = re.compile(r"<[^>]{1,200}>")
SPACE = re.compile(r"\s+")
WORD = re.compile(r"\w+|[^\w\s]+")


def read(source):
    rows = []
    with tarfile.open(source) as tar:
        for member in tar:
            parts = member.name.split("/")
            if member.isfile() and len(parts) == 4 and parts[2] in ("pos", "neg", "unsup"):
                rows.append((tar.extractfile(member).read().decode(), parts[1], parts[2]))
    return rows


def with_pandas(source):
    import pandas

    clock = time.perf_counter()
    frame = pandas.DataFrame(read(source), columns=["text", "split", "label"])
    read_seconds = time.perf_counter() - clock
    frame["text"] = frame["text"].map(html.unescape).str.replace(TAG, " ", regex=True)
    frame["text"] = frame["text"].str.replace(SPACE, " ", regex=True).str.strip()
    frame = frame.drop_duplicates(subset=["text"])
    clean_seconds = time.perf_counter() - clock - read_seconds
    words = frame["text"].str.lower().map(WORD.findall)
    counts = collections.Counter()
    for row in words[(frame["split"] == "train") & (frame["label"] != "unsup")]:
        counts.update(row)
    vocabulary = {word: id for id, (word, _) in enumerate(counts.most_common(24998), 2)}
    ids = [[vocabulary.get(word, 1) for word in row[:400]] for row in words]
    return len(ids), [read_seconds, clean_seconds, time.perf_counter() - clock - read_seconds - clean_seconds]


def with_polars(source):
    import polars
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    clock = time.perf_counter()
    frame = polars.DataFrame(read(source), schema=["text", "split", "label"], orient="row")
    read_seconds = time.perf_counter() - clock
    text = polars.col("text").str.replace_all(r"<[^>]{1,200}>", " ").str.replace_all(r"\s+", " ").str.strip_chars()
    frame = frame.with_columns(text).unique(subset=["text"], keep="first", maintain_order=True)
    clean_seconds = time.perf_counter() - clock - read_seconds
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    train = frame.filter((polars.col("split") == "train") & (polars.col("label") != "unsup"))["text"].to_list()
    trainer = trainers.WordLevelTrainer(vocab_size=25000, special_tokens=["[PAD]", "[UNK]"], show_progress=False)
    tokenizer.train_from_iterator(train, trainer)
    tokenizer.enable_truncation(400)
    ids = [encoding.ids for encoding in tokenizer.encode_batch(frame["text"].to_list())]
    return len(ids), [read_seconds, clean_seconds, time.perf_counter() - clock - read_seconds - clean_seconds]


def in_python(method, source, queue):
    rows, seconds = method(source)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    queue.put((rows, seconds, peak))


def measure_python(method, source):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=in_python, args=(method, source, queue))
    process.start()
    outcome = queue.get()
    process.join()
    return outcome


def measure_ressenti(binaries, source):
    seconds, peak = [], 0
    with tempfile.TemporaryDirectory() as folder:
        pipeline = pathlib.Path(__file__).resolve().parents[2] / "pipelines/imdb.toml"
        settings = ["--pipeline", pipeline, "--set", f"pipeline.artifacts={folder}"]
        settings += ["--set", f"ingest.source={source}", "--progress", "none"]
        for stage in ["ingest", "clean", "tokenize"]:
            variant = ["--variant", "words"] if stage == "tokenize" else []
            subprocess.run([binaries / f"ressenti-{stage}", *settings, *variant], check=True, stdout=subprocess.DEVNULL)
            variant = "words" if stage == "tokenize" else "reviews"
            manifest = json.loads((pathlib.Path(folder) / stage / variant / "manifest.json").read_text())
            seconds.append(manifest["run"]["seconds"])
            peak = max(peak, manifest["run"]["peak_memory"])
            rows = sum(file.get("rows") or 0 for file in manifest["files"])
    return rows, seconds, peak


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--binaries", default=pathlib.Path("target/debug"), type=pathlib.Path)
    arguments = parser.parse_args()
    source = arguments.source.resolve()
    outcomes = {
        "Ressenti": measure_ressenti(arguments.binaries.resolve(), source),
        "polars + tokenizers in Python": measure_python(with_polars, source),
        "pandas + regular expressions + a loop": measure_python(with_pandas, source),
    }
    print("| method | read | clean | tokenize | all | peak memory | reviews encoded |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, (rows, seconds, peak) in outcomes.items():
        parts = " | ".join(f"{part:.1f} s" for part in seconds)
        print(f"| {name} | {parts} | {sum(seconds):.1f} s | {peak / 2**30:.2f} GiB | {rows:,} |")


if __name__ == "__main__":
    main()
