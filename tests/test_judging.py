"""A judge compares values, says what is wrong but not what is right, and fails loudly when it is broken."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from lecture_utils.errors import LectureError
from lecture_utils.grading import judging, values
from lecture_utils.grading.judging import (
    Answers,
    Failed,
    Judge,
    WrongAnswer,
    differs,
    numbers,
    one_of,
    part,
    steps,
)

CODE = """
import numpy as np
from lecture_utils.grading.judging import differs, part

def inputs_double(rng):
    return {"x": rng.normal(size=3)}, {"factor": 2}

def judge_double(given, kept, answer):
    given["x"] *= 1
    return [
        part(1, "three numbers", differs(answer["many"], kept["factor"] * given["x"])),
        part(2, "one number", differs(answer["one"], 14)),
    ]

def inputs_other(rng):
    return {"x": rng.normal(size=3)}, {}

def judge_other(given, kept, answer):
    return [part(1, "same", differs(answer["x"], given["x"]))]
"""
POINTS = {"double": 3.0, "other": 1.0}


def payload(task: str, key: str, value: Any) -> str:
    return json.dumps({"task": task, "key": key, "value": values.encode(value)})


def judged(answers: list[str], task: str = "double", seed: str = "s") -> list[judging.Part]:
    return Judge(CODE, POINTS, seed, "toy").judge(task, Answers(task, answers))


def earned(parts: list[judging.Part]) -> float:
    return sum(entry.points * entry.share for entry in parts)


def test_right_answers_earn_everything() -> None:
    x = Judge(CODE, POINTS, "s", "toy").given["double"]["x"]
    assert earned(judged([payload("double", "many", list(2 * x)), payload("double", "one", 14.0)])) == 3


def test_a_wrong_part_loses_that_part_only() -> None:
    parts = judged([payload("double", "one", 14), payload("double", "many", [1.0, 2.0, 3.0])])
    assert earned(parts) == 2
    assert [bool(entry.problem) for entry in parts] == [True, False]


def test_the_same_seed_gives_the_same_inputs_and_each_task_its_own() -> None:
    first, again, other = (Judge(CODE, POINTS, seed, "toy").given for seed in ("s", "s", "t"))
    np.testing.assert_array_equal(first["double"]["x"], again["double"]["x"])
    assert not np.array_equal(first["double"]["x"], other["double"]["x"])
    assert not np.array_equal(first["double"]["x"], first["other"]["x"])


def test_what_is_kept_does_not_enter_the_sandbox() -> None:
    judge = Judge(CODE, POINTS, "s", "toy")
    assert b"factor" not in judge.files()
    assert set(values.loads(judge.files().decode())) == {"double", "other"}


def test_a_key_handed_out_twice_counts_for_nothing() -> None:
    right = payload("double", "one", 14)
    parts = judged([right, right])
    assert earned(parts) == 0
    assert "twice" in parts[1].problem


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "[]",
        "{",
        "null",
        '{"task": "double"}',
        '{"task": "double", "key": 1, "value": 14}',
        '{"task": "double", "key": "one"}',
        '{"task": "other", "key": "one", "value": 14}',
        '{"task": "double", "key": "one", "value": {"object": 14}}',
        '{"task": "double", "key": "one", "key": "one", "value": 14}',
        '{"task": "double", "key": "one", "value": 14, "failed": "no"}',
        '{"task": "double", "key": "one", "failed": {"points": 14}}',
    ],
)
def test_forged_payloads_earn_nothing(forged: str) -> None:
    assert earned(judged([forged])) == 0


def test_a_missing_value_is_told_with_its_reason() -> None:
    answers = Answers("double", [], "stopped after 60 s")
    parts = Judge(CODE, POINTS, "s", "toy").judge("double", answers)
    assert {entry.problem for entry in parts} == {"stopped after 60 s"}


def test_an_exception_of_the_student_is_told() -> None:
    answers = Answers("double", [json.dumps({"task": "double", "key": "one", "failed": "it raised\nX"})])
    assert answers["one"] == Failed("it raised X")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (CODE.replace("part(2", "part(1"), "worth 2"),
        (CODE.replace("differs(answer", "nothing(answer"), "NameError"),
        (CODE.replace('kept["factor"]', 'kept["factory"]'), "KeyError"),
    ],
)
def test_a_broken_judge_is_a_fault_of_ours(code: str, words: str) -> None:
    judge = Judge(code, POINTS, "s", "toy")
    with pytest.raises(LectureError, match=words):
        judge.judge("double", Answers("double", [payload("double", "many", [1.0])]))


@pytest.mark.parametrize(
    "code", ["def", CODE.replace("def inputs_other", "def x"), CODE.replace("rng.normal", "rng.no")]
)
def test_judge_cells_that_do_not_run_are_told_in_one_line(code: str) -> None:
    with pytest.raises(LectureError, match="the judge of toy is broken") as caught:
        Judge(code, POINTS, "s", "toy")
    assert "\n" not in str(caught.value)


def test_no_judge_changes_the_inputs_of_the_next_call() -> None:
    judge = Judge(CODE.replace('given["x"] *= 1', 'given["x"] = given["x"] * 0'), POINTS, "s", "toy")
    answer = Answers("double", [payload("double", "many", [0.0, 0.0, 0.0])])
    assert [earned(judge.judge("double", answer)) for _ in range(2)] == [1, 1]
    assert np.any(judge.given["double"]["x"])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([1, 2], np.array([1.0, 2.0])),
        (np.array([1, 2], np.float32), (1, 2)),
        (np.float32(0.1), 0.1),
        (np.array([[True]]), [[True]]),
        ("b", "b"),
        ({"a": [1.0]}, {"a": np.array([1])}),
    ],
)
def test_other_right_forms_are_right(answer: Any, expected: Any) -> None:
    assert differs(values.loads(values.dumps(answer)), expected) == ""


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(np.zeros((2, 1)), np.zeros(2)), (np.zeros(2), np.zeros((1, 2))), ([[0.0], [0.0]], np.zeros(2))],
)
def test_any_shape_forgives_axes_of_length_one_only_when_asked(answer: Any, expected: Any) -> None:
    assert differs(answer, expected, any_shape=True) == ""
    assert "shape" in differs(answer, expected)
    assert differs(answer, np.zeros(3), any_shape=True)


@pytest.mark.parametrize(
    "answer", [None, "a", [], [[1], [1, 2]], {"a": 1}, np.array([1.0, np.nan]), Failed("no"), 3]
)
def test_whatever_the_answer_is_comparing_does_not_fail(answer: Any) -> None:
    assert differs(answer, np.array([1.0, 2.0]))
    assert differs(answer, np.array([1.0, 2.0]), any_shape=True)
    with pytest.raises(WrongAnswer):
        numbers(answer, (2,))


def test_numbers_gives_finite_floats_of_the_shape() -> None:
    array = numbers([[1, 2], [3, 4]], (None, 2))
    assert array.dtype == np.float64
    assert array.shape == (2, 2)


def test_one_of_several_forms_is_enough() -> None:
    assert one_of(np.array([2.0]), [1.0], [2.0]) == ""
    assert one_of(np.array([3.0]), [1.0], [2.0])


def test_the_words_never_hold_the_expected_value() -> None:
    for answer in (1, [1.0, 2.0], "x", None, {"a": 1}):
        assert "8675309" not in differs(answer, 8675309)


def test_a_part_takes_a_share_and_a_function() -> None:
    def refuses() -> str:
        raise WrongAnswer("the rows do not sum to one")

    assert part(2, "rows", refuses).share == 0
    assert part(2, "rows", "half right", share=0.5).share == 0.5
    assert part(2, "rows", None).share == 1
    with pytest.raises(ValueError, match="share"):
        part(1, "x", "", share=1.5)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -float("inf"), np.float32("nan")])
def test_a_score_that_is_no_number_is_none(score: float) -> None:
    assert part(1, "x", "", score=score).score is None
    assert part(1, "x", "", score=0.5).score == 0.5


def test_steps_takes_whatever_was_measured() -> None:
    for accuracy, share, words, score in (
        (float("nan"), 0, "none are right; the next point is at 50.0%", None),
        (-float("inf"), 0, "0.0% are right; the next point is at 50.0%", None),
        (-1e300, 0, "0.0% are right; the next point is at 50.0%", -1e300),
        (1e300, 1, "", 1e300),
        (float("inf"), 1, "", None),
    ):
        entry = steps("letters", accuracy, (0.5, 0.9))
        assert (entry.share, entry.problem, entry.score) == (share, words, score)


def _answers(value: str) -> Answers:
    return Answers("a", [f'{{"task": "a", "key": "k", "value": {value}}}'])


def test_whatever_goes_wrong_while_decoding_is_a_wrong_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = [2**31 - 1, 0, 2**31 - 1]
    answers = _answers(json.dumps({"array": "", "dtype": "<f8", "shape": shape}))
    assert "cannot be used" in differs(answers["k"], 1.0)

    def broken(text: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(values, "decode", broken)
    assert "cannot be used" in differs(_answers("1")["k"], 1.0)
    monkeypatch.setattr(values, "parse", broken)
    assert "gave no value" in differs(_answers("1")["k"], 1.0)


def test_words_of_a_failure_that_are_no_text_are_not_taken() -> None:
    deep = "[" * 900 + "]" * 900
    answers = Answers("a", [f'{{"task": "a", "key": "k", "failed": {deep}}}'])
    assert differs(answers["k"], 1.0) == "the code gave no value here"


def test_texts_where_numbers_are_expected_take_no_memory() -> None:
    code = """
import resource
import numpy as np
from lecture_utils import checks
from lecture_utils.grading import judging
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
answer = ["x" * 99_999] + [""] * 4990
for nested in (answer, [answer], (answer, answer)):
    for shape in ((None,), (None, None)):
        try:
            judging.numbers(nested, shape)
        except judging.WrongAnswer:
            pass
        else:
            raise SystemExit("no wrong answer")
    for expected in (np.ones(4991), ["a", "b"], 1.0, np.ones((1, 4991))):
        assert judging.differs(nested, expected)
        assert judging.differs(nested, expected, any_shape=True)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 200  # megabytes
