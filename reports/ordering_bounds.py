"""Proves the bundled digraphs and records what is known of them: ``python -m endonet.reports.ordering_bounds``."""

from __future__ import annotations

LARGEST = 2000  # nodes up to which a digraph is proved here
LIMIT = 600.0


def main() -> None:
    """Solve every bundled digraph, verify the certificate, and record both bounds."""
    from endonet import api
    from endonet.instances import bounds, catalogue, files

    for entry in catalogue.names():
        if entry.family != "ordering":
            continue
        problem = files.load(entry.name)
        if problem.n > LARGEST:
            continue
        solution = api.solve(problem, "certified", time_limit=LIMIT)
        api.check(problem, solution)
        assert solution.value is not None
        assert solution.bound is not None
        method = "certified (certificate verified)"
        bounds.record_bound(entry.name, "primal", solution.value, method, decision=solution.decision, tolerance=1e-12)
        bounds.record_bound(entry.name, "dual", solution.bound, method, proves="global optimum", tolerance=1e-12)


if __name__ == "__main__":
    main()
