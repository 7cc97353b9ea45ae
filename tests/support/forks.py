"""Code run in processes of its own, which need not import much where they fork from one that has done so."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import types
from pathlib import Path

CAN_FORK = "forkserver" in multiprocessing.get_all_start_methods()


def _run(code: str, folder: str, outputs: tuple[str, str]) -> None:
    for place, path in zip((1, 2), outputs, strict=True):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, place)
        os.close(opened)
    os.chdir(folder)
    sys.path.insert(0, folder)
    program = sys.modules["__main__"] = types.ModuleType("__main__")
    exec(code, vars(program))


def run_forked(code: str, folder: Path, timeout: float = 600, stdout: str | None = None) -> tuple[int | None, str, str]:
    """Run code in a folder; its exit code, and what it wrote to standard output and to standard error.

    Standard output may be another file: nothing is read of that.
    """
    if not CAN_FORK:
        given = {"capture_output": True, "text": True, "timeout": timeout}
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, check=False, **given)
        return done.returncode, done.stdout, done.stderr
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sqlearn.engine.kernels", "sqlearn.store", "sqlearn.cli"])
    with tempfile.TemporaryDirectory() as written:
        outputs = stdout or str(Path(written) / "out"), str(Path(written) / "err")
        process = context.Process(target=_run, args=(code, str(folder), outputs))
        process.start()
        process.join(timeout)
        process.kill()
        process.join()
        read = [path for path in outputs if path != stdout and Path(path).exists()]
        out, err = (Path(path).read_text() if path in read else "" for path in outputs)
        return process.exitcode, out, err


def run_command(folder: Path, *arguments: str, stdout: str | None = None) -> tuple[int | None, str, str]:
    """Run the program sqlearn in a folder, as :func:`run_forked` does."""
    code = f"import sys\nfrom sqlearn.cli import main\nsys.exit(main({list(arguments)!r}))"
    return run_forked(code, folder, stdout=stdout)
