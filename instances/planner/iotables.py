"""Input–output tables, and economies from them.

`read_table` reads any table that has sectors down and across, a column of total use, one of intermediate use, a row
of total intermediate inputs and a row of output; a `Layout` says where. Layouts are given for the US use tables (15 and
71 sectors, 2021) that the package ``quantecon_book_networks`` carries, and for the German (2009), Dutch (2006) and UK
(2010) tables in the form in which the R package ``iotables`` prints them. `read_australia` reads the package's
Australian use and make tables (114 industries, 2020–21).

Commodity i and industry i are taken to be the same sector. Rows that are no sector (scrap, noncomparable imports) are
left out of the flows but stay in the total of intermediate inputs.

`topology` keeps who buys from whom and draws productivities; `calibrate` finds the economy whose efficient allocation,
with every sector operating, has the table's cost shares and final-demand shares.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endonet.formulations.errors import InputError
from endonet.formulations.planner.problem import PlannerProblem, Vector
from endonet.instances.fields import shown
from endonet.instances.formats import FileError
from endonet.instances.planner import draws
from endonet.instances.planner.draws import Seed

NOTHING = ("", "---", "n.p.")  # a true zero, and a number that the statistical office does not publish
ALPHA_RANGE = (0.01, 0.99)


@dataclass(frozen=True, eq=False)
class Table:
    """An input–output table, in the money units of its file.

    Attributes
    ----------
    sectors : tuple of n strings
    flows : array of shape (n, n)
        ``flows[i, j]``: sales of sector i to sector j as intermediate input.
    final_demand : array of shape (n,)
        Sales of each sector to final uses; negative where a table records imports or stocks that way.
    inputs : array of shape (n,)
        All intermediate inputs of each sector, those outside ``flows`` included.
    output : array of shape (n,)
        Output, the sum of intermediate inputs and value added.
    title, source, licence : str
    """

    sectors: tuple[str, ...]
    flows: NDArray[np.float64]
    final_demand: Vector
    inputs: Vector
    output: Vector
    title: str = ""
    source: str = ""
    licence: str = ""

    @property
    def n(self) -> int:
        """Number of sectors."""
        return len(self.sectors)

    @property
    def value_added(self) -> Vector:
        """Output less all intermediate inputs, shape (n,)."""
        return self.output - self.inputs

    def part(self, keep: NDArray[np.bool_]) -> Table:
        """Return the table of some sectors; what the others sold to them is left out of the flows."""
        chosen = np.flatnonzero(keep)
        return replace(
            self,
            sectors=tuple(self.sectors[k] for k in chosen),
            flows=self.flows[np.ix_(chosen, chosen)],
            final_demand=self.final_demand[chosen],
            inputs=self.inputs[chosen],
            output=self.output[chosen],
        )


@dataclass(frozen=True)
class Layout:
    """Where the numbers of a table stand in its CSV file; rows and columns count from 0.

    Attributes
    ----------
    n : int
        Number of sectors.
    column : int
        Column of the first sector.
    total_use, intermediate_use : str
        Names, in the first line, of the columns whose difference is final demand.
    inputs, output : str
        Labels, in column 0, of the rows with all intermediate inputs and with output.
    row : int, default 1
        Row of the first sector.
    names : int, default 0
        Column that holds the sectors' names.
    by_label : bool, default False
        Whether a sector is what has a row and a column of the same label, wherever they stand.
    delimiter : str, default ","
    """

    n: int
    column: int
    total_use: str
    intermediate_use: str
    inputs: str
    output: str
    row: int = 1
    names: int = 0
    by_label: bool = False
    delimiter: str = ","


_BEA = "Total industry output (basic prices)"
US_15 = Layout(15, 1, "Total use of products", "Total Intermediate", "Total Intermediate", _BEA)
US_71 = Layout(71, 1, "T019", "T001", "Total Intermediate", _BEA)
GERMANY = Layout(6, 5, "total_output_bp", "TOTAL", "P2PP", "P1", names=1)
NETHERLANDS = Layout(6, 1, "total_use", "TOTAL", "total_use_pp", "output_bp", delimiter=";")
UK = Layout(127, 1, "Total demand", "Total intermediate demand", "Total consumption", "Total output", by_label=True)


def read_table(
    path: str | os.PathLike[str], layout: Layout, title: str = "", source: str = "", licence: str = ""
) -> Table:
    """Return the table that a CSV file holds.

    Raises
    ------
    InputError
        If the file cannot be read, a row or column is missing, or a cell is no number.
    """
    rows = _read_csv(Path(path), layout.delimiter)
    name = os.fspath(path)
    header, labels = rows[0], [row[0] for row in rows]
    if layout.by_label:
        across = [k for k in range(layout.column, len(header)) if header[k] in labels]
        down = [labels.index(header[k]) for k in across]
    else:
        across = list(range(layout.column, layout.column + layout.n))
        down = list(range(layout.row, layout.row + layout.n))
    if len(across) != layout.n or max(across) >= len(header) or max(down) >= len(rows):
        raise FileError(str(name), "file", f"it does not hold {layout.n} sectors", "check the layout of the table")
    total, used = (_find(str(name), "column", header, text) for text in (layout.total_use, layout.intermediate_use))
    inputs, output = (_find(str(name), "row", labels, text, last=True) for text in (layout.inputs, layout.output))
    at = _Cells(str(name), rows)
    return Table(
        sectors=tuple(rows[k][layout.names] for k in down),
        flows=at.block(down, across),
        final_demand=(at.block(down, [total]) - at.block(down, [used])).reshape(-1),
        inputs=at.block([inputs], across).reshape(-1),
        output=at.block([output], across).reshape(-1),
        title=title,
        source=source,
        licence=licence,
    )


def read_australia(use: str | os.PathLike[str], make: str | os.PathLike[str], **about: str) -> Table:
    """Return the Australian table from the use and make files of ``quantecon_book_networks``.

    The use file has flows only, the make file production by product (rows) and industry (columns). So final demand is
    the domestic supply of a product less its intermediate use, negative for the 28 products of which the industries use
    more than is made at home; all intermediate inputs are the column sums; value added, output less these, includes
    taxes and imports that the use table does not show.

    Parameters
    ----------
    use, make : str or path
        ``use_114_aus.csv`` and ``make_114_aus.csv``.
    **about
        ``title``, ``source`` and ``licence`` of the table.
    """
    used, made = _read_csv(Path(use), ","), _read_csv(Path(make), ",")
    codes = used[0]
    n = len(codes)
    if [row[0] for row in made[1 : n + 1]] != codes or made[0][1 : n + 1] != codes:
        raise FileError(os.fspath(make), "file", "its industries are not those of the use table", "give both of a pair")
    flows = _Cells(os.fspath(use), used).block(range(1, n + 1), range(n))
    production = _Cells(os.fspath(make), made)
    supply = production.block(range(1, n + 1), [n + 1]).reshape(-1)
    totals = next(k for k in range(n + 1, len(made)) if any(made[k]))
    return Table(
        sectors=tuple(codes),
        flows=flows,
        final_demand=supply - flows.sum(axis=1),
        inputs=flows.sum(axis=0),
        output=production.block([totals], range(1, n + 1)).reshape(-1),
        **about,
    )


@dataclass(frozen=True, eq=False)
class SectorEconomy:
    """An economy made from a table, with what was asked of it.

    Attributes
    ----------
    problem : PlannerProblem
        One firm a sector, in the order of ``sectors``.
    sectors : tuple of n strings
    cost_shares : array of shape (n, n)
        Γ: the share of supplier i in buyer j's intermediate spending; columns sum to 1.
    demand_shares : array of shape (n,)
        Share of each sector in final demand, after the floor; they sum to 1.
    dropped, floored, clipped : tuples of str
        Sectors left out because they buy nothing, whose final demand was raised to the floor, and whose input share was
        moved into `ALPHA_RANGE`.
    """

    problem: PlannerProblem
    sectors: tuple[str, ...]
    cost_shares: NDArray[np.float64]
    demand_shares: Vector
    dropped: tuple[str, ...]
    floored: tuple[str, ...]
    clipped: tuple[str, ...]


def calibrate(
    table: Table,
    sigma: float = 5.0,
    epsilon: float = 5.0,
    f_n: float = 0.05,
    by_size: bool = False,
    floor: float = 1e-6,
    **parameters: Any,
) -> SectorEconomy:
    """Return the economy that reproduces a table's shares when every sector operates.

    With a = q^(ε−1), b = q^(σ−1): final demand has shares b_j / Σ b, so b_j is set to the table's share d_j (Q = 1).
    Supplier i has the share Γ_ij = Ω_ij a_i / y_j of j's intermediate spending, so Ω_ij = Γ_ij y_j / a_i, where y_j is
    free because z_j can undo it; it makes every column of Ω sum to 1. z_j then follows from (7). The share α_j is all
    intermediate inputs over output. The allocation is efficient, prices are costs, and so shares in value are the
    model's shares; fixed costs take labour from all sectors alike and leave the shares as they are.

    Parameters
    ----------
    table : Table
    sigma, epsilon : float
        The table does not identify them; the defaults are the paper's.
    f_n : float, default 0.05
        Total fixed cost as a share of labour (the paper: 5 %), L = 1.
    by_size : bool, default False
        False divides it equally (f = f_n / n, the paper); True in proportion to output.
    floor : float, default 1e-6
        Least share in final demand. A sector whose final demand is zero or negative must have one, since it sells to
        others and so has q > 0.
    **parameters
        ``constraints``, ``name`` … for `PlannerProblem`.

    Raises
    ------
    InputError
        If no sector buys from another, or a parameter is out of range.
    """
    for name, value in (("sigma", sigma), ("epsilon", epsilon)):
        if not 1 < value < math.inf:
            raise InputError(name, f"{value:g} is no elasticity here", "give a number > 1")
    if not 0 < floor < 1 / table.n:
        raise InputError("floor", f"{floor} is no small share", f"give a number between 0 and {1 / table.n:g}")
    table, dropped = _buying(table)
    spending = np.maximum(table.flows, 0.0)
    Gamma = spending / spending.sum(axis=0)
    demand = np.maximum(table.final_demand, 0.0)
    if not demand.sum() > 0:
        raise InputError("final_demand", "no sector has any", "check the layout of the table")
    low = demand < floor * demand.sum()
    demand = np.where(low, floor * demand.sum(), demand)
    demand /= demand.sum()
    share = table.inputs / table.output
    alpha = np.clip(share, *ALPHA_RANGE)
    q = demand ** (1 / (sigma - 1))
    a = q ** (epsilon - 1)
    y = 1 / (Gamma / a[:, None]).sum(axis=0)
    size = table.output / table.output.sum() if by_size else np.full(table.n, 1 / table.n)
    problem = PlannerProblem(
        Omega=Gamma * y / a[:, None],
        z=q / y ** (alpha / (epsilon - 1)),
        f=f_n * size,
        alpha=alpha,
        sigma=sigma,
        epsilon=epsilon,
        **_about(table, "calibrated so that all sectors together reproduce its cost and demand shares") | parameters,
    )
    return SectorEconomy(
        problem=problem,
        sectors=table.sectors,
        cost_shares=Gamma,
        demand_shares=demand,
        dropped=dropped,
        floored=_named(table, low),
        clipped=_named(table, alpha != share),
    )


def topology(
    table: Table,
    threshold: float = 0.02,
    sigma_z: float = 0.39,
    seed: Seed = 0,
    f_n: float = 0.05,
    **parameters: Any,
) -> PlannerProblem:
    """Return an economy with the table's links only: i → j where i has at least ``threshold`` of j's input spending.

    A sector with no such supplier keeps its largest one; sectors that buy nothing are dropped. All weights are 1,
    log z ~ N(0, sigma_z²), f = f_n / n.

    Parameters
    ----------
    table : Table
    threshold : float, default 0.02
        Share in the buyer's intermediate spending.
    sigma_z, seed
        Of the productivities.
    f_n : float, default 0.05
        Total fixed cost as a share of labour.
    **parameters
        ``alpha``, ``sigma``, ``epsilon``, ``name`` … for `PlannerProblem`.
    """
    if not 0 < threshold <= 1:
        raise InputError("threshold", f"{threshold} is no share", "give a number between 0 and 1")
    table, _ = _buying(table)
    spending = np.maximum(table.flows, 0.0)
    links = spending >= threshold * spending.sum(axis=0)
    links[spending.argmax(axis=0), np.arange(table.n)] = True
    links &= spending > 0
    title = f"links are shares of at least {threshold:g} in a buyer's intermediate spending, log z ~ N(0, {sigma_z:g}²)"
    return PlannerProblem(
        Omega=links.astype(np.float64),
        z=draws.lognormal(draws.generator(seed), sigma_z, table.n),
        f=f_n / table.n,  # type: ignore[arg-type]
        **_about(table, title) | parameters,
    )


def _buying(table: Table) -> tuple[Table, tuple[str, ...]]:
    """Return the table without sectors that buy from none of the others that are left, and the names of these."""
    dropped: tuple[str, ...] = ()
    while True:
        keep = (np.maximum(table.flows, 0.0).sum(axis=0) > 0) & (table.output > 0)
        if not keep.any():
            raise InputError("flows", "no sector buys from any other", "check the layout of the table")
        if keep.all():
            return table, dropped
        dropped += _named(table, ~keep)
        table = table.part(keep)


def _named(table: Table, which: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(table.sectors[k] for k in np.flatnonzero(which))


def _about(table: Table, description: str) -> dict[str, Any]:
    return {"description": f"{table.title}: {description}", "source": table.source, "licence": table.licence}


class _Cells:
    """The cells of a CSV file as numbers; a complaint names line and column."""

    def __init__(self, name: str, rows: Sequence[Sequence[str]]) -> None:
        self.name = name
        self.rows = rows

    def block(self, down: Sequence[int], across: Sequence[int]) -> NDArray[np.float64]:
        return np.array([[self.number(r, c) for c in across] for r in down])

    def number(self, r: int, c: int) -> float:
        where = f"line {r + 1}, column {c + 1}"
        if r >= len(self.rows) or c >= len(self.rows[r]):
            raise FileError(self.name, where, "there is no such cell", "check the layout of the table")
        text = self.rows[r][c].strip().replace(",", "").replace(" ", "")
        if text in NOTHING:
            return 0.0
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise FileError(self.name, where, f"{shown(text)} is no number", "check the layout of the table")
        return value


def _read_csv(path: Path, delimiter: str) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [[cell.strip() for cell in row] for row in csv.reader(stream, delimiter=delimiter) if row]
    except OSError as error:
        raise FileError(str(path), "file", f"it cannot be read ({error.strerror})", "check the path") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(str(path), "file", f"it is no CSV file in UTF-8 ({error})", "save it as one") from None
    if not rows:
        raise FileError(str(path), "file", "it is empty", "give an input–output table")
    return rows


def _find(name: str, kind: str, labels: Sequence[str], label: str, last: bool = False) -> int:
    places = [k for k, text in enumerate(labels) if text == label]
    if not places:
        raise FileError(name, "file", f"it has no {kind} {label!r}", "check the layout of the table")
    return places[-1 if last else 0]
