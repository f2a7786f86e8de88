"""Files are written whole or not at all; settings say where."""

import errno
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from lecture_utils import paths
from lecture_utils.errors import LectureError


def test_settings_move_data_and_scoreboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LECTURE_SCOREBOARD")
    monkeypatch.setenv("LECTURE_DATA_DIR", str(tmp_path))
    assert paths.data_dir() == tmp_path
    assert paths.cache_dir() == tmp_path / "cache"
    assert paths.scoreboard_path() == tmp_path / "scoreboard.json"
    monkeypatch.setenv("LECTURE_SCOREBOARD", str(tmp_path / "mine.json"))
    assert paths.scoreboard_path() == tmp_path / "mine.json"


def test_without_settings_everything_lies_in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LECTURE_DATA_DIR", raising=False)
    assert (paths.project_root() / "notebooks").is_dir()
    assert paths.data_dir() == paths.project_root() / "data"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_or_read_only_disk_gives_one_line_and_leaves_the_old_file(tmp_path: Path, code: int) -> None:
    path = tmp_path / "results.json"
    path.write_text("old")

    def write(stream: BinaryIO) -> None:
        stream.write(b"ne")
        raise OSError(code, os.strerror(code))

    with pytest.raises(LectureError, match=os.strerror(code)) as caught:
        paths.atomic_write(path, write)
    assert "\n" not in str(caught.value)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_an_interrupted_writer_leaves_nothing_behind(tmp_path: Path) -> None:
    def write(stream: BinaryIO) -> None:
        stream.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        paths.atomic_write(tmp_path / "new", write)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LectureError, match="cannot write"):
        paths.atomic_write(tmp_path / "file" / "below", lambda stream: None)


def test_a_written_file_is_whole_and_others_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"

    def write(stream: BinaryIO) -> None:
        stream.write(b"all of it")

    paths.atomic_write(path, write)
    assert path.read_bytes() == b"all of it"
    assert path.stat().st_mode & 0o777 == 0o644
