"""The data of the lectures: real where they are prepared or can be had, embedded where not.

Every loader returns a small frozen dataclass with arrays, class names and a `Source`, prints one line that
says what it gave, and says in plain words when something else than asked for was given. Nothing here needs
the network; with ``LECTURE_DATA=embedded`` nothing even looks for it. ``data/README.md`` describes each data
set, the environment variables and the cache.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import hashlib
import importlib.metadata
import io
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lecture_utils.errors import DatasetError, LectureError
from lecture_utils.paths import atomic_write, cache_dir, data_dir, project_root

Arrays = dict[str, NDArray[Any]]

DIGIT_NAMES = tuple("0123456789")
LETTER_NAMES = tuple("ABCDEFGHIJ")
SIDE = 28  # pixels: the height and the width of every digit and every letter

CLOTHES_NAMES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)

_COUNTS = {"train": 60_000, "test": 10_000}  # of MNIST and of Fashion-MNIST alike
_REVIEWS = {"train": 25_000, "test": 25_000}  # of IMDB
_NEWSWIRES = {"train": 8_982, "test": 2_246}  # of Reuters, as Keras splits them
_DOWNLOAD_FORMAT = 2  # raise it when the arrays that are kept of a download change


@dataclass(frozen=True)
class _Published:
    """Labelled images or texts as they were published, and what tells them from any others.

    Attributes
    ----------
    name : str
        What the loader and `Source` call them.
    tfds : str
        What TFDS and ``keras.datasets`` call them.
    title : str
    class_names : tuple of str
    labels : dict of str to tuple of int
        How often each class occurs in each part.
    ink : dict of str to int
        The sum of all gray values in each part; of images only.
    size : int
        Bytes to download.
    digests : dict of str to str
        SHA-256 of the files that Keras downloads, where Keras itself does not compare them.
    instead : str
        What takes their place, in words.
    wording : dict of str to str
        SHA-256 of each part's texts in our order; of texts only.
    archive : tuple of str
        Name, address and SHA-256 of the file to download, where ``keras.datasets`` has none.
    """

    name: str
    tfds: str
    title: str
    class_names: tuple[str, ...]
    labels: dict[str, tuple[int, ...]]
    ink: dict[str, int]
    size: int
    digests: dict[str, str]
    instead: str
    wording: dict[str, str] = field(default_factory=dict)
    archive: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many examples each part holds."""
        return _REVIEWS if self.wording else _COUNTS

    @property
    def unit(self) -> str:
        """What the examples are, in the plural."""
        return "reviews" if self.wording else "images"


_MNIST = _Published(
    name="mnist",
    tfds="mnist",
    title="MNIST",
    class_names=DIGIT_NAMES,
    labels={
        "train": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        "test": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    },
    ink={"train": 1_567_298_545, "test": 264_923_200},
    size=11_490_434,
    digests={},
    instead="scikit-learn's handwritten digits take its place: real ones too, but fewer.",
)
_FASHION = _Published(
    name="fashion",
    tfds="fashion_mnist",
    title="Fashion-MNIST",
    class_names=CLOTHES_NAMES,
    labels={"train": (6000,) * 10, "test": (1000,) * 10},
    ink={"train": 3_431_114_169, "test": 573_469_082},
    size=30_878_645,
    digests={
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
    instead="Letters drawn from matplotlib's fonts take its place: of the same form, and easier.",
)
_CALIFORNIA = _Published(
    name="housing",
    tfds="california_housing",
    title="California housing",
    class_names=(),
    labels={},
    ink={},
    size=743_530,
    digests={},
    instead="scikit-learn's diabetes table takes its place: real and a regression too, but about people.",
)
_IMDB = _Published(
    name="imdb",
    tfds="imdb_reviews/plain_text",
    title="IMDB",
    class_names=("negative", "positive"),
    labels={"train": (12_500, 12_500), "test": (12_500, 12_500)},
    ink={},
    size=84_125_825,
    digests={},
    instead="Sentences of a grammar of our own take its place: made for this, shorter and plainer.",
    wording={
        "train": "bf5cc26efbb8d2567354cacab47be668cd5ab5d69f042583e9f833e75498b739",
        "test": "9f4fa90f259c9421ed8b25f21daaebca44a35f796d86e24048dbf26b0410e3bb",
    },
    archive=(
        "aclImdb_v1.tar.gz",
        "http://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",  # as TFDS has it
    ),
)
_REUTERS = _Published(
    name="reuters",
    tfds="reuters",
    title="Reuters",
    class_names=(
        *("cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply"),
        *("coffee", "sugar", "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas", "cpi"),
        *("money-fx", "interest", "gnp", "meal-feed", "alum", "oilseed", "gold", "tin", "strategic-metal"),
        *("livestock", "retail", "ipi", "iron-steel", "rubber", "heat", "jobs", "lei", "bop", "zinc"),
        *("orange", "pet-chem", "dlr", "gas", "silver", "wpi", "hog", "lead"),
    ),
    labels={},
    ink={},
    size=2_661_226,
    digests={},  # Keras compares them
    instead="Docstrings of the installed libraries take its place: 46 parts of the libraries to tell apart.",
)
_CALIFORNIA_DIGEST = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"  # Keras compares it
_CALIFORNIA_ROWS = {"train": 16_512, "test": 4_128}  # as Keras splits them
# The columns of the census table with their smallest and largest value, by which they are recognized.
_CALIFORNIA_COLUMNS = {
    "longitude": (-124.35, -114.31),
    "latitude": (32.54, 41.95),
    "median age of the houses": (1, 52),
    "rooms": (2, 39_320),
    "bedrooms": (1, 6_445),
    "population": (3, 35_682),
    "households": (1, 6_082),
    "median income": (0.4999, 15.0001),
}

# Seconds. A download that has not begun or does not move is given up; so is one that never ends.
_START_LIMIT = 60.0
_SILENCE_LIMIT = 10.0
_DOWNLOAD_LIMIT = 180.0


_TITLES = {
    "mnist": "MNIST",
    "fashion": "Fashion-MNIST",
    "imdb": "IMDB",
    "xor": "XOR",
    "housing": "California housing",
    "squares": "Moving squares",
}


@dataclass(frozen=True)
class Source:
    """Where data came from and how many there are.

    Attributes
    ----------
    name : str
        What was loaded: "mnist", "digits", "imdb", "grammar", "moons" and so on. It selects the floors in
        `lecture_utils.checks.expect`, because a network reaches other figures on other data.
    origin : str
        Where it came from, in words.
    train, test : int
        How many examples. Sets that are not split have ``test == 0``.
    unit : str
        What is counted.
    """

    name: str
    origin: str
    train: int
    test: int = 0
    unit: str = "images"

    def __str__(self) -> str:
        title = _TITLES.get(self.name, self.name.capitalize())
        if self.test:
            return f"{title}: {self.train:,} training and {self.test:,} test {self.unit} ({self.origin})"
        return f"{title}: {self.train:,} {self.unit} ({self.origin})"


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled images, split into training and test data.

    Attributes
    ----------
    x_train, x_test : ndarray of uint8, shape (n, 28, 28)
        Gray values, 0 (background) to 255 (ink).
    y_train, y_test : ndarray of int64, shape (n,)
        Class numbers, 0 to ``len(class_names) - 1``.
    class_names : tuple of str
    source : Source
    validation : int
        So many of the last training examples make an honest validation part: as with the test data, nothing
        in it was seen before. In the embedded digits they are all that two writers wrote, so that no hand
        and no moved copy of a digit is on both sides; in the glyphs they are drawn in fonts of their own; in
        MNIST and in Fashion-MNIST they are the last twelfth.
    """

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]
    class_names: tuple[str, ...]
    source: Source
    validation: int


@dataclass(frozen=True, eq=False)
class Points:
    """Labelled points in the plane, not split: a lecture that needs a test set splits them itself.

    Attributes
    ----------
    x : ndarray of float32, shape (n, 2)
        Coordinates, roughly -1 to 1 (moons: -1 to 2).
    y : ndarray of int64, shape (n,)
        Class numbers, 0 or 1.
    class_names : tuple of str
    source : Source
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    class_names: tuple[str, ...]
    source: Source


@dataclass(frozen=True, eq=False)
class Photographs:
    """Color photographs.

    Attributes
    ----------
    images : dict of str to ndarray of uint8, shape (height, width, 3)
        Red, green and blue, 0 to 255, by name.
    source : Source
    """

    images: dict[str, NDArray[np.uint8]]
    source: Source


@dataclass(frozen=True, eq=False)
class Table:
    """A table of measurements, not split: a lecture that needs a test set splits it itself.

    Attributes
    ----------
    x : ndarray of float64, shape (n, features)
        One row for each case; the columns have the units in which they were measured.
    y : ndarray of int64 or float64, shape (n,)
        Class numbers, or where ``class_names`` is empty the number that is to be predicted.
    feature_names : tuple of str
        The columns of ``x``.
    target : str
        What ``y`` says, with its unit.
    class_names : tuple of str
        Empty where ``y`` is a measured number.
    source : Source
    """

    x: NDArray[np.float64]
    y: NDArray[Any]
    feature_names: tuple[str, ...]
    target: str
    class_names: tuple[str, ...]
    source: Source


@dataclass(frozen=True, eq=False)
class Texts:
    """Labelled texts, split into training and test data.

    Attributes
    ----------
    x_train, x_test : ndarray of str (dtype object), shape (n,)
        As they were written, with capitals and punctuation; IMDB's with their ``<br />``. Reuters is had only
        in small letters without punctuation.
    y_train, y_test : ndarray of int64, shape (n,)
        Class numbers. Of reviews, 0 (negative) or 1 (positive), in each part as many of either.
    class_names : tuple of str
    source : Source
    validation : int
        So many of the last training examples make an honest validation part: nothing in it was seen before.
        In IMDB no text of it stands in the rest, too; in the sentences of the grammar it has templates of its
        own, and adjectives that judge nothing of the same topic elsewhere.
    kinds_test : ndarray of str (dtype object), shape (n_test,)
        How each test text was made, one of `lecture_utils.texts.KINDS`; "" but in the grammar.
    partner_test : ndarray of int64, shape (n_test,)
        The place of the test text with the same words, each as often, and the opposite label; -1 where there
        is none, as everywhere but in the grammar.
    """

    x_train: NDArray[np.object_]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.object_]
    y_test: NDArray[np.int64]
    class_names: tuple[str, ...]
    source: Source
    validation: int
    kinds_test: NDArray[np.object_]
    partner_test: NDArray[np.int64]

    @property
    def paired_test(self) -> NDArray[np.bool_]:
        """Where test texts are one of a pair: what sees only how often each word occurs is right in half."""
        return np.asarray(self.partner_test >= 0)


@dataclass(frozen=True, eq=False)
class Corpus:
    """One long English text, to learn from how it goes on.

    Attributes
    ----------
    sentences : tuple of str
        In the order of the text, with capitals and punctuation, without line breaks.
    source : Source
        Counts words: what stands between blanks.
    """

    sentences: tuple[str, ...]
    source: Source

    @property
    def text(self) -> str:
        """The sentences below each other, each on a line."""
        return "\n".join(self.sentences)


@dataclass(frozen=True, eq=False)
class Films:
    """Short films of squares that move, not split: a lecture that needs a test set splits them itself.

    Attributes
    ----------
    frames : ndarray of uint8, shape (n, frames, side, side)
        0 (background) or 255.
    places : ndarray of int64, shape (n, frames, squares, 2)
        Row and column of the upper left pixel of each square in each frame.
    sizes : ndarray of int64, shape (n, squares)
        Pixels: how wide and high each square is.
    source : Source
    """

    frames: NDArray[np.uint8]
    places: NDArray[np.int64]
    sizes: NDArray[np.int64]
    source: Source


# --- words and paths


def _say(line: str) -> None:
    """Print one line at once: in a notebook and in a log the reader sees it before the wait."""
    try:
        print(line, flush=True)
    except UnicodeEncodeError:  # a terminal that knows ASCII only
        print(line.encode("ascii", "replace").decode(), flush=True)


def _shown(path: Path) -> str:
    """Return a path as it may stand in a stored notebook: as given if relative, else only its end."""
    if not path.is_absolute():
        return path.as_posix()
    with contextlib.suppress(ValueError):
        return path.relative_to(project_root()).as_posix()
    names = path.parts[1:]
    return "…/" + "/".join(names[-2:] if len(names) > 2 else names[-1:])


def setting() -> str:
    """Return ``LECTURE_DATA``: "auto", "offline" or "embedded"."""
    value = os.environ.get("LECTURE_DATA") or "auto"
    if value not in ("auto", "offline", "embedded"):
        raise DatasetError(
            f"LECTURE_DATA is {value!r}; it can be auto (real data where they can be had), offline (the same "
            "without a download) or embedded (only what comes with the packages)."
        )
    return value


# --- memory


def _free_memory() -> float:
    """Return how many bytes of memory are free, on the machine and in its container."""
    import psutil

    free = float(psutil.virtual_memory().available)
    with contextlib.suppress(OSError, ValueError, KeyError):  # not Linux, or no limit: "max" is no number
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        free = min(free, limit - used + int(statistics["inactive_file"]))
    return max(free, 0.0)


def _free_addresses() -> float:
    """Return how many bytes this process may still ask for under ``ulimit -v``; infinite without a limit."""
    import psutil

    with contextlib.suppress(ImportError):  # not on Windows
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            return max(float(limit - psutil.Process().memory_info().vms), 0.0)
    return math.inf


@contextlib.contextmanager
def _memory_for(what: str, need: float, instead: str, addresses: float = 0.0) -> Iterator[None]:
    """Refuse to begin what does not fit into memory, and say so in one line if it does not fit after all.

    Parameters
    ----------
    what, instead : str
        What is loaded, and what the reader can do if it does not fit.
    need : float
        Bytes of memory.
    addresses : float
        Bytes of address space, where that is more: TensorFlow's threads ask for much that they never use, and
        abort the process if they do not get it.
    """
    for wanted, free, kind in (
        (need, _free_memory(), "memory"),
        (max(need, addresses), _free_addresses(), "address space (ulimit -v)"),
    ):
        if free < wanted:
            raise DatasetError(
                f"{what} takes about {wanted / 1e6:,.0f} MB of {kind}, and {free / 1e6:,.0f} MB are free. "
                f"Shut down other notebooks (each keeps its data), or {instead}."
            )
    try:
        yield
    except MemoryError as error:
        raise DatasetError(
            f"{what} took more memory than there is. Shut down other notebooks (each keeps its data), "
            f"or {instead}."
        ) from error


# --- cache


def _cached(
    name: str,
    key: dict[str, Any],
    make: Callable[[], Arrays],
    problem: Callable[[Arrays], str],
) -> Arrays:
    """Return arrays from the cache, or make them and keep them there.

    Parameters
    ----------
    name : str
        The cache file is ``<name>.npz`` in `cache_dir`.
    key : dict
        What the arrays depend on. A file with another key is out of date and is replaced.
    make : callable
        Makes the arrays.
    problem : callable
        Returns what is wrong with arrays, or "".
    """
    path = cache_dir() / f"{name}.npz"
    wanted = json.dumps({"code": _code_digest(), **key}, sort_keys=True)
    arrays = _read_cache(path, wanted, problem)
    if arrays is None:
        arrays = make()
        _write_cache(path, wanted, arrays)
    return arrays


@functools.cache
def _code_digest() -> str:
    """Return what changes when the code does that makes the data: what other code made is out of date."""
    from lecture_utils.fingerprint import canonical

    files = (Path(__file__), Path(__file__).with_name("texts.py"))
    code = "\n".join(canonical(path.read_text(encoding="utf-8")) for path in files)
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def _versions(*packages: str) -> dict[str, str]:
    return {package: importlib.metadata.version(package) for package in packages}


def _read_cache(path: Path, wanted: str, problem: Callable[[Arrays], str]) -> Arrays | None:
    """Return the arrays of a cache file, or None where it is missing, out of date, or (announced) damaged."""
    if not os.path.exists(path):
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["key"]) != wanted:
                return None
            # The zip format keeps a checksum (CRC-32) of every array, but NumPy does not always read so far.
            broken = file.zip.testzip()
            arrays = {name: file[name] for name in file.files if name != "key"}
        damage = f"{broken} does not have its checksum" if broken else problem(arrays)
    except MemoryError:
        raise
    except Exception as error:  # a damaged zip file fails in a dozen ways, and every one means: make it again
        damage = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if not damage:
        return arrays
    reason = " ".join(damage.replace(str(path), path.name).split())[:100]
    _say(f"The cache {_shown(path)} is damaged ({reason}); it is made again.")
    return None


def _write_cache(path: Path, key: str, arrays: Arrays) -> None:
    """Keep arrays for the next start; a full disk or a read-only folder is announced and does no harm."""
    try:
        # Not compressed: that would take longer than making some of the data.
        content: dict[str, Any] = {"key": np.array(key), **arrays}
        atomic_write(path, lambda stream: np.savez(stream, **content))
    except LectureError as error:
        reason = getattr(error.__cause__, "strerror", None) or "it cannot be written"
        _say(
            f"No cache was kept in {_shown(path.parent)} ({reason}): the next start prepares the data again."
        )


def clear_cache() -> tuple[int, int]:
    """Delete everything in the cache folder, left-overs of interrupted downloads included.

    Returns
    -------
    files, size : int
        How many files went, and how many bytes they took.

    Raises
    ------
    DatasetError
        A file cannot be deleted.
    """
    folder = cache_dir()
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise DatasetError(f"cannot delete {error.filename or folder}: {error.strerror}.") from error
    return len(files), size


def _image_problem(train: int, test: int, classes: int) -> Callable[[Arrays], str]:
    """Return a function that says what keeps arrays from being ``train`` and ``test`` labelled images."""

    def problem(arrays: Arrays) -> str:
        for part, count in (("train", train), ("test", test)):
            x, y = arrays.get(f"x_{part}"), arrays.get(f"y_{part}")
            if x is None or y is None:
                return f"x_{part} or y_{part} is missing"
            if x.shape != (count, SIDE, SIDE) or x.dtype != np.uint8:
                return f"x_{part} is {x.dtype} {x.shape}, expected uint8 {(count, SIDE, SIDE)}"
            if y.shape != (count,) or y.dtype != np.int64:
                return f"y_{part} is {y.dtype} {y.shape}, expected int64 {(count,)}"
            labels = np.unique(y)
            if not np.array_equal(labels, np.arange(classes)):
                found = f"{len(labels)} labels from {labels[0]} to {labels[-1]}"
                return f"y_{part} holds {found}, expected 0 to {classes - 1}"
            if not x.any(axis=(1, 2)).all():
                return f"x_{part} holds empty images"
        return ""

    return problem


def _images(arrays: Arrays, class_names: tuple[str, ...], name: str, origin: str, validation: int) -> Images:
    return Images(
        x_train=arrays["x_train"],
        y_train=arrays["y_train"],
        x_test=arrays["x_test"],
        y_test=arrays["y_test"],
        class_names=class_names,
        source=Source(name, origin, len(arrays["x_train"]), len(arrays["x_test"])),
        validation=validation,
    )


# --- MNIST and Fashion-MNIST


def mnist() -> Images:
    """Load MNIST, or the nearest thing to it that this machine has.

    In this order: a prepared directory of TensorFlow Datasets (``TFDS_DATA_DIR``, else ``data/tfds``); an
    earlier download; a download by Keras, which checks its checksum; scikit-learn's handwritten digits, which
    are installed already. Whatever takes MNIST's place is announced. ``LECTURE_DATA=offline`` leaves out the
    download, ``LECTURE_DATA=embedded`` goes straight to scikit-learn's digits.

    Returns
    -------
    Images
        60,000 training and 10,000 test images with ``source.name == "mnist"``, or 7,075 and 382 with
        ``source.name == "digits"``; ten classes in both.

    Raises
    ------
    DatasetError
        The prepared directory is damaged, there is not enough memory, or ``LECTURE_DATA`` has no such value.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-Based Learning Applied to Document Recognition, 1998.
    """
    return _real_or_embedded(_MNIST, _digits)


def fashion() -> Images:
    """Load Fashion-MNIST, photographs of clothes, or what can stand in for it on this machine.

    In the same order as `mnist`: a prepared directory of TensorFlow Datasets, an earlier download, a download
    by Keras, of which the checksums are compared; then the letters of `glyphs`, which need no file. Whatever
    takes Fashion-MNIST's place is announced. ``LECTURE_DATA=offline`` leaves out the download,
    ``LECTURE_DATA=embedded`` goes straight to the letters.

    Returns
    -------
    Images
        60,000 training and 10,000 test images with ``source.name == "fashion"``, or 6,000 and 1,000 with
        ``source.name == "glyphs"``; ten classes in both.

    Raises
    ------
    DatasetError
        The prepared directory is damaged, there is not enough memory, or ``LECTURE_DATA`` has no such value.

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
    Algorithms, 2017.
    """
    return _real_or_embedded(_FASHION, _glyphs)


def _real_or_embedded(wanted: _Published, embedded: Callable[[], Images]) -> Images:
    """Return the published images or, where they cannot be had, the embedded ones; say which and why."""
    images, news = _found(wanted, setting())
    if images is None:
        images = embedded()
    if news:
        _say(news)
    _say(str(images.source))
    return images


def _found(wanted: _Published, setting: str) -> tuple[Images | None, str]:
    """Return the published images, or None and a line that says why others take their place."""
    need = 2.0 * sum(_COUNTS.values()) * SIDE**2
    arrays, origin = _found_arrays(wanted, setting, _problem_of(wanted), need)
    if arrays is None:
        return None, origin
    validation = len(arrays["x_train"]) // 12
    return _images(arrays, wanted.class_names, wanted.name, origin, validation), ""


def _problem_of(wanted: _Published) -> Callable[[Arrays], str]:
    """Return a function that says what keeps arrays from having the form of a published set."""
    if wanted.wording:
        return _text_problem(wanted.counts)
    return _image_problem(**wanted.counts, classes=len(wanted.class_names))


def _found_arrays(
    wanted: _Published, setting: str, problem: Callable[[Arrays], str], need: float
) -> tuple[Arrays | None, str]:
    """Return the published arrays and where they came from, or None and why others take their place."""
    if setting == "embedded":
        return None, f"LECTURE_DATA=embedded: {wanted.title} is not looked for. {wanted.instead}"
    prepared = _find_prepared(wanted)
    if prepared.news:
        _say(prepared.news)
    with _memory_for(wanted.title, need, "set LECTURE_DATA=embedded"):
        if prepared.folder is not None:
            folder = prepared.folder
            arrays = _cached(
                f"{wanted.name}-prepared",
                _fingerprint(folder),
                lambda: _read_prepared(wanted, folder),
                problem,
            )
            return arrays, f"prepared TFDS directory {prepared.shown}"
        downloaded, failure = _downloaded(wanted, problem, allowed=setting == "auto")
    if downloaded is not None:
        return downloaded, "downloaded by Keras"
    return None, (
        f"{wanted.title} is not at hand: nothing is prepared in {prepared.shown}, {failure}. "
        f"{wanted.instead} data/README.md says how to get {wanted.title}."
    )


@dataclass(frozen=True)
class _Prepared:
    """What was found of prepared data: their folder, the directory as it may be shown, what to announce."""

    folder: Path | None
    shown: str
    news: str = ""


def _find_prepared(wanted: _Published) -> _Prepared:
    """Look for a set in ``TFDS_DATA_DIR``, else in ``data/tfds``. Nothing is read."""
    given, root, shown = _prepared_root()
    versions = [
        folder
        for folder in (root / wanted.tfds).glob("*.*.*")
        if re.fullmatch(r"\d+\.\d+\.\d+", folder.name) and os.path.exists(folder / "dataset_info.json")
    ]
    if versions:
        newest = max(versions, key=lambda folder: [int(part) for part in folder.name.split(".")])
        return _Prepared(newest, shown)
    if not given:
        return _Prepared(None, shown)
    fault = f"holds no prepared {wanted.tfds}" if os.path.isdir(root) else "is not a folder"
    return _Prepared(None, shown, f"TFDS_DATA_DIR={shown} {fault}; looking elsewhere.")


def _prepared_root() -> tuple[str | None, Path, str]:
    """Return ``TFDS_DATA_DIR`` as given, the folder where prepared data lie, and its name to be shown."""
    given = os.environ.get("TFDS_DATA_DIR")
    root = Path(given).expanduser() if given else data_dir() / "tfds"
    shown = _shown(Path(given) if given else root)
    if not root.is_absolute() and not os.path.exists(root):
        # A notebook runs in notebooks/; the variable was set where `lecture` was typed.
        root = project_root() / root
    return given, root, shown


def _fingerprint(folder: Path) -> dict[str, Any]:
    """Return what tells one state of a folder from another: names, sizes and times of change of its files."""
    try:
        files = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
    except OSError as error:
        raise DatasetError(f"cannot read {error.filename or folder}: {error.strerror}.") from error
    return {"files": [(name, state.st_size, state.st_mtime_ns) for name, state in files]}


def _read_prepared(wanted: _Published, folder: Path) -> Arrays:
    """Read a prepared TFDS directory into arrays; refuse it where a file is missing or damaged."""
    loaded = "tensorflow" in sys.modules
    need, addresses = (250e6, 2e9) if loaded else (650e6, 4e9)  # measured, with something to spare
    if wanted.wording:
        need, addresses = need + 350e6, addresses + 350e6
    what = f"reading {wanted.title} with TFDS"
    with _memory_for(what, need, "set LECTURE_DATA=embedded", addresses):
        return _read_with_tfds(wanted, folder)


def _read_with_tfds(wanted: _Published, folder: Path) -> Arrays:
    from lecture_utils.training import quiet_tensorflow

    quiet_tensorflow()
    import tensorflow as tf
    import tensorflow_datasets as tfds

    remedy = (
        f"Delete {folder} and prepare {wanted.title} again (data/README.md), or set LECTURE_DATA=embedded."
    )
    arrays: Arrays = {}
    try:
        builder = tfds.builder_from_directory(folder)
        for part in wanted.counts:
            files = [Path(path) for path in builder.info.splits[part].filepaths]
            missing = [path for path in files if not path.exists()]
            if missing:
                raise DatasetError(f"{missing[0]} is missing. {remedy}")
            # In batches: one example at a time would take five times as long.
            data = builder.as_dataset(split=part, as_supervised=True, batch_size=2000)
            batches = list(data.as_numpy_iterator())
            x, y = (np.concatenate(each) for each in zip(*batches, strict=True))
            arrays |= _text_part(part, list(x), y) if wanted.wording else {f"x_{part}": x[..., 0]}
            arrays.setdefault(f"y_{part}", y.astype(np.int64))
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise MemoryError from error
    except tf.errors.DataLossError as error:
        fault = "a record is cut off or does not have its checksum"
        raise DatasetError(f"{_first_damaged(files)} is damaged: {fault}. {remedy}") from error
    except tf.errors.FailedPreconditionError as error:
        fault = f"does not hold as many {wanted.unit} as dataset_info.json says"
        raise DatasetError(f"{files[0] if len(files) == 1 else folder} {fault}. {remedy}") from error
    except DatasetError:
        raise
    except Exception as error:  # TFDS lets through whatever its JSON files or odd records provoke
        fault = f"is not a {wanted.title} that TFDS can read ({type(error).__name__})"
        raise DatasetError(f"{folder} {fault}. {remedy}") from error
    fault = _problem_of(wanted)(arrays) or _not_as_published(wanted, arrays)
    if fault:
        raise DatasetError(f"{folder} is not {wanted.title} as published: {fault}. {remedy}")
    return arrays


def _not_as_published(wanted: _Published, arrays: Arrays) -> str:
    """Return in what images or texts differ from the published ones, or ""; their order does not matter."""
    for part, labels in wanted.labels.items():
        if len(arrays[f"y_{part}"]) != sum(labels):
            continue  # a small stand-in; the counts were checked before
        if tuple(np.bincount(arrays[f"y_{part}"], minlength=len(labels))) != labels:
            return f"its {part} labels are not {wanted.title}'s"
        if wanted.wording:
            same = _wording(arrays, part) == wanted.wording[part]
        else:
            same = int(arrays[f"x_{part}"].sum(dtype=np.int64)) == wanted.ink[part]
        if not same:
            return f"its {part} {wanted.unit} are not {wanted.title}'s"
    return ""


def _first_damaged(files: list[Path]) -> Path:
    """Return the first file with a record that is cut off or does not have its checksum."""
    import tensorflow as tf

    for path in files:
        try:
            for _ in tf.data.TFRecordDataset(str(path)).batch(1000):
                pass
        except tf.errors.DataLossError:
            return path
    return files[0].parent


# --- download

# Keras downloads straight to the final name and sets no time limit. So it works in a process of its own,
# which can be stopped, and in a folder of its own (KERAS_HOME), which nobody else reads.
_DOWNLOAD_CODE = """
import os, pathlib, socket, sys
socket.setdefaulttimeout(float(sys.argv[1]))
import keras, numpy as np
home, name, archive = pathlib.Path(os.environ["KERAS_HOME"]), sys.argv[2], sys.argv[3:]
(home / "started").touch()
try:
    if archive:
        keras.utils.get_file(name, archive[0], file_hash=archive[1])
        sys.exit()
    arrays, of_words = {}, name == "reuters"
    data = getattr(keras.datasets, name)
    words = {number: word for word, number in data.get_word_index().items()} if of_words else {}
    options = dict(start_char=None, oov_char=None, index_from=0) if of_words else {}
    for part, (x, y) in zip(("train", "test"), data.load_data(**options)):
        arrays["y_" + part] = y
        if of_words:
            texts = [" ".join(words[number] for number in text).encode() for text in x]
            arrays["text_" + part] = np.frombuffer(b"".join(texts), np.uint8)
            arrays["text_" + part + "_ends"] = np.cumsum([len(text) for text in texts], dtype=np.int64)
        else:
            arrays["x_" + part] = x
    np.savez(home / "datasets" / (name + ".npz"), **arrays)
except Exception as error:
    text = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    sys.exit("reason: " + " ".join(text.split()))
"""

# Why a download failed in this process, by the set's name; it is not tried again for each call.
_download_failures: dict[str, str] = {}


class _DownloadError(Exception):
    """The message says in a few words why there is no download."""


def _downloaded(
    wanted: _Published, problem: Callable[[Arrays], str], allowed: bool
) -> tuple[Arrays | None, str]:
    """Return a set from an earlier download or, where that is allowed, a new one; or None and why."""
    path = cache_dir() / f"{wanted.name}-download.npz"
    key = json.dumps({"format": _DOWNLOAD_FORMAT}, sort_keys=True)
    arrays = _read_cache(path, key, problem)
    if arrays is not None:
        return arrays, ""
    if not allowed:
        return None, "and LECTURE_DATA=offline allows no download"
    if wanted.name not in _download_failures:
        try:
            with _one_download_at_a_time(wanted) as folder:
                arrays = _read_cache(path, key, problem)  # another process may have been faster
                if arrays is None:
                    arrays = _download(wanted, folder, problem)
                    _write_cache(path, key, arrays)
                return arrays, ""
        except _DownloadError as error:
            _download_failures[wanted.name] = f"and the download failed ({error})"
    return None, _download_failures[wanted.name]


@contextlib.contextmanager
def _one_download_at_a_time(wanted: _Published) -> Iterator[Path]:
    """Yield a private, empty folder while no other process that uses the same cache downloads the set."""
    import filelock

    cache, busy = cache_dir(), contextlib.ExitStack()
    prefix = f"download-{wanted.name}-"
    with busy:
        parent: Path | None = cache
        try:
            cache.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(cache / f"{wanted.name}-download.lock")
            try:
                busy.enter_context(lock.acquire(timeout=0))
            except filelock.Timeout:
                _say(f"Another process is downloading {wanted.title}; waiting for it.")
                busy.enter_context(lock.acquire(timeout=_START_LIMIT + _DOWNLOAD_LIMIT))
            for left_over in cache.glob(f"{prefix}*"):
                shutil.rmtree(left_over, ignore_errors=True)
        except filelock.Timeout:
            raise _DownloadError("another process has been at it for too long") from None
        except (OSError, NotImplementedError):
            parent = None  # the cache cannot be written or locked: every process downloads for itself
        try:
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        except OSError as error:
            raise _DownloadError(error.strerror or "no place to store it") from error
        busy.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


def _download(wanted: _Published, folder: Path, problem: Callable[[Arrays], str]) -> Arrays:
    """Let Keras download a set into an empty folder, with limits on silence and on the whole time."""
    _say(f"{wanted.title}: downloading {wanted.size / 1e6:.0f} MB with Keras …")
    environment = {**os.environ, "KERAS_HOME": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"}
    # -P: the current folder is not searched for modules
    what = wanted.archive or (wanted.tfds,)
    command = [sys.executable, "-P", "-c", _DOWNLOAD_CODE, str(_SILENCE_LIMIT), *what]
    log = folder / "log"
    try:
        with log.open("wb") as stream:
            child = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stream
            )
    except OSError as error:
        raise _DownloadError(error.strerror or "no process could be started") from error
    try:
        _wait_for(child, folder)
    finally:
        child.kill()
        child.wait()
    if child.returncode != 0:
        raise _DownloadError(_reason(wanted, log.read_text(errors="replace"), child.returncode))
    kept = folder / "datasets"
    for name, digest in wanted.digests.items():
        path = kept / wanted.tfds.replace("_", "-") / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise _DownloadError(f"the file that came does not have {wanted.title}'s checksum")
    try:
        if wanted.archive:
            arrays = _read_archive(kept / wanted.archive[0])
        else:
            with np.load(kept / f"{wanted.tfds}.npz", allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
    except MemoryError:
        raise
    except Exception as error:  # as in _read_cache
        raise _DownloadError("the file that came cannot be read") from error
    for part in wanted.counts:
        if f"y_{part}" not in arrays:
            raise _DownloadError(f"the file that came holds no y_{part}")
        arrays[f"y_{part}"] = arrays[f"y_{part}"].astype(np.int64)
    fault = problem(arrays) or (_not_as_published(wanted, arrays) if wanted.wording else "")
    if fault:
        raise _DownloadError(f"the file that came is not {wanted.title}: {fault}")
    return arrays


def _wait_for(child: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait for a download, as long as it moves."""
    begin = news = time.monotonic()
    size, limit = 0, _START_LIMIT
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(0.1)
            return
        now = time.monotonic()
        if limit == _START_LIMIT and (folder / "started").exists():
            news, limit = now, _SILENCE_LIMIT
        grown = size
        with contextlib.suppress(FileNotFoundError):  # Keras deletes what it could not finish
            grown = sum(path.stat().st_size for path in folder.glob("datasets/**/*") if path.is_file())
        if grown != size:
            size, news = grown, now
        if now - news > limit:
            raise _DownloadError(f"no answer for {limit:.0f} s")
        if now - begin > _DOWNLOAD_LIMIT:
            raise _DownloadError(f"only {size / 1e6:.1f} MB came in {_DOWNLOAD_LIMIT:.0f} s")


def _reason(wanted: _Published, log: str, status: int) -> str:
    """Return in a few words why Keras gave up."""
    found = re.findall(r"^reason: (.*)$", log, flags=re.MULTILINE)
    if not found:
        return f"the process that downloads ended with status {status}"
    text = str(found[-1]).split(" -- ")[-1]  # "URL fetch failure on <address>: <number> -- <reason>"
    text = re.sub(r"^<urlopen error |^\[Errno [-\d]+\] |>$", "", text)
    if "hash does not match" in text:
        return f"the file that came does not have {wanted.title}'s checksum"
    return text if len(text) <= 120 else text[:119] + "…"


# --- pictures drawn afresh at 28x28

_CHUNK = 1000  # images drawn at once: bounds the memory that drawing takes


def _placements(
    rng: np.random.Generator,
    count: int,
    shift: float,
    degrees: float,
    scale: tuple[float, float],
    shear: float,
) -> NDArray[np.float32]:
    """Draw random affine maps from the pixels of a new image to those of the picture that it shows.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        How many maps.
    shift : float
        Largest shift in each direction, in pixels of the new image.
    degrees : float
        Largest rotation to either side.
    scale : tuple of float
        Smallest and largest magnification, drawn for height and width together and a little apart.
    shear : float
        Largest slant: how far the top moves, as a fraction of the height.

    Returns
    -------
    ndarray of float32, shape (count, 2, 3)
        Each maps (row, column, 1), counted from the center of the new image, to (row, column), counted from
        the center of the picture, in the same unit.
    """
    angle = np.radians(rng.uniform(-degrees, degrees, count))
    slant = rng.uniform(-shear, shear, count)
    size = rng.uniform(*scale, count)
    height, width = size * rng.uniform(0.93, 1.07, count), size * rng.uniform(0.93, 1.07, count)
    cosine, sine, zero, one = np.cos(angle), np.sin(angle), np.zeros(count), np.ones(count)
    rotation = np.array([[cosine, sine], [-sine, cosine]])
    slanting = np.array([[one, zero], [slant, one]])
    sizing = np.array([[1 / height, zero], [zero, 1 / width]])
    linear = np.einsum("ijn,jkn,kln->nil", sizing, slanting, rotation)
    offset = rng.uniform(-shift, shift, (count, 2))
    return np.concatenate([linear, -linear @ offset[:, :, None]], axis=2).astype(np.float32)


def _redraw(
    pictures: NDArray[np.float32],
    centers: NDArray[np.float32],
    ratio: float,
    which: NDArray[np.int64],
    placements: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Draw pictures at 28x28 pixels through affine maps, by bilinear interpolation.

    Parameters
    ----------
    pictures : ndarray of float32, shape (m, height, width)
        Their outermost pixels stand for everything outside.
    centers : ndarray of float32, shape (m, 2)
        Row and column in each picture that an unshifted image has in its center.
    ratio : float
        Pixels of the picture per pixel of the image.
    which : ndarray of int64, shape (n,)
        The picture that each image shows.
    placements : ndarray of float32, shape (n, 2, 3)
        As `_placements` gives them.

    Returns
    -------
    ndarray of float32, shape (n, 28, 28)
    """
    _, height, width = pictures.shape
    steps = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
    rows, columns = np.meshgrid(steps, steps, indexing="ij")
    pixels = np.stack([rows.ravel(), columns.ravel(), np.ones(SIDE * SIDE, np.float32)])
    flat = pictures.ravel()
    images = np.empty((len(which), SIDE, SIDE), np.float32)
    for begin in range(0, len(which), _CHUNK):
        chunk = slice(begin, begin + _CHUNK)
        places = ratio * (placements[chunk] @ pixels) + centers[which[chunk]][:, :, None]
        row = np.clip(places[:, 0], 0, height - 1.001)
        column = np.clip(places[:, 1], 0, width - 1.001)
        top, left = row.astype(np.int64), column.astype(np.int64)
        down, right = row - top, column - left
        corner = (which[chunk, None] * height + top) * width + left
        upper = flat[corner] * (1 - right) + flat[corner + 1] * right
        lower = flat[corner + width] * (1 - right) + flat[corner + width + 1] * right
        images[chunk] = (upper * (1 - down) + lower * down).reshape(-1, SIDE, SIDE)
    return images


def _to_bytes(ink: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Return ink from 0 to 1 as gray values from 0 to 255."""
    return np.rint(np.clip(ink, 0, 1) * 255).astype(np.uint8)


# --- scikit-learn's digits

_COPIES = 5  # of each training digit: itself and four that are moved a little, and bolder or finer
_TEST_WRITERS = 3  # the last three of fourteen
_VALIDATION_WRITERS = (7, 8)  # counted from 0


def _digits() -> Images:
    """Return scikit-learn's handwritten digits in the form of MNIST: 7,075 to train, 382 to test."""
    with _memory_for("the digits", 150e6, "close other programs"):
        arrays = _cached(
            "digits",
            _versions("numpy", "scikit-learn", "scipy"),
            lambda: _draw_digits()[0],
            _image_problem(7075, 382, len(DIGIT_NAMES)),
        )
    return _images(arrays, DIGIT_NAMES, "digits", "embedded in scikit-learn", validation=1255)


def _form_ends(labels: NDArray[np.int64]) -> list[int]:
    """Return where each writer's form ends in scikit-learn's digits.

    Every writer copied the same 130 digits, which end in 4 9 0 8 9 8 (on one form 4 9 0 8 9 3, and one breaks
    off after 4 9 0 8); a few digits were left out of the set. 4 9 0 8 occurs nowhere else in the forms.
    """
    return [end.end() for end in re.finditer("4908(?:9[38])?", "".join(map(str, labels)))]


def _draw_digits() -> tuple[Arrays, NDArray[np.int64], NDArray[np.int64]]:
    """Draw the digits: 8x8 gray values become smooth strokes in a box of 20x20 pixels, centered by mass.

    The training part holds each of its 1,415 originals once as it is and four times moved a little and
    written bolder or finer, the test part 382 originals as they are.

    Returns
    -------
    arrays : dict of ndarray
        The images and labels of both parts.
    originals_train, originals_test : ndarray of int64, shape (n,)
        The number of the original in `sklearn.datasets.load_digits` that each image shows.
    """
    from scipy import ndimage
    from sklearn.datasets import load_digits

    loaded = load_digits()
    labels = loaded.target.astype(np.int64)
    ends = _form_ends(labels)
    if len(labels) != 1797 or len(ends) != 14 or ends[-1] != len(labels):
        raise DatasetError(
            "the digits of this scikit-learn are not the 1,797 of 14 forms that can be split by writer. "
            "Install the versions in requirements.lock."
        )
    # Four times as many pixels each way by cubic splines, which is one matrix from either side.
    finer = ndimage.zoom(
        np.pad(np.eye(8), ((2, 2), (0, 0))), (4, 1), order=3, grid_mode=True, mode="grid-constant"
    )
    pictures = np.einsum("ri,nij,cj->nrc", finer, loaded.images / 16, finer).astype(np.float32)
    ink = np.clip(pictures, 0, 1)
    places = np.arange(ink.shape[1], dtype=np.float32)
    mass = ink.sum(axis=(1, 2))
    centers = np.stack([ink.sum(axis=2) @ places / mass, ink.sum(axis=1) @ places / mass], axis=1)

    first_test = ends[-1 - _TEST_WRITERS]
    still = np.tile(np.eye(2, 3, dtype=np.float32), (len(labels), 1, 1))
    rng = np.random.default_rng(8)
    originals = np.tile(np.arange(first_test), _COPIES)
    moved = _placements(rng, len(originals), shift=1.5, degrees=12, scale=(0.88, 1.1), shear=0.15)
    moved[:first_test] = still[:first_test]
    # Random order, but everything of two writers at the end, for validation. There the copies of an original
    # stand side by side, so that a smaller part from the end shows digits of its own, too.
    validation = np.isin(np.searchsorted(ends, originals, side="right"), _VALIDATION_WRITERS)
    order = np.argsort(np.where(validation, 1 + originals, rng.random(len(originals))), kind="stable")
    test = np.arange(first_test, len(labels))

    # Where the ink begins: the lower, the bolder the stroke.
    threshold = np.full(len(originals), 0.25)
    threshold[first_test:] += rng.uniform(-0.15, 0.15, len(originals) - first_test)

    def draw(
        which: NDArray[np.int64], placements: NDArray[np.float32], threshold: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        # 8 pixels become 20. The steep ramp gives strokes with a clear edge, as a scanned pen has.
        gray = _redraw(pictures, centers, 4 * 8 / 20, which, placements)
        return _to_bytes((gray - threshold[:, None, None]) / 0.45)

    arrays = {
        "x_train": draw(originals[order], moved[order], threshold[order]),
        "y_train": labels[originals[order]],
        "x_test": draw(test, still[test], np.full(len(test), 0.25)),
        "y_test": labels[test],
    }
    return arrays, originals[order], test


# --- glyphs

# Fonts that come with matplotlib and have letters. The parts share no font, so that test letters have shapes
# that training did not show.
_TRAIN_FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    *("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
    *("cmr10", "cmb10", "cmti10", "cmmi10", "cmsy10"),
)
_VALIDATION_FONTS = ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta")
_TEST_FONTS = (
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    *("cmss10", "cmtt10"),
)
_GLYPH_BOX = 80  # pixels of the drawing that become the 20 pixels of the image in which a letter stands
_GLYPH_MARGIN = 24


def glyphs(train: int = 6000, test: int = 1000, seed: int = 0, keep: bool = True) -> Images:
    """Draw the letters A to J in many fonts, distorted: a stand-in for Fashion-MNIST of any size.

    The fonts are those that come with matplotlib; those of the test data are of other families than those of
    the training data. Letters are shifted, rotated, slanted and scaled, their strokes made thinner or bolder,
    sharper or softer, fainter or darker, and noise is added.

    Parameters
    ----------
    train, test : int
        How many images, at least 10 each. Classes are as equal in number as they can be.
    seed : int
        Selects the drawing. The same numbers and seed give the same images with the same packages.
    keep : bool
        Keep the images in the cache, for the next call with the same numbers and seed.

    Returns
    -------
    Images
        Of the shape of Fashion-MNIST: 28x28, ten classes.

    Raises
    ------
    DatasetError
        A number is not possible, the fonts are missing, or there is not enough memory.

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
    Algorithms, 2017 (what it stands in for).
    C. Green: Improved Alpha-Tested Magnification for Vector Textures and Special Effects, 2007 (bold and soft
    strokes from a field of distances to the edge).
    """
    train, test = _whole("glyphs", "train", train, 10), _whole("glyphs", "test", test, 10)
    seed = _whole("glyphs", "seed", seed, 0)
    images = _glyphs(train, test, seed, keep)
    _say(str(images.source))
    return images


def _glyphs(train: int = 6000, test: int = 1000, seed: int = 0, keep: bool = True) -> Images:
    """Return what `glyphs` does, and say nothing."""
    need = (train + test) * (SIDE * SIDE + 8) + 250e6
    with _memory_for(f"a set of {train + test:,} glyphs", need, "ask for fewer"):
        arrays = (
            _cached(
                f"glyphs-{train}-{test}-{seed}",
                _versions("matplotlib", "numpy", "pillow", "scipy"),
                lambda: _make_glyphs(train, test, seed),
                _image_problem(train, test, len(LETTER_NAMES)),
            )
            if keep
            else _make_glyphs(train, test, seed)
        )
    origin = "drawn from matplotlib's fonts"
    return _images(arrays, LETTER_NAMES, "glyphs", origin, validation=_glyphs_to_validate(train))


def _glyphs_to_validate(train: int) -> int:
    return train // 6


def _make_glyphs(train: int, test: int, seed: int) -> Arrays:
    """Draw the training, the validation and the test letters, each from fonts of their own."""
    validation = _glyphs_to_validate(train)
    labels = np.concatenate([np.arange(train), np.arange(test)]) % len(LETTER_NAMES)
    x = np.empty((train + test, SIDE, SIDE), np.uint8)
    parts = ((_TRAIN_FONTS, train - validation), (_VALIDATION_FONTS, validation), (_TEST_FONTS, test))
    begin = 0
    for (fonts, count), rng in zip(parts, np.random.default_rng(seed).spawn(len(parts)), strict=True):
        fields, centers = _distance_fields(fonts)
        end = begin + count
        labels[begin:end] = rng.permutation(labels[begin:end])
        for start in range(begin, end, _CHUNK):
            chunk = slice(start, min(start + _CHUNK, end))
            x[chunk] = _draw_glyphs(rng, labels[chunk], len(fonts), fields, centers)
        begin = end
    return {"x_train": x[:train], "y_train": labels[:train], "x_test": x[train:], "y_test": labels[train:]}


def _draw_glyphs(
    rng: np.random.Generator,
    labels: NDArray[np.int64],
    fonts: int,
    fields: NDArray[np.float32],
    centers: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """Draw one distorted image per label, each in a font drawn at random."""
    n = len(labels)
    which = rng.integers(fonts, size=n) * len(LETTER_NAMES) + labels
    placements = _placements(rng, n, shift=2.0, degrees=15, scale=(0.75, 1.1), shear=0.25)
    ratio = _GLYPH_BOX / 20
    distance = _redraw(fields, centers, ratio, which, placements) / ratio  # in pixels of the image
    bolder = rng.uniform(-0.25, 0.6, (n, 1, 1))
    softness = rng.uniform(1.0, 2.2, (n, 1, 1))
    ink = np.clip((distance + bolder) / softness + 0.5, 0, 1) * rng.uniform(0.6, 1.0, (n, 1, 1))
    noise = rng.standard_normal((n, SIDE, SIDE), np.float32) * rng.uniform(0.0, 0.08, (n, 1, 1))
    return _to_bytes(ink + noise)


def _distance_fields(fonts: tuple[str, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return for each letter of each font the distance of every pixel to the letter's edge.

    Returns
    -------
    fields : ndarray of float32, shape (len(fonts) * 10, side, side)
        In pixels of the drawing: positive inside the letter, negative outside.
    centers : ndarray of float32, shape (len(fonts) * 10, 2)
        Row and column of the middle of each letter: of all of them the middle of the drawing.
    """
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont
    from scipy import ndimage

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    side = _GLYPH_BOX + 2 * _GLYPH_MARGIN
    fields = np.empty((len(fonts) * len(LETTER_NAMES), side, side), np.float32)
    for i, name in enumerate(fonts):
        for j, letter in enumerate(LETTER_NAMES):
            try:
                font = ImageFont.truetype(str(folder / f"{name}.ttf"), 100)
                left, top, right, bottom = font.getbbox(letter)
                # as large as the box allows, without changing the letter's proportions
                font = font.font_variant(size=100 * _GLYPH_BOX / max(right - left, bottom - top))
            except OSError as error:
                raise DatasetError(
                    f"matplotlib's font {name}.ttf is missing or damaged. Install matplotlib again, in the "
                    "version of requirements.lock."
                ) from error
            left, top, right, bottom = font.getbbox(letter)
            canvas = Image.new("L", (side, side))
            place = ((side - left - right) / 2, (side - top - bottom) / 2)
            ImageDraw.Draw(canvas).text(place, letter, font=font, fill=255)
            inside = np.asarray(canvas) > 127
            distance = ndimage.distance_transform_edt
            fields[i * len(LETTER_NAMES) + j] = distance(inside) - distance(~inside)
    return fields, np.full((len(fields), 2), (side - 1) / 2, np.float32)


# --- photographs


def photographs() -> Photographs:
    """Load the two photographs that come with scikit-learn.

    Returns
    -------
    Photographs
        "china" (a temple) and "flower" (a dahlia), both of shape (427, 640, 3).
    """
    from sklearn.datasets import load_sample_image

    images = {name: np.array(load_sample_image(f"{name}.jpg")) for name in ("china", "flower")}
    source = Source("photographs", "embedded in scikit-learn", len(images))
    _say(str(source))
    return Photographs(images, source)


# --- tables


def tumors() -> Table:
    """Load the table of breast tumors that comes with scikit-learn, benign or malignant.

    Each row describes the cell nuclei in one image of a fine-needle aspirate, by thirty numbers that experts
    chose: ten measures (radius, texture, ...), of each the mean, the standard error and the largest values.

    Returns
    -------
    Table
        569 rows, 30 columns; class 0 is benign (357 rows), class 1 malignant (212), so that 1 is what a test
        looks for. scikit-learn numbers them the other way round.

    References
    ----------
    W. N. Street, W. H. Wolberg, O. L. Mangasarian: Nuclear Feature Extraction for Breast Tumor Diagnosis,
    1993.
    """
    from sklearn.datasets import load_breast_cancer

    loaded = load_breast_cancer()
    source = Source("tumors", "embedded in scikit-learn", len(loaded.data), unit="cases")
    _say(str(source))
    return Table(
        x=np.array(loaded.data, np.float64),
        y=1 - loaded.target.astype(np.int64),
        feature_names=tuple(str(name) for name in loaded.feature_names),
        target="diagnosis",
        class_names=("benign", "malignant"),
        source=source,
    )


def housing() -> Table:
    """Load what houses cost in California's census blocks, or the nearest thing that this machine has.

    In this order: the file ``california_housing.npz`` in a prepared directory (``TFDS_DATA_DIR``, else
    ``data/tfds``), of which the checksum is compared; an earlier download; a download by Keras, which checks
    its checksum; scikit-learn's diabetes table, which is installed already. Whatever takes California's place
    is announced. ``LECTURE_DATA=offline`` leaves out the download, ``LECTURE_DATA=embedded`` goes straight to
    the diabetes table.

    Returns
    -------
    Table
        20,640 rows and 8 columns with ``source.name == "housing"``, or 442 and 10 with
        ``source.name == "diabetes"``. The target is a number in both.

    Raises
    ------
    DatasetError
        The prepared file is damaged, or ``LECTURE_DATA`` has no such value.

    References
    ----------
    R. K. Pace, R. Barry: Sparse Spatial Autoregressions, 1997.
    B. Efron, T. Hastie, I. Johnstone, R. Tibshirani: Least Angle Regression, 2004 (diabetes).
    """
    table, news = _found_california(setting())
    if table is None:
        table = _diabetes()
    if news:
        _say(news)
    _say(str(table.source))
    return table


def _found_california(setting: str) -> tuple[Table | None, str]:
    """Return California's table, or None and a line that says why another takes its place."""
    wanted = _CALIFORNIA
    if setting == "embedded":
        return None, f"LECTURE_DATA=embedded: {wanted.title} is not looked for. {wanted.instead}"
    path, shown = _prepared_california()
    if path is not None:
        return _california(_read_california(path), f"prepared file in {shown}"), ""
    arrays, failure = _downloaded(wanted, _california_problem, allowed=setting == "auto")
    if arrays is not None:
        return _california(arrays, "downloaded by Keras"), ""
    return None, (
        f"{wanted.title} is not at hand: {wanted.tfds}.npz is not in {shown}, {failure}. "
        f"{wanted.instead} data/README.md says how to get {wanted.title}."
    )


def _prepared_california() -> tuple[Path | None, str]:
    """Return where a prepared table lies, None where there is none, and the folder as it may be shown."""
    _, root, shown = _prepared_root()
    path = root / f"{_CALIFORNIA.tfds}.npz"
    return (path if path.is_file() else None), shown


def _read_california(path: Path) -> Arrays:
    """Read the file that Keras publishes; refuse it where a byte differs."""
    remedy = "Delete it and prepare it again (data/README.md), or set LECTURE_DATA=embedded."
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}.") from error
    if hashlib.sha256(content).hexdigest() != _CALIFORNIA_DIGEST:
        raise DatasetError(f"{path} does not have {_CALIFORNIA.title}'s checksum. {remedy}")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        x, y, cut = file["x"], file["y"], _CALIFORNIA_ROWS["train"]
    arrays = {"x_train": x[:cut], "y_train": y[:cut], "x_test": x[cut:], "y_test": y[cut:]}
    fault = _california_problem(arrays)
    if fault:
        raise DatasetError(f"{path} is not {_CALIFORNIA.title}: {fault}. {remedy}")
    return arrays


def _california_problem(arrays: Arrays) -> str:
    """Say what keeps arrays from being California's table in two parts, or ""."""
    for part, rows in _CALIFORNIA_ROWS.items():
        x, y = arrays.get(f"x_{part}"), arrays.get(f"y_{part}")
        if x is None or y is None:
            return f"x_{part} or y_{part} is missing"
        if x.shape != (rows, len(_CALIFORNIA_COLUMNS)) or y.shape != (rows,):
            return f"x_{part} and y_{part} have shapes {x.shape} and {y.shape}"
    missing = set(_CALIFORNIA_COLUMNS) - set(_california_order(arrays))
    return f"no column is the {min(missing)}" if missing else ""


def _california_order(arrays: Arrays) -> list[str]:
    """Return the name of each column, recognized by its smallest and its largest value; "" where unknown."""
    x = np.concatenate([arrays["x_train"], arrays["x_test"]])
    names = []
    for column in x.T:
        limits = [float(column.min()), float(column.max())]
        fits = [
            name for name, wanted in _CALIFORNIA_COLUMNS.items() if np.allclose(limits, wanted, rtol=1e-4)
        ]
        names.append(fits[0] if fits else "")
    return names


def _california(arrays: Arrays, origin: str) -> Table:
    """Return the whole table in one, with its columns in the order of the census."""
    found = _california_order(arrays)
    x = np.concatenate([arrays["x_train"], arrays["x_test"]]).astype(np.float64)
    y = np.concatenate([arrays["y_train"], arrays["y_test"]]).astype(np.float64)
    return Table(
        x=x[:, [found.index(name) for name in _CALIFORNIA_COLUMNS]],
        y=y / 100_000,
        feature_names=tuple(_CALIFORNIA_COLUMNS),
        target="median value of a house, in 100,000 dollars of 1990",
        class_names=(),
        source=Source("housing", origin, len(x), unit="census blocks"),
    )


def _diabetes() -> Table:
    """Return scikit-learn's diabetes table, in the units in which it was measured."""
    from sklearn.datasets import load_diabetes

    loaded = load_diabetes(scaled=False)
    names = ("age", "sex", "body mass index", "blood pressure", *(f"blood serum {i}" for i in range(1, 7)))
    return Table(
        x=np.array(loaded.data, np.float64),
        y=np.array(loaded.target, np.float64),
        feature_names=names,
        target="progression of the disease after a year",
        class_names=(),
        source=Source("diabetes", "embedded in scikit-learn", len(loaded.data), unit="patients"),
    )


# --- texts

# Arrays hold texts as bytes, one after the other, with the places where they end: no pickle is needed.


def _text_part(part: str, texts: list[bytes], labels: NDArray[Any]) -> Arrays:
    """Pack the texts of a part, in an order that depends on the texts alone.

    The order is that of the texts' SHA-256: shuffled, the same wherever the texts came from, and with copies
    of a text side by side, so that a cut that does not fall between copies leaves all of them on one side.
    """
    order = sorted(range(len(texts)), key=lambda i: (hashlib.sha256(texts[i]).digest(), int(labels[i])))
    return {
        **_packed(f"text_{part}", [texts[i] for i in order]),
        f"y_{part}": np.array([int(labels[i]) for i in order], np.int64),
    }


def _packed(name: str, texts: list[bytes]) -> Arrays:
    return {
        name: np.frombuffer(b"".join(texts), np.uint8),
        f"{name}_ends": np.cumsum([len(text) for text in texts], dtype=np.int64),
    }


def _unpacked(arrays: Arrays, name: str) -> list[str]:
    content = arrays[name].tobytes()
    ends = arrays[f"{name}_ends"].tolist()
    return [content[start:end].decode() for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _packing_problem(arrays: Arrays, name: str, count: int | None = None) -> str:
    """Return what keeps arrays from holding texts (so many, where that is known), or ""."""
    content, ends = arrays.get(name), arrays.get(f"{name}_ends")
    if content is None or ends is None:
        return f"{name} or its ends are missing"
    if content.dtype != np.uint8 or content.ndim != 1 or ends.dtype != np.int64 or ends.ndim != 1:
        return f"{name} is {content.dtype} {content.shape}, its ends are {ends.dtype} {ends.shape}"
    if len(ends) != (count or len(ends)) or not len(ends):
        return f"{name} holds {len(ends):,} texts, expected {count or 'some':,}"
    if ends[0] <= 0 or (np.diff(ends) <= 0).any() or ends[-1] != len(content):
        return f"{name} holds empty texts"
    return ""


def _text_problem(counts: dict[str, int], classes: int = 2) -> Callable[[Arrays], str]:
    """Return a function that says what keeps arrays from being so many texts of so many classes."""

    def problem(arrays: Arrays) -> str:
        for part, count in counts.items():
            fault = _packing_problem(arrays, f"text_{part}", count)
            if fault:
                return fault
            y = arrays.get(f"y_{part}")
            if y is None or y.shape != (count,) or y.dtype != np.int64:
                return f"y_{part} is not int64 {(count,)}"
            if y.min() < 0 or y.max() >= classes or (part == "train" and len(np.unique(y)) < classes):
                return f"y_{part} holds other labels than 0 to {classes - 1}, or not all of them"
        return ""

    return problem


def _wording(arrays: Arrays, part: str) -> str:
    """Return what tells the texts and labels of a part from any others."""
    digest = hashlib.sha256()
    for name in (f"text_{part}", f"text_{part}_ends", f"y_{part}"):
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def _read_archive(path: Path) -> Arrays:
    """Read the labelled reviews out of the archive in which they were published."""
    found: dict[str, list[tuple[bytes, int]]] = {part: [] for part in _REVIEWS}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            match = re.fullmatch(r"aclImdb/(train|test)/(neg|pos)/[^/]+\.txt", member.name)
            stream = archive.extractfile(member) if match else None
            if match and stream:
                found[match[1]].append((stream.read().strip(), int(match[2] == "pos")))
    arrays: Arrays = {}
    for part, reviews in found.items():
        arrays |= _text_part(part, [text for text, _ in reviews], np.array([label for _, label in reviews]))
    return arrays


def reviews() -> Texts:
    """Load IMDB, reviews of films that praise or blame, or sentences that stand in for them.

    In the same order as `mnist`: a prepared directory of TensorFlow Datasets (``imdb_reviews/plain_text``),
    an earlier download, a download (84 MB) of which the checksum is compared; then sentences of a grammar of
    our own (`lecture_utils.texts`), which need no file. Whatever takes IMDB's place is announced.
    ``LECTURE_DATA=offline`` leaves out the download, ``LECTURE_DATA=embedded`` goes straight to the grammar.

    In the sentences the order of words decides. Half of the test part are pairs: two sentences with the same
    words, each as often, and opposite labels. A bag of words is right in one of each two.

    Returns
    -------
    Texts
        25,000 training and 25,000 test reviews with ``source.name == "imdb"``, or 6,000 and 1,600 sentences
        with ``source.name == "grammar"``.

    Raises
    ------
    DatasetError
        The prepared directory is damaged, there is not enough memory, or ``LECTURE_DATA`` has no such value.

    References
    ----------
    A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng, C. Potts: Learning Word Vectors for Sentiment
    Analysis, 2011.
    """
    arrays, origin = _found_imdb(_IMDB)
    if arrays is None:
        texts = _grammar()
        _say(origin)
    else:
        with _memory_for(_IMDB.title, 150e6, "set LECTURE_DATA=embedded"):
            texts = _imdb(arrays, origin)
    _say(str(texts.source))
    return texts


def _found_imdb(wanted: _Published) -> tuple[Arrays | None, str]:
    """Return IMDB's arrays and where they came from, or None and why something else takes their place."""
    return _found_arrays(wanted, setting(), _problem_of(wanted), 150e6)


def _imdb(arrays: Arrays, origin: str) -> Texts:
    x = {part: np.array(_unpacked(arrays, f"text_{part}"), dtype=object) for part in _REVIEWS}
    train, test = len(x["train"]), len(x["test"])
    return Texts(
        x_train=x["train"],
        y_train=arrays["y_train"],
        x_test=x["test"],
        y_test=arrays["y_test"],
        class_names=_IMDB.class_names,
        source=Source("imdb", origin, train, test, unit="reviews"),
        validation=_to_validate(x["train"], train // 10),
        kinds_test=np.full(test, "", dtype=object),
        partner_test=np.full(test, -1, np.int64),
    )


def _to_validate(texts: NDArray[np.object_], least: int) -> int:
    """Return how many of the last texts make a validation part that shares no text with the rest."""
    while texts[-least] == texts[-least - 1]:  # copies stand side by side
        least += 1
    return least


def _grammar() -> Texts:
    """Return the sentences of our grammar: 6,000 (the last 600 are the validation part) and 1,600."""
    from lecture_utils.texts import sentences

    validation, test = sentences("validation"), sentences("test")
    train = [*sentences("train"), *validation]
    partner = np.full(len(test), -1, np.int64)
    waiting: dict[int, int] = {}
    for i, sentence in enumerate(test):
        if sentence.pair in waiting:
            other = waiting[sentence.pair]
            partner[i], partner[other] = other, i
        elif sentence.pair >= 0:
            waiting[sentence.pair] = i
    return Texts(
        x_train=np.array([sentence.text for sentence in train], dtype=object),
        y_train=np.array([sentence.label for sentence in train], np.int64),
        x_test=np.array([sentence.text for sentence in test], dtype=object),
        y_test=np.array([sentence.label for sentence in test], np.int64),
        class_names=_IMDB.class_names,
        source=Source("grammar", "generated", len(train), len(test), unit="sentences"),
        validation=len(validation),
        kinds_test=np.array([sentence.kind for sentence in test], dtype=object),
        partner_test=partner,
    )


def newswires() -> Texts:
    """Load Reuters, newswires of 46 topics, or docstrings that stand in for them.

    An earlier download, else a download by Keras (2.7 MB); where there is neither, docstrings of the
    installed libraries, and the part of a library in which each stands: 46 classes, too, as unevenly filled.
    Whatever takes Reuters' place is announced. ``LECTURE_DATA=offline`` leaves out the download,
    ``LECTURE_DATA=embedded`` goes straight to the docstrings.

    Returns
    -------
    Texts
        8,982 training and 2,246 test newswires with ``source.name == "reuters"``, or about as many docstrings
        with ``source.name == "modules"``. The classes are of very different sizes.

    Raises
    ------
    DatasetError
        A library is missing, there is not enough memory, or ``LECTURE_DATA`` has no such value.

    References
    ----------
    D. D. Lewis: Reuters-21578 Text Categorization Test Collection, 1997.
    """
    wanted, chosen = _REUTERS, setting()
    names, need = wanted.class_names, 150e6
    if chosen == "embedded":
        arrays, why = None, f"LECTURE_DATA=embedded: {wanted.title} is not looked for. {wanted.instead}"
    else:
        problem = _text_problem(_NEWSWIRES, len(names))
        with _memory_for(wanted.title, need, "set LECTURE_DATA=embedded"):
            arrays, why = _downloaded(wanted, problem, allowed=chosen == "auto")
        if arrays is None:
            why = (
                f"{wanted.title} is not at hand: nothing was downloaded before, {why}. "
                f"{wanted.instead} data/README.md says how to get {wanted.title}."
            )
    name, origin, unit = "reuters", "downloaded by Keras", "newswires"
    if arrays is None:
        _say(why)
        name, origin, unit = "modules", "of the installed libraries", "docstrings"
        arrays = _cached("modules", _prose_versions(), _read_modules, _modules_problem)
        names = tuple(_unpacked(arrays, "classes"))
    x = {part: np.array(_unpacked(arrays, f"text_{part}"), dtype=object) for part in _NEWSWIRES}
    train, test = len(x["train"]), len(x["test"])
    texts = Texts(
        x_train=x["train"],
        y_train=arrays["y_train"],
        x_test=x["test"],
        y_test=arrays["y_test"],
        class_names=names,
        source=Source(name, origin, train, test, unit=unit),
        validation=_to_validate(x["train"], train // 9),
        kinds_test=np.full(test, "", dtype=object),
        partner_test=np.full(test, -1, np.int64),
    )
    _say(str(texts.source))
    return texts


def _read_modules() -> Arrays:
    """Read docstrings of the 46 largest parts of the installed libraries; of each part a fifth is to test."""
    from lecture_utils.texts import PACKAGES, installed_topics

    _say("Reading the docstrings of the installed libraries: half a minute, once …")
    found = installed_topics(PACKAGES.values(), topics=len(_REUTERS.class_names))
    names = sorted({name for name, _ in found})
    parts: dict[str, list[tuple[bytes, int]]] = {"train": [], "test": []}
    for label, name in enumerate(names):
        texts = sorted(
            (text.encode() for topic, text in found if topic == name),
            key=lambda text: hashlib.sha256(text).digest(),
        )
        for i, text in enumerate(texts):
            parts["test" if i % 5 == 0 else "train"].append((text, label))
    arrays = _packed("classes", [name.encode() for name in names])
    for part, pairs in parts.items():
        arrays |= _text_part(part, [text for text, _ in pairs], np.array([label for _, label in pairs]))
    return arrays


def _modules_problem(arrays: Arrays) -> str:
    """Say what keeps arrays from being docstrings of 46 classes in two parts, or ""."""
    classes = len(_REUTERS.class_names)
    fault = _packing_problem(arrays, "classes", classes)
    counts = {part: len(arrays.get(f"y_{part}", ())) for part in _NEWSWIRES}
    return fault or _text_problem(counts, classes)(arrays)


def corpus() -> Corpus:
    """Load one long English text, for word vectors and for models that write.

    It is the text of IMDB's training reviews where `reviews` finds them, without tags and copies; else the
    sentences in the docstrings of the installed libraries, which are read and never imported. They are
    cleaned of code, examples, tables and markup, and kept in the cache: reading them takes up to half a
    minute. They are the same for the same versions of the libraries.

    Returns
    -------
    Corpus
        5.8 million words with ``source.name == "imdb"``, or about a million with
        ``source.name == "docstrings"``.

    Raises
    ------
    DatasetError
        The prepared directory is damaged, a library is missing, there is not enough memory, or
        ``LECTURE_DATA`` has no such value.
    """
    instead = "The docstrings of the installed libraries take its place: English, too, about another world."
    arrays, origin = _found_imdb(replace(_IMDB, instead=instead))
    if arrays is None:
        _say(origin)
        name, origin, need = "docstrings", "of the installed libraries", 150e6
        packed = functools.partial(_cached, "docstrings", _prose_versions(), _read_docstrings)
    else:
        name, need = "imdb", 250e6
        key = {"text": hashlib.sha256(arrays["text_train"].tobytes()).hexdigest()}
        packed = functools.partial(_cached, "imdb-sentences", key, functools.partial(_cut, arrays))
    with _memory_for("the corpus", need, "shut down other programs"):
        kept = packed(problem=_corpus_problem)
        sentences = tuple(_unpacked(kept, "sentences"))
    source = Source(name, origin, int(kept["words"]), unit="words")
    _say(str(source))
    return Corpus(sentences, source)


def _prose_versions() -> dict[str, str]:
    from lecture_utils.texts import PACKAGES

    try:
        return _versions(*PACKAGES)
    except importlib.metadata.PackageNotFoundError as error:
        raise DatasetError(
            f"the package {error.name} is not installed. Install requirements.lock."
        ) from error


def _read_docstrings() -> Arrays:
    from lecture_utils.texts import PACKAGES, installed_prose

    _say("Reading the docstrings of the installed libraries: half a minute, once …")
    return _counted(installed_prose(PACKAGES.values()))


def _cut(arrays: Arrays) -> Arrays:
    """Cut IMDB's training texts into sentences, without tags; of copies only one."""
    from lecture_utils.texts import split_sentences

    texts = dict.fromkeys(_unpacked(arrays, "text_train"))
    plain = (" ".join(re.sub(r"<br\s*/?>", " ", text).split()) for text in texts)
    return _counted([sentence for text in plain for sentence in split_sentences(text)])


def _counted(sentences: list[str]) -> Arrays:
    words = sum(len(sentence.split()) for sentence in sentences)
    packed = _packed("sentences", [sentence.encode() for sentence in sentences])
    return {**packed, "words": np.array(words, np.int64)}


def _corpus_problem(arrays: Arrays) -> str:
    words = arrays.get("words")
    if words is None or words.shape != () or words.dtype != np.int64:
        return "the number of words is missing"
    return _packing_problem(arrays, "sentences")


# --- points in the plane


def moons(n: int = 400, noise: float = 0.1, seed: int = 0) -> Points:
    """Draw points of two half circles that reach into each other.

    Parameters
    ----------
    n : int
        How many points, at least 4; half of them in each class.
    noise : float
        Standard deviation of the normal noise added to each coordinate; the half circles have radius 1.
    seed : int
        Selects the drawing.

    Returns
    -------
    Points

    Raises
    ------
    DatasetError
        A number is not possible.
    """
    n, noise, seed = _checked("moons", n, noise, seed)
    from sklearn.datasets import make_moons

    x, y = make_moons(n, noise=noise, random_state=seed)
    return _points("moons", x, y, ("upper moon", "lower moon"))


def rings(n: int = 400, noise: float = 0.08, ratio: float = 0.4, seed: int = 0) -> Points:
    """Draw points of two circles around the origin, one inside the other.

    Parameters
    ----------
    n : int
        How many points, at least 4; half of them in each class.
    noise : float
        Standard deviation of the normal noise added to each coordinate; the outer ring has radius 1.
    ratio : float
        Radius of the inner ring, between 0 and 1.
    seed : int
        Selects the drawing.

    Returns
    -------
    Points

    Raises
    ------
    DatasetError
        A number is not possible.
    """
    n, noise, seed = _checked("rings", n, noise, seed)
    ratio = _real("rings", "ratio", ratio)
    if not 0 < ratio < 1:
        raise DatasetError(
            f"rings: ratio must lie between 0 and 1, not {ratio}: it is the inner ring's radius."
        )
    from sklearn.datasets import make_circles

    x, y = make_circles(n, noise=noise, factor=ratio, random_state=seed)
    return _points("rings", x, y, ("outer ring", "inner ring"))


def spirals(n: int = 400, noise: float = 0.02, turns: float = 1.5, seed: int = 0) -> Points:
    """Draw points of two spirals that wind around each other.

    Parameters
    ----------
    n : int
        How many points, at least 4; half of them in each class.
    noise : float
        Standard deviation of the normal noise added to each coordinate; the spirals end at radius 1.
    turns : float
        How often each spiral goes around, more than 0.
    seed : int
        Selects the drawing.

    Returns
    -------
    Points

    Raises
    ------
    DatasetError
        A number is not possible.

    References
    ----------
    K. J. Lang, M. J. Witbrock: Learning to Tell Two Spirals Apart, 1988.
    """
    n, noise, seed = _checked("spirals", n, noise, seed)
    turns = _real("spirals", "turns", turns)
    if turns <= 0:
        raise DatasetError(f"spirals: turns must be more than 0, not {turns}.")
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 2)
    # The root spreads the points evenly along the arms; from 0.1 on, so that the arms do not meet.
    radius = np.sqrt(rng.uniform(0.01, 1, n))
    angle = 2 * np.pi * turns * radius + np.pi * y
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return _points("spirals", x + noise * rng.standard_normal((n, 2)), y, ("first arm", "second arm"))


def xor(n: int = 400, noise: float = 0.05, seed: int = 0) -> Points:
    """Draw points in a square whose class tells whether the signs of their coordinates differ.

    Parameters
    ----------
    n : int
        How many points, at least 4; a quarter of them in each quadrant.
    noise : float
        Standard deviation of the normal noise added to each coordinate after the class was given: points near
        the axes end up on the wrong side. The square reaches from -1 to 1.
    seed : int
        Selects the drawing.

    Returns
    -------
    Points

    Raises
    ------
    DatasetError
        A number is not possible.
    """
    n, noise, seed = _checked("xor", n, noise, seed)
    rng = np.random.default_rng(seed)
    quadrant = rng.permutation(np.arange(n) % 4)
    signs = np.stack([1 - 2 * (quadrant % 2), 1 - 2 * (quadrant // 2)], axis=1)
    x = signs * rng.uniform(0, 1, (n, 2)) + noise * rng.standard_normal((n, 2))
    return _points("xor", x, (signs[:, 0] != signs[:, 1]).astype(np.int64), ("same sign", "different signs"))


def _points(name: str, x: NDArray[Any], y: NDArray[Any], class_names: tuple[str, ...]) -> Points:
    source = Source(name, "generated", len(x), unit="points")
    _say(str(source))
    return Points(x.astype(np.float32), y.astype(np.int64), class_names, source)


def _checked(loader: str, n: int, noise: float, seed: int) -> tuple[int, float, int]:
    noise = _real(loader, "noise", noise)
    if noise < 0:
        raise DatasetError(f"{loader}: noise must be 0 or more, not {noise}: it is a standard deviation.")
    return _whole(loader, "n", n, 4), noise, _whole(loader, "seed", seed, 0)


def _real(loader: str, parameter: str, value: Any) -> float:
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not real or not math.isfinite(value):
        raise DatasetError(f"{loader}: {parameter} must be a number, not {value!r}.")
    return float(value)


def _whole(loader: str, parameter: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value < 2**32:
        raise DatasetError(f"{loader}: {parameter} must be a whole number, {least} or more, not {value!r}.")
    return int(value)


# --- films

_SQUARES = 3  # in each film
_SQUARE_SIZES = (2, 5)  # pixels, the smallest and the largest
_SPEEDS = range(-2, 3)  # pixels from one frame to the next, down and to the right


def moving_squares(n: int = 500, frames: int = 12, side: int = 24, seed: int = 0) -> Films:
    """Draw short films of three white squares that move and bounce off the border.

    Each square has a speed of its own, up to two pixels per frame down and to the right, that stays the same
    until the square would leave the picture: then it turns round. Where squares meet, they pass over each
    other. No square stands still.

    Parameters
    ----------
    n : int
        How many films, at least 1.
    frames : int
        How many frames each has, at least 2.
    side : int
        Height and width, in pixels, at least 8.
    seed : int
        Selects the drawing.

    Returns
    -------
    Films

    Raises
    ------
    DatasetError
        A number is not possible, or there is not enough memory.

    References
    ----------
    X. Shi, Z. Chen, H. Wang, D.-Y. Yeung, W. Wong, W. Woo: Convolutional LSTM Network: A Machine Learning
    Approach for Precipitation Nowcasting, 2015 (predicting the next frames of moving figures).
    """
    n, frames = _whole("moving_squares", "n", n, 1), _whole("moving_squares", "frames", frames, 2)
    side, seed = _whole("moving_squares", "side", side, 8), _whole("moving_squares", "seed", seed, 0)
    with _memory_for(f"a set of {n:,} films", 2.0 * n * frames * (side**2 + 64), "ask for fewer"):
        rng = np.random.default_rng(seed)
        sizes = rng.integers(_SQUARE_SIZES[0], _SQUARE_SIZES[1] + 1, (n, _SQUARES))
        room = (side - sizes)[..., None]  # the largest row and column of the upper left pixel
        start = rng.integers(0, room + 1, (n, _SQUARES, 2))
        speeds = np.array([(i, j) for i in _SPEEDS for j in _SPEEDS if i or j])
        speed = speeds[rng.integers(len(speeds), size=(n, _SQUARES))]
        # Without a border, row and column would grow for ever; the border folds them back.
        steps = np.arange(frames)[:, None, None]
        folded = (start[:, None] + steps * speed[:, None]) % (2 * room[:, None])
        places = np.minimum(folded, 2 * room[:, None] - folded)
        pixels = np.arange(side)
        ends = places + sizes[:, None, :, None]
        pictures = np.zeros((n, frames, side, side), np.uint8)
        for square in range(_SQUARES):
            begin, end = places[:, :, square, :, None], ends[:, :, square, :, None]
            inside = (begin <= pixels) & (pixels < end)
            pictures[inside[:, :, 0, :, None] & inside[:, :, 1, None, :]] = 255
    source = Source("squares", "generated", n, unit="films")
    _say(str(source))
    return Films(pictures, places.astype(np.int64), sizes.astype(np.int64), source)


# --- registry

Dataset = Images | Points | Photographs | Table | Texts | Corpus | Films

DATASETS: dict[str, Callable[[], Dataset]] = {
    "mnist": mnist,
    "fashion": fashion,
    "glyphs": glyphs,
    "photographs": photographs,
    "tumors": tumors,
    "housing": housing,
    "reviews": reviews,
    "newswires": newswires,
    "corpus": corpus,
    "moons": moons,
    "rings": rings,
    "spirals": spirals,
    "xor": xor,
    "moving_squares": moving_squares,
}


def load(name: str) -> Dataset:
    """Load a data set by its name, with the defaults of its loader.

    Parameters
    ----------
    name : str
        One of `DATASETS`.

    Raises
    ------
    DatasetError
        There is no such data set (the message names the nearest), or its loader refuses.
    """
    return DATASETS[_known(name)]()


def _known(name: str) -> str:
    if name in DATASETS:
        return name
    near = difflib.get_close_matches(name.lower(), DATASETS, n=1, cutoff=0.5)
    guess = f" Did you mean {near[0]}?" if near else ""
    raise DatasetError(f"there is no data set {name!r}.{guess} There are {', '.join(DATASETS)}.")


@dataclass(frozen=True)
class Whereabouts:
    """Where a data set would come from if it were loaded now.

    Attributes
    ----------
    name : str
    state : str
        "prepared", "cached", "to download", "embedded" or "generated".
    place : str
        The folder, file or package.
    size : int
        Bytes on disk in that place; 0 for what is generated.
    """

    name: str
    state: str
    place: str
    size: int


def describe(name: str) -> Whereabouts:
    """Say where a data set would come from now. Nothing is loaded, downloaded or printed.

    Parameters
    ----------
    name : str
        One of `DATASETS`.

    Raises
    ------
    DatasetError
        There is no such data set, or ``LECTURE_DATA`` has no such value.
    """
    name = _known(name)
    published = {"mnist": _MNIST, "fashion": _FASHION, "reviews": _IMDB, "corpus": _IMDB}.get(name)
    found = _describe_published(published, setting()) if published is not None else None
    if name == "housing":
        found = _describe_california(setting())
    if name == "newswires" and setting() != "embedded":
        found = _describe_download(_REUTERS, setting())
    if found is not None:
        return replace(found, name=name)
    if name == "corpus":
        kept = cache_dir() / "docstrings.npz"
        if kept.exists():
            return Whereabouts(name, "cached", _shown(kept), kept.stat().st_size)
        return Whereabouts(name, "embedded", "docstrings of the installed packages", 0)
    if name == "reviews":
        return Whereabouts(name, "generated", "a grammar of our own", 0)
    if name == "newswires":
        if (kept := cache_dir() / "modules.npz").exists():
            return Whereabouts(name, "cached", _shown(kept), kept.stat().st_size)
        return Whereabouts(name, "embedded", "docstrings of the installed packages", 0)
    if name in ("tumors", "housing"):
        return _describe_embedded(name, f"datasets/data/{_TABLE_FILES[name]}")
    if name == "mnist":
        return _describe_embedded(name, "datasets/data/digits.csv.gz")
    if name in ("fashion", "glyphs"):
        defaults = cache_dir() / "glyphs-6000-1000-0.npz"
        if defaults.exists():
            return Whereabouts(name, "cached", _shown(defaults), defaults.stat().st_size)
        return Whereabouts(name, "generated", "matplotlib's fonts", 0)
    if name == "photographs":
        return _describe_embedded(name, "datasets/images/*.jpg")
    return Whereabouts(name, "generated", "", 0)


def _describe_published(wanted: _Published, setting: str) -> Whereabouts | None:
    """Say where a published set would come from; None where others would take its place."""
    if setting == "embedded":
        return None
    prepared = _find_prepared(wanted)
    if prepared.folder is not None:
        size = sum(size for _, size, _ in _fingerprint(prepared.folder)["files"])
        return Whereabouts(wanted.name, "prepared", prepared.shown, size)
    return _describe_download(wanted, setting)


def _describe_california(setting: str) -> Whereabouts | None:
    """Say where California's table would come from; None where the diabetes table would take its place."""
    if setting == "embedded":
        return None
    path, shown = _prepared_california()
    if path is not None:
        return Whereabouts(_CALIFORNIA.name, "prepared", shown, path.stat().st_size)
    return _describe_download(_CALIFORNIA, setting)


def _describe_download(wanted: _Published, setting: str) -> Whereabouts | None:
    """Say where a download lies or would come from; None where there is and would be none."""
    downloaded = cache_dir() / f"{wanted.name}-download.npz"
    if downloaded.exists():
        return Whereabouts(wanted.name, "cached", _shown(downloaded), downloaded.stat().st_size)
    if setting == "auto" and wanted.name not in _download_failures:
        return Whereabouts(wanted.name, "to download", "Keras", wanted.size)
    return None


_TABLE_FILES = {"tumors": "breast_cancer.csv", "housing": "diabetes_*.gz"}


def _describe_embedded(name: str, pattern: str) -> Whereabouts:
    files = [
        Path(str(file.locate()))
        for file in importlib.metadata.files("scikit-learn") or []
        if file.match(f"sklearn/{pattern}")
    ]
    return Whereabouts(name, "embedded", "scikit-learn", sum(file.stat().st_size for file in files))
