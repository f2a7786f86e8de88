"""Exercises are fair: solutions earn all, blanks nothing, and a wrong answer costs its own task only."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from lecture_utils import cli
from lecture_utils.grading import sandbox, source

sys.path.insert(0, str(Path(__file__).parent))
ROOT = Path(__file__).resolve().parent.parent
EXERCISES = sorted(path.stem for path in (ROOT / "notebooks/source/exercises").glob("[0-9]*.py"))
MISSING = sandbox.missing()


def wrong_answers(slug: str) -> dict[str, dict[str, Any]]:
    """Return for each task its wrong answers by name: the text of the answer cell, or one for each cell."""
    return importlib.import_module(f"wrong.w{slug}").WRONG


def submissions(exercise: source.Exercise) -> dict[str, dict[str, str]]:
    """Return what is handed in: for each student, task -> the name of the wrong answer, "" for a blank one.

    In the first two notebooks every other task is right, so that a wrong answer that touches another task is
    seen; the others carry one wrong answer for each task that has one left.
    """
    wrong = {name: sorted(answers) for name, answers in wrong_answers(exercise.slug).items()}
    names = [task.name for task in exercise.tasks]
    students: dict[str, dict[str, str]] = {"solution": {}, "blank": dict.fromkeys(names, "")}
    students["even"] = {name: wrong[name][0] for name in names[::2]}
    students["odd"] = {name: wrong[name][0] for name in names[1::2]}
    for number in range(1, max(map(len, wrong.values()))):
        students[f"wrong-{number}"] = {name: next(iter(wrong[name][number:]), "") for name in names}
    return students


def filled(exercise: source.Exercise, faults: dict[str, str]) -> Any:
    """Return the student's notebook with the solutions, the named wrong answers, and the blank tasks."""
    notebook = source.solution_notebook(exercise)
    texts: dict[str, str] = {}
    for task in exercise.tasks:
        if faults.get(task.name):
            answer = wrong_answers(exercise.slug)[task.name][faults[task.name]]
            texts |= answer if isinstance(answer, dict) else {next(iter(task.solutions)): answer}
        elif task.name in faults:
            texts |= task.stubs
    for cell in notebook.cells:
        cell.source = texts.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    return notebook


@pytest.fixture(scope="module", params=EXERCISES)
def graded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Hand everything in at once, as a class would, and grade it in the sandbox."""
    if MISSING:
        pytest.skip(MISSING)
    exercise = source.read(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    work, out = folder / "submissions", folder / "results"
    work.mkdir()
    for student, faults in submissions(exercise).items():
        nbformat.write(filled(exercise, faults), work / f"{student}.ipynb")
    status = cli.main(["grade", str(work), "--exercise", request.param, "--out", str(out), "--seed", "test"])
    assert status == 0
    results = [json.loads(path.read_text(encoding="utf-8")) for path in (out / "store").glob("*.json")]
    return exercise, {result["student"]: result for result in results}


def test_the_solution_earns_everything(graded: Any) -> None:
    exercise, results = graded
    tasks = results["solution"]["tasks"]
    lost = {name: tasks[name]["parts"] for name in tasks if tasks[name]["points"] < tasks[name]["max"]}
    assert not lost
    assert results["solution"]["points"] == sum(task.points for task in exercise.tasks)


def test_the_untouched_notebook_earns_nothing_and_is_graded(graded: Any) -> None:
    _, results = graded
    assert results["blank"]["status"] == "graded"
    assert results["blank"]["points"] == 0
    assert {task["state"] for task in results["blank"]["tasks"].values()} == {"not attempted"}


def test_the_blank_notebook_is_the_one_that_students_get(graded: Any) -> None:
    exercise, _ = graded
    blank = filled(exercise, {task.name: "" for task in exercise.tasks})
    assert [cell.source for cell in blank.cells] == [
        cell.source for cell in source.student_notebook(exercise).cells
    ]


def test_each_wrong_answer_costs_its_own_task_and_no_other(graded: Any) -> None:
    exercise, results = graded
    problems = []
    for student, faults in submissions(exercise).items():
        for task in exercise.tasks:
            found = results[student]["tasks"][task.name]
            if task.name in faults and found["points"] >= task.points:
                problems.append(f"{task.name}, {faults[task.name]}: lost nothing")
            if task.name not in faults and found["points"] != task.points:
                problems.append(f"{task.name}: the right answer lost points beside {faults}: {found}")
    assert not problems


@pytest.mark.parametrize("slug", EXERCISES)
def test_each_task_has_at_least_three_wrong_answers_of_its_own(slug: str) -> None:
    exercise = source.read(slug)
    wrong = wrong_answers(slug)
    assert set(wrong) == {task.name for task in exercise.tasks}
    for task in exercise.tasks:
        texts = [json.dumps(answer, sort_keys=True) for answer in wrong[task.name].values()]
        assert len(set(texts)) == len(texts) >= 3, task.name
        assert not set(texts) & {json.dumps(text) for text in task.solutions.values()}, task.name
