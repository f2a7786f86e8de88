"""Where the workbook keeps its things, and how a file is written so that nobody ever sees half of it."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from lecture_utils.errors import LectureError


def project_root() -> Path:
    """Return the checkout that holds ``notebooks/``, or the current folder where there is none (Colab)."""
    root = Path(__file__).resolve().parent.parent
    return root if (root / "notebooks").is_dir() else Path.cwd()


def data_dir() -> Path:
    """Return the folder for prepared data, caches and results: ``LECTURE_DATA_DIR``, else ``data/``."""
    given = os.environ.get("LECTURE_DATA_DIR")
    return Path(given).expanduser() if given else project_root() / "data"


def cache_dir() -> Path:
    """Return the folder for what can be made again: ``data/cache/``."""
    return data_dir() / "cache"


def scoreboard_path() -> Path:
    """Return the file of your measured results: ``LECTURE_SCOREBOARD``, else ``data/scoreboard.json``."""
    given = os.environ.get("LECTURE_SCOREBOARD")
    return Path(given).expanduser() if given else data_dir() / "scoreboard.json"


def progress_path() -> Path:
    """Return the file of what you solved: ``LECTURE_PROGRESS``, else ``data/progress.json``."""
    given = os.environ.get("LECTURE_PROGRESS")
    return Path(given).expanduser() if given else data_dir() / "progress.json"


def reference_scoreboard_path() -> Path:
    """Return the file of the results that the authors measured; it comes with the workbook."""
    return project_root() / "data" / "results" / "scoreboard.json"


def atomic_write(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : Path
        The file to make or replace. Its folder is made where it is missing.
    write : callable
        Gets a binary stream and writes the content to it.

    Raises
    ------
    LectureError
        The disk is full or may not be written. The old file, where there was one, is untouched.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as stream:
            write(cast(BinaryIO, stream))
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise LectureError(
            f"cannot write {path}: {error.strerror or error}. Free some space, or name a folder you may "
            "write to in LECTURE_DATA_DIR."
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
