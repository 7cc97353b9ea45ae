"""TextModel beside scikit-learn's CountVectorizer and MultinomialNB: fits, peak memory, forgets, reads.

    make bench BENCH=text
    make bench BENCH=text BENCH_ARGS="--sms sms.tsv --documents 20000"

`--sms` names a file of messages as the SMS Spam Collection has them (https://archive.ics.uci.edu/dataset/228): a label,
a tab and a message on each line. Without it messages are generated, and the table says so. The other documents are
generated: 100 words each, of 100,000 whose frequency falls with their rank (Zipf). Times are CPU times of one thread,
medians of calls that take turns; a forget is measured with the tokenising of its document, which is subtracted. Peaks
are those of processes of their own, above what they held before.
"""

import argparse
import random
import statistics
from collections.abc import Iterator
from pathlib import Path
from time import thread_time

import numpy as np
from measuring import Row, at_most, machine, medians, print_goals, ratio_at_most, row, run_code
from sklearn import naive_bayes as peers
from sklearn.feature_extraction.text import CountVectorizer
from threadpoolctl import threadpool_limits

from sqlearn.compose import TextModel
from sqlearn.naive_bayes import MultinomialNB

FORGETS, WARM = 2000, 250
WORDS, PER_DOCUMENT = 100_000, 100

PEAK = """
import gc, sys, numpy as np
sys.path.insert(0, {folder!r})
from bench_text import fit, generated, refit
texts, labels = generated({n}, {per_document})
{call}(texts[:2000], labels[:2000])
gc.collect()
held = lambda name: next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))
open("/proc/self/clear_refs", "w").write("5")
before = held("VmRSS")
kept = {call}(texts, labels)
print(held("VmHWM") - before)
"""


def generated(n: int, per_document: int) -> tuple[list[str], np.ndarray]:
    """Documents of words whose frequency falls with their rank, and two labels."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{rank:x}{'abcdefg'[rank % 7]}" for rank in range(WORDS)])
    shares = np.cumsum(1 / np.arange(1, WORDS + 1))
    ranks = np.searchsorted(shares / shares[-1], rng.random((n, per_document)))
    return [" ".join(found) for found in words[np.minimum(ranks, WORDS - 1)].tolist()], np.arange(n) % 2


def messages(path: str | None) -> tuple[list[str], list[str] | np.ndarray]:
    if path is None:
        return generated(5574, 15)
    lines = Path(path).read_text("utf-8").rstrip("\n").split("\n")
    labels, texts = zip(*(line.split("\t", 1) for line in lines), strict=True)
    return list(texts), list(labels)


def fit(texts, labels):
    return TextModel(MultinomialNB()).fit(texts, labels)


def refit(texts, labels):
    return peers.MultinomialNB().fit(CountVectorizer().fit_transform(texts), labels)


def seconds(call, *arguments) -> float:
    start = thread_time()
    call(*arguments)
    return thread_time() - start


def of_messages(path: str | None) -> Iterator[Row]:
    """Fits, forgets and reads of messages."""
    texts, labels = messages(path)
    what = f"{len(texts):,} messages" if path else f"{len(texts):,} generated messages (--sms: data not given)"
    ours, theirs = medians(
        9, lambda i: fit(texts, labels), lambda i: refit(texts, labels), clock=thread_time
    )  # fmt: skip
    yield ratio_at_most(f"{what}: fit", 1.2, ours, theirs)
    model, analyze = fit(texts, labels), CountVectorizer().build_analyzer()
    order = random.Random(0).sample(range(len(texts)), FORGETS)
    for i in order[:WARM]:
        model.forget(texts[i], labels[i]).partial_fit(texts[i], labels[i])
    forgets = [seconds(model.forget, texts[i], labels[i]) for i in order]
    learns = [seconds(model.partial_fit, texts[i], labels[i]) for i in order]
    tokens = [seconds(analyze, texts[i]) for i in order]
    for name, times in (("forget", forgets), ("learn", learns)):
        beyond = [time - own for time, own in zip(times, tokens, strict=True)]
        yield at_most(f"{name} one, beyond tokenising: median", 60e-6, statistics.median(beyond))
        yield at_most(f"{name} one, beyond tokenising: mean", 60e-6, statistics.fmean(beyond))
    reads = []
    for i in order[:50]:
        model.forget(texts[i], labels[i])
        reads.append(seconds(model.predict, [texts[i]]))
        model.partial_fit(texts[i], labels[i])
    yield ratio_at_most("forget one and predict", 1.0, statistics.median(reads), theirs)
    assert model.digest() == fit(texts, labels).digest()


def of_documents(n: int) -> Iterator[Row]:
    """Fit and peak of generated documents."""
    texts, labels = generated(n, PER_DOCUMENT)
    ours, theirs = medians(
        3, lambda i: fit(texts, labels), lambda i: refit(texts, labels), clock=thread_time
    )  # fmt: skip
    yield ratio_at_most(f"{n:,} documents of {PER_DOCUMENT} words: fit", 1.2, ours, theirs)
    if not Path("/proc/self/clear_refs").exists():
        return
    folder = str(Path(__file__).resolve().parent)
    peaks = [
        run_code(PEAK.format(folder=folder, n=n, per_document=PER_DOCUMENT, call=call))[0] * 1024
        for call in ("fit", "refit")
    ]
    ours, theirs = peaks
    mine, other = (f"{peak / 1e6:,.0f} MB" for peak in peaks)
    yield row("the same: peak memory of fit", mine, other, ours / theirs, "ratio at most 1", ours <= theirs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sms", help="file of messages: label, tab, message")
    parser.add_argument("--documents", type=int, default=200_000, help="number of generated documents")
    given = parser.parse_args()
    print(machine(), end="\n\n")
    with threadpool_limits(1):
        print_goals(found for part in (of_messages(given.sms), of_documents(given.documents)) for found in part)


if __name__ == "__main__":
    main()
