"""Solvers for sourcing: lists of equilibria with proofs, and single equilibria at any size."""

SOLVERS = {
    "enumeration": "endonet.solvers.sourcing.enumeration:Enumeration",
}

DEFAULT = "enumeration"

CHECK = "endonet.solvers.sourcing.certificate:check"
