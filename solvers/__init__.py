"""HOW: heuristics, enumeration, certified search and adapters to outside solvers, one subpackage per problem family."""
