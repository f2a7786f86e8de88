"""The documents tell the truth: commands exist, lectures are listed, links lead somewhere."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lecture_utils import cli, scoreboard

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "data/README.md", "docs/grading.md"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
LECTURES = sorted(path.stem for path in (ROOT / "notebooks/source/lectures").glob("[0-9]*.py"))


def commands(document: str) -> list[str]:
    """Return each command of a document: the lines of its shell blocks, and those in its prose."""
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    inline = re.findall(r"`((?:[A-Z_]+=\S+ )*(?:make|lecture) [^`]*)`", text)
    return [line for line in lines if line and not line.startswith("#")] + inline


ALL = sorted({(document, command) for document in DOCUMENTS for command in commands(document)})


@pytest.mark.parametrize(
    ("document", "command"), ALL, ids=[f"{document}: {command}" for document, command in ALL]
)
def test_each_command_in_the_documents_exists(document: str, command: str) -> None:
    words = shlex.split(command)
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    if words[0].endswith("/lecture"):
        words[0] = "lecture"
    if words[0] == "make":
        for word in words[1:]:
            assert word in TARGETS or re.fullmatch(r"[A-Z_]+=.*", word), f"make has no target {word}"
    elif words[0] == "lecture":
        arguments = [word for word in words[1:] if word not in ("…", "...")]
        if "--help" not in arguments:
            cli._parser().parse_args(arguments)  # SystemExit where there is no such command or option
    else:
        assert words[0] in {"git", "cd", "conda", "bash", "python", "export", "apt-get", "brew", "wsl"}, (
            words[0]
        )


def test_the_documents_name_the_two_commands_and_each_lecture() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ["make run", "make lab", "make test"]:
        assert command in commands("README.md")
    for slug in LECTURES:
        assert f"notebooks/{slug}.ipynb" in readme, f"the README's table lacks {slug}"


def test_the_readme_shows_what_the_authors_measured() -> None:
    head = ["network", "parameters", "epochs", "seconds", "test accuracy", "slides"]
    rows = [f"| {' | '.join(head)} |", "|---" + "|--:" * 5 + "|"]
    for entry in scoreboard.table(ROOT / "data/results/scoreboard.json", source="mnist"):
        deck = "" if entry.deck is None else f"{entry.deck:.1%}"
        rows.append(
            f"| {entry.network} | {entry.parameters:,} | {entry.epochs} | {entry.seconds:.0f} "
            f"| {entry.accuracy:.2%} | {deck} |"
        )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(rows) > 2
    assert "\n".join(rows) in readme, "put this table into the README:\n" + "\n".join(rows)


def test_the_readme_says_of_the_recipe_what_was_measured() -> None:
    recipe = scoreboard.benchmark("recipe")
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    minutes = f"{recipe['seconds'] / 60:.0f} minutes"
    assert f"read {recipe['accuracy']:.2%} of the test images after {minutes} of training" in readme


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_relative_link_leads_to_a_file(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text) + re.findall(r'src="([^"]+)"', text):
        if "://" not in target:
            assert ((ROOT / document).parent / target).exists(), f"{document} links to {target}"


def test_each_image_in_the_readme_has_an_alternative_text() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    images = re.findall(r"!\[([^\]]*)\]\(", readme)
    assert images
    assert all(len(text) > 20 for text in images)


def test_no_file_names_a_package_registry_or_a_path_of_a_machine() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    if not tracked:
        pytest.skip("this is no git checkout")
    registries = re.compile(r"(pypi|pythonhosted|npmjs|anaconda)\.(org|com)|registry\." + r"npmjs")
    for name in tracked:
        path = ROOT / name
        if path.suffix in {".png", ".npz"} or not path.is_file() or path == Path(__file__):
            continue
        assert not registries.search(path.read_text(encoding="utf-8")), name


def test_importing_the_package_is_quick_and_loads_nothing_heavy() -> None:
    heavy = "tensorflow keras matplotlib numpy"
    code = f"import sys, lecture_utils; print([m for m in '{heavy}'.split() if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
    microseconds = int(run.stderr.strip().splitlines()[-1].split("|")[1])
    assert "lecture_utils" in run.stderr.strip().splitlines()[-1]
    assert microseconds < 200_000


def test_the_console_command_is_installed() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"lecture": "lecture_utils.cli:main"}
    command = Path(sys.executable).parent / "lecture"
    run = subprocess.run([command, "list"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert all(slug in run.stdout for slug in LECTURES)
