"""The Telnyx face: JSON under `/telnyx/v2`, bearer keys. Paths, parameters and answers are those that Telnyx' own
Python library (4.189) sends and reads; codes are Telnyx' published ones, and where none is known, in `wire` a guess."""
