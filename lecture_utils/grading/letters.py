"""Letters for the tasks in which a network reads them: some for the sandbox, others that stay outside."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from lecture_utils.datasets import Images


def fresh(rng: np.random.Generator, train: int, test: int) -> Images:
    """Draw letters that no one has seen, say nothing, and leave no file.

    Parameters
    ----------
    rng : Generator
        Draws the seed of the drawing.
    train, test : int
        How many images, at least 10 each; see :func:`lecture_utils.datasets.glyphs`.
    """
    from lecture_utils import datasets

    with contextlib.redirect_stdout(io.StringIO()):
        return datasets.glyphs(train, test, seed=int(rng.integers(2**31)), keep=False)


def inputs(rng: np.random.Generator, train: int = 6000, test: int = 2000) -> tuple[dict[str, Any], Any]:
    """Return letters to train and to validate; letters in other fonts stay outside.

    Parameters
    ----------
    rng : Generator
        The judge's.
    train, test : int
        How many letters to train and to validate, together, and how many that decide.

    Returns
    -------
    given : dict of arrays
        ``x_train``, ``x_val``: uint8, (n, 28, 28), and ``y_train``, ``y_val``: int64, (n,).
    kept : dict of arrays
        ``x``: float32 from 0 to 1, (test, 28, 28), and ``y``: int64, (test,).
    """
    import numpy as np

    drawn, secret = fresh(rng, train, 100), fresh(rng, 100, test)  # nothing that is seen leads to the secret
    cut = len(drawn.x_train) - drawn.validation
    given = {
        "x_train": drawn.x_train[:cut],
        "y_train": drawn.y_train[:cut],
        "x_val": drawn.x_train[cut:],
        "y_val": drawn.y_train[cut:],
    }
    return given, {"x": secret.x_test / np.float32(255), "y": secret.y_test}
