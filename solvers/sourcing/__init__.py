"""Solvers for sourcing: lists of equilibria with proofs, equilibria at any size, firms' interdependent choices."""

SOLVERS = {
    "certified": "endonet.solvers.sourcing.certified:Certified",
    "enumeration": "endonet.solvers.sourcing.enumeration:Enumeration",
    "squeezing": "endonet.solvers.sourcing.squeezing:Squeezing",
    "subsets": "endonet.solvers.sourcing.subsets:Subsets",
    "choice-scip": "endonet.solvers.sourcing.choice_outside:ChoiceScip",
    "choice-highs": "endonet.solvers.sourcing.choice_outside:ChoiceHighs",
    "welfare": "endonet.solvers.sourcing.welfare:Welfare",
    "scip": "endonet.solvers.sourcing.scip:Scip",
    "milp": "endonet.solvers.sourcing.milp:Milp",
    "sequential": "endonet.solvers.sourcing.sequential:Sequential",
}

DEFAULT = "certified"

CHECK = "endonet.solvers.sourcing.kinds:check"
