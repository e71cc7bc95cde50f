"""Suppliers: reader and writer with exact numbers, generators, bundled problems."""

READ = "endonet.instances.suppliers.files:from_fields"
WRITE = "endonet.instances.suppliers.files:to_fields"

EXACT = True

GENERATORS = {
    "independent": "endonet.instances.suppliers.generators:independent",
    "scenarios": "endonet.instances.suppliers.generators:scenarios",
    "regions": "endonet.instances.suppliers.generators:regions",
}
