"""Tests of `lecture_utils.texts`: what the grammar holds back for its test part, and what is prose."""

import hashlib
import itertools
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from lecture_utils import texts
from lecture_utils.errors import DatasetError

PARTS = {part: texts.sentences(part) for part in texts.COUNTS}


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def neighbors(text: str) -> Counter[tuple[str, str]]:
    found = words(text)
    return Counter(itertools.pairwise(found))


def pairs(part: str) -> list[list[texts.Sentence]]:
    found = defaultdict(list)
    for sentence in PARTS[part]:
        if sentence.pair >= 0:
            found[sentence.pair].append(sentence)
    return list(found.values())


# --- the grammar


@pytest.mark.parametrize("part", PARTS)
def test_each_part_has_its_numbers_and_as_many_of_either_label_in_every_kind(part: str) -> None:
    counts = Counter((sentence.kind, sentence.label) for sentence in PARTS[part])
    assert counts == {
        (kind, label): count // 2 for kind, count in texts.COUNTS[part].items() for label in (0, 1)
    }


def test_no_sentence_occurs_twice_and_every_call_makes_the_same() -> None:
    everything = [sentence.text.lower() for part in PARTS.values() for sentence in part]
    assert len(set(everything)) == len(everything)
    assert {part: texts.sentences(part) for part in texts.COUNTS} == PARTS


def test_the_sentences_of_the_reviews_are_those_that_were_measured() -> None:
    """The lectures' floors and the table of data/README.md are for these, which have the seed 0."""
    everything = repr([sentence for part in texts.COUNTS for sentence in texts.sentences(part, seed=0)])
    assert hashlib.sha256(everything.encode()).hexdigest() == (
        "86a702960fb09a95f5703b51c497c1add00549b710a8f052aea173f982826c03"
    )


@pytest.mark.parametrize("seed", [1, 2**31 - 1])
def test_another_seed_draws_other_sentences_that_keep_the_parts_apart(seed: int) -> None:
    drawn = {part: texts.sentences(part, seed) for part in texts.COUNTS}
    assert drawn == {part: texts.sentences(part, seed) for part in texts.COUNTS}
    for part, sentences in drawn.items():
        counts = Counter((sentence.kind, sentence.label) for sentence in sentences)
        assert counts == Counter((sentence.kind, sentence.label) for sentence in PARTS[part])
        ours = {sentence.text for sentence in PARTS[part]}
        assert len(ours & {sentence.text for sentence in sentences}) < 0.1 * len(ours)
        for other in {*PARTS} - {part}:
            foreign = PARTS[other]
            assert not {s.template for s in sentences} & {s.template for s in foreign}
            assert not {(s.topic, word) for s in sentences for word in s.adjectives} & {
                (s.topic, word) for s in foreign for word in s.adjectives
            }


def test_no_template_of_one_part_is_in_another() -> None:
    used = {part: {sentence.template for sentence in PARTS[part]} for part in PARTS}
    assert all(len(templates) > 200 for templates in used.values())
    assert not used["test"] & (used["train"] | used["validation"])
    assert not used["train"] & used["validation"]


def test_no_adjective_judges_things_of_the_same_topic_in_two_parts() -> None:
    used = {
        part: {(sentence.topic, word) for sentence in PARTS[part] for word in sentence.adjectives}
        for part in PARTS
    }
    assert [len(used[part]) for part in ("train", "validation", "test")] == [108, 12, 24]
    assert not used["test"] & (used["train"] | used["validation"])
    assert not used["train"] & used["validation"]


def test_templates_and_topics_are_read_off_the_text_and_not_only_claimed() -> None:
    nouns = {noun.rstrip("+"): topic for topic, nouns in texts.TOPICS.items() for noun in nouns}
    for part in PARTS.values():
        for sentence in part:
            opener, number, closer = sentence.template
            assert sentence.text.lower().startswith(texts.OPENERS[opener].lower())
            assert sentence.text.endswith("." + texts.CLOSERS[closer])
            core = sentence.text[
                len(texts.OPENERS[opener]) : len(sentence.text) - len(texts.CLOSERS[closer]) - 1
            ]
            assert {nouns[noun] for noun in nouns if re.search(rf"\b{noun}\b", core, re.I)} == {
                sentence.topic
            }
            found = [word for word in words(core) if word in texts.POSITIVE + texts.NEGATIVE]
            assert sorted(found) == sorted(sentence.adjectives)
            assert sentence.kind == texts.PATTERNS[number].kind


def test_every_word_of_the_test_part_occurs_in_training() -> None:
    known = {word for sentence in PARTS["train"] for word in words(sentence.text)}
    assert {*texts.POSITIVE, *texts.NEGATIVE} <= known
    for part in ("validation", "test"):
        assert {word for sentence in PARTS[part] for word in words(sentence.text)} <= known


@pytest.mark.parametrize("part", PARTS)
def test_pairs_have_equal_bags_of_words_and_opposite_labels(part: str) -> None:
    found = pairs(part)
    assert 2 * len(found) == sum(count for kind, count in texts.COUNTS[part].items() if "pair" in kind)
    for one, other in found:
        assert {one.label, other.label} == {0, 1}
        assert Counter(words(one.text)) == Counter(words(other.text))
        assert one.text != other.text


@pytest.mark.parametrize("part", PARTS)
def test_far_pairs_have_equal_bags_of_neighbors_and_near_pairs_have_not(part: str) -> None:
    for one, other in pairs(part):
        assert (neighbors(one.text) == neighbors(other.text)) == (one.kind == "far pair"), one.text


def test_the_verdict_is_that_of_the_pattern() -> None:
    """The adjective that counts is good where the label is 1, but for the patterns that turn it round."""
    for part in PARTS.values():
        for sentence in part:
            pattern = texts.PATTERNS[sentence.template[1]]
            assert (sentence.adjectives[0] in texts.POSITIVE) == (bool(sentence.label) != pattern.turns)
            if len(sentence.adjectives) == 2:
                assert (sentence.adjectives[1] in texts.POSITIVE) != (
                    sentence.adjectives[0] in texts.POSITIVE
                )


@pytest.mark.parametrize(
    ("kind", "pattern", "turns"),
    [
        ("negation", "{n} {was} hardly {x}", True),
        ("plain", "{n} {was} nothing but {x}", False),
        ("switch", "everyone who said {f}that {n} {was} {v}{x} was wrong", True),
        ("near pair", "{n} {was} {x}, not {y} at all", False),
        ("near pair", "although {n} {was} {y}, {m} was {x}", False),
    ],
)
def test_patterns_mean_what_a_reader_takes_them_to_mean(kind: str, pattern: str, turns: bool) -> None:
    assert texts.Pattern(kind, turns, pattern) in texts.PATTERNS


def test_every_switch_that_turns_has_a_twin_that_does_not() -> None:
    switches = [pattern for pattern in texts.PATTERNS if pattern.kind == "switch"]
    turned = sum(pattern.turns for pattern in switches)
    assert turned == len(switches) / 2
    used = Counter(texts.PATTERNS[s.template[1]].turns for s in PARTS["test"] if s.kind == "switch")
    assert used[True] == used[False]


def test_sentences_are_spelled_as_sentences() -> None:
    for part in PARTS.values():
        for sentence in part:
            assert re.fullmatch(r"[A-Z][A-Za-z ,;]+(\. [A-Z][A-Za-z ,]+)?\.", sentence.text), sentence.text
            assert "  " not in sentence.text
            assert not re.search(r"\b(\w+) \1\b", sentence.text), sentence.text
            assert len(sentence.text.split()) <= 50


# --- prose

SOURCE = '''"""Tools for waves. They are small.

Heading
=======

The first paragraph goes on
over two lines, and it ends here.

>>> waves(1)
This is what the example prints. It goes on with this, and it is not prose.

After the example comes the last sentence of the module::

    waves = This is code and it must not be in the text.

.. note::
    This is a note that is left out with its directive.

What follows a directive is prose again, as it should be.
"""


def waves(n, phase=0):
    """Make the waves that were asked for, by `n` and by :func:`phase`, see [1]_ for them.

    Parameters
    ----------
    n : int. It is one of those that are known.
        The number of the waves that are to be made.
    phase : float
        Where the wave of the lowest tone begins, in *radians* of the whole.

    ```python
    This line stands in a fence and it is not a sentence of prose.
    ```

    Args:
      n: The count of all the waves in Google's style
        that goes on below it.

    Too short.
    The result is x = 3 * y for all of the waves.
    * An item of a list that is long enough to be
      a sentence of its own.
    lower case at the start is not the start of a sentence.

    Whether to wait for the end of it all. default: It is not to be waited for.
    """
    if n:
        class Inside:
            """A class that is hidden in a branch of the function."""
    return "This is a string and not a docstring, and it is not to be found."
'''
PROSE = [
    "The first paragraph goes on over two lines, and it ends here.",
    "What follows a directive is prose again, as it should be.",
    "Make the waves that were asked for, by n and by phase, see for them.",
    "The number of the waves that are to be made.",
    "Where the wave of the lowest tone begins, in radians of the whole.",
    "The count of all the waves in Google's style that goes on below it.",
    "An item of a list that is long enough to be a sentence of its own.",
    "Whether to wait for the end of it all.",
    "A class that is hidden in a branch of the function.",
]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a package that must not be imported, with one module."""
    folder = tmp_path / "site" / "tiny_waves"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (folder / "waves.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return folder


@pytest.mark.usefixtures("package")
def test_docstrings_become_sentences_without_code_tables_and_markup() -> None:
    assert texts.installed_prose(["tiny_waves"]) == PROSE


def test_prose_is_in_the_order_of_paths_and_no_sentence_comes_twice(package: Path) -> None:
    for name in ("z/a.py", "b.py", "a/z.py", "tests/a.py", "a/tests/b.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        first = "THE" if name[0] == "a" else "The"
        text = f"This is what is in the file {name[0]}.\n\n{first} same is in all of the files."
        (package / name).write_text(f'"""{text}"""')
    (package / "broken.py").write_text(
        '"""This is a template: {{ and it is not Python."""\nclass {{ name }}:'
    )
    found = texts.installed_prose(["tiny_waves"])
    assert [sentence for sentence in found if sentence not in PROSE] == [
        "This is what is in the file a.",
        "THE same is in all of the files.",
        "This is what is in the file b.",
        "This is what is in the file z.",
    ]


def test_package_that_is_missing_or_cannot_be_read_is_one_line(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DatasetError, match=r"^the package no_such_package is not installed\. Install req"):
        texts.installed_prose(["no_such_package"])

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DatasetError, match=rf"^cannot read {package}/__init__\.py: Permission denied\.$"):
        texts.installed_prose(["tiny_waves"])


@pytest.mark.parametrize(
    "sentence",
    [
        "This is as plain as it can be.",
        "If it is None, the default of 3.5 is used (see the notes).",
        'The keyword "axis" is for the sample_weight only, and it is not to be used in a loop.',
    ],
)
def test_english_is_kept(sentence: str) -> None:
    assert texts.is_english(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "It is short.",
        "this is not the start of a sentence.",
        "This is not the end of a sentence",
        "The value of x is y + 3 in all of the cases.",
        "The functions np.dot and np.outer do it as well.",
        "Alpha beta gamma delta epsilon zeta eta theta.",
        "It is 1 2 3 4 5 and 6 7 8 9.",
        "See https://example.org for all of it.",
        "This is a call() of a function that is here.",
        "This is the first of them. indent: This is the second of them.",
    ],
)
def test_what_is_not_english_is_left_out(sentence: str) -> None:
    assert not texts.is_english(sentence)


def test_text_is_cut_after_sentences_and_not_after_abbreviations() -> None:
    text = 'Dr. No was good, e.g. The end. "Really?" Yes! It cost 3.50 in all, i.e. A lot... Then 7 came.'
    assert texts.split_sentences(text) == [
        "Dr. No was good, e.g. The end.",
        '"Really?"',
        "Yes!",
        "It cost 3.50 in all, i.e. A lot...",
        "Then 7 came.",
    ]
    assert texts.split_sentences("  ") == []
