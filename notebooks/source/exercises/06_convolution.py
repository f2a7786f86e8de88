# %% [markdown]
# # Exercise 6 · Convolution
#
# The lecture slid filters over images, forwards and backwards. **Now you plan a network on paper, give a
# filter holes, find a piece of a photograph, ask a black box what a shift does to it, send a gradient back
# through a padded layer, and let a filter be learned** from nothing but what went in and what came out.
#
# **How it works.** Each task asks for a function. Replace the line `raise NotImplementedError` by your code,
# then run the check below it. Only what stands in the answer cells is graded, with other inputs than the
# check uses. The tasks are independent of each other, and you may do them in any order. Your functions may
# use the cell that begins with `import matplotlib` and nothing else of this notebook: that is all there is
# when they are graded. Helpers of your own go into the answer cell, above the function. After a right answer,
# or three different tries, `exercise.solution("template")` shows ours. NumPy is all you need.
#
# **18 points. Time:** plan for two hours; the computing takes seconds. **Builds on:** lecture 6.

# %%
import matplotlib.pyplot as plt
import numpy as np

from lecture_utils import datasets, plots
from lecture_utils.exercises import Exercise, each, preview

exercise = Exercise("06_convolution", plan=3, dilated=3, template=3, shift=3, backward=3, learn=3)


def convolve(x, kernels, biases, stride=1, padding=0):
    """The layer of the lecture. x: (height, width, channels); kernels: (n, n, channels, filters)."""
    x = np.pad(x, [(padding, padding), (padding, padding), (0, 0)])
    n = len(kernels)
    rows, columns = ((length - n) // stride + 1 for length in x.shape[:2])
    z = np.zeros((rows, columns, kernels.shape[-1])) + biases
    for i, j in np.ndindex(rows, columns):
        window = x[i * stride : i * stride + n, j * stride : j * stride + n]
        z[i, j] += np.tensordot(window, kernels, axes=3)
    return z


# %% judge="*"
import numpy as np  # noqa: F811
import scipy.signal
import sklearn.datasets

from lecture_utils import checks
from lecture_utils.grading.inside import emit, given
from lecture_utils.grading.judging import Failed, WrongAnswer, differs, numbers, part


# %% [markdown]
# ## Task 1 · A network on paper (3 points)
#
# Before you build a network, know its sizes. A network is a list of layers, first to last:
#
# | layer | meaning |
# |---|---|
# | `("conv", filters, size, stride, padding)` | filters of `size` × `size`, `padding` zeros on each side |
# | `("pool", size, stride)` | windows of `size` × `size`, no border |
# | `("dense", units)` | flattens first; only at the end |
#
# **First function.** `plan(side, channels, layers)` gets the side and the channels of a square input, and
# returns one triple for each layer: `(side, channels, parameters)` of its *output*, biases included among the
# parameters. The output of a dense layer counts as side 1 and as many channels as it has units.
#
# **Second function.** `field_of_view(layers)` returns how many pixels of the input, across, one unit of the
# last layer sees. Here there are no dense layers.
#
# **Example.** `plan(28, 1, [("conv", 32, 3, 1, 0), ("pool", 2, 2)])` is `[(26, 32, 320), (13, 32, 0)]`, and
# the view of these two layers is 4.


# %% solution="plan"
def plan(side, channels, layers):
    """Return (side, channels, parameters) for each layer of the network."""
    ### BEGIN SOLUTION
    rows = []
    for kind, *settings in layers:
        parameters = 0
        if kind == "conv":
            filters, size, stride, padding = settings
            parameters = size * size * channels * filters + filters
            side, channels = (side - size + 2 * padding) // stride + 1, filters
        elif kind == "pool":
            side = (side - settings[0]) // settings[1] + 1
        else:
            parameters = (side * side * channels + 1) * settings[0]
            side, channels = 1, settings[0]
        rows.append((side, channels, parameters))
    return rows
    ### END SOLUTION


# %% solution="plan_2" task="plan"
def field_of_view(layers):
    """Return how many pixels across one unit of the last layer sees."""
    ### BEGIN SOLUTION
    view, apart = 1, 1
    for layer in layers:
        size, stride = layer[2:4] if layer[0] == "conv" else layer[1:]
        view, apart = view + (size - 1) * apart, apart * stride
    return view
    ### END SOLUTION


# %% test="plan" points=3
lecture_7 = [("conv", 32, 3, 1, 0), ("conv", 64, 3, 1, 0), ("pool", 2, 2), ("dense", 128), ("dense", 10)]

exercise.check(
    "plan",
    lambda: [
        plan(28, 1, [("conv", 32, 3, 1, 0), ("pool", 2, 2)]),
        plan(28, 1, lecture_7),
        plan(224, 3, [("conv", 96, 11, 4, 2), ("pool", 5, 2)]),
        field_of_view([("conv", 32, 3, 1, 0), ("pool", 2, 2)]),
        field_of_view([("conv", 8, 3, 2, 1), ("conv", 8, 3, 1, 1), ("conv", 8, 5, 1, 0)]),
    ],
    each(
        ("the plan of the example", [(26, 32, 320), (13, 32, 0)], "Both rows are worked out above."),
        (
            "the plan of a network of lecture 7",
            [(26, 32, 320), (24, 64, 18_496), (12, 64, 0), (1, 128, 1_179_776), (1, 10, 1_290)],
            "Each filter has a slice for every channel of its input. A dense layer sees all places of all "
            "channels, and the channels of one layer are the input of the next.",
        ),
        (
            "the plan of a large first layer",
            [(55, 96, 34_944), (26, 96, 0)],
            "The border is added on both sides; what is left after the last stride is not used.",
        ),
        ("the view of the example", 4, "A unit of the pooling layer sees two units, which see three each."),
        (
            "the view after a stride",
            15,
            "Behind a stride of 2, neighbors are two pixels apart: each further layer adds (size − 1) steps "
            "of that length. Padding does not matter.",
        ),
    ),
    hint="Go through the list and keep the present side and the present channels up to date.",
)
### BEGIN HIDDEN TESTS
data = given("plan")


def _nets(key):
    return [[tuple(layer) for layer in net] for net in data[key]]


emit("plan", "rows", lambda: [plan(s, c, n) for (s, c), n in zip(data["inputs"], _nets("nets"), strict=True)])
emit("plan", "views", lambda: [field_of_view(net) for net in _nets("stacks")])
### END HIDDEN TESTS


# %% judge="plan"
def some_stack(rng, depth, side):
    """Draw convolutions and poolings that fit into an image."""
    net = []
    for _ in range(depth):
        if side >= 8 and rng.random() < 0.35:
            size, stride = int(rng.integers(2, 4)), 2
            net.append(["pool", size, stride])
            border = 0
        else:
            size, stride = int(rng.integers(1, 6)), int(rng.choice([1, 1, 2])) if side > 12 else 1
            border = int(rng.integers(0, 3))
            net.append(["conv", int(rng.integers(2, 20)), size, stride, border])
        side = len(range(0, side + 2 * border - size + 1, stride))
        if side < 6:
            break
    return net


def inputs_plan(rng):
    """Draw networks with dense layers at the end, and stacks without."""
    inputs = [[int(rng.integers(24, 100)), int(rng.integers(1, 5))] for _ in range(6)]
    nets = [
        [*some_stack(rng, 6, side), ["dense", int(rng.integers(5, 50))], ["dense", int(rng.integers(2, 9))]]
        for side, _ in inputs
    ]
    nets[0] = [["pool", 4, 2], *some_stack(rng, 4, inputs[0][0] // 2 - 1), ["dense", 7]]
    stacks = [some_stack(rng, 7, 120) for _ in range(6)]
    return {"inputs": inputs, "nets": nets, "stacks": stacks}, {}


def planned(side, channels, net):
    """Count the windows one by one, and the weights as the size of an array."""
    rows = []
    for kind, *rest in net:
        if kind == "dense":
            shape, side, channels = (side**2 * channels, rest[0]), 1, rest[0]
            rows.append((1, channels, int(np.prod(shape)) + channels))
            continue
        size, stride, border = rest[1:] if kind == "conv" else (*rest, 0)
        weights = int(np.prod((size, size, channels, rest[0]))) + rest[0] if kind == "conv" else 0
        channels = rest[0] if kind == "conv" else channels
        side = sum(1 for start in range(-border, side + border) if start + size <= side + border)
        side = -(-side // stride)
        rows.append((side, channels, weights))
    return rows


def judge_plan(given, kept, answer):
    """Compare sizes and parameters apart, so that one mistake does not cost both."""
    right = [planned(s, c, net) for (s, c), net in zip(given["inputs"], given["nets"], strict=True)]

    def rows():
        answers = answer["rows"]
        if isinstance(answers, Failed):
            raise WrongAnswer(answers.words)
        if not isinstance(answers, list | tuple) or len(answers) != len(right):
            raise WrongAnswer("the answers are not lists of triples")
        triples = [numbers(one, (len(expected), 3)) for one, expected in zip(answers, right, strict=True)]
        sizes = np.concatenate([one[:, :2] for one in triples])
        if not np.all((sizes >= 1) & (sizes <= 1000) & (sizes % 1 == 0)):  # they are counted through below
            raise WrongAnswer("some side or number of channels is no whole number from 1 to 1,000")
        return triples

    def sizes():
        same = (np.array_equal(a[:, :2], np.array(b)[:, :2]) for a, b in zip(rows(), right, strict=True))
        return "" if all(same) else "some layer has another side or other channels"

    def parameters():  # of each layer, as it follows from the student's own layer before it
        for found, net, start in zip(rows(), given["nets"], given["inputs"], strict=True):
            before = [tuple(start), *((int(a), int(b)) for a, b, _ in found)]
            for (s, c), layer, count in zip(before, net, found[:, 2], strict=False):
                if planned(s, c, [layer])[0][2] != count:
                    return f"some {layer[0]} layer has another number of parameters"
        return ""

    views = []
    for net in given["stacks"]:  # from the last unit backwards: how wide is what it needs?
        width = 1
        for kind, *rest in net[::-1]:
            size, stride = rest[1:3] if kind == "conv" else rest
            width = (width - 1) * stride + size
        views.append(width)
    return [
        part(1, "the sizes", sizes),
        part(1, "the numbers of parameters", parameters),
        part(1, "the field of view", differs(answer["views"], views)),
    ]


# %% [markdown]
# ## Task 2 · A filter with holes (3 points)
#
# To see further without more weights, pull the filter apart. In a **dilated** convolution its entries are
# `dilation` pixels away from each other: with 3 × 3 weights and dilation 2 they lie on rows 0, 2, 4 and on
# columns 0, 2, 4 of a window of 5 × 5, and the pixels between them are skipped:
#
# $$z_{ijk} = b_k + \sum_{u,v,c} x_{\,i+ud,\;j+vd,\;c}\; w_{uvck}.$$
#
# Write `dilated(x, kernels, biases, dilation)`. `x` has shape `(height, width, channels)`, `kernels` `(n, n,
# channels, filters)`, `biases` `(filters,)`. Stride 1, no padding: the output has a place wherever the whole
# window fits. With dilation 1 it is the layer of the lecture.


# %% solution="dilated"
def dilated(x, kernels, biases, dilation):
    """Return the dilated convolution, shape (rows, columns, filters)."""
    ### BEGIN SOLUTION
    n = len(kernels)
    reach = (n - 1) * dilation
    rows, columns = x.shape[0] - reach, x.shape[1] - reach
    z = np.zeros((rows, columns, kernels.shape[3])) + biases
    for u, v in np.ndindex(n, n):
        top, left = u * dilation, v * dilation
        z += x[top : top + rows, left : left + columns] @ kernels[u, v]
    return z
    ### END SOLUTION


# %% test="dilated" points=3
row_of_ten = np.tile(np.arange(10.0)[:, None], (10, 1, 1))  # (10, 10, 1): each row is 0 to 9
first_and_last = np.zeros((3, 3, 1, 1))
first_and_last[0, 0], first_and_last[0, 2] = -1, 1

exercise.check(
    "dilated",
    lambda: [
        np.shape(dilated(row_of_ten, first_and_last, np.zeros(1), 2)),
        dilated(row_of_ten, first_and_last, np.zeros(1), 1)[0, 0, 0],
        dilated(row_of_ten, first_and_last, np.zeros(1), 2)[0, 0, 0],
        dilated(row_of_ten, first_and_last, np.full(1, 10.0), 3)[0, 0, 0],
    ],
    each(
        ("the shape with dilation 2", (6, 6, 1), "A window of 3 × 3 with dilation 2 covers 5 × 5 pixels."),
        ("the first output with dilation 1", 2, "This is the third pixel minus the first."),
        ("the first output with dilation 2", 4, "This is the fifth pixel minus the first."),
        ("the first output with dilation 3 and bias 10", 16, "The bias is added once to every place."),
    ),
    hint="From the first to the last pixel under the filter it is (n − 1) · dilation steps. As in the "
    "lecture, you may loop over the places or over the weights; multiply u and v by the dilation where they "
    "choose a pixel, and nowhere else.",
)
### BEGIN HIDDEN TESTS
data = given("dilated")
emit("dilated", "plain", lambda: dilated(data["x"], data["kernels"], data["biases"], 1))
emit("dilated", "two", lambda: dilated(data["x"], data["kernels"], data["biases"], 2))
emit("dilated", "three", lambda: dilated(data["x"], data["kernels"], data["biases"], 3))
emit("dilated", "even", lambda: dilated(data["x"], data["even"], data["biases"], 4))
### END HIDDEN TESTS


# %% judge="dilated"
def inputs_dilated(rng):
    """An image that is no square, several channels and filters, a kernel of odd and one of even size."""
    return {
        "x": rng.normal(size=(11, 14, 3)),
        "kernels": rng.normal(size=(3, 3, 3, 4)),
        "even": rng.normal(size=(2, 2, 3, 4)),
        "biases": rng.normal(size=4),
    }, {}


def with_holes(x, kernels, biases, d):
    """Put zeros between the weights, and let SciPy correlate."""
    n, _, channels, filters = kernels.shape
    wide = np.zeros(((n - 1) * d + 1, (n - 1) * d + 1, channels, filters))
    wide[::d, ::d] = kernels
    maps = [
        sum(scipy.signal.correlate2d(x[..., c], wide[..., c, k], mode="valid") for c in range(channels))
        for k in range(filters)
    ]
    return np.stack(maps, axis=-1) + biases


def judge_dilated(given, kept, answer):
    """Compare with SciPy; float32 is precise enough."""

    def wrong(name, kernels, d):
        right = with_holes(given["x"], given[kernels], given["biases"], d)
        return differs(answer[name], right, rtol=1e-3, atol=1e-4)

    return [
        part(0.5, "dilation 1, the layer of the lecture", wrong("plain", "kernels", 1)),
        part(1, "dilation 2", wrong("two", "kernels", 2)),
        part(1, "dilation 3", wrong("three", "kernels", 3)),
        part(0.5, "a kernel of even size", wrong("even", "even", 4)),
    ]


# %% [markdown]
# Three layers of 3 × 3 with dilation 1, 2 and 4 see 15 pixels across, with 27 weights for each channel. Sound
# and text are read in this way, too.

# %% [markdown]
# ## Task 3 · Where is it? (3 points)
#
# A filter answers most where the image looks like it. So take a piece of an image as the filter, and the
# largest answer says where the piece was: a **matched filter**. Write `find(image, template)`. Both are gray
# images, the template is smaller, and somewhere in the image is a window that looks like it. Return row and
# column of the window's upper left corner.
#
# One thing is in the way. The answer is also large where the image is merely *bright*: a white wall beats
# every template. Think about what makes two windows alike, whatever their brightness and their contrast: if
# the light changes, all pixels of a window become $a x + b$ with $a > 0$. One point is for templates in an
# image of noise around zero; one for pieces of real photographs; one for photographs in which the piece
# appears in other light than in the template. There are six images of each kind; all six are worth the point,
# five, four and three a part of it.


# %% solution="template"
def find(image, template):
    """Return (row, column) of the upper left corner of the window that looks most like the template."""
    ### BEGIN SOLUTION
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(image, dtype=float), np.shape(template))
    windows = windows - windows.mean(axis=(2, 3), keepdims=True)
    wanted = template - np.mean(template)
    contrast = np.sqrt(np.sum(windows**2, axis=(2, 3)))
    alike = np.sum(windows * wanted, axis=(2, 3)) / (contrast + 1e-6)
    row, column = np.unravel_index(np.argmax(alike), alike.shape)
    return int(row), int(column)
    ### END SOLUTION


# %% test="template" points=3
noise = np.random.default_rng(0).normal(size=(30, 40)) / 4
cross = np.where(np.eye(7) + np.eye(7)[::-1] > 0, 1.0, -0.4)
with_cross, with_wall, faint = noise.copy(), noise.copy(), noise / 4 + 0.5
with_cross[12:19, 25:32] += cross
with_wall[12:19, 25:32] += cross
with_wall[:10, :15] += 5
faint[3:10, 20:27] += 0.3 * cross
faint[20:27, 5:12] += 0.8 * np.random.default_rng(1).normal(size=(7, 7))

exercise.check(
    "template",
    lambda: [find(with_cross, cross), find(with_wall, cross), find(faint, 0.1 * cross + 0.6)],
    each(
        ("the place in noise", (12, 25), "The corner, not the middle, of the window, row first."),
        (
            "the place beside a white wall",
            (12, 25),
            "On a plain wall the answer should be zero, however bright it is. What must the weights of the "
            "filter add up to?",
        ),
        (
            "the place of a faint cross",
            (3, 20),
            "A window of another pattern was preferred, because its contrast is stronger, or more like the "
            "template's. Divide by how strong the contrast of each window is.",
        ),
    ),
    hint="For each window: subtract its mean, multiply by the template less its own mean, add up, and "
    "divide by the length (the root of the sum of squares) of the window less its mean. A plain window has "
    "length zero: take care not to divide by it. np.argmax and np.unravel_index turn the best answer "
    "into a place.",
)
### BEGIN HIDDEN TESTS
data = given("template")


def _places(kind):
    return [find(image, piece) for image, piece in zip(data[kind], data[f"{kind} pieces"], strict=True)]


emit("template", "noise", lambda: _places("noise"))
emit("template", "photograph", lambda: _places("photograph"))
emit("template", "light", lambda: _places("light"))
### END HIDDEN TESTS


# %% judge="template"
def likeness(image, piece):
    """The covariance of each window with the piece, and its correlation; 0 where the window is plain."""
    views = np.lib.stride_tricks.sliding_window_view(image, piece.shape)
    views = views.reshape(*views.shape[:2], -1)
    spread = views.std(axis=2)
    covariance = views @ (piece - piece.mean()).ravel() / piece.size
    return covariance, np.where(spread > 1e-3, covariance / np.maximum(spread, 1e-3) / piece.std(), 0)


def place_in_photograph(rng, pictures, outshone):
    """Draw a part of a photograph, and a piece of it that is nowhere else in that part.

    Where it is outshone, another window has a stronger contrast, and a larger covariance with the piece.
    """
    while True:
        picture = pictures[rng.integers(len(pictures))]
        top, left = rng.integers(0, picture.shape[0] - 48), rng.integers(0, picture.shape[1] - 64)
        scene = picture[top : top + 48, left : left + 64]
        height, width = rng.integers(8, 12, 2)
        i, j = int(rng.integers(0, 48 - height)), int(rng.integers(0, 64 - width))
        piece = scene[i : i + height, j : j + width].copy()
        if piece.std() < 0.05:
            continue
        covariance, alike = likeness(scene, piece)
        wins = covariance.max() <= covariance[i, j]
        alike[i, j] = 0
        if alike.max() < 0.9 and not (outshone and wins):
            return scene.copy(), piece, [i, j]


def inputs_template(rng):
    """Six images of each of the three kinds; where the pieces are stays outside."""
    pictures = [
        sklearn.datasets.load_sample_image(name).mean(axis=2) / 255 for name in ("china.jpg", "flower.jpg")
    ]
    data: dict = {}
    places: dict = {}
    for kind in ("noise", "photograph", "light"):
        images, pieces, where = [], [], []
        for _ in range(6):
            if kind == "noise":
                piece = rng.choice([-1.0, 1.0], size=tuple(rng.integers(8, 12, 2)))
                scene = rng.normal(size=(40, 50)) * 0.4
                i, j = int(rng.integers(0, 40 - len(piece))), int(rng.integers(0, 50 - piece.shape[1]))
                scene[i : i + len(piece), j : j + piece.shape[1]] = piece
                place = [i, j]
            else:
                scene, piece, place = place_in_photograph(rng, pictures, kind == "light")
            if kind == "light":
                piece = rng.uniform(0.2, 0.5) * piece + rng.uniform(0.3, 0.5)
            images.append(scene)
            pieces.append(piece)
            where.append(place)
        data |= {kind: images, f"{kind} pieces": pieces}
        places[kind] = where
    return data, places


def judge_template(given, kept, answer):
    """Each kind pays from the third image found on, and all of its point for six."""
    names = {"noise": "in noise", "photograph": "in photographs", "light": "in other light"}
    parts = []
    for kind, name in names.items():
        try:
            found = numbers(answer[kind], (6, 2))
        except WrongAnswer as error:  # costs this kind, and no other
            parts.append(part(1, name, str(error)))
            continue
        hits = int(np.all(found == np.array(kept[kind]), axis=1).sum())
        parts.append(part(1, name, "" if hits == 6 else f"found in {hits} of 6 images", max(hits - 2, 0) / 4))
    return parts


# %% [markdown]
# A corner of a roof as the template, and where your function finds it in the photograph, darkened to a third.


# %%
def show_found():
    """A piece of a photograph, and the place where it is found."""
    temple = datasets.photographs().images["china"][60:220, 70:350].mean(axis=2) / 255
    piece = temple[100:116, 20:40]
    row, column = find(temple / 3, piece)
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), width_ratios=[1, 4], layout="constrained")
    axes[0].imshow(piece, cmap="gray", vmin=0, vmax=1)
    axes[1].imshow(temple / 3, cmap="gray", vmin=0, vmax=1)
    frame = plt.Rectangle((column, row), 20, 16, fill=False, edgecolor=plots.PALETTE[4], linewidth=2)
    axes[1].add_patch(frame)
    for panel, title in zip(axes, ["the template", f"found at row {row}, column {column}"], strict=True):
        panel.set_title(title)
        panel.axis("off")
    return figure


preview(
    show_found,
    alt="A small piece of a photograph of a temple, and the photograph, darkened to a third, with a frame "
    "around the place where the function finds the piece.",
)

# %% [markdown]
# ## Task 4 · What does a shift do to it? (3 points)
#
# The lecture told **equivariant** from **invariant**. Here is a black box: a function `layer` that takes an
# image of shape `(side, side)` and returns an array. You may not look into it, but you may feed it whatever
# you like. Move the image to the right by `s` pixels, and what leaves it at the right comes in again at the
# left (`np.roll(x, s, axis=1)`), so that there are no borders. Write `effect(layer, side)`, which returns one
# of four words:
#
# | answer | what happens when the image is moved |
# |---|---|
# | `"invariant"` | the output stays the same, for every shift |
# | `"equivariant"` | the output moves by just as many places, for every shift |
# | `"stride"` | it moves by one place for every $k$ pixels ($k > 1$), and changes when they are fewer |
# | `"neither"` | none of these |
#
# Where the word is `"stride"`, the output is smaller than the image, by the factor $k$, and a shift by a
# single pixel gives other numbers. No box is random, and an image of noise is as good as any. `side` can be
# divided by every $k$ that occurs. The mark counts for each word whether you give it in exactly the cases
# where it belongs; to say the same word always is worth nothing.


# %% solution="shift"
def effect(layer, side):
    """Return "invariant", "equivariant", "stride" or "neither"."""
    ### BEGIN SOLUTION
    x = np.random.default_rng(0).normal(size=(side, side))
    before = np.asarray(layer(x))
    after = [np.asarray(layer(np.roll(x, s, axis=1))) for s in range(1, side)]
    if all(np.allclose(moved, before) for moved in after):
        return "invariant"
    if before.ndim != 2:
        return "neither"
    if before.shape[1] == side:
        follows = all(np.allclose(moved, np.roll(before, s, axis=1)) for s, moved in enumerate(after, 1))
        return "equivariant" if follows else "neither"
    k = side // before.shape[1]
    steps = (np.allclose(after[m * k - 1], np.roll(before, m, axis=1)) for m in range(1, before.shape[1]))
    return "stride" if k > 1 and all(steps) else "neither"
    ### END SOLUTION


# %% test="shift" points=3
def example_boxes():
    """Eight boxes, two of each kind."""
    ramp = np.linspace(0, 1, 12)
    return [
        ("invariant", lambda x: np.maximum(x, 0).sum()),
        ("equivariant", lambda x: np.maximum(x - np.roll(x, 1, axis=1), 0)),
        ("stride", lambda x: x.reshape(6, 2, 6, 2).max(axis=(1, 3))),
        ("neither", lambda x: x + ramp),
        ("invariant", lambda x: np.sort(x.ravel())),
        ("equivariant", lambda x: x * x),
        ("stride", lambda x: (x + np.roll(x, 1, axis=1))[::3, ::3]),
        ("neither", lambda x: x.reshape(6, 2, 6, 2).max(axis=(1, 3)) * ramp[::2]),
    ]


def misjudged(answers):
    """Say which of the boxes got another word."""
    for (word, _), answer in zip(example_boxes(), answers, strict=True):
        if answer is None:
            return "effect returned None: is a return missing?"
        if answer not in ("invariant", "equivariant", "stride", "neither"):
            return f"the answer {answer!r} is none of the four words"
        if answer != word:
            return f'a box of another kind was called "{answer}"'
    return True


exercise.check(
    "shift",
    lambda: [effect(layer, 12) for _, layer in example_boxes()],
    misjudged,
    hint="Feed it one image of noise, then the same image moved, and compare the outputs with np.allclose: "
    "with the output itself, and with the output rolled. One shift may agree by design of the box (a "
    "stride of 2 and a shift of 2), so try all of them. If the output is smaller, by which factor?",
)
### BEGIN HIDDEN TESTS
data = given("shift")


def _box(recipe):
    w, mask, k = recipe["w"], recipe["mask"], recipe["k"]

    def around(x):
        entries = ((u, v, w[u, v]) for u in range(3) for v in range(3))
        return sum(weight * np.roll(x, (1 - u, 1 - v), axis=(0, 1)) for u, v, weight in entries)

    def blocks(x):
        return x.reshape(len(x) // k, k, len(x) // k, k)

    return [
        lambda x: blocks(around(x) * mask).mean(axis=(1, 3)),
        lambda x: np.maximum(around(x), 0).mean(),
        lambda x: blocks(np.maximum(around(x), 0)).max(axis=(1, 3)),
        lambda x: around(x).mean(axis=1),
        lambda x: x - around(x),
        lambda x: np.maximum(around(x) + mask, 0),
        lambda x: around(np.tanh(around(x))),
        lambda x: around(x)[::k, ::k],
        lambda x: mask.reshape(2, -1) @ x.ravel()[: mask.size // 2],
        lambda x: np.maximum(around(x), 0.1) + 1,
        lambda x: blocks(around(x) ** 2).mean(axis=(1, 3)),
        lambda x: np.array([around(x).max(), (around(x) ** 2).sum()]),
    ][data["order"][recipe["box"]]]


emit("shift", "words", lambda: [effect(_box(recipe), data["side"]) for recipe in data["recipes"]])
### END HIDDEN TESTS


# %% judge="shift"
KINDS = (  # of the boxes, in the order in which the hidden test lists them
    *("neither", "invariant", "stride", "invariant", "equivariant", "neither"),
    *("equivariant", "stride", "neither", "equivariant", "stride", "invariant"),
)


def inputs_shift(rng):
    """Each of twelve boxes, with its own weights, under a secret number; which kind it is stays outside."""
    order, boxes = rng.permutation(12).tolist(), rng.permutation(12).tolist()
    side, factors = 12, rng.permutation([2, 3, 4])
    kinds = [KINDS[order[box]] for box in boxes]
    recipes = [
        {
            "box": box,
            "w": rng.normal(size=(3, 3)),
            "mask": rng.normal(size=(side, side)),
            "k": int(factors[kinds[:i].count(kinds[i])]),  # each kind has each factor once
        }
        for i, box in enumerate(boxes)
    ]
    return {"side": side, "order": order, "recipes": recipes}, {"kinds": kinds}


def judge_shift(given, kept, answer):
    """A word is right when it was given in all cases where it belongs, and in no other."""
    words = answer["words"]
    if isinstance(words, Failed):
        raise WrongAnswer(words.words)
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise WrongAnswer("the answers are not texts")
    parts = []
    for word in ("invariant", "equivariant", "stride", "neither"):
        said = {i for i, other in enumerate(words) if other.strip().lower() == word}
        true = {i for i, kind in enumerate(kept["kinds"]) if kind == word}
        problem = f"{len(true - said)} of {len(true)} not recognized, {len(said - true)} others called so"
        parts.append(part(0.75, f'boxes that are "{word}"', "" if said == true else problem))
    return parts


# %% [markdown]
# That is how one finds out what a network does with shifts, in earnest, too: not from the names of its
# layers, but by moving the image.

# %% [markdown]
# ## Task 5 · The gradient goes back (3 points)
#
# Take a layer with stride and padding, such as `convolve` in the first code cell. The layers behind it have
# found $\delta$, the gradient of the loss with respect to its output. The layer before it asks: *what is it
# with respect to my output, your input?*
#
# Write `input_gradient(d_z, kernels, shape, stride, padding)`: `d_z` has the shape of the output, `(rows,
# columns, filters)`, `kernels` has shape `(n, n, channels, filters)`, and `shape` is the shape of the input
# **without** its border, `(height, width, channels)`. Return an array of that shape. One point is for stride
# 1 without a border, one for larger strides, one for borders.
#
# Note that with a stride some pixels at the end may have been seen by no window. Their gradient is zero.


# %% solution="backward"
def input_gradient(d_z, kernels, shape, stride, padding):
    """Return the gradient of the loss with respect to the input, in the shape of the input."""
    ### BEGIN SOLUTION
    n = len(kernels)
    height, width, channels = shape
    bordered = np.zeros((height + 2 * padding, width + 2 * padding, channels))
    for i, j in np.ndindex(d_z.shape[:2]):
        place = slice(i * stride, i * stride + n), slice(j * stride, j * stride + n)
        bordered[place] += kernels @ d_z[i, j]
    return bordered[padding : padding + height, padding : padding + width]
    ### END SOLUTION


# %% test="backward" points=3
def nudged_gradient(d_z, kernels, shape, stride, padding):
    """The same from its definition: the layer is linear, so one nudge of 1 for each input will do."""
    gradient = np.zeros(shape)
    for index in np.ndindex(shape):
        nudge = np.zeros(shape)
        nudge[index] = 1
        gradient[index] = np.sum(d_z * convolve(nudge, kernels, 0, stride, padding))
    return gradient


def backward_case(seed, shape, n, stride, padding):
    """Random arrays of fitting shapes."""
    rng = np.random.default_rng(seed)
    kernels = rng.normal(size=(n, n, shape[2], 2))
    d_z = rng.normal(size=convolve(np.zeros(shape), kernels, 0, stride, padding).shape)
    return d_z, kernels, shape, stride, padding


backward_cases = [
    backward_case(0, (4, 5, 1), 2, 1, 0),
    backward_case(1, (7, 8, 2), 3, 2, 0),
    backward_case(2, (5, 6, 2), 3, 1, 1),
]
exercise.check(
    "backward",
    lambda: [input_gradient(*case) for case in backward_cases],
    each(
        (
            "stride 1, no border",
            nudged_gradient(*backward_cases[0]),
            "Each output gives back its delta times the weights, to every pixel of its window, and what "
            "several windows give to a pixel is added.",
        ),
        ("stride 2", nudged_gradient(*backward_cases[1]), "The window of output (i, j) begins at (2i, 2j)."),
        (
            "a border of 1",
            nudged_gradient(*backward_cases[2]),
            "First work on an array with the border, then cut the border off: it is no input of anybody.",
        ),
    ),
    hint="Section 6.9 has the loop. A filter has a slice for each channel, and each pixel gets something "
    "from all filters: sum over them.",
)
### BEGIN HIDDEN TESTS
data = given("backward")


def _gradients(key):
    return [
        input_gradient(c["d_z"], c["kernels"], tuple(c["shape"]), c["stride"], c["padding"])
        for c in data[key]
    ]


emit("backward", "plain", lambda: _gradients("plain"))
emit("backward", "strides", lambda: _gradients("strides"))
emit("backward", "borders", lambda: _gradients("borders"))
### END HIDDEN TESTS


# %% judge="backward"
def inputs_backward(rng):
    """Two cases of each kind; with the strides some pixels are left over."""
    kinds = {
        "plain": [(3, 1, 0), (2, 1, 0)],
        "strides": [(3, 2, 0), (2, 3, 0)],
        "borders": [(3, 1, 1), (5, 2, 2)],
    }
    data: dict = {}
    for kind, settings in kinds.items():
        data[kind] = []
        for n, stride, padding in settings:
            shape = [int(size) for size in rng.integers(8, 12, 2)] + [3]
            rows, columns = (1 + (size + 2 * padding - n) // stride for size in shape[:2])
            data[kind].append(
                {
                    "d_z": rng.normal(size=(rows, columns, 4)),
                    "kernels": rng.normal(size=(n, n, 3, 4)),
                    "shape": shape,
                    "stride": stride,
                    "padding": padding,
                }
            )
    return data, {}


def gathered(case):
    """Ask each pixel which outputs have seen it, and with which weight."""
    d_z, w, stride, border = case["d_z"], case["kernels"], case["stride"], case["padding"]
    result = np.zeros(case["shape"])
    for p, q in np.ndindex(*case["shape"][:2]):
        for u, v in np.ndindex(*w.shape[:2]):
            i, a = divmod(p + border - u, stride)
            j, b = divmod(q + border - v, stride)
            if a == b == 0 and 0 <= i < d_z.shape[0] and 0 <= j < d_z.shape[1]:
                result[p, q] += w[u, v] @ d_z[i, j]
    return result


def judge_backward(given, kept, answer):
    """Compare with the sum taken pixel by pixel."""

    def wrong(kind):
        found = answer[kind]
        if isinstance(found, Failed):
            return found.words
        if not isinstance(found, list | tuple) or len(found) != len(given[kind]):
            return "the answers are not arrays"
        pairs = zip(found, given[kind], strict=True)
        return next(filter(None, (differs(one, gathered(c), rtol=1e-3, atol=1e-4) for one, c in pairs)), "")

    return [
        part(1, "stride 1, no border", lambda: wrong("plain")),
        part(1, "larger strides", lambda: wrong("strides")),
        part(1, "borders", lambda: wrong("borders")),
    ]


# %% [markdown]
# This operation has a second life as a *layer*: it makes a large image from a small one. Keras calls it
# `Conv2DTranspose`, and lectures 18 to 20 draw digits with it.

# %% [markdown]
# ## Task 6 · Learn the filter (3 points)
#
# Somebody has a secret filter of 3 × 3 weights, and a secret bias. You get images, `(n, height, width)`, and
# what came out of the filter and a ReLU, with some noise on top: targets of shape `(n, height - 2, width -
# 2)`.
#
# $$t_{ij} = \mathrm{relu}\Bigl(b + \sum_{u,v} x_{i+u,\,j+v}\, w_{uv}\Bigr) + \text{noise}.$$
#
# Write `learn_filter(images, targets)`: it trains a filter on them and returns `(kernel, bias)`, an array of
# shape `(3, 3)` and a number. **Your mark comes from images that nobody has seen:** there, what your filter
# gives (with the ReLU) is compared with what the secret one gives, without the noise. The error is the root
# of the mean squared difference, divided by the standard deviation of the right values. Three secret filters
# are tried; the middle one of the three errors counts. There is one point each for an error below 30 %, 10 %
# and 3 %.
#
# Gradient descent on the mean squared error is what the lecture prepared you for: a forward pass, a ReLU that
# lets the gradient through where it was positive, and one sum over all places for each weight. Some hundred
# steps take a second. You may do it with NumPy, or think of something shorter; what counts is the filter.


# %% solution="learn"
def learn_filter(images, targets):
    """Return the kernel, shape (3, 3), and the bias of a filter that turns the images into the targets."""
    ### BEGIN SOLUTION
    patches = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2)).reshape(-1, 9)
    wanted = targets.reshape(-1)
    w, b, learning_rate = np.zeros(9), 0.1, 0.5
    for _ in range(300):
        z = patches @ w + b
        d_z = (np.maximum(z, 0) - wanted) * (z > 0) / len(wanted)
        w, b = w - learning_rate * patches.T @ d_z, b - learning_rate * d_z.sum()
    return w.reshape(3, 3), b
    ### END SOLUTION


# %% test="learn" points=3
def filtered(images, kernel, bias):
    """What a filter and a ReLU make of images: (n, height, width) -> (n, height - 2, width - 2)."""
    maps = [convolve(image[..., None], np.reshape(kernel, (3, 3, 1, 1)), bias)[..., 0] for image in images]
    return np.maximum(maps, 0)


rng = np.random.default_rng(5)
example_kernel, example_bias = np.array([[1.0, 0.5, -1.0], [2.0, 0.0, -2.0], [1.0, -0.5, -1.0]]) / 3, 0.4
example_images = rng.normal(size=(24, 14, 14))
example_targets = filtered(example_images, example_kernel, example_bias)
example_targets = example_targets + 0.05 * rng.normal(size=example_targets.shape)
other_images = rng.normal(size=(8, 14, 14))
learned: dict = {}


def follows(answer):
    """Say how far a learned filter is from the right one, on other images."""
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return "a pair was asked for: (kernel, bias)"
    if np.size(answer[0]) != 9 or np.size(answer[1]) != 1:
        return "a kernel of 3 × 3 numbers and one bias were asked for"
    right = filtered(other_images, example_kernel, example_bias)
    given_back = filtered(other_images, np.reshape(answer[0], (3, 3)), np.reshape(answer[1], ()))
    error = np.sqrt(np.mean((given_back - right) ** 2)) / right.std()
    if not error < 10:
        return "the error is above 1,000 %: did the loss grow?"
    points = sum(error < band for band in (0.3, 0.1, 0.03))
    print(f"error on other images: {error:.1%}, about {points} of 3 points")
    learned["answer"] = answer
    return True if error < 0.1 else "the error is above 10 %; it can do better"


exercise.check(
    "learn",
    lambda: learn_filter(example_images, example_targets),
    follows,
    hint="Is every window matched with its own target (the window that begins at i, j with the target at "
    "i, j)? Does the gradient vanish where z is negative, and is the bias learned, too? If the loss grows, "
    "take smaller steps; if all outputs are zero at the start, nothing is ever learned: begin with a small "
    "positive bias.",
)
### BEGIN HIDDEN TESTS
data = given("learn")
emit("learn", "first", lambda: learn_filter(data["images 0"], data["targets 0"]))
emit("learn", "second", lambda: learn_filter(data["images 1"], data["targets 1"]))
emit("learn", "third", lambda: learn_filter(data["images 2"], data["targets 2"]))
### END HIDDEN TESTS


# %% judge="learn"
def answers_of(images, w, b):
    """Let SciPy correlate, then cut off what is negative."""
    return np.stack([np.maximum(scipy.signal.correlate2d(image, w, mode="valid") + b, 0) for image in images])


def inputs_learn(rng):
    """Draw three filters, whose output is positive at a good part of the places; they stay outside."""
    data: dict = {}
    secrets = []
    for case in range(3):
        w = rng.normal(size=(3, 3))
        w /= np.sqrt(np.sum(w**2))
        b = float(rng.choice([-1, 1]) * rng.uniform(0.2, 0.6))
        images = rng.normal(size=(24, 14, 14))
        targets = answers_of(images, w, b)
        data |= {f"images {case}": images, f"targets {case}": targets + 0.05 * rng.normal(size=targets.shape)}
        secrets.append({"w": w, "b": b, "images": rng.normal(size=(20, 14, 14))})
    return data, {"secrets": secrets}


def error_of(found, secret):
    """Return the relative error of a learned filter on secret images, at most 10."""
    if isinstance(found, Failed):
        raise WrongAnswer(found.words)
    if not isinstance(found, list | tuple) or len(found) != 2:
        raise WrongAnswer("a pair was asked for: (kernel, bias)")
    kernel, bias = checks.as_array(found[0]), checks.as_array(found[1])
    if kernel is None or bias is None:
        raise WrongAnswer("the kernel or the bias is not an array of numbers")
    kernel = numbers(kernel.reshape(3, 3) if kernel.size == 9 else kernel, (3, 3))
    bias = numbers(np.squeeze(bias), ())
    right = answers_of(secret["images"], secret["w"], secret["b"])
    with np.errstate(all="ignore"):  # weights of a training that has exploded
        ours = answers_of(secret["images"], kernel, float(bias))
        error = float(np.sqrt(np.mean((ours - right) ** 2)) / right.std())
    return min(error, 10.0) if np.isfinite(error) else 10.0


def judge_learn(given, kept, answer):
    """The middle one of three errors on secret images decides."""
    found = [answer["first"], answer["second"], answer["third"]]
    error = float(
        np.median([error_of(one, secret) for one, secret in zip(found, kept["secrets"], strict=True)])
    )
    bands = (0.3, 0.1, 0.03)
    reached = sum(error < band for band in bands)
    size = f"{error:.1%}" if error < 10 else "1,000 % or more"
    words = "" if reached == 3 else f"the error is {size}; the next point is at {bands[reached]:.0%}"
    return [part(3, "images that nobody has seen", words, reached / 3, score=1 - error)]


# %% [markdown]
# The filter that you learned, beside the one that was hidden:


# %%
def show_learned():
    """The hidden filter and the learned one."""
    if "answer" not in learned:
        raise NotImplementedError("the check above was not right yet")
    both = np.stack([example_kernel, np.reshape(learned["answer"][0], (3, 3))])
    return plots.weights(both, titles=["hidden", "learned"], columns=2, size=1.6)


preview(
    show_learned,
    alt="Two filters of 3 by 3 weights side by side, the hidden and the learned one. In a right answer they "
    "look the same.",
)

# %% [markdown]
# Nobody told the training that the filter looks for edges. A convolutional network does this with all its
# filters at once, and without being told what each of them ought to give.

# %% [markdown]
# ## What is done
#
# The visible checks of this notebook are a help, not the mark: the hidden ones use other inputs.

# %%
exercise.progress()
