"""Tests of `lecture_utils.datasets`: what each loader gives, what it says, and what it refuses.

Nothing here reaches the network: the process that downloads is replaced, or is given an address on this
machine where nobody answers.
"""

import dataclasses
import difflib
import hashlib
import io
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lecture_utils import datasets
from lecture_utils.errors import DatasetError
from lecture_utils.paths import cache_dir, project_root

TINY = {"train": 40, "test": 20}
REAL = project_root().parent / "shared" / "tfds"
needs_real = pytest.mark.skipif(
    not (REAL / "mnist").is_dir(), reason="no prepared MNIST lies in ../shared/tfds"
)
FORBIDDEN = 'import sys; sys.exit("reason: the tests allow no download")'


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a data folder of its own, the default settings, and no network."""
    monkeypatch.setenv("LECTURE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("LECTURE_DATA", raising=False)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", FORBIDDEN)
    monkeypatch.setattr(datasets, "_download_failures", {})


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> datasets.Arrays:
    """Let MNIST have 40 and 20 images, and return them."""
    monkeypatch.setattr(datasets, "_COUNTS", TINY)
    return tiny_mnist()


def tiny_mnist() -> datasets.Arrays:
    rng = np.random.default_rng(0)
    arrays: datasets.Arrays = {}
    for part, count in TINY.items():
        arrays[f"x_{part}"] = rng.integers(1, 256, (count, 28, 28)).astype(np.uint8)
        arrays[f"y_{part}"] = np.arange(count) % 10
    return arrays


def same(images: datasets.Images, arrays: datasets.Arrays) -> bool:
    return all(np.array_equal(getattr(images, name), array) for name, array in arrays.items())


def run(code: str, environment: dict[str, str] | None = None) -> str:
    """Run code in a fresh Python and return its standard output; nothing may be on standard error."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines on standard output; nothing may be on standard error."""
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.splitlines()


# --- embedded digits


@pytest.fixture(scope="module")
def drawn() -> tuple[datasets.Arrays, Any, Any]:
    return datasets._draw_digits()


def written() -> Any:
    from sklearn.datasets import load_digits

    return load_digits()


def test_every_form_is_the_same_row_of_digits_so_the_boundaries_are_where_writers_change() -> None:
    labels = written().target
    ends = datasets._form_ends(labels)
    row = "".join(map(str, labels[:130]))
    forms = ["".join(map(str, labels[start:end])) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    assert len(forms) == 14
    assert sum(map(len, forms)) == 1797
    for form in forms:
        assert re.fullmatch(r"0?123456789.*4908(9[38])?", form)
        # a form is the row with at most eight digits left out or different
        blocks = difflib.SequenceMatcher(None, row, form, autojunk=False).get_matching_blocks()
        assert sum(block.size for block in blocks) >= len(row) - 9
        assert abs(len(form) - len(row)) <= 8


def test_no_writer_and_no_original_is_on_both_sides(drawn: tuple[datasets.Arrays, Any, Any]) -> None:
    _, train, test = drawn
    ends = datasets._form_ends(written().target)
    writer_train, writer_test = np.searchsorted(ends, train, "right"), np.searchsorted(ends, test, "right")
    assert set(writer_train) == set(range(11))
    assert set(writer_test) == {11, 12, 13}
    assert not set(train) & set(test)
    assert 0.20 <= len(test) / 1797 <= 0.25


def test_validation_digits_are_those_of_two_writers_whom_the_rest_does_not_show(
    drawn: tuple[datasets.Arrays, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECTURE_DATA", "embedded")
    images = datasets.mnist()
    arrays, train, _ = drawn
    assert same(images, arrays)
    writer = np.searchsorted(datasets._form_ends(written().target), train, "right")
    assert set(writer[: -images.validation]) == set(range(11)) - {7, 8}
    assert set(writer[-images.validation :]) == {7, 8}
    for share in (0.05, 0.1, 0.15):  # Keras' validation_split cuts one original at most
        cut = int(len(train) * (1 - share))
        assert len(set(train[:cut]) & set(train[cut:])) <= 1


def test_each_training_digit_is_shown_once_as_it_is_and_four_times_moved(
    drawn: tuple[datasets.Arrays, Any, Any],
) -> None:
    arrays, train, test = drawn
    assert arrays["x_train"].shape == (7075, 28, 28)
    assert np.array_equal(np.bincount(train), np.full(1415, 5))
    assert np.array_equal(np.sort(test), np.arange(1415, 1797))
    assert len(np.unique(arrays["x_train"], axis=0)) > 7000
    labels = written().target
    assert np.array_equal(arrays["y_train"], labels[train])
    assert np.array_equal(arrays["y_test"], labels[test])


def test_digits_show_the_originals_and_not_their_mirror_images(
    drawn: tuple[datasets.Arrays, Any, Any],
) -> None:
    arrays, train, test = drawn
    originals = written().images
    for part, numbers, least in (("train", train, 0.7), ("test", test, 0.8)):
        small = arrays[f"x_{part}"][:, 4:24, 4:24].reshape(-1, 10, 2, 10, 2).mean(axis=(2, 4))
        big = (
            np.repeat(np.repeat(originals, 5, axis=1), 5, axis=2).reshape(-1, 10, 4, 10, 4).mean(axis=(2, 4))
        )
        alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(small, big[numbers], strict=True)]
        mirrored = [
            np.corrcoef(a.ravel(), b.T.ravel())[0, 1] for a, b in zip(small, big[numbers], strict=True)
        ]
        assert np.mean(alike) > least > np.mean(mirrored) + 0.2


def test_digits_look_like_mnist(drawn: tuple[datasets.Arrays, Any, Any]) -> None:
    arrays = drawn[0]
    x = arrays["x_test"]
    # MNIST: mean 33, a fifth of the pixels inked, black borders, centered by mass
    assert 28 < x.mean() < 45
    assert 0.15 < (x > 0).mean() < 0.25
    assert (x.max(axis=(1, 2)) == 255).mean() > 0.95
    border = np.concatenate(
        [x[:, :2], x[:, -2:], x[:, :, :2].swapaxes(1, 2), x[:, :, -2:].swapaxes(1, 2)], axis=1
    )
    assert border.any(axis=(1, 2)).mean() < 0.04
    weights = x.sum(axis=(1, 2))
    rows = x.sum(axis=2) @ np.arange(28) / weights
    columns = x.sum(axis=1) @ np.arange(28) / weights
    assert abs(rows - 13.5).max() < 1.5
    assert abs(columns - 13.5).max() < 1.5


def test_embedded_digits_are_announced_in_one_line_that_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LECTURE_DATA", "embedded")
    monkeypatch.setenv("TFDS_DATA_DIR", str(REAL))
    images = datasets.mnist()
    assert images.source.name == "digits"
    assert printed(capsys) == [
        "LECTURE_DATA=embedded: MNIST is not looked for. scikit-learn's handwritten digits take its place: "
        "real ones too, but fewer.",
        "Digits: 7,075 training and 382 test images (embedded in scikit-learn)",
    ]


def test_other_digits_than_those_of_the_fourteen_forms_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.datasets

    class Shuffled:
        target = written().target[np.random.default_rng(0).permutation(1797)]
        images = written().images

    monkeypatch.setattr(sklearn.datasets, "load_digits", Shuffled)
    monkeypatch.setenv("LECTURE_DATA", "embedded")
    with pytest.raises(DatasetError, match="split by writer"):
        datasets.mnist()


# --- prepared MNIST


def prepare(
    root: Path, arrays: datasets.Arrays, version: str = "3.0.1", shards: int = 1, name: str = "mnist"
) -> Path:
    """Write arrays as TFDS would, each part in so many files, and return the folder."""
    import tensorflow as tf

    folder = root / name / version
    folder.mkdir(parents=True)
    splits = []
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        paths = [folder / f"{name}-{part}.tfrecord-{i:05}-of-{shards:05}" for i in range(shards)]
        rows = np.array_split(np.arange(len(x)), shards)
        for path, numbers in zip(paths, rows, strict=True):
            with tf.io.TFRecordWriter(str(path)) as writer:
                for number in numbers:
                    png = tf.io.encode_png(x[number][..., None]).numpy()
                    features = {
                        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[png])),
                        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[y[number]])),
                    }
                    example = tf.train.Example(features=tf.train.Features(feature=features))
                    writer.write(example.SerializeToString())
        splits.append(
            {
                "name": part,
                "shardLengths": [str(len(numbers)) for numbers in rows],
                "numBytes": str(sum(path.stat().st_size for path in paths)),
                "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
            }
        )
    info = {
        "name": name,
        "version": version,
        "fileFormat": "tfrecord",
        "splits": splits,
        "supervisedKeys": {"tuple": {"items": [{"featureKey": "image"}, {"featureKey": "label"}]}},
    }
    (folder / "dataset_info.json").write_text(json.dumps(info))
    core = "tensorflow_datasets.core.features"
    image = {"shape": {"dimensions": ["28", "28", "1"]}, "dtype": "uint8"}
    features_json = {
        "pythonClassName": f"{core}.features_dict.FeaturesDict",
        "featuresDict": {
            "features": {
                "image": {"pythonClassName": f"{core}.image_feature.Image", "image": image},
                "label": {
                    "pythonClassName": f"{core}.class_label_feature.ClassLabel",
                    "classLabel": {"numClasses": "10"},
                },
            }
        },
    }
    (folder / "features.json").write_text(json.dumps(features_json))
    return folder


@pytest.fixture
def prepared(tmp_path: Path, tiny: datasets.Arrays, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepare the tiny MNIST and name it in TFDS_DATA_DIR."""
    from lecture_utils.training import quiet_tensorflow

    quiet_tensorflow()
    folder = prepare(tmp_path / "given" / "tfds", tiny)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "given" / "tfds"))
    return folder


@pytest.mark.usefixtures("prepared")
def test_prepared_mnist_is_read_and_then_comes_from_the_cache(
    tiny: datasets.Arrays, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = datasets.mnist()
    assert same(first, tiny)
    assert first.x_train.dtype == np.uint8
    assert first.y_train.dtype == np.int64
    assert first.class_names == tuple("0123456789")
    assert first.source.name == "mnist"
    assert first.validation == 40 // 12
    monkeypatch.setattr(datasets, "_read_prepared", lambda *_: pytest.fail("read again"))
    assert same(datasets.mnist(), tiny)
    line = "MNIST: 40 training and 20 test images (prepared TFDS directory …/given/tfds)"
    assert printed(capsys) == [line, line]


def test_prepared_mnist_in_data_tfds_needs_no_variable(
    tmp_path: Path, tiny: datasets.Arrays, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(tmp_path / "data" / "tfds", tiny)
    assert same(datasets.mnist(), tiny)
    assert printed(capsys) == ["MNIST: 40 training and 20 test images (prepared TFDS directory …/data/tfds)"]


def test_the_newest_prepared_version_is_read(tmp_path: Path, tiny: datasets.Arrays) -> None:
    old = {name: array[::-1] for name, array in tiny.items()}
    prepare(tmp_path / "data" / "tfds", old, "3.0.9")
    prepare(tmp_path / "data" / "tfds", tiny, "3.0.10")
    assert same(datasets.mnist(), tiny)


def test_prepared_mnist_that_changed_is_read_again(
    prepared: Path, tiny: datasets.Arrays, tmp_path: Path
) -> None:
    datasets.mnist()
    other = {name: array[::-1].copy() for name, array in tiny.items()}
    fresh = prepare(tmp_path / "other", other)
    for file in fresh.iterdir():
        file.replace(prepared / file.name)
    assert same(datasets.mnist(), other)


@pytest.mark.usefixtures("prepared")
def test_relative_directory_holds_in_the_notebooks_folder_and_is_shown_as_given(
    tmp_path: Path, tiny: datasets.Arrays, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "root" / "notebooks").mkdir(parents=True)
    monkeypatch.setattr(datasets, "project_root", lambda: tmp_path / "root")
    monkeypatch.setenv("TFDS_DATA_DIR", "../given/tfds")
    for folder in ("root", "root/notebooks"):
        monkeypatch.chdir(tmp_path / folder)
        assert same(datasets.mnist(), tiny)
    line = "MNIST: 40 training and 20 test images (prepared TFDS directory ../given/tfds)"
    assert printed(capsys) == [line, line]


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda root: None, "is not a folder"),
        (lambda root: root.mkdir(), "holds no prepared mnist"),
        (
            lambda root: (root / "mnist" / "3.0.1.incompleteAB12").mkdir(parents=True),
            "holds no prepared mnist",
        ),
        (lambda root: (root / "mnist" / "3.0.1").mkdir(parents=True), "holds no prepared mnist"),
    ],
    ids=["missing", "empty", "unfinished", "without-description"],
)
def test_named_directory_without_mnist_is_announced_and_the_order_goes_on(
    make: Callable[[Path], None],
    fault: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make(tmp_path / "named")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "named"))
    monkeypatch.setenv("LECTURE_DATA", "offline")
    assert datasets.mnist().source.name == "digits"
    lines = printed(capsys)
    assert re.fullmatch(rf"TFDS_DATA_DIR=…/[^/]+/named {fault}; looking elsewhere\.", lines[0])
    assert lines[1].startswith("MNIST is not at hand: nothing is prepared in …/")
    assert "LECTURE_DATA=offline allows no download" in lines[1]
    assert lines[2].startswith("Digits: 7,075 training")


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(content)


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def record_end(path: Path, number: int) -> int:
    """Return the position after so many records: each has 8 bytes of length, 4 and 4 of checksums."""
    content, position = path.read_bytes(), 0
    for _ in range(number):
        position += 16 + int.from_bytes(content[position : position + 8], "little")
    return position


TRAIN, TEST = "mnist-train.tfrecord-00000-of-00001", "mnist-test.tfrecord-00000-of-00001"


@pytest.mark.parametrize(
    ("name", "damage", "fault"),
    [
        (TRAIN, lambda path: flip(path, 500), "is damaged"),
        (TRAIN, lambda path: flip(path, record_end(path, 20) + 3), "is damaged"),
        (TRAIN, lambda path: flip(path, path.stat().st_size - 2), "is damaged"),
        (TRAIN, lambda path: cut(path, record_end(path, 20) + 100), "is damaged"),
        (TRAIN, lambda path: cut(path, record_end(path, 20) + 7), "does not hold as many"),
        (TEST, lambda path: flip(path, path.stat().st_size // 2), "is damaged"),
        (TEST, lambda path: cut(path, record_end(path, 19)), "does not hold as many"),
        (TEST, lambda path: cut(path, 0), "does not hold as many"),
        (TEST, lambda path: path.unlink(), "is missing"),
        ("dataset_info.json", lambda path: cut(path, path.stat().st_size // 2), "3.0.1 is not"),
        ("dataset_info.json", lambda path: path.write_text("{}"), "3.0.1 is not"),
        ("features.json", lambda path: cut(path, path.stat().st_size // 2), "3.0.1 is not"),
    ],
    ids=[
        *(
            "byte",
            "length",
            "last-byte",
            "half",
            "half-length",
            "test-byte",
            "record-lost",
            "empty",
            "missing",
        ),
        *("half-description", "empty-description", "half-features"),
    ],
)
def test_damaged_prepared_mnist_is_refused_in_one_line_that_names_it(
    name: str, damage: Callable[[Path], None], fault: str, prepared: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damage(prepared / name)
    with pytest.raises(DatasetError) as caught:
        datasets.mnist()
    message = str(caught.value)
    assert (f"{name} {fault}" if not fault.startswith("3.0.1") else fault) in message
    assert str(prepared) in message
    assert "prepare MNIST again (data/README.md)" in message
    assert "\n" not in message
    assert not list(cache_dir().glob("*"))
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_of_several_files_the_damaged_one_is_named(tmp_path: Path, tiny: datasets.Arrays) -> None:
    folder = prepare(tmp_path / "data" / "tfds", tiny, shards=3)
    assert np.array_equal(np.sort(datasets.mnist().y_train), np.sort(tiny["y_train"]))
    flip(folder / "mnist-test.tfrecord-00001-of-00003", 500)
    with pytest.raises(DatasetError, match=r"mnist-test\.tfrecord-00001-of-00003 is damaged"):
        datasets.mnist()


@pytest.mark.usefixtures("prepared")
def test_tensorflow_starts_for_it_without_a_word() -> None:
    code = f"from lecture_utils import datasets; datasets._COUNTS = {TINY!r}; datasets.mnist()"
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    result = run(code, environment)
    assert result == "MNIST: 40 training and 20 test images (prepared TFDS directory …/given/tfds)\n"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda arrays: arrays["y_train"].__setitem__(slice(None), 3), "1 labels from 3 to 3"),
        (lambda arrays: arrays["x_test"].__setitem__(5, 0), "x_test holds empty images"),
        (lambda arrays: arrays.update({n: a[:-1] for n, a in arrays.items() if "test" in n}), "(19, 28, 28)"),
    ],
    ids=["labels", "blank", "count"],
)
def test_prepared_data_that_are_not_mnist_are_refused(
    change: Callable[[datasets.Arrays], Any],
    fault: str,
    tmp_path: Path,
    tiny: datasets.Arrays,
) -> None:
    change(tiny)
    prepare(tmp_path / "data" / "tfds", tiny)
    with pytest.raises(DatasetError, match=re.escape(fault)):
        datasets.mnist()
    assert not list(cache_dir().glob("*"))


def test_prepared_data_that_cannot_be_read_are_refused_in_one_line(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied", str(prepared))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DatasetError, match=r"cannot read .*3\.0\.1: Permission denied"):
        datasets.mnist()


@needs_real
def test_real_mnist_takes_under_six_seconds_and_under_one_from_the_cache(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from lecture_utils.training import quiet_tensorflow

    quiet_tensorflow()
    monkeypatch.setenv("TFDS_DATA_DIR", str(REAL))
    first, again = [], []
    for _ in range(2):  # the better of two: other processes share the machine
        datasets.clear_cache()
        start = time.perf_counter()
        images = datasets.mnist()
        first.append(time.perf_counter() - start)
        start = time.perf_counter()
        cached = datasets.mnist()
        again.append(time.perf_counter() - start)
    assert min(first) < 6
    assert min(again) < 1
    assert images.x_train.shape == (60_000, 28, 28)
    assert np.bincount(images.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert images.x_train[0].sum() == 97_505 or images.x_train.mean() == pytest.approx(33.318, abs=0.01)
    assert same(cached, {name: getattr(images, name) for name in ("x_train", "y_train", "x_test", "y_test")})
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out == 4 * (
        "MNIST: 60,000 training and 10,000 test images (prepared TFDS directory …/shared/tfds)\n"
    )


@needs_real
def test_one_wrong_byte_in_real_mnist_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "tfds" / "mnist" / "3.0.1"
    copy.mkdir(parents=True)
    for file in (REAL / "mnist" / "3.0.1").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    flip(copy / TRAIN, 15_000_000)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    with pytest.raises(DatasetError, match=f"{TRAIN} is damaged"):
        datasets.mnist()


# --- download

ARRIVES = """
import os, pathlib, time, numpy as np
home = pathlib.Path(os.environ["KERAS_HOME"])
(home / "started").touch()
(home / "datasets").mkdir()
with open({log!r}, "a") as log:
    log.write("downloaded\\n")
for i in range({steps}):
    (home / "datasets" / "mnist.npz").write_bytes(b"x" * i)
    time.sleep(0.1)
rng = np.random.default_rng(0)
arrays = dict()
for part, count in (("train", 40), ("test", 20)):
    arrays["x_" + part] = rng.integers(1, 256, (count, 28, 28)).astype(np.uint8)
    arrays["y_" + part] = (np.arange(count) % 10).astype(np.uint8)
np.savez(home / "datasets" / "mnist.npz", **arrays)
"""


def test_download_is_kept_and_not_repeated(
    tmp_path: Path, tiny: datasets.Arrays, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", ARRIVES.format(log=str(log), steps=1))
    assert same(datasets.mnist(), tiny)
    assert same(datasets.mnist(), tiny)
    monkeypatch.setenv("LECTURE_DATA", "offline")
    assert same(datasets.mnist(), tiny)
    assert log.read_text().count("downloaded") == 1
    line = "MNIST: 40 training and 20 test images (downloaded by Keras)"
    assert printed(capsys) == ["MNIST: downloading 11 MB with Keras …", line, line, line]
    assert {path.name for path in cache_dir().iterdir()} == {"mnist-download.npz", "mnist-download.lock"}


def test_offline_tries_no_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", ARRIVES.format(log=str(tmp_path / "log"), steps=1))
    monkeypatch.setenv("LECTURE_DATA", "offline")
    assert datasets.mnist().source.name == "digits"
    assert not (tmp_path / "log").exists()


def test_failed_download_is_announced_and_tried_once_in_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f'open({str(tmp_path / "log")!r}, "a").write("tried\\n"); {FORBIDDEN}'
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", code)
    for _ in range(3):
        assert datasets.mnist().source.name == "digits"
    assert (tmp_path / "log").read_text() == "tried\n"
    lines = printed(capsys)
    assert lines[0] == "MNIST: downloading 11 MB with Keras …"
    why = (
        "MNIST is not at hand: nothing is prepared in …/data/tfds, and the download failed (the tests allow "
        "no download). scikit-learn's handwritten digits take its place: real ones too, but fewer. "
        "data/README.md says how to get MNIST."
    )
    digits = "Digits: 7,075 training and 382 test images (embedded in scikit-learn)"
    assert lines[1:] == 3 * [why, digits]
    assert not list(cache_dir().glob("download-*"))


REAL_CODE = datasets._DOWNLOAD_CODE
WRONG_FILE = """
import urllib.request
def fetch(url, path, hook):
    hook(0, 8192, 11490434)
    open(path, "wb").write(b"a page that says: please log in to this network")
urllib.request.urlretrieve = fetch
"""
HALF_FILE = """
import urllib.request, urllib.error
def fetch(url, path, hook):
    open(path, "wb").write(b"half")
    raise urllib.error.ContentTooShortError("retrieval incomplete: got only 4 out of 11490434 bytes", None)
urllib.request.urlretrieve = fetch
"""


@pytest.mark.parametrize(
    ("replaced", "reason"),
    [
        (WRONG_FILE, "the file that came does not have MNIST's checksum"),
        (HALF_FILE, "retrieval incomplete: got only 4 out of 11490434 bytes"),
    ],
    ids=["wrong-checksum", "half-file"],
)
@pytest.mark.usefixtures("tiny")
def test_keras_refuses_what_is_not_the_whole_file(
    replaced: str, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", replaced + REAL_CODE)
    assert datasets.mnist().source.name == "digits"
    assert f"the download failed ({reason})." in printed(capsys)[1]
    assert not (cache_dir() / "mnist-download.npz").exists()
    assert not list(cache_dir().glob("download-*"))


@pytest.mark.parametrize("answer", ["refused", "silence"])
@pytest.mark.usefixtures("tiny")
def test_keras_without_a_network_gives_up_soon(
    answer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", REAL_CODE)
    monkeypatch.setattr(datasets, "_SILENCE_LIMIT", 1.0 if answer == "silence" else 20.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        for name in ("https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, address)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        if answer == "refused":
            server.close()
        start = time.monotonic()
        assert datasets.mnist().source.name == "digits"
    expected = {"refused": r"Connection refused", "silence": r"timed out|no answer for 1 s"}[answer]
    assert re.search(rf"the download failed \(({expected})\)\.", printed(capsys)[1])
    assert time.monotonic() - start < 40


@pytest.mark.parametrize(
    ("code", "limit", "reason"),
    [
        ("import time; time.sleep(60)", "_START_LIMIT", "no answer for 1 s"),
        ("(home / 'started').touch(); time.sleep(60)", "_SILENCE_LIMIT", "no answer for 1 s"),
        (
            "(home / 'started').touch()\nfor i in range(600):\n"
            "    (home / 'datasets' / 'mnist.npz').write_bytes(b'x' * i); time.sleep(0.1)",
            "_DOWNLOAD_LIMIT",
            "only 0.0 MB came in 1 s",
        ),
    ],
    ids=["never-starts", "goes-silent", "drips"],
)
def test_download_that_does_not_get_on_is_stopped(
    code: str, limit: str, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = "import os, pathlib, time\nhome = pathlib.Path(os.environ['KERAS_HOME'])\n"
    begin += "(home / 'datasets').mkdir()\n"
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", f"{begin}{code}")
    monkeypatch.setattr(datasets, limit, 1.0)
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def remember(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", remember)
    start = time.monotonic()
    assert datasets.mnist().source.name == "digits"
    assert time.monotonic() - start < 10
    assert f"the download failed ({reason})." in printed(capsys)[1]
    assert [child.poll() is not None for child in started] == [True]
    assert not list(cache_dir().glob("download-*"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("b'no zip file'", "the file that came cannot be read"),
        (
            "None",
            "the file that came is not MNIST: x_train is uint8 (3, 28, 28), expected uint8 (60000, 28, 28)",
        ),
    ],
    ids=["no-arrays", "other-arrays"],
)
def test_download_of_something_else_is_not_kept(
    content: str, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"""
import os, pathlib, numpy as np
path = pathlib.Path(os.environ["KERAS_HOME"]) / "datasets" / "mnist.npz"
path.parent.mkdir()
x, y = np.ones((3, 28, 28), np.uint8), np.zeros(3, np.uint8)
path.write_bytes({content}) if {content} else np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
"""
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", code)
    assert datasets.mnist().source.name == "digits"
    assert f"({reason})" in printed(capsys)[1]
    assert not (cache_dir() / "mnist-download.npz").exists()


@pytest.mark.usefixtures("tiny")
def test_interrupted_download_leaves_no_process_and_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", ARRIVES.format(log=str(tmp_path / "log"), steps=600))
    children: list[subprocess.Popen[bytes]] = []

    def interrupt(child: subprocess.Popen[bytes], folder: Path) -> None:
        children.append(child)
        raise KeyboardInterrupt

    monkeypatch.setattr(datasets, "_wait_for", interrupt)
    with pytest.raises(KeyboardInterrupt):
        datasets.mnist()
    assert children[0].poll() is not None
    assert [path.name for path in cache_dir().iterdir()] in ([], ["mnist-download.lock"])


def test_two_processes_at_once_download_once(tmp_path: Path, tiny: datasets.Arrays) -> None:
    (cache_dir() / "download-mnist-left-over").mkdir(parents=True)
    code = f"""
from lecture_utils import datasets
datasets._COUNTS = {TINY!r}
datasets._DOWNLOAD_CODE = {ARRIVES.format(log=str(tmp_path / "log"), steps=15)!r}
images = datasets.mnist()
print(int(images.x_train.sum()), int(images.x_test.sum()))
"""
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    for output in outputs:
        assert "MNIST: 40 training and 20 test images (downloaded by Keras)" in output
        assert output.splitlines()[-1] == f"{tiny['x_train'].sum()} {tiny['x_test'].sum()}"
    assert (tmp_path / "log").read_text() == "downloaded\n"
    assert sum("Another process is downloading MNIST; waiting for it." in output for output in outputs) == 1
    assert {path.name for path in cache_dir().iterdir()} == {"mnist-download.npz", "mnist-download.lock"}


def test_download_without_a_place_for_the_cache_is_used_and_announced(
    tmp_path: Path, tiny: datasets.Arrays, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LECTURE_DATA_DIR", str(tmp_path / "file" / "data"))
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", ARRIVES.format(log=str(tmp_path / "log"), steps=1))
    assert same(datasets.mnist(), tiny)
    assert printed(capsys)[1:] == [
        "No cache was kept in …/data/cache (Not a directory): the next start prepares the data again.",
        "MNIST: 40 training and 20 test images (downloaded by Keras)",
    ]


# --- Fashion-MNIST


def test_fashion_is_read_where_it_is_prepared_and_mnist_beside_it_is_left_alone(
    tmp_path: Path, tiny: datasets.Arrays, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {name: array[::-1] for name, array in tiny.items()}
    prepare(tmp_path / "data" / "tfds", other)
    prepare(tmp_path / "data" / "tfds", tiny, name="fashion_mnist")
    images = datasets.fashion()
    assert same(images, tiny)
    assert images.source.name == "fashion"
    assert images.class_names[0] == "T-shirt/top"
    assert images.class_names[9] == "Ankle boot"
    assert len(set(images.class_names)) == 10
    assert images.validation == 40 // 12
    assert same(datasets.mnist(), other)
    monkeypatch.setattr(datasets, "_read_prepared", lambda *_: pytest.fail("read again"))
    assert same(datasets.fashion(), tiny)
    line = "Fashion-MNIST: 40 training and 20 test images (prepared TFDS directory …/data/tfds)"
    assert printed(capsys)[::2] == [line, line]
    assert datasets.describe("fashion").state == "prepared"


def test_damaged_fashion_is_refused_by_name(tmp_path: Path, tiny: datasets.Arrays) -> None:
    folder = prepare(tmp_path / "data" / "tfds", tiny, name="fashion_mnist")
    flip(folder / "fashion_mnist-train.tfrecord-00000-of-00001", 500)
    with pytest.raises(DatasetError, match=r"is damaged: .* prepare Fashion-MNIST again"):
        datasets.fashion()


def test_letters_take_the_place_of_fashion_and_it_is_said_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    letters = "Glyphs: 6,000 training and 1,000 test images (drawn from matplotlib's fonts)"
    instead = "Letters drawn from matplotlib's fonts take its place: of the same form, and easier."
    monkeypatch.setenv("LECTURE_DATA", "embedded")
    images = datasets.fashion()
    assert images.source.name == "glyphs"
    assert images.class_names == tuple("ABCDEFGHIJ")
    assert images.validation == 1000
    assert printed(capsys) == [
        f"LECTURE_DATA=embedded: Fashion-MNIST is not looked for. {instead}",
        letters,
    ]
    assert np.array_equal(images.x_train, datasets.glyphs().x_train)
    monkeypatch.setenv("LECTURE_DATA", "offline")
    monkeypatch.setenv("TFDS_DATA_DIR", str(cache_dir()))
    printed(capsys)
    assert datasets.fashion().source.name == "glyphs"
    assert printed(capsys) == [
        "TFDS_DATA_DIR=…/data/cache holds no prepared fashion_mnist; looking elsewhere.",
        "Fashion-MNIST is not at hand: nothing is prepared in …/data/cache, and LECTURE_DATA=offline allows "
        f"no download. {instead} data/README.md says how to get Fashion-MNIST.",
        letters,
    ]


FASHION_ARRIVES = """
import hashlib, os, pathlib, sys, numpy as np
assert sys.argv[2] == "fashion_mnist"
home = pathlib.Path(os.environ["KERAS_HOME"], "datasets")
(home / "fashion-mnist").mkdir(parents=True)
(home.parent / "started").touch()
(home / "fashion-mnist" / "file.gz").write_bytes(b"{content}")
rng = np.random.default_rng(0)
arrays = dict()
for part, count in (("train", 40), ("test", 20)):
    arrays["x_" + part] = rng.integers(1, 256, (count, 28, 28)).astype(np.uint8)
    arrays["y_" + part] = (np.arange(count) % 10).astype(np.uint8)
np.savez(home / "fashion_mnist.npz", **arrays)
"""


def test_downloaded_fashion_is_kept_where_its_files_have_their_checksums(
    tiny: datasets.Arrays, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = hashlib.sha256(b"whole").hexdigest()
    wanted = dataclasses.replace(datasets._FASHION, digests={"file.gz": digest})
    monkeypatch.setattr(datasets, "_FASHION", wanted)
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", FASHION_ARRIVES.format(content="other"))
    assert datasets.fashion().source.name == "glyphs"
    lines = printed(capsys)
    assert lines[0] == "Fashion-MNIST: downloading 31 MB with Keras …"
    assert "the download failed (the file that came does not have Fashion-MNIST's checksum)." in lines[1]
    assert not (cache_dir() / "fashion-download.npz").exists()
    assert datasets.describe("fashion").state in ("cached", "generated")

    monkeypatch.setattr(datasets, "_download_failures", {})
    assert datasets.describe("fashion").state == "to download"
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", FASHION_ARRIVES.format(content="whole"))
    assert same(datasets.fashion(), tiny)
    monkeypatch.setenv("LECTURE_DATA", "offline")
    assert same(datasets.fashion(), tiny)
    assert printed(capsys)[1:] == 2 * ["Fashion-MNIST: 40 training and 20 test images (downloaded by Keras)"]
    assert datasets.describe("fashion").place.endswith("cache/fashion-download.npz")


IDX_FILES = """
import gzip, urllib.request
def packed(name):
    count = 60000 if "train-" in name else 10000
    head, size = (16, 784) if "images" in name else (8, 1)
    return gzip.compress(bytes(head) + bytes([7]) * (count * size), 1, mtime=0)
def fetch(url, path, hook):
    open(path, "wb").write(packed(url))
urllib.request.urlretrieve = fetch
"""


def test_keras_own_loader_brings_the_files_whose_checksums_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", IDX_FILES + REAL_CODE)
    assert datasets.fashion().source.name == "glyphs"
    checksum = "and the download failed (the file that came does not have Fashion-MNIST's checksum)"
    assert datasets._download_failures == {"fashion": checksum}

    space: dict[str, Any] = {}
    exec(IDX_FILES.split("def fetch")[0], space)
    digests = {name: hashlib.sha256(space["packed"](name)).hexdigest() for name in datasets._FASHION.digests}
    monkeypatch.setattr(datasets, "_FASHION", dataclasses.replace(datasets._FASHION, digests=digests))
    monkeypatch.setattr(datasets, "_download_failures", {})
    assert datasets.fashion().source.name == "glyphs"
    labels = "the file that came is not Fashion-MNIST: y_train holds 1 labels from 7 to 7"
    assert labels in datasets._download_failures["fashion"]


def test_one_failed_download_does_not_keep_the_other_from_being_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(datasets, "_download_failures", {"mnist": "and the download failed (no answer)"})
    assert datasets.describe("mnist").state == "embedded"
    assert datasets.describe("fashion").state == "to download"


# --- cache


@pytest.fixture
def cached() -> tuple[Path, datasets.Arrays, Callable[[], datasets.Arrays | None]]:
    """Return a small cache file, its arrays, and a function that reads it."""
    arrays = tiny_mnist()
    problem = datasets._image_problem(**TINY, classes=10)
    path = cache_dir() / "some.npz"
    datasets._write_cache(path, "key", arrays)
    return path, arrays, lambda: datasets._read_cache(path, "key", problem)


Cached = tuple[Path, datasets.Arrays, Callable[[], datasets.Arrays | None]]


def equal(one: datasets.Arrays, other: datasets.Arrays) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_no_flipped_byte_in_the_cache_ever_reaches_a_lecture(
    cached: Cached, capsys: pytest.CaptureFixture[str]
) -> None:
    path, arrays, read = cached
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    positions = {
        *range(400),
        *range(len(whole) - 900, len(whole)),
        *rng.integers(len(whole), size=500).tolist(),
    }
    found = 0
    for position in sorted(positions):
        content = bytearray(whole)
        content[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(content)
        result = read()
        assert result is None or equal(result, arrays), position
        found += result is None
    assert found > 700
    assert all(line.startswith("The cache …/cache/some.npz is damaged (") for line in printed(capsys))
    path.write_bytes(whole)
    again = read()
    assert again is not None
    assert equal(again, arrays)


def test_cache_cut_off_anywhere_is_named_as_damaged(
    cached: Cached, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _, read = cached
    whole = path.read_bytes()
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert read() is None
        (line,) = printed(capsys)
        assert re.fullmatch(r"The cache …/cache/some\.npz is damaged \(.+\); it is made again\.", line)


def test_cache_with_other_arrays_or_another_key_is_not_used(
    cached: Cached, capsys: pytest.CaptureFixture[str]
) -> None:
    path, arrays, read = cached
    datasets._write_cache(path, "another key", arrays)
    assert read() is None
    assert printed(capsys) == []
    datasets._write_cache(path, "key", arrays | {"y_test": arrays["y_test"] + 1})
    assert read() is None
    assert "10 labels from 1 to 10, expected 0 to 9" in printed(capsys)[0]
    datasets._write_cache(path, "key", {name: arrays[name] for name in ("x_train", "y_train")})
    assert read() is None
    assert "x_test or y_test is missing" in printed(capsys)[0]


def test_damaged_cache_is_made_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LECTURE_DATA", "embedded")
    first = datasets.mnist()
    path = cache_dir() / "digits.npz"
    cut(path, path.stat().st_size // 3)
    again = datasets.mnist()
    assert np.array_equal(first.x_train, again.x_train)
    assert "The cache …/cache/digits.npz is damaged" in printed(capsys)[2]
    datasets.mnist()
    assert not any("damaged" in line for line in printed(capsys))


def test_full_disk_is_announced_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    code = """
import resource
from lecture_utils import datasets
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
print(datasets.glyphs(3000, 10).x_train.shape)
"""
    assert run(code).splitlines() == [
        "No cache was kept in …/data/cache (File too large): the next start prepares the data again.",
        "Glyphs: 3,000 training and 10 test images (drawn from matplotlib's fonts)",
        "(3000, 28, 28)",
    ]
    assert list(cache_dir().iterdir()) == []


def test_clear_cache_removes_everything_and_says_how_much() -> None:
    assert datasets.clear_cache() == (0, 0)
    datasets.glyphs(10, 10)
    (cache_dir() / "download-x" / "datasets").mkdir(parents=True)
    (cache_dir() / "download-x" / "datasets" / "half").write_bytes(b"123")
    size = (cache_dir() / "glyphs-10-10-0.npz").stat().st_size
    assert datasets.clear_cache() == (2, size + 3)
    assert not cache_dir().exists()


# --- memory


@pytest.mark.usefixtures("prepared")
def test_too_little_memory_is_said_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_COUNTS", {"train": 60_000, "test": 10_000})
    monkeypatch.setattr(datasets, "_free_memory", lambda: 50e6)
    monkeypatch.setattr(datasets, "_read_prepared", lambda *_: pytest.fail("read"))
    with pytest.raises(
        DatasetError, match=r"^MNIST takes about 110 MB of memory, and 50 MB are free\. .*embedded\.$"
    ):
        datasets.mnist()
    with pytest.raises(DatasetError, match=r"^a set of 10,000 films takes about 154 MB .* ask for fewer\.$"):
        datasets.moving_squares(10_000)
    with pytest.raises(
        DatasetError, match=r"^a set of 1,000,010 glyphs takes about 1,042 MB of memory, .* ask for fewer\.$"
    ):
        datasets.glyphs(1_000_000, 10)


@pytest.mark.usefixtures("prepared")
def test_memory_that_runs_out_while_loading_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_out(*_: Any, **__: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(np, "concatenate", run_out)
        with pytest.raises(DatasetError, match=r"^reading MNIST with TFDS took more memory than there is"):
            datasets.mnist()
    datasets.mnist()
    monkeypatch.setattr(np, "load", run_out)
    with pytest.raises(DatasetError, match=r"^MNIST took more memory than there is"):
        datasets.mnist()


def test_limit_on_address_space_is_seen() -> None:
    code = """
import resource, psutil
from lecture_utils import datasets
print(datasets._free_addresses())
limit = psutil.Process().memory_info().vms + 80_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    datasets.glyphs()
except datasets.DatasetError as error:
    print(error)
"""
    unlimited, message = run(code).splitlines()
    assert unlimited == "inf"
    assert re.match(
        r"a set of 7,000 glyphs takes about 256 MB of address space \(ulimit -v\), and \d\d MB", message
    )


# --- glyphs


def test_glyphs_have_the_form_of_fashion_mnist_and_equal_classes(capsys: pytest.CaptureFixture[str]) -> None:
    images = datasets.glyphs(600, 100)
    assert images.x_train.shape == (600, 28, 28)
    assert images.x_train.dtype == np.uint8
    assert images.y_train.dtype == np.int64
    assert images.class_names == tuple("ABCDEFGHIJ")
    assert np.bincount(images.y_train).tolist() == [60] * 10
    assert np.bincount(images.y_train[-images.validation :]).tolist() == [10] * 10
    assert np.bincount(images.y_test).tolist() == [10] * 10
    assert images.validation == 100
    assert printed(capsys) == ["Glyphs: 600 training and 100 test images (drawn from matplotlib's fonts)"]


def test_any_number_of_glyphs_is_balanced_as_far_as_it_goes() -> None:
    images = datasets.glyphs(2013, 27)
    assert np.ptp(np.bincount(images.y_train)) == 1
    assert np.ptp(np.bincount(images.y_test)) == 1


def test_glyph_parts_share_no_font_and_every_font_has_all_letters() -> None:
    parts = (datasets._TRAIN_FONTS, datasets._VALIDATION_FONTS, datasets._TEST_FONTS)
    for one, other in itertools.combinations(parts, 2):
        assert not set(one) & set(other)
    families = [{re.sub(r"-.*", "", font) for font in part if not font.startswith("cm")} for part in parts]
    assert [sorted(family) for family in families] == [
        ["DejaVuSans", "DejaVuSansMono"],
        ["STIXGeneral", "STIXGeneralBol", "STIXGeneralBolIta", "STIXGeneralItalic"],
        ["DejaVuSerif"],
    ]
    for part in parts:
        fields, _ = datasets._distance_fields(part)
        letters = (fields > 0).reshape(len(part), 10, -1)
        assert letters.any(axis=2).all()
        for drawn in letters:
            assert len(np.unique(drawn, axis=0)) == 10  # no font draws one box for all


def test_each_part_of_the_glyphs_is_drawn_from_its_own_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    draw = datasets._distance_fields

    def remember(fonts: tuple[str, ...]) -> Any:
        used.append(fonts)
        return draw(fonts)

    monkeypatch.setattr(datasets, "_distance_fields", remember)
    datasets.glyphs(60, 10)
    assert used == [datasets._TRAIN_FONTS, datasets._VALIDATION_FONTS, datasets._TEST_FONTS]


def test_glyphs_show_the_letter_that_the_label_says() -> None:
    """A nearest-mean classifier, made from upright letters, reads most of them."""
    images = datasets.glyphs(6000, 1000)
    means = np.stack([images.x_train[images.y_train == k].mean(axis=0) for k in range(10)])
    means /= np.linalg.norm(means, axis=(1, 2), keepdims=True)
    guesses = np.einsum("nij,kij->nk", images.x_test.astype(float), means).argmax(axis=1)
    assert (guesses == images.y_test).mean() > 0.6


def test_glyphs_repeat_with_their_seed_and_differ_with_another() -> None:
    first = datasets.glyphs(200, 50, seed=3)
    datasets.clear_cache()
    again, other = datasets.glyphs(200, 50, seed=3), datasets.glyphs(200, 50, seed=4)
    assert np.array_equal(first.x_train, again.x_train)
    assert np.array_equal(first.x_test, again.x_test)
    assert not np.array_equal(first.x_train, other.x_train)


def test_glyphs_that_are_not_kept_are_the_same_and_leave_no_file() -> None:
    drawn = datasets.glyphs(200, 50, seed=3, keep=False)
    assert not cache_dir().exists()
    assert np.array_equal(drawn.x_test, datasets.glyphs(200, 50, seed=3).x_test)


def test_missing_font_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "_TEST_FONTS", ("NoSuchFont",))
    with pytest.raises(DatasetError, match=r"matplotlib's font NoSuchFont\.ttf is missing"):
        datasets.glyphs(10, 10)


# --- reviews

FEW = {"train": 40, "test": 20}


def tiny_reviews() -> dict[str, list[tuple[str, int]]]:
    """Return a few reviews; the training part holds three copies of one."""
    parts = {
        part: [
            (f"Review {i} of the {part} part.<br /><br />It was “so – so”! Number {i}.", i % 2)
            for i in range(n)
        ]
        for part, n in FEW.items()
    }
    parts["train"][7] = parts["train"][21] = parts["train"][35]
    return parts


def prepare_reviews(root: Path, parts: dict[str, list[tuple[str, int]]]) -> Path:
    """Write reviews as TFDS would and return the folder."""
    from lecture_utils.training import quiet_tensorflow

    quiet_tensorflow()
    import tensorflow as tf

    folder = root / "imdb_reviews" / "plain_text" / "1.0.0"
    folder.mkdir(parents=True)
    splits = []
    for part, reviews in parts.items():
        path = folder / f"imdb_reviews-{part}.tfrecord-00000-of-00001"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for text, label in reviews:
                features = {
                    "text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()])),
                    "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
                }
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())
        template = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
        size = {"numBytes": str(path.stat().st_size), "filepathTemplate": template}
        splits.append({"name": part, "shardLengths": [str(len(reviews))], **size})
    info = {
        "name": "imdb_reviews",
        "configName": "plain_text",
        "version": "1.0.0",
        "fileFormat": "tfrecord",
        "splits": splits,
        "supervisedKeys": {"tuple": {"items": [{"featureKey": "text"}, {"featureKey": "label"}]}},
    }
    (folder / "dataset_info.json").write_text(json.dumps(info))
    core = "tensorflow_datasets.core.features"
    classes = {"pythonClassName": f"{core}.class_label_feature.ClassLabel", "classLabel": {"numClasses": "2"}}
    features_json = {
        "pythonClassName": f"{core}.features_dict.FeaturesDict",
        "featuresDict": {
            "features": {
                "text": {"pythonClassName": f"{core}.text_feature.Text", "text": {}},
                "label": classes,
            }
        },
    }
    (folder / "features.json").write_text(json.dumps(features_json))
    return folder


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[str, int]]]:
    """Let IMDB have 40 and 20 reviews, and return them."""
    monkeypatch.setattr(datasets, "_REVIEWS", FEW)
    return tiny_reviews()


def holds(texts: datasets.Texts, parts: dict[str, list[tuple[str, int]]]) -> bool:
    return all(
        sorted(zip(getattr(texts, f"x_{part}"), getattr(texts, f"y_{part}"), strict=True)) == sorted(reviews)
        for part, reviews in parts.items()
    )


def test_prepared_reviews_are_read_and_then_come_from_the_cache(
    tmp_path: Path,
    few: dict[str, list[tuple[str, int]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare_reviews(tmp_path / "given" / "tfds", few)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "given" / "tfds"))
    first = datasets.reviews()
    assert holds(first, few)
    assert (first.source.name, first.class_names) == ("imdb", ("negative", "positive"))
    assert (first.x_train.dtype, first.y_train.dtype, type(first.x_train[0])) == (object, np.int64, str)
    assert first.x_train.tolist() != [text for text, _ in few["train"]], "the order is not the file's"
    assert not first.paired_test.any()
    assert set(first.kinds_test) == {""}
    monkeypatch.setattr(datasets, "_read_prepared", lambda *_: pytest.fail("read again"))
    again = datasets.reviews()
    assert again.x_train.tolist() == first.x_train.tolist()
    assert again.y_test.tolist() == first.y_test.tolist()
    line = "IMDB: 40 training and 20 test reviews (prepared TFDS directory …/given/tfds)"
    assert printed(capsys) == [line, line]
    found = {name: datasets.describe(name) for name in ("reviews", "corpus")}
    assert [(found[name].name, found[name].state) for name in found] == [(name, "prepared") for name in found]


def test_order_of_reviews_depends_on_the_texts_alone_and_copies_stand_side_by_side() -> None:
    reviews = tiny_reviews()["train"]
    texts, labels = [text.encode() for text, _ in reviews], np.array([label for _, label in reviews])
    one = datasets._text_part("train", texts, labels)
    other = datasets._text_part("train", texts[::-1], labels[::-1])
    assert equal(one, other)
    found = datasets._unpacked(one, "text_train")
    copies = [i for i, text in enumerate(found) if text == reviews[7][0]]
    assert len(copies) == 3
    assert copies[2] - copies[0] == 2
    labels_of = dict(reviews)
    assert one["y_train"].tolist() == [labels_of[text] for text in found]


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_no_copy_of_a_review_is_on_both_sides_of_the_validation_part(
    copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "_REVIEWS", FEW)
    parts = {part: [(f"{part} {i}", i % 2) for i in range(n)] for part, n in FEW.items()}
    arrays: datasets.Arrays = {}
    for part, reviews in parts.items():
        arrays |= datasets._text_part(
            part, [text.encode() for text, _ in reviews], np.arange(len(reviews)) % 2
        )
    ordered = datasets._unpacked(arrays, "text_train")
    for i in range(36 - copies + 1, 37):  # the last of the copies is the first of a validation part of four
        ordered[i] = ordered[36]
    arrays |= datasets._packed("text_train", [text.encode() for text in ordered])
    texts = datasets._imdb(arrays, "somewhere")
    assert texts.validation == 4 + copies - 1
    cut = len(texts.x_train) - texts.validation
    assert not set(texts.x_train[:cut]) & set(texts.x_train[cut:])


REVIEWS_FILE = "imdb_reviews-test.tfrecord-00000-of-00001"


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda path: flip(path, 500), f"{REVIEWS_FILE} is damaged"),
        (lambda path: cut(path, record_end(path, 19)), f"{REVIEWS_FILE} does not hold as many reviews"),
        (lambda path: path.unlink(), f"{REVIEWS_FILE} is missing"),
    ],
    ids=["byte", "record-lost", "missing"],
)
def test_damaged_prepared_reviews_are_refused_in_one_line_that_names_the_file(
    damage: Callable[[Path], None], fault: str, tmp_path: Path, few: dict[str, list[tuple[str, int]]]
) -> None:
    damage(prepare_reviews(tmp_path / "data" / "tfds", few) / REVIEWS_FILE)
    with pytest.raises(DatasetError) as caught:
        datasets.reviews()
    assert fault in str(caught.value)
    assert "prepare IMDB again (data/README.md)" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(cache_dir().glob("*"))


def test_other_reviews_in_imdbs_place_are_refused(
    tmp_path: Path, few: dict[str, list[tuple[str, int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays: datasets.Arrays = {}
    for part, reviews in few.items():
        labels = np.array([label for _, label in reviews])
        arrays |= datasets._text_part(part, [text.encode() for text, _ in reviews], labels)
    wording = {part: datasets._wording(arrays, part) for part in few}
    labels_of = {part: tuple(np.bincount(arrays[f"y_{part}"]).tolist()) for part in few}
    known = dataclasses.replace(datasets._IMDB, labels=labels_of, wording=wording)
    monkeypatch.setattr(datasets, "_IMDB", known)
    prepare_reviews(tmp_path / "data" / "tfds", few)
    assert holds(datasets.reviews(), few)
    changed = {**few, "test": [(few["test"][0][0].replace("Review", "review"), 0), *few["test"][1:]]}
    prepare_reviews(tmp_path / "other", changed)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "other"))
    with pytest.raises(
        DatasetError, match=r"is not IMDB as published: its test reviews are not IMDB's\. Delete"
    ):
        datasets.reviews()
    ones = {**arrays, "y_train": np.maximum(arrays["y_train"], 1)}
    assert "labels are not IMDB's" in datasets._not_as_published(known, ones)
    mixed = {**arrays, "y_train": arrays["y_train"][::-1]}
    assert "reviews are not IMDB's" in datasets._not_as_published(known, mixed)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda arrays: arrays.pop("text_test"), "text_test or its ends are missing"),
        (lambda arrays: arrays.update(y_train=np.zeros(40, np.int64)), "y_train holds other labels"),
        (lambda arrays: arrays.update(y_train=arrays["y_train"][1:]), "y_train is not int64 (40,)"),
        (lambda arrays: arrays.update(text_test_ends=arrays["text_test_ends"][:-1]), "holds 19 texts"),
        (lambda arrays: arrays.update(text_test=arrays["text_test"][:-1]), "holds empty texts"),
        (lambda arrays: arrays.update(text_test=arrays["text_test"].astype(int)), "text_test is int64"),
    ],
)
def test_arrays_that_are_no_labelled_texts_are_named(
    change: Callable[[datasets.Arrays], Any], fault: str
) -> None:
    arrays: datasets.Arrays = {}
    for part, reviews in tiny_reviews().items():
        labels = np.array([label for _, label in reviews])
        arrays |= datasets._text_part(part, [text.encode() for text, _ in reviews], labels)
    problem = datasets._text_problem(FEW)
    assert problem(arrays) == ""
    change(arrays)
    assert fault in problem(arrays)


TAR_ARRIVES = """
import shutil, urllib.request
def fetch(url, path, hook=None):
    assert url == "http://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz", url
    shutil.copy({tar!r}, path)
urllib.request.urlretrieve = fetch
"""


@pytest.fixture
def tar(tmp_path: Path, few: dict[str, list[tuple[str, int]]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the download bring an archive of the form of IMDB's, and return it."""
    path = tmp_path / "arrives.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        members = [
            (f"aclImdb/{part}/{'pos' if label else 'neg'}/{i}_7.txt", text)
            for part, reviews in few.items()
            for i, (text, label) in enumerate(reviews)
        ]
        for name, text in [*members, ("aclImdb/train/unsup/0_0.txt", "no label"), ("aclImdb/README", "read")]:
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name, address, _ = datasets._IMDB.archive
    known = dataclasses.replace(datasets._IMDB, archive=(name, address, digest))
    monkeypatch.setattr(datasets, "_IMDB", known)
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", TAR_ARRIVES.format(tar=str(path)) + REAL_CODE)
    return path


@pytest.mark.usefixtures("tar")
def test_downloaded_reviews_are_kept_and_not_downloaded_again(
    few: dict[str, list[tuple[str, int]]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert datasets.describe("reviews").state == "to download"
    first = datasets.reviews()
    assert holds(first, few)
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", FORBIDDEN)
    monkeypatch.setenv("LECTURE_DATA", "offline")
    assert datasets.reviews().x_train.tolist() == first.x_train.tolist()
    line = "IMDB: 40 training and 20 test reviews (downloaded by Keras)"
    assert printed(capsys) == ["IMDB: downloading 84 MB with Keras …", line, line]
    assert datasets.describe("corpus").place.endswith("cache/imdb-download.npz")


def test_archive_with_another_checksum_is_not_used(
    tar: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(tar, 100)
    assert datasets.reviews().source.name == "grammar"
    assert "the download failed (the file that came does not have IMDB's checksum)." in printed(capsys)[1]
    assert not list(cache_dir().glob("*.npz"))


def test_archive_that_cannot_be_read_or_holds_something_else_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "aclImdb_v1.tar.gz"
    path.write_bytes(b"no archive")
    with pytest.raises(tarfile.TarError):
        datasets._read_archive(path)
    with tarfile.open(path, "w:gz"):
        pass
    fault = datasets._text_problem(datasets._REVIEWS)(datasets._read_archive(path))
    assert fault == "text_train holds 0 texts, expected 25,000"


def test_grammar_takes_the_place_of_imdb_and_it_is_said_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    instead = "Sentences of a grammar of our own take its place: made for this, shorter and plainer."
    line = "Grammar: 6,000 training and 1,600 test sentences (generated)"
    for setting, why in [
        ("embedded", f"LECTURE_DATA=embedded: IMDB is not looked for. {instead}"),
        (
            "offline",
            "IMDB is not at hand: nothing is prepared in …/data/tfds, and LECTURE_DATA=offline allows no "
            f"download. {instead} data/README.md says how to get IMDB.",
        ),
    ]:
        monkeypatch.setenv("LECTURE_DATA", setting)
        assert datasets.reviews().source.name == "grammar"
        assert printed(capsys) == [why, line]
        assert datasets.describe("reviews").state == "generated"
    monkeypatch.setenv("LECTURE_DATA", "auto")
    assert datasets.reviews().source.name == "grammar"
    assert "the download failed (the tests allow no download)." in printed(capsys)[1]


@pytest.fixture(scope="module")
def grammar() -> datasets.Texts:
    return datasets._grammar()


def test_grammar_has_the_form_of_imdb_and_half_of_its_test_part_are_pairs(grammar: datasets.Texts) -> None:
    assert (len(grammar.x_train), len(grammar.x_test), grammar.validation) == (6000, 1600, 600)
    assert np.bincount(grammar.y_train).tolist() == [3000, 3000]
    assert np.bincount(grammar.y_train[-600:]).tolist() == [300, 300]
    assert np.bincount(grammar.y_test).tolist() == [800, 800]
    assert (grammar.x_train.dtype, grammar.y_train.dtype) == (object, np.int64)
    assert grammar.paired_test.sum() == 800
    assert set(grammar.kinds_test[grammar.paired_test]) == {"near pair", "far pair"}
    assert set(grammar.kinds_test[~grammar.paired_test]) == {"plain", "negation", "switch"}


def test_partners_have_the_same_words_and_opposite_labels_so_that_a_bag_of_words_is_at_chance(
    grammar: datasets.Texts,
) -> None:
    places = np.flatnonzero(grammar.paired_test)
    partners = grammar.partner_test[places]
    assert np.array_equal(grammar.partner_test[partners], places)
    assert np.array_equal(grammar.y_test[places], 1 - grammar.y_test[partners])
    bags = [Counter(re.findall(r"\w+", text.lower())) for text in grammar.x_test]
    assert all(bags[i] == bags[j] and i != j for i, j in zip(places, partners, strict=True))


def test_words_alone_do_not_tell_the_label_of_the_pairs_and_neighbors_not_of_the_far_pairs(
    grammar: datasets.Texts,
) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    right = {}
    for longest in (1, 2):
        vectorizer = TfidfVectorizer(ngram_range=(1, longest))
        x_train, x_test = vectorizer.fit_transform(grammar.x_train), vectorizer.transform(grammar.x_test)
        model = LogisticRegression(max_iter=1000).fit(x_train, grammar.y_train)
        right[longest] = model.predict(x_test) == grammar.y_test
    kinds = grammar.kinds_test
    assert right[1][grammar.paired_test].mean() == 0.5
    assert right[1][kinds == "plain"].mean() > 0.9
    assert right[2][kinds == "near pair"].mean() > 0.9
    assert right[2][kinds == "far pair"].mean() == 0.5


def test_two_processes_make_the_same_sentences() -> None:
    code = """
import hashlib
from lecture_utils import datasets
texts = datasets._grammar()
print(hashlib.sha256("\\n".join([*texts.x_train, *texts.x_test]).encode()).hexdigest())
"""
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    assert run(code, environment) == run(code, {**environment, "PYTHONHASHSEED": "2"})


@pytest.mark.skipif(not (REAL / "imdb_reviews").is_dir(), reason="no prepared IMDB lies in ../shared/tfds")
def test_real_imdb_is_recognized_split_between_copies_and_quick_the_second_time(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(REAL))
    texts = datasets.reviews()
    start = time.process_time()
    again = datasets.reviews()
    assert time.process_time() - start < 1
    assert np.array_equal(texts.x_train, again.x_train)
    assert (len(texts.x_train), len(texts.x_test)) == (25_000, 25_000)
    assert np.bincount(texts.y_train).tolist() == np.bincount(texts.y_test).tolist() == [12_500, 12_500]
    assert len(set(texts.x_train)) == 24_904
    assert len(set(texts.x_test)) == 24_801
    assert len(set(texts.x_train) & set(texts.x_test)) == 123
    train, validation = texts.x_train[: -texts.validation], texts.x_train[-texts.validation :]
    assert texts.validation == 2500
    assert not set(train) & set(validation)
    assert texts.y_train[-texts.validation :].mean() == pytest.approx(0.5, abs=0.02)
    assert capfd.readouterr().err == ""
    text = datasets.corpus()
    assert text.source.train == 5_770_009
    assert "<br" not in text.text


# --- corpus


def test_corpus_of_imdb_holds_the_training_texts_without_tags_and_copies(
    tmp_path: Path,
    few: dict[str, list[tuple[str, int]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare_reviews(tmp_path / "data" / "tfds", few)
    corpus = datasets.corpus()
    distinct = {text for text, _ in few["train"]}
    assert len(distinct) == 38
    assert len(corpus.sentences) == 3 * len(distinct)
    expected = {text.split(".<br")[0] + "." for text in distinct}
    assert {sentence for sentence in corpus.sentences if "Review" in sentence} == expected
    assert "It was “so – so”!" in corpus.sentences
    assert corpus.source.train == len(corpus.text.split())
    assert corpus.text.split("\n") == list(corpus.sentences)
    monkeypatch.setattr(datasets, "_cut", lambda *_: pytest.fail("cut again"))
    assert datasets.corpus().sentences == corpus.sentences
    line = f"IMDB: {corpus.source.train} words (prepared TFDS directory …/data/tfds)"
    assert printed(capsys) == [line, line]


@pytest.fixture
def waves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the corpus be read from one small package that must not be imported."""
    from lecture_utils import texts

    folder = tmp_path / "site" / "tiny_waves"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""This is all that there is to say."""\nraise RuntimeError\n')
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(texts, "PACKAGES", {"numpy": "tiny_waves"})
    monkeypatch.setenv("LECTURE_DATA", "embedded")
    return folder


def test_docstrings_take_the_place_of_imdb_and_are_read_once(
    waves: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert datasets.describe("corpus").state == "embedded"
    first = datasets.corpus()
    assert first.sentences == ("This is all that there is to say.",)
    assert first.source.name == "docstrings"
    why, reading, line = printed(capsys)
    assert why.startswith("LECTURE_DATA=embedded: IMDB is not looked for. The docstrings of the installed")
    assert reading.startswith("Reading the docstrings of the installed libraries")
    assert line == "Docstrings: 8 words (of the installed libraries)"
    (waves / "__init__.py").write_text('"""This is what a newer version has to say."""')
    assert datasets.corpus().sentences == first.sentences
    assert printed(capsys) == [why, line]
    assert datasets.describe("corpus").state == "cached"
    monkeypatch.setattr(datasets, "_versions", lambda *_: {"numpy": "another"})
    assert datasets.corpus().sentences == ("This is what a newer version has to say.",)
    cut(cache_dir() / "docstrings.npz", 300)
    printed(capsys)
    assert len(datasets.corpus().sentences) == 1
    assert "The cache …/cache/docstrings.npz is damaged" in printed(capsys)[1]


def test_library_that_is_not_installed_is_one_line(waves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lecture_utils import texts

    monkeypatch.setattr(texts, "PACKAGES", {"no-such-library": "tiny_waves"})
    with pytest.raises(DatasetError, match=r"^the package no-such-library is not installed\. Install req"):
        datasets.corpus()


def test_corpus_without_its_number_of_words_is_not_used() -> None:
    arrays = datasets._counted(["One sentence.", "Two of them."])
    assert int(arrays["words"]) == 5
    assert datasets._corpus_problem(arrays) == ""
    assert "number of words" in datasets._corpus_problem({**arrays, "words": np.zeros(2, np.int64)})
    assert "missing" in datasets._corpus_problem({"words": arrays["words"]})


def test_libraries_of_the_corpus_are_pinned_ones() -> None:
    from lecture_utils import texts

    locked = (project_root() / "requirements.lock").read_text()
    for distribution in texts.PACKAGES:
        assert re.search(rf"^{distribution}==", locked, re.MULTILINE)


# --- newswires

# Keras' own code reads these files in the place of those that it would download.
NEWSWIRES_ARRIVE = """
import json, os, pathlib
import keras.src.datasets.reuters as reuters, numpy as np
folder = pathlib.Path(os.environ["KERAS_HOME"]) / "datasets"
folder.mkdir()
rng = np.random.default_rng(0)
x = np.empty({count}, object)
for i in range(len(x)):
    x[i] = [int(word) for word in rng.integers(1, 60, 12)] + [60 + i % 40]
np.savez(folder / "reuters.npz", x=x, y=np.arange({count}) % {classes})
(folder / "reuters_word_index.json").write_text(json.dumps({{f"w{{n}}": n for n in range(1, 101)}}))
reuters.get_file = lambda fname=None, **_: str(folder / fname)
"""


def test_reuters_comes_in_words_and_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(datasets, "_NEWSWIRES", {"train": 400, "test": 100})
    arrives = NEWSWIRES_ARRIVE.format(count=500, classes=46)
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", arrives + REAL_CODE)
    assert datasets.describe("newswires").state == "to download"
    first = datasets.newswires()
    assert printed(capsys) == [
        "Reuters: downloading 3 MB with Keras …",
        "Reuters: 400 training and 100 test newswires (downloaded by Keras)",
    ]
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", FORBIDDEN)
    second = datasets.newswires()
    assert datasets.describe("newswires").state == "cached"
    for texts in (first, second):
        assert (len(texts.x_train), len(texts.x_test), len(texts.class_names)) == (400, 100, 46)
        assert texts.class_names[3] == "earn"
        assert all(re.fullmatch(r"w[1-9]\d*( w[1-9]\d*){11,12}", text) for text in texts.x_train)
        assert texts.x_train[0] == first.x_train[0]
        # The last word tells the number of the newswire, and so the class; Keras drops the rarest word.
        for text, label in zip(texts.x_test, texts.y_test, strict=True):
            number = int(text.split()[-1][1:]) - 60
            assert number < 0 or any(i % 46 == label for i in range(number, 500, 40))


def test_newswires_of_too_few_classes_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lecture_utils import texts

    found = [(f"topic {i % 46:02}", f"text {i} of a part") for i in range(460)]
    monkeypatch.setattr(texts, "installed_topics", lambda *_, **__: found)
    monkeypatch.setattr(datasets, "_NEWSWIRES", {"train": 400, "test": 100})
    arrives = NEWSWIRES_ARRIVE.format(count=500, classes=45)
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", arrives + REAL_CODE)
    assert datasets.newswires().source.name == "modules"
    assert "the file that came is not Reuters: y_train holds other labels than 0 to 45" in printed(capsys)[1]


def test_docstrings_take_the_place_of_reuters_and_are_read_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lecture_utils import texts

    found = [(f"topic {i % 46:02}", f"text {i} of a part") for i in range(920)]
    calls: list[dict[str, Any]] = []

    def topics(*_: Any, **options: Any) -> list[tuple[str, str]]:
        calls.append(options)
        return found

    monkeypatch.setattr(texts, "installed_topics", topics)
    monkeypatch.setenv("LECTURE_DATA", "embedded")
    assert datasets.describe("newswires").state == "embedded"
    first, second = datasets.newswires(), datasets.newswires()
    assert calls == [{"topics": 46}]
    assert datasets.describe("newswires").state == "cached"
    why, reading, line = printed(capsys)[:3]
    assert why.startswith("LECTURE_DATA=embedded: Reuters is not looked for. Docstrings of the installed")
    assert reading.startswith("Reading the docstrings")
    assert line == "Modules: 736 training and 184 test docstrings (of the installed libraries)"
    assert np.array_equal(first.x_train, second.x_train)
    assert first.class_names == tuple(f"topic {i:02}" for i in range(46))
    assert np.array_equal(np.bincount(first.y_test), [4] * 46)
    assert not set(first.x_train) & set(first.x_test)
    for text, label in zip(first.x_train, first.y_train, strict=True):
        assert int(text.split()[1]) % 46 == label
    assert first.validation == 81


def test_a_docstring_belongs_to_the_part_of_the_library_in_which_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lecture_utils import texts

    said = '"""This is what the part called {0} has to say about the {0} that it is made for."""'
    folder = tmp_path / "site" / "tiny_waves"
    for name in ("src/high/one.py", "src/high/two.py", "low.py", "short.py", "__init__.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(said.format(Path(name).stem.strip("_")))
    (folder / "short.py").write_text('"""This is too short to be kept."""')
    (folder / "src/high/three.py").write_text(said.format("two"))  # a copy
    monkeypatch.syspath_prepend(tmp_path / "site")
    found = texts.installed_topics(["tiny_waves"], topics=46)
    assert [(name, text.split()[6]) for name, text in found] == [
        ("tiny_waves", "init"),
        ("tiny_waves.low", "low"),
        ("tiny_waves.high", "one"),
        ("tiny_waves.high", "two"),  # of three.py; two.py says the same
    ]
    assert texts.installed_topics(["tiny_waves"], topics=1) == found[2:]


# --- films


def draw(places: Any, sizes: Any, side: int) -> Any:
    """Draw squares one pixel at a time."""
    picture = np.zeros((side, side), np.uint8)
    for (row, column), size in zip(places, sizes, strict=True):
        for i in range(size):
            for j in range(size):
                picture[row + i, column + j] = 255
    return picture


def test_films_show_squares_where_they_are_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    films = datasets.moving_squares(n=5, frames=7, side=13, seed=2)
    assert (films.frames.shape, films.frames.dtype) == ((5, 7, 13, 13), np.uint8)
    assert (films.places.shape, films.sizes.shape) == ((5, 7, 3, 2), (5, 3))
    assert (films.places.dtype, films.sizes.dtype) == (np.int64, np.int64)
    for film in range(5):
        for frame in range(7):
            picture = draw(films.places[film, frame], films.sizes[film], 13)
            assert np.array_equal(films.frames[film, frame], picture)
    assert printed(capsys) == ["Moving squares: 5 films (generated)"]


def test_each_square_is_shifted_by_its_speed_from_frame_to_frame_and_turns_round_at_the_border() -> None:
    films = datasets.moving_squares(n=300, frames=20, side=16)
    room = (16 - films.sizes)[:, None, :, None]
    assert (films.places >= 0).all()
    assert (films.places <= room).all()
    steps = np.diff(films.places, axis=1)
    speed = np.abs(steps).max(axis=1)  # pixels per frame, down and to the right
    assert set(np.unique(speed)) == {0, 1, 2}
    assert (speed.max(axis=-1) > 0).all(), "a square stands still"
    touched = (films.places[:, :-1] - speed[:, None] < 0) | (films.places[:, :-1] + speed[:, None] > room)
    full = np.abs(steps) == speed[:, None]
    assert (full | touched).all(), "slower, and not at the border"
    turned = (steps[:, 1:] * steps[:, :-1]) < 0
    near = touched[:, :-1] | touched[:, 1:]
    assert turned.any()
    assert (near | ~turned).all(), "turned round away from the border"
    assert ((steps[:, 1:] == steps[:, :-1]) | near).all(), "changed its speed away from the border"


def test_films_repeat_with_their_seed_and_differ_with_another() -> None:
    one, same_one, other = (datasets.moving_squares(n=20, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.frames, same_one.frames)
    assert not np.array_equal(one.frames, other.frames)
    assert len(np.unique(one.frames.reshape(20, -1), axis=0)) == 20


# --- photographs and points


def test_photographs_are_two_in_color(capsys: pytest.CaptureFixture[str]) -> None:
    photographs = datasets.photographs()
    assert list(photographs.images) == ["china", "flower"]
    for image in photographs.images.values():
        assert image.shape == (427, 640, 3)
        assert image.dtype == np.uint8
        image[0, 0] = 0  # a copy of the reader's own
    assert printed(capsys) == ["Photographs: 2 images (embedded in scikit-learn)"]


# --- tables


def test_tumors_are_scikit_learns_with_malignant_as_class_one(capsys: pytest.CaptureFixture[str]) -> None:
    from sklearn.datasets import load_breast_cancer

    table, loaded = datasets.tumors(), load_breast_cancer()
    assert printed(capsys) == ["Tumors: 569 cases (embedded in scikit-learn)"]
    assert (table.x.shape, table.x.dtype, table.y.dtype) == ((569, 30), np.float64, np.int64)
    assert [loaded.target_names[1 - label] for label in table.y] == [
        table.class_names[label] for label in table.y
    ]
    assert np.bincount(table.y).tolist() == [357, 212]
    assert len(table.feature_names) == 30
    assert np.array_equal(table.x, loaded.data)
    table.x[0, 0] = 0  # a copy of the reader's own
    assert datasets.tumors().x[0, 0] != 0


def census(columns: Any = datasets._CALIFORNIA_COLUMNS) -> datasets.Arrays:
    """Return a table of the form of California's; of its columns only the limits are right."""
    rng, rows = np.random.default_rng(0), sum(datasets._CALIFORNIA_ROWS.values())
    limits = np.array([datasets._CALIFORNIA_COLUMNS[name] for name in columns])
    x = rng.uniform(limits[:, 0], limits[:, 1], (rows, len(limits)))
    x[0], x[-1] = limits.T
    y = np.round(rng.uniform(15_000, 500_000, rows))
    cut = datasets._CALIFORNIA_ROWS["train"]
    return {"x_train": x[:cut], "y_train": y[:cut], "x_test": x[cut:], "y_test": y[cut:]}


@pytest.fixture
def california(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepare a file of the form that Keras publishes, the columns in another order, and return it."""
    arrays = census(list(datasets._CALIFORNIA_COLUMNS)[::-1])
    path = tmp_path / "given" / "tfds" / "california_housing.npz"
    path.parent.mkdir(parents=True)
    whole = {name: np.concatenate([arrays[f"{name}_train"], arrays[f"{name}_test"]]) for name in "xy"}
    np.savez(path, x=whole["x"], y=whole["y"])
    monkeypatch.setattr(datasets, "_CALIFORNIA_DIGEST", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setenv("TFDS_DATA_DIR", str(path.parent))
    return path


def test_prepared_california_is_read_and_its_columns_are_recognized(
    california: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = datasets.housing()
    assert printed(capsys) == ["California housing: 20,640 census blocks (prepared file in …/given/tfds)"]
    assert table.feature_names == tuple(datasets._CALIFORNIA_COLUMNS)
    for column, limits in zip(table.x.T, datasets._CALIFORNIA_COLUMNS.values(), strict=True):
        assert (column.min(), column.max()) == pytest.approx(limits)
    assert (table.x.dtype, table.y.dtype, table.class_names) == (np.float64, np.float64, ())
    assert 0.14 < table.y.min() < table.y.max() < 5.01
    found = datasets.describe("housing")
    assert (found.state, found.place, found.size) == ("prepared", "…/given/tfds", california.stat().st_size)


def test_damaged_california_is_refused_in_one_line(california: Path) -> None:
    content = bytearray(california.read_bytes())
    content[5000] ^= 1
    california.write_bytes(content)
    with pytest.raises(
        DatasetError, match=r"^\S+california_housing\.npz does not have .* checksum\. Delete it"
    ):
        datasets.housing()


def test_a_table_that_is_not_californias_is_named() -> None:
    arrays = census()
    assert datasets._california_problem(arrays) == ""
    arrays["x_train"][:, 2] *= 2
    assert "no column is the median age" in datasets._california_problem(arrays)
    assert "missing" in datasets._california_problem({})
    assert "shapes" in datasets._california_problem({**arrays, "y_test": np.zeros(3)})


def test_diabetes_takes_the_place_of_california_and_it_is_said_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting, why in [
        ("auto", "the download failed (the tests allow no download)"),
        ("offline", "LECTURE_DATA=offline allows no download"),
        ("embedded", "LECTURE_DATA=embedded: California housing is not looked for"),
    ]:
        monkeypatch.setenv("LECTURE_DATA", setting)
        table = datasets.housing()
        lines = printed(capsys)
        assert lines[-1] == "Diabetes: 442 patients (embedded in scikit-learn)"
        assert why in lines[-2]
        assert "diabetes table takes its place" in lines[-2]
        assert table.source.name == "diabetes"
        assert (table.x.shape, table.y.shape, len(table.feature_names)) == ((442, 10), (442,), 10)
        assert datasets.describe("housing").state == "embedded"


def test_downloaded_california_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays, source = census(), tmp_path / "arrives.npz"
    np.savez(source, **arrays)  # type: ignore[arg-type]
    code = f"""
import os, pathlib, shutil, sys
home = pathlib.Path(os.environ["KERAS_HOME"])
(home / "datasets").mkdir()
shutil.copy({str(source)!r}, home / "datasets" / (sys.argv[2] + ".npz"))
"""
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", code)
    assert datasets.describe("housing").state == "to download"
    first = datasets.housing()
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", FORBIDDEN)
    second = datasets.housing()
    assert first.source.name == second.source.name == "housing"
    assert np.array_equal(first.x, second.x)
    assert first.y == pytest.approx(np.concatenate([arrays["y_train"], arrays["y_test"]]) / 100_000)
    assert datasets.describe("housing").state == "cached"


@pytest.mark.parametrize("name", ["moons", "rings", "spirals", "xor"])
def test_points_are_balanced_repeatable_and_of_the_right_kind(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    loader: Any = datasets.DATASETS[name]
    points = loader(n=101, seed=5)
    assert points.x.shape == (101, 2)
    assert points.x.dtype == np.float32
    assert points.y.dtype == np.int64
    assert abs(np.bincount(points.y)[0] - 50.5) < 2
    assert len(points.class_names) == 2
    assert np.array_equal(points.x, loader(n=101, seed=5).x)
    assert not np.array_equal(points.x, loader(n=101, seed=6).x)
    assert not np.array_equal(points.x, loader(n=101, seed=5, noise=0.3).x)
    title = name.upper() if name == "xor" else name.capitalize()
    assert printed(capsys)[0] == f"{title}: 101 points (generated)"


def test_points_without_noise_lie_where_they_should() -> None:
    rings = datasets.rings(n=200, noise=0, ratio=0.3)
    radius = np.linalg.norm(rings.x, axis=1)
    assert radius[rings.y == 0] == pytest.approx(1, abs=1e-5)
    assert radius[rings.y == 1] == pytest.approx(0.3, abs=1e-5)
    xor = datasets.xor(n=200, noise=0)
    assert np.array_equal(xor.y, (xor.x[:, 0] * xor.x[:, 1] < 0).astype(int))
    spirals = datasets.spirals(n=200, noise=0, turns=2)
    radius = np.linalg.norm(spirals.x, axis=1)
    turned = np.arctan2(spirals.x[:, 1], spirals.x[:, 0]) - 4 * np.pi * radius
    assert np.cos(turned) == pytest.approx(np.where(spirals.y == 0, 1, -1), abs=1e-4)
    moons = datasets.moons(n=200, noise=0)
    assert moons.x[moons.y == 0, 1].min() >= -1e-6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: datasets.moons(n=3), "moons: n must be a whole number, 4 or more, not 3."),
        (lambda: datasets.xor(n=10.5), "xor: n must be a whole number, 4 or more, not 10.5."),  # type: ignore[arg-type]
        (lambda: datasets.rings(n="many"), "rings: n must be a whole number, 4 or more, not 'many'."),  # type: ignore[arg-type]
        (
            lambda: datasets.spirals(noise=-0.1),
            "spirals: noise must be 0 or more, not -0.1: it is a standard deviation.",
        ),
        (lambda: datasets.moons(noise=float("nan")), "moons: noise must be a number, not nan."),
        (lambda: datasets.moons(noise="0.1"), "moons: noise must be a number, not '0.1'."),  # type: ignore[arg-type]
        (lambda: datasets.xor(seed=-1), "xor: seed must be a whole number, 0 or more, not -1."),
        (lambda: datasets.xor(seed=True), "xor: seed must be a whole number, 0 or more, not True."),
        (
            lambda: datasets.rings(ratio=1.5),
            "rings: ratio must lie between 0 and 1, not 1.5: it is the inner ring's radius.",
        ),
        (lambda: datasets.spirals(turns=0), "spirals: turns must be more than 0, not 0.0."),
        (
            lambda: datasets.moving_squares(n=0),
            "moving_squares: n must be a whole number, 1 or more, not 0.",
        ),
        (
            lambda: datasets.moving_squares(frames=1),
            "moving_squares: frames must be a whole number, 2 or more, not 1.",
        ),
        (
            lambda: datasets.moving_squares(side=7),
            "moving_squares: side must be a whole number, 8 or more, not 7.",
        ),
        (
            lambda: datasets.moving_squares(seed=0.5),  # type: ignore[arg-type]
            "moving_squares: seed must be a whole number, 0 or more, not 0.5.",
        ),
        (lambda: datasets.glyphs(train=5), "glyphs: train must be a whole number, 10 or more, not 5."),
        (lambda: datasets.glyphs(test=True), "glyphs: test must be a whole number, 10 or more, not True."),
    ],
)
def test_impossible_numbers_are_refused_in_one_line(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        call()
    assert str(caught.value) == message


# --- settings, names, description


@pytest.mark.parametrize("value", ["embeded", "yes", "AUTO"])
def test_unknown_setting_is_one_line_that_lists_the_known(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LECTURE_DATA", value)
    for call in (datasets.mnist, lambda: datasets.describe("mnist")):
        with pytest.raises(
            DatasetError, match=rf"^LECTURE_DATA is '{value}'; it can be auto .* offline .* embedded"
        ):
            call()


@pytest.mark.parametrize(("name", "near"), [("mnits", "mnist"), ("Glyph", "glyphs"), ("spiral", "spirals")])
def test_unknown_name_suggests_the_nearest(name: str, near: str) -> None:
    for call in (datasets.load, datasets.describe):
        with pytest.raises(DatasetError, match=rf"no data set '{name}'\. Did you mean {near}\?"):
            call(name)


def test_unknown_name_that_is_near_to_none_lists_all() -> None:
    with pytest.raises(
        DatasetError, match=r"no data set 'qqqq'\. There are mnist, fashion, glyphs, .*xor, moving_squares\.$"
    ):
        datasets.load("qqqq")


def test_load_calls_the_loader_of_that_name() -> None:
    assert isinstance(datasets.load("xor"), datasets.Points)
    assert isinstance(datasets.load("photographs"), datasets.Photographs)
    assert isinstance(datasets.load("tumors"), datasets.Table)
    assert isinstance(datasets.load("moving_squares"), datasets.Films)


def test_description_says_where_mnist_would_come_from(
    tmp_path: Path, tiny: datasets.Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    def state() -> tuple[str, str]:
        found = datasets.describe("mnist")
        assert found.size > 0
        return found.state, found.place

    assert state() == ("to download", "Keras")
    monkeypatch.setenv("LECTURE_DATA", "offline")
    assert state() == ("embedded", "scikit-learn")
    monkeypatch.delenv("LECTURE_DATA")
    monkeypatch.setattr(datasets, "_DOWNLOAD_CODE", ARRIVES.format(log=str(tmp_path / "log"), steps=1))
    datasets.mnist()
    assert state() == ("cached", "…/cache/mnist-download.npz")
    prepare(tmp_path / "given" / "tfds", tiny)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "given" / "tfds"))
    assert state() == ("prepared", "…/given/tfds")
    monkeypatch.setenv("LECTURE_DATA", "embedded")
    assert state() == ("embedded", "scikit-learn")


def test_description_of_the_others() -> None:
    assert datasets.describe("glyphs").state == "generated"
    datasets.glyphs()
    assert datasets.describe("glyphs").state == "cached"
    photographs = datasets.describe("photographs")
    assert (photographs.state, photographs.size) == ("embedded", pytest.approx(340_000, rel=0.1))
    tumors = datasets.describe("tumors")
    assert (tumors.state, tumors.size) == ("embedded", pytest.approx(119_000, rel=0.1))
    assert {datasets.describe(name).state for name in ("moons", "rings", "spirals", "xor")} == {"generated"}


def test_paths_in_a_stored_notebook_never_name_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "project_root", lambda: Path("/home/ada/course"))
    shown = {
        "../shared/tfds": "../shared/tfds",
        "~/tfds": "~/tfds",
        "/home/ada/course/data/tfds": "data/tfds",
        "/home/ada/lectures/shared/tfds": "…/shared/tfds",
        "/home/ada": "…/ada",
        "/srv/tfds": "…/tfds",
        "/scratch": "…/scratch",
    }
    assert {path: datasets._shown(Path(path)) for path in shown} == shown


def test_describing_and_importing_load_no_heavy_library() -> None:
    code = """
import sys
from lecture_utils import datasets
for name in datasets.DATASETS:
    datasets.describe(name)
heavy = {"tensorflow", "keras", "sklearn", "scipy", "matplotlib", "PIL", "psutil", "tensorflow_datasets"}
print(sorted(heavy & set(sys.modules)))
"""
    assert run(code) == "[]\n"


# --- data/README.md


def test_readme_names_every_data_set_and_variable() -> None:
    text = (project_root() / "data" / "README.md").read_text()
    for name in (
        *datasets.DATASETS,
        "LECTURE_DATA",
        "LECTURE_DATA_DIR",
        "TFDS_DATA_DIR",
        "LECTURE_SCOREBOARD",
    ):
        assert f"`{name}" in text


def test_readme_tells_how_to_prepare_mnist_with_names_that_exist() -> None:
    import ast

    text = (project_root() / "data" / "README.md").read_text()
    (command,) = re.findall(r'^python -c "(.*)"$', text, flags=re.MULTILINE)
    assert "data_dir='data/tfds'" in command
    called = [node.attr for node in ast.walk(ast.parse(command)) if isinstance(node, ast.Attribute)]
    code = "import tensorflow_datasets as tfds; tfds.builder('mnist').download_and_prepare"
    assert sorted(called) == ["builder", "download_and_prepare"]
    run(f"from lecture_utils.training import quiet_tensorflow; quiet_tensorflow(); {code}")


def test_a_cache_made_by_other_code_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = datasets._digits()
    path = cache_dir() / "digits.npz"
    before = path.stat().st_mtime_ns
    datasets._digits()
    assert path.stat().st_mtime_ns == before, "the same code reads the cache"
    monkeypatch.setattr(datasets, "_code_digest", lambda: "other code")
    again = datasets._digits()
    assert path.stat().st_mtime_ns != before
    assert np.array_equal(first.x_train, again.x_train)


@pytest.mark.parametrize("wanted", [datasets._MNIST, datasets._FASHION], ids=["mnist", "fashion"])
def test_images_or_labels_that_are_not_the_published_ones_are_named(wanted: Any) -> None:
    arrays: datasets.Arrays = {}
    for part, labels in wanted.labels.items():
        arrays[f"y_{part}"] = np.repeat(np.arange(10), labels)
        ink = np.zeros((sum(labels), 28, 28), np.uint8)
        whole, rest = divmod(wanted.ink[part], 255)
        ink.reshape(-1)[:whole] = 255
        ink.reshape(-1)[whole] = rest
        arrays[f"x_{part}"] = ink
    assert datasets._not_as_published(wanted, arrays) == ""
    shifted = {**arrays, "y_train": np.maximum(arrays["y_train"], 1)}
    assert datasets._not_as_published(wanted, shifted) == f"its train labels are not {wanted.title}'s"
    other = {**arrays, "x_test": np.maximum(arrays["x_test"], 1)}
    assert datasets._not_as_published(wanted, other) == f"its test images are not {wanted.title}'s"
