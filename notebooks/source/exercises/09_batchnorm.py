# %% [markdown]
# # Exercise 9 · Batch normalization
#
# In the lecture a layer subtracted means and divided by standard deviations, and deep networks began to
# learn. Here you build that layer: **forward in both modes, backward, its memory, and its disappearance**
# into the layer before it. You find out from its outputs which relative you have before you. At the end you
# train a network that is twelve layers deep and only 24 units wide, and letters that nobody has seen
# decide how good it is.
#
# **How it works.** Each task asks for a function. Replace the line `raise NotImplementedError` by your code,
# then run the check below it. Only what stands in the answer cells is graded, with other inputs than the
# check uses. The tasks are independent of each other, and you may do them in any order. Your functions may
# use the cell that begins with `import math` and nothing else of this notebook: that is all there is when
# they are graded. Helpers of your own go into the answer cell, above the function. After a right answer, or
# three different tries, `exercise.solution("memory")` shows ours.
#
# **17 points. Time:** about 90 minutes. **Builds on:** lecture 9.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np

from lecture_utils import datasets, training
from lecture_utils.exercises import Exercise, each, preview

training.quiet_tensorflow()
import keras

exercise = Exercise("09_batchnorm", modes=3, backward=3, memory=2, fold=3, kinds=2, deep=4)


# %% judge="*"

import numpy as np  # noqa: F811

from lecture_utils.grading import letters as drawing
from lecture_utils.grading import networks
from lecture_utils.grading.inside import emit, given
from lecture_utils.grading.judging import Failed, WrongAnswer, differs, numbers, part, steps


# %% [markdown]
# ## Task 1 · Two modes (3 points)
#
# Write `batch_norm(x, gamma, beta, mean, variance, momentum, epsilon, training)`. `x` has shape `(batch,
# features)` or `(batch, height, width, channels)`; `gamma`, `beta` and the two moving averages `mean` and
# `variance` have one number for each feature (channel). Return three arrays `(y, new_mean, new_variance)`.
#
# - With `training=True`, normalize by the mean and the biased variance of the batch. The new averages are
#   `momentum` times the old one plus `1 - momentum` times the batch's.
# - With `training=False`, normalize by the averages, and return them as they were.
#
# In both cases $y = \gamma\,(x-\mu)/\sqrt{\sigma^2+\epsilon}+\beta$. For one feature with
# $\gamma=2$, $\beta=1$, averages 0 and 1, momentum 0.9 and $\epsilon=0$:
#
# | x | training | y | new mean | new variance |
# |---|---|---|---|---|
# | 1, 3, 5, 7 | yes | −1.68, 0.11, 1.89, 3.68 | 0.4 | 1.4 |
# | 1, 3, 5, 7 | no | 3, 7, 11, 15 | 0 | 1 |


# %% solution="modes"
def batch_norm(x, gamma, beta, mean, variance, momentum, epsilon, training):
    """Return the normalized x and the two averages after it."""
    ### BEGIN SOLUTION
    if training:
        over = tuple(range(x.ndim - 1))
        center, width = x.mean(axis=over), x.var(axis=over)
        mean = momentum * mean + (1 - momentum) * center
        variance = momentum * variance + (1 - momentum) * width
    else:
        center, width = mean, variance
    return gamma * (x - center) / np.sqrt(width + epsilon) + beta, mean, variance
    ### END SOLUTION


# %% test="modes" points=3
column = np.array([[1.0], [3.0], [5.0], [7.0]])
one = {
    "gamma": np.array([2.0]),
    "beta": np.array([1.0]),
    "mean": np.array([0.0]),
    "variance": np.array([1.0]),
}
bright = np.array([[[[0.0, 5.0], [2.0, 5.0]]], [[[4.0, 9.0], [6.0, 9.0]]]])  # (2, 1, 2, 2): two channels
two = {name: np.repeat(value, 2) for name, value in one.items()}


def in_mode(training, x=column, values=one):
    """Call your function; each call gets arrays of its own."""
    copies = {name: value.copy() for name, value in values.items()}
    return [*batch_norm(x.copy(), **copies, momentum=0.9, epsilon=0.0, training=training)]


exercise.check(
    "modes",
    lambda: [in_mode(True), in_mode(False), in_mode(True, bright, two)],
    each(
        (
            "the answer in training mode",
            [[[-1.68328], [0.10557], [1.89443], [3.68328]], [0.4], [1.4]],
            "The first row of the table.",
        ),
        ("the answer in inference mode", [[[3], [7], [11], [15]], [0], [1]], "The second row of the table."),
        (
            "the answer for two images",
            [
                [[[[-1.68328, -1], [0.10557, -1]]], [[[1.89443, 3], [3.68328, 3]]]],
                [0.3, 0.7],
                [1.4, 1.3],
            ],
            "For images a channel's mean is taken over the images, the rows and the columns.",
        ),
        atol=1e-4,
    ),
    hint="Which axes does the mean run over? All but the last: tuple(range(x.ndim - 1)). In training "
    "the averages move a little towards the batch's own figures; they are not used for y.",
)
### BEGIN HIDDEN TESTS
data = given("modes")
settings = {name: data[name] for name in ("gamma", "beta", "mean", "variance", "momentum", "epsilon")}
emit("modes", "train", lambda: list(batch_norm(data["x"], **settings, training=True)))
emit("modes", "images", lambda: list(batch_norm(data["images"], **settings, training=True)))
emit("modes", "infer", lambda: list(batch_norm(data["x"], **settings, training=False)))
emit("modes", "alone", lambda: list(batch_norm(data["images"][:1], **settings, training=False)))
### END HIDDEN TESTS


# %% judge="modes"
def inputs_modes(rng):
    """Return features of very different sizes, so that epsilon and the mean matter."""
    place, width = rng.normal(0, 3, 5), 10 ** rng.uniform(-1, 1, 5)
    data = {
        "x": rng.normal(place, width, (9, 5)),
        "images": rng.normal(place, width, (4, 3, 2, 5)),
        "gamma": rng.normal(1, 0.5, 5),
        "beta": rng.normal(size=5),
        "mean": rng.normal(size=5),
        "variance": rng.uniform(0.5, 4, 5),
        "momentum": float(rng.uniform(0.6, 0.95)),
        "epsilon": float(rng.uniform(0.01, 0.05)),
    }
    return data, {}


def feature_by_feature(given, x, training):
    """Work one feature at a time, on flat lists of numbers."""
    y, means, variances = np.empty(x.shape), [], []
    for f in range(x.shape[-1]):
        values = x[..., f].ravel()
        center = values.sum() / values.size
        width = (values**2).sum() / values.size - center**2
        old = given["mean"][f], given["variance"][f]
        keep = given["momentum"] if training else 1.0
        means.append(keep * old[0] + (1 - keep) * center)
        variances.append(keep * old[1] + (1 - keep) * width)
        center, width = (center, width) if training else old
        slope = given["gamma"][f] / (width + given["epsilon"]) ** 0.5
        y[..., f] = slope * x[..., f] + given["beta"][f] - slope * center
    return [y, means, variances]


def entry(answer, place):
    """Return one of the three arrays of an answer."""
    if isinstance(answer, Failed):
        return answer
    if not isinstance(answer, list | tuple) or len(answer) != 3:
        return Failed("three arrays were asked for: (y, new_mean, new_variance)")
    return answer[place]


def judge_modes(given, kept, answer):
    """Compare with one feature at a time; float32 is precise enough."""

    def far(key, place, x, training):
        expected = feature_by_feature(given, x, training)[place]
        return differs(entry(answer[key], place), expected, rtol=1e-4, atol=1e-4)

    x, images = given["x"], given["images"]
    averages = [far("train", place, x, True) or far("images", place, images, True) for place in (1, 2)]
    resting = next(filter(None, [far("infer", place, x, False) for place in (1, 2)]), "")
    output = far("infer", 0, x, False) or far("alone", 0, images[:1], False)
    return [
        part(0.75, "the output in training", far("train", 0, x, True)),
        part(0.5, "the output for images", far("images", 0, images, True)),
        part(0.5, "the moving mean", averages[0]),
        part(0.5, "the moving variance", averages[1]),
        part(0.5, "the output at inference", output),
        part(0.25, "averages that rest at inference", resting or (output and "counts with the output")),
    ]


# %% [markdown]
# ## Task 2 · Backward (3 points)
#
# Write `gradients(x, gamma, g, epsilon)` for the training mode. `x` has shape `(batch, features)`, and so
# has `g`, the gradient of the loss with respect to the layer's output. Return three arrays: the gradients
# with respect to `gamma`, to `beta`, and to `x`.
#
# Remember that each $x_i$ moves the mean and the variance, and with them all outputs of its feature. Lecture
# 9.5 has the formula; better still, derive it: $\partial\mu/\partial x_i = 1/m$, and
# $\partial\sigma^2/\partial x_i = 2(x_i-\mu)/m$.


# %% solution="backward"
def gradients(x, gamma, g, epsilon):
    """Return the gradients of gamma, beta and x."""
    ### BEGIN SOLUTION
    deviation = np.sqrt(x.var(axis=0) + epsilon)
    hat = (x - x.mean(axis=0)) / deviation
    by_x = gamma / deviation * (g - g.mean(axis=0) - hat * (g * hat).mean(axis=0))
    return (g * hat).sum(axis=0), g.sum(axis=0), by_x
    ### END SOLUTION


# %% test="backward" points=3
rng = np.random.default_rng(0)
x_seen, gamma_seen = rng.normal(2, 3, (5, 3)), np.array([1.0, 0.5, -2.0])
g_seen = rng.normal(size=(5, 3))


def loss_of(x, gamma, beta):
    """A loss whose gradient with respect to the layer's output is g_seen."""
    return np.sum(g_seen * (gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 0.001) + beta))


def nudged(values, loss):
    """Finite differences: push each number a little up and down, and look at the loss."""
    result = np.zeros(values.shape)
    for index in np.ndindex(values.shape):
        push = np.zeros(values.shape)
        push[index] = 1e-5
        result[index] = (loss(values + push) - loss(values - push)) / 2e-5
    return result


nothing = np.zeros(3)
exercise.check(
    "backward",
    lambda: [*gradients(x_seen.copy(), gamma_seen.copy(), g_seen.copy(), 0.001)],
    each(
        (
            "the gradient of gamma",
            nudged(gamma_seen, lambda values: loss_of(x_seen, values, nothing)),
            "gamma multiplies the normalized x: sum g times that over the batch.",
        ),
        (
            "the gradient of beta",
            nudged(nothing, lambda values: loss_of(x_seen, gamma_seen, values)),
            "beta is added to every output of its feature.",
        ),
        (
            "the gradient of x",
            nudged(x_seen, lambda values: loss_of(values, gamma_seen, nothing)),
            "Three ways lead from x to the outputs: directly, through the mean, through the variance. "
            "Its sum over the batch is zero; is yours?",
        ),
        rtol=1e-4,
        atol=1e-6,
    ),
    hint="The check compares with finite differences, which need no formula. Write the normalized x "
    "first; all three gradients use it.",
)
### BEGIN HIDDEN TESTS
data = given("backward")
arguments = data["x"], data["gamma"], data["g"], data["epsilon"]
emit("backward", "gamma", lambda: gradients(*arguments)[0])
emit("backward", "beta", lambda: gradients(*arguments)[1])
emit("backward", "x", lambda: gradients(*arguments)[2])
### END HIDDEN TESTS


# %% judge="backward"
def inputs_backward(rng):
    """Return features of several widths; epsilon is large enough to be seen."""
    width = rng.uniform(0.2, 2, 4)
    data = {"x": rng.normal(1, width, (7, 4)), "gamma": rng.normal(1, 0.7, 4), "g": rng.normal(size=(7, 4))}
    return data | {"epsilon": float(rng.uniform(0.02, 0.08))}, {}


def by_complex_step(given):
    """Let complex numbers differentiate: f(x + ih) has the derivative in its imaginary part."""

    def loss(x, gamma):
        center = x.sum(axis=0) / len(x)
        width = ((x - center) ** 2).sum(axis=0) / len(x)
        return (given["g"] * gamma * (x - center) / (width + given["epsilon"]) ** 0.5).sum()

    x, gamma = given["x"].astype(complex), given["gamma"].astype(complex)
    by_x, by_gamma = np.zeros(x.shape), np.zeros(gamma.shape)
    for index in np.ndindex(x.shape):
        moved = x.copy()
        moved[index] += 1e-20j
        by_x[index] = loss(moved, gamma).imag / 1e-20
    for unit in range(len(gamma)):
        moved = gamma.copy()
        moved[unit] += 1e-20j
        by_gamma[unit] = loss(x, moved).imag / 1e-20
    return by_gamma, given["g"].sum(axis=0), by_x


def judge_backward(given, kept, answer):
    """Compare with derivatives by complex step; the gradient of x also gets a part for its sum."""
    by_gamma, by_beta, by_x = by_complex_step(given)

    def sums_to_zero():
        found = numbers(answer["x"], by_x.shape)
        if np.abs(found).max() < 1e-6:
            return "the gradient of x is zero everywhere"
        return "" if np.abs(found.sum(axis=0)).max() < 1e-4 else "over the batch it does not sum to zero"

    def far(key, expected):
        return differs(answer[key], expected, rtol=1e-3, atol=1e-4)

    return [
        part(0.75, "the gradient of gamma", far("gamma", by_gamma)),
        part(0.5, "the gradient of beta", far("beta", by_beta)),
        part(0.5, "the way through the mean", sums_to_zero),
        part(1.25, "the gradient of x", far("x", by_x)),
    ]


# %% [markdown]
# ## Task 3 · A fading memory (2 points)
#
# A moving average starts at `start`. Every batch has the same mean `value`, and each step keeps a share
# `momentum` of the old average.
#
# Write two functions. `remembered(start, value, momentum, batches)` returns the average after so many
# batches, *without a loop over the batches*. `batches_needed(momentum, share)` returns the smallest whole
# number of batches after which no more than `share` of the average is still the start.
#
# For example, with momentum 0.9, start 0 and value 2, the average after 1, 2, 10 batches is 0.2, 0.38,
# 1.303. With momentum 0.99 it takes 69 batches until no more than half is start.


# %% solution="memory"
def remembered(start, value, momentum, batches):
    """Return the moving average after so many equal batches."""
    ### BEGIN SOLUTION
    return value + (start - value) * momentum**batches
    ### END SOLUTION


# %% solution="memory_2" task="memory"
def batches_needed(momentum, share):
    """Return after how many batches no more than so large a share of the average is the start."""
    ### BEGIN SOLUTION
    count = math.ceil(math.log(share) / math.log(momentum))
    while momentum**count > share:
        count += 1
    while count > 0 and momentum ** (count - 1) <= share:
        count -= 1
    return count
    ### END SOLUTION


# %% test="memory" points=2
exercise.check(
    "memory",
    lambda: [[remembered(0.0, 2.0, 0.9, k) for k in (0, 1, 2, 10)], batches_needed(0.99, 0.5)],
    each(
        ("the average after 0, 1, 2, 10 batches", [0, 0.2, 0.38, 1.302643], "Work out three steps by hand."),
        ("the number of batches", 69, "It is a whole number, and the smallest one that is enough."),
        atol=1e-5,
    ),
    hint="Look at the distance of the average from `value`. What does one batch do to it? And ten? "
    "For the number of batches, a logarithm brings the exponent down.",
)
### BEGIN HIDDEN TESTS
data = given("memory")
cases = [dict(zip(("start", "value", "momentum"), row, strict=True)) for row in data["cases"].tolist()]
emit(
    "memory",
    "averages",
    lambda: [remembered(**case, batches=k) for case, k in zip(cases, data["batches"].tolist(), strict=True)],
)
emit("memory", "needed", lambda: [batches_needed(m, s) for m, s in data["pairs"].tolist()])
emit("memory", "exactly", lambda: [batches_needed(0.5, 0.25), batches_needed(0.5, 0.125)])
### END HIDDEN TESTS


# %% judge="memory"
def inputs_memory(rng):
    """Return averages and momenta of all sizes."""
    cases = np.stack([rng.normal(0, 3, 8), rng.normal(0, 3, 8), rng.uniform(0.5, 0.999, 8)], axis=1)
    pairs = np.stack([rng.uniform(0.5, 0.999, 8), 10 ** rng.uniform(-3, -0.3, 8)], axis=1)
    return {"cases": cases, "batches": rng.integers(2, 30, 8), "pairs": pairs}, {}


def judge_memory(given, kept, answer):
    """Take every single step."""
    averages, needed = [], []
    for (average, value, momentum), batches in zip(given["cases"], given["batches"], strict=True):
        for _ in range(batches):
            average = momentum * average + (1 - momentum) * value
        averages.append(average)
    for momentum, share in given["pairs"]:
        left, count = 1.0, 0
        while left > share:
            left, count = left * momentum, count + 1
        needed.append(count)
    return [
        part(1, "the average", differs(answer["averages"], averages, rtol=1e-4, atol=1e-6)),
        part(0.75, "how many batches", differs(answer["needed"], needed)),
        part(0.25, "where a share is met exactly", differs(answer["exactly"], [2, 3])),
    ]


# %% [markdown]
# ## Task 4 · Fold it away (3 points)
#
# At inference a batch normalization is a multiplication and an addition with fixed numbers, and so is the
# layer before it. Two such steps are one. On a phone, where every operation counts, the normalization
# is therefore **folded** into the layer before.
#
# Write `fold(kernel, bias, gamma, beta, mean, variance, epsilon)`. The layer computes `x @ kernel + bias`,
# then comes the normalization with the moving averages, with no activation in between. Return `(kernel,
# bias)` of one layer that does both. A dense kernel has shape `(inputs, units)`, a convolution's `(height,
# width, channels, filters)`; `gamma` and the others have one number for each unit or filter. `bias` may be
# `None`: then the layer had none. The inputs themselves must not be changed.


# %% solution="fold"
def fold(kernel, bias, gamma, beta, mean, variance, epsilon):
    """Return the kernel and the bias of one layer that does what the layer and its normalization did."""
    ### BEGIN SOLUTION
    scale = gamma / np.sqrt(variance + epsilon)
    return kernel * scale, beta + ((0 if bias is None else bias) - mean) * scale
    ### END SOLUTION


# %% test="fold" points=3
small = np.random.default_rng(1)
norm_seen: dict = {"gamma": np.array([1.0, 2.0]), "beta": np.array([0.5, -1.0])}
norm_seen |= {"mean": np.array([3.0, 0.2]), "variance": np.array([4.0, 0.25]), "epsilon": 0.01}
dense_seen, filter_seen = small.normal(size=(3, 2)), small.normal(size=(3, 3, 1, 2))
images_seen, photo = small.normal(size=(6, 3)), small.normal(size=(1, 5, 5, 1))


def as_before(z):
    """What the normalization makes of the layer's output."""
    return (z - norm_seen["mean"]) / np.sqrt(norm_seen["variance"] + 0.01) * norm_seen["gamma"] + norm_seen[
        "beta"
    ]


def folded_dense(bias):
    """The answers of your one layer."""
    kernel, constant = fold(dense_seen.copy(), bias, **norm_seen)
    return images_seen @ kernel + constant


def folded_convolution():
    """The same with a convolution, by Keras."""
    kernel, constant = fold(filter_seen.copy(), np.array([1.0, -1.0]), **norm_seen)
    return np.array(keras.ops.conv(photo, kernel)) + constant


constant_seen = np.array([0.3, -0.7])
exercise.check(
    "fold",
    lambda: [folded_dense(constant_seen.copy()), folded_dense(None), folded_convolution()],
    each(
        (
            "the outputs of the dense layer",
            as_before(images_seen @ dense_seen + constant_seen),
            "Write down what the two layers do to x, one after the other, and sort: what is multiplied by x, "
            "and what is not?",
        ),
        ("the outputs without a bias", as_before(images_seen @ dense_seen), "None counts as zero."),
        (
            "the outputs of the convolution",
            as_before(np.array(keras.ops.conv(photo, filter_seen)) + np.array([1.0, -1.0])),
            "The filters are the last axis of the kernel, as the units are for a dense layer.",
        ),
        atol=1e-4,
    ),
    hint="One factor for each unit: gamma over the root of variance plus epsilon. It multiplies the "
    "kernel's column, the bias, and the mean that is subtracted.",
)
### BEGIN HIDDEN TESTS
data = given("fold")
settings = {name: data[name] for name in ("gamma", "beta", "mean", "variance", "epsilon")}
emit("fold", "dense", lambda: list(fold(data["kernel"], data["bias"], **settings)))
emit("fold", "none", lambda: list(fold(data["kernel"], None, **settings)))
emit("fold", "filters", lambda: list(fold(data["filters"], data["bias"], **settings)))
### END HIDDEN TESTS


# %% judge="fold"
def inputs_fold(rng):
    """Return kernels, and statistics far from 0 and 1."""
    data = {
        "kernel": rng.normal(size=(5, 4)),
        "filters": rng.normal(size=(3, 2, 3, 4)),
        "bias": rng.normal(size=4),
    }
    data |= {"gamma": rng.normal(1, 0.5, 4), "beta": rng.normal(size=4), "mean": rng.normal(0, 2, 4)}
    probes = {"inputs": rng.normal(size=(8, 5)), "patches": rng.normal(size=(8, 18))}
    return data | {"variance": rng.uniform(0.1, 5, 4), "epsilon": float(rng.uniform(0.02, 0.2))}, probes


def same_outputs(answer, given, kernel, bias, inputs):
    """Send inputs through both, and compare what comes out."""
    if isinstance(answer, Failed):
        return answer.words
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        return "two arrays were asked for: (kernel, bias)"
    folded, constant = numbers(answer[0], kernel.shape), numbers(answer[1], (4,))
    z = inputs @ kernel.reshape(-1, 4) + bias - given["mean"]
    expected = z * given["gamma"] * (given["variance"] + given["epsilon"]) ** -0.5 + given["beta"]
    right = np.allclose(inputs @ folded.reshape(-1, 4) + constant, expected, rtol=1e-3, atol=1e-3)
    return "" if right else "the one layer does not give the outputs of the two"


def judge_fold(given, kept, answer):
    """Compare outputs, not weights."""
    kernel, filters, bias = given["kernel"], given["filters"], given["bias"]
    inputs, patches = kept["inputs"], kept["patches"]
    return [
        part(1.5, "a dense layer", lambda: same_outputs(answer["dense"], given, kernel, bias, inputs)),
        part(0.5, "a layer without a bias", lambda: same_outputs(answer["none"], given, kernel, 0.0, inputs)),
        part(1, "a convolution", lambda: same_outputs(answer["filters"], given, filters, bias, patches)),
    ]


# %% [markdown]
# ## Task 5 · Which one was it? (2 points)
#
# Somebody has normalized the outputs of a convolution and has forgotten how. What you have are the
# normalized outputs `y`, of shape `(batch, height, width, channels)`. There was no $\gamma$, no $\beta$ and
# no $\epsilon$. Write `which(y)`; it returns one of
#
# - `"batch"`: each channel over all images and places;
# - `"layer"`: each image over all places and channels;
# - `"instance"`: each channel of each image over its places;
# - `"none"`: as the convolution left it.
#
# Each of the four kinds is worth half a point: if all of its outputs are found, and no other is called so.
#
# You need no formula, only measurements: a mean that was subtracted is gone. Numbers are computed in
# `float32`, so that "gone" means less than 0.001.


# %% solution="kinds"
def which(y):
    """Name the normalization that made y."""
    ### BEGIN SOLUTION
    for name, over in (("instance", (1, 2)), ("batch", (0, 1, 2)), ("layer", (1, 2, 3))):
        if np.abs(y.mean(axis=over)).max() < 1e-3:
            return name
    return "none"
    ### END SOLUTION


# %% test="kinds" points=2
def measured_outputs(over, seed=0):
    """Random filters' outputs, normalized over the given axes."""
    numbers = np.random.default_rng(seed)
    z = numbers.normal(numbers.normal(0, 2, (6, 1, 1, 4)) + numbers.normal(0, 2, 4), 1.5, (6, 5, 5, 4))
    if over:
        z = (z - z.mean(axis=over, keepdims=True)) / z.std(axis=over, keepdims=True)
    return z.astype("float32")


def is_called(kind):
    """Say where an output has another name."""
    return lambda name: (
        "" if name == kind else f"outputs that were normalized as {kind!r} were called {name!r}"
    )


exercise.check(
    "kinds",
    lambda: [which(measured_outputs(over)) for over in [(0, 1, 2), (1, 2, 3), (1, 2), ()]],
    each(
        ("", is_called("batch"), "Over which axes is the mean of each channel zero?"),
        ("", is_called("layer"), "Over which axes is the mean of each image zero?"),
        (
            "",
            is_called("instance"),
            "Where each channel of each image has mean zero, what are the means of all channels, and of all "
            "images? In which order do you ask?",
        ),
        ("", is_called("none"), "Not everything was normalized."),
    ),
    hint="Print y.mean(axis=...) for the three choices of axes. Look at every entry, not at their mean: "
    "entries of both signs may cancel.",
)
### BEGIN HIDDEN TESTS
data = given("kinds")
emit("kinds", "names", lambda: [str(which(y)) for y in data["outputs"]])
### END HIDDEN TESTS


# %% judge="kinds"
AXES = {"batch": (0, 1, 2), "layer": (1, 2, 3), "instance": (1, 2), "none": ()}


def inputs_kinds(rng):
    """Return twenty outputs, five of each kind, of several shapes; the whole is centered in each."""
    kinds = [str(kind) for kind in rng.permutation(np.repeat(list(AXES), 5))]
    outputs = []
    for kind in kinds:
        n, h, w, c = (int(size) for size in rng.integers(3, 7, 4))
        z = rng.normal(rng.normal(0, 2, (n, 1, 1, 1)) + rng.normal(0, 2, c), 1.5, (n, h, w, c))
        z = z - z.mean()  # so that the mean of everything gives nothing away
        if AXES[kind]:
            z = (z - z.mean(axis=AXES[kind], keepdims=True)) / z.std(axis=AXES[kind], keepdims=True)
        outputs.append(z.astype(np.float32))
    return {"outputs": outputs}, {"kinds": kinds}


def judge_kinds(given, kept, answer):
    """Count; whoever says the same of all earns nothing."""
    named = answer["names"]
    if isinstance(named, Failed):
        raise WrongAnswer(named.words)
    texts = isinstance(named, list) and all(isinstance(name, str) for name in named)
    if not texts or len(named) != len(kept["kinds"]):
        raise WrongAnswer("there is not one name for each output")
    named = [name.strip().lower() for name in named]
    parts = []
    for kind in AXES:
        found = [name for name, truth in zip(named, kept["kinds"], strict=True) if truth == kind]
        said_else = [name for name, truth in zip(named, kept["kinds"], strict=True) if truth != kind]
        right, wrong = found.count(kind), said_else.count(kind)
        problem = (
            "" if right == len(found) and not wrong else f"{right} of {len(found)} found, {wrong} too many"
        )
        parts.append(part(0.5, f"outputs of the kind {kind!r}", problem))
    return parts


# %% [markdown]
# ## Task 6 · Deep and narrow (4 points)
#
# Write `deep_network(x_train, y_train)`: it builds, trains and returns a network with **at least twelve
# hidden dense layers, none wider than 24 units, after each of them an activation that is not linear**. It
# reads the letters A to J. Images have shape `(n, 28, 28)` and values from 0 to 1, labels are numbers from 0
# to 9; the network gives ten logits or probabilities. **Train with what the function is given, and with
# nothing else**: grading gives it 5,000 letters.
#
# Each layer in between has at most 24 inputs and 24 units; there is no way around any of them, and each may
# weaken the signal. You know what helps: where it goes, which layers then need no bias, what it does to the
# learning rate, and that its averages need steps enough to grow up.
#
# **Your mark comes from letters that nobody has seen**, in fonts of their own. There is one point each for
# 50 %, 70 %, 80 % and 87 % right. The layers stand in one row. What counts is how many numbers leave a layer
# for one image: 24 units on each of 28 rows are 672, so flatten first. Allowed are `Input`, `Rescaling`,
# `Reshape`, `Flatten`, `Dense`, `Activation`, `ReLU`, `LeakyReLU`, `Softmax`, `BatchNormalization`, dropout,
# noise, and the random shifts and turns of images; no convolution and no pooling. The check below refuses
# networks that the grading would refuse. You have one minute of processor time; ten seconds are enough for
# full marks.

# %%
letters = datasets.glyphs()
cut = len(letters.x_train) - letters.validation
x_letters, y_letters = letters.x_train / np.float32(255), letters.y_train


# %% solution="deep"
def deep_network(x_train, y_train):
    """Return a trained network of twelve hidden layers of 24 units."""
    ### BEGIN SOLUTION
    epochs, batch_size = 10, 64
    network = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten()])
    for _ in range(12):
        network.add(keras.layers.Dense(24, use_bias=False))
        network.add(keras.layers.BatchNormalization(momentum=0.9))
        network.add(keras.layers.Activation("relu"))
    network.add(keras.layers.Dense(10))
    falling = keras.optimizers.schedules.CosineDecay(0.01, epochs * math.ceil(len(x_train) / batch_size))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(falling), loss=loss)
    network.fit(x_train, y_train, batch_size=batch_size, epochs=epochs, verbose=0)
    return network
    ### END SOLUTION


# %% test="deep" points=4
from lecture_utils.grading import inside, judging, networks  # noqa: F811


yours: dict = {}  # for the picture below


def reads_letters(model):
    """Say whether the grader can read a network, how deep it is, and how many letters it reads."""
    try:
        network = inside.export(model)
        right = networks.accuracy(network, x_letters[cut:], y_letters[cut:], allowed=networks.DENSE)
        networks.require_depth(network, (28, 28), least=12, units=24)
    except (TypeError, ValueError, judging.WrongAnswer) as error:
        return str(error)
    points = sum(right >= band for band in (0.5, 0.7, 0.8, 0.87))
    yours["network"] = model
    print(f"{right:.1%} of the validation letters right: about {points} of 4 points")
    return True if right > 0.7 else "it reads fewer than 70 % of the validation letters; it can do better"


def letters_read():
    """Train your network on the training letters."""
    training.set_seeds(0)
    return deep_network(x_letters[:cut], y_letters[:cut])


exercise.check(
    "deep",
    letters_read,
    reads_letters,
    hint="Watch the training loss with verbose=2. If it stays near 2.3, the signal dies on its way: "
    "what keeps it alive between two dense layers? If the training is good and the answers are not, the "
    "averages may be too young: count your steps.",
)
### BEGIN HIDDEN TESTS
from lecture_utils.grading.inside import export

data = given("deep")


def hidden_network():
    training.set_seeds(0)
    return export(deep_network(data["x"].astype("float32") / 255, data["y"]))


emit("deep", "network", hidden_network)
### END HIDDEN TESTS


# %% judge="deep"
BANDS = (0.5, 0.7, 0.8, 0.87)


def inputs_deep(rng):
    """Return letters to train; letters in other fonts stay outside."""
    data, kept = drawing.inputs(rng)
    return {"x": data["x_train"], "y": data["y_train"]}, kept


def judge_deep(given, kept, answer):
    """Measure the network and read the secret letters from the weights alone."""
    network = answer["network"]
    right = networks.accuracy(network, kept["x"], kept["y"], allowed=networks.DENSE)  # refuses what is none
    networks.require_depth(network, (28, 28), least=12, units=24)
    return [steps("letters that nobody has seen", right, BANDS)]


# %% [markdown]
# Does the normalization deserve the credit? Take it out of your network, and train again, at your rate and at
# a tenth of it; then give the layers He's initialization, too. Where a good start and a small rate bring a
# network just as far, say so: the lecture found two layers nearly as good without, and ten not. What leaves
# each dense layer of yours?


# %%
def show_depth():
    """The spread of what leaves each dense layer of your network, for the validation letters."""
    if "network" not in yours:
        raise NotImplementedError("the check above was not right yet")
    z, spreads = x_letters[cut:], []
    for layer in yours["network"].layers:
        z = layer(z, training=False)
        if isinstance(layer, keras.layers.Dense):
            spreads.append(float(np.std(z)))
    figure, axes = plt.subplots(figsize=(5.5, 2.8), layout="constrained")
    axes.plot(range(1, len(spreads) + 1), spreads, marker="o")
    axes.set(xlabel="dense layer", ylabel="spread of its outputs", ylim=(0, None))
    return figure


preview(
    show_depth,
    alt="The standard deviation of the outputs of each dense layer of your trained network, from the first "
    "to the last.",
)

# %% [markdown]
# ## What is done
#
# The visible checks of this notebook are a help, not the mark: the hidden ones use other inputs.

# %%
exercise.progress()
