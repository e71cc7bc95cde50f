"""Solvers for the choice of a set of suppliers."""

SOLVERS = {
    "certified": "endonet.solvers.suppliers.certified:Certified",
    "enumeration": "endonet.solvers.suppliers.enumeration:Enumeration",
    "sorted-prefix": "endonet.solvers.suppliers.prefix:SortedPrefix",
    "highs": "endonet.solvers.suppliers.highs:Highs",
    "scip": "endonet.solvers.suppliers.scip:Scip",
    "greedy": "endonet.solvers.suppliers.greedy:Greedy",
}

DEFAULT = "certified"

CHECK = "endonet.solvers.suppliers.certificate:check"
