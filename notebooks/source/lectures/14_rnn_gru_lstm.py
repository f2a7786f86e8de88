# %% [markdown]
# # 14 · Networks that read
#
# An image has a fixed size. A sentence ends when it ends. **How does a network read something whose length it
# does not know, and how does it still know at the end what stood at the beginning?** The answer to the first
# question is one small layer, used again and again. The second question is harder: that layer forgets. This
# lecture takes the layers apart that forget less, GRU and LSTM, and measures how far back each can remember.
#
# **You will be able to**
#
# - write a simple recurrent layer, a GRU and an LSTM in NumPy, and count their parameters;
# - propagate a gradient back through time by hand, and say why it vanishes or explodes;
# - measure how long a network remembers, and set the bias that decides it;
# - pad and mask sequences of unequal lengths, and tell what happens without the mask;
# - build models that write text, translate, and predict the next frame of a film.
#
# **Time:** 75 minutes to read, 3 minutes to run (a minute and a half on the embedded data). **Builds on:**
# lectures 2, 4 (clipping) and 6 (convolution).

# %%
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
from scipy import special
from scipy.special import expit as sigmoid

from lecture_utils import datasets, plots, training, widgets
from lecture_utils.checks import expect

training.quiet_tensorflow()
import keras
import tensorflow as tf

# %% [markdown]
# ## 14.1 Why order matters
#
# Could we not count words, and give the counts to a dense network? Then the length would not matter.

# %%
# NBVAL_CHECK_OUTPUT
one, other = "the dog bit the man", "the man bit the dog"
print(Counter(one.split()))
assert Counter(one.split()) == Counter(other.split())

# %% [markdown]
# The same counts, and not the same news. Order carries meaning, and it does so over distances that nobody can
# bound. The verb of a sentence agrees with its subject, whatever stands between them:

# %%
# NBVAL_CHECK_OUTPUT
between = ["", "which already ate,", "which already ate the pies that stood on the table,"]
for clause in between:
    cat, cats = (
        f"the {animal} {clause} {verb} full".split() for animal, verb in [("cat", "was"), ("cats", "were")]
    )
    print(f"{cats.index('were') - cats.index('cats')} steps back: {' '.join(cats)}")
    assert [c != d for c, d in zip(cat, cats, strict=True)].count(True) == 2

# %% [markdown]
# One letter at the beginning decides the verb at the end. So a reader needs a **memory**: something that is
# written when *cats* is read, and is still there ten words later.
#
# Sometimes even a perfect memory is not enough. Is *Teddy* a name?

# %%
# NBVAL_CHECK_OUTPUT
told = ["he said Teddy Roosevelt was a great president", "he said Teddy bears are on sale"]
president, bears = (sentence.split() for sentence in told)
place = president.index("Teddy")
print("up to Teddy:", president[: place + 1], bears[: place + 1])
assert president[: place + 1] == bears[: place + 1]

# %% [markdown]
# Whoever reads from left to right has seen the same three words when a decision about *Teddy* is due. What
# decides stands to the right. In 14.2 we let a network read in both directions.
#
# ### What goes in, what comes out
#
# Five kinds of task differ in where the sequence is.


# %%
def draw_task(axes, title, inputs, outputs):
    """Draw a network unrolled in time: the steps that get an input x, and those that give an output y."""
    steps = 1 + max(outputs)
    arrow = {"arrowstyle": "->", "color": "0.3", "linewidth": 1.4, "shrinkA": 8, "shrinkB": 8}
    for places, y, letter, color in [(inputs, 0, "x", 2), (range(steps), 1, "a", 0), (outputs, 2, "y", 1)]:
        axes.scatter(places, [y] * len(places), 220, color=plots.PALETTE[color])
        for t in places:
            axes.text(t, y, letter, color="white", ha="center", va="center")
            origin, target = [((t, 0), (t, 1)), ((t - 1, 1), (t, 1)), ((t, 1), (t, 2))][y]
            if t or y != 1:
                axes.annotate("", target, origin, arrowprops=arrow)
    axes.set_title(title, fontsize=9.5)
    axes.set(xlim=(-0.6, steps - 0.4), ylim=(-0.5, 2.5))
    axes.axis("off")


# %%
tasks = {
    "one to one\n(image, class)": ([0], [0]),
    "one to many\n(image, caption)": ([0], [0, 1, 2]),
    "many to one\n(review, mood)": ([0, 1, 2], [2]),
    "many to many\n(each word, its tag)": ([0, 1, 2], [0, 1, 2]),
    "many to many, other\nlength (translation)": ([0, 1, 2], [2, 3, 4, 5]),
}
figure, axes = plt.subplots(1, 5, figsize=(9, 2.2), width_ratios=[2, 3, 3, 3, 6], layout="constrained")
for panel, (title, task) in zip(axes, tasks.items(), strict=True):
    draw_task(panel, title, *task)
plots.show(
    figure,
    alt="Five small diagrams of a network unrolled in time, inputs x below, states a in the middle, outputs "
    "y above: one to one; one to many; many to one; many to many with an output for each input; and many to "
    "many with three inputs first and four outputs from the last input on.",
)

# %% [markdown]
# The first is what the earlier lectures did. Many to one comes in 14.6 and 14.7, one output for each input in
# 14.8 and 14.11, unequal lengths in 14.9. One to many is the second half of the last.
#
# ### Words or characters?
#
# A sequence of what? We measure both on a long English text: how many different symbols there are, and how
# long a sentence is.

# %%
corpus = datasets.corpus()

# %%
sentences = corpus.sentences[:20_000]
as_words = [sentence.split() for sentence in sentences]
vocabulary = Counter(word for sentence in as_words for word in sentence)
letters = Counter("".join(sentences))
for name, symbols, parts in [("words", vocabulary, as_words), ("characters", letters, sentences)]:
    print(f"{name:11s}{len(symbols):>8,} different, {np.mean([len(part) for part in parts]):4.0f} a sentence")

# %%
once = np.mean([count == 1 for count in vocabulary.values()])
expect(len(vocabulary) / len(letters), "different words for each character", corpus, docstrings=100, imdb=100)
expect(once, "share of words that occur only once", corpus, docstrings=0.3, imdb=0.3)

# %% [markdown]
# Words, cut at blanks, make short sequences from a large vocabulary, of which a large part is seen too
# rarely to learn anything about. Characters make long sequences from a small one, and no word is unknown. A
# model of characters needs less text to begin with, and a longer memory. We use words in 14.7 and 14.9,
# characters in 14.8.
#
# ## 14.2 The simple recurrent layer
#
# Read from left to right. Keep a vector $a$ of $n_a$ numbers, the **state**. At each step mix it with the new
# input $x$, of $n_x$ numbers:
#
# $$a^{\langle t\rangle}=\tanh(W_{aa}\,a^{\langle t-1\rangle}+W_{ax}\,x^{\langle t\rangle}+b_a),\qquad
# \hat y^{\langle t\rangle}=\operatorname{softmax}(W_y\,a^{\langle t\rangle}+b_y).$$
#
# It starts with $a^{\langle 0\rangle}=0$, and the weights are **the same at every step**. That is the whole
# answer to the first question: a longer text takes more steps, not more weights. One step with $n_x=3$ and
# $n_a=2$:

# %%
# NBVAL_CHECK_OUTPUT
W_ax = np.array([[0.5, -1.0, 0.0], [1.0, 0.0, 0.5]])  # (n_a, n_x)
W_aa = np.array([[0.5, 0.0], [-1.0, 0.5]])  # (n_a, n_a)
b_a, a_before, x_now = np.array([0.1, 0.0]), np.array([0.2, -0.4]), np.array([1.0, 0.0, 0.0])

a_now = np.tanh(W_aa @ a_before + W_ax @ x_now + b_a)
print("before tanh", W_aa @ a_before + W_ax @ x_now + b_a, "  state", a_now.round(3))

# %% [markdown]
# Often the two matrices are written as one, side by side, and state and input as one vector, one below the
# other. That is the same sum. With a vocabulary of 10,000 words and 100 numbers of state, the slides'
# example:

# %%
# NBVAL_CHECK_OUTPUT
stacked = np.hstack([W_aa, W_ax]) @ np.concatenate([a_before, x_now]) + b_a
np.testing.assert_allclose(np.tanh(stacked), a_now, rtol=1e-12)
n_x, n_a = 10_000, 100
print(f"W_a has shape {(n_a, n_a + n_x)}; with the bias that makes {(n_x + n_a + 1) * n_a:,} parameters")

# %% [markdown]
# > **Erratum.** The slides give $W_y$ the shape $(n_a, n_y)$. The product $W_y\,a$ with a state of $n_a$
# > numbers and a result of $n_y$ needs $(n_y, n_a)$. We try both.

# %%
# NBVAL_CHECK_OUTPUT
n_y = 4
for shape in [(2, n_y), (n_y, 2)]:
    try:
        print(f"W_y of shape {shape}: y has shape {(np.ones(shape) @ a_now).shape}")
    except ValueError:
        print(f"W_y of shape {shape}: no product with a state of shape {a_now.shape}")

# %% [markdown]
# Where does the mistake come from? Probably from code. Libraries keep examples in rows, so that their formula
# reads $x\,W$ with all matrices transposed: Keras' `kernel` has the shape $(n_x, n_a)$, its
# `recurrent_kernel` multiplies the state from the right, and the output layer's kernel *is* $(n_a, n_y)$.
# Call the first two $W$ and $U$. From here on we write it as the library does, for a whole batch:


# %%
def simple_rnn(x, W, U, b):
    """States after each step: x (batch, steps, n_x) -> (batch, steps, n_a)."""
    a = np.zeros((len(x), len(U)))
    states = []
    for t in range(x.shape[1]):
        a = np.tanh(x[:, t] @ W + a @ U + b)
        states.append(a)
    return np.stack(states, axis=1)


# %% [markdown]
# The loop over time *is* the layer; drawn out step by step it is called the **unrolled** network. To compare
# with Keras, we give its layer random weights, the bias included. (Keras' biases start at zero, where a
# forgotten bias would not be noticed.)


# %%
def with_random_weights(layer, x, scale=0.5):
    """Build a layer for the input x, and draw all of its weights anew."""
    layer(x)
    rng = np.random.default_rng(7)
    layer.set_weights([scale * rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


batch = np.random.default_rng(0).normal(size=(6, 25, 3)).astype("float32")  # (batch, steps, n_x)
layer = with_random_weights(keras.layers.SimpleRNN(4, return_sequences=True), batch)

# %%
# NBVAL_CHECK_OUTPUT
states = simple_rnn(batch, *layer.get_weights())
np.testing.assert_allclose(layer(batch), states, atol=1e-5)
np.testing.assert_allclose(layer(batch[:, :7]), states[:, :7], atol=1e-5)
print("SimpleRNN: weights", [w.shape for w in layer.get_weights()], "equal over 25 steps")

# %% [markdown]
# Equal to $10^{-5}$ at each of 25 steps. `return_sequences=True` gives all states; without it Keras gives the
# last one. The state after seven steps is the same whether the text goes on or not: it cannot know.
#
# That state does carry the past: change the *first* input only, and watch the last state.

# %%
# NBVAL_CHECK_OUTPUT
changed = batch.copy()
changed[:, 0] += 1
effect = np.abs(simple_rnn(changed, *layer.get_weights()) - states).max(axis=(0, 2))  # step by step
assert np.all(effect[:5] > 0)
print("effect of the first input after 1, 5, 25 steps:", effect[[0, 4, 24]].round(4))

# %% [markdown]
# > **Predict.** A simple recurrent layer has $(n_x+n_a+1)\,n_a$ parameters. How many more has it for a text
# > of 1,000 words than for one of 10?

# %%
# NBVAL_CHECK_OUTPUT
for n_x, n_a in [(1, 1), (3, 4), (28, 48), (100, 64)]:
    for steps in (10, 1000):
        model = keras.Sequential([keras.Input((steps, n_x)), keras.layers.SimpleRNN(n_a)])
        assert model.count_params() == (n_x + n_a + 1) * n_a
    print(f"n_x = {n_x:3d}, n_a = {n_a:2d}: {model.count_params():6,} parameters for 10 steps and for 1,000")

# %% [markdown]
# ### Both directions
#
# `Bidirectional` has two layers, one that reads forward and one that reads backward, and puts their states
# for the same word side by side. In NumPy: turn the sequence round, read, turn the states round.

# %%
two_ways = keras.layers.Bidirectional(keras.layers.SimpleRNN(4, return_sequences=True))
two_ways = with_random_weights(two_ways, batch)
weights = two_ways.get_weights()

forward = simple_rnn(batch, *weights[:3])
backward = simple_rnn(batch[:, ::-1], *weights[3:])[:, ::-1]
np.testing.assert_allclose(two_ways(batch), np.concatenate([forward, backward], axis=-1), atol=1e-5)

# %% [markdown]
# Now let it read the two sentences about Teddy, each word as a random vector, and compare the states at
# *Teddy*.

# %%
# NBVAL_CHECK_OUTPUT
rng = np.random.default_rng(1)
vectors = {word: rng.normal(size=3) for word in sorted({*president, *bears})}
inputs = [np.array([[vectors[word] for word in words]]) for words in (president, bears)]
name, toy = (two_ways(x).numpy()[0, place] for x in inputs)
apart = np.abs(name - toy)
print(f"forward half: differs by {apart[:4].max():.2f}; backward half: differs by {apart[4:].max():.2f}")
assert apart[:4].max() < 1e-6
assert apart[4:].max() > 0.01

# %% [markdown]
# The forward half cannot tell a president from a toy; the backward half can. The price: nothing can be said
# before the sentence is over. A model that *writes* has to do without (14.8).
#
# ## 14.3 Back-propagation through time
#
# The unrolled network is a deep network with one layer for each step, all with the same weights. So
# back-propagation applies as in lecture 2: go back from the last step to the first. At each step, add this
# step's share to the gradient of the weights, because the same weights were used at each.
#
# The loss be the cross-entropy of a softmax of the *last* state. $g$ is the gradient with respect to the
# state: through tanh it is multiplied by $1-a^2$, and to the state before it goes through $U$ transposed.


# %%
def through_time(x, states, U, g):
    """Gradients of W, U and b; g is the gradient of the loss with respect to the last state (batch, n_a)."""
    steps = x.shape[1]
    before = np.concatenate([np.zeros_like(states[:, :1]), states[:, :-1]], axis=1)
    dW, dU, db = np.zeros((x.shape[2], len(U))), np.zeros_like(U), np.zeros(len(U))
    for t in reversed(range(steps)):
        dz = g * (1 - states[:, t] ** 2)
        dW += x[:, t].T @ dz
        dU += before[:, t].T @ dz
        db += dz.sum(axis=0)
        g = dz @ U.T
    return dW, dU, db


# %%
head = np.random.default_rng(2).normal(size=(4, 5))  # from the last state to 5 logits, (n_a, n_y)
labels = np.array([0, 1, 2, 3, 4, 0])
W, U, b = layer.get_weights()

p = special.softmax(states[:, -1] @ head, axis=1)
g = (p - np.eye(5)[labels]) / len(labels) @ head.T
by_hand = through_time(batch, states, U.astype(float), g)

# %%
with tf.GradientTape() as tape:
    logits = layer(batch)[:, -1] @ head.astype("float32")
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
by_tape = tape.gradient(loss, layer.trainable_variables)
for mine, theirs in zip(by_hand, by_tape, strict=True):
    np.testing.assert_allclose(mine, theirs, atol=1e-5)

# %% [markdown]
# The tape agrees to $10^{-5}$ for all three. In the loop, look at the last line: to go back by one step, $g$
# is multiplied by
#
# $$J_t=\frac{\partial a^{\langle t\rangle}}{\partial a^{\langle t-1\rangle}}=
# \operatorname{diag}\bigl(1-(a^{\langle t\rangle})^2\bigr)\,W_{aa}$$
#
# (in the slides' notation). This is a **Jacobian**: row $i$, column $j$ says how number $i$ of the new state
# answers to a small change of number $j$ of the old one. After a lag of $L$ steps $g$ has been multiplied by
# $L$ such matrices. The *norm* of their product is the largest factor by which it stretches a change. Numbers
# multiplied by themselves rarely stay where they are; with matrices it is the same.
#
# > **Predict.** With random recurrent weights of standard deviation $s/\sqrt{n_a}$, what does the product do
# > for $s=0.5$? For $s=1$? For $s=2$?


# %%
def jacobian_products(x, W, U, b):
    """Norm of d a<t> / d a<0> for t = 1, 2, ...: the largest factor by which a small change grows."""
    states = simple_rnn(x, W, U, b)[0]
    product, norms = np.eye(len(U)), []
    for a in states:
        product = product @ (U * (1 - a**2))  # rows: from, columns: to
        norms.append(np.linalg.norm(product, 2))
    return np.array(norms)


# %%
LAGS, UNITS = 40, 32
rng = np.random.default_rng(3)
noise = 0.3 * rng.normal(size=(1, LAGS, UNITS))
matrix = rng.normal(size=(UNITS, UNITS)) / np.sqrt(UNITS)
own, none = np.eye(UNITS), np.zeros(UNITS)
by_scale = {s: jacobian_products(noise, own, s * matrix, none) for s in (0.5, 1.0, 2.0)}

# %% [markdown]
# TensorFlow can confirm these numbers, by pushing small changes of the first state *forward*, one for each of
# its numbers. The batch holds as many copies of one state as it has numbers, copy $i$ with a small change of
# number $i$; `jvp` gives what has become of the changes, row by row the product. We keep the function, since
# it works for every cell.


# %%
def memory(cell, x):
    """Norm of d state<t> / d state<0> for t = 1, 2, ... of a Keras cell (of an LSTM: of its cell state c)."""
    sizes = cell.state_size if isinstance(cell.state_size, list | tuple) else [cell.state_size]
    states = [tf.zeros((sizes[-1], size)) for size in sizes]
    norms = []
    with tf.autodiff.ForwardAccumulator(states[-1], tf.eye(sizes[-1])) as changes:
        for t in range(x.shape[1]):
            _, states = cell(tf.repeat(x[:, t], sizes[-1], axis=0), list(states))
            norms.append(np.linalg.norm(changes.jvp(states[-1]), 2))
    return np.array(norms)


# %%
noise = noise.astype("float32")
cell = keras.layers.SimpleRNNCell(UNITS)
cell(noise[:, 0], [tf.zeros((1, UNITS))])
cell.set_weights([np.eye(UNITS), matrix, np.zeros(UNITS)])
np.testing.assert_allclose(memory(cell, noise), by_scale[1.0], rtol=1e-3, atol=1e-6)

# %%
figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for number, (s, norms) in enumerate(by_scale.items()):
    axes.semilogy(range(1, LAGS + 1), norms, label=f"s = {s:g}", marker=plots.MARKERS[number], markevery=10)
axes.axhline(1, color="0.4", linewidth=1)
axes.set(xlabel="lag (steps)", ylabel="norm of the product")
axes.legend()
plots.show(
    figure,
    alt="The norm of the product of Jacobians of a simple recurrent network over a lag of up to 40 steps, "
    "on a logarithmic axis. For s = 0.5 it falls along a straight line by many powers of ten; for s = 1 it "
    "falls more slowly; for s = 2 it grows, "
    "steeply at first and then slowly.",
)

# %%
expect(by_scale[0.5][-1], f"the product at lag {LAGS}, s = 0.5", always=(0, 1e-10))
expect(by_scale[1.0][-1], f"the product at lag {LAGS}, s = 1", always=(0, 0.3))
expect(by_scale[2.0][-1], f"the product at lag {LAGS}, s = 2", always=10)

# %% [markdown]
# For $s=0.5$ a nearly straight line on a logarithmic axis: the product shrinks *exponentially* with the
# lag. For $s=2$ it would grow exponentially, too; but tanh saturates after a few steps and slows it down,
# so that the line bends. Without tanh nothing slows it (the next example). Where it shrinks, the network
# cannot learn that the beginning mattered: the gradient from there is too small to be heard among the
# gradients from the last steps. Where it grows, a single step of descent can destroy everything. Only near
# $s=1$ does it stay within reach of 1, and there, too, it drifts away.
#
# ### An explosion, and what cures it
#
# The second illness is the easier one. A layer without tanh, with recurrent weights of 1.2 on the diagonal,
# is to output the mean of 40 numbers. Its gradient holds factors up to $1.2^{40}$.

# %%
# NBVAL_CHECK_OUTPUT
print(f"1.2^40 = {1.2**40:,.0f}")
rng = np.random.default_rng(4)
series = rng.normal(size=(1280, 40, 1)).astype("float32")
means = series.mean(axis=1) * np.sqrt(40)  # scaled to a variance of about 1


def mean_network(clip):
    """A linear recurrent layer that starts with 1.2 on its diagonal; plain SGD."""
    growing = keras.initializers.Identity(1.2)
    recurrent = keras.layers.SimpleRNN(4, activation=None, recurrent_initializer=growing)
    model = keras.Sequential([keras.Input((40, 1)), recurrent, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.02, global_clipnorm=clip), loss="mse")
    return model


# %%
final = {}
for clip in (None, 1.0):
    training.set_seeds(0)
    model = mean_network(clip)
    first = model.evaluate(series, means, batch_size=1280, verbose=0)
    final[clip] = model.fit(series, means, batch_size=64, epochs=10, verbose=0).history["loss"][-1]
    print(f"clipping {clip!s:5s} loss before {first:8.1f}, at the end {final[clip]:.3g}")

# %%
expect(np.isfinite(final[None]), "a finite loss without clipping (1 is yes)", always=(0, 0))
expect(final[1.0], "loss with clipping, where 1 is guessing the mean", always=(0, 0.7))

# %% [markdown]
# Without clipping the weights leave the range of numbers, and the loss is no number any more. With a bound on
# the length of the gradient the same network learns. Clipping by hand (lecture 4) is one line: if the
# gradient, all arrays taken together, is too long, shorten it.

# %%
gradients = [np.full(4, 30.0), np.full(3, 0.4)]  # of two weight arrays
length = np.sqrt(sum(np.sum(gradient**2) for gradient in gradients))
by_hand = [gradient * min(1, 1 / length) for gradient in gradients]
by_library, _ = tf.clip_by_global_norm(gradients, 1.0)
optimizer, weights = keras.optimizers.SGD(1.0, global_clipnorm=1.0), [tf.Variable(g * 0) for g in gradients]
optimizer.apply(gradients, weights)
for mine, theirs, weight in zip(by_hand, by_library, weights, strict=True):
    np.testing.assert_allclose(theirs, mine)
    np.testing.assert_allclose(weight, -mine, rtol=1e-5)

# %% [markdown]
# TensorFlow's function and Keras' `global_clipnorm` do the same. (`clipnorm` shortens each array by itself,
# which turns the direction.)
#
# Clipping does nothing for a gradient that has vanished. For that, the layer itself has to change.
#
# ## 14.4 The GRU: keep, or replace
#
# A simple layer rewrites its whole state at every step. The idea of the **gated** layers: compute a new
# candidate as before, and let a **gate** decide for each number how much of it to take. A gate is a sigmoid,
# a number between 0 and 1. The slides' gated recurrent unit (after Cho et al., 2014), where $c$ is the state,
# $[c,x]$ the two vectors one behind the other, and $*$ multiplies number by number:
#
# $$\Gamma_u=\sigma(W_u[c^{\langle t-1\rangle},x^{\langle t\rangle}]+b_u),\qquad
# \Gamma_r=\sigma(W_r[c^{\langle t-1\rangle},x^{\langle t\rangle}]+b_r),$$
#
# $$\tilde c=\tanh(W_c[\Gamma_r * c^{\langle t-1\rangle},x^{\langle t\rangle}]+b_c),\qquad
# c^{\langle t\rangle}=\Gamma_u*\tilde c+(1-\Gamma_u)*c^{\langle t-1\rangle}.$$
#
# The **update gate** decides what is replaced, the **reset gate** how much of the old state the candidate may
# see. Without the reset gate it is the slides' simplified GRU. Keras' layer differs in two points.
#
# - Its update gate says what is *kept*, as in the paper by Cho et al.: it is $1-\Gamma_u$. Since
#   $1-\sigma(z)=\sigma(-z)$, these are the same functions, with the signs of that gate's weights turned.
# - With `reset_after=True`, the default, the reset gate acts *after* the multiplication with the recurrent
#   weights. Then all three products with the state can be computed at once, which graphics processors like.


# %%
def gru(x, W, U, b, reset_after):
    """States of a GRU after each step; Keras' order of the columns: update (keep), reset, candidate."""
    n = len(U)
    for_x, for_a = b if reset_after else (b, np.zeros(3 * n))
    a, states = np.zeros((len(x), n)), []
    for t in range(x.shape[1]):
        x_keep, x_reset, x_new = np.split(x[:, t] @ W + for_x, 3, axis=1)
        a_keep, a_reset, a_new = np.split(a @ U + for_a, 3, axis=1)
        keep, reset = sigmoid(x_keep + a_keep), sigmoid(x_reset + a_reset)
        old = reset * a_new if reset_after else (reset * a) @ U[:, 2 * n :]
        a = keep * a + (1 - keep) * np.tanh(x_new + old)
        states.append(a)
    return np.stack(states, axis=1)


# %%
# NBVAL_CHECK_OUTPUT
for reset_after in (False, True):
    layer = keras.layers.GRU(4, return_sequences=True, reset_after=reset_after)
    layer = with_random_weights(layer, batch)
    W, U, b = layer.get_weights()
    np.testing.assert_allclose(layer(batch), gru(batch, W, U, b, reset_after), atol=1e-5)
    print(f"GRU, reset_after={reset_after!s:5s}: {W.shape}, {U.shape}, {b.shape}, equal over 25 steps")

# %% [markdown]
# Both are equal to $10^{-5}$. And the second has *two* rows of biases, one added to the product with the
# input, one to the product with the state. For the gates that is one too many: only the sum counts. For the
# candidate it is not, because there the reset gate stands between them. We move a bias of 1 from one row to
# the other.

# %%
# NBVAL_CHECK_OUTPUT
for number, name in enumerate(["update gate", "reset gate", "candidate"]):
    moved = b.copy()
    moved[:, 4 * number : 4 * number + 4] += np.array([[1.0], [-1.0]])
    change = np.abs(gru(batch, W, U, moved, True) - gru(batch, W, U, b, True)).max()
    print(f"{name:12s} changes the states by {change:.2f}")
    assert (change > 0.01) == (name == "candidate")

# %% [markdown]
# And the direction of the gate: with a bias of +100 for Keras' update gate, nothing may ever be replaced. In
# the slides' notation the same bias would replace everything at each step.

# %%
stuck = b.copy()
stuck[0, :4] = 100
start = np.random.default_rng(5).normal(size=(6, 4)).astype("float32")
layer = with_random_weights(keras.layers.GRU(4), batch)
layer.set_weights([W, U, stuck])
np.testing.assert_allclose(layer(batch, initial_state=start), start, atol=1e-6)

# %% [markdown]
# ## 14.5 The LSTM: a lane of its own for the memory
#
# The **long short-term memory** (Hochreiter and Schmidhuber, 1997; its forget gate: Gers et al., 2000)
# carries two vectors: the cell state $c$, which is the memory, and $a$, what it shows of it. Three gates:
# *update* (Keras says input) writes, *forget* keeps, *output* shows.
#
# $$c^{\langle t\rangle}=\Gamma_f*c^{\langle t-1\rangle}+\Gamma_u*\tilde c,\qquad
# a^{\langle t\rangle}=\Gamma_o*\tanh(c^{\langle t\rangle}),$$
#
# where all three gates and $\tilde c=\tanh(\dots)$ are computed from
# $[a^{\langle t-1\rangle}, x^{\langle t\rangle}]$, each with weights of its own. (Mind the name: the *forget*
# gate *keeps* where it is 1.)


# %%
def lstm(x, W, U, b):
    """States a after each step, and the last c; Keras' order: update, forget, candidate, output."""
    a = c = np.zeros((len(x), len(U)))
    states = []
    for t in range(x.shape[1]):
        update, forget, candidate, output = np.split(x[:, t] @ W + a @ U + b, 4, axis=1)
        c = sigmoid(forget) * c + sigmoid(update) * np.tanh(candidate)
        a = sigmoid(output) * np.tanh(c)
        states.append(a)
    return np.stack(states, axis=1), c


# %%
# NBVAL_CHECK_OUTPUT
layer = keras.layers.LSTM(4, return_sequences=True, return_state=True)
weights = with_random_weights(layer, batch).get_weights()
states, last_c = lstm(batch, *weights)
for mine, theirs in zip([states, states[:, -1], last_c], layer(batch), strict=True):
    np.testing.assert_allclose(theirs, mine, atol=1e-5)
print("LSTM: weights", [w.shape for w in weights], "equal over 25 steps, a and c")

# %% [markdown]
# Four sets of weights, so four times the parameters of the simple layer; the GRU has three, and with
# `reset_after` three more biases for each unit.

# %%
# NBVAL_CHECK_OUTPUT
kinds = {"GRU, reset before": (3, 1), "GRU, reset after": (3, 2), "LSTM": (4, 1)}  # sets, rows of biases
for n_x, n_a in [(1, 1), (3, 4), (28, 48), (100, 64)]:
    for kind, (sets, biases) in kinds.items():
        gru_layer = keras.layers.GRU(n_a, reset_after=biases == 2)
        layer = keras.layers.LSTM(n_a) if kind == "LSTM" else gru_layer
        layer.build((None, None, n_x))
        assert layer.count_params() == sets * (n_x + n_a + biases) * n_a
        print(f"n_x = {n_x:3d}, n_a = {n_a:2d}, {kind:17s} {layer.count_params():6,} parameters")

# %% [markdown]
# ### Why it remembers
#
# Look at the way from $c^{\langle t-1\rangle}$ to $c^{\langle t\rangle}$. There is no matrix in it and no
# tanh: only the factor $\Gamma_f$, one number for each unit, which the network can set close to 1. (There
# is a second way, through $a$ and the gates. For the moment we leave it out.) And where does the gate stand
# before the training? At $\sigma(b_f)$, the **forget bias**.
#
# > **Predict.** How much of the memory is left after 40 steps with $b_f=0$? With 1? With 3?

# %%
# NBVAL_CHECK_OUTPUT
for bias in (0, 1, 3):
    print(f"forget bias {bias}: {sigmoid(bias):.3f} for each step, {sigmoid(bias) ** 40:.1e} after 40")

# %% [markdown]
# That is arithmetic; now the measurement, with the whole layer and both ways. Keras has a switch for 0 and 1:
# `unit_forget_bias`, which is on by default and adds 1. For other values we write an initializer.


# %%
def forget_bias(value):
    """An initializer for an LSTM's biases: zero, but the forget gate starts with value."""
    return lambda shape, dtype=None: tf.repeat([0.0, float(value), 0.0, 0.0], shape[0] // 4)


def lstm_with(value, units, kind=keras.layers.LSTM, **options):
    """An LSTM layer, or its cell, whose forget bias starts with value."""
    return kind(units, bias_initializer=forget_bias(value), unit_forget_bias=False, **options)


# %%
usual, ours = keras.layers.LSTM(4), lstm_with(1, 4)
for layer in (usual, ours):
    layer.build((None, None, 3))
np.testing.assert_array_equal(usual.get_weights()[2], ours.get_weights()[2])

# %%
training.set_seeds(0)
cells = {"simple": keras.layers.SimpleRNNCell(UNITS), "GRU": keras.layers.GRUCell(UNITS)}
cells |= {f"LSTM, forget bias {v}": lstm_with(v, UNITS, keras.layers.LSTMCell) for v in (0, 1, 3)}
sequence = np.random.default_rng(6).normal(size=(1, LAGS, 8)).astype("float32")
lasting = {name: memory(cell, sequence) for name, cell in cells.items()}

# %%
figure, axes = plt.subplots(figsize=(8, 3.6), layout="constrained")
lag = np.arange(1, LAGS + 1)
for number, (name, norms) in enumerate(lasting.items()):
    axes.semilogy(lag, norms, label=name, marker=plots.MARKERS[number], markevery=8)
for v in (0, 1, 3):
    axes.semilogy(lag, sigmoid(v) ** lag, color="0.5", linestyle=":", linewidth=1)
axes.set(xlabel="lag (steps)", ylabel="norm of the product", ylim=(1e-13, 30))
figure.legend(loc="outside right center")
plots.show(
    figure,
    alt="The norm of the product of Jacobians over a lag of up to 40 steps, on a logarithmic axis, for "
    "untrained layers with Keras' initial weights: the simple layer, the GRU, and the cell state of LSTMs "
    "with forget biases of 0, 1 and 3. With forget biases of 0 and 1 the "
    "line falls, the less the larger the bias; with 3 it rises slowly; dotted lines show "
    "powers of the gate alone, which fall faster.",
)

# %%
for name, norms in lasting.items():
    factor = (norms[39] / norms[9]) ** (1 / 30)
    print(f"{name:20s} at lag 40: {norms[39]:.1e}, factor for each step {factor:.3f}")
    if name[-1] in "013":
        gate = sigmoid(int(name[-1]))
        expect(factor / gate, f"the factor over that of the gate alone, {gate:.3f}", always=(0.95, 1.4))
more = lasting["LSTM, forget bias 3"][39] / lasting["LSTM, forget bias 0"][39]
expect(more, "what a forget bias of 3 leaves at lag 40, times that of 0", always=1e6)

# %% [markdown]
# The factor for each step rises with the forget gate. It is larger than the gate alone, by a tenth to a
# quarter, because the second way adds to the first; over 40 steps that makes a factor of tens to thousands.
# With a bias of 3 the product does not vanish at all: it even grows, slowly. So **the forget bias is a
# choice of how long an untrained network remembers**.
#
# And a surprise: fresh from the box, the GRU forgets as fast as an LSTM with a bias of 0, since its update
# gate starts at one half. The simple layer forgets no faster. A gate by itself remembers nothing. What it
# gives is the *possibility*: training can open it, for one unit and not for another, where it gets a gradient
# to do so.
#
# ## 14.6 Who remembers the first symbol?
#
# The task is made for one question only. The first input is one of eight symbols. Then come $L$ steps of
# noise: normal random numbers, in eight channels of their own. At the end: which was the symbol? Chance is
# one in eight.


# %%
def lag_task(count, lag, seed):
    """A one-hot symbol and then noise, (count, 1 + lag, 16), and the number of each symbol."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 8, count)
    x = np.zeros((count, 1 + lag, 16), "float32")
    x[:, 0, :8] = np.eye(8)[first]
    x[:, 1:, 8:] = rng.normal(size=(count, lag, 8))
    return x, first


def classifier(*layers, learning_rate=0.01):
    """Layers, the last of which gives logits, ready to be trained."""
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(learning_rate, global_clipnorm=1.0)
    optimizer.build(model.trainable_variables)  # else the first step is traced twice: once to make them
    model.compile(optimizer, loss=loss, metrics=["accuracy"])
    return model


# %% [markdown]
# Four readers with the same budget: 32 units, the same sequences, each seen once, the same number of steps.
# The second LSTM starts with a forget bias of 7. All four sit side by side in one model, which takes less
# time than four. The input is all that they share, and the gradient of each array is clipped by itself
# (`clipnorm`), so that each reader learns as if it were alone.

# %%
LAG_STEPS, LAG_BATCH = 140, 64
readers = {
    "simple": lambda: keras.layers.SimpleRNN(UNITS),
    "GRU": lambda: keras.layers.GRU(UNITS),
    "LSTM, forget bias 1": lambda: keras.layers.LSTM(UNITS),
    "LSTM, forget bias 7": lambda: lstm_with(7, UNITS),
}


def race(lag, seed=0):
    """Train the readers, many to one; return the accuracy of each on 1,000 new sequences."""
    training.set_seeds(seed)
    x = keras.Input((1 + lag, 16))
    logits = [keras.layers.Dense(8)(make()(x)) for make in readers.values()]
    model = keras.Model(x, logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.003, clipnorm=1.0), loss=[loss] * len(readers))
    sequences, first = lag_task(LAG_STEPS * LAG_BATCH, lag, seed=1)
    model.fit(sequences, [first] * len(readers), batch_size=LAG_BATCH, verbose=0)
    sequences, first = lag_task(1000, lag, seed=2)
    return [np.mean(z.numpy().argmax(axis=-1) == first) for z in model(sequences)]


# %%
lags = [5, 20, 60]
races = [race(lag) for lag in lags]
remembered = dict(zip(readers, np.transpose(races), strict=True))

# %%
figure, axes = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
for number, (name, values) in enumerate(remembered.items()):
    axes.plot(lags, np.multiply(values, 100), label=name, marker=plots.MARKERS[number])
axes.axhline(12.5, color="0.4", linewidth=1)
axes.text(lags[0], 5, "chance")
axes.set(xlabel="lag (steps of noise)", ylabel="accuracy on new sequences (%)", ylim=(0, 104), xticks=lags)
figure.legend(loc="outside right center")
plots.show(
    figure,
    alt="Accuracy in the lag task over lags of 5, 20 and 60 steps for a simple recurrent layer, a GRU, and "
    "LSTMs with forget biases of 1 and 7. At 5 steps all are right. At 60 steps the simple layer, "
    "the GRU and the LSTM with forget bias 1 are near chance, 12.5 %, the LSTM with forget bias 7 near "
    "100 %.",
)

# %%
for name, values in remembered.items():
    print(f"{name:20s}", ", ".join(f"lag {lag} {v:.1%}" for lag, v in zip(lags, values, strict=True)))
expect(remembered["simple"][0], "simple layer, shortest lag", always=0.95)

# %% [markdown]
# One training may be luck. The longest lag again, with another seed:

# %%
again = dict(zip(readers, race(lags[-1], seed=1), strict=True))
for name, value in again.items():
    print(f"{name:20s} {remembered[name][-1]:.1%}, {value:.1%}")
longest = {name: np.array([remembered[name][-1], again[name]]) for name in readers}
expect(longest["simple"].max(), "simple layer, better of two (chance: 0.125)", always=(0.05, 0.2))
expect(longest["LSTM, forget bias 7"].min(), "LSTM, worse of two", always=0.95)
for name in ("GRU", "LSTM, forget bias 1"):
    expect(longest[name].max(), f"{name}, better of two", always=(0.05, 0.3))

# %% [markdown]
# All of them learn the short lag. At the longest the LSTM whose forget gates start open makes hardly a
# mistake, and the simple layer is near chance. So are the GRU and the LSTM as Keras starts them: gates alone
# did not help. That fits the picture of 14.5, where all three curves fall: **where hardly any
# gradient arrives, hardly anything is learned**. (A bias of 7 is not drawn there; its curve would not fall,
# as that of 3 does not.) A gate makes a long memory *possible*; where it stands at the start decides how soon
# it is found. (Longer training, or milder noise, takes the simple layer further. Its state *could*
# hold the symbol; it is the descent that does not find the way.)
#
# ## 14.7 Vectorize, pad, mask
#
# Texts become numbers in three steps: cut into words, look each up in a table, fill up to a common length.
# `TextVectorization` does all three.

# %%
# NBVAL_CHECK_OUTPUT
some = ["The cats were full.", "The cat, which already ate the pies, was full!"]
vectorize = keras.layers.TextVectorization(output_sequence_length=10)
vectorize.adapt(some)
print("number 0 and up:", ", ".join(repr(str(word)) for word in vectorize.get_vocabulary()))
print(vectorize(["The cats ate.", "The dogs ate."]).numpy())

# %% [markdown]
# Number 0 is the **padding**, number 1 stands for every unknown word (`[UNK]`): the dogs are one. Capitals
# and punctuation are gone; whether that is harmless, your task decides. And the table is made from what
# `adapt` sees. That must be training data only, or the test data leak.
#
# Which side is padded? `TextVectorization` pads after the text. The other function of Keras pads before, and
# cuts there, too:

# %%
# NBVAL_CHECK_OUTPUT
numbers = [[7, 8, 9], [3, 4, 5, 6, 7, 8]]
for options in ({}, {"padding": "post", "truncating": "post"}):
    print(keras.utils.pad_sequences(numbers, maxlen=5, **options).tolist(), options)

# %% [markdown]
# > **Pitfall: cut at the wrong end.** By default, `pad_sequences` throws away the *beginning* of a long text.
# > If the subject of the sentence stood there, it is gone, and nothing warns you.
#
# A recurrent layer that does not know about padding reads the zeros like words. It goes on computing, and the
# state drifts away. The **mask** says which steps are real; at the others the state is carried over.


# %%
def masked_rnn(x, mask, W, U, b):
    """The last state of a simple layer; where the mask is False, the state stays as it is."""
    a = np.zeros((len(x), len(U)))
    for t in range(x.shape[1]):
        new = np.tanh(x[:, t] @ W + a @ U + b)
        a = np.where(mask[:, t, None], new, a)
    return a


# %%
tokens = keras.utils.pad_sequences([[7, 8, 9], [3, 4, 5, 6, 7, 8], [2]], maxlen=8, padding="post")
embedding = with_random_weights(keras.layers.Embedding(12, 3, mask_zero=True), tokens)
mask = embedding.compute_mask(tokens).numpy()
embedded = embedding(tokens).numpy()
np.testing.assert_array_equal(mask, tokens != 0)

layer = with_random_weights(keras.layers.SimpleRNN(4), embedded)
with_mask = layer(embedded, mask=mask).numpy()
np.testing.assert_allclose(with_mask, masked_rnn(embedded, mask, *layer.get_weights()), atol=1e-5)

# %% [markdown]
# An `Embedding` replaces each number by a vector that is learned. With `mask_zero=True` it hands the mask on,
# and the layers that follow pick it up by themselves. Ours is equal. Now the promise that a mask makes: **how
# much padding there is makes no difference.** We pad one text more and more, and compare with the text alone.

# %%
# NBVAL_CHECK_OUTPUT
text = np.array([[7, 8, 9]])
alone = layer(embedding(text)).numpy()
for more in (1, 5, 50):
    padded = np.pad(text, [(0, 0), (0, more)])
    kept, lost = embedding(padded), embedding(padded) + 0  # the sum is a new tensor
    drift = [np.abs(layer(vectors).numpy() - alone).max() for vectors in (kept, lost)]
    print(f"{more:2d} zeros: the state moves by {drift[0]:.2f} with the mask, by {drift[1]:.2f} without")
    assert drift[0] < 1e-6
    assert drift[1] > 0.1

# %% [markdown]
# The same holds for an average over the words, the simplest way to make one vector of many. Without the mask,
# the zeros' vectors are averaged in.

# %%
masked_mean = np.sum(embedded * mask[..., None], axis=1) / mask.sum(axis=1, keepdims=True)
pooling = keras.layers.GlobalAveragePooling1D()
np.testing.assert_allclose(pooling(embedded, mask=mask), masked_mean, atol=1e-6)
assert np.abs(pooling(embedded).numpy() - masked_mean).max() > 0.1

# %% [markdown]
# > **Pitfall: a mask that gets lost.** The mask travels as an attribute of the tensor. Above it was enough to
# > add zero to lose it, and no warning came. Check as we did: pad more, and compare.
#
# ### What it costs
#
# Does it matter in practice? The agreement of 14.1, as a task: a sentence without its last verb; is the verb
# *was* or *were*? The nouns after the subject are there to distract.

# %%
NOUNS = ["cat", "dog", "bird", "horse", "child", "guest", "farmer", "singer", "doctor", "teacher"]
VERBS = ["saw", "met", "liked", "heard", "found", "missed"]
ADVERBS = ["already", "often", "never", "once", "also", "still"]


def plural(noun):
    """More than one of it."""
    return {"child": "children"}.get(noun, noun + "s")


def agreement(count, seed):
    """Sentences without their last verb, and whether it must be *were*."""
    rng = np.random.default_rng(seed)
    sentences, labels = [], rng.integers(0, 2, count)
    for label in labels:
        one, *others = rng.choice(NOUNS, 3, replace=False)
        objects = [plural(noun) if rng.random() < 0.5 else noun for noun in others[: rng.integers(1, 3)]]
        clause = f"which {rng.choice(ADVERBS)} {rng.choice(VERBS)} the {' and the '.join(objects)}"
        sentences.append(f"the {plural(one) if label else one} {clause}")
    return np.array(sentences), labels


# %%
texts_train, y_train = agreement(1600, seed=0)
texts_test, y_test = agreement(500, seed=1)
fresh = ~np.isin(texts_test, texts_train)
texts_test, y_test = texts_test[fresh], y_test[fresh]
print(f"{len(texts_train):,} to train, {len(texts_test):,} others to test, such as: {texts_test[0]} …")

# %%
WIDTH = 40
vectorize = keras.layers.TextVectorization(output_sequence_length=WIDTH)
vectorize.adapt(texts_train)
x_train, x_test = (vectorize(texts).numpy() for texts in (texts_train, texts_test))
lengths = np.sum(x_train != 0, axis=1)
print(f"{lengths.min()} to {lengths.max()} words, padded to {WIDTH}")
assert not np.any(x_test == 1), "no unknown words"

# %% [markdown]
# Three ways: zeros behind without a mask, zeros in front without a mask, zeros behind with one. The same
# LSTM, the same number of steps.


# %%
def agreement_network(mask_zero):
    """Words to vectors, an LSTM, two logits: was, were."""
    embedding = keras.layers.Embedding(len(vectorize.get_vocabulary()), 16, mask_zero=mask_zero)
    start = keras.Input((WIDTH,), dtype="int32")
    return classifier(start, embedding, keras.layers.LSTM(32), keras.layers.Dense(2))


def zeros_in_front(tokens):
    """The same texts, padded before."""
    return np.stack([np.roll(row, np.sum(row == 0)) for row in tokens])


# %%
ways = {"behind, no mask": (False, False), "in front, no mask": (False, True)}
ways["behind, with mask"] = (True, False)
agreed = {}
for name, (mask_zero, front) in ways.items():
    training.set_seeds(0)
    model = agreement_network(mask_zero)
    x, x_new = (zeros_in_front(tokens) if front else tokens for tokens in (x_train, x_test))
    model.fit(x, y_train, batch_size=64, epochs=3, verbose=0)
    agreed[name] = model.evaluate(x_new, y_test, batch_size=500, verbose=0)[1]
    print(f"zeros {name:18s} {agreed[name]:.1%}")

# %%
expect(agreed["behind, with mask"], "accuracy with the mask", always=0.97)
expect(agreed["behind, no mask"], "accuracy without it, zeros behind", always=(0.4, 0.8))
expect(agreed["in front, no mask"], "accuracy without it, zeros in front", always=0.9)

# %% [markdown]
# Without the mask, the sentence is over for thirty steps before the answer is due: it is the lag task again.
# Zeros in front do less harm, because the words come last. The mask makes the question disappear.
#
# ## 14.8 A model that writes
#
# A model that reads characters and predicts, after each, the next: many to many, and no labels are needed,
# since the text is its own answer. First the characters: the most frequent 48, in small letters; what is
# rarer becomes `~`.

# %%
part = corpus.text[: len(corpus.text) // 10].lower()
cut = int(0.95 * len(part))  # behind it is the text that the writer never sees
alphabet = [*sorted(c for c, _ in Counter(part[:cut]).most_common(48)), "~"]
number_of = {c: i for i, c in enumerate(alphabet)}
text = np.array([number_of.get(c, len(alphabet) - 1) for c in part], dtype="int32")
written, held_out = text[:cut], text[cut:]
print(f"{len(written):,} characters to learn from, the next {len(held_out):,} held out")

# %% [markdown]
# How good is a model of text? By the probability that it gives to what really comes next. The **perplexity**
# is $\exp$ of the mean of $-\log p$: a perplexity of 10 is as undecided as a fair choice among ten. Two
# rivals need no network, only counting: how often each character occurs, and how often it follows each other.


# %%
def perplexity(p):
    """From the probabilities of what really came: exp of the mean of -log p."""
    return np.exp(-np.mean(np.log(p)))


size = len(alphabet)
assert np.isclose(perplexity(np.full(7, 0.1)), 10)

singles = np.bincount(written, minlength=size) + 1.0  # plus one: nothing is impossible
pairs = np.ones((size, size))
np.add.at(pairs, (written[:-1], written[1:]), 1)
rivals = {
    "unigram": perplexity((singles / singles.sum())[held_out[1:]]),
    "bigram": perplexity((pairs / pairs.sum(axis=1, keepdims=True))[held_out[:-1], held_out[1:]]),
}
for name, value in rivals.items():
    print(f"{name} model: perplexity {value:.1f} on the held-out text")
assert rivals["bigram"] < rivals["unigram"] < size

# %% [markdown]
# The network: a vector for each character, an LSTM, and logits for the next one. Pieces of 50 characters; the
# answers are the same pieces, one place further on.

# %%
STEPS = 50


def pieces(text):
    """Cut a text into pieces of STEPS characters, and the same, one place on: two of (pieces, STEPS)."""
    count = (len(text) - 1) // STEPS
    return text[: count * STEPS].reshape(count, STEPS), text[1 : count * STEPS + 1].reshape(count, STEPS)


x_text, y_text = pieces(written)
np.testing.assert_array_equal(x_text[:, 1:], y_text[:, :-1])
print("in: ", repr("".join(alphabet[i] for i in x_text[0])))
print("out:", repr("".join(alphabet[i] for i in y_text[0])))

# %%
training.set_seeds(0)
embed, recurrent = keras.layers.Embedding(size, 24), keras.layers.LSTM(96, return_sequences=True)
to_logits = keras.layers.Dense(size)
writer = classifier(keras.Input((None,), dtype="int32"), embed, recurrent, to_logits)
bar = training.progress("writer")
history = writer.fit(x_text, y_text, batch_size=128, epochs=2, verbose=0, callbacks=[bar])

# %%
x_held, y_held = pieces(held_out)
rivals["LSTM"] = np.exp(writer.evaluate(x_held, y_held, batch_size=256, verbose=0)[0])
print(", ".join(f"{name} {value:.2f}" for name, value in rivals.items()))
gain = rivals["bigram"] / rivals["LSTM"]
expect(gain, "the bigram's perplexity over the LSTM's", corpus, docstrings=1.3, imdb=1.3)

# %% [markdown]
# Better than counting pairs, on text that none of them has seen. The network starts each piece of 50 with an
# empty state, which costs it a little.
#
# ### Temperature
#
# To write, draw a character from the probabilities, feed it back, and draw again. Drawing always the most
# probable one ends in a loop of the same few words. The **temperature** $T$ goes from one to the other, and
# beyond: the logits are divided by it before the softmax. $T=1$ is plain drawing; near 0 only the most
# probable is drawn; above 1 the improbable gain.

# %%
# NBVAL_CHECK_OUTPUT
z = np.array([2.0, 1.0, 0.0, -1.0])
for T in (0.1, 0.5, 1, 2, 100):
    p = special.softmax(z / T)
    print(f"T = {T:5}: {p.round(3)}, entropy {special.entr(p).sum():.3f}")
heats = np.geomspace(0.05, 50, 60)
entropies = np.array([special.entr(special.softmax(z / T)).sum() for T in heats])
assert np.all(np.diff(entropies) > 0)
assert entropies[-1] < np.log(4)

# %% [markdown]
# Cold: all on the first. Hot: all alike, the entropy near $\ln 4$. It rises all the way. Move the
# temperature, and see which characters the network thinks of after a few letters.


# %%
def draw_temperature(T=1.0, after="the res"):
    """The probabilities of the next character at a temperature."""
    z = writer(np.array([[number_of[c] for c in after]])).numpy()[0, -1].astype(float)
    p = special.softmax(z / T)
    order = np.argsort(-p)[:12]
    figure, axes = plt.subplots(figsize=(6.4, 2.6), layout="constrained")
    axes.bar([repr(alphabet[i]) for i in order], p[order])
    axes.set(xlabel=f"next character after {after!r}, T = {T:.2f}", ylabel="probability", ylim=(0, 1))
    return figure


widgets.explore(
    draw_temperature,
    alt="A bar chart of the probabilities of the twelve most probable characters after a few letters. The "
    "lower the temperature, the more of the probability is on the first; the higher, the more alike are the "
    "bars.",
    T=(0.1, 3.0, 0.05),
    after=["the res", "th", "one of "],
)

# %% [markdown]
# The writing itself goes step by step: one character in, the state kept, one character out. We take the
# layers out of the model, and write three texts side by side, each at a temperature of its own.


# %%
def write(start, temperatures, length, seed=0):
    """Write a text for each temperature; the network's state is carried from character to character."""
    rng = np.random.default_rng(seed)
    texts = np.tile([number_of[c] for c in start], (len(temperatures), 1))
    states = [tf.zeros((len(texts), recurrent.units))] * 2
    for t in range(len(start) + length - 1):
        output, states = recurrent.cell(embed(texts[:, t]), states)
        if t + 1 < texts.shape[1]:
            continue  # still reading the start
        p = special.softmax(to_logits(output).numpy().astype(float) / np.c_[temperatures], axis=1)
        drawn = [rng.choice(size, p=row) for row in p]
        texts = np.concatenate([texts, np.c_[drawn]], axis=1)
    return ["".join(alphabet[i] for i in row) for row in texts]


# %%
cold, mild, hot = write("the ", [0.3, 0.8, 1.5], 400)
for T, sample in [(0.3, cold), (0.8, mild), (1.5, hot)]:
    print(f"T = {T}: {sample[:200]}\n")


# %%
def words_in(text):
    """The words of three letters or more, the last one aside: it may be cut off."""
    only_letters = "".join(c if c.isalpha() else " " for c in text)
    return [word for word in only_letters.split()[:-1] if len(word) > 2]


known = set(words_in(part))
shares = [np.mean([word in known for word in words_in(text)]) for text in (cold, mild, hot)]
print("words that exist, at T = 0.3, 0.8, 1.5:", ", ".join(f"{share:.0%}" for share in shares))
expect(shares[0] - shares[2], "what the heat costs in words that exist", corpus, docstrings=0.15, imdb=0.15)

# %% [markdown]
# Cold, it repeats itself in words that exist. Hot, it invents. In between it looks like English from a
# distance, though many of its words do not exist, and means nothing: this small network has learned which
# letters follow each other, and the frequent words, and not what is being said.
#
# ## 14.9 Translate: many to many, other length
#
# Numbers in words, from English to German. The lengths differ, and the order too: German says the ones before
# the tens, *two and forty*. So nothing can be written before enough has been read. An **encoder** reads the
# whole; its last state is handed to a **decoder**, which writes (Sutskever et al., 2014; Cho et al., 2014).

# %%
NAMES = {
    "English": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen "
    "twenty thirty forty fifty sixty seventy eighty ninety hundred thousand",
    "German": "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn "
    "fünfzehn sechzehn siebzehn achtzehn neunzehn "
    "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig hundert tausend",
}


def in_words(n, language):
    """A number below 10,000 as a list of words; the parts of a German number are written apart."""
    names = NAMES[language].split()
    if n < 20:
        return [names[n]]
    if n < 100:
        ten, one = names[18 + n // 10], in_words(n % 10, language) if n % 10 else []
        words = [*one, "und", ten] if one and language == "German" else [ten, *one]
    else:
        unit, name = (100, names[28]) if n < 1000 else (1000, names[29])
        words = [*in_words(n // unit, language), name, *(in_words(n % unit, language) if n % unit else [])]
    return [word.replace("eins", "ein") for word in words[:-1]] + words[-1:]


# %%
# NBVAL_CHECK_OUTPUT
for n in (42, 101, 7316, 9021):
    print(f"{n}: {' '.join(in_words(n, 'English')):42s} {' '.join(in_words(n, 'German'))}")

# %% [markdown]
# A tenth of all numbers below 10,000 is held out. The decoder's input begins with a start sign, the answer
# ends with an end sign; what it should have written so far is *given* to it in training, whether it would
# have written that or not. This is **teacher forcing**: answer and input are the same words, one place
# apart.


# %%
def encoded(sentences):
    """Words to numbers, zeros behind: (sentences, longest); and the table of the words, "" for 0."""
    table = ["", *sorted({word for words in sentences for word in words})]
    number = {word: i for i, word in enumerate(table)}
    rows = [[number[word] for word in words] for words in sentences]
    return keras.utils.pad_sequences(rows, padding="post"), table


shuffled = np.random.default_rng(0).permutation(10_000)
source, source_words = encoded([in_words(n, "English") for n in shuffled])
target, target_words = encoded([["<start>", *in_words(n, "German"), "<end>"] for n in shuffled])
taught, answers = target[:, :-1], target[:, 1:]
train, test = slice(0, 9000), slice(9000, None)
print("source", source.shape, "target", target.shape, "words", len(source_words), len(target_words))

# %%
training.set_seeds(0)
embed_source = keras.layers.Embedding(len(source_words), 32, mask_zero=True)
encoder = keras.layers.LSTM(96, return_state=True)
embed_target = keras.layers.Embedding(len(target_words), 32)
decoder = keras.layers.LSTM(96, return_sequences=True)
to_words = keras.layers.Dense(len(target_words))

source_in, taught_in = (keras.Input((None,), dtype="int32") for _ in range(2))
_, *thought = encoder(embed_source(source_in))  # a and c after the last word
decoded = decoder(embed_target(taught_in), initial_state=thought)
translator = keras.Model([source_in, taught_in], to_words(decoded))

# %% [markdown]
# The encoder needs the mask, or its last state would be that of the padding. The decoder needs none, as it
# reads the padding after all that counts. But its answers there must not count: they get the weight zero.

# %%
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
translator.compile(keras.optimizers.Adam(0.005), loss=loss)
real = (answers != 0).astype("float32")
lesson, bar = [source[train], taught[train]], training.progress("translator")
history = translator.fit(
    lesson, answers[train], sample_weight=real[train], batch_size=256, epochs=6, verbose=0, callbacks=[bar]
)

# %%
few = slice(9000, 9100)
other_padding = np.where(answers == 0, 7, answers)
for wanted in (answers, other_padding):
    value = translator.evaluate([source[few], taught[few]], wanted[few], sample_weight=real[few], verbose=0)
    print(f"loss on 100 held-out numbers {value:.6f}")

# %% [markdown]
# In use there is no teacher. The decoder gets the word that it has just written itself, and takes the most
# probable next one: **greedy decoding**. A loop, as in 14.8.


# %%
def translate(source, longest=12):
    """Translate sentences word by word: (sentences, steps) -> lists of words."""
    _, *states = encoder(embed_source(source))
    word, output = np.full(len(source), target_words.index("<start>")), []
    for _ in range(longest):
        a, states = decoder.cell(embed_target(word), states)
        word = to_words(a).numpy().argmax(axis=-1)
        output.append(word)
    sentences = [[target_words[i] for i in row] for row in np.transpose(output)]
    return [s[: s.index("<end>")] if "<end>" in s else s for s in sentences]


# %%
wanted = [in_words(n, "German") for n in shuffled[test]]
given = translate(source[test])
exact = np.mean([mine == yours for mine, yours in zip(given, wanted, strict=True)])
guided = translator([source[test], taught[test]]).numpy().argmax(axis=-1)
with_teacher = np.mean((guided == answers[test])[real[test] == 1])
print(f"held out: {with_teacher:.1%} of the words right with the teacher, {exact:.1%} of the numbers without")
expect(with_teacher, "words right with the teacher", always=0.97)
expect(exact, "numbers translated without a mistake", always=0.9)

# %%
mistakes = [i for i in range(len(wanted)) if given[i] != wanted[i]]
for i in [0, 1, 2, *mistakes[:3]]:
    note = f"   WRONG: {' '.join(wanted[i])}" if i in mistakes else ""
    print(f"{shuffled[test][i]:5d}  {' '.join(given[i])}{note}")
single = sum(len(in_words(n, "English")) == 1 for n in range(10_000))
print(f"{single} of the 10,000 numbers are a single word")
assert single == 28

# %% [markdown]
# Nearly all of 1,000 numbers that it has never seen, word order included. Where it fails, look at how long
# the number is. Single words are the easiest for us; but hardly any were there to learn from, and a network
# learns what is frequent. And *all* that the decoder knows of the source is one state of the encoder. For
# numbers that is enough. For sentences of forty words it was the bottleneck that led to attention (lecture
# 17).
#
# ## 14.10 Images as sequences
#
# A digit is a sequence of rows of pixels. Nobody would read images like this for the accuracy; it is a good
# test of whether we have understood the shapes. **Row by row**: one LSTM. **Hierarchically**: a first LSTM
# reads each row pixel by pixel, with the same weights for each row, a second one reads the results. To be
# quick we take 2,500 digits, reduced to 14 × 14 pixels.

# %%
digits = datasets.mnist()


def small(images):
    """The means of 2 x 2 pixels, from 0 to 1: (batch, 28, 28) -> (batch, 14, 14)."""
    return images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).astype("float32") / 255


images, classes, test_images = small(digits.x_train[:2500]), digits.y_train[:2500], small(digits.x_test)

# %% [markdown]
# How does one layer read fourteen sequences of each image? Fold the rows into the batch, so that each is an
# example of its own, read, and unfold. Keras has a layer around a layer for this, `TimeDistributed`.

# %%
training.set_seeds(0)
image, pixel_by_pixel = keras.Input((14, 14)), keras.layers.LSTM(16)
folded = keras.ops.reshape(image, (-1, 14, 1))  # (14 batch, 14, 1)
unfolded = keras.ops.reshape(pixel_by_pixel(folded), (-1, 14, 16))  # (batch, 14, 16)
rows_first = keras.Model(image, unfolded)
wrapped = keras.layers.TimeDistributed(pixel_by_pixel)
np.testing.assert_allclose(rows_first(images[:3]), wrapped(images[:3, ..., None]), atol=1e-6)

# %%
kinds_of_reading = {
    "row by row": [keras.layers.LSTM(48)],
    "hierarchical": [rows_first, keras.layers.LSTM(48)],
    "dense": [keras.layers.Flatten(), keras.layers.Dense(64, activation="relu")],
}

# %%
by_reading = {}
for name, layers in kinds_of_reading.items():
    model = classifier(keras.Input((14, 14)), *layers, keras.layers.Dense(10))
    bar = training.progress(f"{name}, {model.count_params():,} parameters")
    model.fit(images, classes, batch_size=100, epochs=3, verbose=0, callbacks=[bar])
    by_reading[name] = model.evaluate(test_images, digits.y_test, batch_size=500, verbose=0)[1]

# %%
for name, accuracy in by_reading.items():
    expect(accuracy, f"test accuracy, {name}", digits, mnist=0.4, digits=0.4)
ahead = by_reading["dense"] - max(by_reading["row by row"], by_reading["hierarchical"])
expect(ahead, "how far the dense network is ahead", always=(-0.02, 0.5))

# %% [markdown]
# Both read. On so few images and epochs neither is better than the plain dense network, which sees all pixels
# at once and is done in a fraction of the time.
#
# ## 14.11 Films: convolution inside the LSTM
#
# The last task is many to many with images: from each frame of a film, predict the next. Where the LSTM has
# matrix products, a **ConvLSTM** (Shi et al., 2015) has convolutions. The state becomes a stack of maps, of
# the same height and width as the frame. The loop of 14.5 hardly changes:


# %%
def conv_lstm(x, W, U, b):
    """States after each step: (batch, steps, height, width, channels) -> the same with n_a channels."""
    a = c = tf.zeros((*x[:, 0].shape[:3], U.shape[2]))
    states = []
    for t in range(x.shape[1]):
        mixed = tf.nn.conv2d(x[:, t], W, 1, "SAME") + tf.nn.conv2d(a, U, 1, "SAME") + b
        update, forget, candidate, output = tf.split(mixed, 4, axis=-1)
        c = tf.sigmoid(forget) * c + tf.sigmoid(update) * tf.tanh(candidate)
        a = tf.sigmoid(output) * tf.tanh(c)
        states.append(a)
    return tf.stack(states, axis=1)


# %%
# NBVAL_CHECK_OUTPUT
film = np.random.default_rng(8).normal(size=(2, 5, 6, 6, 1)).astype("float32")
layer = keras.layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True)
weights = with_random_weights(layer, film).get_weights()
np.testing.assert_allclose(layer(film), conv_lstm(film, *weights), atol=1e-5)
print("ConvLSTM2D: weights", [w.shape for w in weights], "equal over 5 frames")

# %% [markdown]
# Our films: three squares that move and bounce. The network sees frames 1 to 8 and predicts frames 2 to 9.
# From a single frame nobody can know where a square is going. So the network must remember, and we take a
# second network without memory as a control, with ordinary convolutions on each frame: `Conv3D` with a kernel
# that is one frame long.

# %%
films = datasets.moving_squares(n=300, frames=9, side=16, seed=0)
frames = films.frames[..., None].astype("float32") / 255  # (films, frames, height, width, 1)
x_films, y_films = frames[:, :-1], frames[:, 1:]
x_new, y_new = x_films[240:], y_films[240:]


# %%
def film_network(remember):
    """Frames in, logits of the next frames out; with or without a state from frame to frame."""
    first = keras.layers.Conv3D(12, (1, 3, 3), padding="same", activation="relu")
    if remember:
        first = keras.layers.ConvLSTM2D(12, 3, padding="same", return_sequences=True)
    last = keras.layers.Conv3D(1, (1, 5, 5), padding="same")
    model = keras.Sequential([keras.Input(x_films.shape[1:]), first, last])
    model.compile(keras.optimizers.Adam(0.01), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    return model


# %%
predicted = {"repeat the last frame": x_new}
for name, remember in [("without memory", False), ("ConvLSTM", True)]:
    training.set_seeds(0)
    model = film_network(remember)
    bar = training.progress(name)
    model.fit(x_films[:240], y_films[:240], batch_size=16, epochs=5, verbose=0, callbacks=[bar])
    predicted[name] = sigmoid(model(x_new).numpy())
errors = {name: np.mean((p[:, 3:] - y_new[:, 3:]) ** 2) for name, p in predicted.items()}

# %%
for name, error in errors.items():
    print(f"{name:22s} mean squared error {error:.4f}")
expect(errors["ConvLSTM"] / errors["repeat the last frame"], "error over that of repeating", always=(0, 0.65))
expect(errors["ConvLSTM"] / errors["without memory"], "error over that without memory", always=(0, 0.9))

# %%
when = [1, 3, 5, 7]
rows = {"the frame before": x_new, "the truth": y_new} | predicted
figure, axes = plt.subplots(4, 4, figsize=(5.6, 5.6), layout="constrained")
names = ["the frame before", "the truth", "ConvLSTM", "without memory"]
for line, name in zip(axes, names, strict=True):
    line[0].set_ylabel(name)
    for panel, t in zip(line, when, strict=True):
        panel.imshow(rows[name][0, t, ..., 0], cmap="gray", vmin=0, vmax=1)
        panel.set(xticks=[], yticks=[], title=f"frame {t + 2}" if name == names[0] else "")
plots.show(
    figure,
    alt="Four moments of a film that was not trained on, in four rows: the frame before, the true next "
    "frame, the prediction of the ConvLSTM and that of the network without memory. The ConvLSTM's "
    "squares are blurred blobs, mostly near the true places; without memory they are smeared more widely "
    "around the place of the frame before.",
)

# %% [markdown]
# The errors are those of frames 5 to 9, when there is a past to remember. The ConvLSTM has seen where the
# squares came from, and is nearer to where they go, though blurred; without memory the network can only smear
# them over all the places that are possible. (Our control is also the smaller network. But no size tells from
# one frame where a square is going.)
#
# ## What we measured

# %%
print(
    f"lag {lags[-1]}, two seeds: simple layer " + ", ".join(f"{v:.1%}" for v in longest["simple"]), end="; "
)
print("LSTM with forget bias 7 " + ", ".join(f"{v:.1%}" for v in longest["LSTM, forget bias 7"]))
masked, unmasked = agreed["behind, with mask"], agreed["behind, no mask"]
print(f"agreement of subject and verb: {unmasked:.1%} without a mask, {masked:.1%} with one")
print("perplexity of characters: " + ", ".join(f"{name} {value:.2f}" for name, value in rivals.items()))
print(f"numbers from English to German, held out: {exact:.1%} without a mistake")
print("error of the next frame: " + ", ".join(f"{name} {error:.4f}" for name, error in errors.items()))

# %% [markdown]
# ## Recap
#
# - A recurrent layer is one set of weights used at each step, and a state. Length costs time, not weights.
# - Parameters: $(n_x+n_a+1)\,n_a$ for the simple layer, three times that for a GRU (and $3n_a$ more with
#   Keras' default), four times for an LSTM.
# - Going back one step multiplies the gradient by a Jacobian. Many steps multiply many: it vanishes or
#   explodes. Clipping by the global norm cures the explosion only.
# - Gates let the memory pass unchanged. How long an untrained LSTM remembers is set by its forget bias.
# - Pad, and mask. Without the mask padding is read like text: measure it by padding more.
# - One kind of layer, many tasks: classify, write, translate, foresee.
#
# ## Try it yourself
#
# The [exercise of this lecture](exercises/14_rnn_gru_lstm.ipynb) has tasks that tell you at once whether you
# are right, with a hint where you are not. And three more to play with, without a check:
#
# 1. In the lag task, give the *GRU* a bias that keeps (`bias_initializer`): which sign, for which row and
#    gate? How far does it remember then?
# 2. Let the writer learn from a text of your own. How long must it be before the perplexity beats counting
#    pairs?
# 3. Turn the English words round before the encoder reads them, as Sutskever et al. did. Does the accuracy
#    change?
#
# ## Further reading
#
# - *Finding structure in time*, J. Elman, 1990.
# - *Long short-term memory*, S. Hochreiter, J. Schmidhuber, 1997.
# - *Learning to forget: continual prediction with LSTM*, F. Gers, J. Schmidhuber, F. Cummins, 2000.
# - *On the difficulty of training recurrent neural networks*, R. Pascanu, T. Mikolov, Y. Bengio, 2013.
# - *Learning phrase representations using RNN encoder-decoder for statistical machine translation*, K. Cho et
#   al., 2014.
# - *Sequence to sequence learning with neural networks*, I. Sutskever, O. Vinyals, Q. Le, 2014.
# - *Convolutional LSTM network: a machine learning approach for precipitation nowcasting*, X. Shi et al.,
#   2015.
# - *An empirical exploration of recurrent network architectures* (the forget bias), R. Jozefowicz, W.
#   Zaremba, I. Sutskever, 2015.
# - *LSTM: a search space odyssey*, K. Greff, R. Srivastava, J. Koutník, B. Steunebrink, J. Schmidhuber, 2017.
