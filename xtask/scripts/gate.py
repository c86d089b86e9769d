"""How often does `ressenti compare` call noise a regression, and a real loss noise?

    python3 xtask/scripts/gate.py RESSENTI REPORT FIRST SECOND

RESSENTI is the program, REPORT the folder of a report (artifacts/report/reviews), FIRST and SECOND two of
its models. Noise: for each test review a coin says which of the two models' answers is "before" and which
"after", so that no difference means anything; 200 times. Loss: right answers of FIRST are turned around
until so many points of accuracy are lost; 50 times for each size. Needs pyarrow.
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
of = {name: sorted((row for row in rows if row["model"] == name), key=lambda row: row["row_id"]) for name in (first, second)}
assert of[first] and of[second], "both models must be in the report"


def right(row):
    return (row["probability"] >= 0.5) == (row["label"] == 1)


def write(folder, judged):
    folder.mkdir()
    judged = [{**row, "model": "model"} for row in judged]
    parquet.write_table(pyarrow.Table.from_pylist(judged, schema=table.schema), folder / "predictions.parquet")
    accuracy = sum(map(right, judged)) / len(judged)
    half = 1.96 * (accuracy * (1 - accuracy) / len(judged)) ** 0.5
    estimate = {"value": accuracy, "low": accuracy - half, "high": accuracy + half}
    content = {"rows": len(judged), "confidence": figures["confidence"], "models": {"model": {"accuracy": estimate}}}
    (folder / "metrics.json").write_text(json.dumps(content))


def fails(before, after):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write(folder / "before", before)
        write(folder / "after", after)
        code = subprocess.run([program, "compare", folder / "before", folder / "after"], capture_output=True).returncode
        assert code in (0, 1), code
        return code == 1


def coins(seed):
    draw = random.Random(seed)
    pairs = [(one, two) if draw.random() < 0.5 else (two, one) for one, two in zip(of[first], of[second])]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


alarms = sum(fails(*coins(seed)) for seed in range(200))
print(f"{len(of[first])} test reviews, {first} and {second}: {alarms} false alarms of 200", flush=True)
for points in (0.1, 0.2, 0.3, 0.5, 1.0):
    seen = 0
    for seed in range(50):
        before, after = coins(1000 + seed)
        candidates = [at for at, row in enumerate(after) if right(row)]
        for at in random.Random(seed).sample(candidates, round(len(after) * points / 100)):
            after[at] = {**after[at], "probability": 1 - after[at]["probability"]}
        seen += fails(before, after)
    print(f"a loss of {points} points: found {seen} of 50 times", flush=True)
