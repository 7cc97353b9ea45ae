"""Rules about the sources themselves: who may import whom, what may be compiled how, what may not be named."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "sqlearn"
TREES = {path: ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}

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
USERS = {"verification", "store", "table_files"}
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


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in TREES}


def offered(tree: ast.Module) -> set[str]:
    """What a package's ``__init__`` imports from its modules."""
    return {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}


OFFERS = {module_name(path): offered(tree) for path, tree in TREES.items() if path.name == "__init__.py"}


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


def imports(path: Path, nodes: Iterator[ast.AST]) -> Iterator[str]:
    """The modules of this package that `nodes` import."""
    package = path.relative_to(ROOT).parent.parts
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            source = ".".join(base + ([node.module] if node.module else []))
            below = [f"{source}.{alias.name}" for alias in node.names if alias.name not in OFFERS.get(source, ())]
            names = [name if name in MODULES else source for name in below] or [source]
        else:
            continue
        yield from (name for name in names if name == "sqlearn" or name.startswith("sqlearn."))


def numba_aliases(tree: ast.Module) -> set[str]:
    """The names under which a module knows numba and its submodules."""
    plain = (alias for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names)
    return {alias.asname or "numba" for alias in plain if alias.name.split(".")[0] == "numba"}


def numba_uses(tree: ast.Module) -> Iterator[str]:
    """The names a module takes from numba: ``from numba import x``, ``numba.x``, ``numba.extending.x``."""
    aliases = numba_aliases(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "numba":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute):
            root = node.value
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name) and root.id in aliases:
                yield node.attr


def decorators(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Every decorated function with the last name of each of its decorators."""
    for node in ast.walk(tree):
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


@pytest.mark.parametrize("path", TREES, ids=module_name)
def test_imports_go_one_way(path):
    allowed = ALLOWED[area(module_name(path))]
    wrong = [name for name in imports(path, ast.walk(TREES[path])) if area(name) not in allowed]
    assert not wrong, f"{module_name(path)} may import {sorted(allowed)} only"


def private_names(path: Path) -> Iterator[str]:
    """The names with an underscore that a module takes from other modules of this package."""
    modules = set()
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] == "sqlearn"):
            for alias in node.names:
                if alias.name.startswith("_") and not alias.name.endswith("__"):
                    yield f"{node.module}.{alias.name}"
                if f"{node.module}.{alias.name}" in MODULES:
                    modules.add(alias.asname or alias.name)
        elif isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name for alias in node.names if alias.name.split(".")[0] == "sqlearn"}
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("__"):
            if ast.unparse(node.value) in modules:
                yield f"{ast.unparse(node.value)}.{node.attr}"


@pytest.mark.parametrize("path", TREES, ids=module_name)
def test_private_names_stay_in_their_modules(path):
    private = sorted(private_names(path))
    assert not private, "a name that another module needs has no underscore"


def own_names(path: Path) -> set[str]:
    """The names with an underscore of the classes of a module: of their methods and attributes."""
    found = set()
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ClassDef):
            found |= {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            found |= {name.id for part in node.body for name in ast.walk(part) if isinstance(name, ast.Name)
                      and isinstance(part, ast.Assign | ast.AnnAssign) and isinstance(name.ctx, ast.Store)}  # fmt: skip
            found |= {attribute.attr for attribute in ast.walk(node)
                      if isinstance(attribute, ast.Attribute) and isinstance(attribute.ctx, ast.Store)}  # fmt: skip
    return {name for name in found if name.startswith("_") and not name.endswith("__")}


LEARNERS = [MODULES[f"sqlearn.engine.model.{name}"] for name in ("adaptive", "answering", "estimator", "hooks")]
OF_LEARNERS = set().union(*map(own_names, LEARNERS))
OUTSIDE = [path for path in TREES if area(module_name(path)) in {"storage", "user", "top"} or path.stem == "compose"]


@pytest.mark.parametrize("path", OUTSIDE, ids=module_name)
def test_learners_are_talked_to_by_public_names(path):
    """Whoever keeps a learner uses its verbs, its answers and ``engine.model.Learner``, not what it is made of."""
    assert OF_LEARNERS >= {"_state", "_fitted_state", "_target", "_check_fit"}
    own = {"self", "cls", "super()"} | {node.name for node in TREES[path].body if isinstance(node, ast.ClassDef)}
    found = (node for node in ast.walk(TREES[path]) if isinstance(node, ast.Attribute) and node.attr in OF_LEARNERS)
    assert not [f"{ast.unparse(node)}, line {node.lineno}" for node in found if ast.unparse(node.value) not in own]


def layer(module: str) -> tuple[str, str] | None:
    """The package of engine or storage that a module lies in."""
    parts = module.split(".")
    return (parts[1], parts[2]) if len(parts) > 2 and parts[2] in LAYERS.get(parts[1], ()) else None


@pytest.mark.parametrize("path", TREES, ids=module_name)
def test_packages_are_layers(path):
    here = layer(module_name(path))
    if here is None:
        pytest.skip("not in a package of a layer")
    allowed = LAYERS[here[0]][here[1]]
    found = {
        found[1] for name in imports(path, ast.walk(TREES[path])) if (found := layer(name)) and found[0] == here[0]
    }
    assert found - {here[1]} <= allowed, f"sqlearn.{'.'.join(here)} may import {sorted(allowed)} of its neighbours only"


@pytest.mark.parametrize("path", TREES, ids=module_name)
def test_packages_import_what_others_offer(path):
    """From another package a module takes what its ``__init__`` offers, not what is inside."""
    here = module_name(path)
    found = (name for name in imports(path, ast.walk(TREES[path])) if layer(name) not in (None, layer(here)))
    inside = [name for name in found if name.count(".") > 2]
    assert here == "sqlearn.engine.key" or not inside  # where old pickles look


@pytest.mark.parametrize("package", [name for name in OFFERS if layer(name)])
def test_packages_offer_what_others_use(package):
    others = [tree for path, tree in TREES.items() if layer(module_name(path)) != layer(package)]
    nodes = [node for tree in others for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert OFFERS[package] <= {alias.name for node in nodes if node.module == package for alias in node.names}


def test_packages_are_small():
    """A package is one subject; the modules directly in ``sqlearn`` are its public layer."""
    folders: dict[Path, int] = {}
    for path in TREES:
        folders[path.parent] = folders.get(path.parent, 0) + (path.name != "__init__.py")
    assert not {str(folder): count for folder, count in folders.items() if count > 16 and folder != PACKAGE}


def test_no_import_cycles():
    graph = {name: set(imports(path, at_import(TREES[path]))) for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize("path", TREES, ids=module_name)
def test_no_arithmetic_flags(path):
    intrinsics = "intrinsic" in numba_uses(TREES[path])
    for node in ast.walk(TREES[path]):
        names = {getattr(node, "arg", None), getattr(node, "attr", None), getattr(node, "id", None)}
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)
        assert "fastmath" not in names, f"line {node.lineno}: exact sums need IEEE arithmetic as written"
        if intrinsics:
            assert "flags" not in names, f"line {node.lineno}: no LLVM flags on exact arithmetic"


@pytest.mark.parametrize("path", TREES, ids=module_name)
def test_compiled_functions_use_the_one_decorator(path):
    module, tree = module_name(path), TREES[path]
    uses = set(numba_uses(tree))
    if module != "sqlearn.engine.kernels.decorator":
        assert not uses & COMPILERS, "compile with @kernel from sqlearn.engine.kernels.decorator"
    if not path.is_relative_to(PACKAGE / "engine"):
        assert "intrinsic" not in uses, "intrinsics belong into sqlearn/engine"
        kernels = [function for function, decorator in decorators(tree) if decorator == "kernel"]
        assert not kernels, "a kernel outside sqlearn/engine has no stamp and is compiled in every process"


@pytest.mark.parametrize("path", TREES, ids=module_name)
def test_objects_are_made_by_constructors(path):
    """An object made with ``__new__`` alone has attributes that no constructor names."""
    calls = (node.func for node in ast.walk(TREES[path]) if isinstance(node, ast.Call))
    assert not [ast.unparse(call) for call in calls if isinstance(call, ast.Attribute) and call.attr == "__new__"]


def test_modules_are_short():
    paths = [path for path in repository_files() if path.suffix == ".py"]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in paths}
    limits = {name: MAX_LINES_OF_PACKAGE if name.startswith("sqlearn/") else MAX_LINES for name in lengths}
    assert not {name: length for name, length in lengths.items() if length > limits[name]}


def test_modules_are_named_for_what_they_do():
    stems = {path: path.stem.strip("_") for path in [*TREES, *(path for path in PACKAGE.rglob("*") if path.is_dir())]}
    assert not [str(path) for path, stem in stems.items() if stem in VAGUE_NAMES]


def test_the_repository_stands_alone():
    outside = [part.encode() for part in ("../" + "shared", "/" + "work" + "/")]
    files = {path: path.read_bytes() for path in repository_files()}
    assert not [str(path) for path, content in files.items() if any(part in content for part in outside)]


def test_importing_the_package_is_light():
    code = "import sys, sqlearn; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"numba", "numpy", "pandas", "polars", "scipy", "sklearn"} & set(loaded.split())


@pytest.mark.parametrize("first", ["import sqlearn", "import sqlearn.verification", "from sqlearn import verify"])
def test_verify_is_the_function_whatever_was_imported_first(first):
    code = f"{first}; import sqlearn; print(type(sqlearn.verify).__name__)"
    kind = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert kind == "function\n"


def test_the_readme_starts_with_two_commands():
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert [block.splitlines() for block in blocks[:2]] == [["make demo"], ["make test"]]
