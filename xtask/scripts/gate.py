"""Measures false alarms and missed regressions of `ressenti compare`.

    python3 xtask/scripts/gate.py RESSENTI REPORT FIRST SECOND

RESSENTI is the program, REPORT the folder of a report (artifacts/report/reviews), FIRST and SECOND are two of its
models. False alarms: for each test review the predictions of the two models are assigned to "before" and "after" at
random, so every difference is noise; 200 times. Missed regressions: correct predictions are inverted until the accuracy
falls by a given number of points; 50 times for each number. Needs pyarrow.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile

import pyarrow
import pyarrow.parquet as parquet

program, report, first, second = sys.argv[1:5]
table = parquet.read_table(pathlib.Path(report) / "predictions.parquet")
figures = json.loads((pathlib.Path(report) / "metrics.json").read_text())
rows = [row for row in table.to_pylist() if row["split"] == "test"]
rows_by_model = {name: sorted((row for row in rows if row["model"] == name), key=lambda row: row["row_id"]) for name in (first, second)}
assert rows_by_model[first] and rows_by_model[second], "both models must be in the report"


def is_correct(row):
    return (row["probability"] >= 0.5) == (row["label"] == 1)


def write(folder, predictions):
    folder.mkdir()
    predictions = [{**row, "model": "model"} for row in predictions]
    parquet.write_table(pyarrow.Table.from_pylist(predictions, schema=table.schema), folder / "predictions.parquet")
    accuracy = sum(map(is_correct, predictions)) / len(predictions)
    half = 1.96 * (accuracy * (1 - accuracy) / len(predictions)) ** 0.5
    estimate = {"value": accuracy, "low": accuracy - half, "high": accuracy + half}
    content = {"rows": len(predictions), "confidence": figures["confidence"], "models": {"model": {"accuracy": estimate}}}
    (folder / "metrics.json").write_text(json.dumps(content))


def fails(before, after):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write(folder / "before", before)
        write(folder / "after", after)
        code = subprocess.run([program, "compare", folder / "before", folder / "after"], capture_output=True).returncode
        assert code in (0, 1), code
        return code == 1


def shuffle_pairs(seed):
    generator = random.Random(seed)
    pairs = [(one, two) if generator.random() < 0.5 else (two, one) for one, two in zip(rows_by_model[first], rows_by_model[second])]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


alarms = sum(fails(*shuffle_pairs(seed)) for seed in range(200))
print(f"{len(rows_by_model[first])} test reviews, {first} and {second}: {alarms} false alarms of 200", flush=True)
for points in (0.1, 0.2, 0.3, 0.5, 1.0):
    found = 0
    for seed in range(50):
        before, after = shuffle_pairs(1000 + seed)
        candidates = [at for at, row in enumerate(after) if is_correct(row)]
        for at in random.Random(seed).sample(candidates, round(len(after) * points / 100)):
            after[at] = {**after[at], "probability": 1 - after[at]["probability"]}
        found += fails(before, after)
    print(f"a loss of {points} points: found {found} of 50 times", flush=True)
