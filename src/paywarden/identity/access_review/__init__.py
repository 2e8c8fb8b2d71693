"""Reviews of access: who may still do what, judged item by item by somebody else."""
