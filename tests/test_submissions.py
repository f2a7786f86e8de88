"""Submissions: what is found, whose it is, what is taken from a notebook, and what is rejected in words."""

import datetime
import io
import json
import os
import stat
import struct
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lecture_utils.errors import LectureError
from lecture_utils.grading import submissions
from lecture_utils.grading.submissions import (
    Person,
    Roster,
    collect,
    file_names,
    late_days,
    read_answers,
    read_penalty,
    read_roster,
    read_time,
    read_times,
    safe_name,
    shown,
)

SLUG = "03_mnist_dense"
IDS = ["neuron", "softmax"]
REASON = "it is not a notebook"


def cell(grade_id: Any, source: Any = "x = 1", kind: str = "code", **about: Any) -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {"nbgrader": {"grade_id": grade_id, **about}}, "source": source}


def notebook(*cells: Any, **more: Any) -> bytes:
    return json.dumps({"cells": list(cells), "nbformat": 4, "metadata": {}, **more}).encode()


GOOD = notebook(cell("neuron", "a = 1"), cell("softmax", ["b = 2\n", "c = 3"]))


def found(path: Path, **more: Any) -> submissions.Collected:
    return collect(path, SLUG, IDS, **more)


def students(collected: submissions.Collected) -> list[str]:
    return sorted(each.student for each in collected.submissions)


def reasons(collected: submissions.Collected) -> dict[str, str]:
    return {each.file: each.why for each in collected.rejected}


def folder_of(root: Path, *names: str, data: bytes = GOOD) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def zip_of(path: Path, *entries: tuple[Any, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


# --- what is taken from a notebook --------------------------------------------------------------------------


def test_only_the_text_of_the_answer_cells_is_taken() -> None:
    data = notebook(
        cell("neuron", "a = 1", points=100, grade=True),
        cell("softmax", ["b = 2\n", "c = 3"]),
        cell("neuron-test", "assert True"),
        {"cell_type": "code", "metadata": {}, "source": "own", "outputs": [{"text": "100 points"}]},
    )
    assert read_answers(data, IDS, SLUG) == ({"neuron": "a = 1", "softmax": "b = 2\nc = 3"}, {})


def test_a_missing_and_a_duplicate_id_cost_that_task_only() -> None:
    answers, flaws = read_answers(notebook(cell("softmax"), cell("softmax")), IDS, SLUG)
    assert answers == {}
    assert {name: flaw.state for name, flaw in flaws.items()} == {
        "neuron": "missing",
        "softmax": "duplicate",
    }
    assert "2 times" in flaws["softmax"].words


@pytest.mark.parametrize(
    "broken",
    [
        cell("neuron", kind="markdown"),
        cell("neuron", 7),
        cell("neuron", ["a", 7]),
        cell("neuron", None),
        cell("neuron", "x" * 200_001),
        cell("neuron", "é" * 100_001),
        cell(["neuron"]),
    ],
)
def test_an_answer_of_the_wrong_kind_is_missing(broken: dict[str, Any]) -> None:
    answers, flaws = read_answers(notebook(broken, cell("softmax", "b")), IDS, SLUG)
    assert answers == {"softmax": "b"}
    assert flaws["neuron"].state == "missing"


def test_a_markdown_copy_of_an_answer_makes_it_a_duplicate() -> None:
    _, flaws = read_answers(notebook(cell("neuron"), cell("neuron", kind="markdown")), IDS, SLUG)
    assert flaws["neuron"].state == "duplicate"


def test_no_text_can_break_what_follows() -> None:
    wild = "a\0b \ud800 \udc00\r\nc\rd \U0001f600 \u202e"
    answers, _ = read_answers(notebook(cell("neuron", wild)), IDS, SLUG)
    text = answers["neuron"]
    assert "\0" not in text
    assert text.encode("utf-8")
    assert text.count("\n") == 2
    assert "\U0001f600" in text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"   \n", "it is empty"),
        (b"hello", REASON),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[1, 2]", "no list of cells"),
        (b'{"cells": 3}', "no list of cells"),
        (b'{"worksheets": [{"cells": []}], "nbformat": 3}', "format 4"),
        (b'{"cells": ' + b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b'{"cells": [' + b"9" * 10_000 + b"]}", "not valid JSON"),
        (notebook(), "holds no answer cells"),
        (notebook("text", None, 7, {"metadata": 3}, {"metadata": {"nbgrader": []}}), "holds no answer cells"),
        (notebook(cell("other"), cell("another")), "of another exercise"),
    ],
)
def test_what_is_no_notebook_of_this_exercise_is_rejected_in_a_line(data: bytes, reason: str) -> None:
    with pytest.raises(LectureError, match=reason) as caught:
        read_answers(data, IDS, SLUG)
    assert "\n" not in str(caught.value)


def test_a_notebook_that_says_it_is_of_another_exercise_is_believed_where_answers_are_missing() -> None:
    says = {"metadata": {"lecture": {"exercise": "01_forward"}}}
    with pytest.raises(LectureError, match="of another exercise"):
        read_answers(notebook(cell("softmax"), **says), IDS, SLUG)
    answers, _ = read_answers(notebook(cell("softmax"), cell("neuron"), **says), IDS, SLUG)
    assert len(answers) == 2  # metadata that somebody changed costs nothing


# --- a folder -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["ada.ipynb", "03_mnist_dense_bob.ipynb", "cy-03_mnist_dense.ipynb"], ["ada", "bob", "cy"]),
        (["ada/03_mnist_dense.ipynb", "bob/whatever.ipynb"], ["ada", "bob"]),
        (["ada/03_mnist_dense/03_mnist_dense.ipynb", "bob/03_mnist_dense/x.ipynb"], ["ada", "bob"]),
        (["submitted/ada/03_mnist_dense/x.ipynb", "source/03_mnist_dense/x.ipynb"], ["ada"]),
        (["03_mnist_dense/ada/x.ipynb", "03_mnist_dense/bob/x.ipynb"], ["ada", "bob"]),
        (["class/ada.ipynb", "class/bob.ipynb"], ["ada", "bob"]),
        (["class/ada/x.ipynb", "class/bob/x.ipynb"], ["ada", "bob"]),
        (["ada/x.ipynb"], ["ada"]),
        (["ada/01_forward/x.ipynb", "ada/03_mnist_dense/x.ipynb"], ["ada"]),
        (
            [
                "Ada King_12345_assignsubmission_file_/03_mnist_dense.ipynb",
                "Bob_7_assignsubmission_file/b.ipynb",
            ],
            ["Ada King_12345", "Bob_7"],
        ),
        (["Ada King_12345_assignsubmission_file_x.ipynb"], ["Ada King_12345"]),
        (["kingada_123_456_x.ipynb", "bob_LATE_7_8_x-1.ipynb"], ["bob_7", "kingada_123"]),
        (["ada.ipynb", "ada (2).ipynb", "ada-1.ipynb"], ["ada", "ada", "ada"]),
        (["student-1.ipynb", "student-2.ipynb"], ["student-1", "student-2"]),
        (["ada/x.ipynb", "ada/x (1).ipynb"], ["ada", "ada"]),
        (["ADA.IPYNB"], ["ADA"]),
        (["e\u0301va.ipynb"], ["éva"]),
    ],
)
def test_whose_a_notebook_is(tmp_path: Path, names: list[str], expected: list[str]) -> None:
    collected = found(folder_of(tmp_path / "in", *names))
    assert students(collected) == expected
    assert collected.rejected == []


def test_the_newest_comes_last_by_time_then_by_number(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "in", "ada.ipynb", "ada (1).ipynb", "ada (2).ipynb")
    for name, moment in (
        ("ada.ipynb", 1_000_003_000),
        ("ada (1).ipynb", 1_000_001_000),
        ("ada (2).ipynb", 1_000_001_000),
    ):
        os.utime(root / name, (moment, moment))
    ordered = sorted(found(root).submissions, key=lambda each: each.order)
    assert [each.file for each in ordered] == ["ada (1).ipynb", "ada (2).ipynb", "ada.ipynb"]
    assert ordered[-1].submitted == datetime.datetime.fromtimestamp(1_000_003_000, datetime.UTC)
    assert ordered[-1].source == "the file's time"


def test_names_and_numbers_of_moodle_and_the_roster_are_known(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "in", "Ada King_12345_assignsubmission_file_/x.ipynb", "bob.ipynb")
    first = min(found(root).submissions, key=lambda each: each.student)
    assert (first.student, first.name, first.number) == ("Ada King_12345", "Ada King", "12345")
    roster = Roster([Person("ada01", "Ada King", number="12345"), Person("bob")])
    assert students(found(root, roster=roster)) == ["ada01", "bob"]


def test_the_roster_says_what_a_number_at_the_end_means(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "in", "ada.ipynb", "ada-1.ipynb")
    assert students(found(root, roster=Roster([Person("ada"), Person("ada-1")]))) == ["ada", "ada-1"]
    root = folder_of(tmp_path / "other", "bob-1.ipynb")
    assert students(found(root, roster=Roster([Person("bob")]))) == ["bob"]


def test_junk_is_passed_over_without_a_word(tmp_path: Path) -> None:
    root = folder_of(
        tmp_path / "in",
        "ada.ipynb",
        ".DS_Store",
        "__MACOSX/._ada.ipynb",
        ".ipynb_checkpoints/ada-checkpoint.ipynb",
        "README.txt",
        "._bob.ipynb",
    )
    collected = found(root)
    assert (students(collected), collected.rejected, collected.notes) == (["ada"], [], [])


def test_what_is_no_ordinary_file_is_rejected_and_never_opened(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "in", "ada.ipynb")
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(GOOD)
    (root / "link.ipynb").symlink_to(secret)
    (root / "dir").symlink_to(tmp_path)
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe.ipynb")
    collected = found(root)
    assert students(collected) == ["ada"]
    assert reasons(collected) == {
        "dir": "it is a symbolic link",
        "loop": "it is a symbolic link",
        "link.ipynb": "it is a symbolic link",
        "pipe.ipynb": "it is not an ordinary file",
    }


def test_a_link_that_appears_after_the_look_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(GOOD)
    link = tmp_path / "link.ipynb"
    link.symlink_to(secret)
    with pytest.raises(submissions._Reject, match="cannot be read"):
        submissions._read_file(link)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(submissions._Reject, match="ordinary"):
        submissions._read_file(tmp_path / "pipe")


def test_a_huge_file_a_deep_folder_and_a_name_that_is_not_utf8_are_rejected(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "in", "ada.ipynb", "/".join("abcdefghij") + "/x.ipynb")
    with (root / "big.ipynb").open("wb") as stream:
        stream.truncate(submissions.MAX_NOTEBOOK + 1)
    (root / os.fsdecode(b"\xff.ipynb")).write_bytes(GOOD)
    collected = found(root)
    assert students(collected) == ["ada"]
    assert sorted(reasons(collected).values()) == [
        "it is larger than 20 MB",
        "it lies in more than 8 folders",
        "its name is not UTF-8",
    ]


def test_who_handed_in_no_notebook_is_named(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "in", "ada/x.ipynb", "ada/data.csv", "bob/answer.pdf", "bob/more.txt")
    collected = found(root)
    assert [(each.student, each.why) for each in collected.rejected] == [
        ("bob", "there is no notebook (*.ipynb) among the files, for example answer.pdf")
    ]


def test_one_bad_notebook_does_not_keep_the_others_from_being_read(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "in", "ada.ipynb", "cy.ipynb")
    folder_of(root, "bob.ipynb", data=b"{")
    folder_of(root, "03_mnist_dense.ipynb")
    collected = found(root)
    assert students(collected) == ["ada", "cy"]
    assert reasons(collected) == {
        "bob.ipynb": "it is not a notebook (not valid JSON)",
        "03_mnist_dense.ipynb": "neither its name nor a folder says whose it is",
    }


def test_a_single_notebook_may_have_any_name(tmp_path: Path) -> None:
    folder_of(tmp_path, "03_mnist_dense.ipynb", "ada.ipynb")
    assert students(found(tmp_path / "03_mnist_dense.ipynb")) == [SLUG]
    assert students(found(tmp_path / "ada.ipynb")) == ["ada"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "cannot read the submissions"),
        ("empty", "holds no notebook"),
        ("x.txt", "is no folder, zip or notebook"),
        ("x.zip", "is not a zip that can be read"),
        ("empty.zip", "holds no notebook"),
    ],
)
def test_nothing_to_grade_is_one_line(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.txt").write_text("x")
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 rubbish")
    zip_of(tmp_path / "empty.zip")
    with pytest.raises(LectureError, match=message) as caught:
        found(tmp_path / name)
    assert "\n" not in str(caught.value)


# --- a zip --------------------------------------------------------------------------------------------------


def test_a_zip_is_read_like_a_folder_and_nothing_is_extracted(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("course/ada/x.ipynb", (2026, 11, 20, 12, 0, 0))
    path = zip_of(
        tmp_path / "in.zip",
        (info, GOOD),
        ("course/bob/x.ipynb", GOOD),
        ("__MACOSX/course/ada/._x.ipynb", b""),
    )
    collected = found(path)
    assert (students(collected), collected.rejected) == (["ada", "bob"], [])
    ada = min(collected.submissions, key=lambda each: each.student)
    assert ada.submitted == datetime.datetime(2026, 11, 20, 12).astimezone()
    assert ada.source == "the zip's time"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in.zip"]


def test_the_exact_time_of_a_zip_is_taken_where_it_is_there(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("ada.ipynb", (2026, 11, 20, 12, 0, 0))
    info.extra = struct.pack("<HHBi", 0x5455, 5, 1, 1_700_000_000)
    (only,) = found(zip_of(tmp_path / "in.zip", (info, GOOD))).submissions
    assert only.submitted == datetime.datetime.fromtimestamp(1_700_000_000, datetime.UTC)


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_each_trick_of_a_zip_is_rejected_alone(tmp_path: Path) -> None:
    path = zip_of(
        tmp_path / "in.zip",
        ("ada.ipynb", GOOD),
        ("../../out.ipynb", GOOD),
        ("/etc/abs.ipynb", GOOD),
        ("C:\\win.ipynb", GOOD),
        ("a\\..\\..\\back.ipynb", GOOD),
        (link("linked.ipynb"), b"/etc/passwd"),
        ("twice.ipynb", GOOD),
        ("twice.ipynb", GOOD),
        ("bomb.ipynb", b" " * 10_000_000),
        ("large.ipynb", os.urandom(1 << 20) * 21),
    )
    collected = found(path)
    assert students(collected) == ["ada"]
    assert {(each.student, each.why) for each in collected.rejected} == {
        ("out", "its name leads out of the zip"),
        ("etc", "its name leads out of the zip"),
        ("C:", "its name leads out of the zip"),
        ("a", "its name leads out of the zip"),
        ("linked", "it is a symbolic link"),
        ("twice", "the zip holds several files of this name"),
        ("bomb", "it unpacks to more than 200 times its size"),
        ("large", "it is larger than 20 MB"),
    }
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in.zip"]


def raw_zip(tmp_path: Path, change: Any) -> Path:
    """Return a zip with ada.ipynb and bob.ipynb, of which bytes were changed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ada.ipynb", GOOD)
        archive.writestr("bob.ipynb", GOOD)
    path = tmp_path / "in.zip"
    path.write_bytes(change(bytearray(stream.getvalue())))
    return path


def in_directory(data: bytearray, name: bytes) -> int:
    """Return where the entry of a name begins in the zip's table of contents."""
    return data.rindex(name) - 46


def test_an_encrypted_a_damaged_and_a_strangely_packed_entry_are_rejected(tmp_path: Path) -> None:
    def encrypted(data: bytearray) -> bytearray:
        data[in_directory(data, b"bob.ipynb") + 8] |= 1
        return data

    def packed(data: bytearray) -> bytearray:
        data[in_directory(data, b"bob.ipynb") + 10] = 14
        return data

    def damaged(data: bytearray) -> bytearray:
        data[data.index(b"bob.ipynb") + 20] ^= 0xFF
        return data

    for change, reason in (
        (encrypted, "encrypted"),
        (packed, "unusual way"),
        (damaged, "the zip is damaged"),
    ):
        collected = found(raw_zip(tmp_path, change))
        assert students(collected) == ["ada"]
        (only,) = collected.rejected
        assert reason in only.why


def test_a_size_that_lies_does_not_help_a_bomb(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "in.zip", ("bob.ipynb", b" " * 50_000_000))
    data = bytearray(path.read_bytes())
    position = in_directory(data, b"bob.ipynb")
    data[position + 24 : position + 28] = struct.pack("<I", 100)
    path.write_bytes(data)
    (only,) = found(path).rejected
    assert "unpacks to more" in only.why or "damaged" in only.why


def test_names_that_are_not_utf8_are_rejected_whatever_the_zip_says(tmp_path: Path) -> None:
    def silent(data: bytearray) -> bytearray:
        return data.replace(b"bob.ipynb", b"b\xffb.ipynb")

    def lying(data: bytearray) -> bytearray:
        data = silent(data)
        position = in_directory(data, b"b\xffb.ipynb")
        data[position + 9] |= 0x08  # says that it is UTF-8
        return data

    for change in (silent, lying):
        collected = found(raw_zip(tmp_path, change))
        assert students(collected) == ["ada"]
        assert [each.why for each in collected.rejected] == ["its name is not UTF-8"]


def test_utf8_that_is_not_announced_is_understood(tmp_path: Path) -> None:
    collected = found(raw_zip(tmp_path, lambda data: data.replace(b"bob.", "bé.".encode())))
    assert students(collected) == ["ada", "bé"]


def test_a_zip_with_too_much_in_it_is_refused_or_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zip_of(tmp_path / "in.zip", *[(f"s{number}.ipynb", GOOD) for number in range(5)])
    monkeypatch.setattr(submissions, "MAX_TOTAL", 3 * len(GOOD))
    assert len(found(path).submissions) == 3
    assert all("the zip unpacks to more" in each.why for each in found(path).rejected)
    monkeypatch.setattr(submissions, "MAX_ENTRIES", 4)
    with pytest.raises(LectureError, match="more than 4 files"):
        found(path)


# --- names of files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "student",
    [
        "../../etc/passwd",
        "a/b",
        "a\\b",
        "CON",
        "nul.txt",
        "x" * 300,
        "\u202egnp.exe",
        "a\0b",
        ".hidden",
        "-rf",
        "...",
        " ",
        "<script>",
        "a\nb",
        "日" * 200,
        "\ud800",
        "e\u0301",
        "~root",
    ],
)
def test_a_students_id_makes_a_safe_file_name(student: str, tmp_path: Path) -> None:
    name = safe_name(student)
    assert name != student
    assert len(f"{name}--0123456789abcdef.json".encode()) <= 255
    assert not set(name) & set("/\\\0\n<>:\u202e")
    assert not name.startswith((".", "-"))
    path = tmp_path / f"{name}.html"
    path.write_text("x")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_ordinary_ids_are_kept_and_no_two_students_share_a_file() -> None:
    assert safe_name("ada") == "ada"
    assert safe_name("Ada King_12345") == "Ada King_12345"
    assert safe_name("éva") == "éva"
    assert safe_name("a/b") != safe_name("a\\b") != safe_name("a_b")
    many = ["ada", "Ada", "ADA", "a/b", "a\\b", "a:b", "a_b", "x" * 300, "x" * 301]
    names = file_names(many)
    assert len({name.casefold() for name in names.values()}) == len(many)


def test_what_is_printed_cannot_move_the_cursor_or_turn_the_text_around() -> None:
    assert shown("a\x1b[2Jb\u202ec\nd\u200be") == "a\ufffd[2Jb\ufffdc\ufffdd\ufffde"
    assert len(shown("x" * 500)) == 120


# --- tables of the instructor, late submissions -------------------------------------------------------------


def test_the_roster_is_read_with_and_without_a_heading(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(
        "\ufeffstudent,Full name,Identifier\nada,Ada King,Participant 7\n\nbob,,\n", encoding="utf-8"
    )
    assert list(read_roster(path).people.values()) == [Person("ada", "Ada King", number="7"), Person("bob")]
    path.write_text("ada\nbob\n")
    assert list(read_roster(path).people) == ["ada", "bob"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"student\nada\nada\n", "names ada twice"),
        (b"\xff\xfe", "not UTF-8"),
        (None, "cannot read"),
    ],
)
def test_a_roster_that_is_wrong_is_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "roster.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LectureError, match=message):
        read_roster(path)


def test_times_are_taken_for_the_newest_submission(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "in", "ada.ipynb", "ada (1).ipynb", "bob.ipynb")
    os.utime(root / "ada.ipynb", (1_000_001_000, 1_000_001_000))
    os.utime(root / "ada (1).ipynb", (1_000_002_000, 1_000_002_000))
    table = tmp_path / "times.csv"
    table.write_text("student,time\nada,2026-11-21T10:00+01:00\nzoe,2026-11-21T10:00\n")
    collected = found(root, times=read_times(table))
    times = {each.file: (each.submitted, each.source) for each in collected.submissions}
    assert times["ada (1).ipynb"] == (read_time("2026-11-21T09:00+00:00"), "the list of times")
    assert times["ada.ipynb"][1] == times["bob.ipynb"][1] == "the file's time"
    assert collected.notes == ["the list of times names zoe, of whom there is no submission."]


def test_a_time_has_a_zone_or_is_local() -> None:
    assert read_time("2026-11-20T23:59") == datetime.datetime(2026, 11, 20, 23, 59).astimezone()
    assert read_time("2026-11-20T23:59+01:00").utcoffset() == datetime.timedelta(hours=1)
    for day in ("2026-11-20", "20261120", "2026-W47-5", "2026W475"):  # the first minute is hardly meant
        with pytest.raises(LectureError, match="2026-11-20T23:59"):
            read_time(day)
    with pytest.raises(LectureError, match="2026-11-20T23:59"):
        read_time("tomorrow")


def test_each_day_that_has_begun_counts() -> None:
    due = read_time("2026-11-20T12:00+00:00")
    for hours, days in ((-1, 0), (0, 0), (0.01, 1), (24, 1), (24.01, 2), (240, 10)):
        assert late_days(due + datetime.timedelta(hours=hours), due) == days
    assert late_days(None, due) == 0
    assert late_days(due, None) == 0


@pytest.mark.parametrize(
    ("rule", "taken"),
    [
        ("10%/day", [0, 2, 4, 20, 20]),
        ("2 points/day", [0, 2, 4, 20, 20]),
        ("10%/day up to 50%", [0, 2, 4, 10, 10]),
        ("10 % per day, at most 5 points", [0, 2, 4, 5, 5]),
        ("0.5 points/day", [0, 0.5, 1, 5, 10]),
        ("1 point/day", [0, 1, 2, 10, 20]),
    ],
)
def test_what_lateness_costs(rule: str, taken: list[float]) -> None:
    penalty = read_penalty(rule)
    assert [penalty.points(days, 20) for days in (0, 1, 2, 10, 20)] == taken
    assert "for each day that has begun" in str(penalty)


@pytest.mark.parametrize("rule", ["", "10", "10%", "-1%/day", "10%/hour", "a lot"])
def test_a_penalty_that_is_no_rule_is_one_line(rule: str) -> None:
    with pytest.raises(LectureError, match="10%/day"):
        read_penalty(rule)


def test_endless_names_are_rejected_at_once(tmp_path: Path) -> None:
    names = [
        "ada (" + "9" * 5000 + ").ipynb",
        "ada" + " " * 60_000 + "x.ipynb",
        "bob_" * 8000 + "/x.ipynb",
        "submitted/" * 6000 + "x.ipynb",
        "-" * 60_000,
        "eve.ipynb",
    ]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in names:
            archive.writestr(name, GOOD)
    begin = time.monotonic()
    collected = found(tmp_path / "x.zip")
    assert time.monotonic() - begin < 5
    assert students(collected) == ["eve"]
    why = sorted(reasons(collected).values())
    assert len(why) == 5
    assert why.count("a name of more than 255 bytes") == 4
    assert all(len(each.student) < 100 for each in collected.rejected)


def test_a_number_of_many_digits_is_no_copy() -> None:
    begin = time.monotonic()
    for text in ("ada (" + "9" * 5000 + ")", "ada" + " " * 60_000 + "x", "_" * 60_000 + "x", "(" * 60_000):
        submissions._file_id(text, SLUG)
        submissions._owner([f"{text}.ipynb"], SLUG)
    assert time.monotonic() - begin < 5
    assert submissions._file_id("ada   (2) - Copy (3)", SLUG) == ("ada", 3)
    assert submissions._file_id("ada - Copy", SLUG) == ("ada", 1)


@pytest.mark.parametrize("year", [1971, 2300, 9999])
def test_a_time_out_of_reach_is_not_known(tmp_path: Path, year: int) -> None:
    (path,) = (folder_of(tmp_path, "ada.ipynb") / "ada.ipynb",)
    seconds = int((datetime.datetime(year, 12, 31, tzinfo=datetime.UTC)).timestamp())
    os.utime(path, (seconds, seconds))
    (only,) = found(tmp_path).submissions
    assert only.submitted is None
    assert only.source == "no time"


@pytest.mark.parametrize(
    "text", ["", "x", None, 3, "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2026-13-01"]
)
def test_a_damaged_time_is_none(text: Any) -> None:
    assert submissions.moment(text) is None
    assert submissions.moment("2026-11-20T23:59+01:00") is not None
