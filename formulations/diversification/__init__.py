"""Diversification: how many suppliers each layer of an opaque chain keeps (paper 003, *Endogenous Fragility*)."""

PROBLEM = "endonet.formulations.diversification.problem:ChainProblem"

FORMULATIONS = {
    "planner": "endonet.formulations.diversification.planner:PLANNER",
    "equilibrium": "endonet.formulations.diversification.equilibrium:EQUILIBRIUM",
    "firm": "endonet.formulations.diversification.firm:FIRM",
    "finite": "endonet.formulations.diversification.finite:FINITE",
    "minlp": "endonet.formulations.diversification.minlp:MINLP",
}
