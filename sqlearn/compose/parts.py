"""The parts of a fitted model, each with what makes the model's state its own."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.pipeline import Pipeline

from sqlearn.compose.chains.chain import Chain
from sqlearn.compose.chains.columns import SIDE_BY_SIDE
from sqlearn.compose.chains.lazy_chain import LazyChain
from sqlearn.compose.chains.reading import Read
from sqlearn.compose.fixed_features import FixedFeatures
from sqlearn.compose.plans import InForce
from sqlearn.compose.text_model import TextModel
from sqlearn.engine.maps import FixedMap
from sqlearn.engine.model import Inner, State
from sqlearn.engine.sklearn_private import param_names

Found = tuple[str, Any, Callable[[State], State] | None]


def parts_of(plan: InForce, state: State) -> Iterator[Found]:
    """Of each part its name, the part, and what makes the whole's state its own; None for parts without a state."""
    model = plan.model(state)
    if isinstance(model, FixedFeatures):
        through: FixedMap = state.params["transformer"]
        maps = [through.transform] if len(plan.fixed) == 1 else [step for _, step in through.transform.steps]
        yield from ((name, step, None) for name, step in zip(plan.fixed, maps, strict=True))

        def behind(whole: State) -> State:
            found: State = plan.model(whole)._seen(whole)
            return found

        inner = state.params["learner"]
        if isinstance(inner, LazyChain):
            reads = Inner(inner).fitted(behind(state)).reads()
            yield from ((read.name, copy.deepcopy(read.fitted), None) for read in reads)
        elif isinstance(inner, Chain):
            yield from _of_chain(inner.steps, lambda whole: Inner(inner).fitted(behind(whole)).reads(), state)
        else:
            yield plan.learned[0], inner, behind
    elif isinstance(model, Chain):
        yield from _of_chain(model.steps, lambda whole: plan.model(whole).reads(), state)
    elif isinstance(model, LazyChain):
        yield from ((read.name, copy.deepcopy(read.fitted), None) for read in model.reads())
    elif isinstance(model, TextModel):
        unfitted = dict(plan.params["steps"])
        made = _text_parts(model.to_sklearn(), plan.learned, unfitted)
        yield from ((name, part, None) for name, part in made.items())
    else:
        names = param_names(plan.kind)

        def alone(whole: State) -> State:
            seen = copy.copy(whole)
            seen.learner, seen.params = plan.kind.__name__, {name: whole.params[name] for name in names}
            seen.fitted_sklearn = None
            return seen

        yield plan.learned[0], plan.kind(**{name: state.params[name] for name in names}), alone


def _of_chain(steps: Any, reads: Callable[[State], list[Read]], state: State) -> Iterator[Found]:
    for place, (name, step) in enumerate(steps):

        def seen(whole: State, place: int = place) -> State:
            found = reads(whole)[place].seen
            assert found is not None
            return found

        if isinstance(step, (Pipeline, *SIDE_BY_SIDE)):  # scikit-learn's, as it is now
            yield name, copy.deepcopy(reads(state)[place].fitted), None
        else:
            yield name, step, None if step is None else seen


def _text_parts(fitted: Any, names: list[str], steps: dict[str, Any]) -> dict[str, Any]:
    """scikit-learn's steps of a fitted TextModel under the names that the steps have.

    Parameters
    ----------
    fitted : sklearn.pipeline.Pipeline
        What ``TextModel.to_sklearn`` returned.
    names : list of str
        Names of the steps.
    steps : dict
        The steps, not fitted.
    """
    made = dict(fitted.steps)
    found: dict[str, Any] = {}
    for name in names[:-1]:
        step = steps[name]
        wanted = ["tf", "idf"] if isinstance(step, TfidfTransformer | TfidfVectorizer) else ["select"]
        if isinstance(step, CountVectorizer):
            wanted = ["words", *(wanted if isinstance(step, TfidfVectorizer) else [])]
        elif isinstance(step, TfidfTransformer):
            wanted = ["idf" if step.use_idf else "tf"]
        taken = [(key, made.pop(key)) for key in wanted if key in made]
        if isinstance(step, TfidfTransformer) and step.use_idf and "tf" in made and len(names) == 3:
            taken.insert(0, ("tf", made.pop("tf")))
        found[name] = "passthrough" if not taken else taken[0][1] if len(taken) == 1 else Pipeline(taken)
    return found | {names[-1]: made["learner"]}
