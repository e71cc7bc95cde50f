"""Ordering: the order of firms in which the fewest links, or the least value, run backward (paper 002, appendix B)."""

PROBLEM = "endonet.formulations.ordering.problem:OrderingProblem"

FORMULATIONS = {
    "dicycle": "endonet.formulations.ordering.dicycle:DICYCLE",
    "cover": "endonet.formulations.ordering.cover:COVER",
    "position": "endonet.formulations.ordering.position:POSITION",
}
