"""Settings of the documentation site: ``make docs`` builds it, and a warning fails the build."""

import inspect
import re
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

from docutils import nodes
from jinja2 import FileSystemBytecodeCache
from jinja2.sandbox import SandboxedEnvironment
from numpydoc import docscrape_sphinx

import sqlearn
from sqlearn.engine.model.estimator import ExactEstimator

sys.path.insert(0, str(Path(__file__).resolve().parent / "_extensions"))

project = "sqlearn"
author = "the sqlearn developers"
version = release = sqlearn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "source_pages",
]
exclude_patterns = ["_build", "data"]
templates_path = ["_templates"]
suppress_warnings = ["config.cache"]  # the functions given to templates and to the gallery cannot be pickled

# cross references: those to this package's public names must lead somewhere
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!sqlearn\b).*"),
    ("py:.*", r"sqlearn\.(engine|storage)\..*"),  # the inside has no pages
]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_default_options = {"member-order": "bysource"}
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # numpydoc's sections have the types
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
# numpydoc makes an environment for each docstring, and compiles the same template in it
docscrape_sphinx.SandboxedEnvironment = partial(SandboxedEnvironment, bytecode_cache=FileSystemBytecodeCache())

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


_HEADER = re.compile(r"^(?P<names>\w[\w, ]*) : (?P<type>.+)$")


def escape_types(app, what, name, obj, options, lines) -> None:
    """Keep ``n_features_in_`` in the type of a parameter from being read as a reference to ``n_features_in``."""
    for number, line in enumerate(lines):
        header = _HEADER.match(line)
        if header:
            escaped = re.sub(r"(?<=\w)_(?!\w)", r"\\_", header["type"])
            lines[number] = f"{header['names']} : {escaped}"


def trim_blocks(app, doctree) -> None:
    """Remove the empty line that ends a session in a page, which doctest needs."""
    for block in doctree.findall(nodes.literal_block):
        if not block.children or isinstance(block.children[0], nodes.Text):
            text = block.astext().rstrip("\n")
            block.rawsource = text
            block.children = [nodes.Text(text)]


def hide_constructor(app, what, name, obj, options, signature, annotation) -> tuple[str, None] | None:
    """Show no signature of Store, which is made by its methods `create` and `open`."""
    return ("", None) if name == "sqlearn.Store" else None


def setup(app) -> None:
    app.connect("autodoc-process-signature", hide_constructor)
    app.connect("autodoc-process-docstring", escape_types, priority=400)  # before numpydoc's
    app.connect("doctree-read", trim_blocks)


# what the template of a class asks


_VERBS = ["fit", "partial_fit", "forget", "relabel", "without", "merge", "digest"]  # come first


def _class(fullname: str) -> type:
    module, _, name = fullname.rpartition(".")
    return getattr(import_module(module), name)


def own_methods(fullname: str) -> list[str]:
    """The public methods of a class that this package documents, verbs first."""
    found: dict[str, int] = {}
    for base in _class(fullname).__mro__:
        if base.__module__.startswith("sqlearn."):
            for name, member in vars(base).items():
                method = inspect.unwrap(getattr(member, "__func__", member))
                own = inspect.isfunction(method) and (method.__module__ or "").startswith("sqlearn.")
                if own and method.__doc__ and not name.startswith("_"):
                    found.setdefault(name, len(found))
    return sorted(found, key=lambda name: (_VERBS.index(name) if name in _VERBS else len(_VERBS), found[name]))


def sklearn_methods(fullname: str) -> list[str]:
    """The public methods of a class that are scikit-learn's own."""
    own, cls = set(own_methods(fullname)), _class(fullname)
    names = (name for name in dir(cls) if not name.startswith("_") and not name.endswith("_request"))
    return sorted(name for name in names if name not in own and callable(inspect.getattr_static(cls, name, None)))


def own_properties(fullname: str) -> list[str]:
    """The public properties of a class that this package documents."""
    bases = (base for base in _class(fullname).__mro__ if base.__module__.startswith("sqlearn."))
    members = ((name, member) for base in bases for name, member in vars(base).items())
    names = [name for name, member in members if isinstance(member, property) and not name.startswith("_")]
    return [name for name in dict.fromkeys(names) if name != "last_forget_"]  # an old name, for one release


autosummary_generate = True
autosummary_context = {
    "own_methods": own_methods,
    "sklearn_methods": sklearn_methods,
    "own_properties": own_properties,
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": "/plot_",  # long_*.py run under `make docs-long` only
    "ignore_pattern": r"^long_",
    "within_subsection_order": "gallery_order.ExampleOrder",
    "backreferences_dir": "reference/generated/examples",
    "doc_module": ("sqlearn",),
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
    "min_reported_time": 10,
    "image_scrapers": ("matplotlib",),
    "remove_config_comments": True,
    "show_signature": False,
    "thumbnail_size": (400, 280),
}


def page_of(estimator) -> dict[str, str]:
    """Where the page of an estimator's class is: under the name of the module that offers it."""
    cls = type(estimator)
    module = next(part for part in (cls.__module__.rpartition(".")[0], cls.__module__) if part != "sqlearn")
    return {"name": f"{module}.{cls.__name__}"}


# estimators that an example shows link to their pages
ExactEstimator._doc_link_template = "../reference/generated/{name}.html"
ExactEstimator._doc_link_url_param_generator = page_of

html_theme = "pydata_sphinx_theme"
html_title = "sqlearn"
html_static_path = ["_static"]
html_css_files = ["sqlearn.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "sqlearn"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["footer"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"first_steps": [], "glossary": []}
