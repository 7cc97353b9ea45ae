"""Random features that approximate a kernel, and what is learned from them, able to forget."""

from sqlearn.kernel_approximation.kernel_mean import KernelMean
from sqlearn.kernel_approximation.rbf_sampler import RBFSampler

__all__ = ["KernelMean", "RBFSampler"]
