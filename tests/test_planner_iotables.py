"""Input–output tables: what is read, and that the calibrated economy reproduces the table's shares to 1e-10."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import endonet as en
from endonet.instances.planner import iotables
from endonet.instances.planner.iotables import Layout, SectorEconomy, Table

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "iotables"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the input-output tables are not beside the checkout")

TABLES = {
    "us-15": lambda: iotables.read_table(DATA / "use_15.csv", iotables.US_15),
    "us-71": lambda: iotables.read_table(DATA / "use_71.csv", iotables.US_71),
    "aus-114": lambda: iotables.read_australia(DATA / "use_114_aus.csv", DATA / "make_114_aus.csv"),
    "germany": lambda: iotables.read_table(DATA / "germany_2009.csv", iotables.GERMANY),
    "netherlands": lambda: iotables.read_table(DATA / "netherlands_2006.csv", iotables.NETHERLANDS),
    "uk": lambda: iotables.read_table(DATA / "uk_2010_siot_domestic_basic.csv", iotables.UK),
}

SMALL = """\ufeffName,Farms,Mills,Shops,Total Intermediate,Households,Stocks,Total use
Farms,10,30,---,40,70,-10,100
Mills,20,5,15,40,"1,000",60,1100
Shops,---,n.p.,,0,30,---,30
Scrap,1,-2,0,-1,0,0,-1
Total Intermediate,31,33,15,79,,,
Value added,69,1067,15,,,,
Output,100,1100,30,,,,
"""
SMALL_LAYOUT = Layout(3, 1, "Total use", "Total Intermediate", "Total Intermediate", "Output")


def small(tmp_path: Path, text: str = SMALL) -> Table:
    (tmp_path / "small.csv").write_text(text, encoding="utf-8")
    return iotables.read_table(tmp_path / "small.csv", SMALL_LAYOUT, title="Small")


def reproduces(economy: SectorEconomy, table: Table, tolerance: float = 1e-10) -> None:
    """With every sector on, the model's shares are the table's, computed here from the table anew."""
    problem = economy.problem
    outcome = problem.evaluate(np.ones(problem.n))
    keep = [table.sectors.index(name) for name in economy.sectors]
    flows = np.maximum(table.flows[np.ix_(keep, keep)], 0)
    spent = outcome.x.toarray() * outcome.prices[:, None]
    assert np.abs(spent / spent.sum(axis=0) - flows / flows.sum(axis=0)).max() < tolerance
    bought = outcome.c * outcome.prices
    shares = bought / bought.sum()
    assert np.abs(shares - economy.demand_shares).max() < tolerance
    demand = np.maximum(table.final_demand[keep], 0)
    fine = np.array([name not in economy.floored for name in economy.sectors])
    assert np.abs(shares[fine] / shares[fine].sum() - demand[fine] / demand[fine].sum()).max() < tolerance
    inputs_share = spent.sum(axis=0) / outcome.sales
    unclipped = np.array([name not in economy.clipped for name in economy.sectors])
    assert np.abs(inputs_share - table.inputs[keep] / table.output[keep])[unclipped].max() < tolerance
    assert np.abs(outcome.residual_goods).max() < tolerance


def test_a_table_is_read_with_its_quirks(tmp_path: Path) -> None:
    table = small(tmp_path)
    assert table.sectors == ("Farms", "Mills", "Shops")
    assert table.flows.tolist() == [[10, 30, 0], [20, 5, 15], [0, 0, 0]]
    assert table.final_demand.tolist() == [60, 1060, 30]
    assert table.inputs.tolist() == [31, 33, 15]
    assert table.value_added.tolist() == [69, 1067, 15]
    assert table.n == 3


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Total use", "Total uses", "no column 'Total use'"),
        ("Output", "Outputs", "no row 'Output'"),
        ("20,5,15", "20,five,15", "line 3, column 3: 'five' is no number"),
        ("20,5,15", "20,inf,15", "line 3, column 3: 'inf' is no number"),
    ],
)
def test_a_wrong_table_is_one_error(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(en.InputError, match=says):
        small(tmp_path, SMALL.replace(old, new, 1))


def test_files_that_are_no_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(en.InputError, match="is empty"):
        small(tmp_path, "")
    with pytest.raises(en.InputError, match="does not hold 3 sectors"):
        small(tmp_path, "a,b\n1,2\n")
    with pytest.raises(en.InputError, match="cannot be read"):
        iotables.read_table(tmp_path / "none.csv", SMALL_LAYOUT)
    (tmp_path / "latin.csv").write_bytes("é".encode("latin-1"))
    with pytest.raises(en.InputError, match="UTF-8"):
        iotables.read_table(tmp_path / "latin.csv", SMALL_LAYOUT)


@pytest.mark.parametrize(("sigma", "epsilon"), [(5.0, 5.0), (3.0, 7.0), (8.0, 4.0)])
@pytest.mark.parametrize("by_size", [False, True])
def test_calibration_reproduces_the_shares(tmp_path: Path, sigma: float, epsilon: float, by_size: bool) -> None:
    table = small(tmp_path)
    economy = iotables.calibrate(table, sigma, epsilon, f_n=0.1, by_size=by_size)
    reproduces(economy, table)
    assert economy.problem.f.sum() == pytest.approx(0.1)
    assert np.asarray(economy.problem.Omega.sum(axis=0)) == pytest.approx(1.0)


@given(
    flows=hnp.arrays(float, (5, 5), elements=st.floats(-1, 100)),
    demand=hnp.arrays(float, 5, elements=st.floats(-50, 100)),
    sigma=st.floats(1.5, 9),
    epsilon=st.floats(1.5, 9),
)
@settings(deadline=None, max_examples=100, derandomize=True)
def test_calibration_reproduces_any_table(flows: np.ndarray, demand: np.ndarray, sigma: float, epsilon: float) -> None:
    flows = np.where(np.abs(flows) < 1e-3, 0, flows)
    demand = np.where(np.abs(demand) < 1e-3, 0, demand)
    demand[0] = 100
    inputs = flows.sum(axis=0)
    table = Table(tuple("abcde"), flows, demand, inputs, inputs + 50)
    try:
        economy = iotables.calibrate(table, sigma, epsilon, floor=1e-4)
    except en.InputError as error:
        assert error.field in ("flows", "final_demand", "z")  # noqa: PT017 - nothing to calibrate
    else:
        reproduces(economy, table)


def test_sectors_without_inputs_demand_or_margin_are_reported() -> None:
    flows = np.array([[1.0, 2, 0, 0], [1, 1, 3, 0], [0, -4, 1, 0], [5, 0, 0, 0]])
    table = Table(tuple("abcd"), flows, np.array([5.0, -1, 0, 3]), np.array([7.0, 3, 4, 0]), np.array([9.0, 9, 4, 8]))
    economy = iotables.calibrate(table)
    assert economy.sectors == ("a", "b", "c")
    assert economy.dropped == ("d",)
    assert economy.floored == ("b", "c")
    assert economy.clipped == ("c",)
    reproduces(economy, table)
    assert economy.demand_shares[1] == pytest.approx(1e-6, rel=1e-4)


def test_topology_keeps_the_large_links(tmp_path: Path) -> None:
    table = small(tmp_path)
    problem = iotables.topology(table, threshold=0.2, seed=4, f_n=0.3)
    assert problem.Omega.toarray().tolist() == [[1, 1, 0], [1, 0, 1], [0, 0, 0]]
    assert problem.f[0] == pytest.approx(0.1)
    assert problem.fingerprint == iotables.topology(table, threshold=0.2, seed=4, f_n=0.3).fingerprint
    everyone = iotables.topology(table, threshold=1.0)
    assert np.all(np.diff(everyone.Omega.indptr) >= 1)


def test_bad_parameters_are_refused(tmp_path: Path) -> None:
    table = small(tmp_path)
    with pytest.raises(en.InputError, match="floor"):
        iotables.calibrate(table, floor=0)
    with pytest.raises(en.InputError, match="threshold"):
        iotables.topology(table, threshold=0)
    with pytest.raises(en.InputError, match="sigma"):
        iotables.calibrate(table, sigma=1.0)
    with pytest.raises(en.InputError, match="epsilon"):
        iotables.calibrate(table, epsilon=0.5)


@needs_data
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize(("sigma", "epsilon"), [(5.0, 5.0), (3.0, 6.0), (8.0, 4.0)])
def test_real_tables_are_reproduced(name: str, sigma: float, epsilon: float) -> None:
    table = TABLES[name]()
    reproduces(iotables.calibrate(table, sigma, epsilon), table)


@needs_data
def test_real_tables_are_read_as_they_stand() -> None:
    tables = {name: make() for name, make in TABLES.items()}
    assert {name: table.n for name, table in tables.items()} == {
        "us-15": 15, "us-71": 71, "aus-114": 114, "germany": 6, "netherlands": 6, "uk": 127,
    }  # fmt: skip
    assert tables["us-15"].flows[4, 3] == 733173
    assert tables["us-15"].final_demand[4] == 12655713 - 5400196
    assert tables["us-71"].output[0] == 484432
    assert tables["germany"].value_added.tolist() == [15, 444, 99, 455, 608, 497]
    assert tables["netherlands"].final_demand[0] == 21863 - 11704
    assert tables["uk"].output[0] == 21182
    assert tables["aus-114"].final_demand[0] == 47101 - tables["aus-114"].flows[0].sum()
    for table in tables.values():
        assert np.all(table.value_added > 0)


@needs_data
@pytest.mark.parametrize("name", ["us-15", "us-71", "aus-114"])
def test_the_bundled_economies_come_from_these_tables(name: str) -> None:
    table = TABLES[name]()
    bundled = en.load(f"planner/{name}")
    derived = iotables.calibrate(table, f_n=0.2).problem
    assert np.allclose(bundled.Omega.toarray(), derived.Omega.toarray(), rtol=1e-12, atol=0)
    assert np.allclose(bundled.z, derived.z, rtol=1e-12, atol=0)
    bare = iotables.topology(table, f_n=0.2, seed=1)
    assert en.load(f"planner/{name}-topology").fingerprint == bare.fingerprint


def test_the_bundled_us_economy_has_the_tables_shares() -> None:
    """A few numbers of the US use table of 2021: what construction buys, and two sectors' final demand."""
    outcome = en.load("planner/us-15").evaluate(np.ones(15))
    construction = [4938, 33376, 7645, 275, 733173, 114, 0, 699, 10050, 66010, 144341, 5, 1305, 11492, 5]
    shares = np.array(construction) / sum(construction)
    assert np.abs(outcome.Gamma.toarray()[:, 3] - shares).max() < 1e-10
    bought = outcome.c * outcome.prices
    assert bought[4] / bought[0] == pytest.approx((12655713 - 5400196) / (815406 - 530936), rel=1e-10)
    assert outcome.problem.alpha[0] == pytest.approx(319476 / 543200, rel=1e-15)
