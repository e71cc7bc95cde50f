"""Proves the bundled set choices and records their optima: ``python -m endonet.reports.supplier_bounds``."""

from __future__ import annotations


def main() -> None:
    """Solve every bundled set choice, verify the certificate, and record both bounds."""
    from endonet import api
    from endonet.instances import bounds, catalogue, files

    for entry in catalogue.names():
        if entry.family != "suppliers":
            continue
        problem = files.load(entry.name)
        solution = api.solve(problem)
        api.check(problem, solution)
        assert solution.value is not None
        assert solution.bound is not None
        method = "certified (certificate verified)"
        bounds.record_bound(entry.name, "primal", solution.value, method, decision=solution.decision, tolerance=1e-12)
        bounds.record_bound(entry.name, "dual", solution.bound, method, proves="global optimum", tolerance=1e-12)


if __name__ == "__main__":
    main()
