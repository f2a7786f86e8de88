"""Made-up languages: nothing but the company of a word tells its class, and neighbors are counted fairly."""

import numpy as np
import pytest

from lecture_utils.grading import languages

DRAWN = [languages.draw(np.random.default_rng(seed), 1500) for seed in range(3)]


def one_hot(classes: np.ndarray) -> np.ndarray:
    return np.eye(languages.CLASSES + 1)[classes]


@pytest.mark.parametrize("language", DRAWN)
def test_a_language_has_different_words_and_uses_all_of_them(language: languages.Language) -> None:
    count = languages.CLASSES * languages.WORDS + languages.GLUE
    assert len(set(language.words)) == len(language.words) == len(language.classes) == count
    assert set(np.concatenate(language.sentences).tolist()) == set(range(count))
    assert (
        np.bincount(language.classes + 1).tolist() == [languages.GLUE] + [languages.WORDS] * languages.CLASSES
    )
    assert len(language.sentences) == 1500
    assert language.spelled()[0] == [language.words[number] for number in language.sentences[0]]


def test_the_same_generator_gives_the_same_language_and_another_one_another() -> None:
    again = languages.draw(np.random.default_rng(0), 1500)
    assert again.words == DRAWN[0].words
    assert all(map(np.array_equal, again.sentences, DRAWN[0].sentences))
    assert again.words != DRAWN[1].words
    assert not np.array_equal(again.classes, DRAWN[1].classes)


@pytest.mark.parametrize("language", DRAWN)
def test_neither_place_nor_spelling_nor_frequency_tells_the_class(language: languages.Language) -> None:
    count = len(language.words)
    counts = np.bincount(np.concatenate(language.sentences), minlength=count)
    letters = np.array([[word.count(letter) for letter in "abdefgiklmnoprstuvz"] for word in language.words])
    place = 2 * np.pi * np.arange(count) / count / 2
    often = np.log(counts) / 10
    for feature in (
        letters,
        np.column_stack([np.cos(place), np.sin(place)]),
        np.column_stack([np.cos(often), np.sin(often)]),
    ):
        assert languages.same_class(feature, language.classes) < 0.2


@pytest.mark.parametrize("language", DRAWN)
def test_the_company_of_a_word_tells_its_class(language: languages.Language) -> None:
    table = np.zeros((len(language.words), languages.CLASSES + 1))
    for sentence in language.sentences:
        for distance in (1, 2):
            for one, other in ((sentence[:-distance], sentence[distance:]),) * (len(sentence) > distance):
                np.add.at(table, (one, language.classes[other]), 1)
    assert languages.same_class(table[:, : languages.CLASSES], language.classes) > 0.7


@pytest.mark.parametrize("seed", range(5))
def test_two_classes_share_one_follower_at_most_and_one_predecessor(seed: int) -> None:
    table = languages._followers(np.random.default_rng(seed))
    follows = one_hot(table).sum(axis=1)[:, : languages.CLASSES]
    assert (follows.sum(axis=0) == 3).all()
    for side in (follows, follows.T):
        shared = side @ side.T
        assert (np.diag(shared) == 3).all()
        assert (shared - np.diag(np.diag(shared))).max() == 1


def test_the_classes_themselves_are_the_best_vectors_and_chance_is_worth_little() -> None:
    classes = DRAWN[0].classes
    assert languages.same_class(one_hot(classes), classes) == 1
    noise = np.random.default_rng(0).normal(size=(len(classes), 16))
    assert languages.same_class(noise, classes) < 0.15
    assert languages.same_class(np.ones((len(classes), 16)), classes) < 0.1
    assert languages.same_class(np.zeros((len(classes), 16)), classes) == 0
    assert languages.same_class(np.zeros((len(classes), 0)), classes) == 0


def test_neighbors_are_counted_by_direction_and_equal_ones_share() -> None:
    classes = np.array([0, 0, 1, 1, -1])
    vectors = np.array([[1.0, 0.1], [9.0, 1.0], [0.1, 1.0], [1.0, 9.0], [-1.0, -1.0]])
    assert languages.same_class(vectors, classes) == 1
    assert languages.same_class(1e200 * vectors, classes) == 1
    assert languages.same_class(1e-200 * vectors, classes) == 1
    vectors[4] = vectors[0]  # of no class: the nearest of word 0, and as near to word 1 as word 0 is
    assert languages.same_class(vectors, classes) == pytest.approx((0 + 0.5 + 1 + 1) / 4)
    vectors[4] = vectors[1]  # now the same with words 0 and 1 swapped
    assert languages.same_class(vectors, classes) == pytest.approx((0.5 + 0 + 1 + 1) / 4)
    vectors[3] = 0  # neither found by word 2, nor able to find it
    assert languages.same_class(vectors, classes) == pytest.approx(0.125)
