"""The command ``sqlearn warm-up``: compile ahead of time."""

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from sqlearn.commands.models import MODELS, OF_TEXT, model_of
from sqlearn.commands.printing import progress
from sqlearn.commands.usage import command

_GIVEN = {"TweedieRegressor": ("power=1.5",)}  # its default is refused
_FEW, _MANY = 60, 8192  # records: of many, adaptive learners go by rounds


@command("[MODEL ...]")
@click.argument("models", metavar="[MODEL ...]", nargs=-1)
def warm_up(models: tuple[str, ...]) -> None:
    """Compile what models need, so that no later process has to.

    Compiled code is kept beside the package, or where NUMBA_CACHE_DIR says: run this when you build a container, as
    the user who runs it, on a processor of the same kind. Without models all are compiled, which takes minutes.
    """
    from sqlearn.engine.kernels import Postponed

    Postponed.all_at_once = True  # the whole process is for compiling
    learners = [
        (name, model_of(name, _given(name), raw, "MODEL")) for name in models or MODELS for raw in (True, False)
    ]
    learners += [(name, model_of(name, (), False, text=True)) for name in OF_TEXT if name in {n for n, _ in learners}]
    with progress("Compiling") as report, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about models of made-up rows
        for done, (_, learner) in enumerate(learners):
            for step in _uses(learner, adaptive=hasattr(type(learner), "last_update_")):
                step()
            report(done + 1, len(learners))
    click.echo(f"Compiled for {', '.join(dict.fromkeys(name for name, _ in learners))}.")


def _given(name: str) -> tuple[str, ...]:
    """Parameters that a model needs in order to learn."""
    return {known.lower(): given for known, given in _GIVEN.items()}.get(name.lower(), ())


def _uses(learner: Any, adaptive: bool) -> Iterator[Any]:
    """What users do with a learner: each use compiles what it needs."""
    from sqlearn.store import Store

    for n, classes in ((_FEW, 2), (_FEW, 3), *(((_MANY, 2),) if adaptive else ())):
        yield lambda n=n, classes=classes: _used(learner, *_rows(learner, n, classes))
    X, y = _rows(learner, _FEW, 2)
    recommends = hasattr(learner, "recommend")
    names = ["user", "item", "rating"][: 3 if learner.get_params().get("feedback") == "explicit" else 2]
    columns = {"x": X} if X.ndim == 1 else {f"x{j}": column for j, column in enumerate(X.T)}
    columns = {name: X[:, j] for j, name in enumerate(names)} if recommends else columns
    table = columns | {"id": [str(i) for i in range(_FEW)]}
    target = None if learner.target is None else "y"

    def stored() -> None:
        with tempfile.TemporaryDirectory() as folder:
            rows = table | ({} if target is None else {"y": y})
            with Store.create(Path(folder) / "store", learner, rows, target=target, id="id") as store:
                store.forget(ids=["3"])
                if recommends:
                    store.forget(users=[X[0, 0]])
                store.verify()

    yield stored


def _rows(learner: Any, n: int, classes: int) -> tuple[Any, Any]:
    """Small counts, which every learner takes, or words so often; and labels that they tell, or positive targets."""
    import numpy as np

    numbers = np.arange(3 * n).reshape(n, 3)
    X = ((numbers * numbers + 7 * numbers) % 11 % 4).astype(float)
    y = (X[:, 0] + np.arange(n) % 2).astype(int) % classes + (learner.target == "value")
    if hasattr(learner, "recommend"):  # different pairs, with ratings
        users, items = np.divmod(np.arange(n), 6)
        return np.column_stack([users, (items * 5 + users) % 11, 1 + (users * items) % 5]), y
    if "analyzer" not in learner.get_params(deep=False):
        return X, y
    return np.array([" ".join(f"word{j} " * int(count) for j, count in enumerate(row)) for row in X], object), y


def _used(learner: Any, X: Any, y: Any) -> None:
    from sklearn.base import clone

    model, given = clone(learner), (lambda rows: (X[rows],) if learner.target is None else (X[rows], y[rows]))
    model.fit(*given(slice(None)))
    model.forget(*given(0)).partial_fit(*given(0))
    model.forget(*given(slice(1, 4)))
    model.digest()
    for name in ("predict", "predict_proba", "transform", "mahalanobis"):
        if hasattr(model, name):
            getattr(model, name)(X[:3])
    if hasattr(model, "recommend"):
        model.recommend(X[-1, 0])
        model.similar_items(X[-1, 1])
