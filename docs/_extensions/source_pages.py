"""Links from a page to a file of the repository lead to a page of the site that shows it.

Pages link to sources as they do on a forge, by relative path (``../sqlearn/engine/sums/exact.py``), and Sphinx would
make downloads of these. Here each file so linked becomes a page under ``source/``, highlighted, with numbered lines.
"""

from html import escape
from pathlib import Path

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx import addnodes

_REPOSITORY = Path(__file__).resolve().parent.parent.parent


def _target(app, docname: str, link: str) -> Path | None:
    """The file of the repository outside the documentation that a page links to."""
    folder = (Path(app.srcdir) / docname).parent
    path = (folder / link).resolve()
    inside = path.is_relative_to(_REPOSITORY) and not path.is_relative_to(app.srcdir)
    return path.relative_to(_REPOSITORY) if inside and path.is_file() else None


def link_to_source_pages(app, doctree) -> None:
    """Make links out of downloads; before Sphinx collects the downloads."""
    if app.builder.format != "html":
        return
    docname = app.env.docname
    for node in list(doctree.findall(addnodes.download_reference)):
        path = _target(app, docname, node["reftarget"])
        if path is not None:
            app.env.source_files.setdefault(docname, set()).add(path)
            uri = app.builder.get_relative_uri(docname, f"source/{path.as_posix()}")
            node.replace_self(nodes.reference("", "", *node.children, refuri=uri, internal=True))


def source_pages(app):
    """The pages themselves."""
    formatter = HtmlFormatter(linenos="inline", cssclass="highlight", wrapcode=True)
    for path in sorted(set().union(*app.env.source_files.values())):
        text = (_REPOSITORY / path).read_text("utf-8")
        try:
            lexer = get_lexer_for_filename(path.name)
        except ClassNotFound:
            lexer = TextLexer()
        title = escape(path.as_posix())
        body = f"<h1>{title}</h1>\n{highlight(text, lexer, formatter)}"
        yield f"source/{path.as_posix()}", {"title": title, "body": body, "parents": []}, "page.html"


def begin(app) -> None:
    if not hasattr(app.env, "source_files"):
        app.env.source_files = {}


def purge(app, env, docname) -> None:
    getattr(env, "source_files", {}).pop(docname, None)


def merge(app, env, docnames, other) -> None:
    env.source_files.update({name: files for name, files in other.source_files.items() if name in docnames})


def setup(app):
    app.connect("builder-inited", begin)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("doctree-read", link_to_source_pages, priority=400)
    app.connect("html-collect-pages", source_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
