"""Mutants of lecture 05."""

from mutation import Mutant

MUTANTS = [
    Mutant(
        "labels shuffled while training",
        "losses = model.fit(x, y, batch_size=32",
        "losses = model.fit(x, np.random.default_rng(0).permutation(y), batch_size=32",
    ),
    Mutant(
        "all rows measured for the normalization",
        "mean, deviation = table.x[train].mean(axis=0), table.x[train].std(axis=0)",
        "mean, deviation = table.x.mean(axis=0), table.x.std(axis=0)",
    ),
    Mutant(
        "columns always chosen inside the fold", "seen = rest if honest else np.arange(60)", "seen = rest"
    ),
    Mutant("L2 dropped", "penalty = keras.regularizers.L2(l2)", "penalty = keras.regularizers.L2(0.0)"),
    Mutant(
        "the deck's lambda not halved",
        "moons_network(l2=deck_lambda / (2 * m))",
        "moons_network(l2=deck_lambda / m)",
    ),
    Mutant("dropout dropped", "layers += [keras.layers.Dropout(rate)]", "pass"),
    Mutant(
        "the wrong axis of the confusion matrix",
        "np.add.at(counts, (truth, answers), 1)",
        "np.add.at(counts, (answers, truth), 1)",
    ),
    Mutant(
        "precision and recall swapped",
        "precision = hits / max(hits + false_alarms, 1)",
        "precision = hits / max(hits + missed, 1)",
    ),
    Mutant(
        "equal scores not kept together",
        "last = np.append(np.diff(score[order]) != 0, True)",
        "last = np.ones(len(score), bool)",
    ),
    Mutant("the weights of the loss dropped", "class_weight=class_weight", "class_weight=None"),
    Mutant("the best weights not restored", "restore_best_weights=True", "restore_best_weights=False"),
    Mutant("McNemar on one side only", "tails = 2 * sum(", "tails = sum("),
]
