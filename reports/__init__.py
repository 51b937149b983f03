"""Tables, figures and pages made from records; reads records and nothing else."""
