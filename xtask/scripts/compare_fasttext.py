#!/usr/bin/env python3
"""Compares a linear model of Ressenti with fastText (Joulin et al. 2017) on a CSV file with a million reviews.

    pip install fasttext-wheel "numpy<2"
    ressenti run --pipeline pipelines/imdb.toml --source aclImdb_v1.tar.gz --variant linear
    python3 xtask/scripts/compare_fasttext.py aclImdb_v1.tar.gz target/debug/ressenti-predict artifacts/imdb/train/linear

Writes the 50,000 labelled reviews twenty times, each with a counter, into a temporary folder (or --folder, which is
not deleted), trains fastText on the training reviews (bigrams, 10 dimensions, 5 epochs, rate 0.5, lower case,
punctuation separated), and lets both predict all rows --repeats times: fastText in two Python processes with every
other row, Ressenti with its defaults. With --plain fastText gets unchanged texts, which is faster and less accurate.
Prints the accuracy of fastText on the test reviews, seconds and rows per second.
"""

import argparse
import csv
import multiprocessing
import pathlib
import random
import re
import subprocess
import sys
import tarfile
import tempfile
import time

PUNCTUATION = re.compile(r"([^\w\s'])")
PROCESSES = 2
LINES = 1000


def reviews(archive):
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = member.name.split("/")
            if member.isfile() and len(parts) == 4 and parts[2] in ("pos", "neg"):
                yield parts[1], parts[2], tar.extractfile(member).read().decode()


def prepare(text, plain):
    if plain:
        return text.replace("\n", " ")
    return PUNCTUATION.sub(r" \1 ", text.lower().replace("<br />", " ")).replace("\n", " ")


def write_million(rows, path):
    with open(path, "w", newline="") as output:
        writer = csv.writer(output)
        writer.writerow(["id", "review"])
        for copy in range(20):
            for number, (_, _, text) in enumerate(rows):
                writer.writerow([f"r{copy * len(rows) + number}", f"{text} {copy}"])


def train(rows, folder, plain):
    import fasttext

    lines = folder / "train.txt"
    train = [(label, text) for split, label, text in rows if split == "train"]
    random.Random(1).shuffle(train)
    lines.write_text("".join(f"__label__{label} {prepare(text, plain)}\n" for label, text in train))
    model = fasttext.train_supervised(
        str(lines), wordNgrams=2, dim=10, epoch=5, lr=0.5, thread=1, seed=1, verbose=0
    )
    model.save_model(str(folder / "fasttext.bin"))
    test = [(label, text) for split, label, text in rows if split == "test"]
    predicted, _ = model.predict([prepare(text, plain) for _, text in test])
    correct = sum(found[0] == f"__label__{label}" for found, (label, _) in zip(predicted, test))
    print(f"fastText: {100 * correct / len(test):.2f}% of {len(test):,} test reviews")


def answer(folder, plain, part):
    import fasttext

    csv.field_size_limit(sys.maxsize)
    model = fasttext.load_model(str(folder / "fasttext.bin"))
    with open(folder / "million.csv", newline="") as source, open(folder / f"fasttext-{part}.csv", "w") as output:
        rows = csv.reader(source)
        next(rows)
        ids, lines = [], []

        def flush():
            labels, probabilities = model.predict(lines)
            for id, label, probability in zip(ids, labels, probabilities):
                output.write(f"{id},{label[0]},{probability[0]:.6f}\n")
            ids.clear()
            lines.clear()

        for number, (id, text) in enumerate(rows):
            if number % PROCESSES == part:
                ids.append(id)
                lines.append(prepare(text, plain))
                if len(lines) == LINES:
                    flush()
        if lines:
            flush()


def with_fasttext(folder, plain):
    parts = [multiprocessing.Process(target=answer, args=(folder, plain, part)) for part in range(PROCESSES)]
    [part.start() for part in parts]
    [part.join() for part in parts]
    if any(part.exitcode for part in parts):
        sys.exit("fastText failed")


def with_ressenti(folder, program, bundle):
    output = folder / "ressenti.csv"
    output.unlink(missing_ok=True)
    files = ["--input", folder / "million.csv", "--output", output]
    subprocess.run([program, "--bundle", bundle, *files, "--progress", "none"], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("program")
    parser.add_argument("bundle")
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows = list(reviews(arguments.archive))
        if not (folder / "million.csv").exists():
            write_million(rows, folder / "million.csv")
        train(rows, folder, arguments.plain)
        count = 20 * len(rows)
        for _ in range(arguments.repeats):
            for name, run in [
                ("fastText", lambda: with_fasttext(folder, arguments.plain)),
                ("Ressenti", lambda: with_ressenti(folder, arguments.program, arguments.bundle)),
            ]:
                clock = time.perf_counter()
                run()
                seconds = time.perf_counter() - clock
                print(f"{name}: {seconds:.1f} s, {count / seconds:,.0f} rows/s", flush=True)


main()
