"""The choice of single links, written as the choice of firms: the two ways of paper 001, footnote 6.

Let a link i → j cost ℓ_ij units of labour and δ_ij ∈ {0, 1} say whether it is formed. The planner of links solves

    max over θ, δ   Q (L − Σ_j f_j θ_j − Σ_ij ℓ_ij δ_ij),   q_j = z_j θ_j A (Σ_i Ω_ij δ_ij q_i^(ε−1))^(α_j/(ε−1))

and (8) as ever. Two larger economies, in which only firms are chosen, stand for it:

`duplicate_firms`: firm j in one version for each set S of its links, with the fixed cost f_j + Σ_{i∈S} ℓ_ij and inputs
    from S alone, and a row that lets one of them operate. *Exact*: a version of j makes what j would with these links,
    and each version of a buyer that holds the link buys from whichever version operates. Σ_j (2^links − 1) firms.

`artificial_firms`: a carrier k on each link, which buys from i alone and sells to j. It is a firm like any other: it
    needs labour to carry, and sells to households too. With input share α_k and productivity z_k it delivers
    Ω_ij (q_i^(ε−1))^(α_k) to j (the weight Ω_kj = Ω_ij (A z_k)^(1−ε) sees to that), and to households
    b_k = (A z_k)^(σ−1) q_i^((σ−1) α_k). As α_k → 1 and z_k → 0 it tends to the planner of links; n + links firms.

Decisions map back and forth: `LinkFormation.formed` and `LinkFormation.decision`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.formulations.planner.rows import LinearRow

Choice = NDArray[np.int8]

MOST_FIRMS = 1_000_000


@dataclass(frozen=True, eq=False)
class LinkFormation:
    """An economy of which the links are chosen, and the larger economy that stands for it.

    Attributes
    ----------
    original : PlannerProblem
        The firms, and the links that may be formed, in the order of ``original.Omega``: by buyer, then by supplier.
    problem : PlannerProblem
        The larger economy; what solvers get.
    stands_for : array of int, shape (problem.n,)
        The firm of ``original`` whose version a firm is; −1 for a carrier.
    holds : sparse array, shape (problem.n, original.links)
        1 where operating a firm forms a link.
    """

    original: PlannerProblem
    problem: PlannerProblem
    stands_for: NDArray[np.int64]
    holds: sp.csr_array

    @property
    def supplier(self) -> NDArray[np.int64]:
        """Who sells over each link, shape (links,)."""
        return self.original.Omega.indices.astype(np.int64)

    @property
    def buyer(self) -> NDArray[np.int64]:
        """Who buys over each link, shape (links,)."""
        return np.repeat(np.arange(self.original.n), np.diff(self.original.Omega.indptr))

    def formed(self, theta: ArrayLike) -> tuple[Choice, Choice]:
        """Return which firms operate and which links are formed, shapes (n,) and (links,), for the larger economy's θ.

        A carrier between firms that do not both operate forms nothing; it only costs.
        """
        chosen = self.problem.operating(theta)
        firms = np.zeros(self.original.n, np.int8)
        firms[self.stands_for[(chosen == 1) & (self.stands_for >= 0)]] = 1
        held = self.holds.T @ chosen > 0
        return firms, (held & (firms[self.supplier] == 1) & (firms[self.buyer] == 1)).astype(np.int8)

    def decision(self, firms: ArrayLike, links: ArrayLike) -> Choice:
        """Return the θ of the larger economy for firms that operate and links that they form.

        Raises
        ------
        InputError
            If a link is chosen whose buyer or supplier is idle, or a firm has no version that holds just its links.
        """
        operating = self.original.operating(firms)
        chosen = np.asarray(links)
        if chosen.shape != (self.original.links,) or not np.isin(chosen, (0, 1)).all():
            raise InputError("links", "they are not zeros and ones", f"give {self.original.links}, one for each link")
        idle = np.flatnonzero((chosen == 1) & ((operating[self.supplier] == 0) | (operating[self.buyer] == 0)))
        if idle.size:
            raise InputError(
                f"links[{idle[0]}]", "one of its ends does not operate", "choose links between active firms"
            )
        wanted = np.bincount(self.buyer, weights=chosen, minlength=self.original.n)
        fits = (self.holds @ chosen == self.holds.sum(axis=1)).ravel()
        theta = np.zeros(self.problem.n, np.int8)
        carriers = self.stands_for < 0
        theta[carriers & fits] = 1
        if carriers.any():
            theta[np.flatnonzero(~carriers)] = operating[self.stands_for[~carriers]]
            return theta
        right = fits & (self.holds.sum(axis=1).ravel() == wanted[self.stands_for]) & (operating[self.stands_for] == 1)
        theta[right] = 1
        lost = np.flatnonzero((operating == 1) & (np.bincount(self.stands_for[right], minlength=operating.size) == 0))
        if lost.size:
            raise InputError(f"firms[{lost[0]}]", "no version of it buys over just these links", "choose other links")
        return theta


def artificial_firms(
    problem: PlannerProblem, cost: ArrayLike, share: float = 0.99, productivity: float = 1e-2
) -> LinkFormation:
    """Install a carrier on every link; see the module's docstring.

    Parameters
    ----------
    problem : PlannerProblem
        Its rows on θ stay.
    cost : float or array_like, shape (links,)
        ℓ, labour that a link needs, ≥ 0, in the order of ``problem.Omega``: by buyer, then by supplier.
    share : float, default 0.99
        α_k of the carriers, strictly between 0 and 1.
    productivity : float, default 0.01
        z_k of the carriers: what they sell to households falls with it, what they deliver does not.

    Raises
    ------
    InputError
        For a number outside its domain.
    """
    costs = _costs(problem, cost)
    if not productivity > 0:
        raise InputError("productivity", f"{productivity} is not positive", "give a small number > 0")
    n, m = problem.n, problem.links
    Omega = problem.Omega
    carrier = n + np.arange(m)
    buyer = np.repeat(np.arange(n), np.diff(Omega.indptr))
    weight = Omega.data * (problem.A * productivity) ** (1 - problem.epsilon)
    larger = sp.coo_array(
        (
            np.concatenate([np.ones(m), weight]),
            (np.concatenate([Omega.indices, carrier]), np.concatenate([carrier, buyer])),
        ),
        shape=(n + m, n + m),
    )
    formed = replace(
        problem,
        Omega=larger,  # type: ignore[arg-type]
        z=np.concatenate([problem.z, np.full(m, productivity)]),
        f=np.concatenate([problem.f, costs]),
        alpha=np.concatenate([problem.alpha, np.full(m, share)]),
        name=_name(problem, "artificial"),
    )
    holds = sp.csr_array((np.ones(m, np.int8), (carrier, np.arange(m))), shape=(n + m, m))
    return LinkFormation(problem, formed, np.concatenate([np.arange(n), np.full(m, -1)]), holds)


def duplicate_firms(problem: PlannerProblem, cost: ArrayLike) -> LinkFormation:
    """Put a version of each firm for every non-empty set of its links in its place; see the module's docstring.

    Parameters
    ----------
    problem : PlannerProblem
        A row on θ counts all versions of a firm.
    cost : float or array_like, shape (links,)
        ℓ, labour that a link needs, ≥ 0, in the order of ``problem.Omega``: by buyer, then by supplier.

    Raises
    ------
    InputError
        For a negative cost, or if there would be more than a million versions.
    """
    costs = _costs(problem, cost)
    degree = np.diff(problem.Omega.indptr).astype(np.int64)
    versions = np.where(degree < 21, 2 ** np.minimum(degree, 21) - 1, MOST_FIRMS + 1)
    if versions.sum() > MOST_FIRMS:
        j = int(np.argmax(degree))
        raise InputError(
            "Omega",
            f"firm {j} has {degree[j]} links, and the sets of links are more than {MOST_FIRMS}",
            "use artificial_firms, or an economy with fewer links to a firm",
        )
    stands_for = np.repeat(np.arange(problem.n), versions)
    first = np.concatenate([[0], np.cumsum(versions)])
    subset = np.arange(stands_for.size) - first[stands_for] + 1  # bit b: the b-th link of the firm
    version, link = _held(problem, subset, stands_for)
    holds = sp.csr_array((np.ones(version.size, np.int8), (version, link)), shape=(stands_for.size, problem.links))
    return LinkFormation(problem, _of_versions(problem, costs, stands_for, first, holds), stands_for, holds)


def _held(
    problem: PlannerProblem, subset: NDArray[np.int64], stands_for: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return version and link, for every link that a version holds."""
    degree = np.diff(problem.Omega.indptr).astype(np.int64)
    begin = problem.Omega.indptr[:-1].astype(np.int64)[stands_for]
    pairs = [np.flatnonzero((subset >> bit) & 1) for bit in range(int(degree.max(initial=0)))]
    version = np.concatenate(pairs)
    return version, np.concatenate([begin[held] + bit for bit, held in enumerate(pairs)])


def _of_versions(
    problem: PlannerProblem,
    costs: Vector,
    stands_for: NDArray[np.int64],
    first: NDArray[np.int64],
    holds: sp.csr_array,
) -> PlannerProblem:
    pairs = holds.tocoo()
    supplier = problem.Omega.indices[pairs.col]
    count = np.diff(first)[supplier]  # every version of the supplier sells to the version that holds the link
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    rows = np.repeat(first[supplier], count) + offset
    columns, weight = np.repeat(pairs.row, count), np.repeat(problem.Omega.data[pairs.col], count)
    N = stands_for.size
    one_each = [
        LinearRow(np.arange(first[j], first[j + 1]), np.ones(first[j + 1] - first[j]), "<=", 1)
        for j in np.flatnonzero(np.diff(first) > 1)
    ]
    return replace(
        problem,
        Omega=sp.coo_array((weight, (rows, columns)), shape=(N, N)),  # type: ignore[arg-type]
        z=problem.z[stands_for],
        f=problem.f[stands_for] + holds @ costs,
        alpha=problem.alpha[stands_for],
        constraints=(*(_spread(row, first) for row in problem.constraints), *one_each),
        name=_name(problem, "duplicates"),
    )


def _spread(row: LinearRow, first: NDArray[np.int64]) -> LinearRow:
    """Return a row in which all versions of a firm count as the firm."""
    firms = np.concatenate([np.arange(first[j], first[j + 1]) for j in row.firms])
    return LinearRow(firms, np.repeat(row.coefficients, np.diff(first)[row.firms]), row.sense, row.rhs)


def _costs(problem: PlannerProblem, cost: ArrayLike) -> Vector:
    try:
        costs = np.array(cost, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("cost", "it holds something that is not a number", "give labour ≥ 0 for each link") from None
    if costs.ndim == 0:
        costs = np.full(problem.links, float(costs))
    if costs.shape != (problem.links,):
        raise InputError(
            "cost", f"its shape is {costs.shape}", f"give one number or {problem.links}, one for each link"
        )
    wrong = np.flatnonzero(~(np.isfinite(costs) & (costs >= 0)))
    if wrong.size:
        raise InputError(f"cost[{wrong[0]}]", f"{costs[wrong[0]]} is no cost", "give labour ≥ 0 for each link")
    return costs


def _name(problem: PlannerProblem, kind: str) -> str:
    return f"{problem.name}-{kind}" if problem.name else ""
