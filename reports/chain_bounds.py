"""Proves the bundled chains and records their optima: ``python -m endonet.reports.chain_bounds``."""

from __future__ import annotations


def main() -> None:
    """Solve every bundled chain by a solver that takes its rows, verify the certificate, and record both bounds."""
    from endonet import api
    from endonet.instances import bounds, catalogue, files

    for entry in catalogue.names():
        if entry.family != "diversification":
            continue
        problem = files.load(entry.name)
        solver = "certified" if problem.budget is None else "branch-and-bound"
        solution = api.solve(problem, solver)
        api.check(problem, solution)
        assert solution.value is not None
        assert solution.bound is not None
        method = f"{solver} (certificate verified)"
        bounds.record_bound(entry.name, "primal", solution.value, method, decision=solution.decision, tolerance=1e-12)
        bounds.record_bound(entry.name, "dual", solution.bound, method, proves="global optimum", tolerance=1e-12)


if __name__ == "__main__":
    main()
