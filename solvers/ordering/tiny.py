"""The tiny digraph on which kernels are compiled before the clock starts."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from endonet.formulations.ordering.problem import OrderingProblem


def tiny_digraph() -> OrderingProblem:
    """Return six nodes with a source, a sink, a two-cycle and two triangles that share a link."""
    W = [[0, 2, 0, 0, 0, 0], [0, 0, 3, 0, 2, 0], [0, 1, 0, 4, 0, 0], [0, 2, 0, 0, 1, 1], [0, 0, 1, 0, 0, 1], [0] * 6]
    return OrderingProblem(W=sp.csr_array(np.array(W)))
