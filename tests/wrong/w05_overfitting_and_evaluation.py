"""Wrong answers to exercise 05 that students give: each loses points of its own task, and of no other."""

_SCORES = """
def scores(truth, answers):
    truth, answers = np.asarray(truth), np.asarray(answers)
    hits = int(np.sum((truth == 1) & (answers == 1)))
    alarms, events = int(np.sum(answers == 1)), int(np.sum(truth == 1))
    {body}
"""

_AUC = """
def auc(truth, score):
    truth, score = np.asarray(truth), np.asarray(score)
    ones, zeros = int(np.sum(truth == 1)), int(np.sum(truth == 0))
    if ones == 0 or zeros == 0:
        return {missing}
    {body}
"""

_PAIRS = "pairs = score[truth == 1][:, None] - score[truth == 0]; return float(np.mean({right}))"

_MCNEMAR = """
def mcnemar_p(truth, first, second):
    truth, first, second = np.asarray(truth), np.asarray(first), np.asarray(second)
    b = int(np.sum((first == truth) & (second != truth)))
    c = int(np.sum((first != truth) & (second == truth)))
    {body}
"""

_LETTERS = """
def what_follows():
    return "{}"
"""

_EXACT = "return min(1.0, 2 * sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c))"


def _mcnemar(body: str = _EXACT, letters: str = "BD") -> dict[str, str]:
    return {"mcnemar": _MCNEMAR.format(body=body), "mcnemar_2": _LETTERS.format(letters)}


_THRESHOLD = """
def best_threshold(truth, score, missed, false_alarm):
    truth, score = np.asarray(truth), np.asarray(score)
    candidates = {candidates}
    costs = [{cost} for t in candidates]
    return float(candidates[int(np.{pick}(costs))])
"""


def _threshold(
    candidates: str = "np.append(np.unique(score), score.max() + 1)",
    cost: str = "missed * np.sum((truth == 1) & (score < t)) "
    "+ false_alarm * np.sum((truth == 0) & (score >= t))",
    pick: str = "argmin",
) -> str:
    return _THRESHOLD.format(candidates=candidates, cost=cost, pick=pick)


_HOUSING = """
def predicted(x_train, y_train, x_test):
    mean, deviation = x_train.mean(axis=0), x_train.std(axis=0)
    inputs, asked = {scaled}
    middle, spread = {target}
    model = keras.Sequential([keras.Input((x_train.shape[1],)), {layers} keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.003), "{loss}")
    model.fit(inputs, {labels}, batch_size=32, epochs={epochs}, verbose=0)
    return {answer}
"""


def _housing(
    scaled: str = "(x_train - mean) / deviation, (x_test - mean) / deviation",
    target: str = "y_train.mean(), y_train.std()",
    layers: str = 'keras.layers.Dense(32, "relu"),',
    loss: str = "mse",
    labels: str = "(y_train - middle) / spread",
    epochs: int = 4,
    answer: str = "middle + spread * model.predict(asked, verbose=0)[:, 0]",
) -> str:
    return _HOUSING.format(
        scaled=scaled, target=target, layers=layers, loss=loss, labels=labels, epochs=epochs, answer=answer
    )


WRONG: dict[str, dict[str, str | dict[str, str]]] = {
    "scores": {
        "precision and recall swapped": _SCORES.format(
            body="p, r = hits / max(events, 1), hits / max(alarms, 1); return p, r, 2 * hits / max(alarms "
            "+ events, 1)"
        ),
        "divided by zero": _SCORES.format(
            body="p, r = hits / alarms, hits / events; return p, r, 2 * p * r / (p + r)"
        ),
        "0 / 0 taken for 1": _SCORES.format(
            body="p = hits / alarms if alarms else 1.0; r = hits / events if events else 1.0; "
            "return p, r, 2 * p * r / (p + r) if p + r else 0.0"
        ),
        "the arithmetic mean": _SCORES.format(
            body="p, r = hits / max(alarms, 1), hits / max(events, 1); return p, r, (p + r) / 2"
        ),
        "class 0 is counted": """
def scores(truth, answers):
    truth, answers = 1 - np.asarray(truth), 1 - np.asarray(answers)
    hits = int(np.sum(truth & answers))
    p, r = hits / max(answers.sum(), 1), hits / max(truth.sum(), 1)
    return p, r, 2 * p * r / (p + r) if p + r else 0.0
""",
        "accuracy for precision": _SCORES.format(
            body="r = hits / max(events, 1); return float(np.mean(truth == answers)), r, "
            "2 * hits / max(alarms + events, 1)"
        ),
    },
    "auc": {
        "ties count nothing": _AUC.format(missing="math.nan", body=_PAIRS.format(right="pairs > 0")),
        "ties count one": _AUC.format(missing="math.nan", body=_PAIRS.format(right="pairs >= 0")),
        "ties in the order of the rows": _AUC.format(
            missing="math.nan",
            body="ranks = np.argsort(np.argsort(score, kind='stable')) + 1; "
            "return float((ranks[truth == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))",
        ),
        "ranks from 0": _AUC.format(
            missing="math.nan",
            body="ranks = np.argsort(np.argsort(score)); "
            "return float((ranks[truth == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))",
        ),
        "argsort taken for ranks": _AUC.format(
            missing="math.nan",
            body="ranks = np.argsort(score) + 1; "
            "return float((ranks[truth == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))",
        ),
        "upside down": _AUC.format(
            missing="math.nan", body=_PAIRS.format(right="(pairs < 0) + 0.5 * (pairs == 0)")
        ),
        "a missing class taken for one half": _AUC.format(
            missing="0.5", body=_PAIRS.format(right="(pairs > 0) + 0.5 * (pairs == 0)")
        ),
        "accuracy at one half": _AUC.format(
            missing="math.nan", body="return float(np.mean((score > 0.5) == truth))"
        ),
    },
    "folds": {
        "rows dealt at random": """
def group_folds(groups, k):
    return np.array_split(np.random.default_rng(0).permutation(len(groups)), k)
""",
        "sorted rows cut into k": """
def group_folds(groups, k):
    return np.array_split(np.argsort(groups, kind="stable"), k)
""",
        "groups counted, not rows": """
def group_folds(groups, k):
    groups = np.asarray(groups)
    return [np.flatnonzero(np.isin(groups, part)) for part in np.array_split(np.unique(groups), k)]
""",
        "group numbers instead of rows": """
def group_folds(groups, k):
    return np.array_split(np.unique(groups), k)
""",
        "the training rows": """
def group_folds(groups, k):
    groups = np.asarray(groups)
    return [np.flatnonzero(~np.isin(groups, part)) for part in np.array_split(np.unique(groups), k)]
""",
        "the number modulo k": """
def group_folds(groups, k):
    groups = np.asarray(groups)
    return [np.flatnonzero(groups % k == fold) for fold in range(k)]
""",
        "from the smallest to the largest": """
def group_folds(groups, k):
    groups = np.asarray(groups)
    names, counts = np.unique(groups, return_counts=True)
    sizes, folds = np.zeros(k, int), [[] for _ in range(k)]
    for group in np.argsort(counts, kind="stable"):
        fold = sizes.argmin()
        folds[fold].append(names[group])
        sizes[fold] += counts[group]
    return [np.flatnonzero(np.isin(groups, members)) for members in folds]
""",
    },
    "cost": {
        "one half": """
def best_threshold(truth, score, missed, false_alarm):
    return 0.5
""",
        "prices swapped": _threshold(
            cost="false_alarm * np.sum((truth == 1) & (score < t)) + missed * np.sum((truth == 0) & (score "
            ">= t))"
        ),
        "the number of mistakes": _threshold(
            cost="np.sum((truth == 1) & (score < t)) + np.sum((truth == 0) & (score >= t))"
        ),
        "the dearest": _threshold(pick="argmax"),
        "announcing nothing not considered": _threshold(candidates="np.unique(score)"),
        "an even grid from 0 to 1": _threshold(candidates="np.linspace(0, 1, 11)"),
        "the formula for probabilities": """
def best_threshold(truth, score, missed, false_alarm):
    return false_alarm / (missed + false_alarm)
""",
    },
    "mcnemar": {
        "one side": _mcnemar(body=_EXACT.replace("2 * sum", "sum")),
        "more than one": _mcnemar(body=_EXACT.replace("min(1.0, ", "(")),
        "the chi-squared approximation": _mcnemar(
            body="import scipy.stats; "
            "return float(scipy.stats.chi2.sf((abs(b - c) - 1) ** 2 / max(b + c, 1), 1)) if b + c else 1.0"
        ),
        "all cases are tosses": _mcnemar(
            body="n = len(truth); return min(1.0, 2 * sum(math.comb(n, k) for k in range(min(b, c) + 1)) / "
            "2**n)"
        ),
        "both right and both wrong": _mcnemar(
            body="b = int(np.sum((first == truth) & (second == truth))); "
            "c = int(np.sum((first != truth) & (second != truth))); " + _EXACT
        ),
        "higher accuracy is better": _mcnemar(letters="A"),
        "no difference shown, so equal": _mcnemar(letters="BC"),
        "one of the two": _mcnemar(letters="D"),
        "all of them": _mcnemar(letters="ABCDE"),
    },
    "housing": {
        "columns as they are": _housing(scaled="x_train, x_test"),
        "the test rows' own figures": _housing(
            scaled="(x_train - mean) / deviation, (x_test - x_test.mean(axis=0)) / x_test.std(axis=0)"
        ),
        "figures of all rows": _housing(
            scaled="[(x - np.r_[x_train, x_test].mean(axis=0)) / np.r_[x_train, x_test].std(axis=0) "
            "for x in (x_train, x_test)]"
        ),
        "the target not undone": _housing(answer="model.predict(asked, verbose=0)[:, 0]"),
        "no hidden layer": _housing(layers="", epochs=15),
        "cross-entropy": _housing(loss="binary_crossentropy"),
        "the shape (m, 1)": _housing(answer="middle + spread * model.predict(asked, verbose=0)"),
        "shuffled labels": _housing(
            labels="np.random.default_rng(0).permutation((y_train - middle) / spread)"
        ),
    },
}
