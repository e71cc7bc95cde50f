"""Solvers for sourcing: lists of equilibria with proofs, and single equilibria at any size."""

SOLVERS = {
    "enumeration": "endonet.solvers.sourcing.enumeration:Enumeration",
    "sequential": "endonet.solvers.sourcing.sequential:Sequential",
}

DEFAULT = "enumeration"

CHECK = "endonet.solvers.sourcing.certificate:check"
