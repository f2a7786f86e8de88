# %% [markdown]
# # 5 · Overfitting and evaluation
#
# A forecast that says "no hurricane today" every day is right on 98 days of 100. A network that has learned
# its examples by heart is right on all of them. Neither is of any use. **How do we find out whether a network
# has learned something, and what do we do when it has only memorized?** The first half of this lecture is
# about measuring, the second about mending. In both, the numbers that look best are the ones to doubt.
#
# **You will be able to**
#
# - split data without leaking, and show what a leak is worth;
# - compute precision, recall, F1, ROC and precision-recall curves by hand, and say which one a task needs;
# - train on rare events with a weighted loss, and say what the weights change;
# - recognize over- and underfitting, and treat them with L2, dropout and early stopping;
# - tell a better model from a luckier one, by several seeds and by McNemar's test.
#
# **Time:** 70 minutes to read, about one minute to run on the embedded digits. **Builds on:** lectures 2
# and 3.

# %%
import functools
from math import comb

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage, stats
from sklearn import metrics
from sklearn.tree import DecisionTreeClassifier, export_text

from lecture_utils import datasets, plots, training, widgets
from lecture_utils.checks import expect

training.quiet_tensorflow()
import keras
import tensorflow as tf

# %% [markdown]
# ## 5.1 Some questions need no network
#
# A table of 569 breast tumors. Each row describes the cell nuclei of one tumor by thirty numbers: their size,
# how rough, how concave, and so on (Street and others, 1993). Is the tumor malignant?

# %%
table = datasets.tumors()

# %%
# NBVAL_CHECK_OUTPUT
print(f"{table.x.shape[0]} rows, {table.x.shape[1]} columns")
for label, name in enumerate(table.class_names):
    print(f"class {label}, {name}: {np.sum(table.y == label)} rows")
for column in (0, 3, 27):
    print(f"{table.feature_names[column]:22s}", *table.x[:4, column])

# %% [markdown]
# Before anything else, we split: one part to train, one to choose, one to report. A random split of a small
# table can by bad luck put most malignant cases on one side. So we deal the rows out class by class. That is
# a **stratified** split.


# %%
def split(labels, shares, seed):
    """Deal rows out at random in the given shares, class by class; return the row numbers of each part."""
    rng = np.random.default_rng(seed)
    pieces = []
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        cuts = np.round(np.cumsum(shares)[:-1] * len(rows)).astype(int)
        pieces.append(np.split(rows, cuts))
    return [np.concatenate(parts) for parts in zip(*pieces, strict=True)]


# %%
# NBVAL_CHECK_OUTPUT
train, val, test = split(table.y, (0.6, 0.2, 0.2), seed=0)
for name, rows in [("train", train), ("validation", val), ("test", test)]:
    print(f"{name:10s} {len(rows)} rows, {table.y[rows].mean():.1%} malignant")
assert sorted([*train, *val, *test]) == list(range(len(table.y)))

# %% [markdown]
# Every row is in exactly one part, and the classes are mixed alike. Next comes the **baseline**: what score
# does someone reach who does not look at the columns at all?

# %%
baseline = np.mean(table.y[val] == 0)
print(f"'benign', always: {baseline:.1%} of the validation cases right")

# %% [markdown]
# Whatever we build has to beat that. The simplest thing that looks at the data is one question: *is this
# column larger than that value?* A good question leaves two groups that are each as pure as possible.
# Impurity is measured by **Gini's index** $2q(1-q)$, where $q$ is the share of malignant cases in a group: 0
# for a pure group, ½ for an even mixture. We try every column and every value.


# %%
def impurity(left, right):
    """Mean of Gini's index over two groups of 0/1 labels, weighted by their sizes."""
    return sum(len(g) * 2 * g.mean() * (1 - g.mean()) for g in (left, right)) / (len(left) + len(right))


def best_question(x, y):
    """Try each column and each value between two neighbors; return impurity, column, threshold."""
    found = []
    for column, values in enumerate(x.T):
        order = np.argsort(values)
        for i in np.flatnonzero(np.diff(values[order])) + 1:
            threshold = (values[order[i - 1]] + values[order[i]]) / 2
            found.append((impurity(y[order[:i]], y[order[i:]]), column, threshold))
    return min(found)


# %%
score, column, threshold = best_question(table.x[train], table.y[train])
stump = DecisionTreeClassifier(max_depth=1, random_state=0).fit(table.x[train], table.y[train])
print(f"ask first: is '{table.feature_names[column]}' larger than {threshold:.4f}?")

assert stump.tree_.feature[0] == column
np.testing.assert_allclose(stump.tree_.threshold[0], threshold, rtol=1e-6)

# %% [markdown]
# scikit-learn asks the same question. Ask each of the two groups the next best question, and so on, and you
# have a **decision tree**. Here it is with two questions in a row:

# %%
tree = DecisionTreeClassifier(max_depth=2, random_state=0).fit(table.x[train], table.y[train])
print(export_text(tree, feature_names=list(table.feature_names), class_names=list(table.class_names)))
tree_accuracy = tree.score(table.x[val], table.y[val])
expect(tree_accuracy - baseline, "what the tree gains over the baseline", always=(0.2, 0.4))

# %% [markdown]
# A rule that a doctor could read out, and far above the baseline. No network was needed.
#
# ## 5.2 What is a dog?
#
# Why was that so easy? Because the hard part was done before. Experts decided that concavity matters, and
# measured it on an image. The thirty columns are **features**, made by people who knew what to look for. And
# now write down the questions that tell a dog from everything else. How many legs can you see? Is a pixel
# brown? Nobody can list the features of a dog; nobody could even list those of a seven.
#
# > **Predict.** We give the tree the 784 pixels of a digit as its columns. How many of ten will it get right?
# > And if every digit may stand a few pixels off the center?

# %%
digits = datasets.mnist()


def scaled(images):
    """Pixels from 0..255 to 0..1."""
    return images.astype("float32") / 255


def moved(images, most, seed):
    """Shift each image by up to so many pixels in each direction."""
    shifts = np.random.default_rng(seed).integers(-most, most + 1, (len(images), 2))
    return np.stack([np.roll(image, shift, (0, 1)) for image, shift in zip(images, shifts, strict=True)])


x_train, y_train = scaled(digits.x_train[:5000]), digits.y_train[:5000]
x_val, y_val = (
    scaled(digits.x_train[-digits.validation :])[:1200],
    digits.y_train[-digits.validation :][:1200],
)
x_test, y_test = scaled(digits.x_test), digits.y_test

# %% [markdown]
# As in lecture 3, the validation digits are the last of the training data. The five thousand to train on are
# the first, so that the two do not meet.

# %%
assert len(digits.x_train) - digits.validation >= 5000
pixel_trees = {}
for most in (0, 4):
    pixels, others = (moved(x, most, seed).reshape(-1, 784) for seed, x in enumerate([x_train, x_val]))
    grown = DecisionTreeClassifier(random_state=0).fit(pixels, y_train)
    pixel_trees[most] = grown.score(others, y_val)
    print(f"moved by up to {most}: {grown.get_n_leaves():,} leaves, {pixel_trees[most]:.1%} right")

# %%
expect(pixel_trees[0], "tree on centered digits", digits, mnist=(0.7, 0.9), digits=(0.65, 0.85))
expect(pixel_trees[4], "tree on moved digits", digits, mnist=(0.2, 0.6), digits=(0.3, 0.6))

# %% [markdown]
# Hundreds of questions, more than a thousand on the moved digits, and no one can read them. Once the digits
# move, each pixel means something else in each image, and about half of the answers are wrong. The tree
# asks about *single* pixels; what makes a seven is how many pixels stand *together*. A network with one
# hidden layer sees the same moved digits:


# %%
def logits_of(model, x):
    """What a model answers, as an array."""
    return model(x, training=False).numpy()


def accuracy_of(model, x, y):
    """Share of the largest logits that are the right ones."""
    return float(np.mean(logits_of(model, x).argmax(axis=1) == y))


# %%
training.set_seeds(0)
learner = keras.Sequential(
    [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(128, "relu"), keras.layers.Dense(10)]
)
learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
bar = training.progress("moved digits")
learner.fit(moved(x_train, 4, 0), y_train, batch_size=50, epochs=8, verbose=0, callbacks=[bar])
learned = accuracy_of(learner, moved(x_val, 4, 1), y_val)

# %%
expect(learned, "network on moved digits", digits, mnist=(0.5, 0.95), digits=(0.5, 0.95))
expect(learned - pixel_trees[4], "what it gains over the tree", digits, mnist=0.1, digits=0.1)

# %% [markdown]
# Nobody told it what to look for. Its hidden units are weighted sums of many pixels, chosen by the data:
# **learned features**. That is the reason for networks. (It is still far from perfect. Lecture 6 tells it
# that pixels have neighbors.)
#
# The order of this section is a habit worth keeping: baseline, simple model, network. A network that does not
# beat the simple model is not worth its electricity.
#
# ## 5.3 Put the columns on one scale
#
# Back to the table. Its columns have different units. Here is where two of them end:

# %%
# NBVAL_CHECK_OUTPUT
print("largest values:", table.x.max(axis=0)[[19, 23]].round(2))

# %% [markdown]
# A network
# multiplies them all by weights of the same size, so that only the large ones are heard. **Normalization**
# subtracts from each column its mean and divides by its standard deviation. (Not by the variance, as one
# slide has it: that would leave units.)

# %%
mean, deviation = table.x[train].mean(axis=0), table.x[train].std(axis=0)
normalized = {name: (table.x[rows] - mean) / deviation for name, rows in [("train", train), ("val", val)]}

layer = keras.layers.Normalization()
layer.adapt(table.x[train])
np.testing.assert_allclose(layer(table.x[val]).numpy(), normalized["val"], atol=1e-4)

# %% [markdown]
# By hand and by Keras' layer: the same. Mean and deviation come from the **training rows alone**. Can one see
# that? Yes: the training columns then have mean zero to the last digit, the others only about zero.

# %%
# NBVAL_CHECK_OUTPUT
for name, x in normalized.items():
    print(f"{name:6s} largest mean of a column: {np.abs(x.mean(axis=0)).max():.3f}")
assert np.abs(normalized["train"].mean(axis=0)).max() < 1e-9
assert np.abs(normalized["val"].mean(axis=0)).max() > 0.05


# %%
def table_network(x, y):
    """Train a small network for a question with two answers; return it, and its losses."""
    training.set_seeds(0)
    model = keras.Sequential(
        [keras.Input((x.shape[1],)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(from_logits=True))
    losses = model.fit(x, y, batch_size=32, epochs=15, verbose=0).history["loss"]
    return model, losses


# %%
for name, x in [("raw", table.x[train]), ("normalized", normalized["train"])]:
    table_model, losses = table_network(x, table.y[train])
    print(f"{name:10s} mean loss of the first epoch {losses[0]:8.3f}, of the last {losses[-1]:.3f}")
    if name == "raw":
        raw_loss = losses[0]

network_right = np.mean((logits_of(table_model, normalized["val"])[:, 0] > 0) == table.y[val])

# %%
expect(raw_loss, "first loss on the raw columns", always=1.5, because="large columns make large logits")
expect(network_right, "validation accuracy, normalized", always=0.93)
expect(network_right - tree_accuracy, "what it gains over the tree", always=(0, 0.1))

# %% [markdown]
# The raw columns give a first loss far above $\ln 2 = 0.69$, which is what knowing nothing costs. With
# normalized columns the network starts learning at once. Is it better than the tree with its two questions?
# It got more of the validation cases right; how sure we can be of such a difference is the question of 5.10.
# (The test rows stay closed: here nothing is chosen for good.)
#
# ## 5.4 Leaks
#
# A **leak** is anything by which the test data reach the training. The score then says how well you
# cheated, and nobody notices until the model meets the world. Leaks come in three kinds.
#
# **By the scale** (small). Take mean and deviation from all rows, test rows included. It is a mistake, and
# here is what it changes:

# %%
scales = {"training rows": (mean, deviation), "all rows": (table.x.mean(axis=0), table.x.std(axis=0))}
by_scale = {}
for name, (center, unit) in scales.items():
    known, new = ((table.x[rows] - center) / unit for rows in (train, val))
    nearest = ((new[:, None] - known) ** 2).sum(axis=2).argmin(axis=1)
    by_scale[name] = np.mean(table.y[train][nearest] == table.y[val])
    print(f"nearest row, scale from {name:13s}: {by_scale[name]:.1%} right")

leaky_gain = by_scale["all rows"] - by_scale["training rows"]
expect(leaky_gain, "what the leak of the scale is worth", always=(-0.03, 0.03))

# %% [markdown]
# Here, next to nothing: a mean over hundreds of rows hardly cares about some more of them. Do it right all
# the same. It costs nothing, and the next leak looks just like it.
#
# **By choosing columns** (large). Sixty patients, five thousand genes, a few of which might matter. Somebody
# picks the twenty genes that differ most between the sick and the healthy, and then cross-validates a
# classifier on those twenty, properly, in five **folds**: each fifth of the patients is once the part that
# is not trained on. To see what that is worth, we let it loose on pure noise.
#
# > **Predict.** Genes and diagnoses below are random numbers. An honest procedure is right in half of the
# > cases. What does this one report?


# %%
def most_different(x, y, keep=20):
    """The columns whose means in the two classes are farthest apart."""
    gap = np.abs(x[y == 1].mean(axis=0) - x[y == 0].mean(axis=0))
    return np.argsort(-gap)[:keep]


def nearest_mean(x, y, new):
    """Give each new row the class whose mean is nearer."""
    centers = np.stack([x[y == label].mean(axis=0) for label in (0, 1)])
    return ((new[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)


# %%
def cross_validated(seed, honest):
    """Share of right answers over five folds of pure noise; honest: columns chosen inside each fold."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(60, 5000)), rng.permutation(np.arange(60) % 2)
    right = 0
    for held_out in np.array_split(rng.permutation(60), 5):
        rest = np.setdiff1d(np.arange(60), held_out)
        seen = rest if honest else np.arange(60)
        columns = most_different(x[seen], y[seen])
        answers = nearest_mean(x[np.ix_(rest, columns)], y[rest], x[np.ix_(held_out, columns)])
        right += np.sum(answers == y[held_out])
    return right / 60


# %%
leaky = np.mean([cross_validated(seed, honest=False) for seed in range(10)])
honest = np.mean([cross_validated(seed, honest=True) for seed in range(10)])
print(f"columns chosen on all patients: {leaky:.0%} right; inside each fold: {honest:.0%}")
expect(leaky, "accuracy on noise, with the leak", always=(0.85, 1))
expect(honest, "accuracy on noise, without", always=(0.38, 0.58))

# %% [markdown]
# More than nine of ten diagnoses right, on random numbers. Among five thousand columns of noise some twenty
# fit the sixty labels by accident, *also those of the held-out patients*. Published studies have made this
# mistake (Ambroise and McLachlan, 2002). The rule: **everything that looks at labels or measures the data
# belongs into the training part of each fold.**
#
# **By what belongs together** (hidden). Two scans of one patient, the copies of one digit, frames of one
# film. We take our table, let each tumor be measured twice with a little noise, and *shuffle the
# diagnoses*, so that there is nothing to learn. The nearest row decides.

# %%
rng = np.random.default_rng(0)
columns = (table.x - table.x.mean(axis=0)) / table.x.std(axis=0)
twice = np.concatenate([columns, columns]) + 0.1 * rng.normal(size=(2 * len(columns), 30))
patient, no_sense = np.tile(np.arange(569), 2), np.tile(rng.permutation(table.y), 2)


def nearest_row(rest, held_out):
    """How often the nearest of the other rows has the same label."""
    distances = ((twice[held_out, None] - twice[None, rest]) ** 2).sum(axis=2)
    return np.mean(no_sense[rest][distances.argmin(axis=1)] == no_sense[held_out])


# %%
by_row = rng.permutation(len(twice)) < 230
by_patient = np.isin(patient, rng.permutation(569)[:115])
same_label = {}
for name, chosen in [("rows dealt at random", by_row), ("patients dealt at random", by_patient)]:
    same_label[name] = nearest_row(np.flatnonzero(~chosen), np.flatnonzero(chosen))
    print(f"{name:24s} {same_label[name]:.0%} right")
leak_by_row, leak_by_patient = same_label.values()
expect(leak_by_row, "right on shuffled labels, dealt by row", always=(0.8, 1))
expect(leak_by_patient, "dealt by patient", always=(0.4, 0.65))

# %% [markdown]
# Shuffled labels as a control found the leak, as in lecture 3. By patient, what remains is chance: two random
# labels agree in $0.63^2+0.37^2=53\,\%$ of all cases. (This sketch takes the scale from all rows; it is noise
# we are after.)
#
# > **Pitfall.** A score that is too good is a symptom. Before you celebrate: which row could know the answer
# > of which other row? Then split by patient, by writer, by day, by whatever they share.
#
# ## 5.5 Ninety-eight percent, and useless
#
# The slides tell of a network that was trained on 27,360 graphics processors to find hurricanes on climate
# maps (Kurth et al., 2018), and add what made it hard: "no hurricane today" is right in 98 % of the cases.
# (In the paper the 98 % are pixels of maps; we count days.) We make such maps ourselves: 8 × 8 numbers of
# air pressure, with a wide low on an ordinary day, and on one day in fifty a narrow one in its place,
# usually deeper: a storm.


# %%
def weather(count, seed):
    """Maps of air pressure, shape (count, 8, 8), and whether there is a storm (two in a hundred)."""
    rng = np.random.default_rng(seed)
    maps = 2 * ndimage.gaussian_filter(rng.normal(size=(count, 8, 8)), (0, 1, 1))
    storm = rng.permutation(np.arange(count) < 0.02 * count).astype(int)
    rows, columns = np.mgrid[:8, :8]
    row, column = 3.5 + rng.uniform(-1, 1, (2, count, 1, 1))
    depth = np.where(storm == 1, rng.uniform(1.5, 4, count), rng.uniform(0, 3, count))
    width = np.where(storm == 1, 1.2, 2.5)
    distance = ((rows - row) ** 2 + (columns - column) ** 2) / (2 * width[:, None, None] ** 2)
    return (maps - depth[:, None, None] * np.exp(-distance)).astype("float32"), storm


maps_train, storm_train = weather(12_000, seed=0)
maps_val, storm_val = weather(8_000, seed=1)
maps_test, storm_test = weather(8_000, seed=2)

# %%
shown = [*np.flatnonzero(storm_train == 0)[:5], *np.flatnonzero(storm_train == 1)[:5]]
figure, axes = plt.subplots(2, 5, figsize=(7, 3.2), layout="constrained")
for panel, i in zip(axes.ravel(), shown, strict=True):
    shades = panel.imshow(maps_train[i], cmap=plots.DIVERGING, vmin=-4, vmax=4)
    panel.set_title("storm" if storm_train[i] else "no storm")
    panel.axis("off")
figure.colorbar(shades, ax=axes, label="pressure")
plots.show(
    figure,
    alt="Ten maps of eight by eight pixels, low pressure in one color and high pressure in the other: above "
    "five days without a storm, each with a broad low; below five with one, a narrow spot of low pressure "
    "near the center, in some of them hard to see.",
)

# %% [markdown]
# > **Predict.** A network is trained on 12,000 such maps. Its accuracy will be better than 98 %. How many of
# > ten storms will it announce?


# %%
def storm_network(class_weight=None):
    """A network with one hidden layer that gives the logit of a storm, trained on the maps."""
    training.set_seeds(0)
    hidden = keras.layers.Dense(32, activation="relu")
    model = keras.Sequential([keras.Input((8, 8)), keras.layers.Flatten(), hidden, keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.003), keras.losses.BinaryCrossentropy(from_logits=True))
    bar = training.progress("storms")
    labels = storm_train[:, None]
    model.fit(
        maps_train, labels, batch_size=128, epochs=8, class_weight=class_weight, verbose=0, callbacks=[bar]
    )
    return model


def probability(model, maps):
    """The sigmoid of the logits."""
    return 1 / (1 + np.exp(-logits_of(model, maps)[:, 0].astype(float)))


plain = storm_network()
p_plain = probability(plain, maps_val)

# %% [markdown]
# Now count. There are four cases: storm or not, announced or not. The **confusion matrix** holds them; rows
# are the truth, columns the answer.


# %%
def confusion(truth, answers):
    """Count how often each class (row) got each answer (column)."""
    counts = np.zeros((2, 2), int)
    np.add.at(counts, (truth, answers), 1)
    return counts


def scores(truth, answers):
    """Accuracy, precision, recall and F1 of class 1; 0 where there is nothing to divide by."""
    (_, false_alarms), (missed, hits) = confusion(truth, answers)
    precision = hits / max(hits + false_alarms, 1)
    recall = hits / max(hits + missed, 1)
    f1 = 2 * hits / max(2 * hits + false_alarms + missed, 1)
    return {"accuracy": np.mean(truth == answers), "precision": precision, "recall": recall, "F1": f1}


# %%
announced = (p_plain > 0.5).astype(int)
never = np.zeros_like(announced)
for name, answers in [("never a storm", never), ("the network", announced)]:
    print(f"{name:14s}", ", ".join(f"{key} {value:.3f}" for key, value in scores(storm_val, answers).items()))
print(confusion(storm_val, announced))

# %%
ours = scores(storm_val, announced)
deep = (maps_val.min(axis=(1, 2)) < -4).astype(int)  # a rule without a network: some point is very low
for answers in (announced, deep, never):
    np.testing.assert_array_equal(confusion(storm_val, answers), metrics.confusion_matrix(storm_val, answers))
    by_library = metrics.precision_recall_fscore_support(
        storm_val, answers, average="binary", zero_division=0
    )
    by_hand = list(scores(storm_val, answers).values())[1:]
    np.testing.assert_allclose(by_hand, by_library[:3])

# %% [markdown]
# - **Precision**: of the storms that were announced, how many came? A matter of one *column*.
# - **Recall**: of the storms that came, how many were announced? A matter of one *row*.
# - **F1** is their harmonic mean, which is small as soon as one of them is.
#
# Whoever never announces a storm divides zero by zero; the convention is to call that precision 0. The
# network's **accuracy is a little above 98 %**, hardly more than the baseline, and it misses about half of
# the storms, or more. Accuracy did not say so, because it counts the 98 easy days with the two that matter.

# %%
expect(scores(storm_val, never)["accuracy"], "accuracy of 'no storm today'", always=0.98)
expect(ours["accuracy"], "accuracy of the network", always=(0.98, 0.995))
expect(ours["recall"], "its recall", always=(0.2, 0.65))

# %% [markdown]
# ## 5.6 All thresholds at once
#
# The network gives a probability; *we* said "announce above ½". Why ½? Each threshold is another trade of
# false alarms against missed storms. Go through all of them, from the strictest down, and draw:
#
# - the **ROC curve**: recall against the share of quiet days with a false alarm;
# - the **precision-recall curve**: precision against recall.
#
# Sort the maps by their score, and count as you go down. Equal scores are announced together.


# %%
def counts_down(truth, score):
    """True and false alarms at each threshold, from the strictest down; equal scores together."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)  # the last of each group of equal scores
    hits = np.cumsum(truth[order])[last]
    return hits, np.flatnonzero(last) + 1 - hits


def roc(truth, score):
    """False-alarm rate and recall, both from 0 to 1."""
    hits, alarms = counts_down(truth, score)
    return np.append(0, alarms / alarms[-1]), np.append(0, hits / hits[-1])


def precision_recall(truth, score):
    """Precision and recall at each threshold."""
    hits, alarms = counts_down(truth, score)
    return hits / (hits + alarms), hits / hits[-1]


# %% [markdown]
# The area under the ROC curve, **AUC**, sums up the ranking: 1 is perfect, ½ is guessing. For the other curve
# one takes the **average precision**, the precision at each step of the recall, weighted by the step. Both
# equal scikit-learn's, also where scores are tied (we round them to make ties):

# %%
for score in (p_plain, p_plain.round(1)):
    precision, recall = precision_recall(storm_val, score)
    average_precision = np.sum(np.diff(recall, prepend=0) * precision)
    auc = np.trapezoid(*roc(storm_val, score)[::-1])
    np.testing.assert_allclose(auc, metrics.roc_auc_score(storm_val, score))
    np.testing.assert_allclose(average_precision, metrics.average_precision_score(storm_val, score))
    print(f"AUC {auc:.3f}, average precision {average_precision:.3f}")

# %%
lowest = -maps_val.min(axis=(1, 2))  # a rule without a network: how deep is the deepest point?
figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
for name, score in [("network", p_plain), ("lowest pressure", lowest)]:
    axes[0].plot(*roc(storm_val, score), label=name)
    axes[1].plot(*precision_recall(storm_val, score)[::-1], label=name)
axes[0].plot([0, 1], [0, 1], ":", color="0.4", label="guessing")
axes[1].axhline(0.02, linestyle=":", color="0.4", label="guessing")
axes[0].set(title="ROC", xlabel="share of quiet days with an alarm", ylabel="recall")
axes[1].set(title="precision and recall", xlabel="recall", ylabel="precision")
axes[1].legend()
plots.show(
    figure,
    alt="Left, two ROC curves above the diagonal: the network's rises steeply to the upper left corner, that "
    "of the lowest pressure lies far below it. Right, precision against recall: the network's curve stays at "
    "1 for a while and then falls all the way down, that of the lowest pressure is low from the start.",
)

# %%
auc_plain, auc_lowest = (metrics.roc_auc_score(storm_val, score) for score in (p_plain, lowest))
expect(auc_plain, "AUC of the network", always=0.94)
expect(auc_lowest, "AUC of the lowest pressure", always=(0.6, 0.75))

# %% [markdown]
# The same network looks splendid on the left and modest on the right. ROC divides the false alarms by the
# many quiet days; precision compares them with the few storms. **Where the event is rare, look at precision
# and recall.** Move the threshold, and see what it trades:


# %%
def draw_threshold(threshold=0.5):
    """The scores of both classes, the threshold, and what comes of it."""
    figure, axes = plt.subplots(figsize=(6.5, 3), layout="constrained")
    bins = np.linspace(0, 1, 41).tolist()
    for label, name in enumerate(["no storm", "storm"]):
        axes.hist(p_plain[storm_val == label], bins, alpha=0.6, label=name)
    axes.axvline(threshold, color="black", linestyle="--")
    result = scores(storm_val, (p_plain > threshold).astype(int))
    words = ", ".join(f"{name} {value:.2f}" for name, value in result.items() if name != "F1")
    axes.set(yscale="log", xlabel="probability of a storm", ylabel="maps", title=words)
    axes.legend()
    return figure


widgets.explore(
    draw_threshold,
    alt="Histograms of the network's probability for maps with and without a storm, on a logarithmic axis: "
    "the quiet days pile up near 0, the storms spread over the whole range. A dashed line marks the "
    "threshold; the title gives accuracy, precision and recall.",
    threshold=(0.0, 1.0, 0.02),
)

# %% [markdown]
# ## 5.7 A loss that cares
#
# The other way is to tell the *training* what a missed storm costs. A **weighted loss** multiplies the loss
# of each example by the weight of its class. The usual choice is $w_c = n/(2n_c)$: then both classes weigh
# the same in total, and the weights average to one.

# %%
# NBVAL_CHECK_OUTPUT
share = storm_train.mean()
class_weight = {0: 0.5 / (1 - share), 1: 0.5 / share}
print({label: round(float(weight), 3) for label, weight in class_weight.items()})
weights = np.where(storm_train == 1, class_weight[1], class_weight[0])
assert np.isclose(weights.mean(), 1)
assert np.isclose(weights[storm_train == 1].sum(), weights[storm_train == 0].sum())

# %%
p = probability(plain, maps_train)
each = -np.where(storm_train == 1, np.log(p), np.log(1 - p))
by_hand = np.mean(weights * each)
by_keras = plain.evaluate(
    maps_train, storm_train[:, None], sample_weight=weights, batch_size=12_000, verbose=0
)
np.testing.assert_allclose(by_hand, by_keras, rtol=1e-3)
print(f"loss of the plain network: {each.mean():.3f}, weighted {by_hand:.3f}")

# %% [markdown]
# By hand and by Keras, the same. (Keras divides by the number of examples, not by the sum of the weights;
# with weights that average to one over all maps this makes no difference.) Under this loss the plain
# network looks much worse: its mistakes are on the maps that now count 25-fold. We train again, with the
# weights.

# %%
weighted = storm_network(class_weight)
p_weighted = probability(weighted, maps_val)
result = {}
for name, p in [("plain", p_plain), ("weighted", p_weighted)]:
    result[name] = scores(storm_val, (p > 0.5).astype(int)) | {"AUC": metrics.roc_auc_score(storm_val, p)}
    print(f"{name:9s}", ", ".join(f"{key} {value:.3f}" for key, value in result[name].items()))

# %%
expect(p_weighted.mean() / p_plain.mean(), "mean probability, weighted against plain", always=2)
gain = result["weighted"]["recall"] - result["plain"]["recall"]
expect(gain, "recall gained by the weights", always=0.25)
loss = result["plain"]["precision"] - result["weighted"]["precision"]
expect(loss, "precision lost", always=0.3)
expect(abs(result["weighted"]["AUC"] - result["plain"]["AUC"]), "change of the AUC", always=(0, 0.03))

# %% [markdown]
# Accuracy fell below the useless baseline, and yet most people would prefer this forecast: it announces
# about nine of ten storms. The price: most of its alarms come to nothing. So that is what the slide means
# by *solved with a weighted loss function*. But look at the AUC: the weighted network **ranks the maps no
# better**. Weighting storms 49 times as much as quiet days multiplies the odds that the network aims for by
# 49; the same is had, without any training, by moving the threshold to odds of 1 to 49:

# %%
odds = class_weight[1] / class_weight[0]
moved_threshold = scores(storm_val, (p_plain > 1 / (1 + odds)).astype(int))
print(f"plain network, threshold {1 / (1 + odds):.3f}: recall {moved_threshold['recall']:.3f}", end=", ")
print(f"precision {moved_threshold['precision']:.3f}")
np.testing.assert_allclose(odds, 49)
difference = abs(moved_threshold["recall"] - result["weighted"]["recall"])
expect(difference, "recall, moved threshold against weights", always=(0, 0.15))

# %% [markdown]
# Nearly the same trade. Weights help where a network has stopped looking at the rare class; here they did the
# work of a threshold. What they cost: the output is no longer a probability (its mean is far above 2 %).
# Which threshold is right is not for the network to say. It depends on what a missed storm costs, and a
# false alarm: the exercise computes it. The test maps report once, for the choice that we made on the
# validation maps:

# %%
on_test = scores(storm_test, (probability(weighted, maps_test) > 0.5).astype(int))
standard_error = np.sqrt(on_test["recall"] * (1 - on_test["recall"]) / storm_test.sum())
print(f"test: recall {on_test['recall']:.2f} ± {standard_error:.2f}, precision {on_test['precision']:.2f}")
expect(on_test["recall"], "test recall of the weighted network", always=(0.8, 0.97))

# %% [markdown]
# ## 5.8 Too small, too large, too few
#
# Now to memorizing. We make it easy: for one in five training digits the label is drawn at random, so that
# nearly one in five is wrong, as in data that tired people have labeled. A network can only get those right
# by heart. First we vary the **capacity**, the number of hidden units, on 500 digits; then the **number of
# digits**, with 128 units.
#
# So that every network gets the same number of steps, whatever the number of images, we deal the images out
# again and again in one long row, and train on it once.

# %%
noise = np.random.default_rng(0)
labels_noisy = np.where(noise.random(5000) < 0.2, noise.integers(0, 10, 5000), y_train)
print(f"{np.mean(labels_noisy != y_train):.1%} of the training labels are wrong")


def digit_network(units, count, labels, seed=0, rate=0.0, steps=400):
    """One hidden layer, trained for so many steps on the first images with the given labels."""
    training.set_seeds(seed)
    layers = [
        keras.layers.Dense(units, activation="relu"),
        keras.layers.Dropout(rate),
        keras.layers.Dense(10),
    ]
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), *layers])
    model.compile(keras.optimizers.Adam(0.003), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(seed)
    row = np.concatenate([rng.permutation(count) for _ in range(steps * 50 // count + 1)])[: steps * 50]
    model.fit(x_train[row], labels[row], batch_size=50, epochs=1, verbose=0)
    return model


# %%
widths, by_width = [1, 4, 16, 64, 256], {}
for units in widths:
    model = digit_network(units, 500, labels_noisy)
    right = accuracy_of(model, x_train[:500], labels_noisy[:500]), accuracy_of(model, x_val, y_val)
    by_width[units] = 1 - np.array(right)

sizes, by_size = [50, 200, 1000, 5000], {}
for count in sizes:
    model = digit_network(128, count, labels_noisy)
    right = accuracy_of(model, x_train[:count], labels_noisy[:count]), accuracy_of(model, x_val, y_val)
    by_size[count] = 1 - np.array(right)

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
for panel, found in zip(axes, [by_width, by_size], strict=True):
    for name, values in zip(["training", "validation"], np.array(list(found.values())).T, strict=True):
        panel.plot(list(found), values, marker="o", label=name)
    panel.set(xscale="log", ylim=(-0.03, 1), ylabel="share of wrong answers")
    panel.set_xticks(list(found), [str(value) for value in found])
    panel.minorticks_off()
axes[0].set(title="500 digits", xlabel="hidden units")
axes[1].set(title="128 hidden units", xlabel="training digits")
axes[1].legend()
plots.show(
    figure,
    alt="Left, errors against the number of hidden units: with one unit both are high; the training error "
    "then falls to zero, the validation error falls, too, and levels off far above it. Right, errors "
    "against the number of digits: the training error rises from zero, the validation error falls; at the "
    "right end they have crossed.",
)

# %%
best_width = min(by_width, key=lambda units: by_width[units][1])
print(f"lowest validation error {by_width[best_width][1]:.1%} with {best_width} units")
expect(by_width[1].min(), "smaller of the errors with 1 unit", always=0.45)
expect(by_width[256][0], "training error with 256 units", always=(0, 0.05))
expect(by_width[256][1], "validation error with 256 units", digits, mnist=(0.1, 0.5), digits=(0.1, 0.5))
uphill = by_width[256][1] - by_width[best_width][1]
expect(uphill, "how far it rises again on the right", digits, mnist=(0, 0.1), digits=(0, 0.05))

# %% [markdown]
# - Left end: training *and* validation error are high. The network is too small: it **underfits**.
# - Right end: the training error is almost zero, wrong labels included. The network **overfits**: on new
#   digits it errs far more often than on those that it knows.
#
# The textbook draws the validation error as a U: too small, just right, too large. Not here. It falls and
# then stays where it is. That a network with far more parameters than examples does so little additional
# harm is a puzzle of its own (Zhang et al., 2017; Belkin et al., 2019). "Too many parameters" is not the
# whole story of overfitting. More data is the cure that works most reliably:

# %%
gaps = {count: by_size[count][1] - by_size[count][0] for count in sizes}
print("validation minus training error:", {count: round(float(gap), 2) for count, gap in gaps.items()})
expect(by_size[50][1] - by_size[5000][1], "what 5,000 digits gain over 50", digits, mnist=0.2, digits=0.2)
expect(gaps[50] - gaps[5000], "by how much the gap closes", digits, mnist=0.3, digits=0.3)

# %% [markdown]
# With 5,000 digits the training error does not fall to zero in these 400 steps: each digit is seen only
# four times (each of the fifty 400 times), so that the network learns what the digits have in common. How
# can it then be *better* on new digits? Because their labels are right. Of the training labels nearly one
# in five is wrong, and a network that is not taken in by them counts as mistaken each time:

# %%
bad = labels_noisy != y_train
seduced = np.mean(logits_of(model, x_train).argmax(axis=1)[bad] == labels_noisy[bad])
print(f"the network trained on all 5,000 repeats {seduced:.0%} of the wrong labels")
expect(seduced, "share of the wrong labels that it repeats", digits, mnist=(0, 0.4), digits=(0, 0.4))

# %% [markdown]
# Few of them, and it has seen each of them four times. Four right examples outvote one wrong one.
#
# ## 5.9 Three ways to hold back
#
# More data cannot always be had. Then one makes memorizing expensive. The slides report, for a network of
# three layers (they do not say on which data):
#
# | | training | test |
# |---|---|---|
# | without regularization | 95 % | 91.5 % |
# | with L2 | 94 % | 93 % |
# | with dropout | 93 % | 95 % |
#
# We repeat that with two moons that overlap. First the mechanisms.
#
# ### L2: large weights cost
# The slides add to the mean loss over $m$ examples the squares of all weights (not of the biases):
#
# $$J = \frac1m\sum_i \mathcal L_i + \frac{\lambda}{2m}\sum_{jk} w_{jk}^2 .$$
#
# Keras' `L2(l2)` adds $l_2\sum w^2$. No $2$, no $m$. So the same number means two things, and the deck's
# $\lambda$ is Keras' $l_2 = \lambda/2m$.


# %%
def moons_network(l2=0.0, rate=0.0):
    """Two hidden layers of 64 units, with an L2 penalty on all weights and dropout."""
    penalty = keras.regularizers.L2(l2)
    layers = []
    for _ in range(2):
        layers += [keras.layers.Dense(64, activation="relu", kernel_regularizer=penalty)]
        layers += [keras.layers.Dropout(rate)]
    outputs = keras.layers.Dense(1, kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((2,)), *layers, outputs])
    model.compile(keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(from_logits=True))
    return model


pool = datasets.moons(n=6000, noise=0.3, seed=1)
points, sides = pool.x[:60], pool.y[:60]

# %%
m, deck_lambda = len(points), 0.7
training.set_seeds(0)
penalized = moons_network(l2=deck_lambda / (2 * m))
p = probability(penalized, points)
data_loss = -np.mean(np.where(sides == 1, np.log(p), np.log(1 - p)))
squares = sum(np.sum(kernel.numpy() ** 2) for kernel in penalized.trainable_variables[::2])
deck_cost = data_loss + deck_lambda / (2 * m) * squares
keras_cost = penalized.evaluate(points, sides[:, None], verbose=0)
print(f"data {data_loss:.4f} + penalty {deck_cost - data_loss:.4f} = {deck_cost:.4f}, Keras {keras_cost:.4f}")
np.testing.assert_allclose(deck_cost, keras_cost, rtol=1e-4)

# %% [markdown]
# Matched. What does the penalty do in a step? Its gradient is $2 l_2 w = \frac{\lambda}{m} w$: each weight is
# pulled towards zero in proportion to itself. Hence the other name, **weight decay** (for plain SGD they are
# the same thing; for Adam they are not: Loshchilov and Hutter, 2019).

# %%
with tf.GradientTape() as tape:
    penalty_only = tf.add_n(penalized.losses)
kernels = penalized.trainable_variables[::2]
for kernel, gradient in zip(kernels, tape.gradient(penalty_only, kernels), strict=True):
    np.testing.assert_allclose(gradient, deck_lambda / m * kernel.numpy(), rtol=1e-4, atol=1e-8)
print(f"put the deck's lambda into L2() as it is, and the penalty is {2 * m} times as strong")

# %% [markdown]
# > **Pitfall.** A $\lambda$ from a paper is worthless without its formula. Is it halved? Divided by the
# > number of examples? Is the loss a sum or a mean? When in doubt, compute both costs once, as above.
#
# ### Dropout: no unit can rely on another
# In training, each output of a layer is set to zero with probability `rate`, and those that stay are divided
# by $1-$`rate`, so that the expected sum remains. Afterwards nothing is dropped. (Srivastava et al., 2014;
# lecture 8 looks closer.)

# %%
training.set_seeds(0)
dropout = keras.layers.Dropout(0.25)
values = np.random.default_rng(0).uniform(1, 2, (1000, 100)).astype("float32")
dropped = dropout(values, training=True).numpy()
mask = dropped != 0
np.testing.assert_allclose(dropped, values * mask / (1 - 0.25), rtol=1e-6)
np.testing.assert_array_equal(dropout(values, training=False), values)
print(
    f"{1 - mask.mean():.3f} of the values are zero; mean before {values.mean():.3f}, after "
    f"{dropped.mean():.3f}"
)
expect(1 - mask.mean(), "share that is dropped at rate 0.25", always=(0.24, 0.26))

# %% [markdown]
# > **Erratum.** `rate` is the share that is *dropped*. In two of the slide decks, and in the TensorFlow 1
# > code of a third, the number next to dropout is the share that is *kept*. A "dropout of 0.8" taken over
# > from there would drop four units of five instead of one.

# %%
training.set_seeds(0)
noisy = moons_network(rate=0.5)
twice_trained = [noisy(points, training=True).numpy() for _ in range(2)]
twice_asked = [noisy(points, training=False).numpy() for _ in range(2)]
assert np.abs(twice_trained[0] - twice_trained[1]).max() > 0.01  # in training each pass is another network
np.testing.assert_array_equal(*twice_asked)

# %% [markdown]
# ### Which strength?
# Ask the validation points. Sixty points to train (new ones for each seed), 400 to choose, 4,000 to report.

# %%
choose, report = slice(1000, 1400), slice(2000, 6000)  # rows of the pool


def trained_on_moons(seed, l2=0.0, rate=0.0):
    """Train on the 60 points of this seed, 600 times each; return the network and the rows."""
    rows = slice(60 * seed, 60 * seed + 60)
    training.set_seeds(seed)
    model = moons_network(l2, rate)
    x, y = np.tile(pool.x[rows], (600, 1)), np.tile(pool.y[rows], 600)
    model.fit(x, y[:, None], batch_size=60, epochs=1, verbose=0)
    return model, rows


def right_on_points(model, rows):
    """Share of the points on the right side."""
    return np.mean((logits_of(model, pool.x[rows])[:, 0] > 0) == pool.y[rows])


# %%
candidates = {f"L2 {l2}": {"l2": l2} for l2 in (0.001, 0.003, 0.01)}
candidates |= {f"dropout {rate}": {"rate": rate} for rate in (0.2, 0.5)}
chosen_by = {}
for name, settings in candidates.items():
    model, _ = trained_on_moons(10, **settings)  # a seed that is not used below
    chosen_by[name] = right_on_points(model, choose)
    print(f"{name:12s} validation {chosen_by[name]:.1%}")
best_l2 = max(list(chosen_by)[:3], key=lambda name: chosen_by[name])
best_dropout = max(list(chosen_by)[3:], key=lambda name: chosen_by[name])

# %%
recipes = {"none": {}, best_l2: candidates[best_l2], best_dropout: candidates[best_dropout]}
on_moons, sizes_of_weights = {}, {}
pictures: dict = {}
for name, settings in recipes.items():
    shares = []
    for seed in range(5):
        model, own = trained_on_moons(seed, **settings)
        shares.append([right_on_points(model, own), right_on_points(model, report)])
        pictures.setdefault(name, model)  # the one of seed 0
    on_moons[name] = np.array(shares)
    sizes_of_weights[name] = sum(np.sum(kernel.numpy() ** 2) for kernel in model.trainable_variables[::2])

# %% [markdown]
# Five seeds each, other points and other initial weights. A mean of five needs an interval; the next section
# says how it is computed.


# %%
def interval(values, confidence=0.95):
    """Mean, and half the width of its confidence interval by Student's t."""
    n = len(values)
    quantile = stats.t.ppf((1 + confidence) / 2, df=n - 1)
    return np.mean(values), quantile * np.std(values, ddof=1) / np.sqrt(n)


print(f"{'':12s} {'training':>16s} {'test':>18s}   deck: training, test")
for (name, values), deck in zip(on_moons.items(), ["95 %, 91.5 %", "94 %, 93 %", "93 %, 95 %"], strict=True):
    ours_train, ours_test = (interval(column) for column in values.T)
    print(
        f"{name:12s} {ours_train[0]:8.1%} ± {ours_train[1]:.1%} {ours_test[0]:10.1%} ± {ours_test[1]:.1%}  "
        f" {deck}"
    )

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 2.5), layout="constrained")
for panel, (name, model) in zip(axes, pictures.items(), strict=True):
    plots.decision_regions(
        functools.partial(probability, model),
        points,
        sides,
        axes=panel,
        title=name,
        extent=(-2, 3, -1.5, 2),
        colorbar=False,
    )
plots.show(
    figure,
    alt="Sixty points of two overlapping moons and the regions of three networks of the same seed. Without "
    "regularization the border is sharp and bends around single points; with L2 it is smoother, with a soft "
    "transition; with dropout it is smoother, too.",
)

# %%
none, with_l2, with_dropout = on_moons.values()
expect((none - with_l2).mean(axis=0)[0], "training accuracy that L2 costs", always=(0, 0.12))
paired = {name: interval(values[:, 1] - none[:, 1]) for name, values in list(on_moons.items())[1:]}
for name, (gain, half) in paired.items():
    print(f"{name:12s} test accuracy gained: {100 * gain:+.1f} ± {100 * half:.1f} points")
gains = [float(gain) for gain, _ in paired.values()]
expect(gains[0] - gains[1], "by how much L2 gains more than dropout", always=(-0.01, 0.05))
expect(gains[0], "test accuracy gained by L2", always=(0, 0.06))
for name, (gain, half) in paired.items():
    expect(abs(gain) / half, f"gain by {name}, in half widths of its interval", always=(0, 1.5))
ahead = int(np.sum(with_l2[:, 1] > none[:, 1]))
print(f"L2 is ahead for {ahead} of the five seeds")
ratio = sizes_of_weights[best_l2] / sizes_of_weights["none"]
expect(ratio, "sum of squared weights, L2 against none", always=(0, 0.5))

# %% [markdown]
# Regularization costs training accuracy, as the slides say, and L2 makes the border smoother, as they say,
# too. And on the test points? The mean is in favor of L2, but look at the intervals: sixty points drawn
# anew are so different that five draws hardly decide. The slides give one number each, and no interval. If
# their test set had 200 points (they do not say), one standard error would be

# %%
# NBVAL_CHECK_OUTPUT
error = np.sqrt(0.93 * 0.07 / 200)
print(f"{error:.1%}; in standard errors of a difference:")
for what, share in [("L2", 0.93), ("dropout", 0.95)]:
    print(f"  from 91.5 to {share:.0%} ({what}) is {(share - 0.915) / (np.sqrt(2) * error):.1f}")

# %% [markdown]
# So the same holds for the table of the slides: it may be right, and it does not show it. (That dropout
# tests better there than it trains may come from measuring the training while units were dropped.) In our
# table dropout, first on the slides, is not ahead of L2, and its gain cannot be told from zero. Lecture 8
# asks again. (And a penalty can be too strong. Try `l2=0.1`: the network then underfits.)
#
# ### Early stopping: leave before it memorizes
# Watch the validation loss; when it has not reached a new lowest value for `patience` epochs, stop, and go
# back to the best epoch. By hand, on the losses of a training that nobody stops:


# %%
def stops(losses, patience):
    """The epoch in which training would stop, and the best one until then, counted from 1."""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best >= patience:
            return epoch + 1, best + 1
    return len(losses), best + 1


def watched(callbacks=()):
    """Train a large network on 500 digits with noisy labels, and watch the validation loss."""
    training.set_seeds(0)
    layers = [keras.layers.Dense(256, activation="relu"), keras.layers.Dense(10)]
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), *layers])
    model.compile(keras.optimizers.Adam(0.005), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    few, watch = (x_train[:500], labels_noisy[:500]), (x_val, y_val)
    settings = {"batch_size": 50, "epochs": 15, "validation_batch_size": 1200, "verbose": 0}
    history = model.fit(*few, validation_data=watch, callbacks=list(callbacks), **settings).history
    return model, history


# %%
unstopped_model, going_on = watched()
callback = keras.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
stopped_model, stopped = watched([callback])

last, best = stops(going_on["val_loss"], patience=3)
print(
    f"by hand: stop after epoch {last}, go back to epoch {best}; Keras stopped after {len(stopped['loss'])}"
)
assert len(stopped["loss"]) == last
restored = stopped_model.evaluate(x_val, y_val, batch_size=1200, verbose=0)
np.testing.assert_allclose(restored, going_on["val_loss"][best - 1], rtol=1e-3)

# %%
figure, axes = plt.subplots(figsize=(5.5, 3), layout="constrained")
epochs = range(1, len(going_on["loss"]) + 1)
axes.plot(epochs, going_on["loss"], label="training")
axes.plot(epochs, going_on["val_loss"], label="validation")
axes.axvline(best, linestyle=":", color="0.4")
axes.text(best + 0.3, 0.85 * axes.get_ylim()[1], "the best epoch")
axes.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
axes.legend()
plots.show(
    figure,
    alt="Loss over 15 epochs: the training loss falls towards zero, the validation loss falls, turns after a "
    "few epochs and rises. A dotted line marks its lowest point.",
)

# %%
rise = going_on["val_loss"][-1] - min(going_on["val_loss"])
expect(rise, "rise of the validation loss after its lowest", digits, mnist=0.02, digits=0.05)
expect(best, "best epoch of 15", digits, mnist=(1, 12), digits=(2, 12))

# %% [markdown]
# What did stopping prevent? We ask both networks for the training digits whose label is wrong.

# %%
believed = {}
for name, model in [("stopped", stopped_model), ("not stopped", unstopped_model)]:
    given = logits_of(model, x_train[:500]).argmax(axis=1)[bad[:500]]
    believed[name] = np.mean(given == labels_noisy[:500][bad[:500]])
    print(f"{name:12s} repeats {believed[name]:.0%} of the wrong labels")
expect(believed["not stopped"] - believed["stopped"], "what stopping prevented", always=0.05)

# %% [markdown]
# What many examples share is learned in the first epochs; what is special to one of them, a wrong label,
# takes longer. (The validation digits have now chosen the epoch. They flatter a little, and may not
# report.)
#
# ## 5.10 Better, or luckier?
#
# Two networks, 32 hidden units against 128 with dropout, trained on the same 1,500 digits with right labels.
# Which is better? Another seed is another start and another order of the images: train each five times.

# %%
models = {"32 units": (32, 0.0), "128, dropout": (128, 0.2)}
answers, over_seeds = {}, {}
for name, (units, rate) in models.items():
    trained = [digit_network(units, 1500, y_train, seed, rate) for seed in range(5)]
    answers[name] = [logits_of(model, x_test).argmax(axis=1) for model in trained]
    over_seeds[name] = np.array([np.mean(given == y_test) for given in answers[name]])
    print(f"{name:13s}", ", ".join(f"{share:.1%}" for share in over_seeds[name]))

# %% [markdown]
# The same network, the same data, five results. A report that gives one of them gives a random number. The
# mean of $n$ such numbers has the **confidence interval** $\bar a \pm t\,s/\sqrt n$, with their standard
# deviation $s$ (divided by $n-1$ under the root) and the quantile $t$ of Student's distribution for $n-1$
# degrees of freedom. For five values and 95 % that is

# %%
# NBVAL_CHECK_OUTPUT
print(f"t = {stats.t.ppf(0.975, df=4):.3f}, not 1.96: few values, wide interval")

# %%
figure, axes = plt.subplots(figsize=(6, 2.2), layout="constrained")
for place, (name, values) in enumerate(over_seeds.items()):
    middle, half = interval(values)
    low, high = stats.t.interval(0.95, df=4, loc=values.mean(), scale=stats.sem(values))
    np.testing.assert_allclose([middle - half, middle + half], [low, high])
    axes.errorbar(middle, place, xerr=half, marker="|", markersize=14, capsize=5)
    axes.plot(values, np.full(5, place + 0.18), "o", color=f"C{place}")
    print(f"{name:13s} {middle:.1%} ± {half:.1%}")
axes.set(
    yticks=[0, 1], yticklabels=list(over_seeds), ylim=(-0.5, 1.6), xlabel="test accuracy", ylabel="network"
)
plots.show(
    figure,
    alt="Test accuracies of two networks, five dots each for five seeds, and below the dots the mean with "
    "its 95 percent interval. The dots of each network scatter over about one percentage point or more.",
)

# %%
spread = {name: np.ptp(values) for name, values in over_seeds.items()}
expect(min(spread.values()), "smaller spread over five seeds", digits, mnist=0.0005, digits=0.001)
for name, values in over_seeds.items():
    expect(values.mean(), f"mean test accuracy, {name}", digits, mnist=(0.88, 0.96), digits=(0.85, 0.96))

# %% [markdown]
# That was the luck of the *training*. The luck of the *test set* is something else, and here a comparison
# can be much sharper than in lecture 3: both networks answered **the same images**. Most of them are easy
# for both, some too hard for both, and those say nothing about which one is better. Only the images count
# on which *exactly one* of the two is right. If the networks are equally good, each such image is a fair
# coin.
#
# That is **McNemar's test** (1947). With $b$ images that only the first got right and $c$ that only the
# second did:
#
# $$\chi^2 = \frac{(|b-c|-1)^2}{b+c},$$
#
# compared with the chi-squared distribution with one degree of freedom; the $-1$ corrects for counting in
# whole images (where $b=c$ the numerator is 0). Where $b+c$ is small (below 25, say), ask the coin
# directly: how likely are $b+c$ tosses at least as one-sided?


# %%
def discordant(truth, first, second):
    """How many are right only in the first, and only in the second, of two lists of answers."""
    return int(np.sum((first == truth) & (second != truth))), int(
        np.sum((first != truth) & (second == truth))
    )


def mcnemar(b, c):
    """The p-value by chi-squared, and the exact one by tossing coins."""
    if b + c == 0:
        return 1.0, 1.0
    statistic = max(abs(b - c) - 1, 0) ** 2 / (b + c)
    tails = 2 * sum(comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    return float(stats.chi2.sf(statistic, df=1)), min(tails, 1.0)


# %%
# NBVAL_CHECK_OUTPUT
for b, c in [(15, 5), (10, 10), (3, 0), (60, 40), (0, 0)]:
    by_chi2, exact = mcnemar(b, c)
    print(f"b = {b:2d}, c = {c:2d}: p = {by_chi2:.3f} by chi-squared, {exact:.3f} exactly")
    if b + c:
        np.testing.assert_allclose(exact, stats.binomtest(b, b + c, 0.5).pvalue)

# %% [markdown]
# SciPy's binomial test agrees. Now two "better" networks. The first pair is the best and the worst of the
# five seeds of *one* recipe; the second is a network that never learned more than 50 digits against one
# that had 1,500.
#
# > **Predict.** For which of the pairs will the test say that one network is better?


# %%
def told(p):
    """A p-value as text; what is too small for a floating-point number is not zero."""
    return f"= {p:.2g}" if p > 1e-300 else "< 1e-300"


# %%
name = "128, dropout"
worst, best_seed = int(over_seeds[name].argmin()), int(over_seeds[name].argmax())
poor = logits_of(digit_network(128, 50, y_train), x_test).argmax(axis=1)
pairs = {
    "best and worst seed": (answers[name][best_seed], answers[name][worst]),
    "1,500 digits and 50": (answers[name][0], poor),
}
p_values = {}
for what, (first, second) in pairs.items():
    b, c = discordant(y_test, first, second)
    gap = np.mean(first == y_test) - np.mean(second == y_test)
    np.testing.assert_allclose((b - c) / len(y_test), gap, atol=1e-12)
    p_values[what] = mcnemar(b, c)[1]
    print(f"{what}: {100 * gap:+.1f} points, only the first right {b}, only the second {c}", end=", ")
    print(f"p {told(p_values[what])}")

# %%
by_seed, by_data = p_values.values()
expect(max(by_data, 1e-300), "p-value for 1,500 digits against 50", always=(0, 0.001))
expect(by_seed, "p-value for best against worst seed", digits, mnist=(0, 0.9), digits=(0.0005, 0.5))

# %% [markdown]
# With 50 digits the difference is beyond doubt. But look at the other line: a small p-value, for twice the
# *same* recipe. (On the embedded digits it was below 5 % in our run.) Is the test wrong? No, the question
# was. These two networks may well differ; one start was luckier than the other. And we *picked* the pair
# for its difference. **McNemar compares two trained networks, not two recipes** (Dietterich, 1998): it
# knows the luck of the test set and nothing of the luck of the seed. For recipes, train several of each:

# %%
first, second = over_seeds.values()
gain, half = interval(second - first)
print(f"128 with dropout against 32 units: {100 * gain:+.1f} ± {100 * half:.1f} points over five seeds")
print("the interval holds zero: not decided" if abs(gain) < half else "the interval does not hold zero")

# %% [markdown]
# (The seeds are paired: the same seed deals the same images.) And this interval in turn
# knows nothing of the test set's luck: on another test set all ten numbers would move together. A careful
# report names both, and how many things were tried before.
#
# > **Pitfall.** Compare twenty recipes that are no better than yours with yours, and on average one of them
# > will differ "significantly" at $p<0.05$. Whoever reports only the winner reports luck. Choose on
# > validation data; test the chosen one, once.
#
# ## What we measured

# %%
print(
    f"tree on the tumors {tree_accuracy:.1%}, network {network_right:.1%} (validation), 'benign' "
    f"{baseline:.1%}"
)
print(f"tree on digits {pixel_trees[0]:.1%}; moved: tree {pixel_trees[4]:.1%}, network {learned:.1%}")
print(f"random genes: {leaky:.0%} with the leak, {honest:.0%} without")
for name, values in result.items():
    print(f"storms, {name}: " + ", ".join(f"{key} {value:.2f}" for key, value in values.items()))
for name, values in on_moons.items():
    print(f"moons, {name}: training {values[:, 0].mean():.1%}, test {values[:, 1].mean():.1%}")
print(f"best against worst seed: p {told(by_seed)}; 1,500 digits against 50: p {told(by_data)}")

# %% [markdown]
# ## Recap
#
# - Baseline, simple model, network, in this order. Trees are good at columns that people have made; networks
#   make their own.
# - Whatever looks at labels or measures data belongs inside the training part. What belongs together goes to
#   one side.
# - Where one class is rare, accuracy says little. Precision is about columns, recall about rows; a threshold
#   trades them, and a weighted loss does nearly the same.
# - Underfitting: both errors high. Overfitting: training error low, validation error not. More data first;
#   then L2, dropout, early stopping.
# - One number is a random number. Several seeds for a recipe, McNemar for two trained networks.
#
# ## Try it yourself
#
# The [exercise of this lecture](exercises/05_overfitting_and_evaluation.ipynb) has tasks that tell you at
# once whether you are right, with a hint where you are not. And three more to play with, without a check:
#
# 1. Give the tree of 5.2 features of your own: the ink in each row and in each column, for instance. How far
#    does it come on the moved digits?
# 2. Make storms rarer, one day in a thousand, and compare weights and threshold once more.
# 3. Combine L2 with dropout on the moons. Do the gains, if there are any, add up?
#
# ## Further reading
#
# - *Selection bias in gene extraction on the basis of microarray gene-expression data*, C. Ambroise, G.
#   McLachlan, 2002.
# - *Nuclear feature extraction for breast tumor diagnosis*, W. N. Street, W. H. Wolberg, O. L. Mangasarian,
#   1993.
# - *Dropout: a simple way to prevent neural networks from overfitting*, N. Srivastava, G. Hinton, A.
#   Krizhevsky, I. Sutskever, R. Salakhutdinov, 2014.
# - *Decoupled weight decay regularization*, I. Loshchilov, F. Hutter, 2019.
# - *Reconciling modern machine-learning practice and the classical bias-variance trade-off*, M. Belkin, D.
#   Hsu, S. Ma, S. Mandal, 2019.
# - *Understanding deep learning requires rethinking generalization*, C. Zhang, S. Bengio, M. Hardt, B. Recht,
#   O. Vinyals, 2017.
# - *Note on the sampling error of the difference between correlated proportions or percentages*, Q. McNemar,
#   1947.
# - *Approximate statistical tests for comparing supervised classification learning algorithms*, T.
#   Dietterich, 1998.
# - *Exascale deep learning for climate analytics*, T. Kurth and others, 2018.
