"""The four systems that Cao and Yang made forget (IEEE S&P 2015): polluted by an attacker, and after forgetting that.

    make bench BENCH=cases
    make bench BENCH=cases DATA=folder BENCH_ARGS="--seeds 3"

`DATA` names a folder with ratings.csv of MovieLens and the SMS Spam Collection (SMSSpamCollection), which may not be
passed on. Rows say which data they are of; generated data are those of sqlearn.datasets.

Each row has means over its seeds, and in `worst` the greatest change by pollution. A seed draws the data (if they are
generated), the split, and the attack. `equal` says in how many of the seeds the model that has forgotten has the digest
of one that never saw the attack. Times are CPU times of one thread, medians within a seed and over seeds: to forget one
user, message, script or document (`forget`), that and a new answer (`read`), to fit without the attack (`refit`) and
the peer's retrain. The peer is LensKit, where it is installed, for the recommender (filter, build, train), and
otherwise cosines of scikit-learn; for the others it is scikit-learn's pipeline of the same steps. `ratio` is the peer's
time over `read`.
"""

import argparse
import importlib.util
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

os.environ |= {"LK_NUM_THREADS": "1", "LK_NUM_BACKEND_THREADS": "1", "RAYON_NUM_THREADS": "1"}

import numpy as np
from measuring import duration, machine
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.naive_bayes import MultinomialNB as PeerNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import OneClassSVM as PeerSVM
from threadpoolctl import threadpool_limits

from sqlearn.compose import TextModel
from sqlearn.datasets import (
    load_movielens,
    load_sms_spam,
    make_average_attack,
    make_documents,
    make_hamlike_spam,
    make_messages,
    make_ratings,
    make_scripts,
)
from sqlearn.kernel_approximation import KernelMean
from sqlearn.naive_bayes import MultinomialNB
from sqlearn.recommend import ItemKNN
from sqlearn.svm import OneClassSVM

SHARE = 0.03  # of false users, or messages
WARM = 260  # single updates after which the fast path is compiled
FAMILIES = "spray", "frame", "decoder", "redirect", "plugin"
KINDS = "script", "attachment", "font"
TOKENS = {"token_pattern": r"%u[0-9a-f]{4}|[A-Za-z_$][\w$]*|[^\w\s]", "ngram_range": (1, 2), "lowercase": False,
          "binary": True}  # fmt: skip


class Found(NamedTuple):
    """What one seed measured."""

    clean: float
    polluted: float
    after: float
    equal: bool
    forget: float
    read: float
    refit: float
    peer: float


class Case(NamedTuple):
    """A row: a system, its data, what is measured, whether less of it is worse, and the measurement."""

    system: str
    data: str
    measure: str
    less_is_worse: bool
    run: Callable[[int], Found]
    peer: str = "scikit-learn"


def cpu(call: Callable[..., Any], *given: Any) -> float:
    began = time.thread_time()
    call(*given)
    return time.thread_time() - began


def median(call: Callable[[Any], Any], arguments: Any) -> float:
    return statistics.median(cpu(call, given) for given in arguments)


def thrice(call: Callable[[], Any]) -> float:
    call()
    return statistics.median(cpu(call) for _ in range(3))


def warmed(update: Callable[[Any], Any], undo: Callable[[Any], Any], one: Any) -> None:
    """Compile what single updates use from some hundreds of them on."""
    for _ in range(WARM):
        update(one)
        undo(one)


# ---------------------------------------------------------------------------------------------------- the systems


def recommender(ratings: np.ndarray | None) -> Callable[[int], Found]:
    def run(seed: int) -> Found:
        rng = np.random.default_rng(seed)
        genuine = make_ratings(random_state=seed).data if ratings is None else ratings
        users = np.unique(genuine[:, 0])
        items, counts = np.unique(genuine[:, 1], return_counts=True)
        pushed = rng.choice(items[(counts >= 10) & (counts <= 50)])
        false = make_average_attack(genuine, pushed, n_users=round(SHARE * len(users)), random_state=seed)
        attackers = np.unique(false[:, 0])
        strangers = np.setdiff1d(users, genuine[genuine[:, 1] == pushed, 0])
        asked = rng.choice(strangers, min(100, len(strangers)), replace=False)

        def prediction(model: ItemKNN) -> float:
            return float(np.nanmean(model.predict([(user, pushed) for user in asked])))

        clean, model = ItemKNN().fit(genuine), ItemKNN().fit(np.concatenate([genuine, false]))
        polluted = prediction(model)
        own = false[false[:, 0] == attackers[0]]
        warmed(lambda _: model.forget(users=attackers[:1]), lambda _: model.partial_fit(own), None)
        forget = median(lambda user: model.forget(users=[user]), attackers)
        after, equal = prediction(model), model.digest() == clean.digest()

        def forget_and_answer(user: float) -> None:
            model.forget(users=[user])
            model.recommend(asked[0] if user != asked[0] else asked[1])

        model.recommend(asked[0])
        read = median(forget_and_answer, strangers[:15])
        everything = np.concatenate([genuine, false])
        refit = thrice(lambda: ItemKNN().fit(genuine))
        return Found(prediction(clean), polluted, after, equal, forget, read, refit, retrain(everything, attackers))

    return run


def retrain(everything: np.ndarray, attackers: np.ndarray) -> float:
    """Seconds of filtering users out of the data, and of learning all again."""
    if importlib.util.find_spec("lenskit") is None:
        from scipy.sparse import csr_array
        from sklearn.metrics.pairwise import cosine_similarity

        def learn() -> None:
            kept = everything[~np.isin(everything[:, 0], attackers)]
            columns = np.unique(kept[:, 1], return_inverse=True)[1]
            rows = np.unique(kept[:, 0], return_inverse=True)[1]
            means = np.bincount(columns, kept[:, 2]) / np.bincount(columns)
            cosine_similarity(csr_array((kept[:, 2] - means[columns], (columns, rows))), dense_output=False)

        return thrice(learn)

    import pandas as pd
    from lenskit.data import from_interactions_df
    from lenskit.knn import ItemKNNScorer

    table = pd.DataFrame(everything, columns=["user_id", "item_id", "rating"]).astype({"user_id": int, "item_id": int})

    def train() -> None:
        ItemKNNScorer().train(from_interactions_df(table[~table["user_id"].isin(attackers)]))

    train()
    taken = []
    for _ in range(3):  # LensKit's threads are its own, one at a time: what counts is the process
        began = time.process_time()
        train()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def script_detector(seed: int) -> Found:
    scripts, later = (make_scripts(2000, random_state=s) for s in (seed, 1000 + seed))
    family = FAMILIES[seed % len(FAMILIES)]
    own = np.flatnonzero(scripts.family == family)
    wrong = np.random.default_rng(seed).choice(own, min(40, len(own)), replace=False)
    kept = np.setdiff1d(np.arange(len(scripts.data)), wrong)
    texts, labels = [scripts.data[i] for i in kept], scripts.target[kept]
    attack = [scripts.data[i] for i in wrong]
    asked = [text for text, its in zip(later.data, later.family, strict=True) if its == family]
    peer = make_pipeline(CountVectorizer(**TOKENS), SelectKBest(chi2, k=300), PeerNB())
    model = TextModel(MultinomialNB(), select=300, **TOKENS)
    return detector(model, peer, (texts, labels), (attack, "harmless"), lambda m: found(m, asked, "malicious"))


def spam_filter(messages: Any) -> Callable[[int], Found]:
    def run(seed: int) -> Found:
        given = make_messages(5000, random_state=seed) if messages is None else messages
        order = np.random.default_rng(seed).permutation(len(given.data))
        learned, tested = order[len(order) // 3 :], order[: len(order) // 3]
        texts, labels = [given.data[i] for i in learned], given.target[learned]
        others = [given.data[i] for i in tested]
        attack = make_hamlike_spam(texts, labels, n_samples=round(SHARE * len(texts)), random_state=seed)
        asked = make_hamlike_spam(others, given.target[tested], n_samples=500, random_state=seed + 1)
        peer = make_pipeline(CountVectorizer(), PeerNB())
        model = TextModel(MultinomialNB())
        return detector(model, peer, (texts, labels), (attack, "ham"), lambda m: found(m, asked, "spam"))

    return run


def found(model: TextModel, asked: list[str], label: str) -> float:
    return float(np.mean(model.predict(asked) == label))


def detector(
    model: TextModel,
    peer: Any,
    kept: tuple[list[str], np.ndarray],
    attack: tuple[list[str], str],
    rate: Callable[[Any], float],
) -> Found:
    """What forgetting documents with wrong labels costs, and what it repairs."""
    (texts, labels), (false, label) = kept, attack
    fit = model.fit  # `kept` come first
    clean = rate(fit(texts, labels))
    digest = model.digest()
    refit = thrice(lambda: fit(texts, labels))
    fit(texts + false, np.append(labels, [label] * len(false)))
    polluted = rate(model)
    warmed(lambda text: model.forget(text, label), lambda text: model.partial_fit(text, label), false[0])
    forget = median(lambda text: model.forget(text, label), false)
    after, equal = rate(model), model.digest() == digest

    def forget_and_answer(k: int) -> None:
        model.forget(texts[k], str(labels[k]))
        model.predict(false[:1])

    read = median(forget_and_answer, range(15))
    return Found(clean, polluted, after, equal, forget, read, refit, thrice(lambda: peer.fit(texts, labels)))


def scanner(make: Callable[[], Any]) -> Callable[[int], Found]:
    def run(seed: int) -> Found:
        good = make_documents(3000, random_state=seed).data
        later = make_documents(6000, odd=0.1, random_state=1000 + seed)
        kind = KINDS[seed % len(KINDS)]
        odd = make_documents(400, odd=1.0, random_state=2000 + seed)
        attack, asked = odd.data[odd.kind == kind][:60], later.data[later.kind == kind]

        def rate(model: Any) -> float:
            return float(np.mean(model.predict(asked) == -1))

        clean, model = make().fit(good), make().fit(np.concatenate([good, attack]))
        polluted = rate(model)
        warmed(model.forget, model.partial_fit, attack[0])
        forget = median(model.forget, attack)
        after, equal = rate(model), model.digest() == clean.digest()

        def forget_and_answer(row: np.ndarray) -> None:
            model.forget(row)
            model.predict(asked[:1])

        read = median(forget_and_answer, good[:5])
        refit = thrice(lambda: make().fit(good).predict(asked[:1]))
        return Found(
            rate(clean), polluted, after, equal, forget, read, refit, thrice(lambda: PeerSVM(nu=0.05).fit(good))
        )

    return run


# ---------------------------------------------------------------------------------------------------- the table


def cases(folder: Path | None) -> list[Case]:
    """The rows, of data in a folder and of generated ones."""
    files = sorted(folder.iterdir()) if folder else []
    ratings = next((path for path in files if path.name.endswith("ratings.csv")), None)
    messages = next((path for path in files if path.name.lower().startswith("sms")), None)
    for name, path in (("ratings.csv of MovieLens", ratings), ("the SMS Spam Collection", messages)):
        if path is None:
            print(f"{name}: data not given (DATA=folder); generated data alone")
    lenskit = "LensKit" if importlib.util.find_spec("lenskit") else "scikit-learn"
    item, spam = "prediction for the item", "ham-like spam found"
    rows = []
    if ratings:
        of_users = recommender(load_movielens(ratings).data)
        rows.append(Case("recommender", ratings.name, item, False, of_users, lenskit))
    rows.append(Case("recommender", "generated", item, False, recommender(None), lenskit))
    rows.append(Case("script detector", "generated", "the family's scripts found", True, script_detector))
    if messages:
        rows.append(Case("spam filter", messages.name, spam, True, spam_filter(load_sms_spam(messages))))
    rows.append(Case("spam filter", "generated", spam, True, spam_filter(None)))
    odd = "the kind's documents found"
    rows.append(Case("scanner, OneClassSVM", "generated", odd, True, scanner(lambda: OneClassSVM(nu=0.05))))
    rows.append(Case("scanner, KernelMean", "generated", odd, True, scanner(KernelMean)))
    return rows


LINE = "{:<21} {:<29} {:<27} {:>6} {:>9} {:>6} {:>6} {:>6}  {:>8} {:>8} {:>8} {:>8} {:>6}  {}"
TITLES = "system data measure clean polluted worst after equal forget read refit peer ratio whose".split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="how many (default: 5)")
    given = parser.parse_args()
    if given.seeds < 1:
        parser.error("--seeds must be at least 1")
    folder = Path(os.environ["DATA"]) if os.environ.get("DATA") else None
    if folder and not folder.is_dir():
        parser.error(f"there is no folder {folder}")
    print(machine(), end="\n\n")
    rows = cases(folder)
    print(f"{given.seeds} seeds; an attack is {SHARE:.0%} of users or messages, or 2% of scripts or documents\n")
    print(LINE.format(*TITLES))
    unequal = 0
    with threadpool_limits(1):
        for case in rows:
            seeds = [case.run(seed) for seed in range(given.seeds)]
            mean = [statistics.fmean(column) for column in zip(*seeds, strict=True)]
            changes = [found.polluted - found.clean for found in seeds]
            worst = min(changes) if case.less_is_worse else max(changes)
            equal = sum(found.equal for found in seeds)
            unequal += given.seeds - equal + sum(found.after != found.clean for found in seeds)
            clean, polluted, after = mean[:3]
            times = [statistics.median(found[k] for found in seeds) for k in range(4, 8)]
            form = "{:.1%}" if case.less_is_worse else "{:.2f}"
            shown = [form.format(value) for value in (clean, polluted, worst, after)]
            print(
                LINE.format(
                    *(case.system, case.data, case.measure, *shown, f"{equal}/{given.seeds}"),
                    *(*map(duration, times), f"{times[3] / times[1]:.3g}", case.peer),
                ),
                flush=True,
            )
    print(f"\nNot equal: {unequal}" if unequal else "\nAll models that forgot equal those that never saw the attack.")
    raise SystemExit(bool(unequal))


if __name__ == "__main__":
    main()
