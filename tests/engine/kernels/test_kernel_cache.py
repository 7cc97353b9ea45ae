"""The disk cache of compiled kernels: never stale, never in the way."""

import os
import shutil
import signal
from pathlib import Path

import numba
import pytest
from numba.core.registry import CPUDispatcher

from forks import run_forked
from sqlearn.engine.kernels import decorator as kernel_module

CALLEE = """
from .kernels.decorator import kernel

@kernel
def term(x):
    return x * {factor}
"""

CALLER = """
from .a import term
from .kernels.decorator import kernel

@kernel
def total(values):
    result = 0.0
    for value in values:
        result += term(value)
    return result
"""

# Python's own cache of modules takes two edits of one second that leave the size alone for one.
ALWAYS_FROM_SOURCES = "import sys\nsys.dont_write_bytecode = True\n"

# numba reads them when it is imported, which it was where this forks from
SETTINGS = """
import os
import numba
for name in [name for name in os.environ if name.startswith("NUMBA_")]:
    del os.environ[name]
os.environ.update({})
numba.config.reload_config()
"""

RUN = """
import numpy as np
from package.b import total
print(total(np.arange(4.0)), sum(total.stats.cache_hits.values()), sum(total.stats.cache_misses.values()))
"""


class Package:
    """A copy of the decorator, with a callee and its caller in two other files, run in processes of their own."""

    def __init__(self, root: Path):
        self.root = root
        self.folder = root / "package"
        self.folder.mkdir()
        for folder in (self.folder, self.folder / "kernels"):
            folder.mkdir(exist_ok=True)
            (folder / "__init__.py").touch()
        shutil.copy(kernel_module.__file__, self.folder / "kernels" / "decorator.py")
        (self.folder / "b.py").write_text(CALLER)
        self.edit_callee(2.0)

    def edit_callee(self, factor: float) -> None:
        (self.folder / "a.py").write_text(CALLEE.format(factor=factor))

    def run(self, code: str = RUN, **environment: str) -> tuple[float, int, int]:
        """The caller's result, how often it came from the cache, and how often it was compiled."""
        exit_code, stdout, stderr = run_forked(ALWAYS_FROM_SOURCES + SETTINGS.format(environment) + code, self.root)
        assert exit_code == 0, stderr
        self.stderr, self.warnings = stderr, stderr.count("RuntimeWarning: sqlearn cannot keep")
        result, hits, misses = stdout.split()
        return float(result), int(hits), int(misses)

    def files(self, folder: Path | None = None) -> list[Path]:
        return sorted((folder or self.root).rglob("*.nbc"))


@pytest.fixture
def package(tmp_path):
    return Package(tmp_path)


def test_an_edited_callee_is_noticed_and_an_unedited_one_is_not_compiled_again(package):
    assert package.run() == (12.0, 0, 1)
    assert package.run() == (12.0, 1, 0)
    stamp = package.files()[0].stat()
    package.edit_callee(3.0)
    os.utime(package.folder / "a.py", (stamp.st_atime, stamp.st_mtime))  # content counts, not times
    assert package.run() == (18.0, 0, 1)
    assert package.run() == (18.0, 1, 0)
    package.edit_callee(2.0)
    assert package.run() == (12.0, 1, 0)  # the first sources again: their own code again


def test_sources_edited_while_a_process_runs_are_not_saved_under_the_old_stamp(package):
    edit_between = RUN.replace(
        "from package.b",
        "import package.kernels.decorator, pathlib\n"
        "callee = pathlib.Path('package/a.py')\n"
        "callee.write_text(callee.read_text().replace('2.0', '5.0'))\n"
        "from package.b",
    )
    assert package.run(edit_between) == (30.0, 0, 1)
    assert not package.files()
    package.edit_callee(2.0)
    assert package.run() == (12.0, 0, 1)


@pytest.mark.parametrize("setting", ["NUMBA_CACHE_DIR", "NUMBA_CACHE_LOCATOR_CLASSES"])
def test_numbas_settings_choose_the_place(package, tmp_path, setting):
    if not hasattr(numba.config, setting.removeprefix("NUMBA_")):
        pytest.skip(f"numba {numba.__version__} does not know {setting}")
    elsewhere = str(tmp_path / "elsewhere")
    place = {setting: elsewhere if setting.endswith("DIR") else "UserWideCacheLocator", "XDG_CACHE_HOME": elsewhere}
    assert package.run(**place) == (12.0, 0, 1)
    assert package.run(**place) == (12.0, 1, 0)
    package.edit_callee(3.0)
    assert package.run(**place) == (18.0, 0, 1)
    assert not package.files(package.folder)
    assert package.files(Path(elsewhere))


def test_no_writable_place_at_all(package, tmp_path):
    blocked = tmp_path / "a_file"
    blocked.touch()
    (package.folder / "__pycache__").touch()  # root may write into any folder, but not into a file
    place = {"XDG_CACHE_HOME": str(blocked), "HOME": str(blocked), "PYTHONDONTWRITEBYTECODE": "1"}
    for _ in range(2):
        assert package.run(**place) == (12.0, 0, 1)
        assert package.warnings == 1  # of two functions that are compiled
        assert "NUMBA_CACHE_DIR" in package.stderr


def test_a_place_that_cannot_be_written_any_more(package, tmp_path):
    fill = (
        "import package.kernels.decorator as decorator, pathlib\n"
        "decorator._Files._prune = lambda self: self._folder.rmdir()\n"
    )
    assert package.run(fill + RUN) == (12.0, 0, 1)
    assert package.warnings == 1
    assert "NUMBA_CACHE_DIR" in package.stderr
    assert package.run() == (12.0, 0, 1)
    assert package.run() == (12.0, 1, 0)
    assert not package.warnings


def test_a_torn_file_is_compiled_again_and_mended(package):
    package.run()
    for path in package.files():
        path.write_bytes(path.read_bytes()[:100])
    assert package.run() == (12.0, 0, 1)
    assert package.run() == (12.0, 1, 0)
    for path in package.files():
        path.write_bytes(b"")
    assert package.run() == (12.0, 0, 1)


def test_settings_that_change_the_code_have_a_cache_of_their_own(package):
    package.run()
    assert package.run(NUMBA_BOUNDSCHECK="1") == (12.0, 0, 1)
    assert package.run() == (12.0, 1, 0)


def test_only_the_newest_old_folders_are_kept(package):
    cache = package.folder / "__pycache__"
    for age in range(6):
        old = cache / f"sqlearn-{age}"
        old.mkdir(parents=True)
        os.utime(old, (1e9 - age, 1e9 - age))
    package.run()
    (current,) = {path.parent.name for path in package.files()}
    assert {path.name for path in cache.glob("sqlearn-*")} == {current, "sqlearn-0", "sqlearn-1", "sqlearn-2"}


def test_without_sources_there_is_no_stamp(tmp_path):
    assert kernel_module.sources_digest(tmp_path) is None


def test_a_function_from_outside_the_engine_is_compiled_but_not_cached():
    @kernel_module.kernel
    def double(x):
        return 2 * x

    assert double(3.0) == 6.0
    assert double.stats.cache_path is None


def test_ctrl_c_waits_for_the_compiler(monkeypatch):
    @kernel_module.kernel
    def twice(x):
        return 2.0 * x

    compile_ = CPUDispatcher.compile

    def interrupted(self, signature):
        os.kill(os.getpid(), signal.SIGINT)
        return compile_(self, signature)

    monkeypatch.setattr(CPUDispatcher, "compile", interrupted)
    with pytest.raises(KeyboardInterrupt):
        twice(1.0)
    assert len(twice.signatures) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert twice(2.0) == 4.0
