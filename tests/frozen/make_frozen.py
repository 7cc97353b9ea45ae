"""Write one pickle per kind of learner and one store per kind, for tests/project/test_frozen.py.

The files are written once per format, with the code of the commit that their folder is named after, and never again:
later versions must open them, or refuse them with an error that says what to do. From the top of the repository:

    git worktree add ../then 9c3a76b
    PYTHONPATH=../then python tests/frozen/make_frozen.py tests/frozen/9c3a76b

The folder 1285be8 (``--first``) has the learners and stores of fixed.py, 9c3a76b learners of fixed_later.py, which
came since.

index.json says what each file holds. A file that a later version cannot read any more gets an entry
``"refused": "..."`` there: words of the error's message that say what to do.
"""

import argparse
import gzip
import json
import pickle
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from fixed import Case, cases, people
from sqlearn import Store
from sqlearn.compose import TableModel
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.naive_bayes import GaussianNB, MixedNB

FORGOTTEN = 3  # the first ids of each store
PREDICTED = 6  # rows


def answers(model, X):
    """What a model predicts, or makes of rows, as JSON holds it."""
    method = next(name for name in ("predict", "transform", "mahalanobis") if hasattr(model, name))
    return np.asarray(getattr(model, method)(X)).tolist()


def table(case: Case) -> dict:
    """The records as a store takes them: features, a target and ids."""
    frame = case.X if hasattr(case.X, "columns") else {f"x{j}": case.X[:, j] for j in range(case.X.shape[1])}
    return {name: list(frame[name]) for name in frame} | {"id": list(ids(case)), "target": np.asarray(case.y).tolist()}


def ids(case: Case) -> list:
    """Text for tables of people, numbers for the others."""
    numbered = range(1000, 1000 + len(case.y))
    return [f"person-{number}" for number in numbered] if hasattr(case.X, "columns") else list(numbered)


def stores() -> dict[str, tuple]:
    """A learner and its records for each kind of store."""
    of = cases()
    n = len(people(48))
    assert n == len(of["ridge"].y)
    return {
        "gaussian_nb": (GaussianNB(), of["gaussian_nb"]),
        "mixed_nb": (MixedNB(), of["mixed_nb"]),
        "table_ridge": (TableModel(Ridge()), Case(Ridge(), people(n), of["ridge"].y)),
        "logistic_regression": (LogisticRegression(), of["logistic_regression"]),
    }


def write_pickle(path: Path, case: Case) -> dict:
    model = case.fitted()
    path.write_bytes(pickle.dumps(model, protocol=5))
    start = case.n_forgotten
    predictions = answers(model, **{"X": case.given(start, start + PREDICTED)["X"]})
    if not hasattr(model, "forget"):  # it learns nothing from records
        return {"predictions": predictions}
    return {"digest": model.digest(), "n_records": model.n_records_, "predictions": predictions}


def write_store(path: Path, model, case: Case) -> dict:
    rows = table(case)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / path.stem
        with Store.create(file, model, rows, target="target", id="id") as store:
            store.forget(ids=rows["id"][:FORGOTTEN])
            first = {name: column[FORGOTTEN : FORGOTTEN + PREDICTED] for name, column in rows.items()}
            predictions = store.predict(first).tolist()
            entry = {"digest": store.digest(), "n_records": len(store), "predictions": predictions}
        path.write_bytes(gzip.compress(file.read_bytes(), mtime=0))  # pages are mostly empty
    return entry


def frozen_cases() -> dict[str, Case]:
    """Of learners that came after 1285be8, whose code cannot import them."""
    import fixed_later

    return fixed_later.frozen_cases()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a new folder, named after the commit whose code runs")
    parser.add_argument("--first", action="store_true", help="the learners and stores of fixed.py, not later learners")
    given = parser.parse_args()
    folder, index = given.folder, {}
    folder.mkdir()
    for name, case in (cases() if given.first else frozen_cases()).items():
        index[f"{name}.pickle"] = write_pickle(folder / f"{name}.pickle", case)
    for name, (model, case) in (stores() if given.first else {}).items():
        index[f"{name}.sqlearn.gz"] = write_store(folder / f"{name}.sqlearn.gz", model, case)
    lines = (f"{json.dumps(name)}: {json.dumps(entry, ensure_ascii=False)}" for name, entry in index.items())
    (folder / "index.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
