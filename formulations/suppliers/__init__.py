"""Suppliers: which of several risky suppliers a firm keeps that sees how they fail together (paper 003, section 5)."""

PROBLEM = "endonet.formulations.suppliers.problem:SupplierProblem"

FORMULATIONS = {
    "sets": "endonet.formulations.suppliers.sets:SETS",
    "equilibrium": "endonet.formulations.suppliers.equilibrium:EQUILIBRIUM",
    "robust": "endonet.formulations.suppliers.robust:ROBUST",
}
