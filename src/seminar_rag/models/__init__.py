"""Language models, embedders and rerankers: local, from a hub, or on a server."""
