"""Made-up languages for tasks in which words get vectors: only its company tells what a word is like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CLASSES = 12
WORDS = 20  # of each class
GLUE = 12  # frequent words that go with everything and belong to no class
STEPS = (0, 1, 3)  # which classes may follow a class, before all are shuffled
STRAY = 0.25  # the share of words that stand where any word might
BETWEEN = 0.7  # how often a word of no class stands between two others
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


@dataclass(frozen=True)
class Language:
    """A language that nobody has ever spoken, and some of what was said in it.

    Attributes
    ----------
    words : list of str
        All words, in random order. Neither the spelling, nor the place in this list, nor how often a word
        occurs tells its class.
    sentences : list of array
        Word numbers, int64: places in ``words``.
    classes : ndarray
        The class of each word, int64, (words,); -1 for words that belong to none.
    """

    words: list[str]
    sentences: list[NDArray[np.int64]]
    classes: NDArray[np.int64]

    def spelled(self) -> list[list[str]]:
        """Return the sentences as lists of words."""
        return [[self.words[number] for number in sentence] for sentence in self.sentences]


def draw(rng: np.random.Generator, sentences: int = 3000) -> Language:
    """Draw a language, and sentences in it.

    Each class may be followed by three classes, and may follow three. Any two classes share one of the
    followers at most, and one of those that they may follow. Between two words one without a class may
    stand; some words are strays, drawn from all. The words of a class are used unequally often, as in Zipf's
    law: the n-th in proportion to 1/n.

    Parameters
    ----------
    rng : Generator
        Draws everything.
    sentences : int
        How many.
    """
    count = CLASSES * WORDS + GLUE
    numbers = rng.permutation(count)
    classes = np.full(count, -1)
    classes[numbers[GLUE:]] = np.repeat(np.arange(CLASSES), WORDS)
    members = numbers[GLUE:].reshape(CLASSES, WORDS)
    usual, usual_glue = _unequal(WORDS), _unequal(GLUE)
    follows = _followers(rng)
    said = []
    for _ in range(sentences):
        length = int(rng.integers(5, 10))
        state = int(rng.integers(CLASSES))
        ranks = rng.choice(WORDS, size=length, p=usual)
        strays = rng.random(length) < STRAY
        anything = rng.integers(CLASSES, size=length)
        between = rng.random(length) < BETWEEN
        glue = rng.choice(GLUE, size=length, p=usual_glue)
        steps = rng.integers(len(STEPS), size=length)
        sentence = []
        for i in range(length):
            sentence.append(members[anything[i] if strays[i] else state, ranks[i]])
            if between[i] and i < length - 1:
                sentence.append(numbers[glue[i]])
            state = follows[state, steps[i]]
        said.append(np.array(sentence, dtype=np.int64))
    return Language(_spellings(rng, count), said, classes)


def same_class(vectors: ArrayLike, classes: NDArray[np.int64]) -> float:
    """Return the share of words whose nearest neighbor is of their class.

    Only words of a class are asked; each of the other words may be the neighbor, and is wrong where it has
    no class. Where several neighbors are equally near, the share of them that is right counts. A word
    whose vector is zero is never a neighbor, and its own answer is wrong.

    Parameters
    ----------
    vectors : array_like
        One for each word, (words, dimensions), finite; compared by the cosine.
    classes : ndarray
        As in :class:`Language`.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    largest = np.abs(rows).max(axis=1, initial=0, keepdims=True)
    rows = rows / np.where(largest > 0, largest, 1)  # no square overflows or vanishes
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    there = norms[:, 0] > 0
    rows = rows / np.where(there[:, None], norms, 1)
    cosines = rows @ rows.T
    cosines[:, ~there] = -np.inf
    np.fill_diagonal(cosines, -np.inf)
    shares = []
    for word in np.flatnonzero(classes >= 0):
        best = cosines[word].max()
        if not there[word] or not np.isfinite(best):
            shares.append(0.0)
            continue
        nearest = classes[cosines[word] >= best - 1e-9]
        shares.append(float(np.mean(nearest == classes[word])))
    return float(np.mean(shares))


def _unequal(count: int) -> NDArray[np.float64]:
    """Return the probabilities of Zipf's law."""
    weight = 1 / np.arange(1, count + 1)
    return np.asarray(weight / weight.sum())


def _followers(rng: np.random.Generator) -> NDArray[np.int64]:
    """Return for each class those that may follow it, (classes, followers), in a random order."""
    # On a circle of 12, the differences of 0, 1 and 3 are all different: two classes share one at most.
    circle = (np.arange(CLASSES)[:, None] + np.array(STEPS)) % CLASSES
    return rng.permutation(CLASSES)[circle][rng.permutation(CLASSES)]


def _spellings(rng: np.random.Generator, count: int) -> list[str]:
    """Return different made-up words of two or three syllables."""
    found: dict[str, None] = {}
    while len(found) < count:
        syllables = int(rng.integers(2, 4))
        pairs = [
            _CONSONANTS[rng.integers(len(_CONSONANTS))] + _VOWELS[rng.integers(len(_VOWELS))]
            for _ in range(syllables)
        ]
        found["".join(pairs)] = None
    return list(found)
