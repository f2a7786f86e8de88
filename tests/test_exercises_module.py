"""What students meet: checks that are remembered, progress that is honest, solutions after an attempt."""

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from toy import make_toy

from lecture_utils import cli, exercises, kernels, paths
from lecture_utils.checks import Result
from lecture_utils.errors import LectureError
from lecture_utils.exercises import Exercise, each, preview

TODAY = datetime.date.today().isoformat()


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of the progress."""
    path = tmp_path / "progress.json"
    monkeypatch.setenv("LECTURE_PROGRESS", str(path))
    monkeypatch.delenv("LECTURE_SOLUTIONS", raising=False)
    return path


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workbook with one exercise, which the package takes for its own."""
    notebooks = make_toy(tmp_path)
    monkeypatch.setattr(paths, "project_root", lambda: notebooks.parent)
    return notebooks.parent


def fresh() -> Exercise:
    return Exercise("01_toy", double=2, mean=3, slow=1)


def unanswered() -> Any:
    raise NotImplementedError


def right(exercise: Exercise, task: str = "double") -> Result:
    return exercise.check(task, lambda: 1, 1, hint="Think.")


def wrong(exercise: Exercise, task: str = "double", value: int = 2) -> Result:
    """Give a wrong answer; each value makes another function."""
    space: dict[str, Any] = {}
    exec(f"def answer(x):\n    return x + {value}\ncall = lambda: answer(1)", space)
    return exercise.check(task, space["call"], -5, hint="Think.")


def states(exercise: Exercise) -> list[tuple[str, str]]:
    return [(row.present, row.best) for row in exercise.progress().rows]


def stored(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text())["exercises"]["01_toy"]


# --- checks -------------------------------------------------------------------------------------------------


def test_a_check_names_the_task_its_number_and_its_points(capsys: pytest.CaptureFixture[str]) -> None:
    exercise = Exercise("01_toy", double=2, of_the_mean=1, half=1.5)
    assert right(exercise) is Result.RIGHT
    assert wrong(exercise, "of_the_mean") is Result.WRONG
    assert exercise.check("half", unanswered, 1, hint="Think.") is Result.NOT_ATTEMPTED
    said = capsys.readouterr().out.splitlines()
    assert "Task 1, double (2 points): right." in said[0]
    assert "Task 2, of the mean (1 point): wrong." in said[1]
    assert said[1].endswith("Hint: Think.")
    assert "Task 3, half (1.5 points): not attempted." in said[2]


def test_tolerances_are_passed_on() -> None:
    exercise = fresh()
    assert exercise.check("mean", lambda: 1.05, 1.0, hint="Think.") is Result.WRONG
    assert exercise.check("mean", lambda: 1.05, 1.0, hint="Think.", atol=0.1) is Result.RIGHT
    assert exercise.check("mean", lambda: 1.05, 1.0, hint="Think.", rtol=0.1) is Result.RIGHT


def test_a_task_that_there_is_not_is_told() -> None:
    with pytest.raises(LectureError, match="no task 'duoble'; it has double, mean, slow"):
        right(fresh(), "duoble")


def test_making_an_exercise_touches_no_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert repr(fresh()) == "<exercise 01_toy: 3 tasks, 6 points>"
    assert capsys.readouterr().out == ""
    assert not file.exists()
    assert not file.with_name("progress.json.lock").exists()


def test_an_exercise_can_be_made_where_there_is_no_project_and_nothing_may_be_written(tmp_path: Path) -> None:
    code = (
        "import os, builtins\n"
        "from lecture_utils.exercises import Exercise\n"
        "def refuse(*given, **settings):\n    raise PermissionError(13, 'no')\n"
        "builtins.open = os.open = os.mkdir = os.stat = refuse\n"
        "exercise = Exercise('03_x', a=1, b=2)\n"
        "del exercise\n"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- progress -----------------------------------------------------------------------------------------------


def test_progress_tells_now_and_best_for_each_task() -> None:
    exercise = fresh()
    assert states(exercise) == [("not checked yet", "not attempted")] * 3
    right(exercise)
    wrong(exercise, "mean")
    exercise.check("slow", unanswered, 1, hint="Think.")
    day = exercises._day(TODAY)
    assert states(exercise) == [
        ("\N{HEAVY CHECK MARK} right", f"right ({day})"),
        ("\N{HEAVY BALLOT X} wrong", "wrong"),
        ("\N{WHITE CIRCLE} not attempted", "not attempted"),
    ]
    wrong(exercise)
    assert states(exercise)[0] == ("\N{HEAVY BALLOT X} wrong", f"right ({day})")


def test_progress_lasts_across_sessions_and_says_what_was_not_checked_in_this_one(file: Path) -> None:
    exercise = fresh()
    right(exercise)
    wrong(exercise, "mean")
    content = json.loads(file.read_text())
    year = datetime.date.today().year
    content["exercises"]["01_toy"]["double"]["right"] = f"{year}-05-03"
    file.write_text(json.dumps(content))
    assert states(fresh()) == [
        ("right on 3 May, not checked in this session", "right (3 May)"),
        ("not checked in this session", "wrong"),
        ("not checked yet", "not attempted"),
    ]
    assert "The visible checks of 0 of 3 tasks pass. 1 more was right before" in str(fresh().progress())
    content["exercises"]["01_toy"]["double"]["right"] = "2021-12-24"
    file.write_text(json.dumps(content))
    assert states(fresh())[0][1] == "right (24 December 2021)"


def test_what_is_right_now_is_not_counted_as_before() -> None:
    exercise = fresh()
    right(exercise)
    right(exercise, "mean")
    assert "more" not in str(exercise.progress()).split("Marks")[0]
    again = fresh()
    right(again)
    assert "The visible checks of 1 of 3 tasks pass. 1 more was right before" in str(again.progress())


def test_progress_speaks_of_visible_checks_and_never_of_full_marks() -> None:
    exercise = fresh()
    for task in exercise.points:
        right(exercise, task)
    for text in (str(exercise.progress()), exercise.progress()._repr_html_()):
        assert "The visible checks of 3 of 3 tasks pass." in text
        assert "hidden checks" in text
        assert "full marks" not in text.lower()


class _Table(HTMLParser):
    """Collects what a screen reader goes by: the caption, scopes of headings, and balanced tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scopes: list[str | None] = []
        self.captions = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.captions += tag == "caption"
        if tag == "th":
            self.scopes.append(dict(attributes).get("scope"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_table_has_a_caption_and_headings_for_rows_and_columns() -> None:
    exercise = Exercise("01_toy", **{"a_b": 1, "<c>": 2})
    text = exercise.progress()._repr_html_()
    table = _Table(text)
    assert table.open == []
    assert table.captions == 1
    assert table.scopes == ["col"] * 3 + ["row"] * 2
    assert "<c>" not in text
    assert "&lt;c&gt;" in text
    assert "color" not in text


def test_the_text_is_aligned() -> None:
    exercise = fresh()
    right(exercise)
    head, rule, *rows, words = str(exercise.progress()).splitlines()
    assert head.split() == ["task", "now", "best", "so", "far"]
    assert set(rule) == {"-", " "}
    assert (
        len(
            {
                row.index(state)
                for row, state in zip(rows, ("\N{HEAVY CHECK MARK}", "not", "not"), strict=True)
            }
        )
        == 1
    )
    assert words.startswith("The visible checks of 1 of 3 tasks pass.")


def run_cells(tmp_path: Path, *codes: str) -> list[str]:
    """Run code cells in a kernel, and return the text that each showed."""
    setup = "from lecture_utils.exercises import Exercise\nexercise = Exercise('01_toy', double=2, mean=3)"
    cells = [nbformat.v4.new_code_cell(code) for code in (setup, *codes)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    environment = {"LECTURE_PROGRESS": str(tmp_path / "progress.json")}
    assert kernels.execute(notebook, folder=tmp_path, environment=environment, timeout=60).failure is None
    return [
        "".join(output.get("text", "") or output.data["text/plain"] for output in cell.outputs)
        for cell in notebook.cells[1:]
    ]


def test_several_checks_in_one_cell_count_as_one(tmp_path: Path, file: Path) -> None:
    check = "exercise.check('double', lambda: twice({0}), {1}, hint='Think.')\n"
    both = check.format(1, 2) + check.format(2, 4)
    first, second, third, _, last = (
        "def twice(x): return x + 1\n" + both,  # right, then wrong
        "def twice(x): return x + 2\n" + both,  # wrong, then right
        "def twice(x): return 2 * x\n" + both,
        "exercise.check('mean', lambda: 3, 3, hint='Think.')",
        "exercise.progress()",
    )
    said = run_cells(tmp_path, first, last, second, last, third, last, first, last)
    assert "double (2 points): right." in said[0]
    assert [line.split()[5] for text in said[1::2] for line in text.splitlines()[2:3]] == [
        "\N{HEAVY BALLOT X}",
        "\N{HEAVY BALLOT X}",
        "\N{HEAVY CHECK MARK}",
        "\N{HEAVY BALLOT X}",
    ]
    assert "not attempted" not in said[1].splitlines()[2]
    assert said[1].splitlines()[2].endswith("wrong")  # a half was right, but never the whole
    assert said[3].splitlines()[2].endswith("wrong")
    assert f"right ({exercises._day(TODAY)})" in said[7].splitlines()[2]  # it was right in between
    assert len(stored(file)["double"]["tries"]) == 2


def test_one_run_of_a_cell_is_one_try_and_right_only_to_its_end(tmp_path: Path, file: Path) -> None:
    check = "exercise.check('double', lambda: {0}(1), 1, hint='Think.')\n"
    codes = "def one(x): return x\ndef two(x): return 2\ndef three(x): return 3\n"
    run_cells(tmp_path, codes + check.format("two") + check.format("three"))
    assert len(stored(file)["double"]["tries"]) == 1
    run_cells(tmp_path, codes + check.format("one") + check.format("one") + check.format("three"))
    assert stored(file)["double"]["right"] == ""
    assert len(stored(file)["double"]["tries"]) == 2


def test_an_answer_that_is_half_right_does_not_take_back_what_was_right_before(
    tmp_path: Path, file: Path
) -> None:
    fresh().check("double", lambda: 1, 1, hint="Think.")
    content = json.loads(file.read_text())
    content["exercises"]["01_toy"]["double"]["right"] = "2021-12-24"
    file.write_text(json.dumps(content))
    check = "exercise.check('double', lambda: {0}, 1, hint='Think.')\n"
    run_cells(tmp_path, check.format(1) + check.format(2))
    assert stored(file)["double"]["right"] == "2021-12-24"


# --- the file -----------------------------------------------------------------------------------------------


def test_only_what_was_answered_is_stored(file: Path) -> None:
    exercise = fresh()
    exercise.check("slow", unanswered, 1, hint="Think.")
    assert not file.exists()
    right(exercise)
    wrong(exercise, "mean")
    assert stored(file)["double"] == {"right": TODAY, "tries": []}
    assert stored(file)["mean"]["right"] == ""
    assert len(stored(file)["mean"]["tries"]) == 1


def test_other_exercises_are_left_as_they_are(file: Path) -> None:
    right(Exercise("02_other", double=1))
    right(fresh())
    assert set(json.loads(file.read_text())["exercises"]) == {"01_toy", "02_other"}


def test_what_did_not_change_is_not_written(file: Path) -> None:
    right(fresh())
    os.utime(file, (1, 1))
    right(fresh())
    assert file.stat().st_mtime == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{ half",
        b"[]",
        b"\xff\xfe",
        b'{"version": 2, "exercises": {}}',
        b'{"version": 1, "exercises": []}',
        b'{"version": 1, "exercises": {"01_toy": {"double": {"right": 3, "tries": []}}}}',
        b'{"version": 1, "exercises": {"01_toy": {"double": {"right": "soon", "tries": []}}}}',
        b'{"version": 1, "exercises": {"01_toy": {"double": {"right": "", "tries": [1]}}}}',
        b'{"version": 1, "exercises": {"01_toy": {"double": []}}}',
    ],
)
def test_a_damaged_file_is_put_aside_with_a_line(
    file: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(content)
    exercise = fresh()
    exercise.progress()
    exercise.progress()
    (line,) = capsys.readouterr().out.splitlines()
    assert "is damaged" in line
    assert file.read_bytes() == content
    right(exercise)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2
    assert "put aside as progress.damaged.json, and a new one begins." in said[1]
    assert file.with_name("progress.damaged.json").read_bytes() == content
    assert states(fresh())[0][1] == f"right ({exercises._day(TODAY)})"


def full(path: Path, write: Callable[..., None]) -> None:
    raise LectureError(f"cannot write {path}: No space left on device. Free some space.")


@pytest.mark.parametrize("trouble", ["full", "no folder", "read-only", "held", "a folder"])
def test_a_file_that_cannot_be_written_is_one_line_and_stops_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trouble: str
) -> None:
    expected = {"held": "another program holds"}.get(trouble, "lasts as long as this session")
    if trouble == "full":
        monkeypatch.setattr(paths, "atomic_write", full)
    elif trouble == "no folder":
        file.write_text("a file where a folder should be")
        monkeypatch.setenv("LECTURE_PROGRESS", str(file / "deep" / "progress.json"))
    elif trouble == "a folder":
        file.mkdir()
    elif trouble == "read-only":

        def refuse(*given: Any, **settings: Any) -> int:
            raise PermissionError(13, "Permission denied", given[0])

        monkeypatch.setattr("os.open", refuse)
    else:
        from filelock import FileLock

        monkeypatch.setattr(exercises, "LOCK_SECONDS", 0.1)
        lock = FileLock(file.with_name("progress.json.lock"))
        lock.acquire()
    exercise = fresh()
    assert right(exercise) is Result.RIGHT
    assert wrong(exercise, "mean") is Result.WRONG
    assert states(exercise)[0] == ("\N{HEAVY CHECK MARK} right", f"right ({exercises._day(TODAY)})")
    notes = [line for line in capsys.readouterr().out.splitlines() if "Task" not in line]
    assert 1 <= len(notes) <= 2
    assert "progress" in notes[0]
    assert any(expected in note for note in notes), notes
    assert len(set(notes)) == len(notes)


def test_several_notebooks_may_write_at_once(file: Path) -> None:
    code = (
        "import sys; from lecture_utils.exercises import Exercise\n"
        "exercise = Exercise('01_toy', **{f't{i}': 1 for i in range(40)})\n"
        "for i in range(int(sys.argv[1]), 40, 4):\n"
        "    exercise.check(f't{i}', lambda: 1, 1, hint='Think.')\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(i)], stdout=subprocess.DEVNULL) for i in range(4)
    ]
    assert [process.wait(timeout=120) for process in running] == [0] * 4
    assert len(stored(file)) == 40


def test_importing_is_light() -> None:
    code = (
        "import sys; import lecture_utils.exercises; print([name for name in "
        "('numpy', 'tensorflow', 'nbformat', 'jupytext', 'nbgrader', 'IPython') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n"


# --- telling answers apart ----------------------------------------------------------------------------------


def fingerprint(code: str, call: str = "lambda: answer(1)") -> str:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(code, space)
    return exercises._fingerprint(eval(call, space))


ANSWER = "def helper(x):\n    return x + 1\ndef answer(x):\n    return 2 * helper(x)\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2 *", "3 *"),
        ("x + 1", "x - 1"),
        ("2 * helper(x)", "helper(x)"),
        ("def answer(x):", "def answer(x, y=3):"),
    ],
)
def test_another_answer_is_another_try(old: str, new: str) -> None:
    assert fingerprint(ANSWER.replace(old, new)) != fingerprint(ANSWER)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return 2", "    # think\n\n    return 2"),
        ("    return 2", '    """Say something."""\n    return 2'),
        ("return x + 1", "return (x  +  1)"),
        ("(x)", "(y)"),
    ],
)
def test_the_same_answer_written_otherwise_is_no_new_try(old: str, new: str) -> None:
    changed = ANSWER.replace(old, new)
    if old == "(x)":
        changed = ANSWER.replace("x", "y")
    assert changed != ANSWER
    assert fingerprint(changed) == fingerprint(ANSWER)


def test_the_checks_own_lambda_is_not_the_answer() -> None:
    assert fingerprint(ANSWER, "lambda: answer(1)") == fingerprint(ANSWER, "lambda: [answer(2), answer(3)]")


def test_answers_of_every_kind_can_be_told_apart() -> None:
    assert fingerprint("answer = 3", "lambda: answer") != fingerprint("answer = 4", "lambda: answer")
    one, other = "class A:\n    def f(self): return 1\n", "class A:\n    def f(self): return 2\n"
    assert fingerprint(one, "lambda: A().f()") != fingerprint(other, "lambda: A().f()")
    one, other = "def g(): return 1\ndef f(): return 1\n", "def g(): return 1\ndef f(): return 2\n"
    for call in ("lambda: g() + f()", "lambda: [f() for _ in (1, 2)]", "lambda: (lambda: f())()"):
        assert fingerprint(one, call) != fingerprint(other, call)
    assert fingerprint("def answer(): return answer() + 1", "answer") != fingerprint(
        "def answer(): return 1", "answer"
    )
    assert isinstance(exercises._fingerprint(len), str)  # type: ignore[arg-type]


# --- solutions ----------------------------------------------------------------------------------------------

SOLUTION = '''\
def double(x):
    """Return 2 x."""
    return 2 * np.asarray(x)
'''


def shown(exercise: Exercise, capsys: pytest.CaptureFixture[str], task: str = "double") -> str:
    capsys.readouterr()
    exercise.solution(task)
    return capsys.readouterr().out


@pytest.mark.usefixtures("checkout")
def test_a_solution_opens_after_a_right_answer(capsys: pytest.CaptureFixture[str]) -> None:
    exercise = fresh()
    assert "Not yet: the solution of double opens when its check was right" in shown(exercise, capsys)
    right(exercise)
    assert shown(exercise, capsys) == SOLUTION
    assert shown(fresh(), capsys) == SOLUTION
    assert shown(fresh(), capsys, "mean").startswith("Not yet")


@pytest.mark.usefixtures("checkout")
def test_a_solution_opens_after_three_different_wrong_answers(capsys: pytest.CaptureFixture[str]) -> None:
    exercise = fresh()
    for _ in range(5):
        wrong(exercise, value=7)
        exercise.check("double", unanswered, 1, hint="Think.")
    assert shown(exercise, capsys).endswith("So far you tried 1.\n")
    wrong(fresh(), value=8)
    assert shown(fresh(), capsys).endswith("So far you tried 2.\n")
    wrong(exercise, value=9)
    assert shown(exercise, capsys) == SOLUTION


@pytest.mark.usefixtures("checkout")
def test_an_attempt_counts_in_this_session_even_where_nothing_can_be_stored(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paths, "atomic_write", full)
    exercise = fresh()
    right(exercise)
    assert shown(exercise, capsys) == SOLUTION
    for value in (1, 2, 3):
        wrong(exercise, "mean", value)
    assert "def mean" in shown(exercise, capsys, "mean")


def test_the_instructor_decides(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exercise = fresh()
    settings = checkout / "pyproject.toml"
    settings.write_text('[tool.lecture]\nsolutions = "always"\n')
    assert shown(exercise, capsys) == SOLUTION
    settings.write_text('[tool.lecture]\nsolutions = "never"\n')
    right(exercise)
    assert "keeps the solutions closed" in shown(exercise, capsys)
    monkeypatch.setenv("LECTURE_SOLUTIONS", "after-attempt")
    assert shown(exercise, capsys) == SOLUTION
    assert shown(exercise, capsys, "mean").startswith("Not yet")
    monkeypatch.setenv("LECTURE_SOLUTIONS", "always")
    assert "def mean(x)" in shown(exercise, capsys, "mean")
    monkeypatch.setenv("LECTURE_SOLUTIONS", "sometimes")
    assert shown(exercise, capsys).startswith("LECTURE_SOLUTIONS must be one of after-attempt, never, always")
    monkeypatch.delenv("LECTURE_SOLUTIONS")
    for text in ('[tool.lecture]\nsolutions = "perhaps"\n', "[tool.lecture\n"):
        settings.write_text(text)
        assert "pyproject.toml" in shown(exercise, capsys)
        assert "return" not in shown(exercise, capsys)


def test_the_setting_of_the_workbook_is_after_an_attempt() -> None:
    assert exercises.rule() == "after-attempt"


def test_where_the_sources_were_not_given_out_it_is_said(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exercise = fresh()
    right(exercise)
    (checkout / "notebooks/source/exercises/01_toy.py").unlink()
    assert "The solutions are not here" in shown(exercise, capsys)
    assert len(shown(exercise, capsys).splitlines()) == 1


@pytest.mark.usefixtures("checkout")
def test_a_wrong_name_or_a_missing_package_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exercise = fresh()
    assert "no task 'duoble'; it has" in shown(exercise, capsys, "duoble")
    right(exercise)
    monkeypatch.setitem(sys.modules, "nbgrader.preprocessors", None)
    assert "without the package nbgrader" in shown(exercise, capsys)


@pytest.mark.usefixtures("checkout")
def test_the_command_shows_a_solution_by_the_same_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["solution", "01", "double"]) == 1
    assert capsys.readouterr().err.startswith("lecture: Not yet: the solution of double opens when")
    right(fresh())
    capsys.readouterr()
    assert cli.main(["solution", "toy", "double"]) == 0
    assert capsys.readouterr().out == SOLUTION
    assert cli.main(["solution", "1", "1"]) == 0
    assert capsys.readouterr().out == SOLUTION
    assert cli.main(["solution", "01", "triple"]) == 1
    assert "it has double, mean, slow" in capsys.readouterr().err
    assert cli.main(["solution", "05", "double"]) == 1
    assert "no exercise '05'" in capsys.readouterr().err


def test_each_tells_of_the_first_wrong_value_and_gives_its_advice() -> None:
    expected = each(("the sum", 3.0, "Add."), ("the list", [1, 2], "Count."), ("the word", lambda w: w, ""))
    assert expected([3, [1, 2], ""]) is True
    assert (
        expected([3, [1, 3], "wrong"]) == "1 of 2 values of the list differ, the first at index [1]. Count."
    )
    assert expected([3, [1, 2], "it rhymes"]) == "it rhymes"


def test_preview_shows_a_figure_or_says_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    def blank() -> None:
        raise NotImplementedError

    def broken() -> None:
        raise ValueError("two\nlines")

    for show in (blank, broken, lambda: None):
        preview(show)
    assert capsys.readouterr().out.splitlines() == [
        "Nothing to show yet: it appears here when the task above is done.",
        "Nothing to show yet: ValueError: two lines",
    ]


def test_preview_hands_a_figure_on_with_its_alt_text(monkeypatch: pytest.MonkeyPatch) -> None:
    from lecture_utils import plots

    shown = []
    monkeypatch.setattr(plots, "show", lambda figure, *, alt: shown.append((figure, alt)))
    preview(lambda: "figure", alt="a line")
    assert shown == [("figure", "a line")]
