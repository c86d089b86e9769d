"""Checks Ressenti on a machine with a GPU. It runs from a pack made by `cargo xtask gpu pack`.

    python3 PACK/check.py --device cuda --out OUT

Needs Linux on x86-64 and Python 3.10 or later with torch 2.11, transformers, pyarrow and safetensors,
and no Rust. Writes OUT/log.txt and OUT/summary.json after every check. Exit code: 0 if no check failed, 1 if one
failed, 130 if interrupted.

Sections, each with a time limit; `imdb` packs have section 5, `core` packs the others:
  1  training, evaluation and attributions of every model kind, compared with the CPU
  2  a killed and resumed training gives the same bytes
  3  a real device-side assertion and a real allocation failure
  4  training speed compared with PyTorch and transformers
  5  MiniLM fine-tuned on IMDB
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
from training import Faults, Models, Resume, Workspace

# Section: its class, and its time limit in seconds.
SECTIONS = {1: (Models, 170), 2: (Resume, 100), 3: (Faults, 90), 4: (Speed, 330), 5: (Imdb, 560)}
PACK_SECTIONS = {"core": [1, 2, 3, 4], "imdb": [5]}
# Time limit of all sections of a pack, in seconds.
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
    """Checks that every listed file exists and has the listed digest."""
    for entry in manifest["files"]:
        path = pack / entry["name"]
        if not path.is_file():
            raise Failed(f"`{entry['name']}` is missing: copy the whole pack")
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        if digest.hexdigest() != entry["sha256"]:
            raise Failed(f"`{entry['name']}` is damaged")
    size = sum(entry["bytes"] for entry in manifest["files"])
    return f"{len(manifest['files'])} files, {size / 2**20:.1f} MiB", {"bytes": size}


class JoinedFiles:
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
    """Unpacks the archive, and makes a second folder of programs with fault injection."""
    parts = [pack / name for name in manifest["parts"]]
    with tarfile.open(fileobj=JoinedFiles(parts), mode="r|gz") as archive:
        archive.extractall(folder, filter="data")
    planned = folder / "bin" / "ressenti-train-faults"
    if planned.exists():
        shutil.copytree(folder / "bin", folder / "bin-faults", copy_function=os.link)
        (folder / "bin-faults" / "ressenti-train").unlink()
        (folder / "bin-faults" / planned.name).rename(folder / "bin-faults" / "ressenti-train")


def probe_torch(commands, device):
    outcome = commands.run("Python's torch", [sys.executable, "-c", TORCH], 90).expect_success("torch in Python")
    info = json.loads(outcome.text.strip().splitlines()[-1])
    if device == "cuda" and not info["cuda"]:
        raise Failed("torch in Python finds no GPU, so nothing was checked on a GPU")
    if not info["torch"].startswith("2.11."):
        raise Failed(f"torch is {info['torch']}, the programs were built for libtorch 2.11")
    return info


def machine():
    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.strip() or None
    except (OSError, subprocess.TimeoutExpired):
        return None


def select_sections(text, kind):
    """The requested sections, in order."""
    known = PACK_SECTIONS[kind]
    if text is None:
        return known
    try:
        requested = sorted({int(number) for number in text.split(",")})
    except ValueError:
        raise SystemExit(f"error: --sections needs numbers separated by commas, not `{text}`")
    unknown = [number for number in requested if number not in known]
    if unknown:
        raise SystemExit(f"error: the {kind} pack has no section {unknown[0]}, only {known}")
    return requested


def check(arguments, pack, manifest, report, folder):
    end = time.monotonic() + (arguments.budget or BUDGET[manifest["kind"]])
    commands = Commands(report, dict(os.environ), folder)

    def interrupted(number, _):
        commands.kill_all()
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupted)
    sections = select_sections(arguments.sections, manifest["kind"])
    try:
        detail, figures = verify(pack, manifest)
        report.add(0, "the pack is complete", PASS, detail, figures)
        unpack(pack, manifest, folder)
        info = probe_torch(commands, arguments.device)
        gpu = f", {info['device']}" if arguments.device == "cuda" else ", on the CPU"
        report.info["gpu_used"] = info["device"] if arguments.device == "cuda" else None
        report.add(0, "Python's torch", PASS, f"torch {info['torch']}{gpu}", info)
    except Failed as reason:
        report.add(0, "preparation", FAIL, str(reason))
        for number in sections:
            report.add(number, "all of it", NOT_RUN, "the preparation failed")
        return
    # The programs link the CPU part of libtorch and load the CUDA part from the same folder. CUDA libraries open
    # others by name, so their folders are added to the path.
    libraries = [*info["libraries"], os.environ.get("LD_LIBRARY_PATH", "")]
    commands.environment["LD_LIBRARY_PATH"] = ":".join(filter(None, libraries))
    workspace = Workspace(pack, folder, commands, arguments.device, sys.executable)
    try:
        for number in sections:
            check_class, seconds = SECTIONS[number]
            clock = Clock(arguments.section_limit or seconds, end)
            run_checks(report, number, clock, check_class(workspace, clock).checks())
    finally:
        commands.kill_all()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"], help="cpu tests the check itself with tiny sizes")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="the folder for log.txt and summary.json")
    parser.add_argument("--sections", help="for example 1,2 [default: all sections of the pack]")
    parser.add_argument("--budget", type=float, help="time limit of all sections in seconds")
    parser.add_argument("--section-limit", type=float, help="time limit of each section in seconds")
    parser.add_argument("--work", type=pathlib.Path, help="a folder for temporary files, with 4 GB free")
    arguments = parser.parse_args()
    pack = pathlib.Path(__file__).resolve().parent
    try:
        manifest = json.loads((pack / "pack.json").read_text())
    except OSError as error:
        raise SystemExit(f"error: this script runs from a pack: {error}\n  hint: make one with `cargo xtask gpu pack core`")
    select_sections(arguments.sections, manifest["kind"])
    info = {"pack": manifest["kind"], "commit": manifest["commit"], "device": arguments.device, "gpu": machine()}
    report = Report(arguments.out, info)
    report.print(f"pack {manifest['kind']} of commit {manifest['commit']}, device {arguments.device}, GPU: {info['gpu'] or 'none'}")
    interrupted = False
    with tempfile.TemporaryDirectory(prefix="ressenti-gpu-", dir=arguments.work) as folder:
        try:
            check(arguments, pack, manifest, report, pathlib.Path(folder))
        except KeyboardInterrupt:
            interrupted = True
    report.write(finished=not interrupted)
    passed, failed, not_run = (report.count(outcome) for outcome in (PASS, FAIL, NOT_RUN))
    used = report.info.get("gpu_used")
    where = f"device {used}" if used else "nothing ran on a GPU"
    ended = "interrupted" if interrupted else "finished"
    report.print(f"{ended}: {passed} passed, {failed} failed, {not_run} not run; {where}")
    return 130 if interrupted else int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
