"""Texts of our own: sentences from a grammar in which the order of words decides, and prose from docstrings.

Nothing here loads a file of data or says a word; `lecture_utils.datasets` does, with `reviews` and `corpus`.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import itertools
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lecture_utils.errors import DatasetError

# --- a grammar of verdicts

# What is judged, by topic: noun phrases, in the plural where the name ends with "+".
TOPICS: dict[str, tuple[str, ...]] = {
    "film": ("the film", "the plot", "the acting", "the music", "the ending", "the actors+"),
    "book": ("the book", "the story", "the style", "the last chapter", "the translation", "the pictures+"),
    "meal": ("the dinner", "the soup", "the fish", "the dessert", "the service", "the waiters+"),
    "trip": ("the trip", "the hotel", "the beach", "the guide", "the weather", "the rooms+"),
    "concert": ("the concert", "the orchestra", "the singer", "the hall", "the first half", "the songs+"),
    "course": (
        "the course",
        "the teacher",
        "the textbook",
        "the homework",
        "the lectures+",
        "the exercises+",
    ),
}
POSITIVE = (
    *("good", "great", "wonderful", "excellent", "lovely", "delightful"),
    *("superb", "charming", "brilliant", "pleasant", "splendid", "impressive"),
)
NEGATIVE = (
    *("bad", "poor", "terrible", "awful", "dreadful", "horrible"),
    *("dull", "disappointing", "miserable", "mediocre", "dismal", "annoying"),
)
OPENERS = (
    *("", "to be honest, ", "in my view, ", "in short, ", "all in all, ", "looking back, "),
    *("as far as I can tell, ", "for what it is worth, ", "to answer your question, "),
    "having thought about it for a week, ",
)
CLOSERS = (
    *("", " I went with my sister.", " I told my brother the same.", " You may quote me."),
    *(" That is all I have to report.", " We talked about it all the way home.", " It was on a Friday."),
    *(" My sister was there, too.", " I have slept on it since.", " So much for last weekend."),
)
INTENSIFIERS = ("", "really ", "truly ", "simply ", "clearly ")
FILLERS = (
    *("", "on the way home ", "in a letter of three pages ", "over a cup of tea "),
    "before the day was over ",
)
# The kinds of sentences. The two of a pair have the same words, each as often, and opposite labels; the two
# of a far pair have the same pairs of neighboring words, too.
KINDS = {
    "plain": "the adjective says it",
    "negation": "a word or two beside the adjective turn it round",
    "switch": "words far from the adjective may turn it round",
    "near pair": "two adjectives; a word beside one of them tells which counts",
    "far pair": "two adjectives; only words far from both tell which counts",
}


@dataclass(frozen=True)
class Pattern:
    """One wording, without what comes before and after.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    turns : bool
        Whether the verdict is the opposite of the adjective {x}. Another adjective, {y}, is always the
        opposite of {x}; where there is one, exchanging both makes the other sentence of the pair.
    text : str
        {n} is what is judged, with its verb {was} and its pronouns {it} and {them}; {m} is something else of
        the same topic; {v} is an intensifier; {f} keeps words apart.
    """

    kind: str
    turns: bool
    text: str


def _patterns(kind: str, turns: bool, *texts: str) -> tuple[Pattern, ...]:
    return tuple(Pattern(kind, turns, text) for text in texts)


PATTERNS = (
    *_patterns(
        "plain",
        False,
        "{n} {was} {v}{x}",
        "I found {n} {v}{x}",
        "everyone I know called {n} {v}{x}",
        "there is no doubt that {n} {was} {v}{x}",
        "{n} {was} nothing but {x}",
        "what I remember is that {n} {was} {v}{x}",
    ),
    *_patterns(
        "negation",
        True,
        "{n} {was} not {x}",
        "{n} {was} not {x} at all",
        "{n} {was} never {x}",
        "{n} {was} hardly {x}",
        "{n} {was} anything but {x}",
        "{n} {was} far from {x}",
        "{n} {was} by no means {x}",
        "I would not call {n} {x}",
        "nobody could call {n} {x}",
    ),
    *_patterns(
        "switch",
        False,
        "I was told {f}that {n} {was} {v}{x}, and all of it is true",
        "everyone who said {f}that {n} {was} {v}{x} was right",
        "it is no mistake to think that {n} {was} {v}{x}",
        "anybody who was there will tell you that {n} {was} {v}{x}",
        "do believe the neighbors when they say that {n} {was} {v}{x}",
        "my neighbor wrote {f}that {n} {was} {v}{x}, and he could not have been less mistaken",
    ),
    *_patterns(
        "switch",
        True,
        "I was told {f}that {n} {was} {v}{x}, and none of it is true",
        "everyone who said {f}that {n} {was} {v}{x} was wrong",
        "it is a mistake to think that {n} {was} {v}{x}",
        "nobody who was there will tell you that {n} {was} {v}{x}",
        "do not believe the neighbors when they say that {n} {was} {v}{x}",
        "my neighbor wrote {f}that {n} {was} {v}{x}, and he could not have been more mistaken",
    ),
    *_patterns(
        "near pair",
        False,
        "{n} {was} {x}, not {y} at all",
        "{n} {was} not {y} but {x}",
        "{n} {was} anything but {y}; {it} {was} {x}",
        "far from being {y}, {n} {was} {x}",
        "nobody called {n} {y}, and everybody called {them} {x}",
        "I expected {n} to be {y}, but {it} {was} {x}",
        "{n} {was} {x}, so do not believe those who call {them} {y}",
        "{n} {was} {y} at first, but in the end {it} {was} {x}",
        "{n} {was} {y}, but {m} was {x}",
        "although {n} {was} {y}, {m} was {x}",
        "{n} {was} {x}, although {m} was {y}",
    ),
    *_patterns(
        "far pair",
        False,
        "everyone who said {f}that {n} {was} {x} was right, "
        "and everyone who said {f}that {n} {was} {y} was wrong",
        "everyone who said {f}that {n} {was} {y} was wrong, "
        "and everyone who said {f}that {n} {was} {x} was right",
        "the critics wrote that {n} {was} {x}, and they were right; my friends wrote that {n} {was} {y}, "
        "and they were wrong",
        "the critics wrote that {n} {was} {y}, and they were wrong; my friends wrote that {n} {was} {x}, "
        "and they were right",
        "it was said {f}that {n} {was} {x}, which is true, and "
        "it was said {f}that {n} {was} {y}, which is not",
        "it was said {f}that {n} {was} {y}, which is not true, and "
        "it was said {f}that {n} {was} {x}, which is",
        "believe those who call {n} {x} these days, and forget those who call {n} {y} these days",
        "forget those who call {n} {y} these days, and believe those who call {n} {x} these days",
        "{n} {was} {y} for all of us, but {m} was {x} for all of us",
        "although {n} {was} {y} for all of us, {m} was {x} for all of us",
        "{n} {was} {x} for all of us, although {m} was {y} for all of us",
    ),
)

# How many sentences of each kind a part holds. Even numbers: as many of either label.
COUNTS = {
    "train": {"plain": 1350, "negation": 540, "switch": 810, "near pair": 1350, "far pair": 1350},
    "validation": {"plain": 150, "negation": 60, "switch": 90, "near pair": 150, "far pair": 150},
    "test": {"plain": 400, "negation": 160, "switch": 240, "near pair": 400, "far pair": 400},
}


@dataclass(frozen=True)
class Sentence:
    """A sentence of the grammar and what it was made of.

    Attributes
    ----------
    text : str
    label : int
        1 where the verdict is good, else 0.
    kind : str
        One of `KINDS`.
    pair : int
        The number of the pair within its part; -1 where the sentence is not one of a pair.
    template : tuple of int
        The numbers of what comes before, of the pattern, and of what comes after.
    topic : str
    adjectives : tuple of str
    """

    text: str
    label: int
    kind: str
    pair: int
    template: tuple[int, int, int]
    topic: str
    adjectives: tuple[str, ...]


def _part_of_template(opener: int, pattern: int, closer: int) -> str:
    """Return the part to which a whole wording belongs: of ten, seven to train on, one, and two to test."""
    return ("test", "test", "validation", *["train"] * 7)[(opener + pattern + 3 * closer) % 10]


def _part_of_words(topic: int, adjective: int) -> str:
    """Return the part in which an adjective judges something of a topic: of twelve, nine, one and two."""
    return ("test", "test", "validation", *["train"] * 9)[(2 * topic + adjective) % 12]


def sentences(part: str, seed: int = 0) -> list[Sentence]:
    """Make one part of the sentences, always the same for the same seed.

    The parts share no template (words before, pattern, words after) and no adjective with which things of a
    topic are judged: where films are charming in the test part, they never are in the two others. So it is
    for the parts of different seeds, too.

    Parameters
    ----------
    part : str
        "train", "validation" or "test".
    seed : int
        At least 0. Another seed draws other sentences, as many of each kind; those of
        `lecture_utils.datasets.reviews` are drawn with 0.

    Returns
    -------
    list of Sentence
        Shuffled; all different; half of them of either label.
    """
    rng = np.random.default_rng([7, list(COUNTS).index(part), seed])
    made: dict[str, Sentence] = {}
    pairs = 0
    for kind, count in COUNTS[part].items():
        numbers = itertools.cycle(i for i, pattern in enumerate(PATTERNS) if pattern.kind == kind)
        wanted = len(made) + count
        while len(made) < wanted:
            # Two at a time: a good verdict and a bad one.
            paired = kind.endswith("pair")
            number = next(numbers)
            first = _drawn(rng, part, number)
            second = first if paired else _drawn(rng, part, number)
            pair = pairs if paired else -1
            two = [_written(slots, label, pair) for label, slots in enumerate((first, second))]
            if two[0].text not in made and two[1].text not in made:
                made |= {sentence.text: sentence for sentence in two}
                pairs += paired
    found = list(made.values())
    return [found[i] for i in rng.permutation(len(found))]


@dataclass(frozen=True)
class _Slots:
    """What a sentence is made of, but for the verdict: template, topic, words, a good and a bad adjective."""

    template: tuple[int, int, int]
    topic: str
    words: dict[str, str]
    good: str
    bad: str


@functools.cache
def _templates(part: str, pattern: int) -> list[tuple[int, int, int]]:
    """Return the templates of a pattern that belong to a part."""
    return [
        (opener, pattern, closer)
        for opener in range(len(OPENERS))
        for closer in range(len(CLOSERS))
        if _part_of_template(opener, pattern, closer) == part
    ]


def _drawn(rng: np.random.Generator, part: str, number: int) -> _Slots:
    """Draw what a sentence of a pattern is made of, from what belongs to a part."""
    pattern = PATTERNS[number]
    templates = _templates(part, number)
    topic = int(rng.integers(len(TOPICS)))
    name = list(TOPICS)[topic]
    nouns = TOPICS[name]
    if "{m}" in pattern.text:  # the neighbors of both adjectives are to be alike: was and was
        nouns = tuple(noun for noun in nouns if not noun.endswith("+"))
    first, second = rng.permutation(len(nouns))[:2]
    plural = nouns[first].endswith("+")
    words = {
        "n": nouns[first].rstrip("+"),
        "was": "were" if plural else "was",
        "it": "they" if plural else "it",
        "them": "them" if plural else "it",
        "m": nouns[second].rstrip("+"),
        "v": INTENSIFIERS[rng.integers(len(INTENSIFIERS))],
        "f": FILLERS[rng.integers(len(FILLERS))],
    }
    fitting = [i for i in range(len(POSITIVE)) if _part_of_words(topic, i) == part]
    good, bad = POSITIVE[fitting[rng.integers(len(fitting))]], NEGATIVE[fitting[rng.integers(len(fitting))]]
    return _Slots(templates[rng.integers(len(templates))], name, words, good, bad)


def _written(slots: _Slots, label: int, pair: int) -> Sentence:
    """Write a sentence with the verdict that is asked for."""
    opener, number, closer = slots.template
    pattern = PATTERNS[number]
    x, y = (slots.bad, slots.good) if bool(label) == pattern.turns else (slots.good, slots.bad)
    core = OPENERS[opener] + pattern.text.format(x=x, y=y, **slots.words)
    text = core[0].upper() + core[1:] + "." + CLOSERS[closer]
    adjectives = (x, y) if "{y}" in pattern.text else (x,)
    return Sentence(text, label, pattern.kind, pair, slots.template, slots.topic, adjectives)


# --- prose from docstrings

# Distributions that the workbook needs itself, and their packages: their docstrings are read in this order.
PACKAGES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "scikit-learn": "sklearn",
    "matplotlib": "matplotlib",
    "keras": "keras",
    "tensorflow": "tensorflow",
    "tensorflow-datasets": "tensorflow_datasets",
    "ipython": "IPython",
    "pillow": "PIL",
    "joblib": "joblib",
}
# Folders of tests, of other people's code, and of modules that only repeat names of others.
_PASSED_OVER = {
    *("test", "tests", "testing", "_api", "_tf_keras", "api"),
    *("externals", "_external", "extern", "_vendored", "vendor", "thirdparty", "array_api_compat"),
}
# Folders that only say how a package is laid out, not what a part of it is about.
_NO_TOPIC = {"src", "python", "core", "_core", "__init__"}
_BODIES = ("body", "handlers", "orelse", "finalbody", "cases")  # where statements stand within a statement

_UNDERLINE = re.compile(r"([-=~^*+#\"'.:_])\1{2,}[-=\s]*$")
_DOCTEST = re.compile(r"(>>>|\.\.\. |\.\.\.$|\$ |In \[)")
_DIRECTIVE = re.compile(r"(\.\. |@|:\w+[^:`]*:(\s|$))")
# What stands below an item of a list goes on further to the right; below a term it may.
_ITEM = re.compile(r"(?:[-*+•]|\(?\d+[.)]|\(?[a-z]\))\s+")
_TERM = re.compile(r"[*`]*\w+[*`]*(?:\s*\([^)]*\))?:\s+(?=[A-Z`])")
_PARAMETER = re.compile(r"[*`]*\w[\w`*, .]*\s:(\s|$)")
_FENCE = re.compile(r"(```|~~~)")

_MARKUP = (
    (re.compile(r"\s*\[[\w#*]+\]_"), ""),  # a footnote
    (re.compile(r":[\w:+.-]+:`~?\.?([^`<]*?)\s*(<[^`]*>)?`"), r"\1"),
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),
    (re.compile(r"`([^`<]+?)\s*(<[^`]*>)?`__?"), r"\1"),
    (re.compile(r"`+([^`]*)`+"), r"\1"),
    (re.compile(r"(?<!\w)(\*\*?)(?=\S)([^*]+?)\1(?!\w)"), r"\2"),
    (re.compile(r"(?<!\w)_(?=\S)([^_]+?)_(?!\w)"), r"\1"),
    (re.compile(r"[“”]"), '"'),
    (re.compile(r"[‘’]"), "'"),
    (re.compile(r"\s+"), " "),
)
_MARKED = re.compile(r"[`\[*_“”‘’]|\s\s")
_ENDS = re.compile(r"(?<=[.!?])[\"')]*\s+(?=[\"'(]*[A-Z0-9])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|al|vs|cf|resp|approx|Fig|Eq|Sec|Ref|Dr|Mr|Mrs|Ms|St|No|[A-Z])\.)$"
)
_ENGLISH = re.compile(r"[A-Z][A-Za-z0-9 ,.;:'\"!?()%/_-]*[.!?]")
_INNER_POINT = re.compile(r"[a-z]\.[a-z]{2}|\w\.\w+\(|\(\)")
# Where something follows that does not begin as a sentence does: "Whether to wait. default: yes"
_RUN_ON = re.compile(r"(?<=[.!?])(?<!etc\.)(?<!e\.g\.)(?<!i\.e\.)(?<!vs\.)(?<!al\.)\s+(?=[a-z])")
_WORD = re.compile(r"[\"'(]*[A-Za-z]+(?:['/-][A-Za-z]+)*[\"').,;:!?]*")
_FUNCTION_WORDS = frozenset(
    (
        *("a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "do", "does", "for", "from"),
        *("has", "have", "if", "in", "into", "is", "it", "its", "may", "must", "no", "not", "of", "on", "or"),
        *("should", "so", "than", "that", "the", "their", "then", "there", "these", "they", "this", "to"),
        *("was", "we", "were", "when", "where", "which", "will", "with", "you"),
    )
)


def split_sentences(text: str) -> list[str]:
    """Cut a text after each full stop, exclamation mark or question mark that ends a sentence."""
    pieces: list[str] = []
    start = 0
    for end in _ENDS.finditer(text):
        if not _ABBREVIATION.search(text[max(0, end.start() - 8) : end.start()]):
            pieces.append(text[start : end.end()].strip())
            start = end.end()
    pieces.append(text[start:].strip())
    return [piece for piece in pieces if piece]


def _prose_lines(docstring: str) -> Iterator[tuple[int, str]]:
    """Yield the indent and the text of each line of prose; "" where prose is broken, "=" below a heading."""
    fence = doctest = False
    code: int | None = None  # lines further to the right than this are code
    for line in docstring.expandtabs().splitlines():
        text = line.strip()
        depth = len(line) - len(line.lstrip())
        if _FENCE.match(text):
            fence = not fence
            yield 0, ""
            continue
        if not text:
            doctest = False
        elif code is not None and depth <= code:
            code = None
        doctest = doctest or bool(_DOCTEST.match(text))
        if not text or fence or doctest or code is not None or _PARAMETER.match(text):
            yield 0, ""
        elif _UNDERLINE.match(text):
            yield 0, "="
        elif _DIRECTIVE.match(text):
            code = depth
            yield 0, ""
        else:
            code = depth if text.endswith("::") else None
            yield depth, text


def paragraphs(docstring: str) -> Iterator[str]:
    """Yield the paragraphs of a docstring without headings, code, examples, and names of parameters."""
    block: list[str] = []
    indent = 0  # of the block's first line
    item = term = False  # what the first line is
    for depth, text in [*_prose_lines(docstring), (0, "")]:
        mark = _ITEM.match(text)
        goes_on = (depth > indent and (item or term)) or (depth == indent and not item)
        if block and (mark or text in ("", "=") or not goes_on):
            if text == "=":
                block.pop()
            yield " ".join(block)
            block = []
        if text in ("", "="):
            continue
        if not block:
            indent, item = depth, mark is not None
            mark = mark or _TERM.match(text)
            term = mark is not None
        block.append(text[mark.end() :] if mark else text)


def prose(docstring: str) -> list[str]:
    """Return the sentences of a docstring that are plain English, without markup."""
    found = []
    for paragraph in paragraphs(docstring):
        if _MARKED.search(paragraph):
            for pattern, plain in _MARKUP:
                paragraph = pattern.sub(plain, paragraph)
        pieces = [piece for text in split_sentences(paragraph) for piece in _RUN_ON.split(text)]
        found += [piece for piece in pieces if is_english(piece)]
    return found


def is_english(sentence: str) -> bool:
    """Say whether a sentence is whole and made of words, with hardly a number, sign or name of code in it."""
    if not _ENGLISH.fullmatch(sentence) or _INNER_POINT.search(sentence) or _RUN_ON.search(sentence):
        return False
    tokens = sentence.split()
    words = sum(_WORD.fullmatch(token) is not None for token in tokens)
    function_words = sum(token.lower() in _FUNCTION_WORDS for token in tokens)
    return len(tokens) >= 5 and words >= 0.85 * len(tokens) and function_words >= 0.15 * len(tokens)


def docstrings(folder: Path) -> Iterator[str]:
    """Yield every docstring in the Python files of a folder, in the order of paths and lines; nothing is run.

    Tests, other people's code, and modules that repeat names of others are passed over.
    """
    for _, docstring in located_docstrings(folder):
        yield docstring


def located_docstrings(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield what `docstrings` does, each with the path of its file within the folder."""
    files = [
        path
        for path in folder.rglob("*.py")
        if not _PASSED_OVER.intersection(path.relative_to(folder).parts[:-1])
    ]
    for path in sorted(files, key=lambda path: path.relative_to(folder).as_posix()):
        content = path.read_bytes()
        if b'"""' not in content and b"'''" not in content:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in other people's strings
            try:
                tree = ast.parse(content)
            except SyntaxError:
                continue  # a template, or written for another Python
        for node in _definitions(tree):
            docstring = ast.get_docstring(node)
            if docstring:
                yield path.relative_to(folder), docstring


def _definitions(
    tree: ast.Module,
) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield a module and every class and function in it, from top to bottom; expressions are not searched."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        inside = [child for name in _BODIES for child in getattr(node, name, ())]
        waiting += reversed(inside)


def installed_prose(packages: Iterable[str]) -> list[str]:
    """Return the English sentences in the docstrings of installed packages, none of them twice.

    Parameters
    ----------
    packages : iterable of str
        Names to import; they are only looked for, never imported.

    Returns
    -------
    list of str
        In the order of packages, paths and lines.

    Raises
    ------
    DatasetError
        A package is not installed, or a file cannot be read.
    """
    found: dict[str, str] = {}
    for _, docstring in _installed_docstrings(packages):
        for sentence in prose(docstring):
            found.setdefault(sentence.casefold(), sentence)
    return list(found.values())


def installed_topics(packages: Iterable[str], topics: int, least: int = 12) -> list[tuple[str, str]]:
    """Return docstrings of installed packages, each with the part of its package that it stands in.

    Parameters
    ----------
    packages : iterable of str
        Names to import; they are only looked for, never imported.
    topics : int
        How many parts: those with the most docstrings.
    least : int
        Words that a docstring must have when its English sentences are kept, of which none comes twice.

    Returns
    -------
    list of (str, str)
        The part, as "scipy.stats", and the sentences, in the order of packages, paths and lines.

    Raises
    ------
    DatasetError
        A package is not installed, or a file cannot be read.
    """
    found: list[tuple[str, str]] = []
    seen: set[str] = set()
    for place, docstring in _installed_docstrings(packages):
        sentences = [sentence for sentence in prose(docstring) if sentence.casefold() not in seen]
        seen.update(map(str.casefold, sentences))
        text = " ".join(sentences)
        if len(text.split()) >= least:
            package, *inside = (part for part in place.with_suffix("").parts if part not in _NO_TOPIC)
            found.append((".".join([package, *inside[:1]]), text))
    counts = Counter(topic for topic, _ in found)
    largest = {topic for topic, _ in counts.most_common(topics)}
    return [(topic, text) for topic, text in found if topic in largest]


def _installed_docstrings(packages: Iterable[str]) -> Iterator[tuple[Path, str]]:
    """Yield the docstrings of installed packages, each with the path of its file, the package first."""
    for package in packages:
        spec = importlib.util.find_spec(package)
        places = list(spec.submodule_search_locations or []) if spec else []
        if not places:
            raise DatasetError(f"the package {package} is not installed. Install requirements.lock.")
        try:
            for path, docstring in located_docstrings(Path(places[0])):
                yield package / path, docstring
        except OSError as error:
            raise DatasetError(f"cannot read {error.filename or package}: {error.strerror}.") from error
