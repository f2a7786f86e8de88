"""Marks reach nbgrader, marks given by hand come back, and a student can be forgotten."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import toy

from lecture_utils.errors import LectureError
from lecture_utils.grading import gradebook, source

SCRIPT = "<script>alert(1)</script>"


def result(student: str, **points: float | None) -> dict[str, Any]:
    most = {"double": 2.0, "mean": 3.0, "slow": 1.0}
    tasks = {
        name: {
            "points": points.get(name, 0.0),
            "max": most[name],
            "state": "graded",
            "parts": [[points.get(name, 0.0) or 0.0, most[name], "what", SCRIPT]],
            "words": "",
            "error": "",
            "text": SCRIPT,
        }
        for name in most
    }
    return {
        "student": student,
        "status": "graded",
        "tasks": tasks,
        "penalty": 0.5,
        "submitted": "2026-11-20T10:00:00+02:00",
        "answers": {"double": f"# {SCRIPT}\ndef double(x):\n    return x + x"},
    }


@pytest.fixture(scope="module")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> source.Exercise:
    return source.read(toy.SLUG, toy.make_toy(tmp_path_factory.mktemp("toy")))


def score(out: Path, student: str) -> float:
    with gradebook._opened(out / gradebook.FILE) as book:
        return book.find_submission(toy.SLUG, student).score


def mark_by_hand(out: Path, student: str, task: str, points: float, extra: float | None = None) -> None:
    with gradebook._opened(out / gradebook.FILE) as book:
        grade = book.find_grade(f"{task}-test", toy.SLUG, toy.SLUG, student)
        grade.manual_score, grade.extra_credit = points, extra
        book.db.commit()


def test_marks_reach_the_gradebook(exercise: Any, tmp_path: Path) -> None:
    said = gradebook.fill(tmp_path, exercise, [result("ada", double=2.0, mean=1.5), result("bob")])
    assert "2 students" in said
    with gradebook._opened(tmp_path / gradebook.FILE) as book:
        submission = book.find_submission(toy.SLUG, "ada")
        assert (submission.score, submission.max_score) == (3.5, 6.0)
        assert submission.timestamp.isoformat() == "2026-11-20T08:00:00"
        assert submission.late_submission_penalty == 0.5
        assert not submission.needs_manual_grade
    assert score(tmp_path, "bob") == 0


def test_what_is_not_graded_asks_for_a_person(exercise: Any, tmp_path: Path) -> None:
    gradebook.fill(tmp_path, exercise, [result("ada", double=None)])
    with gradebook._opened(tmp_path / gradebook.FILE) as book:
        assert book.find_submission(toy.SLUG, "ada").needs_manual_grade
        assert book.find_grade("double-test", toy.SLUG, toy.SLUG, "ada").auto_score is None


def test_a_mark_given_by_hand_survives_grading_again(exercise: Any, tmp_path: Path) -> None:
    gradebook.fill(tmp_path, exercise, [result("ada", double=1.0)])
    assert gradebook.by_hand(tmp_path, exercise) == {}
    mark_by_hand(tmp_path, "ada", "double", 2.0, extra=0.5)
    gradebook.fill(tmp_path, exercise, [result("ada", double=1.0)])
    assert gradebook.by_hand(tmp_path, exercise) == {"ada": {"double": 2.5}}
    assert score(tmp_path, "ada") == 2.5
    with gradebook._opened(tmp_path / gradebook.FILE) as book:
        assert not book.find_submission(toy.SLUG, "ada").needs_manual_grade
    gradebook.fill(tmp_path, exercise, [result("ada", double=1.5)])
    with gradebook._opened(tmp_path / gradebook.FILE) as book:
        assert book.find_submission(toy.SLUG, "ada").needs_manual_grade, "ours changed: look again"


def test_the_notebook_for_the_formgrader_shows_text_and_nothing_that_could_run(
    exercise: Any, tmp_path: Path
) -> None:
    gradebook.fill(tmp_path, exercise, [result("ada", double=1.0)])
    path = tmp_path / "autograded" / "ada" / toy.SLUG / f"{toy.SLUG}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    kinds = {output.output_type for cell in notebook.cells for output in cell.get("outputs", [])}
    assert kinds == {"stream"}
    assert any(cell.source.startswith(f"# {SCRIPT}") for cell in notebook.cells)
    assert not [cell for cell in notebook.cells if cell.cell_type == "markdown" and SCRIPT in cell.source]


def test_other_tasks_put_the_older_gradebook_aside(exercise: Any, tmp_path: Path) -> None:
    gradebook.fill(tmp_path, exercise, [result("ada", double=1.0)])
    changed = source.read(
        toy.SLUG,
        toy.make_toy(
            tmp_path,
            toy.SOURCE.replace("mean=3", "mean=4")
            .replace("(3 points)", "(4 points)")
            .replace("points=3", "points=4"),
        ),
    )
    said = gradebook.fill(tmp_path, changed, [result("ada", double=1.0)])
    assert "kept as gradebook-" in said
    assert len(list(tmp_path.glob("gradebook-*.db"))) == 1


def test_a_forgotten_student_is_nowhere(exercise: Any, tmp_path: Path) -> None:
    gradebook.fill(tmp_path, exercise, [result("ada-lovelace", double=1.0), result("bob", double=2.0)])
    assert gradebook.forget(tmp_path, ["ada-lovelace", "nobody"]) == 1
    left = [path for path in tmp_path.rglob("*") if path.is_file() and b"ada-lovelace" in path.read_bytes()]
    assert not left
    assert not (tmp_path / "autograded" / "ada-lovelace").exists()
    assert score(tmp_path, "bob") == 2


def test_a_damaged_gradebook_is_one_line_and_is_not_touched(exercise: Any, tmp_path: Path) -> None:
    (tmp_path / gradebook.FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(LectureError, match=r"the gradebook .* cannot be used") as caught:
        gradebook.fill(tmp_path, exercise, [result("ada")])
    assert "\n" not in str(caught.value)
    assert (tmp_path / gradebook.FILE).read_bytes().startswith(b"no database")


def test_a_folder_without_a_gradebook_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LectureError, match=r"holds no gradebook; name the folder that `lecture grade`"):
        gradebook.serve(tmp_path)


def test_learners_do_not_meet_the_menus_of_nbgrader() -> None:
    """Its button "Validate" would call a blank exercise right."""
    import json

    page = Path(sys.prefix) / "etc" / "jupyter" / "labconfig" / "page_config.json"
    assert json.loads(page.read_text())["disabledExtensions"] == {"@jupyter/nbgrader": True}
    program = Path(sys.executable).with_name("jupyter")
    done = subprocess.run([program, "server", "extension", "list"], capture_output=True, text=True)
    words = re.sub(r"\x1b\[\d+m", "", done.stdout + done.stderr)
    parts = re.findall(r"(nbgrader\.server_extensions\.\w+) (enabled|disabled)", words)
    assert len(parts) >= 4
    assert {state for _, state in parts} == {"disabled"}
