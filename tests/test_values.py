"""What crosses the border of the sandbox is plain data: it survives the way, and nothing else passes."""

import base64
import json
import math
from typing import Any

import numpy as np
import pytest

from lecture_utils.grading import values

PLAIN: list[Any] = [
    None,
    True,
    -3,
    2.5,
    "a \N{SNOWMAN}",
    [],
    (),
    {},
    [1, (2.0, "x"), {"key": [None]}],
    math.inf,
    -math.inf,
]
ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.zeros((0, 3)),
    np.array(1.5),
    np.array([math.nan, math.inf, -0.0]),
    np.array([[True, False]]),
    np.arange(4, dtype=">i4"),
    np.zeros((2, 3)).T,
    np.array([1 + 2j]),
    np.arange(3, dtype=np.uint8),
    np.arange(3, dtype=np.float16),
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    back = values.loads(values.dumps(value))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_come_back_bit_by_bit(array: Any) -> None:
    back = values.loads(values.dumps(array))
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("<")
    np.testing.assert_array_equal(back, array)


def test_nan_comes_back() -> None:
    assert math.isnan(values.loads(values.dumps(math.nan)))


class Tensor:
    """What a tensor looks like to those who do not import TensorFlow."""

    def numpy(self) -> Any:
        return np.float32(3)


def test_tensors_and_numpy_numbers_become_arrays() -> None:
    assert values.loads(values.dumps(Tensor())) == 3
    assert values.loads(values.dumps(np.int64(4))) == 4
    assert values.loads(values.dumps(np.bool_(True))) == True  # noqa: E712
    assert values.loads(values.dumps(np.array(["a", "b"]))) == ["a", "b"]


class Liar(int):
    """Pretends to be a number."""

    def __repr__(self) -> str:
        return "1; forged"


@pytest.mark.parametrize(
    "value",
    [object(), print, lambda: 1, {1: 2}, 2**63, {1, 2}, np.array([object()]), b"bytes"],
    ids=lambda value: type(value).__name__,
)
def test_nothing_else_is_sent(value: Any) -> None:
    with pytest.raises(values.NotPlain, match=r"^it is "):
        values.dumps(value)


def test_what_pretends_to_be_a_number_is_sent_as_the_number() -> None:
    assert values.loads(values.dumps(Liar(5))) == 5


def test_too_deep_a_list_is_not_sent() -> None:
    nested: list[Any] = []
    for _ in range(100):
        nested = [nested]
    with pytest.raises(values.NotPlain, match="nested too deeply"):
        values.dumps(nested)
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(values.NotPlain, match="nested too deeply"):
        values.dumps(endless)


def array(content: bytes = b"\0" * 8, dtype: Any = "<f8", shape: Any = (1,)) -> str:
    encoded = base64.b64encode(content).decode()
    return json.dumps({"array": encoded, "dtype": dtype, "shape": shape})


HOSTILE = {
    "empty": "",
    "no JSON": "{",
    "nan": "NaN",
    "infinity": "Infinity",
    "huge integer": "1" * 5000,
    "64 bits": str(2**63),
    "float overflow": "1e999",
    "deep": "[" * 100_000,
    "deep and closed": "[" * 100_000 + "]" * 100_000,
    "bare list": "[1]",
    "bare dict": '{"a": 1, "b": 2}',
    "key twice": '{"list": [], "list": [1]}',
    "key twice inside": '{"dict": {"a": 1, "a": 2}}',
    "many": json.dumps({"list": [0] * 30_000}),
    "long text": json.dumps("x" * 200_000),
    "unknown kind": '{"object": 1}',
    "object array": array(dtype="|O"),
    "void": array(dtype="|V8"),
    "datetime": array(dtype="<M8[s]"),
    "record": array(dtype=[["a", "<f8"]]),
    "dtype no text": array(dtype=3),
    "big-endian": array(dtype=">f8"),
    "shape too large": array(shape=[10**12]),
    "shape overflow": array(shape=[2**31 - 1] * 8),
    "negative shape": array(shape=[-1]),
    "two negatives": array(shape=[-1, -1]),
    "shape of truth": array(shape=[True]),
    "shape of texts": array(shape=["1"]),
    "shape no list": array(shape=1),
    "many dimensions": array(shape=[1] * 40),
    "bytes too few": array(content=b"\0"),
    "no base64": '{"array": "%%%%", "dtype": "<f8", "shape": [1]}',
    "not ASCII": json.dumps({"array": "\N{SNOWMAN}", "dtype": "<f8", "shape": [1]}),
    "array no text": '{"array": [], "dtype": "<f8", "shape": [0]}',
    "one key more": '{"array": "", "dtype": "<f8", "shape": [0], "x": 1}',
    "float of words": '{"float": "1"}',
    "list of a dict": '{"list": {"a": 1}}',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(values.NotPlain) as caught:
        values.loads(text)
    assert "\n" not in str(caught.value)


def test_random_garbage_never_raises_anything_else() -> None:
    rng = np.random.default_rng(0)
    seed = values.dumps({"a": [1, 2.5, np.arange(3.0)], "b": ("x", None)})
    characters = list('{}[]",:0123456789.eE+-"arydtpsh<fix=/ntruel')
    refused = 0
    for _ in range(3000):
        text = list(seed)
        for place in rng.integers(len(text), size=rng.integers(1, 4)):
            text[place] = characters[rng.integers(len(characters))]
        try:
            values.loads("".join(text))
        except values.NotPlain:
            refused += 1
    assert refused > 1000


def test_an_empty_array_whose_other_sizes_are_huge_is_refused() -> None:
    for shape in ([2**31 - 1, 0], [2**31 - 1, 0, 2**31 - 1], [2**30, 2**30, 0], [0, 65536, 65536]):
        with pytest.raises(values.NotPlain):
            values.decode({"array": "", "dtype": "<f8", "shape": shape})
    assert values.decode({"array": "", "dtype": "<f8", "shape": [0, 1000]}).shape == (0, 1000)


@pytest.mark.parametrize(
    "encoded",
    [
        "x" * 1001,
        {"list": ["x" * 1000] * 101},
        {"dict": {"x" * 1001: 1}},
        {"list": ["x" * 1000, *[""] * 1000]},
        {"list": ["x" * 100, {"list": [1] * 10_000}]},
    ],
)
def test_texts_that_would_fill_an_array_are_refused(encoded: Any) -> None:
    with pytest.raises(values.NotPlain, match="text"):
        values.decode(encoded)
