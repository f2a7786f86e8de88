"""Nothing that is handed in gains a point it did not earn, stops the batch, or leaves something behind."""

import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import hostile
import toy

from lecture_utils.grading import sandbox, source

ROOT = Path(__file__).resolve().parent.parent
MISSING = sandbox.missing()
pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
HONEST = ["honest", "honest-too"]
FULL = 6.0


def everything_in(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Grade all of them in one call, honest ones among them, and look at the machine before and after."""
    folder = tmp_path_factory.mktemp("hostile")
    # Two seconds of processor time for a task, so that loops end soon.
    text = re.sub(r"(test=\"\w+\" points=\d)", r"\1 seconds=2", toy.SOURCE)
    notebooks = toy.make_toy(folder, text)
    exercise = source.read(toy.SLUG, notebooks)
    work, out = folder / "submissions", folder / "results"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("\0lecture-hostile")
        abstract.listen()
        students = hostile.hand_in(exercise, work, server.getsockname()[1])
        solution = nbformat.writes(source.solution_notebook(exercise))
        for student in HONEST:
            (work / f"{student}.ipynb").write_text(solution, encoding="utf-8")
        odd = hostile.odd_files(work)
        private = folder / "temporary"
        private.mkdir()
        environment = {**os.environ, hostile.SECRET: "the key to the exam", "TMPDIR": str(private)}
        before = {"package": everything_in(ROOT / "lecture_utils"), "temporary": set(os.listdir("/tmp"))}
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", _GRADE, str(notebooks), str(work), str(out)],
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=400,
        )
        seconds = time.monotonic() - start
    left = [process for process in psutil.process_iter() if _is_ours(process, str(private))]
    stored = [json.loads(path.read_text(encoding="utf-8")) for path in (out / "store").glob("*.json")]
    return {
        "done": done,
        "seconds": seconds,
        "results": {result["student"]: result for result in stored},
        "students": students,
        "odd": odd,
        "out": out,
        "work": work,
        "left": left,
        "before": before,
        "private": private,
        "exercise": exercise,
    }


_GRADE = """
import sys
from pathlib import Path
from lecture_utils import cli, paths
from lecture_utils.grading import grade
grade.LEAST_WALL = 8.0
paths.project_root = lambda: Path(sys.argv[1]).parent
options = ["--exercise", "01_toy", "--seed", "s", "--workers", "2"]
sys.exit(cli.main(["grade", sys.argv[2], "--out", sys.argv[3], *options]))
"""


def _is_ours(process: psutil.Process, folder: str) -> bool:
    """Tell the outermost process of a sandbox of ours; those inside cannot outlive it."""
    try:
        return process.environ().get("TMPDIR") == folder
    except psutil.Error:
        return False


def test_there_are_many(batch: Any) -> None:
    assert len(batch["students"]) + len(batch["odd"]) >= 80


def test_nobody_gains_a_point(batch: Any) -> None:
    gained = {
        student: batch["results"][student]["tasks"]
        for student in batch["students"]
        if student in batch["results"]
        and (batch["results"][student].get("points") or 0) > hostile.EARNED.get(student, 0)
    }
    assert not gained


def test_everybody_is_in_the_table_with_a_mark(batch: Any) -> None:
    """What students do to themselves is a zero with a reason, never a fault of the grader."""
    with (batch["out"] / "grades.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = {row["student"]: row for row in csv.DictReader(stream)}
    missing = [student for student in batch["students"] if student not in rows]
    assert not missing
    unmarked = {s: rows[s] for s in batch["students"] if rows[s]["status"] not in ("graded", "rejected")}
    assert not unmarked, batch["done"].stderr[-2000:]


def test_the_honest_lose_nothing(batch: Any) -> None:
    assert {student: batch["results"][student]["points"] for student in HONEST} == dict.fromkeys(HONEST, FULL)


def test_what_is_wrong_in_one_task_costs_no_other(batch: Any) -> None:
    """The answers to the other tasks were left blank: graded, not stopped."""
    for student in ("endless-loop", "memory-bomb", "exits-at-once", "endless-output"):
        states = {name: task["state"] for name, task in batch["results"][student]["tasks"].items()}
        assert states["mean"] == states["slow"] == "not attempted", student


def test_the_batch_is_not_stopped(batch: Any) -> None:
    assert "Traceback" not in batch["done"].stderr
    assert batch["seconds"] < 240


def test_no_process_is_left(batch: Any) -> None:
    assert not batch["left"]


def test_no_file_is_left(batch: Any) -> None:
    assert not everything_in(batch["private"])
    assert everything_in(ROOT / "lecture_utils") == batch["before"]["package"]
    assert not [name for name in set(os.listdir("/tmp")) - batch["before"]["temporary"] if "bomb" in name]
    assert not Path("/tmp/pickled").exists()
    assert not list(batch["out"].parent.glob("*outside*"))


def test_results_hold_a_bounded_part_of_what_was_written(batch: Any) -> None:
    sizes = {path: path.stat().st_size for path in batch["out"].rglob("*") if path.is_file()}
    assert max(sizes.values()) < 3_000_000
    assert sum(sizes.values()) < 20_000_000


class Tags(HTMLParser):
    """Collects what a browser would run or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag in ("script", "img", "iframe", "object", "embed", "link", "form", "base"):
            self.found.append(tag)
        self.found += [name for name, _ in attrs if name.startswith("on")]


def test_feedback_is_escaped(batch: Any) -> None:
    pages = list(batch["out"].rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        text = page.read_text(encoding="utf-8")
        tags = Tags()
        tags.feed(text)
        assert not tags.found, page.name
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e\u2066-\u2069]", text), page.name


def test_the_terminal_gets_no_escape_sequences(batch: Any) -> None:
    assert "\x1b" not in batch["done"].stdout + batch["done"].stderr


def test_the_secret_is_nowhere(batch: Any) -> None:
    for path in batch["out"].rglob("*"):
        if path.is_file() and path.suffix in (".html", ".csv", ".ipynb"):
            content = path.read_bytes()
            assert b"8675309" not in content, path.name
            assert b"the key to the exam" not in content, path.name


def test_tables_cannot_become_formulas(batch: Any) -> None:
    for path in batch["out"].glob("*.csv"):
        for row in csv.reader(path.open(encoding="utf-8-sig", newline="")):
            assert not [cell for cell in row if re.match(r"[=+@\t\r]|-(?![\d.])", cell)], path.name


def test_an_archive_with_names_that_lead_out_of_it(batch: Any, tmp_path: Path) -> None:
    archive = tmp_path / "class.zip"
    archive.write_bytes(hostile.hostile_zip(batch["exercise"]))
    out = tmp_path / "deep" / "down" / "results"
    notebooks = batch["exercise"].folder
    done = subprocess.run(
        [sys.executable, "-c", _GRADE, str(notebooks), str(archive), str(out)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr
    stored = [json.loads(path.read_text(encoding="utf-8")) for path in (out / "store").glob("*.json")]
    points = {result["student"]: result.get("points") for result in stored}
    assert points["honest-in-zip"] == FULL
    assert not [student for student, earned in points.items() if earned and student != "honest-in-zip"]
    assert {path.name for path in tmp_path.iterdir()} == {"class.zip", "deep"}
    assert not Path("/etc/absolute.ipynb").exists()


def test_the_same_marks_again(batch: Any, tmp_path: Path) -> None:
    """A second grading of a part of them, from nothing, gives the same tasks and points."""
    chosen = [
        *HONEST,
        "edits-points-and-tests",
        "nan",
        "duplicates-an-answer",
        "forges-a-mark",
        "exits-at-once",
    ]
    work = tmp_path / "submissions"
    work.mkdir()
    for student in chosen:
        shutil.copy(batch["work"] / f"{student}.ipynb", work)
    out = tmp_path / "results"
    subprocess.run(
        [sys.executable, "-c", _GRADE, str(batch["exercise"].folder), str(work), str(out)],
        capture_output=True,
        timeout=120,
        check=False,
    )
    for path in (out / "store").glob("*.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        before = batch["results"][result["student"]]
        for name, task in result["tasks"].items():
            assert (task["points"], task["state"]) == (
                before["tasks"][name]["points"],
                before["tasks"][name]["state"],
            )
