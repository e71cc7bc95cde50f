"""The planner: binary operating decisions θ (paper 001, *Cascades and Fluctuations*)."""

PROBLEM = "endonet.formulations.planner.problem:PlannerProblem"

FORMULATIONS = {
    "primal": "endonet.formulations.planner.primal:PRIMAL",
    "reduced": "endonet.formulations.planner.reduced:REDUCED",
    "lifted": "endonet.formulations.planner.lifted:LIFTED",
    "second-order": "endonet.formulations.planner.second_order:SECOND_ORDER",
    "big-m": "endonet.formulations.planner.big_m:BIG_M",
    "gdp": "endonet.formulations.planner.gdp:GDP",
    "reshaped": "endonet.formulations.planner.reshaped:RESHAPED",
}
