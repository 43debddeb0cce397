"""`python -m integrator`, the same as `integrator`."""

from integrator.cli import main

main()
