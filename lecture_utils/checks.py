"""Checks: :func:`expect` for what a lecture claims, :func:`check` for a reader's answers."""

import enum
import html
import linecache
import math
import sys
import sysconfig
import textwrap
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lecture_utils.errors import LectureError

_DEEPEST = 32  # lists within lists, the most that NumPy knew for long
_MOST_CHARACTERS = 1_000_000  # what an array of texts may hold

if TYPE_CHECKING:
    import numpy as np

    from lecture_utils.datasets import Corpus, Films, Images, Points, Source, Table, Texts

Band = float | tuple[float, float]


# --- claims of a lecture ---------------------------------------------------------------------------


def expect(
    value: Any,
    what: str,
    data: "Source | Images | Points | Table | Texts | Corpus | Films | None" = None,
    *,
    always: Band | None = None,
    because: str | None = None,
    **bands: Band,
) -> None:
    """Say whether a measured number lies where the lecture says that it lies; stop the notebook if not.

    Parameters
    ----------
    value : float
        What was measured: a number, or an array or tensor of one.
    what : str
        Its name in words, with its unit: ``"test accuracy"``.
    data : Source, or a data set with a ``source``, optional
        What it was measured on; its name selects the band.
    always : float or (low, high), optional
        The band where the data do not matter, or for data without a band of their own.
    because : str, optional
        Why the lecture expects it; said when it does not hold.
    **bands : float or (low, high)
        The band for each data source: ``mnist=0.98, digits=(0.90, 0.99)``. A number is a floor. Bounds are
        included; ``float("inf")`` leaves a side open.

    Raises
    ------
    AssertionError
        The value lies outside, or is nan. The message says by how much, and where to look.
    LectureError
        There is no band for these data, or a band that nothing can satisfy.
    """
    source: Any = getattr(data, "source", data)
    name = None if source is None else str(source.name)
    band = always if name is None else bands.get(name, always)
    if band is None:
        known = ", ".join(bands) or "none"
        raise LectureError(
            f"expect({what!r}) has no band for {name or 'a call without data'}; it has {known}. "
            f"Add {name}=..., or always=..."
            if name
            else f"expect({what!r}) was given no data, so it cannot choose among the bands for {known}. "
            "Pass the data as third argument, or always=..."
        )
    low, high = _limits(band, what)
    number = _scalar(value, what)
    shown, limits = _shown(number, low, high)
    by_data = name in bands
    if low <= number <= high:
        print(f"{what}: {shown}, expected {limits}{f' ({name})' if by_data else ''}: holds")
        return
    lesson = _lesson(number, low)
    words = f"{what} is {shown}, but the lecture expects {limits}{f' on {name}' if by_data else ''}. "
    if because:
        words += f"It expects that because {because.strip().rstrip('.')}. "
    raise AssertionError(textwrap.fill(words + lesson, 100))


def _limits(band: Band, what: str) -> tuple[float, float]:
    low, high = band if isinstance(band, tuple) else (band, math.inf)
    if not low <= high:  # also where one is nan
        raise LectureError(f"expect({what!r}): a band is (low, high) with low <= high, got {band}")
    return float(low), float(high)


def _scalar(value: Any, what: str) -> float:
    import numpy as np

    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    if array.size != 1 or array.dtype.kind not in "buif":
        raise LectureError(
            f"expect({what!r}) takes one number, got {type(value).__name__} of shape {array.shape}. "
            "Take the mean, or one of its entries."
        )
    return float(array.reshape(()))


def _shown(number: float, low: float, high: float) -> tuple[str, str]:
    """Return value and band in words, with as many digits as it takes to tell them apart."""
    digits, least, most = 4, _digits(low, 12), _digits(high, 12)
    while digits < 17 and any(
        number != end and _digits(number, digits) == _digits(end, digits) for end in (low, high)
    ):
        digits += 1
    if low == high:
        limits = f"exactly {least}"
    elif high == math.inf:
        limits = f"at least {least}"
    elif low == -math.inf:
        limits = f"at most {most}"
    else:
        limits = f"{least} to {most}"
    return _digits(number, digits), limits


def _digits(number: float, digits: int) -> str:
    """Return a whole number in full, another one in so many digits."""
    return f"{number:,.0f}" if abs(number) < 1e12 and number == int(number) else f"{number:.{digits}g}"


def _lesson(number: float, low: float) -> str:
    """Return where to look when a number is not a number, too small or too large."""
    if math.isnan(number):
        return (
            "It is not a number at all: somewhere a value overflowed, was divided by zero, or was the "
            "logarithm of zero. Look at the loss epoch by epoch; a learning rate that is too large is the "
            "usual cause, data that were not scaled the next."
        )
    if number < low:
        return (
            "It falls short. First run the notebook from the top: cells run twice or out of order are the "
            "usual cause. If you changed something, then this is the answer to your change: put back one "
            "change at a time, until the number returns."
        )
    return (
        "It lies above. First run the notebook from the top. If less would be better, as with a loss, look "
        "for what keeps it up: the learning rate, the scaling of the data, the loss function. If more would "
        "be better, doubt it: did test data leak into the training?"
    )


# --- answers of a reader ---------------------------------------------------------------------------


class Result(enum.Enum):
    """What became of an answer."""

    RIGHT = "right"
    WRONG = "wrong"
    NOT_ATTEMPTED = "not attempted"

    def __str__(self) -> str:
        return self.value

    def __repr__(self) -> str:
        """Show nothing more: :func:`check` has said it, and it is the last line of its cell."""
        return f"<{self.value}>"


def check(
    task: str, answer: Callable[[], Any], expected: Any, *, hint: str, rtol: float = 1e-5, atol: float = 1e-8
) -> Result:
    """Tell the reader whether an answer is right, and if not, what is wrong with it and how to go on.

    The expected value is never shown.

    Parameters
    ----------
    task : str
        The task's name: ``"Task 2: the softmax"``.
    answer : callable without arguments
        Computes the answer: ``lambda: softmax(logits)``. If it raises ``NotImplementedError``, or returns
        ``...``, the task counts as not attempted.
    expected : value or callable
        A number, text, array, or a tuple, list or dict of these; or a function of the answer that returns
        True, False, or a text that says what is wrong.
    hint : str
        What helps who is stuck; shown with a wrong answer.
    rtol, atol : float
        Right is ``abs(answer - expected) <= atol + rtol * abs(expected)``, elementwise.

    Returns
    -------
    Result

    Raises
    ------
    LectureError
        The check itself is mistaken: no hint, an expected value with nan, a predicate that returns neither a
        bool nor a text.
    """
    if not hint.strip():
        raise LectureError(f"check({task!r}) needs a hint: say what helps who is stuck")
    if not callable(answer):
        raise LectureError(f"check({task!r}): the answer must be a function, such as lambda: softmax(logits)")
    try:
        given = answer()
    except Exception as error:
        if isinstance(error, NotImplementedError) and not _from_library(error):
            return _say(Result.NOT_ATTEMPTED, task, "", "")
        return _say(Result.WRONG, task, _raised(error), hint)
    if given is Ellipsis:
        return _say(Result.NOT_ATTEMPTED, task, "", "")
    if callable(expected):
        problem = _judged(expected, given, task)
    else:
        problem = difference(given, expected, rtol, atol, "the answer")
    if problem is None:
        return _say(Result.RIGHT, task, "", "")
    return _say(Result.WRONG, task, problem, hint)


def _judged(predicate: Callable[[Any], Any], given: Any, task: str) -> str | None:
    """Return what a predicate finds wrong with an answer, None if nothing."""
    if given is None:
        return "the answer is None: is a return missing?"
    try:
        verdict = predicate(given)
    except Exception as error:  # its message may hold what is expected, so only its kind is told
        return (
            f"the answer, {_a(type(given).__name__)}, is not of the kind asked for ({type(error).__name__})"
        )
    if isinstance(verdict, str) and verdict.strip():
        return verdict.strip()
    if type(verdict).__name__ in ("bool", "bool_"):
        return None if verdict else "the answer is not what was asked for"
    raise LectureError(f"check({task!r}): the predicate must return True, False or a text, got {verdict!r}")


def difference(
    given: Any, expected: Any, rtol: float = 1e-5, atol: float = 1e-8, what: str = "the answer"
) -> str | None:
    """Return in words how an answer differs from what is expected, None if it does not.

    The words never hold the expected value.

    Parameters
    ----------
    given : anything
        The answer.
    expected : number, text, array, or tuple, list, dict of these
        What is right.
    rtol, atol : float
        Right is ``abs(given - expected) <= atol + rtol * abs(expected)``, elementwise.
    what : str
        What the words call the answer.

    Raises
    ------
    LectureError
        The expected value holds nan, or cannot be compared with.
    """
    if given is None and expected is not None:
        return f"{what} is None: is a return missing?"
    if isinstance(expected, Mapping):
        return _mapping_difference(given, expected, rtol, atol, what)
    if isinstance(expected, str):
        if not isinstance(given, str):
            return f"{what} is {_a(type(given).__name__)}; a text was expected"
        return None if given == expected else f"{what} is another text"
    wanted = as_array(expected)
    if isinstance(expected, tuple | list) and (wanted is None or wanted.dtype.kind == "O"):
        return _sequence_difference(given, expected, rtol, atol, what)
    if wanted is None or wanted.dtype.kind not in "buifcUS":
        raise LectureError(
            f"check cannot compare with {_a(type(expected).__name__)}; pass a function instead"
        )
    return _array_difference(given, wanted, rtol, atol, what)


def _mapping_difference(given: Any, expected: Mapping, rtol: float, atol: float, what: str) -> str | None:
    if not isinstance(given, Mapping):
        return f"{what} is {_a(type(given).__name__)}; a dict was expected"
    missing = [key for key in expected if key not in given]
    if missing:
        return f"{what} lacks the key {missing[0]!r}"
    extra = [key for key in given if key not in expected]
    if extra:
        return f"{what} has a key too many: {extra[0]!r}"
    problems = (
        difference(given[key], value, rtol, atol, f"{what}[{key!r}]") for key, value in expected.items()
    )
    return next((problem for problem in problems if problem), None)


def _sequence_difference(
    given: Any, expected: tuple | list, rtol: float, atol: float, what: str
) -> str | None:
    if not isinstance(given, tuple | list):
        return (
            f"{what} is {_a(type(given).__name__)}; {len(expected)} values were expected, as a tuple or list"
        )
    if len(given) != len(expected):
        return f"{what} has {len(given)} values; {len(expected)} were expected"
    pairs = enumerate(zip(given, expected, strict=True))
    problems = (difference(one, other, rtol, atol, f"{what}[{i}]") for i, (one, other) in pairs)
    return next((problem for problem in problems if problem), None)


def _array_difference(given: Any, wanted: "np.ndarray", rtol: float, atol: float, what: str) -> str | None:
    import numpy as np

    if wanted.dtype.kind in "fc" and np.isnan(wanted).any():
        raise LectureError("the expected value of a check holds nan: nothing could be right")
    if isinstance(given, tuple | list) and any(entry is None for entry in given):
        empty = next(index for index, entry in enumerate(given) if entry is None)
        return f"{what}[{empty}] is None: is a return missing?"
    array = as_array(given)
    if array is None or array.dtype.kind not in "buifcUS":
        return f"{what} is {_a(type(given).__name__)}; {_kind(wanted)} were expected"
    if array.dtype.kind in "fc" and np.isnan(array).any():
        count = np.count_nonzero(np.isnan(array))
        return f"{what} is nan" if array.ndim == 0 else f"{what} holds nan, {count} of {array.size} values"
    if array.shape != wanted.shape:
        has = f"has shape {array.shape}" if array.shape else "is a single value"
        asked = f"shape {wanted.shape}" if wanted.shape else "a single value"
        words = f"{what} {has}; {asked} was expected"
        return words + (" (transposed?)" if array.ndim == 2 and array.T.shape == wanted.shape else "")
    if _group(array) != _group(wanted):
        return f"{what} holds {_kind(array)}; {_kind(wanted)} were expected"
    if wanted.dtype.kind in "bUS":
        close = array == wanted
    else:
        with np.errstate(all="ignore"):
            close = np.isclose(array, wanted, rtol=rtol, atol=atol)
    if close.all():
        return None
    note = ""
    if array.dtype.kind in "iu" and wanted.dtype.kind == "f":
        note = "; it holds whole numbers where fractions were expected"
    if array.ndim == 0:
        return f"{what} has another value{note}"
    place = [int(i) for i in np.argwhere(~close)[0]]
    how_many = f"{np.count_nonzero(~close)} of {array.size} values of {what}"
    return f"{how_many} differ, the first at index {place}{note}"


def _room(value: Any, depth: int = 0) -> tuple[int, int]:
    """Return how many entries a nested list has and how long its longest text is, (-1, 0) if too deep."""
    if isinstance(value, str | bytes):
        return 1, len(value)
    if not isinstance(value, tuple | list):
        size = getattr(value, "size", 1)  # an array counts as what it holds
        return (size if isinstance(size, int) else 1), 0
    if depth > _DEEPEST:
        return -1, 0
    count, longest = 0, 0
    for entry in value:
        more, length = _room(entry, depth + 1)
        if more < 0:
            return -1, 0
        count, longest = count + more, max(longest, length)
    return count, longest


def as_array(value: Any) -> "np.ndarray | None":
    """Return numbers, lists, arrays and tensors as an array, None where that cannot be done.

    NumPy gives each entry the room of the longest text, numbers beside it included, so a list that would
    become larger than a few megabytes by its texts is no array.
    """
    import numpy as np

    try:
        if callable(getattr(value, "numpy", None)):
            value = value.numpy()
        elif isinstance(value, tuple | list):  # of tensors, perhaps
            count, longest = _room(value)
            if count < 0 or count * longest > _MOST_CHARACTERS:
                return None
            value = [part.numpy() if callable(getattr(part, "numpy", None)) else part for part in value]
        return np.asarray(value)
    except Exception:  # whatever a stranger's object raises: it is no array
        return None


def _group(array: "np.ndarray") -> str:
    return {"b": "b", "U": "s", "S": "s", "c": "c"}.get(array.dtype.kind, "n")


def _kind(array: "np.ndarray") -> str:
    words = {"b": "truth values (bool)", "c": "complex numbers", "U": "texts", "S": "texts"}
    return words.get(array.dtype.kind, "numbers")


def _a(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(error.__traceback__))[1:]  # without check() itself


def _is_library(path: str) -> bool:
    paths = sysconfig.get_paths()
    return any(path.startswith(paths[key]) for key in ("stdlib", "platstdlib", "purelib", "platlib"))


def _from_library(error: BaseException) -> bool:
    """Tell whether a NotImplementedError comes from a library and not from an empty exercise."""
    frames = _frames(error)
    return bool(frames) and _is_library(frames[-1].filename)


def _raised(error: Exception) -> str:
    """Return an exception in words, with the reader's line that it came from."""
    message = " ".join(str(error).split())
    if len(message) > 300:
        message = message[:297] + "..."
    words = f"the code raised {type(error).__name__}" + (f": {message}" if message else "")
    own = [frame for frame in _frames(error) if not _is_library(frame.filename)]
    if own:
        line = (own[-1].line or linecache.getline(own[-1].filename, own[-1].lineno or 0)).strip()
        if line:
            words += f" (line {own[-1].lineno}: {line})"
    return words


_LOOKS = {
    Result.RIGHT: ("\N{HEAVY CHECK MARK}", "#009E73"),
    Result.WRONG: ("\N{HEAVY BALLOT X}", "#D55E00"),
    Result.NOT_ATTEMPTED: ("\N{WHITE CIRCLE}", "#7F7F7F"),
}


def _say(result: Result, task: str, problem: str, hint: str) -> Result:
    """Show one line: colored in a notebook, plain elsewhere."""
    mark, color = _LOOKS[result]
    if problem:
        problem = " " + problem[0].upper() + problem[1:] + ("" if problem.endswith(("?", ".", "!")) else ".")
    text = f"{mark} {task}: {result}.{problem}" + (f" Hint: {hint}" if hint else "")
    ipython = sys.modules.get("IPython")
    if ipython is None or ipython.get_ipython() is None:
        print(text)
        return result
    from IPython.display import display

    words = f"{mark} <strong>{html.escape(task)}: {result}.</strong>{html.escape(problem)}"
    words += f" <em>Hint:</em> {html.escape(hint)}" if hint else ""
    style = f"border-left: 0.4em solid {color}; padding: 0.3em 0.8em;"
    display({"text/html": f'<div style="{style}">{words}</div>', "text/plain": text}, raw=True)
    return result
