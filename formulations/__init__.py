"""WHAT is optimised: problem data, evaluation and declarative models, one subpackage per problem family."""
