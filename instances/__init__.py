"""ON WHAT: bundled instances with best-known bounds, generators and readers, one subpackage per problem family."""
