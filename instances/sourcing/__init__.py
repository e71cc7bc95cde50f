"""Sourcing instances: files, generators of small economies, bundled ones with all their equilibria; firms' choices."""

READ = "endonet.instances.sourcing.kinds:from_fields"
WRITE = "endonet.instances.sourcing.kinds:to_fields"

GENERATORS = {
    "small": "endonet.instances.sourcing.generators:small",
    "example": "endonet.instances.sourcing.examples:example",
    "choice": "endonet.instances.sourcing.choice_generators:choice",
    "calibrated": "endonet.instances.sourcing.calibration:economy",
}
