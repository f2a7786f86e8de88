"""Mutants of lecture 15."""

from mutation import Mutant

MUTANTS = [
    Mutant(
        "idf missing",
        "    return 1 + np.log((1 + len(counts)) / (1 + np.sum(counts > 0, axis=0)))",
        "    return np.ones(counts.shape[1])",
    ),
    Mutant(
        "validated on what was trained on",
        "x_train, y_train = reviews.x_train[:-held], reviews.y_train[:-held]",
        "x_train, y_train = reviews.x_train, reviews.y_train",
    ),
    Mutant(
        "bigrams not counted", "TfidfVectorizer(ngram_range=(1, 2), min_df=2,", "TfidfVectorizer(min_df=2,"
    ),
    Mutant(
        "labels shuffled while training",
        "from_tensor_slices((ids, labels.astype(",
        "from_tensor_slices((ids, np.roll(labels, 1).astype(",
    ),
    Mutant(
        "no mask",
        "    return [keras.layers.Embedding(words, size, mask_zero=True), keras.layers.LSTM(64)]",
        "    return [keras.layers.Embedding(words, size), keras.layers.LSTM(64)]",
    ),
    Mutant(
        "no recurrence",
        "    return [keras.layers.Embedding(words, size, mask_zero=True), keras.layers.LSTM(64)]",
        "    return [\n        keras.layers.Embedding(words, size, mask_zero=True),\n"
        "        keras.layers.TimeDistributed(keras.layers.Dense(64, activation='tanh')),\n"
        "        keras.layers.GlobalAveragePooling1D(),\n    ]",
    ),
    Mutant(
        "only one direction",
        "        keras.layers.Bidirectional(keras.layers.LSTM(64, return_sequences=True)),",
        "        keras.layers.LSTM(128, return_sequences=True),",
    ),
    Mutant(
        "the backward output not turned round",
        "backward = reader(embedded[:, ::-1]).numpy()[:, ::-1]",
        "backward = reader(embedded[:, ::-1]).numpy()",
    ),
]
