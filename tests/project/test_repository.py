"""What the repository says of itself is so: the reference is complete, commands exist, versions stand in one place."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import sqlearn

ROOT = Path(__file__).resolve().parents[2]
PROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
REFERENCE = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "docs" / "reference").glob("*.rst")))
MODULES = sorted(
    "sqlearn." + ".".join(path.relative_to(ROOT / "sqlearn").with_suffix("").parts).removesuffix(".__init__")
    for path in (*(ROOT / "sqlearn").glob("[a-z]*.py"), *(ROOT / "sqlearn").glob("*/__init__.py"))
)
INSIDE = ("sqlearn.engine", "sqlearn.storage")
# documented as a command
COMMAND = tuple(f"sqlearn.{name}" for name in ("cli", "commands", "demo", "table_files"))


def public_objects():
    """Module and name of every public class and function; the errors have a page of their own."""
    for name in MODULES:
        if name not in (*INSIDE, *COMMAND, "sqlearn.errors", "sqlearn.messages", "sqlearn.old_errors"):
            module = import_module(name)
            for member in getattr(module, "__all__", ()):
                found = getattr(module, member)
                if (inspect.isclass(found) or inspect.isroutine(found)) and found.__module__.startswith("sqlearn."):
                    yield name, member


def listed(module: str, name: str) -> bool:
    """Whether a name stands in a table of the reference, under its module or with it."""
    if re.search(rf"^   (sqlearn|{re.escape(module)})\.{name}$", REFERENCE, re.MULTILINE):
        return True
    sections = REFERENCE.split(".. currentmodule:: ")
    own = [section for section in sections if section.split("\n", 1)[0] == module]
    return any(re.search(rf"^   {name}$", section, re.MULTILINE) for section in own)


def test_the_reference_is_complete():
    objects = set(public_objects())
    assert len(objects) > 25
    assert not [f"{module}.{name}" for module, name in sorted(objects) if not listed(module, name)]


def test_the_commands_of_contributing_exist():
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    told = set(re.findall(r"`make ([a-z-]+)", (ROOT / "CONTRIBUTING.md").read_text("utf-8")))
    assert {"demo", "test", "lint", "docs", "bench", "coverage", "release-check"} <= told <= targets


def test_ci_covers_the_versions_that_are_declared():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    declared = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT)
    (matrix,) = re.findall(r"python: \[(.*)\]", workflow)
    assert re.findall(r"3\.\d+", matrix) == declared
    (oldest,) = re.findall(r'requires-python = ">=(3\.\d+)"', PROJECT)
    assert oldest == declared[0]
    (systems,) = re.findall(r"os: \[(.*)\]", workflow)
    assert len(systems.split(",")) == 3


@pytest.mark.parametrize("name", ["CITATION.cff", "pyproject.toml", "CONTRIBUTING.md", "docs/conf.py", "README.md"])
def test_the_version_stands_in_one_place(name):
    assert sqlearn.__version__ not in (ROOT / name).read_text("utf-8")


def test_the_changelog_has_an_entry_for_this_version():
    headings = re.findall(r"^## \[?([^\]\n]+?)\]?(?: - .*)?$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    version = sqlearn.__version__
    assert headings[0] == "Unreleased" if ".dev" in version else version in headings
