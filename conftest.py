"""Settings of every test run: embedded data, results in a temporary place, minutes by suite at the end."""

import os
import shutil
import signal
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest

_results = tempfile.mkdtemp(prefix="lecture-tests-")
os.environ.update(
    LECTURE_DATA=os.environ.get("LECTURE_DATA", "embedded"),
    LECTURE_SCOREBOARD=str(Path(_results) / "scoreboard.json"),
    LECTURE_PROGRESS=str(Path(_results) / "progress.json"),
    LECTURE_STILL="1",
    MPLBACKEND="Agg",
    TF_CPP_MIN_LOG_LEVEL="3",
)
os.environ.pop("TFDS_DATA_DIR", None)

# A test run in the background (`make test &`, nohup) ignores Ctrl-C and hang-ups, and so would each process
# that it starts. A handler that does nothing is not inherited: what the tests interrupt can be interrupted.
for _number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)


def pytest_sessionfinish() -> None:
    """Remove what the tests recorded."""
    shutil.rmtree(_results, ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how long each file took, the slow ones: each lecture and each suite has a budget."""
    seconds: dict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.nodeid.split("::")[0]] += report.duration
    terminalreporter.section("seconds by file (two run side by side)")
    for file, duration in sorted(seconds.items(), key=lambda item: -item[1]):
        if duration >= 1:
            terminalreporter.write_line(f"{duration:7.1f}  {file}")
