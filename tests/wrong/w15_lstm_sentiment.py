"""Wrong answers to exercise 15 that students give: each loses points of its own task, and of no other."""

_VOCABULARY = """
def vocabulary(texts, size):
    counts = Counter(word for text in texts for word in {words})
    ranked = sorted(counts, key=lambda word: {key})
    return {result}
"""
_ENCODE = """
def encode(texts, known, length):
    place = {{word: i for i, word in enumerate(known)}}
    rows = [{row} for text in texts]
    return np.array([{padded} for row in rows])
"""


def _vectorize(
    words: str = "words_of(text)",
    key: str = "(-counts[word], word)",
    result: str = '["", "[UNK]", *ranked][:size]',
    row: str = "[place.get(word, 1) for word in words_of(text)][:length]",
    padded: str = "row + [0] * (length - len(row))",
) -> dict[str, str]:
    return {
        "vectorize": _VOCABULARY.format(words=words, key=key, result=result),
        "vectorize_2": _ENCODE.format(row=row, padded=padded),
    }


_IDF = """
def idf(counts):
    documents = (counts > 0).sum(axis=0)
    return {weights}
"""
_TFIDF = """
def tfidf(counts_train, counts):
    documents = (counts_train > 0).sum(axis=0)
    weights = np.log((1 + len(counts_train)) / (1 + documents)) + 1
    {change}
    weighted = counts * weights
    length = np.linalg.norm(weighted, axis=1, keepdims=True)
    return {result}
"""


def _tfidf(
    weights: str = "np.log((1 + len(counts)) / (1 + documents)) + 1",
    change: str = "pass",
    result: str = "weighted / np.where(length > 0, length, 1)",
) -> dict[str, str]:
    return {"tfidf": _IDF.format(weights=weights), "tfidf_2": _TFIDF.format(change=change, result=result)}


_ORDER = """
def smallest_n(first, second, limit):
    one, other = {one}, {other}
    for n in range({start}, {stop}):
        bags = [{bag}(tuple(row[i : i + n]) for i in range(len(row) - n + 1)) for row in (one, other)]
        if bags[0] != bags[1]:
            return n
    return {none}
"""
_ROWS = """
def who_made_the_rows():
    return {rows!r}
"""


def _order(
    split: str = "words_of({})",
    start: str = "1",
    stop: str = "limit + 1",
    bag: str = "Counter",
    none: str = "0",
    rows: str = "BDEAC",
) -> dict[str, str]:
    return {
        "order": _ORDER.format(
            one=split.format("first"),
            other=split.format("second"),
            start=start,
            stop=stop,
            bag=bag,
            none=none,
        ),
        "order_2": _ROWS.format(rows=rows),
    }


_REVIEWS = """
def judged(x_train, y_train, x_val, y_val, x_test):
    {change}
    multi_hot = keras.layers.TextVectorization(output_mode="multi_hot")
    multi_hot.adapt(x_train)
    train, test = (np.asarray(multi_hot(part)) for part in (x_train, x_test))
    model = keras.Sequential([{layers}])
    model.compile(keras.optimizers.Adam(0.003), {loss})
    model.fit(train, y_train, batch_size=64, epochs={epochs}, verbose=0)
    return {result}
"""


def _reviews(
    change: str = "pass",
    layers: str = 'keras.layers.Dense(16, activation="relu"), keras.layers.Dense(16, activation="relu"), '
    'keras.layers.Dense(1, activation="sigmoid")',
    loss: str = '"binary_crossentropy"',
    epochs: int = 1,
    result: str = "model.predict(test, verbose=0)[:, 0]",
) -> str:
    return _REVIEWS.format(change=change, layers=layers, loss=loss, epochs=epochs, result=result)


_AVERAGES = """
def averages(y_true, y_pred):
    right = y_true == y_pred
    recalls = [{recall} for topic in {topics}]
    return {result}
"""
_TOPICS = """
def topics(x_train, y_train, x_test):
    {change}
    weights = feature_extraction.text.TfidfVectorizer(sublinear_tf=True)
    train = weights.fit_transform(x_train)
    test = weights.{transform}(x_test)
    model = svm.LinearSVC(class_weight="balanced")
    return {result}
"""


def _topics(
    recall: str = "right[y_true == topic].mean()",
    topics: str = "np.unique(y_true)",
    averages: str = "right.mean(), np.mean(recalls)",
    change: str = "pass",
    transform: str = "transform",
    result: str = "model.fit(train, y_train).predict(test)",
) -> dict[str, str]:
    return {
        "topics": _AVERAGES.format(recall=recall, topics=topics, result=averages),
        "topics_2": _TOPICS.format(change=change, transform=transform, result=result),
    }


_PAIRS = """
def ordered(x_train, y_train, x_val, y_val, x_test):
    numbered = keras.layers.TextVectorization(output_sequence_length={length})
    numbered.adapt(x_train)
    train, test = (np.asarray(numbered(part)) for part in (x_train, x_test))
    model = keras.Sequential([keras.layers.Embedding(numbered.vocabulary_size(), 32), {layers}])
    model.compile(keras.optimizers.Adam(0.005), "binary_crossentropy")
    model.fit(train, y_train, batch_size=64, epochs={epochs}, verbose=0)
    return {result}
"""


def _pairs(
    layers: str = 'keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1, activation="sigmoid")',
    length: int = 50,
    epochs: int = 1,
    result: str = "model.predict(test, verbose=0)[:, 0]",
) -> str:
    return _PAIRS.format(layers=layers, length=length, epochs=epochs, result=result)


WRONG: dict[str, dict[str, str | dict[str, str]]] = {
    "vectorize": {
        "ties in the order of the text": _vectorize(key="-counts[word]"),
        "ties against the alphabet, as Keras has them": _vectorize(
            result='["", "[UNK]", *sorted(sorted(counts, reverse=True), key=lambda w: -counts[w])][:size]'
        ),
        "capitals and points kept": _vectorize(words="text.split()"),
        "each text counts once": _vectorize(words="set(words_of(text))"),
        "the rare ones first": _vectorize(key="(counts[word], word)"),
        "two words too many": _vectorize(result='["", "[UNK]", *ranked[:size]]'),
        "no padding, no unknown": _vectorize(result="ranked[:size]"),
        "zeros in front": _vectorize(padded="[0] * (length - len(row)) + row"),
        "unknown words left out": _vectorize(
            row="[place[word] for word in words_of(text) if word in place][:length]"
        ),
        "unknown words are padding": _vectorize(
            row="[place.get(word, 0) for word in words_of(text)][:length]"
        ),
        "the end of the text kept": _vectorize(
            row="[place.get(word, 1) for word in words_of(text)][-length:]"
        ),
    },
    "tfidf": {
        "words counted, not texts": _tfidf(
            weights="np.log((1 + len(counts)) / (1 + counts.sum(axis=0))) + 1"
        ),
        "not smoothed": _tfidf(weights="np.log(len(counts) / np.maximum(documents, 1)) + 1"),
        "the one forgotten": _tfidf(
            weights="np.log((1 + len(counts)) / (1 + documents))", change="weights = weights - 1"
        ),
        "weights of the asked texts": _tfidf(
            change="weights = np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1"
        ),
        "not of length one": _tfidf(result="weighted"),
        "rows that sum to one": _tfidf(
            result="weighted / np.maximum(weighted.sum(axis=1, keepdims=True), 1e-9)"
        ),
        "columns of length one": _tfidf(
            result="weighted / np.maximum(np.linalg.norm(weighted, axis=0), 1e-9)"
        ),
        "nan for empty texts": _tfidf(result="weighted / length"),
    },
    "order": {
        "sets for bags": _order(bag="set"),
        "the limit left out": _order(stop="limit"),
        "begins at two": _order(start="2"),
        "capitals count": _order(split="{}.split()"),
        "letters for words": _order(split="{}.lower()"),
        "None for none": _order(none="None"),
        "lists for bags": _order(bag="list"),
        "linear and not exchanged": _order(rows="EDBAC"),
        "order of the letters": _order(rows="ABCDE"),
    },
    "reviews": {
        "not enough training": _reviews(),
        "no hidden layer": _reviews(layers='keras.layers.Dense(1, activation="sigmoid")', epochs=5),
        "logits": _reviews(
            layers='keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1)',
            loss="keras.losses.BinaryCrossentropy(from_logits=True)",
            epochs=3,
        ),
        "a softmax over one unit": _reviews(
            layers='keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1, activation="softmax")'
        ),
        "labels shuffled": _reviews(change="y_train = np.random.permutation(y_train)", epochs=2),
        "trained on the validation part": _reviews(change="x_train, y_train = x_val, y_val", epochs=8),
        "positive and negative exchanged": _reviews(
            result="1 - model.predict(test, verbose=0)[:, 0]", epochs=8
        ),
        "the history": _reviews(result="model.history"),
        "the training texts judged": _reviews(result="model.predict(train, verbose=0)[:, 0]"),
        "nothing returned": _reviews(result="None"),
    },
    "topics": {
        "micro twice": _topics(averages="right.mean(), right.mean()"),
        "topics without a text count as zero": _topics(
            recall="right[y_true == topic].mean() if (y_true == topic).any() else 0",
            topics="range(y_true.max() + 1)",
        ),
        "precision for recall": _topics(recall="right[y_pred == topic].mean()", topics="np.unique(y_pred)"),
        "macro first": _topics(averages="np.mean(recalls), right.mean()"),
        "the largest topic for all": _topics(result="np.full(len(x_test), np.bincount(y_train).argmax())"),
        "small topics given up": _topics(
            change="import sklearn.naive_bayes as bayes",
            result="bayes.MultinomialNB(alpha=1.0).fit(train, y_train).predict(test)",
        ),
        "a vocabulary of its own for the test texts": _topics(
            transform="fit_transform",
            result="model.fit(train, y_train).predict("
            "np.resize(test.toarray(), (test.shape[0], train.shape[1])))",
        ),
        "scores for numbers": _topics(result="model.fit(train, y_train).decision_function(test)"),
        "nothing returned": _topics(result="None"),
    },
    "pairs": {
        "the mean of the words": _pairs(epochs=3),
        "a window of two words": _pairs(
            layers='keras.layers.Conv1D(32, 2, activation="relu"), keras.layers.GlobalMaxPooling1D(), '
            'keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1, activation="sigmoid")',
            epochs=5,
        ),
        "one epoch of a small LSTM": _pairs(
            layers='keras.layers.LSTM(4), keras.layers.Dense(1, activation="sigmoid")'
        ),
        "only the first words": _pairs(
            length=6,
            layers="keras.layers.Flatten(), keras.layers.Dense(16, activation='relu'), "
            "keras.layers.Dense(1, activation='sigmoid')",
            epochs=2,
        ),
        "logits": _pairs(layers="keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(1)"),
        "nothing returned": _pairs(result="None"),
    },
}
