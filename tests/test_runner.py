"""The runner: it says what was slow and what failed, saves how far it came, and leaves no process behind."""

import errno
import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from workbooks import lecture, make_workbook

from lecture_utils import build, kernels, runner
from lecture_utils.errors import LectureError

# The lecture that a test breaks off: it starts a child that has its own session and ignores politeness,
# writes the ids of the kernel and of the child to a file, and waits.
BUSY = """import os
import subprocess
import sys
import time
from pathlib import Path

ignore = "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", ignore], start_new_session=True)
Path("pids").write_text(f"{os.getpid()} {child.pid}")
print("started")"""


def saved(run: runner.Run) -> Any:
    return nbformat.read(run.copy, as_version=4)


@pytest.fixture
def run_one(tmp_path: Path) -> Callable[..., runner.Run]:
    def run(*parts: str, **settings: Any) -> runner.Run:
        notebooks = make_workbook(tmp_path, l01_a=lecture(*parts))
        return runner.run_lecture("01", notebooks=notebooks, runs=tmp_path / "runs", **settings)

    return run


def wait_until_gone(pids: list[int], seconds: float = 10) -> list[int]:
    """Return those processes that still live after a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pids = [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
        if not pids:
            break
        time.sleep(0.05)
    return pids


# --- what is reported ---------------------------------------------------------------------------------------


def test_a_run_reports_its_time_and_its_slowest_cells_and_saves_the_outputs(
    run_one: Callable[..., runner.Run], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LECTURE_STILL", raising=False)
    run = run_one(
        "import time",
        "\n# wait for it\ntime.sleep(0.8)",
        "time.sleep(0.6)",
        "time.sleep(0.4); print('done')",
        "import os\nprint(os.environ['LECTURE_STILL'], os.path.basename(os.getcwd()))",
    )
    assert run.problem is None
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"01_a: 6 of 6 cells in \d\.\d s", lines[0])
    assert lines[-1] == f"  The executed copy: {run.copy}"
    assert [line.split("  ")[-1] for line in lines[1:-1]] == [
        "cell 4: time.sleep(0.8)",
        "cell 5: time.sleep(0.6)",
        "cell 6: time.sleep(0.4); print('done')",
    ]
    notebook = saved(run)
    assert notebook.cells[5].outputs[0].text == "done\n"
    assert notebook.cells[6].outputs[0].text == "1 notebooks\n"
    assert [cell.execution_count for cell in notebook.cells[1:]] == [1, 2, 3, 4, 5, 6]


def test_a_failure_is_told_by_cell_line_section_and_error(
    run_one: Callable[..., runner.Run], capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_one(
        "## First\n## The second part",
        "print('before')\n\ndef f(x):\n    return 1 / x\n\nf(0)",
        "print('never')",
    )
    assert run.problem == (
        "cell 4, In [2], line 4 (The second part): ZeroDivisionError: division by zero   in: return 1 / x"
    )
    output = capsys.readouterr().out
    assert "01_a: 1 of 3 cells" in output
    assert "failed in cell 4 (In [2]), line 4, in section 'The second part'" in output
    assert "      return 1 / x\n" in output
    assert str(run.copy) in output
    notebook = saved(run)
    assert notebook.cells[3].outputs[0].text == "before\n"
    assert notebook.cells[4].outputs == []


def test_a_failing_assertion_keeps_its_message(run_one: Callable[..., runner.Run]) -> None:
    run = run_one("x = 0.5\nassert x > 0.9, 'test accuracy: 0.5,\\n  expected at least 0.9'")
    assert run.problem is not None
    assert "line 2" in run.problem
    assert "AssertionError: test accuracy: 0.5, expected at least 0.9" in run.problem


def test_a_syntax_error_is_told_by_its_line(run_one: Callable[..., runner.Run]) -> None:
    run = run_one("x = 1\nx = = 1")
    assert run.problem is not None
    assert "cell 3, In [2], line 2" in run.problem
    assert "SyntaxError: invalid syntax   in: x = = 1" in run.problem


def test_a_killed_kernel_is_told_with_the_likely_cause(run_one: Callable[..., runner.Run]) -> None:
    run = run_one("import os, signal\nprint('so far', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)")
    assert run.problem is not None
    assert "the kernel was killed by signal SIGKILL, most often because the memory ran out" in run.problem
    assert run.copy.exists()


def test_a_kernel_that_gives_up_says_what_it_said_last(run_one: Callable[..., runner.Run]) -> None:
    run = run_one("import os\nos.write(2, b'') or os._exit(3)")
    assert run.problem is not None
    assert "the kernel ended with status 3" in run.problem


def test_input_does_not_wait_for_somebody(run_one: Callable[..., runner.Run]) -> None:
    run = run_one("input('name')", timeout=10)
    assert run.problem is not None
    assert "StdinNotImplementedError" in run.problem


def test_a_cell_tagged_to_raise_may_raise(run_one: Callable[..., runner.Run]) -> None:
    assert run_one('# %% tags=["raises-exception"]\n[][0]\n', "x = 1").problem is None


def test_a_reader_s_own_ipython_settings_change_nothing(
    run_one: Callable[..., runner.Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("intruder = 1\n")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    run = run_one(
        "import os\nassert 'intruder' not in globals()\nassert 'inline' in os.environ['MPLBACKEND']"
    )
    assert run.problem is None


def test_another_python3_kernel_of_the_reader_is_not_used(
    run_one: Callable[..., runner.Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text('{"argv": ["false"], "display_name": "x", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    run = run_one(f"import sys\nassert sys.executable == {sys.executable!r}")
    assert run.problem is None


def test_the_data_that_a_lecture_loaded_are_known_and_can_be_required(
    run_one: Callable[..., runner.Run], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECTURE_DATA", "offline")
    fake = (
        "import sys, types\nfrom types import SimpleNamespace\n"
        "Images = type('Images', (SimpleNamespace,), {'__module__': 'lecture_utils.datasets'})\n"
        "data = Images(source=SimpleNamespace(name='digits'))"
    )
    assert run_one(fake, require="digits").execution.data == ("digits",)
    assert "cells in" in capsys.readouterr().out
    run = run_one(fake, require="mnist")
    assert run.problem == "it ran on digits, not on mnist; `lecture data mnist` says what is missing."


def test_after_one_failure_the_other_lectures_still_run(tmp_path: Path) -> None:
    notebooks = make_workbook(tmp_path, l01_a=lecture("1 / 0"), l02_b="no lecture", l03_c=lecture("x = 1"))
    problems = runner.run(["all"], notebooks=notebooks, runs=tmp_path / "runs")
    assert [problem[:5] for problem in problems] == ["01_a:", "02_b:"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["01_a.ipynb", "03_c.ipynb"]


def test_an_unknown_lecture_is_told_before_anything_runs(tmp_path: Path) -> None:
    notebooks = make_workbook(tmp_path, l01_a=lecture("x = 1"))
    with pytest.raises(LectureError, match="no lecture '77'"):
        runner.run(["01", "77"], notebooks=notebooks, runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_folder_that_cannot_be_written_is_told_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "execute", lambda *given, **settings: pytest.fail("it ran"))
    notebooks = make_workbook(tmp_path, l01_a=lecture("x = 1"))
    (tmp_path / "file").write_text("")
    with pytest.raises(LectureError, match=r"cannot write to .*LECTURE_DATA_DIR"):
        runner.run_lecture("01", notebooks=notebooks, runs=tmp_path / "file" / "runs")


def test_a_full_disk_is_told_after_the_report_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def pretend(notebook: Any, **settings: Any) -> kernels.Execution:
        return kernels.Execution(seconds=1.0)

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(kernels, "execute", pretend)
    notebooks = make_workbook(tmp_path, l01_a=lecture("x = 1"))
    with pytest.raises(LectureError, match="No space left on device"):
        runner.run_lecture("01", notebooks=notebooks, runs=tmp_path / "runs")
    assert "01_a: " in capsys.readouterr().out
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_kernel_that_does_not_start_is_one_line(
    run_one: Callable[..., runner.Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "ipykernel_launcher.py"
    broken.write_text("raise SystemExit('no kernel today')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LectureError, match=r"did not start: .*no kernel today.*`lecture doctor`") as caught:
        run_one("x = 1")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s")],
)
def test_durations_are_written_for_people(seconds: float, text: str) -> None:
    assert runner.duration(seconds) == text


def test_sections_are_the_headings_above_each_cell() -> None:
    cells = [
        nbformat.v4.new_markdown_cell("# Title\n\n## One"),
        nbformat.v4.new_code_cell("x"),
        nbformat.v4.new_markdown_cell("text\n```\n# no heading\n```"),
        nbformat.v4.new_code_cell("# no heading either"),
        nbformat.v4.new_markdown_cell("### Two ###"),
    ]
    assert kernels.sections(cells) == ["Title", "One", "One", "One", "Two"]


# --- the progress bar ---------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def make_notebook(*code: str) -> Any:
    cells = [nbformat.v4.new_markdown_cell("## Waiting"), *(nbformat.v4.new_code_cell(text) for text in code)]
    return nbformat.v4.new_notebook(cells=cells)


def test_on_a_terminal_a_bar_counts_cells_and_seconds_and_names_the_section(tmp_path: Path) -> None:
    stream = Terminal()
    kernels.execute(
        make_notebook("import time\ntime.sleep(1.3)", "1"), folder=tmp_path, label="01_a", stream=stream
    )
    drawn = stream.getvalue()
    assert "01_a" in drawn
    assert "cell 0 of 2" in drawn
    assert "cell 1 of 2" in drawn
    assert "Waiting" in drawn
    assert "cell 0 of 2, 00:01" in drawn, "the clock goes on while a cell runs"
    assert drawn.rstrip(" ").endswith("\r"), "the bar is gone at the end"


def test_without_a_terminal_no_bar_is_drawn(tmp_path: Path) -> None:
    stream = io.StringIO()
    kernels.execute(make_notebook("1"), folder=tmp_path, stream=stream)
    assert stream.getvalue() == ""


# --- no process is left -------------------------------------------------------------------------------------


def pids_of(notebooks: Path, seconds: float = 20) -> list[int]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (notebooks / "pids").exists() and (text := (notebooks / "pids").read_text()):
            return [int(pid) for pid in text.split()]
        time.sleep(0.05)
    raise AssertionError("the lecture did not start")


@pytest.mark.parametrize("end", ["", "1 / 0", "os._exit(1)"])
def test_kernel_and_children_are_gone_however_a_run_ends(tmp_path: Path, end: str) -> None:
    notebooks = make_workbook(tmp_path, l01_a=lecture(BUSY, end))
    runner.run_lecture("01", notebooks=notebooks, runs=tmp_path / "runs")
    assert wait_until_gone(pids_of(notebooks)) == []


def test_a_kernel_that_did_not_fail_may_say_goodbye(tmp_path: Path) -> None:
    goodbye = (
        "import atexit\nfrom pathlib import Path\n\natexit.register(lambda: Path('goodbye').write_text('x'))"
    )
    notebooks = make_workbook(tmp_path, l01_a=lecture(goodbye))
    runner.run_lecture("01", notebooks=notebooks, runs=tmp_path / "runs")
    assert (notebooks / "goodbye").exists()


@pytest.mark.parametrize("longest", [0, 90])
def test_a_kernel_runs_with_files_and_where_their_names_are_too_long_with_ports(
    run_one: Callable[..., runner.Run], monkeypatch: pytest.MonkeyPatch, longest: int
) -> None:
    monkeypatch.setattr(kernels, "_LONGEST_SOCKET", longest)
    transport = "ipc" if longest else "tcp"
    code = "from ipykernel.kernelapp import IPKernelApp\nassert IPKernelApp.instance().transport == "
    run = run_one(f"{code}{transport!r}")
    assert run.problem is None


def test_a_cell_over_the_time_limit_is_stopped_and_kernel_and_children_are_gone(tmp_path: Path) -> None:
    notebooks = make_workbook(tmp_path, l01_a=lecture(BUSY, "time.sleep(600)"))
    run = runner.run_lecture("01", notebooks=notebooks, runs=tmp_path / "runs", timeout=1)
    assert run.problem is not None
    assert "stopped after 1 s, the time limit of a cell; --timeout gives it more" in run.problem
    assert wait_until_gone(pids_of(notebooks)) == []


def start_command(tmp_path: Path, *parts: str, **settings: str) -> tuple[Path, subprocess.Popen[str]]:
    """Start `lecture run 01` in a workbook of its own, with settings in its environment."""
    notebooks = make_workbook(tmp_path, l01_a=lecture(*parts))
    program = (
        "import sys; from pathlib import Path; from lecture_utils import paths\n"
        f"paths.project_root = lambda: Path({str(notebooks.parent)!r})\n"
        "sys.argv[1:] = ['run', '01']\n"
        "from lecture_utils.cli import main; sys.exit(main())"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LECTURE_")}
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | settings,
        start_new_session=True,
    )
    return notebooks, process


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [(signal.SIGINT, 130, "lecture: interrupted\n"), (signal.SIGTERM, 143, ""), (signal.SIGHUP, 129, "")],
)
def test_a_run_that_is_broken_off_leaves_no_process_and_saves_how_far_it_came(
    tmp_path: Path, number: signal.Signals, status: int, said: str
) -> None:
    notebooks, process = start_command(tmp_path, BUSY, "time.sleep(600)")
    pids = pids_of(notebooks)
    time.sleep(0.3)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (status, said)
    assert wait_until_gone(pids) == []
    copy = nbformat.read(notebooks.parent / "data" / "runs" / "01_a.ipynb", as_version=4)
    assert copy.cells[2].outputs[0].text == "started\n"
    left = [path.name for path in (notebooks.parent / "data" / "runs").iterdir()]
    assert left == ["01_a.ipynb"]


def test_several_ctrl_c_do_not_break_the_cleaning_up(tmp_path: Path) -> None:
    notebooks, process = start_command(tmp_path, BUSY, "time.sleep(600)")
    pids = pids_of(notebooks)
    for _ in range(8):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert wait_until_gone(pids) == []


def test_a_kernel_ends_itself_when_the_runner_is_killed(tmp_path: Path) -> None:
    notebooks, process = start_command(tmp_path, BUSY, "time.sleep(600)", TMPDIR=str(tmp_path))
    kernel, child = pids_of(notebooks)
    process.kill()
    process.communicate(timeout=120)
    try:
        assert wait_until_gone([kernel], 15) == []
    finally:
        if psutil.pid_exists(child):  # nobody is left to end it
            psutil.Process(child).kill()


def test_two_runs_side_by_side_do_not_end_each_other(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder, wait in zip(folders, (0, 0.8), strict=True):
        make_workbook(folder, l01_a=lecture(f"import time\ntime.sleep({wait})", "print('end')"))
    results: list[runner.Run] = []

    def run(folder: Path) -> None:
        notebooks = folder / "workbook" / "notebooks"
        results.append(runner.run_lecture("01", notebooks=notebooks, runs=folder / "runs"))

    threads = [threading.Thread(target=run, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [result.problem for result in results] == [None, None]


def test_settings_that_cannot_work_are_refused_before_anything_runs(
    run_one: Callable[..., runner.Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECTURE_DATA", "embedded")
    with pytest.raises(LectureError, match="LECTURE_DATA=embedded never loads mnist"):
        run_one("1 / 0", require="mnist")
    monkeypatch.setenv("LECTURE_DATA", "foo")
    with pytest.raises(LectureError, match="LECTURE_DATA is 'foo'"):
        run_one("1 / 0")


def test_a_run_says_where_the_digits_came_from(
    run_one: Callable[..., runner.Run], capsys: pytest.CaptureFixture[str]
) -> None:
    run_one(
        "print('TFDS_DATA_DIR=/typo is not a folder')", "print('Digits: 5 (embedded)')\nprint('accuracy 1')"
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == ["  TFDS_DATA_DIR=/typo is not a folder", "  Digits: 5 (embedded)"]
    assert not any("accuracy" in line for line in lines)


def test_a_reader_is_told_that_changes_in_the_notebook_are_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebooks = make_workbook(tmp_path, l01_a=lecture("x = 1"))
    assert build.build(["01"], notebooks=notebooks) == []
    runner.run(["01"], notebooks=notebooks, runs=tmp_path / "runs")
    assert "your changes" not in capsys.readouterr().out
    path = notebooks / "01_a.ipynb"
    path.write_text(path.read_text().replace("x = 1", "x = 2"))
    runner.run(["01"], notebooks=notebooks, runs=tmp_path / "runs")
    assert "01_a: your changes in 01_a.ipynb are not part of this run." in capsys.readouterr().out


def test_a_flood_of_output_in_one_line_does_not_stop_the_clock(
    run_one: Callable[..., runner.Run], capsys: pytest.CaptureFixture[str]
) -> None:
    start = time.monotonic()
    run = run_one("print('x' * 3_000_000)", "for i in range(50_000):\n    print(f'\\r{i}', end='')\nprint()")
    assert run.problem is None
    assert time.monotonic() - start < 30
    flood, counter = (saved(run).cells[place].outputs[0].text for place in (2, 3))
    assert flood.endswith("characters left out\n")
    assert len(flood) < 1_100_000
    assert counter == "49999\n"
