"""The README's and the documentation's python blocks run, and its links lead somewhere."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
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


def test_every_room_is_described():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    modules = [path.name for path in (ROOT / "sqlearn" / "engine").glob("*.py") if path.stem != "__init__"]
    assert not [module for module in modules if f"`{module}`" not in text]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for link in LINK.finditer(page.read_text("utf-8")):
        assert (page.parent / link[1]).exists(), link[0]
