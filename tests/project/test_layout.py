"""Rules about the sources themselves: who may import whom, what may be compiled how, what may not be named."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from forks import run_forked
from sources import PACKAGE, PATHS, ROOT, by_module, module_name, nodes_of, tree_of

MAX_LINES = 600
MAX_LINES_OF_PACKAGE = 450
VAGUE_NAMES = {"utils", "util", "misc", "core", "common", "helpers", "helper"}
COMPILERS = {"njit", "jit", "jit_module", "vectorize", "guvectorize", "cfunc", "stencil", "generated_jit", "overload"}

# the packages inside engine and storage, from the floor up, and what each may import of its neighbours
LAYERS = {
    "engine": {
        "kernels": set(),
        "arithmetic": {"kernels"},
        "identity": {"kernels"},
        "maps": {"kernels", "arithmetic", "identity", "sums"},
        "sums": {"kernels", "arithmetic", "identity"},
        "readout": {"kernels", "arithmetic", "sums"},
        "ordered": {"kernels", "identity", "sums"},
        "rounds": {"kernels", "arithmetic", "identity", "sums"},
        "novelty": {"kernels", "arithmetic", "identity", "maps", "sums", "rounds"},
        "trees": {"kernels", "arithmetic", "sums", "rounds"},
        "solvers": {"kernels", "arithmetic"},
        "boosting": {"kernels", "arithmetic", "sums", "rounds", "solvers"},
        "problems": {"kernels", "arithmetic", "solvers", "sums", "rounds"},
        "sparse": {"kernels", "arithmetic", "identity", "sums", "rounds", "solvers", "problems"},
        "validation": {"identity", "sums"},
        "model": {"kernels", "identity", "maps", "sums", "readout", "rounds", "sparse", "validation"},
        "parts": {"identity", "sums", "readout", "rounds", "tables", "validation", "model"},
        "text": {"kernels", "arithmetic", "identity", "sums", "readout", "validation", "model"},
        "chains": {
            *("kernels", "arithmetic", "identity", "sums", "ordered", "readout", "rounds", "tables", "validation"),
            "model",
        },
        "interactions": {"kernels", "identity", "sums", "validation"},
        "tables": {
            *("kernels", "arithmetic", "identity", "sums", "readout", "rounds", "trees", "problems"),
            *("boosting", "validation", "model"),
        },
    },
    "storage": {
        "file": set(),
        "table": {"file"},
        "conditions": {"file", "table"},
        "records": {"file", "table", "conditions"},
        "upkeep": {"file", "table", "records"},
    },
}
# what each area of the package may import; an area may import itself only if its set says so
TOP = {"cli", "commands", "demo", "__main__"}
USERS = {"verification", "store", "table_files", "inspection", "distributed"}
ALLOWED = {
    "messages": set(),
    "old_errors": set(),
    "errors": {"old_errors", "messages"},
    "engine": {"engine", "errors"},
    "learner": {"learner", "engine", "errors"},
    "storage": {"storage", "engine", "errors"},
    "user": {"user", "storage", "learner", "engine", "errors"},
    "top": {"top", "user", "storage", "learner", "engine", "errors", "package"},
    "package": {"user", "learner", "errors", "old_errors"},  # sqlearn/__init__.py
}


MODULES = {module_name(path): path for path in PATHS}


@cache
def offered(package: str) -> set[str]:
    """What a package's ``__init__`` imports from its modules; nothing of what is no package."""
    path = MODULES.get(package)
    body = tree_of(path).body if path is not None and path.name == "__init__.py" else []
    return {alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}


def area(module: str) -> str:
    if module == "sqlearn":
        return "package"
    first = module.split(".")[1]
    if first in {"engine", "errors", "messages", "old_errors", "storage"}:
        return first
    return "top" if first in TOP else "user" if first in USERS else "learner"


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: no function bodies, no ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from at_import(child)


def imports(path: Path, nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The modules of this package that `nodes` import."""
    package = path.relative_to(ROOT).parent.parts
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            source = ".".join(base + ([node.module] if node.module else []))
            below = [f"{source}.{alias.name}" for alias in node.names if alias.name not in offered(source)]
            names = [name if name in MODULES else source for name in below] or [source]
        else:
            continue
        yield from (name for name in names if name == "sqlearn" or name.startswith("sqlearn."))


def numba_aliases(nodes: Iterable[ast.AST]) -> set[str]:
    """The names under which a module knows numba and its submodules."""
    plain = (alias for node in nodes if isinstance(node, ast.Import) for alias in node.names)
    return {alias.asname or "numba" for alias in plain if alias.name.split(".")[0] == "numba"}


def numba_uses(path: Path) -> Iterator[str]:
    """The names a module takes from numba: ``from numba import x``, ``numba.x``, ``numba.extending.x``."""
    aliases = numba_aliases(nodes_of(path))
    for node in nodes_of(path):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "numba":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute):
            root = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in aliases:
                yield node.attr


def decorators(path: Path) -> Iterator[tuple[str, str]]:
    """Every decorated function with the last name of each of its decorators."""
    for node in nodes_of(path):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                target = decorator.func if isinstance(decorator, ast.Call) else decorator
                yield node.name, target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


def repository_files() -> list[Path]:
    """What is in the repository, or would be: tracked files and new ones that are not ignored."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git checkout")
    paths = {ROOT / name.decode() for name in listed.split(b"\0") if name}
    return sorted(path for path in paths if path.is_file())


def test_imports_go_one_way():
    def wrong(path):
        allowed = ALLOWED[area(module_name(path))]
        return [name for name in imports(path, nodes_of(path)) if area(name) not in allowed]

    assert not by_module(wrong), "ALLOWED says what each may import"


def private_names(path: Path) -> Iterator[str]:
    """The names with an underscore that a module takes from other modules of this package."""
    modules = set()
    for node in nodes_of(path):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] == "sqlearn"):
            for alias in node.names:
                if alias.name.startswith("_") and not alias.name.endswith("__"):
                    yield f"{node.module}.{alias.name}"
                if f"{node.module}.{alias.name}" in MODULES:
                    modules.add(alias.asname or alias.name)
        elif isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name for alias in node.names if alias.name.split(".")[0] == "sqlearn"}
    for node in nodes_of(path):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("__"):
            if ast.unparse(node.value) in modules:
                yield f"{ast.unparse(node.value)}.{node.attr}"


def test_private_names_stay_in_their_modules():
    assert not by_module(private_names), "a name that another module needs has no underscore"


def own_names(path: Path) -> set[str]:
    """The names with an underscore of the classes of a module: of their methods and attributes."""
    found = set()
    for node in nodes_of(path):
        if isinstance(node, ast.ClassDef):
            found |= {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            found |= {name.id for part in node.body for name in ast.walk(part) if isinstance(name, ast.Name)
                      and isinstance(part, ast.Assign | ast.AnnAssign) and isinstance(name.ctx, ast.Store)}  # fmt: skip
            found |= {attribute.attr for attribute in ast.walk(node)
                      if isinstance(attribute, ast.Attribute) and isinstance(attribute.ctx, ast.Store)}  # fmt: skip
    return {name for name in found if name.startswith("_") and not name.endswith("__")}


def test_learners_are_talked_to_by_public_names():
    """Whoever keeps a learner uses its verbs, its answers and ``engine.model.Learner``, not what it is made of."""
    made_of = ("adaptive", "answering", "estimator", "hooks")
    of_learners = set().union(*(own_names(MODULES[f"sqlearn.engine.model.{name}"]) for name in made_of))
    assert of_learners >= {"_state", "_fitted_state", "_target", "_check_fit"}

    def foreign(path):
        own = {"self", "cls", "super()"} | {node.name for node in tree_of(path).body if isinstance(node, ast.ClassDef)}
        for node in nodes_of(path):
            if isinstance(node, ast.Attribute) and node.attr in of_learners and ast.unparse(node.value) not in own:
                yield f"{ast.unparse(node)}, line {node.lineno}"

    keepers = [path for path in PATHS if area(module_name(path)) in {"storage", "user", "top"}]
    assert not by_module(foreign, keepers + [path for path in PATHS if path.stem == "compose"])


def layer(module: str) -> tuple[str, str] | None:
    """The package of engine or storage that a module lies in."""
    parts = module.split(".")
    return (parts[1], parts[2]) if len(parts) > 2 and parts[2] in LAYERS.get(parts[1], ()) else None


def test_packages_are_layers():
    def wrong(path):
        here = layer(module_name(path))
        if here is not None:
            area, package = here
            found = {name for name in map(layer, imports(path, nodes_of(path))) if name and name[0] == area}
            yield from {name for _, name in found} - {package} - LAYERS[area][package]

    assert not by_module(wrong), "LAYERS says what each may import of its neighbours"


def test_packages_import_what_others_offer():
    """From another package a module takes what its ``__init__`` offers, not what is inside."""

    def inside(path):
        here = layer(module_name(path))
        found = (name for name in imports(path, nodes_of(path)) if layer(name) not in (None, here))
        return [name for name in found if name.count(".") > 2]

    assert by_module(inside).keys() <= {"sqlearn.engine.key"}  # where old pickles look


def test_packages_offer_what_others_use():
    used: dict[str, set[str]] = {}
    for path in PATHS:
        here = layer(module_name(path))
        for node in nodes_of(path):
            if isinstance(node, ast.ImportFrom) and node.module and layer(node.module) != here:
                used.setdefault(node.module, set()).update(alias.name for alias in node.names)
    packages = [package for package in MODULES if layer(package) and offered(package)]
    assert len(packages) > 20
    assert not {package: unused for package in packages if (unused := offered(package) - used.get(package, set()))}


def test_packages_are_small():
    """A package is one subject; the modules directly in ``sqlearn`` are its public layer."""
    folders: dict[Path, int] = {}
    for path in PATHS:
        folders[path.parent] = folders.get(path.parent, 0) + (path.name != "__init__.py")
    assert not {str(folder): count for folder, count in folders.items() if count > 16 and folder != PACKAGE}


def test_no_import_cycles():
    graph = {name: set(imports(path, at_import(tree_of(path)))) for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_no_arithmetic_flags():
    """Exact sums need IEEE arithmetic as written, so no LLVM flags either."""

    def flags(path):
        forbidden = {"fastmath", "flags"} if "intrinsic" in numba_uses(path) else {"fastmath"}
        for node in nodes_of(path):
            names = {getattr(node, "arg", None), getattr(node, "attr", None), getattr(node, "id", None)}
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
            if names & forbidden:
                yield f"line {node.lineno}"

    assert not by_module(flags)


def test_compiled_functions_use_the_one_decorator():
    """Only @kernel compiles; outside of the engine it has no stamp, and would compile in every process."""

    def wrong(path):
        uses = set(numba_uses(path))
        if module_name(path) != "sqlearn.engine.kernels.decorator":
            yield from uses & COMPILERS
        if not path.is_relative_to(PACKAGE / "engine"):
            yield from uses & {"intrinsic"}
            yield from (function for function, decorator in decorators(path) if decorator == "kernel")

    assert not by_module(wrong)


def test_objects_are_made_by_constructors():
    """An object made with ``__new__`` alone has attributes that no constructor names."""

    def made(path):
        calls = (node.func for node in nodes_of(path) if isinstance(node, ast.Call))
        return [ast.unparse(call) for call in calls if isinstance(call, ast.Attribute) and call.attr == "__new__"]

    assert not by_module(made)


def test_modules_are_short():
    paths = [path for path in repository_files() if path.suffix == ".py"]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in paths}
    limits = {name: MAX_LINES_OF_PACKAGE if name.startswith("sqlearn/") else MAX_LINES for name in lengths}
    assert not {name: length for name, length in lengths.items() if length > limits[name]}


def test_modules_are_named_for_what_they_do():
    stems = {path: path.stem.strip("_") for path in [*PATHS, *(path for path in PACKAGE.rglob("*") if path.is_dir())]}
    assert not [str(path) for path, stem in stems.items() if stem in VAGUE_NAMES]


def test_the_repository_stands_alone():
    outside = [part.encode() for part in ("../" + "shared", "/" + "work" + "/")]
    files = {path: path.read_bytes() for path in repository_files()}
    assert not [str(path) for path, content in files.items() if any(part in content for part in outside)]


def test_importing_the_package_is_light():
    code = "import sys, sqlearn; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"numba", "numpy", "pandas", "polars", "scipy", "sklearn"} & set(loaded.split())


def test_verify_is_the_function_whatever_was_imported_first():
    code = """
import sys
for first in ("import sqlearn", "import sqlearn.verification", "from sqlearn import verify"):
    for name in [name for name in sys.modules if name.partition(".")[0] == "sqlearn"]:
        del sys.modules[name]
    exec(first)
    import sqlearn
    print(type(sqlearn.verify).__name__)
"""
    exit_code, kinds, _ = run_forked(code, ROOT)
    assert exit_code == 0 and kinds.split() == ["function"] * 3


def test_the_readme_starts_with_two_commands():
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert [block.splitlines() for block in blocks[:2]] == [["make demo"], ["make test"]]
