"""Sections 1 to 3: training and predictions of every model kind, resumed training, faults."""

import contextlib
import hashlib
import json
import os
import re
import shutil

from harness import Failed, NotRun

KINDS = ["naive", "cnn", "rnn", "lstm", "gru", "transformer", "probe"]
# Tolerance of the first loss, which comes from equal weights. cuDNN may use TF32 (10 bits of fraction).
FIRST_LOSS = 1e-3
# Tolerance of later losses, whose weights differ by accumulated rounding errors.
ANY_LOSS = 1e-2
# Tolerance of the log loss of one model evaluated on the device and on the CPU.
LOG_LOSS = 1e-3
# Tolerance of attributions, relative to the largest one of the review.
ATTRIBUTION = 2e-2
# New texts; one is longer than the sentences.
TEXTS = ["A dull start, and then it soars.", "Not bad at all.", "The plot is thin and the actors look bored. " * 4]
# Messages of the programs that the checks search for.
SAYS_MEMORY_FULL = re.compile(r"memory is full|out of memory|can't allocate memory|cannot allocate memory", re.I)
SAYS_RESUMED = re.compile(r"after step (\d+)")
SAYS_ASSERTION = re.compile(r"device-side assert", re.I)
SAYS_RESTARTED = re.compile(r"exit code 75\b.*retry|restart", re.I)


class Workspace:
    """Copies of the pack for training, and the programs."""

    def __init__(self, pack, folder, commands, device, python):
        self.pack, self.folder, self.commands = pack, folder, commands
        self.device, self.python = device, python
        self.jobs = 4 if device == "cuda" else 1

    def copy(self, source, name):
        """A copy with links to the files: artifacts are replaced but never changed."""
        target = self.folder / name
        if not target.exists():
            shutil.copytree(self.folder / source, target, copy_function=link, symlinks=True)
        return target

    def encoder(self, kind, limit):
        """Writes an encoder with random weights, unless it exists; a tiny one on a CPU."""
        folder = self.folder / "encoders" / kind
        if not (folder / "model.safetensors").exists():
            tiny = ["--tiny"] if self.device == "cpu" else []
            what = f"write the encoder {kind}"
            command = [self.python, self.pack / "encoders.py", folder, *tiny]
            self.commands.run(what, command, limit).expect_success(what)

    def embedded(self, clock):
        """Runs the embed stage of the encoder, for the sections that train it."""
        folder = self.copy("short", "short-embedded")
        what = "embed the encoder"
        arguments = ["--only", "embed", "--variant", "encoder"]
        self.run(what, folder, self.device, arguments, clock.limit(60)).expect_success(what)

    def program(self, name, faults=False):
        return self.folder / ("bin-faults" if faults else "bin") / name

    def run(self, what, folder, device, arguments, limit, faults=None, memory_limit=None, sets=()):
        """`ressenti run` in a copy; `faults` lists the faults to inject."""
        extra = {}
        if faults is not None:
            notes = folder / "faults"
            notes.mkdir(exist_ok=True)
            extra = {"RESSENTI_FAULTS": faults, "RESSENTI_FAULTS_DONE": str(notes)}
        program = self.program("ressenti", faults is not None)
        return self.commands.run(
            what,
            [program, "run", "--pipeline", folder / "pipeline.toml", *settings(device, sets), *arguments],
            limit,
            extra,
            memory_limit,
        )

    def stage(self, what, program, folder, device, arguments, limit, memory_limit=None, sets=()):
        """Runs one stage program without the orchestrator."""
        return self.commands.run(
            what,
            [self.program(program), "--pipeline", folder / "pipeline.toml", *settings(device, sets), *arguments],
            limit,
            memory_limit=memory_limit,
        )


def settings(device, sets):
    pairs = [f"run.device={device}", *sets]
    return [word for pair in pairs for word in ("--set", pair)] + ["--progress", "plain"]


def link(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def read_events(path, event):
    if not path.exists():
        raise Failed(f"there is no {path.parent.name}/{path.name}: see log.txt")
    lines = [json.loads(line) for line in path.read_text().splitlines() if line]
    return [line for line in lines if line["event"] == event]


def compare_losses(ours, reference):
    """The difference of the first losses, and the largest difference of all losses."""
    if not ours or len(ours) != len(reference):
        raise Failed(f"{len(ours)} losses on the device, {len(reference)} on the CPU")
    differences = [abs(one - two) for one, two in zip(ours, reference)]
    if any(difference != difference for difference in differences):
        raise Failed("a loss is not a number")
    return differences[0], max(differences)


def compare_attributions(ours, reference):
    """The number of reviews that both explain, and the largest difference of their attributions relative to the
    largest attribution of the review."""
    theirs = {review["row_id"]: review["words"] for review in reference}
    common = [review for review in ours if review["row_id"] in theirs]
    if not common:
        raise Failed("no review is explained on both devices")
    worst = 0.0
    for review in common:
        one = {(start, end): weight for start, end, weight in review["words"]}
        two = {(start, end): weight for start, end, weight in theirs[review["row_id"]]}
        largest = max((abs(weight) for weight in [*one.values(), *two.values()]), default=0.0)
        for span in one.keys() | two.keys():
            difference = abs(one.get(span, 0.0) - two.get(span, 0.0))
            # Attributions are rounded to four digits.
            worst = max(worst, (difference - 1e-4) / max(largest, 1e-3))
    return len(common), worst


def compare_answers(ours, reference):
    """The largest differences of probabilities and of attributions of predicted texts."""
    if len(ours) != len(reference) or not ours:
        raise Failed(f"{len(ours)} answers on the device, {len(reference)} on the CPU")
    probability = max(abs(one["p_positive"] - two["p_positive"]) for one, two in zip(ours, reference))
    as_reviews = lambda answers: [
        {"row_id": answer["row"], "words": [(w["start"], w["end"], w["weight"]) for w in answer["words"]]}
        for answer in answers
    ]
    return probability, compare_attributions(as_reviews(ours), as_reviews(reference))[1]


def read_json(path):
    if not path.exists():
        raise Failed(f"there is no {path.parent.name}/{path.name}: see log.txt")
    return json.loads(path.read_text())


class Models:
    """Section 1."""

    def __init__(self, workspace, clock):
        self.workspace, self.clock = workspace, clock
        self.device, self.reference = workspace.copy("short", "short-device"), workspace.copy("short", "short-cpu")
        # If both devices are the CPU, another shard size makes the two runs different.
        self.sets = ["training.shard_size=5"] if workspace.device == "cpu" else []
        self.metrics = {}

    def checks(self):
        yield "embedding, with the encoder's features computed on each", self.embed
        yield "training of all kinds", self.train
        for kind in KINDS:
            yield f"{kind}: training losses", lambda kind=kind: self.losses(kind)
        yield "evaluation of all kinds", self.evaluate
        for kind in KINDS:
            yield f"{kind}: the same model evaluated on both", lambda kind=kind: self.evaluation(kind)
            yield f"{kind}: attributions on both", lambda kind=kind: self.explanations(kind)
        for kind in ("gru", "transformer"):
            yield f"{kind}: new texts predicted and explained on both", lambda kind=kind: self.predicted(kind)

    def both(self, stage, limit):
        """Runs a stage on the device, and on the CPU as the reference."""
        workspace, seconds = self.workspace, []
        for folder, device, sets in [
            (self.device, workspace.device, self.sets),
            (self.reference, "cpu", []),
        ]:
            jobs = [f"run.jobs={workspace.jobs}"]
            what = f"{stage} in {folder.name}"
            outcome = workspace.run(what, folder, device, ["--only", stage], self.clock.limit(limit), sets=[*sets, *jobs])
            seconds.append(outcome.expect_success(what).seconds)
        return f"{seconds[0]:.1f} s on {workspace.device}, {seconds[1]:.1f} s on the CPU as reference", {
            "device_seconds": seconds[0],
            "cpu_seconds": seconds[1],
        }

    def embed(self):
        self.workspace.encoder("minilm", self.clock.limit(60))
        return self.both("embed", 60)

    def train(self):
        return self.both("train", 90)

    def losses(self, kind):
        paths = [folder / "artifacts" / "train" / kind / "metrics.jsonl" for folder in (self.device, self.reference)]
        event, key = ("penalty", "validation_loss") if kind == "probe" else ("step", "loss")
        ours, theirs = ([line[key] for line in read_events(path, event)] for path in paths)
        first, worst = compare_losses(ours, theirs)
        what = f"{len(ours)} {'fits' if kind == 'probe' else 'steps'}"
        against = "against the CPU" if self.workspace.device != "cpu" else "against the CPU with shards of another size"
        detail = (
            f"{what}, {against}: difference of the first loss {first:.1e} (at most {FIRST_LOSS:g}), "
            f"largest {worst:.1e} (at most {ANY_LOSS:g})"
        )
        if first > FIRST_LOSS or worst > ANY_LOSS:
            raise Failed(detail)
        return detail, {"steps": len(ours), "first_difference": first, "largest_difference": worst}

    def evaluate(self):
        """Evaluates the models trained on the device, first on the device, then on the CPU."""
        workspace, seconds = self.workspace, []
        for device in (workspace.device, "cpu"):
            what = f"evaluate the device's models on {device}"
            outcome = workspace.run(
                what,
                self.device,
                device,
                ["--only", "evaluate", "--force"],
                self.clock.limit(90),
                sets=[*self.sets, f"run.jobs={workspace.jobs}"],
            )
            seconds.append(outcome.expect_success(what).seconds)
            folder = self.device / "artifacts" / "evaluate"
            for kind in KINDS:
                with contextlib.suppress(Failed):
                    self.metrics.setdefault(kind, []).append(
                        [read_json(folder / kind / name) for name in ("metrics.json", "explanations.json")]
                    )
        return f"{seconds[0]:.1f} s on {workspace.device}, {seconds[1]:.1f} s on the CPU", {}

    def evaluated(self, kind):
        evaluated = self.metrics.get(kind, [])
        if len(evaluated) < 2:
            raise NotRun("it was not evaluated on both")
        return evaluated

    def evaluation(self, kind):
        ours, theirs = (metrics["models"][kind] for metrics, _ in self.evaluated(kind))
        values = [figures["log_loss"]["value"] for figures in (ours, theirs)]
        accuracy = ours["accuracy"]["value"]
        detail = (
            f"log loss {values[0]:.6f} on {self.workspace.device}, {values[1]:.6f} on the CPU "
            f"(difference at most {LOG_LOSS:g}); accuracy {100 * accuracy:.1f}%"
        )
        if not abs(values[0] - values[1]) <= LOG_LOSS:
            raise Failed(detail)
        return detail, {"log_loss": values, "accuracy": accuracy}

    def explanations(self, kind):
        (_, ours), (_, theirs) = self.evaluated(kind)
        if not ours:
            raise NotRun("it made no error to explain")
        common, worst = compare_attributions(ours, theirs)
        detail = f"{common} reviews explained on both, largest relative difference {worst:.1e} (at most {ATTRIBUTION:g})"
        if worst > ATTRIBUTION or 2 * common < len(ours):
            raise Failed(detail)
        return detail, {"reviews": common, "largest_difference": worst}


    def predicted(self, kind):
        bundle = self.device / "artifacts" / "train" / kind
        if not bundle.exists():
            raise NotRun("it was not trained")
        answers = []
        for device in (self.workspace.device, "cpu"):
            what = f"predict with {kind} on {device}"
            program = self.workspace.program("ressenti-networks")
            arguments = ["predict", "--bundle", bundle, "--explain", "--format", "json", "--set", f"run.device={device}"]
            command = [program, *arguments, "--progress", "none", *TEXTS]
            outcome = self.workspace.commands.run(what, command, self.clock.limit(40)).expect_success(what)
            answers.append(json.loads(outcome.text[outcome.text.index("[\n") :]))
        probability, attribution = compare_answers(*answers)
        detail = (
            f"{len(TEXTS)} texts, probabilities at most {probability:.1e} different (at most {LOG_LOSS:g}), "
            f"attributions {attribution:.1e} of the largest (at most {ATTRIBUTION:g})"
        )
        if not (probability <= LOG_LOSS and attribution <= ATTRIBUTION):
            raise Failed(detail)
        return detail, {"probability_difference": probability, "attribution_difference": attribution}


class Resume:
    """Section 2. Dropout is on, so that the random numbers of a resumed training are checked, too."""

    SETS = ["run.deterministic=true", "run.checkpoint.steps=10", "training.epochs=3"]

    def __init__(self, workspace, clock):
        self.workspace, self.clock = workspace, clock

    def checks(self):
        for kind in ("lstm", "transformer"):
            yield f"{kind}: killed and resumed, the same bytes", lambda kind=kind: self.resumed(kind)

    def train(self, kind, name, faults):
        # The orchestrator needs the encoder in any case.
        self.workspace.encoder("minilm", self.clock.limit(60))
        if kind == "transformer":
            self.workspace.embedded(self.clock)
        folder = self.workspace.copy("short-embedded" if kind == "transformer" else "short", name)
        sets = [*self.SETS, f"model.{kind}.dropout=0.3", f"model.{kind}.embedding_dropout=0.1"]
        what = f"train {kind} in {name}, faults `{faults}`"
        arguments = ["--only", "train", "--variant", kind]
        outcome = self.workspace.run(
            what, folder, self.workspace.device, arguments, self.clock.limit(60), faults=faults, sets=sets
        )
        return outcome, folder / "artifacts" / "train" / kind / "model.safetensors"

    def resumed(self, kind):
        whole, whole_file = self.train(kind, f"{kind}-whole", "")
        whole.expect_success("the training without a fault")
        killed, _ = self.train(kind, f"{kind}-killed", "kill@35")
        if killed.code == 0:
            raise Failed("the training was not killed at step 35: exit code 0")
        resumed, resumed_file = self.train(kind, f"{kind}-killed", "")
        resumed.expect_success("the training after the kill")
        found = SAYS_RESUMED.search(resumed.text)
        if not found or not 1 <= int(found.group(1)) <= 35:
            raise Failed("the training after the kill does not say that it resumed at a step from 1 to 35")
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (whole_file, resumed_file)]
        detail = f"killed at step 35, resumed after step {found.group(1)} on {self.workspace.device}: sha256 "
        detail += " and ".join(digest[:12] for digest in digests)
        if digests[0] != digests[1]:
            raise Failed(f"{detail} differ")
        return detail, {"sha256": digests}


class Faults:
    """Section 3: faults that are real, and not only planned."""

    def __init__(self, workspace, clock):
        self.workspace, self.clock = workspace, clock

    def checks(self):
        yield "a device-side assertion", self.assertion
        yield "memory is full", self.memory_of_device if self.workspace.device == "cuda" else self.memory_of_host

    def assertion(self):
        if self.workspace.device != "cuda":
            raise NotRun("a CPU has no device-side assertions")
        resume = Resume(self.workspace, self.clock)
        whole, whole_file = resume.train("lstm", "lstm-whole", "")
        whole.expect_success("the training without a fault")
        outcome, file = resume.train("lstm", "lstm-assert", "device@35")
        outcome.expect_success("the training with an assertion at step 35")
        for pattern, what in [
            (SAYS_ASSERTION, "the assertion"),
            (SAYS_RESTARTED, "that the stage is started again"),
            (SAYS_RESUMED, "where it resumed"),
        ]:
            if not pattern.search(outcome.text):
                raise Failed(f"the log does not say {what}")
        same = whole_file.read_bytes() == file.read_bytes()
        if not same:
            raise Failed("the training ended, with other weights than without the assertion")
        return "assertion at step 35, a new process resumed, the same weights as without it", {}

    def memory_of_device(self):
        """Another process holds all memory of the GPU but 1.5 GiB."""
        script = (
            "import time, torch\n"
            "free, total = torch.cuda.mem_get_info()\n"
            "held = torch.empty(free - (1500 << 20), dtype=torch.uint8, device='cuda')\n"
            "print(f'holds {held.numel() >> 20} of {total >> 20} MiB', flush=True)\n"
            "time.sleep(300)\n"
        )
        folder = self.workspace.copy("long", "long-memory")
        sets = ["model.lstm.training.batch_size=1024", "model.lstm.hidden=256", "training.epochs=1"]
        with self.workspace.commands.background("hold memory", [self.workspace.python, "-c", script], "holds", 60) as held:
            what = "train the LSTM with batches of 1,024 in 1.5 GiB"
            outcome = self.workspace.stage(
                what, "ressenti-train", folder, "cuda", ["--variant", "lstm"], self.clock.limit(60), sets=sets
            ).expect_success(what)
        if not SAYS_MEMORY_FULL.search(outcome.text):
            raise Failed(f"another process {held}; the training did not report full memory")
        path = folder / "artifacts" / "train" / "lstm" / "metrics.jsonl"
        steps = read_events(path, "epoch")[-1]["step"]
        return f"another process {held}; all {steps} steps were done with smaller batches", {"steps": steps}

    def memory_of_host(self):
        """A real allocation failure on the host: the limit of the address space is between the needs of a small and
        of a large batch."""
        folder = self.workspace.copy("long", "long-memory")
        train = lambda what, batch, limit=None: self.workspace.stage(
            what,
            "ressenti-train",
            folder,
            "cpu",
            ["--variant", "lstm", "--force"],
            self.clock.limit(120),
            memory_limit=limit,
            sets=[
                "run.threads=1",
                f"model.lstm.training.batch_size={batch}",
                f"training.shard_size={batch}",
                "training.epochs=1",
                "model.lstm.reviews=128",
            ],
        )
        small = train("train with batches of 1", 1)
        small.expect_success("batches of 1")
        large = train("train with batches of 128", 128)
        large.expect_success("batches of 128")
        growth = large.peak_virtual - small.peak_virtual
        if growth < 64 << 20:
            raise NotRun(f"batches of 128 need only {growth >> 20} MiB more than batches of 1")
        limit = small.peak_virtual + growth // 2
        outcome = train("the same with less address space", 128, limit)
        measured = (
            f"address space {small.peak_virtual >> 20} MiB with batches of 1, {large.peak_virtual >> 20} MiB "
            f"with batches of 128, limited to {limit >> 20} MiB"
        )
        if not SAYS_MEMORY_FULL.search(outcome.text):
            raise Failed(f"{measured}: {outcome.describe()}, without a message about full memory")
        if outcome.code < 0 or outcome.timed_out:
            raise Failed(f"{measured}: {outcome.describe()}")
        words = SAYS_MEMORY_FULL.search(outcome.text).group(0)
        ended = "the training was completed with smaller batches" if outcome.code == 0 else (
            f"the training could not continue, {outcome.describe()}, and its error says `{words}`"
        )
        return f"host memory, not a GPU's: {measured}: {ended}", {"code": outcome.code}
