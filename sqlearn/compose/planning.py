"""How the steps of a pipeline forget: which maps come before the sums, and what learns behind them."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import chi2
from sklearn.pipeline import Pipeline, make_pipeline

from sqlearn.compose.chains.chain import Chain
from sqlearn.compose.chains.checks import refuse_own_ledger
from sqlearn.compose.chains.columns import SIDE_BY_SIDE, is_idle
from sqlearn.compose.chains.grid_chain import GridChain, is_adaptive
from sqlearn.compose.chains.lazy_chain import LazyChain
from sqlearn.compose.chains.plain_steps import parts_of, plain
from sqlearn.compose.fixed_features import FixedFeatures
from sqlearn.compose.plans import Plan
from sqlearn.compose.text_model import TextModel
from sqlearn.engine.model import ExactEstimator, Steps
from sqlearn.engine.sklearn_private import param_names
from sqlearn.errors import ParameterError, shown
from sqlearn.feature_selection import SelectKBest


def own_class(estimator: Any) -> str | None:
    """The full name of this package's class of that name, if there is one."""
    kind = type(estimator)
    module = kind.__module__.split(".")
    if module[0] != "sklearn" or len(module) < 2:
        return None
    name = f"sqlearn.{module[1]}"
    try:
        found = hasattr(import_module(name), kind.__name__)
    except ImportError:
        return None
    return f"{name}.{kind.__name__}" if found else None


_OWN = frozenset({*param_names(CountVectorizer)} & {*param_names(TextModel)})
_ORDER = (
    "A pipeline over documents that forgets is a CountVectorizer or TfidfVectorizer; then, where they are wanted, in "
    "this order, TfidfTransformer(use_idf=False), SelectKBest(chi2) and TfidfTransformer(norm=None); then "
    "MultinomialNB, ComplementNB, BernoulliNB or NearestCentroid of sqlearn. Other learners take the rows of a "
    "HashingVectorizer, which learns nothing from documents."
)


def check_steps(steps: Any, params: dict[str, Any]) -> None:
    """Refuse what is no list of named steps, in scikit-learn's words where it has such.

    Raises
    ------
    ParameterError
        At names.
    TypeError
        At steps that are no estimators.
    """
    if not len(steps):
        raise ParameterError("The pipeline is empty. Please add steps.")
    for step in steps:
        if not (isinstance(step, tuple | list) and len(step) == 2 and isinstance(step[0], str)):
            raise ParameterError(
                f"A step is a pair of a name and an estimator, as in [('scale', StandardScaler())], not {shown(step)}.",
                value=step,
            )
    check_names([name for name, _ in steps], params)
    for name, step in steps:
        if isinstance(step, type):
            raise TypeError(
                f"Expected an estimator instance ({step.__name__}()), got estimator class instead ({step.__name__}). "
                f"It is the step {name}."
            )
        is_last = step is steps[-1][1]
        if is_idle(step) or (hasattr(step, "fit") and (is_last or hasattr(step, "transform"))):
            continue
        if is_last:
            raise TypeError(
                f"Last step of Pipeline should implement fit or be the string 'passthrough'. '{step}' (type "
                f"{type(step)}) doesn't"
            )
        raise TypeError(
            "All intermediate steps should be transformers and implement fit and transform or be the string "
            f"'passthrough' '{step}' (type {type(step)}) doesn't"
        )


def check_names(names: list[str], params: dict[str, Any]) -> None:
    """Refuse names of parts that set_params could not tell apart.

    Raises
    ------
    ParameterError
        At the first such names.
    """
    if len(set(names)) != len(names):
        raise ParameterError(f"Names provided are not unique: {names!r}. Give each part a name of its own.")
    taken = sorted(set(names) & params.keys())
    if taken:
        raise ParameterError(f"Estimator names conflict with constructor arguments: {taken!r}. Choose other names.")
    doubled = [name for name in names if "__" in name]
    if doubled:
        raise ParameterError(f"Estimator names must not contain __: got {doubled!r}. Choose other names.")


def plan_of(steps: list[tuple[str, Any]], params: dict[str, Any]) -> Plan:
    """How a pipeline of these steps does its work.

    Parameters
    ----------
    steps : list of (str, estimator, None or "passthrough")
        The steps.
    params : dict
        The pipeline's parameters.

    Raises
    ------
    ParameterError
        Where the steps do not forget together.
    """
    in_use = [(name, None if is_idle(step) else clone(step, safe=False)) for name, step in steps]
    in_force = params | {"steps": [(name, "passthrough" if step is None else step) for name, step in in_use]}
    made_of_parts = [*_made_of_parts(in_use)]
    for step in made_of_parts:
        refuse_own_ledger(step, "Pipeline")
    if params["keep_records"]:
        return _lazy_plan(in_use, in_force, params)
    if begins_with_words(in_use):
        of_words = text_model(in_use, {name: params[name] for name in ("ledger", "key")})
        return Plan(of_words, in_force, [], [name for name, step in in_use if step is not None])
    place = 0
    while place < len(in_use) and not isinstance(in_use[place][1], ExactEstimator):
        place += 1
    fixed = [(name, step) for name, step in in_use[:place] if step is not None]
    rest = in_use[place:]
    kept = {name: params[name] for name in ("ledger", "key")}
    for name, step in fixed:
        _refuse_foreign(name, step, is_last=place == len(in_use) and step is fixed[-1][1])
    for name, step in rest:
        if step is not None and not isinstance(step, ExactEstimator):
            _refuse_foreign(name, step, is_last=step is rest[-1][1], behind=rest[0][1])
    learned = [(name, step) for name, step in rest if step is not None]
    names = [name for name, _ in learned]
    if not learned:
        raise ParameterError(
            "No step of this pipeline learns anything, so there is nothing to forget. Use scikit-learn's Pipeline, or "
            "put a learner of sqlearn behind these steps."
        )
    model: ExactEstimator
    is_one = len(learned) == 1 and not isinstance(learned[0][1], (Pipeline, *SIDE_BY_SIDE))
    last, is_asked = learned[-1][1], any(getattr(step, "keep_records", False) for step in made_of_parts)
    is_lazy = not is_one and (is_asked or (last.keeps_records and not is_adaptive(last)))
    if not fixed:
        if is_lazy:
            return _lazy_plan(rest, in_force, params)
        model = _alone(learned, kept) if is_one else chain_of(rest)(Steps(rest), **kept)
        return Plan(model, in_force, [], names)
    if is_lazy:
        inner: ExactEstimator = LazyChain(Steps(rest))
    else:
        inner = learned[0][1] if is_one else chain_of(rest)(Steps(rest))
    maps = [step for _, step in fixed]
    transformer = maps[0] if len(maps) == 1 else make_pipeline(*maps)
    return Plan(FixedFeatures(transformer, inner, **kept), in_force, [name for name, _ in fixed], names)


def _made_of_parts(steps: list[tuple[str, Any]]) -> Iterator[Any]:
    """The pipelines, ColumnTransformers and FeatureUnions among these steps, at any depth."""
    for _, step in steps:
        parts = parts_of(step)
        if parts:
            yield step
            yield from _made_of_parts(parts)


def chain_of(steps: list[tuple[str, Any]]) -> type[Chain]:
    """What learns in the place of these steps, some of which are None."""
    last = [step for _, step in steps if step is not None][-1]
    return GridChain if is_adaptive(last) else Chain


def _lazy_plan(steps: list[tuple[str, Any]], in_force: dict[str, Any], params: dict[str, Any]) -> Plan:
    """How steps do their work that are fitted to kept records when they are read."""
    if not params["ledger"]:
        raise ParameterError("A pipeline that keeps its records identifies them by its ledger. Leave `ledger` True.")
    names = [name for name, step in steps if step is not None]
    if not names:
        raise ParameterError("No step of this pipeline does anything. Use scikit-learn's Pipeline.")
    steps = [(name, plain(step)) for name, step in steps]
    return Plan(LazyChain(Steps(steps), key=params["key"]), in_force, [], names)


def _alone(learned: list[tuple[str, Any]], kept: dict[str, Any]) -> ExactEstimator:
    """The one step that learns, with the ledger and key of the pipeline."""
    ((_, step),) = learned
    refuse_own_ledger(step, "Pipeline")
    own = step.get_params(deep=False)
    if "ledger" not in own and not kept["ledger"]:
        raise ParameterError(
            f"{type(step).__name__} keeps its records, and identifies them by its ledger. Leave `ledger` True."
        )
    found: ExactEstimator = step.set_params(**{name: value for name, value in kept.items() if name in own})
    return found


def _refuse_foreign(name: str, step: Any, *, is_last: bool, behind: Any = None) -> None:
    """Refuse a step of another library's that learns, or that does not stand where its rows are as they came."""
    kind, own = type(step).__name__, own_class(step)
    if own is not None:
        raise ParameterError(
            f"The step {name} is {shown(step)} of scikit-learn, which cannot forget. Take {own}.", value=step
        )
    if is_last:
        raise ParameterError(
            f"The last step, {name}, is {shown(step)}, which cannot forget. End with a learner of sqlearn: it has "
            "most of scikit-learn's under the same names; or set keep_records=True, and steps are fitted anew when "
            "they are read.",
            value=step,
        )
    if behind is not None:
        raise ParameterError(
            f"The step {name}, {kind}, stands behind {type(behind).__name__}, which learns from rows: what it maps "
            "changes with every row, and only linear maps are read from sums. Put it in front of the steps that "
            "learn, or set keep_records=True: then all steps are fitted anew when they are read.",
            value=step,
        )


def begins_with_words(steps: list[tuple[str, Any]]) -> bool:
    """Whether the first step learns words from documents."""
    first = next((step for _, step in steps if step is not None), None)
    return isinstance(first, CountVectorizer) and first.get_params(deep=False).get("vocabulary") is None


def text_model(steps: list[tuple[str, Any]], kept: dict[str, Any]) -> TextModel:
    """What does the work of steps over documents.

    Raises
    ------
    ParameterError
        Where they do not follow from counts of words, or stand in another order.
    """
    used = [(name, step) for name, step in steps if step is not None]
    (_, vectorizer), *between = used[:-1] or used
    learner = used[-1][1]
    if len(used) < 2 or not isinstance(learner, ExactEstimator):
        raise ParameterError(
            f"The last step is {shown(learner)}, which cannot forget documents. {_ORDER}", value=learner
        )
    given = vectorizer.get_params(deep=False)
    plain = type(vectorizer)()
    for name in ("input", "encoding", "decode_error", "dtype"):
        if given[name] != getattr(plain, name):
            raise ParameterError(
                f"{name}={shown(given[name])} of {type(vectorizer).__name__} is not supported in a pipeline that "
                "forgets. Pass documents as strings, and leave it at its default.",
                value=given[name],
            )
    params = {name: given[name] for name in _OWN}
    weighing = [vectorizer] if isinstance(vectorizer, TfidfVectorizer) else []
    stage = 0  # 1 behind term frequencies, 2 behind the selection, 3 behind idf
    for step in [*weighing, *(step for _, step in between)]:
        if isinstance(step, TfidfTransformer | TfidfVectorizer):
            wanted = 3 if step.use_idf else 1
            if stage >= wanted or (stage == 2 and step.sublinear_tf):
                raise ParameterError(f"{type(step).__name__} cannot stand there. {_ORDER}", value=step)
            if step.use_idf and step.norm is not None:
                raise ParameterError(
                    f"norm={step.norm!r} of {type(step).__name__} divides the values of a document by their norm after "
                    "idf, which changes with every other document: the sums over documents would not follow from "
                    "counts, and none could be forgotten exactly. Set norm=None, or use_idf=False; for a norm before "
                    f"idf, TfidfTransformer(use_idf=False, norm={step.norm!r}) in front of it.",
                    value=step.norm,
                )
            if step.use_idf and step.sublinear_tf and stage == 1:
                raise ParameterError(
                    f"sublinear_tf of the second {type(step).__name__} comes too late. {_ORDER}", value=step
                )
            params |= {"idf": True, "smooth_idf": step.smooth_idf} if step.use_idf else {"tf_norm": step.norm}
            if step.sublinear_tf:
                params["sublinear_tf"] = True
            stage = wanted
        elif isinstance(step, SelectKBest) and step.score_func is chi2 and isinstance(step.k, int) and stage < 2:
            params["select"] = step.k
            stage = 2
        else:
            raise ParameterError(f"{shown(step)} cannot stand behind {type(vectorizer).__name__}. {_ORDER}", value=step)
    return TextModel(learner, **params, **kept)
