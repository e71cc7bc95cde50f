"""Planner instances: generators, readers of graphs and input–output tables, bundled economies."""

READ = "endonet.instances.planner.files:from_fields"
WRITE = "endonet.instances.planner.files:to_fields"

GENERATORS = {
    **{
        name: f"endonet.instances.planner.generators:{name}"
        for name in ("table1", "calibrated", "complete", "rank_one", "sparse_weighted", "hub_and_spoke")
    },
    **{
        name: f"endonet.instances.planner.families:{name}"
        for name in (
            "identical", "twins", "ring", "clustered", "hubs", "budgeted", "pigeonhole", "market_split", "variant",
            "formed",
        )
    },
}  # fmt: skip
