"""Ordering instances: generators, readers of benchmark tables, edge lists and input–output tables, bundled digraphs."""

READ = "endonet.instances.ordering.files:from_fields"
WRITE = "endonet.instances.ordering.files:to_fields"

TEXTS = {
    "lolib": "endonet.instances.ordering.texts:LOLIB",
    "edges": "endonet.instances.ordering.texts:EDGES",
}

GENERATORS = {
    "sparse": "endonet.instances.ordering.generators:sparse",
    "tournament": "endonet.instances.ordering.generators:tournament",
    "firms": "endonet.instances.ordering.generators:firms",
}
