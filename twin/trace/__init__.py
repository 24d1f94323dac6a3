"""Who most likely released it: transport, evidence, ranking and where to sample next."""
