#!/usr/bin/env python3
"""A CSV of many gigabytes out of real reviews, each repeat edited, for tests of bounded memory.

    python3 xtask/scripts/make_large_csv.py aclImdb_v1.tar.gz large.csv --gigabytes 5

Every copy of a review has every fourth word replaced by one of its own, drawn by a fixed seed, so
that copies are neither exact nor near-duplicates of each other and all of them are kept.
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


def edited(words, rng, copy):
    words = list(words)
    for place in range(rng.randrange(4), len(words), 4):
        words[place] = f"{words[place]}{copy}{rng.randrange(1000)}"
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
                text = " ".join(words) if copy == 0 else edited(words, rng, copy)
                writer.writerow([text, label])
            copy += 1
    print(f"{copy} copies of {len(rows)} reviews")


main()
