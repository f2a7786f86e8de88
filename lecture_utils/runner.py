"""Run a lecture from its source, show how far it is, and say what was slow and what failed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lecture_utils import build, kernels, paths
from lecture_utils.errors import LectureError
from lecture_utils.lectures import Lecture, notebooks_folder, select

_DATA_NEWS = re.compile(
    r"MNIST|Digits: |California|Tumors: |Diabetes: |TFDS_DATA_DIR=|LECTURE_DATA=|The cache |No cache "
)
SLOWEST = 3
_WORTH_NAMING = 0.05  # seconds; what is faster is not called slow


@dataclass(frozen=True)
class Run:
    """One lecture that was run.

    Attributes
    ----------
    slug : str
        The lecture's name.
    copy : Path
        The executed copy.
    execution : Execution
        Times, data sources and the failure, where there was one.
    problem : str or None
        Why the run counts as failed, in one line; None where all went well.
    """

    slug: str
    copy: Path
    execution: kernels.Execution
    problem: str | None


def runs_dir() -> Path:
    """Return the folder of the executed copies: ``data/runs/``."""
    return paths.data_dir() / "runs"


def duration(seconds: float) -> str:
    """Return a duration for people: ``"0.4 s"``, ``"12 s"``, ``"3 min 20 s"``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def run_lecture(
    slug: str,
    *,
    timeout: float | None = None,
    require: str | None = None,
    notebooks: Path | None = None,
    runs: Path | None = None,
) -> Run:
    """Run one lecture as its source has it, from the first cell to the last, and report on standard output.

    The executed copy is saved also when a cell failed or the run was broken off: it shows how far it came.

    Parameters
    ----------
    slug : str
        A number, a name or the beginning of a name.
    timeout : float, optional
        Seconds that each cell may take; without it there is no limit.
    require : str, optional
        The data source that the lecture must have run on, for example ``"mnist"``; else the run has failed.
    notebooks : Path, optional
        The folder that holds the notebooks and ``source/``; also the working directory.
    runs : Path, optional
        Where the executed copy goes, by default ``data/runs/``.

    Returns
    -------
    Run
        Its ``problem`` is None where all went well.

    Raises
    ------
    LectureError
        The lecture is unknown, its source is damaged, the kernel does not start, or the copy cannot be
        written.
    KeyboardInterrupt
        Ctrl-C. The copy is saved and no process is left.
    """
    (lecture,) = select([slug], notebooks_folder(notebooks))
    return _run(lecture, timeout, require, runs_dir() if runs is None else runs)


def _run(lecture: Lecture, timeout: float | None, require: str | None, runs: Path) -> Run:
    _check_settings(require)
    notebook = build.cells_of(lecture.source)
    if build.differs(lecture):
        print(
            f"{lecture.slug}: your changes in {lecture.notebook.name} are not part of this run.", flush=True
        )
    copy = runs / f"{lecture.slug}.ipynb"
    # Ask now: it would be a pity to learn it after an hour of training.
    _can_write(runs)
    execution = None
    try:
        execution = kernels.execute(
            notebook,
            folder=lecture.folder,
            environment={"LECTURE_STILL": "1"},
            timeout=timeout,
            label=lecture.slug,
        )
    finally:
        # After an interruption, too: the copy shows how far it came.
        try:
            build.save(notebook, copy)
        finally:
            if execution is not None:
                _report(lecture, notebook.cells, execution, copy)
    problem = _problem(execution, require)
    return Run(lecture.slug, copy, execution, problem)


def _check_settings(require: str | None) -> None:
    """Refuse at once what would fail only after the lecture has loaded its data."""
    from lecture_utils import datasets

    setting = datasets.setting()
    if require == "mnist" and setting == "embedded":
        raise LectureError(
            "LECTURE_DATA=embedded never loads mnist, which is required; unset one of the two."
        )


def _can_write(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(folder, os.W_OK) else "no permission"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise LectureError(
            f"cannot write to {folder}: {reason}. Name a folder that you may write to in LECTURE_DATA_DIR."
        )


def _problem(execution: kernels.Execution, require: str | None) -> str | None:
    if execution.failure:
        return str(execution.failure)
    if require is not None and require not in execution.data:
        used = ", ".join(execution.data) or "no data set"
        return f"it ran on {used}, not on {require}; `lecture data {require}` says what is missing."
    return None


def _news(cells: Sequence) -> list[str]:
    """Return what the lecture printed of where its real or embedded data came from, each line once."""
    lines = [
        line
        for cell in cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stdout"
        for line in output["text"].splitlines()
        if _DATA_NEWS.match(line)
    ]
    return list(dict.fromkeys(lines))


def _report(lecture: Lecture, cells: Sequence, execution: kernels.Execution, copy: Path) -> None:
    """Print what was run, in what time, what was slow and what failed."""
    total = sum(1 for cell in cells if cell.cell_type == "code" and cell.source.strip())
    done = len(execution.cells) - (1 if execution.failure else 0)
    data = f" on {', '.join(execution.data)}" if execution.data else ""
    print(f"{lecture.slug}: {done} of {total} cells in {duration(execution.seconds)}{data}")
    for line in _news(cells):
        print(f"  {line}")
    slow = sorted(execution.cells.items(), key=lambda item: -item[1])[:SLOWEST]
    for index, seconds in slow:
        if seconds >= _WORTH_NAMING:
            line = kernels.one_line(kernels.first_line(cells[index].source), 70)
            print(f"  {duration(seconds):>12}  cell {index + 1}: {line}")
    if not execution.failure:
        print(f"  The executed copy: {copy}")
    if execution.failure:
        failure = execution.failure
        line_number = "" if failure.line is None else f", line {failure.line}"
        section = f", in section {failure.section!r}" if failure.section else ""
        print(f"  failed in cell {failure.cell} (In [{failure.run}]){line_number}{section}")
        print(f"      {failure.text}")
        print(f"  {failure.error}")
        print(f"  The copy with the outputs so far: {copy}")


def run(
    names: Iterable[str],
    *,
    timeout: float | None = None,
    require: str | None = None,
    notebooks: Path | None = None,
    runs: Path | None = None,
) -> list[str]:
    """Run several lectures, one after the other; a failure does not keep the next from running.

    Parameters
    ----------
    names : iterable of str
        Numbers, names or ``"all"``.
    timeout, require, notebooks, runs
        As for ``run_lecture``.

    Returns
    -------
    list of str
        One line for each lecture that failed.

    Raises
    ------
    LectureError
        A name is unknown (before anything runs), or no copy can be written.
    """
    problems = []
    for lecture in select(names, notebooks_folder(notebooks)):
        try:
            problem = _run(lecture, timeout, require, runs_dir() if runs is None else runs).problem
        except LectureError as error:
            problem = str(error)
        if problem is not None:
            problems.append(f"{lecture.slug}: {problem}")
    return problems
