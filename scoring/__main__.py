"""`python -m scoring`: scores a file of customers with the releases in a home."""

from scoring.lean_imports import bar_training_libraries

if __name__ == "__main__":
    bar_training_libraries()  # before anything imports xgboost
    from scoring.cli.main import main

    raise SystemExit(main())
