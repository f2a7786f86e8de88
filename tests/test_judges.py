"""Whatever a submission hands out, a judge decides: it never fails on it, and gives no point for nonsense."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lecture_utils.grading import source, values
from lecture_utils.grading.judging import Answers, Failed, Judge

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
    [True] * 20,
    ["right"] * 20,
    [["right"]] * 20,
    [np.zeros(2)] * 20,
    [[1, 2, 3, 4]] * 3,
    [("a", "b", "c", "d")] * 3,
    ((1,), (2,)),
    (np.zeros((2, 0)), np.zeros(0), np.zeros(0), 0.0),
    (np.full((2, 12), LARGE), np.full(12, -LARGE), np.full(12, LARGE), LARGE),
    (np.zeros((6, 5)), np.zeros(2)),
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


@pytest.fixture(scope="module", params=EXERCISES)
def exercise(request: pytest.FixtureRequest) -> tuple[source.Exercise, Judge]:
    found = source.read(request.param)
    return found, Judge(found.judge_code, found.points, "odd values", found.slug)


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
        assert sum(part.points * part.share for part in parts) == 0, (task.name, parts)
        assert all(part.problem and "\n" not in part.problem for part in parts)
        for key in sorted(answers.asked):
            judge.judge(task.name, Always(crossed(ODD[number]), key))


def test_the_inputs_do_not_hold_what_is_kept(exercise: Any) -> None:
    found, judge = exercise
    given = judge.files()
    for kept in judge._kept.values():
        for value in kept.values():
            array = np.asarray(value) if not isinstance(value, (dict, tuple, list)) else None
            if array is not None and array.dtype.kind in "biuf" and array.nbytes >= 64:
                text = values.encode(array)["array"]
                assert text.encode()[:1000] not in given, found.slug
