# %% [markdown]
# # 8 · Dropout
#
# Take the network of the last lecture and, at every training step, switch off some of its units at random,
# up to half of a layer. **Why should a network become better when we keep damaging it, and does it?** This
# lecture takes the idea apart: what the layer computes, which noise it adds, which crowd of networks it
# trains, and what that crowd says when it is asked something that it cannot know. At the end we measure
# whether it helps, and find that the answer depends on the data.
#
# **You will be able to**
#
# - write dropout in NumPy, forward and backward, and say what `rate` means in code that you did not write;
# - predict the mean and the variance of the noise that it adds;
# - explain in which sense a network with dropout is an ensemble, and when that is exact;
# - ask a network with dropout how sure it is, and measure whether its doubt is worth anything;
# - find out whether dropout helps on data of your own, with an interval.
#
# **Time:** 55 minutes to read, 7 minutes to run (a minute and a half on the embedded digits). **Builds on:**
# lectures 3, 5 and 7.

# %%
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage, special, stats
from sklearn.metrics import roc_auc_score

from lecture_utils import datasets, plots, scoreboard, training, widgets
from lecture_utils.checks import expect

training.quiet_tensorflow()
import keras
import tensorflow as tf

# %% [markdown]
# ## 8.1 The layer, by hand
#
# Dropout with a rate of 0.25 sets each number to zero with probability 0.25, each independently of the
# others, and each time anew. The survivors are divided by 0.75. All this in training only; afterwards the
# layer does nothing. In NumPy these are two lines: one draws the **mask**, one applies it.


# %%
def draw_mask(shape, rate, rng):
    """True where a number survives, which it does with probability 1 - rate."""
    return rng.random(shape) >= rate


def dropout(x, mask, rate):
    """What the layer gives in training. In inference it gives x."""
    return x * mask / (1 - rate)


# %%
# NBVAL_CHECK_OUTPUT
rng = np.random.default_rng(3)
ones = np.ones(8)
for _ in range(3):
    mask = draw_mask(ones.shape, 0.25, rng)
    print(np.round(dropout(ones, mask, 0.25), 2), f" {np.sum(~mask)} of 8 dropped")

# %% [markdown]
# A quarter is dropped *on average*; in one draw it may be none, or half of them. Each survivor becomes
# $1/0.75 = 1.33$, so that the sum keeps its mean. Why that matters, section 8.3 says.
#
# Keras' layer draws masks of its own. To compare, we give it numbers of which none is zero. Then we can read
# its mask off its output, and put that into our function.

# %%
training.set_seeds(0)
layer = keras.layers.Dropout(0.25)
x = np.random.default_rng(0).uniform(1, 2, size=(200, 50)).astype("float32")  # (batch, units), nowhere zero

outputs = layer(x, training=True).numpy()
mask_of_layer = outputs != 0
np.testing.assert_allclose(outputs, dropout(x, mask_of_layer, 0.25), rtol=1e-6)
np.testing.assert_array_equal(layer(x, training=False), x)

# %% [markdown]
# Equal to a millionth, in training and in inference. That is only half of the proof: the masks must also be
# of the same kind. Both should drop a quarter of the 10,000 numbers, give or take.

# %%
our_mask = draw_mask(x.shape, 0.25, np.random.default_rng(1))
allowed = 4 * np.sqrt(0.25 * 0.75 / x.size)  # four standard errors of a share
for name, some_mask in {"ours": our_mask, "Keras'": mask_of_layer}.items():
    print(f"{name:7s} dropped {np.mean(~some_mask):.3f} of the numbers")
    assert abs(np.mean(~some_mask) - 0.25) < allowed

# %% [markdown]
# ### Backward
#
# For a given mask the layer multiplies each number by a constant, 0 or $1/(1-\text{rate})$. The gradient
# passes back through the same multiplication.
#
# > **Predict.** A unit was dropped in this step. What does the step do to the weights that lead into it?


# %%
def dropout_backward(gradient, mask, rate):
    """From the gradient with respect to the output to the gradient with respect to the input."""
    return gradient * mask / (1 - rate)


# %%
upstream = np.random.default_rng(2).normal(size=x.shape).astype("float32")  # what comes back from above
with tf.GradientTape() as tape:
    inputs = tf.Variable(x)
    outputs = layer(inputs, training=True)
    loss = tf.reduce_sum(outputs * upstream)
by_tape = tape.gradient(loss, inputs).numpy()
mask_of_layer = outputs.numpy() != 0

# %%
np.testing.assert_allclose(dropout_backward(upstream, mask_of_layer, 0.25), by_tape, rtol=1e-6)
assert np.all(by_tape[~mask_of_layer] == 0)
print(f"{np.mean(by_tape == 0):.3f} of the gradients are zero: the dropped ones")

# %% [markdown]
# A dropped unit takes no part in the step, neither forward nor backward: its incoming weights get the
# gradient zero from this example. Another example of the same batch has another mask, so that the weights
# usually move all the same.
#
# ## 8.2 `rate` is what is dropped
#
# > **Erratum.** Two of the slide decks behind this course define dropout as *keeping* a unit active with
# > probability $p$, and three lines below write `Dropout(0.25)` for dropping a quarter. Both statements are
# > right; but then $p$ is 0.75. The old TensorFlow code of a third deck, `tf.nn.dropout(h, keep_prob)`,
# > keeps, too. In the TensorFlow of today the same position means the fraction to *drop*.

# %%
training.set_seeds(0)
many_ones = np.ones(10_000, "float32")
old_habit = tf.nn.dropout(many_ones, 0.8).numpy()  # meant: keep 80 %
print(f"tf.nn.dropout(x, 0.8) drops {np.mean(old_habit == 0):.1%}")
expect(np.mean(old_habit == 0), "share dropped by tf.nn.dropout(x, 0.8)", always=(0.78, 0.82))

# %% [markdown]
# > **Pitfall: rate taken for the keep probability.** Nothing crashes, and with 0.5, the value in the deck's
# > code, nothing is even wrong. With 0.8 four fifths of the units are gone instead of one fifth. Papers and
# > older code mostly say $p$ for keeping; Keras, PyTorch and today's TensorFlow say `rate` or `p` for
# > dropping. **Pass ones through the layer and count.**
#
# From here on `rate` is what is dropped, and `keep` is $1-\text{rate}$.
#
# ## 8.3 Two ways to keep the scale
#
# Drop half of the inputs of a unit, and the sum that it computes is on average half as large. In inference,
# with all inputs there, it would suddenly be twice what the unit was trained with. There are two remedies.
#
# - **Original** (Srivastava et al., 2014): leave the training as it is, and multiply by `keep` in inference.
# - **Inverted**, what libraries do: divide by `keep` in training, and do nothing in inference.
#
# We take three numbers and average over 100,000 masks.

# %%
# NBVAL_CHECK_OUTPUT
rate, keep = 0.25, 0.75
three = np.array([3.0, -1.0, 2.0])
masks = draw_mask((100_000, 3), rate, np.random.default_rng(0))

ways = {"original": (three * masks, keep * three), "inverted": (dropout(three, masks, rate), three)}
for name, (in_training, in_inference) in ways.items():
    print(f"{name}: mean in training {np.round(in_training.mean(axis=0), 2)}, in inference {in_inference}")
    np.testing.assert_allclose(in_training.mean(axis=0), in_inference, atol=0.02)

# %% [markdown]
# Each is consistent with itself, and the two differ by the factor `keep` throughout. The inverted form has a
# practical charm: a network that is shipped need not know that it was ever trained with dropout. What must
# not happen is to mix them, or to forget the scaling altogether.
#
# ## 8.4 Dropout is noise
#
# The mean is kept. The variance is not: it is zero in inference. In training each number $x$ is multiplied by
# a random factor, 0 or $1/\text{keep}$, of mean 1 and variance
#
# $$\text{keep}\cdot\frac{1}{\text{keep}^2} - 1 = \frac{\text{rate}}{1-\text{rate}}.$$
#
# A unit of the next layer computes $z=\sum_i w_i x_i$. Its inputs are dropped independently, so that the
# variances add up:
#
# $$\operatorname{Var} z = \frac{\text{rate}}{1-\text{rate}} \sum_i (w_i x_i)^2.$$
#
# > **Predict.** By which factor does the variance grow from a rate of 0.25 to 0.5, and from 0.5 to 0.75?


# %%
def noisy_sums(x, w, rate, count=20_000, seed=0):
    """What a unit with the weights w computes from x in so many passes with dropout."""
    masks = draw_mask((count, len(x)), rate, np.random.default_rng(seed))
    return dropout(x, masks, rate) @ w


# %%
# NBVAL_CHECK_OUTPUT
rng = np.random.default_rng(1)
x, w = rng.uniform(0, 1, 100), rng.normal(0, 0.2, 100)
print(f"inference: z = {x @ w:.2f}, variance 0")
for rate in [0.25, 0.5, 0.75]:
    z = noisy_sums(x, w, rate)
    predicted = rate / (1 - rate) * np.sum((w * x) ** 2)
    print(f"rate {rate:.2f}: mean {z.mean():.2f}, variance {z.var():.2f}, predicted {predicted:.2f}")
    assert abs(z.mean() - x @ w) < 4 * np.sqrt(predicted / len(z))
    assert abs(z.var() / predicted - 1) < 0.05

# %% [markdown]
# One third, one, three: each of these steps triples the variance. The same with Keras' layer: in training the
# mean is that of inference, and the variance follows the formula.

# %%
layer = keras.layers.Dropout(0.5)
rows = np.tile(x.astype("float32"), (20_000, 1))
noisy = layer(rows, training=True).numpy() @ w
still = layer(rows[:1], training=False).numpy() @ w
print(f"training: mean {noisy.mean():.2f}, variance {noisy.var():.2f}; inference: {still[0]:.2f}")
assert abs(noisy.mean() - still[0]) < 0.05
assert abs(noisy.var() / np.sum((w * x) ** 2) - 1) < 0.05

# %% [markdown]
# A sum of many independent terms is close to a normal distribution, if none of them dominates the others.
# So dropout is nearly the same as multiplying by Gaussian noise of mean 1 and variance rate/(1 − rate), and
# Keras has a layer that does exactly this.

# %%
gaussian = keras.layers.GaussianDropout(0.5)(rows, training=True).numpy() @ w
print(f"Gaussian: mean {gaussian.mean():.2f}, variance {gaussian.var():.2f}")
assert abs(gaussian.var() / noisy.var() - 1) < 0.1

# %% [markdown]
# Move the rate and watch what a digit looks like to the next layer, and what a unit computes from it.

# %%
digits = datasets.mnist()

# %%
image = digits.x_train[0] / 255.0
filter_weights = np.random.default_rng(5).normal(0, 0.1, (28, 28))


def draw_noise(rate=0.5):
    """A digit under dropout, and the sums that a unit computes from such digits."""
    mask = draw_mask(image.shape, rate, np.random.default_rng(1))
    z = noisy_sums(image.ravel(), filter_weights.ravel(), rate, count=2000)
    figure, axes = plt.subplots(1, 2, figsize=(7.5, 2.8), width_ratios=[1, 2.2], layout="constrained")
    axes[0].imshow(dropout(image, mask, rate), cmap="gray", vmin=0, vmax=2)
    axes[0].axis("off")
    axes[1].hist(z, np.linspace(-8, 8, 81), color=plots.PALETTE[0])
    axes[1].axvline(np.sum(image * filter_weights), color=plots.PALETTE[1], linestyle="--", label="inference")
    axes[1].set(xlabel="what the unit computes", ylabel="passes of 2,000", title=f"rate {rate:.2f}")
    axes[1].legend(loc="upper left")
    return figure


widgets.explore(
    draw_noise,
    alt="Left, a digit of which dropout has blackened a share of the pixels and brightened the others. "
    "Right, a bell-shaped histogram of what one unit computes in 2,000 passes, centered on the dashed line "
    "of inference; it is wider the higher the rate.",
    rate=(0.05, 0.9, 0.05),
)

# %% [markdown]
# Each time the network sees the image it sees another version of it, also in the hidden layers. That is one
# way to look at dropout: **training data that never repeat**, with noise at every level. To learn the
# details of one image by heart becomes hard when the details keep changing.
#
# ### Where to put it
#
# All of this is about *sums*. A non-linear step behind the dropout does not keep the mean. Max pooling is the
# clearest case. We take windows of four positive numbers, and drop once after the pooling, once before it.

# %%
# NBVAL_CHECK_OUTPUT
rng = np.random.default_rng(0)
windows, rate = rng.uniform(0, 1, (100_000, 4)), 0.25
pooled = windows.max(axis=1)
orders = {
    "pool, then drop": dropout(pooled, draw_mask(pooled.shape, rate, rng), rate),
    "drop, then pool": dropout(windows, draw_mask(windows.shape, rate, rng), rate).max(axis=1),
}
print(f"inference:       mean {pooled.mean():.2f}")
for name, value in orders.items():
    print(f"{name}: mean {value.mean():.2f}, {np.mean(value == 0):.1%} are zero")

# %%
after, before = orders.values()
assert abs(after.mean() - pooled.mean()) < 0.01
assert before.mean() > 1.1 * pooled.mean()
assert abs(np.mean(before == 0) - rate**4) < 0.001

# %% [markdown]
# > **Pitfall: dropout where it drops little and shifts much.** Before a max pooling, the largest survivor
# > steps in for what was dropped. All four are gone in only $0.25^4$ of the windows, or 0.4 %. What remains
# > is a shift of the mean that inference does not have. Put dropout *after* the pooling, and before a layer
# > with weights.
#
# Then the layer with weights computes a sum, and the noise has the mean that inference expects. Its ReLU is
# not linear either: dropout and inference agree exactly in the *mean* of the first sum behind the dropout,
# and nearly in what comes later. Section 8.8 measures how nearly.
#
# ## 8.5 Dropout is an ensemble
#
# $n$ units can be on or off in $2^n$ ways, and each way is a smaller network. All of them share their
# weights; each training step trains one for each example. In inference we would like to ask all of them and
# average their answers. For 128 units that is out of the question.
#
# Yet for one kind of network, inference with all units gives *exactly* such an average: one layer of weights
# and a softmax. The average is the **geometric mean** of the probabilities, scaled to sum to one. With ten
# inputs there are 1,024 subnetworks, and we can ask each of them.

# %%
# NBVAL_CHECK_OUTPUT
rng = np.random.default_rng(4)
x, W, b = rng.normal(size=10), rng.normal(0, 0.5, (10, 3)), rng.normal(size=3)
masks = np.array(list(product([0, 1], repeat=10)))  # all (1024, 10)
rate = 0.25
weight_of = rate ** np.sum(masks == 0, axis=1) * (1 - rate) ** np.sum(masks == 1, axis=1)
print(f"{len(masks):,} subnetworks, their probabilities add up to {weight_of.sum():.6f}")

# %%
# NBVAL_CHECK_OUTPUT
log_p = special.log_softmax(dropout(x, masks, rate) @ W + b, axis=1)  # (subnetworks, classes)
geometric = special.softmax(weight_of @ log_p)
arithmetic = weight_of @ np.exp(log_p)
inference = special.softmax(x @ W + b)
for name, p in [("geometric ", geometric), ("inference ", inference), ("arithmetic", arithmetic)]:
    print(f"{name} {np.round(p, 4)}")

# %%
np.testing.assert_allclose(geometric, inference, rtol=1e-12)
assert np.abs(arithmetic - inference).max() > 0.01

# %% [markdown]
# Equal to twelve digits, with one pass instead of 1,024. The reason is short. The logarithm of a softmax is
# the logit minus a number that is the same for all classes. Averaged over the masks, the logits become
# $xW+b$, because a logit is linear in the mask; and the number that all classes share goes when we scale.
#
# The arithmetic mean, the usual average of probabilities, is another. Here it is less certain.
#
# > **Predict.** Put a hidden layer of ReLU units in between. Is the geometric mean still exact?

# %%
# NBVAL_CHECK_OUTPUT
V = rng.normal(0, 0.5, (10, 10))
hidden = np.maximum(dropout(x, masks, rate) @ V, 0)
deep = special.softmax(weight_of @ special.log_softmax(hidden @ W, axis=1))
deep_inference = special.softmax(np.maximum(x @ V, 0) @ W)
print(f"geometric {deep.round(4)}")
print(f"inference {deep_inference.round(4)}")
assert np.abs(deep - deep_inference).max() > 1e-3

# %% [markdown]
# No longer: the mean of a ReLU is not the ReLU of the mean. For deep networks inference with all units is an
# *approximation* of the ensemble. How good it is for ours, we measure in 8.8.
#
# ## 8.6 The network
#
# The two convolutions of lecture 7, with two dropout layers: 0.25 after the pooling, 0.5 after the dense
# layer. Neither has a weight, so that the number of parameters stays what it was.


# %%
def dropout_network(learning_rate=0.001):
    """Two convolutions, a dense layer, ten logits; dropout after the pooling and after the dense layer."""
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Dropout(0.25),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(learning_rate), loss=loss, metrics=["accuracy"])
    return model


# %%
# NBVAL_CHECK_OUTPUT
training.set_seeds(0)
model = dropout_network()
for layer in model.layers:
    note = f"rate {layer.rate}" if isinstance(layer, keras.layers.Dropout) else ""
    print(f"{type(layer).__name__:13s}{layer.output.shape!s:22s}{layer.count_params():>10,}  {note}".rstrip())
print(f"{'together':35s}{model.count_params():>10,}")
assert model.count_params() == 1_199_882

# %% [markdown]
# Before we train it, we make sure that the layers do what we think. A function sends values through a few
# layers one after the other, with dropout on or off.


# %%
def through(layers, values, training=False):
    """Send values through some layers; dropout acts where training is True."""
    for layer in layers:
        switch = {"training": training} if isinstance(layer, keras.layers.Dropout) else {}
        values = layer(values, **switch)
    return values


def scaled(images):
    """Pixels from 0..255 to 0..1, with one channel: (batch, height, width, 1)."""
    return images[..., None].astype("float32") / 255


x_train, y_train = scaled(digits.x_train[: -digits.validation]), digits.y_train[: -digits.validation]
x_val, y_val = scaled(digits.x_train[-digits.validation :]), digits.y_train[-digits.validation :]
x_test, y_test = scaled(digits.x_test), digits.y_test

# %%
some = x_val[:100]
np.testing.assert_array_equal(through(model.layers, some), through(model.layers, some))
one, other = (through(model.layers, some, training=True).numpy() for _ in range(2))
print(f"dropout off: twice the same logits; on: they differ by up to {np.abs(one - other).max():.2f}")
assert np.abs(one - other).max() > 0.01

# %% [markdown]
# Does each layer drop what it should? Only numbers other than zero can tell. ReLU has made many of them zero
# already: it silences units, too, but the *image* decides which.

# %%
for index, rate in [(3, 0.25), (6, 0.5)]:
    before = through(model.layers[:index], some).numpy()
    after = model.layers[index](before, training=True).numpy()
    dropped = np.mean(after[before > 0] == 0)
    print(f"layer {index}: ReLU silenced {np.mean(before == 0):.0%}, dropout {dropped:.1%} of the rest")
    assert abs(dropped - rate) < 0.03

# %%
for index in [0, 1, 5]:
    assert np.min(through(model.layers[: index + 1], some)) == 0, "ReLU gives zeros, and nothing below"

# %% [markdown]
# ## 8.7 Train, and read the curves with care
#
# As in lecture 3: Adam, a learning rate that falls along half a wave of a cosine, and the last part of the
# training data to validate.

# %%
EPOCHS, BATCH_SIZE, LEARNING_RATE = 12, 64, 0.001
steps = EPOCHS * int(np.ceil(len(x_train) / BATCH_SIZE))

# %%
training.set_seeds(0)
model = dropout_network(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, decay_steps=steps))
bar = training.progress("with dropout")
history = model.fit(
    x_train,
    y_train,
    batch_size=BATCH_SIZE,
    epochs=EPOCHS,
    validation_data=(x_val, y_val),
    validation_batch_size=500,
    verbose=0,
    callbacks=[bar],
)

# %%
plots.show(
    plots.training_curves(history),
    alt="Loss and accuracy, epoch by epoch, in training and validation. In the first epoch the validation "
    "curve is clearly better than the training curve; later the training curve overtakes it.",
)

# %%
first_epoch = {name: values[0] for name, values in history.history.items()}
expect(first_epoch["val_accuracy"], "validation accuracy after one epoch", always=0.5)
ahead = first_epoch["val_accuracy"] - first_epoch["accuracy"]
expect(ahead, "validation minus training accuracy in the first epoch", always=(0.005, 1))

# %% [markdown]
# Better on images that it never saw than on its own? Of course not. Keras measures the training loss *while*
# it trains: with dropout on, and averaged over an epoch in which the network was still improving. The
# validation loss is measured at the end of the epoch, with dropout off.
#
# > **Pitfall: the training loss that fit reports.** With dropout it is the loss of the damaged networks. The
# > gap between the curves is then too small, or has the wrong sign, and hides that a network memorizes. To
# > see the true gap, evaluate on the training images once more, with dropout off.

# %%
reported = history.history["loss"][-1]
quiet, quiet_accuracy = model.evaluate(x_train[:2000], y_train[:2000], batch_size=500, verbose=0)
validation = history.history["val_loss"][-1]
print(f"training loss as reported {reported:.4f}, with dropout off {quiet:.4f}")
print(f"validation loss           {validation:.4f}")
expect(reported - quiet, "what dropout adds to the reported training loss", always=(0, 1))

# %% [markdown]
# The true distance between training and validation is the one between the last two numbers.
#
# ### The test data report, once
#
# First we make sure that nothing is random any more: the same question gets the same answer.


# %%
def logits_of(model, images):
    """The logits, with dropout off."""
    return model.predict(images, batch_size=500, verbose=0)


np.testing.assert_array_equal(logits_of(model, x_val[:200]), logits_of(model, x_val[:200]))

# %%
accuracy = float(np.mean(logits_of(model, x_test).argmax(axis=1) == y_test))
standard_error = np.sqrt(accuracy * (1 - accuracy) / len(y_test))
print(f"test accuracy {accuracy:.2%} ± {standard_error:.2%}")
expect(accuracy, "test accuracy", digits, mnist=0.991, digits=0.965)

# %%
scoreboard.record(
    "two convolutions, dropout",
    digits,
    lecture="08_dropout",
    parameters=model.count_params(),
    epochs=EPOCHS,
    seconds=bar.seconds,
    accuracy=accuracy,
    deck=0.992,
)
scoreboard.table(source=digits.source.name)

# %% [markdown]
# The slides report 99.2 % on MNIST for this network, with batches of 32 and gradient descent at a rate of
# 0.01 with momentum 0.9; 99.0 % without dropout. How far apart are these two, in standard errors?

# %%
# NBVAL_CHECK_OUTPUT
with_dropout, without = 0.992, 0.990
variance = sum(p * (1 - p) / 10_000 for p in (with_dropout, without))
print(f"99.2 and 99.0 are {(with_dropout - without) / np.sqrt(variance):.1f} standard errors apart")

# %% [markdown]
# (As if each had been tested on images of its own; from two shares alone more cannot be said.) One run each,
# and not two standard errors: on these figures alone nobody should believe that dropout helped. What other
# seeds give for our two networks, with and without, was measured once, outside this lecture, on the real
# MNIST:

# %%
for name in ("two convolutions", "two convolutions, dropout"):
    shares = scoreboard.over_seeds(name)
    print(f"{name:26s} {', '.join(f'{share:.2%}' for share in shares)}")

# %% [markdown]
# But the recipes of lectures 7 and 8 differ in more than dropout, in the epochs and in the optimizer. A fair
# comparison comes in 8.10.
#
# > **Erratum.** The code on the slide trains for 10 epochs; the result below it is that of epoch 15. And the
# > slide gives the test data to `fit` as validation data. Ours were seen once, after everything was chosen.
#
# ### Two ways to get it wrong afterwards
#
# > **Pitfall: dropout on while you evaluate.** `model(x, training=True)` is one random subnetwork for each
# > image. This happens in custom loops, in other frameworks when `eval()` is forgotten, and in a layer that
# > was built with `training=True`. The sign: ask twice, and two answers differ.

# %%
answers = [through(model.layers, x_val[:1000], training=True).numpy().argmax(axis=1) for _ in range(2)]
changed = np.mean(answers[0] != answers[1])
print(f"asked twice with dropout on, {changed:.1%} of the answers change")
print("accuracy:", ", ".join(f"{np.mean(answer == y_val[:1000]):.2%}" for answer in answers))
assert changed > 0

# %% [markdown]
# The other mistake is a dropout layer *behind* the logits. It does not crash, and in inference one does not
# see it. But in training a dropped logit is zero. If the right one is dropped, and $k$ of the nine others
# with it, then $k+1$ classes share the logit zero, and the loss is at least $\ln(1+k)$, whatever the weights
# are. With a rate of 0.5 this happens in every other example:

# %%
# NBVAL_CHECK_OUTPUT
k = np.arange(10)
probability_of_k = stats.binom.pmf(k, 9, 0.5)
floor = 0.5 * probability_of_k @ np.log(1 + k)
print(f"no weights can bring this training loss below {floor:.2f}")

# %%
logits = logits_of(model, x_val[:1000])
dropped_logits = keras.layers.Dropout(0.5)(logits, training=True).numpy()
losses = [-special.log_softmax(z, axis=1)[np.arange(len(z)), y_val[:1000]] for z in (logits, dropped_logits)]
print(f"our network: loss {losses[0].mean():.2f}; with its logits dropped {losses[1].mean():.2f}")
assert losses[1].mean() > 0.7

# %% [markdown]
# The network cannot compensate, and spends its training on a loss that has nothing to do with digits. Nothing
# is dropped behind the last layer.
#
# ## 8.8 Asking the crowd
#
# Inference with all units is a shortcut for the average over many damaged networks. Now we take the long way:
# 50 passes with dropout on, and the mean of their probabilities. Everything before the first dropout layer is
# the same in each pass, so that we compute it once.


# %%
def passes(images, count=50):
    """The probabilities of so many passes with dropout on: (count, images, classes)."""
    still = through(model.layers[:3], images)
    drawn = [through(model.layers[3:], still, training=True).numpy() for _ in range(count)]
    return special.softmax(np.array(drawn, float), axis=-1)


# %%
crowd, truth = passes(x_val[:1000]), y_val[:1000]
alone = special.softmax(logits.astype(float), axis=1)
assert crowd.std(axis=0).max() > 0.01, "the passes must differ"


def loss_of(probabilities):
    """The mean of minus the log of the probability of the right digit."""
    return -np.log(probabilities[np.arange(len(truth)), truth]).mean()


# %%
sizes = [1, 2, 3, 5, 10, 20, 50]
loss_of_crowd = [loss_of(crowd[:size].mean(axis=0)) for size in sizes]

figure, axes = plt.subplots(figsize=(5.6, 3), layout="constrained")
axes.semilogx(sizes, loss_of_crowd, marker="o", label="mean of the passes")
axes.axhline(loss_of(alone), color=plots.PALETTE[1], linestyle="--", label="one pass with dropout off")
axes.set(xlabel="passes with dropout on", ylabel="validation loss", xticks=sizes, xticklabels=sizes)
axes.minorticks_off()
axes.legend()
plots.show(
    figure,
    alt="Validation loss against the number of passes whose probabilities are averaged, from 1 to 50. It "
    "falls steeply at first, then levels off, not far above the dashed line, the loss of one pass with "
    "dropout off.",
)

# %%
single = np.mean([loss_of(p) for p in crowd])
geometric = special.softmax(np.log(np.maximum(crowd, 1e-30)).mean(axis=0), axis=-1)
right = {name: np.mean(p.argmax(axis=1) == truth) for name, p in [("50", crowd.mean(axis=0)), ("off", alone)]}
print(f"loss: one damaged pass {single:.4f}, mean of 50 {loss_of_crowd[-1]:.4f}, off {loss_of(alone):.4f}")
print(f"loss of the geometric mean of 50 {loss_of(geometric):.4f}")
print(f"accuracy: mean of 50 passes {right['50']:.2%}, one pass with dropout off {right['off']:.2%}")
assert loss_of_crowd[-1] < single
expect(abs(right["50"] - right["off"]), "difference of the accuracies", always=(0, 0.015))
expect(
    loss_of_crowd[-1] - loss_of(alone), "loss of the crowd less that of the shortcut", always=(-0.01, 0.12)
)

# %% [markdown]
# One damaged network is on average worse than the crowd; that must be so, because $-\log$ is convex (Jensen).
# But the shortcut need not be worse than what it stands for: compare the losses. In their answers the crowd,
# fifty times as expensive, and the shortcut hardly differ. What the crowd buys is something else.
#
# ## 8.9 Monte-Carlo dropout: how sure are you?
#
# Where all passes agree, the network is sure; where they contradict each other, it is not. That is
# **Monte-Carlo dropout** (Gal and Ghahramani, 2016): dropout stays on (`training=True`), this time on
# purpose, and one looks at how much the answers spread. We turn a digit by degrees, until it is none.

# %%
angles = np.arange(0, 181, 15)
upright = x_val[np.flatnonzero(y_val == 7)[0], ..., 0]
turned = np.array([ndimage.rotate(upright, angle, reshape=False, order=1) for angle in angles]).clip(0, 1)
votes = passes(turned[..., None].astype("float32"))  # (passes, angles, classes)
favorites = np.unique(votes.mean(axis=0).argmax(axis=1))  # whoever wins somewhere

# %%
figure = plt.figure(figsize=(9, 4), layout="constrained")
grid = figure.add_gridspec(2, len(angles), height_ratios=[1, 3.6])
for column, picture in enumerate(turned):
    panel = figure.add_subplot(grid[0, column])
    panel.imshow(picture, cmap="gray")
    panel.axis("off")
axes = figure.add_subplot(grid[1, :])
for place, digit in enumerate(favorites):
    color, marker = plots.PALETTE[place], plots.MARKERS[place]
    x_of_dots = np.tile(angles + 2.2 * (place - (len(favorites) - 1) / 2), (len(votes), 1))
    axes.scatter(x_of_dots, votes[..., digit], 14, color=color, marker=marker, alpha=0.25, linewidths=0)
    axes.scatter([], [], color=color, marker=marker, label=f"“{digit}”")
axes.set(xlabel="turned by (degrees)", ylabel="probability in each pass", xticks=angles)
figure.legend(loc="outside right upper")
plots.show(
    figure,
    alt="A seven turned in steps of 15 degrees up to 180, and below each, for 50 passes, the probabilities "
    "of all digits that are the favorite at some angle. Upright, the dots of the seven lie at or near 1. At "
    "some larger angles the dots of several digits are scattered between 0 and 1; at others all passes agree "
    "on another digit.",
)

# %% [markdown]
# With dropout off there would be one dot for each digit, and no spread to look at. But look at the angles in
# between: there the passes may all agree, on a digit that the picture does not show. To turn the spread into
# numbers we use entropy (lecture 2). Let $\bar p$ be the mean of the passes.
#
# - The **predictive entropy** $H(\bar p)$ is the whole doubt, in nats.
# - The mean entropy of the single passes is the doubt that each has on its own: the image is ambiguous.
# - The difference, the **mutual information**, is their disagreement: each is sure, but of a different digit.


# %%
def entropy(p):
    """The entropy of each row, in nats."""
    return special.entr(p).sum(axis=-1)


def doubts(probabilities):
    """Predictive entropy and mutual information of passes: (passes, images, classes) -> two of (images,)."""
    whole = entropy(probabilities.mean(axis=0))
    return whole, whole - entropy(probabilities).mean(axis=0)


# %%
# NBVAL_CHECK_OUTPUT
torn = np.full((4, 1, 2), 0.5)  # four passes that all say "half, half"
quarrel = np.array([[[1.0, 0.0]], [[0.0, 1.0]]] * 2)  # two sure of the first class, two of the second
for name, example in [("torn", torn), ("quarrel", quarrel)]:
    whole, disagreement = doubts(example)
    print(f"{name:8s} predictive entropy {whole[0]:.3f}, mutual information {disagreement[0]:.3f}")

# %%
whole, disagreement = doubts(votes)
print("degrees            ", "  ".join(f"{angle:4d}" for angle in angles))
print("predictive entropy ", "  ".join(f"{value:4.2f}" for value in whole))
print("mutual information ", "  ".join(f"{value:4.2f}" for value in disagreement))
assert np.all(disagreement > -1e-9)
growth = whole.max() - whole[0]
expect(growth, "growth of the doubt from upright to the worst angle", always=(0.05, np.log(10)))
falls = np.max(np.maximum.accumulate(whole) - whole)
expect(falls, "how far the doubt falls again as the digit turns further", always=(0.05, np.log(10)))

# %% [markdown]
# The doubt does not grow with the angle. It jumps, and falls again where the passes agree on something else.
# **Agreement is not truth.**
#
# Is the doubt worth anything? A test that can fail: 500 digits from the validation data against 500
# *letters*, which the network has never seen, and for which it has no right answer. If we sort all images by
# doubt, do the letters come first? The **AUC** (lecture 5) is the probability that a letter causes more doubt
# than a digit: 0.5 is guessing, 1 is perfect. The rival is the doubt of the ordinary network, one pass with
# dropout off.

# %%
letters = datasets.glyphs(100, 500, seed=8)
images = np.concatenate([x_val[:500], scaled(letters.x_test)])
unknown = np.arange(len(images)) >= 500

whole, disagreement = doubts(passes(images))
quiet_doubt = entropy(special.softmax(logits_of(model, images).astype(float), axis=1))
scores = {"dropout off": quiet_doubt, "predictive entropy": whole, "mutual information": disagreement}
auc = {name: roc_auc_score(unknown, score) for name, score in scores.items()}

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 2.7), sharey=True, layout="constrained")
for panel, (name, score) in zip(axes, scores.items(), strict=True):
    edges = np.linspace(0, score.max(), 21)
    panel.hist(score[~unknown], edges, label="digits")
    panel.hist(score[unknown], edges, histtype="step", linewidth=2, label="letters")
    panel.set(title=f"{name}\nAUC {auc[name]:.3f}", xlabel="doubt (nats)", yscale="log")
axes[0].set_ylabel("images")
axes[0].legend()
plots.show(
    figure,
    alt="Three histograms of doubt, for digits and for letters: the entropy with dropout off, the predictive "
    "entropy of 50 passes, and their mutual information. Digits are piled up near zero; the letters are "
    "spread over the whole range, but some of them lie near zero, too.",
)

# %%
for name, value in auc.items():
    expect(value, f"AUC, {name}", digits, mnist=(0.75, 1), digits=(0.75, 1))
added = auc["predictive entropy"] - auc["dropout off"]
expect(added, "what fifty passes add to the AUC", digits, mnist=(-0.03, 0.03), digits=(-0.05, 0.03))
calm = np.mean(whole[unknown] < np.median(whole[~unknown]))
print(f"{calm:.1%} of the letters cause less doubt than half of the digits do")

# %% [markdown]
# Letters do cause more doubt, by each of the three measures. How much the fifty passes add to the plain
# entropy of one, the three AUCs above say: next to nothing, for fifty times the cost. And a few letters cause
# hardly any doubt.
# **Monte-Carlo dropout measures how much the subnetworks disagree. It does not know what it has never seen.**
#
# ## 8.10 Does it help?
#
# Everybody says so. We measure: one hidden layer of 128 units on 1,000 images, with rates of 0, 0.25, 0.5 and
# 0.75, each with five networks that have their own images, their own initial weights and their own masks.
# For the same network at another rate, images and initial weights are the same. So the differences are
# *paired*, and their scatter gives a $t$-interval of 95 % (lecture 5). The validation images are the judge.
#
# Once the labels are right; once three in ten have been replaced by a random digit, as happens where labels
# are cheap. (A random digit is right one time in ten, so that about 27 % are wrong.) Twenty networks for each
# kind of labels would take long one after the other. `EinsumDense` holds the weights of
# five networks and computes them side by side, and they never touch each other.

# %%
NETWORKS, HIDDEN, STUDY_STEPS, STUDY_BATCH = 5, 128, 400, 50


def side_by_side(inputs, units, seed, **options):
    """A dense layer for each network: (batch, networks, inputs) -> (batch, networks, units)."""
    he = keras.initializers.RandomNormal(stddev=np.sqrt(2 / inputs), seed=seed)
    shape = (NETWORKS, units)
    return keras.layers.EinsumDense("bni,niu->bnu", shape, bias_axes="nu", kernel_initializer=he, **options)


def five_networks(rate):
    """Five networks with one hidden layer and dropout, trained as one."""
    layers = [side_by_side(784, HIDDEN, 1, activation="relu"), keras.layers.Dropout(rate)]
    networks = keras.Sequential([keras.Input((NETWORKS, 784)), *layers, side_by_side(HIDDEN, 10, 2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    networks.compile(keras.optimizers.Adam(0.003), loss=loss)
    return networks


# %% [markdown]
# Each network draws its own images, and, where wanted, its own random labels.


# %%
flat_train, judges = x_train.reshape(-1, 784), x_val[:1000].reshape(-1, 1, 784)


def material(count, random=0.0):
    """Images and labels for each network: (count, networks, 784) and (count, networks)."""
    images, labels = [], []
    for seed in range(NETWORKS):
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(len(flat_train))[:count]
        images.append(flat_train[chosen])
        labels.append(np.where(rng.random(count) < random, rng.integers(0, 10, count), y_train[chosen]))
    return np.stack(images, axis=1), np.stack(labels, axis=1)


def measured(rate, images, labels):
    """Train five networks; return validation accuracy and loss, and the share of given labels they repeat."""
    training.set_seeds(0)
    networks = five_networks(rate)
    epochs = STUDY_STEPS * STUDY_BATCH // len(images)
    networks.fit(images, labels, batch_size=STUDY_BATCH, epochs=epochs, verbose=0)
    z = networks(np.repeat(judges, NETWORKS, axis=1)).numpy().astype(float)  # (images, networks, classes)
    log_p = special.log_softmax(z, axis=-1)[np.arange(len(truth)), :, truth]
    repeated = (networks(images).numpy().argmax(axis=-1) == labels).mean(axis=0)
    return np.array([(z.argmax(axis=-1) == truth[:, None]).mean(axis=0), -log_p.mean(axis=0), repeated])


# %%
rates = [0, 0.25, 0.5, 0.75]
conditions = {"right labels": material(1000), "30 % random labels": material(1000, random=0.3)}
results = {name: {rate: measured(rate, *data) for rate in rates} for name, data in conditions.items()}


# %%
def interval(differences):
    """Mean and half width of the 95 % t-interval of paired differences."""
    half = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
    return differences.mean(), half


def verdict(mean, half):
    """In words: what an interval says about a gain."""
    return "not decided" if abs(mean) < half else "helps" if mean > 0 else "hurts"


# %%
for name, by_rate in results.items():
    print(f"{name}: accuracy {by_rate[0][0].mean():.1%}, loss {by_rate[0][1].mean():.3f} without dropout")
    for rate in rates[1:]:
        more, half = interval(by_rate[rate][0] - by_rate[0][0])
        less, half_loss = interval(by_rate[0][1] - by_rate[rate][1])
        print(f"  rate {rate:.2f}: accuracy {more:+.1%} ± {half:.1%} {verdict(more, half):12s}", end="")
        print(f"loss {-less:+.3f} ± {half_loss:.3f} {verdict(less, half_loss)}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.2), layout="constrained")
for place, (name, by_rate) in enumerate(results.items()):
    for panel, row, scale in [(axes[0], 0, 100), (axes[1], 1, 1)]:
        change = [interval(scale * (by_rate[rate][row] - by_rate[0][row])) for rate in rates[1:]]
        middle, half = np.array(change).T
        panel.errorbar(
            np.array(rates[1:]) + 0.02 * (place - 0.5),
            middle,
            half,
            fmt=plots.MARKERS[place],
            capsize=4,
            label=name,
        )
for panel, what in zip(axes, ["accuracy (points)", "loss (nats)"], strict=True):
    panel.axhline(0, color="0.4", linewidth=1)
    panel.set(xlabel="rate", ylabel=f"change in {what}", xticks=rates[1:])
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
plots.show(
    figure,
    alt="The change in validation accuracy and in validation loss against no dropout, with 95 % intervals, "
    "for rates of 0.25, 0.5 and 0.75. With right labels the accuracy changes little; with 30 % random labels "
    "it rises by several points. The loss falls in most cases.",
)

# %%
gain = {name: interval(by_rate[0.5][0] - by_rate[0][0]) for name, by_rate in results.items()}
noisy_gain, noisy_half = gain["30 % random labels"]
clean_gain, clean_half = gain["right labels"]
expect(clean_gain, "gain at rate 0.5, right labels", digits, mnist=(-0.03, 0.04), digits=(-0.03, 0.04))
expect(noisy_gain, "gain at rate 0.5, wrong labels", digits, mnist=0.02, digits=0.02)
expect(noisy_gain - noisy_half, "its lower limit", digits, mnist=0, digits=0)

# %%
by_heart = {rate: results["30 % random labels"][rate][2].mean() for rate in (0, 0.5)}
for rate, share in by_heart.items():
    print(
        f"rate {rate}: {share:.0%} of the given labels, right or wrong, are repeated on the training images"
    )
expect(by_heart[0] - by_heart[0.5], "what dropout keeps from being learned by heart", always=0.03)

# %% [markdown]
# Where labels are wrong, dropout helps beyond doubt, by several points: without it the network learns more
# of the wrong labels by heart. Where they are right, the change in accuracy is small, and smaller than or
# about as large as its interval. Read the verdicts above: wherever one says *not decided*, the honest
# summary is **not here**, or not enough to see with five networks. Twelve verdicts at 95 % are passed here;
# one that misses zero by a hair may be luck. With right labels the loss gains before the accuracy does:
# dropout makes wrong answers less costly even where it does not make them fewer.
#
# ### And with more data?
#
# The same comparison, rate 0.5 against none, with right labels and the same number of steps, for 250, 1,000
# and 4,000 images.

# %%
counts = [250, 1000, 4000]
by_count = {1000: {rate: results["right labels"][rate] for rate in (0, 0.5)}}
for count in (250, 4000):
    by_count[count] = {rate: measured(rate, *material(count)) for rate in (0, 0.5)}

# %%
for count in counts:
    more, half = interval(by_count[count][0.5][0] - by_count[count][0][0])
    less, half_loss = interval(by_count[count][0][1] - by_count[count][0.5][1])
    print(f"{count:5,} images: accuracy {more:+.1%} ± {half:.1%} {verdict(more, half):12s}", end="")
    print(f"loss {-less:+.3f} ± {half_loss:.3f} {verdict(less, half_loss)}")

# %%
from_data = by_count[4000][0][0].mean() - by_count[250][0][0].mean()
from_dropout = np.mean(by_count[250][0.5][0] - by_count[250][0][0])
print(f"with 250 images, dropout adds {from_dropout:+.1%}; 3,750 more images add {from_data:+.1%}")
expect(from_data - from_dropout, "what data give beyond dropout", digits, mnist=0.03, digits=0.03)

# %% [markdown]
# More images brought far more than dropout did. (The five sets of images are drawn from the same training
# data, and overlap the more the larger they are; on the embedded digits, moreover, five images in a row are
# variants of one. So the intervals for 4,000 are too narrow rather than too wide.) On few images with right
# labels dropout was no substitute for more of them. What it did remedy here were wrong labels.

# %% [markdown]
# ## What we measured

# %%
print(f"test accuracy of the network with dropout {accuracy:.2%}, the slides' 99.2 % (MNIST)")
print(f"rate 0.5 on 1,000 images: {clean_gain:+.1%} ± {clean_half:.1%} accuracy (95 %),")
print(f"with 30 % random labels   {noisy_gain:+.1%} ± {noisy_half:.1%}")
print(f"letters told from digits: AUC {auc['dropout off']:.3f} with dropout off,")
print(f"{auc['predictive entropy']:.3f} with the predictive entropy of 50 passes")

# %% [markdown]
# ## Recap
#
# - Dropout multiplies each number by 0 or 1/(1 − rate), in training only, forward and backward by the same
#   mask. `rate` is what is dropped; older texts mean what is kept.
# - As noise: the mean is kept, the variance of a sum grows by rate/(1 − rate) times the sum of its squared
#   terms.
# - As an ensemble: inference is the geometric mean of all subnetworks, exactly for one linear layer with a
#   softmax. For deeper networks it is an approximation, and we measured how good.
# - The training loss that is reported is the loss of damaged networks. Evaluation needs dropout off; doubt
#   needs it on.
# - It helps where a network memorizes wrong labels. On few clean digits the gain is about as large as its
#   interval, or smaller. Measure before you believe.
#
# ## Try it yourself
#
# The [exercise of this lecture](exercises/08_dropout.ipynb) has tasks that tell you at once whether you are
# right, with a hint where you are not. And three more to play with, without a check:
#
# 1. Put the first dropout layer before the pooling. What happens to the shares in 8.6, and to the accuracy?
# 2. Ten networks instead of five, 10 % random labels instead of 30 %: where does the verdict change?
# 3. Show the network photographs of your own in place of the letters. Which of them are digits to it?
#
# ## Further reading
#
# - *Improving neural networks by preventing co-adaptation of feature detectors*, G. Hinton, N. Srivastava, A.
#   Krizhevsky, I. Sutskever, R. Salakhutdinov, 2012.
# - *Dropout: a simple way to prevent neural networks from overfitting*, N. Srivastava, G. Hinton, A.
#   Krizhevsky, I. Sutskever, R. Salakhutdinov, 2014.
# - *Understanding dropout*, P. Baldi, P. Sadowski, 2013.
# - *Dropout as a Bayesian approximation: representing model uncertainty in deep learning*, Y. Gal, Z.
#   Ghahramani, 2016.
# - *Efficient object localization using convolutional networks* (dropping whole channels), J. Tompson, R.
#   Goroshin, A. Jain, Y. LeCun, C. Bregler, 2015.
