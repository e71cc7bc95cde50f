"""The reports on chains: what is refuted stays refuted, and pages are self-contained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from endonet.reports import claims, fragility


def test_verdicts_and_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = list(claims.verdicts(claims.SHARES))
    found = {verdict.where: verdict for verdict in verdicts}
    refuted = {verdict.where for verdict in verdicts if not verdict.holds}
    assert refuted == {
        "Definition 2",
        "Section 2, figure 3",
        "Proposition 6, collapse",
        "Proposition 7",
        "Corollary 7.1",
        "Proposition 8",
        "Proposition 9",
        "Equation (51)",
        "Lemma 5",
        "Lemma 6",
        "Appendix B.5",
        "Appendix C",
    }
    assert "2.105940, 1.629880, 1.235851" in found["Proposition 7"].evidence
    named = " ".join(found)
    for number in range(1, 13):
        assert f"Proposition {number}" in named or f" {number}," in named or f" {number} " in named
    for name in ("2.1", "5.1", "6.1", "7.1", "12.1"):
        assert f"Corollary {name}" in named
    assert all(f"Lemma {number}" in named for number in range(1, 9))
    monkeypatch.setattr(claims, "verdicts", lambda shares: iter(verdicts))
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
