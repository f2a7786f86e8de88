"""A small made-up exercise and its submissions, for the tests of the grader.

Run as a program, it is the command ``lecture`` in that workbook, in a process of its own.
"""

import asyncio
import contextlib
import json
import os
import sys
import types
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lecture_utils import cli, paths
from lecture_utils.grading import grade, source
from lecture_utils.grading.sandbox import Fault, Ran, Step

SLUG = "01_toy"
SOURCE = '''\
# %% [markdown]
# # Exercise 1 · A toy
#
# Three small tasks.

# %%
import numpy as np

from lecture_utils.exercises import Exercise

exercise = Exercise("01_toy", double=2, total=3, best=1)


# %% judge="*"
import numpy as np  # noqa: F811

from lecture_utils.grading.inside import emit, given
from lecture_utils.grading.judging import Failed, differs, part


# %% [markdown]
# ## Task 1 · Twice (2 points)
#
# Twice a number.

# %% solution="double"
def double(x):
    """Return twice x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


# %% test="double" points=2
exercise.check("double", lambda: double(4.0), 8.0, hint="Multiply.")
### BEGIN HIDDEN TESTS
data = given("double")
emit("double", "one", lambda: double(data["x"][0]))
emit("double", "many", lambda: double(np.asarray(data["x"])))
### END HIDDEN TESTS


# %% judge="double"
def inputs_double(rng):
    return {"x": rng.normal(size=5)}, {}


def judge_double(given, kept, answer):
    return [
        part(1, "a number", differs(answer["one"], 2 * given["x"][0])),
        part(1, "an array", differs(answer["many"], 2 * given["x"])),
    ]


# %% [markdown]
# ## Task 2 · A total (3 points)
#
# In two cells.

# %% solution="total"
def total(x):
    """Return the sum of x."""
    ### BEGIN SOLUTION
    return float(np.sum(x))
    ### END SOLUTION


# %% solution="total_2" task="total"
def mean(x):
    """Return the mean of x."""
    ### BEGIN SOLUTION
    return total(x) / len(x)
    ### END SOLUTION


# %% test="total" points=3
exercise.check("total", lambda: total(np.ones(3)), 3.0, hint="Add.")
### BEGIN HIDDEN TESTS
data = given("total")
emit("total", "sum", lambda: total(data["x"]))
emit("total", "mean", lambda: mean(data["x"]))
### END HIDDEN TESTS


# %% judge="total"
def inputs_total(rng):
    return {"x": rng.normal(size=7)}, {}


def judge_total(given, kept, answer):
    return [
        part(2, "the sum", differs(answer["sum"], given["x"].sum())),
        part(1, "the mean", differs(answer["mean"], given["x"].mean())),
    ]


# %% [markdown]
# ## Task 3 · The best (1 point)
#
# A number from 0 to 1, the larger the better.

# %% solution="best"
def best():
    """Return a number from 0 to 1."""
    ### BEGIN SOLUTION
    return 0.9
    ### END SOLUTION


# %% test="best" points=1
exercise.check("best", lambda: best() > 0, True, hint="More.")
### BEGIN HIDDEN TESTS
emit("best", "value", lambda: best())
### END HIDDEN TESTS


# %% judge="best"
def inputs_best(rng):
    return {}, {}


def judge_best(given, kept, answer):
    value = answer["value"]
    if isinstance(value, Failed):
        return [part(1, "a number", value.words)]
    if value == 13:
        raise RuntimeError("the judge trips over 13")
    return [part(1, "a number", None if value > 0.5 else "it is too small", score=value)]


# %%
exercise.progress()
'''

RIGHT = {
    "double": "def double(x):\n    return x + x",
    "total": "def total(x):\n    return sum(x)",
    "total_2": "def mean(x):\n    return sum(x) / len(x)",
    "best": "def best():\n    return 0.75",
}


def make_exercise(folder: Path, text: str = SOURCE, slug: str = SLUG) -> Path:
    """Write the source of the exercise, and return the root of the workbook."""
    path = folder / "workbook" / "notebooks" / "source" / "exercises" / f"{slug}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder / "workbook"


def answered(root: Path, **answers: str | None) -> dict[str, Any]:
    """Return a notebook as a student hands it in; None leaves an answer out."""
    notebook = json.loads(json.dumps(source.student_notebook(source.read("1", root / "notebooks"))))
    wanted = {**RIGHT, **answers}
    cells = []
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if name in wanted:
            if wanted[name] is None:
                continue
            cell["source"] = wanted[name]
        cells.append(cell)
    return {**notebook, "cells": cells}


def hand_in(path: Path, notebook: Mapping[str, Any], moment: float | None = None) -> Path:
    """Write a notebook, as of a time in seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    if moment is not None:
        os.utime(path, (moment, moment))
    return path


class FakeSandbox:
    """Runs the code in this process: fast, and for code that the tests themselves wrote."""

    def __init__(self, owner: "FakeSandboxes") -> None:
        self.owner = owner
        self.alive = True
        self.space: dict[str, Any] = {}
        self.setup: dict[str, Any] = {}

    async def run(self, steps: Sequence[Step], limits: Any = None) -> list[Ran]:
        await asyncio.sleep(self.owner.delay)
        results = []
        for step in steps:
            self.owner.ran.append(step.name)
            ran = self.owner.trouble(step, self) or self._execute(step)
            results.append(ran)
            if ran.ended:
                self.alive = False
                break
        return results

    def _execute(self, step: Step) -> Ran:
        answers: list[str] = []

        def emit(task: str, key: str, compute: Callable[[], Any]) -> None:
            from lecture_utils.grading import values

            answer: dict[str, Any] = {"task": task, "key": key}
            try:
                answer["value"] = values.encode(compute())
            except Exception as error:
                answer["failed"] = f"the code raised {type(error).__name__}: {error}"
                answer["unanswered"] = isinstance(error, NotImplementedError)
            answers.append(json.dumps(answer))

        printed: list[str] = []
        names = {"emit": emit, "given": self.owner.given}

        def begin(space: dict[str, Any]) -> None:
            self.setup = self.setup or dict(space)
            space.update(self.setup)

        def test(code: str, space: dict[str, Any]) -> None:
            exec(compile(code, "<hidden test>", "exec"), {**space, **self.setup, **names})

        own = {
            "_inside": types.SimpleNamespace(begin=begin, test=test, emit=emit),
            "print": lambda *words: printed.append(" ".join(map(str, words)) + "\n"),
        }
        code = "\n".join(line for line in step.code.split("\n") if "lecture_utils" not in line)
        self.space.update(own)
        try:
            exec(compile(code, step.name, "exec"), self.space)
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            return Ran(step.name, error=words, traceback=f"Traceback\n{words}", text="".join(printed))
        return Ran(step.name, answers=answers, text="".join(printed))


class FakeSandboxes:
    """Stands for the factory of sandboxes, and counts."""

    def __init__(self, files: Mapping[str, bytes], delay: float = 0.0) -> None:
        from lecture_utils.grading import values

        self.inputs = values.loads(files["given.json"].decode())
        self.delay = delay
        self.made = 0
        self.ran: list[str] = []
        self.trouble: Callable[[Step, FakeSandbox], Ran | None] = lambda step, box: None
        self.broken: Callable[[int], str] = lambda number: ""

    def given(self, task: str) -> dict[str, Any]:
        return dict(self.inputs[task])

    @contextlib.asynccontextmanager
    async def fresh(self) -> AsyncIterator[FakeSandbox]:
        self.made += 1
        problem = self.broken(self.made)
        if problem:
            raise Fault(problem)
        box = FakeSandbox(self)
        box.space["np"] = __import__("numpy")
        yield box


def main(root: str, delay: str, *words: str) -> int:
    """Run the command in a workbook; a delay of 0 or more, in seconds, takes fake sandboxes."""
    sys.argv[1:] = words
    paths.project_root = lambda: Path(root)
    grade._gradebook = lambda: None
    if float(delay) >= 0:
        from lecture_utils.grading import sandbox

        sandbox.missing = lambda: ""
        grade._make_sandboxes = lambda exercise, judge, sandboxed: FakeSandboxes(
            {"given.json": judge.files()}, float(delay)
        )
    return cli.main()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
