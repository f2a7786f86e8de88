"""What is kept of a grading: one file for each graded submission, written at once and as a whole.

Whatever ends the grader, what was graded before is not graded again: a result is found by a key made of the
exercise, the secret seed, the answers and the limits.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lecture_utils.errors import LectureError
from lecture_utils.grading import submissions

VERSION = 1  # part of each key: raised where the way of grading changes
RUN = "run.json"
LOCK = ".lock"
README = "README.txt"
_TEMPORARY = ".part-"
_OURS = {RUN, LOCK, README, "store"}

_README_TEXT = """\
These are the results of `lecture grade` for exercise {slug}.

grades.csv, grades.json   the table: one line for each student
summary.html              how the tasks went, what was rejected, what was not graded
feedback/                 a page for each student; nothing in it is secret from that student
leaderboard.csv, .html    only where the exercise has a leaderboard
export-*.csv              only where asked for: the marks for a learning-management system
gradebook.db, autograded/, source/, nbgrader_config.py
                          nbgrader's gradebook, for its formgrader
store/                    a file for each graded submission: answers, points, and what the code printed
run.json                  the secret seed and the options; whoever has the seed can draw the hidden inputs

What is stored about a student: the id and, where the files or the list of students have them, the name, the
number and the e-mail address; the file's name and time; the text of the answers; points, remarks, error
messages and the first lines of what the code printed. The submitted files themselves are not copied.

    lecture grade --forget STUDENT --out THIS_FOLDER

deletes all of it for one student, here. The submission in the folder or zip that it came from, and what was
already exported or copied elsewhere, is yours to delete. To delete everything, delete this folder.
"""


def digest(value: Any) -> str:
    """Return a hash of plain data."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def answers_digest(answers: Mapping[str, str], flaws: Mapping[str, submissions.Flaw]) -> str:
    """Return a hash of what a student handed in."""
    return digest([dict(answers), {name: [flaw.state, flaw.words] for name, flaw in flaws.items()}])


def write(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all.

    Raises
    ------
    LectureError
        The disk is full or may not be written. The old file, where there was one, is untouched.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_TEMPORARY)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise LectureError(
            f"cannot write {path}: {error.strerror or error}. What was graded so far is kept: free "
            "some space or mend the permissions, and start again."
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8; see :func:`write`."""
    write(path, text.encode("utf-8", "replace"))


def write_json(path: Path, value: Any) -> None:
    """Write plain data as JSON; see :func:`write`."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def remove(path: Path) -> bool:
    """Delete a file; whether there was one."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise LectureError(f"cannot delete {path}: {error.strerror or error}.") from error
    return True


class Store:
    """The results folder of one exercise.

    Parameters
    ----------
    out : Path
        The folder. It is made when something is written.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folder = out / "store"

    # --- the folder as a whole ---

    def about(self) -> dict[str, Any] | None:
        """Return what ``run.json`` says; None where there is none yet."""
        path = self.out / RUN
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise LectureError(
                f"{path} cannot be read ({error}); restore it, or name a new folder."
            ) from error
        if not isinstance(content, dict) or not all(
            isinstance(content.get(key), str) for key in ("exercise", "seed")
        ):
            raise LectureError(f"{path} is damaged; restore it, or name a new folder.")
        return content

    def check(self, slug: str) -> None:
        """Refuse a folder that holds something else."""
        about = self.about()
        if about is not None and about["exercise"] != slug:
            raise LectureError(
                f"{self.out} holds the results of {about['exercise']}; name another folder for {slug}."
            )
        if about is None and self.out.is_dir():
            try:
                others = [name for name in sorted(os.listdir(self.out)) if name not in _OURS]
            except OSError as error:
                raise LectureError(f"cannot read {self.out}: {error.strerror or error}.") from error
            if others:
                raise LectureError(
                    f"{self.out} holds other things, as {submissions.shown(others[0])}; name a new folder."
                )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second grader out of the folder, which is made where it is missing."""
        from filelock import FileLock, Timeout

        try:
            self.out.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            lock = FileLock(self.out / LOCK, timeout=0, mode=0o600)
            lock.acquire()
        except Timeout as error:
            raise LectureError(f"another `lecture grade` works in {self.out}; wait for it to end.") from error
        except OSError as error:
            raise LectureError(
                f"cannot write to {self.out}: {error.strerror or error}; name a folder that you may write to."
            ) from error
        try:
            self._clean()
            yield
        finally:
            lock.release()

    def _clean(self) -> None:
        """Remove what a killed grader had not finished to write."""
        for folder in (self.out, self.folder, self.out / "feedback"):
            for path in folder.glob(f"{_TEMPORARY}*"):
                remove(path)

    def start(self, slug: str, seed: str | None, details: Mapping[str, Any]) -> str:
        """Return the secret seed: the one given, the one kept from before, or a new one."""
        about = self.about() or {}
        chosen = seed or about.get("seed") or secrets.token_hex(16)
        write_json(self.out / RUN, {"exercise": slug, "seed": chosen, "version": VERSION, **details})
        write_text(self.out / README, _README_TEXT.format(slug=slug))
        return chosen

    # --- single results ---

    def _path(self, student: str, key: str) -> Path:
        return self.folder / f"{submissions.safe_name(student)}--{digest([student, key])[:16]}.json"

    def find(self, student: str, key: str) -> dict[str, Any] | None:
        """Return the result of a submission; None where it has none or its file is damaged."""
        record = self._load(self._path(student, key))
        return record if record and record["student"] == student and record["key"] == key else None

    def save(self, record: Mapping[str, Any]) -> None:
        """Keep one result."""
        write_json(self._path(record["student"], record["key"]), record)

    def records(self) -> list[dict[str, Any]]:
        """Return all results, in an order that does not change."""
        found = (self._load(path) for path in sorted(self.folder.glob("*.json")))
        return [record for record in found if record is not None]

    def _load(self, path: Path) -> dict[str, Any] | None:
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError):
            return None  # damaged: it is graded again
        except OSError as error:
            raise LectureError(f"cannot read {path}: {error.strerror or error}.") from error
        if not _whole(record):
            return None
        when = submissions.moment(record.get("submitted"))
        return {**record, "submitted": when.isoformat() if when else ""}

    def forget(self, student: str) -> list[Path]:
        """Delete all results of a student; return their files."""
        gone = []
        for path in sorted(self.folder.glob("*.json")):
            record = self._load(path)
            mine = record["student"] == student if record else self._damaged_of(student, path)
            if mine and remove(path):
                gone.append(path)
        return gone

    def _damaged_of(self, student: str, path: Path) -> bool:
        """Tell by its name whether a file that cannot be read is of a student."""
        names = map(re.escape, submissions.names_of(student))
        return re.fullmatch(rf"(?:{'|'.join(names)})--[0-9a-f]{{16}}\.json", path.name) is not None

    def students(self) -> set[str]:
        """Return everybody of whom there is a result."""
        return {record["student"] for record in self.records()}


_NUMBER = (int, float)
_RECORD: dict[str, Any] = {
    "student": str, "key": str, "content": str, "status": str, "why": str, "max": _NUMBER,
    "points": (*_NUMBER, type(None)), "tasks": dict, "answers": dict,
}  # fmt: skip
_MAYBE: dict[str, Any] = {
    "name": str, "number": str, "file": str, "submitted": str, "submitted_from": str, "flaws": dict,
}  # fmt: skip
_TASK: dict[str, Any] = {
    "points": (*_NUMBER, type(None)), "max": _NUMBER, "state": str, "words": str, "parts": list,
    "score": (*_NUMBER, type(None)),
}  # fmt: skip


def _whole(record: Any) -> bool:
    """Tell whether a result has all that is read from it."""
    return (
        isinstance(record, dict)
        and all(isinstance(record.get(name), kind) for name, kind in _RECORD.items())
        and all(isinstance(record[name], kind) for name, kind in _MAYBE.items() if name in record)
        and all(isinstance(text, str) for text in record["answers"].values())
        and all(
            isinstance(task, dict) and all(isinstance(task.get(name), kind) for name, kind in _TASK.items())
            for task in record["tasks"].values()
        )
        and all(
            isinstance(flaw, dict)
            and set(flaw) == {"state", "words"}
            and all(isinstance(text, str) for text in flaw.values())
            for flaw in record.get("flaws", {}).values()
        )
    )


def can_hold(out: Path, path: Path) -> None:
    """Refuse a results folder that lies in the submissions, or they in it.

    Raises
    ------
    LectureError
        One lies in the other.
    """
    results, handed_in = out.resolve(), path.resolve()
    if results.is_relative_to(handed_in) or handed_in.is_relative_to(results):
        raise LectureError(
            f"the results ({out}) and the submissions ({path}) lie in one another; name another folder."
        )


def unlink_all(paths: Iterable[Path]) -> int:
    """Delete files; return how many there were."""
    return sum(remove(path) for path in paths)
