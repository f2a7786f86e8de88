"""The command ``lecture``: list, run, look at data, check this machine, show scoreboard and solutions."""

from __future__ import annotations

import argparse
import atexit
import io
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import BinaryIO, NoReturn

from lecture_utils import paths
from lecture_utils.errors import LectureError

OLDEST, NEWEST = (3, 11), (3, 13)
INTERRUPTED = 130
_SIGNALS = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class _Usage(Exception):
    """A command line that argparse does not understand."""


class _Parser(argparse.ArgumentParser):
    """Reports a wrong command line in one line, like every other mistake."""

    def error(self, message: str) -> NoReturn:
        raise _Usage(f"{message}; `{self.prog} --help` explains.")


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.4)
    return f" did you mean {near[0]}?" if near else ""


def _say_problems(problems: Sequence[str]) -> int:
    for problem in problems:
        print(f"lecture: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _positive(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"a time in seconds, larger than 0, not {text!r}")
    return seconds


def _print_columns(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


# --- the commands -------------------------------------------------------------------------------------------


def _list(options: argparse.Namespace) -> int:
    from lecture_utils import lectures

    def minutes(value: float | None) -> str:
        return "" if value is None else f"{value:g} min" if value >= 1 else f"{60 * value:.0f} s"

    rows = [("", "lecture", "title", "to read", "to run", "status")]
    for lecture in lectures.lectures():
        about = lectures.summary(lecture)
        status = "built" if lecture.notebook.exists() else "not built"
        if lecture.exercise.exists():
            status += ", exercise"
        rows.append(
            (
                f"{lecture.number:02}",
                lecture.slug,
                about.title,
                minutes(about.reading),
                minutes(about.running),
                status,
            )
        )
    _print_columns(rows)
    return 0


def _run(options: argparse.Namespace) -> int:
    from lecture_utils import runner

    return _say_problems(runner.run(options.lecture, timeout=options.timeout, require=options.require))


def _folder_size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _clear_cache() -> None:
    import shutil

    cache = paths.cache_dir()
    if not cache.is_dir():
        print(f"The cache {cache} is empty.")
        return
    size = _folder_size(cache)
    try:
        shutil.rmtree(cache)
    except OSError as error:
        raise LectureError(f"cannot delete {error.filename or cache}: {error.strerror or error}.") from error
    print(f"Deleted the cache {cache}, {_megabytes(size)}. What is needed is made again.")


def _data(options: argparse.Namespace) -> int:
    if options.clear_cache:
        _clear_cache()
        if not options.name:
            return 0
    from lecture_utils import datasets

    for name in options.name:
        datasets.describe(name)  # a wrong name is told before anything is loaded
    for name in options.name:
        datasets.load(name)  # says itself what it got
    if options.name:
        return 0
    rows = []
    for name in datasets.DATASETS:
        found = datasets.describe(name)
        rows.append((name, found.state, found.place, _megabytes(found.size) if found.size else ""))
    _print_columns([("data set", "now", "where", "size"), *rows])
    cache = paths.cache_dir()
    size = _folder_size(cache) if cache.is_dir() else 0
    print(f"\nThe cache {cache} holds {_megabytes(size)}; `lecture data --clear-cache` empties it.")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from lecture_utils import doctor

    return doctor.report()


def _write_html(path: Path, body: str) -> None:
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Scoreboard</title>\n'
        '<meta name="viewport" content="width=device-width">\n'
        "<style>\n:root { color-scheme: light dark; font-family: sans-serif }\n"
        "td, th { padding: 0.2em 0.8em }\n</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )

    _write_bytes(path, page.encode("utf-8"))


def _write_bytes(path: Path, content: bytes) -> None:
    def write(stream: BinaryIO) -> None:
        stream.write(content)

    paths.atomic_write(path, write)


def _scoreboard(options: argparse.Namespace) -> int:
    from lecture_utils import scoreboard

    board = scoreboard.table()
    if not board:
        print("You have no results yet: `lecture run 03` makes some.")
        board = scoreboard.table(paths.reference_scoreboard_path())
        if board:
            print("These are the ones that the authors measured:\n")
    if board:
        print(board)
    if options.html is not None:
        _write_html(options.html, board._repr_html_())
        print(f"\nWritten to {options.html}.")
    if options.plot is not None:
        from lecture_utils import plots

        _write_bytes(options.plot, plots.png(board.plot()))
        print(f"\nDrawn to {options.plot}.")
    return 0


def _solution(options: argparse.Namespace) -> int:
    from lecture_utils import exercises

    print(exercises.reveal(options.exercise, options.task))
    return 0


def _build(options: argparse.Namespace) -> int:
    from lecture_utils import build

    if not options.check:
        return _say_problems(build.build(options.lecture, options.force, keep=options.keep))
    problems = build.check(options.lecture)
    for note in build.notes(options.lecture):
        print(f"note: {note}")
    if not problems:
        print("The notebooks are what their sources say, and their outputs are in order.")
    return _say_problems(problems)


def _grade(options: argparse.Namespace) -> int:
    from lecture_utils.grading import grade, submissions

    if options.forget:
        if options.out is None or options.submissions is not None:
            raise _Usage("--forget takes the student and --out RESULTS, nothing else.")
        return grade.forget(options.out, options.forget)
    for name, value in (
        ("SUBMISSIONS", options.submissions),
        ("--exercise", options.exercise),
        ("--out", options.out),
    ):
        if value is None:
            raise _Usage(f"the following arguments are required: {name}; `lecture grade --help` explains.")
    return grade.grade(
        grade.Options(
            submissions=options.submissions,
            exercise=options.exercise,
            out=options.out,
            workers=options.workers,
            keep=options.keep,
            due=submissions.read_time(options.due) if options.due else None,
            penalty=submissions.read_penalty(options.penalty) if options.penalty else None,
            times=options.times,
            students=options.students,
            seed=options.seed,
            regrade=options.regrade,
            dry_run=options.dry_run,
            feedback=not options.no_feedback,
            rank=options.rank,
            bom=options.bom,
            export=tuple(options.export),
            assignment=options.assignment,
            sandboxed=not options.no_sandbox,
        )
    )


# --- the command line ---------------------------------------------------------------------------------------

COMMANDS = ("list", "run", "data", "doctor", "scoreboard", "solution", "grade", "gradebook", "build")
HELP = """\
usage: lecture COMMAND [...]

The deep-learning workbook from the shell. `lecture COMMAND --help` explains a command.

commands:
  list        show all lectures, how long they take, and what there is of them
  run         run lectures from the first cell to the last, and say what was slow and what failed
  data        show which data are prepared, cached or embedded, or load a data set
  doctor      check this machine and say what to do
  scoreboard  show your results beside those of the decks
  solution    show our solution of a task that you have tried

for those who teach:
  grade       grade submissions of an exercise, in sandboxes, and write tables and feedback
  gradebook   open the gradebook of a results folder in the browser, to mark by hand

for those who change lectures:
  build       make the notebooks from notebooks/source and execute what has changed

settings (environment variables):
  TFDS_DATA_DIR       a folder with prepared TensorFlow data sets
  LECTURE_DATA        auto (default), offline (no download) or embedded (only what the packages bring)
  LECTURE_DATA_DIR    where caches, runs and results go, else data/
  LECTURE_SCOREBOARD  the file of your results, else data/scoreboard.json
  LECTURE_PROGRESS    the file of what you solved of the exercises, else data/progress.json
  LECTURE_SOLUTIONS   when solutions may be seen: after-attempt (default), never or always

examples:
  lecture run 03      run one lecture and show its progress
  lecture run all     run them all, one after the other
  lecture data mnist  load MNIST and say where it came from
  lecture grade handed-in.zip --exercise 03 --out results
"""


def _number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"a whole number from 1 to 1000, not {text!r}")
    return int(text)


def _gradebook(options: argparse.Namespace) -> int:
    from lecture_utils.grading import gradebook

    return gradebook.serve(options.results, options.option)


def _add_grade(add: Callable[..., argparse.ArgumentParser]) -> None:
    command = add("grade", _grade, "Grade submissions of an exercise. docs/grading.md explains it.")
    command.add_argument(
        "submissions", nargs="?", type=Path, metavar="SUBMISSIONS", help="a folder, a zip or a notebook"
    )
    command.add_argument("--exercise", metavar="NAME", help="a number or a name, e.g. 03")
    command.add_argument("--out", type=Path, metavar="RESULTS", help="the folder for the results")
    command.add_argument("--dry-run", action="store_true", help="only say what would be graded or rejected")
    command.add_argument(
        "--workers", type=_number, metavar="N", help="sandboxes side by side, else the cores"
    )
    command.add_argument(
        "--keep", choices=("newest", "best"), default="newest", help="which of several submissions counts"
    )
    command.add_argument("--due", metavar="TIME", help="2026-11-20T23:59, local time or with a zone")
    command.add_argument(
        "--penalty",
        metavar="RULE",
        help='of late submissions: "10%%/day", "2 points/day", "10%%/day up to 50%%"',
    )
    command.add_argument("--times", type=Path, metavar="CSV", help="student,time: when they handed in")
    command.add_argument(
        "--students", type=Path, metavar="CSV", help="who takes the course, to name the missing"
    )
    command.add_argument("--no-feedback", action="store_true", help="write no pages for students")
    command.add_argument("--rank", action="store_true", help="tell students their place in the leaderboard")
    command.add_argument(
        "--export",
        action="append",
        default=[],
        choices=("moodle", "canvas", "csv"),
        help="also write the marks for this system",
    )
    command.add_argument(
        "--assignment", default="", metavar="NAME", help="what Canvas calls the exercise: Name (1234)"
    )
    command.add_argument("--bom", action="store_true", help="CSV with a byte order mark, for spreadsheets")
    command.add_argument("--seed", metavar="TEXT", help="the secret behind the inputs, else drawn once")
    command.add_argument("--regrade", action="store_true", help="grade again what is unchanged, too")
    command.add_argument("--forget", metavar="STUDENT", help="delete all that RESULTS holds about a student")
    command.add_argument(
        "--no-sandbox", action="store_true", help="DANGEROUS: run students' code with your own rights"
    )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="lecture")
    parser.format_help = lambda: HELP  # type: ignore[method-assign]
    commands = parser.add_subparsers(dest="command", parser_class=_Parser)

    def add(name: str, action: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, description=words)
        command.set_defaults(action=action)
        return command

    add("list", _list, "Show all lectures, how long they take, and what there is of them.")
    command = add("run", _run, "Run lectures, as the authors wrote them, from the first cell to the last.")
    command.add_argument("lecture", nargs="+", help="a number, a name, the beginning of a name, or all")
    command.add_argument(
        "--timeout", type=_positive, metavar="SECONDS", help="what one cell may take; else no limit"
    )
    command.add_argument("--require", metavar="DATA", help="fail unless it ran on these data, e.g. mnist")
    command = add("data", _data, "Show which data are prepared, cached or embedded, or load one data set.")
    command.add_argument("name", nargs="*", help="a data set to load, e.g. mnist")
    command.add_argument("--clear-cache", action="store_true", help="delete what can be made again")
    add("doctor", _doctor, "Check this machine and say what to do.")
    command = add("scoreboard", _scoreboard, "Show your results beside those of the decks.")
    command.add_argument("--html", type=Path, metavar="FILE", help="also write the table to an HTML file")
    command.add_argument("--plot", type=Path, metavar="FILE", help="also draw it to a PNG file")
    command = add("solution", _solution, "Show our solution of a task, after you have tried it yourself.")
    command.add_argument("exercise", help="a number, a name, or the beginning of a name")
    command.add_argument("task", help="the task's name or number")
    _add_grade(add)
    command = add("gradebook", _gradebook, "Open the gradebook of a results folder: nbgrader's formgrader.")
    command.add_argument("results", type=Path, metavar="RESULTS", help="what `lecture grade --out` was given")
    command.add_argument("option", nargs="*", help="options for Jupyter, after --")
    command = add("build", _build, "Make the notebooks from their sources and execute what has changed.")
    command.add_argument("lecture", nargs="*", help="numbers or names; by default all")
    command.add_argument(
        "--check", action="store_true", help="change nothing: compare notebooks with their sources"
    )
    how = command.add_mutually_exclusive_group()
    how.add_argument("--force", action="store_true", help="execute even what has not changed")
    how.add_argument(
        "--keep",
        action="store_true",
        help="execute nothing: new text, and outputs of cells that are the same",
    )
    return parser


def _drop_output() -> None:
    """Let Python not try once more, at its exit, to write what could not be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _break_off(number: int, frame: FrameType | None) -> NoReturn:
    """End the command in a way that lets kernels be cleaned up; a second signal does not disturb that."""
    for name in _SIGNALS:
        signal.signal(getattr(signal, name), lambda *_: None)
    # Python gives up its handlers at the exit; a late signal would then change the exit status.
    atexit.register(lambda: [signal.signal(getattr(signal, name), signal.SIG_IGN) for name in _SIGNALS])
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _handle_signals() -> None:
    for name in _SIGNALS:
        number = getattr(signal, name)
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup keeps its meaning
            signal.signal(number, _break_off)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command ``lecture``.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, by default those of the process.

    Returns
    -------
    int
        The exit status: 0 where all went well, 1 after a mistake or a failure, 130 after Ctrl-C. Every
        mistake is told in a line on standard error that begins with ``lecture:``.
    """
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        print(
            f"lecture: needs Python 3.11, 3.12 or 3.13, this is {version[0]}.{version[1]}; "
            "`make lab` finds a fitting one if it is installed.",
            file=sys.stderr,
        )
        return 1
    if argv is None:  # a process of our own
        _handle_signals()
    for name in ("LECTURE_DATA_DIR", "LECTURE_SCOREBOARD", "LECTURE_PROGRESS"):
        if os.environ.get(name):  # kernels run in another folder
            os.environ[name] = str(Path(os.environ[name]).expanduser().absolute())
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal without our characters shows a ?
    parser = _parser()
    try:
        words = list(sys.argv[1:] if argv is None else argv)
        if words and not words[0].startswith("-") and words[0] not in COMMANDS:
            raise _Usage(
                f"no command {words[0]!r};{_nearest(words[0], COMMANDS)} `lecture --help` shows all."
            )
        try:
            options = parser.parse_args(words or ["--help"])
            status = options.action(options)
        except SystemExit as done:
            if done.code != 0:  # not --help, but a signal
                raise
            status = 0
        sys.stdout.flush()
        return status
    except (_Usage, LectureError) as error:
        print(f"lecture: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(
            f"lecture: the package {error.name} is missing in this Python; `make lab` installs it.",
            file=sys.stderr,
        )
        return 1
    except MemoryError:
        print("lecture: the memory is full; close other programs and try again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lecture: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone, as with `lecture list | head -1`
        _drop_output()
        return 1
    except OSError as error:
        _drop_output()
        where = f" {error.filename}" if error.filename else ""
        print(f"lecture: the system refused{where}: {error.strerror or error}.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
