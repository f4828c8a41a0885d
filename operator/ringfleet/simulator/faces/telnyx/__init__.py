"""The Telnyx face: JSON under `/telnyx/v2`, bearer keys. Paths, parameters, answers and codes are those that Telnyx's
own Python library (4.189) sends and reads."""
