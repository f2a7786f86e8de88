# %% [markdown]
# # 7 · Two convolutions
#
# Lecture 3 read handwriting with a network that does not know which pixels are neighbors. Lecture 6 built
# the layer that knows. Now the two meet: the same ten digits, once with one convolution and once with
# two. **Does looking at neighborhoods pay, what does it cost, and does the network now tolerate a digit
# that has moved?** The accuracy takes a few minutes of training. To know what was gained, and where the
# work went, we take the networks apart before and after.
#
# **You will be able to**
#
# - build a convolutional network, and compute its output by hand, from the image to the logits;
# - count parameters and multiply-adds layer by layer, and say where each of them is;
# - compare two networks on the same test images, and tell a difference from luck;
# - draw what the filters look for, and what they answer to an image;
# - say what convolution and pooling do for a digit that has moved, and what they do not.
#
# **Time:** 55 minutes to read, 9 minutes to run (one on the embedded digits). **Builds on:** lectures 3, 5
# and 6.

# %%
import math
import time

import matplotlib.pyplot as plt
import numpy as np
import scipy.stats
from scipy import ndimage

from lecture_utils import datasets, plots, scoreboard, training, widgets
from lecture_utils.checks import expect

training.quiet_tensorflow()
import keras

# %% [markdown]
# ## 7.1 An image with a channel
#
# The data are those of lecture 3, with its validation split. One thing is new: a convolution takes images
# of shape (height, width, channels). Ours are gray, so that there is one channel, and it has to be said.

# %%
digits = datasets.mnist()


# %%
def prepared(images):
    """Pixels from 0..255 to 0..1, and one channel: (batch, height, width, 1)."""
    return images[..., np.newaxis].astype("float32") / 255


x_train, y_train = prepared(digits.x_train[: -digits.validation]), digits.y_train[: -digits.validation]
x_val, y_val = prepared(digits.x_train[-digits.validation :]), digits.y_train[-digits.validation :]
x_test, y_test = prepared(digits.x_test), digits.y_test

print(f"{len(x_train):,} images to train, {len(x_val):,} to validate, {len(x_test):,} to test")

# %%
assert x_train.shape[1:] == x_val.shape[1:] == x_test.shape[1:] == (28, 28, 1)
assert (x_train.min(), x_train.max()) == (0, 1)
assert len(x_train) + len(x_val) == len(digits.x_train)

# %% [markdown]
# > **Pitfall: the channel in front.** PyTorch and older code write (channels, height, width). Give such an
# > image to a Keras layer with padding, and *nothing complains*: the layer sees a picture of one row, 28
# > columns, and 28 channels. Compare the shapes of the weights:

# %%
# NBVAL_CHECK_OUTPUT
for shape in [(1, 28, 28, 1), (1, 1, 28, 28)]:
    layer = keras.layers.Conv2D(32, 3, padding="same")
    answer = layer(np.zeros(shape, "float32"))
    print(f"image {shape} -> weights {tuple(layer.kernel.shape)}, answer {tuple(answer.shape)}")

# %% [markdown]
# The second layer has 28 times as many weights, and no notion of left and right: each *column* of pixels
# has become a channel of its own, and what the layer takes for the width is the image's height. It would
# train all the same, and you would blame the data. **Print the shapes.**
#
# ## 7.2 The two networks
#
# One convolution of 32 filters with ReLU, a pooling that halves height and width, and behind it a dense
# network as we know it. The larger network has a second convolution of 64 filters before the pooling. Sizes
# are those of the slides behind this course, 100 and 128 dense units. The numbers that are chosen for the
# training stand in one line.

# %%
EPOCHS, BATCH_SIZE, LEARNING_RATE, MOMENTUM = 10, 64, 0.1, 0.9


# %%
def convolutional(*filters, units):
    """Convolutions of 3 x 3 with so many filters, pooling, one dense layer, and ten logits."""
    convolutions = [keras.layers.Conv2D(count, 3, activation="relu") for count in filters]
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *convolutions,
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(10),
        ]
    )


def compiled(model, learning_rate=0.02):
    """Add descent with momentum, and the loss; the softmax is inside the loss, as in lecture 3."""
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate, momentum=MOMENTUM),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


# %%
# NBVAL_CHECK_OUTPUT
training.set_seeds(0)
one = compiled(convolutional(32, units=100))
two = compiled(convolutional(32, 64, units=128))
for model in (one, two):
    print(" -> ".join(str(layer.output.shape[1:]) for layer in model.layers))
    print(f"   {model.count_params():,} parameters")
assert (one.count_params(), two.count_params()) == (542_230, 1_199_882)

# %% [markdown]
# Each shape is what a layer gives to the next one. Without padding a convolution of 3 × 3 takes one pixel
# from each side; the pooling halves what is left.
#
# > **Predict.** Which layer of the larger network has the most parameters? And which one does the most
# > work? Write down a guess, in percent. Section 7.4 counts.
#
# ## 7.3 The whole network by hand
#
# There is nothing in it that we have not built. A convolution without padding looks at each window of 3 × 3
# pixels in all channels, multiplies it by each filter, and adds the filter's bias:
#
# $$z_{ijk} = b_k + \sum_{u,v,c} x_{i+u,\,j+v,\,c}\; w_{uvck}$$
#
# Lecture 6 wrote the six loops. Here NumPy runs them: `einsum` takes the sum over the letters that are
# missing after the arrow.


# %%
def convolve(x, kernel, bias):
    """Multiply each window by each filter: (batch, h, w, c) -> (batch, h - 2, w - 2, filters)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    return np.einsum("bijcuv,uvck->bijk", windows, kernel, optimize=True) + bias


def max_pool(x):
    """Keep the largest of each 2 x 2 pixels; an odd last row or column is left out."""
    batch, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    return x.reshape(batch, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def logits_by_hand(model, x):
    """Go through a convolutional network from its weights alone."""
    weights = model.get_weights()
    *convolutions, (w1, b1), (w2, b2) = zip(weights[::2], weights[1::2], strict=True)
    for kernel, bias in convolutions:
        x = np.maximum(convolve(x, kernel, bias), 0)
    flat = max_pool(x).reshape(len(x), -1)
    return np.maximum(flat @ w1 + b1, 0) @ w2 + b2


# %% [markdown]
# That is the whole network. To make the comparison strict, we give every bias a random value first:
# fresh ones are zero, and a forgotten bias would not show.

# %%
rng = np.random.default_rng(0)
for model in (one, two):
    fresh = model.get_weights()
    noisy = [w + rng.normal(0, 0.1, w.shape) * (w.ndim == 1) for w in fresh]
    model.set_weights(noisy)
    np.testing.assert_allclose(logits_by_hand(model, x_val[:20]), model(x_val[:20]), atol=1e-4)
    model.set_weights(fresh)
print("by hand and by Keras: the same logits for both networks")

# %% [markdown]
# ### Why the ReLU stands between them
#
# Lecture 6 merged two filters of one channel into one. With 32 channels in between it works, too: without a
# non-linearity between them, two convolutions in a row are one convolution. Each filter of the second sums
# 3 × 3 windows of sums over 3 × 3 windows: that is a weighted sum over 5 × 5 pixels. We can write its
# weights down, by spreading each entry of the first filter over the second.


# %%
def merged(first, second):
    """Return the 5 x 5 filters that do what two 3 x 3 convolutions in a row do: (5, 5, 1, filters)."""
    both = np.zeros((5, 5, 1, second.shape[-1]))
    for i, j in np.ndindex(3, 3):
        both[i : i + 3, j : j + 3, 0] += np.einsum("c,uvck->uvk", first[i, j, 0], second)
    return both


first, second = two.get_weights()[0], two.get_weights()[2]
in_two_steps = convolve(convolve(x_val[:5], first, 0), second, 0)
np.testing.assert_allclose(in_two_steps, convolve(x_val[:5], merged(first, second), 0), atol=1e-5)

# %%
# NBVAL_CHECK_OUTPUT
print(f"two convolutions: {first.size + second.size:,} weights; merged: {merged(first, second).size:,}")
with_relu = convolve(np.maximum(convolve(x_val[:5], first, 0), 0), second, 0)
assert np.abs(with_relu - in_two_steps).max() > 0.05
assert np.abs(two.layers[1](two.layers[0](x_val[:5])) - np.maximum(with_relu, 0)).max() < 1e-4

# %% [markdown]
# Without the ReLU, eighteen thousand weights do what sixteen hundred can do. With it, the second
# convolution can do what no single filter can: answer to an edge whether it is bright on the left *or* on
# the right. (A filter alone that answers to the one answers with the opposite sign to the other.)
#
# ## 7.4 Where the parameters are, and where the work is
#
# A filter over $C$ channels has $3 \cdot 3 \cdot C$ weights and one bias, wherever it is applied. But it
# *is* applied everywhere: once for each pixel of its output. So we count two things, the
# **parameters**, which have to be learned and stored, and the **multiply-adds** for one image (one
# multiplication and one addition each; biases are not counted), which take the time.


# %%
def count(filters, units, size=3, pool=2):
    """Return for each layer: its name, output shape, parameters, and multiply-adds for one image."""
    side, channels = 28, 1
    rows: list[tuple] = []
    for number in filters:
        side, window = side - size + 1, size * size * channels
        shape = (side, side, number)
        rows.append((f"convolution, {number}", shape, (window + 1) * number, side**2 * window * number))
        channels = number
    side //= pool
    rows.append((f"pooling, {pool} × {pool}", (side, side, channels), 0, 0))
    inputs = side**2 * channels
    for name, outputs in [(f"dense, {units}", units), ("dense, 10", 10)]:
        rows.append((name, (outputs,), (inputs + 1) * outputs, inputs * outputs))
        inputs = outputs
    return rows


# %%
# NBVAL_CHECK_OUTPUT
counted = {"one convolution": count([32], 100), "two convolutions": count([32, 64], 128)}
for name, rows in counted.items():
    print(f"{name:18s} {'output':>13s} {'parameters':>11s} {'multiply-adds':>14s}")
    for layer, shape, parameters, work in rows:
        print(f"  {layer:16s} {' × '.join(map(str, shape)):>13s} {parameters:11,} {work:14,}")
    print(f"  {'together':16s} {sum(r[2] for r in rows):25,} {sum(r[3] for r in rows):14,}\n")

# %% [markdown]
# Keras has to agree, in each layer (a `Flatten` has nothing to count):

# %%
for model, rows in zip((one, two), counted.values(), strict=True):
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.Flatten)]
    for layer, (name, shape, parameters, _) in zip(layers, rows, strict=True):
        assert layer.count_params() == parameters, name
        assert layer.output.shape[1:] == shape, name
assert one.count_params() == 542_230
assert two.count_params() == 1_199_882

# %% [markdown]
# And the windows that we cut in 7.3 have to agree with the multiply-adds: each number in them meets each
# filter once.

# %%
for layer, image in [(0, np.zeros((28, 28, 1))), (1, np.zeros((26, 26, 32)))]:
    _, shape, _, work = counted["two convolutions"][layer]
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3), axis=(0, 1))
    assert windows.size * shape[-1] == work

# %% [markdown]
# ### Two different bottlenecks
#
# The shares of each layer, side by side. Move the sliders: what happens to the parameters if the pooling is
# 4 × 4? What would it take to make the dense layer work harder than the convolutions?


# %%
def draw_shares(filters=64, units=128, pool=2):
    """Draw the share of each layer in the parameters and in the multiply-adds."""
    rows = count([32, filters], units, pool=pool)
    totals = [sum(row[column] for row in rows) for column in (2, 3)]
    figure, axes = plt.subplots(figsize=(8, 2.5), layout="constrained")
    left = np.zeros(2)
    for name, _, parameters, work in rows:
        if parameters:
            shares = 100 * np.array([parameters, work]) / totals
            axes.barh([1, 0], shares, left=left, label=name)
            left += shares
    axes.set_yticks([1, 0], [f"{totals[0]:,}\nparameters", f"{totals[1] / 1e6:.1f} million\nmultiply-adds"])
    axes.set(xlabel="share in %", xlim=(0, 100), ylabel="total")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.3), ncols=4, frameon=False)
    return figure


widgets.explore(
    draw_shares,
    alt="Two bars, divided by layer. With 64 filters, 128 units and 2 by 2 pooling nearly all of the "
    "parameters are in the large dense layer, and about nine tenths of the multiply-adds in the second "
    "convolution.",
    filters=(8, 128, 8),
    units=(16, 512, 16),
    pool=(1, 4, 1),
)

# %%
# NBVAL_CHECK_OUTPUT
pooled_more = sum(row[2] for row in count([32, 64], 128, pool=4))
print(f"with 4 × 4 pooling {pooled_more:,} parameters are left")
for units in (288, 304):
    *_, before, _, large, _ = count([32, 64], units, pool=1)
    print(f"without pooling, {units} units: {before[3]:,} multiply-adds before them, {large[3]:,} into them")

# %% [markdown]
# And at the sizes of our larger network:

# %%
# NBVAL_CHECK_OUTPUT
rows = counted["two convolutions"]
parameters, work = (np.array([row[column] for row in rows]) for column in (2, 3))
for name, part in [("convolutions", slice(0, 2)), ("dense layers", slice(3, 5))]:
    stored, worked = parameters[part].sum() / parameters.sum(), work[part].sum() / work.sum()
    print(f"{name}: {stored:5.1%} of the parameters, {worked:5.1%} of the multiply-adds")

# %% [markdown]
# **In the larger network the parameters are in the dense layer, and the work is in the second
# convolution.** (In the smaller one the dense layer does most of the work, too: its only convolution looks
# at a single channel.) Whoever wants a smaller file shrinks what comes after the pooling; whoever wants a
# faster network shrinks what comes before. Does the clock see it like that? We measure the second
# convolution and the large dense layer on a batch of 64 images.


# %%
def seconds_of(layer, x, repeats=15):
    """The shortest of several runs of one layer."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        np.asarray(layer(x))
        times.append(time.perf_counter() - start)
    return min(times)


batch = x_val[:64]
maps = two.layers[0](batch)
flat = two.layers[3](two.layers[2](two.layers[1](maps)))
clock = {"second convolution": seconds_of(two.layers[1], maps), "dense, 128": seconds_of(two.layers[4], flat)}
for name, seconds in clock.items():
    print(f"{name:19s} {1e3 * seconds:6.2f} ms")

# %%
ratio = clock["second convolution"] / clock["dense, 128"]
expect(ratio, "time of the convolution, in times of the dense layer", always=1.5)

# %% [markdown]
# It does: the convolution takes several times as long. It has nine times the multiply-adds; the clock also
# counts moving the numbers, so that the two ratios differ.
#
# How much do small windows and shared weights save together? A dense layer with as many outputs as the
# first convolution would connect each of them to each pixel:

# %%
# NBVAL_CHECK_OUTPUT
outputs = 26 * 26 * 32
print(f"dense: {784 * outputs + outputs:,} parameters, convolution: {counted['one convolution'][0][2]}")

# %% [markdown]
# ## 7.5 Checks before the training
#
# The three checks of lecture 3, in the same order. **The first loss** should be near $\ln 10$.

# %%
for name, model in [("one convolution", one), ("two convolutions", two)]:
    first_loss = model.evaluate(x_val[:500], y_val[:500], verbose=0)[0]
    expect(
        first_loss, f"first loss, {name}", always=(2.2, 2.5), because="each class should get about a tenth"
    )
print(f"ln 10 = {np.log(10):.3f}")

# %% [markdown]
# **Ten digits by heart.** A network that cannot do this has a bug.

# %%
ten = [np.flatnonzero(y_train == digit)[0] for digit in range(10)]
two.fit(x_train[ten], y_train[ten], epochs=30, verbose=0, callbacks=[training.progress("ten digits")])
ten_loss, ten_accuracy = two.evaluate(x_train[ten], y_train[ten], verbose=0)

# %%
expect(ten_accuracy, "accuracy on the ten", always=1.0)
expect(ten_loss, "loss on the ten", always=(0, 0.1), because="ten images are few")

# %% [markdown]
# **Shuffled labels.** With 300 images and labels dealt out at random there is nothing to learn, only to
# remember.

# %%
training.set_seeds(0)
dealt = np.random.default_rng(0).permutation(y_train[:300])
control = compiled(convolutional(32, units=100), learning_rate=0.05)
control_history = control.fit(
    x_train[:300], dealt, batch_size=50, epochs=40, verbose=0, callbacks=[training.progress("control")]
)
memorized = control_history.history["accuracy"][-1]
chance = control.evaluate(x_val, y_val, verbose=0)[1]

# %%
expect(memorized, "training accuracy on shuffled labels", always=0.9)
expect(chance, "validation accuracy of the control", digits, mnist=(0.04, 0.2), digits=(0.02, 0.25))

# %% [markdown]
# A convolution shares its weights, and still the network learns 300 random labels by heart: behind the
# convolution stands a dense layer with half a million parameters. The validation is at chance, as it
# must be.
#
# ## 7.6 Train
#
# Both networks, and beside them the dense 512-512 of lecture 3, with the same data, epochs and batches, and
# with the same descent with momentum. Its learning rate rises during the first epoch, then falls along half
# a wave of a cosine. The rise is there because at the full rate the first, large steps can push units so far
# that they never answer again. Rate and rise were chosen on the validation images, and for one convolution.
# Only with one recipe for all do we compare the *layers*, and not two recipes.
#
# > **Predict.** Which of the three ends with the highest *training* accuracy? Which one with the lowest
# > validation loss?


# %%
def train(name, model, epochs=EPOCHS):
    """Train on the training images, look at the validation images, return the history and the seconds."""
    steps = math.ceil(len(x_train) / BATCH_SIZE)
    rise = {"warmup_target": LEARNING_RATE, "warmup_steps": steps}
    compiled(model, keras.optimizers.schedules.CosineDecay(0.0, (epochs - 1) * steps, **rise))
    bar = training.progress(name)
    watch = {"validation_data": (x_val, y_val), "verbose": 0, "callbacks": [bar]}
    history = model.fit(x_train, y_train, batch_size=BATCH_SIZE, epochs=epochs, **watch)
    return history, bar.seconds


def dense(*units):
    """The network of lecture 3."""
    hidden = [keras.layers.Dense(width, activation="relu") for width in units]
    inputs = [keras.Input((28, 28, 1)), keras.layers.Flatten()]
    return keras.Sequential([*inputs, *hidden, keras.layers.Dense(10)])


# %%
builders = {
    "dense 512-512": lambda: dense(512, 512),
    "one convolution": lambda: convolutional(32, units=100),
    "two convolutions": lambda: convolutional(32, 64, units=128),
}
models, histories, seconds = {}, {}, {}
for name, build in builders.items():
    training.set_seeds(0)
    models[name] = build()
    histories[name], seconds[name] = train(name, models[name])

# %%
for name, history in histories.items():
    expect(history.history["val_accuracy"][0], f"validation accuracy after one epoch, {name}", always=0.5)
assert models["one convolution"].count_params() == 542_230
assert models["two convolutions"].count_params() == 1_199_882

# %%
plots.show(
    plots.training_curves(histories),
    alt="Loss and accuracy over the epochs for the three networks, training solid, validation dashed. All "
    "training curves run towards a loss of zero and 100 %; the validation curves level off soon, and some of "
    "the losses may rise again.",
)

# %%
for name, history in histories.items():
    curves = history.history
    print(
        f"{name:17s} training {curves['accuracy'][-1]:.3f}, validation {curves['val_accuracy'][-1]:.3f}, "
        f"validation loss {curves['val_loss'][-1]:.3f}"
    )
    expect(curves["accuracy"][-1], f"training accuracy, {name}", always=0.97)
ends = [history.history["accuracy"][-1] for history in histories.values()]
expect(max(ends) - ends[0], "what the dense network lacks in training accuracy", always=(0, 0.01))

# %% [markdown]
# On the images that they were trained with, all three are nearly perfect, with convolution or without.
# **Convolution does not help to remember.** What differs is what the networks make of images that they have
# not seen: the dashed curves. And compare the last two columns: the lowest validation *loss* need not belong
# to the highest accuracy, because the loss also counts how sure a network is of its mistakes (lecture 5).
#
# ## 7.7 The test data report, once
#
# Nothing is left to choose: the networks and the settings were fixed before. Now the test data.


# %%
def answers_of(model, images):
    """The class with the largest logit."""
    return model.predict(images, batch_size=500, verbose=0).argmax(axis=1)


answers = {name: answers_of(model, x_test) for name, model in models.items()}
right = {name: answer == y_test for name, answer in answers.items()}
accuracy = {name: float(hits.mean()) for name, hits in right.items()}

# %%
expect(accuracy["dense 512-512"], "test accuracy, dense 512-512", digits, mnist=0.978, digits=0.93)
expect(accuracy["one convolution"], "test accuracy, one convolution", digits, mnist=0.986, digits=0.935)
expect(accuracy["two convolutions"], "test accuracy, two convolutions", digits, mnist=0.989, digits=0.955)

# %%
gain = accuracy["two convolutions"] - accuracy["dense 512-512"]
expect(gain, "what two convolutions gain over the dense network", digits, mnist=0.002, digits=0.005)

# %%
deck = {"one convolution": 0.987, "two convolutions": 0.990}
for name, reported in deck.items():
    scoreboard.record(
        name,
        digits,
        lecture="07_mnist_cnn",
        parameters=models[name].count_params(),
        epochs=EPOCHS,
        seconds=seconds[name],
        accuracy=accuracy[name],
        deck=reported,
    )
board = scoreboard.table(source=digits.source.name)
assert len(board) >= len(deck)
board

# %% [markdown]
# If you have run lecture 3, its networks stand above ours. The column *deck %* is what the slides report
# for MNIST: batches of 32, descent with momentum (rate 0.01, momentum 0.9), all 60,000 images. Ours has the
# same momentum, but batches of 64, a rate that rises to 0.1 and falls, and fewer images. As in
# lecture 3, the figures stand side by side, and come from different experiments.
#
# > **Erratum.** The slides' code says `epochs=10`; the log beside the larger network ends with *Epoch
# > 15/15*. And once more the test data are given to `fit` as validation data. What did the first slip
# > change, and how precise are the two figures?

# %%
# NBVAL_CHECK_OUTPUT
steps = math.ceil(60_000 / 32)
print(f"10 epochs are {10 * steps:,} steps of descent, 15 epochs are {15 * steps:,}")
logged = {"one convolution": 0.9874, "two convolutions": 0.9903}
errors = {name: math.sqrt(p * (1 - p) / 10_000) for name, p in logged.items()}
for name, p in logged.items():
    print(f"{name}: {p:.2%} ± {errors[name]:.2%}")
gap = logged["two convolutions"] - logged["one convolution"]
print(f"the difference, {gap:.2%}, is {gap / math.hypot(*errors.values()):.1f} standard errors")

# %% [markdown]
# Half as many steps again: part of what the slides credit to the second convolution may be owed to the
# longer training. The difference is about two standard errors, which is not nothing, and not proof. What
# validating on the test data adds was measured in lecture 3: little, and always in one's favor.
#
# ### One against two, on the same images
#
# Our networks had the same epochs. And they answered the *same* test images, so that lecture 5's sharper
# comparison applies. McNemar's test looks only at the images on which exactly one of the two is right. If
# the networks were equally good, each of these images would be the toss of a fair coin.


# %%
def mcnemar(first, second):
    """Return how often only the first is right, how often only the second, and the exact p-value."""
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    tosses, fewer = only_first + only_second, min(only_first, only_second)
    as_uneven = 2 * sum(math.comb(tosses, k) for k in range(fewer + 1)) / 2**tosses
    return only_first, only_second, min(1.0, as_uneven)


np.testing.assert_allclose(
    mcnemar(np.arange(30) > 8, np.arange(30) < 25)[2], scipy.stats.binomtest(5, 14).pvalue
)

# %%
names = list(right)
for first_name, second_name in [(names[0], names[1]), (names[1], names[2]), (names[0], names[2])]:
    n, m, p = mcnemar(right[first_name], right[second_name])
    print(f"only {first_name}: {n}, only {second_name}: {m}, p = {p:.2g}")

# %%
p_values = [mcnemar(right[names[0]], right[name])[2] for name in names[1:]]
expect(p_values[1], "p, dense against two convolutions", digits, mnist=(0, 0.05), digits=(0, 1))

# %% [markdown]
# $p$ answers this question: if there were no difference, how often would the coins fall as unevenly as
# here, or more? Below one in twenty, people usually stop speaking of luck. MNIST has ten thousand test
# images; the embedded digits have so few that even a real difference can hide. For comparison, the standard
# errors of each figure alone:

# %%
for name, p in accuracy.items():
    print(f"{name:17s} {p:.2%} ± {math.sqrt(p * (1 - p) / len(y_test)):.2%}")

# %% [markdown]
# On the same images the networks share many of their mistakes, which is why McNemar's test can see smaller
# differences than these intervals can. (Three comparisons also give luck three chances.) All this is the
# luck of the test images.
#
# On MNIST both convolutional networks beat the dense one beyond luck. Between one convolution and two, our
# run decided nothing. But McNemar compares two trained networks, not two recipes (lecture 5): the luck of
# the *seed* comes on top. So both were trained with three other seeds, once, outside this lecture, on the
# real MNIST:

# %%
for name, reported in deck.items():
    shares = scoreboard.over_seeds(name)
    print(f"{name:17s} {', '.join(f'{share:.2%}' for share in shares)}; the slides {reported:.1%}")
smaller, larger = (scoreboard.over_seeds(name) for name in deck)
expect(larger[0] - smaller[-1], "worst of two convolutions less best of one", always=0.0)

# %% [markdown]
# There the worst of the larger networks is ahead of the best of the smaller ones: by a tenth of a percent or
# so, which a single run can turn around, as ours did. Looking at neighborhoods pays; to look twice pays a
# little more. What it costs is time:

# %%
for name in builders:
    print(f"{name:17s} trained {seconds[name] / seconds['dense 512-512']:.1f} times as long as the dense one")
expect(seconds["two convolutions"] / seconds["dense 512-512"], "two against dense, in time", always=1.5)

# %% [markdown]
# ## 7.8 What the filters look for
#
# The first convolution has 32 filters of 3 × 3 weights. We can draw them all.

# %%
kernel = models["two convolutions"].get_weights()[0]  # (3, 3, 1, 32)
plots.show(
    plots.weights(np.moveaxis(kernel[:, :, 0], -1, 0), titles=range(32), columns=8),
    alt="Thirty-two filters of three by three weights, positive blue, negative vermilion. In some one "
    "side is positive and the other negative; others show no order that the eye would name.",
)

# %% [markdown]
# It is tempting to name them: an edge here, a corner there. Lecture 6 showed what a named filter looks
# like. Let us measure instead of naming. Each filter of nine weights is the sum of three parts: its mean
# (a *blur*), its slope in the two directions (an *edge*), and the rest. In a random filter the shares of
# the squared length are 1/9, 2/9 and 6/9. Did training change them?


# %%
def parts_of(kernel):
    """The shares of blur, edge and rest in the squared length of filters: (3, 3, n) to (3, n)."""
    rows, columns = np.mgrid[-1:2, -1:2].reshape(2, 9)
    basis = np.stack([np.ones(9) / 3, rows / np.sqrt(6), columns / np.sqrt(6)])  # orthonormal
    flat = kernel.reshape(9, -1) / np.linalg.norm(kernel.reshape(9, -1), axis=0)
    blur, *edges = (basis @ flat) ** 2
    return np.stack([blur, sum(edges), 1 - blur - sum(edges)])


training.set_seeds(0)
at_start = convolutional(32, 64, units=128).get_weights()[0]
random_filters = np.random.default_rng(0).normal(size=(3, 3, 10_000))
np.testing.assert_allclose(parts_of(random_filters).mean(axis=1), [1 / 9, 2 / 9, 6 / 9], atol=0.01)
for name, filters in [("at the start", at_start), ("after training", kernel)]:
    shares = parts_of(filters[:, :, 0])
    print("{}: blur {:.0%}, edge {:.0%}, rest {:.0%}".format(name, *shares.mean(axis=1)), end="; ")
    print(f"edge from {shares[1].min():.0%} to {shares[1].max():.0%}")

# %%
edge_before, edge_after = (parts_of(filters[:, :, 0])[1] for filters in (at_start, kernel))
ratio = edge_after.mean() / edge_before.mean()
expect(edge_before.mean(), "share of edges before the training", always=(0.12, 0.34))
expect(ratio, "share of edges after training, divided by that before", digits, mnist=1.3, digits=1.3)
expect(np.ptp(edge_after), "largest less smallest share of edges in a filter", always=0.5)

# %% [markdown]
# At the start the shares are near those of chance. Afterwards edges have gained at the expense of the
# rest: nobody told the network what an edge is, and **training moved its random filters toward edges**.
# But the filters differ: in some nearly everything is edge, in others nearly nothing. Look at a filter's
# share before you call it an edge detector; the eye finds what it is looking for.
#
# ### What they answer
#
# A feature map is the answer of one filter at every place. A network that ends at an inner layer gives them
# all.

# %%
inner = [layer.output for layer in models["two convolutions"].layers[:3]]
peek = keras.Model(models["two convolutions"].inputs[0], inner)
first_maps, second_maps, pooled = (maps.numpy() for maps in peek(x_test[:1]))
print(first_maps.shape, second_maps.shape, pooled.shape)

# %%
plots.show(
    plots.feature_maps(first_maps[0], title="after the first convolution", size=0.8),
    alt="The thirty-two feature maps of the first convolution for one digit, 26 by 26 pixels each: the digit "
    "can be recognized in most of them, as an outline, from one side, or filled; some are dark.",
)

# %%
plots.show(
    plots.feature_maps(pooled[0][..., :32], title="32 of the 64 maps after the pooling", size=0.8),
    alt="Thirty-two of the sixty-four feature maps after the second convolution and the pooling, 12 by 12 "
    "pixels each: coarser, and bright only along some strokes of the digit.",
)

# %% [markdown]
# In the first maps you still read the digit. After the second convolution and the pooling a map is bright
# only where *its* kind of stroke is. How many are silent?

# %%
for name, maps in [("first convolution", first_maps), ("second convolution", second_maps)]:
    silent = np.sum(maps[0].max(axis=(0, 1)) == 0)
    print(f"{name}: {silent} of {maps.shape[-1]} maps silent, {np.mean(maps == 0):.0%} of all answers zero")

# %% [markdown]
# ### Move the digit, and the maps move along
#
# > **Predict.** The digit moves two pixels to the right. What happens to the feature maps of the first
# > convolution, and what to the maps after the pooling? And if it moves one pixel?


# %%
def maps_of(image):
    """The maps after the second convolution, and after the pooling."""
    return [maps.numpy()[0] for maps in peek(image[np.newaxis])[1:]]


maps, pools = maps_of(x_test[0])
maps_2, pools_2 = maps_of(np.roll(x_test[0], 2, axis=1))
np.testing.assert_allclose(maps_2[:, 2:], maps[:, :-2], atol=1e-4)  # two pixels to the right
np.testing.assert_allclose(pools_2[:, 1:], pools[:, :-1], atol=1e-4)  # two pixels are one place here
print("moved by two: the same maps, two places further on; after the pooling one place further on")

# %% [markdown]
# And one pixel? The change is the sum of the absolute differences, divided by the sum of the maps.

# %%
changes = []
for image in x_test[:20]:
    before, after = maps_of(image), maps_of(np.roll(image, 1, axis=1))
    changes.append([np.abs(b - a).sum() / a.sum() for a, b in zip(before, after, strict=True)])
unpooled, pooled_too = np.mean(changes, axis=0)
print(f"moved by one pixel, the maps change by {unpooled:.0%}, and after the pooling by {pooled_too:.0%}")

# %%
expect(pooled_too / unpooled, "what pooling leaves of the change", always=(0.3, 0.95))

# %% [markdown]
# A convolution is **equivariant**: move the image, and the answer moves along, otherwise unchanged.
# Pooling makes the answer a little **invariant**: after a move by one pixel the pooled maps have changed
# less than the maps before the pooling, but they *have* changed, and not by little. And what comes next?
# `Flatten`, and a dense layer that has other weights for each place. Keep that in mind for 7.10.
#
# ## 7.9 The mistakes
#
# The report stands; we look at what went wrong. How many of the mistakes do the three networks share?

# %%
wrong = {name: ~hits for name, hits in right.items()}
all_wrong = np.logical_and.reduce(list(wrong.values()))
for name, misses in wrong.items():
    print(f"{name:17s} {misses.sum():4d} wrong, of these {all_wrong.sum()} wrong in all three")

# %% [markdown]
# Which digits are mixed up?

# %%
mixed = np.zeros((10, 10), int)
np.add.at(mixed, (y_test, answers["two convolutions"]), 1)
np.fill_diagonal(mixed, 0)
pairs = sorted(((mixed[a, b] + mixed[b, a], b, a) for a in range(10) for b in range(a)), reverse=True)
for number, a, b in pairs[:3]:
    print(f"{a} and {b}: mixed up {number} times")
assert mixed.sum() == wrong["two convolutions"].sum()

# %% [markdown]
# And the mistakes with the greatest certainty, each titled truth → answer:

# %%
logits = models["two convolutions"].predict(x_test, batch_size=500, verbose=0).astype("float64")
probabilities = keras.ops.softmax(logits).numpy()
misses = np.flatnonzero(wrong["two convolutions"])
worst = misses[np.argsort(-probabilities[misses, answers["two convolutions"][misses]])][:16]
titles = [f"{y_test[i]} → {answers['two convolutions'][i]}" for i in worst]

plots.show(
    plots.image_grid(digits.x_test[worst], titles=titles, columns=8),
    alt="The test digits, sixteen at most, that the network with two convolutions got wrong with the "
    "greatest certainty, each titled with the truth and the answer. Several could be misread by a person.",
)

# %% [markdown]
# Over some of them two people could disagree; others are plain to us, and the network has no excuse. Was it
# at least near? We count an answer as right if the truth is among the first two choices (*top-2 accuracy*):

# %%
order = np.argsort(-logits, axis=1)
top_two = np.mean((order[:, :2] == y_test[:, np.newaxis]).any(axis=1))
print(f"right with the first choice: {accuracy['two convolutions']:.2%}, with the first two: {top_two:.2%}")
expect(top_two - accuracy["two convolutions"], "what a second guess adds", digits, mnist=0.002, digits=0.005)

# %% [markdown]
# ## 7.10 Moved digits again
#
# In lecture 3 a shift by four pixels left the dense network helpless. Convolution shares its weights over
# all places, and pooling forgives a pixel. Does that settle it?
#
# > **Predict.** Draw three curves: the accuracy of the dense network, of one, and of two convolutions,
# > when all digits are moved to the right by 0, 1, … 8 pixels.
#
# A fourth network joins. It has three convolutions with padding, and no `Flatten` and no large dense layer
# behind them, but **global pooling**: of each feature map only the largest answer is kept, wherever it is.
# Such a network hardly knows *where* anything is. (It differs from the others in more than the pooling; the
# comparison with one line changed is in 6.12.)


# %%
def without_places(*filters):
    """Convolutions with pooling between them, and at the end the largest answer of each map."""
    layers = []
    for number in filters:
        layers.append(keras.layers.Conv2D(number, 3, padding="same", activation="relu"))
        layers.append(keras.layers.MaxPooling2D(2))
    head = [keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(10)]
    return keras.Sequential([keras.Input((28, 28, 1)), *layers[:-1], *head])


# %% [markdown]
# It is trained with Adam: with the recipe of the others it learned nothing on the embedded digits.

# %%
training.set_seeds(0)
models["global pooling"] = pooling = without_places(16, 32, 64)
falling = keras.optimizers.schedules.CosineDecay(0.001, EPOCHS * math.ceil(len(x_train) / BATCH_SIZE))
pooling.compile(keras.optimizers.Adam(falling), two.loss, metrics=["accuracy"])
bar = training.progress("global pooling")
pooling.fit(x_train, y_train, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0, callbacks=[bar])
assert models["global pooling"].count_params() == 23_946  # 160 + 4,640 + 18,496 + 650

# %% [markdown]
# We move up to 500 of the test images. The report stands, and nothing is chosen by them: from here on we only
# look.

# %%
some, some_labels = x_test[:500], y_test[:500]
shifts = range(9)
moved = {k: np.array([ndimage.shift(image, (0, k, 0), order=0) for image in some]) for k in shifts}
after_shift = {
    name: [float(np.mean(answers_of(model, moved[k]) == some_labels)) for k in shifts]
    for name, model in models.items()
}

# %%
figure, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
for (name, shares), marker in zip(after_shift.items(), "os^D", strict=True):
    axes.plot(shifts, shares, marker=marker, label=name)
axes.set(xlabel="shift to the right in pixels", ylabel=f"accuracy on {len(some)} test images", ylim=(0, 1.02))
axes.legend()
plots.show(
    figure,
    alt="Accuracy against the shift, from 0 to 8 pixels, for four networks. The dense network and those "
    "with one and two convolutions fall steeply after a pixel or two; the one with global pooling stays "
    "nearly where it is.",
)

# %%
for name, shares in after_shift.items():
    print(f"{name:17s} " + "  ".join(f"{share:4.0%}" for share in shares))

# %%
for name in builders:
    expect(after_shift[name][6], f"accuracy after a shift of 6 pixels, {name}", always=(0, 0.6))
kept = after_shift["global pooling"][4] - after_shift["two convolutions"][4]
expect(after_shift["global pooling"][4], "after 4 pixels, global pooling", digits, mnist=0.85, digits=0.9)
expect(kept, "what global pooling gains over two convolutions", digits, mnist=0.05, digits=0.2)

# %% [markdown]
# Convolution alone does not settle it. The networks with `Flatten` fall like the dense one, a little later:
# the feature maps move along with the digit, and then arrive at a dense layer whose weights were learned
# for other places. **Sharing weights makes the maps equivariant; pooling over all places makes the network
# invariant.** The fourth network pools over all places, and notices the shift far less, with a fiftieth of
# the parameters. (In lecture 6 such a network lost more. It had no padding, so that two columns were seen
# by no unit, and fewer images. And from about five pixels on, some digits lose a part at the border.)
#
# > **Pitfall: invariance is not free.** A network that cannot know where things are cannot use it either.
# > Ours still tells a 6 from a 9, because its last filters see most of the image; but it could not say in
# > which corner a digit stands. Ask first whether the place matters in your problem. If it does not, there
# > is another way, too: show the network moved digits (lecture 10).
#
# ## What we measured

# %%
for name, shares in after_shift.items():
    print(f"{name:17s} {shares[0]:.1%} of {len(some)} as they are, {shares[4]:.1%} moved by 4 pixels")
board

# %% [markdown]
# ## Recap
#
# - A convolutional network is windows times filters, ReLU, pooling, and a dense network behind it.
#   Without the ReLU between them, two convolutions are one.
# - In the larger network the parameters are in the dense layer behind the pooling, and the work is in the
#   second convolution.
# - All networks know their training images by heart; they differ in what they make of others. Two
#   convolutions beat the dense network there, and take longer.
# - Two networks on the same test images are compared by the images on which they differ.
# - Filters start random, and training moves them toward edges. Measure before you name them.
# - Convolution is equivariant, pooling makes a little invariant, global pooling a lot.
#
# ## Try it yourself
#
# The [exercise of this lecture](exercises/07_mnist_cnn.ipynb) has tasks that tell you at once whether you
# are right, with a hint where you are not. And three more to play with, without a check:
#
# 1. Freeze the first convolution at its random filters (`layer.trainable = False` before compiling). How
#    much is lost? What does that say about the beauty of learned filters?
# 2. Put a second pooling between the two convolutions. Count again: what happens to the work, what to the
#    parameters, and what to the validation accuracy?
# 3. Replace the global maximum in 7.10 by the global average. Which of the two would you take for digits of
#    different size?
#
# ## Further reading
#
# - *Gradient-based learning applied to document recognition*, Y. LeCun, L. Bottou, Y. Bengio, P.
#   Haffner, 1998.
# - *Neocognitron: a self-organizing neural network model for a mechanism of pattern recognition
#   unaffected by shift in position*, K. Fukushima, 1980.
# - *Visualizing and understanding convolutional networks*, M. Zeiler, R. Fergus, 2014.
# - *Network in network*, M. Lin, Q. Chen, S. Yan, 2014 (pooling over the whole map).
# - *Making convolutional networks shift-invariant again*, R. Zhang, 2019.
# - *Note on the sampling error of the difference between correlated proportions or percentages*,
#   Q. McNemar, 1947.
