#!/usr/bin/env python3
"""How long a run takes on a cluster: a simulation that replays measured times, and what follows for more of everything.

  ressenti plan --format json > plan.json
  scale_model.py replay plan.json artifacts/slurm --slots 8
      The steps of the last run on a cluster, with the times that its jobs noted, scheduled anew by the simulation on
      so many places: how far its end is from the end that was measured.
  scale_model.py project plan.json --trials 1000 --trial-seconds 144 --reviews 1e9 --rate 15000 --nodes 1 4 16 64
      The pipeline of the plan with that many trials, and that many reviews scored, on that many nodes.

Time between a job's last input and its start (`--wait`), and the time that one submission takes (`--submit`), are
measured by `replay` and by `sbatch` itself. Only Python's own library is needed.
"""

import argparse
import glob
import heapq
import json
import math
import os
import statistics


def simulate(tasks, slots, wait, submit):
    """The end of every task. `tasks` is a list of (name, seconds, names of what it waits for), each after what it waits
    for; as Slurm does it, what was submitted first starts first among those that can, on the first free slot."""
    end, submitted = {}, {}
    followers, missing = {}, {}
    for place, (name, _, needs) in enumerate(tasks):
        submitted[name] = submit * (place + 1)
        missing[name] = len(needs)
        for need in needs:
            followers.setdefault(need, []).append(name)
    order = {name: place for place, (name, _, _) in enumerate(tasks)}
    seconds = {name: time for name, time, _ in tasks}
    free = [0.0] * slots
    heapq.heapify(free)
    # Events in time: a task becomes able to start, or has ended.
    coming = [(submitted[name] + wait, order[name], name) for name, _, needs in tasks if not needs]
    heapq.heapify(coming)
    ready = []
    while coming or ready:
        now = free[0]
        while coming and (coming[0][0] <= now or not ready):
            time, place, name = heapq.heappop(coming)
            now = max(now, time)
            heapq.heappush(ready, (place, time, name))
        place, time, name = heapq.heappop(ready)
        start = max(heapq.heappop(free), time)
        end[name] = start + seconds[name]
        heapq.heappush(free, end[name])
        for follower in followers.get(name, []):
            missing[follower] -= 1
            if missing[follower] == 0:
                needs = tasks[order[follower]][2]
                able = max([submitted[follower]] + [end[need] for need in needs])
                heapq.heappush(coming, (able + wait, order[follower], follower))
    return end


def critical_path(tasks):
    """The longest way through the graph: no number of nodes is faster."""
    longest = {}
    for name, seconds, needs in tasks:
        longest[name] = seconds + max((longest[need] for need in needs), default=0.0)
    return max(longest.values(), default=0.0)


def read_plan(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def noted_runs(folder):
    """For each step the first start and the last end of its last job's runs, and the seconds that it ran."""
    runs = {}
    for path in glob.glob(os.path.join(folder, "events", "*.jsonl")):
        with open(path, encoding="utf-8") as file:
            events = [json.loads(line) for line in file if line.endswith("\n")]
        if not events:
            continue
        own = [event for event in events if event["job"] == events[-1]["job"]]
        start, ran, opened = own[0]["time"], 0.0, None
        for event in own:
            if event["event"] == "started":
                opened = event["time"]
            elif opened is not None:
                ran += event["time"] - opened
                opened = None
        name = os.path.basename(path)[: -len(".jsonl")].replace("-", " ", 1)
        runs[name] = (start, own[-1]["time"], ran)
    return runs


def replay(arguments):
    plan, runs = read_plan(arguments.plan), noted_runs(arguments.record)
    tasks = []
    for step in plan:
        if step["step"] in runs:
            needs = [need for need in step["inputs"] if need in runs]
            tasks.append((step["step"], runs[step["step"]][2], needs))
    if not tasks:
        raise SystemExit(f"error: no job of these steps is noted in {arguments.record}")
    first = min(runs[name][0] for name, _, _ in tasks)
    last = max(runs[name][1] for name, _, _ in tasks)
    gaps = [
        runs[name][0] - max(runs[need][1] for need in needs)
        for name, _, needs in tasks
        if needs and runs[name][0] >= max(runs[need][1] for need in needs)
    ]
    # The shortest waits are those of jobs that a place was free for.
    wait = arguments.wait if arguments.wait is not None else statistics.median_low(sorted(gaps)[: max(1, len(gaps) // 2)] or [0.0])
    end = simulate(tasks, arguments.slots, wait, arguments.submit)
    start = min(end[name] - seconds for name, seconds, _ in tasks)
    simulated, measured = max(end.values()) - start, last - first
    print(f"steps                {len(tasks)}")
    print(f"time that jobs ran   {sum(seconds for _, seconds, _ in tasks):.1f} s")
    print(f"longest way          {critical_path(tasks):.1f} s")
    print(f"wait before a start  {wait:.2f} s")
    print(f"measured             {measured:.1f} s from the first start to the last end")
    print(f"simulated            {simulated:.1f} s on {arguments.slots} places ({100 * (simulated / measured - 1):+.1f} %)")


def project(arguments):
    plan = read_plan(arguments.plan)
    unknown = [step["step"] for step in plan if step["seconds"] is None]
    if unknown:
        raise SystemExit(f"error: these steps never ran, so nobody knows how long they take: {', '.join(unknown[:5])}")
    tasks = [(step["step"], step["seconds"], step["inputs"]) for step in plan]
    first_training = next((step for step in plan if step["stage"] == "train"), None)
    needs = first_training["inputs"] if first_training else []
    for number in range(arguments.trials):
        tasks.append((f"trial {number}", arguments.trial_seconds, needs))
    # A report that reads all of them stands last.
    tasks.sort(key=lambda task: task[0].startswith("report"))
    shards = math.ceil(arguments.reviews / arguments.shard) if arguments.reviews else 0
    scoring = [(f"shard {number}", arguments.start + min(arguments.shard, arguments.reviews) / arguments.rate, []) for number in range(shards)]
    print(f"pipeline with {arguments.trials} trials: {len(tasks)} jobs, {sum(t for _, t, _ in tasks) / 3600:.1f} h of running, longest way {critical_path(tasks) / 60:.1f} min")
    if shards:
        print(f"scoring {arguments.reviews:.3g} reviews: {shards} shards of {scoring[0][1]:.0f} s, {sum(t for _, t, _ in scoring) / 3600:.1f} h of running")
    print(f"{'nodes':>6} {'places':>7} {'pipeline':>12} {'busy':>6} {'scoring':>12} {'busy':>6} {'read, MB/s':>11}")
    for nodes in arguments.nodes:
        slots = nodes * arguments.per_node
        row = f"{nodes:>6} {slots:>7}"
        for work in (tasks, scoring):
            if not work:
                row += f" {'-':>12} {'-':>6}"
                continue
            makespan = max(simulate(work, slots, arguments.wait, arguments.submit).values())
            busy = sum(seconds for _, seconds, _ in work) / makespan / slots
            row += f" {makespan / 60:>8.1f} min {100 * busy:>4.0f} %"
        if scoring:
            row += f" {arguments.reviews * arguments.review_bytes / 1e6 / makespan:>11.0f}"
        print(row)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("replay", help="schedule a measured run anew")
    one.add_argument("plan")
    one.add_argument("record", help="the folder `slurm` beside the artifacts")
    one.add_argument("--slots", type=int, required=True, help="jobs that the cluster runs at the same time")
    one.add_argument("--wait", type=float, default=None, help="seconds between a job's last input and its start")
    one.add_argument("--submit", type=float, default=0.014, help="seconds of one submission")
    one.set_defaults(run=replay)
    two = commands.add_parser("project", help="more of everything")
    two.add_argument("plan")
    two.add_argument("--trials", type=int, default=0)
    two.add_argument("--trial-seconds", type=float, default=60.0)
    two.add_argument("--reviews", type=float, default=0.0)
    two.add_argument("--rate", type=float, default=10_000.0, help="reviews that one place scores in a second")
    two.add_argument("--shard", type=float, default=1e6, help="reviews of a shard")
    two.add_argument("--start", type=float, default=0.3, help="seconds until a shard's program has its model")
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
