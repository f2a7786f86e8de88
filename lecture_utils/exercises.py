"""Exercises as students meet them: visible checks, what is done, and our solutions after an honest attempt.

Nothing here decides a mark. The hidden checks, which do, run elsewhere.
"""

from __future__ import annotations

import datetime
import hashlib
import html
import json
import os
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from lecture_utils import checks, paths
from lecture_utils.checks import Result
from lecture_utils.errors import LectureError

VERSION = 1
LOCK_SECONDS = 5.0
RULES = ("after-attempt", "never", "always")
WRONG_TRIES = 3
_MAX_TRIES = 20
_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September"]
_MONTHS += ["October", "November", "December"]
_MARKS = {
    Result.RIGHT: "\N{HEAVY CHECK MARK}",
    Result.WRONG: "\N{HEAVY BALLOT X}",
    Result.NOT_ATTEMPTED: "\N{WHITE CIRCLE}",
}
_SEVERITY = {Result.RIGHT: 0, Result.NOT_ATTEMPTED: 1, Result.WRONG: 2}


def label(number: int, title: str, points: float) -> str:
    """Return what students read of a task: ``"Task 2, softmax (3 points)"``."""
    return f"Task {number}, {title} ({points:g} {'point' if points == 1 else 'points'})"


# --- what the cells of an exercise share -------------------------------------------------------------------


def each(
    *cases: tuple[str, Any, str], rtol: float = 1e-5, atol: float = 1e-8
) -> Callable[[Sequence[Any]], bool | str]:
    """Make the expectation of a check that looks at several values, and tells of the first wrong one.

    Parameters
    ----------
    cases : tuple of str, value or function, str
        For each value what it is called, what is right, and advice for who has it wrong. A function gets
        the value, and returns a text that says what is wrong, or "".
    rtol, atol : float
        As for :func:`lecture_utils.checks.check`.

    Returns
    -------
    function
        For :meth:`Exercise.check`: takes the values, in the order of the cases.
    """

    def first_problem(values: Sequence[Any]) -> bool | str:
        for value, (name, right, advice) in zip(values, cases, strict=True):
            problem = right(value) if callable(right) else checks.difference(value, right, rtol, atol, name)
            if problem:
                return f"{problem}. {advice}" if advice else problem
        return True

    return first_problem


def preview(show: Callable[[], Any], alt: str = "") -> None:
    """Show what a student's function makes, or say why there is nothing to see yet; never raise.

    Parameters
    ----------
    show : function
        Shows something, or returns a figure to be shown.
    alt : str
        What the figure shows, for those who cannot see it.
    """
    try:
        figure = show()
    except NotImplementedError:
        print("Nothing to show yet: it appears here when the task above is done.")
        return
    except Exception as error:
        print(f"Nothing to show yet: {type(error).__name__}: {' '.join(str(error).split())}")
        return
    if figure is not None:
        from lecture_utils import plots

        plots.show(figure, alt=alt)


# --- what was right and wrong so far ------------------------------------------------------------------------


@dataclass(frozen=True)
class Record:
    """What is remembered of one task.

    Attributes
    ----------
    right : str
        The day on which its check was last right, ISO 8601, or "".
    tries : tuple of str
        Hashes of the different wrong answers, the newest last.
    """

    right: str = ""
    tries: tuple[str, ...] = ()


Records = dict[str, dict[str, Record]]  # exercise, task


def _record(raw: Any) -> Record:
    """Turn one item of the file into a record; ValueError says what is wrong with it."""
    if not isinstance(raw, dict) or set(raw) != {"right", "tries"}:
        raise ValueError("a task must have exactly the fields right and tries")
    right, tries = raw["right"], raw["tries"]
    if not isinstance(tries, list) or not all(isinstance(entry, str) for entry in tries):
        raise ValueError("tries must be a list of texts")
    if not isinstance(right, str):
        raise ValueError("right must be a date or empty")
    if right:
        datetime.date.fromisoformat(right)
    return Record(right, tuple(tries))


def _load(path: Path) -> Records:
    """Read the progress of all exercises; ValueError where the file is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise ValueError(f'there is no "version": {VERSION} in it')
    known = content.get("exercises")
    if not isinstance(known, dict) or not all(isinstance(tasks, dict) for tasks in known.values()):
        raise ValueError("there are no exercises in it")
    return {slug: {task: _record(raw) for task, raw in tasks.items()} for slug, tasks in known.items()}


def _save(path: Path, records: Records) -> None:
    known = {
        slug: {task: {"right": record.right, "tries": list(record.tries)} for task, record in tasks.items()}
        for slug, tasks in records.items()
    }
    text = json.dumps({"version": VERSION, "exercises": known}, indent=1, ensure_ascii=False) + "\n"

    def write(stream: BinaryIO) -> None:
        stream.write(text.encode("utf-8"))

    paths.atomic_write(path, write)


def _right(day: str) -> Callable[[Record], Record]:
    return lambda record: Record(max(record.right, day), record.tries)


def _wrong(answer: str) -> Callable[[Record], Record]:
    def change(record: Record) -> Record:
        return Record(record.right, tuple(dict.fromkeys([*record.tries, answer]))[-_MAX_TRIES:])

    return change


def _why(error: Exception) -> str:
    words = str(getattr(error, "strerror", None) or error)
    return " ".join(words.split())[:200].rstrip(".")


class _Store:
    """The file of your progress. Whatever is wrong with it is told once, and never stops a notebook."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def read(self, slug: str) -> dict[str, Record]:
        """Return what is remembered of an exercise."""
        path = paths.progress_path()
        try:
            return _load(path).get(slug, {})
        except ValueError as error:
            self._tell(f"The record of your progress, {path}, is damaged ({_why(error)}); it does not count.")
        except OSError as error:
            self._tell(f"The record of your progress, {path}, cannot be read: {_why(error)}.")
        return {}

    def change(self, slug: str, task: str, change: Callable[[Record], Record]) -> None:
        """Change what is remembered of a task, while no other notebook writes to the file."""
        from filelock import FileLock, Timeout

        path = paths.progress_path()
        lock = FileLock(path.with_name(path.name + ".lock"), timeout=LOCK_SECONDS)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with lock:
                records = self._kept(path)
                tasks = records.setdefault(slug, {})
                old = tasks.get(task, Record())
                tasks[task] = change(old)
                if tasks[task] != old:
                    _save(path, records)
        except Timeout:
            self._tell(f"Your progress was not stored: another program holds {lock.lock_file}.")
        except (OSError, LectureError) as error:
            self._tell(f"Your progress is not stored, and lasts as long as this session: {_why(error)}.")

    def _kept(self, path: Path) -> Records:
        """Return the content of the file; a damaged one is put aside."""
        try:
            return _load(path)
        except ValueError as error:
            aside = path.with_name(f"{path.stem}.damaged{path.suffix}")
            os.replace(path, aside)
            self._tell(
                f"The record of your progress was damaged ({_why(error)}); it was put aside as {aside.name}, "
                "and a new one begins."
            )
            return {}

    def _tell(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            print(line)


# --- telling answers apart ----------------------------------------------------------------------------------


def _pieces(value: Any, space: Mapping[str, Any], seen: set[int], doc: str | None = None) -> Iterator[str]:
    """Return what an answer consists of: the code of the student's functions that it uses, and constants."""
    if isinstance(value, bool | int | float | str):
        yield repr(value)[:1000]
    if id(value) in seen:
        return
    if isinstance(value, types.FunctionType) and value.__globals__ is space:
        seen.add(id(value))
        yield from _pieces(value.__code__, space, seen, value.__doc__)
        for default in (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()):
            yield from _pieces(default, space, seen)
    elif isinstance(value, types.CodeType):
        yield value.co_code.hex()
        for constant in value.co_consts:
            if isinstance(constant, types.CodeType):
                yield from _pieces(constant, space, seen)
            elif constant != doc:
                yield repr(constant)
        for name in value.co_names:
            yield name
            if name in space:
                yield from _pieces(space[name], space, seen)
    elif isinstance(value, type) and value.__module__ == space.get("__name__"):
        seen.add(id(value))
        for name, member in sorted(vars(value).items()):
            yield name
            yield from _pieces(member, space, seen)


def _fingerprint(answer: Callable[[], Any]) -> str:
    """Return a hash that tells two answers apart; comments and the names of variables do not count."""
    space = getattr(answer, "__globals__", {})
    if isinstance(answer, types.FunctionType) and answer.__name__ == "<lambda>":
        # That is the check's own: only what it calls is the student's.
        pieces = [
            piece for name in _names(answer.__code__) for piece in _pieces(space.get(name), space, set())
        ]
    else:
        pieces = list(_pieces(answer, space, set()))
    return hashlib.sha256("\n".join(pieces).encode("utf-8", errors="replace")).hexdigest()[:16]


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _cell() -> int | None:
    """Return the number of the notebook cell that runs, None outside of notebooks."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return None if shell is None else shell.execution_count


# --- the exercise -------------------------------------------------------------------------------------------


class Exercise:
    """One exercise, as its notebook uses it.

    Making one touches no file, so that it also works where nothing may be written.

    Parameters
    ----------
    slug : str
        Its name, for example ``"03_mnist_dense"``.
    **points : float
        Its tasks in order, and what each is worth: ``neuron=2, softmax=3``.
    """

    def __init__(self, slug: str, /, **points: float) -> None:
        self.slug = slug
        self.points = points
        self._now: dict[str, Result] = {}
        self._session: dict[str, Record] = {}
        self._last: tuple[str, int | None] = ("", None)
        self._right_before = ""
        self._store = _Store()

    def __repr__(self) -> str:
        return f"<exercise {self.slug}: {len(self.points)} tasks, {sum(self.points.values()):g} points>"

    def _label(self, task: str) -> str:
        if task not in self.points:
            raise LectureError(
                f"the exercise {self.slug} has no task {task!r}; it has {', '.join(self.points)}."
            )
        return label(list(self.points).index(task) + 1, task.replace("_", " "), self.points[task])

    def check(
        self,
        task: str,
        answer: Callable[[], Any],
        expected: Any,
        *,
        hint: str,
        rtol: float = 1e-5,
        atol: float = 1e-8,
    ) -> Result:
        """Tell the reader whether an answer is right, as :func:`lecture_utils.checks.check`; remember it.

        Several checks of a task in one cell of a notebook count as one, which is right where all are.

        Parameters
        ----------
        task : str
            The task's name, one of those that the exercise was made with.
        answer, expected, hint, rtol, atol
            As for :func:`lecture_utils.checks.check`.

        Returns
        -------
        Result

        Raises
        ------
        LectureError
            There is no such task, or the check itself is mistaken.
        """
        result = checks.check(self._label(task), answer, expected, hint=hint, rtol=rtol, atol=atol)
        here = (task, _cell())
        again = here[1] is not None and here == self._last and task in self._now
        self._last = here
        before = self._now[task] if again else None
        worst = before if before is not None and _SEVERITY[before] > _SEVERITY[result] else result
        self._now[task] = worst
        if worst is before:
            return result  # nothing new
        if before is Result.RIGHT:  # what the first check of the cell said holds no longer
            self._remember(task, lambda record: Record(self._right_before, record.tries))
        if worst is Result.WRONG:
            self._remember(task, _wrong(_fingerprint(answer)))
        elif worst is Result.RIGHT:
            self._right_before = self._records()[task].right
            self._remember(task, _right(datetime.date.today().isoformat()))
        return result

    def _remember(self, task: str, change: Callable[[Record], Record]) -> None:
        self._session[task] = change(self._session.get(task, Record()))
        self._store.change(self.slug, task, change)

    def _records(self) -> dict[str, Record]:
        stored = self._store.read(self.slug)
        result = {}
        for task in self.points:
            old, new = stored.get(task, Record()), self._session.get(task, Record())
            tries = tuple(dict.fromkeys([*old.tries, *new.tries]))
            result[task] = Record(max(old.right, new.right), tries)
        return result

    def progress(self) -> Progress:
        """Return what is done: for each task what its visible check says now, and the best so far."""
        records = self._records()
        rows = tuple(
            Row(self._label(task), self._now.get(task), records[task].right, bool(records[task].tries))
            for task in self.points
        )
        return Progress(self.slug, rows)

    def solution(self, task: str) -> None:
        """Show our solution of a task, where the instructor allows it and after an honest attempt.

        Parameters
        ----------
        task : str
            The task's name or number.
        """
        try:
            task = dict(enumerate(self.points, start=1)).get(int(task), task) if task.isdecimal() else task
            self._label(task)
            print(reveal(self.slug, task, self._records()[task]))
        except LectureError as error:
            print(str(error))


# --- what is done -------------------------------------------------------------------------------------------


def _day(iso: str) -> str:
    date = datetime.date.fromisoformat(iso)
    year = "" if date.year == datetime.date.today().year else f" {date.year}"
    return f"{date.day} {_MONTHS[date.month - 1]}{year}"


@dataclass(frozen=True)
class Row:
    """The state of one task.

    Attributes
    ----------
    label : str
        What students read: ``"Task 2, softmax (3 points)"``.
    now : Result or None
        What its check said last in this session; None where it was not checked.
    right : str
        The day on which it was last right, in whatever session, or "".
    wrong : bool
        Whether it has ever been wrong.
    """

    label: str
    now: Result | None
    right: str
    wrong: bool

    @property
    def present(self) -> str:
        """What the check says now, in words."""
        if self.now is not None:
            return f"{_MARKS[self.now]} {self.now}"
        if self.right:
            return f"right on {_day(self.right)}, not checked in this session"
        return "not checked yet" if not self.wrong else "not checked in this session"

    @property
    def best(self) -> str:
        """The best so far, in words."""
        if self.right:
            return f"right ({_day(self.right)})"
        if self.wrong:
            return "wrong"
        return "not attempted"


@dataclass(frozen=True, repr=False)
class Progress:
    """What is done of an exercise: a table in a notebook, aligned text elsewhere."""

    slug: str
    rows: tuple[Row, ...] = field(default=())

    @property
    def words(self) -> str:
        """The sum of it, in a sentence or two."""
        right = sum(row.now is Result.RIGHT for row in self.rows)
        tasks = f"{len(self.rows)} {'task' if len(self.rows) == 1 else 'tasks'}"
        before = sum(row.now is None and bool(row.right) for row in self.rows)
        text = f"The visible checks of {right} of {tasks} pass."
        if before:
            were = "was" if before == 1 else "were"
            text += f" {before} more {were} right before; run the checks again to see whether that holds."
        return text + " Marks are decided by hidden checks, which try more than the visible ones."

    def __str__(self) -> str:
        rows = [("task", "now", "best so far"), *((row.label, row.present, row.best) for row in self.rows)]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        rows.insert(1, ("-" * widths[0], "-" * widths[1], "-" * widths[2]))
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, self.words])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        # No colors: the page's own ones hold in light and in dark mode.
        def cell(tag: str, text: str, scope: str = "") -> str:
            attribute = f' scope="{scope}"' if scope else ""
            return f'<{tag}{attribute} style="text-align: left">{html.escape(text)}</{tag}>'

        head = "".join(cell("th", name, "col") for name in ("task", "now", "best so far"))
        body = "\n".join(
            f"<tr>{cell('th', row.label, 'row')}{cell('td', row.present)}{cell('td', row.best)}</tr>"
            for row in self.rows
        )
        return (
            '<table class="lecture-progress">\n'
            f"<caption>{html.escape(self.words)}</caption>\n"
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
        )


# --- solutions ----------------------------------------------------------------------------------------------


def rule() -> str:
    """Return when solutions may be seen: ``"after-attempt"``, ``"never"`` or ``"always"``.

    ``LECTURE_SOLUTIONS`` decides, else ``[tool.lecture] solutions`` in ``pyproject.toml``, else it is after
    an attempt.

    Raises
    ------
    LectureError
        The setting is none of the three.
    """
    import tomllib

    where, value = "LECTURE_SOLUTIONS", os.environ.get("LECTURE_SOLUTIONS", "")
    if not value:
        where = "[tool.lecture] solutions in pyproject.toml"
        try:
            text = (paths.project_root() / "pyproject.toml").read_text(encoding="utf-8")
            value = tomllib.loads(text).get("tool", {}).get("lecture", {}).get("solutions", RULES[0])
        except FileNotFoundError:
            value = RULES[0]
        except (OSError, ValueError, AttributeError) as error:
            raise LectureError(f"pyproject.toml cannot be read ({_why(error)}); mend it.") from error
    if value not in RULES:
        raise LectureError(f"{where} must be one of {', '.join(RULES)}, not {value!r}.")
    return value


def reveal(name: str, task: str, record: Record | None = None) -> str:
    """Return our solution of a task, if it may be seen.

    Parameters
    ----------
    name : str
        The exercise: a number, a name or the beginning of a name.
    task : str
        The task's name or number.
    record : Record, optional
        What is remembered of the task; by default what the file of your progress says.

    Returns
    -------
    str
        Python code.

    Raises
    ------
    LectureError
        It may not be seen, or not yet, or it is not here; the message says which.
    """
    allowed = rule()
    if allowed == "never":
        raise LectureError("Your instructor keeps the solutions closed; the hint of each check helps you on.")
    from lecture_utils.grading import source
    from lecture_utils.lectures import exercises

    if not exercises():
        raise LectureError(
            "The solutions are not here: this copy of the workbook came without notebooks/source/exercises. "
            "Ask your instructor."
        )
    try:
        exercise = source.read(name)
    except ModuleNotFoundError as error:
        raise LectureError(
            f"The solution cannot be read without the package {error.name}; `make lab` installs it."
        ) from error
    numbers = {str(each.number): each.name for each in exercise.tasks}
    found = exercise.task(numbers.get(task, task))
    if allowed == "after-attempt":
        if record is None:
            record = _Store().read(exercise.slug).get(found.name, Record())
        if not record.right and len(record.tries) < WRONG_TRIES:
            raise LectureError(
                f"Not yet: the solution of {found.name} opens when its check was right, or was wrong for "
                f"{WRONG_TRIES} different answers. So far you tried {len(record.tries) or 'none'}."
            )
    return "\n\n\n".join(found.solutions.values())
