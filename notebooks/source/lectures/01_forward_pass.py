# %% [markdown]
# # 1 · The forward pass
#
# A photograph goes in, the word "seven" comes out. Between the two there is nothing but multiplication,
# addition and one bent curve, repeated. **What exactly does a neural network compute, and why is so little
# enough to draw almost any boundary?** We do it with a pencil first, then with NumPy, then with Keras, and
# check that all three agree to six digits.
#
# **You will be able to**
#
# - compute the output of a small network by hand, and as one matrix product per layer;
# - say what each activation function is good for, and where it stops learning;
# - turn scores into probabilities with softmax, without overflow;
# - look at a layer as a map that bends space, and say why two hidden units cannot enclose a ring;
# - explain what depth buys, and what it costs.
#
# **Time:** 50 minutes to read, half a minute to run. **Builds on:** calculus, Python, the matrix product.

# %%
import matplotlib.pyplot as plt
import numpy as np

from lecture_utils import datasets, plots, widgets
from lecture_utils.checks import expect

# %% [markdown]
# ## 1.1 One neuron
#
# A neuron takes some numbers in, multiplies each by a **weight**, adds them up, and sends the sum through a
# curve. The sum is called the **pre-activation** $z$, the curve the **activation** $g$, the result the
# neuron's **activation value** $a = g(z)$:
#
# $$z = \sum_i w_i x_i + b, \qquad a = g(z).$$
#
# $b$ is the **bias**; we leave it at zero for a moment. Our curve is the sigmoid, $\sigma(z) = 1/(1+e^{-z})$,
# which squeezes any number into the interval from 0 to 1.
#
# > **Predict.** The input is $(0.5,\ 0.9,\ -0.3)$ and the weights are $(1, -2, 2)$. Is the output nearer to 0
# > or nearer to 1? Work out the sum before you run the cell.


# %%
# NBVAL_CHECK_OUTPUT
def sigmoid(z):
    """Squeeze any real number into the interval from 0 to 1."""
    return 1 / (1 + np.exp(-z))


x = np.array([0.5, 0.9, -0.3])
weights = np.array([1, -2, 2])

z = weights @ x
print(f"pre-activation {z:.1f}, output {sigmoid(z):.2f}")

# %% [markdown]
# $0.5 - 1.8 - 0.6 = -1.9$, and the sigmoid of a number well below zero is close to 0. The neuron says "rather
# not", mostly because of the middle input: it is the largest, and its weight is negative.
#
# ## 1.2 A layer is several neurons at once
#
# Three neurons that look at the same three inputs form a layer. Put the weights of each neuron in a row, and
# the three sums become one matrix product, $z = Wx$.

# %%
# NBVAL_CHECK_OUTPUT
W_hidden = np.array(
    [
        [1, -2, 2],  # first neuron
        [2, 1, -4],  # second
        [1, -1, 0],  # third
    ]
)
z_hidden = W_hidden @ x
hidden = sigmoid(z_hidden)
print("pre-activations", z_hidden.round(1))
print("hidden         ", hidden.round(2))

# %% [markdown]
# The first entry is the neuron that we did by hand. The second is almost certain, the third undecided.
#
# ## 1.3 A network is a layer after a layer
#
# The three numbers that come out are the input of the next layer: two neurons with three weights each.

# %%
# NBVAL_CHECK_OUTPUT
W_output = np.array([[-3, 1, -3], [0, 1, 2]])
output = sigmoid(W_output @ hidden)
print("output", output.round(2))

# %% [markdown]
# That was a **forward pass**: three numbers in, two numbers out, and between them two matrix products and two
# applications of the sigmoid. Here it is with each weight on its edge and each value in its node.

# %%
plots.show(
    plots.network([W_hidden.T, W_output.T], values=[x, hidden, output], names=["input", "hidden", "output"]),
    alt="A network drawn as a graph: three inputs 0.5, 0.9 and -0.3, three hidden nodes 0.13, 0.96 and 0.40, "
    "two outputs 0.35 and 0.85, with the weight of each connection written on its edge.",
)

# %% [markdown]
# Follow one path with a finger: from the input 0.9 along the edge -2 to the first hidden node, from there
# along -3 to the first output. Without the sigmoids each output would be a sum over all paths that lead to
# it, the weights along a path multiplied. The sigmoid bends the sum at every node.
#
# ### The bias
#
# A sum of weighted inputs is zero when the inputs are zero, whatever the weights. The **bias** removes this
# restriction: one number per neuron, added to its sum. With a bias of 0.1 on every hidden neuron:

# %%
# NBVAL_CHECK_OUTPUT
b_hidden = np.full(3, 0.1)
z_biased = W_hidden @ x + b_hidden
print("pre-activations", z_biased.round(1))
print("hidden         ", sigmoid(z_biased).round(2))

# %% [markdown]
# > **Erratum.** The slides from which this example comes print .40 for the third hidden value with the bias,
# > too. That is the value *without*: $\sigma(-0.4) = .40$, but $\sigma(-0.3) = .43$, as the cell above
# > computes. They also speak of one bias per layer; it is one per neuron (here three equal ones).

# %%
assert np.isclose(sigmoid(-0.4), 0.40, atol=0.005)
assert np.isclose(sigmoid(z_biased[2]), 0.43, atol=0.005)
assert b_hidden.shape == z_biased.shape

# %% [markdown]
# ## 1.4 Many examples at once
#
# A computer is fastest when it gets much to do in one go, so we push a whole **batch** of examples through
# the network together. By convention each example is a *row*: `X` has the shape `(batch, inputs)`.
# Transposing $z=Wx$ gives $z^T=x^TW^T$, so that the product reads `X @ W.T`, and `+ bias` is added to every
# row. Keras stores $W^T$ itself, of shape `(inputs, units)`, and calls it the layer's **kernel**. (PyTorch
# keeps $W$ as we wrote it.)


# %%
def forward(X, kernels, biases, activation=sigmoid):
    """Send a batch through dense layers. X: (batch, inputs); each kernel: (inputs, units)."""
    values = X
    for kernel, bias in zip(kernels, biases, strict=True):
        values = activation(values @ kernel + bias)
    return values


kernels = [W_hidden.T, W_output.T]
no_bias = [np.zeros(3), np.zeros(2)]

# %% [markdown]
# Five examples: ours, and four at random. The first row of the result must be the output that we know.

# %%
# NBVAL_CHECK_OUTPUT
rng = np.random.default_rng(1)
X = np.vstack([x, rng.normal(size=(4, 3))])
outputs = forward(X, kernels, no_bias)
print("shapes:", X.shape, "->", outputs.shape)
print("first row:", outputs[0].round(2))
assert np.allclose(outputs[0], output)

# %% [markdown]
# > **Pitfall: the matrix the wrong way round.** Our first matrix is square. If we forget to transpose it, no
# > shape disagrees, no error appears, and every number is wrong.

# %%
# NBVAL_CHECK_OUTPUT
wrong = forward(X, [W_hidden, W_output.T], no_bias)
print("shape as expected:", wrong.shape)
print("first row:", wrong[0].round(2), "instead of", outputs[0].round(2))
assert not np.allclose(wrong, outputs, atol=0.05)

# %% [markdown]
# The cure is cheap: test a layer with *different* numbers of inputs and units, where the mistake cannot hide.
#
# ## 1.5 The same network in Keras
#
# Keras gives a layer a name, keeps its kernel and bias, and does the product on all cores.
# `training.quiet_tensorflow()` holds back the page of notes that TensorFlow prints when it starts.

# %%
from lecture_utils import training

training.quiet_tensorflow()
import keras

model = keras.Sequential(
    [
        keras.Input((3,)),
        keras.layers.Dense(3, activation="sigmoid"),
        keras.layers.Dense(2, activation="sigmoid"),
    ]
)

# %% [markdown]
# The weights it starts with are random. We put ours in their place and send the same batch through.

# %%
# NBVAL_CHECK_OUTPUT
model.set_weights([kernels[0], no_bias[0], kernels[1], no_bias[1]])
keras_outputs = model(X).numpy()
print("parameters:", model.count_params())
print("first row:", keras_outputs[0].round(2))
np.testing.assert_allclose(keras_outputs, outputs, atol=1e-6)

# %% [markdown]
# Equal to six digits, for every row; Keras computes in 32-bit numbers, which hold about seven. The model has
# 20 parameters: $3\times3$ weights and 3 biases, then $3\times2$ weights and 2 biases. There is nothing in a
# `Dense` layer beyond what we wrote by hand.
#
# ## 1.6 The network as a matrix
#
# A network is a graph, and a graph has an **adjacency matrix**: entry $(i, j)$ holds the weight of the edge
# from node $i$ to node $j$, or zero where there is none. Ours has eight nodes.

# %%
A = np.zeros((8, 8))
A[0:3, 3:6] = W_hidden.T  # inputs (0, 1, 2) to hidden (3, 4, 5)
A[3:6, 6:8] = W_output.T  # hidden to outputs (6, 7)

plots.show(
    plots.weights([A], xlabel="to node", ylabel="from node"),
    alt="The 8 by 8 adjacency matrix as a heat map. Only two blocks are filled, both above the diagonal: "
    "inputs to hidden nodes, and hidden nodes to outputs.",
)

# %% [markdown]
# Both blocks lie above the diagonal: every edge leads to a later node, so that nothing ever comes back. That
# is what *feed-forward* means. The empty blocks are a choice, too: a weight from an input straight to an
# output would be a **skip connection**, one below the diagonal a **recurrent** one. You will meet both.
#
# Products of $A$ with itself count paths. $A^2$ holds, for each pair of nodes, the sum over all paths of two
# edges, the weights along each path multiplied; from the inputs to the outputs that is the product of our two
# matrices. $A^3$ is zero: no path is longer. The sigmoids make the network more than this sum.

# %%
np.testing.assert_allclose((A @ A)[0:3, 6:8], (W_output @ W_hidden).T)
assert not (A @ A @ A).any()

# %% [markdown]
# ## 1.7 Activation functions
#
# Why bend the sum at all? Because without the bend, layers collapse: $W_2(W_1x)$ is $(W_2W_1)x$, one single
# matrix. Ten linear layers are one linear layer with more work.

# %%
random_points = rng.normal(size=(100, 3))
two_layers = (random_points @ W_hidden.T) @ W_output.T
one_layer = random_points @ (W_output @ W_hidden).T
np.testing.assert_allclose(two_layers, one_layer, atol=1e-12)

# %% [markdown]
# Five bends are in common use. For each we also write the **derivative**, because learning (lecture 2)
# follows the *gradient*, which says how the error changes with each weight, and by the chain rule the
# gradient is a product with one factor $g'(z)$ for each layer. Where a factor is zero, nothing is learned.
#
# | name | $g(z)$ | $g'(z)$ | range |
# |---|---|---|---|
# | sigmoid | $1/(1+e^{-z})$ | $g(1-g)$ | 0 to 1 |
# | tanh | $(e^z-e^{-z})/(e^z+e^{-z})$ | $1-g^2$ | -1 to 1 |
# | ReLU | $\max(z, 0)$ | 1 if $z>0$, else 0 | 0 and up |
# | leaky ReLU | $z$ if $z>0$, else $0.2z$ | 1 or 0.2 | all numbers |
# | ELU | $z$ if $z>0$, else $e^z-1$ | 1 or $e^z$ | above -1 |

# %%
activations = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (lambda z: np.tanh(z), lambda z: 1 - np.tanh(z) ** 2),
    "ReLU": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
    "leaky ReLU": (lambda z: np.where(z > 0, z, 0.2 * z), lambda z: np.where(z > 0, 1, 0.2)),
    "ELU": (lambda z: np.where(z > 0, z, np.exp(z) - 1), lambda z: np.where(z > 0, 1, np.exp(z))),
}

# %% [markdown]
# > **Predict.** One of these derivatives never exceeds one quarter. Which one, and what does that mean for
# > the product of ten of them?

# %%
z = np.linspace(-4, 4, 801)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharex=True, layout="constrained")
for (name, (g, g_prime)), style in zip(activations.items(), ["-", "--", "-.", ":", (0, (5, 1))], strict=True):
    axes[0].plot(z, g(z), linestyle=style, label=name)
    axes[1].plot(z, g_prime(z), linestyle=style, label=name)
axes[0].set(xlabel="pre-activation z", ylabel="g(z)", title="activation", ylim=(-1.5, 4))
axes[1].set(xlabel="pre-activation z", ylabel="g'(z)", title="derivative")
axes[0].legend()
plots.show(
    figure,
    alt="Left, five activation functions: sigmoid and tanh level off on both sides, ReLU, leaky ReLU and ELU "
    "grow without bound to the right. Right, their derivatives: sigmoid's is a low hill of height 0.25, "
    "tanh's a hill of height 1, ReLU's a step from 0 to 1.",
)

# %% [markdown]
# It is the sigmoid: its derivative is at most 0.25, at $z=0$. Ten sigmoids in a row, with weights of size 1
# between them, pass back at most $0.25^{10}$ of a gradient, less than one millionth. We check every
# derivative against a finite difference, and every function against Keras' own. The two are different tests:
# a function and its derivative can agree with each other and both be wrong.

# %%
# NBVAL_CHECK_OUTPUT
assert 0.25**10 < 1e-6
z = np.linspace(-4.05, 4.05, 82)  # the kink at zero is not among the points
step = 1e-6
for name, (g, g_prime) in activations.items():
    difference = (g(z + step) - g(z - step)) / (2 * step)
    np.testing.assert_allclose(g_prime(z), difference, atol=1e-8)
    np.testing.assert_allclose(g(z), keras.activations.get(name.lower().replace(" ", "_"))(z), atol=1e-6)
    print(f"{name:10s} largest slope {g_prime(z).max():.2f}")

# %% [markdown]
# ### Saturation
#
# Where a curve is flat, the unit is **saturated**: its output hardly changes whatever its input does, so
# there is nothing to learn from. How flat is flat?

# %%
# NBVAL_CHECK_OUTPUT
for z_value in [0, 2, 5, 10]:
    slopes = ", ".join(f"{name} {activations[name][1](z_value):.5f}" for name in ["sigmoid", "tanh", "ReLU"])
    print(f"slope at z = {z_value:2d}:  {slopes}")

# %% [markdown]
# At 0 ReLU has no derivative: it is 0 from the left and 1 from the right. Keras takes 0, and so do we; it
# hardly ever matters. (0.2 is Keras' slope for leaky ReLU; its authors used 0.01.) At $z=10$ the sigmoid
# passes on less than 0.00005 of a gradient, and tanh even less: it starts out steeper and is flat sooner.
# ReLU passes on everything, as long as $z$ is positive.
#
# ### Dead units
#
# And when $z$ is negative? Then ReLU passes on nothing at all. A ReLU unit whose bias is so low that $z$ is
# negative *for every example* outputs zero, has slope zero, and has no gradient to bring it back as long as
# its inputs stay as they are. It is **dead**. We take 1,000 random examples and 200 random units, lower the
# bias, and count.

# %%
examples = rng.normal(size=(1000, 10))
kernel = rng.normal(size=(10, 200)) / np.sqrt(10)  # (inputs, units): pre-activations of variance 1
biases = np.linspace(0, -6, 13)
dead = [np.mean(np.all(examples @ kernel + bias <= 0, axis=0)) for bias in biases]

figure, axes = plt.subplots(figsize=(5.5, 3), layout="constrained")
axes.plot(biases, dead, marker="o")
axes.set(xlabel="bias of every unit", ylabel="fraction of dead units", ylim=(-0.05, 1.05))
plots.show(
    figure,
    alt="The fraction of dead ReLU units against their bias: zero down to a bias of about -1.5, then a steep "
    "rise, and nearly all units dead at -6.",
)

# %% [markdown]
# No unit is dead with a bias near zero, practically every one at -6. In training, one step that was too large
# can throw a unit there. Leaky ReLU and ELU keep a small slope on the left for that reason.

# %%
# `expect` stops the notebook when a number leaves the range in which the text remains true.
expect(dead[0], "dead units without bias", always=(0, 0.001))
expect(dead[-1], "dead units with bias -6", always=0.9)

# %% [markdown]
# ### Centered on zero
#
# A last difference shows in the averages. Inputs that are symmetric about zero leave tanh symmetric about
# zero. The sigmoid moves them all to the positive side. The gradient of the weight $w_i$ of a unit in the
# next layer is $\delta\,a_i$, with one common factor $\delta$. If all $a_i$ are positive, all these gradients
# have one sign: all weights must grow or all must shrink, and the way to the goal becomes a zigzag.

# %%
# NBVAL_CHECK_OUTPUT
z = np.linspace(-4, 4, 801)
for name, (g, _) in activations.items():
    print(f"{name:10s} mean output {g(z).mean():+.2f}")

# %% [markdown]
# ReLU has the same fault, and is the most used of the five all the same: it is cheap, and on the right it
# never saturates. ELU is a compromise.
#
# ## 1.8 Softmax: from scores to probabilities
#
# A classifier's last layer gives one score per class, any real number, called a **logit**. To read the scores
# as probabilities they must be positive and add up to one. Exponentiate, then divide by the sum:
#
# $$p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}.$$
#
# Physicists know this as the **Boltzmann distribution**: $e^{-E_k/T}/\sum_j e^{-E_j/T}$ is the probability of
# a state of energy $E_k$ at temperature $T$. A logit is a negative energy, and the usual softmax has $T=1$.

# %%
# NBVAL_CHECK_OUTPUT
logits = np.array([4.8, -2.6, 2.9])
exponentials = np.exp(logits)
probabilities = exponentials / exponentials.sum()
print("exponentials ", ", ".join(f"{value:.2f}" for value in exponentials))
print("probabilities", probabilities.round(2))
print("in full:     ", ", ".join(f"{value:.4f}" for value in probabilities))
print(f"best against second best: a factor of {exponentials[0] / exponentials[2]:.1f}")

# %% [markdown]
# A difference of 1.9 between the best and the second-best score has become a factor of nearly seven. Softmax
# exaggerates differences, and the temperature says by how much. Move the slider: what happens when $T$ is
# very small, and when it is very large?


# %%
def softmax(z, temperature=1.0):
    """Boltzmann distribution of the states with energies -z. z: (..., classes)."""
    scaled = (z - z.max(axis=-1, keepdims=True)) / temperature
    exponentials = np.exp(scaled)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


np.testing.assert_allclose(softmax(logits), probabilities)
np.testing.assert_allclose(softmax(logits), keras.activations.softmax(logits[None])[0], atol=1e-6)


# %%
def draw_temperatures(temperature=1.0):
    """Bars of the three probabilities: cold, at the chosen temperature, hot."""
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.6), sharey=True, layout="constrained")
    for panel, t in zip(axes, [0.3, temperature, 100], strict=True):
        panel.bar(["4.8", "-2.6", "2.9"], softmax(logits, t))
        panel.set(title=f"T = {t:g}", xlabel="logit", ylim=(0, 1))
    axes[0].set_ylabel("probability")
    return figure


widgets.explore(
    draw_temperatures,
    alt="Three bar charts of the softmax of 4.8, -2.6 and 2.9. At temperature 0.3 nearly all of the "
    "probability is on 4.8; at 100 the three bars are nearly equal; the middle one shows the chosen "
    "temperature, 0.87 to 0.13 at 1.",
    temperature=(0.1, 20.0, 0.1),
)

# %% [markdown]
# Cold, the largest score takes everything; hot, all are nearly equal. Lecture 14 uses the temperature to make
# a text generator more daring. Both limits are computed here:

# %%
np.testing.assert_allclose(softmax(logits, 0.01), [1, 0, 0], atol=1e-9)
np.testing.assert_allclose(softmax(logits, 1e6), np.full(3, 1 / 3), atol=1e-5)

# %% [markdown]
# > **Pitfall: overflow.** Our `softmax` subtracts the largest logit first. That changes nothing in the
# > mathematics, since the factor $e^{-\max z}$ cancels. In the machine it changes everything, because
# > $e^{1000}$ is more than a floating-point number can hold. Watch the version without the shift fail:

# %%
# NBVAL_CHECK_OUTPUT
large = np.array([1000.0, 999.0, 0.0])
with np.errstate(over="ignore", invalid="ignore"):
    naive = np.exp(large) / np.exp(large).sum()
print("without the shift:", naive)
print("with the shift:   ", softmax(large).round(2))  # nan is infinity / infinity
assert np.isnan(naive).any()
assert np.isclose(softmax(large).sum(), 1)

# %% [markdown]
# ## 1.9 What a layer does to space
#
# A layer with two inputs and two units maps each point of the plane to another point of the plane. The matrix
# rotates, scales and skews; the bias shifts; the activation bends. One after the other, on a square grid:

# %%
W = np.array([[1.2, 0.8], [-0.6, 1.0]])
b = np.array([0.5, -0.3])
steps = [
    ("input", lambda points: points),
    ("matrix", lambda points: points @ W.T),
    ("matrix and bias", lambda points: points @ W.T + b),
    ("tanh of it", lambda points: np.tanh(points @ W.T + b)),
]
plots.show(
    plots.transform_grid(steps),
    alt="A square grid in four panels: as it is; rotated and stretched by the matrix; shifted by the bias; "
    "and bent by tanh into a cushion inside the square from -1 to 1.",
)

# %% [markdown]
# The matrix leaves straight lines straight and parallel lines parallel. Only the activation bends. And what
# is "rotate, scale and skew" exactly? The **singular value decomposition** says: any matrix is an orthogonal
# map, a scaling along the axes, and another orthogonal map. Orthogonal maps are rotations and reflections;
# NumPy may return two reflections, and flipping one sign in each turns them into rotations. Areas grow by the
# product of the scalings.

# %%
# NBVAL_CHECK_OUTPUT
U, scales, Vt = np.linalg.svd(W)
flip = np.diag([1, np.sign(np.linalg.det(U))])
U, Vt = U @ flip, flip @ Vt
np.testing.assert_allclose(U @ np.diag(scales) @ Vt, W, atol=1e-12)
np.testing.assert_allclose([np.linalg.det(U), np.linalg.det(Vt)], [1, 1])  # rotations
print("scalings:", scales.round(2))
print("area grows by", round(scales.prod(), 2), "= |det W| =", round(abs(np.linalg.det(W)), 2))

# %% [markdown]
# ### One weight, one line
#
# A single neuron cuts the plane in two: on one side of the line $w_1x_1 + w_2x_2 + b = 0$ its pre-activation
# is positive, on the other negative. Drag one weight and the line turns.


# %%
def draw_line(w1=1.0):
    """Where one sigmoid neuron with weights (w1, 1) and bias -0.5 fires."""
    figure, axes = plt.subplots(1, 3, figsize=(9, 3), sharey=True, layout="constrained")
    corners = np.array([[-2.0, -2.0], [2.0, 2.0]])
    for panel, w in zip(axes, [-1.0, w1, 3.0], strict=True):
        neuron = lambda points, w=w: sigmoid(points @ np.array([w, 1.0]) - 0.5)  # noqa: E731
        plots.decision_regions(neuron, corners, None, axes=panel)
        panel.set_title(f"w1 = {w:g}")
    return figure


widgets.explore(
    draw_line,
    alt="The plane cut into two by a straight line, three times. With the first weight at -1, 1 and 3 the "
    "line has a different direction; it is straight each time.",
    w1=(-3.0, 3.0, 0.25),
)

# %% [markdown]
# Orange is where the neuron says more than one half. The line turns; it never bends. Everything that one
# neuron can tell apart lies on two sides of a straight line.
#
# ## 1.10 XOR, or why a hidden layer
#
# Four points are enough to defeat it. XOR is 1 where exactly one of two inputs is 1. We try every line with
# weights and bias on a fine grid, nearly 69,000 of them, and count how many of the four points the best gets
# right.

# %%
# NBVAL_CHECK_OUTPUT
xor_inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
xor_targets = np.array([0, 1, 1, 0])

values = np.linspace(-2, 2, 41)
w1, w2, bias = (grid.reshape(-1, 1) for grid in np.meshgrid(values, values, values))
says_one = (w1 * xor_inputs[:, 0] + w2 * xor_inputs[:, 1] + bias) > 0  # (lines, 4)
correct = (says_one == xor_targets).sum(axis=1)
print(f"of {len(correct):,} lines the best has {correct.max()} of 4 right")
assert correct.max() == 3

# %% [markdown]
# Three of four, and no finer grid will help. Suppose a line had all four right. Then $b \le 0$, $w_1 + b > 0$
# and $w_2 + b > 0$. Add the last two: $w_1 + w_2 + 2b > 0$. But the fourth point wants $w_1 + w_2 + b \le 0$,
# so that $b > 0$: a contradiction.
#
# Two hidden ReLU units are enough, and we can find them without any training. Let the first count how many
# inputs are on, and the second fire only when both are. "Exactly one" is the first minus twice the second.

# %%
# NBVAL_CHECK_OUTPUT
relu = activations["ReLU"][0]
xor_hidden = relu(xor_inputs @ np.array([[1, 1], [1, 1]]) + np.array([0, -1]))  # (4, 2)
xor_output = xor_hidden @ np.array([1, -2])
for point, features, result in zip(xor_inputs, xor_hidden, xor_output, strict=True):
    print(f"{point} -> hidden {features} -> {result}")
assert (xor_output == xor_targets).all()

# %% [markdown]
# Look at the hidden values. Both points that should give 1 have landed on the *same* place, (1, 0). The
# hidden layer has moved the points so that a straight line can do the rest. That is what hidden layers are
# for.

# %%
figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.3), layout="constrained")
hidden_of = lambda points: relu(points @ np.ones((2, 2)) + np.array([0, -1]))  # noqa: E731
answer = lambda h: np.clip(h @ [1, -2], 0, 1)  # noqa: E731
plots.decision_regions(lambda p: answer(hidden_of(p)), xor_inputs, xor_targets, axes=axes[0])
plots.decision_regions(answer, xor_hidden, xor_targets, axes=axes[1])
axes[0].set(title="what the network says", xlabel="x1", ylabel="x2")
axes[1].set(title="the hidden layer's view", xlabel="hidden 1", ylabel="hidden 2")
plots.show(
    figure,
    alt="Left, the four XOR points: the region where the network says 1 is a diagonal band that holds (0, 1) "
    "and (1, 0). Right, the same points at their hidden values: one straight line now separates them.",
)

# %% [markdown]
# ## 1.11 A ring inside a ring
#
# How many hidden units does a problem need? One class is a small ring, the other a large one around it.

# %%
rings = datasets.rings(n=400, noise=0.05, seed=0)
plots.show(
    plots.scatter(rings.x, rings.y, rings.class_names),
    alt="Four hundred points in the plane: a small ring of one class, and a large ring of the other class "
    "around it.",
)

# %% [markdown]
# > **Predict.** We train networks with 2, 3 and 4 hidden tanh units, each from 20 different random starts.
# > How many of the 20 will get at least 99 % of the points right, for each size?
#
# How the weights are found is the subject of lecture 2. Here scikit-learn finds them for us.

# %%
from sklearn.neural_network import MLPClassifier


def train_rings(units, seed):
    """A network with one hidden layer of tanh units, trained on the rings from a random start."""
    network = MLPClassifier(
        [units], activation="tanh", solver="lbfgs", alpha=1e-4, max_iter=500, random_state=seed
    )
    return network.fit(rings.x, rings.y)


# %%
networks = {units: [train_rings(units, seed) for seed in range(20)] for units in [2, 3, 4]}
solved = {
    units: sum(network.score(rings.x, rings.y) >= 0.99 for network in group)
    for units, group in networks.items()
}
for units, count in solved.items():
    print(f"{units} hidden units: {count} of 20 random starts solve the rings")

# %%
expect(solved[2], "solved by 2 units", always=(0, 0), because="two lines cannot enclose a region")
expect(
    solved[3],
    "solved by 3 units",
    always=(7, 18),
    because="a triangle encloses the inner ring, if it is found",
)
expect(solved[4] - solved[3], "4 units against 3", always=1)

# %% [markdown]
# Two units never do it. Each hidden unit draws one line, softly. Two lines cannot close off a region; three
# can: a triangle. In terms of space (1.9): two tanh units map the plane one-to-one into a square. Such a map
# can stretch the rings but not pull one out of the other, and no straight line separates what lies inside a
# closed curve from the curve. (If the two lines are parallel, the regions are stripes.) The third unit adds a
# dimension, and with it a way out.
#
# Three can, but not from every start: the same network, the same data, another random beginning, and the
# training ends in a place from which it does not come out. A unit to spare makes it easier. So "can a network
# of this size represent the answer?" and "will training find it?" are two questions. Here are the best of
# each:


# %%
def probability_of(network):
    """The function that gives a point's probability of being on the inner ring."""
    return lambda points: network.predict_proba(points)[:, 1]


best = {
    units: max(group, key=lambda network: network.score(rings.x, rings.y))
    for units, group in networks.items()
}

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for panel, (units, network) in zip(axes, best.items(), strict=True):
    plots.decision_regions(probability_of(network), rings.x, rings.y, axes=panel)
    panel.set_title(f"{units} hidden units: {network.score(rings.x, rings.y):.0%}")
plots.show(
    figure,
    alt="Decision regions on the rings. Two hidden units give an open wedge that takes in part of the outer "
    "ring; three give a rounded triangle around the inner ring, four a rounded quadrilateral.",
)

# %% [markdown]
# And this is what the three units see. Each point of the plane becomes a point in a cube, one axis for each
# unit, and there a flat plane separates the classes.

# %%
network = best[3]
lifted = np.tanh(rings.x @ network.coefs_[0] + network.intercepts_[0])  # (400, 3)

plots.show(
    plots.scatter(lifted, rings.y, rings.class_names, xlabel="unit 1", ylabel="unit 2", zlabel="unit 3"),
    alt="The two rings at their three hidden values, inside a cube from -1 to 1: the inner class is gathered "
    "at one corner, the outer class at the far ends of the edges that meet there.",
)

# %% [markdown]
# It must be so: the network's last layer *is* a linear classifier on the three hidden values. One that is
# trained separately confirms it, and on the two inputs it has no chance.

# %%
from sklearn.linear_model import LogisticRegression

linear_before = LogisticRegression(C=1e4).fit(rings.x, rings.y).score(rings.x, rings.y)
linear_after = LogisticRegression(C=1e4, max_iter=5000).fit(lifted, rings.y).score(lifted, rings.y)
expect(linear_before, "straight line on the inputs", always=(0.4, 0.7))
expect(linear_after, "flat plane on the hidden values", always=0.99)

# %% [markdown]
# ## 1.12 Untangling spirals
#
# Two spirals wound into each other are harder. One wide hidden layer can solve them, too. We add layers and
# squeeze the last one to two units, so that we can draw what it sees. That makes training harder, and again
# we count.

# %%
spirals = datasets.spirals(n=400, noise=0.02, seed=0)
attempts = [
    MLPClassifier(
        [24, 24, 2], activation="tanh", solver="lbfgs", alpha=1e-4, max_iter=3000, random_state=seed
    )
    for seed in range(20)
]
scores = [network.fit(spirals.x, spirals.y).score(spirals.x, spirals.y) for network in attempts]
spiral_network = attempts[int(np.argmax(scores))]
untangling = sum(score >= 0.98 for score in scores)
print(f"{untangling} of 20 random starts untangle the spirals")


def values_after(network, points, layers):
    """The values in a trained tanh network after its first `layers` hidden layers."""
    for kernel, bias in list(zip(network.coefs_, network.intercepts_, strict=True))[:layers]:
        points = np.tanh(points @ kernel + bias)
    return points


untangled = values_after(spiral_network, spirals.x, layers=3)  # (400, 2)
expect(untangling, "starts that untangle the spirals", always=(2, 16))

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
plots.decision_regions(probability_of(spiral_network), spirals.x, spirals.y, axes=axes[0])
axes[0].set_title("input")
plots.scatter(untangled, spirals.y, spirals.class_names, axes=axes[1], xlabel="unit 1", ylabel="unit 2")
axes[1].set_title("after the last hidden layer")
plots.show(
    figure,
    alt="Left, two interleaved spirals with the network's decision regions, which follow the arms. Right, "
    "the same points at the two values of the last hidden layer: the classes are apart.",
)

# %% [markdown]
# Where did it happen? We fit a straight cut after each layer.

# %%
separable = []
for layers in range(4):
    points = values_after(spiral_network, spirals.x, layers)
    line = LogisticRegression(C=1e4, max_iter=20_000).fit(points, spirals.y)
    separable.append(line.score(points, spirals.y))
print("straight cut after 0, 1, 2, 3 layers:", ", ".join(f"{share:.1%}" for share in separable))
expect(separable[0], "straight line on the spirals", always=(0.4, 0.75))
expect(separable[1], "straight cut after the first layer", always=0.95)
expect(separable[3], "straight line on the last hidden layer", always=0.98)

# %% [markdown]
# The first layer does nearly all of it, by lifting the points into 24 dimensions. The others bring them back
# to two without mixing them. This is the whole story of a classifier: **the hidden layers move the data until
# the last layer, which is linear, can finish the job.**
#
# ## 1.13 What can a network represent, and at what price?
#
# *Anything continuous* on a bounded region, if the hidden layer is wide enough. This is the **universal
# approximation theorem** (Cybenko, 1989; Hornik, 1991; for ReLU Leshno et al., 1993), and for one input the
# construction fits into a cell. A ReLU unit is a kink. Give each of $n$ units one kink, choose the weights so
# that the slopes come out right, and the network draws any broken line we like.


# %%
def broken_line(target, n):
    """One hidden layer of n ReLU units whose output joins n + 1 points of `target` on [0, 1]; no training."""
    knots = np.linspace(0, 1, n + 1)
    slopes = np.diff(target(knots)) * n
    output_weights = np.diff(slopes, prepend=0)  # each unit adds the change of slope at its kink
    return lambda x: target(0.0) + relu(x[:, None] - knots[:-1]) @ output_weights


def wavy(x):
    """The function that we want: smooth, and without corners."""
    return np.sin(6 * x) + 0.5 * np.cos(14 * x)


# %%
x_line = np.linspace(0, 1, 1001)
widths = np.array([2, 4, 8, 16, 32, 64, 128])
errors = [np.abs(broken_line(wavy, n)(x_line) - wavy(x_line)).max() for n in widths]

figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.2), layout="constrained")
axes[0].plot(x_line, wavy(x_line), label="target")
axes[0].plot(x_line, broken_line(wavy, 8)(x_line), "--", label="8 hidden units")
axes[0].set(xlabel="x", ylabel="output")
axes[0].legend()
axes[1].loglog(widths, errors, marker="o")
axes[1].set(xlabel="hidden units n", ylabel="largest error")
plots.show(
    figure,
    alt="Left, a wavy curve and a broken line of eight pieces that follows it. Right, the largest error "
    "against the number of hidden units on logarithmic axes: from eight units on, a straight line "
    "downwards.",
)

# %% [markdown]
# From eight units on, the error falls in a straight line on logarithmic axes: a power law. A doubling of the
# units divides the error by four, an exponent of 2, as it does for any smooth target: between two kinks at a
# distance $h$ the gap is at most $h^2\max|f''|/8$.

# %%
rates = -np.diff(np.log2(errors))[2:]  # from 8 to 16 units, and so on
expect(rates.min(), "smallest exponent of the power law", always=(1.85, 2.15))
expect(rates.max(), "largest exponent of the power law", always=(1.85, 2.15))

# %% [markdown]
# That is cheap. **The price shows in many dimensions.** With 10 kinks per input, this construction would need
# a grid of $10^d$ cells over $d$ inputs. For the 784 pixels of a small digit that is a one with 784 zeros,
# and for functions of which nothing is known but that they are smooth, nothing does essentially better. And
# the theorem says nothing of how to find the weights.
#
# ### What depth buys
#
# Fold a sheet of paper ten times, cut once, unfold: a thousand cuts. Layers can do the same. One ReLU layer
# with two units makes a *tent*, which folds the interval $[0,1]$ onto itself; feed its output to the same
# tent again, and again.


# %%
def tent(x):
    """Two ReLU units: up from 0 to 1, and down again."""
    return 2 * relu(x) - 4 * relu(x - 0.5)


def linear_pieces(y):
    """Count how often a sampled zigzag line rises or falls; here each rise or fall is one straight piece."""
    slopes = np.sign(np.diff(y))
    return 1 + np.count_nonzero(np.diff(slopes))


# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 2.2), sharey=True, layout="constrained")
height = np.linspace(0, 1, 1025)
for depth, panel in enumerate(axes, start=1):
    height = tent(height)
    panel.plot(np.linspace(0, 1, 1025), height)
    panel.set(title=f"depth {depth}", xlabel="x")
axes[0].set_ylabel("output")
plots.show(
    figure,
    alt="The tent applied once, twice and three times: one peak, two peaks, four peaks of equal height, each "
    "half as wide as before.",
)

# %% [markdown]
# A straight piece that runs from 0 to 1 is folded in two by the next tent. So each layer doubles the number
# of pieces:

# %%
# NBVAL_CHECK_OUTPUT
fine = np.linspace(0, 1, 2**14 + 1)
folded = fine
for depth in range(1, 9):
    folded = tent(folded)
    print(f"depth {depth}: {2 * depth:2d} units, {linear_pieces(folded):3d} straight pieces")
    assert linear_pieces(folded) == 2**depth

# %% [markdown]
# Sixteen units in eight layers make 256 pieces. A single layer gains at most one piece per unit, so that it
# needs 255 units for the same function (Telgarsky, 2016). For functions that repeat and nest, and images are
# full of parts made of parts, depth is exponentially cheaper than width. For other functions it is not.
# Nobody gives you a guarantee for yours.
#
# ## 1.14 The curse of dimensionality, and why learning works all the same
#
# High-dimensional space is strange. Draw points at random in a cube, and compare each point's nearest
# neighbor to its average distance from the others. In the plane the nearest is *near*. What about 784
# dimensions?


# %%
def nearest_to_average(points):
    """Median over the points of: distance to the nearest other point / average distance to the others."""
    squares = (points**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0))
    np.fill_diagonal(distances, np.nan)
    return np.median(np.nanmin(distances, axis=1) / np.nanmean(distances, axis=1))


# %%
dimensions = [2, 5, 10, 30, 100, 300, 784]
ratios = [nearest_to_average(rng.uniform(size=(500, d))) for d in dimensions]

figure, axes = plt.subplots(figsize=(5.5, 3), layout="constrained")
axes.semilogx(dimensions, ratios, marker="o")
axes.set(xlabel="dimensions", ylabel="nearest / average distance", ylim=(0, 1))
plots.show(
    figure,
    alt="The ratio of the nearest to the average distance among 500 random points against the dimension: it "
    "rises from near zero in the plane to above 0.9 in 784 dimensions.",
)

# %% [markdown]
# In 784 dimensions the nearest point is hardly nearer than any other: "similar" has lost its meaning, and no
# amount of data that we could collect fills such a space. If images were spread through theirs like this,
# comparing them with known examples would tell nothing. Are they?

# %% [markdown]
# MNIST is a set of handwritten digits, 28 × 28 pixels each; lecture 3 is about it. We take 380 of them, as
# 380 points in 784 dimensions. Beside them we put images whose pixels have been shuffled among the digits.

# %%
digits = datasets.mnist()
some = digits.x_test[:380].reshape(380, -1) / 255.0  # (images, pixels)
shuffled = rng.permuted(some, axis=0)  # each pixel keeps its values, the images are torn apart

print(f"nearest / average, digits:          {nearest_to_average(some):.2f}")
print(f"nearest / average, shuffled pixels: {nearest_to_average(shuffled):.2f}")

# %%
plots.show(
    plots.image_grid(
        np.concatenate([digits.x_test[:8], shuffled[:8].reshape(-1, 28, 28) * 255]),
        titles=["digit"] * 8 + ["shuffled"] * 8,
        columns=8,
    ),
    alt="Two rows of eight images. Above, handwritten digits. Below, images whose pixels each have a value "
    "from a real digit, but from different ones: black and white speckle in which nothing can be "
    "recognized.",
)

# %% [markdown]
# Over all 380 images, each pixel takes exactly the same values in both sets. What differs is that in a digit
# the pixels *belong together*. The shuffled images are nearly as far apart as random points. The digits are
# not: the nearest one is about as much nearer as in ten or twenty dimensions. Digits fill only a thin, curved
# sheet in their huge space, a **manifold**, and on the sheet near things are alike. How thin? We count the
# directions that are needed for 90 % of the variance (the *principal components*, directions in which the
# images differ most). Even the shuffled images leave some empty, because border pixels are black in nearly
# all of them.


# %%
def directions_needed(images, share=0.9):
    """How many principal components hold that share of the variance. images: (n, pixels)."""
    variances = np.linalg.svd(images - images.mean(axis=0), compute_uv=False) ** 2
    return int(np.searchsorted(np.cumsum(variances) / variances.sum(), share)) + 1


many = digits.x_train[:2000].reshape(2000, -1) / 255.0
thin, thick = directions_needed(many), directions_needed(rng.permuted(many, axis=0))
print(f"of 784 directions, digits need {thin}, shuffled pixels {thick}")

# %%
expect(
    nearest_to_average(shuffled) - nearest_to_average(some),
    "digits are closer",
    digits,
    mnist=0.2,
    digits=0.3,
)
expect(thick / thin, "directions, shuffled against real", digits, mnist=2.5, digits=3)

# %% [markdown]
# This is the **manifold hypothesis**: real data live near a low-dimensional surface. (We counted flat
# directions. A curved sheet needs more of them than it has dimensions, so that the count is too high rather
# than too low.) It would explain why a network can learn digits from some thousand examples, and why lectures
# 18 and 19 can compress a digit into two numbers. It is a hypothesis about the *world*, not about networks.
#
# ## What we measured

# %%
summary = [
    ("our network, by hand and in Keras", f"{output[0]:.2f}, {output[1]:.2f}"),
    ("lines that solve XOR", f"0 of {len(correct):,}"),
    *[(f"rings solved by {units} hidden units", f"{count} of 20 starts") for units, count in solved.items()],
    ("spirals: straight line before / after", f"{separable[0]:.0%} / {separable[3]:.0%}"),
    ("straight pieces from 16 units, one layer (at most) / eight", f"{16 + 1} / {linear_pieces(folded)}"),
    ("directions for 90 % of a digit", f"{thin} of 784"),
]
for what, result in summary:
    print(f"{what:60s} {result}")

# %% [markdown]
# ## Recap
#
# - A layer is a matrix product, a bias per unit, and a bend. A network is one layer after another.
# - Without the bend, depth is an illusion. With a bend that saturates or dies, learning stops.
# - Softmax turns scores into probabilities; shift before you exponentiate.
# - Hidden layers move the data until a straight cut is enough. Too few units cannot; enough units may still
#   not find it.
# - Width approximates anything, at a price that grows with the dimension. Depth is cheaper for what is built
#   from parts.
#
# ## Try it yourself
#
# The [exercise of this lecture](exercises/01_forward_pass.ipynb) has tasks that tell you at once
# whether you are right, with a hint where you are not. And three more to play with, without a check:
#
# 1. Write a network with ReLU units, weights chosen by hand, that outputs the larger of its two inputs.
# 2. Train the rings with ReLU in place of tanh. Do three units still suffice? From how many starts of 20?
# 3. Replace the tent by a map that folds $[0,1]$ in three. How many pieces has depth 8, and how many units?
#
# ## Further reading
#
# - *Approximation by superpositions of a sigmoidal function*, G. Cybenko, 1989.
# - *Approximation capabilities of multilayer feedforward networks*, K. Hornik, 1991.
# - *Multilayer feedforward networks with a nonpolynomial activation function can approximate any function*,
#   M. Leshno, V. Lin, A. Pinkus, S. Schocken, 1993.
# - *Rectifier nonlinearities improve neural network acoustic models*, A. Maas, A. Hannun, A. Ng, 2013.
# - *Neural networks, manifolds, and topology*, C. Olah, 2014.
# - *Understanding the difficulty of training deep feedforward neural networks*, X. Glorot, Y. Bengio, 2010.
# - *Rectified linear units improve restricted Boltzmann machines*, V. Nair, G. Hinton, 2010.
# - *Fast and accurate deep network learning by exponential linear units*, D.-A. Clevert, T. Unterthiner, S.
#   Hochreiter, 2016.
# - *Benefits of depth in neural networks*, M. Telgarsky, 2016.
# - *Testing the manifold hypothesis*, C. Fefferman, S. Mitter, H. Narayanan, 2016.
