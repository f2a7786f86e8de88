"""Look at this machine, and say what keeps lectures from running and what to do about it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lecture_utils import paths
from lecture_utils.errors import LectureError

OK, NOTE, PROBLEM = "OK", "note", "problem"
LITTLE_MEMORY, TOO_LITTLE_MEMORY = 4.0, 2.0  # GB
LITTLE_DISK, TOO_LITTLE_DISK = 2.0, 0.2  # GB
START_SECONDS = 180
_NAMED = 6  # packages that a line names before it says how many more there are


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes
    ----------
    level : str
        ``"OK"``, ``"note"`` (something is optional, slow or different) or ``"problem"`` (lectures do not
        run).
    what : str
        What was looked at.
    text : str
        What was found, and what to do where it is not OK.
    """

    level: str
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.level:<8} {self.what:<12} {self.text}"


def installer(packages: Mapping[str, str]) -> str:
    """Return the line that installs system packages here.

    Parameters
    ----------
    packages : mapping of str to str
        For each package manager (``"apt-get"``, ``"dnf"``, ``"brew"``) the names of the packages.
    """
    for manager, names in packages.items():
        if shutil.which(manager):
            sudo = "" if manager == "brew" or getattr(os, "geteuid", lambda: 0)() == 0 else "sudo "
            return f"`{sudo}{manager} install {names}`"
    manager, names = next(iter(packages.items()))
    return f"for example `{manager} install {names}`"


def check_python() -> Finding:
    """Check that this is a Python that the lock file is made for."""
    version = platform.python_version()
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding(PROBLEM, "Python", f"{version}; install 3.11, 3.12 or 3.13, then run `make lab`.")
    if sys.maxsize < 2**32:
        return Finding(PROBLEM, "Python", f"{version} for 32 bit; TensorFlow needs one for 64 bit.")
    return Finding(OK, "Python", version)


def check_system() -> Finding:
    """Check that the workbook is supported on this system."""
    name = f"{platform.system()} {platform.release()}, {platform.machine()}"
    if platform.system() == "Windows":
        return Finding(PROBLEM, "system", f"{name}; install WSL (`wsl --install`) and work inside it.")
    return Finding(OK, "system", name)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def check_packages(lock: Path, installed: Mapping[str, str] | None = None) -> Finding:
    """Check that the packages of the lock file are installed, in its versions.

    Parameters
    ----------
    lock : Path
        ``requirements.lock``.
    installed : mapping of str to str, optional
        Names and versions of the installed packages, by default those of this Python.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    if installed is None:
        found = ((each.metadata["Name"], each.version) for each in importlib.metadata.distributions())
        installed = {_canonical(name): version for name, version in found if name}
    if not lock.exists():
        return Finding(NOTE, "packages", "there is no requirements.lock here to compare with.")
    missing, other, count = [], [], 0
    try:
        for line in lock.read_text(encoding="utf-8").splitlines():
            text = line.partition("#")[0].strip()
            if not text:
                continue
            requirement = Requirement(text)
            if requirement.marker is not None and not requirement.marker.evaluate():
                continue
            count += 1
            version = installed.get(_canonical(requirement.name))
            if version is None:
                missing.append(requirement.name)
            elif not requirement.specifier.contains(version, prereleases=True):
                other.append(f"{requirement.name} {version} (lock: {str(requirement.specifier).lstrip('=')})")
    except (InvalidRequirement, UnicodeDecodeError) as error:
        return Finding(NOTE, "packages", f"requirements.lock is damaged ({' '.join(str(error).split())}).")
    if missing:
        return Finding(
            PROBLEM, "packages", f"missing: {_enumerate(missing)}. `make lab` installs them in .venv."
        )
    if other:
        return Finding(
            NOTE, "packages", f"other versions: {_enumerate(other)}. `make lab` installs those of the lock."
        )
    return Finding(OK, "packages", f"{count}, all as in requirements.lock")


def _enumerate(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def memory_limit() -> float | None:
    """Return the memory limit of the container in bytes, None where there is none."""
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(file).read_text().strip()
        except OSError:
            continue
        if text.isdecimal() and int(text) < 2**60:
            return float(text)
    return None


def check_memory(total: float | None = None, available: float | None = None) -> Finding:
    """Check that there is memory for TensorFlow and a data set. Bytes given replace those measured."""
    import psutil

    measured = psutil.virtual_memory()
    limit = memory_limit()
    if total is None:
        total = min(measured.total, limit) if limit else measured.total
    if available is None:
        available = min(measured.available, total)
    text = f"{total / 1e9:.1f} GB, {available / 1e9:.1f} GB of it free"
    if total < TOO_LITTLE_MEMORY * 1e9:
        return Finding(
            PROBLEM, "memory", f"{text}; lectures need {TOO_LITTLE_MEMORY:g} GB, better {LITTLE_MEMORY:g}."
        )
    if available < TOO_LITTLE_MEMORY * 1e9:
        return Finding(
            NOTE, "memory", f"{text}; close other programs and notebooks before you run a lecture."
        )
    if total < LITTLE_MEMORY * 1e9:
        return Finding(NOTE, "memory", f"{text}; enough for one lecture at a time.")
    return Finding(OK, "memory", text)


def check_disk(free: float | None = None) -> Finding:
    """Check that there is disk space for data and results. Bytes given replace those measured."""
    place = paths.data_dir().absolute()
    while not place.exists():
        place = place.parent
    if free is None:
        free = shutil.disk_usage(place).free
    text = f"{free / 1e9:.1f} GB free for data and results"
    if free < TOO_LITTLE_DISK * 1e9:
        return Finding(PROBLEM, "disk", f"{text}; free some, or name another place in LECTURE_DATA_DIR.")
    if free < LITTLE_DISK * 1e9:
        return Finding(NOTE, "disk", f"{text}; real data sets need more.")
    return Finding(OK, "disk", text)


def check_writing() -> Finding:
    """Check that results may be written."""
    folder = paths.data_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as stream:
            stream.write(b"x")
    except OSError as error:
        text = (
            f"cannot write to {folder}: {error.strerror or error}; name another folder in LECTURE_DATA_DIR."
        )
        return Finding(PROBLEM, "writing", text)
    return Finding(OK, "writing", f"results go to {folder}")


def check_cores() -> Finding:
    """Count the processor cores that may be used."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores == 1:
        return Finding(NOTE, "cores", "1; everything runs, about half as fast as the lectures say.")
    return Finding(OK, "cores", str(cores))


def check_gpu() -> Finding:
    """Look for a GPU and for the packages with which TensorFlow uses it."""
    if not shutil.which("nvidia-smi"):
        return Finding(OK, "GPU", "none found; no lecture needs one")
    try:
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(
            NOTE, "GPU", f"nvidia-smi does not answer ({type(error).__name__}); lectures use the processor."
        )
    names = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if done.returncode != 0 or not names:
        return Finding(NOTE, "GPU", "the driver does not answer; lectures use the processor.")
    if importlib.util.find_spec("nvidia") is None:
        text = f"{', '.join(names)}; TensorFlow uses it after `pip install 'tensorflow[and-cuda]'` in .venv."
        return Finding(NOTE, "GPU", text)
    return Finding(OK, "GPU", ", ".join(names))


def check_compiler() -> Finding:
    """Look for what Horovod is compiled with. Only the lectures on many machines need it."""
    wanted = {"C++ compiler": ("c++", "g++", "clang++"), "make": ("make",), "CMake": ("cmake",)}
    missing = [name for name, programs in wanted.items() if not any(map(shutil.which, programs))]
    if missing:
        line = installer({"apt-get": "g++ make cmake", "dnf": "gcc-c++ make cmake", "brew": "cmake"})
        return Finding(NOTE, "compiler", f"no {', '.join(missing)}; only Horovod needs them: {line}.")
    return Finding(OK, "compiler", "C++ compiler, make and CMake, for Horovod")


def check_sandbox() -> Finding:
    """Try the sandbox in which grading runs students' code. Only instructors need it."""
    from lecture_utils.grading import sandbox

    missing = sandbox.missing()
    if missing:
        return Finding(NOTE, "bubblewrap", f"optional, for grading: {missing}")
    return Finding(OK, "bubblewrap", "there, and a sandbox can be made, for grading")


def check_browser() -> Finding:
    """Look for a browser, for the tests that look at pages. Only maintainers need it."""
    if any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))):
        return Finding(OK, "Chromium", "there, for the browser tests")
    line = installer({"apt-get": "chromium", "dnf": "chromium", "brew": "--cask chromium"})
    return Finding(NOTE, "Chromium", f"optional, for the browser tests: {line}.")


def check_data() -> Finding:
    """Find out which digits a lecture would get."""
    from lecture_utils import datasets

    try:
        found = datasets.describe("mnist")
    except LectureError as error:
        return Finding(PROBLEM, "data", str(error))
    if found.state == "embedded":
        text = f"no MNIST; lectures use the digits in {found.place}. data/README.md says how to get it."
        return Finding(NOTE, "data", text)
    if found.state == "to download":
        return Finding(OK, "data", f"MNIST is downloaded when it is first used, {found.size / 1e6:.0f} MB")
    return Finding(OK, "data", f"MNIST, {found.state} in {found.place}")


def check_compiled() -> Finding:
    """Check that TensorFlow is installed and compiled; otherwise each start takes three times as long."""
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or spec.origin is None:
        return Finding(PROBLEM, "TensorFlow", "not installed; `make lab` installs it in .venv.")
    if not Path(importlib.util.cache_from_source(spec.origin)).exists():
        folder = Path(spec.origin).parent.parent
        text = f"not compiled, so that it starts slowly: `python -m compileall -q {folder}` mends it."
        return Finding(NOTE, "TensorFlow", text)
    return Finding(OK, "TensorFlow", "installed and compiled")


def check_start(code: str = "import tensorflow") -> Finding:
    """Start TensorFlow. Some processors cannot run it, and one learns it only by trying."""
    start = time.perf_counter()
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=START_SECONDS,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )
    except subprocess.TimeoutExpired:
        return Finding(
            PROBLEM, "start", f"TensorFlow did not start in {START_SECONDS} s; is the machine very busy?"
        )
    if done.returncode == -signal.SIGILL:
        return Finding(
            PROBLEM,
            "start",
            "this processor lacks instructions (AVX) that TensorFlow needs.",
        )
    if done.returncode == -signal.SIGKILL:
        return Finding(PROBLEM, "start", "TensorFlow was killed, most often because the memory ran out.")
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1][:200] if lines else f"status {done.returncode}"
        return Finding(
            PROBLEM, "start", f"TensorFlow does not start: {reason}. `make clean lab` installs anew."
        )
    return Finding(OK, "start", f"TensorFlow starts in {time.perf_counter() - start:.1f} s")


def findings() -> Iterator[Finding]:
    """Make one check after the other; one that cannot be made is a finding, too."""
    root = paths.project_root()
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("Python", check_python),
        ("system", check_system),
        ("packages", lambda: check_packages(root / "requirements.lock")),
        ("memory", check_memory),
        ("disk", check_disk),
        ("writing", check_writing),
        ("cores", check_cores),
        ("GPU", check_gpu),
        ("data", check_data),
        ("compiler", check_compiler),
        ("bubblewrap", check_sandbox),
        ("Chromium", check_browser),
    ]
    for what, check in checks:
        try:
            yield check()
        except (ImportError, OSError) as error:
            yield Finding(PROBLEM, what, f"cannot be checked: {error}. `make lab` installs what is needed.")
    compiled = check_compiled()
    yield compiled
    if compiled.level != PROBLEM:
        yield check_start()


def report() -> int:
    """Print one line for each finding; return 1 where one of them keeps lectures from running, else 0."""
    problems = 0
    for finding in findings():
        print(finding, flush=True)
        problems += finding.level == PROBLEM
    if problems:
        words = "One problem keeps" if problems == 1 else f"{problems} problems keep"
        print(f"\n{words} lectures from running; the lines above say what to do.")
        return 1
    print("\nLectures run here.")
    return 0
