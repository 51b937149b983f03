"""GSLMs from nothing: recipes that make speech, an encoder, units and a unit LM."""
