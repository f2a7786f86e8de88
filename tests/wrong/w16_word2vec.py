"""Wrong answers to exercise 16 that students give: each loses points of its own task, and of no other."""

_SKIP_GRAM = """
def skip_gram(words, window):
    found = []
    for i, center in enumerate(words):
        for j in {places}:
            if {others}:
                found.append({pair})
    return found
"""
_CBOW = """
def cbow(words, window):
    found = []
    for i, target in enumerate(words):
        context = {context}
        if {when}:
            found.append({bag})
    return found
"""


def _pairs(
    places: str = "range(max(0, i - window), min(len(words), i + window + 1))",
    others: str = "j != i",
    pair: str = "(center, words[j])",
    context: str = "words[max(0, i - window) : i] + words[i + 1 : i + window + 1]",
    when: str = "context",
    bag: str = "(context, target)",
) -> dict[str, str]:
    return {
        "pairs": _SKIP_GRAM.format(places=places, others=others, pair=pair),
        "pairs_2": _CBOW.format(context=context, when=when, bag=bag),
    }


_KEEP = """
def keep_probability(counts, threshold):
    shares = counts / counts.sum()
    return {kept}
"""
_NOISE = """
def noise_distribution(counts, power):
    shares = counts / counts.sum()
    return {noise}
"""


def _noise(
    kept: str = "np.minimum(1, np.sqrt(threshold / shares))",
    noise: str = "shares**power / np.sum(shares**power)",
) -> dict[str, str]:
    return {"noise": _KEEP.format(kept=kept), "noise_2": _NOISE.format(noise=noise)}


_STEP = """
def negative_step(centers, contexts, center, context, noise):
    noise = {drawn}
    v, u, n = centers[center], contexts[context], contexts[noise]
    good, bad = u @ v, n @ v
    loss = {loss}
    pull, push = {pull}, {push}
    gradient = np.zeros(contexts.shape)
    gradient[context] = pull * v
    {spread}
    return loss, {center}, gradient
"""


def _step(
    drawn: str = "np.asarray(noise)",
    loss: str = "np.logaddexp(0, -good) + np.logaddexp(0, bad).sum()",
    pull: str = "special.expit(good) - 1",
    push: str = "special.expit(bad)",
    spread: str = "np.add.at(gradient, noise, push[:, None] * v)",
    center: str = "pull * u + push @ n",
) -> str:
    return _STEP.format(drawn=drawn, loss=loss, pull=pull, push=push, spread=spread, center=center)


_LENGTHS = """
def code_lengths(counts):
    lengths = np.zeros(len(counts), dtype=int)
    trees = [(int(count), i, [i]) for i, count in enumerate(counts)]
    while len(trees) > 1:
        {sort}
        (one, i, below), (other, _, more) = trees.pop(0), trees.pop(0)
        {grow}
        trees.append(({weight}, i, below + more))
    return lengths
"""
_COSTS = """
def dot_products(counts, k):
    return {costs}
"""
_FOLLOWS = """
def what_follows():
    return "{letters}"
"""


def _tree(
    sort: str = "trees.sort()",
    grow: str = "lengths[below + more] += 1",
    weight: str = "one + other",
    lengths: str = "",
    costs: str = "len(counts), np.average(code_lengths(counts), weights=counts), k + 1",
    letters: str = "BD",
) -> dict[str, str]:
    return {
        "tree": lengths or _LENGTHS.format(sort=sort, grow=grow, weight=weight),
        "tree_2": _COSTS.format(costs=costs),
        "tree_3": _FOLLOWS.format(letters=letters),
    }


_NEAREST = """
def nearest(vectors, word, count):
    norms = np.linalg.norm(vectors, axis=1)
    {empty}
    with np.errstate(all="ignore"):
        cosines = {cosines}
    {out}
    order = np.argsort(-cosines, kind="stable")
    return [int(i) for i in order if {fine}]{few}
"""
_ANALOGY = """
def analogy(vectors, a, b, c):
    norms = np.linalg.norm(vectors, axis=1)
    {unit}
    query = {query}
    {cosines}
    {out}
    return int(np.argmax(cosines))
"""


def _neighbors(
    empty: str = "if norms[word] == 0: return []",
    cosines: str = "vectors @ vectors[word] / np.where(norms > 0, norms, 1)",
    out: str = "cosines[norms == 0] = cosines[word] = -np.inf",
    fine: str = "np.isfinite(cosines[i])",
    few: str = "[:count]",
    unit: str = "unit = vectors / np.where(norms > 0, norms, 1)[:, None]",
    query: str = "unit[b] - unit[a] + unit[c]",
    scores: str = "cosines = unit @ query",
    question: str = "cosines[norms == 0] = -np.inf; cosines[[a, b, c]] = -np.inf",
) -> dict[str, str]:
    return {
        "neighbors": _NEAREST.format(empty=empty, cosines=cosines, out=out, fine=fine, few=few),
        "neighbors_2": _ANALOGY.format(unit=unit, query=query, cosines=scores, out=question),
    }


_LANGUAGE = """
def word_vectors(sentences, words):
    rng = np.random.default_rng(0)
    count, window, size = len(words), {window}, 16
    forward = [(s[:-d], s[d:]) for s in sentences for d in range(1, window + 1) if len(s) > d]
    left, right = (np.concatenate(side) for side in zip(*forward))
    pairs = np.stack([np.append(left, right), np.append(right, left)], axis=1)
    often = np.bincount(np.concatenate(sentences), minlength=count)
    noise = often**0.75 / np.sum(often**0.75)
    centers, contexts = rng.uniform(-0.5, 0.5, (count, size)) / size, np.zeros((count, size))
    for _ in range({epochs}):
        rng.shuffle(pairs)
        drawn = rng.choice(count, size=(len(pairs), 5), p=noise)
        for start in range(0, len(pairs), 64):
            center = pairs[start : start + 64, 0]
            others = np.column_stack([pairs[start : start + 64, 1], drawn[start : start + 64]]){only}
            v, u = centers[center], contexts[others]
            error = special.expit(np.einsum("bd,bkd->bk", v, u))
            error[:, 0] -= 1
            np.add.at(contexts, others, {sign}{rate} * error[:, :, None] * v[:, None])
            np.add.at(centers, center, {sign}{rate} * np.einsum("bk,bkd->bd", error, u))
    return {result}
"""


def _language(
    window: int = 2,
    epochs: int = 1,
    only: str = "",
    sign: str = "-",
    rate: float = 0.05,
    result: str = "centers",
) -> str:
    return _LANGUAGE.format(window=window, epochs=epochs, only=only, sign=sign, rate=rate, result=result)


_TABLE = """
def word_vectors(sentences, words):
    table = np.zeros((len(words), len(words)))
    for s in sentences:
        np.add.at(table, (s[:-1], s[1:]), 1)
    table = table + table.T
    return {result}
"""

WRONG: dict[str, dict[str, str | dict[str, str]]] = {
    "pairs": {
        "a window that begins at the end": _pairs(
            places="range(i - window, min(len(words), i + window + 1))"
        ),
        "a word left out, not a place": _pairs(others="words[j] != center"),
        "the center with itself": _pairs(others="True"),
        "context and center swapped": _pairs(pair="(words[j], center)"),
        "only what comes behind": _pairs(places="range(i + 1, min(len(words), i + window + 1))"),
        "only whole windows": _pairs(
            places="range(i - window, i + window + 1) if window <= i < len(words) - window else []"
        ),
        "one place too few": _pairs(places="range(max(0, i - window), min(len(words), i + window))"),
        "nearest first": _pairs(
            places="sorted(range(max(0, i - window), min(len(words), i + window + 1)), "
            "key=lambda j: abs(i - j))"
        ),
        "the target among its context": _pairs(context="words[max(0, i - window) : i + window + 1]"),
        "a negative slice": _pairs(context="words[i - window : i] + words[i + 1 : i + window + 1]"),
        "the target first": _pairs(bag="(target, context)"),
        "an empty context kept": _pairs(when="True"),
    },
    "noise": {
        "what is discarded": _noise(kept="np.maximum(0, 1 - np.sqrt(threshold / shares))"),
        "more than certain": _noise(kept="np.sqrt(threshold / shares)"),
        "counts for shares": _noise(kept="np.minimum(1, np.sqrt(threshold / counts))"),
        "no root": _noise(kept="np.minimum(1, threshold / shares)"),
        "the formula of the program": _noise(
            kept="np.minimum(1, (np.sqrt(shares / threshold) + 1) * threshold / shares)"
        ),
        "not scaled to one": _noise(noise="shares**power"),
        "the power after scaling": _noise(noise="(counts / counts.sum()) ** power / len(counts)"),
        "the power built in": _noise(noise="shares**0.75 / np.sum(shares**0.75)"),
        "plain shares": _noise(noise="shares"),
    },
    "step": {
        "noise without its sign": _step(
            loss="np.logaddexp(0, -good) + np.logaddexp(0, -bad).sum()", push="special.expit(bad) - 1"
        ),
        "added once": _step(spread="gradient[noise] += push[:, None] * v"),
        "each noise word once": _step(drawn="np.unique(noise)"),
        "the sigmoid of giant scores": _step(
            loss="-np.log(special.expit(good)) - np.log(special.expit(-bad)).sum()"
        ),
        "clipped": _step(
            loss="-np.log(special.expit(good) + 1e-7) - np.log(special.expit(-bad) + 1e-7).sum()"
        ),
        "the mean over the noise": _step(
            loss="np.logaddexp(0, -good) + np.logaddexp(0, bad).mean()",
            push="special.expit(bad) / len(noise)",
        ),
        "the center pushed by the context only": _step(center="pull * u"),
        "the direction of descent": _step(pull="1 - special.expit(good)", push="-special.expit(bad)"),
        "no gradient for the noise": _step(spread="pass"),
        "the loss as likelihood": _step(loss="-np.logaddexp(0, -good) - np.logaddexp(0, bad).sum()"),
    },
    "tree": {
        "sorted once": _tree(sort="trees.sort() if len(trees) == len(counts) else None"),
        "the largest joined": _tree(sort="trees.sort(reverse=True)"),
        "only the joined words grow": _tree(grow="lengths[[below[0], more[0]]] += 1"),
        "the larger count instead of the sum": _tree(weight="max(one, other)"),
        "a balanced tree": _tree(
            lengths="def code_lengths(counts):\n    return np.full(len(counts), np.log2(len(counts)))"
        ),
        "entropy": _tree(
            lengths="def code_lengths(counts):\n    return np.ceil(-np.log2(counts / np.sum(counts)))"
        ),
        "not weighted": _tree(costs="len(counts), np.mean(code_lengths(counts)), k + 1"),
        "the context forgotten": _tree(
            costs="len(counts), np.average(code_lengths(counts), weights=counts), k"
        ),
        "losses of different questions": _tree(letters="AC"),
        "one letter": _tree(letters="D"),
        "all letters": _tree(letters="ABCDE"),
    },
    "neighbors": {
        "the dot product": _neighbors(cosines="vectors @ vectors[word]"),
        "itself among them": _neighbors(out="cosines[norms == 0] = -np.inf"),
        "the first of the order dropped": _neighbors(
            out="cosines[norms == 0] = -np.inf", few="[1 : count + 1]"
        ),
        "a distance for a cosine": _neighbors(cosines="-np.linalg.norm(vectors - vectors[word], axis=1)"),
        "zeros before the negative": _neighbors(out="cosines[word] = -np.inf", empty="pass"),
        "farthest first": _neighbors(cosines="-(vectors @ vectors[word]) / np.where(norms > 0, norms, 1)"),
        "not scaled": _neighbors(query="vectors[b] - vectors[a] + vectors[c]"),
        "the question answers": _neighbors(question="cosines[norms == 0] = -np.inf"),
        "the other way round": _neighbors(query="unit[a] - unit[b] + unit[c]"),
        "nan is the largest": _neighbors(
            unit="unit = vectors / norms[:, None]",
            question="cosines[[a, b, c]] = -np.inf",
        ),
        "the dot product in the analogy": _neighbors(scores="cosines = vectors @ query"),
    },
    "language": {
        "random vectors": """
def word_vectors(sentences, words):
    return np.random.default_rng(0).normal(size=(len(words), 16))
""",
        "the same vector for all": """
def word_vectors(sentences, words):
    return np.ones((len(words), 16))
""",
        "not trained": _language(epochs=0),
        "read once": _language(),
        "a rate too small": _language(epochs=2, rate=0.0005),
        "no noise": _language(only="[:, :1]", epochs=3),
        "uphill": _language(sign="", rate=0.001),
        "the window of a single word": _language(window=1, epochs=2),
        "rows in the order of frequency": _language(epochs=3, result="centers[np.argsort(-often)]"),
        "letters of the words": """
def word_vectors(sentences, words):
    return np.array([[word.count(letter) for letter in "abdefgiklmnoprst"] for word in words], float)
""",
        "how often a word occurs": """
def word_vectors(sentences, words):
    often = np.bincount(np.concatenate(sentences), minlength=len(words))
    return np.column_stack([np.log(often), np.ones(len(words))])
""",
        "neighbors of the most frequent words only": _TABLE.format(
            result="table[:, np.argsort(-table.sum(axis=0))[:16]]"
        ),
        "raw counts of direct neighbors": _TABLE.format(result="np.linalg.svd(table)[0][:, :16]"),
        "too many dimensions": _TABLE.format(result="table"),
        "nothing returned": _TABLE.format(result="None"),
    },
}
