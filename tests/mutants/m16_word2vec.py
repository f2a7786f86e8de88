"""Mutants of lecture 16."""

from mutation import Mutant

MUTANTS = [
    Mutant("a word is its own company", "if j != 0 and 0 <= t + j", "if 0 <= t + j"),
    Mutant(
        "subsampling throws the rare words out",
        "stays = np.random.default_rng(0).random(len(words)) < kept(shares)[words]",
        "stays = np.random.default_rng(0).random(len(words)) > kept(shares)[words]",
    ),
    Mutant(
        "noise without its power",
        "    p = counts**power / np.sum(counts**power)",
        "    p = counts / np.sum(counts)",
    ),
    Mutant(
        "the tree joins the most frequent words first",
        "heap = [(int(count), word) for word, count in enumerate(counts)]",
        "heap = [(-int(count), word) for word, count in enumerate(counts)]",
    ),
    Mutant(
        "wrong window",
        "(apart > 0) & (apart <= reach[:, :, None])",
        "(apart > 0) & (apart < reach[:, :, None])",
    ),
    Mutant(
        "pairs across sentences",
        "    return tf.cast(near & same, tf.float32)",
        "    return tf.cast(near, tf.float32)",
    ),
    Mutant("no negative samples", "    dx = tf.matmul(g, y) + tf.matmul(h, n)", "    dx = tf.matmul(g, y)"),
    Mutant(
        "no noise in the step",
        "    outer.scatter_sub(tf.IndexedSlices(learning_rate * dn, drawn))\n",
        "",
    ),
    Mutant(
        "the sign of the gradient",
        "    g = company * (tf.sigmoid(tf.matmul(x, y, transpose_b=True)) - 1)",
        "    g = company * (1 - tf.sigmoid(tf.matmul(x, y, transpose_b=True)))",
    ),
]
