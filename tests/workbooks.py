"""Small made-up workbooks for the tests of the builder, the runner and the command line."""

from pathlib import Path

TITLE = "# %% [markdown]\n# # 1 · A small lecture\n#\n# **Time:** 40 minutes to read, 1 minute to run.\n"


def lecture(*parts: str) -> str:
    """Return a percent script: a title, then one cell for each part; a part that begins with # is text."""
    cells = [TITLE]
    for part in parts:
        if part.startswith("# %%"):
            cells.append(part)
        elif part.startswith("#"):
            lines = [f"# {line}".rstrip() for line in part.splitlines()]
            cells.append("\n".join(["# %% [markdown]", *lines, ""]))
        else:
            cells.append(f"# %%\n{part}\n")
    return "\n".join(cells)


def make_workbook(folder: Path, **lectures: str) -> Path:
    """Write sources, given as l01_name="text", and return the folder of the notebooks."""
    notebooks = folder / "workbook" / "notebooks"
    sources = notebooks / "source" / "lectures"
    sources.mkdir(parents=True, exist_ok=True)
    for name, text in lectures.items():
        (sources / f"{name[1:]}.py").write_text(text, encoding="utf-8")
    return notebooks
