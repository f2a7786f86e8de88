"""The lectures of the workbook: what there is, which one a reader means, what it says about itself."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lecture_utils import paths
from lecture_utils.errors import LectureError

_SLUG = re.compile(r"\d\d_[a-z0-9_]+")


@dataclass(frozen=True)
class Lecture:
    """One lecture: its name and the places of its files.

    Attributes
    ----------
    slug : str
        For example ``"03_mnist_dense"``.
    folder : Path
        The folder ``notebooks/``.
    """

    slug: str
    folder: Path

    @property
    def number(self) -> int:
        """The number in front of the name."""
        return int(self.slug[:2])

    @property
    def source(self) -> Path:
        """What authors edit."""
        return self.folder / "source" / "lectures" / f"{self.slug}.py"

    @property
    def notebook(self) -> Path:
        """What students open."""
        return self.folder / f"{self.slug}.ipynb"

    @property
    def exercise_source(self) -> Path:
        """What authors edit of the exercise."""
        return self.folder / "source" / "exercises" / f"{self.slug}.py"

    @property
    def exercise(self) -> Path:
        """The exercise that belongs to it; not every lecture has one yet."""
        return self.folder / "exercises" / f"{self.slug}.ipynb"


@dataclass(frozen=True)
class Summary:
    """What a lecture says about itself in its first cell.

    Attributes
    ----------
    title : str
        The first heading, without the number.
    reading, running : float or None
        Minutes, where the cell gives them.
    """

    title: str
    reading: float | None
    running: float | None


def notebooks_folder(notebooks: Path | None = None) -> Path:
    """Return the given folder, or the workbook's ``notebooks/``."""
    return paths.project_root() / "notebooks" if notebooks is None else notebooks


def lectures(notebooks: Path | None = None) -> list[Lecture]:
    """Return all lectures that have a source, in order.

    Parameters
    ----------
    notebooks : Path, optional
        The folder that holds the notebooks and ``source/``; by default the workbook's own.

    Raises
    ------
    LectureError
        There are no sources.
    """
    folder = notebooks_folder(notebooks)
    found = sorted((folder / "source" / "lectures").glob("*.py"))
    wrong = [path.name for path in found if not _SLUG.fullmatch(path.stem)]
    if wrong:
        raise LectureError(
            f"a lecture's source is called NN_slug.py, as in 03_mnist_dense.py, not {wrong[0]}."
        )
    if not found:
        raise LectureError(
            f"no lectures in {folder / 'source' / 'lectures'}: run this in a checkout of the workbook."
        )
    return [Lecture(path.stem, folder) for path in found]


def exercises(notebooks: Path | None = None) -> list[Lecture]:
    """Return all lectures whose exercise has a source, in order; there may be none.

    Parameters
    ----------
    notebooks : Path, optional
        The folder that holds the notebooks and ``source/``; by default the workbook's own.

    Raises
    ------
    LectureError
        A source has a wrong name.
    """
    folder = notebooks_folder(notebooks)
    found = sorted((folder / "source" / "exercises").glob("*.py"))
    wrong = [path.name for path in found if not _SLUG.fullmatch(path.stem)]
    if wrong:
        raise LectureError(
            f"an exercise's source is called like its lecture, as in 03_mnist_dense.py, not {wrong[0]}."
        )
    return [Lecture(path.stem, folder) for path in found]


def select_exercise(name: str, notebooks: Path | None = None) -> Lecture:
    """Return the lecture whose exercise is meant by a number, a name or the beginning of a name.

    Raises
    ------
    LectureError
        The name fits no exercise or several.
    """
    known = exercises(notebooks)
    if not known:
        folder = notebooks_folder(notebooks) / "source" / "exercises"
        raise LectureError(f"no exercises in {folder}: run this in a checkout of the workbook.")
    return _find(name, known, "exercise")


def select(names: Iterable[str], notebooks: Path | None = None) -> list[Lecture]:
    """Return the lectures that are meant by some names.

    Parameters
    ----------
    names : iterable of str
        Numbers (``"3"``, ``"03"``), names (``"03_mnist_dense"``), beginnings of names (``"mnist"``), file
        names, or ``"all"``. No name at all also means all.
    notebooks : Path, optional
        The folder that holds the notebooks.

    Returns
    -------
    list of Lecture
        Each once, in the order in which they were named.

    Raises
    ------
    LectureError
        A name fits no lecture or several; the message suggests the nearest.
    """
    known = lectures(notebooks)
    names = list(names) or ["all"]
    chosen: dict[str, Lecture] = {}
    for name in names:
        for lecture in known if name == "all" else [_find(name, known)]:
            chosen[lecture.slug] = lecture
    return list(chosen.values())


def _find(name: str, known: Sequence[Lecture], kind: str = "lecture") -> Lecture:
    text = name.strip()
    wanted = Path(text).stem if text.endswith((".py", ".ipynb")) else text
    if wanted.isdecimal():
        fitting = [lecture for lecture in known if lecture.number == int(wanted)]
    else:
        low = wanted.lower()
        fitting = [lecture for lecture in known if lecture.slug == low] or [
            lecture
            for lecture in known
            if low and (lecture.slug.startswith(low) or lecture.slug[3:].startswith(low))
        ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise LectureError(f"{name!r} fits several {kind}s: {', '.join(each.slug for each in fitting)}.")
    candidates: dict[str, str] = {}
    for lecture in known:
        for key in (lecture.slug, lecture.slug[:2], lecture.slug[3:], *lecture.slug[3:].split("_")):
            candidates.setdefault(key, lecture.slug)
    near = difflib.get_close_matches(wanted.lower(), candidates, n=1, cutoff=0.4)
    guess = f" did you mean {candidates[near[0]]}?" if near else ""
    raise LectureError(f"no {kind} {name!r};{guess} `lecture list` shows all.")


def read_source(path: Path) -> str:
    """Return the text of a lecture's source; a LectureError says why it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LectureError(
            f"{path.name} is not UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from error
    except FileNotFoundError as error:
        raise LectureError(f"the source of {path.stem} is missing: {path}.") from error
    except OSError as error:
        raise LectureError(f"cannot read {path}: {error.strerror or error}.") from error


def _first_cell(text: str) -> str:
    """Return the text of the first markdown cell of a percent script, without parsing the rest."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("# %%"):
            if inside:
                break
            inside = "[markdown]" in line or "[md]" in line
        elif inside:
            lines.append(re.sub(r"^# ?", "", line))
    return "\n".join(lines)


_NUMBERS = {
    "a": 1.0,
    "an": 1.0,
    "one": 1.0,
    "half a": 0.5,
    "half an": 0.5,
    "a quarter of an": 0.25,
    "two": 2.0,
}
_DURATION = re.compile(
    r"(?P<number>\d+(?:[.,]\d+)?|half an?|a quarter of an|an?|one|two)\s*(?P<unit>s|sec\w*|min\w*|h\w*)\b",
    re.I,
)


def _minutes(text: str, verb: str) -> float | None:
    """Read "40 minutes to read" or "reading: 40 min" from a piece of text; the verb picks the piece."""
    for piece in re.split(r"[;|·•]|\.(?!\d)|,(?!\d)|\band\b", text):
        found = _DURATION.search(piece)
        if found and re.search(verb, piece, re.I):
            number = found["number"].lower()
            value = _NUMBERS[number] if number in _NUMBERS else float(number.replace(",", "."))
            unit = found["unit"].lower()
            return value / 60 if unit.startswith("s") else value * 60 if unit.startswith("h") else value
    return None


def summary(lecture: Lecture) -> Summary:
    """Read the title and the minutes from the first cell of a lecture's source.

    The title is the first ``# `` heading. The minutes stand in a line such as
    ``**Time:** 40 minutes to read, 1 minute to run``.
    """
    cell = _first_cell(read_source(lecture.source))
    heading = re.search(r"^# +(.+?)\s*$", cell, re.MULTILINE)
    title = re.sub(r"^\d+\s*[·.:–—-]\s*", "", heading[1]) if heading else lecture.slug
    time = re.search(r"^\W*Time\b(.*)$", cell, re.MULTILINE | re.IGNORECASE)
    said = time[1] if time else ""
    return Summary(title, _minutes(said, r"\bread"), _minutes(said, r"\brun|execut"))
