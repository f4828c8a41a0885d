"""Where plans meet the world: observe, plan, refuse what is unsafe, apply, report; one reconcile module a kind."""
