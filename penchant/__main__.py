"""`python -m penchant`: the command `penchant`."""

from penchant.cli.forward import main

if __name__ == "__main__":
    raise SystemExit(main())
