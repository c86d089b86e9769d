#!/usr/bin/env python3
"""Checks that `transformers` can load a fine-tuned bundle and gives the same predictions.

    pip install torch==2.11.0 transformers pyarrow
    python3 xtask/scripts/check_transformers.py artifacts --model transfer

Loads the bundle with AutoModelForSequenceClassification and AutoTokenizer, predicts the cleaned test reviews, and
compares the calibrated probabilities with predictions.parquet. Exit code 1 if one differs by more than 1e-4.
"""

import argparse
import json
import pathlib
import sys

import pyarrow.parquet
import torch
import transformers

parser = argparse.ArgumentParser()
parser.add_argument("artifacts", type=pathlib.Path)
parser.add_argument("--model", default="transfer")
parser.add_argument("--rows", type=int, default=500)
arguments = parser.parse_args()

bundle = arguments.artifacts / "train" / arguments.model
description = json.loads((bundle / "model.json").read_text())
tokenizer = transformers.AutoTokenizer.from_pretrained(bundle)
model = transformers.AutoModelForSequenceClassification.from_pretrained(bundle).eval()

clean = pyarrow.parquet.read_table(arguments.artifacts / "clean/reviews/clean.parquet", columns=["row_id", "text"])
texts = dict(zip(clean["row_id"].to_pylist(), clean["text"].to_pylist()))
predictions = pyarrow.parquet.read_table(arguments.artifacts / "evaluate" / arguments.model / "predictions.parquet")
rows = [row for row in predictions.to_pylist() if row["split"] == "test"][: arguments.rows]

worst = 0.0
for start in range(0, len(rows), 32):
    part = rows[start : start + 32]
    inputs = tokenizer(
        [texts[row["row_id"]] for row in part],
        padding=True, truncation=True, max_length=description["tokenizer"]["max_length"], return_tensors="pt",
    )
    with torch.no_grad():
        logits = model(**inputs).logits / description["calibration"]["temperature"]
    found = logits.softmax(1)[:, 1].tolist()
    worst = max([worst] + [abs(one - row["probability"]) for one, row in zip(found, part)])

print(f"{len(rows)} test reviews, largest difference of a probability {worst:.2e}")
sys.exit(worst > 1e-4)
