"""The check of Ressenti on a machine with a GPU, from the pack that `cargo xtask gpu pack` makes.

    python3 PACK/check.py --device cuda --out OUT

Needs Linux on x86-64 and Python 3.10 or later with torch 2.11, transformers, pyarrow and safetensors,
and no Rust. Writes OUT/log.txt and OUT/summary.json, both complete after every check. Exits with 0 if
nothing failed, 1 if something did, 130 if it was interrupted.

Sections, each with a time limit; `imdb` packs have section 5, `core` packs the others:
  1  training, evaluation and attributions of every model kind, against the CPU
  2  a killed training resumed to the same bytes
  3  a device-side assertion and full memory, both real
  4  training speed beside PyTorch and transformers
  5  MiniLM tuned on IMDB
"""

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

from harness import FAIL, NOT_RUN, PASS, Clock, Commands, Failed, Report, run_checks
from speed import Imdb, Speed
from training import Faults, Models, Resume, Workplace

# Section: what checks it, and its seconds.
SECTIONS = {1: (Models, 170), 2: (Resume, 100), 3: (Faults, 90), 4: (Speed, 330), 5: (Imdb, 560)}
OF_PACK = {"core": [1, 2, 3, 4], "imdb": [5]}
# All of a pack, in seconds.
BUDGET = {"core": 480, "imdb": 570}
TORCH = """
import glob, json, os, torch
folder = os.path.dirname(torch.__file__)
print(json.dumps({
    "torch": torch.__version__,
    "cuda": torch.cuda.is_available(),
    "device": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
    "capability": torch.cuda.get_device_capability(0) if torch.cuda.is_available() else None,
    "libraries": [os.path.join(folder, "lib"), *sorted(glob.glob(os.path.join(folder, "../nvidia/*/lib")))],
}))
"""


def verify(pack, manifest):
    """Every file that the pack lists is there and is the file that was packed."""
    for entry in manifest["files"]:
        path = pack / entry["name"]
        if not path.is_file():
            raise Failed(f"`{entry['name']}` is missing: carry the whole pack")
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        if digest.hexdigest() != entry["sha256"]:
            raise Failed(f"`{entry['name']}` is damaged")
    size = sum(entry["bytes"] for entry in manifest["files"])
    return f"{len(manifest['files'])} files, {size / 2**20:.1f} MiB", {"bytes": size}


class Joined:
    """The parts of an archive as one stream."""

    def __init__(self, paths):
        self.paths, self.file = list(paths), None

    def read(self, size):
        while True:
            if self.file is None:
                if not self.paths:
                    return b""
                self.file = open(self.paths.pop(0), "rb")
            block = self.file.read(size)
            if block:
                return block
            self.file.close()
            self.file = None


def unpack(pack, manifest, folder):
    """Unpacks the archive, and makes the second set of programs, with planned faults."""
    parts = [pack / name for name in manifest["parts"]]
    with tarfile.open(fileobj=Joined(parts), mode="r|gz") as archive:
        archive.extractall(folder, filter="data")
    planned = folder / "bin" / "ressenti-train-faults"
    if planned.exists():
        shutil.copytree(folder / "bin", folder / "bin-faults", copy_function=os.link)
        (folder / "bin-faults" / "ressenti-train").unlink()
        (folder / "bin-faults" / planned.name).rename(folder / "bin-faults" / "ressenti-train")


def probe_torch(commands, device):
    outcome = commands.run("Python's torch", [sys.executable, "-c", TORCH], 90).expect_success("torch in Python")
    facts = json.loads(outcome.text.strip().splitlines()[-1])
    if device == "cuda" and not facts["cuda"]:
        raise Failed("torch in Python finds no GPU: nothing was checked on one")
    if not facts["torch"].startswith("2.11."):
        raise Failed(f"torch is {facts['torch']}, the programs were built for libtorch 2.11")
    return facts


def machine():
    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.strip() or None
    except (OSError, subprocess.TimeoutExpired):
        return None


def sections_of(text, kind):
    """The sections asked for, in order; only those that the pack has."""
    known = OF_PACK[kind]
    if text is None:
        return known
    try:
        asked = sorted({int(number) for number in text.split(",")})
    except ValueError:
        raise SystemExit(f"error: --sections takes numbers with commas between them, not `{text}`")
    unknown = [number for number in asked if number not in known]
    if unknown:
        raise SystemExit(f"error: the {kind} pack has no section {unknown[0]}, only {known}")
    return asked


def check(arguments, pack, manifest, report, folder):
    end = time.monotonic() + (arguments.budget or BUDGET[manifest["kind"]])
    commands = Commands(report, dict(os.environ), folder)

    def interrupted(number, _):
        commands.kill_all()
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupted)
    sections = sections_of(arguments.sections, manifest["kind"])
    try:
        detail, figures = verify(pack, manifest)
        report.add(0, "the pack is whole", PASS, detail, figures)
        unpack(pack, manifest, folder)
        facts = probe_torch(commands, arguments.device)
        gpu = f", {facts['device']}" if arguments.device == "cuda" else ", on the CPU"
        report.facts["gpu_used"] = facts["device"] if arguments.device == "cuda" else None
        report.add(0, "Python's torch", PASS, f"torch {facts['torch']}{gpu}", facts)
    except Failed as reason:
        report.add(0, "preparation", FAIL, str(reason))
        for number in sections:
            report.add(number, "all of it", NOT_RUN, "the preparation failed")
        return
    # The programs link the CPU half of libtorch and load the CUDA half from the same folder. CUDA's
    # libraries open others by name, which Python's torch loads beforehand.
    libraries = [*facts["libraries"], os.environ.get("LD_LIBRARY_PATH", "")]
    commands.environment["LD_LIBRARY_PATH"] = ":".join(filter(None, libraries))
    place = Workplace(pack, folder, commands, arguments.device, sys.executable)
    try:
        for number in sections:
            made, seconds = SECTIONS[number]
            clock = Clock(arguments.section_limit or seconds, end)
            run_checks(report, number, clock, made(place, clock).checks())
    finally:
        commands.kill_all()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"], help="cpu tests the check itself, on tiny sizes")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="the folder for log.txt and summary.json")
    parser.add_argument("--sections", help="such as 1,2; all of the pack where not given")
    parser.add_argument("--budget", type=float, help="seconds for all sections together")
    parser.add_argument("--section-limit", type=float, help="seconds for each section")
    parser.add_argument("--work", type=pathlib.Path, help="a folder for temporary files, with 4 GB free")
    arguments = parser.parse_args()
    pack = pathlib.Path(__file__).resolve().parent
    try:
        manifest = json.loads((pack / "pack.json").read_text())
    except OSError as error:
        raise SystemExit(f"error: this script runs from a pack: {error}\nhint: make one with `cargo xtask gpu pack core`")
    sections_of(arguments.sections, manifest["kind"])
    facts = {"pack": manifest["kind"], "commit": manifest["commit"], "device": arguments.device, "gpu": machine()}
    report = Report(arguments.out, facts)
    report.say(f"pack {manifest['kind']} of commit {manifest['commit']}, device {arguments.device}, GPU: {facts['gpu'] or 'none'}")
    interrupted = False
    with tempfile.TemporaryDirectory(prefix="ressenti-gpu-", dir=arguments.work) as folder:
        try:
            check(arguments, pack, manifest, report, pathlib.Path(folder))
        except KeyboardInterrupt:
            interrupted = True
    report.write(finished=not interrupted)
    passed, failed, not_run = (report.count(outcome) for outcome in (PASS, FAIL, NOT_RUN))
    used = report.facts.get("gpu_used")
    where = f"device {used}" if used else "nothing here ran on a GPU"
    ended = "interrupted" if interrupted else "finished"
    report.say(f"{ended}: {passed} passed, {failed} failed, {not_run} not run; {where}")
    return 130 if interrupted else int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
