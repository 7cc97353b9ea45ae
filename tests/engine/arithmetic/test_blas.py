"""How many threads BLAS uses: set by the first who asks for one, restored by the last."""

from threading import Event, Thread

import pytest

from sqlearn.engine.arithmetic import blas, one_thread


def threads_of_blas():
    return [library["num_threads"] for library in blas._blas().info()]


@pytest.fixture
def two_threads():
    before = threads_of_blas()

    def give(numbers):
        for library, number in zip(blas._blas().lib_controllers, numbers, strict=True):
            library.set_num_threads(number)
        blas._release(force=True)

    give([2 for _ in before])
    yield
    give(before)


def test_contexts_that_overlap_restore_the_number_of_threads(two_threads):
    assert set(threads_of_blas()) == {2}
    entered, left = Event(), Event()

    def first():
        with one_thread():
            entered.set()
            left.wait(10)

    thread = Thread(target=first)
    thread.start()
    assert entered.wait(10)
    with one_thread(), one_thread():
        left.set()
        thread.join()  # the one who set it leaves first
        assert set(threads_of_blas()) == {1}
    assert set(threads_of_blas()) == {2}
