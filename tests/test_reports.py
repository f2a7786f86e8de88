"""Tables, pages and exports: right numbers, nothing of a student's that acts, nothing secret."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from classroom import RIGHT, FakeSandboxes, answered, hand_in, make_exercise

from lecture_utils import cli, paths
from lecture_utils.errors import LectureError
from lecture_utils.grading import exports, grade, reports, sandbox, store
from lecture_utils.grading.judging import Judge, part

EVIL = "<script>alert(1)</script>"
EVIL_NAME = '=HYPERLINK("x")<img src=x onerror=alert(1)>'


class Page(HTMLParser):
    """Collects what a page is made of, and complains about what must not be in it."""

    VOID = ("meta", "br", "img", "link", "rect")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.cells: list[int] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def page(path: Path) -> Page:
    """Read a page, and check what holds for all of them."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith('<!doctype html>\n<html lang="en">')
    made = Page(text)
    allowed = "html head meta title style body main h1 h2 p strong ul li div svg rect pre "
    assert set(made.tags) <= set(f"{allowed} table caption thead tbody tr th td".split())
    assert made.tags.count("h1") == 1
    names = {name for name, _ in made.attributes}
    assert not {name for name in names if name.startswith("on")}
    assert not names & {"src", "href", "style", "action"}
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in made.attributes
    assert ("content", "width=device-width, initial-scale=1") in made.attributes
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x1b]", text)
    return made


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = make_exercise(tmp_path)
    monkeypatch.setattr(paths, "project_root", lambda: made)
    monkeypatch.setattr(sandbox, "missing", lambda: "")
    monkeypatch.setattr(grade, "_gradebook", lambda: None)
    monkeypatch.setattr(
        grade, "_make_sandboxes", lambda exercise, judge, box: FakeSandboxes({"given.json": judge.files()})
    )
    return made


def run(root: Path, *words: str) -> Path:
    arguments = [str(root / "in"), "--exercise", "1", "--out", str(root / "out"), "--seed", "x", *words]
    assert cli.main(["grade", *arguments]) == 0
    return root / "out"


def rows(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


# --- pages --------------------------------------------------------------------------------------------------


def test_nothing_that_a_student_writes_acts_on_a_page(root: Path) -> None:
    wild = f"print({EVIL!r})\nprint('\\x1b[31m\\u202eabc\\x00')\n"
    answers = {
        "double": f"{wild}def double(x):\n    raise ValueError({EVIL!r})",
        "total": f"raise ValueError('</pre>{EVIL}')",
        "best": f"def best():\n    return {EVIL!r}",
    }
    hand_in(root / "in" / f"{EVIL_NAME.replace('/', '')}.ipynb", answered(root, **answers))
    hand_in(root / "in" / "\u202eada.ipynb", answered(root, **answers))
    (root / "in" / "<b>bob.ipynb").write_text("{")
    make_exercise(root.parent, _tolerant())
    out = run(root)
    pages = [out / "summary.html", *(out / "feedback").iterdir()]
    assert len(pages) == 4
    for path in pages:
        made = page(path)
        assert not set("<>\"'=\u202e") & set(path.name)
        assert "alert(1)" in made.words or "bob" in made.words
    with (out / "grades.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.reader(stream):
            assert not any(cell.startswith(("=", "+", "@", "\t")) for cell in row)


def _tolerant() -> str:
    """Return the exercise with a judge that tells a text as it is."""
    from classroom import SOURCE

    tells = '    if isinstance(value, str):\n        return [part(1, "a number", f"it is {value}")]\n'
    return SOURCE.replace("    if value == 13:", f"{tells}    if value == 13:")


def test_a_student_reads_what_was_looked_at_and_what_is_wrong(root: Path) -> None:
    answers = {
        "double": "print('my note')\ndef double(x):\n    return x",
        "total": "def total(x):\n    raise NotImplementedError",
        "total_2": "def mean(x):\n    raise NotImplementedError",
        "best": None,
    }
    hand_in(root / "in" / "ada.ipynb", answered(root, **answers))
    words = page(run(root) / "feedback" / "ada.html").words
    assert "0 of 6 points" in words
    assert "Task 1 · Twice: 0 of 2 points" in words
    assert "an array" in words
    assert "my note" in words
    assert "You have not answered this task." in words
    assert (
        "Your answer to this task could not be found. (the answer cell 'best' is not in the notebook)"
        in words
    )


def test_no_input_and_no_expected_value_is_told(root: Path) -> None:
    greedy = (
        "def double(x):\n    print('I saw', x)\n    raise ValueError(f'got {x} and {np.asarray(x).tolist()}')"
    )
    hand_in(root / "in" / "ada.ipynb", answered(root, double=greedy, total="def total(x):\n    return 5.0"))
    out = run(root)
    from lecture_utils.grading import source

    exercise = source.read("1", root / "notebooks")
    judge = Judge(exercise.judge_code, exercise.points, "x", exercise.slug)
    numbers = [*judge.given["double"]["x"], *judge.given["total"]["x"]]
    numbers += [judge.given["total"]["x"].sum(), judge.given["total"]["x"].mean()]
    text = (out / "feedback" / "ada.html").read_text()
    assert "ValueError: got" in text
    assert "I saw" not in text
    for number in numbers:
        for digits in (5, 8):
            assert f"{abs(number):.{digits}f}"[:-1] not in text
    assert "emit(" not in text


def test_a_long_output_is_cut(root: Path) -> None:
    hand_in(
        root / "in" / "ada.ipynb",
        answered(root, double="for i in range(999): print('line', i)\n" + RIGHT["double"]),
    )
    words = page(run(root) / "feedback" / "ada.html").words
    assert "line 59" in words
    assert "line 60" not in words
    assert "[...]" in words


def test_the_rule_for_late_submissions_is_explained(root: Path) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root), 1_800_000_000)
    hand_in(root / "in" / "bob.ipynb", answered(root), 1_799_000_000)
    out = run(root, "--due", "2027-01-14T08:00+00:00", "--penalty", "10%/day up to 50%")
    words = page(out / "feedback" / "ada.html").words
    assert (
        "Handed in 2027-01-15 08:00 UTC (according to the file's time), due 2027-01-14 08:00 UTC: 1 day late"
        in words
    )
    assert "10 % of the points that can be had for each day that has begun, at most 50 %" in words
    assert "6 − 0.6 = 5.4 points" in words
    assert "5.4 of 6 points" in words
    assert "in time" in page(out / "feedback" / "bob.html").words


def test_feedback_is_withheld_and_taken_back(root: Path) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root))
    out = run(root)
    assert [path.name for path in (out / "feedback").iterdir()] == ["ada.html"]
    run(root, "--no-feedback")
    assert list((out / "feedback").iterdir()) == []


def test_the_rejected_are_told_why(root: Path) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root))
    (root / "in" / "bob.ipynb").write_text("{")
    words = page(run(root) / "feedback" / "bob.html").words
    assert "could not be graded: it is not a notebook (not valid JSON)" in words
    assert "0 of 6 points" in words


def test_the_summary_shows_troubles_first_and_the_shares_of_each_task(root: Path) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root))
    hand_in(root / "in" / "bob.ipynb", answered(root, total_2="def mean(x):\n    return 0.0", best=None))
    twice = "def double(x):\n    _inside.emit('double', 'one', lambda: x)\n    return 2 * x"
    hand_in(root / "in" / "eve.ipynb", answered(root, double=twice))
    (root / "in" / "cy.ipynb").write_text("{")
    out = run(root)
    made = page(out / "summary.html")
    words = made.words
    assert words.index("Rejected") < words.index("Worth a look") < words.index("How the tasks went")
    assert "eve, task 1: a value was handed out twice" in words
    assert "3 graded; mean 5.00, median 5.00 of 6 points" in words
    labels = [value for name, value in made.attributes if name == "aria-label" and value and "Task" in value]
    assert labels == [
        "Task 1: 2 right, 1 partly, 0 wrong, 0 no answer",
        "Task 2: 2 right, 1 partly, 0 wrong, 0 no answer",
        "Task 3: 2 right, 0 partly, 0 wrong, 1 no answer",
    ]


# --- the leaderboard ----------------------------------------------------------------------------------------


def test_the_leaderboard_ranks_by_score_and_ties_share_a_place(root: Path) -> None:
    for student, score in (("ada", 0.75), ("bob", 0.9), ("cy", 0.75), ("dan", 0.6)):
        hand_in(root / "in" / f"{student}.ipynb", answered(root, best=f"def best():\n    return {score}"))
    hand_in(root / "in" / "eve.ipynb", answered(root, best="def best():\n    return 'much'[0:0] or [][1]"))
    out = run(root, "--rank")
    expected = [
        ["1", "bob", "", "0.9"],
        ["2", "ada", "", "0.75"],
        ["2", "cy", "", "0.75"],
        ["4", "dan", "", "0.6"],
    ]
    assert rows(out / "leaderboard.csv") == [["rank", "student", "name", "score"], *expected]
    assert "eve" not in page(out / "leaderboard.html").words
    assert "place 2 of 4" in page(out / "feedback" / "cy.html").words
    assert "place" not in page(run(root) / "feedback" / "cy.html").words


def test_without_scores_there_is_no_leaderboard(root: Path) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root))
    out = run(root)
    assert (out / "leaderboard.csv").exists()
    (root / "in" / "ada.ipynb").unlink()
    hand_in(root / "in" / "ada.ipynb", answered(root, best=None))
    run(root)
    assert not (out / "leaderboard.csv").exists()
    assert not (out / "leaderboard.html").exists()


def test_a_score_is_a_finite_number() -> None:
    assert part(1, "x", None, score=0.5).score == 0.5
    assert part(1, "x", None).score is None
    for score in (float("nan"), float("inf"), -float("inf")):
        assert part(1, "x", None, score=score).score is None


# --- CSV and exports ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "  =1", "\n=1", "\r=1"])
def test_no_text_becomes_a_formula(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.csv"
    reports.write_csv(path, [[text, "fine", 1.5, -2, None, 'a,"b"']])
    ((cell, *others),) = rows(path)
    assert cell.startswith("'")
    assert others == ["fine", "1.5", "-2", "", 'a,"b"']


def test_the_mark_for_spreadsheets_is_written_where_it_is_wanted(root: Path) -> None:
    hand_in(root / "in" / "zoé.ipynb", answered(root))
    out = run(root)
    assert not (out / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    run(root, "--bom")
    assert (out / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert rows(out / "grades.csv")[1][0] == "zoé"


def test_exports_have_the_columns_that_the_systems_import(root: Path) -> None:
    hand_in(root / "in" / "Ada King_12345_assignsubmission_file_" / "x.ipynb", answered(root))
    hand_in(root / "in" / "Bob_7_assignsubmission_file_" / "x.ipynb", answered(root, best=None))
    (root / "in" / "Cy_8_assignsubmission_file_").mkdir()
    (root / "in" / "Cy_8_assignsubmission_file_" / "x.ipynb").write_text("{")
    (root / "r.csv").write_text("student,name,identifier,email\nada,Ada King,12345,ada@x.org\nzoe,Zoe,9,\n")
    out = run(
        root, "--students", str(root / "r.csv"), "--export", "moodle", "--export", "canvas", "--export", "csv"
    )
    moodle = rows(out / "export-moodle.csv")
    # What mod/assign/feedback/offline/importgradeslib.php of Moodle looks for.
    last = "Last modified (grade)"
    assert moodle[0] == ["Identifier", "Full name", "Email address", "Grade", last, "Feedback comments"]
    assert moodle[1] == [
        "Participant 12345",
        "Ada King",
        "ada@x.org",
        "6",
        "",
        "Task 1: 2 of 2; Task 2: 3 of 3; Task 3: 1 of 1",
    ]
    assert moodle[3][3:] == ["0", "", "Not graded as handed in: it is not a notebook (not valid JSON)."]
    assert len(moodle) == 4  # zoe handed nothing in: no mark is made up for her
    canvas = rows(out / "export-canvas.csv")
    assert canvas[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "01 A toy"]
    assert canvas[1] == ["Points Possible", "", "", "", "", "6"]
    assert canvas[2] == ["Ada King", "12345", "", "", "", "6"]
    assert rows(out / "export-csv.csv")[1] == ["ada", "Ada King", "ada@x.org", "6", "6"]
    run(root, "--export", "canvas", "--assignment", "Toy (99)")
    assert rows(out / "export-canvas.csv")[0][5] == "Toy (99)"
    assert not (out / "export-moodle.csv").exists()


def test_what_could_not_be_graded_is_not_exported() -> None:
    task = {"name": "a", "number": 1, "title": "A", "points": 2}
    row: dict[str, Any] = {
        "student": "ada", "name": "", "number": "", "email": "", "sis": "", "section": "", "final": None,
        "status": "not graded", "penalty": 0, "max": 2, "tasks": {"a": {"points": None}},
    }  # fmt: skip
    table = reports.Table({"slug": "01_toy", "title": "A toy"}, [task], {}, {}, [row], [])
    for form in exports.FORMS.values():
        assert not any("ada" in line for line in form(table))


# --- the table on the disk ----------------------------------------------------------------------------------


def test_a_damaged_table_is_one_line(root: Path) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root))
    out = run(root)
    assert isinstance(reports.read_table(out), reports.Table)
    (out / "grades.json").write_text('{"version": 1, "rows": []}')
    with pytest.raises(LectureError, match="delete it and grade again"):
        reports.read_table(out)


def test_the_results_explain_themselves(root: Path) -> None:
    hand_in(root / "in" / "ada.ipynb", answered(root))
    out = run(root, "--export", "csv")
    text = (out / store.README).read_text()
    assert "lecture grade --forget" in text
    for path in out.iterdir():
        name = path.name
        known = (
            name in text
            or f"{name}/" in text
            or name.startswith(("export-", ".lock", "README", "leaderboard"))
        )
        assert known, name
    assert json.loads((out / "grades.json").read_text())["rows"][0]["student"] == "ada"
