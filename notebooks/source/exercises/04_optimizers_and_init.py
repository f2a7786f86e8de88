# %% [markdown]
# # Exercise 4 · Optimizers and initialization
#
# The lecture took optimizers apart and followed a signal through twenty layers. Here you build what it left
# out: **Nesterov's momentum, a schedule with a warm-up, the right first weights for any activation.** Then
# you find out what is wrong with a network from its curves, search for a learning rate by machine, and
# train a network that is thirty layers deep.
#
# **How it works.** Each task asks for a function. Replace the line `raise NotImplementedError` by your code,
# then run the check below it. Only what stands in the answer cells is graded, with other inputs than the
# check uses. The tasks are independent of each other, and you may do them in any order. Your functions may
# use the cell that begins with `import math` and nothing else of this notebook: that is all there is when
# they are graded. Helpers of your own go into the answer cell, above the function. After a right answer, or
# three different tries, `exercise.solution("scale")` shows ours.
#
# **17 points. Time:** about 90 minutes. **Builds on:** lecture 4.

# %%
import math
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

from lecture_utils import datasets, plots, training
from lecture_utils.exercises import Exercise, each, preview

training.quiet_tensorflow()
import keras

exercise = Exercise("04_optimizers_and_init", nesterov=2, schedule=2, scale=3, diagnose=3, rate=3, deep=4)


# %% judge="*"
from itertools import pairwise  # noqa: F811

import numpy as np  # noqa: F811
import scipy.integrate
import scipy.special

from lecture_utils.grading import networks
from lecture_utils.grading.inside import emit, given
from lecture_utils.grading.judging import Failed, WrongAnswer, differs, numbers, part, steps

# %% [markdown]
# ## Task 1 · Look ahead (2 points)
#
# Momentum rolls first and finds out afterwards whether that was wise. Nesterov's method measures the slope
# where the velocity is about to carry us (Y. Nesterov, *A method for solving the convex programming problem
# with convergence rate O(1/k²)*, 1983). Keras keeps the books so that only the gradient $g$ at the current
# weights is needed:
#
# $$v \leftarrow \beta v - \eta\, g, \qquad w \leftarrow w + \beta v - \eta\, g,$$
#
# where the second formula uses the *new* $v$. Write `nesterov(w, v, g, learning_rate, beta)`. It returns the
# new weights and the new velocity, as a pair `(w, v)`; `w`, `v` and `g` are arrays of the same shape, and
# your function leaves them as they are.
#
# **Example.** With $w=1$, $v=0$, $g=2$, $\eta=0.1$, $\beta=0.9$ the new velocity is $-0.2$ and the new weight
# $0.62$.


# %% solution="nesterov"
def nesterov(w, v, g, learning_rate, beta):
    """Return the weights and the velocity after one step: (w, v), of the shape of w."""
    ### BEGIN SOLUTION
    v = beta * v - learning_rate * g
    return w + beta * v - learning_rate * g, v
    ### END SOLUTION


# %% test="nesterov" points=2
def two_steps():
    """Two steps from w = 1 with gradients 2 and -1."""
    w, v = nesterov(np.array([1.0]), np.array([0.0]), np.array([2.0]), 0.1, 0.9)
    return [w, v, *nesterov(w, v, np.array([-1.0]), 0.1, 0.9)]


exercise.check(
    "nesterov",
    two_steps,
    each(
        (
            "the weight after one step",
            [0.62],
            "The example above works it out. Which v enters the second formula?",
        ),
        ("the velocity after one step", [-0.2], "The velocity is returned as the second of the pair."),
        (
            "the weight after two steps",
            [0.648],
            "The first step was right. Is the old velocity used in the next one?",
        ),
        ("the velocity after two steps", [-0.08], "The first step was right. What is beta multiplied with?"),
    ),
    hint="First the new velocity, from the old one and the gradient. Then the new weights, from the new "
    "velocity and once more the gradient. Return both.",
)
### BEGIN HIDDEN TESTS
data = given("nesterov")


def _walk(beta):
    w, v, seen = data["w"].copy(), np.zeros_like(data["w"]), []
    for g in data["g"]:
        w, v = nesterov(w, v, g, data["rate"], beta)
        seen.append(np.array(w))
    return seen


def _left_alone():
    w, v, g = data["w"].copy(), data["g"][0].copy(), data["g"][1].copy()
    later = nesterov(w, v, g, 0.1, 0.5)[0]
    return [w, v, g, later]


emit("nesterov", "first", lambda: _walk(data["beta"])[0])
emit("nesterov", "path", lambda: _walk(data["beta"]))
emit("nesterov", "without", lambda: _walk(0.0))
emit("nesterov", "left alone", _left_alone)
### END HIDDEN TESTS


# %% judge="nesterov"
def inputs_nesterov(rng):
    """Weights in a matrix, and twenty gradients."""
    return {
        "w": rng.normal(size=(3, 2)),
        "g": rng.normal(size=(20, 3, 2)),
        "rate": float(rng.uniform(0.05, 0.2)),
        "beta": float(rng.uniform(0.6, 0.95)),
    }, {}


def judge_nesterov(given, kept, answer):
    """Write the velocity as a sum over all gradients so far."""
    g, rate, beta = given["g"], given["rate"], given["beta"]
    powers = np.tril(beta ** np.maximum(np.subtract.outer(np.arange(20), np.arange(20)), 0))
    velocity = -rate * np.einsum("ts,sij->tij", powers, g)
    path = given["w"] + np.cumsum(beta * velocity - rate * g, axis=0)
    plain = given["w"] - rate * np.cumsum(g, axis=0)
    w, v, g_1 = given["w"], g[0], g[1]

    def changed():
        if isinstance(answer["left alone"], Failed):
            return answer["left alone"].words
        found = answer["left alone"]
        if not isinstance(found, list) or len(found) != 4:
            return "the answer is not a pair of arrays"
        right = w + 0.5 * (0.5 * v - 0.1 * g_1) - 0.1 * g_1
        problem = differs(found[3], right)
        return problem or (
            "the function changed an array that it was given" if differs(found[:3], [w, v, g_1]) else ""
        )

    return [
        part(0.5, "the first step", differs(answer["first"], path[0])),
        part(0.75, "twenty steps", differs(answer["path"], path)),
        part(0.25, "without momentum", differs(answer["without"], plain)),
        part(0.5, "from any velocity, and the arrays left as they were", changed),
    ]


# %% [markdown]
# In a narrow valley, plain momentum swings to and fro; looking ahead brakes it in time. The same rate and the
# same $\beta$, 60 steps:


# %%
def draw_nesterov():
    """Momentum and your function in a valley with curvatures 1 and 20."""
    steep = np.array([1.0, 20.0])
    figure, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
    for name in ["momentum", "Nesterov"]:
        w, v, seen = np.ones(2), np.zeros(2), []
        for _ in range(60):
            if name == "Nesterov":
                w, v = nesterov(w, v, steep * w, 0.04, 0.9)
            else:
                v = 0.9 * v - 0.04 * steep * w
                w = w + v
            seen.append(np.sum(steep * w**2) / 2)
        axes.semilogy(np.arange(1, 61), seen, label=name)
    axes.set(xlabel="step", ylabel="loss")
    axes.legend()
    return figure


preview(
    draw_nesterov,
    alt="Loss against steps on a logarithmic axis. Momentum falls in waves; in a right answer the curve of "
    "Nesterov's momentum lies below it and has smaller waves.",
)

# %% [markdown]
# ## Task 2 · Warm up, then cool down (2 points)
#
# At the first step the weights are random and Adam's memory is empty: no time for long steps. Many large
# networks are trained with a **warm-up**, a rate that rises in a straight line, followed by half a wave of a
# cosine. Write `warm_rate(step, warmup, total, highest)`, the rate of one step; steps count from 0:
#
# - steps 0 to `warmup - 1`: the rate rises by equal amounts, and step `warmup - 1` has `highest`. The very
#   first step already has a rate above zero.
# - steps `warmup` to `total`: half a wave of a cosine, which begins with `highest` at step `warmup` and is
#   0 at step `total`.
# - later steps: 0. With `warmup = 0` the cosine begins at once.
#
# **Example.** With `warmup=4`, `total=12` and `highest=0.8` the first steps have 0.2, 0.4, 0.6, 0.8, 0.8, and
# step 8 has 0.4.


# %% solution="schedule"
def warm_rate(step, warmup, total, highest):
    """Return the learning rate of a step (0, 1, 2, ...) as a number."""
    ### BEGIN SOLUTION
    if step < warmup:
        return highest * (step + 1) / warmup
    if step >= total:
        return 0.0
    return highest / 2 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))
    ### END SOLUTION


# %% test="schedule" points=2
exercise.check(
    "schedule",
    lambda: [warm_rate(step, 4, 12, 0.8) for step in [0, 3, 4, 8, 12, 20]] + [warm_rate(0, 0, 10, 0.5)],
    each(
        (
            "the rate of step 0",
            0.2,
            "The first step already has a quarter of the highest rate: not 0 of 4, but 1 of 4.",
        ),
        ("the rate of step 3", 0.8, "The last step of the warm-up has the highest rate."),
        ("the rate of step 4", 0.8, "The cosine begins at its top. Does its argument start at 0 here?"),
        ("the rate of step 8", 0.4, "Half way between step 4 and step 12 the cosine is at half its height."),
        ("the rate of step 12", 0, "At the end the half wave has come down to 0."),
        ("the rate of step 20", 0, "After the end the rate stays 0: a cosine would rise again."),
        ("the first rate without a warm-up", 0.5, "With warmup=0 there is nothing to divide by."),
    ),
    hint="Three cases. In the second one, (step - warmup)/(total - warmup) runs from 0 to 1.",
)
### BEGIN HIDDEN TESTS
data = given("schedule")


def _rates(steps, case):
    return [float(np.squeeze(warm_rate(step, *case))) for step in steps]


long, short = data["cases"]
emit("schedule", "warm", lambda: _rates(range(int(long[0])), long))
emit("schedule", "cool", lambda: _rates(range(int(long[0]), int(long[1])), long))
emit("schedule", "none", lambda: _rates(range(int(short[1])), short))
emit("schedule", "late", lambda: _rates([*(int(long[1]) + k for k in (0, 1, 7, 50))], long))
### END HIDDEN TESTS


# %% judge="schedule"
def inputs_schedule(rng):
    """One schedule with a warm-up, and one without."""
    warmup, total = int(rng.integers(5, 15)), int(rng.integers(40, 90))
    long = [warmup, total, float(rng.uniform(0.01, 2))]
    return {"cases": [long, [0, int(rng.integers(20, 40)), float(rng.uniform(0.01, 2))]]}, {}


def judge_schedule(given, kept, answer):
    """Use the square of a cosine of half the angle, and linspace."""
    (warmup, total, highest), (_, short, other) = given["cases"]

    def falling(steps, top):
        return top * np.cos(np.linspace(0, np.pi / 2, steps + 1)[:-1]) ** 2

    rising = np.linspace(0, highest, warmup + 1)[1:]
    cool = differs(answer["cool"], falling(total - warmup, highest), atol=1e-7)
    late = differs(answer["late"], np.zeros(4), atol=1e-7)
    return [
        part(0.75, "the warm-up", differs(answer["warm"], rising)),
        part(0.75, "the cosine", cool),
        part(0.25, "no warm-up", differs(answer["none"], falling(short, other), atol=1e-7)),
        part(0.25, "the end, and after it", late or (cool and "counts when the cosine is right")),
    ]


# %%
def draw_rates():
    """Your schedule with warm-ups of different length."""
    figure, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
    for warmup in [0, 10, 30]:
        axes.plot([warm_rate(step, warmup, 100, 0.1) for step in range(110)], label=f"warm-up {warmup}")
    axes.set(xlabel="step", ylabel="learning rate")
    axes.legend()
    return figure


preview(
    draw_rates,
    alt="The learning rate over 110 steps for three warm-ups. In a right answer each curve rises in a "
    "straight line to 0.1, falls along half a cosine to 0 at step 100, and stays there.",
)

# %% [markdown]
# ## Task 3 · The right first weights for any activation (3 points)
#
# He's 2 makes up for the half of the signal that a ReLU cuts away. Other activations cut away other parts.
# The lecture's formula was $\operatorname{Var}(z) = n\operatorname{Var}(w)\,\overline{a^2}$. If a layer's
# pre-activations are normal with mean 0 and variance 1, then its activations $a=f(z)$ have some mean square
# $\overline{a^2}$, and the *next* layer's pre-activations are to have variance 1 again.
#
# **First function.** `leaky_scale(n_in, slope)` returns the standard deviation of the weights for a **leaky
# ReLU**, which is $z$ for positive and $\text{slope}\cdot z$ for negative $z$. Do it with a pencil: half of
# the values are positive. With slope 0 it must be He's.
#
# **Second function.** `scale_for(f, n_in)` returns the same for *any* activation. `f` takes an array of
# numbers and returns an array. You cannot look into it, but you can measure: what is the mean of $f(z)^2$
# for normal $z$? An error of 1 % is allowed.


# %% solution="scale"
def leaky_scale(n_in, slope):
    """Return the standard deviation of the weights that keeps the signal of a leaky ReLU level."""
    ### BEGIN SOLUTION
    return math.sqrt(2 / ((1 + slope**2) * n_in))
    ### END SOLUTION


# %% solution="scale_2" task="scale"
def scale_for(f, n_in):
    """Return the same for any activation f, which takes and returns arrays; 1 % is precise enough."""
    ### BEGIN SOLUTION
    z = np.random.default_rng(0).normal(size=400_000)
    return 1 / math.sqrt(n_in * np.mean(f(z) ** 2))
    ### END SOLUTION


# %% test="scale" points=3
exercise.check(
    "scale",
    lambda: [
        leaky_scale(50, 0.0),
        leaky_scale(50, 1.0),
        leaky_scale(50, 0.5) ** 2 * 50,
        scale_for(lambda z: z, 100) * 10,
        scale_for(lambda z: np.maximum(z, 0), 50) * 5,
        scale_for(np.tanh, 100) * 10 / 1.593,
    ],
    each(
        (
            "the scale with slope 0",
            0.2,
            "With slope 0 it is a ReLU, and He's formula holds. A standard deviation was asked for.",
        ),
        ("the scale with slope 1", 0.141421, "With slope 1 the layer is linear: nothing is cut away."),
        ("n times the variance with slope 0.5", 1.6, "Negative values count with the *square* of the slope."),
        (
            "the scale for no activation, times the root of n,",
            1,
            "A linear layer keeps the variance: 1/n is the right one.",
        ),
        (
            "the scale for a ReLU, times 5,",
            1,
            "For a ReLU it must agree with He's. Is it the mean of the square, or the square of the mean?",
        ),
        (
            "the scale for tanh, compared with ours,",
            1,
            "tanh makes values smaller, so that its weights are larger than 1/sqrt(n).",
        ),
        rtol=0.012,
    ),
    hint="The variance of the weights is 1/(n times the mean square of f(z)). For a mean over normal "
    "numbers, draw many (np.random.default_rng(0).normal) or sum over a fine grid with the normal density.",
)
### BEGIN HIDDEN TESTS
data = given("scale")
emit(
    "scale",
    "leaky",
    lambda: [leaky_scale(n, slope) for n, slope in zip(data["n"], data["slopes"], strict=True)],
)
emit("scale", "ends", lambda: [leaky_scale(72, 0), leaky_scale(72, 1)])


def _activations():
    slope, lift = data["slope"], data["lift"]
    return {
        "leaky": lambda z: np.where(z > 0, z, slope * z),
        "tanh": np.tanh,
        "elu": lambda z: np.where(z > 0, z, lift * np.expm1(np.minimum(z, 0))),
        "swish": lambda z: z / (1 + np.exp(-z)),
        "cosine": lambda z: np.cos(2 * z) + 0.5,
    }


emit("scale", "measured", lambda: [scale_for(f, 40) for f in _activations().values()])
emit("scale", "other n", lambda: scale_for(_activations()["elu"], data["other n"]))
### END HIDDEN TESTS


# %% judge="scale"
def inputs_scale(rng):
    """Widths and slopes."""
    return {
        "n": [int(n) for n in rng.integers(10, 900, size=6)],
        "slopes": [float(v) for v in rng.uniform(0.05, 0.9, size=6)],
        "slope": float(rng.uniform(0.1, 0.6)),
        "lift": float(rng.uniform(0.5, 2)),
        "other n": int(rng.integers(200, 900)),
    }, {}


def judge_scale(given, kept, answer):
    """Integrate over the normal density."""
    slope, lift = given["slope"], given["lift"]
    functions = [
        lambda z: z if z > 0 else slope * z,
        np.tanh,
        lambda z: z if z > 0 else lift * (np.exp(z) - 1),
        lambda z: z * scipy.special.expit(z),
        lambda z: 0.5 + np.cos(2 * z),
    ]

    def mean_square(f):
        density = lambda z: f(z) ** 2 * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)  # noqa: E731
        return scipy.integrate.quad(density, -12, 0)[0] + scipy.integrate.quad(density, 0, 12)[0]

    right = [(40 * mean_square(f)) ** -0.5 for f in functions]
    n, slopes = np.array(given["n"]), np.array(given["slopes"])
    return [
        part(1, "leaky ReLU", differs(answer["leaky"], (n * (0.5 + slopes**2 / 2)) ** -0.5)),
        part(0.5, "leaky ReLU with slopes 0 and 1", differs(answer["ends"], [1 / 6, 72**-0.5])),
        part(1, "five activations, measured", differs(answer["measured"], right, rtol=0.013)),
        part(
            0.5,
            "another width",
            differs(answer["other n"], (given["other n"] * mean_square(functions[2])) ** -0.5, rtol=0.013),
        ),
    ]


# %% [markdown]
# Twenty layers of 200 units with your scale, for four activations. Which of them stays level, and which
# drifts a little all the same? (Where it drifts: what did we assume about $z$ that is no longer true?)


# %%
def draw_scales():
    """Size of the pre-activations, layer by layer."""
    some: dict = {
        "ReLU": lambda z: np.maximum(z, 0),
        "leaky ReLU": lambda z: np.maximum(z, 0.3 * z),
        "tanh": np.tanh,
    }
    some["swish"] = lambda z: z / (1 + np.exp(-z))
    figure, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
    for name, f in some.items():
        rng, sizes = np.random.default_rng(0), []
        z = rng.normal(size=(200, 200))
        for _ in range(20):
            z = f(z) @ (scale_for(f, 200) * rng.normal(size=(200, 200)))
            sizes.append(np.sqrt(np.mean(z**2)))
        axes.plot(np.arange(1, 21), sizes, label=name)
    axes.set(xlabel="layer", ylabel="size of z", ylim=(0, 3.5), xticks=[1, 5, 10, 15, 20])
    axes.legend()
    return figure


preview(
    draw_scales,
    alt="The root mean square of the pre-activations over twenty layers for four activations. In a right "
    "answer tanh stays at 1, leaky ReLU near it; ReLU drifts down to about two thirds; swish keeps level for "
    "ten layers and then grows.",
)

# %% [markdown]
# ## Task 4 · What is wrong with it? (3 points)
#
# Five networks with ten hidden ReLU layers learn the two moons, with plain descent, 60 steps on all points.
# Of each you see the loss of every step and, measured at the first step, the size (root mean square) of the
# gradient in each hidden layer. Here are five of them, one of each kind, in no particular order. Find out
# which is which before you write anything.


# %%
kinds = ["fine", "vanishing", "exploding", "rate too small", "rate too large"]
moons = datasets.moons(n=200, seed=4)
points, labels = moons.x.astype(float), moons.y


def patient(kind, seed=0):
    """Train such a network; return its losses, and the size of the first gradient in each hidden layer."""
    rng, widths = np.random.default_rng(seed), [2, *[24] * 10, 2]
    gain = {"vanishing": 0.3, "exploding": 20.0}.get(kind, 2.0)
    rate = {"rate too small": 1e-6, "rate too large": 30.0}.get(kind, 0.1)
    kernels = [math.sqrt(gain / n) * rng.normal(size=(n, m)) for n, m in pairwise(widths)]
    losses, sizes = [], []  # type: list, list
    for step in range(60):
        values = [points]
        for kernel in kernels[:-1]:
            values.append(np.maximum(values[-1] @ kernel, 0))
        logits = values[-1] @ kernels[-1]
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        losses.append(-np.log(p[np.arange(200), labels]).mean())
        back = (p - np.eye(2)[labels]) / 200
        for layer in reversed(range(11)):
            slope = values[layer].T @ back
            back = (back @ kernels[layer].T) * (values[layer] > 0)
            if step == 0 and layer:
                sizes.insert(0, np.sqrt(np.mean(back**2)))
            kernels[layer] = kernels[layer] - rate * slope
    return np.array(losses), np.array(sizes)


# %%
def draw_patients():
    """Losses above, sizes of gradients below, for five networks."""
    order = np.random.default_rng(2).permutation(kinds)
    figure, axes = plt.subplots(2, 5, figsize=(9, 4), sharey="row", layout="constrained")
    for (above, below), letter, kind in zip(axes.T, "ABCDE", order, strict=True):
        with np.errstate(all="ignore"):
            losses, sizes = patient(kind, seed=1)
        above.plot(losses)
        above.set(title=letter, xlabel="step", xlim=(-2, 60), ylim=(0, 1.5))
        if not np.isfinite(losses).all():
            above.text(29, 1.2, "not a number", ha="center")
        below.semilogy(np.arange(1, 11), sizes, "o-", color=plots.PALETTE[1])
        below.set(xlabel="hidden layer", xticks=[1, 5, 10])
    figure.align_ylabels(axes[:, 0])
    axes[0, 0].set_ylabel("loss")
    axes[1, 0].set_ylabel("first gradient")
    for panel in axes[:, 1:].ravel():
        panel.set_ylabel(" ")
    return figure


# %%
plots.show(
    draw_patients(),
    alt="Five networks, A to E, with the loss over 60 steps above and the size of the first gradient in "
    "each of ten layers below. In one the gradients rise steadily from layer 1 to layer 10 by many "
    "powers of ten, in another they fall; in the other three they are level, and the losses are flat, "
    "falling, or leaping.",
)

# %% [markdown]
# Write `diagnose(losses, sizes)`, which returns one of the five words. `losses` has 60 entries, of which some
# may be infinite or not a number; `sizes` has ten, layer 1 first.
#
# - `"vanishing"` or `"exploding"`: on the way from layer 10 to layer 1 the gradient shrinks, or grows, more
#   than 500-fold. In all others it changes less than 20-fold.
# - `"rate too large"`: gradients in order, but the loss leaps. At some step it is at least half as large
#   again as at first, or no number at all.
# - `"rate too small"`: gradients in order, and the loss falls by less than 2 %.
# - `"fine"`: gradients in order, and the loss falls by 10 % or more, without leaps.
#
# There are twenty hidden networks, four of each kind. A word counts (0.6 points) when it is given to its four
# and to no other; any other word makes the whole answer void.


# %% solution="diagnose"
def diagnose(losses, sizes):
    """Return "fine", "vanishing", "exploding", "rate too small" or "rate too large"."""
    ### BEGIN SOLUTION
    growth = sizes[0] / sizes[-1]
    if growth > 100:
        return "exploding"
    if growth < 1 / 100:
        return "vanishing"
    if not np.isfinite(losses).all() or np.max(losses) > 1.3 * losses[0]:
        return "rate too large"
    return "fine" if losses[-1] < 0.95 * losses[0] else "rate too small"
    ### END SOLUTION


# %% test="diagnose" points=3
def misjudged(answers):
    """Say which of the networks got another word."""
    for word, answer in zip(kinds * 2, answers, strict=True):
        if answer is None:
            return "diagnose returned None: is a return missing?"
        if answer not in kinds:
            return f"the answer {answer!r} is none of the five words"
        if answer != word:
            return f'a network was called "{answer}", and that is not its trouble'
    return True


with np.errstate(all="ignore"):
    ward = [patient(kind, seed) for seed in [1, 2] for kind in kinds]

exercise.check(
    "diagnose",
    lambda: [diagnose(losses.copy(), sizes.copy()) for losses, sizes in ward],
    misjudged,
    hint="Look at the gradients first: compare the first entry of sizes with the last. Only where they are "
    "in order does the loss tell about the learning rate. A comparison with nan is always false: ask "
    "np.isfinite first.",
)
### BEGIN HIDDEN TESTS
data = given("diagnose")
emit("diagnose", "words", lambda: [diagnose(np.array(x), np.array(s)) for x, s in data["cases"]])
### END HIDDEN TESTS


# %% judge="diagnose"
CLEAR = {"vanishing": (0, 1 / 500), "exploding": (500, np.inf)}


def ill_network(rng, what):
    """Train ten hidden layers of 24 units on random half circles; return losses and gradient sizes."""
    side, angle = rng.integers(2, size=120), rng.uniform(0, np.pi, size=120)
    bow = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    inputs = np.where(side[:, None] == 0, bow, [1, 0.5] - bow) + rng.normal(scale=0.1, size=(120, 2))
    boost = {"vanishing": rng.uniform(0.15, 0.35), "exploding": rng.uniform(14, 30)}.get(what, 2)
    pace = {"rate too small": 10 ** rng.uniform(-8, -6), "rate too large": rng.uniform(10, 60)}.get(what, 0.1)
    shapes = [(2, 24), *[(24, 24)] * 9, (24, 2)]
    layers = [rng.normal(scale=np.sqrt(boost / shape[0]), size=shape) for shape in shapes]
    seen, first = [], None
    for _ in range(60):
        acts = [inputs]
        for matrix in layers:
            acts.append(acts[-1] @ matrix if matrix is layers[-1] else np.clip(acts[-1] @ matrix, 0, None))
        logs = scipy.special.log_softmax(acts[-1], axis=1)
        seen.append(-np.mean(logs[np.arange(120), side]))
        flow = np.exp(logs)
        flow[np.arange(120), side] -= 1
        flow, slopes, sizes = flow / 120, [], []
        for matrix, act in zip(layers[::-1], acts[-2::-1], strict=True):
            slopes.append(act.T @ flow)
            flow = np.where(act > 0, flow @ matrix.T, 0)
            sizes.append(np.sqrt((flow**2).mean()))
        first = sizes[-2::-1] if first is None else first
        layers = [matrix - pace * slope for matrix, slope in zip(layers, slopes[::-1], strict=True)]
    return np.array(seen), np.array(first)


def is_clear(what, seen, first):
    """Say whether a case is as the task describes it, with a margin."""
    low, high = CLEAR.get(what, (1 / 20, 20))
    if not low <= first[0] / first[-1] <= high:
        return False
    leaps = not np.isfinite(seen).all() or seen.max() >= 1.5 * seen[0]
    if what == "rate too large":
        return leaps
    if what == "rate too small":
        return not leaps and 0.98 * seen[0] < seen[-1] and seen.max() < 1.02 * seen[0]
    return what in CLEAR or (seen.max() < 1.1 * seen[0] and seen[-1] < 0.9 * seen[0])


def inputs_diagnose(rng):
    """Four networks of each kind, in random order; the kinds stay outside."""
    order = rng.permutation(
        np.repeat(["fine", "vanishing", "exploding", "rate too small", "rate too large"], 4)
    )
    cases = []
    with np.errstate(all="ignore"):
        for what in order.tolist():
            found = ill_network(rng, what)
            while not is_clear(what, *found):
                found = ill_network(rng, what)
            cases.append([found[0], found[1]])
    return {"cases": cases}, {"order": order.tolist()}


def judge_diagnose(given, kept, answer):
    """A word is right when it was given in all cases where it belongs, and in no other."""
    words = answer["words"]
    if isinstance(words, Failed):
        raise WrongAnswer(words.words)
    known = list(dict.fromkeys(kept["order"]))
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise WrongAnswer("an answer is not a word")
    if any(word not in known for word in words) or len(words) != 20:
        raise WrongAnswer("an answer is none of the five words")
    parts = []
    for word in sorted(known):
        missed = sum(what == word != said for what, said in zip(kept["order"], words, strict=True))
        extra = sum(said == word != what for what, said in zip(kept["order"], words, strict=True))
        problem = (
            f"{missed} of 4 were not recognized, {extra} others were taken for one" if missed + extra else ""
        )
        parts.append(part(0.6, f"networks that are: {word}", problem))
    return parts


# %% [markdown]
# ## Task 5 · Find the rate (3 points)
#
# A range test by machine. Somebody hands you a model that you cannot look into, only a function
# `train_step(rate)`: it makes one step of mini-batch descent with that rate, and returns the loss of its
# batch *before* the step. Each call goes on where the last one stopped. You may call it **150 times**; the
# call after that raises an error. From problem to problem the right rate differs by many powers of ten; it
# lies between $10^{-6}$ and $10^6$.
#
# Write `find_rate(train_step)`, which returns a good rate, one number. The mark: the model is trained with
# your rate, once more from its start, for 100 steps. What counts is how far the loss falls, compared with
# the best of many rates. On each of three problems: 95 % of the way is the full mark, 70 % is half. Their
# right rates differ by powers of ten: one and the same rate for all of them is no search, and earns nothing.


# %% solution="rate"
def find_rate(train_step):
    """Return a good learning rate, after at most 150 calls of train_step(rate)."""
    ### BEGIN SOLUTION
    rates, losses = np.geomspace(1e-6, 1e6, 150), []
    for rate in rates:
        losses.append(train_step(rate))
        if not np.isfinite(losses[-1]) or losses[-1] > 10 * np.mean(losses[:5]):
            break
    smooth = [np.mean(losses[max(0, i - 2) : i + 3]) for i in range(len(losses) - 2)]
    return rates[int(np.nanargmin(smooth))] / 3
    ### END SOLUTION


# %% test="rate" points=3
class Line:
    """Four weights to fit; the inputs have an unknown size. Calls are counted."""

    def __init__(self, size, seed=0, calls=150):
        self.rng, self.left = np.random.default_rng(seed), calls
        self.x = size * self.rng.normal(size=(200, 4))
        self.y = self.x @ self.rng.normal(size=4) / size + 0.1 * self.rng.normal(size=200)
        self.w = np.zeros(4)

    def train_step(self, rate):
        """One step of descent on 16 examples; returns their loss before it."""
        if self.left == 0:
            raise ValueError("train_step was called more than 150 times")
        self.left -= 1
        rows = self.rng.choice(200, 16, replace=False)
        error = self.x[rows] @ self.w - self.y[rows]
        self.w = self.w - rate * self.x[rows].T @ error / 16
        return float(np.mean(error**2) / 2)


def progress_with(rate, size):
    """How far the loss falls in 100 steps with a rate, as a share of where it started."""
    line = Line(size)
    with np.errstate(all="ignore"):
        for _ in range(100):
            line.train_step(rate)
        return 1 - np.mean((line.x @ line.w - line.y) ** 2) / np.mean(line.y**2)


def good_for(size):
    """Make a function that says what is wrong with a rate for inputs of this size."""

    def problem(rate):
        if rate is None:
            return "find_rate returned None: is a return missing?"
        if np.shape(rate) != () or not np.isfinite(rate) or rate <= 0:
            return "find_rate did not return a positive number"
        got = progress_with(float(rate), size)
        if not got > 0.94:
            way = (
                "is too large: the loss explodes"
                if not got > 0
                else f"brings the loss down by {got:.0%} only"
            )
            return f"for inputs of size {size:g} the rate {float(rate):.2g} {way}"
        return ""

    return problem


def rates_found():
    """The rates for three sizes of the inputs."""
    with np.errstate(all="ignore"):
        return [find_rate(Line(size).train_step) for size in [0.03, 1, 30]]


exercise.check(
    "rate",
    rates_found,
    each(("", good_for(0.03), ""), ("", good_for(1), ""), ("", good_for(30), "")),
    hint="Let the rate grow by the same factor with each call (np.geomspace), keep the losses, and stop "
    "where they explode. The losses are noisy: average over a few neighbors before you look for the "
    "lowest. The rate of the lowest loss is too large already.",
)
### BEGIN HIDDEN TESTS
data = given("rate")


def _stepper(x, y, seed):
    noise, left, w = np.random.default_rng(seed), [150], [np.zeros(x.shape[1])]

    def train_step(rate):
        left[0] -= 1
        if left[0] < 0:
            raise ValueError("train_step was called more than 150 times")
        chosen = noise.permutation(len(x))[:16]
        off = x[chosen] @ w[0] - y[chosen]
        w[0] = w[0] - rate * (x[chosen].T @ off) / 16
        return float((off**2).mean() / 2)

    return train_step


def _rate(i):
    with np.errstate(all="ignore"):
        return find_rate(_stepper(data["x"][i], data["y"][i], data["seed"] + i))


emit("rate", "0", lambda: _rate(0))
emit("rate", "1", lambda: _rate(1))
emit("rate", "2", lambda: _rate(2))
### END HIDDEN TESTS


# %% judge="rate"
def inputs_rate(rng):
    """Three regressions whose inputs are small, middling and large."""
    xs, ys = [], []
    for low, high in [(-2, -1), (-0.5, 0.5), (1, 2)]:
        x = rng.normal(size=(300, 6))
        ys.append(x @ rng.normal(size=6) + 0.1 * rng.normal(size=300))
        xs.append(x * 10 ** rng.uniform(low, high))
    given = {"x": xs, "y": ys, "seed": int(rng.integers(2**31))}
    seed = int(rng.integers(2**31))
    best = [
        max(fall(x, y, rate / np.mean(x**2), seed) for rate in np.geomspace(0.01, 1, 13))
        for x, y in zip(xs, ys, strict=True)
    ]
    return given, {"seed": seed, "best": best}


def fall(x, y, rate, seed):
    """How far 100 steps bring the loss down, as a share of the loss at the start; the mean of three runs."""
    falls = []
    for run in range(3):
        rng, w = np.random.default_rng([seed, run]), np.zeros(x.shape[1])
        with np.errstate(all="ignore"):
            for _ in range(100):
                rows = rng.integers(len(x), size=16)
                w = w - rate / 16 * (x[rows] @ w - y[rows]) @ x[rows]
            now = np.mean((x @ w - y) ** 2) / np.mean(y**2)
        falls.append(1 - now if np.isfinite(now) else -np.inf)
    return np.mean(falls)


def judge_rate(given, kept, answer):
    """Train with the rate; what the best of many others reaches is kept."""
    # Seeds 1 to 30: the solution, and a tenth of the rate with the lowest loss, earn 3 points of 3 each time;
    # the rate with the lowest loss itself 1 to 3.
    rates: list[float | str] = []
    for i in range(3):
        try:
            rates.append(float(numbers(answer[str(i)], ())))
            if np.asarray(answer[str(i)]).dtype.kind == "b":
                rates[i] = "the answer is a truth value; a learning rate was asked for"
        except WrongAnswer as error:
            rates.append(str(error))
    parts = []
    for i, name in enumerate(["small inputs", "middling inputs", "large inputs"]):
        x, y, rate = given["x"][i], given["y"][i], rates[i]
        try:
            if isinstance(rate, str):
                raise WrongAnswer(rate)
            if len(set(rates)) == 1:
                raise WrongAnswer("the rate is the same for all three problems: it does not come from them")
            share = fall(x, y, rate, kept["seed"]) / kept["best"][i]
            problem = "" if share >= 0.95 else f"with your rate the loss falls {max(share, 0):.0%} of the way"
            worth = 1.0 if share >= 0.95 else 0.5 if share >= 0.7 else 0.0
        except WrongAnswer as error:
            problem, worth = str(error), 0.0
        parts.append(part(1, name, problem, worth))
    return parts


# %%
def draw_range_test():
    """What your function asked for, and what it got."""
    asked, got, line = [], [], Line(1)

    def spy(rate):
        asked.append(float(rate))
        got.append(line.train_step(rate))
        return got[-1]

    with np.errstate(all="ignore"):
        rate = find_rate(spy)
    figure, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
    axes.plot(asked, got, ".")
    axes.set(xscale="log", yscale="log", xlabel="rate", ylabel="loss of the batch")
    axes.axvline(rate, linestyle="--", color=plots.PALETTE[1])
    return figure


preview(
    draw_range_test,
    alt="The losses that the function saw against the rates that it tried, and its answer as a dashed line. "
    "In a right answer the line lies where the loss falls steeply, to the left of the lowest point.",
)

# %% [markdown]
# ## Task 6 · Thirty layers (4 points)
#
# Build and train a network with **at least thirty hidden layers**, each `Dense` with **at most 16 units** and
# an activation that is not linear, and with two outputs (logits or probabilities) for the two moons. Nobody
# needs thirty layers for the moons. But who can train these can train a deep network, and Keras' defaults
# cannot: try them, and look at the first loss and the last.
#
# Write `deep_network(x_train, y_train)`. It gets 400 points, `(400, 2)`, with labels 0 and 1; it builds the
# network, trains it and returns it. Allowed are `Input`, `Dense` and `Activation`, in one row
# (`keras.Sequential`), and nothing that normalizes or skips layers. **Your mark comes from a thousand
# points that nobody has seen**: one point each for 80 %, 90 %, 94 % and 96 % right. You have two minutes of
# processor time; a quarter of that is plenty.

# %%
deep_moons = datasets.moons(n=400, noise=0.15, seed=5)
fresh = datasets.moons(n=1000, noise=0.15, seed=6)


# %% solution="deep"
def deep_network(x_train, y_train):
    """Return a trained network with thirty hidden layers of at most 16 units."""
    ### BEGIN SOLUTION
    hidden = [keras.layers.Dense(16, activation="relu", kernel_initializer="he_normal") for _ in range(30)]
    network = keras.Sequential([keras.Input((2,)), *hidden, keras.layers.Dense(2)])
    rate = keras.optimizers.schedules.CosineDecay(0.002, 60 * 13)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0), loss=loss)
    network.fit(x_train, y_train, batch_size=32, epochs=60, verbose=0)
    return network
    ### END SOLUTION


# %% test="deep" points=4 seconds=120
from lecture_utils.grading import inside, judging, networks  # noqa: F811


def is_deep(model):
    """Say whether the grader accepts a network, and what it does on fresh points."""
    try:
        layers = inside.export(model)
        allowed = {"dense", "activation", "leaky_relu"}
        right = networks.accuracy(layers, fresh.x, fresh.y, classes=2, allowed=allowed)
        depth = networks.require_depth(layers, (2,), least=30, units=16)
    except (TypeError, ValueError, judging.WrongAnswer) as error:
        return str(error)
    print(f"{depth} hidden layers, {right:.1%} of the fresh points right")
    return True if right >= 0.9 else "it gets fewer than 90 % of the fresh points right; it can do better"


def trained_deep():
    """Train your network on the training points."""
    training.set_seeds(0)
    return deep_network(deep_moons.x.copy(), deep_moons.y.copy())


exercise.check(
    "deep",
    trained_deep,
    is_deep,
    hint="Does the loss stay at ln 2 = 0.693? Then no signal gets through, and no optimizer helps: which "
    "first weights does your activation want (kernel_initializer)? Does it fall and leap? Then the rate is "
    "too large for so many layers; let it fall, and clip the gradients.",
)
### BEGIN HIDDEN TESTS
from lecture_utils.grading.inside import export

data = given("deep")


def hidden_deep():
    training.set_seeds(0)
    return export(deep_network(data["x"], data["y"]))


emit("deep", "network", hidden_deep)
### END HIDDEN TESTS


# %% judge="deep"
STEPS = (0.80, 0.90, 0.94, 0.96)
PLAIN = {"dense", "activation", "leaky_relu"}


def half_circles(rng, count):
    """Points of two half circles that reach into each other."""
    side, turn = rng.permutation(np.arange(count) % 2), rng.uniform(0, np.pi, size=count)
    bow = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return np.where(side[:, None] == 0, bow, [1, 0.5] - bow) + rng.normal(scale=0.15, size=(count, 2)), side


def inputs_deep(rng):
    """Points to train enter the sandbox; those that count do not."""
    (x, y), secret = half_circles(rng, 400), half_circles(rng, 1000)
    return {"x": x.astype(np.float32), "y": y}, {"secret": secret}


def judge_deep(given, kept, answer):
    """Look at the layers, and compute the answers for the secret points from the weights."""
    network = answer["network"]
    x, y = kept["secret"]
    right = networks.accuracy(network, x.astype(np.float32), y, classes=2, allowed=PLAIN)  # refuses it if odd
    networks.require_depth(network, (2,), least=30, units=16)
    return [steps("a thousand secret points", right, STEPS)]


# %% [markdown]
# ## What is done
#
# The visible checks of this notebook are a help, not the mark: the hidden ones use other inputs.

# %%
exercise.progress()
