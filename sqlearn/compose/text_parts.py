"""The steps of a fitted TextModel under the names that a pipeline has for them."""

from typing import Any

from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.pipeline import Pipeline


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
        found[name] = "passthrough" if not taken else taken[0][1] if len(taken) == 1 else Pipeline(taken)
    return found | {names[-1]: made["learner"]}
