"""Make the notebooks from their sources, execute what changed, and check what is stored.

The truth of a lecture is ``notebooks/source/lectures/NN_slug.py``, a script in Jupytext's percent format.
``notebooks/NN_slug.ipynb`` is made from it. Making it again gives the same cells with the same ids; the
stored outputs are kept as long as neither the code nor what it uses of ``lecture_utils`` has changed.
Exercises are made from ``notebooks/source/exercises/`` by :mod:`lecture_utils.grading.source`.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import re
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from lecture_utils import kernels, paths, scoreboard
from lecture_utils.errors import LectureError
from lecture_utils.fingerprint import canonical, used_modules
from lecture_utils.lectures import Lecture, exercises, notebooks_folder, read_source, select

Part = tuple[str, str, dict[str, Any]]

MAX_BYTES = 1_500_000
MIN_ALT = 20
CELL_SECONDS = 900.0
SETUP_TAG = "setup-colab"
_MAX_LINES = 8
_ID_LENGTH = 12
_HASH_LENGTH = 16
JUPYTEXT_ONLY = {"cell_marker", "lines_to_next_cell", "lines_to_end_of_cell_marker"}
_KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
_LANGUAGE = {"name": "python"}
_SHELL_COMMAND = re.compile(
    r"^\s*(?:[\w, ]+=\s*)?(?:!|%s[xc]\b|%system\b|%%(?:bash|sh|script|system|sx|cmd)\b)"
)
_MAGIC = re.compile(r"^(\s*)(?:[\w, ]+=\s*)?[%!].*$", re.MULTILINE)
# Paths of somebody's machine, whoever's: a home folder, IPython's temporary cell files.
_FOREIGN_PATH = re.compile(r"(?:/home/|/Users/|C:\\+Users\\+)[\w.-]+|/root(?=[/\s'\"]|$)|\S*/ipykernel_\d+")

_SETUP = """\
# In Google Colab this cell installs the workbook's helpers. Everywhere else it does nothing.
import subprocess
import sys

REPOSITORY = "{repository}"
if "google.colab" in sys.modules:
    assert REPOSITORY, "{advice}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "git+" + REPOSITORY], check=True)
"""
_ADVICE = "write your copy's git address into REPOSITORY, then run this cell again"


# --- from a source to cells ---------------------------------------------------------------------------------


def _repository(folder: Path) -> str:
    """Return the git address in pyproject.toml, table ``tool.lecture``."""
    import tomllib

    file = folder.parent / "pyproject.toml"
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise LectureError(f"cannot read {file.name}: {kernels.one_line(str(error))}.") from error
    address = settings.get("tool", {}).get("lecture", {}).get("repository", "")
    if not isinstance(address, str) or re.search(r"[\s\"'\\]", address):
        raise LectureError(f"{file.name}: [tool.lecture] repository must be a git address, not {address!r}.")
    return address


def _setup_source(repository: str) -> str:
    return _SETUP.format(repository=repository, advice=_ADVICE).rstrip("\n")


def cells_of(source: Path, repository: str | None = None) -> Any:
    """Make a notebook without outputs from a lecture's source.

    The same source gives the same notebook, on every machine. The id of a cell comes from the lecture's
    name, the cell's type and its text (and, for equal cells, from how many stand before it), so that a
    change in one cell changes no other id.

    Parameters
    ----------
    source : Path
        ``notebooks/source/lectures/NN_slug.py``, a percent script.
    repository : str, optional
        The git address that the first code cell installs from in Colab; by default that of the project's
        ``pyproject.toml``.

    Returns
    -------
    nbformat.NotebookNode
        nbformat 4.5. Behind the title cell stands the cell that prepares Colab.

    Raises
    ------
    LectureError
        The source is missing, is no percent script, or does not begin with a title.
    """
    kept = percent_cells(source)
    if not kept or kept[0].cell_type != "markdown" or not re.match(r"# +\S", kept[0].source):
        raise LectureError(
            f"{source.name} must begin with a markdown cell whose first line is '# ' and the title."
        )
    parts = [(cell.cell_type, cell.source, _kept_metadata(cell.metadata)) for cell in kept]
    parts.insert(1, setup_part(source.parent.parent.parent, repository))
    return assemble(source.stem, parts)


def percent_cells(source: Path) -> list[Any]:
    """Return the cells of a percent script that are not empty, without its YAML header."""
    import jupytext
    import nbformat

    text = read_source(source)
    try:
        read = jupytext.reads(text, fmt="py:percent")
    except (ValueError, TypeError, KeyError, AttributeError, nbformat.ValidationError) as error:
        raise LectureError(
            f"{source.name} is no Jupytext percent script: {kernels.one_line(str(error))}."
        ) from error

    kept = list(read.cells)
    if kept and kept[0].cell_type == "raw" and kept[0].source.startswith("---"):
        kept = kept[1:]  # the YAML header
    return [cell for cell in kept if cell.source.strip()]


def setup_part(folder: Path, repository: str | None = None) -> Part:
    """Return the cell that prepares Colab; ``folder`` is ``notebooks/``."""
    address = _repository(folder) if repository is None else repository
    return "code", _setup_source(address), {"tags": [SETUP_TAG]}


def assemble(slug: str, parts: Iterable[Part]) -> Any:
    """Make a notebook without outputs from cells given as (type, text, metadata), with lasting ids."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

    make = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}
    seen: Counter[tuple[str, str]] = Counter()
    cells = []
    for kind, content, metadata in parts:
        seen[kind, content] += 1
        key = "\0".join([slug, kind, content, str(seen[kind, content])])
        identity = hashlib.sha1(key.encode("utf-8"), usedforsecurity=False).hexdigest()[:_ID_LENGTH]
        cells.append(make[kind](source=content, metadata=metadata, id=identity))
    notebook = new_notebook(
        cells=cells, metadata={"kernelspec": dict(_KERNELSPEC), "language_info": dict(_LANGUAGE)}
    )
    notebook.nbformat_minor = 5
    return notebook


def _kept_metadata(metadata: Any) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if name not in JUPYTEXT_ONLY}


def is_setup(cell: Any) -> bool:
    """Whether a cell is the one that prepares Colab, which the builder adds to each lecture."""
    return SETUP_TAG in cell.metadata.get("tags", [])


def _plain_python(cell: Any, number: int, name: str) -> str:
    """Return a code cell without IPython magics; a syntax error is told by cell and line."""
    if cell.source.lstrip().startswith("%%"):
        return ""
    for text in (cell.source, _MAGIC.sub(r"\1pass", cell.source)):
        try:
            ast.parse(text)
        except SyntaxError as error:
            problem, line = error.msg, error.lineno
        else:
            return text
    raise LectureError(f"{name}: cell {number}, line {line}: {problem}.")


def execution_hash(notebook: Any, name: str, package: Path | None = None) -> str:
    """Return a hash of everything in the project that a lecture's outputs depend on.

    That is the text of its code cells (not of the cell that prepares Colab), and the code of the modules
    of ``lecture_utils`` that it imports, directly or through each other, without comments, docstrings and
    blank lines. It is the same on Python 3.11 to 3.13.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        What ``cells_of`` returned.
    name : str
        The lecture's name, for messages.
    package : Path, optional
        The folder of ``lecture_utils``.

    Raises
    ------
    LectureError
        A cell is not valid Python.
    """
    package = Path(__file__).resolve().parent if package is None else package
    digest = hashlib.sha256()
    code = []
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code" and not is_setup(cell):
            code.append(_plain_python(cell, number, name))
            digest.update(json.dumps([cell.source, cell.metadata.get("tags", [])]).encode())
    for module, file in used_modules(code, package).items():
        digest.update(json.dumps([module, canonical(file.read_text(encoding="utf-8"))]).encode())
    return digest.hexdigest()[:_HASH_LENGTH]


# --- stored notebooks ---------------------------------------------------------------------------------------


def written(notebook: Any) -> bytes:
    """Return a notebook as the bytes of its file."""
    import nbformat

    return (nbformat.writes(notebook) + "\n").encode("utf-8")


def save(notebook: Any, path: Path) -> None:
    """Write a notebook whole or not at all."""
    content = written(notebook)

    def write(stream: BinaryIO) -> None:
        stream.write(content)

    paths.atomic_write(path, write)


def _stored(path: Path) -> Any:
    """Read a stored notebook; None where there is none."""
    import nbformat

    try:
        text = path.read_text(encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbformat gives a cell without an id a new one; check tells it
            notebook = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
        if notebook.nbformat != 4 or notebook.get("nbformat_minor", 0) < 5:
            raise ValueError(f"it has format {notebook.nbformat}.{notebook.get('nbformat_minor')}, not 4.5")
        nbformat.validate(notebook)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LectureError(f"cannot read {path}: {error.strerror or error}.") from error
    except (ValueError, TypeError, KeyError, AttributeError, nbformat.ValidationError) as error:
        reason = kernels.one_line(str(error).splitlines()[0] if str(error) else type(error).__name__, 120)
        raise LectureError(
            f"{path.name} is damaged and cannot be read ({reason}); `make notebooks` makes it anew."
        ) from error
    return notebook


def _outputs_hash(notebook: Any) -> str:
    """Return a hash of all outputs and the order of execution, to notice a later change."""
    content = [[cell.execution_count, cell.outputs] for cell in notebook.cells if cell.cell_type == "code"]
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


def _code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _can_keep(old: Any, new: Any, wanted: str) -> bool:
    """Whether the outputs of a stored notebook are those of the new one's code."""
    facts = old.metadata.get("lecture", {})
    sources = [[cell.source for cell in _code_cells(each) if not is_setup(cell)] for each in (old, new)]
    return (
        facts.get("hash") == wanted
        and facts.get("outputs") == _outputs_hash(old)
        and sources[0] == sources[1]
        and len(_code_cells(old)) == len(_code_cells(new))
    )


def _texts(output: Any) -> Iterable[str]:
    """Return every text of an output that a reader could see; pictures are left out."""
    if output.output_type == "stream":
        yield output.text
    elif output.output_type == "error":
        yield "\n".join([output.evalue, *output.traceback])
    else:
        for kind, content in output.data.items():
            if not kind.startswith("image/") or kind == "image/svg+xml":
                yield content if isinstance(content, str) else json.dumps(content)
        yield json.dumps(output.metadata)


def _machine_paths(folder: Path) -> re.Pattern[str] | None:
    """Return a pattern of this machine's paths that no output may hold: home, project, environment."""
    places = {Path.home(), folder.parent, folder.parent.resolve(), Path(sys.prefix)}
    names = [
        re.escape(str(place))
        for place in places
        if len(place.parts) > 1 and str(place) not in {"/usr", "/usr/local"}
    ]
    return re.compile(rf"(?:{'|'.join(sorted(names))})(?![\w.-])") if names else None


def _leaks(notebook: Any, folder: Path) -> list[str]:
    """Return one line for each cell whose output holds a path of this machine."""
    patterns = [pattern for pattern in (_machine_paths(folder), _FOREIGN_PATH) if pattern]
    result = []
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        for text in (text for output in cell.outputs for text in _texts(output)):
            found = next((match for pattern in patterns if (match := pattern.search(text))), None)
            if found:
                line = text[text.rfind("\n", 0, found.start()) + 1 :].split("\n", 1)[0]
                result.append(
                    f"cell {number} ({_label(cell)}) shows a path of this machine ({found[0]}) in "
                    f"`{kernels.one_line(line, 200)}`; print a name, not a whole path."
                )
                break
    return result


def _label(cell: Any) -> str:
    """Return a few words by which a person finds a cell."""
    text = (
        kernels.first_line(cell.source) if cell.cell_type == "code" else (cell.source.splitlines() or [""])[0]
    )
    return f"{cell.cell_type}, `{kernels.one_line(text, 60)}`"


# --- building -----------------------------------------------------------------------------------------------


def build(
    slugs: Iterable[str] | None = None,
    force: bool = False,
    *,
    notebooks: Path | None = None,
    package: Path | None = None,
    timeout: float = CELL_SECONDS,
    keep: bool = False,
) -> list[str]:
    """Make notebooks from their sources and execute those whose code has changed.

    A notebook is executed with ``LECTURE_STILL=1``, in the folder of the notebooks. It is written only
    after all its cells ran; a lecture that fails leaves the old notebook as it was. What it recorded goes
    to the workbook's own scoreboard, ``data/results/scoreboard.json``.

    Parameters
    ----------
    slugs : iterable of str, optional
        Names or numbers of lectures; by default all.
    force : bool
        Execute even where nothing has changed.
    notebooks : Path, optional
        The folder that holds the notebooks and ``source/``.
    package : Path, optional
        The folder of ``lecture_utils``, for deciding what changed.
    timeout : float
        Seconds that a cell may take.
    keep : bool
        Execute nothing: keep the stored outputs of lectures whose cells are as they were, even where what
        they use of ``lecture_utils`` has changed since (`notes` goes on saying so).

    Returns
    -------
    list of str
        One line for each problem; empty where all went well.

    Raises
    ------
    LectureError
        A name is unknown, or a notebook cannot be written.
    """
    folder = notebooks_folder(notebooks)
    problems = []
    chosen = select(slugs or [], folder)
    for lecture in chosen:
        try:
            failure, message = _build_one(lecture, force, package, timeout, keep)
        except LectureError as error:
            problems.append(f"{lecture.slug}: {str(error).removeprefix(lecture.slug + ': ')}")
            continue
        if failure:
            problems.append(f"{lecture.slug}: {failure}")
        else:
            print(f"{lecture.slug}: {message}", flush=True)
            problems += _lecture_problems([lecture])
    return problems + _build_exercises(chosen)


def _build_exercises(chosen: Iterable[Lecture]) -> list[str]:
    """Make the exercises of some lectures; return a line for each that cannot be made."""
    from lecture_utils.grading import source

    problems = []
    for lecture in chosen:
        if lecture.exercise_source.exists():
            try:
                print(f"{lecture.slug} exercise: {source.write(lecture)}", flush=True)
            except LectureError as error:
                problems.append(f"{lecture.slug} exercise: {error}")
    return problems


def _build_one(
    lecture: Lecture, force: bool, package: Path | None, timeout: float, keep: bool
) -> tuple[str, str]:
    """Build one lecture; return why it failed, or what was done."""
    new = cells_of(lecture.source)
    wanted = execution_hash(new, lecture.slug, package)
    commands = _shell_commands(new)
    if commands:
        return commands[0], ""
    try:
        old = _stored(lecture.notebook)
    except LectureError as error:
        print(f"{lecture.slug}: {error}", flush=True)
        old = None
    if old is not None and keep:
        wanted = old.metadata.get("lecture", {}).get("hash", "")
    if old is not None and not force and _can_keep(old, new, wanted):
        for before, after in zip(_code_cells(old), _code_cells(new), strict=True):
            after.outputs, after.execution_count = before.outputs, before.execution_count
        new.metadata["lecture"] = old.metadata["lecture"]
        if written(new) == lecture.notebook.read_bytes():
            return "", "unchanged"
        save(new, lecture.notebook)
        return "", "text changed, outputs kept"
    if keep:
        return "it has no outputs of these cells that could be kept (the stored notebook is as it was)", ""

    results = lecture.folder.parent / "data" / "results" / "scoreboard.json"
    with tempfile.TemporaryDirectory(prefix="lecture-") as temporary:
        # The lecture sees the results so far; its own are taken over when it has run to the end.
        board = Path(temporary) / "scoreboard.json"
        if results.exists():
            shutil.copyfile(results, board)
        execution = kernels.execute(
            new,
            folder=lecture.folder,
            environment={"LECTURE_STILL": "1", "LECTURE_SCOREBOARD": str(board)},
            timeout=timeout,
            label=lecture.slug,
        )
        if execution.failure:
            return f"{execution.failure} (the stored notebook is as it was)", ""
        lost = _lost(old, execution.data)
        if lost and not force:
            return (
                f"it is stored on {lost} and ran now on {', '.join(execution.data) or 'nothing'} (the stored "
                "notebook is as it was). Name the prepared data in TFDS_DATA_DIR; or store it with --force"
            ), ""
        leaks = _leaks(new, lecture.folder)
        if leaks:
            return f"{leaks[0]} (the stored notebook is as it was)", ""
        new.metadata["lecture"] = {
            "data": list(execution.data),
            "hash": wanted,
            "outputs": "",
            "seconds": round(execution.seconds),
        }
        new.metadata["lecture"]["outputs"] = _outputs_hash(_again(new))
        save(new, lecture.notebook)
        scoreboard.merge(board, results, lecture.slug)
    data = f" on {', '.join(execution.data)}" if execution.data else ""
    return "", f"executed {len(execution.cells)} cells in {execution.seconds:.1f} s{data}"


def _lost(old: Any, data: Iterable[str]) -> str:
    """Return the real data sets that the stored notebook was executed on and this run was not, or ""."""
    before = [] if old is None else old.metadata.get("lecture", {}).get("data", [])
    return " and ".join(name for name in ("imdb", "mnist") if name in before and name not in data)


def differs(lecture: Lecture) -> bool:
    """Tell whether a reader has changed cells of the notebook; one that cannot be read counts as changed."""
    if not lecture.notebook.exists():
        return False
    try:
        old, new = _stored(lecture.notebook), cells_of(lecture.source)
        return [cell.source for cell in old.cells] != [cell.source for cell in new.cells]
    except (LectureError, AttributeError, TypeError):
        return True


def _again(notebook: Any) -> Any:
    """Return a notebook as it comes back from the disk."""
    import nbformat

    return nbformat.reads(written(notebook).decode("utf-8"), as_version=nbformat.NO_CONVERT)


# --- checking -----------------------------------------------------------------------------------------------


def check(slugs: Iterable[str] | None = None, *, notebooks: Path | None = None) -> list[str]:
    """Compare stored notebooks with their sources and look at their outputs, without executing anything.

    Parameters
    ----------
    slugs : iterable of str, optional
        Names or numbers of lectures; by default all, and then a notebook without a source is reported too.
    notebooks : Path, optional
        The folder that holds the notebooks and ``source/``.

    Returns
    -------
    list of str
        One line for each problem: it names the lecture, the cell, and what mends it.

    Raises
    ------
    LectureError
        A name is unknown.
    """
    folder = notebooks_folder(notebooks)
    names = list(slugs or [])
    chosen = select(names, folder)
    problems = _lecture_problems(chosen)
    if exercises(folder) or (folder / "exercises").is_dir():
        from lecture_utils.grading import source

        problems += source.check(chosen, folder, everything=not names or "all" in names)
    if not names or "all" in names:
        known = {lecture.notebook for lecture in chosen}
        problems += [
            f"{path.stem}: {path.name} has no source in source/lectures; write one, or delete the notebook."
            for path in sorted(folder.glob("*.ipynb"))
            if path not in known
        ]
    return problems


def _lecture_problems(chosen: Iterable[Lecture]) -> list[str]:
    problems = []
    for lecture in chosen:
        try:
            found = _problems(lecture)
        except LectureError as error:
            found = [str(error).removeprefix(f"{lecture.slug}: ")]
        problems += [f"{lecture.slug}: {line}" for line in found]
    return problems


def notes(
    slugs: Iterable[str] | None = None, *, notebooks: Path | None = None, package: Path | None = None
) -> list[str]:
    """Return what is worth knowing about stored notebooks, but no mistake.

    So far: a notebook whose code is as it was when executed, while the part of ``lecture_utils`` that it
    uses has changed since.
    """
    result = []
    for lecture in select(slugs or [], notebooks_folder(notebooks)):
        try:
            old = _stored(lecture.notebook)
            wanted = execution_hash(cells_of(lecture.source), lecture.slug, package)
        except LectureError:
            continue  # check tells it
        if old is not None and old.metadata.get("lecture", {}).get("hash") != wanted:
            result.append(
                f"{lecture.slug}: its code, or what it uses of lecture_utils, has changed since it ran; "
                "`make notebooks` executes it again."
            )
    return result


def _problems(lecture: Lecture) -> list[str]:
    """Return all problems of one lecture's stored notebook."""
    new = cells_of(lecture.source)
    old = _stored(lecture.notebook)
    if old is None:
        return ["the notebook is missing; `make notebooks` makes it."]
    problems = differences(old, new, f"lectures/{lecture.slug}.py")
    problems += _shell_commands(old) + _output_problems(old) + _leaks(old, lecture.folder)
    facts = old.metadata.get("lecture", {})
    if not facts.get("hash"):
        problems.append("it was not executed by the builder; `make notebooks` executes it.")
    elif not problems and facts.get("outputs") != _outputs_hash(old):
        problems.append(
            "its outputs have been changed since it was executed; `make notebooks` executes it again."
        )
    size = lecture.notebook.stat().st_size
    if size > MAX_BYTES:
        problems.append(
            f"the notebook has {size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:g} MB; "
            "draw fewer or smaller figures."
        )
    return problems


def differences(old: Any, new: Any, source: str) -> list[str]:
    """Return where the cells of a stored notebook are not those of its source."""
    mend = f"`make notebooks` writes it anew; a change belongs in notebooks/source/{source}."
    before = [(cell.cell_type, cell.source) for cell in old.cells]
    after = [(cell.cell_type, cell.source) for cell in new.cells]
    lines = []
    if before == after:
        for number, (cell, wanted) in enumerate(zip(old.cells, new.cells, strict=True), start=1):
            if cell.id != wanted.id:
                lines.append(
                    f"cell {number} ({_label(cell)}) has the id {cell.id}, its source gives {wanted.id}"
                )
            if cell.metadata != wanted.metadata:
                have, want = (json.dumps(each.metadata, sort_keys=True) for each in (cell, wanted))
                lines.append(
                    f"cell {number} ({_label(cell)}) has the metadata {have}, its source gives {want}"
                )
    elif Counter(before) == Counter(after):
        place = next(
            place for place, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]
        )
        lines.append(f"cell {place + 1} ({_label(old.cells[place])}) is not in the order of the source")
    else:
        lines += _changed_cells(old.cells, new.cells, before, after)
    for name, wanted in new.metadata.items():
        if old.metadata.get(name) != wanted:
            lines.append(f"the notebook's metadata {name} is not that of a built notebook")
    foreign = sorted(set(old.metadata) - set(new.metadata) - {"lecture"})
    if foreign:
        lines.append(f"the notebook has metadata that the builder does not write ({', '.join(foreign)})")
    if len(lines) > _MAX_LINES:
        lines = [*lines[:_MAX_LINES], f"{len(lines) - _MAX_LINES} more differences from the source"]
    return [f"{line}; {mend}" for line in lines]


def _changed_cells(old: Sequence[Any], new: Sequence[Any], before: list[Any], after: list[Any]) -> list[str]:
    lines = []
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    for kind, start, stop, wanted_start, wanted_stop in matcher.get_opcodes():
        if kind == "equal":
            continue
        common = min(stop - start, wanted_stop - wanted_start)
        for offset in range(common):
            cell, wanted = old[start + offset], new[wanted_start + offset]
            change = _first_change(cell, wanted)
            lines.append(f"cell {start + offset + 1} ({_label(cell)}) is not that of the source: {change}")
        for index in range(start + common, stop):
            lines.append(f"cell {index + 1} ({_label(old[index])}) is not in the source")
        for index in range(wanted_start + common, wanted_stop):
            lines.append(f"the source's cell {index + 1} ({_label(new[index])}) is missing")
    return lines


def _first_change(cell: Any, wanted: Any) -> str:
    if cell.cell_type != wanted.cell_type:
        return f"it is a {cell.cell_type} cell, not a {wanted.cell_type} cell"
    have, want = cell.source.splitlines(), wanted.source.splitlines()
    for number in range(max(len(have), len(want))):
        left = have[number] if number < len(have) else None
        right = want[number] if number < len(want) else None
        if left != right:
            shown = [
                "nothing" if each is None else f"`{kernels.one_line(each, 50)}`" for each in (left, right)
            ]
            return f"line {number + 1} is {shown[0]}, in the source {shown[1]}"
    return "its line ends differ"


def _shell_commands(notebook: Any) -> list[str]:
    """Return the cells that run a shell command: nbval does not notice when one fails."""
    lines = []
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        try:
            ast.parse(cell.source)
        except SyntaxError:
            found = next((line for line in cell.source.splitlines() if _SHELL_COMMAND.match(line)), None)
            if found:
                lines.append(
                    f"cell {number} runs a shell command (`{kernels.one_line(found, 60)}`), and nobody would "
                    "notice if it failed; call a Python function that raises."
                )
    return lines


def _output_problems(notebook: Any) -> list[str]:
    """Return what is wrong with the stored outputs: errors, noise, order, figures nobody can hear."""
    lines = []
    expected = 0
    ordered = True
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        where = f"cell {number} ({_label(cell)})"
        expected += 1
        if cell.execution_count is None:
            lines.append(f"{where} was never run; `make notebooks` runs it.")
        elif cell.execution_count != expected and ordered:
            ordered = False
            lines.append(
                f"{where} ran as number {cell.execution_count}, not {expected}: the cells ran out of order; "
                "`make notebooks` runs them from top to bottom."
            )
        on_purpose = "raises-exception" in cell.metadata.get("tags", [])
        for output in cell.outputs:
            if output.output_type == "error" and not on_purpose:
                lines.append(f"{where} raised {kernels.one_line(f'{output.ename}: {output.evalue}', 120)}")
            elif output.output_type == "stream" and output.name == "stderr":
                lines.append(f"{where} wrote to standard error: {kernels.one_line(output.text, 120)}")
            elif output.output_type in {"display_data", "execute_result"}:
                lines += [f"{where} {problem}" for problem in _display_problems(output)]
    return lines


def _display_problems(output: Any) -> Iterable[str]:
    for kind in output.data:
        if kind.startswith("image/"):
            about = output.metadata.get(kind, {})
            alt = about.get("alt", "") if isinstance(about, dict) else ""
            if not isinstance(alt, str) or len(alt.strip()) < MIN_ALT:
                yield (
                    f"shows a figure without an alt text of at least {MIN_ALT} characters; "
                    "show it with plots.show(figure, alt=...)."
                )
        elif kind == "application/vnd.jupyter.widget-view+json":
            yield "shows a widget that is blank without a kernel; use widgets.explore, which stores a figure."
