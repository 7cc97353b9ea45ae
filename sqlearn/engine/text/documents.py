"""From what users pass to documents, and from documents to words and names."""

import hashlib
import re
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer

from sqlearn.engine.sklearn_private import analyzer_of, param_names
from sqlearn.engine.text.weighing import count_tokens
from sqlearn.engine.validation import Features
from sqlearn.errors import InvalidValueError, ParameterError, ShapeError, shown

_AT_ONCE = 1 << 20  # tokens that are counted at a time
_CALLABLES = ("analyzer", "preprocessor", "tokenizer", "strip_accents")


def as_documents(X: Any, *, single: bool) -> np.ndarray:
    """Documents as an array of strings, object[n, 1].

    Parameters
    ----------
    X : str, list, tuple, array, Series, or frame or dict of one column
        Documents.
    single : bool
        Whether `X` may be one document on its own.

    Raises
    ------
    ShapeError, InvalidValueError
        With the reason.
    """
    if isinstance(X, str):
        if not single:
            raise ShapeError(
                "X is one string where several documents are expected. Nothing was changed: pass a list of documents.",
                reason="shape",
            )
        texts: list[Any] = [X]
    elif isinstance(X, bytes | bytearray):
        texts = [X]
    else:
        texts = _listed(X)
    if not texts:
        raise ShapeError(
            "Found array with 0 sample(s). Nothing was changed: pass at least one row: a document.", reason="empty"
        )
    found = np.empty((len(texts), 1), object)
    found[:, 0] = texts if all(type(text) is str for text in texts) else [_text(*item) for item in enumerate(texts)]
    return found


def _listed(X: Any) -> list[Any]:
    """The values of the one column that there is."""
    if sp.issparse(X):
        raise InvalidValueError(
            "X is a sparse matrix, and a TextModel counts words itself. Nothing was changed: pass the documents, or "
            "learn counts by the learner inside it, on its own.",
            reason="not text",
        )
    if isinstance(X, Mapping):
        _check_one(len(X), [*X])
        (X,) = X.values()
        return [X] if isinstance(X, str | bytes) else _listed(X)
    if isinstance(X, np.ndarray):
        if X.ndim == 2:
            _check_one(X.shape[1], None)
        if X.ndim > 2:
            raise _no_column(f"has {X.ndim} dimensions")
        if isinstance(X, np.ma.MaskedArray):
            masked = np.ma.getmaskarray(X)
            X = np.ma.getdata(X).astype(object)
            X[masked] = None
        return X.ravel().tolist() if X.ndim else [X.item()]
    if nw.dependencies.is_into_dataframe(X):
        frame = nw.from_native(X, eager_only=True)
        _check_one(frame.shape[1], frame.columns)
        return frame.get_column(frame.columns[0]).to_list()
    if nw.dependencies.is_into_series(X):
        return nw.from_native(X, series_only=True).to_list()
    if not isinstance(X, Iterable):
        raise _no_column(f"is {shown(X)}")
    rows = list(X)
    if rows and all(isinstance(row, list | tuple | np.ndarray) and np.ndim(row) == 1 for row in rows):
        widths = {len(row) for row in rows}
        _check_one(next(iter(widths - {1}), 1), None)
        return [row[0] for row in rows]
    return rows


def _check_one(width: int, names: list | None) -> None:
    if width != 1:
        named = "" if names is None else f" ({', '.join(map(shown, names[:5]))}{', ...' if width > 5 else ''})"
        raise _no_column(f"has {width} columns{named}")


def _no_column(what: str) -> ShapeError:
    return ShapeError(
        f"X {what}, and a TextModel takes one document per row. Nothing was changed: pass a list, an array or a Series "
        "of strings, or a frame of the one column that has the text.",
        reason="shape",
    )


def _text(row: int, text: Any) -> str:
    if isinstance(text, str):
        return str.__str__(text)
    advice = "drop such rows, or put '' in their place"
    if isinstance(text, bytes | bytearray):
        advice = "decode it first, text.decode('utf-8')"
    elif text is not None and text == text:
        advice = "convert it to text first, if it is one"
    raise InvalidValueError(
        f"Row {row} (counted from 0) is {shown(text)}, of type {type(text).__name__}, and documents are strings. "
        f"Nothing was changed: {advice}.",
        row=row,
        value=text if isinstance(text, float | int | bytes) else None,
        reason="not text",
    )


def name_of(text: str, tokens: list[str]) -> bytes:
    """What stands for a document in its record's digest: 256 bits of a hash of its bytes and of its tokens.

    Where a tokenizer has changed, a document is then not held, and not taken out of counts that it is not in.
    """
    document, words = (part.encode("utf-8", "surrogatepass") for part in (text, "\0".join(tokens)))
    return hashlib.blake2b(b"%d %s%s" % (len(document), document, words), digest_size=32).digest()


def fixed_words(vocabulary: Any) -> list[str] | None:
    """The words of a parameter `vocabulary` in the order of their columns; None where none is given.

    Raises
    ------
    ParameterError
        When it is no list of different words, and no dict from words to their places.
    """
    if vocabulary is None:
        return None
    if isinstance(vocabulary, set | frozenset):
        vocabulary = sorted(vocabulary, key=str)
    if isinstance(vocabulary, str):
        raise _no_vocabulary(f"it is the string {shown(vocabulary)}")
    words = list(vocabulary)
    if isinstance(vocabulary, Mapping):
        places = list(vocabulary.values())
        if sorted(places, key=lambda place: (str(type(place)), place)) != list(range(len(places))):
            raise _no_vocabulary("as a dict, it gives each word its place: 0, 1, 2, ...")
        words = sorted(words, key=vocabulary.__getitem__)
    for word in words:
        if not isinstance(word, str):
            raise _no_vocabulary(f"it has {shown(word)}, which is no string")
    words = [str.__str__(word) for word in words]
    if len({*words}) < len(words):
        word, _ = Counter(words).most_common(1)[0]
        raise _no_vocabulary(f"it has {shown(word)} more than once")
    if not words:
        raise _no_vocabulary("it is empty")
    return words


def _no_vocabulary(why: str) -> ParameterError:
    return ParameterError(
        f"The parameter vocabulary is a list of different words: {why}. Nothing was changed: give another, or none."
    )


def check_tokens(params: Mapping[str, Any]) -> None:
    """Refuse lengths of n-grams that are none, and words without a pattern.

    Raises
    ------
    ParameterError
        With the reason.
    """
    lengths = params["ngram_range"]
    whole = len(lengths) == 2 and all(isinstance(n, int) and not isinstance(n, bool) for n in lengths)
    if not whole or not 1 <= lengths[0] <= lengths[1]:
        raise ParameterError(
            f"ngram_range={shown(lengths)} is a pair of whole numbers, the least length and the greatest. Nothing was "
            "changed: set (1, 2), say.",
            value=lengths,
        )
    if params["token_pattern"] is None and params["tokenizer"] is None and params["analyzer"] == "word":
        raise ParameterError(
            "token_pattern=None says nothing of what a word is. Nothing was changed: set a tokenizer, or a pattern."
        )


def check_importable(params: Mapping[str, Any]) -> None:
    """Refuse functions that have no name by which another process finds them.

    Raises
    ------
    ParameterError
        With the parameter and the reason.
    """
    for name in _CALLABLES:
        function = params[name]
        if not callable(function):
            continue
        found: Any = sys.modules.get(getattr(function, "__module__", None) or "")
        for part in getattr(function, "__qualname__", "<none>").split("."):
            found = getattr(found, part, None)
        if found is not function:
            raise ParameterError(
                f"{name}={shown(function)} is a lambda, a function inside another, or an object. A model names a "
                "function by its module and name, so that its digest and its pickle are those of a refit in another "
                "process. Nothing was changed: define it in a module by `def`, and pass it by its name.",
                value=function,
            )


class _Numbers(dict):
    """Numbers of words in the order in which they come."""

    def __missing__(self, word):
        self[word] = number = len(self)
        return number


class _NumbersOf(dict):
    """The same of words that are allowed; -1 for others."""

    def __init__(self, allowed: frozenset[str]):
        super().__init__()
        self.allowed = allowed

    def __missing__(self, word):
        if word not in self.allowed:
            return -1
        self[word] = number = len(self)
        return number


class Tokenizing:
    """How documents are taken apart: by ``CountVectorizer`` with these parameters.

    Parameters
    ----------
    params : dict
        Parameters, those of ``CountVectorizer`` among them.
    first : bool
        Whether to look at them, and warn of what has no effect.

    Attributes
    ----------
    analyze : callable
        The tokens of a document.
    allowed : frozenset of str or None
        The words that count, if not all do.
    is_own : bool
        Whether a function of the user's makes tokens, which may be anything.
    """

    def __init__(self, params: Mapping[str, Any], *, first: bool = False):
        words = fixed_words(params["vocabulary"])
        chosen = {name: params[name] for name in param_names(CountVectorizer) if name in params}
        vectorizer = CountVectorizer(**chosen | {"vocabulary": words})
        try:
            self.analyze: Callable[[str], Iterable[str]] = analyzer_of(vectorizer, first=first)
        except (TypeError, ValueError, LookupError, RecursionError, OverflowError, re.error) as error:
            raise ParameterError(
                f"{str(error).rstrip('.')}. Nothing was changed: set parameters that CountVectorizer takes."
            ) from error
        self.allowed = None if words is None else frozenset(words)
        self.is_own = any(callable(params[name]) for name in _CALLABLES)

    def counted(self, text: str) -> tuple[dict[str, int], bytes] | None:
        """How often a document has each word, in the order in which they come, and its name.

        None if a token is no string.
        """
        tokens = self.analyze(text)
        if self.is_own and not (isinstance(tokens, list) and all(type(token) is str for token in tokens)):
            return None
        assert isinstance(tokens, list)
        counts, name = Counter(tokens), name_of(text, tokens)
        if self.allowed is None:
            return counts, name
        allowed = self.allowed
        return {word: count for word, count in counts.items() if word in allowed}, name

    def features(self, texts: list[str]) -> Features:
        """Counts of words of each document, by the numbers of the words; the words; what names each document."""
        numbers: dict[str, int] = _Numbers() if self.allowed is None else _NumbersOf(self.allowed)
        number, analyze = numbers.__getitem__, self.analyze
        tokens, ends, names, parts = array("i"), array("q"), [], []
        for row, text in enumerate(texts):
            found = analyze(text)
            try:
                found = found if type(found) is list else list(found)
                names.append(name_of(text, found))
                tokens.extend(map(number, found))
            except TypeError as error:
                others = [token for token in found if not isinstance(token, str)] if type(found) is list else found
                raise _no_tokens(row, others) from error
            ends.append(len(tokens))
            if len(tokens) >= _AT_ONCE:
                parts.append(_count(tokens, ends, len(numbers)))
                tokens, ends = array("i"), array("q")
        parts.append(_count(tokens, ends, len(numbers)))
        tokens = array("i")
        words = list(numbers)
        indices, counts, lengths = (np.concatenate(column) for column in zip(*parts, strict=True))
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        del parts
        if self.is_own:
            words = _checked(words, indices, indptr)
        x = sp.csr_array((counts, indices, indptr), (len(texts), len(words)))
        inputs = np.frombuffer(b"".join(names), np.uint64).reshape(-1, 4)
        return Features(x, np.zeros((len(texts), 0), np.int64), [words], inputs)


def _count(tokens: array, ends: array, n_words: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = np.frombuffer(tokens, np.int32) if tokens else np.zeros(0, np.int32)
    stops = np.frombuffer(ends, np.int64) if ends else np.zeros(0, np.int64)
    words, counts = np.empty(len(found), np.int32), np.empty(len(found), np.int32)
    lengths = np.empty(len(stops), np.int64)
    n = count_tokens(found, stops, np.full(n_words, -1), words, counts, lengths)
    least = np.min_scalar_type(counts[:n].max(initial=0))  # most counts are small, and there are many
    return words[:n].copy(), counts[:n].astype(least), lengths


def _checked(words: list, indices: np.ndarray, indptr: np.ndarray) -> list[str]:
    """Tokens that a user's function has made, as strings."""
    for number, word in enumerate(words):
        if not isinstance(word, str):
            row = int(np.searchsorted(indptr, np.flatnonzero(indices == number)[0], side="right")) - 1
            raise _no_tokens(row, [word])
    return [str.__str__(word) for word in words]


def _no_tokens(row: int, tokens: Any) -> InvalidValueError:
    return InvalidValueError(
        f"Of row {row} (counted from 0), the analyzer or tokenizer made {shown(tokens)}, which is no list of strings. "
        "Nothing was changed: return a list of strings.",
        row=row,
        reason="not text",
    )
