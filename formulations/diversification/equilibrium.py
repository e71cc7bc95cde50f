r"""The decentralised path: layer after layer, every firm solves (15) behind what the layers above it chose.

    s_k ∈ argmax over s of π_k (1 − M(S_{k−1} s)) − (c_k/2) s²,   S_k = S_{k−1} s_k    (5), (15), (25)

Firms of a layer are alike, so they choose alike (5). Where two numbers tie exactly, the paper lets each firm draw one
with equal probability (Assumption 2), so that half of the layer keeps each (`mixture`): the tie policy ``randomise``.
``lower`` and ``higher`` let the whole layer take one, and all paths that some resolution of the ties gives in this way
are equilibria. As a mathematical program they are the planner's graph with best responses as its only arcs: without
ties there is one path in it.
"""

from __future__ import annotations

from typing import Any

from endonet.formulations.contracts import Equation, Formulation, MathClass, Modeller
from endonet.formulations.diversification.firm import only_infinite, only_pyomo
from endonet.formulations.diversification.graph import response_graph
from endonet.formulations.diversification.planner import SYMBOLS, extract_path, path_model
from endonet.formulations.diversification.problem import ChainProblem, SourcingPath


class Equilibrium(Formulation[ChainProblem]):
    """Paths on which no firm wants another number of suppliers; the best of them, where ties leave several."""

    name = "diversification/equilibrium"
    title = "the decentralised path: every layer's firms choose for themselves"
    math_class = MathClass.SHORTEST_PATH
    relaxation_convex = True
    source = "paper 003, equations (5), (15), (19) and (25); Assumption 2 for ties"
    question = "equilibrium"
    modellers = (Modeller.PYOMO,)
    symbols = SYMBOLS[:-1]
    equations = (
        Equation(
            "(26)",
            r"\max\; W = \frac{1}{K} \sum_{k,S,s} \left[ \pi_k (1 - M(S s)) - \frac{c_k}{2} s^2 \right] x_{k,S,s}",
            "average expected profit; nothing is left to choose where no firm is indifferent",
            "objective",
        ),
        Equation("start", r"\sum_s x_{1,1,s} = 1", "one choice in the first layer", "constraint_start"),
        Equation(
            "(25)",
            r"\sum_{S' s' = S} x_{k-1,S',s'} = \sum_s x_{k,S,s}",
            "a layer chooses behind the diversification it finds",
            "constraint_flow",
        ),
        Equation(
            "(15)",
            r"x_{k,S,s} = 0 \quad \text{unless} \quad s \in \arg\max_{s'} \pi_k (1 - M(S s')) - \frac{c_k}{2} s'^2",
            "only best responses have arcs",
            "x",
        ),
    )

    def build(self, problem: ChainProblem, modeller: Modeller | str = Modeller.PYOMO) -> Any:
        """Return the program over best responses."""
        only_pyomo(self, modeller)
        only_infinite(problem)
        return path_model(self.name, response_graph(problem), relaxed=True)

    def extract(self, model: Any) -> SourcingPath:
        """Return the path that carries the flow."""
        return extract_path(model)


EQUILIBRIUM = Equilibrium()
