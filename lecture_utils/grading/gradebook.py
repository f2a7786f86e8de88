"""Carry the marks into nbgrader's gradebook, and marks given by hand back.

In the results folder, ``gradebook.db`` and ``autograded/STUDENT/EXERCISE/`` are what nbgrader's formgrader
reads. A mark given there by hand stands above the grader's own, here as in nbgrader, and stays when a
submission is graded again. The notebooks in ``autograded/`` are made by us from the text of the answers:
nothing that a student stored in a notebook reaches the browser of who marks it.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import shutil
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from lecture_utils import paths
from lecture_utils.errors import LectureError
from lecture_utils.grading import source

FILE = "gradebook.db"
COURSE = "workbook"
_CONFIGURATION = f"""\
# Written by `lecture grade`, so that nbgrader's formgrader finds the gradebook in this folder.
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "{COURSE}"
c.CourseDirectory.root = "."
"""


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """Open a gradebook, made where there is none; what goes wrong is told in one line."""
    try:
        from nbgrader.api import Gradebook, InvalidEntry
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise LectureError(
            f"the gradebook needs the package {error.name}; `make install` installs it."
        ) from error

    path = os.environ.get("PATH", "")
    logging.getLogger("alembic").setLevel(logging.ERROR)
    try:
        # A new gradebook is stamped by the command alembic, which lies beside this Python.
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), path])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbgrader's own use of SQLAlchemy
            with Gradebook(f"sqlite:///{file.resolve()}", COURSE) as book:
                yield book
    except (SQLAlchemyError, InvalidEntry) as error:
        words = " ".join(str(getattr(error, "orig", None) or error).split())[:200]
        raise LectureError(
            f"the gradebook {file} cannot be used ({words}). The results in store/ beside it are safe: move "
            "the gradebook away, and run `lecture grade` again to make a new one."
        ) from error
    finally:
        os.environ["PATH"] = path


def _save_text(path: Path, text: str) -> None:
    def write(stream: BinaryIO) -> None:
        stream.write(text.encode("utf-8", errors="replace"))

    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != text.encode("utf-8", errors="replace"):
        paths.atomic_write(path, write)


def _test_cell(task: str) -> str:
    return f"{task}-test"


def fill(out: Path, exercise: source.Exercise, results: Sequence[Mapping[str, Any]]) -> str:
    """Bring the gradebook and the notebooks for the formgrader up to date.

    Parameters
    ----------
    out : Path
        The results folder.
    exercise : source.Exercise
        What was graded.
    results : sequence of mapping
        For each student the result that counts, as the store holds it. A student who is not among them
        keeps what is in the gradebook.

    Returns
    -------
    str
        One line: what was done.

    Raises
    ------
    LectureError
        The gradebook cannot be read or written.
    """
    from nbformat import writes

    blank = source.student_notebook(exercise)
    note = _make_room(out, exercise)
    _save_text(out / "nbgrader_config.py", _CONFIGURATION)
    _save_text(out / "source" / exercise.slug / f"{exercise.slug}.ipynb", writes(blank) + "\n")
    with _opened(out / FILE) as book:
        _prepare(book, exercise, blank)
        for result in results:
            _enter(book, exercise, result)
        book.db.commit()
    for result in results:
        folder = out / "autograded" / result["student"] / exercise.slug
        _save_text(folder / f"{exercise.slug}.ipynb", writes(_marked(exercise, blank, result)) + "\n")
        submitted = _time(result)
        if submitted is not None:
            _save_text(folder / "timestamp.txt", f"{submitted:%Y-%m-%d %H:%M:%S.%f} UTC")
    return f"gradebook: {len(results)} students{note}"


def _make_room(out: Path, exercise: source.Exercise) -> str:
    """Put aside a gradebook whose exercise has other tasks now: nbgrader cannot change them."""
    if not (out / FILE).exists():
        return ""
    wanted = {_test_cell(task.name): float(task.points) for task in exercise.tasks}
    with _opened(out / FILE) as book:
        entry = _find(book.find_notebook, exercise.slug, exercise.slug)
        if entry is None or {cell.name: cell.max_score for cell in entry.grade_cells} == wanted:
            return ""
    older = out / f"gradebook-{time.strftime('%Y%m%d-%H%M%S')}.db"
    os.replace(out / FILE, older)
    return f"; the exercise has other tasks or points now, so the older gradebook was kept as {older.name}"


def _find(search: Any, *names: str) -> Any:
    from nbgrader.api import MissingEntry

    try:
        return search(*names)
    except MissingEntry:
        return None


def _prepare(book: Any, exercise: source.Exercise, blank: Any) -> None:
    """Enter the exercise and its cells."""
    name = exercise.slug
    book.update_or_create_assignment(name)
    book.update_or_create_notebook(name, name, kernelspec=json.dumps(dict(blank.metadata.kernelspec)))
    for cell in blank.cells:
        about = cell.metadata.get("nbgrader")
        if not about:
            continue
        identity = about["grade_id"]
        if about["grade"]:
            book.update_or_create_grade_cell(
                identity, name, name, max_score=float(about["points"]), cell_type=cell.cell_type
            )
        if about["solution"]:
            book.update_or_create_solution_cell(identity, name, name)
        book.update_or_create_source_cell(
            identity, name, name, cell_type=cell.cell_type, locked=about["locked"], source=cell.source
        )


def _time(result: Mapping[str, Any]) -> datetime.datetime | None:
    """Return when a submission was handed in, in UTC and without a zone, as nbgrader keeps it."""
    if not result.get("submitted"):
        return None
    moment = datetime.datetime.fromisoformat(result["submitted"])
    return moment.astimezone(datetime.UTC).replace(tzinfo=None)


def _enter(book: Any, exercise: source.Exercise, result: Mapping[str, Any]) -> None:
    """Enter one student's marks; a mark given by hand is kept, and asks to be looked at when ours changed."""
    name, student = exercise.slug, result["student"]
    book.update_or_create_student(student)
    submission = book.update_or_create_submission(name, student, timestamp=_time(result))
    for notebook in submission.notebooks:
        notebook.late_submission_penalty = float(result.get("penalty") or 0)
    for task in exercise.tasks:
        found = result["tasks"].get(task.name, {})
        points = found.get("points")
        grade = book.find_grade(_test_cell(task.name), name, name, student)
        changed = grade.auto_score != points
        grade.auto_score = points
        if points is None:
            grade.needs_manual_grade = grade.manual_score is None
        elif grade.manual_score is None:
            grade.needs_manual_grade = False
        elif changed:
            grade.needs_manual_grade = True
        for identity in task.solutions:
            comment = book.find_comment(identity, name, name, student)
            comment.auto_comment = "No response." if found.get("state") == "not attempted" else None


def _marked(exercise: source.Exercise, blank: Any, result: Mapping[str, Any]) -> Any:
    """Return the notebook that the formgrader shows: the answers, and beside each task what was found."""
    from copy import deepcopy

    from nbformat.v4 import new_output

    notebook = deepcopy(blank)
    answers = result.get("answers") or {}
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader")
        if about and about["solution"]:
            cell.source = answers.get(about["grade_id"], cell.source)
        elif about and about["grade"]:
            words = _words(result["tasks"].get(about["grade_id"].removesuffix("-test"), {}))
            cell.outputs = [new_output("stream", name="stdout", text=words)]
    return notebook


def _words(found: Mapping[str, Any]) -> str:
    points = found.get("points")
    lines = [f"{found.get('state', 'not graded')}: {'-' if points is None else f'{points:g}'} points"]
    if found.get("words"):
        lines.append(found["words"])
    for earned, most, what, problem in found.get("parts", []):
        lines.append(f"{earned:g} of {most:g}  {what}" + (f": {problem}" if problem else ""))
    if found.get("error"):
        lines.append(found["error"])
    if found.get("text"):
        lines += ["--- what the code printed ---", found["text"]]
    return "\n".join(lines) + "\n"


def serve(out: Path, options: Sequence[str] = ()) -> int:
    """Open the gradebook in the browser with nbgrader's formgrader, until Ctrl-C.

    Parameters
    ----------
    out : Path
        The results folder.
    options : sequence of str
        For Jupyter's server, for example ``["--no-browser", "--port=8890"]``.

    Returns
    -------
    int
        The server's exit status.

    Raises
    ------
    LectureError
        There is no gradebook in this folder.
    """
    import subprocess

    if not (out / FILE).is_file():
        raise LectureError(
            f"{out} holds no gradebook; name the folder that `lecture grade` was given as --out."
        )
    # nbgrader looks for its settings in the current folder, and for the command alembic on the PATH.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [
        sys.executable,
        "-m",
        "jupyter_server",
        '--ServerApp.jpserver_extensions={"nbgrader.server_extensions.formgrader": True}',
        "--ServerApp.default_url=/formgrader/gradebook",
        f"--ServerApp.root_dir={out.resolve()}",
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
        *options,
    ]
    process = subprocess.Popen(command, cwd=out, env={**os.environ, "PATH": path})
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise


def by_hand(out: Path, exercise: source.Exercise) -> dict[str, dict[str, float]]:
    """Return the marks that were given by hand in the formgrader.

    Parameters
    ----------
    out : Path
        The results folder.
    exercise : source.Exercise
        What was graded.

    Returns
    -------
    dict of str to dict of str to float
        For each student with such a mark, the tasks and the points: extra credit is added, and also counts
        on top of the grader's own mark.
    """
    marks: dict[str, dict[str, float]] = {}
    if not (out / FILE).exists():
        return marks
    with _opened(out / FILE) as book:
        if _find(book.find_assignment, exercise.slug) is None:
            return marks
        for submission in book.assignment_submissions(exercise.slug):
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    if grade.manual_score is None and not grade.extra_credit:
                        continue
                    own = grade.manual_score if grade.manual_score is not None else grade.auto_score or 0.0
                    task = grade.name.removesuffix("-test")
                    marks.setdefault(submission.student.id, {})[task] = own + (grade.extra_credit or 0.0)
    return marks


def forget(out: Path, students: Iterable[str]) -> int:
    """Delete students from the gradebook, with their notebooks for the formgrader.

    Parameters
    ----------
    out : Path
        The results folder.
    students : iterable of str
        Their ids.

    Returns
    -------
    int
        How many entries were deleted, in this gradebook and those put aside.
    """
    names = list(students)
    count = 0
    for file in sorted(out.glob("gradebook*.db")):
        with _opened(file) as book:
            for name in names:
                if _find(book.find_student, name) is not None:
                    book.remove_student(name)
                    count += 1
            from sqlalchemy import text

            book.db.execute(text("VACUUM"))  # else the rows stay readable in the file
    for name in names:
        shutil.rmtree(out / "autograded" / name, ignore_errors=True)
    return count
