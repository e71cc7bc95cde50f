"""Solvers for sourcing: lists of equilibria with proofs, and single equilibria at any size."""

SOLVERS = {
    "certified": "endonet.solvers.sourcing.certified:Certified",
    "enumeration": "endonet.solvers.sourcing.enumeration:Enumeration",
    "sequential": "endonet.solvers.sourcing.sequential:Sequential",
}

DEFAULT = "certified"

CHECK = "endonet.solvers.sourcing.certificate:check"
