"""The README's and the documentation's python blocks run, and its links lead somewhere."""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest

from sqlearn import feature_selection

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SELECTORS = [vars(feature_selection)[name] for name in feature_selection.__all__ if name[0] in "GSV"]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(#[^)]*)?\)")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "tutorial"], ids=name)  # its own test
def test_python_blocks(page):
    """The blocks of a page share one namespace; those with prompts are sessions, the others scripts."""
    text, names = page.read_text("utf-8"), {"__name__": "page"}
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1)) + 1
        source = block[1]
        if ">>>" in source:
            session = doctest.DocTestParser().get_doctest(source, names, name(page), name(page), line)
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False)
            messages: list[str] = []
            runner.run(session, out=messages.append, clear_globs=False)
            assert not runner.failures, "".join(messages)
            names.update(session.globs)
        else:
            exec(compile("\n" * (line - 1) + source, name(page), "exec"), names)


def documented():
    """Every object that the reference lists, by its full name."""
    module, found = "", {}
    for line in (ROOT / "docs" / "reference" / "index.rst").read_text("utf-8").splitlines():
        word = line.strip()
        module = word.removeprefix(".. currentmodule:: ") if word.startswith(".. currentmodule:: ") else module
        if re.fullmatch(r"   [a-zA-Z_][\w.]*", line) and (module or "." in word):  # not the pages of a toctree
            path, _, last = (word if word.startswith("sqlearn.") else f"{module}.{word}").rpartition(".")
            found[f"{path}.{last}"] = getattr(importlib.import_module(path), last)
    return found


def test_a_summary_is_one_sentence_on_one_line():
    """The reference's tables show the first sentence of a docstring: what follows would be cut."""
    found = documented()
    assert len(found) > 40
    for name, thing in found.items():
        summary, *rest = inspect.getdoc(thing).split("\n")
        assert not rest or not rest[0], name
        assert re.match(r"(.*?\.)(?:\s|$)", summary)[1] == summary, (name, summary)


@pytest.mark.parametrize("kind", SELECTORS)
def test_docstrings_of_selectors_are_whole(kind):
    """They are put together from parts: each parameter is there, in order, and no mark."""
    section = inspect.getdoc(kind).split("Parameters\n----------\n")[1].split("\n\n")[0]
    assert not re.search(r"^<.*>$", section, re.MULTILINE)
    named = [name for line in re.findall(r"^(\w[\w, *]*) :", section, re.MULTILINE) for name in line.split(", ")]
    assert named == list(inspect.signature(kind).parameters)


def test_every_module_of_the_engine_is_described():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    modules = [path.name for path in (ROOT / "sqlearn" / "engine").rglob("*.py") if path.stem != "__init__"]
    assert not [module for module in modules if f"`{module}`" not in text]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for link in LINK.finditer(page.read_text("utf-8")):
        assert (page.parent / link[1]).exists(), link[0]
