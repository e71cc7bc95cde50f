"""Sourcing instances: files, generators of small economies, bundled ones with all their equilibria."""

READ = "endonet.instances.sourcing.files:from_fields"
WRITE = "endonet.instances.sourcing.files:to_fields"

GENERATORS = {
    "small": "endonet.instances.sourcing.generators:small",
    "calibrated": "endonet.instances.sourcing.calibration:economy",
}
