"""Pipelines that begin with a vectorizer of documents, as the TextModel that does the same."""

from typing import Any

from sklearn import pipeline
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import chi2

from sqlearn.compose.plans import Plan
from sqlearn.compose.text_model import TextModel
from sqlearn.engine.model import ExactEstimator
from sqlearn.engine.sklearn_private import param_names
from sqlearn.errors import ParameterError, shown
from sqlearn.feature_selection import SelectKBest

_OWN = frozenset({*param_names(CountVectorizer)} & {*param_names(TextModel)})
_ORDER = (
    "A pipeline over documents that forgets is a CountVectorizer or TfidfVectorizer; then, where they are wanted, in "
    "this order, TfidfTransformer(use_idf=False), SelectKBest(chi2) and TfidfTransformer(norm=None); then "
    "MultinomialNB, ComplementNB, BernoulliNB or NearestCentroid of sqlearn. Other learners take the rows of a "
    "HashingVectorizer, which learns nothing from documents."
)


def begins_with_words(steps: list[tuple[str, Any]]) -> bool:
    """Whether the first step learns words from documents."""
    first = next((step for _, step in steps if step is not None), None)
    return isinstance(first, CountVectorizer) and first.get_params(deep=False).get("vocabulary") is None


def text_plan(steps: list[tuple[str, Any]], in_force: dict[str, Any], kept: dict[str, Any]) -> Plan:
    """How steps over documents do their work.

    Raises
    ------
    ParameterError
        Where they do not follow from counts of words, or stand in another order.
    """
    used = [(name, step) for name, step in steps if step is not None]
    (_, vectorizer), *between = used[:-1] or used
    learner = used[-1][1]
    if len(used) < 2 or not isinstance(learner, ExactEstimator):
        raise ParameterError(f"The last step is {shown(learner)}, which cannot forget documents. {_ORDER}", value=learner)
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
                raise ParameterError(f"sublinear_tf of the second {type(step).__name__} comes too late. {_ORDER}", value=step)
            params |= {"idf": True, "smooth_idf": step.smooth_idf} if step.use_idf else {"tf_norm": step.norm}
            if step.sublinear_tf:
                params["sublinear_tf"] = True
            stage = wanted
        elif isinstance(step, SelectKBest) and step.score_func is chi2 and isinstance(step.k, int) and stage < 2:
            params["select"] = step.k
            stage = 2
        else:
            raise ParameterError(f"{shown(step)} cannot stand behind {type(vectorizer).__name__}. {_ORDER}", value=step)
    model = TextModel(learner, **params, **kept)
    return Plan(model, in_force, [], [name for name, _ in used])


def text_parts(fitted: Any, names: list[str], steps: dict[str, Any]) -> dict[str, Any]:
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
        found[name] = "passthrough" if not taken else taken[0][1] if len(taken) == 1 else pipeline.Pipeline(taken)
    return found | {names[-1]: made["learner"]}
