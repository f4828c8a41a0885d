"""Pure decisions: values in, actions and conditions out. No clock, no log, no await, no Kubernetes, no HTTP."""
