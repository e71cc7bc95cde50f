"""Solvers for the planner's problem."""

SOLVERS = {
    "certified": "endonet.solvers.planner.certified:Certified",
    "lagrangian": "endonet.solvers.planner.lagrangian:Lagrangian",
    "enumeration": "endonet.solvers.planner.enumeration:Enumeration",
    "reshaping": "endonet.solvers.planner.reshaping:Reshaping",
    "relaxation": "endonet.solvers.planner.relaxation:Relaxation",
    "deviation": "endonet.solvers.planner.deviation:Deviation",
    "scip": "endonet.solvers.planner.scip:Scip",
    "conic": "endonet.solvers.planner.conic:Conic",
    "maingo": "endonet.solvers.planner.maingo:Maingo",
    "gurobi": "endonet.solvers.planner.gurobi:Gurobi",
    "xpress": "endonet.solvers.planner.xpress:Xpress",
    "mixed-integer-conic": "endonet.solvers.planner.mixed_integer_conic:MixedIntegerConic",
    "shot": "endonet.solvers.planner.shot:Shot",
    "bonmin": "endonet.solvers.planner.bonmin:Bonmin",
    "mindtpy": "endonet.solvers.planner.mindtpy:Mindtpy",
    "ipopt": "endonet.solvers.planner.ipopt:Ipopt",
}

DEFAULT = "certified"

CHECK = "endonet.solvers.planner.certificate:check"

INFEASIBLE = "endonet.solvers.planner.conflict:explain"

DISAGREEMENT = "endonet.solvers.planner.disagreement:explain"
