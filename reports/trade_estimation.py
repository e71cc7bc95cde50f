"""The estimation of paper 002, section 4.3: are the eight parameters recovered from 36 simulated moments?

An economy with Table 2's parameters gives the moments; a search that knows only these, on the same random numbers or on
others, should find the parameters. Every evaluation is kept in the ledger, so that an interrupted search goes on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from endonet.formulations.errors import EndonetError
from endonet.reports.again import command
from endonet.reports.beside import show, write_table
from endonet.reports.limits import at_least

NAME = "trade-estimation"
TITLE = "Section 4.3: eight parameters from 36 moments"

LEAD = (
    "The method of simulated moments on economies of firms that choose their suppliers: differential evolution over a "
    "box, then a simplex from its best point, on random numbers that stay. The moments come from an economy whose "
    "parameters are known, so that one sees what the method recovers; or from the paper's data."
)

N, FULL_N = 1000, 4000
BELOW, ABOVE = 0.4, 0.5  # how far the box reaches around the paper's estimates
SETTLED = 1e-8


@dataclass(frozen=True)
class Options:
    """What is estimated.

    Parameters
    ----------
    target : {"simulated", "data"}, default "simulated"
        Moments of a simulated economy with the paper's parameters, or the paper's data.
    n : int, optional
        Firms: 1000, with ``--full`` 4000.
    K : int, default 100
        Potential suppliers at most.
    seed : int, default 1
        Of the random numbers of the search.
    truth : int, default 1
        Of the random numbers of the economy that gives the moments; the same as ``seed`` leaves no sampling error.
    population, generations, polish : int
        Points for each parameter and generations of the global search, evaluations of the local one.
    """

    target: Literal["simulated", "data"] = "simulated"
    n: int | None = None
    K: int = 100
    seed: int = 1
    truth: int = 1
    population: int = 6
    generations: int = 40
    polish: int = 1500

    def __post_init__(self) -> None:
        at_least(self, n=100, K=1, seed=0, truth=0, population=1, generations=0, polish=0)


def run(
    out: Path, full: bool = False, workers: int = 1, dask: str | None = None, options: Options | None = None
) -> Path:
    """Estimate, going on where the ledger ends, and write ``trade-estimation.html`` and ``trade-estimation.csv``.

    Parameters
    ----------
    out : folder that exists
    full : 4000 firms
    workers, dask : not used; one search follows another point
    options : Options, optional

    Raises
    ------
    EndonetError
        If the economy that gives the moments has no equilibrium that was found.
    KeyboardInterrupt
        If the search was interrupted; the ledger keeps what it found.
    """
    del workers, dask
    from endonet.instances.sourcing import calibration
    from endonet.reports.ledger import Ledger, code
    from endonet.reports.page import Page, provenance
    from endonet.solvers.progress import Progress
    from endonet.solvers.sourcing import estimation, moments

    started = time.perf_counter()
    chosen = options or Options()
    n = chosen.n or (FULL_N if full else N)
    paper = {name: getattr(calibration.Parameters(), name) for name in calibration.ESTIMATED}
    target = moments.data() if chosen.target == "data" else simulator(n, chosen.K, chosen.truth)(paper)
    if target is None:
        raise EndonetError("the economy that gives the moments did not settle; choose another truth or size")
    ledger = Ledger(out / "trade-estimation.jsonl")
    with Progress(True, started) as progress:
        found = estimation.estimate(
            simulator(n, chosen.K, chosen.seed),
            {name: (value - BELOW, value + ABOVE) for name, value in paper.items()},
            target,
            population=chosen.population,
            generations=chosen.generations,
            polish=chosen.polish,
            seed=chosen.seed,
            memory=ledger,
            setting={"trade": "estimation", "n": n, "K": chosen.K, "seed": chosen.seed, "code": code()},
            show=progress.show,
        )
    if not found.finished:
        raise KeyboardInterrupt  # the ledger keeps every evaluation, so that the same command goes on
    page = Page(TITLE, LEAD)
    evaluations = found.simulated + found.remembered
    page.cards(
        [
            ("objective", f"{found.objective:.2g}", "sum of squared differences of 36 moments"),
            ("furthest", f"{max(abs(found.parameters[name] - paper[name]) for name in paper):.2g}", "from the paper's"),
            ("evaluations", f"{evaluations}", f"{found.remembered} of them from the ledger"),
        ]
    )
    page.heading("Parameters", anchor="parameters")
    rows = [[name, f"{value:.2f}", f"{found.parameters[name]:.4f}"] for name, value in paper.items()]
    from_whom = "the truth" if chosen.target == "simulated" else "the paper's estimate"
    page.table(["parameter", from_whom, "estimate"], rows, numeric=[1, 2], caption=_caption(chosen, n))
    show("Parameters", ["parameter", from_whom, "estimate"], rows)
    page.heading("Moments", anchor="moments")
    fitted = [
        [name, f"{one:.4f}", f"{other:.4f}", f"{other - one:+.1e}"]
        for name, one, other in zip(moments.names(), target, found.moments, strict=True)
    ]
    page.table(["moment", "target", "at the estimate", "difference"], fitted, numeric=[1, 2, 3], caption="")
    page.heading("How this page was made", anchor="how")
    page.code(command(NAME, chosen, full))
    settings = {name: str(value) for name, value in asdict(chosen).items() if value is not None and name != "seed"}
    page.definitions(provenance(time.perf_counter() - started, chosen.seed, settings | {"firms": str(n)}))
    write_table(out / "trade-estimation.csv", [["parameter", "paper", "estimate"], *rows])
    return page.write(out / "trade-estimation.html")


def simulator(n: int, K: int, seed: int) -> Any:
    """Return the function from parameters to the 36 moments of an economy on random numbers that stay."""
    from endonet.instances.sourcing import calibration, draws
    from endonet.solvers.sourcing import market, moments
    from endonet.solvers.sourcing.balance import balance
    from endonet.solvers.sourcing.flows import flows

    drawn = draws.draw(n, K, seed)

    def simulate(parameters: Mapping[str, float]) -> Any:
        economy = market.market(calibration.from_draws(drawn, parameters))
        found = balance(economy, max_evaluations=60)
        return np.asarray(moments.targeted(flows(economy, found))) if found.residual < SETTLED else None

    return simulate


def _caption(chosen: Options, n: int) -> str:
    if chosen.target == "data":
        return f"Percentiles of the paper's data, matched by {n} firms; the paper has 100 000 firms."
    if chosen.truth == chosen.seed:
        return "The search has the random numbers of the economy that gave the moments: no sampling error is left."
    return "The search has other random numbers than the economy that gave the moments: sampling error remains."
