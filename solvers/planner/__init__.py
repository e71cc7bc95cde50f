"""Solvers for the planner's problem."""

SOLVERS = {
    "certified": "endonet.solvers.planner.certified:Certified",
    "lagrangian": "endonet.solvers.planner.lagrangian:Lagrangian",
    "enumeration": "endonet.solvers.planner.enumeration:Enumeration",
    "reshaping": "endonet.solvers.planner.reshaping:Reshaping",
    "relaxation": "endonet.solvers.planner.relaxation:Relaxation",
    "deviation": "endonet.solvers.planner.deviation:Deviation",
    "scip": "endonet.solvers.planner.scip:Scip",
}

DEFAULT = "certified"

CHECK = "endonet.solvers.planner.certificate:check"

INFEASIBLE = "endonet.solvers.planner.conflict:explain"

DISAGREEMENT = "endonet.solvers.planner.disagreement:explain"
