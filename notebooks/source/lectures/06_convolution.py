# %% [markdown]
# # 6 · Convolution
#
# In lecture 3 every pixel had weights of its own. Move a digit by four pixels, and the network was lost: the
# strokes met other weights. **What if one small set of weights looked at every
# place in turn?** That is a convolution. It saves nearly all weights, and it builds in an assumption about
# images. We do it with a pencil, with loops, with Keras, forwards and backwards, and at the end we break the
# assumption to see what it was worth.
#
# **You will be able to**
#
# - compute the output of a convolution layer by hand: channels, filters, stride, padding, bias;
# - predict output size and number of weights of any such layer, and of pooling;
# - write the forward and the backward pass, and show that they equal the framework's;
# - say how far a unit deep in a network can see;
# - say what pooling buys and what it costs, and measure it.
#
# **Time:** 70 minutes to read, one minute to run. **Builds on:** lectures 1 to 3.

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage, signal
from sklearn.neighbors import KNeighborsClassifier

from lecture_utils import datasets, plots, training, widgets
from lecture_utils.checks import expect

training.quiet_tensorflow()
import keras
import tensorflow as tf

# %% [markdown]
# ## 6.1 Why not dense?
#
# > **Predict.** An image of 100 × 100 pixels, gray, and a dense layer of 1,000 units. How many weights? And
# > how many for a photograph of 640 × 427 pixels in color?

# %%
# NBVAL_CHECK_OUTPUT
dense = keras.Sequential([keras.Input((100, 100, 1)), keras.layers.Flatten(), keras.layers.Dense(1000)])
print(f"100 x 100 pixels, 1,000 units: {dense.count_params() - 1000:,} weights, 1,000 biases")

in_photograph = 640 * 427 * 3 * 1000
print(f"a photograph, 1,000 units: {in_photograph:,} weights")
print(f"with 4 bytes each, {4 * in_photograph / 1e9:.1f} GB of memory")

# %% [markdown]
# Ten million for a small picture: the slides behind this course have the same figure. It is not only the
# memory. Each weight must be learned from examples, and a stroke that was learned in one corner is not known
# in another: its pixels there have other weights.
#
# Two observations about images help. What belongs together is close together, so that a unit may look at a
# small **window**. And what is worth seeing in one place is worth seeing in every other, so that all windows
# may share the *same* weights. A layer with 1,000 such sets of weights, each for a window of 3 × 3:

# %%
# NBVAL_CHECK_OUTPUT
shared = keras.Sequential([keras.Input((100, 100, 1)), keras.layers.Conv2D(1000, 3)])
print(f"{shared.count_params() - 1000:,} weights, 1,000 biases")

# %% [markdown]
# About a thousandth of the weights, whatever the size of the picture. Now let us see what such a layer
# computes.
#
# ## 6.2 A filter slides
#
# The window's weights are called a **filter** or **kernel**. Lay it on the image, multiply each weight by the
# pixel below it, add up: that is one number of the output. Then move on by one pixel.
#
# > **Predict.** The slides' image has 5 × 5 pixels. Its upper left corner is 1 1 1 / 0 1 1 / 0 0 1, and the
# > kernel is 1 0 1 / 0 1 0 / 1 0 1. Which number comes out there?

# %%
image = np.array([[int(pixel) for pixel in row] for row in ["11100", "01110", "00111", "00110", "01100"]])
kernel = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])


# %%
# NBVAL_CHECK_OUTPUT
def slide(image, kernel):
    """Lay the kernel on each place of the image where it fits, multiply and add up."""
    n = len(kernel)
    rows, columns = len(image) - n + 1, len(image[0]) - n + 1
    output = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            output[i, j] = np.sum(image[i : i + n, j : j + n] * kernel)
    return output


print(slide(image, kernel))

# %% [markdown]
# The first number is 4, as on the slides: of the five ones of the kernel, four lie on ones. Among windows
# of equal brightness, the output is large where the image looks like the kernel. Here is the filter in slow
# motion. The rings are the ones of the kernel: count the ones of the image inside them.


# %%
def draw_numbers(panel, numbers, box=None, title="", largest=None):
    """A matrix with its numbers written in, nan left empty, and a frame (top, left, size) around a window."""
    largest = largest or np.nanmax(np.abs(numbers))
    panel.imshow(numbers, cmap=plots.DIVERGING, vmin=-2.5 * largest, vmax=2.5 * largest)
    for (i, j), number in np.ndenumerate(numbers):
        if not np.isnan(number):
            panel.text(j, i, f"{number:.0f}".replace("-", "−"), ha="center", va="center")
    if box:
        top, left, size = box
        frame = plt.Rectangle((left - 0.5, top - 0.5), size, size, fill=False, linewidth=3)
        frame.set_edgecolor(plots.PALETTE[1])
        panel.add_patch(frame)
    panel.set_title(title.replace("-", "−"))
    panel.axis("off")


# %%
figure, axes = plt.subplots(2, 6, figsize=(9, 3.6), height_ratios=[5, 3], layout="constrained")
for place, column in zip([0, 1, 2, 3, 5, 8], axes.T, strict=True):
    i, j = divmod(place, 3)
    so_far = np.where(np.arange(9).reshape(3, 3) <= place, slide(image, kernel), np.nan)
    draw_numbers(column[0], image, (i, j, 3), f"place {place + 1}", largest=2)
    u, v = np.nonzero(kernel)  # a ring where the kernel has a one
    column[0].scatter(j + v, i + u, s=190, facecolors="none", edgecolors=plots.PALETTE[1])
    draw_numbers(column[1], so_far, (i, j, 1), largest=4)
plots.show(
    figure,
    alt="A filter in slow motion, six still panels. Above, the image of 5 by 5 numbers with a frame of 3 by "
    "3 that moves from the upper left corner to the right, then row by row to the lower right corner, with "
    "five rings in it, in its corners and its middle, where the kernel has a one. Below, "
    "the output of 3 by 3 numbers, filled up to that place: 4, 3, 4, then 2, 4, 3, then 2, 3, 4.",
)

# %% [markdown]
# 3 × 3 numbers come out of 5 × 5: a window of three fits three times next to each other. We come back to
# that.
#
# ## 6.3 Edges in a photograph
#
# What is a filter good for? Take one with negative weights on the left, positive ones on the right, and a
# sum of zero. On a plain surface it gives nothing. It answers where the right side differs from the left:
# to a **vertical edge**. Turned by 90°, it sees horizontal ones. (The weights 1, 2, 1 average over three
# rows, against noise. They are known as the Sobel operator.)

# %%
# NBVAL_CHECK_OUTPUT
vertical = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
horizontal = vertical.T
step = np.zeros((5, 8))
step[:, 4:] = 1  # dark on the left, bright on the right
print("vertical edges:  ", slide(step, vertical)[0])
print("horizontal edges:", slide(step, horizontal)[0])

# %% [markdown]
# Four where the window has both sides in it, zero elsewhere, and the other filter sees nothing. Now a real
# photograph, averaged to gray.

# %%
photographs = datasets.photographs()
photograph = photographs.images["china"].mean(axis=2) / 255  # (height, width), 0 to 1

# %% [markdown]
# It has more than 270,000 places. A Python loop over them is slow; a loop over the nine *weights* is fast.
# Each weight multiplies a shifted copy of the whole image, and the nine products are added. The sum is the
# same, in another order.


# %%
def slide_fast(image, kernel):
    """The same as slide(), with the loops over the weights in place of the loops over the places."""
    n = len(kernel)
    rows, columns = len(image) - n + 1, len(image[0]) - n + 1
    return sum(kernel[u, v] * image[u : u + rows, v : v + columns] for u in range(n) for v in range(n))


np.testing.assert_allclose(slide_fast(image, kernel), slide(image, kernel))
corner = photograph[:40, :60]
np.testing.assert_allclose(slide_fast(corner, vertical), slide(corner, vertical), atol=1e-12)

# %%
edges = {"vertical": slide_fast(photograph, vertical), "horizontal": slide_fast(photograph, horizontal)}
strength = np.hypot(edges["vertical"], edges["horizontal"])
np.testing.assert_allclose(edges["vertical"], ndimage.sobel(photograph, axis=1)[1:-1, 1:-1], atol=1e-12)
np.testing.assert_allclose(edges["horizontal"], ndimage.sobel(photograph, axis=0)[1:-1, 1:-1], atol=1e-12)

# %% [markdown]
# In the two lower panels blue is where it becomes brighter to the right (or downwards), vermilion where it
# becomes darker.

# %%
figure, axes = plt.subplots(2, 2, figsize=(9, 6.2), layout="constrained")
axes[0, 0].imshow(photograph, cmap="gray")
axes[0, 1].imshow(strength, cmap="gray_r", vmax=2.5)
axes[1, 0].imshow(edges["vertical"], cmap=plots.DIVERGING, vmin=-2, vmax=2)
axes[1, 1].imshow(edges["horizontal"], cmap=plots.DIVERGING, vmin=-2, vmax=2)
titles = ["the photograph", "strength of the edges", "vertical edges", "horizontal edges"]
for panel, title in zip(axes.flat, titles, strict=True):
    panel.set_title(title)
    panel.axis("off")
plots.show(
    figure,
    alt="A photograph of a Chinese temple in gray, and three pictures computed from it: the strength of its "
    "edges as dark lines on white, its vertical edges, where posts stand out in pairs of blue and "
    "vermilion, and its horizontal edges, where roof lines and beams stand out.",
)

# %% [markdown]
# Two filters of nine weights, and a drawing of the temple. A bright post has one side of each color. Nobody
# trained anything here. People designed such filters for decades; a convolutional network *learns* them.
#
# > **Pitfall: pixels as bytes.** Images come as whole numbers from 0 to 255 in a single byte. A byte knows no
# > negative numbers. Subtract two neighbors without converting, and the difference wraps around:

# %%
# NBVAL_CHECK_OUTPUT
bytes_in_a_row = np.array([200, 190, 190], dtype=np.uint8)
print("as bytes: ", bytes_in_a_row[1:] - bytes_in_a_row[:-1])
print("as floats:", bytes_in_a_row[1:].astype(float) - bytes_in_a_row[:-1])

# %% [markdown]
# A small step down has become a huge step up. No error, no warning.
#
# ## 6.4 Is this a convolution?
#
# Mathematicians would object. In their convolution the kernel is **flipped**, up-down and left-right, before
# it is laid on the image. What we did is a **cross-correlation**. SciPy has both:

# %%
np.testing.assert_allclose(slide(step, vertical), signal.correlate2d(step, vertical, mode="valid"))
flipped = vertical[::-1, ::-1]
np.testing.assert_allclose(slide(step, flipped), signal.convolve2d(step, vertical, mode="valid"))

# %% [markdown]
# And which of the two does Keras' layer compute? `Conv2D` wants a batch, `(batch, height, width, channels)`,
# and a kernel of shape `(height, width, channels in, filters)`. Ours has one channel and one filter.


# %%
def keras_layer(x, kernels, biases, **settings):
    """The output of Keras' layer for one image (height, width, channels), with given weights."""
    layer = keras.layers.Conv2D(kernels.shape[-1], kernels.shape[0], **settings)
    layer.build((None, *x.shape))
    layer.set_weights([kernels, biases])
    return layer(x[None].astype("float32"))[0].numpy()


# %%
# NBVAL_CHECK_OUTPUT
by_keras = keras_layer(step[:, :, None], vertical[:, :, None, None], np.zeros(1))[:, :, 0]
print("Keras:            ", by_keras[0])
print("cross-correlation:", slide(step, vertical)[0])
print("convolution:      ", slide(step, flipped)[0])
np.testing.assert_allclose(by_keras, slide(step, vertical), atol=1e-5)

# %% [markdown]
# Keras correlates. The whole field does, and calls it convolution: where the weights are learned, a flipped
# kernel is as easy to learn as the other. It matters when you bring a kernel from elsewhere: here the sign
# turns over. And the flip will come back by itself in 6.9, in the gradient.
#
# ## 6.5 Volumes: several channels, several filters
#
# A color image has three numbers in each place, a **volume** of height × width × 3. A filter then has three
# slices, one for each channel. All 3 · 3 · 3 products are added into *one* number, and a bias. Each further
# filter gives one more channel of the output. With $K$ filters, and stride $S$ (how far the window moves each
# time):
#
# $$z_{ijk} = b_k + \sum_{u}\sum_{v}\sum_{c} x_{\,iS+u,\;jS+v,\;c}\; w_{uvck}.$$
#
# (All indices begin at 0; $u$ and $v$ run over the $N \times N$ places of the filter.) Three sums for each
# output; three more loops to visit all outputs. Six loops, written out:


# %%
def convolve(x, kernels, biases, stride=1, padding=0):
    """x: (height, width, channels); kernels: (n, n, channels, filters); biases: (filters,)."""
    x = np.pad(x, [(padding, padding), (padding, padding), (0, 0)])
    n, _, channels, filters = kernels.shape
    rows, columns = ((size - n) // stride + 1 for size in x.shape[:2])
    z = np.zeros((rows, columns, filters))
    for i in range(rows):
        for j in range(columns):
            for k in range(filters):
                z[i, j, k] = biases[k]
                for u in range(n):
                    for v in range(n):
                        for c in range(channels):
                            z[i, j, k] += x[i * stride + u, j * stride + v, c] * kernels[u, v, c, k]
    return z


# %% [markdown]
# The slides have an example, from Stanford's course CS231n. An image of 5 × 5 with three channels gets a
# border of zeros, and so becomes 7 × 7 × 3. Two filters of 3 × 3 × 3, biases 1 and 0, stride 2.

# %%
channels = [
    ["00221", "12212", "02121", "22111", "10101"],  # the first channel, row by row
    ["11020", "10110", "22020", "21110", "11211"],
    ["12000", "02100", "10211", "21022", "11220"],
]
core = np.array([[[int(digit) for digit in row] for row in channel] for channel in channels])
core = core.transpose(1, 2, 0).astype(float)  # (height, width, channels)
volume = np.pad(core, [(1, 1), (1, 1), (0, 0)])
print(volume.shape)

# %%
w0 = [[[-1, 0, -1], [0, 0, -1], [0, -1, 1]], [[0, 1, -1], [1, 0, 1], [-1, 1, 0]]]
w0 += [[[1, -1, 1], [-1, -1, 0], [1, 0, 1]]]
w1 = [[[1, 0, 1], [-1, 1, 1], [1, 1, 1]], [[0, -1, 1], [0, 0, 0], [1, 0, 0]]]
w1 += [[[1, 0, -1], [0, 1, 1], [-1, 1, -1]]]
kernels = np.array([w0, w1], dtype=float).transpose(2, 3, 1, 0)  # (height, width, channels, filters)
biases = np.array([1.0, 0.0])
assert kernels.shape == (3, 3, 3, 2)

# %% [markdown]
# > **Predict.** How many numbers come out? Compute the first of them: most of the window lies on the border
# > of zeros, so that only four pixels of each channel count.

# %%
# NBVAL_CHECK_OUTPUT
for c in range(3):
    products = volume[:3, :3, c] * kernels[:, :, c, 0]
    print(f"channel {c}: {products.sum():4.0f}")
total = np.sum(volume[:3, :3] * kernels[..., 0])
print(f"sum {total:.0f}, with the bias {total + biases[0]:.0f}")

# %% [markdown]
# And all eighteen:

# %%
# NBVAL_CHECK_OUTPUT
eighteen = convolve(volume, kernels, biases, stride=2)
print(eighteen.transpose(2, 0, 1).astype(int))

# %%
on_the_slides = [[[5, 2, 0], [4, 2, 0], [-1, 0, -1]], [[4, 8, 3], [7, 11, 4], [3, 7, 4]]]
np.testing.assert_array_equal(eighteen.transpose(2, 0, 1), on_the_slides)
np.testing.assert_array_equal(eighteen, convolve(core, kernels, biases, stride=2, padding=1))
np.testing.assert_allclose(keras_layer(volume, kernels, biases, strides=2), eighteen, atol=1e-5)
np.testing.assert_allclose(keras_layer(core, kernels, biases, strides=2, padding="same"), eighteen, atol=1e-5)

# %% [markdown]
# The slides are right, our loops are right, and Keras gives the same, whether we put the border around the
# image or let the layer do it. Where does each number come from? Move the window:


# %%
def draw_place(place=0, which_filter=0):
    """One step of the example: the window in each channel, the filter's slices, and the output so far."""
    i, j = divmod(place, 3)
    figure, axes = plt.subplots(2, 4, figsize=(9, 4.8), height_ratios=[7, 4.5], layout="constrained")
    window = volume[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
    sums = (window * kernels[..., which_filter]).sum(axis=(0, 1))
    for c in range(3):
        draw_numbers(axes[0, c], volume[..., c], (2 * i, 2 * j, 3), f"channel {c}", largest=2)
        draw_numbers(axes[1, c], kernels[:, :, c, which_filter], title=f"sum {sums[c]:.0f}", largest=1)
    so_far = np.where(np.arange(9).reshape(3, 3) <= place, eighteen[..., which_filter], np.nan)
    draw_numbers(axes[0, 3], so_far, (i, j, 1), f"output {which_filter}", largest=8)
    words = " + ".join(f"({value:.0f})" for value in sums).replace("-", "−")
    axes[1, 3].axis("off")
    axes[1, 3].text(0.5, 0.5, f"{words}\n+ bias {biases[which_filter]:.0f}")
    axes[1, 3].texts[0].set(ha="center", va="center")
    axes[1, 3].set_title(f"together {eighteen[i, j, which_filter]:.0f}".replace("-", "−"))
    return figure


widgets.explore(
    draw_place,
    alt="One step of the example. Above, the three channels of 7 by 7 numbers, each with a frame of 3 by 3 "
    "at the same place, and the output of 3 by 3 numbers, filled up to that place. Below, the three slices "
    "of the filter, each with its sum of products; these and the bias add up to the newest output.",
    still={"place": 4, "which_filter": 0},
    place=(0, 8, 1),
    which_filter=(0, 1, 1),
)

# %% [markdown]
# The example has small whole numbers. Do the loops also hold for others: odd sizes, five filters, other
# strides and borders?

# %%
rng = np.random.default_rng(0)
for n, stride, padding in [(1, 1, 0), (2, 1, 0), (3, 1, 1), (3, 2, 1), (5, 3, 2)]:
    some_x, some_biases = rng.normal(size=(11, 8, 4)), rng.normal(size=5)
    some_kernels = rng.normal(size=(n, n, 4, 5)) / n
    ours = convolve(some_x, some_kernels, some_biases, stride, padding)
    padded = np.pad(some_x, [(padding, padding), (padding, padding), (0, 0)])
    theirs = keras_layer(padded, some_kernels, some_biases, strides=stride)
    np.testing.assert_allclose(theirs, ours, atol=1e-5)
    print(f"{n} x {n}, stride {stride}, padding {padding}: {ours.shape} as in Keras")

# %% [markdown]
# ## 6.6 Output size, padding, stride
#
# How often does a window of $N$ fit into $W$ pixels with a border of $P$ on each side, if it moves by $S$?
# The first window begins at 0, the last one at $W + 2P - N$ at the latest, and in between there is one at
# every multiple of $S$:
#
# $$W_{\text{out}} = \left\lfloor\frac{W - N + 2P}{S}\right\rfloor + 1.$$
#
# (One of the decks leaves out the brackets $\lfloor\ \rfloor$, rounding down. Without them the formula
# holds only when the division leaves no remainder.)


# %%
def output_size(W, N, P=0, S=1):
    """How many windows of N pixels fit into W pixels with a border of P on each side, S pixels apart."""
    return (W - N + 2 * P) // S + 1


# %% [markdown]
# > **Predict.** 28 pixels, a window of 3, no border, stride 1? A window of 5 with stride 2? The volume of the
# > last section?

# %%
# NBVAL_CHECK_OUTPUT
print(output_size(28, 3), output_size(28, 5, S=2), output_size(5, 3, P=1, S=2))

# %% [markdown]
# A formula with a floor in it deserves more than three tests. All combinations of four small ranges, each
# computed by Keras:

# %%
# NBVAL_CHECK_OUTPUT
tried = 0
for W, N, P, S in np.ndindex(13, 6, 3, 4):
    if S > 0 and N > 0 and W > 0 and N <= W + 2 * P:
        bordered = np.zeros((1, W + 2 * P, W + 2 * P, 1), dtype="float32")
        windows = keras.ops.conv(bordered, np.zeros((N, N, 1, 1), dtype="float32"), S, padding="valid")
        assert windows.shape[1] == windows.shape[2] == output_size(W, N, P, S)
        tried += 1
print(f"{tried} combinations, all as predicted")

# %% [markdown]
# **Why padding?** Without it, each layer shaves off a border, and a deep stack runs out of image. With odd
# $N$, $P=(N-1)/2$ and stride 1 the size stays. Keras calls a layer without a border `"valid"`, and this one
# `"same"`.

# %%
# NBVAL_CHECK_OUTPUT
for mode in ["valid", "same"]:
    stack = keras.Sequential([keras.Input((28, 28, 1))])
    sizes = [28]
    for _ in range(13):
        stack.add(keras.layers.Conv2D(1, 3, padding=mode))
        sizes.append(stack.output_shape[1])
    print(f"{mode:5s}", sizes)

# %% [markdown]
# And the pixels at the border are seen less often. In how many of the windows of 3 × 3 does each pixel of a
# 6 × 6 image occur, without a border and with one?

# %%
# NBVAL_CHECK_OUTPUT
for border in [0, 1]:
    seen = np.zeros((6 + 2 * border, 6 + 2 * border), int)
    for i, j in np.ndindex(4 + 2 * border, 4 + 2 * border):
        seen[i : i + 3, j : j + 3] += 1
    seen = seen[border : 6 + border, border : 6 + border]
    print(f"border {border}: corner {seen[0, 0]}, edge {seen[0, 3]}, middle {seen[3, 3]}")

# %% [markdown]
# A corner pixel counts once without a border, and four times with one.
#
# > **Pitfall: the border is made up.** Zeros mean black. A filter that averages over 3 × 3 pixels, on a plain
# > white image, ought to give white everywhere. With `"same"` padding it sees a dark frame that is not there:

# %%
# NBVAL_CHECK_OUTPUT
white, average = np.ones((5, 5, 1)), np.full((3, 3, 1, 1), 1 / 9)
print((9 * convolve(white, average, np.zeros(1), padding=1)[..., 0]).round(), "/ 9")

# %% [markdown]
# Four ninths in the corners. Networks live with it.
#
# > **Pitfall: `"same"` with stride 2.** It then means "$\lceil W/S\rceil$ outputs", and Keras puts *as
# > little* border as that takes, the odd pixel at the bottom and right. The symmetric border of 1 that
# > other frameworks use gives an output of the same size, with other numbers. (With an odd number of
# > pixels, as in 6.5, the two agree for 3 × 3.)

# %%
six = rng.normal(size=(6, 6, 1))
same = keras_layer(six, average, np.zeros(1), strides=2, padding="same")
symmetric = convolve(six, average, np.zeros(1), stride=2, padding=1)
lower_right = convolve(np.pad(six, [(0, 1), (0, 1), (0, 0)]), average, np.zeros(1), stride=2)
assert same.shape == symmetric.shape == (3, 3, 1)
assert np.abs(same - symmetric).max() > 0.05
np.testing.assert_allclose(same, lower_right, atol=1e-5)

# %% [markdown]
# Whoever carries weights from one framework to another meets this one. Nothing crashes, and the numbers are
# wrong.
#
# ## 6.7 How many weights?
#
# $K$ filters of $N \times N$ over $D$ channels have $N \cdot N \cdot D \cdot K$ weights and $K$ biases. The
# size of the image does not appear.
#
# > **Predict.** 32 filters of 3 × 3 on a gray image? 64 filters of 3 × 3 on those 32 channels? 96 filters of
# > 11 × 11 on a color image?

# %%
# NBVAL_CHECK_OUTPUT
for N, D, K in [(3, 1, 32), (3, 32, 64), (11, 3, 96)]:
    counts = []
    for side in [28, 224]:
        model = keras.Sequential([keras.Input((side, side, D)), keras.layers.Conv2D(K, N)])
        counts.append(model.count_params())
    assert counts == [N * N * D * K + K] * 2
    print(f"{N} x {N} x {D}, {K} filters: {counts[0]:,} parameters, at 28 x 28 and at 224 x 224 pixels")

# %% [markdown]
# The first two are the convolutions of the networks in lectures 7 to 9. The third is the first layer of
# AlexNet (Krizhevsky et al., 2012). Few weights do not mean little work, however: every weight is used at
# every place.

# %%
# NBVAL_CHECK_OUTPUT
places = output_size(28, 3) ** 2
print(f"32 filters of 3 x 3 at {places} places: {places * 3 * 3 * 32:,} multiplications, 288 weights")
print(f"a dense layer with 512 units: {784 * 512:,} multiplications, {784 * 512:,} weights")

# %% [markdown]
# ## 6.8 Pooling
#
# After the filter has answered everywhere, we often want to know *whether* it answered, and only roughly
# where. **Pooling** keeps one number of each window: the largest, or the average. The slides' example has
# windows of 2 × 2 and stride 2.

# %%
example = np.array([[2, 3, 1, 9], [4, 7, 3, 5], [8, 2, 2, 2], [1, 3, 4, 5]], dtype=float)


def pool(x, size, stride, choose):
    """Keep one number of each window, for each channel; x: (height, width, channels)."""
    rows, columns = (output_size(side, size, S=stride) for side in x.shape[:2])
    z = np.zeros((rows, columns, x.shape[2]))
    for i, j in np.ndindex(rows, columns):
        window = x[i * stride : i * stride + size, j * stride : j * stride + size]
        z[i, j] = choose(window, axis=(0, 1))
    return z


# %%
# NBVAL_CHECK_OUTPUT
largest = pool(example[..., None], 2, 2, np.max)[..., 0]
mean = pool(example[..., None], 2, 2, np.mean)[..., 0]
print("largest:", largest.ravel(), "  average:", mean.ravel())

# %%
np.testing.assert_array_equal(largest, [[7, 9], [8, 5]])
np.testing.assert_array_equal(mean, [[4, 4.5], [3.5, 3.25]])

# %% [markdown]
# > **Erratum.** The slides print 3.25 twice in the second row of the averages. The lower left window holds 8,
# > 2, 1 and 3, and their average is 3.5.
#
# Pooling is done for each channel alone, has no weights, and its output size is that of 6.6. Against Keras'
# layers, with windows that overlap, too:

# %%
pooled = rng.normal(size=(9, 12, 3))
for size, stride in [(2, 2), (3, 2), (3, 3), (2, 1)]:
    for layer, choose in [(keras.layers.MaxPooling2D, np.max), (keras.layers.AveragePooling2D, np.mean)]:
        theirs = layer(size, strides=stride)(pooled[None].astype("float32"))[0].numpy()
        np.testing.assert_allclose(theirs, pool(pooled, size, stride, choose), atol=1e-5)
assert keras.layers.MaxPooling2D(2).strides == (2, 2)  # the stride is the window's size by default

# %% [markdown]
# ## 6.9 Backwards
#
# To train the layer, we need the gradient of the loss with respect to its kernels, its biases, and its input
# (which is the output of the layer before). Say the layers behind have told us
# $\delta_{ijk} = \partial L / \partial z_{ijk}$. In the formula of 6.5, each $z_{ijk}$ is a sum of products,
# so that each of its factors gets $\delta_{ijk}$ times the other factor:
#
# $$\frac{\partial L}{\partial w_{uvck}} = \sum_{i,j} \delta_{ijk}\, x_{iS+u,\,jS+v,\,c}, \qquad
# \frac{\partial L}{\partial b_k} = \sum_{i,j} \delta_{ijk}, \qquad
# \frac{\partial L}{\partial x_{iS+u,\,jS+v,\,c}} \mathrel{+}= \sum_k \delta_{ijk}\, w_{uvck}.$$
#
# (The last one is an instruction: for every $i, j, u, v$ add this to the pixel's gradient, which begins at
# 0.)
#
# > **Predict.** A dense layer's weight gets one term from each example. How many terms does a filter's weight
# > get?


# %%
def backward(x, kernels, d_z, stride=1):
    """The gradients with respect to kernels, biases and x, from d_z, the one with respect to the output."""
    n = len(kernels)
    d_kernels, d_biases, d_x = np.zeros_like(kernels), np.zeros(kernels.shape[-1]), np.zeros_like(x)
    for i, j, k in np.ndindex(d_z.shape):
        rows, columns = slice(i * stride, i * stride + n), slice(j * stride, j * stride + n)
        d_kernels[..., k] += d_z[i, j, k] * x[rows, columns]
        d_biases[k] += d_z[i, j, k]
        d_x[rows, columns] += d_z[i, j, k] * kernels[..., k]
    return d_kernels, d_biases, d_x


# %% [markdown]
# One term from each *place* where the filter was used, in each image: sharing weights means adding
# gradients. TensorFlow's tape is the judge. The loss is half the squared distance from random targets, so
# that $\delta$ is the difference.


# %%
def by_tape(x, kernels, biases, targets, stride):
    """The same three gradients, by automatic differentiation."""
    parts = [tf.constant(part, "float32") for part in (kernels, biases, x)]
    with tf.GradientTape() as tape:
        tape.watch(parts)
        kernels, biases, x = parts
        z = tf.nn.conv2d(x[None], kernels, stride, "VALID")[0] + biases
        loss = tf.reduce_sum((z - tf.constant(targets, "float32")) ** 2) / 2
    return [gradient.numpy() for gradient in tape.gradient(loss, parts)]


# %%
for stride in [1, 2, 3]:
    x, some_kernels = rng.normal(size=(9, 8, 3)), rng.normal(size=(3, 3, 3, 4)) / 3
    z = convolve(x, some_kernels, np.ones(4), stride)
    targets = z + rng.normal(size=z.shape) / 3
    ours = backward(x, some_kernels, z - targets, stride)
    theirs = by_tape(x, some_kernels, np.ones(4), targets, stride)
    for name, mine, tapes in zip(["kernels", "biases", "input"], ours, theirs, strict=True):
        np.testing.assert_allclose(mine, tapes, rtol=1e-5, atol=1e-5, err_msg=f"stride {stride}, {name}")
print("nine gradients by hand and by the tape: equal to five digits")

# %% [markdown]
# All three agree, for each stride. Now the flip that 6.4 promised. With stride 1, one channel and one filter,
# the gradient that flows back into the image is itself a convolution, with the kernel turned over: a *true*
# one.

# %%
delta, filter_3x3 = rng.normal(size=(6, 6, 1)), rng.normal(size=(3, 3, 1, 1))
into_x = backward(np.zeros((8, 8, 1)), filter_3x3, delta)[2]
true_convolution = signal.convolve2d(delta[..., 0], filter_3x3[..., 0, 0], mode="full")
np.testing.assert_allclose(into_x[..., 0], true_convolution, atol=1e-12)

# %% [markdown]
# ## 6.10 How far a unit can see
#
# One layer of 3 × 3 sees three pixels across. A second layer on top sees three units of the first, and each
# of these sees three pixels. Stack them, and the view widens: it is called the **receptive field**. Each
# layer adds $(N-1)$ times the product of all strides before it:


# %%
def receptive_field(layers):
    """How many pixels across one unit of the last layer sees; layers: (kernel, stride), first to last."""
    field, jump = 1, 1
    for N, S in layers:
        field += (N - 1) * jump
        jump *= S
    return field


# %% [markdown]
# > **Predict.** The slides say that two layers of 3 × 3 often do the work of one of 9 × 9. How far do two
# > see?
#
# We need not believe the formula. A unit sees a pixel if its gradient with respect to that pixel is not
# zero. Positive weights, so that nothing cancels, and a large image of noise. A window of 2 with stride 2
# stands in for the pooling: a maximum would let the gradient through at one of its pixels only.


# %%
def seen_by_the_middle(layers, side=41):
    """The size of the gradient of the unit in the middle with respect to each pixel."""
    x = tf.random.stateless_normal((1, side, side, 1), seed=(0, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        maps = x
        for N, S in layers:
            maps = tf.nn.conv2d(maps, tf.random.stateless_uniform((N, N, 1, 1), (N, S)) + 0.1, S, "VALID")
        middle = maps[0, maps.shape[1] // 2, maps.shape[2] // 2, 0]
    return np.abs(tape.gradient(middle, x)[0, :, :, 0].numpy())


# %%
# NBVAL_CHECK_OUTPUT
stacks = {
    "one 3 x 3": [(3, 1)],
    "two 3 x 3": [(3, 1)] * 2,
    "four 3 x 3": [(3, 1)] * 4,
    "one 9 x 9": [(9, 1)],
    "3 x 3, pooling 2, 3 x 3, pooling 2": [(3, 1), (2, 2), (3, 1), (2, 2)],
}
for name, layers in stacks.items():
    seen = seen_by_the_middle(layers) > 0
    width = seen.any(axis=0).sum()
    assert width == seen.any(axis=1).sum() == receptive_field(layers)
    print(f"{name}: sees {width} x {width} pixels")

# %% [markdown]
# > **Erratum.** Two layers of 3 × 3 see 5 × 5, not 9 × 9. For that it takes four. The advice behind the
# > sentence is sound all the same. With 64 channels in and out:

# %%
# NBVAL_CHECK_OUTPUT
choices = {"two 3 x 3": [3, 3], "one 5 x 5": [5], "four 3 x 3": [3, 3, 3, 3], "one 9 x 9": [9]}
for name, widths in choices.items():
    weights = sum(N * N * 64 * 64 for N in widths)
    print(f"{name:10s} sees {receptive_field([(N, 1) for N in widths])} pixels, {weights:,} weights")

# %% [markdown]
# Fewer than half the weights for the same view of 9 × 9, and three more places for a ReLU. Without those, the
# stack would be in vain. **A failure on purpose:** two convolutions with nothing between them are *one*
# convolution with a kernel of 5 × 5.

# %%
first, second = rng.normal(size=(3, 3, 1, 1)), rng.normal(size=(3, 3, 1, 1))
x, zero = rng.normal(size=(12, 12, 1)), np.zeros(1)
merged = signal.convolve2d(first[..., 0, 0], second[..., 0, 0], mode="full")[..., None, None]
one_layer = convolve(x, merged, zero)
np.testing.assert_allclose(convolve(convolve(x, first, zero), second, zero), one_layer)

# %%
with_relu = convolve(np.maximum(convolve(x, first, zero), 0), second, zero)
changed = np.mean(~np.isclose(with_relu, one_layer))
expect(changed, "share of the outputs that a ReLU in between changes", always=0.9)

# %% [markdown]
# It is lecture 1 again: linear after linear is linear. The ReLU makes it deep.
#
# A last look at what the four layers see. Nonzero is not the same as much (dark is strong; each panel has
# its own scale):

# %%
views = [seen_by_the_middle(stacks[name], side=15) for name in ["two 3 x 3", "four 3 x 3", "one 9 x 9"]]
plots.show(
    plots.image_grid(
        np.stack([view / view.max() for view in views]),
        titles=["two 3 × 3", "four 3 × 3", "one 9 × 9"],
        cmap="gray_r",
        size=2.0,
        columns=3,
    ),
    alt="How strongly the middle unit depends on each of 15 by 15 pixels, in three panels. Two layers: a "
    "blob of 5 by 5. Four layers: a blob of 9 by 9, dark in the middle and nearly white at its rim. One "
    "layer of 9 by 9: a square of random grays with no middle.",
)

# %% [markdown]
# Many paths lead from the middle of the view to the unit, and few from its rim. With weights that nobody has
# trained, a deep unit looks mostly straight ahead (Luo et al., 2016).
#
# ## 6.11 Expand, then pool
#
# Why convolution *and* pooling? Take the smallest task with a position in it. An image of 8 × 8 pixels holds
# one bar, in any row or any column. Is it horizontal or vertical?

# %%
across = np.array([np.outer(np.arange(8) == i, np.ones(8)) for i in range(8)])  # (8 bars, 8, 8)
upright = across.transpose(0, 2, 1)
plots.show(
    plots.image_grid(np.concatenate([across[::2], upright[::2]]), columns=8, vmin=0, vmax=1.5),
    alt="Eight images of 8 by 8 pixels: four with one horizontal bright bar, each in another row, and four "
    "with one vertical bar, each in another column.",
)

# %% [markdown]
# > **Predict.** Can one linear unit, a weight for each of the 64 pixels, tell the eight horizontal bars from
# > the eight vertical ones?

# %%
np.testing.assert_array_equal(across.sum(axis=0), upright.sum(axis=0))
some_weights = rng.normal(size=(1000, 64))
scores = [some_weights @ bars.reshape(8, 64).T for bars in (across, upright)]  # (weights, bars)
np.testing.assert_allclose(scores[0].mean(axis=1), scores[1].mean(axis=1), atol=1e-12)

# %% [markdown]
# It cannot. All horizontal bars together cover each pixel once, and so do all vertical ones. Whatever the
# weights, both kinds have the same *average* score, so that no threshold has all of one kind above it and
# all of the other below. It is XOR again (lecture 1).
#
# Now **expand**: two edge filters, so that each pixel becomes two numbers. Cut off what is negative. Then
# **pool** over the whole image, which forgets *where*.


# %%
def expand_and_pool(image, activation):
    """Two edge maps, an activation, and the sum over all places."""
    maps = [signal.correlate2d(image, filter, mode="full") for filter in (vertical, horizontal)]
    return np.array([activation(edge_map).sum() for edge_map in maps])


def relu(z):
    """Cut off what is negative."""
    return np.maximum(z, 0)


# %%
# NBVAL_CHECK_OUTPUT
for name, bars in {"horizontal": across, "vertical": upright}.items():
    features = {tuple(expand_and_pool(bar, relu).astype(int).tolist()) for bar in bars}
    print(f"the eight {name} bars: (vertical edges, horizontal edges) = {sorted(features)}")

# %% [markdown]
# Eight bars, one answer: whether a bar is in the second row or in the seventh no longer matters, and one
# comparison tells the two kinds apart. No training, no position. And what did the ReLU do?

# %%
# NBVAL_CHECK_OUTPUT
linear = np.array([expand_and_pool(bar, lambda z: z) for bar in [*across, *upright]])
print("without it, the largest of all 32 sums is", np.abs(linear).max())

# %%
assert np.abs(linear).max() == 0
with_it = np.array([expand_and_pool(bar, relu) for bar in [*across, *upright]])
assert np.all((with_it[:, 1] > with_it[:, 0]) == (np.arange(16) < 8))

# %% [markdown]
# Nothing is left. Each bar has one edge where it becomes brighter and one where it becomes darker, and they
# cancel. **Expand, bend, pool**: without the bend, nothing is left to pool.
#
# ### Two words that are easily confused
#
# A convolution alone is **equivariant**: move the image, and the map moves with it. Pooling over everything
# makes it **invariant**: move the image, and nothing changes. A stride is in between.

# %%
random_image = rng.normal(size=(16, 16, 1))
moved = np.roll(random_image, 2, axis=1)
maps, moved_maps = (convolve(each, first, zero) for each in (random_image, moved))
np.testing.assert_allclose(moved_maps[:, 2:], maps[:, :-2])  # equivariant: the map moved by two
framed = np.pad(random_image, [(5, 5), (5, 5), (0, 0)])  # a black margin: nothing leaves, nothing enters
largest = [convolve(each, first, zero).max() for each in (framed, np.roll(framed, 2, axis=1))]
np.testing.assert_allclose(*largest)  # invariant: the largest answer stays the same

# %%
coarse, coarse_moved = (convolve(each, first, zero, stride=2) for each in (random_image, moved))
np.testing.assert_allclose(coarse_moved[:, 1:], coarse[:, :-1])  # two pixels are one step of the stride
by_one = convolve(np.roll(random_image, 1, axis=1), first, zero, stride=2)
assert not any(np.allclose(by_one[:, s:-1], coarse[:, : -1 - s]) for s in range(3))  # one pixel is none

# %% [markdown]
# With stride 2 the map follows a move by two pixels. A move by one gives *other* numbers, those between. The
# same holds for pooling (Zhang, 2019). So how invariant is it in practice? And what does it cost? Digits:

# %%
digits = datasets.mnist()


# %%
def scaled(images):
    """Pixels from 0..255 to 0..1, with one channel: (batch, height, width, 1)."""
    return images.astype("float32")[..., None] / 255


def moved_right(images, pixels):
    """Images moved to the right, black behind them; (batch, height, width, 1)."""
    return np.pad(images, [(0, 0), (0, 0), (pixels, 0), (0, 0)])[:, :, : images.shape[2]]


cut = len(digits.x_train) - digits.validation
few = np.random.default_rng(0).permutation(cut)[:3000]
some_val = cut + np.random.default_rng(1).permutation(digits.validation)[:1000]
x_train, y_train = scaled(digits.x_train[few]), digits.y_train[few]
x_val, y_val = scaled(digits.x_train[some_val]), digits.y_train[some_val]

# %% [markdown]
# 3,000 images to train and 1,000 of the validation part to compare with. The test data stay untouched: this
# lecture chooses no network.
#
# Four edge filters and a ReLU expand each image; then we pool over larger and larger windows.

# %%
directions = np.stack([vertical, -vertical, horizontal, -horizontal], axis=-1)[:, :, None].astype("float32")


def representations(images):
    """The images after each step of expanding and pooling: name -> (batch, numbers)."""
    maps = tf.nn.relu(tf.nn.conv2d(images, directions, 1, "SAME"))
    steps = {"pixels": images, "edges": maps}
    steps |= {f"pooled over {n} × {n}": tf.nn.max_pool2d(maps, n, n, "VALID") for n in (2, 4, 7, 14, 28)}
    return {name: np.asarray(step).reshape(len(images), -1) for name, step in steps.items()}


# %% [markdown]
# For each step, two measurements. How far does an image move in this space when it is shifted by one pixel,
# compared with the distance to another image? Small is invariant. And how often does the nearest training
# image (*not* shifted) have the right label? That is what is left of the content.

# %%
plain = {"train": representations(x_train), "val": representations(x_val)}
shifted = representations(moved_right(x_val, 1))
sensitivity, known = {}, {}
for name, values in plain["val"].items():
    to_itself = np.linalg.norm(shifted[name] - values, axis=1).mean()
    to_another = np.linalg.norm(np.roll(values, 1, axis=0) - values, axis=1).mean()
    sensitivity[name] = to_itself / to_another
    known[name] = KNeighborsClassifier(1).fit(plain["train"][name], y_train).score(values, y_val)
    print(f"{name:20s} {sensitivity[name]:.2f} of the way to another image, {known[name]:.1%} known")

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharey=True)
names = list(sensitivity)[::-1]
axes[0].barh(names, [sensitivity[name] for name in names])
axes[0].set(xlabel="effect of a shift by one pixel", ylabel="representation")
axes[1].barh(names, [known[name] for name in names], color=plots.PALETTE[2])
axes[1].set(xlabel="accuracy of the nearest neighbor", xlim=(0, 1))
plots.show(
    figure,
    alt="Two bar charts over pixels, edges, and edges pooled over windows of 2, 4, 7, 14 and 28 pixels. "
    "Left: the effect of a shift by one pixel becomes smaller as the windows grow, slowly at first, and is "
    "next to nothing at 28. Right: the accuracy of a nearest-neighbor classifier, high for small windows, "
    "lower for larger ones, and little above chance for 28.",
)

# %%
steps = np.diff([sensitivity[name] for name in list(sensitivity)[1:]])  # from "edges" on
expect(steps.max(), "largest change from one window to the next", digits, mnist=(-1, 0), digits=(-1, 0))
expect(sensitivity["pooled over 28 × 28"], "effect of a shift after pooling over all", always=(0, 0.1))
helped = known["pooled over 2 × 2"] - known["edges"]
expect(helped, "accuracy that a little pooling adds", digits, mnist=0.005, digits=0.0)
lost = known["edges"] - known["pooled over 7 × 7"]
expect(lost, "accuracy that pooling over 7 × 7 costs", digits, mnist=0.0, digits=-0.02)
lost = known["edges"] - known["pooled over 28 × 28"]
expect(lost, "accuracy that pooling over everything costs", digits, mnist=0.2, digits=0.2)

# %% [markdown]
# Each larger window makes the image less sensitive, but slowly: a small window has a grid of its own, and
# what leaves one window enters the next. Pooling over everything hardly notices the shift, and hardly knows
# the digit any more: four numbers are left, the strongest edge in each of four directions. **Invariance is
# paid for with information.** (A *little* pooling need not cost: it even helped the nearest neighbor here,
# because it forgives small shifts. From 7 × 7 on it costs.) Networks pay in installments: pool a little,
# expand again with more filters, pool a little more.
#
# ## 6.12 Three networks and a shifted digit
#
# Now with learned filters, Adam, and a rate that falls along half a cosine as in lecture 3. The dense
# network of lecture 3, and two that differ in one line: three convolutions with pooling between them, and
# then either `Flatten`, which keeps all places apart, or `GlobalMaxPooling2D`, which keeps the largest
# answer of each filter, wherever it was.


# %%
def convolutions():
    """Three layers of 3 x 3 filters, with pooling between them."""
    return [
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Conv2D(32, 3, activation="relu"),
    ]


def dense_layers():
    """The hidden layers of the smallest network of lecture 3."""
    return [keras.layers.Flatten(), *(keras.layers.Dense(64, activation="relu") for _ in range(2))]


kinds = {
    "dense": dense_layers,
    "convolution": lambda: [*convolutions(), keras.layers.Flatten()],
    "global pooling": lambda: [*convolutions(), keras.layers.GlobalMaxPooling2D()],
}

# %%
EPOCHS, BATCH_SIZE = 6, 64


def network(kind, seed):
    """A network of one of the three kinds, with its own random start."""
    training.set_seeds(seed)
    model = keras.Sequential([keras.Input((28, 28, 1)), *kinds[kind](), keras.layers.Dense(10)])
    steps = EPOCHS * int(np.ceil(len(x_train) / BATCH_SIZE))
    falling = keras.optimizers.schedules.CosineDecay(0.003, decay_steps=steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(falling), loss=loss, metrics=["accuracy"])
    return model


# %% [markdown]
# > **Predict.** Which of the three has the most parameters, and which the fewest?

# %%
# NBVAL_CHECK_OUTPUT
for kind in kinds:
    model = network(kind, seed=0)
    print(
        f"{kind:15s}",
        f"{model.count_params():,} parameters; sizes",
        [28, *(layer.output.shape[1] for layer in model.layers if len(layer.output.shape) == 4)],
    )

# %% [markdown]
# The sizes follow 6.6: 28, 26, pooled to 13, 11, pooled to 5, 3. Before the training, one look at whether the
# layers do what they should: a ReLU gives nothing negative, and silences a good part.

# %%
values, silent = x_val[:100], []
for layer in network("convolution", seed=0).layers[:-1]:
    values = layer(values).numpy()
    silent.append(np.mean(values == 0))
    assert values.min() == 0, f"{layer.name} gives negative values: is its activation missing?"
expect(silent[0], "silent after the first layer, black background included", always=(0.2, 0.95))

# %% [markdown]
# Three seeds each, six epochs. Afterwards we measure on digits that are moved to the right. In the figure
# the bands are the range of the seeds.


# %%
def accuracy_of(model, images):
    """Share of the validation images whose largest logit is the right one."""
    return float(np.mean(model(images, training=False).numpy().argmax(axis=1) == y_val))


def trained(model, images, seed):
    """Train on some form of the training images; the seed decides the order of the batches."""
    training.set_seeds(seed)
    model.fit(images, y_train, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0)
    return model


# %%
SEEDS, SHIFTS = [0, 1, 2], range(7)
by_shift = {kind: np.zeros((len(SEEDS), len(SHIFTS))) for kind in kinds}
for kind in kinds:
    for row, seed in enumerate(SEEDS):
        model = trained(network(kind, seed), x_train, seed)
        by_shift[kind][row] = [accuracy_of(model, moved_right(x_val, shift)) for shift in SHIFTS]
        assert by_shift[kind][row, 0] > 0.3, f"{kind}: hardly above chance; do the labels fit the images?"

# %%
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
for kind, marker in zip(kinds, plots.MARKERS, strict=False):
    axes.plot(SHIFTS, by_shift[kind].mean(axis=0), marker=marker, label=kind)
    axes.fill_between(SHIFTS, by_shift[kind].min(axis=0), by_shift[kind].max(axis=0), alpha=0.2)
axes.set(xlabel="moved to the right by so many pixels", ylabel="validation accuracy", ylim=(0, 1))
axes.legend()
plots.show(
    figure,
    alt="Validation accuracy against a shift of 0 to 6 pixels for three networks, mean and range of three "
    "seeds. All fall. The dense network falls first, the convolutional one later, and the one with global "
    "pooling keeps most.",
)

# %%
at = {kind: values.mean(axis=0) for kind, values in by_shift.items()}
for kind, values in at.items():
    print(f"{kind:15s} as they are {values[0]:.1%}, moved by 2: {values[2]:.1%}, by 4: {values[4]:.1%}")

# %%
expect(at["dense"][0], "dense", digits, mnist=0.85, digits=0.80)
expect(at["convolution"][0], "convolution", digits, mnist=0.90, digits=0.86)
ahead = at["convolution"][0] - at["dense"][0]
expect(ahead, "convolution ahead of dense, not moved", digits, mnist=0.01, digits=0.02)
gap = at["convolution"][4] - at["dense"][4]
expect(gap, "convolution ahead of dense, moved by 4", digits, mnist=0.05, digits=0.05)
gap = at["global pooling"][4] - at["convolution"][4]
expect(gap, "global pooling ahead of flattening, moved by 4", digits, mnist=0.05, digits=0.05)

# %% [markdown]
# With fewer parameters, the convolutional network reads more digits, and it holds out longer against a
# shift. But it is often said that convolutional networks *are* invariant to shifts, and that is not what we
# see. The filters are equivariant; the dense layer after `Flatten` has learned *where* the strokes are, as
# before. Global pooling takes that knowledge away, and keeps most of the digits. It falls, too. Part of the
# reason is in the sizes:

# %%
# NBVAL_CHECK_OUTPUT
stack = [(3, 1), (2, 2), (3, 1), (2, 2), (3, 1)]  # window and stride of each layer
steps_apart, last = 2 * 2, 3 - 1  # pixels between neighbors in the last map; the number of its last unit
seen = last * steps_apart + receptive_field(stack)
print(f"its last unit ends at column {seen}; the image has 28")

# %% [markdown]
# Without padding, and with the odd column of the 11 dropped, the two last columns of the image are seen by no
# unit. Lecture 7 trains such a network with padding, on more images, and it holds out much longer. Where the
# architecture does not help, data can: shifted copies, in lecture 10.
#
# ## 6.13 What if pixels had no neighbors?
#
# The convolution assumes that neighbors belong together. To see what the assumption is worth, we destroy it:
# one permutation of the 784 places, drawn once, applied to *every* image, in training and validation alike.
# No information is lost; whoever knows the permutation can undo it.

# %%
order = np.random.default_rng(0).permutation(784)


def shuffled(images):
    """The same pixels in another order, the same for each image."""
    return images.reshape(len(images), 784)[:, order].reshape(images.shape)


there_and_back = shuffled(x_val).reshape(-1, 784)[:, np.argsort(order)]
np.testing.assert_array_equal(there_and_back, x_val.reshape(-1, 784))

# %%
plots.show(
    plots.image_grid(
        np.concatenate([x_val[:6], shuffled(x_val[:6])]), titles=[*y_val[:6], *y_val[:6]], columns=6, size=1.1
    ),
    alt="Six digits, and below them the same six with their pixels in another order: gray and white dots "
    "without any shape, spread over the whole square.",
)


# %%
def likeness_of_neighbors(images):
    """The correlation of each pixel with its right neighbor, over all images and places."""
    return np.corrcoef(images[:, :, :-1].ravel(), images[:, :, 1:].ravel())[0, 1]


expect(likeness_of_neighbors(x_val), "likeness of neighbors", digits, mnist=0.6, digits=0.6)
expect(
    likeness_of_neighbors(shuffled(x_val)), "and after shuffling", digits, mnist=(0, 0.35), digits=(0, 0.35)
)

# %% [markdown]
# > **Predict.** What does the dense network lose on shuffled images? And the convolutional one?
#
# For the dense network we need no experiment. Each pixel has its own weights; give the pixels another order,
# and the rows of the first weight matrix the same order, and every sum is what it was:

# %%
model, twin = network("dense", seed=0), network("dense", seed=0)
first_kernel, *others = model.get_weights()
twin.set_weights([first_kernel[order], *others])
np.testing.assert_allclose(twin(shuffled(x_val)).numpy(), model(x_val).numpy(), atol=1e-5)

# %% [markdown]
# Equal logits, so equal losses, and equal gradients: the twin learns the same on shuffled digits, step by
# step. Up to rounding, which grows during the training:

# %%
trained(model, x_train, seed=0)
trained(twin, shuffled(x_train), seed=0)
accuracies = accuracy_of(model, x_val), accuracy_of(twin, shuffled(x_val))
print(f"dense, as they are {accuracies[0]:.1%}, shuffled {accuracies[1]:.1%}")
expect(abs(accuracies[0] - accuracies[1]), "difference", digits, mnist=(0, 0.01), digits=(0, 0.01))

# %% [markdown]
# The dense network does not notice. (What *you* see as a seven and as dust is the same to it.) The
# convolutional network has no such twin: no order of its few weights undoes the shuffling. So this is an
# experiment, with the same three seeds.

# %%
on_shuffled = [
    accuracy_of(trained(network("convolution", seed), shuffled(x_train), seed), shuffled(x_val))
    for seed in SEEDS
]

# %%
results = {
    "dense\n(either way)": by_shift["dense"][:, 0],
    "convolution\nas they are": by_shift["convolution"][:, 0],
    "convolution\nshuffled": np.array(on_shuffled),
}
figure, axes = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
for place, values in enumerate(results.values()):
    axes.plot([place] * len(values), values, plots.MARKERS[place], markersize=9, color=plots.PALETTE[place])
axes.set_xticks(range(3), results)
axes.set(ylabel="validation accuracy", xlim=(-0.5, 2.5), xlabel="network and images, a mark for each seed")
plots.show(
    figure,
    alt="Validation accuracy of three seeds each. Highest is the convolutional network on the images as they "
    "are, a little below it the dense network, and near the dense one or far below it the convolutional "
    "network on shuffled images.",
)

# %%
loss_by_shuffling = at["convolution"][0] - np.mean(on_shuffled)
left = np.mean(on_shuffled) - at["dense"][0]
print(f"convolution: {at['convolution'][0]:.1%}, shuffled {np.mean(on_shuffled):.1%}")
print(f"dense:       {at['dense'][0]:.1%}")
expect(loss_by_shuffling, "what shuffling costs the convolutions", digits, mnist=0.06, digits=0.03)
expect(left, "shuffled convolutions against dense", digits, mnist=(-0.15, -0.02), digits=(-0.06, 0.03))

# %% [markdown]
# One often hears that a convolutional network *collapses* on shuffled pixels. Measured, it depends. On the
# embedded digits ours lost its lead and came back to where the dense network is; on MNIST it fell well below
# (the lines above are those of your data). In neither case did it fall to chance: the labels still depend on
# the pixels, and the later layers make something even of dust. But all that the convolution had gained, it
# had gained from neighbors. **An architecture is an assumption about the data. Where it holds, it
# helps. Where it does not, it is worth nothing, or stands in the way.**
#
# ## What we measured

# %%
print(f"weights, 1,000 units on 100 x 100 pixels: dense {dense.count_params() - 1000:,},", end=" ")
print(f"3 x 3 filters {shared.count_params() - 1000:,}")
for kind, values in at.items():
    parameters = network(kind, 0).count_params()
    print(f"{kind:15s} {parameters:6,} parameters, {values[0]:.1%}; moved by 4 pixels {values[4]:.1%}")
print(f"with shuffled pixels: dense the same, convolution {np.mean(on_shuffled):.1%}")

# %% [markdown]
# ## Recap
#
# - A convolution layer lays small filters on every place: local windows, shared weights. Its output has
#   $\lfloor (W-N+2P)/S\rfloor + 1$ pixels on a side; it has $N \cdot N \cdot D \cdot K + K$ parameters,
#   whatever the size of the image.
# - It is a cross-correlation. The flip appears in the gradient with respect to the input.
# - Backwards, a weight collects one term from each place where it was used.
# - Two layers of 3 × 3 see 5 × 5, four see 9 × 9, and between them there must be a nonlinearity.
# - Convolution is equivariant; pooling buys invariance and pays with information. A convolutional network as
#   a whole is neither.
# - It lives on neighbors. Take them away, and its lead is gone.
#
# ## Try it yourself
#
# The [exercise of this lecture](exercises/06_convolution.ipynb) has tasks that tell you at once whether you
# are right, with a hint where you are not. And three more to play with, without a check:
#
# 1. Design a filter that answers to diagonal edges, and one that blurs. What does "photograph minus blur"
#    show?
# 2. Write the backward pass of max pooling: where does the gradient of each window go? Check it against the
#    tape.
# 3. Shuffle *blocks* of 4 × 4 pixels in place of single ones. How large must the blocks be for the
#    convolutional network to get its lead back? (Its first layer sees 3 × 3.)
#
# ## Further reading
#
# - *Gradient-based learning applied to document recognition*, Y. LeCun, L. Bottou, Y. Bengio, P.
#   Haffner, 1998.
# - *ImageNet classification with deep convolutional neural networks*, A. Krizhevsky, I. Sutskever, G. Hinton,
#   2012.
# - *A guide to convolution arithmetic for deep learning*, V. Dumoulin, F. Visin, 2016.
# - *Understanding the effective receptive field in deep convolutional neural networks*, W. Luo, Y. Li, R.
#   Urtasun, R. Zemel, 2016.
# - *Making convolutional networks shift-invariant again*, R. Zhang, 2019.
