"""What several commands need: the cluster, objects by name, printing, annotating."""
