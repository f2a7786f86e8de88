# %% [markdown]
# # Exercise 14 · Recurrent networks
#
# A recurrent network reads step by step and carries what it has understood in its state. Here you build **the
# cell of an LSTM, count what the relatives cost, read states under padding, send gradients back through time
# and clip them, and tell from what a model wrote how hot it was.** At the end you train a network that has to
# keep one symbol in mind while many others rush past, and sequences that nobody has seen decide how well it
# does.
#
# **How it works.** Each task asks for a function. Replace the line `raise NotImplementedError` by your code,
# then run the check below it. Only what stands in the answer cells is graded, with other inputs than the
# check uses. The tasks are independent of each other, and you may do them in any order. Your functions may
# use the cell that begins with `import math` and nothing else of this notebook: that is all there is when
# they are graded. Helpers of your own go into the answer cell, above the function. After a right answer, or
# three different tries, `exercise.solution("cell")` shows ours.
#
# **18 points. Time:** about two hours. **Builds on:** lecture 14.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
from scipy import special

from lecture_utils import plots, training
from lecture_utils.exercises import Exercise, each, preview

training.quiet_tensorflow()
import keras

exercise = Exercise("14_rnn_gru_lstm", cell=3, count=2, padding=3, lag=3, temperature=3, remember=4)


# %% judge="*"
import itertools

import numpy as np  # noqa: F811
import scipy.special

from lecture_utils.grading import networks
from lecture_utils.grading.inside import emit, given
from lecture_utils.grading.judging import Failed, WrongAnswer, differs, numbers, part, steps


# %% [markdown]
# ## Task 1 · The cell (3 points)
#
# One step of an LSTM takes the inputs `x`, shape `(batch, features)`, and its state: the outputs `h` and the
# cell `c`, both `(batch, units)`. (`h` is the lecture's $a$, the input gate its update gate: Keras' names.)
# Keras keeps the weights of all gates side by side: `W` is `(features, 4 *
# units)`, `U` is `(units, 4 * units)`, `b` is `(4 * units,)`, **in the order input gate, forget gate,
# candidate, output gate**. With $z = xW + hU + b$, cut into four blocks of columns:
#
# $$c' = \sigma(z_f)\,c + \sigma(z_i)\tanh(z_g), \qquad h' = \sigma(z_o)\tanh(c').$$
#
# - `lstm_step(x, h, c, W, U, b)` returns the new `h` and the new `c`.
# - `lstm(x, W, U, b, backwards)` reads sequences of shape `(batch, steps, features)`, starts from zero, and
#   returns `h` at every step: `(batch, steps, units)`. With `backwards=True` it reads from the last step to
#   the first. Its outputs stand in the order of time all the same, as a `Bidirectional` hands them on: entry
#   0 of the steps is then what it knew when it had read everything.
#
# **Example**, with one unit, $c=2$, and all of `W` and `U` zero, so that only `b` acts:
#
# | b | gates: input, forget, output | candidate | new c | new h |
# |---|---|---|---|---|
# | 0, 0, 0, 0 | 0.5, 0.5, 0.5 | 0 | 1 | 0.381 |
# | ln 3, −ln 3, 1, 0 | 0.75, 0.25, 0.5 | 0.762 | 1.071 | 0.395 |


# %% solution="cell"
def lstm_step(x, h, c, W, U, b):
    """Return the new outputs and the new cell, (batch, units) each."""
    ### BEGIN SOLUTION
    enter, forget, candidate, leave = np.split(x @ W + h @ U + b, 4, axis=1)
    c = special.expit(forget) * c + special.expit(enter) * np.tanh(candidate)
    return special.expit(leave) * np.tanh(c), c
    ### END SOLUTION


# %% solution="cell_2" task="cell"
def lstm(x, W, U, b, backwards):
    """Return the outputs at every step, (batch, steps, units), in the order of time."""
    ### BEGIN SOLUTION
    h = c = np.zeros((len(x), len(U)))
    outputs = np.zeros((*x.shape[:2], len(U)))
    moments = range(x.shape[1])
    for moment in reversed(moments) if backwards else moments:
        h, c = lstm_step(x[:, moment], h, c, W, U, b)
        outputs[:, moment] = h
    return outputs
    ### END SOLUTION


# %% test="cell" points=3
off, one_number = np.zeros((1, 4)), np.array([[1.0]])
biases = np.array([math.log(3), -math.log(3), 1.0, 0.0])
training.set_seeds(0)
some = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
theirs = keras.layers.Bidirectional(keras.layers.LSTM(2, return_sequences=True), merge_mode=None)
there, back_again = (outputs.numpy() for outputs in theirs(some))
W_there, U_there, b_there, W_back, U_back, b_back = (weight.numpy() for weight in theirs.weights)

exercise.check(
    "cell",
    lambda: [
        lstm_step(one_number, one_number, np.array([[2.0]]), off, off, np.zeros(4)),
        lstm_step(one_number, one_number, np.array([[2.0]]), off, off, biases),
        lstm(some, W_there, U_there, b_there, False),
        lstm(some, W_back, U_back, b_back, True),
    ],
    each(
        ("the step with all gates half open", ([[0.380797]], [[1.0]]), "The first row of the table."),
        (
            "the step with different gates",
            ([[0.394956]], [[1.071196]]),
            "The second row of the table: which block of z belongs to which gate?",
        ),
        (
            "the outputs of Keras' layer",
            there,
            "Each step takes the state that the step before has left; the first one takes zeros.",
        ),
        (
            "the outputs of Keras' layer that reads backwards",
            back_again,
            "Begin at the last step. Where does the output of the step that is read first belong?",
        ),
        atol=1e-5,
    ),
    hint="np.split(z, 4, axis=1) cuts z into its blocks. The new h is made from the new c, not from the old.",
)
### BEGIN HIDDEN TESTS
data = given("cell")
matrices = data["W"], data["U"], data["b"]
emit("cell", "step", lambda: list(lstm_step(data["x"][:, 0], data["h"], data["c"], *matrices)))
emit("cell", "forwards", lambda: lstm(data["x"], *matrices, False))
emit("cell", "backwards", lambda: lstm(data["x"], *matrices, True))
### END HIDDEN TESTS


# %% judge="cell"
def inputs_cell(rng):
    """Return three sequences of five steps for four units; states that are not zero for the single step."""
    shapes = {"x": (3, 5, 2), "h": (3, 4), "c": (3, 4), "W": (2, 16), "U": (4, 16), "b": (16,)}
    return {name: rng.normal(0, 1, shape) for name, shape in shapes.items()}, {}


def unit_by_unit(x, h, c, given):
    """Work one number at a time, from the columns of each unit."""
    new_h, new_c = np.zeros(h.shape), np.zeros(c.shape)
    units = h.shape[1]
    for row, unit in itertools.product(range(len(x)), range(units)):
        z = [
            x[row] @ given["W"][:, column] + h[row] @ given["U"][:, column] + given["b"][column]
            for column in range(unit, 4 * units, units)
        ]
        opened = [0.5 * (1 + np.tanh(value / 2)) for value in z]
        new_c[row, unit] = opened[1] * c[row, unit] + opened[0] * np.tanh(z[2])
        new_h[row, unit] = opened[3] * np.tanh(new_c[row, unit])
    return new_h, new_c


def read_through(given, order):
    """Return the outputs in the order of time, whatever the order of reading."""
    h = c = np.zeros(given["h"].shape)
    outputs = {}
    for place in order:
        h, c = unit_by_unit(given["x"][:, place], h, c, given)
        outputs[place] = h
    return np.stack([outputs[place] for place in sorted(outputs)], axis=1)


def judge_cell(given, kept, answer):
    """Compare with loops over units; float32 is precise enough."""
    step = answer["step"]
    if not isinstance(step, Failed) and not (isinstance(step, list | tuple) and len(step) == 2):
        step = Failed("two arrays were asked for: the new h and the new c")
    found = [step, step] if isinstance(step, Failed) else step
    h, c = unit_by_unit(given["x"][:, 0], given["h"], given["c"], given)

    def far(value, expected):
        return differs(value, expected, rtol=1e-4, atol=1e-5)

    return [
        part(0.75, "the new cell", far(found[1], c)),
        part(0.75, "the new outputs", far(found[0], h)),
        part(0.75, "a sequence", far(answer["forwards"], read_through(given, range(5)))),
        part(0.75, "a sequence, backwards", far(answer["backwards"], read_through(given, range(4, -1, -1)))),
    ]


# %% [markdown]
# ## Task 2 · What does it cost? (2 points)
#
# Write two functions about the numbers that a recurrent layer has to learn.
#
# - `count(layers, inputs)` returns how many parameters a stack of layers has. Each layer is a tuple `(kind,
#   units, both)`: the kind is `"simple"`, `"gru"` (as Keras builds it by default), `"gru before"` (with
#   `reset_after=False`), or `"lstm"`; `both` says whether it stands in a `Bidirectional`, which puts the
#   outputs of the two directions side by side. `inputs` is the number of features that the first layer reads.
# - `largest(kind, inputs, budget)` returns the most units that one layer (in one direction) may have so that
#   its parameters do not exceed the budget; 0 if not even one unit fits.
#
# **Examples**, for two inputs and three units:
#
# | simple | gru | gru before | lstm | lstm, both ways |
# |---|---|---|---|---|
# | 18 | 63 | 54 | 72 | 144 |


# %% solution="count"
def count(layers, inputs):
    """Return the number of parameters of a stack of (kind, units, both)."""
    ### BEGIN SOLUTION
    total = 0
    for kind, units, both in layers:
        gates = {"simple": 1, "gru": 3, "gru before": 3, "lstm": 4}[kind]
        one_way = gates * units * (inputs + units + (2 if kind == "gru" else 1))
        total += one_way * (2 if both else 1)
        inputs = units * (2 if both else 1)
    return total
    ### END SOLUTION


# %% solution="count_2" task="count"
def largest(kind, inputs, budget):
    """Return the most units of one layer whose parameters do not exceed the budget."""
    ### BEGIN SOLUTION
    gates = {"simple": 1, "gru": 3, "gru before": 3, "lstm": 4}[kind]
    biases = 2 if kind == "gru" else 1
    units = 0
    while gates * (units + 1) * (inputs + units + 1 + biases) <= budget:
        units += 1
    return units
    ### END SOLUTION


# %% test="count" points=2
exercise.check(
    "count",
    lambda: [
        [count([(kind, 3, False)], 2) for kind in ("simple", "gru", "gru before", "lstm")],
        count([("lstm", 3, True)], 2),
        count([("gru", 3, False), ("simple", 4, False)], 2),
        count([("simple", 3, True), ("simple", 4, False)], 2),
        [largest("simple", 2, 18), largest("simple", 2, 27), largest("simple", 2, 3)],
    ],
    each(
        (
            "the count of a single layer",
            [18, 63, 54, 72],
            "Each gate, and the candidate, has weights for the inputs, weights for the state, and biases. "
            "How many such sets are there? Keras' default GRU has a second bias for each unit in each set.",
        ),
        (
            "the count of an LSTM that reads both ways",
            144,
            "There are two layers, each with its own weights.",
        ),
        ("the count of two layers", 95, "The second layer reads what the first one returns: 63 and 32."),
        (
            "the count of two layers, the first of them both ways",
            80,
            "The second layer reads the outputs of both directions: 36 and 44.",
        ),
        ("the largest layer", [3, 3, 0], "Three units take 18 parameters, four take 28, and one takes 4."),
    ),
    hint="Write down the shapes of all weights: the kernel for the inputs, the kernel for the state, the "
    "bias. For largest, count up until it is too much.",
)
### BEGIN HIDDEN TESTS
data = given("count")


def counted(name):
    return [count(stack, inputs) for inputs, stack in data[name]]


emit("count", "single", lambda: counted("single"))
emit("count", "double", lambda: counted("double"))
emit("count", "stacked", lambda: counted("stacked"))
emit("count", "largest", lambda: [largest(kind, n, budget) for kind, n, budget in data["budgets"]])
### END HIDDEN TESTS


# %% judge="count"
KINDS = ("simple", "lstm", "gru", "gru before")


def inputs_count(rng):
    """Return layers of all kinds; budgets that are just met, or missed by one."""

    def size():
        return int(rng.integers(2, 90))

    kinds = [str(kind) for kind in rng.permutation(KINDS)]
    data = {
        "single": [(size(), [(kind, size(), False)]) for kind in ("simple", "lstm") * 2],
        "double": [(size(), [(kind, size(), False)]) for kind in ("gru", "gru before") * 2],
        "stacked": [
            (size(), [(kind, size(), at != 1), (kinds[0], size(), at != 2), ("lstm", size(), False)])
            for at, kind in enumerate(kinds)
        ],
    }
    budgets = []
    for kind in KINDS:
        inputs, units = size(), size()
        exact = sum(map(np.prod, shapes(kind, inputs, units)))
        budgets += [(kind, inputs, int(exact) + more) for more in (0, -1, 2)]
    return data | {"budgets": [*budgets, ("lstm", 40, 160)]}, {}


def shapes(kind, inputs, units):
    """Return the shapes of the weights as Keras keeps them."""
    columns = {"simple": 1, "lstm": 4}.get(kind, 3) * units
    return [(inputs, columns), (units, columns), (2, columns) if kind == "gru" else (columns,)]


def judge_count(given, kept, answer):
    """Add up the sizes of all arrays; count up to each budget."""

    def totals(name):
        result = []
        for inputs, stack in given[name]:
            total = 0
            for kind, units, both in stack:
                total += (1 + both) * sum(int(np.prod(shape)) for shape in shapes(kind, inputs, units))
                inputs = (1 + both) * units
            result.append(total)
        return result

    def most(kind, inputs, budget):
        fits = (sum(map(np.prod, shapes(kind, inputs, units))) <= budget for units in range(1, 200))
        return sum(fits)

    best = [most(*case) for case in given["budgets"]]
    names = {
        "single": "simple layers and LSTMs",
        "double": "both sorts of GRU",
        "stacked": "stacks, both ways",
    }
    return [
        *(part(0.5, what, differs(answer[name], totals(name))) for name, what in names.items()),
        part(0.5, "the largest layer for a budget", differs(answer["largest"], best)),
    ]


# %% [markdown]
# ## Task 3 · Read under padding (3 points)
#
# Sequences of different lengths stand in one array, `tokens` of shape `(batch, steps)`, and **0 is padding**.
# A recurrent layer without a mask has returned a state at *every* step, also where there was only padding:
# `h`, shape `(batch, steps, units)`. What stands at padding is worth nothing.
#
# Write `last_and_mean(h, tokens)`. It returns two arrays of shape `(batch, units)`: for each sequence the
# state at its **last real step**, and the **mean of the states at its real steps**. Some batches are padded
# *after* the sequence, others *before* it; your function works for both. A sequence without any real step
# gives zeros, twice.
#
# **Example**, with one unit:
#
# | tokens | h | last | mean |
# |---|---|---|---|
# | 7, 4, 0, 0 | 1, 2, 9, 9 | 2 | 1.5 |
# | 0, 7, 4, 5 | 9, 1, 2, 6 | 6 | 3 |
# | 0, 0, 0, 0 | 9, 9, 9, 9 | 0 | 0 |


# %% solution="padding"
def last_and_mean(h, tokens):
    """Return the last state and the mean state of each sequence, (batch, units) each."""
    ### BEGIN SOLUTION
    real = tokens != 0
    lengths = real.sum(axis=1)
    place = (real * np.arange(1, 1 + tokens.shape[1])).max(axis=1) - 1
    last = h[np.arange(len(h)), place] * (lengths > 0)[:, None]
    return last, (h * real[:, :, None]).sum(axis=1) / np.maximum(lengths, 1)[:, None]
    ### END SOLUTION


# %% test="padding" points=3
three = np.array([[7, 4, 0, 0], [0, 7, 4, 5], [0, 0, 0, 0]])
three_h = np.array([[1.0, 2, 9, 9], [9, 1, 2, 6], [9, 9, 9, 9]])[:, :, None]


def of_rows(*rows):
    """Call your function with some of the rows; each call gets arrays of its own."""
    return [*last_and_mean(three_h[list(rows)], three[list(rows)])]


exercise.check(
    "padding",
    lambda: [of_rows(0), of_rows(1), of_rows(2), of_rows(0, 1, 2)],
    each(
        ("the answer for padding after", [[[2]], [[1.5]]], "The first row of the table."),
        ("the answer for padding before", [[[6]], [[3]]], "The second row: where is its last real step?"),
        ("the answer without any real step", [[[0]], [[0]]], "Nothing to average: zero, and not nan."),
        ("the answer for all three", [[[2], [6], [0]], [[1.5], [3], [0]]], "Each row has its own last step."),
    ),
    hint="tokens != 0 is a mask of True and False. The mean divides by how many steps are real. A length "
    "tells where the last step is for one sort of padding only: ask for the largest index at which the mask "
    "is true.",
)
### BEGIN HIDDEN TESTS
data = given("padding")


def read_with_padding(name):
    return list(last_and_mean(data[name + " h"], data[name]))


emit("padding", "after", lambda: read_with_padding("after"))
emit("padding", "before", lambda: read_with_padding("before"))
emit("padding", "empty", lambda: read_with_padding("empty"))
### END HIDDEN TESTS


# %% judge="padding"
def inputs_padding(rng):
    """Return sequences of all lengths, padded after or before; states at padding that would be noticed."""
    data: dict = {}
    for name in ("after", "before", "empty"):
        tokens, h = rng.integers(1, 50, (6, 8)), rng.normal(size=(6, 8, 3))
        for row, length in enumerate([8, 1, *rng.permutation(range(2, 8))[:4]]):
            behind = name == "after" or (name == "empty" and row % 3 == 0)
            nothing = slice(length, 8) if behind else slice(8 - length)
            tokens[row, nothing] = 0
            h[row, nothing] = rng.normal(20, 5, h[row, nothing].shape)
        if name == "empty":
            tokens[[2, 5]] = 0
        data |= {name: tokens, name + " h": h}
    return data, {}


def sequence_by_sequence(h, tokens):
    """Keep the real steps of each sequence, and look at what is left."""
    last, mean = np.zeros((len(h), h.shape[2])), np.zeros((len(h), h.shape[2]))
    for row, (states, symbols) in enumerate(zip(h, tokens, strict=True)):
        left = [state for state, symbol in zip(states, symbols, strict=True) if symbol]
        if left:
            last[row], mean[row] = left[-1], sum(left) / len(left)
    return last, mean


def judge_padding(given, kept, answer):
    """Compare with loops over sequences and steps."""

    def far(name, which):
        found = answer[name]
        if not isinstance(found, Failed):
            if not isinstance(found, list | tuple) or len(found) != 2:
                return "two arrays were asked for: the last states and the means"
            found = found[which]
        expected = sequence_by_sequence(given[name + " h"], given[name])[which]
        return differs(found, expected, rtol=1e-4, atol=1e-5)

    return [
        part(0.75, "the last state, padding after", far("after", 0)),
        part(0.75, "the last state, padding before", far("before", 0)),
        part(1, "the mean", far("after", 1) or far("before", 1)),
        part(0.5, "sequences without a real step", far("empty", 0) or far("empty", 1)),
    ]


# %% [markdown]
# ## Task 4 · Back through time (3 points)
#
# A simple recurrent layer computes $h_t = \tanh(x_tW + h_{t-1}U + b)$; all of them are rows. The loss $L$
# looks at the last state only. Its gradient there, $\partial L/\partial h_T$, is given; the layer hands it
# back from step to step, and each step changes it.
#
# - `back(gradient, U, states)` gets $\partial L/\partial h_T$, shape `(units,)`, the matrix `U`, and the
#   states $h_1,\dots,h_T$ as rows, shape `(steps, units)`. It returns $\partial L/\partial h_t$ for every
#   step as rows of an array of the same shape as `states`; the last row is what was given.
# - `clip(gradients, limit)` gets the gradients of several weights, a list of arrays of any shapes. If their
#   **global norm**, the root of the sum of *all* their squares, exceeds the limit, it shrinks all of them by
#   one and the same factor, so that the norm becomes the limit. Otherwise they stay as they are, zeros
#   included. It returns the list of arrays, and the norm as it was *before*. It does not change what was
#   handed in.
#
# **Examples.** With one unit, $U = 2$, the states 0.5, 0, 0.5 and the gradient 1, the rows are 3, 1.5 and 1.
# The gradients [3] and [4] have the norm 5; for a limit of 1 they become [0.6] and [0.8].


# %% solution="lag"
def back(gradient, U, states):
    """Return the gradient with respect to each state, (steps, units)."""
    ### BEGIN SOLUTION
    rows = [np.asarray(gradient, float)]
    for h in states[:0:-1]:
        rows.append((rows[-1] * (1 - h**2)) @ U.T)
    return np.array(rows[::-1])
    ### END SOLUTION


# %% solution="lag_2" task="lag"
def clip(gradients, limit):
    """Return the list of clipped gradients, and the global norm before clipping."""
    ### BEGIN SOLUTION
    norm = math.sqrt(sum(np.sum(np.square(each_one)) for each_one in gradients))
    shrink = limit / norm if norm > limit else 1.0
    return [each_one * shrink for each_one in gradients], norm
    ### END SOLUTION


# %% test="lag" points=3
two_units = np.array([[0.5, 2.0], [0.0, 1.0]])  # what leads from the first unit to the second is 2
two_states = np.array([[0.1, 0.2], [0.0, 0.5]])

exercise.check(
    "lag",
    lambda: [
        back(np.array([1.0]), np.array([[2.0]]), np.array([[0.5], [0.0], [0.5]])),
        back(np.array([1.0, 1.0]), two_units, two_states),
        clip([np.array([3.0]), np.array([[4.0]])], 1.0),
        clip([np.array([3.0]), np.array([[4.0]])], 6.0),
        clip([np.zeros(2), np.zeros((2, 1))], 1.0),
    ],
    each(
        (
            "the gradients of the example",
            [[3], [1.5], [1]],
            "From h_T to h_{T-1}: through the tanh of h_T, whose slope is 1 - h_T squared, then through U.",
        ),
        (
            "the gradients for two units",
            [[2, 0.75], [1, 1]],
            "Here U is not symmetric: forwards it is h @ U. In which order do its rows and columns stand on "
            "the way back?",
        ),
        ("the answer for a limit of 1", ([[0.6], [[0.8]]], 5), "One norm and one factor for all arrays."),
        ("the answer for a limit of 6", ([[3], [[4]]], 5), "A norm below the limit changes nothing."),
        ("the answer for zeros", ([[0, 0], [[0], [0]]], 0), "Zeros stay zeros: divide by nothing."),
    ),
    hint="For back: work from the last row to the first; each row is made from the one after it. For clip: "
    "square, add up over all arrays, then one root.",
)
### BEGIN HIDDEN TESTS
data = given("lag")
emit("lag", "back", lambda: back(data["gradient"], data["U"], data["states"]))
emit("lag", "large", lambda: list(clip(data["large"], data["limit"])))
emit("lag", "small", lambda: list(clip(data["small"], data["limit"])))
emit("lag", "zero", lambda: list(clip(data["zero"], data["limit"])))


def touched():
    mine = [np.array(array) for array in data["large"]]
    clip(mine, data["limit"])
    return mine


emit("lag", "after", touched)
### END HIDDEN TESTS


# %% judge="lag"
def inputs_lag(rng):
    """Return states as a layer has them, and gradients above the limit, below it, and zero."""
    forms = [(3, 4), (4,), (2, 1, 2)]
    drawn = [rng.normal(size=form) for form in forms]
    size = np.sqrt(sum((array**2).sum() for array in drawn))
    limit = float(rng.uniform(1.5, 4))
    data = {
        "gradient": rng.normal(size=4),
        "U": rng.normal(0, 0.8, (4, 4)),
        "states": rng.uniform(-0.9, 0.9, (6, 4)),
        "limit": limit,
        "large": [array * 3 * limit / size for array in drawn],
        "small": [array * 0.9 * limit / size for array in drawn],
        "zero": [np.zeros(form) for form in forms],
    }
    return data, {}


def nudged_states(given):
    """Nudge each state by an imaginary number, run on to the end, and look at the loss."""
    states, U = given["states"].astype(complex), given["U"]
    driven = [np.arctanh(after) - before @ U for before, after in itertools.pairwise(states)]
    result = np.zeros(given["states"].shape)
    for place, unit in np.ndindex(result.shape):
        h = states[place].copy()
        h[unit] += 1e-20j
        for drive in driven[place:]:
            h = np.tanh(drive + h @ U)
        result[place, unit] = (given["gradient"] @ h).imag / 1e-20
    return result


def judge_lag(given, kept, answer):
    """Compare gradients with derivatives by complex step; clipped ones by their norm and direction."""

    def pair(name):
        found = answer[name]
        if isinstance(found, Failed):
            raise WrongAnswer(found.words)
        if not isinstance(found, list | tuple) or len(found) != 2:
            raise WrongAnswer("two values were asked for: the list of gradients, and the norm")
        if not isinstance(found[0], list | tuple) or len(found[0]) != len(given[name]):
            raise WrongAnswer("the first value is not a list with one array for each gradient")
        return found

    def flat(name):
        arrays = zip(pair(name)[0], given[name], strict=True)
        return np.concatenate([numbers(found, array.shape).ravel() for found, array in arrays])

    def original(name):
        return np.concatenate([array.ravel() for array in given[name]])

    def large():
        wanted = original("large")
        wanted = wanted / np.linalg.norm(wanted) * given["limit"]
        found = flat("large")
        if not np.allclose(found, wanted, rtol=1e-4, atol=1e-6):
            return "the gradients are not shrunk by one factor to the limit"
        return differs(answer["after"], given["large"]) and "the arrays that were handed in were changed"

    def kept_as_they_are():
        if large():
            return "counts when large gradients are clipped"
        same = (np.allclose(flat(name), original(name), rtol=1e-4, atol=1e-9) for name in ("small", "zero"))
        return "" if all(same) else "gradients below the limit, or zeros, were changed"

    def norms():
        expected = [np.linalg.norm(original(name)) for name in ("large", "small", "zero")]
        return differs([pair(name)[1] for name in ("large", "small", "zero")], expected, rtol=1e-4, atol=1e-6)

    gradients = nudged_states(given)
    return [
        part(1.5, "back through time", differs(answer["back"], gradients, rtol=1e-3, atol=1e-5)),
        part(0.75, "gradients above the limit", large),
        part(0.5, "gradients below the limit, and zeros", kept_as_they_are),
        part(0.25, "the norm before", norms),
    ]


# %% [markdown]
# How far does a gradient reach? The same layer, with its matrix `U` once a little smaller and once a little
# larger, and *your* gradients. With small states the slope of tanh is nearly 1, and `U` alone decides.


# %%
def show_reach():
    """The size of the gradient over the lag, for three sizes of U."""
    rng = np.random.default_rng(0)
    U = np.linalg.qr(rng.normal(size=(16, 16)))[0]  # turns a vector and keeps its length
    states = rng.uniform(-0.1, 0.1, (40, 16))
    figure, axes = plt.subplots(figsize=(5.5, 2.8), layout="constrained")
    for scale in (0.8, 1.0, 1.2):
        sizes = np.linalg.norm(back(np.ones(16), scale * U, states), axis=1)
        axes.semilogy(np.arange(40), sizes[::-1], label=f"{scale:g} times a rotation")
    axes.set(xlabel="steps back", ylabel="size of the gradient")
    axes.legend(loc="upper left")
    return figure


preview(
    show_reach,
    alt="The size of the gradient over the number of steps back, on a logarithmic axis, for three sizes of "
    "U: one falls, one stays nearly level, one rises.",
)

# %% [markdown]
# ## Task 5 · How hot was it? (3 points)
#
# A model that writes gives each symbol a logit. At the temperature $T$ the next symbol is drawn with the
# probabilities $\operatorname{softmax}(z/T)$.
#
# - `probabilities(logits, temperature)` returns them for logits of shape `(symbols,)`. It stays right for
#   logits in the thousands and for temperatures near zero.
# - `which_temperatures(logits, counts)` reads a measured result. Each row of `counts`, shape `(texts,
#   symbols)`, says how often each symbol was drawn in one text, always from the same `logits`. Name for each
#   text its temperature, **0.25, 0.5, 1 or 2**: a list of numbers. A temperature may occur several times, or
#   not at all.
#
# **Example.** For the logits 2, 1, 0 there are these probabilities, and texts of 100 symbols may look so:
#
# | temperature | probabilities | drawn |
# |---|---|---|
# | 0.25 | 0.98, 0.02, 0.00 | 99, 1, 0 |
# | 0.5 | 0.87, 0.12, 0.02 | 86, 12, 2 |
# | 1 | 0.67, 0.24, 0.09 | 65, 27, 8 |
# | 2 | 0.51, 0.31, 0.19 | 49, 30, 21 |


# %% solution="temperature"
def probabilities(logits, temperature):
    """Return the probability of each symbol at a temperature."""
    ### BEGIN SOLUTION
    shifted = np.exp((logits - np.max(logits)) / temperature)
    return shifted / shifted.sum()
    ### END SOLUTION


# %% solution="temperature_2" task="temperature"
def which_temperatures(logits, counts):
    """Return for each row of counts the temperature at which it was drawn."""
    ### BEGIN SOLUTION
    choices = np.array([0.25, 0.5, 1.0, 2.0])
    log_p = special.log_softmax(np.asarray(logits) / choices[:, None], axis=1)
    return choices[(np.asarray(counts) @ log_p.T).argmax(axis=1)].tolist()
    ### END SOLUTION


# %% test="temperature" points=3
falling = np.array([2.0, 1.0, 0.0])
texts = np.array([[65, 27, 8], [99, 1, 0], [49, 30, 21], [86, 12, 2], [48, 33, 19]])

exercise.check(
    "temperature",
    lambda: [
        probabilities(falling, 1.0),
        probabilities(falling, 0.5),
        probabilities(1000 * falling, 0.5),
        probabilities(-1000 * falling, 2.0),
        which_temperatures(falling, texts),
    ],
    each(
        ("the probabilities at 1", [0.665241, 0.244728, 0.090031], "At temperature 1 it is the softmax."),
        ("the probabilities at 0.5", [0.866814, 0.11731, 0.015876], "Colder: the largest one gains."),
        ("the probabilities of large logits", [1, 0, 0], "What may be subtracted from all logits?"),
        ("the probabilities of logits far below zero", [0, 0, 1], "Which of the logits has to become 0?"),
        (
            "the answer for five texts",
            [1, 0.25, 2, 0.5, 2],
            "Compare each row with the table: which probabilities make these counts the most probable?",
        ),
        atol=1e-5,
    ),
    hint="exp overflows above 709. For the texts: a row is likely at a temperature if the sum of counts "
    "times log-probabilities is large.",
)
### BEGIN HIDDEN TESTS
data = given("temperature")
cases = list(zip(data["logits"], data["heat"].tolist(), strict=True))
emit("temperature", "usual", lambda: [probabilities(z, heat) for z, heat in cases])
emit("temperature", "extreme", lambda: [probabilities(4000 * z, heat / 50) for z, heat in cases])
emit("temperature", "few", lambda: which_temperatures(data["model"], data["few"]))
emit("temperature", "many", lambda: which_temperatures(data["model"], data["many"]))
### END HIDDEN TESTS


# %% judge="temperature"
CHOICES = (0.25, 0.5, 1.0, 2.0)


def inputs_temperature(rng):
    """Return logits, four texts of four temperatures, and fourteen others, too long to leave a doubt."""
    model = rng.permutation(np.linspace(-2.5, 2.5, 9) + rng.normal(0, 0.2, 9))

    def texts(heats):
        chances = [scipy.special.softmax(model / heat) for heat in heats]
        return np.array([rng.multinomial(int(rng.integers(250, 400)), chance) for chance in chances])

    few = [float(heat) for heat in rng.permutation(CHOICES)]
    many = [float(heat) for heat in rng.permutation([*CHOICES[1:] * 4, 2.0, 2.0])]
    data = {"logits": rng.normal(0, 2, (6, 7)), "heat": rng.uniform(0.2, 3, 6), "model": model}
    return data | {"few": texts(few), "many": texts(many)}, {"few": few, "many": many}


def judge_temperature(given, kept, answer):
    """Compare with exact sums of exponentials of differences, and with the temperatures that were drawn."""

    def softly(factor, cooler):
        with np.errstate(over="ignore"):
            return [
                [1 / np.exp((z - z[place]) * factor / (heat / cooler)).sum() for place in range(len(z))]
                for z, heat in zip(given["logits"], given["heat"], strict=True)
            ]

    def named(name):
        heats = numbers(answer[name], (len(kept[name]),))
        right = int(np.isclose(heats, kept[name], rtol=1e-3).sum())
        return "" if right == len(heats) else f"{right} of {len(heats)} texts have their temperature"

    usual = differs(answer["usual"], softly(1, 1), rtol=1e-4, atol=1e-7)
    extreme = differs(answer["extreme"], softly(4000, 50), rtol=1e-4, atol=1e-7)
    return [
        part(0.5, "the probabilities", usual),
        part(0.5, "large logits and low temperatures", extreme),
        part(0.75, "four texts, each of another temperature", lambda: named("few")),
        part(1.25, "fourteen texts", lambda: named("many")),
    ]


# %% [markdown]
# A small model that writes: it looks at the three characters before, and its logits are the logarithms of
# how often each character came next in NumPy's own explanations. Here is what it writes with *your*
# probabilities.


# %%
def write_texts(length=150):
    """Print a text for each temperature."""
    lines = "\n".join(getattr(np, name).__doc__ or "" for name in sorted(np.__all__))
    prose = " ".join(line.strip() for line in lines.splitlines() if line.count(" ") > 12 and line.isascii())
    letters = sorted(set(prose))
    number = {letter: place for place, letter in enumerate(letters)}
    after: dict = {}
    for place in range(3, len(prose)):
        followers = after.setdefault(prose[place - 3 : place], np.full(len(letters), 1e-9))
        followers[number[prose[place]]] += 1
    for heat in (0.25, 0.5, 1.0, 2.0):
        rng, text = np.random.default_rng(0), "The"
        while len(text) < length:
            chances = probabilities(np.log(after.get(text[-3:], np.ones(len(letters)))), heat)
            text += letters[rng.choice(len(letters), p=chances)]
        print(f"{heat:4g}: {text}")


preview(write_texts)

# %% [markdown]
# ## Task 6 · Keep it in mind (4 points)
#
# Write `remembering_network(x_train, y_train)`: it builds, trains and returns a network that reads sequences
# and says **which symbol came first**. `x_train` has shape `(n, 40)`. A sequence is made of the
# symbols 1 to 8, drawn at random; what is left of the 40 places is 0, padding *after* the sequence. Only the
# first symbol counts: after it come 10 to 39 others, which are noise and look no different. `y_train` holds
# numbers from 0 to 7, the first symbol minus 1. The network gives eight logits or probabilities. **Train
# with what the function is given, and with nothing else**: grading gives it 4,000 sequences.
#
# You could program this in one line. The grader, however, takes nothing but the weights of a *recurrent*
# network that reads forwards, and computes its answers itself. **Your mark comes from two thousand sequences
# that nobody has seen.** There is one point each for 40 %, 60 %, 80 % and 95 % right; who guesses is right in
# 12.5 %. The leaderboard shows the accuracy.
#
# Allowed are networks that begin with an `Embedding` and whose layers stand in one row, of these kinds:
# `Dense`, `Activation`, `ReLU`, `LeakyReLU`, `Softmax`, `BatchNormalization`, `SimpleRNN`, `GRU`, `LSTM`,
# and dropout; nothing that reads backwards or looks at all steps at once; at most 20,000 parameters. The
# check below refuses networks that the grading would refuse. You have one minute of processor time.
#
# | what you might try | remark |
# |---|---|
# | `Embedding(9, ..., mask_zero=True)` | what would padding do to the state? |
# | a cell with gates | which gate keeps the memory, and what is it at the start of the training? |
# | another start for that gate | `layer.get_weights()` and `layer.set_weights(...)`, before the training |
# | a limit for the gradient | `global_clipnorm=1.0` of an optimizer |


# %%
def draw_sequences(count, seed, places=40):
    """Draw sequences, and which symbol each began with."""
    rng = np.random.default_rng(seed)
    x = rng.integers(1, 9, (count, places))
    x[np.arange(places) > rng.integers(10, places, count)[:, None]] = 0
    return x, x[:, 0] - 1


x_seen, y_seen = draw_sequences(4000, seed=1)
x_val, y_val = draw_sequences(1000, seed=2)
x_seen[0]


# %% solution="remember"
def remembering_network(x_train, y_train):
    """Return a network that was trained to name the first symbol of a sequence."""
    ### BEGIN SOLUTION
    units = 24
    memory = keras.layers.GRU(units)
    network = keras.Sequential(
        [
            keras.Input(x_train.shape[1:]),
            keras.layers.Embedding(9, 8, mask_zero=True),
            memory,
            keras.layers.Dense(8),
        ]
    )
    kernel, recurrent, bias = memory.get_weights()
    bias[0, :units] = 3.0  # the update gate begins at 0.95: nearly all of the state stays
    memory.set_weights([kernel, recurrent, bias])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(0.01, global_clipnorm=1.0), loss=loss)
    network.fit(x_train, y_train, batch_size=64, epochs=6, verbose=0)
    return network
    ### END SOLUTION


# %% test="remember" points=4
from lecture_utils.grading import inside, judging, networks  # noqa: F811

yours: dict = {}  # for the picture below
ALLOWED = networks.SEQUENCES - {"bidirectional", "masking", "flatten", "reshape", "rescaling"}
ALLOWED -= {"globalmax1d", "globalaverage1d"}


def names_the_first(model):
    """Say whether the grader can read a network, and how many first symbols it names."""
    try:
        network = inside.export(model)
        right = networks.accuracy(network, x_val, y_val, 8, budget=20_000, allowed=ALLOWED)
        if network[0]["layer"] != "embedding":
            return "it does not read symbol by symbol: its first layer has to be an Embedding"
    except (TypeError, ValueError, judging.WrongAnswer) as error:
        return str(error)
    points = sum(right >= band for band in (0.4, 0.6, 0.8, 0.95))
    yours["network"] = network
    print(f"{networks.parameters(network):,} parameters, {right:.1%} right: about {points} of 4 points")
    return True if right > 0.6 else "it names fewer than 60 % of the first symbols; it can do better"


def trained_to_remember():
    """Train your network on the sequences above."""
    training.set_seeds(0)
    return remembering_network(x_seen, y_seen)


exercise.check(
    "remember",
    trained_to_remember,
    names_the_first,
    hint="Watch the loss with verbose=2. Near ln 8 = 2.08 the network guesses: no gradient arrives at the "
    "first step. A gate of 0.5 keeps a trillionth of a gradient over 40 steps: which gate is it in your "
    "cell, and where does it start?",
)
### BEGIN HIDDEN TESTS
from lecture_utils.grading.inside import export

data = given("remember")


def hidden_network():
    training.set_seeds(0)
    return export(remembering_network(data["x"], data["y"]))


emit("remember", "network", hidden_network)
### END HIDDEN TESTS


# %% judge="remember"
BANDS = (0.4, 0.6, 0.8, 0.95)
READS = {"embedding", "simple_rnn", "gru", "lstm", "dense", "activation", "leaky_relu", "batchnorm"}


def inputs_remember(rng):
    """Return sequences to train; the others stay outside."""

    def drawn(how_many):
        first, noise = rng.integers(1, 9, (how_many, 1)), rng.integers(1, 9, (how_many, 39))
        ends = rng.integers(10, 40, (how_many, 1))
        noise = np.where(np.arange(1, 40) <= ends, noise, 0)
        return {"x": np.concatenate([first, noise], axis=1), "y": first[:, 0] - 1}

    return drawn(4000), drawn(2000)


def judge_remember(given, kept, answer):
    """Read the secret sequences with the weights alone."""
    # 24 units, six or seven epochs, 14 s of processor time, one drawing: a GRU whose update gate starts at
    # 0.95 names all of them (three seeds), and so does an LSTM whose forget gate starts there, after 34, 44,
    # 64, 95 % in its first four epochs. A GRU as Keras starts it still guesses: 13 %.
    right = networks.accuracy(answer["network"], kept["x"], kept["y"], 8, budget=20_000, allowed=READS)
    # Of what may follow an embedding, only a recurrent layer leads from many steps to one answer.
    if answer["network"][0]["layer"] != "embedding":
        raise WrongAnswer("the network does not begin with an Embedding")
    return [steps("sequences that nobody has seen", right, BANDS)]


# %% [markdown]
# How far does your network remember? Each point is a group of sequences with nearly the same number of steps
# between the first symbol and the end. What does the picture look like for a `SimpleRNN`, and for a
# cell whose gates start where Keras puts them?


# %%
def show_memory():
    """The share of right answers over the lag."""
    if "network" not in yours:
        raise NotImplementedError("the check above was not right yet")
    x, y = draw_sequences(3000, seed=3)
    right = networks.predict(yours["network"], x, ALLOWED).argmax(axis=1) == y
    lag = (x > 0).sum(axis=1) - 1
    groups = [(low, (lag >= low) & (lag < low + 5)) for low in range(10, 40, 5)]
    figure, axes = plt.subplots(figsize=(5.5, 2.8), layout="constrained")
    axes.plot([low + 2 for low, _ in groups], [right[group].mean() for _, group in groups], marker="o")
    axes.axhline(1 / 8, color=plots.PALETTE[1], linestyle="--", label="guessing")
    axes.set(xlabel="steps since the first symbol", ylabel="share that is right", ylim=(0, 1.05))
    axes.legend()
    return figure


preview(
    show_memory,
    alt="The share of right answers of your network over the number of steps since the first symbol, beside "
    "the line of guessing.",
)

# %% [markdown]
# ## What is done
#
# The visible checks of this notebook are a help, not the mark: the hidden ones use other inputs.

# %%
exercise.progress()
