"""Find submissions in a folder, a zip or a file, and take from them the text of the answers and nothing else.

What lies there is not trusted: nothing is extracted, linked files are not followed, sizes are limited, and
what cannot be read is rejected in words without keeping the others from being graded.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime
import functools
import hashlib
import json
import math
import os
import re
import stat
import struct
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lecture_utils.errors import LectureError

if TYPE_CHECKING:
    import zipfile

MAX_NOTEBOOK = 20_000_000  # bytes
MAX_ANSWER = 200_000  # bytes of one cell
MAX_ENTRIES = 100_000  # files in a folder or zip
MAX_TOTAL = 4_000_000_000  # bytes unpacked from one zip
MAX_RATIO = 200  # unpacked to packed, for what is larger than a megabyte
MAX_FOLDERS = 8  # one within the other
_CHUNK = 1 << 20
_LONGEST_PART = 255  # bytes of one folder's or file's name
_SHORT_NAME = 80  # characters of a student's id in a file's name

_MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_(?P<kind>[a-z]+)_?(?P<rest>.*)", re.S)
_CANVAS = re.compile(r"(?P<name>[^\W_]+)_(?:LATE_)?(?P<number>\d+)_(?P<submission>\d+)_(?P<rest>.+)", re.S)
_COPY = re.compile(r"(\((\d{1,6})\)|[-_ ][Cc]opy[ _]?(\d{0,6}))$")
_COPIES = 20  # of one name, one after the other: "ada (1) (1) - Copy"
_YEARS = range(1980, 2201)  # a time beyond them is damaged
_SLUG = re.compile(r"\d\d_[a-z0-9_]+")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.I)
_WRAPPERS = {"submitted", "submissions"}


@dataclass(frozen=True)
class Flaw:
    """Why one answer cannot be graded.

    Attributes
    ----------
    state : str
        ``"missing"`` or ``"duplicate"``.
    words : str
        For the student to read.
    """

    state: str
    words: str


@dataclass(frozen=True)
class Submission:
    """What is taken from one notebook.

    Attributes
    ----------
    student : str
        Who handed it in, as the file, the folder or the roster has it.
    name : str
        The full name where it is known.
    number : str
        The number that Moodle or Canvas gives the student, where it is known.
    file : str
        Where it was found, for people.
    submitted : datetime or None
        When, with a zone.
    source : str
        Where that time comes from.
    attempt : int
        Orders submissions of the same time.
    answers : dict
        The text of each answer cell that was found once.
    flaws : dict
        What is wrong with the other answer cells.
    """

    student: str
    name: str
    number: str
    file: str
    submitted: datetime.datetime | None
    source: str
    attempt: int
    answers: Mapping[str, str]
    flaws: Mapping[str, Flaw]

    @property
    def order(self) -> tuple[float, int, str]:
        """Sorts the submissions of one student from the oldest to the newest."""
        return (self.submitted.timestamp() if self.submitted else -math.inf, self.attempt, self.file)


@dataclass(frozen=True)
class Rejected:
    """Something that cannot be graded.

    Attributes
    ----------
    student : str
        Whose it is, or "" where that is not known.
    name, number, file : str
        As in a submission.
    why : str
        The reason, in one line.
    """

    student: str
    name: str
    number: str
    file: str
    why: str


@dataclass
class Collected:
    """All that was found: submissions, what was rejected, and remarks for the instructor."""

    submissions: list[Submission] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _Reject(Exception):
    """An entry cannot be graded; the message says why."""


@dataclass(frozen=True)
class _Found:
    """One file: where, how to read it, when it was written, or why it is rejected."""

    parts: tuple[str, ...]
    read: Callable[[], bytes]
    when: datetime.datetime | None
    source: str
    why: str = ""

    @property
    def is_notebook(self) -> bool:
        return self.parts[-1].lower().endswith(".ipynb")

    @property
    def file(self) -> str:
        return shown("/".join(self.parts), 200)


# --- names --------------------------------------------------------------------------------------------------


def shown(text: str, longest: int = 120) -> str:
    """Return a text fit for a line of a terminal or page: short, no control or direction characters."""
    clean = "".join(
        character
        if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )
    return clean if len(clean) <= longest else clean[: longest - 3] + "..."


def safe_name(student: str) -> str:
    """Return a student's id as the beginning of a file's name on any system.

    Where anything had to be changed, a piece of a checksum keeps two students apart.
    """
    text = unicodedata.normalize("NFC", student)
    kept = "".join(
        character for character in text if unicodedata.category(character)[0] not in "CZ" or character == " "
    )
    kept = re.sub(r'[/\\:*?"<>|%&#\'`$;!~=]', "_", kept)
    kept = kept[:_SHORT_NAME].strip(" .-") or "student"
    while len(kept.encode("utf-8")) > 2 * _SHORT_NAME:
        kept = kept[:-1]
    if kept != student or _RESERVED.fullmatch(kept):
        return f"{kept}~{_digest(student)}"
    return kept


def file_names(students: Iterable[str]) -> dict[str, str]:
    """Return a file name for each student; they differ by more than upper and lower case."""
    names = {student: safe_name(student) for student in students}
    often = Counter(name.casefold() for name in names.values())
    return {
        student: name if often[name.casefold()] == 1 else f"{name}~{_digest(student)}"
        for student, name in names.items()
    }


def names_of(student: str) -> tuple[str, str]:
    """Return each file name that a student may have been given, whoever else there was at that time."""
    name = safe_name(student)
    return name, f"{name}~{_digest(student)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


# --- tables that an instructor gives ------------------------------------------------------------------------


@dataclass(frozen=True)
class Person:
    """One line of the roster."""

    student: str
    name: str = ""
    email: str = ""
    number: str = ""
    sis: str = ""
    section: str = ""


class Roster:
    """Who takes the course.

    Parameters
    ----------
    people : iterable of Person
        Each student once.
    """

    def __init__(self, people: Iterable[Person] = ()) -> None:
        self.people: dict[str, Person] = {person.student: person for person in people}
        self._aliases: dict[str, set[str]] = {}
        for person in self.people.values():
            for alias in (person.student, person.name, person.number, person.email, person.sis):
                if alias:
                    self._aliases.setdefault(_key(alias), set()).add(person.student)

    def find(self, *aliases: str) -> str | None:
        """Return the student who is meant by the first alias that fits exactly one."""
        for alias in aliases:
            if alias in self.people:
                return alias
            fitting = self._aliases.get(_key(alias), set()) if alias else set()
            if len(fitting) == 1:
                return next(iter(fitting))
        return None


def _key(alias: str) -> str:
    return unicodedata.normalize("NFC", alias).casefold().strip()


def _table(path: Path, what: str) -> list[list[str]]:
    try:
        if path.stat().st_size > MAX_NOTEBOOK:
            raise LectureError(f"{what} {path} is too large.")
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [[cell.strip() for cell in row] for row in csv.reader(stream)]
    except UnicodeDecodeError as error:
        raise LectureError(f"{what} {path} is not UTF-8 text; save it as CSV in UTF-8.") from error
    except csv.Error as error:
        raise LectureError(f"{what} {path} is not CSV: {error}.") from error
    except OSError as error:
        raise LectureError(f"cannot read {what} {path}: {error.strerror or error}.") from error
    return [[unicodedata.normalize("NFC", cell) for cell in row] for row in rows if any(row)]


_COLUMNS = {
    "student": "student", "id": "student", "student id": "student", "username": "student",
    "name": "name", "full name": "name",
    "email": "email", "email address": "email",
    "identifier": "number", "moodle": "number", "canvas": "number", "number": "number",
    "sis": "sis", "sis user id": "sis",
    "section": "section",
}  # fmt: skip


def read_roster(path: Path) -> Roster:
    """Read who takes the course.

    Parameters
    ----------
    path : Path
        A CSV file with a column ``student`` and, if wanted, ``name``, ``email``, ``identifier`` (Moodle's
        or Canvas' number), ``sis`` and ``section``; or one id a line without a heading.

    Raises
    ------
    LectureError
        It cannot be read, or names a student twice.
    """
    rows = _table(path, "the list of students")
    if not rows:
        raise LectureError(f"the list of students {path} is empty.")
    heading = [_COLUMNS.get(cell.lower(), "") for cell in rows[0]]
    if "student" not in heading:
        heading = ["student"]
        body = rows
    else:
        body = rows[1:]
    people = []
    for row in body:
        cells = {column: cell for column, cell in zip(heading, row, strict=False) if column}
        cells["number"] = re.sub(r"^Participant\s+", "", cells.get("number", ""), flags=re.I)
        if cells.get("student"):
            people.append(Person(**cells))
    twice = [student for student, count in Counter(person.student for person in people).items() if count > 1]
    if twice:
        raise LectureError(f"the list of students {path} names {shown(twice[0])} twice.")
    return Roster(people)


def _sane(when: datetime.datetime | None) -> datetime.datetime | None:
    """Return a time that can be reckoned with in any zone, else None."""
    return when if when is not None and when.year in _YEARS else None


def moment(text: object) -> datetime.datetime | None:
    """Return the time that was kept as text; None where there is none, or it is damaged."""
    try:
        when = _sane(datetime.datetime.fromisoformat(text)) if isinstance(text, str) else None
        return when.astimezone() if when is not None and when.tzinfo is None else when
    except (ValueError, OverflowError, OSError):
        return None


def read_time(text: str) -> datetime.datetime:
    """Read ``2026-11-20T23:59`` (local time) or ``2026-11-20T23:59+01:00``; else a LectureError."""
    try:
        if re.fullmatch(r"[\d-]+|\d+-?W[\dW-]+", text.strip()):
            raise ValueError("a day without a time would mean its first minute")
        when = datetime.datetime.fromisoformat(text.strip())
        if _sane(when) is None:
            raise LectureError(
                f"a time lies in the years {_YEARS[0]} to {_YEARS[-1]}, other than {shown(text, 40)!r}."
            )
        return when.astimezone() if when.tzinfo is None else when
    except (ValueError, OverflowError, OSError) as error:
        raise LectureError(
            f"a time is written as 2026-11-20T23:59 or 2026-11-20T23:59+01:00, not {shown(text, 40)!r}."
        ) from error


def read_times(path: Path) -> dict[str, datetime.datetime]:
    """Read when students handed in, from a CSV file with the columns student and time."""
    rows = _table(path, "the list of times")
    if rows and [cell.lower() for cell in rows[0][:2]] == ["student", "time"]:
        rows = rows[1:]
    short = [row for row in rows if len(row) < 2 or not row[0] or not row[1]]
    if short:
        raise LectureError(
            f"each line of {path} holds a student and a time; one does not: {shown(','.join(short[0]))}."
        )
    return {row[0]: read_time(row[1]) for row in rows}


# --- late ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Penalty:
    """What lateness costs.

    Attributes
    ----------
    amount : float
        A day.
    percent : bool
        Whether the amount is a percentage of the points that can be had.
    limit : float or None
        The most that is taken off.
    limit_percent : bool
        Whether the limit is a percentage.
    """

    amount: float
    percent: bool
    limit: float | None = None
    limit_percent: bool = False

    def points(self, days: int, maximum: float) -> float:
        """Return what is taken off for this many days."""
        taken = days * (self.amount * maximum / 100 if self.percent else self.amount)
        if self.limit is not None:
            taken = min(taken, self.limit * maximum / 100 if self.limit_percent else self.limit)
        return round(min(taken, maximum), 4)

    def __str__(self) -> str:
        def words(amount: float, percent: bool) -> str:
            if percent:
                return f"{amount:g} % of the points that can be had"
            return f"{amount:g} {'point' if amount == 1 else 'points'}"

        limit = "" if self.limit is None else f", at most {words(self.limit, self.limit_percent)}"
        return f"{words(self.amount, self.percent)} for each day that has begun{limit}"


_AMOUNT = r"(\d+(?:\.\d+)?)\s*(%|points?|pts?)"
_PENALTY = re.compile(
    rf"{_AMOUNT}\s*(?:/|per|a|each)\s*day(?:\s*,?\s*(?:up to|at most|max\.?)\s*{_AMOUNT})?", re.I
)


def read_penalty(text: str) -> Penalty:
    """Read ``10%/day``, ``2 points/day`` or ``10%/day up to 50%``; LectureError where it is none of these."""
    found = _PENALTY.fullmatch(text.strip())
    if not found:
        raise LectureError(
            f"a penalty is written as 10%/day, 2 points/day or 10%/day up to 50%, not {shown(text, 40)!r}."
        )
    amount, unit, limit, limit_unit = found.groups()
    return Penalty(float(amount), unit == "%", None if limit is None else float(limit), limit_unit == "%")


def late_days(submitted: datetime.datetime | None, due: datetime.datetime | None) -> int:
    """Return the number of days after the due time that have begun; 0 where a time is not known."""
    if submitted is None or due is None or submitted <= due:
        return 0
    return math.ceil((submitted - due) / datetime.timedelta(days=1))


# --- notebooks ----------------------------------------------------------------------------------------------


def read_answers(data: bytes, ids: Collection[str], slug: str) -> tuple[dict[str, str], dict[str, Flaw]]:
    """Take the text of the answer cells from a notebook; nothing else in it is looked at.

    Parameters
    ----------
    data : bytes
        The file.
    ids : collection of str
        The grade ids of the answer cells.
    slug : str
        The exercise's name, for the message.

    Returns
    -------
    answers : dict
        The text of each answer cell that is there once.
    flaws : dict
        What is wrong with the others.

    Raises
    ------
    LectureError
        It is no notebook, or none of this exercise; the message says what is wrong with it.
    """
    try:
        return _read_answers(data, ids, slug)
    except _Reject as error:
        raise LectureError(str(error)) from error


def _read_answers(data: bytes, ids: Collection[str], slug: str) -> tuple[dict[str, str], dict[str, Flaw]]:
    if not data.strip():
        raise _Reject("it is empty")
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _Reject("it is not a notebook (not UTF-8 text)") from error
    except RecursionError as error:
        raise _Reject("it is not a notebook (nested too deeply)") from error
    except ValueError as error:
        raise _Reject("it is not a notebook (not valid JSON)") from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise _Reject("it is not a notebook of Jupyter's format 4 (it has no list of cells)")
    found: dict[str, list[object]] = {}
    others = False
    for cell in cells:
        grade_id = _grade_id(cell)
        if grade_id is not None and grade_id in ids:
            found.setdefault(grade_id, []).append(_text(cell))
        else:
            others |= grade_id is not None
    if not found:
        hint = "it seems to be of another exercise" if others else "it holds no answer cells"
        raise _Reject(f"it is not a notebook of exercise {slug}: {hint}")
    if len(found) < len(ids) and _named_otherwise(notebook, slug):
        raise _Reject(f"it is not a notebook of exercise {slug}: it seems to be of another exercise")
    answers, flaws = {}, {}
    for grade_id in ids:
        texts = found.get(grade_id, [])
        if not texts:
            flaws[grade_id] = Flaw("missing", f"the answer cell {grade_id!r} is not in the notebook")
        elif len(texts) > 1:
            flaws[grade_id] = Flaw(
                "duplicate",
                f"the answer cell {grade_id!r} is in the notebook {len(texts)} times, so none of them counts",
            )
        elif not isinstance(texts[0], str):
            flaws[grade_id] = Flaw("missing", f"the answer cell {grade_id!r} is not a code cell with text")
        elif len(texts[0].encode("utf-8")) > MAX_ANSWER:
            flaws[grade_id] = Flaw(
                "missing",
                f"the answer cell {grade_id!r} is longer than {MAX_ANSWER // 1000} kB and was not read",
            )
        else:
            answers[grade_id] = texts[0]
    return answers, flaws


def _named_otherwise(notebook: dict, slug: str) -> bool:
    """Tell whether a notebook says that it is of another exercise; two may have answer cells of one name."""
    said: object = notebook
    for key in ("metadata", "lecture", "exercise"):
        said = said.get(key) if isinstance(said, dict) else None
    return isinstance(said, str) and said != slug


def _grade_id(cell: object) -> str | None:
    for key in ("metadata", "nbgrader", "grade_id"):
        if not isinstance(cell, dict):
            return None
        cell = cell.get(key)
    return cell if isinstance(cell, str) else None


def _text(cell: dict) -> str | None:
    """Return the text of a code cell without what no source file can hold; None where it has none."""
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if cell.get("cell_type") != "code" or not isinstance(source, str):
        return None
    source = source.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return source.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


# --- a folder -----------------------------------------------------------------------------------------------


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini", "__pycache__")


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _nothing() -> bytes:
    raise _Reject("it cannot be read")


def _walk(root: Path) -> Iterator[_Found]:
    waiting: list[tuple[Path, tuple[str, ...]]] = [(root, ())]
    seen = 0
    while waiting:
        folder, parts = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            if not parts:
                raise LectureError(f"cannot read {root}: {error.strerror or error}.") from error
            yield _Found(parts, _nothing, None, "", f"the folder cannot be read: {error.strerror or error}")
            continue
        for entry in entries:
            seen += 1
            if seen > MAX_ENTRIES:
                raise LectureError(
                    f"{root} holds more than {MAX_ENTRIES:,} files; name the folder of the submissions."
                )
            if _is_junk(entry.name):
                continue
            here = (*parts, entry.name)
            flaw = ""
            if not _is_utf8(entry.name):
                flaw = "its name is not UTF-8"
            elif entry.is_symlink():
                flaw = "it is a symbolic link"
            elif entry.is_dir(follow_symlinks=False):
                if len(here) <= MAX_FOLDERS:
                    waiting.append((folder / entry.name, here))
                    continue
                flaw = f"it lies in more than {MAX_FOLDERS} folders"
            elif not entry.is_file(follow_symlinks=False):
                flaw = "it is not an ordinary file"
            yield _on_disk(folder / entry.name, here, flaw)


def _on_disk(path: Path, parts: tuple[str, ...], flaw: str = "") -> _Found:
    when = None
    if not flaw:
        try:
            when = _sane(datetime.datetime.fromtimestamp(path.lstat().st_mtime, datetime.UTC))
        except (OSError, ValueError, OverflowError):
            when = None
    return _Found(parts, lambda: _read_file(path), when, "the file's time", flaw)


def _read_file(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise _Reject("it is not an ordinary file")
            data = stream.read(MAX_NOTEBOOK + 1)
    except OSError as error:
        raise _Reject(f"it cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_NOTEBOOK:
        raise _Reject(f"it is larger than {MAX_NOTEBOOK // 1_000_000} MB")
    return data


# --- a zip --------------------------------------------------------------------------------------------------


def _without_wrong_names(path: Path) -> zipfile.ZipFile:
    """Open a zip; a name that claims to be UTF-8 and is not does not keep the others from being read."""
    import mmap
    import zipfile

    try:
        return zipfile.ZipFile(path)
    except UnicodeDecodeError:
        pass

    class Map(mmap.mmap):
        def seekable(self) -> bool:
            return True

    with path.open("rb") as stream:
        content = Map(stream.fileno(), 0, access=mmap.ACCESS_COPY)  # the file itself is not changed
    end = content.rfind(b"PK\x05\x06")
    count, size = struct.unpack("<HI", content[end + 10 : end + 16])
    position = end - size
    for _ in range(count):
        if content[position : position + 4] != b"PK\x01\x02":
            break
        flags = struct.unpack("<H", content[position + 8 : position + 10])[0]
        lengths = struct.unpack("<HHH", content[position + 28 : position + 34])
        name = content[position + 46 : position + 46 + lengths[0]]
        try:
            name.decode("utf-8")
        except UnicodeDecodeError:
            content[position + 8 : position + 10] = struct.pack("<H", flags & ~0x800)
        position += 46 + sum(lengths)
    return zipfile.ZipFile(content)  # type: ignore[call-overload]


def _open_zip(path: Path) -> zipfile.ZipFile:
    import zipfile

    try:
        return _without_wrong_names(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, EOFError) as error:
        raise LectureError(f"{path} is not a zip that can be read: {shown(str(error))}.") from error
    except OSError as error:
        raise LectureError(f"cannot read {path}: {error.strerror or error}.") from error


def _zip_name(info: zipfile.ZipInfo) -> str | None:
    """Return an entry's name; None where it is not UTF-8. Some programs write UTF-8 without saying so."""
    raw = info.orig_filename
    if info.flag_bits & 0x800:
        return raw
    try:
        return raw.encode("cp437").decode("utf-8")
    except UnicodeError:
        return None


def _zip_time(info: zipfile.ZipInfo) -> datetime.datetime | None:
    """Return when an entry was written: exactly where the zip has it, else its local time."""
    extra = info.extra
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        if kind == 0x5455 and length >= 5 and extra[4] & 1 and len(extra) >= 9:
            return _sane(datetime.datetime.fromtimestamp(struct.unpack("<i", extra[5:9])[0], datetime.UTC))
        extra = extra[4 + length :]
    try:
        return _sane(datetime.datetime(*info.date_time).astimezone())
    except (ValueError, OverflowError, OSError):
        return None


def _zip_flaw(info: zipfile.ZipInfo, name: str | None, often: Mapping[str, int]) -> str:
    import zipfile

    kind = stat.S_IFMT(info.external_attr >> 16)
    if name is None:
        return "its name is not UTF-8"
    if "\0" in name:
        return "its name holds a character that no name may hold"
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in parts:
        return "its name leads out of the zip"
    if kind and kind != stat.S_IFREG:
        return "it is a symbolic link" if kind == stat.S_IFLNK else "it is not an ordinary file"
    if often[name] > 1:
        return "the zip holds several files of this name"
    if len(parts) > MAX_FOLDERS + 1:
        return f"it lies in more than {MAX_FOLDERS} folders"
    if info.flag_bits & 1:
        return "it is encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "it is compressed in an unusual way"
    return ""


def _unzip(path: Path, archive: zipfile.ZipFile) -> Iterator[_Found]:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise LectureError(f"{path} holds more than {MAX_ENTRIES:,} files; it is not what a course hands in.")
    names = {id(info): _zip_name(info) for info in entries}
    often = Counter(name for name in names.values() if name is not None)
    total = [0]
    for info in sorted(entries, key=lambda info: info.orig_filename):
        name = names[id(info)]
        display = info.orig_filename if name is None else name
        parts = tuple(part for part in display.replace("\\", "/").split("/") if part not in ("", "."))
        if (
            display.endswith(("/", "\\"))
            or not parts
            or any(_is_junk(part) for part in parts if part != "..")
        ):
            continue
        yield _Found(
            tuple(part for part in parts if part != "..") or ("",),
            functools.partial(_read_entry, archive, info, total),
            _zip_time(info),
            "the zip's time",
            _zip_flaw(info, name, often),
        )


def _read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, total: list[int]) -> bytes:
    """Unpack one entry in memory; the sizes that the zip claims are not believed."""
    import zipfile

    data = bytearray()
    try:
        with archive.open(info) as stream:
            while chunk := stream.read(_CHUNK):
                data += chunk
                total[0] += len(chunk)
                if len(data) > MAX_NOTEBOOK:
                    raise _Reject(f"it is larger than {MAX_NOTEBOOK // 1_000_000} MB")
                if len(data) > _CHUNK and len(data) > MAX_RATIO * max(info.compress_size, 1):
                    raise _Reject(f"it unpacks to more than {MAX_RATIO} times its size")
                if total[0] > MAX_TOTAL:
                    raise _Reject(f"the zip unpacks to more than {MAX_TOTAL // 1_000_000:,} MB")
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
        struct.error,
    ) as error:
        raise _Reject(f"the zip is damaged here: {shown(str(error))}") from error
    except OSError as error:
        raise _Reject(f"it cannot be read: {error.strerror or error}") from error
    return bytes(data)


# --- whose is it --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Owner:
    student: str
    name: str = ""
    number: str = ""
    attempt: int = 0


def _file_id(stem: str, slug: str) -> tuple[str, int]:
    """Return the student's id in a file's name, without the exercise's name, and which copy it is."""
    text, attempt = unicodedata.normalize("NFC", stem), 0
    for _ in range(_COPIES):
        found = _COPY.search(text)
        if not found:
            break
        attempt = max(attempt, int(found[2] or found[3] or 1))
        text = text[: found.start()].rstrip()
        if found[2] is None:
            text = text.rstrip("-_ ")
    separators = "-_ ."
    low = text.lower()
    if low == slug:
        return "", attempt
    for separator in separators:
        if low.startswith(slug + separator):
            text = text[len(slug) + 1 :]
            break
        if low.endswith(separator + slug):
            text = text[: -len(slug) - 1]
            break
    return text.strip(separators), attempt


def _owner(parts: Sequence[str], slug: str) -> _Owner:
    """Tell from the folders and the name of a file whose it is."""
    parts = [unicodedata.normalize("NFC", part) for part in parts]
    folders = [part for part in parts[:-1] if part != slug]
    stem = re.sub(r"\.ipynb$", "", parts[-1], flags=re.I)
    attempt = _file_id(stem, slug)[1]
    found = _MOODLE.fullmatch(folders[0] if folders else stem)
    if found:
        return _Owner(f"{found['name']}_{found['number']}", found["name"], found["number"], attempt)
    if folders:
        return _Owner(folders[0], attempt=attempt)
    found = _CANVAS.fullmatch(stem)
    if found:
        again = re.search(r"-(\d+)$", found["rest"])
        attempt = max(attempt, int(again[1]) if again and len(again[1]) < 4 else 0)
        return _Owner(f"{found['name']}_{found['number']}", found["name"], found["number"], attempt)
    return _Owner(*_file_id(stem, slug)[:1], attempt=attempt)


def _wrapper(paths: Sequence[tuple[str, ...]], slug: str, archive: str) -> bool:
    """Tell whether the folder that all files lie in stands for the course, not for a student."""
    if not paths or any(len(parts) < 2 for parts in paths) or len({parts[0] for parts in paths}) != 1:
        return False
    head = paths[0][0]
    if _MOODLE.fullmatch(head):
        return False
    if head.lower() in _WRAPPERS or head in (slug, archive):
        return True
    if all(len(parts) == 2 for parts in paths):
        owners = {_owner(parts[1:], slug).student for parts in paths}
    else:
        owners = {parts[1] for parts in paths if len(parts) > 2 and not _SLUG.fullmatch(parts[1])}
    return len(owners) > 1 and "" not in owners


def _without_wrappers(found: list[_Found], slug: str, archive: str) -> list[_Found]:
    while True:
        paths = [entry.parts for entry in found if entry.is_notebook]
        if not _wrapper(paths, slug, archive):
            return found
        head = paths[0][0]
        found = [
            _Found(entry.parts[1:], entry.read, entry.when, entry.source, entry.why)
            for entry in found
            if entry.parts[0] == head and len(entry.parts) > 1
        ]


def _same_student(owners: list[_Owner], roster: Roster) -> list[_Owner]:
    """Take ``ada-1`` for another submission of ``ada`` where there is an ``ada``."""
    known = {owner.student for owner in owners}
    result = []
    for owner in owners:
        again = re.fullmatch(r"(.+)-(\d{1,2})", owner.student)
        if again and not owner.number and roster.find(owner.student) is None:
            base = again[1]
            if base in known or roster.find(base) is not None:
                owner = _Owner(base, owner.name, "", int(again[2]))
        student = roster.find(owner.student, owner.number, owner.name)
        if student is not None:
            person = roster.people[student]
            owner = _Owner(student, person.name or owner.name, owner.number or person.number, owner.attempt)
        result.append(owner)
    return result


# --- all together -------------------------------------------------------------------------------------------


def collect(
    path: Path,
    slug: str,
    ids: Collection[str],
    roster: Roster | None = None,
    times: Mapping[str, datetime.datetime] | None = None,
) -> Collected:
    """Find all submissions and read the answers in them.

    Parameters
    ----------
    path : Path
        A folder, a zip or a notebook.
    slug : str
        The exercise's name.
    ids : collection of str
        The grade ids of its answer cells.
    roster : Roster, optional
        Who takes the course: then ids, names and numbers are recognized.
    times : mapping, optional
        When students handed in; it is taken for the newest submission of each.

    Raises
    ------
    LectureError
        There is nothing to grade, or it cannot be read at all.
    """
    roster = roster or Roster()
    result = Collected()
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise LectureError(f"cannot read the submissions {path}: {error.strerror or error}.") from error
    if stat.S_ISDIR(mode):
        root = path
        if (path / "submitted").is_dir() and not (path / "submitted").is_symlink():
            root = path / "submitted"
            result.notes.append(f"took the submissions from {root}.")
        _read_all(list(_walk(root)), result, slug, ids, roster)
    elif stat.S_ISREG(mode) and path.suffix.lower() == ".ipynb":
        _read_all([_on_disk(path.resolve(), (path.name,))], result, slug, ids, roster, nameless=_Owner(slug))
    elif stat.S_ISREG(mode) and path.suffix.lower() == ".zip":
        with _open_zip(path) as archive:
            _read_all(list(_unzip(path, archive)), result, slug, ids, roster, path.stem)
    else:
        raise LectureError(
            f"{path} is no folder, zip or notebook; unpack other archives and name the folder."
        )
    _apply_times(result, times or {}, roster)
    if not result.submissions and not result.rejected:
        raise LectureError(f"{path} holds no notebook (*.ipynb); name the folder or zip of the submissions.")
    return result


def _read_all(
    found: list[_Found],
    result: Collected,
    slug: str,
    ids: Collection[str],
    roster: Roster,
    archive: str = "",
    nameless: _Owner | None = None,
) -> None:
    everything = _without_wrappers([_within_limits(entry) for entry in found], slug, archive)
    other = [entry for entry in everything if entry.is_notebook and _of_another(entry.parts, slug)]
    if other:
        count = "1 notebook" if len(other) == 1 else f"{len(other)} notebooks"
        result.notes.append(f"left {count} in folders of other exercises alone, for example {other[0].file}.")
    everything = [entry for entry in everything if not _of_another(entry.parts, slug)]
    notebooks = [entry for entry in everything if entry.is_notebook]
    owners = _same_student([_owner(entry.parts, slug) for entry in notebooks], roster)
    for entry, owner in zip(notebooks, owners, strict=True):
        _read_one(entry, owner if owner.student else nameless or owner, result, slug, ids)
    _without_notebook(everything, result, slug, roster)


def _within_limits(entry: _Found) -> _Found:
    """Reject what has endless names or folders, and cut its names before a pattern reads them."""

    def long(part: str) -> bool:
        return len(part) > _LONGEST_PART or len(part.encode("utf-8", "surrogatepass")) > _LONGEST_PART

    parts, why = entry.parts, entry.why
    if len(parts) > MAX_FOLDERS + 1:
        parts = (*parts[:MAX_FOLDERS], parts[-1])
        why = why or f"it lies in more than {MAX_FOLDERS} folders"
    if any(long(part) for part in parts):
        end = ".ipynb" if entry.is_notebook else ""
        cut = [f"{part[:60]}..." if long(part) else part for part in parts]
        parts = (*cut[:-1], cut[-1] + end if long(parts[-1]) else cut[-1])
        why = why or f"a name of more than {_LONGEST_PART} bytes"
    return dataclasses.replace(entry, parts=parts, why=why)


def _of_another(parts: Sequence[str], slug: str) -> bool:
    return any(_SLUG.fullmatch(part) and part != slug for part in parts[1:-1])


def _read_one(entry: _Found, owner: _Owner, result: Collected, slug: str, ids: Collection[str]) -> None:
    try:
        if entry.why:
            raise _Reject(entry.why)
        if not owner.student:
            raise _Reject("neither its name nor a folder says whose it is")
        if len(owner.student) > 250:
            raise _Reject("its name is too long to be a student's")
        answers, flaws = _read_answers(entry.read(), ids, slug)
    except _Reject as error:
        result.rejected.append(
            Rejected(owner.student[:250], owner.name, owner.number, entry.file, str(error))
        )
        return
    result.submissions.append(
        Submission(
            owner.student,
            owner.name,
            owner.number,
            entry.file,
            entry.when,
            entry.source if entry.when else "no time",
            owner.attempt,
            answers,
            flaws,
        )
    )


def _without_notebook(everything: list[_Found], result: Collected, slug: str, roster: Roster) -> None:
    """Report those who handed in something, but no notebook."""
    known = {each.student for each in result.submissions} | {each.student for each in result.rejected}
    seen: dict[str, tuple[_Owner, _Found]] = {}
    for entry in everything:
        if entry.is_notebook:
            continue
        personal = (
            len(entry.parts) > 1 or _MOODLE.fullmatch(entry.parts[0]) or _CANVAS.fullmatch(entry.parts[0])
        )
        if not personal and not entry.why:
            continue  # a README beside the notebooks
        (owner,) = _same_student([_owner(entry.parts, slug)], roster)
        if entry.why and owner.student not in known:
            result.rejected.append(
                Rejected(owner.student[:250], owner.name, owner.number, entry.file, entry.why)
            )
            known.add(owner.student)
        elif owner.student not in known:
            seen.setdefault(owner.student, (owner, entry))
    for student, (owner, entry) in seen.items():
        if student not in known:
            why = "there is no notebook (*.ipynb) among the files, for example " + shown(entry.parts[-1], 60)
            result.rejected.append(Rejected(student[:250], owner.name, owner.number, entry.file, why))


def _apply_times(result: Collected, times: Mapping[str, datetime.datetime], roster: Roster) -> None:
    known = {submission.student for submission in result.submissions}
    for alias, moment in times.items():
        student = alias if alias in known else roster.find(alias)
        if student not in known:
            result.notes.append(f"the list of times names {shown(alias)}, of whom there is no submission.")
            continue
        of_student = [each for each in result.submissions if each.student == student]
        newest = max(of_student, key=lambda each: each.order)
        result.submissions[result.submissions.index(newest)] = dataclasses.replace(
            newest, submitted=moment, source="the list of times"
        )
