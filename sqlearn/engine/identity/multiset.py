"""The multiset hash: one 256-bit sum that stands for all records a model holds.

It is the sum modulo 2**256 of the records' hashes (words 2 to 5 of their digests, the first word least significant), so
adding and removing a record costs the same few instructions at any size, in any order. Such a sum guards against
accidents; an adversary who chooses records at will can make two sets collide.
"""

import numpy as np

from sqlearn.engine.kernels import kernel


@kernel
def add_term(total, digest, sign):
    """Add to `total`, uint64[4], the hash in `digest`, uint64[6]; or subtract it if `sign` is -1."""
    flip = np.uint64(0 if sign > 0 else -1)  # -x is ~x + 1
    carry = flip & np.uint64(1)
    for i in range(4):
        term = (digest[2 + i] ^ flip) + carry
        carry = np.uint64(term < carry)
        total[i] += term
        carry += np.uint64(total[i] < term)


@kernel
def add_terms(total, digests, sign):
    """Add to `total`, uint64[4], the hashes in `digests`, uint64[n, 6]; or subtract them if `sign` is -1."""
    for row in range(len(digests)):
        add_term(total, digests[row], sign)
