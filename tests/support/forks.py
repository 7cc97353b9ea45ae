"""Code run in processes of its own, which need not import numba: it was imported by the process that they fork from."""

import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

CAN_FORK = "forkserver" in multiprocessing.get_all_start_methods()


def _run(code: str, folder: str, outputs: tuple[str, str]) -> None:
    for place, path in zip((1, 2), outputs, strict=True):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, place)
        os.close(opened)
    os.chdir(folder)
    sys.path.insert(0, folder)
    exec(code, {"__name__": "__main__"})


def run_forked(code: str, folder: Path, timeout: float) -> tuple[int | None, str, str]:
    """Run code in a folder; its exit code, and what it wrote to standard output and to standard error."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sqlearn.engine.kernels"])
    with tempfile.TemporaryDirectory() as written:
        outputs = str(Path(written) / "out"), str(Path(written) / "err")
        process = context.Process(target=_run, args=(code, str(folder), outputs))
        process.start()
        process.join(timeout)
        process.kill()
        process.join()
        out, err = (Path(path).read_text() if Path(path).exists() else "" for path in outputs)
        return process.exitcode, out, err
