"""The scoreboard: nothing measured is lost, nothing damaged is overwritten, everybody can read it."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from lecture_utils import scoreboard
from lecture_utils.errors import LectureError

DIGITS = SimpleNamespace(source=SimpleNamespace(name="digits"))
MNIST = SimpleNamespace(source=SimpleNamespace(name="mnist"))


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "results" / "scoreboard.json"
    monkeypatch.setenv("LECTURE_SCOREBOARD", str(path))
    return path


def record(network: str = "64-64", data=DIGITS, lecture: str = "03_mnist_dense", **values) -> None:
    given = {"parameters": 55_050, "epochs": 10, "seconds": 12.34, "accuracy": 0.9812, "deck": 0.975} | values
    scoreboard.record(network, data, lecture=lecture, **given)


def test_a_result_is_stored_with_date_and_machine(board: Path) -> None:
    record()
    (entry,) = scoreboard.table()
    assert (entry.network, entry.data, entry.lecture) == ("64-64", "digits", "03_mnist_dense")
    assert (entry.parameters, entry.epochs, entry.seconds) == (55_050, 10, 12.34)
    assert (entry.accuracy, entry.deck) == (0.9812, 0.975)
    assert entry.date.count("-") == 2
    assert "core" in entry.machine


def test_a_source_alone_says_what_the_data_were(board: Path) -> None:
    record(data=MNIST.source)
    assert [entry.data for entry in scoreboard.table()] == ["mnist"]


def test_the_newest_result_replaces_the_old_one_of_the_same_lecture_network_and_data(board: Path) -> None:
    record("a", accuracy=0.5)
    record("b")
    record("a", accuracy=0.6)
    record("a", data=MNIST, accuracy=0.7)
    record("a", lecture="07_mnist_cnn", accuracy=0.8)
    found = [(entry.lecture[:2], entry.data, entry.network, entry.accuracy) for entry in scoreboard.table()]
    assert found == [
        ("03", "digits", "a", 0.6),
        ("03", "digits", "b", 0.9812),
        ("03", "mnist", "a", 0.7),
        ("07", "digits", "a", 0.8),
    ]


def test_numpy_numbers_are_stored_as_numbers(board: Path) -> None:
    import numpy as np

    record(accuracy=np.float32(0.5), parameters=np.int64(3), epochs=np.int32(2), seconds=np.float64(1))
    assert json.loads(board.read_text())["entries"][0]["accuracy"] == 0.5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"accuracy": 98.12}, "0.9812 for 98.12 %"),
        ({"accuracy": float("nan")}, "fraction"),
        ({"deck": 97.5}, "0.975 for 97.5 %"),
        ({"seconds": -1}, "seconds must be a number that is not negative"),
        ({"parameters": float("inf")}, "parameters"),
        ({"network": " "}, "network must be a name"),
        ({"data": "mnist"}, "a loader of lecture_utils.datasets"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(board: Path, wrong: dict, message: str) -> None:
    with pytest.raises(LectureError, match=message):
        record(**wrong)
    assert not board.exists()


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"version": 9, "entries": []}',
        '{"version": 1, "entries": {}}',
        '{"version": 1, "entries": [{"network": "a"}]}',
        "\x00\x00",
    ],
)
def test_a_damaged_file_is_named_and_never_overwritten(board: Path, content: str) -> None:
    board.parent.mkdir()
    board.write_text(content)
    for action in (record, scoreboard.table):
        with pytest.raises(
            LectureError, match=r"scoreboard\.json is damaged .* it was left as it is"
        ) as caught:
            action()
        assert "\n" not in str(caught.value)
    assert board.read_text() == content


def test_an_entry_with_a_wrong_type_counts_as_damage(board: Path) -> None:
    record()
    content = json.loads(board.read_text())
    content["entries"][0]["accuracy"] = "high"
    board.write_text(json.dumps(content))
    with pytest.raises(LectureError, match="accuracy must be a number, not 'high'"):
        scoreboard.table()


def test_two_processes_writing_fifty_results_each_lose_none(board: Path) -> None:
    program = (
        "import sys; from types import SimpleNamespace as N; from lecture_utils.scoreboard import record\n"
        "sys.stdin.readline()\n"
        "for i in range(50):\n"
        "    record(f'{sys.argv[1]}{i}', N(name='digits'), lecture='03_x', parameters=1, epochs=1,"
        " seconds=1, accuracy=0.5)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, name], stdin=subprocess.PIPE, env=os.environ)
        for name in "ab"
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.close()
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    expected = {f"{name}{number}" for name in "ab" for number in range(50)}
    assert {entry.network for entry in scoreboard.table()} == expected


def test_a_full_disk_leaves_the_old_results(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record("old")
    before = board.read_bytes()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LectureError, match="No space left on device"):
        record("new")
    assert board.read_bytes() == before
    assert {path.name for path in board.parent.iterdir()} <= {board.name, board.name + ".lock"}


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LECTURE_SCOREBOARD", str(tmp_path / "file" / "scoreboard.json"))
    with pytest.raises(LectureError, match="LECTURE_SCOREBOARD"):
        record()


def test_a_lock_held_for_long_is_told(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board.parent.mkdir()
    monkeypatch.setattr(scoreboard, "LOCK_SECONDS", 0.1)
    with FileLock(f"{board}.lock"), pytest.raises(LectureError, match="another process has held"):
        record()


def test_merging_takes_one_lecture_and_keeps_the_others(board: Path, tmp_path: Path) -> None:
    record("a", accuracy=0.5)
    record("b", lecture="07_x")
    target = tmp_path / "target.json"
    scoreboard.merge(board, target, "03_mnist_dense")
    record("a", accuracy=0.6)
    record("c")
    record("b", lecture="07_x", accuracy=0.1)
    scoreboard.merge(board, target, "03_mnist_dense")
    assert [(entry.network, entry.accuracy) for entry in scoreboard.table(target)] == [
        ("a", 0.6),
        ("c", 0.9812),
    ]


def test_merging_nothing_writes_no_file(board: Path, tmp_path: Path) -> None:
    scoreboard.merge(board, tmp_path / "target.json", "03_x")
    assert not (tmp_path / "target.json").exists()


def test_the_text_table_is_aligned(board: Path) -> None:
    record("64-64", parameters=55_050)
    record("512-512-512", parameters=932_362, deck=None)
    head, rule, first, second, machine = str(scoreboard.table()).splitlines()
    for name in ("network", "data", "lecture"):
        column = head.index(name)
        assert all(line[column] != " " for line in (first, second))
    for name in ("parameters", "epochs", "seconds", "test accuracy %"):
        end = head.index(name) + len(name)
        assert all(line[end - 1] != " " and line[end] == " " for line in (rule, first, second))
    assert "932,362" in second
    assert "97.5" in first
    assert machine.startswith("Measured on: ")


def test_the_html_table_is_escaped(board: Path) -> None:
    record("<script>alert(1)</script> & co")
    text = scoreboard.table()._repr_html_()
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in text


def test_the_html_table_has_a_caption_and_scoped_heads_and_no_colors_of_its_own(board: Path) -> None:
    record()
    text = scoreboard.table()._repr_html_()
    assert "<caption>Scoreboard" in text
    assert text.count('<th scope="col"') == len(scoreboard.COLUMNS)
    assert text.count('<th scope="row"') == 1
    assert "color" not in text
    assert "#" not in text


def test_the_table_can_show_one_data_source_only(board: Path) -> None:
    record()
    record(data=MNIST)
    assert [entry.data for entry in scoreboard.table(source="mnist")] == ["mnist"]


def test_an_empty_scoreboard_says_how_to_fill_it(board: Path) -> None:
    empty = scoreboard.table()
    assert not empty
    assert "lecture run 03" in str(empty)
    assert "lecture run 03" in empty._repr_html_()


def test_on_mnist_the_table_says_how_far_ours_is_from_the_decks(board: Path) -> None:
    record("a", data=MNIST, accuracy=0.985, deck=0.982)
    record("b", data=MNIST, accuracy=0.970, deck=None)
    record("c", accuracy=0.9, deck=0.98)
    head, _, first, second, third, last = str(scoreboard.table()).splitlines()
    assert "ours - deck" in head
    assert "±" not in first  # the embedded digits are not what the decks had
    assert "+0.30 ± 0.18" in second
    assert "±" not in third
    assert "± stands one standard error" in last
    assert "±" not in str(scoreboard.table(source="digits"))


def test_a_standard_error_is_that_of_a_binomial_share() -> None:
    assert scoreboard.standard_error(0.5, 25) == pytest.approx(0.1)
    assert scoreboard.standard_error(0.996) == pytest.approx(0.0006312, rel=1e-3)
    with pytest.raises(LectureError, match="at least 1"):
        scoreboard.standard_error(0.5, 0)
    with pytest.raises(LectureError, match="fraction"):
        scoreboard.standard_error(99.6)


def test_the_plot_has_a_row_for_each_result_and_the_decks_figures(board: Path) -> None:
    import matplotlib.pyplot as plt
    import numpy as np

    record("a", data=MNIST, accuracy=0.985, deck=0.982)
    record("b", data=MNIST, accuracy=0.970, deck=None)
    figure = scoreboard.table().plot()
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    places = {round(float(x), 6) for line in axes.lines for x in np.ravel(line.get_xdata())}
    assert {98.5, 98.2, 97.0} <= places
    assert "the decks" in axes.get_legend_handles_labels()[1]
    plt.close(figure)
    record("c", accuracy=0.9)
    figure = scoreboard.table().plot()
    assert figure.axes[0].get_yticklabels()[0].get_text() == "c (digits)"
    plt.close(figure)
    with pytest.raises(LectureError, match="empty"):
        scoreboard.table(source="nothing").plot()


def test_the_result_of_a_benchmark_is_read_or_missed_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lecture_utils import paths

    monkeypatch.setattr(paths, "reference_scoreboard_path", lambda: tmp_path / "scoreboard.json")
    (tmp_path / "speed.json").write_text('{"ratio": 2}')
    assert scoreboard.benchmark("speed") == {"ratio": 2}
    for name in ("sped", "../speed", ""):
        with pytest.raises(LectureError, match="there are: speed"):
            scoreboard.benchmark(name)
    for damage in ("[1]", "{", "\x00"):
        (tmp_path / "speed.json").write_text(damage)
        with pytest.raises(LectureError, match="git checkout"):
            scoreboard.benchmark("speed")


def test_results_over_seeds_are_read_or_missed_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lecture_utils import paths

    monkeypatch.setattr(paths, "reference_scoreboard_path", lambda: tmp_path / "scoreboard.json")
    runs = [{"network": "a", "accuracy": value} for value in (0.99, 0.98)]
    (tmp_path / "seeds.json").write_text(json.dumps({"runs": [*runs, {"network": "b", "accuracy": 1}]}))
    assert scoreboard.over_seeds("a") == [0.98, 0.99]
    with pytest.raises(LectureError, match=r"no other seeds of 'c'; there are: a, b"):
        scoreboard.over_seeds("c")
    for damage in (
        {},
        {"runs": 3},
        {"runs": [{"network": "a"}]},
        {"runs": [{"network": "a", "accuracy": "?"}]},
    ):
        (tmp_path / "seeds.json").write_text(json.dumps(damage))
        with pytest.raises(LectureError, match="git checkout"):
            scoreboard.over_seeds("a")


def test_each_network_of_lectures_7_to_9_was_trained_from_three_other_seeds() -> None:
    from lecture_utils import paths

    for entry in scoreboard.table(paths.reference_scoreboard_path(), source="mnist").entries:
        if entry.lecture in ("07_mnist_cnn", "08_dropout", "09_batchnorm"):
            assert len(scoreboard.over_seeds(entry.network)) >= 3
