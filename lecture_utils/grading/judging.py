"""Decide outside the sandbox what an answer is worth: compare values, in words that give nothing away.

What the judge cells of an exercise import, and what reads those cells.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lecture_utils import checks
from lecture_utils.errors import LectureError
from lecture_utils.grading import values

if TYPE_CHECKING:
    import numpy as np

_MAX_WORDS = 400


class WrongAnswer(Exception):
    """Raised by a judge: the answer is wrong, and the message says how, for the student to read."""


@dataclass(frozen=True)
class Failed:
    """Stands where the student's code gave no value.

    Attributes
    ----------
    words : str
        Why, for the student to read.
    """

    words: str


@dataclass(frozen=True)
class Part:
    """One thing that a judge looked at.

    Attributes
    ----------
    points : float
        What it is worth.
    what : str
        What was looked at, for the student to read.
    problem : str
        What is wrong, or "" where it is right.
    share : float
        The share of the points that is earned, from 0 to 1.
    score : float or None
        What the leaderboard ranks students by, the larger the better: an accuracy, for example. It is
        finite; None where nothing was measured.
    """

    points: float
    what: str
    problem: str
    share: float
    score: float | None = None


def part(
    points: float,
    what: str,
    problem: str | Callable[[], str | None] | None,
    share: float | None = None,
    score: float | None = None,
) -> Part:
    """Make one entry of what a judge returns.

    Parameters
    ----------
    points : float
        What this part is worth.
    what : str
        What was looked at: ``"rows that sum to one"``.
    problem : str, None, or function that returns one of these
        What is wrong; None or "" where it is right. A function may raise :class:`WrongAnswer`.
    share : float, optional
        Partial marks: the share of the points that is earned. By default 1 where nothing is wrong, else 0.
    score : float, optional
        A figure for the leaderboard, measured by the judge; the larger the better. Where it is nan or
        infinite, because a student's values were, there is no score.
    """
    if callable(problem):
        try:
            problem = problem()
        except WrongAnswer as error:
            problem = str(error)
    words = " ".join((problem or "").split())[:_MAX_WORDS]
    earned = (0.0 if words else 1.0) if share is None else float(share)
    if not 0 <= earned <= 1:
        raise ValueError(f"the share of part {what!r} must be from 0 to 1, not {earned}")
    measured = None if score is None or not math.isfinite(score) else float(score)
    return Part(float(points), what, words, earned, measured)


def steps(what: str, accuracy: float, bands: Sequence[float]) -> Part:
    """Make the entry for an accuracy that earns one point for each band that it reaches.

    Parameters
    ----------
    what : str
        What was classified: ``"letters that nobody has seen"``.
    accuracy : float
        The share that was right, from 0 to 1; the leaderboard's figure, too. What lies outside is shown as
        the nearer of the two, nan as "none".
    bands : sequence of float
        The accuracies that earn a point, rising.
    """
    reached = sum(accuracy >= band for band in bands)
    words = ""
    if reached < len(bands):
        right = f"{min(max(accuracy, 0), 1):.1%}" if accuracy == accuracy else "none"
        words = f"{right} are right; the next point is at {bands[reached]:.1%}"
    return part(len(bands), what, words, reached / len(bands), score=accuracy)


def differs(
    answer: Any, expected: Any, *, rtol: float = 1e-5, atol: float = 1e-8, any_shape: bool = False
) -> str:
    """Say in words how an answer differs from what is expected, without telling the expected value.

    Parameters
    ----------
    answer : value or Failed
        What the student's code gave.
    expected : number, text, array, or tuple, list, dict of these
        What is right.
    rtol, atol : float
        Right is ``abs(answer - expected) <= atol + rtol * abs(expected)``, elementwise. Lists, tuples and
        arrays of any number type count as equal where their values are.
    any_shape : bool
        Whether (n,), (n, 1) and (1, n) are the same to this task.

    Returns
    -------
    str
        "" where it is right.
    """
    import numpy as np

    if isinstance(answer, Failed):
        return answer.words
    if any_shape:
        wanted = np.asarray(expected)
        given = checks.as_array(answer)
        if given is None:
            return "the answer is not an array"
        if given.dtype.kind in "biufc" and np.squeeze(given).shape == np.squeeze(wanted).shape:
            answer = given.reshape(wanted.shape)
    return checks.difference(answer, expected, rtol, atol) or ""


def one_of(answer: Any, *expected: Any, rtol: float = 1e-5, atol: float = 1e-8) -> str:
    """Say how an answer differs from the first of several right forms; "" where it equals one of them."""
    problems = [differs(answer, form, rtol=rtol, atol=atol) for form in expected]
    return "" if "" in problems else problems[0]


def numbers(answer: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """Return an answer as an array of finite float64.

    Parameters
    ----------
    answer : value or Failed
        What the student's code gave.
    shape : tuple
        The expected shape; None for a size that may be any.

    Raises
    ------
    WrongAnswer
        It is nothing of the kind; the message says what it is.
    """
    import numpy as np

    if isinstance(answer, Failed):
        raise WrongAnswer(answer.words)
    if answer is None:
        raise WrongAnswer("the answer is None: is a return missing?")
    array = checks.as_array(answer)
    if array is None:
        raise WrongAnswer("the answer is not an array")
    if array.dtype.kind not in "biuf":
        raise WrongAnswer("the answer does not hold numbers")
    fits = array.ndim == len(shape) and all(
        size in (None, have) for size, have in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
        raise WrongAnswer(f"the answer has shape {array.shape}; {wanted} was expected")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise WrongAnswer("the answer holds nan or infinity")
    return array


class Answers(Mapping[str, Any]):
    """The values that one task's hidden test handed out; a key that is not there gives a :class:`Failed`.

    Parameters
    ----------
    task : str
        Only payloads of this task count.
    payloads : iterable of str
        JSON texts in the order in which they came. Nothing in them is trusted. A key that came twice is
        worth nothing: the hidden test hands out each key once.
    why : str
        What a missing key is told with.
    """

    def __init__(self, task: str, payloads: Iterable[str], why: str = "") -> None:
        self._why = why or "the code gave no value here"
        self._values: dict[str, Any] = {}
        self.unanswered = False
        twice = set()
        for payload in payloads:
            try:
                answer = values.parse(payload)
            except Exception:  # whatever a payload does to us, it is no answer
                continue
            if type(answer) is not dict or answer.get("task") != task or type(answer.get("key")) is not str:
                continue
            key = answer["key"][:100]
            if "failed" in answer or "value" not in answer:
                words = answer.get("failed")
                words = words if type(words) is str else self._why
                value: Any = Failed(" ".join(words.split())[:_MAX_WORDS])
                self.unanswered |= answer.get("unanswered") is True
            else:
                try:
                    value = values.decode(answer["value"])
                except values.NotPlain as error:
                    value = Failed(f"the answer cannot be used: {error}")
                except Exception:  # a gap in our checks is no fault that keeps the task from being graded
                    value = Failed("the answer cannot be used: it is not a value that the workbook sends")
            if key in self._values:
                twice.add(key)
            self._values[key] = value
        for key in twice:
            self._values[key] = Failed("a value was handed out twice, so neither counts")

    def __getitem__(self, key: str) -> Any:
        return self._values.get(key, Failed(self._why))

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Judge:
    """The judge cells of one exercise, with the inputs drawn from a secret seed.

    Parameters
    ----------
    code : str
        All judge cells, one after the other.
    points : mapping of str to float
        The exercise's tasks and what they are worth.
    seed : str
        The secret. The same seed gives the same inputs.
    name : str
        The exercise's name, for messages.

    Attributes
    ----------
    given : dict
        For each task the inputs that enter the sandbox.

    Raises
    ------
    LectureError
        A judge cell is mistaken.
    """

    def __init__(self, code: str, points: Mapping[str, float], seed: str, name: str) -> None:
        self._name = name
        self._points = dict(points)
        self.given: dict[str, dict[str, Any]] = {}
        self._kept: dict[str, Any] = {}
        self._space: dict[str, Any] = {"__name__": f"judge of {name}"}
        try:
            exec(compile(code, f"<judge of {name}>", "exec"), self._space)
            for task in points:
                self.given[task], self._kept[task] = self._space[f"inputs_{task}"](_generator(seed, task))
                if not callable(self._space[f"judge_{task}"]):
                    raise TypeError(f"judge_{task} is no function")
        except Exception as error:
            raise LectureError(
                f"the judge of {name} is broken: {type(error).__name__}: {error}. Mend its source."
            ) from error

    def files(self) -> bytes:
        """Return the inputs as the file that :func:`lecture_utils.grading.inside.given` reads."""
        return values.dumps(self.given).encode("utf-8")

    def judge(self, task: str, answers: Answers) -> list[Part]:
        """Return what the parts of an answer are worth.

        Raises
        ------
        LectureError
            The judge itself failed: a fault of ours, never the student's.
        """
        try:
            given = values.copied(values.loads(values.dumps(self.given[task])))
            parts = list(self._space[f"judge_{task}"](given, self._kept[task], answers))
            total = sum(entry.points for entry in parts)
            if not math.isclose(total, self._points[task]):
                raise ValueError(f"its parts are worth {total:g}, the task {self._points[task]:g} points")
        except WrongAnswer as error:
            return [part(self._points[task], "the task as a whole", str(error) or "it is wrong")]
        except Exception as error:
            raise LectureError(
                f"the judge of {self._name}, task {task}, failed: {type(error).__name__}: {error}."
            ) from error
        return parts


def _generator(seed: str, task: str) -> np.random.Generator:
    import numpy as np

    digest = hashlib.sha256(f"{seed}\0{task}".encode()).digest()
    return np.random.default_rng(list(digest))
