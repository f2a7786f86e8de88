"""Grading: points are what was earned, a fault of ours is no zero, and nothing that was graded is lost."""

import asyncio
import csv
import json
import os
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from classroom import RIGHT, SLUG, SOURCE, FakeSandbox, FakeSandboxes, answered, hand_in, make_exercise

from lecture_utils import cli, paths
from lecture_utils.errors import LectureError
from lecture_utils.grading import grade, sandbox, source, store, submissions
from lecture_utils.grading.judging import Judge
from lecture_utils.grading.sandbox import Ran, Step

CLASSROOM = Path(__file__).with_name("classroom.py")
NO_SANDBOX = sandbox.missing()
real = pytest.mark.skipif(bool(NO_SANDBOX), reason=NO_SANDBOX or "there is a sandbox")
DUE = 1_800_000_000.0


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workbook that holds the toy exercise, and that the command takes for its own."""
    made = make_exercise(tmp_path)
    monkeypatch.setattr(paths, "project_root", lambda: made)
    return made


@pytest.fixture
def made(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[FakeSandboxes]:
    """Let the command take fake sandboxes, and return those that it took."""
    factories: list[FakeSandboxes] = []

    def make(exercise: source.Exercise, judge: Judge, sandboxed: bool) -> FakeSandboxes:
        factories.append(FakeSandboxes({"given.json": judge.files()}))
        return factories[-1]

    monkeypatch.setattr(grade, "_make_sandboxes", make)
    monkeypatch.setattr(sandbox, "missing", lambda: "")
    monkeypatch.setattr(grade, "_gradebook", lambda: None)
    return factories


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(root: Path, made: list[FakeSandboxes], capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that grades root/in into root/out."""

    def call(*words: str, out: str = "out") -> tuple[int, str, str]:
        paths_ = [str(root / "in"), "--exercise", "01", "--out", str(root / out)]
        status = cli.main(["grade", *paths_, *words])
        output, errors = capsys.readouterr()
        return status, output, errors

    return call


def table(root: Path, out: str = "out") -> dict[str, dict[str, str]]:
    with (root / out / "grades.csv").open(encoding="utf-8-sig", newline="") as stream:
        return {row["student"]: row for row in csv.DictReader(stream)}


def finals(root: Path, out: str = "out") -> dict[str, str]:
    return {student: row["final"] for student, row in table(root, out).items()}


def record(root: Path, student: str, out: str = "out") -> dict[str, Any]:
    (path,) = (root / out / "store").glob(f"{student}--*.json")
    return json.loads(path.read_text(encoding="utf-8"))


def one_line(errors: str) -> str:
    (line,) = errors.splitlines()
    assert line.startswith("lecture: ")
    return line.removeprefix("lecture: ")


# --- one submission -----------------------------------------------------------------------------------------


class Bench:
    """Grades single submissions of the toy exercise with a fake factory."""

    def __init__(self, root: Path) -> None:
        self.exercise = source.read("1", root / "notebooks")
        self.judge = Judge(self.exercise.judge_code, self.exercise.points, "seed", SLUG)
        self.factory = FakeSandboxes({"given.json": self.judge.files()})

    def grade(self, flaws: dict[str, submissions.Flaw] | None = None, **answers: str) -> grade.Outcome:
        texts = {name: text for name, text in {**RIGHT, **answers}.items() if name not in (flaws or {})}
        return asyncio.run(grade.grade_one(self.exercise, self.judge, self.factory, texts, flaws or {}))


@pytest.fixture
def bench(root: Path) -> Bench:
    return Bench(root)


def states(outcome: grade.Outcome) -> dict[str, tuple[float | None, str]]:
    return {name: (result["points"], result["state"]) for name, result in outcome.tasks.items()}


ALL_RIGHT = {"double": (2, "graded"), "total": (3, "graded"), "best": (1, "graded")}


def test_right_answers_earn_all_points_in_one_sandbox(bench: Bench) -> None:
    outcome = bench.grade()
    assert states(outcome) == ALL_RIGHT
    assert bench.factory.made == 1
    assert [name for name in bench.factory.ran if not name.endswith("-begin")] == [
        "double",
        "double-test",
        "total",
        "total_2",
        "total-test",
        "best",
        "best-test",
    ]
    assert outcome.tasks["best"]["score"] == 0.75
    assert outcome.tasks["total"]["parts"] == [[2, 2, "the sum", ""], [1, 1, "the mean", ""]]


def test_a_wrong_part_costs_its_points_only(bench: Bench) -> None:
    outcome = bench.grade(total_2="def mean(x):\n    return 7.0")
    assert states(outcome) == {**ALL_RIGHT, "total": (2, "graded")}
    assert outcome.tasks["total"]["parts"][1][3]


def test_what_was_not_touched_is_not_run(bench: Bench) -> None:
    stubs = {name: f"\n\n{text} \n" for task in bench.exercise.tasks for name, text in task.stubs.items()}
    outcome = bench.grade(None, **stubs)
    assert {state for _, state in states(outcome).values()} == {"not attempted"}
    assert {points for points, _ in states(outcome).values()} == {0}
    assert bench.factory.made == 0


def test_an_answer_that_still_raises_not_implemented_is_not_attempted(bench: Bench) -> None:
    outcome = bench.grade(double="def double(x):\n    y = 1\n    raise NotImplementedError")
    assert states(outcome)["double"] == (0, "not attempted")


def test_a_flaw_costs_its_task_only_and_is_told(bench: Bench) -> None:
    flaws = {"total_2": submissions.Flaw("duplicate", "it is there twice")}
    outcome = bench.grade(flaws)
    assert states(outcome) == {**ALL_RIGHT, "total": (0, "duplicate")}
    assert outcome.tasks["total"]["words"] == "it is there twice"
    assert "total-test" not in bench.factory.ran


def test_code_that_does_not_compile_is_told_and_costs_its_task(bench: Bench) -> None:
    outcome = bench.grade(double="def double(x:\n  return")
    assert states(outcome) == {**ALL_RIGHT, "double": (0, "graded")}
    assert "SyntaxError" in outcome.tasks["double"]["error"]
    assert "Traceback" in outcome.tasks["double"]["traceback"]


def test_what_the_test_prints_is_not_kept(bench: Bench) -> None:
    outcome = bench.grade(double="print('hello')\ndef double(x):\n    print('inputs:', x)\n    return 2 * x")
    assert outcome.tasks["double"]["text"] == "hello\n"
    assert "inputs" not in json.dumps(outcome.tasks)


def test_answers_given_in_an_answer_cell_do_not_count(bench: Bench) -> None:
    task = bench.exercise.task("best")
    answer = '{"task": "best", "key": "value", "value": 0.9}'
    for place, points in ((0, 0), (1, 1)):
        rans = [Ran("best"), Ran("best-test")]
        rans[place].answers.append(answer)
        assert grade._judged(task, bench.judge, rans)["points"] == points


def test_a_task_that_ends_the_sandbox_is_lost_and_the_others_run_in_a_fresh_one(bench: Bench) -> None:
    def trouble(step: Step, box: FakeSandbox) -> Ran | None:
        return Ran(step.name, ended="used more than 60 s of processor time") if step.name == "total" else None

    bench.factory.trouble = trouble
    outcome = bench.grade()
    assert states(outcome) == {**ALL_RIGHT, "total": (0, "stopped")}
    assert "processor time" in outcome.tasks["total"]["words"]
    assert bench.factory.made == 2
    assert bench.factory.ran.count("double") == 1


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_kernel_that_dies_is_tried_once_more(bench: Bench, deaths: int) -> None:
    died: list[str] = []

    def trouble(step: Step, box: FakeSandbox) -> Ran | None:
        if step.name == "total-test" and len(died) < deaths:
            died.append(step.name)
            return Ran(step.name, ended="ended Python itself (exit status 1)")
        return None

    bench.factory.trouble = trouble
    expected = ALL_RIGHT if deaths == 1 else {**ALL_RIGHT, "total": (0, "stopped")}
    assert states(bench.grade()) == expected


@pytest.mark.parametrize("faults", [2, 3])
def test_a_fault_of_ours_is_tried_again_and_never_a_zero(bench: Bench, faults: int) -> None:
    bench.factory.broken = lambda number: "bwrap is\nsick" if number <= faults else ""
    outcome = bench.grade()
    if faults == 2:
        assert states(outcome) == ALL_RIGHT
    else:
        assert set(states(outcome).values()) == {(None, "not graded")}
        assert outcome.why == "bwrap is sick"
        assert outcome.faulted


def test_a_fault_keeps_what_was_graded_before_it(bench: Bench) -> None:
    def trouble(step: Step, box: FakeSandbox) -> Ran | None:
        if step.name == "best":
            raise sandbox.Fault("gone")
        return None

    bench.factory.trouble = trouble
    outcome = bench.grade()
    assert states(outcome) == {**ALL_RIGHT, "best": (None, "not graded")}
    assert bench.factory.made == 1 + grade.RETRIES
    assert not outcome.faulted


def test_a_sandbox_that_breaks_at_the_first_step_does_not_count_against_the_machine(bench: Bench) -> None:
    def trouble(step: Step, box: FakeSandbox) -> Ran | None:
        raise sandbox.Fault("gone")

    bench.factory.trouble = trouble
    outcome = bench.grade()
    assert set(states(outcome).values()) == {(None, "not graded")}
    assert not outcome.faulted


def test_a_judge_that_fails_means_not_graded(bench: Bench) -> None:
    outcome = bench.grade(best="def best():\n    return 13")
    assert states(outcome) == {**ALL_RIGHT, "best": (None, "not graded")}
    assert "trips over 13" in outcome.why


def test_a_submission_has_a_limit_in_all(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grade, "SUBMISSION_SECONDS", 0.01)
    bench.factory.delay = 0.02
    assert states(bench.grade()) == {**ALL_RIGHT, "total": (0, "stopped"), "best": (0, "stopped")}


def test_a_test_knows_the_imports_whatever_the_student_called_np(bench: Bench) -> None:
    assert states(bench.grade(double="np = None\ndef double(x):\n    return 2 * x"))["double"] == (
        2,
        "graded",
    )


# --- a class ------------------------------------------------------------------------------------------------


def a_class(root: Path) -> None:
    """Hand in: all right, half, nothing, no notebook, a duplicate."""
    folder = root / "in"
    hand_in(folder / "ada.ipynb", answered(root), DUE - 60)
    hand_in(folder / "bob.ipynb", answered(root, total="def total(x):\n    return 0.0"), DUE - 60)
    blank = source.student_notebook(source.read("1", root / "notebooks"))
    hand_in(folder / "blank.ipynb", blank, DUE - 60)
    (folder / "cy.ipynb").write_text("{")
    twice = answered(root)
    twice["cells"].append(next(c for c in twice["cells"] if c["source"] == RIGHT["double"]))
    hand_in(folder / "dan.ipynb", twice, DUE - 60)


def test_a_class_is_graded_and_the_second_call_has_nothing_to_do(root: Path, run: Run, made: list) -> None:
    a_class(root)
    status, output, errors = run()
    assert status == 0, errors
    assert finals(root) == {"ada": "6", "blank": "0", "bob": "4", "cy": "0", "dan": "4"}
    rows = table(root)
    assert (rows["cy"]["status"], rows["cy"]["why"]) == ("rejected", "it is not a notebook (not valid JSON)")
    assert (rows["bob"]["double"], rows["bob"]["total"]) == ("2", "1")
    assert "4 new" in output
    assert one_line(errors) == "rejected cy.ipynb: it is not a notebook (not valid JSON)."
    before = {path: path.read_bytes() for path in (root / "out").rglob("*") if path.is_file()}
    status, output, _ = run()
    assert "4 graded before and unchanged" in output
    assert len(made) == 1
    assert {path: path.read_bytes() for path in (root / "out").rglob("*") if path.is_file()} == before


def test_two_runs_with_one_seed_give_the_same_marks(root: Path, run: Run) -> None:
    a_class(root)
    run("--seed", "x", "--workers", "1")
    run("--seed", "x", "--workers", "4", out="again")
    for name in ("grades.csv", "grades.json", "summary.html", "leaderboard.csv", "feedback/bob.html"):
        assert (root / "out" / name).read_bytes() == (root / "again" / name).read_bytes()


def test_the_secret_is_drawn_once_for_each_folder_and_kept_private(root: Path, run: Run) -> None:
    a_class(root)
    run()
    about = root / "out" / "run.json"
    seed = json.loads(about.read_text())["seed"]
    assert len(seed) == 32
    run()
    run(out="other")
    assert json.loads(about.read_text())["seed"] == seed
    assert json.loads((root / "other" / "run.json").read_text())["seed"] != seed
    for path in (root / "out").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE((root / "out").stat().st_mode) == 0o700


def test_a_changed_submission_is_graded_anew_and_the_older_result_is_kept(root: Path, run: Run) -> None:
    a_class(root)
    run()
    hand_in(root / "in" / "bob.ipynb", answered(root, best="def best():\n    return 0.1"), DUE - 30)
    status, output, _ = run()
    assert status == 0
    assert "1 changed since" in output
    assert "3 graded before" in output
    assert finals(root)["bob"] == "5"
    assert len(list((root / "out" / "store").glob("bob--*.json"))) == 2
    hand_in(root / "in" / "bob.ipynb", answered(root, double=RIGHT["double"] + "*0"), DUE - 20)
    run()
    assert finals(root)["bob"] == "4"  # an older one does not count, however good
    _, output, _ = run("--keep", "best")
    assert finals(root)["bob"] == "5"


def test_a_mended_test_grades_all_again_and_is_not_fooled_by_older_results(root: Path, run: Run) -> None:
    a_class(root)
    run()
    make_exercise(root.parent, SOURCE.replace('given["x"].sum())', "0.0)"))
    _, output, _ = run()
    assert "4 to be graded again" in output
    assert finals(root) == {"ada": "4", "blank": "0", "bob": "6", "cy": "0", "dan": "2"}


def test_regrade_grades_what_is_unchanged(root: Path, run: Run, made: list) -> None:
    a_class(root)
    run()
    _, output, _ = run("--regrade")
    assert "4 to be graded again" in output
    assert made[1].made == 3  # the blank one needs no sandbox


def test_several_submissions_newest_or_best(root: Path, run: Run, made: list) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root), DUE - 300)
    hand_in(root / "in" / "ada (1).ipynb", answered(root, double="x"), DUE - 200)
    run("--keep", "newest")
    assert finals(root) == {"ada": "4"}
    assert table(root)["ada"]["file"] == "ada (1).ipynb"
    assert made[0].made == 1
    run("--keep", "best")
    assert finals(root) == {"ada": "6"}
    assert table(root)["ada"]["file"] == "ada.ipynb"


def test_the_best_is_the_best_after_the_penalty(root: Path, run: Run) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root, best="x"), DUE - 300)
    hand_in(root / "in" / "ada (1).ipynb", answered(root), DUE + 3600)
    due = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(DUE))
    run("--keep", "best", "--due", due, "--penalty", "2 points/day")
    row = table(root)["ada"]
    assert (row["points"], row["late_days"], row["penalty"], row["final"]) == ("5", "0", "0", "5")
    run("--due", due, "--penalty", "2 points/day")
    row = table(root)["ada"]
    assert (row["points"], row["late_days"], row["penalty"], row["final"]) == ("6", "1", "2", "4")
    run("--due", due, "--penalty", "100%/day")
    assert table(root)["ada"]["final"] == "0"
    run("--due", due)
    row = table(root)["ada"]
    assert (row["late_days"], row["penalty"], row["final"]) == ("1", "0", "6")


def test_a_rule_that_is_left_out_later_is_told(root: Path, run: Run) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root), DUE + 3600)
    due = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(DUE))
    rules = ("--due", due, "--penalty", "2 points/day")
    assert "an earlier call" not in run(*rules)[1]
    assert "an earlier call" not in run(*rules)[1]
    output = run()[1]
    assert f"note: the rule --due of an earlier call was: {due}; now it is: none, for all students." in output
    assert "note: the rule --penalty of an earlier call was: " in output
    assert table(root)["ada"]["final"] == "6"


def test_students_of_an_earlier_call_stay_in_the_table(root: Path, run: Run) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root))
    run()
    (root / "in" / "ada.ipynb").unlink()
    hand_in(root / "in" / "bob.ipynb", answered(root))
    make_exercise(root.parent, SOURCE.replace("value > 0.5", "value > 0.8"))
    run()  # the test was mended in between: ada is graded again from what was kept
    rows = table(root)
    assert (rows["ada"]["final"], rows["bob"]["final"]) == ("5", "5")
    assert rows["ada"]["why"] == "from an earlier call of the grader"


def test_who_is_missing_is_named_and_has_a_line(root: Path, run: Run) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root))
    hand_in(root / "in" / "zoe.ipynb", answered(root))
    (root / "roster.csv").write_text("student,name\nada,Ada King\nbob,=cmd()\n")
    _, output, _ = run("--students", str(root / "roster.csv"))
    rows = table(root)
    assert (rows["bob"]["status"], rows["bob"]["final"], rows["bob"]["name"]) == (
        "no submission",
        "0",
        "'=cmd()",
    )
    assert rows["ada"]["name"] == "Ada King"
    assert "No submission: bob." in output
    assert "zoe is not in the list of students" in output


# --- faults -------------------------------------------------------------------------------------------------


def test_not_graded_is_loud_no_zero_and_tried_again(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_class(root)
    make = grade._make_sandboxes
    sick = True

    def broken(*arguments: Any) -> Any:
        factory = make(*arguments)

        def trouble(step: Step, box: FakeSandbox) -> Ran | None:
            if sick and step.code == RIGHT["total"]:
                raise sandbox.Fault("the sandbox is sick")
            return None

        factory.trouble = trouble
        return factory

    monkeypatch.setattr(grade, "_make_sandboxes", broken)
    status, _, errors = run()
    assert status == 1
    assert "lecture: NOT GRADED ada (ada.ipynb): the sandbox is sick" in errors
    row = table(root)["ada"]
    assert (row["status"], row["points"], row["final"]) == ("not graded", "", "")
    assert (row["double"], row["total"]) == ("2", "")
    assert table(root)["bob"]["final"] == "4"
    assert "Not graded" in (root / "out" / "summary.html").read_text()
    sick = False
    status, _, errors = run()
    assert status == 0, errors
    assert finals(root)["ada"] == "6"


def test_what_was_not_graded_might_be_the_best(root: Path, run: Run) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root), DUE - 300)
    hand_in(root / "in" / "ada (1).ipynb", answered(root, best="def best():\n    return 13"), DUE - 200)
    hand_in(root / "in" / "bob (1).ipynb", answered(root), DUE - 200)
    hand_in(root / "in" / "bob.ipynb", answered(root, best="def best():\n    return 13"), DUE - 300)
    status, _, _ = run("--keep", "best")
    assert status == 1
    assert {student: row["status"] for student, row in table(root).items()} == {
        "ada": "not graded",
        "bob": "not graded",
    }


def test_a_sandbox_that_never_works_is_given_up(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        hand_in(root / "in" / f"s{number}.ipynb", answered(root))
    factories = []

    def broken(exercise: Any, judge: Judge, sandboxed: bool) -> FakeSandboxes:
        factories.append(FakeSandboxes({"given.json": judge.files()}))
        factories[-1].broken = lambda number: "no bubblewrap"
        return factories[-1]

    monkeypatch.setattr(grade, "_make_sandboxes", broken)
    status, _, errors = run("--workers", "2")
    assert status == 1
    assert errors.count("NOT GRADED") == 20
    assert factories[0].made < 20
    assert not list((root / "out" / "store").glob("*.json"))


def _hostile(root: Path, monkeypatch: pytest.MonkeyPatch, also: Callable[[FakeSandboxes], None]) -> list:
    """Let six submissions break the sandbox in which they run, and the last be right."""
    for number in range(6):
        hand_in(root / "in" / f"a{number}.ipynb", answered(root, double=f"HOSTILE = {number}"))
    hand_in(root / "in" / "zoe.ipynb", answered(root))
    factories = []

    def make(exercise: Any, judge: Judge, sandboxed: bool) -> FakeSandboxes:
        factory = FakeSandboxes({"given.json": judge.files()})
        factories.append(factory)

        def trouble(step: Step, box: FakeSandbox) -> Ran | None:
            if "HOSTILE" in step.code:
                raise sandbox.Fault("the sandbox broke")
            return None

        factory.trouble = trouble
        also(factory)
        return factory

    monkeypatch.setattr(grade, "_make_sandboxes", make)
    return factories


def test_submissions_that_break_their_sandboxes_do_not_end_the_others(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hostile(root, monkeypatch, lambda factory: None)
    status, _, errors = run("--workers", "1")
    assert status == 1
    assert finals(root)["zoe"] == "6"
    assert "given up" not in errors


def test_a_sandbox_is_tried_once_more_before_everything_is_given_up(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def also(factory: FakeSandboxes) -> None:
        factory.broken = lambda number: "busy" if number <= 3 * grade._FAULTS_IN_A_ROW else ""

    factories = _hostile(root, monkeypatch, also)
    run("--workers", "1")
    assert finals(root)["zoe"] == "6"
    assert factories[0].made > 3 * grade._FAULTS_IN_A_ROW + 1


def test_an_array_that_cannot_be_made_is_a_wrong_answer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = {"array": "", "dtype": "<f8", "shape": [2**31 - 1, 0, 2**31 - 1]}
    answers = [json.dumps({"task": "double", "key": key, "value": bad}) for key in ("one", "many")]
    bench.factory.trouble = lambda step, box: (
        Ran(step.name, answers=answers) if step.name == "double-test" else None
    )
    assert states(bench.grade()) == {**ALL_RIGHT, "double": (0, "graded")}


@pytest.mark.parametrize("submitted", ["soon", "9999-12-31T23:59:59-12:00", 3, None])
def test_a_damaged_time_in_the_store_ends_nothing(root: Path, run: Run, submitted: Any) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root), DUE)
    hand_in(root / "in" / "bob.ipynb", answered(root), DUE)
    assert run()[0] == 0
    (path,) = (root / "out" / "store").glob("ada--*.json")
    path.write_text(json.dumps({**record(root, "ada"), "submitted": submitted}))
    (root / "in" / "ada.ipynb").unlink()
    words = ("--due", "2026-11-20T23:59+01:00", "--keep", "best")
    assert run(*words, "--dry-run")[0] == 0
    assert run(*words)[0] == 0
    assert finals(root)["bob"] == "6"


def test_a_file_of_the_year_9999_is_graded(root: Path, run: Run) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root), 253_402_300_799.0)
    assert run("--due", "2026-11-20T23:59-12:00", "--penalty", "10%/day")[0] == 0
    assert finals(root) == {"ada": "6"}


def test_a_mistake_of_ours_in_one_submission_does_not_stop_the_others(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_class(root)
    judged = grade._judged

    def broken(task: Any, judge: Any, rans: Any) -> Any:
        if any(ran.name == "best" and "0.3" in ran.text for ran in rans):
            raise ZeroDivisionError("ours")
        return judged(task, judge, rans)

    hand_in(root / "in" / "eve.ipynb", answered(root, best="print(0.3)\ndef best():\n    return 1"))
    monkeypatch.setattr(grade, "_judged", broken)
    status, _, errors = run()
    assert status == 1
    assert "NOT GRADED eve (eve.ipynb): ZeroDivisionError: ours" in errors
    assert finals(root)["ada"] == "6"


def test_regrading_that_fails_keeps_the_earlier_result(
    root: Path, run: Run, made: list, monkeypatch: Any
) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root))
    run()

    def broken(exercise: Any, judge: Judge, sandboxed: bool) -> FakeSandboxes:
        factory = FakeSandboxes({"given.json": judge.files()})
        factory.broken = lambda number: "sick"
        return factory

    monkeypatch.setattr(grade, "_make_sandboxes", broken)
    status, _, errors = run("--regrade")
    assert "the earlier result counts" in errors
    assert finals(root) == {"ada": "6"}
    assert status == 1


def test_a_full_disk_is_one_line_and_loses_nothing(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_class(root)
    fsync, count = os.fsync, [0]

    def full(handle: int) -> None:
        count[0] += 1
        if count[0] > 4:  # run.json, README.txt, two results
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    status, _, errors = run("--workers", "1")
    assert status == 1
    assert "No space left on device" in errors.splitlines()[-1]
    kept = sorted(path.name for path in (root / "out" / "store").iterdir())
    assert len(kept) == 2
    monkeypatch.setattr(os, "fsync", fsync)
    _, output, _ = run()
    assert "2 new, 2 graded before" in output
    assert finals(root) == {"ada": "6", "blank": "0", "bob": "4", "cy": "0", "dan": "4"}


def test_a_damaged_result_is_graded_again(root: Path, run: Run) -> None:
    a_class(root)
    run()
    (path,) = (root / "out" / "store").glob("ada--*.json")
    path.write_bytes(path.read_bytes()[:100])
    _, output, _ = run()
    assert "1 new" in output
    assert finals(root)["ada"] == "6"


# --- refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["in", "--exercise", "77", "--out", "out"], "no exercise '77'"),
        (["in", "--out", "out"], "required: --exercise"),
        (["in", "--exercise", "1"], "required: --out"),
        (["--exercise", "1", "--out", "out"], "required: SUBMISSIONS"),
        (["in", "--exercise", "1", "--out", "in/out"], "lie in one another"),
        (["in/deep", "--exercise", "1", "--out", "in"], "lie in one another"),
        (["in", "--exercise", "1", "--out", "in"], "lie in one another"),
        (["in", "--exercise", "1", "--out", "file"], "is not a folder"),
        (["in", "--exercise", "1", "--out", "full"], "holds other things"),
        (["in", "--exercise", "1", "--out", "out", "--penalty", "10%/day"], "--penalty needs --due"),
        (["in", "--exercise", "1", "--out", "out", "--due", "soon"], "2026-11-20T23:59"),
        (["in", "--exercise", "1", "--out", "out", "--workers", "0"], "from 1 to 1000"),
        (["nowhere", "--exercise", "1", "--out", "out"], "cannot read the submissions"),
        (["--forget", "ada", "--out", "out"], "holds no results"),
        (["in", "--forget", "ada", "--out", "out"], "--forget takes"),
    ],
)
def test_a_mistake_is_one_line(
    root: Path,
    made: list,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
) -> None:
    hand_in(root / "in" / "deep" / "ada.ipynb", answered(root))
    (root / "file").write_text("x")
    (root / "full").mkdir()
    (root / "full" / "thesis.txt").write_text("x")
    monkeypatch.chdir(root)
    assert cli.main(["grade", *words]) == 1
    assert message in one_line(capsys.readouterr().err)
    assert not (root / "out").exists()
    assert not (root / "in" / "out").exists()


def test_another_exercise_does_not_mix_into_the_results(root: Path, run: Run, capsys: Any) -> None:
    a_class(root)
    run()
    make_exercise(
        root.parent, SOURCE.replace("01_toy", "02_toy").replace("Exercise 1", "Exercise 2"), "02_toy"
    )
    assert cli.main(["grade", str(root / "in"), "--exercise", "2", "--out", str(root / "out")]) == 1
    assert "holds the results of 01_toy" in one_line(capsys.readouterr().err)


def test_a_folder_that_may_not_be_written_is_one_line(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_class(root)
    mkdir = Path.mkdir

    def refuse(self: Path, *arguments: Any, **more: Any) -> None:
        if self == root / "out":
            raise PermissionError(13, "Permission denied", str(self))
        mkdir(self, *arguments, **more)

    monkeypatch.setattr(Path, "mkdir", refuse)
    status, _, errors = run()
    assert status == 1
    assert "name a folder that you may write to" in errors.splitlines()[-1]


def test_without_a_sandbox_grading_refuses_unless_told_in_so_many_words(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root))
    monkeypatch.setattr(
        sandbox, "missing", lambda: "bubblewrap is not installed: apt-get install bubblewrap."
    )
    status, _, errors = run()
    assert status == 1
    assert one_line(errors) == "bubblewrap is not installed: apt-get install bubblewrap."
    assert not (root / "out").exists()
    for _ in range(2):
        status, _, errors = run("--no-sandbox")
        assert status == 0
        assert "WARNING: --no-sandbox" in one_line(errors)
    assert "without a sandbox" in (root / "out" / "summary.html").read_text()


def test_two_graders_do_not_work_in_one_folder(root: Path, run: Run) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root))
    with store.Store(root / "out").locked():
        status, _, errors = run()
    assert status == 1
    assert "another `lecture grade` works in" in one_line(errors)


def test_a_dry_run_says_everything_and_writes_nothing(root: Path, run: Run, made: list) -> None:
    a_class(root)
    hand_in(root / "in" / "bob (1).ipynb", answered(root), DUE + 100_000)
    (root / "roster.csv").write_text("student\nada\nbob\nzoe\n")
    due = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(DUE))
    status, output, errors = run("--dry-run", "--due", due, "--students", str(root / "roster.csv"))
    assert status == 0
    assert "new  ada: ada.ipynb" in output
    assert "2 days late" in output
    assert "nothing  zoe" in output
    assert "1 older or equal submission" in output
    assert "cell 'double' is in the notebook 2 times" in output
    assert "4 submissions would be graded, 0 kept, 1 rejected" in output
    assert "rejected cy.ipynb" in errors
    assert not (root / "out").exists()
    assert made == []
    run()
    before = sorted((root / "out").rglob("*"))
    _, output, _ = run("--dry-run")
    assert "0 submissions would be graded, 4 kept" in output
    assert sorted((root / "out").rglob("*")) == before


# --- forgetting ---------------------------------------------------------------------------------------------


def test_results_follow_a_student_who_gets_an_id_later(root: Path, run: Run) -> None:
    path = root / "in" / "Ada King_7_assignsubmission_file_" / "x.ipynb"
    hand_in(path, answered(root, best="x"), DUE - 200)
    run()
    hand_in(path, answered(root, total="x"), DUE - 100)
    run()
    (root / "roster.csv").write_text("student,identifier\nada,7\n")
    run("--students", str(root / "roster.csv"), "--keep", "best")
    assert finals(root) == {"ada": "5"}
    assert len(list((root / "out" / "store").glob("ada--*.json"))) == 2
    assert not list((root / "out").rglob("Ada King*"))


def test_nothing_that_could_be_graded_is_no_success(root: Path, run: Run) -> None:
    (root / "in").mkdir()
    (root / "in" / "ada.ipynb").write_text("{}")
    status, _, errors = run()
    assert status == 1
    assert "are these submissions of exercise 01_toy?" in errors.splitlines()[-1]


def test_forgetting_leaves_no_trace_of_a_student(root: Path, run: Run, capsys: Any) -> None:
    a_class(root)
    hand_in(root / "in" / "Grace Hopper.ipynb", answered(root, best="def best():\n    return 0.99"), DUE)
    run("--export", "moodle", "--export", "csv")
    hand_in(root / "in" / "Grace Hopper.ipynb", answered(root, best="def best():\n    return 0.98"), DUE)
    run("--export", "moodle", "--export", "csv")
    (root / "out" / "store" / ".part-xyz").write_text("Grace Hopper")
    assert cli.main(["grade", "--forget", "Grace Hopper", "--out", str(root / "out")]) == 0
    output = capsys.readouterr().out
    assert "2 results in store/" in output
    assert "1 feedback page" in output
    for path in (root / "out").rglob("*"):
        assert "Hopper" not in path.name
        if path.is_file():
            assert b"Hopper" not in path.read_bytes(), path
    assert finals(root)["ada"] == "6"
    assert "ada" in (root / "out" / "leaderboard.csv").read_text()
    assert cli.main(["grade", "--forget", "adda", "--out", str(root / "out")]) == 1
    assert "did you mean ada?" in capsys.readouterr().err


def test_forgetting_both_of_two_students_whose_names_collide(root: Path, run: Run, capsys: Any) -> None:
    hand_in(root / "in" / "Ada.ipynb", answered(root, best="def best():\n    return 0.7"), DUE)
    hand_in(root / "in" / "ada.ipynb", answered(root), DUE)
    run()
    out = root / "out"
    assert len(list((out / "feedback").glob("*~*.html"))) == 2
    (out / "store" / "ada--0123456789abcdef.json").write_text("{")  # damaged, and hers by its name
    for student in ("Ada", "ada"):
        assert cli.main(["grade", "--forget", student, "--out", str(out)]) == 0
        assert "1 feedback page" in capsys.readouterr().out
    assert not [path for path in out.rglob("*") if path.name.lower().startswith("ada")]


# --- the gradebook ------------------------------------------------------------------------------------------


def test_a_mark_given_by_hand_stands_above_ours(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_class(root)
    filled: list[Any] = []

    class Book:
        def by_hand(self, out: Path, exercise: Any) -> dict[str, dict[str, float]]:
            return {"bob": {"total": 2.5, "gone": 9.0}}

        def fill(self, out: Path, exercise: Any, results: Any) -> str:
            filled.extend(results)
            return "gradebook: filled"

    monkeypatch.setattr(grade, "_gradebook", Book)
    _, output, _ = run()
    assert "gradebook: filled" in output
    assert (table(root)["bob"]["total"], finals(root)["bob"]) == ("2.5", "5.5")
    assert [each["student"] for each in filled] == ["ada", "blank", "bob", "dan"]
    assert filled[2]["tasks"]["total"]["points"] == 1
    assert filled[2]["answers"]["double"] == RIGHT["double"]
    assert "by hand" in (root / "out" / "feedback" / "bob.html").read_text()


# --- processes that are ended -------------------------------------------------------------------------------


def start(root: Path, delay: float, *words: str) -> subprocess.Popen:
    command = [
        sys.executable,
        str(CLASSROOM),
        str(root),
        str(delay),
        "grade",
        str(root / "in"),
        "--exercise",
        "1",
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [*command, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def many(root: Path, count: int) -> None:
    for number in range(count):
        wrong = {"double": "def double(x):\n    return x"} if number % 3 == 0 else {}
        hand_in(
            root / "in" / f"s{number:02}.ipynb",
            answered(root, best=f"def best():\n    return {number / 100}", **wrong),
        )


def wait_for_results(root: Path, out: str, count: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + 60
    while len(list((root / out / "store").glob("*.json"))) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_grader_that_is_ended_in_the_middle_goes_on_where_it_was(root: Path, run: Run, number: int) -> None:
    many(root, 12)
    words = ("--seed", "x", "--workers", "2")
    process = start(root, 0.1, "--out", str(root / "out"), *words)
    wait_for_results(root, "out", 3, process)
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "Traceback" not in errors
    assert not (root / "out" / "grades.csv").exists()
    before = {path.name: path.stat().st_mtime_ns for path in (root / "out" / "store").glob("*.json")}
    assert 3 <= len(before) < 12
    status, output, errors = run(*words)
    assert status == 0, errors
    assert f"{len(before)} graded before and unchanged" in output
    after = {path.name: path.stat().st_mtime_ns for path in (root / "out" / "store").glob("*.json")}
    assert {name: after[name] for name in before} == before
    run(*words, out="calm")
    for name in ("grades.csv", "grades.json", "leaderboard.csv"):
        assert (root / "out" / name).read_bytes() == (root / "calm" / name).read_bytes()


# --- the real sandbox ---------------------------------------------------------------------------------------


@real
def test_the_real_sandbox_kills_and_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grade, "_gradebook", lambda: None)
    many(root, 6)
    hand_in(root / "in" / "exit.ipynb", answered(root, double="import os\nos._exit(0)"))
    hand_in(root / "in" / "deep.ipynb", answered(root, total="import sys\nsys.setrecursionlimit(10**9)\n1/0"))
    hand_in(root / "in" / "blank.ipynb", source.student_notebook(source.read("1", root / "notebooks")))
    words = ("--seed", "x", "--workers", "2")
    process = start(root, -1, "--out", str(root / "out"), *words)
    wait_for_results(root, "out", 2, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    for out in ("out", "calm"):
        where = [str(root / "in"), "--exercise", "1", "--out", str(root / out)]
        assert cli.main(["grade", *where, *words]) == 0
    for name in ("grades.csv", "grades.json", "leaderboard.csv", "feedback/s03.html"):
        assert (root / "out" / name).read_bytes() == (root / "calm" / name).read_bytes()
    rows = table(root)
    assert (rows["s00"]["final"], rows["s01"]["final"]) == ("3", "5")
    assert (rows["exit"]["double"], rows["exit"]["total"], rows["exit"]["best"]) == ("0", "3", "1")
    assert rows["deep"]["total"] == "1"  # the mean does not need the total
    assert rows["blank"]["final"] == "0"
    assert record(root, "exit")["tasks"]["double"]["state"] == "stopped"
    assert "ZeroDivisionError" in (root / "out" / "feedback" / "deep.html").read_text()


@real
def test_a_kernel_that_dies_in_the_real_sandbox_is_tried_once_more(root: Path, bench: Bench) -> None:
    async def go() -> tuple[grade.Outcome, int]:
        factory = grade._make_sandboxes(bench.exercise, bench.judge, True)
        fresh, count = factory.fresh, [0]

        def counted() -> Any:
            count[0] += 1
            return fresh()

        factory.fresh = counted
        answers = {**RIGHT, "double": "import os\nos._exit(3)"}
        async with factory:
            return await grade.grade_one(bench.exercise, bench.judge, factory, answers, {}), count[0]

    outcome, made = asyncio.run(go())
    assert states(outcome) == {**ALL_RIGHT, "double": (0, "stopped")}
    assert made == 3


def test_a_zip_is_graded_without_extracting_it(root: Path, run: Run, capsys: Any) -> None:
    with zipfile.ZipFile(root / "in.zip", "w") as archive:
        archive.writestr("Ada King_7_assignsubmission_file_/x.ipynb", json.dumps(answered(root)))
        archive.writestr("../evil.ipynb", json.dumps(answered(root)))
    status = cli.main(["grade", str(root / "in.zip"), "--exercise", "1", "--out", str(root / "out")])
    assert status == 0
    assert finals(root) == {"Ada King_7": "6", "evil": "0"}
    assert not list(root.rglob("*.ipynb"))


def test_a_seed_that_is_told_is_kept(root: Path, run: Run) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root))
    run("--seed", "mine")
    assert json.loads((root / "out" / "run.json").read_text())["seed"] == "mine"
    _, output, _ = run()
    assert "1 graded before" in output
    _, output, _ = run("--seed", "other")
    assert "1 to be graded again" in output


def test_a_store_that_was_tampered_with_is_refused(root: Path) -> None:
    results = store.Store(root / "out")
    (root / "out").mkdir()
    (root / "out" / "run.json").write_text("[]")
    with pytest.raises(LectureError, match="is damaged"):
        results.check(SLUG)
