"""Pipelines on the command line: how steps are spelled, what columns they take, and what a mistyped one is told."""

import json

import pytest
from click.testing import CliRunner
from sklearn.base import clone

from sqlearn import Store, cli
from sqlearn.commands.usage import in_options
from sqlearn.compose import ColumnTransformer
from sqlearn.errors import SqlearnError
from sqlearn.feature_selection import SelectKBest
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import LogisticRegression, RidgeClassifier
from sqlearn.naive_bayes import ComplementNB
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import OneHotEncoder, RobustScaler, StandardScaler

pytestmark = pytest.mark.filterwarnings("ignore")

PEOPLE = "age,fare,port,old,stays\n"
for i in range(60):
    PEOPLE += f"{20 + i % 9 if i % 5 else ''},{i * 7 % 11}.5,{'SCQ'[i % 3]},{i % 4 > 0},{'no' if i % 2 else 'yes'}\n"
FIT = "fit", "people.csv", "--target", "stays", "--out", "o"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text(PEOPLE)


def call(*arguments, given=None, code=0):
    """What a command printed on standard output, and on standard error."""
    result = CliRunner().invoke(cli.sqlearn, arguments, input=given)
    if isinstance(result.exception, SqlearnError):
        assert code == 1, result.exception
        return result.stdout, in_options(str(result.exception))
    assert result.exit_code == code, result.output
    return result.stdout, " ".join(result.stderr.split())


def told(*arguments, **more):
    return json.loads(call(*arguments, "--json", **more)[0])


def columns(numbers, categories=None, own=()):
    categories = OneHotEncoder(handle_unknown="ignore") if categories is None else categories
    left = [name for name in ("age", "fare", "old") if name not in own]
    parts = [("columns0", make_pipeline(RobustScaler()), list(own))] if own else []
    return ColumnTransformer([*parts, ("numbers", numbers, left), ("categories", categories, ["port"])])


SPELLED = {
    "two kinds": (
        "--number-step SimpleImputer:strategy=mean --number-step StandardScaler --model LogisticRegression:C=2",
        lambda: make_pipeline(columns(make_pipeline(SimpleImputer(), StandardScaler())), LogisticRegression(C=2)),
    ),
    "for all": (
        "--number-step simpleimputer --step SelectKBest(k=2,score_func=f_classif) --model RidgeClassifier "
        "--param alpha=3",
        lambda: make_pipeline(columns(SimpleImputer()), SelectKBest(k=2), RidgeClassifier(alpha=3)),
    ),
    "some columns": (
        "--category-step OneHotEncoder:drop=first --number-step SimpleImputer --column-step fare,old RobustScaler "
        "--model RidgeClassifier:alpha=0.5 --keep-records",
        lambda: make_pipeline(
            columns(SimpleImputer(), OneHotEncoder(drop="first"), ["fare", "old"]),
            RidgeClassifier(alpha=0.5),
            keep_records=True,
        ),
    ),
    "an encoder": (
        "--step OneHotEncoder --model RidgeClassifier",
        lambda: make_pipeline(OneHotEncoder(), RidgeClassifier()),
    ),
}


@pytest.mark.parametrize("name", SPELLED)
def test_steps_are_spelled(name):
    arguments, wanted = SPELLED[name]
    call(*FIT, *arguments.split())
    with Store.open("o") as store:
        assert repr(clone(store.model).set_params(ledger=True)) == repr(wanted())
        count = store.forget(ids=[0, 1]).count
    assert count == 2 and told("verify", "o")["equal"] and told("info", "o")["rows"] == 58
    assert len(told("predict", "o", "people.csv")["predictions"]) == 60


def test_parameters_are_searched():
    call(*FIT, "--drop", "port", "--step", "SimpleImputer", "--model", "RidgeClassifier", "--search", "alpha=[0.1, 10]",
         "--search", "simpleimputer__strategy=[mean]")  # fmt: skip
    with Store.open("o") as store:
        assert store.model.param_grid == {"ridgeclassifier__alpha": [0.1, 10], "simpleimputer__strategy": ["mean"]}
        assert store.model.best_params_["ridgeclassifier__alpha"] in (0.1, 10)


def test_documents_go_through_steps():
    text = "".join(f"{'spam' if i % 2 else 'ham'}\tword{i % 7} and more{i}\n" for i in range(30))
    fit = "fit", "-", "--header", "label,text", "--target", "label", "--text", "text", "--out", "o"
    call(*fit, "--step", "TfidfVectorizer:norm=None,ngram_range=(1,2)", "--model", "ComplementNB:alpha=2", given=text)
    with Store.open("o") as store:
        assert repr(store.model.steps[-1][1]) == repr(ComplementNB(alpha=2))
    assert told("forget", "o", "--where", "text like '%more4'", "--yes")["count"] == 1
    assert told("verify", "o")["equal"] and told("report", "o", "--value", "more4")["clean"]
    _, said = call(*fit, "--number-step", "StandardScaler", "--model", "ComplementNB", given=text, code=2)
    assert "Pass --step alone" in said


def test_a_step_alone_is_a_model():
    call(
        "fit",
        "people.csv",
        "--model",
        "OneHotEncoder:min_frequency=2",
        "--drop",
        "age",
        "--drop",
        "stays",
        "--out",
        "o",
    )
    assert told("info", "o")["model"] == "OneHotEncoder" and told("verify", "o")["equal"]


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["--step", "StandardScalr"], 2, "Do you mean StandardScaler?"),
        (["--step", "Ridge"], 2, "Ridge is a model: pass it as --model"),
        (["--step", "PCA:components=2"], 2, "PCA has no parameter 'components'. Its parameters are"),
        (["--step", "PCA:n_components=-1"], 2, "'n_components' parameter of PCA must be"),
        (
            ["--step", "PCA:n_components=2+x"],
            2,
            "The value of n_components is neither a number, text, a list nor a word",
        ),
        (["--step", "PCA:n_components=__import__('os')"], 2, "is neither a number"),
        (["--step", "PCA(n_components=2"], 2, "is not NAME or NAME:PARAMETER=VALUE"),
        (["--step", "PCA:2"], 2, "is not NAME or NAME:PARAMETER=VALUE"),
        (["--step", "PCA:**{}"], 2, "is not NAME or NAME:PARAMETER=VALUE"),
        (["--column-step", "agee", "PCA"], 2, "'agee' is not a column that the model learns from; those are age, fare"),
        (["--column-step", "age", "PCA", "--column-step", "age,fare", "PCA"], 2, "'age' is in two lists"),
        (["--drop", "port", "--category-step", "OneHotEncoder"], 2, "No column is left for these steps"),
        (["--search", "alpha=1"], 2, "'alpha=1' is not NAME=[VALUE,...]"),
        (["--step", "StandardScaler", "--search", "alfa=[1]"], 2, "RidgeClassifier has no parameter 'alfa'"),
        (["--number-step", "SimpleImputer", "--step", "PCA", "--model", "LinearSVC"], 1, "With --keep-records"),
        (["--model", "Pipeline"], 2, "as --step"),
        (["--model", "GridSearchCV"], 2, "Pass --search"),
        (["--model", "VotingClassifier"], 2, "Store.create takes them"),
        (["--model", "RidgeClasifier"], 2, "Do you mean RidgeClassifier?"),
        (["--model", "Ridge:alpha=x"], 2, "'alpha' parameter of Ridge must be"),
    ],
)
def test_what_is_mistyped_is_told(arguments, code, said, tmp_path):
    _, found = call(*FIT, "--model", "RidgeClassifier", *arguments, code=code)
    assert said in found and not (tmp_path / "o").exists()
