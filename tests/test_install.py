"""The installer says in one line why it cannot go on, and leaves nothing half made."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "tools").mkdir(parents=True)
    (folder / "programs").mkdir()
    for name in ["tools/install.sh", "requirements.lock", "pyproject.toml", "Makefile"]:
        shutil.copy(ROOT / name, folder / name)
    return folder


def program(checkout: Path, name: str, text: str) -> None:
    """Put a program before all others of that name."""
    path = checkout / "programs" / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def install(checkout: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{checkout / 'programs'}:{os.environ['PATH']}", **settings}
    return subprocess.run(
        ["bash", "tools/install.sh", "venv"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_python_that_is_too_old_or_too_new_is_named(checkout: Path) -> None:
    program(checkout, "python3.9", 'case "$1" in --version) echo Python 3.9.18;; *) exit 1;; esac')
    run = install(checkout, PYTHON="python3.9")
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "needs Python 3.11, 3.12 or 3.13, found Python 3.9.18" in run.stderr
    assert not (checkout / "venv").exists()


def test_a_disk_that_is_too_small_is_named_before_anything_is_made(checkout: Path) -> None:
    program(checkout, "df", "printf 'Filesystem blocks used available\\nx 1 1 1024000 1 /\\n'")
    run = install(checkout)
    assert run.returncode == 1
    assert "needs about 4.5 GB of free disk space here, found 1000 MB" in run.stderr
    assert not (checkout / "venv").exists()


def test_a_failed_download_is_no_installation(checkout: Path) -> None:
    (checkout / "requirements.lock").write_text("no-such-package-for-this-test==1\n")
    run = install(checkout, PIP_NO_INDEX="1")
    assert run.returncode == 1
    assert "could not be installed" in run.stderr.splitlines()[-1]
    assert not (checkout / "venv" / ".installed").exists()


def test_make_installs_once_and_again_when_the_packages_change_or_the_folder_moves(checkout: Path) -> None:
    program(
        checkout,
        "bash",
        'mkdir -p "$2/bin"; touch "$2/bin/lecture"; chmod +x "$2/bin/lecture"; '
        'pwd > "$2/.installed"; echo installed >> log',
    )

    def log() -> int:
        own = {
            name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "VENV"}
        }
        environment = {**own, "PATH": f"{checkout / 'programs'}:{os.environ['PATH']}"}
        subprocess.run(
            ["make", "install", "SHELL=/bin/sh"],
            cwd=checkout,
            env=environment,
            check=True,
            capture_output=True,
        )
        return (checkout / "log").read_text().count("installed")

    assert log() == 1
    assert log() == 1
    lock = checkout / "requirements.lock"
    later = (checkout / ".venv/.installed").stat().st_mtime + 10
    os.utime(lock, (later, later))
    assert log() == 2
    moved = checkout.rename(checkout.with_name("moved"))
    checkout = moved
    assert log() == 3, "a moved environment is made anew"
