"""Carry values across the border of the sandbox: plain data as strict JSON, nothing that could run.

Numbers, texts, truth values, arrays, and lists, tuples and dicts of them. Arrays travel as their bytes, so
that nan and the last bit survive. :func:`decode` trusts nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 12
MAX_VALUES = 20_000  # numbers, texts, lists and so on; an array counts as one
MAX_TEXT = 1_000  # characters of one text
MAX_TEXTS = 100_000  # characters of all texts together
MAX_FILLED = 1_000_000  # longest text times number of values: what an array of texts would hold
MAX_SIZE = 2**31  # the sizes of an array multiplied
MAX_EMPTY = 2**16  # the same where one of them is 0, the others multiplied: no bytes, but as many rows
MAX_INTEGER = 2**63
_DTYPES = {"|b1"} | {f"<{kind}{size}" for kind in "iu" for size in (2, 4, 8)}
_DTYPES |= {"|i1", "|u1", "<f2", "<f4", "<f8", "<c8", "<c16"}
_MAX_DIMENSIONS = 8


class NotPlain(Exception):
    """A value that cannot cross the border; the message says what it is."""


def encode(value: Any) -> Any:
    """Return a value as what ``json.dumps`` takes.

    Parameters
    ----------
    value : number, text, bool, None, array, tensor, or list, tuple, dict of these
        Keys of a dict must be texts.

    Returns
    -------
    object
        For :func:`decode`.

    Raises
    ------
    NotPlain
        It is something else, or nested too deeply.
    """
    return _encode(value, 0)


def _encode(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise NotPlain("it is nested too deeply")
    if value is None or type(value) in (bool, str):
        return value
    if type(value) is int:
        if abs(value) >= MAX_INTEGER:
            raise NotPlain("it is a whole number of more than 63 bits")
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, Mapping):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            raise NotPlain(f"it is a dict with a key that is no text ({type(wrong[0]).__name__})")
        return {"dict": {str(key): _encode(entry, depth + 1) for key, entry in value.items()}}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_encode(entry, depth + 1) for entry in value]}
    return _encode_array(value)


def _encode_array(value: Any) -> Any:
    import numpy as np

    if callable(value) and not hasattr(value, "numpy"):
        raise NotPlain(f"it is a {type(value).__name__}, not a value: is a call missing its parentheses?")
    try:
        array = np.asarray(value.numpy() if callable(getattr(value, "numpy", None)) else value)
    except (TypeError, ValueError) as error:
        raise NotPlain(f"it is a {type(value).__name__}, not a number, text or array") from error
    if array.dtype.kind == "U":
        return _encode(array.tolist(), 1)
    if array.dtype.kind not in "biufc":
        if array.dtype.kind == "S":
            raise NotPlain("it is made of bytes, not a number, text or array")
        try:
            array = array.astype(np.float32) if array.dtype.kind == "V" else array.astype(float)
        except (TypeError, ValueError) as error:
            raise NotPlain(f"it is a {type(value).__name__}, not a number, text or array") from error
    if array.dtype.itemsize > 8 and array.dtype.kind == "f":  # long double
        array = array.astype(np.float64)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
    content = base64.b64encode(array.tobytes()).decode("ascii")
    return {"array": content, "dtype": array.dtype.str, "shape": list(array.shape)}


def dumps(value: Any) -> str:
    """Return a value as JSON text; see :func:`encode`."""
    return json.dumps(encode(value), allow_nan=False)


def loads(text: str) -> Any:
    """Return the value that a text of :func:`dumps` stands for.

    Raises
    ------
    NotPlain
        The text is not what ``dumps`` writes, in whatever way.
    """
    return decode(parse(text))


def parse(text: str) -> Any:
    """Read JSON strictly: each key once, no nan, no endless numbers, no deep nesting."""
    try:
        return json.loads(text, object_pairs_hook=_each_key_once, parse_constant=_no_constant)
    except NotPlain:
        raise
    except (ValueError, RecursionError) as error:
        raise NotPlain("it is not valid JSON") from error


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise NotPlain("it holds a key twice")
    return result


def _no_constant(name: str) -> Any:
    raise NotPlain(f"it holds {name}, which is not JSON")


def copied(value: Any) -> Any:
    """Return a value that crossed the border with arrays of its own, which may be written to."""
    import numpy as np

    if isinstance(value, np.ndarray):
        return np.array(value)
    if isinstance(value, dict):
        return {key: copied(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(copied(entry) for entry in value)
    return value


def decode(encoded: Any) -> Any:
    """Return the value that :func:`encode` was given; arrays come back as NumPy arrays, read-only.

    Raises
    ------
    NotPlain
        It is not what ``encode`` returns. Nothing in it is trusted: sizes, types and counts are checked.
    """
    seen = _Seen()
    value = _decode(encoded, 0, seen)
    if seen.longest * seen.values > MAX_FILLED:  # NumPy gives each entry the room of the longest text
        raise NotPlain("it holds too many values beside a long text")
    return value


@dataclass
class _Seen:
    values: int = 0
    longest: int = 0
    characters: int = 0

    def text(self, text: str) -> str:
        if len(text) > MAX_TEXT:
            raise NotPlain(f"it holds a text of more than {MAX_TEXT:,} characters")
        self.longest = max(self.longest, len(text))
        self.characters += len(text)
        if self.characters > MAX_TEXTS:
            raise NotPlain(f"it holds texts of more than {MAX_TEXTS:,} characters in all")
        return text


def _decode(encoded: Any, depth: int, seen: _Seen) -> Any:
    seen.values += 1
    if depth > MAX_DEPTH or seen.values > MAX_VALUES:
        raise NotPlain("it is nested too deeply or holds too many values")
    if encoded is None or type(encoded) is bool:
        return encoded
    if type(encoded) is str:
        return seen.text(encoded)
    if type(encoded) is int:
        if abs(encoded) >= MAX_INTEGER:
            raise NotPlain("it holds a whole number of more than 63 bits")
        return encoded
    if type(encoded) is float and math.isfinite(encoded):
        return encoded
    if type(encoded) is dict and len(encoded) == 1:
        (kind, content), *_ = encoded.items()
        if kind == "float" and content in ("nan", "inf", "-inf"):
            return float(content)
        if kind == "dict" and type(content) is dict:
            return {seen.text(key): _decode(entry, depth + 1, seen) for key, entry in content.items()}
        if kind in ("list", "tuple") and type(content) is list:
            entries = [_decode(entry, depth + 1, seen) for entry in content]
            return entries if kind == "list" else tuple(entries)
    if type(encoded) is dict and set(encoded) == {"array", "dtype", "shape"}:
        return _decode_array(encoded)
    raise NotPlain("it is not a value that the workbook sends")


def _decode_array(encoded: dict[str, Any]) -> Any:
    import numpy as np

    content, dtype, shape = encoded["array"], encoded["dtype"], encoded["shape"]
    fine = (
        type(content) is str
        and type(dtype) is str
        and dtype in _DTYPES
        and type(shape) is list
        and len(shape) <= _MAX_DIMENSIONS
        and all(type(size) is int and 0 <= size < MAX_SIZE for size in shape)
        and math.prod(size for size in shape if size) < (MAX_SIZE if all(shape) else MAX_EMPTY)
    )
    if not fine:
        raise NotPlain("it holds an array of an unknown kind")
    try:
        data = base64.b64decode(content, validate=True)
    except (ValueError, binascii.Error) as error:
        raise NotPlain("it holds an array whose bytes cannot be read") from error
    if len(data) != math.prod(shape) * np.dtype(dtype).itemsize:
        raise NotPlain("it holds an array whose bytes do not fit its shape")
    try:
        return np.frombuffer(data, dtype=dtype).reshape(shape)
    except (ValueError, OverflowError, MemoryError) as error:
        raise NotPlain("it holds an array that cannot be made") from error
