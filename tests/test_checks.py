"""expect() holds lectures to their claims; check() judges answers without giving them away."""

import html
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lecture_utils import checks
from lecture_utils.checks import Result, check, expect
from lecture_utils.errors import LectureError

MNIST: Any = types.SimpleNamespace(name="mnist")
DIGITS: Any = types.SimpleNamespace(source=types.SimpleNamespace(name="digits"))
HINT = "Divide by the sum."


class Tensor:
    """Something that gives its numbers as a TensorFlow tensor does."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def numpy(self) -> np.ndarray:
        return self.values


class Arrayed:
    """Something that gives its numbers as a pandas column does."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array([1.0, 2.0])


# --- expect ----------------------------------------------------------------------------------------


def test_a_claim_that_holds_is_said_with_its_band(capsys: pytest.CaptureFixture[str]) -> None:
    expect(np.float32(0.98123), "test accuracy", MNIST, mnist=0.98, digits=0.9)
    assert capsys.readouterr().out == "test accuracy: 0.9812, expected at least 0.98 (mnist): holds\n"
    expect(Tensor([0.4]), "loss", DIGITS, mnist=1, digits=(0.25, 0.5))
    assert capsys.readouterr().out == "loss: 0.4, expected 0.25 to 0.5 (digits): holds\n"
    expect(1_199_882, "parameters", always=(1_199_882, 1_199_882))
    assert capsys.readouterr().out == "parameters: 1,199,882, expected exactly 1,199,882: holds\n"
    expect(0.1, "error", MNIST, always=(-np.inf, 0.2), digits=5)
    assert capsys.readouterr().out == "error: 0.1, expected at most 0.2: holds\n"


@pytest.mark.parametrize("value", [0.98, 0.99])
def test_bounds_belong_to_the_band(value: float, capsys: pytest.CaptureFixture[str]) -> None:
    expect(value, "accuracy", MNIST, mnist=(0.98, 0.99))
    assert capsys.readouterr().out.endswith("holds\n")


@pytest.mark.parametrize("value", [0.9799, 0.9901, float("nan"), float("inf"), -1.0])
def test_a_value_outside_the_band_or_nan_stops_the_notebook(value: float) -> None:
    with pytest.raises(AssertionError):
        expect(value, "accuracy", MNIST, mnist=(0.98, 0.99))


def test_each_data_source_has_its_own_band() -> None:
    expect(0.95, "accuracy", DIGITS, mnist=0.98, digits=0.9)
    with pytest.raises(AssertionError):
        expect(0.95, "accuracy", MNIST, mnist=0.98, digits=0.9)


def message_of(value: float, **bands: Any) -> str:
    with pytest.raises(AssertionError) as raised:
        expect(value, "test accuracy", MNIST, **bands)
    return " ".join(str(raised.value).split())


def test_a_failure_names_value_band_data_and_reason_and_says_where_to_look() -> None:
    words = message_of(0.9312, mnist=0.98, because="five seeds gave 0.981 to 0.984.")
    assert words.startswith("test accuracy is 0.9312, but the lecture expects at least 0.98 on mnist.")
    assert "because five seeds gave 0.981 to 0.984." in words
    assert "run the notebook from the top" in words
    assert "did test data leak" in message_of(0.999, mnist=(0.98, 0.99))
    assert "learning rate" in message_of(float("nan"), mnist=0.98)


def test_a_failure_never_shows_a_value_that_looks_as_if_it_held() -> None:
    assert "is 0.9799996" in message_of(0.9799996, mnist=0.98)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: expect(1.0, "loss", MNIST, digits=0.9), "no band for mnist; it has digits"),
        (lambda: expect(1.0, "loss", mnist=0.9), "given no data"),
        (lambda: expect(1.0, "loss", always=(2, 1)), "low <= high"),
        (lambda: expect(1.0, "loss", always=float("nan")), "low <= high"),
        (lambda: expect([1.0, 2.0], "loss", always=0), r"takes one number, got list of shape \(2,\)"),
        (lambda: expect("high", "loss", always=0), "takes one number, got str"),
    ],
)
def test_a_claim_that_cannot_be_checked_is_an_error_of_the_lecture(
    call: Callable[[], float], words: str
) -> None:
    with pytest.raises(LectureError, match=words):
        call()


# --- check -----------------------------------------------------------------------------------------


def judged(
    answer: Any, expected: Any, capsys: pytest.CaptureFixture[str], **options: Any
) -> tuple[Result, str]:
    """Return the verdict on an answer (a value, or a function that gives it), and what was said."""
    function = answer if isinstance(answer, types.FunctionType) else lambda: answer
    result = check("Task 1", function, expected, hint=HINT, **options)
    return result, capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (3, 3),
        (3, 3.0),
        ([1, 2], np.array([1.0, 2.0])),
        ((1.0, 2.0), [1, 2]),
        (Tensor([1.0, 2.0]), [1, 2]),
        ([Tensor(1.0), Tensor(2.0)], [1, 2]),
        (Arrayed(), [1, 2]),
        (np.float32(0.1), 0.1),
        ([1 + 1e-7, 2], [1, 2]),
        ("softmax", "softmax"),
        (["a", "b"], ["a", "b"]),
        ([True, False], np.array([True, False])),
        (np.inf, np.inf),
        ({"loss": [1.0], "n": 2}, {"n": 2, "loss": np.array([1.0])}),
        ((np.zeros(2), np.ones((2, 2))), (np.zeros(2), np.ones((2, 2)))),
        (5, lambda answer: answer > 4),
        (np.float64(5), lambda answer: answer > 4),
    ],
)
def test_right_answers_are_right_in_any_dress(
    answer: Any, expected: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judged(answer, expected, capsys) == (Result.RIGHT, "✔ Task 1: right.")


@pytest.mark.parametrize(
    ("answer", "expected", "problem"),
    [
        (4, 3, "The answer has another value."),
        ([1, 3], [1, 2], "1 of 2 values of the answer differ, the first at index [1]."),
        (0, 0.5, "it holds whole numbers where fractions were expected"),
        (np.zeros((3, 2)), np.zeros((2, 3)), "has shape (3, 2); shape (2, 3) was expected (transposed?)."),
        ([1], 1, "has shape (1,); a single value was expected."),
        (1, [1], "is a single value; shape (1,) was expected."),
        (np.nan, 1.0, "The answer is nan."),
        ([1.0, np.nan], [1.0, 2.0], "The answer holds nan, 1 of 2 values."),
        ([1, 0], [True, False], "holds numbers; truth values (bool) were expected."),
        ([True, False], [1, 0], "holds truth values (bool); numbers were expected."),
        (1j, 1.0, "holds complex numbers; numbers were expected."),
        ("three", 3, "holds texts; numbers were expected."),
        (3, "three", "is an int; a text was expected."),
        ("two", "three", "The answer is another text."),
        (None, 3, "The answer is None: is a return missing?"),
        (None, lambda answer: True, "The answer is None: is a return missing?"),
        (object(), 3, "is an object; numbers were expected."),
        ([[1], [1, 2]], [1, 2], "is a list; numbers were expected."),
        ({"a": 1}, {"a": 1, "b": 2}, "The answer lacks the key 'b'."),
        ({"a": 1, "b": 2}, {"a": 1}, "a key too many: 'b'"),
        ([1], {"a": 1}, "is a list; a dict was expected."),
        ((1, 2), (np.zeros(2), np.zeros(3)), "The answer[0] is a single value; shape (2,) was expected."),
        ((np.zeros(2),), (np.zeros(2), np.zeros(3)), "The answer has 1 values; 2 were expected."),
        (3, lambda answer: answer > 4, "The answer is not what was asked for."),
        (3, lambda answer: "a layer is missing", "A layer is missing."),
        (3, lambda answer: answer.count_params() == 10, "The answer, an int, is not of the kind asked for"),
    ],
)
def test_wrong_answers_are_told_what_is_wrong_and_get_the_hint(
    answer: Any, expected: Any, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result, said = judged(answer, expected, capsys)
    assert result is Result.WRONG
    assert said.startswith("✘ Task 1: wrong. ")
    assert problem in said
    assert said.endswith(f" Hint: {HINT}")


def raising(error: BaseException) -> Callable[[], Any]:
    def answer() -> Any:
        raise error

    return answer


def test_a_task_without_an_answer_is_not_attempted(capsys: pytest.CaptureFixture[str]) -> None:
    for empty in (raising(NotImplementedError()), lambda: ...):
        assert judged(empty, 3, capsys) == (Result.NOT_ATTEMPTED, "○ Task 1: not attempted.")


def test_a_library_that_lacks_something_is_no_missing_attempt(capsys: pytest.CaptureFixture[str]) -> None:
    from fractions import Fraction
    from numbers import Complex

    def answer() -> Any:
        return Complex.__abs__(Fraction(1))  # raises NotImplementedError, deep in the standard library

    assert judged(answer, 3, capsys)[0] is Result.WRONG


def test_code_that_raises_is_wrong_and_told_kind_message_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    def answer() -> Any:
        return np.ones(3) @ np.ones(2)

    result, said = judged(answer, 3, capsys)
    assert result is Result.WRONG
    assert "The code raised ValueError: matmul" in said
    assert "return np.ones(3) @ np.ones(2))" in said
    assert HINT in said


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_stopping_the_kernel_stops_the_check(stop: type[BaseException]) -> None:
    with pytest.raises(stop):
        check("Task 1", raising(stop()), 3, hint=HINT)


def test_the_expected_value_is_never_told(capsys: pytest.CaptureFixture[str]) -> None:
    secret = 77.125

    def strict(answer: Any) -> bool:
        np.testing.assert_allclose(answer, secret)
        return True

    answers = [
        1,
        78.0,
        -secret - 1,
        [1.0],
        None,
        "x",
        np.nan,
        np.inf,
        True,
        object(),
        1j,
        {},
        raising(ValueError("no")),
    ]
    for expected in (secret, strict, {"value": secret}, [np.zeros(2), secret]):
        for answer in answers:
            result, said = judged(answer, expected, capsys)
            assert result is Result.WRONG
            assert "77.125" not in said


def test_tolerances_decide_how_close_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert judged(1.01, 1.0, capsys)[0] is Result.WRONG
    assert judged(1.01, 1.0, capsys, rtol=0.02)[0] is Result.RIGHT
    assert judged(0.01, 0.0, capsys, atol=0.02)[0] is Result.RIGHT


@pytest.mark.parametrize(
    ("expected", "hint", "words"),
    [
        (3, " ", "needs a hint"),
        ([1.0, np.nan], HINT, "holds nan"),
        (object(), HINT, "pass a function instead"),
        (lambda answer: 1, HINT, "must return True, False or a text, got 1"),
        (lambda answer: "", HINT, "must return True, False or a text, got ''"),
    ],
)
def test_a_mistake_in_the_check_is_no_wrong_answer(expected: Any, hint: str, words: str) -> None:
    with pytest.raises(LectureError, match=words):
        check("Task 1", lambda: 3.0, expected, hint=hint)


def test_an_answer_must_be_a_function() -> None:
    with pytest.raises(LectureError, match="must be a function, such as lambda"):
        check("Task 1", 3, 3, hint=HINT)  # type: ignore[arg-type]


def test_in_a_notebook_the_verdict_is_html_with_a_text_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython
    import IPython.display

    shown: list[dict[str, str]] = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: shown.append(data))
    check("<b>Task</b> 1", lambda: 2, 3, hint="w < 0 & b > 0")
    (data,) = shown
    assert sorted(data) == ["text/html", "text/plain"]
    assert "<strong>&lt;b&gt;Task&lt;/b&gt; 1: wrong.</strong>" in data["text/html"]
    assert html.escape("w < 0 & b > 0") in data["text/html"]
    assert data["text/plain"].startswith("✘ <b>Task</b> 1: wrong.")


def test_a_missing_return_inside_a_list_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("Task", lambda: [1.0, None], [1.0, 2.0], hint="h") is Result.WRONG
    assert "The answer[1] is None: is a return missing?" in capsys.readouterr().out


def test_a_list_that_texts_would_blow_up_is_no_array() -> None:
    assert checks.as_array(["x" * 99_999, *[""] * 4990]) is None
    endless: list[Any] = []
    endless.append(endless)
    assert checks.as_array(endless) is None
    assert checks.difference(["a", "b"], ["a", "b"]) is None
    assert checks.difference([1.0, "b"], [1.0, 2.0]) == "the answer holds texts; numbers were expected"
