"""All the Kopf there is."""
