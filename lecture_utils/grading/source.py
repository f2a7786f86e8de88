"""Read an exercise's source, and make from it what students get: no solution, no hidden test, no judge.

The truth of an exercise is ``notebooks/source/exercises/NN_slug.py``, a Jupytext percent script whose code
cells say what they are: ``# %% solution="softmax"``, ``# %% test="softmax" points=3``,
``# %% judge="softmax"``; cells without a mark are shown to students, and those before the first task are the
setup that every task may rely on. CONTRIBUTING.md explains the format.
"""

from __future__ import annotations

import ast
import base64
import binascii
import contextlib
import hashlib
import html
import io
import json
import keyword
import math
import re
import textwrap
import tokenize
import urllib.parse
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lecture_utils import build
from lecture_utils.errors import LectureError
from lecture_utils.exercises import label
from lecture_utils.lectures import Lecture, exercises, select_exercise

STUB = "raise NotImplementedError"
SECONDS = 60.0
SHARED = "*"
_MARKS = {
    "solution": {"solution", "task"},
    "test": {"test", "points", "seconds"},
    "judge": {"judge"},
}
_HEADING = re.compile(r"## +Task +(\d+) +· +(\S.*?) +\((\d+(?:\.\d+)?) (points?)\)")
_TITLE = re.compile(r"# +Exercise +(\d+) +· +(\S.*)")
_SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")
_HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
_MARKER = re.compile(r"(?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS)")


@dataclass(frozen=True)
class Cell:
    """One cell of the source, as students see it.

    Attributes
    ----------
    kind : str
        ``"code"`` or ``"markdown"``.
    text : str
        Its text without solution and without hidden test.
    role : str
        ``"solution"``, ``"test"``, or "" for cells that are only shown.
    name : str
        The grade id of a solution or test cell, else "".
    tags : tuple of str
        Tags for Jupyter.
    """

    kind: str
    text: str
    role: str = ""
    name: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One task of an exercise.

    Attributes
    ----------
    name : str
        An identifier, for example ``"softmax"``.
    number : int
        Counted from 1.
    title : str
        As in its heading.
    points : float
        What it is worth.
    seconds : float
        The CPU time that it may take in grading.
    solutions : dict of str to str
        For each grade id the answer cell with our solution.
    stubs : dict of str to str
        For each grade id the answer cell as students get it.
    check : str
        The lines of the test cell that students see.
    hidden : str
        The lines between the markers of the hidden tests.
    """

    name: str
    number: int
    title: str
    points: float
    seconds: float
    solutions: dict[str, str]
    stubs: dict[str, str]
    check: str
    hidden: str

    @property
    def test_id(self) -> str:
        """The grade id of its test cell."""
        return f"{self.name}-test"

    @property
    def label(self) -> str:
        """What students read: ``"Task 2, The softmax (3 points)"``."""
        return label(self.number, self.title, self.points)


@dataclass(frozen=True)
class Exercise:
    """An exercise as its source describes it.

    Attributes
    ----------
    slug : str
        The name that it shares with its lecture, for example ``"03_mnist_dense"``.
    title : str
        Without the number.
    setup : tuple of str
        The code cells before the first task; every task may rely on them.
    tasks : tuple of Task
        In order.
    judge_code : str
        All judge cells, one after the other.
    digest : str
        A hash of everything that decides marks: setup, stubs, hidden tests, points, limits, judge.
    cells : tuple of Cell
        All cells that students get.
    folder : Path
        The folder ``notebooks/``.
    """

    slug: str
    title: str
    setup: tuple[str, ...]
    tasks: tuple[Task, ...]
    judge_code: str
    digest: str
    cells: tuple[Cell, ...] = field(repr=False)
    folder: Path = field(repr=False)

    @property
    def points(self) -> dict[str, float]:
        """What each task is worth, in order."""
        return {task.name: task.points for task in self.tasks}

    @property
    def imports(self) -> str:
        """The import statements of the setup cells, to be run again before a hidden test."""
        return "\n".join(
            ast.unparse(node)
            for code in self.setup
            for node in ast.parse(code).body
            if isinstance(node, ast.Import | ast.ImportFrom)
        )

    def task(self, name: str) -> Task:
        """Return the task of a name; a LectureError lists those that there are."""
        for task in self.tasks:
            if task.name == name:
                return task
        names = ", ".join(task.name for task in self.tasks)
        raise LectureError(f"{self.slug} has no task {name!r}; it has {names}.")


# --- reading ------------------------------------------------------------------------------------------------


@dataclass
class _Raw:
    """One cell of the percent script, with what was read from its first line."""

    number: int
    kind: str
    text: str
    role: str
    name: str
    task: str
    points: Any
    seconds: Any
    tags: tuple[str, ...]


class _Wrong:
    """Makes the errors of one source: each a line that names the file, the place and what mends it."""

    def __init__(self, file: str) -> None:
        self._file = file

    def __call__(self, where: str, problem: str) -> LectureError:
        return LectureError(f"{self._file}, {where}: {problem}")


def read(which: Lecture | str, notebooks: Path | None = None) -> Exercise:
    """Read the source of an exercise, and check that it keeps to the format.

    Parameters
    ----------
    which : Lecture or str
        A lecture, or a number, a name or the beginning of a name as in ``lecture run``.
    notebooks : Path, optional
        The folder that holds the notebooks and ``source/``; by default the workbook's own.

    Returns
    -------
    Exercise

    Raises
    ------
    LectureError
        The name is unknown, or the source does not keep to the format; the one line says where, and what
        mends it.
    """
    lecture = which if isinstance(which, Lecture) else select_exercise(which, notebooks)
    source = lecture.exercise_source
    wrong = _Wrong(source.name)
    raw = [_raw(cell, number, wrong) for number, cell in enumerate(build.percent_cells(source), start=1)]
    title = _title(raw, lecture, wrong)
    visible = [cell for cell in raw if cell.role != "judge"]
    judges = [cell for cell in raw if cell.role == "judge"]
    for cell in raw:
        _check_markers(cell, wrong)
    sections = list(_sections(visible, wrong))
    shown = _cleared(visible)
    texts = {cell.number: text for cell, text in zip(visible, shown, strict=True)}
    tasks = tuple(_task(section, texts, wrong) for section in sections)
    _check_names(tasks, visible, wrong)
    first = sections[0].heading.number
    setup = tuple(cell.text for cell in visible if cell.kind == "code" and cell.number < first)
    for number, code in enumerate(setup, start=1):
        _parsed(code, f"setup cell {number}", wrong)
    variable = _check_setup(setup, tasks, lecture.slug, wrong)
    for task in tasks:
        _check_test(task, variable, wrong)
    _check_end(visible, variable, wrong)
    judge_code = "\n\n\n".join(cell.text for cell in judges) + "\n"
    _check_judge(judges, tasks, wrong)
    return Exercise(
        slug=lecture.slug,
        title=title,
        setup=setup,
        tasks=tasks,
        judge_code=judge_code,
        digest=_digest(lecture.slug, setup, tasks, judge_code),
        cells=tuple(
            Cell(
                cell.kind,
                texts[cell.number],
                cell.role,
                f"{cell.name}-test" if cell.role == "test" else cell.name,
                cell.tags,
            )
            for cell in visible
        ),
        folder=lecture.folder,
    )


def _digest(slug: str, setup: Sequence[str], tasks: Iterable[Task], judge_code: str) -> str:
    deciding = [[task.name, task.points, task.seconds, task.stubs, task.hidden] for task in tasks]
    text = json.dumps([slug, list(setup), deciding, judge_code], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _raw(cell: Any, number: int, wrong: _Wrong) -> _Raw:
    marks = {name: value for name, value in cell.metadata.items() if name not in build.JUPYTEXT_ONLY}
    tags = marks.pop("tags", [])
    roles = [role for role in _MARKS if role in marks]
    where = f"cell {number}"
    if len(roles) > 1:
        raise wrong(where, f"it is marked as {' and as '.join(roles)}; give it one mark, split it.")
    role = roles[0] if roles else ""
    if role and cell.cell_type != "code":
        raise wrong(where, f"a {role} cell holds code; take [markdown] out of its first line.")
    known = _MARKS.get(role, set())
    strange = [name for name in marks if name not in known]
    if strange:
        may = ", ".join(sorted(known)) if role else "solution, test or judge"
        kind = f"a {role} cell" if role else "a cell"
        raise wrong(where, f"it has the mark {strange[0]!r}; {kind} may have {may}, and tags.")
    name = marks.get(role, "")
    task = marks.get("task", name)
    for value in (name, task) if role else ():
        allowed = isinstance(value, str) and (value.isidentifier() or (role == "judge" and value == SHARED))
        if not allowed or not str(value).isascii():
            raise wrong(
                where, f'{role}={json.dumps(value)} is no name; write an identifier, {role}="softmax".'
            )
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise wrong(where, 'tags are a list of texts; write tags=["hide-input"].')
    return _Raw(
        number,
        cell.cell_type,
        cell.source,
        role,
        name,
        task,
        marks.get("points"),
        marks.get("seconds"),
        tuple(tags),
    )


def _title(raw: Sequence[_Raw], lecture: Lecture, wrong: _Wrong) -> str:
    first = raw[0].text.splitlines()[0] if raw and raw[0].kind == "markdown" else ""
    found = _TITLE.fullmatch(first.rstrip())
    if not found or int(found[1]) != lecture.number:
        raise wrong(
            "cell 1", f"it must be a text cell that begins with `# Exercise {lecture.number} · Title`."
        )
    return found[2]


def _check_markers(cell: _Raw, wrong: _Wrong) -> None:
    """Refuse markers that are misspelt, unbalanced, or in a cell where they have no meaning."""
    where = _where(cell)
    begin, end = {"solution": _SOLUTION, "test": _HIDDEN}.get(cell.role, ("", ""))
    inside = False
    for line in cell.text.split("\n"):
        if not _MARKER.search(line):
            continue
        marker = line.strip()
        if marker not in (*_SOLUTION, *_HIDDEN):
            raise wrong(
                where, f"the line `{marker[:60]}` is no marker; write `{begin or _SOLUTION[0]}` alone."
            )
        if marker not in (begin, end):
            owner = "solution" if marker in _SOLUTION else "test"
            raise wrong(where, f"`{marker}` stands outside of a {owner} cell; mark the cell, or take it out.")
        if (marker == begin) == inside:
            raise wrong(where, f"`{marker}` is not in its place; each `{begin}` needs one `{end}` behind it.")
        inside = not inside
    if inside:
        raise wrong(where, f"`{end}` is missing; put it behind the last line of the region.")


def _where(cell: _Raw) -> str:
    if cell.role in ("solution", "test"):
        return f"task {cell.task}"
    if cell.role == "judge":
        return f"judge {cell.name}"
    return f"cell {cell.number}"


def _regions(text: str, markers: tuple[str, str]) -> list[list[str]]:
    """Return the lines of each region between two markers."""
    regions: list[list[str]] = []
    inside = False
    for line in text.split("\n"):
        if line.strip() == markers[0]:
            regions.append([])
            inside = True
        elif line.strip() == markers[1]:
            inside = False
        elif inside:
            regions[-1].append(line)
    return regions


@dataclass
class _Section:
    """The cells of one task: from its heading to the next one."""

    heading: _Raw
    number: int
    title: str
    points: float
    cells: list[_Raw]


def _sections(visible: Sequence[_Raw], wrong: _Wrong) -> Iterator[_Section]:
    sections: list[_Section] = []
    for cell in visible:
        first = cell.text.splitlines()[0].rstrip()
        if cell.kind == "markdown" and re.match(r"#+ *Task\b", first):
            found = _HEADING.fullmatch(first)
            if not found:
                raise wrong(
                    f"cell {cell.number}",
                    f"the heading `{first[:60]}` must read `## Task {len(sections) + 1} · Title (2 points)`.",
                )
            sections.append(_Section(cell, int(found[1]), found[2], float(found[3]), []))
            if sections[-1].number != len(sections):
                raise wrong(
                    f"cell {cell.number}", f"this is task {len(sections)}, its heading says {found[1]}."
                )
            if (found[3] == "1") != (found[4] == "point"):
                raise wrong(f"cell {cell.number}", "write `(1 point)`, and `(2 points)`.")
        elif sections:
            sections[-1].cells.append(cell)
        elif cell.role:
            raise wrong(
                _where(cell),
                "a text cell that begins with `## Task 1 · Title (2 points)` is missing before it.",
            )
    if not sections:
        raise wrong(
            "the whole", "it has no task; a task begins with a text cell `## Task 1 · Title (2 points)`."
        )
    yield from sections


def _task(section: _Section, texts: dict[int, str], wrong: _Wrong) -> Task:
    tests = [cell for cell in section.cells if cell.role == "test"]
    solutions = [cell for cell in section.cells if cell.role == "solution"]
    here = f"task {section.number} ({section.title})"
    if not tests:
        raise wrong(here, 'it has no test cell; add `# %% test="name" points=2`.')
    test = tests[0]
    where = f"task {test.name}"
    if len(tests) > 1:
        raise wrong(
            f"task {tests[1].name}",
            f"it is the second test in task {section.number}; begin a task with a text cell, or join them.",
        )
    if not solutions:
        raise wrong(where, f'it has no answer cell; add `# %% solution="{test.name}"` before its test.')
    strange = [cell for cell in solutions if cell.task != test.name]
    if strange:
        name = strange[0].name
        raise wrong(
            where,
            f"the solution {name!r} in it belongs to {strange[0].task!r}; "
            f'add task="{test.name}" to its mark, or begin a task of its own with a text cell.',
        )
    if max(cell.number for cell in solutions) > test.number:
        raise wrong(where, "an answer cell stands behind the test; put the test last.")
    if test.points is None:
        raise wrong(where, f'its test has no points; write `# %% test="{test.name}" points=2`.')
    points = _number(test.points, "points", where, wrong)
    if points != section.points:
        raise wrong(
            where, f"its test says points={points:g}, its heading {section.points:g}; make them the same."
        )
    seconds = SECONDS if test.seconds is None else _number(test.seconds, "seconds", where, wrong)
    for cell in solutions:
        _check_solution(cell, texts[cell.number], wrong)
    regions = _regions(test.text, _HIDDEN)
    if len(regions) != 1:
        raise wrong(
            where, f"its test needs one region from `{_HIDDEN[0]}` to `{_HIDDEN[1]}`, it has {len(regions)}."
        )
    return Task(
        name=test.name,
        number=section.number,
        title=section.title,
        points=points,
        seconds=seconds,
        solutions={cell.name: _without_markers(cell.text) for cell in solutions},
        stubs={cell.name: texts[cell.number] for cell in solutions},
        check=texts[test.number],
        hidden="\n".join(regions[0]).strip("\n"),
    )


def _number(value: Any, what: str, where: str, wrong: _Wrong) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise wrong(where, f"{what}={json.dumps(value)} is no number larger than 0; write {what}=2.")
    return float(value)


def _without_markers(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if line.strip() not in _SOLUTION)


def _parsed(code: str, where: str, wrong: _Wrong) -> ast.Module:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError) as error:
        line = f"line {error.lineno}" if isinstance(error, SyntaxError) else "it"
        problem = error.msg if isinstance(error, SyntaxError) else str(error)
        raise wrong(where, f"{line} is not valid Python ({problem}); mend it.") from error


def _check_solution(cell: _Raw, stub: str, wrong: _Wrong) -> None:
    where = _where(cell)
    regions = _regions(cell.text, _SOLUTION)
    if not regions:
        raise wrong(
            where,
            f"the answer cell {cell.name} has no region from `{_SOLUTION[0]}` to `{_SOLUTION[1]}`; add them.",
        )
    if any(not "".join(region).strip() for region in regions):
        raise wrong(where, f"a solution region of the cell {cell.name} is empty; write the solution there.")
    _parsed(_without_markers(cell.text), f"{where}, solution {cell.name}", wrong)
    tree = _parsed(stub, f"{where}, stub of {cell.name}", wrong)
    in_function = {
        node.lineno
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Raise)
    }
    for number in _stub_lines(cell.text):
        if number not in in_function:
            raise wrong(
                where,
                f"the solution region at line {number} of the cell {cell.name} is not inside a function; "
                "ask for a function, so that the cell runs before it is answered.",
            )


def _stub_lines(text: str) -> list[int]:
    """Return the lines, counted from 1, at which the stub has its ``raise``."""
    numbers = []
    inside, number = False, 0
    for line in text.split("\n"):
        if line.strip() == _SOLUTION[0]:
            inside = True
            number += 1
            numbers.append(number)
        elif line.strip() == _SOLUTION[1]:
            inside = False
        elif not inside:
            number += 1
    return numbers


def _check_names(tasks: Sequence[Task], visible: Sequence[_Raw], wrong: _Wrong) -> None:
    seen: set[str] = set()
    for task in tasks:
        if task.name in seen:
            raise wrong(f"task {task.name}", "two tasks have this name; rename one.")
        seen.add(task.name)
    taken: dict[str, str] = {}
    for cell in visible:
        if cell.role != "solution":
            continue
        if cell.name in taken:
            raise wrong(
                _where(cell),
                f"two answer cells are called {cell.name!r}; write "
                f'`# %% solution="{cell.name}_2" task="{cell.task}"` for the second.',
            )
        if cell.name != cell.task and cell.name in seen:
            raise wrong(
                _where(cell), f"its answer cell {cell.name!r} is called like another task; rename it."
            )
        taken[cell.name] = cell.task


def _check_setup(setup: Sequence[str], tasks: Sequence[Task], slug: str, wrong: _Wrong) -> str:
    """Compare ``exercise = Exercise("slug", task=points, ...)`` with the tasks; return the variable."""
    example = ", ".join(f"{task.name}={task.points:g}" for task in tasks)
    wanted = f'`exercise = Exercise("{slug}", {example})`'
    found = [
        (node.targets[0].id, node.value)
        for code in setup
        for node in ast.parse(code).body
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).split(".")[-1] == "Exercise"
    ]
    if len(found) != 1:
        count = "no line" if not found else f"{len(found)} lines"
        raise wrong("setup", f"it has {count} {wanted}; write it once, before the first task.")
    variable, call = found[0]
    try:
        names = [ast.literal_eval(argument) for argument in call.args]
        points = {keyword.arg or "**": ast.literal_eval(keyword.value) for keyword in call.keywords}
    except ValueError as error:
        raise wrong("setup", f"the points of Exercise(...) must be plain numbers; write {wanted}.") from error
    if names != [slug]:
        raise wrong("setup", f"Exercise(...) must be given the name {slug!r} alone; write {wanted}.")
    for task in tasks:
        if task.name in points and points[task.name] != task.points:
            raise wrong(
                f"task {task.name}",
                f"Exercise(...) gives it {points[task.name]}, its test {task.points:g}; write {wanted}.",
            )
    if list(points) != [task.name for task in tasks]:
        raise wrong("setup", f"Exercise(...) has not the tasks of the tests in their order; write {wanted}.")
    return variable


def _calls(tree: ast.Module, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
            yield node


def _check_test(task: Task, variable: str, wrong: _Wrong) -> None:
    """See that the visible lines check this task, and that the hidden ones hand out values of this task."""
    where = f"task {task.name}"
    shown = _parsed(task.check, f"{where}, visible test", wrong)
    hidden = _parsed(task.hidden, f"{where}, hidden test", wrong)
    wanted = (
        (shown, f"{variable}.check", f'`{variable}.check("{task.name}", ...)` is missing in its test'),
        (hidden, "emit", f'`emit("{task.name}", ...)` is missing in its hidden test'),
    )
    for tree, name, problem in wanted:
        if not any(_calls(tree, name)):
            raise wrong(where, f"{problem}; add it.")
    for tree, name in ((shown, f"{variable}.check"), (hidden, "emit"), (hidden, "given")):
        for call in _calls(tree, name):
            first = call.args[0] if call.args else None
            if not isinstance(first, ast.Constant) or first.value != task.name:
                raise wrong(
                    where, f'`{ast.unparse(call)[:50]}` is not for this task; write `{name}("{task.name}"`.'
                )


def _check_end(visible: Sequence[_Raw], variable: str, wrong: _Wrong) -> None:
    last = visible[-1]
    if last.kind != "code" or last.role or last.text.strip() != f"{variable}.progress()":
        raise wrong(
            f"cell {last.number}", f"the last cell that students see must be `{variable}.progress()`; add it."
        )


def _check_judge(judges: Sequence[_Raw], tasks: Sequence[Task], wrong: _Wrong) -> None:
    names = {task.name for task in tasks}
    defined: dict[str, ast.FunctionDef] = {}
    for cell in judges:
        if cell.name != SHARED and cell.name not in names:
            raise wrong(
                _where(cell), f"there is no task of this name; it is one of {', '.join(names)}, or {SHARED}."
            )
        for node in _parsed(cell.text, _where(cell), wrong).body:
            if not isinstance(node, ast.FunctionDef) or not re.match(r"(inputs|judge)_", node.name):
                continue
            if node.name in defined:
                raise wrong(_where(cell), f"{node.name} is defined a second time; keep one.")
            if node.name.split("_", 1)[1] not in names:
                raise wrong(_where(cell), f"{node.name} belongs to no task; name it after one.")
            defined[node.name] = node
    for task in tasks:
        for name, count, call in (
            (f"inputs_{task.name}", 1, "(rng)"),
            (f"judge_{task.name}", 3, "(given, kept, answer)"),
        ):
            if name not in defined:
                raise wrong(f"task {task.name}", f"a judge cell with `def {name}{call}` is missing; add it.")
            arguments = defined[name].args
            if len(arguments.posonlyargs) + len(arguments.args) != count or arguments.vararg:
                raise wrong(f"task {task.name}", f"its judge must be `def {name}{call}`.")


# --- notebooks ----------------------------------------------------------------------------------------------


def _nbgrader(role: str, name: str, points: float) -> dict[str, Any]:
    """Return nbgrader's metadata of a cell, schema version 3."""
    about = {
        "schema_version": 3,
        "grade_id": name,
        "grade": role == "test",
        "solution": role == "solution",
        "locked": role == "test",
        "task": False,
    }
    whole = int(points) if points == int(points) else points
    return about | {"points": whole} if role == "test" else about


def _cleared(visible: Sequence[_Raw]) -> list[str]:
    """Return the texts of all cells after nbgrader has taken out solutions and hidden tests."""
    from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions

    parts: list[build.Part] = []
    for cell in visible:
        name = f"{cell.name}-test" if cell.role == "test" else cell.name
        metadata = {"nbgrader": _nbgrader(cell.role, name, 0)} if cell.role else {}
        parts.append((cell.kind, cell.text, metadata))
    notebook = _processed(
        build.assemble("", parts), ClearSolutions(code_stub={"python": STUB}), ClearHiddenTests()
    )
    return [
        made.source.strip("\n") if cell.role == "test" else made.source
        for cell, made in zip(visible, notebook.cells, strict=True)
    ]


def _processed(notebook: Any, *steps: Any) -> Any:
    resources: dict[str, Any] = {}
    for step in steps:
        notebook, resources = step.preprocess(notebook, resources)
    return notebook


def student_notebook(exercise: Exercise, repository: str | None = None) -> Any:
    """Make the notebook that students get: no solution, no hidden test, no judge, no output.

    Parameters
    ----------
    exercise : Exercise
        What :func:`read` returned.
    repository : str, optional
        The git address that the first code cell installs from in Colab; by default the project's.

    Returns
    -------
    nbformat.NotebookNode
        nbformat 4.5 with nbgrader's metadata. The same source gives the same notebook.
    """
    from nbgrader.nbgraderformat.v3 import MetadataValidatorV3
    from nbgrader.preprocessors import ComputeChecksums, LockCells

    points = {task.test_id: task.points for task in exercise.tasks}
    parts: list[build.Part] = []
    for cell in exercise.cells:
        metadata: dict[str, Any] = {"tags": list(cell.tags)} if cell.tags else {}
        if cell.role:
            metadata["nbgrader"] = _nbgrader(cell.role, cell.name, points.get(cell.name, 0))
        parts.append((cell.kind, cell.text, metadata))
    parts.insert(1, build.setup_part(exercise.folder, repository))
    notebook = _processed(build.assemble(f"{exercise.slug} exercise", parts), LockCells(), ComputeChecksums())
    MetadataValidatorV3().validate_nb(notebook)
    notebook.metadata["lecture"] = {"exercise": exercise.slug, "made": made_hash(notebook)}
    return notebook


def solution_notebook(exercise: Exercise, repository: str | None = None) -> Any:
    """Make the student's notebook with our solutions filled in, as a student would hand it in."""
    notebook = student_notebook(exercise, repository)
    solutions = {name: text for task in exercise.tasks for name, text in task.solutions.items()}
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        cell.source = solutions.get(name, cell.source)
    return notebook


def made_hash(notebook: Any) -> str:
    """Return a hash of all that a student can leave in the cells: texts, attachments, outputs."""
    content = [
        [cell.cell_type, cell.source, cell.get("attachments", {}), cell.get("outputs", [])]
        for cell in notebook.cells
    ]
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def _stored(path: Path) -> Any:
    """Read a notebook that a student may have changed; None where it cannot be read."""
    import nbformat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=nbformat.NO_CONVERT)
        made_hash(notebook)
    except OSError as error:
        raise LectureError(f"cannot read {path}: {error.strerror or error}.") from error
    except (ValueError, TypeError, KeyError, AttributeError, nbformat.ValidationError):
        return None
    return notebook


def _made(notebook: Any) -> str:
    """Return what a notebook's metadata say that it was made as, or ""."""
    facts = notebook.metadata.get("lecture", {})
    return str(facts.get("made", "")) if isinstance(facts, dict) else ""


def _worked_in(path: Path) -> bool:
    """Whether somebody has left something in a notebook; one that cannot be read counts."""
    notebook = _stored(path)
    return notebook is None or made_hash(notebook) != _made(notebook)


def write(lecture: Lecture) -> str:
    """Make the notebook that students get, and store it; nothing that somebody has written is lost.

    A notebook in which cells were changed or added, or which has outputs, is left as it is. The new one is
    then written beside it as ``NN_slug.new.ipynb``.

    Parameters
    ----------
    lecture : Lecture
        Whose exercise it is.

    Returns
    -------
    str
        What was done, in words.

    Raises
    ------
    LectureError
        The source does not keep to the format, something secret would stand in the notebook, or it cannot
        be written.
    """
    exercise = read(lecture)
    new = student_notebook(exercise)
    found = leaks(exercise, new)
    if found:
        raise LectureError(f"{found[0]}: students would see it. Mend {lecture.exercise_source.name}.")
    path, number = lecture.exercise, 1
    while path.exists() and _worked_in(path):
        stored = _stored(path)
        if stored is not None and _made(stored) == _made(new):
            return (
                f"{path.name} holds somebody's work and was left as it is; its source has not changed since"
            )
        number += 1
        path = lecture.exercise.with_suffix(".new.ipynb" if number == 2 else f".new{number - 1}.ipynb")
    content = build.written(new)
    if path.exists() and path.read_bytes() == content:
        done = "unchanged"
    else:
        build.save(new, path)
        done = "written"
    if path == lecture.exercise:
        return done
    return (
        f"{lecture.exercise.name} holds somebody's work and was left as it is; the new one is {path.name} "
        f"beside it ({done}): copy your answers over, then put it in the place of the old one"
    )


def check(chosen: Iterable[Lecture], folder: Path, *, everything: bool) -> list[str]:
    """Compare stored exercise notebooks with their sources, and look for what students must not see.

    Parameters
    ----------
    chosen : iterable of Lecture
        Whose exercises are compared.
    folder : Path
        The folder ``notebooks/``.
    everything : bool
        Whether also sources without a lecture, and notebooks without a source, are reported.

    Returns
    -------
    list of str
        One line for each problem: it names the exercise, the place, and what mends it.
    """
    chosen = list(chosen)
    known = exercises(folder)
    problems = []
    for lecture in known:
        if lecture in chosen:
            try:
                found = _problems(lecture)
            except LectureError as error:
                found = [str(error)]
            problems += [f"{lecture.slug} exercise: {line}" for line in found]
        elif everything:
            problems.append(
                f"{lecture.slug} exercise: there is no lecture of this name; name its source after one."
            )
    if everything:
        wanted = {lecture.exercise for lecture in known}
        problems += [
            f"{path.name} in exercises/ has no source in source/exercises; write one, or delete the notebook."
            for path in sorted((folder / "exercises").glob("*.ipynb"))
            if path not in wanted
        ]
    return problems


def _problems(lecture: Lecture) -> list[str]:
    exercise = read(lecture)
    new = student_notebook(exercise)
    if not lecture.exercise.exists():
        return ["the notebook is missing; `make notebooks` makes it."]
    old = _stored(lecture.exercise)
    if old is None:
        return ["the notebook is damaged and cannot be read; delete it, and `make notebooks` makes it anew."]
    problems = [f"{line}: students would see it; mend the source." for line in leaks(exercise, old)]
    if made_hash(old) != _made(old):
        problems.append(
            "the notebook holds somebody's work (changed cells, or outputs); move it away, and "
            "`make notebooks` makes it anew."
        )
    elif build.written(old) != build.written(new):
        found = build.differences(old, new, f"exercises/{lecture.slug}.py")
        problems += found or ["the notebook is not what its source makes; `make notebooks` writes it anew."]
    return problems


# --- leaks --------------------------------------------------------------------------------------------------

_MIN_CODE = 10  # characters of a line, without spaces
_MIN_PROSE = 20
_MIN_TEXT = 8
_MIN_DIGITS = 4
_MAX_LEAKS = 20
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_ONLY_TEXT = re.compile(r"""\W*"[^"]*"\W*|\W*'[^']*'\W*""")  # is looked for as a value
_GENERIC = re.compile(r"(?:from\b.*\bimport|import|def\s+\w+|class\s+\w+|@|#+\s*%%)")


def leaks(exercise: Exercise, notebook: Any) -> list[str]:
    """Look for solutions, hidden tests and judges everywhere in a notebook, metadata and outputs included.

    Parameters
    ----------
    exercise : Exercise
        What :func:`read` returned.
    notebook : nbformat.NotebookNode or dict
        A notebook for students.

    Returns
    -------
    list of str
        One line for each line of secret code, and each distinctive number or text of it, that was found;
        it says where. What the code of setup and visible checks shows on purpose is no secret.
    """
    places = list(_places(notebook))
    code = [cell for cell in exercise.cells if cell.kind == "code"]
    lines = {_dense(line) for cell in code for line in _code(cell.text)}
    on_purpose = _dense(
        "\n".join(line for cell in code if cell.role != "solution" for line in _code(cell.text))
    )
    everything = _dense("\n".join(cell.text for cell in exercise.cells))
    found: dict[str, None] = {}
    for what, text, solution in _secrets(exercise):
        for line in text.split("\n"):
            needle = _needle(line)
            if not needle or needle in lines or (not solution and needle in on_purpose):
                continue
            where = next((place for place, dense, _ in places if needle in dense), None)
            if where:
                found[f"a line of {what} (`{line.strip()[:50]}`) stands in {where}"] = None
        for literal, pattern in _literals(text):
            if _dense(literal) in everything:
                continue
            where = next((place for place, _, plain in places if pattern.search(plain)), None)
            if where:
                found[f"the value {literal[:50]} of {what} stands in {where}"] = None
    return list(found)[:_MAX_LEAKS]


def _secrets(exercise: Exercise) -> Iterator[tuple[str, str, bool]]:
    """Return (what it is, text, whether it is a solution) of all that students may not see."""
    for task in exercise.tasks:
        for name, text in task.solutions.items():
            stub = {_dense(line) for line in task.stubs[name].split("\n")}
            lines = [line for line in text.split("\n") if _dense(line) not in stub]
            yield f"the solution {name}", "\n".join(lines), True
        yield f"the hidden test of {task.name}", task.hidden, False
    yield "the judge", exercise.judge_code, False


def _dense(text: str) -> str:
    """Return a text without spaces and with one kind of quotation marks."""
    return re.sub(r"\s+", "", text).replace("'", '"')


def _code(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if line.strip() and not line.strip().startswith("#"):
            yield line


def _needle(line: str) -> str:
    """Return what to look for, "" for a line that says nothing: `else:`, `return x`, an import."""
    line = line.strip()
    if line.startswith("#"):
        words = line.lstrip("# ")
        return _dense(words) if len(_dense(words)) >= _MIN_PROSE else ""
    if _GENERIC.match(line) or _ONLY_TEXT.fullmatch(line) or len(_dense(line)) < _MIN_CODE:
        return ""
    names = set(re.findall(r"[^\W\d]\w*|\d[\w.]*", line)) - set(keyword.kwlist)
    return _dense(line) if len(names) >= 2 else ""


def _literals(text: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Return the long numbers and texts of some lines, each with a pattern that finds it."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(textwrap.dedent(text)).readline))
    except (tokenize.TokenError, SyntaxError):  # lines of which some were taken out
        tokens = []
        for line in text.split("\n"):
            with contextlib.suppress(tokenize.TokenError, SyntaxError):
                tokens += tokenize.generate_tokens(io.StringIO(line.strip()).readline)
    for token in tokens:
        if token.type == tokenize.NUMBER:
            digits = re.sub(r"[eE].*|\D", "", token.string).strip("0")
            if len(digits) >= _MIN_DIGITS:
                yield token.string, re.compile(rf"(?<![\w.]){re.escape(token.string)}(?![\w.]*\w)")
        elif token.type == tokenize.STRING:
            with contextlib.suppress(ValueError, SyntaxError):  # an f-string
                value = ast.literal_eval(token.string)
                value = value.decode("latin-1") if isinstance(value, bytes) else value
                for line in value.split("\n"):
                    if len(line.strip()) >= _MIN_TEXT:
                        yield line.strip(), re.compile(rf"(?<!\w){re.escape(line.strip())}(?!\w)")


def _places(notebook: Any) -> Iterator[tuple[str, str, str]]:
    """Return (where, text without spaces, text) of every text in a notebook, encoded ones decoded too."""
    raw = json.dumps(notebook, ensure_ascii=False)
    for where, text in [*_strings(notebook, ""), ("the file", raw)]:
        for form in _forms(text):
            yield where, _dense(form), form


def _strings(node: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, str):
        yield where or "the notebook", node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield where or "the notebook", str(key)
            if not where and key == "cells" and isinstance(value, list):
                for number, cell in enumerate(value, start=1):
                    yield from _strings(cell, f"cell {number}")
            else:
                inner = f"{where}, {key}" if where else f"the notebook's {key}"
                yield from _strings(value, inner)
    elif isinstance(node, list | tuple):
        if node and all(isinstance(entry, str) for entry in node):
            yield where, "".join(node)
        for entry in node:
            yield from _strings(entry, where)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield where, repr(node)


def _forms(text: str, depth: int = 0) -> Iterator[str]:
    """Return a text, and what it stands for where it is escaped, or holds base64."""
    yield text
    if depth > 2:
        return
    for other in (
        text.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\"),
        html.unescape(text),
        urllib.parse.unquote(text),
    ):
        if other != text:
            yield other
    joined = re.sub(r"\s+", "", text)
    for candidate in {*_BASE64.findall(text), *(_BASE64.findall(joined) if joined != text else ())}:
        plain = candidate.rstrip("=").replace("-", "+").replace("_", "/")
        with contextlib.suppress(ValueError, binascii.Error):
            data = base64.b64decode(plain + "=" * (-len(plain) % 4))
            yield from _forms(data.decode("utf-8", errors="ignore"), depth + 1)
