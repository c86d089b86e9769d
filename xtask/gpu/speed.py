"""Sections 4 and 5: training speed compared with PyTorch and `transformers`, and MiniLM on IMDB."""

import json

from harness import Failed, GpuSampler, NotRun
from training import read_events, read_json


def describe(figures):
    text = f"{figures['reviews_per_second']:,.1f} reviews/s"
    if "gpu_utilisation_percent" in figures:
        text += f", GPU {figures['gpu_utilisation_percent']:.0f}% busy"
    if "gpu_memory_mib" in figures:
        text += f", {figures['gpu_memory_mib']:,.0f} MiB of GPU memory"
    elif "peak_resident_bytes" in figures:
        text += f", {figures['peak_resident_bytes'] / 2**20:,.0f} MiB resident"
    return text


class Speed:
    """Section 4. Both train on the same `train.arrow` with the same batch size."""

    TOKENS = {"lstm": "words", "minilm": "pieces", "mpnet": "pieces"}
    BATCH = {"lstm": 64, "minilm": 32, "mpnet": 32}

    def __init__(self, workspace, clock):
        self.workspace, self.clock = workspace, clock
        self.folder = workspace.copy("long", "long-speed")
        self.small = workspace.device == "cpu"
        self.figures = {}

    def checks(self):
        for model in self.TOKENS:
            library = "PyTorch, packed sequences" if model == "lstm" else "transformers"
            yield f"{model}: Ressenti", lambda model=model: self.ours(model)
            yield f"{model}: {library}", lambda model=model: self.theirs(model, False)
        for model in ("minilm", "mpnet"):
            yield f"{model}: transformers with torch.compile", lambda model=model: self.theirs(model, True)

    def batch(self, model):
        return 8 if self.small else self.BATCH[model]

    def ours(self, model):
        workspace = self.workspace
        batch = self.batch(model)
        if model != "lstm":
            workspace.encoder(model, self.clock.limit(60))
            what = f"embed the encoder {model}"
            arguments = ["--variant", model]
            workspace.stage(what, "ressenti-embed", self.folder, workspace.device, arguments, self.clock.limit(60)) \
                .expect_success(what)
        sets = [f"model.{model}.training.batch_size={batch}"]
        if self.small:
            sets += ["run.threads=1", f"model.{model}.reviews={2 * batch}", f"model.{model}.training.epochs=2"]
        with GpuSampler(workspace.device == "cuda") as sampler:
            outcome = workspace.stage(
                f"train {model}",
                "ressenti-train",
                self.folder,
                workspace.device,
                ["--variant", model, "--force"],
                self.clock.limit(90),
                sets=sets,
            ).expect_success(f"training {model}")
        epochs = read_events(self.folder / "artifacts" / "train" / model / "metrics.jsonl", "epoch")
        if len(epochs) < 2:
            raise Failed(f"{len(epochs)} epoch was trained, but at least 2 are needed to measure the last one")
        figures = {
            "reviews_per_second": epochs[-1]["reviews_per_second"],
            "peak_resident_bytes": outcome.peak_resident,
            "batch_size": batch,
            **sampler.figures(),
        }
        self.figures[model] = figures
        return f"{describe(figures)} (last of {len(epochs)} epochs, batches of {batch})", figures

    def theirs(self, model, compiled):
        if compiled and self.small:
            raise NotRun("skipped on a CPU, where compiling takes longer than the check")
        tokens, batch = self.TOKENS[model], self.batch(model)
        command = [self.workspace.python, self.workspace.pack / "baseline.py", "lstm" if model == "lstm" else "encoder"]
        command += ["--tokens", self.folder / "artifacts" / "tokenize" / tokens / "train.arrow"]
        command += ["--batch", str(batch), "--device", self.workspace.device]
        command += ["--seconds", "3" if self.small else "10"]
        if self.small:
            command += ["--rows", str(2 * batch), "--threads", "1"]
        if model == "lstm":
            command += ["--vocabulary", str(self.vocabulary_size(tokens)), "--width", "100", "--hidden", "128"]
        else:
            command += ["--encoder", self.workspace.folder / "encoders" / model]
        if compiled:
            command += ["--compile"]
        what = f"{model} in Python{', compiled' if compiled else ''}"
        with GpuSampler(self.workspace.device == "cuda") as sampler:
            outcome = self.workspace.commands.run(what, command, self.clock.limit(150)).expect_success(what)
        return self.compare(model, outcome, sampler, batch)

    def compare(self, model, outcome, sampler, batch):
        figures = json.loads(outcome.text.strip().splitlines()[-1])
        figures |= {"batch_size": batch, **sampler.figures(figures["window"])}
        detail = f"{describe(figures)}, {figures['library']}, {figures['precision']}"
        if "attention" in figures:
            detail += f", {figures['attention']} attention, warm-up {figures['warm_up_seconds']:.0f} s"
        ours = self.figures.get(model)
        if self.small:
            detail += "; tiny sizes and different rows, so the speeds are not compared"
        elif ours:
            figures["ratio"] = ours["reviews_per_second"] / figures["reviews_per_second"]
            detail += f"; Ressenti is {figures['ratio']:.2f} times as fast"
        return detail, figures

    def vocabulary_size(self, tokens):
        manifest = read_json(self.folder / "artifacts" / "tokenize" / tokens / "manifest.json")
        found = find(manifest, "vocabulary_size")
        if found is None:
            raise Failed(f"the manifest of the tokens of `{tokens}` has no vocabulary_size")
        return found


def find(value, key):
    """The first value of a key anywhere in a JSON value."""
    if isinstance(value, dict):
        if isinstance(value.get(key), int):
            return value[key]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            found = find(item, key)
            if found is not None:
                return found
    return None


class Imdb:
    """Section 5: MiniLM with its real weights, fine-tuned on the reviews of the pack."""

    def __init__(self, workspace, clock):
        self.workspace, self.clock = workspace, clock
        self.folder = workspace.folder / "imdb"
        self.speed = None

    def checks(self):
        yield "MiniLM fine-tuned with 512 tokens", self.train
        yield "its accuracy on the test reviews", self.evaluate
        yield "transformers on the same rows", self.theirs

    def train(self):
        with GpuSampler(self.workspace.device == "cuda") as sampler:
            outcome = self.workspace.stage(
                "train",
                "ressenti-train",
                self.folder,
                self.workspace.device,
                ["--variant", "tuned"],
                self.clock.limit(600),
            ).expect_success("training")
        epochs = read_events(self.folder / "artifacts" / "train" / "tuned" / "metrics.jsonl", "epoch")
        self.speed = {
            "reviews_per_second": epochs[-1]["reviews_per_second"],
            "peak_resident_bytes": outcome.peak_resident,
            "minutes": outcome.seconds / 60,
            **sampler.figures(),
        }
        detail = f"{len(epochs)} epochs in {outcome.seconds / 60:.1f} minutes, {describe(self.speed)} in the last epoch"
        return detail, self.speed

    def evaluate(self):
        if self.speed is None:
            raise NotRun("there is no trained model")
        outcome = self.workspace.stage(
            "evaluate",
            "ressenti-evaluate",
            self.folder,
            self.workspace.device,
            ["--variant", "tuned"],
            self.clock.limit(300),
        ).expect_success("evaluation")
        metrics = read_json(self.folder / "artifacts" / "evaluate" / "tuned" / "metrics.json")
        accuracy = metrics["models"]["tuned"]["accuracy"]
        figures = {"accuracy": accuracy, "minutes": outcome.seconds / 60}
        return f"{100 * accuracy['value']:.2f}%, evaluated in {outcome.seconds / 60:.1f} minutes", figures

    def theirs(self):
        model = read_json(self.folder / "artifacts" / "train" / "tuned" / "model.json")
        batch = model["architecture"]["training"]["batch_size"]
        tokens = self.folder / "artifacts" / "tokenize" / "own" / "train.arrow"
        command = [self.workspace.python, self.workspace.pack / "baseline.py", "encoder", "--encoder", self.folder / "encoder"]
        command += ["--tokens", tokens, "--batch", str(batch), "--device", self.workspace.device]
        command += ["--seconds", "60" if self.workspace.device == "cuda" else "5"]
        with GpuSampler(self.workspace.device == "cuda") as sampler:
            outcome = self.workspace.commands.run("transformers", command, self.clock.limit(180))
        outcome.expect_success("transformers")
        figures = json.loads(outcome.text.strip().splitlines()[-1])
        figures |= sampler.figures(figures["window"])
        detail = f"{describe(figures)}, {figures['library']}, {figures['precision']}, {figures['attention']} attention"
        if self.speed and self.workspace.device == "cuda":
            figures["ratio"] = self.speed["reviews_per_second"] / figures["reviews_per_second"]
            detail += f"; Ressenti is {figures['ratio']:.2f} times as fast"
        return detail, figures
