"""Diversification: how many suppliers each layer of an opaque chain keeps (paper 003, *Endogenous Fragility*)."""

PROBLEM = "endonet.formulations.diversification.problem:ChainProblem"

FORMULATIONS = {
    "planner": "endonet.formulations.diversification.planner:PLANNER",
    "equilibrium": "endonet.formulations.diversification.equilibrium:EQUILIBRIUM",
    "firm": "endonet.formulations.diversification.firm:FIRM",
    "finite": "endonet.formulations.diversification.finite:FINITE",
    "minlp": "endonet.formulations.diversification.minlp:MINLP",
}

ELSEWHERE = {"supplier-sets": "suppliers/sets", "supplier-sets-robust": "suppliers/robust"}
"""Section 5 of the paper is about other data, and so a family of its own; these names lead there."""
