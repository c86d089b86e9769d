"""Commands with time limits, and the results of a check: `log.txt` and `summary.json`.

This process only uses the standard library, so it cannot hang in a GPU driver or run out of memory. Code that
needs PyTorch runs in separate processes.
"""

import contextlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import threading
import time

PASS, FAIL, NOT_RUN = "PASS", "FAIL", "NOT RUN"
# A check is not started if fewer seconds are left.
SHORTEST = 5.0


class Failed(Exception):
    """A check failed. The text names the expected and the found result."""


class TimedOut(Failed):
    """A command was stopped at its time limit."""


class NotRun(Exception):
    """A check could not run. The text says why."""


class Report:
    """Prints each result at once and writes it to `summary.json`."""

    def __init__(self, out, info):
        self.out = pathlib.Path(out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.log_path = self.out / "log.txt"
        self.log_path.write_bytes(b"")
        self.info = dict(info)
        self.checks = []
        self.started = time.time()
        self.write()

    def log(self, text):
        with open(self.log_path, "a", encoding="utf-8", errors="replace") as file:
            file.write(text.rstrip("\n") + "\n")

    def print(self, text):
        print(text, flush=True)
        self.log(text)

    def add(self, section, name, outcome, detail="", figures=None):
        self.checks.append(
            {"section": section, "name": name, "outcome": outcome, "detail": detail, "figures": figures or {}}
        )
        self.print(f"{outcome:7} {section}. {name}{': ' if detail else ''}{detail}")
        self.write()

    def count(self, outcome):
        return sum(check["outcome"] == outcome for check in self.checks)

    def write(self, finished=False):
        summary = {
            **self.info,
            "finished": finished,
            "seconds": round(time.time() - self.started, 1),
            "passed": self.count(PASS),
            "failed": self.count(FAIL),
            "not_run": self.count(NOT_RUN),
            "checks": self.checks,
        }
        temporary = self.out / "summary.json.new"
        temporary.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        temporary.replace(self.out / "summary.json")


class Clock:
    """The time limit of a section, within the limit of the whole check."""

    def __init__(self, seconds, end):
        self.end = min(time.monotonic() + seconds, end)

    def left(self):
        return self.end - time.monotonic()

    def limit(self, seconds):
        """The time limit of a command: `seconds`, or the rest of the section."""
        if self.left() < SHORTEST:
            raise NotRun("the time limit was reached before")
        return min(seconds, self.left())


def run_checks(report, section, clock, checks):
    """Runs the checks in order. Checks after the time limit are reported as NOT RUN."""
    for name, check in checks:
        if clock.left() < SHORTEST:
            report.add(section, name, NOT_RUN, "the time limit was reached before")
            continue
        try:
            detail, figures = check()
            report.add(section, name, PASS, detail, figures)
        except NotRun as reason:
            report.add(section, name, NOT_RUN, str(reason))
        except TimedOut as reason:
            # A command that used its own limit has failed; the end of the section is no failure.
            outcome = FAIL if clock.left() > 0.5 else NOT_RUN
            report.add(section, name, outcome, str(reason))
        except Failed as reason:
            report.add(section, name, FAIL, str(reason))
        except Exception as error:  # a bug in one check must not hide the checks after it
            report.add(section, name, FAIL, f"{type(error).__name__}: {error}")


class Outcome:
    """How a command ended."""

    def __init__(self, code, text, seconds, timed_out, peak_resident, peak_virtual):
        self.code, self.text, self.seconds, self.timed_out = code, text, seconds, timed_out
        self.peak_resident, self.peak_virtual = peak_resident, peak_virtual

    def describe(self):
        if self.timed_out:
            return f"stopped at its time limit after {self.seconds:.0f} s"
        if self.code < 0:
            return f"ended by signal {signal.Signals(-self.code).name}"
        return f"exit code {self.code}"

    def last_line(self):
        """The last error message, or else the last line."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith("error")]
        errors = errors or [line for line in lines if "error" in line.lower()]
        return (errors or lines or ["it printed nothing"])[-1][:300]

    def expect_success(self, what):
        if self.timed_out:
            raise TimedOut(f"{what}: {self.describe()}")
        if self.code != 0:
            raise Failed(f"{what}: {self.describe()}: {self.last_line()}")
        return self


class Commands:
    """Starts each command in a separate session, so that all its processes can be killed."""

    def __init__(self, report, environment, folder):
        self.report, self.environment, self.folder = report, environment, folder
        self.running = set()

    def run(self, what, arguments, limit, extra=None, memory_limit=None, cwd=None):
        """Runs a command until its end or its time limit. Its output goes to the log."""
        arguments = [str(argument) for argument in arguments]
        self.report.log(f"\n=== {what}\n$ {' '.join(arguments)}  (at most {limit:.0f} s)")
        output_path = self.folder / "output.txt"
        limit_memory = None
        if memory_limit is not None:
            limit_memory = lambda: resource.setrlimit(resource.RLIMIT_AS, (memory_limit, memory_limit))
        started = time.monotonic()
        with open(output_path, "wb") as output:
            child = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**self.environment, **(extra or {})},
                cwd=cwd,
                start_new_session=True,
                preexec_fn=limit_memory,
            )
        self.running.add(child.pid)
        peaks, timed_out = {}, False
        while child.poll() is None:
            read_peaks(child.pid, peaks)
            if time.monotonic() - started > limit:
                timed_out = True
                kill_session(child.pid)
                child.wait()
                break
            time.sleep(0.02)
        seconds = time.monotonic() - started
        kill_session(child.pid)
        self.running.discard(child.pid)
        text = output_path.read_text(encoding="utf-8", errors="replace")
        outcome = Outcome(
            child.returncode, text, seconds, timed_out, peaks.get("VmHWM", 0), peaks.get("VmPeak", 0)
        )
        self.report.log(f"{text}\n--- {outcome.describe()}, {seconds:.1f} s")
        return outcome

    @contextlib.contextmanager
    def background(self, what, arguments, ready, limit):
        """Runs a command in the background. Yields the first line that contains `ready`, within `limit` seconds."""
        child = subprocess.Popen(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment,
            start_new_session=True,
            text=True,
        )
        self.running.add(child.pid)
        timer = threading.Timer(limit, kill_session, [child.pid])
        timer.start()
        try:
            lines = []
            for line in child.stdout:
                lines.append(line.rstrip())
                if ready in line:
                    break
            timer.cancel()
            self.report.log(f"\n=== {what}\n" + "\n".join(lines))
            if not lines or ready not in lines[-1]:
                raise Failed(f"{what}: {(lines or ['it printed nothing'])[-1]}")
            yield lines[-1]
        finally:
            timer.cancel()
            kill_session(child.pid)
            child.wait()
            child.stdout.close()
            self.running.discard(child.pid)

    def kill_all(self):
        for pid in list(self.running):
            kill_session(pid)


def read_peaks(pid, peaks):
    """The largest resident and virtual memory of a process so far, in bytes."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in ("VmHWM", "VmPeak"):
                peaks[name] = max(peaks.get(name, 0), int(value.split()[0]) * 1024)
    except (OSError, ValueError, IndexError):
        pass  # it has ended


def kill_session(session):
    """Kills every process of a session, also in other process groups."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                os.kill(int(folder.name), signal.SIGKILL)
        except (OSError, ValueError, IndexError):
            continue


class GpuSampler:
    """Reads utilisation and memory of the first GPU every quarter of a second, in a thread."""

    def __init__(self, enabled):
        self.enabled, self.samples, self.process = enabled, [], None

    def __enter__(self):
        if self.enabled:
            query = "--query-gpu=utilization.gpu,memory.used"
            command = ["nvidia-smi", "--id=0", query, "--format=csv,noheader,nounits", "--loop-ms=250"]
            try:
                self.process = subprocess.Popen(
                    command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
                )
            except OSError:
                return self
            self.thread = threading.Thread(target=self.read, daemon=True)
            self.thread.start()
        return self

    def read(self):
        for line in self.process.stdout:
            try:
                utilisation, memory = (float(value) for value in line.split(","))
            except ValueError:
                continue
            self.samples.append((time.time(), utilisation, memory))

    def __exit__(self, *_):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.thread.join(timeout=2)
            self.process.stdout.close()

    def figures(self, window=None):
        """Mean utilisation in percent and growth of memory in MiB. Without a window the mean covers the samples between
        the first and the last one of at least 5%."""
        if not self.samples:
            return {}
        if window is None:
            busy = [at for at, utilisation, _ in self.samples if utilisation >= 5]
            window = (min(busy), max(busy)) if busy else None
        chosen = [u for at, u, _ in self.samples if window and window[0] <= at <= window[1]]
        memory = [used for _, _, used in self.samples]
        figures = {"gpu_memory_mib": max(memory) - memory[0], "gpu_samples": len(chosen)}
        if chosen:
            figures["gpu_utilisation_percent"] = round(sum(chosen) / len(chosen), 1)
        return figures
