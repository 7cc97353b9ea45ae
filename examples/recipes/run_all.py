"""Run every recipe on the same files, and compare its digest with that of one process: ``make recipes``."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from sqlearn.naive_bayes import GaussianNB

ROWS, FILES = 400_000, 7
FOLDER = Path(__file__).resolve().parent
SETTINGS = {
    "PYSPARK_PYTHON": sys.executable,  # Spark's workers take the first python on the PATH
    "RAY_raylet_start_wait_time_s": "300",  # on a machine that is busy, Ray's 30 seconds are too few
}


def frames():
    """A table in pieces of several lengths, of numbers of all sizes; the last piece alone has the label 2."""
    random = np.random.default_rng(0)
    sizes = random.multinomial(ROWS, random.dirichlet(np.full(FILES, 3.0)))
    for i, n in enumerate(sizes):
        frame = pd.DataFrame(random.normal(size=(n, 4)) * [1.0, 1e12, 1e-300, 1e150], columns=list("abcd"))
        frame["y"] = random.integers(0, 3 if i == FILES - 1 else 2, n)
        yield frame


def missing(recipe: str) -> str | None:
    """Why a recipe cannot run on this machine, if it cannot."""
    java = Path(os.environ.get("JAVA_HOME", "/nonexistent"), "bin", "java").exists() or shutil.which("java")
    return "Spark needs Java, and there is none on the PATH or in JAVA_HOME" if "spark" in recipe and not java else None


def main() -> None:
    failed, wrong = [], []
    with tempfile.TemporaryDirectory() as folder:
        pieces = list(frames())
        for i, piece in enumerate(pieces):
            piece.to_parquet(Path(folder) / f"part-{i}.parquet", row_group_size=20_000)
        table = pd.concat(pieces)
        model = GaussianNB(ledger=False).fit(table.drop(columns="y"), table["y"])
        told = f"{model.n_records_:,} rows, digest {model.digest()}"
        print(f"{'one process':<14} {told}")
        for recipe in sorted(path.stem for path in FOLDER.glob("with_*.py")):
            reason = missing(recipe)
            if reason:
                print(f"{recipe:<14} not run: {reason}")
                continue
            command = [sys.executable, FOLDER / f"{recipe}.py", folder]
            done = subprocess.run(command, capture_output=True, text=True, env=os.environ | SETTINGS)
            last = (done.stdout.splitlines() or ["no output"])[-1]
            print(f"{recipe:<14} {last if done.returncode == 0 else done.stderr}", flush=True)
            if done.returncode:
                failed.append(recipe)
            elif last != told:
                wrong.append(recipe)
    said = [("an error", failed), ("not the digest of one process", wrong)]
    sys.exit("; ".join(f"{what}: {', '.join(recipes)}" for what, recipes in said if recipes) or None)


if __name__ == "__main__":
    main()
