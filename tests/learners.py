"""Every learner of the package, for the tests that hold for all of them."""

from sqlearn.naive_bayes import GaussianNB

LEARNERS = [
    GaussianNB(),
]
