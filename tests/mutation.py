"""Mutation testing of lectures: destroy what a lecture teaches, and demand that one of its cells notices.

A mutant is a small change of a lecture's source. Lecture and mutant are both executed as plain Python, cell
by cell, on a small budget: every call of ``fit`` stops after a number of steps. The unchanged lecture is the
control. It says which of its ``expect`` bands hold on so small a budget; those that do not are left out. A
mutant is caught by

- an ``assert`` (or ``numpy.testing``) that fails,
- an ``expect`` that held in the control and holds no longer,
- an output that nbval would compare and that differs from the control's.

Any other exception is not a catch: a mutant that crashes was badly made.
"""

from __future__ import annotations

import contextlib
import functools
import io
import linecache
import math
import multiprocessing
import os
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "notebooks" / "source" / "lectures"
STEPS = 80
MARK = "# NBVAL_CHECK_OUTPUT"
# Where a lecture trains in a loop of its own, or often: what makes it shorter, for control and mutants alike.
SHORTER = {
    "14_rnn_gru_lstm": {"\nlags = [5, 20, 60]\n": "\nlags = [5]\n"},
    "16_word2vec": {"\nEPOCHS = 5\n": "\nEPOCHS = 1\n"},
}


@dataclass(frozen=True)
class Mutant:
    """One change that destroys something.

    Attributes
    ----------
    name : str
        What is destroyed.
    old, new : str
        Text that occurs exactly once in the source, and what takes its place.
    """

    name: str
    old: str
    new: str

    def apply(self, source: str) -> str:
        """Return the changed source; ValueError where the old text is not there exactly once."""
        if source.count(self.old) != 1:
            raise ValueError(
                f"mutant {self.name!r}: its text occurs {source.count(self.old)} times, not once"
            )
        return source.replace(self.old, self.new)


@dataclass
class Run:
    """What happened when a source was executed.

    Attributes
    ----------
    outputs : list of str
        Standard output of each code cell that was executed.
    expectations : list of tuple
        (cell number, what, held) of each call of ``expect``, in order.
    caught : str
        Why a mutant was caught; "" where it was not.
    crash : str
        Traceback of an exception that is no failed check.
    """

    outputs: list[str] = field(default_factory=list)
    expectations: list[tuple[int, str, bool]] = field(default_factory=list)
    caught: str = ""
    crash: str = ""


def code_cells(source: str) -> list[str]:
    """Return the text of each code cell of a percent script."""
    import jupytext

    notebook = jupytext.reads(source, fmt="py:percent")
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def _first(count: int, part: Any) -> Any:
    """Return the first examples of an array, or of each array of a list, tuple or dict; None stays None."""
    if isinstance(part, list | tuple) and len(part) and hasattr(part[0], "shape"):
        return type(part)(_first(count, each) for each in part)
    if isinstance(part, dict):
        return {name: _first(count, each) for name, each in part.items()}
    return part if part is None else part[:count]


def _few_steps(steps: int) -> None:
    """Let every later call of ``fit`` in this process end after at most so many steps."""
    import keras
    import tensorflow as tf

    whole = keras.Model.fit

    def fit(
        self: Any, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, **other: Any
    ) -> Any:
        if isinstance(x, tf.data.Dataset):
            x, epochs = x.take(steps), 1
        elif x is not None:
            keep = math.ceil((batch_size or 32) * steps)
            x, y, other["sample_weight"] = (_first(keep, part) for part in (x, y, other.get("sample_weight")))
            count = len(tf.nest.flatten(x)[0])
            epochs = max(1, min(epochs, steps // max(1, math.ceil(count / (batch_size or 32)))))
        return whole(self, x, y, batch_size=batch_size, epochs=epochs, **other)

    keras.Model.fit = fit


@contextlib.contextmanager
def _watched(run: Run, control: Run | None, cell: list[int]) -> Iterator[None]:
    """Note each call of ``expect``; let it fail only where it held in the control."""
    from lecture_utils import checks

    expect = checks.expect

    def watched(value: Any, what: str, *arguments: Any, **bands: Any) -> Any:
        place = len(run.expectations)
        try:
            expect(value, what, *arguments, **bands)
            run.expectations.append((cell[0], what, True))
        except AssertionError:
            run.expectations.append((cell[0], what, False))
            if control is not None and (cell[0], what, True) in control.expectations[place : place + 1]:
                raise AssertionError(f"expect: {what}") from None
        return value

    checks.expect = watched
    try:
        yield
    finally:
        checks.expect = expect


def execute(cells: list[str], name: str, control: Run | None, steps: int = STEPS) -> Run:
    """Execute cells in this process, up to the first check that fails.

    Parameters
    ----------
    cells : list of str
        Code, in order.
    name : str
        For tracebacks.
    control : Run or None
        The run of the unchanged lecture; None where this is it.
    steps : int
        Most steps in one call of ``fit``.
    """
    if any("keras" in cell for cell in cells):
        _few_steps(steps)
    run, place = Run(), [0]
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with _watched(run, control, place):
        for number, cell in enumerate(cells):
            place[0] = number
            file = f"<{name} cell {number}>"
            linecache.cache[file] = (len(cell), None, cell.splitlines(keepends=True), file)
            printed = io.StringIO()
            try:
                with contextlib.redirect_stdout(printed):
                    exec(compile(cell, file, "exec"), namespace)
            except AssertionError as error:
                run.caught = f"cell {number}: {(str(error).strip() or 'assert').splitlines()[0]}"
                break
            except BaseException:
                run.crash = f"cell {number}\n{traceback.format_exc()}"
                break
            run.outputs.append(printed.getvalue())
            if control is not None and MARK in cell and printed.getvalue() != control.outputs[number]:
                run.caught = f"cell {number}: the compared output differs"
                break
    return run


def _child(connection: Any, cells: list[str], name: str, control: Run | None, steps: int) -> None:
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    connection.send(execute(cells, name, control, steps))
    connection.close()


def in_process(
    cells: list[str], name: str, control: Run | None = None, steps: int = STEPS, seconds: float = 600
) -> Run:
    """Execute cells in a fresh process that finds TensorFlow already imported.

    Raises
    ------
    TimeoutError
        It took longer than ``seconds``.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mutation_preload"])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(theirs, cells, name, control, steps))
    process.start()
    theirs.close()
    try:
        if not ours.poll(seconds):
            raise TimeoutError(f"{name} took longer than {seconds:.0f} s")
        return ours.recv()
    except EOFError:
        return Run(crash=f"{name}: the process ended with status {process.exitcode}")
    finally:
        process.kill()
        process.join()


def source_of(slug: str) -> str:
    """Return the text of a lecture's source, with loops of its own shortened: only `fit` can be stopped."""
    text = (SOURCES / f"{slug}.py").read_text(encoding="utf-8")
    for long, short in SHORTER.get(slug, {}).items():
        if text.count(long) != 1:
            raise ValueError(f"{slug}: {long!r} occurs {text.count(long)} times, not once")
        text = text.replace(long, short)
    return text


@functools.cache
def control_of(slug: str) -> Run:
    """Execute a lecture as it is; it must get to its end."""
    control = in_process(code_cells(source_of(slug)), slug)
    if control.caught or control.crash:
        raise AssertionError(
            f"the unchanged lecture {slug} fails on the small budget: {control.caught or control.crash}"
        )
    return control
