"""The query language of searches and of the list of groups: one grammar, compiled by each store."""
