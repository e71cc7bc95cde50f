"""Certificates of bounds on the planner's problem, and the check that trusts no solver.

A certificate is a tree of boxes of choices. Each node fixes one firm of its parent's box and lists *rounds*; a round
names the prices of one dual bound, or Farkas multipliers of the rows. Replaying a node costs, for each round, one
envelope and one dual bound, so the check takes time linear in links × rounds, with outward rounding and without any
solver.

    node   = {"parent": index of an earlier node or −1, "firm": j or −1, "value": 0 or 1 or −1, "rounds": [round, …]}
    round  = index into "prices"  |  {"farkas": [μ_r, …]}
    order  = pairs [i, j] of firms of which i dominates j (see `dominance`), each of which adds the row θ_j ≤ θ_i
    prices = {"pi": shares p_j = π_j ȳ_j, float32, zlib, base64, with ȳ the root's; "T": T̂, "M": M̂, "mu": [μ_r, …]}

Enumeration has nothing to show but that it can be done again: for a certificate {"kind": "planner exhaustion"} the
check accounts for every choice anew, by the search of `removal`, which uses neither duality nor convexity.

Any non-negative π, T̂ > 0, M̂ < L and μ of the right signs are valid, so a certificate that was tampered with can prove
less but never something false. Boxes that are decided completely are evaluated. Every leaf must be bounded by the bound
that the solution claims.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import InputError, VerificationError
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.solvers import claims
from endonet.solvers.planner import dominance
from endonet.solvers.planner.dual_bound import Prices, bound, excludes
from endonet.solvers.planner.envelope import UNIT, Envelope, envelope
from endonet.solvers.planner.squeeze import squeeze
from endonet.solvers.solution import Solution, Status

Choice = NDArray[np.int8]

KIND = "planner tree"
EXHAUSTION = "planner exhaustion"
PATIENCE = 60.0
WORTHWHILE = 0.05  # inputs are squeezed if they lose at least so much in all, each as a share of its largest value
NEEDS_DECISION = (Status.OPTIMAL, Status.FEASIBLE, Status.LOCAL, Status.STATIONARY)
VERSION = 1
SAFETY = 1e-12
LEAST = 1e-300  # a share of final demand's sum below which terms vanish; any other T̂ > 0 is valid too
LOG_NOTHING = -750.0  # e to this is 0 in doubles
VALUE_TOLERANCE = 1e-11
BRANCH = 6  # choices that a message shows of the way to a leaf


@dataclass(eq=False)
class Box:
    """What is known about θ at a node: bounds on θ, on inputs, and on log Y (``top``)."""

    lower: Choice
    upper: Choice
    envelope: Envelope | None = None
    top: float = math.inf

    def child(self, firm: int, value: int) -> Box | None:
        """Return the part of the box with θ[firm] = value, or None if it is empty."""
        if not self.lower[firm] <= value <= self.upper[firm]:
            return None
        lower, upper = self.lower.copy(), self.upper.copy()
        lower[firm] = upper[firm] = value
        return Box(lower, upper, self.envelope, self.top)

    @property
    def undecided(self) -> int:
        """How many firms have both choices left."""
        return int((self.lower != self.upper).sum())

    @property
    def decided(self) -> bool:
        """Whether only one choice is left."""
        return bool(np.array_equal(self.lower, self.upper))


class Replay:
    """The rules by which a box may be shrunk or closed; the search and the check apply the same ones.

    Only choices with log Y > ``cutoff`` matter; a box is closed once it is proved to hold none.

    Parameters
    ----------
    problem : PlannerProblem
    worthwhile : float
        What squeezed inputs must lose to be kept. A check keeps them all: it works with a higher cutoff than the search
        did, so that what an earlier round took can leave less than this to a round on which the proof rests.
    """

    def __init__(self, problem: PlannerProblem, worthwhile: float = WORTHWHILE) -> None:
        self.problem = problem
        self.worthwhile = worthwhile

    def root(self) -> Box:
        """Return the box of all choices."""
        n = self.problem.n
        return Box(np.zeros(n, np.int8), np.ones(n, np.int8))

    def tighten(self, box: Box) -> bool:
        """Propagate the rows and renew the envelope; return False if the box holds no feasible choice."""
        problem = self.problem
        if problem.rows.propagate(box.lower, box.upper) >= 0:
            return False
        left = problem.labour_left(box.lower)
        if left < 0:
            return False
        if box.decided and not problem.evaluate(box.lower).feasible:
            return False
        known = box.envelope
        box.envelope = envelope(problem, box.lower, box.upper, known)
        if known is not None:
            box.envelope = box.envelope.within(known)
        if not box.envelope.a_high.any() or left == 0 or box.envelope.empty or self.vanishes(box):
            box.top = -math.inf
        elif box.decided:
            box.top = min(box.top, self.worth(box, problem.L - left))
        return True

    def worth(self, box: Box, spent: float) -> float:
        """Return the bound on a decided box without prices, which is its log Y up to rounding."""
        assert box.envelope is not None
        problem = self.problem
        producing = (box.upper == 1) & (box.envelope.y_high > 0)
        y, power = box.envelope.y_high[producing], (problem.alpha * problem.kappa)[producing]
        T = max(float((problem.Zb[producing] * y**power).sum()), LEAST)
        prices = Prices(np.zeros(problem.n), T, spent, np.zeros(problem.rows.count))
        return bound(problem, box.lower, box.upper, box.envelope, prices)[0]

    def vanishes(self, box: Box) -> bool:
        """Return whether every choice in the box makes less than the smallest number that a double holds."""
        assert box.envelope is not None
        problem = self.problem
        producing = (box.upper == 1) & (box.envelope.y_high > 0)
        y, power = box.envelope.y_high[producing], (problem.alpha * problem.kappa)[producing]
        with np.errstate(over="ignore"):
            something = (problem.Zb[producing] * y**power).any()
        if something or not producing.any():
            return False
        log_T = float((np.log(problem.Zb[producing]) + power * np.log(y)).max()) + math.log(y.size)
        return log_T / (problem.sigma - 1) + math.log(problem.L) < LOG_NOTHING

    def apply(
        self, box: Box, prices: Prices, cutoff: float, floor: float | None = None
    ) -> tuple[Vector, NDArray[np.bool_], bool]:
        """Bound a tightened box, fix the firms that this decides, and squeeze the inputs.

        Inputs are squeezed to those of choices above ``floor``, by default the cutoff. Returns what the other choice of
        each firm is worth, which firms are fixed, and whether the inputs moved enough to matter; if they did not, they
        are left as they were.
        """
        assert box.envelope is not None
        U, D = bound(self.problem, box.lower, box.upper, box.envelope, prices)
        box.top = min(box.top, U)
        undecided = box.lower != box.upper
        other = U - np.abs(D) + 4 * UNIT * (abs(U) + np.abs(D)) if math.isfinite(U) else np.full(D.size, math.inf)
        fixed = undecided & (D != 0) & (other <= cutoff)
        box.upper[fixed & (D < 0)] = 0
        box.lower[fixed & (D > 0)] = 1
        floor = cutoff if floor is None else floor
        squeezed = math.isfinite(floor) and cutoff < U < math.inf and self._squeeze(box, D, U - floor)
        return other, fixed, squeezed

    def _squeeze(self, box: Box, D: Vector, budget: float) -> bool:
        assert box.envelope is not None
        y_low, y_high = box.envelope.y_low, box.envelope.y_high
        low, high = squeeze(self.problem, box.lower, box.upper, y_low, y_high, D, budget)
        gained = np.divide((low - y_low) + (y_high - high), y_high, out=np.zeros(low.size), where=y_high > 0)
        if float(gained.sum()) <= self.worthwhile:
            return False
        box.envelope = replace(box.envelope, y_low=low, y_high=high)
        return True


def reach(problem: PlannerProblem) -> Vector:
    """Return ȳ with every firm allowed, the unit in which certificates state prices."""
    return envelope(problem, np.zeros(problem.n, np.int8), np.ones(problem.n, np.int8)).y_high


def pack(prices: Prices, reach: Vector) -> dict[str, Any]:
    """Return prices as JSON-ready data; ``reach`` is ȳ at the root."""
    share = (prices.pi * reach).astype("<f4")
    packed = base64.b64encode(zlib.compress(share.tobytes(), 6)).decode("ascii")
    return {"pi": packed, "T": prices.T, "M": prices.M, "mu": [float(m) for m in prices.mu]}


def rounded(prices: Prices, reach: Vector) -> Prices:
    """Return the prices as they will read after `pack` and `unpack`."""
    with np.errstate(over="ignore"):
        share = np.minimum(prices.pi * reach, 1e30).astype("<f4")
    return Prices(_from_share(share, reach), prices.T, prices.M, prices.mu)


def unpack(problem: PlannerProblem, packed: Any, reach: Vector, where: str) -> Prices:
    """Return the prices that `pack` wrote; raise VerificationError if they are malformed."""
    try:
        raw = base64.b64decode(packed["pi"], validate=True)
        unzip = zlib.decompressobj()
        data = unzip.decompress(raw, 4 * problem.n + 1)
        T, M = float(packed["T"]), float(packed["M"])
        mu = np.array(packed["mu"], dtype=np.float64).reshape(-1)
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error, zlib.error) as error:
        raise VerificationError(f"{where} cannot be read ({type(error).__name__})") from None
    share = np.frombuffer(data, "<f4") if len(data) == 4 * problem.n else None
    if share is None or not np.isfinite(share).all() or (share < 0).any():
        raise VerificationError(f"{where}.pi is not {problem.n} prices ≥ 0")
    if mu.shape != (problem.rows.count,) or not np.isfinite(mu).all():
        raise VerificationError(f"{where}.mu is not one finite multiplier for each of the {problem.rows.count} rows")
    if not (0 < T < math.inf and -math.inf < M < problem.L):
        raise VerificationError(f"{where}: T must be positive and M below L")
    return Prices(_from_share(share, reach), T, M, mu)


def _from_share(share: NDArray[np.float32], reach: Vector) -> Vector:
    pi: Vector = np.divide(share.astype(np.float64), reach, out=np.zeros(reach.size), where=reach > 0)
    return np.where(np.isfinite(pi), pi, 0.0)


@dataclass(frozen=True)
class Verified:
    """What a check verified.

    Attributes
    ----------
    value : float or None
        The objective of the decision, by the problem's evaluator.
    bound : float or None
        The bound that the solution claims and the certificate proves.
    nodes, rounds, prices : int
        Size of the certificate.
    residual : float
        Largest relative residual of the original constraints (2) and (3) at the decision.
    """

    value: float | None
    bound: float | None
    nodes: int
    rounds: int
    prices: int
    residual: float | None

    def __str__(self) -> str:
        value = "no decision" if self.value is None else f"value {self.value:.12g}"
        proof = "no bound claimed" if self.bound is None else f"bound {self.bound:.12g}"
        return f"verified: {value}, {proof} ({self.nodes} nodes, {self.rounds} rounds)"


def check(problem: PlannerProblem, solution: Solution) -> Verified:
    """Verify every claim of a solution without any solver; return what was verified.

    Raises
    ------
    VerificationError
        Naming the claim that does not hold and by how much.
    """
    claims.belongs(problem, solution)
    value, residual = _check_decision(problem, solution)
    if solution.status is Status.INFEASIBLE:
        if value is not None:
            raise VerificationError("the status is infeasible, yet there is a feasible decision")
        nodes, rounds, prices = _prove(problem, solution.certificate, None)
        return Verified(None, None, nodes, rounds, prices, None)
    if solution.status is Status.UNBOUNDED:
        raise VerificationError("the status is unbounded, yet output is at most what all firms together could make")
    if solution.status in NEEDS_DECISION and value is None:
        raise VerificationError(f"the status is {solution.status.value}, yet there is no decision")
    if solution.bound is None:
        if solution.status in (Status.OPTIMAL, Status.FEASIBLE):
            raise VerificationError(f"the status is {solution.status.value}, yet there is no bound")
        return Verified(value, None, 0, 0, 0, residual)
    claimed = solution.bound
    if not 0 <= claimed < math.inf:
        raise VerificationError(f"the bound {claimed} is no finite number ≥ 0")
    if value is not None and claimed < value * (1 - SAFETY):
        raise VerificationError(f"the bound {claimed:.15g} is below the value {value:.15g} of the decision")
    if solution.certificate is None:
        raise VerificationError(
            f"the bound of solver {solution.solver!r} comes without a certificate: it is a claim, not a proof; "
            "read the file that --out wrote, or use a solver that certifies"
        )
    nodes, rounds, prices = _prove(problem, solution.certificate, claimed)
    claims.gap_follows(solution, value, claimed)
    return Verified(value, claimed, nodes, rounds, prices, residual)


def _prove(
    problem: PlannerProblem, certificate: Mapping[str, Any] | None, claimed: float | None
) -> tuple[int, int, int]:
    """Verify a certificate of either kind; return its size as (nodes, rounds, prices)."""
    if isinstance(certificate, Mapping) and certificate.get("kind") == EXHAUSTION:
        from endonet.solvers.planner.enumeration import MASK_BITS, exhausted

        if problem.n > MASK_BITS:
            raise VerificationError(f"enumeration proves nothing about {problem.n} firms")
        answer = exhausted(problem, claimed, PATIENCE)
        if answer is None:
            raise VerificationError(f"to enumerate all choices anew takes more than {PATIENCE:g} s; use certified")
        if not answer:
            raise VerificationError("enumeration finds a feasible choice that the claim excludes")
        return 0, 0, 0
    return replay(problem, certificate, claimed)


def _check_decision(problem: PlannerProblem, solution: Solution) -> tuple[float | None, float | None]:
    if solution.encoded_decision is None:
        if solution.value is not None:
            raise VerificationError("there is a value but no decision")
        return None, None
    try:
        theta = problem.decode_decision(dict(solution.encoded_decision))
    except InputError as error:
        raise VerificationError(f"the decision cannot be read: {error}") from None
    outcome = problem.evaluate(theta)
    if not outcome.feasible:
        raise VerificationError("the decision is not feasible: " + "; ".join(outcome.violations))
    value = outcome.value
    if solution.value is None or not abs(solution.value - value) <= VALUE_TOLERANCE * max(abs(value), 1e-300):
        raise VerificationError(f"the claimed value is {solution.value}, the evaluator finds {value!r}")
    residual = float(max(np.abs(outcome.residual_goods).max(), abs(outcome.residual_labour) if value > 0 else 0.0))
    return value, residual


def replay(
    problem: PlannerProblem, certificate: Mapping[str, Any] | None, claimed: float | None
) -> tuple[int, int, int]:
    """Replay a certificate; return its size as (nodes, rounds used, prices) if it proves the claim.

    Parameters
    ----------
    claimed : float or None
        The bound on Y to prove; None to prove that no feasible choice exists.

    Raises
    ------
    VerificationError
        If the certificate is malformed or a leaf is not bounded by the claim; it names the leaf that is furthest from
        proving it, where that stands in the tree, and by how much it falls short.
    """
    tree = read(problem, certificate)
    cutoff = -math.inf if claimed is None or claimed == 0 else math.log(claimed)
    rounds = leaves = failed = 0
    worst, top, undecided = -1, -math.inf, 0
    for i, box, done, leaf in walk(tree, cutoff, claimed is None):
        rounds += done
        leaves += leaf
        if not leaf or box is None or (claimed is not None and box.top <= cutoff):
            continue
        failed += 1
        if worst < 0 or box.top > top:
            worst, top, undecided = i, box.top, box.undecided
    if failed:
        raise VerificationError(_shortfall(tree, claimed, worst, top, undecided, failed, leaves))
    return len(tree.nodes), rounds, len(tree.prices)


def _shortfall(
    tree: Tree, claimed: float | None, leaf: int, top: float, undecided: int, failed: int, leaves: int
) -> str:
    """Say which leaf is furthest from proving the claim, where it is in the tree, and by how much it falls short."""
    where = f"leaf {leaf} of the certificate"
    at = f"{where} ({_branch(tree, leaf)}, {undecided} of {tree.problem.n} firms undecided)"
    how_many = f"; {failed} of {leaves} leaves fail" if leaves > 1 else ""
    proved = _exp(top)
    if claimed is None:
        return f"{where} is not proved infeasible: {at} leaves room for output up to {proved:.15g}{how_many}"
    short = proved - claimed
    share = f", {short / claimed:.3g} of it" if claimed > 0 and math.isfinite(short) else ""
    return (
        f"{where} proves only {proved:.15g}, the claimed bound is {claimed:.15g}: it falls short by "
        f"{short:.3g}{share}; the worst is {at}{how_many}"
    )


def _branch(tree: Tree, node: int) -> str:
    """Return the choices that lead from the root to a node, the last few of them."""
    choices = []
    while node > 0:
        choices.append(f"θ[{tree.nodes[node]['firm']}] = {tree.nodes[node]['value']}")
        node = tree.nodes[node]["parent"]
    if not choices:
        return "the root"
    shown = ", ".join(reversed(choices[:BRANCH]))
    return f"at {shown}" if len(choices) <= BRANCH else f"at … {shown}"


@dataclass(frozen=True, eq=False)
class Tree:
    """A certificate that has been read: the problem with its order among firms, nodes, their children, and prices."""

    problem: PlannerProblem
    order: NDArray[np.int64]
    nodes: list[dict[str, Any]]
    children: list[list[int]]
    prices: list[Prices]


def read(problem: PlannerProblem, certificate: Mapping[str, Any] | None) -> Tree:
    """Return a certificate in a form to walk through; raise VerificationError if it is malformed."""
    nodes, packed, order = _parts(certificate)
    if not _order_holds(problem, order):
        raise VerificationError("certificate.order holds a pair of firms that is no dominance")
    ordered, shares = dominance.ordered(problem, order), reach(problem)
    prices = [unpack(ordered, p, shares, f"certificate.prices[{i}]") for i, p in enumerate(packed)]
    pairs = np.array(order, dtype=np.int64).reshape(-1, 2)
    return Tree(ordered, pairs, nodes, _children(problem, nodes), prices)


def walk(tree: Tree, cutoff: float, infeasible: bool) -> Iterator[tuple[int, Box | None, int, bool]]:
    """Replay the nodes in order; yield each node's index, the box left of it, the rounds used, whether it is a leaf.

    Parameters
    ----------
    cutoff : float
        Choices with log Y at most this do not matter.
    infeasible : bool
        Whether to prove that nothing is feasible, so that no box is closed by a bound.
    """
    rules = Replay(tree.problem, worthwhile=0.0)
    boxes: dict[int, Box | None] = {}
    for i, node in enumerate(tree.nodes):
        parent = boxes[node["parent"]] if i else rules.root()
        box = parent.child(node["firm"], node["value"]) if i and parent is not None else parent
        box, done = _replay_node(rules, box, node["rounds"], tree.prices, cutoff, infeasible, i)
        if tree.children[i]:
            boxes[i] = box
        yield i, box, done, not tree.children[i]
        if i and i == tree.children[node["parent"]][-1]:
            del boxes[node["parent"]]


def _exp(x: float) -> float:
    return math.exp(x) if x < 709 else math.inf


def _replay_node(
    rules: Replay, box: Box | None, rounds: list[Any], prices: list[Prices], cutoff: float, infeasible: bool, i: int
) -> tuple[Box | None, int]:
    """Apply the rounds of node i; return the box that is left (None if it is closed) and how many rounds were used."""
    done = 0
    if box is None or not rules.tighten(box):
        return None, done
    for entry in rounds:
        if isinstance(entry, dict):
            try:
                mu = np.array(entry["farkas"], dtype=np.float64).reshape(-1)
            except (KeyError, TypeError, ValueError, OverflowError):
                raise VerificationError(f"certificate.nodes[{i}] holds a round that cannot be read") from None
            if not excludes(rules.problem, box.lower, box.upper, mu):
                raise VerificationError(f"the Farkas multipliers of certificate.nodes[{i}] exclude nothing")
            return None, done + 1
        if isinstance(entry, bool) or not isinstance(entry, int) or not 0 <= entry < len(prices):
            raise VerificationError(f"certificate.nodes[{i}] names prices that are not there")
        if not infeasible and box.top <= cutoff:
            break
        rules.apply(box, prices[entry], cutoff)
        done += 1
        if not rules.tighten(box):
            return None, done
    return box, done


def _order_holds(problem: PlannerProblem, order: list[Any]) -> bool:
    for pair in order:
        if not isinstance(pair, list) or len(pair) != 2 or any(type(j) is not int for j in pair):
            return False
        if not all(0 <= j < problem.n for j in pair):
            return False
    return dominance.proved(problem, np.array(order, dtype=np.int64).reshape(-1, 2))


def _parts(certificate: Mapping[str, Any] | None) -> tuple[list[dict[str, Any]], list[Any], list[Any]]:
    if not isinstance(certificate, Mapping):
        raise VerificationError("there is no certificate")
    if certificate.get("kind") != KIND or certificate.get("version") != VERSION:
        raise VerificationError(f"the certificate is not of kind {KIND!r}, version {VERSION}")
    nodes, prices, order = certificate.get("nodes"), certificate.get("prices"), certificate.get("order")
    if not isinstance(nodes, list) or not nodes or not isinstance(prices, list) or not isinstance(order, list):
        raise VerificationError("certificate.nodes, certificate.prices or certificate.order is missing or no list")
    return nodes, prices, order


def _children(problem: PlannerProblem, nodes: list[dict[str, Any]]) -> list[list[int]]:
    """Return each node's children after checking that every branching covers its parent's box."""
    children: list[list[int]] = [[] for _ in nodes]
    for i, node in enumerate(nodes):
        fields_ = ("parent", "firm", "value")
        if not isinstance(node, dict) or not isinstance(node.get("rounds"), list):
            raise VerificationError(f"certificate.nodes[{i}] is no node")
        if any(isinstance(node.get(k), bool) or not isinstance(node.get(k), int) for k in fields_):
            raise VerificationError(f"certificate.nodes[{i}] lacks a whole number for parent, firm or value")
        if i == 0:
            continue
        if not 0 <= node["parent"] < i or not 0 <= node["firm"] < problem.n or node["value"] not in (0, 1):
            raise VerificationError(f"certificate.nodes[{i}] has an impossible parent, firm or value")
        children[node["parent"]].append(i)
    for i, kids in enumerate(children):
        if kids and (
            len(kids) != 2
            or nodes[kids[0]]["firm"] != nodes[kids[1]]["firm"]
            or {nodes[k]["value"] for k in kids} != {0, 1}
        ):
            raise VerificationError(f"the children of certificate.nodes[{i}] do not cover it")
    return children
