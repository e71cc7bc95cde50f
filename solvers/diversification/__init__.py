"""Solvers for chains of suppliers: the planner's problem and the decentralised path."""

SOLVERS = {
    "certified": "endonet.solvers.diversification.certified:Certified",
    "enumeration": "endonet.solvers.diversification.enumeration:Enumeration",
    "branch-and-bound": "endonet.solvers.diversification.branching:BranchAndBound",
    "longest-path": "endonet.solvers.diversification.longest_path:LongestPath",
    "highs": "endonet.solvers.diversification.highs:Highs",
    "scip": "endonet.solvers.diversification.scip:Scip",
    "marginal-rule": "endonet.solvers.diversification.marginal:MarginalRule",
}

DEFAULT = "certified"

CHECK = "endonet.solvers.diversification.certificate:check"
