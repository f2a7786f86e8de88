"""The pinned packages: one list, complete, the same for pip, conda and Binder, and without addresses."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LINES = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
PINS = [Requirement(line) for line in LINES]


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_lock_holds_only_exact_versions_and_no_address() -> None:
    for line in LINES:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+( ; [^#@]+)?", line), line
        assert "://" not in line


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_the_lock_pins_each_direct_dependency_once_for_each_python(
    project: dict, python: str, platform: str
) -> None:
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": platform,
        "os_name": "posix",
    }
    pinned: dict[str, str] = {}
    for pin in PINS:
        if pin.marker is None or pin.marker.evaluate(environment):
            name = canonicalize_name(pin.name)
            assert name not in pinned, f"{name} is pinned twice for Python {python} on {platform}"
            pinned[name] = str(pin.specifier)
    extras = project["optional-dependencies"].values()
    for text in [*project["dependencies"], *(text for extra in extras for text in extra)]:
        wanted = Requirement(text)
        assert canonicalize_name(wanted.name) in pinned, f"{wanted.name} is missing: run make lock"
        assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)].removeprefix("=="))


def test_conda_and_binder_install_the_same_lock() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    pip_packages = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pip_packages == [["-r requirements.lock"]]
    from_conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    assert from_conda == ["python=3.11", "pip"], "a package from conda would not be the pinned one"
    assert "--editable ." in (ROOT / "postBuild").read_text(encoding="utf-8")


def test_the_installed_packages_are_the_pinned_ones() -> None:
    for pin in PINS:
        if pin.marker is None or pin.marker.evaluate():
            assert pin.specifier.contains(metadata.version(pin.name), prereleases=True), pin.name
