"""Solvers for sourcing: one firm's interdependent choice, and equilibria."""

SOLVERS = {
    "squeezing": "endonet.solvers.sourcing.squeezing:Squeezing",
    "subsets": "endonet.solvers.sourcing.subsets:Subsets",
    "choice-scip": "endonet.solvers.sourcing.choice_outside:ChoiceScip",
    "choice-highs": "endonet.solvers.sourcing.choice_outside:ChoiceHighs",
}

DEFAULT = "squeezing"

CHECK = "endonet.solvers.sourcing.choice_certificate:check"
