"""Public calls with hostile values: what is refused is refused in words, changes nothing and breaks nothing.

A call is made from a seed and its number alone, so each finding is its own reproducer:

    python tests/long/fuzz.py --seed 0 --first 4711 --calls 1

``make fuzz`` makes 100,000 calls; tests/project/test_fuzz.py makes some in every run of the tests.
"""

import argparse
import copy
import faulthandler
import inspect
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import types
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

import hostile
import sqlearn
from fuzz_judge import Finding, attempt, expect, judge
from learners import LEARNERS, MULTILABEL, takes_ledger
from records import Records, tame
from sqlearn import Store
from sqlearn.compose import TableModel
from sqlearn.engine.model.header import digest_of
from sqlearn.errors import FormatError
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.naive_bayes import GaussianNB, MixedNB

UPDATES = ("partial_fit", "forget", "relabel", "fit", "without", "merge")
_UNASKED = {"path", "set_params", "get_params", "sparsify", "densify", "set_callbacks", "get_metadata_routing"}
_UNASKED |= {"hold"}  # takes a state, which the package alone makes

# -------------------------------------------------------------------------------------------------------- learners


@dataclass
class Subject:
    """A model, the records it holds, and some that it does not."""

    model: Any
    held: Records
    spare: Records


def _renamed(records: Records, how: int) -> Records:
    """The same under labels that are numbers (0), strings (1) or, of two classes, booleans (2)."""
    y = records.y
    if how == 1:
        y = np.array(["a", "b", "c", "d", "e"])[y + 1]
    elif how == 2:
        y = y > 0
    return Records(records.X, y, records.w)


@cache
def subjects() -> list[Subject]:
    found = []
    for learner in LEARNERS + MULTILABEL:
        plain = learner._target == "label" and type(learner).__name__ != "Multilabel"
        for how in range(3 if plain and isinstance(learner.get_params().get("class_weight"), str | None) else 1):
            for ledger in (True, False) if how == 1 and takes_ledger(learner) else (True,):
                records = _renamed(tame(learner, weighted=False), how)
                held, spare = records.take(range(20)), records.take(range(20, 24))
                model = clone(learner)
                if not ledger:
                    model.set_params(ledger=False)
                found.append(Subject(model.partial_fit(**held.given), held, spare))
    return found


def operations(kind: type) -> list[str]:
    """The public methods of a learner."""
    names = [name for name in dir(kind) if not name.startswith("_") and name not in _UNASKED]
    return [name for name in names if callable(getattr(kind, name)) and not name.endswith("_request")]


def arguments(rng, subject: Subject, name: str) -> dict[str, Any]:
    """Hostile arguments of a method; some are left as they should be, or else the first check would see them all."""
    held = subject.held
    some = held.take(rng.integers(0, len(held), rng.integers(1, 4)) if rng.random() < 0.7 else range(len(held)))
    found: dict[str, Any] = {}
    for parameter in inspect.signature(getattr(type(subject.model), name)).parameters.values():
        if parameter.name == "self" or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.default is not parameter.empty and rng.random() < 0.4:
            continue
        sound = rng.random() < 0.5
        if parameter.name == "X":
            value = some.X if sound else hostile.table(rng, some.X)
        elif parameter.name in ("y", "y_old", "y_new"):
            y = some.y if some.y is not None else np.zeros(len(some))
            value = y if sound else hostile.column(rng, y)
        elif parameter.name == "sample_weight":
            value = np.ones(len(some)) if sound else hostile.column(rng, np.ones(len(some)))
        elif parameter.name == "classes":
            value = [-1, 1, 3] if sound else hostile.column(rng, [-1, 1, 3])
        elif parameter.name == "other":
            value = subjects()[rng.integers(len(subjects()))].model if sound else hostile.anything(rng)
        else:
            value = hostile.anything(rng)
        found[parameter.name] = value
    return found


def _enter(context):
    with context:
        pass


def _call(model, name, given):
    result = getattr(model, name)(**given)
    if name == "without":
        _enter(result)
    elif isinstance(result, types.GeneratorType):
        list(result)
    return result


def check_method(rng) -> str:
    """One method of one learner."""
    subject = subjects()[rng.integers(len(subjects()))]
    model = copy.deepcopy(subject.model) if rng.random() < 0.95 else clone(subject.model)
    fitted = "_state" in vars(model)
    names = [name for name in operations(type(model)) if hasattr(model, name)]
    name = str(rng.choice(UPDATES if rng.random() < 0.6 else names))
    seed = rng.integers(2**63)

    def given():
        return arguments(np.random.default_rng(seed), subject, name)

    before = model.digest() if fitted else None
    _, error = attempt(lambda: _call(model, name, given()))
    told = f"{type(model).__name__}.{name}"
    expect(("_state" in vars(model)) == (fitted or (error is None and name in ("fit", "partial_fit", "fit_transform",
           "fit_predict"))), f"{told}: fitted or not?")  # fmt: skip
    if not fitted:
        return told
    changes = error is None and name in (*UPDATES, "fit_transform", "fit_predict") and name != "without"
    if not changes:
        expect(model.digest() == before, f"{told}: the digest changed")
    if name in ("partial_fit", "forget"):
        _check_short_path(subject, name, given, error, model.digest(), told)
    if changes and name in ("partial_fit", "forget", "relabel"):
        back = given()
        if name == "relabel":
            back["y_old"], back["y_new"] = back["y_new"], back["y_old"]
        inverse = {"partial_fit": "forget", "forget": "partial_fit", "relabel": "relabel"}[name]
        back.pop("classes", None)
        if not any(inspect.isgenerator(value) for value in back.values()):
            getattr(model, inverse)(**back)
            expect(model.digest() == before, f"{told}: {inverse} of the same does not lead back")
    if rng.random() < 0.2:
        attempt(model.fitted_attributes)
    if name not in ("fit", "fit_transform", "fit_predict") or error is not None:
        _check_works(model, subject.spare, told)
    return told


def _check_short_path(subject, name, given, error, digest, told) -> None:
    """The long path says and does the same."""
    twin = copy.deepcopy(subject.model)
    twin._state.fast_path = None
    _, other = attempt(lambda: _call(twin, name, given()))
    expect(type(error) is type(other), f"{told}: {error!r} on one path, {other!r} on the other")
    expect(twin.digest() == digest, f"{told}: the paths differ")


def _check_works(model, spare: Records, told: str) -> None:
    """Learning and forgetting lead back to where they began."""
    digest = model.digest()
    labels = vars(model)["_state"].labels()
    if spare.y is not None and spare.y.dtype.kind != "f" and labels and spare.y.ndim == 1:
        if isinstance(labels[0], str) is not (spare.y.dtype.kind == "U"):  # all were relabelled
            return
    model.partial_fit(**spare.row(0)).partial_fit(**spare.given)
    model.forget(**spare.given).forget(**spare.row(0))
    expect(model.digest() == digest, f"{told}: the model does not work any more")


def check_parameter(rng) -> str:
    """A hostile parameter: refused by fit or in force; a fitted model goes on with those it was fitted with."""
    subject = subjects()[rng.integers(len(subjects()))]
    model = copy.deepcopy(subject.model)
    params = model.get_params()
    name = str(rng.choice(list(params)))
    value = hostile.anything(rng)
    if isinstance(value, int) and name.endswith(("n_init", "max_iter")):
        value = min(value, 50)  # or it would be counted to
    if rng.random() < 0.2 and isinstance(params[name], float):
        value = [value, params[name]]
    told = f"{type(model).__name__}({name}={type(value).__name__})"
    before = model.digest()
    _, error = attempt(lambda: model.set_params(**{name: value}))
    expect(model.digest() == before, f"{told}: the digest changed")
    if error is None:
        fresh = type(model)(**model.get_params(deep=False))  # not by clone, whose copying is scikit-learn's
        _, error = attempt(lambda: fresh.fit(**subject.held.given))
        if error is None:
            attempt(fresh.fitted_attributes)
            attempt(lambda: pickle.loads(pickle.dumps(fresh)).digest() == fresh.digest())
            method = str(rng.choice([name for name in operations(type(fresh))
                                     if name.startswith(("pred", "tran")) and hasattr(fresh, name)]
                                    or ["digest"]))  # fmt: skip
            attempt(lambda: getattr(fresh, method)(*([subject.held.X] if method != "digest" else [])))
            _check_works(fresh, subject.spare, told)
    _check_works(model, subject.spare, told)
    return told


def check_verify(rng) -> str:
    subject = subjects()[rng.integers(len(subjects()))]
    before = subject.model.digest()
    model = subject.model if rng.random() < 0.9 else hostile.anything(rng)
    given = arguments(rng, subject, "partial_fit")
    given.pop("classes", None)
    attempt(lambda: sqlearn.verify(model, **given))
    expect(subject.model.digest() == before, "verify: the digest changed")
    return "verify"


# ----------------------------------------------------------------------------------------------------------- bytes


def check_altered(rng) -> str:
    """A saved model with altered bytes is refused with FormatError, or has the digest that it was saved with."""
    subject = subjects()[rng.integers(len(subjects()))]
    model = subject.model
    contents = copy.deepcopy(model.__getstate__())
    told = f"{type(model).__name__}.__setstate__: {_alter(rng, contents)}"
    new = object.__new__(type(model))
    try:
        new.__setstate__(contents)
    except FormatError as error:
        judge(error)
        return told
    except Exception as error:
        raise Finding(f"{told}: a raw {type(error).__name__}") from error
    if "_state" in vars(new):
        kept = {name: part for name, part in contents["state"]["parts"].items() if name not in ("ledger", "rows")}
        expect(new.digest() == digest_of(kept), f"{told}: another digest than was saved")
        attempt(new.fitted_attributes)
        attempt(lambda: new.partial_fit(**subject.spare.given).forget(**subject.held.given))  # records may be others
    return told


def _alter(rng, contents: dict) -> str:
    state = contents["state"]
    parts = state["parts"]
    kind = int(rng.integers(4))
    if kind == 0:  # something else in a place
        place = [contents, state, parts][rng.integers(3)]
        name = str(rng.choice(list(place)))
        if rng.random() < 0.2:
            del place[name]
            done = f"without {name}"
        else:
            place[name] = hostile.anything(rng)
            done = f"another {name}"
    elif kind == 1:  # a parameter, a width, a layout
        name = str(rng.choice(["params", "features", "statistic", "target_ndim", "layout"]))
        value = state[name]
        if isinstance(value, dict) and value:
            inner = str(rng.choice(list(value)))
            value[inner] = hostile.anything(rng)
        elif isinstance(value, tuple):
            at = int(rng.integers(len(value)))
            state[name] = (*value[:at], hostile.anything(rng), *value[at + 1 :])
        else:
            state[name] = hostile.anything(rng)
        done = f"another value in {name}"
    else:  # bytes
        name = str(rng.choice(list(parts)))
        data = bytearray(parts[name])
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(len(data) + 1))
            if rng.random() < 0.7 and at < len(data):
                data[at] = int(rng.integers(256))
            elif rng.random() < 0.5:
                del data[at : at + int(rng.integers(1, 9))]
            else:
                data[at:at] = bytes(int(rng.integers(1, 9)))
        parts[name] = bytes(data)
        done = f"other bytes of {name}"
    if rng.random() < 0.8:  # as if they had been saved so
        try:
            state["digest"] = digest_of(parts)
            done += ", digest anew"
        except (TypeError, AttributeError, KeyError):
            pass
    return done


# ---------------------------------------------------------------------------------------------------------- stores


@dataclass
class Shelf:
    """A store's file, its table, and how it was made."""

    path: Path
    table: pd.DataFrame
    model: Any
    made: dict


@cache
def shelves() -> list[Shelf]:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    rng = np.random.default_rng(0)
    table = pd.DataFrame({
        "id": [f"p{i}" for i in range(12)],
        "number": np.arange(12) * 10 + 2**53,
        "age": rng.normal(size=12).round(3),
        "fare": rng.integers(0, 9, 12).astype(float),
        "port": pd.array(rng.choice(["S", "C"], 12), "str"),
        "label": pd.array(["x", "y", "x"] * 4, "str"),
        "value": np.arange(12.0),
        "w": 1.0,
    })  # fmt: skip
    numbers = ["age", "fare"]
    found = []
    for i, (model, columns, made) in enumerate([
        (GaussianNB(), ["number", *numbers, "label"], {"target": "label", "id": "number"}),
        (GaussianNB(), [*numbers, "label", "w"], {"target": "label", "weight": "w"}),
        (MixedNB(), ["id", *numbers, "port", "label"], {"target": "label", "id": "id"}),
        (TableModel(Ridge()), ["id", *numbers, "port", "value"], {"target": "value", "id": "id"}),
        (LogisticRegression(), [*numbers, "label"], {"target": "label"}),
    ]):  # fmt: skip
        path = folder / f"{i}.sqlearn"
        Store.create(path, model, table[columns], **made).close()
        found.append(Shelf(path, table[columns], model, made))
    return found


def _store_calls(rng, shelf: Shelf, store, path: Path) -> tuple[str, Any]:
    """The name of a call, and the call."""
    some = shelf.table.iloc[rng.integers(0, 12, rng.integers(1, 4))]
    frame = hostile.table(rng, some) if rng.random() < 0.7 else hostile.anything(rng)
    if isinstance(frame, pd.DataFrame) and "number" in frame and rng.random() < 0.5 and frame["number"].ndim == 1:
        frame = frame.assign(number=np.arange(len(frame)))
    ids = store.ids()
    odd_id = hostile.anything(rng)
    wanted = [ids[:2], ids[0], odd_id, [odd_id], [ids[0], odd_id], np.array(ids[:2]), iter(ids[:2]), set(ids[:2]), [],
              tuple(ids[:1] * 2), pd.Series(ids[:2])][rng.integers(11)]  # fmt: skip
    where = [None, None, hostile.scalar(rng), "age > 0", "id = 'p1'", "number = 1e400", "", "port = '\ud800'"]
    where = where[rng.integers(len(where))]
    named = {"ids": wanted, "where": where} if rng.random() < 0.2 else (
        {"ids": wanted} if where is None else {"where": where})  # fmt: skip
    odd = hostile.anything(rng)
    made = dict(shelf.made)
    if rng.random() < 0.5:
        made[str(rng.choice(["target", "id", "weight", "categorical", "timeout"]))] = hostile.anything(rng)
    model = shelf.model if rng.random() < 0.8 else odd
    place = path.with_name("new.sqlearn") if rng.random() < 0.7 else odd

    def create():
        if isinstance(place, str) and len(place) > 300:
            place_ = place
        elif isinstance(place, str) and "\0" not in place:
            place_ = str(path.with_name("odd-")) + place.replace("/", "")
        else:
            place_ = place
        try:
            Store.create(place_, model, frame if rng.random() < 0.7 else shelf.table, **made).close()
        finally:
            for other in path.parent.glob("odd-*"):
                other.unlink()
            path.with_name("new.sqlearn").unlink(missing_ok=True)

    calls = {
        "create": create,
        "open": lambda: Store.open(odd if rng.random() < 0.7 else path, timeout=hostile.scalar(rng)).close(),
        "learn": lambda: store.learn(frame),
        "forget": lambda: store.forget(**named),
        "forget, dry": lambda: store.forget(**named, dry_run=True),
        "forget, progress": lambda: store.forget(where="age > -1", progress=None if callable(odd) else odd),
        "relabel": lambda: store.relabel(to=odd, **named),
        "relabel soundly": lambda: store.relabel(to=["x", 1.0][shelf.made["target"] == "value"], **named),
        "predict": lambda: store.predict(frame),
        "verify": lambda: store.verify(),
        "ids": lambda: store.ids(where),
        "receipts": lambda: store.receipts(),
        "check_receipts": lambda: store.check_receipts(odd),
        "erasure_report": lambda: store.erasure_report(odd if rng.random() < 0.5 else [odd]),
        "erasure_report, table": lambda: store.erasure_report(table=frame),
    }
    name = str(rng.choice(list(calls)))
    return name, calls[name]


def check_store(rng) -> str:
    shelf = shelves()[rng.integers(len(shelves()))]
    path = shelf.path.with_name("copy.sqlearn")
    shutil.copy(shelf.path, path)
    with Store.open(path) as store:
        name, call = _store_calls(rng, shelf, store, path)
        told = f"Store.{name} ({type(shelf.model).__name__})"
        before = store.digest(), store.ids(), len(store.receipts())
        _, error = attempt(call)
        if error is not None or name.split(",")[0] not in ("learn", "forget", "relabel", "relabel soundly"):
            expect((store.digest(), store.ids(), len(store.receipts())) == before, f"{told}: the store changed")
        expect(bool(store.verify()), f"{told}: the model is not its refit")
        expect(bool(store.check_receipts()), f"{told}: the chain of receipts is broken")
        digest, left = store.digest(), store.ids()
        new = shelf.table.iloc[:1].copy()
        if "id" in new:
            new["id"] = "new"
        if "number" in new:
            new["number"] = -7
        _, error = attempt(lambda: store.learn(new))
        if error is None:
            store.forget(ids=[id for id in store.ids() if id not in left])
            expect(store.digest() == digest, f"{told}: the store does not work any more")
        else:  # labels of another kind may be all that is left
            expect("mixed" in str(error) or "mix" in str(error), f"{told}: {error}")
    return told


# --------------------------------------------------------------------------------------------------------- running

KINDS = (check_method,) * 14 + (check_parameter,) * 3 + (check_verify, check_altered, check_store)


def run(seed: int, number: int, kinds=KINDS) -> str:
    """The call of this number. Returns what was called; raises :class:`Finding`, or what raised where nothing may."""
    rng = np.random.default_rng([seed, number])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kinds[rng.integers(len(kinds))](rng)


def _work(seed: int, first: int, calls: int, step: int, kinds) -> None:
    """Make calls, and tell each number before it is made, so that whoever reads knows which one ended the process."""
    faulthandler.enable()
    for number in range(first, first + calls, step):
        print("call", number, flush=True)
        faulthandler.dump_traceback_later(120, exit=True)
        try:
            run(seed, number, kinds)
        except Exception as error:
            text = "".join(traceback.format_exception(error, limit=-4))
            print("finding", number, repr(f"{type(error).__name__}: {error}\n{text[-3000:]}"), flush=True)
    faulthandler.cancel_dump_traceback_later()
    print("done", flush=True)


def _follow(worker: subprocess.Popen[str], seed: int) -> tuple[int, int]:
    """Print what a worker finds; how many calls it made, and how many findings there were."""
    made = found = 0
    last = line = ""
    for line in worker.stdout or ():
        if line.startswith("call") and line.endswith("\n"):  # whole, though the process may have ended
            last, made = line.split()[1], made + 1
        elif line.startswith("finding"):
            _, number, text = line.split(" ", 2)
            found += 1
            print(f"--- call {number} of seed {seed}: {eval(text)}", flush=True)
    if worker.wait() or line.strip() != "done":
        found += 1
        print(f"--- call {last} of seed {seed} ended the process with {worker.returncode}", flush=True)
    return made, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first call")
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--kind", help="one kind of calls only, as 'altered' or 'store'")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    kinds = (globals()[f"check_{asked.kind}"],) if asked.kind else KINDS
    if asked.worker is not None:
        _work(asked.seed, asked.first + asked.worker, asked.calls - asked.worker, asked.jobs, kinds)
        return 0
    start = time.time()
    workers = [
        subprocess.Popen([sys.executable, *sys.argv, "--worker", str(k)], stdout=subprocess.PIPE, text=True)
        for k in range(asked.jobs)
    ]
    with ThreadPoolExecutor(asked.jobs) as readers:  # at once: a worker whose pipe is full waits
        made, found = map(sum, zip(*readers.map(lambda worker: _follow(worker, asked.seed), workers), strict=True))
    print(f"{made:,} calls in {time.time() - start:.0f} s: {found} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
