"""Forests over pieces of data: each worker grows and keeps some of the trees."""

from sqlearn.distributed.groves.growing import grown, grows_elsewhere

__all__ = ["grown", "grows_elsewhere"]
