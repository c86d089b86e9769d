#!/usr/bin/env python3
"""How often the intervals of `ressenti trend` hold, and how far it is off, where the truth is known: IMDB test
reviews are drawn so that each month, or each topic, has a share of positive ones that was chosen before.

    python3 xtask/scripts/trend_coverage.py aclImdb_v1.tar.gz target/debug/ressenti-trend \
        --pipeline pipelines/imdb.toml --model linear [--set pipeline.artifacts=FOLDER] [--series 20]

Months: log-odds of 48 months walk at random (steps of 0.15) or stand still; with 4, 30 and 200 reviews each. Topics:
300 with 3 or 20 reviews each, their log-odds normal with a standard deviation of 1, or all the same.
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
    """Texts of the test split by class, negative ones first."""
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


def drawn(random_, texts, odds):
    return random_.choice(texts[random_.random() < share(odds)])


def months(seed, texts, size, step):
    """Log-odds of each month, and its reviews."""
    random_ = random.Random(seed)
    odds = [random_.gauss(0.5, 1)]
    while len(odds) < MONTHS:
        odds.append(odds[-1] + random_.gauss(0, step))
    rows = [
        (drawn(random_, texts, value), f"{2015 + month // 12}-{month % 12 + 1:02}-{1 + place % 28:02}", "one")
        for month, value in enumerate(odds)
        for place in range(size)
    ]
    return odds, rows


def topics(seed, texts, size, spread):
    random_ = random.Random(seed)
    odds = [random_.gauss(0.5, spread) for _ in range(300)]
    rows = [
        (drawn(random_, texts, value), f"2015-{1 + place % 12:02}-01", f"topic {topic}")
        for topic, value in enumerate(odds)
        for place in range(size)
    ]
    random_.shuffle(rows)
    return odds, rows


class Judged:
    """Distances of estimates to truths, and how many intervals hold them."""

    def __init__(self):
        self.distances, self.held, self.widths = [], 0, []

    def add(self, found, truth):
        self.distances.append(abs(found["value"] - truth))
        self.held += found["low"] <= truth <= found["high"]
        self.widths.append(found["high"] - found["low"])

    def __str__(self):
        count = len(self.distances)
        mean = lambda values: 100 * sum(values) / count
        return f"off by {mean(self.distances):5.1f} points, {100 * self.held / count:5.1f} % of {count:,} held, {mean(self.widths):5.1f} points wide"


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("archive")
    asked.add_argument("program")
    asked.add_argument("--pipeline", required=True)
    asked.add_argument("--model", default="linear")
    asked.add_argument("--set", action="append", default=[])
    asked.add_argument("--series", type=int, default=20)
    asked = asked.parse_args()
    sets = [part for value in asked.set for part in ("--set", value)]
    command = [
        asked.program, "--pipeline", asked.pipeline, "--model", asked.model, "--format", "json", "--progress", "none",
        "--set", "ingest.columns.text=text", "--set", "ingest.columns.timestamp=date", "--set",
        "ingest.columns.topic=topic", *sets,
    ]
    texts = reviews(asked.archive)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "reviews.csv")
        for step in (0.15, 0.0):
            for size in (4, 30, 200):
                level, alone, rises = Judged(), Judged(), Judged()
                for seed in range(asked.series):
                    odds, rows = months(seed, texts, size, step)
                    write(path, rows)
                    found = trend(command + ["--period", "month"], path)
                    for period, value in zip(found["periods"], odds, strict=True):
                        level.add(period["level"], share(value))
                        alone.add(period["share"], share(value))
                    rises.add(found["model"]["rise"], share(odds[-1]) - share(odds[0]))
                print(f"months of {size} reviews, steps of {step}")
                print(f"  level       {level}\n  month alone {alone}\n  rise        {rises}", flush=True)
        for spread in (1.0, 0.0):
            for size in (3, 20):
                leaning, alone = Judged(), Judged()
                for seed in range(max(1, asked.series // 4)):
                    odds, rows = topics(seed, texts, size, spread)
                    write(path, rows)
                    found = trend(command, path)
                    for topic in found["topics"]:
                        truth = share(odds[int(topic["topic"].split()[1])])
                        leaning.add(topic["share"], truth)
                        alone.add(topic["alone"], truth)
                print(f"300 topics of {size} reviews, spread of {spread}")
                print(f"  leaning on the others {leaning}\n  alone                 {alone}", flush=True)


if __name__ == "__main__":
    main()
