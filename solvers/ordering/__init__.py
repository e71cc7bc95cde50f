"""Solvers for ordering firms."""

SOLVERS = {
    "certified": "endonet.solvers.ordering.certified:Certified",
    "local-search": "endonet.solvers.ordering.local_search:LocalSearch",
    "eades": "endonet.solvers.ordering.eades:Eades",
    "subsets": "endonet.solvers.ordering.subsets:Subsets",
    "igraph": "endonet.solvers.ordering.igraph:Igraph",
}

DEFAULT = "certified"

CHECK = "endonet.solvers.ordering.certificate:check"
