"""Features of documents, usual and odd ones, generated."""

import numpy as np
from sklearn.utils import Bunch

from sqlearn.errors import ParameterError, shown

__all__ = ["make_documents"]

_FEATURES = ["pages", "objects", "streams", "fonts", "images", "links", "form fields", "scripts", "script length",
             "string length", "attachments", "file size"]  # fmt: skip
# means of the logarithm of 1 + each count, and the spread of each kind
_USUAL = {
    "letter": ([0.9, 3.3, 2.2, 1.4, 0.4, 0.3, 0.1, 0.0, 0.1, 2.5, 0.0, 4.0], 0.35),
    "report": ([3.3, 6.2, 4.8, 2.3, 2.0, 2.6, 0.1, 0.1, 0.3, 3.2, 0.1, 6.6], 0.5),
    "slides": ([3.0, 5.9, 4.6, 2.0, 3.3, 1.2, 0.0, 0.2, 0.5, 2.7, 0.1, 7.7], 0.5),
    "form": ([1.3, 5.0, 3.2, 1.7, 0.8, 0.6, 3.4, 1.8, 5.0, 3.0, 0.1, 5.2], 0.5),
    "scan": ([2.2, 4.0, 3.2, 0.2, 2.5, 0.0, 0.0, 0.0, 0.0, 1.5, 0.0, 7.6], 0.5),
}
_ODD = {
    "script": ([0.7, 2.9, 1.8, 0.6, 0.2, 0.1, 0.4, 1.4, 7.0, 6.0, 0.1, 4.3], 0.5),
    "attachment": ([0.8, 3.2, 2.4, 0.9, 0.4, 0.5, 0.1, 0.9, 4.2, 3.4, 1.2, 6.4], 0.5),
    "font": ([0.8, 3.1, 2.3, 3.0, 0.2, 0.0, 0.0, 0.3, 1.2, 5.2, 0.0, 5.6], 0.5),
}


def make_documents(n_samples: int = 3000, *, odd: float = 0.0, random_state: int = 0) -> Bunch:
    """Generate features of documents, such as a scanner counts: usual ones of five kinds, and odd ones of three.

    A feature is the logarithm of 1 plus a count or a size, so that all have similar scales: a scaler would learn from
    the documents, too. A document is near the centre of its kind; large documents have more of all.

    Parameters
    ----------
    n_samples : int, default=3000
        How many documents there are.
    odd : float, default=0.0
        The share of odd ones, between 0 and 1: small documents with long scripts, with files attached, or with fonts
        that hide something.
    random_state : int, default=0
        Seed.

    Returns
    -------
    Bunch
        A dictionary whose entries are attributes too:

        data : float64[n_samples, 12]
            The features.
        target : int64[n_samples]
            1 for usual documents and -1 for odd ones, as detectors of novelty predict.
        kind : ndarray of str
            ``"letter"``, ``"report"``, ``"slides"``, ``"form"`` and ``"scan"``; ``"script"``, ``"attachment"`` and
            ``"font"``.
        feature_names : list of str
            Names of the features.

    Examples
    --------
    >>> from sqlearn.datasets import make_documents
    >>> documents = make_documents(4, odd=0.5)
    >>> documents.kind
    array(['letter', 'font', 'font', 'attachment'], dtype='<U10')
    """
    if not 0 <= odd <= 1:
        raise ParameterError(f"odd={shown(odd)} is a share between 0 and 1.", value=odd)
    rng = np.random.default_rng(random_state)
    found, kinds = np.empty((n_samples, len(_FEATURES))), []
    is_odd = rng.random(n_samples) < odd
    for row, strange in zip(found, is_odd, strict=True):
        choices = _ODD if strange else _USUAL
        kind = list(choices)[rng.integers(len(choices))]
        centre, spread = choices[kind]
        counts = np.expm1(np.maximum(centre + rng.normal(0, spread, len(row)) + rng.normal(0, 0.3), 0))
        row[:] = np.log1p(np.round(counts))
        kinds.append(kind)
    target = np.where(is_odd, -1, 1)
    return Bunch(data=found, target=target, kind=np.array(kinds, "U10"), feature_names=list(_FEATURES))
