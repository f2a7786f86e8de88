"""The command `lecture`: it does what it says, and a mistake is one line and a status, never a traceback."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from workbooks import lecture, make_workbook

from lecture_utils import build, cli, doctor, paths, runner, scoreboard
from lecture_utils.errors import LectureError

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the notebooks of a workbook that the command takes for its own."""
    notebooks = make_workbook(
        tmp_path,
        l01_forward=lecture("x = 1"),
        l03_dense=lecture("x = 2").replace("A small lecture", "Ten digits"),
    )
    monkeypatch.setattr(paths, "project_root", lambda: notebooks.parent)
    monkeypatch.delenv("LECTURE_DATA_DIR", raising=False)
    monkeypatch.setenv("LECTURE_SCOREBOARD", str(tmp_path / "mine.json"))
    return notebooks


@pytest.fixture
def run(workbook: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str) -> tuple[int, str, str]:
        status = cli.main(list(words))
        output, errors = capsys.readouterr()
        return status, output, errors

    return call


def one_line(errors: str) -> str:
    """Return the only line of standard error, without its beginning."""
    (line,) = errors.splitlines()
    assert line.startswith("lecture: ")
    return line.removeprefix("lecture: ")


def entry(network: str = "64-64") -> None:
    data = SimpleNamespace(name="digits")
    scoreboard.record(network, data, lecture="03_x", parameters=1, epochs=1, seconds=1, accuracy=0.5)  # type: ignore[arg-type]


# --- the command line itself --------------------------------------------------------------------------------


def test_help_names_every_command_and_the_settings(run: Run) -> None:
    status, output, _ = run("--help")
    assert status == 0
    for command in cli.COMMANDS:
        assert f"\n  {command} " in output
    for setting in ("TFDS_DATA_DIR", "LECTURE_DATA", "LECTURE_DATA_DIR", "LECTURE_SCOREBOARD"):
        assert setting in output
    assert run() == (0, output, "")
    assert max(map(len, output.splitlines())) <= 110


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    status, output, _ = run(command, "--help")
    assert status == 0
    assert f"usage: lecture {command}" in output


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from lecture_utils.cli import main; main(['--help']); "
        "print([name for name in ('numpy', 'tensorflow', 'jupytext', 'nbclient', 'matplotlib', 'psutil')"
        " if name in sys.modules], file=sys.stderr)"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr == "[]\n"
    assert time.perf_counter() - start < 2  # half a second on a machine that does nothing else


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lst"], "no command 'lst'; did you mean list? `lecture --help` shows all."),
        (["zzzzz"], "no command 'zzzzz'; `lecture --help` shows all."),
        (["--nothing"], "unrecognized arguments: --nothing; `lecture --help` explains."),
        (["run"], "the following arguments are required: lecture; `lecture run --help` explains."),
        (["run", "--timeout", "soon", "01"], "not 'soon'; `lecture run --help` explains."),
        (["run", "--timeout", "-1", "01"], "argument --timeout: a time in seconds, larger than 0, not '-1'"),
        (["run", "33"], "no lecture '33'; did you mean 03_dense? `lecture list` shows all."),
        (["build", "--check", "forwrd"], "no lecture 'forwrd'; did you mean 01_forward?"),
        (["data", "mnits"], "mnist"),
    ],
)
def test_a_mistake_is_one_line_with_the_nearest_guess(run: Run, words: list[str], message: str) -> None:
    status, output, errors = run(*words)
    assert status == 1
    assert message in one_line(errors)
    assert output == ""


def test_python_that_is_too_old_or_too_new_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ((3, 10, 9), (3, 14, 0)):
        monkeypatch.setattr(sys, "version_info", version)
        status, _, errors = run("list")
        assert status == 1
        assert f"needs Python 3.11, 3.12 or 3.13, this is 3.{version[1]}" in one_line(errors)


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (LectureError("first\nsecond"), 1, "first second"),
        (ModuleNotFoundError("no", name="jupytext"), 1, "the package jupytext is missing"),
        (MemoryError(), 1, "the memory is full"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_an_error_inside_a_command_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, message: str
) -> None:
    def fail(options: object) -> int:
        raise error

    monkeypatch.setattr(cli, "_list", fail)
    found, _, errors = run("list")
    assert found == status
    assert message in one_line(errors)


def test_the_command_is_installed_and_the_module_can_be_run() -> None:
    script = Path(sys.executable).with_name("lecture")
    for command in ([str(script)] if script.exists() else [], [sys.executable, "-m", "lecture_utils.cli"]):
        if command:
            done = subprocess.run([*command, "frobnicate"], capture_output=True, text=True, timeout=60)
            assert done.returncode == 1
            assert one_line(done.stderr).startswith("no command 'frobnicate'")


@pytest.mark.parametrize("word", ["--help", "scoreboard"])
def test_a_reader_that_goes_away_causes_no_traceback(word: str) -> None:
    command = [sys.executable, "-m", "lecture_utils.cli", word]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writing)
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_output_that_cannot_be_written_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "lecture_utils.cli", "scoreboard"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert "No space left on device" in one_line(done.stderr)


def test_a_terminal_without_our_characters_shows_question_marks(workbook: Path) -> None:
    (workbook / "source" / "lectures" / "01_forward.py").write_text("# %% [markdown]\n# # 1 · Über alles\n")
    program = (
        "import sys; from pathlib import Path; from lecture_utils import paths\n"
        f"paths.project_root = lambda: Path({str(workbook.parent)!r})\n"
        "sys.argv[1:] = ['list']\n"
        "from lecture_utils.cli import main; sys.exit(main())"
    )
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "?ber alles" in done.stdout


# --- list ---------------------------------------------------------------------------------------------------


def test_the_list_shows_number_name_title_times_and_what_there_is(run: Run, workbook: Path) -> None:
    (workbook / "03_dense.ipynb").write_text("{}")
    (workbook / "exercises").mkdir()
    (workbook / "exercises" / "03_dense.ipynb").write_text("{}")
    status, output, _ = run("list")
    assert status == 0
    assert [line.split() for line in output.splitlines()] == [
        ["lecture", "title", "to", "read", "to", "run", "status"],
        ["01", "01_forward", "A", "small", "lecture", "40", "min", "1", "min", "not", "built"],
        ["03", "03_dense", "Ten", "digits", "40", "min", "1", "min", "built,", "exercise"],
    ]


# --- run ----------------------------------------------------------------------------------------------------


def test_run_passes_its_options_on_and_fails_with_the_lecture(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def pretend(names: list[str], **settings: object) -> list[str]:
        seen.append((names, settings))
        return ["03_dense: cell 3: it failed"] if "03" in names else []

    monkeypatch.setattr(runner, "run", pretend)
    assert run("run", "01", "--timeout", "2.5", "--require", "mnist") == (0, "", "")
    status, _, errors = run("run", "01", "03")
    assert status == 1
    assert one_line(errors) == "03_dense: cell 3: it failed"
    assert seen == [
        (["01"], {"timeout": 2.5, "require": "mnist"}),
        (["01", "03"], {"timeout": None, "require": None}),
    ]


def test_a_run_without_a_terminal_prints_one_line_for_each_lecture_and_no_bar(
    workbook: Path, tmp_path: Path
) -> None:
    program = (
        "import sys; from pathlib import Path; from lecture_utils import paths\n"
        f"paths.project_root = lambda: Path({str(workbook.parent)!r})\n"
        "from lecture_utils.cli import main; sys.exit(main(['run', 'all']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stderr == ""
    lines = [line for line in done.stdout.splitlines() if not line.startswith("  ")]  # without slow cells
    assert [line.split(" in ")[0] for line in lines] == [
        "01_forward: 2 of 2 cells",
        "03_dense: 2 of 2 cells",
    ]
    assert (workbook.parent / "data" / "runs" / "03_dense.ipynb").exists()


# --- data ---------------------------------------------------------------------------------------------------


def test_data_shows_every_data_set_and_the_cache(run: Run, workbook: Path) -> None:
    from lecture_utils import datasets

    cache = workbook.parent / "data" / "cache"
    cache.mkdir(parents=True)
    (cache / "file").write_bytes(b"x" * 2_500_000)
    status, output, _ = run("data")
    assert status == 0
    assert [line.split()[0] for line in output.splitlines()[1 : 1 + len(datasets.DATASETS)]] == list(
        datasets.DATASETS
    )
    assert "holds 2.5 MB; `lecture data --clear-cache` empties it" in output


def test_data_with_names_loads_them_and_a_wrong_one_is_told_first(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lecture_utils import datasets

    loaded: list[str] = []
    monkeypatch.setattr(datasets, "load", loaded.append)
    assert run("data", "moons", "xor")[0] == 0
    assert loaded == ["moons", "xor"]
    status, _, errors = run("data", "moons", "spirls")
    assert status == 1
    assert "spirals" in one_line(errors)
    assert loaded == ["moons", "xor"]


def test_clearing_the_cache_deletes_the_cache_and_nothing_else(run: Run, workbook: Path) -> None:
    data = workbook.parent / "data"
    for name in ("cache/a", "tfds/b", "runs/c", "scoreboard.json"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(b"x" * 1_000_000)
    status, output, _ = run("data", "--clear-cache")
    assert status == 0
    assert "1.0 MB" in output
    left = sorted(str(path.relative_to(data)) for path in data.rglob("*") if path.is_file())
    assert left == ["runs/c", "scoreboard.json", "tfds/b"]
    assert "is empty" in run("data", "--clear-cache")[1]


# --- scoreboard ---------------------------------------------------------------------------------------------


def test_the_scoreboard_shows_yours(run: Run) -> None:
    entry("my net")
    status, output, _ = run("scoreboard")
    assert status == 0
    assert "my net" in output
    assert "authors" not in output


def test_without_results_of_your_own_the_authors_ones_are_shown(
    run: Run, workbook: Path, tmp_path: Path
) -> None:
    entry("their net")
    reference = workbook.parent / "data" / "results" / "scoreboard.json"
    reference.parent.mkdir(parents=True)
    (tmp_path / "mine.json").rename(reference)
    status, output, _ = run("scoreboard")
    assert status == 0
    assert "You have no results yet" in output
    assert "the ones that the authors measured" in output
    assert "their net" in output


def test_without_any_results_the_scoreboard_says_how_to_get_some(run: Run) -> None:
    assert run("scoreboard") == (0, "You have no results yet: `lecture run 03` makes some.\n", "")


def test_the_scoreboard_can_be_written_as_a_page(run: Run, tmp_path: Path) -> None:
    entry("<b>net</b>")
    status, _, _ = run("scoreboard", "--html", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    assert status == 0
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert "color-scheme: light dark" in page
    assert "&lt;b&gt;net" in page


def test_the_scoreboard_can_be_drawn(run: Run, tmp_path: Path) -> None:
    entry()
    status, output, _ = run("scoreboard", "--plot", str(tmp_path / "board.png"))
    assert status == 0
    assert "Drawn to" in output
    assert (tmp_path / "board.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_that_cannot_be_written_is_one_line(run: Run, tmp_path: Path) -> None:
    entry()
    (tmp_path / "file").write_text("")
    for option in ("--html", "--plot"):
        status, _, errors = run("scoreboard", option, str(tmp_path / "file" / "page"))
        assert status == 1
        assert "cannot write" in one_line(errors)


def test_a_damaged_scoreboard_is_one_line_and_stays(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{")
    status, _, errors = run("scoreboard")
    assert status == 1
    assert "is damaged" in one_line(errors)
    assert (tmp_path / "mine.json").read_text() == "{"


# --- build --------------------------------------------------------------------------------------------------


def test_build_fails_with_the_problems_and_passes_force_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def pretend(slugs: list[str], force: bool, keep: bool) -> list[str]:
        seen.append((slugs, force, keep))
        return ["01_forward: cell 3: it failed"] if force else []

    monkeypatch.setattr(build, "build", pretend)
    assert run("build") == (0, "", "")
    status, _, errors = run("build", "01", "--force")
    assert status == 1
    assert one_line(errors) == "01_forward: cell 3: it failed"
    assert run("build", "--keep") == (0, "", "")
    assert seen == [([], False, False), (["01"], True, False), ([], False, True)]
    status, _, errors = run("build", "--keep", "--force")
    assert status == 1
    assert "not allowed with" in errors


def test_build_check_fails_for_problems_and_not_for_notes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "notes", lambda slugs: ["01_forward: worth knowing"])
    monkeypatch.setattr(build, "check", lambda slugs: [])
    status, output, errors = run("build", "--check")
    assert (status, errors) == (0, "")
    assert "note: 01_forward: worth knowing" in output
    monkeypatch.setattr(build, "check", lambda slugs: ["01_forward: wrong", "03_dense: wrong"])
    status, _, errors = run("build", "--check")
    assert status == 1
    assert errors == "lecture: 01_forward: wrong\nlecture: 03_dense: wrong\n"


# --- doctor -------------------------------------------------------------------------------------------------


def pretend_findings(monkeypatch: pytest.MonkeyPatch, *levels: str) -> None:
    found = [doctor.Finding(level, "thing", "text") for level in levels]
    monkeypatch.setattr(doctor, "findings", lambda: iter(found))


def test_the_doctor_fails_only_for_what_keeps_lectures_from_running(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_findings(monkeypatch, doctor.OK, doctor.NOTE)
    status, output, _ = run("doctor")
    assert status == 0
    assert output.splitlines()[:2] == ["OK       thing        text", "note     thing        text"]
    pretend_findings(monkeypatch, doctor.OK, doctor.PROBLEM)
    status, output, _ = run("doctor")
    assert status == 1
    assert "One problem keeps lectures from running" in output


def test_the_doctor_looks_at_everything_and_says_one_line_each(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "check_start", lambda: doctor.Finding(doctor.OK, "start", "not tried"))
    _, output, _ = run("doctor")
    for what in ("Python", "system", "packages", "memory", "disk", "writing", "cores", "GPU", "data"):
        assert f" {what} " in output
    for what in ("compiler", "bubblewrap", "Chromium", "TensorFlow", "start"):
        assert f" {what} " in output


def test_a_check_that_breaks_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> doctor.Finding:
        raise ImportError("No module named 'psutil'")

    monkeypatch.setattr(doctor, "check_memory", broken)
    monkeypatch.setattr(doctor, "check_start", lambda: doctor.Finding(doctor.OK, "start", "not tried"))
    (found,) = [finding for finding in doctor.findings() if finding.what == "memory"]
    assert found.level == doctor.PROBLEM
    assert "psutil" in found.text


LOCK = """\
numpy==2.4.6
absl-py==1.0 ; python_version >= '3.8'
windows-only==1 ; sys_platform == 'win32'

# comment
"""


@pytest.mark.parametrize(
    ("installed", "level", "text"),
    [
        ({"numpy": "2.4.6", "absl-py": "1.0"}, doctor.OK, "2, all as in requirements.lock"),
        ({"numpy": "2.4.6"}, doctor.PROBLEM, "missing: absl-py. `make lab` installs them"),
        ({"numpy": "2.5.0", "absl-py": "1.0"}, doctor.NOTE, "other versions: numpy 2.5.0 (lock: 2.4.6)"),
    ],
)
def test_the_doctor_compares_packages_with_the_lock(
    tmp_path: Path, installed: dict[str, str], level: str, text: str
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(LOCK)
    found = doctor.check_packages(lock, installed)
    assert found.level == level
    assert text in found.text


def test_the_doctor_survives_a_missing_or_damaged_lock(tmp_path: Path) -> None:
    assert doctor.check_packages(tmp_path / "requirements.lock", {}).level == doctor.NOTE
    (tmp_path / "requirements.lock").write_text("===\n")
    assert "damaged" in doctor.check_packages(tmp_path / "requirements.lock", {}).text


@pytest.mark.parametrize(
    ("total", "available", "level"),
    [
        (1.5e9, 1e9, doctor.PROBLEM),
        (3e9, 2.5e9, doctor.NOTE),
        (8e9, 1e9, doctor.NOTE),
        (8e9, 6e9, doctor.OK),
    ],
)
def test_the_doctor_judges_memory(total: float, available: float, level: str) -> None:
    assert doctor.check_memory(total, available).level == level


@pytest.mark.parametrize(("free", "level"), [(1e7, doctor.PROBLEM), (1e9, doctor.NOTE), (1e11, doctor.OK)])
def test_the_doctor_judges_disk_space(free: float, level: str) -> None:
    assert doctor.check_disk(free).level == level


def test_the_doctor_notices_that_results_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LECTURE_DATA_DIR", str(tmp_path / "file" / "data"))
    found = doctor.check_writing()
    assert found.level == doctor.PROBLEM
    assert "LECTURE_DATA_DIR" in found.text


@pytest.mark.parametrize(
    ("code", "level", "text"),
    [
        ("pass", doctor.OK, "TensorFlow starts in"),
        ("raise ImportError('no libraries')", doctor.PROBLEM, "does not start: ImportError: no libraries"),
        ("import os; os.kill(os.getpid(), 4)", doctor.PROBLEM, "this processor lacks instructions"),
        ("import os; os.kill(os.getpid(), 9)", doctor.PROBLEM, "the memory ran out"),
    ],
)
def test_the_doctor_tries_whether_tensorflow_starts(code: str, level: str, text: str) -> None:
    found = doctor.check_start(code)
    assert found.level == level
    assert text in found.text


def test_the_doctor_names_the_line_that_installs_a_system_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        doctor.shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None
    )
    monkeypatch.setattr(doctor.os, "geteuid", lambda: 1000, raising=False)
    assert "`sudo apt-get install bubblewrap`" in doctor.check_sandbox().text
    assert "`sudo apt-get install g++ make cmake`" in doctor.check_compiler().text
    assert "`sudo apt-get install chromium`" in doctor.check_browser().text
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/opt/brew" if name == "brew" else None)
    assert "`brew install cmake`" in doctor.check_compiler().text
    assert {doctor.check_sandbox().level, doctor.check_compiler().level} == {doctor.NOTE}
