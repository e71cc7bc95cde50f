"""Proves the bundled choices of suppliers and records their optima: ``python -m endonet.reports.choice_bounds``."""

from __future__ import annotations


def main() -> None:
    """Solve every bundled choice, verify the certificate, and record both bounds."""
    from endonet import api
    from endonet.instances import bounds
    from endonet.instances.sourcing.bundle import choices

    for short, problem in choices():
        name = f"sourcing/{short}"
        solution = api.solve(name, "squeezing")
        if solution.fingerprint != problem.fingerprint or solution.value is None or solution.bound is None:
            raise SystemExit(f"{name} is not the choice that was written; write the bundle first")
        api.check(problem, solution)
        method = "squeezing (certificate verified)"
        bounds.record_bound(name, "primal", solution.value, method, decision=solution.decision, tolerance=1e-12)
        bounds.record_bound(name, "dual", solution.bound, method, proves="global optimum", tolerance=1e-12)


if __name__ == "__main__":
    main()
