"""The Twilio face: form-encoded calls under `/twilio/{product}/`, where a product is a host of Twilio's (`api`,
`pricing`, `trunking`, `messaging`). Paths, parameters and answers are those that Twilio's own Python library (9.13)
writes and reads; codes are Twilio's published ones, and where none is known, in `wire` a guess."""
