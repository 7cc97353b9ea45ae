"""Models over documents: scikit-learn's results, every word forgotten, and what users get wrong."""

import pickle
import random
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn import naive_bayes as peers
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.neighbors import NearestCentroid as TheirCentroid
from sklearn.pipeline import make_pipeline

import hyphens
import naive
import naive_text
from laws import assert_same, told, unchanged
from records import HARD_WORDS
from sqlearn import NotLearnedError, errors, verify
from sqlearn.compose import TableModel, TextModel
from sqlearn.engine.maps import first_difference
from sqlearn.ensemble import RandomForestClassifier
from sqlearn.linear_model import LogisticRegression
from sqlearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sqlearn.neighbors import NearestCentroid

LEARNERS = {
    "multinomial": (MultinomialNB(alpha=0.5), peers.MultinomialNB(alpha=0.5)),
    "complement": (ComplementNB(norm=True), peers.ComplementNB(norm=True)),
    "bernoulli": (BernoulliNB(), peers.BernoulliNB()),
    "centroid": (NearestCentroid(), TheirCentroid()),
}
WORDS = "the to you a call free now me prize win lunch cash meet home txt ok go what när å ünder".split()


def messages(n, seed=0):
    """Documents of two classes with words of uneven frequency, some of which occur once."""
    rng = random.Random(seed)
    texts, labels = [], []
    for i in range(n):
        spam = rng.random() < 0.3
        ranks = (int(len(WORDS) * rng.random() ** (2 if spam else 3)) for _ in range(rng.randint(0, 14)))
        words = [WORDS[-1 - rank] if spam and rank % 3 else WORDS[rank] for rank in ranks]
        words += [f"once{i}"] if rng.random() < 0.3 else []
        texts.append(" ".join(words).title() + rng.choice(["", ".", "!!"]))
        labels.append("spam" if spam else "ham")
    return texts, labels


TEXTS, LABELS = messages(300)
ASKED = [*messages(60, seed=1)[0], "", "unheard of words", "Å" * 3]


def pipeline(peer, parameters):
    """scikit-learn's steps for these parameters."""
    steps = [CountVectorizer(**{k: v for k, v in parameters.items() if k in CountVectorizer().get_params()})]
    norm, sublinear = parameters.get("tf_norm") or parameters.get("norm"), parameters.get("sublinear_tf", False)
    if norm or sublinear:
        steps.append(TfidfTransformer(norm=norm, use_idf=False, sublinear_tf=sublinear))
    if "select" in parameters:
        steps.append(SelectKBest(chi2, k=parameters["select"]))
    if parameters.get("idf"):
        steps.append(TfidfTransformer(norm=None, smooth_idf=parameters.get("smooth_idf", True)))
    return make_pipeline(*steps, clone(peer))


PLAIN = [
    {},
    {"min_df": 3, "max_df": 0.4},
    {"min_df": 0.02},
    {"stop_words": ["the", "to"], "ngram_range": (1, 2)},
    {"binary": True},
    {"analyzer": "char_wb", "ngram_range": (2, 3)},
    {"strip_accents": "unicode", "lowercase": False},
    {"token_pattern": r"(?u)\b\w+\b"},
    {"vocabulary": ["prize", "call", "absent", "lunch"]},
    {"vocabulary": {"prize": 1, "call": 0}},
    {"select": 9},
    {"select": 5, "binary": True, "min_df": 2},
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["multinomial", "complement", "bernoulli"])
@pytest.mark.parametrize("parameters", PLAIN, ids=str)
@pytest.mark.crossed(2)
def test_counts_and_predictions_are_scikit_learns_to_the_bit(kind, parameters):
    learner, peer = LEARNERS[kind]
    model, theirs = TextModel(learner, **parameters).fit(TEXTS, LABELS), pipeline(peer, parameters).fit(TEXTS, LABELS)
    assert [*model.get_feature_names_out()] == [*theirs[:-1].get_feature_names_out()]
    assert model.feature_log_prob_.tobytes() == theirs[-1].feature_log_prob_.tobytes()
    if kind != "complement":
        assert model.feature_count_.tobytes() == theirs[-1].feature_count_.tobytes()
    known = CountVectorizer(**{**theirs[0].get_params(), "vocabulary": [*model.get_feature_names_out()]})
    documents = np.asarray((known.fit_transform(TEXTS) > 0).sum(axis=0)).ravel()
    assert model.document_frequency_.tolist() == documents.tolist()
    for fitted in (theirs, model.to_sklearn()):
        assert model.predict(ASKED).tolist() == fitted.predict(ASKED).tolist()
        assert model.predict_proba(ASKED).tobytes() == fitted.predict_proba(ASKED).tobytes()
    assert model.score(TEXTS, LABELS) == theirs.score(TEXTS, LABELS)


WEIGHED = [
    {"idf": True},
    {"idf": True, "smooth_idf": False, "min_df": 2},
    {"idf": True, "sublinear_tf": True},
    {"sublinear_tf": True},
    {"tf_norm": "l2"},
    {"norm": "l1", "binary": True},
    {"tf_norm": "l2", "idf": True, "sublinear_tf": True},
    {"tf_norm": "l1", "idf": True, "select": 12},
    {"idf": True, "vocabulary": ["prize", "call", "absent", "lunch"]},
    {"idf": True, "sublinear_tf": True, "select": 10},
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["multinomial", "complement", "centroid"])
@pytest.mark.parametrize("parameters", [*WEIGHED, {}, {"select": 9}], ids=str)
@pytest.mark.crossed(2)
def test_values_are_scikit_learns(kind, parameters):
    learner, peer = LEARNERS[kind]
    model, theirs = TextModel(learner, **parameters).fit(TEXTS, LABELS), pipeline(peer, parameters).fit(TEXTS, LABELS)
    assert [*model.get_feature_names_out()] == [*theirs[:-1].get_feature_names_out()]
    if parameters.get("idf"):
        assert model.idf_.tobytes() == theirs[-2].idf_.tobytes()
    else:
        assert not hasattr(model, "idf_")
    name = "centroids_" if kind == "centroid" else "feature_log_prob_"
    np.testing.assert_allclose(getattr(model, name), getattr(theirs[-1], name), rtol=1e-12, atol=1e-15)
    for fitted in (theirs, model.to_sklearn()):
        assert model.predict(ASKED).tolist() == fitted.predict(ASKED).tolist()
        np.testing.assert_allclose(model.predict_proba(ASKED), fitted.predict_proba(ASKED), rtol=1e-9, atol=1e-12)


def test_bernoulli_thresholds_and_idf():
    for learner, peer in ((BernoulliNB(binarize=1.0), peers.BernoulliNB(binarize=1.0)), LEARNERS["bernoulli"]):
        model, theirs = TextModel(learner).fit(TEXTS, LABELS), pipeline(peer, {}).fit(TEXTS, LABELS)
        assert model.feature_count_.tobytes() == theirs[-1].feature_count_.tobytes()
    model = TextModel(BernoulliNB(), idf=True).fit(TEXTS, LABELS)
    assert model.feature_count_.tobytes() == theirs[-1].feature_count_.tobytes()
    model = TextModel(BernoulliNB(), select=7).fit(TEXTS, LABELS)
    theirs = pipeline(peers.BernoulliNB(), {"select": 7}).fit(TEXTS, LABELS)
    assert model.scores_.tobytes() == theirs[1].scores_.tobytes()


def test_ties_are_broken_by_the_word():
    texts, labels = ["bb aa cc", "dd aa", "ee"], [0, 1, 1]
    assert [*TextModel(MultinomialNB(), max_features=3).fit(texts, labels).vocabulary_] == ["aa", "bb", "cc"]
    assert [*TextModel(MultinomialNB(), select=2).fit(texts, labels).vocabulary_] == ["bb", "cc"]


# ---------------------------------------------------------------------------------------- against the slow twin


@pytest.mark.parametrize(
    "parameters", [{}, {"binary": True}, {"ngram_range": (1, 2)}, {"max_features": 7, "max_df": 0.5}]
)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.crossed(2)
def test_histories_against_the_slow_twin(parameters, seed):
    rng = random.Random(seed)
    pool = [*messages(30, seed)[0], "", "x" * 100_000, " ".join(HARD_WORDS), "once twice once", "once twice"]
    model, held = TextModel(MultinomialNB(), **parameters), Counter()
    model.partial_fit(["once"], ["ham"]).forget("once", "ham")
    for _ in range(40):
        text, label, weight = rng.choice(pool), rng.choice(["ham", "spam", "other"]), rng.choice([1.0, 1.0, 0.1, 0.0])
        given = {} if weight == 1.0 else {"sample_weight": weight}
        record = text, label, weight
        if held[record] and rng.random() < 0.7:
            model.forget(text, label, **given)
            held[record] -= 1
        elif rng.random() < 0.2 and +held:
            old = rng.choice([*+held])
            model.relabel([old[0]], [old[1]], [label], sample_weight=[old[2]])
            held[old] -= 1
            held[old[0], label, old[2]] += 1
        else:
            model.partial_fit(text, label, **given)
            held[record] += 1
        check_twin(model, [*held.elements()], parameters)


def check_twin(model, held, parameters):
    texts, labels, weights = [[*column] for column in zip(*held, strict=True)] or [[], [], []]
    cuts = {k: v for k, v in parameters.items() if k in ("max_features", "max_df", "binary")}
    counts = naive_text.counted(texts, **{k: v for k, v in parameters.items() if k == "ngram_range"})
    documents, occurrences = naive_text.documents_with(counts, weights)
    statistic = model._state.statistic
    words, slots = statistic.words.ordered()
    assert words == sorted(documents) == sorted(statistic.words.slots)
    assert statistic.words.documents[slots].tolist() == [documents[word] for word in words]
    assert statistic.words.occurrences[slots].tolist() == [occurrences[word] for word in words]
    values = [naive_text.values_of(found, binary=parameters.get("binary", False)) for found in counts]
    classes, sums = naive_text.sums_of(values, labels, weights)
    digits, low = statistic.digits(model._state.class_slots())
    for row, label in enumerate(model._state.labels()):
        assert naive.value_of(digits[row, 0], low) == classes[label]
        assert [naive.value_of(digits[row, 1 + slot], low) for slot in slots] == [sums[label, word] for word in words]
    kept = naive_text.kept_words(counts, weights, **cuts)
    if kept:
        assert [*model.get_feature_names_out()] == kept
    else:
        with pytest.raises(errors.UndefinedAttributeError):
            model.get_feature_names_out()


@pytest.mark.parametrize("kind", LEARNERS)
@pytest.mark.parametrize(
    "parameters", [{}, {"tf_norm": "l2", "idf": True, "sublinear_tf": True}, {"select": 4}], ids=str
)
def test_one_by_one_is_all_at_once(kind, parameters):
    """The path of one document does what the path of many does, words that come and go included."""
    texts, labels = messages(320, seed=5)  # more than the general path takes before the fast one
    model = TextModel(LEARNERS[kind][0], **parameters).partial_fit(texts[:40], labels[:40])
    for text, label in zip(texts[40:], labels[40:], strict=True):
        model.partial_fit(text, label)
    whole = TextModel(LEARNERS[kind][0], **parameters).partial_fit(texts, labels)
    assert_same(model, whole)
    for i in range(0, 300):
        model.forget(texts[i], labels[i])
    assert_same(model, TextModel(LEARNERS[kind][0], **parameters).partial_fit(texts[300:], labels[300:]))
    assert model._state.fast_path.is_ready


# ---------------------------------------------------------------------------------------- forgetting


def test_a_word_that_goes_is_in_no_byte():
    marker = "zyxmarkerword"
    for parameters in ({}, {"idf": True, "select": 50}, {"ngram_range": (1, 2)}):
        for one in (True, False):
            model = TextModel(MultinomialNB(), **parameters).fit([*TEXTS, f"call {marker} now"], [*LABELS, "spam"])
            assert marker in model.vocabulary_ and marker.encode() in pickle.dumps(model)
            model.forget(*(("call " + marker + " now", "spam") if one else ([f"call {marker} now"], ["spam"])))
            held = pickle.dumps(model), *model.canonical_parts().values(), repr(told(model)).encode()
            assert not any(marker.encode() in part for part in held)
            assert marker not in repr(vars(model._state.statistic.words)) and not model._state.statistic._touched
            assert model.digest() == TextModel(MultinomialNB(), **parameters).fit(TEXTS, LABELS).digest()


def test_the_last_document_of_a_class_and_of_all():
    model = TextModel(MultinomialNB()).fit(["aa bb", "bb cc"], ["x", "y"])
    assert model.forget("bb cc", "y").classes_.tolist() == ["x"]
    assert [*model.vocabulary_] == ["aa", "bb"]
    model.forget("aa bb", "x")
    assert model.n_records_ == 0
    with pytest.raises(errors.UndefinedAttributeError, match="holds no rows"):
        model.predict(["aa"])
    assert model.partial_fit(["dd"], [3]).predict(["dd"]).tolist() == [3]


def test_cuts_that_leave_no_word():
    model = TextModel(MultinomialNB(), min_df=2).fit(["aa bb", "aa cc"], [0, 1])
    with pytest.raises(errors.DegenerateError, match=r"After pruning, no terms remain. Try a lower min_df"):
        TextModel(MultinomialNB(), min_df=2).fit(["aa", "bb"], [0, 1])
    model.forget("aa cc", 1)
    with pytest.raises(errors.UndefinedAttributeError, match="allows fewer than min_df=2"):
        model.predict(["aa"])
    assert not hasattr(model, "vocabulary_")
    assert model.partial_fit("aa", 1).get_feature_names_out().tolist() == ["aa"]
    with pytest.raises(errors.DegenerateError, match="empty vocabulary; perhaps the documents only contain stop words"):
        TextModel(MultinomialNB(), stop_words="english").fit(["the", "a to"], [0, 1])
    only_stops = TextModel(MultinomialNB(), stop_words="english").partial_fit(["the", "a to"], [0, 1])
    with pytest.raises(errors.UndefinedAttributeError, match="stop words alone"):
        only_stops.predict(["the"])
    with pytest.raises(errors.DegenerateError, match="zero variance"):
        TextModel(NearestCentroid()).fit(["aa", "aa"], [0, 1])


def test_another_text_of_the_same_words_is_another_record():
    model = TextModel(MultinomialNB()).fit(["Free prize", "lunch"], [0, 1])
    for text in ("free prize", "Free prize ", "prize Free"):
        with unchanged(model), pytest.raises(errors.NotLearnedError):
            model.forget(text, 0)
    with unchanged(model), pytest.raises(errors.UnknownLabelError):
        model.forget("Free prize", 2)


def test_hard_documents_are_told_apart():
    texts = ["a\0", "a", "a\0\0", "\ud800", "\udfff", "é", "e\u0301", "", " ", "ß" * 500_000]
    labels = [i % 2 for i in range(len(texts))]
    model = TextModel(MultinomialNB(), analyzer="char").fit(texts, labels)
    assert verify(model, texts, labels)
    for i in (1, 3, 6, 7, 9):
        model.forget(texts[i], labels[i])
    left = [0, 2, 4, 5, 8]
    assert verify(pickle.loads(pickle.dumps(model)), [texts[i] for i in left], [labels[i] for i in left])


def test_without_a_ledger_what_was_never_learned_shows():
    learned = [["aa bb", "aa bb", "cc"], [0, 0, 1]]
    model = TextModel(MultinomialNB(), ledger=False).fit(*learned)
    for texts, labels in (["dd", 0], ["cc", 0], [["aa", "aa", "bb bb"], [0, 0, 0]], ["cc cc", 1]):
        with unchanged(model), pytest.raises(errors.NotLearnedError):
            model.forget(texts, labels)
    model.forget("aa bb", 0)
    assert verify(model, ["cc", "aa bb"], [1, 0])


def test_weights():
    weights = [0.5, 2.0, 0.0, 1.0]
    model = TextModel(MultinomialNB()).fit(["aa", "aa bb", "cc", "bb"], [0, 1, 0, 1], sample_weight=weights)
    assert [*model.vocabulary_] == ["aa", "bb"] and model.document_frequency_.tolist() == [2, 2]
    assert model.feature_count_.tolist() == [[0.5, 0.0], [2.0, 3.0]]
    with unchanged(model), pytest.raises(errors.NotLearnedError):
        model.forget("cc", 0)
    assert model.forget("cc", 0, sample_weight=0.0).n_records_ == 3
    centroid = TextModel(NearestCentroid()).fit(["aa", "bb"], [0, 1])
    with unchanged(centroid), pytest.raises(errors.InvalidValueError, match="takes no sample weights"):
        centroid.partial_fit("aa", 1, sample_weight=2.0)


# ---------------------------------------------------------------------------------------- what users pass


def test_forms_of_documents_and_names_of_columns():
    texts, labels = ["aa bb", "cc"], [0, 1]
    expected = TextModel(MultinomialNB()).fit(texts, labels).digest()
    arrays = np.array(texts), np.array(texts, object)[:, None], np.array(texts, np.dtypes.StringDType())
    lists = tuple(texts), [[text] for text in texts], iter(texts), {"text": texts}
    for X in (*arrays, *lists, pd.Series(texts), pl.Series(texts)):
        assert TextModel(MultinomialNB()).fit(X, labels).digest() == expected
    frame = pd.DataFrame({"message": texts})
    model = TextModel(MultinomialNB()).fit(frame, labels)
    assert model.digest() == TextModel(MultinomialNB()).fit(pl.DataFrame({"message": texts}), labels).digest()
    assert model.feature_names_in_.tolist() == ["message"] and model.n_features_in_ == 1
    assert model.predict(frame).tolist() == model.predict(texts).tolist() == labels
    for call in (model.predict, lambda X: model.partial_fit(X, labels)):
        with unchanged(model), pytest.raises(errors.ShapeError, match="feature names should match"):
            call(frame.rename(columns={"message": "other"}))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (["aa", None], r"Row 1 \(counted from 0\) is None, of type NoneType, and documents are strings"),
        (["aa", float("nan")], "put '' in their place"),
        (["aa", b"bb"], r"decode it first, text.decode"),
        ([1, 2], "Row 0 .* is 1, of type int"),
        (b"aa", "decode it first"),
        (np.ma.array(["aa", "bb"], mask=[False, True]), "Row 1"),
        (sp.csr_array((2, 2)), "counts words itself"),
    ],
)
def test_what_is_no_text_is_refused(X, message):
    model = TextModel(MultinomialNB()).fit(["aa", "bb"], [0, 1])
    for call in (lambda: model.partial_fit(X, [0, 1]), lambda: model.predict(X)):
        with unchanged(model), pytest.raises(errors.InvalidValueError, match=message) as caught:
            call()
        assert caught.value.reason == "not text"


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "0 sample"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), "has 2 columns .'a', 'b'."),
        (np.array([["a", "b"]]), "has 2 columns"),
        ([["a", "b"]], "has 2 columns"),
        (3, "X is 3"),
        (["aa", "bb"], "inconsistent numbers of samples"),
    ],
)
def test_shapes_that_are_refused(X, message):
    model = TextModel(MultinomialNB()).fit(["aa", "bb"], [0, 1])
    with unchanged(model), pytest.raises(errors.ShapeError, match=message):
        model.partial_fit(X, [0])
    with pytest.raises(errors.ShapeError, match="X is one string"):
        model.fit("aa", [0])
    with pytest.raises(errors.ShapeError, match="requires y"):
        model.fit(["aa"])


def tokens_of(text):
    return text.split("-")


def no_tokens(text):
    return [3, text]


def test_functions_that_can_be_imported():
    texts, labels = ["aa-bb", "cc-Aa"], [0, 1]
    model = TextModel(MultinomialNB(), analyzer=tokens_of).fit(texts, labels)
    assert [*model.vocabulary_] == ["Aa", "aa", "bb", "cc"]
    assert [*TextModel(MultinomialNB(), tokenizer=tokens_of, token_pattern=None).fit(texts, labels).vocabulary_] == [
        "aa", "bb", "cc",
    ]  # fmt: skip
    for function in (lambda text: text.split(), "".join, clone):
        if function is not clone:
            with pytest.raises(errors.ParameterError, match="define it in a module by `def`"):
                TextModel(MultinomialNB(), analyzer=function).fit(texts, labels)
    with unchanged(model), pytest.raises(errors.InvalidValueError, match=r"Of row 0 .* made \[3\], which is no list"):
        TextModel(MultinomialNB(), analyzer=no_tokens).fit(texts, labels)
    with pytest.raises(errors.InvalidValueError, match="which is no list of strings"):
        TextModel(MultinomialNB(), analyzer=len).fit(texts, labels)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"norm": "l2", "idf": True}, "Set tf_norm='l2' for the norm before idf"),
        ({"norm": "l2", "tf_norm": "l2"}, "are the same norm"),
        ({"tf_norm": "l2", "min_df": 2}, "With min_df, the words that count in a document's norm"),
        ({"norm": "l1", "max_features": 5, "max_df": 1}, "With max_df and max_features"),
        ({"smooth_idf": False, "idf": True, "vocabulary": ["aa"]}, "infinite idf"),
        ({"vocabulary": ["aa", "aa"]}, "it has 'aa' more than once"),
        ({"vocabulary": []}, "it is empty"),
        ({"vocabulary": {"aa": 1}}, "it gives each word its place"),
        ({"vocabulary": [1]}, "it has 1, which is no string"),
        ({"ngram_range": (2, 1)}, "is a pair of whole numbers"),
        ({"ngram_range": ("a", "b")}, "is a pair of whole numbers"),
        ({"token_pattern": None}, "set a tokenizer, or a pattern"),
        ({"vocabulary": "abc"}, "it is the string 'abc'"),
        ({"token_pattern": "("}, "CountVectorizer takes"),
        ({"token_pattern": "(a)(b)"}, "More than 1 capturing group"),
        ({"learner": BernoulliNB(binarize=2.0), "idf": True}, "Leave binarize at 0.0"),
        ({"learner": MultinomialNB(alpha=[1.0, 2.0])}, "words come and go"),
        ({"learner": MultinomialNB(ledger=False)}, "must not have a ledger or key of its own"),
        ({"learner": MultinomialNB}, r"Pass an instance: MultinomialNB\(\)"),
        ({"learner": peers.MultinomialNB()}, "which cannot forget"),
        ({"learner": LogisticRegression()}, "LogisticRegression cannot learn inside a TextModel.* HashingVectorizer"),
        ({"learner": RandomForestClassifier()}, "RandomForestClassifier cannot learn"),
        ({"learner": GaussianNB()}, "GaussianNB cannot learn"),
        ({"learner": TableModel(GaussianNB())}, "TableModel cannot learn"),
        ({"learner": NearestCentroid(metric="manhattan")}, "medians"),
    ],
    ids=str,
)
def test_parameters_that_are_refused(parameters, message):
    with pytest.raises(errors.ParameterError, match=message):
        TextModel(**({"learner": MultinomialNB()} | parameters)).fit(["aa", "bb"], [0, 1])


@pytest.mark.parametrize(
    "parameters", [{"min_df": -1}, {"select": 0}, {"idf": "yes"}, {"norm": "l3"}, {"analyzer": "x"}]
)
def test_values_of_parameters_that_are_refused(parameters):
    with pytest.raises(ValueError, match=f"The '{next(iter(parameters))}' parameter of TextModel must be"):
        TextModel(MultinomialNB(), **parameters).fit(["aa", "bb"], [0, 1])


def test_answers_cannot_be_written_to():
    model = TextModel(MultinomialNB(), idf=True).fit(["aa", "bb"], [0, 1])
    with pytest.raises(TypeError):
        model.vocabulary_["cc"] = 3
    with pytest.raises(ValueError, match="read-only"):
        model.idf_[0] = 2.0
    model.to_sklearn().named_steps["words"].vocabulary_.clear()
    model.to_sklearn().named_steps["idf"].idf_[:] = 0.0
    assert model.predict(["bb"]).tolist() == [1]


def test_warnings_come_with_fit_alone():
    with pytest.warns(UserWarning, match="stop_words may be inconsistent"):
        model = TextModel(MultinomialNB(), stop_words=["it's"]).fit(["aa", "bb"], [0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(["cc"], [1]).forget(["cc"], [1])


def test_document_is_not_held_under_other_tokens(monkeypatch):
    """What a changed tokenizer makes of it is not taken out of counts that it is not in."""
    texts = ["the-red door", "a blue door", "the blue sky"]
    for many in (False, True):
        model = TextModel(MultinomialNB(), tokenizer=hyphens.split_words, token_pattern=None).fit(texts, [0, 1, 1])
        with monkeypatch.context() as changed:
            changed.setattr(hyphens, "SEPARATORS", " -")
            with unchanged(model), pytest.raises(NotLearnedError):
                model.forget(texts[:1] if many else texts[0], [0] if many else 0)
        kept = TextModel(MultinomialNB(), tokenizer=hyphens.split_words, token_pattern=None).fit(texts[1:], [1, 1])
        assert_same(model.forget(texts[0], 0), kept)


@pytest.mark.parametrize("kind", LEARNERS)
@pytest.mark.parametrize(
    "parameters", [{}, {"select": 9, "sublinear_tf": True, "idf": True}, {"select": 9, "tf_norm": "l2", "idf": True}]
)
def test_predictor_is_kept_until_the_next_update(kind, parameters):
    model = TextModel(LEARNERS[kind][0], **parameters).fit(TEXTS, LABELS)
    before = model.digest(), pickle.dumps(model), model.fitted_attributes()
    assert model.predict(ASKED).tolist() == model.to_sklearn().predict(ASKED).tolist() == model.predict(ASKED).tolist()
    assert model._fitted_sklearn()._steps is model._fitted_sklearn()._steps is not None
    assert (model.digest(), pickle.dumps(model)) == before[:2] and model.fitted_attributes().keys() == before[2].keys()
    model.forget(TEXTS[:200], LABELS[:200])
    refit = TextModel(LEARNERS[kind][0], **parameters).fit(TEXTS[200:], LABELS[200:])
    assert model.predict(ASKED).tolist() == refit.predict(ASKED).tolist()
    assert first_difference(model.fitted_attributes(), refit.fitted_attributes()) is None
