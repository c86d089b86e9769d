#!/usr/bin/env python3
"""Measures coverage and error of `ressenti trend` with known shares: IMDB test reviews are sampled so that each
month or topic has a chosen share of positive reviews.

    python3 xtask/scripts/trend_coverage.py aclImdb_v1.tar.gz target/debug/ressenti-trend \
        --pipeline pipelines/imdb.toml --model linear [--set pipeline.artifacts=FOLDER] [--series 20]

Months: the log-odds of 48 months are a random walk (steps of 0.15) or constant, with 4, 30 and 200 reviews each.
Topics: 300 topics with 3 or 20 reviews each; their log-odds are normal with a standard deviation of 1, or equal.
"""
import argparse
import csv
import json
import math
import os
import random
import subprocess
import tarfile
import tempfile

MONTHS = 48


def reviews(archive):
    """Texts of the test split: negative ones, then positive ones."""
    texts = [[], []]
    with tarfile.open(archive, "r|gz") as files:
        for file in files:
            parts = file.name.split("/")
            if len(parts) == 4 and parts[1] == "test" and parts[2] in ("neg", "pos"):
                text = files.extractfile(file).read().decode("utf-8")
                texts[parts[2] == "pos"].append(text)
    return texts


def share(odds):
    return 1 / (1 + math.exp(-odds))


def write(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["text", "date", "topic"])
        table.writerows(rows)


def trend(command, path):
    done = subprocess.run(command + [path], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def sample(random_, texts, odds):
    return random_.choice(texts[random_.random() < share(odds)])


def months(seed, texts, size, step):
    """Log-odds of each month, and its reviews."""
    random_ = random.Random(seed)
    odds = [random_.gauss(0.5, 1)]
    while len(odds) < MONTHS:
        odds.append(odds[-1] + random_.gauss(0, step))
    rows = [
        (sample(random_, texts, value), f"{2015 + month // 12}-{month % 12 + 1:02}-{1 + index % 28:02}", "one")
        for month, value in enumerate(odds)
        for index in range(size)
    ]
    return odds, rows


def topics(seed, texts, size, spread):
    random_ = random.Random(seed)
    odds = [random_.gauss(0.5, spread) for _ in range(300)]
    rows = [
        (sample(random_, texts, value), f"2015-{1 + index % 12:02}-01", f"topic {topic}")
        for topic, value in enumerate(odds)
        for index in range(size)
    ]
    random_.shuffle(rows)
    return odds, rows


class Coverage:
    """Errors of estimates, and how many intervals contain the true value."""

    def __init__(self):
        self.errors, self.covered, self.widths = [], 0, []

    def add(self, found, truth):
        self.errors.append(abs(found["value"] - truth))
        self.covered += found["low"] <= truth <= found["high"]
        self.widths.append(found["high"] - found["low"])

    def __str__(self):
        count = len(self.errors)
        mean = lambda values: 100 * sum(values) / count
        return f"error {mean(self.errors):5.1f} points, {100 * self.covered / count:5.1f}% of {count:,} intervals cover, width {mean(self.widths):5.1f} points"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("archive")
    arguments.add_argument("program")
    arguments.add_argument("--pipeline", required=True)
    arguments.add_argument("--model", default="linear")
    arguments.add_argument("--set", action="append", default=[])
    arguments.add_argument("--series", type=int, default=20)
    arguments = arguments.parse_args()
    sets = [part for value in arguments.set for part in ("--set", value)]
    command = [
        arguments.program, "--pipeline", arguments.pipeline, "--model", arguments.model, "--format", "json", "--progress", "none",
        "--set", "ingest.columns.text=text", "--set", "ingest.columns.timestamp=date", "--set",
        "ingest.columns.topic=topic", *sets,
    ]
    texts = reviews(arguments.archive)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "reviews.csv")
        for step in (0.15, 0.0):
            for size in (4, 30, 200):
                level, alone, rises = Coverage(), Coverage(), Coverage()
                for seed in range(arguments.series):
                    odds, rows = months(seed, texts, size, step)
                    write(path, rows)
                    found = trend(command + ["--period", "month"], path)
                    for period, value in zip(found["periods"], odds, strict=True):
                        level.add(period["level"], share(value))
                        alone.add(period["share"], share(value))
                    rises.add(found["model"]["rise"], share(odds[-1]) - share(odds[0]))
                print(f"months of {size} reviews, steps of {step}")
                print(f"  smoothed trend {level}\n  month alone    {alone}\n  change         {rises}", flush=True)
        for spread in (1.0, 0.0):
            for size in (3, 20):
                pooled, alone = Coverage(), Coverage()
                for seed in range(max(1, arguments.series // 4)):
                    odds, rows = topics(seed, texts, size, spread)
                    write(path, rows)
                    found = trend(command, path)
                    for topic in found["topics"]:
                        truth = share(odds[int(topic["topic"].split()[1])])
                        pooled.add(topic["share"], truth)
                        alone.add(topic["alone"], truth)
                print(f"300 topics of {size} reviews, spread of {spread}")
                print(f"  pooled {pooled}\n  alone  {alone}", flush=True)


if __name__ == "__main__":
    main()
