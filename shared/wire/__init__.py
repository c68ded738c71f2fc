"""How a request of the İYS wire is met, in any service: who asks, at which brand, how often, how long."""
