"""The reports on chains: what is refuted stays refuted, and pages are self-contained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from endonet.reports import claims, fragility


def test_verdicts_and_page(tmp_path: Path) -> None:
    found = {verdict.where: verdict for verdict in claims.verdicts(claims.SHARES)}
    refuted = {where for where, verdict in found.items() if not verdict.holds}
    assert refuted == {"Definition 2", "Proposition 7", "Corollary 7.1", "Appendix C", "Proposition 8"}
    assert "2.105940, 1.629880, 1.235851" in found["Proposition 7"].evidence
    page = claims.run(tmp_path).read_text(encoding="utf-8")
    assert "refuted" in page
    assert "<script" not in page


@pytest.mark.slow
def test_figures_are_self_contained(tmp_path: Path) -> None:
    page = fragility.run(tmp_path).read_text(encoding="utf-8")
    assert page.count("<svg") == 11
    assert "<script" not in page
    assert not re.search(r'(?:href|src)="(?!data:|#)', page)
    identifiers = re.findall(r'id="([^"]+)"', page)
    assert len(set(identifiers)) == len(identifiers)
