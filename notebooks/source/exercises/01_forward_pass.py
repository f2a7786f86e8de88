# %% [markdown]
# # Exercise 1 · The forward pass
#
# In the lecture you watched numbers flow through networks. Now the networks are yours: **what can you make
# them compute, and what does it cost?** You will send a batch through a network with a shortcut, take a
# logarithm where the obvious way ends in minus infinity, teach the last layer of a network whose hidden layer
# nobody trained, choose weights by hand, and predict the price of a precision that no one can measure.
#
# **How it works.** Each task asks for a function. Replace the line `raise NotImplementedError` by your code,
# then run the check below it. Only what stands in the answer cells is graded, with other inputs than the
# check uses. The tasks are independent of each other, and you may do them in any order. Your functions may
# use the cell that begins with `import matplotlib` and nothing else of this notebook: that is all there is
# when they are graded. Helpers of your own go into the answer cell, above the function. After a right answer,
# or three different tries, `exercise.solution("parity")` shows ours.
#
# **15 points. Time:** plan for 90 minutes; the computing takes seconds. **Builds on:** lecture 1.

# %%
import matplotlib.pyplot as plt
import numpy as np

from lecture_utils import datasets, plots
from lecture_utils.exercises import Exercise, each, preview

exercise = Exercise(
    "01_forward_pass", parameters=1, graph=3, log_softmax=3, random_layer=3, parity=3, price=2
)


def sigmoid(z):
    """Squeeze any real number into the interval from 0 to 1."""
    return 1 / (1 + np.exp(-z))


def relu(z):
    """Let positive numbers pass, and make the others zero."""
    return np.maximum(z, 0)


# %% judge="*"
import numpy as np  # noqa: F811
import scipy.special

from lecture_utils.grading.inside import emit, given
from lecture_utils.grading.judging import Failed, WrongAnswer, differs, numbers, part


def vector(answer, size):
    """Return numbers of shape (size,), (size, 1) or (1, size) as (size,)."""
    for shape in [(size, 1), (1, size)]:
        try:
            return numbers(answer, shape).reshape(size)
        except WrongAnswer:
            continue
    return numbers(answer, (size,))


def number(answer):
    """Return one number, also where it stands in an array of its own."""
    for shape in [(1,), (1, 1)]:
        try:
            return float(numbers(answer, shape).reshape(()))
        except WrongAnswer:
            continue
    return float(numbers(answer, ()))


def one_hidden_layer(answer, inputs):
    """Return kernel (inputs, units), bias (units,), output weights (units,) and output bias."""
    if isinstance(answer, Failed):
        raise WrongAnswer(answer.words)
    if not isinstance(answer, list | tuple) or len(answer) != 4:
        raise WrongAnswer("four things were asked for: kernel, bias, output weights, output bias")
    kernel = numbers(answer[0], (inputs, None))
    units = kernel.shape[1]
    if units > 5000:
        raise WrongAnswer(f"it has {units} hidden units")
    return kernel, vector(answer[1], units), vector(answer[2], units), number(answer[3])


# %% [markdown]
# ## Task 1 · How many numbers does a network hold? (1 point)
#
# The network of the lecture had 3 inputs, 3 hidden units and 2 outputs, and 20 parameters: $3\times3$ weights
# and 3 biases, then $3\times2$ weights and 2 biases. Before you train a network you should know this number
# for any sizes. It tells you how much memory it takes, and how many examples it will be hungry for.
#
# `sizes` lists the layers from the inputs to the outputs, two entries or more: `[3, 3, 2]` is the network
# above. Every unit is connected to all values of the layer before it, and has a bias. Return the number of
# weights and biases together.


# %% solution="parameters"
def count_parameters(sizes):
    """Return how many weights and biases a dense network has.

    sizes: list of whole numbers, from the inputs to the outputs, such as [3, 3, 2].
    count_parameters([3, 3, 2]) is 20.
    """
    ### BEGIN SOLUTION
    count = 0
    for layer in range(1, len(sizes)):
        count += sizes[layer - 1] * sizes[layer] + sizes[layer]
    return count
    ### END SOLUTION


# %% test="parameters" points=1
exercise.check(
    "parameters",
    lambda: [count_parameters([3, 3, 2]), count_parameters([5, 1]), count_parameters([784, 64, 64, 10])],
    each(
        ("the number for the sizes [3, 3, 2]", 20, "The lecture counts them in 1.5."),
        ("the number for the sizes [5, 1]", 6, "This is one neuron: a weight for each input, and one bias."),
        ("the number for the sizes [784, 64, 64, 10]", 55_050, "This network has three layers of weights."),
    ),
    hint="Go through the layers two by two: those that feed, and those that are fed. How many weights lead "
    "into one unit? How many biases does it add to them? And do the inputs have any?",
)
### BEGIN HIDDEN TESTS
data = given("parameters")
emit("parameters", "one layer", lambda: [count_parameters(list(sizes)) for sizes in data["one layer"]])
emit("parameters", "deep", lambda: [count_parameters(list(sizes)) for sizes in data["deep"]])
### END HIDDEN TESTS


# %% judge="parameters"
def inputs_parameters(rng):
    """Layer sizes of shallow and of deep networks."""
    return {
        "one layer": [rng.integers(1, 200, size=2).tolist() for _ in range(5)],
        "deep": [rng.integers(1, 200, size=length).tolist() for length in [3, 4, 5, 8]],
    }, {}


def judge_parameters(given, kept, answer):
    """Add an input that is always one to each layer: its weights are the biases."""

    def expected(networks):
        return [int(np.dot(np.array(sizes[:-1]) + 1, sizes[1:])) for sizes in networks]

    return [
        part(0.5, "networks of one layer", differs(answer["one layer"], expected(given["one layer"]))),
        part(0.5, "deeper networks", differs(answer["deep"], expected(given["deep"]))),
    ]


# %% [markdown]
# ## Task 2 · A network with a shortcut (3 points)
#
# Section 1.6 wrote a network as one matrix $A$: entry $(i,j)$ is the weight of the edge from node $i$ to node
# $j$. Layers were two filled blocks above the diagonal. But nothing forbids to fill the other places above
# it: a weight from an input straight to an output is a **skip connection**, and the networks that read
# photographs today are full of them. Layer by layer no longer works then. Node by node does: number the nodes
# so that every edge leads to a later one, and when you come to node $j$, all that it needs is known:
#
# $$a_j = \sigma\Big(\sum_{i<j} a_i A_{ij} + b_j\Big).$$
#
# The first nodes are the inputs. They take their values from `X`, as they are: no bias, no sigmoid (what
# stands in their places of `bias` is ignored). Return the values of *all* nodes, shape `(batch, nodes)`.
#
# **Example.** Two inputs and one more node, $A_{02}=1$, $A_{12}=-1$, $b_2=0$: the inputs $(3, 3)$ give
# $(3, 3, 0.5)$.


# %% solution="graph"
def forward_graph(X, A, bias):
    """Send a batch through a network that is given by its adjacency matrix.

    X: (batch, inputs), A: (nodes, nodes) with zeros on and below the diagonal, bias: (nodes,).
    Returns the value of each node for each example, shape (batch, nodes).
    """
    ### BEGIN SOLUTION
    batch, inputs = X.shape
    values = np.zeros((batch, len(A)))
    values[:, :inputs] = X
    for node in range(inputs, len(A)):
        values[:, node] = sigmoid(values @ A[:, node] + bias[node])
    return values
    ### END SOLUTION


# %% test="graph" points=3
example = np.array([[0.5, 0.9, -0.3]])
lecture_A = np.zeros((8, 8))
lecture_A[0:3, 3:6] = np.array([[1, -2, 2], [2, 1, -4], [1, -1, 0]]).T
lecture_A[3:6, 6:8] = np.array([[-3, 1, -3], [0, 1, 2]]).T

exercise.check(
    "graph",
    lambda: [
        forward_graph(np.array([[0.0], [7.0]]), np.zeros((3, 3)), np.array([5.0, 0.0, -2.0])),
        forward_graph(example, lecture_A, np.zeros(8)),
        forward_graph(np.array([[2.0]]), np.array([[0, 1, -1], [0, 0, 0], [0, 0, 0]]), np.zeros(3)),
        forward_graph(np.array([[3, 3], [1, 3]]), np.array([[0, 0, 1], [0, 0, -1], [0, 0, 0]]), np.zeros(3)),
    ],
    each(
        (
            "the result for three nodes without edges",
            [[0, 0.5, 0.12], [7, 0.5, 0.12]],
            "Such a node shows what its bias alone does: the same for every example, and nothing at the "
            "inputs.",
        ),
        (
            "the result for the network of the lecture",
            [[0.5, 0.9, -0.3, 0.13, 0.96, 0.40, 0.35, 0.85]],
            "Its values stand in 1.3. The edges that lead into node j: are they a row or a column of A? And "
            "is a hidden node filled in before it is used?",
        ),
        (
            "the result for a shortcut",
            [[2, 0.88, 0.12]],
            "Here an edge leads from the input past the hidden node. All nodes before j may feed it.",
        ),
        (
            "the result for a batch of whole numbers",
            [[3, 3, 0.5], [1, 3, 0.12]],
            "Can your array hold fractions, whatever the type of X?",
        ),
        atol=0.005,
    ),
    hint="Make an array of the shape (batch, nodes), put the inputs into its first columns, and fill the "
    "others one by one, from left to right.",
)
### BEGIN HIDDEN TESTS
data = given("graph")
emit("graph", "layers", lambda: forward_graph(data["X"], data["layers"], np.zeros(8)))
emit("graph", "skips", lambda: forward_graph(data["X"], data["A"], data["bias"]))
emit("graph", "one", lambda: forward_graph(data["one"], data["A one"], data["bias one"]))
emit("graph", "whole", lambda: forward_graph(data["whole"], data["A"], data["bias"]))
### END HIDDEN TESTS


# %% judge="graph"
def inputs_graph(rng):
    """A layered network of the lecture's shape, and two with every edge that there can be."""
    layers = np.zeros((8, 8))
    layers[0:3, 3:6], layers[3:6, 6:8] = rng.normal(size=(3, 3)), rng.normal(size=(3, 2))
    return {
        "X": rng.normal(size=(8, 3)),
        "layers": layers,
        "A": np.triu(rng.normal(size=(7, 7)), 1),
        "bias": rng.normal(size=7) + 1,
        "one": rng.normal(size=(1, 2)),
        "A one": np.triu(rng.normal(size=(6, 6)), 1),
        "bias one": rng.normal(size=6),
        "whole": rng.integers(-3, 4, size=(5, 3)),
    }, {}


def judge_graph(given, kept, answer):
    """Sweep over all nodes as often as there are nodes: after that nothing changes any more."""

    def expected(X, A, bias):
        nodes, inputs = len(A), X.shape[1]
        values = np.hstack([X, np.zeros((len(X), nodes - inputs))])
        for _ in range(nodes):
            values = np.hstack([X, scipy.special.expit(values @ A + bias)[:, inputs:]])
        return values

    one = differs(answer["one"], expected(given["one"], given["A one"], given["bias one"]))
    whole = differs(answer["whole"], expected(given["whole"], given["A"], given["bias"]))
    return [
        part(1, "layers without bias", differs(answer["layers"], expected(given["X"], given["layers"], 0.0))),
        part(
            1,
            "skip connections and a bias at every node",
            differs(answer["skips"], expected(given["X"], given["A"], given["bias"])),
        ),
        part(0.5, "a batch of one example", one),
        part(0.5, "inputs that are whole numbers", whole),
    ]


# %% [markdown]
# What is a shortcut good for? The lecture needed two hidden units for XOR. With skip connections from the
# inputs to the output, *one* is enough. The hidden node says "both"; the output counts the inputs and
# subtracts twice what the hidden node says. Your function draws it:

# %%
xor_A = np.array([[0, 0, 20, 20], [0, 0, 20, 20], [0, 0, 0, -40], [0, 0, 0, 0]])
xor_bias = np.array([0, 0, -30, -10])
xor_inputs, xor_targets = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])


def draw_shortcut():
    """Where a network with one hidden unit and two skip connections says 1."""
    return plots.decision_regions(
        lambda points: np.clip(forward_graph(points, xor_A, xor_bias)[:, 3], 0, 1), xor_inputs, xor_targets
    )


preview(
    draw_shortcut,
    alt="The four XOR points, and where a network with one hidden unit and two skip connections says 1. In a "
    "right answer that is a diagonal band that holds (0, 1) and (1, 0).",
)

# %% [markdown]
# ## Task 3 · The logarithm of a probability (3 points)
#
# In lecture 2 a network will be judged by the *logarithm* of the probability that it gave to the truth. The
# lecture's `softmax` is safe against large logits, because it subtracts the largest one first. Is
# `np.log(softmax(z))` safe, too? Try the logits $(0, -1000)$: the second probability is $e^{-1000}$, smaller
# than any number that the machine knows. It becomes 0, its logarithm minus infinity, and the training is
# over. But the true answer is harmless: it is $-1000$.
#
# Take the logarithm of the formula *on paper*, before anything is rounded to zero:
#
# $$\log p_k = \log\frac{e^{z_k}}{\sum_j e^{z_j}} = \dots$$
#
# and shift before you exponentiate, as the lecture did.
#
# `z` is an array whose last axis runs over the classes: a vector `(classes,)`, a batch `(batch, classes)`, or
# more axes before that. Return the logarithms of the softmax, same shape. Each row is a distribution of its
# own. Leave `z` itself as it is: the caller may need it again. The precision of float32 is enough.
#
# **Example.** $(0, 0)$ gives $(-0.693, -0.693)$, and so does $(1000, 1000)$.


# %% solution="log_softmax"
def log_softmax(z):
    """Return the logarithm of the softmax along the last axis.

    z: (..., classes), any real numbers. Returns an array of the same shape, without nan or infinity.
    """
    ### BEGIN SOLUTION
    shifted = z - z.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    ### END SOLUTION


# %% test="log_softmax" points=3
def unchanged(z):
    """The logits after your function has seen them."""
    log_softmax(z)
    return z


exercise.check(
    "log_softmax",
    lambda: [
        log_softmax(np.array([4.8, -2.6, 2.9])),
        log_softmax(np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 5.0]])),
        log_softmax(np.array([[1000.0, 1000.0], [999.0, 999.0]])),
        log_softmax(np.array([[0.0, -1000.0], [-3000.0, -2000.0]])),
        unchanged(np.array([3.0, 1.0])),
    ],
    each(
        (
            "the result for (4.8, -2.6, 2.9)",
            [-0.1398, -7.5398, -2.0398],
            "The probabilities are .8695, .0005 and .1300, as in 1.8, and these are natural logarithms.",
        ),
        (
            "the result for two rows",
            [[-2.4076, -1.4076, -0.4076], [-5.0134, -5.0134, -0.0134]],
            "Each row is a distribution of its own. Along which axis do you sum, and is that axis kept?",
        ),
        (
            "the result for large logits",
            np.full((2, 2), -np.log(2)),
            "exp(1000) overflows. What did the lecture do before it exponentiated?",
        ),
        (
            "the result for hopeless classes",
            [[0, -1000], [-1000, 0]],
            "Here a probability becomes zero before its logarithm is taken, or a shift that suits one row is "
            "used for another.",
        ),
        (
            "the array that was passed in",
            [3, 1],
            "Your function changed it: an operation such as -= works in place.",
        ),
        atol=0.001,
    ),
    hint="The logarithm of a fraction is a difference. What is log(exp(a))? The first term is very short.",
)
### BEGIN HIDDEN TESTS
data = given("log_softmax")
used = data["rows"].copy()
emit("log_softmax", "rows", lambda: log_softmax(data["rows"]))
emit("log_softmax", "vector", lambda: log_softmax(data["vector"]))
emit("log_softmax", "stack", lambda: log_softmax(data["stack"]))
emit("log_softmax", "large", lambda: log_softmax(data["large"]))
emit("log_softmax", "rare", lambda: log_softmax(data["rare"]))
emit("log_softmax", "after", lambda: (log_softmax(used), used))
### END HIDDEN TESTS


# %% judge="log_softmax"
def inputs_log_softmax(rng):
    """Ordinary logits, large ones, and rows in which most classes are hopeless.

    The large logits are multiples of 1/8, which float32 holds without rounding.
    """
    large = np.repeat(rng.uniform(800, 3000, size=(4, 1)), 3, axis=1) + rng.normal(size=(4, 3))
    rare = rng.normal(size=(5, 4)) + np.array([[0], [-2000], [2000], [-900], [0]])
    rare -= rng.uniform(900, 1500, size=(5, 4)) * np.eye(5, 4)
    return {
        "rows": rng.normal(scale=2, size=(6, 5)),
        "vector": rng.integers(-4, 5, size=7),
        "stack": rng.normal(scale=2, size=(2, 3, 3)),
        "large": np.round(8 * large) / 8,
        "rare": np.round(8 * rare) / 8,
    }, {}


def judge_log_softmax(given, kept, answer):
    """Compare with SciPy's."""

    def wrong(name):
        right = scipy.special.log_softmax(given[name].astype(float), axis=-1)
        return differs(answer[name], right, rtol=1e-4, atol=1e-4)

    def changed():
        after = answer["after"]
        if wrong("rows") or not isinstance(after, tuple) or len(after) != 2:
            return "counts when the batch of rows is right"
        return "the logits that were passed in have been changed" if differs(after[1], given["rows"]) else ""

    return [
        part(1, "a batch of rows", wrong("rows")),
        part(
            0.5,
            "a single vector, of whole numbers, and a stack of batches",
            wrong("vector") or wrong("stack"),
        ),
        part(0.5, "large logits", wrong("large")),
        part(0.5, "classes that are next to impossible, in rows of different size", wrong("rare")),
        part(0.5, "leaves its argument as it is", changed),
    ]


# %% [markdown]
# Your function beside the obvious one. Two classes; the logit of the first is 0, that of the second falls.

# %%
falling = np.linspace(0, -1000, 401)


def draw_logarithms():
    """The logarithm of the probability of a class whose logit falls, in two ways."""
    pairs = np.stack([np.zeros_like(falling), falling], axis=1)
    yours = np.asarray(log_softmax(pairs))[:, 1]
    with np.errstate(all="ignore"):
        obvious = np.log(np.exp(pairs) / np.exp(pairs).sum(axis=1, keepdims=True))[:, 1]
    figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    axes.plot(falling, yours, label="yours")
    axes.plot(falling, obvious, "--", label="log of the softmax")
    axes.set(xlabel="logit of the class", ylabel="log of its probability", ylim=(-1050, 50))
    axes.legend()
    return figure


preview(
    draw_logarithms,
    alt="The logarithm of a probability against its logit, from 0 down to -1000. The logarithm of the "
    "softmax follows a straight line and ends near -745; a right answer follows the line to its end.",
)

# %% [markdown]
# ## Task 4 · A hidden layer that nobody trained (3 points)
#
# "The hidden layers move the data until the last layer, which is linear, can finish the job." How clever must
# the moving be? Let us take it to the extreme: **draw the hidden layer at random, leave it as it is, and
# train the last layer only.** That needs no lecture 2. The last layer is linear, and the best linear layer in
# the sense of least squares is school mathematics: `np.linalg.lstsq(M, y, rcond=None)[0]` returns the vector
# $v$ for which $\sum_n\big((Mv)_n - y_n\big)^2$ is smallest.
#
# Write `random_layer(x, y, units, rng)`:
#
# 1. draw a kernel `(2, units)` and a bias `(units,)` from `rng`, for instance with `rng.normal(size=...)`;
#    you may scale them as you like;
# 2. compute the hidden values, $\tanh(xK + b)$, shape `(n, units)`;
# 3. find output weights `(units,)` and an output bias (one number) so that *hidden values @ output weights +
#    output bias* is as close as possible to `y` (0 or 1) in the sense of least squares. (How does one get a
#    bias out of `lstsq`? Give the hidden layer one more unit, whose value is always 1.)
#
# Return the four: `(kernel, bias, output_weights, output_bias)`. An answer above 0.5 counts as class 1. Your
# network is judged by the share of *new* points that it gets right, points that your function never sees:
# 95 % on the rings with 40 units, 93 % on two spirals with 200. And the last layer must be the best one there
# is for the hidden layer that you drew.


# %% solution="random_layer"
def random_layer(x, y, units, rng):
    """Draw a hidden layer at random, and fit the output layer to it by least squares.

    x: (n, 2) points, y: (n,) classes 0 or 1, rng: a NumPy random generator.
    Returns kernel (2, units), bias (units,), output_weights (units,), output_bias (a number).
    """
    ### BEGIN SOLUTION
    kernel = rng.normal(scale=3, size=(2, units))
    bias = rng.normal(scale=2, size=units)
    hidden = np.tanh(x @ kernel + bias)
    with_one = np.hstack([hidden, np.ones((len(x), 1))])
    fitted = np.linalg.lstsq(with_one, y, rcond=None)[0]
    return kernel, bias, fitted[:-1], fitted[-1]
    ### END SOLUTION


# %% test="random_layer" points=3
rings = datasets.rings(n=400, noise=0.08, seed=0)
new_rings = datasets.rings(n=400, noise=0.08, seed=1)


def hidden_and_outputs(network, points):
    """The hidden values of some points, and what the output layer makes of them."""
    kernel, bias, output_weights, output_bias = map(np.asarray, network)
    hidden = np.tanh(points @ kernel + bias.ravel())
    return hidden, hidden @ output_weights.ravel() + output_bias.ravel()


def wrong_shapes(network, units):
    """Say what is wrong with the four things that `random_layer` returned."""
    if network is None:
        return "random_layer returned None: is a return missing?"
    if not isinstance(network, list | tuple) or len(network) != 4:
        return "four things were asked for: kernel, bias, output weights, output bias"
    shapes = [np.shape(array) for array in network]
    if shapes[0] != (2, units) or [np.squeeze(array).shape for array in network[1:]] != [(units,)] * 2 + [()]:
        return f"the shapes are {shapes}; (2, {units}), ({units},), ({units},) and () were asked for"
    return ""


def good_network(network):
    """Say what is wrong with a network of 40 units for the rings."""
    if wrong_shapes(network, 40):
        return wrong_shapes(network, 40)
    share = np.mean((hidden_and_outputs(network, new_rings.x)[1] > 0.5) == new_rings.y)
    if share >= 0.95:
        return ""
    return (
        f"it gets {share:.0%} of the new points right; more than 95 % can be had. Around 50 % means that "
        "it guesses: do the hidden units have biases that differ? (Without them tanh gives x and -x "
        "opposite values, and a ring looks the same from both sides.) Did you fit the hidden values that "
        "you return the weights for, bend included?"
    )


def best_output_layer(network):
    """Say whether another output layer fits the targets better, for a network of 5 units."""
    if wrong_shapes(network, 5):
        return wrong_shapes(network, 5)
    hidden, answers = hidden_and_outputs(network, rings.x)
    errors = answers - rings.y
    basis = np.linalg.qr(np.c_[hidden, np.ones(len(hidden))])[0]
    avoidable = np.sum((basis.T @ errors) ** 2)
    if avoidable <= 0.005 * (np.sum(errors**2) - avoidable) + 1e-9:
        return ""
    return (
        "for the 5 hidden units that you drew, another output layer fits the targets 0 and 1 better. Fit 0 "
        "and 1 as they are, the output bias together with the weights"
    )


exercise.check(
    "random_layer",
    lambda: [
        random_layer(rings.x, rings.y, units, np.random.default_rng(seed))
        for units, seed in [(40, 0), (5, 0), (5, 1), (5, 2)]
    ],
    each(("", good_network, ""), *[("", best_output_layer, "")] * 3),
    hint="The matrix M for lstsq has one row per point: its hidden values, and a 1. Draw kernel and bias "
    "once, keep them, and return the very same.",
)
### BEGIN HIDDEN TESTS
data = given("random_layer")


def _fit(name, units):
    rng = np.random.default_rng([data["seed"], units])
    return random_layer(data[name + " x"], data[name + " y"], units, rng)


emit("random_layer", "rings", lambda: _fit("rings", 40))
emit("random_layer", "spirals", lambda: _fit("spirals", 200))
emit("random_layer", "4 units", lambda: _fit("rings", 4))
emit("random_layer", "5 units", lambda: _fit("rings", 5))
emit("random_layer", "6 units", lambda: _fit("rings", 6))
### END HIDDEN TESTS


# %% judge="random_layer"
# Shares of 1000 new points over 20 seeds. The solution: rings .996 to 1, spirals .999 to 1. Weights drawn
# with scales from 0.5 to 10: rings .977 and more, spirals .992 and more. The floors are .95 and .93.
def ring_points(rng, n):
    """Points on a circle of radius 0.4 (class 1) and on one of radius 1 (class 0), with noise."""
    y = rng.permutation(np.arange(n) % 2)
    angle = rng.uniform(0, 2 * np.pi, size=n)
    radius = np.where(y == 1, 0.4, 1.0)[:, None]
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1) + rng.normal(scale=0.08, size=(n, 2)), y


def spiral_points(rng, n):
    """Points on two spirals that wind around each other one and a half times."""
    y = rng.permutation(np.arange(n) % 2)
    radius = np.sqrt(rng.uniform(0.01, 1, size=n))
    angle = 3 * np.pi * radius + np.pi * y
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return x + rng.normal(scale=0.02, size=(n, 2)), y


def inputs_random_layer(rng):
    """Training points enter the sandbox; the points that count do not."""
    rings, spirals = ring_points(rng, 400), spiral_points(rng, 400)
    kept = {"rings": ring_points(rng, 1000), "spirals": spiral_points(rng, 1000)}
    return {
        "rings x": rings[0],
        "rings y": rings[1],
        "spirals x": spirals[0],
        "spirals y": spirals[1],
        "seed": int(rng.integers(2**31)),
    }, kept


def judge_random_layer(given, kept, answer):
    """Compute the network's answers from its weights, here."""

    def hidden_values(name, units, x):
        kernel, bias, output_weights, output_bias = one_hidden_layer(answer[name], 2)
        if kernel.shape[1] != units:
            raise WrongAnswer(f"{units} hidden units were asked for, the network has {kernel.shape[1]}")
        hidden = np.tanh(x @ kernel + bias)
        if not np.isfinite(hidden).all():
            raise WrongAnswer("the weights are so large that the hidden values overflow")
        return hidden, hidden @ output_weights + output_bias

    def misses(name, units, floor):
        x, y = kept[name]
        share = np.mean((hidden_values(name, units, x)[1] > 0.5) == y)
        return (
            ""
            if share >= floor
            else f"it gets {share:.0%} of the new points right; {floor:.0%} was asked for"
        )

    def not_the_best():
        y = given["rings y"]
        for units in [4, 5, 6]:  # with more of them, a fit without a bias is hardly worse
            hidden, answers = hidden_values(f"{units} units", units, given["rings x"])
            with_one = np.hstack([hidden, np.ones((len(y), 1))])
            if np.linalg.matrix_rank(with_one) <= units:
                return "its hidden units are not different from each other: draw each weight and bias"
            best = np.mean((with_one @ (np.linalg.pinv(with_one) @ y) - y) ** 2)
            if np.mean((answers - y) ** 2) > 1.005 * best + 1e-9:
                return "for the hidden layer that you drew, another output layer fits the targets better"
        return ""

    return [
        part(1, "new points of the rings, 40 units", lambda: misses("rings", 40, 0.95)),
        part(1, "new points of the spirals, 200 units", lambda: misses("spirals", 200, 0.93)),
        part(1, "the best last layer in the sense of least squares, 4 to 6 units", not_the_best),
    ]


# %% [markdown]
# Your network on the rings. The lecture's trained network needed three hidden units. How many do you need, if
# nobody trains them? Change 40 and see. Chance can replace training, at the price of many more units. Between
# the two lies what people do with large networks: keep hidden layers that were trained on something else, and
# train the last one anew (lecture 12).


# %%
def draw_random_layer(units=40):
    """The regions of a network whose hidden layer is random."""
    network = random_layer(rings.x, rings.y, units, np.random.default_rng(0))
    return plots.decision_regions(
        lambda points: np.clip(hidden_and_outputs(network, points)[1], 0, 1),
        rings.x,
        rings.y,
        rings.class_names,
    )


preview(
    draw_random_layer,
    alt="The two rings and the regions of a network with a random hidden layer. When the last layer is "
    "fitted well, a closed curve runs between the inner and the outer ring.",
)

# %% [markdown]
# ## Task 5 · Parity, by hand (3 points)
#
# XOR asks whether an odd number of *two* inputs is on. **Parity** asks the same of $n$ inputs. Computer
# memory uses it to notice a wrong bit; learning machines dread it, since *any* changed bit changes the
# answer. Of the lecture's two hidden units the first counted the inputs, the second had its kink at one, and
# the output was the first minus twice the second.
#
# Choose the weights of a network for any $n$, without training: $n$ inputs (each 0 or 1), one hidden layer of
# **at most $n$** ReLU units, one output without activation. It must be 1 where an odd number of inputs is on,
# and 0 where an even number is.
#
# Hint: let $s$ be the number of inputs that are on. You need a zigzag over $s$: up from 0 to 1, down to 0, up
# again. Where does each unit have its kink, and by how much must the *slope* change there?
#
# Return `(kernel, bias, output_weights, output_bias)` with shapes `(n, units)`, `(units,)`, `(units,)` and
# `()`. For $n=1$ one unit will do: kernel `[[1.0]]`, bias `[0.0]`, output weights `[1.0]`, output bias 0.


# %% solution="parity"
def parity_network(n):
    """Return the weights of a ReLU network that says whether an odd number of n inputs is on.

    Returns kernel (n, units), bias (units,), output_weights (units,), output_bias (a number), with at most n
    units; relu(x @ kernel + bias) @ output_weights + output_bias is 1 for odd, 0 for even.
    """
    ### BEGIN SOLUTION
    unit = np.arange(n)
    output_weights = np.where(unit == 0, 1.0, 2.0 * (-1.0) ** unit)
    return np.ones((n, n)), -unit.astype(float), output_weights, 0.0
    ### END SOLUTION


# %% test="parity" points=3
def parity_outputs(n, x):
    """What the network of `parity_network` says to some inputs, shape (batch, n)."""
    network = parity_network(n)
    if network is None:
        raise TypeError("parity_network returned None: is a return missing?")
    kernel, bias, output_weights, output_bias = map(np.asarray, network)
    return relu(x @ kernel + bias.ravel()) @ output_weights.ravel() + output_bias.ravel()


exercise.check(
    "parity",
    lambda: [
        parity_outputs(2, np.array([[0, 0], [0, 1], [1, 0], [1, 1]])),
        parity_outputs(3, np.tri(4, 3, -1)),
        parity_outputs(7, np.tri(8, 7, -1)),
        np.shape(parity_network(5)[0]),
    ],
    each(
        (
            "the output for two inputs",
            [0, 1, 1, 0],
            "That is XOR, and the weights in 1.10 solve it.",
        ),
        (
            "the output for three inputs",
            [0, 1, 0, 1],
            "The four examples have 0, 1, 2 and 3 inputs on. From 0 to 1 the line climbs by 1, from 1 to 2 "
            "it falls by 1: a change of slope of -2. And at the next kink?",
        ),
        ("the output for seven inputs", [0, 1, 0, 1, 0, 1, 0, 1], "How does the zigzag go on?"),
        (
            "the shape of the kernel",
            lambda shape: (
                "" if shape[0] == 5 and shape[1] <= 5 else f"the kernel for n = 5 has shape {shape}"
            ),
            "One hidden unit is enough for each kink; a unit for each combination of inputs is too many.",
        ),
        atol=1e-4,
    ),
    hint="All units may look at the same sum. What differs is where they begin to fire.",
)


### BEGIN HIDDEN TESTS
def _network_for(n):
    return lambda: parity_network(n)


for _n in range(1, 9):
    emit("parity", str(_n), _network_for(_n))
### END HIDDEN TESTS


# %% judge="parity"
def inputs_parity(rng):
    """Nothing to draw: all inputs are tried."""
    return {}, {}


def judge_parity(given, kept, answer):
    """Send all 2^n inputs through the network, here."""

    def outputs_wrong(n):
        kernel, bias, output_weights, output_bias = one_hidden_layer(answer[str(n)], n)
        x = np.arange(2**n)[:, None] >> np.arange(n) & 1
        outputs = np.maximum(x @ kernel + bias, 0) @ output_weights + output_bias
        wrong = np.count_nonzero(~np.isclose(outputs, x.sum(axis=1) % 2, atol=1e-4))
        return f"for n = {n}, {wrong} of {2**n} inputs have the wrong output" if wrong else ""

    def first(problem, numbers_of_inputs):
        return next((words for words in map(problem, numbers_of_inputs) if words), "")

    def too_many_units(n):
        units = one_hidden_layer(answer[str(n)], n)[0].shape[1]
        return f"for n = {n} it has {units} hidden units" if units > n else outputs_wrong(n)

    return [
        part(1, "two and three inputs", lambda: first(outputs_wrong, [2, 3])),
        part(1, "four to eight inputs", lambda: first(outputs_wrong, [4, 5, 6, 7, 8])),
        part(
            1,
            "right with at most n hidden units, from one input on",
            lambda: first(too_many_units, range(1, 9)),
        ),
    ]


# %% [markdown]
# The zigzag of your network for six inputs, drawn also between the whole numbers:


# %%
def draw_parity(n=6):
    """The output against the sum of the inputs, all of them equal."""
    share = np.linspace(0, 1, 601)
    outputs_between = parity_outputs(n, np.repeat(share[:, None], n, axis=1))
    outputs_at = parity_outputs(n, np.tri(n + 1, n, -1))
    figure, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
    axes.plot(n * share, outputs_between)
    axes.plot(range(n + 1), outputs_at, "o")
    axes.set(xlabel="sum of the inputs", ylabel="output")
    return figure


preview(
    draw_parity,
    alt="The output of the parity network against the sum of six inputs. A right answer is a zigzag between "
    "0 and 1, with a corner at each whole number.",
)

# %% [markdown]
# Six units, six straight pieces: "a single layer gains at most one piece per unit". Parity of 1,000 bits
# costs 1,000 units in one layer. In section 1.13 a *deep* network folded its way to 256 pieces with 16 units.

# %% [markdown]
# ## Task 6 · The price of precision (2 points)
#
# One hidden layer can follow any continuous function. What does the next digit cost? In the lecture a
# doubling of the units divided the error by four, so that ten times the precision cost about three times the
# units. *For a smooth target.* Let us measure another one. `largest_error(target, n)` builds the lecture's
# broken line of $n$ ReLU units on $[0,1]$ and returns its largest distance from the target. It takes at most
# 1,000 units.


# %%
def largest_error(target, n):
    """The largest distance between a target on [0, 1] and the broken line of n ReLU units, n <= 1000."""
    n = int(n)
    if not 1 <= n <= 1000:
        raise ValueError(f"this machine builds 1 to 1000 units, not {n}")
    knots = np.linspace(0, 1, n + 1)
    x = np.linspace(0, 1, 64 * n + 1)
    return np.abs(np.interp(x, knots, target(knots)) - target(x)).max()


def draw_errors():
    """The largest error against the number of units, for two targets."""
    widths = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
    figure, axes = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
    for name, target, style in [("sin(6x)", lambda x: np.sin(6 * x), "o-"), ("√x", np.sqrt, "s--")]:
        axes.loglog(widths, [largest_error(target, n) for n in widths], style, label=name)
    axes.set(xlabel="hidden units n", ylabel="largest error")
    axes.legend()
    return figure


preview(
    draw_errors,
    alt="The largest error against the number of hidden units on logarithmic axes, for a sine and for the "
    "square root. After the first few units both fall in straight lines, the sine's much more steeply.",
)

# %% [markdown]
# Both are straight lines on logarithmic axes, power laws $\text{error} = C\,n^{-r}$, but not of the same
# slope. At 0 the square root is infinitely steep, and $h^2\max|f''|/8$ promises nothing.
#
# Write `units_needed(error, tolerance)`. Here `error` is a function: `error(n)` returns the largest error
# with $n$ units, for a target that you do not know, and raises a `ValueError` for $n>1000$. The `tolerance`
# is so small that 1,000 units are not enough. Measure where you can, find the law, and **return the number of
# units that the tolerance will cost**. Within 10 % is right. Think about *where* you measure: the law holds
# for many units, not for a few.
#
# **Example.** For $\sqrt x$ the error is $\frac14 n^{-1/2}$, so that a tolerance of 0.001 costs 62,500 units.


# %% solution="price"
def units_needed(error, tolerance):
    """Return how many units bring the error down to the tolerance.

    error: function of the number of units, 1 to 1000; tolerance: below error(1000).
    """
    ### BEGIN SOLUTION
    widths = np.array([250, 500, 1000])
    slope, intercept = np.polyfit(np.log(widths), np.log([error(n) for n in widths]), 1)
    return np.exp((np.log(tolerance) - intercept) / slope)
    ### END SOLUTION


# %% test="price" points=2
exercise.check(
    "price",
    lambda: [
        units_needed(lambda n: largest_error(np.sqrt, n), 0.001),
        units_needed(lambda n: largest_error(lambda x: np.sin(40 * x), n), 1e-7),
    ],
    each(
        (
            "the number of units for the square root",
            62_500,
            "Its exponent is not 2: measure it. And mind that it is log(n) that a fit to logarithms gives.",
        ),
        (
            "the number of units for sin(40x)",
            np.sqrt(40**2 / 8 / 1e-7),
            "This target winds six times. A few units cannot even see that, and their errors do not lie on "
            "the straight line.",
        ),
        rtol=0.1,
    ),
    hint="On logarithmic axes a power law is a straight line: log(error) = log(C) - r log(n). Two "
    "measurements give r and C. Then solve for n.",
)


### BEGIN HIDDEN TESTS
data = given("price")


def _error_of(target):
    def error(n):
        n = int(n)
        if not 1 <= n <= 1000:
            raise ValueError(f"this machine builds 1 to 1000 units, not {n}")
        x = np.linspace(0, 1, 64 * n + 1)
        return float(np.abs(np.interp(x, x[::64], target(x[::64])) - target(x)).max())

    return error


def _wave(frequency, phase):
    return _error_of(lambda x: np.sin(frequency * x + phase))


def _root(power):
    return _error_of(lambda x: x**power)


emit("price", "smooth", lambda: [units_needed(_wave(*wave), t) for *wave, t in data["smooth"]])
emit("price", "steep", lambda: [units_needed(_root(power), t) for power, t in data["steep"]])
### END HIDDEN TESTS


# %% judge="price"
def inputs_price(rng):
    """Waves (frequency, phase, tolerance), and roots (power, tolerance), with tolerances out of reach."""
    smooth, steep = [], []
    for _ in range(4):
        frequency, units = rng.uniform(18, 30), rng.uniform(3_000, 50_000)
        smooth.append([frequency, rng.uniform(0, 6), frequency**2 / 8 / units**2])
        power, units = rng.uniform(0.35, 0.8), rng.uniform(5_000, 200_000)
        steep.append([power, gap(power) * units**-power])
    return {"smooth": smooth, "steep": steep}, {}


def gap(power):
    """The largest distance between x^power and its chord on [0, 1]: where the slope is 1."""
    return power ** (power / (1 - power)) - power ** (1 / (1 - power))


def judge_price(given, kept, answer):
    """Both laws are known: h^2 max|f''| / 8 for waves, and the gap in the first interval for roots."""

    def judged(what, name, expected):
        try:
            given_numbers = vector(answer[name], len(expected))
        except WrongAnswer as error:
            return part(1, what, str(error))
        right = np.isclose(given_numbers, expected, rtol=0.1)
        problem = f"{np.count_nonzero(~right)} of {len(right)} numbers are off by more than 10 %"
        return part(1, what, "" if right.all() else problem, 1.0 if right.all() else 0.0)

    smooth = [np.sqrt(frequency**2 / 8 / tolerance) for frequency, _, tolerance in given["smooth"]]
    steep = [(gap(power) / tolerance) ** (1 / power) for power, tolerance in given["steep"]]
    return [judged("smooth targets", "smooth", smooth), judged("targets that start steeply", "steep", steep)]


# %% [markdown]
# For the sine, one more digit costs $\sqrt{10}\approx3.2$ times the units; for the square root 100 times. If
# you do not know how rough your target is, you do not know the price, and no theorem will tell you. That is
# why in practice one does what you just did: measure at sizes that one can afford, draw the line, and read
# off the next one. The largest networks of today are planned in this way.
#
# ## How far are you?

# %%
exercise.progress()
