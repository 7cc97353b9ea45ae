"""Hostile calls of every subcommand, from seeded dice: exit codes and messages of the project, and nothing else."""

import gzip
import random
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from learners import EVERYWHERE
from sqlearn import Store, cli
from sqlearn.commands import COMMANDS
from sqlearn.recommend import EASE

CALLS = 100  # of each subcommand; in CI a tenth, and more until each exit code was met
HEAD = "person,age,port,paid,joined,lived\n"
ROWS = [
    f"p{i},{20 + i % 50},{'SCQ'[i % 3]},{str(i % 4 > 0).lower()},2020-01-{1 + i % 28:02d},{'yes' if i % 5 else 'no'}\n"
    for i in range(40)
]
GOOD = HEAD + "".join(ROWS)
MANY = "9" * 5000
TEXTS = {
    "good.csv": GOOD,
    "more.csv": GOOD.replace("\np", "\nq"),
    "plain.data": "".join(ROWS).replace(",", ", "),
    "good.tsv": GOOD.replace(",", "\t"),
    "semicolons.csv": GOOD.replace(",", ";"),
    "empty.csv": "",
    "head.csv": HEAD,
    "blank.csv": "\n\n\n",
    "one.csv": "age\n1\n2\n",
    "numbers.csv": "1,2,3\n4,5,6\n",
    "twice.csv": HEAD.replace("age", "port") + "".join(ROWS),
    "case.csv": HEAD.replace("age", "PORT") + "".join(ROWS),
    "same ids.csv": HEAD + ROWS[0] * 3,
    "digits.csv": GOOD + f"{MANY},{MANY},{MANY},true,2020-01-01,yes\n",
    "huge.csv": GOOD + f"h,1e400,{'x' * 300_000},true,2020-01-01,yes\n",
    "bad bool.csv": GOOD + "b,1,S,maybe,2020-01-01,yes\n",
    "bad date.csv": GOOD + "b,1,S,true,2020-02-31,yes\n",
    "quote.csv": GOOD + 'b,1,"S,true,2020-01-01,yes\n' * 3,
    "quote.tsv": (GOOD + 'b,1,"S,true,2020-01-01,yes\n').replace(",", "\t"),
    "short.csv": GOOD + "b,1\n",
    "nul.csv": GOOD + "b\0,1,S\0,true,2020-01-01,yes\n",
    "line.csv": GOOD + 'b,1,"S\nS",true,2020-01-01,yes\n',
    "words.csv": GOOD.replace("true", "TRUE"),
    "gap.csv": GOOD + ",,,,,\n",
    "weird.csv": GOOD.replace("age", "a\u2028ge").replace("port", '"and "" or"'),
}
BYTES = {
    "latin.csv": GOOD.replace("port", "pört").encode("latin-1"),
    "latin row.csv": GOOD.encode() + "b,1,Å,true,2020-01-01,yes\n".encode("latin-1"),
    "utf16.csv": GOOD.encode("utf-16"),
    "torn utf16.csv": GOOD.encode("utf-16")[:-7],
    "good.csv.gz": gzip.compress(GOOD.encode()),
    "torn.csv.gz": gzip.compress(GOOD.encode())[:-30],
    "not.csv.gz": GOOD.encode(),
    "not.parquet": GOOD.encode(),
    "garbage.csv": bytes(random.Random(0).randrange(256) for _ in range(2000)),
    "no suffix": GOOD.encode(),
}
CONDITIONS = [
    "age > 30", "paid", "not paid and joined < '2020-01-10'", "port in ('S', 'C')", "true", "false", "1", "", " ",
    "paid = 'no'",
    "age > 'x'", "age", "and", "((((", "'", '"', "age > 1e400", f"age > {MANY}", f"person = '{MANY}'", "age = ? or :x",
    "port = '\ud800'", "age > 1 --", "age in ()", "\u2028age > 1", "age\0>1", "age > 1; drop table rows",
    "(" * 5000, "not " * 5000,
    "- " * 5000 + "age > 1", "age" + " + age" * 5000 + " > 1", "age > 1 or " * 9000 + "paid",
    "age in (" + "1," * 40_000 + "1)",
    "select 1", "age > (select 1)", "port like '" + "%a" * 90 + "'", "length(port) > 1", "abs(age, 1) > 1",
    "joined < 'soon'",
    "case when", "age between 1", "x" * 200_000, "pört = 'Å'", "𝔸 = 1", "\x1b[31mage = 1",
    "person = 'p1' or person = 'q1'",
]  # fmt: skip
IDS = [
    "p1\np2\n", "", "\n\n", "p1\np1\n", "nobody\n", f"{MANY}\n", "p1\r\n", "\ufeffp1\n", "-1\n1.0\n", "1\n",
    "p1\0\n", "\u2028\n",
    b"\xff\xfe\n", "p1".encode("utf-16"), b"\x1f\x8b\n", bytes(range(256)),
]  # fmt: skip
WORDS = [
    "", " ", "x", "age", "port", "person", "paid", "joined", "lived", "no,yes", "a,a", ",", ",,", "\ud800", "\0", MANY,
    "-", "1e400", "none", "first", "a,b,c,d,e,f", "true", "alpha=1", "alpha=(", "alpha=" + "[" * 300, "latin-1",
    "utf-16", "rot13", "\\t", "tab", '"', "ab", "é", "nan", "NA",
]  # fmt: skip
MODELS = [
    "MixedNB",
    "MixedNB",
    "MixedNB",
    "RidgeClassifier",
    "GaussianNB",
    "LogisticRegression",
    "Ridge",
    "KMeans",
    "forest",
    "",
]
COLUMN = "--target", "--id", "--weight", "--number", "--category", "--boolean", "--date", "--drop", "--keep"
STEPS = "--step", "--number-step", "--category-step", "--search"
SPELLED = [
    "StandardScaler", "SimpleImputer:strategy=median", "PCA:n_components=2", "OneHotEncoder:handle_unknown=ignore",
    "pca(", "PCA:n_components=", "Ridge", "KBinsDiscretizer:n_bins=(", "SelectKBest:k=1,score_func=f_classif",
    "PCA:n_components=x", "PolynomialFeatures:degree=2", "alpha=[0.1,1]", "alpha=[", "alpha=[]", "a" + "(" * 300,
]  # fmt: skip
READING = "--header", "--delimiter", "--encoding", "--missing", "--booleans", "--quote", "--decimal"


class Calls:
    """Command lines, mostly near to what is right."""

    def __init__(self, seed, folder):
        self.dice, self.folder = random.Random(seed), folder
        self.tables = sorted([*TEXTS, *BYTES, "good.parquet", "folder", "missing.csv", "m.sqlearn", "-"])
        self.stores = ["m.sqlearn"] * 12 + ["garbage.csv", "empty.csv", "folder", "missing", "torn.sqlearn"]

    def some(self, options, most, values=WORDS):
        chosen = []
        for _ in range(self.dice.randint(0, most) if self.dice.random() < 0.6 else 0):
            chosen += [self.dice.choice(options), self.dice.choice(values)]
        return chosen

    def flags(self, *flags):
        return [flag for flag in flags if self.dice.random() < 0.3]

    def table(self):
        return self.dice.choice(["good.csv", "more.csv"]) if self.dice.random() < 0.4 else self.dice.choice(self.tables)

    def named(self):
        given = []
        which = self.dice.random()
        if which < 0.65:
            given += ["--where", self.dice.choice(CONDITIONS[:5] if self.dice.random() < 0.2 else CONDITIONS)]
        if which > 0.6:
            given += ["--ids", self.dice.choice(["ids", "ids", "-", "missing", "folder", "m.sqlearn"])]
        return given

    def rows(self):
        return [
            *self.named(),
            *self.flags("--dry-run"),
            *(["--yes"] * (self.dice.random() < 0.8)),
            *self.flags("--json"),
        ]

    def arguments(self, command):
        if command == "fit":
            columns = ["--id", "person", "--keep", "joined", "--target", "lived"] * (self.dice.random() < 0.9)
            model, out = (
                self.dice.choice(MODELS),
                self.dice.choice(["new.sqlearn"] * 20 + ["m.sqlearn", "folder", "no/x", "", "\0"]),
            )
            given = [*self.some(COLUMN, 2), *self.some(READING, 2), *self.some(["--param"], 1)]
            given += self.some(STEPS, 2, SPELLED + WORDS[:6])
            given = [*columns, *given * (self.dice.random() < 0.6)]
            return [self.table(), "--model", model, "--out", out, *given, *self.flags("--raw", "--json")]
        if command in ("learn", "predict"):
            out = self.some(
                ["--out"], 1, ["new.csv", "good.csv", "m.sqlearn", "folder", "no/x", "", "-", "\0", "/dev/null"]
            )
            options = [
                *self.some(READING, 2),
                *self.flags("--line-breaks", "--no-default-missing", "--json"),
                *(out if command == "predict" else []),
            ]
            return [self.dice.choice(self.stores), self.table(), *options]
        if command in ("recommend", "similar-items"):
            label = self.dice.choice(["anna", "tea", "7"] * 12 + WORDS)
            number = self.some(["-n", "--number"], 1, ["3", "0", "-1", "x", MANY])
            given = ["--user" if command == "recommend" else "--item", label, *number, *self.flags("--json", "--all")]
            return [self.dice.choice(["likes.sqlearn"] * 12 + self.stores), *given]
        if command == "what-if":
            more = [
                *self.some(["--attribute"], 1),
                *self.some(["--out"], 1, ["new.csv", "m.sqlearn", "folder", "-", ""]),
            ]
            store = self.dice.choice(["likes.sqlearn", *self.stores])
            return [store, *self.named(), *more, *self.flags("--predictions", "--json")]
        if command == "suspects":
            more = [*self.some(["--top"], 1), *self.some(["--out"], 1, ["new.csv", "m.sqlearn", "folder", "-", ""])]
            return [self.dice.choice(["likes.sqlearn", *self.stores]), *more, *self.flags("--json", "--no-such")]
        if command == "forget":
            return [self.dice.choice(self.stores), *self.rows(), *self.some(["--encoding"], 1)]
        if command == "relabel":
            return [self.dice.choice(self.stores), *self.rows(), "--to", self.dice.choice(["yes", "no"] * 20 + WORDS)]
        if command == "report":
            table = ["--table", self.table()] * (self.dice.random() < 0.7)
            return [self.dice.choice(self.stores), *self.some(["--value"], 2), *table, *self.flags("--json")]
        if command == "suppressed":
            return [
                self.dice.choice(self.stores),
                "--out",
                self.dice.choice(["new.csv"] * 3 + ["m.sqlearn", "folder", ""]),
            ]
        if command == "replay":
            return [
                self.dice.choice(self.stores),
                self.dice.choice(["newer.sqlearn"] * 3 + self.tables),
                *self.flags("--json"),
            ]
        if command == "upgrade":
            out = self.dice.choice(["new.sqlearn"] * 6 + ["m.sqlearn", "folder", "no/x", "", "\0"])
            return [self.dice.choice([*self.stores, *["old"] * 12]), "--out", out, *self.flags("--json", "--no-such")]
        if command == "warm-up":  # no model that there is: it would be compiled for
            return [*self.flags("--json"), self.dice.choice(["no", "", "\0", "\ud800", "Gaussian", MANY])]
        if command == "rebalance":
            parts = self.dice.choice(["1", "2", "3"] * 4 + ["0", "-1", "1000", "x", "", MANY])
            store = self.dice.choice(["set", "set", "folder", "folder", "missing", "m.sqlearn"])
            return [store, "--parts", parts, *self.flags("--json")]
        if command == "lift":
            words = self.dice.choice([["p0"], ["p0", "p0"], ["p1"], ["1"], [MANY], [], ["p0", "\ud800"]])
            return [self.dice.choice(self.stores), *words, *self.flags("--json")]
        flags = ("--check", "--salt") if command == "receipts" else ("--no-such",)
        return [self.dice.choice(self.stores), *self.flags("--json", *flags)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    for name, text in TEXTS.items():
        (folder / name).write_text(text, "utf-8", newline="")
    for name, content in BYTES.items():
        (folder / name).write_bytes(content)
    pd.read_csv(folder / "more.csv").to_parquet(folder / "good.parquet")
    (folder / "folder").mkdir()
    frozen = Path(__file__).parent.parent / "frozen" / "1285be8" / "mixed_nb.sqlearn.gz"
    (folder / "old").write_bytes(gzip.decompress(frozen.read_bytes()))
    arguments = ["fit", "good.csv", "--id", "person", "--keep", "joined", "--target", "lived", "--model", "MixedNB"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert cli.main([*arguments, "--suppress", "--out", "pristine"]) == 0
        shutil.copyfile("pristine", "newer.sqlearn")
        assert cli.main(["forget", "newer.sqlearn", "--where", "age > 50", "--yes"]) == 0
        assert cli.main(["forget", "pristine", "--where", "person = 'p0'", "--yes"]) == 0
        assert cli.main([*arguments, "--parts", "2", "--out", "set"]) == 0
    likes = {"user": ["anna", "anna", "ben", "7"], "item": ["tea", "7", "tea", "tea"]}
    Store.create(folder / "likes.sqlearn", EASE(), likes).close()
    (folder / "torn.sqlearn").write_bytes((folder / "pristine").read_bytes()[:20_000])
    return folder


def test_every_subcommand_is_driven():
    assert {command.name for command in COMMANDS} == {*DRIVEN}


CHANGING = "forget", "relabel", "learn", "compact", "replay", "lift"
ASKING = "predict", "recommend", "similar-items", "verify", "report", "info", "receipts", "what-if", "suspects"
DRIVEN = "fit", *ASKING, "suppressed", "upgrade", "warm-up", "rebalance", *CHANGING


@pytest.mark.parametrize("command", DRIVEN)
def test_hostile_calls(folder, command, monkeypatch):
    monkeypatch.chdir(folder)
    codes, expected = [], {2} if command == "warm-up" else {0, 1, 2}
    for seed in range(CALLS):
        if not EVERYWHERE and seed >= CALLS // 10 and expected <= set(codes):
            break
        calls = Calls(f"{command} {seed}", folder)
        shutil.copyfile("pristine", "m.sqlearn")
        given = calls.dice.choice(IDS)
        given = given if isinstance(given, bytes) else given.encode()
        (folder / "ids").write_bytes(given)
        standard_input = calls.dice.choice([given, *(text.encode() for text in TEXTS.values())])
        arguments = [command, *calls.arguments(command)]
        told = [argument if len(argument) < 200 else f"{argument[:200]}..." for argument in arguments]
        before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        with CliRunner().isolation(input=standard_input) as (_, err, _):
            try:
                code = cli.main(arguments)
            except BaseException as error:
                raise AssertionError(f"{told} raises {type(error).__name__}") from error
            trouble = err.getvalue().decode()
        assert code in (0, 1, 2), told
        assert (code == 0) or "Error: " in trouble or command in ("verify", "receipts", "report"), (told, trouble)
        assert "Traceback" not in trouble and len(trouble) < 6000, (told, trouble[:5000])
        codes.append(code)
        after = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        new = set(after) - set(before)
        assert new <= {"m.sqlearn-journal"} | (
            {"new.sqlearn", "new.sqlearn-journal", "new.csv"} if code == 0 else set()
        ), (told, new)
        changed = {name for name in before if after[name] != before[name]}
        assert changed <= ({"m.sqlearn"} if command in CHANGING and code == 0 else set()), (
            told,
            changed,
        )
        for name in new:
            (folder / name).unlink()
    assert expected <= set(codes), codes
    with Store.open(folder / "m.sqlearn") as store:
        assert store.verify() and store.check_receipts()
