"""The scoreboard: what each network scored, on which data, at what cost, beside the figure in the decks."""

from __future__ import annotations

import datetime
import html
import json
import math
import os
import platform
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from lecture_utils import paths
from lecture_utils.errors import LectureError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lecture_utils.datasets import Images, Source

VERSION = 1
LOCK_SECONDS = 30.0
MNIST_TEST_IMAGES = 10_000  # what the decks' accuracies and ours on MNIST were measured on


@dataclass(frozen=True)
class Entry:
    """One measured result.

    Attributes
    ----------
    lecture : str
        The lecture that measured it, for example ``"03_mnist_dense"``.
    network : str
        The network's name as the lecture calls it.
    data : str
        The name of the data source, for example ``"mnist"`` or ``"digits"``.
    parameters : int
        Trainable parameters of the network.
    epochs : int
        Passes over the training data.
    seconds : float
        Wall-clock time of the training.
    accuracy : float
        On the test data, a fraction from 0 to 1.
    deck : float or None
        The accuracy that the decks report, a fraction from 0 to 1.
    date : str
        Day of the measurement, ISO 8601.
    machine : str
        Class of the machine: processor cores and system.
    """

    lecture: str
    network: str
    data: str
    parameters: int
    epochs: int
    seconds: float
    accuracy: float
    deck: float | None
    date: str
    machine: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What a newer result replaces: same lecture, same network, same data."""
        return self.lecture, self.network, self.data


def _cores() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine() -> str:
    """Return the class of this machine: processor cores and system."""
    cores = _cores()
    return f"{cores} {'core' if cores == 1 else 'cores'}, {platform.system()} {platform.machine()}"


def _fraction(value: float, what: str) -> float:
    number = float(value)
    if not math.isfinite(number) or not 0 <= number <= 1:
        hint = f"; write {number / 100:g} for {number:g} %" if 1 < number <= 100 else ""
        raise LectureError(f"{what} is a fraction from 0 to 1, not {number:g}{hint}.")
    return number


def _at_least_zero(value: float, what: str) -> float:
    number = float(value)
    if not math.isfinite(number) or number < 0:
        raise LectureError(f"{what} must be a number that is not negative, not {number:g}.")
    return number


def _entry(raw: Any) -> Entry:
    """Turn one item of the file into an entry; ValueError says what is wrong with it."""
    names = [field.name for field in fields(Entry)]
    if not isinstance(raw, dict) or set(raw) != set(names):
        raise ValueError(f"an entry must have exactly the fields {', '.join(names)}")
    for name in ("lecture", "network", "data", "date", "machine"):
        if not isinstance(raw[name], str):
            raise ValueError(f"{name} must be text, not {raw[name]!r}")
    for name in ("parameters", "epochs", "seconds", "accuracy", "deck"):
        number = isinstance(raw[name], (int, float)) and not isinstance(raw[name], bool)
        if not number and not (name == "deck" and raw[name] is None):
            raise ValueError(f"{name} must be a number, not {raw[name]!r}")
    return Entry(**raw)


def _load(path: Path) -> list[Entry]:
    """Read the entries of a scoreboard file; no file means no entries."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("version") != VERSION:
            raise ValueError(f'there is no "version": {VERSION} in it')
        if not isinstance(content.get("entries"), list):
            raise ValueError("there is no list of entries in it")
        return [_entry(raw) for raw in content["entries"]]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LectureError(f"cannot read the scoreboard {path}: {error.strerror or error}.") from error
    except ValueError as error:
        raise LectureError(
            f"the scoreboard {path} is damaged ({' '.join(str(error).split())}). "
            "Mend it, or move it away to start a new one; it was left as it is."
        ) from error


def _save(path: Path, entries: Iterable[Entry]) -> None:
    content = {"version": VERSION, "entries": [asdict(entry) for entry in entries]}
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    def write(stream: BinaryIO) -> None:
        stream.write(text.encode("utf-8"))

    paths.atomic_write(path, write)


def _change(path: Path, change: Callable[[list[Entry]], list[Entry]]) -> None:
    """Read, change and write a scoreboard while nobody else does."""
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(path.name + ".lock"), timeout=LOCK_SECONDS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise LectureError(
            f"another process has held the scoreboard {path} for {LOCK_SECONDS:.0f} s. Wait for it to end; "
            f"if there is none, delete {lock.lock_file}."
        ) from error
    except OSError as error:
        raise LectureError(
            f"cannot write the scoreboard {path}: {error.strerror or error}. "
            "Name a file that you may write in LECTURE_SCOREBOARD."
        ) from error
    try:
        _save(path, change(_load(path)))
    finally:
        lock.release()


def _replace(entries: list[Entry], new: Iterable[Entry]) -> list[Entry]:
    """Put new entries in the places of the old ones with the same key, the others at the end."""
    by_key = {entry.key: entry for entry in entries}
    by_key.update((entry.key, entry) for entry in new)
    return list(by_key.values())


def record(
    network: str,
    data: Images | Source,
    *,
    lecture: str,
    parameters: int,
    epochs: int,
    seconds: float,
    accuracy: float,
    deck: float | None = None,
) -> None:
    """Write one result to the scoreboard.

    A newer result of the same lecture, network and data replaces the older one. Several notebooks may
    record at once: the file is locked while one of them writes, and it is replaced as a whole.

    Parameters
    ----------
    network : str
        The network's name, for example ``"64-64"``.
    data : Images or Source
        What it was trained and tested on, or the ``source`` of that.
    lecture : str
        The lecture's name, for example ``"03_mnist_dense"``.
    parameters : int
        Trainable parameters, as ``model.count_params()`` gives them.
    epochs : int
        Passes over the training data.
    seconds : float
        Wall-clock time of the training, in seconds.
    accuracy : float
        On the test data, a fraction from 0 to 1.
    deck : float, optional
        The accuracy that the decks report for this network, a fraction from 0 to 1.

    Raises
    ------
    LectureError
        A value makes no sense, or the file is damaged, locked for long or may not be written. A damaged
        file is never overwritten.
    """
    source = getattr(getattr(data, "source", data), "name", None)
    if not isinstance(source, str) or not source:
        raise LectureError(
            f"data must be what a loader of lecture_utils.datasets returned, not {type(data).__name__}."
        )
    for what, text in (("network", network), ("lecture", lecture)):
        if not isinstance(text, str) or not text.strip():
            raise LectureError(f"{what} must be a name, not {text!r}.")
    entry = Entry(
        lecture=lecture,
        network=network,
        data=source,
        parameters=int(_at_least_zero(parameters, "parameters")),
        epochs=int(_at_least_zero(epochs, "epochs")),
        seconds=round(_at_least_zero(seconds, "seconds"), 2),
        accuracy=round(_fraction(accuracy, "accuracy"), 6),
        deck=None if deck is None else _fraction(deck, "deck"),
        date=datetime.date.today().isoformat(),
        machine=machine(),
    )
    _change(paths.scoreboard_path(), lambda entries: _replace(entries, [entry]))


def merge(origin: Path, target: Path, lecture: str) -> None:
    """Take over the entries of one lecture from another scoreboard file.

    Parameters
    ----------
    origin : Path
        The file to read. It is left as it is.
    target : Path
        The file to change; entries with the same key are replaced. It is made where it is missing.
    lecture : str
        The lecture whose entries are taken.

    Raises
    ------
    LectureError
        One of the files is damaged, or the target may not be written.
    """
    new = [entry for entry in _load(origin) if entry.lecture == lecture]
    if new:
        _change(target, lambda entries: _replace(entries, new))


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{100 * fraction:.2f}"


def standard_error(accuracy: float, images: int = MNIST_TEST_IMAGES) -> float:
    """Return the standard error of an accuracy on so many test images.

    Parameters
    ----------
    accuracy : float
        Share of the images that is right, from 0 to 1.
    images : int
        Number of test images; by default those of MNIST.

    Returns
    -------
    float
        The square root of p (1 - p) / n, a fraction: the normal approximation to the binomial distribution.
    """
    p = _fraction(accuracy, "an accuracy")
    if images < 1:
        raise LectureError(f"the number of test images must be at least 1, not {images}.")
    return math.sqrt(p * (1 - p) / images)


def _against_deck(entry: Entry) -> str:
    """Return ours less the deck's, in percent points, with the standard error of a difference."""
    if entry.deck is None or entry.data != "mnist":
        return ""
    error = math.hypot(standard_error(entry.accuracy), standard_error(entry.deck))
    return f"{100 * (entry.accuracy - entry.deck):+.2f} ± {100 * error:.2f}"


COLUMNS: tuple[tuple[str, Callable[[Entry], str], bool], ...] = (
    ("network", lambda entry: entry.network, False),
    ("data", lambda entry: entry.data, False),
    ("parameters", lambda entry: f"{entry.parameters:,}", True),
    ("epochs", lambda entry: str(entry.epochs), True),
    ("seconds", lambda entry: f"{entry.seconds:.1f}", True),
    ("test accuracy %", lambda entry: _percent(entry.accuracy), True),
    ("deck % (MNIST)", lambda entry: "" if entry.deck is None else f"{100 * entry.deck:.1f}", True),
    ("ours - deck", _against_deck, True),
    ("lecture", lambda entry: entry.lecture, False),
)
CAPTION = "Scoreboard: test accuracy of each network, beside the figure in the decks"
ERRORS = "After ± stands one standard error of a difference, if each had been tested on 10,000 other digits"
EMPTY = "The scoreboard is empty: run a lecture that measures something, for example `lecture run 03`."


@dataclass(frozen=True, repr=False)
class Scoreboard:
    """Results as a table: HTML in a notebook, aligned text elsewhere."""

    entries: tuple[Entry, ...]

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def _measured_on(self) -> str:
        machines = sorted({entry.machine for entry in self.entries})
        errors = f"{ERRORS}. " if any(map(_against_deck, self.entries)) else ""
        return f"{errors}Measured on: {'; '.join(machines)}."

    def plot(self) -> Figure:
        """Draw the accuracies on one axis, with the figures of the decks beside those on MNIST.

        Returns
        -------
        matplotlib.figure.Figure
            A row for each result. On MNIST the bars are two standard errors to each side.

        Raises
        ------
        LectureError
            The scoreboard is empty.
        """
        if not self.entries:
            raise LectureError(EMPTY)
        import matplotlib.pyplot as plt

        from lecture_utils import plots

        plots.use_style()
        mixed = len({entry.data for entry in self.entries}) > 1
        figure, axes = plt.subplots(figsize=(7, 1.1 + 0.32 * len(self.entries)), layout="constrained")
        for row, entry in enumerate(self.entries):
            on_mnist = entry.data == "mnist"
            error = 200 * standard_error(entry.accuracy) if on_mnist else None
            axes.errorbar(
                100 * entry.accuracy, row, xerr=error, fmt="o", color=plots.PALETTE[0], capsize=3, zorder=3
            )
            if on_mnist and entry.deck is not None:
                axes.plot(100 * entry.deck, row, "D", color=plots.PALETTE[1], fillstyle="none", zorder=4)
        axes.plot([], [], "o", color=plots.PALETTE[0], label="measured")
        if any(map(_against_deck, self.entries)):
            axes.plot([], [], "D", color=plots.PALETTE[1], fillstyle="none", label="the decks")
        labels = [f"{entry.network} ({entry.data})" if mixed else entry.network for entry in self.entries]
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        axes.set(xlabel="test accuracy in %")
        axes.legend(loc="best")
        return figure

    def __str__(self) -> str:
        if not self.entries:
            return EMPTY
        rows = [[value(entry) for _, value, _ in COLUMNS] for entry in self.entries]
        widths = [
            max(len(name), *(len(row[index]) for row in rows)) for index, (name, _, _) in enumerate(COLUMNS)
        ]

        def line(cells: Iterable[str]) -> str:
            padded = (
                cell.rjust(width) if numeric else cell.ljust(width)
                for cell, width, (_, _, numeric) in zip(cells, widths, COLUMNS, strict=True)
            )
            return "  ".join(padded).rstrip()

        rule = "  ".join("-" * width for width in widths)
        return "\n".join(
            [line(name for name, _, _ in COLUMNS), rule, *(line(row) for row in rows), self._measured_on()]
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self.entries:
            return f"<p>{html.escape(EMPTY)}</p>"

        # No colors: the page's own ones hold in light and in dark mode.
        def cell(tag: str, text: str, numeric: bool, scope: str = "") -> str:
            attributes = f' scope="{scope}"' if scope else ""
            side = "right" if numeric else "left"
            return f'<{tag}{attributes} style="text-align: {side}">{html.escape(text)}</{tag}>'

        head = "".join(cell("th", name, numeric, "col") for name, _, numeric in COLUMNS)
        body = []
        for entry in self.entries:
            (_, first, _), *others = COLUMNS
            cells = [cell("th", first(entry), False, "row")]
            cells += [cell("td", value(entry), numeric) for _, value, numeric in others]
            body.append(f"<tr>{''.join(cells)}</tr>")
        return "\n".join(
            [
                '<table class="lecture-scoreboard">',
                f"<caption>{html.escape(CAPTION)}. {html.escape(self._measured_on())}</caption>",
                f"<thead><tr>{head}</tr></thead>",
                "<tbody>",
                *body,
                "</tbody>",
                "</table>",
            ]
        )


def table(path: Path | str | None = None, source: str | None = None) -> Scoreboard:
    """Return the scoreboard as a table.

    Parameters
    ----------
    path : Path or str, optional
        A scoreboard file; by default yours (``LECTURE_SCOREBOARD``, else ``data/scoreboard.json``).
    source : str, optional
        Only results on this data source, for example ``"mnist"``.

    Returns
    -------
    Scoreboard
        Ordered by lecture and data, then in the order in which the networks were first recorded. It is
        empty where there is no file.

    Raises
    ------
    LectureError
        The file is damaged or may not be read.
    """
    entries = _load(paths.scoreboard_path() if path is None else Path(path))
    chosen = [entry for entry in entries if source is None or entry.data == source]
    return Scoreboard(tuple(sorted(chosen, key=lambda entry: (entry.lecture, entry.data))))


def benchmark(name: str) -> dict[str, Any]:
    """Return what a benchmark outside of the lectures measured, as kept in ``data/results``.

    Parameters
    ----------
    name : str
        Name of the benchmark, for example ``"recipe"``; `make bench` measures it anew.

    Returns
    -------
    dict
        The content of its JSON file.

    Raises
    ------
    LectureError
        There is no such result, or its file is damaged.
    """
    folder = paths.reference_scoreboard_path().parent
    path = folder / f"{name}.json"
    if not name.isidentifier() or not path.is_file():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.json")))
        raise LectureError(f"there is no result of a benchmark {name!r} in {folder}; there are: {known}.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LectureError(f"cannot read {path} ({error}); `git checkout` brings it back.") from error
    if not isinstance(content, dict):
        raise LectureError(f"{path} does not hold a result; `git checkout` brings it back.")
    return content


def over_seeds(network: str) -> list[float]:
    """Return what a network of lectures 7 to 9 reached on MNIST with other seeds than the lecture's.

    Parameters
    ----------
    network : str
        The name in the scoreboard.

    Returns
    -------
    list of float
        Test accuracies from 0 to 1, sorted, one for each seed; `make bench BENCH=digits` measures them anew.

    Raises
    ------
    LectureError
        Nothing is kept of such a network, or the file is damaged.
    """
    try:
        runs = [(str(run["network"]), float(run["accuracy"])) for run in benchmark("seeds")["runs"]]
    except (KeyError, TypeError, ValueError) as error:
        raise LectureError("seeds.json holds no runs of networks; `git checkout` brings it back.") from error
    found = sorted(accuracy for name, accuracy in runs if name == network)
    if not found:
        known = ", ".join(sorted({name for name, _ in runs}))
        raise LectureError(f"there are no other seeds of {network!r}; there are: {known}.")
    return found
