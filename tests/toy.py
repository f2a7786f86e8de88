"""A small exercise for the tests of the grader: NumPy only, so that a sandbox starts in a second."""

from pathlib import Path

SLUG = "01_toy"
LECTURE = "# %% [markdown]\n# # 1 · A toy\n#\n# **Time:** 1 minute to read, 1 minute to run.\n"
SOURCE = '''\
# %% [markdown]
# # Exercise 1 · A toy
#
# Only what stands in the answer cells is graded.

# %%
import numpy as np

from lecture_utils.exercises import Exercise

exercise = Exercise("01_toy", double=2, mean=3, slow=1)

# %% [markdown]
# ## Task 1 · Twice as much (2 points)
#
# Return every number, doubled.


# %% solution="double"
def double(x):
    """Return 2 x."""
    ### BEGIN SOLUTION
    return 2 * np.asarray(x)
    ### END SOLUTION


# %% test="double" points=2
exercise.check("double", lambda: double(1), 2, hint="What is one and one?")
### BEGIN HIDDEN TESTS
data = given("double")
emit("double", "many", lambda: double(data["x"]))
emit("double", "one", lambda: double(3))
### END HIDDEN TESTS

# %% judge="*"
import numpy as np

from lecture_utils.grading.inside import emit, given
from lecture_utils.grading.judging import differs, part

# %% judge="double"
def inputs_double(rng):
    return {"x": rng.normal(size=(4, 3))}, {"secret": 8675309}


def judge_double(given, kept, answer):
    return [
        part(1, "a table of numbers", differs(answer["many"], given["x"] + given["x"])),
        part(1, "a single number", differs(answer["one"], 6)),
    ]


# %% [markdown]
# ## Task 2 · The mean (3 points)
#
# Return the mean of each row.


# %% solution="mean"
def mean(x):
    """Return the mean of each row of x."""
    ### BEGIN SOLUTION
    return np.mean(x, axis=1)
    ### END SOLUTION


# %% test="mean" points=3
exercise.check("mean", lambda: mean(np.ones((2, 5))), [1.0, 1.0], hint="Along which axis?")
### BEGIN HIDDEN TESTS
data = given("mean")
emit("mean", "rows", lambda: mean(data["x"]))
### END HIDDEN TESTS

# %% judge="mean"
def inputs_mean(rng):
    return {"x": rng.normal(size=(4, 6))}, {}


def judge_mean(given, kept, answer):
    return [part(3, "the mean of each row", differs(answer["rows"], given["x"].sum(axis=1) / 6))]


# %% [markdown]
# ## Task 3 · Patience (1 point)
#
# Return the number of steps.


# %% solution="slow"
def slow(steps):
    """Count to a number."""
    ### BEGIN SOLUTION
    return steps
    ### END SOLUTION


# %% test="slow" points=1
exercise.check("slow", lambda: slow(5), 5, hint="One, two, three.")
### BEGIN HIDDEN TESTS
data = given("slow")
emit("slow", "count", lambda: slow(data["steps"]))
### END HIDDEN TESTS

# %% judge="slow"
def inputs_slow(rng):
    return {"steps": int(rng.integers(10, 1000))}, {}


def judge_slow(given, kept, answer):
    return [part(1, "the count", differs(answer["count"], given["steps"]))]


# %%
exercise.progress()
'''


def make_toy(folder: Path, text: str = SOURCE) -> Path:
    """Write a workbook with one lecture and its exercise; return the folder of the notebooks."""
    notebooks = folder / "workbook" / "notebooks"
    for kind, content in (("lectures", LECTURE), ("exercises", text)):
        (notebooks / "source" / kind).mkdir(parents=True, exist_ok=True)
        (notebooks / "source" / kind / f"{SLUG}.py").write_text(content, encoding="utf-8")
    return notebooks
