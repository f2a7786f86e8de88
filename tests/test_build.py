"""The builder: one source gives one notebook, outputs are kept as long as they are true, damage is told."""

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from workbooks import TITLE, lecture, make_workbook

from lecture_utils import build, fingerprint, kernels, lectures, scoreboard
from lecture_utils.errors import LectureError

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
FIGURE = f"""import base64
from IPython.display import display

picture = base64.b64decode("{PIXEL}")
display({{"image/png": picture}}, raw=True, metadata={{"image/png": {{"alt": "ALT"}}}})"""
ALT = "One pixel, which stands for a whole figure."


def stored(notebooks: Path, slug: str = "01_a") -> Any:
    return nbformat.read(notebooks / f"{slug}.ipynb", as_version=nbformat.NO_CONVERT)


def store(notebooks: Path, notebook: Any, slug: str = "01_a") -> None:
    nbformat.write(notebook, notebooks / f"{slug}.ipynb")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Build a workbook of one lecture once; the tests work on copies of its notebook."""
    source = lecture(
        "x = 1\nprint('x is', x)",
        "## A part\nSome text.",
        FIGURE.replace("ALT", ALT),
        "x + 1",
        "## A part\nSome text.",
    )
    notebooks = make_workbook(tmp_path_factory.mktemp("built"), l01_a=source)
    assert build.build(notebooks=notebooks) == []
    return notebooks, (notebooks / "01_a.ipynb").read_text()


@pytest.fixture
def workbook(built: tuple[Path, str], tmp_path: Path) -> Path:
    """Return a fresh copy of the built workbook."""
    notebooks, text = built
    copy = make_workbook(tmp_path, l01_a=(notebooks / "source" / "lectures" / "01_a.py").read_text())
    (copy / "01_a.ipynb").write_text(text)
    return copy


@pytest.fixture
def no_execution(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count executions instead of executing."""
    executed: list[str] = []

    def pretend(notebook: Any, **settings: Any) -> kernels.Execution:
        executed.append(settings["label"])
        number = 0
        for cell in notebook.cells:
            if cell.cell_type == "code":
                number += 1
                cell.execution_count, cell.outputs = number, []
        return kernels.Execution(seconds=1.0)

    monkeypatch.setattr(kernels, "execute", pretend)
    return executed


def change_source(notebooks: Path, old: str, new: str, slug: str = "01_a") -> None:
    path = notebooks / "source" / "lectures" / f"{slug}.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# --- cells --------------------------------------------------------------------------------------------------


def test_the_same_source_gives_the_same_notebook(workbook: Path) -> None:
    source = workbook / "source" / "lectures" / "01_a.py"
    assert build.cells_of(source) == build.cells_of(source)


def test_ids_are_unique_short_and_stay_when_another_cell_changes(workbook: Path) -> None:
    source = workbook / "source" / "lectures" / "01_a.py"
    before = [cell.id for cell in build.cells_of(source).cells]
    assert len(set(before)) == len(before)
    assert all(re.fullmatch("[0-9a-f]{12}", identity) for identity in before)
    change_source(workbook, "x + 1", "x + 2")
    after = [cell.id for cell in build.cells_of(source).cells]
    assert [old != new for old, new in zip(before, after, strict=True)].count(True) == 1


def test_ids_differ_between_lectures(tmp_path: Path) -> None:
    text = lecture("x = 1")
    notebooks = make_workbook(tmp_path, l01_a=text, l02_b=text)
    first, second = (build.cells_of(each.source) for each in lectures.lectures(notebooks))
    assert not {cell.id for cell in first.cells} & {cell.id for cell in second.cells}


def test_ids_do_not_depend_on_the_place_of_the_checkout(workbook: Path, built: tuple[Path, str]) -> None:
    places = (workbook, built[0])
    first, second = (build.cells_of(place / "source" / "lectures" / "01_a.py") for place in places)
    assert first == second


def test_the_notebook_is_format_4_5_without_anything_of_this_machine(workbook: Path) -> None:
    notebook = build.cells_of(workbook / "source" / "lectures" / "01_a.py")
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }


def test_tags_are_kept_and_what_only_jupytext_needs_is_not(tmp_path: Path) -> None:
    text = lecture(
        '# %% tags=["hide-input"]\nx = 1\n', "def f():\n    pass\n\n\n", '# %% [markdown]\n"""\nText\n"""\n'
    )
    notebooks = make_workbook(tmp_path, l01_a=text)
    metadata = [cell.metadata for cell in build.cells_of(notebooks / "source" / "lectures" / "01_a.py").cells]
    assert metadata == [{}, {"tags": ["setup-colab"]}, {"tags": ["hide-input"]}, {}, {}]


def test_a_yaml_header_makes_no_cell(tmp_path: Path) -> None:
    header = "# ---\n# jupyter:\n#   kernelspec:\n#     display_name: M\n#     name: m\n# title: x\n# ---\n\n"
    notebooks = make_workbook(tmp_path, l01_a=header + lecture("x = 1"))
    notebook = build.cells_of(notebooks / "source" / "lectures" / "01_a.py")
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "code"]
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must begin with a markdown cell"),
        ("# %%\nx = 1\n", "must begin with a markdown cell"),
        ("# %% [markdown]\n# No title\n", "must begin with a markdown cell"),
        ("# ---\n# jupyter:\n#   kernelspec: {name: x}\n# ---\n" + TITLE, r"01_a\.py"),
    ],
)
def test_a_source_that_is_no_lecture_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    notebooks = make_workbook(tmp_path, l01_a=text)
    with pytest.raises(LectureError, match=message) as caught:
        build.cells_of(notebooks / "source" / "lectures" / "01_a.py")
    assert "\n" not in str(caught.value)


def test_a_source_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    notebooks = make_workbook(tmp_path, l01_a="")
    (notebooks / "source" / "lectures" / "01_a.py").write_bytes(b"# \xff")
    with pytest.raises(LectureError, match="not UTF-8"):
        build.cells_of(notebooks / "source" / "lectures" / "01_a.py")


# --- the cell for Colab -------------------------------------------------------------------------------------


def setup_cell(notebooks: Path) -> str:
    cell = build.cells_of(notebooks / "source" / "lectures" / "01_a.py").cells[1]
    assert build.is_setup(cell)
    return cell.source


def run_setup(code: str, *, colab: bool) -> subprocess.CompletedProcess[str]:
    """Run the cell with a pip that only says what it was asked for."""
    before = (
        "import subprocess, sys\n"
        "subprocess.run = lambda *given, **settings: print('asked', given, settings)\n"
        f"if {colab}:\n    sys.modules['google.colab'] = sys\n"
    )
    return subprocess.run([sys.executable, "-c", before + code], capture_output=True, text=True, timeout=60)


def test_the_setup_cell_stands_behind_the_title_and_is_short(workbook: Path) -> None:
    assert len(setup_cell(workbook).splitlines()) <= 8
    assert max(map(len, setup_cell(workbook).splitlines())) <= 110


def test_the_setup_cell_does_nothing_outside_colab(workbook: Path) -> None:
    done = run_setup(setup_cell(workbook), colab=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_setup_cell_installs_from_the_address_in_pyproject(workbook: Path) -> None:
    (workbook.parent / "pyproject.toml").write_text(
        '[tool.lecture]\nrepository = "https://example.org/a.git"\n'
    )
    done = run_setup(setup_cell(workbook), colab=True)
    assert "git+https://example.org/a.git" in done.stdout
    assert "'check': True" in done.stdout


def test_the_setup_cell_says_what_to_do_without_an_address(workbook: Path) -> None:
    done = run_setup(setup_cell(workbook), colab=True)
    assert done.stderr.splitlines()[-1] == f"AssertionError: {build._ADVICE}"
    assert done.stdout == ""


@pytest.mark.parametrize("content", ['[tool.lecture]\nrepository = "a\\"b"\n', "[tool.lecture\n"])
def test_an_address_that_would_break_the_cell_is_refused(workbook: Path, content: str) -> None:
    (workbook.parent / "pyproject.toml").write_text(content)
    with pytest.raises(LectureError, match=r"pyproject\.toml"):
        setup_cell(workbook)


# --- what makes a lecture run again -------------------------------------------------------------------------

MODULE = '''"""A module."""

import os  # a comment


def half(x):
    """Halve it.

    Over several lines.
    """
    # Another comment.
    text = f"{x!r:>{10}} {'quoted'}" "and joined"

    return x / 2  # half


class Thing:
    "One line."

    y = """not a
docstring"""
'''


def test_docstrings_comments_and_blank_lines_do_not_count() -> None:
    changed = (
        MODULE.replace("A module", "The same module")
        .replace("Over several lines.\n", "Other words.\n\n    # and more\n")
        .replace("# Another comment.\n", "\n")
        .replace("  # half", "")
        .replace("One line", "Two words")
    )
    assert changed != MODULE
    assert fingerprint.canonical(changed) == fingerprint.canonical(MODULE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x / 2", "x / 3"),
        ("{10}", "{11}"),
        ("quoted", "cited"),
        ("and joined", "and  joined"),
        ("not a\ndocstring", "not a\n\ndocstring"),
        ("    return", "return"),
    ],
)
def test_every_change_in_code_counts(old: str, new: str) -> None:
    assert old in MODULE
    if new == "return":
        new, old = "    if x:\n        return", "    return"
    assert fingerprint.canonical(MODULE.replace(old, new)) != fingerprint.canonical(MODULE)


def test_indentation_counts() -> None:
    first, second = "if a:\n    b\n    c\n", "if a:\n    b\nc\n"
    assert fingerprint.canonical(first) != fingerprint.canonical(second)


def test_the_fingerprint_is_the_same_on_every_python() -> None:
    """The text was computed on Python 3.11, 3.12 and 3.13; whichever runs this test must find the same."""
    import hashlib

    digest = hashlib.sha256(fingerprint.canonical(MODULE).encode()).hexdigest()[:16]
    assert digest == "2f2f214450aac67b"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "helpers"
    (folder / "deep").mkdir(parents=True)
    files = {
        "__init__": '__version__ = "1"\n',
        "plots": "from helpers import colors\n",
        "colors": "RED = 1\n",
        "data": "def load():\n    from .deep.store import read\n    return read\n",
        "deep/__init__": "",
        "deep/store": "from . import files\nfrom ..errors import Wrong\n",
        "deep/files": "",
        "errors": "class Wrong(Exception):\n    pass\n",
        "unused": "",
    }
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from helpers import plots", "colors plots"),
        ("import helpers.plots as p", "colors plots"),
        ("from helpers.colors import RED", "colors"),
        ("from helpers import data", "data deep deep.files deep.store errors"),
        ("if True:\n    import helpers.errors", "errors"),
        ("import numpy, helperstoo", ""),
    ],
)
def test_the_modules_that_a_lecture_uses_are_found_through_each_other(
    package: Path, code: str, expected: str
) -> None:
    found = fingerprint.used_modules([code], package)
    assert " ".join(found) == " ".join(f"helpers.{name}" for name in expected.split())


def test_a_lecture_runs_again_only_when_its_code_or_what_it_uses_has_changed(
    tmp_path: Path, package: Path, no_execution: list[str]
) -> None:
    notebooks = make_workbook(tmp_path, l01_a=lecture("from helpers import plots", "# Text."))

    def executes(change: Callable[[], object]) -> bool:
        change()
        before = len(no_execution)
        assert build.build(notebooks=notebooks, package=package) == []
        return len(no_execution) > before

    colors, unused = package / "colors.py", package / "unused.py"
    assert executes(lambda: None)
    assert not executes(lambda: None)
    assert not executes(lambda: change_source(notebooks, "# Text.", "# Other text."))
    assert not executes(lambda: colors.write_text('"""Colors."""\n\nRED = 1  # as blood\n'))
    assert not executes(lambda: unused.write_text("x = 1\n"))
    assert executes(lambda: colors.write_text("RED = 2\n"))
    assert executes(lambda: change_source(notebooks, "import plots", "import plots as p"))
    assert not executes(lambda: None)


def test_keep_executes_nothing_and_keeps_the_outputs_of_the_same_cells(
    tmp_path: Path, package: Path, no_execution: list[str]
) -> None:
    notebooks = make_workbook(tmp_path, l01_a=lecture("from helpers import plots", "# Text."))
    build.build(notebooks=notebooks, package=package)
    facts = stored(notebooks).metadata["lecture"]
    (package / "colors.py").write_text("RED = 2\n")
    change_source(notebooks, "# Text.", "# Other text.")
    assert build.build(notebooks=notebooks, package=package, keep=True) == []
    assert "# Other text." in [cell.source for cell in stored(notebooks).cells]
    assert stored(notebooks).metadata["lecture"] == facts
    assert "has changed since it ran" in build.notes(notebooks=notebooks, package=package)[0]
    before = stored(notebooks)
    change_source(notebooks, "import plots", "import plots as p")
    (problem,) = build.build(notebooks=notebooks, package=package, keep=True)
    assert problem.startswith("01_a: it has no outputs of these cells that could be kept")
    assert stored(notebooks) == before
    assert no_execution == ["01_a"]


def test_force_executes_what_has_not_changed(tmp_path: Path, no_execution: list[str]) -> None:
    notebooks = make_workbook(tmp_path, l01_a=lecture("x = 1"))
    build.build(notebooks=notebooks)
    build.build(notebooks=notebooks, force=True)
    assert no_execution == ["01_a", "01_a"]


def test_a_new_address_for_colab_executes_nothing(workbook: Path, no_execution: list[str]) -> None:
    (workbook.parent / "pyproject.toml").write_text(
        '[tool.lecture]\nrepository = "https://example.org/a.git"\n'
    )
    assert build.build(notebooks=workbook) == []
    assert no_execution == []
    assert "https://example.org/a.git" in stored(workbook).cells[1].source
    assert stored(workbook).cells[2].outputs[0].text == "x is 1\n"


def test_changed_text_keeps_the_outputs_cell_by_cell(workbook: Path, no_execution: list[str]) -> None:
    before = stored(workbook)
    change_source(
        workbook,
        "# ## A part\n# Some text.\n\n# %%\nimport",
        "# ## New\n#\n# %% [markdown]\n# B\n\n# %%\nimport",
    )
    assert build.build(notebooks=workbook) == []
    after = stored(workbook)
    assert no_execution == []
    assert [cell.cell_type for cell in after.cells].count("markdown") == 4
    outputs = [[cell.outputs for cell in each.cells if cell.cell_type == "code"] for each in (before, after)]
    assert outputs[0] == outputs[1]
    assert build.check(notebooks=workbook) == []


def test_what_has_not_changed_is_not_written(workbook: Path, no_execution: list[str]) -> None:
    os.utime(workbook / "01_a.ipynb", (1, 1))
    assert build.build(notebooks=workbook) == []
    assert (workbook / "01_a.ipynb").stat().st_mtime == 1


@pytest.mark.parametrize("edit", ["outputs", "code"])
def test_outputs_that_somebody_changed_are_made_again(
    workbook: Path, no_execution: list[str], edit: str
) -> None:
    notebook = stored(workbook)
    if edit == "outputs":
        notebook.cells[2].outputs[0].text = "x is 2\n"
    else:
        notebook.cells[2].source = "x = 2\nprint('x is', x)"
    store(workbook, notebook)
    build.build(notebooks=workbook)
    assert no_execution == ["01_a"]


def test_a_damaged_notebook_is_made_again(workbook: Path, no_execution: list[str]) -> None:
    (workbook / "01_a.ipynb").write_text("{")
    assert build.build(notebooks=workbook) == []
    assert no_execution == ["01_a"]


# --- execution ----------------------------------------------------------------------------------------------


def test_a_built_notebook_holds_outputs_in_order_and_what_they_depend_on(built: tuple[Path, str]) -> None:
    notebook = nbformat.reads(built[1], as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4]
    assert code[1].outputs[0].text == "x is 1\n"
    assert code[3].outputs[0].data["text/plain"] == "2"
    assert set(notebook.metadata.lecture) == {"data", "hash", "outputs", "seconds"}
    assert build.check(notebooks=built[0]) == []
    assert build.notes(notebooks=built[0]) == []


def test_a_lecture_is_executed_still_in_the_notebooks_folder_with_a_scoreboard_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LECTURE_STILL", raising=False)
    text = lecture(
        "import os\nfrom pathlib import Path\nfrom types import SimpleNamespace\n\n"
        "from lecture_utils import scoreboard",
        "print(os.environ['LECTURE_STILL'], Path.cwd().name, Path('source').is_dir())",
        "print(len(scoreboard.table()))",
        "scoreboard.record('net', SimpleNamespace(name='digits'), lecture='01_a', parameters=1, epochs=1,"
        " seconds=1, accuracy=0.5)",
    )
    notebooks = make_workbook(tmp_path, l01_a=text)
    assert build.build(notebooks=notebooks) == []
    assert stored(notebooks).cells[3].outputs[0].text == "1 notebooks True\n"
    results = notebooks.parent / "data" / "results" / "scoreboard.json"
    assert [entry.network for entry in scoreboard.table(results)] == ["net"]
    assert build.build(notebooks=notebooks, force=True) == []
    assert stored(notebooks).cells[4].outputs[0].text == "1\n"


def test_a_failing_lecture_leaves_the_old_notebook_and_the_results(workbook: Path) -> None:
    before = (workbook / "01_a.ipynb").read_bytes()
    change_source(
        workbook,
        "x + 1\n",
        "from types import SimpleNamespace\nfrom lecture_utils import scoreboard\n"
        "scoreboard.record('net', SimpleNamespace(name='digits'), lecture='01_a', parameters=1, epochs=1,"
        " seconds=1, accuracy=0.5)\n\n# %%\ny = 0\n1 / y\n",
    )
    (problem,) = build.build(notebooks=workbook)
    assert problem.startswith("01_a: cell 7, In [5], line 2 (A part): ZeroDivisionError: division by zero")
    assert "1 / y" in problem
    assert (workbook / "01_a.ipynb").read_bytes() == before
    assert not (workbook.parent / "data").exists()


@pytest.mark.parametrize("place", ["home", "project", "prefix"])
def test_an_output_with_a_path_of_this_machine_is_refused(workbook: Path, place: str) -> None:
    before = (workbook / "01_a.ipynb").read_bytes()
    code = {
        "home": "from pathlib import Path\nprint(Path.home() / 'x')",
        "project": "from pathlib import Path\nprint(Path.cwd())",
        "prefix": "import sys\nsys.prefix",
    }[place]
    change_source(workbook, "x + 1", code)
    (problem,) = build.build(notebooks=workbook)
    assert "cell 6" in problem
    assert "path of this machine" in problem
    assert (workbook / "01_a.ipynb").read_bytes() == before


def test_a_syntax_error_is_told_before_anything_runs(workbook: Path, no_execution: list[str]) -> None:
    change_source(workbook, "x + 1", "x = 1\nx + = 1")
    assert build.build(notebooks=workbook) == ["01_a: cell 6, line 2: invalid syntax."]
    assert no_execution == []


def test_a_shell_command_is_refused_before_anything_runs(workbook: Path, no_execution: list[str]) -> None:
    change_source(workbook, "x + 1", "# !ls -l")
    (problem,) = build.build(notebooks=workbook)
    assert "cell 6 runs a shell command (`!ls -l`)" in problem
    assert no_execution == []


def test_one_failing_lecture_does_not_keep_the_others_from_being_built(
    tmp_path: Path, no_execution: list[str]
) -> None:
    notebooks = make_workbook(tmp_path, l01_a=lecture("x ="), l02_b=lecture("x = 1"))
    assert len(build.build(notebooks=notebooks)) == 1
    assert no_execution == ["02_b"]


def test_a_full_disk_leaves_the_old_notebook(
    workbook: Path, no_execution: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (workbook / "01_a.ipynb").read_bytes()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    change_source(workbook, "x + 1", "x + 2")
    (problem,) = build.build(notebooks=workbook)
    assert "No space left on device" in problem
    assert (workbook / "01_a.ipynb").read_bytes() == before
    assert sorted(path.name for path in workbook.iterdir()) == ["01_a.ipynb", "source"]


# --- the check ----------------------------------------------------------------------------------------------


def only_problem(notebooks: Path) -> str:
    (problem,) = build.check(notebooks=notebooks)
    assert problem.startswith("01_a: ")
    assert "\n" not in problem
    return problem


def test_a_hand_edit_in_text_is_found(workbook: Path) -> None:
    notebook = stored(workbook)
    notebook.cells[3].source = "## A part\nSome other text."
    store(workbook, notebook)
    assert "cell 4 (markdown, `## A part`) is not that of the source: line 2 is `Some other" in only_problem(
        workbook
    )
    assert "`make notebooks`" in only_problem(workbook)
    assert "notebooks/source/lectures/01_a.py" in only_problem(workbook)


def test_a_hand_edit_in_code_is_found(workbook: Path) -> None:
    notebook = stored(workbook)
    notebook.cells[5].source = "x + 10"
    store(workbook, notebook)
    assert "cell 6 (code, `x + 10`) is not that of the source: line 1" in only_problem(workbook)


def test_an_edit_of_the_setup_cell_is_found(workbook: Path) -> None:
    notebook = stored(workbook)
    notebook.cells[1].source += "\nprint('mine')"
    store(workbook, notebook)
    assert "cell 2 (code, `import subprocess`) is not that of the source" in only_problem(workbook)


def test_cells_in_another_order_are_found(workbook: Path) -> None:
    notebook = stored(workbook)
    cells = notebook.cells
    cells[2], cells[3] = cells[3], cells[2]
    store(workbook, notebook)
    assert "cell 3 (markdown, `## A part`) is not in the order of the source" in only_problem(workbook)


def test_an_extra_cell_is_found(workbook: Path) -> None:
    notebook = stored(workbook)
    notebook.cells.insert(3, nbformat.v4.new_markdown_cell("Mine.", id="mine"))
    store(workbook, notebook)
    assert "cell 4 (markdown, `Mine.`) is not in the source" in only_problem(workbook)


def test_a_missing_cell_is_found(workbook: Path) -> None:
    notebook = stored(workbook)
    del notebook.cells[6]
    store(workbook, notebook)
    assert "the source's cell 7 (markdown, `## A part`) is missing" in only_problem(workbook)


def test_a_cell_of_another_type_is_found(workbook: Path) -> None:
    notebook = stored(workbook)
    old = notebook.cells[3]
    notebook.cells[3] = nbformat.v4.new_raw_cell(old.source, id=old.id)
    store(workbook, notebook)
    assert "it is a raw cell, not a markdown cell" in only_problem(workbook)


def test_a_changed_id_is_found(workbook: Path) -> None:
    notebook = stored(workbook)
    notebook.cells[3].id = "another"
    store(workbook, notebook)
    assert "cell 4 (markdown, `## A part`) has the id another, its source gives" in only_problem(workbook)


def test_a_removed_id_is_found_without_noise(workbook: Path, recwarn: pytest.WarningsRecorder) -> None:
    content = json.loads((workbook / "01_a.ipynb").read_text())
    del content["cells"][3]["id"]
    (workbook / "01_a.ipynb").write_text(json.dumps(content))
    assert "cell 4 (markdown, `## A part`) has the id" in only_problem(workbook)
    assert len(recwarn) == 0


def test_changed_metadata_of_a_cell_are_found(workbook: Path) -> None:
    notebook = stored(workbook)
    notebook.cells[3].metadata["tags"] = ["mine"]
    store(workbook, notebook)
    assert 'has the metadata {"tags": ["mine"]}, its source gives {}' in only_problem(workbook)


@pytest.mark.parametrize("name", ["kernelspec", "language_info", "widgets"])
def test_changed_metadata_of_the_notebook_are_found(workbook: Path, name: str) -> None:
    notebook = stored(workbook)
    notebook.metadata[name] = {"name": "mine", "display_name": "mine"}
    store(workbook, notebook)
    assert name in only_problem(workbook)


def test_many_differences_are_cut_short(workbook: Path) -> None:
    notebook = stored(workbook)
    notebook.cells += [
        nbformat.v4.new_markdown_cell(f"Mine {number}.", id=f"m{number}") for number in range(30)
    ]
    store(workbook, notebook)
    problems = build.check(notebooks=workbook)
    assert len(problems) < 12
    assert "22 more differences" in problems[-1]


def damage(notebook: Any, kind: str) -> None:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if kind == "error":
        code[1].outputs = [nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])]
    elif kind == "stderr":
        code[1].outputs = [nbformat.v4.new_output("stream", name="stderr", text="a warning\n")]
    elif kind == "never run":
        code[1].execution_count = None
    elif kind == "order":
        code[1].execution_count, code[2].execution_count = 3, 2
    elif kind == "run twice":
        code[3].execution_count = 9
    elif kind == "no alt":
        del code[2].outputs[0].metadata["image/png"]
    elif kind == "short alt":
        code[2].outputs[0].metadata["image/png"]["alt"] = "a figure"
    elif kind == "widget":
        code[2].outputs[0].data["application/vnd.jupyter.widget-view+json"] = {"model_id": "x"}
    elif kind == "path":
        code[1].outputs[0].text = "/home/somebody/file\n"
    elif kind == "temporary path":
        code[1].outputs[0].text = "/tmp/ipykernel_123/456.py:1: Warning\n"
    elif kind == "outputs":
        code[1].outputs[0].text = "x is 2\n"
    elif kind == "large":
        code[2].outputs[0].data["image/png"] = PIXEL * 20_000
    elif kind == "not executed":
        del notebook.metadata["lecture"]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("error", "cell 3 (code, `x = 1`) raised ValueError: no"),
        ("stderr", "cell 3 (code, `x = 1`) wrote to standard error: a warning"),
        ("never run", "cell 3 (code, `x = 1`) was never run"),
        ("order", "cell 3 (code, `x = 1`) ran as number 3, not 2"),
        ("run twice", "cell 6 (code, `x + 1`) ran as number 9, not 4"),
        ("no alt", "cell 5 (code, `import base64`) shows a figure without an alt text"),
        ("short alt", "cell 5 (code, `import base64`) shows a figure without an alt text"),
        ("widget", "cell 5 (code, `import base64`) shows a widget"),
        ("path", "cell 3 (code, `x = 1`) shows a path of this machine (/home/somebody)"),
        ("temporary path", "cell 3 (code, `x = 1`) shows a path of this machine"),
        ("outputs", "its outputs have been changed since it was executed"),
        ("large", "MB, more than 1.5 MB"),
        ("not executed", "it was not executed by the builder"),
    ],
)
def test_a_stored_notebook_with_bad_outputs_is_found(workbook: Path, kind: str, message: str) -> None:
    notebook = stored(workbook)
    damage(notebook, kind)
    store(workbook, notebook)
    assert any(message in problem for problem in build.check(notebooks=workbook))


def test_an_error_that_a_lecture_shows_on_purpose_is_no_problem(tmp_path: Path) -> None:
    notebooks = make_workbook(tmp_path, l01_a=lecture('# %% tags=["raises-exception"]\n[][0]\n'))
    problems = build.build(notebooks=notebooks)
    assert not [problem for problem in problems if "raised" in problem], problems


def test_a_cell_that_should_raise_and_does_not_is_a_failure(tmp_path: Path) -> None:
    notebooks = make_workbook(tmp_path, l01_a=lecture('# %% tags=["raises-exception"]\n1 + 1\n'))
    (problem,) = build.build(notebooks=notebooks)
    assert "it raised none" in problem


@pytest.mark.parametrize(
    "line",
    ["!ls", "files = !ls", "    !ls", "%%bash\nls", "%sx ls", "%system ls"],
)
def test_a_shell_command_is_found(line: str) -> None:
    text = "if True:\n" + line if line.startswith(" ") else line
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text)])
    assert len(build._shell_commands(notebook)) == 1


@pytest.mark.parametrize("line", ["x = 1 != 2", 'text = """\n!ls\n"""', "%matplotlib inline", "%time x = 1"])
def test_what_only_looks_like_a_shell_command_is_not(line: str) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(line)])
    assert build._shell_commands(notebook) == []


@pytest.mark.parametrize(
    "content", ["{", "[]", "null", "", '{"cells": 1}', '{"nbformat": 3, "worksheets": []}', "\x00\x00"]
)
def test_a_damaged_notebook_is_one_line(workbook: Path, content: str) -> None:
    (workbook / "01_a.ipynb").write_text(content)
    assert "01_a.ipynb is damaged" in only_problem(workbook)


def test_a_notebook_in_another_encoding_is_one_line(workbook: Path) -> None:
    (workbook / "01_a.ipynb").write_bytes(b"\xff\xfe{")
    assert "01_a.ipynb is damaged" in only_problem(workbook)


def test_a_missing_notebook_is_found(workbook: Path) -> None:
    (workbook / "01_a.ipynb").unlink()
    assert "the notebook is missing" in only_problem(workbook)


def test_a_notebook_without_a_source_is_found_when_all_are_checked(workbook: Path) -> None:
    (workbook / "99_old.ipynb").write_text("{}")
    assert build.check(notebooks=workbook) == [
        "99_old: 99_old.ipynb has no source in source/lectures; write one, or delete the notebook."
    ]
    assert build.check(["01"], notebooks=workbook) == []


def test_a_check_changes_nothing(workbook: Path) -> None:
    change_source(workbook, "x + 1", "x + 2")
    before = (workbook / "01_a.ipynb").read_bytes()
    assert build.check(notebooks=workbook)
    assert (workbook / "01_a.ipynb").read_bytes() == before


def test_changed_helpers_are_a_note_and_no_problem(
    tmp_path: Path, package: Path, no_execution: list[str]
) -> None:
    notebooks = make_workbook(tmp_path, l01_a=lecture("from helpers import plots"))
    assert build.build(notebooks=notebooks, package=package) == []
    (package / "colors.py").write_text("RED = 2\n")
    assert build.check(notebooks=notebooks) == []
    (note,) = build.notes(notebooks=notebooks, package=package)
    assert "has changed since it ran" in note


# --- names of lectures --------------------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path: Path) -> Path:
    names = ("l01_forward_pass", "l02_learning", "l03_mnist_dense", "l07_mnist_cnn")
    return make_workbook(tmp_path, **dict.fromkeys(names, lecture("x = 1")))


@pytest.mark.parametrize(
    "name",
    ["3", "03", "03_mnist_dense", "03_mn", "mnist_d", "03_mnist_dense.py", "notebooks/03_mnist_dense.ipynb"],
)
def test_a_lecture_is_found_by_number_name_or_beginning(many: Path, name: str) -> None:
    assert [found.slug for found in lectures.select([name], many)] == ["03_mnist_dense"]


def test_all_means_all_once(many: Path) -> None:
    assert [found.number for found in lectures.select(["7", "all", "7"], many)] == [7, 1, 2, 3]
    assert [found.number for found in lectures.select([], many)] == [1, 2, 3, 7]


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("33", "03_mnist_dense"),
        ("04_mnist_dense", "03_mnist_dense"),
        ("lerning", "02_learning"),
        ("fwd", "01"),
    ],
)
def test_an_unknown_lecture_gets_the_nearest_suggested(many: Path, name: str, guess: str) -> None:
    with pytest.raises(
        LectureError, match=f"no lecture '{name}'; did you mean {guess}.*`lecture list` shows all"
    ):
        lectures.select([name], many)


def test_a_name_that_is_like_nothing_gets_no_suggestion(many: Path) -> None:
    with pytest.raises(LectureError, match="no lecture 'zzzzqq'; `lecture list` shows all"):
        lectures.select(["zzzzqq"], many)


def test_a_name_that_fits_several_lectures_lists_them(many: Path) -> None:
    with pytest.raises(LectureError, match="fits several lectures: 03_mnist_dense, 07_mnist_cnn"):
        lectures.select(["mnist"], many)


def test_no_sources_at_all_are_told(tmp_path: Path) -> None:
    with pytest.raises(LectureError, match="run this in a checkout"):
        lectures.lectures(tmp_path)


def test_a_source_with_a_wrong_name_is_told(many: Path) -> None:
    (many / "source" / "lectures" / "Scratch.py").write_text("")
    with pytest.raises(LectureError, match=r"not Scratch\.py"):
        lectures.lectures(many)


@pytest.mark.parametrize(
    ("line", "reading", "running"),
    [
        ("**Time:** 40 minutes to read, 1 minute to run", 40, 1),
        ("**Time:** 50 minutes to read, half a minute to run. **Builds on:** lecture 1.", 50, 0.5),
        ("**Time:** about 1.5 hours to read; runs in 20 s", 90, 1 / 3),
        ("Time: reading 30 min, running 1,5 min", 30, 1.5),
        ("*Time* · a minute to run and an hour to read", 60, 1),
        ("**Time:** plenty", None, None),
        ("Nothing.", None, None),
    ],
)
def test_the_time_in_the_first_cell_is_read_leniently(
    tmp_path: Path, line: str, reading: float | None, running: float | None
) -> None:
    text = f"# %% [markdown]\n# # 7 · Title here\n#\n# {line}\n\n# %%\nx = 1\n"
    notebooks = make_workbook(tmp_path, l07_x=text)
    about = lectures.summary(lectures.lectures(notebooks)[0])
    assert about.title == "Title here"
    assert (about.reading, about.running) == (pytest.approx(reading), pytest.approx(running))


def test_building_imports_no_tensorflow() -> None:
    code = (
        "import sys; import lecture_utils.build, lecture_utils.runner; "
        "print('tensorflow' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "False"]


def test_stored_notebooks_are_json_with_sorted_keys_for_readable_diffs(built: tuple[Path, str]) -> None:
    content = json.loads(built[1])
    assert list(content) == sorted(content)
    assert built[1].endswith("}\n")


@pytest.mark.parametrize(("real", "other"), [("mnist", "digits"), ("imdb", "grammar")])
def test_outputs_on_real_data_are_not_replaced_by_a_run_without_them(
    tmp_path: Path, real: str, other: str
) -> None:
    code = (
        "import types\n"
        "Images = type('Images', (types.SimpleNamespace,), {'__module__': 'lecture_utils.datasets'})\n"
        "data = Images(source=types.SimpleNamespace(name='NAME'))"
    )
    notebooks = make_workbook(tmp_path, l01_a=lecture(code.replace("NAME", real)))
    assert build.build(notebooks=notebooks) == []
    stored = (notebooks / "01_a.ipynb").read_bytes()
    make_workbook(tmp_path, l01_a=lecture(code.replace("NAME", other)))
    problems = build.build(notebooks=notebooks)
    assert len(problems) == 1
    assert f"it is stored on {real} and ran now on {other}" in problems[0]
    assert (notebooks / "01_a.ipynb").read_bytes() == stored
    assert build.build(force=True, notebooks=notebooks) == []
