"""Between what stands in the cluster and the values of plan/: objects read, statuses written. Pure."""
