"""Sourcing: who buys from whom, and every equilibrium of it (paper 002, *Endogenous Production Networks*)."""

PROBLEM = "endonet.formulations.sourcing.problem:SourcingProblem"

FORMULATIONS: dict[str, str] = {
    "firm": "endonet.formulations.sourcing.firm:FIRM",
    "equilibrium": "endonet.formulations.sourcing.equilibrium:EQUILIBRIUM",
    "supplier-equilibrium": "endonet.formulations.sourcing.supplier_equilibrium:SUPPLIER_EQUILIBRIUM",
    "planner": "endonet.formulations.sourcing.planner:PLANNER",
    "firm-complements": "endonet.formulations.sourcing.complements:FIRM_COMPLEMENTS",
    "firm-thresholds": "endonet.formulations.sourcing.thresholds:FIRM_THRESHOLDS",
}
