"""The Twilio face: form-encoded calls under `/twilio/{product}/`, where a product is a host of Twilio's (`api`,
`pricing`, `trunking`, `messaging`). Paths, parameters, answers and codes are those that Twilio's own Python library
(9.13) reads and writes."""
