"""Planner instances: generators, readers of graphs and input–output tables, bundled economies."""

READ = "endonet.instances.planner.files:from_fields"
WRITE = "endonet.instances.planner.files:to_fields"

GENERATORS = {
    "table1": "endonet.instances.planner.generators:table1",
    "calibrated": "endonet.instances.planner.generators:calibrated",
}
