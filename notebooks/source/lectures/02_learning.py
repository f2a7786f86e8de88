# %% [markdown]
# # 2 · Learning
#
# A network with random weights knows nothing. We show it an example, it answers, and a single number says how
# wrong the answer was. **How can one number tell thousands of weights, each on its own, in which direction to
# move and how far?** The answer is the chain rule, applied from the back to the front. In this lecture you
# write it yourself, put it to two independent tests, and only then hand it to TensorFlow.
#
# **You will be able to**
#
# - choose a loss, and say what it makes a network aim for: the mean, the median, or a probability;
# - explain why cross-entropy learns where the squared error stands still;
# - fill in a backward pass on a graph with a pencil, and write one in NumPy;
# - check any gradient by finite differences and by automatic differentiation;
# - write the training loop that every framework runs, and turn it into a fast graph.
#
# **Time:** 60 minutes to read, half a minute to run. **Builds on:** lecture 1, the chain rule.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np

from lecture_utils import datasets, plots, training, widgets
from lecture_utils.checks import expect

training.quiet_tensorflow()
import keras
import tensorflow as tf


# %%
def sigmoid(z):
    """Squeeze any real number into the interval from 0 to 1."""
    return 1 / (1 + np.exp(-z))


# %% [markdown]
# ## 2.1 How wrong is wrong?
#
# A **loss** is a number that is small when an answer is good. For an answer that is a number, two come to
# mind: the squared error and the absolute error. Averaged over examples they are called **MSE** and **MAE**:
#
# $$\text{MSE} = \frac1n\sum_i (y_i - \hat y_i)^2, \qquad \text{MAE} = \frac1n\sum_i |y_i - \hat y_i|.$$
#
# They look alike. They ask for different things. Suppose you may answer one single number $c$ for all of the
# targets below; one of them is a typing error.
#
# > **Predict.** Which $c$ does the MSE like best, and which the MAE?

# %%
# NBVAL_CHECK_OUTPUT
targets = np.array([1.0, 2.0, 2.0, 3.0, 4.0, 5.0, 53.0])
answers = np.linspace(0, 60, 6001)
mse = ((targets - answers[:, None]) ** 2).mean(axis=1)
mae = np.abs(targets - answers[:, None]).mean(axis=1)

print(f"MSE is smallest at {answers[mse.argmin()]:.2f}, the mean is   {targets.mean():.2f}")
print(f"MAE is smallest at {answers[mae.argmin()]:.2f}, the median is {np.median(targets):.2f}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 2.9), layout="constrained")
for panel, name, values in zip(axes, ["MSE", "MAE"], [mse, mae], strict=True):
    panel.plot(answers, values)
    panel.plot(targets, np.full(7, values.min() * 0.6), "k|", markersize=12)
    panel.axvline(answers[values.argmin()], linestyle="--", color=plots.PALETTE[1])
    panel.set(xlabel="the one answer c", ylabel=name)
plots.show(
    figure,
    alt="Two curves over the answer c, with the seven targets as ticks. The MSE is a parabola with its "
    "lowest point at 10, where no target is; the MAE has its lowest point among the six small targets, "
    "at 3.",
)

# %% [markdown]
# Setting the derivative of $\sum_i (y_i-c)^2$ to zero gives the mean. The slope of the MAE is the number of
# targets below $c$ minus the number above, divided by $n$: zero at the median. A network may give another $c$
# for each input, and for each it faces this same problem. **The squared error makes it aim for the mean of
# the targets that belong to an input, the absolute error for their median.** One wild target drags the mean
# to 10, where no target is. The median does not move.
#
# ## 2.2 How surprised is a classifier?
#
# A classifier answers with probabilities, and the natural question is: how surprised is it by the truth? An
# event of probability $p$ carries $-\log_2 p$ **bits** of surprise: one bit for a coin, two for one of four
# equally likely cards. Average surprise is the **entropy**:
#
# $$H(p) = -\sum_k p_k \log_2 p_k.$$
#
# It is also the length of the best code: give likely events short code words, and you need at least $H(p)$
# bits per event on average, exactly that where all $p_k$ are powers of one half. A code made for the *wrong*
# probabilities $q$ is longer on average. That length is the **cross-entropy**, and the extra bits are the
# **Kullback-Leibler divergence**:
#
# $$H(p, q) = -\sum_k p_k \log_2 q_k, \qquad D(p\,\|\,q) = H(p,q) - H(p) = \sum_k p_k \log_2(p_k/q_k).$$

# %%
# NBVAL_CHECK_OUTPUT
p = np.array([1 / 2, 1 / 4, 1 / 8, 1 / 8])  # how often four letters occur
q = np.array([1 / 4, 1 / 4, 1 / 4, 1 / 4])  # what we believed

entropy = -np.sum(p * np.log2(p))
cross_entropy = -np.sum(p * np.log2(q))
divergence = np.sum(p * np.log2(p / q))
print(f"entropy {entropy} bits, cross-entropy {cross_entropy} bits, divergence {divergence} bits")
assert np.isclose(cross_entropy - entropy, divergence)

# %% [markdown]
# The code words 0, 10, 110, 111 need $\frac12\cdot1+\frac14\cdot2+\frac18\cdot3+\frac18\cdot3 = 1.75$ bits
# per letter, and that is the entropy. Whoever believes that all four letters are equally likely uses two bits
# for each and pays a quarter of a bit extra.
#
# The divergence is never negative, and zero only where $p=q$: because $\ln u \le u-1$,
# $-\sum_k p_k\ln(p_k/q_k) = \sum_k p_k\ln(q_k/p_k) \le \sum_k (q_k-p_k) = 0$. So a network that minimizes the
# cross-entropy is pulled towards the *true* probabilities. Ten thousand wrong beliefs, drawn at random,
# agree:

# %%
rng = np.random.default_rng(0)
beliefs = rng.dirichlet(np.ones(4), size=10_000)
extra_bits = np.sum(p * np.log2(p / beliefs), axis=1)
print(f"extra bits: smallest {extra_bits.min():.4f}, median {np.median(extra_bits):.2f}")
assert extra_bits.min() > 0

# %% [markdown]
# > **Errata.** One of the slide decks behind this course writes all three formulas without the minus sign:
# > then the entropy is negative. Another writes $-\sum_i y_i\log y_i$ for the cross-entropy, one symbol for
# > two distributions: then the answer does not enter at all.

# %%
# NBVAL_CHECK_OUTPUT
print("entropy without its sign:", np.sum(p * np.log2(p)))
for answer in [q, np.array([0.7, 0.1, 0.1, 0.1])]:
    one_symbol, two_symbols = -np.sum(p * np.log2(p)), -np.sum(p * np.log2(answer))
    print(f"-sum(y log y) = {one_symbol:.2f}, cross-entropy = {two_symbols:.2f}")

# %% [markdown]
# In training one takes the natural logarithm (the unit is then the **nat**; it changes nothing but the
# scale), and the truth is a single class, $p = (1, 0, 0)$. All terms but one vanish: **the loss is minus the
# log of the probability given to the right class.** With the softmax example of lecture 1:

# %%
# NBVAL_CHECK_OUTPUT
logits = np.array([4.8, -2.6, 2.9])
probabilities = np.exp(logits) / np.exp(logits).sum()
one_hot = np.array([1, 0, 0])

loss = -np.sum(one_hot * np.log(probabilities))
print("probabilities", ", ".join(f"{value:.4f}" for value in probabilities))
print(f"cross-entropy {loss:+.4f} nats")

# %% [markdown]
# > **Erratum.** The slides print $-0.13$ for this loss, and .0001 for the middle probability. A loss that is
# > minus the log of a probability is never negative: it is $+0.14$, and the middle probability is .0005.

# %%
from_keras = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(np.array([0]), logits[None])
np.testing.assert_allclose(loss, float(from_keras), rtol=1e-6)
assert round(loss, 2) == 0.14
assert round(probabilities[1], 4) == 0.0005

# %% [markdown]
# ## 2.3 Why not the squared error for a classifier, too?
#
# One sigmoid neuron, the target is 1, the pre-activation is $z$. How hard does each loss push?
#
# - squared error: $\dfrac{d}{dz}\,\frac12(\sigma(z)-1)^2 = (\sigma(z)-1)\,\sigma(z)\,(1-\sigma(z))$
# - cross-entropy: $\dfrac{d}{dz}\,(-\log\sigma(z)) = \sigma(z)-1$
#
# > **Predict.** At $z=-6$ the neuron says 0.002 where it should say 1. Which of the two pushes harder, and by
# > what factor?

# %%
z_line = np.linspace(-8, 8, 401)
push_cross_entropy = 1 - sigmoid(z_line)
push_squared = push_cross_entropy * sigmoid(z_line) * (1 - sigmoid(z_line))

figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.plot(z_line, push_cross_entropy, label="cross-entropy")
axes.plot(z_line, push_squared, "--", label="squared error")
axes.set(xlabel="pre-activation z (the target is 1)", ylabel="size of the gradient")
axes.legend()
plots.show(
    figure,
    alt="The size of the gradient against z. For the cross-entropy it falls smoothly from 1 on the left, "
    "where the answer is wrong, to 0. For the squared error it is a small hill near zero and vanishes on "
    "both sides.",
)

# %%
# NBVAL_CHECK_OUTPUT
a = sigmoid(-6.0)
by_ce, by_mse = 1 - a, (1 - a) * a * (1 - a)
print(f"at z = -6: cross-entropy {by_ce:.4f}, squared error {by_mse:.4f}, factor {by_ce / by_mse:.0f}")

# %% [markdown]
# The squared error pushes hardly at all exactly where the neuron is most wrong: the flat end of the sigmoid
# swallows its gradient. In the cross-entropy the logarithm undoes the exponential, and what is left is the
# plain error, $a - t$ for a target $t$. How many steps does the neuron take to change its mind, if each step
# subtracts a small multiple (the *learning rate*, here one half) of the gradient?


# %%
def steps_to_change_mind(gradient_of_z, learning_rate=0.5):
    """Descend from z = -6 and count the steps until the neuron says more than one half."""
    z, steps = -6.0, 0
    while sigmoid(z) < 0.5:
        z -= learning_rate * gradient_of_z(sigmoid(z))
        steps += 1
    return steps


# %%
# NBVAL_CHECK_OUTPUT
steps_ce = steps_to_change_mind(lambda a: a - 1)
steps_mse = steps_to_change_mind(lambda a: (a - 1) * a * (1 - a))
print(f"steps with cross-entropy: {steps_ce}, with the squared error: {steps_mse}")
assert 55 < steps_mse / steps_ce < 65

# %% [markdown]
# A factor of sixty, for the same neuron, the same start and the same learning rate.
#
# With two classes, the target $t$ (0 or 1) and the probability $p$ of class 1 say it all: this is the
# **binary cross-entropy**, and from here on $p$ is the answer and $t$ the truth.
#
# $$L = -t\log p - (1-t)\log(1-p), \qquad \frac{dL}{dz} = p - t.$$
#
# With more classes and a softmax it is the same. For the right class $c$ the loss is
# $L=-z_c+\log\sum_j e^{z_j}$, so that $\partial L/\partial z_k$ is $e^{z_k}/\sum_j e^{z_j}$, minus 1 if
# $k=c$: the probabilities minus the truth written as (1, 0, 0), which is called **one-hot**. TensorFlow, of
# which you will see more in a moment, confirms it for the example of 2.2:

# %%
scores = tf.Variable(logits)
with tf.GradientTape() as tape:
    loss = -tf.reduce_sum(one_hot * tf.math.log_softmax(scores))
np.testing.assert_allclose(tape.gradient(loss, scores), probabilities - one_hot, atol=1e-12)

# %% [markdown]
# ## 2.4 Downhill
#
# The **gradient** $\nabla L$ is the vector of the slopes of the loss in the direction of each weight. It
# points uphill, along the steepest way. So we step *against* it:
#
# $$w \leftarrow w - \eta\,\nabla L(w).$$
#
# $\eta$ is the **learning rate**. For a loss with a single weight, $L(w) = \frac12 w^2$, the gradient is $w$
# itself, and each step multiplies $w$ by $1-\eta$. Move the slider across 1 and 2, and explain what you see.


# %%
def descend(learning_rate, start=4.0, steps=8):
    """The weights visited by gradient descent on L(w) = w²/2."""
    visited = [start]
    for _ in range(steps):
        gradient = visited[-1]  # dL/dw = w
        visited.append(visited[-1] - learning_rate * gradient)
    return np.array(visited)


# %%
def draw_descent(learning_rate=1.7):
    """Three descents side by side: slow, at the chosen rate, too fast."""
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
    for panel, rate in zip(axes, [0.3, learning_rate, 2.1], strict=True):
        visited = descend(rate)
        reach = np.linspace(-1, 1, 101) * 1.15 * np.abs(visited).max()
        panel.plot(reach, reach**2 / 2, color="0.6")
        panel.plot(visited, visited**2 / 2, "o--", markersize=4)
        panel.set(title=f"learning rate {rate:g}", xlabel="weight w", ylabel="loss")
    return figure


# %%
widgets.explore(
    draw_descent,
    alt="Gradient descent on a parabola, three times. With learning rate 0.3 it slides down one side; with "
    "1.7 it jumps from side to side and still comes down; with 2.1 it jumps ever higher.",
    learning_rate=(0.1, 2.3, 0.1),
)

# %% [markdown]
# Below 1 it slides down, between 1 and 2 it overshoots and still arrives, above 2 it climbs out. **For a
# parabola the largest learning rate that works is two divided by its curvature**, here 2 because the
# curvature is 1.
#
# > **Pitfall: too large a learning rate.** The loss is not a little worse; it explodes. Eight steps from
# > $w=4$:

# %%
# NBVAL_CHECK_OUTPUT
for rate in [0.3, 1.0, 1.7, 2.1, 3.0]:
    print(f"learning rate {rate}: |w| = {abs(descend(rate)[-1]):.4f}")
assert abs(descend(1.7)[-1]) < 4 < abs(descend(2.1)[-1])

# %% [markdown]
# > **Errata.** A slide takes the step "in the direction of biggest positive change". That is uphill, and the
# > loss grows, as the next cell shows. Another calls gradient descent *Newton's method*. Newton divides the
# > gradient by the curvature; on this loss with learning rate 1 the two happen to agree, and on $L = 2w^2$ no
# > longer: there the curvature is 4, and Newton arrives in one step where plain descent with rate 1 diverges.
# > (With many weights the curvature is a matrix, and too large to invert.)

# %%
# NBVAL_CHECK_OUTPUT
w = 4.0
print("loss before        ", w**2 / 2)
print("one step uphill    ", round((w + 0.3 * w) ** 2 / 2, 2))
print("one step downhill  ", round((w - 0.3 * w) ** 2 / 2, 2))
gradient, curvature = 4 * w, 4
print("on 2w²: Newton lands at", w - gradient / curvature, "and plain descent at", w - 1.0 * gradient)

# %% [markdown]
# ## 2.5 The chain rule on a graph
#
# Where does the gradient come from? Take the smallest network: one input, one weight, one bias, one sigmoid,
# cross-entropy with target 1.
#
# $$z = wx + b, \qquad a = \sigma(z), \qquad L = -\log a.$$
#
# With $w=1$, $x=2$, $b=-1$ the forward pass fills in the numbers from left to right.

# %%
w, x, b = 1.0, 2.0, -1.0
z = w * x + b
a = sigmoid(z)
L = -np.log(a)


# %%
def draw_graph(backward_values):
    """The graph with the forward value above each edge and what flows back below it."""
    nodes = {
        "w": (0, 1.4, "w"),
        "x": (0, 0, "x"),
        "b": (0, -1.4, "b"),
        "z": (1, 0, "wx + b"),
        "a": (2, 0, "σ"),
        "L": (3, 0, "-log"),
        "out": (4, 0, "L"),
    }
    ends = [("w", "z"), ("x", "z"), ("b", "z"), ("z", "a"), ("a", "L"), ("L", "out")]
    forward_values = [w, x, b, z, a, L]
    edges = [
        (start, end, f"{value:.2f}", back)
        for (start, end), value, back in zip(ends, forward_values, backward_values, strict=True)
    ]
    return plots.computation_graph(nodes, edges)


plots.show(
    draw_graph([""] * 6),
    alt="A computation graph from w, x and b through the sum, the sigmoid and the logarithm to the loss, "
    "with the forward values 1, 2, -1, 1, 0.73 and 0.31 above the edges. The places below them are "
    "empty.",
)

# %% [markdown]
# > **Fill in.** Each node has a *local* derivative for each of its inputs: how much its output changes when
# > that input does. Take paper, begin with $dL/dL=1$ at the right, and go backwards: what arrives at a node
# > is multiplied by its local derivative and handed on. You need only three facts: the derivative of
# > $-\log a$ is $-1/a$, that of $\sigma$ is $a(1-a)$, and that of $wx+b$ with respect to $w$ is $x$, with
# > respect to $x$ is $w$, with respect to $b$ is 1. Write a number below each edge before you go on.

# %%
dL_da = -1 / a
dL_dz = dL_da * a * (1 - a)
dL_dw, dL_dx, dL_db = dL_dz * x, dL_dz * w, dL_dz * 1

plots.show(
    draw_graph([f"{value:.2f}" for value in [dL_dw, dL_dx, dL_db, dL_dz, dL_da, 1.0]]),
    alt="The same graph with the backward values below the edges: 1 at the loss, then -1.37, -0.27, and at "
    "the inputs -0.54 for w, -0.27 for x and -0.27 for b.",
)

# %% [markdown]
# Above each edge is the value that flows forward, below it the derivative of the loss that flows back. Every
# node did the same small thing: it took the number from its right and multiplied it by its own local
# derivative. No node needs to know what the network is for. **That is back-propagation.**
#
# And the whole product collapses: $-\frac1a \cdot a(1-a) = a - 1$, the plain error again. TensorFlow keeps
# the same books, on what it calls a *tape*:

# %%
# NBVAL_CHECK_OUTPUT
w_, b_ = tf.Variable(w, dtype="float64"), tf.Variable(b, dtype="float64")
with tf.GradientTape() as tape:
    loss = -tf.math.log(tf.sigmoid(w_ * x + b_))
from_tape = [float(g) for g in tape.gradient(loss, [w_, b_])]
print(f"by hand {dL_dw:.4f} {dL_db:.4f}")
print(f"tape    {from_tape[0]:.4f} {from_tape[1]:.4f}")
np.testing.assert_allclose([dL_dw, dL_db], from_tape, atol=1e-6)

# %% [markdown]
# ### One weight of lecture 1
#
# In the network of lecture 1 the first hidden neuron gave $I = .13$ and the first output $O = .35$. If the
# target had been $T = .9$, how should the weight between them change? With the squared error $\frac12(O-T)^2$
# the same product of three local derivatives is $I\,(O-T)\,O\,(1-O)$.

# %%
# NBVAL_CHECK_OUTPUT
I, O, T = 0.13, 0.35, 0.9  # noqa: E741
by_formula = I * (O - T) * O * (1 - O)

weight = tf.Variable(np.log(O / (1 - O)) / I)  # gives this output without the other two neurons
with tf.GradientTape() as tape:
    loss = (tf.sigmoid(weight * I) - T) ** 2 / 2
print(f"gradient {by_formula:.4f}, so that the weight must grow")
np.testing.assert_allclose(by_formula, float(tape.gradient(loss, weight)), atol=1e-6)

# %% [markdown]
# > **Erratum.** A slide writes for this gradient, for input $x$ and target $y$,
# > $(a-y)\,\sigma'(z)\,x = a\,\sigma'(z)$. The second form holds for $x=1$ and $y=0$ only. With the numbers
# > above even the sign would be wrong:

# %%
# NBVAL_CHECK_OUTPUT
shortened = O * O * (1 - O)
print(f"{shortened:+.4f} instead of {by_formula:+.4f}")
assert np.sign(shortened) != np.sign(by_formula)

# %% [markdown]
# ## 2.6 Back-propagation for a whole network
#
# Now a real one, small enough to write out: 2 inputs, 8 hidden tanh units, 1 sigmoid output, binary
# cross-entropy. A batch has $n$ rows, the four arrays of parameters are $W_1, b_1, W_2, b_2$.


# %%
def initial_parameters(seed):
    """Random kernels (inputs, units) of a 2-8-1 network, biases at zero."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(2, 8)), np.zeros(8), rng.normal(size=(8, 1)) / np.sqrt(8), np.zeros(1)]


def forward(parameters, X):
    """Return the hidden values (n, 8) and the probabilities (n, 1)."""
    W1, b1, W2, b2 = parameters
    hidden = np.tanh(X @ W1 + b1)
    return hidden, sigmoid(hidden @ W2 + b2)


def binary_cross_entropy(t, p):
    """Mean surprise of probabilities p about targets t, both (n, 1)."""
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))


# %% [markdown]
# One rule is new: where a value is used more than once, the derivatives that come back to it are *added*.
# With $z_{nk}=\sum_j h_{nj}W_{jk}+b_k$ for row $n$ and unit $k$:
#
# - $W_{jk}$ is used by every row, so $dL/dW_{jk}=\sum_n h_{nj}\,dL/dz_{nk}$, which is `hidden.T @ d_z`;
# - $b_k$ is used by every row, so $dL/db_k=\sum_n dL/dz_{nk}$, which is `d_z.sum(axis=0)`;
# - $h_{nj}$ is used by every unit, so $dL/dh_{nj}=\sum_k dL/dz_{nk}W_{jk}$, which is `d_z @ W.T`.
#
# And we divide by $n$ at the start, because the loss is a mean.
#
# The backward pass has the same lines in reverse order. Each one answers "how does the loss change with
# *this*?", and uses what the line before it found. Check the shapes as you read: a gradient always has the
# shape of the thing itself.


# %%
def backward(parameters, X, t):
    """Gradients of the binary cross-entropy with respect to [W1, b1, W2, b2]."""
    _, _, W2, _ = parameters
    hidden, p = forward(parameters, X)

    d_z2 = (p - t) / len(X)  # (n, 1): sigmoid and cross-entropy together
    d_W2 = hidden.T @ d_z2  # (8, 1)
    d_b2 = d_z2.sum(axis=0)  # (1,)
    d_hidden = d_z2 @ W2.T  # (n, 8)
    d_z1 = d_hidden * (1 - hidden**2)  # (n, 8): the derivative of tanh, element by element
    d_W1 = X.T @ d_z1  # (2, 8)
    d_b1 = d_z1.sum(axis=0)  # (8,)
    return [d_W1, d_b1, d_W2, d_b2]


# %% [markdown]
# > **Pitfall: two products.** NumPy's `*` multiplies element by element, `@` is the matrix product. A slide
# > reads $A * B$ as a matrix product. With square matrices neither complains, and they differ:

# %%
# NBVAL_CHECK_OUTPUT
A, B = np.array([[1, 2], [3, 4]]), np.array([[0, 1], [1, 0]])
print("A * B =", (A * B).tolist(), "   A @ B =", (A @ B).tolist())

# %% [markdown]
# ### Is it right?
#
# A wrong gradient rarely crashes; it learns badly, and one blames the data. So we test it twice, by ways that
# share nothing with our derivation. First, **finite differences**: nudge each parameter, look at the loss.


# %%
def finite_differences(parameters, X, t, step=1e-5):
    """The same gradients from the definition of the derivative: slow, and hard to get wrong."""
    gradients = [np.zeros_like(array) for array in parameters]
    for array, gradient in zip(parameters, gradients, strict=True):
        for index in np.ndindex(array.shape):
            original = array[index]
            losses = []
            for nudge in [step, -step]:
                array[index] = original + nudge
                losses.append(binary_cross_entropy(t, forward(parameters, X)[1]))
            array[index] = original
            gradient[index] = (losses[0] - losses[1]) / (2 * step)
    return gradients


# %% [markdown]
# Second, TensorFlow's tape, which knows only our *forward* pass.


# %%
def tape_gradients(parameters, X, t):
    """The same gradients by automatic differentiation, in double precision."""
    W1, b1, W2, b2 = variables = [tf.Variable(array) for array in parameters]
    with tf.GradientTape() as tape:
        p = tf.sigmoid(tf.tanh(X @ W1 + b1) @ W2 + b2)
        loss = -tf.reduce_mean(t * tf.math.log(p) + (1 - t) * tf.math.log(1 - p))
    return [gradient.numpy() for gradient in tape.gradient(loss, variables)]


# %%
# NBVAL_CHECK_OUTPUT
moons = datasets.moons(n=400, noise=0.15, seed=0)
X, t = moons.x.astype("float64"), moons.y[:, None].astype("float64")
parameters = initial_parameters(seed=0)

by_hand = backward(parameters, X, t)
for name, ours, nudged, taped in zip(
    ["W1", "b1", "W2", "b2"],
    by_hand,
    finite_differences(parameters, X, t),
    tape_gradients(parameters, X, t),
    strict=True,
):
    np.testing.assert_allclose(ours, nudged, atol=1e-6)
    np.testing.assert_allclose(ours, taped, atol=1e-6)
    print(f"{name}: shape {ours.shape}, equal to the tape's and to the finite differences within 1e-6")

# %% [markdown]
# All 33 of them. Note the cost: finite differences took two forward passes for each parameter, 66 in all.
# Back-propagation took one forward and one backward pass, whatever the number of parameters: that is how one
# number can tell thousands of weights where to go. What would the test have said to a mistake? We forget the
# derivative of tanh, a favorite:

# %%
without_tanh = X.T @ (((forward(parameters, X)[1] - t) / len(X)) @ parameters[2].T)
error = np.abs(without_tanh - by_hand[0]).max() / np.abs(by_hand[0]).max()
print(f"without the derivative of tanh, W1's gradient is off by {error:.0%} of its largest entry")
assert error > 0.1

# %% [markdown]
# ### The smallest training set
#
# Two points, $(0.9, -0.2)$ in class 0 and $(0.75, 0.6)$ in class 1, learning rate 0.01. **Stochastic gradient
# descent** (SGD) takes a step after each point.


# %%
def train(parameters, X, t, learning_rate, batch_size, epochs, seed=0, gradients=backward):
    """Mini-batch SGD. Returns new parameters, and the loss after each epoch."""
    rng = np.random.default_rng(seed)
    parameters, losses = [array.copy() for array in parameters], []
    for _ in range(epochs):
        order = rng.permutation(len(X))
        for start in range(0, len(X), batch_size):
            batch = order[start : start + batch_size]
            for array, gradient in zip(parameters, gradients(parameters, X[batch], t[batch]), strict=True):
                array -= learning_rate * gradient
        losses.append(binary_cross_entropy(t, forward(parameters, X)[1]))
    return parameters, losses


# %%
two_points = np.array([[0.9, -0.2], [0.75, 0.6]])
two_targets = np.array([[0.0], [1.0]])

trained, losses = train(initial_parameters(seed=0), two_points, two_targets, 0.01, batch_size=1, epochs=2000)
print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
print("probability of class 1:", forward(trained, two_points)[1].ravel().round(2))

# %%
expect(losses[-1], "loss on the two points", always=(0.005, 0.02))
assert (np.diff(losses) < 0).all()

# %% [markdown]
# The loss falls in every single epoch, and both points end on their own side.
#
# > **Erratum, and a failure on purpose.** The slide with this example gives the loss as
# > $-\sum_i y_i\log\hat y_i$ and calls it binary cross-entropy. That is the loss for a *softmax* with one
# > output per class. With one output, the point with $y=0$ contributes exactly nothing, and nothing is
# > learned from it. See what comes of it:


# %%
# NBVAL_CHECK_OUTPUT
W1, b1, W2, b2 = variables = [tf.Variable(array) for array in initial_parameters(seed=0)]
for point, target in zip(two_points, two_targets, strict=True):
    with tf.GradientTape() as tape:
        score = tf.tanh(point[None] @ W1 + b1) @ W2 + b2
        one_sided = -tf.reduce_sum(target * tf.math.log_sigmoid(score))
    largest = max(np.abs(gradient).max() for gradient in tape.gradient(one_sided, variables))
    print(f"target {target[0]:.0f}: the largest gradient is {'exactly zero' if largest == 0 else 'not zero'}")

# %% [markdown]
# So with this loss the network is trained on class 1 alone. Nothing ever tells it to say "no", and on the
# moons it learns to say "yes" to everything:


# %%
def one_sided_backward(parameters, X, t):
    """Gradients of -mean(t log p): the rows with t = 0 contribute nothing."""
    rows = t[:, 0] == 1
    if not rows.any():
        return [np.zeros_like(array) for array in parameters]
    return [gradient * rows.mean() for gradient in backward(parameters, X[rows], t[rows])]


fooled, _ = train(parameters, X, t, 0.1, batch_size=16, epochs=50, gradients=one_sided_backward)
says_yes = np.mean(forward(fooled, X)[1] > 0.5)
expect(says_yes, "share of the moons that get a yes", always=0.99)

# %% [markdown]
# > **Pitfall: the logarithm of zero.** Our loss takes $\log p$ of a probability. A very sure network rounds
# > it to exactly 0 or 1, and even a right answer suffers: the other term is $0\cdot\log 0 = 0\cdot(-\infty)$,
# > not a number. Libraries compute it from the logits instead, where the exponential and the logarithm
# > cancel: `from_logits=True`. We shall do so from lecture 3 on.

# %%
# NBVAL_CHECK_OUTPUT
very_sure = np.array([[50.0]])  # a logit, for an example of class 1
with np.errstate(divide="ignore", invalid="ignore"):
    naive = binary_cross_entropy(np.array([[1.0]]), sigmoid(very_sure))
from_logits = keras.losses.BinaryCrossentropy(from_logits=True)(np.array([[1.0]]), very_sure)
print(f"from the probability: {naive}, from the logit: {float(from_logits):.1f}")
assert np.isnan(naive)

# %% [markdown]
# ### Moons and XOR
# With the right loss the same forty lines learn real boundaries, in steps of 16 examples each (a *batch*),
# 300 times through all of them (*epochs*; 2.7 has more on both). (The noise has carried some of the XOR
# points across a border, so that not all of them can be right.)

# %%
moons_parameters, moons_losses = train(parameters, X, t, 0.1, batch_size=16, epochs=300)

xor = datasets.xor(n=400, noise=0.03, seed=0)
X_xor, t_xor = xor.x.astype("float64"), xor.y[:, None].astype("float64")
xor_parameters, xor_losses = train(initial_parameters(seed=1), X_xor, t_xor, 0.1, batch_size=16, epochs=300)


# %%
def accuracy(parameters, X, t):
    """Share of the rows on the right side of one half."""
    return np.mean((forward(parameters, X)[1] > 0.5) == t)


expect(accuracy(moons_parameters, X, t), "moons, network by hand", always=0.97)
expect(accuracy(xor_parameters, X_xor, t_xor), "XOR, network by hand", always=0.95)

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
axes[0].plot(moons_losses, label="moons")
axes[0].plot(xor_losses, "--", label="XOR")
axes[0].set(xlabel="epoch", ylabel="binary cross-entropy")
axes[0].legend()
plots.decision_regions(lambda p: forward(moons_parameters, p)[1].ravel(), X, t.ravel(), axes=axes[1])
plots.decision_regions(lambda p: forward(xor_parameters, p)[1].ravel(), X_xor, t_xor.ravel(), axes=axes[2])
axes[1].set_title("moons")
axes[2].set_title("XOR")
plots.show(
    figure,
    alt="Left, the training losses of moons and XOR fall over 300 epochs. Middle and right, the learned "
    "regions: a curve that winds between the two moons, and opposite corners of the square that belong "
    "together for XOR.",
)

# %% [markdown]
# The moons' loss rests on a plateau for some 80 epochs. There the network has found the best *straight* line;
# then it learns to bend it. The loss of the best straight line says so:

# %%
from sklearn.linear_model import LogisticRegression

straight = LogisticRegression(C=1e6).fit(X, t.ravel())
straight_loss = binary_cross_entropy(t, straight.predict_proba(X)[:, 1:])
print(f"best straight line: loss {straight_loss:.3f}; our network after 40 epochs: {moons_losses[39]:.3f}")
expect(moons_losses[39] / straight_loss, "plateau against the best straight line", always=(0.9, 1.1))

# %% [markdown]
# ## 2.7 Epoch, batch, iteration
#
# Three words that are easily mixed up. One pass through all examples is an **epoch**. The examples of one
# step are a **batch**. One step is an **iteration**. Why batches at all? The gradient of a batch is an
# estimate of the gradient of all examples: cheaper, and noisier. How much noisier?

# %%
full = backward(parameters, X, t)[0].ravel()  # the gradient of W1 from all examples
batch_sizes = [1, 4, 16, 64]
deviations = []
for batch_size in batch_sizes:
    batches = [rng.choice(len(X), batch_size) for _ in range(2000)]
    estimates = np.array([backward(parameters, X[rows], t[rows])[0].ravel() for rows in batches])
    deviations.append(np.sqrt(((estimates - full) ** 2).sum(axis=1).mean()) / np.linalg.norm(full))
    print(f"batch of {batch_size:2d}: typical error {deviations[-1]:.0%} of the gradient's length")

# %%
noise_ratio = deviations[0] / deviations[-1]
expect(noise_ratio, "noise of 1 example against 64", always=(7, 9), because="the square root of 64 is 8")

# %% [markdown]
# Sixty-four times the work makes the estimate eight times better: the error falls with the *square root* of
# the batch size. That is why small batches are such good value, and why larger ones pay off only as far as
# the machine works on them in parallel.
#
# > **Predict.** 400 examples, batches of 64, 10 epochs. How many iterations? How large is the last batch of
# > an epoch?

# %%
# NBVAL_CHECK_OUTPUT
full_batches, rest = divmod(len(X), 64)
iterations = full_batches + (rest > 0)
print(
    f"an epoch has {iterations} iterations, ten epochs {10 * iterations}; the last batch has {rest} examples"
)

# %% [markdown]
# > **Erratum.** Before all this, inputs are usually brought to mean 0 and width 1. A slide says "divide by
# > the variance". It is the *standard deviation*: the variance has another unit, and the result another
# > width.

# %%
# NBVAL_CHECK_OUTPUT
heights = np.array([150.0, 160.0, 170.0, 180.0, 190.0])  # in cm
centered = heights - heights.mean()
print(f"divided by the standard deviation: width {(centered / heights.std()).std():.2f}")
print(f"divided by the variance:           width {(centered / heights.var()).std():.2f}")

# %% [markdown]
# ## 2.8 The training loop, in TensorFlow
#
# Every framework runs the same five lines for each batch:
#
# 1. set the gradients to zero (a new tape starts empty; in PyTorch you ask for it),
# 2. forward: compute the answers,
# 3. compute the loss,
# 4. backward: compute the gradients,
# 5. step: let the optimizer change the weights.


# %%
def make_model():
    """The 2-8-1 network in Keras, with the weights that our own started from."""
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(8, activation="tanh"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.set_weights(parameters)
    return model


# %%
loss_function = keras.losses.BinaryCrossentropy()
model = make_model()
optimizer = keras.optimizers.SGD(learning_rate=0.1)


def train_step(x_batch, y_batch):
    """One iteration: the five lines."""
    with tf.GradientTape() as tape:  # 1: a fresh tape
        answers = model(x_batch, training=True)  # 2
        loss = loss_function(y_batch, answers)  # 3
    gradients = tape.gradient(loss, model.trainable_variables)  # 4
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))  # 5
    return loss


# %% [markdown]
# We run it for two epochs without shuffling, and let `model.fit` do the same with a second copy of the model.
# (`from_tensor_slices` and `batch` hand out the rows in portions; `compile` tells `fit` which optimizer and
# loss to use; 32-bit numbers are what Keras computes with.)

# %%
X32, t32 = X.astype("float32"), t.astype("float32")
batches = tf.data.Dataset.from_tensor_slices((X32, t32)).batch(64)
for _ in range(2):
    for x_batch, y_batch in batches:
        train_step(x_batch, y_batch)

fitted = make_model()
fitted.compile(optimizer=keras.optimizers.SGD(learning_rate=0.1), loss=loss_function)
history = fitted.fit(X32, t32, batch_size=64, epochs=2, shuffle=False, verbose=0)

# %% [markdown]
# Our own NumPy code is the third. All three must arrive at the same 33 numbers, and those must have moved.

# %%
# NBVAL_CHECK_OUTPUT
ours = [array.copy() for array in parameters]
for _ in range(2):
    for start in range(0, len(X), 64):
        rows = slice(start, start + 64)
        for array, gradient in zip(ours, backward(ours, X[rows], t[rows]), strict=True):
            array -= 0.1 * gradient

for by_numpy, by_loop, by_fit in zip(ours, model.get_weights(), fitted.get_weights(), strict=True):
    np.testing.assert_allclose(by_loop, by_fit, atol=1e-6)
    np.testing.assert_allclose(by_numpy, by_loop, atol=1e-5)
assert not np.allclose(ours[0], parameters[0], atol=1e-2)
print(f"NumPy, the loop and fit: the same {model.count_params()} weights after {2 * len(batches)} iterations")

# %% [markdown]
# There is no secret in `fit`: it is the five lines, a loop, and good manners (shuffling, metrics, callbacks).
# When you need something that `fit` does not offer, you now know what to write.
#
# ## 2.9 Eager and graph
#
# So far TensorFlow has run **eagerly**: each operation at once, called from Python. `tf.function` traces the
# Python code once for each shape and type of its arguments, records the operations as a **graph**, and runs
# the graph from then on. (`fit` has always done so; `run_eagerly=True` turns it off, for debugging.) The
# numbers must not change:

# %%
# NBVAL_CHECK_OUTPUT
x_batch, y_batch = tf.constant(X32[:64]), tf.constant(t32[:64])
graph_loss = tf.function(lambda x, y: loss_function(y, model(x)))
eager_value = float(loss_function(y_batch, model(x_batch)))
np.testing.assert_allclose(float(graph_loss(x_batch, y_batch)), eager_value, rtol=1e-6)
print("eager and graph give the same loss")

# %% [markdown]
# The time does change. For a network as small as ours nearly all of it is Python talking to TensorFlow, which
# the graph saves.


# %%
def milliseconds(step, repeats=100):
    """Median time of one call, after a first call that may trace."""
    float(step(x_batch, y_batch))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        float(step(x_batch, y_batch))  # waits for the result, also on a GPU
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


eager_ms = milliseconds(train_step)
graph_ms = milliseconds(tf.function(train_step))
print(f"one step: eager {eager_ms:.2f} ms, graph {graph_ms:.2f} ms, {eager_ms / graph_ms:.1f} times as fast")

# %%
expect(eager_ms / graph_ms, "speed-up by the graph", always=2)

# %% [markdown]
# > **Pitfall: what tracing remembers.** Python code in a traced function runs while it is traced, and then no
# > more. A `print`, a counter, a `random.random()`: once.

# %%
# NBVAL_CHECK_OUTPUT
calls: list[float] = []


@tf.function
def counted(x):
    """Note each call, or so it seems."""
    calls.append(0)
    return x + 1


for value in [1.0, 2.0, 3.0]:
    counted(tf.constant(value))
print("called with three tensors, noted", len(calls))
for value in [1.0, 2.0, 3.0]:
    counted(value)
print("called with three numbers too, noted", len(calls))

# %% [markdown]
# Three tensors of one shape and type are one kind of input. A Python number is a new kind each time, and is
# traced again: pass tensors.

# %% [markdown]
# ## 2.10 A loss of your own
#
# Cross-entropy is minus the logarithm of a probability, a **negative log-likelihood**. So is the squared
# error, if the noise is Gaussian and equally wide everywhere. And when the width is *not* the same
# everywhere? Then let the network predict it, too. For a Gaussian with mean $\mu$ and width $s$,
#
# $$-\log p(y) = \frac{(y-\mu)^2}{2s^2} + \log s + \text{const}.$$
#
# The first term wants a large $s$ where the errors are large; the second makes every large $s$ cost
# something. They balance where $s^2$ is the mean squared error. ($p(y)$ is a *density*, which may exceed 1,
# so that this loss may be negative.) The network gets two outputs, $\mu$ and $\log s$ (any real number will
# do for a logarithm, so that $s$ stays positive by itself).


# %%
def gaussian_nll(y, outputs):
    """Negative log-likelihood. y: (n, 1); outputs: (n, 2), the mean and the log of the width."""
    mean, log_width = outputs[:, :1], outputs[:, 1:]
    return keras.ops.mean((y - mean) ** 2 / (2 * keras.ops.exp(2 * log_width)) + log_width)


# %% [markdown]
# SciPy knows the Gaussian, too. Up to the constant, $\frac12\log 2\pi$, the two must agree on any numbers:

# %%
from scipy.stats import norm

y_any, outputs_any = rng.normal(size=(50, 1)), rng.normal(size=(50, 2))
from_scipy = -norm.logpdf(y_any[:, 0], loc=outputs_any[:, 0], scale=np.exp(outputs_any[:, 1])).mean()
ours_any = float(gaussian_nll(y_any, outputs_any))
np.testing.assert_allclose(ours_any, from_scipy - np.log(2 * np.pi) / 2, rtol=1e-6)

# %% [markdown]
# Now data whose noise grows from left to right, and a network with the loss of our own.

# %%
x_noisy = rng.uniform(0, 1, size=(2000, 1))
true_width = 0.05 + 0.4 * x_noisy
y_noisy = np.sin(2 * np.pi * x_noisy) + true_width * rng.normal(size=(2000, 1))

# %%
training.set_seeds(0)
noise_model = keras.Sequential(
    [
        keras.Input((1,)),
        keras.layers.Dense(32, activation="tanh"),
        keras.layers.Dense(32, activation="tanh"),
        keras.layers.Dense(2),
    ]
)
noise_model.compile(optimizer=keras.optimizers.Adam(0.005), loss=gaussian_nll)
bar = training.progress("mean and width")
history = noise_model.fit(x_noisy, y_noisy, batch_size=64, epochs=100, verbose=0, callbacks=[bar])

# %%
x_line = np.linspace(0, 1, 201)[:, None]
mean, log_width = noise_model(x_line).numpy().T
width = np.exp(log_width)

figure, axes = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
axes.plot(x_noisy, y_noisy, ".", markersize=2, color="0.6", label="examples")
axes.plot(x_line, mean, label="predicted mean")
axes.fill_between(x_line[:, 0], mean - 2 * width, mean + 2 * width, alpha=0.25, label="± 2 predicted widths")
axes.set(xlabel="x", ylabel="y")
axes.legend(loc="lower left")
plots.show(
    figure,
    alt="A sine-shaped cloud of points that gets wider from left to right. The predicted mean runs through "
    "its middle, and the band of two predicted widths opens like a trumpet with the cloud.",
)

# %%
width_error = np.abs(width / (0.05 + 0.4 * x_line[:, 0]) - 1)
expect(np.corrcoef(width, x_line[:, 0])[0, 1], "correlation of predicted width and x", always=0.9)
expect(np.median(width_error), "typical error of the predicted width", always=(0, 0.2))
mean_error = np.abs(mean - np.sin(2 * np.pi * x_line[:, 0])).mean()
expect(mean_error, "mean error of the predicted mean", always=(0, 0.08))

# %% [markdown]
# Nobody told the network how wide the noise is. It found out because saying so made the data more likely. A
# prediction that comes with its uncertainty is worth more than a prediction. But mind what it covers: the
# noise in the data, not the network's own ignorance. It says nothing about places without examples.
#
# ## What we measured

# %%
summary = [
    ("gradients by hand against the tape, 33 numbers", "equal within 1e-6"),
    ("steps to change one's mind, cross-entropy / squared error", f"{steps_ce} / {steps_mse}"),
    ("moons, network by hand", f"{accuracy(moons_parameters, X, t):.1%}"),
    ("XOR, network by hand", f"{accuracy(xor_parameters, X_xor, t_xor):.1%}"),
    ("noise of 1 example against 64", f"{noise_ratio:.1f} times"),
    ("graph against eager, one step", f"{eager_ms / graph_ms:.1f} times as fast"),
]
for what, result in summary:
    print(f"{what:58s} {result}")

# %% [markdown]
# ## Recap
#
# - A loss says what to aim for: squared error the mean, absolute error the median, cross-entropy the
#   probabilities.
# - Cross-entropy with a sigmoid or softmax leaves the plain error as gradient; the squared error lets the
#   flat end swallow it.
# - Back-propagation is the chain rule with good bookkeeping: each node multiplies by its own local
#   derivative, and what comes back from several sides is added.
# - Test a gradient before you trust it. Finite differences take ten lines.
# - A training step is five lines; an epoch is many of them; `fit` is no more than that, and `tf.function`
#   makes it fast.
#
# ## Try it yourself
#
# The [exercise of this lecture](exercises/02_learning.ipynb) has tasks that tell you at once
# whether you are right, with a hint where you are not. And three more to play with, without a check:
#
# 1. Write `backward` for a hidden layer of ReLU units, and test it in both ways. Add the point (0, 0): why
#    does it trouble the finite differences?
# 2. Start all weights of the 2-8-1 network at zero. What does it learn, and why?
# 3. Fit a line to twenty points, five of them wild, once with MSE and once with MAE. Plot both.
#
# ## Further reading
#
# - *Learning representations by back-propagating errors*, D. Rumelhart, G. Hinton, R. Williams, 1986.
# - *A mathematical theory of communication*, C. Shannon, 1948.
# - *On information and sufficiency*, S. Kullback, R. Leibler, 1951.
# - *Automatic differentiation in machine learning: a survey*, A. Baydin, B. Pearlmutter, A. Radul, J.
#   Siskind, 2018.
# - *Estimating the mean and variance of the target probability distribution*, D. Nix, A. Weigend, 1994.
