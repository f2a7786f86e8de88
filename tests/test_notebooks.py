"""The stored notebooks: made from their sources, executed cleanly, with figures that show something."""

import ast
import base64
import io
import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lecture_utils import build

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "notebooks/source/lectures").glob("[0-9]*.py"))
SLUGS = [path.stem for path in SOURCES]


def outputs_of(slug: str) -> list[tuple[str, dict]]:
    """Return (code, output) of each output of a stored notebook."""
    notebook = json.loads((ROOT / "notebooks" / f"{slug}.ipynb").read_text(encoding="utf-8"))
    return [
        ("".join(cell["source"]), output)
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        for output in cell["outputs"]
    ]


def test_the_stored_notebooks_are_what_their_sources_make() -> None:
    assert build.check() == []


@pytest.mark.parametrize("path", SOURCES, ids=SLUGS)
def test_text_cells_hold_no_code_and_cells_are_small(path: Path) -> None:
    """A lost `# %%` would turn code into text, and nothing would run it."""
    cells = re.split(r"^(# %%.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert not cells[0].strip(), "the source begins with a cell"
    sizes = []
    for head, body in zip(cells[1::2], cells[2::2], strict=True):
        if head.strip() == "# %% [markdown]":
            stray = [line for line in body.splitlines() if line.strip() and not line.startswith("#")]
            assert not stray, f"code in a text cell of {path.name}: {stray[0]}"
        else:
            sizes.append(
                sum(bool(line.strip()) and not line.strip().startswith("#") for line in body.splitlines())
            )
    assert max(sizes) <= 40
    assert np.quantile(sizes, 0.9) <= 20
    assert 3 <= np.median(sizes) <= 8


@pytest.mark.parametrize("slug", SLUGS)
def test_each_figure_shows_something_and_says_what(slug: str) -> None:
    figures = [(code, output) for code, output in outputs_of(slug) if "image/png" in output.get("data", {})]
    shown = sum(
        isinstance(node, ast.Call) and ast.unparse(node.func) in {"plots.show", "widgets.explore"}
        for node in ast.walk(
            ast.parse((ROOT / f"notebooks/source/lectures/{slug}.py").read_text(encoding="utf-8"))
        )
    )
    assert len(figures) == shown, "each figure is stored, and no other"
    texts = []
    for code, output in figures:
        image = np.asarray(
            Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"]))).convert("L"), float
        )
        assert min(image.shape) >= 80, code
        assert image.std() > 8, f"a blank figure: {code}"
        assert np.mean(image != np.median(image)) > 0.01, f"a nearly blank figure: {code}"
        text = output["metadata"]["image/png"]["alt"]
        assert len(text.split()) >= 10, f"too short an alternative text: {text}"
        texts.append(text)
    assert len(set(texts)) == len(texts), "two figures with the same text"


@pytest.mark.parametrize("slug", SLUGS)
def test_the_text_has_what_a_lecture_owes(slug: str) -> None:
    text = (ROOT / f"notebooks/source/lectures/{slug}.py").read_text(encoding="utf-8")
    assert re.match(rf"# %% \[markdown\]\n# # {int(slug[:2])} · ", text), "the title carries the number"
    for part in ["**You will be able to**", "**Time:**", "**Builds on:**", "> **Predict.**", "> **Pitfall"]:
        assert part in text, f"{slug} has no {part}"
    for heading in ["What we measured", "Recap", "Try it yourself", "Further reading"]:
        assert f"\n# ## {heading}\n" in text, f"{slug} has no section {heading}"
    assert "NBVAL_CHECK_OUTPUT" in text
    levels = [len(match) for match in re.findall(r"^# (#+) ", text, re.MULTILINE)]
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels)), "a level is skipped"


FACTS = {
    "01_forward_pass": [
        "pre-activation -1.9, output 0.13",
        "hidden          [0.13 0.96 0.4 ]",
        "output [0.35 0.85]",
        "pre-activations [-1.8  3.2 -0.3]",
        "probabilities [0.87 0.   0.13]",
    ],
    "02_learning": [
        "cross-entropy +0.1399 nats",
        "gradient -0.0163",
        "W1: shape (2, 8), equal to the tape's and to the finite differences within 1e-6",
    ],
    "03_mnist_dense": ["= 55,050", "= 669,706", "= 932,362", "2.3026"],
    "04_optimizers_and_init": [
        "epsilon outside, gradients times 1: follows Keras",
        "epsilon outside, gradients times 0.0001: does not follow Keras",
        "glorot_normal   variance 0.00167",
        "he_normal       variance 0.00667",
        "misprint: first step 0.74 learning rates",
    ],
    "05_overfitting_and_evaluation": ["b = 15, c =  5: p = 0.044 by chi-squared, 0.041 exactly"],
    "06_convolution": [
        "10,000,000 weights",
        "[[[ 5  2  0]\n  [ 4  2  0]\n  [-1  0 -1]]\n\n [[ 4  8  3]\n  [ 7 11  4]\n  [ 3  7  4]]]",
        "largest: [7. 9. 8. 5.]   average: [4.   4.5  3.5  3.25]",
        "two 3 x 3: sees 5 x 5 pixels",
    ],
    "07_mnist_cnn": ["542,230 parameters", "1,199,882 parameters"],
    "08_dropout": ["1,199,882", "rate 0.25", "rate 0.5", "1,024 subnetworks"],
    "09_batchnorm": ["1,200,778", "448"],
    "14_rnn_gru_lstm": [
        "W_a has shape (100, 10100); with the bias that makes 1,010,100 parameters",
        "W_y of shape (2, 4): no product",
        "n_x = 100, n_a = 64: 10,560 parameters",
        "n_x = 100, n_a = 64, GRU, reset before 31,680 parameters",
        "n_x = 100, n_a = 64, GRU, reset after  31,872 parameters",
        "n_x = 100, n_a = 64, LSTM              42,240 parameters",
    ],
    "15_lstm_sentiment": ["Embedding       640,000", "Bidirectional    66,048", "Bidirectional    41,216"],
    "16_word2vec": [
        "dog - canine - carnivore - mammal - animal - entity",
        "rows of u that get a gradient: 8 of 8",
    ],
}


@pytest.mark.parametrize(("slug", "fact"), [(slug, fact) for slug, facts in FACTS.items() for fact in facts])
def test_the_facts_of_the_syllabus_stand_in_compared_cells(slug: str, fact: str) -> None:
    stored = [
        "".join(output.get("text", "")) for code, output in outputs_of(slug) if "NBVAL_CHECK_OUTPUT" in code
    ]
    assert any(fact in text for text in stored)


@pytest.mark.parametrize("slug", [slug for slug in SLUGS if slug >= "03" and slug < "10"])
def test_the_digits_were_executed_on_real_mnist(slug: str) -> None:
    texts = ["".join(output.get("text", "")) for _, output in outputs_of(slug)]
    assert any("MNIST: 60,000 training and 10,000 test images" in text for text in texts)


@pytest.mark.parametrize("slug", [slug for slug in SLUGS if "14" <= slug < "17"])
def test_the_texts_were_read_from_real_reviews(slug: str) -> None:
    texts = ["".join(output.get("text", "")) for _, output in outputs_of(slug)]
    assert any(re.search(r"^(IMDB|Imdb): .*prepared TFDS directory", text, re.MULTILINE) for text in texts)


@pytest.mark.parametrize("slug", SLUGS)
def test_wrapped_prose_makes_no_list_by_accident_and_breaks_no_formula(slug: str) -> None:
    """A line that begins with "1. " becomes a list; a formula broken in a quotation shows its "> "."""
    notebook = json.loads((ROOT / "notebooks" / f"{slug}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            continue
        lines = "".join(cell["source"]).splitlines()
        for before, line in pairwise(["", *lines]):
            assert line.count("$") % 2 == 0, f"a formula goes over the end of: {line}"
            if re.match(r"(> )?(\d+[.)]|[-+*]) ", line):
                assert not before.strip("> ") or re.match(r"(> )?(\d+[.)]|[-+*]|  )", before), line
