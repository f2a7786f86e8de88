# %% [markdown]
# # Exercise 2 · Learning
#
# The lecture wrote one backward pass, for one network, and tested it. **Can you write them for any network,
# choose a loss that fits a question, train on a budget, and find the mistake in somebody else's gradient?**
# These are the four things that people who train networks for a living do all day.
#
# **How it works.** Each task asks for a function. Replace the line `raise NotImplementedError` by your code,
# then run the check below it. Only what stands in the answer cells is graded, with other inputs than the
# check uses. The tasks are independent of each other, and you may do them in any order. Your functions may
# use the cell that begins with `import matplotlib` and nothing else of this notebook: that is all there is
# when they are graded. Helpers of your own go into the answer cell, above the function. After a right answer,
# or three different tries, `exercise.solution("bakery")` shows ours. NumPy is all you need.
#
# **15 points. Time:** plan for two hours; the computing takes seconds. **Builds on:** lecture 2.

# %%
import matplotlib.pyplot as plt
import numpy as np

from lecture_utils import datasets, plots
from lecture_utils.checks import difference
from lecture_utils.exercises import Exercise, each, preview

exercise = Exercise("02_learning", graph=2, bakery=2, from_logits=3, backward=3, budget=3, diagnose=2)


def sigmoid(z):
    """Squeeze any real number into the interval from 0 to 1."""
    return 1 / (1 + np.exp(-z))


def finite_differences(loss, arrays, step=1e-5):
    """The gradient of loss() with respect to each of some arrays: nudge every number, and look."""
    gradients = [np.zeros_like(array) for array in arrays]
    for array, gradient in zip(arrays, gradients, strict=True):
        for index in np.ndindex(array.shape):
            original = array[index]
            array[index] = original + step
            above = loss()
            array[index] = original - step
            gradient[index] = (above - loss()) / (2 * step)
            array[index] = original
    return gradients


def network_values(kernels, biases, X):
    """The values of all layers of a network: ReLU in the hidden layers, softmax at the end.

    X: (n, inputs). Returns a list: X itself, the hidden values of each layer, the probabilities.
    """
    values = [X]
    for kernel, bias in zip(kernels[:-1], biases[:-1], strict=True):
        values.append(np.maximum(values[-1] @ kernel + bias, 0))
    scores = values[-1] @ kernels[-1] + biases[-1]
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return [*values, exponentials / exponentials.sum(axis=1, keepdims=True)]


# %% judge="*"
import numpy as np  # noqa: F811
import scipy.special

from lecture_utils.grading.inside import emit, given
from lecture_utils.grading.judging import Failed, WrongAnswer, differs, numbers, part


# %% [markdown]
# ## Task 1 · One more pencil graph (2 points)
#
# The lecture filled in one graph with a pencil. Here is another, with two things changed: the activation is
# tanh, and the loss asks for small weights, too (lecture 5 will say why one wants that).
#
# $$z = wx + b, \qquad a = \tanh z, \qquad L = \tfrac12(a-t)^2 + \tfrac12\lambda w^2.$$
#
# Look at $w$: two edges leave it, one into the sum and one straight into the loss. What comes back along the
# two is *added*. Go backwards with a pencil first, then write it down. Return the derivatives of $L$ as a
# dict with the keys `"a"`, `"z"`, `"w"`, `"x"`, `"b"`.
#
# **Example.** For $w=1$, $x=2$, $b=-1$, $t=1$, $\lambda=0.1$ the forward pass gives $z=1$ and $a=0.762$, so
# that the entry `"a"` is $-0.238$.


# %% solution="graph"
def graph_gradient(w, x, b, t, decay):
    """Return dL/da, dL/dz, dL/dw, dL/dx and dL/db as {"a": ..., "z": ..., "w": ..., "x": ..., "b": ...}.

    All arguments are numbers; decay is the lambda of the formula.
    """
    ### BEGIN SOLUTION
    a = np.tanh(w * x + b)
    d_a = a - t
    d_z = d_a * (1 - a**2)
    return {"a": d_a, "z": d_z, "w": d_z * x + decay * w, "x": d_z * w, "b": d_z}
    ### END SOLUTION


# %% test="graph" points=2
def graph_loss(w, x, b, t, decay):
    """The forward pass."""
    return (np.tanh(w * x + b) - t) ** 2 / 2 + decay * w**2 / 2


def nudged(which, step=1e-5, **numbers):
    """The derivative of the loss with respect to one of the numbers, from its definition."""
    above, below = dict(numbers), dict(numbers)
    above[which] += step
    below[which] -= step
    return (graph_loss(**above) - graph_loss(**below)) / (2 * step)


case = {"w": 1.0, "x": 2.0, "b": -1.0, "t": 1.0, "decay": 0.1}
keys = ["a", "z", "b", "x", "w"]


def entries(gradients):
    """The derivatives in the order of the keys."""
    if gradients is None:
        raise TypeError("graph_gradient returned None: is a return missing?")
    return [gradients[key] for key in keys]


exercise.check(
    "graph",
    lambda: entries(graph_gradient(**case)),
    each(
        (
            "the derivative dL/da",
            -0.238406,
            "It is the derivative of half a square: watch the sign, and what is left of the 2.",
        ),
        (
            "the derivative dL/dz",
            nudged("b", **case),
            "Multiply dL/da by the derivative of tanh, in terms of a (lecture 1.7).",
        ),
        ("the derivative dL/db", nudged("b", **case), "The derivative of wx + b with respect to b is 1."),
        ("the derivative dL/dx", nudged("x", **case), "The derivative of wx + b with respect to x is not x."),
        (
            "the derivative dL/dw",
            nudged("w", **case),
            "Two edges leave w, and what comes back along them is added.",
        ),
        rtol=1e-4,
    ),
    hint="Begin at the right with dL/dL = 1. Each node multiplies what arrives by its own local derivative.",
)
### BEGIN HIDDEN TESTS
data = given("graph")


def _entries(*keys):
    return [[graph_gradient(*numbers)[key] for key in keys] for numbers in data["cases"]]


emit("graph", "a and z", lambda: _entries("a", "z"))
emit("graph", "x and b", lambda: _entries("x", "b"))
emit("graph", "w", lambda: _entries("w"))
### END HIDDEN TESTS


# %% judge="graph"
def inputs_graph(rng):
    """Numbers of both signs; the pre-activations are moderate, so that no derivative is next to zero."""
    cases = []
    for _ in range(6):
        w, x = rng.uniform(0.5, 1.5, size=2) * rng.choice([-1, 1], size=2)
        cases.append([float(v) for v in (w, x, rng.normal() / 2, rng.normal(), rng.uniform(0.05, 1))])
    return {"cases": cases}, {}


def judge_graph(given, kept, answer):
    """Use the other form of the derivative of tanh, 1 / cosh^2."""

    def wrong(name, entries):
        right = []
        for w, x, b, t, decay in given["cases"]:
            z = w * x + b
            back = (np.tanh(z) - t) / np.cosh(z) ** 2
            known = {"a": np.tanh(z) - t, "z": back, "x": back * w, "b": back, "w": back * x + decay * w}
            right.append([known[entry] for entry in entries])
        return differs(answer[name], right)

    return [
        part(0.5, "the derivatives with respect to a and z", wrong("a and z", ["a", "z"])),
        part(0.5, "the derivatives with respect to x and b", wrong("x and b", ["x", "b"])),
        part(1, "the derivative with respect to w, which is used twice", wrong("w", ["w"])),
    ]


# %% [markdown]
# ## Task 2 · How many loaves? (2 points)
#
# A baker decides in the evening how many loaves to bake. A loaf too many costs `left` (flour and work), a
# customer who is sent away costs `short` (the profit, and perhaps the customer). She knows the demand of the
# past days. The mean demand? The median? The lecture said: *the loss says what to aim for*. So let us write
# down her loss. On a day with demand $y$, after baking $c$ loaves, she loses
#
# $$\text{left}\cdot(c-y)\ \text{ if } c > y, \qquad \text{short}\cdot(y-c)\ \text{ if } c \le y.$$
#
# **First function.** `bakery_loss(demand, baked, short, left)` returns the *mean* loss over the days, one
# number. With demand $(80, 100, 120)$ and 100 loaves, `short=4` and `left=1` the days cost 20, 0 and 80, and
# the answer is 33.3. If both prices are 1, this is the mean absolute error.
#
# **Second function.** `best_number(demand, short, left)` returns the number of loaves with the smallest mean
# loss on these days. Where several are equally good, any of them is right, and it need not be whole. A loss
# within 0.3 % of the smallest will do. You may search (with your first function, if you like), or think: with
# one loaf more, on how many days does she lose `left`, on how many does she save `short`? Where do the two
# balance?


# %% solution="bakery"
def bakery_loss(demand, baked, short, left):
    """Return the mean loss of baking so many loaves every day.

    demand: (days,) numbers; baked, short, left: numbers. Returns one number.
    """
    ### BEGIN SOLUTION
    too_many = np.asarray(baked - demand)
    return np.where(too_many > 0, left * too_many, -short * too_many).mean()
    ### END SOLUTION


# %% solution="bakery_2" task="bakery"
def best_number(demand, short, left):
    """Return the number of loaves whose mean loss on these days is smallest.

    demand: (days,) numbers; short, left: numbers larger than 0. Returns one number.
    """
    ### BEGIN SOLUTION
    return np.quantile(demand, short / (short + left), method="inverted_cdf")
    ### END SOLUTION


# %% test="bakery" points=2
three_days, five_days = np.array([80, 100, 120]), np.array([70, 80, 100, 110, 190])


def between(low, high):
    """Make a function that says whether a number of loaves costs at most 0.3 % more than the best one."""

    def problem(loaves):
        if loaves is None:
            return "best_number returned None: is a return missing?"
        if np.shape(loaves) != ():
            return f"best_number returned an array of shape {np.shape(loaves)}, not one number"
        return "" if low <= loaves <= high else "another number of loaves has a smaller mean loss"

    return problem


exercise.check(
    "bakery",
    lambda: [
        bakery_loss(three_days, 100, 4, 1),
        bakery_loss(three_days, 130, 4, 1),
        bakery_loss(three_days, 90, 4, 1),
        best_number(five_days, 1, 1),
        best_number(five_days, 3, 1),
        best_number(five_days, 1, 9),
    ],
    each(
        (
            "the loss of 100 loaves",
            100 / 3,
            "The text above works it out: the mean over the days, not their sum, not the loss of a mean day.",
        ),
        ("the loss of 130 loaves", 30, "Here too much is baked every day: which price applies?"),
        (
            "the loss of 90 loaves",
            170 / 3,
            "Two customers of three are sent away. No day may cost less than zero.",
        ),
        (
            "",
            between(99.55, 100.45),
            "Here both prices are the same. Then the loss is the absolute error. What did it aim for?",
        ),
        (
            "",
            between(109.68, 110.96),
            "Here a missing loaf costs three times a leftover. Bake so much that the demand exceeds it on a "
            "quarter of the days, not more.",
        ),
        (
            "",
            between(69.88, 70.12),
            "Here a leftover costs nine times a missing loaf. Did you mix up the two prices? (And the "
            "smallest loss is reached at one of the demands, not between two of them.)",
        ),
    ),
    hint="The slope of the mean loss is left times the share of days below c, minus short times the share "
    "above. The best c is where this changes its sign.",
)
### BEGIN HIDDEN TESTS
data = given("bakery")
emit("bakery", "losses", lambda: [bakery_loss(data["demand"], c, *data["prices"]) for c in data["baked"]])
emit("bakery", "one day", lambda: bakery_loss(data["one"], 100, *data["prices"]))
emit("bakery", "best", lambda: [best_number(data["demand"], *prices) for prices in data["all prices"]])
### END HIDDEN TESTS


# %% judge="bakery"
def inputs_bakery(rng):
    """Skewed demands, so that mean, median and quantiles are far apart."""
    return {
        "demand": np.round(60 + rng.gamma(2, 30, size=150)),
        "one": np.array([int(rng.integers(60, 95))]),
        "prices": [float(rng.uniform(3, 9)), float(rng.uniform(0.5, 2))],
        "baked": [80, 120.5, 40, 500],
        "all prices": [[float(rng.uniform(4, 12)), 1.0], [1.0, float(rng.uniform(4, 12))], [5, 1], [1, 3]],
    }, {}


def mean_loss(demand, baked, short, left):
    """Take the larger of the two lines: the right one is never below the other."""
    return np.maximum(left * (baked - demand), short * (demand - baked)).mean()


def judge_bakery(given, kept, answer):
    """Any number is best whose loss is: the smallest is reached at one of the demands."""
    losses = [mean_loss(given["demand"], baked, *given["prices"]) for baked in given["baked"]]
    one = mean_loss(given["one"], 100, *given["prices"])

    def not_best():
        baked = numbers(answer["best"], (4,))
        for c, prices in zip(baked, given["all prices"], strict=True):
            best = min(mean_loss(given["demand"], y, *prices) for y in given["demand"])
            if mean_loss(given["demand"], c, *prices) > 1.003 * best:
                kind = "a missing loaf" if prices[0] > prices[1] else "a leftover"
                return f"where {kind} is the dearer one, another number of loaves has a smaller mean loss"
        return ""

    return [
        part(0.5, "the mean loss of 150 days", differs(answer["losses"], losses)),
        part(0.5, "the loss of a single day", differs(answer["one day"], one, any_shape=True)),
        part(1, "the best number of loaves", not_best),
    ]


# %% [markdown]
# The mean loss over the number of loaves, for the five days, as your first function computes it; the dashed
# line is what your second one says. The demand of 190 on one single day hardly matters. What if it had been
# 1,900? (In machine learning this is the **pinball loss**. A network that is trained with it predicts a
# *quantile*, for instance the flood that is exceeded on one day in a hundred.)


# %%
def draw_bakery():
    """The mean loss over the number of loaves, for two pairs of prices."""
    loaves = np.linspace(50, 210, 321)
    prices = [(3, 1), (1, 9)]
    curves = [[bakery_loss(five_days, c, *pair) for c in loaves] for pair in prices]
    best = [best_number(five_days, *pair) for pair in prices]
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.9), layout="constrained")
    for panel, pair, curve, c in zip(axes, prices, curves, best, strict=True):
        panel.plot(loaves, curve)
        panel.axvline(c, linestyle="--", color=plots.PALETTE[1])
        panel.set(xlabel="loaves baked", ylabel="mean loss", title=f"missing {pair[0]}, leftover {pair[1]}")
    return figure


preview(
    draw_bakery,
    alt="The mean loss against the number of loaves for two pairs of prices, with a dashed line at the "
    "answer. In a right answer the curves are broken lines that bend upwards, and the dashed lines "
    "stand at their lowest points, at 110 and at 70.",
)

# %% [markdown]
# ## Task 3 · Cross-entropy from the logits (3 points)
#
# When a network is very sure, its probability is rounded to exactly 0 or 1, and even a right answer suffers
# from the logarithm (the last pitfall of 2.6). The lecture let Keras repair this with `from_logits=True`. How
# does Keras do it? With a logit $z$, a target $t$ and $p=\sigma(z)$, work out on paper that
#
# $$-t\log p-(1-t)\log(1-p) \;=\; \log(1+e^{z}) - tz.$$
#
# No logarithm of zero any more. But $e^{1000}$ overflows. For a positive $z$ take $e^{z}$ out of the bracket:
# $\log(1+e^z) = z + \log(1+e^{-z})$. For a negative one leave it as it is. Write both cases with one formula
# in $|z|$ and $\max(z,0)$. (`np.log1p(u)` is $\log(1+u)$, exact also for tiny $u$.)
#
# Clipping the probability to, say, $10^{-7}$ is no repair: at $z=-1000$ and $t=1$ the loss *is* 1000.
#
# Write `bce_from_logits(z, t)`, which returns two things: the **mean** loss over the examples, one number,
# and its **gradient** with respect to `z`, which has the shape of `z`. The targets may lie between 0 and 1
# (when people disagree about an example, say).
#
# **Example.** $z=0$, $t=1$ gives the loss $\log 2 = 0.693$ and the gradient $-0.5$.


# %% solution="from_logits"
def bce_from_logits(z, t):
    """Return the mean binary cross-entropy, and its gradient with respect to the logits.

    z: (n, 1) logits, any real numbers; t: (n, 1) targets from 0 to 1.
    Returns a number and an array (n, 1), without nan or infinity.
    """
    ### BEGIN SOLUTION
    small = np.exp(-np.abs(z))
    loss = np.mean(np.maximum(z, 0) - t * z + np.log1p(small))
    p = np.where(z >= 0, 1, small) / (1 + small)
    return loss, (p - t) / len(z)
    ### END SOLUTION


# %% test="from_logits" points=3
def column(*numbers):
    """An array of shape (n, 1)."""
    return np.array(numbers, dtype=float)[:, None]


def both(z, t):
    """The two things that `bce_from_logits` returns."""
    result = bce_from_logits(z, t)
    if result is None:
        raise TypeError("bce_from_logits returned None: is a return missing?")
    return result


some_z, some_t = column(0.5, -2.0, 1.5, 0.0), column(1, 0, 0, 0.25)

exercise.check(
    "from_logits",
    lambda: [
        both(column(0.0), column(1))[0],
        both(column(0.0), column(0))[0],
        both(column(0.0, 0.0), column(1, 0))[1],
        both(some_z, some_t),
        both(column(1000.0, -1000.0), column(1, 0)),
        both(column(-1000.0, 1000.0), column(1, 0)),
    ],
    each(
        (
            "the loss at z = 0 for the target 1",
            np.log(2),
            "The probability is one half. (Natural logarithm.)",
        ),
        (
            "the loss at z = 0 for the target 0",
            np.log(2),
            "Only targets of 1 seem to count. See the erratum in 2.6.",
        ),
        (
            "the gradient at z = (0, 0) for the targets 1 and 0",
            column(-0.25, 0.25),
            "For one example it is p - t (2.3). The loss is a mean over the examples, and so is its "
            "gradient.",
        ),
        (
            "the result for four examples",
            (0.7489, [[-0.0944], [0.0298], [0.2044], [0.0625]]),
            "Is each loss the one of the formula, also for a target of 0.25? Is it their mean?",
        ),
        (
            "the result for sure and right answers",
            (0, [[0], [0]]),
            "They cost nothing, and push nothing. Where does your formula meet exp(1000) or log(0)?",
        ),
        (
            "the result for sure and wrong answers",
            (1000, [[-0.5], [0.5]]),
            "The loss grows with |z| without end: a clipped probability cannot show that.",
        ),
        atol=1e-4,
    ),
    hint="Sketch log(1 + exp(z)): nearly z on the right, nearly 0 on the left. Which simple function does "
    "that? What is missing is a small correction that depends on |z| alone.",
)
### BEGIN HIDDEN TESTS
data = given("from_logits")
emit("from_logits", "loss", lambda: bce_from_logits(data["z"], data["t"])[0])
emit("from_logits", "gradient", lambda: bce_from_logits(data["z"], data["t"])[1])
emit("from_logits", "soft", lambda: bce_from_logits(data["z"], data["soft"]))
emit("from_logits", "right", lambda: bce_from_logits(data["sure"], data["right"]))
emit("from_logits", "wrong", lambda: bce_from_logits(data["sure"], 1 - data["right"]))
### END HIDDEN TESTS


# %% judge="from_logits"
def inputs_from_logits(rng):
    """Ordinary logits, and such as no probability can hold."""
    sure = rng.uniform(200, 3000, size=(6, 1)) * rng.permutation([1, 1, 1, -1, -1, -1])[:, None]
    return {
        "z": rng.normal(scale=2, size=(9, 1)),
        "t": rng.permutation(np.arange(9) % 2).astype(float)[:, None],
        "soft": rng.uniform(0.1, 0.9, size=(9, 1)),
        "sure": sure,
        "right": (sure > 0).astype(float),
    }, {}


def judge_from_logits(given, kept, answer):
    """Take logarithms of sigmoids from SciPy, and the gradient from p - t."""

    def right(z, t):
        loss = -np.mean(t * scipy.special.log_expit(z) + (1 - t) * scipy.special.log_expit(-z))
        return loss, (scipy.special.expit(z) - t) / len(z)

    loss, gradient = right(given["z"], given["t"])
    sure, truth = given["sure"], given["right"]
    mean = differs(answer["loss"], loss)
    surely = differs(answer["right"], right(sure, truth), atol=1e-7)
    return [
        part(0.5, "the mean loss", mean),
        part(1, "the gradient of the mean loss", differs(answer["gradient"], gradient)),
        part(0.5, "targets between 0 and 1", differs(answer["soft"], right(given["z"], given["soft"]))),
        part(0.5, "very sure, and right", surely or (mean and "counts when the mean loss is right")),
        part(0.5, "very sure, and wrong", differs(answer["wrong"], right(sure, 1 - truth))),
    ]


# %% [markdown]
# The loss over the logit, for an example of class 1: your function, and the one that goes through the
# probability.


# %%
def draw_losses():
    """The loss for the target 1 over the logit, in two ways."""
    logits = np.linspace(-60, 60, 241)
    yours = [bce_from_logits(column(z), column(1))[0] for z in logits]
    with np.errstate(all="ignore"):
        p = sigmoid(logits)
        obvious = -(np.log(p) + 0 * np.log(1 - p))
    figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    axes.plot(logits, yours, label="from the logit")
    axes.plot(logits, obvious, "--", label="from the probability")
    axes.set(xlabel="logit z (the target is 1)", ylabel="cross-entropy")
    axes.legend()
    return figure


preview(
    draw_losses,
    alt="The loss against the logit from -60 to 60: a straight line down to zero, then zero. The loss that "
    "was computed from the probability ends at a logit near 37, where it becomes not a number; in a "
    "right answer the other goes on.",
)

# %% [markdown]
# The dashed line stops on the right, among the *right* answers: there $1-p$ is rounded to zero, and
# $0\cdot\log 0$ is not a number.

# %% [markdown]
# ## Task 4 · Backward through any network (3 points)
#
# The lecture's `backward` had seven lines for a 2-8-1 network. A network of $k$ layers would need more, and
# nobody writes them out: the same three lines are repeated for each layer, from the last to the first. Write
# the backward pass for a network with **any number of layers**, ReLU in the hidden layers, softmax and
# cross-entropy at the end. The forward pass is given: `network_values(kernels, biases, X)` in the cell that
# begins with `import matplotlib` returns a list with `X`, the values of every hidden layer, and the
# probabilities `(n, classes)`.
#
# The loss is the mean over the examples of minus the logarithm of the probability of the right class;
# `labels` holds the right classes as whole numbers, shape `(n,)`. You know from 2.3 what flows back into the
# last pre-activation: the probabilities minus the truth as one-hot rows (and the loss is a mean). From there,
# for each layer:
#
# - the gradient of its kernel, from what came in and what flows back;
# - the gradient of its bias;
# - what flows on to the layer below: through the kernel, and then through the ReLU, which passes on
#   everything where it was positive, and nothing where it was not.
#
# Return two lists, the gradients of the kernels and the gradients of the biases, each in the order of the
# layers and each array in the shape of the thing itself. A network may also have *no* hidden layer.


# %% solution="backward"
def backward(kernels, biases, X, labels):
    """Return the gradients of the mean cross-entropy with respect to kernels and biases, as two lists.

    kernels: list of (inputs, units), biases: list of (units,), X: (n, inputs), labels: (n,) whole numbers.
    """
    ### BEGIN SOLUTION
    values = network_values(kernels, biases, X)
    d_z = (values[-1] - np.eye(values[-1].shape[1])[labels]) / len(X)
    kernel_gradients, bias_gradients = [], []
    for kernel, incoming in zip(kernels[::-1], values[-2::-1], strict=True):
        kernel_gradients.append(incoming.T @ d_z)
        bias_gradients.append(d_z.sum(axis=0))
        d_z = (d_z @ kernel.T) * (incoming > 0)
    return kernel_gradients[::-1], bias_gradients[::-1]
    ### END SOLUTION


# %% test="backward" points=3
def random_network(*sizes, seed=0):
    """Kernels and biases of a network with so many inputs, hidden units and classes."""
    rng = np.random.default_rng(seed)
    layers = range(1, len(sizes))
    kernels = [rng.normal(size=(sizes[layer - 1], sizes[layer])) for layer in layers]
    return kernels, [rng.normal(size=sizes[layer]) / 4 for layer in layers]


def both_ways(*sizes, n=7):
    """Your gradients and the finite differences, for a random network."""
    kernels, biases = random_network(*sizes)
    rng = np.random.default_rng(1)
    X, labels = rng.normal(size=(n, sizes[0])), rng.integers(sizes[-1], size=n)
    yours = backward(kernels, biases, X, labels)
    if yours is None:
        raise TypeError("backward returned None: is a return missing?")

    def loss():
        return -np.log(network_values(kernels, biases, X)[-1][np.arange(n), labels]).mean()

    return yours, finite_differences(loss, kernels), finite_differences(loss, biases)


def unlike(results):
    """Say which of your gradients is not what the finite differences measure."""
    (your_kernels, your_biases), kernels, biases = results
    last = len(kernels) - 1
    for kind, yours, measured in [("kernel", your_kernels, kernels), ("bias", your_biases, biases)]:
        if len(yours) != len(measured):
            return f"there are {len(yours)} {kind} gradients for {len(measured)} layers"
        for layer in range(last, -1, -1):
            name = f"the gradient of {kind} {layer} (of {last + 1})"
            problem = difference(yours[layer], measured[layer], 1e-4, 1e-7, name)
            if problem:
                return problem
    return ""


exercise.check(
    "backward",
    lambda: [both_ways(3, 4, n=1), both_ways(3, 4), both_ways(3, 5, 4), both_ways(2, 6, 5, 4, 3)],
    each(
        (
            "",
            unlike,
            "This is a softmax on the inputs alone, with one example. One-hot has a 1 at the right class.",
        ),
        ("", unlike, "With one example it was right, with seven it is not: the loss is a mean over them."),
        ("", unlike, "Kernels are counted from 0, from below. What does the ReLU do to what flows back?"),
        (
            "",
            unlike,
            "Three hidden layers are one hidden layer, repeated: which line is not repeated rightly?",
        ),
    ),
    hint="A gradient has the shape of the thing itself; that settles which matrix stands left, and which is "
    "transposed. Collect from the last layer to the first, and turn the lists around at the end.",
)
### BEGIN HIDDEN TESTS
data = given("backward")


def _gradients(name):
    network = data[name]
    return backward(network["kernels"], network["biases"], network["X"], network["labels"])


emit("backward", "none", lambda: _gradients("none"))
emit("backward", "one", lambda: _gradients("one"))
emit("backward", "three", lambda: _gradients("three"))
emit("backward", "single", lambda: _gradients("single"))
### END HIDDEN TESTS


# %% judge="backward"
def inputs_backward(rng):
    """Networks with no, one and three hidden layers; the last one sees a single example."""

    def network(sizes, n):
        return {
            "kernels": [rng.normal(size=sizes[i : i + 2]) for i in range(len(sizes) - 1)],
            "biases": [rng.normal(scale=0.25, size=units) for units in sizes[1:]],
            "X": rng.normal(size=(n, sizes[0])),
            "labels": rng.integers(sizes[-1], size=n),
        }

    return {
        "none": network([4, 3], 6),
        "one": network([3, 7, 4], 9),
        "three": network([2, 6, 5, 7, 3], 8),
        "single": network([3, 6, 5, 2], 1),
    }, {}


def by_complex_steps(kernels, biases, X, labels):
    """Nudge each parameter along the imaginary axis: derivatives without rounding, from the forward pass."""

    def loss():
        values = X
        for kernel, bias in zip(kernels[:-1], biases[:-1], strict=True):
            z = values @ kernel + bias
            values = z * (z.real > 0)
        scores = values @ kernels[-1] + biases[-1]
        return np.mean(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(X)), labels])

    kernels, biases = ([array.astype(complex) for array in arrays] for arrays in (kernels, biases))
    gradients = [np.zeros(array.shape) for array in [*kernels, *biases]]
    for array, gradient in zip([*kernels, *biases], gradients, strict=True):
        for index in np.ndindex(array.shape):
            array[index] += 1e-30j
            gradient[index] = loss().imag / 1e-30
            array[index] -= 1e-30j
    return gradients[: len(kernels)], gradients[len(kernels) :]


def judge_backward(given, kept, answer):
    """Compare with derivatives that need no backward pass."""

    def wrong(name):
        return differs(answer[name], by_complex_steps(**given[name]), rtol=1e-4, atol=1e-9)

    return [
        part(0.5, "no hidden layer", wrong("none")),
        part(1, "one hidden layer", wrong("one")),
        part(1, "three hidden layers", wrong("three")),
        part(0.5, "two hidden layers and a single example", wrong("single")),
    ]


# %% [markdown]
# ## Task 5 · Training on a budget (3 points)
#
# The lecture took 300 passes through 400 examples. Somebody pays for that. Here you get the network (2-8-1,
# as in the lecture), its starting values, and a function `gradient(parameters, rows)`, which returns the four
# gradients $[dW_1, db_1, dW_2, db_2]$ of the mean loss over the examples with these row numbers. **Every row
# costs one unit of the budget, each time that you ask for it.** The budget is 6,000 for 400 examples, 15
# passes; when it is used up, `gradient` raises an error. You never see the examples themselves.
#
# Write `learn(gradient, start, n, budget, rng)`: train from `start`, a list of four arrays (leave them as
# they are, someone else may start from them, too), on `n` examples, and return the four trained arrays. The
# rows are *sorted*: first all examples of class 0, then all of class 1. `rng` is a NumPy generator for what
# must be random.
#
# You choose the batch size and the learning rate (it need not stay the same). The lecture's 16 and 0.1 are
# too slow, as you will see. Remember 2.7: sixty-four times the work makes the estimate eight times better. Is
# a full batch a good buy?
#
# The trained networks are judged on new points, on the rings and on the moons, each time from three starts;
# the middle one of the three shares counts, because one unlucky start shall not decide. 95 % right is asked
# for on the rings, 92 % on the moons.


# %% solution="budget"
def learn(gradient, start, n, budget, rng):
    """Train a 2-8-1 network with at most so many example gradients, and return its four arrays.

    gradient: function of (parameters, rows); start: [W1, b1, W2, b2]; n: number of examples.
    """
    ### BEGIN SOLUTION
    parameters = [array.copy() for array in start]
    passes, batch_size = budget // n, 4
    for done in range(passes):
        learning_rate = 0.5 * (1 - done / passes)  # large steps first, small ones at the end
        order = rng.permutation(n)
        for first in range(0, n, batch_size):
            rows = order[first : first + batch_size]
            for array, slope in zip(parameters, gradient(parameters, rows), strict=True):
                array -= learning_rate * slope
    return parameters
    ### END SOLUTION


# %% test="budget" points=3
def initial_parameters(seed):
    """The starting values of the lecture's 2-8-1 network."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(2, 8)), np.zeros(8), rng.normal(size=(8, 1)) / np.sqrt(8), np.zeros(1)]


def probabilities(parameters, x):
    """The forward pass of the lecture, shape (n, 1)."""
    W1, b1, W2, b2 = parameters
    return sigmoid(np.tanh(x @ W1 + b1) @ W2 + b2)


def counted_gradient(x, y, budget=6000):
    """A function that returns gradients until the budget is used up."""
    left = budget

    def gradient(parameters, rows):
        nonlocal left
        rows = np.atleast_1d(rows)
        left -= len(rows)
        if left < 0:
            raise ValueError(f"the budget of {budget} example gradients is used up")
        _, _, W2, _ = parameters
        hidden = np.tanh(x[rows] @ parameters[0] + parameters[1])
        d_z2 = (probabilities(parameters, x[rows]) - y[rows, None]) / len(rows)
        d_z1 = (d_z2 @ W2.T) * (1 - hidden**2)
        return [x[rows].T @ d_z1, d_z1.sum(axis=0), hidden.T @ d_z2, d_z2.sum(axis=0)]

    return gradient


def trained_on(points, seed):
    """What your function makes of some points, and whether the starting values were changed."""
    order = np.argsort(points.y, kind="stable")
    start = initial_parameters(seed)
    gradient = counted_gradient(points.x[order].astype(float), points.y[order])
    trained = learn(gradient, start, len(order), 6000, np.random.default_rng(seed))
    if trained is None:
        raise TypeError("learn returned None: is a return missing?")
    return trained, difference(start, initial_parameters(seed))


def good_training(name, new, floor):
    """Make a check of networks that were trained from three starts, on new points."""

    def problem(results):
        shares = []
        for parameters, start_changed in results:
            if [np.shape(array) for array in parameters] != [(2, 8), (8,), (8, 1), (1,)]:
                return "the shapes of the four arrays are not those of the start"
            if start_changed:
                return "the arrays in start have been changed: -= works in place"
            shares.append(np.mean((probabilities(parameters, new.x)[:, 0] > 0.5) == new.y))
        if np.median(shares) >= floor:
            return ""
        first, second, third = shares
        return (
            f"on the {name} the three networks get {first:.0%}, {second:.0%} and {third:.0%} of the new "
            "points right. Around 50 %: do you step downhill, does each batch hold both classes, and do you "
            "return what you have trained? In between: it is on its way, and the budget is used up. More "
            "steps, or larger ones: what does each cost?"
        )

    return problem


rings, moons = datasets.rings(seed=0), datasets.moons(noise=0.15, seed=0)
new_rings, new_moons = datasets.rings(seed=1), datasets.moons(noise=0.15, seed=1)
exercise.check(
    "budget",
    lambda: [[trained_on(points, seed) for seed in range(3)] for points in [rings, moons]],
    each(
        ("", good_training("rings", new_rings, 0.95), ""),
        ("", good_training("moons", new_moons, 0.92), ""),
    ),
    hint="The training loop stands in 2.6, with a batch size and a learning rate for the patient. Copy the "
    "arrays before you change them, draw a new order for each pass, and try a few values.",
)
### BEGIN HIDDEN TESTS
data = given("budget")


def _counted(x, y, left):
    def gradient(parameters, rows):
        nonlocal left
        rows = np.atleast_1d(rows)
        left -= len(rows)
        if left < 0:
            raise ValueError("the budget of 6000 example gradients is used up")
        W1, b1, W2, b2 = parameters
        hidden = np.tanh(x[rows] @ W1 + b1)
        d_z2 = (1 / (1 + np.exp(-(hidden @ W2 + b2))) - y[rows][:, None]) / len(rows)
        d_z1 = (d_z2 @ W2.T) * (1 - hidden**2)
        return [x[rows].T @ d_z1, d_z1.sum(axis=0), hidden.T @ d_z2, d_z2.sum(axis=0)]

    return gradient


def _learn(name, start, i):
    gradient = _counted(data[name + " x"], data[name + " y"], 6000)
    return learn(gradient, start, 400, 6000, np.random.default_rng([data["seed"], i]))


def _start(name, i):
    return [np.array(array) for array in data[name + " starts"][i]]


def _start_afterwards():
    start = _start("rings", 0)
    _learn("rings", start, 0)
    return start


emit("budget", "rings", lambda: [_learn("rings", _start("rings", i), i) for i in range(3)])
emit("budget", "moons", lambda: [_learn("moons", _start("moons", i), i) for i in range(3)])
emit("budget", "start", _start_afterwards)
### END HIDDEN TESTS


# %% judge="budget"
def ring_points(rng, n):
    """Points of two circles of radius 1 (class 0) and 0.4 (class 1), sorted by class."""
    y = np.arange(n) * 2 // n
    angle = rng.uniform(0, 2 * np.pi, size=n)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.where(y == 1, 0.4, 1.0)[:, None] * circle + rng.normal(scale=0.08, size=(n, 2)), y


def moon_points(rng, n):
    """Points of two half circles that reach into each other, sorted by class."""
    y = np.arange(n) * 2 // n
    angle = rng.uniform(0, np.pi, size=n)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.where(y[:, None] == 0, upper, [1, 0.5] - upper) + rng.normal(scale=0.15, size=(n, 2)), y


def random_start(rng):
    """The lecture's way to draw a 2-8-1 network."""
    W1 = rng.normal(size=(2, 8))
    W2 = rng.normal(scale=8**-0.5, size=(8, 1))
    return [W1, np.zeros(8), W2, np.zeros(1)]


def inputs_budget(rng):
    """Training points and starting values enter the sandbox; the points that count do not."""
    given: dict = {"seed": int(rng.integers(2**31))}
    kept: dict = {}
    for name, points in [("rings", ring_points), ("moons", moon_points)]:
        given[name + " x"], given[name + " y"] = points(rng, 400)
        kept[name] = points(rng, 1000)
        given[name + " starts"] = [random_start(rng) for _ in range(3)]
    return given, kept


# Medians of three starts. The solution, 80 seeds: rings .993 to 1, moons .963 to .993. A constant rate that
# is good (4 and 0.3, 4 and 0.5, 16 and 1, 1 and 0.1), 15 to 40 seeds each: rings .988 and more, moons .962
# and more. The lecture's 16 and 0.1, 40 seeds: rings .81 to .91, moons .85 to .90.
def judge_budget(given, kept, answer):
    """Compute the network's answers from its weights, here."""

    def share(name):
        networks = answer[name]
        if isinstance(networks, Failed):
            raise WrongAnswer(networks.words)
        if not isinstance(networks, list | tuple) or len(networks) != 3:
            raise WrongAnswer("four arrays were asked for: W1, b1, W2, b2")
        x, y = kept[name]
        shares = []
        for trained in networks:
            if not isinstance(trained, list | tuple) or len(trained) != 4:
                raise WrongAnswer("four arrays were asked for: W1, b1, W2, b2")
            shapes = [(2, 8), (8,), (8, 1), (1,)]
            W1, b1, W2, b2 = (numbers(array, shape) for array, shape in zip(trained, shapes, strict=True))
            shares.append(np.mean(((np.tanh(x @ W1 + b1) @ W2 + b2)[:, 0] > 0) == y))
        return np.median(shares)

    def too_few(name, floor):
        right = share(name)
        return "" if right >= floor else f"{right:.1%} of them are right; {floor:.0%} was asked for"

    def changed():
        if share("rings") < 0.7:
            return "counts when something has been learned"
        problem = differs(answer["start"], given["rings starts"][0])
        return "your function changed the arrays that it was to start from" if problem else ""

    return [
        part(1.5, "new points of the rings", lambda: too_few("rings", 0.95)),
        part(1, "new points of the moons", lambda: too_few("moons", 0.92)),
        part(0.5, "leaves the start as it is", changed),
    ]


# %% [markdown]
# What your network has learned from 6,000 looks at an example:


# %%
def draw_budget():
    """The regions of the two trained networks."""
    trained = [(points, trained_on(points, 1)[0]) for points in [rings, moons]]
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    for panel, (points, parameters) in zip(axes, trained, strict=True):
        predict = lambda x, parameters=parameters: probabilities(parameters, x)  # noqa: E731
        plots.decision_regions(predict, points.x, points.y, axes=panel)
    return figure


preview(
    draw_budget,
    alt="The rings and the moons with the regions of the trained networks. In a right answer a closed curve "
    "surrounds the inner ring, and a curve winds between the two moons.",
)

# %% [markdown]
# ## Task 6 · Somebody else's gradient (2 points)
#
# A colleague has written a backward pass for the lecture's 2-8-1 network (tanh, sigmoid, binary
# cross-entropy). You do not see the code. You see two lists of four arrays, for $W_1, b_1, W_2, b_2$: the
# gradients that the code computed, and those that finite differences measured, on the same $n$ examples. The
# code has **at most one** of these mistakes:
#
# | answer | what happened |
# |---|---|
# | `"right"` | nothing: the two agree, as far as finite differences can tell |
# | `"sign"` | it used $t-p$ in place of $p-t$ |
# | `"mean"` | it forgot to divide by $n$ |
# | `"tanh"` | it forgot the derivative of tanh |
# | `"bias"` | it averaged the bias gradients over the rows where it should have summed them |
#
# Each leaves its own fingerprint. Here are five gradients, one of each kind, in no particular order: each
# number of the code against the measured one. Find out which is which before you write anything.


# %%
mistakes = ["right", "sign", "mean", "tanh", "bias"]


def somebodys_gradients(mistake, seed=0, n=12):
    """Gradients of a 2-8-1 network with a mistake, the measured ones, and n."""
    rng = np.random.default_rng(seed)
    W1, b1, W2, b2 = parameters = [rng.normal(size=shape) / 2 for shape in [(2, 8), (8,), (8, 1), (1,)]]
    x, t = rng.normal(size=(n, 2)), rng.integers(2, size=(n, 1))

    def loss():
        p = sigmoid(np.tanh(x @ W1 + b1) @ W2 + b2)
        return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))

    hidden = np.tanh(x @ W1 + b1)
    d_z2 = (sigmoid(hidden @ W2 + b2) - t) * (-1 if mistake == "sign" else 1)
    d_z2 = d_z2 if mistake == "mean" else d_z2 / n
    d_z1 = d_z2 @ W2.T if mistake == "tanh" else (d_z2 @ W2.T) * (1 - hidden**2)
    over_rows = np.mean if mistake == "bias" else np.sum
    computed = [x.T @ d_z1, over_rows(d_z1, axis=0), hidden.T @ d_z2, over_rows(d_z2, axis=0)]
    return computed, finite_differences(loss, parameters), n


def draw_fingerprints():
    """Computed against measured gradients, for each of the five kinds."""
    figure, axes = plt.subplots(1, 5, figsize=(13, 2.8), layout="constrained")
    in_some_order = np.random.default_rng(4).permutation(mistakes)
    for panel, letter, kind in zip(axes, "ABCDE", in_some_order, strict=True):
        computed, measured, _ = somebodys_gradients(kind)
        for name, ours, theirs, marker in zip(
            ["W1", "b1", "W2", "b2"], measured, computed, "osD^", strict=True
        ):
            panel.plot(ours.ravel(), theirs.ravel(), marker, markersize=4, label=name)
        panel.axline((0, 0), slope=1, color="0.6", linewidth=0.8)
        panel.set(title=letter, xlabel="measured", ylabel="computed")
    axes[0].legend(fontsize="small")
    return figure


plots.show(
    draw_fingerprints(),
    alt="Five panels, A to E, each with the numbers of a computed gradient against the measured ones, "
    "marked by the array to which they belong, and the line on which both are equal. In one panel all "
    "numbers are on the line; in the others all or some of them are off it, each time in another way.",
)

# %% [markdown]
# Write `diagnose(computed, measured, n)`, which returns one of the five words. Finite differences are right
# to about ten decimal places, so that small numbers have fewer right digits, and $n$ differs from case to
# case (it is at least 4). The mark counts for each word whether you give it in exactly the cases where it
# belongs; to say the same word always is worth nothing.


# %% solution="diagnose"
def diagnose(computed, measured, n):
    """Return "right", "sign", "mean", "tanh" or "bias".

    computed, measured: lists of four arrays, the gradients of W1, b1, W2, b2; n: number of examples.
    """
    ### BEGIN SOLUTION

    def equal(factor, arrays):
        return all(np.allclose(computed[i], factor * measured[i], rtol=1e-4, atol=1e-7) for i in arrays)

    if equal(1, [0, 1, 2, 3]):
        return "right"
    if equal(-1, [0, 1, 2, 3]):
        return "sign"
    if equal(n, [0, 1, 2, 3]):
        return "mean"
    return "tanh" if equal(1, [2, 3]) else "bias"
    ### END SOLUTION


# %% test="diagnose" points=2
def misjudged(answers):
    """Say which of the cases got another word."""
    for word, answer in zip(mistakes * 3, answers, strict=True):
        if answer is None:
            return "diagnose returned None: is a return missing?"
        if answer not in mistakes:
            return f"the answer {answer!r} is none of the five words"
        if answer != word:
            which = "without a mistake" if word == "right" else "with another mistake"
            return f'a gradient {"with a mistake" if answer == "right" else which} was called "{answer}"'
    return True


exercise.check(
    "diagnose",
    lambda: [
        diagnose(*somebodys_gradients(word, seed, 4 + 9 * seed)) for seed in range(3) for word in mistakes
    ],
    misjudged,
    hint="Which of the four arrays are affected, and is the ratio of computed to measured the same number "
    "everywhere? Two of the mistakes change all four arrays, by a factor that you know. Compare with a "
    "tolerance.",
)
### BEGIN HIDDEN TESTS
data = given("diagnose")


def _word(case):
    computed, measured = ([np.array(array) for array in case[kind]] for kind in ("computed", "measured"))
    return diagnose(computed, measured, case["n"])


emit("diagnose", "words", lambda: [_word(case) for case in data["cases"]])
### END HIDDEN TESTS


# %% judge="diagnose"
def inputs_diagnose(rng):
    """Four cases of each kind, in random order; the kinds stay outside.

    No entry is next to zero: finite differences have an absolute error, of up to 1e-10.
    """
    kinds = rng.permutation(np.repeat(["right", "sign", "mean", "tanh", "bias"], 4)).tolist()
    cases = []
    for kind in kinds:
        smallest = 0.0
        while smallest < 1e-3:
            n = int(rng.integers(4, 41))
            parameters = [rng.normal(scale=0.5, size=shape) for shape in [(2, 8), (8,), (8, 1), (1,)]]
            x, t = rng.normal(size=(n, 2)), rng.integers(2, size=(n, 1))
            right = by_formula(parameters, x, t, "right")
            smallest = min(np.abs(array).min() for array in right)

        def loss(parameters=parameters, x=x, t=t):
            W1, b1, W2, b2 = parameters
            z = np.tanh(x @ W1 + b1) @ W2 + b2
            return np.mean(np.logaddexp(0, z) - t * z)

        measured = []
        for array in parameters:
            slopes = np.zeros(array.shape)
            for index in np.ndindex(array.shape):
                before = array[index]
                array[index] = before + 1e-5
                slopes[index] = loss()
                array[index] = before - 1e-5
                slopes[index] = (slopes[index] - loss()) / 2e-5
                array[index] = before
            measured.append(slopes)
        cases.append({"computed": by_formula(parameters, x, t, kind), "measured": measured, "n": n})
    return {"cases": cases}, {"kinds": kinds}


def by_formula(parameters, x, t, kind):
    """The gradients of a backward pass with one of the mistakes."""
    W1, b1, W2, b2 = parameters
    hidden = np.tanh(x @ W1 + b1)
    error = (scipy.special.expit(hidden @ W2 + b2) - t) / len(x)
    back = error @ W2.T if kind == "tanh" else error @ W2.T / np.cosh(x @ W1 + b1) ** 2
    computed = [x.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)]
    if kind == "bias":
        computed = [array / len(x) if i in (1, 3) else array for i, array in enumerate(computed)]
    factor = {"sign": -1, "mean": len(x)}.get(kind, 1)
    return [factor * array for array in computed]


def judge_diagnose(given, kept, answer):
    """A word is right when it was given in all cases where it belongs, and in no other."""
    meanings = {
        "right": "gradients without a mistake",
        "sign": "gradients with the wrong sign",
        "mean": "gradients of the sum in place of the mean",
        "tanh": "gradients without the derivative of tanh",
        "bias": "gradients with averaged biases",
    }
    words = answer["words"]
    if isinstance(words, Failed):
        raise WrongAnswer(words.words)
    if not isinstance(words, list | tuple) or not all(
        isinstance(word, str) and word in meanings for word in words
    ):
        raise WrongAnswer("an answer is none of the five words")
    parts = []
    for word, what in meanings.items():
        said = [i for i, other in enumerate(words) if other == word]
        true = [i for i, kind in enumerate(kept["kinds"]) if kind == word]
        missed, extra = len(set(true) - set(said)), len(set(said) - set(true))
        problem = f"{missed} of {len(true)} were not recognized, {extra} others were taken for one"
        parts.append(part(0.4, what, problem if missed or extra else ""))
    return parts


# %% [markdown]
# That is how a wrong gradient is found in practice: not by staring at the code, but by measuring, and by
# asking which mistake would leave *this* trace.
#
# ## How far are you?

# %%
exercise.progress()
