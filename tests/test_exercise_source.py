"""Exercises: the format is kept, what students get holds no secret, and what they wrote is never lost."""

import base64
import html
import json
import os
import subprocess
import sys
import textwrap
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from workbooks import lecture, make_workbook

from lecture_utils import build, cli, kernels, lectures, paths
from lecture_utils.errors import LectureError
from lecture_utils.grading import source
from lecture_utils.grading.judging import Judge

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(path.stem for path in (ROOT / "notebooks/source/exercises").glob("[0-9]*.py"))

SMALL = '''\
# %% [markdown]
# # Exercise 1 · Small things
#
# Only what stands in the answer cells is graded.

# %%
import numpy as np
from lecture_utils.exercises import Exercise

exercise = Exercise("01_small", twice=2, spread=1.5)


# %%
def shout(text):
    return text.upper()

# %% judge="*"
from lecture_utils.grading.inside import emit, given
from lecture_utils.grading.judging import differs, part

# %% [markdown]
# ## Task 1 · Twice as much (2 points)
# Double every number.

# %% solution="twice"
def twice(x):
    """Return 2 x."""
    ### BEGIN SOLUTION
    # Multiplication works on whole arrays at once.
    return 2.0 * np.asarray(x)
    ### END SOLUTION


# %% test="twice" points=2
exercise.check("twice", lambda: twice(1.0), 2.0, hint="What is one and one?")
### BEGIN HIDDEN TESTS
data = given("twice")
emit("twice", "table", lambda: twice(data["table"] * 3.14159))
### END HIDDEN TESTS

# %% judge="twice"
def inputs_twice(rng):
    return {"table": rng.normal(size=(4, 3))}, {"phrase": "a rather secret phrase"}


def judge_twice(given, kept, answer):
    expected = (given["table"] + given["table"]) * 3.14159
    return [part(2, "a table", differs(answer["table"], expected))]


# %%
# Something to look at, which no task needs.
print(shout("half way"))

# %% [markdown]
# ## Task 2 · The spread (1.5 points)
# From the smallest to the largest.

# %% solution="spread"
def smallest(x):
    """Return the smallest number."""
    ### BEGIN SOLUTION
    return sorted(x)[0]
    ### END SOLUTION


# %% solution="spread_2" task="spread"
def spread(x):
    """Return the largest number less the smallest."""
    ### BEGIN SOLUTION
    return max(x) - smallest(x)
    ### END SOLUTION


# %% tags=["check"] test="spread" points=1.5 seconds=30
exercise.check("spread", lambda: spread([1.0, 4.0]), 3.0, hint="Look at both ends.")
### BEGIN HIDDEN TESTS
emit("spread", "ends", lambda: spread(given("spread")["x"]))
### END HIDDEN TESTS

# %% judge="spread"
def inputs_spread(rng):
    return {"x": rng.normal(size=7).tolist()}, {}


def judge_spread(given, kept, answer):
    return [part(1.5, "the spread", differs(answer["ends"], float(sum([max(given["x"]), -min(given["x"])]))))]


# %% [markdown]
# ## What is done

# %%
exercise.progress()
'''


def workbook(folder: Path, text: str = SMALL, slug: str = "01_small") -> Path:
    """Write a workbook of one lecture with its exercise, and return the folder of the notebooks."""
    notebooks = make_workbook(folder, **{f"l{slug}": lecture("x = 1")})
    (notebooks / "source" / "exercises").mkdir(exist_ok=True)
    (notebooks / "source" / "exercises" / f"{slug}.py").write_text(text, encoding="utf-8")
    return notebooks


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    return workbook(tmp_path)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> source.Exercise:
    return source.read("01", workbook(tmp_path_factory.mktemp("small")))


# --- reading ------------------------------------------------------------------------------------------------


def test_the_source_is_read_as_its_author_meant_it(small: source.Exercise) -> None:
    assert (small.slug, small.title) == ("01_small", "Small things")
    assert small.points == {"twice": 2, "spread": 1.5}
    assert [code.split("\n")[0] for code in small.setup] == ["import numpy as np", "def shout(text):"]
    first, second = small.tasks
    assert (first.name, first.number, first.title, first.points, first.seconds) == (
        "twice",
        1,
        "Twice as much",
        2,
        source.SECONDS,
    )
    assert first.solutions["twice"].endswith(
        "    # Multiplication works on whole arrays at once.\n    return 2.0 * np.asarray(x)"
    )
    assert first.stubs == {"twice": 'def twice(x):\n    """Return 2 x."""\n    raise NotImplementedError'}
    assert first.check.startswith('exercise.check("twice"')
    assert "emit" not in first.check
    assert first.hidden.splitlines()[0] == 'data = given("twice")'
    assert "MARK" not in first.hidden
    assert "TESTS" not in first.hidden + first.check
    assert (list(second.solutions), list(second.stubs)) == (["spread", "spread_2"], ["spread", "spread_2"])
    assert second.seconds == 30
    assert second.test_id == "spread-test"
    assert second.label == "Task 2, The spread (1.5 points)"
    assert small.imports == "import numpy as np\nfrom lecture_utils.exercises import Exercise"
    compile(small.judge_code, "judge", "exec")
    assert "print(shout" not in "".join(small.setup) + small.judge_code


def test_the_judge_that_was_read_judges(small: source.Exercise) -> None:
    code = "import numpy as np\n" + small.judge_code
    judge = Judge(code, small.points, "seed", small.slug)
    assert set(judge.given) == {"twice", "spread"}


@pytest.mark.parametrize("name", ["1", "01", "01_small", "small", "sm", "01_small.ipynb"])
def test_an_exercise_is_found_by_number_and_name(notebooks: Path, name: str) -> None:
    assert source.read(name, notebooks).slug == "01_small"


def test_an_exercise_is_found_by_its_lecture(notebooks: Path) -> None:
    assert source.read(lectures.lectures(notebooks)[0]).slug == "01_small"


def test_an_unknown_exercise_and_an_unknown_task_are_told(notebooks: Path, tmp_path: Path) -> None:
    with pytest.raises(LectureError, match="no exercise '7'"):
        source.read("7", notebooks)
    with pytest.raises(LectureError, match="no task 'thrice'; it has twice, spread"):
        source.read("1", notebooks).task("thrice")
    with pytest.raises(LectureError, match="run this in a checkout"):
        source.read("1", tmp_path)


def test_what_decides_marks_changes_the_digest_and_nothing_else_does(
    small: source.Exercise, tmp_path: Path
) -> None:
    def digest(old: str, new: str) -> str:
        assert old in SMALL
        return source.read("1", workbook(tmp_path, SMALL.replace(old, new))).digest

    for old, new in [
        ("text.upper()", "text.lower()"),
        ("points=2\n", "points=2 seconds=3\n"),
        ('data["table"] * 3', 'data["table"] * 2'),
        ("size=(4, 3)", "size=(4, 4)"),
        ("def twice(x):", "def twice(z):"),
    ]:
        assert digest(old, new) != small.digest, new
    for old, new in [
        ("Double every number", "Double each number"),
        ("2.0 * np.asarray(x)", "np.asarray(x) * 2.0"),
        ("one and one?", "one plus one?"),
        ("half way", "nearly done"),
    ]:
        assert digest(old, new) == small.digest, new


WRONG: list[tuple[str, str, str, str]] = [
    # what stands there, what stands there instead, where, what is said
    ("# # Exercise 1 ·", "# # Exercise 2 ·", "cell 1", "begins with `# Exercise 1 · Title`"),
    (
        '# %% solution="twice"',
        '# %% soluton="twice"',
        "cell 6",
        "the mark 'soluton'; a cell may have solution",
    ),
    ('# %% solution="twice"', '# %% solution="2wice"', "cell 6", "is no name"),
    ('# %% solution="twice"', "# %% solution=3", "cell 6", "is no name"),
    ('# %% solution="twice"', '# %% [markdown] solution="twice"', "cell 6", r"take \[markdown\] out"),
    ('# %% solution="twice"', '# %% solution="twice" test="twice"', "cell 6", "give it one mark"),
    ('# %% solution="twice"', "# %%", "cell 6", "stands outside of a solution cell"),
    (
        '# %% solution="twice"',
        '# %% solution="third"',
        "task twice",
        "the solution 'third' in it belongs to 'third'",
    ),
    ('# %% test="twice" points=2', '# %% test="twise" points=2', "task twise", "belongs to 'twice'"),
    ('test="twice" points=2', 'test="twice"', "task twice", "has no points; write"),
    ('test="twice" points=2', 'test="twice" point=2', "cell 7", "the mark 'point'"),
    ('test="twice" points=2', 'test="twice" points="2"', "task twice", "is no number larger than 0"),
    ('test="twice" points=2', 'test="twice" points=-2', "task twice", "is no number larger than 0"),
    ('test="twice" points=2', 'test="twice" points=3', "task twice", "points=3, its heading 2"),
    ("points=1.5 seconds=30", "points=1.5 seconds=0", "task spread", "seconds=0 is no number"),
    ("twice=2, spread", "twice=3, spread", "task twice", "gives it 3, its test 2"),
    ("twice=2, spread=1.5", "spread=1.5, twice=2", "setup", "order; write .*twice=2, spread=1.5"),
    ("twice=2, spread=1.5", "twice=2", "setup", "has not the tasks of the tests"),
    ("twice=2, spread=1.5", "twice=2, spread=1.5, more=1", "setup", "has not the tasks of the tests"),
    ("twice=2, spread=1.5", "twice=two, spread=1.5", "setup", "must be plain numbers"),
    ('Exercise("01_small"', 'Exercise("02_small"', "setup", "must be given the name '01_small' alone"),
    ('exercise = Exercise("01_small", twice=2, spread=1.5)', "", "setup", "it has no line"),
    (
        "return text.upper()",
        "return text.upper(",
        "setup cell 2",
        r"line 2 is not valid Python \('\(' was never",
    ),
    ("## Task 1 · Twice as much (2 points)", "## Task 1: Twice", "cell 5", "must read `## Task 1 · Title"),
    ("## Task 1 · Twice as much (2 points)", "## Task 1 · Twice (2 point)", "cell 5", r"`\(2 points\)`"),
    ("## Task 1 · Twice as much (2 points)", "## Task 3 · Twice (2 points)", "cell 5", "its heading says 3"),
    ("## Task 1 · Twice as much (2 points)", "Some text", "task twice", "is missing before it"),
    ("## Task 2 · The spread (1.5 points)", "Some text", "task spread", "it is the second test"),
    ("    ### BEGIN SOLUTION\n    # Mult", "    # Mult", "task twice", "is not in its place"),
    ("asarray(x)\n    ### END SOLUTION", "asarray(x)", "task twice", "`### END SOLUTION` is missing"),
    ("    ### BEGIN SOLUTION\n    # Mult", "    # BEGIN SOLUTION\n    # Mult", "task twice", "is no marker"),
    (
        "    ### BEGIN SOLUTION\n    # Multiplication works on whole arrays at once.\n"
        "    return 2.0 * np.asarray(x)\n    ### END SOLUTION",
        "    return 2.0 * np.asarray(x)",
        "task twice",
        "has no region",
    ),
    (
        "    # Multiplication works on whole arrays at once.\n    return 2.0 * np.asarray(x)\n",
        "",
        "task twice",
        "is empty",
    ),
    (
        "    ### BEGIN SOLUTION\n    # Mult",
        "    pass\n\n### BEGIN SOLUTION\nif True:\n    # Mult",
        "task twice",
        "is not inside a function; ask for a function",
    ),
    ('    """Return 2 x."""\n', "    if x:\n", "task twice", "is not valid Python"),
    ("return 2.0 * np.asarray(x)", "return 2.0 * (", "task twice, solution twice", "is not valid Python"),
    (
        "### BEGIN HIDDEN TESTS\ndata",
        "data",
        "task twice",
        "is not in its place",
    ),
    ("3.14159))\n### END HIDDEN TESTS", "3.14159))", "task twice", "`### END HIDDEN TESTS` is missing"),
    (
        '### BEGIN HIDDEN TESTS\nemit("spread", "ends", lambda: spread(given("spread")["x"]))\n'
        "### END HIDDEN TESTS",
        "",
        "task spread",
        "needs one region .* it has 0",
    ),
    ('emit("twice", "table"', 'emit("spread", "table"', "task twice", "is not for this task"),
    ('given("twice")', 'given("twise")', "task twice", "is not for this task"),
    ('emit("twice", "table", lambda: ', "print(", "task twice", "`emit.* is missing"),
    ('exercise.check("twice"', 'exercise.check("spread"', "task twice", "is not for this task"),
    (
        'exercise.check("twice", lambda: twice(1.0), 2.0, hint="What is one and one?")',
        "",
        "task twice",
        "is missing",
    ),
    ('# %% solution="spread_2" task="spread"', '# %% solution="spread"', "task spread", "two answer cells"),
    (
        '# %% solution="spread_2" task="spread"',
        '# %% solution="twice" task="spread"',
        "task spread",
        "two answer cells are called",
    ),
    ('# %% judge="twice"', '# %% judge="thrice"', "judge thrice", "there is no task of this name"),
    ("def inputs_twice(rng)", "def input_twice(rng)", "task twice", r"`def inputs_twice\(rng\)` is missing"),
    (
        "def judge_twice(given, kept, answer)",
        "def judge_twice(given, answer)",
        "task twice",
        "its judge must be",
    ),
    ("def judge_spread", "def judge_twice", "judge spread", "is defined a second time"),
    ("def judge_spread", "def judge_bread", "judge spread", "belongs to no task"),
    ("size=(4, 3))}, {", "size=(4, 3))}, {{", "judge twice", "is not valid Python"),
    ("# %%\nexercise.progress()\n", "", "cell 15", "must be `exercise.progress"),
    (
        "# From the smallest",
        "# ### BEGIN SOLUTION\n# From the smallest",
        "cell 10",
        "stands outside of a solution",
    ),
    ("print(shout", "### BEGIN HIDDEN TESTS\nprint(shout", "cell 9", "stands outside of a test cell"),
]


@pytest.mark.parametrize(
    ("old", "new", "where", "said"), WRONG, ids=[f"{entry[1][:40]}-{n}" for n, entry in enumerate(WRONG)]
)
def test_a_mistake_in_the_format_is_one_line_that_names_the_place(
    tmp_path: Path, old: str, new: str, where: str, said: str
) -> None:
    assert SMALL.count(old) == 1, "the test itself is mistaken"
    folder = workbook(tmp_path, SMALL.replace(old, new))
    with pytest.raises(LectureError, match=said) as caught:
        source.read("1", folder)
    assert str(caught.value).startswith(tuple(f"01_small.py, {place}" for place in where.split("|")))
    assert "\n" not in str(caught.value)


def test_a_source_without_tasks_and_one_with_a_wrong_name_are_told(tmp_path: Path) -> None:
    folder = workbook(tmp_path, SMALL[: SMALL.index('# %% judge="*"')])
    with pytest.raises(LectureError, match="it has no task"):
        source.read("1", folder)
    (folder / "source" / "exercises" / "Draft.py").write_text("")
    with pytest.raises(LectureError, match=r"not Draft\.py"):
        source.read("1", folder)


# --- what students get --------------------------------------------------------------------------------------


def grade_ids(notebook: Any) -> list[str]:
    return [cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata]


def test_students_get_stubs_and_visible_checks_and_no_more(small: source.Exercise) -> None:
    notebook = source.student_notebook(small)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    texts = "\n".join(cell.source for cell in notebook.cells)
    for word in ("judge", "emit", "given", "BEGIN", "END", "asarray", "3.14159", "HIDDEN", "secret"):
        assert word not in texts
    assert texts.count("raise NotImplementedError") == 3
    assert notebook.cells[0].source.startswith("# Exercise 1 · Small things")
    assert build.is_setup(notebook.cells[1])
    assert notebook.cells[-1].source == "exercise.progress()"
    assert grade_ids(notebook) == ["twice", "twice-test", "spread", "spread_2", "spread-test"]
    assert set(notebook.metadata) == {"kernelspec", "language_info", "lecture"}
    assert notebook.metadata.lecture == {"exercise": "01_small", "made": source.made_hash(notebook)}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"nbgrader", "deletable", "editable", "tags"}
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_the_cells_carry_what_nbgrader_needs(small: source.Exercise) -> None:
    from nbgrader.nbgraderformat.v3 import MetadataValidatorV3

    notebook = source.student_notebook(small)
    MetadataValidatorV3().validate_nb(notebook)
    about = {
        cell.metadata.nbgrader.grade_id: cell.metadata
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    }
    assert about["spread-test"].nbgrader.points == 1.5
    assert about["twice-test"].nbgrader.points == 2
    assert about["spread-test"].tags == ["check"]
    for name, metadata in about.items():
        test = name.endswith("-test")
        assert (metadata.nbgrader.grade, metadata.nbgrader.locked, metadata.nbgrader.solution) == (
            test,
            test,
            not test,
        )
        assert metadata.deletable is False
        assert metadata.get("editable", True) is not test


def test_the_same_source_gives_the_same_notebook_anywhere(small: source.Exercise, notebooks: Path) -> None:
    again = source.read("1", notebooks)
    assert build.written(source.student_notebook(again)) == build.written(source.student_notebook(small))
    identities = [cell.id for cell in source.student_notebook(small).cells]
    assert len(set(identities)) == len(identities)


def test_a_changed_cell_changes_no_other_id_and_a_solution_none(
    small: source.Exercise, tmp_path: Path
) -> None:
    def identities(old: str, new: str) -> list[str]:
        exercise = source.read("1", workbook(tmp_path, SMALL.replace(old, new)))
        return [cell.id for cell in source.student_notebook(exercise).cells]

    before = [cell.id for cell in source.student_notebook(small).cells]
    assert identities("2.0 * np.asarray(x)", "np.asarray(x) * 2.0") == before
    after = identities("Double every", "Double each")
    assert [old != new for old, new in zip(before, after, strict=True)].count(True) == 1


def test_the_address_for_colab_comes_into_the_exercise(notebooks: Path) -> None:
    (notebooks.parent / "pyproject.toml").write_text(
        '[tool.lecture]\nrepository = "https://example.org/a.git"\n'
    )
    notebook = source.student_notebook(source.read("1", notebooks))
    assert "https://example.org/a.git" in notebook.cells[1].source


def test_the_solution_notebook_is_the_students_with_answers(small: source.Exercise) -> None:
    student, solved = source.student_notebook(small), source.solution_notebook(small)
    nbformat.validate(solved)
    assert [cell.id for cell in solved.cells] == [cell.id for cell in student.cells]
    assert grade_ids(solved) == grade_ids(student)
    texts = "\n".join(cell.source for cell in solved.cells)
    assert "return 2.0 * np.asarray(x)" in texts
    assert "NotImplementedError" not in texts
    assert "emit" not in texts
    assert "SOLUTION" not in texts


def checks_of(notebook: Any) -> list[str]:
    """Return what the checks of an executed notebook said."""
    return [
        output.data["text/plain"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "display_data"
        and "text/html" in output.data
        and "Task" in output.data["text/plain"]
    ]


def test_solved_every_check_is_right(small: source.Exercise, notebooks: Path) -> None:
    solved = source.solution_notebook(small)
    assert kernels.execute(solved, folder=notebooks, timeout=60).failure is None
    said = checks_of(solved)
    assert len(said) == 2
    assert all(text.endswith(": right.") for text in said), said
    assert "The visible checks of 2 of 2 tasks pass." in solved.cells[-1].outputs[0].data["text/plain"]


# --- what no student may see --------------------------------------------------------------------------------

SECRETS = {
    "solution": "return 2.0 * np.asarray(x)",
    "hidden test": 'emit("twice", "table", lambda: twice(data["table"] * 3.14159))',
    "judge": 'expected = (given["table"] + given["table"]) * 3.14159',
    "comment of the solution": "# Multiplication works on whole arrays at once.",
    "number": "3.14159",
    "text": "a rather secret phrase",
}


def cell_of(notebook: Any, name: str) -> Any:
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def into_stub_comment(notebook: Any, secret: str) -> None:
    cell_of(notebook, "twice").source += f"\n    # {secret}"


def into_docstring(notebook: Any, secret: str) -> None:
    cell = cell_of(notebook, "twice")
    cell.source = cell.source.replace("Return 2 x.", f"Return 2 x.\n\n    {secret}\n    ".replace('"', "'"))


def into_text_cell(notebook: Any, secret: str) -> None:
    notebook.cells[0].source += f"\n\n    {secret}"


def into_cell_metadata(notebook: Any, secret: str) -> None:
    notebook.cells[3].metadata["note"] = {"deep": [1, secret]}


def into_metadata_key(notebook: Any, secret: str) -> None:
    notebook.cells[3].metadata[secret] = True


def into_notebook_metadata(notebook: Any, secret: str) -> None:
    notebook.metadata["history"] = [{"old": f"x\n{secret}\ny"}]


def into_output(notebook: Any, secret: str) -> None:
    output = nbformat.v4.new_output("stream", text=["one line\n", f"and {secret}\n"])
    cell_of(notebook, "twice").outputs = [output]


def into_attachment(notebook: Any, secret: str) -> None:
    payload = base64.b64encode(f"before\n{secret}\nafter".encode()).decode()
    notebook.cells[0].attachments = {"a.png": {"image/png": payload}}


def into_wrapped_base64(notebook: Any, secret: str) -> None:
    payload = base64.encodebytes(f"{'x' * 100} {secret} {'y' * 100}".encode()).decode()
    cell_of(notebook, "twice").outputs = [nbformat.v4.new_output("display_data", data={"image/png": payload})]


def into_whole_notebook_as_json(notebook: Any, secret: str) -> None:
    notebook.metadata["backup"] = json.dumps({"cells": [{"source": f"x\n  {secret}\n"}]})


def into_base64_of_json(notebook: Any, secret: str) -> None:
    text = json.dumps({"source": [f"x\n  {secret}\n"]})
    notebook.metadata["backup"] = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def into_html(notebook: Any, secret: str) -> None:
    data = {"text/html": f"<pre>{html.escape(secret)}</pre>"}
    cell_of(notebook, "twice").outputs = [nbformat.v4.new_output("display_data", data=data)]


def into_link(notebook: Any, secret: str) -> None:
    notebook.cells[0].source += f" [x](https://example.org/?q={urllib.parse.quote(secret)})"


def reformatted(notebook: Any, secret: str) -> None:
    spaced = secret.replace("(", "( ").replace('"', "'") if "(" in secret else secret
    notebook.cells[0].source += f"\n{spaced}"


PLACES: list[Callable[[Any, str], None]] = [
    into_stub_comment,
    into_docstring,
    into_text_cell,
    into_cell_metadata,
    into_metadata_key,
    into_notebook_metadata,
    into_output,
    into_attachment,
    into_wrapped_base64,
    into_whole_notebook_as_json,
    into_base64_of_json,
    into_html,
    into_link,
    reformatted,
]


def test_what_students_get_has_no_leak(small: source.Exercise) -> None:
    assert source.leaks(small, source.student_notebook(small)) == []


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_found_wherever_it_stands(
    small: source.Exercise, place: Callable[[Any, str], None], secret: str
) -> None:
    notebook = source.student_notebook(small)
    place(notebook, SECRETS[secret])
    found = source.leaks(small, notebook)
    assert found
    assert all("\n" not in line for line in found)


def test_the_place_and_the_kind_of_a_leak_are_told(small: source.Exercise) -> None:
    notebook = source.student_notebook(small)
    into_cell_metadata(notebook, SECRETS["solution"])
    into_notebook_metadata(notebook, SECRETS["text"])
    first, second = source.leaks(small, notebook)
    what, where = first.split(" stands in ")
    assert what == "a line of the solution twice (`return 2.0 * np.asarray(x)`)"
    assert where == "cell 4, metadata, note, deep"
    assert second.endswith("of the judge stands in the notebook's metadata, history, old")


@pytest.mark.parametrize(
    "harmless",
    [
        "return x",
        "import numpy as np",
        "data",
        "table",
        "else:",
        "exercise.progress()",
        "3.0",
        "return text.upper()",
    ],
)
def test_what_says_nothing_is_no_leak(small: source.Exercise, harmless: str) -> None:
    notebook = source.student_notebook(small)
    into_text_cell(notebook, harmless)
    assert source.leaks(small, notebook) == []


def test_a_line_that_the_setup_shows_is_no_secret(tmp_path: Path) -> None:
    shared = "return np.asarray(text, dtype=object)"
    text = SMALL.replace("return text.upper()", shared).replace(
        "return sorted(x)[0]", shared.replace("text", "text")
    )
    exercise = source.read("1", workbook(tmp_path, text))
    assert source.leaks(exercise, source.student_notebook(exercise)) == []


def test_words_that_a_visible_check_says_too_are_no_secret(tmp_path: Path) -> None:
    words = '"the numbers in the table have changed"'
    text = SMALL.replace('"a table", differs', f"{words}, differs").replace(
        "    return [part(2, ", f"    assert answer, (\n        {words}\n    )\n    return [part(2, "
    )
    text = text.replace("lambda: twice(1.0), 2.0", f"lambda: twice(1.0), lambda x: x == 2 or {words}")
    exercise = source.read("1", workbook(tmp_path, text))
    assert source.leaks(exercise, source.student_notebook(exercise)) == []


def test_what_a_visible_check_and_a_judge_share_is_no_secret_but_a_solution_is(tmp_path: Path) -> None:
    text = SMALL.replace(
        "lambda: twice(1.0), 2.0", 'lambda: twice(1.0), float(sum([max(given["x"]), 0])) * 0 + 2'
    )
    text = text.replace(
        'float(sum([max(given["x"]), -min(given["x"])]))', '\n        float(sum([max(given["x"]), 0]))\n'
    )
    exercise = source.read("1", workbook(tmp_path, text))
    assert source.leaks(exercise, source.student_notebook(exercise)) == []
    text = SMALL.replace(
        "lambda: twice(1.0), 2.0", "lambda: twice(1.0), lambda x: x == (lambda: max(x) - smallest(x))()"
    )
    exercise = source.read(
        "1", workbook(tmp_path, text.replace("return max(x) - smallest(x)", "max(x) - smallest(x)"))
    )
    (found,) = source.leaks(exercise, source.student_notebook(exercise))
    assert "the solution spread_2" in found


def test_a_source_that_gives_its_own_solution_away_is_not_built(tmp_path: Path) -> None:
    text = SMALL.replace(
        '    """Return 2 x."""\n', '    """Return 2 x."""\n    # return 2.0 * np.asarray(x)\n'
    )
    folder = workbook(tmp_path, text)
    with pytest.raises(LectureError, match=r"the solution twice .* students would see it"):
        source.write(lectures.exercises(folder)[0])
    assert not (folder / "exercises").exists()


# --- building and checking ----------------------------------------------------------------------------------


@pytest.fixture
def no_lectures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the lectures themselves alone: their tests are elsewhere."""
    monkeypatch.setattr(build, "_build_one", lambda *_: ("", "unchanged"))
    monkeypatch.setattr(build, "_problems", lambda _: [])


def made(notebooks: Path, name: str = "01_small.ipynb") -> Any:
    return nbformat.read(notebooks / "exercises" / name, as_version=nbformat.NO_CONVERT)


def store(notebooks: Path, notebook: Any, name: str = "01_small.ipynb") -> bytes:
    nbformat.write(notebook, notebooks / "exercises" / name)
    return (notebooks / "exercises" / name).read_bytes()


def change_source(notebooks: Path) -> None:
    path = notebooks / "source" / "exercises" / "01_small.py"
    path.write_text(path.read_text().replace("Double every number", "Double all numbers"))


@pytest.mark.usefixtures("no_lectures")
def test_building_writes_the_exercise_and_then_leaves_it(
    notebooks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build.check(notebooks=notebooks)[0] == (
        "01_small exercise: the notebook is missing; `make notebooks` makes it."
    )
    assert build.build(notebooks=notebooks) == []
    assert capsys.readouterr().out.splitlines()[-1] == "01_small exercise: written"
    content = (notebooks / "exercises" / "01_small.ipynb").read_bytes()
    os.utime(notebooks / "exercises" / "01_small.ipynb", (1, 1))
    assert build.build(["01"], notebooks=notebooks) == []
    assert capsys.readouterr().out.splitlines()[-1] == "01_small exercise: unchanged"
    assert (notebooks / "exercises" / "01_small.ipynb").stat().st_mtime == 1
    change_source(notebooks)
    assert "not that of the source" in build.check(notebooks=notebooks)[0]
    assert build.build(notebooks=notebooks) == []
    assert (notebooks / "exercises" / "01_small.ipynb").read_bytes() != content
    assert sorted(path.name for path in (notebooks / "exercises").iterdir()) == ["01_small.ipynb"]


@pytest.mark.usefixtures("no_lectures")
def test_a_mistake_in_an_exercise_fails_the_build_in_a_line(notebooks: Path) -> None:
    path = notebooks / "source" / "exercises" / "01_small.py"
    path.write_text(path.read_text().replace("points=2\n", "\n"))
    (problem,) = build.build(notebooks=notebooks)
    assert problem.startswith("01_small exercise: 01_small.py, task twice: its test has no points")
    assert build.check(notebooks=notebooks) == [problem]


def answered(notebook: Any) -> None:
    cell_of(notebook, "twice").source = "def twice(x):\n    return x + x"


def note_added(notebook: Any) -> None:
    notebook.cells.insert(2, nbformat.v4.new_markdown_cell("My own note."))


def was_run(notebook: Any) -> None:
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="2 of 2")]


def picture_pasted(notebook: Any) -> None:
    notebook.cells[0].attachments = {"a.png": {"image/png": "AAAA"}}


def hash_lost(notebook: Any) -> None:
    del notebook.metadata["lecture"]


@pytest.mark.parametrize("work", [answered, note_added, was_run, picture_pasted, hash_lost])
@pytest.mark.usefixtures("no_lectures")
def test_a_students_work_is_never_overwritten(
    notebooks: Path, capsys: pytest.CaptureFixture[str], work: Callable[[Any], None]
) -> None:
    build.build(notebooks=notebooks)
    notebook = made(notebooks)
    work(notebook)
    before = store(notebooks, notebook)
    change_source(notebooks)
    capsys.readouterr()
    assert build.build(notebooks=notebooks) == []
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "exercise" in line]
    assert (
        "holds somebody's work and was left as it is; the new one is 01_small.new.ipynb beside it (written)"
        in line
    )
    assert "copy your answers over" in line
    assert (notebooks / "exercises" / "01_small.ipynb").read_bytes() == before
    assert "Double all numbers" in made(notebooks, "01_small.new.ipynb").cells[4].source
    assert build.build(notebooks=notebooks) == []
    assert "(unchanged)" in capsys.readouterr().out
    assert any("holds somebody's work" in line for line in build.check(notebooks=notebooks))


@pytest.mark.usefixtures("no_lectures")
def test_work_in_the_new_version_is_not_overwritten_either(notebooks: Path) -> None:
    build.build(notebooks=notebooks)
    contents = {}
    for name in ("01_small.ipynb", "01_small.new.ipynb"):
        notebook = made(notebooks, name)
        answered(notebook)
        contents[name] = store(notebooks, notebook, name)
        change_source(notebooks)
        path = notebooks / "source" / "exercises" / "01_small.py"
        path.write_text(path.read_text().replace("all numbers", "all numbers again"))
        assert build.build(notebooks=notebooks) == []
    for name, content in contents.items():
        assert (notebooks / "exercises" / name).read_bytes() == content
    assert "again" in made(notebooks, "01_small.new2.ipynb").cells[4].source


@pytest.mark.usefixtures("no_lectures")
def test_work_on_the_present_version_needs_no_new_one(
    notebooks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build.build(notebooks=notebooks)
    notebook = made(notebooks)
    answered(notebook)
    store(notebooks, notebook)
    assert build.build(notebooks=notebooks) == []
    assert "its source has not changed since" in capsys.readouterr().out
    assert len(list((notebooks / "exercises").iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"{ half a notebo", b"[]", b"\xff", b'{"cells": 3, "nbformat": 4}'])
@pytest.mark.usefixtures("no_lectures")
def test_a_damaged_notebook_is_kept_and_told(notebooks: Path, content: bytes) -> None:
    (notebooks / "exercises").mkdir()
    (notebooks / "exercises" / "01_small.ipynb").write_bytes(content)
    assert "damaged" in build.check(notebooks=notebooks)[0]
    assert build.build(notebooks=notebooks) == []
    assert (notebooks / "exercises" / "01_small.ipynb").read_bytes() == content
    assert (notebooks / "exercises" / "01_small.new.ipynb").exists()


@pytest.mark.usefixtures("no_lectures")
def test_opening_and_saving_in_jupyter_is_no_work(notebooks: Path) -> None:
    build.build(notebooks=notebooks)
    notebook = made(notebooks)
    notebook.metadata["language_info"] = {"name": "python", "version": "3.12.1", "mimetype": "text/x-python"}
    notebook.cells[2].metadata["collapsed"] = False
    store(notebooks, notebook)
    assert build.check(notebooks=notebooks)
    assert build.build(notebooks=notebooks) == []
    assert build.check(notebooks=notebooks) == []
    assert len(list((notebooks / "exercises").iterdir())) == 1


@pytest.mark.usefixtures("no_lectures")
def test_check_tells_a_leak_an_orphan_and_an_exercise_without_a_lecture(notebooks: Path) -> None:
    build.build(notebooks=notebooks)
    notebook = made(notebooks)
    into_notebook_metadata(notebook, SECRETS["solution"])
    store(notebooks, notebook)
    store(notebooks, made(notebooks), "09_gone.ipynb")
    (notebooks / "source" / "exercises" / "08_alone.py").write_text(SMALL)
    problems = build.check(notebooks=notebooks)
    assert "a line of the solution twice" in problems[0]
    assert any(line.startswith("08_alone exercise: there is no lecture of this name") for line in problems)
    assert any("09_gone.ipynb in exercises/ has no source" in line for line in problems)
    assert not any(
        "09_gone" in line or "08_alone" in line for line in build.check(["01"], notebooks=notebooks)
    )


@pytest.mark.usefixtures("no_lectures")
def test_the_command_builds_and_checks_exercises_too(
    notebooks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paths, "project_root", lambda: notebooks.parent)
    assert cli.main(["build", "--check"]) == 1
    assert "the notebook is missing" in capsys.readouterr().err
    assert cli.main(["build"]) == 0
    capsys.readouterr()
    assert cli.main(["build", "--check"]) == 0


def test_reading_loads_neither_numpy_nor_tensorflow() -> None:
    code = (
        "import sys; import lecture_utils.grading.source, lecture_utils.exercises; "
        "print([name for name in ('numpy', 'tensorflow', 'nbgrader', 'jupytext') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n"


def test_the_example_in_the_documentation_is_an_exercise(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = textwrap.dedent(text[text.index("   ```python\n") :].split("```")[1].removeprefix("python\n"))
    head = "# %% [markdown]\n# # Exercise 3 · Title\n\n"
    folder = workbook(tmp_path, f"{head}{code}\n# %%\nexercise.progress()\n", "03_mnist_dense")
    exercise = source.read("03", folder)
    assert exercise.points == {"softmax": 2}
    assert source.leaks(exercise, source.student_notebook(exercise)) == []
    solved = source.solution_notebook(exercise)
    assert kernels.execute(solved, folder=folder, timeout=60).failure is None
    assert all(text.endswith(": right.") for text in checks_of(solved))


# --- the exercises of the workbook --------------------------------------------------------------------------


@pytest.mark.parametrize("slug", SOURCES)
def test_each_exercise_keeps_to_the_format_and_gives_nothing_away(slug: str) -> None:
    exercise = source.read(slug)
    assert source.leaks(exercise, source.student_notebook(exercise)) == []
    assert 3 <= len(exercise.tasks) <= 6
    judge = Judge(exercise.judge_code, exercise.points, "a test's seed", slug)
    judge.files()


@pytest.mark.parametrize("slug", SOURCES)
def test_each_students_notebook_runs_and_says_that_nothing_was_attempted(slug: str, tmp_path: Path) -> None:
    exercise = source.read(slug)
    notebook = source.student_notebook(exercise)
    done = kernels.execute(
        notebook,
        folder=ROOT / "notebooks",
        environment={"LECTURE_PROGRESS": str(tmp_path / "progress.json"), "LECTURE_STILL": "1"},
        timeout=300,
    )
    assert done.failure is None
    said = checks_of(notebook)
    assert len({text.split(",")[0] for text in said}) == len(exercise.tasks)
    assert all(text.endswith(": not attempted.") for text in said), said
    words = notebook.cells[-1].outputs[0].data["text/plain"]
    assert f"The visible checks of 0 of {len(exercise.tasks)} tasks pass." in words
    assert not (tmp_path / "progress.json").exists()


@pytest.mark.parametrize("slug", SOURCES)
def test_each_stored_exercise_is_what_its_source_makes(slug: str) -> None:
    assert source.check(lectures.select([slug]), lectures.notebooks_folder(), everything=False) == []
