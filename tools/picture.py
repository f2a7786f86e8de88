"""Make docs/results.png, the picture in the README, from figures that the notebooks hold."""

import base64
import io
import json
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
FIGURES = [  # (notebook, how the figure's alternative text begins)
    ("01_forward_pass", "Left, two interleaved spirals"),
    ("02_learning", "A sine-shaped cloud of points"),
    ("03_mnist_dense", "Loss and accuracy over twenty epochs"),
    ("03_mnist_dense", "Sixteen test digits"),
]
GAP = 16  # pixels


def figure(notebook: str, beginning: str) -> Image.Image:
    """Return the stored figure whose alternative text begins so."""
    cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    for output in (output for cell in cells for output in cell.get("outputs", [])):
        if output.get("metadata", {}).get("image/png", {}).get("alt", "").startswith(beginning):
            return Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"]))).convert("RGB")
    raise SystemExit(
        f"picture: no figure of {notebook} has an alternative text that begins with {beginning!r}"
    )


def main() -> None:
    """Put the figures into two columns of equal width."""
    width = 700
    columns: list[list[Image.Image]] = [[], []]
    heights = [0, 0]
    for notebook, beginning in FIGURES:
        image = figure(notebook, beginning)
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
        shorter = heights.index(min(heights))
        columns[shorter].append(image)
        heights[shorter] += image.height + GAP
    sheet = Image.new("RGB", (2 * width + 3 * GAP, max(heights) + GAP), "white")
    for number, column in enumerate(columns):
        top = GAP
        for image in column:
            sheet.paste(image, (GAP + number * (width + GAP), top))
            top += image.height + GAP
    (ROOT / "docs").mkdir(exist_ok=True)
    sheet.quantize(256).save(ROOT / "docs" / "results.png", optimize=True)


if __name__ == "__main__":
    main()
