#!/usr/bin/env python3
"""Simulates the duration of a run on a cluster from measured times, and extrapolates to larger runs.

  ressenti plan --format json > plan.json
  scale_model.py replay plan.json artifacts/slurm --slots 8
      Simulates the last run on a cluster with the recorded times of its jobs on this number of slots, and compares the
      simulated with the measured duration.
  scale_model.py project plan.json --trials 1000 --trial-seconds 144 --reviews 1e9 --rate 15000 --nodes 1 4 16 64
      Estimates the duration of the pipeline with this number of trials, reviews to predict, and nodes.

`--wait` is the time between a job's last input and its start, which `replay` measures; `--submit` is the time of one
submission with `sbatch`. Only the standard library is needed.
"""

import argparse
import glob
import heapq
import json
import math
import os
import statistics


def simulate(tasks, slots, wait, submit):
    """The end time of every task. `tasks` is a list of (name, seconds of each run, names of its dependencies). As in
    Slurm, the first submitted task that is ready starts on the first free slot. A task with several runs releases its
    slot after each run and returns to the end of the queue."""
    end, submitted = {}, {}
    dependents, missing = {}, {}
    for index, (name, _, needs) in enumerate(tasks):
        submitted[name] = submit * (index + 1)
        missing[name] = len(needs)
        for need in needs:
            dependents.setdefault(need, []).append(name)
    order = {name: index for index, (name, _, _) in enumerate(tasks)}
    left = {name: list(runs) for name, runs, _ in tasks}
    queued = len(tasks)
    free = [0.0] * slots
    heapq.heapify(free)
    # Events: a task becomes ready.
    coming = [(submitted[name] + wait, order[name], name) for name, _, needs in tasks if not needs]
    heapq.heapify(coming)
    ready = []
    while coming or ready:
        now = free[0]
        while coming and (coming[0][0] <= now or not ready):
            time, index, name = heapq.heappop(coming)
            now = max(now, time)
            heapq.heappush(ready, (index, time, name))
        index, time, name = heapq.heappop(ready)
        start = max(heapq.heappop(free), time)
        end[name] = start + left[name].pop(0)
        heapq.heappush(free, end[name])
        if left[name]:
            heapq.heappush(coming, (end[name] + wait, queued, name))
            queued += 1
            continue
        for dependent in dependents.get(name, []):
            missing[dependent] -= 1
            if missing[dependent] == 0:
                needs = tasks[order[dependent]][2]
                able = max([submitted[dependent]] + [end[need] for need in needs])
                heapq.heappush(coming, (able + wait, order[dependent], dependent))
    return end


def total(tasks):
    """The total seconds of all tasks."""
    return sum(sum(runs) for _, runs, _ in tasks)


def critical_path(tasks):
    """The duration of the longest path through the graph, a lower limit for any number of nodes."""
    longest = {}
    for name, runs, needs in tasks:
        longest[name] = sum(runs) + max((longest[need] for need in needs), default=0.0)
    return max(longest.values(), default=0.0)


def read_plan(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def recorded_runs(folder):
    """For each step the start and end times of the runs of its last job. A run that was lost with its node has no
    end."""
    recorded = {}
    for path in glob.glob(os.path.join(folder, "events", "*.jsonl")):
        with open(path, encoding="utf-8") as file:
            events = [json.loads(line) for line in file if line.endswith("\n")]
        runs = []
        for event in (event for event in events if event["job"] == events[-1]["job"]):
            if event["event"] == "started":
                runs.append([event["time"], None])
            elif runs:
                runs[-1][1] = event["time"]
        if runs and runs[-1][1] is not None:
            name = os.path.basename(path)[: -len(".jsonl")].replace("-", " ", 1)
            recorded[name] = runs
    return recorded


def seconds_of(runs, wait):
    """The duration of each run. A lost run lasts until Slurm notices the loss and starts it again."""
    ends = [end if end is not None else later[0] - wait for (_, end), later in zip(runs, runs[1:] + [None])]
    return [max(end - start, 0.0) for (start, _), end in zip(runs, ends)]


def replay(arguments):
    plan, runs = read_plan(arguments.plan), recorded_runs(arguments.record)
    steps = [step for step in plan if step["step"] in runs]
    if not steps:
        raise SystemExit(f"error: no job of these steps is recorded in {arguments.record}")
    first = min(recorded[0][0] for recorded in runs.values())
    last = max(recorded[-1][1] for recorded in runs.values())
    needed = {step["step"]: [need for need in step["inputs"] if need in runs] for step in steps}
    gaps = [runs[name][0][0] - max(runs[need][-1][1] for need in needs) for name, needs in needed.items() if needs]
    # Jobs with the shortest waits had a free slot.
    gaps = sorted(gap for gap in gaps if gap >= 0)
    wait = arguments.wait if arguments.wait is not None else statistics.median_low(gaps[: max(1, len(gaps) // 2)] or [0.0])
    tasks = [(name, seconds_of(runs[name], wait), needs) for name, needs in needed.items()]
    end = simulate(tasks, arguments.slots, wait, arguments.submit)
    # Like the measured duration, the simulated one starts with the first job.
    begin = min(wait + arguments.submit * (index + 1) for index, (_, _, needs) in enumerate(tasks) if not needs)
    simulated, measured = max(end.values()) - begin, last - first
    print(f"steps                {len(tasks)}")
    print(f"time that jobs ran   {total(tasks):.1f} s in {sum(len(seconds) for _, seconds, _ in tasks)} runs")
    print(f"longest path         {critical_path(tasks):.1f} s")
    print(f"wait before a start  {wait:.2f} s")
    print(f"measured             {measured:.1f} s from the first start to the last end")
    print(f"simulated            {simulated:.1f} s on {arguments.slots} slots ({100 * (simulated / measured - 1):+.1f}%)")


def project(arguments):
    plan = read_plan(arguments.plan)
    unknown = [step["step"] for step in plan if step["seconds"] is None]
    if unknown:
        raise SystemExit(f"error: these steps never ran, so their durations are unknown: {', '.join(unknown[:5])}")
    tasks = [(step["step"], [step["seconds"]], step["inputs"]) for step in plan]
    first_training = next((step for step in plan if step["stage"] == "train"), None)
    needs = first_training["inputs"] if first_training else []
    for number in range(arguments.trials):
        tasks.append((f"trial {number}", [arguments.trial_seconds], needs))
    # The report depends on all of them, so it is last.
    tasks.sort(key=lambda task: task[0].startswith("report"))
    shards = math.ceil(arguments.reviews / arguments.shard) if arguments.reviews else 0
    shard_seconds = arguments.start + min(arguments.shard, arguments.reviews) / arguments.rate
    scoring = [(f"shard {number}", [shard_seconds], []) for number in range(shards)]
    print(f"pipeline with {arguments.trials} trials: {len(tasks)} jobs, {total(tasks) / 3600:.1f} h of running, longest path {critical_path(tasks) / 60:.1f} min")
    if shards:
        print(f"scoring {arguments.reviews:.3g} reviews: {shards} shards of {shard_seconds:.0f} s, {total(scoring) / 3600:.1f} h of running")
    print(f"{'nodes':>6} {'slots':>7} {'pipeline':>12} {'busy':>6} {'scoring':>12} {'busy':>6} {'read, MB/s':>11}")
    for nodes in arguments.nodes:
        slots = nodes * arguments.per_node
        row = f"{nodes:>6} {slots:>7}"
        for work in (tasks, scoring):
            if not work:
                row += f" {'-':>12} {'-':>6}"
                continue
            makespan = max(simulate(work, slots, arguments.wait, arguments.submit).values())
            busy = total(work) / makespan / slots
            row += f" {makespan / 60:>8.1f} min {100 * busy:>4.0f}%"
        if scoring:
            row += f" {arguments.reviews * arguments.review_bytes / 1e6 / makespan:>11.0f}"
        print(row)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("replay", help="simulate a measured run")
    one.add_argument("plan")
    one.add_argument("record", help="the folder `slurm` beside the artifacts")
    one.add_argument("--slots", type=int, required=True, help="jobs that the cluster runs at the same time")
    one.add_argument("--wait", type=float, default=None, help="seconds between a job's last input and its start")
    one.add_argument("--submit", type=float, default=0.014, help="seconds of one submission")
    one.set_defaults(run=replay)
    two = commands.add_parser("project", help="extrapolate to larger runs")
    two.add_argument("plan")
    two.add_argument("--trials", type=int, default=0)
    two.add_argument("--trial-seconds", type=float, default=60.0)
    two.add_argument("--reviews", type=float, default=0.0)
    two.add_argument("--rate", type=float, default=10_000.0, help="reviews that one slot predicts in a second")
    two.add_argument("--shard", type=float, default=1e6, help="reviews of a shard")
    two.add_argument("--start", type=float, default=0.3, help="seconds until the program of a shard has loaded its model")
    two.add_argument("--review-bytes", type=float, default=1330.0, help="bytes of a review")
    two.add_argument("--nodes", type=int, nargs="+", default=[1, 4, 16, 64])
    two.add_argument("--per-node", type=int, default=8, help="jobs that a node runs at the same time")
    two.add_argument("--wait", type=float, default=2.0)
    two.add_argument("--submit", type=float, default=0.014)
    two.set_defaults(run=project)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
