"""Whatever a submission hands out, a judge decides: it never fails on it, and gives no point for nonsense."""

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lecture_utils.grading import source, values
from lecture_utils.grading.judging import Answers, Failed, Judge, Part

ROOT = Path(__file__).resolve().parent.parent
EXERCISES = sorted(path.stem for path in (ROOT / "notebooks/source/exercises").glob("[0-9]*.py"))
LARGE = 1e308
ODD: list[Any] = [
    None,
    0,
    1.5,
    -3,
    True,
    "x",
    "right",
    "x" * 900,
    [],
    [1],
    [None],
    [[1], [1, 2]],
    [[]] * 4,
    [[[[1]]]],
    (),
    (1, 2),
    (None, None, None, None),
    {},
    {"a": 1},
    [{}] * 20,
    np.zeros(0),
    np.zeros((2, 0)),
    np.zeros(3),
    np.zeros((3, 3)),
    np.array(5.0),
    np.array([1 + 2j]),
    np.full((4, 4), np.inf),
    np.full(4, LARGE),
    np.zeros((2, 40), np.float16),
    np.zeros((1, 1, 1, 1, 1, 1, 1, 1)),
    float("nan"),
    [float("nan")] * 20,
    [LARGE] * 4,
    1e200,
    [1e200] * 20,
    [True] * 20,
    np.zeros((60_000, 0), bool),
    np.zeros((60_000, 1, 1, 1, 1, 1, 1, 1), bool),
    [np.zeros((60_000, 0), bool)] * 4,
    *("ß" * length for length in range(1, 9)),
    ["right"] * 20,
    [["right"]] * 20,
    [np.zeros(2)] * 20,
    [[1, 2, 3, 4]] * 3,
    [("a", "b", "c", "d")] * 3,
    ((1,), (2,)),
    (np.zeros((2, 0)), np.zeros(0), np.zeros(0), 0.0),
    (np.full((2, 12), LARGE), np.full(12, -LARGE), np.full(12, LARGE), LARGE),
    (np.zeros((6, 5)), np.zeros(2)),
    (np.full((3, 3), 1e200), 0.0),
    [(np.full((3, 3), 1e200), 1e200), (np.full((3, 3), -1e200), 0.0)],
    [[np.full((2, 8), LARGE), np.full(8, -LARGE), np.ones((8, 1)) * LARGE, np.ones(1)]] * 3,
    [{"layer": "dense"}],
    [{"layer": "dense", "kernel": np.zeros((1, 100_000), np.float32), "activation": "linear", "bias": None}]
    * 3,
    [{"layer": ["dense"]}, {"layer": {"dense": 1}}],
    [{"layer": "flatten"}] * 50,
    [
        {
            "layer": "dense",
            "kernel": np.full((784, 10), np.nan, np.float32),
            "activation": "softmax",
            "bias": None,
        }
    ],
]


class Always(Answers):
    """Has a value for every key that is asked for, or for one key only, and notes what was asked for."""

    def __init__(self, value: Any, only: str | None = None) -> None:
        super().__init__("", [])
        self.value, self.only, self.asked = value, only, set[str]()

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return self.value if self.only in (None, key) else Failed("no value")


class Instead(Answers):
    """The given answers, with another value for one key."""

    def __init__(self, answers: Mapping[str, Any], **instead: Any) -> None:
        super().__init__("", [])
        self._values = {**answers, **instead}


@functools.lru_cache(maxsize=1)
def read(slug: str) -> tuple[source.Exercise, Judge]:
    found = source.read(slug)
    return found, Judge(found.judge_code, found.points, "odd values", found.slug)


@pytest.fixture(scope="module", params=EXERCISES)
def exercise(request: pytest.FixtureRequest) -> tuple[source.Exercise, Judge]:
    return read(request.param)


@pytest.fixture(scope="module")
def solved(exercise: Any) -> dict[str, dict[str, Any]]:
    """Return what our solutions hand out, for the tasks that train no network."""
    found, judge = exercise
    setup: dict[str, Any] = {"__name__": found.slug}
    for cell in found.setup:
        exec(cell, setup)
    return {
        task.name: answered(task, judge, {**setup})
        for task in found.tasks
        if "keras" not in "".join([*task.solutions.values(), task.hidden])
    }


def answered(task: source.Task, judge: Judge, space: dict[str, Any], *answers: str) -> dict[str, Any]:
    """Run answer cells, by default our solution, and the hidden test after them, as the sandbox would."""
    handed_out: dict[str, Any] = {}

    def emit(task: str, key: str, compute: Any) -> None:
        handed_out[key] = crossed(compute())

    for answer in answers or task.solutions.values():
        exec(answer, space)
    inputs = {name: crossed(value) for name, value in judge.given.items()}
    exec(task.hidden, {**space, "given": lambda name: values.copied(inputs[name]), "emit": emit})
    return handed_out


def replaced(value: Any, odd: Any) -> Iterator[Any]:
    """Give the odd value, and the value with the odd one in the place of its first entry."""
    yield odd
    if isinstance(value, list | tuple) and value:
        yield type(value)([odd, *value[1:]])


def earned(parts: list[Part]) -> float:
    return sum(part.points * part.share for part in parts)


def crossed(value: Any) -> Any:
    """Return a value as it comes out of the sandbox."""
    return values.loads(values.dumps(value))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("number", range(len(ODD)))
def test_odd_values_neither_break_a_judge_nor_earn_points(exercise: Any, number: int) -> None:
    found, judge = exercise
    for task in found.tasks:
        answers = Always(crossed(ODD[number]))
        parts = judge.judge(task.name, answers)
        assert earned(parts) == 0, (task.name, parts)
        assert all(part.problem and "\n" not in part.problem for part in parts)
        for key in sorted(answers.asked):
            judge.judge(task.name, Always(crossed(ODD[number]), key))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_our_solutions_earn_everything_in_process(exercise: Any, solved: Any) -> None:
    found, judge = exercise
    assert len(solved) >= 4
    for task in solved:
        assert earned(judge.judge(task, Instead(solved[task]))) == found.points[task]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("number", range(len(ODD)))
def test_an_odd_value_among_right_ones_breaks_no_judge(exercise: Any, solved: Any, number: int) -> None:
    _, judge = exercise
    for task, answers in solved.items():
        for key, right in answers.items():
            for odd in replaced(right, crossed(ODD[number])):
                parts = judge.judge(task, Instead(answers, **{key: odd}))
                assert all("\n" not in part.problem for part in parts)


def task_of(slug: str, name: str) -> tuple[source.Task, Judge]:
    found, judge = read(next(each for each in EXERCISES if each.startswith(slug)))
    return next(task for task in found.tasks if task.name == name), judge


def test_an_infinite_threshold_is_as_good_as_one_above_all_scores() -> None:
    task, judge = task_of("05", "cost")
    space = {"np": np}
    ours = next(iter(task.solutions.values()))
    for end in ("np.inf", "np.float32(np.inf)"):
        answers = answered(task, judge, space, ours.replace("score.max() + 1", end))
        assert answers["never"] == np.inf
        assert earned(judge.judge("cost", Instead(answers))) == task.points
        assert earned(judge.judge("cost", Instead(answers, always=-np.inf))) == task.points
    nonsense: list[Any] = ["x", None, [1, 2], {}, 1j, np.array([1j]), float("nan")]
    for odd in nonsense:
        for key in ("never", "always"):
            assert earned(judge.judge("cost", Instead(answers, **{key: odd}))) == 1.5
    assert earned(judge.judge("cost", Instead(answers, always=np.inf))) == 1.5
    assert earned(judge.judge("cost", Instead(answers, never=-np.inf))) == 1.5


def test_folds_that_ignore_the_groups_earn_half_a_point() -> None:
    task, judge = task_of("05", "folds")
    cut = "def group_folds(groups, k):\n    return np.array_split(np.arange(len(groups)), k)"
    assert earned(judge.judge("folds", Instead(answered(task, judge, {"np": np}, cut)))) == 0.5


@pytest.mark.filterwarnings("error")
def test_giant_predictions_are_told_in_few_words() -> None:
    judge = task_of("05", "housing")[1]
    rows = len(judge.given["housing"]["x_test"])
    for giant in (1e150, 1e300):
        parts = judge.judge("housing", Instead({}, prices=np.full(rows, giant)))
        assert earned(parts) == 0
        assert all(len(part.problem) < 100 for part in parts)


def test_a_rate_of_zero_earns_nothing() -> None:
    task, judge = task_of("04", "schedule")
    zero = "def warm_rate(step, warmup, total, highest):\n    return 0.0"
    assert earned(judge.judge("schedule", Instead(answered(task, judge, {"np": np}, zero)))) == 0


def test_one_rate_for_all_problems_earns_nothing() -> None:
    judge = task_of("04", "rate")[1]
    for rate in (1e-3, 0.1, 1.0, 10.0):
        parts = judge.judge("rate", Instead(dict.fromkeys("012", rate)))
        assert earned(parts) == 0
        assert all("the same for all three" in part.problem for part in parts)
    several = {"0": 0.1, "1": 0.1, "2": 0.1001}
    assert not any("the same" in part.problem for part in judge.judge("rate", Instead(several)))


def test_depth_is_made_of_layers_that_bend() -> None:
    judge = task_of("04", "deep")[1]

    def words(**layer: Any) -> str:
        """Return what is said of thirty layers of two units that each copy, with a layer behind each."""
        copy = {"layer": "dense", "kernel": np.eye(2, dtype=np.float32), "bias": None, "activation": "linear"}
        network = [entry for _ in range(30) for entry in (copy, layer)] + [copy]
        (part,) = judge.judge("deep", Instead({}, network=network))
        return part.problem

    assert "are right" in words(layer="leaky_relu", slope=0.9)
    assert "are right" in words(layer="activation", activation="tanh")
    for slope in (1.0, 1 + 1e-9):
        assert "no activation" in words(layer="leaky_relu", slope=slope)
    assert "no activation" in words(layer="activation", activation="linear")
    for kind in ("batchnorm", "flatten", "conv2d"):
        assert f"not allowed: {kind!r}" in words(layer=kind)


def test_the_inputs_do_not_hold_what_is_kept(exercise: Any) -> None:
    found, judge = exercise
    given = judge.files()
    for kept in judge._kept.values():
        for value in kept.values():
            array = np.asarray(value) if not isinstance(value, (dict, tuple, list)) else None
            if array is not None and array.dtype.kind in "biuf" and array.nbytes >= 64:
                text = values.encode(array)["array"]
                assert text.encode()[:1000] not in given, found.slug
