"""Tests of the check itself, without torch and GPU: `python3 -m unittest test_check`."""

import json
import os
import pathlib
import sys
import tempfile
import time
import unittest

import check
import harness
import training


class Compare(unittest.TestCase):
    def test_losses(self):
        first, largest = training.compare_losses([0.7, 0.6], [0.7, 0.65])
        self.assertEqual(first, 0.0)
        self.assertAlmostEqual(largest, 0.05)
        for ours, theirs in [([], []), ([0.7], [0.7, 0.6]), ([float("nan")], [0.7])]:
            with self.assertRaises(harness.Failed):
                training.compare_losses(ours, theirs)

    def test_attributions(self):
        review = lambda row, weight: {"row_id": row, "words": [[0, 4, weight], [5, 9, -1.0]]}
        common, worst = training.compare_attributions([review(1, 0.5), review(2, 9.0)], [review(1, 0.4)])
        self.assertEqual(common, 1)
        self.assertAlmostEqual(worst, 0.0999)
        with self.assertRaises(harness.Failed):
            training.compare_attributions([review(1, 0.5)], [review(2, 0.5)])

    def test_answers(self):
        answer = lambda p_positive, weight: {
            "row": 1, "p_positive": p_positive, "words": [{"start": 0, "end": 4, "weight": weight}]
        }
        probability, attribution = training.compare_answers([answer(0.75, 0.5)], [answer(0.5, 0.25)])
        self.assertEqual(probability, 0.25)
        self.assertAlmostEqual(attribution, 0.4998)
        with self.assertRaises(harness.Failed):
            training.compare_answers([], [answer(0.5, 0.25)])

    def test_sections(self):
        self.assertEqual(check.select_sections(None, "core"), [1, 2, 3, 4])
        self.assertEqual(check.select_sections("4,2", "core"), [2, 4])
        for text, kind in [("5", "core"), ("1", "imdb"), ("x", "core")]:
            with self.assertRaises(SystemExit):
                check.select_sections(text, kind)


class Run(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        self.report = harness.Report(self.path / "out", {"device": "cpu"})
        self.report.print = self.report.log
        self.commands = harness.Commands(self.report, dict(os.environ), self.path)

    def summary(self):
        return json.loads((self.path / "out" / "summary.json").read_text())

    def test_results_are_written_at_once(self):
        clock = harness.Clock(60, time.monotonic() + 60)

        def fails():
            raise harness.Failed("1 is not 2")

        def is_not_run():
            raise harness.NotRun("there is no GPU")

        def has_a_bug():
            return {}["key"]

        def reads_summary():
            # Earlier results are in the file while the check is running.
            self.assertEqual([c["outcome"] for c in self.summary()["checks"]], ["FAIL", "NOT RUN", "FAIL"])
            self.assertFalse(self.summary()["finished"])
            return "found", {"figure": 1}

        checks = [("a", fails), ("b", is_not_run), ("c", has_a_bug), ("d", reads_summary)]
        harness.run_checks(self.report, 1, clock, checks)
        self.report.write(finished=True)
        summary = self.summary()
        self.assertEqual((summary["passed"], summary["failed"], summary["not_run"]), (1, 2, 1))
        self.assertEqual(summary["checks"][3]["figures"], {"figure": 1})

    def test_checks_without_time_are_not_run(self):
        clock = harness.Clock(60, time.monotonic() + 1)
        harness.run_checks(self.report, 1, clock, [("a", lambda: ("", {}))])
        self.assertEqual(self.summary()["not_run"], 1)

    def test_a_command_fails_at_its_own_limit_and_is_not_run_at_the_end_of_the_section(self):
        sleep = lambda: self.commands.run("sleep", ["sleep", "60"], 1).expect_success("sleep")
        harness.run_checks(self.report, 1, harness.Clock(60, time.monotonic() + 60), [("a", sleep)])
        self.assertEqual(self.summary()["checks"][-1]["outcome"], "FAIL")
        clock = harness.Clock(6, time.monotonic() + 6)
        sleep_to_end = lambda: self.commands.run("sleep", ["sleep", "60"], clock.limit(60)).expect_success("sleep")
        harness.run_checks(self.report, 1, clock, [("b", sleep_to_end)])
        self.assertEqual(self.summary()["checks"][-1]["outcome"], "NOT RUN")

    def test_a_command_is_killed_at_its_limit_with_its_children(self):
        script = "import subprocess, sys\nsubprocess.Popen(['sleep', '60'])\nprint('started', flush=True)\nimport time; time.sleep(60)"
        started = time.monotonic()
        outcome = self.commands.run("sleep", [sys.executable, "-c", script], 1)
        self.assertLess(time.monotonic() - started, 20)
        self.assertTrue(outcome.timed_out)
        self.assertIn("started", outcome.text)
        with self.assertRaises(harness.Failed):
            outcome.expect_success("sleep")
        self.assertEqual(self.commands.running, set())

    def test_the_end_of_a_command_is_described(self):
        good = self.commands.run("good", [sys.executable, "-c", "print('fine')"], 30)
        self.assertEqual((good.code, good.text), (0, "fine\n"))
        bad = self.commands.run("bad", [sys.executable, "-c", "raise SystemExit('error: it broke')"], 30)
        self.assertEqual((bad.describe(), bad.last_line()), ("exit code 1", "error: it broke"))
        killed = self.commands.run("killed", ["sh", "-c", "kill -9 $$"], 30)
        self.assertEqual(killed.describe(), "ended by signal SIGKILL")
        self.assertIn("it broke", (self.path / "out" / "log.txt").read_text())

    def test_a_gpu_is_sampled(self):
        script = self.path / "nvidia-smi"
        script.write_text("#!/bin/sh\nprintf '0, 100\\n80, 900\\n[N/A], 900\\n60, 700\\n0, 100\\n'\nexec sleep 60\n")
        script.chmod(0o755)
        path = os.environ["PATH"]
        os.environ["PATH"] = f"{self.path}:{path}"
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        with harness.GpuSampler(True) as sampler:
            deadline = time.monotonic() + 20
            while len(sampler.samples) < 4 and time.monotonic() < deadline:
                time.sleep(0.05)
        figures = sampler.figures()
        self.assertEqual(figures, {"gpu_memory_mib": 800.0, "gpu_samples": 2, "gpu_utilisation_percent": 70.0})
        self.assertNotIn("gpu_utilisation_percent", sampler.figures((0, 1)))
        with harness.GpuSampler(False) as sampler:
            self.assertEqual(sampler.figures(), {})

    def test_memory_is_limited(self):
        script = "block = bytearray(1 << 30)"
        outcome = self.commands.run("allocate", [sys.executable, "-c", script], 30, memory_limit=512 << 20)
        self.assertIn("MemoryError", outcome.text)


class Pack(unittest.TestCase):
    def test_a_missing_or_damaged_file_is_named(self):
        with tempfile.TemporaryDirectory() as name:
            pack = pathlib.Path(name)
            digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
            manifest = {"files": [{"name": "part-00", "bytes": 4, "sha256": digest}]}
            with self.assertRaisesRegex(harness.Failed, "part-00` is missing"):
                check.verify(pack, manifest)
            (pack / "part-00").write_text("test")
            self.assertEqual(check.verify(pack, manifest)[1], {"bytes": 4})
            (pack / "part-00").write_text("tent")
            with self.assertRaisesRegex(harness.Failed, "damaged"):
                check.verify(pack, manifest)

    def test_parts_are_one_stream(self):
        with tempfile.TemporaryDirectory() as name:
            paths = [pathlib.Path(name) / part for part in ("part-00", "part-01", "part-02")]
            for path, text in zip(paths, ("abc", "", "de")):
                path.write_text(text)
            joined, text = check.JoinedFiles(paths), b""
            while block := joined.read(2):
                text += block
            self.assertEqual(text, b"abcde")


if __name__ == "__main__":
    unittest.main()
