# %% [markdown]
# # 4 · Optimizers and initialization
#
# You have a network, a loss, and its gradient. Two choices are left before anything is learned: where to
# start, and how to step. Both look like details. **Why does one network learn in a minute, while another with
# the same layers and the same data stands still forever?** We take the optimizers apart until each is a
# few lines of NumPy that follow Keras' own step by step, and then we look at the first weights, which decide
# whether a signal gets through twenty layers at all.
#
# **You will be able to**
#
# - choose a batch size, and say what its noise costs and buys;
# - write momentum, RMSProp and Adam from memory, and name what differs from one library or slide to the next;
# - find a learning rate in a minute, and let it fall in the course of the training;
# - choose the scale of the first weights, and derive it;
# - find out why a cost stays flat, instead of trying everything.
#
# **Time:** 75 minutes to read, 1 minute to run (3 on MNIST). **Builds on:** lectures 1 to 3.

# %%
import time
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

from lecture_utils import datasets, plots, training, widgets
from lecture_utils.checks import expect

training.quiet_tensorflow()
import keras
import tensorflow as tf

# %% [markdown]
# ## 4.1 One surface, three descents
#
# The smallest problem on which one can see everything has two weights: fit a line $w_0 + w_1 x$ to 64 noisy
# points. The loss is half the mean squared error, a bowl over the plane of the two weights.

# %%
rng = np.random.default_rng(0)
x_line = rng.uniform(0, 3, size=64)
y_line = 0.5 + 1.2 * x_line + rng.normal(scale=0.5, size=64)
X = np.stack([np.ones(64), x_line], axis=1)  # (examples, weights): the first weight gets a one


def loss(w):
    """Half the mean squared error. w: (..., 2), so that a whole plane of weights can be asked at once."""
    return ((w @ X.T - y_line) ** 2).mean(axis=-1) / 2


def gradient(w, rows):
    """The gradient of the loss over the chosen rows only."""
    return X[rows].T @ (X[rows] @ w - y_line[rows]) / len(rows)


# %% [markdown]
# This problem has an exact answer, so that we can always say how far away we are.

# %%
w_best = np.linalg.lstsq(X, y_line, rcond=None)[0]
everything = np.arange(64)
assert np.allclose(gradient(w_best, everything), 0)
print(f"best weights {w_best.round(2)}, loss there {loss(w_best):.3f}")

# %% [markdown]
# **Batch** descent takes all examples for each step, **mini-batch** descent a handful, **stochastic** descent
# a single one. All three are the same loop; only the batch size differs. One pass over the examples is an
# epoch, whatever the batch size.


# %%
def descend(batch_size, learning_rate, epochs, seed=0):
    """Return the weights visited, (steps + 1, 2)."""
    order, path = np.random.default_rng(seed), [np.array([-1.0, 2.6])]
    for _ in range(epochs):
        for rows in np.split(order.permutation(64), 64 // batch_size):
            path.append(path[-1] - learning_rate * gradient(path[-1], rows))
    return np.array(path)


# %% [markdown]
# > **Predict.** Six epochs each, learning rate 0.08. Which of the three gets nearest to the minimum? Which
# > would you trust to stay there?

# %%
paths = {
    "batch (64 examples)": descend(64, 0.08, epochs=6),
    "mini-batch (8)": descend(8, 0.08, epochs=6),
    "stochastic (1)": descend(1, 0.08, epochs=6),
}


# %%
def draw_paths(paths, function, extent, target, levels=20):
    """Contours of a function of two weights, with a panel for each path."""
    figure, axes = plt.subplots(
        1, len(paths), figsize=(9, 3.3), sharex=True, sharey=True, layout="constrained"
    )
    left, right, bottom, top = extent
    plane = np.stack(np.meshgrid(np.linspace(left, right, 90), np.linspace(bottom, top, 90)), axis=-1)
    heights = function(plane)
    spaced = heights.min() + np.linspace(0, 1, levels) ** 2 * np.ptp(heights)
    for panel, (name, path) in zip(np.atleast_1d(axes), paths.items(), strict=True):
        panel.contour(plane[..., 0], plane[..., 1], heights, levels=spaced, colors="0.75", linewidths=0.8)
        panel.plot(path[:, 0], path[:, 1], "o-", markersize=2.5, linewidth=1)
        panel.plot(*target, "*", color=plots.PALETTE[1], markersize=12)
        panel.set(title=f"{name}\n{len(path) - 1} steps", xlabel="weight $w_0$", xlim=(left, right))
    np.atleast_1d(axes)[0].set(ylabel="weight $w_1$", ylim=(bottom, top))
    return figure


# %%
plots.show(
    draw_paths(paths, loss, (-1.5, 1.7, 0.2, 2.8), w_best),
    alt="Three paths on the contours of a long narrow valley, with a star at its lowest point. The batch "
    "path takes six smooth steps and has only reached the floor of the valley. The mini-batch path has come "
    "much farther with 48 slightly shaky steps. The stochastic path has reached the star and jitters around "
    "it.",
)

# %%
excess = {name: loss(path[-1]) - loss(w_best) for name, path in paths.items()}
for name, value in excess.items():
    print(f"{name:20s} {len(paths[name]) - 1:4d} steps, loss above the minimum {value:.4f}")
assert excess["mini-batch (8)"] < excess["batch (64 examples)"] / 3

# %% [markdown]
# With the same examples seen, smaller batches make more steps and get farther. That is the deck's "converges
# faster", and it holds as long as we are far away. Near the minimum it turns around. We go on for 400 epochs,
# long enough for each to forget its start, and look at the last 50:

# %%
settled = {}
for batch_size in [64, 8, 1]:
    tail = descend(batch_size, 0.08, epochs=400)[-50 * 64 // batch_size :]
    settled[batch_size] = np.mean(loss(tail) - loss(w_best))
    print(f"batch size {batch_size:2d}: on average {settled[batch_size]:.1e} above the minimum")
assert settled[64] < 1e-4 < settled[8] < settled[1]

# %% [markdown]
# Only the batch descent arrives. The others **hover**: the gradient of a few examples is not zero where the
# gradient of all of them is. It is right on average, though. The mean over the batches of one epoch is the
# whole gradient, exactly, and its variance falls like one over the batch size, if the examples are drawn
# with repeats (or are few of many):

# %%
# NBVAL_CHECK_OUTPUT
w_here = np.array([0.0, 1.0])
in_batches = [gradient(w_here, rows) for rows in np.split(everything, 8)]
assert np.allclose(np.mean(in_batches, axis=0), gradient(w_here, everything))

draw = np.random.default_rng(1)
for batch_size in [1, 4, 16]:
    noisy = [gradient(w_here, draw.integers(64, size=batch_size)) for _ in range(4000)]
    spread = np.var(noisy, axis=0).sum()
    print(f"batch size {batch_size:2d}: variance of the gradient times batch size {batch_size * spread:.1f}")
    assert 0.9 < batch_size * spread / np.var([gradient(w_here, [i]) for i in range(64)], axis=0).sum() < 1.1

# %% [markdown]
# Four times the batch, half the noise (its standard deviation), four times the work. From some size on that
# is a bad bargain. Why then not always a single example? Because each step has a fixed price, in Python
# most of all, and a processor does the sums of a matrix side by side:


# %%
def seconds_of(batch_size):
    """Processor time of 60 epochs, the best of three runs."""
    marks = [time.process_time()]
    for _ in range(3):
        descend(batch_size, 0.01, epochs=60)
        marks.append(time.process_time())
    return min(np.diff(marks))


slower = seconds_of(1) / seconds_of(64)
print(f"one by one an epoch takes {slower:.0f} times as long")
assert slower > 4

# %% [markdown]
# So: as many examples as the processor does in one go, as few as the noise allows. The decks give 64 to 512
# for mini-batches, and batch descent for fewer than 2,000 records; those are habits, not laws.
#
# > **Pitfall: data in order.** Cut the batches from a file that is sorted by class, and each batch pulls in
# > its own direction. `fit` shuffles arrays by itself; a `tf.data` pipeline shuffles only if you say so.

# %% [markdown]
# ## 4.2 Momentum
#
# The valley is long because the two weights see different curvatures. The curvatures along and across it
# are the eigenvalues of the matrix of second derivatives, here $X^T X/n$. In lecture 2 the largest learning
# rate that works was two over the curvature. Now the *steepest* direction sets the limit, and the flattest
# has to live with it.

# %%
curvatures = np.linalg.eigvalsh(X.T @ X / 64)
limit = 2 / curvatures[1]
print(f"curvatures {curvatures.round(2)}, ratio {curvatures[1] / curvatures[0]:.0f}")
print(f"largest rate that works {limit:.2f}")

# %%
below, above = descend(64, 0.97 * limit, 60)[-1], descend(64, 1.03 * limit, 60)[-1]
assert loss(below) < loss(np.array([-1.0, 2.6])) < loss(above)

# %% [markdown]
# Just below the limit it still descends, just above it explodes.
#
# **Momentum** remembers. Across the valley the gradients alternate and cancel in the memory; along it they
# agree and add up (Polyak, 1964). In Keras' form, with a velocity $v$ that starts at zero:
#
# $$v \leftarrow \beta v - \eta\, g, \qquad w \leftarrow w + v.$$
#
# All our optimizers will be functions of this kind: weights, gradient, a dictionary for what they remember,
# and the learning rate go in; new weights come out. They work on each number alone, so that an array of any
# shape will do.


# %%
def sgd(w, g, state, learning_rate):
    """Plain descent remembers nothing."""
    return w - learning_rate * g


def momentum(w, g, state, learning_rate, beta=0.9):
    """Momentum as in Keras: the velocity holds steps."""
    state["v"] = beta * state.get("v", 0) - learning_rate * g
    return w + state["v"]


# %%
def follow_gradient(rule, learning_rate, steps=60, **settings):
    """Go down our valley with all 64 examples; return the weights visited."""
    path = [np.array([-1.0, 2.6])]
    state: dict = {}
    for _ in range(steps):
        path.append(rule(path[-1], gradient(path[-1], everything), state, learning_rate, **settings))
    return np.array(path)


# %%
def draw_momentum(learning_rate=0.1, beta=0.8):
    """Plain descent and momentum, from the same start at the same rate."""
    both = {
        f"plain, rate {learning_rate:g}": follow_gradient(sgd, learning_rate),
        f"momentum {beta:g}": follow_gradient(momentum, learning_rate, beta=beta),
    }
    return draw_paths(both, loss, (-1.6, 2.2, -0.3, 2.9), w_best)


# %% [markdown]
# Move both sliders. With momentum 0 the two are the same; near 1 the ball rolls past the minimum and back.
# Where does the rate become too large for plain descent, and where for momentum?

# %%
widgets.explore(
    draw_momentum,
    alt="Two paths of sixty steps in the same valley. With rate 0.1 and momentum 0.8, plain descent creeps "
    "along the floor and stops short of the star. Momentum swings through the valley in a wide curve, "
    "overshoots a little and ends at the star.",
    learning_rate=(0.02, 1.1, 0.02),
    beta=(0.0, 0.98, 0.02),
)

# %% [markdown]
# (Plain descent: at the limit computed above. Momentum: at $2(1+\beta)$ over the largest curvature, nearly
# twice as much.)
#
# > **Predict.** How many steps does each need until the loss is within $10^{-6}$ of the minimum, each with
# > the best rate that theory knows for it? The ratio of the curvatures is the number to think of.


# %%
def steps_needed(rule, learning_rate, **settings):
    """Steps until the loss stays within 1e-6 of the minimum."""
    path = follow_gradient(rule, learning_rate, 2000, **settings)
    return int(np.flatnonzero(loss(path) - loss(w_best) > 1e-6)[-1]) + 1


flat, steep = curvatures
roots = np.sqrt(curvatures)
plain_steps = steps_needed(sgd, 2 / (flat + steep))
momentum_steps = steps_needed(momentum, 4 / roots.sum() ** 2, beta=(np.diff(roots)[0] / roots.sum()) ** 2)
print(f"plain descent {plain_steps} steps, momentum {momentum_steps} steps")
assert momentum_steps < plain_steps / 2

# %% [markdown]
# How does that grow with the ratio of the curvatures? The simplest valleys, along the axes, tell:


# %%
def steps_in_valley(ratio):
    """Steps of plain descent and of momentum, each at its best, where the curvatures are 1 and ratio."""
    curvature, root, counts = np.array([1.0, ratio]), np.sqrt(ratio), []
    best = {"beta": ((root - 1) / (root + 1)) ** 2}
    for rule, rate, settings in [(sgd, 2 / (1 + ratio), {}), (momentum, 4 / (1 + root) ** 2, best)]:
        w, steps = np.ones(2), 0
        state: dict = {}
        while curvature @ w**2 / 2 > 1e-6:
            w, steps = rule(w, curvature * w, state, rate, **settings), steps + 1
        counts.append(steps)
    return counts


# %%
# NBVAL_CHECK_OUTPUT
for ratio in [18, 180, 1800]:
    plain, with_momentum = steps_in_valley(ratio)
    print(f"ratio {ratio:4d}: plain descent {plain:5d} steps, momentum {with_momentum:4d}")

# %% [markdown]
# Ten times the ratio costs plain descent ten times the steps, momentum only between three and four times:
# the *square root*.
#
# ### The same word for two things
#
# The decks write momentum with another factor:
#
# $$v \leftarrow \beta v + (1-\beta)\, g, \qquad w \leftarrow w - \eta\, v.$$
#
# Here $v$ is an average of gradients, not a sum of steps. Under a steady gradient of one, what does each
# arrive at?


# %%
def deck_momentum(w, g, state, learning_rate, beta=0.9):
    """Momentum as on the slides: the velocity is an average of gradients."""
    state["v"] = beta * state.get("v", 0) + (1 - beta) * g
    return w - learning_rate * state["v"]


# %%
# NBVAL_CHECK_OUTPUT
for rule in [sgd, momentum, deck_momentum]:
    w = np.array(0.0)
    state: dict = {}
    for _ in range(200):
        before, w = w, rule(w, 1.0, state, learning_rate=0.01)
    print(f"{rule.__name__:14s} one step after 200 steps: {before - w:.4f}")
    assert np.isclose(before - w, 0.1 if rule is momentum else 0.01)

# %% [markdown]
# The deck's momentum moves in the long run exactly as fast as plain descent; Keras' moves $1/(1-\beta)=10$
# times as fast. They are one and the same algorithm, at rates that differ by the factor $1-\beta$:

# %%
as_on_slides = follow_gradient(deck_momentum, 0.2)
as_in_keras = follow_gradient(momentum, 0.2 * (1 - 0.9))
np.testing.assert_allclose(as_on_slides, as_in_keras, atol=1e-12)

# %% [markdown]
# > **Pitfall: a learning rate without its formula.** "SGD, rate 0.01, momentum 0.9" is ten times as fast in
# > one book as in another. Whoever carries a rate from one library, paper or slide to the next has to carry
# > the formula with it. Section 4.5 shows what becomes of an experiment when nobody does.

# %% [markdown]
# ### Does it follow Keras?
#
# "Looks right" is not enough for an optimizer: a wrong one still goes downhill. So we let ours and Keras' own
# walk side by side through twenty random mini-batches, and measure the largest distance between the two. We
# do it twice, the second time with all gradients ten thousand times smaller. (You will see why.)


# %%
def distance(rule, optimizer, learning_rate, scale, steps=20, **settings):
    """Largest distance between our weights and Keras' over twenty steps."""
    ours, theirs = np.array([-1.0, 2.6]), keras.Variable([-1.0, 2.6], dtype="float64")
    batches, farthest = np.random.default_rng(2), 0.0
    state: dict = {}
    for _ in range(steps):
        rows = batches.integers(64, size=8)
        ours = rule(ours, scale * gradient(ours, rows), state, learning_rate, **settings)
        optimizer.apply([tf.constant(scale * gradient(theirs.numpy(), rows))], [theirs])
        farthest = max(farthest, np.abs(ours - theirs.numpy()).max())
    return farthest


def follows(rule, make_optimizer, learning_rate=0.05, **settings):
    """Say whether a rule follows Keras to 1e-5, with gradients as they are and with tiny ones."""
    return all(
        distance(rule, make_optimizer(), learning_rate, scale, **settings) < 1e-5 for scale in [1, 1e-4]
    )


# %%
# NBVAL_CHECK_OUTPUT
assert follows(sgd, lambda: keras.optimizers.SGD(0.05))
assert follows(momentum, lambda: keras.optimizers.SGD(0.05, momentum=0.9))
assert follows(deck_momentum, lambda: keras.optimizers.SGD(0.05 * (1 - 0.9), momentum=0.9))
print(
    "the deck's momentum at the same rate:", follows(deck_momentum, lambda: keras.optimizers.SGD(0.05, 0.9))
)

# %% [markdown]
# ## 4.3 RMSProp: a rate for each weight
#
# Momentum still has one rate for all weights. **RMSProp** (Hinton, 2012) keeps a running mean of each
# weight's squared gradient, and divides by its root: a weight with large gradients takes small steps, and the
# other way round.
#
# $$s \leftarrow \rho s + (1-\rho)\, g^2, \qquad w \leftarrow w - \eta\,\frac{g}{\sqrt{s+\varepsilon}}.$$
#
# The small $\varepsilon$ keeps the division from exploding where a gradient has been zero for long.


# %%
def rmsprop(w, g, state, learning_rate, rho=0.9, epsilon=1e-7):
    """RMSProp as in Keras: epsilon inside the root."""
    state["s"] = rho * state.get("s", 0) + (1 - rho) * g**2
    return w - learning_rate * g / np.sqrt(state["s"] + epsilon)


def rmsprop_outside(w, g, state, learning_rate, rho=0.9, epsilon=1e-7):
    """The same with epsilon outside the root, as other libraries have it."""
    state["s"] = rho * state.get("s", 0) + (1 - rho) * g**2
    return w - learning_rate * g / (np.sqrt(state["s"]) + epsilon)


# %%
# NBVAL_CHECK_OUTPUT
assert follows(rmsprop, lambda: keras.optimizers.RMSprop(0.05))
assert follows(rmsprop, lambda: keras.optimizers.RMSprop(0.05, epsilon=1e-8), epsilon=1e-8)  # the deck's
for times in [1, 1e-4]:
    same = distance(rmsprop_outside, keras.optimizers.RMSprop(0.05), 0.05, times) < 1e-5
    print(f"epsilon outside, gradients times {times:g}: {'follows' if same else 'does not follow'} Keras")
assert not follows(rmsprop_outside, lambda: keras.optimizers.RMSprop(0.05))

# %% [markdown]
# Keras and the deck agree on the place of $\varepsilon$, and differ in its size: $10^{-7}$ against $10^{-8}$.
# Place and size matter only where gradients are tiny: *inside* the root, $10^{-7}$ is compared with
# the squared gradient, so that it begins to be felt where gradients are near $3\cdot10^{-4}$. That is no rare
# case deep in a network, as 4.8 and 4.9 will show. Hence the second round of our comparison.
#
# ## 4.4 Adam: both, and a fair start
#
# **Adam** (Kingma and Ba, 2015) keeps both memories, the mean $m$ of the gradients and the mean $s$ of their
# squares. Both start at zero, and are too small at first: after one step with $\beta=0.9$, $m$ is a tenth of
# the gradient. Dividing by $1-\beta^t$, with $t$ the number of the step, makes up for exactly that:
#
# $$\hat m = \frac{m}{1-\beta_1^t}, \qquad \hat s = \frac{s}{1-\beta_2^t}, \qquad
# w \leftarrow w - \eta\,\frac{\hat m}{\sqrt{\hat s}+\varepsilon}.$$
#
# Keras computes it in another order. It collects both corrections in the rate, and adds $\varepsilon$ to the
# *uncorrected* root:


# %%
def adam(w, g, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Adam as in Keras."""
    t = state["t"] = state.get("t", 0) + 1
    state["m"] = beta_1 * state.get("m", 0) + (1 - beta_1) * g
    state["s"] = beta_2 * state.get("s", 0) + (1 - beta_2) * g**2
    rate = learning_rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return w - rate * state["m"] / (np.sqrt(state["s"]) + epsilon)


def paper_adam(w, g, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Adam as in its paper, and on the slides but for their misprint."""
    t = state["t"] = state.get("t", 0) + 1
    state["m"] = beta_1 * state.get("m", 0) + (1 - beta_1) * g
    state["s"] = beta_2 * state.get("s", 0) + (1 - beta_2) * g**2
    m, s = state["m"] / (1 - beta_1**t), state["s"] / (1 - beta_2**t)
    return w - learning_rate * m / (np.sqrt(s) + epsilon)


# %%
# NBVAL_CHECK_OUTPUT
assert follows(adam, lambda: keras.optimizers.Adam(0.05))
for times in [1, 1e-4]:
    for epsilon in [1e-7, 1e-8]:
        far = distance(paper_adam, keras.optimizers.Adam(0.05, epsilon=1e-7), 0.05, times, epsilon=epsilon)
        verdict = "follows" if far < 1e-5 else "does not follow"
        print(f"the paper's, epsilon {epsilon:g}, gradients times {times:g}: {verdict} Keras")

# %% [markdown]
# For ordinary gradients the two are the same to five digits, and for tiny ones they are not, at any
# $\varepsilon$. Multiply numerator and denominator by $\sqrt{1-\beta_2^t}$, and you see that Keras'
# $\varepsilon$ acts like the paper's $\varepsilon/\sqrt{1-\beta_2^t}$: at the first step 32 times as large,
# later the same.

# %%
# NBVAL_CHECK_OUTPUT
tiny = np.array([1e-3, 1e-5, 1e-7, 1e-9])
for rule in [adam, paper_adam]:
    print(f"{rule.__name__:11s}", [f"{step:.3f}" for step in -rule(0.0, tiny, {}, learning_rate=1.0)])

for t in [0, 9, 999]:  # steps before this one
    memory = {"t": t, "m": 0.3 * tiny, "s": (0.5 * tiny) ** 2}
    factor = np.sqrt(1 - 0.999 ** (t + 1))
    translated = paper_adam(0.0, tiny, dict(memory), 1.0, epsilon=1e-7 / factor)
    np.testing.assert_allclose(adam(0.0, tiny, dict(memory), 1.0), translated, rtol=1e-9)

# %% [markdown]
# Each row is the size of a first step with learning rate 1, for gradients from $10^{-3}$ down to $10^{-9}$.
# **Adam's first step is the learning rate itself, whatever the gradient**, until $\varepsilon$ takes over;
# in Keras it does so much earlier (316 times: 32 by the place of $\varepsilon$, 10 by its size).
#
# ### What the correction corrects
#
# > **Predict.** Somebody forgets the bias correction. Are the first steps too small, or too large?


# %%
def adam_uncorrected(w, g, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Adam without its bias correction."""
    state["m"] = beta_1 * state.get("m", 0) + (1 - beta_1) * g
    state["s"] = beta_2 * state.get("s", 0) + (1 - beta_2) * g**2
    return w - learning_rate * state["m"] / (np.sqrt(state["s"]) + epsilon)


def deck_adam(w, g, state, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Adam with the slides' misprint: the second power in place of the power t."""
    state["m"] = beta_1 * state.get("m", 0) + (1 - beta_1) * g
    state["s"] = beta_2 * state.get("s", 0) + (1 - beta_2) * g**2
    m, s = state["m"] / (1 - beta_1**2), state["s"] / (1 - beta_2**2)
    return w - learning_rate * m / (np.sqrt(s) + epsilon)


# %%
def step_sizes(rule, steps=3000):
    """Sizes of the steps under a steady gradient of one, in learning rates."""
    w, sizes = 0.0, []
    state: dict = {}
    for _ in range(steps):
        before, w = w, rule(w, 1.0, state, 1.0)
        sizes.append(before - w)
    return np.array(sizes)


# %%
figure, axes = plt.subplots(figsize=(6.5, 3), layout="constrained")
for rule, name in [
    (adam, "Adam"),
    (adam_uncorrected, "no correction"),
    (deck_adam, "$1-\\beta^2$ (misprint)"),
]:
    axes.semilogx(np.arange(1, 3001), step_sizes(rule), label=name)
axes.set(xlabel="step", ylabel="step in learning rates", ylim=(0, None))
axes.legend()
plots.show(
    figure,
    alt="The size of Adam's steps under a steady gradient, over 3,000 steps. Adam stays at one learning "
    "rate. Without the correction it starts at three, climbs to more than six, and comes down to one "
    "only after thousands of steps. With the misprint it starts at three quarters, rises to one and "
    "a half and falls to about a quarter.",
)

# %%
# NBVAL_CHECK_OUTPUT
right, forgotten, misprint = (step_sizes(rule) for rule in [adam, adam_uncorrected, deck_adam])
end = step_sizes(deck_adam, 20_000)[-1]
assert np.allclose(right, 1, atol=1e-5)
print(f"no correction: first step {forgotten[0]:.2f} learning rates, largest {forgotten.max():.2f}")
print(f"misprint: first step {misprint[0]:.2f} learning rates, largest {misprint.max():.2f}, last {end:.3f}")

# %% [markdown]
# Too large: $m$ starts at a tenth of what it should be, but the *root* of $s$ at a thirtieth. The early
# steps, where one knows least, would be the longest.
#
# > **Erratum.** The slides divide by $1-\beta_1^2$ and $1-\beta_2^2$, the same in each step. Meant is the
# > power $t$. With the misprint the steps end at $\sqrt{1-\beta_2^2}\,/\,(1-\beta_1^2)$, less than a quarter
# > of the learning rate: no correction, but a smaller rate in disguise.

# %%
assert np.isclose(end, np.sqrt(1 - 0.999**2) / (1 - 0.9**2), atol=1e-3)
assert not follows(deck_adam, lambda: keras.optimizers.Adam(0.05))
assert not follows(adam_uncorrected, lambda: keras.optimizers.Adam(0.05))

# %% [markdown]
# In the valley of 4.1, all four side by side, 60 steps each at a rate that suits them:

# %%
side_by_side = {
    "plain 0.3": follow_gradient(sgd, 0.3),
    "momentum 0.05": follow_gradient(momentum, 0.05),
    "RMSProp 0.05": follow_gradient(rmsprop, 0.05),
    "Adam 0.15": follow_gradient(adam, 0.15),
}
plots.show(
    draw_paths(side_by_side, loss, (-1.6, 2.2, -0.3, 2.9), w_best),
    alt="Four paths of sixty steps in the same valley. Plain descent jumps to the floor and creeps along "
    "it to the star. Momentum swings in wide curves and is still circling to the right of the star. "
    "RMSProp sets out diagonally, the same "
    "distance in both weights, and then follows the floor to the star. Adam sets out diagonally too, swings "
    "like momentum, and ends near the star.",
)

# %% [markdown]
# RMSProp and Adam set out along the diagonal: both weights move by the same amount, whatever their
# gradients. With Adam that is the learning rate; with RMSProp it is at first $1/\sqrt{1-\rho}\approx3.2$
# times as much, since nobody corrects *its* start. Both depend on the axes that we happened to choose;
# plain descent and momentum do not. No rule is best everywhere, and the next sections only say what
# happened *there*.

# %%
first_steps = {name: path[1] - path[0] for name, path in side_by_side.items()}
np.testing.assert_allclose(np.abs(first_steps["Adam 0.15"]), 0.15, rtol=1e-4)
np.testing.assert_allclose(np.abs(first_steps["RMSProp 0.05"]), 0.05 / np.sqrt(0.1), rtol=1e-4)

# %% [markdown]
# ## 4.5 The deck's experiment: 79.7, 79.7 and 94
#
# One of the decks trains a small network on two classes with mini-batch descent, with momentum and with Adam,
# and reports accuracies of 79.7 %, **79.7 %** and 94 %. Twice the same figure: momentum made no difference at
# all? You already know enough to suspect why.
#
# We need a network. It is the one of lecture 2, for any number of layers, with the softmax of lecture 1:
# `forward` keeps the values of all layers, `backward` returns the gradients. Leading axes are allowed, so
# that several networks can learn side by side in one array.


# %%
def relu(z):
    """The positive part."""
    return np.maximum(z, 0)


def relu_slope(a):
    """Derivative of the ReLU, from its value."""
    return (a > 0).astype(a.dtype)


def tanh_slope(a):
    """Derivative of tanh, from its value."""
    return 1 - a**2


RELU, TANH = (relu, relu_slope), (np.tanh, tanh_slope)


# %%
def forward(parameters, x, activation=RELU):
    """Return the values of all layers; the last are logits. parameters: kernel, bias, kernel, bias, ..."""
    values = [x]
    for kernel, bias in zip(parameters[::2], parameters[1::2], strict=True):
        last = len(values) == len(parameters) // 2
        z = values[-1] @ kernel + bias
        values.append(z if last else activation[0](z))
    return values


def backward(parameters, values, delta, activation=RELU):
    """Return the gradients of all parameters; delta is the gradient of the logits."""
    gradients: list = []
    for layer in reversed(range(len(parameters) // 2)):
        gradients = [values[layer].mT @ delta, delta.sum(axis=-2, keepdims=True), *gradients]
        if layer:
            delta = delta @ parameters[2 * layer].mT * activation[1](values[layer])
    return gradients


# %% [markdown]
# The gradient of the cross-entropy with respect to the logits is "probabilities minus truth" (lecture 2).


# %%
def cross_entropy(logits, y):
    """Mean cross-entropy, and its gradient with respect to the logits."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    truth = np.eye(logits.shape[-1])[y]
    return -(truth * log_p).sum(axis=-1).mean(axis=-1), (np.exp(log_p) - truth) / len(y)


def he(n_in, n_out):
    """A scale for the first weights; section 4.8 derives it."""
    return np.sqrt(2 / n_in)


def new_network(widths, scale, seed, networks=()):
    """Random kernels, biases at zero. networks: leading axes, (5,) for five networks at once."""
    rng = np.random.default_rng(seed)
    shapes = list(pairwise(widths))
    kernels = [scale(*shape) * rng.normal(size=(*networks, *shape)) for shape in shapes]
    return [array for kernel in kernels for array in (kernel, np.zeros((*networks, 1, kernel.shape[-1])))]


# %% [markdown]
# Lecture 2 taught not to believe a backward pass that has not been checked. Against TensorFlow, on random
# points:

# %%
draw = np.random.default_rng(0)
some_x, some_y = draw.normal(size=(30, 2)), draw.integers(2, size=30)
ours = new_network((2, 5, 4, 2), he, seed=1)
values = forward(ours, some_x)
_, delta = cross_entropy(values[-1], some_y)

theirs = [tf.Variable(array) for array in ours]
with tf.GradientTape() as tape:
    a = tf.nn.relu(some_x @ theirs[0] + theirs[1])
    logits = tf.nn.relu(a @ theirs[2] + theirs[3]) @ theirs[4] + theirs[5]
    their_loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(some_y, logits))
for our_gradient, their_gradient in zip(
    backward(ours, values, delta), tape.gradient(their_loss, theirs), strict=True
):
    np.testing.assert_allclose(our_gradient, their_gradient, atol=1e-12)

# %% [markdown]
# Now the training loop. It takes any of our optimizers, with a memory for each array.


# %%
def train(parameters, x, y, rule, learning_rate, epochs, batch_size, seed=0, activation=RELU):
    """Train in mini-batches; return the parameters and the loss of each step."""
    order, losses = np.random.default_rng(seed), []
    states: list[dict] = [{} for _ in parameters]
    for _ in range(epochs):
        shuffled = order.permutation(len(x))
        for begin in range(0, len(x), batch_size):
            rows = shuffled[begin : begin + batch_size]
            values = forward(parameters, x[rows], activation)
            value, delta = cross_entropy(values[-1], y[rows])
            gradients = backward(parameters, values, delta, activation)
            triples = zip(parameters, gradients, states, strict=True)
            parameters = [rule(w, g, state, learning_rate) for w, g, state in triples]
            losses.append(value)
    return parameters, np.array(losses)


def share_right(parameters, x, y, activation=RELU):
    """Share of right answers."""
    return (forward(parameters, x, activation)[-1].argmax(axis=-1) == y).mean(axis=-1)


# %% [markdown]
# The deck gives neither its data nor its settings. We take noisy moons, two hidden ReLU layers of five and
# two units, batches of 64, and one small rate of 0.0007 for all; and 1,000 epochs, because plain descent is
# then about where it is in the deck. Nine networks with different first weights learn at the same time; what
# counts is their median.

# %%
moons = datasets.moons(n=300, noise=0.2, seed=3)
x_moons, y_moons = moons.x.astype(float), moons.y

rules = {"mini-batch": sgd, "deck's momentum": deck_momentum, "Keras' momentum": momentum, "Adam": adam}
reached, curve = {}, {}
for name, rule in rules.items():
    nine = new_network((2, 5, 2, 2), he, seed=0, networks=(9,))
    nine, losses = train(nine, x_moons, y_moons, rule, 0.0007, epochs=1000, batch_size=64)
    reached[name], curve[name] = share_right(nine, x_moons, y_moons), np.median(losses, axis=1)

# %%
deck = {"mini-batch": "79.7 %", "deck's momentum": "79.7 %", "Keras' momentum": "-", "Adam": "94 %"}
print(f"{'':16s} {'median':>8s} {'deck':>8s}   the nine")
for name, shares in reached.items():
    print(f"{name:16s} {np.median(shares):8.1%} {deck[name]:>8s}  ", *(f"{share:.2f}" for share in shares))

# %%
median = {name: np.median(shares) for name, shares in reached.items()}
expect(
    abs(median["mini-batch"] - median["deck's momentum"]), "what the deck's momentum gains", always=(0, 0.01)
)
expect(median["Keras' momentum"] - median["mini-batch"], "what Keras' momentum gains", always=0.02)
expect(median["Adam"] - median["mini-batch"], "what Adam gains", always=0.05)

# %% [markdown]
# There it is. The deck's momentum, with its factor $1-\beta$, moves as fast as plain descent, and where the
# steps are small and many it takes practically the same path: hence the same accuracy. The difference that
# the table seems to show, "Adam is better", is a difference of *speed*: 0.0007 is a good rate for Adam and
# a poor one for the others. Give plain descent a rate that is ten times as large, and a hundred times:

# %%
faster = {}
for rate in [0.007, 0.07]:
    nine = new_network((2, 5, 2, 2), he, seed=0, networks=(9,))
    nine, _ = train(nine, x_moons, y_moons, sgd, rate, epochs=1000, batch_size=64)
    faster[rate] = np.median(share_right(nine, x_moons, y_moons))
    print(f"plain descent at {rate}: median {faster[rate]:.1%}")

# %%
expect(abs(faster[0.007] - median["Keras' momentum"]), "ten times faster, to momentum", always=(0, 0.015))
expect(median["Adam"] - faster[0.07], "Adam ahead of plain descent at 0.07", always=(-0.05, 0.02))

# %% [markdown]
# At ten times the rate plain descent is where momentum was, at a hundred times where Adam was: **the deck's
# 14 points were points between learning rates.** The curves of the loss, all at 0.0007:

# %%
figure, axes = plt.subplots(figsize=(6.5, 3), layout="constrained")
for name, losses in curve.items():
    smooth = losses.reshape(-1, 50).mean(axis=1)
    axes.plot(50 * np.arange(1, len(smooth) + 1), smooth, label=name)
axes.set(xlabel="step", ylabel="loss (median of nine)", ylim=(0, None))
axes.legend()
plots.show(
    figure,
    alt="Loss against steps for four optimizers at the same learning rate. Mini-batch descent and the deck's "
    "momentum fall slowly and cannot be told apart; Keras' momentum falls much faster; Adam falls fastest "
    "and ends lowest.",
)

# %% [markdown]
# > **Pitfall: comparing optimizers at one rate.** It compares rates. A fair comparison gives each optimizer
# > the same budget to *look for* its rate; we do that in 4.11. (And look at the nine: one stands at 50 %
# > whatever the optimizer. Two units in a layer are few: if one is dead, half of the signal is gone.)

# %% [markdown]
# ## 4.6 Saddle points
#
# Where the gradient is zero there need not be a minimum. At a **saddle** the loss falls in one direction and
# rises in another. For a point to be a minimum *no* curvature may be negative. How likely is that? As a
# crude model, take random symmetric matrices for the second derivatives:

# %%
draw = np.random.default_rng(0)
shares = []
for n in range(1, 7):
    matrices = draw.normal(size=(20_000, n, n))
    shares.append(np.mean(np.linalg.eigvalsh(matrices + matrices.mT).min(axis=1) > 0))
    print(f"{n} weights: all curvatures positive in {shares[-1]:7.2%} of the cases")
assert all(few < many / 2 for many, few in pairwise(shares[:5]))

# %% [markdown]
# With six weights it hardly ever happens, and networks have thousands. Real losses are not random matrices,
# but the conclusion stands: **where a network stops, think of a saddle before a local minimum** (Dauphin et
# al., 2014). The smallest saddle with minima beside it:
#
# $$f(w) = \tfrac12 w_0^2 - \tfrac12 w_1^2 + \tfrac14 w_1^4.$$
#
# > **Predict.** We start at $(1, 10^{-4})$, almost on the ridge that leads to the saddle. Which optimizer
# > leaves first?


# %%
def saddle(w):
    """A saddle at the origin, minima at w_1 = 1 and -1."""
    return w[..., 0] ** 2 / 2 - w[..., 1] ** 2 / 2 + w[..., 1] ** 4 / 4


def escape(rule, learning_rate=0.05, start=(1.0, 1e-4)):
    """Go down from the ridge for at most 1,000 steps, until w_1 is nearly 1; return the weights visited."""
    path = [np.array(start)]
    state: dict = {}
    while abs(path[-1][1]) < 0.95 and len(path) <= 1000:
        w = path[-1]
        path.append(rule(w, np.array([w[0], w[1] ** 3 - w[1]]), state, learning_rate))
    return np.array(path)


# %%
# NBVAL_CHECK_OUTPUT
saddle_paths = {"plain": escape(sgd), "momentum": escape(momentum), "Adam": escape(adam)}
for name, path in saddle_paths.items():
    print(f"{name:9s} {len(path) - 1:4d} steps")
print(f"exactly on the ridge: {len(escape(adam, start=(1.0, 0.0))) - 1} steps with Adam, and still there")

# %%
plots.show(
    draw_paths(saddle_paths, saddle, (-1.2, 1.2, -0.4, 1.3), (0, 1)),
    alt="Three paths on the contours of a saddle, with a star at the minimum above it. Plain descent runs "
    "into the saddle, where its steps become so short that the points merge, and then climbs slowly "
    "towards the star. Momentum overshoots the saddle sideways and turns to the star. Adam turns off at "
    "once and takes the diagonal.",
)

# %%
assert len(saddle_paths["Adam"]) < len(saddle_paths["momentum"]) < len(saddle_paths["plain"])
assert abs(escape(adam, start=(1.0, 0.0))[-1][1]) == 0

# %% [markdown]
# Plain descent moves in proportion to the slope, and near the saddle there is none: the cost looks as if the
# training were over. Momentum helps; Adam, which asks for the sign more than for the size, leaves fastest.
# Nobody leaves the exact ridge, because there the gradient across is exactly zero. In practice the noise of
# mini-batches does the pushing. Section 4.8 has a ridge from which no noise can push.
#
# ## 4.7 The learning rate
#
# The one number that must be right. A **range test** finds it in one go (Smith, 2017): train with a rate that
# grows with each step, from far too small to far too large, and watch the loss. Where it falls steeply, the
# rate is good; where it turns up, it is too large. We do it with digits and a small network in plain Keras.

# %%
digits = datasets.mnist()
cut = len(digits.x_train) - digits.validation
x_train, y_train = digits.x_train[:cut].astype("float32") / 255, digits.y_train[:cut]
x_val, y_val = digits.x_train[cut:].astype("float32") / 255, digits.y_train[cut:]


# %%
def small_network(seed):
    """784-64-64-10, ReLU, He's initial weights."""
    training.set_seeds(seed)
    hidden = [keras.layers.Dense(64, activation="relu", kernel_initializer="he_normal") for _ in range(2)]
    return keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), *hidden, keras.layers.Dense(10)])


from_logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


# %%
def range_test(optimizer, rates, batch_size=64):
    """The loss of each step, while the rate grows. Uses the first training images once."""
    model, losses = small_network(0), []
    for step, rate in enumerate(rates):
        rows = slice(step * batch_size, (step + 1) * batch_size)
        with tf.GradientTape() as tape:
            value = from_logits(y_train[rows], model(x_train[rows]))
        optimizer.learning_rate = rate
        optimizer.apply(tape.gradient(value, model.trainable_variables), model.trainable_variables)
        losses.append(float(value))
    return np.array(losses)


# %%
tests = {
    "plain descent": (keras.optimizers.SGD(), np.geomspace(1e-3, 10, 80)),
    "Adam": (keras.optimizers.Adam(), np.geomspace(1e-5, 1, 80)),
}
tested = {name: range_test(optimizer, rates) for name, (optimizer, rates) in tests.items()}
smoothed = {name: np.convolve(losses, np.ones(7) / 7, mode="valid") for name, losses in tested.items()}

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True, layout="constrained")
lowest = {}
for panel, (name, (_, rates)) in zip(axes, tests.items(), strict=True):
    middle = rates[3:-3]
    lowest[name] = middle[np.argmin(smoothed[name])]
    panel.semilogx(middle, smoothed[name])
    panel.axvline(lowest[name], linestyle="--", color=plots.PALETTE[1])
    panel.set(title=name, xlabel="learning rate")
axes[0].set(ylabel="loss of the batch", ylim=(0, 4))
plots.show(
    figure,
    alt="Loss against a growing learning rate, for plain descent and for Adam. Both curves are flat at "
    "first, fall steeply over about one power of ten, reach a lowest point, marked with a dashed line, rise "
    "unsteadily after it, and explode. Adam's fall lies at far smaller rates.",
)

# %%
for name, rate in lowest.items():
    print(f"{name:14s} lowest loss at {rate:.3f}; a start for the search: {rate / 3:.4f}")
expect(lowest["plain descent"], "turning point of plain descent", digits, mnist=(0.05, 3), digits=(0.05, 3))
expect(lowest["Adam"], "turning point of Adam", digits, mnist=(0.002, 0.2), digits=(0.002, 0.2))
expect(lowest["plain descent"] / lowest["Adam"], "ratio of the two", digits, mnist=3, digits=3)

# %% [markdown]
# At the lowest point the loss no longer falls *while the rate grows*. Take a third to a tenth of it as a
# start, and search in both directions from there. The two optimizers want quite different rates, and for
# each the usable range spans about a power of ten, so that one looks for it in factors of three, not of
# 1.1.
#
# > **Pitfall: the averaged loss.** In Keras' callbacks and progress bars, the loss of a batch is the *mean
# > since the beginning of the epoch*. A range test that reads it there sees the turn much too late. Ours
# > takes the loss of each step itself.

# %% [markdown]
# ### Let it fall
#
# With a constant rate, noise keeps us away from the minimum (4.1). A rate that falls gets there: long steps
# while it is far, short ones at the end. The decks give three **schedules**, with the epoch $t$ and the first
# rate $\alpha_0$; the fourth is the half wave of a cosine over $T$ epochs, which lecture 3 used:
#
# $$\frac{\alpha_0}{1+kt}, \qquad \frac{\alpha_0}{\sqrt t}, \qquad 0.95^t\,\alpha_0, \qquad
# \frac{\alpha_0}2\Big(1+\cos\frac{\pi t}{T}\Big).$$

# %%
EPOCHS = 60
schedules = {
    "constant": lambda t: 0.1 + 0 * t,
    "inverse time": lambda t: 0.1 / (1 + 0.5 * t),
    "inverse root": lambda t: 0.1 / np.sqrt(t + 1),  # t begins at 0 here
    "exponential": lambda t: 0.1 * 0.95**t,
    "cosine": lambda t: 0.1 / 2 * (1 + np.cos(np.pi * t / EPOCHS)),
}

# %% [markdown]
# Keras has all but one of them, as functions of the *step*: for $t$ in epochs, set `decay_steps` to the
# steps of an epoch.

# %%
# NBVAL_CHECK_OUTPUT
in_keras = {
    "inverse time": keras.optimizers.schedules.InverseTimeDecay(0.1, decay_steps=1, decay_rate=0.5),
    "exponential": keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=1, decay_rate=0.95),
    "cosine": keras.optimizers.schedules.CosineDecay(0.1, decay_steps=EPOCHS),
}
for name, schedule in in_keras.items():
    theirs = [float(schedule(t)) for t in range(EPOCHS)]
    np.testing.assert_allclose(schedules[name](np.arange(EPOCHS)), theirs, rtol=1e-4)
    print(f"{name:13s} after 10 epochs {theirs[10]:.4f}, after 50 {theirs[50]:.4f}")

# %% [markdown]
# > **Erratum.** Two decks speak of *decay* and mean two things. In one the rate is divided by $1+k$ once per
# > epoch; in the other it is $\alpha_0/(1+kt)$, "inverse time". The first is exponential. And at $t=0$ the
# > slides' $\alpha_0/\sqrt t$ divides by zero: count from one.

# %%
# NBVAL_CHECK_OUTPUT
rate = 0.1
for _ in range(50):
    rate /= 1 + 0.05
print(f"divided by 1.05 fifty times: {rate:.4f}; 0.1/(1 + 0.05 t): {0.1 / (1 + 0.05 * 50):.4f}")
assert np.isclose(rate, 0.1 * (1 / 1.05) ** 50)

# %% [markdown]
# Stochastic descent on our line, one example at a time, 200 runs at once, with each of the schedules:


# %%
def stochastic_runs(schedule, runs=200, seed=0):
    """Mean loss above the minimum after each epoch of stochastic descent, over many runs."""
    draw, w, means = np.random.default_rng(seed), np.tile([-1.0, 2.6], (runs, 1)), []
    for t in range(EPOCHS):
        for i in draw.integers(64, size=(64, runs)):
            w = w - schedule(t) * X[i] * ((X[i] * w).sum(axis=1) - y_line[i])[:, None]
        means.append(np.mean(loss(w) - loss(w_best)))
    return np.array(means)


above_minimum = {name: stochastic_runs(schedule) for name, schedule in schedules.items()}

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.1), layout="constrained")
for name, schedule in schedules.items():
    axes[0].plot(np.arange(EPOCHS), schedule(np.arange(EPOCHS)), label=name)
    axes[1].semilogy(np.arange(1, EPOCHS + 1), above_minimum[name], label=name)
axes[0].set(xlabel="epoch", ylabel="learning rate")
axes[1].set(xlabel="epoch", ylabel="loss above the minimum")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
plots.show(
    figure,
    alt="Left, five schedules of the learning rate over sixty epochs: constant, inverse time, which falls "
    "fastest at first, inverse root, exponential, and the half wave of the cosine. Right, the loss above the "
    "minimum: constant stays highest, the others come down, each roughly in proportion to its rate, and "
    "the cosine ends lowest.",
)

# %%
final = {name: values[-1] for name, values in above_minimum.items()}
print(", ".join(f"{name} {value:.1e}" for name, value in final.items()))
assert all(final[name] < final["constant"] / 5 for name in list(final)[1:])
assert min(final, key=lambda name: final[name]) == "cosine"

# %% [markdown]
# All of them beat the constant rate by far. But falling can also be overdone. The rates of $0.95^t\alpha_0$
# add up to at most $20\,\alpha_0$, those of the other two of the decks to infinity. Whoever starts too far
# away with too small a rate *never* arrives, however long the training: a failure that looks like a
# minimum.

# %%
# NBVAL_CHECK_OUTPUT
exponential, inverse_root = 0.95 ** np.arange(2000), 1 / np.sqrt(np.arange(1, 2001))
print(f"sum of 2,000 rates: exponential {exponential.sum():.1f}, inverse root {inverse_root.sum():.1f}")

w_now = np.array([-1.0, 2.6])
for part_of_rate in exponential:
    w_now = w_now - 0.03 * part_of_rate * gradient(w_now, everything)
left_over = np.abs(gradient(w_now, everything)).max()
print(f"batch descent from 0.03, exponential: after 2,000 epochs a gradient of {left_over:.2f} is left")
assert left_over > 0.1

# %% [markdown]
# ## 4.8 Where to start
#
# All optimizers step away from somewhere. The obvious somewhere is zero. For a single layer that is fine: the
# gradient of a weight is its input times the error, and inputs differ.
#
# > **Predict.** Now a hidden layer of tanh units, all weights zero. How many different units will it have
# > after 200 steps? And if all weights start at 0.5 (those to the second output at -0.5)?

# %%
# NBVAL_CHECK_OUTPUT
first_moves = {}
for value in [0.0, 0.5]:
    equal = [np.full_like(array, value) for array in new_network((2, 6, 2), he, seed=0)]
    equal[2][:, 1] = -value  # the two outputs differ, the six hidden units do not
    learned, _ = train(equal, x_moons, y_moons, adam, 0.01, 40, 64, activation=TANH)
    different = len(np.unique(learned[0].round(6), axis=1).T)
    first_moves[value] = np.abs(learned[0] - equal[0]).max()
    print(f"all {value}: {different} different hidden unit(s), weights moved: {first_moves[value] > 0}")
    assert different == 1
assert first_moves[0.0] == 0 < first_moves[0.5]

# %% [markdown]
# One unit, six times. Units that start equal get equal gradients and stay equal forever: the **symmetry
# never breaks**, whatever the optimizer and however noisy the batches. From zero it is worse. The error is
# passed back through weights that are zero, so that the first layer gets no gradient at all. And it stays
# so: the hidden values are $\tanh 0=0$, so that the second layer's weights get no gradient either. Only the
# biases of the outputs can move. This is the ridge that 4.6 promised. (Biases may start at zero; it is
# enough that the kernels differ.)
#
# So the weights have to be random. How large? Follow the size of a signal through a layer. A pre-activation
# is a sum over $n$ inputs, $z=\sum_i w_i a_i$. With independent weights of mean zero the variances add up:
#
# $$\operatorname{Var}(z) = n\,\operatorname{Var}(w)\,\overline{a^2}.$$
#
# Each layer multiplies the signal by $n\operatorname{Var}(w)$, and what is multiplied twenty times had
# better be multiplied by one. The gradient on its way back is a sum over the $n_\text{out}$ units of a
# layer, and by the same argument wants $n_\text{out}\operatorname{Var}(w)=1$. **Xavier** Glorot's
# compromise (Glorot and Bengio, 2010) puts the mean of $n_\text{in}$ and $n_\text{out}$ in the place of
# both; it assumes an activation that is nearly linear around zero, such as tanh. A ReLU throws half of
# $\overline{a^2}$ away, so that **He** and others (2015) double:
#
# $$\text{Xavier: } \operatorname{Var}(w) = \frac{2}{n_\text{in}+n_\text{out}}, \qquad
# \text{He: } \operatorname{Var}(w) = \frac{2}{n_\text{in}}.$$


# %%
def xavier(n_in, n_out):
    """The standard deviation that Glorot and Bengio chose."""
    return np.sqrt(2 / (n_in + n_out))


# %% [markdown]
# Keras' initializers draw from the same variances. (`glorot_uniform` is what `Dense` takes if nobody says
# otherwise: right for tanh; for a ReLU its variance is too small, by a factor of two where layers are
# equally wide.)

# %%
# NBVAL_CHECK_OUTPUT
shape = (300, 900)
for name, scale in {"glorot_normal": xavier, "glorot_uniform": xavier, "he_normal": he}.items():
    kernel = keras.initializers.get({"class_name": name, "config": {"seed": 1}})(shape)
    assert abs(float(np.var(kernel)) / scale(*shape) ** 2 - 1) < 0.02
    print(f"{name:15s} variance {scale(*shape) ** 2:.5f}")
assert isinstance(keras.layers.Dense(1).kernel_initializer, keras.initializers.GlorotUniform)

# %% [markdown]
# ### Through twenty layers
#
# Twenty layers of 200 units, and standard normal inputs. We watch the activations on their way forward and,
# from a random gradient at the output, the gradients on their way back.


# %%
def through(scale, activation, depth=20, width=200, seed=0):
    """Return the activations, and the gradients of the pre-activations, of each hidden layer."""
    rng = np.random.default_rng(seed)
    parameters = new_network((width,) * (depth + 2), scale, seed)
    values = forward(parameters, rng.normal(size=(300, width)), activation)
    delta = rng.normal(size=values[-1].shape)
    deltas: list = []
    for layer in reversed(range(1, depth + 1)):
        delta = delta @ parameters[2 * layer].T * activation[1](values[layer])
        deltas.insert(0, delta)
    return values[1:-1], deltas


def size(arrays):
    """Root mean square of each array."""
    return np.array([np.sqrt(np.mean(array**2)) for array in arrays])


# %%
scales = {"too small (0.01)": lambda *n: 0.01, "too large (1)": lambda *n: 1.0, "Xavier": xavier, "He": he}
signals = {
    (kind, name): through(scale, activation)
    for kind, activation in {"tanh": TANH, "ReLU": RELU}.items()
    for name, scale in scales.items()
}


# %%
def draw_layers(kind, which, bins, xlabel, change=lambda array: array):
    """Histograms at layers 1, 5, 10 and 20 for each of the four scales."""
    figure, axes = plt.subplots(4, 4, figsize=(9, 6), sharex=True, layout="constrained")
    for row, name in zip(axes, scales, strict=True):
        for panel, layer in zip(row, [1, 5, 10, 20], strict=True):
            values = change(signals[kind, name][which][layer - 1].ravel())
            panel.hist(np.clip(values, bins[0], bins[-1]), bins=bins, density=True)
            panel.set_yticks([])
            panel.set_title(f"layer {layer}" if name == "too small (0.01)" else "")
        row[0].set_ylabel(name.replace(" (", "\n("))
    figure.supxlabel(xlabel)
    return figure


# %% [markdown]
# > **Predict.** A tanh net with weights that are too large: what will the histogram of its activations look
# > like? And what does that mean for its gradients?

# %%
plots.show(
    draw_layers("tanh", 0, np.linspace(-1, 1, 41), "activation of a tanh unit"),
    alt="Histograms of tanh activations in layers 1, 5, 10 and 20. Weights too small: a hump in layer 1, "
    "a spike at zero from layer 5 on. Too large: two spikes at minus one and one in all layers. Xavier: wide "
    "in layer 1, then a hump that narrows slowly. He: wide in layer 1, and from layer 5 on spread evenly.",
)

# %% [markdown]
# Too small: after five layers next to nothing is left. Too large: all units are saturated. With the weights
# that are too large, tanh keeps the *values* in bounds and hides what happens to the *gradients*. Those span
# so many powers of ten that we draw their logarithm, and put what lies outside of $10^{\pm8}$ at the border.

# %%
plots.show(
    draw_layers(
        "tanh",
        1,
        np.linspace(-8, 8, 41),
        "power of ten of the gradient (tanh); 20 is the last layer, from which the gradients come",
        change=lambda array: np.log10(np.abs(array) + 1e-30),
    ),
    alt="Histograms of the logarithm of the gradients. Weights too small: in layers 1, 5 and 10 all "
    "gradients are at the left border, below ten to the minus eight. Too large: a spike at the left border "
    "in all layers, and a tail that reaches farther right the nearer the layer is to the input, in layer 1 "
    "with a second spike at the right border. Xavier and He: humps at or a little below ten to the power of "
    "zero.",
)

# %% [markdown]
# With weights too large both happen at once: most units are saturated and pass nothing back (the spike at the
# left border), and through the few that are not, the gradient grows nearly threefold per layer.
#
# Gradients that shrink layer by layer **vanish**: the first layers do not learn. Gradients that grow
# **explode**: the first layers jump about. In one figure, for all layers:

# %%
figure, axes = plt.subplots(2, 2, figsize=(9, 5), sharex=True, layout="constrained")
for row, kind in zip(axes, ["tanh", "ReLU"], strict=True):
    for panel, which, what in zip(row, [0, 1], ["activations", "gradients"], strict=True):
        for name in scales:
            panel.semilogy(np.arange(1, 21), size(signals[kind, name][which]), label=name)
        panel.set(title=f"{kind}: {what}", ylabel="root mean square", xticks=[1, 5, 10, 15, 20])
for panel in axes[1]:
    panel.set_xlabel("layer")
axes[0, 0].legend()
plots.show(
    figure,
    alt="Size of activations and gradients against the layer, on logarithmic axes. Too small weights: both "
    "fall at each layer, by about seven with tanh and ten with ReLU. Too large: with ReLU both grow tenfold "
    "per layer; with tanh the activations stay at one and the gradients grow nearly threefold per layer "
    "towards the first. Xavier: nearly level with tanh, "
    "falling steadily with ReLU. He: level in all four panels.",
)

# %% [markdown]
# The measured sizes are those of the derivation: He keeps a ReLU net level, and Xavier loses a factor of two
# of the variance in each layer of it.

# %%
he_relu, xavier_relu = (size(signals["ReLU", name][0]) for name in ["He", "Xavier"])
expect(he_relu[19] / he_relu[0], "He, ReLU: layer 20 against layer 1", always=(0.5, 2))
expect(
    (xavier_relu[19] / xavier_relu[0]) ** (2 / 19),
    "Xavier, ReLU: factor of the variance per layer",
    always=(0.45, 0.55),
)
half = np.mean(signals["ReLU", "He"][0][9] == 0)
expect(half, "share of silent ReLU units in layer 10", always=(0.4, 0.6))

# %%
back = {name: size(signals["ReLU", name][1])[[0, 19]] for name in scales}
expect(back["He"][0] / back["He"][1], "He, ReLU: gradient of layer 1 against layer 20", always=(0.5, 2))
expect(back["Xavier"][0] / back["Xavier"][1], "the same with Xavier", always=(0, 0.01))
expect(back["too small (0.01)"][0] / back["too small (0.01)"][1], "with weights too small", always=(0, 1e-12))
expect(back["too large (1)"][0] / back["too large (1)"][1], "with weights too large", always=(1e12, 1e30))
saturated = size(signals["tanh", "too large (1)"][1])
per_layer = (saturated[0] / saturated[19]) ** (1 / 19)
expect(per_layer, "too large, tanh: growth of the gradient per layer", always=(2.3, 3.3))

# %% [markdown]
# > **Erratum.** One deck recommends He's weights for "ReLU or tanh". The 2 makes up for the half that a ReLU
# > cuts off; tanh cuts off nothing. What do they do to tanh? In the histograms above: no harm. The values do
# > not even shrink as they do with Xavier. The harm shows with more layers:

# %%
for name, scale in {"Xavier": xavier, "He": he}.items():
    values, deltas = through(scale, TANH, depth=100)
    tanh_growth = size(deltas)[0] / size(deltas)[-1]
    print(f"{name:7s} tanh, 100 layers: last values {size(values)[-1]:.2f}, gradient times {tanh_growth:.3g}")
    band = (0.001, 1) if name == "Xavier" else (3, 1e4)
    expect(tanh_growth, f"{name}, tanh: gradient of layer 1 against layer 100", always=band)

# %% [markdown]
# With Xavier both fade slowly; with He the values stay, and the gradients grow. At twenty layers neither
# matters much: "He is for ReLU" is right about what was derived, and one should not expect a disaster. Try
# other scales yourself: the **gain** is $n\operatorname{Var}(w)$, 1 for Xavier (in layers of equal width) and
# 2 for He.


# %%
def draw_gain(gain=1.5):
    """Sizes through twenty layers for any gain."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
    for kind, activation in {"tanh": TANH, "ReLU": RELU}.items():
        forth, back = through(lambda n_in, n_out: np.sqrt(gain / n_in), activation)
        axes[0].semilogy(np.arange(1, 21), size(forth), label=kind)
        axes[1].semilogy(np.arange(1, 21), size(back), label=kind)
    axes[0].set(
        title=f"activations, gain {gain:g}", xlabel="layer", ylabel="root mean square", ylim=(1e-7, 1e5)
    )
    axes[1].set(title=f"gradients, gain {gain:g}", xlabel="layer")
    axes[0].set_xticks([1, 5, 10, 15, 20])
    axes[1].set_xticks([1, 5, 10, 15, 20])
    axes[0].legend()
    return figure


# %%
widgets.explore(
    draw_gain,
    alt="Size of activations and gradients in twenty layers for one gain of the weights. At 1.5 the "
    "values of the tanh net level off and those of the ReLU net fall steadily; so do its gradients "
    "towards the first layer, while those of the tanh net hardly change.",
    gain=(0.5, 4.0, 0.25),
)

# %% [markdown]
# ### Does it matter for learning?
#
# Twenty hidden layers of 16 ReLU units, the moons, our Adam, three kinds of first weights, the same steps.


# %%
def deep_network(scale, seed=0):
    """2, twenty times 16, 2."""
    return new_network((2, *[16] * 20, 2), scale, seed)


deep_losses, deep_accuracy = {}, {}
for name, scale in {"too small (0.1)": lambda *n: 0.1, "Xavier": xavier, "He": he}.items():
    trained, deep_losses[name] = train(deep_network(scale), x_moons, y_moons, adam, 0.003, 40, 32)
    deep_accuracy[name] = share_right(trained, x_moons, y_moons)
    print(
        f"{name:15s} first loss {deep_losses[name][0]:.3f}, last {deep_losses[name][-20:].mean():.3f}, "
        f"accuracy {deep_accuracy[name]:.1%}"
    )

# %%
expect(deep_losses["too small (0.1)"][-20:].mean(), "last loss, weights too small", always=(0.69, 0.70))
expect(deep_accuracy["He"], "accuracy with He's weights", always=0.9)

# %% [markdown]
# Weights of standard deviation 0.1 are not outlandish. In twenty layers they leave a loss of
# $\ln 2 = 0.693$: the network says "half and half" for every point, and has learned nothing after 400 steps.
# Xavier's weights, a bit too small here, did nearly as well with Adam.
#
# ## 4.9 Vanishing, exploding, clipping
#
# Twenty linear layers of one unit each, all with the same weight $w$, compute $w^{20}x$. For $x=1$ and the
# target 1 that is the whole story in one variable:
#
# $$L(w) = \tfrac12\,(w^{20}-1)^2, \qquad L'(w) = 20\,w^{19}\,(w^{20}-1).$$


# %%
# NBVAL_CHECK_OUTPUT
def chain_gradient(w):
    """Gradient of the loss of twenty layers that share one weight."""
    return 20 * w**19 * (w**20 - 1)


for shared in [0.5, 0.8, 0.99, 1.2, 1.5]:
    print(f"w = {shared:4.2f}: gradient {chain_gradient(shared):+.2e}")

# %% [markdown]
# A plateau on the left, a cliff on the right, and a narrow strip at 1 where one can learn. No learning rate
# suits all three. From 1.5, even a rate of 0.01 makes a step of more than a million, and the gradient there
# is so large that the one after it is no longer a number that the computer can hold.
#
# **Clipping** cures the cliff. *By norm*: if the gradient is longer than $c$, shorten it to $c$. *By value*:
# cut each number to $-c\ldots c$.


# %%
def clip_by_norm(gradients, most):
    """Shorten a list of gradients, taken together, to a length of at most `most`; keep the direction."""
    length = np.sqrt(sum(np.sum(g**2) for g in gradients))
    return [g * min(1, most / length) for g in gradients]


def clip_by_value(gradients, most):
    """Cut each number; the direction changes."""
    return [np.clip(g, -most, most) for g in gradients]


# %%
# NBVAL_CHECK_OUTPUT
some = [np.array([3.0, -4.0]), np.array([0.0, 12.0])]
for name, ours, optimizer in [
    ("by norm", clip_by_norm(some, 1.0), keras.optimizers.SGD(1.0, global_clipnorm=1.0)),
    ("by value", clip_by_value(some, 1.0), keras.optimizers.SGD(1.0, clipvalue=1.0)),
]:
    variables = [keras.Variable(np.zeros(2), dtype="float64") for _ in some]
    optimizer.apply([tf.constant(g) for g in some], variables)
    for mine, variable in zip(ours, variables, strict=True):
        np.testing.assert_allclose(-mine, variable.numpy(), atol=1e-6)
    print(f"{name:9s}", *(mine.round(3) for mine in ours))

# %% [markdown]
# Keras knows a third, `clipnorm`, which shortens each array by itself. Clipping by (global) norm keeps the
# direction, and is what one usually wants. Now from 1.5, with and without:

# %%
# NBVAL_CHECK_OUTPUT
for name, clip in [("clipped", lambda g: clip_by_norm([g], 1.0)[0]), ("not clipped", lambda g: g)]:
    shared = 1.5
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(100):
            shared = shared - 0.01 * float(clip(chain_gradient(np.float64(shared))))
    print(f"{name:12s} after 100 steps: w = {shared:.3f}")
    assert np.isclose(shared, 1, atol=0.05) if name == "clipped" else not np.isfinite(shared)

# %% [markdown]
# Clipping does nothing for the plateau: a gradient of $10^{-5}$ is not longer than 1. Vanishing has to be
# cured at the root, by the first weights, by other activations, by normalization (lecture 9), or by paths
# around the layers (lecture 11).
#
# ## 4.10 What if the cost stays flat?
#
# The decks give a checklist: better first weights (He), another learning rate, Adam, mini-batches. Good
# advice, in the order of a recipe. We would rather *diagnose*. Three patients with the same symptom, a loss
# that hardly leaves $\ln 2$, and each of the remedies for each of them.

# %%
mixed_labels = np.random.default_rng(5).permutation(y_moons)
patients = {  # first weights, labels, learning rate
    "weights too small": (lambda *n: 0.1, y_moons, 0.1),
    "rate too small": (he, y_moons, 1e-4),
    "labels shuffled": (he, mixed_labels, 0.1),
}


# %%
def treated(remedy, scale, labels, rate):
    """The last loss of a patient after 300 steps, with one thing changed (Adam comes with its own rate)."""
    scale = he if remedy == "He's weights" else scale
    rate = 100 * rate if remedy == "rate times 100" else 0.003 if remedy == "Adam" else rate
    rule = adam if remedy == "Adam" else sgd
    batch_size, epochs = (30, 30) if remedy == "mini-batches" else (300, 300)
    with np.errstate(over="ignore", invalid="ignore"):
        network, _ = train(deep_network(scale), x_moons, labels, rule, rate, epochs, batch_size)
        return cross_entropy(forward(network, x_moons)[-1], labels)[0]


# %%
remedies = ["nothing", "He's weights", "rate times 100", "Adam", "mini-batches"]
after = {name: [treated(remedy, *patient) for remedy in remedies] for name, patient in patients.items()}
print(f"{'loss after 300 steps':20s}", *(f"{remedy:>15s}" for remedy in remedies))
for name, losses in after.items():
    print(f"{name:20s}", *(f"{value:15.3f}" for value in losses))

# %%
weights, slow, shuffled = (np.array(losses) for losses in after.values())
expect(weights[1], "weights too small: He's weights", always=(0, 0.5))
expect(
    weights[[0, 3, 4]].min(), "weights too small: the best without them and at this rate", always=(0.69, 0.7)
)
expect(slow[[2, 3]].max(), "rate too small: a larger one, or Adam's", always=(0, 0.5))
expect(slow[[0, 1, 4]].min(), "rate too small: the best of the others", always=(0.6, 0.7))
expect(np.nanmin(shuffled), "labels shuffled: the best of all", always=(0.5, 0.7))

# %% [markdown]
# The cure depends on the illness, and the wrong one does nothing. (Adam came with its own rate, 0.003; that
# may be what cured the second patient. *nan* is a loss that has exploded, and 2.47 is hardly better: a rate
# that is 100 times too large.) Mini-batches cured nobody here; they may where a saddle is to blame. Adam's
# answer to the shuffled labels is no cure: it has begun to learn them by heart. Hence the order in which to
# look when a cost stays flat:
#
# | look at | if it is | then |
# |---|---|---|
# | the first loss | not $\ln k$ for $k$ classes | inputs not scaled, or last weights too large (lecture 3) |
# | ten examples | not to be learned by heart | a bug in loss, labels or gradients |
# | activations, layer by layer | zero, or saturated | the first weights: Xavier, He |
# | gradients, layer by layer | vanishing or exploding | first weights, activation, clipping |
# | the loss over a growing rate | falling somewhere | take that rate |
# | the same forever | a saddle? | momentum or Adam, smaller batches |
# | validation on true labels | at chance, while training improves | labels do not belong to their inputs |

# %% [markdown]
# ## 4.11 On the digits, at equal budget
#
# Now the fair comparison. Each optimizer may try four learning rates, a factor of about three apart, and
# trains for four epochs in batches of 128. The validation images choose the rate, with one seed. Then each
# runs with three other seeds at its rate. This is plain Keras.

# %%
candidates = {
    "plain descent": (keras.optimizers.SGD(), [0.03, 0.1, 0.3, 1.0]),
    "momentum 0.9": (keras.optimizers.SGD(momentum=0.9), [0.01, 0.03, 0.1, 0.3]),
    "RMSProp": (keras.optimizers.RMSprop(), [0.0003, 0.001, 0.003, 0.01]),
    "Adam": (keras.optimizers.Adam(), [0.0003, 0.001, 0.003, 0.01]),
}


# %%
def compiled(optimizer):
    """The small network with an optimizer."""
    model = small_network(0)
    model.compile(optimizer, from_logits, metrics=["accuracy"])
    return model


def start_again(model, seed):
    """New first weights, and an optimizer that remembers nothing."""
    model.set_weights(small_network(seed).get_weights())
    for variable in model.optimizer.variables:  # the learning rate becomes 0, too: run() sets it again
        variable.assign(tf.zeros_like(variable))


def run(model, seed, rate=None):
    """Train for four epochs from the start; return training loss, validation accuracy and weights."""
    start_again(model, seed)
    if rate is not None:
        model.optimizer.learning_rate = rate
    history = model.fit(x_train, y_train, batch_size=128, epochs=4, verbose=0)
    accuracy = model.evaluate(x_val, y_val, batch_size=1000, verbose=0)[1]
    return history.history["loss"][-1], accuracy, model.get_weights()


# %% [markdown]
# > **Pitfall: an optimizer that remembers.** A second `fit` goes on with the velocities, the mean squares and
# > the step count of the first. For a new start, new weights are not enough; hence the loop in `start_again`.
#
# > **Predict.** By how much will Adam beat plain descent on the validation images, when each has its own
# > rate?

# %%
models, chosen_rate = {}, {}
for name, (optimizer, grid) in candidates.items():
    models[name] = compiled(optimizer)
    found = {rate: run(models[name], 0, rate)[1] for rate in grid}
    chosen_rate[name] = max(found, key=lambda rate: found[rate])
    print(f"{name:14s}", ", ".join(f"{rate:g}: {value:.3f}" for rate, value in found.items()))

# %% [markdown]
# The range test of 4.7 finds the order of magnitude, not the rate: compare. And a fifth: momentum again, with
# the rate falling along the cosine of 4.7, and a search of its own for the first rate.

# %%
cosine, total = "momentum, cosine", 4 * int(np.ceil(len(x_train) / 128))
falling = {
    rate: compiled(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(rate, total), momentum=0.9))
    for rate in candidates["momentum 0.9"][1]
}
found = {rate: run(model, 0)[1] for rate, model in falling.items()}
chosen_rate[cosine] = max(found, key=lambda rate: found[rate])
models[cosine] = falling[chosen_rate[cosine]]
print(f"{cosine:14s}", ", ".join(f"{rate:g}: {value:.3f}" for rate, value in found.items()))

# %%
runs = {name: [run(models[name], seed, chosen_rate[name]) for seed in [1, 2, 3]] for name in candidates}
runs[cosine] = [run(models[cosine], seed) for seed in [1, 2, 3]]

# %%
training_loss = {name: np.mean([loss for loss, _, _ in three]) for name, three in runs.items()}
validation = {name: np.array([share for _, share, _ in three]) for name, three in runs.items()}
print(f"{'':17s} {'rate':>6s} {'training loss':>14s}   validation accuracy of three seeds")
for name, of_three in validation.items():
    three = " ".join(f"{share:.3f}" for share in of_three)
    print(f"{name:17s} {chosen_rate[name]:6g} {training_loss[name]:14.3f}   {three}")

# %%
means = [shares.mean() for shares in validation.values()]
luck = max(np.ptp(shares) for shares in validation.values())
print(f"between optimizers {np.ptp(means):.3f}, between seeds of the same up to {luck:.3f}")
expect(min(means), "the lowest mean", digits, mnist=0.95, digits=0.72)
expect(np.ptp(means) / luck, "optimizers against seeds", digits, mnist=(0, 2), digits=(0, 2))
expect(max(means), "sanity: far above chance", always=0.4)

# %% [markdown]
# The training loss is what an optimizer works on, and there they differ; the falling rate, which may begin
# high and end calm, went lowest in our runs. On the validation images little of that is left: with a rate
# of its own for each, the choice of the optimizer counts about as much as the luck of the seed. The deck's
# 14 points between momentum and Adam have no trace here. That does not make Adam useless: its rate of 0.001
# works, unsearched, for very many networks, and that is worth a lot.

# %%
fastest = min(training_loss, key=lambda name: training_loss[name])
ratio = training_loss["plain descent"] / training_loss[fastest]
print(f"lowest training loss: {fastest}")
expect(ratio, "plain descent's training loss against the lowest", digits, mnist=1.1, digits=1.2)

# %% [markdown]
# The choice is made by the validation images. The test data report once, for what was chosen:

# %%
winner = max(validation, key=lambda name: validation[name].mean())
x_test, y_test = digits.x_test.astype("float32") / 255, digits.y_test
test_shares = []
for _, _, weights_of_run in runs[winner]:
    models[winner].set_weights(weights_of_run)
    test_shares.append(models[winner].evaluate(x_test, y_test, batch_size=1000, verbose=0)[1])
test_accuracy = np.mean(test_shares)
print(f"chosen: {winner}")
expect(test_accuracy, "test accuracy, mean of three seeds", digits, mnist=0.955, digits=0.82)

# %% [markdown]
# ## What we measured

# %%
per_layer = {
    name: (sizes[19] / sizes[0]) ** (2 / 19) for name, sizes in [("He", he_relu), ("Xavier", xavier_relu)]
}
print("two-class toy, median accuracy          ours    deck")
for name in rules:
    print(f"  {name:36s} {median[name]:6.1%}  {deck[name]:>6s}")
print(
    "steps to leave a saddle                ", ", ".join(f"{k} {len(v) - 1}" for k, v in saddle_paths.items())
)
print(f"ReLU, factor of the variance per layer  {', '.join(f'{k} {v:.2f}' for k, v in per_layer.items())}")
print(f"digits, test accuracy                   {test_accuracy:.1%} ({winner})")

# %% [markdown]
# ## Recap
#
# - Small batches make many noisy steps: fast at first, then they hover, until the rate falls.
# - Momentum sums steps, RMSProp divides by the size of the gradients, Adam averages gradients, divides by
#   their size, and corrects its start. Names agree between libraries, formulas do not: check factors and
#   epsilons before you carry a rate over.
# - Compare optimizers only when each has its own learning rate. A range test finds its order of magnitude.
# - Weights must differ to break the symmetry, and their variance must keep signals level:
#   $2/(n_\text{in}+n_\text{out})$ for tanh, $2/n_\text{in}$ for ReLU.
# - A flat cost has a cause. Look at activations and gradients layer by layer before you change anything.
#
# ## Try it yourself
#
# The [exercise of this lecture](exercises/04_optimizers_and_init.ipynb) has tasks that tell you at once
# whether you are right, with a hint where you are not. And three more to play with, without a check:
#
# 1. Turn the valley of 4.1 so that it lies along an axis: with `V = np.linalg.eigh(X.T @ X)[1]`, put
#    `X @ V` in the place of `X`, and start at `V.T @ [-1, 2.6]`. Which of the optimizers gain, and why do
#    the others not care? And what becomes of the valley if you subtract the mean of `x_line` instead?
# 2. Make the batch of 4.11 four times as large. By what factor may the learning rate grow?
# 3. Train the twenty layers of 4.8 with tanh, with Xavier's weights and with He's. And forty layers?
#
# ## Further reading
#
# - *Some methods of speeding up the convergence of iteration methods*, B. Polyak, 1964.
# - *Understanding the difficulty of training deep feedforward neural networks*, X. Glorot, Y. Bengio, 2010.
# - *Neural networks for machine learning, lecture 6*, G. Hinton, 2012 (RMSProp).
# - *On the difficulty of training recurrent neural networks*, R. Pascanu, T. Mikolov, Y. Bengio, 2013
#   (clipping).
# - *Identifying and attacking the saddle point problem in high-dimensional non-convex optimization*, Y.
#   Dauphin, R. Pascanu, C. Gulcehre, K. Cho, S. Ganguli, Y. Bengio, 2014.
# - *Adam: a method for stochastic optimization*, D. Kingma, J. Ba, 2015.
# - *Delving deep into rectifiers*, K. He, X. Zhang, S. Ren, J. Sun, 2015.
# - *Cyclical learning rates for training neural networks*, L. Smith, 2017.
