"""Reports find themselves, and a page is one file that needs nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest
import scipy.sparse as sp
from economies import economy

import endonet as en
from endonet import reports
from endonet.formulations.errors import UnknownNameError
from endonet.reports import demo, draw
from endonet.reports.page import Page, provenance
from endonet.reports.sectors import KNOWN, names_of

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Reader(HTMLParser):
    """Reads a page, and remembers what it asks for and whether its elements close."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.asks: list[str] = []
        self.tags: list[str] = []
        self.said: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.asks += [value or "" for key, value in attributes if key in ("src", "href", "xlink:href", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def assert_self_contained(page: str) -> Reader:
    reader = Reader(page)
    assert not reader.open
    assert "script" not in reader.tags
    assert all(ask.startswith(("data:", "#")) for ask in reader.asks)
    assert not re.search(r"@import|url\((?!data:|#)", page)
    return reader


def test_reports_are_found_by_name() -> None:
    assert reports.find("demo") is demo
    assert all(name == module.NAME and module.TITLE for name, module in reports.all_reports().items())
    with pytest.raises(UnknownNameError, match="did you mean demo"):
        reports.find("dmeo")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    return demo.run(tmp_path_factory.mktemp("out")).read_text(encoding="utf-8")


def test_the_demonstration_is_one_self_contained_page(shown: str) -> None:
    reader = assert_self_contained(shown)
    assert reader.tags.count("svg") == 2 * len(demo.ECONOMIES)
    assert "nan" not in shown.lower().replace("finance", "")


def test_the_demonstration_says_what_was_proved(shown: str) -> None:
    said = " ".join(Reader(shown).said)
    for name in demo.ECONOMIES:
        assert name in said
        optimum = en.solve(en.load(name)).value
        assert f"{optimum:.9g}" in said
    for word in ("certified", "enumeration", "reshaping", "optimal", "certificate verified without a solver", "seed"):
        assert word in said


def test_an_economy_with_rows_and_without_names_can_be_described() -> None:
    page = Page("A page", "A lead.")
    problem = economy(5, rows=(en.LinearRow(range(6), [1] * 6, "<=", 3),))
    from endonet import api

    comparison = api.compare(problem, ["reshaping", "certified"])
    demo.describe(page, demo.Answers("a/b", problem, comparison, comparison["certified"], None))
    said = " ".join(assert_self_contained(page.html()).said)
    assert "reshaping" in said
    assert "no certificate" in said


def test_what_is_shown_is_escaped() -> None:
    page = Page("<b>title</b>", "a & b")
    page.heading("<i>")
    page.text("<script>alert(1)</script>")
    page.alert("<u>")
    page.cards([("<a>", "1 < 2", "&")])
    page.table(["<th>"], [["<td>"]], caption="<c>", numeric=[0])
    page.definitions([("<t>", "<m>")])
    page.code("a < b")
    reader = assert_self_contained(page.html())
    assert "<script>alert(1)</script>" in "".join(reader.said)


def test_provenance_names_what_a_reader_needs() -> None:
    terms = dict(provenance(1.5, seed=3, more={"draws": "20"}))
    assert terms["seed"] == "3"
    assert terms["draws"] == "20"
    assert f"endonet {en.__version__}" in terms["versions"]


def test_nothing_lies_on_top_of_anything_else() -> None:
    n = 30
    draws = np.random.default_rng(0)
    radius = draws.uniform(4, 14, n)
    labels = ["label"] * n
    links = [(int(i), int(j), 0.3) for i, j in draws.integers(0, n, (60, 2)) if i != j]
    places = draw.layout(links, radius, labels, seed=0)
    assert ((places > 0) & (places < (draw.WIDTH, draw.HEIGHT))).all()
    distance = np.hypot(*(places[:, None, :] - places[None, :, :]).transpose(2, 0, 1)) + 1e9 * np.eye(n)
    assert (distance > radius[:, None] + radius[None, :]).all()
    assert np.array_equal(places, draw.layout(links, radius, labels, seed=0))


def test_the_strongest_suppliers_of_each_buyer() -> None:
    shares = sp.csc_array(np.array([[0.9, 0.2, 0.0], [0.1, 0.3, 0.4], [0.0, 0.5, 0.6]]))
    assert draw.strongest(shares, 1) == [(1, 0, 0.1), (2, 1, 0.5), (1, 2, 0.4)]


def test_an_economy_without_production_can_be_drawn() -> None:
    idle = np.zeros(3, dtype=bool)
    places = draw.layout([], draw.radii(np.zeros(3)), ["a", "b", "c"], seed=0)
    picture = draw.svg(
        draw.Network(places, np.zeros(3), [], idle, idle, ["a", "b", "<c>"], ["", "", ""]), "idle & quiet"
    )
    assert "nan" not in picture
    assert "&lt;c&gt;" in picture


@pytest.mark.parametrize("name", KNOWN)
def test_every_sector_has_a_name(name: str) -> None:
    labels, titles = names_of(en.load(f"planner/{name}"))
    assert len(set(labels)) == len(labels) == len(set(titles))
    assert not labels[0].isdigit()
