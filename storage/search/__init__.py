"""The search layer: one Elasticsearch index a type and month, behind one alias a type."""
