"""Find out whether code that a lecture's results depend on has changed."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Sequence
from pathlib import Path


def canonical(code: str) -> str:
    """Return Python code without comments, docstrings and blank lines, for comparing.

    It works on tokens, so that it does not see how lines are broken inside brackets; a formatted string
    is kept as it is written, because Python 3.11 reads it as one token and Python 3.12 as many.
    """
    docstrings = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                docstrings.add(first.lineno)
    lines = code.splitlines(keepends=True)
    opening, closing = getattr(tokenize, "FSTRING_START", -1), getattr(tokenize, "FSTRING_END", -1)
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
    result: list[str] = []
    depth, start = 0, (0, 0)
    skipping = False
    begins = True  # at the beginning of a statement
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == opening:
            start = token.start if depth == 0 else start
            depth += 1
        if token.type == closing:
            depth -= 1
            if depth == 0 and not skipping:
                result.append(_slice(lines, start, token.end))
            continue
        if depth or token.type in skipped:
            continue
        if begins and token.type == tokenize.STRING and token.start[0] in docstrings:
            skipping = True
        begins = token.type in {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT} or token.string == ":"
        if not skipping:
            named = {tokenize.INDENT: "<indent>", tokenize.DEDENT: "<dedent>", tokenize.NEWLINE: "<newline>"}
            result.append(named.get(token.type, token.string))
        if token.type == tokenize.NEWLINE:
            skipping = False
    return "\n".join(result)


def _slice(lines: Sequence[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] : end[1]]
    middle = lines[start[0] : end[0] - 1]
    return "".join([lines[start[0] - 1][start[1] :], *middle, lines[end[0] - 1][: end[1]]])


def _imported(tree: ast.AST, package: str, inside: str) -> set[str]:
    """Return the full names that a module imports from a package, ``from x import y`` as ``x`` and ``x.y``.

    ``inside`` is the full name of the package that the code belongs to, for relative imports.
    """
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = inside.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return {name for name in names if name == package or name.startswith(package + ".")}


def _module_file(name: str, package: Path) -> Path | None:
    """Return the file of a module of the package, given by its full name; None where there is none."""
    place = package.joinpath(*name.split(".")[1:])
    for file in (place.with_suffix(".py"), place / "__init__.py"):
        if file.is_file() and file != package / "__init__.py":
            return file
    return None


def used_modules(code: Iterable[str], package: Path) -> dict[str, Path]:
    """Return the modules of a package that some code imports, directly or through each other.

    Parameters
    ----------
    code : iterable of str
        Python code without magics.
    package : Path
        The package's folder; its name is the package's name.

    Returns
    -------
    dict of str to Path
        Full module names and files. The package's own ``__init__`` counts only through what it imports:
        it holds no more than the version.
    """
    found: dict[str, Path] = {}
    waiting = {name for text in code for name in _imported(ast.parse(text), package.name, "")}
    while waiting:
        name = waiting.pop()
        file = _module_file(name, package)
        if file is None or name in found:
            continue
        found[name] = file
        inside = name if file.name == "__init__.py" else name.rpartition(".")[0]
        waiting |= _imported(ast.parse(file.read_text(encoding="utf-8")), package.name, inside)
        waiting |= {parent for parent in [name.rpartition(".")[0]] if parent}
    return dict(sorted(found.items()))
