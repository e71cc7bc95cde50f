"""Chains of suppliers: reader and writer with exact numbers, generators, bundled chains."""

READ = "endonet.instances.diversification.files:from_fields"
WRITE = "endonet.instances.diversification.files:to_fields"

EXACT = True

GENERATORS = {
    "uniform": "endonet.instances.diversification.generators:uniform",
    "varied": "endonet.instances.diversification.generators:varied",
}
