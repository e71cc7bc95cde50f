"""WHAT COMES OUT: experiments that rebuild the papers' tables and figures, and the pages that show them."""
