"""Economies of three firms for figures 2 to 5 of paper 002, whose parameters are lost: one for each case it shows.

What the paper states is kept: σ = 4, L = 1, φ = α_L = 1 and the fixed costs. Saliencies and demand shifters are ours,
of two decimals as in the paper's pictures, and satisfy its condition for costs in cyclic networks (footnote 6).

    unique      acyclic, buyers initiate     one equilibrium, as A_1(A_0) − A_0 falls through zero (figure 2)
    jump        acyclic, buyers initiate     none: A_1(A_0) − A_0 jumps over zero (figure 2, in words)
    smoothed    the same, smoothed           one again, with λ = 0.00005 (figure 2c)
    buyers      cyclic, buyers initiate      two (figure 3)
    suppliers   cyclic, suppliers initiate   two (figure 4)
    chain       acyclic, suppliers initiate  two (figure 5)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from endonet.formulations.errors import UnknownNameError
from endonet.formulations.sourcing.problem import Smoothing, SourcingProblem

PAPER = "paper 002, Endogenous Production Networks with Fixed Costs"
LICENCE = "MIT"

Pairs = Mapping[tuple[int, int], float]


def three_firms(
    alpha: Pairs,
    beta_H: tuple[float, float, float],
    f: float | Pairs,
    initiator: str,
    description: str,
    smoothing: Smoothing | None = None,
) -> SourcingProblem:
    """Return an economy of three firms with σ = 4, L = 1, φ = α_L = 1.

    Parameters
    ----------
    alpha : mapping of (supplier, buyer) to α, firms numbered from 1 as in the paper
    beta_H : three demand shifters
    f : one fixed cost, or one for each pair
    initiator : {"buyer", "supplier"}
    description : str
    smoothing : Smoothing, optional
    """
    costs = [f if isinstance(f, float) else f[pair] for pair in alpha]
    return SourcingProblem.from_links(
        [k - 1 for k, _ in alpha],
        [j - 1 for _, j in alpha],
        list(alpha.values()),
        costs,
        phi=[1.0, 1.0, 1.0],
        alpha_L=[1.0, 1.0, 1.0],
        beta_H=list(beta_H),
        sigma=4.0,
        L=1.0,
        initiator=initiator,
        smoothing=smoothing,
        description=description,
        source=f"{PAPER}; saliencies and demand shifters ours",
        licence=LICENCE,
    )


def unique() -> SourcingProblem:
    """Return an acyclic economy in which buyers initiate links, with one equilibrium."""
    alpha = {(1, 2): 0.74, (1, 3): 0.77, (2, 3): 0.76}
    return three_firms(
        alpha, (1.15, 0.80, 0.64), 0.01, "buyer", "Three firms, acyclic, buyers initiate: one equilibrium"
    )


def jump(smoothing: Smoothing | None = None) -> SourcingProblem:
    """Return an acyclic economy in which buyers initiate links, without equilibrium unless it is smoothed."""
    alpha = {(1, 2): 1.38, (1, 3): 0.60, (2, 3): 0.66}
    says = "Three firms, acyclic, buyers initiate: " + ("no equilibrium" if smoothing is None else "smoothed")
    return three_firms(alpha, (1.38, 0.43, 1.33), 0.01, "buyer", says, smoothing)


def smoothed() -> SourcingProblem:
    """Return the economy of `jump` with the paper's λ."""
    return jump(Smoothing(absolute=0.00005))


def buyers() -> SourcingProblem:
    """Return a cyclic economy in which buyers initiate links, with two equilibria."""
    alpha = {(2, 1): 0.73, (3, 1): 0.59, (1, 2): 0.15, (3, 2): 0.92, (1, 3): 0.24, (2, 3): 0.89}
    f = {(2, 1): 0.0001, (3, 1): 0.0043, (1, 2): 0.0052, (3, 2): 0.0052, (1, 3): 0.0052, (2, 3): 0.0050}
    return three_firms(alpha, (1.49, 0.44, 0.44), f, "buyer", "Three firms, cyclic, buyers initiate: two equilibria")


def suppliers() -> SourcingProblem:
    """Return a cyclic economy in which suppliers initiate links, with two equilibria."""
    alpha = {(2, 1): 0.61, (3, 1): 0.90, (1, 2): 0.13, (3, 2): 0.29, (1, 3): 0.89, (2, 3): 0.36}
    return three_firms(
        alpha, (0.64, 1.30, 0.65), 0.01, "supplier", "Three firms, cyclic, suppliers initiate: two equilibria"
    )


def chain() -> SourcingProblem:
    """Return an acyclic economy in which suppliers initiate links, with two equilibria."""
    alpha = {(1, 2): 1.59, (1, 3): 0.63, (2, 3): 0.42}
    return three_firms(
        alpha, (1.25, 0.35, 1.30), 0.006, "supplier", "Three firms, acyclic, suppliers initiate: two equilibria"
    )


EXAMPLES: dict[str, Callable[[], SourcingProblem]] = {
    "unique": unique,
    "jump": jump,
    "smoothed": smoothed,
    "buyers": buyers,
    "suppliers": suppliers,
    "chain": chain,
}


def example(name: str = "unique") -> SourcingProblem:
    """Return one of the examples by its name.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    if name not in EXAMPLES:
        raise UnknownNameError("example", name, EXAMPLES)
    return EXAMPLES[name]()
