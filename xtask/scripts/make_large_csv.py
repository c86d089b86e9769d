#!/usr/bin/env python3
"""Writes a CSV file of many gigabytes from edited copies of real reviews, to test memory use.

    python3 xtask/scripts/make_large_csv.py aclImdb_v1.tar.gz large.csv --gigabytes 5

In each copy of a review every fourth word is replaced by a random word (with a fixed seed), so copies are neither
duplicates nor near-duplicates, and none is removed.
"""

import argparse
import csv
import random
import tarfile


def reviews(archive):
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = member.name.split("/")
            if member.isfile() and len(parts) == 4 and parts[2] in ("pos", "neg"):
                yield tar.extractfile(member).read().decode(), parts[2], parts[1]


def edit(words, rng, copy):
    words = list(words)
    for index in range(rng.randrange(4), len(words), 4):
        words[index] = f"{words[index]}{copy}{rng.randrange(1000)}"
    return " ".join(words)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("output")
    parser.add_argument("--gigabytes", type=float, default=5.0)
    arguments = parser.parse_args()
    rows = [(text.split(), label) for text, label, _ in reviews(arguments.archive)]
    rng = random.Random(7)
    with open(arguments.output, "w", newline="") as output:
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(["review", "sentiment"])
        copy = 0
        while output.tell() < arguments.gigabytes * 1e9:
            for words, label in rows:
                text = " ".join(words) if copy == 0 else edit(words, rng, copy)
                writer.writerow([text, label])
            copy += 1
    print(f"{copy} copies of {len(rows)} reviews")


main()
